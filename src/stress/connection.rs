//! One client's socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::conformance::play::peer::is_in_progress;

/// A line that has no end after so many bytes is none.
const LONGEST_LINE: usize = 64 << 10;
/// Room for a read, and for the longest line that may be unfinished before it.
pub const BUFFER_SIZE: usize = (64 << 10) + LONGEST_LINE;

/// A socket that does not block, its unfinished line, and what it has yet to say.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    partial: Vec<u8>,
    outgoing: Vec<u8>,
    written: usize,
    is_closing: bool,
}

/// What a read has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// There is nothing more for now.
    Drained,
    /// There may be more.
    More,
    /// The server closed the connection.
    Ended,
}

impl Connection {
    /// Begins to connect to the server; the poller says when that is done.
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

    /// Whether it is connected by now.
    ///
    /// # Errors
    /// Where it never will be.
    pub fn is_connected(&self) -> io::Result<bool> {
        match self.stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(self.stream.peer_addr().is_ok()),
        }
    }

    /// How much has yet to be written.
    pub fn waits(&self) -> usize {
        self.outgoing.len() - self.written
    }

    /// How many lines have yet to be written, or to be written to their end.
    pub fn lines_waiting(&self) -> u64 {
        memchr::memchr_iter(b'\n', &self.outgoing[self.written..]).count() as u64
    }

    /// What is added here is written by [`Connection::flush`].
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing
    }

    /// Writes what waits, as much as is taken; whether that was all.
    pub fn flush(&mut self) -> io::Result<bool> {
        while self.waits() > 0 {
            match self.stream.write(&self.outgoing[self.written..]) {
                Ok(taken) => self.written += taken,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.let_go_of_written();
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

    /// Or it would all be kept while some always waits.
    fn let_go_of_written(&mut self) {
        const MOST: usize = 256 << 10;
        if self.written > MOST {
            self.outgoing.drain(..self.written);
            self.written = 0;
        }
    }

    /// The line that has no end yet.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    /// Keeps the beginning of a line, until its end comes; whether that may still be one.
    pub fn keep_partial(&mut self, beginning: &[u8]) -> bool {
        self.partial.extend_from_slice(beginning);
        self.partial.len() <= LONGEST_LINE
    }

    /// The poller has told that the server closed its side: only a read that finds nothing shows when all is read.
    pub fn expect_end(&mut self) {
        self.is_closing = true;
    }

    /// Reads once, at most `most` bytes, behind the line that had no end; how much of `buffer`, which has
    /// [`BUFFER_SIZE`], is filled by both.
    pub fn read(&mut self, buffer: &mut [u8], most: usize) -> io::Result<(usize, Input)> {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        let most = most.min(buffer.len() - kept);
        let room = &mut buffer[kept..kept + most];
        match self.stream.read(room) {
            Ok(0) => Ok((0, Input::Ended)),
            Ok(count) => {
                self.partial.clear();
                // Less than there was room for was all, and what comes from then on is told of anew: so it is with
                // pollers that tell of changes.
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
