//! Removes whatever a program left behind.
//!
//! A program can create folders nested deeper than any path that the system accepts, and folders without write
//! permission. So folders are opened one path component at a time, and deep ones are moved up before they are
//! removed: neither the stack nor the number of descriptors depends on the content.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fchmod, openat, renameat, statat, unlinkat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// Maximum time for a removal. Beyond it, something creates files faster than they are removed.
const LONGEST: Duration = Duration::from_secs(120);

/// Removes a file, a link or a whole folder. Removes links without following them, and adds missing permissions to
/// folders. It is no error if nothing is there. The folder that contains `path` may be reached by links.
///
/// # Errors
/// The first error, for example because a file belongs to somebody else. The rest is removed.
pub fn remove_tree(path: &Path) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let name = path.file_name().ok_or_else(invalid)?;
    let name = CString::new(name.as_encoded_bytes()).map_err(|_| invalid())?;
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let flags = folder_flags().difference(OFlags::NOFOLLOW);
    let parent = match openat(CWD, parent, flags, Mode::empty()) {
        Ok(parent) => parent,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut removal = Removal {
        deadline: Instant::now() + LONGEST,
        moved: 0,
    };
    removal
        .remove(parent.as_fd(), &name)
        .map_err(io::Error::from)
}

/// Folders below this depth are moved up. Each level above it uses a descriptor.
const DEEPEST: u32 = 16;

struct Removal {
    deadline: Instant,
    /// Number of folders that were moved up; it is their new name.
    moved: u64,
}

/// The result of one pass over a folder.
#[derive(Default)]
struct Pass {
    /// Number of entries that were removed or moved.
    gone: u64,
    first_error: Option<Errno>,
}

impl Pass {
    /// Continues after an error, unless the time is up.
    fn add(&mut self, outcome: Result<(), Errno>) -> Result<(), Errno> {
        match outcome {
            Ok(()) => self.gone += 1,
            Err(Errno::TIMEDOUT) => return Err(Errno::TIMEDOUT),
            Err(error) => {
                self.first_error.get_or_insert(error);
            }
        }
        Ok(())
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

impl Removal {
    /// Removes `name` in `parent`.
    fn remove(&mut self, parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
        if !is_left_as_folder(parent, name)? {
            return Ok(());
        }
        let top = open_folder(parent, name)?;
        // A pass over a folder that changes may miss entries. So repeat until it is empty.
        loop {
            let pass = self.empty_once(&top)?;
            match unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) if pass.gone > 0 => self.check_time()?,
                Err(error) => return Err(pass.first_error.unwrap_or(error)),
            }
        }
    }

    /// Removes what one pass over `top` finds.
    fn empty_once(&mut self, top: &OwnedFd) -> Result<Pass, Errno> {
        let mut pass = Pass::default();
        for name in names_in(top)? {
            pass.add(self.remove_inner(top, &name, 1, top))?;
        }
        Ok(pass)
    }

    /// Removes the entry `name` of a folder, or moves it up.
    fn remove_inner(
        &mut self,
        folder: &OwnedFd,
        name: &CStr,
        level: u32,
        top: &OwnedFd,
    ) -> Result<(), Errno> {
        if !is_left_as_folder(folder.as_fd(), name)? {
            Ok(())
        } else if level <= DEEPEST {
            self.remove_below(folder, name, level, top)
        } else {
            self.move_up(folder, name, top)
        }
    }

    /// Removes the folder `name` in `parent`, which is `level` levels below the top. Moves a folder that is too deep
    /// up into `top` first, so depth never matters.
    fn remove_below(
        &mut self,
        parent: &OwnedFd,
        name: &CStr,
        level: u32,
        top: &OwnedFd,
    ) -> Result<(), Errno> {
        let folder = open_folder(parent.as_fd(), name)?;
        loop {
            let mut pass = Pass::default();
            for inner in names_in(&folder)? {
                pass.add(self.remove_inner(&folder, &inner, level + 1, top))?;
            }
            match unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) if pass.gone > 0 => self.check_time()?,
                Err(error) => return Err(pass.first_error.unwrap_or(error)),
            }
        }
    }

    fn move_up(&mut self, folder: &OwnedFd, name: &CStr, top: &OwnedFd) -> Result<(), Errno> {
        let mut is_writable = false;
        loop {
            self.check_time()?;
            let moved = format!("removed-{}", self.moved);
            self.moved += 1;
            match renameat(folder, name, top, moved) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                // The name is in use.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                // Moving a folder changes its `..`, which needs write permission on the folder itself.
                Err(Errno::ACCESS | Errno::PERM) if !is_writable => {
                    give_permission(folder.as_fd(), name)?;
                    is_writable = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn check_time(&self) -> Result<(), Errno> {
        if Instant::now() < self.deadline {
            Ok(())
        } else {
            Err(Errno::TIMEDOUT)
        }
    }
}

/// Removes a file or an empty folder. Returns whether it is a folder that still exists.
fn is_left_as_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(false),
        // For a folder, Linux reports ISDIR and other systems PERM.
        Err(Errno::ISDIR) => {}
        Err(error) => {
            let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir() {
                return Err(error);
            }
        }
    }
    match unlinkat(parent, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(false),
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Opens a folder that is readable and writable.
fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let open = || openat(parent, name, folder_flags(), Mode::empty());
    let folder = match open() {
        Err(Errno::ACCESS) => {
            give_permission(parent, name)?;
            open()?
        }
        opened => opened?,
    };
    // If the folder is somebody else's, the removal reports it.
    let _ = fchmod(&folder, Mode::RWXU);
    Ok(folder)
}

/// Gives the owner all permissions on the folder `name`.
#[cfg(target_os = "linux")]
fn give_permission(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    // `chmod` by name would follow a link. Such a descriptor needs no permission on the folder.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(parent, name, flags, Mode::empty())?;
    let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
    rustix::fs::chmod(itself, Mode::RWXU)
}

/// Gives the owner all permissions on the folder `name`.
#[cfg(not(target_os = "linux"))]
fn give_permission(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)
}

