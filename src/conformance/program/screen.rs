//! What a person sees on the program's terminal.
//!
//! Some output is expensive to draw. The work is limited, whatever a program prints.

use std::num::NonZeroU16;

use crate::conformance::program::process::TERMINAL_SIZE;

/// An emulated terminal, with the text that has scrolled off it.
pub struct Screen {
    emulator: vt100::Parser<Answers>,
    meter: vte::Parser,
    cost: Cost,
    printed: Vec<u8>,
    /// The bytes of a character whose rest has not come.
    begun_character: Vec<u8>,
    dropped: usize,
    /// The lines that have scrolled off, followed by the visible lines when they were last read.
    text: String,
    scrolled_off: usize,
    text_is_current: bool,
}

/// Maximum number of bytes of a program's output that are kept. The rest is counted and dropped.
const KEPT_BYTES: usize = 1 << 20;
/// Number of rows that may scroll off before they are moved into the text.
const PENDING_ROWS: usize = 1024;
/// Maximum length of the scrolled-off text, in bytes: enough for any program that a person reads.
const KEPT_TEXT: usize = 512 * 1024;

/// A terminal's answers when a program asks for its state.
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

/// An upper bound for the work of drawing, computed with the same grammar as the emulator's.
#[derive(Default)]
struct Cost {
    /// In units of roughly the time that clearing a few cells takes.
    units: u64,
    /// Number of rows that may have scrolled off since the last move into the text.
    rows: usize,
    /// Whether the last sequence erases the scrolled-off rows.
    forgets: bool,
}

impl Cost {
    /// The limit: some 200,000 lines, or 30,000 times the whole screen. Nothing is drawn beyond it.
    const MOST_UNITS: u64 = 160_000_000;
    const ROWS: u64 = TERMINAL_SIZE[0] as u64;
    const COLUMNS: u64 = TERMINAL_SIZE[1] as u64;
    /// Moving a row that scrolls off, and creating a new one.
    const NEW_ROW: u64 = 800;
    const CHARACTER: u64 = 8;

    fn scroll(&mut self, rows: u64) {
        let rows = rows.min(Cost::ROWS);
        self.units += rows * Cost::NEW_ROW;
        self.rows += usize::try_from(rows).unwrap_or(usize::MAX);
    }
}

impl vte::Perform for Cost {
    fn print(&mut self, _: char) {
        self.units += Cost::CHARACTER;
        self.rows += 1;
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            b'\n' | 0x0b | 0x0c => self.scroll(1),
            _ => self.units += 1,
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        match (intermediates, byte) {
            ([], b'c') => {
                self.units += 2 * Cost::ROWS * Cost::NEW_ROW;
                self.forgets = true;
            }
            _ => self.units += Cost::COLUMNS,
        }
    }

    fn csi_dispatch(&mut self, parameters: &vte::Params, _: &[u8], _: bool, last: char) {
        let first = parameters.iter().next().and_then(|values| values.first());
        let count = u64::from(first.copied().unwrap_or(0)).max(1);
        match last {
            'S' => self.scroll(count),
            'T' | 'L' | 'M' => self.units += count.min(Cost::ROWS) * Cost::COLUMNS + Cost::ROWS,
            'b' => {
                self.units += 2 * Cost::CHARACTER * count;
                self.rows += usize::try_from(count).unwrap_or(usize::MAX);
            }
            'J' => {
                self.units += Cost::ROWS * Cost::COLUMNS;
                self.forgets = first == Some(&3);
            }
            'h' | 'l'
                if parameters
                    .iter()
                    .flatten()
                    .any(|mode| matches!(mode, 47 | 1047 | 1049)) =>
            {
                self.units += Cost::ROWS * Cost::NEW_ROW;
            }
            '@' | 'P' | 'X' | 'K' => self.units += Cost::COLUMNS,
            _ => self.units += 16,
        }
    }

    fn terminated(&self) -> bool {
        self.forgets || self.rows >= PENDING_ROWS || self.units >= Cost::MOST_UNITS
    }
}

impl Default for Screen {
    fn default() -> Screen {
        let size = TERMINAL_SIZE.map(|length| NonZeroU16::new(length).unwrap_or(NonZeroU16::MIN));
        let [rows, columns] = size;
        // The last sequence before the move may scroll off several hundred rows.
        let most_rows = 4 * PENDING_ROWS;
        let answers = Answers::default();
        Screen {
            emulator: vt100::Parser::new_with_callbacks(rows, columns, most_rows, answers),
            meter: vte::Parser::new(),
            cost: Cost::default(),
            printed: Vec::new(),
            begun_character: Vec::new(),
            dropped: 0,
            text: String::new(),
            scrolled_off: 0,
            text_is_current: false,
        }
    }
}

