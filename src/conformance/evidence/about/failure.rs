//! What a failed run is about.

use super::server_step::relaying;
use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::room::Present;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::shortfall::{Expected, Got, Shortfall};
use crate::conformance::evidence::topic::Topic;
use crate::transcript::syntax::{Action, Role, Step, Transcript};

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

impl Topic {
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
}

fn code(line: &str) -> Option<&str> {
    Utterance::of(line).code()
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

fn somebody_spoke(present: &[Present]) -> bool {
    present.iter().any(|actor| actor.has_spoken)
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
