//! `chat-client`: the reference client.

use std::process::ExitCode;

use chat_conformance::client::{Arguments, run};
use chat_conformance::conformance::lineage::may_be_bundled_program;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(why) = may_be_bundled_program() {
        eprintln!("chat-client: {why}");
        return ExitCode::from(2);
    }
    run(arguments)
}
