//! What all replays of a run have seen to work and to fail, so that one hang is not waited for a hundred times.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::conformance::evidence::topic::Topic;

/// Counts by topic.
#[derive(Debug, Default)]
pub struct Ledger {
    counts: Mutex<BTreeMap<Topic, Counts>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    held: u32,
    fell_short: u32,
}

impl Ledger {
    /// This many failures without one success are taken for certain.
    const CERTAIN: u32 = 3;

    /// A step about this topic worked.
    pub fn held(&self, topic: Topic) {
        self.count(topic, |counts| counts.held += 1);
    }

    /// A step about this topic failed.
    pub fn fell_short(&self, topic: Topic) {
        self.count(topic, |counts| counts.fell_short += 1);
    }

    fn count(&self, topic: Topic, change: impl FnOnce(&mut Counts)) {
        if let Ok(mut counts) = self.counts.lock() {
            change(counts.entry(topic).or_default());
        }
    }

    /// Whether a step about this topic has never worked and has failed often enough.
    pub fn is_known_to_fail(&self, topic: Topic) -> bool {
        let counts = self.counts_of(topic);
        counts.held == 0 && counts.fell_short >= Ledger::CERTAIN
    }

    /// Whether a step about this topic has ever worked.
    pub fn has_held(&self, topic: Topic) -> bool {
        self.counts_of(topic).held > 0
    }

    fn counts_of(&self, topic: Topic) -> Counts {
        let counts = self.counts.lock();
        let counts = counts.ok().and_then(|counts| counts.get(&topic).copied());
        counts.unwrap_or_default()
    }
}
