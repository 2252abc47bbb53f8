//! A class's page: the marks, what costs most points, and every submission in a table.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::frame::document;
use super::histogram::histogram;
use super::pieces::{anchor, capital, in_column};
use super::requirement::phrase;
use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::points::{Points, counted};
use crate::grading::triage::Cluster;
use crate::report::clusters::{by_cost, place};
use crate::report::statistics::Statistics;
use crate::report::text::{count, harmless, sentence};
use crate::transcript::syntax::Role;

const SCRIPT: &str = include_str!("script.js");

/// The page of a class; it links to `<submission>/report.html` beside it.
pub fn class(class: &Class) -> String {
    let name = harmless(&class.name);
    let body = html! {
        header {
            h1 { span class="said" { (name) } }
            p { (count(class.submissions.len(), "submission")) " of CHAT/1.0" }
        }
        main id="main" tabindex="-1" {
            (statistics(class))
            (alike(class))
            (submissions(class))
        }
    };
    document(&format!("{name}: CHAT/1.0"), Some(SCRIPT), &body)
}

/// The address of a submission's page.
fn page_of(submission: &str) -> String {
    format!("{}/report.html", in_address(submission))
}

/// A folder's name, percent-encoded.
fn in_address(name: &str) -> String {
    let mut address = String::new();
    for byte in name.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => address.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(byte)),
            byte => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

fn statistics(class: &Class) -> Markup {
    let marks = class.marks();
    let scores = class.submissions.iter().map(|one| &one.score);
    let most = scores.map(|score| score.most).max().unwrap_or_default();
    let doubtful = class
        .submissions
        .iter()
        .filter(|one| !one.score.doubts.is_empty());
    html! {
        section aria-labelledby="marks" {
            h2 id="marks" { "Marks" }
            @if let Statistics { mean: Some(mean), median: Some(median), lowest: Some(lowest), highest: Some(highest), .. } = Statistics::of(&marks) {
                dl class="statistics" {
                    div { dt { "Submissions" } dd { (marks.len()) } }
                    div { dt { "Mean" } dd { (mean) } }
                    div { dt { "Median" } dd { (median) } }
                    div { dt { "Lowest" } dd { (lowest) } }
                    div { dt { "Highest" } dd { (highest) } }
                    div { dt { "Of" } dd { (most) } }
                    div { dt { "In doubt" } dd { (doubtful.count()) } }
                }
                (histogram(&marks, most))
            } @else {
                p { "There are no submissions." }
            }
        }
    }
}

/// How many failures are shown at once; the others are folded.
const UNFOLDED: usize = 12;

/// The failures that submissions share, by the points that they cost the class.
fn alike(class: &Class) -> Markup {
    let (costly, free) = by_cost(class);
    let shown = costly.len().min(UNFOLDED);
    html! {
        section aria-labelledby="alike" {
            h2 id="alike" { "What costs most points" }
            @if class.clusters.is_empty() { p { "No requirement fails in any submission." } }
            @if shown > 0 {
                ol class="clusters" {
                    @for known in &costly[..shown] { li { (together(known.cluster, Some(known.cost))) } }
                }
            }
            @if costly.len() > shown {
                details {
                    summary { (count(costly.len() - shown, "more failure")) " that cost less" }
                    ol class="clusters" start=(shown + 1) {
                        @for known in &costly[shown..] { li { (together(known.cluster, Some(known.cost))) } }
                    }
                }
            }
            @if !free.is_empty() {
                details {
                    summary { (count(free.len(), "failure")) " without cost, such as hardening" }
                    ul class="clusters" { @for cluster in free { li { (together(cluster, None)) } } }
                }
            }
        }
    }
}

fn together(cluster: &Cluster, cost: Option<Points>) -> Markup {
    let requirement = &cluster.requirement;
    let exemplar = cluster.exemplar();
    let id = anchor(cluster.fingerprint.role, &requirement.id);
    let section = format!("{}#{id}", page_of(exemplar));
    html! {
        p {
            strong {
                (count(cluster.submissions.len(), "submission"))
                @if let Some(cost) = cost { ", " (counted(cost)) }
            }
            ": " span class="verdict fail" { "✗ " (requirement.id) } " "
            (sentence(&cluster.sentence()))
        }
        p class="quiet" {
            (phrase(&place(cluster))) " Example: "
            a href=(section) { span class="said" { (visible_name(exemplar)) } }
        }
        @if cluster.submissions.len() > 1 {
            details {
                summary { "All " (cluster.submissions.len()) " by name" }
                ul class="names" {
                    @for name in &cluster.submissions {
                        li { a href={ (page_of(name)) "#" (id) } { span class="said" { (visible_name(name)) } } }
                    }
                }
            }
        }
    }
}

