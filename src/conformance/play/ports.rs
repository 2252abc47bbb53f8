//! The ports at which the harness's own server listens, and the address that a client is given.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::process;

use socket2::{Domain, Socket, Type};

/// What is open for one client.
#[derive(Debug)]
pub(super) struct Ports {
    /// Where the harness's server listens: never empty, and all at the same port.
    pub(super) listeners: Vec<TcpListener>,
    /// Holds a port at which nobody listens.
    pub(super) unused: Socket,
    port: u16,
    unused_port: u16,
}

impl Ports {
    /// Opens what an address with placeholders speaks of.
    ///
    /// # Errors
    ///
    /// If this machine has no such port.
    pub(super) fn for_address(address: &str) -> io::Result<Ports> {
        let needs_short = address.contains("{short_port}");
        // The name of this machine may stand for its address of either kind.
        let is_by_name = address.contains("//localhost:");
        let listener = if needs_short {
            listener_with_four_digits()?
        } else {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        };
        let port = listener.local_addr()?.port();
        let mut listeners = vec![listener];
        if is_by_name {
            // Some machines have no such address.
            listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, port)));
        }
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        let unused = bound_but_deaf()?;
        let unused_address = unused.local_addr()?.as_socket();
        Ok(Ports {
            listeners,
            port,
            unused_port: unused_address.map_or(0, |address| address.port()),
            unused,
        })
    }

    /// The address with the numbers in place of the placeholders.
    pub(super) fn written(&self, address: &str) -> String {
        let port = self.port.to_string();
        address
            .replace("{host}", &Ipv4Addr::LOCALHOST.to_string())
            .replace("{port}", &port)
            .replace("{short_port}", &port)
            .replace("{overflowing}", &overflowing(self.port).to_string())
            .replace("{unused}", &self.unused_port.to_string())
    }
}

/// The system gives out ports of five digits, so this looks for a free one itself.
fn listener_with_four_digits() -> io::Result<TcpListener> {
    const FOUR_DIGITS: RangeInclusive<u16> = 1024..=9999;
    let count = FOUR_DIGITS.len();
    // Processes that look at the same time look at different ones.
    let begin = process::id() as usize * 97 % count;
    let mut ports = FOUR_DIGITS.cycle().skip(begin).take(count);
    let free = |port| match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => None,
        bound => Some(bound),
    };
    let none = || io::Error::new(io::ErrorKind::AddrInUse, "no port of four digits is free");
    ports.find_map(free).unwrap_or_else(|| Err(none()))
}

/// A number that is no port, and that becomes this one in a program that keeps the last 16 bits only.
fn overflowing(port: u16) -> u32 {
    u32::from(port) + (1 << u16::BITS)
}

/// A port that is taken, so that nobody else gets it, and at which nobody listens.
fn bound_but_deaf() -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpStream, ToSocketAddrs};

    #[test]
    fn somebody_listens_at_a_short_port_and_at_each_address_of_a_name() {
        for address in ["chat://{host}:{short_port}", "chat://localhost:{port}"] {
            let ports = Ports::for_address(address).expect("has ports");
            let written = ports.written(address);
            let place = written.strip_prefix("chat://").expect("has a scheme");
            if address.contains("short") {
                assert!((1024..=9999).contains(&ports.port), "{written}");
            }
            for place in place.to_socket_addrs().expect("is known") {
                TcpStream::connect(place).expect("is listened to");
            }
        }
    }

    #[test]
    fn two_at_a_time_have_short_ports_of_their_own() {
        let ports = || Ports::for_address("chat://{host}:{short_port}").expect("has ports");
        let (one, other) = (ports(), ports());
        assert_ne!(one.port, other.port);
    }
}
