//! One client's socket.

use super::broker::{Broker, Client};
use super::patience::{Patience, Taking};
use super::room::ConnectionId;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Instant;

/// A socket, and the client behind it.
#[derive(Debug)]
pub struct Connection {
    /// The client, as far as bytes go.
    pub client: Client,
    /// When it has to have registered, or to be gone.
    pub deadline: Option<Instant>,
    /// Whether it is in one of the queues of those that may have something to read.
    pub in_reading_queue: bool,
    /// Whether the poller has told of an end: only a read that finds nothing shows when all is read.
    pub is_closing: bool,
    /// Whether the client has closed its side.
    pub input_ended: bool,
    /// Whether the system took no more, and has not called since.
    pub blocked: bool,
    /// How it takes what is sent to it.
    pub taking: Taking,
    /// Whether nothing can be sent any more, though there may be something to read.
    output_failed: bool,
    stream: TcpStream,
}

/// What a read has come to.
pub enum Input {
    /// There is nothing more for now.
    Drained,
    /// There may be more.
    More,
    /// The client has closed its side.
    Ended,
}

impl Connection {
    /// A connection that the poller watches for something to read.
    pub fn new(
        stream: TcpStream,
        address: SocketAddr,
        id: ConnectionId,
        registry: &Registry,
    ) -> io::Result<Connection> {
        stream.set_nonblocking(true)?;
        // Each write is all that there is to say, so there is nothing to wait for.
        stream.set_nodelay(true)?;
        // The poller tells of changes only, so that space may be watched for always.
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&stream.as_raw_fd()), Token(id.0), interest)?;
        Ok(Connection {
            client: Client::new(id, address),
            deadline: None,
            in_reading_queue: false,
            is_closing: false,
            input_ended: false,
            blocked: false,
            taking: Taking::default(),
            output_failed: false,
            stream,
        })
    }

    /// Gives the broker what there is to read, as much as the buffer holds.
    pub fn read(&mut self, broker: &mut Broker, buffer: &mut [u8]) -> io::Result<Input> {
        match self.stream.read(buffer) {
            Ok(0) => Ok(Input::Ended),
            Ok(count) => {
                broker.receive(&mut self.client, &buffer[..count]);
                // Less than there was room for was all; a poller that tells of changes tells of what comes from then on.
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

    /// Writes what waits, as far as there is space. Returns whether nothing waits any more.
    ///
    /// # Errors
    /// Where nothing can be sent any more.
    pub fn write(&mut self, broker: &mut Broker, patience: &mut Patience) -> io::Result<bool> {
        if self.blocked || self.output_failed {
            return Ok(self.output_failed);
        }
        let written = broker.send(&mut self.client, &mut self.stream)?;
        patience.wrote(&mut self.taking, written.taken > 0, written.is_all);
        self.blocked = !written.is_all;
        Ok(written.is_all)
    }

    /// Nothing can be sent any more. What was received before is still read.
    pub fn give_up_writing(&mut self, broker: &mut Broker) {
        self.output_failed = true;
        self.is_closing = true;
        broker.give_up_sending(&mut self.client);
    }

    /// Closes our side: the client reads to the end of what was sent, then the end.
    pub fn close_output(&self) {
        // It fails where the connection is gone already, and then there is nothing to close.
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Closes the socket. What is here and unread is read first: closing would answer it by a
    /// reset, and a reset can destroy what the client has yet to read.
    pub fn close(mut self) {
        self.close_output();
        let mut unread = [0; 4096];
        let mut reads = 0..64;
        while reads.next().is_some() && matches!(self.stream.read(&mut unread), Ok(1..)) {}
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

    /// All that there are.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnectionId, &mut Connection)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(index, slot)| Some((ConnectionId(index), slot.as_mut()?)))
    }
}
