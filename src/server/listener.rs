//! The socket that clients connect to.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use thiserror::Error;

/// Maximum number of clients that wait to be accepted. The system may allow fewer.
const BACKLOG: i32 = 4096;

/// Why the server cannot listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The host is neither an address nor a name that resolves to one.
    #[error("cannot resolve host {0:?}: {1}")]
    UnknownHost(String, io::Error),
    /// The system refused the address.
    #[error("{}", explain(.0, .1))]
    Refused(SocketAddr, io::Error),
}

/// Listens on `host`, or on all interfaces with one socket for IPv6 and IPv4. Port 0 means any free
/// port.
pub fn open(host: Option<&str>, port: u16) -> Result<TcpListener, ListenError> {
    let Some(host) = host else {
        let everywhere = (Ipv6Addr::UNSPECIFIED, port).into();
        let by_ipv4 = (Ipv4Addr::UNSPECIFIED, port).into();
        return listen(everywhere)
            .or_else(|cause| match cause.kind() {
                // Another program has one half of the port: `localhost` could lead a client to it.
                io::ErrorKind::AddrInUse => Err(cause),
                // Not every machine has IPv6.
                _ => listen(by_ipv4),
            })
            .map_err(|cause| ListenError::Refused(everywhere, cause));
    };
    let unknown = |cause| ListenError::UnknownHost(host.to_owned(), cause);
    let addresses = (bare(host), port).to_socket_addrs().map_err(unknown)?;
    let mut result = Err(unknown(io::Error::other("it has no address")));
    for address in addresses {
        result = listen(address).map_err(|cause| ListenError::Refused(address, cause));
        if result.is_ok() {
            break;
        }
    }
    result
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    // Reuses a port whose old connections are still in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The host that a client on this machine writes in its chat:// address.
pub fn host_for_clients(host: Option<&str>) -> String {
    let Some(host) = host.map(bare) else {
        return "localhost".to_owned();
    };
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_unspecified() => "localhost".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    }
}

/// Accepts `[::1]` for `::1`, since addresses with a port are written that way.
fn bare(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// Explains to the user why the system refused an address.
fn explain(address: &SocketAddr, cause: &io::Error) -> String {
    let port = address.port();
    match cause.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} is in use by another program; choose another one \
             or omit --port to use a free one"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "{} is not an address of this machine; omit --host to listen on all interfaces",
            address.ip()
        ),
        io::ErrorKind::PermissionDenied => format!(
            "this user may not listen on port {port}; \
             choose a port from 1024 up, or omit --port"
        ),
        _ => format!("cannot listen on {address}: {cause}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_host_works_in_a_client_address() {
        for (host, expected) in [
            (None, "localhost"),
            (Some("0.0.0.0"), "localhost"),
            (Some("::"), "localhost"),
            (Some("::1"), "[::1]"),
            (Some("[::1]"), "[::1]"),
            (Some("127.0.0.1"), "127.0.0.1"),
            (Some("lab7.example"), "lab7.example"),
        ] {
            assert_eq!(host_for_clients(host), expected);
        }
    }
}
