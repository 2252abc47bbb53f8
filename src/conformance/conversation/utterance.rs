//! What a line says, in the words of the protocol as this harness understands them.
//!
//! Independent of any implementation: the suite judges the reference as it judges anybody.

/// A line of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utterance<'a> {
    /// `REGISTER name CHAT/1.0`.
    Register {
        /// The name.
        name: &'a str,
    },
    /// `DISCONNECT name CHAT/1.0`.
    Disconnect {
        /// The name.
        name: &'a str,
    },
    /// `DISCONNECT CHAT/1.0`.
    Goodbye,
    /// `@name: text`.
    Message {
        /// The name.
        name: &'a str,
        /// The text after the colon and one space.
        text: &'a str,
    },
    /// `200 Registration successful`: three digits, alone or before a space.
    Status {
        /// The digits.
        code: &'a str,
        /// The words after the code, without the space.
        phrase: &'a str,
    },
    /// Anything else.
    Other,
}

impl<'a> Utterance<'a> {
    /// Recognises one line, without its end.
    pub fn of(line: &'a str) -> Utterance<'a> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["REGISTER", name, "CHAT/1.0"] if !name.is_empty() => Utterance::Register { name },
            ["DISCONNECT", name, "CHAT/1.0"] if !name.is_empty() => Utterance::Disconnect { name },
            ["DISCONNECT", "CHAT/1.0"] => Utterance::Goodbye,
            _ => message(line)
                .or_else(|| status(line))
                .unwrap_or(Utterance::Other),
        }
    }

    /// The three digits of an answer.
    pub fn code(self) -> Option<&'a str> {
        match self {
            Utterance::Status { code, .. } => Some(code),
            _ => None,
        }
    }
}

fn message(line: &str) -> Option<Utterance<'_>> {
    let (name, text) = line.strip_prefix('@')?.split_once(": ")?;
    (!name.is_empty() && !name.contains(' ')).then_some(Utterance::Message { name, text })
}

fn status(line: &str) -> Option<Utterance<'_>> {
    let (code, phrase) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then_some(Utterance::Status { code, phrase })
}

/// Whether `text` contains `words` when white space is ignored; never for empty words.
pub fn contains_words(text: &str, words: &str) -> bool {
    let words = squeezed(words);
    !words.is_empty() && squeezed(text).contains(&words)
}

pub(super) fn same_words(text: &str, words: &str) -> bool {
    squeezed(text) == squeezed(words)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Whether `text` is `words`, or continues after them with white space.
pub(super) fn begins_with_words(text: &str, words: &str) -> bool {
    let words = words.trim_end();
    text.strip_prefix(words).is_some_and(|rest| {
        words.is_empty() || rest.is_empty() || rest.starts_with(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_protocol_are_distinguished() {
        let is = |line, utterance| assert_eq!(Utterance::of(line), utterance, "{line}");
        is("REGISTER al CHAT/1.0", Utterance::Register { name: "al" });
        is(
            "DISCONNECT al CHAT/1.0",
            Utterance::Disconnect { name: "al" },
        );
        is("DISCONNECT CHAT/1.0", Utterance::Goodbye);
        is(
            "@al: a: b",
            Utterance::Message {
                name: "al",
                text: "a: b",
            },
        );
        is(
            "@al: ",
            Utterance::Message {
                name: "al",
                text: "",
            },
        );
        is(
            "200 Fine",
            Utterance::Status {
                code: "200",
                phrase: "Fine",
            },
        );
        is(
            "200",
            Utterance::Status {
                code: "200",
                phrase: "",
            },
        );
        for other in [
            "",
            "register al CHAT/1.0",
            "REGISTER  CHAT/1.0",
            "REGISTER al CHAT/1.1",
            "REGISTER al bob CHAT/1.0",
            "@al b: c",
            "@: a",
            "al: b",
            "@al:b",
            "2000 Fine",
            "20 Fine",
            "200Fine",
        ] {
            is(other, Utterance::Other);
        }
    }
}
