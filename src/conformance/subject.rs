//! One process of the program under test: at a terminal of its own, looked after by a supervisor.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::removal::remove_tree;
use super::supervisor::{Report, assignment};
use super::surroundings::Surroundings;
use super::system::ProcessTree;

/// Size of the subject's terminal, in rows and columns.
pub const TERMINAL_SIZE: [u16; 2] = [40, 120];

/// How a process ended of which nothing is known, since it, or something else, ended its supervisor.
const LOST: &str = "unknown: its supervisor was killed";

/// A running, or ended, process of the program under test.
///
/// When it is dropped, every process that came of it is ended first.
#[derive(Debug)]
pub struct Subject {
    supervisor: Child,
    /// Closing it makes the supervisor end everything.
    control: Option<ChildStdin>,
    reports: ChildStdout,
    unread_report: Vec<u8>,
    terminal: OwnedFd,
    /// Keeps the other side open until the subject has ended.
    device: Option<OwnedFd>,
    /// False once nobody holds the other side.
    terminal_is_open: bool,
    keys: VecDeque<u8>,
    process: Option<i32>,
    tree: ProcessTree,
    how_ended: Option<String>,
    /// Its temporary directory; the supervisor removes it, unless it came to an end before.
    scratch: Option<PathBuf>,
}

/// What a subject let the harness know.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// It printed this.
    Printed(Vec<u8>),
    /// Its process is over, in this way, and all that it printed was read before.
    Ended(String),
}

impl Subject {
    /// Starts `command` through `harness`, the path of the `conform` program.
    ///
    /// # Errors
    /// Where the system refuses a terminal or a process.
    pub fn start(
        harness: &Path,
        surroundings: &Surroundings,
        command: &[String],
    ) -> io::Result<Subject> {
        let terminal =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&terminal)?;
        rustix::pty::unlockpt(&terminal)?;
        let device = rustix::pty::ptsname(&terminal, Vec::new())?;
        let device = device.into_string().map_err(io::Error::other)?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let held_device = rustix::fs::open(&device, flags, Mode::empty())?;
        let [ws_row, ws_col] = TERMINAL_SIZE;
        tcsetwinsize(
            &terminal,
            Winsize {
                ws_row,
                ws_col,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )?;
        do_not_block(&terminal)?;

        let mut supervisor = Command::new(harness);
        supervisor
            .arg("supervise")
            .args(["--terminal", &device])
            .args(surroundings.limits.arguments())
            .args(surroundings.environment.iter().map(assignment))
            .arg("--")
            .args(command);
        if let Some(folder) = &surroundings.folder {
            supervisor.current_dir(folder);
        }
        supervisor
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut supervisor = supervisor.spawn()?;
        let reports = supervisor.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        do_not_block(&reports)?;
        let tree = ProcessTree::below(i32::try_from(supervisor.id()).map_err(io::Error::other)?);
        Ok(Subject {
            control: supervisor.stdin.take(),
            supervisor,
            reports,
            unread_report: Vec::new(),
            terminal,
            device: Some(held_device),
            terminal_is_open: true,
            keys: VecDeque::new(),
            process: None,
            tree,
            how_ended: None,
            scratch: None,
        })
    }

