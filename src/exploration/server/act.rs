//! What chat users do.

use crate::exploration::text::Text;

/// A chat user, by number.
pub type Person = usize;

/// One thing that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Connects and says nothing.
    Connects {
        /// Who.
        who: Person,
    },
    /// Registers under a free name; connects first, if need be.
    Registers {
        /// Who.
        who: Person,
        /// The name; `None` for the person's own.
        name: Option<String>,
        /// How the registration is sent and its answer compared.
        how: Registration,
    },
    /// Sends something else than a registration first, and is refused with 400.
    AsksWrongly {
        /// Who.
        who: Person,
        /// What it sends.
        line: String,
        /// Whether the answer is compared to the letter.
        to_the_letter: bool,
    },
    /// Asks for the name of somebody who is registered, and is refused with 401.
    AsksForTakenName {
        /// Who.
        who: Person,
        /// Whose name.
        holder: Person,
        /// Whether the answer is compared to the letter.
        to_the_letter: bool,
    },
    /// A registered user says something, once or several times.
    Speaks {
        /// Who.
        who: Person,
        /// The messages.
        texts: Vec<Text>,
        /// How they are cut into segments.
        cut: Cut,
        /// Whether a DISCONNECT follows in the same segment, and the connection is closed.
        leaves: bool,
    },
    /// Several registered users say something at the same time, and perhaps one leaves.
    SpeakAtOnce {
        /// Who says what.
        speakers: Vec<(Person, Text)>,
        /// Who leaves, and how.
        leaver: Option<(Person, Leaving)>,
    },
    /// Connects and sends a part of a registration under its own name.
    BeginsToRegister {
        /// Who.
        who: Person,
    },
    /// Somebody who was refused sends a message.
    SpeaksInVain {
        /// Who.
        who: Person,
        /// In whose name; `None` for the person's own.
        in_the_name_of: Option<Person>,
        /// What.
        text: Text,
    },
    /// A registered user leaves, or somebody who is not registered closes or resets the connection.
    Leaves {
        /// Who.
        who: Person,
        /// How.
        how: Leaving,
    },
    /// Hears nothing but what was to be heard.
    ListensInVain {
        /// Who.
        who: Person,
    },
    /// Registers and closes the connection, so many times.
    ComesAndGoes {
        /// Who.
        who: Person,
        /// How often.
        times: usize,
    },
    /// Everybody is quiet for four seconds.
    Waits,
    /// The server has printed its port.
    PortIsPrinted,
    /// The server is interrupted: the last act.
    ServerIsInterrupted,
}

/// How a registration is sent and its answer compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// In one segment; the status of its answer counts.
    Plain,
    /// In one segment; the wording of its answer counts.
    ToTheLetter,
    /// In parts of so many bytes; the rest is one more.
    InParts(Vec<usize>),
    /// Ended by CR LF.
    WithCarriageReturn,
    /// Ended by CR and, in a segment of its own, LF.
    WithCarriageReturnApart,
    /// In one segment with a message.
    WithMessage(Text),
}

/// How messages are cut into segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Each line by itself.
    Lines,
    /// All lines in one segment.
    OneSegment,
    /// The lines, joined, in parts of so many bytes; the rest is one more.
    InParts(Vec<usize>),
    /// The lines, joined, in two parts with a second in between; the first has so many bytes.
    WithPause(usize),
    /// Each line by itself, ended by CR LF.
    CarriageReturns,
    /// Each line by itself, ended by CR and, in a segment of its own, LF.
    CarriageReturnsApart,
}

/// How a registered user leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaving {
    /// Sends DISCONNECT.
    Disconnect {
        /// What happens to the connection then.
        then: AfterDisconnect,
    },
    /// Sends DISCONNECT, ended by CR LF, and closes the connection.
    DisconnectWithCarriageReturn,
    /// Closes the connection.
    Close,
    /// Closes it after a part of a line.
    CloseInMidLine,
    /// Resets it.
    Reset,
}

/// What a user who sent DISCONNECT does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterDisconnect {
    /// Sees the server close the connection.
    IsDisconnected,
    /// Closes it.
    Closes,
    /// Keeps it open and listens.
    Stays,
}
