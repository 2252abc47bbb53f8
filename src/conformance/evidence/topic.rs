//! Topics of the protocol that a step, or a failure, is about: not requirements.
//!
//! `about` says which topic a step has, and `judge::charge` to which requirement a topic belongs.

use serde::{Deserialize, Serialize};

use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::Departure;

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
