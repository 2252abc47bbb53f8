//! Linux: `/proc`, and the kernel's socket diagnostics.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::sockets::SocketTable;
use crate::conformance::program::system::kinds::{
    Ancestor, ClientConnection, Holder, Process, Scheduled, can_be_collected_within, timespec,
    unspecified,
};
use crate::conformance::program::system::shortage::DESCRIPTORS;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// From now on orphaned descendants become children of this process, even if they left its process group.
pub fn adopt_orphans() {
    // Every kernel since 3.4 has it. Without it the process group can still be ended.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Whether the kernel lists a thread's children; most do.
static TELLS_OF_CHILDREN: LazyLock<bool> =
    LazyLock::new(|| Path::new("/proc/thread-self/children").exists());

/// Every process below `ancestor`, without `ancestor` itself.
pub fn descendants(ancestor: i32) -> Vec<Process> {
    let mut found = Vec::new();
    visit_descendants(ancestor, |process| {
        found.push(process);
        ControlFlow::Continue(())
    });
    found
}

/// Visits every process below `ancestor`, each before its children are looked up, until `visit` has seen enough. May
/// miss a process whose parent ends meanwhile.
pub fn visit_descendants(ancestor: i32, mut visit: impl FnMut(Process) -> ControlFlow<()>) {
    let all = if *TELLS_OF_CHILDREN {
        Vec::new()
    } else {
        all_processes()
    };
    let children = |parent: i32| -> Vec<Process> {
        if *TELLS_OF_CHILDREN {
            children(parent)
        } else {
            all.iter()
                .filter(|process| process.parent == parent)
                .copied()
                .collect()
        }
    };
    let mut known = HashSet::new();
    let mut parents = vec![ancestor];
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            if known.insert(child.id) {
                if visit(child).is_break() {
                    return;
                }
                parents.push(child.id);
            }
        }
    }
}

fn all_processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(process)
        .collect()
}

/// The children of a process, over all its threads.
fn children(parent: i32) -> Vec<Process> {
    let mut found = Vec::new();
    for thread in threads(parent) {
        let ids = contents(thread.join("children")).unwrap_or_default();
        found.extend(
            ids.split_whitespace()
                .filter_map(|id| process(id.parse().ok()?)),
        );
    }
    found
}

/// The folders of the threads of a process.
fn threads(id: i32) -> Vec<PathBuf> {
    /// The folder has a link for itself, one for its parent, and one for each thread.
    const LINKS_OF_ONE_THREAD: u64 = 3;
    let folder = PathBuf::from(format!("/proc/{id}/task"));
    // Most processes have one thread, which has the id of the process: to list it takes longer than to count it.
    if fs::metadata(&folder).is_ok_and(|folder| folder.nlink() == LINKS_OF_ONE_THREAD) {
        return vec![folder.join(id.to_string())];
    }
    let entries = DESCRIPTORS.noted(fs::read_dir(folder));
    let threads = entries.into_iter().flatten().flatten();
    threads.map(|thread| thread.path()).collect()
}

/// Reads a file under `/proc`, mostly in two calls. Its length is unknown, so the standard library would start with a
/// few bytes.
pub(super) fn contents(path: impl AsRef<Path>) -> io::Result<String> {
    let mut file = DESCRIPTORS.noted(File::open(path))?;
    let mut bytes = vec![0; 4096];
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..])? {
            0 => break,
            count => length += count,
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    bytes.truncate(length);
    // A program's name is cut to fifteen bytes, perhaps inside a character.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn process(id: i32) -> Option<Process> {
    parse_stat(id, &contents(format!("/proc/{id}/stat")).ok()?)
}

