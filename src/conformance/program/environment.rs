//! The environment in which a program under test runs.

use std::path::PathBuf;

use crate::conformance::program::cage::layer::{Layer, OwnFolder};
use crate::conformance::program::limits::Limits;

/// The environment of a program under test.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Its resource limits.
    pub limits: Limits,
    /// Its working directory; `None` means the harness's own. The program may write to it. If it cannot be entered
    /// any more, the program is responsible and is ended at once.
    pub folder: Option<PathBuf>,
    /// Environment variables beyond those that every program gets.
    pub environment: Vec<(String, String)>,
    /// On whose behalf it is started.
    pub purpose: Purpose,
    /// The layers of its cage. If the system does not offer one of them, nothing is started: ask
    /// [`layers_here`](crate::conformance::program::supervisor::layers_here) first.
    pub cage: Vec<Layer>,
    /// Its user id and group id, if the cage has [`Layer::OwnUser`]. Its working directory must belong to that user.
    pub user: Option<u32>,
    /// Files and folders that a caged program can read, in addition to those that every program sees.
    pub visible: Vec<PathBuf>,
    /// What happens to changes in its working directory, in a cage with namespaces.
    pub own_folder: OwnFolder,
    /// Folders that it must not see, if they are inside visible ones. It finds empty folders instead. Needs a cage
    /// with namespaces.
    pub hidden: Vec<PathBuf>,
    /// The folder for its temporary directory; `None` means the system's folder for temporary files.
    pub scratch: Option<PathBuf>,
    /// Its network.
    pub network: Network,
}

impl Environment {
    /// The environment of the bundled reference when the harness checks the machine.
    pub fn of_reference() -> Environment {
        Environment {
            purpose: Purpose::Reference,
            ..Environment::default()
        }
    }
}

/// On whose behalf a program is started. This decides what it may start itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Purpose {
    /// A person judges a program, which may be the bundled `chat-server` or `chat-client`.
    #[default]
    Program,
    /// A submission of a class. The bundled programs refuse to run for it.
    Submission,
    /// The bundled reference, which checks the machine.
    Reference,
}

/// The network of a program under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// Each run has its own, if the system allows that.
    #[default]
    Own,
    /// The machine's network, shared with every other program.
    Shared,
}
