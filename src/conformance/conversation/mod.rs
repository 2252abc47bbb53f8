//! The conversation between the harness and the program under test, and what its lines mean.
//!
//! No I/O, and no requirement: what a line means is one question, whom to charge for it another.

pub mod cause;
pub mod expectation;
pub mod leaving;
pub mod meaning;
pub mod room;
pub mod utterance;
