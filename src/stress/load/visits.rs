//! Which clients come, go or stop reading, and when.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use mio::Token;

use super::super::client::{ClientState, PlannedAction};
use super::super::connection::Connection;
use super::super::error::LoadError;
use super::super::message::{Message, name};
use super::super::spec::ClientRole;
use super::super::witness::{Kind, Witness};
use super::{Load, Phase};

/// Maximum number of connections from one address: well below the number of ports.
const FROM_ONE_ADDRESS: usize = 20_000;

/// Clients with a limited reading rate read about as much at a time as the rate allows in this
/// time.
const READ_AT_A_TIME: Duration = Duration::from_millis(20);

impl Load<'_> {
    pub(super) fn connect(&mut self, client: usize) -> Result<(), LoadError> {
        let own = self.own_address(client);
        let address = self.setting.address;
        let connection = Connection::open(address, own, Token(client), self.poll.registry())
            .map_err(|why| LoadError::Generator(format!("cannot connect to {address}: {why}")))?;
        self.arriving += 1;
        let coming = &mut self.clients[client];
        coming.connection = Some(connection);
        coming.state = ClientState::Connecting;
        coming.visit += 1;
        coming.reads = true;
        coming.will_read_more = false;
        coming.asks_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// If there are more connections than ports, further ones come from other addresses.
    fn own_address(&self, client: usize) -> Option<IpAddr> {
        let further = u8::try_from(client / FROM_ONE_ADDRESS)
            .ok()
            .filter(|further| *further > 0)?;
        let is_here = self.setting.address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST);
        is_here.then(|| Ipv4Addr::new(127, 0, 0, 1 + further).into())
    }

    pub(super) fn is_connected(&mut self, client: usize) {
        let Some(connection) = &self.clients[client].connection else {
            return;
        };
        match connection.is_connected() {
            Ok(true) => {}
            Ok(false) => return,
            Err(_) => return self.handle_end(client),
        }
        if client >= self.setting.spec.clients {
            self.arriving -= 1;
            self.clients[client].state = ClientState::Lurking;
            return;
        }
        self.clients[client].state = ClientState::Registering;
        self.clients[client].relayed = self.relayed.clone();
        let registration = format!("REGISTER {} CHAT/1.0\n", name(client));
        self.say(client, registration.as_bytes());
    }

    /// Checks now and then how many messages of each sender everybody has heard. If everybody had
    /// heard a message a second ago, no server is still relaying it.
    pub(super) fn check_progress(&mut self) {
        const PAUSE: Duration = Duration::from_secs(1);
        if self.relayed_at.elapsed() < PAUSE || self.phase != Phase::Talking {
            return;
        }
        self.relayed_at = Instant::now();
        let mut heard: Vec<Option<u64>> = vec![None; self.setting.spec.senders];
        for (index, client) in self.clients.iter().enumerate() {
            if matches!(client.state, ClientState::Present | ClientState::Leaving) {
                for (sender, number) in self.witness.heard(index).enumerate() {
                    if sender != index {
                        let least = heard[sender].map_or(number, |least| least.min(number));
                        heard[sender] = Some(least);
                    }
                }
            }
        }
        let heard = heard.into_iter().map(Option::unwrap_or_default).collect();
        self.relayed = std::mem::replace(&mut self.relayed_next, heard);
    }

    pub(super) fn handle_answer(&mut self, client: usize, at: Duration, line: &[u8]) {
        if Witness::claims_to_be_message(line) {
            return self.heard_early(client, at, line);
        }
        if !line.first().is_some_and(u8::is_ascii_digit) {
            self.visits.notices += 1;
            return;
        }
        if !line.starts_with(b"200") {
            return self.handle_refusal(client, line);
        }
        self.arriving -= 1;
        self.registered += 1;
        let arrived = &mut self.clients[client];
        arrived.state = ClientState::Present;
        arrived.asks_since = None;
        arrived.progress = self.sent.bytes;
        if arrived.visit > 1 {
            self.visits.came_back += 1;
        }
        let relayed = std::mem::take(&mut arrived.relayed);
        self.witness.registered(client, &relayed, &self.numbers);
        if self.phase == Phase::Talking {
            self.plan_next(client);
        }
    }

    /// A server may register a client shortly before it answers. Messages sent in between are for
    /// that client.
    fn heard_early(&mut self, client: usize, at: Duration, line: &[u8]) {
        let relayed = &self.clients[client].relayed;
        let message = Message::read(line, self.setting.spec.size);
        let is_new = |message: Message| {
            relayed
                .get(message.sender)
                .is_some_and(|relayed| message.number >= *relayed)
        };
        if !message.is_some_and(is_new) {
            self.witness.heard_unregistered(client, at, line);
        }
    }

    /// The name of a client that has left may become free a little later.
    fn handle_refusal(&mut self, client: usize, line: &[u8]) {
        let asks_since = self.clients[client].asks_since;
        let is_late = asks_since.is_some_and(|since| since.elapsed() > self.setting.patience);
        self.arriving -= 1;
        self.disconnect(client);
        if line.starts_with(b"401") && !is_late {
            self.plan(client, Duration::from_millis(20), PlannedAction::Connect);
            return;
        }
        let answer = String::from_utf8_lossy(line).into_owned();
        self.witness.note(
            Kind::Refused,
            client,
            format!("got the answer `{answer}` to its registration"),
        );
    }

    /// Handles the end of a connection.
    pub(super) fn handle_end(&mut self, client: usize) {
        let state = self.clients[client].state;
        let unfinished = self.unfinished_line(client);
        self.discard_unsent(client);
        self.disconnect(client);
        match state {
            ClientState::Connecting | ClientState::Registering
                if client >= self.setting.spec.clients =>
            {
                self.arriving -= 1;
                self.plan(client, Duration::from_secs(1), PlannedAction::Connect);
            }
            ClientState::Connecting | ClientState::Registering => {
                self.arriving -= 1;
                let answer = match unfinished.as_str() {
                    "" => String::new(),
                    text => format!("it got `{text}` without a line end, and "),
                };
                let what = format!("could not register: {answer}its connection was closed");
                self.witness.note(Kind::Refused, client, what);
            }
            ClientState::Present => {
                self.registered -= 1;
                if self.clients[client].role == ClientRole::Slow && self.phase != Phase::Gathering {
                    // A server may drop a client that does not read. It comes back.
                    self.visits.dropped += 1;
                    self.plan(client, Duration::from_millis(100), PlannedAction::Connect);
                } else {
                    let is_slowed = self.clients[client].role == ClientRole::Listener
                        && self.setting.spec.read_rate.is_some();
                    let what = if is_slowed && !self.has_server_ended() {
                        self.visits.dropped_while_reading += 1;
                        "was disconnected although it kept reading, slowly"
                    } else {
                        "was disconnected although it did nothing wrong"
                    };
                    self.witness.note(Kind::Closed, client, what.to_owned());
                }
            }
            ClientState::Leaving => self.plan_return(client),
            // A server need not keep clients that do not register. Connect others in their place.
            ClientState::Lurking => {
                self.plan(client, Duration::from_secs(1), PlannedAction::Connect)
            }
            ClientState::Away => {}
        }
    }

    /// Messages that a sender had not sent when its connection ended cannot be lost. Returns how
    /// many there were.
    pub(super) fn discard_unsent(&mut self, client: usize) -> u64 {
        let connection = self.clients[client].connection.as_ref();
        let unsent = connection.map_or(0, Connection::lines_waiting);
        if let Some(numbers) = self.numbers.get_mut(client) {
            *numbers = numbers.saturating_sub(unsent);
        }
        unsent
    }

    pub(super) fn unfinished_line(&self, client: usize) -> String {
        let connection = self.clients[client].connection.as_ref();
        let partial = connection.map(Connection::partial).unwrap_or_default();
        String::from_utf8_lossy(partial).trim().to_owned()
    }

    pub(super) fn disconnect(&mut self, client: usize) {
        let gone = &mut self.clients[client];
        gone.connection = None;
        gone.state = ClientState::Away;
        gone.reads = true;
    }

    // Planned actions.

    fn plan(&mut self, client: usize, after: Duration, action: PlannedAction) {
        let visit = self.clients[client].visit;
        self.calendar
            .push(Reverse((Instant::now() + after, client, visit, action)));
    }

    /// Plans the next action of a registered client.
    pub(super) fn plan_next(&mut self, client: usize) {
        match self.clients[client].role {
            ClientRole::Churning => {
                let action = if self.random(2) == 0 {
                    PlannedAction::Leave
                } else {
                    PlannedAction::Vanish
                };
                let after = Duration::from_millis(50 + self.random(1_500));
                self.plan(client, after, action);
            }
            ClientRole::Slow => {
                let after = Duration::from_millis(500 + self.random(3_000));
                self.plan(client, after, PlannedAction::StopReading);
            }
            ClientRole::Sender | ClientRole::Listener => {}
        }
    }

    fn plan_return(&mut self, client: usize) {
        let after = Duration::from_millis(self.random(300));
        self.plan(client, after, PlannedAction::Connect);
    }

    pub(super) fn run_planned_actions(&mut self) {
        let now = Instant::now();
        while self
            .calendar
            .peek()
            .is_some_and(|Reverse((at, ..))| *at <= now)
        {
            let Some(Reverse((_, client, visit, action))) = self.calendar.pop() else {
                break;
            };
            let is_void = self.clients[client].visit != visit;
            let reads = matches!(action, PlannedAction::ReadOn | PlannedAction::ReadMore);
            if is_void || (self.phase == Phase::Draining && !reads) {
                continue;
            }
            self.run_planned_action(client, action);
        }
    }

    fn run_planned_action(&mut self, client: usize, action: PlannedAction) {
        let state = self.clients[client].state;
        match (action, state) {
            (PlannedAction::Connect, ClientState::Away) => {
                let came = self.connect(client);
                // A shortage of ports is temporary.
                came.unwrap_or_else(|_| {
                    self.plan(client, Duration::from_secs(1), PlannedAction::Connect)
                });
            }
            (PlannedAction::Leave, ClientState::Present) => {
                self.registered -= 1;
                self.visits.left += 1;
                self.clients[client].state = ClientState::Leaving;
                let goodbye = format!("DISCONNECT {} CHAT/1.0\n", name(client));
                self.say(client, goodbye.as_bytes());
                self.clients[client].left_at = self.begun.elapsed();
                // A server may leave closing the connection to the client.
                let longest = self.setting.patience + Duration::from_secs(1);
                self.plan(client, longest, PlannedAction::Vanish);
            }
            (PlannedAction::Vanish, ClientState::Present) => {
                self.registered -= 1;
                self.visits.vanished += 1;
                self.disconnect(client);
                self.plan_return(client);
            }
            (PlannedAction::Vanish, ClientState::Leaving) => {
                self.disconnect(client);
                self.plan_return(client);
            }
            (PlannedAction::StopReading, ClientState::Present) => {
                self.clients[client].reads = false;
                let after = Duration::from_millis(500 + self.random(2_000));
                self.plan(client, after, PlannedAction::ReadOn);
            }
            (PlannedAction::ReadOn, ClientState::Present) => {
                self.read_on(client);
                self.plan_next(client);
            }
            (PlannedAction::ReadMore, ClientState::Present) => {
                self.clients[client].will_read_more = false;
                self.has_input(client);
            }
            _ => {}
        }
    }

    /// Number of bytes that a client may read now.
    pub(super) fn may_read(&self, client: usize) -> usize {
        let Some(rate) = self.rate_of(client) else {
            return usize::MAX;
        };
        let now = self.begun.elapsed();
        let allowed_from = self.clients[client].has_read_until.unwrap_or(now);
        let time = (now + READ_AT_A_TIME).saturating_sub(allowed_from);
        if time < READ_AT_A_TIME / 2 {
            // So few bytes are not worth a system call.
            return 0;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of bytes"
        )]
        let most = (rate as f64 * time.as_secs_f64()) as usize;
        most.max(1)
    }

    /// Maximum reading rate of a client, in bytes a second, if it is limited: only for listeners,
    /// while others talk.
    fn rate_of(&self, client: usize) -> Option<u64> {
        let listener = &self.clients[client];
        let is_slowed = listener.role == ClientRole::Listener
            && listener.state == ClientState::Present
            && self.phase == Phase::Talking;
        self.setting.spec.read_rate.filter(|_| is_slowed)
    }

    /// Records that a client has read `count` bytes.
    pub(super) fn has_read(&mut self, client: usize, count: usize) {
        let Some(rate) = self.rate_of(client) else {
            return;
        };
        let now = self.begun.elapsed();
        let client = &mut self.clients[client];
        #[expect(clippy::cast_precision_loss, reason = "a number of bytes")]
        let took = Duration::from_secs_f64(count as f64 / rate as f64);
        client.has_read_until = Some(client.has_read_until.unwrap_or(now).max(now) + took);
    }

    /// Waits until the rate allows a client to read more.
    pub(super) fn read_more_later(&mut self, client: usize) {
        if !std::mem::replace(&mut self.clients[client].will_read_more, true) {
            self.plan(client, READ_AT_A_TIME / 2, PlannedAction::ReadMore);
        }
    }

    pub(super) fn read_on(&mut self, client: usize) {
        self.clients[client].reads = true;
        // The poller has reported the input already and will not do so again.
        self.has_input(client);
    }

    /// A pseudo-random number below `bound`. Each run uses the same sequence.
    fn random(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }
}
