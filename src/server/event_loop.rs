//! The shell: waits, reads, asks the room, writes. One wake-up is one round:
//!
//! 1. read from everyone who has something to say, a fair share each, and gather what is relayed;
//! 2. put it into the outbox of each member;
//! 3. write each outbox that has something new, or new space, once;
//! 4. end what has waited too long, accept who is new.
//!
//! Ids of connections that end in steps 1 to 3 are given away in step 4 at the earliest, so that
//! within a round an id means one connection.

use super::connection::{Connection, Connections, Stage, plain};
use super::log::{Harmless, Level, Log};
use super::room::{Action, ConnectionId, Ignored, Room};
use super::round::{Chunk, Round};
use crate::protocol::{Line, MAX_LINE, Message, Name, Status};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What may wait to be written to a client: one that lets more come together does not read.
const OUTBOX_LIMIT: usize = 8 << 20;
/// What is read at a time.
const READ_SIZE: usize = 64 << 10;
/// What one connection may say in a round, before the others have their turn.
const SHARE: usize = 256 << 10;
/// What is relayed in a round: the rest waits for the next.
const ROUND_SIZE: usize = 1 << 20;
/// How many are accepted in a round.
const ACCEPTS_A_ROUND: usize = 256;
/// How long a client may take to close its side after we closed ours.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// How long the goodbye at the end may take.
const GOODBYE_TIME: Duration = Duration::from_secs(2);
/// When to try again to accept, if nobody leaves before.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_secs(1);

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// The server at work.
pub struct EventLoop {
    poll: Poll,
    listener: TcpListener,
    stopper: Arc<Waker>,
    registration_time: Duration,
    log: Log,

    room: Room,
    connections: Connections,
    /// When each connection that has a deadline reaches it.
    deadlines: BTreeSet<(Instant, ConnectionId)>,

    round: Round,
    /// When this round began.
    now: Instant,
    /// Those that may have something to read: readiness is told once, so it is kept here until a
    /// read finds nothing more.
    to_read: VecDeque<ConnectionId>,
    /// Those whose outbox has something new, or new space.
    to_write: Vec<ConnectionId>,
    /// Whether there may be somebody to accept; told once, too.
    to_accept: bool,
    /// Set while accepting fails for want of descriptors or memory: when to try again.
    accept_again: Option<Instant>,
    /// That accepting fails has been said.
    said_full: bool,
}

/// How a connection ended, for the log.
enum End {
    Closed,
    Failed(io::Error),
    DidNotRead,
    DidNotRegister,
    Finished,
}

