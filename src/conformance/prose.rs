//! Whether a program told its user something, or merely fell over.

/// What is left of `text` when the traces of a crash are taken out, if that has a word in it.
pub fn own_words(text: &str) -> Option<String> {
    let mut kept = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !begins_trace(line) {
            kept.push(line.trim_end());
            continue;
        }
        while lines
            .next_if(|line| line.starts_with(char::is_whitespace))
            .is_some()
        {}
        // In Python the error itself stands after its indented trace; in the others before.
        if line.starts_with("Traceback") {
            lines.next();
        }
    }
    let kept = kept.join("\n").trim().to_owned();
    has_word(&kept).then_some(kept)
}

fn begins_trace(line: &str) -> bool {
    const BEGINNINGS: [&str; 7] = [
        "Traceback (most recent call last)",
        "Exception in thread",
        "Exception ignored in",
        "During handling of the above exception",
        "The above exception was the direct cause",
        "Caused by: ",
        "thread '",
    ];
    BEGINNINGS
        .iter()
        .any(|beginning| line.starts_with(beginning))
}

/// Two letters in a row: `^C` and a bare prompt are no words.
fn has_word(text: &str) -> bool {
    let letters: Vec<bool> = text.chars().map(char::is_alphabetic).collect();
    letters.windows(2).any(|pair| pair == [true, true])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_traceback_is_no_word() {
        let traceback = "Traceback (most recent call last):\n  File \"client.py\", line 3, in <module>\n    main()\nConnectionRefusedError: [Errno 111] Connection refused\n";
        assert_eq!(own_words(traceback), None);
        let two = format!(
            "{traceback}\nDuring handling of the above exception, another exception occurred:\n\n{traceback}"
        );
        assert_eq!(own_words(&two), None);
        let told = format!("Cannot connect to the server.\n{traceback}");
        assert_eq!(
            own_words(&told).as_deref(),
            Some("Cannot connect to the server.")
        );
    }

    #[test]
    fn keys_echoed_and_prompts_are_no_words() {
        assert_eq!(own_words("^C\n> "), None);
        assert_eq!(own_words("Bye\n").as_deref(), Some("Bye"));
        assert_eq!(own_words(""), None);
    }
}
