//! What a step asks about, and what a failed run is about: topics of the protocol, not requirements.
//!
//! `judge::charge` says which requirement a topic belongs to.

use serde::{Deserialize, Serialize};

use super::shortfall::{Expected, Got, Shortfall};
use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::{Departure, Present, Standing};
use crate::conformance::conversation::utterance::Utterance;
use crate::transcript::syntax::{Action, Role, Step, Transcript};

/// What a step, or a failure, is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Each message ends with LF.
    LineEnd,
    /// The server starts and listens on a port of its own.
    ServerStart,
    /// The server prints its port.
    PortPrinted,
    /// A client registers while no one else is connected.
    Registration,
    /// A client registers beside others.
    RegistrationBesideOthers,
    /// A client registers, connects or is heard while another one is connected and has never said anything.
    SilentClient,
    /// The words after status 200.
    AcceptanceWords,
    /// Status 400.
    Rejection,
    /// The words after status 400.
    RejectionWords,
    /// Status 401.
    NameTaken,
    /// The words after status 401.
    NameTakenWords,
    /// A message reaches the others.
    Relaying,
    /// A name can be registered again after its holder left in this way.
    NameFreed(Departure),
    /// The server closes the connection after a DISCONNECT.
    Closing,
    /// The server tells its clients that it ends.
    ServerGoodbye,
    /// The server ends when it is interrupted.
    ServerEnd,
    /// The server says goodbye and ends when it is sent SIGTERM.
    ServerTerminated,
    /// A client starts with a name and an address, and connects.
    ClientStart,
    /// A client's registration.
    ClientRegistration,
    /// A client sends what its user types.
    ClientMessage,
    /// A client sends nothing at all of what its user types.
    ClientSilence,
    /// A client shows a message.
    MessageShown,
    /// A client deals with what arrives before its user presses the next key.
    KeyAwaited,
    /// A client's DISCONNECT when it is interrupted.
    ClientGoodbye,
    /// A client's end, for this reason.
    ClientEnd(Cause),
    /// A server and its own clients, in this respect.
    Together(Togetherness),
    /// A line that is a mistake wherever it comes.
    Mistake(Meaning),
}

/// What people want of a server and its own clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Togetherness {
    /// Two people chat.
    Chat,
    /// Three people chat.
    ChatOfThree,
    /// Somebody leaves, and the others go on.
    Leaving,
    /// Who has left comes back under the same name.
    ComingBack,
    /// A name in use is refused.
    NameInUse,
    /// The server is shut down, and all clients with it.
    ShutDown,
}

impl Togetherness {
    /// Every one.
    pub const ALL: [Togetherness; 6] = [
        Togetherness::Chat,
        Togetherness::ChatOfThree,
        Togetherness::Leaving,
        Togetherness::ComingBack,
        Togetherness::NameInUse,
        Togetherness::ShutDown,
    ];
}

impl Topic {
    /// Every topic.
    pub fn all() -> impl Iterator<Item = Topic> {
        let plain = [
            Topic::LineEnd,
            Topic::ServerStart,
            Topic::PortPrinted,
            Topic::Registration,
            Topic::RegistrationBesideOthers,
            Topic::SilentClient,
            Topic::AcceptanceWords,
            Topic::Rejection,
            Topic::RejectionWords,
            Topic::NameTaken,
            Topic::NameTakenWords,
            Topic::Relaying,
            Topic::NameFreed(Departure::Disconnect),
            Topic::NameFreed(Departure::Close),
            Topic::NameFreed(Departure::Reset),
            Topic::Closing,
            Topic::ServerGoodbye,
            Topic::ServerEnd,
            Topic::ServerTerminated,
            Topic::ClientStart,
            Topic::ClientRegistration,
            Topic::ClientMessage,
            Topic::ClientSilence,
            Topic::MessageShown,
            Topic::KeyAwaited,
            Topic::ClientGoodbye,
        ];
        let ends = Cause::ALL.into_iter().map(Topic::ClientEnd);
        let mistakes = Meaning::MISTAKES.into_iter().map(Topic::Mistake);
        let together = Togetherness::ALL.into_iter().map(Topic::Together);
        plain
            .into_iter()
            .chain(ends)
            .chain(together)
            .chain(mistakes)
    }

