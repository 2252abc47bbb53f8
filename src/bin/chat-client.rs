//! `chat-client`: the reference client.
fn main() {}
