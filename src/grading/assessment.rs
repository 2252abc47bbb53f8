//! What is said of one submission: judged and scored. Reports on submissions read this and nothing else.

use super::score::Score;
use crate::conformance::result::RunResult;
use crate::transcript::syntax::Role;

/// One submission, judged and scored.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The submission's name.
    pub submission: String,
    /// The server and the client, in this order; one alone where only that was asked for.
    pub parts: Vec<AssessedPart>,
    /// The points, and why.
    pub score: Score,
}

/// One of a submission's programs.
#[derive(Debug, Clone)]
pub struct AssessedPart {
    /// Which of the two.
    pub role: Role,
    /// Program and arguments; empty where none was found.
    pub command: Vec<String>,
    /// What was found out about it, or why nothing was.
    pub result: Result<RunResult, Unjudged>,
}

/// Why a program was not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {
    /// What went wrong, in a sentence.
    pub reason: String,
    /// What was printed about it, as it came; empty where nothing was.
    pub output: String,
    /// Whether the submission is to blame; otherwise it was this machine, and the mark is not to be relied on.
    pub is_its_own_fault: bool,
}

impl Assessment {
    /// The part of this role.
    pub fn part(&self, role: Role) -> Option<&AssessedPart> {
        self.parts.iter().find(|part| part.role == role)
    }
}
