//! Networks for single threads. Ports and connections in such a network are shared with no other program. Its only
//! interface is loopback, which also has the machine's own addresses: some servers listen only at one of these.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::LazyLock;

use rustix::thread::UnshareFlags;

use super::rtnetlink::RouteSocket;

/// Moves the calling thread, and every process that it starts from now on, into a new network.
///
/// # Errors
/// The system does not allow it.
pub fn enter_own_network() -> io::Result<()> {
    // Looked up before the thread leaves the machine's network.
    let machine = &*MACHINE;
    // `unshare` is deprecated because of another flag, which makes threads stop sharing descriptors.
    #[allow(deprecated)]
    rustix::thread::unshare(UnshareFlags::NEWNET)?;
    let mut socket = RouteSocket::open()?;
    socket.bring_loopback_up()?;
    machine.imitate(&mut socket);
    Ok(())
}

/// Whether the calling thread is in another network than the first thread of this process, so in one of its own.
pub fn is_in_own_network() -> bool {
    let networks = ["self", "thread-self"].map(|who| fs::read_link(format!("/proc/{who}/ns/net")));
    matches!(networks, [Ok(first), Ok(own)] if first != own)
}

/// The parts of the machine's network that a program should also find in its own.
#[derive(Debug)]
struct MachineNetwork {
    /// Addresses of the machine's interfaces that work without naming the interface.
    addresses: Vec<IpAddr>,
    /// The source addresses for other machines, at most one for each address family.
    sources: Vec<IpAddr>,
    /// The first unprivileged port, if it is not the usual one.
    first_free_port: Option<String>,
}

static MACHINE: LazyLock<MachineNetwork> = LazyLock::new(MachineNetwork::look_up);

/// The setting with the first unprivileged port, in the network of the thread that opens it.
const FIRST_FREE_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

impl MachineNetwork {
    fn look_up() -> MachineNetwork {
        /// A machine with more addresses has virtual ones, which are not worth the time in each network.
        const MOST_ADDRESSES: usize = 64;
        const USUAL_FIRST_FREE_PORT: &str = "1024";
        let listed = RouteSocket::open().and_then(|mut socket| socket.addresses());
        let mut addresses = listed.unwrap_or_default();
        addresses.retain(|ip| can_be_imitated(*ip));
        addresses.truncate(MOST_ADDRESSES);
        // Programs find their own address in this way. Nothing is sent.
        let outside = ["8.8.8.8:80", "[2001:4860:4860::8888]:80"];
        let sources = outside.into_iter().filter_map(source_towards);
        let first_free_port = fs::read_to_string(FIRST_FREE_PORT).ok();
        MachineNetwork {
            sources: sources.filter(|ip| addresses.contains(ip)).collect(),
            addresses,
            first_free_port: first_free_port.filter(|port| port.trim() != USUAL_FIRST_FREE_PORT),
        }
    }

    /// Makes the calling thread's own network look like this one. Ignores what the system refuses: most programs only
    /// need loopback.
    fn imitate(&self, socket: &mut RouteSocket) {
        for ip in &self.addresses {
            let _ = socket.add_address(*ip);
        }
        for source in &self.sources {
            let _ = add_way_out(socket, *source);
        }
        if let Some(port) = &self.first_free_port {
            let _ = fs::write(FIRST_FREE_PORT, port);
        }
    }
}

/// Gives the network a default route from `source`; programs find that address through it. A connection to another
/// machine fails at once, and so does a request to a name server: no program waits for an answer that cannot come.
fn add_way_out(socket: &mut RouteSocket, source: IpAddr) -> io::Result<()> {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const NAME_SERVICE: u16 = 53;
    if source.is_ipv6() {
        return socket.add_default_route(source, true);
    }
    // By IPv4's rules, a packet that arrives here has an address of this network, so a program could listen at any
    // address. So drop it.
    socket.make_unreachable(TCP, None)?;
    socket.make_unreachable(UDP, Some(NAME_SERVICE))?;
    socket.add_default_route(source, false)
}

