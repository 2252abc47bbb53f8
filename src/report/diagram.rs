//! The conversation up to a failure, as a sequence diagram in text.
//!
//! Everybody has a lifeline, drawn while they are connected; an arrow is what went from one to
//! another, its words stand at the right:
//!
//! ```text
//!     time  alice  bob  server
//!  0.051 s    ├───────────>│    (connects)
//!  0.052 s    │<───────────┤    200 Registration successful
//! ```

use std::fmt::Write;

use super::Style;
use super::text::{Ink, cut, harmless, pad, width, wrap};
use crate::conformance::evidence::{Event, EventKind, Evidence, Shortfall, visible};
use crate::conformance::result::Case;
use crate::transcript::syntax::{Action, Role, Step};

/// Rows shown before the failing moment.
const SHOWN: usize = 25;

/// Of the lines that came in one go, as many are shown before the others are only counted.
const LINES_IN_A_ROW: usize = 4;

/// Lines that the words of a remark may take.
const REMARK_LINES: usize = 3;

/// Columns of the time, and the least that the words at the right need.
const TIME: usize = 9;
const WORDS: usize = 34;

/// The diagram; it ends with what should have been at that moment, and what was.
pub(super) fn render(
    case: &Case,
    run: &Evidence,
    shortfall: &Shortfall,
    dialect: &str,
    style: Style,
) -> String {
    let step = case.transcript.steps.get(shortfall.step);
    let events = before_cleanup(&run.events, shortfall.step, step);
    let lanes = Lanes::of(case.transcript.role, events, step);
    let rows = repeated_once(rows(events, &lanes, dialect));
    let left_out = rows.len().saturating_sub(SHOWN);
    let canvas = Canvas::new(&lanes, style);
    let mut shown = canvas.heading();
    if left_out > 0 {
        let text = format!("({left_out} earlier left out)");
        shown.push_str(&canvas.row(None, &canvas.blank(), &text, Some(Ink::Quiet)));
    }
    for row in &rows[left_out..] {
        shown.push_str(&canvas.event(row));
    }
    shown + &failing_moment(&canvas, &lanes, rows.last(), shortfall, step)
}

fn failing_moment(
    canvas: &Canvas<'_>,
    lanes: &Lanes,
    last: Option<&Row>,
    shortfall: &Shortfall,
    step: Option<&Step>,
) -> String {
    let live = last.map_or_else(|| lanes.nobody(), |row| row.live.clone());
    let lane = lanes.of_step(step);
    let line = step.map_or("this".to_string(), |step| format!("line {}", step.line));
    let words = match &shortfall.line {
        Some(_) => format!("✗ not what {line} expects"),
        None => format!("✗ {line}: got {}", harmless(&shortfall.received)),
    };
    let lines = wrap(&words, canvas.words);
    let mut shown = String::new();
    for (index, line) in lines.iter().enumerate() {
        let shape = if index == 0 {
            Shape::Failure(lane)
        } else {
            Shape::Nothing
        };
        let drawing = canvas.drawing(&live, shape);
        shown.push_str(&canvas.row(None, &drawing, line, Some(Ink::Bad)));
    }
    shown
}

/// What happened before the harness cleaned up: after the failure it closes and kills, which is
/// no part of the conversation.
fn before_cleanup<'e>(events: &'e [Event], failing: usize, step: Option<&Step>) -> &'e [Event] {
    let action = step.map(|step| &step.action);
    let closes = matches!(
        action,
        Some(Action::Closes { .. } | Action::Resets { .. } | Action::Joins { .. })
    );
    let kills = matches!(action, Some(Action::IsTerminated));
    let is_cleanup = |event: &Event| {
        let belongs = match &event.kind {
            EventKind::Closed { by_subject, .. } => *by_subject || closes,
            EventKind::Signalled { signal } if signal == "SIGTERM" => kills,
            EventKind::Signalled { signal } => signal != "SIGKILL",
            _ => true,
        };
        event.step.is_some_and(|step| step > failing) || (event.step == Some(failing) && !belongs)
    };
    let end = events.iter().position(is_cleanup);
    &events[..end.unwrap_or(events.len())]
}

/// Who has a lifeline, from left to right.
struct Lanes {
    names: Vec<String>,
    subject: usize,
    role: Role,
}

