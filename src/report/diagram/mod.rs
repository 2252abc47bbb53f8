//! The conversation up to a failure, as a sequence diagram in text.
//!
//! Every actor has a lifeline while connected. An arrow is a message; its text stands at the right:
//!
//! ```text
//!     time  alice  bob  server
//!  0.051 s    ├───────────>│    (connects)
//!  0.052 s    │<───────────┤    200 Registration successful
//! ```

mod canvas;
mod lanes;
mod rows;

use std::fmt::Write;

use canvas::Canvas;
use lanes::Lanes;
use rows::{repeated_once, rows};

pub(super) use rows::{Row, Shape};

use super::Style;
use super::text::{Ink, cut, harmless, paragraph, wrap};
use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::{Event, EventKind, Evidence};
use crate::conformance::program::dialect::Dialect;
use crate::conformance::suite::Case;
use crate::transcript::syntax::{Action, Step};

/// Maximum number of rows before the failure.
const SHOWN: usize = 25;

/// The conversation up to a failure, in rows, for a terminal or a page.
pub(super) struct Conversation {
    pub(super) lanes: Lanes,
    /// Number of earlier rows that are left out.
    pub(super) left_out: usize,
    pub(super) rows: Vec<Row>,
    pub(super) failure: FailingMoment,
}

/// The failure at the end of the conversation.
pub(super) struct FailingMoment {
    /// The lifeline on which it is marked.
    pub(super) lane: usize,
    pub(super) words: String,
    /// Which lifelines are drawn beside it.
    pub(super) live: Vec<bool>,
}

/// The conversation up to the failure, and the failure itself.
pub(super) fn conversation(
    case: &Case,
    run: &Evidence,
    shortfall: &Shortfall,
    dialect: Dialect,
) -> Conversation {
    let step = case.transcript.steps.get(shortfall.step);
    let events = before_cleanup(&run.events, shortfall.step, step);
    let lanes = Lanes::of(case.transcript.role, events, step);
    let mut rows = repeated_once(rows(events, &lanes, dialect));
    let left_out = rows.len().saturating_sub(SHOWN);
    let last = rows.last();
    let failure = FailingMoment {
        lane: lanes.of_step(step),
        words: words_of_failure(shortfall, step),
        live: last.map_or_else(|| lanes.nobody(), |row| row.live.clone()),
    };
    Conversation {
        rows: rows.split_off(left_out),
        lanes,
        left_out,
        failure,
    }
}

fn words_of_failure(shortfall: &Shortfall, step: Option<&Step>) -> String {
    let line = step.map_or("this".to_string(), |step| format!("line {}", step.line));
    match shortfall.got.line() {
        Some(_) => format!("✗ not what {line} expects"),
        None => format!(
            "✗ {line}: {}",
            harmless(&shortfall.received_beside_output())
        ),
    }
}

/// The conversation as text. `printed_above` are lines that the program printed and the report has shown.
pub(super) fn render(
    case: &Case,
    run: &Evidence,
    shortfall: &Shortfall,
    dialect: Dialect,
    printed_above: &[String],
    style: Style,
) -> String {
    let mut drawn = conversation(case, run, shortfall, dialect);
    for row in &mut drawn.rows {
        row.refer_to_above(printed_above);
    }
    let canvas = Canvas::new(&drawn.lanes, style);
    let mut shown = canvas.heading();
    if drawn.left_out > 0 {
        let text = format!("({} earlier rows left out)", drawn.left_out);
        shown.push_str(&canvas.row(None, &canvas.blank(), &text, Some(Ink::Quiet)));
    }
    for row in &drawn.rows {
        shown.push_str(&canvas.event(row));
    }
    shown.push_str(&failing_moment(&canvas, &drawn.failure));
    shown + &printed_below(&drawn.rows, style)
}

/// Long output, below the diagram: beside the lifelines it would be wrapped into pieces.
fn printed_below(rows: &[Row], style: Style) -> String {
    let mut shown = String::new();
    for row in rows.iter().filter(|row| !row.output.is_empty()) {
        let time = format!("{:.3} s", row.at);
        let _ = writeln!(shown, "\n{time:>0$}  printed:", canvas::TIME);
        for line in &row.output {
            let (text, indent) = (line.trim_start(), line.len() - line.trim_start().len());
            let lead = " ".repeat(4 + indent.min(style.width / 2));
            let lines = paragraph(&cut(text, 3 * style.width), &lead, style.width);
            shown.push_str(&(style.ink(Ink::Quiet, lines.trim_end()) + "\n"));
        }
    }
    shown
}

fn failing_moment(canvas: &Canvas<'_>, failure: &FailingMoment) -> String {
    let lines = wrap(&failure.words, canvas.words);
    let mut shown = String::new();
    for (index, line) in lines.iter().enumerate() {
        let shape = if index == 0 {
            Shape::Failure(failure.lane)
        } else {
            Shape::Nothing
        };
        let drawing = canvas.drawing(&failure.live, shape);
        shown.push_str(&canvas.row(None, &drawing, line, Some(Ink::Bad)));
    }
    shown
}

