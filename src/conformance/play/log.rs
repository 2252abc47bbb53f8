//! The event log as it grows during a replay: bounded, so that a flood does not fill the memory.

use std::time::Instant;

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
}

impl Log {
    pub(super) fn new() -> Log {
        Log {
            begun: Instant::now(),
            step: None,
            events: Vec::new(),
            kept: 0,
            is_full: false,
        }
    }

    /// What follows belongs to this step.
    pub(super) fn enter(&mut self, step: usize) {
        self.step = Some(step);
    }

    pub(super) fn record(&mut self, mut kind: EventKind) {
        let mut cut = 0;
        if let Some(bytes) = bytes_of(&mut kind) {
            let whole = bytes.len();
            bytes.truncate(KEPT_OF_ONE.min(KEPT_OF_ALL.saturating_sub(self.kept)));
            self.kept += bytes.len();
            cut = whole - bytes.len();
            if bytes.is_empty() && cut > 0 {
                if !self.is_full {
                    self.is_full = true;
                    self.note("from here on there is too much to keep: only the rest is logged");
                }
                return;
            }
        }
        self.push(kind);
        if cut > 0 {
            self.note(format!("and {cut} bytes more"));
        }
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        let mut text = text.into();
        // A program can have a note taken of each of its lines.
        if self.kept + text.len() > KEPT_OF_ALL && text.len() > KEPT_OF_NOTE {
            let shown = (0..=KEPT_OF_NOTE)
                .rev()
                .find(|end| text.is_char_boundary(*end));
            text.truncate(shown.unwrap_or_default());
            text.push_str("...");
        } else {
            self.kept += text.len();
        }
        self.push(EventKind::Note { text });
    }

    fn push(&mut self, kind: EventKind) {
        if self.is_full() {
            return;
        }
        self.events.push(Event {
            at: self.begun.elapsed().as_secs_f64(),
            step: self.step,
            kind,
        });
    }

    /// Whether it takes no more.
    pub(super) fn is_full(&self) -> bool {
        self.events.len() >= MOST_EVENTS
    }

    /// How many events there are.
    pub(super) fn length(&self) -> usize {
        self.events.len()
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

    #[test]
    fn notes_count_too_and_short_ones_are_always_kept() {
        let mut log = Log::new();
        for _ in 0..MOST_EVENTS - 1 {
            log.note("\u{e9}".repeat(2_000));
        }
        log.note("short");
        let (events, _) = log.finish();
        let length = |event: &Event| match &event.kind {
            EventKind::Note { text } => text.len(),
            kind => panic!("{kind:?}"),
        };
        let all: usize = events.iter().map(length).sum();
        assert!(
            all < KEPT_OF_ALL + MOST_EVENTS * (KEPT_OF_NOTE + 3),
            "{all}"
        );
        assert_eq!(events.last().map(length), Some("short".len()));
    }
}
