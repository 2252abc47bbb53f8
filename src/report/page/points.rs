//! Every requirement with its points, and the sums, so that the mark can be added up by hand.

use maud::{Markup, html};

use super::pieces::{anchor, capital, in_column, verdict};
use super::requirement::phrase;
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::Level;
use crate::grading::points::{Points, counted};
use crate::grading::score::{Adjustment, PartScore, RequirementScore, Score};
use crate::report::text::{harmless, sentence};

/// The table of a part.
pub(super) fn table(part: &PartScore) -> Markup {
    let of_requirements: Points = part.requirements.iter().map(|entry| entry.earned).sum();
    let name = capital(part.role);
    html! {
        div class="scroll" tabindex="0" role="region" aria-label={ (name) ": all requirements and their points" } {
            table class="points" {
                caption { (name) ": " (part.earned) " of " (counted(part.most)) }
                thead {
                    tr {
                        th scope="col" { "Requirement" }
                        th scope="col" { "Verdict" }
                        th scope="col" class="number" { "Points" }
                        th scope="col" class="number" { "of" }
                        th scope="col" { "What is asked, and what was seen" }
                    }
                }
                tbody { @for entry in &part.requirements { (table_row(part, entry)) } }
                tfoot {
                    (sum("All requirements", of_requirements, Some(part.most)))
                    (adjusted(&part.adjustments))
                    @if !part.adjustments.is_empty() { (sum(name, part.earned, Some(part.most))) }
                }
            }
        }
    }
}

fn table_row(part: &PartScore, entry: &RequirementScore) -> Markup {
    let id = anchor(part.role, &entry.requirement.id);
    html! {
        tr id={ (id) "-row" } {
            th scope="row" {
                @if entry.verdict == Verdict::Fail { a href={ "#" (id) } { (entry.requirement.id) } }
                @else { (entry.requirement.id) }
            }
            td { (verdict(entry.verdict)) }
            @if entry.most == Points::ZERO {
                td class="number" { "–" }
                td class="number" { "–" }
            } @else {
                td class="number" { (in_column(entry.earned)) }
                td class="number" { (in_column(entry.most)) }
            }
            td {
                (sentence(&entry.requirement.sentence))
                @if !entry.reason.is_empty() { span class="reason" { (phrase(&entry.reason)) } }
                @if entry.most == Points::ZERO { span class="reason" { (why_not_counted(entry)) } }
            }
        }
    }
}

fn why_not_counted(entry: &RequirementScore) -> &'static str {
    if entry.verdict == Verdict::NotApplicable {
        "Not counted: it does not apply to this program."
    } else if entry.requirement.level == Level::Hardening {
        "Beyond the assignment: not counted."
    } else {
        "Not counted."
    }
}

/// How the parts add up to the mark.
pub(super) fn whole(score: &Score) -> Markup {
    html! {
        table class="points whole" {
            caption { "The mark" }
            thead {
                tr {
                    th scope="col" { "Part" }
                    th scope="col" class="number" { "Points" }
                    th scope="col" class="number" { "of" }
                }
            }
            tbody {
                @for part in &score.parts {
                    tr {
                        th scope="row" { (capital(part.role)) }
                        td class="number" { (in_column(part.earned)) }
                        td class="number" { (in_column(part.most)) }
                    }
                }
                @for group in &score.by_hand {
                    tr {
                        th scope="row" {
                            (harmless(&group.what))
                            @if !group.remark.is_empty() { span class="reason" { (harmless(&group.remark)) } }
                        }
                        td class="number" { (in_column(group.earned)) }
                        td class="number" { (in_column(group.most)) }
                    }
                }
                @for adjustment in &score.adjustments {
                    tr {
                        th scope="row" { (harmless(&adjustment.reason)) }
                        td class="number" { (signed(adjustment.points)) }
                        td {}
                    }
                }
            }
            tfoot {
                tr {
                    th scope="row" { "The mark" }
                    td class="number" { (in_column(score.earned)) }
                    td class="number" { (in_column(score.most)) }
                }
            }
        }
    }
}

fn adjusted(adjustments: &[Adjustment]) -> Markup {
    html! {
        @for adjustment in adjustments {
            tr {
                th scope="row" colspan="2" { (harmless(&adjustment.reason)) }
                td class="number" { (signed(adjustment.points)) }
                td {} td {}
            }
        }
    }
}

fn sum(name: &str, earned: Points, most: Option<Points>) -> Markup {
    html! {
        tr {
            th scope="row" colspan="2" { (name) }
            td class="number" { (in_column(earned)) }
            td class="number" { @if let Some(most) = most { (in_column(most)) } }
            td {}
        }
    }
}

fn signed(points: Points) -> String {
    let sign = if points < Points::ZERO { "−" } else { "+" };
    format!("{sign}{}", in_column(points.max(-points)))
}
