//! A small CHAT/1.0 client that is right, and can be told to be wrong in one way, or right in another.
//!
//! Its design is not the reference's, and it uses nothing of it: a thread reads the keyboard, a
//! thread reads the socket, a thread waits for signals, and one loop takes what they report. The
//! terminal is left as it is. Each fault is one visible branch, `if fault("...")`; what each must
//! cost in the suite's eyes stands in the table of faults. So is each variation, which must cost
//! nothing.

#[path = "../benign/table.rs"]
mod benign;
#[path = "../faults/table.rs"]
mod table;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;
use rustix::termios::{InputModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io::{self, BufRead, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow::{self, Break, Continue};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A line that grows beyond this without an end ends the conversation.
const LONGEST_LINE: usize = 64 * 1024;
/// What comes within this time of what came before is too quick for some.
const QUICK: Duration = Duration::from_secs(2);
/// An answer that takes longer comes too late for some.
const LATE: Duration = Duration::from_secs(2);

/// A CHAT/1.0 client that is wrong in one way.
#[derive(Parser)]
#[command(name = "faulty-client")]
struct Arguments {
    /// What to do wrong; `none` is right.
    #[arg(long, value_name = "FAULT", default_value = "none", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(table::names(table::CLIENT)))]
    fault: String,
    /// In which other way to be right.
    #[arg(long, value_name = "NAME", default_value = "none", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(benign::option_names(benign::CLIENT)))]
    variation: String,
    /// Print the faults and the variations, each an object of JSON on a line of its own, and end.
    #[arg(long)]
    list: bool,
    /// The user's name.
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// The server's address: chat://host:port
    #[arg(required_unless_present = "list")]
    address: Option<String>,
}

static FAULT: OnceLock<String> = OnceLock::new();
static VARIATION: OnceLock<String> = OnceLock::new();

/// Whether this is the fault to have.
fn fault(name: &str) -> bool {
    FAULT.get().is_some_and(|chosen| chosen == name)
}

/// Whether this is the other way to be right.
fn variation(name: &str) -> bool {
    VARIATION.get().is_some_and(|chosen| chosen == name)
}

/// What the threads report.
enum Event {
    Typed(Vec<u8>),
    InputEnded,
    Received(Vec<u8>),
    TooLong,
    Vanished,
    Interrupted,
}

/// With which status the program ends.
type Ending = i32;

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        table::print(table::CLIENT)?;
        return benign::print(benign::CLIENT);
    }
    FAULT.get_or_init(|| arguments.fault);
    VARIATION.get_or_init(|| arguments.variation);
    if variation("slow-start") {
        thread::sleep(Duration::from_secs(3));
    }
    let (mut name, mut address) = arguments.name.zip(arguments.address).unwrap_or_default();
    if fault("arguments-swapped") {
        std::mem::swap(&mut name, &mut address);
    }

    let (events, reports) = channel();
    if fault("letters-only") && !name.chars().all(char::is_alphabetic) {
        eprintln!("A name consists of letters.");
        process::exit(2);
    }
    if fault("name-like-scheme-refused") && name.starts_with("chat") {
        eprintln!("Usage: client NAME ADDRESS");
        process::exit(2);
    }
    if fault("one-letter-refused") && name.len() == 1 {
        eprintln!("A name has two letters at least.");
        process::exit(2);
    }
    if fault("name-cut") {
        name.truncate(32);
    }
    if fault("crashes-at-start") {
        traceback("ModuleNotFoundError: No module named 'colorama'");
    }
    if fault("connects-nowhere") {
        eprintln!("Cannot connect to {address}.");
        process::exit(1);
    }
    if fault("backspace-takes-a-byte") || fault("backspace-is-text") {
        let mut modes = tcgetattr(io::stdin())?;
        modes.input_modes -= InputModes::IUTF8;
        if fault("backspace-is-text") {
            modes.special_codes[SpecialCodeIndex::VERASE] = 0;
        }
        tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
    }
    let stream = connect(&address);
    watch_signals(events.clone())?;
    let mut session = Session {
        name,
        stream: stream.try_clone()?,
        events: events.clone(),
        registered: false,
        held_back: Vec::new(),
        unsent: None,
        shown_last: None,
        interrupted: false,
        waiting: Vec::new(),
        shown_before: Vec::new(),
        typed_before: Vec::new(),
        has_shown: false,
        has_said_disconnect: false,
        begun: Instant::now(),
        senders: Vec::new(),
        shown: 0,
        has_typed_nothing: false,
    };
    session.register();
    if fault("answer-awaited-briefly") {
        give_up_unless_answered(&stream);
    }
    let _ = SOCKET.set(stream.try_clone()?);
    thread::spawn(move || read_socket(stream, &events));

    let ending = session.run(&reports);
    if variation("coloured-prompt") {
        println!();
    }
    process::exit(match () {
        () if variation("ends-with-0") => 0,
        () if variation("ends-with-1") => 1,
        () => ending,
    });
}

