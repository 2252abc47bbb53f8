//! Systems without `/proc`: nothing is known there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use super::kinds::{
    Ancestor, ClientConnection, Holder, Process, Scheduled, View, can_be_collected_within,
};

/// Knows nothing.
#[derive(Debug)]
pub struct SocketTable;

impl SocketTable {
    /// There is nothing to open.
    pub fn open() -> SocketTable {
        SocketTable
    }

    /// Unknown.
    pub fn unread(&self, _local: SocketAddr, _remote: SocketAddr) -> Option<u64> {
        None
    }
}

/// Knows nothing.
#[derive(Debug)]
pub struct ProcessTree;

impl ProcessTree {
    /// Unknown.
    pub fn below(_root: i32) -> ProcessTree {
        ProcessTree
    }

    /// Unknown.
    pub fn ids(&mut self) -> Vec<i32> {
        Vec::new()
    }

    /// Unknown.
    pub fn cpu_time(&mut self) -> Duration {
        Duration::ZERO
    }

    /// Stops all of these processes, then ends each.
    pub fn end(processes: Vec<Process>) {
        processes.iter().for_each(|process| stop(&[process.id]));
        processes.into_iter().for_each(kill);
    }

    /// Ends nothing: no process is known.
    pub fn kill(&mut self) {}
}

/// Not possible here: a program that leaves its process group escapes.
pub fn adopt_orphans() {}

/// Unknown.
pub fn visit_descendants(_ancestor: i32, _visit: impl FnMut(Process) -> ControlFlow<()>) {}

/// Unknown.
pub fn descendants(_ancestor: i32) -> Vec<Process> {
    Vec::new()
}

/// Ends `target` at once.
pub fn kill(target: Process) {
    if let Some(pid) = rustix::process::Pid::from_raw(target.id) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// Unknown.
pub fn listening(_sockets: &SocketTable, _processes: &[i32]) -> Vec<SocketAddr> {
    Vec::new()
}

/// Unknown.
pub fn client_connection(
    _sockets: &SocketTable,
    _port: u16,
    _processes: &[i32],
) -> ClientConnection {
    ClientConnection::Unknown
}

/// Unknown.
pub fn is_anything_unread(_sockets: &SocketTable, _port: u16) -> bool {
    false
}

/// Unknown.
pub fn holder(
    _sockets: &SocketTable,
    _local: SocketAddr,
    _remote: SocketAddr,
    _processes: &[i32],
) -> Holder {
    Holder::Unknown
}

/// Unknown.
pub fn rest_mark(_processes: &[i32]) -> Option<u64> {
    None
}

/// Unknown.
pub fn tasks_on_this_machine() -> usize {
    0
}

/// Unknown.
pub fn last_id_given() -> Option<i32> {
    None
}

/// Unknown.
pub fn visible_processes() -> usize {
    0
}

/// Not possible here.
pub fn stop(_processes: &[i32]) {}

/// Programs are not stopped here.
pub fn can_be_stopped_unnoticed(_processes: &[i32]) -> bool {
    false
}

/// Not possible here.
pub fn resume(_processes: &[i32]) {}

/// There is nothing to wait for.
pub fn are_stopped(_processes: &[i32]) -> bool {
    true
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn enter_own_network() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn gain_right_to_networks() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// There are none.
pub fn is_in_own_network() -> bool {
    false
}

/// There are none.
pub fn has_networks_to_give() -> bool {
    false
}

/// Unknown.
pub fn scheduled(_processes: &[i32]) -> Scheduled {
    Scheduled::default()
}

/// Unknown.
pub fn peak_memory(_processes: &[i32]) -> BTreeMap<i32, u64> {
    BTreeMap::new()
}

/// Unknown.
pub fn own_memory(_processes: &[i32]) -> u64 {
    0
}

/// Unknown.
pub fn cpu_time(_processes: &[i32]) -> Duration {
    Duration::ZERO
}

/// Unknown.
pub fn ancestors() -> Vec<Ancestor> {
    Vec::new()
}

/// Waits until a child of this process has ended, at most `longest`. Returns whether it has. Does not collect it.
pub fn has_ended_within(child: i32, longest: Duration) -> bool {
    rustix::process::Pid::from_raw(child).is_none_or(|pid| can_be_collected_within(pid, longest))
}

/// Unknown.
pub fn is_confined() -> bool {
    false
}

/// Unknown.
pub fn is_held(_process: i32) -> bool {
    false
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn isolate_next_process() -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Not possible here.
///
/// # Errors
/// Never.
pub fn end_with_parent() -> std::io::Result<()> {
    Ok(())
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn enter(_view: &View<'_>) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn restrict_files(_readable: &[PathBuf], _writable: &[PathBuf]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn become_user(_id: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Nothing is known here about who may look at what.
pub fn can_look_at_other_users() -> bool {
    false
}

/// There is no Landlock here.
pub fn landlock_version() -> Option<i32> {
    None
}

/// Not possible here.
///
/// # Errors
/// Always.
pub fn restrict_calls(_: bool) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Not possible here.
///
/// # Errors
/// Never.
pub fn give_up_rights(_all: bool) -> std::io::Result<()> {
    Ok(())
}

/// Not possible here.
///
/// # Errors
/// Never.
pub fn give_up_ambient_rights() -> std::io::Result<()> {
    Ok(())
}

/// Not possible here.
pub fn close_to_others() {}

/// Not possible here.
pub fn keep_descriptors_to_itself() {}
