//! Whether a line is what a transcript expects, as exactly as its requirements ask.

use super::utterance::{Utterance, begins_with_words, contains_words, same_words};

/// How exactly a line is compared with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// Every character counts.
    Line,
    /// The text of a message counts, whatever stands around it.
    Text,
    /// The words count, and white space does not.
    Words,
    /// Anything is accepted.
    Anything,
}

/// How exactly each kind of line is compared. Each is exact in the transcripts that are about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// A message.
    pub message: Exactness,
    /// `DISCONNECT CHAT/1.0`.
    pub goodbye: Exactness,
    /// `REGISTER name CHAT/1.0`.
    pub register: Exactness,
    /// `DISCONNECT name CHAT/1.0`.
    pub disconnect: Exactness,
}

impl Comparison {
    /// Where no transcript of the suite is about any of these, every character counts.
    pub const EXACT: Comparison = Comparison {
        message: Exactness::Line,
        goodbye: Exactness::Line,
        register: Exactness::Line,
        disconnect: Exactness::Line,
    };

    /// Whether `line` is what `expected` asks for; with an open end, it may go on after these words.
    pub fn accepts(&self, expected: &str, open_ended: bool, line: &[u8]) -> bool {
        if line == expected.as_bytes() {
            return true;
        }
        let text = String::from_utf8_lossy(line);
        if open_ended {
            return begins_with_words(&text, expected);
        }
        let (exactness, substance) = match Utterance::of(expected) {
            Utterance::Message { text, .. } => (self.message, text),
            Utterance::Goodbye => (self.goodbye, expected),
            Utterance::Register { .. } => (self.register, expected),
            Utterance::Disconnect { .. } => (self.disconnect, expected),
            Utterance::Status { .. } | Utterance::Other => return false,
        };
        let is_message = matches!(Utterance::of(expected), Utterance::Message { .. });
        match exactness {
            Exactness::Line => false,
            Exactness::Text => text.contains(substance),
            Exactness::Words if is_message => contains_words(&text, substance),
            Exactness::Words => same_words(&text, substance),
            Exactness::Anything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENIENT: Comparison = Comparison {
        message: Exactness::Words,
        goodbye: Exactness::Words,
        register: Exactness::Words,
        disconnect: Exactness::Words,
    };

    #[track_caller]
    fn accepts(comparison: Comparison, expected: &str, lines: &[(&str, bool)]) {
        for (line, is_accepted) in lines {
            let accepted = comparison.accepts(expected, false, line.as_bytes());
            assert_eq!(accepted, *is_accepted, "`{line}` for `{expected}`");
        }
    }

    #[test]
    fn a_message_is_compared_as_exactly_as_is_asked() {
        let hello = "@al: hi you";
        let lines = [
            (hello, true),
            ("@al:  hi you", false),
            ("@al: hi you ", false),
            ("hi you", false),
        ];
        accepts(Comparison::EXACT, hello, &lines);
        let text = Comparison {
            message: Exactness::Text,
            ..LENIENT
        };
        let lines = [
            (hello, true),
            ("<al> hi you!", true),
            ("@al: hi  you", false),
            ("@al: hi", false),
        ];
        accepts(text, hello, &lines);
        let lines = [
            (hello, true),
            ("al> hi  you", true),
            ("@al:hiyou", true),
            ("@al: hi", false),
        ];
        accepts(LENIENT, hello, &lines);
        // An empty text cannot be recognised in another line.
        let lines = [("@al: ", true), ("@al:", false), ("anything", false)];
        accepts(LENIENT, "@al: ", &lines);
    }

    #[test]
    fn commands_are_compared_by_their_words_unless_they_are_the_subject() {
        for command in [
            "DISCONNECT CHAT/1.0",
            "REGISTER al CHAT/1.0",
            "DISCONNECT al CHAT/1.0",
        ] {
            let spaced = command.replace(' ', "  ");
            let longer = format!("{command} now");
            let exact = [(command, true), (&*spaced, false), (&*longer, false)];
            accepts(Comparison::EXACT, command, &exact);
            let lenient = [(command, true), (&*spaced, true), (&*longer, false)];
            accepts(LENIENT, command, &lenient);
        }
        let anything = Comparison {
            register: Exactness::Anything,
            ..LENIENT
        };
        let other = [("REGISTER AL CHAT 1.0", true)];
        accepts(anything, "REGISTER al CHAT/1.0", &other);
    }

    #[test]
    fn a_status_and_other_text_are_exact() {
        let lines = [("200 Fine", true), ("200  Fine", false), ("200", false)];
        accepts(LENIENT, "200 Fine", &lines);
        accepts(
            LENIENT,
            "whatever",
            &[("whatever", true), ("what ever", false)],
        );
    }

    #[test]
    fn an_open_end_is_at_the_end_of_a_word() {
        let accepts = |expected, line: &[u8]| Comparison::EXACT.accepts(expected, true, line);
        for line in ["200", "200 OK", "200\tOK", "200 "] {
            assert!(accepts("200", line.as_bytes()), "{line:?}");
        }
        for line in ["2000", "200-OK", "20", " 200", ""] {
            assert!(!accepts("200", line.as_bytes()), "{line:?}");
        }
        assert!(accepts("200", b"200 \xff"));
        assert!(!Comparison::EXACT.accepts("@al: \u{fffd}", false, b"@al: \xff"));
    }
}
