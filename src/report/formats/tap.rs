//! The result in the Test Anything Protocol: one test point a requirement.
//!
//! The output follows version 14 but declares version 13: it uses nothing that 13 lacks, and Perl's own consumer,
//! `prove`, refuses a higher number.
//!
//! A point is `not ok` if the requirement costs points: it fails, it is blocked, or it is unsure and the rubric takes
//! points off for that. A requirement that does not count never fails the stream: it is TODO if it does not pass, and
//! skipped if it was not tested. If this machine could not judge a program, its requirements are skipped, and one
//! additional point is `not ok`.

use std::fmt::Write;

use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::points::Points;
use crate::grading::score::RowScore;
use crate::report::plain::line;
use crate::report::scores::{
    counts, lost, mark, place, requirement_name, scored, telling_transcript, verdict_word,
};
use crate::report::text::sentence;
use crate::transcript::syntax::Role;

/// The whole stream: version, plan and points.
pub fn render(assessment: &Assessment) -> String {
    let parts = assessment.parts.iter();
    let points: Vec<TestPoint> = parts.flat_map(|part| of_part(assessment, part)).collect();
    let mut tap = format!("TAP version 13\n1..{}\n", points.len());
    let score = &assessment.score;
    let name = visible_name(&assessment.submission);
    let _ = writeln!(
        tap,
        "# submission {name}: {}",
        mark(score.earned, score.most)
    );
    for (index, point) in points.iter().enumerate() {
        point.write(index + 1, &mut tap);
    }
    for adjustment in &score.adjustments {
        let _ = writeln!(
            tap,
            "# {}: {}",
            Signed(adjustment.points),
            line(&adjustment.reason)
        );
    }
    for doubt in &score.doubts {
        let _ = writeln!(tap, "# check this mark: {}", line(doubt));
    }
    tap
}

/// Points with their sign, also if positive.
struct Signed(Points);

impl std::fmt::Display for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 > Points::ZERO { "+" } else { "" };
        write!(f, "{sign}{}", self.0)
    }
}

