//! The results folder: one folder for each submission with its evidence and reports, and a manifest.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode, OFlags, flock, mkdirat, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;
use serde::Deserialize;

use super::files::{
    check_is_file, file_error, names_in, open_folder, read, replace, unfinished, visible_path,
};
use super::manifest::{MANIFEST_SCHEMA, Manifest};
use super::record::{Record, SCHEMA};
use super::workplace::remove;
use crate::conformance::evidence::visible_name;
use crate::conformance::suite::digest::Digest;

const MANIFEST: &str = "run.json";
/// The file with a submission's evidence.
pub const EVIDENCE: &str = "evidence.json";
/// The new name of evidence that somebody changed.
pub const CHANGED_EVIDENCE: &str = "evidence.json.changed";
const LOCK: &str = ".lock";
const WORKPLACES: &str = ".work";
/// Checks that other users can reach what is in a folder.
fn check_passable(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    const OTHERS_PASS: u32 = 0o001;
    let is_closed =
        |folder: &&Path| fs::metadata(folder).is_ok_and(|found| found.mode() & OTHERS_PASS == 0);
    match folder.ancestors().find(is_closed) {
        None => Ok(()),
        Some(closed) => Err(format!(
            "{}: other users cannot enter it, and each submission runs as a user of its own; choose another folder \
             with --out, such as one in /tmp",
            closed.display()
        )),
    }
}

/// The folder for temporary folders, in the workplaces. Its name is hidden; a submission's never is.
const SCRATCH: &str = ".scratch";
/// The folder for unpacked submissions, in the workplaces.
const UNPACKED: &str = ".unpacked";
/// Names in a results folder that no submission may have.
const TAKEN: [&str; 7] = [
    MANIFEST,
    "class.csv",
    "class.json",
    "index.html",
    "rubric.toml",
    "marks.csv",
    "gradebook.csv",
];
/// An open results folder, locked against other processes.
///
/// Programs under test may run as the same user, so nothing in the folder is trusted. Files are reached from an open
/// folder, links are never followed, and the digest of each file that was written or read is remembered.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    folder: OwnedFd,
    lock: OwnedFd,
    /// Whether this store created the workplaces, and removes them.
    has_workplaces: AtomicBool,
    /// Digest of each file that was written or read, by its path from the root.
    known: Mutex<BTreeMap<String, String>>,
}

/// The folders in which the programs of a class run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workplaces {
    /// The folder for copies of submissions.
    pub copies: PathBuf,
    /// The folder for temporary folders of programs.
    pub scratch: PathBuf,
    /// The folder for submissions that have to be unpacked.
    pub unpacked: PathBuf,
}

impl Workplaces {
    /// Makes them in an empty folder. If they are `opened`, other users reach their own copies there.
    ///
    /// # Errors
    /// A folder cannot be made or reached.
    pub fn make(place: PathBuf, opened: bool) -> Result<Workplaces, String> {
        let scratch = place.join(SCRATCH);
        fs::create_dir(&scratch).map_err(|error| file_error(&scratch, &error))?;
        let unpacked = place.join(UNPACKED);
        fs::create_dir(&unpacked).map_err(|error| file_error(&unpacked, &error))?;
        if opened {
            // Each copy is closed to others, and so are the unpacked archives.
            use std::os::unix::fs::PermissionsExt;
            for (folder, mode) in [(&place, 0o711), (&scratch, 0o711), (&unpacked, 0o700)] {
                fs::set_permissions(folder, fs::Permissions::from_mode(mode))
                    .map_err(|error| file_error(folder, &error))?;
            }
            check_passable(&place)?;
        }
        Ok(Workplaces {
            copies: place,
            scratch,
            unpacked,
        })
    }
}

/// Files in a results folder that changed since they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The submission; `None` for files of the class.
    pub submission: Option<String>,
    /// The files, by their paths from the folder of the submission or of the class.
    pub files: Vec<String>,
}

