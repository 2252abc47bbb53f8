//! Replays one transcript against one fresh process of the subject, and brings back what was seen.
//!
//! One thread, one poll over everything that can speak: the subject's terminal, its supervisor, the
//! actors' connections. Waiting always means looking there until something is so, or patience is out.

mod client;
pub mod clock;
pub mod inbox;
mod ledger;
mod log;
mod origin;
pub mod pace;
pub mod peer;
mod server;
pub mod slots;
mod stage;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::play::clock::{AtWork, TimeBudget};
use crate::conformance::play::pace::Pace;
use crate::conformance::play::slots::{Slots, Taken};
use crate::conformance::program::environment::Environment;
use crate::conformance::program::profile::Profile;
use crate::conformance::program::system;
use crate::conformance::program::target::Target;
use crate::transcript::syntax::{Role, Transcript};

pub use ledger::Ledger;
use stage::Stage;

/// What the replays of a run have in common.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The program under test.
    pub target: &'a Target,
    /// Path of the `conform` program, which supervises subjects.
    pub harness: &'a Path,
    /// Where it runs.
    pub environment: &'a Environment,
    /// How to speak to it.
    pub profile: Profile,
    /// What a client prints where all goes well, before it comes in.
    pub greeting: &'a [String],
    /// Where a replay that only waits lends its slot.
    pub slots: &'a Slots,
    /// How long to wait.
    pub pace: &'a Pace,
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
type Stop = Box<Outcome>;

/// Replays `transcript`. When this returns, every process of the subject is gone. `None` where the replay was
/// stopped before its end, by an interruption or because the program's time is up: that says nothing of the
/// program.
pub fn replay(transcript: &Transcript, setting: Setting<'_>) -> Option<Evidence> {
    let begun = Instant::now();
    let mut stage = Stage::new(transcript, setting);
    let mut outcome = match perform_all(&mut stage) {
        Ok(()) => Outcome::Completed,
        Err(stop) => *stop,
    };
    if stage.was_stopped() {
        drop(stage.strike());
        return None;
    }
    if let Outcome::FellShort(shortfall) = &outcome {
        // What a transcript is about it may judge more strictly than others do: no reason to skip them.
        let row = shortfall.speaks_of.as_ref();
        if let Some(row) = row.filter(|row| !transcript.covers.contains(row)) {
            setting.ledger.fell_short(row);
        }
    }
    let waited_for_machine = stage.waited_for_machine();
    let (events, seconds) = stage.strike();
    if let (Outcome::FellShort(_), Some(stall)) = (&outcome, setting.pace.stall_since(begun)) {
        let seconds = stall.as_secs_f64();
        outcome = Outcome::Unable {
            reason: format!("the machine stood still for {seconds:.1} s meanwhile: {outcome}"),
        };
    }
    if let (Outcome::FellShort(_), Some(waited)) = (&outcome, waited_for_machine) {
        let seconds = waited.as_secs_f64();
        outcome = Outcome::Unable {
            reason: format!(
                "the machine was too busy to let the program run, and {seconds:.0} s is the longest wait: {outcome}"
            ),
        };
    }
    Some(Evidence {
        events,
        outcome,
        seconds,
    })
}

/// The same, in a network of its own where the profile says so.
pub fn replay_in_network(transcript: &Transcript, setting: Setting<'_>) -> Option<Evidence> {
    if !setting.profile.has_own_network {
        return replay(transcript, setting);
    }
    let replayed = std::thread::scope(|scope| {
        let apart = || system::enter_own_network().map(|()| replay(transcript, setting));
        scope.spawn(apart).join()
    });
    let reason = match replayed {
        Ok(Ok(evidence)) => return evidence,
        Ok(Err(error)) => format!("the system gave no network for this run: {error}"),
        Err(_) => "the replay panicked".to_owned(),
    };
    Some(Evidence {
        events: Vec::new(),
        outcome: Outcome::Unable { reason },
        seconds: 0.0,
    })
}

fn perform_all(stage: &mut Stage<'_>) -> Result<(), Stop> {
    if stage.transcript().role == Role::Server {
        stage.start_server()?;
    }
    for index in 0..stage.transcript().steps.len() {
        stage.enter(index)?;
        match stage.transcript().role {
            Role::Server => stage.perform_with_server()?,
            Role::Client => stage.perform_with_client()?,
        }
        stage.held();
    }
    stage.check_late_arrivals()
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
