//! `conform explore`: what it finds on faulty programs is a transcript that the suite takes, and it finds nothing on
//! right ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::{contains, is_match};
use tempfile::TempDir;

use crate::command_line::conform_within;
use crate::judging::example;

const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_chat-client");

#[track_caller]
fn conform(arguments: &[&str]) -> Assert {
    conform_within(Duration::from_secs(300), arguments)
}

/// Explores a program for some seconds; the folder with the transcripts.
#[track_caller]
fn explored(role: &str, program: &[&str], status: i32) -> (TempDir, PathBuf, String) {
    // Other tests wait for programs meanwhile, and should not wait for these.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("found");
    let path = out.display().to_string();
    let options = [
        "explore",
        "--role",
        role,
        "--seconds",
        "8",
        "--seed",
        "1",
        "--jobs",
        "2",
        "--out",
        &path,
        "--",
    ];
    let run = conform(&[&options, program].concat()).code(status);
    let shown = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    (folder, out, shown)
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("is there");
    let files = entries.map(|entry| entry.expect("can be read").path());
    files.collect()
}

/// The faulty program fails what was found on it by itself, the reference passes it, and it is formatted.
#[track_caller]
fn found_is_right(role: &str, fault: &str, reference: &str, covers: &str) {
    let program = example(&format!("faulty-{role}"));
    let faulty = [program.as_str(), "--fault", fault];
    let (_folder, out, shown) = explored(role, &faulty, 1);
    assert!(shown.contains(&format!("{covers} fails")), "{shown}");
    assert!(shown.contains("(seed 1)"), "{shown}");
    assert!(!shown.contains("only when Enter was pressed"), "{shown}");
    let files = transcripts(&out);
    let text = |file: &PathBuf| fs::read_to_string(file).expect("can be read");
    let covering = format!("\ncovers {covers}\n");
    assert!(
        files.iter().any(|file| text(file).contains(&covering)),
        "{shown}"
    );
    let suite = out.display().to_string();
    conform(&["fmt", "--check", &suite]).success();
    conform(&[&[role, "--suite", &suite, "--"], &faulty[..]].concat()).code(1);
    conform(&[role, "--suite", &suite, "--", reference]).success();
}

#[test]
fn what_is_found_on_a_server_is_a_transcript_that_it_fails() {
    found_is_right("server", "echo", SERVER, "S-MSG-2");
}

#[test]
fn what_is_found_on_a_client_is_a_transcript_that_it_fails() {
    found_is_right("client", "interrupt-silent", CLIENT, "C-QUIT-1");
}

#[test]
#[ignore = "slow; CI runs it"]
fn nothing_is_found_on_the_reference() {
    for (role, program) in [("server", SERVER), ("client", CLIENT)] {
        let (_folder, out, shown) = explored(role, &[program], 0);
        assert!(shown.contains("0 findings in"), "{shown}");
        assert_eq!(transcripts(&out), Vec::<PathBuf>::new());
    }
}

#[test]
fn wrong_use_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("note"), "mine").expect("is written");
    let full = folder.path().display().to_string();
    let refused = |arguments: &[&str], why: &str| {
        conform(&[&["explore"], arguments].concat())
            .code(2)
            .stdout("")
            .stderr(contains(why));
    };
    refused(&[], "required arguments were not provided");
    refused(&["--", "./no-such-server"], "no such program");
    refused(&["--seconds", "0", "--", SERVER], "from 1 to");
    refused(
        &["--out", &full, "--", SERVER],
        "is not empty; give a new folder to --out",
    );
    refused(
        &["--role", "client", "--", CLIENT, "{nmae}"],
        "{nmae} is unknown",
    );
}

#[test]
fn the_totals_have_their_seed() {
    // A busy machine is mentioned before them.
    let arguments = ["explore", "--seconds", "1", "--jobs", "1", "--", SERVER];
    let totals = is_match(r"(?m)^0 findings in \d+ conversations? in \d+ s \(seed \d+\)\.$")
        .expect("a pattern");
    conform(&arguments).success().stdout(totals.trim());
}
