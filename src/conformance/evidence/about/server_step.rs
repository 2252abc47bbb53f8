//! What a step of a server's transcript asks about.

use crate::conformance::conversation::room::{Present, Standing};
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::topic::Topic;
use crate::transcript::syntax::{Action, Step};

pub(super) fn topic(action: &Action, earlier: &[Step], present: &[Present]) -> Option<Topic> {
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

pub(super) fn relaying(present: &[Present]) -> Topic {
    if somebody_is_silent("", present) {
        Topic::SilentClient
    } else {
        Topic::Relaying
    }
}

/// Whether somebody other than `actor` is connected and has never said anything.
fn somebody_is_silent(actor: &str, present: &[Present]) -> bool {
    present.iter().any(|other| {
        other.actor != actor && other.standing == Standing::Unregistered && !other.has_spoken
    })
}
