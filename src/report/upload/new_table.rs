//! A table that no system gave out: made from nothing.

use crate::classroom::people::Student;
use crate::grading::assessment::Assessment;
use crate::report::plain::line;
use crate::report::text::count;

use super::comment::comment;
use super::gradebook::mark;
use super::source::{Source, Upload, marked, some};

/// A table of id, points and comment.
pub(super) fn plain<'s>(
    source: Source<'s>,
    heading: &str,
    id_of: impl Fn(&'s Student) -> &'s str,
) -> Upload {
    let row = |id: &str, assessment: &Assessment| {
        let (points, comment) = (mark(assessment, None), comment(assessment));
        format!("{},{points},{}", cell(id), cell(&comment))
    };
    let headings = format!("{heading},Points,Comment");
    let (upload, _) = new_table(source, &headings, heading, id_of, row);
    upload
}

/// A table with a row for each student who has an id, which is called `id_name` in the note on the others. Returns the
/// number of rows, too.
pub(super) fn new_table<'s>(
    source: Source<'s>,
    headings: &str,
    id_name: &str,
    id_of: impl Fn(&'s Student) -> &'s str,
    row: impl Fn(&str, &Assessment) -> String,
) -> (Upload, usize) {
    let mut table = format!("{headings}\r\n");
    let mut upload = Upload::default();
    let mut missing = Vec::new();
    let mut written = 0;
    for (student, assessment) in marked(source) {
        let id = id_of(student);
        if id.is_empty() {
            missing.push(student.shown());
            continue;
        }
        written += 1;
        table.push_str(&row(id, assessment));
        table.push_str("\r\n");
    }
    upload
        .notes
        .push(format!("{} written.", count(written, "mark")));
    if !missing.is_empty() {
        upload
            .notes
            .push(format!("Without {id_name}: {}.", some(&missing)));
    }
    upload.table = Some(table.into_bytes());
    (upload, written)
}

/// A cell of a new table. A spreadsheet would take some beginnings for a formula.
pub(super) fn cell(text: &str) -> String {
    let text = line(text);
    let text = match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    };
    match text.contains([',', '"', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
