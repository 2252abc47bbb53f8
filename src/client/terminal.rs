//! The console for a person at a terminal: a prompt at the bottom, messages above it; no I/O.
//!
//! The prompt takes one row and scrolls sideways if the line is longer. It only uses carriage
//! return, cursor right and erase to the end of the row, and never queries the terminal.

use unicode_width::UnicodeWidthStr;

use super::console::{Colours, Console, Output};
use super::editor::{Editor, Outcome};
use super::keys::KeyDecoder;
use super::session::{Entry, Event, text_limit};
use super::visible::visible;
use crate::protocol::Name;

/// Minimum number of columns for text. If the name would leave less, it is not shown.
const MIN_TEXT_COLUMNS: usize = 10;
const ERASE_ROW: &[u8] = b"\r\x1b[K";
const NEW_LINE: &[u8] = b"\r\n";

/// A prompt at a terminal.
#[derive(Debug)]
pub struct Terminal {
    colours: Colours,
    /// The prompt: the prefix that others will see before the line.
    prompt: String,
    prompt_columns: usize,
    keys: KeyDecoder,
    editor: Editor,
    output: Vec<u8>,
    /// The bytes that drew the prompt, if it is on the screen.
    drawn: Option<Vec<u8>>,
}

impl Terminal {
    /// The terminal of this user.
    pub fn new(name: &Name, colours: Colours) -> Self {
        Self {
            colours,
            prompt: colours.speaker(name),
            prompt_columns: Colours::Unwanted.speaker(name).width(),
            keys: KeyDecoder::default(),
            editor: Editor::new(text_limit(name)),
            output: Vec::new(),
            drawn: None,
        }
    }

    fn outcome(&mut self, outcome: Outcome) -> Event {
        match outcome {
            Outcome::Line(line) => {
                self.keep(&line);
                Event::Typed(line)
            }
            Outcome::TooLong(excess) => Event::TooLongTyped(excess),
            Outcome::EndOfInput => Event::InputEnded,
            Outcome::Interrupt => Event::Interrupted,
        }
    }

    /// Leaves a finished line on the screen in full, as others see it.
    fn keep(&mut self, line: &str) {
        if !line.is_empty() {
            let said = format!("{}{}", self.prompt, visible(line));
            self.print(&said);
        }
    }

    /// Prints above the prompt.
    fn print(&mut self, text: &str) {
        if self.drawn.take().is_some() {
            self.output.extend_from_slice(ERASE_ROW);
        }
        for line in text.lines() {
            self.output.extend_from_slice(line.as_bytes());
            self.output.extend_from_slice(NEW_LINE);
        }
    }

    /// The bytes that draw the prompt, wherever in its row the cursor is.
    fn row(&self, width: usize) -> Vec<u8> {
        let (prompt, prompt_columns, left) = match width.checked_sub(self.prompt_columns) {
            Some(left @ MIN_TEXT_COLUMNS..) => (self.prompt.as_str(), self.prompt_columns, left),
            _ => ("", 0, width),
        };
        let row = self.editor.row(left);
        let mut bytes = format!("\r{prompt}{}\x1b[K\r", row.text);
        match prompt_columns + row.cursor {
            0 => {}
            cursor => bytes += &format!("\x1b[{cursor}C"),
        }
        bytes.into_bytes()
    }
}

impl Console for Terminal {
    fn typed(&mut self, bytes: &[u8]) -> Vec<Event> {
        let mut keys = Vec::new();
        for &byte in bytes {
            self.keys.decode(byte, &mut keys);
        }
        let mut events = Vec::new();
        for key in keys {
            if let Some(outcome) = self.editor.press(key) {
                events.push(self.outcome(outcome));
            }
        }
        events
    }

    fn input_ended(&mut self) -> Vec<Event> {
        vec![Event::InputEnded]
    }

    fn reads_ahead(&self) -> bool {
        true
    }

    fn show(&mut self, entry: &Entry) {
        self.print(&self.colours.entry(entry));
    }

    fn leave_screen(&mut self) {
        if self.drawn.take().is_some() {
            let end = if self.editor.is_empty() {
                ERASE_ROW
            } else {
                NEW_LINE
            };
            self.output.extend_from_slice(end);
        }
    }

    fn draw(&mut self, width: usize) {
        let row = self.row(width);
        if self.drawn.as_ref() != Some(&row) {
            self.output.extend_from_slice(&row);
            self.drawn = Some(row);
        }
    }

