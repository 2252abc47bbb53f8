//! From evidence to verdicts: a pure function, so that grading can be repeated and argued about.
//!
//! One fault is charged once, where it is. A transcript that stops at a step which speaks of a row
//! that it does not cover is blocked by that row, if that row fails in a transcript of its own; if
//! it holds there, the fault is this transcript's own subject after all.

use std::collections::BTreeSet;

use super::evidence::{Evidence, Outcome};
use super::requirement::Requirement;
use super::result::{Case, RequirementResult, TranscriptResult, Verdict};

/// A transcript with what was seen in each of its runs.
pub type Replayed = (Case, Vec<Evidence>);

/// Judges transcripts, each in the light of all.
pub fn judge(replayed: Vec<Replayed>) -> Vec<TranscriptResult> {
    let mut open: Vec<Option<Finding>> = replayed
        .iter()
        .map(|(case, runs)| Some(Finding::of(case, runs)))
        .collect();
    let mut settled: Vec<Option<Settled>> = replayed.iter().map(|_| None).collect();
    let mut failing = BTreeSet::new();
    while open.iter().any(Option::is_some) {
        settle_one_round(&replayed, &mut open, &mut settled, &mut failing);
    }
    let results = replayed.into_iter().zip(settled);
    results
        .map(|((case, runs), settled)| settled.unwrap_or_default().into_result(case, runs))
        .collect()
}

/// What the runs of one transcript say by themselves.
enum Finding {
    Passed,
    Unsure,
    NotRun,
    /// It stopped at a step that speaks of this row, if of any.
    Stopped(Option<String>),
}

impl Finding {
    fn of(case: &Case, runs: &[Evidence]) -> Finding {
        let passes = |run: &Evidence| run.outcome == Outcome::Completed;
        if runs.is_empty() {
            return Finding::NotRun;
        }
        if runs
            .iter()
            .any(|run| matches!(run.outcome, Outcome::Unable { .. }))
        {
            return Finding::Unsure;
        }
        match runs.iter().filter(|run| passes(run)).count() {
            passed if passed == runs.len() => return Finding::Passed,
            0 => {}
            _ => return Finding::Unsure,
        }
        let rows: Vec<Option<&String>> = runs.iter().map(row_of).collect();
        // Where runs stopped at different places, one that is the transcript's own says most.
        let own = rows
            .iter()
            .flatten()
            .find(|row| case.transcript.covers.contains(**row));
        Finding::Stopped(
            own.or(rows.iter().flatten().next())
                .map(|row| (*row).clone()),
        )
    }
}

fn row_of(run: &Evidence) -> Option<&String> {
    match &run.outcome {
        Outcome::FellShort(shortfall) => shortfall.speaks_of.as_ref(),
        Outcome::Skipped { because_of } => Some(because_of),
        Outcome::Completed | Outcome::Unable { .. } => None,
    }
}

/// The verdict on one transcript, without what it rests on.
#[derive(Default)]
struct Settled {
    verdict: Option<Verdict>,
    fails: Vec<String>,
    blocked_by: Option<String>,
}

impl Settled {
    fn plainly(verdict: Verdict) -> Settled {
        Settled {
            verdict: Some(verdict),
            ..Settled::default()
        }
    }

    fn failing(row: &str) -> Settled {
        Settled {
            verdict: Some(Verdict::Fail),
            fails: vec![row.to_owned()],
            blocked_by: None,
        }
    }

    fn blocked(row: &str) -> Settled {
        Settled {
            verdict: Some(Verdict::Blocked),
            fails: Vec::new(),
            blocked_by: Some(row.to_owned()),
        }
    }

    fn into_result(self, case: Case, runs: Vec<Evidence>) -> TranscriptResult {
        let covers_more = |fails: &Vec<String>| case.transcript.covers.len() > fails.len();
        let blocked_by = match (&self.blocked_by, self.fails.first()) {
            (None, Some(row)) if covers_more(&self.fails) => Some(row.clone()),
            _ => self.blocked_by,
        };
        let verdict = self.verdict.unwrap_or(Verdict::Untested);
        TranscriptResult {
            case,
            verdict,
            fails: self.fails,
            blocked_by,
            runs,
        }
    }
}

