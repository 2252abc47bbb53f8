//! One test a transcript: the bundled server and client, or with `CONFORM_SERVER` and
//! `CONFORM_CLIENT` another implementation:
//!
//! ```text
//! CONFORM_SERVER="python3 server.py" cargo test --test conformance server
//! ```

#[path = "judging/mod.rs"]
mod judging;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use chat_conformance::conformance::judge::result::{RunResult, Verdict};
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::suite::{Case, Suite};
use chat_conformance::report::Style;
use chat_conformance::report::terminal::failure;
use chat_conformance::transcript::syntax::Role;
use judging::run_target;
use libtest_mimic::{Arguments, Failed, Trial};

const STYLE: Style = Style {
    colour: false,
    width: 100,
};

/// The result of each role, once it is judged. The first test of a role judges all its transcripts; the others wait.
type Results = BTreeMap<Role, OnceLock<Result<RunResult, Failed>>>;

fn main() {
    let mut arguments = Arguments::from_args();
    let suite = Suite::embedded().expect("the embedded suite can be read");
    // A thread for each test, so that all roles are judged at once: the tests of one role wait for the same result.
    arguments.test_threads.get_or_insert(suite.cases.len());
    let roles = [Role::Server, Role::Client, Role::Pair];
    let results: &'static Results =
        Box::leak(Box::new(roles.map(|role| (role, OnceLock::new())).into()));
    let names = suite.cases.iter().map(|case| case.name.clone());
    let chosen: Vec<String> = names.filter(|name| is_chosen(&arguments, name)).collect();
    let chosen: &'static [String] = chosen.leak();
    let trials = suite.cases.iter().map(|case| {
        let (name, role) = (case.name.clone(), case.transcript.role);
        Trial::test(name.clone(), move || passes(&name, role, chosen, results))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// Whether the command line asks for the test with this name.
fn is_chosen(arguments: &Arguments, name: &str) -> bool {
    let is_meant = |filter: &String| {
        if arguments.exact {
            name == filter
        } else {
            name.contains(filter.as_str())
        }
    };
    arguments.filter.as_ref().is_none_or(is_meant) && !arguments.skip.iter().any(is_meant)
}

fn passes(name: &str, role: Role, chosen: &[String], results: &Results) -> Result<(), Failed> {
    let judged = results[&role].get_or_init(|| {
        let patience = Duration::from_secs(5);
        let is_wanted = |_, case: &Case| chosen.contains(&case.name);
        run_target(target(role)?, role, 4, patience, is_wanted)
    });
    let result = judged.as_ref().map_err(Failed::clone)?;
    let mut of_this = result.clone();
    of_this
        .transcripts
        .retain(|judged| judged.case.name == name);
    match &of_this.transcripts[..] {
        [] => Err("was not replayed".into()),
        [one] if one.verdict == Verdict::Pass => Ok(()),
        [one] if one.runs.is_empty() => Err("the time for its role was over before".into()),
        _ => Err(failure::render(&of_this, STYLE).into()),
    }
}

fn target(role: Role) -> Result<Target, Failed> {
    Ok(match role {
        Role::Server | Role::Client => Target::Command(subject(role)?),
        Role::Pair => Target::Pair {
            server: subject(Role::Server)?,
            client: subject(Role::Client)?,
        },
    })
}

/// The command of the implementation to be judged, its words apart by white space.
fn subject(role: Role) -> Result<Vec<String>, Failed> {
    let (variable, bundled) = match role {
        Role::Server => ("CONFORM_SERVER", env!("CARGO_BIN_EXE_chat-server")),
        Role::Client | Role::Pair => ("CONFORM_CLIENT", env!("CARGO_BIN_EXE_chat-client")),
    };
    match std::env::var(variable) {
        Ok(command) if command.trim().is_empty() => Err(format!("{variable} is empty").into()),
        Ok(command) => Ok(command.split_whitespace().map(str::to_owned).collect()),
        Err(_) => Ok(vec![bundled.to_owned()]),
    }
}
