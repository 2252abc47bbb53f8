//! What an upload is made from, and what it is.

use crate::classroom::layout::Layout;
use crate::classroom::people::{People, Student};
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::report::plain::line;

/// Maximum number of students that a note names.
const MOST_NAMED: usize = 10;

/// What an upload is made from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The graded class.
    pub class: &'a Class,
    /// Who is in it.
    pub people: &'a People,
    /// The system that takes the upload.
    pub layout: Layout,
    /// The table of grades that the system gave out.
    pub gradebook: Option<&'a [u8]>,
    /// The name of the assignment's column, if the table has several.
    pub item: Option<&'a str>,
    /// The report on a submission.
    pub report: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

/// The files to upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upload {
    /// The content of an archive: paths with bytes.
    pub archive: Option<Vec<(String, Vec<u8>)>>,
    /// A table.
    pub table: Option<Vec<u8>>,
    /// What was done, and what was left unchanged, in sentences.
    pub notes: Vec<String>,
}

pub(super) fn is_doubtful(assessment: &Assessment) -> bool {
    !assessment.score.doubts.is_empty()
}

/// Those whose marks go back, each with the mark.
pub(super) fn marked<'a>(
    source: Source<'a>,
) -> impl Iterator<Item = (&'a Student, &'a Assessment)> {
    let certain = source
        .class
        .submissions
        .iter()
        .filter(|one| !is_doubtful(one));
    certain.filter_map(move |one| Some((source.people.of_submission(&one.submission)?, one)))
}

pub(super) fn some(names: &[&str]) -> String {
    let named: Vec<String> = names
        .iter()
        .take(MOST_NAMED)
        .map(|name| line(name))
        .collect();
    match names.len() - named.len() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
