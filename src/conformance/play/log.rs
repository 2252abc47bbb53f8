//! The event log as it grows during a replay: bounded, so that a flood does not fill the memory.

use std::time::Instant;

use crate::conformance::evidence::shortfall::Note;
use crate::conformance::evidence::{Event, EventKind};

/// Bytes kept of one event, and of all events of a replay.
const KEPT_OF_ONE: usize = 4 * 1024;
const KEPT_OF_ALL: usize = 256 * 1024;
/// Bytes kept of a note once all these are used up.
const KEPT_OF_NOTE: usize = 200;
const MOST_EVENTS: usize = 5_000;

/// Events with their times.
#[derive(Debug)]
pub(super) struct Log {
    begun: Instant,
    step: Option<usize>,
    events: Vec<Event>,
    kept: usize,
    is_full: bool,
    /// How many events there were, those that were not kept included.
    happened: usize,
}

impl Log {
    pub(super) fn new() -> Log {
        Log {
            begun: Instant::now(),
            step: None,
            events: Vec::new(),
            kept: 0,
            is_full: false,
            happened: 0,
        }
    }

    /// What follows belongs to this step.
    pub(super) fn enter(&mut self, step: usize) {
        self.step = Some(step);
    }

    pub(super) fn record(&mut self, kind: EventKind) {
        self.record_of(None, kind);
    }

    /// Records what happened to the program of this one of several people.
    pub(super) fn record_of(&mut self, of: Option<String>, mut kind: EventKind) {
        self.happened += 1;
        let mut cut = 0;
        if let Some(bytes) = bytes_of(&mut kind) {
            let whole = bytes.len();
            bytes.truncate(KEPT_OF_ONE.min(KEPT_OF_ALL.saturating_sub(self.kept)));
            self.kept += bytes.len();
            cut = whole - bytes.len();
            if bytes.is_empty() && cut > 0 {
                if !self.is_full {
                    self.is_full = true;
                    self.note(Note::LogFull);
                }
                return;
            }
        }
        self.push(of, kind);
        if cut > 0 {
            self.note(Note::Cut { bytes: cut });
        }
    }

    pub(super) fn note(&mut self, mut note: Note) {
        // A program can have a note taken of each of its lines.
        if let Note::PassedOver { line, .. } = &mut note {
            if self.kept + line.bytes.len() > KEPT_OF_ALL {
                line.shorten(KEPT_OF_NOTE);
            } else {
                self.kept += line.bytes.len();
            }
        }
        self.push(None, EventKind::Note(note));
    }

    fn push(&mut self, of: Option<String>, kind: EventKind) {
        // How a program ended is always worth knowing.
        if self.is_full() && !matches!(kind, EventKind::Ended { .. }) {
            return;
        }
        self.events.push(Event {
            at: self.begun.elapsed().as_secs_f64(),
            step: self.step,
            of,
            kind,
        });
    }

    /// Whether it takes no more.
    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= MOST_EVENTS
    }

    /// How many events there were, those that were not kept included.
    pub(super) fn happened(&self) -> usize {
        self.happened
    }

    pub(super) fn finish(self) -> (Vec<Event>, f64) {
        (self.events, self.begun.elapsed().as_secs_f64())
    }
}

fn bytes_of(kind: &mut EventKind) -> Option<&mut Vec<u8>> {
    match kind {
        EventKind::Sent { bytes, .. }
        | EventKind::Received { bytes, .. }
        | EventKind::Typed { bytes }
        | EventKind::Printed { bytes } => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::Excerpt;
    use crate::conformance::evidence::shortfall::PassedOver;

    #[test]
    fn lines_in_notes_count_too_and_short_ones_are_always_kept() {
        let mut log = Log::new();
        let passed_over = |length: usize| Note::PassedOver {
            actor: "bob".to_owned(),
            line: Excerpt::of(&vec![b'n'; length]),
            because: PassedOver::Notice,
        };
        for _ in 0..MOST_EVENTS - 1 {
            log.note(passed_over(2_000));
        }
        log.note(passed_over(5));
        let (events, _) = log.finish();
        let length = |event: &Event| match &event.kind {
            EventKind::Note(Note::PassedOver { line, .. }) => line.bytes.len(),
            kind => panic!("{kind:?}"),
        };
        let all: usize = events.iter().map(length).sum();
        assert!(all < KEPT_OF_ALL + MOST_EVENTS * KEPT_OF_NOTE, "{all}");
        assert_eq!(events.last().map(length), Some(5));
    }
}
