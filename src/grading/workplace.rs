//! A copy of a submission, in which it is built and run: its own folder is left as it was found.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::conformance::subject::{News, Subject};
use crate::conformance::surroundings::Surroundings;

/// What a submission may bring: enough for anything that a student wrote.
const MOST_BYTES: u64 = 512 << 20;
/// So much of what a build prints is kept, its end.
const OUTPUT_KEPT: usize = 16 * 1024;

/// A copy of a submission; it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Workplace {
    folder: PathBuf,
}

impl Workplace {
    /// Copies the submission at `from` to `to`, of which nothing may be there.
    ///
    /// # Errors
    /// What cannot be copied, in a sentence.
    pub fn copied(from: &Path, to: PathBuf) -> Result<Workplace, String> {
        let workplace = Workplace { folder: to };
        let mut left = MOST_BYTES;
        match copy(from, &workplace.folder, &mut left) {
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

fn copy(from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target, left)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, target)?;
        } else if kind.is_file() {
            let size = entry.metadata()?.len();
            *left = left.checked_sub(size).ok_or_else(|| {
                io::Error::other(format!("there is more than {} MiB in it", MOST_BYTES >> 20))
            })?;
            fs::copy(entry.path(), target)?;
        }
        // Sockets, pipes and devices are nothing that one hands in.
    }
    Ok(())
}

/// How a build went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuildFailure {
    /// In a sentence.
    pub reason: String,
    /// The end of what it printed.
    pub output: String,
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
        Err(BuildFailure {
            reason,
            output: String::from_utf8_lossy(output).into_owned(),
        })
    };
    let mut subject = match Subject::start(harness, surroundings, command) {
        Ok(subject) => subject,
        Err(error) => return failure(format!("The build cannot be started: {error}."), &[]),
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
