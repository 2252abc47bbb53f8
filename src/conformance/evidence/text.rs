//! Bytes as a person reads them, and excerpts of what a program sent or printed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a program sent or printed, cut where it is very long.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Excerpt {
    /// The bytes that are kept.
    #[serde(with = "escaped")]
    pub bytes: Vec<u8>,
    /// How many bytes after these are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Excerpt {
    /// The beginning of `bytes`, or all of them.
    pub fn of(bytes: &[u8]) -> Excerpt {
        let end = end_of_excerpt(bytes);
        Excerpt {
            bytes: bytes[..end].to_vec(),
            left_out: bytes.len() - end,
        }
    }

    /// Keeps at most `most` bytes, and counts the others.
    pub fn shorten(&mut self, most: usize) {
        if self.bytes.len() > most {
            self.left_out += self.bytes.len() - most;
            self.bytes.truncate(most);
        }
    }
}

/// As [`visible`] shows it, with a remark where bytes are left out.
impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.bytes))?;
        if self.left_out > 0 {
            f.write_str(&and_more(self.left_out))?;
        }
        Ok(())
    }
}

/// Maximum number of bytes of one line, or of one screen, that a phrase or a note repeats.
pub(super) const LONGEST_EXCERPT: usize = 4 * 1024;

/// The same as a text: an [`Excerpt`] as it is shown.
pub fn excerpt(bytes: &[u8]) -> String {
    Excerpt::of(bytes).to_string()
}

fn end_of_excerpt(bytes: &[u8]) -> usize {
    if bytes.len() <= LONGEST_EXCERPT {
        return bytes.len();
    }
    // A character of several bytes is not cut in two.
    let is_inside = |at: usize| bytes[at] & 0b1100_0000 == 0b1000_0000;
    let ends = LONGEST_EXCERPT - 3..=LONGEST_EXCERPT;
    let end = ends.rev().find(|end| !is_inside(*end));
    end.unwrap_or(LONGEST_EXCERPT)
}

fn and_more(bytes: usize) -> String {
    format!("... and {bytes} bytes more")
}

/// Bytes as a person reads them: printable UTF-8 as it is, the rest as escapes of the transcript language.
pub fn visible(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_visible(&mut shown, character);
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// A name, such as that of a submission, as a person reads it. Beyond [`visible`], spaces that are not plain, or
/// stand at an end, and variation selectors are escaped, so that two names that differ never look alike by them.
pub fn visible_name(name: &str) -> String {
    let last = name.chars().count().saturating_sub(1);
    let mut shown = String::new();
    for (at, character) in name.chars().enumerate() {
        let is_at_an_end = at == 0 || at == last;
        match character {
            ' ' if is_at_an_end => shown.push_str("\\x20"),
            '\u{fe00}'..='\u{fe0f}' | '\u{fffe}' | '\u{ffff}' => push_escape(&mut shown, character),
            ' ' => shown.push(' '),
            character if character.is_whitespace() && !character.is_ascii() => {
                push_escape(&mut shown, character);
            }
            character => push_visible(&mut shown, character),
        }
    }
    shown
}

fn push_escape(shown: &mut String, character: char) {
    shown.push_str(&format!("\\u{{{:x}}}", character as u32));
}

/// A name or a path in a message: [`visible`], and cut where it is long.
pub fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    let shown = visible(bytes);
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
    }
}

fn push_visible(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\\' => shown.push_str("\\\\"),
        '\0' => shown.push_str("\\0"),
        character if character.is_ascii_control() => {
            shown.push_str(&format!("\\x{:02x}", character as u32));
        }
        character if character.is_control() || is_invisible(character) => {
            push_escape(shown, character);
        }
        character => shown.push(character),
    }
}

/// Characters that would change how the text around them is laid out, or not be seen at all.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Bytes in JSON: one string, reversible, readable where the bytes are.
pub(super) mod escaped {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(&chunk.valid().replace('\\', "\\\\"));
            for byte in chunk.invalid() {
                text.push_str(&format!("\\x{byte:02x}"));
            }
        }
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find('\\') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('\\') {
                bytes.push(b'\\');
                rest = after;
            } else {
                let digits = rest.strip_prefix('x').and_then(|hex| hex.get(..2));
                let byte = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                bytes.push(byte.ok_or_else(|| D::Error::custom("a broken escape"))?);
                rest = &rest[3..];
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_never_look_alike_by_what_is_not_seen() {
        let names = [
            "ann",
            "ann ",
            " ann",
            "ann\u{a0}",
            "ann\u{200b}",
            "an\u{202e}n",
            "ann\u{fe0f}",
            "ann\u{e0101}",
            "ann\u{3164}",
            "ann\\u{200b}",
            "ann\\",
            "ann\\\\",
            "a nn",
            "a\u{2003}nn",
        ];
        let shown: Vec<String> = names.iter().map(|name| visible_name(name)).collect();
        let distinct: std::collections::BTreeSet<String> = shown
            .iter()
            .map(|name| name.replace(char::is_whitespace, " ").trim().to_owned())
            .collect();
        assert_eq!(distinct.len(), names.len(), "{shown:?}");
        assert!(shown.iter().all(|name| name.is_ascii()), "{shown:?}");
        assert_eq!(visible_name("Zoë O'Neil 木村"), "Zoë O'Neil 木村");
        assert_eq!(visible_name(" "), "\\x20");
    }

    #[test]
    fn an_excerpt_is_bounded_and_says_what_it_leaves_out() {
        assert_eq!(excerpt(b"a\xffb"), "a\\xffb");
        let longest = vec![b'a'; LONGEST_EXCERPT];
        assert_eq!(excerpt(&longest).len(), LONGEST_EXCERPT);
        let long = excerpt(&vec![b'a'; 1 << 20]);
        let more = (1 << 20) - LONGEST_EXCERPT;
        assert!(long.ends_with(&format!("aaa... and {more} bytes more")));
        assert!(long.len() < LONGEST_EXCERPT + 40);
        let inside = format!("a{}", "\u{e9}".repeat(LONGEST_EXCERPT));
        assert!(!excerpt(inside.as_bytes()).contains("\\x"));
        let invalid = excerpt(&vec![0x80; 1 << 20]);
        assert!(invalid.len() < 5 * LONGEST_EXCERPT, "{}", invalid.len());
    }

    #[test]
    fn what_is_visible_has_no_control_characters() {
        let shown = visible(b"a\x1b[2J\xff\n\xc2\x85\xe2\x80\xae");
        assert_eq!(shown, "a\\x1b[2J\\xff\\n\\u{85}\\u{202e}");
    }
}
