//! The report for Classroom 50, read as its schema says.

use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::points::Points;
use chat_conformance::report::formats::classroom50::render;
use serde::Deserialize;
use serde_json::Value;

use crate::recorded;
use crate::tools::read;

fn parsed(assessment: &Assessment) -> Value {
    let text = render(assessment, |_| None);
    serde_json::from_str(&text).expect("is JSON")
}

#[test]
fn a_requirement_that_counts_is_a_test() {
    let document = parsed(&recorded::faulty_submission());
    assert_eq!(document["schema"], "classroom50/result/v1");
    let tests = document["tests"].as_array().expect("a list");
    assert_eq!(tests.len(), 12);
    let failed = &tests[5];
    let name = failed["test-name"].as_str().expect("a name");
    assert!(
        name.starts_with("S-REG-5 The server answers a registration under a name in use"),
        "{name}"
    );
    assert_eq!(
        (&failed["passed"], &failed["score"]),
        (&Value::from(false), &Value::from(0))
    );
    assert_eq!(document["max-score"], 10_000);
}

#[test]
fn the_scores_add_up_and_no_test_has_more_than_it_may() {
    for assessment in recorded::submissions() {
        let document = parsed(&assessment);
        let earned = document["score"].as_u64().map(|score| {
            Points::nearest(f64::from(u32::try_from(score).expect("is small")) / 100.0)
        });
        let name = &assessment.submission;
        assert_eq!(earned, Some(assessment.score.earned), "{name}");
        for test in document["tests"].as_array().expect("a list") {
            let (score, most) = (test["score"].as_u64(), test["max-score"].as_u64());
            assert!(score.is_some() && score <= most, "{test}");
        }
    }
}

#[test]
fn points_given_or_taken_stand_in_the_part_they_belong_to() {
    let text = render(&recorded::limited_submission(), |_| None);
    assert!(
        text.contains(" taken off: At most 10 points, because S-REG-5"),
        "{text}"
    );
    let text = render(&recorded::lifted_submission(), |_| None);
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
    let text = render(&recorded::faulty_submission(), variable);
    let document: Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!(document["classroom"], "networks");
    assert_eq!(document["review"], "https://host/commit/1");
    assert_eq!(document.get("owner"), None);
}

/// <https://github.com/foundation50/classroom50>, `schemas/result-v1.schema.json`, without what its runner stamps.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(dead_code)]
struct Classroom50 {
    schema: String,
    classroom: String,
    assignment: String,
    #[serde(rename = "assignment_type")]
    assignment_type: String,
    owner: String,
    submission: String,
    commit: String,
    release: String,
    review: String,
    score: u64,
    max_score: u64,
    tests: Vec<Classroom50Test>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(dead_code)]
struct Classroom50Test {
    test_name: String,
    passed: bool,
    score: u64,
    max_score: u64,
    /// Further fields of a test are kept as they are.
    output: String,
}

#[test]
fn classroom_50_takes_it() {
    for assessment in recorded::submissions() {
        let variable = |name: &str| Some(format!("submit/{name}"));
        let document: Classroom50 = read(&render(&assessment, variable));
        assert_eq!(document.schema, "classroom50/result/v1");
        let scores: u64 = document.tests.iter().map(|test| test.score).sum();
        let most: u64 = document.tests.iter().map(|test| test.max_score).sum();
        assert_eq!((scores, most), (document.score, document.max_score));
        assert!(
            document
                .tests
                .iter()
                .all(|test| test.score <= test.max_score && !test.test_name.is_empty())
        );
    }
}
