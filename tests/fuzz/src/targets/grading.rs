//! The readers of a class: instructions, rubrics, evidence and results.

use std::collections::BTreeSet;
use std::fs;
use std::sync::LazyLock;

use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::program::target::client_command;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::grading::assessed_part::AssessedPart;
use chat_conformance::grading::assessment::{Assessment, assess, check};
use chat_conformance::grading::class::Class;
use chat_conformance::grading::instructions::Instructions;
use chat_conformance::grading::manifest::Manifest;
use chat_conformance::grading::record::Record;
use chat_conformance::grading::rubric::Rubric;
use chat_conformance::grading::score::{Besides, score};
use chat_conformance::grading::store::{EVIDENCE as EVIDENCE_FILE, Store};
use chat_conformance::report::formats::{Format, class_csv, class_json, render};
use chat_conformance::report::terminal::{class_table, failure, program};
use chat_conformance::report::{Style, appeal, page};
use chat_conformance::transcript::syntax::Role;
use chat_conformance::transcript::{Diagnostic, render as drawn};

use super::language::{LONGEST_REPORT, is_printable};
use super::{END_OF_READ, Target, file, files_in, root, texts};

/// A small suite, with recorded evidence.
static SUITE: LazyLock<Suite> =
    LazyLock::new(|| Suite::in_folder(&root().join("tests/reports/suite")).expect("is a suite"));
static RUBRIC_OF_SUITE: LazyLock<Rubric> = LazyLock::new(|| {
    let all = Suite::embedded().expect("is right").requirements;
    Rubric::built_in(&all).expect("is right")
});
/// Judged programs, to be scored.
static PARTS: LazyLock<Vec<Vec<AssessedPart>>> = LazyLock::new(|| {
    let parts = recorded().into_iter().map(|evidence| {
        let record: Record = serde_json::from_slice(&evidence).expect("is evidence");
        assess(record, &SUITE, &RUBRIC_OF_SUITE).parts
    });
    parts.collect()
});

fn recorded() -> Vec<Vec<u8>> {
    files_in("tests/reports/recorded", "json")
}

const PLAIN: Style = Style {
    colour: false,
    width: 80,
};

/// A mistake is drawn in few words, and harmless.
fn are_told(name: &str, text: &str, mistakes: &[Diagnostic]) {
    assert!(!mistakes.is_empty());
    let drawn = drawn(name, text, mistakes, false);
    assert!(drawn.len() < LONGEST_REPORT, "{} bytes", drawn.len());
    assert!(is_printable(&drawn), "{drawn:?}");
}

pub const INSTRUCTIONS: Target = Target {
    name: "instructions",
    run: instructions,
    seeds: || {
        texts(&[
            "server = [\"python3\", \"server.py\"]\nclient = [\"./client\", \"{name}\", \"{host}\", \"{port}\"]\n",
            "build = [\"make\"]\n[environment]\nMODE = \"x\"\n[limits]\nmemory = 512\npatience = 2.5\nseconds = 60\n",
            "sever = []\n[limits]\nmemroy = -1\ncpu_seconds = 1e400\n",
            "a = {b = [[1, 2], \"\"\"x\"\"\"], 'c' = 1979-05-27T07:32:00Z}\n",
        ])
    },
    words: &[
        "server = [",
        "client = [",
        "build = [",
        "[environment]\n",
        "[limits]\n",
        "patience = ",
        "seconds = ",
        "build_seconds = ",
        "cpu_seconds = ",
        "memory = ",
        "processes = ",
        "{url}",
        "{name}",
        "{host}",
        "{x}",
        "\"\"\"",
        "\\u0000",
        "inf",
        "nan",
        "0x10",
        "1_0",
    ],
};

