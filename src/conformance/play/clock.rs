//! Time limit for a whole program: probes, replays, repetitions, starts and ends.
//!
//! [`ProgramClock`] holds the rules and is pure. [`TimeBudget`] applies them to the replays of a run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::conformance::evidence::time_limit::UsedUpBy;
use crate::conformance::play::slots::{Lent, Rank, Slots, Taken};

/// The default time limit of a program.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(180);

/// Counts the time in which a program could work.
///
/// Four things do not count: time in which the program waits for its turn or has no slot; time in which all its replays
/// at work have lent their slots while others of it wait for slots that other programs hold; time in which the machine
/// stood still; and time in which its processes were ready to run but other programs used the processors. The last is
/// an average over the replays that wanted a processor, less the program's own share of the processors: a program
/// that keeps the processors busy keeps its own processes waiting. Wall time is limited as well, without that in which
/// nothing of the program could run.
#[derive(Debug, Clone)]
pub struct ProgramClock {
    limit: Duration,
    processors: u32,
    began: Instant,
    /// Time up to this moment is accounted for.
    seen: Instant,
    /// Number of replays at work, of those among them that have lent their slots, and of replays that wait for a
    /// slot.
    working: u32,
    lent: u32,
    waiting: u32,
    /// Whether the program waits until another one leaves the machine's network.
    awaits_turn: bool,
    counted: Duration,
    /// The counted time at the last wake-up of a sleeping thread.
    counted_at_wake: Duration,
    stood_still: Duration,
    /// Time in which other programs used the processors, up to the current span.
    kept_by_others: Duration,
    span: Span,
}

/// What the scheduler did with a program's processes in one span of time.
#[derive(Debug, Clone, Default)]
struct Span {
    /// The counted time at its beginning.
    began_at: Duration,
    /// Total time of the replays that wanted a processor.
    wanted: Duration,
    /// How long the processes of these replays were ready but not running.
    kept_waiting: Duration,
    /// Processor time of all replays.
    ran: Duration,
}

impl Span {
    /// Counted time of one span. Replays report about twice in it.
    const LENGTH: Duration = Duration::from_secs(1);

    /// The part of the span in which other programs used the processors; `counted` is the counted time now.
    fn kept_by_others(&self, counted: Duration, processors: u32) -> Duration {
        let length = counted.saturating_sub(self.began_at);
        if self.wanted.is_zero() || length.is_zero() {
            return Duration::ZERO;
        }
        let side_by_side = (self.wanted.as_secs_f64() / length.as_secs_f64()).max(1.0);
        let kept = self.kept_waiting.div_f64(side_by_side).min(length);
        let own_share = self.ran.as_secs_f64() / (length * processors).as_secs_f64();
        kept.mul_f64((1.0 - own_share).max(0.0))
    }
}

impl ProgramClock {
    /// Wall time is limited to this many times the limit, whatever the machine does.
    pub const MOST_WALL_TIME: u32 = 3;

    /// Starts at `now`, on a machine with this number of processors.
    pub fn new(limit: Duration, processors: u32, now: Instant) -> ProgramClock {
        ProgramClock {
            limit,
            processors: processors.max(1),
            began: now,
            seen: now,
            working: 0,
            lent: 0,
            waiting: 0,
            awaits_turn: false,
            counted: Duration::ZERO,
            counted_at_wake: Duration::ZERO,
            stood_still: Duration::ZERO,
            kept_by_others: Duration::ZERO,
            span: Span::default(),
        }
    }

    /// The program starts or stops waiting for its turn. No time counts while it waits.
    pub fn awaits_turn(&mut self, now: Instant, awaits: bool) {
        self.advance(now);
        self.awaits_turn = awaits;
    }

    /// A replay starts to wait for a slot.
    pub fn waits_for_slot(&mut self, now: Instant) {
        self.advance(now);
        self.waiting += 1;
    }

    /// A replay got a slot, or gave up.
    pub fn stops_waiting(&mut self, now: Instant, got_slot: bool) {
        self.advance(now);
        self.waiting = self.waiting.saturating_sub(1);
        self.working += u32::from(got_slot);
    }

    /// A replay at work only waits, and has lent its slot.
    pub fn lends_slot(&mut self, now: Instant) {
        self.advance(now);
        self.lent += 1;
    }

    /// A replay at work took its slot back.
    pub fn takes_slot_back(&mut self, now: Instant) {
        self.advance(now);
        self.lent = self.lent.saturating_sub(1);
    }

