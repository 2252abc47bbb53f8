//! Splits bytes into lines of bounded length.

use memchr::memchr;

/// Maximum length of a line, in bytes, with its LF and CR.
pub const MAX_LINE: usize = 8192;

/// One line of input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line without its line end (LF or CR LF). It may not be valid UTF-8.
    Whole(&'a [u8]),
    /// A line longer than [`MAX_LINE`]. It is reported once, as soon as it exceeds the limit, and
    /// discarded in full.
    TooLong,
}

/// Splits a stream of bytes into lines, however it is cut into segments (W-LINE-2, W-LINE-3).
///
/// It keeps the start of an unfinished line, at most [`MAX_LINE`] bytes (S-HARD-3), and no memory
/// between lines.
#[derive(Debug, Default)]
pub struct LineSplitter {
    partial: Vec<u8>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    /// `partial` is the start of a line.
    #[default]
    Collecting,
    /// `partial` is a whole line that the last call returned.
    HandedOut,
    /// The line is too long: discard it up to its LF.
    Discarding,
}

impl LineSplitter {
    /// Takes the next line from the front of `input`. Returns `None` once it has consumed `input`
    /// without completing another line. A line that lies entirely in `input` is not copied.
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
    fn only_a_carriage_return_before_the_line_feed_is_dropped() {
        assert_eq!(lines(&[b"a\rb\r\r\n"]), [Some(b"a\rb\r".to_vec())]);
        assert_eq!(
            lines(&[b"a\r", b"\n\n"]),
            [Some(b"a".to_vec()), Some(vec![])]
        );
    }

    #[test]
    fn a_line_of_maximum_length_is_accepted_and_one_byte_more_is_not() {
        let mut longest = vec![b'x'; MAX_LINE - 1];
        assert_eq!(lines(&[&longest, b"\n"]), [Some(longest.clone())]);
        longest.push(b'x');
        assert_eq!(
            lines(&[&longest, b"\nnext\n"]),
            [None, Some(b"next".to_vec())]
        );
    }

    #[test]
    fn no_memory_is_kept_between_lines() {
        let mut splitter = LineSplitter::default();
        for segment in [&b"be"[..], b"gun\nwhole\n"] {
            let mut input = segment;
            while splitter.next(&mut input).is_some() {}
        }
        assert_eq!(splitter.partial.capacity(), 0);
    }
}
