//! How long everybody waits for a member that takes nothing.

use std::time::Duration;

/// How long a member may take nothing while the backlog is full and everybody waits for it. Time in which others take
/// something does not count: one process may read for many of them, in turn.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// A member that was seen to read slowly may pause this many times as long as before ...
const PAUSE_FACTOR: u32 = 2;
/// ... but never longer than this, whatever others do.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// How long the server waits at a time while the backlog is full. A longer wait means that the machine kept
/// the server from running, and perhaps the members as well: no more than this of it counts.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A clock that counts only time in which the server had nothing to do but wait, and the rule by it.
#[derive(Debug, Default)]
pub struct Patience {
    now: Moment,
    /// Whether anybody took something since the last wait.
    somebody_took: bool,
    /// Since when the backlog is full; until it is less than half full.
    full_since: Option<Moment>,
    /// In waiting time.
    look_next: Duration,
}

/// A point in waiting time, since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moment {
    all: Duration,
    /// Without the waits in which somebody took something.
    quiet: Duration,
}

impl Moment {
    fn later(self, other: Moment) -> Moment {
        if self.all < other.all { other } else { self }
    }

    fn since(self, earlier: Moment) -> Moment {
        Moment {
            all: self.all - earlier.all,
            quiet: self.quiet - earlier.quiet,
        }
    }
}

/// How a member takes what is sent to it.
///
/// TCP shows that a client reads only when its buffer has much room again: some 64 KiB over loopback. So one that
/// reads slowly but steadily seems to pause. How long it does so is remembered, once it was seen; a client that needs
/// more than a second for 64 KiB may be dropped before.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taking {
    /// Since when it has taken nothing although something waits for it.
    waiting_since: Option<Moment>,
    /// The longest time for which everybody waited for it before it took something.
    longest_pause: Duration,
}

impl Patience {
    /// The server has waited for so long.
    pub fn waited(&mut self, time: Duration) {
        let time = time.min(LONGEST_WAIT);
        self.now.all += time;
        if !std::mem::take(&mut self.somebody_took) {
            self.now.quiet += time;
        }
    }

    /// Something was written to a member now: whether it took any of it, and whether that was all.
    pub fn wrote(&mut self, taking: &mut Taking, took_some: bool, took_all: bool) {
        if took_some {
            self.somebody_took = true;
            taking.longest_pause = taking.longest_pause.max(self.pause(taking));
        }
        taking.waiting_since = match taking.waiting_since {
            _ if took_all => None,
            Some(since) if !took_some => Some(since),
            _ => Some(self.now),
        };
    }

    /// Takes note of how full the backlog is. Returns whether it is time to look at those for whom everybody waits; that
    /// is so again and again while it stays full.
    pub fn is_look_due(&mut self, is_full: bool, is_half_full: bool) -> bool {
        if !is_half_full {
            self.full_since = None;
        } else if is_full && self.full_since.is_none() {
            self.full_since = Some(self.now);
            self.look_next = self.now.all + LONGEST_WAIT;
        }
        let is_due = is_full && self.now.all >= self.look_next;
        if is_due {
            self.look_next = self.now.all + LONGEST_WAIT;
        }
        is_due
    }

    /// For how long everybody has waited for a member that takes nothing.
    pub fn pause(&self, taking: &Taking) -> Duration {
        self.time_since_it_is_waited_for(taking).all
    }

    fn time_since_it_is_waited_for(&self, taking: &Taking) -> Moment {
        let both = self.full_since.zip(taking.waiting_since);
        both.map_or_else(Moment::default, |(full, waiting)| {
            self.now.since(full.later(waiting))
        })
    }

