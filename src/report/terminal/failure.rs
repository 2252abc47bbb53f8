//! Each failure in full: what the requirement asks, by which words of the assignment, where the conversation
//! departed from the transcript, and what to look at.
//!
//! Each failed requirement has one conversation in full, and the names of the other transcripts that fail it.
//! Blocked transcripts are only counted: their fault is shown with the requirement that blocks them.

use std::fmt::Write;

use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::judge::transcript_policy::dialect;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::report::root_cause::{RootCause, advice_on};
use crate::report::text::{Ink, count, cut, harmless, paragraph, quoted, ruled, sentence};
use crate::report::{Style, diagram, difference, excerpt, finding};
use crate::transcript::syntax::Action;

/// All failures, then what is blocked, then what is unsure. Empty where everything passes. A blank line ends each
/// section.
pub fn render(result: &RunResult, style: Style) -> String {
    below(None, result, style)
}

/// As [`render`], without the transcripts blocked by the root cause, which stands above, and without what the program
/// printed there.
pub(super) fn below(cause: Option<&RootCause<'_>>, result: &RunResult, style: Style) -> String {
    let root_cause = cause.map(|cause| cause.requirement);
    let mut sections = Vec::new();
    for (requirement, failed) in by_requirement(result) {
        let is_cause = requirement.is_some_and(|failing| root_cause == Some(failing.id.as_str()));
        let printed_above = cause.filter(|_| is_cause);
        let printed_above = printed_above.map_or(&[][..], |cause| &cause.printed[..]);
        sections.push(section(requirement, &failed, result, printed_above, style));
    }
    sections.extend(blocked(root_cause, result, style));
    sections.extend(unsure(result, style));
    sections
        .iter()
        .map(|section| format!("{section}\n"))
        .collect()
}

type Failures<'r> = (Option<&'r Requirement>, Vec<&'r TranscriptResult>);

/// The failed transcripts, each with the first requirement that it fails, in the order of the requirements.
fn by_requirement(result: &RunResult) -> Vec<Failures<'_>> {
    let failed = || {
        let transcripts = result.transcripts.iter();
        transcripts.filter(|judged| judged.verdict == Verdict::Fail)
    };
    let failing: Vec<&Requirement> = result
        .requirements
        .iter()
        .map(|entry| &entry.requirement)
        .collect();
    let home = |judged: &TranscriptResult| {
        failing
            .iter()
            .position(|requirement| judged.fails.first() == Some(&requirement.id))
    };
    let mut sections: Vec<Failures<'_>> = Vec::new();
    for (index, requirement) in failing.iter().enumerate() {
        let mut of_requirement: Vec<_> = failed()
            .filter(|judged| home(judged) == Some(index))
            .collect();
        of_requirement.sort_by_key(|judged| judged.length());
        if !of_requirement.is_empty() {
            sections.push((Some(*requirement), of_requirement));
        }
    }
    let homeless: Vec<_> = failed().filter(|judged| home(judged).is_none()).collect();
    if !homeless.is_empty() {
        sections.push((None, homeless));
    }
    sections
}

fn section(
    requirement: Option<&Requirement>,
    failed: &[&TranscriptResult],
    result: &RunResult,
    printed_above: &[String],
    style: Style,
) -> String {
    let mut shown = requirement.map_or(String::new(), |requirement| {
        requirement_failed(requirement, result, style)
    });
    let Some((first, others)) = failed.split_first() else {
        return shown;
    };
    let _ = write!(
        shown,
        "\n{}",
        transcript_failed(first, result, printed_above, style)
    );
    if !others.is_empty() {
        let names: Vec<String> = others
            .iter()
            .map(|judged| harmless(&judged.case.name))
            .collect();
        let _ = write!(
            shown,
            "\n{}",
            paragraph(&names.join(", "), "Also fails in:  ", style.prose())
        );
    }
    shown
}

fn requirement_failed(requirement: &Requirement, result: &RunResult, style: Style) -> String {
    let level = match requirement.level {
        Level::Hardening => "hardening, not counted".to_string(),
        level => level.to_string(),
    };
    let title = ruled(
        &format!("✗ {} fails ({level})", requirement.id),
        style.prose(),
    );
    let ink = match requirement.level {
        Level::Hardening => Ink::Uncertain,
        Level::Must | Level::Implied => Ink::Bad,
    };
    let mut shown = style.ink(ink, &title) + "\n";
    shown.push_str(&paragraph(
        &sentence(&requirement.sentence),
        "",
        style.prose(),
    ));
    shown.push_str(&rests_on(requirement, style));
    shown.push_str(&paragraph(
        &advice_on(result, requirement),
        "What to look at:  ",
        style.prose(),
    ));
    shown
}

