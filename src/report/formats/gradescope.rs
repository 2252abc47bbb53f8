//! The result as Gradescope's autograder reads it, `results.json`:
//! <https://gradescope-autograders.readthedocs.io/en/latest/specs/>.
//!
//! A requirement is a test. An adjustment is a test of its own with a maximum of 0 points, so that the scores of the
//! tests add up. Requirements that do not count have a status but no points. All text is declared as plain text:
//! it may come from a student, and Gradescope must not read it as HTML or Markdown.

use serde::Serialize;

use super::json;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::points::Points;
use crate::grading::score::{Adjustment, RowScore};
use crate::report::plain::{line, lines};
use crate::report::scores::{counts, mark, requirement_name, scored, verdict_word};
use crate::report::text::sentence;
use crate::transcript::syntax::Role;

/// The document, with a newline at its end.
pub fn render(assessment: &Assessment) -> String {
    let mut tests = Vec::new();
    for part in &assessment.parts {
        tests.extend(of_part(assessment, part));
    }
    tests.extend(adjustments(&assessment.score.adjustments, "whole"));
    let seconds = assessment.parts.iter().filter_map(|part| {
        let result = part.result.as_ref().ok()?;
        Some(result.seconds)
    });
    json::text(&Document {
        score: assessment.score.earned,
        execution_time: seconds.sum::<f64>().round(),
        output: output(assessment),
        output_format: "text",
        test_output_format: "text",
        test_name_format: "text",
        visibility: "visible",
        tests,
    })
}

#[derive(Serialize)]
struct Document {
    score: Points,
    execution_time: f64,
    output: String,
    output_format: &'static str,
    test_output_format: &'static str,
    test_name_format: &'static str,
    visibility: &'static str,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Points>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_score: Option<Points>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    name: String,
    number: String,
    output: String,
    tags: Vec<String>,
}

fn output(assessment: &Assessment) -> String {
    let score = &assessment.score;
    let mut told = vec![mark(score.earned, score.most) + "."];
    for doubt in &score.doubts {
        told.push(format!(
            "Check this mark before you give it out: {}",
            line(doubt)
        ));
    }
    for part in &assessment.parts {
        if let Err(unjudged) = &part.result {
            told.push(not_judged(part.role, unjudged));
        }
    }
    told.join("\n")
}

fn not_judged(role: Role, unjudged: &Unjudged) -> String {
    let told = format!("The {role} was not judged: {}", line(&unjudged.reason));
    if unjudged.output.is_empty() {
        told
    } else {
        format!("{told}\n\n{}", lines(&unjudged.output))
    }
}

fn of_part(assessment: &Assessment, part: &AssessedPart) -> Vec<Test> {
    let Some(scored) = scored(assessment, part.role) else {
        return Vec::new();
    };
    let rows = scored.rows.iter().map(|row| of_row(part.role, row));
    let role = part.role.to_string();
    rows.chain(adjustments(&scored.adjustments, &role))
        .collect()
}

fn of_row(role: Role, row: &RowScore) -> Test {
    let points = |points: Points| counts(row).then_some(points);
    let uncounted = if counts(row) { "" } else { " (not counted)" };
    Test {
        score: points(row.earned),
        max_score: points(row.most),
        status: status(row),
        name: sentence(&row.requirement.sentence) + uncounted,
        number: requirement_name(role, &row.requirement),
        output: of_row_output(row),
        tags: vec![
            role.to_string(),
            row.requirement.level.to_string(),
            verdict_word(row.verdict).to_owned(),
        ],
    }
}

fn status(row: &RowScore) -> Option<&'static str> {
    match row.verdict {
        Verdict::Pass => Some("passed"),
        Verdict::NotApplicable | Verdict::Untested if !counts(row) => None,
        _ if counts(row) && row.earned == row.most => Some("passed"),
        _ => Some("failed"),
    }
}

fn of_row_output(row: &RowScore) -> String {
    match row.verdict {
        // Advice belongs to what fails.
        Verdict::Pass | Verdict::NotApplicable | Verdict::Blocked => line(&row.reason),
        _ => {
            let advice = sentence(&row.requirement.fix);
            format!(
                "{}\n\nWhat to look at: {}",
                line(&row.reason),
                line(&advice)
            )
        }
    }
}

fn adjustments<'a>(all: &'a [Adjustment], of: &'a str) -> impl Iterator<Item = Test> + 'a {
    all.iter().map(move |adjustment| {
        let is_given = adjustment.points > Points::ZERO;
        Test {
            score: Some(adjustment.points),
            max_score: Some(Points::ZERO),
            status: Some(if is_given { "passed" } else { "failed" }),
            name: line(&adjustment.reason),
            number: format!("adjustment of the {of}"),
            output: String::new(),
            tags: vec!["adjustment".to_owned()],
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::fixture;

    fn parsed(assessment: &Assessment) -> Value {
        serde_json::from_str(&render(assessment)).expect("is JSON")
    }

    fn test<'a>(document: &'a Value, number: &str) -> &'a Value {
        let tests = document["tests"].as_array().expect("a list");
        let numbered = tests.iter().find(|test| test["number"] == number);
        numbered.unwrap_or_else(|| panic!("{number} is not there"))
    }

    #[test]
    fn a_row_is_a_test() {
        let document = parsed(&fixture::faulty_submission());
        let failed = test(&document, "S-REG-5");
        assert_eq!(failed["score"], 0.0);
        assert_eq!(failed["status"], "failed");
        assert!(failed["max_score"].as_f64().is_some_and(|most| most > 1.0));
        assert!(
            failed["output"]
                .as_str()
                .is_some_and(|text| text.contains("line 9: expected"))
        );
        let uncounted = test(&document, "S-HARD-7");
        assert_eq!(
            (uncounted.get("score"), &uncounted["status"]),
            (None, &Value::from("passed"))
        );
        assert_eq!(test(&document, "S-REG-1")["output"], "");
    }

    #[test]
    fn the_scores_add_up_whatever_is_given_or_taken() {
        for assessment in fixture::submissions() {
            let document = parsed(&assessment);
            let tests = document["tests"].as_array().expect("a list");
            let scores = tests.iter().filter_map(|test| test["score"].as_f64());
            let sum: Points = scores.map(Points::nearest).sum();
            assert_eq!(sum, assessment.score.earned, "{}", assessment.submission);
            assert_eq!(
                document["score"].as_f64(),
                Some(assessment.score.earned.as_f64())
            );
        }
    }

    #[test]
    fn a_program_that_was_not_judged_is_told_of() {
        let document = parsed(&fixture::not_built_submission());
        let output = document["output"].as_str().expect("a text");
        assert!(
            output.contains("The server was not judged: `make` failed"),
            "{output}"
        );
        assert!(output.contains("\n\nserver.c:3: error"), "{output}");
        assert_eq!(document["output_format"], "text");
    }
}
