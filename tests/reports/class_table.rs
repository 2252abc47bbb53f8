//! The table of a class at a terminal.

use chat_conformance::conformance::judge::result::Verdict;
use chat_conformance::grading::class::Class;
use chat_conformance::grading::points::Points;
use chat_conformance::report::terminal::class_table::render;
use chat_conformance::report::{Style, formats, page};

use crate::recorded::{class, hostile_class};
use crate::{COLOURED, PLAIN, assert_fits, uncoloured, unseen};

#[test]
fn a_class() {
    insta::assert_snapshot!(render(&class(), PLAIN));
}

#[test]
fn a_submission_is_a_line_with_what_fails() {
    let shown = render(&class(), PLAIN);
    let of = |name: &str| {
        let mut lines = shown.lines();
        lines.find(|line| line.starts_with(name)).expect("is there")
    };
    let all = "    60      40     100    ✓ everything that counts passes";
    assert!(of("alice").ends_with(all), "{shown}");
    let unbuilt = "server not judged: The build ends";
    assert!(of("dave").contains(unbuilt), "{shown}");
    for part in [
        "\n2 submissions, ",
        " points: C-MSG-3 ",
        "a message `@…: …` arrived instead.\n  Example: bob.\n",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn the_most_expensive_failure_comes_first() {
    let shown = render(&class(), PLAIN);
    let costs = shown.lines().filter_map(|line| {
        let (_, rest) = line.split_once(" submission")?;
        let (cost, _) = rest.split_once(", ")?.1.split_once(" point")?;
        cost.parse::<f64>().ok()
    });
    let costs: Vec<f64> = costs.collect();
    assert!(costs.len() > 1, "{shown}");
    assert!(costs.windows(2).all(|two| two[0] >= two[1]), "{costs:?}");
    assert!(costs.iter().all(|cost| *cost > 0.0), "{costs:?}");
    let first = shown.find(" points: ");
    assert!(first < shown.find("server  client  points"), "{shown}");
}

#[test]
fn a_blocked_requirement_is_not_said_to_pass() {
    let mut class = class();
    let entry = &mut class.submissions[0].score.parts[0].requirements[0];
    (entry.verdict, entry.earned) = (Verdict::Blocked, Points::ZERO);
    let shown = render(&class, PLAIN);
    let words = "   1 requirement blocked or untested\n";
    assert!(shown.contains(words), "{shown}");
}

#[test]
fn it_fits_the_terminal_and_nothing_in_it_acts_on_it() {
    for width in [60, 80, 140] {
        let shown = render(&hostile_class(), Style { width, ..PLAIN });
        assert_eq!(unseen(&shown), None, "{shown:?}");
        assert_fits(&shown, width);
    }
}

#[test]
fn names_that_only_look_alike_are_distinguished_in_every_report() {
    let mut class = class();
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
        name.clone_into(&mut one.submission);
        class.submissions.push(one);
    }
    let one = &class.submissions[2];
    let reports = [
        render(&class, PLAIN),
        formats::class_csv::render(&class),
        page::class(&class),
        page::submission(one, None),
        formats::junit::render(one),
        formats::tap::render(one),
        formats::github::render(one),
        formats::github::step_summary(one),
    ];
    for report in &reports {
        let hidden = ['\u{200b}', '\u{202e}', '\u{a0}'];
        assert!(!report.contains(hidden), "{report}");
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
    let shown = render(&class(), COLOURED);
    assert!(shown.contains("\x1b["));
    assert_eq!(uncoloured(&shown), render(&class(), PLAIN));
}

#[test]
fn an_empty_class_has_a_report() {
    let class = Class::of("none".to_owned(), Vec::new(), Vec::new());
    assert!(render(&class, PLAIN).contains("\n0 submissions.\n"));
}
