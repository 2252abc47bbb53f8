//! Dependencies point one way: between the modules of the library, as `src/lib.rs` draws them, and between the files
//! of a module.

mod graph;
mod source;

use std::collections::BTreeSet;

use graph::{Graph, circle};
use source::{
    declared_modules, files_below, library_modules_below, modules_below, paths_after, read,
    source_folder, sources_below, tokens,
};

/// The modules that each module may use. The suite judges the reference in the same way as any other program, so
/// no path leads from the suite to `protocol`, `server` or `client`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("server", &["protocol"]),
    ("client", &["protocol"]),
    ("transcript", &[]),
    ("conformance", &["transcript"]),
    ("classroom", &["conformance"]),
    ("grading", &["classroom", "conformance", "transcript"]),
    ("stress", &["conformance"]),
    ("recording", &["conformance", "transcript"]),
    ("exploration", &["conformance", "transcript"]),
    (
        "report",
        &[
            "classroom",
            "conformance",
            "exploration",
            "grading",
            "stress",
            "transcript",
        ],
    ),
];

/// The modules that each program may use: its own part, and never `protocol`.
const PROGRAMS_MAY_USE: &[(&str, &[&str])] = &[
    ("chat-server", &["server", "conformance"]),
    ("chat-client", &["client", "conformance"]),
    (
        "conform",
        &[
            "server",
            "client",
            "classroom",
            "conformance",
            "grading",
            "recording",
            "exploration",
            "report",
            "stress",
            "transcript",
        ],
    ),
];

#[test]
fn every_module_is_in_the_table() {
    let tokens = tokens(&read(&source_folder().join("lib.rs")));
    let declared: BTreeSet<String> = declared_modules(&tokens).cloned().collect();
    let listed: BTreeSet<String> = MAY_USE
        .iter()
        .map(|(module, _)| (*module).to_owned())
        .collect();
    assert_eq!(declared, listed);
}

#[test]
fn modules_use_only_what_they_may() {
    for (module, allowed) in MAY_USE {
        let files = modules_below(module);
        assert!(!files.is_empty(), "{module} has no source");
        for file in files {
            let uses = file
                .uses()
                .into_iter()
                .filter_map(|path| path.into_iter().next());
            let others: BTreeSet<String> = uses.filter(|used| used != module).collect();
            for used in others {
                assert!(
                    allowed.contains(&used.as_str()),
                    "{} uses {used}, which {module} may not; see src/lib.rs",
                    file.path.display()
                );
            }
        }
    }
}

#[test]
fn programs_use_only_what_they_may() {
    for (program, allowed) in PROGRAMS_MAY_USE {
        let folder = source_folder().join("bin");
        let files = match folder.join(program) {
            folder if folder.is_dir() => sources_below(&folder),
            _ => vec![folder.join(format!("{program}.rs"))],
        };
        let tokens: Vec<String> = files.iter().flat_map(|file| tokens(&read(file))).collect();
        let used = paths_after(&tokens, "chat_conformance");
        assert!(!used.is_empty(), "{program} uses nothing of the library");
        for path in used {
            assert!(
                allowed.contains(&path[0].as_str()),
                "{program} uses {}, which it may not",
                path.join("::")
            );
        }
    }
}

#[test]
fn there_is_no_circle_between_modules() {
    let table = MAY_USE.iter().map(|(module, allowed)| {
        let allowed = allowed.iter().map(|used| (*used).to_owned()).collect();
        ((*module).to_owned(), allowed)
    });
    assert_eq!(circle(&table.collect()), None);
}

/// The parts of a module are the files and folders right below it. `transcript` is left out: an error of the language
/// names parts of it, which make errors.
#[test]
fn there_is_no_circle_between_the_parts_of_a_module() {
    for (module, _) in MAY_USE.iter().filter(|(module, _)| *module != "transcript") {
        let parts = parts(module);
        assert!(!parts.is_empty(), "{module} has no parts");
        if let Some(circle) = circle(&parts) {
            panic!(
                "parts of {module} use each other in a circle: {}",
                drawn(&circle)
            );
        }
    }
}

