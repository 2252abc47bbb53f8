//! `conform explore`: random conversations, and the smallest ones that fail.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chat_conformance::conformance::judge::program::ProgramEvidence;
use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::conformance::program::environment::Purpose;
use chat_conformance::conformance::program::supervisor::{Orphanage, gain_right_to_networks};
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::session::{Session, with_program};
use chat_conformance::conformance::suite::Suite;
use chat_conformance::exploration::client::ClientConversation;
use chat_conformance::exploration::search::{Finding, Findings, Search, search};
use chat_conformance::exploration::server::ServerConversation;
use chat_conformance::report::terminal::exploration;
use chat_conformance::transcript::syntax::Role;
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::{ExploreCommand, RoleOption};
use crate::cage;
use crate::judge::without_result;
use crate::look_up::load_suite;
use crate::subjects::{at_once, client_command, resolved, subject};
use crate::{
    FALLS_SHORT, HOLDS, INTERRUPTED, UNABLE, complain, own_program, print, progress_target, refuse,
    terminal_style, watch_for_interruption,
};

/// The program may use up its time many times over: exploring ends by its own clock.
const TIME_LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Explores a program, prints what fails, and saves it as transcripts.
pub fn explore(command: &ExploreCommand) -> ExitCode {
    let role = Role::from(command.role);
    let words = match command.role {
        RoleOption::Server => resolved(&command.command),
        RoleOption::Client => client_command(&command.command),
    };
    let words = match words {
        Ok(words) => words,
        Err(why) => return refuse(&why),
    };
    let suite = match load_suite(None) {
        Ok(suite) => suite,
        Err(status) => return status,
    };
    let limits = command.replays.limits.check_inherited();
    let harness = match limits.and_then(|()| own_program()) {
        Ok(harness) => harness,
        Err(why) => return refuse(&why),
    };
    if let Some(folder) = &command.out {
        if let Err(why) = make_empty_folder(folder) {
            return refuse(&why);
        }
    }
    // Must be done while there is one thread.
    gain_right_to_networks(&harness);
    let (layers, _) = match cage::layers(&command.replays.cage, &harness, Purpose::Program) {
        Ok(found) => found,
        Err(why) => return refuse(&why),
    };
    let cancelled = match watch_for_interruption() {
        Ok(cancelled) => cancelled,
        Err(why) => return refuse(&why),
    };
    let _orphanage = Orphanage::open();
    let target = Target::Command(words);
    let subject = subject(
        role,
        target,
        Purpose::Program,
        &layers,
        &command.replays,
        TIME_LIMIT,
        harness,
    );
    let seed = command.seed.unwrap_or_else(|| fastrand::u64(1..1_000_000));
    let begun = Instant::now();
    let explored = with_program(&subject, &cancelled, |session| {
        let findings = find(session, role, command, &suite, seed, &cancelled);
        let evidence = evidence(session, role, &findings, begun.elapsed());
        (findings, evidence)
    });
    match explored {
        Ok((findings, evidence)) => {
            let result = judged(evidence, &findings, &suite);
            let shown = exploration::render(&findings, &result, seed, terminal_style());
            print(&shown);
            if let Err(why) = save(command.out.as_deref(), &findings) {
                complain(&why);
                return ExitCode::from(UNABLE);
            }
            ExitCode::from(match () {
                () if cancelled.load(Ordering::SeqCst) => INTERRUPTED,
                () if !findings.found.is_empty() => FALLS_SHORT,
                () if findings.tried == findings.without_result => UNABLE,
                () => HOLDS,
            })
        }
        Err(why) => without_result(&why, &cancelled),
    }
}

fn find(
    session: &Session<'_>,
    role: Role,
    command: &ExploreCommand,
    suite: &Suite,
    seed: u64,
    cancelled: &AtomicBool,
) -> Findings {
    let bar = ProgressBar::with_draw_target(None, progress_target());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    let progress = |tried: u64, found: usize| {
        bar.set_message(format!("{tried} conversations, {found} findings"));
    };
    let terms = Search {
        requirements: &suite.requirements,
        table: &suite.table(),
        seed,
        duration: Duration::from_secs_f64(command.seconds),
        enough: command.findings.map(|enough| enough as usize),
        at_once: at_once(&command.replays),
    };
    let found = match role {
        Role::Server | Role::Pair => {
            search::<ServerConversation>(session, role, terms, cancelled, &progress)
        }
        Role::Client => search::<ClientConversation>(session, role, terms, cancelled, &progress),
    };
    bar.finish_and_clear();
    found
}

/// Creates the folder for transcripts; one that has something in it already is refused.
fn make_empty_folder(folder: &Path) -> Result<(), String> {
    let unable = |why: std::io::Error| format!("cannot write to {}: {why}", folder.display());
    fs::create_dir_all(folder).map_err(unable)?;
    match fs::read_dir(folder).map_err(unable)?.next() {
        None => Ok(()),
        Some(_) => Err(format!(
            "{}: is not empty; give a new folder to --out",
            folder.display()
        )),
    }
}

fn evidence(
    session: &Session<'_>,
    role: Role,
    findings: &Findings,
    took: Duration,
) -> ProgramEvidence {
    let counterparts = findings
        .found
        .iter()
        .filter_map(|finding| finding.counterpart.clone());
    let found = findings.found.iter();
    let found = found.map(|finding| (finding.case.clone(), finding.runs.clone()));
    ProgramEvidence {
        role,
        command: session.setting.target.shown(),
        profile: session.setting.profile,
        remarks: session.remarks(),
        replayed: found.chain(counterparts).collect(),
        seconds: took.as_secs_f64(),
        time_limit: None,
    }
}

/// The verdicts that the suite would give if it consisted of what was found.
fn judged(evidence: ProgramEvidence, findings: &Findings, suite: &Suite) -> RunResult {
    let of_finding = |finding: &Finding| {
        let charged = finding.charged.clone();
        charged.into_iter().chain([finding.requirement.clone()])
    };
    let ids: BTreeSet<String> = findings.found.iter().flat_map(of_finding).collect();
    let requirements = suite.requirements.iter();
    let requirements = requirements.filter(|requirement| ids.contains(&requirement.id));
    evidence.judged(requirements.cloned().collect(), &suite.table())
}

/// Writes the transcripts, and says where.
fn save(folder: Option<&Path>, findings: &Findings) -> Result<(), String> {
    let Some(folder) = folder else {
        return Ok(());
    };
    let mut names = BTreeSet::new();
    for finding in &findings.found {
        let counterpart = finding.counterpart.iter().map(|(case, _)| case);
        for case in std::iter::once(&finding.case).chain(counterpart) {
            let mut name = case.name.clone();
            let mut number = 1;
            while !names.insert(name.clone()) {
                number += 1;
                name = format!("{}-{number}", case.name);
            }
            let file: PathBuf = folder.join(format!("{name}.chat"));
            fs::write(&file, &case.source)
                .map_err(|why| format!("cannot write {}: {why}", file.display()))?;
        }
    }
    print(&format!("Saved as transcripts in {}.\n", folder.display()));
    Ok(())
}
