//! Which files a caged program sees.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::conformance::program::cage::layer::OwnFolder;
use crate::conformance::program::environment::{Environment, Purpose};
use crate::conformance::program::variables::FOUND_BY_HOME;

/// The parts of the system that programs and their tools need. None of them contains files of a person.
const SYSTEM: [&str; 16] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix",
    "/gnu",
    "/snap",
    "/run/current-system",
    // Debian keeps libraries of Ruby and Haskell there.
    "/var/lib/gems",
    "/var/lib/ghc",
    // The number of processors.
    "/sys/devices/system/cpu",
];

/// Secrets in these folders: keys and passwords that only root can read, as a program of root could.
pub const SECRETS_OF_THE_SYSTEM: [&str; 22] = [
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssh",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
    "/etc/wireguard",
    "/etc/NetworkManager",
    "/etc/docker",
    "/etc/letsencrypt",
    "/etc/sssd",
    "/etc/security/opasswd",
    "/etc/mysql/debian.cnf",
    "/proc/keys",
    "/proc/key-users",
    "/proc/timer_list",
    "/proc/kpagecount",
    "/proc/kpageflags",
    "/proc/kpagecgroup",
];

/// Variables that point to tools and libraries; some of them are lists.
const POINT_TO_TOOLS: [&str; 17] = [
    "LD_LIBRARY_PATH",
    "JAVA_HOME",
    "JDK_HOME",
    "CLASSPATH",
    "GOROOT",
    "DOTNET_ROOT",
    "NODE_PATH",
    "PERL5LIB",
    "PERL_LOCAL_LIB_ROOT",
    "PHPRC",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "GEM_HOME",
    "GEM_PATH",
    "RUBYLIB",
    "NIX_PROFILES",
];

/// Folders in a home directory in which programs and secrets lie side by side, and their parts with programs.
const MIXED: [(&str, &[&str]); 3] = [
    (".local", &["bin", "lib"]),
    (".cargo", &["bin", "registry", "git"]),
    ("go", &["bin", "pkg", "src"]),
];

/// Files that mark the top folder of a project. A repository is none: it may hold a whole course.
const MARKS_OF_A_PROJECT: [&str; 11] = [
    "Cargo.toml",
    "package.json",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "go.mod",
    "pyproject.toml",
    "setup.py",
    "CMakeLists.txt",
    "Makefile",
    "venv",
];

/// What a caged program sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Files and folders that it can read and execute. None of them is inside another one.
    pub readable: Vec<PathBuf>,
    /// Its working directory.
    pub folder: PathBuf,
    /// What happens to changes there.
    pub own: OwnFolder,
}

/// What the program that `command` starts sees: the system, the tools that the user's environment points to, and its
/// working directory.
///
/// `here` is the harness's working directory.
pub fn sight(command: &[String], environment: &Environment, here: &Path) -> Sight {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let home = home.filter(|home| home.is_absolute());
    let mut found = Search {
        home: home.clone(),
        readable: BTreeSet::new(),
    };
    for place in SYSTEM {
        found.readable.insert(place.into());
        found.readable.extend(fs::canonicalize(place));
    }
    // It may be a link out of /etc.
    found.add(Path::new("/etc/resolv.conf"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&path) {
        found.tools(&folder);
    }
    let variable = |name: &str| std::env::var_os(name).unwrap_or_default();
    for name in POINT_TO_TOOLS {
        let separated: OsString = variable(name);
        for place in std::env::split_paths(&separated) {
            // Java takes all archives of a folder by a star.
            let is_star = place.file_name().is_some_and(|name| name == "*");
            let folder = place.parent().filter(|_| is_star).map(Path::to_owned);
            found.add(&folder.unwrap_or(place));
        }
    }
    for (name, place) in FOUND_BY_HOME {
        let given: OsString = variable(name);
        let usual = home.as_ref().map(|home| home.join(place));
        for root in std::env::split_paths(&given).chain(usual) {
            found.tool_root(&root);
        }
    }
    for place in &environment.visible {
        found.add(place);
    }
    // One program may start another: `env` and `sh` do.
    for word in command.iter().filter(|word| !word.contains('/')) {
        let candidates = std::env::split_paths(&path).map(|folder| folder.join(word));
        if let Some(file) = { candidates }.find(|file| file.is_file()) {
            found.links_of(&file);
        }
    }
    let folder = environment.folder.clone().map_or_else(
        || here.to_owned(),
        |folder| std::path::absolute(&folder).unwrap_or(folder),
    );
    let mut own = environment.own_folder;
    if environment.purpose != Purpose::Submission {
        if found.holds_more_than_a_program(&folder) {
            own = OwnFolder::ReadOnly;
            found.plain_files_in(&folder);
        } else {
            found.project_of(&folder);
        }
    }
    Sight {
        readable: outermost(found.readable),
        folder,
        own,
    }
}

/// The files that a person names in a command, with the projects and tools that they belong to. A program needs them,
/// wherever they are. Look them up once, before the program is started: it could put links in their place.
pub fn places_of(command: &[String], here: &Path) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let mut found = Search {
        home: home.filter(|home| home.is_absolute()),
        readable: BTreeSet::new(),
    };
    if let Some(program) = command.first().filter(|program| program.contains('/')) {
        found.links_of(&here.join(program));
    }
    for word in command {
        let place = here.join(word);
        // A word is not a path because a link happens to have its name.
        let is_link = fs::symlink_metadata(&place).is_ok_and(|file| file.is_symlink());
        if word.contains('/') || !is_link {
            found.file_of_command(&place);
        }
    }
    outermost(found.readable)
}

