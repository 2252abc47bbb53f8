//! How long a whole program may take: probes, replays, repeats, starts and ends.
//!
//! [`ProgramClock`] holds the rules and is pure. [`TimeBudget`] applies them to the replays of a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::result::UsedUpBy;
use super::slots::{Slots, Taken};

/// What a program is given unless the caller says otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(180);

/// Counts the time in which a program could work.
///
/// Three things do not count: time in which all its replays wait for slots that other programs hold, time in
/// which the machine stood still, and time in which its processes were ready to run but others had the
/// processors. The last is an average over its replays, less the processor time that it got: a program that
/// keeps the processors busy keeps its own processes waiting. Wall time is bounded as well.
#[derive(Debug, Clone)]
pub struct ProgramClock {
    limit: Duration,
    began: Instant,
    /// Time up to here is accounted for.
    seen: Instant,
    /// Replays at work, and replays that wait for a slot.
    working: u32,
    waiting: u32,
    counted: Duration,
    stood_still: Duration,
    /// Time of all working replays, added up.
    replayed: Duration,
    /// Processor time of their processes, and how long these were kept from running.
    ran: Duration,
    kept_waiting: Duration,
}

impl ProgramClock {
    /// Wall time is bounded by this many times the limit, whatever the machine did.
    pub const MOST_WALL_TIME: u32 = 3;

    /// Starts at `now`.
    pub fn new(limit: Duration, now: Instant) -> ProgramClock {
        ProgramClock {
            limit,
            began: now,
            seen: now,
            working: 0,
            waiting: 0,
            counted: Duration::ZERO,
            stood_still: Duration::ZERO,
            replayed: Duration::ZERO,
            ran: Duration::ZERO,
            kept_waiting: Duration::ZERO,
        }
    }

    /// A replay begins to wait for a slot.
    pub fn waits_for_slot(&mut self, now: Instant) {
        self.advance(now);
        self.waiting += 1;
    }

    /// A replay got its slot, or gave up.
    pub fn stops_waiting(&mut self, now: Instant, got_slot: bool) {
        self.advance(now);
        self.waiting = self.waiting.saturating_sub(1);
        self.working += u32::from(got_slot);
    }

    /// A replay has ended.
    pub fn replay_ended(&mut self, now: Instant) {
        self.advance(now);
        self.working = self.working.saturating_sub(1);
    }

    /// A sleeping thread was woken at `now`, `late` after it should have been.
    pub fn woke(&mut self, now: Instant, late: Duration) {
        /// A busy but healthy scheduler is no later than this.
        const STANDSTILL: Duration = Duration::from_millis(20);
        let counted_before = self.counted;
        self.advance(now);
        if late >= STANDSTILL {
            self.stood_still += late.min(self.counted.saturating_sub(counted_before));
        }
    }

    /// The processes of one replay used this much processor time, and were kept from running for so long.
    pub fn scheduled(&mut self, ran: Duration, kept_waiting: Duration) {
        self.ran += ran;
        self.kept_waiting += kept_waiting;
    }

    /// The part of the counted time in which others had the processors.
    fn kept_by_others(&self) -> Duration {
        if self.replayed.is_zero() {
            return Duration::ZERO;
        }
        let share = self.kept_waiting.as_secs_f64() / self.replayed.as_secs_f64();
        let kept = self.counted.mul_f64(share.min(1.0));
        kept.saturating_sub(self.ran)
    }

    /// The share of the time, from 0 to 1, in which the machine kept the program from working.
    pub fn share_of_machine(&self) -> f64 {
        if self.counted.is_zero() {
            return 0.0;
        }
        let kept = self.stood_still + self.kept_by_others();
        (kept.as_secs_f64() / self.counted.as_secs_f64()).min(1.0)
    }

    /// How much of its time the program has used.
    pub fn used(&self) -> Duration {
        self.counted
            .saturating_sub(self.stood_still + self.kept_by_others())
    }

    /// Who used up the time, once it is used up.
    pub fn used_up_by(&self) -> Option<UsedUpBy> {
        if self.used() >= self.limit {
            Some(UsedUpBy::Program)
        } else if self.seen.saturating_duration_since(self.began)
            >= ProgramClock::MOST_WALL_TIME * self.limit
        {
            Some(UsedUpBy::Machine)
        } else {
            None
        }
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.seen);
        self.seen = self.seen.max(now);
        if self.working > 0 || self.waiting == 0 {
            self.counted += passed;
        }
        self.replayed += passed * self.working;
    }
}

/// The time of one program, shared by all its replays.
#[derive(Debug)]
pub struct TimeBudget {
    limit: Duration,
    clock: Mutex<ProgramClock>,
    is_up: AtomicBool,
}

impl TimeBudget {
    /// Starts now. Something has to call [`TimeBudget::tick`] now and then.
    pub fn new(limit: Duration) -> TimeBudget {
        TimeBudget {
            limit,
            clock: Mutex::new(ProgramClock::new(limit, Instant::now())),
            is_up: AtomicBool::new(false),
        }
    }

    /// The limit on the whole program.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Looks at the clock; the thread that calls this was woken `late`.
    pub fn tick(&self, late: Duration) {
        let mut clock = self.clock();
        clock.woke(Instant::now(), late);
        if clock.used_up_by().is_some() {
            self.is_up.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the time is up: everything under way is to stop.
    pub fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Relaxed)
    }

