//! Reading files that somebody else wrote, and removing them.

pub mod input;
pub mod removal;
