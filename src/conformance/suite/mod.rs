//! The transcripts and requirements: those in the binary, or those of a folder.

pub mod digest;
pub mod id;
pub mod requirement;
pub mod situations;
pub mod table;

use std::fs;
use std::path::{Path, PathBuf};

use globset::GlobSet;

use crate::conformance::files::input::{Links, MOST_SETTINGS, odd_kind, read_text};
use crate::conformance::suite::digest::Digest;
use crate::conformance::suite::requirement::{Level, Requirement, parse_requirements};
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::{Role, Transcript};
use crate::transcript::{Diagnostic, LONGEST, parse};

include!(concat!(env!("OUT_DIR"), "/suite.rs"));

const REQUIREMENTS: &str = include_str!("../../../conformance/requirements.toml");

/// A transcript of the suite, with its place there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its path in the suite without the ending: `server/registration/accepted`.
    pub name: String,
    /// The file's text.
    pub source: String,
    /// The parsed text.
    pub transcript: Transcript,
}

/// Requirements and transcripts.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Every requirement, in the table's order.
    pub requirements: Vec<Requirement>,
    /// Every transcript, by name.
    pub cases: Vec<Case>,
}

/// What one program is tested for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The requirements to report on, in the table's order.
    pub requirements: Vec<Requirement>,
    /// The transcripts to replay, in the suite's order.
    pub cases: Vec<Case>,
    /// The relations between all requirements of the suite.
    pub table: Table,
}

/// A mistake in a suite.
#[derive(Debug)]
pub enum Problem {
    /// Mistakes in a transcript.
    Transcript {
        /// The file's name in messages.
        file: String,
        /// Its text.
        source: String,
        /// Every mistake in it.
        diagnostics: Vec<Diagnostic>,
    },
    /// Anything else, in a sentence.
    Other(String),
}

impl Suite {
    /// The suite in the binary.
    ///
    /// ```
    /// use chat_conformance::conformance::suite::{Suite, id};
    ///
    /// let suite = Suite::embedded().expect("is right");
    /// assert!(suite.table().has(id::S_REG_1));
    /// assert_eq!(suite.uncovered(), Vec::<&str>::new());
    /// ```
    ///
    /// # Errors
    /// A mistake in it; the project's tests prevent that.
    pub fn embedded() -> Result<Suite, Vec<Problem>> {
        let requirements = parse_requirements(REQUIREMENTS)
            .map_err(|why| vec![Problem::Other(format!("requirements.toml: {why}"))])?;
        let named = FILES.iter().map(|(name, source)| {
            (
                (*name).to_owned(),
                format!("conformance/{name}.chat"),
                (*source).to_owned(),
            )
        });
        Suite::of(requirements, named)
    }

    /// The transcripts below `folder`, with the requirements of its `requirements.toml` or, if it has none, those of
    /// the binary.
    ///
    /// # Errors
    /// What cannot be read, and every mistake in every file.
    pub fn in_folder(folder: &Path) -> Result<Suite, Vec<Problem>> {
        let other = |why: String| vec![Problem::Other(why)];
        if folder.is_file() {
            return Err(other(format!(
                "{}: is a file; a suite is a folder with transcripts in it",
                folder.display()
            )));
        }
        let own = folder.join("requirements.toml");
        let source = match read_text(&own, MOST_SETTINGS, Links::Follow) {
            Ok(source) => source,
            Err(error) if error.is_not_found() => REQUIREMENTS.to_owned(),
            Err(error) => return Err(other(error.to_string())),
        };
        let requirements = parse_requirements(&source)
            .map_err(|why| other(format!("{}: {why}", own.display())))?;
        let files = transcripts_below(folder).map_err(other)?;
        if files.is_empty() {
            return Err(other(format!("{}: no .chat file in it", folder.display())));
        }
        let mut named = Vec::new();
        for file in files {
            let source = read_text(&file, LONGEST as u64, Links::Follow);
            let source = source.map_err(|error| other(error.to_string()))?;
            let name = file
                .strip_prefix(folder)
                .unwrap_or(&file)
                .with_extension("");
            named.push((
                name.display().to_string(),
                file.display().to_string(),
                source,
            ));
        }
        Suite::of(requirements, named.into_iter())
    }

    fn of(
        requirements: Vec<Requirement>,
        named: impl Iterator<Item = (String, String, String)>,
    ) -> Result<Suite, Vec<Problem>> {
        let mut cases = Vec::new();
        let mut problems = Vec::new();
        for (name, file, source) in named {
            match parse(&file, &source) {
                Ok(transcript) => {
                    let is_known = |id: &&String| {
                        requirements
                            .iter()
                            .any(|requirement| requirement.id == **id)
                    };
                    for id in transcript.covers.iter().filter(|id| !is_known(id)) {
                        problems.push(Problem::Other(format!(
                            "{file}: covers {id}, which is not a requirement; `conform list` shows them all"
                        )));
                    }
                    cases.push(Case {
                        name,
                        source,
                        transcript,
                    });
                }
                Err(diagnostics) => problems.push(Problem::Transcript {
                    file,
                    source,
                    diagnostics,
                }),
            }
        }
        if problems.is_empty() {
            Ok(Suite {
                requirements,
                cases,
            })
        } else {
            Err(problems)
        }
    }

