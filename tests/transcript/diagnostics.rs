//! Each bad transcript in `conformance/invalid` gives exactly the errors in the file beside it.
//!
//! `UPDATE_GOLDEN=1 cargo test --test transcript` rewrites these files. Read the diff before you
//! commit it.

use chat_conformance::transcript::{Diagnostic, Place, parse, render};
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/invalid")
}

fn files(extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("conformance/invalid is there");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn transcripts() -> Vec<PathBuf> {
    let transcripts = files("chat");
    assert!(
        !transcripts.is_empty(),
        "no bad transcripts in {:?}",
        folder()
    );
    transcripts
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[test]
fn each_bad_transcript_gives_the_expected_errors() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let differences: Vec<String> = transcripts()
        .iter()
        .filter_map(|transcript| difference(transcript, update))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// How the errors of a transcript differ from the file beside it. Rewrites the file if asked to.
fn difference(transcript: &Path, update: bool) -> Option<String> {
    let name = file_name(transcript);
    let source = fs::read_to_string(transcript).expect("a transcript in UTF-8");
    let Err(diagnostics) = parse(&name, &source) else {
        return Some(format!("{name} is meant to be bad, and it parses"));
    };
    let drawn = render(&name, &source, &diagnostics, false);
    let golden = transcript.with_extension("err");
    if update {
        fs::write(&golden, &drawn).expect("a golden file that can be written");
    }
    let Ok(expected) = fs::read_to_string(&golden) else {
        return Some(format!("{name} has no .err; UPDATE_GOLDEN=1 writes it"));
    };
    let header = file_name(&golden);
    let lines = similar::TextDiff::from_lines(&expected, &drawn);
    let difference = lines.unified_diff().header(&header, "drawn").to_string();
    (drawn != expected).then_some(difference)
}

#[test]
fn each_error_file_has_its_transcript() {
    let transcripts = transcripts();
    for golden in files("err") {
        assert!(
            transcripts.contains(&golden.with_extension("chat")),
            "{golden:?} has no script"
        );
    }
}

#[test]
fn any_place_can_be_drawn() {
    let far = [0, 1, 2, 3, 7, usize::MAX];
    for source in ["", "\n", "é", "ab\r\n", "\u{feff}a\tb\nc"] {
        for line in far {
            for column in far {
                for width in far {
                    let place = Place::new(line, column, width);
                    let diagnostic = Diagnostic::new(place, "message")
                        .label("label")
                        .related(Place::new(width, line, column), "related");
                    let drawn = render("name.chat", source, &[diagnostic], true);
                    assert!(drawn.contains("message"), "{place:?} of {source:?}");
                }
            }
        }
    }
}

#[test]
fn no_control_character_reaches_the_terminal() {
    let nasty = "got \x1b[2J \u{9b}2J \x07";
    let diagnostic = Diagnostic::new(Place::new(1, 1, 1), nasty)
        .label(nasty)
        .related(Place::new(1, 3, 1), nasty)
        .help(nasty)
        .note(nasty);
    let drawn = render(nasty, nasty, &[diagnostic], false);
    let control = drawn.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(control, None, "{drawn}");
}
