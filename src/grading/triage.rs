//! Finds submissions that fail in the same way: each failure gets a fingerprint, and equal fingerprints form a
//! cluster.

use std::collections::BTreeMap;

use super::assessed_part::AssessedPart;
use super::assessment::Assessment;
use crate::conformance::evidence::shape::Shape;
use crate::conformance::evidence::shortfall::Got;
use crate::conformance::evidence::{Event, EventKind, Outcome};
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Requirement;
use crate::transcript::syntax::Role;

/// What equal failures have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint {
    /// Server or client.
    pub role: Role,
    /// Id of the requirement that fails.
    pub requirement: String,
    /// The first transcript that fails it.
    pub transcript: String,
    /// The line of the transcript that fails, from 1.
    pub line: usize,
    /// What arrived instead.
    pub shape: Shape,
}

/// The shape of a program that ends at its start each time: another fault than one that ends now and then.
const NEVER_STARTS: Shape = Shape::Other("the program ended right after its start, each time");

/// Failures with the same fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Their fingerprint.
    pub fingerprint: Fingerprint,
    /// The requirement that fails.
    pub requirement: Requirement,
    /// Names of the submissions, in the class's order.
    pub submissions: Vec<String>,
}

impl Cluster {
    /// What these programs do, in a sentence: "the server sends a message back to its sender".
    pub fn sentence(&self) -> String {
        let program = match self.fingerprint.role {
            // The words go on: "and its clients".
            Role::Pair => Role::Server,
            role => role,
        };
        if self.fingerprint.shape == NEVER_STARTS {
            return format!("the {program} ends right after its start, whatever is asked of it");
        }
        match &self.requirement.failing {
            Some(failing) => format!("the {program} {failing}"),
            None => format!(
                "not so: {}",
                self.requirement.sentence.trim_end_matches('.')
            ),
        }
    }

    /// The submission to look at first.
    pub fn exemplar(&self) -> &str {
        self.submissions.first().map_or("", String::as_str)
    }
}

/// The clusters of a class, the largest first. Clusters of the same size are in the order of their requirements.
pub fn clusters(class: &[Assessment]) -> Vec<Cluster> {
    let mut found: BTreeMap<Fingerprint, Cluster> = BTreeMap::new();
    for assessment in class {
        for part in &assessment.parts {
            for (fingerprint, requirement) in fingerprints(part) {
                found
                    .entry(fingerprint.clone())
                    .or_insert_with(|| Cluster {
                        fingerprint,
                        requirement: requirement.clone(),
                        submissions: Vec::new(),
                    })
                    .submissions
                    .push(assessment.submission.clone());
            }
        }
    }
    let mut clusters: Vec<Cluster> = found.into_values().collect();
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.submissions.len()));
    clusters
}

/// The fingerprint of the first failure of a requirement, with the requirement.
pub fn fingerprints(part: &AssessedPart) -> Vec<(Fingerprint, &Requirement)> {
    let Ok(result) = &part.result else {
        return Vec::new();
    };
    let requirements = result.requirements.iter().map(|entry| &entry.requirement);
    let found = requirements.filter_map(|requirement| {
        Some((fingerprint(part.role, result, requirement)?, requirement))
    });
    found.collect()
}

fn fingerprint(role: Role, result: &RunResult, requirement: &Requirement) -> Option<Fingerprint> {
    let fails = |judged: &&TranscriptResult| judged.fails.contains(&requirement.id);
    let judged = result.transcripts.iter().find(fails)?;
    let run = judged.telling_run()?;
    let Outcome::FellShort(shortfall) = &run.outcome else {
        return None;
    };
    let step = judged.case.transcript.steps.get(shortfall.step)?;
    let listens = |event: &Event| matches!(event.kind, EventKind::Listening { .. });
    let passes = |judged: &TranscriptResult| judged.verdict == Verdict::Pass;
    let never_starts = matches!(shortfall.got, Got::EndedAtStart { .. })
        && !run.events.iter().any(listens)
        && !result.transcripts.iter().any(passes);
    Some(Fingerprint {
        role,
        requirement: requirement.id.clone(),
        transcript: judged.case.name.clone(),
        line: step.line,
        shape: match never_starts {
            true => NEVER_STARTS,
            false => Shape::of(&shortfall.got),
        },
    })
}
