//! What the transcripts about each requirement say of it, taken together.

use std::collections::{BTreeMap, BTreeSet};

use super::runs::{Finding, Judgement, Shape, Stop, circumstances_after};
use crate::conformance::suite::Case;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::Transcript;

/// The counts of all requirements.
#[derive(Debug)]
pub(super) struct Tally<'t> {
    table: &'t Table,
    records: BTreeMap<String, Record>,
    /// In how many transcripts failed runs are charged to a requirement while other runs pass.
    mixtures: BTreeMap<String, usize>,
    /// The requirements of transcripts on which the runs disagree, or in which the harness could not do its part.
    undecided: BTreeSet<String>,
}

/// How often a requirement passed and failed in transcripts of its own.
#[derive(Debug, Default)]
struct Record {
    passed: usize,
    failed: usize,
    shapes: BTreeSet<Shape>,
    /// The circumstances of each pass, of each failure, and of each stop that is charged to it, whoever is to blame.
    passed_after: Vec<Vec<&'static str>>,
    failed_after: Vec<Vec<&'static str>>,
    stopped_after: Vec<Vec<&'static str>>,
}

impl Tally<'_> {
    pub(super) fn new(table: &Table) -> Tally<'_> {
        Tally {
            table,
            records: BTreeMap::new(),
            mixtures: BTreeMap::new(),
            undecided: BTreeSet::new(),
        }
    }

    pub(super) fn count(&mut self, case: &Case, finding: &Finding, judgement: Option<&Judgement>) {
        if *finding == Finding::Unsure {
            self.undecided
                .extend(case.transcript.covers.iter().cloned());
        }
        for id in &case.transcript.covers {
            let record = self.records.entry(id.clone()).or_default();
            match judgement {
                Some(Judgement::Passes) => {
                    let transcript = &case.transcript;
                    let after = circumstances_after(&transcript.steps, transcript.role);
                    record.passed_after.push(after);
                    record.passed += 1;
                }
                Some(Judgement::Fails(failing)) if failing == id => {
                    record.failed += 1;
                    if let Finding::Stopped(stop) = finding {
                        record.shapes.insert(stop.shape);
                        record.failed_after.push(stop.circumstances.clone());
                    }
                }
                _ => {}
            }
        }
    }

    /// Counts a transcript whose runs disagree, for each requirement that a failed run is charged to.
    pub(super) fn count_mixture(&mut self, ids: BTreeSet<String>) {
        for id in ids {
            *self.mixtures.entry(id).or_default() += 1;
        }
    }

    /// Whether any transcript is about the requirement.
    pub(super) fn asks_about(&self, id: &str) -> bool {
        self.records.contains_key(id)
    }

    /// Whether a requirement is the reason for a failure of this shape: where it was judged and never passed, mostly
    /// fails, or fails in a shape that explains this one.
    pub(super) fn blames(&self, id: &str, shape: Shape) -> bool {
        self.records.get(id).is_some_and(|record| {
            let fails_mostly = record.failed >= record.passed && !self.is_open(id);
            let only_by_letters = self.table.is_to_the_letter(id) && record.failed > 0;
            let explains = |seen: &Shape| seen.explains(shape);
            record.shapes.iter().any(explains) || fails_mostly && !only_by_letters
        })
    }

    /// Counts a transcript that stopped over a requirement of its own.
    pub(super) fn count_stop(&mut self, case: &Case, stop: &Stop) {
        let covers = &case.transcript.covers;
        let charged = stop.charge.as_ref().map(|charge| &charge.requirement);
        let own = charged.or(covers.first()).filter(|id| covers.contains(id));
        if let Some(id) = own {
            let record = self.records.entry(id.clone()).or_default();
            record.stopped_after.push(stop.circumstances.clone());
        }
    }

    /// Whether a requirement passes without this circumstance, and stops transcripts only with it.
    pub(super) fn fails_only_after(&self, id: &str, circumstance: &str) -> bool {
        self.records.get(id).is_some_and(|record| {
            let came_before = |before: &Vec<&str>| before.contains(&circumstance);
            !record.passed_after.iter().all(came_before)
                && record.stopped_after.iter().all(came_before)
        })
    }

    /// Whether a requirement fails where it is a circumstance: something went wrong after somebody vanished, and not
    /// only while it did.
    fn fails_after_itself(&self, id: &str) -> bool {
        let record = self.records.get(id);
        record.is_some_and(|record| {
            record
                .failed_after
                .iter()
                .any(|before| before.contains(&id))
        })
    }

    /// Those of a transcript's circumstances that are known to go wrong, without those that it is about.
    pub(super) fn known_to_go_wrong<'c>(
        &'c self,
        circumstances: &'c [&'static str],
        transcript: &'c Transcript,
    ) -> impl Iterator<Item = &'static str> + 'c {
        let circumstances = circumstances.iter().copied();
        circumstances.filter(|id| self.fails_after_itself(id) && !transcript.covers_any(&[id]))
    }

    /// Whether nothing is known of a requirement, because its transcripts came to no result.
    pub(super) fn is_open(&self, id: &str) -> bool {
        let is_unknown = |record: &Record| record.passed + record.failed == 0;
        self.is_undecided(id) && self.records.get(id).is_none_or(is_unknown)
    }

    /// Whether a requirement mostly fails, in whatever shape.
    pub(super) fn mostly_fails(&self, id: &str) -> bool {
        let record = self.records.get(id);
        record.is_some_and(|record| record.failed > 0 && record.failed >= record.passed)
    }

    /// Whether a requirement fails now and then; once may be a hiccup.
    pub(super) fn is_racy(&self, id: &str) -> bool {
        self.mixtures.get(id).is_some_and(|mixtures| *mixtures > 1)
    }

    /// Whether a transcript about the requirement came to no result.
    pub(super) fn is_undecided(&self, id: &str) -> bool {
        self.undecided.contains(id)
    }

    pub(super) fn has_failed(&self, id: &str) -> bool {
        self.records.get(id).is_some_and(|record| record.failed > 0)
    }
}
