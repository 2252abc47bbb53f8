//! The table of a class as CSV, read by Python.

use chat_conformance::report::formats::class_csv::render;

use crate::recorded;
use crate::tools::{files, is_there, printed};

#[test]
fn a_submission_is_a_line_and_a_requirement_a_column() {
    let table = render(&recorded::class());
    let lines: Vec<&str> = table.split("\r\n").collect();
    assert!(
        lines[0].starts_with(
            "submission,points,possible,server,client,together,adjustments,doubts,server W-LINE-1,"
        ),
        "{table}"
    );
    assert!(lines[0].contains(",client W-LINE-1,"), "{table}");
    let of = |name: &str| {
        lines
            .iter()
            .find(|line| line.starts_with(name))
            .expect("is there")
    };
    assert!(
        of("alice,").starts_with("alice,100,100,60,40,,0,no,"),
        "{table}"
    );
    assert!(of("bob,").contains(",yes,"), "{table}");
    assert!(
        of("dave,").starts_with("dave,0,100,0,0,,0,no,,,,"),
        "{table}"
    );
    assert!(lines[0].ends_with(",reasons"), "{table}");
    assert!(of("bob,").ends_with(" is unsure."), "{table}");
    let columns = lines[0].split(',').count();
    assert!(of("bob,").split(',').count() == columns, "{table}");
}

/// Prints how many lines there are, then how many cells each has.
const READ_CSV: &str = "
import csv, io, sys
table = io.StringIO(open(sys.argv[1], encoding='utf-8', newline='').read(), newline='')
lines = list(csv.reader(table, strict=True))
print(len(lines), sorted({len(line) for line in lines}))
assert not any(line[0][:1] in '=+-@\\t\\r' for line in lines if line[0]), lines
";

#[test]
fn python_reads_the_table_of_a_class() {
    if !is_there("python3", "the table of a class") {
        return;
    }
    let class = recorded::hostile_class();
    let (_folder, files) = files(&[render(&class)], "csv");
    let said = printed("python3", &["-c", READ_CSV, &files[0]]);
    let (lines, columns) = (class.submissions.len() + 1, class.columns().len() + 9);
    assert_eq!(said.trim(), format!("{lines} [{columns}]"));
}
