//! The one loop that speaks, listens and measures.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::client::{Client, Standing, Turn};
use super::connection::{Connection, Input};
use super::message::{Message, microseconds, name};
use super::outcome::{Generator, Latency, Outcome, Traffic, Usage, Visits};
use super::server_process::ServerProcess;
use super::shape::{Length, Part, Shape};
use super::timer::Timer;
use super::witness::{Kind, Witness};

/// What a load needs to know.
pub struct Setting<'a> {
    /// The load.
    pub shape: &'a Shape,
    /// Program and arguments of the server, or its address, as shown in reports.
    pub server: Vec<String>,
    /// Where the server is.
    pub address: SocketAddr,
    /// The server, where it was started here.
    pub process: Option<&'a ServerProcess>,
    /// How long to wait for what must come.
    pub patience: Duration,
    /// Set to end early.
    pub cancelled: &'a AtomicBool,
    /// Told now and then how far it is.
    pub watch: &'a dyn Fn(Progress),
}

/// How far a load is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// What is done at this time.
    pub phase: Phase,
    /// Clients that are registered.
    pub registered: usize,
    /// Since the first message.
    pub elapsed: Duration,
    /// Messages heard so far.
    pub delivered: u64,
    /// How often the server fell short so far.
    pub breaches: u64,
}

/// What is done one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All register.
    Gathering,
    /// They talk.
    Talking,
    /// What was sent has yet to be heard.
    Draining,
}

/// Why there is no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The server cannot be put under load as it was asked for.
    Unfit(String),
    /// The load generator cannot do its work.
    Unable(String),
    /// It was cancelled.
    Interrupted,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Unable(error.to_string())
    }
}

/// Clients that connect, and are never registered: they must hear nothing (S-MSG-3).
const LURKERS: usize = 2;
/// How many connect or register at the same time.
const AT_ONCE: usize = 128;
/// How far the senders may be ahead of the last who listens, in bytes: so nobody who reads falls so far behind
/// that a server could be excused for dropping it.
const AHEAD: u64 = 1 << 20;
/// What a sender puts together at a time.
const BATCH: usize = 32 << 10;
/// What may wait to be written at a rate that the server does not keep up with.
const WAITING: usize = 1 << 20;
/// How often one reads before the others have their turn.
const READS: usize = 4;
const READ_SIZE: usize = 64 << 10;
/// Connections from one address to another: well below how many ports there are.
const FROM_ONE_ADDRESS: usize = 20_000;
const TIMER: Token = Token(usize::MAX);

/// Puts a server under load.
///
/// # Errors
/// Where that could not be done. What the server does wrong is part of the outcome.
pub fn run(setting: Setting<'_>) -> Result<Outcome, Trouble> {
    let memory_at_first = setting.process.map_or(0, ServerProcess::own_memory);
    let mut load = Load::new(setting)?;
    load.gather()?;
    let memory_registered = load.setting.process.map_or(0, ServerProcess::own_memory);
    let (cpu, server_cpu) = (own_cpu(), load.server_cpu());
    load.talk()?;
    load.drain()?;
    let seconds = load.begun.elapsed().as_secs_f64() - load.idle_at_end.as_secs_f64();
    let usage = load.setting.process.map(|process| Usage {
        cpu_seconds: process.cpu_time().saturating_sub(server_cpu).as_secs_f64(),
        memory_at_first,
        memory_registered,
        memory_at_most: process.peak_memory(),
        memory_at_last: process.own_memory(),
    });
    let generator = Generator {
        cpu_seconds: own_cpu().saturating_sub(cpu).as_secs_f64(),
        late_p99: load.late.value_at_quantile(0.99),
    };
    load.settle_accounts();
    load.say_goodbye();
    let (counts, breaches) = load.witness.verdict();
    Ok(Outcome {
        server: load.setting.server,
        shape: load.setting.shape.clone(),
        seconds,
        sent: load.sent,
        delivered: load.delivered,
        latency: Latency::of(&load.latency),
        visits: load.visits,
        usage,
        generator,
        counts,
        breaches,
    })
}

