//! A submission's page: the root cause where there is one, the mark at a glance, then each failure in full.

use maud::{Markup, html};

use super::frame::document;
use super::pieces::{anchor, capital, sign};
use super::points;
use super::requirement::{self, Worth, phrase, repaired};
use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::{RunResult, Verdict};
use crate::conformance::program::dialect::Dialect;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::points::counted;
use crate::grading::score::{PartScore, RequirementScore};
use crate::report::scores::{NOT_FINAL, groups};
use crate::report::text::{count, cut, harmless, sentence};
use crate::report::{finding, root_cause};

/// The page of one submission. `home` is the address that its link back leads to.
pub fn submission(assessment: &Assessment, home: Option<&str>) -> String {
    let name = visible_name(&assessment.submission);
    let body = html! {
        header {
            @if let Some(home) = home {
                nav aria-label="Back" { a href=(home) { "← All submissions" } }
            }
            h1 { span class="said" { (name) } }
            (handed_in(assessment))
            (mark(assessment))
        }
        main id="main" tabindex="-1" {
            @for part in &assessment.parts { (start_here(part)) }
            (glance(assessment))
            @for part in &assessment.parts { (failing(assessment, part)) }
            @for part in &assessment.parts { (not_asked(assessment, part)) }
            section aria-labelledby="points" {
                h2 id="points" { "All requirements and their points" }
                (points::whole(&assessment.score))
                @for part in &assessment.score.parts { (points::table(part)) }
            }
        }
    };
    document(&format!("{name}: CHAT/1.0"), None, &body)
}

/// Who handed it in, and when.
fn handed_in(assessment: &Assessment) -> Markup {
    let Some(student) = &assessment.student else {
        return html! {};
    };
    let mut facts = Vec::new();
    for fact in [&student.name, &student.id] {
        if !fact.is_empty() && *fact != assessment.submission {
            facts.push(harmless(fact));
        }
    }
    facts.extend(student.handed_in.map(|at| format!("handed in {at}")));
    html! {
        @if !facts.is_empty() { p class="quiet" { (facts.join(", ")) } }
    }
}

fn mark(assessment: &Assessment) -> Markup {
    let score = &assessment.score;
    html! {
        p class="mark" { strong { (score.earned) } " of " (counted(score.most)) }
        p class="parts" {
            @for (at, part) in score.parts.iter().enumerate() {
                @if at > 0 { " · " }
                (capital(part.role)) " " (part.earned) " of " (part.most)
            }
            @for group in &score.by_hand {
                " · " (harmless(&group.what)) " " (group.earned) " of " (group.most)
            }
            @for adjustment in &score.adjustments {
                " · " (harmless(&adjustment.reason))
            }
        }
    }
}

/// The failure that keeps most of a program from being judged.
fn start_here(part: &AssessedPart) -> Markup {
    let Some(cause) = part.result.as_ref().ok().and_then(root_cause::of) else {
        return html! {};
    };
    let id = format!("{}-start", part.role);
    html! {
        section class="start" aria-labelledby=(id) {
            h2 id=(id) { (capital(part.role)) ": start here" }
            p { strong { (phrase(&cause.sentence)) } }
            @if !cause.printed.is_empty() {
                p { "The last lines that it printed:" }
                div class="scroll" tabindex="0" role="region" aria-label={ "What the " (part.role) " printed" } {
                    pre { (cause.printed.join("\n")) }
                }
            }
            p class="advice" { span class="lead" { "What to do: " } (phrase(&cause.advice)) }
            p class="quiet" { (cause.consequence()) }
        }
    }
}

