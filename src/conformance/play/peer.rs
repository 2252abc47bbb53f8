//! One TCP connection that the harness holds in the role of an actor.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::conformance::play::inbox::Inbox;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How a connection ended, from the harness's point of view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The program closed it in an orderly way.
    Orderly,
    /// The program, or its system, reset it.
    Reset,
    /// It was never established.
    NotConnected(String),
}

/// The connection of an actor.
#[derive(Debug)]
pub struct Peer {
    /// The actor.
    pub actor: String,
    /// `None` after the harness closed it.
    stream: Option<TcpStream>,
    ends: Option<(SocketAddr, SocketAddr)>,
    is_connecting: bool,
    is_reading: bool,
    outbox: VecDeque<u8>,
    has_spoken: bool,
    /// What arrived and is not taken yet.
    inbox: Inbox,
    /// When something last arrived.
    heard_last: Instant,
    end: Option<End>,
}

/// Events of a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// It is established.
    Connected,
    /// These bytes arrived.
    Received(Vec<u8>),
    /// It has ended.
    Ended(End),
}

/// Receive buffer of an actor that does not read, in bytes.
const SMALL_BUFFER: usize = 4096;

impl Peer {
    /// Starts to connect to `address`; [`Peer::news`] reports when the connection is established.
    ///
    /// # Errors
    /// The system has no socket left.
    pub fn connect(
        actor: &str,
        address: SocketAddr,
        small_buffer: bool,
        inbox: Inbox,
    ) -> io::Result<Peer> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if small_buffer {
            socket.set_recv_buffer_size(SMALL_BUFFER)?;
        }
        let end = match socket.connect(&address.into()) {
            Err(error) if !is_in_progress(&error) => Some(End::NotConnected(error.to_string())),
            _ => None,
        };
        Ok(Peer {
            is_connecting: end.is_none(),
            end,
            ..Peer::new(actor, socket.into(), inbox)
        })
    }

    /// Takes a connection that the program opened.
    ///
    /// # Errors
    /// The socket's options cannot be set.
    pub fn accepted(actor: &str, stream: TcpStream, inbox: Inbox) -> io::Result<Peer> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Peer::new(actor, stream, inbox))
    }

    fn new(actor: &str, stream: TcpStream, inbox: Inbox) -> Peer {
        let peer = Peer {
            actor: actor.to_owned(),
            ends: ends_of(&stream),
            stream: Some(stream),
            is_connecting: false,
            is_reading: true,
            outbox: VecDeque::new(),
            has_spoken: false,
            inbox,
            heard_last: Instant::now(),
            end: None,
        };
        peer.acknowledge_at_once();
        peer
    }

    /// The descriptor to wait for, and whether for reading and for writing. `None` if there is nothing to wait for;
    /// otherwise a connection that was reset would be reported again and again.
    pub fn interest(&self) -> Option<(BorrowedFd<'_>, bool, bool)> {
        let stream = self.stream.as_ref().filter(|_| self.end.is_none())?;
        let writes = self.is_connecting || !self.outbox.is_empty();
        let reads = self.reads() && !self.is_connecting;
        (reads || writes).then(|| (stream.as_fd(), reads, writes))
    }

    /// All events so far, without waiting. Also sends what is queued.
    pub fn news(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        if self.is_connecting && !self.finish_connecting(&mut news) {
            return news;
        }
        self.send_on();
        if self.reads() && self.end.is_none() {
            self.read(&mut news);
        }
        news
    }

    /// Whether to read from the system. A program that floods has to wait until some of its output has been handled.
    fn reads(&self) -> bool {
        self.is_reading && !self.inbox.is_full()
    }

    fn finish_connecting(&mut self, news: &mut Vec<News>) -> bool {
        let Some(stream) = &self.stream else {
            return false;
        };
        match stream.take_error() {
            Ok(None) if stream.peer_addr().is_ok() => {
                self.is_connecting = false;
                self.ends = ends_of(stream);
                news.push(News::Connected);
            }
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                self.is_connecting = false;
                let end = End::NotConnected(error.to_string());
                self.end = Some(end.clone());
                news.push(News::Ended(end));
            }
        }
        !self.is_connecting && self.end.is_none()
    }

    fn read(&mut self, news: &mut Vec<News>) {
        /// Maximum number of bytes for each call, so that one actor does not keep the others waiting.
        const SHARE: usize = 1 << 20;
        let mut received = Vec::new();
        let mut chunk = [0; 64 * 1024];
        let end = loop {
            let Some(stream) = &mut self.stream else {
                break None;
            };
            match stream.read(&mut chunk) {
                Ok(0) => break Some(End::Orderly),
                Ok(length) => {
                    self.inbox.receive(&chunk[..length]);
                    received.extend_from_slice(&chunk[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
                Err(_) => break Some(End::Reset),
            }
            if received.len() >= SHARE || self.inbox.is_full() {
                break None;
            }
        };
        if !received.is_empty() {
            self.acknowledge_at_once();
            self.heard_last = Instant::now();
            news.push(News::Received(received));
        }
        if let Some(end) = end {
            self.end = Some(end.clone());
            news.push(News::Ended(end));
        }
    }

    /// Acknowledges at once: a program that writes a message in two parts waits for the first acknowledgement, which
    /// systems delay by some 40 ms. The system resets this option by itself.
    fn acknowledge_at_once(&self) {
        #[cfg(target_os = "linux")]
        if let Some(stream) = &self.stream {
            let _ = rustix::net::sockopt::set_tcp_quickack(stream, true);
        }
    }

    /// Sends `bytes`, or queues what the system does not accept now.
    pub fn send(&mut self, bytes: &[u8]) {
        self.outbox.extend(bytes);
        self.has_spoken = true;
        self.send_on();
    }

    /// Whether anything was sent so far.
    pub fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    fn send_on(&mut self) {
        while !self.outbox.is_empty() && !self.is_connecting {
            let Some(stream) = self.stream.as_mut().filter(|_| self.end.is_none()) else {
                return;
            };
            let (bytes, _) = self.outbox.as_slices();
            match stream.write(bytes) {
                Ok(taken) => drop(self.outbox.drain(..taken)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A broken connection is reported by a read, after the last bytes that arrived.
                Err(_) => return,
            }
        }
    }

    /// Whether the system has accepted everything that was to be sent.
    pub fn has_sent_all(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether the connection is still being established.
    pub fn is_connecting(&self) -> bool {
        self.is_connecting
    }

    /// How the program ended the connection, if it did.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Whether both sides can still send.
    pub fn is_open(&self) -> bool {
        self.stream.is_some() && self.end.is_none()
    }

    /// Whether the harness closed it.
    pub fn is_closed(&self) -> bool {
        self.stream.is_none()
    }

    /// The program's address and the harness's.
    pub fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.ends.filter(|_| self.is_open())
    }

    /// What arrived and is not taken yet.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// The same, mutable.
    pub fn inbox_mut(&mut self) -> &mut Inbox {
        &mut self.inbox
    }

    /// Time since something last arrived.
    pub fn quiet_for(&self) -> Duration {
        self.heard_last.elapsed()
    }

    /// From now on, leaves what arrives in the system's buffer.
    pub fn stop_reading(&mut self) {
        self.is_reading = false;
    }

    /// Ends the sending side; the program sees the end of the connection.
    pub fn finish_sending(&mut self) {
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(std::net::Shutdown::Write);
        }
    }

    /// Closes the connection. It is orderly only if everything that arrived was read before.
    pub fn close(&mut self) {
        self.stream = None;
    }

    /// Closes the connection with a reset.
    pub fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            // If this fails, the connection is gone already.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// The program's address and the harness's.
fn ends_of(stream: &TcpStream) -> Option<(SocketAddr, SocketAddr)> {
    Some((stream.peer_addr().ok()?, stream.local_addr().ok()?))
}

/// Whether a connection attempt is under way.
pub fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}
