//! What a step of a client's transcript asks about.

use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::topic::Topic;
use crate::transcript::syntax::{Action, Step};

pub(super) fn topic(action: &Action, earlier: &[Step]) -> Option<Topic> {
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
