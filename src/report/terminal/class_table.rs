//! A class on a terminal: what costs it most, then one line a submission.

use std::fmt::Write;

use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessed_part::AssessedPart;
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::points::{Points, counted};
use crate::grading::score::RequirementScore;
use crate::grading::triage::Cluster;
use crate::report::Style;
use crate::report::clusters::{Costly, by_cost, place};
use crate::report::plain::line;
use crate::report::scores::{counts, lost};
use crate::report::statistics::Statistics;
use crate::report::text::{Ink, count, cut, pad, paragraph, ruled, sentence, width};
use crate::transcript::syntax::Role;

/// Columns of a number of points; `100` and its hundredths.
const POINTS: usize = 6;

/// Maximum number of failed requirements named beside each submission.
const NAMED: usize = 3;

/// Maximum number of clusters shown: the page of the class has all.
const CLUSTERS: usize = 12;

/// The marks as a whole, the failures by what they cost, and the table of the submissions.
pub fn render(class: &Class, style: Style) -> String {
    let mut shown = heading(class, style) + "\n";
    shown.push_str(&paragraph(&statistics(class), "", style.prose()));
    shown.push('\n');
    shown.push_str(&clusters(class, style));
    let names = name_column(class, style);
    let roles = roles_of(class);
    shown.push_str(&headings(&roles, names, style));
    for assessment in &class.submissions {
        shown.push_str(&submission(assessment, &roles, names, style));
    }
    shown
}

/// The failures that cost points, the dearest first; those that cost none, in one line.
fn clusters(class: &Class, style: Style) -> String {
    let (costly, free) = by_cost(class);
    let mut shown = String::new();
    if !costly.is_empty() {
        let title = style.ink(Ink::Heading, "What costs most points");
        let _ = writeln!(shown, "{title}\n");
    }
    for known in costly.iter().take(CLUSTERS) {
        shown.push_str(&cluster(known, style));
    }
    if let Some(others) = costly.get(CLUSTERS..).filter(|others| !others.is_empty()) {
        let cost: Points = others.iter().map(|known| known.cost).sum();
        let text = format!(
            "… and {} more, which cost {} together.",
            others.len(),
            counted(cost)
        );
        shown.push_str(&paragraph(&text, "", style.prose()));
    }
    if !free.is_empty() {
        let named: Vec<String> = free.iter().map(|cluster| in_short(cluster)).collect();
        let text = format!("Without cost: {}.", named.join(", "));
        let lines = paragraph(&line(&text), "", style.prose());
        shown.push_str(&(style.ink(Ink::Quiet, lines.trim_end()) + "\n"));
    }
    if !shown.is_empty() {
        shown.push('\n');
    }
    shown
}

/// `S-HARD-1 (3 submissions)`.
fn in_short(cluster: &Cluster) -> String {
    format!(
        "{} ({})",
        cluster.fingerprint.requirement,
        count(cluster.submissions.len(), "submission")
    )
}

fn heading(class: &Class, style: Style) -> String {
    let columns = style.prose().min(style.width);
    style.ink(Ink::Heading, &ruled(&line(&class.name), columns)) + "\n"
}

/// As wide as the longest name, and never more than a third of the terminal.
fn name_column(class: &Class, style: Style) -> usize {
    let names = class.submissions.iter();
    let longest = names.map(|one| width(&visible_name(&one.submission))).max();
    let heading = width("submission");
    longest
        .unwrap_or(0)
        .clamp(heading, (style.width / 3).max(heading))
}

/// The roles of which any submission has a part.
fn roles_of(class: &Class) -> Vec<Role> {
    let has = |role: &Role| {
        class
            .submissions
            .iter()
            .any(|one| one.part(*role).is_some())
    };
    Role::ALL.into_iter().filter(has).collect()
}

fn name_of(role: Role) -> &'static str {
    match role {
        Role::Server => "server",
        Role::Client => "client",
        Role::Pair => "together",
    }
}

fn headings(roles: &[Role], names: usize, style: Style) -> String {
    let named = roles.iter().map(|role| name_of(*role)).chain(["points"]);
    let cells: Vec<String> = named.map(|heading| format!("{heading:>POINTS$}")).collect();
    let text = format!(
        "{}  {}    fails",
        pad("submission", names),
        cells.join("  ")
    );
    style.ink(Ink::Quiet, &cut(&text, style.width)) + "\n"
}

