//! Files in an open folder in which programs under test may have written: no link is followed, and nothing blocks.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::conformance::evidence::visible_name;

/// Maximum size of a file that is read from a results folder, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// Opens a folder, whose name may be a link.
pub(super) fn open_folder(root: &Path) -> Result<OwnedFd, String> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, root, flags, Mode::empty()).map_err(|error| file_error(root, &error.into()))
}

/// An error about a file, in a sentence. Paths contain names that students chose.
pub(super) fn file_error(file: &Path, error: &io::Error) -> String {
    let is_link = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
    if is_link {
        format!(
            "{}: is a link, which is not followed; remove it",
            visible_path(file)
        )
    } else {
        format!("{}: {error}", visible_path(file))
    }
}

/// A path as it is shown.
pub(super) fn visible_path(file: &Path) -> String {
    visible_name(&file.to_string_lossy())
}

/// Checks that it is a file, and no folder, pipe or device.
pub(super) fn check_is_file(file: &OwnedFd) -> io::Result<()> {
    let stat = fstat(file)?;
    if FileType::from_raw_mode(stat.st_mode).is_file() {
        Ok(())
    } else {
        Err(io::Error::other("is not a regular file; remove it"))
    }
}

/// Reads a file, if it exists. Follows no link, does not block on a named pipe, and reads at most [`MOST_BYTES`].
pub(super) fn read(folder: &OwnedFd, name: &str) -> io::Result<Option<Vec<u8>>> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    check_is_file(&file)?;
    let mut bytes = Vec::new();
    File::from(file)
        .take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let mebibytes = MOST_BYTES >> 20;
        return Err(io::Error::other(format!("is longer than {mebibytes} MiB")));
    }
    Ok(Some(bytes))
}

/// The names of what is in a folder.
pub(super) fn names_in(folder: &OwnedFd) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy();
        if name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    Ok(names)
}

/// The name of a file while it is written. It is hidden; a submission's never is.
pub(super) fn unfinished(name: &str) -> String {
    format!(".{name}.unfinished")
}

/// Replaces a file atomically: if this process is killed, the old file stays.
pub(super) fn replace(folder: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished(name);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let create = || openat(folder, &unfinished, flags, Mode::from_raw_mode(0o666));
    let file = match create() {
        // Left behind by a run that was killed, or put there by somebody; a link is removed, not followed.
        Err(Errno::EXIST) => {
            unlinkat(folder, &unfinished, AtFlags::empty())?;
            create()
        }
        created => created,
    };
    let mut file = File::from(file?);
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(renameat(folder, &unfinished, folder, name)?));
    if written.is_err() {
        let _ = unlinkat(folder, &unfinished, AtFlags::empty());
    }
    written
}
