//! Other programs on the machine change nothing about a run: each run has its own network, and where the
//! system gives none, only the connections of the program under test count.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chat_conformance::conformance::evidence::shortfall::Note;
use chat_conformance::conformance::evidence::{EventKind, Evidence};
use chat_conformance::conformance::judge::result::{RunResult, Verdict};
use chat_conformance::conformance::play::slots::Slots;
use chat_conformance::conformance::program::dialect::Dialect;
use chat_conformance::conformance::program::environment::{Environment, Network};
use chat_conformance::conformance::program::system::has_networks_to_give;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::run::{Plan, run};
use chat_conformance::conformance::session::Subject;
use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::transcript::parse;
use chat_conformance::transcript::syntax::Role;
use socket2::SockRef;

use crate::judging;
use crate::python::python;

const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_chat-client");

/// Tells the test its network and the address that it was given, waits for a word, and turns into the client.
const ANNOUNCED_CLIENT: &str = "
import os, socket, sys
door = socket.socket(socket.AF_UNIX)
door.connect(sys.argv[1])
door.sendall(f'{os.readlink(\"/proc/self/ns/net\")} {sys.argv[4]}\\n'.encode())
door.recv(1)
os.execv(sys.argv[2], sys.argv[2:])
";

/// Looks up the machine's own address as many programs do, and turns into a server that listens there only.
const SERVER_AT_OWN_ADDRESS: &str = "
import os, socket, sys
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.connect(('8.8.8.8', 80))
os.execv(sys.argv[1], [sys.argv[1], '--host', probe.getsockname()[0]])
";

/// Gives up in another network than the one that it is told.
const NEEDS_NETWORK: &str = "
import os, sys
if os.readlink('/proc/self/ns/net') != sys.argv[1]:
    sys.exit('cannot find myself here')
os.execv(sys.argv[2], sys.argv[2:])
";

/// Says its words and is gone.
const HASTY_CLIENT: &str = "
import os, socket, sys
name, address = sys.argv[1:]
host, port = address.removeprefix('chat://').rsplit(':', 1)
socket.create_connection((host, int(port))).sendall(b'REGISTER %s CHAT/1.0\\n' % name.encode())
os._exit(0)
";

fn plan(role: Role, command: &[&str], network: Network, cases: Vec<Case>) -> Plan {
    const AT_ONCE: usize = 4;
    let suite = Suite::embedded().expect("the embedded suite can be read");
    Plan {
        subject: Subject {
            target: Target::Command(command.iter().map(|word| (*word).to_owned()).collect()),
            role,
            patience: Duration::from_secs(5),
            environment: Environment {
                network,
                ..Environment::default()
            },
            time_limit: Duration::from_secs(180),
            slots: Arc::new(Slots::new(AT_ONCE)),
            dialect: Some(Dialect::LINE),
            harness: PathBuf::from(env!("CARGO_BIN_EXE_conform")),
        },
        table: suite.table(),
        cases,
        at_once: AT_ONCE,
    }
}

fn judged(plan: Plan) -> RunResult {
    let suite = Suite::embedded().expect("the embedded suite can be read");
    let is_covered = |id: &String| {
        let mut cases = plan.cases.iter();
        cases.any(|case| case.transcript.covers.contains(id))
    };
    let requirements = suite.requirements.into_iter();
    let requirements = requirements.filter(|requirement| is_covered(&requirement.id));
    let evidence = run(&plan, &AtomicBool::new(false), &|_| {});
    let evidence = evidence.unwrap_or_else(|why| panic!("{why}"));
    evidence.judged(requirements.collect(), &plan.table)
}

/// A few short transcripts of the suite.
fn some_cases(role: Role, covering: &[&str]) -> Vec<Case> {
    const ENOUGH: usize = 5;
    let suite = Suite::embedded().expect("the embedded suite can be read");
    let is_asked = |case: &Case| {
        let transcript = &case.transcript;
        let mut covers = transcript.covers.iter();
        transcript.role == role
            && !judging::takes_its_time(case)
            && covers.any(|id| covering.contains(&id.as_str()))
    };
    suite
        .cases
        .into_iter()
        .filter(is_asked)
        .take(ENOUGH)
        .collect()
}

