//! One submission, judged and scored. Reports on submissions read this and nothing else.

use super::assessed_part::{AssessedPart, Unjudged};
use super::hand_marks::HandMark;
use super::lateness::HandedIn;
use super::record::{Part, PartOutcome, Record};
use super::rubric::Rubric;
use super::score::{Besides, Score, score};
use super::together::differences;
use crate::classroom::people::Student;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::program::ProgramEvidence;
use crate::conformance::judge::result::{RunResult, Verdict};
use crate::conformance::program::target::takes_every_address;
use crate::conformance::suite::Suite;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::transcript::syntax::Role;

/// One submission, judged and scored.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// The submission's name.
    pub submission: String,
    /// The server and the client, in this order; only one of them if only one was judged.
    pub parts: Vec<AssessedPart>,
    /// The points, with reasons.
    pub score: Score,
    /// Who handed it in, if that is known.
    pub student: Option<Student>,
}

/// What is known about a submission besides its evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// Who handed it in.
    pub student: Option<Student>,
    /// The marks that a person gave.
    pub by_hand: Vec<HandMark>,
}

impl Assessment {
    /// Scores judged parts.
    pub fn of(
        submission: String,
        parts: Vec<AssessedPart>,
        requirements: &[Requirement],
        rubric: &Rubric,
    ) -> Assessment {
        Assessment::about(submission, parts, requirements, rubric, About::default())
    }

    fn about(
        submission: String,
        parts: Vec<AssessedPart>,
        requirements: &[Requirement],
        rubric: &Rubric,
        About { student, by_hand }: About,
    ) -> Assessment {
        let handed_in = student.as_ref().map(|student| HandedIn {
            at: student.handed_in,
            is_late: student.is_late,
        });
        let besides = Besides {
            by_hand,
            handed_in: handed_in.unwrap_or_default(),
        };
        Assessment {
            score: score(&parts, requirements, rubric, &besides),
            submission,
            parts,
            student,
        }
    }

    /// Drops the events of every run. Reports on a class do not need them, and they use most of the memory.
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

    /// Adds a reason why somebody should check the mark.
    pub fn doubt(&mut self, reason: String) {
        self.score.doubts.push(reason);
    }

    /// The part of this role.
    pub fn part(&self, role: Role) -> Option<&AssessedPart> {
        self.parts.iter().find(|part| part.role == role)
    }
}

/// Checks that a record fits the suite. A record comes from a file, which somebody may have changed.
///
/// # Errors
/// What does not fit, in a sentence.
pub fn check(record: &Record, suite: &Suite) -> Result<(), String> {
    for part in &record.parts {
        let PartOutcome::Judged { runs, .. } = &part.outcome else {
            continue;
        };
        for case in suite.asked_of(part.role, Level::Hardening, None).cases {
            let seen = runs.get(&case.name).into_iter().flatten();
            let steps = case.transcript.steps.len();
            if let Some(step) = seen.filter_map(last_step).max().filter(|at| *at >= steps) {
                return Err(format!(
                    "is damaged: it mentions step {step} of {}, which has {steps} steps, counted from 0",
                    case.name
                ));
            }
        }
    }
    Ok(())
}

/// The last step that a run mentions.
fn last_step(run: &Evidence) -> Option<usize> {
    let stopped_at = match &run.outcome {
        Outcome::FellShort(shortfall) => Some(shortfall.step),
        _ => None,
    };
    let steps = run.events.iter().filter_map(|event| event.step);
    steps.chain(stopped_at).max()
}

/// Judges and scores a record. The result depends on the arguments alone, so stored evidence can be judged again
/// after a rule or the rubric has changed.
pub fn assess(record: Record, suite: &Suite, rubric: &Rubric) -> Assessment {
    assess_about(record, suite, rubric, About::default())
}

/// As [`assess`], with what else is known about the submission.
pub fn assess_about(record: Record, suite: &Suite, rubric: &Rubric, about: About) -> Assessment {
    let parts = record.parts.into_iter().map(|part| assessed(part, suite));
    let mut parts: Vec<AssessedPart> = parts.collect();
    let differences = differences(&parts);
    let pair = parts.iter_mut().find(|part| part.role == Role::Pair);
    if let Some(Ok(result)) = pair.map(|pair| pair.result.as_mut()) {
        result.remarks.extend(differences);
    }
    let requirements = &suite.requirements;
    let mut assessment = Assessment::about(record.submission, parts, requirements, rubric, about);
    if record.is_doubtful {
        let doubt = "The bundled reference did not get full marks at about the same time, so this machine may not have been reliable.";
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
            profile,
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
            let evidence = ProgramEvidence {
                role: part.role,
                command: part.command.clone(),
                profile,
                remarks,
                replayed: replayed.collect(),
                seconds,
                time_limit,
            };
            let mut result = evidence.judged(asked.requirements, &asked.table);
            if own_command {
                ruled_out = withhold(&mut result);
            }
            Ok(result)
        }
    };
    AssessedPart {
        role: part.role,
        command: part.command,
        ruled_out,
        result,
    }
}

