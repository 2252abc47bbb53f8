//! Removing what a program left behind, whatever it left.
//!
//! A program can make folders that are nested beyond any path that the system accepts, and folders that may not be
//! written. So folders are opened one name at a time, and what is far down is moved up before it is removed: neither
//! the stack nor the number of descriptors depends on what is there.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, fchmod, openat, renameat, statat, unlinkat};
use rustix::io::{Errno, fcntl_dupfd_cloexec};

/// A removal that takes longer is given up: something makes files faster than they go.
const LONGEST: Duration = Duration::from_secs(120);

/// Removes a file, a link or a whole folder. Links are removed, not followed, and folders without permission to
/// read or to write are given it first. It is no error if nothing is there. The folder that `path` is in may be
/// reached by links.
///
/// # Errors
/// The first thing that cannot be removed, for example because it belongs to somebody else. The rest is removed.
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

/// Folders further down than this are moved up. Each level down to here holds a descriptor.
const DEEPEST: u32 = 16;

struct Removal {
    deadline: Instant,
    /// How many folders were moved up: their new names are numbers.
    moved: u64,
}

/// What came of one look at a folder.
#[derive(Default)]
struct Pass {
    /// How many entries are gone from where they were.
    gone: u64,
    first_error: Option<Errno>,
}

impl Pass {
    /// Goes on after an error, unless the time is up.
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
        // A look at a folder whose content changes may miss some of it. So look again until it is empty.
        loop {
            let pass = self.empty_once(&top)?;
            match unlinkat(parent, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) if pass.gone > 0 => self.check_time()?,
                Err(error) => return Err(pass.first_error.unwrap_or(error)),
            }
        }
    }

    /// Removes what one look at `top` finds.
    fn empty_once(&mut self, top: &OwnedFd) -> Result<Pass, Errno> {
        let mut pass = Pass::default();
        for name in names_in(top)? {
            pass.add(self.remove_inner(top, &name, 1, top))?;
        }
        Ok(pass)
    }

    /// Removes what is called `name` in a folder, or moves it up.
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

    /// Removes the folder `name` in `parent`, which is `level` levels below the top. A folder that is too far down
    /// is moved up into `top` first, so depth never matters.
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
                // Something else is called so.
                Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {}
                // Moving a folder changes where its `..` leads, so that it has to be writable itself.
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

/// Removes what is not a folder, and a folder that is empty. Returns whether it is still there, as a folder.
fn is_left_as_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<bool, Errno> {
    match unlinkat(parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(false),
        // Linux says ISDIR of a folder, others PERM.
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

/// Opens a folder so that it can be read and written.
fn open_folder(parent: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Errno> {
    let open = || openat(parent, name, folder_flags(), Mode::empty());
    let folder = match open() {
        Err(Errno::ACCESS) => {
            give_permission(parent, name)?;
            open()?
        }
        opened => opened?,
    };
    // Where it is somebody else's, removing says so.
    let _ = fchmod(&folder, Mode::RWXU);
    Ok(folder)
}

/// Gives the owner all permission on the folder `name`.
#[cfg(target_os = "linux")]
fn give_permission(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    use std::os::fd::AsRawFd;
    // Changing it by name would follow a link. Such a descriptor needs no permission on the folder.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(parent, name, flags, Mode::empty())?;
    let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
    rustix::fs::chmod(itself, Mode::RWXU)
}

/// Gives the owner all permission on the folder `name`.
#[cfg(not(target_os = "linux"))]
fn give_permission(parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    rustix::fs::chmodat(parent, name, Mode::RWXU, AtFlags::SYMLINK_NOFOLLOW)
}

/// At most so many names, so that memory has a bound.
const BATCH: usize = 1000;

/// What is in a folder, or the beginning of it.
fn names_in(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    let mut entries = Dir::new(fcntl_dupfd_cloexec(folder, 0)?)?;
    // The position in the folder is common to all copies of a descriptor.
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
        // Several times as deep as a path can be long. In one that is not to be written, half way down.
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
        // As the names that folders are given when they are moved up.
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