#[track_caller]
fn all_pass(result: &RunResult) {
    let failing = judging::not_passing(result, |_, _| true);
    assert!(failing.is_empty(), "{failing:#?}\n{:#?}", result.remarks);
    assert!(!result.transcripts.is_empty());
}

/// What was remarked about the program, not about the machine.
fn remarks(result: &RunResult) -> Vec<&String> {
    let remarks = result.remarks.iter();
    remarks
        .filter(|remark| !remark.starts_with("The machine was busy"))
        .collect()
}

fn interpreter() -> &'static str {
    python().expect("these tests need python3")
}

fn may_have_networks() -> bool {
    let may = has_networks_to_give();
    if !may {
        eprintln!("NOT RUN: this system gives this user no networks");
    }
    may
}

/// What each start of the client under test has to pass: everything that another program may do to the
/// harness's listening port.
fn disturb(port: u16) -> Vec<TcpStream> {
    let connect = || TcpStream::connect(("127.0.0.1", port)).expect("somebody listens");
    let says = |words: &str| {
        let mut stream = connect();
        stream.write_all(words.as_bytes()).expect("sends");
        stream
    };
    drop(connect());
    drop(says("rubbish\n"));
    let reset = says("rubbish\n");
    SockRef::from(&reset)
        .set_linger(Some(Duration::ZERO))
        .expect("can be set");
    drop(reset);
    vec![
        connect(),
        says("rubbish"),
        says("REGISTER alice CHAT/1.0\n"),
    ]
}

/// Judges the bundled client, and does something each time before it connects. Gives the networks in which
/// it was started, too.
fn judged_with_announcements(
    network: Network,
    act: impl Fn(u16) -> Vec<TcpStream> + Sync,
) -> (RunResult, Vec<String>) {
    let folder = tempfile::tempdir().expect("can be made");
    let path = folder.path().join("door");
    let door = UnixListener::bind(&path).expect("binds");
    let watch = || {
        let mut networks = Vec::new();
        let mut held = Vec::new();
        loop {
            let (mut client, _) = door.accept().expect("accepts");
            let mut line = String::new();
            BufReader::new(&client)
                .read_line(&mut line)
                .expect("is a line");
            let Some((network, address)) = line.trim_end().split_once(' ') else {
                return networks;
            };
            networks.push(network.to_owned());
            // Some transcripts give no port.
            let port = address.rsplit_once(':').map(|(_, port)| port.parse());
            if let Some(Ok(port)) = port {
                held.extend(act(port));
            }
            let _ = client.write_all(b"!");
        }
    };
    let door_path = path.display().to_string();
    let command = [interpreter(), "-c", ANNOUNCED_CLIENT, &door_path, CLIENT];
    let cases = some_cases(Role::Client, &["C-REG-1", "C-MSG-1", "C-MSG-2", "C-QUIT-1"]);
    let plan = plan(Role::Client, &command, network, cases);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(watch);
        let ends_watcher = EndsWatcher(&path);
        let result = judged(plan);
        drop(ends_watcher);
        (result, watcher.join().expect("ends"))
    })
}

/// Ends the watcher when it is dropped, after a panic too, or that would never be seen.
struct EndsWatcher<'a>(&'a Path);

impl Drop for EndsWatcher<'_> {
    fn drop(&mut self) {
        // A watcher that panicked waits for nobody.
        drop(UnixStream::connect(self.0));
    }
}

fn has_refused_somebody(run: &Evidence) -> bool {
    let mut events = run.events.iter();
    events.any(|event| matches!(&event.kind, EventKind::Note(Note::StrangerRefused)))
}

#[test]
fn in_a_shared_network_only_the_connections_of_the_client_under_test_count() {
    let (result, _) = judged_with_announcements(Network::Shared, disturb);
    all_pass(&result);
    for transcript in &result.transcripts {
        for run in &transcript.runs {
            assert!(has_refused_somebody(run), "{}", transcript.case.name);
        }
    }
}

#[test]
fn each_run_of_a_client_has_its_own_network() {
    if !may_have_networks() {
        return;
    }
    let (result, mut networks) = judged_with_announcements(Network::Own, |_| Vec::new());
    all_pass(&result);
    let shared = fs::read_link("/proc/self/ns/net").expect("is there");
    assert!(!networks.iter().any(|network| Path::new(network) == shared));
    assert!(networks.len() >= result.transcripts.len());
    // The system uses the number of a network again when it is gone.
    networks.sort();
    networks.dedup();
    assert!(networks.len() > 1, "{networks:?}");
}

