//! The server under load, where it is started here: kept going, and looked at from outside.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::conformance::limits::Limits;
use crate::conformance::subject::{News, Subject};
use crate::conformance::surroundings::Surroundings;
use crate::conformance::system::{self, SocketTable};
use crate::conformance::target::to_speak_to;

/// A server that was started, and ends when this is dropped.
#[derive(Debug)]
pub struct ServerProcess {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    is_over: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

/// What its keeper last saw of it.
#[derive(Debug, Default)]
struct Seen {
    processes: Vec<i32>,
    how_ended: Option<String>,
    last_words: String,
    peak: u64,
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
    ) -> Result<ServerProcess, String> {
        const LONGEST_START: Duration = Duration::from_secs(60);
        let surroundings = Surroundings {
            limits,
            ..Surroundings::default()
        };
        let mut subject = Subject::start(harness, &surroundings, command)
            .map_err(|why| format!("{} cannot be started: {why}", command.join(" ")))?;
        let sockets = SocketTable::open();
        let mut seen = Seen::default();
        let begun = Instant::now();
        let address = loop {
            wait(&subject, Duration::from_millis(5));
            look(&mut subject, &mut seen);
            if let Some(how) = &seen.how_ended {
                return Err(format!(
                    "the server ended before it listened ({how}){}",
                    seen.said()
                ));
            }
            if let Some(address) = system::listening(&sockets, &seen.processes).first() {
                break *address;
            }
            if cancelled.load(Ordering::Relaxed) {
                return Err("interrupted".to_owned());
            }
            if begun.elapsed() > LONGEST_START {
                let seconds = LONGEST_START.as_secs();
                return Err(format!(
                    "the server does not listen after {seconds} s{}",
                    seen.said()
                ));
            }
        };
        let seen = Arc::new(Mutex::new(seen));
        let is_over = Arc::new(AtomicBool::new(false));
        let (shared, over) = (Arc::clone(&seen), Arc::clone(&is_over));
        let keeper = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                wait(&subject, Duration::from_millis(50));
                let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
                look(&mut subject, &mut seen);
            }
        });
        Ok(ServerProcess {
            address: to_speak_to(address),
            seen,
            is_over,
            keeper: Some(keeper),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How it ended, once it has, and its last words.
    pub fn end(&self) -> Option<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let how = seen.how_ended.as_ref()?;
        Some(format!("{how}{}", seen.said()))
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
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .peak
    }

    fn processes(&self) -> Vec<i32> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .processes
            .clone()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.take() {
            // With it goes the subject.
            let _ = keeper.join();
        }
    }
}

impl Seen {
    fn said(&self) -> String {
        match self.last_words.trim() {
            "" => "; it printed nothing".to_owned(),
            words => format!("; it printed:\n{words}"),
        }
    }
}

/// Waits until there is something to see, or for so long.
fn wait(subject: &Subject, longest: Duration) {
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

fn look(subject: &mut Subject, seen: &mut Seen) {
    const LAST_WORDS: usize = 2_000;
    for news in subject.news() {
        match news {
            News::Printed(bytes) => {
                seen.last_words.push_str(&String::from_utf8_lossy(&bytes));
                let excess = seen.last_words.len().saturating_sub(LAST_WORDS);
                let cut = (excess..=seen.last_words.len())
                    .find(|at| seen.last_words.is_char_boundary(*at));
                seen.last_words.drain(..cut.unwrap_or(0));
            }
            News::Ended(how) => seen.how_ended = Some(how),
        }
    }
    seen.processes = subject.processes();
    let peak = system::peak_memory(&seen.processes).values().sum();
    seen.peak = seen.peak.max(peak);
}
