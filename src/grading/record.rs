//! What is kept of a submission: all that was seen, and enough to judge and score it again without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::conformance::evidence::Evidence;
use crate::conformance::evidence::time_limit::{TimeLimit, UsedUpBy};
use crate::conformance::program::profile::Profile;
use crate::transcript::syntax::Role;

/// The evidence file's name and version.
pub const SCHEMA: &str = "chat-conformance/evidence/2";

/// One submission's evidence, as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema: String,
    /// The submission's name: that of its folder.
    pub submission: String,
    /// Digest of what was judged: the submission's files, how it is started, the suite and the limits.
    /// Another digest is another question.
    pub digest: String,
    /// Digest of the suite whose transcripts were replayed.
    pub suite: String,
    /// The server and the client, in this order.
    pub parts: Vec<Part>,
    /// Whether the bundled reference fell short about the time at which this was recorded.
    pub is_doubtful: bool,
}

impl Record {
    /// Whether all that could be judged was: otherwise it was this machine that lacked something, or the harness
    /// could not do its part.
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
}

/// One of a submission's two programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Which of the two.
    pub role: Role,
    /// Program and arguments, as they are to be started in the submission's folder; empty where none was found.
    pub command: Vec<String>,
    /// What came of it.
    pub outcome: PartOutcome,
}

/// What came of one of a submission's programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum PartOutcome {
    /// There is no such program, or it cannot be told which file it is.
    NotFound {
        /// What was looked for and what is there, in a sentence.
        reason: String,
    },
    /// Its build went wrong.
    NotBuilt {
        /// Program and arguments of the build.
        build: Vec<String>,
        /// How it went wrong, in a sentence.
        reason: String,
        /// What it printed, the end of it.
        output: String,
    },
    /// This machine, not the submission, lacks what it needs, or the harness failed: nothing was judged.
    NotJudged {
        /// Why, in a sentence.
        reason: String,
    },
    /// It was judged.
    Judged {
        /// How it speaks, and what else is minded of it.
        profile: Profile,
        /// What was found out about it and minded.
        remarks: Vec<String>,
        /// Whether the submission, rather than the class's instructions, says how it is started: by instructions of
        /// its own, or by the name of a file.
        #[serde(default)]
        own_command: bool,
        /// What was seen in each run of each transcript, by the transcript's name.
        runs: BTreeMap<String, Vec<Evidence>>,
        /// Wall time of the whole.
        seconds: f64,
        /// Set where the program's time ran out before every transcript was replayed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_limit: Option<TimeLimit>,
    },
}
