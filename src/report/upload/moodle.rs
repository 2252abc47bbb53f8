//! Moodle takes an archive of reports, and its grading worksheet filled in.

use super::comment::{REPORT, comment};
use super::gradebook::{headings, mark, note_on_rows, rows_of, scaling, table_of};
use super::source::{Source, Upload, marked};

/// The reports, and the grading worksheet if there is one.
pub(super) fn upload(source: Source<'_>) -> Result<Upload, String> {
    let mut upload = Upload::default();
    let reports = marked(source).filter_map(|(student, _)| {
        let report = (source.report)(&student.submission)?;
        let mut folder = student.key.clone();
        if !folder.ends_with('_') {
            folder.push('_');
        }
        Some((format!("{folder}/{REPORT}"), report))
    });
    upload.archive = Some(reports.collect());
    if source.gradebook.is_none() {
        upload.notes.push(
            "The archive has the reports only. For the marks, give the grading worksheet with --gradebook FILE."
                .to_owned(),
        );
        return Ok(upload);
    }
    let mut sheet = table_of(source, "the grading worksheet")?;
    let columns: [&[&str]; 2] = [&["identifier"], &["grade"]];
    let Some((heading, [identifier, grade])) = headings(&sheet, columns) else {
        return Err("the grading worksheet has no columns `Identifier` and `Grade`".to_owned());
    };
    let comments = sheet.column(heading, &["feedback comments"]);
    let full = sheet.column(heading, &["maximum grade"]);
    let rows = rows_of(source, &sheet, heading, &[identifier]);
    let mut scaled = None;
    for (row, _, assessment) in &rows.found {
        let full = full.map(|column| sheet.text(*row, column).into_owned());
        let full = full.unwrap_or_default();
        let most: Option<f64> = full.replace(',', ".").parse().ok();
        scaled = scaled.or_else(|| scaling(source, most));
        let mut text = mark(assessment, most);
        if full.contains(',') {
            text = text.replace('.', ",");
        }
        sheet.set(*row, grade, text);
        if let Some(column) = comments {
            sheet.set(*row, column, comment(assessment));
        }
    }
    upload.table = Some(sheet.written());
    note_on_rows(&rows, &mut upload.notes);
    upload.notes.extend(scaled);
    Ok(upload)
}
