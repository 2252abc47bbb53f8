//! The loop that talks, listens and measures.
//!
//! - `sending`: what the senders send, and when.
//! - `visits`: which clients come, go or stop reading, and when.

mod sending;
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

use super::client::{Client, ClientState, PlannedAction};
use super::connection::{BUFFER_SIZE, Input};
use super::error::LoadError;
use super::message::{microseconds, name};
use super::outcome::{Generator, Latency, Outcome, Registration, Traffic, Usage, Visits};
use super::server_process::ServerProcess;
use super::spec::{ClientRole, Length, LoadSpec};
use super::timer::Timer;
use super::witness::{KEPT, KEPT_UNPACED, Kind, Witness};

/// What it takes to run a load.
pub struct Setting<'a> {
    /// The load.
    pub spec: &'a LoadSpec,
    /// Program and arguments of the server, or its address, as shown in reports.
    pub server: Vec<String>,
    /// Address of the server.
    pub address: SocketAddr,
    /// The server's process, if this program started it.
    pub process: Option<&'a ServerProcess>,
    /// Timeout for anything that has to happen.
    pub patience: Duration,
    /// Set to stop early.
    pub cancelled: &'a AtomicBool,
    /// Called now and then with the progress.
    pub watch: &'a dyn Fn(Progress),
}

/// The progress of a load.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The current phase.
    pub phase: Phase,
    /// Number of registered clients.
    pub registered: usize,
    /// Time since the first message.
    pub elapsed: Duration,
    /// Number of messages heard so far.
    pub delivered: u64,
    /// Number of breaches so far.
    pub breaches: u64,
}

/// The phases of a load, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All clients register.
    Gathering,
    /// Senders send.
    Talking,
    /// The listeners read what is still on its way.
    Draining,
}

/// Number of clients that connect but never register. They must hear nothing (S-MSG-3).
const LURKERS: usize = 2;
/// Maximum number of clients that connect or register at the same time.
const MAX_CONNECTING: usize = 128;
/// Number of reads from one client before the others have their turn.
const READS_PER_TURN: usize = 4;
/// How long to wait for the end of the server's process after its connections have ended.
const END_TIMEOUT: Duration = Duration::from_millis(500);
const TIMER: Token = Token(usize::MAX);

