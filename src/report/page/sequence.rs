//! A conversation as a sequence diagram: who takes part stands at the top, time goes down.
//!
//! Widths are reckoned in characters of a monospaced font, so that labels never meet: lifelines are moved
//! apart until each label has room on its arrow.

use maud::{Markup, html};

use crate::report::diagram::{Conversation, Row, Shape};
use crate::report::text::{cut, width, wrap};

/// Pixels of one column of text, rounded up.
const COLUMN: usize = 8;
/// Pixels from one line of text to the next.
const LINE: usize = 17;
/// Pixels for the time at the left.
const TIME: usize = 68;
/// Pixels for the names at the top.
const HEAD: usize = 40;
/// Columns of a label on an arrow, and of the lines of a note.
const LABEL: usize = 40;
const NOTE: usize = 44;
const OUTPUT: usize = 72;
/// Lines of a note.
const LINES: usize = 3;

/// Where everything stands.
struct Layout {
    /// The middle of each lifeline.
    lanes: Vec<usize>,
    width: usize,
    height: usize,
    /// The upper edge of each row, the failing moment's last.
    rows: Vec<usize>,
}

/// The diagram with the same in words below it. `name` is what it is of, `id` is its anchor.
pub(super) fn figure(
    conversation: &Conversation,
    failing_line: Option<&str>,
    name: &str,
    id: &str,
) -> Markup {
    html! {
        figure class="sequence" {
            div class="scroll" tabindex="0" role="region" aria-label={ "Sequence diagram: " (name) } {
                (drawing(conversation, failing_line, name, id))
            }
            figcaption {
                details class="in-words" {
                    summary { "The same conversation in words" }
                    (in_words(conversation, failing_line))
                }
            }
        }
    }
}

fn in_words(conversation: &Conversation, failing_line: Option<&str>) -> Markup {
    let name = |lane: usize| {
        conversation
            .lanes
            .names
            .get(lane)
            .map_or("", String::as_str)
    };
    let who = |shape: Shape| match shape {
        Shape::Arrow { from, to } if from != to => format!("{} → {}: ", name(from), name(to)),
        Shape::Arrow { to: lane, .. } | Shape::Mark(lane) | Shape::Failure(lane) => {
            format!("{}: ", name(lane))
        }
        Shape::Nothing => String::new(),
    };
    let failing = failing_row(conversation, failing_line);
    html! {
        ol class="conversation" {
            @if conversation.left_out > 0 { li { "(" (conversation.left_out) " earlier left out)" } }
            @for (at, row) in conversation.rows.iter().enumerate() {
                li class=[(Some(at) == failing).then_some("failing")] {
                    span class="time" { (time(row.at)) } " " (who(row.shape))
                    code { (row.words) }
                    @if !row.output.is_empty() { pre { (row.output.join("\n")) } }
                }
            }
            li class="failing" { (who(Shape::Failure(conversation.failure.lane))) (conversation.failure.words) }
        }
    }
}

fn time(at: f64) -> String {
    format!("{at:.3} s")
}

/// The arrow that brought what was not expected: the last of this line to who did not expect it.
fn failing_row(conversation: &Conversation, failing_line: Option<&str>) -> Option<usize> {
    let line = failing_line?;
    let way = Shape::Arrow {
        from: conversation.lanes.subject,
        to: conversation.failure.lane,
    };
    conversation.rows.iter().rposition(|row| {
        let words = row.words.trim_end_matches(" (no line end)");
        // In another dialect a header may stand in front.
        let is_line = words == line || !line.is_empty() && words.ends_with(line);
        row.shape == way && is_line
    })
}

fn drawing(
    conversation: &Conversation,
    failing_line: Option<&str>,
    name: &str,
    id: &str,
) -> Markup {
    let layout = Layout::of(conversation);
    let failing = failing_row(conversation, failing_line);
    let (wide, high) = (layout.width, layout.height);
    let title = format!("{id}-title");
    let description = format!("{id}-description");
    html! {
        svg role="img" xmlns="http://www.w3.org/2000/svg" width=(wide) height=(high)
            viewBox={ "0 0 " (wide) " " (high) }
            aria-labelledby={ (title) " " (description) } {
            title id=(title) { "Conversation of " (name) }
            desc id=(description) {
                (conversation.lanes.names.join(", ")) " in " (conversation.rows.len()) " steps. It ends so: " (conversation.failure.words)
                ". The same in words follows."
            }
            (lifelines(conversation, &layout))
            @if conversation.left_out > 0 {
                text class="aside" x=(layout.lanes[0]) y=(HEAD + LINE) { "(" (conversation.left_out) " earlier left out)" }
            }
            @for ((at, row), y) in conversation.rows.iter().enumerate().zip(&layout.rows) {
                (event(row, *y, &layout, conversation.lanes.subject, Some(at) == failing))
            }
            (failing_moment(conversation, &layout))
        }
    }
}

