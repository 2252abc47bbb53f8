//! A submission, and a class, as a page each: one HTML file that needs no network and nothing beside it.
//!
//! - [`submission`]: what holds, what does not, why, what to change, and how the mark adds up.
//! - [`class`]: the marks, who falls short in the same way, and a table that can be searched.
//!
//! What a submission said or is called stands in the markup only as text that has been made harmless
//! first; anchors are made of requirement ids and numbers. Even if it were not so, the page's own policy
//! lets a browser load nothing, and run no script but the page's own.

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

/// The id of what is said about a row: `server-S-REG-5`.
fn anchor(role: Role, row: &str) -> String {
    let harmless = |character: char| match character {
        '-' => '-',
        character if character.is_ascii_alphanumeric() => character,
        _ => '_',
    };
    format!("{role}-{}", row.chars().map(harmless).collect::<String>())
}

/// A verdict as the sign and the word that stand for it, and the class that colours them.
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

/// Points with two places, so that those below each other can be added up.
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
