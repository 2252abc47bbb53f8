//! The suite itself: every requirement has its transcripts, and every transcript keeps the language's conventions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chat_conformance::conformance::conversation::utterance::{Utterance, contains_words};
use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::requirement::{Level, Requirement};
use chat_conformance::conformance::suite::{Suite, transcripts_below};
use chat_conformance::transcript::format;
use chat_conformance::transcript::syntax::{Action, Role};

/// The ids are cited elsewhere: none changes its meaning or goes away.
const FAMILIES: [(&str, usize); 16] = [
    ("W-LINE", 3),
    ("S-PORT", 2),
    ("S-REG", 7),
    ("S-MSG", 6),
    ("S-CONC", 3),
    ("S-DISC", 7),
    ("S-SHUT", 2),
    ("S-RUN", 1),
    ("S-HARD", 7),
    ("C-ARG", 3),
    ("C-REG", 4),
    ("C-MSG", 5),
    ("C-QUIT", 2),
    ("C-SHUT", 2),
    ("C-HARD", 3),
    ("P", 7),
];

/// Rows on which the assignment is silent, and which it needs.
const IMPLIED: [&str; 11] = [
    "W-LINE-1", "W-LINE-2", "W-LINE-3", "S-MSG-5", "S-MSG-6", "S-CONC-3", "S-DISC-4", "S-DISC-5",
    "S-DISC-7", "C-MSG-5", "C-SHUT-2",
];

/// Rows about what must not happen: silence proves nothing where nothing is ever heard.
const SILENCES: [&str; 7] = [
    "S-MSG-2", "S-MSG-3", "S-REG-7", "S-DISC-1", "S-DISC-3", "S-DISC-6", "S-HARD-1",
];

