//! `chat-client`: the reference client.

use std::process::ExitCode;

use chat_conformance::client::{Arguments, run};
use clap::Parser;

fn main() -> ExitCode {
    run(Arguments::parse())
}
