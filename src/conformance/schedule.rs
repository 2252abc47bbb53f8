//! Which run comes next, where many are under way and some have to be repeated.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The runs that are left. Repetitions come first, side by side: a case that fails slowly would otherwise be the last.
#[derive(Debug)]
pub(super) struct Schedule<R> {
    state: Mutex<State<R>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<R> {
    /// Positions of the cases, each with the number of the run, from 1.
    waiting: VecDeque<(usize, usize)>,
    at_work: usize,
    /// The cases that are not finished.
    cases: BTreeMap<usize, CaseState<R>>,
}

#[derive(Debug)]
struct CaseState<R> {
    runs: Vec<R>,
    /// Number of runs that wait or were begun.
    asked: usize,
    /// Number of runs that have come back, or were taken back.
    ended: usize,
    /// Further runs would say nothing new, or a run was stopped.
    is_settled: bool,
    was_stopped: bool,
}

impl<R> Schedule<R> {
    /// The cases at these positions, with the runs that they have; `more` tells how many further runs these need.
    pub(super) fn new(
        cases: Vec<(usize, Vec<R>)>,
        more: impl Fn(usize, &[R]) -> usize,
    ) -> Schedule<R> {
        let mut state = State {
            waiting: VecDeque::new(),
            at_work: 0,
            cases: BTreeMap::new(),
        };
        for (position, runs) in cases {
            let ended = runs.len();
            let asked = ended + more(position, &runs);
            let numbers = ended + 1..=asked;
            state
                .waiting
                .extend(numbers.map(|number| (position, number)));
            let case = CaseState {
                runs,
                asked,
                ended,
                is_settled: false,
                was_stopped: false,
            };
            state.cases.insert(position, case);
        }
        Schedule {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// The next run: the position of its case, and its number. Waits while others may lead to repetitions; `None` when
    /// all is done.
    pub(super) fn next(&self) -> Option<(usize, usize)> {
        let mut state = self.lock();
        loop {
            if let Some(next) = state.waiting.pop_front() {
                state.at_work += 1;
                return Some(next);
            }
            if state.at_work == 0 {
                return None;
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes a run, or `None` if it was stopped; `more` tells how many further runs the case needs. Returns all of its
    /// runs once it is finished, but not if one was stopped: the others would say too little.
    pub(super) fn done(
        &self,
        position: usize,
        run: Option<R>,
        more: impl Fn(usize, &[R]) -> usize,
    ) -> Option<Vec<R>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.at_work -= 1;
        let finished = state.cases.get_mut(&position).and_then(|case| {
            case.ended += 1;
            match run {
                None => (case.is_settled, case.was_stopped) = (true, true),
                Some(run) if !case.is_settled => {
                    case.runs.push(run);
                    let wanted = more(position, &case.runs);
                    case.is_settled = wanted == 0;
                    for _ in case.asked - case.ended..wanted {
                        case.asked += 1;
                        state.waiting.push_front((position, case.asked));
                    }
                }
                // It was under way when another run settled the case.
                Some(_) => {}
            }
            if case.is_settled {
                let before = state.waiting.len();
                state.waiting.retain(|(other, _)| *other != position);
                case.ended += before - state.waiting.len();
            }
            (case.is_settled && case.ended == case.asked)
                .then(|| (std::mem::take(&mut case.runs), case.was_stopped))
        });
        drop(guard);
        self.changed.notify_all();
        finished.and_then(|(runs, was_stopped)| (!was_stopped).then_some(runs))
    }

    fn lock(&self) -> MutexGuard<'_, State<R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSED: bool = true;
    const FAILED: bool = false;

    /// A case that fails runs three times, one that passes runs once.
    fn more(_: usize, runs: &[bool]) -> usize {
        match runs.first() {
            None => 1,
            Some(&PASSED) => 0,
            Some(&FAILED) => 3_usize.saturating_sub(runs.len()),
        }
    }

    fn schedule(count: usize) -> Schedule<bool> {
        let cases = (0..count).map(|position| (position, Vec::new()));
        Schedule::new(cases.collect(), more)
    }

    #[test]
    fn repetitions_come_first_and_side_by_side() {
        let schedule = schedule(2);
        assert_eq!(schedule.next(), Some((0, 1)));
        assert_eq!(schedule.done(0, Some(FAILED), more), None);
        let repetitions = [schedule.next(), schedule.next()];
        assert!(repetitions.contains(&Some((0, 2))) && repetitions.contains(&Some((0, 3))));
        assert_eq!(schedule.next(), Some((1, 1)));
        assert_eq!(schedule.done(1, Some(PASSED), more), Some(vec![PASSED]));
        assert_eq!(schedule.done(0, Some(FAILED), more), None);
        let all = schedule.done(0, Some(PASSED), more);
        assert_eq!(all, Some(vec![FAILED, FAILED, PASSED]));
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn what_is_settled_takes_its_repetitions_back() {
        // The second failure is enough.
        let two = |_: usize, runs: &[bool]| if runs.len() < 2 { 2 } else { 0 };
        let schedule = Schedule::new(vec![(7, vec![FAILED])], two);
        assert_eq!(schedule.next(), Some((7, 2)));
        let all = schedule.done(7, Some(FAILED), two);
        assert_eq!(all, Some(vec![FAILED, FAILED]));
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_run_that_was_under_way_is_waited_for_and_left_out() {
        let two = |_: usize, runs: &[bool]| if runs.len() < 2 { 2 } else { 0 };
        let schedule = Schedule::new(vec![(7, vec![FAILED])], two);
        assert_eq!(
            [schedule.next(), schedule.next()],
            [Some((7, 2)), Some((7, 3))]
        );
        assert_eq!(schedule.done(7, Some(FAILED), two), None);
        let all = schedule.done(7, Some(PASSED), two);
        assert_eq!(all, Some(vec![FAILED, FAILED]));
    }

    #[test]
    fn a_case_that_was_stopped_has_no_runs() {
        let schedule = schedule(1);
        assert_eq!(schedule.next(), Some((0, 1)));
        assert_eq!(schedule.done(0, Some(FAILED), more), None);
        assert!(schedule.next().is_some());
        assert_eq!(schedule.done(0, None, more), None);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn who_finds_nothing_waits_for_what_others_may_ask_again() {
        let schedule = schedule(1);
        assert_eq!(schedule.next(), Some((0, 1)));
        std::thread::scope(|scope| {
            let second = scope.spawn(|| schedule.next());
            assert_eq!(schedule.done(0, Some(FAILED), more), None);
            let numbers = [second.join().expect("does not panic"), schedule.next()];
            assert!(numbers.contains(&Some((0, 2))) && numbers.contains(&Some((0, 3))));
        });
    }
}
