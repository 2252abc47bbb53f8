//! `conform`: replays the suite against a program and grades it.

mod archive;
mod arguments;
mod cage;
mod changes;
mod class_results;
mod class_setup;
mod doctor;
mod explore;
mod format;
mod grade;
mod judge;
mod look_up;
mod matrix;
mod output;
mod overview;
mod package;
mod record;
mod reports;
mod stress;
mod subjects;

use std::io::{IsTerminal, Write};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::ProgressDrawTarget;

use arguments::{Arguments, Command};
use chat_conformance::conformance::program::{lineage, supervisor, system};
use chat_conformance::report::Style;
use chat_conformance::{client, server};

/// Every requirement that counts passes.
const HOLDS: u8 = 0;
/// The program under test, or the checked files, fall short.
const FALLS_SHORT: u8 = 1;
/// The command line or an input is invalid.
const WRONG_USE: u8 = 2;
/// The harness could not do its work.
const UNABLE: u8 = 3;
/// Ended by Ctrl-C or SIGTERM, as shells count it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    if let Some(stage) = supervisor::stage_of(std::env::args_os()) {
        return supervisor::run(stage);
    }
    system::keep_descriptors_to_itself();
    let arguments = Arguments::parse();
    // A file that must not grow any more is an error like a full disk. Uncaught, this signal ends the process.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default());
    // A panic in the harness must not look like a verdict.
    catch_unwind(|| run(arguments)).unwrap_or(ExitCode::from(UNABLE))
}

fn run(arguments: Arguments) -> ExitCode {
    match arguments.command {
        None => judge::bundled(&arguments.run),
        Some(Command::Server(command)) => judge::server(&command),
        Some(Command::Client(command)) => judge::client(&command),
        Some(Command::Pair(command)) => match &command.matrix {
            Some(class) => matrix::matrix(&command, class),
            None => judge::pair(&command),
        },
        Some(Command::Grade(command)) => grade::grade(&command),
        Some(Command::Package(command)) => package::package(&command),
        Some(Command::Stress(command)) => stress::stress(&command),
        Some(Command::Explore(command)) => explore::explore(&command),
        Some(Command::Record(command)) => record::record(&command),
        Some(Command::Doctor) => doctor::doctor(),
        Some(Command::List(command)) => look_up::list(&command),
        Some(Command::Explain(command)) => look_up::explain(&command),
        Some(Command::Fmt(command)) => format::run(&command),
        Some(Command::ReferenceServer(arguments)) => as_reference(|| server::run(arguments)),
        Some(Command::ReferenceClient(arguments)) => as_reference(|| client::run(arguments)),
    }
}

/// Runs the bundled reference. Only `conform` itself may start it.
fn as_reference(run: impl FnOnce() -> ExitCode) -> ExitCode {
    match lineage::may_be_reference() {
        Ok(()) => run(),
        Err(why) => refuse(&why),
    }
}

/// The style for standard output.
fn terminal_style() -> Style {
    const USUAL: usize = 80;
    const WIDEST: usize = 140;
    let output = std::io::stdout();
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let size = rustix::termios::tcgetwinsize(&output);
    Style {
        colour: output.is_terminal()
            && !refused
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        width: size
            .map_or(USUAL, |size| usize::from(size.ws_col))
            .clamp(USUAL, WIDEST),
    }
}

/// Progress is shown on a terminal only.
fn progress_target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    }
}

/// The path of this program. It starts itself to supervise the programs under test.
fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|why| {
        format!("cannot find the path of this program: {why}; on Linux, /proc must be mounted")
    })
}

/// A flag that Ctrl-C and SIGTERM set from now on, instead of ending the process.
fn watch_for_interruption() -> Result<Arc<AtomicBool>, String> {
    /// A terminal that closes may send several signals at once.
    const SHORTEST: Duration = Duration::from_secs(2);
    let cancelled = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancelled);
    let mut first = None;
    let handle = move || {
        flag.store(true, Ordering::SeqCst);
        let first = *first.get_or_insert_with(Instant::now);
        if first.elapsed() > SHORTEST {
            // Something keeps this process from ending, such as a terminal that takes no output. The supervisors end
            // everything else.
            std::process::exit(i32::from(INTERRUPTED));
        }
    };
    ctrlc::set_handler(handle).map_err(|why| format!("cannot handle Ctrl-C: {why}"))?;
    Ok(cancelled)
}

/// Prints on standard error why a command is invalid.
fn refuse(why: &str) -> ExitCode {
    complain(why);
    ExitCode::from(WRONG_USE)
}

/// Writes to standard error. A closed standard error or output is not a failure.
fn complain(why: &str) {
    let _ = writeln!(std::io::stderr(), "conform: {why}");
}

/// Writes to standard output.
fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}
