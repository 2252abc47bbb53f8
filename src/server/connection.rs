//! One client's socket.

use super::broker::{Broker, Client};
use super::room::ConnectionId;
use super::stall::{ReadingPace, StallDetector};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Instant;

/// A socket and the client behind it.
#[derive(Debug)]
pub struct Connection {
    /// The client: everything except the socket.
    pub client: Client,
    /// When the server closes it unless it has registered, or has closed its side, by then.
    pub deadline: Option<Instant>,
    /// Whether it is in one of the queues of connections to read from.
    pub in_reading_queue: bool,
    /// Whether the poller has reported the end of the stream or an error. From then on, only a read
    /// that finds nothing proves that everything was read.
    pub is_closing: bool,
    /// Whether the client has closed its side.
    pub input_ended: bool,
    /// Whether the socket's send buffer was full, and the poller has not reported free space since.
    pub blocked: bool,
    /// How fast it reads what the server sends.
    pub pace: ReadingPace,
    /// Whether writing has failed. There may still be input to read.
    output_failed: bool,
    stream: TcpStream,
}

/// The result of a read.
pub enum Input {
    /// There is no more input for now.
    Drained,
    /// There may be more input.
    More,
    /// The client has closed its side.
    Ended,
}

impl Connection {
    /// Registers a socket with the poller.
    pub fn new(
        stream: TcpStream,
        address: SocketAddr,
        id: ConnectionId,
        registry: &Registry,
    ) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        // Each write carries everything there is to send, so delaying it gains nothing.
        stream.set_nodelay(true)?;
        // The poller is edge-triggered, so it can watch for free space all the time.
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&stream.as_raw_fd()), Token(id.0), interest)?;
        Ok(Connection {
            client: Client::new(id, address),
            deadline: None,
            in_reading_queue: false,
            is_closing: false,
            input_ended: false,
            blocked: false,
            pace: ReadingPace::default(),
            output_failed: false,
            stream,
        })
    }

    /// Reads up to a buffer's worth of input and passes it to the broker.
    pub fn read(&mut self, broker: &mut Broker, buffer: &mut [u8]) -> io::Result<Input> {
        match self.stream.read(buffer) {
            Ok(0) => Ok(Input::Ended),
            Ok(count) => {
                broker.receive(&mut self.client, &buffer[..count]);
                // A short read drained the socket: an edge-triggered poller reports whatever
                // arrives later.
                let is_drained = count < buffer.len() && !self.is_closing;
                Ok(if is_drained {
                    Input::Drained
                } else {
                    Input::More
                })
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Input::Drained),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Input::More),
            Err(error) => Err(error),
        }
    }

    /// Writes pending bytes as far as there is space. Returns whether none are left.
    ///
    /// # Errors
    /// When nothing can be sent any more.
    pub fn write(&mut self, broker: &mut Broker, stalls: &mut StallDetector) -> io::Result<bool> {
        if self.blocked || self.output_failed {
            return Ok(self.output_failed);
        }
        let written = broker.send(&mut self.client, &mut self.stream)?;
        stalls.wrote(&mut self.pace, written.taken > 0, written.is_all);
        self.blocked = !written.is_all;
        Ok(written.is_all)
    }

    /// Stops writing after a failure. Input that arrived before is still read.
    pub fn give_up_writing(&mut self, broker: &mut Broker) {
        self.output_failed = true;
        self.is_closing = true;
        broker.give_up_sending(&mut self.client);
    }

    /// Closes our side. The client reads the rest of what was sent, then the end of the stream.
    pub fn close_output(&self) {
        // This fails only if the connection is gone, and then there is nothing to close.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the socket. It reads pending input first: closing a socket with unread input sends a
    /// reset, and a reset can destroy data that the client has yet to read.
    pub fn close(mut self) {
        self.close_output();
        let mut unread = [0; 4096];
        let mut reads = 0..64;
        while reads.next().is_some() && matches!(self.stream.read(&mut unread), Ok(1..)) {}
    }
}

/// All connections, by id. A free id is given to the next connection.
#[derive(Debug, Default)]
pub struct Connections {
    slots: Vec<Option<Connection>>,
    free: Vec<ConnectionId>,
}

impl Connections {
    /// The id that the next inserted connection will get.
    pub fn next_id(&self) -> ConnectionId {
        let unused = ConnectionId(self.slots.len());
        self.free.last().copied().unwrap_or(unused)
    }

    /// Adds a connection under [`Connections::next_id`].
    pub fn insert(&mut self, connection: Connection) {
        match self.free.pop() {
            Some(id) => self.slots[id.0] = Some(connection),
            None => self.slots.push(Some(connection)),
        }
    }

    /// The connection with this id, if it is still open.
    pub fn find(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.slots.get_mut(id.0)?.as_mut()
    }

    /// Removes a connection and frees its id.
    pub fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.slots.get_mut(id.0)?.take()?;
        self.free.push(id);
        Some(connection)
    }

    /// Number of connections.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// All connections with their ids.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnectionId, &mut Connection)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(index, slot)| Some((ConnectionId(index), slot.as_mut()?)))
    }
}
