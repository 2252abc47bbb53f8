//! A server with its own clients: a pair that works is never blamed, however its programs speak with each other, and one
//! that is wrong is blamed for what is wrong.
//!
//! Only some ways are judged, one for each requirement among them: what is right by half of the transcripts, and what is
//! wrong by those about what fails and about chatting. The others are reported as ignored. With `CONFORM_THOROUGH=1` in the environment, all are judged,
//! by all transcripts.

mod judging;
mod python;

use std::collections::BTreeSet;
use std::time::Duration;

use chat_conformance::conformance::judge::result::Verdict;
use chat_conformance::conformance::program::target::Target;
use chat_conformance::conformance::suite::Case;
use chat_conformance::transcript::syntax::Role;
use judging::{covers_any, expect_none, is_in_part, is_thorough, not_passing, run_target};
use libtest_mimic::{Arguments, Failed, Trial};

/// The transcript on which the others rest.
const TALKING: &str = "pair/talking/two-by-turns";

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/pair.py");

/// Ways in which `pair.py` is unusual, and right.
const RIGHT: &[&str] = &[
    "none",
    "arguments-swapped",
    "no-answer",
    "late-registration",
    "fixed-port",
    "listens-on-all-addresses",
    "raw-terminal",
    "clears-the-screen",
];

/// Ways in which it is wrong: what fails, and what cannot be judged because of that.
const WRONG: &[(&str, &[&str], &[&str])] = &[
    ("relays-nothing", &["P-1"], &["P-2", "P-3", "P-6", "P-7"]),
    (
        "shows-at-enter",
        &["P-1"],
        &["P-2", "P-3", "P-4", "P-5", "P-6", "P-7"],
    ),
    ("relays-to-one", &["P-2"], &[]),
    ("relays-to-the-first-two", &["P-2"], &["P-3", "P-7"]),
    ("ends-when-one-leaves", &["P-3"], &["P-7"]),
    ("forgets-all-when-one-leaves", &["P-3", "P-4"], &["P-7"]),
    ("client-ignores-ctrl-c", &["P-3"], &["P-4", "P-7"]),
    ("takes-every-name", &["P-4"], &[]),
    ("refused-client-stays", &["P-4"], &[]),
    ("refused-client-is-silent", &["P-4"], &[]),
    ("refusal-ends-the-server", &["P-4"], &[]),
    ("clients-outlive-the-server", &["P-5"], &[]),
    ("clients-end-without-a-word", &["P-5"], &[]),
    ("server-ignores-ctrl-c", &["P-5"], &[]),
    ("name-stays-taken", &["P-7"], &[]),
    ("message-drops-what-is-typed", &["P-6"], &[]),
    ("first-of-two-at-once-is-lost", &["P-6"], &[]),
];

/// Ways in which nothing works.
const DEAD: &[&str] = &[
    "server-crashes-at-start",
    "client-crashes-at-start",
    "client-never-connects",
];

/// The ways that are always judged.
const SAMPLE: &[&str] = &[
    "none",
    "listens-on-all-addresses",
    "relays-nothing",
    "relays-to-one",
    "ends-when-one-leaves",
    "takes-every-name",
    "clients-outlive-the-server",
    "message-drops-what-is-typed",
    "name-stays-taken",
    "client-crashes-at-start",
];

