//! What holds and what does not, at a glance: a table of the requirements by group.
//!
//! A group in which everything holds is one line; a group in which something does not shows all
//! of its rows, those that do not hold in full.

use std::fmt::Write;

use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::judge::result::{RequirementResult, RunResult, Verdict};
use crate::conformance::suite::requirement::Level;
use crate::report::text::{
    Ink, count, cut, cut_between_words, harmless, mark, pad, paragraph, ruled, width, wrap,
};
use crate::report::{Style, told};
use crate::transcript::syntax::Role;

/// At most this many transcripts are named below a row that fails.
const NAMED: usize = 3;

/// Columns before a row's sentence: id, verdict and level, with the gaps between them.
const ID: usize = 8;
const VERDICT: usize = 10;
const LEVEL: usize = 11;
const BEFORE_SENTENCE: usize = 2 + ID + 2 + VERDICT + 2 + LEVEL + 2;

/// The table, and the totals below it.
pub fn render(result: &RunResult, style: Style) -> String {
    let mut shown = heading(result, style);
    let groups = told::groups(&result.requirements, |row| &row.requirement.group);
    let names = groups.iter().map(|(name, _)| width(name)).max();
    let mut after_rows = true;
    for (name, rows) in &groups {
        let quiet = one_verdict(rows, Verdict::Pass) || judged_rows(rows) == 0;
        if after_rows || !quiet {
            shown.push('\n');
        }
        shown.push_str(&group_line(name, rows, names.unwrap_or(0), style));
        if !quiet {
            for row in rows {
                shown.push_str(&row_lines(row, result, style));
            }
        }
        after_rows = !quiet;
    }
    shown + "\n" + &totals(result, style)
}