fn parse_stat(id: i32, stat: &str) -> Option<Process> {
    // The program's name is in parentheses and may contain parentheses.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    Some(Process {
        id,
        parent: fields.get(1)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

/// The processes above this one, its parent first, as far as they are visible.
pub fn ancestors() -> Vec<Ancestor> {
    /// No sane process tree is this deep.
    const MOST: usize = 1000;
    let mut found = Vec::new();
    // `/proc` may belong to an outer process namespace and show processes without an id in this one.
    let own = contents("/proc/self/stat").ok();
    let parent = own
        .and_then(|stat| parse_stat(0, &stat))
        .map(|own| own.parent);
    let mut next = match parent {
        Some(parent) => Some(parent).filter(|parent| *parent > 0),
        None => rustix::process::getppid().map(Pid::as_raw_pid),
    };
    while let Some(id) = next.filter(|_| found.len() < MOST) {
        found.push(ancestor(id));
        let parent = process(id).map(|process| process.parent);
        next = parent.filter(|parent| *parent > 0);
    }
    found
}

/// Whether this process can never gain rights again, and is in a user namespace of its own or in one that it cannot
/// look up. The first is always true for a program under test, which needs the second to hide its ancestors.
pub fn is_confined() -> bool {
    rustix::thread::no_new_privs().unwrap_or(false) && !is_in_first_user_namespace()
}

/// Whether this process is in the user namespace of the system, and not in a later one or one that it cannot look up.
pub(super) fn is_in_first_user_namespace() -> bool {
    /// The kernel's number of the first user namespace.
    const FIRST_USER_NAMESPACE: u64 = 0xEFFF_FFFD;
    fs::metadata("/proc/self/ns/user").is_ok_and(|file| file.ino() == FIRST_USER_NAMESPACE)
}

fn ancestor(id: i32) -> Ancestor {
    let file = |process: &str| {
        let file = fs::metadata(format!("/proc/{process}/exe")).ok()?;
        Some((file.dev(), file.ino()))
    };
    let text = |name: &str| contents(format!("/proc/{id}/{name}")).unwrap_or_default();
    let arguments = text("cmdline");
    Ancestor {
        arguments: arguments
            .split_terminator('\0')
            .map(str::to_owned)
            .collect(),
        name: text("comm").trim_end().to_owned(),
        has_same_executable: file(&id.to_string())
            .zip(file("self"))
            .map(|(one, other)| one == other),
    }
}

/// Waits until a child of this process has ended, at most `longest`. Returns whether it has. Does not collect it.
pub fn has_ended_within(child: i32, longest: Duration) -> bool {
    let Some(pid) = Pid::from_raw(child) else {
        return true;
    };
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        // Another thread has collected it.
        Err(Errno::SRCH) => return true,
        // An old kernel, a sandbox, or no descriptor left.
        Err(_) => return can_be_collected_within(pid, longest),
    };
    let deadline = Instant::now() + longest;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = timespec(left);
        match poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&timeout)) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}

/// Interpreters that call the kernel again after a signal interrupted a call. A version may follow.
const CALLING_AGAIN: [&str; 7] = ["python", "pypy", "node", "java", "ruby", "perl", "php"];

/// Whether these processes can be stopped and resumed without any of them noticing. Some system calls fail with EINTR
/// after that, even without a handler for signals (signal(7)): `epoll_wait`, and receiving with a timeout. A program
/// that takes the error for a real one is not to be blamed. A parent is sent SIGCHLD when a child is stopped.
pub fn can_be_stopped_unnoticed(processes: &[i32]) -> bool {
    let own = fs::read_link("/proc/self/exe").ok();
    let executables = processes
        .iter()
        .map(|id| (*id, fs::read_link(format!("/proc/{id}/exe")).ok()));
    // One that runs the harness's own file is the first process of a cage.
    let of_program: Vec<_> = executables
        .filter(|(_, executable)| executable.is_none() || *executable != own)
        .collect();
    let is_of_program = |id| of_program.iter().any(|(other, _)| *other == id);
    of_program.iter().all(|(id, executable)| {
        let name = executable.as_deref().and_then(Path::file_name);
        let name = name.and_then(|name| name.to_str());
        let is_parent = children(*id).iter().any(|child| is_of_program(child.id));
        let is_told = is_parent && catches(*id, Signal::CHILD) || catches(*id, Signal::CONT);
        let waits_unnoticed = || threads(*id).iter().all(|thread| waits_unnoticed(thread));
        !is_told && (name.is_some_and(calls_again) || waits_unnoticed())
    })
}

