//! `conform stress`: runs a load test on a server and reports the outcome.

use std::net::TcpStream;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::program::supervisor::Orphanage;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::report::formats::stress_json;
use chat_conformance::report::terminal::stress::render;
use chat_conformance::stress::busy::Busy;
use chat_conformance::stress::error::LoadError;
use chat_conformance::stress::load::{Phase, Progress, Setting, raise_descriptor_limit, run};
use chat_conformance::stress::server_process::ServerProcess;
use chat_conformance::stress::spec::{Length, LoadSpec};
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::StressCommand;
use crate::output::{OUTPUT, check_writable, write_to};
use crate::subjects::server_target;
use crate::{
    FALLS_SHORT, HOLDS, INTERRUPTED, UNABLE, complain, own_program, print, progress_target, refuse,
    terminal_style, watch_for_interruption,
};

/// Runs a load test, shows its outcome, and returns the exit status.
pub fn stress(command: &StressCommand) -> ExitCode {
    let spec = spec(command);
    if let Err(why) = spec.check() {
        return refuse(&why);
    }
    if let Some(Err(why)) = command.json.as_deref().map(check_writable) {
        return refuse(&why);
    }
    let target = match server_target(&command.server) {
        Ok(target) => target,
        Err(why) => return refuse(&why),
    };
    if let Target::Running(address) = target {
        if let Err(why) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
            return refuse(&format!("cannot connect to chat://{address}: {why}"));
        }
    }
    let harness = match own_program() {
        Ok(harness) => harness,
        Err(why) => return refuse(&why),
    };
    let cancelled = match watch_for_interruption() {
        Ok(cancelled) => cancelled,
        Err(why) => {
            complain(&why);
            return ExitCode::from(UNABLE);
        }
    };
    let _orphanage = Orphanage::open();
    // The server's limit cannot exceed that of this process.
    raise_descriptor_limit(descriptors(&spec));
    let (process, address) = match &target {
        Target::Running(address) => (None, *address),
        Target::Command(command)
        | Target::Pair {
            server: command, ..
        } => match ServerProcess::start(&harness, command, limits(&spec), &cancelled) {
            Ok(process) => {
                let address = process.address();
                (Some(process), address)
            }
            Err(error) => return ended(error, &cancelled),
        },
    };
    let _busy = match Busy::threads(spec.busy) {
        Ok(busy) => busy,
        Err(why) => {
            complain(&format!(
                "{} busy threads cannot be started: {why}",
                spec.busy
            ));
            return ExitCode::from(UNABLE);
        }
    };
    let bar = progress_bar();
    let outcome = run(Setting {
        spec: &spec,
        server: target.shown(),
        address,
        process: process.as_ref(),
        patience: Duration::from_secs_f64(command.patience),
        cancelled: &cancelled,
        watch: &|progress| bar.set_message(progress_line(progress, &spec)),
    });
    bar.finish_and_clear();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return ended(error, &cancelled),
    };
    drop(process);
    if command.json.as_deref() != Some(Path::new(OUTPUT)) {
        print(&render(&outcome, terminal_style()));
    }
    if let Some(Err(why)) = command
        .json
        .as_deref()
        .map(|file| write_to(file, &stress_json::render(&outcome)))
    {
        complain(&why);
        return ExitCode::from(UNABLE);
    }
    ExitCode::from(if outcome.holds() { HOLDS } else { FALLS_SHORT })
}

fn spec(command: &StressCommand) -> LoadSpec {
    LoadSpec {
        clients: command.clients,
        senders: command.senders,
        rate: command.rate,
        size: command.size,
        length: match command.messages {
            Some(count) => Length::Messages(count),
            None => Length::Seconds(command.duration),
        },
        churning: command.churn,
        slow: command.slow,
        unpaced: command.unpaced,
        read_rate: command.read_rate,
        busy: command.busy,
    }
}

/// The limits of a server under load: enough for a thread or a process for each client.
fn limits(spec: &LoadSpec) -> Limits {
    const MONTH: u64 = 31 * 24 * 60 * 60;
    let usual = Limits::default();
    let clients = spec.clients as u64;
    Limits {
        cpu_seconds: 64 * MONTH,
        memory: usual.memory + 16 * clients,
        file_size: 1 << 20,
        processes: usual.processes + 2 * clients,
        descriptors: usual.descriptors.max(descriptors(spec)),
    }
}

/// Two for each client, and some more.
fn descriptors(spec: &LoadSpec) -> u64 {
    2 * spec.clients as u64 + 1024
}

fn ended(error: LoadError, cancelled: &AtomicBool) -> ExitCode {
    match error {
        _ if cancelled.load(Ordering::SeqCst) => {
            complain("interrupted");
            ExitCode::from(INTERRUPTED)
        }
        LoadError::Interrupted => ExitCode::from(INTERRUPTED),
        LoadError::Server(why) => {
            complain(&why);
            ExitCode::from(FALLS_SHORT)
        }
        LoadError::Generator(why) => {
            complain(&why);
            ExitCode::from(UNABLE)
        }
    }
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, progress_target());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn progress_line(progress: Progress, spec: &LoadSpec) -> String {
    let Progress {
        registered,
        delivered,
        breaches,
        ..
    } = progress;
    let seconds = progress.elapsed.as_secs_f64();
    match progress.phase {
        Phase::Gathering => format!("{registered} of {} clients are registered", spec.clients),
        Phase::Talking => {
            #[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
            let rate = delivered as f64 / seconds.max(0.001);
            let of = spec
                .time()
                .map(|time| format!(" of {:.0}", time.as_secs_f64()))
                .unwrap_or_default();
            format!(
                "{seconds:.0}{of} s, {delivered} delivered, {rate:.0} per second, {registered} registered, {breaches} errors"
            )
        }
        Phase::Draining => {
            format!("waiting for the last messages: {delivered} delivered, {breaches} errors")
        }
    }
}
