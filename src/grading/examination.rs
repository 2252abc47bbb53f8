//! One submission: copied, built, started, judged, and recorded. Whatever it does is its own result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::instructions::{INSTRUCTIONS, Instructions, LimitChanges};
use super::record::{Part, PartOutcome, Record, SCHEMA};
use super::submission::{Entry, command_for, entries_of};
use super::workplace::{BuildFailure, Workplace, add_to_digest, build};
use crate::conformance::digest::Digest;
use crate::conformance::evidence::Evidence;
use crate::conformance::limits::Limits;
use crate::conformance::requirement::Level;
use crate::conformance::result::RunResult;
use crate::conformance::run::{NoResult, Plan, Progress, run};
use crate::conformance::slots::Slots;
use crate::conformance::suite::Suite;
use crate::conformance::surroundings::{Network, Purpose, Surroundings};
use crate::conformance::target::Target;
use crate::transcript::render;
use crate::transcript::syntax::Role;

/// Instructions are shorter than this, in bytes.
const LONGEST_INSTRUCTIONS: u64 = 64 * 1024;
/// Wall time of a build, where nothing else is said.
const BUILD_SECONDS: f64 = 120.0;

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
    /// What each program is given for all its replays, unless instructions say otherwise.
    pub time_limit: Duration,
    /// Path of the `conform` program, which supervises subjects.
    pub harness: &'a Path,
    /// Who may make the machine work.
    pub slots: &'a Arc<Slots>,
    /// How many replays of one program at the same time, those included that only wait.
    pub at_once: usize,
    /// Where copies of submissions are made.
    pub workplaces: &'a Path,
    /// Where programs have their temporary folders.
    pub scratch: &'a Path,
    /// What no program may see but for its own copy and its own temporary folder: the class, its results, and in
    /// these the copies of others. Empty where this machine cannot hide anything.
    pub hidden: &'a [PathBuf],
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
    /// Digest of the files that a copy of it has.
    files: String,
    directions: Result<Directions, String>,
}

/// How a submission's programs are started and limited.
#[derive(Debug, Clone, PartialEq)]
struct Directions {
    /// The submission's own instructions over those of the class.
    instructions: Instructions,
    /// The programs whose commands the submission's own instructions give.
    own_commands: Vec<Role>,
    /// Whether the submission's own instructions set limits, which are ignored: a program that is given no time
    /// cannot be found wanting.
    sets_limits: bool,
}

impl Directions {
    /// # Errors
    /// The mistakes in the submission's own instructions.
    fn of(folder: &Path, terms: &Terms<'_>) -> Result<Directions, String> {
        let mut own = instructions_in(folder)?.unwrap_or_default();
        let sets_limits = own.limits != LimitChanges::default();
        own.limits = LimitChanges::default();
        let roles = [Role::Server, Role::Client].into_iter();
        Ok(Directions {
            own_commands: roles
                .filter(|role| own.command_of(*role).is_some())
                .collect(),
            sets_limits,
            instructions: own.over(terms.instructions),
        })
    }
}

impl Candidate {
    /// Looks at a submission, and starts nothing.
    pub fn new(name: String, folder: PathBuf, terms: &Terms<'_>) -> Candidate {
        let directions = Directions::of(&folder, terms);
        let files = digest_of_files(&folder);
        Candidate {
            digest: digest_of(&files, &directions, terms),
            name,
            folder,
            files,
            directions,
        }
    }
}

