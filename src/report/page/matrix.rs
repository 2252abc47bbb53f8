//! The page about a matrix: who can talk to whom in a class.

use maud::{Markup, html};

use super::frame::document;
use crate::grading::matrix::{Cell, Matrix};
use crate::report::pairing::{
    LEGEND, about, absences, meaning, name, sign, silences, summary, unexpected,
};
use crate::report::text::{harmless, sentence};

/// The page.
pub fn matrix(matrix: &Matrix) -> String {
    let class = harmless(&matrix.class);
    let body = html! {
        header {
            h1 { span class="said" { (class) } }
            p { "Who can talk to whom. " (summary(matrix)) }
        }
        main id="main" tabindex="-1" {
            (groups(matrix))
            (table(matrix))
            (not_tried(matrix))
            (failures(matrix))
        }
    };
    document(&format!("{class}: who can talk to whom"), None, &body)
}

fn groups(matrix: &Matrix) -> Markup {
    html! {
        section aria-labelledby="groups" {
            h2 id="groups" { "Groups" }
            p class="quiet" {
                "The programs of a group understand the same partners: on average, two of its submissions share at \
                 least two thirds of them."
            }
            ol class="clusters" {
                @for group in &matrix.groups {
                    li {
                        p { strong { (sentence(&about(group))) } }
                        ul class="names" {
                            @for member in group.members.clone() {
                                li { a href={ "#s" (member + 1) } { (said(&name(matrix, member))) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn said(name: &str) -> Markup {
    html! { span class="said" { (name) } }
}

/// A row for each server, and a column for each client. The columns have the numbers of the rows.
fn table(matrix: &Matrix) -> Markup {
    let members = 0..matrix.members.len();
    let begins = |member: usize| {
        matrix
            .groups
            .iter()
            .any(|group| group.members.start == member)
    };
    html! {
        section aria-labelledby="table" {
            h2 id="table" { "Every server with every client" }
            p class="legend" {
                @for (cell, words) in LEGEND {
                    (verdict(cell)) " " (words) ". "
                }
                "Alice comes first, and Bob second; both use the client."
            }
            div class="scroll" tabindex="0" role="region" aria-labelledby="table" {
                table class="matrix" {
                    caption class="unseen" { "Servers in rows, clients in columns with the numbers of the rows" }
                    thead {
                        tr {
                            th scope="col" { "Server" }
                            @for client in members.clone() {
                                th scope="col" class=[begins(client).then_some("begins")] {
                                    abbr title=(name(matrix, client)) { (client + 1) }
                                }
                            }
                        }
                    }
                    tbody {
                        @for server in members.clone() {
                            tr id={ "s" (server + 1) } class=[begins(server).then_some("begins")] {
                                th scope="row" { (server + 1) " " (said(&name(matrix, server))) }
                                @for client in members.clone() {
                                    @let cell = matrix.cell(server, client);
                                    td class=[begins(client).then_some("begins")]
                                        title={ (name(matrix, server)) ", " (name(matrix, client)) ": " (meaning(cell)) } {
                                        (verdict(cell))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(cell: Cell) -> Markup {
    let class = match cell {
        Cell::Talk => "pass",
        Cell::OneWay(_) => "blocked",
        Cell::Nothing => "fail",
        Cell::Unknown => "unsure",
        Cell::Missing => "unasked",
    };
    html! { span class={ "verdict " (class) } { (sign(cell)) } }
}

fn not_tried(matrix: &Matrix) -> Markup {
    let absences = absences(matrix);
    html! {
        @if !absences.is_empty() {
            section aria-labelledby="not-tried" {
                h2 id="not-tried" { "Not tried" }
                ul {
                    @for (name, reasons) in &absences {
                        li { (said(name)) ": " span class="said" { (reasons.join(" ")) } }
                    }
                }
            }
        }
    }
}

/// Why pairs do not talk: those of one submission and of one group first, because one expects them to talk.
fn failures(matrix: &Matrix) -> Markup {
    let [own, exceptions] = unexpected(matrix);
    let others = matrix.pairs().filter(|pair| {
        let cell = matrix.cell(pair.0, pair.1);
        let is_told = own.contains(pair) || exceptions.contains(pair);
        matches!(cell, Cell::OneWay(_) | Cell::Nothing | Cell::Unknown) && !is_told
    });
    let others: Vec<(usize, usize)> = others.collect();
    let list = |pairs: &[(usize, usize)]| {
        html! {
            ul {
                @for silence in silences(matrix, pairs) {
                    li {
                        (verdict(silence.cell)) " " (said(&silence.who)) ": "
                        span class="said" { (silence.why) }
                    }
                }
            }
        }
    };
    html! {
        @if !own.is_empty() {
            section aria-labelledby="own" {
                h2 id="own" { "Do not talk with their own programs" }
                (list(&own))
            }
        }
        @if !exceptions.is_empty() {
            section aria-labelledby="exceptions" {
                h2 id="exceptions" { "Do not talk, although their groups do" }
                (list(&exceptions))
            }
        }
        @if !others.is_empty() {
            section aria-labelledby="others" {
                h2 id="others" { "The other pairs that do not talk" }
                details {
                    summary { "All " (others.len()) " with the reason" }
                    (list(&others))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::matrix::tests::matrix as example;

    #[test]
    fn nothing_of_a_submission_is_markup_or_an_escape_sequence() {
        let page = matrix(&example(&[
            ("<script>ann", "x.>-", Some("line")),
            ("bob\" onclick=\u{1b}[2J", ".x.-", Some("bare")),
            ("cyd", "?.x-", None),
            ("dan", "----", None),
        ]));
        for harmful in ["<script", "<b>", "<i>", "\u{1b}", "\" onclick"] {
            assert!(!page.contains(harmful), "{harmful}");
        }
        for words in [
            "&lt;script&gt;ann",
            "only the person who came first is heard",
            "There is no server",
            "3 talk, 1 in one direction only",
            "id=\"s4\"",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }
}
