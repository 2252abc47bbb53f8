//! One submission: copied, built, started, judged, and recorded. Whatever it does is its own result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::instructions::Instructions;
use super::record::{Part, PartOutcome, Record, SCHEMA};
use super::submission::{Entry, command_for, entries_of};
use super::workplace::{Workplace, build};
use crate::conformance::digest::Digest;
use crate::conformance::limits::Limits;
use crate::conformance::requirement::Level;
use crate::conformance::result::RunResult;
use crate::conformance::run::{NoResult, Plan, Progress, run};
use crate::conformance::slots::Slots;
use crate::conformance::suite::Suite;
use crate::conformance::surroundings::Surroundings;
use crate::conformance::target::Target;
use crate::transcript::render;
use crate::transcript::syntax::Role;

/// The name of instructions files.
pub const INSTRUCTIONS: &str = "conform.toml";
/// Wall time of a build, where nothing else is said.
const BUILD_SECONDS: f64 = 120.0;
/// Wall time of the judging of one program, where nothing else is said: far beyond what the slowest needs.
const JUDGE_SECONDS: f64 = 600.0;

/// What the examinations of a class have in common.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// What is asked.
    pub suite: &'a Suite,
    /// Digest of the suite.
    pub suite_digest: &'a str,
    /// What the class's own instructions say.
    pub instructions: &'a Instructions,
    /// What a program may take of the machine, unless instructions say otherwise.
    pub limits: Limits,
    /// How long to wait for an answer, unless instructions say otherwise.
    pub patience: Duration,
    /// Path of the `conform` program, which supervises subjects.
    pub harness: &'a Path,
    /// Who may make the machine work.
    pub slots: &'a Arc<Slots>,
    /// How many replays of one program at the same time, those included that only wait.
    pub at_once: usize,
    /// Where copies of submissions are made.
    pub workplaces: &'a Path,
    /// Set when all is to end early.
    pub cancelled: &'a AtomicBool,
}

/// A submission before it is examined: what it is, and how it is to be started.
#[derive(Debug)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Digest of all on which its result depends.
    pub digest: String,
    instructions: Result<Instructions, String>,
    entries: Result<Vec<Entry>, String>,
}

impl Candidate {
    /// Looks at a submission, and starts nothing.
    pub fn new(name: String, folder: PathBuf, terms: &Terms<'_>) -> Candidate {
        let entries = entries_of(&folder);
        let instructions =
            instructions_in(&folder).map(|own| own.unwrap_or_default().over(terms.instructions));
        Candidate {
            digest: digest_of(&folder, &entries, &instructions, terms),
            name,
            folder,
            instructions,
            entries,
        }
    }
}

/// The instructions in a folder, where there are any.
///
/// # Errors
/// The mistakes in them, drawn.
pub fn instructions_in(folder: &Path) -> Result<Option<Instructions>, String> {
    let file = folder.join(INSTRUCTIONS);
    let source = match fs::read_to_string(&file) {
        Ok(source) => source,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{INSTRUCTIONS}: {error}")),
    };
    let parsed = Instructions::parse(&source);
    parsed
        .map(Some)
        .map_err(|mistakes| render(INSTRUCTIONS, &source, &mistakes, false))
}

fn digest_of(
    folder: &Path,
    entries: &Result<Vec<Entry>, String>,
    instructions: &Result<Instructions, String>,
    terms: &Terms<'_>,
) -> String {
    let mut digest = Digest::default();
    digest.add(terms.suite_digest);
    digest.add(format!("{:?} {:?}", terms.limits, terms.patience));
    digest.add(format!("{instructions:?}"));
    match entries {
        Err(why) => digest.add(why),
        Ok(entries) => {
            for entry in entries {
                digest.add(&entry.path);
                digest.add([u8::from(entry.is_executable)]);
                let file = fs::File::open(folder.join(&entry.path));
                // What cannot be read cannot be copied either, and is told then.
                let _ = file.and_then(|file| digest.add_all(file));
            }
        }
    }
    digest.finish()
}

