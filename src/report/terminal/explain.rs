//! A page about a requirement or a transcript: what it asks, by which words of the assignment, and what to look at.

use std::fmt::Write;

use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::report::text::{harmless, paragraph, quoted, sentence};

/// Columns of the pages: they are read in terminals, files and mails.
const COLUMNS: usize = 80;

/// A page about a requirement and the transcripts that test it.
pub fn requirement(requirement: &Requirement, cases: &[&Case]) -> String {
    let mut page = format!("{} ({})\n", requirement.id, level(requirement.level));
    page.push_str(&paragraph(&sentence(&requirement.sentence), "", COLUMNS));
    page.push('\n');
    if !requirement.assignment.is_empty() {
        page.push_str(&paragraph(
            &quoted(requirement),
            "Assignment says:  ",
            COLUMNS,
        ));
    }
    if let Some(reason) = &requirement.reason {
        page.push_str(&paragraph(&sentence(reason), "Why it is asked:  ", COLUMNS));
    }
    page.push_str(&paragraph(
        &sentence(&requirement.fix),
        "What to look at:  ",
        COLUMNS,
    ));
    page.push('\n');
    if cases.is_empty() {
        page.push_str("✗ No transcript tests it.\n");
    } else {
        page.push_str("Tested by:\n");
    }
    for case in cases {
        let _ = writeln!(page, "  {}", harmless(&case.name));
        let top = harmless(&case.transcript.sentence);
        page.push_str(&paragraph(&top, "    ", COLUMNS));
    }
    page
}

/// A page about a transcript: its text, and the requirements that it tests.
pub fn transcript(case: &Case, requirements: &[Requirement]) -> String {
    let mut page = format!("{}\n\n", harmless(&case.name));
    for line in case.source.lines() {
        let _ = writeln!(page, "{}", format!("    {}", harmless(line)).trim_end());
    }
    page.push_str("\nIt tests:\n");
    for id in &case.transcript.covers {
        match requirements
            .iter()
            .find(|requirement| requirement.id == *id)
        {
            Some(requirement) => {
                let _ = writeln!(page, "  {id} ({})", level(requirement.level));
                page.push_str(&paragraph(
                    &sentence(&requirement.sentence),
                    "    ",
                    COLUMNS,
                ));
            }
            None => {
                let _ = writeln!(page, "  {}: ✗ there is no such requirement", harmless(id));
            }
        }
    }
    page
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "must: the assignment says so",
        Level::Implied => "implied: the assignment cannot work without it",
        Level::Hardening => "hardening: beyond the assignment, not counted",
    }
}
