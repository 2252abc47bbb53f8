//! What Gradescope reads: `results.json`, as its documentation describes it.

use serde::Deserialize;

/// The document: <https://gradescope-autograders.readthedocs.io/en/latest/specs/>
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "they are read to be checked")]
pub struct Gradescope {
    pub score: f64,
    pub execution_time: f64,
    pub output: String,
    pub output_format: TextFormat,
    pub test_output_format: TextFormat,
    pub test_name_format: TextFormat,
    pub visibility: Visibility,
    pub tests: Vec<GradescopeTest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "they are read to be checked")]
pub struct GradescopeTest {
    pub score: Option<f64>,
    pub max_score: Option<f64>,
    pub status: Option<Status>,
    pub name: String,
    pub number: String,
    pub output: String,
    pub tags: Vec<String>,
}

/// Of the formats there are the only one in which nothing is markup.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextFormat {
    Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    Visible,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Passed,
    Failed,
}
