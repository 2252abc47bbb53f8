//! Finds the programs of a submission: by their file names and content, or from an instructions file.
//!
//! The question is what a teaching assistant would start. So a shebang counts without permission to execute, which
//! archives lose; a program starts in its own folder, where it finds its files; and of several files, the one that
//! listens is the server.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::instructions::Instructions;
use crate::conformance::evidence::shown;
use crate::conformance::files::input::{Links, open_file};
use crate::transcript::syntax::Role;

/// A file of a submission, with what matters for finding its programs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the submission's folder.
    pub path: String,
    /// Whether it is executable.
    pub is_executable: bool,
    /// Whether it is a binary program.
    pub is_binary: bool,
    /// Its beginning, if it may be a program.
    pub text: String,
}

/// How a program is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Program and arguments, in the submission's folder.
    pub command: Vec<String>,
    /// Why this file, in a sentence, if there were others.
    pub note: Option<String>,
}

/// Maximum depth of the search: archives often contain a folder that contains the submission.
const DEEPEST: usize = 6;
/// Maximum number of files and folders in a submission that are looked at.
const MOST_ENTRIES: usize = 20_000;
/// Maximum number of files that a message names.
const MOST_NAMED: usize = 8;
/// How much of a file is read to see what it does, in bytes.
const LONGEST_BEGINNING: u64 = 256 << 10;
/// Maximum number of files whose beginning is kept.
const MOST_TEXTS: usize = 100;
/// Folders that never contain a student's own code.
const NOT_WRITTEN: [&str; 7] = [
    "__MACOSX",
    "__pycache__",
    "node_modules",
    "venv",
    ".venv",
    "env",
    "site-packages",
];
/// Folders that usually contain copies of a student's own code: they count if nothing else does.
const COPIES: [&str; 4] = ["target", "build", "dist", "bin"];

/// Interpreters by file extension; the file's name follows. Of equal files, the first one here counts.
const STARTED_BY: [(&str, &[&str]); 13] = [
    ("py", &["python3"]),
    ("pyw", &["python3"]),
    ("js", &["node"]),
    ("mjs", &["node"]),
    ("cjs", &["node"]),
    ("java", &["java"]),
    ("jar", &["java", "-jar"]),
    ("rb", &["ruby"]),
    ("pl", &["perl"]),
    ("php", &["php"]),
    ("go", &["go", "run"]),
    ("lua", &["lua"]),
    ("sh", &["sh"]),
];

/// What a server's code says when it listens, in several languages.
const LISTENING: [&str; 8] = [
    ".listen(",
    "create_server(",
    "start_server(",
    "ServerSocket(",
    "createServer(",
    "net.Listen(",
    "TCPServer",
    "serve_forever(",
];
/// What a client's code says when it connects.
const CONNECTING: [&str; 7] = [
    ".connect(",
    ".connect_ex(",
    "create_connection(",
    "open_connection(",
    "new Socket(",
    "createConnection(",
    "net.Dial(",
];
/// What the main file of a program says.
const MAIN: [&str; 3] = ["__name__", "public static void main", "func main("];

/// How one of a submission's programs is started.
///
/// # Errors
/// Why the program cannot be determined, in a sentence.
pub fn start_of(
    role: Role,
    instructions: &Instructions,
    entries: &[Entry],
) -> Result<Start, String> {
    match instructions.command_of(role) {
        Some(command) => Ok(Start {
            command: command.to_vec(),
            note: None,
        }),
        None => found(role, entries),
    }
}

/// A file that may be the program.
struct Candidate<'e> {
    rank: Rank,
    entry: &'e Entry,
    command: Vec<String>,
}

/// The rank of a candidate; the best is the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kind: Kind,
    is_in_copies: bool,
    depth: usize,
    is_called_otherwise: bool,
    /// How much its code looks like the role; counts among files that are not called just so.
    evidence: Reverse<usize>,
    language: usize,
}

