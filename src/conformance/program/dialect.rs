//! How a program marks where a message ends: in what it reads, and in what it writes. Pure.
//!
//! The assignment names no delimiter. Most programs written for it mark the end by nothing at all,
//! and take each read for a message. Such a one fails W-LINE-1, and is judged in its own terms for
//! all else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// At an LF.
    Line,
    /// Nowhere: each write is a message, and each read is taken for one.
    Bare,
    /// After as many bytes as a decimal number in front of it says, padded with spaces to [`HEADER`] bytes.
    Length,
}

/// Bytes of the number in front of a message in [`Framing::Length`].
pub const HEADER: usize = 10;

impl Framing {
    /// A message, given without its end, as a program that reads so takes it.
    pub fn frame(self, message: &[u8]) -> Vec<u8> {
        match self {
            Framing::Line => [message, b"\n"].concat(),
            Framing::Bare => message.to_vec(),
            Framing::Length => {
                let header = format!("{:<HEADER$}", message.len());
                [header.as_bytes(), message].concat()
            }
        }
    }

    /// What bytes that came from a program show of how it writes; `None` for no bytes.
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

/// The number in a header that stands at the beginning of `bytes`.
pub fn length_in(bytes: &[u8]) -> Option<usize> {
    let header = std::str::from_utf8(bytes.get(..HEADER)?).ok()?;
    let digits = header.trim_matches(' ');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// How a program reads, and how it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// Where it takes a message that it reads to end.
    pub reads: Framing,
    /// How it marks the end of what it writes.
    pub writes: Framing,
}

impl Dialect {
    /// The one that W-LINE-1 asks for.
    pub const LINE: Dialect = Dialect {
        reads: Framing::Line,
        writes: Framing::Line,
    };
}

/// The message in the bytes of a step, where they are one whole line that is not empty.
pub fn single_message(bytes: &[u8]) -> Option<&[u8]> {
    let message = bytes.strip_suffix(b"\n")?;
    (!message.is_empty() && !message.contains(&b'\n')).then_some(message)
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Framing::Line => "line",
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
        let all = [Framing::Line, Framing::Bare, Framing::Length];
        let named = all.into_iter().find(|framing| framing.to_string() == word);
        named.ok_or_else(|| format!("`{word}` is none of line, bare and length"))
    }
}

impl FromStr for Dialect {
    type Err = String;

    /// `line`, `bare` or `length` for both ways, or two of them: how it reads, a slash, how it writes.
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
    fn a_dialect_is_written_and_read() {
        for text in ["line", "bare", "length", "line/bare", "bare/length"] {
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