fn suite() -> Suite {
    Suite::embedded().unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

/// Names all cases of which `complaint` says something, with what it says.
#[track_caller]
fn nothing_to_complain_of(complaint: impl Fn(&Case) -> Option<String>) {
    let mistakes = suite()
        .cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", case.name, complaint(case)?)))
        .collect::<Vec<_>>();
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

fn actions(case: &Case) -> impl Iterator<Item = &Action> {
    case.transcript.steps.iter().map(|step| &step.action)
}

// The requirements.

#[test]
fn the_rows_are_numbered_by_family() {
    let expected: Vec<String> = FAMILIES
        .iter()
        .flat_map(|(family, requirements)| {
            (1..=*requirements).map(move |number| format!("{family}-{number}"))
        })
        .collect();
    let ids: Vec<String> = suite()
        .requirements
        .into_iter()
        .map(|requirement| requirement.id)
        .collect();
    assert_eq!(ids, expected);
}

#[test]
fn the_rows_are_as_binding_as_the_assignment_makes_them() {
    for requirement in suite().requirements {
        let expected = match requirement.id.as_str() {
            id if id.contains("-HARD-") => Level::Hardening,
            id if IMPLIED.contains(&id) => Level::Implied,
            _ => Level::Must,
        };
        assert_eq!(requirement.level, expected, "{}", requirement.id);
    }
}

#[test]
fn the_rows_say_why_they_are_there() {
    for requirement in suite().requirements {
        let Requirement {
            id,
            level,
            sentence,
            assignment,
            reason,
            fix,
            ..
        } = &requirement;
        for text in [sentence, fix].into_iter().chain(reason) {
            assert!(is_prose(text), "{id}: {text:?}");
        }
        assert!(!assignment.is_empty(), "{id} quotes nothing");
        for quotation in assignment {
            let is_quoted = !quotation.is_empty() && quotation.trim() == quotation;
            assert!(
                is_quoted && !quotation.contains(['\n', '“', '”']),
                "{id}: {quotation:?}"
            );
        }
        assert!(
            *level == Level::Must || reason.is_some(),
            "{id}: {level} for which reason?"
        );
    }
}

/// One or more whole sentences.
fn is_prose(text: &str) -> bool {
    let begins_well =
        text.starts_with(|first: char| first.is_uppercase() || !first.is_alphabetic());
    begins_well && text.ends_with(['.', '?']) && text.trim() == text && !text.contains("  ")
}

#[test]
fn a_group_stands_together_and_is_about_one_program() {
    let requirements = suite().requirements;
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for pair in requirements.windows(2) {
        if pair[0].group == pair[1].group {
            assert_eq!(
                pair[0].id[..1],
                pair[1].id[..1],
                "{} and {}",
                pair[0].id,
                pair[1].id
            );
        } else {
            assert!(
                seen.insert(&pair[0].group),
                "{} is there twice",
                pair[0].group
            );
        }
    }
    let last = requirements.last().expect("there are requirements");
    assert!(
        !seen.contains(last.group.as_str()),
        "{} is there twice",
        last.group
    );
}

#[test]
fn every_row_has_a_transcript() {
    assert_eq!(suite().uncovered(), Vec::<&str>::new());
}

// The transcripts.

#[test]
fn the_binary_holds_every_transcript_of_the_folder() {
    let in_folder = Suite::in_folder(&folder()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let embedded = suite();
    assert_eq!(embedded.requirements, in_folder.requirements);
    let names = |suite: &Suite| -> Vec<String> {
        suite.cases.iter().map(|case| case.name.clone()).collect()
    };
    let by_name = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(by_name(names(&embedded)), by_name(names(&in_folder)));
    for role in ["server", "client", "pair"] {
        let files = transcripts_below(&folder().join(role)).expect("is readable");
        let embedded = names(&embedded)
            .into_iter()
            .filter(|name| name.starts_with(role));
        assert_eq!(embedded.count(), files.len());
    }
}

#[test]
fn every_transcript_is_in_its_canonical_layout() {
    nothing_to_complain_of(|case| {
        let formatted = format(&case.source).ok()?;
        (formatted != case.source).then(|| "run `conform fmt conformance`".to_owned())
    });
}

#[test]
fn names_of_files_are_words_and_folders_are_roles() {
    nothing_to_complain_of(|case| {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let parts: Vec<&str> = case.name.split('/').collect();
        let role = &case.transcript.role.to_string();
        let is_good = parts.len() == 3
            && parts[0] == *role
            && parts[1..].iter().all(|part| part.split('-').all(is_word));
        (!is_good).then(|| format!("should be {role}/subject/what-must-be-so"))
    });
}

#[test]
fn what_is_covered_fits_the_role_and_is_asked_once() {
    nothing_to_complain_of(|case| {
        let own: &[&str] = match case.transcript.role {
            Role::Server => &["S-", "W-"],
            Role::Client => &["C-", "W-"],
            Role::Pair => &["P-"],
        };
        let covers = &case.transcript.covers;
        let fits = |id: &String| own.iter().any(|prefix| id.starts_with(prefix));
        let once: BTreeSet<&String> = covers.iter().collect();
        (!covers.iter().all(fits) || once.len() != covers.len()).then(|| format!("{covers:?}"))
    });
}

#[test]
fn every_transcript_says_what_must_be_so() {
    let all = suite().cases;
    nothing_to_complain_of(|case| {
        let sentence = &case.transcript.sentence;
        let twins = all.iter().filter(|other| {
            other.transcript.sentence == *sentence && other.transcript.role == case.transcript.role
        });
        if twins.count() > 1 {
            return Some(format!("another transcript says the same: {sentence}"));
        }
        (!is_prose(sentence)).then(|| sentence.clone())
    });
}

#[test]
fn a_status_counts_by_its_number_except_where_its_words_are_the_subject() {
    nothing_to_complain_of(|case| {
        let is_about_words = ["S-REG-2", "S-REG-4", "S-REG-6"]
            .iter()
            .any(|requirement| case.transcript.covers.iter().any(|id| id == requirement));
        let spelt_out = actions(case).find_map(|action| match action {
            Action::Gets {
                line,
                open_ended: false,
                ..
            } if is_status(line) => Some(line),
            _ => None,
        });
        match (is_about_words, spelt_out) {
            (false, Some(line)) => Some(format!("`{line}` should end in ` ...`")),
            (true, None) => Some("no answer is spelt out".to_owned()),
            _ => None,
        }
    });
}

fn is_status(line: &str) -> bool {
    matches!(Utterance::of(line), Utterance::Status { .. })
}

fn is_message(line: &str) -> bool {
    matches!(Utterance::of(line), Utterance::Message { .. })
}

#[test]
fn silence_has_its_twin() {
    nothing_to_complain_of(|case| {
        let is_about_silence = SILENCES
            .iter()
            .any(|requirement| case.transcript.covers.iter().any(|id| id == requirement));
        let silence =
            actions(case).position(|action| matches!(action, Action::HearsNothing { .. }));
        let something = actions(case).position(|action| match action {
            Action::Gets { line, .. } => is_message(line),
            Action::Hears { .. } => true,
            _ => false,
        });
        match (is_about_silence, silence, something) {
            (false, ..) => None,
            (true, None, _) => Some("no one hears nothing".to_owned()),
            (true, Some(silence), Some(something)) if something < silence => None,
            (true, Some(_), _) => Some("nothing is heard before the silence".to_owned()),
        }
    });
}

#[test]
fn no_name_is_a_part_of_another() {
    nothing_to_complain_of(|case| {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for action in actions(case) {
            match action {
                Action::Joins { actor, name } => names.extend([actor.as_str(), name.as_str()]),
                Action::Connects { actor, .. } => drop(names.insert(actor)),
                Action::ClientStarts { name, .. } => drop(names.insert(name)),
                Action::Says { line, .. } => {
                    if let Utterance::Register { name } = Utterance::of(line) {
                        names.insert(name);
                    }
                }
                _ => {}
            }
        }
        let parts = names
            .iter()
            .flat_map(|name| names.iter().map(move |other| (name, other)));
        let mut parts = parts.filter(|(name, other)| name != other && other.contains(**name));
        let says_so = case.transcript.sentence.contains("a part of");
        let (name, other) = parts.next().filter(|_| !says_so)?;
        Some(format!("{name} is a part of {other}"))
    });
}

/// A line that comes is known by its text: so none is found in another.
#[test]
fn no_text_is_found_in_another() {
    nothing_to_complain_of(|case| {
        let texts: BTreeSet<&str> = actions(case)
            .filter_map(|action| match action {
                Action::Says { line, .. } => match Utterance::of(line) {
                    Utterance::Message { text, .. } => Some(text),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        let pairs = texts
            .iter()
            .flat_map(|text| texts.iter().map(move |other| (text, other)));
        let mut found = pairs.filter(|(text, other)| text != other && contains_words(other, text));
        found
            .next()
            .map(|(text, other)| format!("`{text}` is found in `{other}`"))
    });
}

#[test]
fn time_passes_only_where_a_row_is_about_time() {
    // A server that only listens for a moment does not serve: S-PORT-1, S-PORT-2 and S-SHUT-2 are about one that stays.
    // The parts of a line come one after the other: W-LINE-2. Answers and messages may come at any time: C-REG-2, C-REG-4,
    // C-MSG-2. A server may take a moment to handle what it has read, and to free a name: S-MSG-1, S-REG-2.
    const ABOUT_TIME: [&str; 11] = [
        "W-LINE-2", "S-MSG-1", "S-REG-2", "S-CONC-1", "S-CONC-3", "C-REG-2", "C-REG-4", "C-MSG-2",
        "S-PORT-1", "S-PORT-2", "S-SHUT-2",
    ];
    nothing_to_complain_of(|case| {
        let is_about_time = case
            .transcript
            .covers
            .iter()
            .any(|id| ABOUT_TIME.contains(&id.as_str()));
        let passes = actions(case).any(|action| matches!(action, Action::Pass { .. }));
        (passes && !is_about_time).then(|| "seconds pass".to_owned())
    });
}