/// Ends the program if the server says nothing within a moment.
fn give_up_unless_answered(stream: &TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(1500)));
    if stream.peek(&mut [0]).is_err() {
        eprintln!("The server does not answer.");
        process::exit(1);
    }
    let _ = stream.set_read_timeout(None);
}

/// Connects, or ends the program with the reason why not.
fn connect(address: &str) -> TcpStream {
    let (host, port) = parse_address(address).unwrap_or_else(|reason| {
        give_up(
            "address",
            &format!("`{address}` is no address of a chat server: {reason}"),
            2,
        )
    });
    let is_unknown = host.ends_with(".invalid");
    if fault("unknown-host-crashes") && is_unknown {
        traceback("socket.gaierror: [Errno -2] Name or service not known");
    }
    let host = if fault("host-ignored") {
        "127.0.0.1"
    } else {
        host
    };
    TcpStream::connect((host, port)).unwrap_or_else(|error| {
        give_up(
            "connection",
            &format!("Nobody can be reached at {address}: {error}"),
            1,
        )
    })
}

/// Says what is wrong, and ends; three faults each in how that can go.
fn give_up(about: &str, reason: &str, status: Ending) -> ! {
    if fault(&format!("bad-{about}-silent")) {
        process::exit(status);
    }
    if fault(&format!("bad-{about}-traceback")) {
        traceback("ValueError: bad address");
    }
    eprintln!("{reason}");
    if fault(&format!("bad-{about}-stays")) {
        stay();
    }
    process::exit(status);
}

/// Host and port of `chat://host:port`.
fn parse_address(address: &str) -> Result<(&str, u16), &'static str> {
    let place = match address.split_once("://") {
        Some(("chat", place)) => place,
        Some((_, place)) if fault("any-scheme") => place,
        None if fault("scheme-optional") => address,
        Some((scheme, place)) if fault("scheme-ends-so") && scheme.ends_with("chat") => place,
        Some((scheme, place)) if fault("scheme-begins-so") && scheme.starts_with("chat") => place,
        Some(("", place)) if fault("scheme-empty") => place,
        _ => return Err("it does not begin with chat://"),
    };
    let place = place.strip_suffix('/').unwrap_or(place);
    let place = if fault("slashes-stripped") {
        place.trim_start_matches('/')
    } else {
        place
    };
    if fault("no-place-crashes") && place.is_empty() {
        traceback("IndexError: list index out of range");
    }
    let (host, port) = place.rsplit_once(':').ok_or("it has no port")?;
    if fault("half-a-bracket-crashes") && host.starts_with('[') && !host.ends_with(']') {
        traceback("ValueError: Invalid IPv6 URL");
    }
    if fault("empty-port-crashes") && port.is_empty() {
        traceback("ValueError: invalid literal for int() with base 10: ''");
    }
    if fault("negative-port-crashes") && port.starts_with('-') {
        traceback("OverflowError: connect_to(): port must be 0-65535.");
    }
    let port = if fault("port-digits-taken") {
        port.trim_end_matches(char::is_alphabetic)
    } else {
        port
    };
    let port = match () {
        () if fault("port-as-a-fraction-taken") => port.strip_suffix(".0").unwrap_or(port),
        () if fault("port-with-a-plus-taken") => port.strip_prefix('+').unwrap_or(port),
        () if fault("port-with-exponent-taken") => port.strip_suffix("e0").unwrap_or(port),
        () => port,
    };
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let host = if fault("host-optional") && host.is_empty() {
        "127.0.0.1"
    } else {
        host
    };
    if host.is_empty() || host.contains(['/', '@', '?', '#', ' ']) {
        return Err("it has no host");
    }
    // A number with a sign can be parsed, and is no port.
    if port.starts_with('+') {
        return Err("its port has a sign");
    }
    if fault("ports-of-five-digits") && port.len() != 5 {
        return Err("its port is not a number of five digits");
    }
    if fault("hosts-are-numbers") && host.parse::<std::net::IpAddr>().is_err() {
        return Err("its host is not an IP address");
    }
    let overflowing: Option<u32> = port.parse().ok().filter(|_| fault("port-overflows"));
    let last_bits = overflowing.map(|port| (port & 0xffff).to_string());
    let port = match last_bits.as_deref().unwrap_or(port).parse() {
        Ok(port @ 1..) if port.to_string().len() <= 5 => port,
        _ => return Err("its port is not a number from 1 to 65535"),
    };
    Ok((host, if fault("fixed-port") { 21358 } else { port }))
}

