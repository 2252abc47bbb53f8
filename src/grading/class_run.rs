//! Judges the submissions of a class side by side, and the bundled reference at intervals. If the reference does not
//! get full marks, this machine is not reliable, and the submissions of that period are judged again.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::examination::{Candidate, Terms, examine, roles_asked};
use super::record::{Part, PartOutcome, Record, SCHEMA};
use crate::conformance::judge::result::Verdict;
use crate::conformance::play::clock::DEFAULT_LIMIT;
use crate::conformance::play::slots::Rank;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::target::Target;
use crate::conformance::run::{Plan, Progress, run};
use crate::conformance::session::Subject;
use crate::conformance::suite::requirement::Level;
use crate::transcript::syntax::Role;

/// Maximum number of times a submission is judged again because the machine was not reliable. After that its record
/// is stored as doubtful.
const MOST_REPETITIONS: usize = 2;

/// Progress, for a person who watches.
#[derive(Debug, Clone, Copy)]
pub enum ClassProgress<'a> {
    /// The examination of a submission begins.
    Began(&'a str),
    /// A step of its examination.
    Step(&'a str, Role, Progress<'a>),
    /// A submission has been examined and its record stored.
    Recorded(&'a Record),
    /// The examination of the bundled reference begins.
    ControlBegan,
    /// The reference has been examined; whether it got full marks.
    ControlEnded(bool),
    /// A submission will be examined again, because the machine was not reliable.
    Again(&'a str),
}

/// How a class is examined.
#[derive(Debug, Clone, Copy)]
pub struct Arrangement {
    /// Number of submissions side by side, at least 1.
    pub side_by_side: usize,
    /// Number of further submissions, which begin while those leave slots unused.
    pub in_the_gaps: usize,
    /// Number of submissions between two examinations of the reference, at least 1.
    pub control_every: usize,
}

/// Why the examination of a class ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abandoned {
    /// It was cancelled.
    Cancelled,
    /// The bundled reference does not get full marks on this machine, for this reason.
    Unfit(String),
    /// The harness failed.
    Failed,
}

/// Examines all candidates. Passes each record to `keep` as soon as it exists, and once more if it becomes doubtful.
/// `keep` handles its own errors: the results of one submission never end the class.
///
/// # Errors
/// Why not all were examined. Records that were kept by then stay.
pub fn examine_all(
    candidates: &[Candidate],
    terms: &Terms<'_>,
    arrangement: Arrangement,
    keep: &(dyn Fn(&Record) + Sync),
    progress: &(dyn Fn(ClassProgress<'_>) + Sync),
) -> Result<(), Abandoned> {
    if candidates.is_empty() {
        return Ok(());
    }
    let is_fit = || {
        progress(ClassProgress::ControlBegan);
        let outcome = control(terms);
        if outcome != Err(Abandoned::Cancelled) {
            progress(ClassProgress::ControlEnded(outcome.is_ok()));
        }
        outcome
    };
    // A single failure may be an accident.
    match is_fit() {
        Err(Abandoned::Unfit(_)) => is_fit()?,
        first => first?,
    }
    let queue = Queue::new(candidates.len(), arrangement);
    std::thread::scope(|scope| {
        let regular = arrangement.side_by_side.max(1);
        for number in 0..regular + arrangement.in_the_gaps {
            let (queue, is_fit) = (&queue, &is_fit);
            scope.spawn(move || {
                loop {
                    if number >= regular {
                        queue.wait_for_gap(terms);
                    }
                    let Some(job) = queue.next() else {
                        return;
                    };
                    let work = || match job {
                        Job::Control { certifies } => match is_fit() {
                            Ok(()) => {
                                queue.certified(certifies);
                                Ok(())
                            }
                            Err(Abandoned::Unfit(_)) => {
                                doubted(queue, candidates, terms, keep, progress);
                                Ok(())
                            }
                            Err(abandoned) => Err(abandoned),
                        },
                        Job::Examine(position) => {
                            let candidate = &candidates[position];
                            examined(candidate, terms, keep, progress)
                                .map(|record| queue.recorded(position, record))
                        }
                    };
                    // If a job panics, the other threads must not wait for it.
                    let outcome = catch_unwind(AssertUnwindSafe(work));
                    queue.done(outcome.unwrap_or(Err(Abandoned::Failed)));
                }
            });
        }
    });
    queue.into_outcome()
}

fn examined(
    candidate: &Candidate,
    terms: &Terms<'_>,
    keep: &(dyn Fn(&Record) + Sync),
    progress: &(dyn Fn(ClassProgress<'_>) + Sync),
) -> Result<Record, Abandoned> {
    progress(ClassProgress::Began(&candidate.name));
    let step = |role: Role, step: Progress<'_>| {
        progress(ClassProgress::Step(&candidate.name, role, step));
    };
    // A bug in the harness costs this submission its result, but is no verdict on it.
    let record = catch_unwind(AssertUnwindSafe(|| examine(candidate, terms, &step)));
    let record = record.unwrap_or_else(|_| Some(harness_failed(candidate, terms)));
    let record = record.ok_or(Abandoned::Cancelled)?;
    let record = kept(record, keep, &|| harness_failed(candidate, terms));
    progress(ClassProgress::Recorded(&record));
    Ok(record)
}

/// Keeps a record. If its evidence makes a report panic, keeps the record that `instead` returns. If that panics too,
/// keeps nothing. In both cases the other submissions go on.
fn kept(record: Record, keep: &(dyn Fn(&Record) + Sync), instead: &dyn Fn() -> Record) -> Record {
    let is_kept = |record: &Record| catch_unwind(AssertUnwindSafe(|| keep(record))).is_ok();
    if is_kept(&record) {
        return record;
    }
    let record = instead();
    // A submission without a mark is reported as not examined.
    let _ = is_kept(&record);
    record
}

fn harness_failed(candidate: &Candidate, terms: &Terms<'_>) -> Record {
    let parts = roles_asked(terms.suite).map(|role| Part {
        role,
        command: Vec::new(),
        outcome: PartOutcome::NotJudged {
            reason: "The harness failed while it judged this submission.".to_owned(),
        },
    });
    Record {
        schema: SCHEMA.to_owned(),
        submission: candidate.name.clone(),
        digest: candidate.digest.clone(),
        suite: terms.suite_digest.to_owned(),
        parts: parts.collect(),
        is_doubtful: true,
    }
}

/// Keeps the records since the reference last got full marks as doubtful, and puts their submissions into the queue
/// again, unless they were repeated too often. If a repetition never happens, the record stays doubtful.
fn doubted(
    queue: &Queue,
    candidates: &[Candidate],
    terms: &Terms<'_>,
    keep: &(dyn Fn(&Record) + Sync),
    progress: &(dyn Fn(ClassProgress<'_>) + Sync),
) {
    for (position, mut record) in queue.uncertified() {
        record.is_doubtful = true;
        kept(record, keep, &|| {
            harness_failed(&candidates[position], terms)
        });
        if queue.again(position) {
            progress(ClassProgress::Again(&candidates[position].name));
        }
    }
    queue.control_ended();
}

/// Checks that the bundled reference gets full marks on this machine now.
fn control(terms: &Terms<'_>) -> Result<(), Abandoned> {
    if !terms.roles_at_once {
        return Role::ALL
            .into_iter()
            .try_for_each(|role| control_of(role, terms));
    }
    std::thread::scope(|scope| {
        let controls = Role::ALL.map(|role| scope.spawn(move || control_of(role, terms)));
        let outcomes = controls.map(|control| control.join().unwrap_or(Err(Abandoned::Failed)));
        outcomes.into_iter().collect()
    })
}

fn control_of(role: Role, terms: &Terms<'_>) -> Result<(), Abandoned> {
    let reference = |name: &str| vec![terms.harness.display().to_string(), name.to_owned()];
    let (server, client) = (reference("reference-server"), reference("reference-client"));
    let target = match role {
        Role::Server => Target::Command(server),
        Role::Client => Target::Command(client),
        Role::Pair => Target::Pair { server, client },
    };
    let asked = terms.suite.asked_of(role, Level::Implied, None);
    let plan = Plan {
        subject: Subject {
            target,
            role,
            slots: Arc::clone(terms.slots),
            time_limit: DEFAULT_LIMIT,
            environment: Environment::of_reference(),
            dialect: None,
            patience: terms.patience,
            harness: terms.harness.to_owned(),
        },
        table: asked.table,
        cases: asked.cases,
        at_once: terms.at_once,
    };
    let evidence = run(&plan, terms.cancelled, &|_| ());
    if terms.cancelled.load(Ordering::Relaxed) {
        return Err(Abandoned::Cancelled);
    }
    let evidence = evidence.map_err(|why| Abandoned::Unfit(why.to_string()))?;
    if let Some(limit) = &evidence.time_limit {
        return Err(Abandoned::Unfit(format!("the bundled {role}: {limit}")));
    }
    let result = evidence.judged(asked.requirements, &plan.table);
    let failing = result
        .requirements
        .iter()
        .find(|found| found.verdict.is_judgement() && found.verdict != Verdict::Pass);
    match failing {
        Some(found) => Err(Abandoned::Unfit(format!(
            "the bundled {role} does not pass {}",
            found.requirement.id
        ))),
        None => Ok(()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Examine(usize),
    /// The number of oldest records that it confirms if the reference gets full marks.
    Control {
        certifies: usize,
    },
}

/// The jobs that are left.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// When a submission last began in a gap, or the class.
    latest_in_a_gap: Mutex<Instant>,
    control_every: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<usize>,
    /// How often each submission was put into the queue again.
    repetitions: Vec<usize>,
    /// The records since the reference last got full marks, oldest first.
    uncertified: Vec<(usize, Record)>,
    control_is_under_way: bool,
    at_work: usize,
    abandoned: Option<Abandoned>,
}

impl Queue {
    fn new(count: usize, arrangement: Arrangement) -> Queue {
        Queue {
            state: Mutex::new(State {
                waiting: (0..count).collect(),
                repetitions: vec![0; count],
                ..State::default()
            }),
            changed: Condvar::new(),
            latest_in_a_gap: Mutex::new(Instant::now()),
            control_every: arrangement.control_every.max(1),
        }
    }

    /// The next job. Waits while there may be one later; returns `None` when all is done or abandoned.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.abandoned.is_some() {
                return None;
            }
            let certifies = state.uncertified.len();
            let is_last = state.waiting.is_empty() && state.at_work == 0;
            let is_due = certifies >= self.control_every || is_last;
            if certifies > 0 && is_due && !state.control_is_under_way {
                state.control_is_under_way = true;
                state.at_work += 1;
                return Some(Job::Control { certifies });
            }
            if let Some(position) = state.waiting.pop_front() {
                state.at_work += 1;
                return Some(Job::Examine(position));
            }
            if state.at_work == 0 {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until a slot is free that no submission wants, or no submission is left to begin. One after the other, with
    /// some time in between, in which the one that began shows what it leaves.
    fn wait_for_gap(&self, terms: &Terms<'_>) {
        const BETWEEN_BEGINNINGS: Duration = Duration::from_secs(1);
        let is_wanted = || {
            let state = self.lock();
            let is_over = state.abandoned.is_some() || terms.cancelled.load(Ordering::Relaxed);
            !is_over && !state.waiting.is_empty()
        };
        let latest = self.latest_in_a_gap.lock();
        let mut latest = latest.unwrap_or_else(PoisonError::into_inner);
        let since = *latest;
        let is_too_early = || is_wanted() && since.elapsed() < BETWEEN_BEGINNINGS;
        while is_too_early() {
            let left = BETWEEN_BEGINNINGS.saturating_sub(since.elapsed());
            let guard = self.changed.wait_timeout(self.lock(), left);
            drop(guard);
        }
        drop(terms.slots.take_while(Rank::LAST, is_wanted));
        *latest = Instant::now();
    }

    fn recorded(&self, position: usize, record: Record) {
        self.lock().uncertified.push((position, record));
    }

    fn certified(&self, count: usize) {
        self.lock().uncertified.drain(..count);
        self.control_ended();
    }

    fn control_ended(&self) {
        self.lock().control_is_under_way = false;
    }

    /// Takes the records that no control has confirmed.
    fn uncertified(&self) -> Vec<(usize, Record)> {
        std::mem::take(&mut self.lock().uncertified)
    }

    /// Puts a submission into the queue again, unless that was done too often. Returns whether it did.
    fn again(&self, position: usize) -> bool {
        let mut state = self.lock();
        let is_to_be = state.repetitions[position] < MOST_REPETITIONS;
        if is_to_be {
            state.repetitions[position] += 1;
            state.waiting.push_back(position);
        }
        is_to_be
    }

    fn done(&self, outcome: Result<(), Abandoned>) {
        let mut state = self.lock();
        state.at_work -= 1;
        if let Err(abandoned) = outcome {
            state.abandoned.get_or_insert(abandoned);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn into_outcome(self) -> Result<(), Abandoned> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state.abandoned.map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> Record {
        Record {
            schema: SCHEMA.to_owned(),
            submission: name.to_owned(),
            digest: String::new(),
            suite: String::new(),
            parts: Vec::new(),
            is_doubtful: false,
        }
    }

    fn queue(count: usize, control_every: usize) -> Queue {
        let arrangement = Arrangement {
            side_by_side: 1,
            in_the_gaps: 0,
            control_every,
        };
        Queue::new(count, arrangement)
    }

    /// Does every job in one thread. The controls whose number, from 0, is in `unfit` fail.
    fn worked_off(queue: &Queue, unfit: &[usize]) -> (Vec<Job>, Vec<String>) {
        let (mut jobs, mut doubtful, mut controls) = (Vec::new(), Vec::new(), 0);
        while let Some(job) = queue.next() {
            jobs.push(job);
            match job {
                Job::Examine(position) => queue.recorded(position, record(&position.to_string())),
                Job::Control { certifies } if unfit.contains(&controls) => {
                    assert!(certifies > 0);
                    for (position, record) in queue.uncertified() {
                        if !queue.again(position) {
                            doubtful.push(record.submission);
                        }
                    }
                    queue.control_ended();
                    controls += 1;
                }
                Job::Control { certifies } => {
                    queue.certified(certifies);
                    controls += 1;
                }
            }
            queue.done(Ok(()));
        }
        (jobs, doubtful)
    }

    #[test]
    fn the_reference_is_examined_at_intervals_and_at_the_end() {
        let (jobs, doubtful) = worked_off(&queue(5, 2), &[]);
        let control = |certifies| Job::Control { certifies };
        let expected = [
            Job::Examine(0),
            Job::Examine(1),
            control(2),
            Job::Examine(2),
            Job::Examine(3),
            control(2),
            Job::Examine(4),
            control(1),
        ];
        assert_eq!((&jobs[..], doubtful.len()), (&expected[..], 0));
    }

    #[test]
    fn submissions_of_an_unreliable_period_are_examined_again() {
        let (jobs, doubtful) = worked_off(&queue(3, 2), &[0]);
        let examined: Vec<&Job> = jobs
            .iter()
            .filter(|job| matches!(job, Job::Examine(_)))
            .collect();
        let order = [0, 1, 2, 0, 1].map(Job::Examine);
        assert_eq!(examined, order.iter().collect::<Vec<_>>());
        assert!(doubtful.is_empty());
    }

    #[test]
    fn on_an_unreliable_machine_repetitions_end_and_records_stay_doubtful() {
        let (jobs, doubtful) = worked_off(&queue(1, 1), &[0, 1, 2]);
        let examined = jobs.iter().filter(|job| matches!(job, Job::Examine(_)));
        assert_eq!(
            (examined.count(), doubtful),
            (1 + MOST_REPETITIONS, vec!["0".to_owned()])
        );
    }

    #[test]
    fn a_record_that_cannot_be_kept_does_not_end_the_class() {
        let instead = || record("instead");
        let fails_for = |names: &'static [&str]| {
            move |record: &Record| assert!(!names.contains(&record.submission.as_str()))
        };
        for (failing, expected) in [
            (&[][..], "ann"),
            (&["ann"], "instead"),
            (&["ann", "instead"], "instead"),
        ] {
            let record = kept(record("ann"), &fails_for(failing), &instead);
            assert_eq!(record.submission, expected);
        }
    }

    #[test]
    fn no_job_begins_after_cancellation() {
        let queue = queue(3, 9);
        assert_eq!(queue.next(), Some(Job::Examine(0)));
        queue.done(Err(Abandoned::Cancelled));
        assert_eq!(queue.next(), None);
        assert_eq!(queue.into_outcome(), Err(Abandoned::Cancelled));
    }
}
