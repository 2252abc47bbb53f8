//! The folder of results: one folder a submission with its evidence in it, and what they have in common.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::record::{Record, SCHEMA};
use super::workplace::remove;
use crate::conformance::input::{Links, MOST_EVIDENCE, MOST_MANIFEST, open_or_create, read_file};

/// What the results in a folder have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: String,
    /// The class's name.
    pub class: String,
    /// Digest of the suite.
    pub suite: String,
    /// Digest of the rubric's text.
    pub rubric: String,
    /// Which parts of the class are in it, each as K/N; one after a merge of all.
    pub shards: Vec<Shard>,
    /// Names of the submissions that belong in it, in order.
    pub submissions: Vec<String>,
}

/// The manifest's name and version.
pub const MANIFEST_SCHEMA: &str = "chat-conformance/run/1";

impl Manifest {
    /// The manifest of parts put together; each comes with the name by which it is told.
    ///
    /// # Errors
    /// Why they do not fit, in a sentence.
    pub fn merged(parts: &[(String, &Manifest)]) -> Result<Manifest, String> {
        let Some(((first_name, first), others)) = parts.split_first() else {
            return Err("there are no parts to put together".to_owned());
        };
        for (name, other) in others {
            let difference = if other.suite != first.suite {
                "was recorded with another suite than"
            } else if other.rubric != first.rubric {
                "was scored with another rubric than"
            } else if other.class != first.class {
                "is of another class than"
            } else {
                continue;
            };
            return Err(format!("{name} {difference} {first_name}"));
        }
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, part) in parts {
            for submission in &part.submissions {
                if let Some(earlier) = seen.insert(submission, name) {
                    return Err(format!("{submission} is in {earlier} and in {name}"));
                }
            }
        }
        let mut shards: Vec<Shard> = parts
            .iter()
            .flat_map(|(_, part)| part.shards.clone())
            .collect();
        shards.sort();
        let is_whole = |shards: &[Shard]| {
            let of = shards.first().map_or(0, |shard| shard.of);
            let numbers = shards.iter().map(|shard| shard.number);
            shards.iter().all(|shard| shard.of == of) && numbers.eq(1..=of)
        };
        let doubled = shards.windows(2).find(|pair| pair[0] == pair[1]);
        if let Some(pair) = doubled {
            return Err(format!("part {} is there twice", pair[0]));
        }
        if is_whole(&shards) {
            shards = vec![Shard::WHOLE];
        }
        Ok(Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            class: first.class.clone(),
            suite: first.suite.clone(),
            rubric: first.rubric.clone(),
            shards,
            submissions: seen.into_keys().map(str::to_owned).collect(),
        })
    }
}

/// A part of a class: the K-th of N, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// Which one.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// The class as a whole.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// Whether a submission belongs to it: by its name alone, so that who comes later moves nobody.
    pub fn holds(self, submission: &str) -> bool {
        // FNV-1a: any other function that spreads names would do, but it must stay this one.
        let hash = submission
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        // The lowest bits of this function are poor.
        (hash >> 20) % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;
    fn try_from(text: String) -> Result<Shard, String> {
        text.parse()
    }
}

impl std::str::FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((number, of)) if (1..=of).contains(&number) && of <= 100_000 => {
                Ok(Shard { number, of })
            }
            _ => Err("K/N, such as 2/8: the second of eight parts".to_owned()),
        }
    }
}

const MANIFEST: &str = "run.json";
const EVIDENCE: &str = "evidence.json";
const LOCK: &str = ".lock";
const WORKPLACES: &str = ".work";
/// Names in a folder of results that are no submission's.
const TAKEN: [&str; 5] = [
    MANIFEST,
    "class.csv",
    "class.json",
    "index.html",
    "rubric.toml",
];

/// An open folder of results, for which nobody else has it open.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    lock: File,
}

