//! The results that the reports are tested on: recorded runs of faulty and correct programs, judged and scored here.
//! `scripts/record-fixtures` records them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use chat_conformance::conformance::conversation::meaning::Meaning;
use chat_conformance::conformance::evidence::shortfall::{Expected, Got, Hindrance, Note};
use chat_conformance::conformance::evidence::{Event, EventKind, Evidence, Excerpt, Outcome};
use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::conformance::suite::requirement::Requirement;
use chat_conformance::grading::assessed_part::{AssessedPart, Unjudged};
use chat_conformance::grading::assessment::{Assessment, assess};
use chat_conformance::grading::class::Class;
use chat_conformance::grading::record::{PartOutcome, Record};
use chat_conformance::grading::rubric::{BUILT_IN, Rubric};
use chat_conformance::transcript::syntax::Role;

/// Text with which a program could take over the terminal of whoever reads the report.
pub const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}evil\r\x7f";

/// Texts with which a program could break out of one of the formats.
const BREAKING_OUT: &[&str] = &[
    HOSTILE,
    "]]>&\"'</failure><!--</script><script>alert(1)</script>",
    "::error file=x::forged\n::error::forged\r::stop-commands::x\u{2028}##[error]forged%0A::error::forged",
    "\nok 99 - forged\nnot ok 98\nBail out! forged\n1..3\n# TODO forged \\# SKIP",
    "a|b \\| ` `` ``` <img src=x> ![x](http://x) [x](http://x) @everyone #1 **x**\n\n</code></pre>\n# forged",
    "=HYPERLINK(\"http://x\",\"y\"),\"\n\r\ncell",
    "\0\u{1}\u{b}\u{c}\u{85}\u{fffe}\u{ffff}\u{feff}\u{e0001}\u{1f600}é\t",
    "",
];

/// [`BREAKING_OUT`], and a line of ten kilobytes.
pub fn hostile_texts() -> Vec<String> {
    let texts = BREAKING_OUT.iter().map(|text| (*text).to_owned());
    texts.chain(["long ".repeat(2_000)]).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reports")
}

/// The small suite of the recorded runs.
pub static SUITE: LazyLock<Suite> =
    LazyLock::new(|| Suite::in_folder(&folder().join("suite")).expect("is a suite"));

static BY_THE_BUILT_IN_RUBRIC: LazyLock<Rubric> = LazyLock::new(|| rubric(&rubric_of_two()));

/// The submissions as they were recorded, judged and scored once for all tests.
static RECORDED: LazyLock<BTreeMap<&str, Assessment>> = LazyLock::new(|| {
    let names = ["alice", "bob", "carol", "dave", "erin", "frank", "gina"];
    let assessed = |name| assess(record(name), &SUITE, &BY_THE_BUILT_IN_RUBRIC);
    names
        .into_iter()
        .map(|name| (name, assessed(name)))
        .collect()
});

/// The built-in rubric without points for the two programs together, which were not recorded: 60 and 40 for each alone.
fn rubric_of_two() -> String {
    let before = BUILT_IN.replace("points = 50", "points = 60");
    let before = before.replace("points = 35", "points = 40");
    before.replace("[together]\npoints = 15\n", "")
}

/// The rubric may name requirements that the small suite does not have.
fn rubric(text: &str) -> Rubric {
    let all = Suite::embedded().expect("is right").requirements;
    Rubric::parse(text, &all).expect("is a rubric")
}

fn record(name: &str) -> Record {
    let file = folder().join(format!("recorded/{name}.json"));
    let text = fs::read_to_string(&file).expect("was recorded");
    let mut record: Record = serde_json::from_str(&text).expect("is evidence");
    if name == "bob" {
        hinder(&mut record);
    }
    record
}

