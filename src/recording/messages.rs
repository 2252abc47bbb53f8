//! Splits what was said on a connection into messages, in the dialect of the conversation.

use super::event::{EventKind, Recording};
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::play::inbox::{Inbox, Known, Memory, Reading, known};
use crate::conformance::program::dialect::{Dialect, Framing};
use crate::conformance::program::profile::Profile;

/// How the clients and the server of a recording mark the end of a message. `reads` is about what the server reads, so
/// about what the clients write.
pub fn dialect(recording: &Recording) -> Dialect {
    let said = first_reads(recording, |kind| match kind {
        EventKind::Said(bytes) => Some(bytes),
        _ => None,
    });
    let heard = first_reads(recording, |kind| match kind {
        EventKind::Heard(bytes) => Some(bytes),
        _ => None,
    });
    Dialect {
        reads: framing(&said),
        writes: framing(&heard),
    }
}

/// What arrived first on each connection, in one direction.
fn first_reads<'r>(
    recording: &'r Recording,
    bytes_of: impl Fn(&'r EventKind) -> Option<&'r Vec<u8>>,
) -> Vec<&'r [u8]> {
    let mut reads: Vec<Option<&[u8]>> = vec![None; recording.connections()];
    for event in recording.events() {
        let bytes = bytes_of(&event.kind).map(Vec::as_slice);
        if let Some(read) = reads.get_mut(event.connection) {
            *read = read.or(bytes);
        }
    }
    reads.into_iter().flatten().collect()
}

/// The framing that the first reads of all connections show. A read without a line end can be the beginning of a line,
/// so it has to be a whole message before it counts.
fn framing(first_reads: &[&[u8]]) -> Framing {
    if first_reads.iter().any(|read| read.contains(&b'\n')) {
        return Framing::Line;
    }
    let is_framed = |wanted: Framing| {
        let mut reads = first_reads.iter();
        reads.any(|read| Framing::shown_by(read) == Some(wanted))
    };
    let is_message = |read: &&[u8]| {
        std::str::from_utf8(read).is_ok_and(|text| Utterance::of(text) != Utterance::Other)
    };
    if is_framed(Framing::Length) {
        Framing::Length
    } else if first_reads.iter().any(is_message) {
        Framing::Bare
    } else {
        Framing::Line
    }
}

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// A whole message, without its end.
    Message(Vec<u8>),
    /// Bytes that are not one whole line.
    Bytes(Vec<u8>),
}

/// Splits what one client sends.
#[derive(Debug)]
pub struct Speaker {
    framing: Framing,
    inbox: Inbox,
    is_in_line: bool,
}

impl Speaker {
    /// A client that writes in this framing.
    pub fn new(framing: Framing) -> Speaker {
        Speaker {
            framing,
            inbox: Inbox::new(
                Reading::of(framing, &Profile::PLAIN),
                known(std::iter::empty()),
                Memory::default(),
            ),
            is_in_line: false,
        }
    }

    /// What the bytes of one read say.
    pub fn read(&mut self, read: &[u8]) -> Vec<Speech> {
        match self.framing {
            Framing::Line | Framing::Crlf => self.lines(read),
            Framing::Bare => messages_of(read),
            Framing::Length => {
                self.inbox.receive(read);
                taken(&mut self.inbox).map(Speech::Message).collect()
            }
        }
    }

    fn lines(&mut self, read: &[u8]) -> Vec<Speech> {
        let pieces = read.split_inclusive(|byte| *byte == b'\n');
        pieces
            .map(|piece| {
                let was_in_line = std::mem::replace(&mut self.is_in_line, !piece.ends_with(b"\n"));
                match piece.strip_suffix(b"\n") {
                    Some(line) if !was_in_line && !line.ends_with(b"\r") => {
                        Speech::Message(line.to_vec())
                    }
                    _ => Speech::Bytes(piece.to_vec()),
                }
            })
            .collect()
    }
}

/// One read is one message. A line end at its end is none of it; one inside separates two.
fn messages_of(read: &[u8]) -> Vec<Speech> {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let length = read.iter().rposition(|byte| !is_end(byte)).map(|at| at + 1);
    let lines = read[..length.unwrap_or(0)].split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.map(|line| Speech::Message(line.to_vec())).collect()
}

/// Splits what the server sends to one client.
#[derive(Debug)]
pub struct Listener {
    inbox: Inbox,
}

