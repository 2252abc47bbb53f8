//! A table of grades that a learning system gave out, to be filled in.

use crate::classroom::people::Student;
use crate::classroom::sheet::Sheet;
use crate::grading::assessment::Assessment;
use crate::grading::points::Points;
use crate::report::plain::line;
use crate::report::text::{count, sentence};

use super::source::{Source, Upload, marked, some};

/// Rows at the top of a table among which its headings are.
pub(super) const MOST_ABOVE: usize = 10;

/// A mark as a table of this system has it. Scaled if the system's full marks are others than the rubric's.
pub(super) fn mark(assessment: &Assessment, most: Option<f64>) -> String {
    let score = &assessment.score;
    match most.filter(|most| *most > 0.0 && score.most > Points::ZERO) {
        Some(most) => {
            let share = score.earned.as_f64() / score.most.as_f64();
            Points::nearest(share * most).to_string()
        }
        None => score.earned.to_string(),
    }
}

/// A note if the marks of the rubric had to be scaled.
pub(super) fn scaling(source: Source<'_>, most: Option<f64>) -> Option<String> {
    let most = Points::nearest(most?);
    let first = source.class.submissions.first()?;
    (first.score.most != most && most > Points::ZERO).then(|| {
        format!(
            "Full marks are {most} there and {} in the rubric: marks are scaled.",
            first.score.most
        )
    })
}

/// The row with the headings: the first that has all of these columns, each under one of several names.
pub(super) fn headings<const N: usize>(
    sheet: &Sheet,
    columns: [&[&str]; N],
) -> Option<(usize, [usize; N])> {
    (0..sheet.len().min(MOST_ABOVE)).find_map(|row| {
        let mut found = [0; N];
        for (place, names) in found.iter_mut().zip(columns) {
            *place = sheet.column(row, names)?;
        }
        Some((row, found))
    })
}

/// The rows below `heading` of each student: by ids in any of `columns`. Students without a row are returned, too.
pub(super) struct Rows<'a> {
    pub(super) found: Vec<(usize, &'a Student, &'a Assessment)>,
    pub(super) missing: Vec<&'a str>,
}

pub(super) fn rows_of<'a>(
    source: Source<'a>,
    sheet: &Sheet,
    heading: usize,
    columns: &[usize],
) -> Rows<'a> {
    let mut rows = Rows {
        found: Vec::new(),
        missing: Vec::new(),
    };
    for (student, assessment) in marked(source) {
        let is_theirs = |row: &usize| {
            columns.iter().any(|column| {
                let text = sheet.text(*row, *column);
                student.has_id(text.strip_prefix("Participant ").unwrap_or(&text))
            })
        };
        match (heading + 1..sheet.len()).find(is_theirs) {
            Some(row) => rows.found.push((row, student, assessment)),
            None => rows.missing.push(student.shown()),
        }
    }
    rows
}

pub(super) fn note_on_rows(rows: &Rows<'_>, notes: &mut Vec<String>) {
    notes.push(format!(
        "{} filled in.",
        sentence(&count(rows.found.len(), "mark")).trim_end_matches('.')
    ));
    if !rows.missing.is_empty() {
        notes.push(format!("Not in the table: {}.", some(&rows.missing)));
    }
}

/// The table with the marks in one column; `most` are full marks there.
pub(super) fn filled_in(
    source: Source<'_>,
    mut sheet: Sheet,
    rows: &Rows<'_>,
    column: usize,
    most: Option<f64>,
) -> Upload {
    for (row, _, assessment) in &rows.found {
        sheet.set(*row, column, mark(assessment, most));
    }
    let mut upload = Upload {
        table: Some(sheet.written()),
        ..Upload::default()
    };
    note_on_rows(rows, &mut upload.notes);
    upload.notes.extend(scaling(source, most));
    upload
}

pub(super) fn table_of(source: Source<'_>, what: &str) -> Result<Sheet, String> {
    let bytes = source
        .gradebook
        .ok_or_else(|| format!("{what} is missing; give it with --gradebook FILE"))?;
    Sheet::parse(bytes.to_vec()).map_err(|why| format!("{what} {why}"))
}

/// The one column that is meant: the one called `item`, or the only one.
pub(super) fn item_column(
    sheet: &Sheet,
    heading: usize,
    item: Option<&str>,
    is_item: &dyn Fn(&str) -> bool,
) -> Result<usize, String> {
    let texts = || (0..sheet.width(heading)).map(|column| (column, sheet.text(heading, column)));
    let fits = |text: &str| match item {
        Some(item) => {
            is_item(text)
                && text
                    .to_lowercase()
                    .starts_with(item.trim().to_lowercase().as_str())
        }
        None => is_item(text),
    };
    let found: Vec<usize> = { texts().filter(|(_, text)| fits(text)) }
        .map(|(column, _)| column)
        .collect();
    match found[..] {
        [column] => Ok(column),
        _ => {
            let known: Vec<String> = { texts().filter(|(_, text)| is_item(text)) }
                .map(|(_, text)| line(&text))
                .collect();
            let known = match known.is_empty() {
                true => "it has none".to_owned(),
                false => known.join(", "),
            };
            Err(format!(
                "which column of the gradebook is the assignment's? Name one with --item NAME: {known}"
            ))
        }
    }
}
