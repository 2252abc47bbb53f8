//! Who is who in a class, before it is graded.

use std::fmt::Write;

use crate::classroom::people::{People, Student};
use crate::conformance::evidence::visible_name;
use crate::report::Style;
use crate::report::plain::line;
use crate::report::text::{Ink, count, cut, pad, paragraph, ruled, width};

/// Columns of a time of handing in, without its offset.
const TIME: usize = 19;
/// Maximum number of those named who handed in nothing.
const MOST_ABSENT: usize = 40;

/// The system that the class comes from, and a line for each student. `others` are entries of the class that are
/// nobody's.
pub fn render(class: &str, people: &People, others: &[String], style: Style) -> String {
    let columns = style.prose().min(style.width);
    let mut shown = style.ink(Ink::Heading, &ruled(&line(class), columns)) + "\n";
    let students = count(people.students.len(), "submission");
    let from = format!("Recognised: {}, {students}.", people.layout);
    shown.push_str(&paragraph(&from, "", columns));
    shown.push('\n');
    let longest = |text: &dyn Fn(&Student) -> String, heading: &str| {
        let texts = people.students.iter().map(|student| width(&text(student)));
        let most = (style.width / 4).max(12);
        texts.max().unwrap_or(0).clamp(width(heading), most)
    };
    let submission = |student: &Student| visible_name(&student.submission);
    let id = |student: &Student| line(&student.id);
    let name = |student: &Student| line(&student.name);
    let widths = [
        longest(&submission, "submission"),
        longest(&id, "id"),
        longest(&name, "name"),
    ];
    let row = |cells: [String; 3], time: &str, rest: &str| {
        let cells = cells.into_iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, columns)| pad(&cut(&cell, columns), columns))
            .collect();
        let text = format!("{}  {}  {rest}", cells.join("  "), pad(time, TIME));
        text.trim_end().to_owned() + "\n"
    };
    let headings = ["submission", "id", "name"].map(str::to_owned);
    let headings = row(headings, "handed in", "");
    shown.push_str(&(style.ink(Ink::Quiet, headings.trim_end()) + "\n"));
    for student in &people.students {
        let moment = student.handed_in.map(|moment| moment.to_string());
        let moment = moment.unwrap_or_default();
        let time = moment.get(..TIME).unwrap_or_default();
        let mut notes = student.notes.clone();
        if student.is_late {
            notes.insert(0, "Late.".to_owned());
        }
        let cells = [submission(student), id(student), name(student)];
        shown.push_str(&row(cells, time, ""));
        if !notes.is_empty() {
            let notes = paragraph(&line(&notes.join(" ")), "    ", columns);
            shown.push_str(&(style.ink(Ink::Quiet, notes.trim_end()) + "\n"));
        }
    }
    if !people.absent.is_empty() {
        let named = people.absent.iter().take(MOST_ABSENT);
        let mut named: Vec<String> = named.map(|student| line(student.shown())).collect();
        let more = people.absent.len() - named.len();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        let _ = write!(
            shown,
            "\n{}",
            paragraph(
                &format!("Handed in nothing: {}.", named.join("; ")),
                "",
                columns
            )
        );
    }
    if !others.is_empty() {
        let named = others.iter().take(MOST_ABSENT);
        let mut named: Vec<String> = named.map(|name| visible_name(name)).collect();
        let more = others.len() - named.len();
        if more > 0 {
            named.push(format!("{more} more"));
        }
        let text = format!("Skipped, nobody's submission: {}.", named.join(", "));
        let _ = write!(shown, "\n{}", paragraph(&text, "", columns));
    }
    shown + "\n"
}