fn watch_signals(events: Sender<Event>) -> io::Result<()> {
    let (mut woken, wake) = UnixStream::pair()?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::low_level::pipe::register(signal, wake.try_clone()?)?;
    }
    thread::spawn(move || {
        loop {
            await_input(&woken);
            if let Ok(1..) = woken.read(&mut [0]) {
                let _ = events.send(Event::Interrupted);
            }
        }
    });
    Ok(())
}

/// Waits until there is something to read. A thread that waits in poll does not notice when the harness pauses the
/// program.
fn await_input(source: &impl AsFd) {
    let _ = poll(&mut [PollFd::new(source, PollFlags::IN)], None);
}

/// Taken in turns by those who read.
static TURN: Mutex<()> = Mutex::new(());
/// The connection.
static SOCKET: OnceLock<TcpStream> = OnceLock::new();
/// A message was read while something typed was there.
static BESIDE: AtomicBool = AtomicBool::new(false);
/// A part of a line has come from the server.
static IN_A_LINE: AtomicBool = AtomicBool::new(false);
/// What was typed last is lost.
static LOST: AtomicBool = AtomicBool::new(false);

/// Input that is waited for in poll.
struct Awaited<R>(R);

impl<R: Read + AsFd> Read for Awaited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        await_input(&self.0);
        let _turn = TURN.lock();
        let is_beside = SOCKET.get().is_some_and(peek_at_once) || BESIDE.swap(false, Relaxed);
        LOST.store(is_beside && fault("typed-lost-beside-a-message"), Relaxed);
        self.0.read(buffer)
    }
}

fn read_keyboard(events: &Sender<Event>) {
    let mut keyboard = io::BufReader::new(Awaited(io::stdin().lock()));
    let mut line = Vec::new();
    while let Ok(1..) = keyboard.read_until(b'\n', &mut line) {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        let line = std::mem::take(&mut line);
        if fault("full-line-unsent") && line.len() == 254
            || fault("round-length-unsent") && (line.len() + 1) % 800 == 0
        {
            continue;
        }
        while fault("half-a-line-holds-typing") {
            // Time for the other thread to note what it has read.
            thread::sleep(Duration::from_millis(50));
            if !IN_A_LINE.load(Relaxed) {
                break;
            }
        }
        if LOST.swap(false, Relaxed) {
            continue;
        }
        let _ = events.send(Event::Typed(line));
    }
    let _ = events.send(Event::InputEnded);
}

fn read_socket(mut stream: TcpStream, events: &Sender<Event>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 16 * 1024];
    let mut is_first = true;
    let mut reads = 0;
    let mut heard_last = Instant::now();
    if fault("silence-ends") {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    }
    loop {
        while variation("polls") && !peek_at_once(&stream) {
            thread::sleep(Duration::from_millis(100));
        }
        let is_patient = stream.read_timeout().is_ok_and(|timeout| timeout.is_none());
        if is_patient {
            await_input(&stream);
        }
        let read = {
            let _turn = is_patient.then(|| TURN.lock());
            let is_typed = rustix::io::ioctl_fionread(io::stdin()).is_ok_and(|waiting| waiting > 0);
            BESIDE.store(is_typed, Relaxed);
            stream.read(&mut buffer)
        };
        let Ok(length @ 1..) = read else {
            break;
        };
        if fault("pause-loses-part") && heard_last.elapsed() > LATE {
            lines.rest.clear();
        }
        heard_last = Instant::now();
        let mut received = lines.split(&buffer[..length]);
        reads += 1;
        if is_first && fault("answer-in-parts-lost") && reads > 2 && received.is_empty() {
            lines.rest.clear();
        }
        if is_first && !received.is_empty() && fault("half-behind-answer-lost") {
            lines.rest.clear();
        }
        if is_first && fault("answer-swallows") {
            received.truncate(1);
        }
        if is_first && fault("goodbye-with-answer-shown") && received.len() > 1 {
            received.drain(1..).for_each(|line| show(&line));
        }
        is_first &= received.is_empty();
        for line in received {
            let _ = events.send(Event::Received(line));
        }
        if lines.rest.len() > LONGEST_LINE && !fault("long-line-hoarded") {
            let _ = events.send(Event::TooLong);
        }
    }
    if !lines.rest.is_empty() && fault("part-shown-for-a-notice") {
        show(&lines.rest);
        process::exit(0);
    }
    if !lines.rest.is_empty() && fault("vanishing-within-a-line-unheeded") {
        return;
    }
    let _ = events.send(Event::Vanished);
}

/// Whether there is something to read, without waiting for it.
fn peek_at_once(stream: &TcpStream) -> bool {
    let how = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(stream, &mut [0u8; 1], how).is_ok()
}

/// How messages are told from each other in what is read, and in what is written.
enum Framing {
    Line,
    /// One read, or one write, is one message.
    Bare,
    /// Its length stands before it, in ten bytes.
    Length,
}