fn main() {
    let mut arguments = Arguments::from_args();
    let takes_all = is_thorough() || arguments.filter.is_some();
    let trial = |name: String, way: &str, test: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        let is_left_out = !takes_all && !SAMPLE.contains(&way);
        Trial::test(name, test).with_ignored_flag(is_left_out)
    };
    // Most of the time is waiting for programs that do not answer.
    arguments.test_threads.get_or_insert(8);
    let mut trials = vec![Trial::test("every_way_is_judged", every_way_is_judged)];
    trials.push(Trial::test("bundled", || {
        let program = |name: &str| vec![name.to_owned()];
        let server = program(env!("CARGO_BIN_EXE_chat-server"));
        let client = program(env!("CARGO_BIN_EXE_chat-client"));
        nothing_is_blamed("bundled", Target::Pair { server, client })
    }));
    trials.extend(RIGHT.iter().map(|way| {
        let test = move || nothing_is_blamed(way, target(way)?);
        trial(format!("right::{way}"), way, Box::new(test))
    }));
    trials.extend(WRONG.iter().map(|(way, fails, blocked)| {
        let test = move || is_blamed_for(way, fails, blocked);
        trial(format!("wrong::{way}"), way, Box::new(test))
    }));
    trials.extend(DEAD.iter().map(|way| {
        let test = move || nothing_passes(way);
        trial(format!("dead::{way}"), way, Box::new(test))
    }));
    libtest_mimic::run(&arguments, trials).exit();
}

fn target(way: &str) -> Result<Target, Failed> {
    let python = python::python().ok_or("this test needs python3")?;
    let command = |role: &str| {
        let words = [python, PROGRAM, "--way", way, role];
        words.map(str::to_owned).to_vec()
    };
    Ok(Target::Pair {
        server: command("server"),
        client: command("client"),
    })
}

fn nothing_is_blamed(way: &str, target: Target) -> Result<(), Failed> {
    let is_asked = |position: usize, case: &Case| {
        is_thorough() || case.name == TALKING || is_in_part(way, position, 2)
    };
    let result = run_target(target, Role::Pair, 4, Duration::from_secs(5), is_asked)?;
    expect_none(
        "a right pair is blamed for",
        not_passing(&result, |_, _| true),
    )
}

fn is_blamed_for(way: &str, fails: &[&str], blocked: &[&str]) -> Result<(), Failed> {
    let patience = Duration::from_secs(3);
    let is_asked =
        |_: usize, case: &Case| is_thorough() || covers_any(case, fails) || case.name == TALKING;
    let result = run_target(target(way)?, Role::Pair, 4, patience, is_asked)?;
    let is_known = |id: &str, verdict| match verdict {
        Verdict::Fail => fails.contains(&id),
        // What else would show that it holds was not asked.
        Verdict::Blocked => blocked.contains(&id) || !is_thorough(),
        _ => false,
    };
    let surprising = not_passing(&result, |id, verdict| !is_known(id, verdict));
    expect_none("blamed besides", surprising)?;
    let verdict_of = |id: &str| {
        let mut judged = result.requirements.iter();
        judged
            .find(|one| one.requirement.id == id)
            .map(|one| one.verdict)
    };
    let missed = fails
        .iter()
        .filter(|id| verdict_of(id) != Some(Verdict::Fail));
    expect_none("not found", missed.map(|id| (*id).to_owned()).collect())
}

fn nothing_passes(way: &str) -> Result<(), Failed> {
    let patience = Duration::from_secs(2);
    let result = run_target(target(way)?, Role::Pair, 4, patience, |_, _| true)?;
    let passes = result
        .requirements
        .iter()
        .filter(|one| one.verdict == Verdict::Pass);
    let passes: Vec<String> = passes.map(|one| one.requirement.id.clone()).collect();
    expect_none("passes, although nothing works", passes)
}

/// The program and the tables agree on what there is.
fn every_way_is_judged() -> Result<(), Failed> {
    let python = python::python().ok_or("this test needs python3")?;
    let listed = std::process::Command::new(python)
        .args([PROGRAM, "--list"])
        .output()
        .map_err(|why| why.to_string())?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let listed: BTreeSet<&str> = listed.lines().collect();
    let wrong = WRONG.iter().map(|(way, ..)| way);
    let judged: BTreeSet<&str> = RIGHT.iter().chain(DEAD).chain(wrong).copied().collect();
    if listed == judged {
        Ok(())
    } else {
        Err(format!("{listed:?} are there, {judged:?} are judged").into())
    }
}
