//! The files that a caged process sees: a new root directory, made of mounts.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive,
    mount_change, mount_remount, unmount,
};
use rustix::process::{chdir, pivot_root};
use rustix::thread::UnshareFlags;

use super::processes::is_in_first_user_namespace;
use crate::conformance::program::cage::layer::OwnFolder;
use crate::conformance::program::system::kinds::{Replacement, TEMPORARY, View};

/// The devices that every program may use.
const HARMLESS_DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// The parts of `/proc` through which root changes the machine. Containers often make them read-only, which a fresh
/// `/proc` would undo.
const SETTINGS_OF_THE_MACHINE: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Flags of every mount.
const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV);

/// Gives this process and its descendants a view of their own. `/proc` shows only them. The working directory becomes
/// the root. Nothing outside the view can be reached afterwards.
///
/// This process must be the first of its process namespace.
///
/// # Errors
/// The system does not allow it; names the path that was refused.
pub fn enter(view: &View<'_>) -> io::Result<()> {
    // It is deprecated because of another flag, which makes threads stop sharing descriptors.
    #[allow(deprecated)]
    rustix::thread::unshare(UnshareFlags::NEWNS)?;
    // From here on, changes do not affect the mounts of other processes.
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    let sources = Sources::open(view)?;
    let root = Root {
        place: fs::canonicalize(view.place).map_err(|error| about(view.place, error))?,
    };
    // Opened before, so that mounting over its place hides nothing that is needed.
    temporary(&root.place, "size=4m,nr_inodes=8k,mode=755")?;
    root.add_temporary_places(view)?;
    for (place, source) in &sources.readable {
        root.add(place, source)?;
    }
    root.make_read_only(view)?;
    root.add_processes()?;
    root.add_devices(&sources)?;
    root.hide(view.hidden)?;
    root.replace(view.replaced)?;
    if let Some((folder, source)) = &sources.folder {
        root.add_own_folder(folder, source, view)?;
    }
    root.link_the_other_temporary_place()?;
    root.enter()
}

/// What is mounted in the new root, opened while its path can still be reached.
struct Sources {
    readable: Vec<(PathBuf, Source)>,
    devices: Vec<(PathBuf, Source)>,
    folder: Option<(PathBuf, Source)>,
}

enum Source {
    Opened {
        descriptor: OwnedFd,
        is_folder: bool,
    },
    /// A link at the top of the system, such as `/bin`.
    Link(PathBuf),
}

impl Source {
    /// `None` if there is no such file.
    fn open(path: &Path) -> io::Result<Option<Source>> {
        let is_at_top = path.parent() == Some(Path::new("/"));
        let link = { is_at_top.then(|| fs::read_link(path).ok()) }.flatten();
        // An absolute one would lead out of the new root until that is entered.
        if let Some(target) = link.filter(|target| target.is_relative()) {
            return Ok(Some(Source::Link(target)));
        }
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(about(path, error)),
        };
        let stat = rustix::fs::fstat(&descriptor)?;
        let is_folder = FileType::from_raw_mode(stat.st_mode).is_dir();
        Ok(Some(Source::Opened {
            descriptor,
            is_folder,
        }))
    }

    fn open_each(paths: impl Iterator<Item = PathBuf>) -> io::Result<Vec<(PathBuf, Source)>> {
        let opened = paths.map(|path| Ok(Source::open(&path)?.map(|source| (path, source))));
        opened.filter_map(Result::transpose).collect()
    }
}

impl Sources {
    fn open(view: &View<'_>) -> io::Result<Sources> {
        let devices = HARMLESS_DEVICES.map(|name| Path::new("/dev").join(name));
        let devices = devices.into_iter().chain([view.terminal.to_owned()]);
        let folder = view.folder.map(|folder| folder.to_owned());
        Ok(Sources {
            readable: Source::open_each(view.readable.iter().cloned())?,
            devices: Source::open_each(devices)?,
            folder: Source::open_each(folder.into_iter())?.pop(),
        })
    }
}

/// The new root directory, before it is entered.
struct Root {
    place: PathBuf,
}

