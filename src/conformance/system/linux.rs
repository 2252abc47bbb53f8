//! Linux: `/proc`.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Process, SubjectSide, TcpSocket};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// From now on orphaned descendants become children of this process, however they detached themselves.
pub fn adopt_orphans() {
    // Without it (no kernel since 3.4 lacks it) the process group is still there to be ended.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Every process below `ancestor`, itself not among them.
pub fn descendants(ancestor: i32) -> Vec<Process> {
    let all: Vec<Process> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|process| process.parent == parent) {
            found.push(*child);
            parents.push(child.id);
        }
    }
    found
}

fn process(id: i32) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything, parentheses too.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    Some(Process {
        id,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// Ends `target` at once, unless its id has passed to another process meanwhile.
pub fn kill(target: Process) {
    let Some(pid) = Pid::from_raw(target.id) else {
        return;
    };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    if process(target.id).is_some_and(|now| now.started == target.started) {
        let _ = pidfd_send_signal(handle, Signal::KILL);
    }
}

/// Addresses at which any of the processes listens, in the order of the system's table.
pub fn listening(processes: &[i32]) -> Vec<SocketAddr> {
    let Some(&first) = processes.first() else {
        return Vec::new();
    };
    let sockets: Vec<TcpSocket> = tcp_sockets(first)
        .into_iter()
        .filter(|socket| socket.listening)
        .collect();
    if sockets.is_empty() {
        return Vec::new();
    }
    let owned: HashSet<u64> = processes.iter().flat_map(|id| socket_inodes(*id)).collect();
    let ours = sockets
        .into_iter()
        .filter(|socket| owned.contains(&socket.inode));
    ours.map(|socket| socket.local).collect()
}

fn socket_inodes(id: i32) -> Vec<u64> {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    descriptors
        .filter_map(|descriptor| {
            let target = fs::read_link(descriptor.path()).ok()?;
            target
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse()
                .ok()
        })
        .collect()
}

/// Whether something that was sent to the subject still waits in the system to be read or accepted.
///
/// `process` is any of the subject's, for its view of the network.
pub fn has_unread(process: i32, side: SubjectSide) -> bool {
    tcp_sockets(process).iter().any(|socket| {
        let is_subjects = match side {
            SubjectSide::LocalPort(port) => socket.local.port() == port,
            SubjectSide::RemotePort(port) => socket.remote.port() == port,
        };
        is_subjects && socket.unread > 0
    })
}

fn tcp_sockets(process: i32) -> Vec<TcpSocket> {
    ["tcp", "tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(format!("/proc/{process}/net/{table}")).ok())
        .flat_map(|table| {
            table
                .lines()
                .skip(1)
                .filter_map(tcp_socket)
                .collect::<Vec<_>>()
        })
        .collect()
}

fn tcp_socket(row: &str) -> Option<TcpSocket> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = row.split_whitespace().collect();
    let (_, unread) = fields.get(4)?.split_once(':')?;
    Some(TcpSocket {
        local: address(fields.get(1)?)?,
        remote: address(fields.get(2)?)?,
        listening: *fields.get(3)? == LISTEN,
        unread: u64::from_str_radix(unread, 16).ok()?,
        inode: fields.get(9)?.parse().ok()?,
    })
}

/// `0100007F:1F90`: words of 32 bits, each in the machine's byte order, and a port.
fn address(text: &str) -> Option<SocketAddr> {
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

/// How often the threads of these processes have been given the processor so far, or `None`
/// while one of them runs or wants to.
///
/// Two equal answers one after the other: nothing ran in between, all wait in the kernel.
pub fn rest_mark(processes: &[i32]) -> Option<u64> {
    let mut switches = 0;
    for id in processes {
        for thread in fs::read_dir(format!("/proc/{id}/task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let Ok(status) = fs::read_to_string(thread.path().join("status")) else {
                continue;
            };
            for line in status.lines() {
                if let Some(state) = line.strip_prefix("State:") {
                    if state.trim_start().starts_with(['R', 'D']) {
                        return None;
                    }
                } else if line.contains("ctxt_switches:") {
                    let count = line.split_whitespace().last();
                    switches += count
                        .and_then(|count| count.parse::<u64>().ok())
                        .unwrap_or(0);
                }
            }
        }
    }
    Some(switches)
}

/// The most memory that each of these processes ever had resident, in bytes, added up.
pub fn peak_memory(processes: &[i32]) -> u64 {
    let peak = |id: &i32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let row = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = row.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024)
    };
    processes.iter().filter_map(peak).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn this_process() -> i32 {
        rustix::process::getpid().as_raw_pid()
    }

    #[test]
    fn a_listening_port_is_found_without_connecting() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("has an address");
        assert!(listening(&[this_process()]).contains(&address));
    }

    #[test]
    fn what_was_not_read_is_seen() {
        use std::io::{Read, Write};
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("has an address").port();
        let unread = || has_unread(this_process(), SubjectSide::LocalPort(port));
        assert!(!unread());
        let mut sender = TcpStream::connect(("127.0.0.1", port)).expect("connects");
        assert!(unread(), "not accepted yet");
        let (mut receiver, _) = listener.accept().expect("accepts");
        assert!(!unread());
        sender.write_all(b"hello").expect("sends");
        assert!(unread());
        receiver.read_exact(&mut [0; 5]).expect("reads");
        assert!(!unread());
    }

    #[test]
    fn addresses_of_both_families_are_read() {
        assert_eq!(address("0100007F:1F90"), "127.0.0.1:8080".parse().ok());
        assert_eq!(
            address("00000000000000000000000001000000:0050"),
            "[::1]:80".parse().ok()
        );
        assert_eq!(address("nonsense"), None);
    }
}
