//! What is said of one submission: judged and scored. Reports on submissions read this and nothing else.

use super::assessed_part::{AssessedPart, Unjudged};
use super::record::{Part, PartOutcome, Record};
use super::rubric::Rubric;
use super::score::{Score, score};
use crate::conformance::requirement::{Level, Requirement};
use crate::conformance::result::{RequirementResult, RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::Suite;
use crate::conformance::target::takes_every_address;
use crate::conformance::verdict::verdicts;
use crate::transcript::syntax::Role;

/// One submission, judged and scored.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The submission's name.
    pub submission: String,
    /// The server and the client, in this order; one alone where only that was asked for.
    pub parts: Vec<AssessedPart>,
    /// The points, and why.
    pub score: Score,
}

impl Assessment {
    /// Judged parts with their score.
    pub fn of(
        submission: String,
        parts: Vec<AssessedPart>,
        rows: &[Requirement],
        rubric: &Rubric,
    ) -> Assessment {
        let score = score(&parts, rows, rubric);
        Assessment {
            submission,
            parts,
            score,
        }
    }

    /// Drops what was said in each run: what is told of a class does not need it, and it is most of all.
    pub fn forget_conversations(&mut self) {
        let parts = self.parts.iter_mut();
        for result in parts.filter_map(|part| part.result.as_mut().ok()) {
            let runs = result
                .transcripts
                .iter_mut()
                .flat_map(|judged| &mut judged.runs);
            for run in runs {
                run.events = Vec::new();
            }
        }
    }

    /// Adds a reason why somebody should look before the mark is given out.
    pub fn doubt(&mut self, reason: String) {
        self.score.doubts.push(reason);
    }

    /// The part of this role.
    pub fn part(&self, role: Role) -> Option<&AssessedPart> {
        self.parts.iter().find(|part| part.role == role)
    }
}

/// Judges and scores what was recorded: a pure function, so that it can be repeated with another rubric.
pub fn assess(record: Record, suite: &Suite, rubric: &Rubric) -> Assessment {
    let parts = record
        .parts
        .into_iter()
        .map(|part| assessed(part, suite))
        .collect();
    let mut assessment = Assessment::of(record.submission, parts, &suite.requirements, rubric);
    if record.is_doubtful {
        let doubt =
            "The bundled reference did not get full marks about the time at which it was judged.";
        assessment.doubt(doubt.to_owned());
    }
    assessment
}

fn assessed(part: Part, suite: &Suite) -> AssessedPart {
    let unjudged = |reason: String, output: String, is_its_own_fault: bool| {
        Err(Unjudged {
            reason,
            output,
            is_its_own_fault,
        })
    };
    let mut ruled_out = Vec::new();
    let result = match part.outcome {
        PartOutcome::NotFound { reason } => unjudged(reason, String::new(), true),
        PartOutcome::NotJudged { reason } => unjudged(reason, String::new(), false),
        PartOutcome::NotBuilt { reason, output, .. } => unjudged(reason, output, true),
        PartOutcome::Judged {
            manner,
            remarks,
            own_command,
            mut runs,
            seconds,
            time_limit,
        } => {
            let asked = suite.asked_of(part.role, Level::Hardening, None);
            let replayed = asked.cases.into_iter().map(|case| {
                let seen = runs.remove(&case.name).unwrap_or_default();
                (case, seen)
            });
            let (mut requirements, transcripts) = verdicts(asked.requirements, replayed.collect());
            if own_command {
                ruled_out = withhold(&part.command, &mut requirements, &transcripts);
            }
            if let Some(limit) = &time_limit {
                limit.withhold_passes(&mut requirements);
            }
            Ok(RunResult {
                role: part.role,
                command: part.command.clone(),
                manner,
                remarks,
                requirements,
                transcripts,
                seconds,
                time_limit,
            })
        }
    };
    AssessedPart {
        role: part.role,
        command: part.command,
        ruled_out,
        result,
    }
}

/// The transcripts whose addresses the command cannot be given. A requirement with such a transcript is untested,
/// even if its other transcripts pass: no command may choose what is asked.
fn withhold(
    command: &[String],
    requirements: &mut [RequirementResult],
    transcripts: &[TranscriptResult],
) -> Vec<String> {
    let is_ruled_out = |judged: &&TranscriptResult| {
        judged.verdict == Verdict::Untested
            && !takes_every_address(command, &judged.case.transcript)
    };
    let ruled_out: Vec<String> = transcripts
        .iter()
        .filter(is_ruled_out)
        .map(|judged| judged.case.name.clone())
        .collect();
    for row in requirements {
        let is_one = row.transcripts.iter().any(|name| ruled_out.contains(name));
        if row.verdict == Verdict::Pass && is_one {
            row.verdict = Verdict::Untested;
        }
    }
    ruled_out
}
