//! What a line means in the conversation so far, and which requirement a failed step speaks of. Pure.
//!
//! One fault is to be charged once. So a transcript judges only the rows that it covers: a line that
//! breaks another row (an echo, where the transcript is not about echoes) is recognised, and passed over.

use std::collections::BTreeMap;

use crate::transcript::syntax::{Action, Key, Role, Transcript};

/// The words of the protocol as this harness understands them, independent of any implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Utterance<'a> {
    /// `REGISTER name CHAT/1.0`.
    Register {
        /// The name.
        name: &'a str,
    },
    /// `DISCONNECT name CHAT/1.0`.
    Disconnect {
        /// The name.
        name: &'a str,
    },
    /// `DISCONNECT CHAT/1.0`.
    Goodbye,
    /// `@name: text`.
    Message {
        /// The name.
        name: &'a str,
        /// What follows the colon and one space.
        text: &'a str,
    },
    /// `200 Registration successful`: three digits, alone or before a space.
    Status {
        /// The digits.
        code: &'a str,
        /// What follows, without the space.
        phrase: &'a str,
    },
    /// Anything else.
    Other,
}

impl<'a> Utterance<'a> {
    /// Recognises one line, without its end.
    pub fn of(line: &'a str) -> Utterance<'a> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["REGISTER", name, "CHAT/1.0"] if !name.is_empty() => Utterance::Register { name },
            ["DISCONNECT", name, "CHAT/1.0"] if !name.is_empty() => Utterance::Disconnect { name },
            ["DISCONNECT", "CHAT/1.0"] => Utterance::Goodbye,
            _ => message(line)
                .or_else(|| status(line))
                .unwrap_or(Utterance::Other),
        }
    }
}

fn message(line: &str) -> Option<Utterance<'_>> {
    let (name, text) = line.strip_prefix('@')?.split_once(": ")?;
    (!name.is_empty() && !name.contains(' ')).then_some(Utterance::Message { name, text })
}

fn status(line: &str) -> Option<Utterance<'_>> {
    let (code, phrase) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then_some(Utterance::Status { code, phrase })
}

/// Where an actor stands with the server under test.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Unregistered,
    /// Has asked, and no answer was seen yet.
    Asking(String),
    Registered(String),
    Refused,
    Departed,
}

/// Something that an actor said.
#[derive(Debug, Clone)]
struct Saying {
    actor: String,
    line: String,
    standing: Standing,
    /// Index of the step in which it was said.
    step: usize,
}

impl Saying {
    /// The part that a relayed form of it must still hold.
    fn substance(&self) -> &str {
        match Utterance::of(&self.line) {
            Utterance::Message { text, .. } => text,
            _ => &self.line,
        }
    }
}

/// What a line that an actor got is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It breaks this row.
    Breach(&'static str),
    /// Words of the subject's own, about which the assignment says nothing.
    Notice,
    /// Something said by somebody, or an answer, that may be expected here or not.
    Regular,
}

/// The conversation so far, as far as what was said and answered decides what comes next means.
#[derive(Debug)]
pub struct Conversation<'t> {
    transcript: &'t Transcript,
    standings: BTreeMap<String, Standing>,
    /// How much had been said when an actor asked to be registered: that is not for it to hear.
    came_after: BTreeMap<String, usize>,
    /// How much had been said when an actor left: that may still have been on its way.
    left_after: BTreeMap<String, usize>,
    /// Names that were given up, with the row that says so.
    freed: BTreeMap<String, &'static str>,
    sayings: Vec<Saying>,
    /// What each actor sent of a line that has no end yet.
    begun: BTreeMap<String, Vec<u8>>,
    /// What each actor got and was meant to get.
    heard: BTreeMap<String, Vec<String>>,
}

impl<'t> Conversation<'t> {
    /// Nothing said yet.
    pub fn new(transcript: &'t Transcript) -> Conversation<'t> {
        Conversation {
            transcript,
            standings: BTreeMap::new(),
            came_after: BTreeMap::new(),
            left_after: BTreeMap::new(),
            freed: BTreeMap::new(),
            sayings: Vec::new(),
            begun: BTreeMap::new(),
            heard: BTreeMap::new(),
        }
    }

    /// Whether the transcript judges `row`.
    pub fn covers(&self, row: &str) -> bool {
        self.transcript.covers_any(&[row])
    }

    /// An actor opened a (further) connection.
    pub fn connected(&mut self, actor: &str) {
        self.begun.remove(actor);
        self.standings
            .insert(actor.to_owned(), Standing::Unregistered);
    }

    /// An actor is on the registration list under `name`.
    pub fn registered(&mut self, actor: &str, name: &str) {
        self.standings
            .insert(actor.to_owned(), Standing::Registered(name.to_owned()));
    }

    /// An actor closed or reset its connection.
    pub fn left(&mut self, actor: &str, by_reset: bool) {
        if let Standing::Registered(name) = self.standing(actor) {
            let row = if by_reset { "S-DISC-7" } else { "S-DISC-5" };
            self.freed.insert(name.clone(), row);
        }
        self.left_after.insert(actor.to_owned(), self.sayings.len());
        self.standings.insert(actor.to_owned(), Standing::Departed);
    }

    /// An actor said a whole line in the given step.
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
                self.freed.insert(name.to_owned(), "S-DISC-2");
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

    /// An actor sent bytes in the given step: it said what is whole of them.
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

    /// An actor got a line that was meant to come.
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
        if let Some(after) = after {
            self.standings.insert(actor.to_owned(), after);
        }
        self.heard
            .entry(actor.to_owned())
            .or_default()
            .push(line.to_owned());
    }

