//! How long to wait for a subject: one setting, widened by what was seen of it and of the machine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shared by all replays of a run; times only ever widen the waiting, and never without bound.
#[derive(Debug)]
pub struct Pace {
    patience: Duration,
    longest_start: Duration,
    /// How often silence is waited for in full, and how long at least after that.
    full_waits: u64,
    shortest_wait: Duration,
    slowest_start: AtomicU64,
    slowest_reply: AtomicU64,
    /// How often patience was out without an answer.
    vain_waits: AtomicU64,
    /// Whether all the time there is for a start went by without one.
    started_in_vain: AtomicU32,
    /// How often something sent was left unread for as long as is waited for that.
    left_unread: AtomicU64,
    lag: AtomicU64,
    /// By how many thousandths a wait was widened for this machine, at most.
    widest: AtomicU64,
    /// The longest that anything is ever waited for.
    longest: Duration,
    /// When the machine was seen to have stood still, and for how long.
    stalls: Mutex<Vec<(Instant, Duration)>>,
}

impl Pace {
    /// Nothing is waited for longer than this many times the patience, however busy the machine is.
    const MOST_PATIENCES: u32 = 6;

    /// Starts from the given patience for one answer.
    pub fn new(patience: Duration) -> Pace {
        Pace {
            patience,
            longest_start: 4 * patience,
            full_waits: 3,
            shortest_wait: Duration::from_secs(1),
            slowest_start: AtomicU64::new(0),
            slowest_reply: AtomicU64::new(0),
            vain_waits: AtomicU64::new(0),
            started_in_vain: AtomicU32::new(0),
            left_unread: AtomicU64::new(0),
            lag: AtomicU64::new(0),
            widest: AtomicU64::new(0),
            longest: Pace::MOST_PATIENCES * patience,
            stalls: Mutex::new(Vec::new()),
        }
    }

    /// For getting to know a subject: as patient with its start, but not with each answer.
    pub fn for_probes(&self, longest_answer: Duration) -> Pace {
        Pace {
            longest_start: self.longest_start,
            longest: self.longest,
            full_waits: 1,
            shortest_wait: Duration::from_millis(500),
            ..Pace::new(self.patience.min(longest_answer))
        }
    }

    /// Takes over how slow a subject was seen to be, and how often it did not answer or read.
    pub fn learn_from(&self, other: &Pace) {
        self.started_within(load(&other.slowest_start));
        self.replied_within(load(&other.slowest_reply));
        let started_in_vain = other.started_in_vain.load(Ordering::Relaxed);
        self.started_in_vain
            .fetch_add(started_in_vain, Ordering::Relaxed);
        let vain_waits = other.vain_waits.load(Ordering::Relaxed);
        self.vain_waits.fetch_add(vain_waits, Ordering::Relaxed);
        // Only the first of them was waited for in full.
        let left_unread = other.left_unread.load(Ordering::Relaxed).min(1);
        self.left_unread.fetch_add(left_unread, Ordering::Relaxed);
        let widest = other.widest.load(Ordering::Relaxed);
        self.widest.fetch_max(widest, Ordering::Relaxed);
    }

    /// A subject took this long from its start until it could be spoken to.
    pub fn started_within(&self, time: Duration) {
        self.slowest_start
            .fetch_max(micros(time), Ordering::Relaxed);
    }

    /// A subject took this long to answer.
    pub fn replied_within(&self, time: Duration) {
        self.slowest_reply
            .fetch_max(micros(time), Ordering::Relaxed);
    }