impl Screen {
    /// Draws the program's output. Returns the terminal's answers.
    pub fn show(&mut self, bytes: &[u8]) -> Vec<u8> {
        let room = KEPT_BYTES.saturating_sub(self.printed.len());
        let kept = &bytes[..bytes.len().min(room)];
        self.dropped += bytes.len() - kept.len();
        self.printed.extend_from_slice(kept);
        let characters = self.whole_characters(kept);
        self.draw(characters.as_bytes());
        std::mem::take(&mut self.emulator.callbacks_mut().pending)
    }

    /// The characters that these bytes complete, with a replacement for what is none: the emulator loses a letter behind
    /// an invalid sequence that comes in two parts.
    fn whole_characters(&mut self, bytes: &[u8]) -> String {
        let mut begun = std::mem::take(&mut self.begun_character);
        begun.extend_from_slice(bytes);
        let mut whole = String::with_capacity(begun.len());
        let mut end = 0;
        for chunk in begun.utf8_chunks() {
            whole.push_str(chunk.valid());
            end += chunk.valid().len() + chunk.invalid().len();
            let may_go_on = end == begun.len()
                && std::str::from_utf8(chunk.invalid())
                    .is_err_and(|error| error.error_len().is_none());
            if may_go_on {
                self.begun_character = chunk.invalid().to_vec();
            } else if !chunk.invalid().is_empty() {
                whole.push(char::REPLACEMENT_CHARACTER);
            }
        }
        whole
    }

    /// Draws in pieces, so that scrolled-off rows are moved into the text before the emulator forgets them.
    fn draw(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.cost.units < Cost::MOST_UNITS {
            // Plain text is drawn in one go, whatever its length.
            let share = &bytes[..bytes.len().min(PENDING_ROWS)];
            let length = self
                .meter
                .advance_until_terminated(&mut self.cost, share)
                .clamp(1, share.len());
            let (piece, rest) = bytes.split_at(length);
            self.emulator.process(piece);
            self.take_scrolled_off();
            // This sequence ends the piece. The alternate screen has no scrolled-off rows.
            let forgets = std::mem::take(&mut self.cost.forgets);
            if forgets && !self.emulator.screen().alternate_screen() {
                self.text.clear();
                self.scrolled_off = 0;
            }
            self.text_is_current = false;
            bytes = rest;
        }
    }

    /// Whether drawing any more output of the program is too expensive.
    pub fn is_exhausted(&self) -> bool {
        self.cost.units >= Cost::MOST_UNITS
    }

    /// The program's output, up to a limit.
    pub fn printed(&self) -> &[u8] {
        &self.printed
    }

    /// Number of bytes dropped beyond the limit.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// The scrolled-off lines, then the visible ones; a wrapped line is one line. On the terminal's alternate screen,
    /// only the lines of that screen.
    pub fn text(&mut self) -> &str {
        if !self.text_is_current {
            self.text.truncate(self.scrolled_off);
            let screen = self.emulator.screen();
            let [rows, columns] = TERMINAL_SIZE;
            for (row, cells) in (0..rows).zip(screen.rows(0, columns)) {
                push_row(&mut self.text, &cells, screen.row_wrapped(row));
            }
            self.text_is_current = true;
        }
        let is_alternate = self.emulator.screen().alternate_screen();
        &self.text[if is_alternate { self.scrolled_off } else { 0 }..]
    }