impl Root {
    /// The place of an absolute path in the new root.
    fn at(&self, path: &Path) -> PathBuf {
        self.place.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn add_temporary_places(&self, view: &View<'_>) -> io::Result<()> {
        let roomy = format!("size={}m,nr_inodes=64k,mode=1777", view.room);
        let home = view
            .home
            .and_then(Path::to_str)
            .map(|home| (home, roomy.as_str()));
        for (place, options) in { home }.into_iter().chain([
            (TEMPORARY, roomy.as_str()),
            ("/run", "size=1m,nr_inodes=1k,mode=755"),
            ("/dev", "size=1m,nr_inodes=1k,mode=755"),
            ("/dev/shm", roomy.as_str()),
        ]) {
            let place = self.at(Path::new(place));
            fs::create_dir_all(&place).map_err(|error| about(&place, error))?;
            temporary(&place, options)?;
        }
        Ok(())
    }

    /// Only now: places below it would be made where the link leads.
    fn link_the_other_temporary_place(&self) -> io::Result<()> {
        let place = self.at(Path::new("/var/tmp"));
        if place.exists() {
            return Ok(());
        }
        fs::create_dir_all(self.at(Path::new("/var")))?;
        symlink(TEMPORARY, place)
    }

    fn add(&self, path: &Path, source: &Source) -> io::Result<()> {
        let place = self.at(path);
        let added = match source {
            Source::Link(target) => symlink(target, &place),
            Source::Opened {
                descriptor,
                is_folder,
            } => make_place(&place, *is_folder).and_then(|()| {
                let source = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
                Ok(mount_bind_recursive(source, &place)?)
            }),
        };
        added.map_err(|error| about(path, error))
    }

    /// Makes all that is mounted in the new root read-only, but for the places for temporary files.
    fn make_read_only(&self, view: &View<'_>) -> io::Result<()> {
        let mut writable = [TEMPORARY, "/run", "/dev", "/dev/shm"]
            .map(Path::new)
            .to_vec();
        writable.extend(view.home);
        let writable: Vec<PathBuf> = writable.into_iter().map(|place| self.at(place)).collect();
        for (place, kept) in mounts_below(&self.place)? {
            if place != self.place && !writable.contains(&place) {
                let flags = MountFlags::BIND | MountFlags::RDONLY | PLAIN | kept;
                mount_remount(&place, flags, "").map_err(|error| about(&place, error))?;
            }
        }
        Ok(())
    }

    fn add_processes(&self) -> io::Result<()> {
        let place = self.at(Path::new("/proc"));
        fs::create_dir(&place)?;
        let flags = PLAIN | MountFlags::NOEXEC;
        mount("proc", &place, "proc", flags, None).map_err(|error| about(&place, error))?;
        for name in SETTINGS_OF_THE_MACHINE {
            let settings = place.join(name);
            if settings.exists() {
                mount_bind(&settings, &settings).map_err(|error| about(&settings, error))?;
                let flags = MountFlags::BIND | MountFlags::RDONLY | flags;
                mount_remount(&settings, flags, "").map_err(|error| about(&settings, error))?;
            }
        }
        Ok(())
    }

    fn add_devices(&self, sources: &Sources) -> io::Result<()> {
        for (device, source) in &sources.devices {
            self.add(device, source)?;
        }
        let links = [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ];
        for (name, target) in links {
            symlink(target, self.at(Path::new("/dev")).join(name))?;
        }
        Ok(())
    }

    fn hide(&self, hidden: &[PathBuf]) -> io::Result<()> {
        for path in hidden {
            let place = self.at(path);
            // A link is not followed out of the new root.
            let Ok(found) = fs::symlink_metadata(&place) else {
                continue;
            };
            if found.is_dir() {
                temporary(&place, "size=1m,nr_inodes=1k,mode=755")?;
            } else if found.is_file() {
                let nothing = self.at(Path::new("/dev/null"));
                mount_bind(nothing, &place).map_err(|error| about(path, error))?;
            }
        }
        Ok(())
    }

    fn replace(&self, replaced: &[Replacement]) -> io::Result<()> {
        let made = self.at(Path::new("/replacement"));
        for Replacement { file, contents } in replaced {
            let place = self.at(file);
            // Where /run is empty, so is the place that /etc/resolv.conf leads to.
            if fs::symlink_metadata(&place).is_err() && make_place(&place, false).is_err() {
                continue;
            }
            // A link is not followed out of the new root.
            if !fs::symlink_metadata(&place).is_ok_and(|found| found.is_file()) {
                continue;
            }
            fs::write(&made, contents)?;
            fs::set_permissions(&made, fs::Permissions::from_mode(0o644))?;
            mount_bind(&made, &place).map_err(|error| about(file, error))?;
            let flags = MountFlags::BIND | MountFlags::RDONLY | PLAIN;
            mount_remount(&place, flags, "").map_err(|error| about(file, error))?;
            // It stays where it is mounted.
            fs::remove_file(&made)?;
        }
        Ok(())
    }

    fn add_own_folder(&self, folder: &Path, source: &Source, view: &View<'_>) -> io::Result<()> {
        let Source::Opened { descriptor, .. } = source else {
            return Ok(());
        };
        let place = self.at(folder);
        if view.own == OwnFolder::ReadOnly {
            return fs::create_dir_all(place);
        }
        make_place(&place, true).map_err(|error| about(folder, error))?;
        let source = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
        // A system without this kind of mount keeps the changes.
        let is_restored = view.own == OwnFolder::Restored
            && self.add_restored_folder(&source, &place, view.room).is_ok();
        if !is_restored {
            mount_bind_recursive(source, &place).map_err(|error| about(folder, error))?;
        }
        Ok(())
    }

    /// Changes in this folder are kept in memory until the last process of the view ends.
    fn add_restored_folder(&self, source: &str, place: &Path, room: u64) -> io::Result<()> {
        let changes = self.at(Path::new("/run"));
        temporary(&changes, &format!("size={room}m,nr_inodes=64k,mode=755"))?;
        let made = (|| {
            fs::create_dir(changes.join("files"))?;
            fs::create_dir(changes.join("work"))?;
            fs::create_dir(changes.join("original"))?;
            // Its path must not contain characters that have a meaning in the options.
            mount_bind_recursive(source, changes.join("original"))?;
            chdir(&changes)?;
            let mut options = "lowerdir=original,upperdir=files,workdir=work".to_owned();
            if !is_in_first_user_namespace() {
                options.push_str(",userxattr");
            }
            let options = std::ffi::CString::new(options)?;
            let options = options.as_c_str();
            Ok(mount("overlay", place, "overlay", PLAIN, Some(options))?)
        })();
        let _ = chdir("/");
        unmount(&changes, UnmountFlags::DETACH)?;
        made
    }

    /// Makes this the root directory, and lets go of the old one.
    fn enter(&self) -> io::Result<()> {
        let read_only = MountFlags::BIND | MountFlags::RDONLY | PLAIN;
        for place in [self.at(Path::new("/run")), self.at(Path::new("/dev"))] {
            mount_remount(place, read_only, "")?;
        }
        chdir(&self.place)?;
        // The old root is mounted at the same place, above the new one.
        pivot_root(".", ".")?;
        unmount(".", UnmountFlags::DETACH)?;
        chdir("/")?;
        Ok(mount_remount("/", read_only, "")?)
    }
}

fn temporary(place: &Path, options: &str) -> io::Result<()> {
    let options = std::ffi::CString::new(options)?;
    mount("tmpfs", place, "tmpfs", PLAIN, Some(options.as_c_str()))
        .map_err(|error| about(place, error))
}

/// Makes an empty file or folder to mount something on, unless there is one.
fn make_place(place: &Path, is_folder: bool) -> io::Result<()> {
    if is_folder {
        return fs::create_dir_all(place);
    }
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent)?;
    }
    if place.exists() {
        return Ok(());
    }
    fs::write(place, "")
}