struct TestPoint {
    is_ok: bool,
    description: String,
    directive: Option<Directive>,
    /// Names and values, in YAML.
    diagnostics: Vec<(&'static str, String)>,
}

enum Directive {
    Skip(String),
    Todo(String),
}

impl TestPoint {
    fn write(&self, number: usize, tap: &mut String) {
        let ok = if self.is_ok { "ok" } else { "not ok" };
        let _ = write!(tap, "{ok} {number} - {}", escaped(&self.description));
        let _ = match &self.directive {
            Some(Directive::Skip(why)) => writeln!(tap, " # SKIP {}", escaped(why)),
            Some(Directive::Todo(why)) => writeln!(tap, " # TODO {}", escaped(why)),
            None => writeln!(tap),
        };
        if self.diagnostics.is_empty() {
            return;
        }
        tap.push_str("  ---\n");
        for (name, value) in &self.diagnostics {
            let _ = writeln!(tap, "  {name}: {value}");
        }
        tap.push_str("  ...\n");
    }
}

fn of_part(assessment: &Assessment, part: &AssessedPart) -> Vec<TestPoint> {
    let unjudged = part.result.as_ref().err();
    let mut points: Vec<TestPoint> = unjudged
        .map(|unjudged| not_judged(part.role, unjudged))
        .into_iter()
        .collect();
    let is_machines_fault = unjudged.is_some_and(|unjudged| !unjudged.is_its_own_fault);
    for row in scored(assessment, part.role)
        .iter()
        .flat_map(|part| &part.rows)
    {
        points.push(if is_machines_fault {
            skipped(part.role, row, "not judged on this machine")
        } else {
            of_row(assessment, part.role, row)
        });
    }
    points
}

fn not_judged(role: Role, unjudged: &Unjudged) -> TestPoint {
    let mut diagnostics = vec![("message", quoted(&unjudged.reason))];
    if !unjudged.output.is_empty() {
        diagnostics.push(("output", quoted(&unjudged.output)));
    }
    TestPoint {
        is_ok: false,
        description: format!("the {role} is judged"),
        directive: None,
        diagnostics,
    }
}

fn of_row(assessment: &Assessment, role: Role, row: &RowScore) -> TestPoint {
    let word = verdict_word(row.verdict);
    match row.verdict {
        Verdict::Pass => TestPoint {
            is_ok: true,
            description: description(role, row),
            directive: None,
            diagnostics: Vec::new(),
        },
        Verdict::NotApplicable => skipped(role, row, word),
        Verdict::Untested if !counts(row) => skipped(role, row, "not counted, untested"),
        _ if !counts(row) => TestPoint {
            directive: Some(Directive::Todo(format!("not counted, {word}"))),
            ..falls_short(assessment, role, row)
        },
        _ if lost(row) == Points::ZERO => skipped(role, row, &format!("{word}, costs nothing")),
        _ => falls_short(assessment, role, row),
    }
}

fn skipped(role: Role, row: &RowScore, why: &str) -> TestPoint {
    TestPoint {
        is_ok: true,
        description: description(role, row),
        directive: Some(Directive::Skip(why.to_owned())),
        diagnostics: Vec::new(),
    }
}

fn falls_short(assessment: &Assessment, role: Role, row: &RowScore) -> TestPoint {
    let mut diagnostics = vec![
        ("message", quoted(message(row))),
        ("severity", quoted(verdict_word(row.verdict))),
        ("requirement", quoted(&sentence(&row.requirement.sentence))),
        ("level", quoted(&row.requirement.level.to_string())),
        ("points", quoted(&mark(row.earned, row.most))),
    ];
    let seen = row.verdict != Verdict::Blocked;
    if let Some(judged) = telling_transcript(assessment, role, row).filter(|_| seen) {
        let (file, line) = place(judged);
        diagnostics.push(("file", quoted(&file)));
        diagnostics.push(("line", line.to_string()));
    }
    if !row.blocked_by.is_empty() {
        diagnostics.push(("blocked_by", quoted(&row.blocked_by.join(", "))));
    }
    if seen {
        diagnostics.push(("advice", quoted(&sentence(&row.requirement.fix))));
    }
    TestPoint {
        is_ok: false,
        description: description(role, row),
        directive: None,
        diagnostics,
    }
}

fn message(row: &RowScore) -> &str {
    if row.reason.is_empty() {
        "No transcript was replayed."
    } else {
        &row.reason
    }
}

fn description(role: Role, row: &RowScore) -> String {
    let name = requirement_name(role, &row.requirement);
    format!("{name} {}", sentence(&row.requirement.sentence))
}

/// The text without characters that end the line or begin a directive.
fn escaped(text: &str) -> String {
    line(text).replace('\\', "\\\\").replace('#', "\\#")
}

/// A YAML string. A JSON string is valid YAML as long as it needs no surrogate escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(line(text)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn what_costs_points_is_not_ok_and_says_why() {
        let tap = render(&fixture::faulty_submission());
        assert!(
            tap.starts_with("TAP version 13\n1..15\n# submission bob: "),
            "{tap}"
        );
        for part in [
            "\nok 5 - S-REG-1 `REGISTER name CHAT/1.0` from a new name is answered with status 200.\n",
            "\nnot ok 6 - S-REG-5 A name in use",
            "  severity: \"fails\"\n",
            "  file: \"conformance/server/registration/refused.chat\"\n  line: 9\n",
            "\nnot ok 7 - S-REG-7 ",
            "  blocked_by: \"S-REG-5\"\n",
            "  advice: \"Look the name up",
            "\n# check this mark: server: S-PORT-2 is unsure.\n",
        ] {
            assert!(tap.contains(part), "{part}\n{tap}");
        }
    }

    #[test]
    fn what_does_not_count_fails_nothing() {
        let tap = render(&fixture::faulty_submission());
        assert!(tap.contains(" # TODO not counted, unsure\n"), "{tap}");
        let tap = render(&fixture::unjudged_submission());
        assert_eq!(tap.matches("\nnot ok ").count(), 1, "{tap}");
        assert!(
            tap.contains("\nnot ok 1 - the server is judged\n  ---\n  message: \"java is"),
            "{tap}"
        );
        assert!(
            tap.contains(" # SKIP not judged on this machine\n"),
            "{tap}"
        );
    }

    #[test]
    fn nothing_begins_a_directive() {
        assert_eq!(escaped("a # TODO \\# b"), "a \\# TODO \\\\\\# b");
        assert_eq!(escaped("a\nok 1"), "a\\\\nok 1");
        assert_eq!(quoted("a\"b\\n"), "\"a\\\"b\\\\n\"");
    }
}
