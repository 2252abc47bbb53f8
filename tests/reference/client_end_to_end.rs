//! The real client on a real terminal and in a pipe, against a scripted server.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZeroU16;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rexpect::process::{PtyProcess, Signal, WaitStatus};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{WaitOptions, waitpid};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};
use socket2::SockRef;

/// Timeout for anything that has to happen.
const TIMEOUT: Duration = Duration::from_secs(30);
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;

/// A listening server that accepts clients one by one.
struct Server {
    listener: TcpListener,
}

impl Server {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self { listener }
    }

    fn with_small_buffers() -> Self {
        let server = Self::new();
        SockRef::from(&server.listener)
            .set_recv_buffer_size(4_096)
            .expect("a smaller buffer");
        server
    }

    fn url(&self) -> String {
        format!(
            "chat://{}",
            self.listener.local_addr().expect("its address")
        )
    }

    fn accepts(&self) -> Line {
        let mut listener = [PollFd::new(&self.listener, PollFlags::IN)];
        let patience = Timespec::try_from(TIMEOUT).expect("some seconds");
        assert_eq!(
            poll(&mut listener, Some(&patience)),
            Ok(1),
            "no client comes"
        );
        let (stream, _) = self.listener.accept().expect("a client");
        stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
        Line {
            reader: BufReader::new(stream),
        }
    }
}

/// The server's end of a connection.
struct Line {
    reader: BufReader<TcpStream>,
}

impl Line {
    fn hears(&mut self, expected: &str) {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect(expected);
        assert_eq!(line, format!("{expected}\n"));
    }

    fn says(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader
            .get_mut()
            .write_all(bytes.as_ref())
            .expect("a client that listens");
    }