    /// What step `index` asks about, where it asks about anything but what its transcript is about.
    pub fn of_step(transcript: &Transcript, index: usize, present: &[Present]) -> Option<Topic> {
        let step = transcript.steps.get(index)?;
        let earlier = &transcript.steps[..index];
        match transcript.role {
            Role::Server => of_server_step(&step.action, earlier, present),
            Role::Client => of_client_step(&step.action, earlier),
            Role::Pair => of_pair_step(&step.action, earlier).map(Topic::Together),
        }
    }

    /// What step `index` would ask about if nobody but its actor were connected: where that does not work
    /// either, who else is connected is not the reason.
    ///
    /// In a transcript about a pair: the plainer topic without which the step's cannot work.
    pub fn alone(transcript: &Transcript, index: usize) -> Option<Topic> {
        if transcript.role == Role::Pair {
            let step = transcript.steps.get(index)?;
            return plainer(&step.action, &transcript.steps[..index]).map(Topic::Together);
        }
        Topic::of_step(transcript, index, &[])
    }

    /// What it is about when a client has ended by itself after these steps: what it was given last. `None` where it
    /// was given a reason to end, or a line without an end, on which it may give up.
    pub fn of_early_end(steps: &[Step]) -> Option<Topic> {
        if Cause::in_steps(steps).is_some() {
            return None;
        }
        let mut latest_first = steps.iter().rev();
        latest_first.find_map(|step| match &step.action {
            Action::Says { line, .. } => Some(Some(of_given_line(line))),
            Action::Sends { bytes, .. } => {
                let text = String::from_utf8_lossy(bytes);
                let last = text.lines().last().filter(|_| text.ends_with('\n'));
                Some(last.map(of_given_line))
            }
            Action::Types { text, .. } if text.contains('\n') => Some(Some(Topic::ClientMessage)),
            Action::Gets { actor, .. } if actor != "user" => Some(Some(Topic::ClientSilence)),
            Action::Hears { .. } => Some(Some(Topic::ClientSilence)),
            _ => None,
        })?
    }

