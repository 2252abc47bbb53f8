//! The environment in which a program under test runs.

use std::path::PathBuf;

use crate::conformance::program::limits::Limits;

/// What a program is started in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// What it may take of the machine.
    pub limits: Limits,
    /// Its working directory; the harness's own where there is none. The program may write to it: when it cannot be
    /// entered any more the program itself ends at once.
    pub folder: Option<PathBuf>,
    /// Variables of its environment, beyond the plain one that every program gets.
    pub environment: Vec<(String, String)>,
    /// On whose behalf it is started.
    pub purpose: Purpose,
    /// Folders that it must not see: in their place it finds empty ones, in which only its working directory and
    /// its temporary directory are left, and it sees no terminal but its own. Where the system does not allow that, nothing is started: ask
    /// [`can_hide`](crate::conformance::program::supervisor::can_hide) first.
    pub hidden: Vec<PathBuf>,
    /// Where its temporary directory is made, which should be in a hidden folder; the system's place for
    /// temporary files where there is none.
    pub scratch: Option<PathBuf>,
    /// The network that it sees.
    pub network: Network,
}

impl Environment {
    /// Where the bundled reference runs, as the harness's own check of the machine.
    pub fn of_reference() -> Environment {
        Environment {
            purpose: Purpose::Reference,
            ..Environment::default()
        }
    }
}

/// On whose behalf a program is started: decides what it may start in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Purpose {
    /// A person judges a program: it may be the bundled `chat-server` or `chat-client`.
    #[default]
    Program,
    /// A submission of a class: the bundled programs refuse to run for it.
    Submission,
    /// The bundled reference, which the harness starts to check the machine.
    Reference,
}

/// The network of a program under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Each run has its own, where the system allows that.
    #[default]
    Own,
    /// The machine's, with every other program in it.
    Shared,
}
