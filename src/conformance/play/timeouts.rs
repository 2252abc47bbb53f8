//! How long to wait for a program: one setting, extended by what was measured of the program and the machine.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Shared by all replays of a run. Measurements only extend the waits, and only up to a bound.
#[derive(Debug)]
pub struct Timeouts {
    patience: Duration,
    longest_start: Duration,
    /// How often silence is waited for in full, and the minimum after that.
    full_waits: u64,
    shortest_wait: Duration,
    slowest_start: AtomicU64,
    slowest_reply: AtomicU64,
    /// How often the wait for an answer timed out.
    vain_waits: AtomicU64,
    /// How often a program was not ready in time, or was given up because it rested.
    started_in_vain: AtomicU32,
    /// How often the wait for a program to read timed out.
    left_unread: AtomicU64,
    lag: AtomicU64,
    /// The greatest extension of a wait because of this machine, in thousandths.
    widest: AtomicU64,
    /// Maximum length of any wait.
    longest: Duration,
    /// When the machine stood still, and for how long.
    stalls: Mutex<Vec<(Instant, Duration)>>,
}

impl Timeouts {
    /// Maximum length of a wait as a multiple of the patience, however busy the machine is.
    const MOST_PATIENCES: u32 = 6;

    /// Starts with this patience for one answer.
    pub fn new(patience: Duration) -> Timeouts {
        Timeouts {
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
            longest: Timeouts::MOST_PATIENCES * patience,
            stalls: Mutex::new(Vec::new()),
        }
    }

    /// For the probe: as patient with the program's start, but not with each answer.
    pub fn for_probes(&self, longest_answer: Duration) -> Timeouts {
        Timeouts {
            longest_start: self.longest_start,
            longest: self.longest,
            full_waits: 1,
            shortest_wait: Duration::from_millis(500),
            ..Timeouts::new(self.patience.min(longest_answer))
        }
    }

    /// Takes over the measured times of a program, and how often it did not answer or read. If the other one was less
    /// patient, a program that answers within the patience may have seemed silent, so one more wait is in full.
    pub fn learn_from(&self, other: &Timeouts) {
        self.started_within(load(&other.slowest_start));
        self.replied_within(load(&other.slowest_reply));
        let started_in_vain = other.started_in_vain.load(Ordering::Relaxed);
        self.started_in_vain
            .fetch_add(started_in_vain, Ordering::Relaxed);
        let vain_waits = match other.vain_waits.load(Ordering::Relaxed) {
            waits if other.patience < self.patience => waits.min(self.full_waits - 1),
            waits => waits,
        };
        self.vain_waits.fetch_add(vain_waits, Ordering::Relaxed);
        // Only the first of them took the whole wait.
        let left_unread = other.left_unread.load(Ordering::Relaxed).min(1);
        self.left_unread.fetch_add(left_unread, Ordering::Relaxed);
        let widest = other.widest.load(Ordering::Relaxed);
        self.widest.fetch_max(widest, Ordering::Relaxed);
    }

    /// The program needed this long from its start until it was ready.
    pub fn started_within(&self, time: Duration) {
        self.slowest_start
            .fetch_max(micros(time), Ordering::Relaxed);
    }

    /// The program needed this long to answer.
    pub fn replied_within(&self, time: Duration) {
        self.slowest_reply
            .fetch_max(micros(time), Ordering::Relaxed);
    }

