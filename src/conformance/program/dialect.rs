//! How a program marks the end of a message when it reads and when it writes. Pure.
//!
//! The assignment names no delimiter. Most programs written for it mark no end, and take each read for a message.
//! Such a program fails W-LINE-1; everything else is judged in its own dialect.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// At LF.
    Line,
    /// At CR LF only: an LF alone ends nothing. A program that writes so writes lines.
    Crlf,
    /// Unmarked: each write is a message, and each read is taken for one.
    Bare,
    /// After a number of bytes that stands in front of the message as a decimal number, padded with spaces to
    /// [`HEADER`] bytes.
    Length,
}

/// Length of the number in front of a message in [`Framing::Length`], in bytes.
pub const HEADER: usize = 10;

impl Framing {
    /// Adds the framing to a message.
    pub fn frame(self, message: &[u8]) -> Vec<u8> {
        match self {
            Framing::Line => [message, b"\n"].concat(),
            Framing::Crlf => [message, b"\r\n"].concat(),
            Framing::Bare => message.to_vec(),
            Framing::Length => {
                let header = format!("{:<HEADER$}", message.len());
                [header.as_bytes(), message].concat()
            }
        }
    }

    /// What a program reads or writes, in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Framing::Line => "lines",
            Framing::Crlf => "lines that end with CR LF and nothing less",
            Framing::Bare => "bare messages (one for each write, without an end)",
            Framing::Length => "messages with their length in front",
        }
    }

    /// Whether messages are lines, which may come in any segments.
    pub fn is_lines(self) -> bool {
        matches!(self, Framing::Line | Framing::Crlf)
    }

    /// The bytes of a step, which are written with LF, with the line ends of this framing.
    pub fn end_lines(self, bytes: &[u8]) -> Vec<u8> {
        if self != Framing::Crlf {
            return bytes.to_vec();
        }
        let mut ended = Vec::with_capacity(bytes.len());
        for byte in bytes {
            if *byte == b'\n' && ended.last() != Some(&b'\r') {
                ended.push(b'\r');
            }
            ended.push(*byte);
        }
        ended
    }

    /// The framing that the bytes of a program show; `None` for no bytes.
    pub fn shown_by(bytes: &[u8]) -> Option<Framing> {
        if bytes.is_empty() {
            return None;
        }
        Some(match bytes {
            [.., b'\n'] => Framing::Line,
            _ if length_in(bytes).is_some() => Framing::Length,
            _ => Framing::Bare,
        })
    }
}

/// The number in a header at the beginning of `bytes`.
pub fn length_in(bytes: &[u8]) -> Option<usize> {
    let header = std::str::from_utf8(bytes.get(..HEADER)?).ok()?;
    let digits = header.trim_matches(' ');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// How a program reads and how it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// Where a message ends when the program reads.
    pub reads: Framing,
    /// How the program marks the end of a message that it writes.
    pub writes: Framing,
}

impl Dialect {
    /// The dialect that W-LINE-1 demands.
    pub const LINE: Dialect = Dialect {
        reads: Framing::Line,
        writes: Framing::Line,
    };

    /// To follow the name of a program: `reads and writes lines`.
    pub fn in_words(self) -> String {
        let (reads, writes) = (self.reads.in_words(), self.writes.in_words());
        if reads == writes {
            format!("reads and writes {reads}")
        } else {
            format!("reads {reads} and writes {writes}")
        }
    }
}

/// The message in the bytes of a step, if they are one whole line that is not empty.
pub fn single_message(bytes: &[u8]) -> Option<&[u8]> {
    let message = bytes.strip_suffix(b"\n")?;
    (!message.is_empty() && !message.contains(&b'\n')).then_some(message)
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Framing::Line => "line",
            Framing::Crlf => "crlf",
            Framing::Bare => "bare",
            Framing::Length => "length",
        })
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reads == self.writes {
            write!(f, "{}", self.reads)
        } else {
            write!(f, "{}/{}", self.reads, self.writes)
        }
    }
}

impl FromStr for Framing {
    type Err = String;

    fn from_str(word: &str) -> Result<Framing, String> {
        let all = [Framing::Line, Framing::Crlf, Framing::Bare, Framing::Length];
        let named = all.into_iter().find(|framing| framing.to_string() == word);
        named.ok_or_else(|| format!("`{word}` is none of line, crlf, bare and length"))
    }
}

impl FromStr for Dialect {
    type Err = String;

    /// `line`, `crlf`, `bare` or `length` for both directions, or two of them: reading, a slash, writing.
    fn from_str(text: &str) -> Result<Dialect, String> {
        let (reads, writes) = text.split_once('/').unwrap_or((text, text));
        Ok(Dialect {
            reads: reads.parse()?,
            writes: writes.parse()?,
        })
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Dialect, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_shows_its_framing() {
        for framing in [Framing::Line, Framing::Bare, Framing::Length] {
            let framed = framing.frame(b"200 Registration successful");
            assert_eq!(Framing::shown_by(&framed), Some(framing));
        }
        assert_eq!(Framing::Length.frame(b"hello"), b"5         hello");
        assert_eq!(Framing::shown_by(b""), None);
        assert_eq!(Framing::shown_by(b"200       "), Some(Framing::Length));
        assert_eq!(Framing::shown_by(b"200 Regist"), Some(Framing::Bare));
    }

    #[test]
    fn a_line_that_ends_with_cr_lf_keeps_its_end() {
        assert_eq!(Framing::Crlf.frame(b"hello"), b"hello\r\n");
        assert_eq!(Framing::Crlf.end_lines(b"a\nb\r\nc"), b"a\r\nb\r\nc");
        assert_eq!(Framing::Line.end_lines(b"a\nb"), b"a\nb");
    }

    #[test]
    fn a_dialect_is_written_and_read() {
        for text in [
            "line",
            "bare",
            "length",
            "crlf",
            "crlf/line",
            "line/bare",
            "bare/length",
        ] {
            let dialect: Dialect = text.parse().expect(text);
            assert_eq!(dialect.to_string(), text);
        }
        assert_eq!(
            "bare/bare".parse::<Dialect>().expect("is one").to_string(),
            "bare"
        );
        for text in ["", "lines", "line/", "/bare", "line/bare/line"] {
            assert!(text.parse::<Dialect>().is_err(), "{text}");
        }
    }
}
