//! `chat-server` as a command: what it prints, and how it reports wrong arguments.

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::{contains, starts_with};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::time::Duration;

fn chat_server(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chat-server"));
    // If the server starts although it should not, the test ends it and fails.
    command.args(arguments).timeout(Duration::from_secs(30));
    command
}

/// Wrong arguments: status 2, the reason on standard error, nothing on standard output.
fn is_rejected(arguments: &[&str], reason: impl Predicate<str>) {
    chat_server(arguments)
        .assert()
        .code(2)
        .stdout("")
        .stderr(reason);
}

#[test]
fn help_says_what_it_can_be_told() {
    let help = chat_server(&["--help"])
        .assert()
        .success()
        .stderr("")
        .get_output()
        .stdout
        .clone();
    let help = String::from_utf8(help).unwrap();
    for word in [
        "Usage: chat-server",
        "--host",
        "--port",
        "--verbose",
        "--quiet",
        "Exit status",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn version_is_the_project_s() {
    let version = concat!("chat-server ", env!("CARGO_PKG_VERSION"), "\n");
    chat_server(&["--version"])
        .assert()
        .success()
        .stdout(version);
}

#[test]
fn wrong_arguments_are_explained() {
    is_rejected(&["now"], contains("unexpected argument 'now'"));
    is_rejected(&["--prot", "7"], contains("--port"));
    is_rejected(&["--port", "70000"], contains("70000 is not in 0..=65535"));
    is_rejected(
        &["--port", "http"],
        contains("invalid value 'http' for '--port"),
    );
    is_rejected(&["--port"], contains("a value is required for '--port"));
    is_rejected(&["--quiet", "--verbose"], contains("cannot be used with"));
    is_rejected(
        &["--registration-timeout", "0"],
        contains("--registration-timeout"),
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let holder = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0))
        .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)))
        .unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let reason = format!("chat-server: port {port} is in use by another program");
    is_rejected(&["--port", &port], starts_with(reason.clone()));
    is_rejected(
        &["--host", "127.0.0.1", "--port", &port],
        starts_with(reason),
    );
}

#[test]
fn a_port_that_is_taken_on_one_family_is_taken() {
    let holder = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    is_rejected(&["--port", &port], contains("is in use by another program"));
}

#[test]
fn a_host_that_is_not_here_is_named() {
    // The first is not a valid host name, so no name server is asked. The second is a reserved
    // address (RFC 5737).
    is_rejected(
        &["--host", "no..where"],
        starts_with("chat-server: cannot resolve host \"no..where\""),
    );
    is_rejected(
        &["--host", ""],
        starts_with("chat-server: cannot resolve host \"\""),
    );
    is_rejected(
        &["--host", "192.0.2.1"],
        starts_with("chat-server: 192.0.2.1 is not an address of this machine"),
    );
}
