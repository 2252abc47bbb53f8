//! The reference server: one thread, one poller, and rules that know nothing of either.
//!
//! - [`room`]: who is registered, and what follows from a line.
//! - [`backlog`]: what was relayed and has not reached every member yet, shared by all of them.
//! - [`outbox`]: what one client has yet to be sent.
//! - [`broker`]: room, backlog and outboxes together: bytes in, bytes out. Up to here no sockets, no clock.
//! - [`patience`]: how long everybody waits for a member that takes nothing.
//! - `connection`, `event_loop`: sockets and time around the broker.
//! - `listener`, [`log`]: the port, and what a person reads.

pub mod backlog;
pub mod broker;
mod connection;
mod event_loop;
mod listener;
pub mod log;
pub mod outbox;
pub mod patience;
pub mod room;

use event_loop::EventLoop;
use log::{Level, Log};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const EXIT_STATUS: &str = "Exit status: 0 after Ctrl-C or SIGTERM, 1 when serving failed, \
2 when the arguments are wrong or cannot be listened on.";

/// What `chat-server` can be told; it needs to be told nothing (S-PORT-1).
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "chat-server", bin_name = "chat-server", version)]
#[command(about = "Serve a CHAT/1.0 chat room, until Ctrl-C")]
#[command(after_help = EXIT_STATUS)]
pub struct Arguments {
    /// Listen on this address or name only [default: all interfaces, IPv6 and IPv4]
    #[arg(long)]
    host: Option<String>,

    /// Listen on this port [default: one that the system picks]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Close a connection that has not registered for so long
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    registration_timeout: u32,

    /// Log connections that come and go without registering, too
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,

    /// Log problems only, not who comes, speaks and leaves
    #[arg(short, long)]
    quiet: bool,
}

/// Serves until SIGINT or SIGTERM (S-SHUT-1, S-SHUT-2, S-HARD-7).
///
/// The port goes to standard output, the log to standard error.
pub fn run(arguments: Arguments) -> ExitCode {
    raise_descriptor_limit();
    let listener = match listener::open(arguments.host.as_deref(), arguments.port) {
        Ok(listener) => listener,
        Err(error) => return complain(&error, ExitCode::from(2)),
    };
    match serve(listener, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&format_args!("serving failed: {error}"), ExitCode::FAILURE),
    }
}

fn serve(listener: std::net::TcpListener, arguments: &Arguments) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let log = Log::new(match (arguments.quiet, arguments.verbose) {
        (true, _) => Level::Problems,
        (_, false) => Level::Room,
        (_, true) => Level::Connections,
    });
    let patience = Duration::from_secs(arguments.registration_timeout.into());
    let event_loop = EventLoop::new(listener, patience, log)?;
    // The handler comes before the port is known, so that nobody can be too early with Ctrl-C.
    stop_on_signals(event_loop.stopper())?;
    announce(arguments.host.as_deref(), port);
    event_loop.serve()
}

/// The first signal wakes the loop to say goodbye; the second ends the process at once.
fn stop_on_signals(stopper: Arc<mio::Waker>) -> io::Result<()> {
    let mut stopping = false;
    let stop = move || {
        if stopping || stopper.wake().is_err() {
            std::process::exit(130);
        }
        stopping = true;
    };
    ctrlc::set_handler(stop).map_err(io::Error::other)
}

/// Tells a person the port (S-PORT-2) and how to come in. That nobody may be there to read it is
/// no reason to stop.
fn announce(host: Option<&str>, port: u16) {
    let host = listener::host_for_clients(host);
    let mut out = io::stdout();
    let _ = write!(
        out,
        "Listening on port {port}. To come in:\n  chat-client NAME chat://{host}:{port}\n"
    );
    let _ = out.flush();
}

/// Every client takes a descriptor, and the limit that processes start with is often a low one: it is raised as far as
/// this user may.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // Where that is not allowed, the server serves as many as it may.
    let _ = setrlimit(Resource::Nofile, raised);
}

fn complain(problem: &dyn std::fmt::Display, status: ExitCode) -> ExitCode {
    eprintln!("chat-server: {problem}");
    status
}
