//! The supervisor: a process between the harness and a program under test. No process of the program outlives the
//! harness.
//!
//! For each start of a program the harness starts itself as a supervisor. The supervisor adopts every orphan below it
//! and holds one end of a pipe; the harness holds the other. When the pipe closes, however the harness ended (by a
//! panic or `SIGKILL` too), the supervisor ends every process below it, removes their temporary directory, and ends.
//! If a program ends its supervisor, the harness does both instead.
//!
//! The supervisor leads the session at the program's terminal, as a shell does, and starts the program in the
//! foreground. One more stage comes in between: the launcher sets signals and limits, and then executes the program.
//! So no code runs between fork and exec, and nothing needs unsafe code.
//!
//! In a cage with namespaces there are two supervisors. The upper one creates and removes the temporary directory. The
//! lower one is the first process of a process namespace, so that the program cannot see, stop or end anything above
//! itself. It makes the view of files that the program gets. Everything else is as described above.

mod launch;
mod signals;
mod trial;

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, Write};
use std::ops::ControlFlow;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Subcommand as _;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use rustix::termios::tcsetpgrp;
use signal_hook::consts::{SIGSYS, SIGXCPU, SIGXFSZ};
use tempfile::TempDir;

use crate::conformance::files::removal::remove_tree;
use crate::conformance::program::cage::layer::{Layer, OwnFolder};
use crate::conformance::program::cage::replaced::{NO_NAME_SERVER, users_with};
use crate::conformance::program::cage::view::{SECRETS_OF_THE_SYSTEM, sight};
use crate::conformance::program::environment::{Environment, Purpose};
use crate::conformance::program::limits::Limits;
use crate::conformance::program::lineage::{BUNDLED, PURPOSE, SUPERVISE};
use crate::conformance::program::system::Replacement;
use crate::conformance::program::{system, variables};

pub use launch::Launch;
use signals::catch_signals;
pub use trial::{gain_right_to_networks, layers_here};

/// The hidden commands of `conform` that start programs under test.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Stage {
    /// Supervises one program until standard input closes.
    #[command(hide = true)]
    Supervise(Supervision),
    /// Tests whether this user can be given the right to create networks.
    #[command(hide = true)]
    TryNetworks,
    /// Tests whether this system offers a layer of the cage.
    #[command(hide = true)]
    TryLayer {
        /// The layer.
        #[arg(value_enum)]
        layer: Layer,
        /// A folder that contains a file called `something`, which no caged program must see.
        folder: PathBuf,
        /// Set for the process that makes a view, the first of a process namespace.
        #[arg(long)]
        inside: bool,
    },
    /// Executes the program when standard input closes.
    #[command(hide = true)]
    Launch(Launch),
}

/// The stage that a command line asks for. Each start of a program parses two or three of them, so this parser knows
/// nothing else.
pub fn stage_of(arguments: std::env::ArgsOs) -> Option<Stage> {
    #[derive(clap::Parser)]
    #[command(name = "conform")]
    struct Stages {
        #[command(subcommand)]
        stage: Stage,
    }
    let arguments: Vec<OsString> = arguments.collect();
    let name = arguments.get(1)?.to_str()?;
    let is_stage = Stage::has_subcommand(name);
    is_stage.then(|| <Stages as clap::Parser>::parse_from(arguments).stage)
}

/// A supervisor's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Supervision {
    /// On whose behalf the program is started.
    #[arg(long, value_enum)]
    purpose: Purpose,
    /// Device of the pseudo-terminal that becomes the program's.
    #[arg(long)]
    terminal: PathBuf,
    /// The folder in which the program's temporary directory is created.
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// A layer of the program's cage.
    #[arg(long = "layer", value_enum)]
    cage: Vec<Layer>,
    /// The program's user id and group id.
    #[arg(long)]
    user: Option<u32>,
    /// A file or folder that the caged program can read and execute.
    #[arg(long)]
    readable: Vec<PathBuf>,
    /// What happens to changes in its working directory.
    #[arg(long, value_enum, default_value_t)]
    own: OwnFolder,
    /// A folder that the program must not see.
    #[arg(long)]
    hidden: Vec<PathBuf>,
    /// Its network is its own: no name server can be reached from there.
    #[arg(long)]
    own_network: bool,
    /// The temporary directory, if a supervisor above this one created it and this one makes the program's view.
    #[arg(long)]
    inside: Option<PathBuf>,
    /// The program's working directory; by default the supervisor's own.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// The program's resource limits.
    #[command(flatten)]
    limits: Limits,
    /// An environment variable of the program, as NAME=VALUE.
    #[arg(long = "set")]
    environment: Vec<String>,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// The command with which `harness` supervises `command` at the terminal of this device.
