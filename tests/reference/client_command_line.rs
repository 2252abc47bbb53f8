//! The client's command line: help, version, and wrong arguments.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use predicates::prelude::*;
use socket2::{Domain, Socket, Type};

fn client(arguments: &[&str]) -> Assert {
    Command::new(env!("CARGO_BIN_EXE_chat-client"))
        .args(arguments)
        .assert()
}

/// A socket at a free port that must receive no connection, and the port.
fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

fn got_no_connection(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).expect("non-blocking");
    listener.accept().is_err()
}

#[test]
fn help_shows_both_arguments() {
    client(&["--help"])
        .success()
        .stdout(predicate::str::contains(
            "Usage: chat-client NAME chat://HOST:PORT",
        ))
        .stdout(predicate::str::contains("NO_COLOR"))
        .stderr("");
}

#[test]
fn version_is_that_of_the_package() {
    client(&["--version"]).success().stdout(concat!(
        "chat-client ",
        env!("CARGO_PKG_VERSION"),
        "\n"
    ));
}

#[test]
fn both_arguments_are_required() {
    for arguments in [&[][..], &["alice"]] {
        client(arguments)
            .code(2)
            .stdout("")
            .stderr(predicate::str::contains(
                "required arguments were not provided",
            ));
    }
    client(&["alice", "chat://localhost:5000", "more"])
        .code(2)
        .stderr(predicate::str::contains("unexpected argument 'more'"));
}

#[test]
fn a_name_is_one_word() {
    let long = "x".repeat(65);
    for (name, fault) in [
        ("", "needs at least one character"),
        ("alice smith", "one word"),
        ("alice\tsmith", "control characters"),
        (long.as_str(), "at most 64 bytes"),
    ] {
        let (listener, port) = listener();
        client(&[name, &format!("chat://127.0.0.1:{port}")])
            .code(2)
            .stdout("")
            .stderr(predicate::str::contains(fault));
        assert!(got_no_connection(&listener), "{name:?}");
    }
}

#[test]
fn each_wrong_address_has_its_message() {
    let (listener, port) = listener();
    for (address, fault) in [
        (String::new(), "it is not a URL"),
        ("hello".to_owned(), "it is not a URL"),
        (format!("127.0.0.1:{port}"), "it is not a URL"),
        (
            format!("localhost:{port}"),
            "its scheme is `localhost`, not `chat`",
        ),
        (
            format!("http://127.0.0.1:{port}"),
            "its scheme is `http`, not `chat`",
        ),
        (
            format!("chat:127.0.0.1:{port}"),
            "there is no `//` after `chat:`",
        ),
        ("chat://".to_owned(), "it has no host"),
        (format!("chat://:{port}"), "it has no host"),
        (format!("chat://local host:{port}"), "its host is invalid"),
        (format!("chat://[::1:{port}"), "its host is invalid"),
        ("chat://127.0.0.1".to_owned(), "it has no port"),
        ("chat://127.0.0.1:".to_owned(), "it has no port"),
        (
            "chat://127.0.0.1:chat".to_owned(),
            "its port `chat` is not a number",
        ),
        (
            "chat://127.0.0.1:-1".to_owned(),
            "its port `-1` is not a number",
        ),
        (
            "chat://127.0.0.1:0".to_owned(),
            "its port 0 is not between 1 and 65535",
        ),
        (
            "chat://127.0.0.1:65536".to_owned(),
            "its port 65536 is not between 1 and 65535",
        ),
        (
            format!("chat://alice@127.0.0.1:{port}"),
            "it has a user before the host",
        ),
        (
            format!("chat://127.0.0.1:{port}/room"),
            "`/room` after the port is not allowed",
        ),
        (
            format!("chat://127.0.0.1:{port}?room"),
            "`?room` after the port is not allowed",
        ),
        (
            format!("chat://127.0.0.1:{port}#room"),
            "`#room` after the port is not allowed",
        ),
    ] {
        client(&["alice", &address])
            .code(2)
            .stdout("")
            .stderr(predicate::str::contains(fault))
            .stderr(predicate::str::contains(
                "write the address as chat://host:port",
            ));
    }
    assert!(got_no_connection(&listener));
}

#[test]
fn a_refused_connection_is_reported_with_advice() {
    // Bound but not listening: no other program can listen there.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    silent.bind(&any_port.into()).expect("a free port");
    let address = silent.local_addr().expect("its address");
    let address = address.as_socket().expect("an internet address");
    client(&["alice", &format!("chat://{address}")])
        .code(1)
        .stdout("")
        .stderr(predicate::str::contains(format!(
            "{address} refused the connection"
        )))
        .stderr(predicate::str::contains("is the server running"));
}