    /// What a program of this role is tested for: the requirements at least as binding as `level`, and the
    /// transcripts that cover one of them. With `only`, just the transcripts whose name or requirement matches, and
    /// the requirements that they cover.
    pub fn asked_of(&self, role: Role, level: Level, only: Option<&GlobSet>) -> Asked {
        let matches = |case: &Case| {
            only.is_none_or(|only| {
                only.is_match(&case.name)
                    || case.transcript.covers.iter().any(|id| only.is_match(id))
            })
        };
        let is_level = |id: &String| {
            let mut requirements = self.requirements.iter();
            requirements.any(|requirement| requirement.id == *id && requirement.level <= level)
        };
        let cases = self.cases.iter().filter(|case| {
            let transcript = &case.transcript;
            transcript.role == role && matches(case) && transcript.covers.iter().any(is_level)
        });
        let cases: Vec<Case> = cases.cloned().collect();
        let covered = |id: &String| cases.iter().any(|case| case.transcript.covers.contains(id));
        let is_asked = |requirement: &Requirement| {
            covered(&requirement.id) || (only.is_none() && requirement.is_asked_of(role))
        };
        let requirements = self.requirements.iter();
        let requirements =
            requirements.filter(|requirement| requirement.level <= level && is_asked(requirement));
        Asked {
            requirements: requirements.cloned().collect(),
            cases,
            table: self.table(),
        }
    }

    /// The relations between the requirements.
    pub fn table(&self) -> Table {
        Table::of(&self.requirements)
    }

    /// Digest of everything that decides what is replayed. The relations between requirements are not part of it:
    /// they are applied afterwards, so stored evidence can be judged again after one of them was corrected.
    pub fn digest(&self) -> String {
        let mut digest = Digest::default();
        for requirement in &self.requirements {
            digest.add(&requirement.id);
            digest.add(requirement.level.to_string());
        }
        for case in &self.cases {
            digest.add(&case.name);
            digest.add(&case.source);
        }
        digest.finish()
    }

    /// Ids of the requirements that no transcript covers.
    pub fn uncovered(&self) -> Vec<&str> {
        let is_covered = |id: &String| {
            self.cases
                .iter()
                .any(|case| case.transcript.covers.contains(id))
        };
        let ids = self.requirements.iter().map(|requirement| &requirement.id);
        ids.filter(|id| !is_covered(id))
            .map(String::as_str)
            .collect()
    }
}

/// Maximum number of files and folders that are searched for transcripts.
const MOST_ENTRIES: usize = 50_000;
/// Maximum number of transcripts.
const MOST_TRANSCRIPTS: usize = 5_000;
/// Maximum depth of folders.
const DEEPEST: usize = 32;