/// Examines a submission. `None` where it was cancelled.
pub fn examine(
    candidate: &Candidate,
    terms: &Terms<'_>,
    progress: &(dyn Fn(Role, Progress<'_>) + Sync),
) -> Option<Record> {
    let parts = match prepared(candidate, terms) {
        Err(outcome) => [Role::Server, Role::Client]
            .map(|role| Part {
                role,
                command: Vec::new(),
                outcome: outcome.clone(),
            })
            .into(),
        Ok(Prepared {
            workplace,
            entries,
            instructions,
        }) => {
            let mut parts = Vec::new();
            for role in [Role::Server, Role::Client] {
                parts.push(examine_part(
                    role,
                    &entries,
                    &instructions,
                    workplace.folder(),
                    terms,
                    &|step| progress(role, step),
                )?);
            }
            parts
        }
    };
    (!terms.cancelled.load(Ordering::Relaxed)).then(|| Record {
        schema: SCHEMA.to_owned(),
        submission: candidate.name.clone(),
        digest: candidate.digest.clone(),
        suite: terms.suite_digest.to_owned(),
        parts,
        is_doubtful: false,
    })
}

struct Prepared {
    workplace: Workplace,
    entries: Vec<Entry>,
    instructions: Instructions,
}

/// Copies and builds.
fn prepared(candidate: &Candidate, terms: &Terms<'_>) -> Result<Prepared, PartOutcome> {
    let not_found = |reason: &String| PartOutcome::NotFound {
        reason: reason.clone(),
    };
    let instructions = candidate.instructions.as_ref().map_err(not_found)?;
    candidate.entries.as_ref().map_err(not_found)?;
    let place = terms.workplaces.join(&candidate.name);
    let workplace = Workplace::copied(&candidate.folder, place)
        .map_err(|reason| PartOutcome::NotJudged { reason })?;
    if let Some(command) = &instructions.build {
        if let Some(reason) = why_not_startable(command, workplace.folder()) {
            return Err(PartOutcome::NotJudged { reason });
        }
        let seconds = instructions.limits.build_seconds.unwrap_or(BUILD_SECONDS);
        let surroundings = surroundings(instructions, workplace.folder(), terms);
        let longest = Duration::from_secs_f64(seconds);
        build(
            terms.harness,
            &surroundings,
            command,
            longest,
            terms.cancelled,
        )
        .map_err(|failure| PartOutcome::NotBuilt {
            build: command.clone(),
            reason: failure.reason,
            output: failure.output,
        })?;
    }
    // A build makes programs.
    let entries = entries_of(workplace.folder()).map_err(|why| not_found(&why))?;
    Ok(Prepared {
        workplace,
        entries,
        instructions: instructions.clone(),
    })
}

fn surroundings(instructions: &Instructions, folder: &Path, terms: &Terms<'_>) -> Surroundings {
    Surroundings {
        limits: instructions.limits.applied_to(terms.limits),
        folder: Some(folder.to_owned()),
        environment: instructions.environment.clone(),
    }
}

/// Why a command cannot be started on this machine, if it cannot: what is missing is then no fault of who
/// wrote the program.
fn why_not_startable(command: &[String], folder: &Path) -> Option<String> {
    let program = command.first()?;
    let is_there = if program.contains('/') {
        // Joined to an absolute path this is that path.
        folder.join(program).is_file()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|place| place.join(program).is_file())
    };
    (!is_there).then(|| format!("There is no {program} on this machine, which is to start it."))
}

fn examine_part(
    role: Role,
    entries: &[Entry],
    instructions: &Instructions,
    folder: &Path,
    terms: &Terms<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Option<Part> {
    let command = match command_for(role, instructions, entries) {
        Ok(command) => command,
        Err(reason) => {
            return Some(Part {
                role,
                command: Vec::new(),
                outcome: PartOutcome::NotFound { reason },
            });
        }
    };
    let outcome = match why_not_startable(&command, folder) {
        Some(reason) => PartOutcome::NotJudged { reason },
        None => match run(
            plan(role, &command, instructions, folder, terms),
            terms.cancelled,
            progress,
        ) {
            Ok(result) => recorded(result),
            Err(NoResult::Cancelled) => return None,
            Err(why) => PartOutcome::NotJudged {
                reason: format!("{why}."),
            },
        },
    };
    Some(Part {
        role,
        command,
        outcome,
    })
}

fn plan(
    role: Role,
    command: &[String],
    instructions: &Instructions,
    folder: &Path,
    terms: &Terms<'_>,
) -> Plan {
    let asked = terms.suite.asked_of(role, Level::Hardening, None);
    let patience = instructions.limits.patience.map(Duration::from_secs_f64);
    Plan {
        target: Target::Command(command.to_vec()),
        role,
        requirements: asked.requirements,
        cases: asked.cases,
        jobs: 1,
        at_once: terms.at_once,
        slots: Some(Arc::clone(terms.slots)),
        seconds: Some(instructions.limits.seconds.unwrap_or(JUDGE_SECONDS)),
        surroundings: surroundings(instructions, folder, terms),
        dialect: None,
        patience: patience.unwrap_or(terms.patience),
        harness: terms.harness.to_owned(),
    }
}

/// So many bytes of each run are kept: far more than any conversation has but for one that floods.
const BYTES_KEPT: usize = 64 * 1024;

fn recorded(result: RunResult) -> PartOutcome {
    let runs: BTreeMap<_, _> = result
        .transcripts
        .into_iter()
        .map(|mut judged| {
            judged
                .runs
                .iter_mut()
                .for_each(|run| run.shorten(BYTES_KEPT));
            (judged.case.name, judged.runs)
        })
        .collect();
    PartOutcome::Judged {
        manner: result.manner,
        remarks: result.remarks,
        runs,
        seconds: result.seconds,
    }
}