    /// Whether a member that takes nothing has held up everybody for too long.
    pub fn is_out(&self, taking: &Taking) -> bool {
        let learned = (PAUSE_FACTOR * taking.longest_pause).max(MAX_PAUSE);
        let pause = self.time_since_it_is_waited_for(taking);
        pause.quiet >= learned || pause.all >= LONGEST_PAUSE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(patience: &mut Patience, milliseconds: u64) {
        for _ in 0..milliseconds / 10 {
            patience.waited(Duration::from_millis(10));
        }
    }

    /// Some of what is there is taken, and more waits.
    fn takes_some(patience: &mut Patience, taking: &mut Taking) {
        patience.wrote(taking, true, false);
    }

    fn waiting(patience: &mut Patience) -> Taking {
        let mut taking = Taking::default();
        patience.wrote(&mut taking, false, false);
        taking
    }

    #[test]
    fn who_takes_nothing_for_a_second_is_found_and_who_takes_something_is_not() {
        let mut patience = Patience::default();
        let (stuck, mut slow) = (waiting(&mut patience), waiting(&mut patience));
        wait(&mut patience, 5_000);
        assert!(!patience.is_look_due(false, true));
        assert!(!patience.is_out(&stuck), "nobody waited for it");
        assert!(!patience.is_look_due(true, true));
        wait(&mut patience, 500);
        takes_some(&mut patience, &mut slow);
        wait(&mut patience, 500);
        assert!(patience.is_look_due(true, true));
        assert!(
            !patience.is_out(&stuck),
            "the wait in which the other took something does not count"
        );
        wait(&mut patience, 10);
        assert!(patience.is_out(&stuck));
        assert!(!patience.is_out(&slow));
    }

    #[test]
    fn who_was_slow_before_may_be_slow_again_and_not_for_ever() {
        let mut patience = Patience::default();
        let mut slow = waiting(&mut patience);
        patience.is_look_due(true, true);
        for _ in 0..5 {
            wait(&mut patience, 900);
            takes_some(&mut patience, &mut slow);
        }
        wait(&mut patience, 1_700);
        assert!(!patience.is_out(&slow));
        takes_some(&mut patience, &mut slow);
        wait(&mut patience, 3_300);
        assert!(!patience.is_out(&slow));
        takes_some(&mut patience, &mut slow);
        wait(&mut patience, 4_000);
        assert!(patience.is_out(&slow));
    }

    #[test]
    fn while_others_take_something_a_member_has_more_time_and_not_for_ever() {
        let mut patience = Patience::default();
        let (late, mut others) = (waiting(&mut patience), waiting(&mut patience));
        patience.is_look_due(true, true);
        for _ in 0..39 {
            for _ in 0..10 {
                wait(&mut patience, 10);
                takes_some(&mut patience, &mut others);
            }
        }
        assert!(!patience.is_out(&late));
        wait(&mut patience, 110);
        assert!(patience.is_out(&late));
    }

    #[test]
    fn who_has_everything_is_waited_for_no_longer_the_next_time() {
        let mut patience = Patience::default();
        let mut quick = Taking::default();
        patience.wrote(&mut quick, true, true);
        patience.is_look_due(true, true);
        // Everybody waits for somebody else.
        wait(&mut patience, 3_000);
        patience.wrote(&mut quick, true, false);
        wait(&mut patience, 1_000);
        assert!(!patience.is_out(&quick), "it was not waited for before");
        wait(&mut patience, 10);
        assert!(patience.is_out(&quick));
    }

    #[test]
    fn the_second_goes_on_while_the_backlog_is_more_than_half_full() {
        let mut patience = Patience::default();
        let stuck = waiting(&mut patience);
        for _ in 0..10 {
            patience.is_look_due(true, true);
            wait(&mut patience, 50);
            patience.is_look_due(false, true);
            wait(&mut patience, 50);
        }
        assert!(patience.is_look_due(true, true) && patience.is_out(&stuck));
        patience.is_look_due(false, false);
        patience.is_look_due(true, true);
        assert!(!patience.is_out(&stuck), "it is another time");
    }

    #[test]
    fn time_in_which_the_server_could_not_run_does_not_count() {
        let mut patience = Patience::default();
        let stuck = waiting(&mut patience);
        patience.is_look_due(true, true);
        patience.waited(Duration::from_secs(60));
        assert!(!patience.is_out(&stuck));
    }
}
