//! The words about one transcript's verdict, the same on a terminal and on a page.

use super::text::{count, harmless, sentence};
use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::{Outcome, visible};
use crate::conformance::judge::result::{RunResult, TranscriptResult};
use crate::transcript::syntax::Action;

/// Remarks on a failed transcript: how often it fails, what else it fails, and what it could not reach.
pub(super) fn remarks(judged: &TranscriptResult, result: &RunResult) -> Vec<String> {
    let mut remarks = Vec::new();
    if judged.runs_passed() > 0 {
        remarks.push(disagreement(judged) + ".");
    }
    for id in judged.fails.iter().skip(1) {
        let mut requirements = result.requirements.iter().map(|known| &known.requirement);
        let requirement = requirements.find(|requirement| requirement.id == *id);
        let says = requirement.map_or("", |requirement| &requirement.sentence);
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
                "This says nothing about {}: blocked by {by}.",
                open.join(" and ")
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
            "It fails in each of {}, not always in the same way",
            count(runs, "run")
        );
    }
    format!("It fails in {short} of {}", count(runs, "run"))
}

/// The expected line, whether it may go on after these words, and the line that arrived instead. `None` where
/// no line arrived in place of the expected one.
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

/// What was seen of a requirement that blocks others, where no transcript fails it: `--only` may have left its own
/// transcripts out.
pub(super) fn untold(id: &str, result: &RunResult) -> Option<String> {
    let mut transcripts = result.transcripts.iter();
    if transcripts.any(|judged| judged.fails.iter().any(|failing| failing == id)) {
        return None;
    }
    let mut transcripts = result.transcripts.iter();
    let blocked = transcripts.find(|judged| judged.blocked_by.as_deref() == Some(id));
    let run = blocked.and_then(TranscriptResult::telling_run)?;
    Some(sentence(&harmless(&run.outcome.to_string())))
}

/// Why a transcript is unsure, in a sentence.
pub(super) fn why_unsure(judged: &TranscriptResult) -> String {
    let Some(run) = judged.telling_run() else {
        return "It was not replayed.".to_string();
    };
    let outcome = harmless(&run.outcome.to_string());
    match &run.outcome {
        Outcome::FellShort(shortfall) => {
            let step = judged.case.transcript.steps.get(shortfall.step);
            let at = step.map_or(String::new(), |step| format!("line {}: ", step.line));
            sentence(&format!("{}: {at}{outcome}", disagreement(judged)))
        }
        Outcome::Unable { .. } => {
            sentence(&format!("The harness could not do its part: {outcome}"))
        }
        Outcome::Completed | Outcome::Skipped { .. } | Outcome::NotApplicable { .. } => {
            sentence(&outcome)
        }
    }
}
