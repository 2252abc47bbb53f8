//! The fuzz targets: functions that read what strangers write, with what must hold for every input.
//!
//! libFuzzer runs them with coverage (`scripts/fuzz`), and `tests/fuzzing.rs` with random changes of the seeds. A new
//! target is a function, a line in [`TARGETS`], and a binary in `Cargo.toml` and `bins/`.

mod classroom;
mod grading;
mod language;
mod play;
mod protocol;
mod recording;

use std::path::{Path, PathBuf};

/// A function for any input, with examples.
pub struct Target {
    /// Name of its binary.
    pub name: &'static str,
    /// Panics if an input breaks what must hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words that occur in its inputs.
    pub words: &'static [&'static str],
}

/// Every target, by name.
pub const TARGETS: &[Target] = &[
    protocol::ADDRESS,
    classroom::ARCHIVE,
    play::DIALECT,
    grading::EVIDENCE,
    language::FORMAT,
    play::INBOX,
    grading::INSTRUCTIONS,
    protocol::KEYS,
    protocol::LINES,
    protocol::MESSAGE,
    recording::RECORDING,
    language::REQUIREMENTS,
    grading::RESULTS,
    grading::RUBRIC,
    play::SCREEN,
    language::TRANSCRIPT,
];

/// In inputs that arrive in several reads, this byte ends a read. UTF-8 does not contain it.
const END_OF_READ: u8 = 0xff;

/// The reads of a connection. None of them is empty.
fn reads(data: &[u8]) -> Vec<&[u8]> {
    let reads = data.split(|byte| *byte == END_OF_READ);
    reads.filter(|read| !read.is_empty()).collect()
}

/// The project's folder.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    match package.ends_with("tests/fuzz") {
        true => package.join("../.."),
        false => package.to_owned(),
    }
}

/// The content of a file of the project.
fn file(path: &str) -> Vec<u8> {
    let path = root().join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files with this extension directly in a folder of the project, in order.
fn files_in(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    let path = root().join(folder);
    let entries = std::fs::read_dir(&path);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    let read = |file: &PathBuf| std::fs::read(file).expect("a file of the project can be read");
    files.iter().map(read).collect()
}

/// These texts as seeds.
fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
