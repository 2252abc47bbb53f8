//! The line being typed: text, cursor and history; no I/O.
//!
//! Zero-width characters, such as combining accents, stay with the character before them.

use std::collections::VecDeque;

use super::keys::Key;
use super::visible::{columns, push_visible};

/// Maximum number of lines in the history.
const HISTORY_LENGTH: usize = 1_000;

/// The result of a key press, besides a change of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Enter: the line is finished.
    Line(String),
    /// Enter on a line that exceeds the limit by this many bytes. The line stays, so that the user
    /// can shorten it.
    TooLong(usize),
    /// Ctrl-D on an empty line.
    EndOfInput,
    /// Ctrl-C.
    Interrupt,
}

/// The part of the line that fits into the terminal's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The characters to show, safe to print.
    pub text: String,
    /// Number of columns before the cursor.
    pub cursor: usize,
}

/// A line editor.
#[derive(Debug)]
pub struct Editor {
    text: Vec<char>,
    /// Number of characters before the cursor.
    cursor: usize,
    /// Maximum length of a line, in bytes.
    limit: usize,
    history: History,
}

impl Editor {
    /// An editor with an empty line, for lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            text: Vec::new(),
            cursor: 0,
            limit,
            history: History::default(),
        }
    }

    /// Whether the line is empty.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Handles a key press.
    pub fn press(&mut self, key: Key) -> Option<Outcome> {
        match key {
            Key::Character(character) => self.insert(character),
            Key::Enter => return Some(self.finish()),
            Key::DeleteOrEnd if self.text.is_empty() => return Some(Outcome::EndOfInput),
            Key::Interrupt => return Some(Outcome::Interrupt),
            Key::Backspace => self.delete_back_to(self.before_cursor()),
            Key::Delete | Key::DeleteOrEnd => {
                drop(self.text.drain(self.cursor..self.after_cursor()))
            }
            Key::DeleteToEnd => self.text.truncate(self.cursor),
            Key::DeleteToStart => self.delete_back_to(0),
            Key::DeleteWord => self.delete_back_to(self.word_start()),
            Key::Left => self.cursor = self.before_cursor(),
            Key::Right => self.cursor = self.after_cursor(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Up => self.recall(History::older),
            Key::Down => self.recall(History::newer),
        }
        None
    }

    /// The part of the line around the cursor that fits into `width` columns, cursor included.
    pub fn row(&self, width: usize) -> Row {
        let room = width.saturating_sub(1);
        // In a long line, the text right of the cursor is worth showing, too.
        let ahead = self.fitting(room / 3, self.text[self.cursor..].iter());
        let ahead_columns = total_columns(&self.text[self.cursor..self.cursor + ahead]);
        let behind = self.fitting(room - ahead_columns, self.text[..self.cursor].iter().rev());
        let start = self.cursor - behind;
        let shown = self.fitting(room, self.text[start..].iter());

        let mut text = String::new();
        for &character in &self.text[start..start + shown] {
            push_visible(&mut text, character);
        }
        Row {
            text,
            cursor: total_columns(&self.text[start..self.cursor]),
        }
    }

    /// Number of leading characters that fit into `room` columns.
    fn fitting<'a>(&self, room: usize, characters: impl Iterator<Item = &'a char>) -> usize {
        let mut used = 0;
        characters
            .take_while(|&&character| {
                used += columns(character);
                used <= room
            })
            .count()
    }

    fn insert(&mut self, character: char) {
        self.text.insert(self.cursor, character);
        self.cursor += 1;
    }

    fn finish(&mut self) -> Outcome {
        let bytes: usize = self.text.iter().map(|character| character.len_utf8()).sum();
        if bytes > self.limit {
            return Outcome::TooLong(bytes - self.limit);
        }
        let line: String = self.text.drain(..).collect();
        self.cursor = 0;
        self.history.add(&line);
        Outcome::Line(line)
    }

    fn recall(&mut self, step: fn(&mut History, &str) -> Option<String>) {
        let current: String = self.text.iter().collect();
        if let Some(line) = step(&mut self.history, &current) {
            self.text = line.chars().collect();
            self.cursor = self.text.len();
        }
    }

    fn delete_back_to(&mut self, start: usize) {
        self.text.drain(start..self.cursor);
        self.cursor = start;
    }

    fn before_cursor(&self) -> usize {
        self.text[..self.cursor]
            .iter()
            .rposition(|&c| columns(c) > 0)
            .unwrap_or(0)
    }

    fn after_cursor(&self) -> usize {
        let rest = self.text.get(self.cursor + 1..).unwrap_or_default();
        let marks = rest.iter().take_while(|&&c| columns(c) == 0).count();
        self.text.len().min(self.cursor + 1 + marks)
    }

    fn word_start(&self) -> usize {
        let before = &self.text[..self.cursor];
        let word_end = before
            .iter()
            .rposition(|c| !c.is_whitespace())
            .map_or(0, |last| last + 1);
        before[..word_end]
            .iter()
            .rposition(|c| c.is_whitespace())
            .map_or(0, |space| space + 1)
    }
}

fn total_columns(characters: &[char]) -> usize {
    characters.iter().map(|&character| columns(character)).sum()
}

/// The finished lines, and the user's position among them.
#[derive(Debug, Default)]
struct History {
    lines: VecDeque<String>,
    /// How many lines back the user is.
    back: usize,
    /// The line that the user was typing before going back.
    unfinished: String,
}