    /// Repeats `bytes` until the client says `expected`.
    fn says_until(&mut self, bytes: &str, expected: &str) {
        let deadline = Instant::now() + TIMEOUT;
        let timeout = Some(Duration::from_millis(100));
        self.reader
            .get_ref()
            .set_read_timeout(timeout)
            .expect("a timeout");
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            assert!(Instant::now() < deadline, "no {expected}");
            self.says(bytes);
            match self.reader.read_until(b'\n', &mut line) {
                Ok(length) => assert_ne!(length, 0, "the client ended without {expected}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        assert_eq!(String::from_utf8_lossy(&line), format!("{expected}\n"));
    }

    fn hears_end_of_stream(&mut self) {
        let mut rest = String::new();
        self.reader
            .read_to_string(&mut rest)
            .expect("an orderly end");
        assert_eq!(rest, "");
    }

    fn resets(self) {
        let stream = self.reader.into_inner();
        SockRef::from(&stream)
            .set_linger(Some(Duration::ZERO))
            .expect("linger");
    }
}

/// What a person has seen on the terminal.
struct Seen {
    bytes: Vec<u8>,
    screen: vt100::Parser,
    ended: bool,
}

impl Seen {
    /// The rows of the screen, without the empty ones at the bottom.
    fn rows(&self) -> Vec<String> {
        let rows = self.screen.screen().rows(0, COLUMNS);
        let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        let used = rows.iter().rposition(|row| !row.is_empty());
        rows.truncate(used.map_or(0, |last| last + 1));
        rows
    }

    fn shows(&self, row: &str) -> bool {
        self.rows().iter().any(|shown| shown == row)
    }

    /// Whether this is the last row, which holds the prompt.
    fn prompts(&self, row: &str) -> bool {
        self.rows().last().is_some_and(|shown| shown == row)
    }

    fn mentions(&self, words: &str) -> bool {
        self.screen.screen().contents().contains(words)
    }
}

/// The client `alice` and a person in front of it, on a terminal.
struct Person {
    process: PtyProcess,
    keyboard: File,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Person {
    fn starts(server: &Server) -> Self {
        Self::starts_on(server, "xterm-256color")
    }

    fn starts_on(server: &Server, kind_of_terminal: &str) -> Self {
        let mut client = Command::new(env!("CARGO_BIN_EXE_chat-client"));
        client
            .args(["alice", &server.url()])
            .env("TERM", kind_of_terminal)
            .env("NO_COLOR", "1");
        let mut process = PtyProcess::new(client).expect("a terminal");
        process.set_kill_timeout(Some(5_000));
        let keyboard = process.get_file_handle().expect("its keyboard");
        let person = Self {
            process,
            keyboard,
            seen: Arc::new((Mutex::new(nothing()), Condvar::new())),
        };
        person.resizes(COLUMNS);
        person.watches();
        person
    }

    /// A client that is registered.
    fn joins(server: &Server) -> (Self, Line) {
        let person = Self::starts(server);
        let mut line = server.accepts();
        line.hears("REGISTER alice CHAT/1.0");
        line.says("200 Registration successful\n");
        person.sees("the welcome", |seen| {
            seen.mentions("You are in the chat as alice")
        });
        (person, line)
    }

    /// Reads the terminal in the background until the client has ended.
    fn watches(&self) {
        let mut terminal = self.process.get_file_handle().expect("its screen");
        let seen = Arc::clone(&self.seen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // When the client has ended, reading its terminal returns an error.
                let length = terminal.read(&mut buffer).unwrap_or(0);
                let Ok(mut now) = seen.0.lock() else { return };
                now.bytes.extend_from_slice(&buffer[..length]);
                now.screen.process(&buffer[..length]);
                now.ended = length == 0;
                seen.1.notify_all();
                if now.ended {
                    return;
                }
            }
        });
    }

    fn resizes(&self, columns: u16) {
        let size = Winsize {
            ws_row: ROWS,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.keyboard, size).expect("another size");
    }

    fn types(&mut self, keys: impl AsRef<[u8]>) {
        self.keyboard
            .write_all(keys.as_ref())
            .expect("a terminal that takes keys");
    }

    /// Waits until the screen is as expected.
    fn sees(&self, what: &str, is_seen: impl Fn(&Seen) -> bool) {
        let (seen, changed) = &*self.seen;
        let seen = seen.lock().expect("no panic elsewhere");
        let wait = |seen| changed.wait_timeout_while(seen, TIMEOUT, |seen| !is_seen(seen));
        let (seen, result) = wait(seen).expect("no panic elsewhere");
        assert!(
            !result.timed_out(),
            "{what} did not appear on the screen:\n{}",
            seen.rows().join("\n")
        );
    }

    fn prompts(&self, row: &str) {
        self.sees(row, |seen| seen.prompts(row));
    }

    fn never_got(&self, bytes: &[u8]) {
        let seen = self.seen.0.lock().expect("no panic elsewhere");
        assert!(
            !seen
                .bytes
                .windows(bytes.len())
                .any(|window| window == bytes),
            "{bytes:?}"
        );
    }

    fn signals(&mut self, signal: Signal) {
        self.process.signal(signal).expect("a running client");
    }

    fn has_mode(&self, mode: LocalModes) -> bool {
        tcgetattr(&self.keyboard)
            .expect("a terminal")
            .local_modes
            .contains(mode)
    }

    /// Waits until the client has ended with this status and has restored the terminal.
    fn ends_with(&self, status: i32) {
        self.sees("the end", |seen| seen.ended);
        let ended = self.process.wait().expect("its status");
        assert!(
            matches!(ended, WaitStatus::Exited(_, code) if code == status),
            "{ended:?}"
        );
        assert!(self.has_mode(LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN));
        assert!(!self.has_mode(LocalModes::NOFLSH));
    }
}

fn nothing() -> Seen {
    let [rows, columns] = [ROWS, COLUMNS].map(|size| NonZeroU16::new(size).expect("not 0"));
    Seen {
        bytes: Vec::new(),
        screen: vt100::Parser::new(rows, columns, 0),
        ended: false,
    }
}

#[test]
fn typed_lines_are_sent_and_stay_on_the_screen() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("hello\r");
    line.hears("@alice: hello");
    alice.types("how are you?\n\n\nfine\n");
    line.hears("@alice: how are you?");
    line.hears("@alice: fine");
    alice.prompts("@alice:");
    alice.sees("the lines", |seen| {
        ["@alice: hello", "@alice: how are you?", "@alice: fine"]
            .iter()
            .all(|row| seen.shows(row))
    });
}

#[test]
fn the_line_can_be_edited() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    for (keys, sent) in [
        ("helo\x1b[Dl\n", "hello"),
        ("xhello!!\x7f\x08\x01\x1b[3~\n", "hello"),
        ("ello\x1b[Hh\x1b[F!\n", "hello!"),
        ("hello there\x17\x17bye\n", "bye"),
        ("hello\x15bye\n", "bye"),
        ("bye bye\x1b[D\x1b[D\x1b[D\x1b[D\x0b\n", "bye"),
        ("one\x1b[A\x1b[A\n", "hello!"),
        ("two\x1b[A\x1b[B\n", "two"),
    ] {
        alice.types(keys);
        line.hears(&format!("@alice: {sent}"));
    }
}

