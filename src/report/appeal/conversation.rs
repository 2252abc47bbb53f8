//! A transcript as a function of Python: one call a step.

use std::fmt::Write;

use super::literal::{bytes, string, strings, truth};
use crate::conformance::evidence::visible;
use crate::conformance::judge::policy::dialect;
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::Case;
use crate::report::text::{harmless, one_line};
use crate::transcript::syntax::{Action, Key, MessageKind, Role, Step, Transcript};

/// Columns after which a comment of a script goes on in its next line.
pub(super) const COLUMNS: usize = 96;

/// Why a script cannot play a transcript; nothing where it can.
pub(super) fn why_not_scripted(transcript: &Transcript) -> Option<&'static str> {
    transcript.steps.iter().find_map(|step| match &step.action {
        Action::StopsReading { .. } => {
            Some("it is about buffers that are kept small, which a script of this kind does not do")
        }
        Action::GrowsByAtMost { .. } => {
            Some("it is about the program's memory, which a script of this kind does not measure")
        }
        _ => None,
    })
}

/// The function, and the entry of the table by which the script finds it.
pub(super) struct Conversation {
    pub(super) function: String,
    pub(super) entry: String,
}

/// The transcript of `case`, for a program that is spoken to in this profile. `number` makes the function's name
/// one of its own; where the program fell short when it was judged, the step of `fell_short` says so.
pub(super) fn conversation(
    case: &Case,
    profile: &Profile,
    number: usize,
    fell_short: Option<usize>,
) -> Conversation {
    let transcript = &case.transcript;
    let name = format!("conversation_{number}");
    let parts: Vec<String> = parts(transcript)
        .iter()
        .map(|part| variable(part))
        .collect();
    let mut function = format!("def {name}({}):\n", parts.join(", "));
    for (index, step) in transcript.steps.iter().enumerate() {
        let is_after_a_gap = index > 0 && step.line > transcript.steps[index - 1].line + 1;
        if is_after_a_gap {
            function.push('\n');
        }
        let mark = if fell_short == Some(index) {
            "    # here it fell short when it was judged"
        } else {
            ""
        };
        let _ = writeln!(
            function,
            "    {}{mark}",
            call(step, index, transcript, profile)
        );
    }
    let dialect = dialect(transcript, profile.dialect);
    let entry = format!(
        "    {{\n        \"talk\": {name},\n        \"name\": {},\n        \"sentence\": {},\n        \"rows\": {},\n        \"reads\": {},\n        \"writes\": {},\n        \"profile\": MANNER,\n    }},\n",
        string(&harmless(&case.name)),
        string(&harmless(&one_line(&transcript.sentence))),
        strings(transcript.covers.iter().map(String::as_str)),
        string(&dialect.reads.to_string()),
        string(&dialect.writes.to_string()),
    );
    Conversation { function, entry }
}

/// What a script has to mind about the program, as a dictionary of Python.
pub(super) fn manner_of(profile: &Profile) -> String {
    format!(
        "{{\n    \"arrives_with_words\": {},\n    \"registers_silently\": {},\n    \"relays_reads\": {},\n    \"waits_for_first_message\": {},\n    \"takes_address_first\": {},\n}}",
        truth(profile.arrives_with_words),
        truth(profile.registers_silently),
        truth(profile.relays_reads),
        truth(profile.waits_for_first_message),
        truth(profile.takes_address_first),
    )
}

/// Who takes part, in the order in which they come.
fn parts(transcript: &Transcript) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for step in &transcript.steps {
        let part = part_of(&step.action, transcript.role);
        if let Some(part) = part.filter(|part| !parts.iter().any(|known| known == part)) {
            parts.push(part.to_owned());
        }
    }
    parts
}

fn part_of(action: &Action, role: Role) -> Option<&str> {
    let subject = match role {
        Role::Server => "server",
        Role::Client => "client",
    };
    match action {
        Action::Pass { .. } => None,
        Action::Types { .. } | Action::Presses { .. } | Action::SeesMessage { .. } => Some("user"),
        Action::TerminalNeverGets { .. } => Some("terminal"),
        action => Some(action.actor().unwrap_or(subject)),
    }
}

