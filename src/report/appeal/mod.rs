//! What a student needs to check a lost point, without `conform`: for each failed requirement a Python script that
//! needs nothing but the standard library, repeats the conversation and shows the difference; and a text with the
//! requirement, the assignment's words, and what was seen.
//!
//! ```text
//! python3 server-S-MSG-2.py                          the command that was judged
//! python3 server-S-MSG-2.py -- python3 server.py     another one
//! ```
//!
//! The script's exit status: 0 if the requirement passes, 1 if it fails, 2 if the program cannot be started, 3 if a
//! script cannot replay any transcript of the requirement.

mod conversation;
mod literal;

use super::Style;
use super::terminal::failure;
use super::text::{harmless, one_line, sentence, wrap};
use crate::conformance::evidence::Outcome;
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::Requirement;
use crate::grading::assessed_part::AssessedPart;
use crate::grading::assessment::Assessment;
use crate::transcript::syntax::Role;
use conversation::{COLUMNS, conversation, manner_of, why_not_scripted};
use literal::{string, strings};

const COMMON: &str = include_str!("runtime/common.py");
const SERVER: &str = include_str!("runtime/server.py");
const CLIENT: &str = include_str!("runtime/client.py");

/// The files for an assessment: for each failed requirement a script and a text, named by role and requirement, such as
/// `server-S-MSG-2.py`, and a `README.txt` with instructions. Empty if nothing fails.
pub fn bundle(assessment: &Assessment) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for part in &assessment.parts {
        let Ok(result) = &part.result else {
            continue;
        };
        for row in &result.requirements {
            let id = &row.requirement.id;
            if let Some(script) = script(part, id) {
                let name = format!("{}-{id}", part.role);
                files.push((format!("{name}.py"), script));
                files.push((format!("{name}.txt"), told(result, &row.requirement)));
            }
        }
    }
    if !files.is_empty() {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        files.insert(0, ("README.txt".to_owned(), how_to_use(&names)));
    }
    files
}

/// The script that plays the conversations in which this part fails the requirement with this id; nothing
/// where it fails in none.
pub fn script(part: &AssessedPart, id: &str) -> Option<String> {
    let result = part.result.as_ref().ok()?;
    let row = result
        .requirements
        .iter()
        .find(|row| row.requirement.id == id)?;
    let failed = failed(result, id);
    if failed.is_empty() {
        return None;
    }
    let mut header = about_requirement(&row.requirement);
    for remark in &result.remarks {
        header.push(harmless(&one_line(remark)));
    }
    let asked: Vec<Asked<'_>> = failed.into_iter().map(Asked::of).collect();
    Some(assembled(
        id,
        part.role,
        &part.command,
        &result.profile,
        &header,
        &asked,
    ))
}

/// A script that plays this one transcript against `command`, whatever comes of it.
///
/// # Errors
/// Why a script cannot play it.
pub fn script_for(
    case: &Case,
    command: &[String],
    profile: &Profile,
) -> Result<String, &'static str> {
    if let Some(why) = why_not_scripted(&case.transcript) {
        return Err(why);
    }
    let asked = [Asked {
        case,
        fell_short: None,
        seen: Vec::new(),
    }];
    let rows = case.transcript.covers.join(" ");
    let role = case.transcript.role;
    Ok(assembled(&rows, role, command, profile, &[], &asked))
}

/// A conversation that a script repeats, and what was seen.
struct Asked<'a> {
    case: &'a Case,
    /// Index of the step that failed.
    fell_short: Option<usize>,
    /// What was seen, in sentences.
    seen: Vec<String>,
}

