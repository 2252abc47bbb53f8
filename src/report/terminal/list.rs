//! Every requirement with the transcripts that test it.

use std::fmt::Write;

use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::Requirement;
use crate::report::text::{count, cut_between_words, harmless, pad, paragraph};

/// Columns of the list: it is read in terminals, files and mails.
const COLUMNS: usize = 80;

/// Columns before the sentences, and before the transcripts' names.
const ID: usize = 8;
const LEVEL: usize = 9;
const MARGIN: usize = ID + 2;

/// Each requirement with its transcripts below it; at the end the totals and the mistakes.
pub fn render(requirements: &[Requirement], cases: &[Case]) -> String {
    let mut shown = String::new();
    for requirement in requirements {
        shown.push_str(&requirement_line(requirement));
        for line in transcript_lines(&requirement.id, cases) {
            let _ = writeln!(shown, "{}{line}", " ".repeat(MARGIN));
        }
    }
    let requirements_count = count(requirements.len(), "requirement");
    let cases_count = count(cases.len(), "transcript");
    let _ = writeln!(shown, "\n{requirements_count}, {cases_count}.");
    shown + &amiss(requirements, cases)
}

fn requirement_line(requirement: &Requirement) -> String {
    let columns = COLUMNS - MARGIN - LEVEL - 2;
    let sentence = cut_between_words(&requirement.sentence, columns);
    let id = pad(&requirement.id, ID);
    format!("{id}  {:LEVEL$}  {sentence}\n", requirement.level)
}

fn transcript_lines(id: &str, cases: &[Case]) -> Vec<String> {
    let judges = |case: &&Case| case.transcript.covers.iter().any(|covered| covered == id);
    let names = cases.iter().filter(judges).map(|case| harmless(&case.name));
    let lines: Vec<String> = names.collect();
    if lines.is_empty() {
        vec!["✗ no transcript tests it".to_string()]
    } else {
        lines
    }
}

/// Requirements without a transcript, and unknown ids in transcripts.
fn amiss(requirements: &[Requirement], cases: &[Case]) -> String {
    let covered = |id: &String| cases.iter().any(|case| case.transcript.covers.contains(id));
    let ids = requirements.iter().map(|requirement| &requirement.id);
    let bare: Vec<&str> = ids.filter(|id| !covered(id)).map(String::as_str).collect();
    let mut shown = String::new();
    if !bare.is_empty() {
        let text = format!("{} without a transcript: {}", bare.len(), bare.join(", "));
        shown.push_str(&paragraph(&text, "✗ ", COLUMNS));
    }
    for case in cases {
        let known = |id: &&String| {
            requirements
                .iter()
                .any(|requirement| requirement.id == **id)
        };
        for id in case.transcript.covers.iter().filter(|id| !known(id)) {
            let (name, id) = (harmless(&case.name), harmless(id));
            let text = format!("{name} covers {id}, and there is no such requirement");
            shown.push_str(&paragraph(&text, "✗ ", COLUMNS));
        }
    }
    shown
}
