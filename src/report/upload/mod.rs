//! What goes back into the system that a class comes from: marks, comments, and each student's report.
//!
//! A table that the system gave out comes back with changes in the columns for marks and comments, and otherwise byte
//! for byte as it was.

mod brightspace;
mod canvas;
mod comment;
mod gradebook;
mod moodle;
mod new_table;
mod sakai;
mod source;

pub use comment::{REPORT, comment};
pub use source::{Source, Upload};

use crate::classroom::layout::Layout;

use new_table::plain;
use source::{is_doubtful, some};

/// Makes the upload for a system.
///
/// # Errors
/// What is missing or does not fit, in a sentence.
pub fn build(source: Source<'_>) -> Result<Upload, String> {
    let mut upload = match source.layout {
        Layout::Sakai => sakai::upload(source),
        Layout::Moodle => moodle::upload(source),
        Layout::Canvas => canvas::upload(source),
        Layout::Brightspace => brightspace::upload(source),
        Layout::Gradescope => Ok(plain(source, "Email", |student| &student.email)),
        Layout::GithubClassroom => Ok(plain(source, "github_username", |student| {
            match student.system_id.is_empty() {
                true => &student.id,
                false => &student.system_id,
            }
        })),
        Layout::Folders => Err(
            "the class does not come from a system that takes an upload; name one with --as, or use class.csv"
                .to_owned(),
        ),
    }?;
    let doubtful: Vec<&str> = source
        .class
        .submissions
        .iter()
        .filter(|one| is_doubtful(one))
        .map(|one| one.submission.as_str())
        .collect();
    if !doubtful.is_empty() {
        upload.notes.push(format!(
            "Not in the upload, because the mark is doubtful: {}.",
            some(&doubtful)
        ));
    }
    Ok(upload)
}
