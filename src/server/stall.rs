//! How long the server waits for a member that stopped reading.

use std::time::Duration;

/// How long a member may read nothing while the backlog is full and everybody waits for it. Time in
/// which other members read does not count: one process may read for many of them in turn.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// A member that has paused before may pause this many times as long again ...
const PAUSE_FACTOR: u32 = 2;
/// ... but never longer than this, whatever other members do.
const MAX_PAUSE_EVER: Duration = Duration::from_secs(4);
/// How long the server waits at a time while the backlog is full. A longer wait means that the
/// machine kept the server, and perhaps the members, from running. So at most this much of a wait
/// counts.
pub const MAX_WAIT: Duration = Duration::from_millis(100);

/// A clock that counts only time in which the server was waiting, and the decision based on it.
#[derive(Debug, Default)]
pub struct StallDetector {
    now: Moment,
    /// Whether any member read something since the last wait.
    somebody_read: bool,
    /// When the backlog became full. Reset once it is less than half full.
    full_since: Option<Moment>,
    /// When to check the members again, in waiting time.
    next_check: Duration,
}

/// A point in waiting time since the server started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Moment {
    all: Duration,
    /// Without the waits in which some member read something.
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

/// How fast a member reads.
///
/// TCP reports that a client reads only once its buffer has much free space again, about 64 KiB
/// over loopback. So a client that reads slowly but steadily seems to pause. The server remembers
/// how long such a pause was. Until it has seen one, it may drop a client that needs more than a
/// second for 64 KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadingPace {
    /// Since when the member has read nothing although something waits for it.
    waiting_since: Option<Moment>,
    /// The longest time for which everybody waited for this member before it read something.
    longest_pause: Duration,
}

impl StallDetector {
    /// Records that the server waited for `time`.
    pub fn waited(&mut self, time: Duration) {
        let time = time.min(MAX_WAIT);
        self.now.all += time;
        if !std::mem::take(&mut self.somebody_read) {
            self.now.quiet += time;
        }
    }

    /// Records a write to a member: whether the socket accepted some of the bytes, and whether it
    /// accepted all.
    pub fn wrote(&mut self, pace: &mut ReadingPace, accepted_some: bool, accepted_all: bool) {
        if accepted_some {
            self.somebody_read = true;
            pace.longest_pause = pace.longest_pause.max(self.stalled_for(pace));
        }
        pace.waiting_since = match pace.waiting_since {
            _ if accepted_all => None,
            Some(since) if !accepted_some => Some(since),
            _ => Some(self.now),
        };
    }

    /// Records how full the backlog is. Returns whether it is time to check for stalled members,
    /// which happens again and again while the backlog stays full.
    pub fn is_check_due(&mut self, is_full: bool, is_half_full: bool) -> bool {
        if !is_half_full {
            self.full_since = None;
        } else if is_full && self.full_since.is_none() {
            self.full_since = Some(self.now);
            self.next_check = self.now.all + MAX_WAIT;
        }
        let is_due = is_full && self.now.all >= self.next_check;
        if is_due {
            self.next_check = self.now.all + MAX_WAIT;
        }
        is_due
    }

    /// How long everybody has waited for this member.
    pub fn stalled_for(&self, pace: &ReadingPace) -> Duration {
        self.time_waited_for(pace).all
    }

    fn time_waited_for(&self, pace: &ReadingPace) -> Moment {
        let both = self.full_since.zip(pace.waiting_since);
        both.map_or_else(Moment::default, |(full, waiting)| {
            self.now.since(full.later(waiting))
        })
    }

