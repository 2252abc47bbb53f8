//! Every check is seen to fail: each faulty program must be reported for the rows that it breaks, and
//! for no others.
//!
//! Each is judged by the transcripts about the rows that it breaks, by those that others rest on, and
//! by a sixth of the rest, another one for each fault. With `CONFORM_WHOLE_SUITE=1` in the
//! environment by all of them, which takes some minutes.

#[path = "../judging/mod.rs"]
mod judging;
mod table;

use std::path::Path;
use std::time::Duration;

use chat_conformance::conformance::judge::result::{RunResult, Verdict};
use chat_conformance::conformance::suite::Case;
use chat_conformance::transcript::syntax::Role;
use judging::{
    covers_any, example, expect_none, is_in_share, not_passing, once_sure, run_command,
    wants_whole_suite,
};
use libtest_mimic::{Arguments, Failed, Trial};
use table::Fault;

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is waiting for programs that do not answer.
    arguments.test_threads.get_or_insert(12);
    let mut trials = Vec::new();
    for (role, kind, faults) in [
        (Role::Server, "server", table::SERVER),
        (Role::Client, "client", table::CLIENT),
    ] {
        trials.push(Trial::test(format!("{kind}::none"), move || {
            judge_good(role, kind)
        }));
        trials.extend(faults.iter().map(|fault| {
            Trial::test(format!("{kind}::{}", fault.name), move || {
                judge(role, kind, fault)
            })
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn judge_good(role: Role, kind: &str) -> Result<(), Failed> {
    let result = run_suite(role, kind, "none", |_, _| true)?;
    expect_none(
        "a right program is blamed for",
        not_passing(&result, |_, _| true),
    )
}

fn judge(role: Role, kind: &str, fault: &Fault) -> Result<(), Failed> {
    let result = run_suite(role, kind, fault.name, |position, case| {
        is_in_share(fault.name, position, case)
            || covers_any(case, fault.breaks)
            || wants_whole_suite()
    })?;
    let is_failed = |id: &str| {
        let mut rows = result.requirements.iter();
        rows.any(|row| row.requirement.id == id && row.verdict == Verdict::Fail)
    };
    let missed: Vec<String> = fault
        .breaks
        .iter()
        .filter(|id| !is_failed(id))
        .map(|id| (*id).to_owned())
        .collect();
    let is_named = |id: &str, verdict: Verdict| {
        fault.breaks.contains(&id)
            || fault.consequences.contains(&id)
            || verdict == Verdict::Blocked && fault.blocks.contains(&id)
            || verdict == Verdict::NotApplicable && fault.not_applicable.contains(&id)
    };
    let beyond = not_passing(&result, |id, verdict| !is_named(id, verdict));
    expect_none("not reported as failed", missed.clone())
        .and(expect_none("reported beyond the truth", beyond.clone()))
        .map_err(|_| {
            format!(
                "missed: {missed:?}\nreported beyond the truth: {beyond:?}\nall: {:?}",
                not_passing(&result, |_, _| true)
            )
            .into()
        })
}

fn run_suite(
    role: Role,
    kind: &str,
    fault: &str,
    is_wanted: impl Fn(usize, &Case) -> bool,
) -> Result<RunResult, Failed> {
    let program = example(&format!("faulty-{kind}"));
    if !Path::new(&program).is_file() {
        return Err(format!("{program} is not there: `cargo build --examples` builds it").into());
    }
    let command = vec![program, "--fault".to_owned(), fault.to_owned()];
    // The faulty programs answer at once, or not at all.
    let patience = Duration::from_secs(1);
    once_sure(|| run_command(command.clone(), role, 4, patience, &is_wanted))
}
