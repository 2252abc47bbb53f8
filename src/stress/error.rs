//! Why a load could not run.

use std::io;

/// Why a load has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// The server cannot handle this load, or did not start.
    Server(String),
    /// The load generator cannot do its work.
    Generator(String),
    /// It was cancelled.
    Interrupted,
}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> LoadError {
        LoadError::Generator(error.to_string())
    }
}
