//! Reads files that somebody else wrote: only regular files, and only up to a limit.
//!
//! A named pipe would block the reader forever, a device may never end, and a link may lead anywhere. So a file is
//! opened without blocking, the open descriptor is checked, and reading stops at the limit.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use thiserror::Error;

/// Maximum size of a settings file: `conform.toml`, `rubric.toml`, `requirements.toml`.
pub const MOST_SETTINGS: u64 = 256 << 10;

/// Whether to follow a link in place of the file. Links in the folders above it are always followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// For a path of the user's own.
    Follow,
    /// For a link that somebody else may have made.
    Refuse,
}

/// Why a file cannot be read.
#[derive(Debug, Error)]
#[error("{}: {kind}", path.display())]
pub struct InputError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: InputErrorKind,
}

/// What is wrong with a file that cannot be read.
#[derive(Debug, Error)]
pub enum InputErrorKind {
    /// It is a link, and links are refused here.
    #[error("is a link, and is not followed; put the file itself there")]
    Link,
    /// It is not a regular file but this, with its article.
    #[error("is {0}, not a file")]
    NotAFile(&'static str),
    /// It has more bytes than this.
    #[error("is longer than {}", Size(*.0))]
    TooLong(u64),
    /// It is not UTF-8 after this number of bytes.
    #[error("is not UTF-8 text: see byte {}", .0 + 1)]
    NotText(usize),
    /// The system's error.
    #[error(transparent)]
    Io(io::Error),
}

impl InputError {
    fn new(path: &Path, kind: InputErrorKind) -> InputError {
        InputError {
            path: path.to_owned(),
            kind,
        }
    }

    /// Whether the file does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(&self.kind, InputErrorKind::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// A number of bytes, in the largest unit that divides it.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes > 0 && bytes % (1 << 20) == 0 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes > 0 && bytes % (1 << 10) == 0 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// What is wrong with the file. Never blocks.
pub fn read_file(path: &Path, most: u64, links: Links) -> Result<Vec<u8>, InputError> {
    let file = open_file(path, links)?;
    let mut bytes = Vec::new();
    let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| InputError::new(path, InputErrorKind::Io(error)))?;
    if bytes.len() as u64 > most {
        return Err(InputError::new(path, InputErrorKind::TooLong(most)));
    }
    Ok(bytes)
}

/// Reads a regular UTF-8 file of at most `most` bytes.
///
/// # Errors
/// What is wrong with the file. Never blocks.
pub fn read_text(path: &Path, most: u64, links: Links) -> Result<String, InputError> {
    String::from_utf8(read_file(path, most, links)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        InputError::new(path, InputErrorKind::NotText(valid))
    })
}

/// Opens a regular file for reading.
///
/// # Errors
/// What is wrong with the file. Never blocks.
pub fn open_file(path: &Path, links: Links) -> Result<File, InputError> {
    let wrong = |kind| InputError::new(path, kind);
    // Otherwise opening a named pipe waits for its other end. Regular files are not affected.
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| {
        let is_link = || path.symlink_metadata().is_ok_and(|file| file.is_symlink());
        let is = |errno: Errno| error.raw_os_error() == Some(errno.raw_os_error());
        if is(Errno::LOOP) && links == Links::Refuse && is_link() {
            wrong(InputErrorKind::Link)
        } else if is(Errno::NXIO) {
            // A socket cannot be opened.
            let what = path
                .metadata()
                .ok()
                .and_then(|file| odd_kind(file.file_type()));
            wrong(what.map_or(InputErrorKind::Io(error), InputErrorKind::NotAFile))
        } else {
            wrong(InputErrorKind::Io(error))
        }
    })?;
    let metadata = file
        .metadata()
        .map_err(|error| wrong(InputErrorKind::Io(error)))?;
    match odd_kind(metadata.file_type()) {
        Some(what) => Err(wrong(InputErrorKind::NotAFile(what))),
        None => Ok(file),
    }
}

/// The kind of a path that is not a regular file, with its article.
pub fn odd_kind(kind: std::fs::FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_symlink() {
        Some("a link")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, Mode, mkfifoat};
    use std::fs;
    use std::os::unix::fs::symlink;

    fn why_not(path: &Path, links: Links) -> String {
        let error = read_text(path, 8, links).expect_err("cannot be read");
        assert_eq!(error.path, path);
        error.kind.to_string()
    }

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("short"), "12345678").expect("is written");
        fs::write(at("long"), "123456789").expect("is written");
        fs::write(at("bytes"), b"ab\xff").expect("is written");
        mkfifoat(CWD, at("pipe"), Mode::RWXU).expect("a pipe");
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("a socket");
        symlink("short", at("link")).expect("a link");
        symlink("pipe", at("link-to-pipe")).expect("a link");
        symlink("loop", at("loop")).expect("a link");
        for links in [Links::Follow, Links::Refuse] {
            let read = read_text(&at("short"), 8, links).expect("is read");
            assert_eq!(read, "12345678");
            assert_eq!(why_not(&at("long"), links), "is longer than 8 bytes");
            assert_eq!(
                why_not(&at("bytes"), links),
                "is not UTF-8 text: see byte 3"
            );
            assert_eq!(why_not(&at("pipe"), links), "is a named pipe, not a file");
            assert_eq!(why_not(&at("socket"), links), "is a socket, not a file");
            assert_eq!(why_not(folder.path(), links), "is a folder, not a file");
            assert_eq!(
                why_not(Path::new("/dev/zero"), links),
                "is a device, not a file"
            );
            assert!(why_not(&at("short/x"), links).contains("Not a directory"));
            let missing = read_file(&at("missing"), 8, links).expect_err("is missing");
            assert!(missing.is_not_found());
        }
        assert!(read_file(&at("link"), 8, Links::Follow).is_ok());
        assert!(why_not(&at("link"), Links::Refuse).starts_with("is a link"));
        assert_eq!(
            why_not(&at("link-to-pipe"), Links::Follow),
            "is a named pipe, not a file"
        );
        assert!(why_not(&at("loop"), Links::Follow).contains("symbolic links"));
        assert!(why_not(&at("loop"), Links::Refuse).starts_with("is a link"));
    }

    #[test]
    fn sizes_read_well() {
        for (size, text) in [
            (1 << 20, "1 MiB"),
            (256 << 10, "256 KiB"),
            (1000, "1000 bytes"),
        ] {
            assert_eq!(Size(size).to_string(), text);
        }
    }
}
