//! Conversations that nobody wrote: random ones, along the axes on which programs go wrong, replayed as transcripts and
//! made small where they fail.
//!
//! ```text
//! search -> attribution -> conversation -> random, script     the search; what a conversation is
//!        \-> shrink                                            the smallest one that fails
//! server, client -> conversation, text                         what people do, and what must follow from it
//! ```
//!
//! What must follow is predicted by a small model for each role, written from the requirements. Since a prediction is
//! told as a transcript, the player and the judge of the suite do the rest.

mod attribution;
pub mod client;
pub mod conversation;
pub mod random;
pub mod script;
pub mod search;
pub mod server;
mod shrink;
pub mod text;

pub use attribution::Signature;
