//! Bytes from a keyboard to keys; no I/O.
//!
//! A terminal sends a character as its UTF-8 bytes and an editing key as a control character or
//! an escape sequence, and one read may end in the middle of either.

/// What one press of a key asks for.
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
    /// Ctrl-D: delete at the cursor, or end the input where the line is empty.
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
    KillToEnd,
    /// Ctrl-U: delete to the start of the line.
    KillToStart,
    /// Ctrl-W: delete the word before the cursor.
    KillWord,
    /// Ctrl-C, where the terminal sends it as a character and not as a signal.
    Interrupt,
}

/// An escape sequence longer than this is none.
const LONGEST_SEQUENCE: usize = 32;

/// Turns bytes into keys, however they are cut into reads.
#[derive(Debug, Default)]
pub struct KeyDecoder {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// The first bytes of a character that takes several.
    Utf8(Vec<u8>),
    /// ESC.
    Escape,
    /// ESC O.
    Ss3,
    /// ESC [ and the parameters.
    Csi(Vec<u8>),
}

impl KeyDecoder {
    /// Takes one byte and appends the keys that it completes, if any.
    pub fn decode(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match (std::mem::take(&mut self.state), byte) {
            (State::Text, _) => self.text(byte, keys),
            (State::Utf8(bytes), _) => self.utf8(bytes, byte, keys),
            (State::Escape, b'[') => self.state = State::Csi(Vec::new()),
            (State::Escape, b'O') => self.state = State::Ss3,
            // Escape pressed by itself says nothing, and must not swallow what is typed next.
            (State::Escape, _) => self.text(byte, keys),
            (State::Ss3, _) => match cursor_key(byte) {
                Some(key) => keys.push(key),
                None => {
                    keys.push(Key::Character('O'));
                    self.text(byte, keys);
                }
            },
            (State::Csi(mut parameters), 0x20..=0x3f) if parameters.len() < LONGEST_SEQUENCE => {
                parameters.push(byte);
                self.state = State::Csi(parameters);
            }
            (State::Csi(parameters), 0x40..=0x7e) => keys.extend(csi_key(&parameters, byte)),
            // Not a sequence after all. Enter and the like keep their meaning in the midst of one.
            (State::Csi(_), _) => self.text(byte, keys),
        }
    }

    fn text(&mut self, byte: u8, keys: &mut Vec<Key>) {
        match byte {
            0x1b => self.state = State::Escape,
            // A tab is text: pasted code is full of them.
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
            // The last byte may begin something valid: only what was before it is broken.
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
            b'K' => Key::KillToEnd,
            b'N' => Key::Down,
            b'P' => Key::Up,
            b'U' => Key::KillToStart,
            b'W' => Key::KillWord,
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
        // With parameters it is the same key with a modifier, such as Ctrl-Left.
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
                other => panic!("{other:?} is no text"),
            })
            .collect()
    }

    #[test]
    fn characters_are_utf8() {
        assert_eq!(text("aé日👍\t\u{85}".as_bytes()), "aé日👍\t\u{85}");
    }

    #[test]
    fn broken_utf8_costs_only_itself() {
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
                Key::KillToEnd,
                Key::KillToStart,
                Key::KillWord,
                Key::Backspace,
                Key::Backspace,
                Key::DeleteOrEnd,
                Key::Interrupt
            ]
        );
    }

    #[test]
    fn unknown_sequences_are_passed_over() {
        assert_eq!(text(b"\x1b[200~pasted\x1b[201~"), "pasted");
    }

    #[test]
    fn escape_alone_swallows_nothing() {
        assert_eq!(text(b"\x1bhello \x1bOver"), "hello Over");
        assert_eq!(keys(b"\x1b[\n"), [Key::Enter]);
    }

    proptest! {
        #[test]
        fn text_comes_through_whole(input in "[^\\x00-\\x08\\x0a-\\x1f\\x7f]*") {
            prop_assert_eq!(text(input.as_bytes()), input);
        }

        #[test]
        fn no_bytes_upset_it(input in any::<Vec<u8>>()) {
            keys(&input);
        }
    }
}
