//! One process of the program under test, with its own terminal and a supervisor.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use crate::conformance::files::removal::remove_tree;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::supervisor::{Report, command_line};
use crate::conformance::program::system::{self, ProcessTree};

/// Size of the program's terminal, in rows and columns.
pub const TERMINAL_SIZE: [u16; 2] = [40, 120];

/// How a process ended if that is unknown, because its supervisor was killed.
const LOST: &str = "unknown: its supervisor was killed";

/// A process of the program under test, running or ended.
///
/// Dropping it ends every process that it started.
#[derive(Debug)]
pub struct RunningProgram {
    supervisor: Child,
    /// Closing it makes the supervisor end everything.
    control: Option<UnixStream>,
    reports: ChildStdout,
    unread_report: Vec<u8>,
    terminal: OwnedFd,
    /// Keeps the terminal open until the program has ended.
    device: Option<OwnedFd>,
    /// False once no process has the terminal open.
    terminal_is_open: bool,
    keys: VecDeque<u8>,
    tree: ProcessTree,
    how_ended: Option<String>,
    /// The program's temporary directory. The supervisor removes it, unless the supervisor is ended first.
    scratch: Option<PathBuf>,
}

/// An event of a program.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// It printed these bytes.
    Printed(Vec<u8>),
    /// Its process ended, in this way; all its output was read before.
    Ended(String),
}

impl RunningProgram {
    /// Starts `command` through `harness`, the path of the `conform` program.
    ///
    /// # Errors
    /// The system refuses a terminal or a process.
    pub fn start(
        harness: &Path,
        environment: &Environment,
        command: &[String],
    ) -> io::Result<RunningProgram> {
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
        erase_characters(&terminal)?;
        do_not_block(&terminal)?;

        let (control, supervisor_input) = UnixStream::pair()?;
        control.set_nonblocking(true)?;
        let mut supervisor = command_line(harness, &device, environment, command);
        supervisor
            .stdin(Stdio::from(OwnedFd::from(supervisor_input)))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut supervisor = supervisor.spawn()?;
        let reports = supervisor.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        do_not_block(&reports)?;
        let tree = ProcessTree::below(i32::try_from(supervisor.id()).map_err(io::Error::other)?);
        let mut subject = RunningProgram {
            control: Some(control),
            supervisor,
            reports,
            unread_report: Vec::new(),
            terminal,
            device: Some(held_device),
            terminal_is_open: true,
            keys: VecDeque::new(),
            tree,
            how_ended: None,
            scratch: None,
        };
        subject.wait_for_start()?;
        Ok(subject)
    }

