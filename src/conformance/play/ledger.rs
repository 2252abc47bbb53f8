//! What all replays of a run have seen to work and to fail, so that one hang is not waited for a hundred times.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Counts by requirement id.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: Mutex<BTreeMap<String, Counts>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    held: u32,
    fell_short: u32,
}

impl Ledger {
    /// As many failures without one success are taken for certain.
    const CERTAIN: u32 = 3;

    pub(super) fn held(&self, row: &str) {
        self.count(row, |counts| counts.held += 1);
    }

    pub(super) fn fell_short(&self, row: &str) {
        self.count(row, |counts| counts.fell_short += 1);
    }

    fn count(&self, row: &str, change: impl FnOnce(&mut Counts)) {
        if let Ok(mut counts) = self.counts.lock() {
            change(counts.entry(row.to_owned()).or_default());
        }
    }

    /// Whether a step that speaks of `row` has never worked and failed often enough.
    pub fn is_known_to_fail(&self, row: &str) -> bool {
        let counts = self.counts_of(row);
        counts.held == 0 && counts.fell_short >= Ledger::CERTAIN
    }

    fn counts_of(&self, row: &str) -> Counts {
        let counts = self.counts.lock();
        counts
            .ok()
            .and_then(|counts| counts.get(row).copied())
            .unwrap_or_default()
    }
}
