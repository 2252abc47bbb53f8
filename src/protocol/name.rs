//! The name that a client registers under.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// A user's name: one word of 1 to 64 bytes of UTF-8, without white space or control characters.
///
/// Cloning does not copy the bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// A borrowed [`Name`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameRef<'l>(&'l str);

/// Why a word is not a valid [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidName {
    /// It is empty.
    #[error("a name needs at least one character")]
    Empty,
    /// It has this many bytes, more than [`Name::MAX_BYTES`].
    #[error("a name has at most {} bytes, this one has {}", Name::MAX_BYTES, .0)]
    TooLong(usize),
    /// It contains this white space or control character.
    #[error("{}", explain_forbidden(*.0))]
    Forbidden(char),
}

impl Name {
    /// Maximum length of a name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Borrows the name.
    pub fn borrowed(&self) -> NameRef<'_> {
        NameRef(self.as_str())
    }

    /// If `line` is a chat message under this name, `@name: text`, returns its text.
    ///
    /// Equivalent to [`Message::parse`](super::Message::parse), but a single comparison.
    pub fn text_in<'l>(&self, line: &'l str) -> Option<&'l str> {
        line.strip_prefix('@')?
            .strip_prefix(self.as_str())?
            .strip_prefix(": ")
    }
}

impl<'l> NameRef<'l> {
    /// Checks that a word is a valid name.
    pub fn new(word: &'l str) -> Result<NameRef<'l>, InvalidName> {
        NameRef::check(word, graphic_bytes(word))
    }

    /// The name at the start of `rest`, if `": "` follows it.
    #[inline(always)]
    pub(super) fn before_colon(rest: &'l str) -> Option<NameRef<'l>> {
        let graphic = graphic_bytes(rest);
        let space = match rest.as_bytes().get(graphic)? {
            // The common case: one pass over the bytes has found the end of the name and checked
            // it.
            b' ' => graphic,
            _ => rest.find(' ')?,
        };
        NameRef::check(rest[..space].strip_suffix(':')?, graphic).ok()
    }

    /// Checks that a word is a valid name. Its first `graphic` bytes are known to be printable
    /// ASCII.
    #[inline]
    fn check(word: &'l str, graphic: usize) -> Result<NameRef<'l>, InvalidName> {
        if word.is_empty() {
            return Err(InvalidName::Empty);
        }
        if word.len() > Name::MAX_BYTES {
            return Err(InvalidName::TooLong(word.len()));
        }
        if graphic < word.len() {
            if let Some(character) = forbidden_character(word) {
                return Err(InvalidName::Forbidden(character));
            }
        }
        Ok(NameRef(word))
    }

    /// The name as a string.
    pub fn as_str(self) -> &'l str {
        self.0
    }

    /// Copies the name.
    pub fn to_name(self) -> Name {
        Name(self.0.into())
    }
}

/// Number of leading bytes that are printable ASCII. A name may contain all of these.
#[inline]
fn graphic_bytes(text: &str) -> usize {
    let end = text.bytes().position(|byte| !byte.is_ascii_graphic());
    end.unwrap_or(text.len())
}

/// The first character that a name must not contain.
fn forbidden_character(word: &str) -> Option<char> {
    word.chars().find(|c| c.is_whitespace() || c.is_control())
}

fn explain_forbidden(character: char) -> String {
    if character.is_control() {
        let escaped = character.escape_default();
        format!("a name has no control characters, this one has {escaped}")
    } else {
        "a name is one word, this one contains white space".to_owned()
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(word: &str) -> Result<Name, InvalidName> {
        NameRef::new(word).map(NameRef::to_name)
    }
}

impl PartialEq<Name> for NameRef<'_> {
    fn eq(&self, name: &Name) -> bool {
        self.as_str() == name.as_str()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for NameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_bounded_length() {
        for right in ["a", "O'Brien", "søren", "@:", &"n".repeat(64)] {
            assert_eq!(right.parse::<Name>().unwrap().as_str(), right);
        }
        assert_eq!("".parse::<Name>(), Err(InvalidName::Empty));
        assert_eq!(
            "ü".repeat(33).parse::<Name>(),
            Err(InvalidName::TooLong(66))
        );
        for (word, character) in [
            ("a b", ' '),
            ("a\u{a0}b", '\u{a0}'),
            ("\u{1b}[2J", '\u{1b}'),
        ] {
            assert_eq!(word.parse::<Name>(), Err(InvalidName::Forbidden(character)));
        }
    }
}
