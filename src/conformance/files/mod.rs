//! Reads files that somebody else wrote, and removes them.

pub mod input;
pub mod removal;
