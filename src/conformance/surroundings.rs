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
}