#[test]
fn all_lines_of_a_paste_are_sent() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    let lines: Vec<String> = (0..2_000)
        .map(|number| format!("pasted line {number}"))
        .collect();
    alice.types(format!("\x1b[200~{}\x1b[201~\n", lines.join("\n")));
    for expected in lines {
        line.hears(&format!("@alice: {expected}"));
    }
}

#[test]
fn lines_typed_early_are_sent_after_the_registration() {
    let server = Server::new();
    let mut alice = Person::starts(&server);
    let mut line = server.accepts();
    line.hears("REGISTER alice CHAT/1.0");
    alice.types("early\nhel");
    alice.prompts("@alice: hel");
    line.says("200 Registration successful\n");
    line.hears("@alice: early");
    alice.types("lo\n");
    line.hears("@alice: hello");
}

#[test]
fn a_message_does_not_disturb_a_half_typed_line() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("hel");
    alice.prompts("@alice: hel");
    line.says("@bob: hi\n");
    alice.sees("the message", |seen| {
        seen.shows("@bob: hi") && seen.prompts("@alice: hel")
    });
    alice.types("lo\x1b[D\x1b[D");
    line.says("@bob: are you there?\n");
    alice.sees("both", |seen| {
        seen.shows("@bob: are you there?") && seen.prompts("@alice: hello")
    });
    alice.types("\x1b[D\x1b[D\x1b[D\x1b[DS\n");
    line.hears("@alice: Shello");
}

#[test]
fn text_in_utf8_is_sent_and_shown_unchanged() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("żółw 日本 👍\u{85}\n");
    line.hears("@alice: żółw 日本 👍\u{85}");
    // A message in between makes sure that the client does not read both halves at once.
    let (first, second) = "日".as_bytes().split_at(1);
    alice.types(first);
    line.says("@bob: żółw 日本 👍\n");
    alice.sees("the message", |seen| seen.shows("@bob: żółw 日本 👍"));
    alice.types(second);
    alice.types("\n");
    line.hears("@alice: 日");
}

#[test]
fn a_line_longer_than_the_screen_stays_usable() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.resizes(40);
    let text = "0123456789".repeat(20);
    alice.types(&text);
    alice.prompts("@alice: 9012345678901234567890123456789");
    alice.types("\x01x\x05y\n");
    line.hears(&format!("@alice: x{text}y"));
}

#[test]
fn a_line_that_is_too_long_stays_in_the_prompt() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    let longest = "x".repeat(8_192 - "@alice: \n".len());
    alice.types(format!("{longest}yz\n"));
    alice.sees("a notice", |seen| seen.mentions("2 bytes too long"));
    alice.types("\x7f\x7f\n");
    line.hears(&format!("@alice: {longest}"));
}

#[test]
fn message_texts_are_never_commands() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    for text in [
        "DISCONNECT CHAT/1.0",
        "400 Invalid registration",
        "@carol: hi",
    ] {
        line.says(format!("@bob: {text}\n"));
        alice.sees(text, |seen| seen.shows(&format!("@bob: {text}")));
    }
    alice.types("still here\n");
    line.hears("@alice: still here");
}

#[test]
fn control_characters_from_others_do_not_reach_the_terminal() {
    let server = Server::new();
    let (alice, mut line) = Person::joins(&server);
    line.says("@bob: a\x1b[2Jb\x07c\u{9b}2Jd\u{202e}e\rf\x08g\n");
    line.says(b"@bob: no \xff character\n".as_slice());
    line.says("\x1b]0;title\x07\n");
    // The emulated screen does not draw the replacement character.
    alice.sees("the text", |seen| {
        seen.shows("@bob: a␛[2Jb␇c\\u{9b}2Jd\\u{202e}e␍f␈g")
            && seen.shows("@bob: no  character")
            && seen.shows("* The server: ␛]0;title␇")
    });
    for harmful in ["\x1b[2J", "\x07", "\u{9b}", "\u{202e}", "\x08", "\x1b]"] {
        alice.never_got(harmful.as_bytes());
    }
}

