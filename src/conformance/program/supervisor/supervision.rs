//! A supervisor's command line.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::conformance::program::cage::layer::{Layer, OwnFolder};
use crate::conformance::program::cage::view::sight;
use crate::conformance::program::environment::{Environment, Purpose};
use crate::conformance::program::limits::Limits;
use crate::conformance::program::lineage::{PURPOSE, SUPERVISE};
use crate::conformance::program::{system, variables};

/// A supervisor's arguments.
#[derive(Debug, Clone, clap::Args)]
pub struct Supervision {
    /// On whose behalf the program is started.
    #[arg(long, value_enum)]
    pub(super) purpose: Purpose,
    /// Device of the pseudo-terminal that becomes the program's.
    #[arg(long)]
    pub(super) terminal: PathBuf,
    /// The folder in which the program's temporary directory is created.
    #[arg(long)]
    pub(super) scratch: Option<PathBuf>,
    /// A layer of the program's cage.
    #[arg(long = "layer", value_enum)]
    pub(super) cage: Vec<Layer>,
    /// The program's user id and group id.
    #[arg(long)]
    pub(super) user: Option<u32>,
    /// A file or folder that the caged program can read and execute.
    #[arg(long)]
    pub(super) readable: Vec<PathBuf>,
    /// What happens to changes in its working directory.
    #[arg(long, value_enum, default_value_t)]
    pub(super) own: OwnFolder,
    /// A folder that the program must not see.
    #[arg(long)]
    pub(super) hidden: Vec<PathBuf>,
    /// Its network is its own: no name server can be reached from there.
    #[arg(long)]
    pub(super) own_network: bool,
    /// The temporary directory, if a supervisor above this one created it and this one makes the program's view.
    #[arg(long)]
    pub(super) inside: Option<PathBuf>,
    /// The program's working directory; by default the supervisor's own.
    #[arg(long)]
    pub(super) folder: Option<PathBuf>,
    /// The program's resource limits.
    #[command(flatten)]
    pub(super) limits: Limits,
    /// An environment variable of the program, as NAME=VALUE.
    #[arg(long = "set")]
    pub(super) environment: Vec<String>,
    /// Program and arguments.
    #[arg(last = true, required = true)]
    pub(super) command: Vec<String>,
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
