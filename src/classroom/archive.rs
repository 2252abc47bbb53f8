//! Reads archives: zip, tar, and tar compressed by gzip.
//!
//! A stranger made the archive. So a path never leads out of it, sizes that it claims are not believed, and whoever
//! reads an entry counts its bytes (see [`super::unpack`]).

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::names::decoded;
use crate::conformance::evidence::shown;

/// Maximum length of the target of a link, in bytes.
const LONGEST_LINK: u64 = 4096;

/// An entry of an archive.
pub(crate) struct Entry<'a> {
    /// Its path in the archive, or what is wrong with it.
    pub path: EntryPath,
    /// What it is.
    pub kind: EntryKind,
    /// Whether it may be executed. Archives made on Windows do not say.
    pub is_executable: bool,
    /// Its content.
    pub content: &'a mut dyn Read,
}

/// What an entry of an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EntryKind {
    File,
    Folder,
    /// A symbolic link to this target.
    Link(String),
    /// It cannot be unpacked: why, as a phrase.
    Unusable(&'static str),
}

/// The path of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryPath {
    /// Its components, joined by `/`, up to the first that leads out.
    pub text: String,
    /// Why the entry must not be unpacked, as a phrase.
    pub refusal: Option<&'static str>,
    /// The path as the archive has it.
    pub written: String,
}

const LEADS_OUT: &str = "its path leads out of the archive";

impl EntryPath {
    /// Reads a path as an archive writes it. Windows separates components by `\`.
    pub fn of(written: &str) -> EntryPath {
        let is_of_windows = written.contains('\\') && !written.contains('/');
        let separators: &[char] = if is_of_windows { &['\\'] } else { &['/'] };
        let has_drive = written.as_bytes().get(1) == Some(&b':')
            && written.as_bytes()[0].is_ascii_alphabetic()
            && matches!(written.as_bytes().get(2), Some(b'/' | b'\\'));
        let mut refusal = (written.starts_with(separators) || has_drive).then_some(LEADS_OUT);
        let mut components = Vec::new();
        for component in written.split(separators) {
            match component {
                "" | "." => {}
                ".." => {
                    refusal = Some(LEADS_OUT);
                    break;
                }
                component if component.contains('\0') => {
                    refusal = Some("its name contains NUL");
                    break;
                }
                component if component.len() > 255 => {
                    refusal = Some("its name is longer than 255 bytes");
                    break;
                }
                component => components.push(component),
            }
        }
        EntryPath {
            text: components.join("/"),
            refusal,
            written: written.to_owned(),
        }
    }
}

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Zip,
    Tar,
    TarGz,
}

/// Recognises an archive by its content, whatever its name says.
///
/// # Errors
/// It cannot be read, or it is something else: what, and what to do.
pub(crate) fn format_of(file: &mut File) -> Result<Format, String> {
    let mut beginning = Vec::new();
    file.rewind()
        .and_then(|()| (&*file).take(512).read_to_end(&mut beginning))
        .and_then(|_| file.rewind())
        .map_err(|error| error.to_string())?;
    let unsupported = |name: &str| {
        Err(format!(
            "is {name}, which cannot be unpacked here; unpack it by hand"
        ))
    };
    match &beginning[..] {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Zip),
        [0x1f, 0x8b, ..] => Ok(Format::TarGz),
        bytes if bytes.get(257..262) == Some(b"ustar") => Ok(Format::Tar),
        bytes if bytes.starts_with(b"Rar!") => unsupported("a RAR archive"),
        bytes if bytes.starts_with(b"7z\xbc\xaf") => unsupported("a 7z archive"),
        bytes if bytes.starts_with(b"\xfd7zXZ") => unsupported("compressed by xz"),
        bytes if bytes.starts_with(b"BZh") => unsupported("compressed by bzip2"),
        [] => Err("is empty".to_owned()),
        _ => Err("is no archive, or a damaged one".to_owned()),
    }
}