    fn standing(&self, actor: &str) -> &Standing {
        self.standings.get(actor).unwrap_or(&Standing::Unregistered)
    }

    /// Whether the actor is on the registration list, by all that was seen.
    pub fn is_registered(&self, actor: &str) -> bool {
        matches!(self.standing(actor), Standing::Registered(_))
    }

    /// The name under which an actor is registered.
    pub fn registered_name(&self, actor: &str) -> Option<&str> {
        match self.standing(actor) {
            Standing::Registered(name) => Some(name),
            _ => None,
        }
    }

    /// The name that an actor asked to be registered under, and was not answered yet.
    pub fn name_asked_for(&self, actor: &str) -> Option<&str> {
        match self.standing(actor) {
            Standing::Asking(name) => Some(name),
            _ => None,
        }
    }

    /// The row that says that `name` is free again, where it was given up before.
    pub fn row_of_freed(&self, name: &str) -> Option<&'static str> {
        self.freed.get(name).copied()
    }

    /// What a line that `actor` got means to a server's conversation.
    pub fn meaning(&self, actor: &str, line: &str) -> Meaning {
        if self.transcript.role == Role::Client {
            let last = self.heard.get(actor).and_then(|lines| lines.last());
            return if last.is_some_and(|last| last == line) {
                Meaning::Breach("C-MSG-1")
            } else {
                Meaning::Regular
            };
        }
        let standing = self.standing(actor);
        if let Some((before, saying)) = self.source_of(line) {
            let is_before = |moments: &BTreeMap<String, usize>| {
                moments.get(actor).is_some_and(|moment| before < *moment)
            };
            // History, or what was on its way when the actor left.
            let is_untimely = is_before(&self.came_after) || is_before(&self.left_after);
            if saying.actor != actor && is_untimely {
                return Meaning::Breach("S-MSG-1");
            }
            return self.meaning_of_relayed(actor, line, saying);
        }
        match (Utterance::of(line), standing) {
            (Utterance::Other | Utterance::Message { .. }, _)
                if self.is_about_another(actor, line) =>
            {
                Meaning::Notice
            }
            (_, Standing::Departed) => Meaning::Breach("S-DISC-3"),
            (Utterance::Goodbye, _) => Meaning::Regular,
            (Utterance::Disconnect { .. }, _) => Meaning::Breach("S-DISC-6"),
            (Utterance::Status { .. }, Standing::Registered(_)) => Meaning::Notice,
            (Utterance::Status { .. }, _) => Meaning::Regular,
            _ => Meaning::Notice,
        }
    }

    /// Whether a line names an actor who is or was registered, and not `actor` itself: what a server
    /// announces of one to the others may still be on its way when somebody leaves, and is no answer.
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

    /// The latest saying whose substance is in `line`, with how many were said before it.
    fn source_of(&self, line: &str) -> Option<(usize, &Saying)> {
        let holds = |saying: &&Saying| {
            let is_relayable = !matches!(Utterance::of(&saying.line), Utterance::Register { .. });
            is_relayable && contains_words(line, saying.substance())
        };
        self.sayings
            .iter()
            .enumerate()
            .rev()
            .find(|(_, saying)| holds(saying))
    }

    fn meaning_of_relayed(&self, actor: &str, line: &str, saying: &Saying) -> Meaning {
        let is_own = saying.actor == actor;
        let spoken_name = match Utterance::of(&saying.line) {
            Utterance::Message { name, .. } => Some(name),
            Utterance::Disconnect { .. } if is_own => return Meaning::Breach("S-DISC-3"),
            Utterance::Disconnect { .. } => return Meaning::Breach("S-DISC-6"),
            _ => None,
        };
        match (&saying.standing, self.standing(actor)) {
            (Standing::Registered(own), _) if spoken_name.is_some_and(|name| name != own) => {
                Meaning::Breach("S-HARD-1")
            }
            (Standing::Registered(_), Standing::Registered(_)) if is_own => {
                Meaning::Breach("S-MSG-2")
            }
            (_, Standing::Unregistered | Standing::Asking(_)) if is_own => Meaning::Regular,
            (Standing::Refused | Standing::Unregistered, _) => Meaning::Breach("S-REG-7"),
            (Standing::Departed, _) => Meaning::Breach("S-DISC-1"),
            (_, Standing::Unregistered | Standing::Asking(_)) => Meaning::Breach("S-MSG-3"),
            (_, Standing::Refused) => Meaning::Breach("S-REG-7"),
            (_, Standing::Departed) => Meaning::Breach("S-DISC-1"),
            (_, Standing::Registered(_)) if self.has_heard(actor, line, saying) => {
                Meaning::Breach("S-MSG-1")
            }
            (_, Standing::Registered(_)) => Meaning::Regular,
        }
    }

    /// Whether an actor got as many copies of a saying as were said.
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

    /// Whether `line` is about something that was said before the given step.
    pub fn is_of_before(&self, step: usize, line: &str) -> bool {
        self.source_of(line)
            .is_some_and(|(_, saying)| saying.step < step)
    }

    /// Whether `line` is what `expected` asks for, as exactly as the covered rows demand.
    pub fn is_expected(&self, expected: &str, open_ended: bool, line: &[u8]) -> bool {
        if line == expected.as_bytes() {
            return true;
        }
        let text = String::from_utf8_lossy(line);
        if open_ended {
            return begins_with_words(&text, expected);
        }
        let exact = |rows: &[&str]| rows.iter().any(|row| self.covers(row));
        match Utterance::of(expected) {
            Utterance::Message {
                text: substance, ..
            } => {
                if exact(&["S-MSG-1", "C-MSG-1"]) {
                    false
                } else if exact(&["S-MSG-6", "C-MSG-5"]) {
                    text.contains(substance)
                } else {
                    contains_words(&text, substance)
                }
            }
            Utterance::Status { .. } => false,
            Utterance::Goodbye => !exact(&["S-SHUT-1", "C-SHUT-1"]) && same_words(&text, expected),
            // Whatever a client's first words are, it may be right in all else.
            Utterance::Register { .. } => {
                !exact(&["C-REG-1"]) && (same_words(&text, expected) || !exact(&["C-ARG-1"]))
            }
            Utterance::Disconnect { .. } => !exact(&["C-QUIT-1"]) && same_words(&text, expected),
            Utterance::Other => false,
        }
    }

    /// The row that speaks when step `index` does not get what it waits for; `None` where only the
    /// transcript's own subject can be meant.
    pub fn row_of_step(&self, index: usize) -> Option<&'static str> {
        let action = &self.transcript.steps[index].action;
        match self.transcript.role {
            Role::Server => self.server_row(action, index),
            Role::Client => self.client_row(action, index),
        }
    }

    /// The plainer row on which that of [`Conversation::row_of_step`] rests: who cannot be heard at all is not
    /// unheard because somebody else is silent.
    pub fn ground_of_step(&self, index: usize) -> Option<&'static str> {
        let row = self.row_of_step(index)?;
        match &self.transcript.steps[index].action {
            Action::Joins { .. } if row != "S-REG-1" => Some("S-REG-1"),
            Action::Gets { line, .. } => match Utterance::of(line) {
                Utterance::Status { .. } if row.starts_with("S-CONC-") => Some("S-REG-1"),
                Utterance::Message { .. } if row == "S-CONC-2" => Some("S-MSG-1"),
                _ => None,
            },
            Action::Hears { .. } if row == "S-CONC-2" => Some("S-MSG-1"),
            _ => None,
        }
    }

    fn server_row(&self, action: &Action, index: usize) -> Option<&'static str> {
        let ends_by_sigterm = self
            .earlier(index)
            .any(|earlier| *earlier == Action::IsTerminated);
        match action {
            Action::Joins { actor, .. } => Some(self.row_of_registration(actor)),
            Action::Gets {
                actor,
                line,
                open_ended,
            } => match Utterance::of(line) {
                Utterance::Status { code: "200", .. } if *open_ended => {
                    Some(self.row_of_registration(actor))
                }
                Utterance::Status { code: "400", .. } if *open_ended => Some("S-REG-3"),
                Utterance::Status { code: "401", .. } if *open_ended => Some("S-REG-5"),
                Utterance::Status { code: "200", .. } => Some("S-REG-2"),
                Utterance::Status { code: "400", .. } => Some("S-REG-4"),
                Utterance::Status { code: "401", .. } => Some("S-REG-6"),
                Utterance::Goodbye if ends_by_sigterm => Some("S-HARD-7"),
                Utterance::Goodbye => Some("S-SHUT-1"),
                Utterance::Message { .. } => Some(self.row_of_relaying()),
                _ => None,
            },
            Action::Hears { .. } => Some(self.row_of_relaying()),
            Action::Connects { .. } if self.somebody_is_silent("") => Some("S-CONC-2"),
            Action::IsDisconnected { .. } => Some("S-DISC-4"),
            Action::PrintsItsPort => Some("S-PORT-2"),
            Action::AnotherStarts => Some("S-PORT-1"),
            Action::Ends if ends_by_sigterm => Some("S-HARD-7"),
            Action::Ends => Some("S-SHUT-2"),
            _ => None,
        }
    }

    /// A server that registers one client, and not one more beside it, breaks another row than one
    /// that registers none.
    fn row_of_registration(&self, actor: &str) -> &'static str {
        let is_another = |(other, standing): (&String, &Standing)| {
            other != actor && *standing != Standing::Departed
        };
        if self.somebody_is_silent(actor) {
            "S-CONC-2"
        } else if self.standings.iter().any(is_another) {
            "S-CONC-1"
        } else {
            "S-REG-1"
        }
    }

    /// The row that speaks when what somebody says does not reach the others.
    pub fn row_of_relaying(&self) -> &'static str {
        if self.somebody_is_silent("") {
            "S-CONC-2"
        } else {
            "S-MSG-1"
        }
    }

    /// Whether somebody other than `actor` is connected and has never said a word.
    fn somebody_is_silent(&self, actor: &str) -> bool {
        let has_spoken = |name: &str| self.sayings.iter().any(|saying| saying.actor == name);
        self.standings.iter().any(|(other, standing)| {
            other != actor && *standing == Standing::Unregistered && !has_spoken(other)
        })
    }

    fn client_row(&self, action: &Action, index: usize) -> Option<&'static str> {
        match action {
            Action::ClientStarts { .. } => Some("C-ARG-1"),
            Action::Gets { actor, .. } if actor == "user" => Some("C-MSG-2"),
            Action::Gets { line, .. } => self.row_of_sent(line, index),
            Action::Hears { bytes, .. } => {
                self.row_of_sent(String::from_utf8_lossy(bytes).lines().next()?, index)
            }
            Action::Ends | Action::IsDisconnected { .. } | Action::SeesMessage { .. } => {
                self.cause(index).map(|cause| cause.ending)
            }
            Action::TerminalNeverGets { .. } if self.covers("C-HARD-1") => Some("C-HARD-1"),
            _ => None,
        }
    }

    fn row_of_sent(&self, line: &str, index: usize) -> Option<&'static str> {
        match Utterance::of(line) {
            Utterance::Register { .. } => Some("C-REG-1"),
            Utterance::Disconnect { .. } => self.cause(index).map(|cause| cause.goodbye),
            Utterance::Message { .. } => Some("C-MSG-1"),
            _ => None,
        }
    }

    fn earlier(&self, index: usize) -> impl DoubleEndedIterator<Item = &Action> {
        self.transcript.steps[..index]
            .iter()
            .map(|step| &step.action)
    }

    /// What was sent in the step `at` and those right before it: a line may come in many.
    fn sent_in_a_row_until(&self, at: usize) -> Vec<u8> {
        let bytes = |action: &'t Action| match action {
            Action::Sends {
                bytes, times: 1, ..
            } => Some(bytes.as_slice()),
            _ => None,
        };
        let steps = self.transcript.steps[..=at].iter().rev();
        let mut in_a_row: Vec<&[u8]> = steps.map_while(|step| bytes(&step.action)).collect();
        in_a_row.reverse();
        in_a_row.concat()
    }

    /// Whether a client has been given a reason to end before step `index`.
    pub fn has_cause_to_end(&self, index: usize) -> bool {
        self.cause(index).is_some()
    }

    /// What makes a client end, latest first.
    fn cause(&self, index: usize) -> Option<Cause> {
        let earlier = self.earlier(index).enumerate();
        let mut latest_first = earlier.collect::<Vec<_>>().into_iter().rev();
        latest_first.find_map(|(at, action)| match action {
            Action::Presses { key: Key::CtrlC } | Action::IsTerminated => Some(Cause {
                goodbye: "C-QUIT-1",
                ending: "C-QUIT-2",
            }),
            Action::Presses { key: Key::CtrlD } => Some(Cause::alone("C-HARD-2")),
            Action::Closes { .. } | Action::Resets { .. } => Some(Cause::alone("C-SHUT-2")),
            Action::Says { line, .. } => Cause::said(line),
            Action::Sends { .. } => {
                let sent = self.sent_in_a_row_until(at);
                let sent = String::from_utf8_lossy(&sent);
                sent.lines().rev().find_map(Cause::said)
            }
            Action::ClientStarts { address, .. } if address.contains("{unused}") => {
                Some(Cause::alone("C-ARG-3"))
            }
            Action::ClientStarts { address, .. } if address != "chat://{host}:{port}" => {
                Some(Cause::alone("C-ARG-2"))
            }
            _ => None,
        })
    }
}

