//! Events as rows of the diagram.

use super::lanes::Lanes;
use crate::conformance::evidence::{Event, EventKind, visible};
use crate::conformance::program::dialect::{Dialect, Framing};
use crate::report::text::{Ink, harmless, printed_line};
use crate::transcript::syntax::Role;

/// How many of many received lines are shown; the others are counted.
const OF_THE_WIRE: Ends = Ends { first: 3, last: 1 };

/// How many printed lines are shown. The last ones matter most: a traceback ends with the error.
const OF_THE_OUTPUT: Ends = Ends { first: 2, last: 8 };

/// Maximum number of printed lines inside the diagram; longer output stands below it.
const PRINTED_BESIDE: usize = 2;

struct Ends {
    first: usize,
    last: usize,
}

/// One line of the diagram.
pub(in crate::report) struct Row {
    pub(in crate::report) at: f64,
    pub(in crate::report) shape: Shape,
    pub(in crate::report) words: String,
    /// Which lifelines are drawn beside it.
    pub(in crate::report) live: Vec<bool>,
    pub(in crate::report) ink: Option<Ink>,
    /// Output that is too long for `words`.
    pub(in crate::report) output: Vec<String>,
}

impl Row {
    /// Leaves out long output of which the report has shown the end.
    pub(super) fn refer_to_above(&mut self, printed_above: &[String]) {
        let latest_first = self.output.iter().rev().take(OF_THE_OUTPUT.last);
        let shown = printed_above.iter().rev();
        let is_shown = latest_first.zip(shown).all(|(line, shown)| line == shown);
        if !printed_above.is_empty() && is_shown && !self.output.is_empty() {
            self.output.clear();
            self.words = self.words.replace("see below", "see above");
        }
    }
}

/// What is drawn on the lifelines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) enum Shape {
    Arrow { from: usize, to: usize },
    Mark(usize),
    Failure(usize),
    Nothing,
}

pub(super) fn rows(events: &[Event], lanes: &Lanes, dialect: Dialect) -> Vec<Row> {
    let mut live = lanes.nobody();
    let mut rows = Vec::new();
    let mut rest = events;
    while let Some(event) = rest.first() {
        let chunks = chunks_together(rest, dialect);
        let before = live.clone();
        change(&mut live, lanes, event);
        // An actor that leaves keeps its lifeline in this row.
        let drawn: Vec<bool> = before
            .iter()
            .zip(&live)
            .map(|(was, is)| *was || *is)
            .collect();
        let output = output_at_length(&rest[..chunks]);
        for (at, shape, words, ink) in parts_of(&rest[..chunks], lanes, dialect) {
            rows.push(Row {
                at,
                shape,
                words,
                live: drawn.clone(),
                ink,
                output: output.clone(),
            });
        }
        rest = &rest[chunks..];
    }
    rows
}

/// How many events from the first on are chunks of the same message or output.
fn chunks_together(events: &[Event], dialect: Dialect) -> usize {
    let belongs = |pair: &[Event]| match (&pair[0].kind, &pair[1].kind) {
        (EventKind::Received { actor, bytes }, EventKind::Received { actor: next, .. }) => {
            actor == next && (bytes.ends_with(b"\n") || dialect.writes == Framing::Line)
        }
        (EventKind::Printed { .. }, EventKind::Printed { .. }) => pair[0].of == pair[1].of,
        _ => false,
    };
    1 + events.windows(2).take_while(|pair| belongs(pair)).count()
}

