//! Connects to the server. Tries every address of its host in turn (C-ARG-3).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use thiserror::Error;
use url::Host;

use super::address::Address;

/// Timeout for one address.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The system cannot resolve the host.
    #[error("cannot resolve the host of {0}: {1}; check its spelling")]
    UnknownHost(Address, io::Error),
    /// No address answered: each one with its error.
    #[error("cannot connect to {}{}", .0, explain_all(.1))]
    NoAnswer(Address, Vec<(SocketAddr, io::Error)>),
}

/// Explains failed attempts: one on the same line, several on lines of their own.
fn explain_all(attempts: &[(SocketAddr, io::Error)]) -> String {
    let separator = if attempts.len() == 1 { ": " } else { "\n  " };
    let explained = attempts
        .iter()
        .map(|(tried, error)| format!("{separator}{tried} {}", explain(error)));
    explained.collect()
}

/// Explains a failed attempt to the user.
fn explain(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            "refused the connection; is the server running, and is this the port it printed?".into()
        }
        ErrorKind::TimedOut => format!(
            "did not answer within {} seconds; is the host right, and does a firewall block it?",
            TIMEOUT.as_secs()
        ),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "cannot be reached from here; is the network up?".into()
        }
        _ => format!("failed: {error}"),
    }
}

/// Connects to the first address of the host that answers.
pub fn connect(address: &Address) -> Result<TcpStream, ConnectError> {
    let candidates =
        resolve(address).map_err(|error| ConnectError::UnknownHost(address.clone(), error))?;
    connect_to_first(&candidates)
        .map_err(|failures| ConnectError::NoAnswer(address.clone(), failures))
}

fn connect_to_first(candidates: &[SocketAddr]) -> Result<TcpStream, Vec<(SocketAddr, io::Error)>> {
    let mut failures = Vec::new();
    for candidate in candidates {
        match TcpStream::connect_timeout(candidate, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push((*candidate, error)),
        }
    }
    Err(failures)
}

fn resolve(address: &Address) -> io::Result<Vec<SocketAddr>> {
    let port = address.port.get();
    match &address.host {
        Host::Domain(name) => Ok((name.as_str(), port).to_socket_addrs()?.collect()),
        Host::Ipv4(ip) => Ok(vec![(IpAddr::from(*ip), port).into()]),
        Host::Ipv6(ip) => Ok(vec![(IpAddr::from(*ip), port).into()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn each_failure_has_its_explanation() {
        let [refused, timed_out, unreachable] = [
            ErrorKind::ConnectionRefused,
            ErrorKind::TimedOut,
            ErrorKind::NetworkUnreachable,
        ]
        .map(|kind| explain(&kind.into()));
        assert!(refused.contains("refused"));
        assert!(timed_out.contains("did not answer within 10 seconds"));
        assert!(unreachable.contains("cannot be reached"));
    }

    #[test]
    fn every_address_is_tried() {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // Bound but not listening: it refuses connections, and no other program can listen there.
        let silent = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        silent.bind(&any_port.into()).expect("a free port");
        let silent_address = silent.local_addr().expect("its address");
        let refusing = silent_address.as_socket().expect("an internet address");
        let listener = TcpListener::bind(any_port).expect("a free port");
        let listening = listener.local_addr().expect("its address");

        let stream = connect_to_first(&[refusing, listening]).expect("the second answers");
        assert_eq!(stream.peer_addr().expect("its address"), listening);
        let failures = connect_to_first(&[refusing, refusing]).expect_err("neither answers");
        assert_eq!(failures.len(), 2);
    }

    #[test]
    fn the_error_lists_every_address_tried() {
        let address: Address = "chat://localhost:5000".parse().expect("good");
        let attempts = ["[::1]:5000", "127.0.0.1:5000"].map(|tried| {
            (
                tried.parse().expect("good"),
                ErrorKind::ConnectionRefused.into(),
            )
        });
        let shown = ConnectError::NoAnswer(address, attempts.into()).to_string();
        assert!(shown.contains("[::1]:5000 refused"), "{shown}");
        assert!(shown.contains("127.0.0.1:5000 refused"), "{shown}");
    }

    #[test]
    fn an_unknown_host_has_its_error() {
        let address: Address = "chat://nowhere:5000".parse().expect("good");
        let error = io::Error::other("no such name");
        let shown = ConnectError::UnknownHost(address, error).to_string();
        assert!(
            shown.contains("cannot resolve the host of chat://nowhere:5000"),
            "{shown}"
        );
    }
}
