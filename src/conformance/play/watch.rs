//! What a look at the cast comes to, and how long to pause between looks.

use std::time::{Duration, Instant};

/// What is to be done after one look.
pub(super) enum Watch<T> {
    Done(T),
    /// Look again when something happens.
    On,
    /// Look again after so long at the latest: there is no event for it.
    Again(Duration),
}

/// Looks at something that costs more the more there is of it: only when there is more than before, and for a
/// small part of the time. Who waits in vain looks once more at the end.
#[derive(Debug)]
pub(super) struct Glances {
    seen: Option<usize>,
    due: Instant,
}

impl Glances {
    pub(super) fn new() -> Glances {
        Glances {
            seen: None,
            due: Instant::now(),
        }
    }

    /// Looks if it is time to; `amount` is how much there is to look at.
    pub(super) fn look<T>(&mut self, amount: usize, look: impl FnOnce() -> Option<T>) -> Watch<T> {
        const PAUSE_FOR_EACH: u32 = 9;
        let begun = Instant::now();
        let left = self.due.saturating_duration_since(begun);
        if self.seen == Some(amount) {
            return Watch::On;
        }
        if !left.is_zero() {
            return Watch::Again(left);
        }
        let found = look();
        self.seen = Some(amount);
        self.due = begun + (PAUSE_FOR_EACH + 1) * begun.elapsed();
        found.map_or(Watch::On, Watch::Done)
    }
}

/// Adds up how long a program rested, from looks at it now and then.
#[derive(Debug)]
pub(super) struct Rest {
    longest: Duration,
    looked: Instant,
    was_resting: bool,
    total: Duration,
}

impl Rest {
    /// Is over after `longest` in all.
    pub(super) fn new(longest: Duration) -> Rest {
        Rest {
            longest,
            looked: Instant::now(),
            was_resting: false,
            total: Duration::ZERO,
        }
    }

    /// Whether it rested for the longest time.
    pub(super) fn is_over(&self) -> bool {
        self.total >= self.longest
    }

    /// Looks if it is time to, and tells whether the rest is over. The time between two looks counts as rest if it rested
    /// at both, and they are not far apart.
    pub(super) fn look(&mut self, is_resting: impl FnOnce() -> bool) -> bool {
        self.look_at(Instant::now(), is_resting)
    }

    fn look_at(&mut self, now: Instant, is_resting: impl FnOnce() -> bool) -> bool {
        const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
        const FAR_APART: Duration = Duration::from_millis(200);
        let passed = now.saturating_duration_since(self.looked);
        if passed >= BETWEEN_LOOKS {
            let is_resting = is_resting();
            if is_resting && self.was_resting && passed < FAR_APART {
                self.total += passed;
            }
            (self.looked, self.was_resting) = (now, is_resting);
        }
        self.is_over()
    }
}

/// Pauses between looks for something that sends no event: short at first, then longer.
#[derive(Debug)]
pub(super) struct BackOff(Duration);

impl BackOff {
    pub(super) fn new() -> BackOff {
        BackOff(Duration::from_micros(100))
    }

    pub(super) fn next(&mut self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(10);
        let pause = self.0;
        self.0 = (2 * pause).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(1);

    /// Whether it is given up after looks at these milliseconds, at each of which it rests or not.
    fn is_given_up(looks: impl IntoIterator<Item = (u64, bool)>) -> bool {
        let mut rest = Rest::new(LONGEST);
        let begun = rest.looked;
        let mut looks = looks.into_iter();
        looks.any(|(at, rests)| rest.look_at(begun + Duration::from_millis(at), || rests))
    }

    #[test]
    fn rest_adds_up() {
        let every_60 = |count: u64| (1..=count).map(|look| 60 * look);
        assert!(is_given_up(every_60(18).map(|at| (at, true))));
        assert!(!is_given_up(every_60(17).map(|at| (at, true))));
        // It works now and then, and rests in all.
        assert!(is_given_up(every_60(40).map(|at| (at, at % 240 != 0))));
    }

    #[test]
    fn work_and_what_nobody_saw_is_no_rest() {
        let every_60 = (1..=1000).map(|look| 60 * look);
        assert!(!is_given_up(every_60.clone().map(|at| (at, false))));
        assert!(!is_given_up(every_60.map(|at| (at, at % 120 != 0))));
        // The harness could not look.
        assert!(!is_given_up((1..=100).map(|look| (300 * look, true))));
    }
}
