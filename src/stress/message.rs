//! Messages that tell by themselves who sent them, as which of its messages, when they were meant to be sent, and
//! whether they are whole.

use std::time::Duration;

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// The number of the client that sends it.
    pub sender: usize,
    /// How many its sender sent before.
    pub number: u64,
    /// When it was meant to be sent: microseconds since the load began.
    pub intended: u64,
}

/// The least that a text has room for: number, time, seal and the spaces between.
pub const SMALLEST_TEXT: usize = 40;
/// The longest text: the bundled server takes no line that is much longer.
pub const LONGEST_TEXT: usize = 8_000;

/// What fills a text up, from a place that depends on the message: a run of another one does not fit.
const FILLING: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// The name of the client with this number.
pub fn name(client: usize) -> String {
    format!("c{client}")
}

/// A time as messages tell it.
pub(super) fn microseconds(time: Duration) -> u64 {
    time.as_micros().try_into().unwrap_or(u64::MAX)
}

impl Message {
    /// Adds it to `line`s as a chat message, whose text is `size` bytes long if that has room for it.
    pub fn compose(&self, size: usize, lines: &mut Vec<u8>) {
        let seal = self.seal();
        lines.extend_from_slice(b"@c");
        put_number(lines, self.sender as u64, 10, 1);
        lines.extend_from_slice(b": ");
        let text = lines.len();
        for (number, digits) in [(self.number, 1), (self.intended, 1), (seal.into(), 8)] {
            put_number(lines, number, 16, digits);
            lines.push(b' ');
        }
        let left = size.saturating_sub(lines.len() - text);
        fill(lines, seal, left);
        lines.push(b'\n');
    }

    /// Who sent the message that these bytes begin with, if they begin with one.
    pub fn sender_of(bytes: &[u8]) -> Option<usize> {
        Message::parted(bytes).map(|(sender, _)| sender)
    }

    /// Who sent it, and what.
    fn parted(bytes: &[u8]) -> Option<(usize, &[u8])> {
        let name = bytes.strip_prefix(b"@c")?;
        let (sender, length) = digits(name, 10)?;
        let text = name.get(length..)?.strip_prefix(b": ")?;
        // The names of the load have no zeros in front.
        let is_name = length == 1 || name[0] != b'0';
        is_name.then_some((usize::try_from(sender).ok()?, text))
    }

    /// Reads a line, without its end; `None` where it is no message of this kind, or not whole. Its text has to
    /// be `size` bytes long, as it was composed.
    pub fn read(line: &[u8], size: usize) -> Option<Message> {
        let (sender, text) = Message::parted(line)?;
        let (number, after_number) = digits(text, 16)?;
        let rest = text.get(after_number..)?.strip_prefix(b" ")?;
        let (intended, after_intended) = digits(rest, 16)?;
        let rest = rest.get(after_intended..)?.strip_prefix(b" ")?;
        let (seal, eight) = digits(rest, 16)?;
        let filling = rest.get(eight..)?.strip_prefix(b" ")?;
        let message = Message {
            sender,
            number,
            intended,
        };
        let head = text.len() - filling.len();
        let is_whole = eight == 8
            && seal == u64::from(message.seal())
            && filling.len() == size.saturating_sub(head)
            && is_filling(filling, message.seal());
        is_whole.then_some(message)
    }

    /// A number that another message hardly has.
    fn seal(&self) -> u32 {
        let mut mixed = 0x9e37_79b9_7f4a_7c15_u64;
        for part in [self.sender as u64, self.number, self.intended] {
            mixed = (mixed ^ part).wrapping_mul(0xff51_afd7_ed55_8ccd);
            mixed ^= mixed >> 32;
        }
        (mixed >> 16) as u32
    }
}

/// Adds a number, with so many digits at least. It is most of what a load has to do for a message that it sends, and
/// `write!` takes several times as long.
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

/// A number at the start of `text`, and how many digits it has; twelve at most.
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

fn first_filling(seal: u32) -> usize {
    seal as usize % FILLING.len()
}

fn fill(lines: &mut Vec<u8>, seal: u32, mut left: usize) {
    let mut at = first_filling(seal);
    while left > 0 {
        let piece = &FILLING[at..];
        let piece = &piece[..piece.len().min(left)];
        lines.extend_from_slice(piece);
        left -= piece.len();
        at = 0;
    }
}

fn is_filling(mut text: &[u8], seal: u32) -> bool {
    let mut at = first_filling(seal);
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
        fn what_is_composed_is_read_and_as_long_as_asked_for(
            sender in 0..100_000_usize,
            number in 0..1_u64 << 40,
            intended in 0..1_u64 << 40,
            size in SMALLEST_TEXT..2_000,
        ) {
            let message = Message { sender, number, intended };
            let line = composed(message, size);
            prop_assert_eq!(line.len(), format!("@c{sender}: ").len() + size);
            prop_assert_eq!(Message::read(&line, size), Some(message));
        }

        #[test]
        fn what_was_changed_in_any_byte_is_not_read(
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
        fn what_was_cut_or_ran_together_is_not_read(cut in 0..100_usize, number in 0..1_u64 << 20) {
            let message = Message { sender: 3, number, intended: 1 };
            let line = composed(message, 100);
            prop_assert_eq!(Message::read(&line[..cut], 100), None);
            let twice = [line.clone(), line].concat();
            prop_assert_eq!(Message::read(&twice, 100), None);
        }
    }
}
