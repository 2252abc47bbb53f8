//! The content of a submission's folder, within limits: listed, copied, and added to a digest.
//!
//! The student chose every name, size, link and depth in it, and other programs may change it meanwhile. So folders
//! are opened one path component at a time, links are never followed, an open file is checked before it is read,
//! nothing recurses, and limits count the bytes that were really read.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::conformance::evidence::shown;
use crate::conformance::files::input::odd_kind;
use crate::conformance::suite::digest::Digest;

/// The limits for a submission, generous for anything that a student wrote.
const USUAL: Limits = Limits {
    bytes: 512 << 20,
    entries: 50_000,
    depth: 64,
    path: 1024,
    time: Duration::from_secs(120),
};
/// Maximum number of left-out entries that a remark names.
const MOST_NAMED: usize = 5;

/// Limits on one submission's folder.
#[derive(Debug, Clone, Copy)]
struct Limits {
    bytes: u64,
    entries: usize,
    /// Maximum depth of folders.
    depth: usize,
    /// Maximum length of a path from the submission's folder, in bytes.
    path: usize,
    /// Time limit for each of listing, copying and digesting.
    time: Duration,
}

/// The content of a submission's folder.
#[derive(Debug)]
pub(crate) struct Contents {
    root: PathBuf,
    limits: Limits,
    /// Sorted: a folder comes before its content.
    entries: Vec<Entry>,
    left_out: Vec<LeftOut>,
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    /// Path from the submission's folder.
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    /// A link that stays within the submission.
    Link(PathBuf),
    File,
}

/// An entry that is not copied.
#[derive(Debug, PartialEq, Eq)]
struct LeftOut {
    path: PathBuf,
    /// Why, with its article.
    what: &'static str,
}

const LEADS_OUT: &str = "a link that leads out of the submission";

impl Contents {
    /// Lists the content of a folder. The folder itself may be a link: the person who made the class's folder made
    /// it.
    ///
    /// # Errors
    /// What cannot be read, or which limit is exceeded.
    pub fn of(folder: &Path) -> io::Result<Contents> {
        Contents::within(folder, USUAL)
    }

    fn within(folder: &Path, limits: Limits) -> io::Result<Contents> {
        let mut contents = Contents {
            root: folder.to_owned(),
            limits,
            entries: Vec::new(),
            left_out: Vec::new(),
        };
        let mut budget = Budget::new(limits);
        let root = Root::open(folder)?;
        let mut waiting = vec![PathBuf::new()];
        while let Some(path) = waiting.pop() {
            let below = contents.list(&root, &path, &mut budget)?;
            let depth = path.components().count();
            if depth >= limits.depth && !below.is_empty() {
                return Err(io::Error::other(format!(
                    "folders are nested more than {} deep: {}",
                    limits.depth,
                    named(&path)
                )));
            }
            waiting.extend(below.into_iter().rev());
        }
        Ok(contents)
    }

