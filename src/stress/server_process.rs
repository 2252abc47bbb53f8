//! The server under load, where it is started here: kept going, and looked at from outside.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::trouble::Trouble;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::limits::Limits;
use crate::conformance::program::process::{News, RunningProgram};
use crate::conformance::program::system::{self, SocketTable};
use crate::conformance::program::target::to_speak_to;

/// A server that was started, and ends when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    address: SocketAddr,
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

/// Between the load and the thread that keeps the server.
#[derive(Debug, Default)]
struct Shared {
    /// The load is over.
    is_over: AtomicBool,
    has_ended: AtomicBool,
    seen: Mutex<Seen>,
    changed: Condvar,
}

/// What was last seen of a server.
#[derive(Debug, Default, Clone)]
struct Seen {
    processes: Vec<i32>,
    peak: u64,
    how_ended: Option<String>,
    last_words: String,
}

impl ServerProcess {
    /// Starts `command` by `harness`, the path of the `conform` program, and waits until it listens.
    ///
    /// # Errors
    /// What went wrong, and what the program printed.
    pub fn start(
        harness: &Path,
        command: &[String],
        limits: Limits,
        cancelled: &AtomicBool,
    ) -> Result<ServerProcess, Trouble> {
        const LONGEST_START: Duration = Duration::from_secs(60);
        let environment = Environment {
            limits,
            ..Environment::default()
        };
        let mut subject = RunningProgram::start(harness, &environment, command).map_err(|why| {
            Trouble::Unable(format!("{} cannot be started: {why}", command.join(" ")))
        })?;
        let sockets = SocketTable::open();
        let mut seen = Seen::default();
        let begun = Instant::now();
        let address = loop {
            wait(&subject, Duration::from_millis(5));
            seen.take_news(&mut subject);
            if let Some(end) = seen.end() {
                return Err(Trouble::Unfit(format!(
                    "the server ended before it listened: {end}"
                )));
            }
            seen.processes = subject.processes();
            if let Some(address) = system::listening(&sockets, &seen.processes).first() {
                break *address;
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err(Trouble::Interrupted);
            }
            if begun.elapsed() > LONGEST_START {
                let seconds = LONGEST_START.as_secs();
                let said = seen.said();
                return Err(Trouble::Unfit(format!(
                    "the server does not listen after {seconds} s{said}"
                )));
            }
        };
        let shared = Arc::new(Shared {
            seen: Mutex::new(seen.clone()),
            ..Shared::default()
        });
        let kept = Arc::clone(&shared);
        let keeper = std::thread::spawn(move || keep(subject, seen, &kept));
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

    /// How it ended, once it has, and its last words.
    pub fn end(&self) -> Option<String> {
        self.shared.seen().end()
    }

    /// The same, waited for so long.
    pub fn wait_for_end(&self, longest: Duration) -> Option<String> {
        let goes_on = |seen: &mut Seen| seen.how_ended.is_none();
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.seen(), longest, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0.end()
    }

    /// Processor time that it has used.
    pub fn cpu_time(&self) -> Duration {
        system::cpu_time(&self.processes())
    }

    /// Memory that is its own now, in bytes.
    pub fn own_memory(&self) -> u64 {
        system::own_memory(&self.processes())
    }

    /// The most memory that it ever had resident, in bytes, as far as it was seen.
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
            // With it goes the subject.
            let _ = keeper.join();
        }
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what the server prints, and looks at its processes now and then.
fn keep(mut subject: RunningProgram, mut seen: Seen, shared: &Shared) {
    const PAUSE: Duration = Duration::from_millis(50);
    let mut looked: Option<Instant> = None;
    while !shared.is_over.load(Ordering::Relaxed) {
        wait(&subject, PAUSE);
        seen.take_news(&mut subject);
        if looked.is_some_and(|looked| looked.elapsed() < PAUSE) && seen.how_ended.is_none() {
            continue;
        }
        looked = Some(Instant::now());
        seen.processes = subject.processes();
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
    fn take_news(&mut self, subject: &mut RunningProgram) {
        const LAST_WORDS: usize = 2_000;
        for news in subject.news() {
            match news {
                News::Printed(bytes) => {
                    self.last_words.push_str(&String::from_utf8_lossy(&bytes));
                    let excess = self.last_words.len().saturating_sub(LAST_WORDS);
                    let mut cuts = excess..=self.last_words.len();
                    let cut = cuts.find(|at| self.last_words.is_char_boundary(*at));
                    self.last_words.drain(..cut.unwrap_or(0));
                }
                News::Ended(how) => self.how_ended = Some(how),
            }
        }
    }

    fn end(&self) -> Option<String> {
        let how = self.how_ended.as_ref()?;
        Some(format!("{how}{}", self.said()))
    }

    fn said(&self) -> String {
        match self.last_words.trim() {
            "" => "; it printed nothing".to_owned(),
            words => format!("; it printed:\n{words}"),
        }
    }
}

/// Waits until there is something to see, or for so long.
fn wait(subject: &RunningProgram, longest: Duration) {
    let longest = Timespec {
        tv_sec: 0,
        tv_nsec: longest.subsec_nanos().into(),
    };
    let mut sources: Vec<PollFd<'_>> = subject
        .sources()
        .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
        .collect();
    // An interrupted wait is a short one.
    let _ = poll(&mut sources, Some(&longest));
}
