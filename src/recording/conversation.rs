//! What each actor did: the messages of a recording, with what belongs together put together. Pure.

use super::event::{EventKind, Recording};
use super::messages::{Listener, Speaker, Speech, dialect};
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::play::inbox::known;
use crate::transcript::is_user_name;

/// A part of the conversation, which becomes one line of the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What happened on a client's connection.
    Client {
        /// Number of the connection.
        connection: usize,
        /// What happened.
        deed: Deed,
    },
    /// The server says goodbye to its clients, and has ended later.
    ServerIsInterrupted,
    /// The server's process has ended.
    ServerEnds,
}

/// What happened on a client's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// The client connected, registered this name, and was accepted.
    Joins(String),
    /// The client connected.
    Connects,
    /// The client sent this.
    Says(Speech),
    /// The client received this message.
    Hears(Vec<u8>),
    /// The client received these bytes, and no end of the message.
    HearsUnfinished(Vec<u8>),
    /// The client closed or reset the connection.
    Leaves {
        /// Whether it was a reset.
        reset: bool,
    },
    /// The server closed the connection.
    IsDisconnected,
}

impl Deed {
    /// The name in a registration that the client sends, well formed or not.
    pub fn asked_name(&self) -> Option<&str> {
        match self {
            Deed::Joins(name) => Some(name),
            Deed::Says(Speech::Message(bytes) | Speech::Bytes(bytes)) => {
                let mut words = std::str::from_utf8(bytes).ok()?.split_ascii_whitespace();
                words.next().filter(|verb| *verb == "REGISTER")?;
                words.next()
            }
            _ => None,
        }
    }

    /// The name in a registration that `joins` can stand for.
    fn registered_name(&self) -> Option<&str> {
        let Deed::Says(Speech::Message(message)) = self else {
            return None;
        };
        match Utterance::of(std::str::from_utf8(message).ok()?) {
            Utterance::Register { name } if is_user_name(name) => Some(name),
            _ => None,
        }
    }

    fn is_disconnect(&self) -> bool {
        let Deed::Says(Speech::Message(message)) = self else {
            return false;
        };
        let text = std::str::from_utf8(message).map(Utterance::of);
        matches!(text, Ok(Utterance::Disconnect { .. }))
    }

    fn is_acceptance(&self) -> bool {
        let Deed::Hears(message) = self else {
            return false;
        };
        let text = std::str::from_utf8(message).map(Utterance::of);
        matches!(text, Ok(Utterance::Status { code: "200", .. }))
    }

    fn is_goodbye(&self) -> bool {
        let Deed::Hears(message) = self else {
            return false;
        };
        std::str::from_utf8(message).map(Utterance::of) == Ok(Utterance::Goodbye)
    }

    /// Whether it makes no difference to a registration before or after it.
    fn leaves_registrations_alone(&self) -> bool {
        match self {
            Deed::Joins(_) | Deed::Connects | Deed::Hears(_) | Deed::HearsUnfinished(_) => true,
            Deed::Says(_) => self.registered_name().is_some(),
            Deed::Leaves { .. } | Deed::IsDisconnected => false,
        }
    }
}

/// The parts of a recorded conversation, in order.
pub fn parts(recording: &Recording) -> Vec<Part> {
    let mut deeds = deeds(recording);
    for connection in 0..recording.connections() {
        leave_after_last_message(&mut deeds, connection);
        put_registration_together(&mut deeds, connection);
    }
    // While the server ends, clients only leave.
    let last_act = deeds.iter().rposition(|(_, deed)| {
        matches!(
            deed,
            Deed::Joins(_) | Deed::Connects | Deed::Says(Speech::Message(_))
        ) && !deed.is_disconnect()
    });
    let goodbye = deeds.iter().position(|(_, deed)| deed.is_goodbye());
    let goodbye = goodbye.filter(|goodbye| last_act < Some(*goodbye));
    let parts = deeds.into_iter();
    let mut parts: Vec<Part> = parts
        .map(|(connection, deed)| Part::Client { connection, deed })
        .collect();
    if recording.has_server_ended() {
        if let Some(goodbye) = goodbye {
            parts.insert(goodbye, Part::ServerIsInterrupted);
        }
        parts.push(Part::ServerEnds);
    }
    parts
}

