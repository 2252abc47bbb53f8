//! The limit on the time of a whole program, where it was reached.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A program's time ran out: what it was given, and what was left undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimeLimit {
    /// The limit on the whole program, in seconds.
    pub seconds: f64,
    /// Who used the time.
    pub used_up_by: UsedUpBy,
    /// Names of the transcripts that were not replayed, or not to the end; they are untested.
    pub not_replayed: Vec<String>,
}

/// Who used the time that a program was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsedUpBy {
    /// The program could work all that time.
    Program,
    /// The machine was busy with other things: the program did not get its time.
    Machine,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transcripts, were) = match self.not_replayed.len() {
            1 => ("transcript", "was"),
            _ => ("transcripts", "were"),
        };
        write!(
            f,
            "Time limit: this program was given {} s; {} {transcripts} {were} not replayed.",
            self.seconds,
            self.not_replayed.len()
        )?;
        match self.used_up_by {
            UsedUpBy::Program => Ok(()),
            UsedUpBy::Machine => write!(
                f,
                " The machine was too busy to let the program run: judge it again when the machine is idle."
            ),
        }
    }
}