/// How the name of a file says which program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// It begins with the role, as the assignment asks.
    Begins,
    /// It is the main file in a folder that is called like the role.
    MainInFolder,
    /// It contains the role.
    Contains,
}

/// The best file whose name says that it is this program.
fn found(role: Role, entries: &[Entry]) -> Result<Start, String> {
    let role_word = role.to_string();
    let mut candidates: Vec<Candidate<'_>> = entries
        .iter()
        .filter_map(|entry| candidate(entry, role, &role_word))
        .collect();
    candidates
        .sort_by(|one, other| (one.rank, &one.entry.path).cmp(&(other.rank, &other.entry.path)));
    let Some(best) = candidates.first() else {
        return Err(nothing_found(&role_word, entries));
    };
    let is_equal = |other: &&Candidate<'_>| other.rank == best.rank;
    let equals: Vec<&Entry> = { candidates.iter().filter(is_equal) }
        .map(|one| one.entry)
        .collect();
    if equals.len() > 1 {
        return Err(format!(
            "Several files may be the {role_word}: {}. Name the one to start in a conform.toml in the folder.",
            named(&equals)
        ));
    }
    // Helpers in folders below are no alternatives.
    let rivals: Vec<&Entry> = candidates
        .iter()
        .skip(1)
        .filter(|other| {
            let key = |rank: &Rank| (rank.kind, rank.is_in_copies, rank.depth);
            key(&other.rank) == key(&best.rank)
        })
        .map(|other| other.entry)
        .collect();
    let path = shown(best.entry.path.as_bytes());
    let because = match best.rank.kind {
        Kind::Contains => Some(format!(
            "{path} is started, although its name does not begin with `{role_word}` as the assignment asks."
        )),
        Kind::MainInFolder => Some(format!("{path} is started: the main file of its folder.")),
        Kind::Begins if rivals.is_empty() => None,
        Kind::Begins if !best.rank.is_called_otherwise => {
            Some(format!("{path} is started, and not {}.", named(&rivals)))
        }
        Kind::Begins => {
            let what = match role {
                Role::Server => "listens",
                Role::Client | Role::Pair => "connects",
            };
            let others = named(&rivals);
            Some(format!(
                "{path} is started, because it {what}; there is also {others}."
            ))
        }
    };
    Ok(Start {
        command: best.command.clone(),
        note: because,
    })
}

fn candidate<'e>(entry: &'e Entry, role: Role, role_word: &str) -> Option<Candidate<'e>> {
    let (stem, ending) = stem_and_ending(&entry.path);
    let stem = stem.to_lowercase();
    let folders: Vec<&str> = entry.path.split('/').rev().skip(1).collect();
    let is_main = ["main", "__main__", "app", "index"].contains(&stem.as_str());
    let is_in_own_folder =
        { folders.first() }.is_some_and(|folder| folder.to_lowercase().starts_with(role_word));
    let kind = if stem.starts_with(role_word) {
        Kind::Begins
    } else if is_main && is_in_own_folder {
        Kind::MainInFolder
    } else if stem.contains(role_word) && !stem.contains("test") {
        Kind::Contains
    } else {
        return None;
    };
    let command = command_of_file(entry)?;
    let language = ending.and_then(|ending| {
        let mut known = STARTED_BY.iter();
        known.position(|(known, _)| ending.eq_ignore_ascii_case(known))
    });
    let is_called_otherwise = kind != Kind::MainInFolder && stem != role_word;
    let evidence = match is_called_otherwise {
        true => evidence(role, &entry.text),
        false => 0,
    };
    // `observer.py` contains `server`, too.
    if kind == Kind::Contains && evidence < 2 {
        return None;
    }
    let rank = Rank {
        kind,
        is_in_copies: folders.iter().any(|folder| COPIES.contains(folder)),
        depth: folders.len(),
        is_called_otherwise,
        evidence: Reverse(evidence),
        language: language.unwrap_or(STARTED_BY.len()),
    };
    Some(Candidate {
        rank,
        entry,
        command,
    })
}