    /// What a failed run is about; `None` where only its transcript can say.
    pub fn of_shortfall(transcript: &Transcript, shortfall: &Shortfall) -> Option<About> {
        let of_step = Topic::of_step(transcript, shortfall.step, &shortfall.present);
        let about = |topic| {
            Some(About {
                topic,
                is_about_code: false,
            })
        };
        let about_code = of_step.map(|topic| About {
            topic,
            is_about_code: true,
        });
        match (&shortfall.expected, &shortfall.got) {
            (Expected::Listens, _) => about(Topic::ServerStart),
            (Expected::ClientConnects, _) => about(Topic::ClientStart),
            // It ended by itself before anybody had said anything: it does not serve at all.
            (Expected::Connects { .. }, _) | (Expected::Ends, Got::EndedBefore)
                if shortfall.ended.is_some() && !somebody_spoke(&shortfall.present) =>
            {
                match transcript.role {
                    Role::Server => about(Topic::ServerStart),
                    Role::Client | Role::Pair => of_step.and_then(about),
                }
            }
            (Expected::StillConnected { .. }, Got::EndedBefore)
                if transcript.role == Role::Client =>
            {
                let earlier = transcript.steps.get(..shortfall.step)?;
                // One that ends after a silence was given nothing to end for.
                let was_silent = earlier.last().is_some_and(passes_time);
                let topic = Topic::of_early_end(earlier).filter(|_| !was_silent);
                topic.and_then(about)
            }
            (Expected::OnScreen { .. }, _)
                if shortfall.waited_for_enter && transcript.role == Role::Client =>
            {
                about(Topic::KeyAwaited)
            }
            (Expected::StillConnected { .. }, _) => {
                let relaying = about(relaying(&shortfall.present));
                relaying.filter(|_| shortfall.ended.is_some())
            }
            (_, Got::Line { meaning, .. }) if meaning.is_mistake() => {
                about(Topic::Mistake(*meaning))
            }
            (
                _,
                Got::Line {
                    freed: Some(how), ..
                },
            ) => about(Topic::NameFreed(*how)),
            // Who else is there is not the reason.
            (Expected::Line { .. }, Got::Line { line, .. })
                if code(&String::from_utf8_lossy(&line.bytes)) == Some("401")
                    && registers_new_name(transcript, shortfall.step) =>
            {
                Some(About {
                    topic: Topic::Registration,
                    is_about_code: true,
                })
            }
            (Expected::Silence { .. }, Got::Line { .. }) => None,
            (Expected::Line { line, .. }, Got::Line { line: got, .. }) => {
                // A wrong code is another matter than wrong words after the right one.
                if code(line) == code(&String::from_utf8_lossy(&got.bytes)) {
                    of_step.and_then(about)
                } else {
                    about_code
                }
            }
            // More is missing than its end.
            (Expected::Line { line, .. }, Got::Unfinished { text, .. })
                if text.left_out == 0
                    && text.bytes.len() < line.len()
                    && line.as_bytes().starts_with(&text.bytes) =>
            {
                about_code
            }
            (Expected::Line { .. } | Expected::Silence { .. }, Got::Unfinished { framing, .. })
                if framing.is_lines() =>
            {
                about(Topic::LineEnd)
            }
            (Expected::Line { .. }, Got::Nothing { .. })
                if of_step == Some(Topic::ClientMessage) =>
            {
                about(if has_sent_before(transcript, shortfall.step) {
                    Topic::ClientMessage
                } else {
                    Topic::ClientSilence
                })
            }
            (Expected::Line { .. }, _) => about_code,
            _ => of_step.and_then(about),
        }
    }

    /// The topic of an answer's code, for that of the words after it.
    pub fn of_code(self) -> Topic {
        match self {
            Topic::AcceptanceWords => Topic::Registration,
            Topic::RejectionWords => Topic::Rejection,
            Topic::NameTakenWords => Topic::NameTaken,
            other => other,
        }
    }
}

/// What a failed run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// The topic of the step, or of the mistake.
    pub topic: Topic,
    /// Whether an answer's code was wrong, or none came: then its words are not what matters.
    pub is_about_code: bool,
}

impl About {
    /// The topic, for an answer that of its code where its code is what matters.
    pub fn topic(self) -> Topic {
        if self.is_about_code {
            self.topic.of_code()
        } else {
            self.topic
        }
    }
}

fn code(line: &str) -> Option<&str> {
    match Utterance::of(line) {
        Utterance::Status { code, .. } => Some(code),
        _ => None,
    }
}

/// Whether a step expects that a name is registered for which nobody asked before.
fn registers_new_name(transcript: &Transcript, index: usize) -> bool {
    let steps = transcript.steps.get(..=index).unwrap_or_default();
    let name_asked_for = |step: &'_ Step| match &step.action {
        Action::Joins { name, .. } => Some(name.clone()),
        Action::Says { line, .. } => match Utterance::of(line) {
            Utterance::Register { name } => Some(name.to_owned()),
            _ => None,
        },
        _ => None,
    };
    let is_of = |step: &&Step, actor: &str| step.action.actor() == Some(actor);
    let mut latest_first = steps.iter().rev();
    let name = match steps.last().map(|step| &step.action) {
        Some(Action::Joins { name, .. }) => Some(name.clone()),
        Some(Action::Gets { actor, line, .. }) if code(line) == Some("200") => latest_first
            .find(|step| is_of(step, actor) && name_asked_for(step).is_some())
            .and_then(name_asked_for),
        _ => None,
    };
    let asked_for = |name: &String| {
        let names = steps.iter().filter_map(name_asked_for);
        names.filter(|asked| asked == name).count()
    };
    name.is_some_and(|name| asked_for(&name) == 1)
}

