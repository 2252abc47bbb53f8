//! The suite, the program under test, and what is made of the two.
//!
//! ```text
//! run, encounter -> session -> probe                   session: before the first transcript
//! run -> schedule                                       which run comes next
//! all of them -> judge -> evidence -> conversation     judge: evidence to verdicts, pure
//!            \-> play -> program -> files              play: transcript and program to evidence
//!             \-> suite                                what is asked
//! ```

pub mod conversation;
pub mod encounter;
pub mod evidence;
pub mod files;
pub mod judge;
pub mod play;
pub mod probe;
pub mod program;
pub mod run;
mod schedule;
pub mod session;
pub mod suite;