/// No program can make the harness fail, so no recording shows that.
fn hinder(record: &mut Record) {
    let PartOutcome::Judged { runs, .. } = &mut record.parts[0].outcome else {
        panic!("the server was judged");
    };
    let reason = Hindrance::Refused {
        what: "a second pseudo-terminal".to_owned(),
        reason: "too many open files".to_owned(),
    };
    let run = Evidence {
        events: Vec::new(),
        outcome: Outcome::Unable { reason },
        seconds: 0.0,
    };
    runs.insert("server/hardening/other-name".to_owned(), vec![run]);
}

fn recorded(name: &str) -> Assessment {
    RECORDED[name].clone()
}

/// A submission whose programs are correct.
pub fn good_submission() -> Assessment {
    recorded("alice")
}

/// A submission with several faults, which get all verdicts but one.
pub fn faulty_submission() -> Assessment {
    recorded("bob")
}

/// A submission whose server is correct and whose client loses what is half typed.
pub fn faulty_client_submission() -> Assessment {
    recorded("carol")
}

/// A submission that could not be built.
pub fn not_built_submission() -> Assessment {
    recorded("dave")
}

/// A submission without a client.
pub fn not_found_submission() -> Assessment {
    recorded("erin")
}

/// A submission whose server needs an interpreter that is not installed.
pub fn unjudged_submission() -> Assessment {
    recorded("frank")
}

/// The faulty submission by a rubric that limits the mark.
pub fn limited_submission() -> Assessment {
    let limit = "[[limit]]\nunless = [\"S-REG-5\"]\nat_most = 10\n";
    assess(
        record("bob"),
        &SUITE,
        &rubric(&format!("{}\n{limit}", rubric_of_two())),
    )
}

/// The faulty submission by a rubric with a lower bound.
pub fn lifted_submission() -> Assessment {
    let floor = "[whole]\nfloor = 95\n";
    assess(
        record("bob"),
        &SUITE,
        &rubric(&format!("{}\n{floor}", rubric_of_two())),
    )
}

fn result_of(assessment: Assessment, role: Role) -> RunResult {
    let mut parts = assessment.parts.into_iter();
    let part = parts.find(|part| part.role == role).expect("has both");
    part.result.expect("was judged")
}

/// A server with several faults.
pub fn server() -> RunResult {
    result_of(faulty_submission(), Role::Server)
}

/// A client that loses what is half typed when a message arrives.
pub fn client() -> RunResult {
    result_of(faulty_submission(), Role::Client)
}

/// A correct server.
pub fn good() -> RunResult {
    result_of(good_submission(), Role::Server)
}

/// A server that ends at once.
pub fn ends_at_once() -> RunResult {
    result_of(recorded("gina"), Role::Server)
}

/// The result of a program with this name that also prints this in every run.
pub fn with_output(mut result: RunResult, text: &str) -> RunResult {
    result.command = vec![text.to_owned()];
    let transcripts = result.transcripts.iter_mut();
    for run in transcripts.flat_map(|judged| &mut judged.runs) {
        run.events.push(Event {
            of: None,
            at: 0.1,
            step: None,
            kind: EventKind::Printed {
                bytes: text.as_bytes().to_vec(),
            },
        });
    }
    result
}

/// A server that says [`HOSTILE`] wherever it can, and has that name.
pub fn hostile() -> RunResult {
    saying(HOSTILE)
}

fn saying(text: &str) -> RunResult {
    let mut result = server();
    result.command = vec![text.to_owned()];
    result.remarks = vec![text.to_owned()];
    let entries = result.requirements.iter_mut();
    for name in entries.flat_map(|entry| &mut entry.transcripts) {
        name.insert_str(0, text);
    }
    for judged in &mut result.transcripts {
        judged.case.name.insert_str(0, text);
        for run in &mut judged.runs {
            make_say(run, text);
        }
    }
    result
}

