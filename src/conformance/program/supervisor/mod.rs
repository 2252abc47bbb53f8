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
mod processes;
mod report;
mod signals;
mod supervision;
mod trial;
mod view;

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Subcommand as _;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal};
use rustix::termios::tcsetpgrp;
use tempfile::TempDir;

use crate::conformance::files::removal::remove_tree;
use crate::conformance::program::cage::layer::{Layer, OwnFolder};
use crate::conformance::program::environment::Purpose;
use crate::conformance::program::lineage::SUPERVISE;
use crate::conformance::program::{system, variables};

pub use launch::Launch;
pub use processes::Orphanage;
use processes::{end_descendants, end_when_too_many, obey, reap};
pub use report::Report;
use report::{report, scratch_report};
use signals::catch_signals;
pub use supervision::{Supervision, command_line};
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

/// Makes this process the leader of a session at the terminal, as a shell does. It must not be the program itself:
/// when a session's leader ends, the system discards output that is still in the terminal.
fn lead_session_at(terminal: &Path) -> io::Result<OwnedFd> {
    rustix::process::setsid()?;
    let terminal = rustix::fs::open(terminal, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::process::ioctl_tiocsctty(&terminal)?;
    Ok(terminal)
}