fn reads() -> Framing {
    match () {
        () if fault("length-in-front") => Framing::Length,
        () if fault("bare") || fault("bare-trimmed") || fault("reads-bare") => Framing::Bare,
        () if fault("bare-and-crashes-on-200") => Framing::Bare,
        () => Framing::Line,
    }
}

fn writes() -> Framing {
    match () {
        () if fault("length-in-front") => Framing::Length,
        () if fault("bare") || fault("bare-trimmed") || fault("writes-bare") => Framing::Bare,
        () => Framing::Line,
    }
}

/// The lines in what arrives, whatever segments it arrives in.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    hoard: Vec<Vec<u8>>,
    /// How many reads the line in `rest` took so far.
    parts: usize,
}

/// The text of a read by itself, where a character may be cut.
fn decoded(segment: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(segment).into_owned().into()
}

impl Lines {
    fn split(&mut self, segment: &[u8]) -> Vec<Vec<u8>> {
        match reads() {
            Framing::Bare if fault("bare-trimmed") => return vec![without_end(segment).to_vec()],
            Framing::Bare => return vec![segment.to_vec()],
            Framing::Length => return self.split_by_length(segment),
            Framing::Line => {}
        }
        if fault("full-read-awaited") && segment.len() == 512 {
            self.rest.extend_from_slice(segment);
            return Vec::new();
        }
        if fault("decodes-reads") {
            self.rest.extend(decoded(segment));
        } else {
            self.rest.extend_from_slice(segment);
        }
        self.parts += 1;
        if fault("many-parts-lost") && self.parts > 8 {
            self.rest.clear();
        }
        if segment.contains(&b'\n') {
            self.parts = 0;
        }
        let mut lines = Vec::new();
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let mut line: Vec<u8> = self.rest.drain(..=end).collect();
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
                let is_refusal = line.starts_with(b"40");
                if fault("refusal-with-carriage-return-unheeded") && is_refusal {
                    line = b"200 Registration successful".to_vec();
                }
                if fault("carriage-return-refused") {
                    continue;
                }
            }
            if fault("unicode-line-ends") {
                let text = String::from_utf8_lossy(&line).into_owned();
                lines.extend(
                    text.split(['\u{85}', '\u{2028}'])
                        .map(|part| part.as_bytes().to_vec()),
                );
                continue;
            }
            lines.push(line);
        }
        if fault("long-line-hoarded") {
            self.hoard.push(self.rest.repeat(2));
        }
        if fault("partial-line-lost") {
            self.rest.clear();
        }
        let is_behind_a_line = !lines.is_empty() && fault("rest-behind-a-line-taken");
        if (is_behind_a_line || fault("segment-is-message")) && !self.rest.is_empty() {
            lines.push(std::mem::take(&mut self.rest));
        }
        if fault("sixteen-at-most") {
            lines.truncate(16);
        }
        IN_A_LINE.store(!self.rest.is_empty(), Relaxed);
        if fault("first-of-segment-only") {
            lines.truncate(1);
        }
        if fault("last-of-burst-lost") && lines.len() > 1 {
            lines.pop();
        }
        if fault("lines-run-together") && lines.len() > 1 {
            lines = vec![lines.concat()];
        }
        lines
    }

    fn split_by_length(&mut self, segment: &[u8]) -> Vec<Vec<u8>> {
        const HEADER: usize = 10;
        self.rest.extend_from_slice(segment);
        let mut messages = Vec::new();
        while let Some(header) = self.rest.get(..HEADER) {
            let length = String::from_utf8_lossy(header).trim().parse().ok();
            // What begins with no number is beyond understanding.
            let Some(length) = length.filter(|length: &usize| *length <= LONGEST_LINE) else {
                self.rest.clear();
                break;
            };
            if self.rest.len() < HEADER + length {
                break;
            }
            let message = self.rest.drain(..HEADER + length).skip(HEADER).collect();
            messages.push(message);
        }
        messages
    }
}

struct Session {
    name: String,
    stream: TcpStream,
    events: Sender<Event>,
    registered: bool,
    /// Messages that are shown later than they should be.
    held_back: Vec<Vec<u8>>,
    /// A message that is sent later than it should be.
    unsent: Option<Vec<u8>>,
    shown_last: Option<Instant>,
    /// A Ctrl-C that is heeded later than it should be.
    interrupted: bool,
    /// What the server did while the program waited for a line from the keyboard.
    waiting: Vec<Event>,
    /// The message that came last.
    shown_before: Vec<u8>,
    /// The line that was typed last.
    typed_before: Vec<u8>,
    /// A message was shown since a line was typed.
    has_shown: bool,
    /// The word DISCONNECT was in a line that was typed.
    has_said_disconnect: bool,
    /// When the client began.
    begun: Instant,
    /// Whose messages came, each once.
    senders: Vec<Vec<u8>>,
    /// How many messages came.
    shown: usize,
    /// The line that was typed last was empty.
    has_typed_nothing: bool,
}