pub fn command_line(
    harness: &Path,
    device: &str,
    environment: &Environment,
    command: &[String],
) -> Command {
    use clap::ValueEnum;
    let purpose = environment.purpose.to_possible_value();
    let purpose = purpose
        .as_ref()
        .map_or("submission", |value| value.get_name());
    let mut supervisor = Command::new(harness);
    supervisor
        .arg(SUPERVISE)
        .arg(format!("{PURPOSE}{purpose}"))
        .args(["--terminal", device])
        .args(environment.limits.arguments())
        .args(environment.environment.iter().map(assignment));
    if let Some(user) = environment.user {
        supervisor.args(["--user", &user.to_string()]);
    }
    if let Some(scratch) = &environment.scratch {
        supervisor.arg("--scratch").arg(scratch);
    }
    for folder in &environment.hidden {
        supervisor.arg("--hidden").arg(folder);
    }
    // The supervisor enters the folder. If an earlier run of the program has made that impossible, this is the
    // program's failure.
    let mut folder = environment.folder.clone();
    if let (Ok(here), false) = (std::env::current_dir(), environment.cage.is_empty()) {
        let sight = sight(command, environment, &here);
        for layer in &environment.cage {
            supervisor.args(["--layer", layer.word()]);
        }
        for place in &sight.readable {
            supervisor.arg("--readable").arg(place);
        }
        let own = sight.own.to_possible_value();
        supervisor.args(own.map(|own| format!("--own={}", own.get_name())));
        if system::is_in_own_network() {
            supervisor.arg("--own-network");
        }
        folder = Some(sight.folder);
    }
    if let Some(folder) = folder {
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        supervisor.arg("--folder").arg(folder);
    }
    supervisor.arg("--").args(command);
    // A program can read the environment of its supervisor.
    supervisor.env_clear().envs(variables::of_supervisor());
    supervisor
}

fn assignment((name, value): &(String, String)) -> String {
    format!("--set={name}={value}")
}

/// Reports from a supervisor to the harness, one for each line of its standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The program's temporary directory, which the supervisor removes at the end.
    Scratch(PathBuf),
    /// The supervisor is the process with this id, below the one that the harness started.
    Supervisor(i32),
    /// The program's process was started.
    Started,
    /// The program could not be started, for this reason, which is not its own fault.
    Failed(String),
    /// The program's process ended, in this way.
    Ended(String),
}

impl Report {
    /// Parses a line from a supervisor.
    pub fn parse(line: &str) -> Option<Report> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "scratch" => Some(Report::Scratch(unescaped(rest)?)),
            "supervisor" => rest.parse().ok().map(Report::Supervisor),
            "started" => Some(Report::Started),
            "failed" => Some(Report::Failed(rest.to_owned())),
            "ended" => Some(Report::Ended(rest.to_owned())),
            _ => None,
        }
    }
}

/// The report of a temporary directory. A path may contain line feeds and bytes that are not UTF-8, so all but plain
/// characters are written as `%` and two digits.
fn scratch_report(path: &Path) -> String {
    let escaped = path.as_os_str().as_bytes().iter().map(|byte| match byte {
        b'!'..=b'~' if *byte != b'%' => char::from(*byte).to_string(),
        _ => format!("%{byte:02x}"),
    });
    format!("scratch {}", escaped.collect::<String>())
}

/// The path in a report, unless the report is damaged.
fn unescaped(text: &str) -> Option<PathBuf> {
    let mut parts = text.split('%');
    let mut path = parts.next()?.as_bytes().to_vec();
    for part in parts {
        path.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        path.extend(part[2..].bytes());
    }
    Some(PathBuf::from(OsString::from_vec(path)))
}