#[test]
fn the_client_never_queries_the_terminal() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("hello\n");
    line.hears("@alice: hello");
    line.says("DISCONNECT CHAT/1.0\n");
    alice.ends_with(0);
    for query in ["\x1b[6n", "\x1b[c", "\x1b[5n"] {
        alice.never_got(query.as_bytes());
    }
}

#[test]
fn leaving_says_goodbye_and_restores_the_terminal() {
    type Leave = fn(&mut Person);
    let ways: [Leave; 5] = [
        |alice| alice.types("\x03"),
        |alice| alice.types("\x04"),
        |alice| alice.signals(Signal::SIGTERM),
        |alice| alice.signals(Signal::SIGINT),
        |alice| alice.signals(Signal::SIGHUP),
    ];
    for leave in ways {
        let server = Server::new();
        let (mut alice, mut line) = Person::joins(&server);
        assert!(!alice.has_mode(LocalModes::ICANON));
        leave(&mut alice);
        line.hears("DISCONNECT alice CHAT/1.0");
        line.hears_end_of_stream();
        drop(line);
        alice.ends_with(0);
    }
}

#[test]
fn it_leaves_even_if_the_server_keeps_the_connection_open() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("half a line\x03");
    line.hears("DISCONNECT alice CHAT/1.0");
    alice.ends_with(0);
    alice.sees("what was typed", |seen| seen.shows("@alice: half a line"));
}

#[test]
fn a_line_typed_just_before_ctrl_c_is_sent() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("last words\n\x03");
    line.hears("@alice: last words");
    line.hears("DISCONNECT alice CHAT/1.0");
    drop(line);
    alice.ends_with(0);
}

/// More lines than the system buffers between client and server, with small buffers.
fn more_lines_than_fit() -> impl Iterator<Item = String> {
    (0..600).map(|number| format!("{number:04}{}", "x".repeat(7_996)))
}

#[test]
fn a_slow_server_receives_everything_in_the_end() {
    let server = Server::with_small_buffers();
    let (mut alice, mut line) = Person::joins(&server);
    for text in more_lines_than_fit() {
        alice.types(text + "\n");
    }
    for text in more_lines_than_fit() {
        line.hears(&format!("@alice: {text}"));
    }
    alice.types("\x04");
    line.hears("DISCONNECT alice CHAT/1.0");
}

#[test]
fn a_server_that_reads_nothing_cannot_keep_the_user() {
    let server = Server::with_small_buffers();
    let (mut alice, line) = Person::joins(&server);
    for text in more_lines_than_fit() {
        alice.types(text + "\n");
    }
    alice.signals(Signal::SIGINT);
    alice.ends_with(1);
    alice.sees("a notice", |seen| {
        seen.mentions("some of your messages were not sent")
    });
    drop(line);
}

#[test]
fn the_client_ends_when_the_server_does() {
    type End = fn(Line);
    let ways: [(End, i32, &str); 3] = [
        (
            |mut line| line.says("@bob: bye\nDISCONNECT CHAT/1.0\n"),
            0,
            "The server is shutting down",
        ),
        (drop, 1, "the server closed the connection"),
        (Line::resets, 1, "the connection to the server failed"),
    ];
    for (end, status, words) in ways {
        let server = Server::new();
        let (mut alice, line) = Person::joins(&server);
        alice.types("hel");
        alice.prompts("@alice: hel");
        end(line);
        alice.ends_with(status);
        alice.sees(words, |seen| {
            seen.mentions(words) && seen.shows("@alice: hel")
        });
    }
}

#[test]
fn a_goodbye_without_closing_ends_the_client() {
    let server = Server::new();
    let (alice, mut line) = Person::joins(&server);
    line.says("DISCONNECT CHAT/1.0\n");
    alice.ends_with(0);
    line.hears_end_of_stream();
}

#[test]
fn a_refused_registration_is_shown_and_ends_the_client() {
    for (answer, advice) in [
        (
            "400 Invalid registration",
            "try one with only letters and digits",
        ),
        ("401 Client already registered", "choose another one"),
    ] {
        let server = Server::new();
        let alice = Person::starts(&server);
        let mut line = server.accepts();
        line.hears("REGISTER alice CHAT/1.0");
        line.says(format!("{answer}\n"));
        alice.ends_with(1);
        alice.sees(answer, |seen| {
            seen.mentions(answer) && seen.mentions(advice)
        });
    }
}

