//! Whether a transcript that stopped fails itself or is blocked by another requirement.

use super::charge::Charge;
use super::runs::{Judgement, MOST_RUNS, Stop};
use super::tally::Tally;
use crate::conformance::suite::{Case, id};

/// Which requirement a stop belongs to, in the light of all transcripts.
pub(super) fn blame(stop: &Stop, tally: &Tally<'_>, case: &Case) -> Judgement {
    let covers = &case.transcript.covers;
    // Somebody left before, or a line came in parts, and that is known to go wrong.
    let known = tally.known_to_go_wrong(&stop.circumstances, &case.transcript);
    let known: Vec<&str> = known.collect();
    let blocked_by = |id: &str| Judgement::BlockedBy(id.to_owned());
    let circumstance = || known.first().map(|id| blocked_by(id));
    let Some(Charge {
        requirement,
        rests_on,
    }) = &stop.charge
    else {
        return circumstance().unwrap_or_else(|| Judgement::Fails(covers[0].clone()));
    };
    // A server that drops or forgets some clients beside others may still refuse as it should.
    let is_of_many = rests_on.as_deref() == Some(id::S_CONC_1);
    let is_ground = |id: &&String| match is_of_many {
        true => tally.mostly_fails(id),
        false => tally.blames(id, stop.shape),
    };
    if let Some(ground) = rests_on.as_ref().filter(is_ground) {
        return Judgement::BlockedBy(ground.clone());
    }
    if !is_of_many && rests_on.as_ref().is_some_and(|id| tally.is_undecided(id)) {
        return Judgement::Unsure;
    }
    if covers.contains(requirement) {
        let mut explains = known.iter();
        let explains = explains.find(|id| tally.fails_only_after(requirement, id));
        let other = circumstance().filter(|_| stop.had_ended || is_of_many);
        let other = explains.map(|id| blocked_by(id)).or(other);
        return other.unwrap_or_else(|| Judgement::Fails(requirement.clone()));
    }
    if !tally.asks_about(requirement) || tally.blames(requirement, stop.shape) {
        return Judgement::BlockedBy(requirement.clone());
    }
    if let Some(blocked) = circumstance() {
        return blocked;
    }
    // The requirement holds where it is asked about. Where it fails now and then it may have done so here,
    // and where this was not seen often enough nothing was seen of the transcript's own requirement.
    let is_seen_often = stop.agreed && stop.runs >= MOST_RUNS && !stop.was_skipped;
    if tally.is_racy(requirement) || tally.is_open(requirement) || !is_seen_often {
        return Judgement::Unsure;
    }
    // Of several requirements of its own it is the one that was asked about last.
    let asked_last = stop
        .circumstances
        .iter()
        .find_map(|id| covers.iter().find(|own| own == id));
    Judgement::Fails(asked_last.unwrap_or(&covers[0]).clone())
}
