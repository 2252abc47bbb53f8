//! The time of one replay: what the program used of it, and what the machine kept from the program.

use std::time::{Duration, Instant};

use super::clock::TimeBudget;

/// When the replay began, how its waits ended, and what the scheduler last said.
pub(super) struct Accounts {
    pub(super) started: Instant,
    /// The replay is to stop before its end.
    pub(super) was_stopped: bool,
    /// How long a wait lasted that was cut at its bound while the machine was too busy.
    pub(super) waited_for_machine: Option<Duration>,
    asked_at: Instant,
    ran: Duration,
    kept: Duration,
}

impl Accounts {
    pub(super) fn new() -> Accounts {
        let now = Instant::now();
        Accounts {
            started: now,
            was_stopped: false,
            waited_for_machine: None,
            asked_at: now,
            ran: Duration::ZERO,
            kept: Duration::ZERO,
        }
    }

    /// Whether it is time to ask the scheduler again.
    pub(super) fn is_due(&self) -> bool {
        const BETWEEN: Duration = Duration::from_millis(500);
        self.asked_at.elapsed() >= BETWEEN
    }

    /// How much time has passed since the scheduler was asked last.
    pub(super) fn passed(&self) -> Duration {
        self.asked_at.elapsed()
    }

    /// Tells the program's clock how much time passed, how long the program ran, and how long it was kept waiting,
    /// the latter two in all.
    pub(super) fn account(
        &mut self,
        time: &TimeBudget,
        passed: Duration,
        ran: Duration,
        kept: Duration,
    ) {
        // Processor time does not shrink: processes that nobody waited for are forgotten.
        let ran = ran.max(self.ran);
        time.scheduled(passed, ran - self.ran, kept.saturating_sub(self.kept));
        (self.asked_at, self.ran, self.kept) = (Instant::now(), ran, kept);
    }
}
