//! Brightspace takes a table of grades: its own export filled in, or a new one.

use crate::grading::assessment::Assessment;

use super::gradebook::{filled_in, headings, item_column, mark, rows_of, table_of};
use super::new_table::{cell, new_table};
use super::source::{Source, Upload};

const END_OF_LINE: &str = "End-of-Line Indicator";

/// The export with the marks in the assignment's column.
pub(super) fn upload(source: Source<'_>) -> Result<Upload, String> {
    if source.gradebook.is_none() {
        return new_brightspace(source);
    }
    let sheet = table_of(source, "Brightspace's export")?;
    let ids = [&["orgdefinedid"][..], &["username"]];
    let found = ids.iter().find_map(|id| headings(&sheet, [*id]));
    let Some((heading, _)) = found else {
        return Err("the export has no column `OrgDefinedId` or `Username`".to_owned());
    };
    let is_item = |text: &str| text.contains(" Points Grade");
    let column = item_column(&sheet, heading, source.item, &is_item)?;
    // `Assignment 2 Points Grade <Numeric MaxPoints:10 Weight:10>`
    let title = sheet.text(heading, column).into_owned();
    let most = title.split("MaxPoints:").nth(1);
    let most = most.and_then(|rest| rest.split([' ', '>']).next()?.parse().ok());
    let columns: Vec<usize> = { ids.iter() }
        .filter_map(|names| sheet.column(heading, names))
        .collect();
    let rows = rows_of(source, &sheet, heading, &columns);
    Ok(filled_in(source, sheet, &rows, column, most))
}

/// A table for Brightspace without its own export. The download has no ids, so a roster must have given them.
fn new_brightspace(source: Source<'_>) -> Result<Upload, String> {
    let item = source.item.unwrap_or(&source.class.name);
    let item = cell(&format!("{item} Points Grade"));
    let headings = format!("OrgDefinedId,{item},{END_OF_LINE}");
    let row = |id: &str, assessment: &Assessment| {
        let id = cell(&format!("#{}", id.trim_start_matches('#')));
        format!("{id},{},#", mark(assessment, None))
    };
    match new_table(source, &headings, "an id", |student| &student.id, row) {
        (_, 0) => Err(
            "no student has an id; grade the class with --roster FILE, or give Brightspace's export with --gradebook \
             FILE"
            .to_owned(),
        ),
        (upload, _) => Ok(upload),
    }
}
