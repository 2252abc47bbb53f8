//! Writes zip archives.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A file of an archive.
pub struct Entry<'e> {
    /// Its path in the archive.
    pub path: &'e str,
    /// Its content.
    pub bytes: &'e [u8],
    /// Whether it can be executed.
    pub is_program: bool,
}

/// Writes an archive. A file of that name stays as it is until the archive is complete.
///
/// # Errors
/// It cannot be written.
pub fn write<'e>(file: &Path, entries: impl IntoIterator<Item = Entry<'e>>) -> io::Result<()> {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let mut new = tempfile::Builder::new();
    new.permissions(Permissions::from_mode(0o666));
    let new = new.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut archive = ZipWriter::new(new.as_file());
    for entry in entries {
        let mode = if entry.is_program { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default().unix_permissions(mode);
        archive.start_file(entry.path, options)?;
        archive.write_all(entry.bytes)?;
    }
    archive.finish()?.sync_all()?;
    new.persist(file).map_err(|error| error.error)?;
    Ok(())
}
