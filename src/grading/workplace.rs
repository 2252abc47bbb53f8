//! A copy of a submission, in which it is built and run: its own folder is left as it was found.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::conformance::digest::Digest;
use crate::conformance::subject::{News, Subject};
use crate::conformance::surroundings::Surroundings;

/// What a submission may bring: enough for anything that a student wrote.
const MOST_BYTES: u64 = 512 << 20;
const MOST_ENTRIES: u32 = 50_000;
/// So much of what a build prints is kept, its end.
const OUTPUT_KEPT: usize = 16 * 1024;

/// A copy of a submission; it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Workplace {
    folder: PathBuf,
}

impl Workplace {
    /// Copies the submission at `from` to `to`. Whatever is there is removed first.
    ///
    /// # Errors
    /// What cannot be copied, in a sentence.
    pub fn copied(from: &Path, to: PathBuf) -> Result<Workplace, String> {
        let workplace = Workplace { folder: to };
        // What a program of somebody else put there is not part of the submission.
        remove(&workplace.folder);
        if let Err(error) = fs::create_dir(&workplace.folder) {
            return Err(format!("It cannot be copied: {error}."));
        }
        match copy(from, &workplace.folder, &mut Allowance::new()) {
            Ok(()) => Ok(workplace),
            Err(error) => Err(format!("It cannot be copied: {error}.")),
        }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes a folder, also one that was made not to be written to.
pub(super) fn remove(folder: &Path) {
    if fs::remove_dir_all(folder).is_err() {
        make_writable(folder);
        let _ = fs::remove_dir_all(folder);
    }
}

fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            make_writable(&entry.path());
        }
    }
}

/// What is left of what a submission may bring.
struct Allowance {
    bytes: u64,
    entries: u32,
}

impl Allowance {
    fn new() -> Allowance {
        Allowance {
            bytes: MOST_BYTES,
            entries: MOST_ENTRIES,
        }
    }

    fn take(&mut self, size: u64) -> io::Result<()> {
        let left = self
            .bytes
            .checked_sub(size)
            .zip(self.entries.checked_sub(1));
        let (bytes, entries) = left.ok_or_else(|| {
            let mebibytes = MOST_BYTES >> 20;
            io::Error::other(format!(
                "there is more in it than {mebibytes} MiB or {MOST_ENTRIES} files"
            ))
        })?;
        *self = Allowance { bytes, entries };
        Ok(())
    }
}

/// A thing in a submission's folder: folders, links and files count, and nothing else that one may find there.
enum Kind {
    Folder,
    Link(PathBuf),
    File,
}

/// What is in a folder, in order.
fn things_in(folder: &Path, allowance: &mut Allowance) -> io::Result<Vec<(OsString, Kind)>> {
    let mut things = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let kind = if kind.is_dir() {
            allowance.take(0)?;
            Kind::Folder
        } else if kind.is_symlink() {
            allowance.take(0)?;
            Kind::Link(fs::read_link(entry.path())?)
        } else if kind.is_file() {
            allowance.take(entry.metadata()?.len())?;
            Kind::File
        } else {
            // Sockets, pipes and devices are nothing that one hands in.
            continue;
        };
        things.push((entry.file_name(), kind));
    }
    things.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(things)
}

fn copy(from: &Path, to: &Path, allowance: &mut Allowance) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for (name, kind) in things_in(from, allowance)? {
        let (source, target) = (from.join(&name), to.join(&name));
        match kind {
            Kind::Folder => copy(&source, &target, allowance)?,
            Kind::Link(aim) => std::os::unix::fs::symlink(aim, target)?,
            Kind::File => drop(fs::copy(source, target)?),
        }
    }
    Ok(())
}

/// Adds to a digest all that a copy would have.
///
/// # Errors
/// What cannot be read, and what is too much.
pub(super) fn add_to_digest(folder: &Path, digest: &mut Digest) -> io::Result<()> {
    digest_folder(folder, digest, &mut Allowance::new())
}

