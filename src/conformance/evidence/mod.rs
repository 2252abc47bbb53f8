//! What was seen in one replay of one transcript, with times: all that verdicts and reports know.

pub mod time_limit;

use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// How long the replay took, start and end of the subject included.
    pub seconds: f64,
}

impl Evidence {
    /// Whether the harness could do its part, so that this run says something of the subject.
    pub fn is_conclusive(&self) -> bool {
        !matches!(self.outcome, Outcome::Unable { .. })
    }

    /// Leaves out what was said, printed and noted after so many bytes of it, or after very many pieces, and says so.
    /// Cuts the texts of the outcome where they are very long.
    pub fn shorten(&mut self, most: usize) {
        self.outcome.shorten();
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
                EventKind::Note { text } => {
                    let whole = text.len();
                    truncate(text, left);
                    (whole, text.len())
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
            EventKind::Note { text } => !text.is_empty(),
            _ => true,
        });
        let at = self.events.last().map_or(0.0, |event| event.at);
        let step = self.events.last().and_then(|event| event.step);
        let text =
            format!("{omitted} bytes that were said, printed or noted later are left out here");
        self.events.push(Event {
            at,
            step,
            kind: EventKind::Note { text },
        });
    }
}

/// Something that happened at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the subject was started.
    pub at: f64,
    /// Index of the transcript's step that was under way; `None` before the first.
    pub step: Option<usize>,
    /// What happened.
    pub kind: EventKind,
}

/// The kinds of things that happen. Bytes are shown with [`visible`] before a person sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// The subject was started.
    Started {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// The subject was seen to listen.
    Listening {
        /// At this address.
        address: String,
    },
    /// An actor's connection was opened (server transcripts) or accepted (client transcripts).
    Connected {
        /// Whose.
        actor: String,
    },
    /// An actor sent bytes to the subject.
    Sent {
        /// Who.
        actor: String,
        /// What; long runs are cut, see [`EventKind::Note`] beside.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// An actor got bytes from the subject.
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
        /// Whether the subject ended it, rather than the harness.
        by_subject: bool,
        /// By a reset rather than in an orderly way.
        reset: bool,
    },
    /// The person at the terminal pressed keys.
    Typed {
        /// The bytes of the keys.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// The subject printed on its terminal.
    Printed {
        /// What.
        #[serde(with = "escaped")]
        bytes: Vec<u8>,
    },
    /// The subject was sent a signal.
    Signalled {
        /// Its name, such as `SIGINT`.
        signal: String,
    },
    /// The subject's process is over.
    Ended {
        /// How, such as `exit status 0` or `signal 9`.
        how: String,
    },
    /// Something a reader of the evidence should know.
    Note {
        /// In a sentence.
        text: String,
    },
}

/// How far a conversation got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Every step held.
    Completed,
    /// A step did not hold.
    FellShort(Shortfall),
    /// Not run, or not to its end, because an earlier failure of this row made it pointless.
    Skipped {
        /// Id of the row that is known to fail.
        because_of: String,
    },
    /// It cannot be asked of this subject.
    NotApplicable {
        /// Why.
        reason: String,
    },
    /// The harness could not do its part.
    Unable {
        /// Why.
        reason: String,
    },
}

/// Where a conversation stopped being what the transcript says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Index of the step, counted from 0.
    pub step: usize,
    /// What should have been, as a phrase: "the line `200 ...`".
    pub expected: String,
    /// What was instead, as a phrase: "nothing within 5.0 s".
    pub received: String,
    /// The line that came instead, where it was one.
    pub line: Option<String>,
    /// Requirement that this speaks of; `None` where only the transcript itself can say.
    pub speaks_of: Option<String>,
    /// A plainer requirement that says nothing of who else is there, but without which this one cannot
    /// hold: where it is broken, it is the one to blame.
    #[serde(default)]
    pub rests_on: Option<String>,
}

impl Outcome {
    fn shorten(&mut self) {
        match self {
            Outcome::Completed => {}
            Outcome::FellShort(shortfall) => {
                shorten_text(&mut shortfall.expected);
                shorten_text(&mut shortfall.received);
                shortfall.line.iter_mut().for_each(shorten_text);
            }
            Outcome::Skipped { because_of } => shorten_text(because_of),
            Outcome::NotApplicable { reason } | Outcome::Unable { reason } => shorten_text(reason),
        }
    }
}

