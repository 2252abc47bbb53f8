//! The relay between real clients and a server: passes everything on, both ways, and records it in order.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use socket2::SockRef;

use super::event::{EventKind, Full, Recording};
use crate::conformance::program::system::timespec;

/// Maximum number of bytes in one read.
const READ_SIZE: usize = 16 << 10;
/// While this many bytes wait to be sent, the relay reads no more from the other side.
const MAX_WAITING: usize = 64 << 10;
/// What different clients do is passed on this far apart. The server then sees it in the order of the recording.
const APART: Duration = Duration::from_millis(50);
/// How long to wait for an event before asking whether the recording is over.
const TURN: Duration = Duration::from_millis(50);
/// How long to wait for a connection to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to read what the server sent before its process ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What the caller knows about the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    GoesOn,
    /// Somebody has stopped it.
    Stopped,
    /// The server's process has ended.
    ServerEnded,
}

/// Accepts clients on `listener` and connects each of them with the server at `server`, until `progress` or a limit ends
/// the recording. Returns the recording, and the limit that ended it.
///
/// # Errors
/// The system refuses to wait for events.
pub fn relay(
    listener: &TcpListener,
    server: SocketAddr,
    progress: impl Fn() -> Progress,
) -> io::Result<(Recording, Option<Full>)> {
    listener.set_nonblocking(true)?;
    let mut relay = Relay {
        listener,
        server,
        pipes: Vec::new(),
        recording: Recording::default(),
        last_act: None,
    };
    let mut ended: Option<Instant> = None;
    loop {
        match progress() {
            Progress::GoesOn => {}
            Progress::Stopped => {
                let full = relay.take_what_arrived().err();
                return Ok((relay.recording, full));
            }
            Progress::ServerEnded => {
                let ended = ended.get_or_insert_with(Instant::now);
                if relay.pipes.iter().all(|pipe| pipe.server.is_ended)
                    || ended.elapsed() > LAST_WORDS
                {
                    relay.recording.server_ended();
                    break;
                }
            }
        }
        relay.wait()?;
        if let Err(full) = relay.turn() {
            return Ok((relay.recording, Some(full)));
        }
    }
    Ok((relay.recording, None))
}

struct Relay<'a> {
    listener: &'a TcpListener,
    server: SocketAddr,
    pipes: Vec<Pipe>,
    recording: Recording,
    /// The client that last did something, and when.
    last_act: Option<(usize, Instant)>,
}

/// A client and its connection to the server.
struct Pipe {
    connection: usize,
    client: Side,
    server: Side,
}

/// One end of a pipe.
struct Side {
    stream: TcpStream,
    /// Bytes from the other side that wait to be sent.
    waiting: Vec<u8>,
    /// Nothing more arrives from here.
    is_ended: bool,
    /// The other side has ended, and this one knows.
    is_told: bool,
}

/// What one read from a side brings.
enum Arrival {
    Nothing,
    Bytes(Vec<u8>),
    End { reset: bool },
}