/// Instructions can be followed, and mistakes in them are told.
fn instructions(data: &[u8]) {
    const URL: &str = "chat://127.0.0.1:80";
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let instructions = match Instructions::parse(text) {
        Ok(instructions) => instructions,
        Err(mistakes) => return are_told("conform.toml", text, &mistakes),
    };
    for command in [
        &instructions.server,
        &instructions.client,
        &instructions.build,
    ]
    .into_iter()
    .flatten()
    {
        assert!(!command.is_empty() && command.iter().all(|word| !word.contains('\0')));
    }
    if let Some(client) = instructions.command_of(Role::Client) {
        assert!(client_command(client, "alice", URL, false).is_some());
        client_command(client, "alice", "nonsense", true);
    }
    for (name, value) in &instructions.environment {
        assert!(!name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0'));
    }
    let limits = instructions.limits.applied_to(Limits::default());
    assert!(limits.memory >= 16 && limits.processes >= 1 && limits.cpu_seconds >= 1);
    assert!(
        instructions
            .limits
            .patience
            .is_none_or(|seconds| (0.1..=600.0).contains(&seconds))
    );
    assert_eq!(
        instructions.clone().over(&instructions).server,
        instructions.server
    );
}

pub const RUBRIC: Target = Target {
    name: "rubric",
    run: rubric,
    seeds: || {
        let mut seeds = vec![file("conformance/rubric.toml")];
        seeds.extend(texts(&[
            "levels = [\"must\"]\n[server]\npoints = 10\n[client]\npoints = 0\n[weights]\nmust = 0\n\"S-MSG-2\" = 1\n",
            "levels = [\"must\", \"implied\", \"hardening\"]\n[server]\npoints = 60\nfloor = 10\ncap = 50\n[client]\n\
             points = 40\n[whole]\nfloor = 20\ncap = 90\n[weights]\nmust = 3\nimplied = 0.01\n\"S-*\" = 0.5\n\
             Registration = 2\n[shares]\nblocked = 0.5\nracy = 1\nunsure = 0\n[[once]]\nfault = \"It\"\n\
             requirements = [\"S-*\"]\ncosts = 3.33\n[[limit]]\nunless = [\"S-REG-1\"]\nat_most = 10\n",
        ]));
        seeds
    },
    words: &[
        "levels = [",
        "\"must\"",
        "\"implied\"",
        "\"hardening\"",
        "[server]\n",
        "[client]\n",
        "[whole]\n",
        "points = ",
        "floor = ",
        "cap = ",
        "[weights]\n",
        "[shares]\n",
        "blocked = ",
        "racy = ",
        "unsure = ",
        "[[once]]\n",
        "fault = ",
        "requirements = [",
        "costs = ",
        "[[limit]]\n",
        "unless = [",
        "at_most = ",
        "\"S-*\"",
        "\"{a,b}\"",
        "\"[!\"",
        "10000",
        "0.005",
        "-0.0",
        "nan",
        "inf",
    ],
};

/// Marks by any rubric lie between zero and full marks, and add up.
fn rubric(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let rubric = match Rubric::parse(text, &SUITE.requirements) {
        Ok(rubric) => rubric,
        Err(mistakes) => return are_told("rubric.toml", text, &mistakes),
    };
    for parts in PARTS.iter() {
        let score = score(parts, &SUITE.requirements, &rubric, &Besides::default());
        let adjusted = score.adjustments.iter().map(|adjustment| adjustment.points);
        let sum = score
            .parts
            .iter()
            .map(|part| part.earned)
            .chain(adjusted)
            .sum();
        assert_eq!(score.earned, sum);
        for part in &score.parts {
            let adjusted = part.adjustments.iter().map(|adjustment| adjustment.points);
            let sum = part
                .requirements
                .iter()
                .map(|one| one.earned)
                .chain(adjusted)
                .sum();
            assert_eq!(part.earned, sum, "{:?}", part.role);
        }
        for repair in &score.repairs {
            assert!(repair.at_least <= repair.at_most, "{repair:?}");
        }
    }
}

pub const EVIDENCE: Target = Target {
    name: "evidence",
    run: evidence,
    seeds: recorded,
    words: &[
        "\"events\":[",
        "\"outcome\":",
        "null",
        "1e999",
        "\\u0000",
        "\\ud800",
        "\"step\":",
    ],
};

/// Evidence is refused, or it can be judged, scored and shown; nothing in a report breaks its format.
fn evidence(data: &[u8]) {
    let Ok(record) = serde_json::from_slice::<Record>(data) else {
        return;
    };
    let written = serde_json::to_vec(&record).expect("can be written");
    assert_eq!(
        serde_json::from_slice::<Record>(&written).ok().as_ref(),
        Some(&record)
    );
    record.is_judged();
    let is_sound = check(&record, &SUITE).is_ok();
    let assessment = assess(record, &SUITE, &RUBRIC_OF_SUITE);
    if is_sound {
        can_be_shown(assessment);
    }
}

fn can_be_shown(mut assessment: Assessment) {
    for format in Format::all() {
        let report = render(*format, &assessment, |_| None);
        let is_json = matches!(
            format,
            Format::Json | Format::Gradescope | Format::Classroom50
        );
        if is_json {
            serde_json::from_str::<serde_json::Value>(&report).expect("is JSON");
        }
        assert!(is_printable(&report.replace('\t', "")), "{format}");
    }
    page::submission(&assessment, Some("../index.html"));
    for part in &assessment.parts {
        if let Ok(result) = &part.result {
            assert!(is_printable(&program::render(result, PLAIN)));
            assert!(is_printable(&failure::render(result, PLAIN)));
        }
    }
    for (name, _) in appeal::bundle(&assessment) {
        assert!(
            !name.contains(['/', '\0']) && !name.starts_with('.'),
            "{name:?}"
        );
    }
    assessment.forget_conversations();
    let class = Class::of(
        "class".to_owned(),
        vec![assessment],
        SUITE.requirements.clone(),
    );
    assert!(is_printable(&class_table::render(&class, PLAIN)));
    page::class(&class);
    class_csv::render(&class);
    serde_json::from_str::<serde_json::Value>(&class_json::render(&class)).expect("is JSON");
}

pub const RESULTS: Target = Target {
    name: "results",
    run: results,
    seeds: || {
        let manifest = |shards: &str, submissions: &str| {
            format!(
                "{{\"schema\":\"chat-conformance/run/1\",\"class\":\"class\",\"suite\":\"s\",\"rubric\":\"r\",\
                 \"shards\":{shards},\"submissions\":{submissions}}}"
            )
        };
        let [first, second] = [
            ("[\"1/2\"]", "[\"dave\"]"),
            ("[\"2/2\"]", "[\"bob\", \"../x\", \".work\"]"),
        ]
        .map(|(shards, submissions)| manifest(shards, submissions));
        let dave = file("tests/reports/recorded/dave.json");
        let joined = |parts: &[&[u8]]| parts.join(&[END_OF_READ][..]);
        vec![
            first.clone().into_bytes(),
            joined(&[first.as_bytes(), second.as_bytes()]),
            joined(&[first.as_bytes(), second.as_bytes(), &dave]),
            joined(&[second.as_bytes(), first.as_bytes(), b"{}"]),
        ]
    },
    words: &[
        "\"1/2\"",
        "\"2/2\"",
        "\"1/100000\"",
        "\"0/0\"",
        "chat-conformance/evidence/1",
        "\"dave\"",
        "\"..\"",
        "\\u0000",
    ],
};

/// A folder of results is refused with a reason, or can be read, and reading leaves everything as it was.
///
/// The input is two manifests, and the evidence of dave.
fn results(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == END_OF_READ);
    let [first, second, evidence] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let manifests: Vec<Manifest> = [first, second]
        .into_iter()
        .filter_map(|text| serde_json::from_slice(text).ok())
        .collect();
    let named: Vec<(String, &Manifest)> = manifests
        .iter()
        .map(|one| (one.class.clone(), one))
        .collect();
    match Manifest::merged(&named) {
        Ok(merged) => {
            let expected: BTreeSet<&String> =
                manifests.iter().flat_map(|one| &one.submissions).collect();
            assert!(merged.submissions.iter().eq(expected));
            merged.missing_shards();
        }
        Err(why) => assert!(!why.is_empty()),
    }

    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    fs::write(place("run.json"), first).expect("is written");
    fs::create_dir(place("dave")).expect("is made");
    fs::write(place("dave").join(EVIDENCE_FILE), evidence).expect("is written");
    match Store::existing(folder.path()) {
        Ok((store, manifest)) => {
            let _ = store.check_version(&manifest.submissions);
            for name in manifest
                .submissions
                .iter()
                .map(String::as_str)
                .chain(["dave"])
            {
                if let Ok(Some(record)) = store.record_of(name) {
                    assert_eq!(record.submission, name);
                }
            }
            assert_eq!(store.changed(), []);
        }
        Err(why) => assert!(is_printable(&why), "{why:?}"),
    }
    assert_eq!(fs::read(place("run.json")).expect("is there"), first);
    let names = fs::read_dir(folder.path()).expect("is there").flatten();
    let names: BTreeSet<_> = names.map(|entry| entry.file_name()).collect();
    assert!(names.len() <= 3, "{names:?}");
}