fn make_say(run: &mut Evidence, said: &str) {
    for event in &mut run.events {
        match &mut event.kind {
            EventKind::Sent { bytes, .. }
            | EventKind::Received { bytes, .. }
            | EventKind::Typed { bytes }
            | EventKind::Printed { bytes } => *bytes = said.as_bytes().to_vec(),
            EventKind::Started { command } => *command = vec![said.to_owned()],
            EventKind::Listening { address: text }
            | EventKind::Signalled { signal: text }
            | EventKind::Ended { how: text } => *text = said.to_owned(),
            EventKind::Note(note) => {
                *note = Note::NotConnected {
                    actor: "alice".to_owned(),
                    reason: said.to_owned(),
                }
            }
            EventKind::Connected { .. } | EventKind::Closed { .. } => {}
        }
    }
    match &mut run.outcome {
        Outcome::FellShort(shortfall) => {
            shortfall.expected = Expected::Line {
                line: said.to_owned(),
                open_ended: false,
            };
            shortfall.got = Got::Line {
                line: Excerpt::of(format!("{said}!").as_bytes()),
                meaning: Meaning::Regular,
                freed: None,
            };
        }
        Outcome::Unable { reason } => {
            *reason = Hindrance::Refused {
                what: said.to_owned(),
                reason: said.to_owned(),
            };
        }
        Outcome::Completed | Outcome::Skipped { .. } | Outcome::NotApplicable { .. } => {}
    }
}

/// A submission with this name that says it wherever it can.
pub fn submission_saying(text: &str) -> Assessment {
    of_parts(text, vec![Ok(saying(text)), Ok(client())])
}

/// A submission with this name of which the reports know nothing else.
pub fn unjudged_submission_saying(text: &str) -> Assessment {
    let unjudged = |role, is_its_own_fault| {
        let why = Unjudged {
            reason: text.to_owned(),
            output: text.to_owned(),
            is_its_own_fault,
        };
        Err((role, why))
    };
    let parts = vec![unjudged(Role::Server, true), unjudged(Role::Client, false)];
    of_parts(text, parts)
}

/// A submission with these parts, scored by the built-in rubric.
pub fn of_parts(name: &str, parts: Vec<Result<RunResult, (Role, Unjudged)>>) -> Assessment {
    let parts = parts.into_iter().map(|result| AssessedPart {
        role: match &result {
            Ok(result) => result.role,
            Err((role, _)) => *role,
        },
        ruled_out: Vec::new(),
        command: result
            .as_ref()
            .map_or(Vec::new(), |result| result.command.clone()),
        result: result.map_err(|(_, unjudged)| unjudged),
    });
    let rubric = &BY_THE_BUILT_IN_RUBRIC;
    Assessment::of(name.to_owned(), parts.collect(), &requirements(), rubric)
}

fn some_of_each() -> Vec<Assessment> {
    vec![
        good_submission(),
        faulty_submission(),
        faulty_client_submission(),
        not_built_submission(),
        not_found_submission(),
        unjudged_submission(),
    ]
}

/// All submissions, the hostile ones included.
pub fn submissions() -> Vec<Assessment> {
    let mut submissions = some_of_each();
    submissions.extend([limited_submission(), lifted_submission()]);
    submissions.extend(hostile_submissions());
    submissions
}

/// Submissions that say [`hostile_texts`].
pub fn hostile_submissions() -> Vec<Assessment> {
    static HOSTILE_SUBMISSIONS: LazyLock<Vec<Assessment>> = LazyLock::new(|| {
        let both = |text: String| [submission_saying(&text), unjudged_submission_saying(&text)];
        hostile_texts().into_iter().flat_map(both).collect()
    });
    HOSTILE_SUBMISSIONS.clone()
}

/// A class with some of each.
pub fn class() -> Class {
    Class::of("networks".to_owned(), some_of_each(), requirements())
}

/// A class of [`hostile_submissions`].
pub fn hostile_class() -> Class {
    Class::of(HOSTILE.to_owned(), hostile_submissions(), requirements())
}

/// The requirements of the small suite.
pub fn requirements() -> Vec<Requirement> {
    SUITE.requirements.clone()
}
