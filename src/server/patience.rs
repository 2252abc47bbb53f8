//! How long everybody waits for a member that takes nothing.

use std::time::Duration;

/// How long a member may take nothing while the backlog is full, and everybody waits for it.
pub const LONGEST: Duration = Duration::from_secs(1);
/// How long the server waits at a time while the backlog is full. A longer wait means that the machine kept
/// the server from running, and the members perhaps as well: only so much of it counts.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A clock that counts only time in which the server had nothing to do but wait, and the rule by it.
#[derive(Debug, Default)]
pub struct Patience {
    now: Moment,
    /// Since when the backlog is full; until it is less than half full.
    full_since: Option<Moment>,
    look_next: Moment,
}

/// A point in waiting time, since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(Duration);

impl Patience {
    /// The server has waited for so long.
    pub fn waited(&mut self, time: Duration) {
        self.now.0 += time.min(LONGEST_WAIT);
    }

    /// Now, to note when a member takes something.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Takes note of how full the backlog is. Returns whether members are to be looked at now, whether patience with one
    /// of them is out; that is so from time to time while the backlog stays full.
    pub fn is_tested(&mut self, is_full: bool, is_half_full: bool) -> bool {
        if !is_half_full {
            self.full_since = None;
        } else if is_full && self.full_since.is_none() {
            self.full_since = Some(self.now);
            self.look_next = Moment(self.now.0 + LONGEST);
        }
        let is_due = is_full && self.now >= self.look_next;
        if is_due {
            self.look_next = Moment(self.now.0 + LONGEST_WAIT);
        }
        is_due
    }

    /// Whether a member that last took something at that moment has held up everybody for too long.
    pub fn is_out(&self, took_last: Moment) -> bool {
        self.full_since
            .is_some_and(|since| self.now.0.saturating_sub(since.max(took_last).0) >= LONGEST)
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

    #[test]
    fn who_takes_nothing_for_a_second_is_found_and_who_takes_something_is_not() {
        let mut patience = Patience::default();
        let at_first = patience.now();
        wait(&mut patience, 5_000);
        assert!(!patience.is_tested(false, true));
        assert!(!patience.is_out(at_first), "nobody waited for it");
        assert!(!patience.is_tested(true, true));
        wait(&mut patience, 500);
        let took_something = patience.now();
        wait(&mut patience, 490);
        assert!(!patience.is_tested(true, true));
        wait(&mut patience, 10);
        assert!(patience.is_tested(true, true));
        assert!(patience.is_out(at_first));
        assert!(!patience.is_out(took_something));
    }

    #[test]
    fn the_second_goes_on_while_the_backlog_is_more_than_half_full() {
        let mut patience = Patience::default();
        let at_first = patience.now();
        for _ in 0..10 {
            patience.is_tested(true, true);
            wait(&mut patience, 50);
            patience.is_tested(false, true);
            wait(&mut patience, 50);
        }
        assert!(patience.is_tested(true, true) && patience.is_out(at_first));
        patience.is_tested(false, false);
        patience.is_tested(true, true);
        assert!(!patience.is_out(at_first), "it is another time");
    }

    #[test]
    fn time_in_which_the_server_could_not_run_does_not_count() {
        let mut patience = Patience::default();
        let at_first = patience.now();
        patience.is_tested(true, true);
        patience.waited(Duration::from_secs(60));
        assert!(!patience.is_out(at_first));
    }
}
