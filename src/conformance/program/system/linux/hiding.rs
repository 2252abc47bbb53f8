//! Process and mount namespaces for a program: it sees only its own processes, and empty folders in place of the
//! hidden ones.

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

/// Makes the next child of this process the first process of a new process namespace, which ends with this process,
/// and gives it the right to [`hide`]. Call it while there is only one thread; afterwards no other thread can be
/// started.
///
/// # Errors
/// The system does not allow it. Then this process may have lost its user name.
pub fn isolate_next_process() -> io::Result<()> {
    let rights = capabilities(None)?;
    let mut spaces = UnshareFlags::NEWPID;
    if !rights.effective.contains(CapabilitySet::SYS_ADMIN) {
        spaces |= UnshareFlags::NEWUSER;
    }
    enter_namespaces(spaces)?;
    // Otherwise an ordinary user's process loses its rights at exec.
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
/// The system does not allow it.
pub fn end_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(
        Signal::KILL,
    ))?)
}

/// Hides folders from this process and its descendants, in a mount namespace of its own. Each of `hidden` becomes an
/// empty, read-only folder, except that the files and folders of `kept` inside it stay visible at their paths. Files
/// in `covered` become empty and cannot be executed. `/proc` shows only this process and its descendants. The working
/// directory becomes the root.
///
/// # Errors
/// The system does not allow it; names what could not be hidden.
pub fn hide(hidden: &[PathBuf], kept: &[PathBuf], covered: &[PathBuf]) -> io::Result<()> {
    // It is deprecated because of another flag, which makes threads stop sharing descriptors.
    #[allow(deprecated)]
    rustix::thread::unshare(UnshareFlags::NEWNS)?;
    // From here on, changes do not affect the mounts of other processes.
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
    // Opened while their paths can still be reached.
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
            // The program gets full access to it.
            continue;
        }
        hide_folder(&folder, &opened).map_err(|error| about(&folder, error))?;
    }
    // `..` of the old working directory would lead to hidden folders.
    std::env::set_current_dir("/")
}

/// The parts of `/proc` through which root changes the machine. Containers often make them read-only, which a fresh
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

/// The existing ones of `folders` that are not inside another one.
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
/// or starts.
///
/// # Errors
/// The system does not allow it.
pub fn give_up_rights() -> io::Result<()> {
    set_no_new_privs(true)?;
    let rights = capabilities(None)?;
    if rights.permitted.contains(CapabilitySet::SETPCAP) {
        for (_, capability) in CapabilitySet::all().difference(KEPT).iter_names() {
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
            effective: rights.effective.intersection(KEPT),
            permitted: rights.permitted.intersection(KEPT),
            inheritable: CapabilitySet::empty(),
        },
    )?;
    Ok(())
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

/// Hides this process's memory, environment and executable in `/proc` from other programs of the same user.
pub fn close_to_others() {
    // A system without this setting shows no more without it.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
