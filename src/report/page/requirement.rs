//! One failed requirement: what it asks, by which words of the assignment, what to change, and what was seen.

use maud::{Markup, html};

use super::pieces::{anchor, sign};
use super::sequence;
use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::judge::transcript_policy::dialect;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::grading::points::{Points, counted};
use crate::grading::score::{Repair, RequirementScore};
use crate::report::difference::Difference;
use crate::report::root_cause::advice_on;
use crate::report::text::{cut, harmless, one_line, sentence};
use crate::report::{diagram, excerpt, finding};
use crate::transcript::syntax::{Action, Step};

/// Maximum number of characters of a line, and how many of them stand before the first difference.
const OF_A_LINE: usize = 400;
const BEFORE_THE_DIFFERENCE: usize = 60;

/// The failed transcripts, each under the first requirement that it fails. Transcripts that fail none of the judged
/// requirements come last.
pub(super) fn transcripts_by_requirement(
    result: &RunResult,
) -> Vec<(Option<&Requirement>, Vec<usize>)> {
    let entries = result.requirements.iter();
    let failing: Vec<&Requirement> = entries
        .filter(|entry| entry.verdict == Verdict::Fail)
        .map(|entry| &entry.requirement)
        .collect();
    let home = |judged: &TranscriptResult| {
        let mut fails = judged.fails.iter();
        fails.find_map(|id| failing.iter().position(|requirement| requirement.id == *id))
    };
    let of = |wanted: Option<usize>| -> Vec<usize> {
        let numbered = result.transcripts.iter().enumerate();
        let mut numbers: Vec<usize> = numbered
            .filter(|(_, judged)| judged.verdict == Verdict::Fail && home(judged) == wanted)
            .map(|(number, _)| number)
            .collect();
        numbers.sort_by_key(|number| result.transcripts[*number].length());
        numbers
    };
    let mut sections: Vec<(Option<&Requirement>, Vec<usize>)> = failing
        .iter()
        .enumerate()
        .map(|(at, requirement)| (Some(*requirement), of(Some(at))))
        .collect();
    let homeless = of(None);
    if !homeless.is_empty() {
        sections.push((None, homeless));
    }
    sections
}

/// The points that depend on a failed requirement.
pub(super) struct Worth<'s> {
    pub(super) mark: Points,
    pub(super) score: Option<&'s RequirementScore>,
    pub(super) repair: Option<&'s Repair>,
}

/// The section of a failed requirement, with the transcripts of these numbers.
pub(super) fn section(
    result: &RunResult,
    requirement: &Requirement,
    transcripts: &[usize],
    worth: &Worth<'_>,
) -> Markup {
    let id = anchor(result.role, &requirement.id);
    let (sign, _, _) = sign(Verdict::Fail);
    let is_shown_elsewhere = |number: &usize| {
        let judged = &result.transcripts[*number];
        judged.fails.contains(&requirement.id) && !transcripts.contains(number)
    };
    let elsewhere: Vec<usize> = (0..result.transcripts.len())
        .filter(is_shown_elsewhere)
        .collect();
    html! {
        section class="requirement" id=(id) aria-labelledby={ (id) "-heading" } {
            h3 id={ (id) "-heading" } {
                span class="verdict fail" { (sign) " " (requirement.id) " fails" } " "
                (sentence(&requirement.sentence))
            }
            p class="facts" { (worth_in_words(requirement, worth)) }
            @if !requirement.assignment.is_empty() {
                div class="quotations" {
                    p class="lead" { "The assignment says" }
                    @for words in &requirement.assignment {
                        blockquote { p { "“" (one_line(words)) "”" } }
                    }
                }
            }
            @if let Some(reason) = &requirement.reason {
                p { span class="lead" { "Why it is asked: " } (sentence(reason)) }
            }
            p class="advice" { span class="lead" { "What to change: " } (advice_on(result, requirement)) }
            @for (at, number) in transcripts.iter().enumerate() {
                @if at == 0 { (transcript(result, *number, 4)) }
                @else { (folded_transcript(result, *number)) }
            }
            @if !elsewhere.is_empty() {
                p {
                    "It also fails in "
                    @for (at, number) in elsewhere.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href={ "#" (transcript_anchor(result, *number)) } {
                            (harmless(&result.transcripts[*number].case.name))
                        }
                    }
                    ", shown under another requirement."
                }
            }
        }
    }
}

fn worth_in_words(requirement: &Requirement, worth: &Worth<'_>) -> Markup {
    let level = match requirement.level {
        Level::Must => "Asked for by the assignment",
        Level::Implied => "Needed for what the assignment asks",
        Level::Hardening => "Beyond the assignment, not counted",
    };
    html! {
        (level) "."
        @if let Some(score) = worth.score.filter(|score| score.most > Points::ZERO) {
            " " (score.earned) " of " (counted(score.most)) "."
        }
        @if let Some(repair) = worth.repair { " Fixed: " (repaired(worth.mark, repair)) "." }
    }
}

/// `41 → 55 points`, `41 → at least 55, at most 78 points`.
pub(super) fn repaired(mark: Points, repair: &Repair) -> String {
    if repair.at_least == repair.at_most {
        format!("{mark} → {}", counted(repair.at_most))
    } else {
        format!(
            "{mark} → at least {}, at most {}",
            repair.at_least,
            counted(repair.at_most)
        )
    }
}

