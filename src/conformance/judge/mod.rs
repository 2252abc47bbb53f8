//! From evidence to verdicts, without I/O.
//!
//! ```text
//! program -> verdict -> blame -> tally -> runs -> ends -> charge
//!            verdict -> twin
//! ```

mod blame;
pub mod charge;
mod ends;
pub mod program;
pub mod result;
mod runs;
mod tally;
pub mod transcript_policy;
mod twin;
pub mod verdict;

pub use runs::MOST_RUNS;
