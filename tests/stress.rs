//! `conform stress`: the reference holds, and a single wrong message in a hundred thousand is
//! found.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");

#[track_caller]
fn stress(arguments: &[&str]) -> Assert {
    Command::new(CONFORM)
        .arg("stress")
        .args(arguments)
        .timeout(Duration::from_secs(120))
        .assert()
}

fn lossy() -> String {
    let programs = Path::new(CONFORM).parent().unwrap_or(Path::new("."));
    programs.join("examples/lossy-server").display().to_string()
}

/// Sends more than a hundred thousand messages to a server that mishandles one in that many.
#[track_caller]
fn is_caught(fault: &str, verdict: &str, told: &str) {
    let load = ["--clients", "5", "--senders", "2", "--messages", "150000"];
    let server = [&lossy(), "--fault", fault, "--every", "100000"];
    stress(&[&load[..], &["--"], &server].concat())
        .code(1)
        .stdout(contains(verdict))
        .stdout(contains(told));
}

#[test]
fn the_reference_holds_while_clients_come_and_go() {
    let load = [
        "--clients",
        "40",
        "--senders",
        "4",
        "--churn",
        "10",
        "--slow",
        "3",
        "--duration",
        "3",
    ];
    let run = stress(&[&load[..], &["--json", "-", "--", SERVER, "--quiet"]].concat()).success();
    let outcome: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(outcome["schema"], "chat-conformance/stress/2");
    assert_eq!(outcome["passes"], true);
    let count = |pointer: &str| {
        outcome
            .pointer(pointer)
            .and_then(Value::as_u64)
            .expect("a count")
    };
    // Every client that stays hears what the others send.
    let steady = 40 - 10 - 3;
    assert!(count("/delivered/messages") >= count("/sent/messages") * (steady - 1));
    assert!(
        count("/visits/came_back") > 0
            && count("/visits/left") > 0
            && count("/visits/vanished") > 0
    );
    assert!(count("/usage/memory_peak") > 0);
    let of_registration = |what: &str| outcome["registration"][what].as_f64().expect("a time");
    assert!(of_registration("seconds") > 0.0 && of_registration("cpu_seconds") >= 0.0);
    let page = include_str!("../docs/results.md");
    let page = page.split_once("## A load test").expect("has a section").1;
    for name in names(&outcome) {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/results.md lacks {name}"
        );
    }
}