/// The instructions in a folder, where there are any.
///
/// # Errors
/// The mistakes in them, drawn.
pub fn instructions_in(folder: &Path) -> Result<Option<Instructions>, String> {
    let file = folder.join(INSTRUCTIONS);
    if let Ok(metadata) = fs::metadata(&file) {
        if !metadata.is_file() || metadata.len() > LONGEST_INSTRUCTIONS {
            return Err(format!("{INSTRUCTIONS}: is no file, or a very long one"));
        }
    }
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

fn digest_of(files: &str, directions: &Result<Directions, String>, terms: &Terms<'_>) -> String {
    let mut digest = Digest::default();
    digest.add(terms.suite_digest);
    digest.add(format!(
        "{:?} {:?} {:?}",
        terms.limits, terms.patience, terms.time_limit
    ));
    digest.add(format!("{directions:?}"));
    digest.add(files);
    digest.finish()
}

fn digest_of_files(folder: &Path) -> String {
    let mut digest = Digest::default();
    if let Err(error) = add_to_digest(folder, &mut digest) {
        // It cannot be copied either, and that is told then.
        digest.add(error.to_string());
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
            directions,
        }) => {
            let mut parts = Vec::new();
            for role in [Role::Server, Role::Client] {
                parts.push(examine_part(
                    role,
                    &entries,
                    &directions,
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
    directions: Directions,
}

/// Copies, makes sure that the copy is what was found when the class was read, and builds.
fn prepared(candidate: &Candidate, terms: &Terms<'_>) -> Result<Prepared, PartOutcome> {
    let not_found = |reason: &String| PartOutcome::NotFound {
        reason: reason.clone(),
    };
    let not_judged = |reason: String| PartOutcome::NotJudged { reason };
    let directions = candidate.directions.as_ref().map_err(not_found)?;
    let place = terms.workplaces.join(&candidate.name);
    let workplace = Workplace::copied(&candidate.folder, place).map_err(not_judged)?;
    // From here on the copy alone counts: a program of somebody else may be able to change the class's folder.
    let is_unchanged = digest_of_files(workplace.folder()) == candidate.files
        && Directions::of(workplace.folder(), terms).as_ref() == Ok(directions);
    if !is_unchanged {
        return Err(not_judged(
            "Somebody changed its folder after the grading of the class began: start it again with --resume."
                .to_owned(),
        ));
    }
    let instructions = &directions.instructions;
    if let Some(command) = &instructions.build {
        if let Some(outcome) = why_not_startable(command, instructions, workplace.folder()) {
            return Err(outcome);
        }
        let seconds = instructions.limits.build_seconds.unwrap_or(BUILD_SECONDS);
        let surroundings = surroundings(instructions, workplace.folder(), terms);
        let longest = Duration::from_secs_f64(seconds);
        // A build makes the machine work, as a replay does.
        let _slot = terms.slots.take();
        build(
            terms.harness,
            &surroundings,
            command,
            longest,
            terms.cancelled,
        )
        .map_err(|failure| match failure {
            BuildFailure::OfTheMachine(reason) => PartOutcome::NotJudged { reason },
            BuildFailure::OfTheBuild { reason, output } => PartOutcome::NotBuilt {
                build: command.clone(),
                reason,
                output,
            },
        })?;
    }
    // A build makes programs.
    let entries = entries_of(workplace.folder()).map_err(not_judged)?;
    Ok(Prepared {
        workplace,
        entries,
        directions: directions.clone(),
    })
}

fn surroundings(instructions: &Instructions, folder: &Path, terms: &Terms<'_>) -> Surroundings {
    Surroundings {
        limits: instructions.limits.applied_to(terms.limits),
        folder: Some(folder.to_owned()),
        environment: instructions.environment.clone(),
        purpose: Purpose::Submission,
        hidden: terms.hidden.to_vec(),
        scratch: Some(terms.scratch.to_owned()),
        network: Network::Own,
    }
}

/// Why a command cannot be started, if it cannot. What is missing of the machine is no fault of who wrote the
/// program; what is missing of the submission is.
fn why_not_startable(
    command: &[String],
    instructions: &Instructions,
    folder: &Path,
) -> Option<PartOutcome> {
    let program = command.first()?;
    if program.contains('/') {
        // Joined to an absolute path this is that path.
        let is_there = folder.join(program).is_file();
        let reason = format!("There is no {program}, which is to start it.");
        return (!is_there).then_some(PartOutcome::NotFound { reason });
    }
    let told = instructions.environment.iter().rev();
    let told = told
        .filter(|(name, _)| name == "PATH")
        .map(|(_, path)| path.into());
    let path = told
        .chain(std::env::var_os("PATH"))
        .next()
        .unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|place| place.join(program).is_file());
    let reason = format!("There is no {program} on this machine, which is to start it.");
    (!is_there).then_some(PartOutcome::NotJudged { reason })
}

fn examine_part(
    role: Role,
    entries: &[Entry],
    directions: &Directions,
    folder: &Path,
    terms: &Terms<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Option<Part> {
    let instructions = &directions.instructions;
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
    let outcome = match why_not_startable(&command, instructions, folder) {
        Some(outcome) => outcome,
        None => match run(
            plan(role, &command, instructions, folder, terms),
            terms.cancelled,
            progress,
        ) {
            Ok(result) => recorded(result, directions),
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
    let seconds = instructions.limits.seconds;
    Plan {
        target: Target::Command(command.to_vec()),
        role,
        requirements: asked.requirements,
        cases: asked.cases,
        at_once: terms.at_once,
        slots: Arc::clone(terms.slots),
        time_limit: seconds.map_or(terms.time_limit, Duration::from_secs_f64),
        surroundings: surroundings(instructions, folder, terms),
        dialect: None,
        patience: patience.unwrap_or(terms.patience),
        harness: terms.harness.to_owned(),
    }
}

/// So many bytes of each run are kept: far more than any conversation has but for one that floods.
const BYTES_KEPT: usize = 64 * 1024;

fn recorded(result: RunResult, directions: &Directions) -> PartOutcome {
    let mut remarks = result.remarks;
    if directions.sets_limits {
        let remark = format!(
            "The limits in the submission's own {INSTRUCTIONS} are ignored: only those of the class count."
        );
        remarks.push(remark);
    }
    let mut runs = result.transcripts.iter().flat_map(|judged| &judged.runs);
    let first = runs.clone().next();
    if let Some(run) = first.filter(|_| !runs.any(Evidence::is_conclusive)) {
        return PartOutcome::NotJudged {
            reason: format!("In no run could the harness do its part: {}.", run.outcome),
        };
    }
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
        remarks,
        own_command: directions.own_commands.contains(&result.role),
        runs,
        seconds: result.seconds,
        time_limit: result.time_limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_terms(instructions: &str, act: impl FnOnce(&Terms<'_>, &Path)) {
        let place = tempfile::tempdir().expect("a folder");
        let workplaces = place.path().join("work");
        fs::create_dir(&workplaces).expect("is made");
        let terms = Terms {
            suite: &Suite::embedded().expect("is right"),
            suite_digest: "suite",
            instructions: &Instructions::parse(instructions).expect("is right"),
            limits: Limits::default(),
            patience: Duration::from_secs(5),
            time_limit: Duration::from_secs(5),
            harness: Path::new("no-such-harness"),
            slots: &Arc::new(Slots::new(1)),
            at_once: 1,
            workplaces: &workplaces,
            scratch: &workplaces,
            hidden: &[],
            cancelled: &AtomicBool::new(false),
        };
        let folder = place.path().join("ann");
        fs::create_dir(&folder).expect("is made");
        act(&terms, &folder);
    }

    #[test]
    fn limits_of_a_submission_s_own_are_ignored() {
        with_terms("[limits]\nmemory = 99\n", |terms, folder| {
            let own = "client = [\"./c\"]\n[limits]\nseconds = 1\nmemory = 16\n";
            fs::write(folder.join(INSTRUCTIONS), own).expect("is written");
            let directions = Directions::of(folder, terms).expect("are right");
            assert_eq!(directions.instructions.limits, terms.instructions.limits);
            assert!(directions.sets_limits);
            assert_eq!(directions.own_commands, [Role::Client]);
        });
    }

    #[test]
    fn what_was_changed_since_the_class_was_read_is_not_judged() {
        with_terms("", |terms, folder| {
            let own = "server = [\"./no-such-server\"]\nclient = [\"./no-such-client\"]\n";
            fs::write(folder.join(INSTRUCTIONS), own).expect("is written");
            let candidate = Candidate::new("ann".to_owned(), folder.to_owned(), terms);
            let examined = || {
                let record = examine(&candidate, terms, &|_, _| ()).expect("is not cancelled");
                assert_eq!(record.digest, candidate.digest);
                record.parts.into_iter().map(|part| part.outcome)
            };
            assert!(examined().all(|outcome| matches!(outcome, PartOutcome::NotFound { .. })));
            fs::write(
                folder.join(INSTRUCTIONS),
                own.replace("no-such-s", "another-s"),
            )
            .expect("is written");
            for outcome in examined() {
                let PartOutcome::NotJudged { reason } = outcome else {
                    panic!("{outcome:?}");
                };
                assert!(
                    reason.starts_with("Somebody changed its folder"),
                    "{reason}"
                );
            }
        });
    }
}