impl Session {
    fn run(&mut self, reports: &Receiver<Event>) -> Ending {
        loop {
            let next = match reports.recv() {
                Ok(event @ (Event::Received(_) | Event::Vanished))
                    if self.registered && fault("waits-for-keyboard") =>
                {
                    self.waiting.push(event);
                    Continue(())
                }
                Ok(event) => self.take(event),
                Err(_) => Break(1),
            };
            if let Break(ending) = next {
                return ending;
            }
        }
    }

    fn take(&mut self, event: Event) -> ControlFlow<Ending> {
        match event {
            Event::Typed(line) => {
                self.type_line(&line)?;
                let waiting = std::mem::take(&mut self.waiting);
                waiting.into_iter().try_for_each(|event| self.take(event))
            }
            Event::InputEnded => self.end_input(),
            Event::Received(line) if self.registered => self.receive(line),
            Event::Received(line) => self.receive_answer(&line),
            Event::TooLong => self.give_up_on_line(),
            Event::Vanished => self.vanish(),
            Event::Interrupted => self.interrupt(),
        }
    }

    fn send(&mut self, line: &[u8]) {
        let line = match writes() {
            Framing::Bare => line.to_vec(),
            Framing::Length => [format!("{:<10}", line.len()).as_bytes(), line].concat(),
            Framing::Line if variation("crlf") => [line, b"\r\n"].concat(),
            Framing::Line => [line, b"\n"].concat(),
        };
        log(&format!("sending {} bytes", line.len()));
        let size = if variation("byte-by-byte") {
            1
        } else {
            line.len().max(1)
        };
        // A server that is gone is noticed where it is read from.
        let _ = line
            .chunks(size)
            .try_for_each(|part| self.stream.write_all(part));
    }

    fn register(&mut self) {
        if fault("greets-first") {
            self.send(b"HELLO CHAT/1.0");
        }
        let line = match &self.name {
            name if fault("registers-small") => format!("register {name} CHAT/1.0"),
            name if fault("registers-without-version") => format!("REGISTER {name}"),
            name if fault("registers-in-capitals") => {
                format!("REGISTER {} CHAT/1.0", name.to_uppercase())
            }
            name => format!("REGISTER {name} CHAT/1.0"),
        };
        if !fault("registers-never") {
            self.send(line.as_bytes());
        }
    }

    /// The server's answer to the registration.
    fn receive_answer(&mut self, line: &[u8]) -> ControlFlow<Ending> {
        if fault("goodbye-for-answer-shown") && line.starts_with(b"DISCONNECT") {
            show(line);
            return Continue(());
        }
        let answer = shown(line);
        let status = answer.split(' ').next().unwrap_or_default();
        if fault("bare-and-crashes-on-200") && line.ends_with(b"\n") {
            return Continue(());
        }
        if status == "200" && (fault("crashes-on-200") || fault("bare-and-crashes-on-200")) {
            traceback("AttributeError: 'NoneType' object has no attribute 'start'");
        }
        if fault(&format!("{status}-panics")) {
            panic!("refused: {answer}");
        }
        if fault(&format!("{status}-told-by-others")) {
            eprintln!("client.rb:31:in `register': {answer} (RuntimeError)");
            eprintln!("\tfrom client.rb:58:in `<main>'");
            return Break(1);
        }
        let is_good = status == "200"
            || status == "400" && fault("400-unheeded")
            || status == "401" && fault("401-unheeded");
        if is_good {
            self.registered = true;
            println!("You are registered as {}.", self.name);
            prompt();
            let events = self.events.clone();
            thread::spawn(move || read_keyboard(&events));
            if fault("greets-others") {
                self.send(format!("@{}: Hi, everybody!", self.name).as_bytes());
            }
            return Continue(());
        }
        if fault("401-late-shown") && status == "401" && self.begun.elapsed() > LATE {
            show(line);
            self.registered = true;
            return Continue(());
        }
        if !fault(&format!("{status}-silent")) {
            eprintln!("The server refused the registration: {answer}");
        }
        if fault(&format!("{status}-stays")) {
            return Continue(());
        }
        if fault(&format!("{status}-waits-for-enter")) {
            let _ = io::stdin().read_line(&mut String::new());
        }
        Break(1)
    }