/// Collects what is visible.
struct Search {
    home: Option<PathBuf>,
    readable: BTreeSet<PathBuf>,
}

impl Search {
    /// Adds a file or folder, unless it contains more than a program.
    fn add(&mut self, place: &Path) {
        if place.is_absolute() && !self.holds_more_than_a_program(place) && place.exists() {
            // Programs look up where a link leads to.
            if let Ok(real) = fs::canonicalize(place) {
                if !self.holds_more_than_a_program(&real) {
                    self.readable.insert(real);
                    self.readable.insert(place.to_owned());
                }
            }
        }
    }

    /// Whether a folder is the root, a home directory, or another place with files of all kinds.
    fn holds_more_than_a_program(&self, folder: &Path) -> bool {
        const SHARED: [&str; 8] = [
            "/tmp", "/var", "/run", "/dev", "/proc", "/sys", "/mnt", "/media",
        ];
        let contains = |place: &Path| place.starts_with(folder);
        let temporary = std::env::temp_dir();
        self.home.as_deref().is_some_and(contains)
            || SHARED.iter().any(|place| contains(Path::new(place)))
            || contains(&temporary)
            || folder.parent() == Some(Path::new("/home"))
    }

    /// Adds the tools in a folder of the PATH, with the libraries beside it.
    fn tools(&mut self, folder: &Path) {
        const OF_PROGRAMS: [&str; 4] = ["bin", "sbin", "shims", "condabin"];
        let name = folder.file_name().and_then(|name| name.to_str());
        match folder.parent() {
            Some(root)
                if name.is_some_and(|name| OF_PROGRAMS.contains(&name))
                    && !self.holds_more_than_a_program(root) =>
            {
                self.tool_root(root);
            }
            _ => self.add(folder),
        }
    }

    /// Adds a folder in which tools are installed, without the secrets that some of them keep there.
    fn tool_root(&mut self, root: &Path) {
        let in_home = self
            .home
            .as_ref()
            .and_then(|home| root.strip_prefix(home).ok());
        let mixed = MIXED
            .iter()
            .find(|(name, _)| in_home == Some(Path::new(name)));
        match mixed {
            Some((_, parts)) => parts.iter().for_each(|part| self.add(&root.join(part))),
            None => self.add(root),
        }
    }

    /// Adds the tools behind the links that lead to a program.
    fn links_of(&mut self, program: &Path) {
        const MOST: usize = 16;
        let mut file = program.to_owned();
        for _ in 0..MOST {
            let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
            self.tools(&folder);
            if let Ok(real) = fs::canonicalize(&folder) {
                self.tools(&real);
            }
            match fs::read_link(&file) {
                Ok(target) => file = folder.join(target),
                Err(_) => return,
            }
        }
    }

    /// Adds a file or folder that a command names, and the project that it belongs to.
    fn file_of_command(&mut self, place: &Path) {
        let Ok(real) = fs::canonicalize(place) else {
            return;
        };
        let folder = if real.is_dir() {
            Some(real.as_path())
        } else {
            real.parent()
        };
        match folder {
            Some(folder) if !self.holds_more_than_a_program(folder) => {
                self.project_of(folder);
                // The way to it may lead through a link.
                let named = if real.is_dir() {
                    Some(place)
                } else {
                    place.parent()
                };
                if let Some(named) = named {
                    self.project_of(named);
                }
            }
            _ if real.is_file() => drop(self.readable.insert(real)),
            _ => {}
        }
    }

