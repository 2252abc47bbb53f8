//! A seccomp filter: system calls that no chat program needs.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// Calls that reach into other processes or the kernel, or change the machine.
const REFUSED: [i64; 39] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_syslog,
];

/// Calls that programs use if the system has them, and replace by others if it says that it has not.
const UNKNOWN: [i64; 4] = [
    // Its flags cannot be checked, those of `clone` can.
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Flags of `clone` for new namespaces.
const NEW_NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// Requests at a terminal that type for somebody else, take the console, or replace what handles its lines. Numbers,
/// because the C libraries differ in which they name and in their type.
const TERMINAL_REQUESTS: [u64; 5] = [
    // TIOCSTI, TIOCCONS, TIOCLINUX, TIOCSETD, TIOCVHANGUP.
    0x5412, 0x541d, 0x541c, 0x5423, 0x5437,
];

/// The kinds of sockets that programs use; a C library asks for addresses by NETLINK. AF_UNIX depends on the cage, and
/// all others are refused.
const SOCKET_FAMILIES: [i32; 3] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// Restricts this process and its descendants for good. It must not be able to gain rights any more. Sockets of this
/// machine (AF_UNIX) are refused, too, unless `may_open_local_sockets`: a program that sees those of other programs could
/// have a service manager or Docker start something outside its cage.
///
/// # Errors
/// The system has no seccomp filters, or not for this processor.
pub fn restrict_calls(may_open_local_sockets: bool) -> io::Result<()> {
    // The last one must not keep itself from being applied.
    for filter in [unknown(), refused(may_open_local_sockets)] {
        apply_filter(&filter?).map_err(io::Error::other)?;
    }
    #[cfg(target_arch = "x86_64")]
    apply_filter(&OTHER_NUMBERS).map_err(io::Error::other)?;
    Ok(())
}

/// Some kernels know every call by a second number, for programs with short pointers (x32), to which the filters above
/// do not apply. Such calls are unknown.
#[cfg(target_arch = "x86_64")]
const OTHER_NUMBERS: [seccompiler::sock_filter; 4] = {
    use seccompiler::sock_filter;
    const FIRST: u32 = 0x4000_0000;
    const NO_SUCH_CALL: u32 = 0x0005_0000 | libc::ENOSYS.unsigned_abs();
    const ALLOWED: u32 = 0x7fff_0000;
    [
        // Load the number; if it is large enough, go on, else skip one step.
        sock_filter {
            code: 0x20,
            jt: 0,
            jf: 0,
            k: 0,
        },
        sock_filter {
            code: 0x35,
            jt: 0,
            jf: 1,
            k: FIRST,
        },
        sock_filter {
            code: 0x06,
            jt: 0,
            jf: 0,
            k: NO_SUCH_CALL,
        },
        sock_filter {
            code: 0x06,
            jt: 0,
            jf: 0,
            k: ALLOWED,
        },
    ]
};

fn refused(may_open_local_sockets: bool) -> io::Result<BpfProgram> {
    /// Stands for every process that can be signalled, those of the person who grades included.
    const EVERYBODY: u64 = 0xffff_ffff;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.into_iter().map(|call| (call, Vec::new())).collect();
    let clones = NEW_NAMESPACES.iter().map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        rule([condition(0, SeccompCmpOp::MaskedEq(flag), flag)])
    });
    rules.insert(libc::SYS_clone, clones.collect::<io::Result<_>>()?);
    let requests = TERMINAL_REQUESTS.iter();
    let requests = requests.map(|request| rule([condition(1, SeccompCmpOp::Eq, *request)]));
    rules.insert(libc::SYS_ioctl, requests.collect::<io::Result<_>>()?);
    rules.insert(
        libc::SYS_kill,
        vec![rule([condition(0, SeccompCmpOp::Eq, EVERYBODY)])?],
    );
    let local = may_open_local_sockets.then_some(libc::AF_UNIX);
    let families = SOCKET_FAMILIES.into_iter().chain(local);
    let other_families =
        rule(families.map(|family| condition(0, SeccompCmpOp::Ne, number(family))));
    let raw = [libc::AF_INET, libc::AF_INET6].map(|family| {
        /// The kind of socket, without flags.
        const KIND: u64 = 0xf;
        rule([
            condition(0, SeccompCmpOp::Eq, number(family)),
            condition(1, SeccompCmpOp::MaskedEq(KIND), number(libc::SOCK_RAW)),
        ])
    });
    let sockets = { raw }.into_iter().chain([other_families]);
    let sockets = sockets.collect::<io::Result<_>>()?;
    rules.insert(libc::SYS_socket, sockets);
    filter(rules, libc::EPERM)
}

fn unknown() -> io::Result<BpfProgram> {
    let rules = UNKNOWN.into_iter().map(|call| (call, Vec::new()));
    filter(rules.collect(), libc::ENOSYS)
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, error: i32) -> io::Result<BpfProgram> {
    let processor = std::env::consts::ARCH
        .try_into()
        .map_err(io::Error::other)?;
    let error = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, error, processor)
        .map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

fn rule(
    conditions: impl IntoIterator<Item = io::Result<SeccompCondition>>,
) -> io::Result<SeccompRule> {
    let conditions = conditions.into_iter().collect::<io::Result<Vec<_>>>()?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn condition(argument: u8, compare: SeccompCmpOp, value: u64) -> io::Result<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compare, value)
        .map_err(io::Error::other)
}

fn number(constant: i32) -> u64 {
    u64::from(constant.unsigned_abs())
}
