//! The rules: who is registered, and what follows from each line. Pure: events in, actions out.

use crate::protocol::{Line, Message, Name, Status};
use std::collections::HashSet;
use std::fmt;

/// A connection; the number may be used again when the connection has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub usize);

/// The registration list.
#[derive(Debug, Default)]
pub struct Room {
    /// By the numbers of their connections.
    members: Vec<Option<Name>>,
    names: HashSet<Name>,
}

/// What is to be done about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'l> {
    /// The sender is registered from now on: answer [`Status::SUCCESSFUL`] (S-REG-1).
    Welcome(Name),
    /// Answer with this status, then close the connection and hear no more of it (S-REG-7).
    Refuse(Status<'static>),
    /// Send this line to every other member (S-MSG-1, S-MSG-2).
    Relay(&'l str),
    /// The sender said goodbye, and is no member any more: close the connection without an answer
    /// (S-DISC-1 to S-DISC-4).
    Release(Name),
    /// Do nothing; the sender, a member still, is told nothing either.
    Ignore(Ignored),
}

/// Why a member's line is not relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// It is a message or a DISCONNECT in the name of somebody else (S-HARD-1, S-HARD-2).
    AnothersName,
    /// It is a registration, and the sender is registered.
    SecondRegistration,
    /// It is nothing that a client says.
    Unknown,
    /// It is longer than a line may be (S-HARD-3).
    TooLong,
    /// It is not UTF-8 (S-HARD-5).
    NotUtf8,
}

impl Room {
    /// Takes one line from a connection that was neither refused nor released.
    pub fn hear<'l>(&mut self, from: ConnectionId, line: Line<'l>) -> Action<'l> {
        match self.name(from) {
            Some(name) => {
                let action = heed(name, line);
                if let Action::Release(_) = action {
                    self.leave(from);
                }
                action
            }
            None => self.register(from, line),
        }
    }

    /// The connection has ended, however it ended: its name is free (S-DISC-5, S-DISC-7).
    pub fn leave(&mut self, who: ConnectionId) -> Option<Name> {
        let name = self.members.get_mut(who.0)?.take()?;
        self.names.remove(&name);
        Some(name)
    }

    /// All who are registered, by the order of their ids.
    pub fn members(&self) -> impl Iterator<Item = ConnectionId> {
        let members = self.members.iter().enumerate();
        members.filter_map(|(id, name)| name.as_ref().map(|_| ConnectionId(id)))
    }

    /// The name of a member.
    pub fn name(&self, who: ConnectionId) -> Option<&Name> {
        self.members.get(who.0)?.as_ref()
    }

    fn register(&mut self, from: ConnectionId, line: Line<'_>) -> Action<'static> {
        let message = match line {
            Line::Whole(bytes) => std::str::from_utf8(bytes).ok().and_then(Message::parse),
            Line::TooLong => None,
        };
        let Some(Message::Register(name)) = message else {
            return Action::Refuse(Status::INVALID);
        };
        let name = name.to_name();
        if !self.names.insert(name.clone()) {
            return Action::Refuse(Status::ALREADY_REGISTERED);
        }
        if self.members.len() <= from.0 {
            self.members.resize(from.0 + 1, None);
        }
        self.members[from.0] = Some(name.clone());
        Action::Welcome(name)
    }
}

/// What follows from a line of the member of this name.
fn heed<'l>(name: &Name, line: Line<'l>) -> Action<'l> {
    let Line::Whole(bytes) = line else {
        return Action::Ignore(Ignored::TooLong);
    };
    let Ok(line) = std::str::from_utf8(bytes) else {
        return Action::Ignore(Ignored::NotUtf8);
    };
    if name.text_in(line).is_some() {
        return Action::Relay(line);
    }
    match Message::parse(line) {
        Some(Message::Disconnect(leaver)) if leaver == *name => Action::Release(name.clone()),
        Some(Message::Disconnect(_) | Message::Chat { .. }) => {
            Action::Ignore(Ignored::AnothersName)
        }
        Some(Message::Register(_)) => Action::Ignore(Ignored::SecondRegistration),
        Some(Message::Shutdown | Message::Status(_)) | None => Action::Ignore(Ignored::Unknown),
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ignored::AnothersName => "it bears another's name",
            Ignored::SecondRegistration => "already registered",
            Ignored::Unknown => "not a message",
            Ignored::TooLong => "the line is too long",
            Ignored::NotUtf8 => "not UTF-8",
        })
    }
}
