//! The result as JUnit XML, which most continuous integration systems show: one suite a program, one case a
//! transcript.
//!
//! A transcript never fails its suite if no points depend on it: it is skipped, with the reason.

use std::fmt::Write;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Requirement;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::score::PartScore;
use crate::report::plain::{line, lines};
use crate::report::root_cause::advice_on;
use crate::report::scores::{any_counts, held_against, mark, place, scored, shortfall};
use crate::report::text::sentence;

/// The whole document.
pub fn render(assessment: &Assessment) -> String {
    let name = visible_name(&assessment.submission);
    let mut report = Report::new(line(&name));
    let seconds = assessment.parts.iter().map(seconds_of).sum();
    report.set_time(duration(seconds));
    for part in &assessment.parts {
        report.add_test_suite(suite(part, scored(assessment, part.role), &name));
    }
    // Writing to memory cannot fail.
    report.to_string().unwrap_or_default()
}

fn seconds_of(part: &AssessedPart) -> f64 {
    part.result.as_ref().map_or(0.0, |result| result.seconds)
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn suite(part: &AssessedPart, scored: Option<&PartScore>, submission: &str) -> TestSuite {
    let mut suite = TestSuite::new(part.role.to_string());
    suite.set_time(duration(seconds_of(part)));
    suite.add_property(Property::new("submission", line(submission)));
    suite.add_property(Property::new("command", line(&part.command.join(" "))));
    if let Some(part) = scored {
        suite.add_property(Property::new("points", mark(part.earned, part.most)));
    }
    match &part.result {
        Ok(result) => {
            let cases = result.transcripts.iter();
            suite.add_test_cases(cases.map(|judged| case(judged, result, scored)))
        }
        Err(unjudged) => suite.add_test_case(not_judged(part, unjudged)),
    };
    suite
}

fn case(judged: &TranscriptResult, result: &RunResult, scored: Option<&PartScore>) -> TestCase {
    let name = &judged.case.name;
    let (class, name) = name.rsplit_once('/').unwrap_or(("", name));
    let mut case = TestCase::new(line(name), status(judged, result, scored));
    case.set_classname(line(&class.replace('/', ".")));
    case.set_time(duration(judged.runs.iter().map(|run| run.seconds).sum()));
    let (file, number) = place(judged);
    case.extra.insert("file".into(), line(&file).into());
    case.extra.insert("line".into(), number.to_string().into());
    case
}

fn status(
    judged: &TranscriptResult,
    result: &RunResult,
    scored: Option<&PartScore>,
) -> TestCaseStatus {
    let outcome = judged.telling_run().map(|run| run.outcome.to_string());
    let outcome = outcome.unwrap_or_default();
    let (kind, reason, message) = match judged.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Blocked => {
            let by = judged
                .blocked_by
                .as_deref()
                .unwrap_or("another requirement");
            return skipped(&format!("blocked: {by} fails"));
        }
        Verdict::NotApplicable => return skipped(&outcome),
        Verdict::Untested => return skipped("untested"),
        Verdict::Fail => (
            NonSuccessKind::Failure,
            held_against(judged).join(" "),
            outcome,
        ),
        Verdict::Unsure => {
            let (passed, runs) = (judged.runs_passed(), judged.runs.len());
            let message = format!("{passed} of {runs} runs pass: {outcome}");
            (NonSuccessKind::Error, "unsure".to_owned(), message)
        }
    };
    if !any_counts(scored, held_against(judged)) {
        return skipped(&format!("not counted ({reason}): {message}"));
    }
    non_success(kind, &reason, &message, &details(judged, result))
}

/// The usual schemas give a skipped case a message and nothing else.
fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(line(message));
    status
}

fn non_success(kind: NonSuccessKind, reason: &str, message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(line(reason));
    status.set_message(line(message));
    status.set_description(lines(text));
    status
}

/// What was expected and received, and for each requirement what it asks and what to look at.
fn details(judged: &TranscriptResult, result: &RunResult) -> String {
    let mut details = String::from("\n");
    let (file, line) = place(judged);
    if let Some(shortfall) = shortfall(judged) {
        let _ = writeln!(details, "{file}, line {line}");
        let _ = writeln!(details, "expected  {}", shortfall.expected);
        let _ = writeln!(details, "received  {}", shortfall.received());
    }
    let requirements = result.requirements.iter().map(|known| &known.requirement);
    let held_against = held_against(judged);
    for requirement in requirements.filter(|requirement| held_against.contains(&requirement.id)) {
        details.push_str(&asked(result, requirement));
    }
    details
}

fn asked(result: &RunResult, requirement: &Requirement) -> String {
    let asked = sentence(&requirement.sentence);
    let fix = advice_on(result, requirement);
    format!("\n{}: {asked}\nWhat to look at: {fix}\n", requirement.id)
}

fn not_judged(part: &AssessedPart, unjudged: &Unjudged) -> TestCase {
    let (kind, reason) = if unjudged.is_its_own_fault {
        (NonSuccessKind::Failure, "not judged")
    } else {
        (NonSuccessKind::Error, "not judged on this machine")
    };
    let status = non_success(kind, reason, &unjudged.reason, &unjudged.reason);
    let mut case = TestCase::new("is judged", status);
    case.set_classname(part.role.to_string());
    case.set_time(Duration::ZERO);
    if !unjudged.output.is_empty() {
        case.set_system_out(lines(&unjudged.output));
    }
    case
}
