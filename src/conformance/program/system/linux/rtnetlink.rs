//! Requests to the kernel's routing netlink (`rtnetlink(7)`): addresses, routes and rules of the calling
//! thread's network. The numbers are those of `linux/netlink.h`, `rtnetlink.h`, `if_addr.h` and `fib_rules.h`.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Index of the loopback interface, which is the first in every network.
const LOOPBACK: u32 = 1;

const INET: u8 = 2;
const INET6: u8 = 10;

/// A socket for requests to the kernel.
#[derive(Debug)]
pub(super) struct RouteSocket(Socket);

impl RouteSocket {
    /// Opens a socket for the calling thread's network.
    pub(super) fn open() -> io::Result<RouteSocket> {
        const NETLINK: i32 = 16;
        const ROUTE: i32 = 0;
        let (domain, protocol) = (Domain::from(NETLINK), Protocol::from(ROUTE));
        let socket = Socket::new(domain, Type::DGRAM, Some(protocol))?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        Ok(RouteSocket(socket))
    }

    /// Switches the loopback interface on.
    pub(super) fn bring_loopback_up(&mut self) -> io::Result<()> {
        const NEW_LINK: u16 = 16;
        const UP: u32 = 1;
        // An `ifinfomsg`: the interface, its new flags, and which of the flags change.
        let mut body = vec![0; 4];
        body.extend(LOOPBACK.to_ne_bytes());
        body.extend(UP.to_ne_bytes());
        body.extend(UP.to_ne_bytes());
        self.change(&Message::new(NEW_LINK, &body))
    }

    /// Adds an address to the loopback interface.
    pub(super) fn add_address(&mut self, ip: IpAddr) -> io::Result<()> {
        const NEW_ADDRESS: u16 = 20;
        const ADDRESS: u16 = 1;
        const LOCAL: u16 = 2;
        // The address is usable at once: no other machine can have it.
        const NO_DUPLICATE_DETECTION: u8 = 2;
        let octets = octets(ip);
        let whole = u8::try_from(8 * octets.len()).unwrap_or(u8::MAX);
        let mut body = vec![family(ip), whole, NO_DUPLICATE_DETECTION, 0];
        body.extend(LOOPBACK.to_ne_bytes());
        let message = Message::new(NEW_ADDRESS, &body)
            .with(LOCAL, &octets)
            .with(ADDRESS, &octets);
        self.change(&message)
    }

    /// Routes everything without another route to the loopback interface, from `source` unless the sender chose an
    /// address. With `arrives` the packets arrive here; otherwise they are dropped.
    pub(super) fn add_default_route(&mut self, source: IpAddr, arrives: bool) -> io::Result<()> {
        const NEW_ROUTE: u16 = 24;
        const INTERFACE: u16 = 4;
        const PREFERRED_SOURCE: u16 = 7;
        const MAIN_TABLE: u8 = 254;
        const LOCAL_TABLE: u8 = 255;
        const BY_AN_ADMINISTRATOR: u8 = 3;
        const UNICAST: u8 = 1;
        const LOCAL: u8 = 2;
        const ON_LINK: u8 = 253;
        const ON_HOST: u8 = 254;
        let (table, scope, kind) = if arrives {
            (LOCAL_TABLE, ON_HOST, LOCAL)
        } else {
            (MAIN_TABLE, ON_LINK, UNICAST)
        };
        let mut body = vec![family(source), 0, 0, 0];
        body.extend([table, BY_AN_ADMINISTRATOR, scope, kind]);
        body.extend([0; 4]);
        let message = Message::new(NEW_ROUTE, &body)
            .with(INTERFACE, &LOOPBACK.to_ne_bytes())
            .with(PREFERRED_SOURCE, &octets(source));
        self.change(&message)
    }

    /// Makes every IPv4 address outside this network unreachable: for `protocol`, and only for `port` if one is
    /// given.
    pub(super) fn make_unreachable(&mut self, protocol: u8, port: Option<u16>) -> io::Result<()> {
        const NEW_RULE: u16 = 32;
        const PRIORITY: u16 = 6;
        const IP_PROTOCOL: u16 = 22;
        const DESTINATION_PORTS: u16 = 24;
        const UNREACHABLE: u8 = 7;
        // After the rule for addresses of this network, before the one for routes to other machines.
        const BETWEEN: u32 = 1000;
        let mut body = vec![INET, 0, 0, 0, 0, 0, 0, UNREACHABLE];
        body.extend([0; 4]);
        let mut message = Message::new(NEW_RULE, &body)
            .with(PRIORITY, &BETWEEN.to_ne_bytes())
            .with(IP_PROTOCOL, &[protocol]);
        if let Some(port) = port {
            let range = [port.to_ne_bytes(), port.to_ne_bytes()].concat();
            message = message.with(DESTINATION_PORTS, &range);
        }
        self.change(&message)
    }

    /// Every address of every interface.
    pub(super) fn addresses(&mut self) -> io::Result<Vec<IpAddr>> {
        const GET_ADDRESS: u16 = 22;
        let any_family_and_interface = [0; 8];
        self.0
            .write_all(&Message::new(GET_ADDRESS, &any_family_and_interface).dump())?;
        let mut found = Vec::new();
        let mut answer = vec![0; 64 * 1024];
        loop {
            let length = self.0.read(&mut answer)?;
            for (kind, body) in messages(&answer[..length]) {
                match kind {
                    DONE => return Ok(found),
                    ERROR => return Err(error_in(body)),
                    _ => found.extend(address_in(body)),
                }
            }
        }
    }

