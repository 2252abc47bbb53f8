//! The readers of a suite: transcripts and requirements.

use chat_conformance::conformance::play::inbox::known_messages;
use chat_conformance::conformance::suite::requirement::parse_requirements;
use chat_conformance::conformance::suite::{Case, Suite};
use chat_conformance::report::terminal::{explain, list, situations};
use chat_conformance::transcript::syntax::Transcript;
use chat_conformance::transcript::{format, parse, render};

use super::{Target, file, files_in, texts};

/// A report on mistakes is not longer than this, in bytes.
pub const LONGEST_REPORT: usize = 256 << 10;

const WORDS: &[&str] = &[
    "covers ",
    "S-REG-1",
    "C-REG-1",
    "alice ",
    "bob ",
    "server ",
    "client ",
    "user ",
    "terminal ",
    "another server ",
    "joins",
    "connects",
    " as ",
    " > ",
    " < ",
    "sends ",
    "hears ",
    "nothing",
    "closes",
    "resets",
    "is disconnected",
    "is interrupted",
    "is terminated",
    "ends",
    "starts",
    " at ",
    "never gets ",
    "gets ",
    "grows by at most ",
    "MiB",
    "types ",
    "presses ",
    "Ctrl-C",
    "sees ",
    "an error",
    "a notice",
    "prints its port",
    " times",
    " seconds pass",
    "stops reading",
    "\"",
    "\\n",
    "\\x",
    "\\u{",
    "{host}",
    "...",
    "#",
    "\r\n",
    "\u{feff}",
    "“",
    "\u{200b}",
];

fn transcripts() -> Vec<Vec<u8>> {
    let folders = [
        "conformance/server/registration",
        "conformance/server/wire",
        "conformance/client/quitting",
        "conformance/client/messages",
        "conformance/invalid",
    ];
    folders
        .iter()
        .flat_map(|folder| files_in(folder, "chat"))
        .collect()
}

pub const TRANSCRIPT: Target = Target {
    name: "transcript",
    run: transcript,
    seeds: transcripts,
    words: WORDS,
};

/// A text has mistakes that can be drawn and point into it, or it is a transcript that can be explained.
fn transcript(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let transcript = match parse("fuzz.chat", text) {
        Ok(transcript) => transcript,
        Err(mistakes) => {
            assert!(!mistakes.is_empty());
            assert!(mistakes.is_sorted_by_key(|mistake| (mistake.line, mistake.column)));
            let lines: Vec<&str> = text.split('\n').collect();
            for mistake in &mistakes {
                let width = lines[mistake.line - 1].chars().count();
                assert!((1..=width + 1).contains(&mistake.column), "{mistake:?}");
            }
            for colour in [false, true] {
                let drawn = render("fuzz.chat", text, &mistakes, colour);
                assert!(drawn.len() < LONGEST_REPORT, "{} bytes", drawn.len());
                assert!(colour || is_printable(&drawn), "{drawn:?}");
            }
            return;
        }
    };
    known_messages(&transcript);
    let case = Case {
        name: "server/fuzz".to_owned(),
        source: text.to_owned(),
        transcript,
    };
    assert!(is_printable(&explain::transcript(&case, &[])));
    situations::render(&[], &[case]);
}

/// Whether a terminal obeys nothing in a text.
pub fn is_printable(text: &str) -> bool {
    !text.contains(|character: char| character.is_control() && character != '\n')
}

pub const FORMAT: Target = Target {
    name: "format",
    run: formatted,
    seeds: transcripts,
    words: WORDS,
};

/// Formatting keeps the meaning, and formatting twice is formatting once.
fn formatted(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let before = parse("fuzz.chat", text);
    let once = format(text);
    assert_eq!(before.is_ok(), once.is_ok());
    let (Ok(before), Ok(once)) = (before, once) else {
        return;
    };
    let after = parse("fuzz.chat", &once);
    assert_eq!(
        after.map(without_places),
        Ok(without_places(before)),
        "{once}"
    );
    assert_eq!(format(&once), Ok(once));
}

fn without_places(mut transcript: Transcript) -> Transcript {
    for step in &mut transcript.steps {
        (step.line, step.column) = (0, 0);
    }
    transcript
}

pub const REQUIREMENTS: Target = Target {
    name: "requirements",
    run: requirements,
    seeds: || {
        let mut seeds = texts(&[
            "[[requirement]]\nid = \"S-REG-1\"\nlevel = \"must\"\ngroup = \"G\"\nsentence = \"It.\"\nfix = \"So.\"\n",
            "requirement = []",
            "[[requirement]]\nid = \"W-1\"\nlevel = \"must\"\ngroup = \"G\"\nsentence = \"\tt\\u001b.\"\nfix = \"\"\n",
        ]);
        seeds.extend([
            file("tests/reports/suite/requirements.toml"),
            file("conformance/requirements.toml"),
        ]);
        seeds
    },
    words: &[
        "[[requirement]]\n",
        "id = \"",
        "level = \"",
        "must",
        "implied",
        "hardening",
        "assignment = [",
        "rests_on = [",
        "wording_of = \"",
        "to_the_letter = true",
        "reason = \"",
        "\"\"\"",
        "S-",
        "W-",
    ],
};

/// What is read can be listed and explained; a mistake is told in few words.
fn requirements(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match parse_requirements(text) {
        Ok(requirements) => {
            assert!(is_printable(&list::render(&requirements, &[])));
            for requirement in &requirements {
                assert!(is_printable(&explain::requirement(requirement, &[])));
            }
            let cases = Vec::new();
            let suite = Suite {
                requirements,
                cases,
            };
            assert_eq!(suite.uncovered().len(), suite.requirements.len());
            suite.digest();
            suite.table();
        }
        Err(why) => {
            assert!(!why.is_empty() && why.len() < LONGEST_REPORT);
            assert!(is_printable(&why), "{why:?}");
        }
    }
}
