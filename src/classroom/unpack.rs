//! Unpacks what one student handed in, within limits.
//!
//! The folder that is unpacked into is new, and nobody else writes there. Links are made last, so no file is written
//! through one.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::archive::{self, Entry, EntryKind};
use super::contents::{Contents, stays_within};
use super::names::{archive_stem, is_leftover, original};
use crate::conformance::evidence::shown;

/// Maximum number of entries that a note names.
const MOST_NAMED: usize = 5;
/// Maximum depth of archives in archives.
const DEEPEST: usize = 3;
/// Maximum number of archives that one student's submission may contain.
const MOST_ARCHIVES: usize = 50;

/// Bytes that the headers of a tar may add to its content.
const SLACK: u64 = 64 << 20;

/// The limits for one submission, generous for anything that a student wrote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub entries: usize,
    pub bytes: u64,
    /// Maximum number of folders above a file.
    pub depth: usize,
    /// Maximum number of unpacked bytes for each packed one. Source code has 10 at most.
    pub ratio: u64,
    /// Bytes that may be unpacked at any ratio.
    pub allowance: u64,
}

pub(crate) const USUAL: Limits = Limits {
    entries: 20_000,
    bytes: 512 << 20,
    depth: 32,
    ratio: 200,
    allowance: 16 << 20,
};

/// A submission that is being unpacked into a folder of its own.
#[derive(Debug)]
pub(crate) struct Unpacking {
    root: PathBuf,
    limits: Limits,
    entries: usize,
    /// Bytes that were unpacked.
    bytes: u64,
    /// Bytes that may be unpacked, by the sizes of the archives.
    most: u64,
    links: Vec<(String, String)>,
    /// Paths that were left out, each with the reason.
    left_out: Vec<(String, &'static str)>,
    /// What was done, in sentences.
    notes: Vec<String>,
    /// The archives that cannot be unpacked, in sentences.
    unopened: BTreeSet<String>,
    /// Why it cannot be judged, in a sentence.
    problem: Option<String>,
}

/// What came out of unpacking a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unpacked {
    /// The folder with its files: the submission's, or the one in it that holds everything.
    pub folder: PathBuf,
    /// What was done and left out, in sentences.
    pub notes: Vec<String>,
    /// Why it cannot be judged, in a sentence.
    pub problem: Option<String>,
}