/// Cuts a text that is longer than any with an [`excerpt`] in it, and says so.
fn shorten_text(text: &mut String) {
    /// Each byte of an excerpt may need four.
    const LONGEST: usize = 5 * LONGEST_EXCERPT;
    let whole = text.len();
    if whole > LONGEST {
        truncate(text, LONGEST);
        text.push_str(&and_more(whole - text.len()));
    }
}

/// Cuts a text to at most this many bytes.
fn truncate(text: &mut String, most: usize) {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

/// Maximum number of bytes of one line, or of one screen, that a phrase or a note repeats.
const LONGEST_EXCERPT: usize = 4 * 1024;

/// What a program sent or printed, as a phrase repeats it: [`visible`], cut where it is very long.
pub fn excerpt(bytes: &[u8]) -> String {
    if bytes.len() <= LONGEST_EXCERPT {
        return visible(bytes);
    }
    // A character of several bytes is not cut in two.
    let is_inside = |at: usize| bytes[at] & 0b1100_0000 == 0b1000_0000;
    let ends = LONGEST_EXCERPT - 3..=LONGEST_EXCERPT;
    let end = ends.rev().find(|end| !is_inside(*end));
    let (kept, cut) = bytes.split_at(end.unwrap_or(LONGEST_EXCERPT));
    visible(kept) + &and_more(cut.len())
}

fn and_more(bytes: usize) -> String {
    format!("... and {bytes} bytes more")
}

/// Bytes as a person reads them: printable UTF-8 as it is, the rest as escapes of the transcript language.
pub fn visible(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_visible(&mut shown, character);
        }
        for byte in chunk.invalid() {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
    shown
}

/// A name, such as that of a submission, as a person reads it. Beyond [`visible`], spaces that are not plain, or
/// stand at an end, and variation selectors are escaped, so that two names that differ never look alike by them.
pub fn visible_name(name: &str) -> String {
    let last = name.chars().count().saturating_sub(1);
    let mut shown = String::new();
    for (at, character) in name.chars().enumerate() {
        let is_at_an_end = at == 0 || at == last;
        match character {
            ' ' if is_at_an_end => shown.push_str("\\x20"),
            '\u{fe00}'..='\u{fe0f}' | '\u{fffe}' | '\u{ffff}' => push_escape(&mut shown, character),
            ' ' => shown.push(' '),
            character if character.is_whitespace() && !character.is_ascii() => {
                push_escape(&mut shown, character);
            }
            character => push_visible(&mut shown, character),
        }
    }
    shown
}

fn push_escape(shown: &mut String, character: char) {
    shown.push_str(&format!("\\u{{{:x}}}", character as u32));
}

/// A name or a path in a message: [`visible`], and cut where it is long.
pub fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 80;
    let shown = visible(bytes);
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
    }
}

fn push_visible(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\\' => shown.push_str("\\\\"),
        '\0' => shown.push_str("\\0"),
        character if character.is_ascii_control() => {
            shown.push_str(&format!("\\x{:02x}", character as u32));
        }
        character if character.is_control() || is_invisible(character) => {
            push_escape(shown, character);
        }
        character => shown.push(character),
    }
}

/// Characters that would change how the text around them is laid out, or not be seen at all.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Completed => write!(f, "every step held"),
            Outcome::FellShort(shortfall) => {
                write!(
                    f,
                    "expected {}, got {}",
                    shortfall.expected, shortfall.received
                )
            }
            Outcome::Skipped { because_of } => write!(f, "not run, because {because_of} fails"),
            Outcome::NotApplicable { reason } => write!(f, "not applicable: {reason}"),
            Outcome::Unable { reason } => write!(f, "{reason}"),
        }
    }
}

