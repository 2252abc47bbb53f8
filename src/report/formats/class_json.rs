//! A class as JSON: the points of each submission, the failures that submissions share, and statistics.
//! `docs/results.md` describes it for users.
//!
//! The schema is `chat-conformance/class/2`; the rules for changes are those of [`super::json`]. Nothing in it depends
//! on time.

use serde::Serialize;

use super::json;
use super::submission_json::Marks;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::score::{PartScore, RequirementScore};
use crate::grading::triage::Cluster;
use crate::report::statistics::Statistics;
use crate::transcript::syntax::Role;

/// The document's name and version.
pub const SCHEMA: &str = "chat-conformance/class/2";

/// The document, indented, with a newline at its end.
pub fn render(class: &Class) -> String {
    json::text(&Document {
        schema: SCHEMA,
        name: &class.name,
        statistics: Statistics::of(&class.marks()),
        clusters: class.clusters.iter().map(ClusterEntry::of).collect(),
        submissions: class.submissions.iter().map(SubmissionEntry::of).collect(),
    })
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    name: &'a str,
    statistics: Statistics,
    clusters: Vec<ClusterEntry<'a>>,
    submissions: Vec<SubmissionEntry<'a>>,
}

#[derive(Serialize)]
struct ClusterEntry<'a> {
    role: Role,
    requirement: &'a str,
    transcript: &'a str,
    line: usize,
    shape: String,
    count: usize,
    exemplar: &'a str,
    submissions: &'a [String],
}

impl<'a> ClusterEntry<'a> {
    fn of(cluster: &'a Cluster) -> ClusterEntry<'a> {
        let fingerprint = &cluster.fingerprint;
        ClusterEntry {
            role: fingerprint.role,
            requirement: &fingerprint.requirement,
            transcript: &fingerprint.transcript,
            line: fingerprint.line,
            shape: fingerprint.shape.to_string(),
            count: cluster.submissions.len(),
            exemplar: cluster.exemplar(),
            submissions: &cluster.submissions,
        }
    }
}

#[derive(Serialize)]
struct SubmissionEntry<'a> {
    submission: &'a str,
    points: Marks,
    doubts: &'a [String],
    parts: Vec<PartEntry<'a>>,
}

impl<'a> SubmissionEntry<'a> {
    fn of(assessment: &'a Assessment) -> SubmissionEntry<'a> {
        let score = &assessment.score;
        let parts = score.parts.iter();
        SubmissionEntry {
            submission: &assessment.submission,
            points: Marks::new(score.earned, score.most),
            doubts: &score.doubts,
            parts: parts.map(|part| PartEntry::of(part, assessment)).collect(),
        }
    }
}

#[derive(Serialize)]
struct PartEntry<'a> {
    role: Role,
    points: Marks,
    /// Why the program was not judged.
    reason: Option<&'a str>,
    requirements: Vec<RequirementEntry<'a>>,
}

impl<'a> PartEntry<'a> {
    fn of(part: &'a PartScore, assessment: &'a Assessment) -> PartEntry<'a> {
        let unjudged = assessment
            .part(part.role)
            .map(|part| part.result.as_ref().err());
        PartEntry {
            role: part.role,
            points: Marks::new(part.earned, part.most),
            reason: unjudged.flatten().map(|unjudged| unjudged.reason.as_str()),
            requirements: part.requirements.iter().map(RequirementEntry::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct RequirementEntry<'a> {
    id: &'a str,
    verdict: Verdict,
    points: Marks,
}

impl<'a> RequirementEntry<'a> {
    fn of(score: &'a RequirementScore) -> RequirementEntry<'a> {
        RequirementEntry {
            id: &score.requirement.id,
            verdict: score.verdict,
            points: Marks::new(score.earned, score.most),
        }
    }
}
