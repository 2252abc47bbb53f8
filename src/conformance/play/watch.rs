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
