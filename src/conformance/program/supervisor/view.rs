//! The files that a program sees.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::supervision::Supervision;
use crate::conformance::program::cage::layer::OwnFolder;
use crate::conformance::program::cage::replaced::{NO_NAME_SERVER, users_with};
use crate::conformance::program::cage::view::SECRETS_OF_THE_SYSTEM;
use crate::conformance::program::environment::Purpose;
use crate::conformance::program::lineage::BUNDLED;
use crate::conformance::program::system;
use crate::conformance::program::system::Replacement;

impl Supervision {
    /// Makes the view of files that the program gets, in a namespace of its own.
    pub(super) fn enter_view(&self, place: &Path, has_folder: bool) -> io::Result<()> {
        let folder = self.folder.as_deref().filter(|_| has_folder);
        let mut hidden = self.hidden.clone();
        hidden.extend(SECRETS_OF_THE_SYSTEM.map(PathBuf::from));
        if self.purpose == Purpose::Submission {
            hidden.extend(bundled_programs(folder));
        }
        /// A build writes more temporary files than a program, and its results stay.
        const OF_A_BUILD: u64 = 4;
        let room = match self.own {
            OwnFolder::Restored | OwnFolder::ReadOnly => self.limits.file_size,
            OwnFolder::Kept => OF_A_BUILD * self.limits.file_size,
        };
        system::enter(&system::View {
            place,
            readable: &self.readable,
            hidden: &hidden,
            replaced: &self.replaced(),
            home: self.home().as_deref(),
            folder,
            own: self.own,
            terminal: &self.terminal,
            room,
        })
    }

    /// The files of the system that have other contents for this program.
    fn replaced(&self) -> Vec<Replacement> {
        let mut replaced = Vec::new();
        // It may be a link out of /etc. Where there is none, nothing can be put in its place.
        if let (Ok(file), true) = (std::fs::canonicalize("/etc/resolv.conf"), self.own_network) {
            replaced.push(Replacement {
                file,
                contents: NO_NAME_SERVER.to_owned(),
            });
        }
        // Names that come from another machine are not found in the cage.
        let passwd = std::fs::canonicalize("/etc/passwd").ok();
        let passwd = passwd.and_then(|file| Some((std::fs::read(&file).ok()?, file)));
        if let Some((users, file)) = passwd {
            let users = String::from_utf8_lossy(&users);
            let user = rustix::process::getuid().as_raw();
            let group = rustix::process::getgid().as_raw();
            let name = std::env::var("USER").unwrap_or_default();
            let contents = users_with(&users, user, group, &name);
            replaced.extend(contents.map(|contents| Replacement { file, contents }));
        }
        replaced
    }

    /// The home directory of this user, if no part of the system is there: some tools want to write there, whatever
    /// HOME says.
    fn home(&self) -> Option<PathBuf> {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        let holds = |place: &PathBuf| home.starts_with(place) || place.starts_with(&home);
        let is_system = |place: &PathBuf| place.components().count() == 2 && holds(place);
        let is_usable = home.is_absolute()
            && home.parent().is_some()
            && !home.starts_with(system::TEMPORARY)
            && !Path::new(system::TEMPORARY).starts_with(&home)
            && !home.starts_with("/dev")
            && !home.starts_with("/run")
            && !home.starts_with("/proc")
            && self.folder.as_ref() != Some(&home)
            && !self.readable.iter().any(is_system);
        is_usable.then_some(home)
    }

    /// The files that the program can only read, and those that it can also change, by Landlock.
    pub(super) fn files(&self, place: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut readable = self.readable.clone();
        let mut writable = paths(&["/dev/null", "/dev/zero", "/dev/full", "/dev/tty"]);
        if self.inside.is_some() {
            readable = paths(&["/"]);
            writable = paths(&["/dev", "/proc"]);
            writable.extend(self.home());
        } else {
            let mut hidden = self.hidden.clone();
            hidden.extend(SECRETS_OF_THE_SYSTEM.map(PathBuf::from));
            readable = without(readable, &hidden);
            readable.extend(paths(&["/proc", "/dev/random", "/dev/urandom"]));
            writable.extend([self.terminal.clone(), "/dev/shm".into()]);
        }
        writable.push(place.to_owned());
        match (&self.folder, self.own) {
            // The files in it that are visible are readable already.
            (Some(_), OwnFolder::ReadOnly) => {}
            (Some(folder), _) => writable.push(folder.clone()),
            (None, _) => {}
        }
        (readable, writable)
    }
}

/// These files and folders without the hidden ones in them: folders that contain one are replaced by what else they
/// contain.
fn without(readable: Vec<PathBuf>, hidden: &[PathBuf]) -> Vec<PathBuf> {
    let mut kept = Vec::new();
    let mut left = readable;
    while let Some(place) = left.pop() {
        if hidden.iter().any(|hidden| place.starts_with(hidden)) {
            continue;
        }
        let holds_one = |hidden: &PathBuf| hidden.starts_with(&place) && hidden.exists();
        if hidden.iter().any(holds_one) {
            let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
            left.extend(entries.map(|entry| entry.path()));
        } else {
            kept.push(place);
        }
    }
    kept
}

/// The bundled programs beside this executable and on the PATH. Files in the program's own folder are its own, whatever
/// their name.
fn bundled_programs(folder: Option<&Path>) -> Vec<PathBuf> {
    let own = std::env::current_exe().ok();
    let beside = own.as_ref().and_then(|own| own.parent());
    let in_folder = |folder: &Path| BUNDLED.map(|name| folder.join(name));
    let mut all: Vec<PathBuf> = beside.into_iter().flat_map(in_folder).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    all.extend(programs_on_path(&path, folder));
    all.extend(own.clone());
    all.retain_mut(|file| match std::fs::canonicalize(&*file) {
        Ok(real) => {
            *file = real;
            true
        }
        Err(_) => false,
    });
    all.sort();
    all.dedup();
    all
}

/// The bundled programs in the absolute folders of `path`, except those in the program's own folder.
fn programs_on_path(path: &OsStr, folder: Option<&Path>) -> Vec<PathBuf> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let kept = folder.and_then(real);
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| BUNDLED.map(|name| folder.join(name)))
        .filter_map(|file| real(&file))
        .filter(|file| !kept.iter().any(|kept| file.starts_with(kept)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_own_files_are_not_taken_for_the_bundled_ones() {
        let place = tempfile::tempdir().expect("a folder");
        let root = std::fs::canonicalize(place.path()).expect("is there");
        for name in ["kept", "installed"] {
            std::fs::create_dir(root.join(name)).expect("is made");
            std::fs::write(root.join(name).join("chat-server"), "").expect("is written");
        }
        let path = std::env::join_paths([root.join("kept"), root.join("installed")]);
        let path = path.expect("can be joined");
        let found = programs_on_path(&path, Some(&root.join("kept")));
        assert_eq!(found, [root.join("installed/chat-server")]);
    }

    #[test]
    fn a_relative_folder_on_the_path_is_skipped() {
        let here = std::env::current_dir().expect("is there");
        let here = std::fs::canonicalize(here).expect("is there");
        let place = tempfile::tempdir_in(&here).expect("a folder");
        std::fs::write(place.path().join("chat-server"), "").expect("is written");
        let relative = place.path().file_name().expect("has one");
        assert!(programs_on_path(relative, None).is_empty());
    }
}
