//! The state of the system's TCP sockets, from the kernel's socket diagnostics (`sock_diag(7)`).
//!
//! A request about one connection takes microseconds. If the kernel has no diagnostics, the same is read from
//! `/proc/net/tcp`, which lists all sockets of the machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::conformance::program::system::shortage::DESCRIPTORS;

/// A row of the system's table of TCP sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TcpSocket {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    is_listening: bool,
    /// Unread bytes; for a listening socket, connections that are not accepted yet.
    pub(super) unread: u64,
    /// Bytes that have arrived since the connection was opened, where the kernel says it.
    pub(super) received: Option<u64>,
    /// 0 if no process holds it any more.
    pub(super) inode: u64,
}

/// A way to request socket states.
#[derive(Debug)]
pub struct SocketTable {
    diagnostics: Option<Socket>,
}

const NETLINK: i32 = 16;
const SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST: u16 = 0x1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const ESTABLISHED: u8 = 1;
const LISTEN: u8 = 10;
const HEADER_LENGTH: usize = 16;
const ANSWER_LENGTH: usize = 72;
/// The attribute of an answer that is a `tcp_info`.
const INFO: u8 = 2;

impl SocketTable {
    /// Opens the kernel's diagnostics, if it has them.
    pub fn open() -> SocketTable {
        let open = || {
            let socket = Socket::new(
                Domain::from(NETLINK),
                Type::DGRAM,
                Some(Protocol::from(SOCK_DIAG)),
            )?;
            socket.set_read_timeout(Some(Duration::from_secs(1)))?;
            std::io::Result::Ok(socket)
        };
        let mut table = SocketTable {
            diagnostics: DESCRIPTORS.noted(open()).ok(),
        };
        if table.dump_listening().is_none() {
            table.diagnostics = None;
        }
        table
    }

    /// Without diagnostics, as on a kernel that has none.
    #[cfg(test)]
    pub(super) fn without_diagnostics() -> SocketTable {
        SocketTable { diagnostics: None }
    }

    /// The number of unread bytes at the end `local` of a connection. For a listening socket, with the unspecified
    /// address as `remote`, the number of connections that are not accepted yet. `None` if there is no such socket.
    pub fn unread(&self, local: SocketAddr, remote: SocketAddr) -> Option<u64> {
        self.find(local, remote).map(|socket| socket.unread)
    }

    /// The end `local` of a connection to `remote`, in the calling thread's network. For a listening socket, `remote`
    /// is the unspecified address.
    pub(super) fn find(&self, local: SocketAddr, remote: SocketAddr) -> Option<TcpSocket> {
        match &self.diagnostics {
            Some(_) => self.ask_about(local, remote),
            None => {
                // A program may use IPv6 sockets for IPv4.
                let ends = |socket: &TcpSocket| (plain(socket.local), plain(socket.remote));
                let mut all = from_proc("thread-self").into_iter();
                all.find(|socket| ends(socket) == (local, remote))
            }
        }
    }

    /// Every listening socket in the network of this process, which is one of the program's.
    pub(super) fn listening(&self, process: i32) -> Vec<TcpSocket> {
        self.dump_listening().unwrap_or_else(|| {
            let all = from_proc(&process.to_string()).into_iter();
            all.filter(|socket| socket.is_listening).collect()
        })
    }

    fn ask_about(&self, local: SocketAddr, remote: SocketAddr) -> Option<TcpSocket> {
        self.ask(REQUEST, local, remote, u32::MAX)?
            .into_iter()
            .next()
    }

    /// Every open connection in the calling thread's network; `None` without diagnostics.
    pub(super) fn connections(&self) -> Option<Vec<TcpSocket>> {
        self.dump(ESTABLISHED)
    }

    fn dump_listening(&self) -> Option<Vec<TcpSocket>> {
        self.dump(LISTEN)
    }

    /// Every socket in this state.
    fn dump(&self, state: u8) -> Option<Vec<TcpSocket>> {
        let mut found = Vec::new();
        for any in [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ] {
            let any = SocketAddr::new(any, 0);
            found.extend(self.ask(REQUEST | DUMP, any, any, 1 << state)?);
        }
        Some(found)
    }

    /// Sends one request and reads the whole answer.
    fn ask(
        &self,
        flags: u16,
        local: SocketAddr,
        remote: SocketAddr,
        states: u32,
    ) -> Option<Vec<TcpSocket>> {
        let mut socket = self.diagnostics.as_ref()?;
        socket
            .write_all(&question(flags, local, remote, states))
            .ok()?;
        let mut found = Vec::new();
        let mut answer = vec![0; 64 * 1024];
        loop {
            let length = socket.read(&mut answer).ok()?;
            let mut rest = &answer[..length];
            while let Some(size) = number::<4>(rest, 0).map(u32::from_ne_bytes) {
                let size = usize::try_from(size).ok()?;
                let message = rest.get(..size).filter(|_| size >= HEADER_LENGTH)?;
                match number::<2>(message, 4).map(u16::from_ne_bytes)? {
                    DONE => return Some(found),
                    ERROR if flags & DUMP == 0 => return Some(found),
                    ERROR => return None,
                    _ => found.extend(socket_in(&message[HEADER_LENGTH..])),
                }
                rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
            }
            if flags & DUMP == 0 {
                return Some(found);
            }
        }
    }
}

