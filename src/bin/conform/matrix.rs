//! `conform pair --matrix`: who can talk to whom in a class.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chat_conformance::classroom::intake::{Arrived, Intake, NotUnpacked};
use chat_conformance::conformance::files::removal::remove_tree;
use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::environment::Purpose;
use chat_conformance::conformance::program::supervisor::{Orphanage, gain_right_to_networks};
use chat_conformance::grading::class_run::Abandoned;
use chat_conformance::grading::examination::{Candidate, Terms};
use chat_conformance::grading::matrix::{Matrix, sample};
use chat_conformance::grading::pairing::{PairingProgress, pair_all};
use chat_conformance::grading::store::{Store, Workplaces};
use chat_conformance::report::formats::matrix_json;
use chat_conformance::report::{page, terminal};
use chat_conformance::server::raise_descriptor_limit;
use indicatif::ProgressBar;
use rustix::fs::{FlockOperation, flock};
use tempfile::{NamedTempFile, TempDir};

use crate::arguments::PairCommand;
use crate::cage;
use crate::class_results::some;
use crate::class_setup::{
    beside, hidden_places, instructions_of, name_of, refuse_one_in_the_other, resolved,
    side_by_side, skipped, tell_problems,
};
use crate::grade::opened_class;
use crate::look_up::load_suite;
use crate::output::{OUTPUT, check_writable, write_to};
use crate::overview::style;
use crate::subjects::{at_once, processors};
use crate::{
    FALLS_SHORT, HOLDS, INTERRUPTED, UNABLE, complain, own_program, print, progress_target, refuse,
    terminal_style, watch_for_interruption,
};

/// The page in the results folder.
const PAGE: &str = "matrix.html";
/// Maximum number of pairs, unless a number of submissions is given.
const MOST_PAIRS: usize = 1_000;
/// Number of submissions to advise where there are too many pairs.
const ADVISED: usize = 30;
/// Time of one processor for one pair, and for the first trial of one submission. Measured on small classes in Python;
/// a guess for others.
const SECONDS_A_PAIR: f64 = 1.0;
const SECONDS_A_SUBMISSION: f64 = 4.0;

/// Why a command stops.
enum Stop {
    /// The command line or an input is invalid.
    WrongUse(String),
    /// The reason is printed already; this is the exit status.
    Said(u8),
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop::WrongUse(why)
    }
}

/// Lets every server of a class talk with every client, and shows who understands whom.
pub fn matrix(command: &PairCommand, class: &Path) -> ExitCode {
    // Programs under test get a limit of their own.
    raise_descriptor_limit();
    match pair_class(command, class) {
        Ok(status) | Err(Stop::Said(status)) => ExitCode::from(status),
        Err(Stop::WrongUse(why)) => refuse(&why),
    }
}