    fn receive(&mut self, line: Vec<u8>) -> ControlFlow<Ending> {
        if line == b"DISCONNECT CHAT/1.0"
            || fault("disconnect-in-text") && contains(&line, b"DISCONNECT")
        {
            return self.receive_farewell();
        }
        if fault("sender-taken-for-goodbye") && line.starts_with(b"@DISCONNECT") {
            return self.receive_farewell();
        }
        if fault("disconnect-small-in-text") && contains(&line, b"disconnect")
            || fault("own-disconnect-in-text")
                && contains(&line, format!("DISCONNECT {}", self.name).as_bytes())
        {
            return self.receive_farewell();
        }
        if fault("401-in-text") && contains(&line, b"401") {
            eprintln!("The server says that the name is in use.");
            return Break(1);
        }
        if let Some(sender) = line.split(|&byte| byte == b' ').next() {
            if !self.senders.iter().any(|known| known == sender) {
                self.senders.push(sender.to_vec());
            }
        }
        if fault("six-colours") && self.senders.len() > 6 {
            traceback("IndexError: list index out of range");
        }
        let before = std::mem::replace(&mut self.shown_before, line.clone());
        let text = line.splitn(2, |&byte| byte == b' ').nth(1).unwrap_or(b"");
        if fault("separators-unshown") && contains(&line, "\u{2028}".as_bytes())
            || fault("repeat-unshown") && before == line
            || fault("namesakes-unshown") && line.starts_with(format!("@{}", self.name).as_bytes())
            || fault("mention-unshown") && text.starts_with(b"@")
            || fault("options-unshown") && text.starts_with(b"-")
            || fault("replacement-unshown") && contains(&line, "\u{fffd}".as_bytes())
            || fault("own-words-unshown") && text == self.typed_before
            || fault("long-senders-unshown") && line.len() > text.len() + 34
        {
            return Continue(());
        }
        if fault("status-in-text") && contains(&line, b"400") {
            eprintln!("The server says that something is wrong.");
            return Break(1);
        }
        log(&format!("received {} bytes", line.len()));
        if fault("half-typed-lost-at-second") && self.has_shown {
            let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
        }
        let is_quick = self.shown_last.is_some_and(|last| last.elapsed() < QUICK);
        self.shown += 1;
        if fault("screen-fills-up") && self.shown > 40 {
            return Continue(());
        }
        self.has_shown = true;
        self.shown_last = Some(Instant::now());
        if is_quick && fault("quick-second-lost") {
            return Continue(());
        }
        if fault("shown-after-enter") {
            self.held_back.push(line);
        } else {
            show(&line);
        }
        Continue(())
    }

    fn receive_farewell(&mut self) -> ControlFlow<Ending> {
        if fault("farewell-unheeded") {
            return Continue(());
        }
        if !fault("farewell-silent") {
            println!("The server is shutting down.");
        }
        if fault("farewell-stays") {
            return Continue(());
        }
        if fault("farewell-waits-for-enter") {
            self.interrupted = true;
            return Continue(());
        }
        Break(0)
    }

    fn type_line(&mut self, line: &[u8]) -> ControlFlow<Ending> {
        self.has_said_disconnect |= contains(line, b"DISCONNECT");
        for line in std::mem::take(&mut self.held_back) {
            show(&line);
        }
        if self.interrupted {
            return self.leave();
        }
        if !fault("wide-line-cut-at-message") {
            self.has_shown = false;
        }
        let is_after_nothing = std::mem::replace(&mut self.has_typed_nothing, line.is_empty());
        if line.is_empty() && variation("sends-empty-lines") {
            self.send(format!("@{}: ", self.name).as_bytes());
        }
        if line.is_empty() || fault("typing-unsent") {
            return Continue(());
        }
        if fault("quit-leaves") && [&b"quit"[..], b"exit"].contains(&line) {
            return self.leave();
        }
        if fault("repeat-unsent") && line == self.typed_before
            || fault("slash-is-command") && line.starts_with(b"/")
            || fault("blank-unsent") && line.trim_ascii().is_empty()
            || fault("single-letter-unsent") && line.len() == 1
            || fault("zero-unsent") && line == b"0"
        {
            return Continue(());
        }
        let text = match () {
            () if fault("spaces-squeezed") => {
                let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
                words
                    .into_iter()
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(&b' ')
            }
            () if fault("none-after-an-empty-line") && is_after_nothing => b"None".to_vec(),
            () if fault("name-filled-in") => String::from_utf8_lossy(line)
                .replace("username", &self.name)
                .into(),
            () if fault("typed-read-in-parts") => line.chunks(64).flat_map(decoded).collect(),
            () if fault("dollars-halved") => {
                String::from_utf8_lossy(line).replace("$$", "$").into()
            }
            () if fault("wide-line-cut-at-message") && std::mem::take(&mut self.has_shown) => {
                line[line.len().saturating_sub(77)..].to_vec()
            }
            () if fault("typed-trimmed") => line.trim_ascii().to_vec(),
            () if fault("typed-cut-late") => line[..line.len().min(512)].to_vec(),
            () if fault("typed-escapes-decoded") => {
                String::from_utf8_lossy(line).replace("\\x41", "A").into()
            }
            () if fault("typed-braces-stripped") => {
                String::from_utf8_lossy(line).replace(['{', '}'], "").into()
            }
            () if fault("typed-cut") => line[..line.len().min(80)].to_vec(),
            () if fault("ascii-sent") => String::from_utf8_lossy(line)
                .replace(|c: char| !c.is_ascii(), "?")
                .into(),
            () if fault("latin-1-sent") => line
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>()
                .into(),
            () => line.to_vec(),
        };
        let prefix = match &self.name {
            _ if fault("prefix-missing") => String::new(),
            name if fault("own-prefix-not-again")
                && line.starts_with(format!("@{name}: ").as_bytes()) =>
            {
                String::new()
            }
            name if fault("prefix-tight") => format!("@{name}:"),
            name if fault("prefix-angular") => format!("<{name}> "),
            name => format!("@{name}: "),
        };
        let mut message = [prefix.as_bytes(), &text].concat();
        self.typed_before = line.to_vec();
        if fault("long-message-cut") {
            message.truncate(1000);
        }
        if fault("sent-late") {
            match self.unsent.replace(message) {
                Some(earlier) => message = earlier,
                None => return Continue(()),
            }
        }
        self.send(&message);
        prompt();
        if fault("typed-sent-twice") {
            self.send(&message);
        }
        Continue(())
    }

