//! What a line that an actor gets means, in the conversation so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::room::{Room, Saying, Standing};
use super::utterance::{Utterance, contains_words};
use crate::transcript::syntax::Role;

/// What a line is: a mistake of one kind, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// A message that comes back to its sender.
    Echo,
    /// A message that comes more often than it was said.
    Duplicate,
    /// A message from before its receiver was registered, or one that arrives after its receiver left.
    Untimely,
    /// A message to somebody who is not registered yet.
    ToUnregistered,
    /// A message to somebody whose registration was refused.
    ToRefused,
    /// A message to somebody who has left.
    ToDeparted,
    /// A message from somebody who is not registered.
    FromUnregistered,
    /// A message from somebody who has left.
    FromDeparted,
    /// A message in the name of another user.
    Forged,
    /// An answer to a DISCONNECT.
    AnswerToDisconnect,
    /// A DISCONNECT that is passed on to others.
    RelayedDisconnect,
    /// A line that a client sends twice.
    SentTwice,
    /// Words of the program's own, about which the assignment says nothing.
    Notice,
    /// Something that somebody said, or an answer, that may be expected here or not.
    Regular,
}

impl Meaning {
    /// Every meaning that is a mistake.
    pub const MISTAKES: [Meaning; 12] = [
        Meaning::Echo,
        Meaning::Duplicate,
        Meaning::Untimely,
        Meaning::ToUnregistered,
        Meaning::ToRefused,
        Meaning::ToDeparted,
        Meaning::FromUnregistered,
        Meaning::FromDeparted,
        Meaning::Forged,
        Meaning::AnswerToDisconnect,
        Meaning::RelayedDisconnect,
        Meaning::SentTwice,
    ];

    /// Whether the line is a mistake wherever it comes.
    pub fn is_mistake(self) -> bool {
        !matches!(self, Meaning::Notice | Meaning::Regular)
    }
}

impl Room {
    /// What a line that `actor` got means.
    pub fn meaning(&self, actor: &str, line: &str) -> Meaning {
        if self.role == Role::Client {
            let last = self.heard.get(actor).and_then(|lines| lines.last());
            return if last.is_some_and(|last| last == line) {
                Meaning::SentTwice
            } else {
                Meaning::Regular
            };
        }
        let standing = self.standing(actor);
        if let Some((before, saying)) = self.source_for(actor, line) {
            let is_before = |moments: &BTreeMap<String, usize>| {
                moments.get(actor).is_some_and(|moment| before < *moment)
            };
            let is_disconnect = matches!(Utterance::of(&saying.line), Utterance::Disconnect { .. });
            if saying.actor != actor && is_disconnect {
                return Meaning::RelayedDisconnect;
            }
            if saying.actor != actor && self.is_at_the_same_time(actor, before) {
                return Meaning::Regular;
            }
            // History, or what was on its way when the actor left.
            let is_untimely = is_before(&self.came_after) || is_before(&self.left_after);
            let is_of_member = matches!(
                saying.standing,
                Standing::Registered(_) | Standing::Asking(_)
            );
            let is_refused = *standing == Standing::Refused;
            if saying.actor != actor && is_of_member && is_untimely && !is_refused {
                return match self.was_stranger(actor, before) {
                    true => Meaning::ToUnregistered,
                    false => Meaning::Untimely,
                };
            }
            return self.meaning_of_relayed(actor, line, saying);
        }
        match (Utterance::of(line), standing) {
            (Utterance::Other | Utterance::Message { .. }, _)
                if self.is_about_another(actor, line) =>
            {
                Meaning::Notice
            }
            // A refusal that came before a stranger left.
            (Utterance::Status { .. }, Standing::Departed) if !self.was_registered(actor) => {
                Meaning::Regular
            }
            (_, Standing::Departed) => Meaning::AnswerToDisconnect,
            // The server's own goodbye where it does not end, but a client has left.
            (Utterance::Goodbye, _) if !self.freed.is_empty() && !self.is_asked_to_end() => {
                Meaning::RelayedDisconnect
            }
            (Utterance::Goodbye, _) => Meaning::Regular,
            // Its own goodbye, in other words.
            (Utterance::Disconnect { name }, _)
                if self.is_asked_to_end() && self.freed(name).is_none() =>
            {
                Meaning::Regular
            }
            (Utterance::Disconnect { .. }, _) => Meaning::RelayedDisconnect,
            (Utterance::Status { .. }, Standing::Registered(_)) => Meaning::Notice,
            (Utterance::Status { .. }, _) => Meaning::Regular,
            _ => Meaning::Notice,
        }
    }

