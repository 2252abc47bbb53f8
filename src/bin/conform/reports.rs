//! Which files are written about a submission and about a class.

use chat_conformance::conformance::removal::remove_tree;
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::class::Class;
use chat_conformance::grading::store::Store;
use chat_conformance::report::format::{Format, render};
use chat_conformance::report::{appeal, class_csv, class_json, class_table, page};

/// The formats in which each submission is reported on, and the names of the files.
const FORMATS: [(Format, &str); 7] = [
    (Format::Json, "result.json"),
    (Format::Html, "report.html"),
    (Format::Junit, "junit.xml"),
    (Format::Tap, "results.tap"),
    (Format::Gradescope, "gradescope.json"),
    (Format::Classroom50, "classroom50.json"),
    (Format::GithubSummary, "summary.md"),
];
/// Where the scripts are put with which a lost point can be seen.
const APPEAL: &str = "appeal";

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
    // Of what does not fail any more nothing is to be left.
    let _ = remove_tree(&store.folder_of(name)?.join(APPEAL));
    for (file, text) in appeal::bundle(assessment) {
        store.write(name, &format!("{APPEAL}/{file}"), text.as_bytes())?;
    }
    Ok(())
}

/// Writes every report on the class beside the submissions' folders.
///
/// # Errors
/// What cannot be written.
pub fn write_for_class(store: &Store, class: &Class) -> Result<(), String> {
    store.write_for_class("class.csv", class_csv::render(class).as_bytes())?;
    store.write_for_class("class.json", class_json::render(class).as_bytes())?;
    store.write_for_class("index.html", page::class(class).as_bytes())
}

/// A variable of the environment, which one format says whose result it is.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub use class_table::render as class_table;
