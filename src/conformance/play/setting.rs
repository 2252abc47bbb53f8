//! What the replays of a run have in common.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::clock::{AtWork, TimeBudget};
use super::ledger::Ledger;
use super::slots::{Slots, Taken};
use super::timeouts::Timeouts;
use crate::conformance::evidence::Outcome;
use crate::conformance::evidence::shortfall::Hindrance;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::profile::Profile;
use crate::conformance::program::target::Target;

/// What the replays of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The program under test.
    pub target: &'a Target,
    /// Path of the `conform` program, which supervises subjects.
    pub harness: &'a Path,
    /// Where it runs.
    pub environment: &'a Environment,
    /// Where the clients of a pair run, if they are not the server's own.
    pub environment_of_clients: Option<&'a Environment>,
    /// How to speak to it.
    pub profile: Profile,
    /// What a client prints where all goes well, before it comes in.
    pub banner: &'a [String],
    /// Where a replay that only waits lends its slot.
    pub slots: &'a Slots,
    /// How long to wait.
    pub timeouts: &'a Timeouts,
    /// What is known to work and to fail by now.
    pub ledger: &'a Ledger,
    /// Set when the run is to end early.
    pub cancelled: &'a AtomicBool,
    /// The time of the program, which all replays share.
    pub time: &'a TimeBudget,
    /// Where the program has to wait for its turn before it runs in the machine's network.
    pub turn: Option<&'a Turn>,
}

/// A program's turn in the machine's network: submissions of a class would meet each other there.
#[derive(Debug, Default)]
pub struct Turn(Mutex<Option<Taken<'static>>>);

impl Turn {
    /// Waits for the turn, unless the program has it already; whether it has it now.
    fn take(&self, time: &TimeBudget, cancelled: &AtomicBool) -> bool {
        static TURNS: LazyLock<Slots> = LazyLock::new(|| Slots::new(1));
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.is_none() {
            *taken = time.take_turn(&TURNS, cancelled);
        }
        taken.is_some()
    }

    /// Leaves the turn to others.
    pub fn leave(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Setting<'_> {
    /// Waits until a replay may begin: for the program's turn, where it needs one, and for a slot. `None` where
    /// everything is to stop before that.
    pub fn begin_work(&self) -> Option<AtWork<'_>> {
        let needs_turn = !self.profile.has_own_network;
        if let Some(turn) = self.turn.filter(|_| needs_turn) {
            if !turn.take(self.time, self.cancelled) {
                return None;
            }
        }
        self.time.work(self.slots, self.cancelled)
    }

    /// Whether everything under way is to stop: the run is cancelled, or the program's time is up.
    pub fn is_stopping(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || self.time.is_up()
    }
}

/// Why a replay stops before its last step.
pub(super) type Stop = Box<Outcome>;

/// The replay stops because the harness cannot do its part.
pub(super) fn hindered(reason: Hindrance) -> Stop {
    Box::new(Outcome::Unable { reason })
}

/// The replay stops because the system refused `what`.
pub(super) fn unable(what: &str, error: &io::Error) -> Stop {
    hindered(Hindrance::Refused {
        what: what.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_program_at_a_time_has_its_turn() {
        let time = TimeBudget::new(Duration::from_secs(60));
        let [goes_on, cancelled] = [false, true].map(AtomicBool::new);
        let [first, second] = [Turn::default(), Turn::default()];
        assert!(first.take(&time, &goes_on) && first.take(&time, &goes_on));
        assert!(!second.take(&time, &cancelled));
        first.leave();
        assert!(second.take(&time, &goes_on));
        assert!(!first.take(&time, &cancelled));
        drop(second);
        assert!(first.take(&time, &goes_on));
    }
}