    /// Whether a line names another actor who is or was registered, and not `actor` itself: an announcement
    /// about somebody else may still be on its way when `actor` leaves, and is not an answer.
    fn is_about_another(&self, actor: &str, line: &str) -> bool {
        let names = |name: &str| {
            line.split(|character: char| !is_part_of_name(character))
                .any(|word| word == name)
        };
        let is_named = |is_own: bool| {
            self.sayings.iter().any(|saying| {
                let name = match Utterance::of(&saying.line) {
                    Utterance::Register { name } => name,
                    _ => return false,
                };
                (saying.actor == actor) == is_own && names(name)
            })
        };
        is_named(false) && !is_named(true)
    }

    fn meaning_of_relayed(&self, actor: &str, line: &str, saying: &Saying) -> Meaning {
        let is_own = saying.actor == actor;
        let spoken_name = match Utterance::of(&saying.line) {
            Utterance::Message { name, .. } => Some(name),
            Utterance::Disconnect { .. } => return Meaning::AnswerToDisconnect,
            _ => None,
        };
        match (&saying.standing, self.standing(actor)) {
            (Standing::Registered(own), _) if spoken_name.is_some_and(|name| name != own) => {
                Meaning::Forged
            }
            // What was said right behind the registration counts from when that was accepted. An echo may arrive when its
            // speaker has left.
            (
                Standing::Registered(_) | Standing::Asking(_),
                Standing::Registered(_) | Standing::Departed,
            ) if is_own => Meaning::Echo,
            (_, Standing::Unregistered | Standing::Asking(_)) if is_own => Meaning::Regular,
            (Standing::Refused | Standing::Unregistered, _) => Meaning::FromUnregistered,
            (Standing::Departed, _) => Meaning::FromDeparted,
            (_, Standing::Unregistered | Standing::Asking(_)) => Meaning::ToUnregistered,
            (_, Standing::Refused) => Meaning::ToRefused,
            (_, Standing::Departed) => Meaning::ToDeparted,
            (_, Standing::Registered(_)) if self.has_heard(actor, line, saying) => {
                Meaning::Duplicate
            }
            (_, Standing::Registered(_)) => Meaning::Regular,
        }
    }

    /// Whether an actor got as many copies of a line as were said.
    fn has_heard(&self, actor: &str, line: &str, saying: &Saying) -> bool {
        let substance = saying.substance();
        let carries = |text: &str| contains_words(text, substance);
        let copies = self
            .sayings
            .iter()
            .filter(|said| carries(&said.line))
            .count();
        let heard = self.heard.get(actor).into_iter().flatten();
        heard
            .filter(|earlier| *earlier == line || carries(earlier))
            .count()
            >= copies
    }
}