/// What happened on each connection, up to its end.
fn deeds(recording: &Recording) -> Vec<(usize, Deed)> {
    let connections = recording.connections();
    let dialect = dialect(recording);
    let new_speaker = || Speaker::new(dialect.reads);
    let mut speakers: Vec<Speaker> = std::iter::repeat_with(new_speaker)
        .take(connections)
        .collect();
    let speeches = recording.events().iter().map(|event| match &event.kind {
        EventKind::Said(bytes) => speakers[event.connection].read(bytes),
        _ => Vec::new(),
    });
    let speeches: Vec<Vec<Speech>> = speeches.collect();
    let said = known(speeches.iter().flatten().filter_map(|speech| match speech {
        Speech::Message(message) => Some(message.clone()),
        Speech::Bytes(_) => None,
    }));

    let new_listener = || Listener::new(dialect.writes, &said);
    let mut listeners: Vec<Listener> = std::iter::repeat_with(new_listener)
        .take(connections)
        .collect();
    // Who ended a connection: true for the server.
    let mut ends: Vec<Option<bool>> = vec![None; connections];
    let mut deeds = Vec::new();
    for (event, speeches) in recording.events().iter().zip(speeches) {
        let connection = event.connection;
        let listener = &mut listeners[connection];
        let end = &mut ends[connection];
        let new: Vec<Deed> = match &event.kind {
            EventKind::Connected => vec![Deed::Connects],
            EventKind::Said(_) if end.is_none() => speeches.into_iter().map(Deed::Says).collect(),
            // A client can close its side and still read.
            EventKind::Heard(bytes) if *end != Some(true) => {
                listener.read(bytes).into_iter().map(Deed::Hears).collect()
            }
            EventKind::Left { reset } if end.is_none() => {
                *end = Some(false);
                vec![Deed::Leaves { reset: *reset }]
            }
            EventKind::Disconnected if end.is_none() => {
                *end = Some(true);
                let rest = unfinished(listener);
                rest.into_iter().chain([Deed::IsDisconnected]).collect()
            }
            _ => Vec::new(),
        };
        deeds.extend(new.into_iter().map(|deed| (connection, deed)));
    }
    for (connection, listener) in listeners.iter().enumerate() {
        if ends[connection] != Some(true) {
            deeds.extend(unfinished(listener).map(|deed| (connection, deed)));
        }
    }
    deeds
}

fn unfinished(listener: &Listener) -> Option<Deed> {
    let rest = listener.unfinished();
    (!rest.is_empty()).then(|| Deed::HearsUnfinished(rest.to_vec()))
}

/// In a transcript, nobody hears anything after leaving.
fn leave_after_last_message(deeds: &mut [(usize, Deed)], connection: usize) {
    let is_own = |(other, _): &(usize, Deed)| *other == connection;
    let left = deeds
        .iter()
        .position(|each| is_own(each) && matches!(each.1, Deed::Leaves { .. }));
    let heard = deeds
        .iter()
        .rposition(|each| is_own(each) && matches!(each.1, Deed::Hears(_)));
    if let (Some(left), Some(heard)) = (left, heard) {
        if left < heard {
            // The end moves behind the last message; everything between moves one place forward.
            deeds[left..=heard].rotate_left(1);
        }
    }
}