impl<'a> Asked<'a> {
    fn of(judged: &'a TranscriptResult) -> Asked<'a> {
        let outcome = judged.telling_run().map(|run| &run.outcome);
        let shortfall = match outcome {
            Some(Outcome::FellShort(shortfall)) => Some(shortfall),
            _ => None,
        };
        let seen = match (shortfall, outcome) {
            (Some(shortfall), _) => vec![
                format!("expected  {}", shortfall.expected),
                format!("received  {}", shortfall.received()),
            ],
            (None, Some(outcome)) => vec![outcome.to_string()],
            (None, None) => Vec::new(),
        };
        Asked {
            case: &judged.case,
            fell_short: shortfall.map(|shortfall| shortfall.step),
            seen: seen.iter().map(|line| harmless(line)).collect(),
        }
    }

    /// The comment above its function: the transcript, and what was seen when the program was judged.
    fn comment(&self) -> String {
        let mut lines = vec![harmless(&self.case.name), String::new()];
        lines.extend(
            self.case
                .source
                .lines()
                .map(|line| format!("    {}", harmless(line))),
        );
        if !self.seen.is_empty() {
            lines.push(String::new());
            lines.push("When the program was judged:".to_owned());
            lines.extend(self.seen.iter().map(|line| format!("    {line}")));
        }
        comment(&lines)
    }
}

/// The transcripts that fail a requirement.
fn failed<'r>(result: &'r RunResult, id: &str) -> Vec<&'r TranscriptResult> {
    let fails = |judged: &&TranscriptResult| {
        judged.verdict == Verdict::Fail && judged.fails.iter().any(|row| row == id)
    };
    result.transcripts.iter().filter(fails).collect()
}