fn of_server_step(action: &Action, earlier: &[Step], present: &[Present]) -> Option<Topic> {
    let is_terminated = || {
        let mut actions = earlier.iter().map(|step| &step.action);
        actions.any(|action| *action == Action::IsTerminated)
    };
    match action {
        Action::Joins { actor, .. } => Some(registration(actor, present)),
        Action::Gets {
            actor,
            line,
            open_ended,
        } => match Utterance::of(line) {
            Utterance::Status { code: "200", .. } if *open_ended => {
                Some(registration(actor, present))
            }
            Utterance::Status { code: "400", .. } if *open_ended => Some(Topic::Rejection),
            Utterance::Status { code: "401", .. } if *open_ended => Some(Topic::NameTaken),
            Utterance::Status { code: "200", .. } => Some(Topic::AcceptanceWords),
            Utterance::Status { code: "400", .. } => Some(Topic::RejectionWords),
            Utterance::Status { code: "401", .. } => Some(Topic::NameTakenWords),
            Utterance::Goodbye if is_terminated() => Some(Topic::ServerTerminated),
            Utterance::Goodbye => Some(Topic::ServerGoodbye),
            Utterance::Message { .. } => Some(relaying(present)),
            _ => None,
        },
        Action::Hears { .. } => Some(relaying(present)),
        Action::Connects { .. } => somebody_is_silent("", present).then_some(Topic::SilentClient),
        Action::IsDisconnected { .. } => Some(Topic::Closing),
        Action::PrintsItsPort => Some(Topic::PortPrinted),
        Action::AnotherStarts => Some(Topic::ServerStart),
        Action::Ends { .. } if is_terminated() => Some(Topic::ServerTerminated),
        Action::Ends { .. } => Some(Topic::ServerEnd),
        _ => None,
    }
}

/// A server that registers one client, and no second one beside it, has another fault than one that
/// registers none.
fn registration(actor: &str, present: &[Present]) -> Topic {
    let is_another = |other: &Present| other.actor != actor && other.standing != Standing::Departed;
    if somebody_is_silent(actor, present) {
        Topic::SilentClient
    } else if present.iter().any(is_another) {
        Topic::RegistrationBesideOthers
    } else {
        Topic::Registration
    }
}

fn relaying(present: &[Present]) -> Topic {
    if somebody_is_silent("", present) {
        Topic::SilentClient
    } else {
        Topic::Relaying
    }
}

fn somebody_spoke(present: &[Present]) -> bool {
    present.iter().any(|actor| actor.has_spoken)
}

/// Whether somebody other than `actor` is connected and has never said anything.
fn somebody_is_silent(actor: &str, present: &[Present]) -> bool {
    present.iter().any(|other| {
        other.actor != actor && other.standing == Standing::Unregistered && !other.has_spoken
    })
}