/// Passes each entry of an archive to `visit`, in order. The archive may claim to be much larger than it is: no more
/// than `most` bytes of a compressed tar are read.
///
/// # Errors
/// Why the rest cannot be read, or the error of `visit`.
pub(crate) fn walk(
    file: &File,
    format: Format,
    most: u64,
    visit: &mut dyn FnMut(usize, Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let buffered = BufReader::new(file);
    match format {
        Format::Zip => walk_zip(buffered, visit),
        Format::Tar => walk_tar(buffered, visit),
        Format::TarGz => {
            let bounded = MultiGzDecoder::new(buffered).take(most);
            walk_tar(bounded, visit)
        }
    }
}

/// The libraries repeat bytes of the archive in their errors.
fn damaged(error: &dyn std::fmt::Display) -> io::Error {
    let what = shown(error.to_string().as_bytes());
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("it is damaged ({what})"),
    )
}

fn walk_zip(
    file: BufReader<&File>,
    visit: &mut dyn FnMut(usize, Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut archive = ZipArchive::new(file).map_err(|error| damaged(&error))?;
    for index in 0..archive.len() {
        let (path, mut kind, mode) = {
            let raw = archive.by_index_raw(index);
            let raw = raw.map_err(|error| damaged(&error))?;
            let path = decoded(raw.name_raw(), raw.name());
            let kind = if raw.is_dir() || path.ends_with('\\') {
                EntryKind::Folder
            } else if raw.is_symlink() {
                EntryKind::Link(String::new())
            } else if raw.encrypted() {
                EntryKind::Unusable("it is encrypted")
            } else if !matches!(
                raw.compression(),
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                EntryKind::Unusable("it is compressed by a method that cannot be read here")
            } else {
                EntryKind::File
            };
            (EntryPath::of(&path), kind, raw.unix_mode().unwrap_or(0))
        };
        let is_executable = mode & 0o111 != 0;
        let mut nothing = io::empty();
        let mut opened = match kind {
            EntryKind::File | EntryKind::Link(_) => match archive.by_index(index) {
                Ok(opened) => Some(opened),
                Err(ZipError::Io(error)) => return Err(error),
                Err(_) => {
                    kind = EntryKind::Unusable("it is damaged");
                    None
                }
            },
            EntryKind::Folder | EntryKind::Unusable(_) => None,
        };
        if let (EntryKind::Link(target), Some(opened)) = (&mut kind, &mut opened) {
            let mut bytes = Vec::new();
            opened.take(LONGEST_LINK).read_to_end(&mut bytes)?;
            *target = String::from_utf8_lossy(&bytes).into_owned();
        }
        let content: &mut dyn Read = match &mut opened {
            Some(opened) => opened,
            None => &mut nothing,
        };
        let entry = Entry {
            path,
            kind,
            is_executable,
            content,
        };
        visit(index, entry)?;
    }
    Ok(())
}

fn walk_tar(
    file: impl Read,
    visit: &mut dyn FnMut(usize, Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    use tar::EntryType;
    let mut archive = tar::Archive::new(file);
    let entries = archive.entries().map_err(|error| damaged(&error))?;
    for (index, entry) in entries.enumerate() {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let path = decoded(
            &entry.path_bytes(),
            &String::from_utf8_lossy(&entry.path_bytes()),
        );
        let kind = match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => EntryKind::File,
            EntryType::Directory => EntryKind::Folder,
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                EntryKind::Link(String::from_utf8_lossy(&target).into_owned())
            }
            EntryType::XGlobalHeader => continue,
            EntryType::Link => EntryKind::Unusable("it is a hard link"),
            _ => EntryKind::Unusable("it is a device or a pipe"),
        };
        let is_executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let entry = Entry {
            path: EntryPath::of(&path),
            kind,
            is_executable,
            content: &mut entry,
        };
        visit(index, entry)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out() {
        for (written, text, is_refused) in [
            ("a/b.py", "a/b.py", false),
            ("./a//b.py", "a/b.py", false),
            ("a\\b.py", "a/b.py", false),
            ("a/b\\c.py", "a/b\\c.py", false),
            ("../b.py", "", true),
            ("a/../../b.py", "a", true),
            ("/etc/passwd", "etc/passwd", true),
            ("\\\\host\\share", "host/share", true),
            ("C:\\b.py", "C:/b.py", true),
            ("a..b/...", "a..b/...", false),
        ] {
            let path = EntryPath::of(written);
            assert_eq!(
                (path.text.as_str(), path.refusal.is_some()),
                (text, is_refused),
                "{written}"
            );
        }
        assert!(EntryPath::of(&"x".repeat(256)).refusal.is_some());
    }
}
