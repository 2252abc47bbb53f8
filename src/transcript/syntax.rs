//! The syntax tree of a transcript: who does what, one step a line.

/// The role of the program under test. The harness plays everybody else.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The program under test is a server; the harness plays the chat users.
    Server,
    /// The program under test is a client; the harness plays the server and the person typing.
    Client,
    /// The programs under test are a server and its own clients; the harness plays the people at the clients' terminals.
    Pair,
}

impl Role {
    /// Every role, in the order of reports.
    pub const ALL: [Role; 3] = [Role::Server, Role::Client, Role::Pair];
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Role::Server => "server",
            Role::Client => "client",
            Role::Pair => "pair",
        })
    }
}

/// A conversation, and the requirements that it tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The comment at the top: one sentence that says what must hold.
    pub sentence: String,
    /// The requirement ids after `covers`, in order, each once.
    pub covers: Vec<String>,
    /// Client if the first step is `client starts`, pair if somebody else `starts`, otherwise server.
    pub role: Role,
    /// The steps in order; never empty.
    pub steps: Vec<Step>,
}

impl Transcript {
    /// Whether it covers one of these requirements.
    pub fn covers_any(&self, ids: &[&str]) -> bool {
        self.covers.iter().any(|id| ids.contains(&id.as_str()))
    }
}

/// One line of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Line in the file, from 1.
    pub line: usize,
    /// Column of the step's verb in characters, from 1. A failure points there.
    pub column: usize,
    /// The step in canonical format, but without aligned arrows.
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
        /// The registered name: the actor's own unless `as` gives another.
        name: String,
    },
    /// `alice connects`, `crowd connects 300 times`: open connections and send nothing.
    Connects {
        /// Who.
        actor: String,
        /// How many connections, at least 1.
        times: u32,
    },
    /// `alice > LINE`: send one line.
    Says {
        /// Who.
        actor: String,
        /// The line without its end.
        line: String,
    },
    /// `alice < LINE`, `alice < 401 ...`: the next line that this actor receives or sees.
    Gets {
        /// Who; `user` for text on the client's terminal.
        actor: String,
        /// The line without its end, and without ` ...`.
        line: String,
        /// Whether it ends in ` ...`: the line may continue with anything.
        open_ended: bool,
    },
    /// `alice sends "hel"`, `alice sends "x" 1048576 times`: send these bytes as a segment of their
    /// own.
    Sends {
        /// Who.
        actor: String,
        /// The bytes, escapes resolved.
        bytes: Vec<u8>,
        /// How often, at least 1.
        times: u32,
    },
    /// `bob hears "@alice: wave\n" 8000 times`: receive these lines, one after the other.
    Hears {
        /// Who.
        actor: String,
        /// Whole lines, each with its LF, escapes resolved.
        bytes: Vec<u8>,
        /// How often, at least 1.
        times: u32,
    },
    /// `alice hears nothing`: no further line has arrived besides those that earlier steps expect.
    HearsNothing {
        /// Who.
        actor: String,
    },
    /// `sloth stops reading`: leave incoming bytes in the system's buffers, which are kept small.
    StopsReading {
        /// Who.
        actor: String,
    },
    /// `alice closes`: close the connection in an orderly way, without DISCONNECT.
    Closes {
        /// Who.
        actor: String,
    },
    /// `alice resets`: end the connection with a reset.
    Resets {
        /// Who.
        actor: String,
    },
    /// `alice is disconnected`: the program under test closes this actor's connection.
    IsDisconnected {
        /// Who.
        actor: String,
    },
    /// `4 seconds pass`: only for requirements about time itself.
    Pass {
        /// How long, at least 1.
        seconds: u32,
    },
    /// `server prints its port`: the program under test has printed the port number.
    PrintsItsPort,
    /// `another server starts`: a second process of the program under test listens on its own port.
    AnotherStarts,
    /// `server is paused`, `client is paused`: stop the process of the program under test (SIGSTOP), so that all that
    /// is done to it until it goes on is there at the same time.
    IsPaused,
    /// `server goes on`, `client goes on`: let it continue (SIGCONT).
    GoesOn,
    /// `server is interrupted`: Ctrl-C (SIGINT).
    IsInterrupted,
    /// `server is terminated`, `client is terminated`: SIGTERM.
    IsTerminated,
    /// `server ends`, `client ends`, `alice ends`: the process of the program under test, or of this person's
    /// client, has ended.
    Ends {
        /// `server`, `client`, or the person.
        actor: String,
    },
    /// `server grows by at most 16 MiB`: growth of memory since the conversation began.
    GrowsByAtMost {
        /// The limit in bytes.
        bytes: u64,
    },
    /// `client starts as alice`, `client starts as alice at "http://{host}:{port}"`.
    ClientStarts {
        /// The user name that the client is started with.
        name: String,
        /// The address as written, with `{host}` and `{port}` (where the harness listens), `{short_port}` (the same, but a
        /// port of four digits), `{unused}` (where nothing listens) and `{overflowing}` (the port plus 65,536) not yet
        /// replaced. `chat://{host}:{port}` if omitted.
        address: String,
    },
    /// `alice starts`, `impostor starts as alice`: a person starts a client of their own, with the address of the
    /// server under test.
    PersonStarts {
        /// Who.
        actor: String,
        /// The user name that the client is started with: the actor's own unless `as` gives another.
        name: String,
    },
    /// `user types "hel"`: key presses; `\n` is Enter.
    Types {
        /// Who: `user`, or a person.
        actor: String,
        /// What is typed.
        text: String,
    },
    /// `user presses Ctrl-C`, `user presses Ctrl-D`.
    Presses {
        /// Who: `user`, or a person.
        actor: String,
        /// The key.
        key: Key,
    },
    /// `user sees an error`, `user sees a notice`: the client prints a message of its own about
    /// what happened.
    SeesMessage {
        /// Who: `user`, or a person.
        actor: String,
        /// Which of the two words the transcript uses. Both check the same.
        kind: MessageKind,
    },
    /// `terminal never gets "\x1b[2J"`: the client has not printed these bytes anywhere.
    TerminalNeverGets {
        /// The bytes, escapes resolved.
        bytes: Vec<u8>,
    },
}

impl Action {
    /// Whom the step names: a chat user, or a person and the client that they use. `None` if the step is about a
    /// program, the only user of a client, or time.
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
            | Action::IsDisconnected { actor }
            | Action::PersonStarts { actor, .. } => Some(actor),
            Action::Types { actor, .. }
            | Action::Presses { actor, .. }
            | Action::SeesMessage { actor, .. }
            | Action::Ends { actor } => {
                let is_person = !["user", "server", "client"].contains(&actor.as_str());
                is_person.then_some(actor)
            }
            Action::Pass { .. }
            | Action::PrintsItsPort
            | Action::AnotherStarts
            | Action::IsPaused
            | Action::GoesOn
            | Action::IsInterrupted
            | Action::IsTerminated
            | Action::GrowsByAtMost { .. }
            | Action::ClientStarts { .. }
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
