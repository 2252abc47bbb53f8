//! Bytes to lines, with one bound on a line's length.

use memchr::memchr;

/// The longest line, counted with its LF (and its CR, where it has one).
pub const MAX_LINE: usize = 8192;

/// One line of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its LF and without the CR that may stand before it; not checked for UTF-8.
    Whole(&'a [u8]),
    /// A line of more than [`MAX_LINE`] bytes. It is reported once, as soon as that is known; all of
    /// it is discarded.
    TooLong,
}

/// Cuts a stream of bytes into lines, wherever its segments begin and end (W-LINE-2, W-LINE-3).
///
/// Holds what came of an unfinished line, never more than [`MAX_LINE`] bytes (S-HARD-3), and
/// nothing at all between lines.
#[derive(Debug, Default)]
pub struct LineSplitter {
    partial: Vec<u8>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// `partial` is the beginning of a line.
    #[default]
    Collecting,
    /// `partial` was a whole line, handed out by the last call.
    HandedOut,
    /// The line was too long: nothing counts until its LF has come.
    Discarding,
}

impl LineSplitter {
    /// Takes the next line from the front of `input`; `None` when all of `input` is taken and no
    /// line is whole. Lines that lie whole in `input` are not copied.
    ///
    /// ```
    /// # use chat_conformance::protocol::{Line, LineSplitter};
    /// let mut lines = LineSplitter::default();
    /// let mut input: &[u8] = b"one\r\ntw";
    /// assert_eq!(lines.next(&mut input), Some(Line::Whole(b"one")));
    /// assert_eq!(lines.next(&mut input), None);
    /// let mut input: &[u8] = b"o\n";
    /// assert_eq!(lines.next(&mut input), Some(Line::Whole(b"two")));
    /// ```
    pub fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Line<'s>> {
        match self.state {
            State::Collecting => {}
            State::HandedOut => {
                self.partial = Vec::new();
                self.state = State::Collecting;
            }
            State::Discarding => match memchr(b'\n', input) {
                Some(end) => {
                    *input = &input[end + 1..];
                    self.state = State::Collecting;
                }
                None => {
                    *input = &[];
                    return None;
                }
            },
        }

        let allowed = MAX_LINE - self.partial.len();
        let window = &input[..input.len().min(allowed)];
        if let Some(end) = memchr(b'\n', window) {
            let line = &input[..end];
            *input = &input[end + 1..];
            if self.partial.is_empty() {
                return Some(Line::Whole(without_carriage_return(line)));
            }
            self.partial.extend_from_slice(line);
            self.state = State::HandedOut;
            return Some(Line::Whole(without_carriage_return(&self.partial)));
        }

        *input = &input[window.len()..];
        if window.len() == allowed {
            self.partial = Vec::new();
            self.state = State::Discarding;
            return Some(Line::TooLong);
        }
        self.partial.extend_from_slice(window);
        None
    }
}

fn without_carriage_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(segments: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let mut splitter = LineSplitter::default();
        let mut found = Vec::new();
        for mut input in segments.iter().copied() {
            while let Some(line) = splitter.next(&mut input) {
                found.push(match line {
                    Line::Whole(bytes) => Some(bytes.to_vec()),
                    Line::TooLong => None,
                });
            }
        }
        found
    }

    #[test]
    fn only_the_carriage_return_before_the_line_feed_is_dropped() {
        assert_eq!(lines(&[b"a\rb\r\r\n"]), [Some(b"a\rb\r".to_vec())]);
        assert_eq!(
            lines(&[b"a\r", b"\n\n"]),
            [Some(b"a".to_vec()), Some(vec![])]
        );
    }

    #[test]
    fn the_longest_line_is_taken_and_one_byte_more_is_not() {
        let mut longest = vec![b'x'; MAX_LINE - 1];
        assert_eq!(lines(&[&longest, b"\n"]), [Some(longest.clone())]);
        longest.push(b'x');
        assert_eq!(
            lines(&[&longest, b"\nnext\n"]),
            [None, Some(b"next".to_vec())]
        );
    }

    #[test]
    fn nothing_is_held_between_lines() {
        let mut splitter = LineSplitter::default();
        for segment in [&b"be"[..], b"gun\nwhole\n"] {
            let mut input = segment;
            while splitter.next(&mut input).is_some() {}
        }
        assert_eq!(splitter.partial.capacity(), 0);
    }
}
