use super::error::{Error, ErrorKind};
use super::place::Place;
use super::token::Token;

/// The bytes that a quoted string represents.
pub(super) fn bytes(token: Token<'_>) -> Result<Vec<u8>, Error> {
    let inner = &token.text[1..token.text.len() - 1];
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    let mut column = token.place.column + 1;
    while let Some(character) = rest.chars().next() {
        let taken = if character == '\\' {
            escape(rest, &mut bytes).map_err(|fault| {
                let place = Place::new(token.place.line, column, fault.width);
                ErrorKind::BadEscape(fault.wanted).at(place)
            })?
        } else {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            character.len_utf8()
        };
        column += rest[..taken].chars().count();
        rest = &rest[taken..];
    }
    Ok(bytes)
}

/// A quoted string that represents these bytes, with escapes for what cannot be seen.
pub fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\0' => text.push_str("\\0"),
                '\\' | '"' => text.extend(['\\', character]),
                character if is_plain(character) => text.push(character),
                character if character.is_ascii() => {
                    text.push_str(&format!("\\x{:02x}", u32::from(character)));
                }
                character => text.push_str(&format!("\\u{{{:x}}}", u32::from(character))),
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.push('"');
    text
}

/// Whether people can see a character, and tell it from others.
pub fn is_plain(character: char) -> bool {
    let is_invisible = character.is_control()
        || character.is_whitespace() && character != ' '
        || matches!(
            character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        );
    !is_invisible
}

/// An invalid escape: its width in characters, and what was expected.
struct Fault {
    width: usize,
    wanted: &'static str,
}

const KNOWN: &str = r#"expected one of `\n`, `\r`, `\t`, `\0`, `\\`, `\"`, `\xNN`, `\u{N}`"#;
const HEX: &str = r"expected two hexadecimal digits, as in `\x1b`";
const SCALAR: &str = r"expected a Unicode scalar value in hexadecimal, as in `\u{e9}`";

/// Decodes the escape at the start of `rest`. Returns its length in bytes.
fn escape(rest: &str, bytes: &mut Vec<u8>) -> Result<usize, Fault> {
    let letter = rest[1..].chars().next();
    let byte = match letter {
        Some('n') => b'\n',
        Some('r') => b'\r',
        Some('t') => b'\t',
        Some('0') => b'\0',
        Some(quote @ ('\\' | '"')) => quote as u8,
        Some('x') => return hexadecimal_byte(rest, bytes),
        Some('u') => return scalar_value(rest, bytes),
        _ => {
            return Err(Fault {
                width: 2,
                wanted: KNOWN,
            });
        }
    };
    bytes.push(byte);
    Ok(2)
}

fn hexadecimal_byte(rest: &str, bytes: &mut Vec<u8>) -> Result<usize, Fault> {
    let digits = hexadecimal_prefix(&rest[2..]);
    let byte = digits
        .get(..2)
        .and_then(|two| u8::from_str_radix(two, 16).ok());
    bytes.push(byte.ok_or(Fault {
        width: 2 + digits.len().min(2),
        wanted: HEX,
    })?);
    Ok(4)
}

fn scalar_value(rest: &str, bytes: &mut Vec<u8>) -> Result<usize, Fault> {
    let fault = |width| Fault {
        width,
        wanted: SCALAR,
    };
    let open = rest[2..].strip_prefix('{').ok_or(fault(2))?;
    let digits = hexadecimal_prefix(open);
    if !open[digits.len()..].starts_with('}') {
        return Err(fault(3 + digits.len()));
    }
    let width = digits.len() + 4;
    let character = u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
        .ok_or(fault(width))?;
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(width)
}

fn hexadecimal_prefix(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_hexdigit());
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::super::token::TokenKind;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quoted_string_shows_what_cannot_be_seen() {
        let bytes = "a\"b\\\r\n\t\0\u{1b}\u{202e}é\u{a0}".as_bytes();
        let text = quoted(&[bytes, &[0xff]].concat());
        assert_eq!(text, r#""a\"b\\\r\n\t\0\x1b\u{202e}é\u{a0}\xff""#);
    }

    proptest! {
        #[test]
        fn a_quoted_string_represents_its_bytes(written in any::<Vec<u8>>()) {
            let text = quoted(&written);
            let token = Token {
                kind: TokenKind::Quoted,
                text: &text,
                place: Place::new(1, 1, text.chars().count()),
            };
            prop_assert_eq!(bytes(token), Ok(written));
        }
    }
}
