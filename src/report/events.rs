//! Events of a run, for the tests of the parts of reports.

use crate::conformance::evidence::{Event, EventKind};
use crate::conformance::suite::Case;
use crate::transcript::parse;

pub(super) fn event(at: f64, step: impl Into<Option<usize>>, kind: EventKind) -> Event {
    Event {
        at,
        step: step.into(),
        of: None,
        kind,
    }
}

pub(super) fn connected(actor: &str) -> EventKind {
    EventKind::Connected {
        actor: actor.to_owned(),
    }
}

pub(super) fn sent(actor: &str, text: &str) -> EventKind {
    EventKind::Sent {
        actor: actor.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

pub(super) fn received(actor: &str, text: &str) -> EventKind {
    EventKind::Received {
        actor: actor.to_owned(),
        bytes: text.as_bytes().to_vec(),
    }
}

pub(super) fn printed(text: &str) -> EventKind {
    EventKind::Printed {
        bytes: text.as_bytes().to_vec(),
    }
}

pub(super) fn started(command: &[&str]) -> EventKind {
    EventKind::Started {
        command: command.iter().map(|part| (*part).to_owned()).collect(),
    }
}

pub(super) fn closed(actor: &str, by_program: bool, reset: bool) -> EventKind {
    EventKind::Closed {
        actor: actor.to_owned(),
        by_program,
        reset,
    }
}

pub(super) fn ended(how: &str) -> EventKind {
    EventKind::Ended {
        how: how.to_owned(),
    }
}

/// A transcript of the suite.
pub(super) fn case(name: &str, source: &str) -> Case {
    Case {
        name: name.to_owned(),
        source: source.to_owned(),
        transcript: parse(name, source).expect("is in the language"),
    }
}
