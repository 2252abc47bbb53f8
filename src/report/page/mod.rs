//! A page for a submission and one for a class: each is one HTML file that needs no network and no other file.
//!
//! - [`submission`]: what passes, what fails, why, what to change, and how the mark adds up.
//! - [`class`]: the marks, the failures that cost most, and a table that can be searched.
//!
//! Text from a submission is made harmless and escaped before it enters the markup; anchors contain only requirement
//! ids and numbers. In addition the page's content security policy lets a browser load nothing, and run no script but
//! the page's own.

mod class;
mod frame;
mod histogram;
mod points;
mod requirement;
mod sequence;
mod submission;
#[cfg(test)]
mod tests;

pub use class::class;
pub use submission::submission;

use maud::{Markup, html};

use super::text::mark;
use crate::conformance::judge::result::Verdict;
use crate::grading::points::Points;
use crate::transcript::syntax::Role;

/// The anchor of a requirement: `server-S-REG-5`.
fn anchor(role: Role, row: &str) -> String {
    let harmless = |character: char| match character {
        '-' => '-',
        character if character.is_ascii_alphanumeric() => character,
        _ => '_',
    };
    format!("{role}-{}", row.chars().map(harmless).collect::<String>())
}

/// A verdict as sign and word, and the style class for its colour.
fn sign(verdict: Verdict) -> (&'static str, &'static str, &'static str) {
    let (sign, word) = mark(verdict).0.split_once(' ').unwrap_or(("", ""));
    let class = match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Blocked => "blocked",
        Verdict::Unsure => "unsure",
        Verdict::NotApplicable | Verdict::Untested => "unasked",
    };
    (sign, word, class)
}

/// A verdict as sign and word.
fn verdict(verdict: Verdict) -> Markup {
    let (sign, word, class) = sign(verdict);
    html! { span class={ "verdict " (class) } { span aria-hidden="true" { (sign) } " " (word) } }
}

/// Points with two decimals, so that a column can be added up.
fn in_column(points: Points) -> String {
    format!("{:.2}", points.as_f64())
}

/// The role at the beginning of a sentence.
fn capital(role: Role) -> &'static str {
    match role {
        Role::Server => "Server",
        Role::Client => "Client",
    }
}