impl EventLoop {
    /// Watches the listener; nobody is accepted before [`EventLoop::serve`].
    pub fn new(
        listener: std::net::TcpListener,
        registration_time: Duration,
        log: Log,
    ) -> io::Result<EventLoop> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(EventLoop {
            stopper: Arc::new(Waker::new(poll.registry(), STOP)?),
            poll,
            listener,
            registration_time,
            log,
            room: Room::default(),
            connections: Connections::default(),
            deadlines: BTreeSet::new(),
            round: Round::default(),
            now: Instant::now(),
            to_read: VecDeque::new(),
            to_write: Vec::new(),
            to_accept: false,
            accept_again: None,
            said_full: false,
        })
    }

    /// Wakes [`EventLoop::serve`] to end.
    pub fn stopper(&self) -> Arc<Waker> {
        Arc::clone(&self.stopper)
    }

    /// Serves until the stopper is called, then says goodbye.
    pub fn serve(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_SIZE];
        let mut stopped = false;
        while !stopped {
            self.wait(&mut events, self.next_wake_up())?;
            stopped = self.note(&events);
            self.read_round(&mut buffer);
            self.deliver();
            self.write_round();
            self.expire();
            self.accept();
            self.log.flush();
        }
        self.say_goodbye(&mut events)
    }

    // Waiting

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            // A signal that is not ours: nothing has happened.
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            result => result?,
        }
        self.now = Instant::now();
        Ok(())
    }

    fn next_wake_up(&self) -> Option<Duration> {
        if self.to_accept || !self.to_read.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let next = deadline.into_iter().chain(self.accept_again).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Keeps what the poller has told; says whether it is time to stop.
    fn note(&mut self, events: &Events) -> bool {
        let mut stop = false;
        for event in events {
            let id = match event.token() {
                LISTENER => {
                    self.to_accept = true;
                    continue;
                }
                STOP => {
                    stop = true;
                    continue;
                }
                Token(index) => ConnectionId(index),
            };
            let Some(connection) = self.connections.find(id) else {
                continue;
            };
            if connection.blocked && event.is_writable() {
                connection.blocked = false;
                self.to_write.push(id);
            }
            let has_input = event.is_readable() || event.is_read_closed() || event.is_error();
            if has_input && !connection.in_reading_queue {
                connection.in_reading_queue = true;
                self.to_read.push_back(id);
            }
        }
        stop
    }

    // Reading

    fn read_round(&mut self, buffer: &mut [u8]) {
        self.round.begin();
        for _ in 0..self.to_read.len() {
            if self.round.len() >= ROUND_SIZE {
                return;
            }
            let Some(id) = self.to_read.pop_front() else {
                return;
            };
            self.read(id, buffer);
        }
    }

    /// Reads a fair share from one connection. Whoever has more to say queues up again.
    fn read(&mut self, id: ConnectionId, buffer: &mut [u8]) {
        let mut cut_start = self.round.len();
        let mut share = SHARE;
        while let Some(connection) = self.connections.find(id) {
            connection.in_reading_queue = share == 0;
            if share == 0 {
                self.to_read.push_back(id);
                break;
            }
            let size = buffer.len().min(share);
            match connection.stream.read(&mut buffer[..size]) {
                Ok(0) => {
                    self.input_ended(id);
                    break;
                }
                Ok(count) => {
                    share -= count;
                    self.take_lines(id, &buffer[..count], &mut cut_start);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.end(id, End::Failed(error));
                    break;
                }
            }
        }
        self.round.cut(id, cut_start);
    }

    fn input_ended(&mut self, id: ConnectionId) {
        match self
            .connections
            .find(id)
            .map(|connection| &mut connection.stage)
        {
            Some(Stage::Closing { input_ended }) => {
                *input_ended = true;
                self.to_write.push(id);
            }
            _ => self.end(id, End::Closed),
        }
    }

    /// Does what the room says to each line. What follows a connection's last word is dropped.
    fn take_lines(&mut self, id: ConnectionId, mut input: &[u8], cut_start: &mut usize) {
        let Some(connection) = self.connections.find(id) else {
            return;
        };
        if connection.stage != Stage::Open {
            return;
        }
        let mut lines = std::mem::take(&mut connection.lines);
        while let Some(line) = lines.next(&mut input) {
            match self.room.hear(id, line) {
                Action::Relay(line) => {
                    self.log
                        .note(Level::Room, format_args!("{}", Harmless(line)));
                    self.round.relay(line);
                }
                Action::Ignore(why) => self.ignore(id, line, why),
                Action::Welcome(name) => {
                    self.welcome(id, &name);
                    *cut_start = 0;
                }
                Action::Refuse(status) => return self.refuse(id, line, status),
                Action::Release(name) => return self.release(id, &name),
            }
        }
        if let Some(connection) = self.connections.find(id) {
            connection.lines = lines;
        }
    }

    // What the room decided

    fn welcome(&mut self, id: ConnectionId, name: &Name) {
        self.set_deadline(id, None);
        self.answer(id, Status::SUCCESSFUL);
        if let Some(connection) = self.connections.find(id) {
            let (name, peer) = (Harmless(name.as_str()), connection.peer());
            self.log
                .note(Level::Room, format_args!("{name} joined ({peer})"));
        }
    }

    fn refuse(&mut self, id: ConnectionId, line: Line<'_>, status: Status) {
        if let Some(connection) = self.connections.find(id) {
            let (line, peer) = (shown(line), connection.peer());
            self.log.note(
                Level::Room,
                format_args!("refused {peer}: {status}, for: {line}"),
            );
        }
        self.answer(id, status);
        self.close(id);
    }

    fn release(&mut self, id: ConnectionId, name: &Name) {
        self.log.note(
            Level::Room,
            format_args!("{} left", Harmless(name.as_str())),
        );
        if let Some(connection) = self.connections.find(id) {
            connection.outbox.clear();
        }
        self.close(id);
    }

    fn ignore(&mut self, id: ConnectionId, line: Line<'_>, why: Ignored) {
        if let Some(name) = self.room.name(id) {
            let (name, line) = (Harmless(name.as_str()), shown(line));
            self.log.note(
                Level::Room,
                format_args!("not relayed from {name}, {why}: {line}"),
            );
        }
    }

    fn answer(&mut self, id: ConnectionId, status: Status) {
        if let Some(connection) = self.connections.find(id) {
            send(connection, &line_of(&Message::Status(status)));
            self.to_write.push(id);
        }
    }

    /// Closes a connection when all that waits is written and the client has had time to read it.
    fn close(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.find(id) {
            connection.stage = Stage::Closing { input_ended: false };
            self.to_write.push(id);
        }
        self.set_deadline(id, Some(self.now + CLOSING_TIME));
    }

    // Writing

    /// Puts what was gathered into the outbox of each member, its own words excepted.
    fn deliver(&mut self) {
        if self.round.is_empty() {
            return;
        }
        for id in self.room.members() {
            if let Some(connection) = self.connections.find(id) {
                for part in self.round.parts_for(id) {
                    connection.outbox.push(self.round.chunk(), part);
                }
                self.to_write.push(id);
            }
        }
    }

    fn write_round(&mut self) {
        while let Some(id) = self.to_write.pop() {
            self.write(id);
        }
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.find(id) else {
            return;
        };
        if let Err(error) = connection.write(id, self.poll.registry()) {
            return self.end(id, End::Failed(error));
        }
        if connection.outbox.len() > OUTBOX_LIMIT {
            return self.end(id, End::DidNotRead);
        }
        if connection.outbox.is_empty() {
            match connection.stage {
                Stage::Open => {}
                Stage::Closing { input_ended: false } => connection.close_output(),
                Stage::Closing { input_ended: true } => self.end(id, End::Finished),
            }
        }
    }

    // Coming and going

    fn accept(&mut self) {
        if self.accept_again.is_some_and(|at| at <= self.now) {
            self.to_accept = true;
        }
        for _ in 0..ACCEPTS_A_ROUND {
            if !self.to_accept {
                return;
            }
            match self.listener.accept() {
                Ok((stream, address)) => {
                    let address = plain(address);
                    self.log
                        .note(Level::Connections, format_args!("{address} connected"));
                    if let Err(error) = self.greet(stream) {
                        self.log
                            .note(Level::Problems, format_args!("lost {address}: {error}"));
                    }
                }
                Err(error) => self.accept_failed(error),
            }
        }
    }

    fn greet(&mut self, stream: TcpStream) -> io::Result<()> {
        let id = self.connections.next_id();
        self.connections
            .insert(Connection::new(stream, id, self.poll.registry())?);
        self.set_deadline(id, Some(self.now + self.registration_time));
        Ok(())
    }

    /// Keeps serving those who are here. Accepting is tried again when one of them leaves, or
    /// somebody comes, or after a while: the shortage may be another program's doing.
    fn accept_failed(&mut self, error: io::Error) {
        match error.kind() {
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
            ErrorKind::WouldBlock => {
                self.to_accept = false;
                self.accept_again = None;
                self.said_full = false;
            }
            _ => {
                self.to_accept = false;
                self.accept_again = Some(self.now + ACCEPT_AGAIN_AFTER);
                if !self.said_full {
                    let here = self.connections.len();
                    self.log.note(
                        Level::Problems,
                        format_args!("no more connections can be accepted ({error}); the {here} that are here are served on, others come in as they leave"),
                    );
                    self.said_full = true;
                }
            }
        }
    }

    fn set_deadline(&mut self, id: ConnectionId, deadline: Option<Instant>) {
        let Some(connection) = self.connections.find(id) else {
            return;
        };
        if let Some(at) = connection.deadline {
            self.deadlines.remove(&(at, id));
        }
        connection.deadline = deadline;
        self.deadlines.extend(deadline.map(|at| (at, id)));
    }

    fn expire(&mut self) {
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > self.now {
                return;
            }
            match self.connections.find(id).map(|connection| connection.stage) {
                Some(Stage::Open) => self.end(id, End::DidNotRegister),
                _ => self.end(id, End::Finished),
            }
        }
    }

    /// Frees all that belongs to a connection.
    fn end(&mut self, id: ConnectionId, end: End) {
        let Some(connection) = self.connections.remove(id) else {
            return;
        };
        if let Some(at) = connection.deadline {
            self.deadlines.remove(&(at, id));
        }
        if connection.in_reading_queue {
            self.to_read.retain(|other| *other != id);
        }
        // Its descriptor is free for somebody who could not be accepted.
        self.to_accept |= self.accept_again.take().is_some();
        match self.room.leave(id) {
            Some(name) => {
                let name = Harmless(name.as_str());
                self.log
                    .note(Level::Room, format_args!("{name} left: {end}"));
            }
            None => {
                let peer = connection.peer();
                self.log
                    .note(Level::Connections, format_args!("{peer}: {end}"));
            }
        }
        connection.finish();
    }

    /// Tells every member that the server ends (S-SHUT-1), and waits a little for those who read
    /// slowly.
    fn say_goodbye(mut self, events: &mut Events) -> io::Result<()> {
        let goodbye = line_of(&Message::Shutdown);
        for id in self.room.members() {
            if let Some(connection) = self.connections.find(id) {
                send(connection, &goodbye);
            }
        }
        for id in self.connections.ids() {
            if let Some(connection) = self.connections.find(id) {
                connection.stage = Stage::Closing { input_ended: true };
                self.to_write.push(id);
            }
        }
        self.log.note(Level::Room, format_args!("shutting down"));
        let last = self.now + GOODBYE_TIME;
        loop {
            self.write_round();
            self.log.flush();
            if self.connections.len() == 0 || self.now >= last {
                return Ok(());
            }
            self.wait(events, Some(last - self.now))?;
            self.note(events);
        }
    }
}

fn line_of(message: &Message) -> Chunk {
    Chunk::new(format!("{message}\n").into_bytes())
}

fn send(connection: &mut Connection, chunk: &Chunk) {
    connection.outbox.push(chunk, 0..chunk.len());
}

/// A line that was not relayed, for the log.
fn shown(line: Line<'_>) -> String {
    match line {
        Line::Whole(bytes) => Harmless(String::from_utf8_lossy(bytes)).to_string(),
        Line::TooLong => format!("(more than {MAX_LINE} bytes)"),
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => write!(f, "connection closed"),
            End::Failed(error) => write!(f, "connection lost, {error}"),
            End::DidNotRead => write!(f, "dropped, it does not read"),
            End::DidNotRegister => write!(f, "closed, it did not register"),
            End::Finished => write!(f, "closed"),
        }
    }
}