    /// A replay ended.
    pub fn replay_ended(&mut self, now: Instant) {
        self.advance(now);
        self.working = self.working.saturating_sub(1);
    }

    /// A sleeping thread was woken at `now`, `late` after its time.
    pub fn woke(&mut self, now: Instant, late: Duration) {
        /// A busy but healthy scheduler is never later than this.
        const STANDSTILL: Duration = Duration::from_millis(20);
        self.advance(now);
        // Another thread may have counted the standstill already.
        let counted_since = self.counted.saturating_sub(self.counted_at_wake);
        self.counted_at_wake = self.counted;
        if late >= STANDSTILL {
            self.stood_still += late.min(counted_since);
        }
    }

    /// While this time passed for one replay, its processes ran for `ran` and were ready but not running
    /// for `kept_waiting`.
    pub fn scheduled(&mut self, passed: Duration, ran: Duration, kept_waiting: Duration) {
        /// A replay that ran and waited for less than this part of its time waited for something else.
        const WANTS: u32 = 10;
        self.span.ran += ran;
        if ran + kept_waiting >= passed / WANTS {
            self.span.wanted += passed;
            // Several threads may have waited at the same time.
            self.span.kept_waiting += kept_waiting.min(passed);
        }
    }

    /// The part of the counted time in which other programs used the processors.
    fn kept_by_others(&self) -> Duration {
        self.kept_by_others + self.span.kept_by_others(self.counted, self.processors)
    }

    /// The share of the time, from 0 to 1, in which the machine kept the program from working.
    pub fn share_of_machine(&self) -> f64 {
        if self.counted.is_zero() {
            return 0.0;
        }
        let kept = self.stood_still + self.kept_by_others();
        (kept.as_secs_f64() / self.counted.as_secs_f64()).min(1.0)
    }

    /// The time that the program has used.
    pub fn used(&self) -> Duration {
        self.counted
            .saturating_sub(self.stood_still + self.kept_by_others())
    }

    /// Who used the time up, once it is used up.
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
        let awaits_slot = self.waiting > 0 && self.working == 0;
        if self.awaits_turn || awaits_slot {
            self.began += passed;
        } else if self.working > self.lent || self.waiting == 0 {
            self.counted += passed;
        }
        if self.counted.saturating_sub(self.span.began_at) >= Span::LENGTH {
            self.kept_by_others = self.kept_by_others();
            self.span = Span {
                began_at: self.counted,
                ..Span::default()
            };
        }
    }
}

/// The time of one program, shared by all its replays.
#[derive(Debug)]
pub struct TimeBudget {
    limit: Duration,
    clock: Mutex<ProgramClock>,
    /// The program's place in line for slots; that of its first replay.
    rank: OnceLock<Rank>,
    /// Set once, when the time is up. Later measurements do not change the answer.
    used_up_by: OnceLock<UsedUpBy>,
}

impl TimeBudget {
    /// Starts now. The caller calls [`TimeBudget::tick`] at intervals.
    pub fn new(limit: Duration) -> TimeBudget {
        TimeBudget {
            limit,
            clock: Mutex::new(ProgramClock::new(limit, processors(), Instant::now())),
            rank: OnceLock::new(),
            used_up_by: OnceLock::new(),
        }
    }

    /// The time limit of the program.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Checks the clock. The calling thread was woken `late`.
    pub fn tick(&self, late: Duration) {
        let mut clock = self.clock();
        clock.woke(Instant::now(), late);
        if let Some(by) = clock.used_up_by() {
            self.used_up_by.get_or_init(|| by);
        }
    }

    /// Whether the time is up. Then everything under way stops.
    pub fn is_up(&self) -> bool {
        self.used_up_by.get().is_some()
    }

    /// Who used the time up. Until it is up, the program is not to blame.
    pub fn used_up_by(&self) -> UsedUpBy {
        *self.used_up_by.get().unwrap_or(&UsedUpBy::Machine)
    }

    /// Whether the machine kept the program from working for a large part of its time.
    pub fn machine_is_busy(&self) -> bool {
        const GOOD_PART: f64 = 0.2;
        self.clock().share_of_machine() > GOOD_PART
    }

    /// While this time passed for one replay, its processes ran for `ran` and were ready but not running
    /// for `kept_waiting`.
    pub fn scheduled(&self, passed: Duration, ran: Duration, kept_waiting: Duration) {
        self.clock().scheduled(passed, ran, kept_waiting);
    }