impl Lanes {
    /// In server transcripts the users and then the server; in client transcripts the person,
    /// the client, and the server that the harness plays.
    fn of(role: Role, events: &[Event], failing: Option<&Step>) -> Self {
        if role == Role::Client {
            let names = ["user", "client", "server"].map(str::to_string).to_vec();
            return Lanes {
                names,
                subject: 1,
                role,
            };
        }
        let mut names: Vec<String> = Vec::new();
        let actors = events
            .iter()
            .filter_map(|event| actor_of_event(&event.kind));
        for actor in actors.chain(failing.and_then(|step| actor_of_action(&step.action))) {
            if !names.iter().any(|name| name == actor) {
                names.push(actor.to_string());
            }
        }
        names.push("server".to_string());
        Lanes {
            subject: names.len() - 1,
            names,
            role,
        }
    }

    fn nobody(&self) -> Vec<bool> {
        vec![false; self.names.len()]
    }

    fn of_actor(&self, actor: &str) -> usize {
        let lane = self.names.iter().position(|name| name == actor);
        lane.unwrap_or(self.subject)
    }

    fn of_step(&self, step: Option<&Step>) -> usize {
        let actor = step.and_then(|step| actor_of_action(&step.action));
        actor.map_or(self.subject, |actor| self.of_actor(actor))
    }

    /// The person at the client's terminal; a server's output goes to nobody in particular.
    fn reader(&self) -> Option<usize> {
        (self.role == Role::Client).then_some(0)
    }
}

fn actor_of_event(kind: &EventKind) -> Option<&str> {
    match kind {
        EventKind::Connected { actor }
        | EventKind::Sent { actor, .. }
        | EventKind::Received { actor, .. }
        | EventKind::Closed { actor, .. } => Some(actor),
        EventKind::Started { .. }
        | EventKind::Listening { .. }
        | EventKind::Typed { .. }
        | EventKind::Printed { .. }
        | EventKind::Signalled { .. }
        | EventKind::Ended { .. }
        | EventKind::Note { .. } => None,
    }
}

fn actor_of_action(action: &Action) -> Option<&str> {
    match action {
        Action::Joins { actor, .. }
        | Action::Connects { actor, .. }
        | Action::Says { actor, .. }
        | Action::Gets { actor, .. }
        | Action::Sends { actor, .. }
        | Action::Hears { actor, .. }
        | Action::HearsNothing { actor }
        | Action::StopsReading { actor }
        | Action::Closes { actor }
        | Action::Resets { actor }
        | Action::IsDisconnected { actor } => Some(actor),
        Action::Types { .. }
        | Action::Presses { .. }
        | Action::SeesMessage { .. }
        | Action::TerminalNeverGets { .. } => Some("user"),
        Action::Pass { .. }
        | Action::PrintsItsPort
        | Action::AnotherStarts
        | Action::IsInterrupted
        | Action::IsTerminated
        | Action::Ends
        | Action::GrowsByAtMost { .. }
        | Action::ClientStarts { .. } => None,
    }
}

/// One line of the diagram.
struct Row {
    at: f64,
    shape: Shape,
    words: String,
    /// Which lifelines are drawn beside it.
    live: Vec<bool>,
    ink: Option<Ink>,
}

/// What is drawn on the lifelines.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Arrow { from: usize, to: usize },
    Mark(usize),
    Failure(usize),
    Nothing,
}

fn rows(events: &[Event], lanes: &Lanes, dialect: &str) -> Vec<Row> {
    let mut live = lanes.nobody();
    let mut rows = Vec::new();
    let mut rest = events;
    while let Some(event) = rest.first() {
        let chunks = chunks_together(rest, dialect);
        let before = live.clone();
        change(&mut live, lanes, &event.kind);
        // Who leaves is still drawn in the row that says so.
        let drawn: Vec<bool> = before
            .iter()
            .zip(&live)
            .map(|(was, is)| *was || *is)
            .collect();
        for (at, shape, words, ink) in told(&rest[..chunks], lanes, dialect) {
            let live = drawn.clone();
            rows.push(Row {
                at,
                shape,
                words,
                live,
                ink,
            });
        }
        rest = &rest[chunks..];
    }
    rows
}