impl Store {
    /// Opens a folder for results, and creates it if necessary. An existing folder must be empty or hold results of
    /// `conform grade`.
    ///
    /// # Errors
    /// What is wrong with the folder, in a sentence. In that case no file in it was changed, but the folder and an
    /// empty lock file may have been created.
    pub fn begin(root: &Path) -> Result<Store, String> {
        let shown = root.display();
        fs::create_dir_all(root).map_err(|error| {
            format!("{shown}: {error}; choose another folder for the results with --out")
        })?;
        let folder = open_folder(root)?;
        if manifest_in(&folder, root)?.is_none() {
            let names = names_in(&folder).map_err(|error| format!("{shown}: {error}"))?;
            let leftover = unfinished(MANIFEST);
            let is_foreign = |name: &&String| **name != LOCK && **name != leftover;
            if let Some(name) = names.iter().find(is_foreign) {
                return Err(format!(
                    "{shown}: holds no results of `conform grade`, but other files ({}); --out takes another folder",
                    visible_name(name)
                ));
            }
        }
        Store::locked(root, folder)
    }

    /// Whether a folder holds results of `conform grade`.
    pub fn is_at(root: &Path) -> bool {
        let folder = open_folder(root);
        folder.is_ok_and(|folder| matches!(manifest_in(&folder, root), Ok(Some(_))))
    }

    /// Opens a folder with results, and reads its manifest.
    ///
    /// # Errors
    /// What is wrong with the folder, in a sentence. In that case no file in it was changed, but an empty lock file
    /// may have been created.
    pub fn existing(root: &Path) -> Result<(Store, Manifest), String> {
        let missing = || format!("{}: holds no results of `conform grade`", root.display());
        if !root.is_dir() {
            return Err(missing());
        }
        let folder = open_folder(root)?;
        manifest_in(&folder, root)?.ok_or_else(missing)?;
        let store = Store::locked(root, folder)?;
        // Read again under the lock: another process may have replaced it before.
        let manifest = store.manifest()?.ok_or_else(missing)?;
        Ok((store, manifest))
    }

    fn locked(root: &Path, folder: OwnedFd) -> Result<Store, String> {
        let shown = root.display();
        let file = root.join(LOCK);
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let lock = openat(&folder, LOCK, flags, Mode::from_raw_mode(0o666));
        let lock = lock.map_err(|error| match error {
            Errno::ROFS | Errno::ACCESS => format!(
                "{}; conform writes into this folder: make it writable, or copy it",
                file_error(&file, &error.into())
            ),
            error => file_error(&file, &error.into()),
        })?;
        check_is_file(&lock).map_err(|error| file_error(&file, &error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| match error {
            Errno::WOULDBLOCK => format!("{shown}: another conform is writing there"),
            error => format!("{shown}: cannot be locked: {}", io::Error::from(error)),
        })?;
        // Absolute, because programs are started in folders below it.
        let root = fs::canonicalize(root).map_err(|error| format!("{shown}: {error}"))?;
        Ok(Store {
            root,
            folder,
            lock,
            has_workplaces: AtomicBool::new(false),
            known: Mutex::default(),
        })
    }

    /// Its absolute path, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Creates an empty folder for copies of submissions. Dropping the store removes it.
    /// If they are `opened`, other users reach their own copies there.
    ///
    /// # Errors
    /// The folder holds no results yet, so that its files may be somebody else's; or creating the folder failed.
    pub fn make_workplaces(&self, opened: bool) -> Result<Workplaces, String> {
        let place = self.root.join(WORKPLACES);
        if self.manifest()?.is_none() {
            return Err(format!(
                "{}: holds no results of `conform grade`",
                self.root.display()
            ));
        }
        // Left behind by a run that was killed.
        match statat(&self.folder, WORKPLACES, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_dir() => remove(&place),
            Ok(_) => return Err(format!("{}: is not a folder; remove it", place.display())),
            Err(_) => {}
        }
        // Other users must not read submissions.
        mkdirat(&self.folder, WORKPLACES, Mode::RWXU)
            .map_err(|error| file_error(&place, &error.into()))?;
        self.has_workplaces.store(true, Ordering::Relaxed);
        Workplaces::make(place, opened)
    }

    /// The path of a file of the class.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Checks that a submission may have this name.
    ///
    /// # Errors
    /// The name is reserved or not a folder's name.
    pub fn check_name(submission: &str) -> Result<(), String> {
        let is_folder = Path::new(submission).components().count() == 1
            && !submission.contains(['/', '\0'])
            && !submission.starts_with('.');
        if !is_folder || TAKEN.contains(&submission) {
            return Err(format!(
                "a submission cannot be called {submission:?}: rename its folder"
            ));
        }
        Ok(())
    }

    /// The manifest, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn manifest(&self) -> Result<Option<Manifest>, String> {
        manifest_in(&self.folder, &self.root)
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn keep_manifest(&self, manifest: &Manifest) -> Result<(), String> {
        let mut json = serde_json::to_vec_pretty(manifest).map_err(|error| error.to_string())?;
        json.push(b'\n');
        self.write_for_class(MANIFEST, &json)
    }

    /// The text of a file of the class, if there is one.
    ///
    /// # Errors
    /// It exists and cannot be read.
    pub fn read_for_class(&self, name: &str) -> Result<Option<String>, String> {
        let file = self.root.join(name);
        let bytes = read(&self.folder, name).map_err(|error| file_error(&file, &error))?;
        let text = bytes.map(String::from_utf8).transpose();
        text.map_err(|_| format!("{}: is not UTF-8", file.display()))
    }

    /// The record of a submission, if there is one.
    ///
    /// # Errors
    /// The evidence exists and cannot be read, or it belongs to another submission.
    pub fn record_of(&self, submission: &str) -> Result<Option<Record>, String> {
        self.record_if(submission, |_| true)
    }

    /// Checks that no evidence of these submissions is from another version of `conform`. Ignores evidence that
    /// cannot be read at all.
    ///
    /// # Errors
    /// The first evidence of another version, and what to do about it.
    pub fn check_version<'n>(
        &self,
        submissions: impl IntoIterator<Item = &'n String>,
    ) -> Result<(), String> {
        for submission in submissions {
            let folder = self.folder_of(submission, false).ok().flatten();
            let bytes = folder.and_then(|folder| read(&folder, EVIDENCE).ok().flatten());
            let header = bytes.and_then(|bytes| serde_json::from_slice::<Header>(&bytes).ok());
            if let Some(header) = header.filter(|header| header.schema != SCHEMA) {
                let file = self.root.join(submission).join(EVIDENCE);
                return Err(format!(
                    "{}: {}",
                    visible_path(&file),
                    other_version(&header.schema)
                ));
            }
        }
        Ok(())
    }

