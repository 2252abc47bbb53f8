//! `conform`, `conform server` and `conform client`: run the suite and write the reports.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_conformance::conformance::evidence::time_limit::UsedUpBy;
use chat_conformance::conformance::judge::program::ProgramEvidence;
use chat_conformance::conformance::judge::result::{RunResult, Verdict};
use chat_conformance::conformance::program::environment::Purpose;
use chat_conformance::conformance::program::supervisor::{Orphanage, gain_right_to_networks};
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::run::{Plan, Progress, run};
use chat_conformance::conformance::session::{NoResult, Subject};
use chat_conformance::conformance::suite::Suite;
use chat_conformance::grading::assessed_part::AssessedPart;
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::rubric::Rubric;
use chat_conformance::report::formats::json;
use chat_conformance::report::formats::render;
use chat_conformance::report::terminal::program;
use chat_conformance::server::raise_descriptor_limit;
use chat_conformance::transcript::syntax::Role;
use globset::{Glob, GlobSet, GlobSetBuilder};
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::{ClientCommand, PairCommand, RunOptions, ServerCommand, Words};
use crate::cage;
use crate::look_up::load_suite;
use crate::output::{OUTPUT, check_writable, write_to};
use crate::reports::variable;
use crate::subjects::{at_once, client_command, resolved, server_target, subject};
use crate::{
    FALLS_SHORT, HOLDS, INTERRUPTED, UNABLE, WRONG_USE, complain, own_program, print,
    progress_target, refuse, terminal_style, watch_for_interruption,
};

/// Runs the whole suite against the bundled server and client.
pub fn bundled(options: &RunOptions) -> ExitCode {
    let program = match own_program() {
        Ok(program) => program,
        Err(why) => return refuse(&why),
    };
    let start = |command: &str| vec![program.display().to_string(), command.to_owned()];
    let (server, client) = (start("reference-server"), start("reference-client"));
    let subjects = [
        (Role::Server, Target::Command(server.clone())),
        (Role::Client, Target::Command(client.clone())),
        (Role::Pair, Target::Pair { server, client }),
    ];
    judge(options, &subjects, Purpose::Reference)
}

/// Judges a server with its own clients.
pub fn pair(command: &PairCommand) -> ExitCode {
    let words = |words: &Option<Words>| words.clone().map_or(Vec::new(), |words| words.0);
    let server = resolved(&words(&command.server)).map_err(|why| format!("--server: {why}"));
    let client = client_command(&words(&command.client)).map_err(|why| format!("--client: {why}"));
    match (server, client) {
        (Ok(server), Ok(client)) => {
            let target = Target::Pair { server, client };
            judge(&command.run, &[(Role::Pair, target)], Purpose::Program)
        }
        (Err(why), _) | (_, Err(why)) => refuse(&why),
    }
}

/// Judges a server.
pub fn server(command: &ServerCommand) -> ExitCode {
    match server_target(&command.server) {
        Ok(target) => judge(&command.run, &[(Role::Server, target)], Purpose::Program),
        Err(why) => refuse(&why),
    }
}

/// Judges a client.
pub fn client(command: &ClientCommand) -> ExitCode {
    match client_command(&command.command) {
        Ok(words) => judge(
            &command.run,
            &[(Role::Client, Target::Command(words))],
            Purpose::Program,
        ),
        Err(why) => refuse(&why),
    }
}

/// Runs the suite against each program, writes the reports, and returns the exit status.
fn judge(options: &RunOptions, subjects: &[(Role, Target)], purpose: Purpose) -> ExitCode {
    // Programs under test get a limit of their own.
    raise_descriptor_limit();
    let suite = match load_suite(options.suite.folder.as_deref()) {
        Ok(suite) => suite,
        Err(status) => return status,
    };
    let only = match globs(&options.only) {
        Ok(only) => only,
        Err(why) => return refuse(&why),
    };
    let limits = options.replays.limits.check_inherited();
    let harness = match limits.and_then(|()| own_program()) {
        Ok(harness) => harness,
        Err(why) => return refuse(&why),
    };
    let is_started = |(_, target): &(Role, Target)| target.is_started_here();
    let mut layers = Vec::new();
    let mut not_contained = None;
    if subjects.iter().any(is_started) {
        // Must be done while there is one thread.
        gain_right_to_networks(&harness);
        if purpose != Purpose::Reference {
            (layers, not_contained) = match cage::layers(&options.replays.cage, &harness, purpose) {
                Ok(found) => found,
                Err(why) => return refuse(&why),
            };
        }
    }
    let mut plans = Vec::new();
    for (role, target) in subjects {
        let subject = subject(
            *role,
            target.clone(),
            purpose,
            &layers,
            &options.replays,
            Duration::from_secs_f64(options.seconds),
            harness.clone(),
        );
        plans.push(plan(&suite, options, &only, subject));
    }
    if plans.iter().all(|plan| plan.cases.is_empty()) {
        return refuse(&nothing_to_replay(options, subjects));
    }
    let files = options.json.iter();
    let files = files.chain(options.report.iter().map(|report| &report.file));
    let files: Vec<&Path> = files.map(PathBuf::as_path).collect();
    if files
        .iter()
        .filter(|file| **file == Path::new(OUTPUT))
        .count()
        > 1
    {
        return refuse("only one report can be written to standard output (`-`)");
    }
    if let Err(why) = files.iter().try_for_each(|file| check_writable(file)) {
        return refuse(&why);
    }
    let cancelled = match watch_for_interruption() {
        Ok(cancelled) => cancelled,
        Err(why) => return refuse(&why),
    };
    let _orphanage = Orphanage::open();
    let mut results = Vec::new();
    for plan in plans.into_iter().filter(|plan| !plan.cases.is_empty()) {
        match run_with_progress(&plan, &cancelled) {
            Ok(evidence) => {
                let asked = suite.asked_of(plan.subject.role, options.level.into(), only.as_ref());
                let mut result = evidence.judged(asked.requirements, &asked.table);
                result.remarks.extend(not_contained.clone());
                results.push(result);
            }
            Err(why) => {
                return without_result(&why, &cancelled);
            }
        }
    }
    let shown = show(options, &results, subjects.len() > 1)
        .and_then(|()| write_reports(options, &results, &suite));
    let is_judged = |result: &RunResult| {
        let mut entries = result.requirements.iter();
        entries.any(|entry| entry.verdict.is_judgement())
    };
    let is_cut_short = |result: &RunResult| result.time_limit.is_some();
    if !results.iter().any(is_judged) && !results.iter().any(is_cut_short) {
        complain("nothing was judged: none of the selected requirements applies to this program");
        return ExitCode::from(UNABLE);
    }
    match shown {
        Ok(()) => ExitCode::from(status_of(&results)),
        Err(why) => {
            complain(&why);
            ExitCode::from(UNABLE)
        }
    }
}

