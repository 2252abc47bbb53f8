//! Who can talk to whom in a class, on a terminal.

use std::fmt::Write;

use crate::grading::matrix::{Cell, Matrix};
use crate::report::Style;
use crate::report::pairing::{LEGEND, about, absences, name, sign, silences, summary, unexpected};
use crate::report::plain::line;
use crate::report::text::{Ink, cut, pad, paragraph, ruled, width};

/// Maximum number of pairs that are named: the page has all.
const NAMED: usize = 12;
/// Maximum number of columns of a submission's name.
const LONGEST_NAME: usize = 24;

/// The groups, the table, and what does not talk although it could be expected to.
pub fn render(matrix: &Matrix, style: Style) -> String {
    let columns = style.prose().min(style.width);
    let title = ruled(&line(&matrix.class), columns);
    let mut shown = style.ink(Ink::Heading, &title) + "\n\n";
    shown.push_str(&paragraph(&summary(matrix), "", columns));
    shown.push('\n');
    shown.push_str(&groups(matrix, columns, style));
    shown.push_str(&table(matrix, style));
    shown.push_str(&list(
        "Not tried",
        absences(matrix)
            .iter()
            .map(|(name, reasons)| format!("{name}: {}", reasons.join(" "))),
        columns,
        style,
    ));
    let [own, exceptions] = unexpected(matrix);
    for (title, pairs) in [
        ("Do not talk with their own programs", own),
        ("Do not talk, although their groups do", exceptions),
    ] {
        let told = silences(matrix, &pairs).into_iter();
        let told = told.map(|silence| format!("{}: {}", silence.who, silence.why));
        shown.push_str(&list(title, told, columns, style));
    }
    shown
}

fn groups(matrix: &Matrix, columns: usize, style: Style) -> String {
    let mut shown = String::new();
    for (at, group) in matrix.groups.iter().enumerate() {
        let title = format!("Group {}: {}", at + 1, about(group));
        let title = paragraph(&title, "", columns);
        shown.push_str(&(style.ink(Ink::Heading, title.trim_end()) + "\n"));
        let names: Vec<String> = group.members.clone().map(|at| name(matrix, at)).collect();
        shown.push_str(&paragraph(&names.join(", "), "  ", columns));
    }
    shown + "\n"
}

/// A row for each server, and a column for each client. The columns have the numbers of the rows.
fn table(matrix: &Matrix, style: Style) -> String {
    let count = matrix.members.len();
    let digits = count.to_string().len();
    let names = (0..count).map(|at| width(&name(matrix, at))).max();
    let names = names.unwrap_or(0).clamp(width("server"), LONGEST_NAME);
    let before = digits + 1 + names;
    let widest = |cell: usize| before + count * cell + 2 * matrix.groups.len();
    let Some(cell) = [2, 1].into_iter().find(|cell| widest(*cell) <= style.width) else {
        let text = "The table is too wide for this terminal: see the page.";
        return paragraph(text, "", style.prose()) + "\n";
    };
    let row = |lead: &str, cell_at: &dyn Fn(usize) -> (String, Ink)| {
        let mut row = lead.to_owned();
        for group in &matrix.groups {
            row.push_str(if group.members.start == 0 {
                " "
            } else {
                " │"
            });
            for at in group.members.clone() {
                let (text, ink) = cell_at(at);
                row.push_str(&" ".repeat(cell - 1));
                row.push_str(&style.ink(ink, &text));
            }
        }
        row + "\n"
    };
    let lead = " ".repeat(before + cell);
    let mut shown = style.ink(Ink::Quiet, &format!("{lead}client")) + "\n";
    // The numbers of the clients, one digit below the other.
    for digit in 0..digits {
        let lead = if digit + 1 == digits { "server" } else { "" };
        let lead = pad(&format!("{}{lead}", " ".repeat(digits + 1)), before);
        let number = |at: usize| format!("{:>digits$}", at + 1);
        let heading = row(&lead, &|at| {
            (number(at)[digit..=digit].to_owned(), Ink::Quiet)
        });
        shown.push_str(heading.trim_end());
        shown.push('\n');
    }
    for server in 0..count {
        if server > 0 && matrix.groups[matrix.group_of(server)].members.start == server {
            shown.push('\n');
        }
        let name = pad(&cut(&name(matrix, server), names), names);
        let lead = format!("{:>digits$} {name}", server + 1);
        shown.push_str(&row(&lead, &|client| {
            let cell = matrix.cell(server, client);
            (sign(cell).to_owned(), ink(cell))
        }));
    }
    let used = |cell: &Cell| {
        let same = |at: (usize, usize)| sign(matrix.cell(at.0, at.1)) == sign(*cell);
        matrix.pairs().any(same)
    };
    let legend = LEGEND.iter().filter(|(cell, _)| used(cell));
    let legend: Vec<String> = legend
        .map(|(cell, words)| format!("{} {words}", sign(*cell)))
        .collect();
    let legend = paragraph(&legend.join(", "), "", style.prose().min(style.width));
    let _ = write!(shown, "\n{}\n\n", style.ink(Ink::Quiet, legend.trim_end()));
    shown
}

fn ink(cell: Cell) -> Ink {
    match cell {
        Cell::Talk => Ink::Good,
        Cell::Nothing => Ink::Bad,
        Cell::OneWay(_) | Cell::Unknown => Ink::Uncertain,
        Cell::Missing => Ink::Quiet,
    }
}

fn list(
    title: &str,
    entries: impl Iterator<Item = String>,
    columns: usize,
    style: Style,
) -> String {
    let entries: Vec<String> = entries.collect();
    if entries.is_empty() {
        return String::new();
    }
    let mut shown = style.ink(Ink::Heading, title) + "\n";
    for entry in entries.iter().take(NAMED) {
        shown.push_str(&paragraph(entry, "  ", columns));
    }
    if entries.len() > NAMED {
        let _ = writeln!(
            shown,
            "  … and {} more: see the page.",
            entries.len() - NAMED
        );
    }
    shown + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::matrix::tests::matrix;

    const PLAIN: Style = Style {
        colour: false,
        width: 80,
    };

    #[test]
    fn a_class_in_two_dialects() {
        insta::assert_snapshot!(render(
            &matrix(&[
                ("ann", "x.x.->", Some("line")),
                ("bob", ".x.x-.", Some("bare")),
                ("c\u{1b}[2Jyd", "x.!.-?", Some("line")),
                ("dan", ".x.x-.", Some("bare")),
                ("eve", "------", None),
                ("fay", "x....-", Some("line")),
            ]),
            PLAIN
        ));
    }

    #[test]
    fn a_table_fits_or_is_left_out() {
        for count in [9, 12, 31, 60, 200] {
            let marks = "x".repeat(count);
            let names: Vec<String> = (0..count).map(|at| format!("submission-{at}")).collect();
            let rows: Vec<(&str, &str, Option<&str>)> = names
                .iter()
                .map(|name| (name.as_str(), marks.as_str(), None))
                .collect();
            let shown = render(&matrix(&rows), PLAIN);
            assert!(shown.lines().all(|line| width(line) <= 80), "{shown}");
            assert_eq!(shown.contains("too wide"), count == 200, "{shown}");
        }
    }
}