impl Unpacking {
    /// Begins with an empty folder. `packed` is the size of the archive or of the files that it comes from.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn begin(root: PathBuf, packed: u64, limits: Limits) -> io::Result<Unpacking> {
        fs::create_dir_all(&root)?;
        Ok(Unpacking {
            root,
            limits,
            entries: 0,
            bytes: 0,
            most: limits.bytes.min(
                packed
                    .saturating_mul(limits.ratio)
                    .saturating_add(limits.allowance),
            ),
            links: Vec::new(),
            left_out: Vec::new(),
            notes: Vec::new(),
            unopened: BTreeSet::new(),
            problem: None,
        })
    }

    /// Records a path that is not unpacked.
    pub fn leave_out(&mut self, path: &str, why: &'static str) {
        self.left_out.push((path.to_owned(), why));
    }

    /// Writes an entry to `path`, from the submission's folder. What is wrong with the entry is recorded, and the
    /// first limit that is exceeded becomes the problem of this submission.
    ///
    /// # Errors
    /// The disk is full or broken. Nothing else is an error.
    pub fn put(&mut self, path: &str, entry: Entry<'_>) -> io::Result<()> {
        if self.problem.is_some() {
            return Ok(());
        }
        if let Some(why) = entry.path.refusal {
            self.leave_out(&entry.path.written, why);
            return Ok(());
        }
        if path.split('/').any(is_leftover) {
            self.leave_out(path, "made by the system");
            return Ok(());
        }
        self.entries += 1;
        let depth = path.matches('/').count();
        if self.entries > self.limits.entries {
            self.give_up(&format!("has more than {} files", self.limits.entries));
            return Ok(());
        }
        if depth > self.limits.depth {
            self.give_up(&format!(
                "has folders nested more than {} deep",
                self.limits.depth
            ));
            return Ok(());
        }
        match entry.kind {
            EntryKind::Unusable(why) => {
                self.leave_out(path, why);
                Ok(())
            }
            EntryKind::Link(target) => {
                self.links.push((path.to_owned(), target));
                Ok(())
            }
            EntryKind::Folder => match fs::create_dir_all(self.root.join(path)) {
                Ok(()) => Ok(()),
                Err(error) => self.or_left_out(path, error),
            },
            EntryKind::File => {
                let file = match self.create(path, entry.is_executable) {
                    Ok(file) => file,
                    Err(error) => return self.or_left_out(path, error),
                };
                self.fill(path, file, entry.content)
            }
        }
    }

    /// A file in the way of a folder is the archive's own contradiction. Everything else concerns the whole class.
    fn or_left_out(&mut self, path: &str, error: io::Error) -> io::Result<()> {
        let its_own = [
            Errno::EXIST,
            Errno::NOTDIR,
            Errno::ISDIR,
            Errno::NAMETOOLONG,
        ];
        let is_its_own = Errno::from_io_error(&error).is_some_and(|errno| its_own.contains(&errno));
        if !is_its_own {
            return Err(error);
        }
        self.leave_out(path, "another entry is in its place");
        Ok(())
    }

    fn create(&self, path: &str, is_executable: bool) -> io::Result<File> {
        let place = self.root.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent)?;
        }
        // The last of several entries with one name counts.
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mode = if is_executable { 0o755 } else { 0o644 };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode).open(place)
    }

    fn fill(&mut self, path: &str, mut file: File, content: &mut dyn Read) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = match content.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.leave_out(path, "it is damaged");
                    return fs::remove_file(self.root.join(path));
                }
            };
            self.bytes += count as u64;
            if self.bytes > self.most {
                let limit = match self.most >= self.limits.bytes {
                    true => format!("is larger than {} MiB", self.limits.bytes >> 20),
                    false => format!("is more than {} times as large", self.limits.ratio),
                };
                self.give_up(&format!("{limit} when it is unpacked"));
                return Ok(());
            }
            file.write_all(&buffer[..count])?;
        }
    }

    /// Removes everything: half a submission would be judged as if it were the whole one.
    fn give_up(&mut self, why: &str) {
        self.problem = Some(format!("It {why}. Look at it by hand."));
        if let Ok(entries) = fs::read_dir(&self.root) {
            for entry in entries.flatten() {
                let _ = crate::conformance::files::removal::remove_tree(&entry.path());
            }
        }
        self.links.clear();
    }

    /// Unpacks the archives in it, gives renamed files their names back, and makes the links. `has_dashes`: the system
    /// numbers files, as in `server-1.py`.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub fn finish(mut self, has_dashes: bool) -> io::Result<Unpacked> {
        self.unpack_archives()?;
        let unopened: Vec<String> = std::mem::take(&mut self.unopened).into_iter().collect();
        let has_nothing_else = files_in(&self.root).len() <= unopened.len();
        if !unopened.is_empty() && has_nothing_else && self.problem.is_none() {
            self.problem = Some(unopened.join(" "));
        } else {
            self.notes.extend(unopened);
        }
        self.restore_names(has_dashes)?;
        for (path, target) in std::mem::take(&mut self.links) {
            let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
            let place = self.root.join(&path);
            let is_made = stays_within(folder, Path::new(&target))
                && place
                    .parent()
                    .is_some_and(|parent| fs::create_dir_all(parent).is_ok())
                && symlink(&target, &place).is_ok();
            if !is_made {
                self.leave_out(&path, "a link that leads out of the submission");
            }
        }
        let inner = the_one_folder(&self.root);
        if inner != self.root {
            let inside = inner.strip_prefix(&self.root).unwrap_or(&inner);
            let inside = shown(inside.as_os_str().as_encoded_bytes());
            self.notes
                .push(format!("Everything is in the folder {inside}."));
        }
        self.notes.extend(left_out_note(&self.left_out));
        Ok(Unpacked {
            folder: inner,
            notes: self.notes,
            problem: self.problem,
        })
    }

    fn unpack_archives(&mut self) -> io::Result<()> {
        let mut count = 0;
        for _ in 0..DEEPEST {
            let found = archives_in(&self.root);
            let mut is_any = false;
            for path in found {
                count += 1;
                if count > MOST_ARCHIVES {
                    self.give_up(&format!("has more than {MOST_ARCHIVES} archives"));
                }
                if self.problem.is_some() {
                    return Ok(());
                }
                is_any |= self.unpack(&path)?;
            }
            if !is_any {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Unpacks an archive in the submission beside itself, and removes it. Returns whether it did.
    fn unpack(&mut self, path: &str) -> io::Result<bool> {
        let name = shown(path.as_bytes());
        let place = self.root.join(path);
        let mut file = File::open(&place)?;
        let packed = file.metadata()?.len();
        let format = match archive::format_of(&mut file) {
            Ok(format) => format,
            Err(why) => {
                self.unopened.insert(format!("{name} {why}."));
                return Ok(false);
            }
        };
        let (folder, file_name) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = archive_stem(file_name).unwrap_or(file_name);
        let mut target = joined(folder, stem);
        while self.root.join(&target).symlink_metadata().is_ok() {
            target.push_str(" unpacked");
        }
        // An archive in an archive may not unpack to more than its own size allows, either.
        let allowed = packed
            .saturating_mul(self.limits.ratio)
            .saturating_add(self.limits.allowance);
        let whole = self.most;
        self.most = whole.min(self.bytes.saturating_add(allowed));
        let most = self.most.saturating_sub(self.bytes).saturating_add(SLACK);
        let mut broken_disk = None;
        let walked = archive::walk(&file, format, most, &mut |_, entry| {
            let path = joined(&target, &entry.path.text);
            self.put(&path, entry).map_err(|error| {
                broken_disk = Some(error);
                io::Error::from(io::ErrorKind::Other)
            })?;
            match self.problem {
                Some(_) => Err(io::ErrorKind::Other.into()),
                None => Ok(()),
            }
        });
        self.most = whole;
        if let Some(error) = broken_disk {
            return Err(error);
        }
        if self.problem.is_some() {
            self.problem = self.problem.take().map(|why| format!("{name}: {why}"));
            return Ok(false);
        }
        match walked {
            Ok(()) => self.notes.push(format!("Unpacked {name}.")),
            Err(error) => {
                self.notes
                    .push(format!("{name} is unpacked in part only: {error}."));
            }
        }
        fs::remove_file(&place)?;
        Ok(true)
    }

    /// Of several files with one original name, the one with the highest number is the last upload.
    fn restore_names(&mut self, has_dashes: bool) -> io::Result<()> {
        let mut renamed: Vec<(String, u32, String)> = Vec::new();
        for path in files_in(&self.root) {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if let Some((original, number)) = original(name, has_dashes) {
                renamed.push((joined(folder, &original), number, path.clone()));
            }
        }
        renamed.sort();
        for (original, number, path) in renamed {
            let (from, to) = (self.root.join(&path), self.root.join(&original));
            if to.symlink_metadata().is_ok() {
                // `server.py.txt` beside `server.py` is not a newer one.
                if number == 0 || !to.is_file() {
                    continue;
                }
                self.leave_out(&original, "replaced by a later upload of the same file");
            }
            fs::rename(&from, &to)?;
            let (path, original) = (shown(path.as_bytes()), shown(original.as_bytes()));
            self.notes.push(format!("{path} is {original}, renamed."));
        }
        Ok(())
    }

    /// Copies a folder of the class.
    ///
    /// # Errors
    /// The disk is full. If the folder cannot be copied for another reason, this is the problem of the submission.
    pub fn put_folder(&mut self, folder: &Path) -> io::Result<()> {
        let copied = Contents::of(folder).and_then(|contents| {
            contents.copy(&self.root)?;
            Ok(contents.remark())
        });
        match copied {
            Ok(remark) => self.notes.extend(remark),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(error),
            Err(error) => {
                self.give_up("cannot be copied");
                self.problem = Some(format!("It cannot be copied: {error}."));
            }
        }
        Ok(())
    }

    /// Copies a file of the download to `path`.
    ///
    /// # Errors
    /// The disk is full or broken. If the file cannot be read, this is recorded.
    pub fn put_file(&mut self, path: &str, file: &File) -> io::Result<()> {
        let mode = file.metadata()?.permissions().mode();
        let mut content = file;
        let entry = Entry {
            path: archive::EntryPath::of(path),
            kind: EntryKind::File,
            is_executable: mode & 0o111 != 0,
            content: &mut content,
        };
        self.put(path, entry)
    }
}

/// A sentence on the entries that were left out, grouped by the reason.
pub(crate) fn left_out_note(left_out: &[(String, &'static str)]) -> Option<String> {
    if left_out.is_empty() {
        return None;
    }
    let some: Vec<String> = left_out
        .iter()
        .take(MOST_NAMED)
        .map(|(path, why)| format!("{} ({why})", shown(path.as_bytes())))
        .collect();
    let more = match left_out.len() - some.len() {
        0 => String::new(),
        count => format!(", and {count} more"),
    };
    Some(format!("Left out: {}{more}.", some.join(", ")))
}

fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}

/// Folders in which nobody looks for a student's own files.
const NOT_SEARCHED: [&str; 6] = [
    "__MACOSX",
    "__pycache__",
    "node_modules",
    "venv",
    "site-packages",
    "env",
];

/// The files in a folder that students may have written, sorted. No link is followed.
fn files_in(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![String::new()];
    while let Some(folder) = waiting.pop() {
        let Ok(entries) = fs::read_dir(root.join(&folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else {
                continue;
            };
            let path = joined(&folder, &name);
            if kind.is_dir() {
                let is_searched = !name.starts_with('.') && !NOT_SEARCHED.contains(&name.as_str());
                if is_searched && path.matches('/').count() < USUAL.depth {
                    waiting.push(path);
                }
            } else if kind.is_file() {
                found.push(path);
            }
            if found.len() + waiting.len() > USUAL.entries {
                break;
            }
        }
    }
    found.sort();
    found
}

fn archives_in(root: &Path) -> Vec<String> {
    let mut files = files_in(root);
    files.retain(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        archive_stem(name).is_some()
    });
    files
}

/// Whether a folder must be copied before it is judged: it has archives to unpack or renamed files.
pub(crate) fn needs_copy(root: &Path) -> bool {
    files_in(root).iter().any(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        archive_stem(name).is_some() || original(name, false).is_some()
    })
}

/// The folder that holds everything: many archives contain one folder with the submission in it. A folder that is
/// called like a program may be the program.
pub(crate) fn the_one_folder(root: &Path) -> PathBuf {
    let mut folder = root.to_owned();
    for _ in 0..USUAL.depth {
        let Ok(entries) = fs::read_dir(&folder) else {
            break;
        };
        let mut names = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            !is_leftover(&name) && !name.starts_with('.')
        });
        let (Some(only), None) = (names.next(), names.next()) else {
            break;
        };
        let name = only.file_name().to_string_lossy().to_lowercase();
        let is_folder = only.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder || name.starts_with("server") || name.starts_with("client") {
            break;
        }
        folder = only.path();
    }
    folder
}

