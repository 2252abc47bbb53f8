//! A load that only counts deliveries, for servers with other protocols that the reference's speed
//! is compared with.
//!
//! `peer-load PROTOCOL PORT --senders S --receivers R --size BYTES --seconds T`: receivers
//! subscribe, and senders send texts of this size as fast as the sockets accept them, at most 32
//! KiB a write. They are never more than 1 MiB ahead of the slowest receiver, nor more than it
//! reads in half a second. So no server has a reason to drop a client, and little is left to do at
//! the end. After the given time it sends nothing more and waits until everything has arrived.
//! Unlike `conform stress`, it does not check the contents.
//!
//! If each sender has sent one message, there are S x R deliveries with `nats` and `mqtt`, whose
//! senders do not subscribe. Senders in `chat` and `irc` are members of the room and also hear the
//! other senders. That makes S x (R + S - 1) deliveries, and all of them count.
//!
//! All relayed messages of a run have the same length, so they are counted without parsing, from
//! the start of one to the start of the next. Anything that starts differently is a line for the
//! client itself.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chat_conformance::server::raise_descriptor_limit;
use clap::{Parser, ValueEnum};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

const BATCH: usize = 32 << 10;
const MIN_AHEAD: usize = 2 << 10;
const MAX_AHEAD: usize = 1 << 20;
/// Maximum time that the slowest receiver needs for the messages ahead of it, judging by its speed
/// so far.
const SECONDS_AHEAD: f64 = 0.5;
/// Timeout for an answer and for the last deliveries.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Including the line end.
const MAX_IRC_LINE: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    Chat,
    Nats,
    Mqtt,
    Irc,
}

#[derive(Debug, Clone, Copy, Parser)]
struct Arguments {
    protocol: Protocol,
    /// Port of the server on 127.0.0.1.
    port: u16,
    #[arg(long, default_value_t = 1)]
    senders: usize,
    #[arg(long, default_value_t = 10)]
    receivers: usize,
    /// Length of each text, in bytes.
    #[arg(long, default_value_t = 64)]
    size: usize,
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Process id of the server, to report its processor time.
    #[arg(long)]
    pid: Option<u32>,
}

struct Client {
    stream: TcpStream,
    hears: bool,
    heard: u64,
    /// Number of bytes still to come of the current message.
    to_come: usize,
    /// The line that is not a message, as far as it has arrived.
    line: Vec<u8>,
    /// The bytes that a sender sends over and over. Receivers send nothing.
    batch: Vec<u8>,
    /// Number of bytes at the end of the batch that are not sent yet.
    unwritten: usize,
    /// Number of messages in all batches started so far.
    sent: u64,
    is_writable: bool,
}

/// The result.
#[derive(Debug, serde::Serialize)]
struct Counts {
    sent: u64,
    deliveries: u64,
    /// From the first message sent to the last one heard.
    seconds: f64,
    all_came: bool,
    /// Processor time of the server in the same period.
    cpu_seconds: Option<f64>,
}

fn main() -> ExitCode {
    raise_descriptor_limit();
    match Load::new(Arguments::parse()).and_then(Load::run) {
        Ok(outcome) => {
            println!("{}", serde_json::json!(outcome));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

// Before the load.

/// A client that is not under load yet. It waits for every answer.
struct Newcomer {
    stream: BufReader<TcpStream>,
    name: String,
}

impl Newcomer {
    fn connect(port: u16, name: String) -> Result<Newcomer> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Newcomer {
            stream: BufReader::new(stream),
            name,
        })
    }

    fn say(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Waits for a line that contains `wanted`.
    fn expect(&mut self, wanted: &str) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                let name = &self.name;
                return Err(Error::other(format!(
                    "{name} was sent away before `{wanted}`"
                )));
            }
            if let Some(what) = line.strip_prefix("PING") {
                self.say(format!("PONG{what}").as_bytes())?;
            } else if line.contains(wanted) {
                return Ok(line);
            }
        }
    }

    /// Waits for an MQTT packet of this kind.
    fn expect_packet<const N: usize>(&mut self, kind: u8) -> Result<()> {
        let mut packet = [0; N];
        self.stream.read_exact(&mut packet)?;
        // In both kinds of packet, the last byte says whether the request was granted.
        if packet[0] != kind || packet[N - 1] != 0 {
            return Err(Error::other(format!("{} got {packet:?}", self.name)));
        }
        Ok(())
    }

    /// Registers, and subscribes if the client should hear messages. Returns the length of the
    /// prefix of each text, if only the server knows it.
    fn enter(&mut self, protocol: Protocol, hears: bool) -> Result<usize> {
        let name = self.name.clone();
        match protocol {
            Protocol::Chat => {
                self.say(format!("REGISTER {name} CHAT/1.0\n").as_bytes())?;
                self.expect("200 ")?;
            }
            Protocol::Nats => {
                let subscription = if hears { "SUB c 1\r\n" } else { "" };
                let hello = format!("CONNECT {{\"verbose\":false}}\r\n{subscription}PING\r\n");
                self.say(hello.as_bytes())?;
                self.expect("PONG")?;
            }
            Protocol::Mqtt => {
                // Version 3.1.1, a clean session, no keep-alive.
                let mut hello = b"\x00\x04MQTT\x04\x02\x00\x00".to_vec();
                put_text(&mut hello, &name);
                self.say(&packet(0x10, &hello))?;
                self.expect_packet::<4>(0x20)?;
                if hears {
                    self.say(&packet(0x82, b"\x00\x01\x00\x01c\x00"))?;
                    self.expect_packet::<5>(0x90)?;
                }
            }
            Protocol::Irc => {
                self.say(format!("NICK {name}\r\nUSER u 0 * :u\r\n").as_bytes())?;
                self.expect(" 001 ")?;
                self.say(b"JOIN #c\r\n")?;
                let own = self.expect(" JOIN ")?;
                self.expect(" 366 ")?;
                return Ok(own.find(' ').unwrap_or(0));
            }
        }
        Ok(0)
    }
}