/// Runs one of the stages.
pub fn run(stage: Stage) -> ExitCode {
    let outcome = match stage {
        Stage::Supervise(arguments) => match arguments.begin() {
            Ok(Begun::Here(scene)) => scene.keep(),
            Ok(Begun::Below(supervisor)) => supervisor.keep(),
            Err(error) => {
                let why = error.to_string();
                report(&format!("failed {}", why.replace('\n', " ")));
                return ExitCode::from(127);
            }
        },
        Stage::TryNetworks => trial::try_networks(),
        Stage::TryLayer {
            layer,
            folder,
            inside,
        } => trial::try_layer(layer, &folder, inside),
        Stage::Launch(launch) => Err(launch.run()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conform: {error}");
            ExitCode::from(127)
        }
    }
}

/// A program that was started.
enum Begun {
    /// By this process.
    Here(Scene),
    /// By a supervisor below this process, which hides folders.
    Below(Below),
}

/// What a supervisor is responsible for.
struct Scene {
    /// The program's process, which is the launcher at first.
    subject: i32,
    most_processes: u64,
    /// The program's temporary directory, if this process has to remove it.
    scratch: Option<TempDir>,
    /// Whether this is the first process of a process namespace.
    is_first: bool,
}

/// A supervisor in a process namespace of its own, and what it cannot remove itself.
struct Below {
    supervisor: Child,
    scratch: TempDir,
}

impl Supervision {
    fn begin(self) -> io::Result<Begun> {
        system::adopt_orphans();
        // Keys and signals for the program's session are not for this process.
        catch_signals()?;
        if self.purpose == Purpose::Reference {
            check_starter()?;
        }
        if self.cage.contains(&Layer::Namespaces) && self.inside.is_none() {
            self.begin_below().map(Begun::Below)
        } else {
            self.begin_here().map(Begun::Here)
        }
    }

    /// Created here and not by the harness, which may end at any moment; the process that removes it is here, too.
    fn scratch(&self) -> io::Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("conform-");
        let scratch = match &self.scratch {
            Some(place) => builder.tempdir_in(place),
            None => builder.tempdir(),
        }?;
        report(&scratch_report(scratch.path()));
        if let Some(user) = self.user {
            std::os::unix::fs::chown(scratch.path(), Some(user), Some(user))?;
        }
        Ok(scratch)
    }

    /// The first process of a namespace cannot be stopped or ended from inside, and when it ends, all processes in it
    /// end.
    fn begin_below(&self) -> io::Result<Below> {
        rustix::process::setsid()?;
        let scratch = self.scratch()?;
        let program = std::env::current_exe()?;
        system::isolate_next_process()?;
        let mut supervisor = Command::new(program);
        supervisor
            .arg(SUPERVISE)
            .arg("--inside")
            .arg(scratch.path());
        supervisor.args(std::env::args_os().skip(2));
        let supervisor = supervisor.spawn()?;
        report(&format!("supervisor {}", supervisor.id()));
        system::close_to_others();
        Ok(Below {
            supervisor,
            scratch,
        })
    }

    fn begin_here(&self) -> io::Result<Scene> {
        // Its path may be hidden by then.
        let program = OwnProgram::open()?;
        let (scratch, place) = match &self.inside {
            Some(place) => (None, place.clone()),
            // It writes no files. Its supervisor ends with the harness, and could not remove a directory any more.
            None if self.purpose == Purpose::Reference => (None, std::env::temp_dir()),
            None => {
                let scratch = self.scratch()?;
                let place = scratch.path().to_owned();
                (Some(scratch), place)
            }
        };
        let terminal = lead_session_at(&self.terminal)?;
        if let Some(user) = self.user {
            rustix::fs::fchown(&terminal, Some(rustix::fs::Uid::from_raw(user)), None)?;
        }
        let mut unable = self.folder.as_deref().and_then(|own| enter(own).err());
        let mut place = place;
        if self.inside.is_some() {
            system::end_with_parent()?;
            self.enter_view(&place, unable.is_none())?;
            system::give_up_ambient_rights()?;
            place = system::TEMPORARY.into();
            if let (Some(folder), None) = (&self.folder, &unable) {
                unable = enter(folder).err();
            }
        }
        if self.purpose != Purpose::Reference {
            // The reference looks at the executable of its supervisor.
            system::close_to_others();
        }
        let mut launcher = program.launcher(self, unable, &place);
        launcher
            .stdin(Stdio::piped())
            .stdout(terminal.try_clone()?)
            .stderr(terminal.try_clone()?);
        launcher.process_group(0);
        launcher.envs(variables::of_program(&place, self.user.is_some()));
        let mut launcher = launcher.spawn()?;
        let subject = i32::try_from(launcher.id()).map_err(io::Error::other)?;
        if let Some(group) = Pid::from_raw(subject) {
            tcsetpgrp(&terminal, group)?;
        }
        // The launcher waits for this: from now on, typed keys are for the program.
        drop(launcher.stdin.take());
        report("started now");
        Ok(Scene {
            subject,
            most_processes: self.limits.processes,
            scratch,
            is_first: self.inside.is_some(),
        })
    }
}

