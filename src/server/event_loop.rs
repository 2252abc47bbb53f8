//! The shell: waits, reads, writes. One wake-up is one round:
//!
//! 1. read from everyone who has something to say, a fair share each; from members only while the backlog has
//!    room for what they say;
//! 2. write to everyone for whom there is something new, or new space, once;
//! 3. end what has waited too long, drop members that hold up everybody, accept who is new.
//!
//! Ids of connections that end in a round are given away at its very end, so that within a round
//! an id means one connection.

use super::broker::{Broker, Stage};
use super::connection::{Connection, Connections, Input};
use super::log::{Level, Log};
use super::patience::{LONGEST_WAIT, Patience};
use super::room::ConnectionId;
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

/// What is read at a time: a fair share, before the others have their turn.
const READ_SIZE: usize = 256 << 10;
/// What is read at a time at least, however many have something to say.
const SMALLEST_SHARE: usize = 16 << 10;
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

/// The poller tells of free space only when about a third of the send buffer is free. Members for whom everybody has
/// waited this long are written to without that.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);

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
    to_read: ToRead,
    patience: Patience,
    /// Those whose outbox has something new, or new space, or whose stage is new.
    to_write: Vec<ConnectionId>,
    /// Whether there may be somebody to accept; told once, too.
    to_accept: bool,
    /// Set while accepting fails for want of descriptors or memory: when to try again.
    accept_again: Option<Instant>,
    /// That accepting fails has been said.
    said_full: bool,
}

/// Connections that may have something to read.
#[derive(Debug, Default)]
struct ToRead {
    /// Members. They are not read while there is no room for what they say.
    members: VecDeque<ConnectionId>,
    /// Those who are not registered, and members whose connection ends: their names are to be free soon.
    others: VecDeque<ConnectionId>,
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
            patience: Patience::default(),
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
            self.to_write.extend(self.broker.close_round());
            self.write_round();
            self.expire();
            self.drop_those_who_hold_up_everybody();
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
        let next = deadline.into_iter().chain(self.accept_again).min();
        let next = next.map(|next| next.saturating_duration_since(Instant::now()));
        next.into_iter()
            .chain(is_full.then_some(LONGEST_WAIT))
            .min()
    }

    /// Waits until something happens, and notes what; says whether it is time to stop.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let begun = Instant::now();
        match self.poll.poll(events, timeout) {
            // A signal that is not ours: nothing has happened.
            Err(error) if error.kind() == ErrorKind::Interrupted => events.clear(),
            result => result?,
        }
        self.now = Instant::now();
        self.patience.waited(self.now - begun);
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
            // From now on it is read even while the backlog is full.
            self.to_read.remove(id, connection);
        }
        if has_input {
            self.to_read.push(id, connection);
        }
    }

    fn read_round(&mut self, buffer: &mut [u8]) {
        // Somebody who registers now is a member, and has had a turn in this round already.
        let members = self.to_read.members.len();
        let backlog = self.broker.backlog();
        // While members wait, the others have only as much read as a registration needs.
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
        // Where there is little room, turns are short, so that nobody waits long for one: to say goodbye, say.
        let share = if self.broker.backlog().is_half_full() {
            (buffer.len() / members.max(1)).max(SMALLEST_SHARE)
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
        match connection.write(&mut self.broker, &mut self.patience) {
            Ok(true) if stage == Stage::Leaving => match connection.input_ended {
                true => self.end(id, End::Finished),
                false => connection.close_output(),
            },
            Ok(_) => {}
            // A member may have said something before its connection was lost.
            Err(_) if stage == Stage::Member => {
                self.to_read.remove(id, connection);
                connection.give_up_writing(&mut self.broker);
                self.to_read.push(id, connection);
            }
            Err(error) => self.end(id, End::Failed(error)),
        }
    }

    /// While the backlog is full, members are not read. Whoever takes nothing for a second of that time is dropped;
    /// whoever takes something, however little, is waited for.
    fn drop_those_who_hold_up_everybody(&mut self) {
        let backlog = self.broker.backlog();
        let (is_full, is_half_full) = (backlog.is_full(), backlog.is_half_full());
        if !self.patience.is_look_due(is_full, is_half_full) {
            return;
        }
        let blocked = self.connections.iter_mut();
        let blocked = blocked.filter(|(_, connection)| {
            connection.blocked && self.patience.pause(&connection.taking) >= TRY_AGAIN_AFTER
        });
        for (id, connection) in blocked {
            connection.blocked = false;
            self.to_write.push(id);
        }
        let tried = self.to_write.clone();
        self.write_round();
        for id in tried {
            let is_stuck = |connection: &mut Connection| {
                connection.blocked && self.patience.is_out(&connection.taking)
            };
            if self.connections.find(id).is_some_and(is_stuck) {
                // What it has said and nobody has read is lost with it.
                self.end(id, End::DidNotRead);
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
        let Some(mut connection) = self.connections.remove(id) else {
            return;
        };
        // Or whoever is given its id would have two turns.
        self.to_read.remove(id, &mut connection);
        self.broker.leave(&mut connection.client, end);
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

impl ToRead {
    /// Adds a connection, unless it is here already.
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

    /// Takes a connection out, if it is here.
    fn remove(&mut self, id: ConnectionId, connection: &mut Connection) {
        if std::mem::take(&mut connection.in_reading_queue) {
            self.members.retain(|queued| *queued != id);
            self.others.retain(|queued| *queued != id);
        }
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
            End::DidNotRead => write!(
                f,
                "dropped, since it read nothing while everybody waited for it"
            ),
            End::DidNotRegister => write!(f, "dropped, since it does not register"),
            End::Finished => write!(f, "closed"),
        }
    }
}