struct Load<'a> {
    setting: Setting<'a>,
    poll: Poll,
    timer: Timer,
    /// The first are those of the shape, the last lurk.
    clients: Vec<Client>,
    witness: Witness,
    phase: Phase,
    /// When the talking began.
    begun: Instant,
    /// Of each sender, how many messages it has put together.
    numbers: Vec<u64>,
    sent: Traffic,
    delivered: Traffic,
    latency: Histogram<u64>,
    late: Histogram<u64>,
    visits: Visits,
    /// How far the last of the steady ones was when it was looked.
    slowest: u64,
    registered: usize,
    /// How many are connecting or registering.
    arriving: usize,
    calendar: BinaryHeap<Reverse<(Instant, usize, u64, Turn)>>,
    to_read: VecDeque<usize>,
    chance: u64,
    last_told: Instant,
    /// How long nothing had come any more when it was given up to wait.
    idle_at_end: Duration,
}

impl<'a> Load<'a> {
    fn new(setting: Setting<'a>) -> Result<Load<'a>, Trouble> {
        let shape = setting.shape;
        let all = shape.clients + LURKERS;
        raise_descriptor_limit(all)?;
        let poll = Poll::new()?;
        let timer = Timer::new(TIMER, poll.registry())?;
        let histogram = || {
            Histogram::new_with_max(3_600_000_000, 3)
                .map_err(|why| Trouble::Unable(why.to_string()))
        };
        let mut clients: Vec<Client> = (0..shape.clients)
            .map(|client| Client::new(shape.part(client)))
            .collect();
        clients.resize_with(all, || Client::new(Part::Listener));
        let now = Instant::now();
        Ok(Load {
            poll,
            timer,
            clients,
            witness: Witness::new(shape.clients, shape.senders, shape.size),
            phase: Phase::Gathering,
            begun: now,
            numbers: vec![0; shape.senders],
            sent: Traffic::default(),
            delivered: Traffic::default(),
            latency: histogram()?,
            late: histogram()?,
            visits: Visits::default(),
            slowest: 0,
            registered: 0,
            arriving: 0,
            calendar: BinaryHeap::new(),
            to_read: VecDeque::new(),
            chance: 0x2545_f491_4f6c_dd1d,
            last_told: now,
            idle_at_end: Duration::ZERO,
            setting,
        })
    }

    // The phases.

    /// Everybody registers, and the lurkers connect.
    fn gather(&mut self) -> Result<(), Trouble> {
        let mut next = 0;
        let mut last_arrival = (Instant::now(), 0);
        let mut events = Events::with_capacity(1024);
        while self.registered < self.setting.shape.clients || next < self.clients.len() {
            while next < self.clients.len() && self.arriving < AT_ONCE {
                self.come(next)?;
                next += 1;
            }
            self.round(&mut events, Duration::from_millis(100))?;
            if let Some(first) = self.witness.first() {
                return Err(Trouble::Unfit(format!(
                    "{} {}",
                    name(first.client),
                    first.what
                )));
            }
            if self.registered > last_arrival.1 {
                last_arrival = (Instant::now(), self.registered);
            } else if last_arrival.0.elapsed() > self.setting.patience {
                return Err(self.stuck());
            }
        }
        Ok(())
    }

    /// What keeps them from registering.
    fn stuck(&self) -> Trouble {
        let seconds = self.setting.patience.as_secs_f64();
        let here = self.registered;
        let waiting = self
            .clients
            .iter()
            .position(|client| client.standing == Standing::Registering);
        let why = match waiting {
            Some(client) => match self.unfinished_line(client).as_str() {
                "" => format!(
                    "the registration of {} is not answered within {seconds} s",
                    name(client)
                ),
                text => format!(
                    "the registration of {} is answered with `{text}`, without a line end: only servers whose \
                         lines end can be put under load",
                    name(client)
                ),
            },
            None => format!("nobody can connect any more for {seconds} s"),
        };
        Trouble::Unfit(format!(
            "{why}; {here} of {} clients are registered",
            self.setting.shape.clients
        ))
    }

    fn talk(&mut self) -> Result<(), Trouble> {
        self.phase = Phase::Talking;
        self.begun = Instant::now();
        for client in 0..self.setting.shape.clients {
            self.plan_next(client);
        }
        let mut events = Events::with_capacity(1024);
        while !self.is_enough() {
            let goes_on = self.send_round();
            let wait = if goes_on {
                Duration::ZERO
            } else {
                self.time_to_next()
            };
            self.round(&mut events, wait)?;
            if self.has_server_ended() {
                break;
            }
        }
        Ok(())
    }

    /// Whether all that was asked for is sent.
    fn is_enough(&self) -> bool {
        match self.setting.shape.length {
            Length::Seconds(seconds) => self.begun.elapsed().as_secs_f64() >= seconds,
            Length::Messages(count) => self.sent.messages >= count,
        }
    }

    /// Waits until all have heard everything, or nothing comes any more.
    fn drain(&mut self) -> Result<(), Trouble> {
        self.phase = Phase::Draining;
        for client in 0..self.setting.shape.clients {
            self.read_on(client);
        }
        let mut events = Events::with_capacity(1024);
        let mut last = (Instant::now(), self.delivered.messages);
        loop {
            self.round(&mut events, Duration::from_millis(20))?;
            if self.delivered.messages > last.1 {
                last = (Instant::now(), self.delivered.messages);
            } else {
                let is_late = last.0.elapsed() > self.setting.patience;
                if is_late || self.all_is_heard() || self.has_server_ended() {
                    break;
                }
            }
        }
        self.idle_at_end = last.0.elapsed();
        Ok(())
    }

    fn all_is_heard(&self) -> bool {
        let mut here = self
            .clients
            .iter()
            .enumerate()
            .filter(|(_, client)| client.standing == Standing::Present);
        let is_written = |client: &Client| {
            client
                .connection
                .as_ref()
                .is_none_or(|open| open.waits() == 0)
        };
        here.all(|(index, client)| {
            is_written(client) && self.witness.has_heard_all(index, &self.numbers)
        })
    }

    fn has_server_ended(&self) -> bool {
        self.setting
            .process
            .is_some_and(|process| process.end().is_some())
    }

    /// What did not come is lost.
    fn settle_accounts(&mut self) {
        if let Some(how) = self.setting.process.and_then(ServerProcess::end) {
            return self.witness.note(
                Kind::Closed,
                0,
                format!("lost its server, which ended: {how}"),
            );
        }
        for client in 0..self.setting.shape.clients {
            if self.clients[client].standing == Standing::Present {
                self.witness.ends(client, &self.numbers);
            }
        }
    }

    /// So that a server which goes on running is left as it was found.
    fn say_goodbye(&mut self) {
        for client in 0..self.setting.shape.clients {
            if self.clients[client].standing == Standing::Present {
                let goodbye = format!("DISCONNECT {} CHAT/1.0\n", name(client));
                self.say(client, goodbye.as_bytes());
            }
            self.clients[client].connection = None;
        }
    }

    // One round.

    fn round(&mut self, events: &mut Events, wait: Duration) -> Result<(), Trouble> {
        if self.setting.cancelled.load(Ordering::Relaxed) {
            return Err(Trouble::Interrupted);
        }
        let wait = if self.to_read.is_empty() {
            wait
        } else {
            Duration::ZERO
        };
        // The poller counts in milliseconds, and rounds up.
        if wait > Duration::ZERO && wait < Duration::from_millis(20) {
            self.timer.set(wait)?;
        }
        match self.poll.poll(events, Some(wait)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            result => result?,
        }
        for event in events.iter().filter(|event| event.token() != TIMER) {
            let Token(client) = event.token();
            if event.is_writable() {
                self.has_space(client);
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.has_input(client);
            }
        }
        let mut buffer = [0; READ_SIZE];
        for _ in 0..self.to_read.len() {
            if let Some(client) = self.to_read.pop_front() {
                self.read(client, &mut buffer);
            }
        }
        self.take_turns()?;
        self.tell();
        Ok(())
    }

    fn tell(&mut self) {
        const PAUSE: Duration = Duration::from_millis(200);
        if self.last_told.elapsed() < PAUSE {
            return;
        }
        self.last_told = Instant::now();
        (self.setting.watch)(Progress {
            phase: self.phase,
            registered: self.registered,
            elapsed: self.begun.elapsed(),
            delivered: self.delivered.messages,
            breaches: self.witness.count_so_far(),
        });
    }

    fn has_input(&mut self, client: usize) {
        let client_there = &mut self.clients[client];
        if client_there.reads && !client_there.in_reading_queue {
            client_there.in_reading_queue = true;
            self.to_read.push_back(client);
        }
    }

    fn has_space(&mut self, client: usize) {
        if self.clients[client].standing == Standing::Connecting {
            return self.is_connected(client);
        }
        let connection = self.clients[client].connection.as_mut();
        if connection.is_some_and(|connection| connection.flush().is_err()) {
            self.ended(client);
        }
    }

    fn read(&mut self, client: usize, buffer: &mut [u8]) {
        self.clients[client].in_reading_queue = false;
        for _ in 0..READS {
            let Some(connection) = &mut self.clients[client].connection else {
                return;
            };
            match connection.read(buffer) {
                Ok((count, Input::More)) => self.take(client, &buffer[..count]),
                Ok((_, Input::Drained)) => return,
                Ok((_, Input::Ended)) | Err(_) => return self.ended(client),
            }
        }
        self.has_input(client);
    }

    /// Takes what a client read, line by line.
    fn take(&mut self, client: usize, bytes: &[u8]) {
        let at = self.begun.elapsed();
        let visit = self.clients[client].visit;
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            let Some(connection) = &mut self.clients[client].connection else {
                return;
            };
            if !connection.partial().is_empty() {
                let whole = connection.complete(line);
                self.hear(client, at, &whole);
            } else {
                self.hear(client, at, line);
            }
            // What it heard may have made it come anew.
            if self.clients[client].visit != visit {
                return;
            }
            rest = after;
        }
        let is_endless = match &mut self.clients[client].connection {
            Some(connection) => !connection.keep_partial(rest),
            None => false,
        };
        if is_endless {
            self.witness.note(
                Kind::Changed,
                client,
                "heard a line that has no end".to_owned(),
            );
            self.ended(client);
        }
    }