impl Relay<'_> {
    /// Waits for an event, or until somebody else may act, for one turn at most.
    fn wait(&self) -> io::Result<()> {
        let mut sources = Vec::new();
        if self.may_act(None) {
            sources.push(PollFd::new(self.listener, PollFlags::IN));
        }
        for pipe in &self.pipes {
            let may_act = self.may_act(Some(pipe.connection));
            let hears = pipe.server.is_read_into(&pipe.client);
            let speaks = may_act && pipe.client.is_read_into(&pipe.server);
            sources.extend(pipe.server.source(hears));
            sources.extend(pipe.client.source(speaks));
        }
        let rest = self
            .last_act
            .map(|(_, at)| APART.saturating_sub(at.elapsed()));
        let rest = rest.filter(|rest| !rest.is_zero());
        let longest = timespec(rest.unwrap_or(TURN).min(TURN));
        match poll(&mut sources, Some(&longest)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Records what the clients did before the recording was stopped. Nobody waits for answers any more.
    fn take_what_arrived(&mut self) -> Result<(), Full> {
        loop {
            let before = self.recording.events().len();
            self.last_act = None;
            self.turn()?;
            if self.recording.events().len() == before {
                return Ok(());
            }
        }
    }

    /// Whether the server has had time to see what another client did last.
    fn may_act(&self, connection: Option<usize>) -> bool {
        self.last_act
            .is_none_or(|(last, at)| connection == Some(last) || at.elapsed() >= APART)
    }

    /// Handles everything that has happened. What the server sent comes first: it follows from earlier acts.
    fn turn(&mut self) -> Result<(), Full> {
        for pipe in &mut self.pipes {
            pipe.client.flush();
            pipe.server.flush();
            pipe.hear(&mut self.recording)?;
        }
        for at in 0..self.pipes.len() {
            if self.may_act(Some(self.pipes[at].connection))
                && self.pipes[at].speak(&mut self.recording)?
            {
                self.last_act = Some((self.pipes[at].connection, Instant::now()));
            }
        }
        self.pipes.retain(|pipe| !pipe.is_over());
        if self.may_act(None) {
            self.accept()?;
        }
        Ok(())
    }

    /// Takes one new client, and connects it with the server.
    fn accept(&mut self) -> Result<(), Full> {
        // One that has gone again is no client.
        let Ok((client, _)) = self.listener.accept() else {
            return Ok(());
        };
        let connection = self.recording.connections();
        self.recording.note(connection, EventKind::Connected)?;
        self.last_act = Some((connection, Instant::now()));
        let connected = TcpStream::connect_timeout(&self.server, CONNECT_TIMEOUT);
        let pipe = connected.and_then(|server| {
            Ok(Pipe {
                connection,
                client: Side::new(client)?,
                server: Side::new(server)?,
            })
        });
        match pipe {
            Ok(pipe) => self.pipes.push(pipe),
            // The client sees a server that is not there.
            Err(_) => self.recording.note(connection, EventKind::Disconnected)?,
        }
        Ok(())
    }
}

impl Pipe {
    /// Passes on what the server sent.
    fn hear(&mut self, recording: &mut Recording) -> Result<(), Full> {
        while self.server.is_read_into(&self.client) {
            match self.server.read() {
                Arrival::Nothing => break,
                Arrival::Bytes(bytes) => {
                    recording.note(self.connection, EventKind::Heard(bytes.clone()))?;
                    self.client.send(&bytes);
                }
                Arrival::End { reset } => {
                    recording.note(self.connection, EventKind::Disconnected)?;
                    self.client.is_to_end(reset);
                }
            }
        }
        self.client.tell_end(&self.server);
        Ok(())
    }

    /// Passes on what the client did. Returns whether it did something.
    fn speak(&mut self, recording: &mut Recording) -> Result<bool, Full> {
        let mut has_acted = false;
        while self.client.is_read_into(&self.server) {
            match self.client.read() {
                Arrival::Nothing => break,
                Arrival::Bytes(bytes) => {
                    recording.note(self.connection, EventKind::Said(bytes.clone()))?;
                    self.server.send(&bytes);
                }
                Arrival::End { reset } => {
                    recording.note(self.connection, EventKind::Left { reset })?;
                    self.server.is_to_end(reset);
                }
            }
            has_acted = true;
        }
        self.server.tell_end(&self.client);
        Ok(has_acted)
    }

    fn is_over(&self) -> bool {
        let is_done = |side: &Side| side.is_ended && side.waiting.is_empty();
        is_done(&self.client) && is_done(&self.server)
    }
}

impl Side {
    fn new(stream: TcpStream) -> io::Result<Side> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Side {
            stream,
            waiting: Vec::new(),
            is_ended: false,
            is_told: false,
        })
    }

    /// What to wait for. Nothing else is waited for: the end of a connection would be reported again and again.
    fn source(&self, reads: bool) -> Option<PollFd<'_>> {
        let mut interest = PollFlags::empty();
        interest.set(PollFlags::IN, reads);
        interest.set(PollFlags::OUT, !self.waiting.is_empty());
        (!interest.is_empty()).then(|| PollFd::new(&self.stream, interest))
    }

    /// Whether to read from here: the other side keeps up.
    fn is_read_into(&self, other: &Side) -> bool {
        !self.is_ended && other.waiting.len() < MAX_WAITING
    }

    fn read(&mut self) -> Arrival {
        let mut buffer = [0; READ_SIZE];
        loop {
            return match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.is_ended = true;
                    Arrival::End { reset: false }
                }
                Ok(length) => Arrival::Bytes(buffer[..length].to_vec()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => Arrival::Nothing,
                Err(_) => {
                    self.is_ended = true;
                    Arrival::End { reset: true }
                }
            };
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        self.flush();
    }

    /// Sends what waits, as far as there is room. A broken connection shows when it is read.
    fn flush(&mut self) {
        while !self.waiting.is_empty() {
            match self.stream.write(&self.waiting) {
                Ok(sent) => {
                    self.waiting.drain(..sent);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.waiting.clear(),
            }
        }
    }

    /// The other side has ended. A reset is passed on at once, and takes with it what waits.
    fn is_to_end(&mut self, reset: bool) {
        if reset {
            self.waiting.clear();
            self.is_ended = true;
            self.is_told = true;
            // Closing it, which follows, then resets it.
            let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
    }

    /// Passes on that `other` has ended, once everything before it is sent.
    fn tell_end(&mut self, other: &Side) {
        if other.is_ended && !self.is_told && self.waiting.is_empty() {
            self.is_told = true;
            // It fails only where the connection is broken, which shows when it is read.
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}