    /// Whether everybody has waited too long for this member.
    pub fn has_stalled(&self, pace: &ReadingPace) -> bool {
        let learned = (PAUSE_FACTOR * pace.longest_pause).max(MAX_PAUSE);
        let waited = self.time_waited_for(pace);
        waited.quiet >= learned || waited.all >= MAX_PAUSE_EVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(stalls: &mut StallDetector, milliseconds: u64) {
        for _ in 0..milliseconds / 10 {
            stalls.waited(Duration::from_millis(10));
        }
    }

    /// The member reads some of what waits for it, but not all.
    fn reads_some(stalls: &mut StallDetector, pace: &mut ReadingPace) {
        stalls.wrote(pace, true, false);
    }

    fn waiting(stalls: &mut StallDetector) -> ReadingPace {
        let mut pace = ReadingPace::default();
        stalls.wrote(&mut pace, false, false);
        pace
    }

    #[test]
    fn a_member_that_reads_nothing_for_a_second_has_stalled() {
        let mut stalls = StallDetector::default();
        let (stuck, mut slow) = (waiting(&mut stalls), waiting(&mut stalls));
        wait(&mut stalls, 5_000);
        assert!(!stalls.is_check_due(false, true));
        assert!(!stalls.has_stalled(&stuck), "nobody waits for it yet");
        assert!(!stalls.is_check_due(true, true));
        wait(&mut stalls, 500);
        reads_some(&mut stalls, &mut slow);
        wait(&mut stalls, 500);
        assert!(stalls.is_check_due(true, true));
        assert!(
            !stalls.has_stalled(&stuck),
            "a wait in which another member reads does not count"
        );
        wait(&mut stalls, 10);
        assert!(stalls.has_stalled(&stuck));
        assert!(!stalls.has_stalled(&slow));
    }

    #[test]
    fn a_member_that_paused_before_may_pause_longer_but_not_for_ever() {
        let mut stalls = StallDetector::default();
        let mut slow = waiting(&mut stalls);
        stalls.is_check_due(true, true);
        for _ in 0..5 {
            wait(&mut stalls, 900);
            reads_some(&mut stalls, &mut slow);
        }
        wait(&mut stalls, 1_700);
        assert!(!stalls.has_stalled(&slow));
        reads_some(&mut stalls, &mut slow);
        wait(&mut stalls, 3_300);
        assert!(!stalls.has_stalled(&slow));
        reads_some(&mut stalls, &mut slow);
        wait(&mut stalls, 4_000);
        assert!(stalls.has_stalled(&slow));
    }

    #[test]
    fn a_member_has_more_time_while_others_read_but_not_for_ever() {
        let mut stalls = StallDetector::default();
        let (late, mut others) = (waiting(&mut stalls), waiting(&mut stalls));
        stalls.is_check_due(true, true);
        for _ in 0..39 {
            for _ in 0..10 {
                wait(&mut stalls, 10);
                reads_some(&mut stalls, &mut others);
            }
        }
        assert!(!stalls.has_stalled(&late));
        wait(&mut stalls, 110);
        assert!(stalls.has_stalled(&late));
    }

    #[test]
    fn time_in_which_a_member_had_read_everything_does_not_count() {
        let mut stalls = StallDetector::default();
        let mut quick = ReadingPace::default();
        stalls.wrote(&mut quick, true, true);
        stalls.is_check_due(true, true);
        // Everybody waits for another member.
        wait(&mut stalls, 3_000);
        stalls.wrote(&mut quick, true, false);
        wait(&mut stalls, 1_000);
        assert!(!stalls.has_stalled(&quick), "nobody waited for it before");
        wait(&mut stalls, 10);
        assert!(stalls.has_stalled(&quick));
    }

    #[test]
    fn the_clock_keeps_running_while_the_backlog_is_more_than_half_full() {
        let mut stalls = StallDetector::default();
        let stuck = waiting(&mut stalls);
        for _ in 0..10 {
            stalls.is_check_due(true, true);
            wait(&mut stalls, 50);
            stalls.is_check_due(false, true);
            wait(&mut stalls, 50);
        }
        assert!(stalls.is_check_due(true, true) && stalls.has_stalled(&stuck));
        stalls.is_check_due(false, false);
        stalls.is_check_due(true, true);
        assert!(!stalls.has_stalled(&stuck), "the clock starts again");
    }

    #[test]
    fn time_in_which_the_server_could_not_run_does_not_count() {
        let mut stalls = StallDetector::default();
        let stuck = waiting(&mut stalls);
        stalls.is_check_due(true, true);
        stalls.waited(Duration::from_secs(60));
        assert!(!stalls.has_stalled(&stuck));
    }
}