fn transcript_anchor(result: &RunResult, number: usize) -> String {
    format!("{}-transcript-{}", result.role, number + 1)
}

/// A transcript, folded to its name and outcome.
pub(super) fn folded_transcript(result: &RunResult, number: usize) -> Markup {
    let judged = &result.transcripts[number];
    let outcome = judged.telling_run().map(|run| run.outcome.to_string());
    html! {
        details {
            summary {
                span class="said" { (harmless(&judged.case.name)) }
                @if let Some(outcome) = outcome {
                    span class="quiet" { ": " (phrase(&cut(&harmless(&outcome), 160))) }
                }
            }
            (transcript(result, number, 4))
        }
    }
}

/// A transcript, and where the conversation departed from it.
pub(super) fn transcript(result: &RunResult, number: usize, level: u8) -> Markup {
    let judged = &result.transcripts[number];
    let id = transcript_anchor(result, number);
    let name = harmless(&judged.case.name);
    html! {
        section class="transcript" id=(id) {
            @if level == 3 { h3 { span class="said" { (name) } } }
            @else { h4 { span class="said" { (name) } } }
            p { (harmless(&judged.case.transcript.sentence)) }
            @for remark in finding::remarks(judged, result) { p class="remark" { (harmless(&remark)) } }
            @if let Some(run) = judged.telling_run() { (where_it_fell_short(result, judged, run, &id)) }
        }
    }
}

fn where_it_fell_short(
    result: &RunResult,
    judged: &TranscriptResult,
    run: &Evidence,
    id: &str,
) -> Markup {
    let Outcome::FellShort(shortfall) = &run.outcome else {
        return html! { p { (sentence(&harmless(&run.outcome.to_string()))) } };
    };
    let step = judged.case.transcript.steps.get(shortfall.step);
    let dialect = dialect(&judged.case.transcript, result.profile.dialect);
    let conversation = diagram::conversation(&judged.case, run, shortfall, dialect);
    let line = shortfall.got.line().map(|line| harmless(&line.to_string()));
    html! {
        (comparison(shortfall, step.map(|step| &step.action)))
        @if let Some(step) = step { (marked_excerpt(judged, step)) }
        (sequence::figure(&conversation, line.as_deref(), &harmless(&judged.case.name), id))
    }
}

/// Expected beside received: to the character where both are lines, in words otherwise.
fn comparison(shortfall: &Shortfall, action: Option<&Action>) -> Markup {
    match finding::lines_that_differ(shortfall, action) {
        Some((wanted, is_open_ended, came)) => lines_compared(&wanted, is_open_ended, &came),
        None => html! {
            dl class="comparison" {
                dt { "expected" } dd { (phrase(&shortfall.expected.to_string())) }
                dt { "received" } dd class="received" { (phrase(&shortfall.received_beside_output())) }
            }
        },
    }
}

/// Text between backticks as code.
pub(super) fn phrase(text: &str) -> Markup {
    let text = cut(&harmless(text), 2 * OF_A_LINE);
    html! {
        @for (at, stretch) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (stretch) } } @else { (stretch) }
        }
    }
}

fn lines_compared(wanted: &str, is_open_ended: bool, came: &str) -> Markup {
    let difference = Difference::between(wanted, is_open_ended, came);
    html! {
        dl class="comparison" {
            dt { "expected" }
            dd {
                code { (marked(wanted, difference.at, difference.expected_until.min(wanted.chars().count()))) }
                @if is_open_ended { span class="quiet" { " and any text after it" } }
            }
            dt { "received" }
            dd class="received" {
                code { (marked(came, difference.at, difference.until)) }
                span class="difference" { (difference.words) }
            }
        }
    }
}

/// A line with the difference marked, or its place if nothing stands there.
fn marked(line: &str, from: usize, to: usize) -> Markup {
    let characters: Vec<char> = line.chars().collect();
    let skip = if characters.len() > OF_A_LINE {
        from.saturating_sub(BEFORE_THE_DIFFERENCE)
    } else {
        0
    };
    let end = characters.len().min(skip + OF_A_LINE);
    let (from, to) = (from.clamp(skip, end), to.clamp(skip, end));
    let text = |from: usize, to: usize| characters[from..to].iter().collect::<String>();
    html! {
        @if skip > 0 { "…" }
        (text(skip, from))
        @if from < to { mark { (text(from, to)) } } @else { span class="gap" aria-hidden="true" {} }
        (text(to, end))
        @if end < characters.len() { "…" }
    }
}

/// The lines around the one that failed.
fn marked_excerpt(judged: &TranscriptResult, step: &Step) -> Markup {
    let name = harmless(&judged.case.name);
    html! {
        div class="scroll" tabindex="0" role="region" aria-label={ "Lines of " (name) } {
            table class="excerpt" {
                caption class="unseen" { "Lines of " (name) }
                tbody {
                    @for (number, line) in excerpt::lines(&judged.case, step) {
                        @let is_failing = number == step.line;
                        tr class=[is_failing.then_some("failing")] {
                            th scope="row" { @if is_failing { "✗ " } (number) }
                            td {
                                code { (harmless(line)) }
                                @if is_failing { span class="difference" { "failed here" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