impl Layout {
    fn of(conversation: &Conversation) -> Layout {
        let lanes = lanes(conversation);
        let mut y = HEAD + 8 + if conversation.left_out > 0 { LINE } else { 0 };
        let mut rows = Vec::new();
        for row in &conversation.rows {
            rows.push(y);
            y += height(row);
        }
        rows.push(y);
        y += lines(&conversation.failure.words).len() * LINE + 20;
        let ends = conversation
            .rows
            .iter()
            .map(|row| right_end(row, &lanes, conversation.lanes.subject));
        let names = lanes
            .iter()
            .zip(&conversation.lanes.names)
            .map(|(x, name)| x + width(&head(name)) * COLUMN / 2 + 14);
        let failure = note_end(
            lanes[conversation.failure.lane],
            &lines(&conversation.failure.words),
        ) + COLUMN;
        Layout {
            width: ends.chain(names).max().unwrap_or(0).max(failure) + 4,
            lanes,
            height: y + 4,
            rows,
        }
    }
}

/// The middles of the lifelines: as near to each other as names and labels let them be.
fn lanes(conversation: &Conversation) -> Vec<usize> {
    let half = |name: &String| width(&head(name)) * COLUMN / 2;
    let names = &conversation.lanes.names;
    let mut gaps: Vec<usize> = names
        .windows(2)
        .map(|pair| (half(&pair[0]) + half(&pair[1]) + 36).max(96))
        .collect();
    let mut needs: Vec<(usize, usize, usize)> = Vec::new();
    for row in &conversation.rows {
        if let Shape::Arrow { from, to } = row.shape {
            let room = width(&label(&row.words)) * COLUMN + 44;
            needs.push((from.min(to), from.max(to), room));
        }
    }
    // Short arrows first: what they move apart the long ones need not.
    needs.sort_by_key(|(left, right, _)| right - left);
    for (left, right, room) in needs.into_iter().filter(|(left, right, _)| left < right) {
        let there: usize = gaps[left..right].iter().sum();
        let each = room.saturating_sub(there).div_ceil(right - left);
        for gap in &mut gaps[left..right] {
            *gap += each;
        }
    }
    let first = TIME + 16 + names.first().map_or(0, half);
    let mut lanes = vec![first];
    for gap in gaps {
        lanes.push(lanes.last().unwrap_or(&first) + gap);
    }
    lanes
}

fn head(name: &str) -> String {
    cut(name, 20)
}

fn label(words: &str) -> String {
    cut(words, LABEL)
}

/// The words of a note, a few lines of them.
fn lines(words: &str) -> Vec<String> {
    let mut lines = wrap(words, NOTE);
    if lines.len() > LINES {
        let rest = lines.split_off(LINES - 1).join(" ");
        lines.push(cut(&rest, NOTE));
    }
    lines
}

fn height(row: &Row) -> usize {
    let output = match row.output.len() {
        0 => 0,
        lines => lines * LINE + 16,
    };
    height_of_words(row) + output
}

fn height_of_words(row: &Row) -> usize {
    match row.shape {
        Shape::Arrow { from, to } if from != to => 38,
        _ => lines(&row.words).len() * LINE + 14,
    }
}

fn note_end(lane: usize, lines: &[String]) -> usize {
    let columns = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    lane + 14 + columns * COLUMN + 16
}

fn right_end(row: &Row, lanes: &[usize], subject: usize) -> usize {
    let own = match row.shape {
        Shape::Arrow { from, to } if from != to => 0,
        Shape::Arrow { to: lane, .. } | Shape::Mark(lane) | Shape::Failure(lane) => {
            note_end(lanes[lane], &lines(&row.words))
        }
        Shape::Nothing => note_end(lanes[0], &lines(&row.words)),
    };
    let output: Vec<String> = row.output.iter().map(|line| cut(line, OUTPUT)).collect();
    if output.is_empty() {
        own
    } else {
        own.max(note_end(lanes[subject], &output))
    }
}

/// The heads, a thin line down from each, and a strong one while somebody is there.
fn lifelines(conversation: &Conversation, layout: &Layout) -> Markup {
    let live = conversation.rows.iter().map(|row| &row.live);
    let live: Vec<&Vec<bool>> = live.chain([&conversation.failure.live]).collect();
    html! {
        @for (lane, x) in layout.lanes.iter().enumerate() {
            @let name = &conversation.lanes.names[lane];
            @let half = width(&head(name)) * COLUMN / 2 + 10;
            line class="lifeline" x1=(x) x2=(x) y1=(HEAD - 8) y2=(layout.height) {}
            @for (from, to) in stretches(&live, lane) {
                line class="lifeline live" x1=(x) x2=(x) y1=(layout.rows[from])
                    y2=(layout.rows.get(to).copied().unwrap_or(layout.height)) {}
            }
            rect class=(if lane == conversation.lanes.subject { "head subject" } else { "head" })
                x=(x - half) y="4" width=(2 * half) height="26" rx="4" {}
            text class="name" x=(x) y="22" text-anchor="middle" {
                @if head(name) != *name { title { (name) } }
                (head(name))
            }
        }
    }
}

