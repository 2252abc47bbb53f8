//! What a student needs to check a lost point: for each requirement that fails, a short script of Python's standard
//! library that repeats the recorded run and shows the difference; and a text with the requirement, the assignment's
//! words and everything that was seen.
//!
//! ```text
//! python3 server-S-MSG-2.py                          the command that was judged
//! python3 server-S-MSG-2.py -- python3 server.py     another one
//! ```
//!
//! Exit status of a script: 0 what was expected happens, 1 it does not, 2 the program cannot be started, 3 a script
//! cannot play what fails.

mod conversation;
mod literal;

use std::sync::OnceLock;

use super::Style;
use super::terminal::failure;
use super::text::{harmless, one_line, sentence, wrap};
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::requirement::Requirement;
use crate::conformance::suite::table::Table;
use crate::conformance::suite::{Case, Suite};
use crate::grading::assessed_part::AssessedPart;
use crate::grading::assessment::Assessment;
use crate::transcript::syntax::Role;
use conversation::{conversation, why_not_playable};
use literal::strings;

/// Plays the conversation: the same in every script.
const RUNTIME: &str = include_str!("runtime.py");

/// The class of the program under test, and its source. A script has only the class of its role.
const fn program_class(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Server => ("Server", include_str!("runtime_server.py")),
        Role::Client | Role::Pair => ("Client", include_str!("runtime_client.py")),
    }
}

/// Columns after which a comment of a script continues on its next line.
const COLUMNS: usize = 96;

/// A regular expression for what a program prints when it crashes, which tells its user nothing.
const CRASH: &str = r#"r"^(?:Traceback \(most recent call last\).*\n(?:[ \t].*\n)*.*|Exception (?:in thread|ignored in).*\n(?:[ \t].*\n)*|(?:During handling of the above|The above exception was|Caused by: ).*\n(?:[ \t].*\n)*|thread '[^\n]*panicked at(?:.*\n)*?note: run with.*|panic: (?:.*\n)*?exit status.*|(?:node:|.*\.[mc]?js:\d+$)(?:.*\n)*?Node\.js v.*)""#;

/// The files for an assessment: for each failed requirement a script and a text, named by role and requirement, such as
/// `server-S-MSG-2.py`, and a `README.txt` with instructions. Empty if nothing fails.
pub fn bundle(assessment: &Assessment) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for part in &assessment.parts {
        let Ok(result) = &part.result else {
            continue;
        };
        for entry in &result.requirements {
            let id = &entry.requirement.id;
            let name = format!("{}-{id}", part.role);
            if let Some(script) = script(part, id) {
                files.push((format!("{name}.py"), script));
            }
            if !failed(result, id).is_empty() {
                files.push((format!("{name}.txt"), text(result, &entry.requirement)));
            }
        }
    }
    if !files.is_empty() {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        files.insert(0, ("README.txt".to_owned(), how_to_use(&names)));
    }
    files
}

/// The script that repeats the runs in which this part fails the requirement with this id; `None` where it fails in
/// none.
pub fn script(part: &AssessedPart, id: &str) -> Option<String> {
    // People at several terminals are not played by scripts.
    let result = part
        .result
        .as_ref()
        .ok()
        .filter(|_| part.role != Role::Pair)?;
    let mut requirements = result.requirements.iter();
    let requirement = &requirements
        .find(|entry| entry.requirement.id == id)?
        .requirement;
    let recorded: Vec<Recorded<'_>> = failed(result, id)
        .into_iter()
        .filter_map(Recorded::of)
        .collect();
    if recorded.is_empty() {
        return None;
    }
    let mut header = about_requirement(requirement);
    for remark in &result.remarks {
        header.push(harmless(&one_line(remark)));
    }
    header.push(String::new());
    header.extend(usage(&format!("{}-{id}.py", part.role), part.role));
    Some(assembled(
        part.role,
        &part.command,
        &result.profile,
        &header,
        &recorded,
    ))
}

/// A script that repeats this run of a transcript.
///
/// # Errors
/// Why a script cannot play it.
pub fn script_for(
    case: &Case,
    run: &Evidence,
    command: &[String],
    profile: &Profile,
) -> Result<String, &'static str> {
    match why_not_playable(&case.transcript, run) {
        Some(why) => Err(why),
        None => {
            let role = case.transcript.role;
            let header = usage("SCRIPT", role);
            Ok(assembled(
                role,
                command,
                profile,
                &header,
                &[Recorded { case, run }],
            ))
        }
    }
}

/// A run of a transcript.
struct Recorded<'a> {
    case: &'a Case,
    run: &'a Evidence,
}

impl<'a> Recorded<'a> {
    /// The run to repeat: the first that failed at a step, or the one that a report shows.
    fn of(judged: &'a TranscriptResult) -> Option<Recorded<'a>> {
        let fell_short = |run: &&Evidence| matches!(run.outcome, Outcome::FellShort(_));
        let run = judged
            .runs
            .iter()
            .find(fell_short)
            .or(judged.telling_run())?;
        Some(Recorded {
            case: &judged.case,
            run,
        })
    }

    /// The comment above its function: the transcript, and what was seen when the program was judged.
    fn comment(&self) -> String {
        let mut lines = vec![harmless(&self.case.name), String::new()];
        match &self.run.outcome {
            Outcome::FellShort(shortfall) => {
                lines.push("When the program was judged:".to_owned());
                lines.push(format!(
                    "    expected  {}",
                    harmless(&shortfall.expected.to_string())
                ));
                lines.push(format!("    received  {}", harmless(&shortfall.received())));
            }
            outcome => lines.push(format!(
                "When the program was judged: {}",
                harmless(&outcome.to_string())
            )),
        }
        comment(&lines)
    }
}

/// The transcripts that fail a requirement.
fn failed<'r>(result: &'r RunResult, id: &str) -> Vec<&'r TranscriptResult> {
    let fails = |judged: &&TranscriptResult| {
        judged.verdict == Verdict::Fail && judged.fails.iter().any(|failing| failing == id)
    };
    result.transcripts.iter().filter(fails).collect()
}