/// A `nlmsghdr` and an `inet_diag_req_v2`, as in `linux/inet_diag.h`.
fn question(flags: u16, local: SocketAddr, remote: SocketAddr, states: u32) -> Vec<u8> {
    const LENGTH: u32 = 72;
    const INET: u8 = 2;
    const INET6: u8 = 10;
    const TCP: u8 = 6;
    const ANY_COOKIE: [u8; 8] = [0xff; 8];
    /// Asks for a `tcp_info` behind each answer.
    const WITH_INFO: u8 = 1 << (INFO - 1);
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([
        if local.is_ipv4() { INET } else { INET6 },
        TCP,
        WITH_INFO,
        0,
    ]);
    bytes.extend(states.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    bytes.extend(octets(local.ip()));
    bytes.extend(octets(remote.ip()));
    bytes.extend([0; 4]);
    bytes.extend(ANY_COOKIE);
    bytes
}

/// An address in sixteen bytes, for both families.
fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// Parses an `inet_diag_msg`.
fn socket_in(message: &[u8]) -> Option<TcpSocket> {
    const INET: u8 = 2;
    let (message, attributes) = message.split_at_checked(ANSWER_LENGTH)?;
    let ip = |at: usize| match message[0] {
        INET => number::<4>(message, at).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes))),
        _ => number::<16>(message, at).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes))),
    };
    let port = |at: usize| number::<2>(message, at).map(u16::from_be_bytes);
    let word = |at: usize| {
        number::<4>(message, at)
            .map(u32::from_ne_bytes)
            .map(u64::from)
    };
    Some(TcpSocket {
        local: SocketAddr::new(ip(8)?, port(4)?),
        remote: SocketAddr::new(ip(24)?, port(6)?),
        is_listening: message[1] == LISTEN,
        unread: word(56)?,
        received: attribute(attributes, INFO).and_then(bytes_received),
        inode: word(68)?,
    })
}

/// The attribute of this kind.
fn attribute(mut attributes: &[u8], wanted: u8) -> Option<&[u8]> {
    const HEADER: usize = 4;
    loop {
        let length = usize::from(number::<2>(attributes, 0).map(u16::from_ne_bytes)?);
        let kind = number::<2>(attributes, 2).map(u16::from_ne_bytes)?;
        let value = attributes.get(HEADER..length)?;
        if kind == u16::from(wanted) {
            return Some(value);
        }
        attributes = attributes.get(length.next_multiple_of(4)..)?;
    }
}

/// `tcpi_bytes_received` of a `tcp_info`.
fn bytes_received(info: &[u8]) -> Option<u64> {
    number::<8>(info, 128).map(u64::from_ne_bytes)
}

fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> Option<[u8; SIZE]> {
    bytes.get(at..at + SIZE)?.try_into().ok()
}

/// The IPv4 address, if it is one in the form of IPv6.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn from_proc(process: &str) -> Vec<TcpSocket> {
    ["tcp", "tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/{process}/net/{table}")).ok())
        .flat_map(|table| {
            table
                .lines()
                .skip(1)
                .filter_map(row_of_proc)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn row_of_proc(row: &str) -> Option<TcpSocket> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = row.split_whitespace().collect();
    let (_, unread) = fields.get(4)?.split_once(':')?;
    Some(TcpSocket {
        local: address_in_proc(fields.get(1)?)?,
        remote: address_in_proc(fields.get(2)?)?,
        is_listening: *fields.get(3)? == LISTEN,
        unread: u64::from_str_radix(unread, 16).ok()?,
        received: None,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: 32-bit words, each in the machine's byte order, and a port.
fn address_in_proc(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for word in host.as_bytes().chunks(8) {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    let ip = if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        IpAddr::V4(Ipv4Addr::from(four))
    } else {
        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?))
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_was_not_read_is_seen_in_either_way() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            // The machine may lack IPv6.
            let Ok(listener) = TcpListener::bind(host) else {
                continue;
            };
            for table in [SocketTable::open(), SocketTable::without_diagnostics()] {
                let here = listener.local_addr().expect("has an address");
                let any = match here {
                    SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
                    SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
                };
                assert_eq!(table.unread(here, any), Some(0));
                let mut sender = TcpStream::connect(here).expect("connects");
                let there = sender.local_addr().expect("has an address");
                assert_eq!(table.unread(here, any), Some(1), "not accepted yet");
                let (mut receiver, _) = listener.accept().expect("accepts");
                assert_eq!(table.unread(here, any), Some(0));
                assert_eq!(table.unread(here, there), Some(0));
                sender.write_all(b"hello").expect("sends");
                assert_eq!(table.unread(here, there), Some(5));
                if let Some(connections) = table.connections() {
                    let end = connections.iter().find(|socket| socket.remote == there);
                    let received = end.map(|socket| (socket.unread, socket.received));
                    assert_eq!(received, Some((5, Some(5))));
                }
                receiver.read_exact(&mut [0; 5]).expect("reads");
                assert_eq!(table.unread(here, there), Some(0));
            }
        }
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        assert_eq!(
            address_in_proc("0100007F:1F90"),
            "127.0.0.1:8080".parse().ok()
        );
        let loopback = address_in_proc("00000000000000000000000001000000:0050");
        assert_eq!(loopback, "[::1]:80".parse().ok());
        assert_eq!(address_in_proc("nonsense"), None);
    }
}