    fn take_output(&mut self) -> Output {
        Output {
            out: std::mem::take(&mut self.output),
            err: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroU16;

    /// A terminal, and the screen as a person would see it.
    struct Seen {
        terminal: Terminal,
        screen: vt100::Parser,
    }

    const HEIGHT: NonZeroU16 = NonZeroU16::new(10).unwrap();
    const WIDTH: NonZeroU16 = NonZeroU16::new(40).unwrap();

    impl Seen {
        fn new() -> Self {
            let name = "alice".parse().expect("a name");
            let terminal = Terminal::new(&name, Colours::Unwanted);
            let mut seen = Self {
                terminal,
                screen: vt100::Parser::new(HEIGHT, WIDTH, 0),
            };
            seen.update();
            seen
        }

        fn update(&mut self) {
            self.terminal.draw(usize::from(WIDTH.get()));
            self.screen.process(&self.terminal.take_output().out);
        }

        fn typed(&mut self, bytes: &str) -> Vec<Event> {
            let events = self.terminal.typed(bytes.as_bytes());
            self.update();
            events
        }

        fn hears(&mut self, text: &str) {
            let from = "bob".parse().expect("a name");
            self.terminal.show(&Entry::Message {
                from,
                text: text.to_owned(),
            });
            self.update();
        }

        fn rows(&self) -> Vec<String> {
            let rows = self.screen.screen().rows(0, WIDTH.get());
            let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
            let used = rows.iter().rposition(|row| !row.is_empty());
            rows.truncate(used.map_or(0, |last| last + 1));
            rows
        }
    }

    #[test]
    fn a_half_typed_line_stays_below_a_message() {
        let mut seen = Seen::new();
        seen.typed("hel");
        seen.hears("hi");
        assert_eq!(seen.rows(), ["@bob: hi", "@alice: hel"]);
        assert_eq!(seen.screen.screen().cursor_position(), (1, 11));
        assert_eq!(seen.typed("lo\n"), [Event::Typed("hello".to_owned())]);
        assert_eq!(seen.rows()[..2], ["@bob: hi", "@alice: hello"]);
    }

    #[test]
    fn a_line_longer_than_the_row_scrolls_and_is_printed_in_full() {
        let mut seen = Seen::new();
        let line = "0123456789".repeat(5);
        seen.typed(&line);
        assert_eq!(seen.rows(), ["@alice: 9012345678901234567890123456789"]);
        seen.typed("\n");
        assert_eq!(seen.rows()[..2].concat(), format!("@alice: {line}"));
        assert_eq!(seen.screen.screen().cursor_position(), (2, 8));
    }

    #[test]
    fn a_message_longer_than_the_row_leaves_the_prompt_intact() {
        let mut seen = Seen::new();
        seen.typed("hel");
        let text = "x".repeat(usize::from(WIDTH.get()) * 2 - "@bob: ".len());
        seen.hears(&text);
        assert_eq!(seen.rows().len(), 3);
        assert_eq!(seen.rows()[2], "@alice: hel");
    }

    #[test]
    fn leaving_the_screen_keeps_a_half_typed_line_but_no_empty_prompt() {
        let mut seen = Seen::new();
        seen.terminal.leave_screen();
        seen.screen.process(&seen.terminal.take_output().out);
        assert_eq!(seen.rows(), Vec::<String>::new());
        seen.typed("hel");
        seen.terminal.leave_screen();
        seen.screen.process(&seen.terminal.take_output().out);
        assert_eq!(seen.rows(), ["@alice: hel"]);
        assert_eq!(seen.screen.screen().cursor_position(), (1, 0));
    }

    #[test]
    fn a_narrow_screen_has_no_room_for_the_name() {
        let mut seen = Seen::new();
        for width in 0..17 {
            seen.terminal.typed(b"x");
            seen.terminal.draw(width);
            let output = seen.terminal.take_output();
            assert!(!output.out.contains(&b'@'), "{width}");
        }
    }

    proptest! {
        #[test]
        fn messages_never_change_what_is_typed(
            before in "[a-zé日 ]{0,60}", text in any::<String>(), after in "[a-zé日 ]{0,60}"
        ) {
            let mut seen = Seen::new();
            seen.typed(&before);
            seen.hears(&text);
            seen.typed(&after);
            let line = before + &after;
            prop_assert_eq!(seen.typed("\n"), [Event::Typed(line)]);
        }
    }
}
