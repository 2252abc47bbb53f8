//! The formats that are JSON or CSV, read into what their own pages say of them: a field that is not there, or is
//! there and has no business there, is refused.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::formats::{
    class_csv, class_json, classroom50, gradescope, json, submission_json,
};
use super::super::terminal::class_table;
use super::super::{Style, fixture, text};
use super::{is_there, printed};

fn read<T: DeserializeOwned>(document: &str) -> T {
    let seen = |character: char| !character.is_control() || character == '\n';
    assert!(document.chars().all(seen), "{document}");
    serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

/// <https://gradescope-autograders.readthedocs.io/en/latest/specs/>
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct Gradescope {
    score: f64,
    execution_time: f64,
    output: String,
    output_format: TextFormat,
    test_output_format: TextFormat,
    test_name_format: TextFormat,
    visibility: Visibility,
    tests: Vec<GradescopeTest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct GradescopeTest {
    score: Option<f64>,
    max_score: Option<f64>,
    status: Option<Status>,
    name: String,
    number: String,
    output: String,
    tags: Vec<String>,
}

/// Of the formats there are the only one in which nothing is markup.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TextFormat {
    Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Visibility {
    Visible,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Passed,
    Failed,
}

#[test]
fn gradescope_takes_it() {
    for assessment in fixture::submissions() {
        let document: Gradescope = read(&gradescope::render(&assessment));
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
    for assessment in fixture::submissions() {
        let variable = |name: &str| Some(format!("submit/{name}"));
        let document: Classroom50 = read(&classroom50::render(&assessment, variable));
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

#[test]
fn json_of_submissions_and_classes_loses_nothing() {
    for assessment in fixture::submissions() {
        let document: serde_json::Value = read(&submission_json::render(&assessment));
        assert_eq!(document["submission"], assessment.submission.as_str());
        if let Ok(result) = &assessment.parts[0].result {
            let own: serde_json::Value = read(&json::render(result));
            assert_eq!(document["parts"][0]["result"], own);
        }
    }
    let class = fixture::hostile_class();
    let document: serde_json::Value = read(&class_json::render(&class));
    for (index, assessment) in class.submissions.iter().enumerate() {
        assert_eq!(
            document["submissions"][index]["submission"],
            assessment.submission.as_str()
        );
    }
}

/// Prints how many lines there are, then how many cells each has.
const READ_CSV: &str = "
import csv, io, sys
table = io.StringIO(open(sys.argv[1], encoding='utf-8', newline='').read(), newline='')
lines = list(csv.reader(table, strict=True))
print(len(lines), sorted({len(line) for line in lines}))
assert not any(line[0][:1] in '=+-@\\t\\r' for line in lines if line[0]), lines
";

#[test]
fn python_reads_the_table_of_a_class() {
    if !is_there("python3", "the table of a class") {
        return;
    }
    let class = fixture::hostile_class();
    let (_folder, files) = super::files(&[class_csv::render(&class)], "csv");
    let said = printed("python3", &["-c", READ_CSV, &files[0]]);
    let (lines, columns) = (class.submissions.len() + 1, class.columns().len() + 8);
    assert_eq!(said.trim(), format!("{lines} [{columns}]"));
}

#[test]
fn the_terminal_obeys_nothing_in_the_table() {
    let style = Style {
        colour: false,
        width: 100,
    };
    let shown = class_table::render(&fixture::hostile_class(), style);
    assert_eq!(text::unseen(&shown), None);
}
