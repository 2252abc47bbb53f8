//! The result of one of a submission's two programs.

use crate::conformance::judge::result::RunResult;
use crate::transcript::syntax::Role;

/// One of a submission's programs.
#[derive(Debug, Clone)]
pub struct AssessedPart {
    /// Server or client.
    pub role: Role,
    /// Program and arguments; empty if none was found.
    pub command: Vec<String>,
    /// Names of the transcripts that use addresses which the program's command cannot express, because it takes host
    /// and port separately. Empty if the command comes from the class's instructions.
    pub ruled_out: Vec<String>,
    /// The result, or why there is none.
    pub result: Result<RunResult, Unjudged>,
}

/// Why a program was not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjudged {
    /// What went wrong, in a sentence.
    pub reason: String,
    /// The program's own output, unchanged; empty if there is none.
    pub output: String,
    /// Whether the submission is to blame. Otherwise this machine is, and the mark is doubtful.
    pub is_its_own_fault: bool,
}
