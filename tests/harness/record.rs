//! `conform record`: people chat, and what they did is a transcript that can be replayed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use predicates::str::contains;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::judging::example;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_chat-client");

/// The lines that a person fills in.
const EMPTY_HEAD: &str = "#\ncovers\n";

/// `conform record`, running.
struct Recorder {
    process: Child,
    output: BufReader<ChildStdout>,
    url: String,
}

impl Recorder {
    fn start(file: &Path, server: &[&str]) -> Recorder {
        let mut process = Command::new(CONFORM)
            .args(["record", "--out"])
            .arg(file)
            .args(server)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("conform starts");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut url = String::new();
        output.read_line(&mut url).expect("is text");
        assert!(url.starts_with("chat://127.0.0.1:"), "{url:?}");
        Recorder {
            process,
            output,
            url: url.trim_end().to_owned(),
        }
    }

    fn connect(&self) -> Wire {
        let address = self.url.strip_prefix("chat://").expect("an address");
        let stream = TcpStream::connect(address).expect("the relay listens");
        let longest = Some(Duration::from_secs(60));
        stream.set_read_timeout(longest).expect("is set");
        Wire {
            stream,
            received: String::new(),
        }
    }

    /// Ctrl-C.
    fn stop(self) {
        let id = i32::try_from(self.process.id()).expect("an id");
        let id = Pid::from_raw(id).expect("an id");
        kill_process(id, Signal::INT).expect("is there");
        self.has_written();
    }

    /// Waits for its end.
    fn has_written(mut self) {
        let mut said = String::new();
        self.output.read_to_string(&mut said).expect("is text");
        assert!(said.starts_with("wrote "), "{said:?}");
        assert!(
            said.ends_with(": fill in the first line and covers\n"),
            "{said:?}"
        );
        assert!(self.process.wait().expect("ends").success());
    }
}

/// Somebody at the bundled client.
struct Person {
    process: Child,
    keyboard: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl Person {
    fn joins(name: &str, url: &str) -> Person {
        let mut process = Command::new(CLIENT)
            .args([name, url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the client starts");
        let mut notices = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let joined = notices.find(|notice| {
            let notice = notice.as_deref().unwrap_or_default();
            notice.contains("You are in the chat")
        });
        assert!(joined.is_some(), "{name} is not accepted");
        std::thread::spawn(move || notices.for_each(drop));
        Person {
            keyboard: process.stdin.take().expect("a pipe"),
            screen: BufReader::new(process.stdout.take().expect("a pipe")),
            process,
        }
    }

    fn says(&mut self, text: &str) {
        writeln!(self.keyboard, "{text}").expect("is read");
    }

    fn sees(&mut self, text: &str) {
        let mut line = String::new();
        self.screen.read_line(&mut line).expect("is text");
        assert!(line.contains(text), "{line:?}");
    }

    /// Ctrl-D.
    fn leaves(mut self) {
        drop(self.keyboard);
        assert!(self.process.wait().expect("ends").success());
    }
}

/// A connection without a client.
struct Wire {
    stream: TcpStream,
    received: String,
}

impl Wire {
    fn sends(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).expect("is taken");
    }

    /// Reads until this has arrived, and takes it.
    fn gets(&mut self, text: &str) {
        loop {
            if let Some(at) = self.received.find(text) {
                self.received.drain(..at + text.len());
                return;
            }
            let mut buffer = [0; 1024];
            let length = self.stream.read(&mut buffer).expect("something arrives");
            assert!(
                length > 0,
                "closed; {text:?} is missing: {:?}",
                self.received
            );
            self.received
                .push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }
}

/// A folder for a suite of one transcript.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("recorded.chat")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).expect("is written")
    }

    /// What a person does with the transcript.
    fn fill_in(&self, covers: &str, correct: impl Fn(&str) -> String) {
        let text = self.text();
        let steps = text.strip_prefix(EMPTY_HEAD).expect("has the empty head");
        let filled_in = format!("# People chat.\ncovers {covers}\n{}", correct(steps));
        fs::write(self.file(), filled_in).expect("is written");
        conform(&["fmt", "--check", &self.file().display().to_string()]).success();
    }

    fn judge(&self, server: &[&str]) -> assert_cmd::assert::Assert {
        let folder = self.0.path().display().to_string();
        let options = ["server", "--suite", &folder, "--patience", "2", "--"];
        conform(&[&options, server].concat())
    }
}

fn conform(arguments: &[&str]) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(CONFORM)
        .args(arguments)
        .timeout(Duration::from_secs(120))
        .assert()
}

