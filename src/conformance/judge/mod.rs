//! From evidence to verdicts, without I/O.

pub mod result;
pub mod verdict;
