//! The launcher: the process that restricts itself and then becomes the program.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::signals::catch_signals;
use crate::conformance::program::cage::layer::Layer;
use crate::conformance::program::environment::Purpose;
use crate::conformance::program::limits::Limits;
use crate::conformance::program::system;

/// A launcher's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Launch {
    /// The program's resource limits.
    #[command(flatten)]
    pub(super) limits: Limits,
    /// On whose behalf it is started.
    #[arg(long, value_enum)]
    pub(super) purpose: Purpose,
    /// A layer of its cage.
    #[arg(long = "layer", value_enum)]
    pub(super) cage: Vec<Layer>,
    /// Its user id and group id.
    #[arg(long)]
    pub(super) user: Option<u32>,
    /// It keeps no right of root, not even over files.
    #[arg(long)]
    pub(super) without_rights: bool,
    /// A file or folder that it can read and execute, by Landlock.
    #[arg(long)]
    pub(super) readable: Vec<PathBuf>,
    /// A file or folder with which it can do everything, by Landlock.
    #[arg(long)]
    pub(super) writable: Vec<PathBuf>,
    /// An environment variable of the program, as NAME=VALUE.
    #[arg(long = "set")]
    pub(super) environment: Vec<String>,
    /// Why the program cannot run, if that is its own fault: printed instead.
    #[arg(long)]
    pub(super) unable: Option<String>,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    pub(super) command: Vec<String>,
}

impl Launch {
    /// Returns only if it fails.
    pub(super) fn run(self) -> io::Error {
        if let Err(error) = self.prepare() {
            return error;
        }
        if let Some(why) = self.unable {
            return io::Error::other(why);
        }
        let mut program = Command::new(&self.command[0]);
        program.args(&self.command[1..]);
        // Only from here on: these settings are for the program, not for this process.
        let environment = self.environment.iter();
        program.envs(environment.filter_map(|word| word.split_once('=')));
        let error = program.exec();
        io::Error::other(format!("cannot start {}: {error}", self.command[0]))
    }

    fn prepare(&self) -> io::Result<()> {
        system::keep_descriptors_to_itself();
        if self.purpose != Purpose::Reference {
            system::close_to_others();
        }
        wait_for_terminal()?;
        catch_signals()?;
        self.limits.put_in_force();
        if let Some(user) = self.user {
            system::become_user(user)?;
        }
        if self.purpose != Purpose::Reference {
            // The reference needs these rights to look at the executable of its supervisor.
            system::give_up_rights(self.without_rights)?;
        }
        for layer in &self.cage {
            match layer {
                // Its supervisor has entered them, and it has become that user.
                Layer::Namespaces | Layer::OwnUser => {}
                Layer::Landlock => system::restrict_files(&self.readable, &self.writable)?,
                Layer::SystemCalls => {
                    system::restrict_calls(self.cage.contains(&Layer::Namespaces))?;
                }
            }
        }
        Ok(())
    }
}

/// When standard input ends, the terminal is handed over and becomes standard input.
fn wait_for_terminal() -> io::Result<()> {
    const LONGEST: Timespec = Timespec {
        tv_sec: 60,
        tv_nsec: 0,
    };
    let input = io::stdin();
    // Nothing is ever written there, so any result is the end.
    if poll(&mut [PollFd::new(&input, PollFlags::IN)], Some(&LONGEST)) == Ok(0) {
        return Err(io::Error::other("the terminal was not handed over"));
    }
    rustix::stdio::dup2_stdin(io::stdout())?;
    Ok(())
}
