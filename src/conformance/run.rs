//! Replays every transcript that is asked for against one program, side by side, and returns what was seen.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::conformance::evidence::shortfall::Shortfall;
use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Event, EventKind, Evidence, Outcome};
use crate::conformance::judge::MOST_RUNS;
use crate::conformance::judge::program::ProgramEvidence;
use crate::conformance::judge::transcript_policy::{policy, why_not_applicable};
use crate::conformance::play::clock::{DEFAULT_LIMIT, TimeBudget};
use crate::conformance::play::policy::Policy;
use crate::conformance::play::slots::Slots;
use crate::conformance::play::timeouts::{LagMeter, Timeouts};
use crate::conformance::play::{Ledger, Setting, Turn, replay_in_network};
use crate::conformance::probe::{ProbeResult, control, probe};
use crate::conformance::program::dialect::Dialect;
use crate::conformance::program::environment::{Environment, Network, Purpose};
use crate::conformance::program::profile::Profile;
use crate::conformance::program::system;
use crate::conformance::program::target::{Target, takes_every_address};
use crate::conformance::suite::Case;
use crate::conformance::suite::id;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::{Action, Role, Step};

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The program under test.
    pub target: Target,
    /// Whether it is a server or a client.
    pub role: Role,
    /// The relations between all requirements of the suite.
    pub table: Table,
    /// The transcripts to replay, all of the same role.
    pub cases: Vec<Case>,
    /// Slots for replays; several runs may share them.
    pub slots: Arc<Slots>,
    /// Number of replays at the same time, including those that only wait; at least 1. With a server that is already
    /// running it is always 1.
    pub at_once: usize,
    /// Time limit for all replays; transcripts that are not replayed by then are untested. Time in which the machine
    /// kept the program from working does not count, up to a bound: see [`ProgramClock`].
    ///
    /// [`ProgramClock`]: crate::conformance::play::clock::ProgramClock
    pub time_limit: Duration,
    /// The environment of the program under test.
    pub environment: Environment,
    /// The program's dialect; `None` lets the probe find it out.
    pub dialect: Option<Dialect>,
    /// How long to wait for an answer.
    pub patience: Duration,
    /// Path of the `conform` program, which supervises programs under test.
    pub harness: PathBuf,
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

/// Why a run has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoResult {
    /// The run was cancelled.
    Cancelled,
    /// No server listens at this address.
    NobodyThere(String),
    /// The bundled reference failed in a plain conversation on this machine, in this way. So no other program can be
    /// judged here.
    Unfit(Box<Outcome>),
}