fn heading(result: &RunResult, style: Style) -> String {
    let role = match result.role {
        Role::Server => "server",
        Role::Client => "client",
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

fn one_verdict(rows: &[&RequirementResult], verdict: Verdict) -> bool {
    rows.iter().all(|row| row.verdict == verdict)
}

fn group_line(name: &str, rows: &[&RequirementResult], names: usize, style: Style) -> String {
    let hold = hold(holding_rows(rows), judged_rows(rows)) + &others(rows);
    let said = if one_verdict(rows, Verdict::Pass) {
        style.ink(Ink::Good, &format!("✓ {hold}"))
    } else if one_verdict(rows, Verdict::NotApplicable) {
        style.ink(Ink::Quiet, "· not applicable")
    } else if one_verdict(rows, Verdict::Untested) {
        style.ink(Ink::Quiet, "· untested")
    } else {
        hold
    };
    let uncounted = if rows.iter().all(|row| !counts(row)) {
        style.ink(Ink::Quiet, "  (not counted)")
    } else {
        String::new()
    };
    let name = style.ink(Ink::Heading, &pad(name, names));
    format!("{name}  {said}{uncounted}\n")
}

fn counts(row: &RequirementResult) -> bool {
    row.requirement.level != Level::Hardening
}

fn row_lines(row: &RequirementResult, result: &RunResult, style: Style) -> String {
    let columns = style.width.saturating_sub(BEFORE_SENTENCE).max(20);
    let (verdict, ink) = mark(row.verdict);
    // A hardening row that fails is worth a look, but costs nothing.
    let ink = if ink == Ink::Bad && !counts(row) {
        Ink::Uncertain
    } else {
        ink
    };
    let id = pad(&row.requirement.id, ID);
    let verdict = style.ink(ink, &pad(verdict, VERDICT));
    let level = style.ink(Ink::Quiet, &pad(&level_word(row.requirement.level), LEVEL));
    let mut lines = texts(row, result, columns, style).into_iter();
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

/// The lines beside a row: its sentence, and why it does not hold.
fn texts(row: &RequirementResult, result: &RunResult, columns: usize, style: Style) -> Vec<String> {
    let sentence = &row.requirement.sentence;
    match row.verdict {
        Verdict::Pass | Verdict::NotApplicable | Verdict::Untested => {
            vec![style.ink(Ink::Quiet, &cut_between_words(sentence, columns))]
        }
        Verdict::Blocked => {
            let by = if row.blocked_by.is_empty() {
                "blocked".to_string()
            } else {
                format!("blocked by {}", row.blocked_by.join(", "))
            };
            vec![
                cut_between_words(sentence, columns),
                style.ink(Ink::Uncertain, &by),
            ]
        }
        Verdict::Fail | Verdict::Unsure => {
            let mut lines = wrap(sentence, columns);
            let names = names_below(row, result, columns);
            lines.extend(names.iter().map(|name| style.ink(Ink::Quiet, name)));
            lines
        }
    }
}

/// Which transcripts to look at.
fn names_below(row: &RequirementResult, result: &RunResult, columns: usize) -> Vec<String> {
    let judged = result.transcripts.iter().filter(|judged| {
        let of_row = row.transcripts.contains(&judged.case.name);
        of_row
            && match row.verdict {
                Verdict::Fail => judged.fails.contains(&row.requirement.id),
                _ => judged.verdict == Verdict::Unsure,
            }
    });
    let names: Vec<String> = judged.map(|judged| harmless(&judged.case.name)).collect();
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

fn totals(result: &RunResult, style: Style) -> String {
    let counted: Vec<_> = result
        .requirements
        .iter()
        .filter(|row| counts(row))
        .collect();
    let hardening: Vec<_> = result
        .requirements
        .iter()
        .filter(|row| !counts(row))
        .collect();
    let mut shown = String::new();
    if !counted.is_empty() {
        shown.push_str(&counted_total(&counted, result.holds(), style));
    }
    let judged = judged_rows(&hardening);
    if judged > 0 {
        let hold = hold(holding_rows(&hardening), judged);
        let others = others(&hardening);
        let text = format!("Hardening, beyond the assignment and not counted: {hold}{others}.");
        shown.push_str(&paragraph(&text, "  ", style.prose()));
    }
    let transcripts = count(result.transcripts.len(), "transcript");
    let _ = writeln!(shown, "  {transcripts} in {:.1} s.", result.seconds);
    shown
}

fn counted_total(rows: &[&RequirementResult], holds: bool, style: Style) -> String {
    let judged = judged_rows(rows);
    if judged == 0 {
        return "· No must or implied row was judged.\n".to_string();
    }
    let levels: Vec<String> = [Level::Must, Level::Implied]
        .iter()
        .filter_map(|&level| {
            let of_level = |row: &&&RequirementResult| row.requirement.level == level;
            let rows: Vec<_> = rows.iter().filter(of_level).copied().collect();
            let judged = judged_rows(&rows);
            (judged > 0).then(|| format!("{} of {judged} {level}", holding_rows(&rows)))
        })
        .collect();
    let (symbol, ink) = if holds {
        ("✓ ", Ink::Good)
    } else {
        ("✗ ", Ink::Bad)
    };
    let text = format!(
        "Of the must and implied rows {} ({}){}.",
        hold(holding_rows(rows), judged),
        levels.join(", "),
        others(rows)
    );
    let lines = paragraph(&text, symbol, style.prose());
    style.ink(ink, lines.trim_end()) + "\n"
}

/// `5 of 7 hold`, `1 of 7 holds`.
fn hold(holding: usize, of: usize) -> String {
    let verb = if holding == 1 { "holds" } else { "hold" };
    format!("{holding} of {of} {verb}")
}

fn judged_rows(rows: &[&RequirementResult]) -> usize {
    rows.iter().filter(|row| row.verdict.is_judgement()).count()
}

fn holding_rows(rows: &[&RequirementResult]) -> usize {
    with_verdict(rows, Verdict::Pass)
}

fn with_verdict(rows: &[&RequirementResult], verdict: Verdict) -> usize {
    rows.iter().filter(|row| row.verdict == verdict).count()
}

/// What is with the rows that do not hold: `; 3 failed, 1 untested`, or nothing.
fn others(rows: &[&RequirementResult]) -> String {
    let words = [
        (Verdict::Fail, "failed"),
        (Verdict::Blocked, "blocked"),
        (Verdict::Unsure, "unsure"),
        (Verdict::NotApplicable, "not applicable"),
        (Verdict::Untested, "untested"),
    ];
    let numbers = words.map(|(verdict, word)| (with_verdict(rows, verdict), word));
    let told: Vec<String> = numbers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!("; {}", told.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;
    use crate::report::text::{uncoloured, unseen};

    const PLAIN: Style = Style {
        colour: false,
        width: 80,
    };

    fn line<'a>(shown: &'a str, id: &str) -> &'a str {
        let of_id = |line: &&str| line.trim_start().starts_with(id);
        shown.lines().find(of_id).expect("the row is there")
    }

    #[test]
    fn every_row_of_a_group_with_a_failure_is_there_with_its_verdict() {
        let shown = render(&fixture::server(), PLAIN);
        assert!(
            line(&shown, "S-REG-1").contains("✓ pass      must"),
            "{shown}"
        );
        assert!(
            line(&shown, "S-REG-5").contains("✗ fail      must"),
            "{shown}"
        );
        assert!(
            line(&shown, "S-REG-7").contains("– blocked   must"),
            "{shown}"
        );
        assert!(shown.contains("blocked by S-REG-5\n"), "{shown}");
        assert!(line(&shown, "S-PORT-2").contains("? unsure"), "{shown}");
        assert!(
            line(&shown, "S-MSG-6").contains("· untested  implied"),
            "{shown}"
        );
        assert!(line(&shown, "S-HARD-7").contains("(hardening)"), "{shown}");
        assert!(
            shown.contains("in server/registration/refused\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_group_in_which_all_holds_is_one_line() {
        let shown = render(&fixture::good(), PLAIN);
        assert!(shown.contains("Registration   ✓ 3 of 3 hold\n"), "{shown}");
        assert!(!shown.contains("S-REG-1"), "{shown}");
    }

    #[test]
    fn totals_count_must_and_implied_and_tell_hardening_apart() {
        let shown = render(&fixture::server(), PLAIN).replace("\n  ", " ");
        for total in [
            "✗ Of the must and implied rows 5 of 10 hold (3 of 7 must, 2 of 3 implied); \
             3 failed, 1 blocked, 1 unsure, 1 untested.",
            "not counted: 1 of 2 holds; 1 unsure.",
            "14 transcripts in 4.2 s.",
        ] {
            assert!(shown.contains(total), "{total}\n{shown}");
        }
        let shown = render(&fixture::good(), PLAIN);
        assert!(
            shown.contains("✓ Of the must and implied rows 11 of 11 hold"),
            "{shown}"
        );
    }

    #[test]
    fn it_fits_the_terminal() {
        for width in [60, 80, 100, 160] {
            let shown = render(&fixture::server(), Style { width, ..PLAIN });
            for line in shown.lines() {
                assert!(super::width(line) <= width, "{width} columns: {line}");
            }
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let coloured = Style {
            colour: true,
            ..PLAIN
        };
        let shown = render(&fixture::server(), coloured);
        assert!(shown.contains("\x1b["));
        assert_eq!(uncoloured(&shown), render(&fixture::server(), PLAIN));
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let shown = render(&fixture::hostile(), PLAIN);
        assert_eq!(unseen(&shown), None, "{shown:?}");
    }
}