fn put_text(packet: &mut Vec<u8>, text: &str) {
    packet.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
    packet.extend_from_slice(text.as_bytes());
}

/// An MQTT packet.
fn packet(kind: u8, content: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut left = content.len();
    while left > 0x7f {
        packet.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    packet.push(left as u8);
    packet.extend_from_slice(content);
    packet
}

/// A message of a sender.
fn message(protocol: Protocol, name: &str, size: usize) -> Vec<u8> {
    let text = "x".repeat(size);
    match protocol {
        Protocol::Chat => format!("@{name}: {text}\n").into_bytes(),
        Protocol::Nats => format!("PUB c {size}\r\n{text}\r\n").into_bytes(),
        Protocol::Mqtt => packet(0x30, format!("\0\x01c{text}").as_bytes()),
        Protocol::Irc => format!("PRIVMSG #c :{text}\r\n").into_bytes(),
    }
}

// The load.

struct Load {
    arguments: Arguments,
    poll: Poll,
    /// The first ones are the senders.
    clients: Vec<Client>,
    /// Length of a message as sent, and as relayed.
    length: usize,
    relayed_length: usize,
    /// First byte of a relayed message.
    mark: u8,
    sent: u64,
    /// Index of the sender that goes first.
    first: usize,
    last_heard: Instant,
    has_lost_connection: bool,
}

impl Load {
    fn new(arguments: Arguments) -> Result<Load> {
        let Arguments { protocol, size, .. } = arguments;
        let are_members = matches!(protocol, Protocol::Chat | Protocol::Irc);
        let mut newcomers = Vec::new();
        let mut prefix = 0;
        for index in 0..arguments.senders + arguments.receivers {
            let mut newcomer = Newcomer::connect(arguments.port, format!("c{index:05}"))?;
            prefix = newcomer.enter(protocol, are_members || index >= arguments.senders)?;
            newcomers.push(newcomer);
        }
        if protocol == Protocol::Irc {
            // Its answer comes after the notices about everybody who joined later.
            for newcomer in &mut newcomers {
                newcomer.say(b"PING :all\r\n")?;
                newcomer.expect(" PONG ")?;
            }
        }
        let length = message(protocol, "c00000", size).len();
        let (mark, relayed_length) = match protocol {
            Protocol::Chat => (b'@', length),
            Protocol::Nats => (b'M', format!("MSG c 1 {size}\r\n\r\n").len() + size),
            Protocol::Mqtt => (0x30, length),
            Protocol::Irc => (b':', prefix + 1 + length),
        };
        if protocol == Protocol::Irc && relayed_length > MAX_IRC_LINE {
            return Err(Error::new(ErrorKind::InvalidInput, "the line is too long"));
        }
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for (index, newcomer) in newcomers.into_iter().enumerate() {
            let sends = index < arguments.senders;
            // Everything received so far was answered above, and is not a message.
            let stream = newcomer.stream.into_inner();
            stream.set_nonblocking(true)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut SourceFd(&stream.as_raw_fd()), Token(index), interest)?;
            let batch = match sends {
                true => message(protocol, &newcomer.name, size).repeat((BATCH / length).max(1)),
                false => Vec::new(),
            };
            clients.push(Client {
                stream,
                hears: are_members || !sends,
                heard: 0,
                to_come: 0,
                line: Vec::new(),
                batch,
                unwritten: 0,
                sent: 0,
                is_writable: true,
            });
        }
        Ok(Load {
            arguments,
            poll,
            clients,
            length,
            relayed_length,
            mark,
            sent: 0,
            first: 0,
            last_heard: Instant::now(),
            has_lost_connection: false,
        })
    }

    fn run(mut self) -> Result<Counts> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 << 10];
        let cpu_at_first = self.server_cpu();
        let begun = Instant::now();
        let end = begun + Duration::from_secs_f64(self.arguments.seconds);
        loop {
            let now = Instant::now();
            let allowed_ahead = self.allowed_ahead(now - begun);
            self.send(if now < end { allowed_ahead } else { 0 });
            let is_over = now >= end && (self.max_behind() == 0 || now > end + TIMEOUT);
            if is_over || self.has_lost_connection {
                break;
            }
            match self.poll.poll(&mut events, Some(Duration::from_millis(20))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                let Token(index) = event.token();
                self.clients[index].is_writable |= event.is_writable();
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.read(index, &mut buffer);
                }
            }
        }
        let cpu = self.server_cpu().zip(cpu_at_first);
        Ok(Counts {
            sent: self.sent,
            deliveries: self.clients.iter().map(|client| client.heard).sum(),
            seconds: (self.last_heard - begun).as_secs_f64(),
            all_came: self.max_behind() == 0 && !self.has_lost_connection,
            cpu_seconds: cpu.map(|(after, before)| after - before),
        })
    }

    /// Number of messages that the slowest receiver is behind the senders.
    fn max_behind(&self) -> u64 {
        let hearing = self.clients.iter().filter(|client| client.hears);
        hearing
            .map(|client| (self.sent - client.sent).saturating_sub(client.heard))
            .max()
            .unwrap_or(0)
    }

    /// Number of bytes that senders may be ahead: a few at the start, more later.
    fn allowed_ahead(&self, elapsed: Duration) -> usize {
        let taken = (self.sent - self.max_behind()) as f64 * self.length as f64;
        let a_second = taken / elapsed.as_secs_f64().max(0.001);
        ((a_second * SECONDS_AHEAD) as usize).clamp(MIN_AHEAD, MAX_AHEAD)
    }

    /// Sends in turns until this many bytes are ahead. Started batches are always finished.
    fn send(&mut self, allowed_ahead: usize) {
        let senders = self.arguments.senders;
        let room = allowed_ahead.saturating_sub(self.max_behind() as usize * self.length);
        let portion = allowed_ahead.clamp(self.length, BATCH.max(self.length));
        let mut may_begin = room / portion;
        self.first = (self.first + 1) % senders;
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for turn in 0..senders {
                let sender = &mut self.clients[(self.first + turn) % senders];
                if !sender.is_writable {
                    continue;
                }
                if sender.unwritten == 0 {
                    if may_begin == 0 {
                        continue;
                    }
                    may_begin -= 1;
                    let count = portion / self.length;
                    sender.unwritten = count * self.length;
                    sender.sent += count as u64;
                    self.sent += count as u64;
                }
                let from = sender.batch.len() - sender.unwritten;
                match sender.stream.write(&sender.batch[from..]) {
                    Ok(count) => sender.unwritten -= count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        sender.is_writable = false;
                    }
                    Err(_) => self.has_lost_connection = true,
                }
                goes_on |= sender.is_writable && !self.has_lost_connection;
            }
        }
    }

    fn read(&mut self, index: usize, buffer: &mut [u8]) {
        let client = &mut self.clients[index];
        loop {
            match client.stream.read(buffer) {
                Ok(0) => break self.has_lost_connection = true,
                Ok(count) => {
                    if client.hear(&buffer[..count], self.mark, self.relayed_length) {
                        self.last_heard = Instant::now();
                    }
                    if count < buffer.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => break self.has_lost_connection = true,
            }
        }
    }

    fn server_cpu(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.arguments.pid?)).ok()?;
        let after_name = &stat[stat.rfind(')')? + 1..];
        let times = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }
}

impl Client {
    /// Counts the messages that end in these bytes. Returns whether there were any.
    fn hear(&mut self, mut rest: &[u8], mark: u8, length: usize) -> bool {
        let before = self.heard;
        while let Some(&start) = rest.first() {
            if self.to_come == 0 && self.line.is_empty() && start == mark {
                self.to_come = length;
            }
            if self.to_come > 0 {
                let here = self.to_come.min(rest.len());
                self.to_come -= here;
                self.heard += u64::from(self.to_come == 0);
                rest = &rest[here..];
                continue;
            }
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            if self.line.ends_with(b"\n") {
                self.handle_line();
            }
        }
        self.heard > before
    }

    /// Answers a line that is not a message, if it needs an answer.
    fn handle_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        // An answer must not interrupt a batch. A sender that sends is obviously alive.
        if line.starts_with(b"PING") && self.unwritten == 0 {
            let answer = [b"PONG", &line[4..]].concat();
            let _ = self.stream.write(&answer);
        }
    }
}
