//! CHAT/1.0: a reference server and client, and the conformance suite that grades anybody's.
//!
//! Dependencies between modules point one way:
//!
//! ```text
//! bin -> server | client | recording | report -> grading | stress | exploration -> conformance -> transcript
//!        report, grading -> classroom -> conformance
//!        server, client -> protocol
//! ```
//!
//! - [`protocol`]: bytes to lines, lines to messages, names; no I/O.
//! - [`server`]: the rules of the room, no I/O; around them the event loop on sockets.
//! - [`client`]: the session, no I/O; around it the terminal and the socket.
//! - [`transcript`]: the language of the suite: lexer, parser, formatter, diagnostics; no I/O.
//! - [`conformance`]: the requirements, the suite, the program under test, replay and verdicts.
//! - [`exploration`]: conversations that nobody wrote, and the smallest ones that fail.
//! - [`classroom`]: a class as it comes out of a learning system: who is who, and what each handed in.
//! - [`grading`]: from verdicts to points, and a class of submissions.
//! - [`stress`]: load on a server, and what every client heard of it.
//! - [`recording`]: a conversation between real clients and a server, written as a transcript.
//! - [`report`]: one file a format, each reads the results and nothing else.
//!
//! `conformance` and `transcript` never use `protocol`: the suite judges the reference as it
//! judges anybody, so that a fault in the protocol code cannot hide itself.

pub mod classroom;
pub mod client;
pub mod conformance;
pub mod exploration;
pub mod grading;
pub mod protocol;
pub mod recording;
pub mod report;
pub mod server;
pub mod stress;
pub mod transcript;
