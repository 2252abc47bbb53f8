//! The result as Gradescope's autograder reads it, `results.json`:
//! <https://gradescope-autograders.readthedocs.io/en/latest/specs/>.
//!
//! A requirement is a test. An adjustment is a test of its own with a maximum of 0 points, so that the scores of the
//! tests add up. Requirements that do not count have a status but no points. All text is declared as plain text:
//! it may come from a student, and Gradescope must not read it as HTML or Markdown.

use serde::Serialize;

use super::json;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::points::Points;
use crate::grading::score::{Adjustment, HandScore, RequirementScore};
use crate::report::plain::{line, lines};
use crate::report::root_cause::Told;
use crate::report::scores::{NOT_FINAL, counts, mark, requirement_name, scored, verdict_word};
use crate::report::text::sentence;
use crate::transcript::syntax::Role;

/// The document, with a newline at its end.
pub fn render(assessment: &Assessment) -> String {
    let mut tests = Vec::new();
    for part in &assessment.parts {
        tests.extend(of_part(assessment, part));
    }
    tests.extend(assessment.score.by_hand.iter().map(by_hand));
    tests.extend(adjustments(&assessment.score.adjustments, "whole"));
    let seconds = assessment.parts.iter().filter_map(|part| {
        let result = part.result.as_ref().ok()?;
        Some(result.seconds)
    });
    json::text(&Document {
        score: assessment.score.earned,
        execution_time: seconds.sum::<f64>().round(),
        output: output(assessment),
        output_format: "text",
        test_output_format: "text",
        test_name_format: "text",
        visibility: "visible",
        tests,
    })
}

#[derive(Serialize)]
struct Document {
    score: Points,
    execution_time: f64,
    output: String,
    output_format: &'static str,
    test_output_format: &'static str,
    test_name_format: &'static str,
    visibility: &'static str,
    tests: Vec<Test>,
}

#[derive(Serialize)]
struct Test {
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<Points>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_score: Option<Points>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    name: String,
    number: String,
    output: String,
    tags: Vec<String>,
}

fn output(assessment: &Assessment) -> String {
    let score = &assessment.score;
    let mut sentences = vec![mark(score.earned, score.most) + "."];
    for doubt in &score.doubts {
        sentences.push(format!("{NOT_FINAL}: {}", line(doubt)));
    }
    for part in &assessment.parts {
        if let Err(unjudged) = &part.result {
            sentences.push(not_judged(part.role, unjudged));
        }
    }
    sentences.join("\n")
}

fn not_judged(role: Role, unjudged: &Unjudged) -> String {
    let explanation = format!("The {role} was not judged: {}", line(&unjudged.reason));
    if unjudged.output.is_empty() {
        explanation
    } else {
        format!("{explanation}\n\n{}", lines(&unjudged.output))
    }
}

fn of_part(assessment: &Assessment, part: &AssessedPart) -> Vec<Test> {
    let Some(scored) = scored(assessment, part.role) else {
        return Vec::new();
    };
    let tests = scored
        .requirements
        .iter()
        .map(|entry| test_of(assessment, part.role, entry));
    let role = part.role.to_string();
    tests
        .chain(adjustments(&scored.adjustments, &role))
        .collect()
}

fn by_hand(group: &HandScore) -> Test {
    Test {
        score: Some(group.earned),
        max_score: Some(group.most),
        status: None,
        name: line(&group.what),
        number: String::new(),
        output: lines(&group.remark),
        tags: vec!["by hand".to_owned()],
    }
}

fn test_of(assessment: &Assessment, role: Role, entry: &RequirementScore) -> Test {
    let points = |points: Points| counts(entry).then_some(points);
    let uncounted = if counts(entry) { "" } else { " (not counted)" };
    Test {
        score: points(entry.earned),
        max_score: points(entry.most),
        status: status(entry),
        name: sentence(&entry.requirement.sentence) + uncounted,
        number: requirement_name(role, &entry.requirement),
        output: output_of(assessment, role, entry),
        tags: vec![
            role.to_string(),
            entry.requirement.level.to_string(),
            verdict_word(entry.verdict).to_owned(),
        ],
    }
}

fn status(entry: &RequirementScore) -> Option<&'static str> {
    match entry.verdict {
        Verdict::Pass => Some("passed"),
        Verdict::NotApplicable | Verdict::Untested if !counts(entry) => None,
        _ if counts(entry) && entry.earned == entry.most => Some("passed"),
        _ => Some("failed"),
    }
}

fn output_of(assessment: &Assessment, role: Role, entry: &RequirementScore) -> String {
    match entry.verdict {
        // Advice belongs to what fails.
        Verdict::Pass | Verdict::NotApplicable | Verdict::Blocked => line(&entry.reason),
        _ => {
            let told = Told::of(assessment, role, entry);
            format!(
                "{}\n\nWhat to look at: {}",
                line(&told.seen),
                line(&told.advice)
            )
        }
    }
}

fn adjustments<'a>(all: &'a [Adjustment], of: &'a str) -> impl Iterator<Item = Test> + 'a {
    all.iter().map(move |adjustment| {
        let is_given = adjustment.points > Points::ZERO;
        Test {
            score: Some(adjustment.points),
            max_score: Some(Points::ZERO),
            status: Some(if is_given { "passed" } else { "failed" }),
            name: line(&adjustment.reason),
            number: format!("adjustment of the {of}"),
            output: String::new(),
            tags: vec!["adjustment".to_owned()],
        }
    })
}
