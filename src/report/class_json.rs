//! A class for programs: the points of each submission, who falls short alike, and statistics.
//! `conformance/RESULT.md` says the same to users.
//!
//! The schema is `chat-conformance/class/1`, and stays as that of the result does. Nothing in it depends on time.

use serde::Serialize;

use super::json;
use super::submission_json::Marks;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::points::Points;
use crate::grading::score::{PartScore, RowScore};
use crate::grading::triage::Cluster;
use crate::transcript::syntax::Role;

/// The document's name and version.
pub const SCHEMA: &str = "chat-conformance/class/1";

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

/// What the marks look like together; nothing but the count where there are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Statistics {
    pub(super) count: usize,
    pub(super) mean: Option<Points>,
    pub(super) lowest: Option<Points>,
    pub(super) lower_quartile: Option<Points>,
    pub(super) median: Option<Points>,
    pub(super) upper_quartile: Option<Points>,
    pub(super) highest: Option<Points>,
}

impl Statistics {
    /// Of marks that are in order, the lowest first.
    pub(super) fn of(marks: &[Points]) -> Statistics {
        let sum: Points = marks.iter().copied().sum();
        Statistics {
            count: marks.len(),
            mean: (!marks.is_empty()).then(|| Points::nearest(sum.as_f64() / count(marks))),
            lowest: marks.first().copied(),
            lower_quartile: quantile(marks, 0.25),
            median: quantile(marks, 0.5),
            upper_quartile: quantile(marks, 0.75),
            highest: marks.last().copied(),
        }
    }
}

/// The mark below which this part of them lies, in a straight line between the two nearest.
fn quantile(marks: &[Points], part: f64) -> Option<Points> {
    let last = count(marks) - 1.0;
    let at = last.max(0.0) * part;
    // From zero up to the last mark's index.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = at.floor() as usize;
    let lower = marks.get(below)?.as_f64();
    let upper = marks.get(below + 1).map_or(lower, |mark| mark.as_f64());
    Some(Points::nearest(lower + (upper - lower) * at.fract()))
}

// Classes are far smaller than 2^53.
#[allow(clippy::cast_precision_loss)]
fn count(marks: &[Points]) -> f64 {
    marks.len() as f64
}

#[derive(Serialize)]
struct ClusterEntry<'a> {
    role: Role,
    row: &'a str,
    transcript: &'a str,
    line: usize,
    shape: &'a str,
    count: usize,
    exemplar: &'a str,
    submissions: &'a [String],
}

impl<'a> ClusterEntry<'a> {
    fn of(cluster: &'a Cluster) -> ClusterEntry<'a> {
        let fingerprint = &cluster.fingerprint;
        ClusterEntry {
            role: fingerprint.role,
            row: &fingerprint.row,
            transcript: &fingerprint.transcript,
            line: fingerprint.line,
            shape: &fingerprint.shape,
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
    /// Why it was not judged.
    reason: Option<&'a str>,
    rows: Vec<RowEntry<'a>>,
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
            rows: part.rows.iter().map(RowEntry::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct RowEntry<'a> {
    id: &'a str,
    verdict: Verdict,
    points: Marks,
}

impl<'a> RowEntry<'a> {
    fn of(row: &'a RowScore) -> RowEntry<'a> {
        RowEntry {
            id: &row.requirement.id,
            verdict: row.verdict,
            points: Marks::new(row.earned, row.most),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::fixture;
    use super::*;

    fn parsed(class: &Class) -> Value {
        serde_json::from_str(&render(class)).expect("is JSON")
    }

    #[test]
    fn it_has_every_submission_and_who_falls_short_alike() {
        let document = parsed(&fixture::class());
        assert_eq!(document["schema"], "chat-conformance/class/1");
        assert_eq!(document["name"], "networks");
        assert_eq!(document["submissions"][0]["submission"], "alice");
        assert_eq!(document["submissions"][0]["points"]["earned"], 100.0);
        let row = &document["submissions"][1]["parts"][0]["rows"][5];
        assert_eq!(
            (&row["id"], &row["verdict"]),
            (&"S-REG-5".into(), &"fail".into())
        );
        let cluster = &document["clusters"][0];
        assert_eq!(
            (&cluster["count"], &cluster["exemplar"]),
            (&2.into(), &"bob".into())
        );
        assert_eq!(
            document["statistics"]["count"],
            fixture::class().submissions.len()
        );
    }

    #[test]
    fn statistics_are_as_people_reckon_them() {
        let marks = [10, 20, 30, 45].map(Points::whole);
        let statistics = Statistics::of(&marks);
        assert_eq!(statistics.mean, Some(Points::nearest(26.25)));
        assert_eq!(statistics.median, Some(Points::whole(25)));
        assert_eq!(statistics.lower_quartile, Some(Points::nearest(17.5)));
        assert_eq!(statistics.upper_quartile, Some(Points::nearest(33.75)));
        let one = Statistics::of(&marks[..1]);
        assert_eq!((one.median, one.upper_quartile), (one.lowest, one.highest));
        let none = Statistics::of(&[]);
        assert_eq!((none.count, none.mean, none.median), (0, None, None));
    }

    #[test]
    fn every_field_is_in_the_page_for_users() {
        let page = include_str!("../../conformance/RESULT.md");
        for name in json::names(&parsed(&fixture::class())) {
            assert!(
                page.contains(&format!("`{name}`")),
                "{name} is not in RESULT.md"
            );
        }
    }
}
