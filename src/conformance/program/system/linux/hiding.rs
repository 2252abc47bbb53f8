//! Namespaces of a program's own for processes and mounts: in them it finds no process but its own, and empty
//! folders in place of those that it must not see.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change,
    mount_remount,
};
use rustix::process::{DumpableBehavior, Signal, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, UnshareFlags, capabilities, clear_ambient_capability_set,
    configure_capability_in_ambient_set, remove_capability_from_bounding_set, set_capabilities,
    set_no_new_privs,
};

use super::network::enter_namespaces;

/// Gives the next process that this one starts a process namespace of its own, of which it is the first process and
/// which ends with it, and the right to [`hide`]. Must be called while there is one thread; afterwards no other can
/// be started.
///
/// # Errors
/// Where the system does not allow it; then this process may be left without a user name.
pub fn isolate_next_process() -> io::Result<()> {
    let rights = capabilities(None)?;
    let mut spaces = UnshareFlags::NEWPID;
    if !rights.effective.contains(CapabilitySet::SYS_ADMIN) {
        spaces |= UnshareFlags::NEWUSER;
    }
    enter_namespaces(spaces)?;
    // Without this an ordinary user's process loses what it may do when it becomes another program.
    let rights = capabilities(None)?;
    set_capabilities(
        None,
        CapabilitySets {
            inheritable: CapabilitySet::SYS_ADMIN,
            ..rights
        },
    )?;
    configure_capability_in_ambient_set(CapabilitySet::SYS_ADMIN, true)?;
    Ok(())
}

/// Ends this process when the thread that started it ends.
///
/// # Errors
/// Where the system does not allow it.
pub fn end_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::KILL,
    ))?)
}

/// Hides folders from this process and all that it starts, in a mount namespace of its own. Each of `hidden` becomes
/// an empty folder that cannot be written to, with those of `kept` that lie in it, files or folders, in their old
/// places. `covered` are files that become empty and cannot be started. `/proc` shows only this process and those
/// below it. The working directory is the root afterwards.
///
/// # Errors
/// Where the system does not allow it, with what could not be hidden.
pub fn hide(hidden: &[PathBuf], kept: &[PathBuf], covered: &[PathBuf]) -> io::Result<()> {
    // What it is deprecated for is another of its flags, by which threads stop sharing descriptors.
    #[allow(deprecated)]
    rustix::thread::unshare(UnshareFlags::NEWNS)?;
    // Nothing of what follows reaches the mounts of others.
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    mount("proc", "/proc", "proc", plain | MountFlags::NOEXEC, None)
        .map_err(|error| about(Path::new("/proc"), error))?;
    for name in SETTINGS_OF_THE_MACHINE {
        let path = Path::new("/proc").join(name);
        if path.exists() {
            make_read_only(&path).map_err(|error| about(&path, error))?;
        }
    }
    // Opened while they can still be reached by their paths.
    let mut opened = Vec::new();
    for folder in kept {
        let folder = fs::canonicalize(folder).map_err(|error| about(folder, error))?;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(&folder, flags, Mode::empty())
            .map_err(|error| about(&folder, error))?;
        opened.push((folder, descriptor));
    }
    for file in covered.iter().filter(|file| file.is_file()) {
        mount_bind("/dev/null", file).map_err(|error| about(file, error))?;
    }
    for folder in outermost(hidden)? {
        if opened.iter().any(|(kept, _)| folder.starts_with(kept)) {
            // The program is to have all of it.
            continue;
        }
        hide_folder(&folder, &opened).map_err(|error| about(&folder, error))?;
    }
    // From the old working directory `..` would lead to what is hidden.
    std::env::set_current_dir("/")
}

/// The parts of `/proc` by which root changes the machine. A container often makes them read-only, which a fresh
/// `/proc` would undo.
const SETTINGS_OF_THE_MACHINE: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

fn make_read_only(path: &Path) -> io::Result<()> {
    mount_bind(path, path)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let flags = MountFlags::BIND | MountFlags::RDONLY | flags;
    Ok(mount_remount(path, flags, "")?)
}

fn hide_folder(folder: &Path, kept: &[(PathBuf, OwnedFd)]) -> io::Result<()> {
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    let options = c"size=1m,mode=755";
    mount("tmpfs", folder, "tmpfs", plain, Some(options))?;
    for (place, descriptor) in kept.iter().filter(|(place, _)| place.starts_with(folder)) {
        let stat = rustix::fs::fstat(descriptor)?;
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            fs::create_dir_all(place)?;
        } else {
            fs::create_dir_all(place.parent().unwrap_or(folder))?;
            fs::write(place, "")?;
        }
        let source = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        mount_bind_recursive(source, place)?;
    }
    let read_only = MountFlags::BIND | MountFlags::RDONLY | plain;
    Ok(mount_remount(folder, read_only, "")?)
}

/// Those of `folders` that are there and lie in no other of them.
fn outermost(folders: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        match fs::canonicalize(folder) {
            Ok(folder) => found.push(folder),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(about(folder, error)),
        }
    }
    found.sort();
    found.dedup_by(|later, earlier| later.starts_with(earlier));
    Ok(found)
}

fn about(path: &Path, error: impl Into<io::Error>) -> io::Error {
    let error: io::Error = error.into();
    io::Error::new(
        error.kind(),
        format!("cannot hide {}: {error}", path.display()),
    )
}

/// What a program run by root may still do: use files as root does, and what builds and servers do with them.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// Gives up the rights over other processes, mounts and limits, for good: neither this process nor what it turns
/// into or starts gets them back.
///
/// # Errors
/// Where the system does not allow it.
pub fn give_up_rights() -> io::Result<()> {
    set_no_new_privs(true)?;
    let rights = capabilities(None)?;
    if rights.permitted.contains(CapabilitySet::SETPCAP) {
        for (_, capability) in CapabilitySet::all().difference(KEPT).iter_names() {
            match remove_capability_from_bounding_set(capability) {
                // One that this kernel does not know.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    give_up_ambient_rights()?;
    set_capabilities(
        None,
        CapabilitySets {
            effective: rights.effective.intersection(KEPT),
            permitted: rights.permitted.intersection(KEPT),
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
}

/// Passes no rights on to the programs that this process starts, but for those that their user has.
///
/// # Errors
/// Where the system does not allow it.
pub fn give_up_ambient_rights() -> io::Result<()> {
    match clear_ambient_capability_set() {
        // A kernel without such a set.
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

/// Closes what `/proc` shows of this process, its memory, environment and executable, to other programs of the same
/// user.
pub fn close_to_others() {
    // A system that does not know of it shows no more for that.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