    fn hear(&mut self, client: usize, at: Duration, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.clients[client].standing {
            Standing::Registering => self.is_answered(client, at, line),
            Standing::Present | Standing::Leaving => self.hear_message(client, at, line),
            Standing::Lurking => self.witness.came_unregistered(client, at, line),
            Standing::Away | Standing::Connecting => {}
        }
    }

    fn hear_message(&mut self, client: usize, at: Duration, line: &[u8]) {
        self.delivered.add(line.len() + 1);
        self.clients[client].progress += line.len() as u64 + 1;
        if let Some(message) = self.witness.hear(client, at, line) {
            let took = microseconds(at).saturating_sub(message.intended);
            self.latency.saturating_record(took);
        }
    }

    // Coming and going.

    fn come(&mut self, client: usize) -> Result<(), Trouble> {
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

    fn is_connected(&mut self, client: usize) {
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
        self.clients[client].relayed = self.relayed();
        let registration = format!("REGISTER {} CHAT/1.0\n", name(client));
        self.say(client, registration.as_bytes());
    }

    /// Of each sender, how many messages all steady clients have heard.
    fn relayed(&self) -> Vec<u64> {
        let mut relayed = self.numbers.clone();
        if self.phase == Phase::Gathering {
            return relayed;
        }
        for (index, _) in self.steady() {
            for (sender, heard) in self
                .witness
                .heard(index)
                .enumerate()
                .filter(|(sender, _)| *sender != index)
            {
                relayed[sender] = relayed[sender].min(heard);
            }
        }
        relayed
    }

    fn steady(&self) -> impl Iterator<Item = (usize, &Client)> {
        let clients = self.clients.iter().enumerate();
        clients.filter(|(_, client)| client.is_steady() && client.standing == Standing::Present)
    }

    fn is_answered(&mut self, client: usize, at: Duration, line: &[u8]) {
        if !line.starts_with(b"200") {
            if line.starts_with(b"@") {
                return self.witness.came_unregistered(client, at, line);
            }
            return self.is_refused(client, line);
        }
        self.arriving -= 1;
        self.registered += 1;
        let arrived = &mut self.clients[client];
        arrived.standing = Standing::Present;
        arrived.asks_since = None;
        if arrived.visit > 1 {
            self.visits.came_back += 1;
        }
        let relayed = std::mem::take(&mut arrived.relayed);
        self.witness.registered(client, &relayed, &self.numbers);
        if self.phase == Phase::Talking {
            self.plan_next(client);
        }
    }

    /// The name of one that has left may not be free at once.
    fn is_refused(&mut self, client: usize, line: &[u8]) {
        let asks_since = self.clients[client].asks_since;
        let is_late = asks_since.is_some_and(|since| since.elapsed() > self.setting.patience);
        let is_back = self.clients[client].visit > 1;
        self.arriving -= 1;
        self.go_away(client);
        if line.starts_with(b"401") && is_back && !is_late {
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
    fn ended(&mut self, client: usize) {
        let standing = self.clients[client].standing;
        let unfinished = self.unfinished_line(client);
        self.go_away(client);
        match standing {
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
                } else if !self.has_server_ended() {
                    let what = "was disconnected though it did nothing wrong".to_owned();
                    self.witness.note(Kind::Closed, client, what);
                }
            }
            Standing::Leaving => self.plan_return(client),
            Standing::Lurking | Standing::Away => {}
        }
    }

    fn unfinished_line(&self, client: usize) -> String {
        let connection = self.clients[client].connection.as_ref();
        let partial = connection.map(Connection::partial).unwrap_or_default();
        String::from_utf8_lossy(partial).trim().to_owned()
    }

    fn go_away(&mut self, client: usize) {
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
    fn plan_next(&mut self, client: usize) {
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

    fn take_turns(&mut self) -> Result<(), Trouble> {
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
            if is_void || (self.phase == Phase::Draining && turn != Turn::ReadOn) {
                continue;
            }
            self.take_turn(client, turn)?;
        }
        Ok(())
    }

    fn take_turn(&mut self, client: usize, turn: Turn) -> Result<(), Trouble> {
        let standing = self.clients[client].standing;
        match (turn, standing) {
            (Turn::Come, Standing::Away) => self.come(client)?,
            (Turn::Leave, Standing::Present) => {
                self.registered -= 1;
                self.visits.left += 1;
                self.clients[client].standing = Standing::Leaving;
                let goodbye = format!("DISCONNECT {} CHAT/1.0\n", name(client));
                self.say(client, goodbye.as_bytes());
                // A server that leaves the closing to its client is no worse here.
                self.plan(client, Duration::from_secs(2), Turn::Vanish);
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
            _ => {}
        }
        Ok(())
    }

    fn read_on(&mut self, client: usize) {
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

    // Speaking.

    fn say(&mut self, client: usize, bytes: &[u8]) {
        if let Some(connection) = &mut self.clients[client].connection {
            connection.outgoing().extend_from_slice(bytes);
            if connection.flush().is_err() {
                self.ended(client);
            }
        }
    }

    /// Each sender says what it has to say now; whether one of them could go on at once.
    fn send_round(&mut self) -> bool {
        match self.setting.shape.rate {
            Some(rate) => {
                self.send_what_is_due(rate);
                false
            }
            None => {
                let senders = 0..self.setting.shape.senders;
                senders.filter(|sender| self.send_batch(*sender)).count() > 0
            }
        }
    }

    fn send_batch(&mut self, sender: usize) -> bool {
        if !self.is_here_and_idle(sender, 0) || self.is_far_ahead() {
            return false;
        }
        let mut composed = 0;
        while composed < BATCH && !self.has_said_enough() {
            let intended = microseconds(self.begun.elapsed());
            composed += self.compose(sender, intended);
        }
        self.say(sender, &[]);
        composed > 0 && self.is_here_and_idle(sender, 0)
    }

    fn has_said_enough(&self) -> bool {
        matches!(self.setting.shape.length, Length::Messages(count) if self.sent.messages >= count)
    }

    fn is_here_and_idle(&self, sender: usize, waits: usize) -> bool {
        let client = &self.clients[sender];
        let is_idle = client
            .connection
            .as_ref()
            .is_some_and(|connection| connection.waits() <= waits);
        client.standing == Standing::Present && is_idle
    }

    /// Whether somebody who listens is too far behind what was said.
    fn is_far_ahead(&mut self) -> bool {
        if self.sent.bytes.saturating_sub(self.slowest) > AHEAD {
            let progress = self.steady().map(|(_, client)| client.progress);
            self.slowest = progress.min().unwrap_or(self.sent.bytes);
        }
        self.sent.bytes.saturating_sub(self.slowest) > AHEAD
    }

    /// Message `k` of all is due `k / rate` seconds after the beginning, whoever may be held up.
    fn send_what_is_due(&mut self, rate: f64) {
        let now = self.begun.elapsed();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of messages"
        )]
        let due = (now.as_secs_f64() * rate) as u64 + 1;
        let mut has_composed = vec![false; self.setting.shape.senders];
        while self.sent.messages < due && !self.has_said_enough() {
            let sender = self.sent.messages as usize % self.setting.shape.senders;
            if !self.is_here_and_idle(sender, WAITING) {
                break;
            }
            let intended = due_at(self.sent.messages, rate);
            if self.is_here_and_idle(sender, 0) {
                self.late
                    .saturating_record(microseconds(now.saturating_sub(intended)));
            }
            self.compose(sender, microseconds(intended));
            has_composed[sender] = true;
        }
        for sender in (0..has_composed.len()).filter(|sender| has_composed[*sender]) {
            self.say(sender, &[]);
        }
    }

    fn compose(&mut self, sender: usize, intended: u64) -> usize {
        let Some(connection) = &mut self.clients[sender].connection else {
            return 0;
        };
        let message = Message {
            sender,
            number: self.numbers[sender],
            intended,
        };
        let before = connection.outgoing().len();
        message.compose(self.setting.shape.size, connection.outgoing());
        let length = connection.outgoing().len() - before;
        self.numbers[sender] += 1;
        self.sent.add(length);
        self.clients[sender].progress += length as u64;
        length
    }

    /// How long nothing needs to be done by itself.
    fn time_to_next(&self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(100);
        let now = Instant::now();
        let turn = self.calendar.peek().map(|Reverse((at, ..))| *at);
        let due = self
            .setting
            .shape
            .rate
            .map(|rate| self.begun + due_at(self.sent.messages, rate));
        let end = match self.setting.shape.length {
            Length::Seconds(seconds) => Some(self.begun + Duration::from_secs_f64(seconds)),
            Length::Messages(_) => None,
        };
        let next = [turn, due, end].into_iter().flatten().min();
        next.map_or(LONGEST, |at| at.saturating_duration_since(now))
            .min(LONGEST)
    }

    fn server_cpu(&self) -> Duration {
        self.setting
            .process
            .map_or(Duration::ZERO, ServerProcess::cpu_time)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "some microseconds off after some billion messages"
)]
fn due_at(number: u64, rate: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Sees to it that so many connections can be open, as far as this user may.
fn raise_descriptor_limit(connections: usize) -> Result<(), Trouble> {
    /// Files, pipes and terminals besides.
    const OTHERS: u64 = 64;
    let needed = connections as u64 + OTHERS;
    let limit = getrlimit(Resource::Nofile);
    let is_enough = |bound: Option<u64>| bound.is_none_or(|bound| bound >= needed);
    if is_enough(limit.current) {
        return Ok(());
    }
    let maximum = if is_enough(limit.maximum) {
        limit.maximum
    } else {
        Some(needed)
    };
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(needed),
            maximum,
        },
    );
    raised.map_err(|_| {
        let most = limit.maximum.unwrap_or_default();
        Trouble::Unable(format!(
            "{connections} connections need {needed} descriptors, and this user may have {most}: `ulimit -Hn`"
        ))
    })
}
