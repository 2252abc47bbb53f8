//! Where a run stopped: what the transcript expected, and what was seen instead.

use serde::{Deserialize, Serialize};

use super::text::Excerpt;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::{Departure, Present};
use crate::conformance::program::dialect::Framing;
use crate::transcript::syntax::MessageKind;

/// Where a conversation stopped being what the transcript says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// Index of the step, counted from 0.
    pub step: usize,
    /// What should have been.
    pub expected: Expected,
    /// What was instead.
    pub got: Got,
    /// How the program had ended by then, such as `exit status 0`, where it had.
    pub ended: Option<String>,
    /// Whose program had ended, where several people use one: `server`, or the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who_ended: Option<String>,
    /// Who was, or had been, connected.
    pub present: Vec<Present>,
    /// The program went on only when Enter was pressed.
    #[serde(default)]
    pub waited_for_enter: bool,
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Expected {
    /// The server listens on a port.
    Listens,
    /// The client connects.
    ClientConnects,
    /// A person's client connects to the server.
    Joins {
        /// Who.
        actor: String,
    },
    /// A person's client is still running.
    StillRunning {
        /// Who.
        actor: String,
    },
    /// A person's client ends.
    ClientEnds {
        /// Who.
        actor: String,
    },
    /// An actor can connect.
    Connects {
        /// Who.
        actor: String,
    },
    /// An actor has a connection to send something on.
    Connection,
    /// An actor is still connected.
    StillConnected {
        /// Who.
        actor: String,
    },
    /// The program reads all that an actor sends.
    AllRead {
        /// Who.
        actor: String,
    },
    /// One line.
    Line {
        /// The line, or its beginning.
        line: String,
        /// Whether it may go on after these words.
        open_ended: bool,
    },
    /// The same lines several times.
    Lines {
        /// How often.
        times: u32,
    },
    /// An actor gets nothing.
    Silence {
        /// Who.
        actor: String,
    },
    /// The program closes an actor's connection.
    Closed {
        /// Whose.
        actor: String,
    },
    /// The server prints its port.
    PortPrinted {
        /// The port.
        port: u16,
    },
    /// A second server listens on a port of its own.
    OwnPort,
    /// The program ends.
    Ends,
    /// The program needs no more memory than this.
    Growth {
        /// In bytes.
        at_most: u64,
    },
    /// A text is on the screen.
    OnScreen {
        /// The text.
        text: Excerpt,
        /// Whether more than one copy is wrong.
        once: bool,
    },
    /// The user reads a message of the program's own.
    Message {
        /// An error, or something that happened.
        about: MessageKind,
    },
    /// These bytes never reach the terminal.
    NeverOnTerminal {
        /// The bytes.
        bytes: Excerpt,
    },
}

/// What was seen instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Got {
    /// Nothing arrived.
    Nothing {
        /// After so many milliseconds.
        after: u64,
    },
    /// Another line.
    Line {
        /// The line.
        line: Excerpt,
        /// What it means in the conversation so far.
        meaning: Meaning,
        /// The line says that a name is in use which was given up before, in this way.
        freed: Option<Departure>,
    },
    /// Bytes where none were to come.
    Bytes {
        /// The bytes.
        bytes: Excerpt,
    },
    /// Text without the end of a message.
    Unfinished {
        /// The text.
        text: Excerpt,
        /// How the program marks the end of a message.
        framing: Framing,
    },
    /// Only lines that do not count.
    OtherLines {
        /// For so many milliseconds.
        during: u64,
    },
    /// The connection was closed.
    Closed,
    /// The connection was reset.
    Reset,
    /// No connection came about.
    NotConnected {
        /// What the system said.
        reason: String,
    },
    /// The program did not answer an attempt to connect.
    NoAnswer {
        /// After so many milliseconds.
        after: u64,
    },
    /// The program opened no connection.
    NoConnection {
        /// After so many milliseconds.
        after: u64,
    },
    /// There is no connection.
    None,
    /// An actor's connection was closed before.
    ClosedBefore {
        /// Whose.
        actor: String,
    },
    /// The connection was still open.
    StillOpen {
        /// After so many milliseconds.
        after: u64,
    },
    /// What was sent was not read.
    Unread {
        /// After so many milliseconds.
        after: u64,
    },
    /// Fewer lines.
    FewerLines {
        /// How often they came.
        times: u32,
        /// Within so many milliseconds.
        during: u64,
    },
    /// The program ended without listening.
    EndedAtStart {
        /// How it ended.
        how: String,
        /// The last lines that it printed; `None` where another process of it is shown.
        printed: Option<Excerpt>,
    },
    /// The program listens on no port.
    NotListening {
        /// After so many milliseconds.
        after: u64,
        /// The last lines that it printed; `None` where another process of it is shown.
        printed: Option<Excerpt>,
    },
    /// The program ended before.
    EndedBefore,
    /// The program was still running.
    StillRunning {
        /// After so many milliseconds.
        after: u64,
    },
    /// The program did not end by itself.
    EndUnknown,
    /// Both servers listen on the same port.
    SamePort {
        /// The port.
        port: u16,
    },
    /// The program needs more memory.
    Growth {
        /// By so many bytes.
        bytes: u64,
    },
    /// The last lines that the program printed.
    Printed {
        /// The lines; empty where nothing was printed.
        text: Excerpt,
    },
    /// The last line on the screen.
    Screen {
        /// The line; `None` where the screen is empty.
        last_line: Option<Excerpt>,
    },
    /// Several copies on the screen.
    Copies {
        /// How many.
        times: usize,
    },
    /// A bare traceback.
    Traceback,
    /// The bytes reached the terminal.
    OnTerminal,
}