    /// Waits until the supervisor reports that it has started the program. A failure before that is not the program's
    /// fault.
    fn wait_for_start(&mut self) -> io::Result<()> {
        /// Only a machine that stands still needs longer.
        const LONGEST: Duration = Duration::from_secs(60);
        let deadline = Instant::now() + LONGEST;
        loop {
            match self.next_report() {
                Next::Report(Report::Started) => return Ok(()),
                Next::Report(Report::Failed(why)) => return Err(io::Error::other(why)),
                Next::Report(_) => {}
                Next::Over => {
                    return Err(io::Error::other(
                        "its supervisor ended before it started anything",
                    ));
                }
                Next::NotYet => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(io::Error::other(format!(
                            "it was not started within {} s",
                            LONGEST.as_secs()
                        )));
                    }
                    let left = system::timespec(left);
                    // An interrupted wait is just shorter.
                    let _ = poll(
                        &mut [PollFd::new(&self.reports, PollFlags::IN)],
                        Some(&left),
                    );
                }
            }
        }
    }

    /// The next report, if it is complete; remembers what it says about the processes. Reads no byte beyond its end,
    /// so that the rest can be waited for.
    fn next_report(&mut self) -> Next {
        let mut byte = [0];
        loop {
            match self.reports.read(&mut byte) {
                Ok(0) => return Next::Over,
                Ok(_) if byte != *b"\n" => self.unread_report.extend(byte),
                Ok(_) => {
                    let line = std::mem::take(&mut self.unread_report);
                    let report = Report::parse(&String::from_utf8_lossy(&line));
                    match &report {
                        Some(Report::Scratch(scratch)) => self.scratch = Some(scratch.clone()),
                        Some(Report::Supervisor(id)) => self.tree = ProcessTree::below(*id),
                        _ => {}
                    }
                    if let Some(report) = report {
                        return Next::Report(report);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Next::NotYet,
                Err(_) => return Next::Over,
            }
        }
    }

    /// The descriptors to wait for: when one is readable, call [`RunningProgram::news`].
    pub fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let reports = self.how_ended.is_none().then(|| self.reports.as_fd());
        let terminal = self.terminal_is_open.then(|| self.terminal.as_fd());
        reports.into_iter().chain(terminal)
    }

    /// The terminal, if keys are queued: wait until it is writable.
    pub fn sink(&self) -> Option<BorrowedFd<'_>> {
        (!self.keys.is_empty() && self.terminal_is_open).then(|| self.terminal.as_fd())
    }

    /// All events so far, without waiting.
    pub fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        self.wake_supervisor();
        self.press_waiting_keys();
        // Reports come first: output from before the end is then read after the end is known.
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
        let mut ended = None;
        loop {
            match self.next_report() {
                Next::Report(Report::Ended(how)) => ended = Some(how),
                Next::Report(_) => {}
                Next::NotYet => break,
                Next::Over => {
                    if ended.is_none() && self.how_ended.is_none() {
                        ended = Some(LOST.to_owned());
                    }
                    break;
                }
            }
        }
        if ended.is_some() {
            self.how_ended.clone_from(&ended);
            self.device = None;
        }
        ended
    }

    fn read_terminal(&mut self) -> Vec<u8> {
        /// Maximum number of bytes for each call, so that a program that floods does not keep others waiting.
        const SHARE: usize = 256 * 1024;
        let mut printed = Vec::new();
        let mut chunk = [0; 16 * 1024];
        while self.terminal_is_open && printed.len() < SHARE {
            match rustix::io::read(&self.terminal, &mut chunk) {
                // End of file on a terminal that no process has open any more.
                Ok(0) | Err(Errno::IO) => self.terminal_is_open = false,
                Ok(length) => printed.extend_from_slice(&chunk[..length]),
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        printed
    }

    /// Types `keys`. Queues those that the terminal does not accept at once.
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

    /// Whether the terminal turns Ctrl-C into a signal, as it does unless a program changed that.
    pub fn turns_ctrl_c_into_a_signal(&self) -> bool {
        tcgetattr(&self.terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ISIG))
    }

    /// Sends `SIGINT` to the program's first process.
    pub fn interrupt(&mut self) {
        self.tell_supervisor("interrupt");
    }

    /// Sends `SIGTERM` to the program's first process.
    pub fn terminate(&mut self) {
        self.tell_supervisor("terminate");
    }

    fn tell_supervisor(&mut self, word: &str) {
        self.wake_supervisor();
        if let Some(control) = &mut self.control {
            // Without its supervisor the program has ended.
            let _ = writeln!(control, "{word}");
        }
    }

    /// Resumes the supervisor, in case the program has stopped it: both belong to the same user.
    fn wake_supervisor(&self) {
        if let (None, Ok(id)) = (&self.how_ended, i32::try_from(self.supervisor.id())) {
            system::resume(&[id]);
        }
    }

    /// How the process ended, if it has.
    pub fn how_ended(&self) -> Option<&str> {
        self.how_ended.as_deref()
    }

    /// Whether the supervisor was lost with the process, so that how it ended is unknown.
    pub fn is_lost(&self) -> bool {
        self.how_ended.as_deref() == Some(LOST)
    }

    /// Ids of all processes that this start led to and that still exist.
    pub fn processes(&mut self) -> Vec<i32> {
        self.tree.ids()
    }

    /// Processor time of all processes that this start led to, including those that have ended.
    pub fn cpu_time(&mut self) -> Duration {
        self.tree.cpu_time()
    }
}

/// Reports from a supervisor that are not read yet.
enum Next {
    Report(Report),
    NotYet,
    Over,
}

impl RunningProgram {
    /// Waits until the supervisor has ended everything and itself; returns whether it has. The supervisor gives up by
    /// itself after some seconds, so one that does not end is being kept from its work.
    fn supervisor_ends(&mut self) -> bool {
        const LONGEST: Duration = Duration::from_secs(15);
        const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
        let Ok(id) = i32::try_from(self.supervisor.id()) else {
            return false;
        };
        let begun = Instant::now();
        while begun.elapsed() < LONGEST {
            system::resume(&[id]);
            if system::has_ended_within(id, BETWEEN_LOOKS) {
                return self.supervisor.wait().is_ok_and(|status| status.success());
            }
            if system::is_held(id) {
                // Somebody stops it again and again.
                return false;
            }
        }
        false
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        const LONGEST: Duration = Duration::from_secs(5);
        drop(self.control.take());
        if self.supervisor_ends() {
            return;
        }
        self.tree.kill();
        // It cannot refuse; only the system can delay its end.
        let _ = self.supervisor.kill();
        let has_ended = i32::try_from(self.supervisor.id())
            .is_ok_and(|id| system::has_ended_within(id, LONGEST));
        if has_ended {
            let _ = self.supervisor.wait();
        }
        // Processes that it was about to start or had adopted.
        self.tree.kill();
        // A report may have been sent but not read yet.
        self.read_reports();
        if let Some(scratch) = self.scratch.take() {
            remove_in_time(scratch);
        }
    }
}

/// Removes what a supervisor left behind, and waits for that some seconds. If a program left too many files, the
/// removal continues in the background for as long as the harness runs.
fn remove_in_time(scratch: PathBuf) {
    const LONGEST: Duration = Duration::from_secs(10);
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = remove_tree(&scratch);
        let _ = done.send(());
    });
    let _ = is_done.recv_timeout(LONGEST);
}

/// Backspace takes back a character, however many bytes it has, as at every terminal that people use.
fn erase_characters(terminal: &OwnedFd) -> io::Result<()> {
    let mut modes = tcgetattr(terminal)?;
    modes.input_modes |= InputModes::IUTF8;
    Ok(tcsetattr(terminal, OptionalActions::Now, &modes)?)
}

fn do_not_block(descriptor: impl AsFd) -> io::Result<()> {
    let flags = fcntl_getfl(&descriptor)?;
    Ok(fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?)
}