#[test]
fn a_server_that_closes_instead_of_answering_is_reported() {
    let server = Server::new();
    let alice = Person::starts(&server);
    let mut line = server.accepts();
    line.hears("REGISTER alice CHAT/1.0");
    drop(line);
    alice.ends_with(1);
    alice.sees("a notice", |seen| seen.mentions("closed the connection"));
}

#[test]
fn an_endless_line_ends_the_client() {
    let server = Server::new();
    let (alice, mut line) = Person::joins(&server);
    line.says([b'x'; 8_192]);
    alice.ends_with(1);
    alice.sees("an error", |seen| seen.mentions("does not speak CHAT/1.0"));
}

#[test]
fn after_a_suspend_the_prompt_is_redrawn() {
    let server = Server::new();
    let (mut alice, mut line) = Person::joins(&server);
    alice.types("hel");
    alice.prompts("@alice: hel");
    alice.types("\x1a");
    wait_until_stopped(&alice);
    assert!(alice.has_mode(LocalModes::ICANON));
    alice.signals(Signal::SIGCONT);
    alice.types("lo\n");
    line.hears("@alice: hello");
    assert!(!alice.has_mode(LocalModes::ICANON));
}

fn wait_until_stopped(person: &Person) {
    let client = tcgetpgrp(&person.keyboard).expect("the program in the foreground");
    let (_, status) = waitpid(Some(client), WaitOptions::UNTRACED)
        .expect("its child")
        .expect("a change");
    assert!(status.stopped(), "{status:?}");
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let server = Server::new();
    let mut alice = Person::starts_on(&server, "dumb");
    let mut line = server.accepts();
    line.hears("REGISTER alice CHAT/1.0");
    line.says("200 Registration successful\n@bob: hi\n");
    alice.sees("the message", |seen| seen.shows("@bob: hi"));
    assert!(alice.has_mode(LocalModes::ICANON));
    alice.types("hello\n");
    line.hears("@alice: hello");
    alice.types("\x04");
    line.hears("DISCONNECT alice CHAT/1.0");
    drop(line);
    alice.ends_with(0);
    alice.never_got(b"\x1b");
}

/// Runs something that would never return if the client were broken, with a timeout.
fn in_time<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(wait()));
    receiver
        .recv_timeout(TIMEOUT)
        .expect("the client does not end")
}

#[test]
fn in_a_pipe_lines_go_in_and_come_out() {
    let server = Server::new();
    let mut client = Command::new(env!("CARGO_BIN_EXE_chat-client"))
        .args(["alice", &server.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a client");
    let mut input = client.stdin.take().expect("its input");
    let lines: Vec<String> = (0..10_000).map(|number| format!("line {number}")).collect();
    input
        .write_all(b"one\r\n\ntwo\n")
        .expect("a client that reads");

    let mut line = server.accepts();
    line.hears("REGISTER alice CHAT/1.0");
    line.says("200 Registration successful\n@bob: hi\n");
    line.hears("@alice: one");
    line.hears("@alice: two");
    line.says("@bob: bye\n");
    let text = lines.join("\n");
    let writer = thread::spawn(move || {
        input
            .write_all(text.as_bytes())
            .expect("a client that reads")
    });
    for expected in &lines {
        line.hears(&format!("@alice: {expected}"));
    }
    writer.join().expect("all written");
    line.hears("DISCONNECT alice CHAT/1.0");
    line.hears_end_of_stream();
    drop(line);

    let output = in_time(move || client.wait_with_output()).expect("its end");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "@bob: hi\n@bob: bye\n"
    );
    let notices = String::from_utf8_lossy(&output.stderr);
    assert!(
        notices.starts_with("* You are in the chat as alice."),
        "{notices}"
    );
}

#[test]
fn a_reader_that_goes_away_ends_the_client_politely() {
    let server = Server::new();
    let mut client = Command::new(env!("CARGO_BIN_EXE_chat-client"))
        .args(["alice", &server.url()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a client");
    drop(client.stdout.take());
    let mut line = server.accepts();
    line.hears("REGISTER alice CHAT/1.0");
    line.says("200 Registration successful\n");
    // A child that another test starts at this moment holds a copy of the pipe's read end until it
    // calls exec, so a single message may not be enough to make the client notice.
    line.says_until("@bob: hi\n", "DISCONNECT alice CHAT/1.0");
    drop(line);
    assert_eq!(
        in_time(move || client.wait()).expect("its end").code(),
        Some(0)
    );
}
