//! In which situations the transcripts ask for each requirement.
//!
//! A requirement can hold in one situation and break in another: a server that never echoes among three may echo to a
//! client that is alone. A situation is recognised in the steps of a transcript, so the list is true by construction.

mod client;
mod server;
pub mod situation;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::conformance::suite::Case;
use crate::conformance::suite::situations::situation::{Axis, Situation};
use crate::transcript::syntax::{Role, Transcript};

/// The situations that a transcript has; those about a pair have none.
pub fn situations(transcript: &Transcript) -> BTreeSet<Situation> {
    match transcript.role {
        Role::Server => server::situations(&transcript.steps),
        Role::Client => client::situations(&transcript.steps),
        Role::Pair => BTreeSet::new(),
    }
}

/// The situations in which a requirement is asked by these transcripts, axis by axis.
pub fn asked(id: &str, cases: &[Case]) -> BTreeMap<Axis, BTreeSet<Situation>> {
    let mut by_axis: BTreeMap<Axis, BTreeSet<Situation>> = BTreeMap::new();
    let covers = |case: &&Case| case.transcript.covers.iter().any(|covered| covered == id);
    for case in cases.iter().filter(covers) {
        for situation in situations(&case.transcript) {
            by_axis
                .entry(situation.axis())
                .or_default()
                .insert(situation);
        }
    }
    by_axis
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::suite::Suite;

    #[test]
    fn the_suite_has_every_situation() {
        let suite = Suite::embedded().expect("the suite is right");
        let cases = suite.cases.iter();
        let seen: BTreeSet<Situation> = cases
            .flat_map(|case| situations(&case.transcript))
            .collect();
        let missing: Vec<&Situation> = Situation::ALL
            .iter()
            .filter(|situation| !seen.contains(situation))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
