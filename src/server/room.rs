//! The rules: who is registered, and what each line does. Pure: lines in, actions out.

use crate::protocol::{Line, Message, Name, Status};
use std::collections::HashSet;
use std::fmt;

/// Identifies a connection. The number may be reused once the connection has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub usize);

/// The registration list.
#[derive(Debug, Default)]
pub struct Room {
    /// Indexed by connection id.
    members: Vec<Option<Name>>,
    names: HashSet<Name>,
}

/// What the server does about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action<'l> {
    /// Register the sender under this name and answer [`Status::SUCCESSFUL`] (S-REG-1).
    Welcome(Name),
    /// Answer with this status, then close the connection and ignore further lines (S-REG-7).
    Refuse(Status<'static>),
    /// Send this line to every other member (S-MSG-1, S-MSG-2).
    Relay(&'l str),
    /// The sender said goodbye and is no longer a member. Close the connection without an answer
    /// (S-DISC-1 to S-DISC-4).
    Release(Name),
    /// Do nothing and answer nothing. The sender stays a member.
    Ignore(Ignored),
}

/// Why the server does not relay a member's line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// It is a message or a DISCONNECT under another user's name (S-HARD-1, S-HARD-2).
    AnothersName,
    /// It is a registration, but the sender is already registered.
    SecondRegistration,
    /// It is not a message that a client sends.
    Unknown,
    /// It exceeds the maximum line length (S-HARD-3).
    TooLong,
    /// It is not UTF-8 (S-HARD-5).
    NotUtf8,
}

impl Room {
    /// Handles a line from a connection that was neither refused nor released.
    pub fn hear<'l>(&mut self, from: ConnectionId, line: Line<'l>) -> Action<'l> {
        match self.name(from) {
            Some(name) => {
                let action = member_action(name, line);
                if let Action::Release(_) = action {
                    self.leave(from);
                }
                action
            }
            None => self.register(from, line),
        }
    }

    /// Removes a connection that has ended, for whatever reason, and frees its name (S-DISC-5,
    /// S-DISC-7).
    pub fn leave(&mut self, who: ConnectionId) -> Option<Name> {
        let name = self.members.get_mut(who.0)?.take()?;
        self.names.remove(&name);
        Some(name)
    }

    /// All members, sorted by id.
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

/// What to do about a line from the member with this name.
fn member_action<'l>(name: &Name, line: Line<'l>) -> Action<'l> {
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
            Ignored::AnothersName => "it uses another user's name",
            Ignored::SecondRegistration => "already registered",
            Ignored::Unknown => "not a message",
            Ignored::TooLong => "the line is too long",
            Ignored::NotUtf8 => "not UTF-8",
        })
    }
}
