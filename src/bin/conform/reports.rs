//! Which files are written about a submission and about a class.

use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::class::Class;
use chat_conformance::grading::store::Store;
use chat_conformance::report::Style;

/// Writes every report on a submission into its folder.
pub fn write_for_submission(_store: &Store, _assessment: &Assessment) -> Result<(), String> {
    Ok(())
}

/// Writes every report on the class beside the submissions' folders.
pub fn write_for_class(_store: &Store, _class: &Class) -> Result<(), String> {
    Ok(())
}

/// The class as a table for the terminal.
pub fn class_table(class: &Class, _style: Style) -> String {
    let rows = class.submissions.iter().map(|one| {
        format!(
            "{:30} {:>6} of {}\n",
            one.submission, one.score.earned, one.score.most
        )
    });
    rows.collect()
}
