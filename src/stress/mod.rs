//! Puts a server under load and checks that it loses nothing.
//!
//! - [`spec`]: the load: who talks, how much, for how long.
//! - [`message`]: messages that carry their sender, their number, their time and a checksum; no
//!   I/O.
//! - [`sent_log`]: the last lines that a sender sent, byte for byte; no I/O.
//! - [`witness`]: compares what each client heard with what was sent; no I/O.
//! - `connection`: one client's socket.
//! - `client`: one client: its state and what it will do next.
//! - [`load`]: the loop that talks, listens and measures.
//! - [`server_process`]: the server under load, if this program started it.
//! - [`busy`]: threads that compete with both for processor time.
//! - [`error`]: why a load could not run.
//! - [`outcome`]: measurements and breaches, for reports.

pub mod busy;
mod client;
mod connection;
pub mod error;
pub mod load;
pub mod message;
pub mod outcome;
pub mod sent_log;
pub mod server_process;
pub mod spec;
mod timer;
pub mod witness;