#[test]
fn a_client_that_is_gone_at_once_is_heard() {
    let source = "# Comes and goes.\ncovers C-REG-1\n\nclient starts as alice\nserver < REGISTER alice CHAT/1.0\n";
    let case = Case {
        name: "client/hasty".to_owned(),
        transcript: parse("hasty", source).expect("is a transcript"),
        source: source.to_owned(),
    };
    let command = [interpreter(), "-c", HASTY_CLIENT];
    for network in [Network::Shared, Network::Own] {
        let cases = vec![case.clone(); 4];
        all_pass(&judged(plan(Role::Client, &command, network, cases)));
    }
}

const ABOUT_SERVERS: [&str; 3] = ["S-REG-1", "S-MSG-1", "S-PORT-2"];

#[test]
fn a_server_at_the_machine_s_own_address_only_is_judged() {
    let Some(address) = own_address() else {
        eprintln!("NOT RUN: this machine has no address but loopback");
        return;
    };
    let by_address = [SERVER, "--host", &address.to_string()];
    let by_look_up = [interpreter(), "-c", SERVER_AT_OWN_ADDRESS, SERVER];
    for command in [&by_address[..], &by_look_up[..]] {
        let cases = some_cases(Role::Server, &ABOUT_SERVERS);
        let result = judged(plan(Role::Server, command, Network::Own, cases));
        all_pass(&result);
        assert_eq!(result.profile.has_own_network, has_networks_to_give());
        assert_eq!(remarks(&result), Vec::<&String>::new());
        let runs = result
            .transcripts
            .iter()
            .flat_map(|transcript| &transcript.runs);
        let mut events = runs.flat_map(|run| &run.events);
        let host = format!("{address}:");
        let is_there = |kind: &EventKind| matches!(kind, EventKind::Listening { address } if address.starts_with(&host));
        assert!(events.any(|event| is_there(&event.kind)));
    }
}

/// The machine's own IPv4 address; nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("8.8.8.8:80").ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback()).then_some(ip)
}

#[test]
fn servers_with_the_same_port_are_judged_side_by_side() {
    if !may_have_networks() {
        return;
    }
    // It is taken in the machine's network all the while.
    let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = taken.local_addr().expect("has an address").port();
    let port = port.to_string();
    std::thread::scope(|scope| {
        let judge = || {
            let cases = some_cases(Role::Server, &ABOUT_SERVERS);
            let command = [SERVER, "--port", &port];
            judged(plan(Role::Server, &command, Network::Own, cases))
        };
        let both = [scope.spawn(judge), scope.spawn(judge)];
        for result in both.map(|run| run.join().expect("ends")) {
            all_pass(&result);
            assert!(result.profile.runs_alone && result.profile.has_own_network);
            assert_eq!(remarks(&result).len(), 1, "{:?}", result.remarks);
        }
    });
    drop(taken);
}

/// Such as one that asks a name server where it is.
#[test]
fn a_program_that_needs_the_machine_s_network_gets_it_and_is_told_so() {
    if !may_have_networks() {
        return;
    }
    let network = fs::read_link("/proc/self/ns/net").expect("is there");
    let network = network.display().to_string();
    for (role, program) in [(Role::Server, SERVER), (Role::Client, CLIENT)] {
        let command = [interpreter(), "-c", NEEDS_NETWORK, &network, program];
        let cases = some_cases(role, &["S-REG-1", "C-REG-1"]);
        let result = judged(plan(role, &command, Network::Own, cases));
        all_pass(&result);
        assert!(!result.profile.has_own_network);
        assert_eq!(remarks(&result).len(), 1, "{:?}", result.remarks);
    }
}

/// What a server's users would not get either.
#[test]
fn a_server_at_an_address_of_another_machine_is_not_met() {
    let command = [SERVER, "--host", "203.0.113.1"];
    let cases = some_cases(Role::Server, &["S-PORT-2"]);
    let result = judged(plan(Role::Server, &command, Network::Own, cases));
    let mut judged = result.requirements.iter();
    assert!(judged.all(|judged| judged.verdict != Verdict::Pass));
}