    fn take_scrolled_off(&mut self) {
        self.cost.rows = 0;
        let screen = self.emulator.screen_mut();
        screen.set_scrollback(usize::MAX);
        let rows = screen.scrollback();
        if rows == 0 {
            return;
        }
        self.text.truncate(self.scrolled_off);
        let [_, columns] = TERMINAL_SIZE;
        for offset in (1..=rows).rev() {
            screen.set_scrollback(offset);
            let cells = screen.rows(0, columns).next().unwrap_or_default();
            push_row(&mut self.text, &cells, screen.row_wrapped(0));
        }
        screen.clear_scrollback();
        if self.text.len() > 2 * KEPT_TEXT {
            let from = self.text.len() - KEPT_TEXT;
            let line = self.text.as_bytes()[from..]
                .iter()
                .position(|byte| *byte == b'\n');
            let whole_lines = line.map_or(self.text.len(), |at| from + at + 1);
            self.text.drain(..whole_lines);
        }
        self.scrolled_off = self.text.len();
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
    use proptest::prelude::*;
    use std::time::Duration;

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

    #[test]
    fn a_program_that_clears_everything_clears_what_scrolled_off() {
        for clear in ["\x1b[H\x1b[2J\x1b[3J", "\x1bc"] {
            let mut screen = Screen::default();
            screen.show("hello\r\n".repeat(100).as_bytes());
            screen.show(format!("{clear}new").as_bytes());
            assert_eq!(screen.text().trim(), "new", "{clear:?}");
        }
        let mut screen = Screen::default();
        screen.show("hello\r\n".repeat(100).as_bytes());
        screen.show(b"\x1b[?1049h\x1b[3J\x1b[Halone");
        assert_eq!(screen.text().trim(), "alone");
        screen.show(b"\x1b[?1049l");
        assert_eq!(screen.text().matches("hello").count(), 100);
    }

    #[test]
    fn the_latest_of_very_much_is_kept() {
        let mut screen = Screen::default();
        for number in 0..100_000 {
            screen.show(format!("{number}\r\n").as_bytes());
        }
        assert!(screen.text().contains("\n99999\n") && !screen.is_exhausted());
        assert!(screen.text().len() <= 2 * KEPT_TEXT + 40 * 121);
    }

    /// Processor time of this thread, which a busy machine does not change much.
    fn processor_time() -> Duration {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(time).expect("is a duration")
    }

    /// A megabyte of each, as a hostile program prints it.
    #[test]
    fn no_sequence_is_dear_to_draw() {
        const MOST: Duration = Duration::from_secs(3);
        for sequence in [
            "\x1b[65535S",
            "\x1b[65535L",
            "x\x1b[65535b",
            "a\r\n",
            "\u{4e00}",
            "x\u{301}",
            "\x1b[31mx\x1b[0m",
            "x\x1bc",
            "\x1b[?1049h\x1b[?1049l",
            "\x1b[2J",
            "\x1b[3J\n",
            "\x1b]",
            // Asks for a size of the screen.
            "\x1b[8;65535;65535tx",
        ] {
            let all = sequence.repeat(KEPT_BYTES / sequence.len());
            let begun = processor_time();
            let mut screen = Screen::default();
            for piece in all.as_bytes().chunks(4096) {
                screen.show(piece);
                screen.text();
            }
            let took = processor_time() - begun;
            assert!(took < MOST, "{sequence:?} took {took:?}");
        }
    }

    proptest! {
        /// Drawing in pieces shows the same as an emulator with a long memory does at once.
        #[test]
        fn pieces_change_nothing(
            words in proptest::collection::vec(
                prop_oneof![
                    "[a-zé日 ]{0,130}|\r\n|\n{1,60}|\x1b\\[[0-9]{0,2}[ABCDEFGHJKLMPSTX@bd]".prop_map(String::into_bytes),
                    prop::sample::select(vec![&b"\xe6\x97"[..], b"\xff", b"\xf0\x9f\x98", b"\xc3"]).prop_map(<[u8]>::to_vec),
                ],
                0..80,
            ),
            size in 1usize..300,
        ) {
            // A character that has only begun is not drawn yet.
            let all = [words.concat().as_slice(), b"."].concat();
            let mut screen = Screen::default();
            all.chunks(size).for_each(|piece| drop(screen.show(piece)));
            let mut whole = vt100::Parser::new(
                NonZeroU16::new(TERMINAL_SIZE[0]).expect("rows"),
                NonZeroU16::new(TERMINAL_SIZE[1]).expect("columns"),
                100_000,
            );
            // Rows that were erased in between are not compared.
            prop_assume!(!words.iter().any(|word| word.ends_with(b"3J")));
            whole.process(&all);
            let seen = whole.screen_mut();
            seen.set_scrollback(usize::MAX);
            let mut expected = String::new();
            for offset in (1..=seen.scrollback()).rev() {
                seen.set_scrollback(offset);
                let cells = seen.rows(0, TERMINAL_SIZE[1]).next().unwrap_or_default();
                push_row(&mut expected, &cells, seen.row_wrapped(0));
            }
            seen.set_scrollback(0);
            for (row, cells) in (0..TERMINAL_SIZE[0]).zip(seen.rows(0, TERMINAL_SIZE[1])) {
                push_row(&mut expected, &cells, seen.row_wrapped(row));
            }
            prop_assert_eq!(screen.text(), expected);
        }
    }
}