/// The rows, first and behind the last, through which somebody is there.
fn stretches(live: &[&Vec<bool>], lane: usize) -> Vec<(usize, usize)> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for (row, live) in live.iter().enumerate() {
        if !live.get(lane).copied().unwrap_or(false) {
            continue;
        }
        match stretches.last_mut() {
            Some((_, end)) if *end == row => *end = row + 1,
            _ => stretches.push((row, row + 1)),
        }
    }
    stretches
}

fn event(row: &Row, y: usize, layout: &Layout, subject: usize, is_failing: bool) -> Markup {
    html! {
        g class=(if is_failing { "event failing" } else { "event" }) {
            text class="time" x=(TIME) y=(y + if matches!(row.shape, Shape::Arrow { .. }) { 29 } else { 16 })
                text-anchor="end" { (time(row.at)) }
            @match row.shape {
                Shape::Arrow { from, to } if from != to => {
                    (arrow(&row.words, layout.lanes[from], layout.lanes[to], y, is_failing))
                }
                Shape::Arrow { to: lane, .. } | Shape::Mark(lane) | Shape::Failure(lane) => {
                    circle class="mark" cx=(layout.lanes[lane]) cy=(y + 12) r="4" {}
                    (note(&row.words, layout.lanes[lane], y, "note"))
                }
                Shape::Nothing => (note(&row.words, layout.lanes[0], y, "note aside")),
            }
            @if !row.output.is_empty() {
                (output(&row.output, layout.lanes[subject], y + height_of_words(row)))
            }
        }
    }
}

/// An arrow with its label above it.
fn arrow(words: &str, from: usize, to: usize, y: usize, is_failing: bool) -> Markup {
    let y_of_line = y + 25;
    let (tip, middle) = (to as i64, (from + to) / 2);
    // The tip stands a little before the lifeline.
    let back: i64 = if from < to { -1 } else { 1 };
    let point =
        |along: i64, across: i64| format!("{},{}", tip + back * along, y_of_line as i64 + across);
    let label = label(words);
    html! {
        line class="arrow" x1=(from) x2=(tip + back * 8) y1=(y_of_line) y2=(y_of_line) {}
        polygon class="tip" points={ (point(1, 0)) " " (point(10, -5)) " " (point(10, 5)) } {}
        text class="label" x=(middle) y=(y + 17) text-anchor="middle" {
            @if label != words { title { (words) } }
            @if is_failing { "✗ " }
            (label)
        }
    }
}

/// Words in a box at the right of a lifeline.
fn note(words: &str, lane: usize, y: usize, class: &str) -> Markup {
    let lines = lines(words);
    let wide = note_end(lane, &lines) - lane - 14;
    let is_cut = lines.join(" ").len() < words.len();
    html! {
        g class=(class) {
            rect x=(lane + 12) y=(y + 1) width=(wide) height=(lines.len() * LINE + 5) rx="3" {}
            text {
                @if is_cut { title { (words) } }
                @for (at, line) in lines.iter().enumerate() {
                    tspan x=(lane + 20) y=(y + 16 + at * LINE) { (line) }
                }
            }
        }
    }
}

/// What was printed, as it was.
fn output(lines: &[String], lane: usize, y: usize) -> Markup {
    let cut_lines: Vec<String> = lines.iter().map(|line| cut(line, OUTPUT)).collect();
    let wide = note_end(lane, &cut_lines) - lane - 14;
    html! {
        g class="note output" {
            rect x=(lane + 12) y=(y) width=(wide) height=(lines.len() * LINE + 6) rx="3" {}
            @for (at, line) in lines.iter().enumerate() {
                text x=(lane + 20) y=(y + 15 + at * LINE) {
                    @if cut_lines[at] != *line { title { (line) } }
                    (cut_lines[at])
                }
            }
        }
    }
}

/// A cross in a ring on the lifeline, and what is wrong beside it.
fn failing_moment(conversation: &Conversation, layout: &Layout) -> Markup {
    let x = layout.lanes[conversation.failure.lane];
    let y = layout.rows.last().copied().unwrap_or(HEAD);
    let (left, right, top, bottom) = (x - 4, x + 4, y + 9, y + 17);
    html! {
        g class="event failing moment" {
            circle class="ring" cx=(x) cy=(y + 13) r="9" {}
            line class="cross" x1=(left) y1=(top) x2=(right) y2=(bottom) {}
            line class="cross" x1=(left) y1=(bottom) x2=(right) y2=(top) {}
            (note(&conversation.failure.words, x, y + 1, "note"))
        }
    }
}
