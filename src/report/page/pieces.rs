//! What the parts of the pages have in common.

use maud::{Markup, html};

use crate::conformance::judge::result::Verdict;
use crate::grading::points::Points;
use crate::report::text::mark;
use crate::transcript::syntax::Role;

/// The anchor of a requirement: `server-S-REG-5`.
pub(super) fn anchor(role: Role, id: &str) -> String {
    let harmless = |character: char| match character {
        '-' => '-',
        character if character.is_ascii_alphanumeric() => character,
        _ => '_',
    };
    format!("{role}-{}", id.chars().map(harmless).collect::<String>())
}

/// A verdict as sign and word, and the style class for its colour.
pub(super) fn sign(verdict: Verdict) -> (&'static str, &'static str, &'static str) {
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
pub(super) fn verdict(verdict: Verdict) -> Markup {
    let (sign, word, class) = sign(verdict);
    html! { span class={ "verdict " (class) } { span aria-hidden="true" { (sign) } " " (word) } }
}

/// Points with two decimals, so that a column can be added up.
pub(super) fn in_column(points: Points) -> String {
    format!("{:.2}", points.as_f64())
}

/// The role at the beginning of a sentence.
pub(super) fn capital(role: Role) -> &'static str {
    match role {
        Role::Server => "Server",
        Role::Client => "Client",
        Role::Pair => "Together",
    }
}
