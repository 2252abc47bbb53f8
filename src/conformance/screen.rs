//! What a person sees on the subject's terminal, and what was sent to it.

use std::num::NonZeroU16;

use super::subject::TERMINAL_SIZE;

/// An emulated terminal with everything that has scrolled off it.
pub struct Screen {
    emulator: vt100::Parser<Answers>,
    printed: Vec<u8>,
    dropped: usize,
}

/// Bytes that are kept of what a subject prints; more is counted and dropped.
const KEPT_BYTES: usize = 1 << 20;
const KEPT_ROWS: usize = 4096;

/// Answers that a terminal gives when it is asked for its state.
#[derive(Default)]
struct Answers {
    pending: Vec<u8>,
}

impl vt100::Callbacks for Answers {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        first: Option<u8>,
        _second: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        match (first, parameters, last) {
            (None, [[6]], 'n') => {
                let (row, column) = screen.cursor_position();
                self.pending
                    .extend(format!("\x1b[{};{}R", row + 1, column + 1).bytes());
            }
            (None, [[5]], 'n') => self.pending.extend(b"\x1b[0n"),
            (None, [] | [[0]], 'c') => self.pending.extend(b"\x1b[?1;2c"),
            _ => {}
        }
    }
}

impl Default for Screen {
    fn default() -> Screen {
        let size = TERMINAL_SIZE.map(|length| NonZeroU16::new(length).unwrap_or(NonZeroU16::MIN));
        let [rows, columns] = size;
        let answers = Answers::default();
        Screen {
            emulator: vt100::Parser::new_with_callbacks(rows, columns, KEPT_ROWS, answers),
            printed: Vec::new(),
            dropped: 0,
        }
    }
}

impl Screen {
    /// Shows what the subject printed. Returns what the terminal answers to it.
    pub fn show(&mut self, bytes: &[u8]) -> Vec<u8> {
        let room = KEPT_BYTES.saturating_sub(self.printed.len());
        let kept = &bytes[..bytes.len().min(room)];
        self.dropped += bytes.len() - kept.len();
        self.printed.extend_from_slice(kept);
        self.emulator.process(kept);
        std::mem::take(&mut self.emulator.callbacks_mut().pending)
    }

    /// All bytes that were printed, up to a bound.
    pub fn printed(&self) -> &[u8] {
        &self.printed
    }

    /// How many bytes beyond the bound were dropped.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The lines to be seen, those that have scrolled off first; a line that wraps is one.
    pub fn text(&mut self) -> String {
        let screen = self.emulator.screen_mut();
        screen.set_scrollback(usize::MAX);
        let scrolled_off = screen.scrollback();
        let [rows, columns] = TERMINAL_SIZE;
        let mut text = String::new();
        for offset in (1..=scrolled_off).rev() {
            screen.set_scrollback(offset);
            let cells = screen.rows(0, columns).next().unwrap_or_default();
            push_row(&mut text, &cells, screen.row_wrapped(0));
        }
        screen.set_scrollback(0);
        for (row, cells) in (0..rows).zip(screen.rows(0, columns)) {
            push_row(&mut text, &cells, screen.row_wrapped(row));
        }
        text
    }
}

fn push_row(text: &mut String, cells: &str, wraps: bool) {
    text.push_str(cells);
    if !wraps {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scrolled_off_and_what_wraps_is_still_text() {
        let mut screen = Screen::default();
        for number in 0..100 {
            screen.show(format!("line {number}\r\n").as_bytes());
        }
        screen.show("x".repeat(150).as_bytes());
        let text = screen.text();
        assert!(text.starts_with("line 0\nline 1\n"), "{text}");
        assert!(text.contains("line 99\n"));
        assert!(text.contains(&"x".repeat(150)));
    }

    #[test]
    fn a_line_that_is_redrawn_is_there_once() {
        let mut screen = Screen::default();
        screen.show(b"> hel\r\x1b[Kbob: hi\r\n> hel");
        assert_eq!(screen.text().trim_end(), "bob: hi\n> hel");
    }

    #[test]
    fn a_program_that_asks_where_the_cursor_is_gets_an_answer() {
        let mut screen = Screen::default();
        assert_eq!(screen.show(b"ab\x1b[6n"), b"\x1b[1;3R");
    }
}
