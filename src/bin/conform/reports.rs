//! The report files of a submission and of a class.

use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::class::Class;
use chat_conformance::grading::store::Store;
use chat_conformance::report::formats::{Format, render};
use chat_conformance::report::formats::{class_csv, class_json};
use chat_conformance::report::terminal::{class_table, people};
use chat_conformance::report::{appeal, page};

/// The formats of each submission's reports, and their file names.
const FORMATS: [(Format, &str); 7] = [
    (Format::Json, "result.json"),
    (Format::Html, "report.html"),
    (Format::Junit, "junit.xml"),
    (Format::Tap, "results.tap"),
    (Format::Gradescope, "gradescope.json"),
    (Format::Classroom50, "classroom50.json"),
    (Format::GithubSummary, "summary.md"),
];
/// The folder of the scripts that show lost points.
const APPEAL: &str = "appeal";
/// The class for programs.
pub const CLASS_JSON: &str = "class.json";
/// The page of the class.
pub const INDEX: &str = "index.html";

/// Writes every report on a submission into its folder.
///
/// # Errors
/// What cannot be written.
pub fn write_for_submission(store: &Store, assessment: &Assessment) -> Result<(), String> {
    let name = &assessment.submission;
    for (format, file) in FORMATS {
        let report = match format {
            Format::Html => page::submission(assessment, Some("../index.html")),
            format => render(format, assessment, variable),
        };
        store.write(name, file, report.as_bytes())?;
    }
    // Scripts for points that are no longer lost are removed.
    store.empty(name, APPEAL);
    for (file, text) in appeal::bundle(assessment) {
        store.write(name, &format!("{APPEAL}/{file}"), text.as_bytes())?;
    }
    Ok(())
}

/// Removes every report on a submission that an earlier run may have left.
///
/// # Errors
/// What cannot be removed.
pub fn remove_for_submission(store: &Store, submission: &str) -> Result<(), String> {
    store.empty(submission, APPEAL);
    store.discard(submission, FORMATS.map(|(_, file)| file))
}

/// Writes every report on the class beside the submissions' folders, and returns what cannot be written.
pub fn write_for_class(store: &Store, class: &Class) -> Vec<String> {
    let reports = [
        ("class.csv", class_csv::render(class)),
        (CLASS_JSON, class_json::render(class)),
        (INDEX, page::class(class)),
    ];
    let written =
        reports.map(|(name, report)| store.write_for_class(name, report.as_bytes()).err());
    written.into_iter().flatten().collect()
}

/// A variable of the environment: Classroom 50 names the student and the assignment there.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub use class_table::render as class_table;
pub use people::render as people_table;
