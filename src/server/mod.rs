//! The reference server: one thread, one poller, and rules that depend on neither.
//!
//! - [`room`]: who is registered, and what each line does.
//! - [`backlog`]: relayed lines that some member has not received yet, shared by all members.
//! - [`outbox`]: the bytes waiting to be sent to one client.
//! - [`broker`]: room, backlog and outboxes together: bytes in, bytes out. No sockets and no clock
//!   up to here.
//! - [`stall`]: how long the server waits for a member that stopped reading.
//! - `connection`, `event_loop`: sockets and time around the broker.
//! - `listener`, [`log`]: the port, and the log for people.

pub mod backlog;
pub mod broker;
mod connection;
mod event_loop;
mod listener;
pub mod log;
pub mod outbox;
pub mod room;
pub mod stall;

use event_loop::EventLoop;
use log::{Level, Log};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

const EXIT_STATUS: &str = "Exit status: 0 after Ctrl-C or SIGTERM, 1 if the server failed, \
2 for wrong arguments or if it cannot listen there.";

/// The arguments of `chat-server`. All of them are optional (S-PORT-1).
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "chat-server", bin_name = "chat-server", version)]
#[command(about = "Run a CHAT/1.0 chat server until Ctrl-C")]
#[command(after_help = EXIT_STATUS)]
pub struct Arguments {
    /// Address or host name to listen on [default: all interfaces, IPv6 and IPv4]
    #[arg(long)]
    host: Option<String>,

    /// Port to listen on [default: a free port that the system picks]
    #[arg(long, default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// Close a connection that has not registered within this time
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    registration_timeout: u32,

    /// Also log connections that come and go without registering
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,

    /// Log only problems, not who joins, speaks and leaves
    #[arg(short, long)]
    quiet: bool,
}

/// Serves until SIGINT or SIGTERM (S-SHUT-1, S-SHUT-2, S-HARD-7).
///
/// Prints the port on standard output and the log on standard error.
pub fn run(arguments: Arguments) -> ExitCode {
    raise_descriptor_limit();
    let listener = match listener::open(arguments.host.as_deref(), arguments.port) {
        Ok(listener) => listener,
        Err(error) => return report_error(&error, ExitCode::from(2)),
    };
    match serve(listener, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_error(
            &format_args!("the server failed: {error}"),
            ExitCode::FAILURE,
        ),
    }
}

fn serve(listener: std::net::TcpListener, arguments: &Arguments) -> io::Result<()> {
    let port = listener.local_addr()?.port();
    let log = Log::new(match (arguments.quiet, arguments.verbose) {
        (true, _) => Level::Problems,
        (_, false) => Level::Room,
        (_, true) => Level::Connections,
    });
    let registration_timeout = Duration::from_secs(arguments.registration_timeout.into());
    let event_loop = EventLoop::new(listener, registration_timeout, log)?;
    // Install the handler before printing the port, so that Ctrl-C never comes too early.
    stop_on_signals(event_loop.stopper())?;
    announce(arguments.host.as_deref(), port);
    event_loop.serve()
}

/// The first signal makes the event loop say goodbye and stop. The second ends the process at once.
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

/// Prints the port (S-PORT-2) and the command to join. A closed standard output is no reason to
/// stop.
fn announce(host: Option<&str>, port: u16) {
    let host = listener::host_for_clients(host);
    let mut out = io::stdout();
    let _ = write!(
        out,
        "Listening on port {port}. To join:\n  chat-client NAME chat://{host}:{port}\n"
    );
    let _ = out.flush();
}

/// Raises the limit of open descriptors as far as this user may: each client needs one, and the
/// default is often low.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    // If that is not allowed, the server accepts as many clients as it can.
    let _ = setrlimit(Resource::Nofile, raised);
}

fn report_error(problem: &dyn std::fmt::Display, status: ExitCode) -> ExitCode {
    eprintln!("chat-server: {problem}");
    status
}