/// Marks the permissions of a folder so that only this user can read it.
///
/// # Errors
/// The folder cannot be changed.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classroom::archive::EntryPath;

    const SMALL: Limits = Limits {
        entries: 5,
        bytes: 1 << 20,
        depth: 3,
        ratio: 10,
        allowance: 1000,
    };

    fn put(unpacking: &mut Unpacking, path: &str, content: &[u8]) {
        let mut content = content;
        let entry = Entry {
            path: EntryPath::of(path),
            kind: EntryKind::File,
            is_executable: false,
            content: &mut content,
        };
        let path = EntryPath::of(path).text;
        unpacking.put(&path, entry).expect("the disk is fine");
    }

    fn unpacked(packed: u64, files: &[(&str, &[u8])]) -> (tempfile::TempDir, Unpacked) {
        let place = tempfile::tempdir().expect("a folder");
        let root = place.path().join("ann");
        let mut unpacking = Unpacking::begin(root, packed, SMALL).expect("is made");
        for (path, content) in files {
            put(&mut unpacking, path, content);
        }
        let unpacked = unpacking.finish(false).expect("the disk is fine");
        (place, unpacked)
    }

    #[test]
    fn each_limit_is_reported_and_nothing_is_left() {
        let many: Vec<String> = (0..6).map(|number| format!("{number}.py")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        let large = vec![b'x'; 3000];
        let huge = vec![b'x'; (1 << 20) + 1];
        for (packed, files, why) in [
            (1000, many, "has more than 5 files"),
            (
                1000,
                vec![("a/b/c/d/e.py", &b""[..])],
                "has folders nested more than 3 deep",
            ),
            (
                100,
                vec![("a.py", &large[..])],
                "is more than 10 times as large when it is unpacked",
            ),
            (
                1 << 20,
                vec![("a.py", &huge[..])],
                "is larger than 1 MiB when it is unpacked",
            ),
        ] {
            let (place, unpacked) = unpacked(packed, &files);
            let problem = unpacked.problem.expect(why);
            assert!(problem.contains(why), "{problem}");
            let left = fs::read_dir(place.path().join("ann")).expect("is there");
            assert_eq!(left.count(), 0, "{why}");
        }
        let (_place, fine) = unpacked(1000, &[("a.py", &large[..])]);
        assert_eq!(fine.problem, None);
    }

    #[test]
    fn what_contradicts_itself_is_left_out() {
        let (_place, unpacked) = unpacked(
            1000,
            &[
                ("a", b"a file"),
                ("a/b.py", b"in a file"),
                ("c.py", b"first"),
                ("c.py", b"last"),
                ("/etc/passwd", b"root"),
            ],
        );
        let note = unpacked.notes.join(" ");
        assert!(
            note.contains("a/b.py (another entry is in its place)"),
            "{note}"
        );
        assert!(
            note.contains("/etc/passwd (its path leads out of the archive)"),
            "{note}"
        );
        let read = |name: &str| fs::read_to_string(unpacked.folder.join(name)).expect(name);
        assert_eq!((read("a"), read("c.py")), ("a file".into(), "last".into()));
        assert!(!unpacked.folder.join("etc").exists());
    }

    #[test]
    fn one_folder_more_is_opened_unless_it_is_a_program() {
        let (_place, inner) = unpacked(1000, &[("lab/asn/server.py", b""), ("lab/asn/x", b"")]);
        assert!(inner.folder.ends_with("lab/asn"));
        let (_place, program) = unpacked(1000, &[("server/main.py", b"")]);
        assert!(program.folder.ends_with("ann"));
        let (_place, renamed) = unpacked(
            1000,
            &[
                ("server.py", b"1"),
                ("server (1).py", b"2"),
                ("server (2).py", b"3"),
            ],
        );
        let server = fs::read_to_string(renamed.folder.join("server.py")).expect("is there");
        assert_eq!(server, "3");
    }
}
