//! A network of a thread's own, with nothing in it but loopback: ports in it are nobody else's.

use std::fs;
use std::io::{self, Read, Write};
use std::time::Duration;

use rustix::thread::UnshareFlags;
use socket2::{Domain, Protocol, Socket, Type};

/// Moves the calling thread, and every process that it starts from now on, into a fresh network.
///
/// # Errors
/// Where the system does not allow it.
pub fn enter_own_network() -> io::Result<()> {
    // What it is deprecated for is another of its flags, by which threads stop sharing descriptors.
    #[allow(deprecated)]
    rustix::thread::unshare(UnshareFlags::NEWNET)?;
    bring_loopback_up()
}

/// Gives this process, where its user has no such right, the right to hand out networks: by a user
/// namespace in which it is who it was. Must be called while there is one thread.
///
/// # Errors
/// Where the system does not allow it; then the process may be left without a name of its own, so that
/// this is to be tried in another one first.
pub fn gain_right_to_networks() -> io::Result<()> {
    enter_namespaces(UnshareFlags::NEWUSER)
}

/// Moves this process into fresh namespaces; where one for users is among them, it is who it was there.
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

/// A `nlmsghdr` and an `ifinfomsg`, as in `linux/rtnetlink.h`: the first interface of a fresh network
/// is loopback.
fn bring_loopback_up() -> io::Result<()> {
    const NETLINK: i32 = 16;
    const ROUTE: i32 = 0;
    const LENGTH: u32 = 32;
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 0x1 | 0x4;
    const LOOPBACK: i32 = 1;
    const UP: u32 = 1;
    let mut request = Vec::new();
    request.extend(LENGTH.to_ne_bytes());
    request.extend(NEW_LINK.to_ne_bytes());
    request.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([0; 4]);
    request.extend(LOOPBACK.to_ne_bytes());
    request.extend(UP.to_ne_bytes());
    request.extend(UP.to_ne_bytes());

    let mut socket = Socket::new(
        Domain::from(NETLINK),
        Type::DGRAM,
        Some(Protocol::from(ROUTE)),
    )?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.write_all(&request)?;
    let mut answer = [0; 1024];
    let length = socket.read(&mut answer)?;
    // The error code of an `nlmsgerr` stands behind the header, and is 0 for done.
    let code = answer[..length]
        .get(16..20)
        .and_then(|bytes| bytes.try_into().ok());
    match code.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_port_is_free_in_a_network_of_its_own() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = taken.local_addr().expect("has an address");
        let there = std::thread::spawn(move || -> io::Result<()> {
            enter_own_network()?;
            let listener = TcpListener::bind(address)?;
            TcpStream::connect(address)?;
            listener.accept().map(drop)
        });
        match there.join().expect("does not panic") {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                eprintln!("NOT RUN: this system gives no networks to this user: {error}");
            }
            Err(error) => panic!("{error}"),
        }
    }
}