/// Updates which lifelines are drawn after this event.
fn change(live: &mut [bool], lanes: &Lanes, event: &Event) {
    match &event.kind {
        EventKind::Started { .. } => {
            live[lanes.of_program(event)] = true;
            if let Some(reader) = lanes.reader() {
                live[reader] = true;
            }
        }
        EventKind::Listening { .. } => live[lanes.subject] = true,
        EventKind::Connected { actor }
        | EventKind::Sent { actor, .. }
        | EventKind::Received { actor, .. } => {
            live[lanes.subject] = true;
            live[lanes.of_actor(actor)] = true;
        }
        EventKind::Closed { actor, .. } => {
            let lane = lanes.of_actor(actor);
            if lane != lanes.subject {
                live[lane] = false;
            }
        }
        EventKind::Ended { .. } => live[lanes.of_program(event)] = false,
        EventKind::Typed { .. }
        | EventKind::Printed { .. }
        | EventKind::Signalled { .. }
        | EventKind::Note { .. } => {}
    }
}

type RowPart = (f64, Shape, String, Option<Ink>);

/// The rows of one event: time, shape, words and colour. Words in brackets are remarks; all other words went over the wire.
fn parts_of(events: &[Event], lanes: &Lanes, dialect: Dialect) -> Vec<RowPart> {
    let at = events[0].at;
    let subject = lanes.subject;
    let program = lanes.of_program(&events[0]);
    let to_subject = |actor: &str| Shape::Arrow {
        from: lanes.of_actor(actor),
        to: subject,
    };
    let from_subject = |actor: &str| Shape::Arrow {
        from: subject,
        to: lanes.of_actor(actor),
    };
    let remark = |shape, words: &str| vec![(at, shape, format!("({words})"), Some(Ink::Quiet))];
    match &events[0].kind {
        EventKind::Started { command } => remark(
            Shape::Mark(program),
            &format!("starts: {}", harmless(&command.join(" "))),
        ),
        EventKind::Listening { address } => remark(
            Shape::Mark(subject),
            &format!("listens on {}", harmless(address)),
        ),
        EventKind::Connected { actor } if lanes.role == Role::Client => {
            remark(from_subject(actor), "connects")
        }
        EventKind::Connected { actor } => remark(to_subject(actor), "connects"),
        EventKind::Sent { actor, bytes } => {
            vec![(at, to_subject(actor), line_sent(bytes, dialect.reads), None)]
        }
        EventKind::Received { actor, .. } => lines_received(events, from_subject(actor), dialect),
        EventKind::Closed {
            actor,
            by_program,
            reset,
        } => {
            let shape = if *by_program {
                from_subject(actor)
            } else {
                to_subject(actor)
            };
            remark(
                shape,
                if *reset {
                    "resets the connection"
                } else {
                    "closes the connection"
                },
            )
        }
        EventKind::Typed { bytes } => {
            let shape = match events[0].of {
                Some(_) => Shape::Mark(program),
                None => to_subject("user"),
            };
            vec![(at, shape, keys(bytes), None)]
        }
        EventKind::Printed { .. } => {
            let to = lanes.reader();
            let shape = to.map_or(Shape::Mark(program), |to| Shape::Arrow {
                from: subject,
                to,
            });
            printed(events, shape)
        }
        EventKind::Signalled { signal } => {
            let words = format!("({})", harmless(signal));
            vec![(at, Shape::Mark(program), words, Some(Ink::Uncertain))]
        }
        EventKind::Ended { how } => {
            let words = format!("(ends: {})", harmless(how));
            vec![(at, Shape::Mark(program), words, Some(Ink::Uncertain))]
        }
        EventKind::Note(note) => remark(Shape::Nothing, &harmless(&note.to_string())),
    }
}

/// Keys as transcripts write them: Enter is `\n`.
fn keys(bytes: &[u8]) -> String {
    match bytes {
        [0x03] => "(Ctrl-C)".to_string(),
        [0x04] => "(Ctrl-D)".to_string(),
        _ => format!("(types \"{}\")", visible(bytes).replace("\\r", "\\n")),
    }
}

/// A message. In the line dialect its line end is not shown, but a missing one is.
fn line_sent(bytes: &[u8], framing: Framing) -> String {
    let shown = visible(bytes);
    match shown.strip_suffix("\\n") {
        Some(line) if framing == Framing::Line && !line.contains("\\n") => line.to_string(),
        None if framing == Framing::Line => shown + " (no line end)",
        _ => shown,
    }
}

