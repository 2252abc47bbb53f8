//! Canvas takes its gradebook filled in.

use super::gradebook::{MOST_ABOVE, filled_in, headings, item_column, rows_of, table_of};
use super::source::{Source, Upload};

/// The gradebook with the marks in the assignment's column.
pub(super) fn upload(source: Source<'_>) -> Result<Upload, String> {
    let sheet = table_of(source, "Canvas's gradebook")?;
    let columns: [&[&str]; 2] = [&["student"], &["id"]];
    let Some((heading, _)) = headings(&sheet, columns) else {
        return Err("the gradebook has no columns `Student` and `ID`".to_owned());
    };
    // `Assignment 2 (1234)`
    let is_item = |text: &str| {
        let number = text
            .strip_suffix(')')
            .and_then(|text| text.rsplit_once(" ("));
        number.is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    let column = item_column(&sheet, heading, source.item, &is_item)?;
    let ids: Vec<usize> = ["id", "sis user id", "sis login id"]
        .iter()
        .filter_map(|name| sheet.column(heading, &[*name]))
        .collect();
    let possible = (heading + 1..sheet.len().min(heading + MOST_ABOVE)).find(|row| {
        sheet
            .text(*row, 0)
            .trim_start()
            .starts_with("Points Possible")
    });
    let most = possible.and_then(|row| sheet.text(row, column).parse().ok());
    let rows = rows_of(source, &sheet, heading, &ids);
    let mut upload = filled_in(source, sheet, &rows, column, most);
    upload
        .notes
        .push("Canvas takes no comments and no reports with the gradebook.".to_owned());
    Ok(upload)
}