/// How much the code looks like that of a role: above all whether it listens or connects.
fn evidence(role: Role, text: &str) -> usize {
    let signs: &[&str] = match role {
        Role::Server => &LISTENING,
        Role::Client | Role::Pair => &CONNECTING,
    };
    let says = |words: &[&str]| usize::from(words.iter().any(|word| text.contains(word)));
    2 * says(signs) + says(&MAIN)
}

/// The names of some files, and the number of others.
fn named(entries: &[&Entry]) -> String {
    let some = entries.iter().take(MOST_NAMED);
    let some: Vec<String> = some.map(|entry| shown(entry.path.as_bytes())).collect();
    match entries.len() - some.len() {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

fn nothing_found(role: &str, entries: &[Entry]) -> String {
    let there = match entries {
        [] => "the folder is empty".to_owned(),
        entries => format!("there is {}", named(&entries.iter().collect::<Vec<_>>())),
    };
    format!(
        "No file that can be started has a name that begins with `{role}`: {there}. A conform.toml in the folder can \
         tell how the {role} is started."
    )
}

fn stem_and_ending(path: &str) -> (&str, Option<&str>) {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, Some(ending)),
        _ => (name, None),
    }
}

/// Program and arguments that start a file, from the submission's folder. A program in a folder below starts there: it
/// finds the files beside it.
fn command_of_file(entry: &Entry) -> Option<Vec<String>> {
    let (folder, name) = match entry.path.rsplit_once('/') {
        Some((folder, name)) => (Some(folder), name),
        None => (None, entry.path.as_str()),
    };
    let (_, ending) = stem_and_ending(&entry.path);
    let is_python = ending.is_some_and(|ending| ending.eq_ignore_ascii_case("py"));
    if let Some((folder, module)) = folder.filter(|_| is_python).and_then(|_| module_of(entry)) {
        let words = ["python3", "-m", &module].map(str::to_owned);
        return Some(in_folder(folder, words.into()));
    }
    let known = ending.and_then(|ending| {
        let is_it = |(known, _): &&(&str, &[&str])| ending.eq_ignore_ascii_case(known);
        STARTED_BY.iter().find(is_it)
    });
    // A name in front of which there is nothing must not look like an option.
    let plain = match name.starts_with('-') {
        true => format!("./{name}"),
        false => name.to_owned(),
    };
    let shebang = interpreter(&entry.text);
    let words = match (known, shebang) {
        (Some((ending, _)), Some(interpreter)) if *ending == "sh" => with(interpreter, plain),
        (Some((_, starter)), _) => {
            let starter = starter.iter().map(|word| (*word).to_owned());
            with(starter.collect(), plain)
        }
        (None, Some(_)) if entry.is_executable && !entry.text.lines().next()?.ends_with('\r') => {
            vec![format!("./{name}")]
        }
        (None, Some(interpreter)) => with(interpreter, plain),
        (None, None) if entry.is_executable && entry.is_binary => vec![format!("./{name}")],
        (None, None) => return None,
    };
    Some(match folder {
        Some(folder) => in_folder(folder, words),
        None => words,
    })
}

fn with(mut words: Vec<String>, file: String) -> Vec<String> {
    words.push(file);
    words
}

/// A command that is started in a folder below the submission's.
fn in_folder(folder: &str, command: Vec<String>) -> Vec<String> {
    if folder.is_empty() {
        return command;
    }
    let folder = match folder.starts_with('-') {
        true => format!("./{folder}"),
        false => folder.to_owned(),
    };
    let words = ["env".to_owned(), "-C".to_owned(), folder];
    words.into_iter().chain(command).collect()
}

/// The folder in which a command is started, if that is below the submission's, and what is started there.
pub(super) fn folder_of(command: &[String]) -> (Option<&str>, &[String]) {
    match command {
        [env, option, folder, command @ ..] if env == "env" && option == "-C" => {
            (Some(folder), command)
        }
        command => (None, command),
    }
}