impl Store {
    /// Opens a folder of results, and makes it where there is none.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn open(root: &Path) -> Result<Store, String> {
        let shown = root.display();
        fs::create_dir_all(root).map_err(|error| format!("{shown}: {error}"))?;
        let lock = open_or_create(&root.join(LOCK), Links::Refuse);
        let lock = lock.map_err(|error| error.to_string())?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| format!("{shown}: another conform is writing there"))?;
        // Absolute, since programs are started in folders below it.
        let root = fs::canonicalize(root).map_err(|error| format!("{shown}: {error}"))?;
        let store = Store { root, lock };
        // Left over where a run was killed.
        remove(&store.workplaces());
        Ok(store)
    }

    /// Where copies of submissions may be made: emptied when the store is opened, and when it is dropped.
    pub fn workplaces(&self) -> PathBuf {
        self.root.join(WORKPLACES)
    }

    /// A file of the class.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The folder of a submission.
    ///
    /// # Errors
    /// Where the name is taken.
    pub fn folder_of(&self, submission: &str) -> Result<PathBuf, String> {
        let is_folder = Path::new(submission).components().count() == 1
            && !submission.contains(['/', '\0'])
            && !submission.starts_with('.');
        if !is_folder || TAKEN.contains(&submission) {
            return Err(format!(
                "a submission cannot be called {submission:?}: rename its folder"
            ));
        }
        Ok(self.root.join(submission))
    }

    /// The manifest, where there is one.
    ///
    /// # Errors
    /// Where it is no manifest.
    pub fn manifest(&self) -> Result<Option<Manifest>, String> {
        let manifest: Option<Manifest> = read_json(&self.file(MANIFEST), MOST_MANIFEST)?;
        if let Some(manifest) = manifest
            .as_ref()
            .filter(|one| one.schema != MANIFEST_SCHEMA)
        {
            return Err(format!(
                "{}: is {}, and this conform reads {MANIFEST_SCHEMA}",
                self.file(MANIFEST).display(),
                manifest.schema
            ));
        }
        Ok(manifest)
    }

    /// Keeps the manifest.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep_manifest(&self, manifest: &Manifest) -> Result<(), String> {
        let mut json = serde_json::to_vec_pretty(manifest).map_err(|error| error.to_string())?;
        json.push(b'\n');
        replace(&self.file(MANIFEST), &json)
    }

    /// What was recorded of a submission, where anything was.
    ///
    /// # Errors
    /// Where the evidence is there and cannot be read.
    pub fn record_of(&self, submission: &str) -> Result<Option<Record>, String> {
        let file = self.folder_of(submission)?.join(EVIDENCE);
        let record: Option<Record> = read_json(&file, MOST_EVIDENCE)?;
        if let Some(record) = record.as_ref().filter(|one| one.schema != SCHEMA) {
            return Err(format!(
                "{}: is {}, and this conform reads {SCHEMA}",
                file.display(),
                record.schema
            ));
        }
        Ok(record)
    }

    /// Keeps a record: all of it, or what was there before.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep(&self, record: &Record) -> Result<(), String> {
        let json = serde_json::to_vec(record).map_err(|error| error.to_string())?;
        self.write(&record.submission, EVIDENCE, &json)
    }

    /// Writes a file into the folder of a submission.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, submission: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
        let file = self.folder_of(submission)?.join(name);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        replace(&file, bytes)
    }

    /// Writes a file of the class.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_for_class(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        replace(&self.file(name), bytes)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        remove(&self.workplaces());
        // Not by closing it: a program that is being started has a copy of it for a moment.
        let _ = flock(&self.lock, FlockOperation::Unlock);
    }
}

