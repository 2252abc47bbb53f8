//! Messages that carry their sender, their number, the time they were due, and a checksum.

use std::time::Duration;

/// The contents of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Number of the client that sends it.
    pub sender: usize,
    /// Number of messages that its sender sent before.
    pub number: u64,
    /// When it was due, in microseconds since the load began.
    pub intended: u64,
}

/// Minimum length of a text: number, time, checksum and the spaces between.
pub const MIN_TEXT: usize = 40;
/// Maximum length of a text. The bundled server accepts little more.
pub const MAX_TEXT: usize = 8_000;

/// The filling of a text starts at an offset that depends on the message, so pieces of different
/// messages do not match.
const FILLING: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// Name of the client with this number.
pub fn name(client: usize) -> String {
    format!("c{client}")
}

/// A time as messages carry it.
pub(super) fn microseconds(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

impl Message {
    /// Appends the message to `lines` as a chat message. Its text is `size` bytes long, or longer
    /// if the contents need more.
    pub fn compose(&self, size: usize, lines: &mut Vec<u8>) {
        let checksum = self.checksum();
        lines.extend_from_slice(b"@c");
        put_number(lines, self.sender as u64, 10, 1);
        lines.extend_from_slice(b": ");
        let text = lines.len();
        for (number, digits) in [(self.number, 1), (self.intended, 1), (checksum.into(), 8)] {
            put_number(lines, number, 16, digits);
            lines.push(b' ');
        }
        let left = size.saturating_sub(lines.len() - text);
        fill(lines, checksum, left);
        lines.push(b'\n');
    }

    /// Number of the client that sent the message at the start of `bytes`, if there is one.
    pub fn sender_of(bytes: &[u8]) -> Option<usize> {
        Message::split(bytes).map(|(sender, _)| sender)
    }

    /// Splits a line into sender and text.
    fn split(bytes: &[u8]) -> Option<(usize, &[u8])> {
        let name = bytes.strip_prefix(b"@c")?;
        let (sender, length) = digits(name, 10)?;
        let text = name.get(length..)?.strip_prefix(b": ")?;
        // Names of the load have no leading zeros.
        let is_name = length == 1 || name[0] != b'0';
        is_name.then_some((usize::try_from(sender).ok()?, text))
    }

    /// Parses a line without its end. Returns `None` if it is not an intact message of this load
    /// with a text of `size` bytes.
    pub fn read(line: &[u8], size: usize) -> Option<Message> {
        let (sender, text) = Message::split(line)?;
        let (number, after_number) = digits(text, 16)?;
        let rest = text.get(after_number..)?.strip_prefix(b" ")?;
        let (intended, after_intended) = digits(rest, 16)?;
        let rest = rest.get(after_intended..)?.strip_prefix(b" ")?;
        let (checksum, eight) = digits(rest, 16)?;
        let filling = rest.get(eight..)?.strip_prefix(b" ")?;
        let message = Message {
            sender,
            number,
            intended,
        };
        let head = text.len() - filling.len();
        let is_whole = eight == 8
            && checksum == u64::from(message.checksum())
            && filling.len() == size.saturating_sub(head)
            && is_filling(filling, message.checksum());
        is_whole.then_some(message)
    }

    /// A checksum that another message is unlikely to have.
    fn checksum(&self) -> u32 {
        let mut mixed = 0x9e37_79b9_7f4a_7c15_u64;
        for field in [self.sender as u64, self.number, self.intended] {
            mixed = (mixed ^ field).wrapping_mul(0xff51_afd7_ed55_8ccd);
            mixed ^= mixed >> 32;
        }
        (mixed >> 16) as u32
    }
}

/// Appends a number with at least `least` digits. Most of the time of composing a message is spent
/// here, and `write!` takes several times as long.
fn put_number(lines: &mut Vec<u8>, mut number: u64, base: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while number > 0 {
        first -= 1;
        digits[first] = b"0123456789abcdef"[(number % base) as usize];
        number /= base;
    }
    lines.extend_from_slice(&digits[first.min(digits.len() - least)..]);
}

/// The number at the start of `text`, and how many digits it has, at most twelve.
fn digits(text: &[u8], base: u64) -> Option<(u64, usize)> {
    const MOST: usize = 12;
    let mut number = 0;
    let mut length = 0;
    for &byte in text.iter().take(MOST) {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            b'a'..=b'f' if base > 10 => u64::from(byte - b'a') + 10,
            _ => break,
        };
        number = number * base + digit;
        length += 1;
    }
    (length > 0).then_some((number, length))
}

fn first_filling(checksum: u32) -> usize {
    checksum as usize % FILLING.len()
}

fn fill(lines: &mut Vec<u8>, checksum: u32, mut left: usize) {
    let mut at = first_filling(checksum);
    while left > 0 {
        let piece = &FILLING[at..];
        let piece = &piece[..piece.len().min(left)];
        lines.extend_from_slice(piece);
        left -= piece.len();
        at = 0;
    }
}

fn is_filling(mut text: &[u8], checksum: u32) -> bool {
    let mut at = first_filling(checksum);
    while !text.is_empty() {
        let piece = &FILLING[at..];
        let length = piece.len().min(text.len());
        if text[..length] != piece[..length] {
            return false;
        }
        text = &text[length..];
        at = 0;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn composed(message: Message, size: usize) -> Vec<u8> {
        let mut lines = Vec::new();
        message.compose(size, &mut lines);
        assert_eq!(lines.pop(), Some(b'\n'));
        lines
    }

    proptest! {
        #[test]
        fn a_composed_message_parses_and_has_the_requested_length(
            sender in 0..100_000_usize,
            number in 0..1_u64 << 40,
            intended in 0..1_u64 << 40,
            size in MIN_TEXT..2_000,
        ) {
            let message = Message { sender, number, intended };
            let line = composed(message, size);
            prop_assert_eq!(line.len(), format!("@c{sender}: ").len() + size);
            prop_assert_eq!(Message::read(&line, size), Some(message));
        }

        #[test]
        fn a_message_with_a_changed_byte_does_not_parse(
            number in 0..1_u64 << 20,
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let message = Message { sender: 17, number, intended: 4711 };
            let mut line = composed(message, 100);
            let at = at.index(line.len());
            prop_assume!(line[at] != byte);
            line[at] = byte;
            prop_assert_eq!(Message::read(&line, 100), None);
        }

        #[test]
        fn cut_or_joined_messages_do_not_parse(cut in 0..100_usize, number in 0..1_u64 << 20) {
            let message = Message { sender: 3, number, intended: 1 };
            let line = composed(message, 100);
            prop_assert_eq!(Message::read(&line[..cut], 100), None);
            let twice = [line.clone(), line].concat();
            prop_assert_eq!(Message::read(&twice, 100), None);
        }
    }
}
