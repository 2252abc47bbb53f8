//! The shell: waits, reads, writes. One wake-up is one round:
//!
//! 1. read from everyone who has something to say, a fair share each;
//! 2. put what the broker gathered into the outbox of each member;
//! 3. write each outbox that has something new, or new space, once;
//! 4. end what has waited too long, accept who is new.
//!
//! Ids of connections that end in a round are given away at its very end, so that within a round
//! an id means one connection.

use super::broker::{Broker, Stage};
use super::connection::{Connection, Connections, Input};
use super::log::{Level, Log};
use super::room::ConnectionId;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What may wait to be written to a client: one that lets more come together does not read.
const OUTBOX_LIMIT: usize = 8 << 20;
/// What is read at a time: a fair share, before the others have their turn.
const READ_SIZE: usize = 256 << 10;
/// What is gathered in a round: whoever has more to say waits for the next.
const ROUND_SIZE: usize = 256 << 10;
/// How many are accepted in a round.
const ACCEPTS_A_ROUND: usize = 256;
/// How long a client may take to close its side after we closed ours.
const LEAVING_TIME: Duration = Duration::from_secs(5);
/// How long the goodbye at the end may take.
const GOODBYE_TIME: Duration = Duration::from_secs(1);
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
    broker: Broker,
    connections: Connections,
    /// When each connection that has a deadline reaches it.
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    /// When this round began.
    now: Instant,
    /// Those that may have something to read: the poller tells once, so it is kept here until a
    /// read has found the last of it.
    to_read: VecDeque<ConnectionId>,
    /// Those whose outbox has something new, or new space, or whose stage is new.
    to_write: Vec<ConnectionId>,
    /// Whether there may be somebody to accept; told once, too.
    to_accept: bool,
    /// Set while accepting fails for want of descriptors or memory: when to try again.
    accept_again: Option<Instant>,
    /// That accepting fails has been said.
    said_full: bool,
}