/// An actor's name as the name of a variable: a word of Python itself gets a mark at its end.
fn variable(actor: &str) -> String {
    const KEYWORDS: [&str; 32] = [
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
        "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with",
        "yield",
    ];
    let mark = if KEYWORDS.contains(&actor) { "_" } else { "" };
    format!("{actor}{mark}")
}

fn call(step: &Step, index: usize, transcript: &Transcript, profile: &Profile) -> String {
    let Some(part) = part_of(&step.action, transcript.role) else {
        return match step.action {
            Action::Pass { seconds } => format!("seconds_pass({seconds})"),
            _ => String::new(),
        };
    };
    let many = |times: u32| match times {
        1 => String::new(),
        times => format!(", times={times}"),
    };
    let does = match &step.action {
        Action::Joins { actor, name } if actor == name => "joins()".to_owned(),
        Action::Joins { name, .. } => format!("joins({})", string(name)),
        Action::Connects { actor, .. } if comes_with_words(actor, index, transcript, profile) => {
            "connects(and_speaks_at_once=True)".to_owned()
        }
        Action::Connects { times: 1, .. } => "connects()".to_owned(),
        Action::Connects { times, .. } => format!("connects({times})"),
        Action::Says { line, .. } => format!("says({})", string(line)),
        Action::Gets {
            line, open_ended, ..
        } => {
            let verb = if part == "user" && transcript.role == Role::Client {
                "is_shown"
            } else {
                "gets"
            };
            let open_end = if *open_ended { " ..." } else { "" };
            format!("{verb}({})", string(&format!("{line}{open_end}")))
        }
        Action::Sends {
            bytes: sent, times, ..
        } => format!("sends({}{})", bytes(sent), many(*times)),
        Action::Hears {
            bytes: heard,
            times,
            ..
        } => format!("hears({}{})", bytes(heard), many(*times)),
        Action::HearsNothing { .. } => "hears_nothing()".to_owned(),
        Action::Closes { .. } => "closes()".to_owned(),
        Action::Resets { .. } => "resets()".to_owned(),
        Action::IsDisconnected { .. } => "is_disconnected()".to_owned(),
        Action::PrintsItsPort => "prints_its_port()".to_owned(),
        Action::AnotherStarts => "another_starts()".to_owned(),
        Action::IsInterrupted => "is_interrupted()".to_owned(),
        Action::IsTerminated => "is_terminated()".to_owned(),
        Action::Ends => "ends()".to_owned(),
        Action::ClientStarts { name, address } if address == "chat://{host}:{port}" => {
            format!("starts({})", string(name))
        }
        Action::ClientStarts { name, address } => {
            format!("starts({}, at={})", string(name), string(address))
        }
        Action::Types { text } => format!("types({})", string(text)),
        Action::Presses { key: Key::CtrlC } => "presses(\"Ctrl-C\")".to_owned(),
        Action::Presses { key: Key::CtrlD } => "presses(\"Ctrl-D\")".to_owned(),
        Action::SeesMessage {
            kind: MessageKind::Error,
        } => "sees_an_error()".to_owned(),
        Action::SeesMessage {
            kind: MessageKind::Notice,
        } => "sees_a_notice()".to_owned(),
        Action::TerminalNeverGets { bytes: never } => format!("never_gets({})", bytes(never)),
        Action::StopsReading { .. } | Action::GrowsByAtMost { .. } | Action::Pass { .. } => {
            return format!("pass    # {}", visible(step.source.as_bytes()));
        }
    };
    format!("{}.{does}", variable(part))
}

/// Whether a connection and the first words on it are to arrive together, for a program that needs it; where
/// the transcript is about one who comes late they never are.
fn comes_with_words(actor: &str, index: usize, transcript: &Transcript, profile: &Profile) -> bool {
    let speaks = |step: &Step| match &step.action {
        Action::Says { actor: speaker, .. } | Action::Sends { actor: speaker, .. } => {
            speaker == actor
        }
        _ => false,
    };
    profile.arrives_with_words
        && !transcript.covers_any(&["S-CONC-3"])
        && transcript.steps.get(index + 1).is_some_and(speaks)
}