/// How many of the first events are chunks of one stream that belong together.
fn chunks_together(events: &[Event], dialect: &str) -> usize {
    let belongs = |pair: &[Event]| match (&pair[0].kind, &pair[1].kind) {
        (EventKind::Received { actor, bytes }, EventKind::Received { actor: next, .. }) => {
            actor == next && (bytes.ends_with(b"\n") || dialect == "line")
        }
        (EventKind::Printed { .. }, EventKind::Printed { .. }) => true,
        _ => false,
    };
    1 + events.windows(2).take_while(|pair| belongs(pair)).count()
}

/// Who has a lifeline from this event on.
fn change(live: &mut [bool], lanes: &Lanes, kind: &EventKind) {
    match kind {
        EventKind::Started { .. } => {
            live[lanes.subject] = true;
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
        EventKind::Ended { .. } => live[lanes.subject] = false,
        EventKind::Typed { .. }
        | EventKind::Printed { .. }
        | EventKind::Signalled { .. }
        | EventKind::Note { .. } => {}
    }
}

type Told = (f64, Shape, String, Option<Ink>);

/// What happened, in rows: words in brackets are ours, all others went over the wire.
fn told(events: &[Event], lanes: &Lanes, dialect: &str) -> Vec<Told> {
    let at = events[0].at;
    let subject = lanes.subject;
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
            Shape::Mark(subject),
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
            vec![(at, to_subject(actor), line_sent(bytes, dialect), None)]
        }
        EventKind::Received { actor, .. } => {
            let shape = from_subject(actor);
            let lines = lines(events, dialect);
            lines
                .into_iter()
                .map(|(at, words)| (at, shape, words, None))
                .collect()
        }
        EventKind::Closed {
            actor,
            by_subject,
            reset,
        } => {
            let shape = if *by_subject {
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
            let words = format!("(types \"{}\")", visible(bytes));
            vec![(at, to_subject("user"), words, None)]
        }
        EventKind::Printed { .. } => {
            let to = lanes.reader();
            let shape = to.map_or(Shape::Mark(subject), |to| Shape::Arrow {
                from: subject,
                to,
            });
            printed(events, shape)
        }
        EventKind::Signalled { signal } => {
            let words = format!("({})", harmless(signal));
            vec![(at, Shape::Mark(subject), words, Some(Ink::Uncertain))]
        }
        EventKind::Ended { how } => {
            let words = format!("(ends: {})", harmless(how));
            vec![(at, Shape::Mark(subject), words, Some(Ink::Uncertain))]
        }
        EventKind::Note { text } => remark(Shape::Nothing, &harmless(text)),
    }
}

/// In lines the end of the line goes without saying; where it is missing, that is said.
fn line_sent(bytes: &[u8], dialect: &str) -> String {
    let shown = visible(bytes);
    match shown.strip_suffix("\\n") {
        Some(line) if dialect == "line" && !line.contains("\\n") => line.to_string(),
        None if dialect == "line" => shown + " (no line end)",
        _ => shown,
    }
}

/// The lines that chunks make together, each with the time at which it began to come.
fn lines(events: &[Event], dialect: &str) -> Vec<(f64, String)> {
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
    let shown: Vec<_> = lines
        .iter()
        .map(|(at, line)| (*at, line_sent(line, dialect)))
        .collect();
    shorten(shown)
}

/// What the subject printed, line by line; empty lines are left out.
fn printed(events: &[Event], shape: Shape) -> Vec<Told> {
    let told = lines(events, "").into_iter().filter_map(|(at, line)| {
        let line = line.trim_end_matches("\\n").trim_end_matches("\\r");
        let words = format!("(prints \"{line}\")");
        (!line.is_empty()).then_some((at, shape, words, Some(Ink::Quiet)))
    });
    told.collect()
}

/// The first of many lines, and the last.
fn shorten(mut lines: Vec<(f64, String)>) -> Vec<(f64, String)> {
    if lines.len() > LINES_IN_A_ROW + 1 {
        let hidden = lines.len() - LINES_IN_A_ROW;
        let last = lines.pop();
        lines.truncate(LINES_IN_A_ROW - 1);
        let at = lines.last().map_or(0.0, |(at, _)| *at);
        lines.push((at, format!("(and {hidden} more lines)")));
        lines.extend(last);
    }
    lines
}

/// Three hundred connections opened in a row are one row.
fn repeated_once(rows: Vec<Row>) -> Vec<Row> {
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

/// Where lifelines and words stand.
struct Canvas<'a> {
    lanes: &'a Lanes,
    style: Style,
    /// Columns of each lane.
    lane: Vec<usize>,
    /// Columns of the words at the right.
    words: usize,
}

