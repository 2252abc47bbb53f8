//! The one loop that speaks, listens and measures.
//!
//! - `speaking`: what the senders say when.
//! - `visits`: who comes, who goes, and who stops reading, when.

mod speaking;
mod visits;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::client::{Client, Standing, Turn};
use super::connection::{BUFFER_SIZE, Input};
use super::message::{microseconds, name};
use super::outcome::{Generator, Latency, Outcome, Registration, Traffic, Usage, Visits};
use super::server_process::ServerProcess;
use super::shape::{Length, Part, Shape};
use super::timer::Timer;
use super::trouble::Trouble;
use super::witness::{KEPT, KEPT_OF_UNPACED, Kind, Witness};

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

/// Clients that connect, and are never registered: they must hear nothing (S-MSG-3).
const LURKERS: usize = 2;
/// How many connect or register at the same time.
const AT_ONCE: usize = 128;
/// How often one reads before the others have their turn.
const READS: usize = 4;
/// How long the news of a server's end may take, after those of its connections.
const LAST_NEWS: Duration = Duration::from_millis(500);
const TIMER: Token = Token(usize::MAX);

/// Puts a server under load.
///
/// # Errors
/// Where that could not be done. What the server does wrong is part of the outcome.
pub fn run(setting: Setting<'_>) -> Result<Outcome, Trouble> {
    let memory_at_first = setting.process.map_or(0, ServerProcess::own_memory);
    let mut load = Load::new(setting)?;
    let (cpu_at_first, begun) = (load.server_cpu(), Instant::now());
    load.gather()?;
    let (gathered_in, server_cpu) = (begun.elapsed(), load.server_cpu());
    let registration = Registration {
        seconds: gathered_in.as_secs_f64(),
        cpu_seconds: load
            .setting
            .process
            .map(|_| server_cpu.saturating_sub(cpu_at_first).as_secs_f64()),
    };
    let memory_registered = load.setting.process.map_or(0, ServerProcess::own_memory);
    let cpu = own_cpu();
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
        held_back: load.held_back,
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
        standstill: load.standstill.as_secs_f64(),
        registration,
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
    /// Whether what is due waits for the server, or for those who listen.
    is_held_back: bool,
    held_back: u64,
    /// Of each sender, how many messages had reached everybody when it was looked before last, and last.
    relayed: Vec<u64>,
    relayed_next: Vec<u64>,
    relayed_at: Instant,
    /// Messages that came as they must.
    accepted: u64,
    visits: Visits,
    /// How far the last of the steady ones was when it was looked.
    slowest: u64,
    registered: usize,
    /// How many are connecting or registering.
    arriving: usize,
    calendar: BinaryHeap<Reverse<(Instant, usize, u64, Turn)>>,
    to_read: VecDeque<usize>,
    /// What is read goes through it.
    buffer: Vec<u8>,
    chance: u64,
    last_told: Instant,
    /// How long nothing had come any more when it was given up to wait.
    idle_at_end: Duration,
    /// The longest time in which nobody could say anything, and nobody heard anything.
    standstill: Duration,
}