    /// Waits for a turn that another program may hold; this time does not count. Returns `None` if the time is up or
    /// `cancelled` is set first.
    pub fn take_turn<'a>(&self, turns: &'a Slots, cancelled: &AtomicBool) -> Option<Taken<'a>> {
        let goes_on = || !self.is_up() && !cancelled.load(Ordering::Relaxed);
        self.clock().awaits_turn(Instant::now(), true);
        let turn = turns.take_while(turns.next_rank(), goes_on);
        self.clock().awaits_turn(Instant::now(), false);
        turn
    }

    /// Lends the slot of a replay at work, until the guard is dropped.
    pub fn lend<'a>(&'a self, slots: &'a Slots) -> LentAtWork<'a> {
        self.clock().lends_slot(Instant::now());
        LentAtWork {
            _lent: slots.lend(),
            time: self,
        }
    }

    /// Waits for a slot, and works until the guard is dropped. Returns `None` if the time is up or `cancelled` is set
    /// first.
    pub fn work<'a>(&'a self, slots: &'a Slots, cancelled: &AtomicBool) -> Option<AtWork<'a>> {
        let goes_on = || !self.is_up() && !cancelled.load(Ordering::Relaxed);
        self.clock().waits_for_slot(Instant::now());
        let rank = *self.rank.get_or_init(|| slots.next_rank());
        let slot = slots.take_while(rank, goes_on);
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

/// A replay at work, with its slot.
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

/// The slot of a replay at work, lent while the replay only waits.
#[derive(Debug)]
#[must_use]
pub struct LentAtWork<'a> {
    _lent: Lent<'a>,
    time: &'a TimeBudget,
}

impl Drop for LentAtWork<'_> {
    fn drop(&mut self) {
        self.time.clock().takes_slot_back(Instant::now());
    }
}

