//! Every check is seen to fail: the suite must report each faulty program for the requirements that it breaks, and
//! for no others.
//!
//! A fault is judged by the transcripts about the requirements that it breaks, by those on which others rest, and by
//! a part of the rest, a different one for each fault. `scripts/measure-verdicts` judges it by the whole suite.
//!
//! A sample is judged, by an eighteenth of the rest: every third one of the faults that together break each
//! requirement. With `CONFORM_THOROUGH=1` in the environment, every third fault is judged as well, and by a sixth of
//! the rest; with `CONFORM_EVERY_FAULT=1`, all of them, which takes some minutes. The other faults are then reported as
//! ignored; a filter (`cargo test --test faults echo`) or `-- --include-ignored` runs them too.

#[path = "../judging/mod.rs"]
mod judging;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chat_conformance::conformance::judge::result::{RunResult, Verdict};
use chat_conformance::conformance::suite::{Case, Suite};
use chat_conformance::transcript::syntax::Role;
use judging::{
    FOUNDATIONS, covers_any, example, expect_none, is_in_share, is_set, is_thorough, not_passing,
    run_command,
};
use libtest_mimic::{Arguments, Failed, Trial};
use table::Fault;

fn main() {
    let mut arguments = Arguments::from_args();
    // Most of the time is waiting for programs that do not answer.
    arguments.test_threads.get_or_insert(12);
    let takes_all = is_set("CONFORM_EVERY_FAULT") || arguments.filter.is_some();
    let mut trials = vec![Trial::test(
        "foundations_are_transcripts",
        foundations_are_transcripts,
    )];
    let mut left_out = 0;
    for (role, kind, faults) in [
        (Role::Server, "server", table::SERVER),
        (Role::Client, "client", table::CLIENT),
    ] {
        trials.push(Trial::test(format!("{kind}::none"), move || {
            judge_good(role, kind)
        }));
        trials.push(Trial::test(
            format!("{kind}::each_requirement_is_broken"),
            move || each_requirement_is_broken(role, faults),
        ));
        let chosen = sample(faults);
        trials.extend(faults.iter().enumerate().map(|(position, fault)| {
            let is_third = is_thorough() && position % 3 == 0;
            let is_left_out = !takes_all && !is_third && !chosen.contains(fault.name);
            left_out += usize::from(is_left_out);
            Trial::test(format!("{kind}::{}", fault.name), move || {
                judge(role, kind, fault)
            })
            .with_ignored_flag(is_left_out)
        }));
    }
    if left_out > 0 && !arguments.list {
        eprintln!("{left_out} faults are left out; CONFORM_EVERY_FAULT=1 judges them too");
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Every third one of the first faults of a table that together break each requirement.
fn sample(faults: &[Fault]) -> BTreeSet<&'static str> {
    let mut broken: BTreeSet<&str> = BTreeSet::new();
    let breaks_another = |fault: &&Fault| {
        let before = broken.len();
        broken.extend(fault.breaks);
        broken.len() > before
    };
    let chosen = faults.iter().filter(breaks_another);
    chosen.map(|fault| fault.name).step_by(3).collect()
}

fn foundations_are_transcripts() -> Result<(), Failed> {
    let suite = Suite::embedded().map_err(|_| "the embedded suite cannot be read")?;
    let is_missing = |name: &&&str| suite.cases.iter().all(|case| case.name != **name);
    let missing = FOUNDATIONS.iter().filter(is_missing);
    let missing = missing.map(|name| (*name).to_owned()).collect();
    expect_none("no transcripts", missing)
}

fn each_requirement_is_broken(role: Role, faults: &[Fault]) -> Result<(), Failed> {
    let suite = Suite::embedded().map_err(|_| "the embedded suite cannot be read")?;
    let cases = suite.cases.iter();
    let of_role = cases.filter(|case| case.transcript.role == role);
    let covered: BTreeSet<&str> = of_role
        .flat_map(|case| case.transcript.covers.iter().map(String::as_str))
        .collect();
    let broken: BTreeSet<&str> = faults
        .iter()
        .flat_map(|fault| fault.breaks.iter().copied())
        .collect();
    let missing = covered.difference(&broken);
    let missing = missing.map(|id| (*id).to_owned()).collect();
    expect_none("no fault breaks", missing)
}

fn judge_good(role: Role, kind: &str) -> Result<(), Failed> {
    let result = run_suite(role, kind, "none", |position, case| {
        is_thorough() || is_in_share("none", position, 4, case)
    })?;
    expect_none(
        "a right program is blamed for",
        not_passing(&result, |_, _| true),
    )
}

fn judge(role: Role, kind: &str, fault: &Fault) -> Result<(), Failed> {
    let parts = if is_thorough() { 6 } else { 18 };
    let result = run_suite(role, kind, fault.name, |position, case| {
        is_in_share(fault.name, position, parts, case)
            || covers_any(case, fault.breaks)
            || covers_any(case, fault.holds)
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
    let suite = Suite::embedded().map_err(|_| "the embedded suite cannot be read")?;
    // Another transcript about it, which was not asked, may show that it holds.
    let is_asked_in_part = |id: &str| {
        let about_it = suite.cases.iter().filter(|case| covers_any(case, &[id]));
        let asked = result
            .transcripts
            .iter()
            .filter(|judged| covers_any(&judged.case, &[id]));
        asked.count() < about_it.count()
    };
    let is_named = |id: &str, verdict: Verdict| {
        let may_not_pass = !fault.holds.contains(&id);
        let is_left_open = matches!(verdict, Verdict::Blocked | Verdict::NotApplicable);
        fault.breaks.contains(&id)
            || fault.consequences.contains(&id)
            || verdict == Verdict::Blocked && fault.blocks.contains(&id) && may_not_pass
            || is_left_open && may_not_pass && is_asked_in_part(id)
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
    run_command(command, role, 4, patience, is_wanted)
}
