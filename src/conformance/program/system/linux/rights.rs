//! What a process may do: its namespaces and its capabilities.

use std::io;

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Gid, Signal, Uid, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

use super::network::enter_namespaces;

/// Makes the next child of this process the first process of a new process namespace, which ends with this process,
/// and gives it the rights to [`enter`](super::view::enter) a view. Call it while there is only one thread; afterwards no other thread can be
/// started.
///
/// # Errors
/// The system does not allow it. Then this process may have lost its user name.
pub fn isolate_next_process() -> io::Result<()> {
    let rights = capabilities(None)?;
    let mut spaces = UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    if !rights.effective.contains(CapabilitySet::SYS_ADMIN) {
        spaces |= UnshareFlags::NEWUSER;
    }
    enter_namespaces(spaces)?;
    // Otherwise an ordinary user's process loses its rights at exec.
    let rights = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: TO_MAKE_A_VIEW,
            ..rights
        },
    )?;
    for (_, capability) in TO_MAKE_A_VIEW.iter_names() {
        configure_capability_in_ambient_set(capability, true)?;
    }
    Ok(())
}

/// The rights with which a view is made: to mount, and to copy files of the working directory as they are changed.
const TO_MAKE_A_VIEW: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::MKNOD);

/// Ends this process when the thread that started it ends.
///
/// # Errors
/// The system does not allow it.
pub fn end_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::KILL,
    ))?)
}

/// The rights that a program of root keeps: to use files as root does, and what builds and servers do with them.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Gives up the rights over other processes, mounts and limits for good, for this process and everything it executes
/// or starts; `all` means those over files, too.
///
/// # Errors
/// The system does not allow it.
pub fn give_up_rights(all: bool) -> io::Result<()> {
    let kept = if all { CapabilitySet::empty() } else { KEPT };
    set_no_new_privs(true)?;
    let rights = capabilities(None)?;
    if rights.permitted.contains(CapabilitySet::SETPCAP) {
        for (_, capability) in CapabilitySet::all().difference(kept).iter_names() {
            match remove_capability_from_bounding_set(capability) {
                // This kernel does not know the capability.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    give_up_ambient_rights()?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: rights.effective.intersection(kept),
            permitted: rights.permitted.intersection(kept),
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
}

/// Whether this process is root's and may look at what processes of other users have open. Containers often take this
/// right from root; then a port of such a process cannot be found.
pub fn can_look_at_other_users() -> bool {
    let rights = capabilities(None).map(|rights| rights.effective);
    let may_look = rights.is_ok_and(|rights| rights.contains(CapabilitySet::SYS_PTRACE));
    may_look && rustix::process::geteuid().is_root()
}

/// Makes another user of this process, for good.
///
/// # Errors
/// This process must belong to root.
pub fn become_user(id: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    Ok(set_thread_res_uid(user, user, user)?)
}

/// Passes no ambient capabilities on to the programs that this process starts.
///
/// # Errors
/// The system does not allow it.
pub fn give_up_ambient_rights() -> io::Result<()> {
    match clear_ambient_capability_set() {
        // This kernel has no ambient capabilities.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let rights = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: CapabilitySet::empty(),
            ..rights
        },
    )?;
    Ok(())
}

/// Programs that this process executes or starts do not get its open files, except for standard input, output and
/// error. Whatever started it may have left some open.
pub fn keep_descriptors_to_itself() {
    const FIRST: i32 = 3;
    close_fds::set_fds_cloexec_threadsafe(FIRST, &[]);
}

/// Hides this process's memory, environment and executable in `/proc` from other programs of the same user.
pub fn close_to_others() {
    // A system without this setting shows no more without it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
