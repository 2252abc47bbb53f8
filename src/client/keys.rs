//! Converts bytes from a keyboard to keys; no I/O.
//!
//! A terminal sends a character as its UTF-8 bytes, and an editing key as a control character or an
//! escape sequence. One read may end in the middle of either.

/// What a key press means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A character of text.
    Character(char),
    /// Enter: the line is finished.
    Enter,
    /// Backspace, Ctrl-H: delete before the cursor.
    Backspace,
    /// Delete: delete at the cursor.
    Delete,
    /// Ctrl-D: delete at the cursor, or end the input if the line is empty.
    DeleteOrEnd,
    /// One character to the left.
    Left,
    /// One character to the right.
    Right,
    /// To the start of the line.
    Home,
    /// To the end of the line.
    End,
    /// An older line of the history.
    Up,
    /// A newer line of the history.
    Down,
    /// Ctrl-K: delete to the end of the line.
    DeleteToEnd,
    /// Ctrl-U: delete to the start of the line.
    DeleteToStart,
    /// Ctrl-W: delete the word before the cursor.
    DeleteWord,
    /// Ctrl-C, if the terminal sends it as a character and not as a signal.
    Interrupt,
}

/// Maximum length of an escape sequence's parameters.
const MAX_SEQUENCE: usize = 32;

/// Converts bytes to keys, however reads split them.
#[derive(Debug, Default)]
pub struct KeyDecoder {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// The first bytes of a multi-byte character.
    Utf8(Vec<u8>),
    /// ESC.
    Escape,
    /// ESC O.
    Ss3,
    /// ESC [ and the parameters.
    Csi(Vec<u8>),
}

impl KeyDecoder {
    /// Handles one byte and appends the keys that it completes, if any.
    pub fn decode(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match (std::mem::take(&mut self.state), byte) {
            (State::Text, _) => self.text(byte, keys),
            (State::Utf8(bytes), _) => self.utf8(bytes, byte, keys),
            (State::Escape, b'[') => self.state = State::Csi(Vec::new()),
            (State::Escape, b'O') => self.state = State::Ss3,
            // Escape on its own does nothing, and must not swallow the next character.
            (State::Escape, _) => self.text(byte, keys),
            (State::Ss3, _) => match cursor_key(byte) {
                Some(key) => keys.push(key),
                None => {
                    keys.push(Key::Character('O'));
                    self.text(byte, keys);
                }
            },
            (State::Csi(mut parameters), 0x20..=0x3f) if parameters.len() < MAX_SEQUENCE => {
                parameters.push(byte);
                self.state = State::Csi(parameters);
            }
            (State::Csi(parameters), 0x40..=0x7e) => keys.extend(csi_key(&parameters, byte)),
            // Not a valid sequence. Enter and other control characters keep their meaning inside
            // one.
            (State::Csi(_), _) => self.text(byte, keys),
        }
    }

    fn text(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match byte {
            0x1b => self.state = State::Escape,
            // A tab is text: pasted code contains many of them.
            b'\t' | 0x20..=0x7e => keys.push(Key::Character(char::from(byte))),
            0x00..=0x1f | 0x7f => keys.extend(control_key(byte)),
            0x80.. => self.utf8(Vec::new(), byte, keys),
        }
    }

    fn utf8(&mut self, mut bytes: Vec<u8>, byte: u8, keys: &mut Vec<Key>) {
        bytes.push(byte);
        match std::str::from_utf8(&bytes) {
            Ok(text) => keys.extend(text.chars().map(Key::Character)),
            Err(error) if error.error_len().is_none() => self.state = State::Utf8(bytes),
            // The last byte may start a valid character: only the bytes before it are broken.
            Err(_) => {
                keys.push(Key::Character(char::REPLACEMENT_CHARACTER));
                if bytes.len() > 1 {
                    self.text(byte, keys);
                }
            }
        }
    }
}

fn control_key(byte: u8) -> Option<Key> {
    Some(match byte {
        b'\r' | b'\n' => Key::Enter,
        0x7f => Key::Backspace,
        _ => match byte | 0x40 {
            b'A' => Key::Home,
            b'B' => Key::Left,
            b'C' => Key::Interrupt,
            b'D' => Key::DeleteOrEnd,
            b'E' => Key::End,
            b'F' => Key::Right,
            b'H' => Key::Backspace,
            b'K' => Key::DeleteToEnd,
            b'N' => Key::Down,
            b'P' => Key::Up,
            b'U' => Key::DeleteToStart,
            b'W' => Key::DeleteWord,
            _ => return None,
        },
    })
}

fn cursor_key(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

fn csi_key(parameters: &[u8], last: u8) -> Option<Key> {
    match (parameters, last) {
        (b"1" | b"7", b'~') => Some(Key::Home),
        (b"3", b'~') => Some(Key::Delete),
        (b"4" | b"8", b'~') => Some(Key::End),
        // With parameters it is the same key with a modifier, for example Ctrl-Left.
        _ => cursor_key(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = KeyDecoder::default();
        let mut keys = Vec::new();
        for &byte in bytes {
            decoder.decode(byte, &mut keys);
        }
        keys
    }

    fn text(bytes: &[u8]) -> String {
        keys(bytes)
            .into_iter()
            .map(|key| match key {
                Key::Character(character) => character,
                other => panic!("{other:?} is not text"),
            })
            .collect()
    }

    #[test]
    fn characters_are_utf8() {
        assert_eq!(text("aé日👍\t\u{85}".as_bytes()), "aé日👍\t\u{85}");
    }

    #[test]
    fn broken_utf8_leaves_the_rest_intact() {
        assert_eq!(
            text(b"a\xff\xc3b\xe6\x97\xc3\xa9"),
            "a\u{fffd}\u{fffd}b\u{fffd}é"
        );
    }

    #[test]
    fn editing_keys() {
        assert_eq!(
            keys(b"\x1b[A\x1b[B\x1b[C\x1b[D\x1bOH\x1bOF\x1b[3~\x1b[1;5D"),
            [
                Key::Up,
                Key::Down,
                Key::Right,
                Key::Left,
                Key::Home,
                Key::End,
                Key::Delete,
                Key::Left
            ]
        );
        assert_eq!(
            keys(b"\x01\x05\x0b\x15\x17\x7f\x08\x04\x03"),
            [
                Key::Home,
                Key::End,
                Key::DeleteToEnd,
                Key::DeleteToStart,
                Key::DeleteWord,
                Key::Backspace,
                Key::Backspace,
                Key::DeleteOrEnd,
                Key::Interrupt
            ]
        );
    }

    #[test]
    fn unknown_sequences_are_ignored() {
        assert_eq!(text(b"\x1b[200~pasted\x1b[201~"), "pasted");
    }

    #[test]
    fn escape_alone_swallows_nothing() {
        assert_eq!(text(b"\x1bhello \x1bOver"), "hello Over");
        assert_eq!(keys(b"\x1b[\n"), [Key::Enter]);
    }

    proptest! {
        #[test]
        fn text_is_decoded_unchanged(input in "[^\\x00-\\x08\\x0a-\\x1f\\x7f]*") {
            prop_assert_eq!(text(input.as_bytes()), input);
        }

        #[test]
        fn no_bytes_make_it_panic(input in any::<Vec<u8>>()) {
            keys(&input);
        }
    }
}
