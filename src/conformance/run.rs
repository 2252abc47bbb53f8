//! Replays every transcript that is asked for against one program, side by side, and returns what was seen.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Event, EventKind, Evidence, Outcome};
use crate::conformance::judge::MOST_RUNS;
use crate::conformance::judge::program::ProgramEvidence;
use crate::conformance::judge::transcript_policy::{policy, why_not_applicable};
use crate::conformance::play::clock::TimeBudget;
use crate::conformance::play::policy::Policy;
use crate::conformance::play::{Ledger, Setting, remembered_of, replay_in_network};
use crate::conformance::program::profile::Profile;
use crate::conformance::program::target::{Target, takes_every_address};
use crate::conformance::schedule::Schedule;
use crate::conformance::session::{NoResult, Session, Subject, with_program};
use crate::conformance::suite::Case;
use crate::conformance::suite::id;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::{Action, Step};

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program under test, and how it is treated.
    pub subject: Subject,
    /// The relations between all requirements of the suite.
    pub table: Table,
    /// The transcripts to replay, all of the program's role.
    pub cases: Vec<Case>,
    /// Number of replays at the same time, including those that only wait; at least 1. With a server that is already
    /// running it is always 1.
    pub at_once: usize,
}

/// Progress, for a person who watches.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// The probe finds out how the program speaks.
    Probing,
    /// A replay of a transcript begins, with its number from 1.
    Began(&'a Case, usize),
    /// A transcript has been replayed as often as necessary; whether every run passed.
    Finished(&'a Case, bool),
}

/// Carries out the plan. If `cancelled` is set meanwhile, ends all processes and returns soon.
///
/// # Errors
/// Why there is nothing to report.
pub fn run(
    plan: &Plan,
    cancelled: &AtomicBool,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<ProgramEvidence, NoResult> {
    let begun = Instant::now();
    progress(Progress::Probing);
    let evidence = with_program(&plan.subject, cancelled, |session| {
        let evidence = replay_suite(plan, session, progress);
        let is_complete = !cancelled.load(Ordering::Relaxed);
        is_complete.then(|| ProgramEvidence {
            role: plan.subject.role,
            command: plan.subject.target.shown(),
            profile: session.setting.profile,
            remarks: session.remarks(),
            time_limit: time_limit_of(plan, session.setting.time, &evidence),
            replayed: plan.cases.iter().cloned().zip(evidence).collect(),
            seconds: begun.elapsed().as_secs_f64(),
        })
    })?;
    evidence.ok_or(NoResult::Cancelled)
}

/// The runs of each case.
fn replay_suite(
    plan: &Plan,
    session: &Session<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Vec<Vec<Evidence>> {
    let mut evidence: Vec<Vec<Evidence>> = vec![Vec::new(); plan.cases.len()];
    let ledger = session.known_failures();
    let setting = |ledger| Setting {
        ledger,
        ..session.setting
    };
    let is_asked = |at: &usize| {
        let case = &plan.cases[*at];
        let is_applicable =
            why_not_applicable(&case.transcript, &session.setting.profile).is_none();
        let is_asked = !is_applicable || can_be_asked(case, plan);
        if !is_asked {
            progress(Progress::Finished(case, true));
        }
        is_asked
    };
    let asked_first = session.asked_first();
    let comes_first =
        |at: &usize| asked_first.is_some_and(|id| plan.cases[*at].transcript.covers_any(&[id]));
    let (first, others): (Vec<usize>, Vec<usize>) = longest_first(&plan.cases)
        .into_iter()
        .filter(is_asked)
        .partition(comes_first);
    let at_once = side_by_side(plan, session.setting.profile);
    for positions in [first, others] {
        let cases = positions.into_iter().map(|at| (at, Vec::new())).collect();
        for (position, runs) in replay_all(plan, cases, at_once, setting(&ledger), progress) {
            evidence[position] = runs;
        }
    }
    // What was taken for known to fail may have worked later.
    let unsettled = (0..plan.cases.len()).filter(|at| {
        let runs = &evidence[*at];
        !runs.is_empty() && runs_to_add(plan, *at, runs, setting(&ledger)) > 0
    });
    let unsettled: Vec<usize> = unsettled.collect();
    let cases = unsettled.into_iter().map(|at| {
        let mut runs = evidence[at].clone();
        runs.retain(|run| !is_outdated(run, &ledger));
        (at, runs)
    });
    let cases = cases.collect();
    for (position, runs) in replay_all(plan, cases, at_once, setting(&ledger), &|_| ()) {
        evidence[position] = runs;
    }
    let crowded_out = crowded_out(&plan.cases, &evidence).into_iter();
    let cases: Vec<_> = crowded_out.map(|at| (at, Vec::new())).collect();
    for (at, _) in &cases {
        evidence[*at].clear();
    }
    for (position, runs) in replay_all(plan, cases, 1, setting(&Ledger::default()), progress) {
        evidence[position] = runs;
    }
    evidence
}

/// What the time limit left undone, if anything.
fn time_limit_of(plan: &Plan, time: &TimeBudget, evidence: &[Vec<Evidence>]) -> Option<TimeLimit> {
    if !time.is_up() {
        return None;
    }
    let cases = plan.cases.iter().zip(evidence);
    let is_missing =
        |(case, runs): &(&Case, &Vec<Evidence>)| runs.is_empty() && can_be_asked(case, plan);
    let missing = cases.filter(is_missing).map(|(case, _)| case.name.clone());
    let not_replayed: Vec<String> = missing.collect();
    (!not_replayed.is_empty()).then(|| TimeLimit {
        seconds: time.limit().as_secs_f64(),
        used_up_by: time.used_up_by(),
        not_replayed,
    })
}

/// Replays the cases at these positions, `at_once` at a time, each as often as necessary after the runs that it has.
/// Cases that were stopped early are missing: some of their runs would say too little.
fn replay_all(
    plan: &Plan,
    cases: Vec<(usize, Vec<Evidence>)>,
    at_once: usize,
    setting: Setting<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Vec<(usize, Vec<Evidence>)> {
    let more = |position: usize, runs: &[Evidence]| runs_to_add(plan, position, runs, setting);
    let at_once = at_once.min(MOST_RUNS * cases.len());
    let schedule = Schedule::new(cases, more);
    let finished = Mutex::new(Vec::new());
    let work_off = || {
        while let Some((position, number)) = schedule.next() {
            let case = &plan.cases[position];
            let replay = || replay_once(case, number, plan, setting, progress);
            // If a replay panics, the other threads must not wait for it.
            let run = catch_unwind(AssertUnwindSafe(replay));
            let has_panicked = run.is_err();
            if let Some(mut runs) = schedule.done(position, run.unwrap_or_default(), more) {
                drop_outdated(&mut runs, setting.ledger);
                let held = runs.iter().all(|run| run.outcome == Outcome::Completed);
                progress(Progress::Finished(case, held));
                let mut finished = finished.lock().unwrap_or_else(PoisonError::into_inner);
                finished.push((position, runs));
            }
            assert!(!has_panicked, "a replay panicked");
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(work_off);
        }
    });
    finished
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Positions of the cases in which the program could not start although it could in others. A server with a fixed
/// port conflicts with itself; such a case is replayed again, alone.
fn crowded_out(cases: &[Case], evidence: &[Vec<Evidence>]) -> Vec<usize> {
    let listens = |event: &Event| matches!(event.kind, EventKind::Listening { .. });
    let mut events = evidence.iter().flatten().flat_map(|run| &run.events);
    if !events.any(listens) {
        return Vec::new();
    }
    let could_not_start = |case: &Case, run: &Evidence| match &run.outcome {
        Outcome::FellShort(shortfall) => {
            let about = Topic::of_shortfall(&case.transcript, shortfall);
            about.is_some_and(|about| about.topic == Topic::ServerStart)
        }
        Outcome::Skipped { because_of } => *because_of == Topic::ServerStart,
        _ => false,
    };
    let is_crowded_out = |position: &usize| {
        let case = &cases[*position];
        let mut runs = evidence[*position].iter();
        !case.transcript.covers_any(&[id::S_PORT_1]) && runs.any(|run| could_not_start(case, run))
    };
    (0..cases.len()).filter(is_crowded_out).collect()
}

/// Number of replays at the same time. Replays against a server that is already running would meet each other.
fn side_by_side(plan: &Plan, profile: Profile) -> usize {
    match plan.subject.target {
        Target::Command(_) if profile.runs_alone && !profile.has_own_network => 1,
        // Whether the server's port is its own choice is another role's matter.
        Target::Pair { .. } if !profile.has_own_network => 1,
        Target::Running(_) => 1,
        Target::Command(_) | Target::Pair { .. } => plan.at_once.clamp(1, plan.cases.len().max(1)),
    }
}

/// Replays a case once. `None` where everything is to stop.
fn replay_once(
    case: &Case,
    number: usize,
    plan: &Plan,
    setting: Setting<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Option<Evidence> {
    if let Some(reason) = why_not_applicable(&case.transcript, &setting.profile) {
        return Some(Evidence::without_steps(Outcome::NotApplicable { reason }));
    }
    let policy = policy(&case.transcript, &setting.profile, &plan.table);
    let _at_work = setting.begin_work()?;
    progress(Progress::Began(case, number));
    replay_in_network(&case.transcript, &policy, setting)
}

/// How many further runs a case needs, after these.
fn runs_to_add(plan: &Plan, position: usize, runs: &[Evidence], setting: Setting<'_>) -> usize {
    let (case, ledger) = (&plan.cases[position], setting.ledger);
    let Some(last) = runs.last() else {
        return 1;
    };
    let is_conclusive = |run: &&Evidence| run.is_conclusive() && !was_skipped(run);
    let conclusive = runs.iter().filter(is_conclusive).count();
    let is_settled = match &last.outcome {
        // After a run that failed the result is a mixture, however often it passes from now on.
        Outcome::Completed => conclusive == 1,
        Outcome::Skipped { because_of } => !ledger.has_held(*because_of),
        Outcome::NotApplicable { .. } => true,
        Outcome::FellShort(shortfall) => {
            let policy = policy(&case.transcript, &setting.profile, &plan.table);
            is_known(case, &policy, shortfall, ledger) || connects_nowhere(last, ledger)
        }
        Outcome::Unable { .. } => false,
    };
    if is_settled {
        return 0;
    }
    if was_skipped(last) {
        return 1;
    }
    // Of several at the same time, one that passes is the first.
    if conclusive == 0 {
        return usize::from(runs.len() < 2 * MOST_RUNS);
    }
    let left = (2 * MOST_RUNS).saturating_sub(runs.len());
    MOST_RUNS.saturating_sub(conclusive).min(left)
}

fn was_skipped(run: &Evidence) -> bool {
    matches!(run.outcome, Outcome::Skipped { .. })
}

/// Whether a run was skipped over something that has worked since.
fn is_outdated(run: &Evidence, ledger: &Ledger) -> bool {
    matches!(run.outcome, Outcome::Skipped { because_of } if ledger.has_held(because_of))
}

/// Leaves out the runs that were skipped over something that has worked since, unless there is nothing else.
fn drop_outdated(runs: &mut Vec<Evidence>, ledger: &Ledger) {
    if runs.iter().any(|run| !is_outdated(run, ledger)) {
        runs.retain(|run| !is_outdated(run, ledger));
    }
}

/// Whether the run stopped over a topic that is known to fail, or over one that rests on such a topic.
///
/// The ledger holds what failed where the topic is not judged: what fails there fails where it is judged more strictly,
/// too. But a transcript that judges a topic is repeated unless the topic is that of a step, which has never worked then.
fn is_known(case: &Case, policy: &Policy, shortfall: &Shortfall, ledger: &Ledger) -> bool {
    let transcript = &case.transcript;
    let Some(topic) = remembered_of(transcript, shortfall) else {
        return false;
    };
    // Whether a client connects is judged in the same way everywhere.
    if !policy.judges(topic) || topic == Topic::ClientStart {
        return ledger.is_known_to_fail(topic);
    }
    let of_step = Topic::of_step(transcript, shortfall.step, &shortfall.present);
    if of_step != Some(topic) || matches!(topic, Topic::Together(_)) {
        return false;
    }
    let ground = Topic::alone(transcript, shortfall.step);
    let mut topics = [Some(topic), ground].into_iter().flatten();
    topics.any(|topic| ledger.is_known_to_fail(topic))
}

/// Whether the program is a client that connects nowhere: how it refuses wrong addresses says nothing then.
fn connects_nowhere(run: &Evidence, ledger: &Ledger) -> bool {
    let connects = |event: &Event| matches!(event.kind, EventKind::Connected { .. });
    ledger.is_known_to_fail(Topic::ClientStart) && !run.events.iter().any(connects)
}

/// Positions of the cases in the order of their start: those with long fixed waits first.
fn longest_first(cases: &[Case]) -> Vec<usize> {
    let seconds = |case: &Case| {
        let passing = case.transcript.steps.iter().map(|step| match step.action {
            Action::Pass { seconds } => seconds,
            // At its end, a server may wait for the client that does not read.
            Action::StopsReading { .. } => 1,
            _ => 0,
        });
        passing.sum::<u32>()
    };
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|position| std::cmp::Reverse(seconds(&cases[*position])));
    order
}

/// Whether the case can be replayed against this program: a server that is already running cannot be stopped, and a
/// command that takes host and port separately cannot be given an address without them.
fn can_be_asked(case: &Case, plan: &Plan) -> bool {
    let needs_start = |step: &Step| {
        matches!(
            step.action,
            Action::PrintsItsPort
                | Action::AnotherStarts
                | Action::IsInterrupted
                | Action::IsTerminated
                | Action::Ends { .. }
                | Action::GrowsByAtMost { .. }
        )
    };
    match &plan.subject.target {
        Target::Running(_) => !case.transcript.steps.iter().any(needs_start),
        Target::Command(command) => takes_every_address(command, &case.transcript),
        Target::Pair { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::conversation::room::Room;
    use crate::conformance::evidence::shortfall::{Expected, Got};
    use crate::conformance::suite::Suite;
    use crate::transcript::parse;
    use crate::transcript::syntax::Role;

    fn run(outcome: Outcome) -> Evidence {
        Evidence::without_steps(outcome)
    }

    #[test]
    fn what_was_skipped_counts_until_it_works() {
        let skipped = || {
            run(Outcome::Skipped {
                because_of: Topic::Relaying,
            })
        };
        let ledger = Ledger::default();
        let mut runs = vec![run(Outcome::Completed), skipped()];
        drop_outdated(&mut runs, &ledger);
        assert_eq!(runs.len(), 2);
        ledger.held(Topic::Relaying);
        drop_outdated(&mut runs, &ledger);
        assert_eq!(runs, [run(Outcome::Completed)]);
        let mut runs = vec![skipped(), skipped()];
        drop_outdated(&mut runs, &ledger);
        assert_eq!(runs.len(), 2);
    }

    #[test]
    fn a_failure_over_what_never_worked_is_not_repeated() {
        let source = "# A case.\ncovers S-CONC-1\n\nalice joins\nbob joins\n";
        let transcript = parse("case", source).expect("is a transcript");
        let case = Case {
            name: "case".to_owned(),
            source: source.to_owned(),
            transcript,
        };
        let suite = Suite::embedded();
        let table = suite.map_or_else(|_| panic!("the suite is broken"), |suite| suite.table());
        let policy = policy(&case.transcript, &Profile::PLAIN, &table);
        let shortfall = |step| Shortfall {
            step,
            expected: Expected::Line {
                line: "200".to_owned(),
                open_ended: true,
            },
            got: Got::Nothing { after: 5000 },
            ended: None,
            present: Room::new(Role::Server).present(),
            who_ended: None,
            waited_for_enter: false,
        };
        let ledger = Ledger::default();
        assert!(!is_known(&case, &policy, &shortfall(0), &ledger));
        (0..3).for_each(|_| ledger.fell_short(Topic::Registration));
        assert!(is_known(&case, &policy, &shortfall(0), &ledger));
        ledger.held(Topic::Registration);
        assert!(!is_known(&case, &policy, &shortfall(0), &ledger));
    }
}
