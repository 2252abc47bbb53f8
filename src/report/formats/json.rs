//! The result as one JSON document, for other programs. `docs/results.md` describes it for users.
//!
//! The schema is `chat-conformance/result/2`. Existing fields keep their meaning and new ones may be added; any other
//! change gets a new number. Every field is always present, and `null` if it does not apply. Entries are in the order
//! of the requirements and of the suite.

use serde::Serialize;

use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::evidence::{Event, Outcome, visible};
use crate::conformance::judge::result::{RequirementResult, RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Level;
use crate::transcript::syntax::Role;

/// The document's name and version.
pub const SCHEMA: &str = "chat-conformance/result/2";

/// The result as JSON, indented, with a newline at its end.
///
/// Control characters are escaped within the strings, so that the document can be printed on a terminal.
pub fn render(result: &RunResult) -> String {
    text(&Document::of(result))
}

/// A document of strings, numbers and lists as [`render`] writes it.
pub(in crate::report) fn text(document: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(document).expect("strings, numbers and lists");
    escape_unseen(&json) + "\n"
}

/// Apart from newlines, such characters occur in strings only, where JSON allows any character as an escape.
fn escape_unseen(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, '\n' | '\\') || is_seen(character) {
            shown.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                shown.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    shown
}

fn is_seen(character: char) -> bool {
    let mut bytes = [0; 4];
    let text = &*character.encode_utf8(&mut bytes);
    visible(text.as_bytes()) == text
}

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The program that was judged.
    pub program: Program<'a>,
    /// How the program marks the end of a message.
    pub dialect: String,
    /// Remarks on how it was judged, a sentence each.
    pub remarks: &'a [String],
    /// Whether every must and implied requirement passes; untested ones do not count.
    pub passes: bool,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// If the time ran out: the limit, who used the time, and what was not replayed.
    pub time_limit: Option<&'a TimeLimit>,
    /// One entry for each requirement, in the table's order.
    pub requirements: Vec<RequirementEntry<'a>>,
    /// One entry for each replayed transcript, in the suite's order.
    pub transcripts: Vec<TranscriptEntry<'a>>,
}

/// The program that was judged.
#[derive(Debug, Serialize)]
pub struct Program<'a> {
    /// Server or client.
    pub role: Role,
    /// Program and arguments, or the address of a running server.
    pub command: &'a [String],
}

/// The verdict on one requirement.
#[derive(Debug, Serialize)]
pub struct RequirementEntry<'a> {
    /// The stable id, such as `S-REG-5`.
    pub id: &'a str,
    /// How binding it is.
    pub level: Level,
    /// What the requirement asks.
    pub sentence: &'a str,
    /// Passes when each of its transcripts passes, fails when one fails it.
    pub verdict: Verdict,
    /// Names of the transcripts that test it.
    pub transcripts: &'a [String],
    /// Ids of the requirements whose failure blocks it.
    pub blocked_by: &'a [String],
}

/// The verdict on one transcript.
#[derive(Debug, Serialize)]
pub struct TranscriptEntry<'a> {
    /// Its path in the suite without the ending.
    pub name: &'a str,
    /// Ids of the requirements that it tests.
    pub covers: &'a [String],
    /// The verdict.
    pub verdict: Verdict,
    /// Ids of the covered requirements that fail.
    pub fails: &'a [String],
    /// Id of the requirement whose failure blocks it, or some of its requirements.
    pub blocked_by: Option<&'a str>,
    /// Number of the line that failed, from 1.
    pub line: Option<usize>,
    /// What was expected, as a phrase.
    pub expected: Option<String>,
    /// What was seen instead, as a phrase.
    pub received: Option<String>,
    /// The line that arrived instead, if it was one.
    pub received_line: Option<String>,
    /// Why it could not be replayed, or does not apply.
    pub reason: Option<String>,
    /// Number of runs.
    pub runs: usize,
    /// How many of the runs passed.
    pub runs_passed: usize,
    /// Duration of all its runs, in seconds.
    pub seconds: f64,
    /// What was seen in the first failed run; nothing if the transcript passes.
    pub events: Option<Vec<Event>>,
}

impl<'a> Document<'a> {
    /// What the document says about this result.
    pub fn of(result: &'a RunResult) -> Self {
        Document {
            schema: SCHEMA,
            program: Program {
                role: result.role,
                command: &result.command,
            },
            dialect: result.profile.dialect.to_string(),
            remarks: &result.remarks,
            passes: result.holds(),
            seconds: to_milliseconds(result.seconds),
            time_limit: result.time_limit.as_ref(),
            requirements: result.requirements.iter().map(requirement_entry).collect(),
            transcripts: result.transcripts.iter().map(transcript_entry).collect(),
        }
    }
}

fn requirement_entry(judged: &RequirementResult) -> RequirementEntry<'_> {
    RequirementEntry {
        id: &judged.requirement.id,
        level: judged.requirement.level,
        sentence: &judged.requirement.sentence,
        verdict: judged.verdict,
        transcripts: &judged.transcripts,
        blocked_by: &judged.blocked_by,
    }
}

fn transcript_entry(judged: &TranscriptResult) -> TranscriptEntry<'_> {
    let transcript = &judged.case.transcript;
    let outcome = judged.telling_run().map(|run| &run.outcome);
    let shortfall = match outcome {
        Some(Outcome::FellShort(shortfall)) => Some(shortfall),
        _ => None,
    };
    let line_of = |shortfall: &Shortfall| transcript.steps.get(shortfall.step).map(|s| s.line);
    TranscriptEntry {
        name: &judged.case.name,
        covers: &transcript.covers,
        verdict: judged.verdict,
        fails: &judged.fails,
        blocked_by: judged.blocked_by.as_deref(),
        line: shortfall.and_then(line_of),
        expected: shortfall.map(|shortfall| shortfall.expected.to_string()),
        received: shortfall.map(|shortfall| shortfall.received()),
        received_line: shortfall.and_then(|shortfall| Some(shortfall.got.line()?.to_string())),
        reason: match outcome {
            Some(Outcome::Unable { reason }) => Some(reason.to_string()),
            Some(Outcome::NotApplicable { reason }) => Some(reason.to_string()),
            _ => None,
        },
        runs: judged.runs.len(),
        runs_passed: judged.runs_passed(),
        seconds: to_milliseconds(judged.runs.iter().map(|run| run.seconds).sum()),
        events: events(judged),
    }
}

fn events(judged: &TranscriptResult) -> Option<Vec<Event>> {
    if judged.verdict == Verdict::Pass {
        return None;
    }
    let mut events = judged.telling_run()?.events.clone();
    for event in &mut events {
        event.at = (event.at * 1e6).round() / 1e6;
    }
    Some(events)
}

fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
