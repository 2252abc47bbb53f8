//! The server under load, if this program started it: runs it and watches it from outside.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::LoadError;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::limits::Limits;
use crate::conformance::program::process::{News, RunningProgram};
use crate::conformance::program::system::{self, SocketTable};
use crate::conformance::program::target::to_speak_to;

/// A running server. Dropping this ends it.
#[derive(Debug)]
pub struct ServerProcess {
    address: SocketAddr,
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

/// State shared by the load and the thread that watches the server.
#[derive(Debug, Default)]
struct Shared {
    /// The load is over.
    is_over: AtomicBool,
    has_ended: AtomicBool,
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// The last observation of the server.
#[derive(Debug, Default, Clone)]
struct Seen {
    processes: Vec<i32>,
    peak: u64,
    how_ended: Option<String>,
    last_output: String,
}

impl ServerProcess {
    /// Starts `command` through `harness`, the path of the `conform` program, and waits until it
    /// listens.
    ///
    /// # Errors
    /// Why it failed, with what the program printed.
    pub fn start(
        harness: &Path,
        command: &[String],
        limits: Limits,
        cancelled: &AtomicBool,
    ) -> Result<ServerProcess, LoadError> {
        const START_TIMEOUT: Duration = Duration::from_secs(60);
        let environment = Environment {
            limits,
            ..Environment::default()
        };
        let mut server = RunningProgram::start(harness, &environment, command).map_err(|why| {
            LoadError::Generator(format!("{} cannot be started: {why}", command.join(" ")))
        })?;
        let sockets = SocketTable::open();
        let mut seen = Seen::default();
        let begun = Instant::now();
        let address = loop {
            wait(&server, Duration::from_millis(5));
            seen.read_news(&mut server);
            if let Some(end) = seen.end() {
                return Err(LoadError::Server(format!(
                    "the server ended before it listened: {end}"
                )));
            }
            seen.processes = server.processes();
            if let Some(address) = system::listening(&sockets, &seen.processes).first() {
                break *address;
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err(LoadError::Interrupted);
            }
            if begun.elapsed() > START_TIMEOUT {
                let seconds = START_TIMEOUT.as_secs();
                let printed = seen.printed();
                return Err(LoadError::Server(format!(
                    "the server did not listen within {seconds} s{printed}"
                )));
            }
        };
        let shared = Arc::new(Shared {
            seen: Mutex::new(seen.clone()),
            ..Shared::default()
        });
        let kept = Arc::clone(&shared);
        let keeper = std::thread::spawn(move || keep(server, seen, &kept));
        Ok(ServerProcess {
            address: to_speak_to(address),
            shared,
            keeper: Some(keeper),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.shared.has_ended.load(Ordering::Relaxed)
    }

    /// How it ended, with its last output, if it has ended.
    pub fn end(&self) -> Option<String> {
        self.shared.seen().end()
    }

    /// The same, but waits up to `longest` for the end.
    pub fn wait_for_end(&self, longest: Duration) -> Option<String> {
        let goes_on = |seen: &mut Seen| seen.how_ended.is_none();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.seen(), longest, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.end()
    }

    /// Processor time it has used.
    pub fn cpu_time(&self) -> Duration {
        system::cpu_time(&self.processes())
    }

    /// Its own memory now, in bytes.
    pub fn own_memory(&self) -> u64 {
        system::own_memory(&self.processes())
    }

    /// Its peak resident memory so far, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.shared.seen().peak
    }

    fn processes(&self) -> Vec<i32> {
        self.shared.seen().processes.clone()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.take() {
            // Ending the thread ends the server.
            let _ = keeper.join();
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what the server prints, and observes its processes now and then.
fn keep(mut server: RunningProgram, mut seen: Seen, shared: &Shared) {
    const PAUSE: Duration = Duration::from_millis(50);
    let mut looked: Option<Instant> = None;
    while !shared.is_over.load(Ordering::Relaxed) {
        wait(&server, PAUSE);
        seen.read_news(&mut server);
        if looked.is_some_and(|looked| looked.elapsed() < PAUSE) && seen.how_ended.is_none() {
            continue;
        }
        looked = Some(Instant::now());
        seen.processes = server.processes();
        let peak = system::peak_memory(&seen.processes).values().sum();
        seen.peak = seen.peak.max(peak);
        shared.seen().clone_from(&seen);
        if seen.how_ended.is_some() {
            shared.has_ended.store(true, Ordering::Relaxed);
            shared.changed.notify_all();
            return;
        }
    }
}

impl Seen {
    fn read_news(&mut self, server: &mut RunningProgram) {
        const MAX_OUTPUT: usize = 2_000;
        for news in server.news() {
            match news {
                News::Printed(bytes) => {
                    self.last_output.push_str(&String::from_utf8_lossy(&bytes));
                    let excess = self.last_output.len().saturating_sub(MAX_OUTPUT);
                    let mut cuts = excess..=self.last_output.len();
                    let cut = cuts.find(|at| self.last_output.is_char_boundary(*at));
                    self.last_output.drain(..cut.unwrap_or(0));
                }
                News::Ended(how) => self.how_ended = Some(how),
            }
        }
    }

    fn end(&self) -> Option<String> {
        let how = self.how_ended.as_ref()?;
        Some(format!("{how}{}", self.printed()))
    }

    fn printed(&self) -> String {
        match self.last_output.trim() {
            "" => "; it printed nothing".to_owned(),
            words => format!("; it printed:\n{words}"),
        }
    }
}

/// Waits until the server prints something or ends, at most `longest`.
fn wait(server: &RunningProgram, longest: Duration) {
    let longest = Timespec {
        tv_sec: 0,
        tv_nsec: longest.subsec_nanos().into(),
    };
    let mut sources: Vec<PollFd<'_>> = server
        .sources()
        .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
        .collect();
    // An interrupted wait is only a short one.
    let _ = poll(&mut sources, Some(&longest));
}
