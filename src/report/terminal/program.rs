//! The whole report on one program: the totals, the root cause where there is one, each failure, and the table.

use super::{failure, summary};
use crate::conformance::judge::result::{RunResult, Verdict};
use crate::report::Style;
use crate::report::root_cause::{self, RootCause};
use crate::report::text::{Ink, cut, harmless, paragraph, ruled};

/// The report. A program that passes has the table and the totals only.
pub fn render(result: &RunResult, style: Style) -> String {
    let heading = summary::heading(result, style);
    let table = summary::table(result, style);
    let totals = summary::totals(result, style);
    let cause = root_cause::of(result);
    let failures = failure::below(cause.as_ref(), result, style);
    if failures.is_empty() && cause.is_none() {
        return format!("{heading}\n{table}\n{totals}");
    }
    let cause = cause.map_or(String::new(), |cause| first_of_all(&cause, style));
    let requirements = style.ink(Ink::Heading, &ruled("requirements", style.prose()));
    let next = next_step(result, style);
    format!("{heading}\n{totals}\n{cause}{failures}{requirements}\n\n{table}\n{totals}{next}")
}

/// How to go on from a failure.
fn next_step(result: &RunResult, style: Style) -> String {
    let mut requirements = result.requirements.iter();
    let Some(failing) = requirements.find(|known| known.verdict == Verdict::Fail) else {
        return String::new();
    };
    let id = &failing.requirement.id;
    let next = format!(
        "`conform explain {id}` explains {id}; with `--only {id}` the next run tests nothing else."
    );
    format!("\n{}", paragraph(&harmless(&next), "", style.prose()))
}

/// The root cause: one sentence, what the program printed, and what to do.
fn first_of_all(cause: &RootCause<'_>, style: Style) -> String {
    let title = ruled("start here", style.prose());
    let sentence = paragraph(&cause.sentence, "✗ ", style.prose());
    let mut shown = format!(
        "{}\n{}\n",
        style.ink(Ink::Bad, &title),
        style.ink(Ink::Bad, sentence.trim_end())
    );
    if !cause.printed.is_empty() {
        shown.push_str("\nThe last lines that it printed:\n");
    }
    for line in &cause.printed {
        let line = cut(&harmless(line), style.width.saturating_sub(4));
        shown.push_str(&format!("    {line}\n"));
    }
    shown.push('\n');
    shown.push_str(&paragraph(&cause.advice, "What to do:  ", style.prose()));
    shown.push_str(&paragraph(&cause.consequence(), "", style.prose()));
    shown + "\n"
}
