//! What is said of one of a submission's programs.

use crate::conformance::judge::result::RunResult;
use crate::transcript::syntax::Role;

/// One of a submission's programs.
#[derive(Debug, Clone)]
pub struct AssessedPart {
    /// Which of the two.
    pub role: Role,
    /// Program and arguments; empty where none was found.
    pub command: Vec<String>,
    /// Names of the transcripts that its command cannot be asked, where the command is not from the class's instructions:
    /// it takes host and port apart, and these are about addresses without them.
    pub ruled_out: Vec<String>,
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