#[test]
fn a_chat_of_two_people_is_replayed() {
    let place = Place::new();
    let recorder = Recorder::start(&place.file(), &["--", SERVER]);
    let mut alice = Person::joins("alice", &recorder.url);
    let mut bob = Person::joins("Bob", &recorder.url);
    alice.says("hi");
    bob.sees("@alice: hi");
    bob.says("hello, alice");
    alice.sees("@Bob: hello, alice");
    bob.leaves();
    alice.leaves();
    recorder.stop();

    let text = place.text();
    let chat = "#\ncovers\n
alice joins
bob joins as Bob

alice > @alice: hi
bob   < @alice: hi

bob   > @Bob: hello, alice
alice < @Bob: hello, alice

bob > DISCONNECT Bob CHAT/1.0
";
    assert!(text.starts_with(chat), "{text}");
    assert!(
        text.contains("alice > DISCONNECT alice CHAT/1.0\n"),
        "{text}"
    );

    // As it is, it says what is missing, and where.
    let file = place.file().display().to_string();
    for arguments in [&["fmt", &file][..], &["fmt", "--check", &file]] {
        conform(arguments)
            .code(2)
            .stderr(contains("recorded.chat:1:1"))
            .stderr(contains("the sentence that says what must hold is missing"))
            .stderr(contains("recorded.chat:2:7"))
            .stderr(contains("`covers` names no requirement"));
    }
    assert_eq!(place.text(), text);
    place.fill_in("S-MSG-1", str::to_owned);
    place.judge(&[SERVER]).success();
}

#[test]
fn a_chat_without_line_ends_is_a_transcript_in_lines() {
    let place = Place::new();
    let faulty = example("faulty-server");
    let bare = [faulty.as_str(), "--fault", "bare"];
    let recorder = Recorder::start(&place.file(), &[&["--"], &bare[..]].concat());
    let mut alice = recorder.connect();
    alice.sends("REGISTER alice CHAT/1.0");
    alice.gets("200 Registration successful");
    let mut bob = recorder.connect();
    bob.sends("REGISTER alice CHAT/1.0");
    bob.gets("401 Client already registered");
    let mut bob = recorder.connect();
    bob.sends("REGISTER bob CHAT/1.0");
    bob.gets("200 Registration successful");
    alice.sends("@alice: hi");
    bob.gets("@alice: hi");
    recorder.stop();

    let text = place.text();
    for part in [
        "alice joins\n",
        "aliceb connects\naliceb > REGISTER alice CHAT/1.0\naliceb < 401 ...\n",
        "bob joins\n",
        "alice > @alice: hi\nbob   < @alice: hi\n",
    ] {
        assert!(text.contains(part), "{text}");
    }
    place.fill_in("S-MSG-1 S-REG-5", str::to_owned);
    place.judge(&bare).success();
    place.judge(&[SERVER]).success();
}

