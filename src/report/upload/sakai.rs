//! Sakai takes an archive: its grades.csv filled in, and a comment and a report for each student.

use super::comment::{REPORT, comment};
use super::gradebook::{headings, mark, note_on_rows, rows_of, table_of};
use super::source::{Source, Upload, marked};

/// What separates a teacher's comment from conform's.
const OWN_COMMENT: &str = "-- Automatic feedback --";

/// `grades.csv` filled in, and each student's comment and report.
pub(super) fn upload(source: Source<'_>) -> Result<Upload, String> {
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
}
