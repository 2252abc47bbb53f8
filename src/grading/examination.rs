//! Examines one submission: copies it, builds it, starts its programs, replays the suite and records the evidence.
//! Whatever goes wrong becomes part of the submission's own record.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::instructions::{INSTRUCTIONS, Instructions, LimitChanges};
use super::java::JavaSource;
use super::record::{Part, PartOutcome, Record, SCHEMA};
use super::submission::{Entry, Start, entries_of, folder_of, has_makefile, start_of};
use super::workplace::{BuildFailure, Workplace, build};
use crate::classroom::contents::Contents;
use crate::classroom::intake::Arrived;
use crate::conformance::evidence::{Evidence, shown};
use crate::conformance::files::input::{Links, read_text};
use crate::conformance::judge::program::ProgramEvidence;
use crate::conformance::play::slots::Slots;
use crate::conformance::program::cage::layer::{Layer, OwnFolder, user_of};
use crate::conformance::program::environment::{Environment, Network, Purpose};
use crate::conformance::program::limits::Limits;
use crate::conformance::program::target::Target;
use crate::conformance::run::{Plan, Progress, run};
use crate::conformance::session::{NoResult, Subject};
use crate::conformance::suite::Suite;
use crate::conformance::suite::digest::Digest;
use crate::conformance::suite::requirement::Level;
use crate::transcript::render;
use crate::transcript::syntax::Role;

/// Maximum size of an instructions file.
const LONGEST_INSTRUCTIONS: u64 = 64 * 1024;
/// Maximum number of mistakes in instructions that a report shows: it shows them with each requirement.
const MOST_DRAWN: usize = 5;
/// Time limit of a build in seconds, unless instructions set another.
const BUILD_SECONDS: f64 = 120.0;

/// What the examinations of a class have in common.
#[derive(Debug, Clone)]
pub struct Terms<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// Digest of the suite.
    pub suite_digest: &'a str,
    /// The class's own instructions.
    pub instructions: &'a Instructions,
    /// Resource limits of a program, unless instructions set others.
    pub limits: Limits,
    /// How long to wait for an answer, unless instructions set another time.
    pub patience: Duration,
    /// Time limit for all replays of a program, unless instructions set another.
    pub time_limit: Duration,
    /// Path of the `conform` program, which supervises programs under test.
    pub harness: &'a Path,
    /// Slots for replays and builds, shared by all submissions.
    pub slots: &'a Arc<Slots>,
    /// Number of replays of one program at the same time, including those that only wait.
    pub at_once: usize,
    /// Whether the programs of a submission are judged at the same time.
    pub roles_at_once: bool,
    /// The folder for copies of submissions.
    pub workplaces: &'a Path,
    /// The folder for temporary folders of programs.
    pub scratch: &'a Path,
    /// The folders to hide from each program: the class and its results, including the copies of other submissions.
    /// The program still sees its own copy and its own temporary folder. Empty if this machine cannot hide folders.
    pub hidden: &'a [PathBuf],
    /// The layers of every submission's cage.
    pub cage: &'a [Layer],
    /// Files and folders that every submission can read, in addition to the usual ones.
    pub visible: &'a [PathBuf],
    /// Set to end the examination early.
    pub cancelled: &'a AtomicBool,
}

/// A submission before it is examined, and how to start it.
#[derive(Debug)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Digest of everything on which its result depends.
    pub digest: String,
    /// Digest of the files that are copied.
    files: String,
    /// Whether there are any.
    has_files: bool,
    /// Why its files could not be read.
    unreadable: Option<String>,
    directions: Result<Directions, String>,
    /// Remarks for its reports about what was handed in.
    remarks: Vec<String>,
    /// Why it cannot be judged, in a sentence.
    problem: Option<String>,
}

