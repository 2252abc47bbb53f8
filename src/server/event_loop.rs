//! The server's event loop: wait, read, write. One wake-up is one round:
//!
//! 1. Read from everybody who has sent something, a fair share each. Read from members only while
//!    the backlog has room for it.
//! 2. Write once to everybody who has something new to get or new space for it.
//! 3. Close connections whose deadline has passed, drop stalled members, accept new clients.
//!
//! Ids that become free are reused only at the very end of a round, so within a round an id always
//! means the same connection.

use super::broker::{Broker, Stage};
use super::connection::{Connection, Connections, Input};
use super::log::{Level, Log};
use super::room::ConnectionId;
use super::stall::{MAX_WAIT, StallDetector};
use crate::protocol::MAX_LINE;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Maximum number of bytes read from a client before the others have their turn.
const READ_SIZE: usize = 256 << 10;
/// Minimum of that share, however many clients have sent something.
const MIN_SHARE: usize = 16 << 10;
/// Maximum number of bytes collected in a round. Further input waits for the next one.
const ROUND_SIZE: usize = 256 << 10;
/// Maximum number of connections accepted in a round.
const MAX_ACCEPTS_PER_ROUND: usize = 256;
/// Timeout for a client to close its side after the server closed its own.
const LEAVING_TIME: Duration = Duration::from_secs(5);
/// Maximum time for saying goodbye at shutdown.
const GOODBYE_TIME: Duration = Duration::from_secs(1);
/// Delay before accepting again after a failure, unless a client leaves earlier.
const RETRY_ACCEPT_AFTER: Duration = Duration::from_secs(1);

/// The poller reports free space only once about a third of the send buffer is free. After this
/// time the server tries to write to a stalled member without such a report.
const RETRY_WRITE_AFTER: Duration = Duration::from_millis(200);

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// The running server.
pub struct EventLoop {
    poll: Poll,
    listener: TcpListener,
    stopper: Arc<Waker>,
    registration_time: Duration,
    broker: Broker,
    connections: Connections,
    /// All deadlines of connections, in order.
    deadlines: BTreeSet<(Instant, ConnectionId)>,
    /// When this round began.
    now: Instant,
    /// Connections that may have input. The poller reports input only once, so an entry stays until
    /// a read has drained the socket.
    to_read: ToRead,
    stalls: StallDetector,
    /// Connections with something new to send, with new space, or with a new stage.
    to_write: Vec<ConnectionId>,
    /// Whether clients may be waiting to be accepted. The poller reports that only once, too.
    to_accept: bool,
    /// When to try again after accepting failed for lack of descriptors or memory.
    retry_accept_at: Option<Instant>,
    /// Whether the log already says that accepting fails.
    reported_full: bool,
}

/// Connections that may have input to read.
#[derive(Debug, Default)]
struct ToRead {
    /// Members. The server does not read from them while the backlog is full.
    members: VecDeque<ConnectionId>,
    /// Clients that are not registered, and members whose connection is ending: their names should
    /// become free soon.
    others: VecDeque<ConnectionId>,
}

/// Why a connection ended.
enum End {
    Closed,
    Failed(io::Error),
    DidNotRead,
    DidNotRegister,
    Finished,
}

impl EventLoop {
    /// Registers the listener with the poller. [`EventLoop::serve`] accepts the clients.
    pub fn new(
        listener: TcpListener,
        registration_time: Duration,
        log: Log,
    ) -> io::Result<EventLoop> {
        let poll = Poll::new()?;
        poll.registry().register(
            &mut SourceFd(&listener.as_raw_fd()),
            LISTENER,
            Interest::READABLE,
        )?;
        Ok(EventLoop {
            stopper: Arc::new(Waker::new(poll.registry(), STOP)?),
            poll,
            listener,
            registration_time,
            broker: Broker::new(log),
            connections: Connections::default(),
            deadlines: BTreeSet::new(),
            now: Instant::now(),
            to_read: ToRead::default(),
            stalls: StallDetector::default(),
            to_write: Vec::new(),
            to_accept: false,
            retry_accept_at: None,
            reported_full: false,
        })
    }

