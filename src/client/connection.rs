//! The connection to the server: lines in, bytes out, without blocking.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use super::session::Event;
use crate::protocol::{Line, LineSplitter};

/// Maximum number of bytes in one read.
const READ_SIZE: usize = 64 * 1024;

/// A connected socket and the bytes waiting to be sent on it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    lines: LineSplitter,
    unsent: VecDeque<u8>,
    /// Whether writing has failed. Reading then reports when and why the connection ended, after
    /// everything that the server sent before.
    broken: bool,
}

impl Connection {
    /// Wraps a connected socket.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            lines: LineSplitter::default(),
            unsent: VecDeque::new(),
            broken: false,
        })
    }

    /// Queues bytes to send.
    pub fn send(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
    }

    /// Number of bytes not sent yet.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Whether to wait for free space in the socket's send buffer.
    pub fn wants_to_write(&self) -> bool {
        !self.unsent.is_empty() && !self.broken
    }

    /// Sends as much as the socket accepts. Returns whether it accepted anything.
    pub fn flush(&mut self) -> bool {
        let before = self.unsent.len();
        while self.wants_to_write() {
            match self.stream.write(self.unsent.as_slices().0) {
                Ok(taken) => drop(self.unsent.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.broken = true,
            }
        }
        self.unsent.len() < before
    }

    /// Reads once.
    pub fn receive(&mut self) -> Vec<Event> {
        let mut buffer = [0; READ_SIZE];
        match self.stream.read(&mut buffer) {
            Ok(0) => vec![Event::Closed(None)],
            Ok(length) => self.lines(&buffer[..length]),
            Err(error) if is_temporary(&error) => Vec::new(),
            Err(error) => vec![Event::Closed(Some(error.to_string()))],
        }
    }

    fn lines(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(line) = self.lines.next(&mut bytes) {
            events.push(match line {
                Line::Whole(line) => Event::Received(String::from_utf8_lossy(line).into_owned()),
                Line::TooLong => Event::EndlessLine,
            });
        }
        events
    }

    /// Tells the server that no more bytes will come.
    pub fn close_sending(&self) {
        // This fails if the connection has ended already. Reading reports that.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
