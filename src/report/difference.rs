//! The expected line above the received one, with the difference marked.

use super::Style;
use super::text::{Ink, cut, width};

/// Characters shown before the first difference if the lines are too long to be shown whole.
const CONTEXT: usize = 20;

/// `expected` and `received` (both already visible text) with carets below the difference.
///
/// `open_ended`: the received line may go on after `expected`.
pub(super) fn render(expected: &str, open_ended: bool, received: &str, style: Style) -> String {
    const MARGIN: &str = "            ";
    let columns = style.width.saturating_sub(MARGIN.len()).max(20);
    let difference = Difference::between(expected, open_ended, received);
    let skip = difference.skip(expected, received, columns);
    let window = |text: &str| cut(&behind(text, skip), columns);
    let before = width(&behind(&received_before(received, difference.at), skip));
    let carets = difference.carets(received, before, columns);
    let ending = if open_ended { " ..." } else { "" };
    format!(
        "  expected  {}{ending}\n  received  {}\n{MARGIN}{}\n",
        window(expected),
        style.ink(Ink::Bad, &window(received)),
        style.ink(Ink::Bad, &cut(&carets, columns)),
    )
}

/// The stretch in which two lines differ.
pub(super) struct Difference {
    /// The first character that differs, in both.
    pub(super) at: usize,
    /// The end of the difference in the received line.
    pub(super) until: usize,
    /// The end of the difference in the expected line.
    pub(super) expected_until: usize,
    /// What is wrong there, in words.
    pub(super) words: &'static str,
}

impl Difference {
    pub(super) fn between(expected: &str, open_ended: bool, received: &str) -> Self {
        let wanted: Vec<char> = expected.chars().collect();
        let came: Vec<char> = received.chars().collect();
        let same = |pair: &(&char, &char)| pair.0 == pair.1;
        let at = wanted.iter().zip(&came).take_while(same).count();
        let (wanted, rest) = (&wanted[at..], &came[at..]);
        let tail = if open_ended {
            0
        } else {
            wanted
                .iter()
                .rev()
                .zip(rest.iter().rev())
                .take_while(same)
                .count()
        };
        let until = at + rest.len() - tail;
        let words = if rest.is_empty() && !wanted.is_empty() {
            "the rest is missing"
        } else if until == at && !wanted.is_empty() {
            "missing here"
        } else if wanted.len() == tail {
            "too much"
        } else {
            "differs"
        };
        Difference {
            at,
            until,
            expected_until: at + wanted.len() - tail,
            words,
        }
    }

    /// The carets, with the words at that side of them where there is room.
    fn carets(&self, received: &str, before: usize, columns: usize) -> String {
        let differing = received.chars().skip(self.at).take(self.until - self.at);
        let marks = width(&differing.collect::<String>()).max(1);
        let carets = "^".repeat(marks.min(columns.saturating_sub(before).max(1)));
        let words = self.words;
        if before + carets.len() + 1 + words.len() <= columns || before <= words.len() {
            format!("{}{carets} {words}", " ".repeat(before))
        } else {
            format!("{words:>0$} {carets}", before - 1)
        }
    }

    /// How many characters to leave out in front, so that the difference is in sight.
    fn skip(&self, expected: &str, received: &str, columns: usize) -> usize {
        let fits = width(expected).max(width(received)) <= columns;
        if fits {
            0
        } else {
            self.at.saturating_sub(CONTEXT)
        }
    }
}

fn received_before(received: &str, at: usize) -> String {
    received.chars().take(at).collect()
}

fn behind(text: &str, skip: usize) -> String {
    if skip == 0 {
        return text.to_string();
    }
    let rest: String = text.chars().skip(skip).collect();
    format!("…{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expected: &str, open_ended: bool, received: &str) -> String {
        let style = Style {
            colour: false,
            width: 60,
        };
        render(expected, open_ended, received, style)
    }

    #[test]
    fn the_first_difference_is_marked() {
        let lines = shown(
            "200 Registration successful",
            false,
            "200 Registration succesful",
        );
        let caret = "                                   ^ missing here\n";
        assert!(lines.ends_with(caret), "{lines}");
        assert_eq!(
            shown("@a: b c", false, "@a: x c"),
            "  expected  @a: b c\n  received  @a: x c\n                ^ differs\n"
        );
    }

    #[test]
    fn a_prefix_stops_short_and_an_addition_is_too_much() {
        assert!(shown("hello", false, "hel").contains("   ^ the rest is missing"));
        assert!(shown("hello", false, "hello, all").contains("^^^^^ too much"));
        assert!(shown("401", true, "200 fine").contains("  expected  401 ...\n"));
    }

    #[test]
    fn wide_characters_move_the_caret() {
        let lines = shown("日本", false, "日x");
        assert!(lines.ends_with("\n              ^ differs\n"), "{lines}");
    }

    #[test]
    fn long_lines_are_shown_around_the_difference() {
        let long = "x".repeat(500);
        let lines = shown(&format!("{long}a"), false, &format!("{long}b"));
        assert!(lines.contains("xa\n") && lines.contains("xb\n"), "{lines}");
        assert!(lines.lines().all(|line| width(line) <= 60), "{lines}");
    }
}
