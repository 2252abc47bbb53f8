//! The suite, the program under test, and what is made of the two.
//!
//! ```text
//! run -> replay -> subject, peer, screen      processes, sockets, terminals
//!          |  \-> conversation                what a line means; pure
//!          v
//!       evidence -> verdict -> result         pure
//! requirement, suite                          what is asked; pure
//! ```

pub mod clock;
pub mod conversation;
pub mod dialect;
pub mod digest;
pub mod environment;
pub mod evidence;
pub mod inbox;
pub mod input;
pub mod limits;
pub mod lineage;
pub mod manner;
pub mod pace;
pub mod peer;
pub mod probe;
pub mod prose;
pub mod removal;
pub mod replay;
pub mod requirement;
pub mod result;
pub mod run;
pub mod screen;
pub mod slots;
pub mod subject;
pub mod suite;
pub mod supervisor;
pub mod surroundings;
pub mod system;
pub mod target;
pub mod verdict;