    /// Requests a change and waits until it is made.
    fn change(&mut self, message: &Message) -> io::Result<()> {
        self.0.write_all(&message.change())?;
        let mut answer = [0; 1024];
        let length = self.0.read(&mut answer)?;
        let (_, body) = messages(&answer[..length])
            .into_iter()
            .find(|(kind, _)| *kind == ERROR)
            .ok_or(io::ErrorKind::InvalidData)?;
        match number(body, 0).map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            _ => Err(error_in(body)),
        }
    }
}

/// An answer with an error code, which is 0 for a change that was made.
const ERROR: u16 = 2;
/// The end of a list.
const DONE: u16 = 3;
const HEADER_LENGTH: usize = 16;

/// A request without its header.
#[derive(Debug)]
struct Message {
    kind: u16,
    body: Vec<u8>,
}

impl Message {
    fn new(kind: u16, body: &[u8]) -> Message {
        let body = body.to_vec();
        Message { kind, body }
    }

    fn with(mut self, attribute: u16, value: &[u8]) -> Message {
        const HEADER_LENGTH: usize = 4;
        let length = u16::try_from(HEADER_LENGTH + value.len()).unwrap_or(u16::MAX);
        self.body.extend(length.to_ne_bytes());
        self.body.extend(attribute.to_ne_bytes());
        self.body.extend(value);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }

    fn change(&self) -> Vec<u8> {
        const REQUEST: u16 = 0x1;
        const ACKNOWLEDGE: u16 = 0x4;
        const CREATE: u16 = 0x400;
        self.bytes(REQUEST | ACKNOWLEDGE | CREATE)
    }

    fn dump(&self) -> Vec<u8> {
        const REQUEST: u16 = 0x1;
        const DUMP: u16 = 0x300;
        self.bytes(REQUEST | DUMP)
    }

    fn bytes(&self, flags: u16) -> Vec<u8> {
        let length = u32::try_from(HEADER_LENGTH + self.body.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::new();
        bytes.extend(length.to_ne_bytes());
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(&self.body);
        bytes
    }
}

fn family(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { INET } else { INET6 }
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

/// The messages of one answer: kind and body.
fn messages(answer: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    let mut rest = answer;
    while let Some(length) = number(rest, 0).map(u32::from_ne_bytes) {
        let message = usize::try_from(length)
            .ok()
            .and_then(|length| rest.get(..length));
        let body = message.and_then(|message| message.get(HEADER_LENGTH..));
        let (Some(message), Some(body)) = (message, body) else {
            break;
        };
        let kind = number(message, 4).map_or(ERROR, u16::from_ne_bytes);
        found.push((kind, body));
        rest = rest
            .get(message.len().next_multiple_of(4)..)
            .unwrap_or_default();
    }
    found
}

fn error_in(body: &[u8]) -> io::Error {
    match number(body, 0).map(i32::from_ne_bytes) {
        Some(code) => io::Error::from_raw_os_error(code.saturating_neg()),
        None => io::ErrorKind::InvalidData.into(),
    }
}

/// The address in an `ifaddrmsg` and its attributes; on a point-to-point link, the local one.
fn address_in(body: &[u8]) -> Option<IpAddr> {
    const ATTRIBUTES_FROM: usize = 8;
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    let mut address = None;
    let mut rest = body.get(ATTRIBUTES_FROM..)?;
    while let Some(length) = number(rest, 0).map(u16::from_ne_bytes) {
        let length = usize::from(length);
        let value = rest.get(..length).and_then(|whole| whole.get(4..));
        let (Some(value), Some(kind)) = (value, number(rest, 2).map(u16::from_ne_bytes)) else {
            break;
        };
        let ip = || {
            let four = <[u8; 4]>::try_from(value).map(|four| IpAddr::V4(Ipv4Addr::from(four)));
            let sixteen = || {
                let sixteen = <[u8; 16]>::try_from(value).ok()?;
                Some(IpAddr::V6(Ipv6Addr::from(sixteen)))
            };
            four.ok().or_else(sixteen)
        };
        match kind {
            LOCAL => return ip(),
            ADDRESS => address = ip(),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    address
}

fn number<const SIZE: usize>(bytes: &[u8], at: usize) -> Option<[u8; SIZE]> {
    bytes.get(at..at.checked_add(SIZE)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_this_machine_are_listed() {
        let mut socket = RouteSocket::open().expect("opens");
        let addresses = socket.addresses().expect("are listed");
        assert!(addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn a_damaged_answer_ends_the_list() {
        let whole = Message::new(20, &[0; 8])
            .with(1, &[10, 0, 0, 1])
            .with(2, &[10, 0, 0, 2])
            .bytes(0);
        let listed = messages(&whole);
        assert_eq!(listed.len(), 1);
        assert_eq!(address_in(listed[0].1), "10.0.0.2".parse().ok());
        for length in 0..whole.len() {
            for (_, body) in messages(&whole[..length]) {
                address_in(body);
            }
        }
        for length in [0u32, 1, 15, 17, u32::MAX] {
            let mut damaged = whole.clone();
            damaged[..4].copy_from_slice(&length.to_ne_bytes());
            for (_, body) in messages(&damaged) {
                address_in(body);
            }
        }
        assert_eq!(address_in(&[0; 64]), None);
    }
}
