//! A table of the requirements and their verdicts, by group, and the totals.
//!
//! A group is one line where all its requirements pass, or where one failure blocks all of them. Any other
//! group lists each requirement.

use std::fmt::Write;

use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::judge::result::{RequirementResult, RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Level;
use crate::report::Style;
use crate::report::scores::groups;
use crate::report::text::{
    Ink, count, cut, cut_between_words, harmless, mark, pad, paragraph, ruled, width, wrap,
};
use crate::transcript::syntax::Role;

/// Maximum number of transcripts named below a requirement.
const NAMED: usize = 3;

/// Columns before a requirement's sentence: id, verdict and level, with the gaps between them.
const ID: usize = 8;
const VERDICT: usize = 10;
const LEVEL: usize = 11;
const BEFORE_SENTENCE: usize = 2 + ID + 2 + VERDICT + 2 + LEVEL + 2;

/// The program, and what is to be known about the whole run.
pub(super) fn heading(result: &RunResult, style: Style) -> String {
    let role = match result.role {
        Role::Server => "server",
        Role::Client => "client",
        Role::Pair => "server and clients together",
    };
    let command = harmless(&result.command.join(" "));
    let title = ruled(&format!("{role}: {command}"), style.prose());
    let mut shown = style.ink(Ink::Heading, &title) + "\n";
    let limit = result.time_limit.as_ref().map(TimeLimit::to_string);
    for remark in limit.iter().chain(&result.remarks) {
        let lines = paragraph(&harmless(remark), "", style.prose());
        shown.push_str(&(style.ink(Ink::Uncertain, lines.trim_end()) + "\n"));
    }
    shown
}

/// The requirements by group.
pub fn table(result: &RunResult, style: Style) -> String {
    let mut shown = String::new();
    let groups = groups(&result.requirements, |known| &known.requirement.group);
    let names = groups.iter().map(|(name, _)| width(name)).max();
    let mut after_a_list = false;
    for (name, group) in &groups {
        let is_whole = |known: &&RequirementResult| result.partial_pass(known).is_none();
        let is_short = one_verdict(group, Verdict::Pass) && group.iter().all(is_whole)
            || judged(group) == 0
            || blocked_by_one(group).is_some();
        if after_a_list || (!is_short && !shown.is_empty()) {
            shown.push('\n');
        }
        shown.push_str(&group_line(name, group, names.unwrap_or(0), style));
        if !is_short {
            for known in group {
                shown.push_str(&requirement(known, result, style));
            }
        }
        after_a_list = !is_short;
    }
    shown
}

fn one_verdict(group: &[&RequirementResult], verdict: Verdict) -> bool {
    group.iter().all(|known| known.verdict == verdict)
}

/// The requirement that blocks the whole group, where it is one and the same.
fn blocked_by_one<'r>(group: &[&'r RequirementResult]) -> Option<&'r str> {
    let first = group.first()?.blocked_by.first()?;
    let is_blocked = |known: &&RequirementResult| {
        known.verdict == Verdict::Blocked
            && known.blocked_by.len() == 1
            && known.blocked_by[0] == *first
    };
    group.iter().all(is_blocked).then_some(first)
}

fn group_line(name: &str, group: &[&RequirementResult], names: usize, style: Style) -> String {
    let numbers = pass(passing(group), judged(group)) + &others(group);
    let words = if one_verdict(group, Verdict::Pass) {
        style.ink(Ink::Good, &format!("✓ {numbers}"))
    } else if one_verdict(group, Verdict::NotApplicable) {
        style.ink(Ink::Quiet, "· not applicable")
    } else if one_verdict(group, Verdict::Untested) {
        style.ink(Ink::Quiet, "· untested")
    } else if let Some(by) = blocked_by_one(group) {
        let text = format!("– {} blocked by {}", group.len(), harmless(by));
        style.ink(Ink::Uncertain, &text)
    } else {
        numbers
    };
    let uncounted = if group.iter().all(|known| !counts(known)) {
        style.ink(Ink::Quiet, "  (not counted)")
    } else {
        String::new()
    };
    let name = style.ink(Ink::Heading, &pad(name, names));
    format!("{name}  {words}{uncounted}\n")
}

fn counts(known: &RequirementResult) -> bool {
    known.requirement.level != Level::Hardening
}

fn requirement(known: &RequirementResult, result: &RunResult, style: Style) -> String {
    let columns = style.width.saturating_sub(BEFORE_SENTENCE).max(20);
    let (verdict, ink) = mark(known.verdict);
    // A hardening requirement that fails costs nothing.
    let ink = if ink == Ink::Bad && !counts(known) {
        Ink::Uncertain
    } else {
        ink
    };
    let id = pad(&known.requirement.id, ID);
    let verdict = style.ink(ink, &pad(verdict, VERDICT));
    let level = style.ink(
        Ink::Quiet,
        &pad(&level_word(known.requirement.level), LEVEL),
    );
    let mut lines = texts(known, result, columns, style).into_iter();
    let first = lines.next().unwrap_or_default();
    let mut shown = format!("  {id}  {verdict}  {level}  {first}\n");
    for line in lines {
        let _ = writeln!(shown, "{}{line}", " ".repeat(BEFORE_SENTENCE));
    }
    shown
}

/// In brackets where it is not counted.
fn level_word(level: Level) -> String {
    match level {
        Level::Hardening => format!("({level})"),
        Level::Must | Level::Implied => level.to_string(),
    }
}

