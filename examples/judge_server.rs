//! Judges a server from Rust, by the transcripts about registration.
//!
//! ```sh
//! cargo build
//! cargo run --example judge_server -- target/debug/chat-server
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chat_conformance::conformance::play::clock::DEFAULT_LIMIT;
use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::environment::Environment;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::run::{Plan, run};
use chat_conformance::conformance::session::Subject;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::conformance::suite::requirement::Level;
use chat_conformance::transcript::syntax::Role;
use globset::{Glob, GlobSet};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let command: Vec<String> = std::env::args().skip(1).collect();
    if command.is_empty() {
        return Err("give the command that starts the server".into());
    }
    let suite = Suite::embedded().map_err(|problems| format!("{problems:?}"))?;
    let only = GlobSet::builder().add(Glob::new("S-REG-*")?).build()?;
    let asked = suite.asked_of(Role::Server, Level::Implied, Some(&only));
    let plan = Plan {
        subject: Subject {
            target: Target::Command(command),
            role: Role::Server,
            slots: Arc::new(Slots::new(2)),
            time_limit: DEFAULT_LIMIT,
            environment: Environment::default(),
            dialect: None,
            patience: Duration::from_secs(5),
            harness: conform()?,
        },
        table: asked.table,
        cases: asked.cases,
        at_once: 4,
    };
    // Playing returns what was seen; judging it needs no process and can be repeated.
    let evidence = run(&plan, &AtomicBool::new(false), &|_| {}).map_err(|why| why.to_string())?;
    let result = evidence.judged(asked.requirements, &plan.table);
    for requirement in &result.requirements {
        println!("{} {:?}", requirement.requirement.id, requirement.verdict);
    }
    Ok(ExitCode::from(u8::from(!result.holds())))
}

/// The `conform` program, which supervises the programs under test: two folders above the examples.
fn conform() -> Result<PathBuf, Box<dyn Error>> {
    let example = std::env::current_exe()?;
    let folder = example.ancestors().nth(2).ok_or("no folder")?;
    let conform = folder.join("conform");
    if conform.is_file() {
        Ok(conform)
    } else {
        Err(format!("{} is not there: run `cargo build`", conform.display()).into())
    }
}