/// Number of processors that this process may use.
fn processors() -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(processors).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    const PROCESSORS: u32 = 2;

    /// A clock with a limit of 10 s on a machine with two processors, and one replay at work from the beginning.
    fn at_work() -> (ProgramClock, Instant) {
        let began = Instant::now();
        let mut clock = ProgramClock::new(10 * SECOND, PROCESSORS, began);
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
    fn waiting_for_slots_of_others_is_free_up_to_a_bound_where_something_runs() {
        let (mut clock, began) = at_work();
        clock.replay_ended(began + 2 * SECOND);
        clock.waits_for_slot(began + 2 * SECOND);
        clock.woke(began + 100 * SECOND, Duration::ZERO);
        assert_eq!((clock.used(), clock.used_up_by()), (2 * SECOND, None));
        clock.stops_waiting(began + 100 * SECOND, true);
        clock.lends_slot(began + 100 * SECOND);
        clock.waits_for_slot(began + 100 * SECOND);
        clock.woke(began + 127 * SECOND, Duration::ZERO);
        assert_eq!((clock.used(), clock.used_up_by()), (2 * SECOND, None));
        clock.woke(began + 128 * SECOND, Duration::ZERO);
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

    /// Replays that work side by side for 10 s, half a second at a time. For each: its processor time and how long it
    /// waited, in thousandths of the time.
    fn side_by_side(replays: &[(u32, u32)]) -> ProgramClock {
        const STEP: Duration = Duration::from_millis(500);
        let (mut clock, began) = at_work();
        for step in 1..=20 {
            for (ran, kept) in replays {
                clock.scheduled(STEP, STEP * *ran / 1000, STEP * *kept / 1000);
            }
            clock.woke(began + STEP * step, Duration::ZERO);
        }
        clock
    }

    #[test]
    fn processors_that_others_have_are_not_the_program_s_doing_but_its_own_are() {
        let starved = side_by_side(&[(100, 900)]);
        assert_eq!(starved.used().as_millis(), 1450);
        // Its processes keep each other waiting, in one replay or in all of them.
        let greedy = side_by_side(&[(2000, 900)]);
        assert_eq!(greedy.used_up_by(), Some(UsedUpBy::Program));
        let all_greedy = side_by_side(&[(250, 750); 8]);
        assert_eq!(all_greedy.used_up_by(), Some(UsedUpBy::Program));
    }

    #[test]
    fn replays_that_only_wait_do_not_hide_one_that_is_starved() {
        let alone = side_by_side(&[(100, 900)]);
        let mut replays = [(1, 0); 8];
        replays[3] = (100, 900);
        let among_others = side_by_side(&replays);
        assert!(among_others.used() < alone.used() + SECOND / 10);
        // Replays that starve at the same time count once.
        let together = side_by_side(&[(100, 900); 4]);
        assert!(together.used() > alone.used());
        assert!(together.used() < 3 * SECOND);
    }

    #[test]
    fn a_moment_without_a_processor_is_no_more_than_that() {
        let (mut clock, began) = at_work();
        clock.scheduled(SECOND / 2, Duration::ZERO, SECOND / 2);
        clock.woke(began + 9 * SECOND, Duration::ZERO);
        assert!(clock.used() > 8 * SECOND);
    }

    #[test]
    fn a_lent_slot_does_not_hide_that_others_wait() {
        let (mut clock, began) = at_work();
        clock.waits_for_slot(began);
        clock.lends_slot(began + SECOND);
        clock.takes_slot_back(began + 8 * SECOND);
        clock.woke(began + 9 * SECOND, Duration::ZERO);
        assert_eq!(clock.used(), 2 * SECOND);
        // If no replay waits for a slot, the program's own pauses count.
        clock.stops_waiting(began + 9 * SECOND, true);
        clock.lends_slot(began + 9 * SECOND);
        clock.lends_slot(began + 9 * SECOND);
        clock.woke(began + 10 * SECOND, Duration::ZERO);
        assert_eq!(clock.used(), 3 * SECOND);
    }

    #[test]
    fn a_standstill_that_another_thread_saw_first_is_still_one() {
        let (mut clock, began) = at_work();
        clock.woke(began + SECOND, Duration::ZERO);
        clock.waits_for_slot(began + 9 * SECOND);
        clock.woke(began + 9 * SECOND, 8 * SECOND);
        assert_eq!(clock.used(), SECOND);
    }

    #[test]
    fn time_stands_still_until_it_is_the_program_s_turn() {
        let (mut clock, began) = at_work();
        clock.awaits_turn(began + SECOND, true);
        clock.woke(began + 100 * SECOND, Duration::ZERO);
        clock.awaits_turn(began + 101 * SECOND, false);
        clock.woke(began + 102 * SECOND, Duration::ZERO);
        assert_eq!((clock.used(), clock.used_up_by()), (2 * SECOND, None));
    }

    #[test]
    fn who_used_up_the_time_is_said_once() {
        let time = TimeBudget::new(Duration::ZERO);
        assert_eq!(
            (time.is_up(), time.used_up_by()),
            (false, UsedUpBy::Machine)
        );
        time.tick(Duration::ZERO);
        assert_eq!((time.is_up(), time.used_up_by()), (true, UsedUpBy::Program));
        // Later measurements would change the answer.
        time.clock().stood_still += 100 * SECOND;
        time.clock().limit = 100 * SECOND;
        time.tick(Duration::ZERO);
        assert_eq!(time.used_up_by(), UsedUpBy::Program);
    }

    proptest! {
        #[test]
        fn whatever_happens_it_ends_between_the_limit_and_its_bound(
            events in proptest::collection::vec((0..7u8, 0..3000u64), 0..60),
        ) {
            let limit = 10 * SECOND;
            let began = Instant::now();
            let mut now = began;
            let mut clock = ProgramClock::new(limit, PROCESSORS, began);
            let mut without_slot = Duration::ZERO;
            for (event, milliseconds) in events {
                let time = Duration::from_millis(milliseconds);
                now += time;
                if clock.waiting > 0 && clock.working == 0 {
                    without_slot += time;
                }
                match event {
                    0 => clock.waits_for_slot(now),
                    1 => clock.stops_waiting(now, milliseconds % 2 == 0),
                    2 => clock.replay_ended(now),
                    3 => clock.woke(now, time),
                    4 => clock.lends_slot(now),
                    5 => clock.takes_slot_back(now),
                    _ => clock.scheduled(time, time / 2, time),
                }
                clock.woke(now, Duration::ZERO);
                let wall = now - began;
                prop_assert!(clock.used() <= wall);
                let ended = clock.used_up_by();
                prop_assert!(ended.is_none() || wall >= limit);
                let bound = ProgramClock::MOST_WALL_TIME * limit + without_slot;
                prop_assert_eq!(wall >= bound && ended.is_none(), false);
            }
        }
    }
}
