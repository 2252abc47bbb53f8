//! One client's socket, the lines that come from it, and what waits to be written to it.

use super::outbox::{Outbox, Written};
use super::room::ConnectionId;
use crate::protocol::LineSplitter;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, Read};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::time::Instant;

/// A connection, registered or not.
#[derive(Debug)]
pub struct Connection {
    /// The socket.
    pub stream: TcpStream,
    /// The lines that come in.
    pub lines: LineSplitter,
    /// What waits to go out.
    pub outbox: Outbox,
    /// Whether it is being closed, and how far that has come.
    pub stage: Stage,
    /// When it has to have registered, or to be gone.
    pub deadline: Option<Instant>,
    /// Whether it is in the queue of those that may have something to read.
    pub in_reading_queue: bool,
    /// Whether the system took no more, and has not called since.
    pub blocked: bool,
    /// Whether the system has been asked to call when it takes more.
    watches_for_space: bool,
}

/// How a connection ends without losing what was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is open.
    Open,
    /// What comes in no longer counts. When the outbox is empty our side is closed, and when the
    /// client's side is closed too, the socket is: closing it while something is unread would reset
    /// the connection, and a reset can destroy an answer that the client has not read yet.
    Closing {
        /// The client has closed its side, or need not be waited for.
        input_ended: bool,
    },
}

impl Connection {
    /// A connection that the poller watches for something to read.
    pub fn new(mut stream: TcpStream, id: ConnectionId, registry: &Registry) -> io::Result<Self> {
        // Each write is all that there is to say, so there is nothing to wait for.
        stream.set_nodelay(true)?;
        registry.register(&mut stream, Token(id.0), Interest::READABLE)?;
        Ok(Connection {
            stream,
            lines: LineSplitter::default(),
            outbox: Outbox::default(),
            stage: Stage::Open,
            deadline: None,
            in_reading_queue: false,
            blocked: false,
            watches_for_space: false,
        })
    }

    /// Writes what waits; watches for space only while something is left (the poller is
    /// edge-triggered, and says at once if there is space again already).
    pub fn write(&mut self, id: ConnectionId, registry: &Registry) -> io::Result<()> {
        if self.blocked {
            return Ok(());
        }
        self.blocked = self.outbox.write_to(&mut self.stream)? == Written::Part;
        if self.blocked != self.watches_for_space {
            let interest = match self.blocked {
                true => Interest::READABLE | Interest::WRITABLE,
                false => Interest::READABLE,
            };
            registry.reregister(&mut self.stream, Token(id.0), interest)?;
            self.watches_for_space = self.blocked;
        }
        Ok(())
    }

    /// Closes our side: the client reads to the end of what was sent, then the end.
    pub fn close_output(&mut self) {
        // It fails where the connection is gone already, and then there is nothing to close.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the socket. What is unread is read first, as far as it is here already, so that the
    /// connection does not end by a reset.
    pub fn finish(mut self) {
        self.close_output();
        let mut unread = [0; 4096];
        for _ in 0..64 {
            if !matches!(self.stream.read(&mut unread), Ok(1..)) {
                return;
            }
        }
    }

    /// Who it is, for the log.
    pub fn peer(&self) -> String {
        match self.stream.peer_addr() {
            Ok(address) => plain(address).to_string(),
            Err(_) => "a connection that is gone".to_owned(),
        }
    }
}

/// IPv4 as IPv4, not as IPv6 shows it.
pub fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}

/// All connections, by id. An id that has become free is given to the next.
#[derive(Debug, Default)]
pub struct Connections {
    slots: Vec<Option<Connection>>,
    free: Vec<ConnectionId>,
}

impl Connections {
    /// The id that the next one inserted will have.
    pub fn next_id(&self) -> ConnectionId {
        self.free
            .last()
            .copied()
            .unwrap_or(ConnectionId(self.slots.len()))
    }

    /// Adds a connection under [`Connections::next_id`].
    pub fn insert(&mut self, connection: Connection) -> &mut Connection {
        let id = self.next_id();
        if self.free.pop().is_none() {
            self.slots.push(None);
        }
        self.slots[id.0].insert(connection)
    }

    /// A connection, if it is still there.
    pub fn find(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(id.0)?.as_mut()
    }

    /// Takes a connection out.
    pub fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.slots.get_mut(id.0)?.take()?;
        self.free.push(id);
        Some(connection)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The ids of all.
    pub fn ids(&self) -> Vec<ConnectionId> {
        let taken = |index: &usize| self.slots[*index].is_some();
        (0..self.slots.len())
            .filter(taken)
            .map(ConnectionId)
            .collect()
    }
}