/// Maximum number of names for each pass, to limit memory.
const BATCH: usize = 1000;

/// The names in a folder, or the first of them.
fn names_in(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    let mut entries = Dir::new(fcntl_dupfd_cloexec(folder, 0)?)?;
    // Copies of a descriptor share their position in the folder.
    entries.rewind();
    for entry in entries {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
        if names.len() == BATCH {
            break;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn folders_nested_beyond_any_path_are_removed() {
        let place = tempfile::tempdir().expect("a folder");
        let tree = place.path().join("tree");
        fs::create_dir(&tree).expect("is made");
        // Several times as deep as the longest path, with a read-only folder half way down.
        let mut folder = openat(CWD, &tree, folder_flags(), Mode::empty()).expect("opens");
        for level in 0..2_500 {
            rustix::fs::mkdirat(&folder, "d", Mode::RWXU).expect("is made");
            rustix::fs::mkdirat(&folder, "beside", Mode::empty()).expect("is made");
            let inner = openat(&folder, "d", folder_flags(), Mode::empty()).expect("opens");
            if level % 500 == 0 {
                fchmod(&folder, Mode::empty()).expect("is changed");
            }
            folder = inner;
        }
        drop(folder);
        remove_tree(&tree).expect("is removed");
        assert!(!tree.exists());
    }

    #[test]
    fn what_may_not_be_written_is_removed_and_links_are_not_followed() {
        let place = tempfile::tempdir().expect("a folder");
        let (tree, kept) = (place.path().join("tree"), place.path().join("kept"));
        let deep = format!("a/b/c/{}d", "x/".repeat(DEEPEST as usize));
        fs::create_dir_all(tree.join(&deep).join("full")).expect("is made");
        fs::create_dir(&kept).expect("is made");
        fs::write(kept.join("file"), "").expect("is written");
        for (name, aim) in [("link", &kept), ("a/link", &kept), ("a/b/c/up", &tree)] {
            symlink(aim, tree.join(name)).expect("a link");
        }
        // The names of folders that are moved up.
        fs::write(tree.join("removed-0"), "").expect("is written");
        fs::create_dir_all(tree.join("removed-1/full")).expect("is made");
        for name in [deep.as_str(), "a/b/c", "a/b", "a", ""] {
            let closed = fs::Permissions::from_mode(0o000);
            fs::set_permissions(tree.join(name), closed).expect("is changed");
        }
        remove_tree(&tree).expect("is removed");
        assert!(!tree.exists());
        assert!(kept.join("file").exists());
        assert_eq!(fs::read_dir(place.path()).expect("is there").count(), 1);
    }

    #[test]
    fn a_file_a_link_and_nothing_at_all_are_removed() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        fs::write(at("file"), "").expect("is written");
        symlink(place.path(), at("link")).expect("a link");
        for name in ["file", "link", "missing", "missing/below"] {
            remove_tree(&at(name)).expect(name);
        }
        assert_eq!(fs::read_dir(place.path()).expect("is there").count(), 0);
    }

    #[test]
    fn the_folder_around_may_be_reached_by_a_link_and_must_be_a_folder() {
        let place = tempfile::tempdir().expect("a folder");
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("real/tree/inner")).expect("is made");
        symlink(at("real"), at("link")).expect("a link");
        remove_tree(&at("link/tree")).expect("is removed");
        assert!(!at("real/tree").exists() && at("link").is_symlink());
        fs::write(at("file"), "").expect("is written");
        let error = remove_tree(&at("file/below")).expect_err("is no folder");
        assert_eq!(error.raw_os_error(), Some(Errno::NOTDIR.raw_os_error()));
    }

    #[test]
    fn an_error_does_not_keep_the_rest() {
        let mut pass = Pass::default();
        for outcome in [Ok(()), Err(Errno::PERM), Err(Errno::BUSY), Ok(())] {
            pass.add(outcome).expect("goes on");
        }
        assert_eq!((pass.gone, pass.first_error), (2, Some(Errno::PERM)));
        assert_eq!(pass.add(Err(Errno::TIMEDOUT)), Err(Errno::TIMEDOUT));
    }

    #[test]
    fn many_files_in_one_folder_are_removed() {
        let place = tempfile::tempdir().expect("a folder");
        let tree = place.path().join("tree");
        fs::create_dir(&tree).expect("is made");
        for number in 0..BATCH + 5 {
            fs::write(tree.join(number.to_string()), "").expect("is written");
        }
        remove_tree(&tree).expect("is removed");
        assert!(!tree.exists());
    }
}
