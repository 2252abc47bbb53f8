//! What was seen in one replay of one transcript, with times: all that verdicts and reports know.

pub mod about;
pub mod shape;
pub mod shortfall;
mod text;
pub mod time_limit;
pub mod topic;
mod words;

use serde::{Deserialize, Serialize};

use shortfall::{Hindrance, Inapplicable, Note, Shortfall};
use text::escaped;
pub use text::{Excerpt, excerpt, shown, visible, visible_name};
use topic::Topic;

/// Maximum number of pieces, each said or printed at one time, that are kept when a run is shortened: a program
/// that floods byte by byte leaves far more text about them than in them, and its evidence has to stay readable.
const MOST_PIECES: usize = 2000;

/// Everything about one replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What happened, in the order seen.
    pub events: Vec<Event>,
    /// How far the conversation got.
    pub outcome: Outcome,
    /// How long the replay took, in seconds, with start and end of the program.
    pub seconds: f64,
}

impl Evidence {
    /// That of a transcript of which no step was performed.
    pub fn without_steps(outcome: Outcome) -> Evidence {
        Evidence {
            events: Vec::new(),
            outcome,
            seconds: 0.0,
        }
    }

    /// Whether the harness could do its part, so that this run says something about the program.
    pub fn is_conclusive(&self) -> bool {
        !matches!(self.outcome, Outcome::Unable { .. })
    }

