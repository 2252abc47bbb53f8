//! From the evidence on one program to its result. This is the only place where a program is judged: playing never
//! does it, and evidence that was stored is judged in the same way as evidence that is new.

use super::result::{RunResult, withhold_passes};
use super::verdict::{Replayed, verdicts};
use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::requirement::Requirement;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::Role;

/// What was seen of one program in all replays.
#[derive(Debug, Clone)]
pub struct ProgramEvidence {
    /// Whether it is a server or a client.
    pub role: Role,
    /// Program and arguments, or the address of a running server.
    pub command: Vec<String>,
    /// How the program speaks, its dialect included.
    pub profile: Profile,
    /// What the probe found out and the replays take into account, a sentence each.
    pub remarks: Vec<String>,
    /// Every transcript that was asked for, in the suite's order, with its runs.
    pub replayed: Vec<Replayed>,
    /// Wall time of all replays, in seconds.
    pub seconds: f64,
    /// Set where the program's time ran out before every transcript was replayed.
    pub time_limit: Option<TimeLimit>,
}

impl ProgramEvidence {
    /// Judges the program by `requirements`. `table` is that of the whole suite.
    pub fn judged(self, requirements: Vec<Requirement>, table: &Table) -> RunResult {
        let (mut requirements, transcripts) = verdicts(requirements, self.replayed, table);
        if let Some(limit) = &self.time_limit {
            withhold_passes(limit, &mut requirements);
        }
        RunResult {
            role: self.role,
            command: self.command,
            profile: self.profile,
            remarks: self.remarks,
            requirements,
            transcripts,
            seconds: self.seconds,
            time_limit: self.time_limit,
        }
    }
}