/// The folder and the module of a file that runs only as part of a package: its code imports from the package, or it is
/// a package's `__main__.py`.
fn module_of(entry: &Entry) -> Option<(&str, String)> {
    let (folder, name) = entry.path.rsplit_once('/')?;
    let (above, package) = folder.rsplit_once('/').unwrap_or(("", folder));
    let stem = name.strip_suffix(".py")?;
    let is_name = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    if !is_name(package) || !is_name(stem) {
        return None;
    }
    let imports_from_package = entry.text.lines().any(|line| {
        let mut words = line.split_whitespace();
        let (first, second) = (words.next(), words.next().unwrap_or_default());
        let is_import = matches!(first, Some("from" | "import"));
        let is_of_package = second
            .strip_prefix(package)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        // A module that is called like its package hides it.
        is_import && (second.starts_with('.') || (is_of_package && stem != package))
    });
    match stem {
        "__main__" => Some((above, package.to_owned())),
        stem if imports_from_package => Some((above, format!("{package}.{stem}"))),
        _ => None,
    }
}

/// The interpreter that the first line of a script names, without its folder: `#!/usr/bin/env python3`.
fn interpreter(text: &str) -> Option<Vec<String>> {
    let line = text.trim_start_matches('\u{feff}').strip_prefix("#!")?;
    let line = line.lines().next().unwrap_or_default();
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if words.first()?.rsplit('/').next() == Some("env") {
        words.remove(0);
        words.retain(|word| *word != "-S");
    }
    let (program, arguments) = words.split_first()?;
    let program = program.rsplit('/').next().filter(|name| !name.is_empty())?;
    // A version that this machine may lack.
    let program = match program.starts_with("python") {
        true => "python3",
        false => program,
    };
    let words = [program].into_iter().chain(arguments.iter().copied());
    Some(words.map(str::to_owned).collect())
}

/// The files of a submission, in order, without those in folders that never contain a student's own code.
///
/// # Errors
/// What cannot be read, in a sentence, or that the folder contains too much.
pub fn entries_of(folder: &Path) -> Result<Vec<Entry>, String> {
    entries_within(folder, MOST_ENTRIES)
}

fn entries_within(folder: &Path, most: usize) -> Result<Vec<Entry>, String> {
    let unreadable = |error: io::Error| format!("Its folder cannot be read: {error}.");
    let mut search = Search {
        root: fs::canonicalize(folder).map_err(unreadable)?,
        entries: Vec::new(),
        left: most,
        texts: MOST_TEXTS,
    };
    search.gather(folder, "", 0).map_err(unreadable)?;
    if search.left == 0 {
        return Err(format!(
            "There are {most} files and folders or more in its folder."
        ));
    }
    search
        .entries
        .sort_by(|one, other| one.path.cmp(&other.path));
    Ok(search.entries)
}

/// The words in names of files that may be programs.
fn may_be_program(name: &str) -> bool {
    let name = name.to_lowercase();
    ["server", "client", "main", "app.", "index."]
        .iter()
        .any(|word| name.contains(word))
}

struct Search {
    /// The submission's folder, without links.
    root: std::path::PathBuf,
    entries: Vec<Entry>,
    /// How many more files and folders may be looked at.
    left: usize,
    /// How many more files may be read.
    texts: usize,
}

