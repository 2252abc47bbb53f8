//! Linux: `/proc`, and the kernel's socket diagnostics.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::SocketAddr;

use super::Process;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

mod sockets;
mod tree;

pub use sockets::SocketTable;
pub use tree::ProcessTree;

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
pub fn listening(sockets: &SocketTable, processes: &[i32]) -> Vec<SocketAddr> {
    let owned: HashSet<u64> = processes.iter().flat_map(|id| socket_inodes(*id)).collect();
    let Some(&first) = processes.first().filter(|_| !owned.is_empty()) else {
        return Vec::new();
    };
    let all = sockets.listening(first).into_iter();
    all.filter(|socket| owned.contains(&socket.inode))
        .map(|socket| socket.local)
        .collect()
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

/// The most memory that each of these processes ever had resident, in bytes, by its id.
pub fn peak_memory(processes: &[i32]) -> BTreeMap<i32, u64> {
    let peak = |id: &i32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let row = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = row.split_whitespace().next()?.parse().ok()?;
        Some((*id, kibibytes * 1024))
    };
    processes.iter().filter_map(peak).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_listening_port_is_found_without_connecting() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("has an address");
        let this_process = rustix::process::getpid().as_raw_pid();
        assert!(listening(&SocketTable::open(), &[this_process]).contains(&address));
    }
}