/// The names of all fields in a JSON document.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let below = fields.values().flat_map(names);
            fields.keys().cloned().chain(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn with_a_rate_messages_are_sent_when_due() {
    let load = [
        "--clients",
        "5",
        "--senders",
        "3",
        "--rate",
        "200",
        "--messages",
        "300",
    ];
    let run = stress(&[&load[..], &["--json", "-", "--", SERVER]].concat()).success();
    let outcome: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    assert_eq!(outcome["sent"]["messages"], 300);
    assert_eq!(outcome["delivered"]["messages"], 300 * 4);
    // The last message is not due before this.
    assert!(outcome["seconds"].as_f64().expect("a time") >= 299.0 / 200.0);
}

#[test]
fn a_server_that_makes_unpaced_senders_wait_loses_nothing() {
    for load in [
        &["--clients", "11", "--senders", "1"][..],
        &["--clients", "30", "--senders", "10", "--busy", "2"],
        &["--clients", "5", "--senders", "1", "--read-rate", "4000000"],
    ] {
        let rest = ["--unpaced", "--duration", "1.5", "--", SERVER, "--quiet"];
        stress(&[load, &rest].concat())
            .success()
            .stdout(contains("\nSlow ").and(contains("dropped though").not()));
    }
}

#[test]
fn dropping_slow_readers_and_making_everybody_wait_are_distinguished() {
    let load = ["--clients", "4", "--senders", "1", "--unpaced"];
    let slow = ["--read-rate", "1000000", "--duration", "2", "--"];
    stress(&[&load[..], &slow, &[&lossy(), "--fault", "drops-slow"]].concat())
        .code(1)
        .stdout(contains("dropped although they kept reading"))
        .stdout(contains("although it kept reading, slowly"));
    let stops_reading = ["--slow", "3", "--size", "1000", "--duration", "5", "--"];
    stress(&[&load[..], &stops_reading, &[&lossy()]].concat())
        .success()
        .stdout(contains("all clients waited, for"));
}

#[test]
fn one_lost_message_in_a_hundred_thousand_is_caught() {
    is_caught("loses", "✗ 1 lost.", "did not get message");
}

#[test]
fn one_message_out_of_order_is_caught() {
    is_caught("reorders", "✗ 1 out of order.", "after a later one");
}

#[test]
fn one_repeated_message_is_caught() {
    is_caught("repeats", "✗ 1 repeated.", "again");
}

#[test]
fn one_changed_message_is_caught() {
    // The original message is then missing.
    is_caught(
        "changes",
        "✗ 1 lost, 1 changed.",
        "heard a line that nobody sent",
    );
}

#[test]
fn one_message_returned_to_its_sender_is_caught() {
    is_caught(
        "returns",
        "✗ 1 returned to the sender.",
        "heard its own message",
    );
}

#[test]
fn a_message_to_an_unregistered_client_is_caught() {
    is_caught(
        "tells-strangers",
        "✗ 2 delivered to a client that was not registered.",
        "without being registered",
    );
}

#[test]
fn a_connection_closed_without_a_reason_is_caught() {
    is_caught(
        "disconnects",
        "disconnected without a reason",
        "although it did nothing wrong",
    );
}

#[test]
fn a_server_that_stops_reading_is_caught() {
    is_caught(
        "stalls",
        "not read by the server",
        "reads and relays nothing",
    );
}

#[test]
fn a_server_that_ends_is_reported_once() {
    is_caught(
        "ends",
        "✗ 1 disconnected without a reason.",
        "exit status 7",
    );
}

#[test]
fn a_running_server_is_left_as_it_was_found() {
    /// Ends the server even if an assertion fails.
    struct Running(Child);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.kill().expect("is there");
            self.0.wait().expect("ends");
        }
    }
    let server = std::process::Command::new(lossy())
        .stdout(Stdio::piped())
        .spawn();
    let mut server = Running(server.expect("starts"));
    let mut port = String::new();
    let output = server.0.stdout.take().expect("is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut port)
        .expect("says its port");
    let address = format!("chat://127.0.0.1:{}", port.trim());
    for _ in 0..2 {
        // The second run works only if the first one has left the names free.
        stress(&[
            "--clients",
            "3",
            "--senders",
            "1",
            "--messages",
            "10",
            "--at",
            &address,
        ])
        .success()
        .stdout(contains("not started by conform"));
    }
}

#[test]
fn servers_that_cannot_be_loaded_are_reported() {
    stress(&["--", "false"])
        .code(1)
        .stderr(contains("ended before it listened"));
    let bare = Path::new(CONFORM)
        .parent()
        .unwrap_or(Path::new("."))
        .join("examples/faulty-server");
    stress(&[
        "--patience",
        "1",
        "--",
        &bare.display().to_string(),
        "--fault",
        "bare",
    ])
    .code(1)
    .stderr(contains("without a line end"));
}

#[test]
fn wrong_use_is_status_2() {
    for (arguments, said) in [
        (
            &["--clients", "3", "--senders", "4"][..],
            "increase --clients",
        ),
        (&["--clients", "1"], "a whole number from 2"),
        (&["--size", "3"], "a whole number from 40"),
        (&["--rate", "0"], "messages a second"),
        (
            &["--messages", "5", "--duration", "5"],
            "cannot be used with",
        ),
        (&["--json", "/nowhere/at/all"], "cannot write"),
    ] {
        stress(&[arguments, &["--", SERVER]].concat())
            .code(2)
            .stdout(predicate::str::is_empty())
            .stderr(contains(said));
    }
    stress(&["--at", "chat://127.0.0.1:9"])
        .code(2)
        .stderr(contains("cannot connect to"));
    stress(&["--", "no-such-program"])
        .code(2)
        .stderr(contains("no such program"));
}