impl Search {
    /// Recurses at most [`DEEPEST`] levels, and follows no link but to a file of the submission.
    fn gather(&mut self, folder: &Path, below: &str, depth: usize) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            self.left = self.left.saturating_sub(1);
            if self.left == 0 {
                break;
            }
            let entry = entry?;
            // A name that is not UTF-8 cannot be part of a command either.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type()?;
            let path = format!("{below}{name}");
            if kind.is_dir() {
                let is_written = !NOT_WRITTEN.contains(&name.as_str());
                if is_written && depth < DEEPEST {
                    self.gather(&entry.path(), &format!("{path}/"), depth + 1)?;
                }
                continue;
            }
            let file = match kind.is_symlink() {
                true => fs::canonicalize(entry.path()).ok(),
                false => Some(entry.path()),
            };
            let is_own =
                |file: &std::path::PathBuf| !kind.is_symlink() || file.starts_with(&self.root);
            let Some(file) = file.filter(is_own).filter(|file| file.is_file()) else {
                continue;
            };
            self.entries.push(self.looked_at(&file, path, &name)?);
            self.texts = self
                .texts
                .saturating_sub(usize::from(may_be_program(&name)));
        }
        Ok(())
    }

    fn looked_at(&self, file: &Path, path: String, name: &str) -> io::Result<Entry> {
        use std::os::unix::fs::PermissionsExt;
        let is_executable = fs::metadata(file)?.permissions().mode() & 0o111 != 0;
        let beginning = match may_be_program(name) && self.texts > 0 {
            true => beginning_of(file),
            false => Vec::new(),
        };
        let is_binary = beginning.starts_with(b"\x7fELF");
        let text = match is_binary {
            true => String::new(),
            false => String::from_utf8_lossy(&beginning).into_owned(),
        };
        Ok(Entry {
            path,
            is_executable,
            is_binary,
            text,
        })
    }
}

fn beginning_of(file: &Path) -> Vec<u8> {
    let mut beginning = Vec::new();
    if let Ok(file) = open_file(file, Links::Refuse) {
        // What cannot be read is no program.
        let _ = file.take(LONGEST_BEGINNING).read_to_end(&mut beginning);
    }
    beginning
}

