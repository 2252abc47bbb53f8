//! `conform list` and `conform explain`: show the suite.

use std::path::Path;
use std::process::ExitCode;

use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::{Problem, Suite};
use chat_conformance::report::terminal::{explain, list, situations};
use chat_conformance::transcript::{Diagnostic, render};
use std::io::{IsTerminal, Write};

use crate::arguments::{ExplainCommand, ListCommand};
use crate::{FALLS_SHORT, HOLDS, WRONG_USE, complain, print, refuse};

/// Maximum number of mistakes in a suite that are shown.
const MOST_SHOWN: usize = 20;

/// The bundled suite or that in `folder`. Mistakes in it are printed.
pub fn load_suite(folder: Option<&Path>) -> Result<Suite, ExitCode> {
    let loaded = folder.map_or_else(Suite::embedded, Suite::in_folder);
    loaded.map_err(|problems| {
        for problem in problems.iter().take(MOST_SHOWN) {
            match problem {
                Problem::Transcript {
                    file,
                    source,
                    diagnostics,
                } => {
                    show_mistakes(file, source, diagnostics);
                }
                Problem::Other(why) => complain(why),
            }
        }
        if problems.len() > MOST_SHOWN {
            complain(&format!(
                "and {} more mistakes",
                problems.len() - MOST_SHOWN
            ));
        }
        ExitCode::from(WRONG_USE)
    })
}

/// Prints the mistakes of one file on standard error.
pub fn show_mistakes(file: &str, source: &str, diagnostics: &[Diagnostic]) {
    let mut output = std::io::stderr();
    let drawn = render(file, source, diagnostics, output.is_terminal());
    // A closed standard error is not a failure.
    let _ = output.write_all(drawn.as_bytes());
}

/// Lists the requirements with their transcripts, or with the situations of these. Fails if a requirement has none.
pub fn list(command: &ListCommand) -> ExitCode {
    let suite = match load_suite(command.suite.folder.as_deref()) {
        Ok(suite) => suite,
        Err(status) => return status,
    };
    let (requirements, cases) = (&suite.requirements, &suite.cases);
    print(&if command.situations {
        situations::render(requirements, cases)
    } else {
        list::render(requirements, cases)
    });
    let uncovered = suite.uncovered();
    if uncovered.is_empty() {
        return ExitCode::from(HOLDS);
    }
    complain(&format!("no transcript covers {}", uncovered.join(", ")));
    ExitCode::from(FALLS_SHORT)
}

/// Explains a requirement or a transcript.
pub fn explain(command: &ExplainCommand) -> ExitCode {
    let suite = match load_suite(command.suite.folder.as_deref()) {
        Ok(suite) => suite,
        Err(status) => return status,
    };
    let subject = command.subject.trim_end_matches(".chat");
    let requirement = suite
        .requirements
        .iter()
        .find(|requirement| requirement.id.eq_ignore_ascii_case(subject));
    if let Some(requirement) = requirement {
        let judging = suite
            .cases
            .iter()
            .filter(|case| case.transcript.covers.contains(&requirement.id));
        print(&explain::requirement(
            requirement,
            &judging.collect::<Vec<_>>(),
        ));
        return ExitCode::from(HOLDS);
    }
    let ends_so = |case: &&Case| {
        let path = subject.strip_prefix("conformance/").unwrap_or(subject);
        case.name == path || case.name.ends_with(&format!("/{path}"))
    };
    let found: Vec<&Case> = suite.cases.iter().filter(ends_so).collect();
    match found[..] {
        [case] => {
            print(&explain::transcript(case, &suite.requirements));
            ExitCode::from(HOLDS)
        }
        [] => refuse(&format!(
            "{subject} is neither a requirement nor a transcript of this suite; `conform list` shows them all, and \
             `--suite DIR` names another suite"
        )),
        _ => {
            let names: Vec<&str> = found.iter().map(|case| case.name.as_str()).collect();
            refuse(&format!("{subject} may be any of {}", names.join(", ")))
        }
    }
}