/// How a submission's programs are started and limited.
#[derive(Debug, Clone, PartialEq)]
struct Directions {
    /// The submission's own instructions, completed by those of the class.
    instructions: Instructions,
    /// The programs whose commands do not come from the class's instructions, but from the submission's own
    /// instructions or from the names of its files.
    own_commands: Vec<Role>,
    /// Whether the submission's own instructions set limits. These are ignored: otherwise a program could avoid
    /// failures by allowing itself no time.
    sets_limits: bool,
}

impl Directions {
    /// # Errors
    /// The mistakes in the submission's own instructions.
    fn of(folder: &Path, terms: &Terms<'_>) -> Result<Directions, String> {
        let mut own = read_instructions(folder, Links::Refuse)?.unwrap_or_default();
        let sets_limits = own.limits != LimitChanges::default();
        own.limits = LimitChanges::default();
        let roles = [Role::Server, Role::Client].into_iter();
        Ok(Directions {
            own_commands: roles
                .filter(|role| {
                    own.command_of(*role).is_some()
                        || terms.instructions.command_of(*role).is_none()
                })
                .collect(),
            sets_limits,
            instructions: own.over(terms.instructions),
        })
    }
}

/// The submissions that consist of the same files, in groups of two and more, by name.
pub fn alike(candidates: &[Candidate]) -> Vec<Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| candidate.has_files) {
        let group = groups.entry(&candidate.files).or_default();
        group.push(&candidate.name);
    }
    groups
        .into_values()
        .filter(|group| group.len() > 1)
        .collect()
}

impl Candidate {
    /// Reads a submission, without starting anything.
    pub fn new(arrived: Arrived, terms: &Terms<'_>) -> Candidate {
        let Arrived {
            name,
            folder,
            notes,
            problem,
        } = arrived;
        let directions = Directions::of(&folder, terms);
        let contents = Contents::of(&folder);
        let (files, unreadable) = match digest_of_files(&contents) {
            Ok(digest) => (digest, None),
            // The error is part of the digest: once the files can be read, the digest is another one.
            Err(error) => (digest_of_error(&error), Some(error)),
        };
        let link = fs::read_link(&folder).ok().map(|aim| {
            let aim = shown(aim.as_os_str().as_encoded_bytes());
            format!("Its folder in the class is a link to {aim}.")
        });
        let remarks: Vec<String> = notes.into_iter().chain(link).collect();
        Candidate {
            digest: digest_of(&files, &contents, &directions, &remarks, terms),
            remarks,
            problem,
            has_files: contents.as_ref().is_ok_and(|contents| !contents.is_empty()),
            name,
            folder,
            files,
            unreadable,
            directions,
        }
    }
}

/// The instructions in the folder of a class, if there are any.
///
/// # Errors
/// The mistakes in them, with the lines they are in.
pub fn instructions_in(folder: &Path) -> Result<Option<Instructions>, String> {
    read_instructions(folder, Links::Follow)
}

/// Links in a submission are not followed: a message shows the text around a mistake, and a link may lead to
/// anybody's file.
fn read_instructions(folder: &Path, links: Links) -> Result<Option<Instructions>, String> {
    let source = match read_text(&folder.join(INSTRUCTIONS), LONGEST_INSTRUCTIONS, links) {
        Ok(source) => source,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(format!("{INSTRUCTIONS}: {}", error.kind)),
    };
    Instructions::parse(&source).map(Some).map_err(|mistakes| {
        let first = &mistakes[..mistakes.len().min(MOST_DRAWN)];
        let mut drawn = render(INSTRUCTIONS, &source, first, false);
        if first.len() < mistakes.len() {
            let more = mistakes.len() - first.len();
            drawn.push_str(&format!("\n{INSTRUCTIONS}: and {more} more mistakes\n"));
        }
        drawn
    })
}

fn digest_of(
    files: &str,
    contents: &io::Result<Contents>,
    directions: &Result<Directions, String>,
    remarks: &[String],
    terms: &Terms<'_>,
) -> String {
    let mut digest = Digest::default();
    digest.add(terms.suite_digest);
    digest.add(format!(
        "{:?} {:?} {:?}",
        terms.limits, terms.patience, terms.time_limit
    ));
    digest.add(format!("{directions:?}"));
    digest.add(files);
    for remark in remarks {
        digest.add(remark);
    }
    if let Ok(contents) = contents {
        contents.add_left_out_to_digest(&mut digest);
    }
    digest.finish()
}

