//! What is said about processes, connections and views, on every system.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::conformance::program::cage::layer::OwnFolder;

/// The unspecified address in the family of `address`.
pub fn unspecified(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    }
}

/// The duration in the type that the system calls use.
pub fn timespec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// The owner of one end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// One of the given processes.
    Asked,
    /// Another process.
    Other,
    /// None: the end was closed.
    Nobody,
    /// Unknown.
    Unknown,
}

/// The connection of a client with a server, as the system sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientConnection {
    /// There is none.
    None,
    /// It is open, and nothing has arrived on it from the server.
    Open,
    /// The server has sent something.
    Answered,
    /// The system does not say.
    Unknown,
}

/// A process at one moment. The start time distinguishes it from a later process with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: i32,
    /// Id of its parent.
    pub parent: i32,
    /// Its start, in clock ticks since boot.
    pub started: u64,
}

/// What the scheduler did with some threads so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scheduled {
    /// How long they ran.
    pub ran: Duration,
    /// How long they were ready but not running. The machine causes it, not they.
    pub kept_waiting: Duration,
}

/// A process above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its command line.
    pub arguments: Vec<String>,
    /// The name of its executable, cut to fifteen bytes.
    pub name: String,
    /// Whether its executable is this process's; `None` if that is unknown.
    pub has_same_executable: Option<bool>,
}

/// Ends processes with `end` until none is left. `look` returns those that are left now, or `None` for none. Gives up
/// after some seconds if the system does not end them. Returns whether none is left.
pub fn end_all(end: impl Fn(Vec<Process>), mut look: impl FnMut() -> Option<Vec<Process>>) -> bool {
    const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    while let Some(left) = look() {
        if begun.elapsed() > GIVE_UP_AFTER {
            return false;
        }
        end(left);
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    true
}

/// Polls until a child has ended, or is not a child any more. Returns whether it has.
pub(super) fn can_be_collected_within(child: Pid, longest: Duration) -> bool {
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

/// What a process and its descendants see.
#[derive(Debug)]
pub struct View<'v> {
    /// An existing, empty folder that nobody else uses: the place of the new root until it is entered.
    pub place: &'v Path,
    /// Files and folders that can be read and executed. None of them is inside another one.
    pub readable: &'v [PathBuf],
    /// Files and folders among the readable ones that are empty instead.
    pub hidden: &'v [PathBuf],
    /// Files of the system that have other contents.
    pub replaced: &'v [Replacement],
    /// Its user's home directory, which is empty and takes temporary files.
    pub home: Option<&'v Path>,
    /// Its working directory; `None` if it does not exist.
    pub folder: Option<&'v Path>,
    /// What happens to changes there.
    pub own: OwnFolder,
    /// The device of its terminal.
    pub terminal: &'v Path,
    /// Size limit of its temporary files, in MiB.
    pub room: u64,
}

/// A file of the system that has other contents in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The file itself, not a link to it. If it is not visible, nothing is replaced.
    pub file: PathBuf,
    /// What it contains instead.
    pub contents: String,
}

/// The folder for temporary files in every view.
pub const TEMPORARY: &str = "/tmp";
