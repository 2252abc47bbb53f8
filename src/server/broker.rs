//! The server without sockets and without a clock: it takes the bytes that clients send and fills
//! their outboxes.

use super::backlog::Backlog;
use super::log::{Level, Log};
use super::outbox::{Outbox, Written};
use super::room::{Action, ConnectionId, Room};
use crate::protocol::{Line, LineSplitter, MAX_LINE, Message, Status};
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;

/// Applies the rules of the room to what clients send, collects relayed lines in rounds, and keeps
/// them until every member has them.
pub struct Broker {
    room: Room,
    backlog: Backlog,
    log: Log,
}

/// One client: everything about it except its socket.
#[derive(Debug)]
pub struct Client {
    id: ConnectionId,
    address: SocketAddr,
    lines: LineSplitter,
    outbox: Outbox,
    stage: Stage,
}

/// The state of a client's conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has not registered yet.
    Guest,
    /// It is registered.
    Member,
    /// It was refused or has said goodbye. The server ignores what it sends.
    Leaving,
}

impl Client {
    /// A client that has just connected.
    pub fn new(id: ConnectionId, address: SocketAddr) -> Client {
        Client {
            id,
            address,
            lines: LineSplitter::default(),
            outbox: Outbox::default(),
            stage: Stage::Guest,
        }
    }

    /// The state of the client's conversation.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    fn send(&mut self, message: Message<'_>) {
        self.outbox.push(format!("{message}\n").as_bytes());
    }
}

impl Broker {
    /// A broker with an empty room and an empty backlog.
    pub fn new(log: Log) -> Broker {
        let (room, backlog) = (Room::default(), Backlog::default());
        Broker { room, backlog, log }
    }

    /// Takes bytes from a client, in segments of any size. Within a round, pass everything that one
    /// client sent before anything from the next client.
    pub fn receive(&mut self, client: &mut Client, mut input: &[u8]) {
        let mut excluded_from = self.backlog.gathered();
        let mut lines = std::mem::take(&mut client.lines);
        while client.stage != Stage::Leaving {
            let Some(line) = lines.next(&mut input) else {
                break;
            };
            let action = self.room.hear(client.id, line);
            self.log_client_line(client, line, &action);
            match action {
                Action::Relay(line) => self.backlog.relay(line),
                Action::Ignore(_) => {}
                Action::Welcome(_) => {
                    client.stage = Stage::Member;
                    client.send(Message::Status(Status::SUCCESSFUL));
                    client.outbox.enter(&mut self.backlog);
                    // Lines from before it registered are not for it either (S-MSG-3).
                    excluded_from = 0;
                }
                Action::Refuse(status) => {
                    client.stage = Stage::Leaving;
                    client.send(Message::Status(status));
                }
                Action::Release(_) => {
                    client.stage = Stage::Leaving;
                    client.outbox.close(&self.backlog);
                }
            }
        }
        client.lines = lines;
        self.backlog.exclude(client.id, excluded_from);
    }

    /// Number of bytes collected in this round.
    pub fn gathered(&self) -> usize {
        self.backlog.gathered()
    }

    /// Lines that some member has not read yet.
    pub fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// Closes the round. Returns the members with something new to read: none if the round is
    /// empty.
    pub fn close_round(&mut self) -> impl Iterator<Item = ConnectionId> {
        let is_new = self.backlog.close_round();
        let members = is_new.then(|| self.room.members());
        members.into_iter().flatten()
    }

    /// Writes a client's pending bytes to `sink`, as many as it accepts. They never include what
    /// the client sent itself (S-MSG-2).
    ///
    /// # Errors
    /// When the sink fails permanently.
    pub fn send(&mut self, client: &mut Client, sink: &mut impl Write) -> io::Result<Written> {
        client.outbox.write_to(sink, client.id, &mut self.backlog)
    }

    /// Drops the client's pending bytes: nothing can be sent to it any more. What it sends still
    /// counts.
    pub fn give_up_sending(&mut self, client: &mut Client) {
        client.outbox.discard(&mut self.backlog);
    }

    /// Ends a round after everybody was written to: frees memory and writes the log.
    pub fn end_round(&mut self) {
        self.backlog.shrink();
        self.log.flush();
    }

    /// Removes a client and frees its name; `why` is for the log.
    pub fn leave(&mut self, client: &mut Client, why: impl fmt::Display) {
        client.outbox.discard(&mut self.backlog);
        let address = client.address;
        match self.room.leave(client.id) {
            Some(name) => self.note(Level::Room, format_args!("{name} left: {why}")),
            None => self.note(Level::Connections, format_args!("{address}: {why}")),
        }
    }

    /// The server shuts down: tells a member so (S-SHUT-1), and ignores what the client sends from
    /// now on.
    pub fn dismiss(&mut self, client: &mut Client) {
        if self.room.leave(client.id).is_some() {
            client.outbox.close(&self.backlog);
            client.send(Message::Shutdown);
        }
        client.stage = Stage::Leaving;
    }

    /// Logs an event that is not a line from a client.
    pub fn note(&mut self, level: Level, line: fmt::Arguments<'_>) {
        self.log.note(level, line);
    }

    fn log_client_line(&mut self, client: &Client, line: Line<'_>, action: &Action<'_>) {
        let (line, address) = (Shown(line), client.address);
        let (room, log) = (&self.room, &mut self.log);
        let mut note = |line: fmt::Arguments<'_>| log.note(Level::Room, line);
        match action {
            Action::Relay(line) => note(format_args!("{line}")),
            Action::Welcome(name) => note(format_args!("{name} joined from {address}")),
            Action::Release(name) => note(format_args!("{name} left")),
            Action::Refuse(status) => note(format_args!("{address} refused, {status}: {line}")),
            Action::Ignore(why) => {
                let name = room.name(client.id).map_or("", |name| name.as_str());
                note(format_args!("{name} not relayed, {why}: {line}"));
            }
        }
    }
}

/// Formats a line for the log.
struct Shown<'a>(Line<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Line::Whole(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Line::TooLong => write!(f, "(more than {MAX_LINE} bytes)"),
        }
    }
}