fn is_part_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
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

    #[track_caller]
    fn is(room: &Room, actor: &str, line: &str, meaning: Meaning) {
        assert_eq!(room.meaning(actor, line), meaning, "{actor} gets `{line}`");
    }

    #[test]
    fn a_disconnect_is_relayed_whenever_that_is_found() {
        let mut room = room();
        join(&mut room, "carol");
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        is(
            &room,
            "bob",
            "DISCONNECT alice CHAT/1.0",
            Meaning::RelayedDisconnect,
        );
        room.left("carol", false);
        is(
            &room,
            "carol",
            "DISCONNECT alice CHAT/1.0",
            Meaning::RelayedDisconnect,
        );
        is(
            &room,
            "alice",
            "DISCONNECT alice CHAT/1.0",
            Meaning::AnswerToDisconnect,
        );
    }

    #[test]
    fn a_goodbye_to_all_when_one_vanishes_is_not_the_server_s_own() {
        let mut room = room();
        is(&room, "bob", "DISCONNECT CHAT/1.0", Meaning::Regular);
        room.left("alice", true);
        is(
            &room,
            "bob",
            "DISCONNECT CHAT/1.0",
            Meaning::RelayedDisconnect,
        );
        room.asked_to_end();
        is(&room, "bob", "DISCONNECT CHAT/1.0", Meaning::Regular);
    }

    #[test]
    fn of_two_who_say_the_same_the_line_tells_which_one_it_was() {
        let mut room = room();
        room.said(1, "alice", "@alice: hello");
        room.said(2, "bob", "@bob: hello");
        is(&room, "alice", "@alice: hello", Meaning::Echo);
        is(&room, "alice", "@bob: hello", Meaning::Regular);
        is(&room, "bob", "@bob: hello", Meaning::Echo);
    }

    #[test]
    fn an_echo_is_not_a_relayed_message() {
        let mut room = room();
        room.said(1, "alice", "@alice: hello");
        is(&room, "alice", "@alice: hello", Meaning::Echo);
        is(&room, "alice", "you said: hello", Meaning::Echo);
        is(&room, "bob", "@alice: hello", Meaning::Regular);
        is(&room, "bob", "<alice>  hel lo", Meaning::Regular);
    }

    #[test]
    fn an_echo_may_come_after_its_speaker_has_left() {
        let mut room = room();
        room.said(1, "alice", "@alice: goodbye");
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        is(&room, "alice", "@alice: goodbye", Meaning::Echo);
        room.said(2, "bob", "@bob: see you");
        is(&room, "alice", "@bob: see you", Meaning::ToDeparted);
        is(&room, "bob", "@alice: goodbye", Meaning::Regular);
    }

    #[test]
    fn what_an_heir_says_again_is_no_message_to_who_left() {
        let mut room = room();
        room.said(1, "alice", "@alice: hi");
        room.said(2, "alice", "DISCONNECT alice CHAT/1.0");
        room.connected("heir");
        room.said(3, "heir", "REGISTER alice CHAT/1.0");
        room.registered("heir", "alice");
        room.said(4, "heir", "@alice: hi");
        room.said(5, "heir", "@alice: new");
        // Her own echo, read late.
        is(&room, "alice", "@alice: hi", Meaning::Echo);
        is(&room, "alice", "@alice: new", Meaning::ToDeparted);
    }

    #[test]
    fn a_stranger_that_left_may_have_been_refused() {
        let mut room = room();
        room.connected("carol");
        room.said(1, "carol", "DISCONNECT carol CHAT/1.0");
        room.left("carol", true);
        let refusal = "400 Invalid registration";
        is(&room, "carol", refusal, Meaning::Regular);
        room.left("bob", true);
        is(&room, "bob", refusal, Meaning::AnswerToDisconnect);
    }

    #[test]
    fn a_message_right_behind_a_registration_is_echoed_too() {
        let mut room = room();
        room.connected("carol");
        room.said(1, "carol", "REGISTER carol CHAT/1.0");
        room.said(1, "carol", "@carol: hello");
        room.heard("carol", "200 Registration successful");
        is(&room, "carol", "@carol: hello", Meaning::Echo);
        is(&room, "bob", "@carol: hello", Meaning::Regular);
    }

    #[test]
    fn as_many_copies_are_regular_as_were_said() {
        let mut room = room();
        room.said(1, "alice", "@alice: hello");
        room.heard("bob", "@alice: hello");
        is(&room, "bob", "@alice: hello", Meaning::Duplicate);
        room.said(2, "alice", "@alice: hello");
        is(&room, "bob", "@alice: hello", Meaning::Regular);
        room.heard("bob", "@alice: hello");
        is(&room, "bob", "alice: hello", Meaning::Duplicate);
    }

    #[test]
    fn what_was_said_before_somebody_came_is_not_theirs_to_hear() {
        let mut room = room();
        room.said(1, "alice", "@alice: early");
        join(&mut room, "carol");
        is(&room, "carol", "@alice: early", Meaning::Untimely);
        room.said(2, "alice", "@alice: later");
        is(&room, "carol", "@alice: later", Meaning::Regular);
        is(&room, "bob", "@alice: early", Meaning::Regular);
    }

    #[test]
    fn the_unregistered_get_no_message() {
        let mut room = room();
        room.connected("carol");
        room.said(1, "alice", "@alice: hello");
        is(&room, "carol", "@alice: hello", Meaning::ToUnregistered);
        room.said(2, "carol", "REGISTER carol CHAT/1.0");
        room.said(3, "alice", "@alice: and again");
        is(&room, "carol", "@alice: and again", Meaning::ToUnregistered);
    }

    #[test]
    fn the_refused_are_not_heard_and_hear_nothing() {
        let mut room = room();
        room.connected("rival");
        room.said(1, "rival", "REGISTER alice CHAT/1.0");
        room.heard("rival", "401 Client already registered");
        room.said(2, "rival", "@rival: let me in");
        is(&room, "bob", "@rival: let me in", Meaning::FromUnregistered);
        room.said(3, "bob", "@bob: who is there");
        is(&room, "rival", "@bob: who is there", Meaning::ToRefused);
        room.left("rival", false);
        is(&room, "rival", "@bob: who is there", Meaning::ToRefused);
        // One that never registered is not on the list either.
        room.connected("carol");
        room.said(4, "carol", "@carol: good evening");
        is(
            &room,
            "bob",
            "@carol: good evening",
            Meaning::FromUnregistered,
        );
    }

    #[test]
    fn a_disconnect_is_answered_by_nothing_and_passed_on_to_nobody() {
        let mut room = room();
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        is(
            &room,
            "alice",
            "DISCONNECT alice CHAT/1.0",
            Meaning::AnswerToDisconnect,
        );
        is(&room, "alice", "200 Goodbye", Meaning::AnswerToDisconnect);
        is(&room, "alice", "bye", Meaning::AnswerToDisconnect);
        is(
            &room,
            "bob",
            "DISCONNECT alice CHAT/1.0",
            Meaning::RelayedDisconnect,
        );
        is(
            &room,
            "bob",
            "@alice: DISCONNECT alice CHAT/1.0",
            Meaning::RelayedDisconnect,
        );
        // Nobody said it, but that is what it is.
        is(
            &room,
            "bob",
            "DISCONNECT carol CHAT/1.0",
            Meaning::RelayedDisconnect,
        );
    }

    #[test]
    fn an_announcement_of_another_is_no_answer_to_a_disconnect() {
        let mut room = room();
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        is(&room, "alice", "bob joined", Meaning::Notice);
        is(&room, "alice", "* bob: has come in", Meaning::Notice);
        is(&room, "alice", "@server: bob joined", Meaning::Notice);
        is(
            &room,
            "alice",
            "bye alice, says bob",
            Meaning::AnswerToDisconnect,
        );
        is(&room, "alice", "200 bob", Meaning::AnswerToDisconnect);
        is(&room, "alice", "bobby joined", Meaning::AnswerToDisconnect);
    }

    #[test]
    fn who_has_left_gets_nothing_and_is_not_heard() {
        for leaves in [
            |room: &mut Room| room.said(1, "alice", "DISCONNECT alice CHAT/1.0"),
            |room: &mut Room| room.left("alice", false),
        ] {
            let mut room = room();
            leaves(&mut room);
            room.said(2, "bob", "@bob: still here");
            is(&room, "alice", "@bob: still here", Meaning::ToDeparted);
            room.said(3, "alice", "@alice: so am I");
            is(&room, "bob", "@alice: so am I", Meaning::FromDeparted);
        }
    }

    #[test]
    fn what_was_on_its_way_when_somebody_left_is_no_message_too_many() {
        let mut room = room();
        room.said(1, "bob", "@bob: farewell");
        room.said(2, "alice", "DISCONNECT alice CHAT/1.0");
        is(&room, "alice", "@bob: farewell", Meaning::Untimely);
    }

    #[test]
    fn a_goodbye_in_other_words_names_nobody_who_left() {
        let mut room = room();
        room.left("bob", false);
        room.asked_to_end();
        let line = |name| format!("DISCONNECT {name} CHAT/1.0");
        is(&room, "alice", &line("alice"), Meaning::Regular);
        is(&room, "alice", &line("bob"), Meaning::RelayedDisconnect);
    }

    #[test]
    fn what_a_stranger_hears_it_was_not_to_hear() {
        let mut room = room();
        room.said(1, "alice", "@alice: before she came");
        room.connected("carol");
        room.said(2, "alice", "@alice: while she is silent");
        let hears = |room: &Room, meaning| {
            is(room, "carol", "@alice: while she is silent", meaning);
        };
        hears(&room, Meaning::ToUnregistered);
        // What comes before the answer to a registration may be history.
        room.said(3, "carol", "REGISTER carol CHAT/1.0");
        hears(&room, Meaning::Untimely);
        room.registered("carol", "carol");
        hears(&room, Meaning::Untimely);

        room.connected("dave");
        room.said(4, "alice", "@alice: while he is silent");
        room.left("dave", true);
        is(
            &room,
            "dave",
            "@alice: while he is silent",
            Meaning::ToUnregistered,
        );
    }

    #[test]
    fn what_a_stranger_says_is_wrong_for_whoever_hears_it_late() {
        let mut room = room();
        room.connected("carol");
        room.said(1, "carol", "@carol: I am not here");
        room.left("bob", false);
        is(
            &room,
            "bob",
            "@carol: I am not here",
            Meaning::FromUnregistered,
        );
    }

    #[test]
    fn a_forged_message_is_not_relayed() {
        let mut room = room();
        room.said(1, "bob", "@alice: I am alice");
        is(&room, "alice", "@alice: I am alice", Meaning::Forged);
        is(&room, "bob", "@bob: I am alice", Meaning::Forged);
    }

    #[test]
    fn words_of_the_servers_own_are_notices_to_the_registered() {
        let mut room = room();
        is(&room, "bob", "alice has joined", Meaning::Notice);
        is(&room, "bob", "250 alice has joined", Meaning::Notice);
        is(&room, "bob", "@server: welcome", Meaning::Notice);
        is(&room, "bob", "DISCONNECT CHAT/1.0", Meaning::Regular);
        room.connected("carol");
        is(&room, "carol", "welcome", Meaning::Notice);
        is(&room, "carol", "400 Invalid registration", Meaning::Regular);
        room.said(1, "carol", "REGISTER carol CHAT/1.0");
        is(
            &room,
            "carol",
            "200 Registration successful",
            Meaning::Regular,
        );
        // An answer may repeat what it answers.
        room.said(2, "carol", "HELLO");
        is(&room, "carol", "400 HELLO", Meaning::Regular);
    }

    #[test]
    fn a_text_within_a_text_is_the_latest_that_fits() {
        let mut room = room();
        room.said(1, "bob", "@bob: yes");
        room.said(2, "alice", "@alice: yes and no");
        is(&room, "bob", "@alice: yes and no", Meaning::Regular);
        is(&room, "bob", "@bob: yes", Meaning::Echo);
        assert!(room.is_of_before(2, "@bob: yes"));
        assert!(!room.is_of_before(2, "@alice: yes and no"));
        assert!(!room.is_of_before(2, "something else"));
    }

    #[test]
    fn a_repeated_line_is_not_another_line() {
        let mut conversation = Room::new(Role::Client);
        is(&conversation, "server", "@alice: hello", Meaning::Regular);
        conversation.heard("server", "@alice: hello");
        is(&conversation, "server", "@alice: hello", Meaning::SentTwice);
        is(&conversation, "server", "@alice: well", Meaning::Regular);
    }

    #[test]
    fn a_line_is_said_when_its_end_is() {
        let mut room = room();
        for part in ["@", "a", "lice: h", "i\n@alice: an"] {
            room.sent(1, "alice", part.as_bytes());
        }
        is(&room, "bob", "Welcome to the chat", Meaning::Notice);
        is(&room, "bob", "@alice: hi", Meaning::Regular);
        is(&room, "bob", "@server: another one", Meaning::Notice);
    }
}
