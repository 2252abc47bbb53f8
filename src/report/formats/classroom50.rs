//! The result as Classroom 50's runner reads it, `result.json`, schema `classroom50/result/v1`:
//! <https://github.com/foundation50/classroom50/wiki/Advanced-Autograding>.
//!
//! Scores are whole numbers from zero to a maximum, and the score must be the sum of the scores of the tests. So scores
//! count hundredths of a point, requirements without points are left out, and adjustments are shared out among the
//! tests, whose `output` says so.
//!
//! The runner names the student and the assignment in the environment of the autograder, and checks them.

use serde::Serialize;

use super::json;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;
use crate::grading::points::{Points, counted};
use crate::grading::score::{Adjustment, PartScore, RequirementScore};
use crate::report::plain::line;
use crate::report::root_cause::Told;
use crate::report::scores::{counts, mark, requirement_name, verdict_word};
use crate::report::text::sentence;
use crate::transcript::syntax::Role;

/// The schema's name and version.
const SCHEMA: &str = "classroom50/result/v1";

/// The document, with a newline at its end. `variable` looks up a variable of the runner's environment.
pub fn render(assessment: &Assessment, variable: impl Fn(&str) -> Option<String>) -> String {
    let tests = tests(assessment);
    let known = |name: &str| variable(name).filter(|value| !value.is_empty());
    json::text(&Document {
        schema: SCHEMA,
        classroom: known("CLASSROOM"),
        assignment: known("ASSIGNMENT"),
        assignment_type: known("ASSIGNMENT_TYPE"),
        owner: known("OWNER").or_else(|| known("USERNAME")),
        submission: known("SUBMISSION_TAG"),
        commit: known("COMMIT_URL"),
        release: known("RELEASE_URL"),
        review: known("REVIEW_URL").or_else(|| known("COMMIT_URL")),
        score: tests.iter().map(|test| test.score).sum(),
        max_score: tests.iter().map(|test| test.max_score).sum(),
        tests,
    })
}

/// Unknown fields are left out: the runner reports which ones are missing.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    classroom: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignment: Option<String>,
    #[serde(rename = "assignment_type", skip_serializing_if = "Option::is_none")]
    assignment_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    submission: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<String>,
    score: u64,
    max_score: u64,
    tests: Vec<Test>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Test {
    test_name: String,
    passed: bool,
    /// In hundredths of a point.
    score: u64,
    max_score: u64,
    output: String,
}

fn tests(assessment: &Assessment) -> Vec<Test> {
    let score = &assessment.score;
    let mut tests: Vec<Test> = Vec::new();
    for part in &score.parts {
        let mut of_part = of_part(assessment, part);
        share_out(&part.adjustments, &mut of_part);
        tests.extend(of_part);
    }
    tests.extend(score.by_hand.iter().map(|group| Test {
        test_name: line(&group.what),
        passed: group.earned == group.most,
        score: hundredths(group.earned),
        max_score: hundredths(group.most),
        output: line(&group.remark),
    }));
    share_out(&score.adjustments, &mut tests);
    tests
}

fn of_part(assessment: &Assessment, part: &PartScore) -> Vec<Test> {
    let entries = part.requirements.iter().filter(|entry| counts(entry));
    let tests = entries.map(|entry| test(assessment, part.role, entry));
    tests.collect()
}

fn test(assessment: &Assessment, role: Role, entry: &RequirementScore) -> Test {
    let name = requirement_name(role, &entry.requirement);
    Test {
        test_name: format!("{name} {}", line(&sentence(&entry.requirement.sentence))),
        passed: entry.earned == entry.most,
        score: hundredths(entry.earned),
        max_score: hundredths(entry.most),
        output: output(assessment, role, entry),
    }
}

fn output(assessment: &Assessment, role: Role, entry: &RequirementScore) -> String {
    let word = verdict_word(entry.verdict);
    let summary = format!("{word}: {}", mark(entry.earned, entry.most));
    if entry.verdict == Verdict::Pass {
        return summary;
    }
    // Advice belongs to what fails.
    if entry.verdict == Verdict::Blocked {
        return format!("{summary}\n{}", line(&entry.reason));
    }
    let told = Told::of(assessment, role, entry);
    format!(
        "{summary}\n{}\nWhat to look at: {}",
        line(&told.seen),
        line(&told.advice)
    )
}

/// Adds the adjustments to the tests that have room for them, from the first test on.
fn share_out(adjustments: &[Adjustment], tests: &mut [Test]) {
    for adjustment in adjustments {
        let is_given = adjustment.points > Points::ZERO;
        let mut left = hundredths(if is_given {
            adjustment.points
        } else {
            -adjustment.points
        });
        for test in tests.iter_mut() {
            let room = if is_given {
                test.max_score - test.score
            } else {
                test.score
            };
            let moved = room.min(left);
            if moved == 0 {
                continue;
            }
            left -= moved;
            test.score = if is_given {
                test.score + moved
            } else {
                test.score - moved
            };
            test.output
                .push_str(&moved_note(moved, is_given, adjustment));
        }
    }
}

fn moved_note(moved: u64, is_given: bool, adjustment: &Adjustment) -> String {
    // Far below 2^53.
    #[allow(clippy::cast_precision_loss)]
    let points = counted(Points::nearest(moved as f64 / 100.0));
    let word = if is_given { "added" } else { "taken off" };
    format!("\n{points} {word}: {}", line(&adjustment.reason))
}

fn hundredths(points: Points) -> u64 {
    // Negative points become zero.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let hundredths = (points.as_f64() * 100.0).round().max(0.0) as u64;
    hundredths
}
