//! A server that ends when somebody leaves: with its last client only, or whoever else is there.

use std::collections::BTreeSet;

use super::charge::{Charge, charge, leaving_at_end};
use crate::conformance::conversation::room::Departure;
use crate::conformance::evidence::Evidence;
use crate::conformance::suite::id;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::Transcript;

/// What the runs of all transcripts show about such ends.
#[derive(Debug)]
pub(super) struct Ends<'t> {
    table: &'t Table,
    /// The ways to leave after which the program ended although others stayed.
    despite_others: BTreeSet<Departure>,
}

impl<'t> Ends<'t> {
    /// What these runs show.
    pub(super) fn of<'e>(
        replayed: impl Iterator<Item = (&'e Transcript, &'e [Evidence])>,
        table: &'t Table,
    ) -> Ends<'t> {
        let leavings = replayed.flat_map(|(transcript, runs)| {
            let at_ends = runs
                .iter()
                .filter_map(|run| leaving_at_end(transcript, run));
            at_ends.collect::<Vec<_>>()
        });
        let despite_others = leavings.filter(|leaving| !leaving.is_last);
        Ends {
            table,
            despite_others: despite_others.map(|leaving| leaving.how).collect(),
        }
    }

    /// What a run is charged to. A program that ends with its last client does not keep serving, unless it also ends
    /// where others stay: then it does not get over a client that leaves in this way.
    pub(super) fn charge(&self, transcript: &Transcript, run: &Evidence) -> Option<Charge> {
        let ends_with_last = leaving_at_end(transcript, run)
            .is_some_and(|leaving| leaving.is_last && !self.despite_others.contains(&leaving.how));
        if ends_with_last && self.table.has(id::S_RUN_1) {
            return Some(Charge::of(id::S_RUN_1));
        }
        charge(transcript, run, self.table)
    }
}
