//! What is said about one transcript's verdict, whatever it is drawn with.

use super::text::{count, harmless, sentence};
use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::{Outcome, visible};
use crate::conformance::judge::result::{RunResult, TranscriptResult};
use crate::transcript::syntax::Action;

/// What else is to be known about a failed transcript.
pub(super) fn remarks(judged: &TranscriptResult, result: &RunResult) -> Vec<String> {
    let mut remarks = Vec::new();
    if judged.runs_passed() > 0 {
        remarks.push(disagreement(judged) + ".");
    }
    for id in judged.fails.iter().skip(1) {
        let row = result
            .requirements
            .iter()
            .find(|row| row.requirement.id == *id);
        let says = row.map_or("", |row| &row.requirement.sentence);
        remarks.push(sentence(&format!("This also fails {id}: {says}")));
    }
    if let Some(by) = &judged.blocked_by {
        let open = judged
            .case
            .transcript
            .covers
            .iter()
            .filter(|id| !judged.fails.contains(id));
        let open: Vec<&str> = open.map(String::as_str).collect();
        if !open.is_empty() {
            remarks.push(format!(
                "It could not get as far as {}: blocked by {by}.",
                open.join(", ")
            ));
        }
    }
    remarks
}

fn disagreement(judged: &TranscriptResult) -> String {
    let runs = judged.runs.len();
    let short = runs - judged.runs_passed();
    if short == runs {
        return format!(
            "It fell short in each of {}, not always in the same way",
            count(runs, "run")
        );
    }
    format!("It fell short in {short} of {}", count(runs, "run"))
}

/// The expected line, whether whatever follows on it is right, and the line that came instead; `None` where
/// it was not one line in place of another.
pub(super) fn lines_that_differ(
    shortfall: &Shortfall,
    action: Option<&Action>,
) -> Option<(String, bool, String)> {
    let (
        Some(Action::Gets {
            line, open_ended, ..
        }),
        Some(came),
    ) = (action, shortfall.got.line())
    else {
        return None;
    };
    let (wanted, came) = (visible(line.as_bytes()), came.to_string());
    (wanted != came).then_some((wanted, *open_ended, came))
}

/// What was seen of a row that blocks others, where it fails in no transcript of its own: it may not have
/// been asked about at all.
pub(super) fn untold(row: &str, result: &RunResult) -> Option<String> {
    let mut transcripts = result.transcripts.iter();
    if transcripts.any(|judged| judged.fails.iter().any(|id| id == row)) {
        return None;
    }
    let mut transcripts = result.transcripts.iter();
    let blocked = transcripts.find(|judged| judged.blocked_by.as_deref() == Some(row));
    let run = blocked.and_then(TranscriptResult::telling_run)?;
    Some(sentence(&harmless(&format!("{}.", run.outcome))))
}

/// Why the harness could not tell, in a sentence.
pub(super) fn why_unsure(judged: &TranscriptResult) -> String {
    let Some(run) = judged.telling_run() else {
        return "It was not run.".to_string();
    };
    let outcome = harmless(&run.outcome.to_string());
    match &run.outcome {
        Outcome::FellShort(shortfall) => {
            let step = judged.case.transcript.steps.get(shortfall.step);
            let at = step.map_or(String::new(), |step| format!("line {}: ", step.line));
            format!("{}: {at}{outcome}.", disagreement(judged))
        }
        Outcome::Unable { .. } => format!("The harness could not do its part: {outcome}."),
        Outcome::Completed | Outcome::Skipped { .. } | Outcome::NotApplicable { .. } => {
            sentence(&format!("{outcome}."))
        }
    }
}
