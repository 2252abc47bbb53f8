//! One client's socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::conformance::play::peer::is_in_progress;

/// Maximum length of a line, in bytes.
const MAX_LINE: usize = 64 << 10;
/// Room for one read behind the longest unfinished line.
pub const BUFFER_SIZE: usize = (64 << 10) + MAX_LINE;

/// A non-blocking socket, its unfinished line, and the bytes waiting to be sent.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    partial: Vec<u8>,
    outgoing: Vec<u8>,
    written: usize,
    is_closing: bool,
}

/// The result of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// There is no more input for now.
    Drained,
    /// There may be more input.
    More,
    /// The server closed the connection.
    Ended,
}

impl Connection {
    /// Starts connecting to the server. The poller reports when that is done.
    pub fn open(
        server: SocketAddr,
        own: Option<IpAddr>,
        token: Token,
        registry: &Registry,
    ) -> io::Result<Connection> {
        let socket = Socket::new(
            Domain::for_address(server),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(own) = own {
            socket.bind(&SocketAddr::new(own, 0).into())?;
        }
        match socket.connect(&server.into()) {
            Err(error) if !is_in_progress(&error) => return Err(error),
            _ => {}
        }
        let stream = TcpStream::from(socket);
        registry.register(
            &mut SourceFd(&stream.as_raw_fd()),
            token,
            Interest::READABLE | Interest::WRITABLE,
        )?;
        Ok(Connection {
            stream,
            partial: Vec::new(),
            outgoing: Vec::new(),
            written: 0,
            is_closing: false,
        })
    }

    /// Whether the connection is established.
    ///
    /// # Errors
    /// When connecting has failed.
    pub fn is_connected(&self) -> io::Result<bool> {
        match self.stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(self.stream.peer_addr().is_ok()),
        }
    }

    /// Number of bytes not sent yet.
    pub fn unsent(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// Number of lines not sent yet, or not in full.
    pub fn lines_waiting(&self) -> u64 {
        memchr::memchr_iter(b'\n', &self.outgoing[self.written..]).count() as u64
    }

    /// The bytes waiting to be sent. [`Connection::flush`] sends what is added here.
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing
    }

    /// Sends as much as the socket accepts. Returns whether that was everything.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.unsent() > 0 {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(taken) => self.written += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.free_sent_bytes();
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing.clear();
        self.written = 0;
        Ok(true)
    }

    /// Frees sent bytes: the buffer may never become empty.
    fn free_sent_bytes(&mut self) {
        const MOST: usize = 256 << 10;
        if self.written > MOST {
            self.outgoing.drain(..self.written);
            self.written = 0;
        }
    }

    /// The start of an unfinished line.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Stores the start of an unfinished line. Returns whether it is still within the maximum
    /// length.
    pub fn keep_partial(&mut self, beginning: &[u8]) -> bool {
        self.partial.extend_from_slice(beginning);
        self.partial.len() <= MAX_LINE
    }

    /// The poller has reported the end of the stream. From now on, only a read that finds nothing
    /// proves that everything was read.
    pub fn expect_end(&mut self) {
        self.is_closing = true;
    }

    /// Reads once, at most `most` bytes. Copies the unfinished line to the start of `buffer`, which
    /// has [`BUFFER_SIZE`] bytes, and returns the length of both together.
    pub fn read(&mut self, buffer: &mut [u8], most: usize) -> io::Result<(usize, Input)> {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        let most = most.min(buffer.len() - kept);
        let room = &mut buffer[kept..kept + most];
        match self.stream.read(room) {
            Ok(0) => Ok((0, Input::Ended)),
            Ok(count) => {
                self.partial.clear();
                // A short read drained the socket: an edge-triggered poller reports whatever
                // arrives later.
                let is_drained = count < room.len() && !self.is_closing;
                let input = if is_drained {
                    Input::Drained
                } else {
                    Input::More
                };
                Ok((kept + count, input))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok((0, Input::Drained)),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok((0, Input::More)),
            Err(error) => Err(error),
        }
    }
}