/// Every `.chat` file below `folder`, in order; `folder` itself if it is such a file. Skips folders named `invalid`,
/// which hold scripts that are wrong on purpose.
///
/// # Errors
/// What cannot be read, in a sentence, or which limit is exceeded.
pub fn transcripts_below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let kind = fs::metadata(folder).map_err(|error| unreadable(folder, error))?;
    if kind.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    if let Some(what) = odd_kind(kind.file_type()).filter(|_| !kind.is_dir()) {
        let path = folder.display();
        return Err(format!("{path}: is {what}, neither a file nor a folder"));
    }
    let mut looked_at = 0;
    let mut files = Vec::new();
    let mut waiting = vec![(folder.to_owned(), 1)];
    while let Some((below, depth)) = waiting.pop() {
        let entries = fs::read_dir(&below).map_err(|error| unreadable(&below, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&below, error))?;
            looked_at += 1;
            if looked_at > MOST_ENTRIES {
                return Err(format!(
                    "{}: there are more than {MOST_ENTRIES} files and folders in it",
                    folder.display()
                ));
            }
            let path = entry.path();
            // Links are not followed: a link to a folder could make a circle.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && !path.ends_with("invalid") {
                if depth == DEEPEST {
                    return Err(format!(
                        "{}: folders are nested more than {DEEPEST} deep",
                        folder.display()
                    ));
                }
                waiting.push((path, depth + 1));
            } else if !is_folder && path.extension().is_some_and(|ending| ending == "chat") {
                files.push(path);
            }
        }
        if files.len() > MOST_TRANSCRIPTS {
            return Err(format!(
                "{}: there are more than {MOST_TRANSCRIPTS} .chat files in it",
                folder.display()
            ));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = "# She comes in.\ncovers S-REG-1\n\nalice joins\n";

    fn write(folder: &Path, name: &str, text: &str) {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().expect("has a folder")).expect("is made");
        fs::write(file, text).expect("is written");
    }

    fn problems(folder: &Path) -> Vec<Problem> {
        Suite::in_folder(folder).expect_err("has a mistake")
    }

    #[test]
    fn a_folder_is_searched_in_order_without_following_links() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in [
            "b/two.chat",
            "a.chat",
            "b/one.chat",
            "b/notes.txt",
            "invalid/wrong.chat",
        ] {
            write(folder.path(), name, HELLO);
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("b/again")).expect("a link");
        let suite = Suite::in_folder(folder.path()).expect("is right");
        let names: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["a", "b/one", "b/two"]);
        let one = folder.path().join("a.chat");
        assert_eq!(transcripts_below(&one), Ok(vec![one]));
    }

    #[test]
    fn special_files_and_exceeded_limits_are_reported_at_once() {
        use rustix::fs::{CWD, Mode, mkfifoat};
        let refused = |prepare: &dyn Fn(&Path)| {
            let folder = tempfile::tempdir().expect("a folder");
            write(folder.path(), "a.chat", HELLO);
            prepare(folder.path());
            match &problems(folder.path())[..] {
                [Problem::Other(why)] => why.clone(),
                several => panic!("{several:?}"),
            }
        };
        let pipe = |folder: &Path, name: &str| {
            mkfifoat(CWD, folder.join(name), Mode::RWXU).expect("a pipe");
        };
        let why = refused(&|folder| pipe(folder, "b.chat"));
        assert!(
            why.ends_with("b.chat: is a named pipe, not a file"),
            "{why}"
        );
        let why = refused(&|folder| pipe(folder, "requirements.toml"));
        assert!(
            why.ends_with("requirements.toml: is a named pipe, not a file"),
            "{why}"
        );
        let why = refused(&|folder| write(folder, "b.chat", &"x".repeat(LONGEST + 1)));
        assert!(why.ends_with("b.chat: is longer than 256 KiB"), "{why}");
        let why = refused(&|folder| write(folder, &format!("{}b.chat", "d/".repeat(40)), HELLO));
        assert!(
            why.ends_with("folders are nested more than 32 deep"),
            "{why}"
        );
        let folder = tempfile::tempdir().expect("a folder");
        pipe(folder.path(), "pipe");
        let why = transcripts_below(&folder.path().join("pipe")).expect_err("is a pipe");
        assert!(
            why.ends_with("pipe: is a named pipe, neither a file nor a folder"),
            "{why}"
        );
    }

    #[test]
    fn every_mistake_of_every_file_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        write(
            folder.path(),
            "a.chat",
            "# A.\ncovers S-REG-1\n\nalice jions\nbob < 200\n",
        );
        write(
            folder.path(),
            "b.chat",
            &HELLO.replace("S-REG-1", "S-REG-1 S-REG-98 S-REG-99"),
        );
        let problems = problems(folder.path());
        let mistakes: Vec<String> = problems
            .into_iter()
            .map(|problem| match problem {
                Problem::Transcript {
                    file, diagnostics, ..
                } => format!("{file}: {}", diagnostics.len()),
                Problem::Other(why) => why,
            })
            .collect();
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
        assert!(mistakes[0].ends_with("a.chat: 2"), "{mistakes:?}");
        assert!(
            mistakes[1].contains("b.chat: covers S-REG-98, which is not a requirement"),
            "{mistakes:?}"
        );
        assert!(mistakes[2].contains("S-REG-99"), "{mistakes:?}");
    }

    #[test]
    fn a_folder_without_transcripts_is_no_suite() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "notes.txt", "");
        for folder in [folder.path(), &folder.path().join("missing")] {
            let problems = problems(folder);
            let [Problem::Other(why)] = &problems[..] else {
                panic!("{problems:?}");
            };
            assert!(why.starts_with(&folder.display().to_string()), "{why}");
        }
    }

    #[test]
    fn a_folder_may_bring_its_own_requirements() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "a.chat", HELLO);
        let own = |id: &str| {
            format!(
                "[[requirement]]\nid = \"{id}\"\nlevel = \"must\"\ngroup = \"G\"\nsentence = \"S.\"\nfix = \"F.\"\n"
            )
        };
        let both = own("S-REG-1") + &own("S-OWN-1");
        write(folder.path(), "requirements.toml", &both);
        let suite = Suite::in_folder(folder.path()).expect("is right");
        assert_eq!(suite.requirements.len(), 2);
        assert_eq!(suite.uncovered(), ["S-OWN-1"]);
        write(folder.path(), "requirements.toml", "requirement = 1");
        assert!(
            matches!(&problems(folder.path())[..], [Problem::Other(why)] if why.contains("requirements.toml: "))
        );
    }
}
