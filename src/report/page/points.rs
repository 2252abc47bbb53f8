//! Every requirement with its points, and the sums, so that the mark can be added up by hand.

use maud::{Markup, html};

use super::pieces::{anchor, capital, in_column, verdict};
use super::requirement::phrase;
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::Level;
use crate::grading::points::{Points, counted};
use crate::grading::score::{Adjustment, PartScore, RowScore, Score};
use crate::report::text::{harmless, sentence};

/// The table of a part.
pub(super) fn table(part: &PartScore) -> Markup {
    let of_rows: Points = part.rows.iter().map(|row| row.earned).sum();
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
                tbody { @for row in &part.rows { (table_row(part, row)) } }
                tfoot {
                    (sum("All requirements", of_rows, Some(part.most)))
                    (adjusted(&part.adjustments))
                    @if !part.adjustments.is_empty() { (sum(name, part.earned, Some(part.most))) }
                }
            }
        }
    }
}

fn table_row(part: &PartScore, row: &RowScore) -> Markup {
    let id = anchor(part.role, &row.requirement.id);
    html! {
        tr id={ (id) "-row" } {
            th scope="row" {
                @if row.verdict == Verdict::Fail { a href={ "#" (id) } { (row.requirement.id) } }
                @else { (row.requirement.id) }
            }
            td { (verdict(row.verdict)) }
            @if row.most == Points::ZERO {
                td class="number" { "–" }
                td class="number" { "–" }
            } @else {
                td class="number" { (in_column(row.earned)) }
                td class="number" { (in_column(row.most)) }
            }
            td {
                (sentence(&row.requirement.sentence))
                @if !row.reason.is_empty() { span class="reason" { (phrase(&row.reason)) } }
                @if row.most == Points::ZERO { span class="reason" { (why_not_counted(row)) } }
            }
        }
    }
}

fn why_not_counted(row: &RowScore) -> &'static str {
    if row.verdict == Verdict::NotApplicable {
        "Not counted: it does not apply to this program."
    } else if row.requirement.level == Level::Hardening {
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
