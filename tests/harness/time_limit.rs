//! Programs that use up their time: the limit ends them, tells so, and leaves nothing behind.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::python::python;

/// Far more than is needed on an idle machine, and far less than without a limit.
const LONGEST: Duration = Duration::from_secs(60);

/// Takes its time over each line. Its arguments are a mode, a marker, a name and an address.
const HESITANT_CLIENT: &str = r#"
import socket, sys, time
from urllib.parse import urlparse
address = urlparse(sys.argv[4])
with socket.create_connection((address.hostname, address.port)) as connection:
    time.sleep(4)
    connection.sendall(f"REGISTER {sys.argv[3]} CHAT/1.0\n".encode())
    while connection.recv(4096):
        time.sleep(4)
"#;

fn start(mode: &str, marker: &str, options: &[&str]) -> Child {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let server = programs.join("hostile_server.py").display().to_string();
    let (role, program) = match mode {
        "hesitates-as-client" => ("client", vec!["-c", HESITANT_CLIENT]),
        _ => ("server", vec![server.as_str()]),
    };
    Command::new(env!("CARGO_BIN_EXE_conform"))
        .args([role, "-j", "2", "--only", "*/registration/*"])
        .args(options)
        .args(["--", python().expect("this test needs python3")])
        .args(program)
        .args([mode, marker])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("conform starts")
}

/// Waits for the end; one that does not come is a failure, and no process is left then either.
fn end_of(mut child: Child) -> (Option<i32>, String) {
    let deadline = Instant::now() + LONGEST;
    while child.try_wait().expect("can be waited for").is_none() {
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it has not ended after {LONGEST:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().expect("has ended");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// Whether some process has this among its arguments, the harness aside.
fn is_there(marker: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    processes
        .filter_map(|process| fs::read(process.path().join("cmdline")).ok())
        .any(|line| {
            let mut words = line.split(|byte| *byte == 0);
            words
                .next()
                .is_some_and(|program| !program.ends_with(b"conform"))
                && words.any(|word| word == marker.as_bytes())
        })
}

fn is_ended_by_the_limit(mode: &str) {
    let marker = format!("{mode}-{}", std::process::id());
    let folder = tempfile::tempdir().expect("there is a place");
    let json = folder.path().join("result.json");
    let file = json.display().to_string();
    let child = start(mode, &marker, &["--seconds", "1", "--json", &file]);
    let (status, text) = end_of(child);
    assert!(
        text.contains("Time limit: this program was given 1 s;"),
        "{status:?} {text}"
    );
    let result: Value =
        serde_json::from_str(&fs::read_to_string(json).expect("is there")).expect("is JSON");
    let limit = &result["time_limit"];
    let expected = match limit["used_up_by"].as_str() {
        Some("program") => 1,
        _ => 3,
    };
    assert_eq!(status, Some(expected), "{limit}");
    let missing = limit["not_replayed"].as_array().expect("is a list");
    assert!(!missing.is_empty());
    let judged = result["transcripts"].as_array().expect("is a list");
    for judged in judged
        .iter()
        .filter(|judged| missing.contains(&judged["name"]))
    {
        assert_eq!(judged["verdict"], "untested", "{judged}");
    }
    assert!(!is_there(&marker));
}

#[test]
fn a_server_that_never_listens() {
    is_ended_by_the_limit("never-listens");
}

#[test]
fn a_server_that_says_nothing() {
    is_ended_by_the_limit("is-silent");
}

#[test]
fn a_server_that_floods_its_terminal() {
    is_ended_by_the_limit("floods");
}

#[test]
fn a_server_that_floods_its_connections() {
    is_ended_by_the_limit("talks");
}

#[test]
fn a_server_that_takes_its_time_over_each_answer() {
    is_ended_by_the_limit("hesitates");
}

#[test]
fn a_client_that_takes_its_time_over_each_line() {
    is_ended_by_the_limit("hesitates-as-client");
}

#[test]
fn an_interruption_is_no_limit() {
    let marker = format!("interrupted-{}", std::process::id());
    let child = start("floods", &marker, &["--seconds", "50"]);
    let deadline = Instant::now() + LONGEST;
    while !is_there(&marker) {
        assert!(Instant::now() < deadline, "it was never started");
        std::thread::sleep(Duration::from_millis(20));
    }
    let process = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(process.expect("has an id"), Signal::INT).expect("can be interrupted");
    let (status, text) = end_of(child);
    assert_eq!(status, Some(130), "{text}");
    assert!(!text.contains("Time limit"), "{text}");
    assert!(!is_there(&marker));
}