/// The files at the top of a submission that `make` reads.
pub fn has_makefile(entries: &[Entry]) -> bool {
    let names: BTreeSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let mut makefiles = ["Makefile", "makefile", "GNUmakefile"].into_iter();
    makefiles.any(|name| names.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            ..Entry::default()
        }
    }

    fn server_of(paths: &[&str]) -> Result<String, String> {
        let entries: Vec<Entry> = paths
            .iter()
            .map(|path| Entry {
                is_executable: path.ends_with('*'),
                is_binary: path.ends_with('*'),
                ..entry(path.trim_end_matches('*'))
            })
            .collect();
        found(Role::Server, &entries).map(|start| start.command.join(" "))
    }

    #[test]
    fn a_server_is_known_by_its_name() {
        for (paths, command) in [
            (&["client.py", "server.py"][..], "python3 server.py"),
            (&["Client.PY", "SERVER.PY"], "python3 SERVER.PY"),
            (&["ServerMain.java"], "java ServerMain.java"),
            (&["server*", "server.c"], "./server"),
            (&["server.sh*"], "sh server.sh"),
            (
                &["lab3/src/server.js", "lab3/client.js"],
                "env -C lab3/src node server.js",
            ),
            (&["old/server.py", "server.py"], "python3 server.py"),
            (&["server_v2.py", "server.py"], "python3 server.py"),
            (
                &["server_utils.txt", "server_main.py"],
                "python3 server_main.py",
            ),
            (&["server.sh", "server.py"], "python3 server.py"),
            (
                &["server/main.py", "client/main.py"],
                "env -C server python3 main.py",
            ),
            (&["server/__main__.py"], "python3 -m server"),
            (&["a/server/__main__.py"], "env -C a python3 -m server"),
            (&["build/server.py"], "env -C build python3 server.py"),
            (
                &["build/server.py", "src/a/server.py"],
                "env -C src/a python3 server.py",
            ),
            (&["-lab/server.py"], "env -C ./-lab python3 server.py"),
        ] {
            assert_eq!(server_of(paths).as_deref(), Ok(command), "{paths:?}");
        }
    }

    #[test]
    fn the_code_says_which_file_is_the_program() {
        let with = |path: &str, text: &str| Entry {
            text: text.to_owned(),
            ..entry(path)
        };
        let start = |entries: &[Entry]| found(Role::Server, entries).expect("is found");
        let both = [
            with(
                "server_core.py",
                "sock.listen()\nif __name__ == '__main__':",
            ),
            with("server_room.py", "class Room:"),
        ];
        let started = start(&both);
        assert_eq!(started.command, ["python3", "server_core.py"]);
        let note = started.note.expect("there are two");
        assert!(
            note.contains("because it listens; there is also server_room.py"),
            "{note}"
        );
        for (path, text, command) in [
            (
                "server",
                "#!/usr/bin/env python3.8\nprint()",
                "python3 server",
            ),
            ("server", "#!/bin/bash\r\necho", "bash server"),
            ("server.sh", "#!/bin/bash\necho", "bash server.sh"),
            (
                "server.sh",
                "#!/usr/bin/env -S bash -e\necho",
                "bash -e server.sh",
            ),
            (
                "chat/server.py",
                "from .room import Room",
                "python3 -m chat.server",
            ),
            (
                "chat/server.py",
                "from chat import room",
                "python3 -m chat.server",
            ),
            (
                "server/server.py",
                "import server.room",
                "env -C server python3 server.py",
            ),
            (
                "chat/server.py",
                "import chatter",
                "env -C chat python3 server.py",
            ),
            ("chat_server.py", "s.listen(5)", "python3 chat_server.py"),
        ] {
            assert_eq!(
                start(&[with(path, text)]).command.join(" "),
                command,
                "{text}"
            );
        }
    }

    #[test]
    fn a_link_within_the_submission_is_followed() {
        use std::os::unix::fs::symlink;
        let place = tempfile::tempdir().expect("a folder");
        let folder = place.path().join("ann");
        fs::create_dir_all(folder.join("src")).expect("is made");
        fs::write(folder.join("src/main.py"), "print()").expect("is written");
        fs::write(place.path().join("client.py"), "print()").expect("is written");
        symlink("src/main.py", folder.join("server.py")).expect("a link");
        symlink("../client.py", folder.join("client.py")).expect("a link");
        let entries = entries_of(&folder).expect("is read");
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["server.py", "src/main.py"]);
    }

    #[test]
    fn an_ambiguous_submission_is_an_error() {
        let message = server_of(&["server_a.py", "server_b.py"]).expect_err("is either");
        assert!(
            message.starts_with("Several files may be the server: server_a.py, server_b.py."),
            "{message}"
        );
        let message = server_of(&["server.c", "report.pdf"]).expect_err("needs a build");
        assert!(
            message.contains("there is server.c, report.pdf."),
            "{message}"
        );
        assert!(
            server_of(&[])
                .expect_err("is empty")
                .contains("the folder is empty")
        );
    }

    #[test]
    fn a_message_names_few_files_and_no_control_character() {
        let names: Vec<String> = (0..50_000)
            .map(|number| format!("{}\u{1b}[2J-{number}.py", "x".repeat(200)))
            .collect();
        let paths: Vec<&str> = names.iter().map(String::as_str).collect();
        let servers: Vec<String> = names.iter().map(|name| format!("server{name}")).collect();
        let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
        for paths in [paths, servers] {
            let message = server_of(&paths).expect_err("is not known");
            assert!(
                message.contains("and 49992 more.") && message.len() < 2000,
                "{message}"
            );
            assert!(!message.contains('\u{1b}'), "{message}");
        }
    }

    #[test]
    fn too_many_files_end_the_search() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..20 {
            fs::create_dir(folder.path().join(format!(".{number}"))).expect("is made");
        }
        assert!(entries_within(folder.path(), 21).is_ok());
        let message = entries_within(folder.path(), 20).expect_err("is too much");
        assert!(
            message.contains("There are 20 files and folders or more"),
            "{message}"
        );
    }

    #[test]
    fn a_folder_is_searched_where_students_write() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in [
            "a/b/server.py",
            "a/__pycache__/server.pyc",
            ".git/server.py",
            "node_modules/server.js",
        ] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().expect("has one")).expect("is made");
            fs::write(file, "").expect("is written");
        }
        let entries = entries_of(folder.path()).expect("can be read");
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["a/b/server.py"]);
    }
}