    /// Lists one folder, and returns the folders in it.
    fn list(
        &mut self,
        root: &Root,
        folder: &Path,
        budget: &mut Budget,
    ) -> io::Result<Vec<PathBuf>> {
        let open = root.folder(folder).map_err(at(folder))?;
        let mut names: Vec<OsString> = Vec::new();
        for entry in Dir::read_from(&open)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                budget.take_entry()?;
                names.push(name.to_owned());
            }
        }
        names.sort();
        let mut folders = Vec::new();
        for name in names {
            let path = folder.join(&name);
            if path.as_os_str().len() > self.limits.path {
                return Err(io::Error::other(format!(
                    "there is a path of more than {} bytes: {}",
                    self.limits.path,
                    named(&path)
                )));
            }
            let stat = rustix::fs::statat(&open, &name, AtFlags::SYMLINK_NOFOLLOW);
            let stat = stat.map_err(at(&path))?;
            let kind = match FileType::from_raw_mode(stat.st_mode) {
                FileType::Directory => {
                    folders.push(path.clone());
                    Kind::Folder
                }
                FileType::Symlink => {
                    let aim = rustix::fs::readlinkat(&open, &name, Vec::new());
                    let aim = aim.map_err(at(&path))?;
                    let aim = PathBuf::from(OsStr::from_bytes(aim.to_bytes()));
                    if !stays_within(folder, &aim) {
                        self.leave_out(path, LEADS_OUT);
                        continue;
                    }
                    Kind::Link(aim)
                }
                FileType::RegularFile => {
                    // Refused before half of it is copied. The copy counts the bytes again.
                    budget.take_bytes(u64::try_from(stat.st_size).unwrap_or_default())?;
                    Kind::File
                }
                FileType::Fifo => {
                    self.leave_out(path, "a named pipe");
                    continue;
                }
                FileType::Socket => {
                    self.leave_out(path, "a socket");
                    continue;
                }
                _ => {
                    self.leave_out(path, "a device");
                    continue;
                }
            };
            self.entries.push(Entry { path, kind });
        }
        Ok(folders)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn leave_out(&mut self, path: PathBuf, what: &'static str) {
        self.left_out.push(LeftOut { path, what });
    }

    /// A remark on the entries that are not copied, if there are any.
    pub fn remark(&self) -> Option<String> {
        let some: Vec<String> = self
            .left_out
            .iter()
            .take(MOST_NAMED)
            .map(|one| format!("{} ({})", named(&one.path), one.what))
            .collect();
        if some.is_empty() {
            return None;
        }
        let more = match self.left_out.len() - some.len() {
            0 => String::new(),
            count => format!(", and {count} more"),
        };
        Some(format!(
            "Left out of the copy in which it is judged: {}{more}.",
            some.join(", ")
        ))
    }

    /// Copies the content to `to`, which must not exist.
    ///
    /// # Errors
    /// What cannot be copied, or which limit is exceeded.
    pub fn copy(&self, to: &Path) -> io::Result<()> {
        let mut budget = Budget::new(self.limits);
        std::fs::create_dir_all(to)?;
        let mut from = Opened::new(Root::open(&self.root)?);
        let mut to = Opened::new(Root::open(to)?);
        for Entry { path, kind } in &self.entries {
            let (source, target, name) = (from.parent_of(path)?, to.parent_of(path)?, name(path));
            match kind {
                Kind::Folder => {
                    rustix::fs::mkdirat(target, name, Mode::from_raw_mode(0o777))
                        .map_err(at(path))?;
                }
                Kind::Link(aim) => {
                    rustix::fs::symlinkat(aim.as_path(), target, name).map_err(at(path))?;
                }
                Kind::File => {
                    let (file, mode) =
                        open_regular(source, name).map_err(|why| wrong(path, &why))?;
                    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                    let copy = rustix::fs::openat(target, name, flags, Mode::RUSR | Mode::WUSR);
                    let copy = File::from(copy.map_err(at(path))?);
                    budget.pass(&file, &copy).map_err(|why| wrong(path, &why))?;
                    let mode = std::fs::Permissions::from_mode(mode & 0o777);
                    copy.set_permissions(mode)?;
                }
            }
        }
        Ok(())
    }

    /// Adds everything that is copied to a digest.
    ///
    /// # Errors
    /// What cannot be read, or which limit is exceeded.
    pub fn add_to_digest(&self, digest: &mut Digest) -> io::Result<()> {
        let mut budget = Budget::new(self.limits);
        let mut from = Opened::new(Root::open(&self.root)?);
        for Entry { path, kind } in &self.entries {
            digest.add(path.as_os_str().as_bytes());
            match kind {
                Kind::Folder => digest.add("folder"),
                Kind::Link(aim) => {
                    digest.add("link");
                    digest.add(aim.as_os_str().as_bytes());
                }
                Kind::File => {
                    digest.add("file");
                    let opened = open_regular(from.parent_of(path)?, name(path));
                    let (file, mode) = opened.map_err(|why| wrong(path, &why))?;
                    digest.add((mode & 0o777).to_le_bytes());
                    let mut content = Digest::default();
                    let passed = budget.pass(&file, DigestOf(&mut content));
                    passed.map_err(|why| wrong(path, &why))?;
                    digest.add(content.finish());
                }
            }
        }
        Ok(())
    }

    /// Adds the entries that are not copied to a digest.
    pub fn add_left_out_to_digest(&self, digest: &mut Digest) {
        for LeftOut { path, what } in &self.left_out {
            digest.add(path.as_os_str().as_bytes());
            digest.add(what);
        }
    }
}