/// The events before the harness cleaned up: the connections that it closes and the program that it kills after the
/// failure are not part of the conversation.
fn before_cleanup<'e>(events: &'e [Event], failing: usize, step: Option<&Step>) -> &'e [Event] {
    let action = step.map(|step| &step.action);
    let closes = matches!(
        action,
        Some(Action::Closes { .. } | Action::Resets { .. } | Action::Joins { .. })
    );
    let kills = matches!(action, Some(Action::IsTerminated));
    let is_cleanup = |event: &Event| {
        let belongs = match &event.kind {
            EventKind::Closed { by_program, .. } => *by_program || closes,
            EventKind::Signalled { signal } if signal == "SIGTERM" => kills,
            EventKind::Signalled { signal } => signal != "SIGKILL",
            _ => true,
        };
        event.step.is_some_and(|step| step > failing) || (event.step == Some(failing) && !belongs)
    };
    let end = events.iter().position(is_cleanup);
    &events[..end.unwrap_or(events.len())]
}

#[cfg(test)]
mod tests {
    use super::super::events::{case, closed, connected, ended, event, printed, received, sent};
    use super::super::text::width;
    use super::canvas::REMARK_LINES;
    use super::*;
    use crate::conformance::evidence::Outcome;
    use crate::conformance::evidence::shortfall::{Expected, Got, Note};
    use crate::conformance::program::dialect::Framing;
    use crate::transcript::syntax::Role;

    const BARE: Dialect = Dialect {
        reads: Framing::Bare,
        writes: Framing::Bare,
    };
    const PLAIN: Style = Style {
        colour: false,
        width: 80,
    };

    const SOURCE: &str = "\
# A message reaches the other.
covers S-MSG-1

alice joins
bob joins

alice > @alice: hi
bob   < @alice: hi
";

    /// The rows below the heading, for events of which all belong to the last step.
    fn drawn(kinds: Vec<EventKind>, dialect: Dialect) -> Vec<String> {
        let events = kinds.into_iter().map(|kind| event(0.1, 3, kind));
        drawn_from(events.collect(), dialect)
    }

    fn drawn_from(events: Vec<Event>, dialect: Dialect) -> Vec<String> {
        let case = case("server/broadcast/to-others", SOURCE);
        let shortfall = Shortfall {
            step: 3,
            expected: Expected::Line {
                line: "@alice: hi".to_owned(),
                open_ended: false,
            },
            got: Got::Nothing { after: 5000 },
            ended: None,
            present: Vec::new(),
            who_ended: None,
            waited_for_enter: false,
        };
        let run = Evidence {
            events,
            outcome: Outcome::Completed,
            seconds: 5.0,
        };
        let shown = render(&case, &run, &shortfall, dialect, &[], PLAIN);
        shown.lines().skip(1).map(str::to_string).collect()
    }

    #[test]
    fn arrows_go_between_lifelines_and_the_failing_moment_is_marked() {
        let rows = drawn(
            vec![
                connected("alice"),
                connected("bob"),
                sent("alice", "@alice: hi\n"),
                received("alice", "@alice: hi\n"),
                closed("bob", true, false),
            ],
            Dialect::LINE,
        );
        assert_eq!(
            rows,
            [
                "  0.100 s    ├───────────>│    (connects)",
                "  0.100 s    │     ├─────>│    (connects)",
                "  0.100 s    ├─────┼─────>│    @alice: hi",
                "  0.100 s    │<────┼──────┤    @alice: hi",
                "  0.100 s    │     │<─────┤    (closes the connection)",
                "             │     ✗      │    ✗ line 8: nothing arrived within 5 s",
            ]
        );
    }

    #[test]
    fn chunks_are_joined_and_shown_line_by_line() {
        let chunks = vec![
            received("bob", "200 Regis"),
            received("bob", "tration successful\n@alice: h"),
            received("bob", "i\n@alice:"),
        ];
        let rows = drawn(chunks, Dialect::LINE);
        assert!(
            rows[0].ends_with("  200 Registration successful"),
            "{rows:#?}"
        );
        assert!(rows[1].ends_with("  @alice: hi"), "{rows:#?}");
        assert!(rows[2].ends_with("  @alice: (no line end)"), "{rows:#?}");
        assert_eq!(rows.len(), 4);
    }

    #[test]
    fn where_nothing_ends_a_message_each_chunk_is_one() {
        let rows = drawn(
            vec![
                received("bob", "@alice: one"),
                received("bob", "@alice: two"),
            ],
            BARE,
        );
        assert!(rows[0].ends_with("  @alice: one"), "{rows:#?}");
        assert!(rows[1].ends_with("  @alice: two"), "{rows:#?}");
    }