/// Whether a program of this name is one of the interpreters that call again.
fn calls_again(name: &str) -> bool {
    let is_version = |rest: &str| {
        rest.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    let mut versions = CALLING_AGAIN
        .iter()
        .filter_map(|one| name.strip_prefix(one));
    versions.any(is_version)
}

/// Whether a process has a handler for this signal. If that cannot be told, it may have.
fn catches(id: i32, signal: Signal) -> bool {
    let status = contents(format!("/proc/{id}/status")).unwrap_or_default();
    let mut lines = status.lines();
    let caught = lines.find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_none_or(|mask| mask >> (signal.as_raw() - 1) & 1 == 1)
}

/// Whether a thread waits in a system call that goes on after it was stopped, whatever its arguments are.
fn waits_unnoticed(thread: &Path) -> bool {
    const GOING_ON: &[i64] = &[
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_select,
        libc::SYS_ppoll,
        libc::SYS_pselect6,
        libc::SYS_futex,
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_wait4,
        libc::SYS_waitid,
    ];
    let call = contents(thread.join("syscall")).unwrap_or_default();
    let number = call
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    number.is_some_and(|number: i64| GOING_ON.contains(&number))
}

/// Stops these processes, until [`resume`].
pub fn stop(processes: &[i32]) {
    signal(processes, Signal::STOP);
}

/// Resumes these processes.
pub fn resume(processes: &[i32]) {
    signal(processes, Signal::CONT);
}

fn signal(processes: &[i32], signal: Signal) {
    for pid in processes.iter().filter_map(|id| Pid::from_raw(*id)) {
        // A process that has ended needs no signal.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Whether all these processes are stopped or have ended.
pub fn are_stopped(processes: &[i32]) -> bool {
    let is_stopped = |id: &i32| matches!(state(*id), None | Some('T' | 't' | 'Z' | 'X'));
    processes.iter().all(is_stopped)
}

/// Returns whether this process exists and is stopped.
pub fn is_held(process: i32) -> bool {
    matches!(state(process), Some('T' | 't'))
}

/// The letter for a process's state, if it exists.
pub(super) fn state(id: i32) -> Option<char> {
    let stat = contents(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// Stops all of these processes, then ends each: otherwise the last ones could start new ones faster than the others
/// end.
pub fn end(processes: Vec<Process>) {
    processes.iter().for_each(|process| stop(&[process.id]));
    processes.into_iter().for_each(kill);
}

/// Ends `target` at once, unless its id was reused meanwhile.
pub fn kill(target: Process) {
    let Some(pid) = Pid::from_raw(target.id) else {
        return;
    };
    let handle = pidfd_open(pid, PidfdFlags::empty());
    if process(target.id).is_none_or(|now| now.started != target.started) {
        return;
    }
    let _ = match handle {
        Ok(handle) => pidfd_send_signal(handle, Signal::KILL),
        Err(Errno::SRCH) => return,
        // Without a handle the id could be reused before the signal arrives, which is unlikely.
        Err(_) => rustix::process::kill_process(pid, Signal::KILL),
    };
}

/// Addresses at which any of the processes listens, in the order of their descriptors: a program that opens several
/// opens them in the same order at each start.
pub fn listening(sockets: &SocketTable, processes: &[i32]) -> Vec<SocketAddr> {
    let inodes = processes.iter().filter_map(|id| socket_inodes(*id).ok());
    let opened: Vec<u64> = inodes.flatten().collect();
    let Some(&first) = processes.first().filter(|_| !opened.is_empty()) else {
        return Vec::new();
    };
    let rank = |inode: u64| opened.iter().position(|opened| *opened == inode);
    let all = sockets.listening(first).into_iter();
    let mut found: Vec<(usize, SocketAddr)> = all
        .filter_map(|socket| Some((rank(socket.inode)?, socket.local)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, address)| address).collect()
}

/// What the connections to the server at `port` tell about a client of it.
pub fn client_connection(sockets: &SocketTable, port: u16, processes: &[i32]) -> ClientConnection {
    let inodes = processes.iter().filter_map(|id| socket_inodes(*id).ok());
    let held: Vec<u64> = inodes.flatten().collect();
    // Listing all connections of the machine takes hundreds of times as long as reading the descriptors above.
    if held.is_empty() {
        return ClientConnection::None;
    }
    let Some(mut connections) = sockets.connections() else {
        return ClientConnection::Unknown;
    };
    connections.retain(|socket| socket.remote.port() == port && socket.inode != 0);
    let own = connections
        .iter()
        .find(|socket| held.contains(&socket.inode));
    match own.map(|socket| socket.received) {
        None => ClientConnection::None,
        Some(Some(0)) => ClientConnection::Open,
        Some(_) => ClientConnection::Answered,
    }
}

/// Whether any end of a connection with the server at `port` has not read all that arrived.
pub fn is_anything_unread(sockets: &SocketTable, port: u16) -> bool {
    let connections = sockets.connections().unwrap_or_default();
    connections.iter().any(|socket| {
        let is_of_server = socket.remote.port() == port || socket.local.port() == port;
        is_of_server && socket.inode != 0 && socket.unread > 0
    })
}

/// The owner of the end `local` of the connection to `remote`, which is a listening socket of this process.
pub fn holder(
    sockets: &SocketTable,
    local: SocketAddr,
    remote: SocketAddr,
    processes: &[i32],
) -> Holder {
    let inode = match sockets.find(local, remote) {
        Some(socket) => socket.inode,
        // If even the listening socket is missing, the table is useless.
        None if sockets.unread(remote, unspecified(remote)).is_none() => {
            return Holder::Unknown;
        }
        None => 0,
    };
    if inode == 0 {
        return Holder::Nobody;
    }
    let mut all_are_known = true;
    for id in processes {
        match socket_inodes(*id) {
            Ok(inodes) if inodes.contains(&inode) => return Holder::Asked,
            Ok(_) => {}
            Err(error) => all_are_known &= error.kind() != io::ErrorKind::PermissionDenied,
        }
    }
    if all_are_known {
        Holder::Other
    } else {
        Holder::Unknown
    }
}

/// Inodes of the sockets that a process holds, in the order of its descriptors.
fn socket_inodes(id: i32) -> io::Result<Vec<u64>> {
    let found = socket_inodes_in(Path::new(&format!("/proc/{id}/fd")))?;
    if !found.is_empty() {
        return Ok(found);
    }
    // The first thread may have ended before the others.
    let of_threads = threads(id)
        .into_iter()
        .filter_map(|thread| socket_inodes_in(&thread.join("fd")).ok());
    Ok(of_threads.flatten().collect())
}

fn socket_inodes_in(descriptors: &Path) -> io::Result<Vec<u64>> {
    let socket = |descriptor: fs::DirEntry| {
        let target = fs::read_link(descriptor.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        let number: u32 = descriptor.file_name().to_str()?.parse().ok()?;
        Some((number, inode.strip_suffix(']')?.parse().ok()?))
    };
    let descriptors = DESCRIPTORS.noted(fs::read_dir(descriptors))?.flatten();
    let mut found: Vec<(u32, u64)> = descriptors.filter_map(socket).collect();
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, inode)| inode).collect())
}

/// How often the threads of these processes were scheduled so far, or `None` if one of them is running or ready.
///
/// Two equal answers in a row mean that nothing ran in between: all threads wait in the kernel.
pub fn rest_mark(processes: &[i32]) -> Option<u64> {
    let mut switches = 0;
    for id in processes {
        for thread in threads(*id) {
            let Ok(status) = contents(thread.join("status")) else {
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

/// Number of processes and threads on the machine, of all users; 0 if unknown.
pub fn tasks_on_this_machine() -> usize {
    let load = contents("/proc/loadavg").unwrap_or_default();
    let tasks = load
        .split_whitespace()
        .nth(3)
        .and_then(|tasks| tasks.split_once('/'));
    tasks.and_then(|(_, all)| all.parse().ok()).unwrap_or(0)
}

/// What the scheduler did with the threads of these processes, in all.
pub fn scheduled(processes: &[i32]) -> Scheduled {
    let mut all = Scheduled::default();
    for thread in processes.iter().flat_map(|id| threads(*id)) {
        let statistics = contents(thread.join("schedstat")).unwrap_or_default();
        let mut times = statistics.split_whitespace().map_while(|nanoseconds| {
            let nanoseconds = nanoseconds.parse().ok()?;
            Some(Duration::from_nanos(nanoseconds))
        });
        all.ran += times.next().unwrap_or_default();
        all.kept_waiting += times.next().unwrap_or_default();
    }
    all
}

/// The latest process id of this process's namespace. Ids begin with 1, so as long as all were small there are no more
/// processes than that.
pub fn last_id_given() -> Option<i32> {
    contents("/proc/loadavg")
        .ok()?
        .split_whitespace()
        .last()?
        .parse()
        .ok()
}

/// Number of processes that this one can see: those of its namespace.
pub fn visible_processes() -> usize {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let is_process = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    };
    entries.filter(is_process).count()
}

/// Peak resident memory of each of these processes, in bytes, by its id.
pub fn peak_memory(processes: &[i32]) -> BTreeMap<i32, u64> {
    let peak = |id: &i32| Some((*id, in_status(*id, "VmHWM:")?));
    processes.iter().filter_map(peak).collect()
}

/// Private memory of these processes now, in bytes, added up.
pub fn own_memory(processes: &[i32]) -> u64 {
    let own = |id: &i32| in_status(*id, "RssAnon:");
    processes.iter().filter_map(own).sum()
}

/// Processor time of these processes, including threads that have ended.
pub fn cpu_time(processes: &[i32]) -> Duration {
    duration(processes.iter().map(|id| ticks(*id).0).sum())
}

/// Processor time of the descendants of `starter`: of these processes, and of those that have been collected since.
pub fn cpu_time_with_ended(starter: i32, processes: &[i32]) -> Duration {
    let of_living = processes.iter().map(|id| {
        let (own, ended) = ticks(*id);
        own + ended
    });
    duration(of_living.sum::<u64>() + ticks(starter).1)
}

/// Clock ticks of a process, its collected children, and their children.
fn ticks(id: i32) -> (u64, u64) {
    let stat = contents(format!("/proc/{id}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let mut times = after_name
        .split_whitespace()
        .skip(11)
        .map(|ticks| ticks.parse().unwrap_or(0));
    let mut two = || times.next().unwrap_or(0) + times.next().unwrap_or(0);
    (two(), two())
}

fn duration(ticks: u64) -> Duration {
    let ticks_a_second = rustix::param::clock_ticks_per_second();
    Duration::from_millis(ticks * 1000 / ticks_a_second.max(1))
}

/// A line of `/proc/ID/status` that is in kibibytes, converted to bytes.
fn in_status(id: i32, field: &str) -> Option<u64> {
    let status = contents(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};
    use std::time::Instant;

    #[test]
    fn only_what_cannot_notice_is_stopped() {
        const LONGEST: Duration = Duration::from_secs(30);
        let start = |command: &[&str]| {
            let mut program = Command::new(command[0]);
            program.args(&command[1..]).stdin(Stdio::piped());
            program.stderr(Stdio::null()).spawn()
        };
        let waits_in = |child: &std::process::Child, call: i64| {
            let file = format!("/proc/{}/syscall", child.id());
            let begun = Instant::now();
            while begun.elapsed() < LONGEST {
                let now = contents(&file).unwrap_or_default();
                if now.starts_with(&format!("{call} ")) {
                    return true;
                }
                std::thread::yield_now();
            }
            false
        };
        let can_be_stopped = |child: &std::process::Child| {
            can_be_stopped_unnoticed(&[i32::try_from(child.id()).expect("an id")])
        };
        // It waits for a time, and this one for input, which might have a time limit.
        let mut sleeps = start(&["sleep", "600"]).expect("sleep starts");
        let mut reads = start(&["cat"]).expect("cat starts");
        // A shell that is told of its children.
        let mut told = start(&["sh", "-c", "trap : CHLD; sleep 600 & wait"]).expect("sh starts");
        let is_asleep = waits_in(&sleeps, libc::SYS_clock_nanosleep);
        let is_reading = waits_in(&reads, libc::SYS_read);
        let seen = [&sleeps, &reads].map(can_be_stopped);
        let begun = Instant::now();
        let mut family = Vec::new();
        while family.len() < 2 && begun.elapsed() < LONGEST {
            let id = i32::try_from(told.id()).expect("an id");
            family = vec![id];
            family.extend(children(id).iter().map(|child| child.id));
        }
        let is_told = catches(family[0], Signal::CHILD) && !can_be_stopped_unnoticed(&family);
        signal(&family, Signal::KILL);
        for child in [&mut sleeps, &mut reads, &mut told] {
            let _ = child.kill();
            let _ = child.wait();
        }
        assert!(is_asleep && is_reading);
        assert_eq!(seen, [true, false]);
        assert!(is_told);
    }

    #[test]
    fn an_interpreter_is_known_by_its_whole_name() {
        for name in ["python3.11", "python", "node", "java", "perl5.36.0"] {
            assert!(calls_again(name), "{name}");
        }
        for name in ["nodechat", "python_server", "javac", "chat", ""] {
            assert!(!calls_again(name), "{name}");
        }
    }

    #[test]
    fn time_without_a_processor_is_counted() {
        const LONGEST: Duration = Duration::from_secs(30);
        // More programs than processors cannot all run at once.
        let many = 4 * std::thread::available_parallelism().map_or(1, usize::from);
        let spin = || {
            Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .spawn()
        };
        let mut spinning: Vec<_> = (0..many).map(|_| spin().expect("starts")).collect();
        let id = |child: &std::process::Child| i32::try_from(child.id()).expect("an id");
        let ids: Vec<i32> = spinning.iter().map(id).collect();
        let begun = Instant::now();
        while scheduled(&ids).kept_waiting.is_zero() && begun.elapsed() < LONGEST {
            std::thread::yield_now();
        }
        let waited = scheduled(&ids).kept_waiting;
        for child in &mut spinning {
            child.kill().expect("is there");
            child.wait().expect("ends");
        }
        assert!(!waited.is_zero(), "nothing waited in {LONGEST:?}");
    }

    #[test]
    fn the_program_that_opened_a_connection_is_distinguished_from_others() {
        const CONNECTS: &str = "import socket, sys\n\
             port = int(sys.argv[1])\n\
             if sys.argv[2] == '4':\n\
             \x20   held = socket.create_connection(('127.0.0.1', port))\n\
             else:\n\
             \x20   held = socket.socket(socket.AF_INET6)\n\
             \x20   held.connect(('::ffff:127.0.0.1', port))\n\
             sys.stdin.readline()\n\
             held.close()\n\
             print('closed', flush=True)\n\
             sys.stdin.readline()\n";
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let here = listener.local_addr().expect("has an address");
        let tables = [SocketTable::open(), SocketTable::without_diagnostics()];
        for family in ["4", "6"] {
            let mut child = Command::new("python3")
                .args(["-c", CONNECTS, &here.port().to_string(), family])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("starts");
            let (stream, _) = listener.accept().expect("accepts");
            let there = stream.peer_addr().expect("has an address");
            let id = i32::try_from(child.id()).expect("an id");
            let this_process = rustix::process::getpid().as_raw_pid();
            let who = |table, asked: &[i32]| holder(table, there, here, asked);
            let mut keys = child.stdin.take().expect("has one");
            for table in &tables {
                assert_eq!(who(table, &[this_process]), Holder::Other);
                assert_eq!(who(table, &[this_process, id]), Holder::Asked);
                assert_eq!(who(table, &[]), Holder::Other);
            }
            let mut said = String::new();
            writeln!(keys, "close").expect("is read");
            BufReader::new(child.stdout.take().expect("has one"))
                .read_line(&mut said)
                .expect("says it");
            for table in &tables {
                assert_eq!(who(table, &[id]), Holder::Nobody, "{said}");
            }
            drop(keys);
            child.wait().expect("ends");
        }
    }

    #[test]
    fn a_connection_that_was_reset_is_nobody_s() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let here = listener.local_addr().expect("has an address");
        let sender = TcpStream::connect(here).expect("connects");
        let there = sender.local_addr().expect("has an address");
        let _accepted = listener.accept().expect("accepts");
        socket2::SockRef::from(&sender)
            .set_linger(Some(Duration::ZERO))
            .expect("can be set");
        drop(sender);
        let this_process = rustix::process::getpid().as_raw_pid();
        for table in [SocketTable::open(), SocketTable::without_diagnostics()] {
            let who = holder(&table, there, here, &[this_process]);
            assert_eq!(who, Holder::Nobody);
        }
    }

    #[test]
    fn without_a_handle_the_end_of_a_child_is_waited_for_all_the_same() {
        const LONGEST: Duration = Duration::from_secs(60);
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("starts");
        let pid = Pid::from_child(&child);
        let has_ended = |longest| can_be_collected_within(pid, longest);
        assert!(!has_ended(Duration::ZERO));
        drop(child.stdin.take());
        assert!(has_ended(LONGEST));
        child.wait().expect("is still to be collected");
        assert!(has_ended(Duration::ZERO));
    }

    #[test]
    fn listening_ports_are_found_in_the_order_of_their_descriptors_without_connecting() {
        use std::os::fd::AsRawFd;
        let bind = |_| TcpListener::bind("127.0.0.1:0").expect("binds");
        let mut listeners: Vec<TcpListener> = (0..8).map(bind).collect();
        listeners.sort_by_key(AsRawFd::as_raw_fd);
        let address = |listener: &TcpListener| listener.local_addr().expect("has an address");
        let expected: Vec<SocketAddr> = listeners.iter().map(address).collect();
        let this_process = rustix::process::getpid().as_raw_pid();
        let mut found = listening(&SocketTable::open(), &[this_process]);
        // Other tests listen too.
        found.retain(|address| expected.contains(address));
        assert_eq!(found, expected);
    }
}