/// Whether a link in `folder` stays within the submission, however it is reached: it is relative, each `..` is at its
/// beginning, and there are at most as many as the folder is deep. A `..` after a name may lead anywhere, because
/// that name may be a link.
pub(crate) fn stays_within(folder: &Path, aim: &Path) -> bool {
    let depth = folder.components().count();
    let mut up = 0;
    let mut is_down = false;
    aim.components().all(|component| match component {
        Component::ParentDir => {
            up += 1;
            !is_down && up <= depth
        }
        Component::Normal(_) => {
            is_down = true;
            true
        }
        Component::CurDir => true,
        Component::RootDir | Component::Prefix(_) => false,
    })
}

fn name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// A path, as messages show it.
fn named(path: &Path) -> String {
    shown(path.as_os_str().as_bytes())
}

fn wrong(path: &Path, why: &io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("{}: {why}", named(path)))
}

fn at(path: &Path) -> impl Fn(Errno) -> io::Error {
    move |errno| wrong(path, &errno.into())
}

/// Opens a file in a folder for reading, and returns its permissions. The entry may have been replaced since it was
/// listed.
fn open_regular(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<(File, u32)> {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(io::Error::other("was a file and is a link now")),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    match odd_kind(metadata.file_type()) {
        Some(what) => Err(io::Error::other(format!("was a file and is {what} now"))),
        None => Ok((file, metadata.permissions().mode())),
    }
}

/// An open folder. Folders below it are opened without following links.
struct Root(OwnedFd);

impl Root {
    fn open(folder: &Path) -> io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Root(rustix::fs::openat(CWD, folder, flags, Mode::empty())?))
    }

    /// Opens a folder below it, one path component at a time, with at most two descriptors at a time.
    fn folder(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = rustix::io::fcntl_dupfd_cloexec(&self.0, 0)?;
        for name in path.iter() {
            folder = rustix::fs::openat(&folder, name, flags, Mode::empty())?;
        }
        Ok(folder)
    }
}

/// A root and the last folder that was used below it: consecutive entries are mostly in the same folder.
struct Opened {
    root: Root,
    last: Option<(PathBuf, OwnedFd)>,
}

impl Opened {
    fn new(root: Root) -> Opened {
        Opened { root, last: None }
    }

    /// The folder that contains an entry.
    fn parent_of(&mut self, entry: &Path) -> io::Result<BorrowedFd<'_>> {
        let parent = entry.parent().unwrap_or(Path::new(""));
        if self.last.as_ref().is_none_or(|(path, _)| path != parent) {
            // Close the old folder first.
            self.last = None;
            let folder = self.root.folder(parent).map_err(at(parent))?;
            self.last = Some((parent.to_owned(), folder));
        }
        match &self.last {
            Some((_, folder)) => Ok(folder.as_fd()),
            None => Ok(self.root.0.as_fd()),
        }
    }
}

/// Remaining copy budget.
struct Budget {
    limits: Limits,
    bytes: u64,
    entries: usize,
    deadline: Instant,
}

impl Budget {
    fn new(limits: Limits) -> Budget {
        Budget {
            limits,
            bytes: limits.bytes,
            entries: limits.entries,
            deadline: Instant::now() + limits.time,
        }
    }

    fn take_entry(&mut self) -> io::Result<()> {
        let most = self.limits.entries;
        let left = self.entries.checked_sub(1);
        let why = || {
            io::Error::other(format!(
                "there are more than {most} files and folders in it"
            ))
        };
        self.entries = left.ok_or_else(why)?;
        self.check_time()
    }

