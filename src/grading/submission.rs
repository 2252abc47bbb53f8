//! Finds the programs of a submission: by their file names, or from an instructions file.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use super::instructions::Instructions;
use crate::conformance::evidence::shown;
use crate::conformance::files::input::{Links, open_file};
use crate::transcript::syntax::Role;

/// A file of a submission, with what matters for finding its programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path from the submission's folder.
    pub path: String,
    /// Whether it is executable.
    pub is_executable: bool,
    /// Whether it is a binary program or a script with a `#!` line.
    pub begins_as_program: bool,
}

/// Maximum depth of the search: archives often contain a folder that contains the submission.
const DEEPEST: usize = 4;
/// Maximum number of files and folders in a submission that are looked at.
const MOST_ENTRIES: usize = 20_000;
/// Maximum number of files that a message names.
const MOST_NAMED: usize = 8;
/// Folders that never contain a student's own code.
const NOT_WRITTEN: [&str; 10] = [
    "__MACOSX",
    "__pycache__",
    "node_modules",
    "venv",
    ".venv",
    "env",
    "target",
    "build",
    "dist",
    "site-packages",
];

/// Interpreters by file extension; the file's name follows.
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

/// Program and arguments of one of a submission's programs.
///
/// # Errors
/// Why the program cannot be determined, in a sentence.
pub fn command_for(
    role: Role,
    instructions: &Instructions,
    entries: &[Entry],
) -> Result<Vec<String>, String> {
    match instructions.command_of(role) {
        Some(command) => Ok(command.to_vec()),
        None => found(role, entries),
    }
}

/// The one file whose name begins with the role, in any letter case. Prefers an exact name, then a file closer to the
/// top folder.
fn found(role: Role, entries: &[Entry]) -> Result<Vec<String>, String> {
    let role_word = role.to_string();
    let mut candidates: Vec<(Rank, &Entry, Vec<String>)> = entries
        .iter()
        .filter_map(|entry| {
            let (stem, _) = stem_and_ending(&entry.path);
            let stem = stem.to_lowercase();
            stem.starts_with(&role_word).then(|| {
                let command = command_of_file(entry)?;
                Some((Rank::of(entry, stem == role_word), entry, command))
            })?
        })
        .collect();
    candidates.sort_by(|one, other| (one.0, &one.1.path).cmp(&(other.0, &other.1.path)));
    let Some((best, ..)) = candidates.first() else {
        return Err(nothing_found(&role_word, entries));
    };
    let best = *best;
    let mut equals = candidates.into_iter().filter(|(rank, ..)| *rank == best);
    let (_, first, command) = equals
        .next()
        .ok_or_else(|| nothing_found(&role_word, entries))?;
    let others: Vec<&Entry> = equals.map(|(_, entry, _)| entry).collect();
    if others.is_empty() {
        return Ok(command);
    }
    let equals: Vec<&Entry> = [first].into_iter().chain(others).collect();
    Err(format!(
        "Several files may be the {role_word}: {}. Name the one to start in a conform.toml in the folder.",
        named(&equals)
    ))
}

/// The rank of a candidate; the best is the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    depth: usize,
    is_called_otherwise: bool,
}

impl Rank {
    fn of(entry: &Entry, is_called_just_so: bool) -> Rank {
        Rank {
            depth: entry.path.matches('/').count(),
            is_called_otherwise: !is_called_just_so,
        }
    }
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

fn command_of_file(entry: &Entry) -> Option<Vec<String>> {
    let (_, ending) = stem_and_ending(&entry.path);
    let known = ending.and_then(|ending| {
        let is_it = |(known, _): &&(&str, &[&str])| ending.eq_ignore_ascii_case(known);
        STARTED_BY.iter().find(is_it)
    });
    if let Some((_, starter)) = known {
        let words = starter.iter().copied().chain([entry.path.as_str()]);
        return Some(words.map(str::to_owned).collect());
    }
    let is_program = entry.is_executable && entry.begins_as_program;
    is_program.then(|| vec![format!("./{}", entry.path)])
}

/// The files of a submission, in order, without those in folders that never contain a student's own code.
///
/// # Errors
/// What cannot be read, in a sentence, or that the folder contains too much.
pub fn entries_of(folder: &Path) -> Result<Vec<Entry>, String> {
    entries_within(folder, MOST_ENTRIES)
}

fn entries_within(folder: &Path, most: usize) -> Result<Vec<Entry>, String> {
    let mut search = Search {
        entries: Vec::new(),
        left: most,
    };
    search
        .gather(folder, "", 0)
        .map_err(|error| format!("Its folder cannot be read: {error}."))?;
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

struct Search {
    entries: Vec<Entry>,
    /// How many more files and folders may be looked at.
    left: usize,
}

impl Search {
    /// Recurses at most [`DEEPEST`] levels, and follows no link.
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
            let kind = entry.file_type()?;
            let path = format!("{below}{name}");
            if kind.is_dir() {
                let is_written = !name.starts_with('.') && !NOT_WRITTEN.contains(&name.as_str());
                if is_written && depth < DEEPEST {
                    self.gather(&entry.path(), &format!("{path}/"), depth + 1)?;
                }
            } else if kind.is_file() && !name.starts_with('.') {
                use std::os::unix::fs::PermissionsExt;
                let is_executable = entry.metadata()?.permissions().mode() & 0o111 != 0;
                self.entries.push(Entry {
                    path,
                    is_executable,
                    begins_as_program: is_executable && begins_as_program(&entry.path()),
                });
            }
        }
        Ok(())
    }
}

fn begins_as_program(file: &Path) -> bool {
    let mut beginning = Vec::new();
    let Ok(file) = open_file(file, Links::Refuse) else {
        return false;
    };
    let read = file.take(4).read_to_end(&mut beginning);
    read.is_ok() && (beginning.starts_with(b"#!") || beginning.starts_with(b"\x7fELF"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            is_executable: path.contains("./"),
            begins_as_program: path.contains("./"),
        }
    }

    fn server_of(paths: &[&str]) -> Result<String, String> {
        let entries: Vec<Entry> = paths
            .iter()
            .map(|path| Entry {
                is_executable: path.ends_with('*'),
                begins_as_program: path.ends_with('*'),
                ..entry(path.trim_end_matches('*'))
            })
            .collect();
        found(Role::Server, &entries).map(|words| words.join(" "))
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
                "node lab3/src/server.js",
            ),
            (&["old/server.py", "server.py"], "python3 server.py"),
            (&["server_v2.py", "server.py"], "python3 server.py"),
            (
                &["server_utils.txt", "server_main.py"],
                "python3 server_main.py",
            ),
        ] {
            assert_eq!(server_of(paths).as_deref(), Ok(command), "{paths:?}");
        }
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
        let class = submissions_in(folder.path()).expect("has folders");
        let names: Vec<&str> = class
            .folders
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["a", "node_modules"]);
    }
}
