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
use crate::grading::score::{Adjustment, PartScore, RowScore};
use crate::report::plain::line;
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
        let mut of_part = of_part(part);
        share_out(&part.adjustments, &mut of_part);
        tests.extend(of_part);
    }
    share_out(&score.adjustments, &mut tests);
    tests
}

fn of_part(part: &PartScore) -> Vec<Test> {
    let rows = part.rows.iter().filter(|row| counts(row));
    rows.map(|row| test(part.role, row)).collect()
}

fn test(role: Role, row: &RowScore) -> Test {
    let name = requirement_name(role, &row.requirement);
    Test {
        test_name: format!("{name} {}", line(&sentence(&row.requirement.sentence))),
        passed: row.earned == row.most,
        score: hundredths(row.earned),
        max_score: hundredths(row.most),
        output: output(row),
    }
}

fn output(row: &RowScore) -> String {
    let word = verdict_word(row.verdict);
    let told = format!("{word}: {}", mark(row.earned, row.most));
    if row.verdict == Verdict::Pass {
        return told;
    }
    // Advice belongs to what fails.
    if row.verdict == Verdict::Blocked {
        return format!("{told}\n{}", line(&row.reason));
    }
    let advice = line(&sentence(&row.requirement.fix));
    format!("{told}\n{}\nWhat to look at: {advice}", line(&row.reason))
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::fixture;

    fn parsed(assessment: &Assessment) -> Value {
        let text = render(assessment, |_| None);
        serde_json::from_str(&text).expect("is JSON")
    }

    #[test]
    fn a_row_that_counts_is_a_test() {
        let document = parsed(&fixture::faulty_submission());
        assert_eq!(document["schema"], "classroom50/result/v1");
        let tests = document["tests"].as_array().expect("a list");
        assert_eq!(tests.len(), 12);
        let failed = &tests[5];
        let name = failed["test-name"].as_str().expect("a name");
        assert!(name.starts_with("S-REG-5 A name in use"), "{name}");
        assert_eq!(
            (&failed["passed"], &failed["score"]),
            (&Value::from(false), &Value::from(0))
        );
        assert_eq!(document["max-score"], 10_000);
    }

    #[test]
    fn the_scores_add_up_and_no_test_has_more_than_it_may() {
        for assessment in fixture::submissions() {
            let document = parsed(&assessment);
            let earned = hundredths(assessment.score.earned);
            assert_eq!(
                document["score"].as_u64(),
                Some(earned),
                "{}",
                assessment.submission
            );
            for test in document["tests"].as_array().expect("a list") {
                let (score, most) = (test["score"].as_u64(), test["max-score"].as_u64());
                assert!(score.is_some() && score <= most, "{test}");
            }
        }
    }

    #[test]
    fn what_is_given_or_taken_is_told_where_it_went() {
        let text = render(&fixture::limited_submission(), |_| None);
        assert!(
            text.contains(" taken off: At most 10 points, because S-REG-5"),
            "{text}"
        );
        let text = render(&fixture::lifted_submission(), |_| None);
        assert!(text.contains(" added: At least 95 points"), "{text}");
    }

    #[test]
    fn whose_it_is_comes_from_the_environment() {
        let variable = |name: &str| match name {
            "CLASSROOM" => Some("networks".to_owned()),
            "COMMIT_URL" => Some("https://host/commit/1".to_owned()),
            "OWNER" => Some(String::new()),
            _ => None,
        };
        let text = render(&fixture::faulty_submission(), variable);
        let document: Value = serde_json::from_str(&text).expect("is JSON");
        assert_eq!(document["classroom"], "networks");
        assert_eq!(document["review"], "https://host/commit/1");
        assert_eq!(document.get("owner"), None);
    }
}