    fn take_bytes(&mut self, bytes: u64) -> io::Result<()> {
        let most = self.limits.bytes >> 20;
        let left = self.bytes.checked_sub(bytes);
        let why = || io::Error::other(format!("there are more than {most} MiB in it"));
        self.bytes = left.ok_or_else(why)?;
        Ok(())
    }

    fn check_time(&self) -> io::Result<()> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        let seconds = self.limits.time.as_secs();
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("this has not ended after {seconds} s"),
        ))
    }

    /// Copies everything that can be read, and counts it.
    fn pass(&mut self, from: &File, mut to: impl Write) -> io::Result<()> {
        const CHUNK: u64 = 4 << 20;
        loop {
            let passed = io::copy(&mut Read::take(from, CHUNK), &mut to)?;
            if passed == 0 {
                return Ok(());
            }
            self.take_bytes(passed)?;
            self.check_time()?;
        }
    }
}

/// A writer that adds to a digest.
struct DigestOf<'d>(&'d mut Digest);

impl Write for DigestOf<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.add_more(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn small() -> Limits {
        Limits {
            bytes: 3 << 20,
            entries: 20,
            depth: 3,
            path: 40,
            time: Duration::from_secs(60),
        }
    }

    fn refused(prepare: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path());
        let listed = Contents::within(folder.path(), small());
        listed.expect_err("is beyond a limit").to_string()
    }

    fn digest(folder: &Path) -> String {
        let mut digest = Digest::default();
        let contents = Contents::of(folder).expect("is listed");
        contents.add_to_digest(&mut digest).expect("is read");
        contents.add_left_out_to_digest(&mut digest);
        digest.finish()
    }

    fn make(folder: &Path, files: &[(&str, &str)]) {
        for (name, content) in files {
            let file = folder.join(name);
            fs::create_dir_all(file.parent().expect("has one")).expect("is made");
            fs::write(file, content).expect("is written");
        }
    }

    #[test]
    fn each_limit_is_reported() {
        let deep = refused(|folder| fs::create_dir_all(folder.join("a/b/c/d")).expect("is made"));
        assert_eq!(deep, "folders are nested more than 3 deep: a/b/c");
        let many = refused(|folder| {
            for number in 0..21 {
                make(folder, &[(&number.to_string(), "")]);
            }
        });
        assert_eq!(many, "there are more than 20 files and folders in it");
        let large = refused(|folder| {
            let file = File::create(folder.join("sparse")).expect("is made");
            file.set_len((3 << 20) + 1).expect("is made long");
        });
        assert_eq!(large, "there are more than 3 MiB in it");
        let long = refused(|folder| make(folder, &[(&"x".repeat(41), "")]));
        assert!(long.starts_with("there is a path of more than 40 bytes: xx"));
        let named = refused(|folder| make(folder, &[(&"\u{1b}".repeat(200), "")]));
        assert!(named.len() < 200 && !named.contains('\u{1b}'), "{named}");
    }

    #[test]
    fn folders_nested_beyond_any_path_are_refused() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("deep");
        fs::create_dir(&folder).expect("is made");
        let mut inner = Root::open(&folder).expect("opens");
        for _ in 0..2_500 {
            rustix::fs::mkdirat(&inner.0, "d", Mode::RWXU).expect("is made");
            inner = Root(inner.folder(Path::new("d")).expect("opens"));
        }
        drop(inner);
        let why = Contents::of(&folder).expect_err("is too deep").to_string();
        assert!(
            why.starts_with("folders are nested more than 64 deep: d/d/"),
            "{why}"
        );
        crate::conformance::files::removal::remove_tree(&folder).expect("is removed");
        assert!(!folder.exists());
    }

    #[test]
    fn a_copy_has_everything_but_links_that_lead_out() {
        let place = tempfile::tempdir().expect("a folder");
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        make(&from, &[("a/b/server.py", "print()"), ("run", "#!/bin/sh")]);
        fs::create_dir(from.join("empty")).expect("is made");
        let executable = fs::Permissions::from_mode(0o4755);
        fs::set_permissions(from.join("run"), executable).expect("is changed");
        for (name, aim) in [
            ("a/up", "../run"),
            ("a/b/self", "."),
            ("later", "made/by/the/build"),
            ("absolute", "/etc/passwd"),
            ("out", "../other"),
            ("a/b/far", "../../../other"),
            // `a/b/self/up` is a link, so `..` after it leads elsewhere.
            ("a/b/tricky", "self/../../x"),
        ] {
            symlink(aim, from.join(name)).expect("a link");
        }
        rustix::fs::mkfifoat(CWD, from.join("pipe"), Mode::RWXU).expect("a pipe");
        let contents = Contents::of(&from).expect("is listed");
        contents.copy(&to).expect("is copied");
        let read = |name: &str| fs::read_to_string(to.join(name)).expect(name);
        assert_eq!(
            (read("a/b/server.py"), read("a/up")),
            ("print()".into(), "#!/bin/sh".into())
        );
        let mode = fs::metadata(to.join("run"))
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o755);
        assert!(to.join("empty").is_dir() && to.join("a/b/self/server.py").is_file());
        assert!(fs::symlink_metadata(to.join("later")).is_ok());
        for name in ["absolute", "out", "a/b/far", "a/b/tricky", "pipe"] {
            assert!(fs::symlink_metadata(to.join(name)).is_err(), "{name}");
        }
        let remark = contents.remark().expect("something is left out");
        assert!(
            remark.contains("absolute (a link that leads out of the submission)")
                && remark.contains("pipe (a named pipe)"),
            "{remark}"
        );
        for number in 0..100 {
            symlink("/", from.join(format!("{number}"))).expect("a link");
        }
        let remark = Contents::of(&from).expect("is listed").remark();
        let remark = remark.expect("something is left out");
        assert!(
            remark.ends_with(", and 100 more.") && remark.len() < 1000,
            "{remark}"
        );
        // Its copy has the same digest only if nothing is left out.
        assert_ne!(digest(&from), digest(&to));
        assert_eq!(Contents::of(&to).expect("is listed").remark(), None);
    }

    #[test]
    fn entries_that_change_after_the_listing_are_not_followed_and_are_counted_again() {
        let place = tempfile::tempdir().expect("a folder");
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        make(&from, &[("inner/file", "short")]);
        let contents = Contents::within(&from, small()).expect("is listed");
        let copied = |number: u32| {
            let why = contents.copy(&to.join(number.to_string()));
            why.expect_err("cannot be copied").to_string()
        };
        let file = from.join("inner/file");
        fs::remove_file(&file).expect("was there");
        symlink("/etc/passwd", &file).expect("a link");
        assert_eq!(copied(1), "inner/file: was a file and is a link now");
        fs::remove_file(&file).expect("was there");
        rustix::fs::mkfifoat(CWD, &file, Mode::RWXU).expect("a pipe");
        assert_eq!(copied(2), "inner/file: was a file and is a named pipe now");
        fs::remove_file(&file).expect("was there");
        let grown = File::create(&file).expect("is made");
        grown.set_len(8 << 20).expect("is made long");
        assert_eq!(copied(3), "inner/file: there are more than 3 MiB in it");
        let copy = fs::metadata(to.join("3/inner/file")).expect("is there");
        assert!(copy.len() <= 4 << 20, "{}", copy.len());
        fs::rename(from.join("inner"), place.path().join("moved")).expect("is moved");
        symlink("../moved", from.join("inner")).expect("a link");
        assert!(copied(4).starts_with("inner: "), "{}", copied(5));
    }

    #[test]
    fn a_digest_reflects_every_change() {
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path();
        make(folder, &[("a/x", "1"), ("b", "2")]);
        let first = digest(folder);
        assert_eq!(digest(folder), first);
        make(folder, &[("a/x", "2")]);
        let second = digest(folder);
        fs::rename(folder.join("b"), folder.join("c")).expect("is moved");
        let third = digest(folder);
        symlink("/", folder.join("link")).expect("a link");
        let all = [first, second, third, digest(folder)];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{all:?}");
        }
    }
}
