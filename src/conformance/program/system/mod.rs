//! What the operating system tells about a process tree: who is in it, where it listens, whether it rests.
//!
//! On Linux all of it comes from `/proc`. Elsewhere nothing is known, and the engine falls back on
//! what the subject prints and on settle times.

use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

mod shortage;

pub use shortage::{DESCRIPTORS, Shortage};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub use other::*;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::event::Timespec;

/// The address of nobody, in the family of `address`.
pub fn unspecified(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    }
}

/// The same span of time, as the system takes it.
pub fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// Who holds an end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// One of the processes that were asked about.
    Asked,
    /// Some other program.
    Other,
    /// Nobody any more: it was closed.
    Nobody,
    /// The system does not tell.
    Unknown,
}

/// A process as it was at one moment; the start time tells it from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: i32,
    /// Id of its parent.
    pub parent: i32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
}

/// A process above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its command line.
    pub arguments: Vec<String>,
    /// The name of its executable, cut to fifteen bytes.
    pub name: String,
    /// Whether its executable is this process's; `None` where this process may not know.
    pub has_same_executable: Option<bool>,
}

/// Ends processes until none is left. `look` returns those that are left now, or `None` when there are none. Gives up
/// after some seconds on what the system does not let end; returns whether nothing is left.
pub fn end_all(mut look: impl FnMut() -> Option<Vec<Process>>) -> bool {
    const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    while let Some(left) = look() {
        if begun.elapsed() > GIVE_UP_AFTER {
            return false;
        }
        // First all stand still, or the last of them would go on multiplying while the first are ended.
        left.iter().for_each(|process| stop(&[process.id]));
        left.into_iter().for_each(kill);
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    true
}

/// Waits until a child has ended, or is no child any more, by looking again and again. Returns whether it has.
fn can_be_collected_within(child: Pid, longest: Duration) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let deadline = Instant::now() + longest;
    loop {
        match waitid(WaitId::Pid(child), options) {
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Ok(Some(_)) | Err(_) => return true,
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