fn glance(assessment: &Assessment) -> Markup {
    let score = &assessment.score;
    html! {
        section aria-labelledby="glance" {
            h2 id="glance" { "At a glance" }
            @if let Some(best) = score.repairs.first() {
                p class="best" {
                    span class="lead" { "Worth most: " }
                    "If " a href={ "#" (place_of(assessment, best.role, &best.requirement)) } { (best.requirement) }
                    " of the " (best.role) " is fixed: "
                    strong { (repaired(score.earned, best)) } "."
                }
            }
            @if !score.doubts.is_empty() {
                div class="doubts" {
                    p class="lead" { "? " (NOT_FINAL) }
                    ul { @for doubt in &score.doubts { li { (harmless(doubt)) } } }
                }
            }
            @for part in &assessment.parts {
                (strip(part, score.parts.iter().find(|score| score.role == part.role)))
            }
            p class="legend" {
                "✓ passes · ✗ fails · – blocked: cannot be tested, because another requirement fails · "
                "? unsure: the runs disagree · n/a: does not apply · untested: no transcript was replayed"
            }
        }
    }
}

/// The anchor of a requirement: its own section if it fails, otherwise its row of the table.
fn place_of(
    assessment: &Assessment,
    role: crate::transcript::syntax::Role,
    wanted: &str,
) -> String {
    let parts = assessment.score.parts.iter();
    let mut entries = parts
        .filter(|part| part.role == role)
        .flat_map(|part| &part.requirements);
    let fails =
        entries.any(|known| known.requirement.id == wanted && known.verdict == Verdict::Fail);
    let id = anchor(role, wanted);
    if fails { id } else { id + "-row" }
}

/// A program: how it was started, its dialect, the remarks, and its requirements by group.
fn strip(part: &AssessedPart, score: Option<&PartScore>) -> Markup {
    html! {
        div class="part" {
            h3 {
                (capital(part.role))
                @if let Some(score) = score {
                    span class="of" { (score.earned) " of " (counted(score.most)) }
                }
            }
            @if !part.command.is_empty() {
                p class="command" { "Started as " code { (cut(&harmless(&part.command.join(" ")), 300)) } }
            }
            @match &part.result {
                Ok(result) => {
                    p class="quiet" { (dialect(result.profile.dialect)) }
                    @if let Some(limit) = &result.time_limit { p class="remark" { (limit) } }
                    @for remark in &result.remarks { p class="remark" { (harmless(remark)) } }
                    @if let Some(score) = score { (groups_of(score)) }
                }
                Err(why) => (unjudged(part, why)),
            }
        }
    }
}

fn dialect(dialect: Dialect) -> String {
    if dialect == Dialect::LINE {
        return "Its messages are lines (dialect line).".to_string();
    }
    format!(
        "It speaks the dialect {dialect}, which costs points once; all other requirements are judged in this dialect."
    )
}

fn unjudged(part: &AssessedPart, why: &Unjudged) -> Markup {
    html! {
        div class="unjudged" {
            p {
                strong { "? The " (part.role) " was not judged: " }
                (phrase(&why.reason))
            }
            @if !why.is_its_own_fault {
                p { "This is not the submission's fault: the mark says nothing about this program." }
            }
            @if !why.output.is_empty() {
                div class="scroll" tabindex="0" role="region" aria-label="What was printed" {
                    pre { (printed(&why.output)) }
                }
            }
        }
    }
}

/// What was printed, line by line.
fn printed(output: &str) -> String {
    let lines = output.lines();
    let lines = lines.map(|line| harmless(line.trim_end_matches('\r')).replace("\\t", "    "));
    lines.collect::<Vec<_>>().join("\n")
}

fn groups_of(part: &PartScore) -> Markup {
    html! {
        ul class="strip" {
            @for (group, entries) in groups(&part.requirements, |entry| &entry.requirement.group) {
                @let asked = entries.iter().filter(|entry| entry.verdict.is_judgement()).count();
                @let hold = entries.iter().filter(|entry| entry.verdict == Verdict::Pass).count();
                li {
                    span class="group" { (group) }
                    span class="holding" { (hold) " of " (asked) }
                    ul class="chips" { @for entry in entries { li { (chip(part, entry)) } } }
                }
            }
        }
    }
}

fn chip(part: &PartScore, entry: &RequirementScore) -> Markup {
    let (sign, word, class) = sign(entry.verdict);
    let id = anchor(part.role, &entry.requirement.id);
    let place = if entry.verdict == Verdict::Fail {
        id
    } else {
        id + "-row"
    };
    html! {
        a class={ "chip " (class) } href={ "#" (place) } {
            span aria-hidden="true" { (sign) " " }
            (entry.requirement.id)
            span class="unseen" { " " (word) }
        }
    }
}

