//! What reports on a submission look up: which requirements count, what they cost, and where a transcript failed.

use crate::conformance::evidence::Outcome;
use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::judge::result::{TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Requirement;
use crate::grading::assessment::Assessment;
use crate::grading::points::{Points, counted};
use crate::grading::score::{PartScore, RequirementScore};
use crate::transcript::syntax::Role;

/// `87.5 of 100 points`.
pub(super) fn mark(earned: Points, most: Points) -> String {
    format!("{earned} of {}", counted(most))
}

/// Whether points depend on the requirement.
pub(super) fn counts(entry: &RequirementScore) -> bool {
    entry.most > Points::ZERO
}

/// The points that the requirement costs.
pub(super) fn lost(entry: &RequirementScore) -> Points {
    entry.most - entry.earned
}

/// The requirement's id, with the role where both roles have it.
pub(super) fn requirement_name(role: Role, requirement: &Requirement) -> String {
    if requirement.is_asked_of(Role::Server) && requirement.is_asked_of(Role::Client) {
        format!("{} ({role})", requirement.id)
    } else {
        requirement.id.clone()
    }
}

/// Stands above the reasons why somebody should check a mark. Teachers and students read the same report.
pub(super) const NOT_FINAL: &str = "Not final, a person has to check this mark";

/// A verdict in a word or two.
pub fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passes",
        Verdict::Fail => "fails",
        Verdict::Blocked => "blocked",
        Verdict::Unsure => "unsure",
        Verdict::NotApplicable => "not applicable",
        Verdict::Untested => "untested",
    }
}

/// The points of this role.
pub(super) fn scored(assessment: &Assessment, role: Role) -> Option<&PartScore> {
    assessment.score.parts.iter().find(|part| part.role == role)
}

/// Whether points depend on one of these requirements.
pub(super) fn any_counts(part: Option<&PartScore>, ids: &[String]) -> bool {
    let mut entries = part.iter().flat_map(|part| &part.requirements);
    entries.any(|entry| ids.contains(&entry.requirement.id) && counts(entry))
}

/// The requirements that a failed transcript is charged to.
pub(super) fn held_against(judged: &TranscriptResult) -> &[String] {
    if judged.fails.is_empty() {
        &judged.case.transcript.covers
    } else {
        &judged.fails
    }
}

/// Where the run that a report shows departed from the transcript.
pub(super) fn shortfall(judged: &TranscriptResult) -> Option<&Shortfall> {
    match &judged.telling_run()?.outcome {
        Outcome::FellShort(shortfall) => Some(shortfall),
        _ => None,
    }
}

/// The transcript's file in the suite, and the number of the line that failed, or 1.
pub(super) fn place(judged: &TranscriptResult) -> (String, usize) {
    let steps = &judged.case.transcript.steps;
    let step = shortfall(judged).and_then(|shortfall| steps.get(shortfall.step));
    let file = format!("conformance/{}.chat", judged.case.name);
    (file, step.map_or(1, |step| step.line))
}

/// The shortest of the transcripts that decided the verdict on a requirement.
pub(super) fn telling_transcript<'a>(
    assessment: &'a Assessment,
    role: Role,
    entry: &RequirementScore,
) -> Option<&'a TranscriptResult> {
    let result = assessment.part(role)?.result.as_ref().ok()?;
    let id = &entry.requirement.id;
    let decided = |judged: &&TranscriptResult| match entry.verdict {
        Verdict::Fail => judged.fails.contains(id),
        verdict => judged.verdict == verdict && judged.case.transcript.covers.contains(id),
    };
    let deciding = result.transcripts.iter().filter(decided);
    deciding.min_by_key(|judged| judged.length())
}

/// Items by group, in the order in which the groups first appear.
pub(super) fn groups<T>(items: &[T], heading: impl Fn(&T) -> &str) -> Vec<(&str, Vec<&T>)> {
    let mut groups: Vec<(&str, Vec<&T>)> = Vec::new();
    for item in items {
        let name = heading(item);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(item),
            None => groups.push((name, vec![item])),
        }
    }
    groups
}
