//! Where a subject runs, and what it finds there.

use std::path::PathBuf;

use super::limits::Limits;

/// What a subject is started in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// What it may take of the machine.
    pub limits: Limits,
    /// Its working directory; the harness's own where there is none.
    pub folder: Option<PathBuf>,
    /// Variables of its environment, beyond the plain one that every subject gets.
    pub environment: Vec<(String, String)>,
    /// The network that it sees.
    pub network: Network,
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
