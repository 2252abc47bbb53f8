//! A class as a table for spreadsheets: a line for each submission, a column for each requirement.
//!
//! The format is RFC 4180. A cell that a spreadsheet would take for a formula is prefixed with `'`: students choose the
//! names of their folders.

use crate::conformance::evidence::visible_name;
use crate::conformance::suite::requirement::Requirement;
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::points::Points;
use crate::grading::score::PartScore;
use crate::report::plain::line;
use crate::report::scores::counts;
use crate::transcript::syntax::Role;

/// The columns before those of the requirements. `adjustments` are those of the whole mark: server, client, together, what
/// a person marked, and adjustments add up to `points`.
const FIRST: [&str; 8] = [
    "submission",
    "points",
    "possible",
    "server",
    "client",
    "together",
    "adjustments",
    "doubts",
];

/// The last column: why the mark is doubtful.
const LAST: &str = "reasons";

/// The table, headings first, lines ended by CR LF.
pub fn render(class: &Class) -> String {
    let columns = class.columns();
    let besides = Besides::of(class);
    let mut headings = headings(&columns);
    besides.insert(&mut headings, besides.headings());
    let mut table = record(headings);
    for assessment in &class.submissions {
        let mut cells = cells(assessment, &columns);
        besides.insert(&mut cells, besides.cells(assessment));
        table.push_str(&record(cells));
    }
    table
}

/// The columns that only some classes have: the groups that a person marks, and who handed in when. They come before the
/// last column.
struct Besides<'c> {
    groups: Vec<&'c str>,
    has_students: bool,
}

impl<'c> Besides<'c> {
    fn of(class: &'c Class) -> Besides<'c> {
        let first = class.submissions.first();
        let groups = first.map_or(&[][..], |first| &first.score.by_hand);
        let is_known = |one: &Assessment| {
            let student = one.student.as_ref();
            student.is_some_and(|student| !student.id.is_empty() || student.handed_in.is_some())
        };
        Besides {
            groups: groups.iter().map(|group| group.what.as_str()).collect(),
            has_students: class.submissions.iter().any(is_known),
        }
    }

    fn insert(&self, cells: &mut Vec<String>, more: Vec<String>) {
        let at = cells.len() - 1;
        cells.splice(at..at, more);
    }

    fn headings(&self) -> Vec<String> {
        let groups = self.groups.iter().map(|group| no_formula(line(group)));
        let students = ["id", "name", "handed in"].map(str::to_owned);
        let students = students.into_iter().filter(|_| self.has_students);
        groups.chain(students).collect()
    }

    fn cells(&self, assessment: &Assessment) -> Vec<String> {
        let groups = self.groups.iter().map(|what| {
            let mut groups = assessment.score.by_hand.iter();
            let group = groups.find(|group| group.what == **what);
            group.map_or(String::new(), |group| group.earned.to_string())
        });
        let student = assessment.student.clone().unwrap_or_default();
        let handed_in = student.handed_in.map_or(String::new(), |at| at.to_string());
        let students = [line(&student.id), line(&student.name), handed_in];
        let students = students.into_iter().map(no_formula);
        groups
            .chain(students.filter(|_| self.has_students))
            .collect()
    }
}

fn headings(columns: &[(Role, &Requirement)]) -> Vec<String> {
    let first = FIRST.iter().map(|heading| (*heading).to_owned());
    let requirements = columns
        .iter()
        .map(|(role, requirement)| format!("{role} {}", requirement.id));
    first.chain(requirements).chain([LAST.to_owned()]).collect()
}

fn cells(assessment: &Assessment, columns: &[(Role, &Requirement)]) -> Vec<String> {
    let score = &assessment.score;
    let of_role = |role: Role| score.parts.iter().find(|part| part.role == role);
    let points_of = |role| of_role(role).map_or(String::new(), |part| part.earned.to_string());
    let adjusted: Points = score.adjustments.iter().map(|one| one.points).sum();
    let mut cells = vec![
        no_formula(visible_name(&assessment.submission)),
        score.earned.to_string(),
        score.most.to_string(),
        points_of(Role::Server),
        points_of(Role::Client),
        points_of(Role::Pair),
        adjusted.to_string(),
        if score.doubts.is_empty() { "no" } else { "yes" }.to_owned(),
    ];
    for (role, requirement) in columns {
        let is_judged = assessment
            .part(*role)
            .is_some_and(|part| part.result.is_ok());
        let part = of_role(*role).filter(|_| is_judged);
        cells.push(part.map_or(String::new(), |part| points_in(part, requirement)));
    }
    cells.push(no_formula(line(&score.doubts.join(" "))));
    cells
}

fn points_in(part: &PartScore, requirement: &Requirement) -> String {
    let mut entries = part.requirements.iter();
    let scored = entries.find(|entry| entry.requirement.id == requirement.id && counts(entry));
    scored.map_or(String::new(), |scored| scored.earned.to_string())
}

fn no_formula(cell: String) -> String {
    let begins_one = |first: char| "=+-@\t\r＝＋－＠".contains(first);
    // A backslash is how a tab or a line end in front is written.
    if cell.starts_with(begins_one) || cell.starts_with("\\t") || cell.starts_with("\\r") {
        format!("'{cell}")
    } else {
        cell
    }
}

fn record(cells: Vec<String>) -> String {
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    cells.join(",") + "\r\n"
}

fn quoted(cell: String) -> String {
    if cell.contains(['"', ',', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' ') {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_a_formula_and_none_breaks_the_table() {
        let cells = ["=1+1", "+1", "-1", "@x", "\tx", "＝1"].map(|name| no_formula(line(name)));
        assert!(cells.iter().all(|cell| cell.starts_with('\'')), "{cells:?}");
        assert_eq!(
            record(vec!["a\"b,c".to_owned(), "d".to_owned()]),
            "\"a\"\"b,c\",d\r\n"
        );
    }
}
