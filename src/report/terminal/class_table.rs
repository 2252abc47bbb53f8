//! A class on a terminal: a line a submission, then who falls short alike.

use std::fmt::Write;

use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::points::{Points, counted};
use crate::grading::score::RowScore;
use crate::grading::triage::Cluster;
use crate::report::Style;
use crate::report::plain::line;
use crate::report::statistics::Statistics;
use crate::report::text::{Ink, count, cut, pad, paragraph, ruled, width};
use crate::report::told::{counts, lost};
use crate::transcript::syntax::Role;

/// Columns of a number of points; `100` and its hundredths.
const POINTS: usize = 6;

/// At most this many rows that do not hold are named of each program.
const NAMED: usize = 3;

/// The table, what the marks look like together, and the clusters.
pub fn render(class: &Class, style: Style) -> String {
    let mut shown = heading(class, style) + "\n";
    let names = name_column(class, style);
    shown.push_str(&headings(names, style));
    for assessment in &class.submissions {
        shown.push_str(&submission(assessment, names, style));
    }
    shown.push('\n');
    shown.push_str(&paragraph(&statistics(class), "", style.prose()));
    if !class.clusters.is_empty() {
        let title = style.ink(Ink::Heading, "What falls short alike");
        let _ = writeln!(shown, "\n{title}\n");
    }
    for alike in &class.clusters {
        shown.push_str(&cluster(alike, style));
    }
    shown
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

fn headings(names: usize, style: Style) -> String {
    let cells = ["server", "client", "points"].map(|heading| format!("{heading:>POINTS$}"));
    let text = format!(
        "{}  {}    does not hold",
        pad("submission", names),
        cells.join("  ")
    );
    style.ink(Ink::Quiet, &cut(&text, style.width)) + "\n"
}

fn submission(assessment: &Assessment, names: usize, style: Style) -> String {
    let score = &assessment.score;
    let name = pad(&cut(&visible_name(&assessment.submission), names), names);
    let of_role = |role: Role| {
        let part = score.parts.iter().find(|part| part.role == role);
        let points = part.map_or("–".to_owned(), |part| part.earned.to_string());
        format!("{points:>POINTS$}")
    };
    let before = format!(
        "{name}  {}  {}  {:>POINTS$}",
        of_role(Role::Server),
        of_role(Role::Client),
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

/// What does not hold, the dearest first.
fn in_a_few_words(assessment: &Assessment) -> (String, Ink) {
    let unjudged = assessment.parts.iter().filter_map(|part| {
        let unjudged = part.result.as_ref().err()?;
        Some(format!(
            "{} not judged: {}",
            part.role,
            line(&unjudged.reason)
        ))
    });
    let mut told: Vec<String> = unjudged.collect();
    let short = short_rows(assessment);
    let ids: Vec<&str> = short
        .iter()
        .map(|row| row.requirement.id.as_str())
        .collect();
    if !ids.is_empty() {
        let mut named = ids[..ids.len().min(NAMED)].join(", ");
        if ids.len() > NAMED {
            let _ = write!(named, " and {} more", ids.len() - NAMED);
        }
        told.push(named);
    }
    let cost = unasked(assessment);
    if told.is_empty() && cost > 0 {
        let told = format!("{} blocked or untested", count(cost, "row"));
        (told, Ink::Uncertain)
    } else if told.is_empty() {
        ("✓ all that counts holds".to_owned(), Ink::Good)
    } else {
        (told.join("; "), Ink::Bad)
    }
}

/// Rows that fail or are unsure; what is blocked has its cause elsewhere.
fn short_rows(assessment: &Assessment) -> Vec<&RowScore> {
    let rows = assessment.score.parts.iter().flat_map(|part| &part.rows);
    let falls_short =
        |row: &&RowScore| counts(row) && matches!(row.verdict, Verdict::Fail | Verdict::Unsure);
    let mut rows: Vec<&RowScore> = rows.filter(falls_short).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(lost(row)));
    rows
}

/// How many rows cost points although nothing was found wrong with them.
fn unasked(assessment: &Assessment) -> usize {
    let rows = assessment.score.parts.iter().flat_map(|part| &part.rows);
    rows.filter(|row| lost(row) > Points::ZERO).count()
}

fn statistics(class: &Class) -> String {
    let statistics = Statistics::of(&class.marks());
    let mut told = count(statistics.count, "submission");
    if let (Some(mean), Some(median)) = (statistics.mean, statistics.median) {
        let _ = write!(told, ": {} on average, median {median}", counted(mean));
    }
    if let (Some(lowest), Some(highest)) = (statistics.lowest, statistics.highest) {
        let _ = write!(told, ", from {lowest} to {highest}");
    }
    let doubtful = class.submissions.iter();
    let doubtful = doubtful.filter(|one| !one.score.doubts.is_empty()).count();
    told.push('.');
    if doubtful > 0 {
        let _ = write!(
            told,
            " To be looked at before the mark counts: {doubtful} (?)."
        );
    }
    told
}

fn cluster(cluster: &Cluster, style: Style) -> String {
    let fingerprint = &cluster.fingerprint;
    let many = count(cluster.submissions.len(), "submission");
    let columns = style.prose().min(style.width);
    let title = format!("{many}: {} {}.", fingerprint.row, cluster.sentence());
    let seen = format!(
        "{}, line {}: {}. See {}.",
        line(&fingerprint.transcript),
        fingerprint.line,
        line(&fingerprint.shape.to_string()),
        visible_name(cluster.exemplar())
    );
    let seen = paragraph(&seen, "  ", columns);
    paragraph(&line(&title), "", columns) + &style.ink(Ink::Quiet, seen.trim_end()) + "\n"
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

    #[test]
    fn a_submission_is_a_line_with_what_does_not_hold() {
        let shown = render(&fixture::class(), PLAIN);
        let of = |name: &str| {
            shown
                .lines()
                .find(|line| line.starts_with(name))
                .expect("is there")
        };
        assert!(
            of("alice").ends_with("    60      40     100    ✓ all that counts holds"),
            "{shown}"
        );
        assert!(of("bob").contains(" ?  C-MSG-3, S-REG-5, "), "{shown}");
        assert!(
            of("dave").contains("server not judged: `make` failed"),
            "{shown}"
        );
        assert!(
            shown.contains("\n2 submissions: C-MSG-3 not so: typing and receiving"),
            "{shown}"
        );
        assert!(
            shown.contains("a message `@…: …` arrived. See bob.\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_submission_that_could_not_be_asked_about_all_is_not_said_to_hold() {
        let mut class = fixture::class();
        let row = &mut class.submissions[0].score.parts[0].rows[0];
        (row.verdict, row.earned) = (Verdict::Blocked, Points::ZERO);
        let shown = render(&class, PLAIN);
        assert!(shown.contains("   1 row blocked or untested\n"), "{shown}");
    }

    #[test]
    fn it_fits_the_terminal_and_nothing_in_it_acts_on_it() {
        for columns in [60, 80, 140] {
            let style = Style {
                width: columns,
                ..PLAIN
            };
            let shown = render(&fixture::hostile_class(), style);
            assert_eq!(unseen(&shown), None, "{shown:?}");
            for line in shown.lines() {
                assert!(width(line) <= columns, "{columns} columns: {line}");
            }
        }
    }

    #[test]
    fn names_that_only_look_alike_are_told_apart_in_every_report() {
        let mut class = fixture::class();
        let names = [
            "ann",
            "ann\u{200b}",
            "an\u{202e}n",
            "ann\u{a0}",
            "ann\\u{200b}",
        ];
        class.submissions.truncate(1);
        for name in names {
            let mut one = class.submissions[0].clone();
            one.submission = name.to_owned();
            class.submissions.push(one);
        }
        let one = &class.submissions[2];
        let reports = [
            render(&class, PLAIN),
            crate::report::formats::class_csv::render(&class),
            crate::report::page::class(&class),
            crate::report::page::submission(one, None),
            crate::report::formats::junit::render(one),
            crate::report::formats::tap::render(one),
            crate::report::formats::github::render(one),
            crate::report::formats::github::step_summary(one),
        ];
        for report in &reports {
            assert!(
                !report.contains(['\u{200b}', '\u{202e}', '\u{a0}']),
                "{report}"
            );
        }
        for shown in [
            "ann ",
            "ann\\u{200b}",
            "an\\u{202e}n",
            "ann\\u{a0}",
            "ann\\\\u{200b}",
        ] {
            assert!(reports[0].contains(shown), "{shown}: {}", reports[0]);
        }
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let coloured = Style {
            colour: true,
            ..PLAIN
        };
        let shown = render(&fixture::class(), coloured);
        assert!(shown.contains("\x1b["));
        assert_eq!(uncoloured(&shown), render(&fixture::class(), PLAIN));
    }

    #[test]
    fn a_class_of_nobody_is_said_to_be_one() {
        let class = Class::of("none".to_owned(), Vec::new(), Vec::new());
        assert!(render(&class, PLAIN).contains("\n0 submissions.\n"));
    }
}
