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
use crate::grading::score::RequirementScore;
use crate::report::plain::line;
use crate::report::root_cause::Told;
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
    for group in &score.by_hand {
        let points = mark(group.earned, group.most);
        let _ = writeln!(tap, "# {}: {points}", line(&group.what));
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
    for entry in scored(assessment, part.role)
        .iter()
        .flat_map(|part| &part.requirements)
    {
        points.push(if is_machines_fault {
            skipped(part.role, entry, "not judged on this machine")
        } else {
            point_of(assessment, part.role, entry)
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

fn point_of(assessment: &Assessment, role: Role, entry: &RequirementScore) -> TestPoint {
    let word = verdict_word(entry.verdict);
    match entry.verdict {
        Verdict::Pass => TestPoint {
            is_ok: true,
            description: description(role, entry),
            directive: None,
            diagnostics: Vec::new(),
        },
        Verdict::NotApplicable => skipped(role, entry, word),
        Verdict::Untested if !counts(entry) => skipped(role, entry, "not counted, untested"),
        _ if !counts(entry) => TestPoint {
            directive: Some(Directive::Todo(format!("not counted, {word}"))),
            ..falls_short(assessment, role, entry)
        },
        _ if lost(entry) == Points::ZERO => skipped(role, entry, &format!("{word}, costs nothing")),
        _ => falls_short(assessment, role, entry),
    }
}

fn skipped(role: Role, entry: &RequirementScore, why: &str) -> TestPoint {
    TestPoint {
        is_ok: true,
        description: description(role, entry),
        directive: Some(Directive::Skip(why.to_owned())),
        diagnostics: Vec::new(),
    }
}

fn falls_short(assessment: &Assessment, role: Role, entry: &RequirementScore) -> TestPoint {
    let told = Told::of(assessment, role, entry);
    let message = match told.seen.as_str() {
        "" => "No transcript was replayed.",
        seen => seen,
    };
    let mut diagnostics = vec![
        ("message", quoted(message)),
        ("severity", quoted(verdict_word(entry.verdict))),
        (
            "requirement",
            quoted(&sentence(&entry.requirement.sentence)),
        ),
        ("level", quoted(&entry.requirement.level.to_string())),
        ("points", quoted(&mark(entry.earned, entry.most))),
    ];
    let seen = entry.verdict != Verdict::Blocked;
    if let Some(judged) = telling_transcript(assessment, role, entry).filter(|_| seen) {
        let (file, line) = place(judged);
        diagnostics.push(("file", quoted(&file)));
        diagnostics.push(("line", line.to_string()));
    }
    if !entry.blocked_by.is_empty() {
        diagnostics.push(("blocked_by", quoted(&entry.blocked_by.join(", "))));
    }
    if seen {
        diagnostics.push(("advice", quoted(&told.advice)));
    }
    TestPoint {
        is_ok: false,
        description: description(role, entry),
        directive: None,
        diagnostics,
    }
}

fn description(role: Role, entry: &RequirementScore) -> String {
    let name = requirement_name(role, &entry.requirement);
    format!("{name} {}", sentence(&entry.requirement.sentence))
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

    #[test]
    fn nothing_begins_a_directive() {
        assert_eq!(escaped("a # TODO \\# b"), "a \\# TODO \\\\\\# b");
        assert_eq!(escaped("a\nok 1"), "a\\\\nok 1");
        assert_eq!(quoted("a\"b\\n"), "\"a\\\"b\\\\n\"");
    }
}
