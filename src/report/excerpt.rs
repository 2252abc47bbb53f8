//! The lines of a transcript around the one that did not hold.

use std::fmt::Write;

use super::Style;
use super::text::{Ink, cut, harmless, width};
use crate::conformance::result::Case;
use crate::transcript::syntax::Step;

/// Lines shown before the marked one, and after it: enough for most transcripts in full.
const BEFORE: usize = 14;
const AFTER: usize = 3;

/// Those lines, numbered, with a caret below the marked one where the step says what it does.
pub(super) fn render(case: &Case, step: &Step, style: Style) -> String {
    let lines: Vec<&str> = case.source.lines().collect();
    let conversation = case.transcript.steps.first().map_or(1, |step| step.line);
    let first = conversation.max(step.line.saturating_sub(BEFORE));
    let last = lines.len().min(step.line + AFTER);
    let digits = last.to_string().len();
    let mut shown = String::new();
    for number in first..=last {
        let Some(line) = lines.get(number - 1) else {
            continue;
        };
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
        &format!("    {:digits$} | {indent}^ fell short here", ""),
    )
}