impl<'a> Load<'a> {
    fn new(setting: Setting<'a>) -> Result<Load<'a>, Trouble> {
        let shape = setting.shape;
        let all = shape.clients + LURKERS;
        check_descriptors(all)?;
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
        let kept = if shape.unpaced { KEPT_OF_UNPACED } else { KEPT };
        let now = Instant::now();
        Ok(Load {
            poll,
            timer,
            clients,
            witness: Witness::new(all, shape.senders, shape.size, kept),
            phase: Phase::Gathering,
            begun: now,
            numbers: vec![0; shape.senders],
            sent: Traffic::default(),
            delivered: Traffic::default(),
            latency: histogram()?,
            late: histogram()?,
            is_held_back: false,
            held_back: 0,
            relayed: vec![0; shape.senders],
            relayed_next: vec![0; shape.senders],
            relayed_at: now,
            accepted: 0,
            visits: Visits::default(),
            slowest: 0,
            registered: 0,
            arriving: 0,
            calendar: BinaryHeap::new(),
            to_read: VecDeque::new(),
            buffer: vec![0; BUFFER_SIZE],
            chance: 0x2545_f491_4f6c_dd1d,
            last_told: now,
            idle_at_end: Duration::ZERO,
            standstill: Duration::ZERO,
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
                let what = format!("{} {}", name(first.client), first.what);
                return Err(self.unfit(what));
            }
            if self.registered > last_arrival.1 {
                last_arrival = (Instant::now(), self.registered);
            } else if last_arrival.0.elapsed() > self.setting.patience + Duration::from_secs(1) {
                return Err(self.unfit(self.what_is_stuck()));
            }
        }
        Ok(())
    }

    /// What keeps them from registering.
    fn what_is_stuck(&self) -> String {
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
        format!(
            "{why}; {here} of {} clients are registered",
            self.setting.shape.clients
        )
    }

    /// Where the server has ended, that is what is told.
    fn unfit(&self, what: String) -> Trouble {
        let end = self
            .setting
            .process
            .and_then(|process| process.wait_for_end(LAST_NEWS));
        Trouble::Unfit(end.map_or(what, |how| format!("the server ended: {how}")))
    }

    fn talk(&mut self) -> Result<(), Trouble> {
        self.phase = Phase::Talking;
        self.begun = Instant::now();
        for client in 0..self.setting.shape.clients {
            self.plan_next(client);
        }
        let mut events = Events::with_capacity(1024);
        let mut last_move = (Instant::now(), (0, 0));
        while !self.is_enough() && !self.has_server_ended() {
            let goes_on = self.send_round();
            let wait = if goes_on {
                Duration::ZERO
            } else {
                self.time_to_next()
            };
            self.round(&mut events, wait)?;
            let now = (self.sent.messages, self.accepted);
            if now != last_move.1 || self.nothing_is_due() {
                self.standstill = self.standstill.max(last_move.0.elapsed());
                last_move = (Instant::now(), now);
            } else if last_move.0.elapsed() > self.setting.patience {
                let seconds = self.setting.patience.as_secs_f64();
                let what = format!(
                    "saw nothing go on for {seconds} s: the server takes and relays nothing"
                );
                self.witness.note(Kind::Stuck, 0, what);
                break;
            }
        }
        if !self.nothing_is_due() {
            self.standstill = self.standstill.max(last_move.0.elapsed());
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
        /// What comes again, or to the wrong ones, comes about as soon as what comes as it must.
        const QUIET: Duration = Duration::from_millis(100);
        self.phase = Phase::Draining;
        for client in 0..self.setting.shape.clients {
            self.read_on(client);
        }
        let mut events = Events::with_capacity(1024);
        let mut last_right = (Instant::now(), self.accepted);
        let mut last_any = (Instant::now(), self.delivered.messages);
        loop {
            self.round(&mut events, Duration::from_millis(20))?;
            if self.accepted > last_right.1 {
                last_right = (Instant::now(), self.accepted);
            }
            if self.delivered.messages > last_any.1 {
                last_any = (Instant::now(), self.delivered.messages);
            }
            let is_over = last_any.0.elapsed() > QUIET && self.all_is_heard();
            let is_late = last_right.0.elapsed() > self.setting.patience;
            if is_over || is_late || self.has_server_ended() {
                break;
            }
        }
        self.idle_at_end = last_right.0.elapsed();
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
        self.arriving == 0
            && here.all(|(index, client)| {
                is_written(client) && self.witness.has_heard_all(index, &self.numbers)
            })
    }

    fn has_server_ended(&self) -> bool {
        self.setting.process.is_some_and(ServerProcess::has_ended)
    }

    /// What did not come is lost.
    fn settle_accounts(&mut self) {
        let end = self
            .setting
            .process
            .and_then(|process| match self.witness.first() {
                Some(_) => process.wait_for_end(LAST_NEWS),
                None => process.end(),
            });
        if let Some(how) = end {
            return self.witness.server_ended(&how);
        }
        let seconds = self.setting.patience.as_secs_f64();
        for sender in 0..self.setting.shape.senders {
            if self.forget_unsaid(sender) > 0 {
                let what =
                    format!("could say nothing more for {seconds} s: the server does not read");
                self.witness.note(Kind::Stuck, sender, what);
            }
        }
        for client in 0..self.setting.shape.clients {
            match self.clients[client].standing {
                Standing::Present => self.witness.ends(client, &self.numbers),
                Standing::Connecting | Standing::Registering => {
                    let what = format!("was not answered within {seconds} s when it registered");
                    self.witness.note(Kind::Refused, client, what);
                }
                Standing::Away | Standing::Leaving | Standing::Lurking => {}
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
            if event.is_read_closed() || event.is_error() {
                if let Some(connection) = &mut self.clients[client].connection {
                    connection.expect_end();
                }
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.has_input(client);
            }
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..self.to_read.len() {
            if let Some(client) = self.to_read.pop_front() {
                self.read(client, &mut buffer);
            }
        }
        self.buffer = buffer;
        self.take_turns();
        self.look_who_heard();
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
            let most = self.may_read(client);
            if most == 0 {
                return self.read_more_later(client);
            }
            let Some(connection) = &mut self.clients[client].connection else {
                return;
            };
            let before = connection.partial().len();
            match connection.read(buffer, most) {
                Ok((_, Input::Ended)) | Err(_) => return self.ended(client),
                Ok((count, input)) => {
                    self.has_read(client, count - before.min(count));
                    self.take(client, &buffer[..count]);
                    if input == Input::Drained {
                        return;
                    }
                }
            }
        }
        self.has_input(client);
    }

    /// Takes what a client read, line by line.
    fn take(&mut self, client: usize, bytes: &[u8]) {
        let at = self.begun.elapsed();
        let visit = self.clients[client].visit;
        let mut rest = bytes;
        loop {
            if self.clients[client].standing == Standing::Present {
                rest = &rest[self.hear_run(client, at, rest)..];
            }
            let Some(end) = memchr::memchr(b'\n', rest) else {
                break;
            };
            self.hear(client, at, &rest[..end]);
            // What it heard may have made it come anew.
            if self.clients[client].visit != visit {
                return;
            }
            rest = &rest[end + 1..];
        }
        let is_endless = match &mut self.clients[client].connection {
            Some(connection) => !connection.keep_partial(rest),
            None => false,
        };
        if is_endless {
            let what = "heard a line that has no end".to_owned();
            self.witness.note(Kind::Changed, client, what);
            self.go_away(client);
        }
    }

    /// Takes what `heard` begins with, where that is what a sender said next; how many bytes of it.
    fn hear_run(&mut self, client: usize, at: Duration, heard: &[u8]) -> usize {
        let Some(run) = self.witness.hear_run(client, at, heard) else {
            return 0;
        };
        let hearer = &mut self.clients[client];
        hearer.progress += run.length() as u64;
        self.delivered.add(run.count(), run.length());
        self.accepted += run.count();
        if hearer.part != Part::Slow {
            for (intended, count) in run.times() {
                let took = microseconds(at).saturating_sub(intended);
                self.latency.saturating_record_n(took, count);
            }
        }
        run.length()
    }

    fn hear(&mut self, client: usize, at: Duration, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.clients[client].standing {
            Standing::Registering => self.is_answered(client, at, line),
            Standing::Present | Standing::Leaving => self.hear_message(client, at, line),
            Standing::Lurking if Witness::is_claimed(line) => {
                self.witness.came_unregistered(client, at, line);
            }
            Standing::Lurking => self.visits.notices += 1,
            Standing::Away | Standing::Connecting => {}
        }
    }

    fn hear_message(&mut self, client: usize, at: Duration, line: &[u8]) {
        if !Witness::is_claimed(line) {
            self.visits.notices += 1;
            return;
        }
        self.delivered.add(1, line.len() + 1);
        let hearer = &mut self.clients[client];
        hearer.progress += line.len() as u64 + 1;
        let (part, is_leaving) = (hearer.part, hearer.standing == Standing::Leaving);
        let gone_since = microseconds(hearer.left_at + self.setting.patience);
        let Some(message) = self.witness.hear(client, at, line) else {
            return;
        };
        self.accepted += 1;
        if is_leaving && message.intended > gone_since {
            self.witness.came_unregistered(client, at, line);
        }
        // What one that did not read left waiting is not the server's doing.
        if part != Part::Slow {
            let took = microseconds(at).saturating_sub(message.intended);
            self.latency.saturating_record(took);
        }
    }

    fn server_cpu(&self) -> Duration {
        self.setting
            .process
            .map_or(Duration::ZERO, ServerProcess::cpu_time)
    }
}

fn own_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Sees to it that this process, and what it starts, may have so many descriptors, as far as this user may.
pub fn make_room_for(descriptors: u64) {
    let limit = getrlimit(Resource::Nofile);
    let is_enough = |bound: Option<u64>| bound.is_none_or(|bound| bound >= descriptors);
    let [within, beyond] = [limit.maximum, Some(descriptors)].map(|maximum| Rlimit {
        current: maximum.map(|maximum| maximum.min(descriptors)),
        maximum,
    });
    if !is_enough(limit.current)
        && (is_enough(limit.maximum) || setrlimit(Resource::Nofile, beyond).is_err())
    {
        let _ = setrlimit(Resource::Nofile, within);
    }
}

fn check_descriptors(connections: usize) -> Result<(), Trouble> {
    /// Files, pipes and terminals besides.
    const OTHERS: u64 = 64;
    let needed = connections as u64 + OTHERS;
    make_room_for(needed);
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < needed => Err(Trouble::Unable(format!(
            "{connections} connections need {needed} descriptors, and this user may have {most}: see `ulimit -Hn`"
        ))),
        _ => Ok(()),
    }
}