    #[test]
    fn repetitions_and_floods_are_counted() {
        let mut kinds = vec![connected("bob"); 300];
        kinds.push(received(
            "bob",
            "@alice: wave\n@alice: and more\n".repeat(4_000).as_str(),
        ));
        let rows = drawn(kinds, Dialect::LINE);
        assert!(rows[0].ends_with("(300 times) (connects)"), "{rows:#?}");
        assert!(
            rows.iter().any(|row| row.ends_with("(7996 more lines)")),
            "{rows:#?}"
        );
        assert_eq!(rows.len(), 7);
    }

    #[test]
    fn only_what_led_to_the_failure_is_shown() {
        let says = |number: usize| sent("alice", &format!("@alice: {number}\n"));
        let rows = drawn((0..40).map(says).collect(), Dialect::LINE);
        assert!(rows[0].contains("(15 earlier rows left out)"), "{rows:#?}");
        assert!(rows[1].ends_with("@alice: 15"), "{rows:#?}");
        assert_eq!(rows.len(), 1 + SHOWN + 1);
    }

    #[test]
    fn what_the_harness_does_to_clean_up_is_not_shown() {
        let kill = EventKind::Signalled {
            signal: "SIGKILL".to_string(),
        };
        let kinds = vec![
            sent("alice", "@alice: hi\n"),
            closed("alice", false, false),
            kill,
            ended("signal 9"),
        ];
        let rows = drawn(kinds, Dialect::LINE);
        assert_eq!(rows.len(), 2, "{rows:#?}");
        let last = event(0.1, 3, received("bob", "x\n"));
        let crashed = vec![event(0.1, 3, ended("exit status 1")), last];
        assert_eq!(drawn_from(crashed, Dialect::LINE).len(), 3);
    }

    #[test]
    fn long_output_wraps_for_a_while() {
        let rows = drawn(vec![printed(&"word ".repeat(100))], Dialect::LINE);
        assert_eq!(rows.len(), REMARK_LINES + 1, "{rows:#?}");
        assert!(rows[REMARK_LINES - 1].ends_with('…'), "{rows:#?}");
    }

    #[test]
    fn a_traceback_stands_below_where_it_is_readable() {
        let lines: Vec<String> = (0..40)
            .map(|number| format!("  line {number}\r\n"))
            .collect();
        let rows = drawn(vec![printed(&lines.concat())], Dialect::LINE);
        assert!(
            rows[0].ends_with("(prints 40 lines, see below)"),
            "{rows:#?}"
        );
        let below: Vec<&str> = rows[2..].iter().map(String::as_str).collect();
        assert_eq!(
            below[..4],
            ["", "  0.100 s  printed:", "      line 0", "      line 1"]
        );
        assert_eq!(below[4], "    (30 more lines)");
        assert_eq!(below.last(), Some(&"      line 39"));
        assert_eq!(below.len(), 13);
    }

    #[test]
    fn many_lifelines_leave_room_for_the_words() {
        let names = [
            "alexandria",
            "bartholomew",
            "constantine",
            "desdemona",
            "eleonora",
            "ferdinand",
        ];
        let rows = drawn(
            names
                .map(|name| sent(name, "@someone: hello there, everybody\n"))
                .to_vec(),
            Dialect::LINE,
        );
        assert!(
            rows.iter().all(|row| width(row) <= PLAIN.width),
            "{rows:#?}"
        );
        assert!(rows[0].contains("hello there"), "{rows:#?}");
    }

    #[test]
    fn whatever_happens_can_be_drawn() {
        let text = || "x".to_string();
        let bytes = || b"x\xff".to_vec();
        let mut kinds = vec![
            EventKind::Typed { bytes: bytes() },
            EventKind::Typed { bytes: vec![3] },
            printed("x"),
            EventKind::Signalled { signal: text() },
            EventKind::Note(Note::KeyDidNothing),
            EventKind::Listening { address: text() },
            EventKind::Started {
                command: Vec::new(),
            },
            ended("x"),
        ];
        for actor in ["alice", "server", "user"] {
            kinds.extend([connected(actor), sent(actor, ""), received(actor, "")]);
            kinds.extend([closed(actor, true, true), closed(actor, true, false)]);
        }
        let number = kinds.len();
        let rows = drawn(kinds.clone(), Dialect::LINE);
        assert!(rows.len() <= number + 1, "{rows:#?}");
        for kind in kinds {
            for role in [Role::Server, Role::Client] {
                let lanes = Lanes::of(role, &[event(0.0, 0, kind.clone())], None);
                let canvas = Canvas::new(&lanes, PLAIN);
                for row in super::rows(&[event(0.0, 0, kind.clone())], &lanes, Dialect::LINE) {
                    assert!(canvas.event(&row).ends_with('\n'));
                }
            }
        }
    }
}