    /// The wait for an answer timed out.
    pub fn waited_in_vain(&self) {
        self.vain_waits.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait for an answer. If the program answers quickly or not at all, its silence is waited for in
    /// full only a few times; after that, for many times the duration of its answers.
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

    /// The patience itself, not extended for the program or the machine.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// How long to wait for a program to end. A program may need some seconds for its goodbyes however quickly it
    /// answers, so this is at least the patience.
    pub fn end(&self) -> Duration {
        let usual = self.for_this_machine(self.patience);
        (2 * self.answer()).max(usual).min(self.longest)
    }

    /// The wait for the program to be ready timed out, or the program was given up because it rested.
    pub fn started_in_vain(&self) {
        self.started_in_vain.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait for a program to be ready; a cold virtual machine needs some time. After a timeout the
    /// program gets less, and after several timeouts less still, but always twice as long as it was seen to need.
    pub fn start(&self) -> Duration {
        const OFTEN: u32 = 4;
        let divisor = match self.started_in_vain.load(Ordering::Relaxed) {
            0 => 1,
            1..OFTEN => 2,
            OFTEN.. => 4,
        };
        let seen = (2 * load(&self.slowest_start)).min(self.longest_start);
        self.for_this_machine((self.longest_start / divisor).max(seen))
    }

    /// How long a program may rest before it is ready, in all. One that starts runs or waits for a disk most of the time.
    /// One that rests waits for something else, perhaps for ever: a second and a third time it gets less.
    pub fn rest_at_start(&self) -> Duration {
        const SHORTEST: Duration = Duration::from_secs(2);
        let rest = match self.started_in_vain.load(Ordering::Relaxed) {
            0 => self.longest_start * 3 / 5,
            1 => self.longest_start / 4,
            _ => SHORTEST.min(self.longest_start / 4),
        };
        let rest = rest.max(2 * load(&self.slowest_start));
        self.for_this_machine(rest.min(self.longest_start))
    }

    /// The program left something unread for [`Timeouts::reading`].
    pub fn read_in_vain(&self) {
        self.left_unread.fetch_add(1, Ordering::Relaxed);
    }

    /// How long to wait for a program to read what it was sent before another actor does something. A program that
    /// polls its connections needs some time; one that reads nothing is recognised soon.
    pub fn reading(&self) -> Duration {
        const LONG: Duration = Duration::from_secs(2);
        const SHORT: Duration = Duration::from_millis(500);
        if self.left_unread.load(Ordering::Relaxed) < self.full_waits {
            LONG
        } else {
            SHORT
        }
    }

    /// How long after the last sign of life silence counts as silence, if nothing else proves it.
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

    /// A sleeping thread was woken this late.
    pub fn woke_late_by(&self, late: Duration) {
        /// What a busy scheduler does to a thread that sleeps most of the time is shorter than this.
        const STALL: Duration = Duration::from_millis(400);
        const MOST_STALLS: usize = 10_000;
        // The worst recent value is forgotten slowly.
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
        /// A wake-up this late means that the machine is busy.
        const BUSY: f64 = 0.010;
        let lateness = load(&self.lag).as_secs_f64() / BUSY;
        let widening = (1.0 + lateness).min(4.0);
        let thousandths = Duration::from_secs(1).mul_f64(widening).as_millis();
        let thousandths = u64::try_from(thousandths).unwrap_or(u64::MAX);
        self.widest.fetch_max(thousandths, Ordering::Relaxed);
        time.mul_f64(widening).min(self.longest)
    }

    /// Maximum length of any wait.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The factor by which waits were extended for a busy machine, if it is worth reporting.
    pub fn widened_by(&self) -> Option<f64> {
        const WORTH_TELLING: u64 = 2_000;
        let widest = self.widest.load(Ordering::Relaxed);
        // At most 4,000 thousandths.
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
    /// Calls `woke` after each sleep, with how late the thread was woken, until dropped.
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
        let timeouts = Timeouts::new(Duration::from_secs(5));
        assert_eq!(timeouts.answer(), Duration::from_secs(5));
        assert_eq!(timeouts.settle(), Duration::from_millis(20));
        timeouts.started_within(Duration::from_secs(12));
        timeouts.replied_within(Duration::from_millis(50));
        assert_eq!(timeouts.answer(), Duration::from_secs(12));
        assert_eq!(timeouts.settle(), Duration::from_millis(150));
        timeouts.started_within(Duration::from_secs(1000));
        timeouts.replied_within(Duration::from_secs(1000));
        assert_eq!(timeouts.answer(), Duration::from_secs(20));
        assert_eq!(timeouts.settle(), Duration::from_millis(500));
    }

    #[test]
    fn a_machine_that_stood_still_is_remembered() {
        let timeouts = Timeouts::new(Duration::from_secs(5));
        let begun = Instant::now();
        timeouts.woke_late_by(Duration::from_millis(30));
        assert_eq!(timeouts.stall_since(begun), None);
        timeouts.woke_late_by(Duration::from_millis(900));
        timeouts.woke_late_by(Duration::from_millis(500));
        assert_eq!(
            timeouts.stall_since(begun),
            Some(Duration::from_millis(900))
        );
        assert_eq!(timeouts.stall_since(Instant::now()), None);
    }

    #[test]
    fn no_wait_is_longer_than_six_patiences_and_a_busy_machine_is_reported() {
        let timeouts = Timeouts::new(Duration::from_secs(5));
        assert_eq!(timeouts.start(), Duration::from_secs(20));
        assert_eq!(timeouts.widened_by(), None);
        timeouts.woke_late_by(Duration::from_millis(900));
        timeouts.started_within(Duration::from_secs(1000));
        for longest in [timeouts.start(), timeouts.answer(), timeouts.end()] {
            assert_eq!(longest, Duration::from_secs(30));
        }
        assert_eq!(timeouts.widened_by(), Some(4.0));
    }

    #[test]
    fn a_program_that_does_not_start_is_waited_for_in_full_once() {
        let timeouts = Timeouts::new(Duration::from_secs(5));
        timeouts.started_in_vain();
        assert_eq!(timeouts.start(), Duration::from_secs(10));
        (0..3).for_each(|_| timeouts.started_in_vain());
        assert_eq!(timeouts.start(), Duration::from_secs(5));
        // One that is slow and starts sometimes gets time enough.
        timeouts.started_within(Duration::from_secs(3));
        assert_eq!(timeouts.start(), Duration::from_secs(6));
        timeouts.started_within(Duration::from_secs(15));
        assert_eq!(timeouts.start(), Duration::from_secs(20));
    }

    #[test]
    fn silence_is_waited_for_in_full_a_few_times_only() {
        let timeouts = Timeouts::new(Duration::from_secs(5));
        timeouts.replied_within(Duration::from_millis(40));
        (0..2).for_each(|_| timeouts.waited_in_vain());
        assert_eq!(timeouts.answer(), Duration::from_secs(5));
        assert_eq!(timeouts.end(), Duration::from_secs(10));
        timeouts.waited_in_vain();
        assert_eq!(timeouts.answer(), Duration::from_secs(2));
        assert_eq!(timeouts.end(), Duration::from_secs(5));
        timeouts.replied_within(Duration::from_secs(3));
        assert_eq!(timeouts.answer(), Duration::from_secs(5));
    }

    #[test]
    fn a_program_that_is_too_slow_for_the_probe_is_waited_for_in_full() {
        let timeouts = Timeouts::new(Duration::from_secs(5));
        let of_probe = timeouts.for_probes(Duration::from_secs(2));
        (0..9).for_each(|_| of_probe.waited_in_vain());
        timeouts.learn_from(&of_probe);
        assert_eq!(timeouts.answer(), Duration::from_secs(5));
        timeouts.waited_in_vain();
        assert_eq!(timeouts.answer(), Duration::from_secs(1));
    }
}