#[test]
fn a_problem_that_somebody_met_is_replayed() {
    let place = Place::new();
    let faulty = example("faulty-server");
    let echo = [faulty.as_str(), "--fault", "echo"];
    let recorder = Recorder::start(&place.file(), &[&["--"], &echo[..]].concat());
    let mut alice = recorder.connect();
    alice.sends("REGISTER alice CHAT/1.0\n");
    alice.gets("200 Registration successful\n");
    let mut bob = recorder.connect();
    bob.sends("REGISTER bob CHAT/1.0\n");
    bob.gets("200 Registration successful\n");
    bob.sends("@bob: ");
    bob.sends("anybody here?\n");
    alice.gets("@bob: anybody here?\n");
    bob.gets("@bob: anybody here?\n");
    recorder.stop();

    let text = place.text();
    assert!(text.contains("bob   < @bob: anybody here?\n"), "{text}");
    assert!(text.contains("alice < @bob: anybody here?\n"), "{text}");
    // The person writes what should have happened.
    place.fill_in("S-MSG-2", |steps| {
        let correct = steps.replace("bob   < @bob: anybody here?\n", "");
        format!("{}\nbob hears nothing\n", correct.trim_end())
    });
    place
        .judge(&echo)
        .code(1)
        .stdout(contains("✗ S-MSG-2 fails"));
    place.judge(&[SERVER]).success();
}

#[test]
fn a_recording_ends_with_its_server() {
    let place = Place::new();
    let faulty = example("faulty-server");
    let server = ["--", faulty.as_str(), "--fault", "ends-when-empty"];
    let recorder = Recorder::start(&place.file(), &server);
    Person::joins("alice", &recorder.url).leaves();
    recorder.has_written();
    let text = place.text();
    assert!(text.contains("alice joins\n"), "{text}");
    assert!(text.ends_with("server ends\n"), "{text}");
}

#[test]
fn a_running_server_is_recorded_and_left_as_it_is() {
    let place = Place::new();
    let inner = Place::new();
    // The relay of another recording is a server that is running already.
    let server = Recorder::start(&inner.file(), &["--", SERVER]);
    let recorder = Recorder::start(&place.file(), &["--at", &server.url]);
    let mut alice = recorder.connect();
    alice.sends("REGISTER alice CHAT/1.0\n");
    alice.gets("200 Registration successful\n");
    alice.sends("@alice: is anybody here?\n");
    recorder.stop();
    let text = place.text();
    assert!(text.contains("alice joins\n"), "{text}");
    let mut bob = server.connect();
    bob.sends("REGISTER bob CHAT/1.0\n");
    bob.gets("200 Registration successful\n");
    server.stop();
}

#[test]
fn wrong_use_is_refused() {
    let place = Place::new();
    let file = place.file().display().to_string();
    let refuses = |arguments: &[&str], why: &str| {
        conform(&[&["record"], arguments].concat())
            .code(2)
            .stdout("")
            .stderr(contains(why));
    };
    refuses(&["--", SERVER], "--out <FILE>");
    refuses(&["--out", &file], "<COMMAND>...");
    refuses(
        &["--out", &file, "--at", "chat://localhost:1", "--", SERVER],
        "cannot be used with",
    );
    refuses(
        &["--out", &file, "--at", "localhost:1"],
        "chat://localhost:12345",
    );
    refuses(
        &["--out", &file, "--", "no-such-program"],
        "no such program",
    );
    refuses(
        &["--out", &file, "--", "false"],
        "the server ended before it listened",
    );
    refuses(
        &["--out", "/no/such/folder/a.chat", "--", SERVER],
        "cannot write",
    );
    fs::write(&file, "mine").expect("is written");
    refuses(
        &["--out", &file, "--", SERVER],
        "exists; --force overwrites it",
    );
    assert_eq!(place.text(), "mine");

    let options = [Path::new(&file)];
    let recorder = Recorder::start(options[0], &["--force", "--", SERVER]);
    recorder.connect().sends("hello\n");
    recorder.stop();
    assert!(place.text().starts_with(EMPTY_HEAD), "{}", place.text());
}

#[test]
fn nothing_is_written_where_nobody_came() {
    let place = Place::new();
    let recorder = Recorder::start(&place.file(), &["--", SERVER]);
    let id = i32::try_from(recorder.process.id()).expect("an id");
    let id = Pid::from_raw(id).expect("an id");
    kill_process(id, Signal::INT).expect("is there");
    let mut process = recorder.process;
    assert_eq!(process.wait().expect("ends").code(), Some(2));
    assert!(!place.file().exists());
}
