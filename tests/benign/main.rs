//! A program that is right is never blamed: programs that differ wherever the assignment leaves a choice must pass.
//!
//! Each is judged by a part of the transcripts in which no time passes, a different part for each program: a sixth
//! with `CONFORM_THOROUGH=1` in the environment, and otherwise less. Without it, only a third of the variations of
//! one program are judged, and all programs in other languages; the others are reported as ignored.
//! `scripts/measure-verdicts` judges all by the whole suite.

#[path = "../judging/mod.rs"]
mod judging;
#[path = "../python/mod.rs"]
mod python;
mod table;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use chat_conformance::conformance::suite::Case;
use chat_conformance::transcript::syntax::Role;
use judging::{
    example, expect_none, is_in_part, is_thorough, not_passing, run_command, takes_its_time,
};
use libtest_mimic::{Arguments, Failed, Trial};
use table::{Making, Variation};

fn main() {
    let mut arguments = Arguments::from_args();
    // Some take their time by sleeping.
    arguments.test_threads.get_or_insert(4);
    let takes_all = is_thorough() || arguments.filter.is_some();
    let mut trials = Vec::new();
    for (role, kind, variations) in [
        (Role::Server, "server", table::SERVER),
        (Role::Client, "client", table::CLIENT),
    ] {
        trials.extend(variations.iter().enumerate().map(|(position, variation)| {
            let is_left_out =
                !takes_all && position % 3 != 0 && matches!(variation.making, Making::Option);
            Trial::test(format!("{kind}::{}", variation.name), move || {
                judge(role, kind, variation)
            })
            .with_ignored_flag(is_left_out)
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn judge(role: Role, kind: &str, variation: &Variation) -> Result<(), Failed> {
    let Some(command) = command(kind, variation)? else {
        return Ok(());
    };
    let parts = if is_thorough() { 6 } else { 24 };
    let is_wanted = |position: usize, case: &Case| {
        is_in_part(variation.name, position, parts) && !takes_its_time(case)
    };
    let patience = Duration::from_secs(5);
    let result = run_command(command, role, 4, patience, is_wanted)?;
    expect_none(
        "a right program is blamed for",
        not_passing(&result, |_, _| true),
    )
}

/// What starts the program; `None` where a tool for it is missing.
fn command(kind: &str, variation: &Variation) -> Result<Option<Vec<String>>, Failed> {
    let source = |file: &str| format!("{}/tests/programs/{file}", env!("CARGO_MANIFEST_DIR"));
    match variation.making {
        Making::Option => Ok(Some(vec![
            example(&format!("faulty-{kind}")),
            "--variation".to_owned(),
            variation.name.to_owned(),
        ])),
        Making::Interpreted(interpreter, file) => {
            let words = interpreter.iter().map(|word| match *word {
                "python3" => python::python().unwrap_or(word).to_owned(),
                word => word.to_owned(),
            });
            let command = words.chain([source(file)]).collect();
            Ok(is_here(interpreter[0], kind, variation).then_some(command))
        }
        Making::Compiled(_) if !is_here("cc", kind, variation) => Ok(None),
        Making::Compiled(file) => {
            let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file.replace('.', "-"));
            let mut compiler = Command::new("cc");
            compiler.args(["-O1", "-o"]).arg(&program).arg(source(file));
            let status = compiler.status()?;
            if !status.success() {
                return Err(format!("{file} does not compile").into());
            }
            Ok(Some(vec![program.display().to_string()]))
        }
    }
}

/// Whether a tool is there; says so where it is not.
fn is_here(tool: &str, kind: &str, variation: &Variation) -> bool {
    let is_here = Command::new(tool)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !is_here {
        eprintln!(
            "NOT RUN: there is no {tool} here, so the {kind} `{}` was not judged",
            variation.name
        );
    }
    is_here
}