fn pair_class(command: &PairCommand, directory: &Path) -> Result<u8, Stop> {
    let options = &command.run.replays;
    let mut intake = opened_class(directory, command.layout, None)?;
    let names = intake.people().students.iter();
    let names: Vec<String> = names.map(|student| student.submission.clone()).collect();
    names.iter().try_for_each(|name| Store::check_name(name))?;
    let chosen = sample(&names, command.sample.unwrap_or(names.len()));
    if command.sample.is_none() {
        refuse_too_many(chosen.len())?;
    }
    let instructions = instructions_of(directory)?;
    instructions
        .limits
        .applied_to(options.limits)
        .check_inherited()?;
    let harness = own_program()?;
    // This works only while the process has one thread.
    gain_right_to_networks(&harness);
    let (layers, _) = cage::layers(&options.cage, &harness, Purpose::Submission)?;
    let class = std::fs::canonicalize(directory).map_err(|why| why.to_string())?;
    let out = match &command.out {
        Some(out) => resolved(out)?,
        None => resolved(&beside(directory, "matrix")?)?,
    };
    refuse_one_in_the_other(&class, &out)?;
    let json = command.run.json.as_deref();
    json.map_or(Ok(()), check_writable)?;
    let place = WorkFolder::new(&out)?;
    let workplaces = Workplaces::make(place.path(), layers.contains(&Layer::OwnUser))?;

    let cancelled = watch_for_interruption()?;
    let submissions = unpacked(
        &mut intake,
        &workplaces,
        &|name| chosen.contains(name),
        &cancelled,
    )?;
    if let skipped @ [_, ..] = &skipped(&intake)[..] {
        complain(&format!(
            "skipped, nobody's submission: {}",
            some(skipped.iter().map(String::as_str))
        ));
    }
    tell_problems(&submissions);
    let _orphanage = Orphanage::open();
    let unpacked = &workplaces.unpacked;
    let hidden = hidden_places(&class, &out, &submissions, unpacked, &harness);
    let side_by_side = side_by_side(options.jobs, &layers);
    let suite = load_suite(None).map_err(|_| Stop::Said(UNABLE))?;
    let terms = Terms {
        suite: &suite,
        suite_digest: &suite.digest(),
        instructions: &instructions,
        limits: options.limits,
        patience: Duration::from_secs_f64(options.patience),
        time_limit: Duration::from_secs_f64(command.run.seconds),
        harness: &harness,
        slots: &Arc::new(Slots::new(2 * processors())),
        at_once: if side_by_side.submissions == 1 {
            1
        } else {
            at_once(options)
        },
        roles_at_once: side_by_side.roles,
        workplaces: &workplaces.copies,
        scratch: &workplaces.scratch,
        hidden: &hidden,
        cage: &layers,
        visible: &cage::visible(&options.cage),
        cancelled: &cancelled,
    };
    let candidates: Vec<Candidate> = submissions
        .into_iter()
        .map(|arrived| Candidate::new(arrived, &terms))
        .collect();
    complain(&format!(
        "{} submissions, {}",
        candidates.len(),
        pairs_and_time(candidates.len())
    ));
    let bar = Bar::new(candidates.len());
    let whole = (name_of(&class), names.len());
    let paired = pair_all(
        whole,
        &candidates,
        &terms,
        side_by_side.submissions,
        &|step| bar.show(step),
    );
    bar.0.finish_and_clear();
    let matrix = paired.map_err(|why| Stop::Said(said_why(&why)))?;
    // Before anything is said, so that nobody reads a result while files are still removed.
    drop(place);
    Ok(report(&matrix, &out, json))
}

/// Refuses more pairs than anybody would wait for without having asked for it.
fn refuse_too_many(submissions: usize) -> Result<(), String> {
    if submissions * submissions <= MOST_PAIRS {
        return Ok(());
    }
    Err(format!(
        "{submissions} submissions are {}: choose some of them with --sample {ADVISED} ({}), or all of them with \
         --sample {submissions}",
        pairs_and_time(submissions),
        pairs_and_time(ADVISED)
    ))
}

/// `900 pairs, about 10 minutes`.
fn pairs_and_time(submissions: usize) -> String {
    let pairs = submissions * submissions;
    // No class is so large that a float cannot tell its pairs apart.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let seconds = (pairs as f64 * SECONDS_A_PAIR + submissions as f64 * SECONDS_A_SUBMISSION)
        / processors() as f64;
    let minutes = (seconds / 60.0).ceil();
    match minutes {
        ..=1.0 => format!("{pairs} pairs: about a minute"),
        ..=90.0 => format!("{pairs} pairs: about {minutes} minutes"),
        _ => format!("{pairs} pairs: about {:.0} hours", (minutes / 60.0).ceil()),
    }
}

/// The submissions, ready to be judged.
fn unpacked(
    intake: &mut Intake,
    workplaces: &Workplaces,
    is_wanted: &dyn Fn(&str) -> bool,
    cancelled: &AtomicBool,
) -> Result<Vec<Arrived>, Stop> {
    let unpacked = intake.unpack(&workplaces.unpacked, is_wanted, cancelled);
    unpacked.map_err(|why| {
        Stop::Said(match why {
            NotUnpacked::Cancelled => said_why(&Abandoned::Cancelled),
            NotUnpacked::Failed(why) => {
                complain(&why);
                UNABLE
            }
        })
    })
}

/// Says why there is no result; the exit status for it.
fn said_why(why: &Abandoned) -> u8 {
    match why {
        Abandoned::Cancelled => {
            complain("interrupted");
            INTERRUPTED
        }
        Abandoned::Unfit(why) => {
            complain(&format!(
                "this machine cannot judge programs reliably: {why}"
            ));
            UNABLE
        }
        Abandoned::Failed => {
            complain("the harness failed");
            UNABLE
        }
    }
}

