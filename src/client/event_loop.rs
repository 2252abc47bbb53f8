//! One thread that waits for the user, the server and signals, and asks the session what to do.

use std::error::Error;
use std::io::{self, stderr, stdin, stdout};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::tcgetwinsize;
use signal_hook::consts::SIGTSTP;
use signal_hook::low_level::emulate_default_handler;

use super::connect::ConnectError;
use super::connection::Connection;
use super::console::{Console, Output};
use super::raw_mode::{self, RawMode};
use super::session::{Action, Ending, Event, Phase, Session};
use super::wake::{Alarm, Wake};

/// Maximum number of bytes in one read.
const READ_SIZE: usize = 64 * 1024;
/// While this many bytes wait to be sent, the client reads no more input.
const BACKLOG: usize = 8 * 1024 * 1024;
/// Width to assume if the terminal does not report one.
const DEFAULT_WIDTH: usize = 80;

/// An error that the client cannot continue after.
type Failure = Box<dyn Error>;

/// The session and everything that it is connected to.
pub struct EventLoop {
    session: Session,
    console: Box<dyn Console>,
    alarm: Alarm,
    connection: Option<Connection>,
    raw_mode: Option<RawMode>,
    input_open: bool,
    output_open: bool,
    /// When the timeout of the session's phase started.
    waiting_since: Instant,
}

/// What is ready without waiting.
struct Ready {
    input: bool,
    server: bool,
    alarm: bool,
}

type Flow = ControlFlow<Result<Ending, Failure>>;

impl EventLoop {
    /// An event loop that has not started yet.
    pub fn new(
        session: Session,
        console: Box<dyn Console>,
        alarm: Alarm,
        raw_mode: Option<RawMode>,
    ) -> Self {
        Self {
            session,
            console,
            alarm,
            connection: None,
            raw_mode,
            input_open: true,
            output_open: true,
            waiting_since: Instant::now(),
        }
    }

    /// Runs until the session ends. The terminal is then back in its original mode.
    pub fn run(mut self) -> Result<Ending, Failure> {
        let result = loop {
            if let ControlFlow::Break(result) = self.turn() {
                break result;
            }
        };
        self.console.draw(width());
        self.console.leave_screen();
        // Output that cannot be printed any more does not matter now.
        let _ = self.print();
        result
    }

    /// Waits for an event and handles it.
    fn turn(&mut self) -> Flow {
        self.console.draw(width());
        if self.output_open && self.print().is_err() {
            // Nobody reads the output any more.
            self.output_open = false;
            self.handle_all([Event::Interrupted])?;
        }
        let ready = match self.wait() {
            Ok(ready) => ready,
            Err(error) => return ControlFlow::Break(Err(error.into())),
        };
        if ready.input {
            self.read_input()?;
        }
        if ready.alarm {
            for wake in self.alarm.notifications() {
                self.wake(wake)?;
            }
        }
        if ready.server {
            self.receive()?;
        }
        self.flush()?;
        match self.has_timed_out() {
            true => self.handle_all([Event::TimedOut]),
            false => ControlFlow::Continue(()),
        }
    }