/// What a person's step asks of a server and its clients, after these steps.
fn of_pair_step(action: &Action, earlier: &[Step]) -> Option<Togetherness> {
    let somebody = |is_so: &dyn Fn(&Action) -> bool| earlier.iter().any(|step| is_so(&step.action));
    let has_left = |who: &str| {
        somebody(&|action| matches!(action, Action::Presses { actor, .. } if actor == who))
    };
    let is_shut_down = || somebody(&|action| *action == Action::IsInterrupted);
    let of_chat = || {
        let starts = earlier.iter().filter_map(|step| match &step.action {
            Action::PersonStarts { actor, .. } => Some(actor.as_str()),
            _ => None,
        });
        let people: Vec<&str> = starts.collect();
        let comes_back = |who: &&str| people.iter().filter(|other| *other == who).count() > 1;
        let is_refused = somebody(
            &|action| matches!(action, Action::PersonStarts { actor, name } if actor != name),
        );
        if people.iter().any(comes_back) {
            Togetherness::ComingBack
        } else if somebody(&|action| matches!(action, Action::Presses { .. })) {
            Togetherness::Leaving
        } else if is_refused {
            Togetherness::NameInUse
        } else if people.len() > 2 {
            Togetherness::ChatOfThree
        } else {
            Togetherness::Chat
        }
    };
    match action {
        // A server that has ended before it is interrupted did so earlier.
        Action::PersonStarts { .. }
        | Action::Types { .. }
        | Action::Presses { .. }
        | Action::Gets { .. }
        | Action::IsInterrupted => Some(of_chat()),
        Action::SeesMessage { .. } | Action::Ends { .. } if is_shut_down() => {
            Some(Togetherness::ShutDown)
        }
        Action::Ends { actor } if has_left(actor) => Some(Togetherness::Leaving),
        Action::SeesMessage { .. } | Action::Ends { .. } => Some(Togetherness::NameInUse),
        _ => None,
    }
}

/// What has to work first for a person's step to work, after these steps.
fn plainer(action: &Action, earlier: &[Step]) -> Option<Togetherness> {
    let mut actions = earlier.iter().map(|step| &step.action);
    let somebody_left = actions.any(|action| matches!(action, Action::Presses { .. }));
    match of_pair_step(action, earlier)? {
        Togetherness::ChatOfThree => Some(Togetherness::Chat),
        Togetherness::ComingBack => Some(Togetherness::Leaving),
        Togetherness::ShutDown if somebody_left => Some(Togetherness::Leaving),
        _ => None,
    }
}

fn of_client_step(action: &Action, earlier: &[Step]) -> Option<Topic> {
    match action {
        Action::ClientStarts { .. } => Some(Topic::ClientStart),
        Action::Gets { actor, .. } if actor == "user" => Some(Topic::MessageShown),
        Action::Gets { line, .. } => of_sent_line(line, earlier),
        Action::Hears { bytes, .. } => {
            of_sent_line(String::from_utf8_lossy(bytes).lines().next()?, earlier)
        }
        Action::Ends { .. } | Action::IsDisconnected { .. } | Action::SeesMessage { .. } => {
            Cause::in_steps(earlier).map(Topic::ClientEnd)
        }
        _ => None,
    }
}

/// Whether a client has sent a message in a step before this one: then it does send what is typed.
fn has_sent_before(transcript: &Transcript, step: usize) -> bool {
    let is_message = |line: &str| matches!(Utterance::of(line), Utterance::Message { .. });
    let earlier = transcript.steps.iter().take(step);
    let mut actions = earlier.map(|step| &step.action);
    actions.any(|action| match action {
        Action::Gets { actor, line, .. } => actor != "user" && is_message(line),
        Action::Hears { bytes, .. } => String::from_utf8_lossy(bytes).lines().any(is_message),
        _ => false,
    })
}

fn passes_time(step: &Step) -> bool {
    matches!(step.action, Action::Pass { .. })
}

/// What a client shows to have understood when it goes on after this line.
fn of_given_line(line: &str) -> Topic {
    match Utterance::of(line) {
        Utterance::Status { .. } => Topic::ClientSilence,
        _ => Topic::MessageShown,
    }
}

fn of_sent_line(line: &str, earlier: &[Step]) -> Option<Topic> {
    match Utterance::of(line) {
        Utterance::Register { .. } => Some(Topic::ClientRegistration),
        Utterance::Disconnect { .. } => Cause::in_steps(earlier).map(|cause| match cause {
            Cause::Interrupted => Topic::ClientGoodbye,
            cause => Topic::ClientEnd(cause),
        }),
        Utterance::Message { .. } => Some(Topic::ClientMessage),
        _ => None,
    }
}