/// Makes one deed of a connection, a registration and its acceptance, if nothing came between them that could make a
/// difference.
fn put_registration_together(deeds: &mut Vec<(usize, Deed)>, connection: usize) {
    let own: Vec<usize> = (0..deeds.len())
        .filter(|at| deeds[*at].0 == connection)
        .take(3)
        .collect();
    let [connects, registers, accepted] = own[..] else {
        return;
    };
    let is_plain = deeds[connects].1 == Deed::Connects
        && deeds[accepted].1.is_acceptance()
        && deeds[connects..accepted]
            .iter()
            .all(|(_, deed)| deed.leaves_registrations_alone());
    if let (true, Some(name)) = (is_plain, deeds[registers].1.registered_name()) {
        deeds[registers].1 = Deed::Joins(name.to_owned());
        deeds.remove(accepted);
        deeds.remove(connects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(events: &[(usize, EventKind)]) -> Vec<Part> {
        let mut recording = Recording::default();
        for (connection, kind) in events {
            recording.note(*connection, kind.clone()).expect("has room");
        }
        parts(&recording)
    }

    fn said(text: &str) -> EventKind {
        EventKind::Said(text.as_bytes().to_vec())
    }

    fn heard(text: &str) -> EventKind {
        EventKind::Heard(text.as_bytes().to_vec())
    }

    fn deeds_of(parts: &[Part]) -> Vec<&Deed> {
        parts
            .iter()
            .filter_map(|part| match part {
                Part::Client { deed, .. } => Some(deed),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn an_accepted_registration_is_one_deed() {
        let parts = recorded(&[
            (0, EventKind::Connected),
            (1, EventKind::Connected),
            (0, said("REGISTER al CHAT/1.0\n")),
            (1, said("REGISTER bo CHAT/1.0\n")),
            (1, heard("200 Fine\n")),
            (0, heard("200 Fine\n")),
        ]);
        assert_eq!(
            deeds_of(&parts),
            [&Deed::Joins("al".to_owned()), &Deed::Joins("bo".to_owned())]
        );
    }

    #[test]
    fn a_registration_is_left_in_parts_where_something_came_between() {
        let registers = |between: &[(usize, EventKind)]| {
            let mut events = vec![
                (0, EventKind::Connected),
                (0, said("REGISTER al CHAT/1.0\n")),
                (0, heard("200 Fine\n")),
                (1, EventKind::Connected),
                (1, said("REGISTER bo CHAT/1.0\n")),
            ];
            events.extend_from_slice(between);
            events.push((1, heard("200 Fine\n")));
            let parts = recorded(&events);
            deeds_of(&parts).contains(&&Deed::Joins("bo".to_owned()))
        };
        assert!(registers(&[]));
        assert!(registers(&[(0, heard("bo has come\n"))]));
        assert!(!registers(&[(0, said("@al: hi\n"))]));
        assert!(!registers(&[(0, EventKind::Left { reset: false })]));
        assert!(!registers(&[(1, heard("hello\n"))]));
        assert!(!registers(&[(1, said("@bo: hi\n"))]));
    }

    #[test]
    fn other_registrations_stay_as_they_were() {
        for (register, answer) in [
            ("REGISTER al CHAT/1.0\n", "401 Taken\n"),
            ("REGISTER al CHAT/1.0\n", "2000\n"),
            ("REGISTER al CHAT/1.0\r\n", "200 Fine\n"),
            ("REGISTER al\n", "200 Fine\n"),
            ("REGISTER a.l CHAT/1.0\n", "200 Fine\n"),
        ] {
            let parts = recorded(&[
                (0, EventKind::Connected),
                (0, said(register)),
                (0, heard(answer)),
            ]);
            assert_eq!(deeds_of(&parts)[0], &Deed::Connects, "{register}");
            assert_eq!(parts.len(), 3);
        }
    }

    #[test]
    fn nothing_follows_the_end_of_a_connection() {
        let gone = EventKind::Left { reset: false };
        let parts = recorded(&[
            (0, EventKind::Connected),
            (0, EventKind::Disconnected),
            (0, said("too late\n")),
            (0, gone.clone()),
        ]);
        assert_eq!(deeds_of(&parts), [&Deed::Connects, &Deed::IsDisconnected]);
        // A client that only closes its side hears more.
        let parts = recorded(&[
            (0, EventKind::Connected),
            (0, said("hello\n")),
            (0, gone),
            (0, heard("400 No\nbye\n")),
            (0, EventKind::Disconnected),
        ]);
        assert_eq!(deeds_of(&parts).len(), 5);
        assert_eq!(
            deeds_of(&parts).last(),
            Some(&&Deed::Leaves { reset: false })
        );
    }

    #[test]
    fn a_server_that_says_goodbye_and_ends_was_interrupted() {
        let mut recording = Recording::default();
        for kind in [
            EventKind::Connected,
            said("REGISTER al CHAT/1.0\n"),
            heard("200 Fine\n"),
            heard("DISCONNECT CHAT/1.0\n"),
            EventKind::Disconnected,
        ] {
            recording.note(0, kind).expect("has room");
        }
        let is_server = |part: &Part| !matches!(part, Part::Client { .. });
        assert_eq!(
            parts(&recording)
                .iter()
                .filter(|part| is_server(part))
                .count(),
            0
        );
        recording.server_ended();
        let parts = parts(&recording);
        assert_eq!(parts[1], Part::ServerIsInterrupted);
        assert_eq!(parts.last(), Some(&Part::ServerEnds));
    }

    #[test]
    fn a_goodbye_in_mid_conversation_is_no_interruption() {
        let mut recording = Recording::default();
        for kind in [
            EventKind::Connected,
            said("REGISTER al CHAT/1.0\n"),
            heard("200 Fine\nDISCONNECT CHAT/1.0\n"),
            said("@al: still here\n"),
            EventKind::Disconnected,
        ] {
            recording.note(0, kind).expect("has room");
        }
        recording.server_ended();
        let parts = parts(&recording);
        assert!(!parts.contains(&Part::ServerIsInterrupted), "{parts:?}");
    }
}
