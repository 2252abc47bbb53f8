//! A copy of a submission, in which it is built and run. The submission's own folder never changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::classroom::contents::Contents;
use crate::conformance::files::removal::remove_tree;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::process::{News, RunningProgram};

/// Maximum number of bytes of a build's output that are kept; the end is kept.
const OUTPUT_KEPT: usize = 16 * 1024;

/// A copy of a submission. Dropping it removes the copy.
#[derive(Debug)]
pub(super) struct Workplace {
    folder: PathBuf,
}

impl Workplace {
    /// Copies a submission to `to`, as files of `user` if there is one. Removes whatever is there first.
    ///
    /// # Errors
    /// Why it cannot be copied.
    pub fn copied(contents: &Contents, to: PathBuf, user: Option<u32>) -> io::Result<Workplace> {
        // Created before copying, so that an incomplete copy is removed too.
        let workplace = Workplace { folder: to };
        // Another program may have put files there, which are not part of the submission.
        remove(&workplace.folder);
        std::fs::create_dir(&workplace.folder)?;
        contents.copy(&workplace.folder)?;
        if let Some(user) = user {
            give_to(user, &workplace.folder)?;
        }
        Ok(workplace)
    }

    /// The folder of the copy.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Gives a folder and all in it to a user, and closes it to others. No program of that user must run yet.
fn give_to(user: u32, folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{PermissionsExt, lchown};
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        lchown(&path, Some(user), Some(user))?;
        if std::fs::symlink_metadata(&path)?.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        }
    }
    Ok(())
}

/// Removes a folder as far as possible. The rest is removed when the results are opened again.
pub(super) fn remove(folder: &Path) {
    let _ = remove_tree(folder);
}

/// How a build failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BuildFailure {
    /// It could not be run; why, in a sentence.
    OfTheMachine(String),
    /// It ran and did not succeed.
    OfTheBuild {
        /// Why, in a sentence.
        reason: String,
        /// The end of its output.
        output: String,
    },
}

/// Runs a build, with the same containment as a program under test.
///
/// # Errors
/// How it failed.
pub(super) fn build(
    harness: &Path,
    environment: &Environment,
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
    let mut subject = match RunningProgram::start(harness, environment, command) {
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

/// Waits for output or the end of the build, but not long, so that an interruption is noticed soon.
fn wait(subject: &RunningProgram) {
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
    use std::fs;

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
            let contents = Contents::of(&path("ann")).expect("is read");
            let workplace = Workplace::copied(&contents, path(copy), None).expect("is copied");
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
