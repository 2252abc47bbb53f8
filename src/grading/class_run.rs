//! The examinations of a class, side by side, with the bundled reference examined among them: where it does
//! not get full marks, the machine was not fit, and what was examined about that time is examined again.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::examination::{Candidate, Terms, examine};
use super::record::{Part, PartOutcome, Record, SCHEMA};
use crate::conformance::judge::result::Verdict;
use crate::conformance::play::clock::DEFAULT_LIMIT;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::target::Target;
use crate::conformance::run::{Plan, Progress, run};
use crate::conformance::suite::requirement::Level;
use crate::transcript::syntax::Role;

/// How often a submission is examined again because the machine was not fit; after that its record is kept
/// as one to be doubted.
const MOST_REPETITIONS: usize = 2;

/// Something that a person who watches wants to know.
#[derive(Debug, Clone, Copy)]
pub enum ClassProgress<'a> {
    /// A submission is being examined.
    Began(&'a str),
    /// A step of its examination.
    Step(&'a str, Role, Progress<'a>),
    /// It has been examined, and what was seen was kept.
    Recorded(&'a Record),
    /// The bundled reference is being examined.
    ControlBegan,
    /// It got full marks, or did not.
    ControlEnded(bool),
    /// A submission is to be examined again, since the machine was not fit.
    Again(&'a str),
}

/// How a class is examined.
#[derive(Debug, Clone, Copy)]
pub struct Arrangement {
    /// How many submissions side by side, at least 1.
    pub side_by_side: usize,
    /// After how many submissions the reference is examined, at least 1.
    pub control_every: usize,
}

/// Why the examination of a class ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abandoned {
    /// It was cancelled.
    Cancelled,
    /// The bundled reference does not get full marks on this machine, in this way.
    Unfit(String),
    /// The harness itself failed.
    Failed,
}

/// Examines all. Each record is given to `keep` as soon as there is one; one that is doubted later is given to it
/// again. `keep` deals with what goes wrong there: one submission's results never end the class.
///
/// # Errors
/// Why not all were examined. What was kept by then stays.
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
        let shortfall = control(terms);
        if shortfall != Err(Abandoned::Cancelled) {
            progress(ClassProgress::ControlEnded(shortfall.is_ok()));
        }
        shortfall
    };
    // Once may be a hiccup.
    match is_fit() {
        Err(Abandoned::Unfit(_)) => is_fit()?,
        first => first?,
    }
    let queue = Queue::new(candidates.len(), arrangement);
    std::thread::scope(|scope| {
        for _ in 0..arrangement.side_by_side.max(1) {
            scope.spawn(|| {
                while let Some(job) = queue.next() {
                    let work = || match job {
                        Job::Control { certifies } => match is_fit() {
                            Ok(()) => {
                                queue.certified(certifies);
                                Ok(())
                            }
                            Err(Abandoned::Unfit(_)) => {
                                doubted(&queue, candidates, terms, keep, progress);
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
                    // One that panicked must not leave the others waiting for it.
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
    // A mistake in the harness costs this submission's result, and is no verdict on it.
    let record = catch_unwind(AssertUnwindSafe(|| examine(candidate, terms, &step)));
    let record = record.unwrap_or_else(|_| Some(harness_failed(candidate, terms)));
    let record = record.ok_or(Abandoned::Cancelled)?;
    let record = kept(record, keep, &|| harness_failed(candidate, terms));
    progress(ClassProgress::Recorded(&record));
    Ok(record)
}

/// Keeps a record. Where its evidence makes a report panic, that costs this submission's result and ends nothing else:
/// then what `instead` gives is kept, and if that fails as well, nothing is.
fn kept(record: Record, keep: &(dyn Fn(&Record) + Sync), instead: &dyn Fn() -> Record) -> Record {
    let is_kept = |record: &Record| catch_unwind(AssertUnwindSafe(|| keep(record))).is_ok();
    if is_kept(&record) {
        return record;
    }
    let record = instead();
    // Without a mark it is reported as not examined.
    let _ = is_kept(&record);
    record
}

fn harness_failed(candidate: &Candidate, terms: &Terms<'_>) -> Record {
    let parts = [Role::Server, Role::Client].map(|role| Part {
        role,
        command: Vec::new(),
        outcome: PartOutcome::NotJudged {
            reason: "The harness itself failed while it judged this submission.".to_owned(),
        },
    });
    Record {
        schema: SCHEMA.to_owned(),
        submission: candidate.name.clone(),
        digest: candidate.digest.clone(),
        suite: terms.suite_digest.to_owned(),
        parts: parts.into(),
        is_doubtful: true,
    }
}

/// What was recorded since the reference last got full marks is kept as doubtful, and examined again if it was
/// not examined too often: so it is doubtful still where that never comes about.
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

/// Whether the bundled reference gets full marks here and now.
fn control(terms: &Terms<'_>) -> Result<(), Abandoned> {
    for (role, reference) in [
        (Role::Server, "reference-server"),
        (Role::Client, "reference-client"),
    ] {
        let asked = terms.suite.asked_of(role, Level::Implied, None);
        let plan = Plan {
            target: Target::Command(vec![
                terms.harness.display().to_string(),
                reference.to_owned(),
            ]),
            role,
            table: asked.table,
            cases: asked.cases,
            at_once: terms.at_once,
            slots: Arc::clone(terms.slots),
            time_limit: DEFAULT_LIMIT,
            environment: Environment::of_reference(),
            dialect: None,
            patience: terms.patience,
            harness: terms.harness.to_owned(),
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
        let short = result
            .requirements
            .iter()
            .find(|row| row.verdict.is_judgement() && row.verdict != Verdict::Pass);
        if let Some(row) = short {
            return Err(Abandoned::Unfit(format!(
                "the bundled {role} falls short of {}",
                row.requirement.id
            )));
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    Examine(usize),
    /// With how many of the latest records it vouches for.
    Control {
        certifies: usize,
    },
}

/// What is to be done, and by whom next.
#[derive(Debug)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    control_every: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<usize>,
    /// How often each was examined again.
    repetitions: Vec<usize>,
    /// What was recorded since the reference last got full marks, oldest first.
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
            control_every: arrangement.control_every.max(1),
        }
    }

    /// The next job; waits while there may be one later. `None` once all is done or given up.
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

    /// What no control has vouched for, which is then nobody's any more.
    fn uncertified(&self) -> Vec<(usize, Record)> {
        std::mem::take(&mut self.lock().uncertified)
    }

    /// Puts one into the queue again, where that was not done too often.
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
            control_every,
        };
        Queue::new(count, arrangement)
    }

    /// Does all by itself; the machine is fit at the controls of which the number, from 0, is not in `unfit`.
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
    fn what_was_examined_on_an_unfit_machine_is_examined_again() {
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
    fn on_a_machine_that_stays_unfit_it_comes_to_an_end_in_doubt() {
        let (jobs, doubtful) = worked_off(&queue(1, 1), &[0, 1, 2]);
        let examined = jobs.iter().filter(|job| matches!(job, Job::Examine(_)));
        assert_eq!(
            (examined.count(), doubtful),
            (1 + MOST_REPETITIONS, vec!["0".to_owned()])
        );
    }

    #[test]
    fn a_record_that_cannot_be_kept_ends_nothing() {
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
    fn nothing_is_begun_once_it_is_given_up() {
        let queue = queue(3, 9);
        assert_eq!(queue.next(), Some(Job::Examine(0)));
        queue.done(Err(Abandoned::Cancelled));
        assert_eq!(queue.next(), None);
        assert_eq!(queue.into_outcome(), Err(Abandoned::Cancelled));
    }
}
