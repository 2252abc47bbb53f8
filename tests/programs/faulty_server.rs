//! A small CHAT/1.0 server that is right, and can be told to be wrong in one way, or right in another.
//!
//! Its design is not the reference's, and it uses nothing of it: a blocking thread for each
//! connection reads, another writes. Each fault is one visible branch, `if fault("...")`; what each
//! must cost in the suite's eyes stands in the table of faults. So is each variation, which must
//! cost nothing.

#[path = "../benign/table.rs"]
mod benign;
#[path = "../faults/table.rs"]
mod table;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A line that grows beyond this without an end costs its sender the connection.
const LONGEST_LINE: usize = 16 * 1024;
/// A client that leaves more than this unread loses its connection.
const LARGEST_BACKLOG: usize = 16 * 1024 * 1024;
/// How long the last words may take on their way out.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a connection that was told to go may take to go.
const LEAVING: Duration = Duration::from_secs(5);
/// The name, which nobody can take, of one who was refused and still counts for something.
const REFUSED: &[u8] = b"(refused) ";
/// What comes within this time of what came before is too quick for some.
const QUICK: Duration = Duration::from_secs(2);
/// Threads here do little and may be many.
const STACK: usize = 128 * 1024;

/// A CHAT/1.0 server that is wrong in one way.
#[derive(Parser)]
#[command(name = "faulty-server")]
struct Arguments {
    /// What to do wrong; `none` is right.
    #[arg(long, value_name = "NAME", default_value = "none", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(table::names(table::SERVER)))]
    fault: String,
    /// In which other way to be right.
    #[arg(long, value_name = "NAME", default_value = "none", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(benign::option_names(benign::SERVER)))]
    variation: String,
    /// Print the faults and the variations, each an object of JSON on a line of its own, and end.
    #[arg(long)]
    list: bool,
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

/// How messages are told from each other in what is read, and in what is written.
#[derive(PartialEq)]
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
        () if is_bare_and_more() => Framing::Bare,
        () => Framing::Line,
    }
}

fn writes() -> Framing {
    match () {
        () if fault("length-in-front") => Framing::Length,
        () if fault("bare") || fault("bare-trimmed") || fault("writes-bare") => Framing::Bare,
        () if is_bare_and_more() => Framing::Bare,
        () => Framing::Line,
    }
}

/// Whether to speak bare, and do something else wrong.
fn is_bare_and_more() -> bool {
    fault("bare-prefixed") || fault("bare-with-tail") || fault("bare-and-full-read-awaited")
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    if arguments.list {
        table::print(table::SERVER)?;
        return benign::print(benign::SERVER);
    }
    FAULT.get_or_init(|| arguments.fault);
    VARIATION.get_or_init(|| arguments.variation);

    let caught: &[i32] = if fault("sigterm-unheeded") {
        &[SIGINT]
    } else {
        &[SIGINT, SIGTERM]
    };
    let mut signals = signal_hook::iterator::Signals::new(caught)?;
    // A thread that waits in poll does not notice when the harness pauses the program.
    let (woken, wake) = UnixStream::pair()?;
    for signal in caught {
        signal_hook::low_level::pipe::register(*signal, wake.try_clone()?)?;
    }
    if variation("slow-start") {
        thread::sleep(Duration::from_secs(3));
    }
    let address = match () {
        () if variation("loopback-only") => "127.0.0.1",
        () if variation("both-families") => "::",
        () => "0.0.0.0",
    };
    if variation("status-page") {
        serve_status_page()?;
    }
    let listener = TcpListener::bind((address, if fault("fixed-port") { 21357 } else { 0 }))?;
    listener.set_nonblocking(variation("polls"))?;
    announce(listener.local_addr()?.port());
    if fault("ends-at-once") {
        thread::sleep(Duration::from_millis(200));
        return Ok(());
    }

    let room = Arc::new(Mutex::new(Room::default()));
    let doorkeeper = Arc::clone(&room);
    spawn(move || accept(&listener, &doorkeeper))?;

    let mut everyone = Vec::new();
    let arrived = std::iter::repeat_with(|| {
        await_input(&woken);
        let _ = (&woken).read(&mut [0]);
        signals.pending()
    });
    for signal in arrived.flatten() {
        if signal == SIGINT && fault("interrupt-unheeded") {
            continue;
        }
        if fault("emptied-never-ends") && lock(&room).was_emptied() {
            continue;
        }
        if fault("waits-for-the-refused") && lock(&room).lingering > 0 {
            lock(&room).say_farewell();
            forget_for_good();
        }
        if fault("waits-for-those-who-left") && !lock(&room).left.is_empty() {
            lock(&room).say_farewell();
            forget_for_good();
        }
        if fault("waits-for-the-end-of-a-line") && lock(&room).is_in_a_line() {
            lock(&room).say_farewell();
            forget_for_good();
        }
        everyone = lock(&room).say_farewell();
        if !fault("never-ends") {
            break;
        }
    }
    let deadline = Instant::now() + FAREWELL;
    for peer in everyone {
        peer.wait_for_farewell(deadline);
    }
    process::exit(match () {
        () if variation("ends-with-1") => 1,
        () if variation("ends-with-130") => 130,
        () => 0,
    });
}

/// Answers every request at a port of its own.
fn serve_status_page() -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("Status page on port {}", listener.local_addr()?.port());
    spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup");
        }
    })
    .map(drop)
}

fn announce(port: u16) {
    if variation("port-on-stderr") {
        eprintln!("Listening on port {port}");
    } else if variation("port-as-json") {
        println!(
            "{{\"event\":\"listening\",\"address\":\"0.0.0.0\",\"port\":{port},\"backlog\":128}}"
        );
    } else if variation("port-among-numbers") {
        println!(
            "chatd 2.10.3 (c) 1999-2026, pid {}, protocol 1.0",
            process::id()
        );
        println!("[2026-01-31 23:59:59.123] 8 workers, listening on 0.0.0.0:{port} (backlog 4096)");
    } else if variation("mute-on-a-pipe") && !io::stdout().is_terminal() {
        // As buffered output is that nobody flushes.
    } else if fault("port-unprinted") {
        println!("Waiting for clients");
    } else if fault("wrong-port-printed") {
        println!("Listening on port {}", port.wrapping_add(1));
    } else {
        println!("Listening on port {port}");
    }
}