/// Digest of the files that are copied.
///
/// # Errors
/// Why the files cannot be read.
fn digest_of_files(contents: &io::Result<Contents>) -> Result<String, String> {
    let mut digest = Digest::default();
    let contents = contents.as_ref().map_err(io::Error::to_string)?;
    let added = contents.add_to_digest(&mut digest);
    added.map_err(|error| error.to_string())?;
    Ok(digest.finish())
}

fn digest_of_error(error: &str) -> String {
    let mut digest = Digest::default();
    digest.add(error);
    digest.finish()
}

/// Examines a submission. Returns `None` if it was cancelled.
pub fn examine(
    candidate: &Candidate,
    terms: &Terms<'_>,
    progress: &(dyn Fn(Role, Progress<'_>) + Sync),
) -> Option<Record> {
    let mut remarks: Vec<String> = candidate.remarks.clone();
    let mut parts: Vec<Part> = match prepared(candidate, terms, &mut remarks) {
        Err(outcome) => roles_asked(terms.suite)
            .map(|role| Part {
                role,
                command: Vec::new(),
                outcome: outcome.clone(),
            })
            .collect(),
        Ok(prepared) => {
            let examine = |role: Role| {
                let progress = |step: Progress<'_>| progress(role, step);
                examine_part(role, &prepared, terms, &progress)
            };
            let roles: Vec<Role> = roles_asked(terms.suite).collect();
            all_roles(&roles, terms.roles_at_once, examine)?
        }
    };
    for part in &mut parts {
        add_remarks(&mut part.outcome, &remarks);
    }
    (!terms.cancelled.load(Ordering::Relaxed)).then(|| Record {
        schema: SCHEMA.to_owned(),
        submission: candidate.name.clone(),
        digest: candidate.digest.clone(),
        suite: terms.suite_digest.to_owned(),
        parts,
        is_doubtful: false,
    })
}

/// The roles in which a submission is judged. A suite of one's own may have no transcripts about pairs.
pub(super) fn roles_asked(suite: &Suite) -> impl Iterator<Item = Role> {
    let has_pairs = suite
        .cases
        .iter()
        .any(|case| case.transcript.role == Role::Pair);
    let is_asked = move |role: &Role| *role != Role::Pair || has_pairs;
    Role::ALL.into_iter().filter(is_asked)
}

/// The parts of a submission. At once, one works while another waits.
fn all_roles(
    roles: &[Role],
    at_once: bool,
    examine: impl Fn(Role) -> Option<Part> + Sync,
) -> Option<Vec<Part>> {
    if !at_once {
        return roles.iter().copied().map(examine).collect();
    }
    std::thread::scope(|scope| {
        let examine = &examine;
        let parts: Vec<_> = roles
            .iter()
            .map(|role| scope.spawn(move || examine(*role)))
            .collect();
        let parts = parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        parts.collect()
    })
}

/// Adds the remarks on the submission as a whole to the result of one program.
fn add_remarks(outcome: &mut PartOutcome, remarks: &[String]) {
    match outcome {
        PartOutcome::Judged { remarks: all, .. } => all.extend_from_slice(remarks),
        PartOutcome::NotFound { reason }
        | PartOutcome::NotBuilt { reason, .. }
        | PartOutcome::NotJudged { reason } => {
            for remark in remarks {
                *reason = format!("{reason} {remark}");
            }
        }
    }
}

/// A copy of a submission, built. Dropping it removes the copy.
pub(super) struct Prepared {
    workplace: Workplace,
    entries: Vec<Entry>,
    directions: Directions,
    compiled: Vec<Compiled>,
}

/// A program that was compiled although nobody asked for it.
struct Compiled {
    /// The command that compiles it at every start.
    from_source: Vec<String>,
    command: Vec<String>,
}

/// A program of a submission.
pub(super) struct Chosen {
    pub(super) subject: Subject,
    /// The command as a person would type it.
    command: Vec<String>,
    /// A remark about the choice.
    note: Option<String>,
}

impl Prepared {
    /// One of its programs.
    ///
    /// # Errors
    /// The part of the record that says why it cannot be started.
    pub(super) fn program(&self, role: Role, terms: &Terms<'_>) -> Result<Chosen, Box<Part>> {
        let instructions = &self.directions.instructions;
        let folder = self.workplace.folder();
        let (target, note) = target_of(role, &self.entries, instructions, folder)?;
        let command = target.shown();
        let target = self.compiled(target);
        Ok(Chosen {
            subject: subject(role, target, instructions, folder, terms),
            command,
            note,
        })
    }

    /// The same, without compiling at every start.
    fn compiled(&self, target: Target) -> Target {
        let compiled = |command: Vec<String>| {
            let mut all = self.compiled.iter();
            let found = all.find(|one| one.from_source == command);
            found.map_or(command, |one| one.command.clone())
        };
        match target {
            Target::Command(command) => Target::Command(compiled(command)),
            Target::Pair { server, client } => Target::Pair {
                server: compiled(server),
                client: compiled(client),
            },
            Target::Running(address) => Target::Running(address),
        }
    }
}

/// Copies the submission, checks that it has not changed since the class was read, and builds it.
pub(super) fn prepared(
    candidate: &Candidate,
    terms: &Terms<'_>,
    remarks: &mut Vec<String>,
) -> Result<Prepared, PartOutcome> {
    let not_found = |reason: &String| PartOutcome::NotFound {
        reason: reason.clone(),
    };
    let not_judged = |reason: String| PartOutcome::NotJudged { reason };
    if let Some(problem) = &candidate.problem {
        return Err(not_judged(problem.clone()));
    }
    let directions = candidate.directions.as_ref().map_err(not_found)?;
    let place = terms.workplaces.join(&candidate.name);
    let not_copied = |error: io::Error| not_judged(format!("It cannot be copied: {error}."));
    let contents = Contents::of(&candidate.folder).map_err(not_copied)?;
    remarks.extend(contents.remark());
    let user = user_in(terms, &place);
    let workplace = Workplace::copied(&contents, place, user).map_err(not_copied)?;
    if let Some(error) = &candidate.unreadable {
        return Err(not_judged(format!(
            "Its folder could not be read when grading began: {error}. Grade it again with --resume."
        )));
    }
    // From here on only the copy counts: other programs may be able to change the class's folder.
    let copied = Contents::of(workplace.folder());
    let is_unchanged = digest_of_files(&copied).as_ref() == Ok(&candidate.files)
        && Directions::of(workplace.folder(), terms).as_ref() == Ok(directions);
    if !is_unchanged {
        return Err(not_judged(
            "Its folder changed after grading began. Grade it again with --resume.".to_owned(),
        ));
    }
    let mut instructions = directions.instructions.clone();
    let entries = entries_of(workplace.folder()).map_err(not_judged)?;
    let lacks_program = |role| start_of(role, &instructions, &entries).is_err();
    if instructions.build.is_none()
        && has_makefile(&entries)
        && (lacks_program(Role::Server) || lacks_program(Role::Client))
    {
        instructions.build = Some(vec!["make".to_owned()]);
        remarks
            .push("Built with `make`, because it has a Makefile and lacks a program.".to_owned());
    }
    let instructions = &instructions;
    if let Some(command) = &instructions.build {
        if let Some(outcome) = why_not_startable(command, instructions, workplace.folder()) {
            return Err(outcome);
        }
        let built = build_in(&workplace, command, instructions, terms);
        built.map_err(|failure| match failure {
            BuildFailure::OfTheMachine(reason) => PartOutcome::NotJudged { reason },
            BuildFailure::OfTheBuild { reason, output } => PartOutcome::NotBuilt {
                build: command.clone(),
                reason,
                output,
            },
        })?;
    }
    // Listed after the build, which makes new files.
    let entries = entries_of(workplace.folder()).map_err(not_judged)?;
    let compiled = compiled(&workplace, &entries, instructions, terms)?;
    if !compiled.is_empty() {
        remarks.push("Compiled once, with `javac`.".to_owned());
    }
    Ok(Prepared {
        workplace,
        entries,
        directions: directions.clone(),
        compiled,
    })
}

/// Runs a build in the copy of a submission.
fn build_in(
    workplace: &Workplace,
    command: &[String],
    instructions: &Instructions,
    terms: &Terms<'_>,
) -> Result<(), BuildFailure> {
    let seconds = instructions.limits.build_seconds.unwrap_or(BUILD_SECONDS);
    let environment = Environment {
        own_folder: OwnFolder::Kept,
        ..environment(instructions, workplace.folder(), terms)
    };
    let longest = Duration::from_secs_f64(seconds);
    // A build uses the machine, as a replay does.
    let is_wanted = || !terms.cancelled.load(Ordering::Relaxed);
    let _slot = terms.slots.take_while(terms.slots.next_rank(), is_wanted);
    build(
        terms.harness,
        &environment,
        command,
        longest,
        terms.cancelled,
    )
}

/// Compiles the programs that would compile themselves at every start. One that does not compile is started from its
/// source, and its report shows why that fails.
///
/// # Errors
/// The machine could not compile.
fn compiled(
    workplace: &Workplace,
    entries: &[Entry],
    instructions: &Instructions,
    terms: &Terms<'_>,
) -> Result<Vec<Compiled>, PartOutcome> {
    /// With these, `java` finds classes in other places.
    const ELSEWHERE: [&str; 3] = ["CLASSPATH", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"];
    let mut all = Vec::new();
    let is_set = |name: &str| {
        let mut own = instructions.environment.iter();
        std::env::var_os(name).is_some() || own.any(|(set, _)| set == name)
    };
    if ELSEWHERE.into_iter().any(is_set) {
        return Ok(all);
    }
    for role in [Role::Server, Role::Client] {
        let Ok(Start { command, .. }) = start_of(role, instructions, entries) else {
            continue;
        };
        let Some(source) = JavaSource::of(role, &command, entries) else {
            continue;
        };
        for compiler in source.compilers() {
            if why_not_startable(&compiler, instructions, workplace.folder()).is_some() {
                break;
            }
            match build_in(workplace, &compiler, instructions, terms) {
                Ok(()) => {
                    all.push(Compiled {
                        command: source.compiled(),
                        from_source: command.clone(),
                    });
                    break;
                }
                Err(BuildFailure::OfTheBuild { .. }) => {}
                Err(BuildFailure::OfTheMachine(reason)) => {
                    return Err(PartOutcome::NotJudged { reason });
                }
            }
        }
    }
    Ok(all)
}

/// The user id of the submission whose copy is in this folder, if submissions have one.
fn user_in(terms: &Terms<'_>, folder: &Path) -> Option<u32> {
    terms
        .cage
        .contains(&Layer::OwnUser)
        .then(|| user_of(folder))
}

fn environment(instructions: &Instructions, folder: &Path, terms: &Terms<'_>) -> Environment {
    Environment {
        limits: instructions.limits.applied_to(terms.limits),
        folder: Some(folder.to_owned()),
        environment: instructions.environment.clone(),
        purpose: Purpose::Submission,
        hidden: terms.hidden.to_vec(),
        cage: terms.cage.to_vec(),
        visible: terms.visible.to_vec(),
        user: user_in(terms, folder),
        own_folder: OwnFolder::Restored,
        scratch: Some(terms.scratch.to_owned()),
        network: Network::Own,
    }
}

/// Why a command cannot be started, if it cannot. A program that this machine lacks is not the submission's fault; a
/// file that the submission lacks is.
fn why_not_startable(
    command: &[String],
    instructions: &Instructions,
    folder: &Path,
) -> Option<PartOutcome> {
    let (inner, command) = folder_of(command);
    let folder = &folder.join(inner.unwrap_or_default());
    let program = command.first()?;
    if program.contains('/') {
        // If `program` is absolute, `join` returns it unchanged.
        let is_there = folder.join(program).is_file();
        let reason = format!("There is no {program}, but the command needs it.");
        return (!is_there).then_some(PartOutcome::NotFound { reason });
    }
    let set = instructions.environment.iter().rev();
    let set = set
        .filter(|(name, _)| name == "PATH")
        .map(|(_, path)| path.into());
    let path = set
        .chain(std::env::var_os("PATH"))
        .next()
        .unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|place| place.join(program).is_file());
    let reason = format!("There is no {program} on this machine, but the command needs it.");
    (!is_there).then_some(PartOutcome::NotJudged { reason })
}

fn examine_part(
    role: Role,
    prepared: &Prepared,
    terms: &Terms<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Option<Part> {
    let Chosen {
        subject,
        command,
        note,
    } = match prepared.program(role, terms) {
        Ok(found) => found,
        Err(part) => return Some(*part),
    };
    let asked = terms.suite.asked_of(role, Level::Hardening, None);
    let plan = Plan {
        subject,
        table: asked.table,
        cases: asked.cases,
        at_once: terms.at_once,
    };
    let outcome = match run(&plan, terms.cancelled, progress) {
        Ok(mut evidence) => {
            evidence.remarks.extend(note);
            recorded(evidence, &prepared.directions)
        }
        Err(NoResult::Cancelled) => return None,
        Err(why) => PartOutcome::NotJudged {
            reason: format!("{why}."),
        },
    };
    Some(Part {
        role,
        command,
        outcome,
    })
}

/// What is started for a role, and a remark about the choice.
///
/// # Errors
/// The part of the record that says why it cannot be started.
fn target_of(
    role: Role,
    entries: &[Entry],
    instructions: &Instructions,
    folder: &Path,
) -> Result<(Target, Option<String>), Box<Part>> {
    let part = |command, outcome| {
        Box::new(Part {
            role,
            command,
            outcome,
        })
    };
    let start = |role| {
        let not_found = |reason| part(Vec::new(), PartOutcome::NotFound { reason });
        let start: Start = start_of(role, instructions, entries).map_err(not_found)?;
        match why_not_startable(&start.command, instructions, folder) {
            Some(outcome) => Err(part(start.command, outcome)),
            None => Ok(start),
        }
    };
    if role != Role::Pair {
        let Start { command, note } = start(role)?;
        return Ok((Target::Command(command), note));
    }
    // Reports on the two programs say already which files are started.
    let (server, client) = (start(Role::Server)?.command, start(Role::Client)?.command);
    Ok((Target::Pair { server, client }, None))
}

fn subject(
    role: Role,
    target: Target,
    instructions: &Instructions,
    folder: &Path,
    terms: &Terms<'_>,
) -> Subject {
    let patience = instructions.limits.patience.map(Duration::from_secs_f64);
    let seconds = instructions.limits.seconds;
    Subject {
        target,
        role,
        slots: Arc::clone(terms.slots),
        time_limit: seconds.map_or(terms.time_limit, Duration::from_secs_f64),
        environment: environment(instructions, folder, terms),
        dialect: None,
        patience: patience.unwrap_or(terms.patience),
        harness: terms.harness.to_owned(),
    }
}

/// Maximum number of bytes of each run that are kept. Only programs that flood exceed it.
const BYTES_KEPT: usize = 64 * 1024;

fn recorded(evidence: ProgramEvidence, directions: &Directions) -> PartOutcome {
    let mut remarks = evidence.remarks;
    if directions.sets_limits {
        let remark = format!(
            "The limits in the submission's own {INSTRUCTIONS} are ignored: only those of the class count."
        );
        remarks.push(remark);
    }
    let mut runs = evidence.replayed.iter().flat_map(|(_, runs)| runs);
    let first = runs.clone().next();
    if let Some(run) = first.filter(|_| !runs.any(Evidence::is_conclusive)) {
        return PartOutcome::NotJudged {
            reason: format!(
                "The harness could not do its part in any run: {}.",
                run.outcome
            ),
        };
    }
    let runs: BTreeMap<_, _> = evidence
        .replayed
        .into_iter()
        .map(|(case, mut runs)| {
            runs.iter_mut().for_each(|run| run.shorten(BYTES_KEPT));
            (case.name, runs)
        })
        .collect();
    PartOutcome::Judged {
        profile: evidence.profile,
        remarks,
        own_command: directions.own_commands.contains(&evidence.role),
        runs,
        seconds: evidence.seconds,
        time_limit: evidence.time_limit,
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
            roles_at_once: true,
            workplaces: &workplaces,
            scratch: &workplaces,
            hidden: &[],
            cage: &[],
            visible: &[],
            cancelled: &AtomicBool::new(false),
        };
        let folder = place.path().join("ann");
        fs::create_dir(&folder).expect("is made");
        act(&terms, &folder);
    }

    fn ann(folder: &Path) -> Arrived {
        Arrived {
            name: "ann".to_owned(),
            folder: folder.to_owned(),
            notes: Vec::new(),
            problem: None,
        }
    }

    #[test]
    fn limits_of_a_submission_s_own_are_ignored() {
        with_terms("[limits]\nmemory = 99\n", |terms, folder| {
            let own = "client = [\"./c\"]\n[limits]\nseconds = 1\nmemory = 16\n";
            fs::write(folder.join(INSTRUCTIONS), own).expect("is written");
            let directions = Directions::of(folder, terms).expect("are right");
            assert_eq!(directions.instructions.limits, terms.instructions.limits);
            assert!(directions.sets_limits);
        });
    }

    #[test]
    fn a_command_is_the_submission_s_own_unless_the_class_gives_it() {
        let own_commands = |class: &str, own: &str| {
            let mut found = Vec::new();
            with_terms(class, |terms, folder| {
                fs::write(folder.join(INSTRUCTIONS), own).expect("is written");
                let directions = Directions::of(folder, terms).expect("are right");
                found = directions.own_commands;
            });
            found
        };
        let (server, client) = ("server = [\"s\"]\n", "client = [\"c\"]\n");
        // By the names of its files, such as `client{host}.py`.
        assert_eq!(own_commands("", ""), [Role::Server, Role::Client]);
        assert_eq!(own_commands(client, ""), [Role::Server]);
        assert_eq!(own_commands(client, client), [Role::Server, Role::Client]);
        assert_eq!(own_commands(&format!("{server}{client}"), ""), []);
    }

    #[test]
    fn an_unreadable_folder_is_not_judged() {
        use std::os::unix::fs::symlink;
        with_terms("", |terms, folder| {
            fs::remove_dir(folder).expect("was there");
            symlink("nowhere", folder).expect("a link");
            let candidate = Candidate::new(ann(folder), terms);
            fs::remove_file(folder).expect("was there");
            fs::create_dir(folder).expect("is made");
            let record = examine(&candidate, terms, &|_, _| ()).expect("is not cancelled");
            for part in record.parts {
                let PartOutcome::NotJudged { reason } = part.outcome else {
                    panic!("{:?}", part.outcome);
                };
                assert!(
                    reason.starts_with("Its folder could not be read"),
                    "{reason}"
                );
            }
        });
    }

    #[test]
    fn a_folder_that_changed_after_the_start_is_not_judged() {
        with_terms("", |terms, folder| {
            let own = "server = [\"./no-such-server\"]\nclient = [\"./no-such-client\"]\n";
            fs::write(folder.join(INSTRUCTIONS), own).expect("is written");
            let candidate = Candidate::new(ann(folder), terms);
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
                assert!(reason.starts_with("Its folder changed"), "{reason}");
            }
        });
    }
}