impl Got {
    /// The line that came instead, or the bytes.
    pub fn line(&self) -> Option<&Excerpt> {
        match self {
            Got::Line { line, .. } => Some(line),
            Got::Bytes { bytes } => Some(bytes),
            _ => None,
        }
    }
}

/// Why the harness could not do its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Hindrance {
    /// The replay was stopped before its end.
    Stopped,
    /// The machine stood still for so many milliseconds.
    MachineStoodStill {
        /// For how long.
        during: u64,
        /// What was seen.
        instead: Box<Shortfall>,
    },
    /// The machine was too busy to let the program run.
    MachineTooBusy {
        /// The longest wait, in milliseconds.
        longest: u64,
        /// What was seen.
        instead: Box<Shortfall>,
    },
    /// The harness has no file descriptor left.
    NoDescriptors,
    /// The step does not fit the program's role.
    NotForRole {
        /// The step.
        step: String,
    },
    /// The command takes host and port apart, and the address has no such parts.
    AddressWithoutParts {
        /// The address.
        address: String,
    },
    /// The system refused something.
    Refused {
        /// What the harness asked for, such as `a process`.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// The replay panicked.
    Panicked,
}

/// Why a transcript cannot be asked of a program that speaks as this one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inapplicable {
    /// It is about lines in segments, and the program does not read lines.
    NoLines,
    /// It sends something else than whole messages, and the program does not read lines.
    NotWholeMessages,
    /// It sends a registration in parts, and the program takes the first part for all of it.
    RegistersWithoutEnd,
    /// It is about lines in segments, and the program takes each read for a message.
    RelaysReads,
    /// In it several messages arrive at the same time, and the program adds to messages and marks no ends.
    LeavesEndsOpen,
    /// It makes a client look up the name of a host, and the client shares this machine's network and name service.
    AsksNameService,
}

/// Something that a reader of the evidence should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "note")]
pub enum Note {
    /// A line was passed over.
    PassedOver {
        /// Who got it.
        actor: String,
        /// The line.
        line: Excerpt,
        /// Why it does not count here.
        because: PassedOver,
    },
    /// A name is not free yet: an actor tries to register again.
    TriesAgain {
        /// Who.
        actor: String,
        /// The name.
        name: String,
    },
    /// An actor is taken for registered without an answer.
    TakenForRegistered {
        /// Who.
        actor: String,
    },
    /// An actor has no connection any more on which to say a line.
    NotSaid {
        /// Who.
        actor: String,
        /// The line.
        line: String,
    },
    /// An actor says a line of the harness's own, which ends what another one was still to hear.
    Fence {
        /// Who says it.
        speaker: String,
        /// Who is to hear it.
        listener: String,
    },
    /// The harness's own line did not arrive, so that silence is judged by time.
    FenceUnheard {
        /// Who said it.
        speaker: String,
        /// Who was to hear it.
        listener: String,
    },
    /// Ctrl-C did nothing as a key, so it was sent as a signal.
    KeyDidNothing,
    /// What the program prints from here on is not drawn, since that costs too much.
    NotDrawn,
    /// A connection from a program that is not under test was refused.
    StrangerRefused,
    /// An actor could not connect.
    NotConnected {
        /// Who.
        actor: String,
        /// What the system said.
        reason: String,
    },
    /// Bytes of the event before are not kept.
    Cut {
        /// How many.
        bytes: usize,
    },
    /// Bytes from here on are not kept.
    LogFull,
    /// Bytes of later events are not kept.
    LeftOut {
        /// How many.
        bytes: usize,
    },
}

/// Why a line does not count where it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassedOver {
    /// It stands in front of the answer to a registration.
    Greeting,
    /// It is a notice of the program's own.
    Notice,
    /// It has a 200 behind other text, which other transcripts judge.
    HiddenSuccess,
    /// It is a registration that other transcripts judge.
    Registration,
    /// It is a mistake that other transcripts judge.
    Mistake(Meaning),
}