/// The transcripts that use addresses which the command cannot express. A requirement with such a transcript becomes
/// untested, even if its other transcripts pass or do not apply: no command may choose which requirements are tested.
fn withhold(result: &mut RunResult) -> Vec<String> {
    let untested = result
        .transcripts
        .iter()
        .filter(|judged| judged.verdict == Verdict::Untested);
    let ruled_out: Vec<String> = untested
        .filter(|judged| !takes_every_address(&result.command, &judged.case.transcript))
        .map(|judged| judged.case.name.clone())
        .collect();
    for requirement in &mut result.requirements {
        let mut transcripts = requirement.transcripts.iter();
        let has_one = transcripts.any(|name| ruled_out.contains(name));
        if requirement.verdict.can_be_withheld() && has_one {
            requirement.verdict = Verdict::Untested;
        }
    }
    ruled_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::shortfall::{Expected, Got, Shortfall};
    use crate::conformance::evidence::{Event, EventKind};
    use crate::conformance::program::profile::Profile;
    use crate::grading::record::SCHEMA;

    fn record(suite: &Suite, step: usize, event_step: usize) -> Record {
        let asked = suite.asked_of(Role::Server, Level::Hardening, None);
        let run = Evidence {
            events: vec![Event {
                at: 0.0,
                step: Some(event_step),
                of: None,
                kind: EventKind::Ended { how: String::new() },
            }],
            outcome: Outcome::FellShort(Shortfall {
                step,
                expected: Expected::Ends,
                got: Got::EndUnknown,
                ended: None,
                present: Vec::new(),
                who_ended: None,
                waited_for_enter: false,
            }),
            seconds: 0.0,
        };
        Record {
            schema: SCHEMA.to_owned(),
            submission: "ann".to_owned(),
            digest: String::new(),
            suite: suite.digest(),
            parts: vec![Part {
                role: Role::Server,
                command: Vec::new(),
                outcome: PartOutcome::Judged {
                    profile: Profile::PLAIN,
                    remarks: Vec::new(),
                    own_command: false,
                    runs: [(asked.cases[0].name.clone(), vec![run; 3])].into(),
                    seconds: 0.0,
                    time_limit: None,
                },
            }],
            is_doubtful: false,
        }
    }

    #[test]
    fn evidence_with_steps_beyond_its_transcript_is_an_error() {
        let suite = Suite::embedded().expect("is right");
        assert_eq!(check(&record(&suite, 0, 0), &suite), Ok(()));
        for (step, event_step) in [(1_000, 0), (0, 1_000), (usize::MAX, usize::MAX)] {
            let why = check(&record(&suite, step, event_step), &suite).expect_err("is broken");
            assert!(why.starts_with("is damaged: it mentions step"), "{why}");
            // Nor does it make the harness panic.
            let rubric = Rubric::built_in(&suite.requirements).expect("is right");
            assess(record(&suite, step, event_step), &suite, &rubric);
        }
    }

    #[test]
    fn runs_that_disagree_are_not_unanimous() {
        let suite = Suite::embedded().expect("is right");
        let mut record = record(&suite, 0, 0);
        assert!(record.is_unanimous());
        let PartOutcome::Judged { runs, .. } = &mut record.parts[0].outcome else {
            panic!("it is judged");
        };
        let one = runs.values_mut().next().and_then(|runs| runs.first_mut());
        one.expect("was run").outcome = Outcome::Completed;
        assert!(!record.is_unanimous());
    }

    #[test]
    fn a_command_that_rules_a_transcript_out_leaves_its_requirements_untested() {
        let suite = Suite::embedded().expect("is right");
        let asked = suite.asked_of(Role::Client, Level::Hardening, None);
        let replayed = asked.cases.into_iter().map(|case| (case, Vec::new()));
        let evidence = ProgramEvidence {
            role: Role::Client,
            command: ["client", "{host}", "{port}"].map(str::to_owned).into(),
            profile: Profile::PLAIN,
            remarks: Vec::new(),
            replayed: replayed.collect(),
            seconds: 0.0,
            time_limit: None,
        };
        let mut result = evidence.judged(asked.requirements, &asked.table);
        for requirement in &mut result.requirements {
            requirement.verdict = Verdict::NotApplicable;
        }
        let ruled_out = withhold(&mut result);
        assert!(!ruled_out.is_empty());
        for requirement in result.requirements {
            let mut transcripts = requirement.transcripts.iter();
            let expected = match transcripts.any(|name| ruled_out.contains(name)) {
                true => Verdict::Untested,
                false => Verdict::NotApplicable,
            };
            let id = &requirement.requirement.id;
            assert_eq!(requirement.verdict, expected, "{id}");
        }
    }
}
