//! The lines of a transcript around the one that failed.

use std::fmt::Write;
use std::ops::RangeInclusive;

use super::Style;
use super::text::{Ink, cut, harmless, width};
use crate::conformance::suite::Case;
use crate::transcript::syntax::Step;

/// Lines shown before the marked one, and after it: enough for most transcripts in full.
const BEFORE: usize = 14;
const AFTER: usize = 3;

/// The lines around a step, each with its number.
pub(super) fn lines<'c>(case: &'c Case, step: &Step) -> Vec<(usize, &'c str)> {
    let numbers = numbers(case, step);
    let numbered = (1..).zip(case.source.lines());
    numbered
        .filter(|(number, _)| numbers.contains(number))
        .collect()
}

fn numbers(case: &Case, step: &Step) -> RangeInclusive<usize> {
    let conversation = case.transcript.steps.first().map_or(1, |step| step.line);
    let first = conversation.max(step.line.saturating_sub(BEFORE));
    first..=case.source.lines().count().min(step.line + AFTER)
}

/// The lines around a step, numbered, with a caret below the part of the line that failed.
pub(super) fn render(case: &Case, step: &Step, style: Style) -> String {
    let digits = numbers(case, step).end().to_string().len();
    let mut shown = String::new();
    for (number, line) in lines(case, step) {
        let line = cut(&harmless(line), style.width.saturating_sub(digits + 7));
        if number == step.line {
            let marked = format!("  > {number:digits$} | {line}");
            let _ = writeln!(shown, "{}", style.ink(Ink::Bad, &marked));
            let _ = writeln!(shown, "{}", caret(step, digits, style));
        } else {
            let row = format!("    {number:digits$} | {line}");
            let _ = writeln!(shown, "{}", style.ink(Ink::Quiet, row.trim_end()));
        }
    }
    shown
}

fn caret(step: &Step, digits: usize, style: Style) -> String {
    let before: String = step
        .source
        .chars()
        .take(step.column.saturating_sub(1))
        .collect();
    let indent = " ".repeat(width(&before));
    style.ink(
        Ink::Bad,
        &format!("    {:digits$} | {indent}^ failed here", ""),
    )
}
