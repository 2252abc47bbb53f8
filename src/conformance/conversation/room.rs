//! Who is there, how each actor stands with the program under test, and what was said so far.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::utterance::{Utterance, contains_words};
use crate::transcript::syntax::Role;

/// How an actor stands with the server under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Connected, and has not asked to be registered.
    Unregistered,
    /// Has asked to be registered under this name, and no answer was seen yet.
    Asking(String),
    /// Is registered under this name.
    Registered(String),
    /// Was answered with status 400 or 401.
    Refused,
    /// Has left.
    Departed,
}

/// How a registered user left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Departure {
    /// By `DISCONNECT name CHAT/1.0`.
    Disconnect,
    /// By closing the connection.
    Close,
    /// By resetting the connection.
    Reset,
}

/// An actor who is, or was, connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Present {
    /// The actor.
    pub actor: String,
    /// How the actor stands with the program under test.
    pub standing: Standing,
    /// Whether the actor has said a whole line, on this connection or an earlier one.
    pub has_spoken: bool,
}

/// A whole line that an actor said.
#[derive(Debug, Clone)]
pub(super) struct Saying {
    pub(super) actor: String,
    pub(super) line: String,
    /// How the actor stood before.
    pub(super) standing: Standing,
    /// Index of the step in which it was said.
    pub(super) step: usize,
}

impl Saying {
    /// The part that a relayed form of the line must still contain.
    pub(super) fn substance(&self) -> &str {
        match Utterance::of(&self.line) {
            Utterance::Message { text, .. } => text,
            _ => &self.line,
        }
    }
}

/// The conversation so far: all that decides what the next line means.
#[derive(Debug)]
pub struct Room {
    pub(super) role: Role,
    standings: BTreeMap<String, Standing>,
    /// Those who are registered, or were on the connection that they left.
    known: BTreeSet<String>,
    /// How many lines had been said when an actor last connected.
    connected_after: BTreeMap<String, usize>,
    /// How many lines had been said when an actor asked to be registered: earlier ones are not for it.
    pub(super) came_after: BTreeMap<String, usize>,
    /// How many lines had been said when an actor left: earlier ones may still have been on their way.
    pub(super) left_after: BTreeMap<String, usize>,
    /// How many lines had been said when the program was paused, and when it went on: what is said in between reaches it
    /// at the same time.
    pauses: Vec<Range<usize>>,
    /// Whether the program was asked to end.
    is_asked_to_end: bool,
    /// Names that were given up, and how.
    pub(super) freed: BTreeMap<String, Departure>,
    pub(super) sayings: Vec<Saying>,
    /// What each actor sent of a line that has no end yet.
    begun: BTreeMap<String, Vec<u8>>,
    /// The lines that each actor got and was meant to get.
    pub(super) heard: BTreeMap<String, Vec<String>>,
}

