//! Readers of reports.

use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;

/// Whether a program is there; says loudly what is left out where it is not.
pub fn is_there(program: &str, what: &str) -> bool {
    let run = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status();
    let is_there = run.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("NOT RUN: {program} is not installed, so {what} was not checked");
    }
    is_there
}

/// What a program prints when it runs. It has to succeed.
pub fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("is started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{program} refuses it:\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The texts, each in a file of its own.
pub fn files(texts: &[String], ending: &str) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |(number, text): (usize, &String)| {
        let file = folder.path().join(format!("{number}.{ending}"));
        std::fs::write(&file, text).expect("is written");
        file.display().to_string()
    };
    let files = texts.iter().enumerate().map(write).collect();
    (folder, files)
}

/// Reads a document in JSON, in which nothing may be a control character.
pub fn read<T: DeserializeOwned>(document: &str) -> T {
    let is_seen = |character: char| !character.is_control() || character == '\n';
    assert!(document.chars().all(is_seen), "{document}");
    serde_json::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}"))
}
