//! `chat-server`: the reference server.
fn main() {}