/// The parts of a module, and which others each of them uses.
fn parts(module: &str) -> Graph {
    let files = modules_below(module);
    let part = |path: &[String]| path.get(1).cloned();
    let names: BTreeSet<String> = files.iter().filter_map(|file| part(&file.module)).collect();
    let mut graph = Graph::new();
    for file in &files {
        // The module's own `mod.rs` is above its parts.
        let Some(user) = part(&file.module) else {
            continue;
        };
        let used = file.uses().into_iter().filter(|path| path[0] == module);
        let used = used.filter_map(|path| part(&path));
        let others = used.filter(|used| *used != user && names.contains(used));
        graph.entry(user.clone()).or_default().extend(others);
    }
    graph
}

#[test]
fn there_is_no_circle_between_files() {
    if let Some(circle) = circle(&files()) {
        panic!("files use each other in a circle: {}", drawn(&circle));
    }
}

/// The circle as `a -> b -> a`.
fn drawn(circle: &[String]) -> String {
    let back = circle.first().cloned();
    let all: Vec<String> = circle.iter().cloned().chain(back).collect();
    all.join(" -> ")
}

/// The files of the library, and which others each of them uses outside its tests.
fn files() -> Graph {
    let modules = library_modules_below("");
    let file_of = |path: &[String]| {
        let mut lengths = (1..=path.len()).rev();
        lengths.find_map(|length| modules.iter().find(|file| file.module == path[..length]))
    };
    let edges = modules.iter().map(|user| {
        let used = user.uses_outside_tests();
        let used = used.iter().filter_map(|path| file_of(path));
        let others = used.filter(|used| used.path != user.path);
        (user.name(), others.map(|used| used.name()).collect())
    });
    edges.collect()
}

/// Where requirements are not to be named: what is done for one of them is said in `conformance/requirements.toml`.
const WITHOUT_IDS: &[&str] = &["conformance/play", "grading", "report"];

#[test]
fn playing_grading_and_reporting_name_no_requirement() {
    let naming: BTreeSet<String> = WITHOUT_IDS
        .iter()
        .flat_map(|folder| files_that_name_requirements(folder))
        .collect();
    assert!(
        naming.is_empty(),
        "these files name requirements by their ids: {naming:?}"
    );
}

/// Rust sources with an id in a string outside their tests, and other files with an id anywhere.
fn files_that_name_requirements(folder: &str) -> Vec<String> {
    let modules = library_modules_below(folder);
    assert!(!modules.is_empty(), "{folder} has no source");
    let rust = modules
        .iter()
        .filter(|module| {
            module
                .strings_outside_tests()
                .iter()
                .any(|text| names_requirement(text))
        })
        .map(|module| module.name());
    let others = files_below(&source_folder().join(folder)).into_iter();
    let others = others
        // Snapshots show what tests saw.
        .filter(|file| {
            let extension = file.extension();
            extension.is_none_or(|extension| extension != "rs" && extension != "snap")
        })
        .filter(|file| names_requirement(&read(file)))
        .map(|file| {
            let below = file.strip_prefix(source_folder()).expect("is below src");
            below.display().to_string()
        });
    rust.chain(others).collect()
}

/// Whether an id such as `S-MSG-2` stands in a text.
fn names_requirement(text: &str) -> bool {
    ["S-", "C-", "W-"].iter().any(|prefix| {
        text.match_indices(prefix).any(|(at, _)| {
            let is_start = !text[..at].ends_with(|before: char| before.is_alphanumeric());
            let area = &text[at + prefix.len()..];
            let rest = area.trim_start_matches(|letter: char| letter.is_ascii_uppercase());
            let number = rest.strip_prefix('-').filter(|_| rest.len() < area.len());
            is_start
                && number
                    .is_some_and(|number| number.starts_with(|digit: char| digit.is_ascii_digit()))
        })
    })
}

#[test]
fn ids_are_recognised() {
    for text in ["S-MSG-2", "\"see C-ARG-1.\"", "(W-LINE-10)"] {
        assert!(names_requirement(text), "{text}");
    }
    for text in ["S-MSG", "S--2", "ASS-MSG-2", "S-Msg-2", "UTF-8", "S-MSG-x"] {
        assert!(!names_requirement(text), "{text}");
    }
}
