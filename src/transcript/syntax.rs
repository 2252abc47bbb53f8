//! What a transcript says once it is parsed: who does what, one step a line.

/// Which program a transcript judges: the harness plays everybody else.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The program under test is a server; the harness plays the chat users.
    Server,
    /// The program under test is a client; the harness plays the server and the person typing.
    Client,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Role::Server => "server",
            Role::Client => "client",
        })
    }
}

/// One conversation and the requirements that it judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The comment at the top, as one sentence: what must be so.
    pub sentence: String,
    /// The requirement ids after `covers`, in order, each once.
    pub covers: Vec<String>,
    /// Client when the first step is `client starts`, server otherwise.
    pub role: Role,
    /// The conversation, in order; never empty.
    pub steps: Vec<Step>,
}

impl Transcript {
    /// Whether it judges one of these rows.
    pub fn covers_any(&self, rows: &[&str]) -> bool {
        self.covers.iter().any(|id| rows.contains(&id.as_str()))
    }
}

/// One line of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column of the step's operative word in characters, from 1: where a failure points.
    pub column: usize,
    /// The step as the formatter writes it, arrows not aligned with its neighbours'.
    pub source: String,
    /// What is done or expected.
    pub action: Action,
}

/// What a step does or expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `alice joins`, `heir joins as alice`: connect, register, get status 200.
    Joins {
        /// Who.
        actor: String,
        /// The name registered; the actor's own unless `as` gives another.
        name: String,
    },
    /// `alice connects`, `crowd connects 300 times`: open connections and say nothing.
    Connects {
        /// Who.
        actor: String,
        /// How many connections, at least 1.
        times: u32,
    },
    /// `alice > LINE`: say one line.
    Says {
        /// Who.
        actor: String,
        /// The line without its end.
        line: String,
    },
    /// `alice < LINE`, `alice < 401 ...`: the next line that this actor gets, or sees.
    Gets {
        /// Who; `user` for what is to be seen on the client's terminal.
        actor: String,
        /// The line without its end, without the open end's mark.
        line: String,
        /// Ended by ` ...`: whatever follows on that line is right too.
        open_ended: bool,
    },
    /// `alice sends "hel"`, `alice sends "x" 1048576 times`: these bytes, in a segment of their own.
    Sends {
        /// Who.
        actor: String,
        /// The bytes, escapes resolved.
        bytes: Vec<u8>,
        /// How often, at least 1.
        times: u32,
    },
    /// `bob hears "@alice: wave\n" 8000 times`: these lines, in a row.
    Hears {
        /// Who.
        actor: String,
        /// Whole lines, each with its LF, escapes resolved.
        bytes: Vec<u8>,
        /// How often, at least 1.
        times: u32,
    },
    /// `alice hears nothing`: nothing has come that was not already accounted for.
    HearsNothing {
        /// Who.
        actor: String,
    },
    /// `sloth stops reading`: leaves what comes in the system's buffers, which are kept small.
    StopsReading {
        /// Who.
        actor: String,
    },
    /// `alice closes`: closes the connection in an orderly way, without a DISCONNECT.
    Closes {
        /// Who.
        actor: String,
    },
    /// `alice resets`: the connection ends by a reset.
    Resets {
        /// Who.
        actor: String,
    },
    /// `alice is disconnected`: the subject closes this actor's connection.
    IsDisconnected {
        /// Who.
        actor: String,
    },
    /// `4 seconds pass`: only where a requirement is about time itself.
    Pass {
        /// How long, at least 1.
        seconds: u32,
    },
    /// `server prints its port`: the number is among what the subject printed.
    PrintsItsPort,
    /// `another server starts`: a second process of the subject listens, on a port of its own.
    AnotherStarts,
    /// `server is interrupted`: Ctrl-C (SIGINT).
    IsInterrupted,
    /// `server is terminated`, `client is terminated`: SIGTERM.
    IsTerminated,
    /// `server ends`, `client ends`: the process of the subject is over.
    Ends,
    /// `server grows by at most 16 MiB`: memory since the conversation began.
    GrowsByAtMost {
        /// The bound in bytes.
        bytes: u64,
    },
    /// `client starts as alice`, `client starts as alice at "http://{host}:{port}"`.
    ClientStarts {
        /// The user name given to it.
        name: String,
        /// The address as written, `{host}`, `{port}` (where the harness listens) and `{unused}`
        /// (where nothing listens) not yet replaced; `chat://{host}:{port}` when left out.
        address: String,
    },
    /// `user types "hel"`: keys, `\n` is Enter.
    Types {
        /// What is typed.
        text: String,
    },
    /// `user presses Ctrl-C`, `user presses Ctrl-D`.
    Presses {
        /// The key.
        key: Key,
    },
    /// `user sees an error`, `user sees a notice`: words of the client's own about what happened.
    SeesMessage {
        /// Which of the two words the transcript uses; they ask for the same.
        kind: MessageKind,
    },
    /// `terminal never gets "\x1b[2J"`: these bytes are nowhere in what the client printed.
    TerminalNeverGets {
        /// The bytes, escapes resolved.
        bytes: Vec<u8>,
    },
}

impl Action {
    /// The chat user, played by the harness, whom the line names; nobody where it speaks of the program, of
    /// its user or of time.
    pub fn actor(&self) -> Option<&str> {
        match self {
            Action::Joins { actor, .. }
            | Action::Connects { actor, .. }
            | Action::Says { actor, .. }
            | Action::Gets { actor, .. }
            | Action::Sends { actor, .. }
            | Action::Hears { actor, .. }
            | Action::HearsNothing { actor }
            | Action::StopsReading { actor }
            | Action::Closes { actor }
            | Action::Resets { actor }
            | Action::IsDisconnected { actor } => Some(actor),
            Action::Pass { .. }
            | Action::PrintsItsPort
            | Action::AnotherStarts
            | Action::IsInterrupted
            | Action::IsTerminated
            | Action::Ends
            | Action::GrowsByAtMost { .. }
            | Action::ClientStarts { .. }
            | Action::Types { .. }
            | Action::Presses { .. }
            | Action::SeesMessage { .. }
            | Action::TerminalNeverGets { .. } => None,
        }
    }
}

/// A key that ends something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Interrupt.
    CtrlC,
    /// End of input.
    CtrlD,
}

/// What the client tells its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageKind {
    /// Something went wrong.
    Error,
    /// Something happened.
    Notice,
}