    fn end_input(&mut self) -> ControlFlow<Ending> {
        match () {
            () if fault("end-of-input-unheeded") => Continue(()),
            () if fault("end-of-input-silent") => Break(0),
            () => self.leave(),
        }
    }

    fn interrupt(&mut self) -> ControlFlow<Ending> {
        if fault("interrupt-unheeded")
            || fault("interrupt-within-a-line-unheeded") && IN_A_LINE.load(Relaxed)
            || fault("interrupt-before-answer-unheeded") && !self.registered
        {
            return Continue(());
        }
        if fault("interrupt-after-message-silent") && self.shown_last.is_some() {
            return Break(0);
        }
        if fault("interrupt-waits-for-enter") {
            self.interrupted = true;
            return Continue(());
        }
        if fault("interrupt-silent") {
            let _ = self.stream.shutdown(Shutdown::Both);
            // Some take a while to end, and need no further key for it.
            thread::sleep(Duration::from_millis(100));
            return Break(0);
        }
        let ending = self.leave();
        if fault("interrupt-stays") {
            Continue(())
        } else {
            ending
        }
    }

    fn leave(&mut self) -> ControlFlow<Ending> {
        if self.registered {
            let line = match &self.name {
                _ if fault("leaves-nameless") => "DISCONNECT CHAT/1.0".to_owned(),
                name if fault("leaves-without-version") => format!("DISCONNECT {name}"),
                name if fault("goodbye-cut") => {
                    let mut line = format!("DISCONNECT {name} CHAT/1.0");
                    line.truncate(63);
                    line
                }
                name => format!("DISCONNECT {name} CHAT/1.0"),
            };
            if variation("says-farewell") {
                self.send(format!("@{}: has left the chat", self.name).as_bytes());
            }
            let mut line = line.into_bytes();
            let last = [self.name.as_bytes(), &self.typed_before].join(&b": "[..]);
            if fault("goodbye-with-tail") && last.len() > line.len() {
                line.extend_from_slice(&last[line.len()..]);
            }
            self.send(&line);
        }
        if variation("closes-halfway") {
            let _ = self.stream.shutdown(Shutdown::Write);
            thread::sleep(Duration::from_millis(200));
        }
        Break(if variation("ends-with-130") { 130 } else { 0 })
    }

    /// The connection is gone.
    fn vanish(&mut self) -> ControlFlow<Ending> {
        if fault("vanishing-traceback") {
            traceback("ConnectionError: closed");
        }
        if fault("vanishing-unheeded") || fault("vanishing-in-mid-line-unheeded") && is_half_typed()
        {
            return Continue(());
        }
        let is_silent = fault("vanishing-silent")
            || fault("vanishing-after-talk-silent") && self.shown_last.is_some()
            || fault("vanishing-after-own-word-silent") && self.has_said_disconnect;
        if !is_silent {
            eprintln!("The server has closed the connection.");
        }
        while fault("vanishing-floods") {
            println!("The server has closed the connection.");
        }
        if fault("vanishing-stays") {
            return Continue(());
        }
        Break(1)
    }

    fn give_up_on_line(&mut self) -> ControlFlow<Ending> {
        while fault("long-line-hangs") {
            thread::park();
        }
        eprintln!("The server sends a line without end.");
        Break(1)
    }
}

