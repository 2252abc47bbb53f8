//! Text on a terminal: colours, widths, and no escape sequences that the terminal would obey.

use std::borrow::Cow;

use anstyle::AnsiColor;
use textwrap::{Options, WordSeparator, WordSplitter};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Style;
use crate::conformance::evidence::visible;
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::Requirement;

/// What a piece of text means; its colour follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Good,
    Bad,
    Uncertain,
    Quiet,
    Heading,
}

impl Style {
    /// The text in the ink's colour, or unchanged if colours are off.
    pub(super) fn ink(self, ink: Ink, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_string();
        }
        let ansi = match ink {
            Ink::Good => AnsiColor::Green.on_default(),
            Ink::Bad => AnsiColor::Red.on_default().bold(),
            Ink::Uncertain => AnsiColor::Yellow.on_default(),
            Ink::Quiet => anstyle::Style::new().dimmed(),
            Ink::Heading => anstyle::Style::new().bold(),
        };
        format!("{ansi}{text}{ansi:#}")
    }

    /// Columns for running text: lines much longer than this are hard to read.
    pub(super) fn prose(self) -> usize {
        self.width.clamp(30, 100)
    }
}

/// A verdict as symbol and word, which say the same, so that nobody depends on the colour.
pub(super) fn mark(verdict: Verdict) -> (&'static str, Ink) {
    match verdict {
        Verdict::Pass => ("✓ pass", Ink::Good),
        Verdict::Fail => ("✗ fail", Ink::Bad),
        Verdict::Blocked => ("– blocked", Ink::Uncertain),
        Verdict::Unsure => ("? unsure", Ink::Uncertain),
        Verdict::NotApplicable => ("· n/a", Ink::Quiet),
        Verdict::Untested => ("· untested", Ink::Quiet),
    }
}

/// A heading, followed by a horizontal rule up to the last column.
pub(super) fn ruled(title: &str, columns: usize) -> String {
    let title = cut(&format!("━━ {title} "), columns);
    let rule = "━".repeat(columns.saturating_sub(width(&title)));
    title + &rule
}

/// Text that a terminal only shows and never obeys. Text that is [`visible`] already stays the same.
pub(super) fn harmless(text: &str) -> String {
    let shown = visible(text.as_bytes());
    let only_backslashes_differ = shown.replace("\\\\", "\\") == text;
    if only_backslashes_differ {
        text.to_string()
    } else {
        shown
    }
}

/// The text's width in columns.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text, padded with spaces to this width.
pub(super) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// The text cut to this width, with `…` at the end if it was longer.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used >= columns {
            break;
        }
        kept.push(character);
    }
    kept + "…"
}

/// As [`cut`], but between words where possible.
pub(super) fn cut_between_words(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let kept = cut(text, columns);
    match kept.rsplit_once(' ') {
        Some((words, _)) if width(words) * 2 > columns => {
            format!("{}…", words.trim_end_matches([' ', ',', ';', ':', '(']))
        }
        _ => kept,
    }
}

/// The words of the text on lines of at most that many columns. Longer words are broken, and several spaces between
/// two words stay.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let options = Options::new(columns.max(1))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let text = text.replace('\n', " ");
    let lines = textwrap::wrap(&text, options);
    lines.into_iter().map(Cow::into_owned).collect()
}

/// [`wrap`]ped text behind `lead`; the other lines are indented by the width of `lead`.
pub(super) fn paragraph(text: &str, lead: &str, columns: usize) -> String {
    let margin = " ".repeat(width(lead));
    let lines = wrap(text, columns.saturating_sub(width(lead)));
    let mut shown = String::new();
    for (index, line) in lines.iter().enumerate() {
        let before = if index == 0 { lead } else { &margin };
        shown.push_str(format!("{before}{line}").trim_end());
        shown.push('\n');
    }
    shown
}

/// `1 transcript`, `12 transcripts`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A phrase as a sentence on one line, with a capital letter and a full stop.
pub(super) fn sentence(phrase: &str) -> String {
    let phrase = one_line(phrase);
    let mut characters = phrase.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    let sentence: String = first.chain(characters).collect();
    if sentence.ends_with(['.', '!', '?', '"', '”']) {
        sentence
    } else {
        sentence + "."
    }
}

/// The text on one line, with single spaces.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The assignment's words for a requirement, each quotation in its quotation marks.
pub(super) fn quoted(requirement: &Requirement) -> String {
    let quotations = requirement
        .assignment
        .iter()
        .map(|words| format!("“{}”", one_line(words)));
    quotations.collect::<Vec<_>>().join(" ")
}

/// A line that a program printed, as a person reads it: without colours and the switches of line editors, and with
/// spaces for tabs.
pub(super) fn printed_line(line: &[u8]) -> String {
    visible(&without_styles(line.trim_ascii_end())).replace("\\t", "    ")
}

/// Leaves out the sequences that change how text looks (`ESC [ … m`), and those that switch the bracketing of pasted
/// text on and off, as line editors do around each prompt: neither shows anything.
fn without_styles(line: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        let length = rest.strip_prefix(b"\x1b[").and_then(|sequence| {
            let is_parameter = |byte: &u8| matches!(byte, b'0'..=b'9' | b';' | b':' | b'?');
            let parameters = sequence
                .iter()
                .take_while(|byte| is_parameter(byte))
                .count();
            let shows_nothing = match (&sequence[..parameters], sequence.get(parameters)?) {
                (parameters, b'm') => !parameters.contains(&b'?'),
                (b"?2004", b'h' | b'l') => true,
                _ => false,
            };
            shows_nothing.then_some(parameters + 3)
        });
        match length {
            Some(length) => rest = &rest[length..],
            None => {
                kept.push(*first);
                rest = after;
            }
        }
    }
    // The carriage return that a line editor adds behind its switch.
    if kept.ends_with(b"\r") {
        kept.pop();
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_is_harmless() {
        assert_eq!(
            harmless("a\x1b[2Jb\u{9b}\u{202e}"),
            "a\\x1b[2Jb\\u{9b}\\u{202e}"
        );
        assert_eq!(harmless("the line `a\\x1b[2J`"), "the line `a\\x1b[2J`");
    }

    #[test]
    fn the_switches_of_a_line_editor_are_not_printed_text() {
        assert_eq!(printed_line(b"\x1b[?2004h> \r\n"), ">");
        assert_eq!(printed_line(b"\x1b[?2004l\r\n"), "");
        assert_eq!(printed_line(b"\tone\x1b[2J\n"), "    one\\x1b[2J");
        let coloured = b"\x1b[1m\x1b[31merror:\x1b[0m no \x1b[38;5;3mport\x1b[m\x1b[?25l\x1b[";
        assert_eq!(printed_line(coloured), "error: no port\\x1b[?25l\\x1b[");
    }

    #[test]
    fn what_is_cut_fits_wide_characters_included() {
        assert_eq!(cut("hello", 5), "hello");
        assert_eq!(cut("hello!", 5), "hell…");
        assert_eq!(cut("日本語", 5), "日本…");
        assert!(width(&cut("日本語日本語", 6)) <= 6);
        assert_eq!(cut_between_words("one two three", 10), "one two…");
    }

    #[test]
    fn lines_that_wrap_fit() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one  two", 8), ["one  two"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(
            paragraph("one two three", "x: ", 8),
            "x: one\n   two\n   three\n"
        );
    }
}
