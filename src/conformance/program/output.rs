//! Recognises whether a program told its user something, or just crashed.

use super::crash::without_crashes;

/// Prefix of the harness's own messages on a program's terminal, when the program cannot be started.
const OF_THE_HARNESS: &str = "conform: ";

/// The rest of `text` without traces of crashes and the harness's own messages, if it contains a word.
pub fn own_words(text: &str) -> Option<String> {
    let is_of_program = |line: &&str| !line.starts_with(OF_THE_HARNESS);
    let kept = without_crashes(text.lines().filter(is_of_program));
    let kept = kept.join("\n").trim().to_owned();
    has_word(&kept).then_some(kept)
}

/// The lines of `text` that the program does not also print when all goes well, or before: neither a banner nor what
/// a program prints all the time says anything about the error. `given` are the program's arguments, which it may
/// repeat.
pub fn beyond_banner(text: &str, banner: &[String], given: &[String]) -> String {
    let is_news = |line: &&str| !banner.contains(&without_given(line, given));
    let news: Vec<&str> = text.lines().filter(is_news).collect();
    news.join("\n")
}

/// The lines of a banner, normalised for [`beyond_banner`]: times and counters do not matter.
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
    let is_word = |word: &&str| word.chars().any(char::is_alphabetic);
    let words: Vec<&str> = left.split_whitespace().filter(is_word).collect();
    words.join(" ")
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
    fn what_a_program_prints_all_the_time_is_no_word_about_an_event() {
        let before = banner_in("waiting for the server (1)\nalice> \n", &[]);
        let since = |text: &str| own_words(&beyond_banner(text, &before, &[]));
        assert_eq!(since("waiting for the server (2)\nalice> "), None);
        let text = "waiting for the server (2)\nThe server has left.\nalice> ";
        assert_eq!(since(text).as_deref(), Some("The server has left."));
    }

    #[test]
    fn keys_echoed_and_prompts_are_no_words() {
        assert_eq!(own_words("^C\n> "), None);
        assert_eq!(own_words("Bye\n").as_deref(), Some("Bye"));
        assert_eq!(own_words(""), None);
    }
}