/// Whether a line is begun at the terminal, and not ended.
fn is_half_typed() -> bool {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    // The terminal keeps a line to itself until it is ended, unless it is told not to.
    let Ok(mut modes) = tcgetattr(io::stdin()) else {
        return false;
    };
    modes.local_modes.remove(LocalModes::ICANON);
    // Who reads the keyboard would take it before it is seen.
    let _turn = TURN.lock();
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    rustix::io::ioctl_fionread(io::stdin()).is_ok_and(|waiting| waiting > 0)
}

/// What is typed so far can no longer be taken back.
fn fix_half_typed() {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let Ok(mut modes) = tcgetattr(io::stdin()) else {
        return;
    };
    let is_half = is_half_typed();
    // The keyboard's thread reads it now.
    while is_half && rustix::io::ioctl_fionread(io::stdin()).is_ok_and(|waiting| waiting > 0) {
        thread::sleep(Duration::from_millis(1));
    }
    modes.local_modes.insert(LocalModes::ICANON);
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
}

/// A message whose text has lost each occurrence of its own prefix.
fn without_prefix_in_text(message: &str) -> String {
    match message.split_once(": ") {
        Some((sender, text)) => format!("{sender}: {}", text.replace(&format!("{sender}: "), "")),
        None => message.to_owned(),
    }
}

/// Shows a message.
fn show(line: &[u8]) {
    if fault("shows-nothing") || fault("round-length-unshown") && (line.len() + 1) % 800 == 0 {
        return;
    }
    if fault("escapes-shown") {
        let _ = io::stdout().write_all(&[line, b"\n"].concat());
        return;
    }
    if fault("half-typed-is-fixed") {
        fix_half_typed();
    }
    if fault("half-typed-lost") {
        let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
    }
    let text = match () {
        () if fault("latin-1-shown") => shown(
            &line
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>()
                .into_bytes(),
        ),
        () if fault("shown-dollars-halved") => shown(line).replace("$$", "$"),
        () if fault("shown-tags-stripped") => shown(line)
            .replace("[b]", "")
            .replace("[/b]", "")
            .replace("<b>", ""),
        () if fault("prefix-taken-out-of-text") => without_prefix_in_text(&shown(line)),
        () if fault("shown-escapes-decoded") => shown(line).replace("\\x41", "A"),
        () if fault("joiners-unshown") => shown(line).replace(['\u{200c}', '\u{200d}'], ""),
        () if fault("shown-cut") => shown(line).chars().take(100).collect(),
        () if fault("ascii-shown") => shown(line).replace(|c: char| !c.is_ascii(), "?"),
        () if fault("cut-at-colon") => shown(line).split(':').take(2).collect::<Vec<_>>().join(":"),
        () if fault("first-word-shown") => {
            shown(line).split(' ').take(2).collect::<Vec<_>>().join(" ")
        }
        () => shown(line),
    };
    let text = match text
        .strip_prefix('@')
        .and_then(|rest| rest.split_once(": "))
    {
        Some((name, said)) if variation("sender-otherwise") => format!("{name} says: {said}"),
        _ => text,
    };
    if variation("coloured-prompt") {
        print!("\r\x1b[2K\x1b[36m");
    }
    if variation("timestamps") {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seconds = since.as_secs() % 86400;
        print!(
            "[{:02}:{:02}:{:02}] ",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        );
    }
    println!("{text}");
    prompt();
    if fault("shown-twice") {
        println!("{text}");
    }
}

/// Draws the prompt again, where there is one.
fn prompt() {
    if variation("bracketed-paste") {
        print!("\x1b[?2004h> ");
        let _ = io::stdout().flush();
    }
    if variation("coloured-prompt") {
        print!("\x1b[0m\x1b[1;32myou\x1b[0m> ");
        let _ = io::stdout().flush();
    }
}

/// Tells the terminal what happens, at length, where that is asked for.
fn log(event: &str) {
    if variation("logs-much") {
        for part in 1..=5 {
            eprintln!(
                "[1700000000.{part:06}] DEBUG chat.client.core: {event} ({part} of 5) 200 400 401"
            );
        }
    }
}

/// A line as the terminal may get it: nothing in it moves the cursor or changes a colour.
fn shown(line: &[u8]) -> String {
    let harmless = |c: char| {
        if c.is_control() && c != '\u{85}' {
            '\u{fffd}'
        } else {
            c
        }
    };
    String::from_utf8_lossy(line)
        .chars()
        .map(harmless)
        .collect()
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}

/// Ends as a Python program does that nobody made ready for this.
fn traceback(error: &str) -> ! {
    eprintln!(
        "Traceback (most recent call last):\n  File \"client.py\", line 7, in <module>\n    main()\n{error}"
    );
    process::exit(1);
}

/// Does not end.
fn stay() -> ! {
    loop {
        thread::park();
    }
}