    /// Who used the time. Where it is not used up, that is the program.
    pub fn used_up_by(&self) -> UsedUpBy {
        self.clock().used_up_by().unwrap_or(UsedUpBy::Program)
    }

    /// Whether the machine kept the program from working for a good part of its time.
    pub fn machine_is_busy(&self) -> bool {
        const GOOD_PART: f64 = 0.2;
        self.clock().share_of_machine() > GOOD_PART
    }

    /// The processes of one replay used this much processor time, and were kept from running for so long.
    pub fn scheduled(&self, ran: Duration, kept_waiting: Duration) {
        self.clock().scheduled(ran, kept_waiting);
    }

    /// Waits for a slot and works until the guard is dropped. `None` where the time is up, or `cancelled` set,
    /// before there is one.
    pub fn work<'a>(&'a self, slots: &'a Slots, cancelled: &AtomicBool) -> Option<AtWork<'a>> {
        let goes_on = || !self.is_up() && !cancelled.load(Ordering::Relaxed);
        self.clock().waits_for_slot(Instant::now());
        let slot = slots.take_while(goes_on);
        self.clock().stops_waiting(Instant::now(), slot.is_some());
        slot.map(|slot| AtWork {
            _slot: slot,
            time: self,
        })
    }

    fn clock(&self) -> MutexGuard<'_, ProgramClock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A replay that has a slot and works.
#[derive(Debug)]
#[must_use]
pub struct AtWork<'a> {
    _slot: Taken<'a>,
    time: &'a TimeBudget,
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.time.clock().replay_ended(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A clock with a limit of 10 s, and one replay at work from the beginning.
    fn at_work() -> (ProgramClock, Instant) {
        let began = Instant::now();
        let mut clock = ProgramClock::new(10 * SECOND, began);
        clock.waits_for_slot(began);
        clock.stops_waiting(began, true);
        (clock, began)
    }

    #[test]
    fn a_program_that_works_uses_its_time() {
        let (mut clock, began) = at_work();
        clock.woke(began + 9 * SECOND, Duration::ZERO);
        assert_eq!(clock.used_up_by(), None);
        clock.woke(began + 10 * SECOND, Duration::ZERO);
        assert_eq!(clock.used_up_by(), Some(UsedUpBy::Program));
    }

    #[test]
    fn waiting_for_slots_of_others_is_free_up_to_a_bound() {
        let (mut clock, began) = at_work();
        clock.replay_ended(began + 2 * SECOND);
        clock.waits_for_slot(began + 2 * SECOND);
        clock.woke(began + 29 * SECOND, Duration::ZERO);
        assert_eq!((clock.used(), clock.used_up_by()), (2 * SECOND, None));
        clock.woke(began + 30 * SECOND, Duration::ZERO);
        assert_eq!(clock.used_up_by(), Some(UsedUpBy::Machine));
    }

    #[test]
    fn one_replay_at_work_is_enough_to_count() {
        let (mut clock, began) = at_work();
        clock.waits_for_slot(began);
        clock.woke(began + 10 * SECOND, Duration::ZERO);
        assert_eq!(clock.used_up_by(), Some(UsedUpBy::Program));
    }

    #[test]
    fn a_machine_that_stands_still_is_not_the_program_s_doing() {
        let (mut clock, began) = at_work();
        clock.woke(began + 8 * SECOND, Duration::from_millis(7990));
        clock.woke(began + 12 * SECOND, Duration::from_millis(5));
        assert_eq!(clock.used(), Duration::from_millis(4010));
        assert!(clock.share_of_machine() > 0.6);
    }

    #[test]
    fn processors_that_others_have_are_not_the_program_s_doing_but_its_own_are() {
        let (starved, began) = at_work();
        let mut greedy = starved.clone();
        let mut starved = starved;
        starved.scheduled(SECOND, 9 * SECOND);
        starved.woke(began + 10 * SECOND, Duration::ZERO);
        assert_eq!(starved.used(), 2 * SECOND);
        // Its processes keep each other waiting.
        greedy.scheduled(20 * SECOND, 9 * SECOND);
        greedy.woke(began + 10 * SECOND, Duration::ZERO);
        assert_eq!(greedy.used_up_by(), Some(UsedUpBy::Program));
    }

    proptest! {
        #[test]
        fn whatever_happens_it_ends_between_the_limit_and_its_bound(
            events in proptest::collection::vec((0..5u8, 0..3000u64), 0..60),
        ) {
            let limit = 10 * SECOND;
            let began = Instant::now();
            let mut now = began;
            let mut clock = ProgramClock::new(limit, began);
            for (event, milliseconds) in events {
                let time = Duration::from_millis(milliseconds);
                now += time;
                match event {
                    0 => clock.waits_for_slot(now),
                    1 => clock.stops_waiting(now, milliseconds % 2 == 0),
                    2 => clock.replay_ended(now),
                    3 => clock.woke(now, time),
                    _ => clock.scheduled(time / 2, time),
                }
                clock.woke(now, Duration::ZERO);
                let wall = now - began;
                prop_assert!(clock.used() <= wall);
                let ended = clock.used_up_by();
                prop_assert!(ended.is_none() || wall >= limit);
                let bound = ProgramClock::MOST_WALL_TIME * limit;
                prop_assert_eq!(wall >= bound && ended.is_none(), false);
            }
        }
    }
}