/// The assignment's own words, or why the requirement follows from them.
fn rests_on(requirement: &Requirement, style: Style) -> String {
    let mut shown = String::new();
    if !requirement.assignment.is_empty() {
        shown.push_str(&paragraph(
            &quoted(requirement),
            "Assignment says:  ",
            style.prose(),
        ));
    }
    if let Some(reason) = &requirement.reason {
        shown.push_str(&paragraph(
            &sentence(reason),
            "Why it is asked:  ",
            style.prose(),
        ));
    }
    shown
}

fn transcript_failed(
    judged: &TranscriptResult,
    result: &RunResult,
    printed_above: &[String],
    style: Style,
) -> String {
    let name = cut(&harmless(&judged.case.name), style.width);
    let mut shown = style.ink(Ink::Heading, &name) + "\n";
    let top = harmless(&judged.case.transcript.sentence);
    shown.push_str(&paragraph(&top, "  ", style.prose()));
    for remark in finding::remarks(judged, result) {
        shown.push_str(&style.ink(
            Ink::Uncertain,
            paragraph(&remark, "  ", style.prose()).trim_end(),
        ));
        shown.push('\n');
    }
    match judged.telling_run() {
        Some(run) => shown + "\n" + &where_it_fell_short(judged, run, result, printed_above, style),
        None => shown,
    }
}

fn where_it_fell_short(
    judged: &TranscriptResult,
    run: &Evidence,
    result: &RunResult,
    printed_above: &[String],
    style: Style,
) -> String {
    let Outcome::FellShort(shortfall) = &run.outcome else {
        let outcome = sentence(&harmless(&run.outcome.to_string()));
        return paragraph(&outcome, "  ", style.prose());
    };
    let step = judged.case.transcript.steps.get(shortfall.step);
    let lines = step.map(|step| excerpt::render(&judged.case, step, style) + "\n");
    let comparison = comparison(shortfall, step.map(|step| &step.action), style);
    let dialect = dialect(&judged.case.transcript, result.profile.dialect);
    let diagram = diagram::render(&judged.case, run, shortfall, dialect, printed_above, style);
    format!("{}{comparison}\n{diagram}", lines.unwrap_or_default())
}

/// Expected beside received: to the character where both are lines, in words otherwise.
fn comparison(shortfall: &Shortfall, action: Option<&Action>, style: Style) -> String {
    if let Some((wanted, open_ended, came)) = finding::lines_that_differ(shortfall, action) {
        return difference::render(&wanted, open_ended, &came, style);
    }
    let received = paragraph(
        &harmless(&shortfall.received_beside_output()),
        "  received  ",
        style.prose(),
    );
    paragraph(
        &harmless(&shortfall.expected.to_string()),
        "  expected  ",
        style.prose(),
    ) + &style.ink(Ink::Bad, received.trim_end())
        + "\n"
}

/// Maximum number of transcripts that are named as blocked by one requirement.
const NAMED: usize = 6;

/// The blocked transcripts, counted by the requirement that blocks them.
fn blocked(root_cause: Option<&str>, result: &RunResult, style: Style) -> Option<String> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for judged in result
        .transcripts
        .iter()
        .filter(|judged| judged.verdict == Verdict::Blocked)
    {
        let by = judged.blocked_by.as_deref().unwrap_or("something earlier");
        if root_cause == Some(by) {
            continue;
        }
        let name = harmless(&judged.case.name);
        match groups.iter_mut().find(|(known, _)| *known == by) {
            Some((_, names)) => names.push(name),
            None => groups.push((by, vec![name])),
        }
    }
    let lines = groups.iter().map(|(by, names)| {
        let title = format!("– blocked by {by}: {}", count(names.len(), "transcript"));
        let mut named = names[..names.len().min(NAMED)].join(", ");
        if names.len() > NAMED {
            named.push_str(&format!(" and {} more", names.len() - NAMED));
        }
        let names = paragraph(&named, "  ", style.prose());
        format!(
            "{}\n{}\n{}",
            style.ink(Ink::Uncertain, &title),
            style.ink(Ink::Quiet, names.trim_end()),
            finding::untold(by, result).map_or(String::new(), |seen| {
                paragraph(&seen, "  ", style.prose())
            })
        )
    });
    let shown: String = lines.collect();
    (!shown.is_empty()).then_some(shown)
}

/// The unsure transcripts, each with the reason.
fn unsure(result: &RunResult, style: Style) -> Option<String> {
    let unsure = result
        .transcripts
        .iter()
        .filter(|judged| judged.verdict == Verdict::Unsure);
    let lines = unsure.map(|judged| {
        let title = format!("? unsure: {}", harmless(&judged.case.name));
        let name = style.ink(Ink::Uncertain, &cut(&title, style.width));
        let why = paragraph(&finding::why_unsure(judged), "  ", style.prose());
        format!("{name}\n{why}")
    });
    let shown: String = lines.collect();
    (!shown.is_empty()).then_some(shown)
}
