//! Records a conversation between real clients and a server, and writes it as a transcript.
//!
//! The clients connect to a relay, which passes everything on to the server and back. Only [`relay`] does I/O; the
//! other files are pure:
//!
//! - [`event`]: what happened on each connection, in order, up to the limits of the transcript language;
//! - [`messages`]: splits what was said into messages, in the dialect of the conversation;
//! - [`conversation`]: what each actor did, with what belongs together put together;
//! - [`names`]: gives each connection an actor;
//! - [`writer`]: writes the transcript.

pub mod conversation;
pub mod event;
pub mod messages;
pub mod names;
pub mod relay;
pub mod writer;