    fn wait(&self) -> io::Result<Ready> {
        let stdin = stdin();
        let mut descriptors = vec![PollFd::new(&self.alarm, PollFlags::IN)];
        let server = self.connection.as_ref().map(|connection| {
            let mut interest = PollFlags::IN;
            interest.set(PollFlags::OUT, connection.wants_to_write());
            descriptors.push(PollFd::new(connection, interest));
            descriptors.len() - 1
        });
        let input = self.wants_input().then(|| {
            descriptors.push(PollFd::new(&stdin, PollFlags::IN));
            descriptors.len() - 1
        });

        let timeout = self.deadline().map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            Timespec {
                tv_sec: left.as_secs() as _,
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // An error or a hang-up counts as readable, too.
        let is_ready =
            |index: usize| descriptors[index].revents() - PollFlags::OUT != PollFlags::empty();
        Ok(Ready {
            input: input.is_some_and(is_ready),
            server: server.is_some_and(is_ready),
            alarm: is_ready(0),
        })
    }

    fn wants_input(&self) -> bool {
        let backlog =
            self.connection.as_ref().map_or(0, Connection::unsent) + self.session.waiting();
        let is_time = match self.session.phase() {
            Phase::Connecting | Phase::Registering => self.console.reads_ahead(),
            Phase::Chatting => true,
            Phase::Leaving { .. } | Phase::Closing => false,
        };
        self.input_open && is_time && backlog < BACKLOG
    }

    fn deadline(&self) -> Option<Instant> {
        self.session
            .phase()
            .timeout()
            .map(|timeout| self.waiting_since + timeout)
    }

    fn has_timed_out(&self) -> bool {
        self.deadline()
            .is_some_and(|deadline| deadline <= Instant::now())
    }

    fn read_input(&mut self) -> Flow {
        let mut buffer = [0; READ_SIZE];
        let events = match rustix::io::read(stdin(), &mut buffer) {
            Ok(length @ 1..) => self.console.typed(&buffer[..length]),
            Err(Errno::INTR | Errno::AGAIN) => Vec::new(),
            // A terminal that was closed reports an error.
            Ok(_) | Err(_) => {
                self.input_open = false;
                self.console.input_ended()
            }
        };
        self.handle_all(events)
    }

    fn receive(&mut self) -> Flow {
        let events = self.connection.as_mut().map(Connection::receive);
        self.handle_all(events.unwrap_or_default())
    }

    fn flush(&mut self) -> Flow {
        let Some(connection) = &mut self.connection else {
            return ControlFlow::Continue(());
        };
        if connection.flush() && self.session.phase() == (Phase::Leaving { hurried: false }) {
            self.waiting_since = Instant::now();
        }
        match connection.unsent() {
            0 => self.handle(Event::Sent),
            _ => ControlFlow::Continue(()),
        }
    }

    fn wake(&mut self, wake: Wake) -> Flow {
        match wake {
            Wake::Connected(result) => return self.connected(result),
            Wake::Interrupted => return self.interrupted(),
            Wake::Suspended => self.suspend(),
            // After a SIGSTOP, which a program cannot catch.
            Wake::Continued => self.resume(),
            // Each turn redraws the prompt anyway.
            Wake::Resized => {}
        }
        ControlFlow::Continue(())
    }

    /// Sends what was typed before Ctrl-C, then the goodbye.
    fn interrupted(&mut self) -> Flow {
        let stdin = stdin();
        let mut input = [PollFd::new(&stdin, PollFlags::IN)];
        let mut is_typed = || poll(&mut input, Some(&Timespec::default())) == Ok(1);
        if self.console.reads_ahead() && self.wants_input() && is_typed() {
            self.read_input()?;
        }
        self.handle_all([Event::Interrupted])
    }

    fn connected(&mut self, result: Result<TcpStream, ConnectError>) -> Flow {
        let connection: Result<Connection, Failure> = match result {
            Ok(stream) => Connection::new(stream).map_err(Failure::from),
            Err(error) => Err(error.into()),
        };
        match connection {
            Ok(connection) => {
                self.connection = Some(connection);
                self.handle_all([Event::Connected])
            }
            Err(failure) => ControlFlow::Break(Err(failure)),
        }
    }

    fn suspend(&mut self) {
        self.console.leave_screen();
        let _ = self.print();
        raw_mode::restore();
        // Returns when the program continues.
        let _ = emulate_default_handler(SIGTSTP);
        self.resume();
    }

    fn resume(&mut self) {
        if let Some(raw_mode) = &self.raw_mode {
            let _ = raw_mode.resume();
            self.console.leave_screen();
        }
    }

    /// Handles the events and sends at once. A second request to leave ends the session, and the
    /// goodbye of the first one should be sent by then.
    fn handle_all(&mut self, events: impl IntoIterator<Item = Event>) -> Flow {
        events
            .into_iter()
            .try_for_each(|event| self.handle(event))?;
        self.flush()
    }

    fn handle(&mut self, event: Event) -> Flow {
        let phase = self.session.phase();
        let actions = self.session.on(event);
        if self.session.phase() != phase {
            self.waiting_since = Instant::now();
        }
        actions.into_iter().try_for_each(|action| self.act(action))
    }

    fn act(&mut self, action: Action) -> Flow {
        match (action, &mut self.connection) {
            (Action::Show(entry), _) => self.console.show(&entry),
            (Action::Send(bytes), Some(connection)) => connection.send(&bytes),
            (Action::CloseSending, Some(connection)) => connection.close_sending(),
            // The session sends nothing before it is connected.
            (Action::Send(_) | Action::CloseSending, None) => {}
            (Action::End(ending), _) => return ControlFlow::Break(Ok(ending)),
        }
        ControlFlow::Continue(())
    }

    fn print(&mut self) -> io::Result<()> {
        let Output { out, err } = self.console.take_output();
        write_all(stdout(), &out)?;
        write_all(stderr(), &err)
    }
}

/// Number of columns of the terminal.
fn width() -> usize {
    match tcgetwinsize(stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => DEFAULT_WIDTH,
    }
}

/// Writes everything, even if another program made the descriptor non-blocking.
fn write_all(descriptor: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&descriptor, bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