/// How a connection ended.
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
            broker: Broker::new(log),
            connections: Connections::default(),
            deadlines: BTreeSet::new(),
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
            stopped = self.wait(&mut events, self.time_to_next())?;
            self.read_round(&mut buffer);
            self.deliver();
            self.write_round();
            self.expire();
            self.accept();
            self.broker.end_round();
        }
        self.say_goodbye(&mut events)
    }

    fn time_to_next(&self) -> Option<Duration> {
        if self.to_accept || !self.to_read.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let next = deadline.into_iter().chain(self.accept_again).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// Waits until something happens, and notes what; says whether it is time to stop.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        match self.poll.poll(events, timeout) {
            // A signal that is not ours: nothing has happened.
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            result => result?,
        }
        self.now = Instant::now();
        let mut stopped = false;
        for event in &*events {
            match event.token() {
                LISTENER => self.to_accept = true,
                STOP => stopped = true,
                Token(index) => {
                    let ends = event.is_read_closed() || event.is_error();
                    let has_input = event.is_readable() || ends;
                    self.note(ConnectionId(index), has_input, ends, event.is_writable());
                }
            }
        }
        Ok(stopped)
    }

    fn note(&mut self, id: ConnectionId, has_input: bool, ends: bool, has_space: bool) {
        let Some(connection) = self.connections.find(id) else {
            return;
        };
        if connection.blocked && has_space {
            connection.blocked = false;
            self.to_write.push(id);
        }
        connection.is_closing |= ends;
        if has_input && !connection.in_reading_queue {
            connection.in_reading_queue = true;
            self.to_read.push_back(id);
        }
    }

    fn read_round(&mut self, buffer: &mut [u8]) {
        for _ in 0..self.to_read.len() {
            if self.broker.gathered() < ROUND_SIZE {
                if let Some(id) = self.to_read.pop_front() {
                    self.read(id, buffer);
                }
            }
        }
    }

    fn read(&mut self, id: ConnectionId, buffer: &mut [u8]) {
        let Some(connection) = self.connections.find(id) else {
            return;
        };
        connection.in_reading_queue = false;
        let before = connection.client.stage();
        let input = connection.read(&mut self.broker, buffer);
        let stage = connection.client.stage();
        match input {
            Ok(Input::Drained) => {}
            Ok(Input::More) => {
                connection.in_reading_queue = true;
                self.to_read.push_back(id);
            }
            Ok(Input::Ended) if stage == Stage::Leaving => {
                connection.input_ended = true;
                self.to_write.push(id);
            }
            Ok(Input::Ended) => return self.end(id, End::Closed),
            Err(error) => return self.end(id, End::Failed(error)),
        }
        if stage != before {
            let leaving = stage == Stage::Leaving;
            self.set_deadline(id, leaving.then(|| self.now + LEAVING_TIME));
            self.to_write.push(id);
        }
    }

    fn deliver(&mut self) {
        for id in self.broker.recipients() {
            if let Some(connection) = self.connections.find(id) {
                self.broker.deliver(&mut connection.client);
                self.to_write.push(id);
            }
        }
    }

    fn write_round(&mut self) {
        let mut next = 0;
        while let Some(id) = self.to_write.get(next) {
            self.write(*id);
            next += 1;
        }
        self.to_write.clear();
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.find(id) else {
            return;
        };
        if let Err(error) = connection.write() {
            return self.end(id, End::Failed(error));
        }
        let client = &connection.client;
        if client.outbox.len() > OUTBOX_LIMIT {
            self.end(id, End::DidNotRead);
        } else if client.outbox.is_empty() && client.stage() == Stage::Leaving {
            match connection.input_ended {
                true => self.end(id, End::Finished),
                false => connection.close_output(),
            }
        }
    }

    fn accept(&mut self) {
        self.to_accept |= self.accept_again.is_some_and(|at| at <= self.now);
        for _ in 0..ACCEPTS_A_ROUND {
            if !self.to_accept {
                return;
            }
            match self.listener.accept() {
                Ok((stream, address)) => self.begin(stream, plain(address)),
                Err(error) => self.accept_failed(error),
            }
        }
    }

    fn begin(&mut self, stream: TcpStream, address: SocketAddr) {
        let id = self.connections.next_id();
        match Connection::new(stream, address, id, self.poll.registry()) {
            Ok(connection) => {
                self.broker
                    .note(Level::Connections, format_args!("{address} connected"));
                self.connections.insert(connection);
                self.set_deadline(id, Some(self.now + self.registration_time));
            }
            Err(error) => {
                self.broker
                    .note(Level::Problems, format_args!("{address} was lost: {error}"));
            }
        }
    }

    /// Those who are here are served on. Accepting is tried again when one of them leaves, when
    /// somebody comes, or after a while: the shortage may be another program's doing.
    fn accept_failed(&mut self, error: io::Error) {
        match error.kind() {
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted => return,
            ErrorKind::WouldBlock => {
                self.accept_again = None;
                self.said_full = false;
            }
            _ => {
                self.accept_again = Some(self.now + ACCEPT_AGAIN_AFTER);
                if !self.said_full {
                    let here = self.connections.len();
                    let full = format_args!(
                        "full with {here} connections ({error}): others come in as these leave"
                    );
                    self.broker.note(Level::Problems, full);
                    self.said_full = true;
                }
            }
        }
        self.to_accept = false;
    }

    fn set_deadline(&mut self, id: ConnectionId, deadline: Option<Instant>) {
        if let Some(connection) = self.connections.find(id) {
            if let Some(at) = connection.deadline {
                self.deadlines.remove(&(at, id));
            }
            connection.deadline = deadline;
            self.deadlines.extend(deadline.map(|at| (at, id)));
        }
    }

    fn expire(&mut self) {
        while self
            .deadlines
            .first()
            .is_some_and(|(at, _)| *at <= self.now)
        {
            let Some((_, id)) = self.deadlines.pop_first() else {
                return;
            };
            match self
                .connections
                .find(id)
                .map(|connection| connection.client.stage())
            {
                Some(Stage::Guest) => self.end(id, End::DidNotRegister),
                _ => self.end(id, End::Finished),
            }
        }
    }

    /// Frees all that belongs to a connection.
    fn end(&mut self, id: ConnectionId, end: End) {
        self.set_deadline(id, None);
        let Some(connection) = self.connections.remove(id) else {
            return;
        };
        if connection.in_reading_queue {
            // Or whoever is given its id would have two turns.
            self.to_read.retain(|queued| *queued != id);
        }
        self.broker.leave(&connection.client, end);
        connection.close();
        // Its descriptor is free for somebody who could not be accepted.
        self.to_accept |= self.accept_again.take().is_some();
    }

    /// Tells every member that the server ends, and waits a little for those who read slowly.
    fn say_goodbye(mut self, events: &mut Events) -> io::Result<()> {
        self.broker.note(Level::Room, format_args!("shutting down"));
        for (id, connection) in self.connections.iter_mut() {
            self.broker.dismiss(&mut connection.client);
            connection.input_ended = true;
            self.to_write.push(id);
        }
        let last = self.now + GOODBYE_TIME;
        self.write_round();
        while self.connections.len() > 0 && self.now < last {
            self.wait(events, Some(last - self.now))?;
            self.write_round();
        }
        self.broker.end_round();
        Ok(())
    }
}

/// IPv4 as IPv4, not as an IPv6 socket shows it.
fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => write!(f, "it closed the connection"),
            End::Failed(error) => write!(f, "the connection is lost, {error}"),
            End::DidNotRead => write!(f, "dropped, since it does not read"),
            End::DidNotRegister => write!(f, "dropped, since it does not register"),
            End::Finished => write!(f, "closed"),
        }
    }
}
