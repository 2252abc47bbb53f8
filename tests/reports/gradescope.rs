//! The report for Gradescope, read as its documentation says.

use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::points::Points;
use chat_conformance::report::formats::gradescope::render;
use serde_json::Value;

use crate::gradescope_schema::{Gradescope, Status};
use crate::recorded;
use crate::tools::read;

fn parsed(assessment: &Assessment) -> Value {
    serde_json::from_str(&render(assessment)).expect("is JSON")
}

fn test<'a>(document: &'a Value, number: &str) -> &'a Value {
    let tests = document["tests"].as_array().expect("a list");
    let numbered = tests.iter().find(|test| test["number"] == number);
    numbered.unwrap_or_else(|| panic!("{number} is not there"))
}

#[test]
fn a_requirement_is_a_test() {
    let document = parsed(&recorded::faulty_submission());
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
    for assessment in recorded::submissions() {
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
fn a_program_that_was_not_judged_is_mentioned() {
    let document = parsed(&recorded::not_built_submission());
    let output = document["output"].as_str().expect("a text");
    assert!(
        output.contains("The server was not judged: The build ends"),
        "{output}"
    );
    assert!(output.contains("\n\nserver.c:3: error"), "{output}");
    assert_eq!(document["output_format"], "text");
}

#[test]
fn gradescope_takes_it() {
    for assessment in recorded::submissions() {
        let document: Gradescope = read(&render(&assessment));
        for test in &document.tests {
            assert!(!test.name.is_empty() && !test.number.is_empty());
            assert_eq!(
                test.score.is_some(),
                test.max_score.is_some(),
                "{}",
                test.name
            );
            let is_full = test.score == test.max_score;
            assert!(is_full || test.status != Some(Status::Passed) || test.max_score == Some(0.0));
        }
    }
}