/// The lines beside a requirement: its sentence, and why it does not pass.
fn texts(
    known: &RequirementResult,
    result: &RunResult,
    columns: usize,
    style: Style,
) -> Vec<String> {
    let sentence = &known.requirement.sentence;
    match known.verdict {
        Verdict::Pass | Verdict::NotApplicable | Verdict::Untested => {
            let mut lines = vec![style.ink(Ink::Quiet, &cut_between_words(sentence, columns))];
            if let Some(part) = result.partial_pass(known) {
                let told = wrap(&part.to_string(), columns);
                lines.extend(told.iter().map(|line| style.ink(Ink::Uncertain, line)));
            }
            lines
        }
        Verdict::Blocked => {
            let by = if known.blocked_by.is_empty() {
                "blocked".to_string()
            } else {
                format!("blocked by {}", known.blocked_by.join(", "))
            };
            vec![
                cut_between_words(sentence, columns),
                style.ink(Ink::Uncertain, &by),
            ]
        }
        Verdict::Fail | Verdict::Unsure => {
            let mut lines = wrap(sentence, columns);
            let names = names_below(known, result, columns);
            lines.extend(names.iter().map(|name| style.ink(Ink::Quiet, name)));
            lines
        }
    }
}

/// Which transcripts to look at.
fn names_below(known: &RequirementResult, result: &RunResult, columns: usize) -> Vec<String> {
    let is_shown = |judged: &&TranscriptResult| {
        let is_asked = known.transcripts.contains(&judged.case.name);
        is_asked
            && match known.verdict {
                Verdict::Fail => judged.fails.contains(&known.requirement.id),
                _ => judged.verdict == Verdict::Unsure,
            }
    };
    let mut shown: Vec<&TranscriptResult> = result.transcripts.iter().filter(is_shown).collect();
    shown.sort_by_key(|judged| judged.length());
    let names = shown.iter().map(|judged| harmless(&judged.case.name));
    let names: Vec<String> = names.collect();
    let mut lines: Vec<String> = names
        .iter()
        .take(NAMED)
        .map(|name| format!("in {}", cut_front(name, columns - 3)))
        .collect();
    if names.len() > NAMED {
        lines.push(format!("and {} more", names.len() - NAMED));
    }
    lines
}

/// The end of a path says more than its beginning.
fn cut_front(name: &str, columns: usize) -> String {
    if width(name) <= columns {
        return name.to_string();
    }
    let ends = name.match_indices('/').map(|(at, _)| &name[at..]);
    let fitting = ends.into_iter().find(|end| width(end) < columns);
    fitting.map_or_else(|| cut(name, columns), |end| format!("…{end}"))
}

/// How many requirements pass, and how long the run took.
pub fn totals(result: &RunResult, style: Style) -> String {
    let (counted, hardening): (Vec<_>, Vec<_>) =
        result.requirements.iter().partition(|known| counts(known));
    let mut shown = String::new();
    if !counted.is_empty() {
        shown.push_str(&counted_total(&counted, result.holds(), style));
    }
    let judged = judged(&hardening);
    if judged > 0 {
        let numbers = pass(passing(&hardening), judged);
        let others = others(&hardening);
        let text = format!("Hardening (beyond the assignment, not counted): {numbers}{others}.");
        shown.push_str(&paragraph(&text, "  ", style.prose()));
    }
    let transcripts = count(result.transcripts.len(), "transcript");
    let _ = writeln!(shown, "  {transcripts} in {:.1} s.", result.seconds);
    shown
}

fn counted_total(counted: &[&RequirementResult], holds: bool, style: Style) -> String {
    let all = judged(counted);
    if all == 0 {
        return "· No must or implied requirement was judged.\n".to_string();
    }
    let levels: Vec<String> = [Level::Must, Level::Implied]
        .iter()
        .filter_map(|&level| {
            let is_of_level = |known: &&&RequirementResult| known.requirement.level == level;
            let of_level: Vec<_> = counted.iter().filter(is_of_level).copied().collect();
            let all = judged(&of_level);
            (all > 0).then(|| format!("{} of {all} {level}", passing(&of_level)))
        })
        .collect();
    let (symbol, ink) = if holds {
        ("✓ ", Ink::Good)
    } else {
        ("✗ ", Ink::Bad)
    };
    let text = format!(
        "{} of {} {} ({}){}.",
        passing(counted),
        count(all, "requirement"),
        if passing(counted) == 1 {
            "passes"
        } else {
            "pass"
        },
        levels.join(", "),
        others(counted)
    );
    let lines = paragraph(&text, symbol, style.prose());
    style.ink(ink, lines.trim_end()) + "\n"
}

/// `5 of 7 pass`, `1 of 7 passes`.
fn pass(passing: usize, of: usize) -> String {
    let verb = if passing == 1 { "passes" } else { "pass" };
    format!("{passing} of {of} {verb}")
}

fn judged(group: &[&RequirementResult]) -> usize {
    let judged = group.iter().filter(|known| known.verdict.is_judgement());
    judged.count()
}

fn passing(group: &[&RequirementResult]) -> usize {
    with_verdict(group, Verdict::Pass)
}

fn with_verdict(group: &[&RequirementResult], verdict: Verdict) -> usize {
    let with = group.iter().filter(|known| known.verdict == verdict);
    with.count()
}

/// The other verdicts: `; 3 failed, 1 untested`, or nothing.
fn others(group: &[&RequirementResult]) -> String {
    let words = [
        (Verdict::Fail, "failed"),
        (Verdict::Blocked, "blocked"),
        (Verdict::Unsure, "unsure"),
        (Verdict::NotApplicable, "not applicable"),
        (Verdict::Untested, "untested"),
    ];
    let numbers = words.map(|(verdict, word)| (with_verdict(group, verdict), word));
    let others: Vec<String> = numbers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if others.is_empty() {
        String::new()
    } else {
        format!("; {}", others.join(", "))
    }
}
