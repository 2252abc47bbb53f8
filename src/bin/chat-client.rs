//! `chat-client`: the reference client.

use std::process::ExitCode;

use chat_conformance::client::{Arguments, run};
use chat_conformance::conformance::program::lineage::may_be_bundled_program;
use clap::Parser;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(why) = may_be_bundled_program() {
        // In the words of the harness, so that it is not taken for an error report.
        eprintln!("conform: {why}");
        return ExitCode::from(2);
    }
    run(arguments)
}
