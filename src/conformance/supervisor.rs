//! The process between the harness and a subject, so that nothing of the subject outlives the harness.
//!
//! For each start of a subject the harness starts itself as a supervisor. The supervisor adopts
//! every orphan below it and holds one end of a pipe whose other end the harness holds. When that
//! pipe closes, however the harness ended (by a panic or `SIGKILL` too), the supervisor ends
//! every process below it, removes their temporary directory, and is gone. Should a subject end its
//! supervisor, the harness does both in its place.
//!
//! The supervisor leads the session at the subject's terminal, as a shell does, and starts the
//! subject in the foreground of it, through one more step: the launcher puts signals and limits in
//! order and then turns into the subject. So no code runs between fork and exec, and none of it is
//! unsafe.

use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use rustix::termios::tcsetpgrp;
use signal_hook::consts::{SIGXCPU, SIGXFSZ};

use super::limits::Limits;
use super::removal::remove_tree;
use super::system;

/// The hidden commands of `conform` by which it starts subjects.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Stage {
    /// Looks after one subject until standard input closes.
    #[command(hide = true)]
    Supervise {
        /// Device of the pseudo-terminal that becomes the subject's.
        #[arg(long)]
        terminal: PathBuf,
        /// What the subject may take of the machine.
        #[command(flatten)]
        limits: Limits,
        /// A variable of the subject's environment, as NAME=VALUE.
        #[arg(long = "set")]
        environment: Vec<String>,
        /// Program and arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Tries whether this user may be given the right to hand out networks.
    #[command(hide = true)]
    TryNetworks,
    /// Turns into the subject when standard input closes.
    #[command(hide = true)]
    Launch {
        /// What the subject may take of the machine.
        #[command(flatten)]
        limits: Limits,
        /// Program and arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

/// Sees to it that replays can be given networks of their own, where this user may have that right. Must
/// be called while there is one thread.
pub fn gain_right_to_networks(harness: &Path) {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let mut trial = Command::new(harness);
    trial.arg("try-networks").stdin(Stdio::null());
    trial.stdout(Stdio::null()).stderr(Stdio::null());
    if trial.status().is_ok_and(|status| status.success()) {
        // It went well a moment ago; where it does not now, one network is shared by all.
        let _ = system::gain_right_to_networks();
    }
}

/// What a supervisor tells the harness, one a line on its standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The subject's temporary directory, which the supervisor removes in the end.
    Scratch(PathBuf),
    /// The subject's process was started, with this id.
    Started(i32),
    /// The subject's process is over, in this way.
    Ended(String),
}

impl Report {
    /// Reads a line that a supervisor wrote.
    pub fn parse(line: &str) -> Option<Report> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "scratch" => Some(Report::Scratch(PathBuf::from(rest))),
            "started" => rest.parse().ok().map(Report::Started),
            "ended" => Some(Report::Ended(rest.to_owned())),
            _ => None,
        }
    }
}

/// A variable of the subject's environment, as an argument of its supervisor.
pub fn assignment((name, value): &(String, String)) -> String {
    format!("--set={name}={value}")
}

/// Runs one of the two stages.
pub fn run(stage: Stage) -> ExitCode {
    let outcome = match stage {
        Stage::Supervise {
            terminal,
            limits,
            environment,
            command,
        } => supervise(&terminal, limits, &environment, &command),
        Stage::TryNetworks => {
            system::gain_right_to_networks().and_then(|()| system::enter_own_network())
        }
        Stage::Launch { limits, command } => Err(turn_into_subject(limits, &command)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conform: {error}");
            ExitCode::from(127)
        }
    }
}

fn supervise(
    terminal: &Path,
    limits: Limits,
    environment: &[String],
    subject: &[String],
) -> io::Result<()> {
    system::adopt_orphans();
    // What is typed or sent to the subject's session is not for this process.
    catch_signals()?;
    let terminal = lead_session_at(terminal)?;
    // Made here and not by the harness, which may end at any moment: what ends it is here, too.
    let scratch = tempfile::Builder::new().prefix("conform-").tempdir()?;
    report(&format!("scratch {}", scratch.path().display()));
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("launch")
        .args(limits.arguments())
        .arg("--")
        .args(subject);
    command
        .stdin(Stdio::piped())
        .stdout(terminal.try_clone()?)
        .stderr(terminal.try_clone()?);
    command.process_group(0);
    give_plain_environment(&mut command, scratch.path());
    command.envs(environment.iter().filter_map(|word| word.split_once('=')));
    let mut launcher = command.spawn()?;
    let subject = i32::try_from(launcher.id()).map_err(io::Error::other)?;
    if let Some(group) = Pid::from_raw(subject) {
        tcsetpgrp(&terminal, group)?;
    }
    // It waits for this: from now on keys typed are for it.
    drop(launcher.stdin.take());
    report(&format!("started {subject}"));

    let over = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&over);
    let too_many = Arc::new(AtomicBool::new(false));
    let were_too_many = Arc::clone(&too_many);
    std::thread::spawn(move || reap(subject, &noticed, &were_too_many));
    std::thread::spawn(move || end_when_too_many(limits.processes, &too_many));
    obey(subject, &over);
    if let Some(group) = Pid::from_raw(subject).filter(|_| !over.load(Ordering::SeqCst)) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    end_descendants();
    remove_tree(&scratch.keep())
}

/// The second net, below the supervisors: adopts what comes loose where a subject ends its own
/// supervisor, and ends it when dropped, which must be after all supervisors have ended.
#[derive(Debug)]
#[must_use]
pub struct Orphanage(());

impl Orphanage {
    /// From now on this process adopts orphans.
    pub fn open() -> Orphanage {
        system::adopt_orphans();
        Orphanage(())
    }
}