    /// Patience was out without an answer.
    pub fn waited_in_vain(&self) {
        self.vain_waits.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait for an answer. A subject that answers quickly, or not at all, has its silence
    /// waited for in full a few times only, and then still many times as long as its answers took.
    pub fn answer(&self) -> Duration {
        const MANY_TIMES: u32 = 50;
        let start = load(&self.slowest_start).min(4 * self.patience);
        let full = self.patience.max(start);
        let patience = if self.vain_waits.load(Ordering::Relaxed) < self.full_waits {
            full
        } else {
            (MANY_TIMES * load(&self.slowest_reply))
                .max(self.shortest_wait)
                .max(2 * start)
                .min(full)
        };
        self.for_this_machine(patience)
    }

    /// How long to wait for a program to end. It may take some seconds over its goodbyes however quickly
    /// it answers, so that this is never less than the patience asked for.
    pub fn end(&self) -> Duration {
        let usual = self.for_this_machine(self.patience);
        (2 * self.answer()).max(usual).min(self.longest)
    }

    /// The longest wait for a program to be ready was in vain.
    pub fn started_in_vain(&self) {
        self.started_in_vain.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait for a program to be ready: a cold virtual machine takes its time. One that was
    /// waited for in vain is not given all of it each time, and less still after several times.
    pub fn start(&self) -> Duration {
        const OFTEN: u32 = 4;
        let divisor = match self.started_in_vain.load(Ordering::Relaxed) {
            0 => 1,
            1..OFTEN => 2,
            OFTEN.. => 4,
        };
        self.for_this_machine(self.longest_start / divisor)
    }

    /// A subject left something unread for [`Pace::reading`].
    pub fn read_in_vain(&self) {
        self.left_unread.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait for a subject to read what it was sent before somebody else does something: one
    /// that polls its connections now and then takes its time, and one that reads nothing is known soon.
    pub fn reading(&self) -> Duration {
        const LONG: Duration = Duration::from_secs(2);
        const SHORT: Duration = Duration::from_millis(500);
        if self.left_unread.load(Ordering::Relaxed) < self.full_waits {
            LONG
        } else {
            SHORT
        }
    }

    /// How long after the last sign of life there will be none: for silence that nothing else proves.
    pub fn settle(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_millis(20);
        const LONGEST: Duration = Duration::from_millis(500);
        let seen = 3 * load(&self.slowest_reply);
        self.for_this_machine(seen.clamp(SHORTEST, LONGEST))
    }

    /// The longest time for which the machine stood still since `begun`, if it did.
    pub fn stall_since(&self, begun: Instant) -> Option<Duration> {
        let stalls = self.stalls.lock().ok()?;
        let since = stalls.iter().filter(|(at, _)| *at >= begun);
        since.map(|(_, stall)| *stall).max()
    }

    /// A sleeping thread was woken so late.
    pub fn woke_late_by(&self, late: Duration) {
        /// Nothing that a busy scheduler does to a thread that sleeps most of the time.
        const STALL: Duration = Duration::from_millis(400);
        const MOST_STALLS: usize = 10_000;
        // The worst of late is forgotten slowly.
        let remembered = self.lag.load(Ordering::Relaxed) * 31 / 32;
        self.lag
            .store(remembered.max(micros(late)), Ordering::Relaxed);
        if let Ok(mut stalls) = self.stalls.lock() {
            if late >= STALL && stalls.len() < MOST_STALLS {
                stalls.push((Instant::now(), late));
            }
        }
    }

    fn for_this_machine(&self, time: Duration) -> Duration {
        /// A wake-up that is this late is one of a busy machine.
        const BUSY: f64 = 0.010;
        let lateness = load(&self.lag).as_secs_f64() / BUSY;
        let widening = (1.0 + lateness).min(4.0);
        let thousandths = Duration::from_secs(1).mul_f64(widening).as_millis();
        let thousandths = u64::try_from(thousandths).unwrap_or(u64::MAX);
        self.widest.fetch_max(thousandths, Ordering::Relaxed);
        time.mul_f64(widening).min(self.longest)
    }

    /// The longest that anything is ever waited for.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// By which factor waits were widened for a busy machine, where that is worth telling.
    pub fn widened_by(&self) -> Option<f64> {
        const WORTH_TELLING: u64 = 2_000;
        let widest = self.widest.load(Ordering::Relaxed);
        // Thousandths, at most 4,000.
        #[allow(clippy::cast_precision_loss)]
        (widest >= WORTH_TELLING).then(|| widest as f64 / 1000.0)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn load(cell: &AtomicU64) -> Duration {
    Duration::from_micros(cell.load(Ordering::Relaxed))
}

/// Measures how late this machine wakes a sleeping thread, while a run lasts.
#[derive(Debug)]
pub struct LagMeter {
    stop: std::sync::Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LagMeter {
    /// Tells `woke` at each look, until dropped, how late it was woken.
    pub fn start(woke: impl Fn(Duration) + Send + 'static) -> LagMeter {
        const STRIDE: Duration = Duration::from_millis(10);
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let stopped = std::sync::Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let begun = Instant::now();
                std::thread::sleep(STRIDE);
                woke(begun.elapsed().saturating_sub(STRIDE));
            }
        });
        LagMeter {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for LagMeter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_widens_the_waiting_within_bounds() {
        let pace = Pace::new(Duration::from_secs(5));
        assert_eq!(pace.answer(), Duration::from_secs(5));
        assert_eq!(pace.settle(), Duration::from_millis(20));
        pace.started_within(Duration::from_secs(12));
        pace.replied_within(Duration::from_millis(50));
        assert_eq!(pace.answer(), Duration::from_secs(12));
        assert_eq!(pace.settle(), Duration::from_millis(150));
        pace.started_within(Duration::from_secs(1000));
        pace.replied_within(Duration::from_secs(1000));
        assert_eq!(pace.answer(), Duration::from_secs(20));
        assert_eq!(pace.settle(), Duration::from_millis(500));
    }

    #[test]
    fn a_machine_that_stood_still_is_remembered() {
        let pace = Pace::new(Duration::from_secs(5));
        let begun = Instant::now();
        pace.woke_late_by(Duration::from_millis(30));
        assert_eq!(pace.stall_since(begun), None);
        pace.woke_late_by(Duration::from_millis(900));
        pace.woke_late_by(Duration::from_millis(500));
        assert_eq!(pace.stall_since(begun), Some(Duration::from_millis(900)));
        assert_eq!(pace.stall_since(Instant::now()), None);
    }

    #[test]
    fn no_wait_is_longer_than_six_patiences_and_a_busy_machine_is_told() {
        let pace = Pace::new(Duration::from_secs(5));
        assert_eq!(pace.start(), Duration::from_secs(20));
        assert_eq!(pace.widened_by(), None);
        pace.woke_late_by(Duration::from_millis(900));
        pace.started_within(Duration::from_secs(1000));
        for longest in [pace.start(), pace.answer(), pace.end()] {
            assert_eq!(longest, Duration::from_secs(30));
        }
        assert_eq!(pace.widened_by(), Some(4.0));
    }

    #[test]
    fn silence_is_waited_for_in_full_a_few_times_only() {
        let pace = Pace::new(Duration::from_secs(5));
        pace.replied_within(Duration::from_millis(40));
        (0..2).for_each(|_| pace.waited_in_vain());
        assert_eq!(pace.answer(), Duration::from_secs(5));
        assert_eq!(pace.end(), Duration::from_secs(10));
        pace.waited_in_vain();
        assert_eq!(pace.answer(), Duration::from_secs(2));
        assert_eq!(pace.end(), Duration::from_secs(5));
        pace.replied_within(Duration::from_secs(3));
        assert_eq!(pace.answer(), Duration::from_secs(5));
    }
}