    /// Adds the project that a folder belongs to.
    fn project_of(&mut self, folder: &Path) {
        let candidates = folder.ancestors();
        let candidates = candidates.take_while(|folder| !self.holds_more_than_a_program(folder));
        let is_top = |folder: &&Path| {
            let mut marks = MARKS_OF_A_PROJECT.iter();
            marks.any(|mark| folder.join(mark).exists())
        };
        let top = candidates.filter(is_top).last().unwrap_or(folder);
        self.add(top);
    }

    /// Adds the files of a folder, but neither its folders nor hidden files.
    fn plain_files_in(&mut self, folder: &Path) {
        const MOST: usize = 1000;
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let is_hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        let plain = entries.filter(|entry| {
            entry.file_type().is_ok_and(|kind| kind.is_file()) && !is_hidden(&entry.file_name())
        });
        self.readable
            .extend(plain.map(|entry| entry.path()).take(MOST));
    }
}

/// Those that are not inside another one.
fn outermost(places: BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    // In this order a folder comes before everything in it.
    for place in places {
        if !found.last().is_some_and(|outer| place.starts_with(outer)) {
            found.push(place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(home: &Path) -> Search {
        Search {
            home: Some(home.to_owned()),
            readable: BTreeSet::new(),
        }
    }

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        // Not in the folder for temporary files, which counts as shared.
        let program = std::env::current_exe().expect("is there");
        let beside = program.parent().expect("has one");
        let folder = tempfile::tempdir_in(beside).expect("a folder");
        for file in files {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().expect("has one")).expect("is made");
            fs::write(file, "").expect("is written");
        }
        folder
    }

    #[test]
    fn a_home_directory_is_never_visible_as_a_whole() {
        let home = folder_with(&["bin/tool", "server.py", ".netrc", "papers/secret"]);
        let home = fs::canonicalize(home.path()).expect("is there");
        let mut found = search(&home);
        found.add(&home);
        found.add(Path::new("/"));
        found.add(home.parent().expect("has one"));
        assert!(found.readable.is_empty(), "{:?}", found.readable);
        found.tools(&home.join("bin"));
        assert_eq!(found.readable, BTreeSet::from([home.join("bin")]));
        found.plain_files_in(&home);
        let expected = BTreeSet::from([home.join("bin"), home.join("server.py")]);
        assert_eq!(found.readable, expected);
    }

    #[test]
    fn tools_come_with_their_libraries_but_without_secrets() {
        let home = folder_with(&[
            ".cargo/bin/cargo",
            ".cargo/credentials.toml",
            ".pyenv/shims/python3",
            ".pyenv/versions/3/bin/python3",
        ]);
        let home = fs::canonicalize(home.path()).expect("is there");
        let mut found = search(&home);
        found.tools(&home.join(".cargo/bin"));
        found.tools(&home.join(".pyenv/shims"));
        let expected = BTreeSet::from([home.join(".cargo/bin"), home.join(".pyenv")]);
        assert_eq!(found.readable, expected);
    }

    #[test]
    fn a_program_s_links_lead_to_its_tools() {
        let home = folder_with(&["store/python-3/bin/python3.12", "store/python-3/lib/os.py"]);
        let home = fs::canonicalize(home.path()).expect("is there");
        fs::create_dir(home.join("bin")).expect("is made");
        let link = home.join("bin/python3");
        std::os::unix::fs::symlink("../store/python-3/bin/python3.12", &link).expect("is made");
        let mut found = search(&home);
        found.links_of(&link);
        assert!(found.readable.contains(&home.join("store/python-3")));
    }

    #[test]
    fn a_file_of_the_command_comes_with_its_project() {
        let home = folder_with(&["projects/chat/package.json", "projects/chat/src/server.js"]);
        let home = fs::canonicalize(home.path()).expect("is there");
        let mut found = search(&home);
        found.file_of_command(&home.join("projects/chat/src/server.js"));
        let expected = BTreeSet::from([home.join("projects/chat")]);
        assert_eq!(found.readable, expected);
        let mut found = search(&home);
        found.file_of_command(&home.join("projects"));
        assert_eq!(found.readable, BTreeSet::from([home.join("projects")]));
    }

    #[test]
    fn what_is_inside_another_visible_folder_is_left_out() {
        let all = ["/usr", "/usr/bin", "/usr2", "/opt/x", "/opt/x/y"];
        let kept = outermost(all.iter().map(PathBuf::from).collect());
        let expected: Vec<PathBuf> = ["/opt/x", "/usr", "/usr2"].map(PathBuf::from).into();
        assert_eq!(kept, expected);
    }
}
