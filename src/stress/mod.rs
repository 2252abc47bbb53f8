//! Load on a server, and proof that nothing is lost under it.
//!
//! - [`shape`]: who talks, how much, for how long.
//! - [`message`]: texts that tell by themselves who sent them when, and whether they are whole; no I/O.
//! - [`said`]: what a sender said last, byte for byte; no I/O.
//! - [`witness`]: what each client heard, held against what was sent; no I/O.
//! - `connection`: one client's socket.
//! - `client`: one client: what it is about to do, and where it stands.
//! - [`load`]: the one loop that speaks, listens and measures.
//! - [`server_process`]: the server under load, where it is started here.
//! - [`busy`]: threads that take processor time from both.
//! - [`trouble`]: why nothing came of it.
//! - [`outcome`]: what came of it, for reports.

pub mod busy;
mod client;
mod connection;
pub mod load;
pub mod message;
pub mod outcome;
pub mod said;
pub mod server_process;
pub mod shape;
mod timer;
pub mod trouble;
pub mod witness;