impl Supervision {
    fn enter_view(&self, place: &Path, has_folder: bool) -> io::Result<()> {
        let folder = self.folder.as_deref().filter(|_| has_folder);
        let mut hidden = self.hidden.clone();
        hidden.extend(SECRETS_OF_THE_SYSTEM.map(PathBuf::from));
        if self.purpose == Purpose::Submission {
            hidden.extend(bundled_programs(folder));
        }
        /// A build writes more temporary files than a program, and its results stay.
        const OF_A_BUILD: u64 = 4;
        let room = match self.own {
            OwnFolder::Restored | OwnFolder::ReadOnly => self.limits.file_size,
            OwnFolder::Kept => OF_A_BUILD * self.limits.file_size,
        };
        system::enter(&system::View {
            place,
            readable: &self.readable,
            hidden: &hidden,
            replaced: &self.replaced(),
            home: self.home().as_deref(),
            folder,
            own: self.own,
            terminal: &self.terminal,
            room,
        })
    }

    /// The files of the system that have other contents for this program.
    fn replaced(&self) -> Vec<Replacement> {
        let mut replaced = Vec::new();
        // It may be a link out of /etc. Where there is none, nothing can be put in its place.
        if let (Ok(file), true) = (std::fs::canonicalize("/etc/resolv.conf"), self.own_network) {
            replaced.push(Replacement {
                file,
                contents: NO_NAME_SERVER.to_owned(),
            });
        }
        // Names that come from another machine are not found in the cage.
        let passwd = std::fs::canonicalize("/etc/passwd").ok();
        let passwd = passwd.and_then(|file| Some((std::fs::read(&file).ok()?, file)));
        if let Some((users, file)) = passwd {
            let users = String::from_utf8_lossy(&users);
            let user = rustix::process::getuid().as_raw();
            let group = rustix::process::getgid().as_raw();
            let name = std::env::var("USER").unwrap_or_default();
            let contents = users_with(&users, user, group, &name);
            replaced.extend(contents.map(|contents| Replacement { file, contents }));
        }
        replaced
    }

    /// The home directory of this user, if no part of the system is there: some tools want to write there, whatever
    /// HOME says.
    fn home(&self) -> Option<PathBuf> {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        let holds = |place: &PathBuf| home.starts_with(place) || place.starts_with(&home);
        let is_system = |place: &PathBuf| place.components().count() == 2 && holds(place);
        let is_usable = home.is_absolute()
            && home.parent().is_some()
            && !home.starts_with(system::TEMPORARY)
            && !Path::new(system::TEMPORARY).starts_with(&home)
            && !home.starts_with("/dev")
            && !home.starts_with("/run")
            && !home.starts_with("/proc")
            && self.folder.as_ref() != Some(&home)
            && !self.readable.iter().any(is_system);
        is_usable.then_some(home)
    }