/// Puts a server under load.
///
/// # Errors
/// When the load could not run. Breachs by the server are part of the result.
pub fn run(setting: Setting<'_>) -> Result<Outcome, LoadError> {
    let memory_before = setting.process.map_or(0, ServerProcess::own_memory);
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
        memory_before,
        memory_registered,
        memory_peak: process.peak_memory(),
        memory_after: process.own_memory(),
    });
    let generator = Generator {
        cpu_seconds: own_cpu().saturating_sub(cpu).as_secs_f64(),
        late_p99: load.late.value_at_quantile(0.99),
        held_back: load.held_back,
    };
    load.record_losses();
    load.say_goodbye();
    let (counts, breaches) = load.witness.verdict();
    Ok(Outcome {
        server: load.setting.server,
        spec: load.setting.spec.clone(),
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
    /// First the clients of the load, then the lurkers.
    clients: Vec<Client>,
    witness: Witness,
    phase: Phase,
    /// When the first message was due.
    begun: Instant,
    /// For each sender, the number of messages composed.
    numbers: Vec<u64>,
    sent: Traffic,
    delivered: Traffic,
    latency: Histogram<u64>,
    late: Histogram<u64>,
    /// Whether messages that are due have to wait for the server or for listeners.
    is_held_back: bool,
    held_back: u64,
    /// For each sender, the number of messages that everybody had heard at the last check but one,
    /// and at the last check.
    relayed: Vec<u64>,
    relayed_next: Vec<u64>,
    relayed_at: Instant,
    /// Number of messages that were as expected.
    accepted: u64,
    visits: Visits,
    /// Progress of the slowest steady client at the last check.
    slowest: u64,
    registered: usize,
    /// Number of clients that are connecting or registering.
    arriving: usize,
    calendar: BinaryHeap<Reverse<(Instant, usize, u64, PlannedAction)>>,
    to_read: VecDeque<usize>,
    /// Buffer for reading.
    buffer: Vec<u8>,
    random: u64,
    last_report: Instant,
    /// How long nothing had arrived when the load gave up waiting.
    idle_at_end: Duration,
    /// The longest time in which nobody could send and nobody heard anything.
    standstill: Duration,
}

impl<'a> Load<'a> {
    fn new(setting: Setting<'a>) -> Result<Load<'a>, LoadError> {
        let spec = setting.spec;
        let all = spec.clients + LURKERS;
        check_descriptors(all)?;
        let poll = Poll::new()?;
        let timer = Timer::new(TIMER, poll.registry())?;
        let histogram = || {
            Histogram::new_with_max(3_600_000_000, 3)
                .map_err(|why| LoadError::Generator(why.to_string()))
        };
        let mut clients: Vec<Client> = (0..spec.clients)
            .map(|client| Client::new(spec.role(client)))
            .collect();
        clients.resize_with(all, || Client::new(ClientRole::Listener));
        let kept = if spec.unpaced { KEPT_UNPACED } else { KEPT };
        let now = Instant::now();
        Ok(Load {
            poll,
            timer,
            clients,
            witness: Witness::new(all, spec.senders, spec.size, kept),
            phase: Phase::Gathering,
            begun: now,
            numbers: vec![0; spec.senders],
            sent: Traffic::default(),
            delivered: Traffic::default(),
            latency: histogram()?,
            late: histogram()?,
            is_held_back: false,
            held_back: 0,
            relayed: vec![0; spec.senders],
            relayed_next: vec![0; spec.senders],
            relayed_at: now,
            accepted: 0,
            visits: Visits::default(),
            slowest: 0,
            registered: 0,
            arriving: 0,
            calendar: BinaryHeap::new(),
            to_read: VecDeque::new(),
            buffer: vec![0; BUFFER_SIZE],
            random: 0x2545_f491_4f6c_dd1d,
            last_report: now,
            idle_at_end: Duration::ZERO,
            standstill: Duration::ZERO,
            setting,
        })
    }

    // Phases.

    /// Registers all clients and connects the lurkers.
    fn gather(&mut self) -> Result<(), LoadError> {
        let mut next = 0;
        let mut last_arrival = (Instant::now(), 0);
        let mut events = Events::with_capacity(1024);
        while self.registered < self.setting.spec.clients || next < self.clients.len() {
            while next < self.clients.len() && self.arriving < MAX_CONNECTING {
                self.connect(next)?;
                next += 1;
            }
            self.round(&mut events, Duration::from_millis(100))?;
            if let Some(first) = self.witness.first() {
                let what = format!("{} {}", name(first.client), first.what);
                return Err(self.server_error(what));
            }
            if self.registered > last_arrival.1 {
                last_arrival = (Instant::now(), self.registered);
            } else if last_arrival.0.elapsed() > self.setting.patience + Duration::from_secs(1) {
                return Err(self.server_error(self.why_stuck()));
            }
        }
        Ok(())
    }

    /// Why clients do not get registered.
    fn why_stuck(&self) -> String {
        let seconds = self.setting.patience.as_secs_f64();
        let here = self.registered;
        let waiting = self
            .clients
            .iter()
            .position(|client| client.state == ClientState::Registering);
        let why = match waiting {
            Some(client) => match self.unfinished_line(client).as_str() {
                "" => format!(
                    "the server did not answer the registration of {} within {seconds} s",
                    name(client)
                ),
                text => format!(
                    "the server answered the registration of {} with `{text}`, without a line end: it can only be \
                     put under load if it ends its lines",
                    name(client)
                ),
            },
            None => format!("no client could connect for {seconds} s"),
        };
        format!(
            "{why}; {here} of {} clients are registered",
            self.setting.spec.clients
        )
    }

    /// If the server has ended, that is the reason to report.
    fn server_error(&self, what: String) -> LoadError {
        let end = self
            .setting
            .process
            .and_then(|process| process.wait_for_end(END_TIMEOUT));
        LoadError::Server(end.map_or(what, |how| format!("the server ended: {how}")))
    }

    fn talk(&mut self) -> Result<(), LoadError> {
        self.phase = Phase::Talking;
        self.begun = Instant::now();
        for client in 0..self.setting.spec.clients {
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
                let what =
                    format!("saw no progress for {seconds} s: the server reads and relays nothing");
                self.witness.note(Kind::Stuck, 0, what);
                break;
            }
        }
        if !self.nothing_is_due() {
            self.standstill = self.standstill.max(last_move.0.elapsed());
        }
        Ok(())
    }

    /// Whether the load has sent everything.
    fn is_enough(&self) -> bool {
        match self.setting.spec.length {
            Length::Seconds(seconds) => self.begun.elapsed().as_secs_f64() >= seconds,
            Length::Messages(count) => self.sent.messages >= count,
        }
    }

    /// Waits until everybody has heard everything, or nothing arrives any more.
    fn drain(&mut self) -> Result<(), LoadError> {
        /// Repeated or misdirected messages arrive at about the same time as the right ones.
        const QUIET: Duration = Duration::from_millis(100);
        self.phase = Phase::Draining;
        for client in 0..self.setting.spec.clients {
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
            .filter(|(_, client)| client.state == ClientState::Present);
        let is_written = |client: &Client| {
            client
                .connection
                .as_ref()
                .is_none_or(|open| open.unsent() == 0)
        };
        self.arriving == 0
            && here.all(|(index, client)| {
                is_written(client) && self.witness.has_heard_all(index, &self.numbers)
            })
    }

    fn has_server_ended(&self) -> bool {
        self.setting.process.is_some_and(ServerProcess::has_ended)
    }

    /// Records the messages that did not arrive as lost.
    fn record_losses(&mut self) {
        let end = self
            .setting
            .process
            .and_then(|process| match self.witness.first() {
                Some(_) => process.wait_for_end(END_TIMEOUT),
                None => process.end(),
            });
        if let Some(how) = end {
            return self.witness.server_ended(&how);
        }
        let seconds = self.setting.patience.as_secs_f64();
        for sender in 0..self.setting.spec.senders {
            if self.discard_unsent(sender) > 0 {
                let what = format!("could send nothing for {seconds} s: the server does not read");
                self.witness.note(Kind::Stuck, sender, what);
            }
        }
        for client in 0..self.setting.spec.clients {
            match self.clients[client].state {
                ClientState::Present => self.witness.ends(client, &self.numbers),
                ClientState::Connecting | ClientState::Registering => {
                    let what = format!("got no answer to its registration within {seconds} s");
                    self.witness.note(Kind::Refused, client, what);
                }
                ClientState::Away | ClientState::Leaving | ClientState::Lurking => {}
            }
        }
    }

    /// Leaves a running server as it was before.
    fn say_goodbye(&mut self) {
        for client in 0..self.setting.spec.clients {
            if self.clients[client].state == ClientState::Present {
                let goodbye = format!("DISCONNECT {} CHAT/1.0\n", name(client));
                self.say(client, goodbye.as_bytes());
            }
            self.clients[client].connection = None;
        }
    }

    // One round of the loop.

    fn round(&mut self, events: &mut Events, wait: Duration) -> Result<(), LoadError> {
        if self.setting.cancelled.load(Ordering::Relaxed) {
            return Err(LoadError::Interrupted);
        }
        let wait = if self.to_read.is_empty() {
            wait
        } else {
            Duration::ZERO
        };
        // The poller counts in milliseconds and rounds up.
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
        self.run_planned_actions();
        self.check_progress();
        self.report_progress();
        Ok(())
    }

    fn report_progress(&mut self) {
        const PAUSE: Duration = Duration::from_millis(200);
        if self.last_report.elapsed() < PAUSE {
            return;
        }
        self.last_report = Instant::now();
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
        if self.clients[client].state == ClientState::Connecting {
            return self.is_connected(client);
        }
        let connection = self.clients[client].connection.as_mut();
        if connection.is_some_and(|connection| connection.flush().is_err()) {
            self.handle_end(client);
        }
    }

    fn read(&mut self, client: usize, buffer: &mut [u8]) {
        self.clients[client].in_reading_queue = false;
        for _ in 0..READS_PER_TURN {
            let most = self.may_read(client);
            if most == 0 {
                return self.read_more_later(client);
            }
            let Some(connection) = &mut self.clients[client].connection else {
                return;
            };
            let before = connection.partial().len();
            match connection.read(buffer, most) {
                Ok((_, Input::Ended)) | Err(_) => return self.handle_end(client),
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

    /// Handles the bytes that a client read, line by line.
    fn take(&mut self, client: usize, bytes: &[u8]) {
        let at = self.begun.elapsed();
        let visit = self.clients[client].visit;
        let mut rest = bytes;
        loop {
            if self.clients[client].state == ClientState::Present {
                rest = &rest[self.hear_run(client, at, rest)..];
            }
            let Some(end) = memchr::memchr(b'\n', rest) else {
                break;
            };
            self.hear(client, at, &rest[..end]);
            // A line may have made the client reconnect.
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
            let what = "heard a line that exceeds the maximum length".to_owned();
            self.witness.note(Kind::Changed, client, what);
            self.disconnect(client);
        }
    }

    /// Handles the start of `heard` if it equals the next lines of a sender. Returns the number of
    /// bytes handled.
    fn hear_run(&mut self, client: usize, at: Duration, heard: &[u8]) -> usize {
        let Some(run) = self.witness.hear_run(client, at, heard) else {
            return 0;
        };
        let hearer = &mut self.clients[client];
        hearer.progress += run.length() as u64;
        self.delivered.add(run.count(), run.length());
        self.accepted += run.count();
        if hearer.role != ClientRole::Slow {
            for (intended, count) in run.times() {
                let took = microseconds(at).saturating_sub(intended);
                self.latency.saturating_record_n(took, count);
            }
        }
        run.length()
    }

    fn hear(&mut self, client: usize, at: Duration, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.clients[client].state {
            ClientState::Registering => self.handle_answer(client, at, line),
            ClientState::Present | ClientState::Leaving => self.hear_message(client, at, line),
            ClientState::Lurking if Witness::claims_to_be_message(line) => {
                self.witness.heard_unregistered(client, at, line);
            }
            ClientState::Lurking => self.visits.notices += 1,
            ClientState::Away | ClientState::Connecting => {}
        }
    }

    fn hear_message(&mut self, client: usize, at: Duration, line: &[u8]) {
        if !Witness::claims_to_be_message(line) {
            self.visits.notices += 1;
            return;
        }
        self.delivered.add(1, line.len() + 1);
        let hearer = &mut self.clients[client];
        hearer.progress += line.len() as u64 + 1;
        let (role, is_leaving) = (hearer.role, hearer.state == ClientState::Leaving);
        let gone_since = microseconds(hearer.left_at + self.setting.patience);
        let Some(message) = self.witness.hear(client, at, line) else {
            return;
        };
        self.accepted += 1;
        if is_leaving && message.intended > gone_since {
            self.witness.heard_unregistered(client, at, line);
        }
        // Delays caused by a client that stopped reading are not the server's fault.
        if role != ClientRole::Slow {
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

/// Raises the descriptor limit of this process and its children to `descriptors`, as far as this
/// user may.
pub fn raise_descriptor_limit(descriptors: u64) {
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

fn check_descriptors(connections: usize) -> Result<(), LoadError> {
    /// Files, pipes and terminals.
    const OTHERS: u64 = 64;
    let needed = connections as u64 + OTHERS;
    raise_descriptor_limit(needed);
    match getrlimit(Resource::Nofile).current {
        Some(most) if most < needed => Err(LoadError::Generator(format!(
            "{connections} connections need {needed} descriptors, but this user may only have {most}; see `ulimit -Hn`"
        ))),
        _ => Ok(()),
    }
}
