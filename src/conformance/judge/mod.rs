//! From evidence to verdicts, without I/O.
//!
//! ```text
//! program -> verdict -> blame -> tally -> finding -> charge
//! ```

mod blame;
pub mod charge;
mod finding;
pub mod policy;
pub mod program;
pub mod result;
mod tally;
pub mod verdict;

pub use finding::MOST_RUNS;