    /// The files that the program can only read, and those that it can also change, by Landlock.
    fn files(&self, place: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut readable = self.readable.clone();
        let mut writable = paths(&["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"]);
        if self.inside.is_some() {
            readable = paths(&["/"]);
            writable = paths(&["/dev", "/proc"]);
            writable.extend(self.home());
        } else {
            let mut hidden = self.hidden.clone();
            hidden.extend(SECRETS_OF_THE_SYSTEM.map(PathBuf::from));
            readable = without(readable, &hidden);
            readable.extend(paths(&["/proc", "/dev/random", "/dev/urandom"]));
            writable.extend([self.terminal.clone(), "/dev/shm".into()]);
        }
        writable.push(place.to_owned());
        match (&self.folder, self.own) {
            // The files in it that are visible are readable already.
            (Some(_), OwnFolder::ReadOnly) => {}
            (Some(folder), _) => writable.push(folder.clone()),
            (None, _) => {}
        }
        (readable, writable)
    }
}

/// These files and folders without the hidden ones in them: folders that contain one are replaced by what else they
/// contain.
fn without(readable: Vec<PathBuf>, hidden: &[PathBuf]) -> Vec<PathBuf> {
    let mut kept = Vec::new();
    let mut left = readable;
    while let Some(place) = left.pop() {
        if hidden.iter().any(|hidden| place.starts_with(hidden)) {
            continue;
        }
        let holds_one = |hidden: &PathBuf| hidden.starts_with(&place) && hidden.exists();
        if hidden.iter().any(holds_one) {
            let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        } else {
            kept.push(place);
        }
    }
    kept
}

/// The executable of this process, held open.
struct OwnProgram {
    file: OwnedFd,
}

impl OwnProgram {
    fn open() -> io::Result<OwnProgram> {
        let path = std::env::current_exe()?;
        let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(OwnProgram { file })
    }

    fn launcher(
        &self,
        arguments: &Supervision,
        unable: Option<io::Error>,
        scratch: &Path,
    ) -> Command {
        use clap::ValueEnum;
        let path = if arguments.inside.is_some() {
            PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
        } else {
            std::env::current_exe().unwrap_or_default()
        };
        let mut launcher = Command::new(path);
        launcher.arg0("conform").arg("launch");
        if let Some(purpose) = arguments.purpose.to_possible_value() {
            launcher.args(["--purpose", purpose.get_name()]);
        }
        launcher.args(arguments.limits.arguments());
        for layer in &arguments.cage {
            launcher.args(["--layer", layer.word()]);
        }
        if let Some(user) = arguments.user {
            launcher.args(["--user", &user.to_string()]);
        }
        // A build as root may change owners of files.
        if arguments.own == OwnFolder::Restored && !arguments.cage.is_empty() {
            launcher.arg("--without-rights");
        }
        if arguments.cage.contains(&Layer::Landlock) {
            let (readable, writable) = arguments.files(scratch);
            for place in readable {
                launcher.arg("--readable").arg(place);
            }
            for place in writable {
                launcher.arg("--writable").arg(place);
            }
        }
        launcher.args(
            arguments
                .environment
                .iter()
                .map(|word| format!("--set={word}")),
        );
        launcher.args(unable.map(|why| format!("--unable={why}")));
        launcher.arg("--").args(&arguments.command);
        launcher
    }
}

impl Scene {
    /// Supervises the program until the harness closes the pipe, and then ends all its processes.
    fn keep(self) -> io::Result<()> {
        let subject = self.subject;
        let over = Arc::new(AtomicBool::new(false));
        let noticed = Arc::clone(&over);
        let too_many = Arc::new(AtomicBool::new(false));
        let were_too_many = Arc::clone(&too_many);
        std::thread::spawn(move || reap(subject, &noticed, &were_too_many));
        std::thread::spawn(move || {
            end_when_too_many(self.most_processes, self.is_first, &too_many);
        });
        obey(subject, &over);
        if self.is_first {
            // The system ends all other processes of the namespace with this one.
            return Ok(());
        }
        if let Some(group) = Pid::from_raw(subject).filter(|_| !over.load(Ordering::SeqCst)) {
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let are_ended = end_descendants();
        self.scratch.map_or(Ok(()), removed)?;
        if are_ended {
            Ok(())
        } else {
            Err(io::Error::other(
                "some processes of a program could not be ended",
            ))
        }
    }
}

impl Below {
    /// Waits for the supervisor below this one, which ends when the harness's pipe closes.
    fn keep(mut self) -> io::Result<()> {
        let status = self.supervisor.wait()?;
        removed(self.scratch)?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!(
                "the supervisor of a program ended: {status}"
            )))
        }
    }
}