/// The requirements that fail, each in full.
fn failing(assessment: &Assessment, part: &AssessedPart) -> Markup {
    let Ok(result) = &part.result else {
        return html! {};
    };
    let failures = requirement::transcripts_by_requirement(result);
    let id = format!("{}-fails", part.role);
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) {
                (capital(part.role)) ": "
                @if failures.is_empty() { "nothing fails" } @else { "what fails" }
            }
            @if failures.is_empty() { p { "No requirement of the " (part.role) " fails." } }
            @for (requirement, transcripts) in &failures {
                @match requirement {
                    Some(requirement) => {
                        (requirement::section(result, requirement, transcripts, &worth(assessment, part, &requirement.id)))
                    }
                    None => {
                        section class="requirement" {
                            h3 { "Failures of requirements that were left out" }
                            @for number in transcripts { (requirement::folded_transcript(result, *number)) }
                        }
                    }
                }
            }
        }
    }
}

fn worth<'s>(assessment: &'s Assessment, part: &AssessedPart, id: &str) -> Worth<'s> {
    let score = &assessment.score;
    let mut parts = score.parts.iter().filter(|score| score.role == part.role);
    let mut repairs = score.repairs.iter();
    Worth {
        mark: score.earned,
        score: parts.next().and_then(|part| {
            part.requirements
                .iter()
                .find(|known| known.requirement.id == id)
        }),
        repair: repairs.find(|repair| repair.role == part.role && repair.requirement == id),
    }
}

/// What is blocked, and what is unsure.
fn not_asked(assessment: &Assessment, part: &AssessedPart) -> Markup {
    let Ok(result) = &part.result else {
        return html! {};
    };
    let mut parts = assessment.score.parts.iter();
    let score = parts.find(|score| score.role == part.role);
    let entries = score.map_or(&[][..], |score| &score.requirements);
    html! {
        (blocked(result, entries))
        (unsure(result))
    }
}

/// The blocked requirements, by what blocks them.
fn blocked(result: &RunResult, entries: &[RequirementScore]) -> Markup {
    let mut by: Vec<(&[String], Vec<&RequirementScore>)> = Vec::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.verdict == Verdict::Blocked)
    {
        match by.iter_mut().find(|(known, _)| *known == entry.blocked_by) {
            Some((_, entries)) => entries.push(entry),
            None => by.push((&entry.blocked_by, vec![entry])),
        }
    }
    let id = format!("{}-blocked", result.role);
    html! {
        @if !by.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (capital(result.role)) ": what is blocked" }
                @for (blockers, entries) in by {
                    section class="blocked" {
                        h3 { "– Blocked by " (blockers.join(", ")) ": " (count(entries.len(), "requirement")) }
                        @for blocker in blockers {
                            @if let Some(seen) = finding::untold(blocker, result) {
                                p { "What was seen of " (blocker) ": " (phrase(&seen)) }
                            } @else {
                                p { a href={ "#" (anchor(result.role, blocker)) } { "Why " (blocker) " fails" } }
                            }
                        }
                        ul {
                            @for entry in entries {
                                li {
                                    strong { (entry.requirement.id) } " " (sentence(&entry.requirement.sentence))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The unsure transcripts, each with the reason.
fn unsure(result: &RunResult) -> Markup {
    let numbered = result.transcripts.iter().enumerate();
    let unsure: Vec<_> = numbered
        .filter(|(_, judged)| judged.verdict == Verdict::Unsure)
        .collect();
    let id = format!("{}-unsure", result.role);
    html! {
        @if !unsure.is_empty() {
            section aria-labelledby=(id) {
                h2 id=(id) { (capital(result.role)) ": what is unsure" }
                @for (number, judged) in unsure {
                    section class="unsure" {
                        h3 { "? " (judged.case.transcript.covers.join(", ")) " unsure" }
                        p { (phrase(&finding::why_unsure(judged))) }
                        (requirement::folded_transcript(result, number))
                    }
                }
            }
        }
    }
}
