//! Replays every transcript that is asked for against one program, side by side, and returns what was seen.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
use crate::conformance::play::{Ledger, Setting, replay_in_network};
use crate::conformance::program::profile::Profile;
use crate::conformance::program::target::{Target, takes_every_address};
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
    let replay_side_by_side = |positions: &[usize], at_once: usize, ledger: &Ledger| {
        let setting = Setting {
            ledger,
            ..session.setting
        };
        replay_all(plan, positions, at_once, setting, progress)
    };
    let mut evidence: Vec<Vec<Evidence>> = vec![Vec::new(); plan.cases.len()];
    let ledger = session.known_failures();
    // Where a client connected nowhere so far, the transcripts about that show whether to ask for more.
    let comes_first = |at: &usize| {
        session.has_connected_in_vain() && plan.cases[*at].transcript.covers_any(&[id::C_ARG_1])
    };
    let (first, others): (Vec<usize>, Vec<usize>) = longest_first(&plan.cases)
        .into_iter()
        .partition(comes_first);
    let at_once = side_by_side(plan, session.setting.profile);
    for positions in [first, others] {
        for (position, runs) in replay_side_by_side(&positions, at_once, &ledger) {
            evidence[position] = runs;
        }
    }
    let crowded_out = crowded_out(&plan.cases, &evidence);
    for position in &crowded_out {
        evidence[*position].clear();
    }
    for (position, runs) in replay_side_by_side(&crowded_out, 1, &Ledger::default()) {
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

/// Replays the cases at these positions, `at_once` at a time.
fn replay_all(
    plan: &Plan,
    positions: &[usize],
    at_once: usize,
    setting: Setting<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Vec<(usize, Vec<Evidence>)> {
    let done = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..at_once.min(positions.len()) {
            scope.spawn(|| {
                while let Some(position) = positions.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let runs = replay_until_sure(&plan.cases[*position], plan, setting, progress);
                    if let (Some(runs), Ok(mut done)) = (runs, done.lock()) {
                        done.push((*position, runs));
                    }
                }
            });
        }
    });
    done.into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
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

/// Replays a case as often as necessary. Returns `None` if it was stopped early: some of the runs would say too
/// little.
fn replay_until_sure(
    case: &Case,
    plan: &Plan,
    setting: Setting<'_>,
    progress: &(dyn Fn(Progress<'_>) + Sync),
) -> Option<Vec<Evidence>> {
    if let Some(reason) = why_not_applicable(&case.transcript, &setting.profile) {
        progress(Progress::Finished(case, true));
        return Some(vec![Evidence {
            events: Vec::new(),
            outcome: Outcome::NotApplicable { reason },
            seconds: 0.0,
        }]);
    }
    let policy = policy(&case.transcript, &setting.profile, &plan.table);
    let mut runs: Vec<Evidence> = Vec::new();
    while can_be_asked(case, plan)
        && runs.iter().filter(|run| run.is_conclusive()).count() < MOST_RUNS
        && runs.len() < 2 * MOST_RUNS
    {
        let at_work = setting.begin_work()?;
        progress(Progress::Began(case, runs.len() + 1));
        let run = replay_in_network(&case.transcript, &policy, setting)?;
        drop(at_work);
        let is_settled = match &run.outcome {
            // After a run that failed the result is a mixture, however often it passes from now on.
            Outcome::Completed => !runs.iter().any(Evidence::is_conclusive),
            Outcome::Skipped { .. } => true,
            Outcome::FellShort(shortfall) => is_known(case, &policy, shortfall, setting.ledger),
            Outcome::Unable { .. } => false,
            Outcome::NotApplicable { .. } => true,
        };
        runs.push(run);
        if is_settled {
            break;
        }
    }
    let held = runs.iter().all(|run| run.outcome == Outcome::Completed);
    progress(Progress::Finished(case, held));
    Some(runs)
}

/// Whether the run stopped over another topic than the transcript's own, and one that is known to fail.
fn is_known(case: &Case, policy: &Policy, shortfall: &Shortfall, ledger: &Ledger) -> bool {
    let about = Topic::of_shortfall(&case.transcript, shortfall);
    let topic = about.map(|about| about.topic());
    topic.is_some_and(|topic| {
        // Whether a client connects is judged in the same way everywhere.
        let is_judged_elsewhere = !policy.judges(topic) || topic == Topic::ClientStart;
        is_judged_elsewhere && ledger.is_known_to_fail(topic)
    })
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