impl fmt::Display for NoResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoResult::Cancelled => write!(f, "interrupted"),
            NoResult::NobodyThere(address) => write!(
                f,
                "no server can be reached at {address}: start it first, and give the port that it prints"
            ),
            NoResult::Unfit(why) => write!(
                f,
                "nothing was judged, because the bundled reference fails on this machine: {why}"
            ),
        }
    }
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
    let timeouts = Arc::new(Timeouts::new(plan.patience));
    let ledger = Ledger::default();
    let has_own_network = gives_networks(plan);
    let turn = Turn::default();
    // Without networks of their own, all replays share the machine's network anyway.
    let takes_turns = has_own_network && plan.environment.purpose == Purpose::Submission;
    let setting = |time| Setting {
        target: &plan.target,
        harness: &plan.harness,
        environment: &plan.environment,
        profile: Profile {
            has_own_network,
            ..Profile::PLAIN
        },
        banner: &[],
        timeouts: &timeouts,
        ledger: &ledger,
        slots: &plan.slots,
        cancelled,
        time,
        turn: takes_turns.then_some(&turn),
    };
    progress(Progress::Probing);
    let is_wanted = || !cancelled.load(Ordering::Relaxed);
    let slot = plan.slots.take_while(is_wanted);
    let slot = slot.ok_or(NoResult::Cancelled)?;
    let time_of_reference = Arc::new(TimeBudget::new(DEFAULT_LIMIT));
    let meter = measure(&timeouts, &time_of_reference);
    control(plan.role, setting(&time_of_reference)).map_err(|why| {
        if cancelled.load(Ordering::Relaxed) {
            NoResult::Cancelled
        } else {
            NoResult::Unfit(why)
        }
    })?;
    drop((meter, slot));
    let time = Arc::new(TimeBudget::new(plan.time_limit));
    let _meter = measure(&timeouts, &time);
    let first_setting = setting(&time);
    let probed = probe(plan.role, first_setting, plan.dialect);
    if cancelled.load(Ordering::Relaxed) {
        return Err(NoResult::Cancelled);
    }
    // If the time ran out during the probe, its result may be incomplete.
    let is_known = !time.is_up();
    let ProbeResult {
        profile,
        mut remarks,
        banner,
        was_reached,
        connected_in_vain,
    } = if is_known {
        probed
    } else {
        ProbeResult::none()
    };
    if profile.has_own_network {
        turn.leave();
    }
    if is_known && !was_reached {
        return Err(NoResult::NobodyThere(plan.target.shown().join(" ")));
    }
    let replay_side_by_side = |positions: &[usize], at_once: usize, ledger: &Ledger| {
        let setting = Setting {
            profile,
            banner: &banner,
            ledger,
            ..first_setting
        };
        replay_all(plan, positions, at_once, setting, progress)
    };
    let mut evidence: Vec<Vec<Evidence>> = vec![Vec::new(); plan.cases.len()];
    let ledger = Ledger::default();
    for _ in 0..connected_in_vain {
        ledger.fell_short(Topic::ClientStart);
    }
    // Where a client connected nowhere so far, the transcripts about that show whether to ask for more.
    let comes_first =
        |at: &usize| connected_in_vain > 0 && plan.cases[*at].transcript.covers_any(&[id::C_ARG_1]);
    let (first, others): (Vec<usize>, Vec<usize>) = longest_first(&plan.cases)
        .into_iter()
        .partition(comes_first);
    for positions in [first, others] {
        let at_once = side_by_side(plan, profile);
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
    if cancelled.load(Ordering::Relaxed) {
        return Err(NoResult::Cancelled);
    }
    if let Some(factor) = timeouts.widened_by() {
        remarks.push(format!(
            "The machine was busy, so answers were waited for up to {factor:.1} times as long as usual."
        ));
    }
    let time_limit = time_limit_of(plan, &time, &evidence);
    Ok(ProgramEvidence {
        role: plan.role,
        command: plan.target.shown(),
        profile,
        remarks,
        replayed: plan.cases.iter().cloned().zip(evidence).collect(),
        seconds: begun.elapsed().as_secs_f64(),
        time_limit,
    })
}

/// Measures how late this machine wakes a thread, for the waits and for the program's clock.
fn measure(timeouts: &Arc<Timeouts>, time: &Arc<TimeBudget>) -> LagMeter {
    let (timeouts, time) = (Arc::clone(timeouts), Arc::clone(time));
    LagMeter::start(move |late| {
        timeouts.woke_late_by(late);
        time.tick(late);
    })
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

/// Whether each replay gets a network of its own.
fn gives_networks(plan: &Plan) -> bool {
    let is_started_here = matches!(plan.target, Target::Command(_));
    let is_wanted = plan.environment.network == Network::Own;
    is_started_here && is_wanted && system::has_networks_to_give()
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
    match plan.target {
        Target::Command(_) if profile.runs_alone && !profile.has_own_network => 1,
        Target::Running(_) => 1,
        Target::Command(_) => plan.at_once.clamp(1, plan.cases.len().max(1)),
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
                | Action::Ends
                | Action::GrowsByAtMost { .. }
        )
    };
    match &plan.target {
        Target::Running(_) => !case.transcript.steps.iter().any(needs_start),
        Target::Command(command) => takes_every_address(command, &case.transcript),
    }
}
