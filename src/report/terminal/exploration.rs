//! What came of random conversations: each finding as a failure of its requirement and as a transcript, and the totals.

use std::fmt::Write;

use super::failure;
use crate::conformance::judge::result::RunResult;
use crate::exploration::search::Findings;
use crate::report::Style;
use crate::report::text::{Ink, count, harmless, paragraph, ruled};

/// The report. `result` judges the program by the findings alone.
pub fn render(findings: &Findings, result: &RunResult, seed: u64, style: Style) -> String {
    let mut shown = String::new();
    for remark in &result.remarks {
        shown.push_str(&paragraph(&harmless(remark), "", style.prose()));
    }
    shown.push_str(&failure::render(result, style));
    for finding in &findings.found {
        let title = format!("{}.chat", harmless(&finding.case.name));
        let title = ruled(&title, style.prose());
        let _ = writeln!(shown, "{}", style.ink(Ink::Heading, &title));
        for line in finding.case.source.lines() {
            let _ = writeln!(shown, "{}", harmless(line));
        }
        shown.push('\n');
    }
    let _ = writeln!(
        shown,
        "{} in {} in {:.0} s (seed {seed}).",
        count(findings.found.len(), "finding"),
        count(
            usize::try_from(findings.tried).unwrap_or(usize::MAX),
            "conversation"
        ),
        result.seconds,
    );
    if !findings.unsteady.is_empty() {
        let numbers: Vec<String> = findings.unsteady.iter().map(u64::to_string).collect();
        let text = format!(
            "Not counted, because they failed in one run and not in another: {} (numbers {}).",
            count(numbers.len(), "conversation"),
            numbers.join(", ")
        );
        shown.push_str(&paragraph(&text, "", style.prose()));
    }
    if findings.without_result > 0 {
        let _ = writeln!(
            shown,
            "{} of the conversations had no result, because the machine could not do its part.",
            findings.without_result
        );
    }
    shown
}