fn read_json<T: for<'de> Deserialize<'de>>(file: &Path, most: u64) -> Result<Option<T>, String> {
    let source = match read_file(file, most, Links::Refuse) {
        Ok(source) => source,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let value = serde_json::from_slice(&source);
    value
        .map(Some)
        .map_err(|error| format!("{}: {error}", file.display()))
}

/// Puts a file there whole, or not at all: who is killed in the middle leaves the old one.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), String> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // No submission has a hidden name.
    let unfinished = file.with_file_name(format!(".{name}.unfinished"));
    let write = || {
        let mut written = File::create(&unfinished)?;
        written.write_all(bytes)?;
        written.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write().map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().expect(text)
    }

    #[test]
    fn each_submission_is_in_one_part_and_stays_there() {
        let parts: Vec<Shard> = (1..=5).map(|number| Shard { number, of: 5 }).collect();
        let mut sizes = [0; 5];
        for student in 0..500 {
            let name = format!("student-{student:03}");
            let holding: Vec<usize> = (0..5).filter(|at| parts[*at].holds(&name)).collect();
            assert_eq!(holding.len(), 1, "{name}");
            sizes[holding[0]] += 1;
        }
        assert!(
            sizes.iter().all(|size| (60..140).contains(size)),
            "{sizes:?}"
        );
        // A change here would tear running classes apart.
        assert!(shard("2/2").holds("student-000") != shard("1/2").holds("student-000"));
        assert!(Shard::WHOLE.holds("anybody"));
    }

    fn manifest(shard: &str, submissions: &[&str]) -> Manifest {
        Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            class: "class".to_owned(),
            suite: "suite".to_owned(),
            rubric: "rubric".to_owned(),
            shards: vec![self::shard(shard)],
            submissions: submissions.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn parts_that_fit_make_a_whole_and_others_are_refused() {
        let first = manifest("1/2", &["bo", "cy"]);
        let merged = |other: &Manifest| {
            Manifest::merged(&[("one".to_owned(), &first), ("two".to_owned(), other)])
        };
        let whole = merged(&manifest("2/2", &["al"])).expect("fits");
        assert_eq!(
            (whole.shards, whole.submissions.join(" ")),
            (vec![Shard::WHOLE], "al bo cy".to_owned())
        );
        let two_of_three = merged(&manifest("2/3", &["al"])).expect("is a part");
        assert_eq!(two_of_three.shards.len(), 2);
        let other = |change: fn(&mut Manifest)| {
            let mut other = manifest("2/2", &["al"]);
            change(&mut other);
            merged(&other).expect_err("does not fit")
        };
        assert!(
            other(|other| other.suite.clear())
                .contains("two was recorded with another suite than one")
        );
        assert!(other(|other| other.rubric.clear()).contains("another rubric"));
        assert!(other(|other| other.class.clear()).contains("another class"));
        assert!(
            other(|other| other.submissions = vec!["bo".to_owned()])
                .contains("bo is in one and in two")
        );
        assert!(
            other(|other| other.shards = vec![self::shard("1/2")])
                .contains("part 1/2 is there twice")
        );
    }

    #[test]
    fn a_part_is_told_by_two_numbers() {
        assert_eq!(shard("2/8").to_string(), "2/8");
        for wrong in ["0/2", "3/2", "1", "1/", "-1/2", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_kept_is_found_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("results")).expect("opens");
        assert!(
            Store::open(&folder.path().join("results")).is_err_and(|why| why.contains("another"))
        );
        let record = Record {
            schema: SCHEMA.to_owned(),
            submission: "ann".to_owned(),
            digest: "d".to_owned(),
            suite: "s".to_owned(),
            parts: Vec::new(),
            is_doubtful: true,
        };
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
            assert!(store.folder_of(taken).is_err(), "{taken}");
        }
        drop(store);
        let store = Store::open(&folder.path().join("results")).expect("opens again");
        // What is no file is neither waited for nor followed.
        for name in [
            format!("ann/{EVIDENCE}"),
            MANIFEST.to_owned(),
            LOCK.to_owned(),
        ] {
            let file = store.file(&name);
            let _ = fs::remove_file(&file);
            rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RWXU).expect("a pipe");
        }
        let told = [
            store.record_of("ann").expect_err("is a pipe"),
            store.manifest().expect_err("is a pipe"),
            Store::open(&folder.path().join("results")).expect_err("is a pipe"),
        ];
        for told in told {
            assert!(told.ends_with("is a named pipe, not a file"), "{told}");
        }
    }
}