fn submission(assessment: &Assessment, roles: &[Role], names: usize, style: Style) -> String {
    let score = &assessment.score;
    let name = pad(&cut(&visible_name(&assessment.submission), names), names);
    let of_role = |role: Role| {
        let part = score.parts.iter().find(|part| part.role == role);
        let points = part.map_or("–".to_owned(), |part| part.earned.to_string());
        let columns = name_of(role).len().max(POINTS);
        format!("{points:>columns$}")
    };
    let parts: Vec<String> = roles.iter().map(|role| of_role(*role)).collect();
    let before = format!(
        "{name}  {}  {:>POINTS$}",
        parts.join("  "),
        score.earned.to_string()
    );
    let mark = if score.doubts.is_empty() { " " } else { "?" };
    let columns = style.width.saturating_sub(width(&before) + 4);
    let (words, ink) = in_a_few_words(assessment);
    let shown = format!(
        "{before} {}  {}",
        style.ink(Ink::Uncertain, mark),
        style.ink(ink, &cut(&words, columns))
    );
    shown.trim_end().to_owned() + "\n"
}

/// What fails, the dearest first.
fn in_a_few_words(assessment: &Assessment) -> (String, Ink) {
    // A pair lacks what one of its programs lacks.
    let of_pair = |part: &&AssessedPart| part.role == Role::Pair;
    let (pair, alone): (Vec<_>, Vec<_>) = assessment.parts.iter().partition(of_pair);
    let is_judged = alone.iter().all(|part| part.result.is_ok());
    let told = alone
        .into_iter()
        .chain(pair.into_iter().filter(|_| is_judged));
    let unjudged = told.filter_map(|part| {
        let unjudged = part.result.as_ref().err()?;
        Some(format!(
            "{} not judged: {}",
            part.role,
            line(&unjudged.reason)
        ))
    });
    let mut words: Vec<String> = unjudged.collect();
    let failed = not_passing(assessment);
    let ids: Vec<&str> = failed
        .iter()
        .map(|entry| entry.requirement.id.as_str())
        .collect();
    if !ids.is_empty() {
        let mut named = ids[..ids.len().min(NAMED)].join(", ");
        if ids.len() > NAMED {
            let _ = write!(named, " and {} more", ids.len() - NAMED);
        }
        words.push(named);
    }
    let unknown = costly(assessment);
    if words.is_empty() && unknown > 0 {
        let words = format!("{} blocked or untested", count(unknown, "requirement"));
        (words, Ink::Uncertain)
    } else if words.is_empty() {
        ("✓ everything that counts passes".to_owned(), Ink::Good)
    } else {
        (words.join("; "), Ink::Bad)
    }
}

/// Requirements that count and fail or are unsure, the dearest first. Blocked ones have their cause elsewhere.
fn not_passing(assessment: &Assessment) -> Vec<&RequirementScore> {
    let scores = assessment
        .score
        .parts
        .iter()
        .flat_map(|part| &part.requirements);
    let is_meant = |score: &&RequirementScore| {
        counts(score) && matches!(score.verdict, Verdict::Fail | Verdict::Unsure)
    };
    let mut scores: Vec<&RequirementScore> = scores.filter(is_meant).collect();
    scores.sort_by_key(|score| std::cmp::Reverse(lost(score)));
    scores
}

/// How many requirements cost points.
fn costly(assessment: &Assessment) -> usize {
    let scores = assessment
        .score
        .parts
        .iter()
        .flat_map(|part| &part.requirements);
    scores.filter(|score| lost(score) > Points::ZERO).count()
}

fn statistics(class: &Class) -> String {
    let statistics = Statistics::of(&class.marks());
    let mut text = count(statistics.count, "submission");
    if let (Some(mean), Some(median)) = (statistics.mean, statistics.median) {
        let _ = write!(text, ": {} on average, median {median}", counted(mean));
    }
    if let (Some(lowest), Some(highest)) = (statistics.lowest, statistics.highest) {
        let _ = write!(text, ", from {lowest} to {highest}");
    }
    let doubtful = class.submissions.iter();
    let doubtful = doubtful.filter(|one| !one.score.doubts.is_empty()).count();
    text.push('.');
    if doubtful > 0 {
        let are = if doubtful == 1 { "is" } else { "are" };
        let _ = write!(
            text,
            " {doubtful} {are} marked `?`: check the report before you give the mark out."
        );
    }
    text
}

fn cluster(known: &Costly<'_>, style: Style) -> String {
    let Costly { cluster, cost } = known;
    let columns = style.prose().min(style.width);
    let title = format!(
        "{}, {}: {}",
        count(cluster.submissions.len(), "submission"),
        counted(*cost),
        sentence(&format!(
            "{} {}",
            cluster.fingerprint.requirement,
            cluster.sentence()
        ))
    );
    let seen = format!(
        "{} Example: {}.",
        line(&place(cluster)),
        visible_name(cluster.exemplar())
    );
    let seen = paragraph(&seen, "  ", columns);
    paragraph(&line(&title), "", columns) + &style.ink(Ink::Quiet, seen.trim_end()) + "\n"
}