/// Bytes in JSON: one string, reversible, readable where the bytes are.
mod escaped {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(&chunk.valid().replace('\\', "\\\\"));
            for byte in chunk.invalid() {
                text.push_str(&format!("\\x{byte:02x}"));
            }
        }
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(at) = rest.find('\\') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('\\') {
                bytes.push(b'\\');
                rest = after;
            } else {
                let digits = rest.strip_prefix('x').and_then(|hex| hex.get(..2));
                let byte = digits.and_then(|hex| u8::from_str_radix(hex, 16).ok());
                bytes.push(byte.ok_or_else(|| D::Error::custom("a broken escape"))?);
                rest = &rest[3..];
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let EventKind::Note { text } = &evidence.events[2].kind else {
            panic!("{evidence:?}");
        };
        assert!(
            text.starts_with("4 bytes") && evidence.events.len() == 3,
            "{text}"
        );
    }

    #[test]
    fn names_that_differ_never_look_alike_by_what_is_not_seen() {
        let names = [
            "ann",
            "ann ",
            " ann",
            "ann\u{a0}",
            "ann\u{200b}",
            "an\u{202e}n",
            "ann\u{fe0f}",
            "ann\u{e0101}",
            "ann\u{3164}",
            "ann\\u{200b}",
            "ann\\",
            "ann\\\\",
            "a nn",
            "a\u{2003}nn",
        ];
        let shown: Vec<String> = names.iter().map(|name| visible_name(name)).collect();
        let distinct: std::collections::BTreeSet<String> = shown
            .iter()
            .map(|name| name.replace(char::is_whitespace, " ").trim().to_owned())
            .collect();
        assert_eq!(distinct.len(), names.len(), "{shown:?}");
        assert!(shown.iter().all(|name| name.is_ascii()), "{shown:?}");
        assert_eq!(visible_name("Zoë O'Neil 木村"), "Zoë O'Neil 木村");
        assert_eq!(visible_name(" "), "\\x20");
    }

    #[test]
    fn an_excerpt_is_bounded_and_says_what_it_leaves_out() {
        assert_eq!(excerpt(b"a\xffb"), "a\\xffb");
        let longest = vec![b'a'; LONGEST_EXCERPT];
        assert_eq!(excerpt(&longest).len(), LONGEST_EXCERPT);
        let long = excerpt(&vec![b'a'; 1 << 20]);
        let more = (1 << 20) - LONGEST_EXCERPT;
        assert!(long.ends_with(&format!("aaa... and {more} bytes more")));
        assert!(long.len() < LONGEST_EXCERPT + 40);
        let inside = format!("a{}", "\u{e9}".repeat(LONGEST_EXCERPT));
        assert!(!excerpt(inside.as_bytes()).contains("\\x"));
        let invalid = excerpt(&vec![0x80; 1 << 20]);
        assert!(invalid.len() < 5 * LONGEST_EXCERPT, "{}", invalid.len());
    }

    #[test]
    fn texts_of_the_outcome_and_notes_are_shortened_too() {
        let note = |text: String| Event {
            at: 1.0,
            step: None,
            kind: EventKind::Note { text },
        };
        let long = || "\u{e9}".repeat(1 << 20);
        let mut evidence = Evidence {
            events: (0..10).map(|_| note("n".repeat(100))).collect(),
            outcome: Outcome::FellShort(Shortfall {
                step: 0,
                expected: long(),
                received: long(),
                line: Some(long()),
                speaks_of: None,
                rests_on: None,
            }),
            seconds: 1.0,
        };
        evidence.events.push(note(long()));
        evidence.shorten(5_000);
        let size = serde_json::to_vec(&evidence).expect("serialises").len();
        assert!(size < 80_000, "{size}");
        assert_eq!(evidence.events.len(), 12);
        let Outcome::FellShort(shortfall) = &evidence.outcome else {
            panic!("{evidence:?}");
        };
        assert!(shortfall.received.ends_with(" bytes more"));
        let unable = Outcome::Unable { reason: long() };
        evidence.outcome = unable;
        evidence.shorten(5_000);
        let size = serde_json::to_vec(&evidence).expect("serialises").len();
        assert!(size < 40_000, "{size}");
    }

    #[test]
    fn many_small_pieces_are_shortened_too() {
        let printed = Event {
            at: 1.0,
            step: None,
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
        assert!(json.len() < 1 << 20 && json.contains("58000 bytes"));
    }

    #[test]
    fn what_is_visible_has_no_control_characters() {
        let shown = visible(b"a\x1b[2J\xff\n\xc2\x85\xe2\x80\xae");
        assert_eq!(shown, "a\\x1b[2J\\xff\\n\\u{85}\\u{202e}");
    }
}