fn digest_folder(folder: &Path, digest: &mut Digest, allowance: &mut Allowance) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    for (name, kind) in things_in(folder, allowance)? {
        let path = folder.join(&name);
        digest.add(name.as_bytes());
        match kind {
            Kind::Folder => {
                digest.add("folder");
                digest_folder(&path, digest, allowance)?;
                digest.add("end of folder");
            }
            Kind::Link(aim) => digest.add(aim.as_os_str().as_bytes()),
            Kind::File => {
                let file = fs::File::open(&path)?;
                digest.add(file.metadata()?.permissions().mode().to_le_bytes());
                digest.add_all(file)?;
            }
        }
    }
    Ok(())
}

/// How a build went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BuildFailure {
    /// It could not be run, in a sentence.
    OfTheMachine(String),
    /// It did not succeed.
    OfTheBuild {
        /// In a sentence.
        reason: String,
        /// The end of what it printed.
        output: String,
    },
}

/// Runs a build to its end, contained as a subject is.
///
/// # Errors
/// How it went wrong.
pub(super) fn build(
    harness: &Path,
    surroundings: &Surroundings,
    command: &[String],
    longest: Duration,
    cancelled: &AtomicBool,
) -> Result<(), BuildFailure> {
    let mut output = Vec::new();
    let failure = |reason: String, output: &[u8]| {
        Err(BuildFailure::OfTheBuild {
            reason,
            output: String::from_utf8_lossy(output).into_owned(),
        })
    };
    let mut subject = match Subject::start(harness, surroundings, command) {
        Ok(subject) => subject,
        Err(error) => {
            let reason = format!("The build cannot be started: {error}.");
            return Err(BuildFailure::OfTheMachine(reason));
        }
    };
    let deadline = Instant::now() + longest;
    loop {
        for news in subject.news() {
            match news {
                News::Printed(bytes) => {
                    output.extend(bytes);
                    let superfluous = output.len().saturating_sub(OUTPUT_KEPT);
                    output.drain(..superfluous);
                }
                News::Ended(how) if how == "exit status 0" => return Ok(()),
                News::Ended(how) if subject.is_lost() => {
                    return Err(BuildFailure::OfTheMachine(format!(
                        "The build ended: {how}."
                    )));
                }
                News::Ended(how) => {
                    return failure(format!("The build ends with {how}."), &output);
                }
            }
        }
        if Instant::now() >= deadline || cancelled.load(Ordering::Relaxed) {
            let seconds = longest.as_secs();
            return failure(
                format!("The build has not ended after {seconds} s."),
                &output,
            );
        }
        wait(&subject);
    }
}

/// Waits until there may be news, or for a moment, so that an interruption is seen soon.
fn wait(subject: &Subject) {
    let mut watched: Vec<PollFd<'_>> = subject
        .sources()
        .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
        .collect();
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    let _ = poll(&mut watched, Some(&moment));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_put_in_the_place_of_a_copy_is_not_part_of_it() {
        let place = tempfile::tempdir().expect("a folder");
        let path = |name: &str| place.path().join(name);
        for folder in ["ann", "elsewhere", "planted"] {
            fs::create_dir(path(folder)).expect("is made");
        }
        fs::write(path("ann/server.py"), "print()").expect("is written");
        fs::write(path("planted/conform.toml"), "").expect("is written");
        std::os::unix::fs::symlink(path("elsewhere"), path("link")).expect("is made");
        for copy in ["planted", "link"] {
            let workplace = Workplace::copied(&path("ann"), path(copy)).expect("is copied");
            let names = fs::read_dir(workplace.folder())
                .expect("is there")
                .flatten();
            let names: Vec<_> = names.map(|entry| entry.file_name()).collect();
            assert_eq!(names, ["server.py"]);
            assert!(!path(copy).is_symlink());
        }
        assert_eq!(
            fs::read_dir(path("elsewhere")).expect("is there").count(),
            0
        );
    }
}
