//! The result of judging one program. Reports read this and nothing else.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::conformance::evidence::Evidence;
use crate::conformance::evidence::time_limit::TimeLimit;
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::transcript::syntax::Role;

/// What is known about a transcript or a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It cannot be tested, because another requirement fails.
    Blocked,
    /// Unknown: runs disagree, or the harness could not do its part.
    Unsure,
    /// It does not apply to a program that speaks this dialect, and does not count.
    #[serde(rename = "not_applicable")]
    NotApplicable,
    /// No transcript of it was run.
    Untested,
}

impl Verdict {
    /// Whether it costs no points, so that it must not be given while a transcript of the requirement was not replayed.
    pub fn can_be_withheld(self) -> bool {
        matches!(self, Verdict::Pass | Verdict::NotApplicable)
    }

    /// Whether the requirement was tested and counts.
    pub fn is_judgement(self) -> bool {
        !matches!(self, Verdict::NotApplicable | Verdict::Untested)
    }
}

/// The result of judging one program.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// Whether a server or a client was judged.
    pub role: Role,
    /// Program and arguments, or the address of a running server.
    pub command: Vec<String>,
    /// How the program speaks, its dialect included.
    pub profile: Profile,
    /// What the probe found out and the replays take into account, a sentence each.
    pub remarks: Vec<String>,
    /// Every requirement that was asked for, in the table's order.
    pub requirements: Vec<RequirementResult>,
    /// Every transcript that was run, in the suite's order.
    pub transcripts: Vec<TranscriptResult>,
    /// Wall time of all replays, in seconds.
    pub seconds: f64,
    /// Set where the program's time ran out before every transcript was replayed.
    pub time_limit: Option<TimeLimit>,
}

/// A requirement neither passes nor is found not to apply while one of its transcripts is still to be replayed:
/// it is untested.
pub fn withhold_passes(limit: &TimeLimit, requirements: &mut [RequirementResult]) {
    for requirement in requirements {
        let is_missing = |name: &String| limit.not_replayed.contains(name);
        if requirement.verdict.can_be_withheld() && requirement.transcripts.iter().any(is_missing) {
            requirement.verdict = Verdict::Untested;
        }
    }
}

/// The verdict on one requirement.
#[derive(Debug, Clone)]
pub struct RequirementResult {
    /// The requirement.
    pub requirement: Requirement,
    /// Pass when each of its transcripts passes, or some do and the others are blocked; fail when one fails it.
    pub verdict: Verdict,
    /// Names of the transcripts that judge it.
    pub transcripts: Vec<String>,
    /// Ids of the requirements whose failure blocks it, or some of the transcripts of one that passes.
    pub blocked_by: Vec<String>,
}

/// How much of a requirement that passes could be tested, where other requirements block some of its transcripts.
/// It displays as a phrase, such as "passes in 3 of 4 transcripts; 1 blocked by S-MSG-1".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialPass<'r> {
    /// Number of its transcripts that pass.
    pub passed: usize,
    /// Number of its transcripts that are blocked.
    pub blocked: usize,
    /// Ids of the requirements that block them.
    pub blocked_by: &'r [String],
}

impl fmt::Display for PartialPass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "passes in {} of {} transcripts; {} blocked by {}",
            self.passed,
            self.passed + self.blocked,
            self.blocked,
            self.blocked_by.join(", ")
        )
    }
}

/// The verdict on one transcript.
#[derive(Debug, Clone)]
pub struct TranscriptResult {
    /// The transcript.
    pub case: Case,
    /// The verdict.
    pub verdict: Verdict,
    /// Ids of the requirements that it covers and fails.
    pub fails: Vec<String>,
    /// Id of the requirement whose failure blocks it, or some of the requirements that it covers.
    pub blocked_by: Option<String>,
    /// What was seen in each run; the first run that did not pass is the one to show.
    pub runs: Vec<Evidence>,
}

impl TranscriptResult {
    /// The run that a report shows: the first that did not pass, or the last.
    pub fn telling_run(&self) -> Option<&Evidence> {
        use crate::conformance::evidence::Outcome;
        let fell_short = |run: &&Evidence| run.outcome != Outcome::Completed;
        self.runs.iter().find(fell_short).or(self.runs.last())
    }