fn removed(scratch: TempDir) -> io::Result<()> {
    remove_tree(&scratch.keep())
}

/// The bundled programs beside this executable and on the PATH. Files in the program's own folder are its own, whatever
/// their name.
fn bundled_programs(folder: Option<&Path>) -> Vec<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.as_ref().and_then(|own| own.parent());
    let in_folder = |folder: &Path| BUNDLED.map(|name| folder.join(name));
    let mut all: Vec<PathBuf> = beside.into_iter().flat_map(in_folder).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    all.extend(programs_on_path(&path, folder));
    all.extend(own.clone());
    all.retain_mut(|file| match std::fs::canonicalize(&*file) {
        Ok(real) => {
            *file = real;
            true
        }
        Err(_) => false,
    });
    all.sort();
    all.dedup();
    all
}

/// The bundled programs in the absolute folders of `path`, except those in the program's own folder.
fn programs_on_path(path: &OsStr, folder: Option<&Path>) -> Vec<PathBuf> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let kept = folder.and_then(real);
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| BUNDLED.map(|name| folder.join(name)))
        .filter_map(|file| real(&file))
        .filter(|file| !kept.iter().any(|kept| file.starts_with(kept)))
        .collect()
}

/// Makes a program's working directory this process's. If the program has removed the permission for that, adds it
/// again.
fn enter(folder: &Path) -> io::Result<()> {
    give_permission(folder);
    std::env::set_current_dir(folder).map_err(|error| {
        let folder = folder.display();
        io::Error::other(format!(
            "the program's working directory {folder} cannot be entered: {error}"
        ))
    })
}

