//! From evidence to verdicts, without I/O.
//!
//! ```text
//! program -> verdict -> blame -> tally -> finding -> charge
//! ```

mod blame;
pub mod charge;
pub mod program;
pub mod result;
mod runs;
mod tally;
pub mod transcript_policy;
pub mod verdict;

pub use runs::MOST_RUNS;
