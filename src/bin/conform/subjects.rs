//! The programs under test, as the command line names them and as its options treat them.

use std::fs;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::cage::view::places_of;
use chat_conformance::conformance::program::environment::{Environment, Purpose};
use chat_conformance::conformance::program::target::{Target, unknown_place};
use chat_conformance::conformance::session::Subject;
use chat_conformance::transcript::syntax::Role;
use url::Url;

use crate::arguments::{ReplayOptions, ServerOption};
use crate::cage;

/// The server's command or address; nothing is started yet.
pub fn server_target(server: &ServerOption) -> Result<Target, String> {
    match &server.at {
        Some(address) => running_server(address).map(Target::Running),
        None => resolved(&server.command).map(Target::Command),
    }
}

fn running_server(address: &str) -> Result<SocketAddr, String> {
    let expected = "an address of a server looks like chat://localhost:12345";
    let url = Url::parse(address).map_err(|why| format!("{address}: {why}; {expected}"))?;
    let (scheme, host, port) = (url.scheme(), url.host_str(), url.port());
    let ("chat", Some(host), Some(port)) = (scheme, host, port) else {
        return Err(format!("{address}: {expected}"));
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut found = (host, port)
        .to_socket_addrs()
        .map_err(|why| format!("{address}: the name {host} cannot be looked up: {why}"))?;
    found
        .next()
        .ok_or_else(|| format!("{address}: {host} has no address"))
}

/// A client's command, with placeholders that are all known.
pub fn client_command(command: &[String]) -> Result<Vec<String>, String> {
    match unknown_place(command) {
        Some(place) => Err(format!(
            "{place} is unknown; the placeholders of a client's command are {{name}}, {{url}}, {{host}} and {{port}}"
        )),
        None => resolved(command),
    }
}

/// Reports a wrong command as such, and not as a failure of the program.
pub fn resolved(command: &[String]) -> Result<Vec<String>, String> {
    let Some(program) = command.first() else {
        return Err("no command to start".to_owned());
    };
    let is_program = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    let found = if program.contains('/') {
        is_program(Path::new(program))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
    };
    if found {
        return match missing_script(command) {
            Some(script) => Err(format!("{script}: no such file")),
            None => Ok(command.to_vec()),
        };
    }
    if Path::new(program).is_file() {
        return Err(format!(
            "{program} cannot be started. Make it executable and use `./{program}`, or start it with its \
             interpreter: python3 {program}"
        ));
    }
    Err(format!(
        "{program}: no such program in this folder or on the PATH"
    ))
}

/// The script that an interpreter is to run, where there is no such file. Left to itself, it would be judged as a
/// program that ends at once.
fn missing_script(command: &[String]) -> Option<&str> {
    const INTERPRETERS: [&str; 7] = ["python3", "python", "node", "ruby", "perl", "php", "lua"];
    let [interpreter, script, ..] = command else {
        return None;
    };
    let name = Path::new(interpreter).file_name()?.to_str()?;
    let is_file = !script.starts_with('-') && !script.contains('{');
    let is_missing = INTERPRETERS.contains(&name) && is_file && !Path::new(script).exists();
    is_missing.then_some(script)
}

/// The program, treated as the options say.
pub fn subject(
    role: Role,
    target: Target,
    purpose: Purpose,
    layers: &[Layer],
    options: &ReplayOptions,
    time_limit: Duration,
    harness: PathBuf,
) -> Subject {
    let slots = options.jobs.map_or(2 * processors(), usize::from);
    let mut visible = cage::visible(&options.cage);
    let commands: &[&Vec<String>] = match &target {
        Target::Command(command) => &[command],
        Target::Pair { server, client } => &[server, client],
        Target::Running(_) => &[],
    };
    if let Ok(here) = std::env::current_dir() {
        visible.extend(
            commands
                .iter()
                .flat_map(|command| places_of(command, &here)),
        );
    }
    Subject {
        target,
        role,
        slots: Arc::new(Slots::new(slots)),
        time_limit,
        environment: Environment {
            limits: options.limits,
            purpose,
            cage: layers.to_vec(),
            visible,
            ..Environment::default()
        },
        dialect: options.dialect,
        patience: Duration::from_secs_f64(options.patience),
        harness,
    }
}

/// Number of replays at the same time, including those that only wait. An explicit number is a hard limit.
pub fn at_once(options: &ReplayOptions) -> usize {
    options.jobs.map_or(8 * processors(), usize::from)
}

/// Number of processors.
pub fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