impl<'a> Canvas<'a> {
    /// Lanes as wide as their names, narrower only where the words would have no room.
    fn new(lanes: &'a Lanes, style: Style) -> Self {
        let lane_widths = |most: usize| -> Vec<usize> {
            lanes
                .names
                .iter()
                .map(|name| width(name).clamp(3, most) + 2)
                .collect()
        };
        let room = style.width.saturating_sub(TIME + 2 + WORDS);
        let fits = |most: &usize| lane_widths(*most).iter().sum::<usize>() <= room;
        let lane = lane_widths((3..=12).rev().find(fits).unwrap_or(3));
        let used = TIME + 2 + lane.iter().sum::<usize>();
        let words = style.width.saturating_sub(used).max(20);
        Canvas {
            lanes,
            style,
            lane,
            words,
        }
    }

    fn heading(&self) -> String {
        let names = self.lanes.names.iter().zip(&self.lane);
        let names: String = names
            .map(|(name, lane)| self.centred(name, *lane))
            .collect();
        let heading = format!("{:>TIME$}  {}", "time", names.trim_end());
        self.style.ink(Ink::Heading, &heading) + "\n"
    }

    fn centred(&self, name: &str, lane: usize) -> String {
        let name = cut(name, lane - 2);
        let before = (lane - 1 - width(&name)) / 2;
        pad(&format!("{}{name}", " ".repeat(before)), lane)
    }

    fn blank(&self) -> String {
        " ".repeat(self.lane.iter().sum())
    }

    /// The column of a lifeline.
    fn column(&self, lane: usize) -> usize {
        self.lane[..lane].iter().sum::<usize>() + (self.lane[lane] - 2) / 2
    }

    fn drawing(&self, live: &[bool], shape: Shape) -> String {
        let mut cells: Vec<char> = self.blank().chars().collect();
        for (lane, live) in live.iter().enumerate() {
            if *live {
                cells[self.column(lane)] = '│';
            }
        }
        match shape {
            Shape::Arrow { from, to } => self.draw_arrow(&mut cells, from, to),
            Shape::Mark(lane) => cells[self.column(lane)] = '●',
            Shape::Failure(lane) => cells[self.column(lane)] = '✗',
            Shape::Nothing => {}
        }
        cells.into_iter().collect()
    }

    fn draw_arrow(&self, cells: &mut [char], from: usize, to: usize) {
        let (start, end) = (self.column(from), self.column(to));
        let rightwards = start < end;
        for cell in &mut cells[start.min(end) + 1..start.max(end)] {
            *cell = if *cell == '│' { '┼' } else { '─' };
        }
        cells[start] = if rightwards { '├' } else { '┤' };
        cells[end] = '│';
        match rightwards {
            true => cells[end - 1] = '>',
            false => cells[end + 1] = '<',
        }
    }

    /// What went over the wire is cut to one line, remarks have some more.
    fn event(&self, row: &Row) -> String {
        let lines = match row.ink {
            Some(_) => self.few_lines(&row.words),
            None => vec![row.words.clone()],
        };
        let mut shown = String::new();
        for (index, line) in lines.iter().enumerate() {
            let first = index == 0;
            let shape = if first { row.shape } else { Shape::Nothing };
            let drawing = self.drawing(&row.live, shape);
            shown.push_str(&self.row(first.then_some(row.at), &drawing, line, row.ink));
        }
        shown
    }

    fn few_lines(&self, words: &str) -> Vec<String> {
        let mut lines = wrap(words, self.words);
        if lines.len() > REMARK_LINES {
            let rest = lines.split_off(REMARK_LINES - 1).join(" ");
            lines.push(cut(&rest, self.words));
        }
        lines
    }

    fn row(&self, at: Option<f64>, drawing: &str, words: &str, ink: Option<Ink>) -> String {
        let time = at.map_or(String::new(), |at| format!("{at:.3} s"));
        let time = self.style.ink(Ink::Quiet, &format!("{time:>TIME$}"));
        let words = cut(words, self.words);
        let words = ink.map_or(words.clone(), |ink| self.style.ink(ink, &words));
        let mut shown = String::new();
        let _ = write!(shown, "{time}  {drawing}{words}");
        shown.trim_end().to_string() + "\n"
    }
}
