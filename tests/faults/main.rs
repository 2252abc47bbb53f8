//! Every check is seen to fail: each faulty program must be reported for the rows that it breaks, and
//! for no others.
//!
//! Each is judged by the transcripts about the rows that it breaks, by those that others rest on, and
//! by a sixth of the rest, another one for each fault. With `CONFORM_WHOLE_SUITE=1` in the
//! environment by all of them, which takes some minutes.

mod table;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chat_conformance::conformance::limits::Limits;
use chat_conformance::conformance::result::{Case, RunResult, Verdict};
use chat_conformance::conformance::run::{Plan, run};
use chat_conformance::conformance::suite::Suite;
use chat_conformance::conformance::target::Target;
use chat_conformance::transcript::syntax::{Action, Role};
use libtest_mimic::{Arguments, Failed, Trial};
use table::Fault;

/// What most transcripts rest on: when it is broken, they are blocked by it.
const FOUNDATIONS: &[&str] = &[
    "S-PORT-1", "S-REG-1", "S-MSG-1", "S-CONC-1", "S-CONC-2", "S-SHUT-1", "S-SHUT-2", "C-ARG-1",
    "C-REG-1", "C-MSG-1", "C-MSG-2", "C-QUIT-2", "C-SHUT-1", "C-SHUT-2",
];

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is waiting for programs that do not answer.
    arguments.test_threads.get_or_insert(6);
    let mut trials = Vec::new();
    for (role, kind, faults) in [
        (Role::Server, "server", table::SERVER),
        (Role::Client, "client", table::CLIENT),
    ] {
        trials.push(Trial::test(format!("{kind}::none"), move || {
            judge_good(role, kind)
        }));
        trials.extend(faults.iter().map(|fault| {
            Trial::test(format!("{kind}::{}", fault.name), move || {
                judge(role, kind, fault)
            })
        }));
    }
    trials.push(Trial::test("good::server_in_python", || {
        judge_python(Role::Server)
    }));
    trials.push(Trial::test("good::client_in_python", || {
        judge_python(Role::Client)
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn judge_good(role: Role, kind: &str) -> Result<(), Failed> {
    let result = run_suite(role, kind, "none", |_, _| true)?;
    expect_none(
        "a right program is blamed for",
        not_passing(&result, |_| true),
    )
}

/// Right programs of another design, in another language.
fn judge_python(role: Role) -> Result<(), Failed> {
    let runs = std::process::Command::new("python3")
        .arg("--version")
        .output();
    if !runs.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "NOT RUN: there is no python3 here, so the good programs in Python were not judged"
        );
        return Ok(());
    }
    let name = if role == Role::Server {
        "good_server.py"
    } else {
        "good_client.py"
    };
    let path = format!("{}/tests/programs/{name}", env!("CARGO_MANIFEST_DIR"));
    let command = vec!["python3".to_owned(), path];
    let result = run_command(command, role, 4, Duration::from_secs(5), |_, _| true)?;
    expect_none(
        "a right program is blamed for",
        not_passing(&result, |_| true),
    )
}

fn judge(role: Role, kind: &str, fault: &Fault) -> Result<(), Failed> {
    let share = fault.name.bytes().map(usize::from).sum::<usize>();
    let result = run_suite(role, kind, fault.name, |position, case| {
        let covers = |rows: &[&str]| {
            case.transcript
                .covers
                .iter()
                .any(|id| rows.contains(&id.as_str()))
        };
        let is_in_share = (position + share) % 6 == 0 || covers(FOUNDATIONS);
        (is_in_share && !takes_its_time(case)) || covers(fault.breaks) || wants_whole_suite()
    })?;
    let is_failed = |id: &str| {
        let mut rows = result.requirements.iter();
        rows.any(|row| row.requirement.id == id && row.verdict == Verdict::Fail)
    };
    let missed: Vec<String> = fault
        .breaks
        .iter()
        .filter(|id| !is_failed(id))
        .map(|id| (*id).to_owned())
        .collect();
    let is_named = |id: &str| fault.breaks.contains(&id) || fault.consequences.contains(&id);
    let beyond = not_passing(&result, |id| !is_named(id));
    expect_none("not reported as failed", missed.clone())
        .and(expect_none("reported beyond the truth", beyond.clone()))
        .map_err(|_| {
            format!(
                "missed: {missed:?}\nreported beyond the truth: {beyond:?}\nall: {:?}",
                not_passing(&result, |_| true)
            )
            .into()
        })
}

fn expect_none(what: &str, rows: Vec<String>) -> Result<(), Failed> {
    if rows.is_empty() {
        Ok(())
    } else {
        Err(format!("{what}: {}", rows.join(", ")).into())
    }
}

/// Rows that do not pass, each with its verdict and where it came from.
fn not_passing(result: &RunResult, is_asked: impl Fn(&str) -> bool) -> Vec<String> {
    let rows = result
        .requirements
        .iter()
        .filter(|row| row.verdict != Verdict::Pass);
    let rows = rows.filter(|row| is_asked(&row.requirement.id));
    rows.map(|row| {
        let id = &row.requirement.id;
        let from = result.transcripts.iter().filter(|transcript| {
            transcript.fails.contains(id)
                || (transcript.verdict != Verdict::Pass
                    && transcript.case.transcript.covers.contains(id))
        });
        let from: Vec<String> = from
            .map(|transcript| {
                let outcomes: Vec<String> = transcript
                    .runs
                    .iter()
                    .map(|run| run.outcome.to_string())
                    .collect();
                format!("{}: {}", transcript.case.name, outcomes.join(" / "))
            })
            .collect();
        format!("{id} {:?} [{}]\n", row.verdict, from.join("; "))
    })
    .collect()
}

/// Whether seconds pass in it.
fn takes_its_time(case: &Case) -> bool {
    let steps = &case.transcript.steps;
    steps
        .iter()
        .any(|step| matches!(step.action, Action::Pass { .. }))
}

fn wants_whole_suite() -> bool {
    std::env::var_os("CONFORM_WHOLE_SUITE").is_some()
}

fn run_suite(
    role: Role,
    kind: &str,
    fault: &str,
    is_wanted: impl Fn(usize, &Case) -> bool,
) -> Result<RunResult, Failed> {
    let program = example(&format!("faulty-{kind}"));
    if !Path::new(&program).is_file() {
        return Err(format!("{program} is not there: `cargo build --examples` builds it").into());
    }
    let command = vec![program, "--fault".to_owned(), fault.to_owned()];
    // The faulty programs answer at once, or not at all.
    run_command(command, role, 6, Duration::from_secs(1), is_wanted)
}

fn run_command(
    command: Vec<String>,
    role: Role,
    jobs: usize,
    patience: Duration,
    is_wanted: impl Fn(usize, &Case) -> bool,
) -> Result<RunResult, Failed> {
    let suite = Suite::embedded().map_err(|_| "the embedded suite cannot be read")?;
    let cases: Vec<_> = suite
        .cases
        .into_iter()
        .enumerate()
        .filter(|(position, case)| case.transcript.role == role && is_wanted(*position, case))
        .map(|(_, case)| case)
        .collect();
    let is_asked = |id: &String| cases.iter().any(|case| case.transcript.covers.contains(id));
    let requirements = suite.requirements.into_iter();
    let plan = Plan {
        target: Target::Command(command),
        role,
        requirements: requirements.filter(|row| is_asked(&row.id)).collect(),
        cases,
        jobs,
        at_once: jobs,
        patience,
        limits: Limits::default(),
        dialect: None,
        harness: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
    };
    run(plan, &AtomicBool::new(false), &|_| {}).map_err(|why| why.to_string().into())
}

/// Examples are built beside the programs of the package.
fn example(name: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_conform"))
        .parent()
        .unwrap_or(Path::new("."));
    programs.join("examples").join(name).display().to_string()
}