    /// How much there is to read of it: the number of its steps, then of the actors in them. Of several failures a
    /// report shows the shortest.
    pub fn length(&self) -> (usize, usize) {
        let steps = &self.case.transcript.steps;
        let actors = steps.iter().filter_map(|step| step.action.actor());
        (steps.len(), actors.collect::<BTreeSet<&str>>().len())
    }

    /// How many of its runs passed.
    pub fn runs_passed(&self) -> usize {
        use crate::conformance::evidence::Outcome;
        let passed = |run: &&Evidence| run.outcome == Outcome::Completed;
        self.runs.iter().filter(passed).count()
    }
}

impl RunResult {
    /// Whether every requirement that counts (must and implied) passes. Untested ones are left out, unless the
    /// time limit is the reason.
    pub fn holds(&self) -> bool {
        let mut counted = self
            .requirements
            .iter()
            .filter(|requirement| requirement.requirement.level != Level::Hardening);
        counted.all(|requirement| match requirement.verdict {
            Verdict::Pass => true,
            Verdict::Untested => !self.is_cut_short(requirement),
            verdict => !verdict.is_judgement(),
        })
    }

    /// How much of a requirement could be tested, if it passes although some of its transcripts are blocked.
    pub fn partial_pass<'r>(&self, row: &'r RequirementResult) -> Option<PartialPass<'r>> {
        if row.verdict != Verdict::Pass || row.blocked_by.is_empty() {
            return None;
        }
        let number = |verdict: Verdict| {
            let of_row = self.transcripts.iter().filter(|judged| {
                judged.verdict == verdict && row.transcripts.contains(&judged.case.name)
            });
            of_row.count()
        };
        Some(PartialPass {
            passed: number(Verdict::Pass),
            blocked: number(Verdict::Blocked),
            blocked_by: &row.blocked_by,
        })
    }

    /// Whether the time limit kept one of the requirement's transcripts from being replayed.
    pub fn is_cut_short(&self, requirement: &RequirementResult) -> bool {
        let limit = self.time_limit.as_ref();
        let is_missing =
            |name: &String| limit.is_some_and(|limit| limit.not_replayed.contains(name));
        requirement.transcripts.iter().any(is_missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::time_limit::UsedUpBy;

    fn requirement() -> Requirement {
        Requirement {
            id: "S-MSG-1".to_owned(),
            level: Level::Must,
            group: "Messages".to_owned(),
            sentence: "Messages are relayed.".to_owned(),
            assignment: Vec::new(),
            reason: None,
            failing: None,
            fix: "Relay them.".to_owned(),
            rests_on: Vec::new(),
            wording_of: None,
            alone: Vec::new(),
            to_the_letter: false,
        }
    }

    #[test]
    fn what_the_time_limit_cut_short_does_not_pass() {
        let requirement = |verdict, transcripts: &[&str]| RequirementResult {
            requirement: requirement(),
            verdict,
            transcripts: transcripts.iter().map(|name| (*name).to_owned()).collect(),
            blocked_by: Vec::new(),
        };
        let limit = TimeLimit {
            seconds: 180.0,
            used_up_by: UsedUpBy::Program,
            not_replayed: vec!["late".to_owned()],
        };
        let mut requirements = [
            requirement(Verdict::Pass, &["early"]),
            requirement(Verdict::Pass, &["early", "late"]),
            requirement(Verdict::Fail, &["early", "late"]),
            requirement(Verdict::NotApplicable, &["early"]),
            requirement(Verdict::NotApplicable, &["early", "late"]),
        ];
        withhold_passes(&limit, &mut requirements);
        let verdicts = requirements.map(|requirement| requirement.verdict);
        let expected = [
            Verdict::Pass,
            Verdict::Untested,
            Verdict::Fail,
            Verdict::NotApplicable,
            Verdict::Untested,
        ];
        assert_eq!(verdicts, expected);
        assert_eq!(
            limit.to_string(),
            "Time limit: this program was given 180 s; 1 transcript was not replayed."
        );
    }
}