impl Drop for Orphanage {
    fn drop(&mut self) {
        end_descendants();
    }
}

/// Where languages keep what is installed for one user, which is no part of the program: found below
/// the home directory unless these say where.
const FOUND_BY_HOME: [(&str, &str); 8] = [
    ("PYTHONUSERBASE", ".local"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("NVM_DIR", ".nvm"),
    ("SDKMAN_DIR", ".sdkman"),
    ("RUSTUP_HOME", ".rustup"),
    ("CARGO_HOME", ".cargo"),
    ("GOPATH", "go"),
];

/// What hides a fault or depends on the person who runs the harness does not reach the subject.
fn give_plain_environment(command: &mut Command, scratch: &Path) {
    for name in [
        "PYTHONUNBUFFERED",
        "COLUMNS",
        "LINES",
        "LC_ALL",
        "LANGUAGE",
        "NO_COLOR",
    ] {
        command.env_remove(name);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    for (name, place) in FOUND_BY_HOME {
        let is_set = std::env::var_os(name).is_some();
        let found = home.as_ref().map(|home| home.join(place));
        if let Some(place) = found.filter(|place| !is_set && place.exists()) {
            command.env(name, place);
        }
    }
    command.env("TMPDIR", scratch).env("HOME", scratch);
    // A submission's folder is left as it was found.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
}

/// Collects every process that ends, and tells of the subject's end.
fn reap(subject: i32, over: &AtomicBool, were_too_many: &AtomicBool) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == subject => {
                over.store(true, Ordering::SeqCst);
                let why = if were_too_many.load(Ordering::SeqCst) {
                    ": ended by the harness, since it had too many processes"
                } else {
                    ""
                };
                report(&format!("ended {}{why}", how_it_ended(status)));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn how_it_ended(status: WaitStatus) -> String {
    let status = ExitStatus::from_raw(status.as_raw());
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(SIGXCPU)) => format!("signal {SIGXCPU}: its processor time was used up"),
        (None, Some(SIGXFSZ)) => format!("signal {SIGXFSZ}: a file that it wrote was too large"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn report(line: &str) {
    let mut output = io::stdout().lock();
    // The harness may be gone: then nobody wants to know.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Ends a subject that starts more processes than it may. The number of all that run on the machine is
/// cheap to ask for: only when there are so many more than at first are the subject's own counted.
fn end_when_too_many(most: u64, were_too_many: &AtomicBool) {
    const PAUSE: Duration = Duration::from_millis(20);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let own_id = rustix::process::getpid().as_raw_pid();
    let at_first = system::tasks_on_this_machine();
    loop {
        std::thread::sleep(PAUSE);
        let more = system::tasks_on_this_machine().saturating_sub(at_first);
        let mut count = 0;
        let mut are_too_many = || {
            system::visit_descendants(own_id, |_| {
                count += 1;
                if count > most {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            count > most
        };
        if more > most && are_too_many() {
            were_too_many.store(true, Ordering::SeqCst);
            end_descendants();
        }
    }
}

/// Passes on signals that the harness asks for, until it closes the pipe.
fn obey(subject: i32, over: &AtomicBool) {
    for line in io::stdin().lock().lines() {
        let signal = match line.as_deref() {
            Ok("interrupt") => Signal::INT,
            Ok("terminate") => Signal::TERM,
            Ok(_) => continue,
            Err(_) => return,
        };
        // Once it is collected its id may be another's.
        if let Some(pid) = Pid::from_raw(subject).filter(|_| !over.load(Ordering::SeqCst)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Ends every process below this one; gives up on what the system itself does not let end.
fn end_descendants() {
    const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    let own_id = rustix::process::getpid().as_raw_pid();
    while begun.elapsed() < GIVE_UP_AFTER {
        // What has ended is collected. Orphans become children of this process: without children nobody is below it.
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        // First all stand still, or the last of them would go on multiplying while the first are ended.
        let mut left = Vec::new();
        system::visit_descendants(own_id, |process| {
            system::stop(&[process.id]);
            left.push(process);
            ControlFlow::Continue(())
        });
        left.into_iter().for_each(system::kill);
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Makes this process the leader of a session at the terminal, as a shell is. It must not be the
/// subject itself: when a session's leader ends, the system throws away what is still on its way
/// through the terminal.
fn lead_session_at(terminal: &Path) -> io::Result<OwnedFd> {
    rustix::process::setsid()?;
    let terminal = rustix::fs::open(terminal, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::process::ioctl_tiocsctty(&terminal)?;
    Ok(terminal)
}

/// Never comes back unless it fails.
fn turn_into_subject(limits: Limits, command: &[String]) -> io::Error {
    if let Err(error) = wait_for_terminal().and_then(|()| catch_signals()) {
        return error;
    }
    limits.put_in_force();
    let error = Command::new(&command[0]).args(&command[1..]).exec();
    io::Error::other(format!("cannot start {}: {error}", command[0]))
}

/// The terminal is this process's own when standard input ends; then it becomes standard input.
fn wait_for_terminal() -> io::Result<()> {
    io::copy(&mut io::stdin(), &mut io::sink())?;
    rustix::stdio::dup2_stdin(io::stdout())?;
    Ok(())
}

/// A caught signal is at its default again after exec, an ignored one stays ignored: so each that
/// a shell or `nohup` may have set to be ignored is caught here.
fn catch_signals() -> io::Result<()> {
    use signal_hook::consts::*;
    let noticed = Arc::new(AtomicBool::new(false));
    let inherited = [
        SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD, SIGTSTP, SIGTTIN,
        SIGTTOU, SIGWINCH,
    ];
    for signal in inherited {
        signal_hook::flag::register(signal, Arc::clone(&noticed))?;
    }
    Ok(())
}
