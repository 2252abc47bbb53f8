//! Why there is no outcome.

use std::io;

/// Why a load comes to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The server cannot be put under load as it was asked for.
    Unfit(String),
    /// The load generator cannot do its work.
    Unable(String),
    /// It was cancelled.
    Interrupted,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Unable(error.to_string())
    }
}
