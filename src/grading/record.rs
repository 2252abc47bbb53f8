//! The stored evidence on a submission: enough to judge and score it again without its programs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conformance::evidence::time_limit::{TimeLimit, UsedUpBy};
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::program::profile::Profile;
use crate::transcript::syntax::Role;

/// Name and version of the evidence file's schema. Version 2 stores what was seen in types; version 1 stored
/// sentences and requirement ids, and is not read any more.
pub const SCHEMA: &str = "chat-conformance/evidence/2";

/// The evidence on one submission, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// The submission's name: that of its folder.
    pub submission: String,
    /// Digest of everything on which the result depends: the submission's files, its commands, the suite and the
    /// limits.
    pub digest: String,
    /// Digest of the suite whose transcripts were replayed.
    pub suite: String,
    /// The server and the client, in this order.
    pub parts: Vec<Part>,
    /// Whether the bundled reference failed at about the time of this record.
    pub is_doubtful: bool,
}

impl Record {
    /// Whether every program was judged. If not, this machine lacked something, or the harness failed.
    pub fn is_judged(&self) -> bool {
        let could_not_tell =
            |runs: &Vec<Evidence>| !runs.is_empty() && !runs.iter().any(Evidence::is_conclusive);
        let is_judged = |part: &Part| match &part.outcome {
            PartOutcome::NotJudged { .. } => false,
            PartOutcome::Judged {
                runs, time_limit, ..
            } => {
                let limit = time_limit.as_ref();
                let was_busy = limit.is_some_and(|limit| limit.used_up_by == UsedUpBy::Machine);
                !was_busy && !runs.values().any(could_not_tell)
            }
            PartOutcome::NotFound { .. } | PartOutcome::NotBuilt { .. } => true,
        };
        self.parts.iter().all(is_judged)
    }

    /// Whether the runs of each transcript came to the same result. If not, another try may tell.
    pub fn is_unanimous(&self) -> bool {
        let is_split = |runs: &Vec<Evidence>| {
            let completed = |run: &Evidence| run.outcome == Outcome::Completed;
            let fell_short = |run: &Evidence| matches!(run.outcome, Outcome::FellShort(_));
            runs.iter().any(completed) && runs.iter().any(fell_short)
        };
        self.parts.iter().all(|part| match &part.outcome {
            PartOutcome::Judged { runs, .. } => !runs.values().any(is_split),
            _ => true,
        })
    }
}

/// One of a submission's two programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Server or client.
    pub role: Role,
    /// Program and arguments, to be started in the submission's folder; empty if none was found.
    pub command: Vec<String>,
    /// The result.
    pub outcome: PartOutcome,
}

/// The result for one of a submission's programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum PartOutcome {
    /// There is no such program, or several files may be it.
    NotFound {
        /// What is missing or ambiguous, in a sentence.
        reason: String,
    },
    /// The build failed.
    NotBuilt {
        /// Program and arguments of the build.
        build: Vec<String>,
        /// Why, in a sentence.
        reason: String,
        /// The end of the build's output.
        output: String,
    },
    /// Nothing was judged: this machine lacks something, or the harness failed.
    NotJudged {
        /// Why, in a sentence.
        reason: String,
    },
    /// The program was judged.
    Judged {
        /// How the program speaks, and its quirks.
        profile: Profile,
        /// What the probe found out and the replays take into account.
        remarks: Vec<String>,
        /// Whether the command comes from the submission (its own instructions, or the name of a file) instead of the
        /// class's instructions.
        #[serde(default)]
        own_command: bool,
        /// The runs of each transcript, by the transcript's name.
        runs: BTreeMap<String, Vec<Evidence>>,
        /// Wall time of all replays, in seconds.
        seconds: f64,
        /// Set if the program's time ran out before every transcript was replayed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_limit: Option<TimeLimit>,
    },
}