    /// Leaves out what was said, printed and noted after `most` bytes, or after very many pieces, and notes that.
    pub fn shorten(&mut self, most: usize) {
        let mut left = most;
        let mut pieces = 0;
        let mut omitted = 0;
        for event in &mut self.events {
            pieces += 1;
            if pieces > MOST_PIECES {
                left = 0;
            }
            let (whole, kept) = match &mut event.kind {
                EventKind::Sent { bytes, .. }
                | EventKind::Received { bytes, .. }
                | EventKind::Typed { bytes }
                | EventKind::Printed { bytes } => {
                    let whole = bytes.len();
                    bytes.truncate(left);
                    (whole, bytes.len())
                }
                EventKind::Note(Note::PassedOver { line, .. }) => {
                    let whole = line.bytes.len();
                    line.shorten(left);
                    (whole, line.bytes.len())
                }
                _ => {
                    pieces -= 1;
                    continue;
                }
            };
            omitted += whole - kept;
            left = if kept < whole { 0 } else { left - kept };
        }
        if omitted == 0 {
            return;
        }
        self.events.retain(|event| match &event.kind {
            EventKind::Sent { bytes, .. }
            | EventKind::Received { bytes, .. }
            | EventKind::Typed { bytes }
            | EventKind::Printed { bytes } => !bytes.is_empty(),
            EventKind::Note(Note::PassedOver { line, .. }) => {
                !line.bytes.is_empty() || line.left_out == 0
            }
            _ => true,
        });
        let at = self.events.last().map_or(0.0, |event| event.at);
        let step = self.events.last().and_then(|event| event.step);
        self.events.push(Event {
            at,
            step,
            of: None,
            kind: EventKind::Note(Note::LeftOut { bytes: omitted }),
        });
    }
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the program was started.
    pub at: f64,
    /// Index of the transcript's step that was under way; `None` before the first.
    pub step: Option<usize>,
    /// Whose program it happened to, where several people use one: `server`, or the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of things that happen. Bytes are shown with [`visible`] before a person sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// The program was started.
    Started {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// The program was seen to listen.
    Listening {
        /// At this address.
        address: String,
    },
    /// An actor's connection was opened (server transcripts) or accepted (client transcripts).
    Connected {
        /// Whose.
        actor: String,
    },
    /// An actor sent bytes to the program.
    Sent {
        /// Who.
        actor: String,
        /// What; long runs are cut, see [`EventKind::Note`] beside.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// An actor got bytes from the program.
    Received {
        /// Who.
        actor: String,
        /// What, as it came in one read.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// An actor's connection ended.
    Closed {
        /// Whose.
        actor: String,
        /// Whether the program ended it, rather than the harness.
        by_program: bool,
        /// By a reset rather than in an orderly way.
        reset: bool,
    },
    /// The person at the terminal pressed keys.
    Typed {
        /// The bytes of the keys.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// The program printed on its terminal.
    Printed {
        /// What.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// The program was sent a signal.
    Signalled {
        /// Its name, such as `SIGINT`.
        signal: String,
    },
    /// The program's process is over.
    Ended {
        /// How, such as `exit status 0` or `signal 9`.
        how: String,
    },
    /// Something a reader of the evidence should know.
    Note(Note),
}

/// How far a conversation got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Every step held.
    Completed,
    /// A step did not hold.
    FellShort(Shortfall),
    /// Not run, or not to its end, because earlier runs failed about this topic.
    Skipped {
        /// What does not work.
        because_of: Topic,
    },
    /// It cannot be asked of this program.
    NotApplicable {
        /// Why.
        reason: Inapplicable,
    },
    /// The harness could not do its part.
    Unable {
        /// Why.
        reason: Hindrance,
    },
}

#[cfg(test)]
mod tests {
    use super::shortfall::{Expected, Got, PassedOver};
    use super::*;
    use crate::conformance::conversation::meaning::Meaning;
    use crate::conformance::conversation::room::{Present, Standing};

    #[test]
    fn bytes_survive_json() {
        for bytes in [
            &b"plain \\ text\n"[..],
            b"\xff\xfe\\x41",
            "h\u{e9}llo".as_bytes(),
        ] {
            let event = EventKind::Printed {
                bytes: bytes.to_vec(),
            };
            let json = serde_json::to_string(&event).expect("serialises");
            let back: EventKind = serde_json::from_str(&json).expect("parses");
            assert_eq!(back, event, "{json}");
        }
    }

    #[test]
    fn long_evidence_is_shortened_and_says_so() {
        let printed = |text: &str| Event {
            at: 1.0,
            step: None,
            of: None,
            kind: EventKind::Printed {
                bytes: text.as_bytes().to_vec(),
            },
        };
        let mut evidence = Evidence {
            events: vec![printed("abc"), printed("defg"), printed("hi")],
            outcome: Outcome::Completed,
            seconds: 2.0,
        };
        let whole = evidence.clone();
        evidence.shorten(9);
        assert_eq!(evidence, whole);
        evidence.shorten(5);
        assert_eq!(evidence.events[..2], [printed("abc"), printed("de")]);
        let left_out = EventKind::Note(Note::LeftOut { bytes: 4 });
        assert_eq!(evidence.events[2].kind, left_out);
        assert_eq!(evidence.events.len(), 3);
    }

    #[test]
    fn lines_of_notes_are_shortened_too() {
        let passed_over = || Event {
            at: 1.0,
            step: None,
            of: None,
            kind: EventKind::Note(Note::PassedOver {
                actor: "bob".to_owned(),
                line: Excerpt::of(&[b'n'; 1000]),
                because: PassedOver::Notice,
            }),
        };
        let mut evidence = Evidence {
            events: (0..100).map(|_| passed_over()).collect(),
            outcome: Outcome::Completed,
            seconds: 1.0,
        };
        evidence.shorten(5_500);
        assert_eq!(evidence.events.len(), 7);
        let left_out = EventKind::Note(Note::LeftOut { bytes: 94_500 });
        assert_eq!(evidence.events[6].kind, left_out);
    }

    #[test]
    fn every_outcome_survives_json() {
        let shortfall = Shortfall {
            step: 3,
            expected: Expected::Line {
                line: "401".to_owned(),
                open_ended: true,
            },
            got: Got::Line {
                line: Excerpt::of(b"200 fine \xff"),
                meaning: Meaning::Regular,
                freed: None,
            },
            ended: Some("signal 9".to_owned()),
            present: vec![Present {
                actor: "bob".to_owned(),
                standing: Standing::Asking("bo".to_owned()),
                has_spoken: true,
            }],
            who_ended: None,
            waited_for_enter: false,
        };
        let too_busy = Hindrance::MachineTooBusy {
            longest: 4000,
            instead: Box::new(shortfall.clone()),
        };
        for outcome in [
            Outcome::Completed,
            Outcome::FellShort(shortfall),
            Outcome::Skipped {
                because_of: Topic::Mistake(Meaning::Echo),
            },
            Outcome::NotApplicable {
                reason: Inapplicable::RelaysReads,
            },
            Outcome::Unable { reason: too_busy },
        ] {
            let json = serde_json::to_string(&outcome).expect("serialises");
            let back: Outcome = serde_json::from_str(&json).expect(&json);
            assert_eq!(back, outcome, "{json}");
        }
    }

    #[test]
    fn many_small_pieces_are_shortened_too() {
        let printed = Event {
            at: 1.0,
            step: None,
            of: None,
            kind: EventKind::Printed {
                bytes: b"x".to_vec(),
            },
        };
        let mut evidence = Evidence {
            events: vec![printed; 60_000],
            outcome: Outcome::Completed,
            seconds: 2.0,
        };
        evidence.shorten(64 * 1024);
        assert_eq!(evidence.events.len(), MOST_PIECES + 1);
        let json = serde_json::to_string(&evidence).expect("serialises");
        assert!(json.len() < 1 << 20 && json.contains("58000"));
    }
}
