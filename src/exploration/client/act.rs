//! What happens to a client: what its user types, and what the server sends.

use crate::exploration::text::Text;

/// How a conversation begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// The client is given an address that is none, and nothing else happens.
    BadAddress(String),
    /// The registration is answered with 200, in parts of so many bytes; the rest is one more.
    Accepted(Vec<usize>),
    /// The registration is answered with 200 after some seconds.
    AcceptedLate,
    /// The registration is answered with 200 and a message in one segment.
    AcceptedWithMessage(Message),
    /// The registration is refused, and nothing else happens.
    Refused {
        /// The answer.
        line: String,
        /// Parts of so many bytes; the rest is one more.
        sizes: Vec<usize>,
        /// Whether the server closes the connection behind it.
        closes: bool,
    },
}

/// A message that another user said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Name of the user.
    pub from: String,
    /// What it says.
    pub text: Text,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The user types a line.
    Types(Text),
    /// The user pastes several lines.
    Pastes(Vec<Text>),
    /// Messages arrive while half a line is typed.
    TypesAround {
        /// The line.
        text: Text,
        /// The messages.
        messages: Vec<Message>,
    },
    /// A message arrives at the same time as the Enter of a typed line.
    TypesAtOnce {
        /// The line.
        text: Text,
        /// The message.
        message: Message,
    },
    /// Messages arrive.
    Receives {
        /// The messages.
        messages: Vec<Message>,
        /// How they are cut into segments.
        cut: Cut,
    },
    /// The client has sent nothing more.
    SendsNothing,
    /// The conversation ends.
    Ends {
        /// How.
        how: End,
        /// The line that is half typed then.
        half_typed: Option<Text>,
    },
}

/// How messages are cut into segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Each line by itself.
    Lines,
    /// Each line by itself, ended by CR LF.
    CarriageReturns,
    /// All lines in one segment.
    OneSegment,
    /// The lines, joined, in parts of so many bytes; the rest is one more.
    InParts(Vec<usize>),
}

/// How a conversation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By Ctrl-C.
    Interrupt,
    /// By the server's DISCONNECT.
    Goodbye,
    /// By the server's DISCONNECT, in one segment with messages.
    GoodbyeBehind(Vec<Message>),
    /// By the server's DISCONNECT, in parts of so many bytes; the rest is one more.
    GoodbyeInParts(Vec<usize>),
    /// The server closes the connection.
    Closed,
    /// The server closes it after a part of a line.
    ClosedWithinLine,
}
