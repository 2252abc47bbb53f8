//! Who comes, who goes, and who stops reading, when.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use mio::Token;

use super::super::client::{Standing, Turn};
use super::super::connection::Connection;
use super::super::message::{Message, name};
use super::super::shape::Part;
use super::super::trouble::Trouble;
use super::super::witness::{Kind, Witness};
use super::{Load, Phase};

/// Connections from one address to another: well below how many ports there are.
const FROM_ONE_ADDRESS: usize = 20_000;

/// Clients that are slowed to a rate read about as much at a time as this time allows.
const READ_AT_A_TIME: Duration = Duration::from_millis(20);

impl Load<'_> {
    pub(super) fn come(&mut self, client: usize) -> Result<(), Trouble> {
        let own = self.own_address(client);
        let address = self.setting.address;
        let connection = Connection::open(address, own, Token(client), self.poll.registry())
            .map_err(|why| {
                Trouble::Unable(format!("no connection to {address} can be made: {why}"))
            })?;
        self.arriving += 1;
        let coming = &mut self.clients[client];
        coming.connection = Some(connection);
        coming.standing = Standing::Connecting;
        coming.visit += 1;
        coming.reads = true;
        coming.will_read_more = false;
        coming.asks_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Where there are more connections than ports, those beyond come from other addresses.
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
            Err(_) => return self.ended(client),
        }
        if client >= self.setting.shape.clients {
            self.arriving -= 1;
            self.clients[client].standing = Standing::Lurking;
            return;
        }
        self.clients[client].standing = Standing::Registering;
        self.clients[client].relayed = self.relayed.clone();
        let registration = format!("REGISTER {} CHAT/1.0\n", name(client));
        self.say(client, registration.as_bytes());
    }

    /// Looks now and then how many messages of each sender have reached everybody. What had, a second ago or more,
    /// no server is still relaying, whatever it does at the same time.
    pub(super) fn look_who_heard(&mut self) {
        const PAUSE: Duration = Duration::from_secs(1);
        if self.relayed_at.elapsed() < PAUSE || self.phase != Phase::Talking {
            return;
        }
        self.relayed_at = Instant::now();
        let mut heard: Vec<Option<u64>> = vec![None; self.setting.shape.senders];
        for (index, client) in self.clients.iter().enumerate() {
            if matches!(client.standing, Standing::Present | Standing::Leaving) {
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

    pub(super) fn is_answered(&mut self, client: usize, at: Duration, line: &[u8]) {
        if Witness::is_claimed(line) {
            return self.came_early(client, at, line);
        }
        if !line.first().is_some_and(u8::is_ascii_digit) {
            self.visits.notices += 1;
            return;
        }
        if !line.starts_with(b"200") {
            return self.is_refused(client, line);
        }
        self.arriving -= 1;
        self.registered += 1;
        let arrived = &mut self.clients[client];
        arrived.standing = Standing::Present;
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

    /// A server may register a client a moment before it says so: what was said meanwhile is for it.
    fn came_early(&mut self, client: usize, at: Duration, line: &[u8]) {
        let relayed = &self.clients[client].relayed;
        let message = Message::read(line, self.setting.shape.size);
        let is_new = |message: Message| {
            relayed
                .get(message.sender)
                .is_some_and(|relayed| message.number >= *relayed)
        };
        if !message.is_some_and(is_new) {
            self.witness.came_unregistered(client, at, line);
        }
    }

    /// The name of one that has left may not be free at once.
    fn is_refused(&mut self, client: usize, line: &[u8]) {
        let asks_since = self.clients[client].asks_since;
        let is_late = asks_since.is_some_and(|since| since.elapsed() > self.setting.patience);
        self.arriving -= 1;
        self.go_away(client);
        if line.starts_with(b"401") && !is_late {
            self.plan(client, Duration::from_millis(20), Turn::Come);
            return;
        }
        let answer = String::from_utf8_lossy(line).into_owned();
        self.witness.note(
            Kind::Refused,
            client,
            format!("was answered `{answer}` when it registered"),
        );
    }

    /// The connection is over, by the server or by what it did.
    pub(super) fn ended(&mut self, client: usize) {
        let standing = self.clients[client].standing;
        let unfinished = self.unfinished_line(client);
        self.forget_unsaid(client);
        self.go_away(client);
        match standing {
            Standing::Connecting | Standing::Registering
                if client >= self.setting.shape.clients =>
            {
                self.arriving -= 1;
                self.plan(client, Duration::from_secs(1), Turn::Come);
            }
            Standing::Connecting | Standing::Registering => {
                self.arriving -= 1;
                let answer = match unfinished.as_str() {
                    "" => String::new(),
                    text => format!("it got `{text}` without a line end, and "),
                };
                let what = format!("was not let in: {answer}its connection was closed");
                self.witness.note(Kind::Refused, client, what);
            }
            Standing::Present => {
                self.registered -= 1;
                if self.clients[client].part == Part::Slow && self.phase != Phase::Gathering {
                    // Who does not read may be dropped, and comes back.
                    self.visits.dropped += 1;
                    self.plan(client, Duration::from_millis(100), Turn::Come);
                } else {
                    let is_slowed = self.clients[client].part == Part::Listener
                        && self.setting.shape.read_rate.is_some();
                    let what = if is_slowed && !self.has_server_ended() {
                        self.visits.dropped_while_reading += 1;
                        "was disconnected though it went on reading, slowly"
                    } else {
                        "was disconnected though it did nothing wrong"
                    };
                    self.witness.note(Kind::Closed, client, what.to_owned());
                }
            }
            Standing::Leaving => self.plan_return(client),
            // A server need not keep those who do not register; others are watched in their place.
            Standing::Lurking => self.plan(client, Duration::from_secs(1), Turn::Come),
            Standing::Away => {}
        }
    }

    /// What a sender had yet to say when all was over was never said, and cannot be lost. How much that was.
    pub(super) fn forget_unsaid(&mut self, client: usize) -> u64 {
        let connection = self.clients[client].connection.as_ref();
        let unsaid = connection.map_or(0, Connection::lines_waiting);
        if let Some(numbers) = self.numbers.get_mut(client) {
            *numbers = numbers.saturating_sub(unsaid);
        }
        unsaid
    }

    pub(super) fn unfinished_line(&self, client: usize) -> String {
        let connection = self.clients[client].connection.as_ref();
        let partial = connection.map(Connection::partial).unwrap_or_default();
        String::from_utf8_lossy(partial).trim().to_owned()
    }

    pub(super) fn go_away(&mut self, client: usize) {
        let gone = &mut self.clients[client];
        gone.connection = None;
        gone.standing = Standing::Away;
        gone.reads = true;
    }

    // What is planned.

    fn plan(&mut self, client: usize, after: Duration, turn: Turn) {
        let visit = self.clients[client].visit;
        self.calendar
            .push(Reverse((Instant::now() + after, client, visit, turn)));
    }

    /// What one that is here will do next.
    pub(super) fn plan_next(&mut self, client: usize) {
        match self.clients[client].part {
            Part::Churning => {
                let turn = if self.chance(2) == 0 {
                    Turn::Leave
                } else {
                    Turn::Vanish
                };
                let after = Duration::from_millis(50 + self.chance(1_500));
                self.plan(client, after, turn);
            }
            Part::Slow => {
                let after = Duration::from_millis(500 + self.chance(3_000));
                self.plan(client, after, Turn::StopReading);
            }
            Part::Sender | Part::Listener => {}
        }
    }

    fn plan_return(&mut self, client: usize) {
        let after = Duration::from_millis(self.chance(300));
        self.plan(client, after, Turn::Come);
    }

    pub(super) fn take_turns(&mut self) {
        let now = Instant::now();
        while self
            .calendar
            .peek()
            .is_some_and(|Reverse((at, ..))| *at <= now)
        {
            let Some(Reverse((_, client, visit, turn))) = self.calendar.pop() else {
                break;
            };
            let is_void = self.clients[client].visit != visit;
            let reads = matches!(turn, Turn::ReadOn | Turn::ReadMore);
            if is_void || (self.phase == Phase::Draining && !reads) {
                continue;
            }
            self.take_turn(client, turn);
        }
    }

    fn take_turn(&mut self, client: usize, turn: Turn) {
        let standing = self.clients[client].standing;
        match (turn, standing) {
            (Turn::Come, Standing::Away) => {
                let came = self.come(client);
                // A shortage of ports passes.
                came.unwrap_or_else(|_| self.plan(client, Duration::from_secs(1), Turn::Come));
            }
            (Turn::Leave, Standing::Present) => {
                self.registered -= 1;
                self.visits.left += 1;
                self.clients[client].standing = Standing::Leaving;
                let goodbye = format!("DISCONNECT {} CHAT/1.0\n", name(client));
                self.say(client, goodbye.as_bytes());
                self.clients[client].left_at = self.begun.elapsed();
                // A server that leaves the closing to its client is no worse here.
                let longest = self.setting.patience + Duration::from_secs(1);
                self.plan(client, longest, Turn::Vanish);
            }
            (Turn::Vanish, Standing::Present) => {
                self.registered -= 1;
                self.visits.vanished += 1;
                self.go_away(client);
                self.plan_return(client);
            }
            (Turn::Vanish, Standing::Leaving) => {
                self.go_away(client);
                self.plan_return(client);
            }
            (Turn::StopReading, Standing::Present) => {
                self.clients[client].reads = false;
                let after = Duration::from_millis(500 + self.chance(2_000));
                self.plan(client, after, Turn::ReadOn);
            }
            (Turn::ReadOn, Standing::Present) => {
                self.read_on(client);
                self.plan_next(client);
            }
            (Turn::ReadMore, Standing::Present) => {
                self.clients[client].will_read_more = false;
                self.has_input(client);
            }
            _ => {}
        }
    }

    /// How many bytes a client may read now.
    pub(super) fn may_read(&self, client: usize) -> usize {
        let Some(rate) = self.rate_of(client) else {
            return usize::MAX;
        };
        let now = self.begun.elapsed();
        let allowed_from = self.clients[client].has_read_until.unwrap_or(now);
        let time = (now + READ_AT_A_TIME).saturating_sub(allowed_from);
        if time < READ_AT_A_TIME / 2 {
            // So little is not worth a call.
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

    /// How many bytes a second a client may read, if it is slowed: those who only listen, while others talk.
    fn rate_of(&self, client: usize) -> Option<u64> {
        let listener = &self.clients[client];
        let is_slowed = listener.part == Part::Listener
            && listener.standing == Standing::Present
            && self.phase == Phase::Talking;
        self.setting.shape.read_rate.filter(|_| is_slowed)
    }

    /// A client has read `count` bytes.
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

    /// A client has read what it may for now.
    pub(super) fn read_more_later(&mut self, client: usize) {
        if !std::mem::replace(&mut self.clients[client].will_read_more, true) {
            self.plan(client, READ_AT_A_TIME / 2, Turn::ReadMore);
        }
    }

    pub(super) fn read_on(&mut self, client: usize) {
        self.clients[client].reads = true;
        // Input that came meanwhile was told of once, and will not be again.
        self.has_input(client);
    }

    /// A number below `bound`, another one each time and the same ones in each run.
    fn chance(&mut self, bound: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % bound
    }
}
