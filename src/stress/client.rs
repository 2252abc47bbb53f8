//! One client: its part, where it stands, and its connection.

use std::time::{Duration, Instant};

use super::connection::Connection;
use super::shape::Part;

/// Where a client stands with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is not connected.
    Away,
    /// Its connection is being made.
    Connecting,
    /// It asked to be registered.
    Registering,
    /// It is registered.
    Present,
    /// It said goodbye.
    Leaving,
    /// It is connected, and does not register.
    Lurking,
}

/// What a client is about to do at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It connects.
    Come,
    /// It says goodbye.
    Leave,
    /// It closes its connection without a word.
    Vanish,
    /// It stops reading.
    StopReading,
    /// It reads on.
    ReadOn,
    /// It is slowed to a rate, and reads as much as that allows by now.
    ReadMore,
}

/// A client of the load.
#[derive(Debug)]
pub struct Client {
    /// What it does besides listening.
    pub part: Part,
    /// Where it stands.
    pub standing: Standing,
    /// Its socket.
    pub connection: Option<Connection>,
    /// Which of its connections this is: a turn that was planned for an earlier one is void.
    pub visit: u64,
    /// False while it does not read.
    pub reads: bool,
    /// Whether it is in the queue of those that may have something to read.
    pub in_reading_queue: bool,
    /// When it first asked for its name since it last had it.
    pub asks_since: Option<Instant>,
    /// When it said goodbye, since the load began.
    pub left_at: Duration,
    /// How many messages of each sender all had heard when it asked to be registered.
    pub relayed: Vec<u64>,
    /// How many bytes of messages it heard, its own counted as heard.
    pub progress: u64,
    /// When it is slowed to a rate: until when what it has read already takes, since the load began.
    pub has_read_until: Option<Duration>,
    /// Whether a turn to read more is planned.
    pub will_read_more: bool,
}

impl Client {
    /// One that has not come yet.
    pub fn new(part: Part) -> Client {
        Client {
            part,
            standing: Standing::Away,
            connection: None,
            visit: 0,
            reads: true,
            in_reading_queue: false,
            asks_since: None,
            left_at: Duration::ZERO,
            relayed: Vec::new(),
            progress: 0,
            has_read_until: None,
            will_read_more: false,
        }
    }
}