/// The requirements that count and fail, of both roles.
fn failing(assessment: &Assessment) -> Vec<(Role, &Requirement)> {
    let parts = assessment.score.parts.iter();
    let entries = parts.flat_map(|part| {
        part.requirements
            .iter()
            .map(move |entry| (part.role, entry))
    });
    entries
        .filter(|(_, entry)| {
            entry.verdict == Verdict::Fail && entry.requirement.level != Level::Hardening
        })
        .map(|(role, entry)| (role, &entry.requirement))
        .collect()
}

fn submissions(class: &Class) -> Markup {
    let parts = class.submissions.iter().flat_map(|one| &one.score.parts);
    let roles: BTreeSet<Role> = parts.map(|part| part.role).collect();
    html! {
        section aria-labelledby="submissions-heading" {
            h2 id="submissions-heading" { "Every submission" }
            (controls(class))
            div class="scroll" tabindex="0" role="region" aria-labelledby="submissions-heading" {
                table id="submissions" {
                    caption class="unseen" { "Submissions with their marks and failed requirements" }
                    thead {
                        tr {
                            th scope="col" data-sort="text" { "Submission" }
                            th scope="col" data-sort="number" class="number" { "Mark" }
                            @for role in &roles {
                                th scope="col" data-sort="number" class="number" { (capital(*role)) }
                            }
                            th scope="col" data-sort="number" { "Doubts" }
                            th scope="col" data-sort="number" { "What fails" }
                        }
                    }
                    tbody {
                        @for one in &class.submissions { (table_row(one, &roles)) }
                    }
                }
            }
        }
    }
}

/// The controls of the table. They are hidden until the script runs.
fn controls(class: &Class) -> Markup {
    let mut fail: BTreeMap<String, usize> = BTreeMap::new();
    for (role, requirement) in class.submissions.iter().flat_map(failing) {
        *fail.entry(anchor(role, &requirement.id)).or_default() += 1;
    }
    let requirements = class.columns().into_iter();
    let requirements = requirements.filter_map(|(role, requirement)| {
        Some((
            role,
            requirement,
            *fail.get(&anchor(role, &requirement.id))?,
        ))
    });
    html! {
        div id="controls" class="controls" role="search" aria-label="Submissions" hidden {
            p {
                label for="text" { "Name or requirement contains" }
                input id="text" type="search" autocomplete="off" spellcheck="false";
            }
            p {
                label for="failing" { "Fails" }
                select id="failing" {
                    option value="" { "anything or nothing" }
                    @for (role, requirement, number) in requirements {
                        option value=(anchor(role, &requirement.id)) { (requirement.id) " (" (role) "): " (number) }
                    }
                }
            }
        }
        p id="count" class="quiet" aria-live="polite" {
            (count(class.submissions.len(), "submission"))
        }
    }
}

fn table_row(one: &Assessment, roles: &BTreeSet<Role>) -> Markup {
    let fails = failing(one);
    let ids = fails
        .iter()
        .map(|(role, requirement)| anchor(*role, &requirement.id));
    let page = page_of(&one.submission);
    let doubts = one.score.doubts.len();
    html! {
        tr data-fails=(ids.collect::<Vec<_>>().join(" ")) {
            th scope="row" { a href=(page) { span class="said" { (visible_name(&one.submission)) } } }
            td class="number" data-value=(one.score.earned) { (in_column(one.score.earned)) }
            @for role in roles { (part_cell(one, *role)) }
            td data-value=(doubts) {
                @if doubts > 0 {
                    span class="verdict unsure" { "? " (doubts) span class="unseen" { " to look at" } }
                }
            }
            td data-value=(fails.len()) {
                @for (at, (role, requirement)) in fails.iter().enumerate() {
                    @if at > 0 { " " }
                    a class="row" href={ (page) "#" (anchor(*role, &requirement.id)) } { (requirement.id) }
                }
                @if fails.is_empty() { span class="quiet" { (nothing_fails(one)) } }
            }
        }
    }
}

fn nothing_fails(one: &Assessment) -> &'static str {
    if one.parts.iter().any(|part| part.result.is_err()) {
        "nothing that was judged"
    } else {
        "nothing"
    }
}

fn part_cell(one: &Assessment, role: Role) -> Markup {
    let score = one.score.parts.iter().find(|part| part.role == role);
    let is_judged = one.part(role).is_some_and(|part| part.result.is_ok());
    html! {
        @match score {
            Some(score) => {
                td class="number" data-value=(score.earned) {
                    (in_column(score.earned))
                    @if !is_judged { span class="reason" { "not judged" } }
                }
            }
            None => td class="number" data-value="-1" {
                "–" span class="unseen" { " not judged" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_folder_leads_elsewhere() {
        assert_eq!(page_of("ann-b"), "ann-b/report.html");
        assert_eq!(in_address("a b/..?#%é"), "a%20b%2F..%3F%23%25%C3%A9");
        assert_eq!(
            in_address("javascript:alert(1)"),
            "javascript%3Aalert%281%29"
        );
    }
}