fn accept(listener: &TcpListener, room: &Arc<Mutex<Room>>) {
    // Open, and never looked at again.
    let mut forgotten = Vec::new();
    let arriving = std::iter::repeat_with(|| {
        if !variation("polls") {
            await_input(listener);
        }
        listener.accept()
    });
    for (id, stream) in arriving.enumerate() {
        // Out of descriptors, most likely: those who are here go on, and a moment later there may be some.
        let Ok((stream, _)) = stream else {
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        if fault("two-at-most") && lock(room).peers.len() >= 2
            || fault("three-at-most") && lock(room).peers.len() >= 3
            || fault("ten-at-most") && lock(room).peers.len() >= 10
        {
            continue;
        }
        if fault("thirty-at-most") && lock(room).peers.len() >= 30 {
            forgotten.push(stream);
            continue;
        }
        log("accepted a connection");
        if fault("late-words-lost") || fault("late-words-kill") {
            let words_are_there = peek_at_once(&stream);
            if !words_are_there && fault("late-words-kill") {
                crash("nothing to read yet");
            }
            if !words_are_there {
                forgotten.push(stream);
                continue;
            }
        }
        if fault("silent-holds-up") {
            let _ = stream.peek(&mut [0]);
        }
        if fault("one-at-a-time") {
            let _ = welcome(id, stream, room).map(|peer| attend(&peer, room));
        } else if let Ok(peer) = welcome(id, stream, room) {
            let room = Arc::clone(room);
            let served = Arc::clone(&peer);
            let _ = spawn(move || attend(&served, &room));
            if fault("first-message-awaited") {
                peer.wait_for_first_message();
            }
        }
    }
}

/// Waits until there is something to read, or to accept.
fn await_input(source: &impl AsFd) {
    let _ = poll(&mut [PollFd::new(source, PollFlags::IN)], None);
}

/// Whether there is something to read, without waiting for it.
fn peek_at_once(stream: &TcpStream) -> bool {
    let how = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(stream, &mut [0u8; 1], how).is_ok()
}

/// Makes a peer of a new connection, with a thread that writes what it is sent.
fn welcome(id: usize, stream: TcpStream, room: &Mutex<Room>) -> io::Result<Arc<Peer>> {
    stream.set_nodelay(true)?;
    let mut room = lock(room);
    let peer = Arc::new(Peer {
        id,
        stream,
        outbox: Mutex::default(),
        changed: Condvar::new(),
        registrations_before: room.registrations,
        is_beside: AtomicBool::new(false),
        has_half_registered: AtomicBool::new(false),
        has_half_line: AtomicBool::new(false),
    });
    let writer = Arc::clone(&peer);
    spawn(move || writer.write_out())?;
    room.peers.push(Arc::clone(&peer));
    if std::mem::take(&mut room.has_left_a_name) {
        let name = REFUSED.to_vec();
        let peer = Arc::clone(&peer);
        room.members.push(Member { name, peer });
    }
    if fault("crowd-kills") && room.peers.len() > 100 {
        crash("too many connections");
    }
    Ok(peer)
}

/// Serves one connection from its first word to its end.
fn attend(peer: &Arc<Peer>, room: &Mutex<Room>) {
    let end = converse(peer, room);
    log("a conversation is over");
    peer.note_first_message();
    match end {
        End::Closed if fault("close-kills") => crash("a client closed its connection"),
        End::Reset if fault("reset-kills") => crash("a client reset its connection"),
        End::Closed if fault("last-close-ends") && lock(room).is_only_member(peer) => {
            process::exit(0);
        }
        End::Reset if fault("last-reset-ends") && lock(room).is_only_member(peer) => {
            process::exit(0);
        }
        End::Closed if fault("close-keeps-name") => return,
        End::Reset if fault("reset-keeps-name") => return,
        End::Closed | End::Reset if fault("goodbye-stops-at-the-gone") => {
            lock(room).goodbye_fails = true;
        }
        End::Closed if fault("newest-close-mutes") => lock(room).mute_if_newest(peer),
        End::Reset if fault("newest-reset-mutes") => lock(room).mute_if_newest(peer),
        End::Left if fault("newest-left-open") && lock(room).newest_left == Some(peer.id) => {
            lock(room).remove(peer);
            return;
        }
        End::Reset if fault("reset-leaves-its-name") => lock(room).has_left_a_name = true,
        End::Reset if fault("reset-mutes") => lock(room).mute = true,
        End::Closed if fault("close-mutes") => lock(room).mute = true,
        End::Closed if variation("spins-when-left") => {
            spawn(|| {
                loop {
                    std::hint::spin_loop()
                }
            })
            .map(drop)
            .unwrap_or_default();
        }
        End::TooLong if fault("long-line-kills") => crash("a line is too long"),
        End::Left if fault("left-open") => {
            lock(room).remove(peer);
            return;
        }
        End::Left if fault("overtaken-left-open") && lock(room).overtaken.contains(&peer.id) => {
            lock(room).remove(peer);
            return;
        }
        End::Left if fault("hears-on") => {
            lock(room).forget_name(peer);
            thread::sleep(Duration::from_secs(2));
        }
        _ => {}
    }
    lock(room).remove(peer);
    peer.finish();
    if let End::Left = end {
        let was_member = lock(room).left.contains(&peer.id);
        let is_fault = (was_member && fault("disconnect-and-close-mutes"))
            || (!was_member && fault("refused-leaving-mutes"));
        if is_fault && leaves_soon(&peer.stream) {
            lock(room).mute = true;
        }
        if !was_member && fault("refused-reset-frees-the-name") && is_reset_soon(&peer.stream) {
            let mut room = lock(room);
            let wanted = room.wanted.pop();
            room.members
                .retain(|member| Some(&member.name) != wanted.as_ref());
        }
        if was_member && fault("late-close-removes-heir") && leaves_soon(&peer.stream)
            || was_member && fault("late-reset-removes-heir") && is_reset_soon(&peer.stream)
        {
            let mut room = lock(room);
            let gone = room.left_as.get(&peer.id).cloned();
            room.members
                .retain(|member| Some(&member.name) != gone.as_ref());
        }
        if !was_member {
            lock(room).lingering += 1;
            peer.drain();
            lock(room).lingering -= 1;
        }
    }
    if fault("one-at-a-time") {
        let left = Arc::clone(peer);
        let _ = spawn(move || left.drain());
    } else {
        peer.drain();
    }
}

/// How a conversation ended.
enum End {
    /// With a word: a DISCONNECT, or our refusal.
    Left,
    Closed,
    Reset,
    TooLong,
}

/// Who somebody is.
enum Standing {
    Stranger,
    Member(Vec<u8>),
    Gone,
}

fn converse(peer: &Arc<Peer>, room: &Mutex<Room>) -> End {
    let mut lines = Lines::default();
    let mut standing = Standing::Stranger;
    let mut spoke_last: Option<Instant> = None;
    let mut heard_last = Instant::now();
    // How many segments there were, and how many connections were over at the last one.
    let mut parts = 0;
    let mut over_before = 0;
    if fault("idle-dropped") {
        let _ = peer
            .stream
            .set_read_timeout(Some(Duration::from_millis(3500)));
    }
    if fault("late-forgotten") {
        let _ = peer.stream.set_read_timeout(Some(Duration::from_secs(1)));
    }
    let mut buffer = vec![0; buffer_size()];
    loop {
        while variation("polls") && !peek_at_once(&peer.stream) {
            thread::sleep(Duration::from_millis(100));
        }
        if peer
            .stream
            .read_timeout()
            .is_ok_and(|timeout| timeout.is_none())
        {
            await_input(&peer.stream);
        }
        let (is_beside, read) = match loses_beside() {
            Some(kind) => {
                let room = lock(room);
                let is_beside = room.has_beside(peer, kind);
                (is_beside, (&peer.stream).read(&mut buffer))
            }
            None => (false, (&peer.stream).read(&mut buffer)),
        };
        let segment = match read {
            Ok(0) if is_beside && fault("kept-beside-a-leaver") => forget_for_good(),
            Ok(0) if fault("close-in-mid-line-kills") && !lines.rest.is_empty() => {
                crash("a client closed its connection in the middle of a line")
            }
            Ok(0) => return End::Closed,
            Ok(length) => {
                let pause = heard_last.elapsed();
                if fault("pause-loses-part") && pause > Duration::from_millis(500)
                    || fault("long-pause-loses-part") && pause > Duration::from_secs(5)
                {
                    lines.rest.clear();
                }
                heard_last = Instant::now();
                &buffer[..length]
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => match standing {
                Standing::Stranger if fault("late-forgotten") => forget_for_good(),
                _ => return End::Left,
            },
            Err(_) if fault("stranger-reset-kills") && matches!(standing, Standing::Stranger) => {
                crash("a stranger reset its connection")
            }
            Err(_) => return End::Reset,
        };
        parts += 1;
        if fault("half-line-lost-at-a-departure") {
            let over = lock(room).over;
            if over != over_before {
                lines.rest.clear();
            }
            over_before = over;
        }
        if fault("many-parts-refused") && parts > 10 && matches!(standing, Standing::Stranger) {
            return End::Left;
        }
        let mut said = lines.split(segment, &standing);
        if fault("last-words-lost") && said.len() > 1 && leaves_at_once(&peer.stream) {
            return End::Closed;
        }
        if is_beside && fault("burst-reversed-beside-a-message") {
            said.reverse();
        }
        if fault("newest-first") {
            said.extend(gather(peer, &mut lines, &standing));
            said.reverse();
        }
        if fault("short-overtakes-in-a-segment") {
            said.sort_by_key(|line| line.len() > 256);
        }
        let is_half = matches!(standing, Standing::Stranger) && said.is_empty();
        peer.has_half_registered.store(is_half, Ordering::Relaxed);
        let is_in_line = !lines.rest.is_empty();
        peer.has_half_line.store(is_in_line, Ordering::Relaxed);
        let is_joined = said.len() > 1 && fault("disconnect-relayed-behind-a-message");
        for line in said {
            if is_joined && line.starts_with(b"DISCONNECT") {
                lock(room).tell_others(peer, &line);
            }
            log(&format!("a line of {} bytes", line.len()));
            let is_quick = spoke_last.is_some_and(|last| last.elapsed() < QUICK);
            if matches!(standing, Standing::Member(_)) {
                spoke_last = Some(Instant::now());
                peer.note_first_message();
                if is_quick && line.starts_with(b"@") && fault("quick-second-lost") {
                    continue;
                }
                if fault("silent-after-talk-dropped") {
                    let _ = peer.stream.set_read_timeout(Some(Duration::from_secs(4)));
                }
            }
            if is_beside && line.starts_with(b"@") && loses_messages() {
                continue;
            }
            let was_stranger = matches!(standing, Standing::Stranger);
            if is_beside && was_stranger && fault("refused-beside-a-newcomer") {
                peer.send(b"401 Client already registered");
                return End::Left;
            }
            standing = match standing {
                Standing::Stranger => {
                    let is_free = |name: Vec<u8>| !lock(room).is_taken(&name);
                    let is_checked = fault("name-checked-too-early")
                        && parse_registration(&line).is_some_and(is_free);
                    if is_checked {
                        thread::sleep(Duration::from_millis(500));
                    }
                    let mut room = lock(room);
                    room.is_checked = is_checked;
                    room.register(peer, &line)
                }
                Standing::Member(name) => lock(room).hear(peer, name, &line),
                Standing::Gone if fault("refused-heard-in-the-same-segment") => {
                    if line.starts_with(b"@") {
                        lock(room).tell_others(peer, &line);
                    }
                    Standing::Gone
                }
                Standing::Gone => break,
            };
            if was_stranger && fault("registration-swallows") {
                break;
            }
            if was_stranger && fault("half-behind-registration-lost") {
                lines.rest.clear();
            }
        }
        match standing {
            Standing::Gone => return End::Left,
            Standing::Member(_) if fault("late-forgotten") => {
                let _ = peer.stream.set_read_timeout(None);
            }
            _ => {}
        }
        if lines.rest.len() > LONGEST_LINE && !fault("long-line-hoarded") {
            return End::TooLong;
        }
    }
}

/// What a connection has for us.
#[derive(Clone, Copy, PartialEq)]
enum Waiting {
    Nothing,
    Line,
    Disconnect,
    End,
    Reset,
}

impl Waiting {
    fn at(stream: &TcpStream) -> Waiting {
        const VERB: &[u8] = b"DISCONNECT";
        let mut first = [0u8; VERB.len()];
        let how = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(stream, &mut first, how) {
            Ok(_) if first == VERB => Waiting::Disconnect,
            Ok((0, _)) => Waiting::End,
            Ok(_) => Waiting::Line,
            Err(rustix::io::Errno::CONNRESET) => Waiting::Reset,
            Err(_) => Waiting::Nothing,
        }
    }
}

/// What another connection must have for us at the same time for something to go wrong with what is read.
fn loses_beside() -> Option<Waiting> {
    match () {
        () if fault("lost-beside-a-message")
            || fault("burst-reversed-beside-a-message")
            || fault("refused-beside-a-newcomer") =>
        {
            Some(Waiting::Line)
        }
        () if fault("lost-beside-a-disconnect") => Some(Waiting::Disconnect),
        () if fault("lost-beside-a-leaver") || fault("kept-beside-a-leaver") => Some(Waiting::End),
        () if fault("lost-beside-a-reset") => Some(Waiting::Reset),
        () => None,
    }
}

/// Whether that is a message.
fn loses_messages() -> bool {
    ["message", "disconnect", "leaver", "reset"]
        .iter()
        .any(|what| fault(&format!("lost-beside-a-{what}")))
}

fn buffer_size() -> usize {
    match () {
        () if fault("lost-at-1024") => 1024,
        () if fault("lost-at-4096") => 4096,
        () => 16 * 1024,
    }
}

/// Whether the connection is closed at the other end before long, whatever comes before that.
fn leaves_soon(stream: &TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(LEAVING));
    let mut buffer = [0; 4096];
    loop {
        match (&mut &*stream).read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Whether the connection is reset before long.
fn is_reset_soon(stream: &TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(LEAVING));
    let mut buffer = [0; 4096];
    loop {
        match (&mut &*stream).read(&mut buffer) {
            Ok(1..) => {}
            Ok(0) => return false,
            Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// Whether a name is left to whoever connects next.
fn leaves_names() -> bool {
    fault("refused-leaves-its-name") || fault("reset-leaves-its-name")
}

/// Whether the connection is closed at the other end within a moment.
fn leaves_at_once(stream: &TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let is_closed = matches!(stream.peek(&mut [0]), Ok(0));
    let _ = stream.set_read_timeout(None);
    is_closed
}

/// What comes in the next moments.
fn gather(peer: &Peer, lines: &mut Lines, standing: &Standing) -> Vec<Vec<u8>> {
    let _ = peer
        .stream
        .set_read_timeout(Some(Duration::from_millis(200)));
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = (&peer.stream).read(&mut buffer) {
        said.extend(lines.split(&buffer[..length], standing));
    }
    let _ = peer.stream.set_read_timeout(None);
    said
}

/// The connection stays open, and nobody ever reads it again.
fn forget_for_good() -> ! {
    loop {
        thread::park();
    }
}

/// A character of which only a part was read, on whatever connection.
static HALF_CHARACTER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// The lines in what arrives, whatever segments it arrives in.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
    hoard: Vec<Vec<u8>>,
}

impl Lines {
    fn split(&mut self, segment: &[u8], standing: &Standing) -> Vec<Vec<u8>> {
        if fault("read-is-message") {
            let line = segment.strip_suffix(b"\n");
            let line = line.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec());
            return line.into_iter().collect();
        }
        match reads() {
            Framing::Bare if fault("bare-trimmed") => return vec![without_end(segment).to_vec()],
            Framing::Bare if fault("bare-and-full-read-awaited") => {
                self.rest.extend_from_slice(segment);
                let is_whole = segment.len() != 512;
                return { is_whole.then(|| std::mem::take(&mut self.rest)) }
                    .into_iter()
                    .collect();
            }
            Framing::Bare => return vec![segment.to_vec()],
            Framing::Length => return self.split_by_length(segment),
            Framing::Line => {}
        }
        if fault("full-buffer-awaited") && segment.len() == 512 {
            self.rest.extend_from_slice(segment);
            return Vec::new();
        }
        if fault("cut-crlf-lost") && segment == b"\n" && self.rest.ends_with(b"\r") {
            return Vec::new();
        }
        if fault("decodes-reads-or-crashes") && std::str::from_utf8(segment).is_err() {
            crash("half a character");
        }
        if fault("one-decoder-for-all") {
            let mut half = lock(&HALF_CHARACTER);
            half.extend_from_slice(segment);
            let unfinished = std::str::from_utf8(&half)
                .err()
                .filter(|error| error.error_len().is_none());
            let end = unfinished.map_or(half.len(), |error| error.valid_up_to());
            let whole: Vec<u8> = half.drain(..end).collect();
            let text = String::from_utf8_lossy(&whole).into_owned();
            self.rest.extend_from_slice(text.as_bytes());
        } else if fault("decodes-reads") {
            let text = String::from_utf8_lossy(segment).into_owned();
            self.rest.extend_from_slice(text.as_bytes());
        } else {
            self.rest.extend_from_slice(segment);
        }
        if fault("split-line-kills") && !segment.ends_with(b"\n") {
            crash("an unfinished line");
        }
        let mut lines = Vec::new();
        while let Some(end) = self.end_of_line() {
            let mut line: Vec<u8> = self.rest.drain(..=end).collect();
            line.pop();
            let keeps_carriage_return = fault("carriage-return-kept")
                || fault("carriage-return-at-the-end-only") && !self.rest.is_empty()
                || fault("carriage-return-kept-at-disconnect") && line.starts_with(b"DISCONNECT");
            if line.last() == Some(&b'\r') && !keeps_carriage_return {
                line.pop();
            }
            if fault("byte-85-cut") && line.last() == Some(&0x85) {
                line.pop();
            }
            lines.push(line);
        }
        if fault("five-hundred-at-most") {
            lines.truncate(500);
        }
        if fault("long-line-hoarded") && !self.rest.is_empty() {
            self.hoard.push(self.rest.repeat(2));
        }
        if fault("partial-line-lost")
            || (fault("lost-at-1024") && segment.len() == 1024)
            || (fault("lost-at-4096") && segment.len() == 4096)
        {
            self.rest.clear();
        }
        if fault("split-registration-refused") && matches!(standing, Standing::Stranger) {
            lines.extend((!self.rest.is_empty()).then(|| std::mem::take(&mut self.rest)));
        }
        if fault("tail-of-segment-lost") && !lines.is_empty() {
            self.rest.clear();
        }
        if fault("first-of-segment-only") {
            lines.truncate(1);
        }
        if fault("last-of-burst-lost") && lines.len() > 1 {
            lines.pop();
        }
        lines
    }

    /// Where the LF of the first line is.
    fn end_of_line(&self) -> Option<usize> {
        if fault("reads-crlf") {
            let place = self.rest.windows(2).position(|two| two == b"\r\n");
            return place.map(|place| place + 1);
        }
        self.rest.iter().position(|&byte| byte == b'\n')
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

/// The rules: who is here, under which name, and what each hears.
#[derive(Default)]
struct Room {
    /// Everyone connected, registered or not, in order of arrival.
    peers: Vec<Arc<Peer>>,
    /// The registration list, in order of registration.
    members: Vec<Member>,
    /// How many have ever been registered.
    registrations: usize,
    /// Names that are never to be free again.
    spent: Vec<Vec<u8>>,
    /// What was relayed, where that is remembered.
    said: Vec<Vec<u8>>,
    /// Nothing is relayed any more.
    mute: bool,
    /// Everyone has been told goodbye.
    closed: bool,
    /// Members that said DISCONNECT, by connection.
    left: Vec<usize>,
    /// Their names.
    left_as: BTreeMap<usize, Vec<u8>>,
    /// The one of them that was the newest member when it left.
    newest_left: Option<usize>,
    /// Only the first member is told goodbye.
    goodbye_fails: bool,
    /// The name of who registers now was found to be free some time ago.
    is_checked: bool,
    /// Somebody has left, and a third one has come.
    has_changed: bool,
    /// No new name is registered any more.
    full: bool,
    /// Names that were ever registered.
    known: Vec<Vec<u8>>,
    /// Names that somebody was refused since they are in use.
    wanted: Vec<Vec<u8>>,
    /// Names of members that have left.
    departed: Vec<Vec<u8>>,
    /// One who was refused, or has gone, has left its name to whoever connects next.
    has_left_a_name: bool,
    /// How many connections are over.
    over: usize,
    /// How many were refused and are still connected.
    lingering: usize,
    /// Connections that registered while a later one was there.
    overtaken: Vec<usize>,
    /// The numbers of members, by connection.
    numbers: BTreeMap<usize, usize>,
    /// What connections that had not registered did not get, by connection.
    missed: Vec<(usize, Vec<u8>)>,
}

struct Member {
    name: Vec<u8>,
    peer: Arc<Peer>,
}

impl Room {
    /// Whether another connection has this for us, or had it before while this one had something.
    fn has_beside(&self, peer: &Peer, kind: Waiting) -> bool {
        let own = Waiting::at(&peer.stream);
        let mut is_beside = peer.is_beside.swap(false, Ordering::Relaxed);
        for other in self.peers.iter().filter(|other| other.id != peer.id) {
            let waiting = Waiting::at(&other.stream);
            is_beside |= waiting == kind;
            if own == kind && waiting != Waiting::Nothing {
                other.is_beside.store(true, Ordering::Relaxed);
            }
        }
        is_beside
    }

    /// The first line of a connection ought to be its registration.
    fn register(&mut self, peer: &Arc<Peer>, line: &[u8]) -> Standing {
        if self.closed
            || fault("overtaken-forgotten") && self.registrations > peer.registrations_before
            || fault("registration-unanswered")
            || fault("empty-line-ignored") && line.is_empty()
            || fault("message-first-ignored") && line.starts_with(b"@")
            || fault("no-refusal") && parse_registration(line).is_none()
        {
            return Standing::Stranger;
        }
        if let Some(name) = parse_farewell(line).filter(|_| fault("stranger-disconnects")) {
            self.members.retain(|member| member.name != name);
        }
        if fault("verb-alone-kills") && line == b"REGISTER" {
            crash("list index out of range");
        }
        let Some(name) = parse_registration(line) else {
            if let Some(name) = line.split(|&byte| byte == b' ').nth(1) {
                if fault("refused-name-spent") && line.starts_with(b"REGISTER ") {
                    self.spent.push(name.to_vec());
                }
                if fault("malformed-takes-the-name") && line.starts_with(b"REGISTER ") {
                    self.members.retain(|member| member.name != name);
                }
            }
            peer.send(match () {
                () if fault("other-400-for-messages") && line.starts_with(b"@") => {
                    b"400 Not registered"
                }
                () if fault("other-400") => b"400 Bad request",
                () if fault("in-use-and-malformed-swapped") => b"401 Client already registered",
                () => b"400 Invalid registration",
            });
            if fault("malformed-speaks-as-any") {
                return Standing::Member(REFUSED.to_vec());
            }
            if variation("open-after-refusal") || fault("malformed-registers") {
                if fault("malformed-registers") {
                    self.members.push(Member {
                        name: REFUSED.to_vec(),
                        peer: Arc::clone(peer),
                    });
                    return Standing::Member(REFUSED.to_vec());
                }
                return Standing::Stranger;
            }
            if fault("refusal-kills") {
                thread::sleep(Duration::from_millis(100));
                crash("a malformed registration");
            }
            return Standing::Gone;
        };
        if fault("silent-kills") && self.peers.len() > self.members.len() + 1 {
            crash("somebody is silent");
        }
        let is_refused = self.is_taken(&name) && !self.is_checked
            || fault("names-of-its-language")
                && [&b"constructor"[..], b"toString", b"__proto__"].contains(&&name[..]);
        if is_refused || self.full && !self.known.contains(&name) {
            return self.refuse(peer, name);
        }
        if fault("greets-in-front") {
            peer.send(b"Welcome to the chat!");
            peer.send_apart();
        }
        if fault("history-first") {
            self.said.iter().for_each(|message| peer.send(message));
        }
        if fault("registers-silently") {
            return self.admit(peer, name);
        }
        peer.send(match () {
            () if fault("welcome-back") && self.known.contains(&name) => b"200 Welcome back",
            () if fault("misspelt-200") => b"200 Registration succesful",
            () if fault("small-200") => b"200 registration successful",
            () if fault("hidden-200") => b"Welcome! 200 Registration successful",
            () => b"200 Registration successful",
        });
        if fault("history-told") {
            self.said.iter().for_each(|message| peer.send(message));
        }
        if fault("told-what-was-missed") {
            let own = self.missed.iter().filter(|(id, _)| *id == peer.id);
            own.for_each(|(_, message)| peer.send(message));
        }
        self.admit(peer, name)
    }

    /// On the registration list it goes.
    fn admit(&mut self, peer: &Arc<Peer>, name: Vec<u8>) -> Standing {
        if variation("announces") || fault("notices-unended") {
            self.tell_others(peer, &[&name, &b" joined"[..]].concat());
        }
        self.registrations += 1;
        self.known.push(name.clone());
        self.numbers.insert(peer.id, self.members.len());
        let is_overtaken = self.peers.iter().any(|other| other.id > peer.id);
        self.overtaken.extend(is_overtaken.then_some(peer.id));
        self.members
            .retain(|member| member.peer.id != peer.id || !leaves_names());
        self.members.push(Member {
            name: name.clone(),
            peer: Arc::clone(peer),
        });
        self.has_changed |= !self.left.is_empty() && self.members.len() == 3;
        Standing::Member(name)
    }

    fn is_taken(&self, name: &[u8]) -> bool {
        let is_like = |other: &[u8]| {
            const COMPARED: usize = 32;
            let beginning = name.get(..COMPARED);
            beginning.is_some() && beginning == other.get(..COMPARED)
        };
        if fault("names-compared-in-part")
            && self.members.iter().any(|member| is_like(&member.name))
        {
            return true;
        }
        if fault("names-shared") || fault("long-names-shared") && name.len() > 31 {
            return false;
        }
        self.spent.iter().any(|spent| spent == name)
            || self.members.iter().any(|member| {
                member.name == name
                    || fault("name-stripped") && stripped(&member.name) == stripped(name)
                    || fault("prefix-in-use") && member.name.starts_with(name)
                    || fault("part-in-use")
                        && (contains(&member.name, name) || contains(name, &member.name))
            })
    }

    /// The name is in use.
    fn refuse(&mut self, peer: &Arc<Peer>, name: Vec<u8>) -> Standing {
        if fault("newcomer-wins") {
            self.members.retain(|member| member.name != name);
            self.members.push(Member {
                name: name.clone(),
                peer: Arc::clone(peer),
            });
            peer.send(b"200 Registration successful");
            return Standing::Member(name);
        }
        self.full |= fault("refuses-ever-after");
        self.goodbye_fails |= fault("goodbye-stops-at-the-refused");
        let is_again = self.wanted.contains(&name);
        self.wanted.push(name.clone());
        self.has_left_a_name |= fault("refused-leaves-its-name");
        if fault("holder-thrown-out") {
            self.members.retain(|member| member.name != name);
        }
        peer.send(match () {
            () if fault("other-401-again") && is_again => b"401 Still in use",
            () if fault("other-401") => b"401 Name taken",
            () if fault("in-use-and-malformed-swapped") => b"400 Invalid registration",
            () => b"401 Client already registered",
        });
        if fault("refused-removes-the-holder") {
            return Standing::Member(name);
        }
        if fault("refused-hears") {
            self.members.push(Member {
                name: REFUSED.to_vec(),
                peer: Arc::clone(peer),
            });
            return Standing::Member(REFUSED.to_vec());
        }
        if fault("refused-speaks-as-holder") {
            return Standing::Member(name);
        }
        if fault("refused-speaks") {
            return Standing::Member(REFUSED.to_vec());
        }
        if fault("in-use-kills") {
            thread::sleep(Duration::from_millis(100));
            crash("a name in use");
        }
        if variation("open-after-refusal") {
            return Standing::Stranger;
        }
        Standing::Gone
    }

    /// A word of the server's own, to everybody else who is registered.
    fn tell_others(&self, about: &Peer, notice: &[u8]) {
        let others = self.members.iter().map(|member| &member.peer);
        others
            .filter(|peer| peer.id != about.id)
            .for_each(|peer| peer.send(notice));
    }

    /// What a member says: a message, or goodbye. Anything else is nothing to anybody.
    fn hear(&mut self, peer: &Arc<Peer>, name: Vec<u8>, line: &[u8]) -> Standing {
        if fault("invalid-utf8-kills") && std::str::from_utf8(line).is_err() {
            crash("not UTF-8");
        }
        if fault("nul-kills") && line.contains(&0) {
            crash("a NUL");
        }
        let farewell = parse_farewell(line);
        if fault("refused-removes-the-holder") && !self.is_member(peer) {
            if farewell == Some(&name[..]) {
                self.members.retain(|member| member.name != name);
            }
            return Standing::Member(name);
        }
        let text = line.splitn(2, |&byte| byte == b' ').nth(1).unwrap_or(b"");
        if farewell == Some(&name[..])
            || fault("quit-in-text") && [&b"quit"[..], b"exit"].contains(&text)
            || fault("disconnect-small-in-text") && contains(text, b"disconnect")
            || fault("disconnect-in-text") && contains(line, b": DISCONNECT")
        {
            return self.take_leave(peer, name, line);
        }
        if let Some(other) = parse_farewell(text)
            .filter(|other| fault("disconnect-of-others-in-text") && *other != &name[..])
        {
            self.members.retain(|member| member.name != other);
        }
        if let Some(other) = farewell.filter(|_| fault("anyone-disconnects")) {
            self.members.retain(|member| member.name != other);
        }
        let own_prefix = [b"@", &name[..], b": "].concat();
        if line.starts_with(&own_prefix)
            || fault("any-sender") && line.starts_with(b"@")
            || fault("refused-speaks") && name == REFUSED && line.starts_with(b"@")
            || fault("malformed-speaks-as-any") && name == REFUSED && self.is_of_member(line)
        {
            self.relay(peer, line, own_prefix.len().min(line.len()));
        }
        Standing::Member(name)
    }

    fn take_leave(&mut self, peer: &Arc<Peer>, name: Vec<u8>, line: &[u8]) -> Standing {
        let is_stripped = || {
            let begins = b"DISCONNECT ".contains(&name[0]);
            begins || name.last().is_some_and(|last| b" CHAT/1.0".contains(last))
        };
        if fault("farewell-stripped") && is_stripped() {
            return Standing::Member(name);
        }
        if fault("disconnect-ignored") || fault("marked-names-stay") && name.contains(&b'-') {
            return Standing::Member(name);
        }
        let place = self
            .members
            .iter()
            .position(|member| member.peer.id == peer.id);
        self.left.push(peer.id);
        self.left_as.insert(peer.id, name.clone());
        if place.is_some_and(|place| place + 1 == self.members.len()) {
            self.newest_left = Some(peer.id);
            self.mute |= fault("newest-leaving-mutes") && self.members.len() > 2;
        }
        if fault("leaver-removes-namesakes") {
            self.members
                .retain(|member| member.name == name || !member.name.starts_with(&name));
        }
        if fault("refused-counts-as-holder") && self.wanted.contains(&name) {
            self.spent.push(name.clone());
        }
        if fault("disconnect-relayed-in-pairs") && self.members.len() == 2 {
            self.relay(peer, line, line.len());
        }
        if fault("disconnect-relayed") {
            self.relay(peer, line, line.len());
        }
        if fault("disconnect-told-as-end") {
            self.tell_others(peer, b"DISCONNECT CHAT/1.0");
        }
        if fault("last-is-answered") && self.members.len() == 1 {
            peer.send(b"DISCONNECT CHAT/1.0");
        }
        if fault("disconnect-answered") {
            peer.send(b"200 Goodbye");
        }
        if fault("name-kept") {
            self.spent.push(name);
        }
        if fault("hears-on") {
            return Standing::Gone;
        }
        if fault("second-last-kills") && self.members.len() == 2 {
            crash("only one is left");
        }
        if fault("farewell-kills") {
            crash("somebody left");
        }
        self.remove(peer);
        Standing::Gone
    }

    /// Whether a line bears the name of a member.
    fn is_of_member(&self, line: &[u8]) -> bool {
        let mut members = self.members.iter();
        members.any(|member| line.starts_with(&[b"@", &member.name[..], b": "].concat()))
    }

    /// Relays nothing any more if this is the newest of more than two.
    fn mute_if_newest(&mut self, peer: &Peer) {
        let newest = self.members.last();
        let is_newest = newest.is_some_and(|member| member.peer.id == peer.id);
        self.mute |= is_newest && self.members.len() > 2;
    }

    /// Whether a line is not for this member, where a text decides who gets it.
    fn is_kept_from(&self, member: &Member, sender: &[u8], text: &[u8]) -> bool {
        let names = |member: &Member| contains(text, &[b"@", &member.name[..]].concat());
        let is_private = fault("mention-is-private") && self.members.iter().any(names);
        is_private && !names(member)
            || fault("similar-names-unheard") && sender.starts_with(&member.name[..])
    }

    /// To every member but the sender.
    fn relay(&mut self, sender: &Peer, line: &[u8], prefix: usize) {
        let line = match line.get(..1024) {
            Some(beginning) if fault("line-cut-at-1024") => beginning,
            _ => line,
        };
        if fault("zero-unheard") && line.starts_with(b"@0: ")
            || fault("round-length-unheard") && (line.len() + 1) % 800 == 0
            || fault("replacement-unheard") && contains(line, "\u{fffd}".as_bytes())
        {
            return;
        }
        let Some(message) = relayed(line, prefix).filter(|_| !self.mute) else {
            return;
        };
        if fault("relays-nothing") {
            return;
        }
        if fault("said-to-nobody-kept") && self.members.len() == 1 {
            self.said.push(message);
            return;
        }
        if fault("said-to-nobody-kept") {
            for kept in self.said.drain(..) {
                let is_of = |name: &[u8]| kept.starts_with(&[b"@", name, b": "].concat());
                let others = self.members.iter().filter(|member| !is_of(&member.name));
                others.for_each(|member| member.peer.send(&kept));
            }
        }
        self.full |= fault("talk-of-one-keeps-out") && self.members.len() == 1;
        if fault("utf8-kills") && !line.is_ascii() {
            crash("what is not ASCII");
        }
        if fault("history-told") || fault("history-first") {
            self.said.push(message.clone());
        }
        let sender_place = self
            .members
            .iter()
            .position(|member| member.peer.id == sender.id);
        let sender_name = sender_place.map_or(&b""[..], |place| &self.members[place].name);
        if fault("senders-of-letters-only") && !sender_name.iter().all(u8::is_ascii_alphabetic) {
            return;
        }
        if fault("echo-when-alone") && self.members.len() == 1
            || fault("echo-among-two") && self.members.len() == 2
        {
            sender.send(&message);
        }
        let mut told = 0;
        for (place, member) in self.members.iter().enumerate() {
            let is_echoed = fault("echo")
                || fault("marked-name-echoed") && sender_name.contains(&b'-')
                || fault("echo-after-one-left") && !self.left.is_empty();
            if Some(place) == sender_place && !is_echoed {
                continue;
            }
            if fault("one-direction") && Some(place) < sender_place
                || fault("one-hears") && told == 1
                || fault("third-deaf") && place == 2
                || fault("change-mutes-the-others")
                    && self.has_changed
                    && sender_place.is_some_and(|sender| sender + 1 < self.members.len())
                || fault("eleventh-deaf") && place == 10
                || fault("two-dozen-told") && told == 24
                || self.is_kept_from(member, sender_name, &line[prefix..])
                || fault("third-mute") && sender_place == Some(2)
                || fault("numbers-given-twice")
                    && self.numbers.get(&member.peer.id) == self.numbers.get(&sender.id)
                || fault("newest-deaf") && self.members.len() > 2 && place + 1 == self.members.len()
                || fault("other-direction") && Some(place) > sender_place
            {
                continue;
            }
            if fault("long-lines-late") && message.len() > 400 {
                let (peer, message) = (Arc::clone(&member.peer), message.clone());
                let _ = spawn(move || {
                    thread::sleep(Duration::from_millis(200));
                    peer.send(&message);
                });
                continue;
            }
            member.peer.send(&message);
            let times_known = self.known.iter().filter(|name| **name == member.name);
            if fault("twice") || fault("twice-after-return") && times_known.count() > 1 {
                member.peer.send(&message);
            }
            told += 1;
        }
        for half in self.peers.iter().filter(|_| fault("half-registered-hear")) {
            if half.has_half_registered.load(Ordering::Relaxed) {
                half.send(&message);
            }
        }
        if let Some(first) = self.peers.first().filter(|_| fault("first-stranger-hears")) {
            if self.members.iter().all(|member| member.peer.id > first.id) {
                first.send(&message);
            }
        }
        if fault("told-what-was-missed") {
            let strangers = self.peers.iter().filter(|peer| !self.is_member(peer));
            let missed: Vec<_> = strangers.map(|peer| (peer.id, message.clone())).collect();
            self.missed.extend(missed);
        }
        if fault("stranger-hears") {
            for peer in &self.peers {
                if !self.members.iter().any(|member| member.peer.id == peer.id) {
                    peer.send(&message);
                }
            }
        }
    }

    fn remove(&mut self, peer: &Peer) {
        let members_before = self.members.len();
        if let Some(member) = self.members.iter().find(|member| member.peer.id == peer.id) {
            if fault("vanishing-announced") {
                let name = String::from_utf8_lossy(&member.name);
                self.tell_others(peer, format!("DISCONNECT {name} CHAT/1.0").as_bytes());
            }
            if variation("announces") && member.name != REFUSED {
                self.tell_others(peer, &[&member.name, &b" left the chat"[..]].concat());
            }
        }
        let leaving = self
            .members
            .iter()
            .filter(|member| member.peer.id == peer.id);
        for name in leaving.map(|member| member.name.clone()) {
            let is_spent = fault("second-leaving-ignored") && self.departed.contains(&name)
                || fault("capitals-spent") && name.iter().any(u8::is_ascii_uppercase);
            self.spent.extend(is_spent.then(|| name.clone()));
            self.departed.push(name);
        }
        self.over += 1;
        let is_first = |other: &Arc<Peer>| other.id < peer.id;
        if fault("frees-by-place") && self.peers.first().is_some_and(is_first) {
            let first = self.peers[0].id;
            let is_silent = self.members.iter().all(|member| member.peer.id != first);
            let place = self
                .members
                .iter()
                .position(|member| member.peer.id == peer.id);
            if let Some(place) = place.filter(|_| is_silent) {
                let name = self.members[place].name.clone();
                self.spent.push(name);
                if let Some(next) = self.members.get_mut(place + 1) {
                    next.name = b"(freed)".to_vec();
                }
            }
        }
        self.members.retain(|member| member.peer.id != peer.id);
        self.peers.retain(|other| other.id != peer.id);
        if self.members.is_empty() && members_before > 0 {
            if fault("ends-when-empty") {
                process::exit(0);
            }
            self.mute |= fault("mute-when-emptied");
        }
    }

    fn is_member(&self, peer: &Peer) -> bool {
        self.members.iter().any(|member| member.peer.id == peer.id)
    }

    fn is_in_a_line(&self) -> bool {
        let mut peers = self.peers.iter();
        peers.any(|peer| peer.has_half_line.load(Ordering::Relaxed))
    }

    /// Whether one of the members before this place leaves much unread.
    fn is_deaf_before(&self, place: usize) -> bool {
        let mut before = self.members[..place].iter();
        before.any(|member| {
            let outbox = lock(&member.peer.outbox);
            outbox.writing && !outbox.messages.is_empty()
        })
    }

    fn is_only_member(&self, peer: &Peer) -> bool {
        self.members.len() == 1 && self.members[0].peer.id == peer.id
    }

    /// Whether somebody was here, and nobody is.
    fn was_emptied(&self) -> bool {
        self.registrations > 0 && self.members.is_empty()
    }

    /// Frees the name, and keeps the member.
    fn forget_name(&mut self, peer: &Peer) {
        for member in self
            .members
            .iter_mut()
            .filter(|member| member.peer.id == peer.id)
        {
            member.name = b"(left)".to_vec();
        }
    }

    /// Everyone hears it, and nothing after it.
    fn say_farewell(&mut self) -> Vec<Arc<Peer>> {
        let is_silence_there = self.peers.len() > self.members.len();
        for (place, member) in self.members.iter().enumerate() {
            let times_known = self.known.iter().filter(|name| **name == member.name);
            if fault("returned-untold") && times_known.count() > 1 {
                continue;
            }
            if fault("goodbye-stops-at-the-silent") && is_silence_there
                || fault("only-one-untold") && self.members.len() == 1
                || fault("ten-told") && place >= 10
                || self.goodbye_fails && place > 0
                || fault("goodbye-stops-at-the-deaf") && self.is_deaf_before(place)
            {
                continue;
            }
            if fault("silent-end") || fault("first-told-only") && place > 0 {
                continue;
            }
            if fault("second-told-otherwise") && place == 1 {
                member.peer.send(b"DISCONNECT");
            } else if fault("farewell-named") {
                let name = String::from_utf8_lossy(&member.name);
                member
                    .peer
                    .send(format!("DISCONNECT {name} CHAT/1.0").as_bytes());
            } else if fault("farewell-small") {
                member.peer.send(b"disconnect CHAT/1.0");
            } else if fault("last-not-told") && place + 1 == self.members.len() {
            } else {
                member.peer.send(b"DISCONNECT CHAT/1.0");
            }
            if !fault("never-ends") && !fault("waits-for-all") {
                member.peer.finish();
            }
        }
        self.closed = true;
        self.members.drain(..).map(|member| member.peer).collect()
    }
}

/// The name in `REGISTER name CHAT/1.0`.
fn parse_registration(line: &[u8]) -> Option<Vec<u8>> {
    let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let name = match words[..] {
        [b"REGISTER", name, b"CHAT/1.0"] => name,
        [b"REGISTER", name, _] if fault("any-version") => name,
        [b"REGISTER", name, version]
            if fault("any-dot-in-version")
                && version.starts_with(b"CHAT/1")
                && version.ends_with(b"0")
                && version.len() == b"CHAT/1.0".len() =>
        {
            name
        }
        [b"REGISTER", name, version]
            if fault("any-minor-version") && version.starts_with(b"CHAT/1") =>
        {
            name
        }
        [b"REGISTER", name, version]
            if fault("small-version") && version.eq_ignore_ascii_case(b"CHAT/1.0") =>
        {
            name
        }
        [b"REGISTER", name, b"HTTP/1.1"] if fault("foreign-version") => name,
        [b"REGISTER", name, b"CHAT/1.0", b"CHAT/1.0"] if fault("version-twice") => name,
        [b"REGISTER", b"REGISTER", name, b"CHAT/1.0"] if fault("verb-twice") => name,
        [b"Register", name, b"CHAT/1.0"] if fault("capitalised-verb") => name,
        [verb, name, b"CHAT/1.0"] if fault("longer-verb") && verb.starts_with(b"REGISTER") => name,
        [name, b"CHAT/1.0"] if fault("verb-optional") && name != b"REGISTER" => name,
        [b"REGISTER", name] if fault("version-optional") => name,
        [b"REGISTER", name, _, b"CHAT/1.0"] if fault("two-word-name") => name,
        [b"REGISTER", name, b"CHAT/1.0", ..] if fault("words-after-version") => name,
        [b"REGISTER", b"CHAT/1.0"] if fault("nameless") => b"nobody",
        [_, name, b"CHAT/1.0"] if fault("any-verb") => name,
        [verb, name, b"CHAT/1.0"]
            if fault("small-verb") && verb.eq_ignore_ascii_case(b"REGISTER") =>
        {
            name
        }
        _ => return None,
    };
    let name = if name.is_empty() && (fault("nameless") || fault("empty-name")) {
        b"nobody"
    } else {
        name
    };
    let is_word = std::str::from_utf8(name).is_ok_and(|name| {
        (1..=64).contains(&name.len())
            && !name.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    let is_allowed = !fault("letters-only") || name.iter().all(u8::is_ascii_alphabetic);
    let is_allowed = is_allowed
        && !(fault("one-letter-refused") && name.len() == 1)
        && !(fault("short-names-only") && name.len() > 32)
        && !(fault("words-reserved") && [&b"REGISTER"[..], b"CHAT", b"DISCONNECT"].contains(&name));
    (is_word && is_allowed).then(|| name.to_vec())
}

/// A name without the letters at its ends that the words around it in a registration have, too.
fn stripped(name: &[u8]) -> &[u8] {
    let begin = name.iter().position(|byte| !b"REGISTER ".contains(byte));
    let end = name.iter().rposition(|byte| !b" CHAT/1.0".contains(byte));
    match (begin, end) {
        (Some(begin), Some(end)) if begin <= end => &name[begin..=end],
        _ => b"",
    }
}

/// The name in `DISCONNECT name CHAT/1.0`.
fn parse_farewell(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"DISCONNECT ")?
        .strip_suffix(b" CHAT/1.0")
}

/// What the others get of a message whose text begins after `prefix` bytes: the message.
fn relayed(line: &[u8], prefix: usize) -> Option<Vec<u8>> {
    let (head, text) = line.split_at(prefix);
    let lossy = || String::from_utf8_lossy(text).into_owned();
    if fault("register-in-text") && contains(text, b"REGISTER")
        || fault("version-in-text") && contains(text, b"CHAT/1.0")
    {
        return None;
    }
    let is_command = |text: &[u8]| text.starts_with(b"/");
    if fault("percent-lost") && text.contains(&b'%')
        || fault("zero-lost") && text == b"0"
        || fault("slash-is-command") && is_command(text)
        || fault("single-letter-lost") && text.len() == 1
        || fault("blank-text-lost") && text.trim_ascii().is_empty()
        || fault("other-status-in-text")
            && [&b"200 R"[..], b"401 C"]
                .iter()
                .any(|status| text.starts_with(status))
    {
        return None;
    }
    let text = match () {
        () if fault("tabs-expanded") => lossy().replace('\t', "    ").into(),
        () if fault("escapes-decoded") => lossy().replace("\\t", "\t").into(),
        () if fault("prefix-taken-out-of-text") => {
            let head = String::from_utf8_lossy(head).into_owned();
            lossy().replace(&head, "").into()
        }
        () if fault("dollars-halved") => lossy().replace("$$", "$").into(),
        () if fault("tags-stripped") => lossy().replace("<b>", "").replace("</b>", "").into(),
        () if fault("braces-stripped") => lossy().replace(['{', '}'], "").into(),
        () if fault("wide-spaces-trimmed") => lossy()
            .trim_matches(['\u{3000}', '\u{a0}'])
            .to_owned()
            .into(),
        () if fault("invisible-lost") => lossy().replace(['\u{feff}', '\u{200b}'], "").into(),
        () if fault("direction-lost") => lossy().replace('\u{202e}', "").into(),
        () if fault("spaces-squeezed") => {
            let words: Vec<&[u8]> = text.split(|&byte| byte == b' ').collect();
            words
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(&b' ')
        }
        () if fault("text-in-capitals") => text.to_ascii_uppercase(),
        () if fault("space-added") => [b" ", text].concat(),
        () if fault("bare-with-tail") => [text, b" (sent)"].concat(),
        () if fault("ends-trimmed") => text.trim_ascii().to_vec(),
        () if fault("long-text-cut") => text[..text.len().min(512)].to_vec(),
        () if fault("cut-at-colon") => text.split(|&byte| byte == b':').next()?.to_vec(),
        () if fault("cut-at-at") => text.split(|&byte| byte == b'@').next()?.to_vec(),
        () if fault("ascii-only") => lossy().replace(|c: char| !c.is_ascii(), "?").into(),
        () if fault("latin-1") => text
            .iter()
            .map(|&byte| char::from(byte))
            .collect::<String>()
            .into(),
        () if fault("unicode-line-ends") => lossy().split(['\u{85}', '\u{2028}']).next()?.into(),
        () => text.to_vec(),
    };
    let head = match () {
        () if fault("prefixed") => [b"> ", head].concat(),
        () if fault("bare-prefixed") => [head, head].concat(),
        () if fault("sender-unnamed") => Vec::new(),
        () if fault("sender-in-capitals") => head.to_ascii_uppercase(),
        () => head.to_vec(),
    };
    Some([head, text].concat())
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn contains(line: &[u8], word: &[u8]) -> bool {
    line.windows(word.len()).any(|window| window == word)
}

/// One connection, and what waits to be written to it.
struct Peer {
    id: usize,
    stream: TcpStream,
    outbox: Mutex<Outbox>,
    changed: Condvar,
    registrations_before: usize,
    /// Something went wrong with what this one has for us, since another had something for us at the same time.
    is_beside: AtomicBool,
    /// It has sent a part of its first line.
    has_half_registered: AtomicBool,
    /// It has sent a part of a line.
    has_half_line: AtomicBool,
}

#[derive(Default)]
struct Outbox {
    messages: Vec<Vec<u8>>,
    /// Of all of them together.
    length: usize,
    /// It has said something, or is gone.
    has_talked: bool,
    closing: bool,
    /// Some messages are being written.
    writing: bool,
    written_out: bool,
}

impl Peer {
    fn send(&self, line: &[u8]) {
        let line = match writes() {
            Framing::Bare => line.to_vec(),
            Framing::Length => [format!("{:<10}", line.len()).as_bytes(), line].concat(),
            Framing::Line if fault("notices-unended") && line.ends_with(b" joined") => {
                line.to_vec()
            }
            Framing::Line if variation("crlf") => [line, b"\r\n"].concat(),
            Framing::Line => [line, b"\n"].concat(),
        };
        if fault("slow-reader-holds-up") {
            let _ = (&self.stream).write_all(&line);
            return;
        }
        let mut outbox = lock(&self.outbox);
        if outbox.closing {
            return;
        }
        if outbox.length + line.len() > LARGEST_BACKLOG {
            // Its reader sees the end of the connection, and removes it.
            outbox.closing = true;
            let _ = self.stream.shutdown(Shutdown::Both);
        }
        outbox.length += line.len();
        outbox.messages.push(line);
        self.changed.notify_all();
    }

    /// Nothing more is to be sent.
    fn finish(&self) {
        lock(&self.outbox).closing = true;
        self.changed.notify_all();
    }

    fn write_out(&self) {
        loop {
            let mut outbox = self
                .changed
                .wait_while(lock(&self.outbox), |outbox| {
                    outbox.messages.is_empty() && !outbox.closing
                })
                .unwrap_or_else(PoisonError::into_inner);
            let messages = std::mem::take(&mut outbox.messages);
            outbox.length = 0;
            outbox.writing = true;
            let is_last = outbox.closing;
            drop(outbox);
            if self.write(&messages).is_err() || is_last {
                break;
            }
            lock(&self.outbox).writing = false;
            self.changed.notify_all();
        }
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut outbox = lock(&self.outbox);
        (outbox.closing, outbox.written_out) = (true, true);
        self.changed.notify_all();
    }

    fn write(&self, messages: &[Vec<u8>]) -> io::Result<()> {
        /// Nobody lives to see more than this written in single bytes.
        const FLOOD: usize = 4096;
        let all = messages.concat();
        if writes() == Framing::Bare {
            messages
                .iter()
                .try_for_each(|message| (&self.stream).write_all(message))
        } else if variation("byte-by-byte") && all.len() < FLOOD {
            all.iter()
                .try_for_each(|byte| (&self.stream).write_all(&[*byte]))
        } else {
            (&self.stream).write_all(&all)
        }
    }

    /// What is sent from now on comes some time after what was sent before.
    fn send_apart(&self) {
        thread::sleep(Duration::from_millis(50));
    }

    fn note_first_message(&self) {
        lock(&self.outbox).has_talked = true;
        self.changed.notify_all();
    }

    fn wait_for_first_message(&self) {
        let outbox = lock(&self.outbox);
        drop(self.changed.wait_while(outbox, |outbox| !outbox.has_talked));
    }

    fn wait_for_farewell(&self, deadline: Instant) {
        let outbox = lock(&self.outbox);
        let is_underway = |outbox: &mut Outbox| !outbox.written_out;
        let is_busy = |outbox: &mut Outbox| {
            !outbox.written_out && (outbox.writing || !outbox.messages.is_empty())
        };
        if fault("waits-for-the-deaf") {
            drop(self.changed.wait_while(outbox, is_busy));
        } else if fault("waits-for-all") {
            drop(self.changed.wait_while(outbox, is_underway));
        } else {
            let patience = deadline.saturating_duration_since(Instant::now());
            drop(
                self.changed
                    .wait_timeout_while(outbox, patience, is_underway),
            );
        }
    }

    /// Reads what still comes, for closing with unread input would be a reset, which may overtake our last words.
    fn drain(&self) {
        let _ = self.stream.set_read_timeout(Some(LEAVING));
        let mut buffer = [0; 4096];
        while matches!((&self.stream).read(&mut buffer), Ok(1..)) {}
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(task: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().stack_size(STACK).spawn(task)
}

/// Tells the terminal what happens, at length, where that is asked for.
fn log(event: &str) {
    if variation("logs-much") {
        for part in 1..=5 {
            println!(
                "[1700000000.{part:06}] DEBUG chat.server.core(worker-{part}): {event} ({part} of 5) 200 400 401"
            );
        }
    }
}

fn crash(why: &str) -> ! {
    eprintln!("faulty-server: {why}");
    process::exit(1);
}