/// Says why there is no result; the exit status for it.
pub fn without_result(why: &NoResult, cancelled: &AtomicBool) -> ExitCode {
    complain(&why.to_string());
    ExitCode::from(match why {
        _ if cancelled.load(Ordering::SeqCst) => INTERRUPTED,
        NoResult::Cancelled => INTERRUPTED,
        NoResult::NobodyThere(_) => WRONG_USE,
        NoResult::Unfit(_) => UNABLE,
    })
}

fn globs(patterns: &[String]) -> Result<Option<GlobSet>, String> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(|why| format!("--only {pattern}: {why}"))?);
    }
    set.build().map(Some).map_err(|why| why.to_string())
}

fn plan(suite: &Suite, options: &RunOptions, only: &Option<GlobSet>, subject: Subject) -> Plan {
    let asked = suite.asked_of(subject.role, options.level.into(), only.as_ref());
    Plan {
        subject,
        table: asked.table,
        at_once: at_once(&options.replays),
        cases: asked.cases,
    }
}

/// Why no transcript is left.
fn nothing_to_replay(options: &RunOptions, subjects: &[(Role, Target)]) -> String {
    let roles: Vec<String> = subjects.iter().map(|(role, _)| role.to_string()).collect();
    let roles = roles.join(" or a ");
    let missing = format!("the suite has no transcript of this level about a {roles}");
    if options.only.is_empty() {
        return missing;
    }
    let patterns = options.only.join(" ");
    format!(
        "{missing} that matches --only {patterns} (for one below any folder, write '*/NAME'); `conform list` shows all"
    )
}

fn run_with_progress(plan: &Plan, cancelled: &AtomicBool) -> Result<ProgramEvidence, NoResult> {
    let count = u64::try_from(plan.cases.len()).ok();
    let bar = ProgressBar::with_draw_target(count, progress_target());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    let evidence = run(plan, cancelled, &|progress| match progress {
        Progress::Probing => bar.set_message("probing the program"),
        Progress::Began(case, 1) => bar.set_message(case.name.clone()),
        Progress::Began(case, time) => bar.set_message(format!("{} (run {time})", case.name)),
        Progress::Finished(..) => bar.inc(1),
    });
    bar.finish_and_clear();
    evidence
}

fn show(options: &RunOptions, results: &[RunResult], is_list: bool) -> Result<(), String> {
    let json_file = options.json.as_deref();
    let reported = options.report.iter().map(|report| report.file.as_path());
    if !json_file
        .into_iter()
        .chain(reported)
        .any(|file| file == Path::new(OUTPUT))
    {
        let style = terminal_style();
        let mut text = String::new();
        for result in results {
            text.push_str(&program::render(result, style));
        }
        print(&text);
    }
    let Some(file) = &options.json else {
        return Ok(());
    };
    let each: Vec<String> = results.iter().map(json::render).collect();
    let document = if is_list {
        format!("[{}]\n", each.join(","))
    } else {
        each.concat()
    };
    write_to(file, &document)
}

/// Writes every requested report. The programs count as one submission, scored with the built-in rubric.
fn write_reports(options: &RunOptions, results: &[RunResult], suite: &Suite) -> Result<(), String> {
    if options.report.is_empty() {
        return Ok(());
    }
    let rubric = Rubric::built_in(&suite.requirements).map_err(|_| {
        "the built-in rubric names requirements that this suite does not have, so reports with points cannot be written"
    })?;
    let parts = results.iter().map(|result| AssessedPart {
        role: result.role,
        ruled_out: Vec::new(),
        command: result.command.clone(),
        result: Ok(result.clone()),
    });
    let folder = std::env::current_dir().unwrap_or_default();
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let assessment = Assessment::of(name, parts.collect(), &suite.requirements, &rubric);
    options.report.iter().try_for_each(|report| {
        write_to(&report.file, &render(report.format, &assessment, variable))
    })
}

fn status_of(results: &[RunResult]) -> u8 {
    let is_unable = |result: &RunResult| {
        result.transcripts.iter().any(|transcript| {
            transcript.verdict == Verdict::Unsure
                && transcript.runs.iter().any(|run| !run.is_conclusive())
        })
    };
    let lacked_time = |result: &RunResult| {
        let limit = result.time_limit.as_ref();
        limit.is_some_and(|limit| limit.used_up_by == UsedUpBy::Machine)
    };
    if results.iter().any(is_unable) || results.iter().any(lacked_time) {
        UNABLE
    } else if results.iter().all(RunResult::holds) {
        HOLDS
    } else {
        FALLS_SHORT
    }
}
