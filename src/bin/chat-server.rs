//! `chat-server`: the reference server.

use chat_conformance::server::{Arguments, run};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    run(Arguments::parse())
}
