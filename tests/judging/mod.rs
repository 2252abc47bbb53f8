//! What the tests of the harness's verdicts have in common: running a suite, and telling what did not pass.
#![allow(dead_code, reason = "each test uses its own part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chat_conformance::conformance::judge::result::{RequirementResult, RunResult, Verdict};
use chat_conformance::conformance::play::clock::DEFAULT_LIMIT;
use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::cage::view::places_of;
use chat_conformance::conformance::program::environment::Environment;
use chat_conformance::conformance::program::supervisor::layers_here;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::run::{Plan, run};
use chat_conformance::conformance::session::Subject;
use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::transcript::syntax::{Action, Role};
use libtest_mimic::Failed;

/// Fails with `what` and the requirements, if there are any.
pub fn expect_none(what: &str, requirements: Vec<String>) -> Result<(), Failed> {
    if requirements.is_empty() {
        Ok(())
    } else {
        Err(format!("{what}: {}", requirements.join(", ")).into())
    }
}

/// Requirements that do not pass, each with its verdict and the transcripts behind it.
pub fn not_passing(result: &RunResult, is_asked: impl Fn(&str, Verdict) -> bool) -> Vec<String> {
    let judged = result.requirements.iter();
    let failing = judged.filter(|judged| judged.verdict != Verdict::Pass);
    let failing = failing.filter(|judged| is_asked(&judged.requirement.id, judged.verdict));
    let described = failing.map(|judged| {
        let id = &judged.requirement.id;
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
        format!("{id} {:?} [{}]\n", judged.verdict, from.join("; "))
    });
    described.collect()
}

/// Judges the program that `command` starts by the transcripts that are wanted.
pub fn run_command(
    command: Vec<String>,
    role: Role,
    jobs: usize,
    patience: Duration,
    is_wanted: impl Fn(usize, &Case) -> bool,
) -> Result<RunResult, Failed> {
    run_target(Target::Command(command), role, jobs, patience, is_wanted)
}

/// Judges what is started for the role by the transcripts that are wanted.
pub fn run_target(
    target: Target,
    role: Role,
    jobs: usize,
    patience: Duration,
    is_wanted: impl Fn(usize, &Case) -> bool,
) -> Result<RunResult, Failed> {
    let suite = Suite::embedded().map_err(|_| "the embedded suite cannot be read")?;
    let table = suite.table();
    let cases: Vec<_> = suite
        .cases
        .into_iter()
        .enumerate()
        .filter(|(position, case)| case.transcript.role == role && is_wanted(*position, case))
        .map(|(_, case)| case)
        .collect();
    let is_covered = |id: &String| cases.iter().any(|case| case.transcript.covers.contains(id));
    let requirements = suite.requirements.into_iter();
    let requirements: Vec<_> = requirements.filter(|one| is_covered(&one.id)).collect();
    let here = std::env::current_dir().map_err(|why| why.to_string())?;
    let commands = match &target {
        Target::Command(command) => vec![command],
        Target::Pair { server, client } => vec![server, client],
        Target::Running(_) => Vec::new(),
    };
    let places = commands
        .iter()
        .flat_map(|command| places_of(command, &here));
    let visible = places.collect();
    let plan = Plan {
        subject: Subject {
            target,
            role,
            patience,
            environment: Environment {
                cage: layers().to_vec(),
                visible,
                ..Environment::default()
            },
            time_limit: DEFAULT_LIMIT,
            slots: Arc::new(Slots::new(jobs)),
            dialect: None,
            harness: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
        },
        table,
        cases,
        at_once: jobs,
    };
    let judged = || {
        let evidence = run(&plan, &AtomicBool::new(false), &|_| {});
        evidence.map(|evidence| evidence.judged(requirements.clone(), &plan.table))
    };
    let mut result = judged().map_err(|why| why.to_string())?;
    // A busy machine makes verdicts unsure, and nobody is blamed for that. Twice in a row is a fault.
    let is_unsure = |judged: &RequirementResult| judged.verdict == Verdict::Unsure;
    if result.requirements.iter().any(is_unsure) {
        result = judged().map_err(|why| why.to_string())?;
    }
    Ok(result)
}

/// The layers of the cage that this system offers: verdicts must be the same in it.
fn layers() -> &'static [Layer] {
    static LAYERS: OnceLock<Vec<Layer>> = OnceLock::new();
    LAYERS.get_or_init(|| layers_here(env!("CARGO_BIN_EXE_conform").as_ref()))
}

/// The path of an example: these are built beside the programs of the package.
pub fn example(name: &str) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_conform"))
        .parent()
        .unwrap_or(Path::new("."));
    programs.join("examples").join(name).display().to_string()
}

/// Whether seconds pass in it.
pub fn takes_its_time(case: &Case) -> bool {
    let steps = &case.transcript.steps;
    steps
        .iter()
        .any(|step| matches!(step.action, Action::Pass { seconds } if seconds > 1))
}

/// The transcripts on which most others rest, one for each such requirement: where one of these fails, others are
/// blocked by it.
pub const FOUNDATIONS: &[&str] = &[
    "server/port/two-servers-side-by-side",
    "server/registration/new-name",
    "server/broadcast/between-two",
    "server/concurrency/newcomers-among-the-idle",
    "server/concurrency/silent-connection",
    "server/shutdown/says-goodbye-to-one",
    "server/shutdown/ends-without-clients",
    "server/shutdown/ends-while-clients-stay",
    "client/arguments/name-then-address",
    "client/registration/first-words",
    "client/registration/own-name",
    "client/messages/typed-lines-are-sent",
    "client/messages/received-is-shown",
    "client/quitting/ctrl-c-ends",
    "client/shutdown/server-says-goodbye",
    "client/shutdown/server-vanishes",
];

/// Whether a transcript is one on which others rest, or belongs to the part of the suite, of `parts` in all, by which
/// a program with this name is judged. Transcripts in which time passes never are.
pub fn is_in_share(name: &str, position: usize, parts: usize, case: &Case) -> bool {
    let is_chosen = is_in_part(name, position, parts) || FOUNDATIONS.contains(&case.name.as_str());
    is_chosen && !takes_its_time(case)
}

/// Whether a transcript belongs to one part of the suite, of `parts` in all. The program's name decides which part.
pub fn is_in_part(name: &str, position: usize, parts: usize) -> bool {
    let share = name.bytes().map(usize::from).sum::<usize>();
    (position + share) % parts == 0
}

/// Whether a transcript is about one of these requirements.
pub fn covers_any(case: &Case, requirements: &[&str]) -> bool {
    let mut covered = case.transcript.covers.iter();
    covered.any(|id| requirements.contains(&id.as_str()))
}

/// Whether to test everything, as continuous integration does, and not only the part that takes little time.
pub fn is_thorough() -> bool {
    is_set("CONFORM_THOROUGH")
}

/// Whether this environment variable is set, and not to 0.
pub fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty() && value != "0")
}
