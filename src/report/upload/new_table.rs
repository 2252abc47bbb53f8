//! A table that no system gave out: made from nothing.

use crate::classroom::people::Student;
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
    let mut table = format!("{heading},Points,Comment\r\n");
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
        let (points, comment) = (mark(assessment, None), comment(assessment));
        table.push_str(&format!("{},{points},{}\r\n", cell(id), cell(&comment)));
    }
    upload
        .notes
        .push(format!("{} written.", count(written, "mark")));
    if !missing.is_empty() {
        upload
            .notes
            .push(format!("Without {heading}: {}.", some(&missing)));
    }
    upload.table = Some(table.into_bytes());
    upload
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