fn assembled(
    role: Role,
    command: &[String],
    profile: &Profile,
    header: &[String],
    recorded: &[Recorded<'_>],
) -> String {
    let (mut functions, mut names, mut unplayable) = (String::new(), Vec::new(), Vec::new());
    for (index, each) in recorded.iter().enumerate() {
        functions.push_str(&format!("\n\n{}", each.comment()));
        if let Some(why) = why_not_playable(&each.case.transcript, each.run) {
            let name = harmless(&each.case.name);
            functions.push_str(&comment(&[format!("This script cannot play it: {why}.")]));
            unplayable.push(format!("{name} cannot be played by a script: {why}."));
        } else {
            names.push(format!("conversation_{}", index + 1));
            functions.push_str(&conversation(
                each.case,
                each.run,
                profile,
                table(),
                index + 1,
            ));
        }
    }
    let (class, source) = program_class(role);
    let crash = if functions.contains("never=CRASH") {
        format!("CRASH = {CRASH}\n")
    } else {
        String::new()
    };
    format!(
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n{}\nCOMMAND = {}\n{crash}{functions}\n\n{RUNTIME}\n\n{source}\n\nif __name__ == \"__main__\":\n    main({class}, COMMAND, [{}], {})\n",
        comment(header),
        strings(command.iter().map(String::as_str)),
        names.join(", "),
        strings(unplayable.iter().map(String::as_str)),
    )
}

/// The relations between the requirements of the embedded suite.
fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        Suite::embedded()
            .map(|suite| suite.table())
            .unwrap_or_default()
    })
}

fn usage(name: &str, role: Role) -> Vec<String> {
    let program = match role {
        Role::Server => "server.py",
        Role::Client | Role::Pair => "client.py",
    };
    vec![
        "In the folder of your program:".to_owned(),
        String::new(),
        format!("    python3 {name}"),
        format!("    python3 {name} -- python3 {program}"),
        String::new(),
        "It starts the program (the second form with a command of your own), repeats the conversations below, \
         and shows what was expected and what came instead. Exit status: 0 what was expected happens, 1 it does \
         not, 2 the program cannot be started, 3 a script cannot play what fails."
            .to_owned(),
    ]
}

/// What the requirement asks, and the assignment's words.
fn about_requirement(requirement: &Requirement) -> Vec<String> {
    let mut lines = vec![
        format!("{} ({})", requirement.id, requirement.level),
        String::new(),
    ];
    lines.push(sentence(&requirement.sentence));
    lines.push(String::new());
    for words in &requirement.assignment {
        lines.push(format!("The assignment says: \"{}\"", one_line(words)));
    }
    if let Some(reason) = &requirement.reason {
        lines.push(format!("Why it is asked: {}", sentence(reason)));
    }
    lines.push(format!("What to look at: {}", sentence(&requirement.fix)));
    lines.iter().map(|line| harmless(line)).collect()
}

/// Lines as Python comments. They are harmless already, so none contains a line end. Indented lines are not wrapped.
fn comment(lines: &[String]) -> String {
    let wrapped = lines.iter().flat_map(|line| {
        if line.starts_with(' ') {
            vec![line.clone()]
        } else {
            wrap(line, COLUMNS)
        }
    });
    wrapped
        .map(|line| format!("# {line}").trim_end().to_owned() + "\n")
        .collect()
}

/// The text beside a script: the requirement, the assignment's words, and each failure with its transcript and the
/// conversation with times.
fn text(result: &RunResult, requirement: &Requirement) -> String {
    const STYLE: Style = Style {
        colour: false,
        width: 100,
    };
    let failed = failed(result, &requirement.id);
    let mut only_this = RunResult {
        requirements: result.requirements.clone(),
        transcripts: failed.into_iter().cloned().collect(),
        ..result.clone()
    };
    only_this
        .requirements
        .retain(|entry| entry.requirement.id == requirement.id);
    for judged in &mut only_this.transcripts {
        // This requirement comes first, so that the failure stands under it.
        judged.fails.sort_by_key(|id| *id != requirement.id);
    }
    let mut text = failure::render(&only_this, STYLE);
    for judged in &only_this.transcripts {
        text.push_str(&format!(
            "The whole transcript {}:\n\n",
            harmless(&judged.case.name)
        ));
        for line in judged.case.source.lines() {
            text.push_str(format!("  {}", harmless(line)).trim_end());
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

fn how_to_use(names: &[&str]) -> String {
    let mut text = String::from(
        "For each requirement that fails there is a script and a text. The text says what was seen when the
program was judged: the requirement, the assignment's words, the transcript, and the conversation with
times.

A script needs Python 3.8 or later on Linux, and nothing else. Run it in the folder of the program:

  python3 SCRIPT                           starts the program with the command that was judged
  python3 SCRIPT -- COMMAND ...            starts it with this command
  python3 SCRIPT --patience 20             waits 20 seconds for each answer, instead of 10

The script repeats the conversation up to the step that failed, and shows what is said, with times. Where
the step fails again, the script shows what was expected and what came instead. Once the fault is
repaired, it says that every step holds. Exit status: 0 every step holds, 1 a step fails, 2 the program
cannot be started, 3 a script cannot play what fails.

",
    );
    for name in names.iter().filter(|name| name.ends_with(".py")) {
        text.push_str(&format!("  {name}\n"));
    }
    text
}