    /// The record of a submission, if its file has not changed since it was written or read.
    ///
    /// # Errors
    /// As [`Store::record_of`].
    pub fn unchanged_record_of(&self, submission: &str) -> Result<Option<Record>, String> {
        let remembered = self
            .known()
            .get(&format!("{submission}/{EVIDENCE}"))
            .cloned();
        self.record_if(submission, |digest| remembered.as_deref() == Some(digest))
    }

    fn record_if(
        &self,
        submission: &str,
        is_wanted: impl FnOnce(&str) -> bool,
    ) -> Result<Option<Record>, String> {
        Store::check_name(submission)?;
        let path = format!("{submission}/{EVIDENCE}");
        let file = self.root.join(&path);
        let in_file = |why: &dyn std::fmt::Display| format!("{}: {why}", visible_path(&file));
        let Some(folder) = self.folder_of(submission, false)? else {
            return Ok(None);
        };
        let Some(bytes) = read(&folder, EVIDENCE).map_err(|error| file_error(&file, &error))?
        else {
            return Ok(None);
        };
        let digest = digest_of(&bytes);
        if !is_wanted(&digest) {
            return Ok(None);
        }
        let header: Header = serde_json::from_slice(&bytes).map_err(|error| in_file(&error))?;
        if header.schema != SCHEMA {
            return Err(in_file(&other_version(&header.schema)));
        }
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| in_file(&error))?;
        if record.submission != submission {
            let other = visible_name(&record.submission);
            return Err(in_file(&format!("is the evidence of {other}")));
        }
        self.known().insert(path, digest);
        Ok(Some(record))
    }

    /// Writes a record, completely or not at all.
    ///
    /// # Errors
    /// It cannot be written. In that case older evidence of the submission is removed, if possible.
    pub fn keep(&self, record: &Record) -> Result<(), String> {
        let json = serde_json::to_vec(record).map_err(|error| error.to_string())?;
        let written = self.write(&record.submission, EVIDENCE, &json);
        if written.is_err() {
            // Otherwise somebody would take the older evidence for this record.
            if let Ok(Some(folder)) = self.folder_of(&record.submission, false) {
                let _ = unlinkat(&folder, EVIDENCE, AtFlags::empty());
            }
        }
        written
    }

    /// Writes a file into the folder of a submission, or into a folder in it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, submission: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
        Store::check_name(submission)?;
        let path = format!("{submission}/{name}");
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let folder = self.folder_of(folder, true)?;
        let folder = folder.as_ref().unwrap_or(&self.folder);
        self.written(&path, replace(folder, name, bytes), bytes)
    }

    /// Writes a file of the class.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_for_class(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        self.written(name, replace(&self.folder, name, bytes), bytes)
    }

    /// Removes the files in a folder of a submission. Folders inside it are not conform's and stay.
    pub fn empty(&self, submission: &str, name: &str) {
        let path = format!("{submission}/{name}");
        let inside = format!("{path}/");
        self.known().retain(|file, _| !file.starts_with(&inside));
        let Ok(Some(folder)) = self.folder_of(&path, false) else {
            return;
        };
        for file in names_in(&folder).unwrap_or_default() {
            let _ = unlinkat(&folder, &file, AtFlags::empty());
        }
    }

    /// Renames evidence that somebody changed, so that it is never read as evidence again.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn put_aside(&self, submission: &str) -> Result<(), String> {
        self.known().remove(&format!("{submission}/{EVIDENCE}"));
        let Some(folder) = self.folder_of(submission, false)? else {
            return Ok(());
        };
        match renameat(&folder, EVIDENCE, &folder, CHANGED_EVIDENCE) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(file_error(
                &self.root.join(submission).join(EVIDENCE),
                &error.into(),
            )),
        }
    }

    /// Removes files of a submission. A missing file is no error.
    ///
    /// # Errors
    /// The first error.
    pub fn discard<'n>(
        &self,
        submission: &str,
        files: impl IntoIterator<Item = &'n str>,
    ) -> Result<(), String> {
        Store::check_name(submission)?;
        let mut outcome = Ok(());
        for file in files {
            let path = format!("{submission}/{file}");
            self.known().remove(&path);
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let removed = self.folder_of(folder, false).and_then(|folder| {
                let Some(folder) = folder else {
                    return Ok(());
                };
                match unlinkat(&folder, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => Ok(()),
                    Err(error) => Err(file_error(&self.root.join(&path), &error.into())),
                }
            });
            outcome = outcome.and(removed);
        }
        outcome
    }

    /// The files that changed since they were written or read.
    pub fn changed(&self) -> Vec<Changed> {
        let mut changed: Vec<Changed> = Vec::new();
        for (path, digest) in self.known().iter() {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let folder = match folder {
                "" => Ok(None),
                folder => self.folder_of(folder, false),
            };
            let now = folder.ok().and_then(|folder| {
                let folder = folder.as_ref().unwrap_or(&self.folder);
                read(folder, name).ok().flatten()
            });
            if now.is_some_and(|bytes| digest_of(&bytes) == *digest) {
                continue;
            }
            let (submission, file) = match path.split_once('/') {
                Some((submission, file)) => (Some(submission.to_owned()), file),
                None => (None, path.as_str()),
            };
            match changed
                .last_mut()
                .filter(|last| last.submission == submission)
            {
                Some(last) => last.files.push(file.to_owned()),
                None => changed.push(Changed {
                    submission,
                    files: vec![file.to_owned()],
                }),
            }
        }
        changed
    }

    /// Opens a folder below the root, one path component at a time, and creates it on request. Returns `None` if it
    /// does not exist.
    fn folder_of(&self, path: &str, is_to_be_made: bool) -> Result<Option<OwnedFd>, String> {
        let mut folder: Option<OwnedFd> = None;
        let mut place = self.root.clone();
        for name in path.split('/') {
            place.push(name);
            let parent = folder.as_ref().unwrap_or(&self.folder);
            if is_to_be_made {
                match mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(file_error(&place, &error.into())),
                }
            }
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            folder = match openat(parent, name, flags, Mode::empty()) {
                Ok(folder) => Some(folder),
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::NOTDIR | Errno::LOOP) => {
                    return Err(format!(
                        "{}: is a file or a link, not a folder of results; remove it",
                        visible_path(&place)
                    ));
                }
                Err(error) => return Err(file_error(&place, &error.into())),
            };
        }
        Ok(folder)
    }

    fn written(&self, path: &str, outcome: io::Result<()>, bytes: &[u8]) -> Result<(), String> {
        match outcome {
            Ok(()) => {
                self.known().insert(path.to_owned(), digest_of(bytes));
                Ok(())
            }
            Err(error) => {
                self.known().remove(path);
                Err(file_error(&self.root.join(path), &error))
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.has_workplaces.load(Ordering::Relaxed) {
            remove(&self.root.join(WORKPLACES));
        }
        // Unlocked explicitly: a program that is starting may share the descriptor for a moment, so closing it is not
        // enough.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

/// The part of an evidence file that all versions share.
#[derive(Deserialize)]
struct Header {
    schema: String,
}

/// Explains that evidence is from another version, and what to do.
fn other_version(schema: &str) -> String {
    format!(
        "another version of conform recorded this evidence ({}; this version reads {SCHEMA}); grade the class again \
         with: conform grade DIRECTORY --resume",
        visible_name(schema)
    )
}

fn manifest_in(folder: &OwnedFd, root: &Path) -> Result<Option<Manifest>, String> {
    let file = root.join(MANIFEST);
    let Some(bytes) = read(folder, MANIFEST).map_err(|error| file_error(&file, &error))? else {
        return Ok(None);
    };
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", file.display()))?;
    if manifest.schema != MANIFEST_SCHEMA {
        return Err(format!(
            "{}: is {}, and this conform reads {MANIFEST_SCHEMA}",
            file.display(),
            visible_name(&manifest.schema)
        ));
    }
    Ok(Some(manifest))
}

fn digest_of(bytes: &[u8]) -> String {
    let mut digest = Digest::default();
    digest.add(bytes);
    digest.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::manifest::tests::manifest;

    fn record(submission: &str) -> Record {
        Record {
            schema: SCHEMA.to_owned(),
            submission: submission.to_owned(),
            digest: "d".to_owned(),
            suite: "s".to_owned(),
            parts: Vec::new(),
            is_doubtful: true,
        }
    }

    /// A results folder of a class.
    fn results(place: &Path) -> Store {
        let store = Store::begin(place).expect("opens");
        store
            .keep_manifest(&manifest("1/1", &["ann"]))
            .expect("is written");
        store
    }

    #[test]
    fn a_record_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("results");
        let store = Store::begin(&place).expect("opens");
        assert!(Store::begin(&place).is_err_and(|why| why.contains("another")));
        let record = record("ann");
        assert_eq!(store.record_of("ann"), Ok(None));
        store.keep(&record).expect("is written");
        assert_eq!(store.record_of("ann"), Ok(Some(record)));
        fs::write(store.file("ann").join(EVIDENCE), "{").expect("is written");
        assert!(
            store
                .record_of("ann")
                .is_err_and(|why| why.contains("evidence.json: EOF"))
        );
        for begin in ["", "[", "{\"x\":[", "{\"schema\":{\"x\":"] {
            let deep = format!("{begin}{}", "[".repeat(1 << 20));
            fs::write(store.file("ann").join(EVIDENCE), deep).expect("is written");
            assert!(store.record_of("ann").is_err(), "{begin}");
        }
        for taken in ["class.csv", "..", ".work", "a/b", ""] {
            assert!(Store::check_name(taken).is_err(), "{taken}");
        }
        store
            .keep_manifest(&manifest("1/1", &["ann"]))
            .expect("is written");
        drop(store);
        Store::begin(&place).expect("opens again");
    }

    #[test]
    fn a_folder_without_results_is_refused_and_not_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let work = folder.path().join(".work/thesis.tex");
        fs::create_dir(folder.path().join(".work")).expect("is made");
        fs::write(&work, "years of work").expect("is written");
        let refused = |store: Result<Store, String>| store.expect_err("is refused");
        let why = refused(Store::begin(folder.path()));
        assert!(why.contains("but other files (.work)"), "{why}");
        let why = refused(Store::existing(folder.path()).map(|(store, _)| store));
        assert!(why.contains("holds no results"), "{why}");
        assert!(work.exists() && !folder.path().join(LOCK).exists());
    }

    #[test]
    fn workplaces_are_removed_only_where_they_are_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("results");
        drop(results(&place));
        let copy = place.join(".work/ann");
        fs::create_dir_all(&copy).expect("is made");
        drop(Store::existing(&place).expect("opens"));
        assert!(copy.exists());
        let store = Store::begin(&place).expect("opens");
        let made = store.make_workplaces(false).expect("is made").copies;
        assert!(made.is_dir() && !copy.exists());
        drop(store);
        assert!(!made.exists());
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("is made");
        std::os::unix::fs::symlink(&elsewhere, &made).expect("is made");
        let store = Store::begin(&place).expect("opens");
        assert!(
            store
                .make_workplaces(false)
                .is_err_and(|why| why.contains("is not a folder"))
        );
        drop(store);
        assert!(elsewhere.is_dir() && made.is_symlink());
    }

    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("results");
        let precious = folder.path().join("precious");
        fs::write(&precious, "precious").expect("is written");
        let link = |name: &str| {
            std::os::unix::fs::symlink(&precious, place.join(name)).expect("is made");
        };
        fs::create_dir(&place).expect("is made");
        link(LOCK);
        let refused = Store::begin(&place);
        assert!(refused.is_err_and(|why| why.contains(".lock: is a link")));
        fs::remove_file(place.join(LOCK)).expect("is removed");

        let store = results(&place);
        link(".class.csv.unfinished");
        link("class.csv");
        store
            .write_for_class("class.csv", b"marks")
            .expect("is written");
        assert!(!place.join("class.csv").is_symlink());

        link("ann");
        let refused = store.keep(&record("ann"));
        assert!(refused.is_err_and(|why| why.contains("ann: is a file or a link")));
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("is made");
        std::os::unix::fs::symlink(&elsewhere, place.join("bob")).expect("is made");
        assert!(store.keep(&record("bob")).is_err());
        assert!(store.write("bob", "appeal/a.py", b"").is_err());
        store.empty("bob", "appeal");

        store.keep(&record("cyd")).expect("is written");
        fs::rename(place.join("cyd").join(EVIDENCE), elsewhere.join(EVIDENCE)).expect("is moved");
        std::os::unix::fs::symlink(elsewhere.join(EVIDENCE), place.join("cyd").join(EVIDENCE))
            .expect("is made");
        assert!(
            store
                .record_of("cyd")
                .is_err_and(|why| why.contains("is a link"))
        );
        assert_eq!(fs::read_to_string(&precious).expect("is there"), "precious");
        assert_eq!(
            names_in(&open_folder(&elsewhere).expect("opens"))
                .expect("is read")
                .len(),
            1
        );
    }

    #[test]
    fn evidence_of_another_submission_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = results(&folder.path().join("results"));
        store.keep(&record("ann")).expect("is written");
        fs::rename(store.file("ann"), store.file("bob")).expect("is moved");
        let why = store.record_of("bob").expect_err("is refused");
        assert!(why.contains("is the evidence of ann"), "{why}");
    }

    #[test]
    fn evidence_of_another_version_is_refused_whatever_else_it_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = results(&folder.path().join("results"));
        store.keep(&record("ann")).expect("is written");
        let names = ["ann", "bob", "cyd"].map(str::to_owned);
        assert_eq!(store.check_version(&names), Ok(()));
        let old = r#"{"parts": [{"runs": 1}], "schema": "chat-conformance/evidence/1"}"#;
        fs::write(store.file("ann").join(EVIDENCE), old).expect("is written");
        let expected = "evidence.json: another version of conform recorded this evidence \
            (chat-conformance/evidence/1; this version reads chat-conformance/evidence/2); grade the class again \
            with: conform grade DIRECTORY --resume";
        for why in [
            store.record_of("ann").map(|_| ()),
            store.check_version(&names),
        ] {
            let why = why.expect_err("is refused");
            assert!(why.ends_with(expected), "{why}");
        }
        // Broken evidence is an error of this submission only.
        fs::write(store.file("ann").join(EVIDENCE), "{").expect("is written");
        assert_eq!(store.check_version(&names), Ok(()));
    }

    #[test]
    fn changed_files_are_detected() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = results(&folder.path().join("results"));
        store.keep(&record("ann")).expect("is written");
        store.write("ann", "appeal/a.py", b"a").expect("is written");
        store.write("bob", "report.html", b"b").expect("is written");
        assert_eq!(store.changed(), []);
        fs::write(store.file("ann/evidence.json"), "{}").expect("is written");
        fs::remove_file(store.file("ann/appeal/a.py")).expect("is removed");
        fs::write(store.file("run.json"), "{}").expect("is written");
        let changed = |submission: Option<&str>, files: &[&str]| Changed {
            submission: submission.map(str::to_owned),
            files: files.iter().map(|&file| file.to_owned()).collect(),
        };
        let expected = [
            changed(Some("ann"), &["appeal/a.py", "evidence.json"]),
            changed(None, &["run.json"]),
        ];
        assert_eq!(store.changed(), expected);
        store.empty("ann", "appeal");
        store.put_aside("ann").expect("is put aside");
        assert_eq!(store.changed(), [changed(None, &["run.json"])]);
        assert_eq!(store.record_of("ann"), Ok(None));
        assert!(store.file("ann").join(CHANGED_EVIDENCE).exists());
    }
}