impl History {
    fn add(&mut self, line: &str) {
        self.back = 0;
        if line.is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == HISTORY_LENGTH {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    fn older(&mut self, current: &str) -> Option<String> {
        if self.back == self.lines.len() {
            return None;
        }
        if self.back == 0 {
            self.unfinished = current.to_owned();
        }
        self.back += 1;
        Some(self.lines[self.lines.len() - self.back].clone())
    }

    fn newer(&mut self, _current: &str) -> Option<String> {
        self.back = self.back.checked_sub(1)?;
        match self.back {
            0 => Some(std::mem::take(&mut self.unfinished)),
            back => Some(self.lines[self.lines.len() - back].clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::keys::KeyDecoder;
    use proptest::prelude::*;

    fn typed(editor: &mut Editor, bytes: impl AsRef<[u8]>) -> Vec<Outcome> {
        let mut decoder = KeyDecoder::default();
        let mut keys = Vec::new();
        for &byte in bytes.as_ref() {
            decoder.decode(byte, &mut keys);
        }
        keys.into_iter()
            .filter_map(|key| editor.press(key))
            .collect()
    }

    /// The line that Enter sends after these bytes.
    fn line(bytes: impl AsRef<[u8]>) -> String {
        let mut editor = Editor::new(1_000);
        typed(&mut editor, bytes);
        match editor.press(Key::Enter) {
            Some(Outcome::Line(line)) => line,
            other => panic!("expected a line, got {other:?}"),
        }
    }

    #[test]
    fn edits_at_the_cursor() {
        assert_eq!(line("helo\x1b[Dl"), "hello");
        assert_eq!(line("xhell\x01\x1b[3~\x05o"), "hello");
        assert_eq!(line("hello!\x7f"), "hello");
        assert_eq!(line("hello world\x1b[1~\x1b[C\x1b[C\x0b"), "he");
        assert_eq!(line("to be or\x15not"), "not");
        assert_eq!(line("to be or  \x17not"), "to be not");
        assert_eq!(line("to be\x1b[D\x1b[D\x17"), "be");
        assert_eq!(line("ab\x01\x04"), "b");
    }

    #[test]
    fn edits_at_the_edges_do_nothing() {
        assert_eq!(line("\x7f\x1b[D\x1b[3~\x17\x15\x0b\x1b[C"), "");
        assert_eq!(line("a\x1b[C\x1b[C\x1b[3~\x04"), "a");
    }

    #[test]
    fn an_accent_is_deleted_with_its_letter() {
        assert_eq!(line("ae\u{301}\x7f"), "a");
        assert_eq!(line("ae\u{301}b\x1b[D\x1b[D\x1b[3~"), "ab");
    }

    #[test]
    fn one_read_may_hold_many_lines() {
        let mut editor = Editor::new(1_000);
        let lines = typed(&mut editor, "one\ntwo\r\nthree");
        assert_eq!(
            lines,
            ["one", "two", ""].map(|line| Outcome::Line(line.to_owned()))
        );
        assert_eq!(editor.row(80).text, "three");
    }

    #[test]
    fn a_line_too_long_stays() {
        let mut editor = Editor::new(4);
        assert_eq!(typed(&mut editor, "aéé\n"), [Outcome::TooLong(1)]);
        assert_eq!(
            typed(&mut editor, "\x7f\n"),
            [Outcome::Line("aé".to_owned())]
        );
    }

    #[test]
    fn history_goes_back_and_returns_to_the_unfinished_line() {
        let mut editor = Editor::new(1_000);
        typed(&mut editor, "one\ntwo\nthr");
        let mut shown_after = |key| {
            editor.press(key);
            editor.row(80).text
        };
        assert_eq!(shown_after(Key::Up), "two");
        assert_eq!(shown_after(Key::Up), "one");
        assert_eq!(shown_after(Key::Up), "one");
        assert_eq!(shown_after(Key::Down), "two");
        assert_eq!(shown_after(Key::Down), "thr");
        assert_eq!(shown_after(Key::Down), "thr");
    }

    #[test]
    fn end_of_input_only_on_an_empty_line() {
        let mut editor = Editor::new(1_000);
        assert_eq!(typed(&mut editor, "a\x04"), []);
        assert_eq!(typed(&mut editor, "\x7f\x04"), [Outcome::EndOfInput]);
    }

    #[test]
    fn a_row_shows_the_text_around_the_cursor() {
        let mut editor = Editor::new(1_000);
        typed(&mut editor, "0123456789");
        assert_eq!(
            editor.row(11),
            Row {
                text: "0123456789".to_owned(),
                cursor: 10
            }
        );
        assert_eq!(
            editor.row(7),
            Row {
                text: "456789".to_owned(),
                cursor: 6
            }
        );
        editor.press(Key::Left);
        assert_eq!(
            editor.row(7),
            Row {
                text: "456789".to_owned(),
                cursor: 5
            }
        );
        editor.press(Key::Home);
        assert_eq!(
            editor.row(7),
            Row {
                text: "012345".to_owned(),
                cursor: 0
            }
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut editor = Editor::new(1_000);
        typed(&mut editor, "日本語");
        assert_eq!(editor.row(80).cursor, 6);
        assert_eq!(
            editor.row(6),
            Row {
                text: "本語".to_owned(),
                cursor: 4
            }
        );
    }

    proptest! {
        #[test]
        fn a_row_fits(text in "\\PC{0,30}", lefts in 0_usize..30, width in 0_usize..20) {
            let mut editor = Editor::new(1_000);
            typed(&mut editor, &text);
            for _ in 0..lefts {
                editor.press(Key::Left);
            }
            let row = editor.row(width);
            let shown: Vec<char> = row.text.chars().collect();
            prop_assert!(total_columns(&shown) < width.max(1));
            prop_assert!(row.cursor <= total_columns(&shown));
        }

        #[test]
        fn no_keys_make_it_panic(bytes in any::<Vec<u8>>()) {
            let mut editor = Editor::new(100);
            typed(&mut editor, bytes);
            editor.row(10);
        }
    }
}