/// Loopback exists already. A link-local address needs its interface.
fn can_be_imitated(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => ip.segments()[0] & 0xffc0 == 0xfe80,
    };
    !ip.is_loopback() && !is_link_local
}

/// The address from which the machine would send to `outside`.
fn source_towards(outside: &str) -> Option<IpAddr> {
    let outside: SocketAddr = outside.parse().ok()?;
    let any = if outside.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(outside).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Gives this process the right to create networks, if its user lacks it: moves it into a user namespace with the
/// same user id. Call it while there is only one thread.
///
/// # Errors
/// The system does not allow it. Then the process may have lost its user name, so try this in another process first.
pub fn gain_right_to_networks() -> io::Result<()> {
    enter_namespaces(UnshareFlags::NEWUSER)
}

/// Moves this process into new namespaces. In a new user namespace it keeps its user id.
pub(super) fn enter_namespaces(spaces: UnshareFlags) -> io::Result<()> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    #[allow(deprecated)]
    rustix::thread::unshare(spaces)?;
    if !spaces.contains(UnshareFlags::NEWUSER) {
        return Ok(());
    }
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
}

/// Whether threads can be given networks of their own.
pub fn has_networks_to_give() -> bool {
    std::thread::spawn(enter_own_network)
        .join()
        .is_ok_and(|entered| entered.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    /// Runs `act` in a network of its own, if this user may create one.
    fn apart<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let thread = std::thread::spawn(move || enter_own_network().map(|()| act()));
        match thread.join().expect("does not panic") {
            Ok(done) => Some(done),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                eprintln!("NOT RUN: this system gives no networks to this user: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_thread_knows_whether_its_network_is_its_own() {
        assert!(!is_in_own_network());
        assert_ne!(apart(is_in_own_network), Some(false));
    }

    #[test]
    fn a_port_is_free_in_a_network_of_its_own() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            // The machine may lack IPv6.
            let Ok(taken) = TcpListener::bind(host) else {
                continue;
            };
            let address = taken.local_addr().expect("has an address");
            let accepted = apart(move || -> io::Result<()> {
                let listener = TcpListener::bind(address)?;
                TcpStream::connect(address)?;
                listener.accept().map(drop)
            });
            accepted.unwrap_or(Ok(())).expect("connects to itself");
        }
    }

    #[test]
    fn a_program_finds_and_uses_the_machine_s_own_addresses() {
        let outside = ["8.8.8.8:80", "10.255.255.255:1", "[2001:db8::1]:80"];
        let here: Vec<_> = outside.into_iter().map(source_towards).collect();
        let towards_outside = move || outside.into_iter().map(source_towards).collect::<Vec<_>>();
        let Some(there) = apart(towards_outside) else {
            return;
        };
        // A machine may use several source addresses; the default route always uses the same one.
        let pairs = here.iter().zip(&there);
        for (here, there) in
            pairs.filter(|(here, _)| MACHINE.sources.iter().any(|ip| Some(ip) == here.as_ref()))
        {
            assert_eq!(here, there);
        }
        for ip in MACHINE.addresses.clone() {
            let listens = apart(move || -> io::Result<()> {
                let listener = TcpListener::bind((ip, 0))?;
                TcpStream::connect(listener.local_addr()?)?;
                listener.accept().map(drop)
            });
            listens
                .unwrap_or(Ok(()))
                .expect("listens and connects there");
        }
    }

    #[test]
    fn other_machines_are_out_of_reach_at_once() {
        const AT_ONCE: Duration = Duration::from_secs(5);
        for outside in ["203.0.113.1:80", "[2001:db8::1]:80"] {
            let reach = apart(move || {
                let outside: SocketAddr = outside.parse().expect("an address");
                let begun = Instant::now();
                let connected = TcpStream::connect_timeout(&outside, 2 * AT_ONCE);
                let listens = TcpListener::bind((outside.ip(), 0));
                (connected.is_ok(), listens.is_ok(), begun.elapsed())
            });
            let Some((connected, listens, took)) = reach else {
                return;
            };
            assert!(!connected && !listens, "{outside}");
            assert!(took < AT_ONCE, "{outside}: {took:?}");
        }
    }
}