/// What an actor received, line by line.
fn lines_received(events: &[Event], shape: Shape, dialect: Dialect) -> Vec<RowPart> {
    let parts = lines(events).into_iter().map(|(at, line)| {
        let words = line_sent(&line, dialect.writes);
        (at, shape, words, None)
    });
    shorten(parts.collect(), &OF_THE_WIRE, |hidden| {
        let words = format!("({} more lines)", hidden.len());
        (hidden[0].0, shape, words, Some(Ink::Quiet))
    })
}

/// What the program printed, line by line, or only the number of lines if they are too many.
fn printed(events: &[Event], shape: Shape) -> Vec<RowPart> {
    let lines = lines_printed(events);
    let quiet = |at, words| (at, shape, words, Some(Ink::Quiet));
    match &lines[..] {
        [(at, _), _, ..] if lines.len() > PRINTED_BESIDE => {
            let words = format!("(prints {} lines, see below)", lines.len());
            vec![quiet(*at, words)]
        }
        lines => {
            let parts = lines.iter();
            let parts = parts.map(|(at, line)| quiet(*at, format!("(prints \"{line}\")")));
            parts.collect()
        }
    }
}

fn lines_printed(events: &[Event]) -> Vec<(f64, String)> {
    let shown = lines(events).into_iter();
    let shown = shown.map(|(at, line)| (at, printed_line(&line)));
    shown.filter(|(_, line)| !line.is_empty()).collect()
}

/// The printed lines, if they are too many for the diagram.
fn output_at_length(events: &[Event]) -> Vec<String> {
    let lines = match events[0].kind {
        EventKind::Printed { .. } => lines_printed(events),
        _ => Vec::new(),
    };
    if lines.len() <= PRINTED_BESIDE {
        return Vec::new();
    }
    let lines = lines.into_iter().map(|(_, line)| line).collect();
    let more = |hidden: &[String]| format!("({} more lines)", hidden.len());
    shorten(lines, &OF_THE_OUTPUT, more)
}

/// The lines that the chunks form, each with the time of its first byte.
fn lines(events: &[Event]) -> Vec<(f64, Vec<u8>)> {
    let mut lines: Vec<(f64, Vec<u8>)> = Vec::new();
    for event in events {
        let (EventKind::Received { bytes, .. } | EventKind::Printed { bytes }) = &event.kind else {
            continue;
        };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match lines.last_mut() {
                Some((_, line)) if !line.ends_with(b"\n") => line.extend_from_slice(piece),
                _ => lines.push((event.at, piece.to_vec())),
            }
        }
    }
    lines
}

/// Replaces the middle of many lines by their number.
fn shorten<T>(mut lines: Vec<T>, shown: &Ends, more: impl Fn(&[T]) -> T) -> Vec<T> {
    if lines.len() > shown.first + shown.last + 1 {
        let rest = lines.split_off(lines.len() - shown.last);
        let hidden = lines.split_off(shown.first);
        lines.push(more(&hidden));
        lines.extend(rest);
    }
    lines
}

/// Merges equal consecutive rows into one, with their number.
pub(super) fn repeated_once(rows: Vec<Row>) -> Vec<Row> {
    let mut once: Vec<(Row, usize)> = Vec::new();
    for row in rows {
        match once.last_mut() {
            Some((last, times)) if last.shape == row.shape && last.words == row.words => {
                *times += 1;
                last.live = row.live;
            }
            _ => once.push((row, 1)),
        }
    }
    let counted = once.into_iter().map(|(mut row, times)| {
        if times > 1 {
            row.words = format!("({times} times) {}", row.words);
        }
        row
    });
    counted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_as_transcripts_write_them() {
        assert_eq!(keys(b"lo\r"), "(types \"lo\\n\")");
        assert_eq!(keys(b"\x03"), "(Ctrl-C)");
        assert_eq!(keys(b"\x04"), "(Ctrl-D)");
    }
}