    /// A handle that makes [`EventLoop::serve`] stop.
    pub fn stopper(&self) -> Arc<Waker> {
        Arc::clone(&self.stopper)
    }

    /// Serves until the stopper is used, then says goodbye.
    pub fn serve(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; READ_SIZE];
        let mut stopped = false;
        while !stopped {
            stopped = self.wait(&mut events, self.time_to_next())?;
            self.read_round(&mut buffer);
            self.to_write.extend(self.broker.close_round());
            self.write_round();
            self.expire();
            self.drop_stalled_members();
            self.accept();
            self.broker.end_round();
        }
        self.say_goodbye(&mut events)
    }

    fn time_to_next(&self) -> Option<Duration> {
        let backlog = self.broker.backlog();
        let (is_full, is_overfull) = (backlog.is_full(), backlog.is_overfull());
        let reads_members = !is_full && !self.to_read.members.is_empty();
        let reads_others = !is_overfull && !self.to_read.others.is_empty();
        if self.to_accept || reads_members || reads_others {
            return Some(Duration::ZERO);
        }
        let deadline = self.deadlines.first().map(|(at, _)| *at);
        let next = deadline.into_iter().chain(self.retry_accept_at).min();
        let next = next.map(|next| next.saturating_duration_since(Instant::now()));
        next.into_iter().chain(is_full.then_some(MAX_WAIT)).min()
    }

    /// Waits until something happens and records it. Returns whether it is time to stop.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let begun = Instant::now();
        match self.poll.poll(events, timeout) {
            // Interrupted by an unrelated signal: nothing has happened.
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            result => result?,
        }
        self.now = Instant::now();
        self.stalls.waited(self.now - begun);
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
        if ends && !connection.is_closing {
            connection.is_closing = true;
            // From now on it is read from even while the backlog is full.
            self.to_read.remove(id, connection);
        }
        if has_input {
            self.to_read.push(id, connection);
        }
    }

    fn read_round(&mut self, buffer: &mut [u8]) {
        // Count first: a client that registers in this round has already had its turn.
        let members = self.to_read.members.len();
        let backlog = self.broker.backlog();
        // While members have to wait, read only as much from the others as a registration needs.
        let share = if backlog.is_full() {
            MAX_LINE
        } else {
            buffer.len()
        };
        for _ in 0..self.to_read.others.len() {
            if self.broker.gathered() < ROUND_SIZE && !self.broker.backlog().is_overfull() {
                if let Some(id) = self.to_read.others.pop_front() {
                    self.read(id, &mut buffer[..share]);
                }
            }
        }
        // When there is little room, keep turns short, so that nobody waits long, for example to
        // say goodbye.
        let share = if self.broker.backlog().is_half_full() {
            (buffer.len() / members.max(1)).max(MIN_SHARE)
        } else {
            buffer.len()
        };
        for _ in 0..members {
            if self.broker.gathered() < ROUND_SIZE && !self.broker.backlog().is_full() {
                if let Some(id) = self.to_read.members.pop_front() {
                    self.read(id, &mut buffer[..share]);
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
            Ok(Input::More) => self.to_read.push(id, connection),
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
        let stage = connection.client.stage();
        match connection.write(&mut self.broker, &mut self.stalls) {
            Ok(true) if stage == Stage::Leaving => match connection.input_ended {
                true => self.end(id, End::Finished),
                false => connection.close_output(),
            },
            Ok(_) => {}
            // It may have sent something before the connection was lost.
            Err(_) if stage == Stage::Member => {
                self.to_read.remove(id, connection);
                connection.give_up_writing(&mut self.broker);
                self.to_read.push(id, connection);
            }
            Err(error) => self.end(id, End::Failed(error)),
        }
    }

    /// While the backlog is full, the server does not read from members. It drops a member that
    /// reads nothing for a second of that time, and waits for one that reads something, however
    /// little.
    fn drop_stalled_members(&mut self) {
        let backlog = self.broker.backlog();
        let (is_full, is_half_full) = (backlog.is_full(), backlog.is_half_full());
        if !self.stalls.is_check_due(is_full, is_half_full) {
            return;
        }
        let blocked = self.connections.iter_mut();
        let blocked = blocked.filter(|(_, connection)| {
            connection.blocked && self.stalls.stalled_for(&connection.pace) >= RETRY_WRITE_AFTER
        });
        for (id, connection) in blocked {
            connection.blocked = false;
            self.to_write.push(id);
        }
        let tried = self.to_write.clone();
        self.write_round();
        for id in tried {
            let is_stuck = |connection: &mut Connection| {
                connection.blocked && self.stalls.has_stalled(&connection.pace)
            };
            if self.connections.find(id).is_some_and(is_stuck) {
                // Its unread input is lost with it.
                self.end(id, End::DidNotRead);
            }
        }
    }

    fn accept(&mut self) {
        self.to_accept |= self.retry_accept_at.is_some_and(|at| at <= self.now);
        for _ in 0..MAX_ACCEPTS_PER_ROUND {
            if !self.to_accept {
                return;
            }
            match self.listener.accept() {
                Ok((stream, address)) => self.begin(stream, canonical(address)),
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
                self.broker.note(
                    Level::Problems,
                    format_args!("{address} could not be served: {error}"),
                );
            }
        }
    }

    /// Existing clients stay connected. The server tries to accept again when a client leaves, when
    /// a new one connects, or after a while, since another program may have caused the shortage.
    fn accept_failed(&mut self, error: io::Error) {
        match error.kind() {
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted => return,
            ErrorKind::WouldBlock => {
                self.retry_accept_at = None;
                self.reported_full = false;
            }
            _ => {
                self.retry_accept_at = Some(self.now + RETRY_ACCEPT_AFTER);
                if !self.reported_full {
                    let here = self.connections.len();
                    let full = format_args!(
                        "full: cannot accept more than {here} connections ({error}); new clients wait until others leave"
                    );
                    self.broker.note(Level::Problems, full);
                    self.reported_full = true;
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

    /// Closes a connection and frees everything that belongs to it.
    fn end(&mut self, id: ConnectionId, end: End) {
        self.set_deadline(id, None);
        let Some(mut connection) = self.connections.remove(id) else {
            return;
        };
        // Otherwise the next connection with this id would have two turns.
        self.to_read.remove(id, &mut connection);
        self.broker.leave(&mut connection.client, end);
        connection.close();
        // Its descriptor can serve a client that could not be accepted before.
        self.to_accept |= self.retry_accept_at.take().is_some();
    }

    /// Tells every member that the server shuts down, and waits briefly for slow readers.
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

impl ToRead {
    /// Adds a connection unless it is queued already.
    fn push(&mut self, id: ConnectionId, connection: &mut Connection) {
        if connection.in_reading_queue {
            return;
        }
        connection.in_reading_queue = true;
        match connection.client.stage() {
            Stage::Member if !connection.is_closing => self.members.push_back(id),
            Stage::Member | Stage::Guest | Stage::Leaving => self.others.push_back(id),
        }
    }

    /// Removes a connection if it is queued.
    fn remove(&mut self, id: ConnectionId, connection: &mut Connection) {
        if std::mem::take(&mut connection.in_reading_queue) {
            self.members.retain(|queued| *queued != id);
            self.others.retain(|queued| *queued != id);
        }
    }
}

/// Shows an IPv4 client of an IPv6 socket by its IPv4 address.
fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => (ip, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => write!(f, "the client closed the connection"),
            End::Failed(error) => write!(f, "the connection failed: {error}"),
            End::DidNotRead => write!(f, "dropped: it stopped reading and everybody waited for it"),
            End::DidNotRegister => write!(f, "dropped: it did not register in time"),
            End::Finished => write!(f, "closed"),
        }
    }
}