    /// Where news may come from: wait until one of them is readable, then [`Subject::news`].
    pub fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let reports = self.how_ended.is_none().then(|| self.reports.as_fd());
        let terminal = self.terminal_is_open.then(|| self.terminal.as_fd());
        reports.into_iter().chain(terminal)
    }

    /// The terminal, where keys wait to be taken by it: writable when they can be.
    pub fn sink(&self) -> Option<BorrowedFd<'_>> {
        (!self.keys.is_empty() && self.terminal_is_open).then(|| self.terminal.as_fd())
    }

    /// All that there is to know now, without waiting.
    pub fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        self.press_waiting_keys();
        // First the reports: what was printed before the end is then read after it is known.
        let ended = self.read_reports();
        let printed = self.read_terminal();
        if !printed.is_empty() {
            news.push(News::Printed(printed));
        }
        if let Some(how) = ended {
            news.push(News::Ended(how));
        }
        news
    }

    fn read_reports(&mut self) -> Option<String> {
        let mut chunk = [0; 256];
        let over = loop {
            match self.reports.read(&mut chunk) {
                Ok(0) => break true,
                Ok(length) => self.unread_report.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break error.kind() != io::ErrorKind::WouldBlock,
            }
        };
        let mut ended = None;
        while let Some(end) = self.unread_report.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.unread_report.drain(..=end).collect();
            match Report::parse(String::from_utf8_lossy(&line).trim_end()) {
                Some(Report::Scratch(scratch)) => self.scratch = Some(scratch),
                Some(Report::Started(process)) => self.process = Some(process),
                Some(Report::Ended(how)) => ended = Some(how),
                None => {}
            }
        }
        if over && ended.is_none() && self.how_ended.is_none() {
            ended = Some(LOST.to_owned());
        }
        if ended.is_some() {
            self.how_ended.clone_from(&ended);
            self.device = None;
        }
        ended
    }

    fn read_terminal(&mut self) -> Vec<u8> {
        /// As much as one look takes, so that a program that floods does not keep others waiting.
        const SHARE: usize = 256 * 1024;
        let mut printed = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while self.terminal_is_open && printed.len() < SHARE {
            match rustix::io::read(&self.terminal, &mut chunk) {
                // The end of file of a terminal whose other side is closed.
                Ok(0) | Err(Errno::IO) => self.terminal_is_open = false,
                Ok(length) => printed.extend_from_slice(&chunk[..length]),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        printed
    }

    /// Types `keys`; those that the terminal does not take at once are typed as it takes them.
    pub fn press(&mut self, keys: &[u8]) {
        self.keys.extend(keys);
        self.press_waiting_keys();
    }

    fn press_waiting_keys(&mut self) {
        while !self.keys.is_empty() {
            let (keys, _) = self.keys.as_slices();
            match rustix::io::write(&self.terminal, keys) {
                Ok(taken) => drop(self.keys.drain(..taken)),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Whether Ctrl-C at this terminal is a signal by itself now, as it is unless a program changed it.
    pub fn turns_ctrl_c_into_a_signal(&self) -> bool {
        tcgetattr(&self.terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ISIG))
    }

    /// Sends `SIGINT` to the process that was started.
    pub fn interrupt(&mut self) {
        self.tell_supervisor("interrupt");
    }

    /// Sends `SIGTERM` to the process that was started.
    pub fn terminate(&mut self) {
        self.tell_supervisor("terminate");
    }

    fn tell_supervisor(&mut self, word: &str) {
        if let Some(control) = &mut self.control {
            // A supervisor that is gone has nobody left to signal.
            let _ = writeln!(control, "{word}");
        }
    }

    /// How the process ended, once it has.
    pub fn how_ended(&self) -> Option<&str> {
        self.how_ended.as_deref()
    }

    /// Whether the supervisor was lost with the process, so that how it ended is not known.
    pub fn is_lost(&self) -> bool {
        self.how_ended.as_deref() == Some(LOST)
    }

    /// Ids of all processes that came of this start and are still there.
    pub fn processes(&mut self) -> Vec<i32> {
        self.tree.ids()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        drop(self.control.take());
        // The supervisor gives up by itself after some seconds, so that this cannot hang.
        let did_its_work = self.supervisor.wait().is_ok_and(|status| status.success());
        if !did_its_work {
            self.tree.kill();
            // It may have told of it and not been heard yet.
            self.read_reports();
            if let Some(scratch) = &self.scratch {
                let _ = remove_tree(scratch);
            }
        }
    }
}

fn do_not_block(descriptor: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&descriptor)?;
    Ok(fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?)
}
