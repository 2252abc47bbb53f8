//! The server without sockets and without a clock: what clients say goes in, what they are to get
//! comes out in their outboxes.

use super::backlog::Backlog;
use super::log::{Level, Log};
use super::outbox::{Outbox, Written};
use super::room::{Action, ConnectionId, Room};
use crate::protocol::{Line, LineSplitter, MAX_LINE, Message, Status};
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;

/// Knows who is registered, gathers what is to be relayed, round by round, and holds it until everybody has it.
pub struct Broker {
    room: Room,
    backlog: Backlog,
    log: Log,
}

/// One client, as far as bytes go.
#[derive(Debug)]
pub struct Client {
    id: ConnectionId,
    address: SocketAddr,
    lines: LineSplitter,
    outbox: Outbox,
    stage: Stage,
}

/// How far a client has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It has not registered yet.
    Guest,
    /// It is registered.
    Member,
    /// It was refused, or said goodbye: what it says no longer counts.
    Leaving,
}

impl Client {
    /// One that has just connected.
    pub fn new(id: ConnectionId, address: SocketAddr) -> Client {
        Client {
            id,
            address,
            lines: LineSplitter::default(),
            outbox: Outbox::default(),
            stage: Stage::Guest,
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    fn send(&mut self, message: Message<'_>) {
        self.outbox.push(format!("{message}\n").as_bytes());
    }
}

impl Broker {
    /// Nobody is registered, nothing is gathered.
    pub fn new(log: Log) -> Broker {
        let (room, backlog) = (Room::default(), Backlog::default());
        Broker { room, backlog, log }
    }

    /// Takes what a client said, in segments of any size. Within a round, all that one client says
    /// is taken before anything of the next.
    pub fn receive(&mut self, client: &mut Client, mut input: &[u8]) {
        let mut not_for_sender = self.backlog.gathered();
        let mut lines = std::mem::take(&mut client.lines);
        while client.stage != Stage::Leaving {
            let Some(line) = lines.next(&mut input) else {
                break;
            };
            let action = self.room.hear(client.id, line);
            self.log_line(client, line, &action);
            match action {
                Action::Relay(line) => self.backlog.relay(line),
                Action::Ignore(_) => {}
                Action::Welcome(_) => {
                    client.stage = Stage::Member;
                    client.send(Message::Status(Status::SUCCESSFUL));
                    client.outbox.enter(&mut self.backlog);
                    // What was said before is not for it either (S-MSG-3).
                    not_for_sender = 0;
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
        self.backlog.cut(client.id, not_for_sender);
    }

    /// How many bytes this round has gathered.
    pub fn gathered(&self) -> usize {
        self.backlog.gathered()
    }

    /// What is held for those who have not read it yet.
    pub fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// Ends the gathering of a round. Returns all who have something new to get: none where nothing was gathered.
    pub fn close_round(&mut self) -> impl Iterator<Item = ConnectionId> {
        let is_new = self.backlog.close_round();
        let members = is_new.then(|| self.room.members());
        members.into_iter().flatten()
    }

    /// Sends a client what waits for it, as much as the sink takes, its own words excepted (S-MSG-2).
    ///
    /// # Errors
    /// Where the sink fails for good.
    pub fn send(&mut self, client: &mut Client, sink: &mut impl Write) -> io::Result<Written> {
        client.outbox.write_to(sink, client.id, &mut self.backlog)
    }

    /// Nothing can be sent to this client any more, though it may still be heard.
    pub fn give_up_sending(&mut self, client: &mut Client) {
        client.outbox.discard(&mut self.backlog);
    }

    /// Everybody was sent what they take for now. What happened in this round is logged.
    pub fn end_round(&mut self) {
        self.backlog.shrink();
        self.log.flush();
    }

    /// A client is gone, for this reason; its name is free.
    pub fn leave(&mut self, client: &mut Client, why: impl fmt::Display) {
        client.outbox.discard(&mut self.backlog);
        let address = client.address;
        match self.room.leave(client.id) {
            Some(name) => self.note(Level::Room, format_args!("{name} left: {why}")),
            None => self.note(Level::Connections, format_args!("{address}: {why}")),
        }
    }

    /// The server ends: a member is told so (S-SHUT-1), and nobody is heard any more.
    pub fn dismiss(&mut self, client: &mut Client) {
        if self.room.leave(client.id).is_some() {
            client.outbox.close(&self.backlog);
            client.send(Message::Shutdown);
        }
        client.stage = Stage::Leaving;
    }

    /// Logs something that is not said in a line.
    pub fn note(&mut self, level: Level, line: fmt::Arguments<'_>) {
        self.log.note(level, line);
    }

    fn log_line(&mut self, client: &Client, line: Line<'_>, action: &Action<'_>) {
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

/// A line as the log shows it.
struct Shown<'a>(Line<'a>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Line::Whole(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Line::TooLong => write!(f, "(more than {MAX_LINE} bytes)"),
        }
    }
}