fn assembled(
    rows: &str,
    role: Role,
    command: &[String],
    profile: &Profile,
    header: &[String],
    asked: &[Asked<'_>],
) -> String {
    let (mut talks, mut entries, mut untold) = (String::new(), String::new(), String::new());
    for (index, each) in asked.iter().enumerate() {
        talks.push_str(&format!("\n\n{}", each.comment()));
        match why_not_scripted(&each.case.transcript) {
            Some(why) => {
                let name = string(&harmless(&each.case.name));
                untold.push_str(&format!("    ({name}, {}),\n", string(why)));
            }
            None => {
                let scripted = conversation(each.case, profile, index + 1, each.fell_short);
                talks.push_str(&scripted.function);
                entries.push_str(&scripted.entry);
            }
        }
    }
    let use_of_it = usage(
        &format!("{role}-{}.py", rows.split(' ').next().unwrap_or(rows)),
        role,
    );
    let runtime = match role {
        Role::Server => SERVER,
        Role::Client => CLIENT,
    };
    format!(
        "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n{}#\n{}\nROWS = {}\nCOMMAND = {}\nMANNER = {}\n{talks}\n\nCONVERSATIONS = [\n{entries}]\nUNTOLD = [\n{untold}]\n\n\n{COMMON}\n\n{runtime}\n\nif __name__ == \"__main__\":\n    sys.exit(main(ROWS, COMMAND, CONVERSATIONS, UNTOLD))\n",
        if header.is_empty() {
            String::new()
        } else {
            comment(header)
        },
        comment(&use_of_it),
        string(rows),
        strings(command.iter().map(String::as_str)),
        manner_of(profile),
    )
}

fn usage(name: &str, role: Role) -> Vec<String> {
    let program = match role {
        Role::Server => "server.py",
        Role::Client => "client.py",
    };
    vec![
        "In the folder of your program:".to_owned(),
        String::new(),
        format!("    python3 {name}"),
        format!("    python3 {name} -- python3 {program}"),
        String::new(),
        "The script starts the program (the second form with your own command), repeats the conversations below, \
         and shows where they differ from what is expected. Exit status: 0 everything passes, 1 something fails, \
         2 the program cannot be started."
            .to_owned(),
    ]
}

/// What the requirement asks, and the assignment's words.
fn about_requirement(row: &Requirement) -> Vec<String> {
    let mut lines = vec![format!("{} ({})", row.id, row.level), String::new()];
    lines.push(sentence(&row.sentence));
    lines.push(String::new());
    for words in &row.assignment {
        lines.push(format!("The assignment says: \"{}\"", one_line(words)));
    }
    if let Some(reason) = &row.reason {
        lines.push(format!("Why it is asked: {}", sentence(reason)));
    }
    lines.push(format!("What to look at: {}", sentence(&row.fix)));
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
fn told(result: &RunResult, requirement: &Requirement) -> String {
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
        .retain(|row| row.requirement.id == requirement.id);
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
        "One script for each failed requirement, and beside it a text with what was seen when the program was
judged: the requirement, the assignment's words, the transcript, and the conversation with times.

A script needs Python 3.8 or later, on Linux, and nothing else. In the folder of the program:

  python3 SCRIPT                           starts the program as it was started when it was judged
  python3 SCRIPT -- COMMAND ...            starts it by this command
  python3 SCRIPT --patience 20             waits 20 seconds for an answer, instead of 10

The script repeats the conversation, prints it with times, and shows what was expected and what was
received instead. When the fault is fixed, it reports that the requirement passes. Exit status: 0 the
requirement passes, 1 it fails, 2 the program cannot be started, 3 a script cannot replay the failure.

",
    );
    for name in names.iter().filter(|name| name.ends_with(".py")) {
        text.push_str(&format!("  {name}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::super::fixture;
    use super::*;
    use crate::grading::points::Points;
    use crate::grading::score::Score;

    fn assessment(results: Vec<RunResult>) -> Assessment {
        let part = |result: RunResult| AssessedPart {
            role: result.role,
            ruled_out: Vec::new(),
            command: result.command.clone(),
            result: Ok(result),
        };
        Assessment {
            submission: fixture::HOSTILE.to_owned(),
            parts: results.into_iter().map(part).collect(),
            score: Score {
                earned: Points::ZERO,
                most: Points::ZERO,
                parts: Vec::new(),
                adjustments: Vec::new(),
                repairs: Vec::new(),
                doubts: Vec::new(),
            },
        }
    }

    /// Whether Python takes a text for a program; it is not run.
    fn is_python(text: &str) -> bool {
        let mut python = Command::new("python3")
            .args(["-c", "import ast, sys; ast.parse(sys.stdin.buffer.read())"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("Python is there");
        let mut input = python.stdin.take().expect("is piped");
        input.write_all(text.as_bytes()).expect("is read");
        drop(input);
        python.wait().expect("ends").success()
    }

    #[test]
    fn each_row_that_fails_has_a_script_and_a_text() {
        let files = bundle(&assessment(vec![fixture::server(), fixture::client()]));
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "README.txt",
                "server-S-REG-5.py",
                "server-S-REG-5.txt",
                "server-S-MSG-1.py",
                "server-S-MSG-1.txt",
                "server-S-DISC-5.py",
                "server-S-DISC-5.txt",
                "client-C-MSG-3.py",
                "client-C-MSG-3.txt",
            ]
        );
        let text = |wanted: &str| {
            let file = files.iter().find(|(name, _)| name == wanted);
            &file.expect("is there").1
        };
        assert!(text("README.txt").contains("  client-C-MSG-3.py\n"));
        let script = text("server-S-REG-5.py");
        assert!(
            script.contains("impostor.gets(\"401 ...\")    # here it fell short"),
            "{script}"
        );
        let told = text("server-S-REG-5.txt");
        for words in [
            "✗ S-REG-5 fails",
            "Assignment says",
            "received",
            "     time  ",
            "The whole transcript",
        ] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert!(bundle(&assessment(vec![fixture::good()])).is_empty());
    }

    #[test]
    fn a_script_is_python_whatever_the_program_is_called_and_says() {
        for result in [fixture::server(), fixture::client(), fixture::hostile()] {
            for (name, text) in bundle(&assessment(vec![result.clone()])) {
                assert!(!name.ends_with(".py") || is_python(&text), "{name}: {text}");
                let is_raw = |character: char| character.is_control() && character != '\n';
                assert_eq!(text.find(is_raw), None, "{name}");
                assert!(!text.contains('\u{202e}'), "{name}");
            }
        }
    }

    #[test]
    fn nothing_is_scripted_where_nothing_fails_or_nothing_was_judged() {
        let mut assessment = assessment(vec![fixture::server()]);
        let part = &mut assessment.parts[0];
        assert!(script(part, "S-REG-5").is_some());
        assert!(script(part, "S-PORT-1").is_none());
        assert!(script(part, "S-NONE-1").is_none());
        part.result = Err(crate::grading::assessed_part::Unjudged {
            reason: "it could not be built".to_owned(),
            output: String::new(),
            is_its_own_fault: true,
        });
        assert!(script(part, "S-REG-5").is_none());
    }
}
