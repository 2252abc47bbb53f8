//! One submission as JSON: its points with the reasons, and the result of each program as in [`super::json`].
//! `docs/results.md` describes it for users.
//!
//! The schema is `chat-conformance/submission/2`; the rules for changes are those of [`super::json`].

use serde::Serialize;

use super::json::{self, Document};
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::Level;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::points::Points;
use crate::grading::score::{Adjustment, HandScore, PartScore, Repair, RequirementScore};
use crate::report::scores::scored;
use crate::transcript::syntax::Role;

/// The document's name and version.
pub const SCHEMA: &str = "chat-conformance/submission/2";

/// The document, indented, with a newline at its end.
pub fn render(assessment: &Assessment) -> String {
    let score = &assessment.score;
    let part = |part| PartEntry::of(part, scored(assessment, part.role));
    json::text(&Submission {
        schema: SCHEMA,
        submission: &assessment.submission,
        points: Marks::new(score.earned, score.most),
        by_hand: score.by_hand.iter().map(HandEntry::of).collect(),
        adjustments: adjustments(&score.adjustments),
        repairs: score.repairs.iter().map(RepairEntry::of).collect(),
        doubts: &score.doubts,
        parts: assessment.parts.iter().map(part).collect(),
    })
}

#[derive(Serialize)]
struct Submission<'a> {
    schema: &'static str,
    submission: &'a str,
    points: Marks,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_hand: Vec<HandEntry<'a>>,
    adjustments: Vec<AdjustmentEntry<'a>>,
    repairs: Vec<RepairEntry<'a>>,
    doubts: &'a [String],
    parts: Vec<PartEntry<'a>>,
}

/// What a person marked.
#[derive(Serialize)]
struct HandEntry<'a> {
    what: &'a str,
    points: Marks,
    remark: &'a str,
}

impl<'a> HandEntry<'a> {
    fn of(group: &'a HandScore) -> HandEntry<'a> {
        HandEntry {
            what: &group.what,
            points: Marks::new(group.earned, group.most),
            remark: &group.remark,
        }
    }
}

/// Points earned, of the points possible.
#[derive(Serialize)]
pub(in crate::report) struct Marks {
    earned: Points,
    possible: Points,
}

impl Marks {
    pub(in crate::report) fn new(earned: Points, possible: Points) -> Marks {
        Marks { earned, possible }
    }
}

#[derive(Serialize)]
struct PartEntry<'a> {
    role: Role,
    command: &'a [String],
    points: Option<Marks>,
    adjustments: Vec<AdjustmentEntry<'a>>,
    requirements: Vec<RequirementEntry<'a>>,
    unjudged: Option<UnjudgedEntry<'a>>,
    result: Option<Document<'a>>,
}

#[derive(Serialize)]
struct UnjudgedEntry<'a> {
    reason: &'a str,
    output: &'a str,
    is_its_own_fault: bool,
}

#[derive(Serialize)]
struct RequirementEntry<'a> {
    id: &'a str,
    level: Level,
    verdict: Verdict,
    points: Marks,
    reason: &'a str,
    blocked_by: &'a [String],
}

#[derive(Serialize)]
struct AdjustmentEntry<'a> {
    points: Points,
    reason: &'a str,
}

#[derive(Serialize)]
struct RepairEntry<'a> {
    role: Role,
    requirement: &'a str,
    unlocks: &'a [String],
    at_least: Points,
    at_most: Points,
}

impl<'a> PartEntry<'a> {
    fn of(part: &'a AssessedPart, scored: Option<&'a PartScore>) -> PartEntry<'a> {
        PartEntry {
            role: part.role,
            command: &part.command,
            points: scored.map(|part| Marks::new(part.earned, part.most)),
            adjustments: scored.map_or(Vec::new(), |part| adjustments(&part.adjustments)),
            requirements: scored.map_or(Vec::new(), |part| {
                part.requirements.iter().map(RequirementEntry::of).collect()
            }),
            unjudged: part.result.as_ref().err().map(UnjudgedEntry::of),
            result: part.result.as_ref().ok().map(Document::of),
        }
    }
}

impl<'a> UnjudgedEntry<'a> {
    fn of(unjudged: &'a Unjudged) -> UnjudgedEntry<'a> {
        UnjudgedEntry {
            reason: &unjudged.reason,
            output: &unjudged.output,
            is_its_own_fault: unjudged.is_its_own_fault,
        }
    }
}

impl<'a> RequirementEntry<'a> {
    fn of(score: &'a RequirementScore) -> RequirementEntry<'a> {
        RequirementEntry {
            id: &score.requirement.id,
            level: score.requirement.level,
            verdict: score.verdict,
            points: Marks::new(score.earned, score.most),
            reason: &score.reason,
            blocked_by: &score.blocked_by,
        }
    }
}

impl<'a> RepairEntry<'a> {
    fn of(repair: &'a Repair) -> RepairEntry<'a> {
        RepairEntry {
            role: repair.role,
            requirement: &repair.requirement,
            unlocks: &repair.unlocks,
            at_least: repair.at_least,
            at_most: repair.at_most,
        }
    }
}

fn adjustments(all: &[Adjustment]) -> Vec<AdjustmentEntry<'_>> {
    all.iter()
        .map(|adjustment| AdjustmentEntry {
            points: adjustment.points,
            reason: &adjustment.reason,
        })
        .collect()
}