/// The rows that ask for a client's goodbye and for its end.
struct Cause {
    goodbye: &'static str,
    ending: &'static str,
}

impl Cause {
    /// What the harness's server says that makes a client end.
    fn said(line: &str) -> Option<Cause> {
        match Utterance::of(line) {
            Utterance::Status { code: "400", .. } => Some(Cause::alone("C-REG-3")),
            Utterance::Status { code: "401", .. } => Some(Cause::alone("C-REG-4")),
            Utterance::Goodbye => Some(Cause::alone("C-SHUT-1")),
            _ => None,
        }
    }

    fn alone(row: &'static str) -> Cause {
        Cause {
            goodbye: row,
            ending: row,
        }
    }
}

/// Whether `text` holds `words` when white space counts for nothing; never for empty words.
pub fn contains_words(text: &str, words: &str) -> bool {
    let words = squeezed(words);
    !words.is_empty() && squeezed(text).contains(&words)
}

fn is_part_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

fn same_words(text: &str, words: &str) -> bool {
    squeezed(text) == squeezed(words)
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Whether `text` is `words`, or goes on after them with white space.
fn begins_with_words(text: &str, words: &str) -> bool {
    let words = words.trim_end();
    text.strip_prefix(words).is_some_and(|rest| {
        words.is_empty() || rest.is_empty() || rest.starts_with(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::parse;

    /// A transcript that covers these rows and has these steps.
    fn transcript(covers: &str, steps: &str) -> Transcript {
        let source = format!("# A case.\ncovers {covers}\n\n{steps}\n");
        parse("case", &source).expect("is a transcript")
    }

    fn about_a_server() -> Transcript {
        transcript("S-PORT-1", "alice joins")
    }

    /// Alice and bob are registered, in this order.
    fn room(transcript: &Transcript) -> Conversation<'_> {
        let mut room = Conversation::new(transcript);
        join(&mut room, "alice");
        join(&mut room, "bob");
        room
    }

    fn join(room: &mut Conversation<'_>, actor: &str) {
        room.connected(actor);
        room.said(0, actor, &format!("REGISTER {actor} CHAT/1.0"));
        room.registered(actor, actor);
    }

    #[track_caller]
    fn breaks(room: &Conversation<'_>, actor: &str, line: &str, row: &'static str) {
        assert_eq!(
            room.meaning(actor, line),
            Meaning::Breach(row),
            "{actor} gets `{line}`"
        );
    }

    #[track_caller]
    fn is_regular(room: &Conversation<'_>, actor: &str, line: &str) {
        assert_eq!(
            room.meaning(actor, line),
            Meaning::Regular,
            "{actor} gets `{line}`"
        );
    }

    #[track_caller]
    fn is_notice(room: &Conversation<'_>, actor: &str, line: &str) {
        assert_eq!(
            room.meaning(actor, line),
            Meaning::Notice,
            "{actor} gets `{line}`"
        );
    }

    #[test]
    fn the_words_of_the_protocol_are_told_apart() {
        let is = |line, utterance| assert_eq!(Utterance::of(line), utterance, "{line}");
        is("REGISTER al CHAT/1.0", Utterance::Register { name: "al" });
        is(
            "DISCONNECT al CHAT/1.0",
            Utterance::Disconnect { name: "al" },
        );
        is("DISCONNECT CHAT/1.0", Utterance::Goodbye);
        is(
            "@al: a: b",
            Utterance::Message {
                name: "al",
                text: "a: b",
            },
        );
        is(
            "@al: ",
            Utterance::Message {
                name: "al",
                text: "",
            },
        );
        is(
            "200 Fine",
            Utterance::Status {
                code: "200",
                phrase: "Fine",
            },
        );
        is(
            "200",
            Utterance::Status {
                code: "200",
                phrase: "",
            },
        );
        for other in [
            "",
            "register al CHAT/1.0",
            "REGISTER  CHAT/1.0",
            "REGISTER al CHAT/1.1",
            "REGISTER al bob CHAT/1.0",
            "@al b: c",
            "@: a",
            "al: b",
            "@al:b",
            "2000 Fine",
            "20 Fine",
            "200Fine",
        ] {
            is(other, Utterance::Other);
        }
    }

    #[test]
    fn an_echo_is_told_from_a_relayed_message() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "alice", "@alice: hello");
        breaks(&room, "alice", "@alice: hello", "S-MSG-2");
        breaks(&room, "alice", "you said: hello", "S-MSG-2");
        is_regular(&room, "bob", "@alice: hello");
        is_regular(&room, "bob", "<alice>  hel lo");
    }

    #[test]
    fn as_many_copies_are_regular_as_were_said() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "alice", "@alice: hello");
        room.heard("bob", "@alice: hello");
        breaks(&room, "bob", "@alice: hello", "S-MSG-1");
        room.said(2, "alice", "@alice: hello");
        is_regular(&room, "bob", "@alice: hello");
        room.heard("bob", "@alice: hello");
        breaks(&room, "bob", "alice: hello", "S-MSG-1");
    }

    #[test]
    fn what_was_said_before_somebody_came_is_not_theirs_to_hear() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "alice", "@alice: early");
        join(&mut room, "carol");
        breaks(&room, "carol", "@alice: early", "S-MSG-1");
        room.said(2, "alice", "@alice: later");
        is_regular(&room, "carol", "@alice: later");
        is_regular(&room, "bob", "@alice: early");
    }

    #[test]
    fn the_unregistered_get_no_message() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.connected("carol");
        room.said(1, "alice", "@alice: hello");
        breaks(&room, "carol", "@alice: hello", "S-MSG-3");
        room.said(2, "carol", "REGISTER carol CHAT/1.0");
        room.said(3, "alice", "@alice: and again");
        breaks(&room, "carol", "@alice: and again", "S-MSG-3");
    }

    #[test]
    fn what_the_refused_say_and_get_speaks_of_one_row() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.connected("rival");
        room.said(1, "rival", "REGISTER alice CHAT/1.0");
        room.heard("rival", "401 Client already registered");
        room.said(2, "rival", "@rival: let me in");
        breaks(&room, "bob", "@rival: let me in", "S-REG-7");
        room.said(3, "bob", "@bob: who is there");
        breaks(&room, "rival", "@bob: who is there", "S-REG-7");
        // One that never registered is as little on the list.
        room.connected("carol");
        room.said(4, "carol", "@carol: good evening");
        breaks(&room, "bob", "@carol: good evening", "S-REG-7");
    }

    #[test]
    fn a_disconnect_is_answered_by_nothing_and_passed_on_to_nobody() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        breaks(&room, "alice", "DISCONNECT alice CHAT/1.0", "S-DISC-3");
        breaks(&room, "alice", "200 Goodbye", "S-DISC-3");
        breaks(&room, "alice", "bye", "S-DISC-3");
        breaks(&room, "bob", "DISCONNECT alice CHAT/1.0", "S-DISC-6");
        breaks(
            &room,
            "bob",
            "@alice: DISCONNECT alice CHAT/1.0",
            "S-DISC-6",
        );
        // Nobody said it, but that is what it is.
        breaks(&room, "bob", "DISCONNECT carol CHAT/1.0", "S-DISC-6");
    }

    #[test]
    fn an_announcement_of_another_is_no_answer_to_a_disconnect() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        is_notice(&room, "alice", "bob joined");
        is_notice(&room, "alice", "* bob: has come in");
        is_notice(&room, "alice", "@server: bob joined");
        breaks(&room, "alice", "bye alice, says bob", "S-DISC-3");
        breaks(&room, "alice", "200 bob", "S-DISC-3");
        breaks(&room, "alice", "bobby joined", "S-DISC-3");
    }

    #[test]
    fn who_has_left_gets_nothing_and_is_not_heard() {
        for leaves in [
            |room: &mut Conversation<'_>| room.said(1, "alice", "DISCONNECT alice CHAT/1.0"),
            |room: &mut Conversation<'_>| room.left("alice", false),
        ] {
            let transcript = about_a_server();
            let mut room = room(&transcript);
            leaves(&mut room);
            room.said(2, "bob", "@bob: still here");
            breaks(&room, "alice", "@bob: still here", "S-DISC-1");
            room.said(3, "alice", "@alice: so am I");
            breaks(&room, "bob", "@alice: so am I", "S-DISC-1");
        }
    }

    #[test]
    fn what_was_on_its_way_when_somebody_left_is_no_message_too_many() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "bob", "@bob: farewell");
        room.said(2, "alice", "DISCONNECT alice CHAT/1.0");
        breaks(&room, "alice", "@bob: farewell", "S-MSG-1");
    }

    #[test]
    fn a_disconnect_in_another_name_removes_nobody() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "bob", "DISCONNECT alice CHAT/1.0");
        assert!(room.is_registered("alice") && room.is_registered("bob"));
        assert_eq!(room.row_of_freed("alice"), None);
    }

    #[test]
    fn a_forged_message_is_not_relayed() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "bob", "@alice: I am alice");
        breaks(&room, "alice", "@alice: I am alice", "S-HARD-1");
        breaks(&room, "bob", "@bob: I am alice", "S-HARD-1");
    }

    #[test]
    fn words_of_the_servers_own_are_notices_to_the_registered() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        is_notice(&room, "bob", "alice has joined");
        is_notice(&room, "bob", "250 alice has joined");
        is_notice(&room, "bob", "@server: welcome");
        is_regular(&room, "bob", "DISCONNECT CHAT/1.0");
        room.connected("carol");
        is_notice(&room, "carol", "welcome");
        is_regular(&room, "carol", "400 Invalid registration");
        room.said(1, "carol", "REGISTER carol CHAT/1.0");
        is_regular(&room, "carol", "200 Registration successful");
        // An answer may repeat what it answers.
        room.said(2, "carol", "HELLO");
        is_regular(&room, "carol", "400 HELLO");
    }

    #[test]
    fn a_text_within_a_text_is_the_latest_that_fits() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        room.said(1, "bob", "@bob: yes");
        room.said(2, "alice", "@alice: yes and no");
        is_regular(&room, "bob", "@alice: yes and no");
        breaks(&room, "bob", "@bob: yes", "S-MSG-2");
        assert!(room.is_of_before(2, "@bob: yes"));
        assert!(!room.is_of_before(2, "@alice: yes and no"));
        assert!(!room.is_of_before(2, "something else"));
    }

    #[test]
    fn a_client_that_says_a_line_twice_is_told_from_one_that_says_another() {
        let transcript = transcript("C-QUIT-1", "client starts as alice");
        let mut conversation = Conversation::new(&transcript);
        is_regular(&conversation, "server", "@alice: hello");
        conversation.heard("server", "@alice: hello");
        breaks(&conversation, "server", "@alice: hello", "C-MSG-1");
        is_regular(&conversation, "server", "@alice: well");
    }

    #[test]
    fn standings_follow_what_is_said_and_answered() {
        let transcript = about_a_server();
        let mut room = Conversation::new(&transcript);
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
    fn a_line_is_said_when_its_end_is() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        for part in ["@", "a", "lice: h", "i\n@alice: an"] {
            room.sent(1, "alice", part.as_bytes());
        }
        is_notice(&room, "bob", "Welcome to the chat");
        is_regular(&room, "bob", "@alice: hi");
        is_notice(&room, "bob", "@server: another one");
    }

    #[test]
    fn a_name_is_freed_in_one_of_three_ways() {
        let transcript = about_a_server();
        let mut room = room(&transcript);
        join(&mut room, "carol");
        assert_eq!(room.row_of_freed("alice"), None);
        room.said(1, "alice", "DISCONNECT alice CHAT/1.0");
        room.left("bob", false);
        room.left("carol", true);
        let rows = ["alice", "bob", "carol"].map(|name| room.row_of_freed(name));
        assert_eq!(rows, [Some("S-DISC-2"), Some("S-DISC-5"), Some("S-DISC-7")]);
    }

    /// Asserts which of `lines` are taken for `expected` where `covers` is covered.
    #[track_caller]
    fn takes(covers: &str, expected: &str, lines: &[(&str, bool)]) {
        let steps = if covers.starts_with('C') {
            "client starts as alice"
        } else {
            "alice joins"
        };
        let transcript = transcript(covers, steps);
        let conversation = Conversation::new(&transcript);
        for (line, is_taken) in lines {
            let taken = conversation.is_expected(expected, false, line.as_bytes());
            assert_eq!(taken, *is_taken, "{covers}: `{line}` for `{expected}`");
        }
    }

    #[test]
    fn a_message_is_compared_as_exactly_as_is_asked() {
        let hello = "@al: hi you";
        for covers in ["S-MSG-1", "C-MSG-1"] {
            takes(
                covers,
                hello,
                &[
                    (hello, true),
                    ("@al:  hi you", false),
                    ("@al: hi you ", false),
                    ("hi you", false),
                ],
            );
        }
        for covers in ["S-MSG-6", "C-MSG-5"] {
            takes(
                covers,
                hello,
                &[
                    (hello, true),
                    ("<al> hi you!", true),
                    ("@al: hi  you", false),
                    ("@al: hi", false),
                ],
            );
        }
        for covers in ["S-MSG-2", "C-MSG-3"] {
            takes(
                covers,
                hello,
                &[
                    (hello, true),
                    ("al> hi  you", true),
                    ("@al:hiyou", true),
                    ("@al: hi", false),
                ],
            );
        }
        // Nothing to be recognised by.
        takes(
            "S-MSG-2",
            "@al: ",
            &[("@al: ", true), ("@al:", false), ("anything", false)],
        );
    }

    #[test]
    fn commands_are_exact_where_they_are_the_subject() {
        for (command, own, other) in [
            ("DISCONNECT CHAT/1.0", "S-SHUT-1", "S-SHUT-2"),
            ("REGISTER al CHAT/1.0", "C-REG-1", "C-ARG-1"),
            ("DISCONNECT al CHAT/1.0", "C-QUIT-1", "C-QUIT-2"),
        ] {
            let spaced = command.replace(' ', "  ");
            let longer = format!("{command} now");
            takes(
                own,
                command,
                &[(command, true), (&spaced, false), (&longer, false)],
            );
            takes(
                other,
                command,
                &[(command, true), (&spaced, true), (&longer, false)],
            );
        }
    }

    #[test]
    fn a_client_with_other_first_words_is_judged_for_the_rest() {
        takes(
            "C-MSG-1",
            "REGISTER al CHAT/1.0",
            &[("REGISTER AL CHAT 1.0", true)],
        );
    }

    #[test]
    fn a_status_and_what_is_no_protocol_are_exact() {
        takes(
            "S-MSG-2",
            "200 Fine",
            &[("200 Fine", true), ("200  Fine", false), ("200", false)],
        );
        takes(
            "S-MSG-2",
            "whatever",
            &[("whatever", true), ("what ever", false)],
        );
    }

    #[test]
    fn an_open_end_is_at_the_end_of_a_word() {
        let transcript = transcript("S-MSG-1", "alice joins");
        let conversation = Conversation::new(&transcript);
        let takes = |expected, line: &[u8]| conversation.is_expected(expected, true, line);
        for line in ["200", "200 OK", "200\tOK", "200 "] {
            assert!(takes("200", line.as_bytes()), "{line:?}");
        }
        for line in ["2000", "200-OK", "20", " 200", ""] {
            assert!(!takes("200", line.as_bytes()), "{line:?}");
        }
        assert!(takes("200", b"200 \xff"));
        assert!(!conversation.is_expected("@al: \u{fffd}", false, b"@al: \xff"));
    }

    /// The row of each step, where nothing has been said yet.
    #[track_caller]
    fn rows(steps: &[(&str, Option<&'static str>)]) {
        let text: Vec<&str> = steps.iter().map(|(step, _)| *step).collect();
        let covers = if text[0].starts_with("client") {
            "C-MSG-4"
        } else {
            "S-MSG-4"
        };
        let transcript = transcript(covers, &text.join("\n"));
        let conversation = Conversation::new(&transcript);
        for (index, (step, row)) in steps.iter().enumerate() {
            assert_eq!(conversation.row_of_step(index), *row, "{step}");
        }
    }

    #[test]
    fn each_step_with_a_server_speaks_of_its_row() {
        rows(&[
            ("alice joins", Some("S-REG-1")),
            ("bob connects", None),
            ("bob > REGISTER bob CHAT/1.0", None),
            ("bob < 200 ...", Some("S-REG-1")),
            ("bob < 400 ...", Some("S-REG-3")),
            ("bob < 401 ...", Some("S-REG-5")),
            ("bob < 200 Registration successful", Some("S-REG-2")),
            ("bob < 400 Invalid registration", Some("S-REG-4")),
            ("bob < 401 Client already registered", Some("S-REG-6")),
            ("bob < 500 ...", None),
            ("bob < @alice: hi", Some("S-MSG-1")),
            ("bob < something else", None),
            ("bob sends \"x\"", None),
            ("bob hears \"@alice: hi\\n\"", Some("S-MSG-1")),
            ("bob hears nothing", None),
            ("bob is disconnected", Some("S-DISC-4")),
            ("carol connects", None),
            ("carol stops reading", None),
            ("carol resets", None),
            ("server prints its port", Some("S-PORT-2")),
            ("another server starts", Some("S-PORT-1")),
            ("2 seconds pass", None),
            ("server grows by at most 2 KiB", None),
            ("alice closes", None),
            ("dave joins", Some("S-REG-1")),
            ("server is interrupted", None),
            ("dave < DISCONNECT CHAT/1.0", Some("S-SHUT-1")),
            ("server ends", Some("S-SHUT-2")),
        ]);
        rows(&[
            ("alice joins", Some("S-REG-1")),
            ("server is terminated", None),
            ("alice < DISCONNECT CHAT/1.0", Some("S-HARD-7")),
            ("server ends", Some("S-HARD-7")),
        ]);
    }

    #[test]
    fn who_else_is_there_decides_what_a_registration_and_a_message_speak_of() {
        let transcript = transcript("S-MSG-4", "alice joins\nbob joins\nbob < @alice: hi");
        let mut conversation = Conversation::new(&transcript);
        let rows = |conversation: &Conversation<'_>| {
            [0, 1, 2].map(|step| conversation.row_of_step(step).expect("a row"))
        };
        assert_eq!(rows(&conversation), ["S-REG-1", "S-REG-1", "S-MSG-1"]);
        join(&mut conversation, "alice");
        assert_eq!(rows(&conversation), ["S-REG-1", "S-CONC-1", "S-MSG-1"]);
        conversation.connected("lurker");
        assert_eq!(rows(&conversation), ["S-CONC-2", "S-CONC-2", "S-CONC-2"]);
        conversation.left("lurker", false);
        conversation.left("alice", false);
        assert_eq!(rows(&conversation), ["S-REG-1", "S-REG-1", "S-MSG-1"]);
    }

    #[test]
    fn who_is_there_is_no_reason_where_the_plainer_row_does_not_hold() {
        let transcript = transcript("S-MSG-4", "alice joins\nbob joins\nbob < @alice: hi");
        let mut conversation = Conversation::new(&transcript);
        let grounds = |conversation: &Conversation<'_>| {
            [0, 1, 2].map(|step| conversation.ground_of_step(step))
        };
        assert_eq!(grounds(&conversation), [None, None, None]);
        conversation.connected("lurker");
        assert_eq!(
            grounds(&conversation),
            [Some("S-REG-1"), Some("S-REG-1"), Some("S-MSG-1")]
        );
    }

    #[test]
    fn each_step_with_a_client_speaks_of_its_row() {
        rows(&[
            ("client starts as alice", Some("C-ARG-1")),
            ("server < REGISTER alice CHAT/1.0", Some("C-REG-1")),
            ("server > 200 Registration successful", None),
            ("user types \"hi\\n\"", None),
            ("server < @alice: hi", Some("C-MSG-1")),
            ("server hears \"@alice: hi\\n\"", Some("C-MSG-1")),
            (
                "server hears \"REGISTER alice CHAT/1.0\\n\"",
                Some("C-REG-1"),
            ),
            ("server < something else", None),
            ("server sends \"@bob: ho\\n\"", None),
            ("user < @bob: ho", Some("C-MSG-2")),
            ("server hears nothing", None),
            ("terminal never gets \"\\x1b\"", None),
            ("client grows by at most 2 KiB", None),
            ("1 second passes", None),
            // For no reason.
            ("client ends", None),
        ]);
    }

    #[test]
    fn the_end_of_a_client_speaks_of_what_made_it_end() {
        let first = ("client starts as alice", Some("C-ARG-1"));
        for (cause, goodbye, end) in [
            ("user presses Ctrl-C", "C-QUIT-1", "C-QUIT-2"),
            ("client is terminated", "C-QUIT-1", "C-QUIT-2"),
            ("user presses Ctrl-D", "C-HARD-2", "C-HARD-2"),
        ] {
            rows(&[
                first,
                (cause, None),
                ("server < DISCONNECT alice CHAT/1.0", Some(goodbye)),
                ("server is disconnected", Some(end)),
                ("user sees a notice", Some(end)),
                ("client ends", Some(end)),
            ]);
        }
        for (cause, end) in [
            ("server > 400 Invalid registration", "C-REG-3"),
            ("server > 401 Client already registered", "C-REG-4"),
            ("server > DISCONNECT CHAT/1.0", "C-SHUT-1"),
            ("server closes", "C-SHUT-2"),
            ("server resets", "C-SHUT-2"),
        ] {
            rows(&[
                first,
                (cause, None),
                ("user sees an error", Some(end)),
                ("client ends", Some(end)),
            ]);
        }
        for (address, end) in [
            ("chat://{host}:{unused}", "C-ARG-3"),
            ("http://{host}:{port}", "C-ARG-2"),
        ] {
            let start = format!("client starts as alice at \"{address}\"");
            rows(&[
                (&start, Some("C-ARG-1")),
                ("user sees an error", Some(end)),
                ("client ends", Some(end)),
            ]);
        }
        rows(&[
            first,
            ("server sends \"DISCONN\"", None),
            ("server sends \"ECT CHAT/1.0\\n\"", None),
            ("client ends", Some("C-SHUT-1")),
        ]);
        // The latest cause counts.
        rows(&[
            first,
            ("server > DISCONNECT CHAT/1.0", None),
            ("user presses Ctrl-C", None),
            ("client ends", Some("C-QUIT-2")),
        ]);
    }
}
