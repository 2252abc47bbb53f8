//! One client of the load: its role, its state and its connection.

use std::time::{Duration, Instant};

use super::connection::Connection;
use super::spec::ClientRole;

/// The state of a client's conversation with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// It is not connected.
    Away,
    /// It is connecting.
    Connecting,
    /// It has sent its registration.
    Registering,
    /// It is registered.
    Present,
    /// It said goodbye.
    Leaving,
    /// It is connected, but never registers.
    Lurking,
}

/// Something that a client will do at a planned time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlannedAction {
    /// It connects.
    Connect,
    /// It says goodbye.
    Leave,
    /// It closes its connection without a goodbye.
    Vanish,
    /// It stops reading.
    StopReading,
    /// It reads again.
    ReadOn,
    /// Its reading rate is limited, and it may read more now.
    ReadMore,
}

/// A client of the load.
#[derive(Debug)]
pub struct Client {
    /// What it does besides listening.
    pub role: ClientRole,
    /// The state of its conversation.
    pub state: ClientState,
    /// Its socket.
    pub connection: Option<Connection>,
    /// Number of its current connection. Actions planned for an earlier one are void.
    pub visit: u64,
    /// False while it has stopped reading.
    pub reads: bool,
    /// Whether it is in the queue of clients that may have input to read.
    pub in_reading_queue: bool,
    /// When it first tried to register since it last was registered.
    pub asks_since: Option<Instant>,
    /// When it said goodbye, as time since the load began.
    pub left_at: Duration,
    /// For each sender, how many messages everybody had heard when this client sent its
    /// registration.
    pub relayed: Vec<u64>,
    /// Bytes of messages it has heard, counting its own as heard.
    pub progress: u64,
    /// If its reading rate is limited: until when the bytes it has read use up the rate, as time
    /// since the load began.
    pub has_read_until: Option<Duration>,
    /// Whether a [`PlannedAction::ReadMore`] is planned.
    pub will_read_more: bool,
}

impl Client {
    /// A client that has not connected yet.
    pub fn new(role: ClientRole) -> Client {
        Client {
            role,
            state: ClientState::Away,
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
