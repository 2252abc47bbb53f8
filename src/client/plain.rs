//! The console for a pipe, a file or a dumb terminal: lines in, lines out; no I/O.

use super::console::{Colours, Console, Output};
use super::session::{Entry, Event, text_limit};
use crate::protocol::{Line, LineSplitter, Name};

/// A console without a prompt.
#[derive(Debug)]
pub struct Plain {
    colours: Colours,
    lines: LineSplitter,
    limit: usize,
    output: Output,
}

impl Plain {
    /// A plain console for this user.
    pub fn new(name: &Name, colours: Colours) -> Self {
        Self {
            colours,
            lines: LineSplitter::default(),
            limit: text_limit(name),
            output: Output::default(),
        }
    }
}

impl Console for Plain {
    fn typed(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(line) = self.lines.next(&mut bytes) {
            events.push(match line {
                Line::Whole(line) if line.len() <= self.limit => Event::Typed(text(line)),
                Line::Whole(_) | Line::TooLong => Event::TooLongDropped,
            });
        }
        events
    }

    fn input_ended(&mut self) -> Vec<Event> {
        // The last line counts even without a line end.
        let mut events = self.typed(b"\n");
        events.push(Event::InputEnded);
        events
    }

    /// Unread input stays in the pipe.
    fn reads_ahead(&self) -> bool {
        false
    }

    fn show(&mut self, entry: &Entry) {
        // The setting is about standard output only.
        let (stream, colours) = match entry {
            Entry::Message { .. } => (&mut self.output.out, self.colours),
            Entry::Notice(_) | Entry::FromServer(_) => (&mut self.output.err, Colours::Unwanted),
        };
        stream.extend_from_slice(colours.entry(entry).as_bytes());
        stream.push(b'\n');
    }

    fn leave_screen(&mut self) {}

    fn draw(&mut self, _width: usize) {}

    fn take_output(&mut self) -> Output {
        std::mem::take(&mut self.output)
    }
}

/// The text of an input line, without control characters except tabs.
fn text(line: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(line).into_owned();
    text.retain(|character| character == '\t' || !character.is_ascii_control());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Plain {
        Plain::new(&"alice".parse().expect("a name"), Colours::Unwanted)
    }

    fn typed(line: &str) -> Event {
        Event::Typed(line.to_owned())
    }

    #[test]
    fn lines_in() {
        let mut plain = plain();
        assert_eq!(
            plain.typed(b"one\r\ntwo\nthr"),
            [typed("one"), typed("two")]
        );
        assert_eq!(plain.input_ended(), [typed("thr"), Event::InputEnded]);
    }

    #[test]
    fn control_characters_are_removed() {
        assert_eq!(
            plain().typed(b"a\x1b[2Jb\0\tc\xff\n"),
            [typed("a[2Jb\tc\u{fffd}")]
        );
    }

    #[test]
    fn only_the_line_that_is_too_long_is_dropped() {
        let mut plain = plain();
        let mut line = vec![b'x'; plain.limit];
        line.push(b'\n');
        assert!(matches!(plain.typed(&line)[..], [Event::Typed(_)]));
        line.insert(0, b'x');
        line.extend_from_slice(b"next\n");
        assert_eq!(plain.typed(&line), [Event::TooLongDropped, typed("next")]);
    }

    #[test]
    fn messages_go_to_stdout_and_notices_to_stderr() {
        let mut plain = plain();
        let from = "bob".parse().expect("a name");
        plain.show(&Entry::Message {
            from,
            text: "hi".to_owned(),
        });
        plain.show(&Entry::Notice("welcome".to_owned()));
        plain.show(&Entry::FromServer("\x1b[2J".to_owned()));
        let output = plain.take_output();
        assert_eq!(output.out, b"@bob: hi\n");
        assert_eq!(output.err, "* welcome\n* The server: ␛[2J\n".as_bytes());
    }
}
