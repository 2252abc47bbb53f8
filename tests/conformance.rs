//! One test a transcript: the bundled server and client, or with `CONFORM_SERVER` and
//! `CONFORM_CLIENT` another implementation:
//!
//! ```text
//! CONFORM_SERVER="python3 server.py" cargo test --test conformance server
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chat_conformance::conformance::judge::result::Verdict;
use chat_conformance::conformance::play::clock::DEFAULT_LIMIT;
use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::environment::Environment;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::run::{Plan, run};
use chat_conformance::conformance::session::Subject;
use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::report::Style;
use chat_conformance::report::terminal::failure;
use chat_conformance::transcript::syntax::Role;
use libtest_mimic::{Arguments, Failed, Trial};

const STYLE: Style = Style {
    colour: false,
    width: 100,
};

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is waiting.
    arguments.test_threads.get_or_insert(4);
    let suite = Suite::embedded().expect("the embedded suite can be read");
    let trials = suite.cases.iter().map(|case| {
        let (suite, case) = (suite.clone(), case.clone());
        Trial::test(case.name.clone(), move || judge(&suite, case))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

fn judge(suite: &Suite, case: Case) -> Result<(), Failed> {
    let role = case.transcript.role;
    let covered = |id: &String| case.transcript.covers.contains(id);
    let requirements = suite.requirements.iter().filter(|row| covered(&row.id));
    let plan = Plan {
        subject: Subject {
            target: target(role)?,
            role,
            patience: Duration::from_secs(5),
            environment: Environment::default(),
            time_limit: DEFAULT_LIMIT,
            slots: Arc::new(Slots::new(1)),
            dialect: None,
            harness: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
        },
        table: suite.table(),
        cases: vec![case.clone()],
        at_once: 1,
    };
    let evidence = run(&plan, &AtomicBool::new(false), &|_| {}).map_err(|why| why.to_string())?;
    let result = evidence.judged(requirements.cloned().collect(), &plan.table);
    let passes = result
        .transcripts
        .iter()
        .all(|judged| judged.verdict == Verdict::Pass);
    if passes {
        Ok(())
    } else {
        Err(failure::render(&result, STYLE).into())
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