impl Listener {
    /// A client of a server that writes in this framing. `said` is what clients said: the server may relay several of
    /// these messages in one read.
    pub fn new(framing: Framing, said: &Known) -> Listener {
        Listener {
            inbox: Inbox::new(
                Reading::of(framing, &Profile::PLAIN),
                said.clone(),
                Memory::default(),
            ),
        }
    }

    /// The messages that are complete with the bytes of this read.
    pub fn read(&mut self, read: &[u8]) -> Vec<Vec<u8>> {
        self.inbox.receive(read);
        self.inbox.pause();
        taken(&mut self.inbox).collect()
    }

    /// What arrived after the last whole message.
    pub fn unfinished(&self) -> &[u8] {
        self.inbox.unfinished()
    }
}

fn taken(inbox: &mut Inbox) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(|| inbox.take_next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(framing: Framing, reads: &[&str]) -> Vec<String> {
        let mut speaker = Speaker::new(framing);
        let speeches = reads.iter().flat_map(|read| speaker.read(read.as_bytes()));
        speeches
            .map(|speech| match speech {
                Speech::Message(message) => String::from_utf8_lossy(&message).into_owned(),
                Speech::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(&bytes)),
            })
            .collect()
    }

    #[test]
    fn whole_lines_are_messages_and_other_bytes_are_not() {
        let lines = |reads: &[&str]| spoken(Framing::Line, reads);
        assert_eq!(lines(&["@a: b\n"]), ["@a: b"]);
        assert_eq!(lines(&["@a: b\n@a: c\n"]), ["@a: b", "@a: c"]);
        assert_eq!(lines(&["@a: b\n@a"]), ["@a: b", "\"@a\""]);
        assert_eq!(
            lines(&["@a: b", "c\n@a: d\n"]),
            ["\"@a: b\"", "\"c\\n\"", "@a: d"]
        );
        assert_eq!(lines(&["\n"]), [""]);
        assert_eq!(lines(&["@a: b\r\n"]), ["\"@a: b\\r\\n\""]);
    }

    #[test]
    fn a_read_is_a_message_where_no_ends_are_marked() {
        let bare = |reads: &[&str]| spoken(Framing::Bare, reads);
        assert_eq!(
            bare(&["REGISTER a CHAT/1.0", "@a: b"]),
            ["REGISTER a CHAT/1.0", "@a: b"]
        );
        assert_eq!(bare(&["@a: b\r\n", "@a: c"]), ["@a: b", "@a: c"]);
        assert_eq!(bare(&["@a: b\n@a: c\n"]), ["@a: b", "@a: c"]);
        assert_eq!(bare(&["\n"]), [""]);
    }

    #[test]
    fn a_length_in_front_ends_a_message() {
        let speech = ["5         @a: b5  ", "       @a: c"];
        assert_eq!(spoken(Framing::Length, &speech), ["@a: b", "@a: c"]);
    }

    #[test]
    fn known_messages_are_found_in_one_read() {
        let said = known(std::iter::once(b"@a: b".to_vec()));
        let mut bare = Listener::new(Framing::Bare, &said);
        let messages = bare.read(b"200 Registration successful@a: b");
        assert_eq!(messages, [&b"200 Registration successful"[..], b"@a: b"]);
        assert_eq!(bare.read(b"@a:"), [b"@a:"]);
        let mut line = Listener::new(Framing::Line, &said);
        assert_eq!(line.read(b"@a: b\r\n@a"), [b"@a: b"]);
        assert_eq!(line.unfinished(), b"@a");
    }

    #[test]
    fn the_first_reads_show_the_framing() {
        let shown = |reads: &[&str]| {
            let reads: Vec<&[u8]> = reads.iter().map(|read| read.as_bytes()).collect();
            framing(&reads)
        };
        assert_eq!(shown(&[]), Framing::Line);
        assert_eq!(shown(&["REGISTER a CHAT/1.0\n"]), Framing::Line);
        assert_eq!(shown(&["REGISTER a CHAT/1.0"]), Framing::Bare);
        assert_eq!(shown(&["REGISTER al"]), Framing::Line);
        assert_eq!(
            shown(&["REGISTER al", "REGISTER b CHAT/1.0\n"]),
            Framing::Line
        );
        assert_eq!(shown(&["hello", "REGISTER b CHAT/1.0"]), Framing::Bare);
        assert_eq!(shown(&["200 Registration successful"]), Framing::Bare);
        assert_eq!(shown(&["19        REGISTER a CHAT/1.0"]), Framing::Length);
    }
}
