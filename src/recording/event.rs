//! What happened between the clients and the server, in order, up to the limits of the transcript language.

use std::fmt;

use crate::transcript::{LONGEST, MAX_ACTORS, MAX_STEPS};

/// Something that happened on the connection of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Number of the connection, in the order in which they were opened, from 0.
    pub connection: usize,
    /// What happened.
    pub kind: EventKind,
}

/// What happened on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// The client connected.
    Connected,
    /// The client sent these bytes; they arrived in one read.
    Said(Vec<u8>),
    /// The server sent these bytes; they arrived in one read.
    Heard(Vec<u8>),
    /// The client closed or reset the connection.
    Left {
        /// Whether it was a reset.
        reset: bool,
    },
    /// The server closed or reset the connection.
    Disconnected,
}

/// The events of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    events: Vec<Event>,
    connections: usize,
    steps: usize,
    /// Bytes that the transcript takes at most.
    size: usize,
    has_server_ended: bool,
}

/// The limit of the transcript language that a recording has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Too many clients.
    Actors,
    /// Too many steps.
    Steps,
    /// Too many bytes.
    Size,
}

/// Bytes that a step takes at most beyond its text: the actor's name, the verb and the line end.
const MAX_STEP_FRAME: usize = 96;
/// Bytes of a transcript that a byte of the conversation takes at most: `\xNN`.
const MAX_ESCAPE: usize = 4;
/// Bytes left for the head, and for steps that do not stand for one event.
const RESERVED: usize = 4096;
/// Steps left for those that do not stand for one event.
const RESERVED_STEPS: usize = 2;

impl Recording {
    /// Adds an event.
    ///
    /// # Errors
    /// The transcript could exceed a limit of the language; the event is not added.
    pub fn note(&mut self, connection: usize, kind: EventKind) -> Result<(), Full> {
        let (steps, size) = match &kind {
            EventKind::Said(bytes) | EventKind::Heard(bytes) => (
                bytes.iter().filter(|byte| **byte == b'\n').count() + 1,
                written_size(bytes),
            ),
            _ => (1, 0),
        };
        let is_new = kind == EventKind::Connected;
        if is_new && self.connections == MAX_ACTORS {
            return Err(Full::Actors);
        }
        if self.steps + steps > MAX_STEPS - RESERVED_STEPS {
            return Err(Full::Steps);
        }
        let size = size + steps * MAX_STEP_FRAME;
        if self.size + size > LONGEST - RESERVED {
            return Err(Full::Size);
        }
        self.connections += usize::from(is_new);
        self.steps += steps;
        self.size += size;
        self.events.push(Event { connection, kind });
        Ok(())
    }

    /// The server's process has ended. Nothing follows.
    pub fn server_ended(&mut self) {
        self.has_server_ended = true;
    }

    /// Whether the server's process has ended.
    pub fn has_server_ended(&self) -> bool {
        self.has_server_ended
    }

    /// The events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Number of connections so far.
    pub fn connections(&self) -> usize {
        self.connections
    }
}

/// Bytes that these bytes take in a transcript, at most.
fn written_size(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    let plain = bytes.iter().filter(|byte| is_plain(byte)).count();
    // A quotation mark or a backslash takes two.
    let doubled = bytes.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
    plain + doubled.count() + (bytes.len() - plain) * MAX_ESCAPE
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Full::Actors => write!(f, "a transcript has at most {MAX_ACTORS} actors"),
            Full::Steps => write!(f, "a transcript has at most {MAX_STEPS} steps"),
            Full::Size => write!(f, "a transcript has at most {} KiB", LONGEST >> 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected() -> Recording {
        let mut recording = Recording::default();
        recording.note(0, EventKind::Connected).expect("has room");
        recording
    }

    #[test]
    fn each_limit_of_the_language_ends_a_recording() {
        let mut recording = Recording::default();
        for connection in 0..MAX_ACTORS {
            recording
                .note(connection, EventKind::Connected)
                .expect("has room");
        }
        let one_more = recording.note(MAX_ACTORS, EventKind::Connected);
        assert_eq!(one_more, Err(Full::Actors));
        assert_eq!(recording.connections(), MAX_ACTORS);

        let mut recording = connected();
        let flood = EventKind::Said(vec![b'\n'; MAX_STEPS]);
        assert_eq!(recording.note(0, flood), Err(Full::Steps));
        let lines = EventKind::Said(b"@a: b\n".to_vec());
        let full = std::iter::repeat_with(|| recording.note(0, lines.clone()))
            .take(MAX_STEPS)
            .find_map(Result::err);
        assert!(matches!(full, Some(Full::Steps | Full::Size)), "{full:?}");

        let mut recording = connected();
        let long = EventKind::Heard(vec![b'x'; LONGEST]);
        assert_eq!(recording.note(0, long), Err(Full::Size));
        let escaped = EventKind::Heard(vec![0xff; LONGEST / 4]);
        assert_eq!(recording.note(0, escaped), Err(Full::Size));
        assert_eq!(recording.events().len(), 1);
    }

    #[test]
    fn a_limit_is_told_with_its_number() {
        assert_eq!(
            Full::Steps.to_string(),
            "a transcript has at most 2000 steps"
        );
        assert_eq!(Full::Size.to_string(), "a transcript has at most 256 KiB");
        assert_eq!(
            Full::Actors.to_string(),
            "a transcript has at most 100 actors"
        );
    }
}