/// Settles what can be settled by what is known; where nothing can, the first that waits for a row
/// that no open transcript could still make fail, or else simply the first.
fn settle_one_round(
    replayed: &[Replayed],
    open: &mut [Option<Finding>],
    settled: &mut [Option<Settled>],
    failing: &mut BTreeSet<String>,
) {
    let mut progress = false;
    for (position, (case, _)) in replayed.iter().enumerate() {
        let covers = &case.transcript.covers;
        let verdict = match &open[position] {
            None => continue,
            Some(Finding::Passed) => Settled::plainly(Verdict::Pass),
            Some(Finding::Unsure) => Settled::plainly(Verdict::Unsure),
            Some(Finding::NotRun) => Settled::plainly(Verdict::Untested),
            Some(Finding::Stopped(Some(row))) if covers.contains(row) => Settled::failing(row),
            Some(Finding::Stopped(Some(row))) if failing.contains(row) => Settled::blocked(row),
            Some(Finding::Stopped(Some(row))) if !is_judged(replayed, row) => Settled::blocked(row),
            Some(Finding::Stopped(None)) => Settled::failing(&covers[0]),
            Some(Finding::Stopped(Some(_))) => continue,
        };
        failing.extend(verdict.fails.iter().cloned());
        settled[position] = Some(verdict);
        open[position] = None;
        progress = true;
    }
    if progress {
        return;
    }
    let could_yet_fail = |row: &str| {
        let open_cases = replayed
            .iter()
            .zip(&*open)
            .filter(|(_, finding)| finding.is_some());
        open_cases
            .into_iter()
            .any(|((case, _), _)| case.transcript.covers[0] == row)
    };
    let is_final = |finding: &Option<Finding>| matches!(finding, Some(Finding::Stopped(Some(row))) if !could_yet_fail(row));
    let next = open
        .iter()
        .position(is_final)
        .or(open.iter().position(Option::is_some));
    if let Some(position) = next {
        let row = &replayed[position].0.transcript.covers[0];
        failing.insert(row.clone());
        settled[position] = Some(Settled::failing(row));
        open[position] = None;
    }
}

/// Whether any transcript that was run is about `row`.
fn is_judged(replayed: &[Replayed], row: &str) -> bool {
    replayed
        .iter()
        .any(|(case, runs)| !runs.is_empty() && case.transcript.covers.iter().any(|id| id == row))
}

/// The verdict on each requirement, by the transcripts that cover it.
pub fn by_requirement(
    requirements: Vec<Requirement>,
    transcripts: &[TranscriptResult],
) -> Vec<RequirementResult> {
    requirements
        .into_iter()
        .map(|requirement| on_requirement(requirement, transcripts))
        .collect()
}

fn on_requirement(requirement: Requirement, all: &[TranscriptResult]) -> RequirementResult {
    let id = &requirement.id;
    let judging: Vec<&TranscriptResult> = all
        .iter()
        .filter(|result| result.case.transcript.covers.contains(id))
        .collect();
    let any = |test: &dyn Fn(&TranscriptResult) -> bool| judging.iter().any(|result| test(result));
    let mut blocked_by: Vec<String> = Vec::new();
    let verdict = if any(&|result| result.fails.contains(id)) {
        Verdict::Fail
    } else if any(&|result| result.verdict == Verdict::Unsure) {
        Verdict::Unsure
    } else if any(&|result| result.blocked_by.is_some()) {
        blocked_by = judging
            .iter()
            .filter_map(|result| result.blocked_by.clone())
            .collect();
        blocked_by.sort();
        blocked_by.dedup();
        Verdict::Blocked
    } else if any(&|result| result.verdict == Verdict::Pass) {
        Verdict::Pass
    } else {
        Verdict::Untested
    };
    let transcripts = judging
        .iter()
        .map(|result| result.case.name.clone())
        .collect();
    RequirementResult {
        requirement,
        verdict,
        transcripts,
        blocked_by,
    }
}