/// The places below `root` at which something is mounted, each with the flags that must not be taken away.
fn mounts_below(root: &Path) -> io::Result<Vec<(PathBuf, MountFlags)>> {
    let listed = fs::read("/proc/self/mountinfo")?;
    let mounts = listed.split(|byte| *byte == b'\n').filter_map(mount_in);
    Ok(mounts
        .filter(|(place, _)| place.starts_with(root))
        .collect())
}

/// A line of `/proc/self/mountinfo`: where, and the flags among those that restrict.
fn mount_in(line: &[u8]) -> Option<(PathBuf, MountFlags)> {
    let mut fields = line.split(|byte| *byte == b' ').skip(4);
    let place = without_escapes(fields.next()?)?;
    let mut flags = MountFlags::empty();
    for option in fields.next()?.split(|byte| *byte == b',') {
        flags |= match option {
            b"nosuid" => MountFlags::NOSUID,
            b"nodev" => MountFlags::NODEV,
            b"noexec" => MountFlags::NOEXEC,
            _ => MountFlags::empty(),
        };
    }
    Some((place, flags))
}

/// A path of `mountinfo`, in which spaces and the like are written as three octal digits.
fn without_escapes(text: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let mut parts = text.split(|byte| *byte == b'\\');
    let mut path = parts.next()?.to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(3)?;
        path.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()?);
        path.extend(rest);
    }
    Some(std::ffi::OsString::from_vec(path).into())
}

fn about(path: &Path, error: impl Into<io::Error>) -> io::Error {
    let error: io::Error = error.into();
    io::Error::new(
        error.kind(),
        format!("cannot mount {}: {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_keeps_what_restricts_it() {
        let line = b"29 26 0:26 / /mnt/my\\040disk rw,nosuid,noexec,relatime - ext4 /dev/sda rw";
        let expected = (
            PathBuf::from("/mnt/my disk"),
            MountFlags::NOSUID | MountFlags::NOEXEC,
        );
        assert_eq!(mount_in(line), Some(expected));
        assert_eq!(mount_in(b"29 26"), None);
        assert_eq!(without_escapes(b"\\9"), None);
    }
}