#[cfg(target_os = "linux")]
fn give_permission(folder: &Path) {
    // Does not follow a link in its place. Such a descriptor needs no permission on the folder.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(folder) = rustix::fs::open(folder, flags, Mode::empty()) else {
        return;
    };
    let mode = rustix::fs::fstat(&folder).map(|stat| Mode::from_raw_mode(stat.st_mode));
    if let Ok(mode) = mode.map(|mode| mode.intersection(Mode::from_raw_mode(0o7777))) {
        if !mode.contains(Mode::RWXU) {
            let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
            // If this fails, entering the folder reports the error.
            let _ = rustix::fs::chmod(itself, mode | Mode::RWXU);
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn give_permission(_folder: &Path) {}

/// Ties a supervisor of the reference to the process above it, which must have started it: the socket through which
/// it is told to end knows its creator, and the supervisor ends with that process.
fn check_starter() -> io::Result<()> {
    system::end_with_parent()?;
    #[cfg(target_os = "linux")]
    {
        let maker = rustix::net::sockopt::socket_peercred(io::stdin())?.pid;
        if Some(maker) != rustix::process::getppid() {
            return Err(io::Error::other("only conform itself starts the reference"));
        }
    }
    Ok(())
}

/// A second safety net below the supervisors: adopts the processes of a program that ends its own supervisor, and
/// ends them when dropped. Drop it after all supervisors have ended.
#[derive(Debug)]
#[must_use]
pub struct Orphanage(());

impl Orphanage {
    /// From now on this process adopts orphans, and programs under test cannot inspect it.
    pub fn open() -> Orphanage {
        system::adopt_orphans();
        system::close_to_others();
        Orphanage(())
    }
}

impl Drop for Orphanage {
    fn drop(&mut self) {
        end_descendants();
    }
}

/// Collects every process that ends, and reports the end of the program.
fn reap(subject: i32, over: &AtomicBool, were_too_many: &AtomicBool) {
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == subject => {
                over.store(true, Ordering::SeqCst);
                let why = if were_too_many.load(Ordering::SeqCst) {
                    ": ended by the harness, because it had too many processes"
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
        (None, Some(SIGSYS)) => format!(
            "signal {SIGSYS}: it used system calls of another kind of processor; a 32-bit program cannot run in the cage"
        ),
        (None, Some(SIGXFSZ)) => format!("signal {SIGXFSZ}: a file that it wrote was too large"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn report(line: &str) {
    let mut output = io::stdout().lock();
    // If the harness is gone, nobody needs the report.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

/// Ends a program that starts more processes than its limit. Counting all processes that are visible is cheap, so the
/// program's own are counted only when there are many more than at first. The first process of a namespace sees no others.
fn end_when_too_many(most: u64, is_first: bool, were_too_many: &AtomicBool) {
    const PAUSE: Duration = Duration::from_millis(20);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let own_id = rustix::process::getpid().as_raw_pid();
    let tasks = || match is_first {
        true => system::visible_processes(),
        false => system::tasks_on_this_machine(),
    };
    let at_first = tasks();
    let id_of_too_many = i32::try_from(most).unwrap_or(i32::MAX);
    // Ids begin anew some time, so this holds until there was a great one.
    let mut are_few = is_first;
    loop {
        std::thread::sleep(PAUSE);
        are_few &= system::last_id_given().is_some_and(|id| id < id_of_too_many);
        if are_few {
            continue;
        }
        let more = tasks().saturating_sub(at_first);
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

/// Forwards the signals that the harness requests, until it closes the pipe.
fn obey(subject: i32, over: &AtomicBool) {
    for line in io::stdin().lock().lines() {
        let signal = match line.as_deref() {
            Ok("interrupt") => Signal::INT,
            Ok("terminate") => Signal::TERM,
            Ok(_) => continue,
            Err(_) => return,
        };
        // Once the process is collected, its id may be reused.
        if let Some(pid) = Pid::from_raw(subject).filter(|_| !over.load(Ordering::SeqCst)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

/// Ends every process below this one, as far as the system allows. Returns whether none is left.
fn end_descendants() -> bool {
    let own_id = rustix::process::getpid().as_raw_pid();
    system::end_all(system::end, || {
        // Processes that have ended are collected. Orphans become children of this process, so without children there
        // is nothing below it.
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(_) => return None,
            }
        }
        // Stops each process before looking for its children.
        let mut left = Vec::new();
        system::visit_descendants(own_id, |process| {
            system::stop(&[process.id]);
            left.push(process);
            ControlFlow::Continue(())
        });
        // The list may be empty although there are children: a process that is about to end is not listed.
        Some(left)
    })
}

/// Makes this process the leader of a session at the terminal, as a shell does. It must not be the program itself:
/// when a session's leader ends, the system discards output that is still in the terminal.
fn lead_session_at(terminal: &Path) -> io::Result<OwnedFd> {
    rustix::process::setsid()?;
    let terminal = rustix::fs::open(terminal, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::process::ioctl_tiocsctty(&terminal)?;
    Ok(terminal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_carries_any_path() {
        for path in [
            &b"/tmp/conform-abc"[..],
            b"/tmp/a\nb %2f\xff\\/\xc3\xa9",
            b"",
        ] {
            let path = Path::new(OsStr::from_bytes(path));
            let line = scratch_report(path);
            assert!(!line.contains('\n'));
            assert_eq!(Report::parse(&line), Some(Report::Scratch(path.to_owned())));
        }
        assert_eq!(Report::parse("scratch /tmp/%f"), None);
    }

    #[test]
    fn a_program_s_own_files_are_not_taken_for_the_bundled_ones() {
        let place = tempfile::tempdir().expect("a folder");
        let root = std::fs::canonicalize(place.path()).expect("is there");
        for name in ["kept", "installed"] {
            std::fs::create_dir(root.join(name)).expect("is made");
            std::fs::write(root.join(name).join("chat-server"), "").expect("is written");
        }
        let path = std::env::join_paths([root.join("kept"), root.join("installed")]);
        let path = path.expect("can be joined");
        let found = programs_on_path(&path, Some(&root.join("kept")));
        assert_eq!(found, [root.join("installed/chat-server")]);
    }

    #[test]
    fn a_relative_folder_on_the_path_is_skipped() {
        let here = std::env::current_dir().expect("is there");
        let here = std::fs::canonicalize(here).expect("is there");
        let place = tempfile::tempdir_in(&here).expect("a folder");
        std::fs::write(place.path().join("chat-server"), "").expect("is written");
        let relative = place.path().file_name().expect("has one");
        assert!(programs_on_path(relative, None).is_empty());
    }
}
