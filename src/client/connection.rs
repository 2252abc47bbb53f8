//! The connection to the server: lines in, bytes out, and never waiting for either.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};

use super::session::Event;
use crate::protocol::{Line, LineSplitter};

/// How much is read at once.
const READ_SIZE: usize = 64 * 1024;

/// A connected socket, and what waits to be sent on it.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    lines: LineSplitter,
    unsent: VecDeque<u8>,
    /// Whether the socket takes nothing more. Reading tells when and why the connection ended,
    /// after all that the server had said before.
    broken: bool,
}

impl Connection {
    /// Takes over a connected socket.
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

    /// Appends bytes to what is to be sent.
    pub fn send(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
    }

    /// How many bytes are still to be sent.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Whether it is worth waiting until the socket takes more.
    pub fn wants_to_write(&self) -> bool {
        !self.unsent.is_empty() && !self.broken
    }

    /// Sends what the socket takes; whether it took anything.
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

    /// Reads once, what there is.
    pub fn receive(&mut self) -> Vec<Event> {
        let mut buffer = [0; READ_SIZE];
        match self.stream.read(&mut buffer) {
            Ok(0) => vec![Event::Closed(None)],
            Ok(length) => self.lines(&buffer[..length]),
            Err(error) if is_passing(&error) => Vec::new(),
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

    /// Tells the server that nothing more will come.
    pub fn close_sending(&self) {
        // It fails where the connection has ended by itself, which reading will tell.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