/// Shows the matrix, and writes it to files.
fn report(matrix: &Matrix, out: &Path, json: Option<&Path>) -> u8 {
    let written = write_page(out, &page::matrix(matrix));
    let is_shown = json.is_none_or(|file| file != Path::new(OUTPUT));
    if is_shown {
        print(&terminal::matrix::render(matrix, terminal_style()));
        if written.is_ok() {
            print(&format!("Details: {}\n", out.join(PAGE).display()));
        }
    }
    let json = json.map_or(Ok(()), |file| write_to(file, &matrix_json::render(matrix)));
    let troubles: Vec<String> = [written, json]
        .into_iter()
        .filter_map(Result::err)
        .collect();
    troubles.iter().for_each(|why| complain(why));
    let counts = matrix.counts();
    if counts.judged() == 0 {
        complain("nothing was judged: no server and client could be tried");
    }
    if matrix.is_incomplete() || !troubles.is_empty() {
        UNABLE
    } else if counts.talk == counts.judged() {
        HOLDS
    } else {
        FALLS_SHORT
    }
}

/// Replaces the page. A link in its place is not followed: a program may have put it there.
fn write_page(out: &Path, text: &str) -> Result<(), String> {
    let file = out.join(PAGE);
    let written = NamedTempFile::new_in(out).and_then(|mut page| {
        page.write_all(text.as_bytes())?;
        page.as_file()
            .set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        page.persist(&file).map_err(|why| why.error)
    });
    written
        .map(drop)
        .map_err(|why| format!("cannot write {}: {why}", file.display()))
}

/// The folder of the copies, in the results folder. Dropping it removes it, whatever the programs left there.
struct WorkFolder {
    folder: TempDir,
    /// Held for as long as the folder is in use: one that a killed `conform` left behind is locked by nobody.
    _lock: File,
}

impl WorkFolder {
    /// What its name begins with.
    const PREFIX: &str = ".conform-matrix-";

    fn new(out: &Path) -> Result<WorkFolder, String> {
        let unable = |why: io::Error| format!("cannot write to {}: {why}", out.display());
        std::fs::create_dir_all(out).map_err(unable)?;
        WorkFolder::remove_abandoned(out).map_err(unable)?;
        let folder = tempfile::Builder::new()
            .prefix(WorkFolder::PREFIX)
            .tempdir_in(out);
        let folder = folder.map_err(unable)?;
        let lock = WorkFolder::locked(folder.path()).map_err(unable)?;
        Ok(WorkFolder {
            folder,
            _lock: lock,
        })
    }

    /// Removes the folders of runs that were killed.
    fn remove_abandoned(out: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(out)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_ours = name.to_string_lossy().starts_with(WorkFolder::PREFIX);
            if !is_ours || !entry.file_type()?.is_dir() {
                continue;
            }
            if let Ok(_lock) = WorkFolder::locked(&entry.path()) {
                // What cannot be removed is in nobody's way.
                let _ = remove_tree(&entry.path());
            }
        }
        Ok(())
    }

    /// # Errors
    /// Another process uses the folder.
    fn locked(folder: &Path) -> io::Result<File> {
        let file = File::open(folder)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(file)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // Folders without permissions included, which the drop of the inner one leaves.
        let _ = remove_tree(self.folder.path());
    }
}

/// The progress at the bottom of the terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(submissions: usize) -> Bar {
        let count = u64::try_from(submissions).ok();
        let bar = ProgressBar::with_draw_target(count, progress_target());
        bar.set_style(style(
            "{bar:30} {pos}/{len} {msg}, {elapsed} elapsed{left}",
            0,
        ));
        bar.set_message("submissions built and tried");
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }

    fn show(&self, step: PairingProgress) {
        match step {
            PairingProgress::Tried | PairingProgress::Talked => self.0.inc(1),
            PairingProgress::Began(pairs) => {
                self.0.set_length(u64::try_from(pairs).unwrap_or(u64::MAX));
                self.0.set_position(0);
                self.0.reset_elapsed();
                self.0.set_message("pairs");
            }
        }
    }
}