impl Room {
    /// An empty room, for a program of this role.
    pub fn new(role: Role) -> Room {
        Room {
            role,
            standings: BTreeMap::new(),
            known: BTreeSet::new(),
            connected_after: BTreeMap::new(),
            came_after: BTreeMap::new(),
            left_after: BTreeMap::new(),
            pauses: Vec::new(),
            is_asked_to_end: false,
            freed: BTreeMap::new(),
            sayings: Vec::new(),
            begun: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    /// Records that the program is asked to end.
    pub fn asked_to_end(&mut self) {
        self.is_asked_to_end = true;
    }

    /// Whether the program was asked to end.
    pub fn is_asked_to_end(&self) -> bool {
        self.is_asked_to_end
    }

    /// Records that the program is paused.
    pub fn paused(&mut self) {
        self.pauses.push(self.sayings.len()..usize::MAX);
    }

    /// Records that the program goes on.
    pub fn went_on(&mut self) {
        if let Some(pause) = self.pauses.last_mut() {
            pause.end = self.sayings.len();
        }
    }

    /// Whether an actor came or left in the pause in which this line was said: the program may have found either first.
    pub(super) fn is_at_the_same_time(&self, actor: &str, saying: usize) -> bool {
        let mut pauses = self.pauses.iter();
        let Some(pause) = pauses.find(|pause| pause.contains(&saying)) else {
            return false;
        };
        let came = self.came_after.get(actor);
        let left = self.left_after.get(actor);
        came.is_some_and(|moment| pause.contains(moment))
            || left.is_some_and(|moment| (pause.start..=pause.end).contains(moment))
    }

    /// The role of the program under test.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Records that an actor opened a (further) connection.
    pub fn connected(&mut self, actor: &str) {
        self.begun.remove(actor);
        self.known.remove(actor);
        self.connected_after
            .insert(actor.to_owned(), self.sayings.len());
        self.standings
            .insert(actor.to_owned(), Standing::Unregistered);
    }

    /// Records that an actor is registered under `name`.
    pub fn registered(&mut self, actor: &str, name: &str) {
        self.known.insert(actor.to_owned());
        self.standings
            .insert(actor.to_owned(), Standing::Registered(name.to_owned()));
    }

    /// Records that an actor closed or reset its connection.
    pub fn left(&mut self, actor: &str, by_reset: bool) {
        if let Standing::Registered(name) = self.standing(actor) {
            let how = if by_reset {
                Departure::Reset
            } else {
                Departure::Close
            };
            self.freed.insert(name.clone(), how);
        }
        self.left_after.insert(actor.to_owned(), self.sayings.len());
        // Who was refused has no place in the room, whether the connection is there or not.
        if *self.standing(actor) != Standing::Refused {
            self.standings.insert(actor.to_owned(), Standing::Departed);
        }
    }

    /// Records that an actor said a whole line in the given step.
    pub fn said(&mut self, step: usize, actor: &str, line: &str) {
        let before = self.standing(actor).clone();
        if matches!(Utterance::of(line), Utterance::Register { .. }) {
            self.came_after.insert(actor.to_owned(), self.sayings.len());
        }
        let after = match (Utterance::of(line), &before) {
            (Utterance::Register { name }, Standing::Unregistered) => {
                Standing::Asking(name.to_owned())
            }
            (Utterance::Disconnect { name }, Standing::Registered(own)) if name == own => {
                self.freed.insert(name.to_owned(), Departure::Disconnect);
                self.left_after.insert(actor.to_owned(), self.sayings.len());
                Standing::Departed
            }
            _ => before.clone(),
        };
        self.sayings.push(Saying {
            actor: actor.to_owned(),
            line: line.to_owned(),
            standing: before,
            step,
        });
        self.standings.insert(actor.to_owned(), after);
    }

    /// Records that an actor sent bytes in the given step: it said those lines that are complete.
    pub fn sent(&mut self, step: usize, actor: &str, bytes: &[u8]) {
        let begun = self.begun.entry(actor.to_owned()).or_default();
        begun.extend_from_slice(bytes);
        let Some(end) = begun.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let whole: Vec<u8> = begun.drain(..=end).collect();
        for line in String::from_utf8_lossy(&whole).lines() {
            self.said(step, actor, line);
        }
    }

    /// Records that an actor got a line that was meant to come.
    pub fn heard(&mut self, actor: &str, line: &str) {
        let after = match (Utterance::of(line), self.standing(actor)) {
            (Utterance::Status { code: "200", .. }, Standing::Asking(name)) => {
                Some(Standing::Registered(name.clone()))
            }
            (
                Utterance::Status {
                    code: "400" | "401",
                    ..
                },
                _,
            ) => Some(Standing::Refused),
            _ => None,
        };
        if let Some(Standing::Registered(_)) = after {
            self.known.insert(actor.to_owned());
        }
        if let Some(after) = after {
            self.standings.insert(actor.to_owned(), after);
        }
        self.heard
            .entry(actor.to_owned())
            .or_default()
            .push(line.to_owned());
    }

    pub(super) fn standing(&self, actor: &str) -> &Standing {
        self.standings.get(actor).unwrap_or(&Standing::Unregistered)
    }

    /// Whether the actor is registered, by all that was seen.
    pub fn is_registered(&self, actor: &str) -> bool {
        matches!(self.standing(actor), Standing::Registered(_))
    }

    /// Whether the actor was connected when a line was said, and not registered by all that was seen until now.
    pub(super) fn was_stranger(&self, actor: &str, saying: usize) -> bool {
        let is_stranger = match self.standing(actor) {
            Standing::Unregistered => true,
            Standing::Departed => !self.was_registered(actor) && !self.asked_on_connection(actor),
            // What comes before the answer may be history.
            Standing::Asking(_) | Standing::Registered(_) | Standing::Refused => false,
        };
        let connected = self.connected_after.get(actor);
        is_stranger && connected.is_some_and(|moment| *moment <= saying)
    }

    /// Whether the actor asked to be registered on its last connection.
    fn asked_on_connection(&self, actor: &str) -> bool {
        let connected = self.connected_after.get(actor);
        let asked = self.came_after.get(actor);
        asked.is_some_and(|asked| connected.is_none_or(|connected| asked >= connected))
    }

    /// Whether the actor is registered, or was on the connection that it left.
    pub(super) fn was_registered(&self, actor: &str) -> bool {
        self.known.contains(actor)
    }

    /// The name under which an actor is registered.
    pub fn registered_name(&self, actor: &str) -> Option<&str> {
        match self.standing(actor) {
            Standing::Registered(name) => Some(name),
            _ => None,
        }
    }

    /// The name that an actor asked to be registered under, while there is no answer yet.
    pub fn name_asked_for(&self, actor: &str) -> Option<&str> {
        match self.standing(actor) {
            Standing::Asking(name) => Some(name),
            _ => None,
        }
    }

    /// How `name` was given up, where it was registered before.
    pub fn freed(&self, name: &str) -> Option<Departure> {
        self.freed.get(name).copied()
    }

    /// Every actor who is or was connected.
    pub fn present(&self) -> Vec<Present> {
        let has_spoken = |actor: &String| self.sayings.iter().any(|said| said.actor == *actor);
        self.standings
            .iter()
            .map(|(actor, standing)| Present {
                actor: actor.clone(),
                standing: standing.clone(),
                has_spoken: has_spoken(actor),
            })
            .collect()
    }

    /// Whether `line` is about something that was said before the given step.
    pub fn is_of_before(&self, step: usize, line: &str) -> bool {
        self.source_of(line)
            .is_some_and(|(_, saying)| saying.step < step)
    }

    /// The saying that an actor's `line` comes from, and how many were said before it. Where the same was said again after
    /// the actor had left, this may be the earlier one, which was on its way.
    pub(super) fn source_for(&self, actor: &str, line: &str) -> Option<(usize, &Saying)> {
        let has_left = *self.standing(actor) == Standing::Departed;
        let left_after = self.left_after.get(actor).filter(|_| has_left);
        let until_it_left = left_after.map_or(&[][..], |moment| &self.sayings[..*moment]);
        let mut latest_first = until_it_left.iter().enumerate().rev();
        let is_registration = matches!(Utterance::of(line), Utterance::Register { .. });
        latest_first
            .find(|(_, saying)| saying.line == line && !is_registration)
            .or_else(|| self.source_of(line))
    }

    /// The latest saying that is `line` or, if there is none, whose substance is in it; and how many were said before it.
    fn source_of(&self, line: &str) -> Option<(usize, &Saying)> {
        // The server's own goodbye is no message, whatever somebody said.
        let is_goodbye = Utterance::of(line) == Utterance::Goodbye && self.is_asked_to_end;
        let holds = |saying: &&Saying| {
            let is_relayable = match Utterance::of(&saying.line) {
                Utterance::Register { .. } => false,
                Utterance::Message { .. } => !is_goodbye,
                _ => true,
            };
            is_relayable && contains_words(line, saying.substance())
        };
        let latest_first = || self.sayings.iter().enumerate().rev();
        let same = latest_first().find(|(_, saying)| saying.line == line && holds(saying));
        same.or_else(|| latest_first().find(|(_, saying)| holds(saying)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Alice and bob are registered, in this order.
    fn room() -> Room {
        let mut room = Room::new(Role::Server);
        join(&mut room, "alice");
        join(&mut room, "bob");
        room
    }

    fn join(room: &mut Room, actor: &str) {
        room.connected(actor);
        room.said(0, actor, &format!("REGISTER {actor} CHAT/1.0"));
        room.registered(actor, actor);
    }

    #[test]
    fn a_disconnect_in_another_name_removes_nobody() {
        let mut room = room();
        room.said(1, "bob", "DISCONNECT alice CHAT/1.0");
        assert!(room.is_registered("alice") && room.is_registered("bob"));
        assert_eq!(room.freed("alice"), None);
    }

    #[test]
    fn standings_follow_what_is_said_and_answered() {
        let mut room = Room::new(Role::Server);
        room.connected("alice");
        assert!(!room.is_registered("alice"));
        // No answer to a registration, since there was none.
        room.heard("alice", "200 Welcome");
        assert!(!room.is_registered("alice"));
        room.said(1, "alice", "REGISTER al CHAT/1.0");
        assert!(!room.is_registered("alice"));
        room.heard("alice", "200 Registration successful");
        assert_eq!(room.registered_name("alice"), Some("al"));
        room.said(2, "alice", "DISCONNECT al CHAT/1.0");
        assert_eq!(room.registered_name("alice"), None);
    }

    #[test]
    fn a_name_is_freed_in_one_of_three_ways() {
        let mut room = room();
        join(&mut room, "carol");
        assert_eq!(room.freed("alice"), None);
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        room.left("bob", false);
        room.left("carol", true);
        let ways = ["alice", "bob", "carol"].map(|name| room.freed(name));
        let expected = [Departure::Disconnect, Departure::Close, Departure::Reset];
        assert_eq!(ways, expected.map(Some));
    }
}
