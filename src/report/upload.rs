//! What goes back into the system that a class comes from: marks, comments, and each student's report.
//!
//! A table that the system gave out comes back with changes in the columns for marks and comments, and otherwise byte
//! for byte as it was.

use crate::classroom::layout::Layout;
use crate::classroom::people::{People, Student};
use crate::classroom::sheet::Sheet;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::points::{Points, counted};
use crate::grading::score::RequirementScore;
use crate::report::plain::line;
use crate::report::scores::{counts, lost};
use crate::report::text::{count, sentence};
use crate::transcript::syntax::Role;

/// The name of each student's report in the upload.
pub const REPORT: &str = "report.html";
/// What separates a teacher's comment from conform's.
const OWN_COMMENT: &str = "-- Automatic feedback --";
/// Rows at the top of a table among which its headings are.
const MOST_ABOVE: usize = 10;
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

/// Makes the upload for a system.
///
/// # Errors
/// What is missing or does not fit, in a sentence.
pub fn build(source: Source<'_>) -> Result<Upload, String> {
    let mut upload = match source.layout {
        Layout::Sakai => sakai(source),
        Layout::Moodle => moodle(source),
        Layout::Canvas => canvas(source),
        Layout::Brightspace => brightspace(source),
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

fn is_doubtful(assessment: &Assessment) -> bool {
    !assessment.score.doubts.is_empty()
}

/// Those whose marks go back, each with the mark.
fn marked<'a>(source: Source<'a>) -> impl Iterator<Item = (&'a Student, &'a Assessment)> {
    let certain = source
        .class
        .submissions
        .iter()
        .filter(|one| !is_doubtful(one));
    certain.filter_map(move |one| Some((source.people.of_submission(&one.submission)?, one)))
}

fn some(names: &[&str]) -> String {
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

/// What works, what costs most, and where to read about it: three sentences.
pub fn comment(assessment: &Assessment) -> String {
    let score = &assessment.score;
    let parts = score.parts.iter().map(|part| {
        format!(
            "the {} earns {} of {}",
            part.role,
            part.earned,
            counted(part.most)
        )
    });
    let parts: Vec<String> = parts.collect();
    let works = sentence(&parts.join(", "));
    let requirements = || {
        score
            .parts
            .iter()
            .flat_map(|part| part.requirements.iter().map(|entry| (part.role, entry)))
    };
    let costs =
        |(_, entry): &(Role, &RequirementScore)| counts(entry) && lost(entry) > Points::ZERO;
    let fails = requirements().filter(|one| costs(one) && one.1.verdict == Verdict::Fail);
    let dearest = fails.max_by_key(|(_, entry)| lost(entry));
    let unjudged = assessment.parts.iter().find_map(|part| {
        let unjudged = part.result.as_ref().err()?;
        Some(format!(
            "The {} was not judged: {}",
            part.role,
            line(&unjudged.reason)
        ))
    });
    let most = match (unjudged, dearest) {
        (Some(unjudged), _) => sentence(&unjudged),
        (None, Some((_, entry))) => {
            let others = requirements().filter(costs).count() - 1;
            let others = match others {
                0 => String::new(),
                others => format!("; {} cost points, too", count(others, "other requirement")),
            };
            sentence(&format!(
                "Most points are lost on {}, {} ({}){others}",
                entry.requirement.id,
                line(entry.requirement.sentence.trim_end_matches('.')),
                counted(lost(entry))
            ))
        }
        (None, None) if requirements().any(|one| costs(&one)) => {
            "Some requirements could not be tested.".to_owned()
        }
        (None, None) => "Nothing costs points.".to_owned(),
    };
    let mut comment = format!("{works} {most}");
    for adjustment in &score.adjustments {
        comment.push_str(&format!(" {}", line(&adjustment.reason)));
    }
    format!("{comment} Read {REPORT}: it shows each conversation that fails, and what to change.")
}

/// A mark as a table of this system has it. Scaled if the system's full marks are others than the rubric's.
fn mark(assessment: &Assessment, most: Option<f64>) -> String {
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
fn scaling(source: Source<'_>, most: Option<f64>) -> Option<String> {
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
fn headings<const N: usize>(sheet: &Sheet, columns: [&[&str]; N]) -> Option<(usize, [usize; N])> {
    (0..sheet.len().min(MOST_ABOVE)).find_map(|row| {
        let mut found = [0; N];
        for (place, names) in found.iter_mut().zip(columns) {
            *place = sheet.column(row, names)?;
        }
        Some((row, found))
    })
}

/// The rows below `heading` of each student: by ids in any of `columns`. Students without a row are returned, too.
struct Rows<'a> {
    found: Vec<(usize, &'a Student, &'a Assessment)>,
    missing: Vec<&'a str>,
}

fn rows_of<'a>(source: Source<'a>, sheet: &Sheet, heading: usize, columns: &[usize]) -> Rows<'a> {
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

fn note_on_rows(rows: &Rows<'_>, notes: &mut Vec<String>) {
    notes.push(format!(
        "{} filled in.",
        sentence(&count(rows.found.len(), "mark")).trim_end_matches('.')
    ));
    if !rows.missing.is_empty() {
        notes.push(format!("Not in the table: {}.", some(&rows.missing)));
    }
}

/// The table with the marks in one column; `most` are full marks there.
fn filled_in(
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

fn table_of(source: Source<'_>, what: &str) -> Result<Sheet, String> {
    let bytes = source
        .gradebook
        .ok_or_else(|| format!("{what} is missing; give it with --gradebook FILE"))?;
    Sheet::parse(bytes.to_vec()).map_err(|why| format!("{what} {why}"))
}

fn sakai(source: Source<'_>) -> Result<Upload, String> {
    let mut sheet = table_of(source, "Sakai's grades.csv")?;
    let columns: [&[&str]; 2] = [&["id", "display id"], &["grade"]];
    let Some((heading, [_, grade])) = headings(&sheet, columns) else {
        return Err("grades.csv has no columns `ID` and `grade`".to_owned());
    };
    let ids: Vec<usize> = ["id", "display id"]
        .iter()
        .filter_map(|name| sheet.column(heading, &[*name]))
        .collect();
    let rows = rows_of(source, &sheet, heading, &ids);
    for (row, _, assessment) in &rows.found {
        sheet.set(*row, grade, mark(assessment, None));
    }
    let root = &source.people.root;
    let mut archive = vec![(format!("{root}grades.csv"), sheet.written())];
    for (student, assessment) in marked(source) {
        let folder = format!("{root}{}", student.key);
        let comment = with_own_comment(&student.comment, &comment(assessment));
        archive.push((format!("{folder}/comments.txt"), comment.into_bytes()));
        if let Some(report) = (source.report)(&student.submission) {
            let name = format!("{folder}/Feedback Attachment(s)/{REPORT}");
            archive.push((name, report));
        }
    }
    let mut upload = Upload {
        archive: Some(archive),
        ..Upload::default()
    };
    note_on_rows(&rows, &mut upload.notes);
    Ok(upload)
}

/// A teacher's comment, followed by conform's. What conform wrote earlier is replaced.
fn with_own_comment(teachers: &str, own: &str) -> String {
    let teachers = teachers
        .split(OWN_COMMENT)
        .next()
        .unwrap_or_default()
        .trim_end();
    match teachers {
        "" => format!("{OWN_COMMENT}\n{own}\n"),
        teachers => format!("{teachers}\n\n{OWN_COMMENT}\n{own}\n"),
    }
}

fn moodle(source: Source<'_>) -> Result<Upload, String> {
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

/// The one column that is meant: the one called `item`, or the only one.
fn item_column(
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

fn canvas(source: Source<'_>) -> Result<Upload, String> {
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

const END_OF_LINE: &str = "End-of-Line Indicator";

fn brightspace(source: Source<'_>) -> Result<Upload, String> {
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
    let mut table = format!(
        "OrgDefinedId,{},{END_OF_LINE}\r\n",
        cell(&format!("{item} Points Grade"))
    );
    let mut upload = Upload::default();
    let (mut written, mut missing) = (0, Vec::new());
    for (student, assessment) in marked(source) {
        if student.id.is_empty() {
            missing.push(student.shown());
            continue;
        }
        written += 1;
        let id = cell(&format!("#{}", student.id.trim_start_matches('#')));
        table.push_str(&format!("{id},{},#\r\n", mark(assessment, None)));
    }
    if written == 0 {
        return Err(
            "no student has an id; grade the class with --roster FILE, or give Brightspace's export with --gradebook \
             FILE"
            .to_owned(),
        );
    }
    upload
        .notes
        .push(format!("{} written.", count(written, "mark")));
    if !missing.is_empty() {
        upload
            .notes
            .push(format!("Without an id: {}.", some(&missing)));
    }
    upload.table = Some(table.into_bytes());
    Ok(upload)
}

/// A table of id, points and comment.
fn plain<'s>(source: Source<'s>, heading: &str, id_of: impl Fn(&'s Student) -> &'s str) -> Upload {
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
fn cell(text: &str) -> String {
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
    fn a_teacher_s_comment_stays() {
        let first = with_own_comment("Well done.\n", "Old.");
        assert_eq!(first, "Well done.\n\n-- Automatic feedback --\nOld.\n");
        let second = with_own_comment(&first, "New.");
        assert_eq!(second, "Well done.\n\n-- Automatic feedback --\nNew.\n");
        assert_eq!(
            with_own_comment("", "New."),
            "-- Automatic feedback --\nNew.\n"
        );
    }

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("a, \"b\""), "\"a, \"\"b\"\"\"");
    }
}
