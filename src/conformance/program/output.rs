//! Recognises whether a program told its user something, or just crashed.

/// Prefix of the harness's own messages on a program's terminal, when the program cannot be started.
const OF_THE_HARNESS: &str = "conform: ";

/// The rest of `text` without traces of crashes and the harness's own messages, if it contains a word.
pub fn own_words(text: &str) -> Option<String> {
    let mut kept = Vec::new();
    let is_of_program = |line: &&str| !line.starts_with(OF_THE_HARNESS);
    let mut lines = text.lines().filter(is_of_program).peekable();
    while let Some(line) = lines.next() {
        if let Some(last) = last_of_crash(line) {
            // Skip the trace; if its last line is missing, skip everything.
            let _ = lines.by_ref().find(|line| line.starts_with(last));
            continue;
        }
        if !begins_trace(line) {
            kept.push(line.trim_end());
            continue;
        }
        while lines
            .next_if(|line| line.starts_with(char::is_whitespace))
            .is_some()
        {}
        // In Python the error comes after the indented trace; in the other languages before it.
        if line.starts_with("Traceback") {
            lines.next();
        }
    }
    let kept = kept.join("\n").trim().to_owned();
    has_word(&kept).then_some(kept)
}

/// The lines of `text` that the program does not also print when all goes well: a banner says nothing about the
/// error. `given` are the program's arguments, which it may repeat.
pub fn beyond_banner(text: &str, banner: &[String], given: &[String]) -> String {
    let is_news = |line: &&str| !banner.contains(&without_given(line, given));
    let news: Vec<&str> = text.lines().filter(is_news).collect();
    news.join("\n")
}

/// The lines of a banner, normalised for [`beyond_banner`].
pub fn banner_in(text: &str, given: &[String]) -> Vec<String> {
    let lines = text.lines().map(|line| without_given(line, given));
    lines.filter(|line| has_word(line)).collect()
}

/// The parts of the user name and the address that a program was given, the longest first.
pub fn parts_given(name: &str, address: &str) -> Vec<String> {
    let is_between = |character| matches!(character, ':' | '/');
    let parts = address.split(is_between).chain([address, name]);
    let mut parts: Vec<String> = parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

fn without_given(line: &str, given: &[String]) -> String {
    let cut = |line: String, part: &String| line.replace(part.as_str(), " ");
    let left = given.iter().fold(line.to_owned(), cut);
    let is_word = |word: &&str| word.chars().any(char::is_alphanumeric);
    let words: Vec<&str> = left.split_whitespace().filter(is_word).collect();
    words.join(" ")
}

/// Prefix of the last line of a crash that begins with `line`, if the error is inside the trace.
fn last_of_crash(line: &str) -> Option<&'static str> {
    let is_script_position = || {
        let (path, number) = line.rsplit_once(':')?;
        let is_script = [".js", ".mjs", ".cjs"]
            .iter()
            .any(|end| path.ends_with(end));
        (is_script && number.parse::<u32>().is_ok()).then_some(())
    };
    if line.starts_with("thread '") && line.contains("panicked at") {
        Some("note: run with `RUST_BACKTRACE=")
    } else if line.starts_with("panic: ") {
        Some("exit status ")
    } else if line.starts_with("node:") || is_script_position().is_some() {
        Some("Node.js v")
    } else {
        None
    }
}

fn begins_trace(line: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "Traceback (most recent call last)",
        "Exception in thread",
        "Exception ignored in",
        "During handling of the above exception",
        "The above exception was the direct cause",
        "Caused by: ",
    ];
    BEGINNINGS
        .iter()
        .any(|beginning| line.starts_with(beginning))
}

/// Whether it contains two letters in a row: `^C` and a bare prompt are not words.
fn has_word(text: &str) -> bool {
    let letters: Vec<bool> = text.chars().map(char::is_alphabetic).collect();
    letters.windows(2).any(|pair| pair == [true, true])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_harness_prints_is_no_report_of_the_program() {
        let not_started = "conform: cannot start ./client: Permission denied\n";
        assert_eq!(own_words(not_started), None);
        let both = format!("{not_started}no server there\n");
        assert_eq!(own_words(&both).as_deref(), Some("no server there"));
    }

    #[test]
    fn a_bare_traceback_is_no_word() {
        let traceback = "Traceback (most recent call last):\n  File \"client.py\", line 3, in <module>\n    main()\nConnectionRefusedError: [Errno 111] Connection refused\n";
        assert_eq!(own_words(traceback), None);
        let two = format!(
            "{traceback}\nDuring handling of the above exception, another exception occurred:\n\n{traceback}"
        );
        assert_eq!(own_words(&two), None);
        let text = format!("Cannot connect to the server.\n{traceback}");
        assert_eq!(
            own_words(&text).as_deref(),
            Some("Cannot connect to the server.")
        );
    }

    #[test]
    fn crashes_of_other_languages_are_no_words() {
        let crashes = [
            "\nthread 'main' (71) panicked at src/main.rs:4:42:\ncalled `Result::unwrap()` on an `Err` value: ConnectionRefused\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
            "panic: dial tcp 127.0.0.1:1: connect: connection refused\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/client.go:12 +0x18\nexit status 2\n",
            "node:events:495\n      throw er; // Unhandled 'error' event\n      ^\n\nError: connect ECONNREFUSED 127.0.0.1:1\n    at afterConnect (node:net:1)\n  code: 'ECONNREFUSED'\n}\n\nNode.js v18.19.1\n",
            "/src/client.js:3\n  throw new Error(code);\n  ^\n\nError: 400\n    at main (/src/client.js:3:9)\n\nNode.js v18.19.1\n",
        ];
        for crash in crashes {
            assert_eq!(own_words(crash), None);
            let text = format!("Cannot connect.\n{crash}Bye\n");
            let kept = own_words(&text).expect("has words");
            assert_eq!(kept.split_whitespace().last(), Some("Bye"), "{kept}");
            assert!(
                kept.starts_with("Cannot connect.") && kept.lines().count() <= 3,
                "{kept}"
            );
        }
    }

    #[test]
    fn a_banner_is_no_word_about_what_went_wrong() {
        let given = parts_given("alice", "chat://127.0.0.1:4000");
        let banner = banner_in(
            "=== Simple Chat ===\nConnecting to chat://127.0.0.1:4000 as alice\n> ",
            &given,
        );
        let beyond = |text: &str, address: &str| {
            let news = beyond_banner(text, &banner, &parts_given("alice", address));
            own_words(&news)
        };
        let banner = "=== Simple Chat ===\nConnecting to http://127.0.0.1:5 as alice\n";
        assert_eq!(beyond(banner, "http://127.0.0.1:5"), None);
        let text = format!("{banner}Not a chat address.\n");
        assert_eq!(
            beyond(&text, "http://127.0.0.1:5").as_deref(),
            Some("Not a chat address.")
        );
        let crashed =
            format!("{banner}Traceback (most recent call last):\n  File\nValueError: port\n");
        assert_eq!(beyond(&crashed, "http://127.0.0.1:5"), None);
    }

    #[test]
    fn keys_echoed_and_prompts_are_no_words() {
        assert_eq!(own_words("^C\n> "), None);
        assert_eq!(own_words("Bye\n").as_deref(), Some("Bye"));
        assert_eq!(own_words(""), None);
    }
}
