//! From evidence to verdicts: a pure function, so that grading can be repeated and argued about.
//!
//! One fault is charged once, where it is. A transcript that stops at a step which speaks of a row
//! that it does not cover is blocked by that row, if that row is broken: if at least as many of its
//! own transcripts fail it as pass, or if one of them fails in the same shape. If it holds there, the fault
//! is this transcript's own subject, unless the row was seen to fail now and then: then nobody can tell.

use std::collections::{BTreeMap, BTreeSet};

use crate::conformance::conversation::Utterance;
use crate::conformance::evidence::{EventKind, Evidence, Outcome};
use crate::conformance::judge::result::{RequirementResult, TranscriptResult, Verdict};
use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::Requirement;
use crate::transcript::syntax::{Action, Transcript};

/// A transcript that does not hold is replayed on a fresh process up to so often in all, runs in which
/// the harness could not do its part not counted: a mixture is reported as such, never as a pass.
pub const MOST_RUNS: usize = 3;

/// A transcript with what was seen in each of its runs.
pub type Replayed = (Case, Vec<Evidence>);

/// The verdicts on one subject: on each requirement, and on each transcript.
pub fn verdicts(
    requirements: Vec<Requirement>,
    replayed: Vec<Replayed>,
) -> (Vec<RequirementResult>, Vec<TranscriptResult>) {
    let transcripts = judge(replayed, &requirements);
    (by_requirement(requirements, &transcripts), transcripts)
}

/// Judges transcripts, each in the light of all. `requirements` gives the order in which rows build
/// on each other: what fails first is not blamed on what comes later.
pub fn judge(replayed: Vec<Replayed>, requirements: &[Requirement]) -> Vec<TranscriptResult> {
    let mut tally = Tally::default();
    let mut judged: Vec<Option<Judgement>> = Vec::new();
    for (case, runs) in &replayed {
        let finding = Finding::of(case, runs);
        let judgement = finding.by_itself(case);
        tally.count(case, &finding, judgement.as_ref());
        if finding == Finding::Unsure {
            let rows: BTreeSet<&String> = rows_of_failed(runs).collect();
            for row in rows {
                *tally.mixtures.entry(row.clone()).or_default() += 1;
            }
        }
        judged.push(judgement);
    }
    let rank = |position: &usize| {
        let row = &replayed[*position].0.transcript.covers[0];
        requirements
            .iter()
            .position(|requirement| requirement.id == *row)
    };
    let mut waiting: Vec<usize> = (0..judged.len())
        .filter(|at| judged[*at].is_none())
        .collect();
    waiting.sort_by_key(rank);
    for position in waiting {
        let (case, runs) = &replayed[position];
        let finding = Finding::of(case, runs);
        if let Finding::Stopped(stop) = &finding {
            let judgement = stop.in_the_light_of(&tally, case, runs);
            tally.count(case, &finding, Some(&judgement));
            judged[position] = Some(judgement);
        }
    }
    let judged = judged
        .into_iter()
        .map(|judgement| judgement.unwrap_or(Judgement::Untested));
    replayed
        .into_iter()
        .zip(judged)
        .map(|((case, runs), judgement)| result(case, runs, judgement))
        .collect()
}

/// What the runs of one transcript say by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    Passed,
    Unsure,
    NotRun,
    NotApplicable,
    Stopped(Stop),
}

/// Where every run of a transcript stopped, or the most telling of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stop {
    /// The row that the step speaks of, if of any.
    row: Option<String>,
    /// What that rests on.
    ground: Option<String>,
    shape: Shape,
    /// How many runs there are, and whether all stopped over this row.
    runs: usize,
    agreed: bool,
    /// The rows about the ways in which somebody left before, latest first.
    departures: Vec<&'static str>,
    /// In every run the program had ended before anybody asked it to.
    had_ended: bool,
}

/// What came where something else was to come. Two failures of different shapes are two faults: a server
/// that squeezes the spaces of what it relays is not the reason why something was not relayed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Nothing,
    AnotherLine,
}

impl Finding {
    fn of(case: &Case, runs: &[Evidence]) -> Finding {
        if runs.is_empty() {
            return Finding::NotRun;
        }
        let conclusive: Vec<&Evidence> = runs.iter().filter(|run| run.is_conclusive()).collect();
        let passed = conclusive
            .iter()
            .filter(|run| run.outcome == Outcome::Completed)
            .count();
        let cannot_be_asked = |run: &Evidence| matches!(run.outcome, Outcome::NotApplicable { .. });
        if runs.iter().any(cannot_be_asked) {
            return Finding::NotApplicable;
        }
        if passed == conclusive.len() && passed > 0 {
            return Finding::Passed;
        }
        // In one run the harness could do its part, and in another not: too little to blame anybody for.
        let was_hindered = conclusive.len() < runs.len() && conclusive.len() < MOST_RUNS;
        if passed > 0 || was_hindered {
            return Finding::Unsure;
        }
        let is_own = |row: &String| case.transcript.covers.contains(row);
        let is_foreign = |run: &&&Evidence| row_of(run).is_some_and(|row| !is_own(row));
        // Where runs stopped at different rows, one that is not the transcript's own came in its way.
        let telling = conclusive.iter().find(is_foreign);
        let telling = telling.or(conclusive.iter().find(|run| row_of(run).is_some()));
        let telling = telling.copied();
        let agree = |run: &&Evidence| row_of(run) == telling.and_then(row_of);
        Finding::Stopped(Stop {
            departures: departures_before(&case.transcript, runs).collect(),
            had_ended: conclusive
                .iter()
                .all(|run| had_ended(&case.transcript, run)),
            agreed: telling.is_none() || conclusive.iter().all(agree),
            row: telling.and_then(row_of).cloned(),
            ground: telling.and_then(ground_of).cloned(),
            shape: telling.map_or(Shape::Nothing, shape_of),
            runs: conclusive.len(),
        })
    }

    /// The judgement, where no other transcript has to be heard for it.
    fn by_itself(&self, case: &Case) -> Option<Judgement> {
        let covers = &case.transcript.covers;
        match self {
            Finding::Passed => Some(Judgement::Passes),
            Finding::Unsure => Some(Judgement::Unsure),
            Finding::NotRun => Some(Judgement::Untested),
            Finding::NotApplicable => Some(Judgement::NotApplicable),
            Finding::Stopped(stop) => match (&stop.row, &stop.ground) {
                (None, _) => {
                    (stop.departures.is_empty()).then(|| Judgement::Fails(covers[0].clone()))
                }
                (Some(row), ground) if covers.contains(row) => {
                    let rests_on_another = ground.as_ref().is_some_and(|row| !covers.contains(row));
                    let may_be_another_s =
                        rests_on_another || stop.had_ended && !stop.departures.is_empty();
                    (!may_be_another_s).then(|| Judgement::Fails(row.clone()))
                }
                (Some(_), _) => None,
            },
        }
    }
}

impl Stop {
    fn in_the_light_of(&self, tally: &Tally, case: &Case, runs: &[Evidence]) -> Judgement {
        let covers = &case.transcript.covers;
        // Somebody left before, and that is known to go wrong.
        let mut departures = self.departures.iter();
        let known =
            departures.find(|row| tally.has_failed(row) && !case.transcript.covers_any(&[row]));
        let departure = || known.map(|row| Judgement::BlockedBy((*row).to_owned()));
        let Some(row) = &self.row else {
            return departure().unwrap_or_else(|| Judgement::Fails(covers[0].clone()));
        };
        if let Some(ground) = self
            .ground
            .as_ref()
            .filter(|row| tally.blames(row, self.shape))
        {
            return Judgement::BlockedBy(ground.clone());
        }
        if covers.contains(row) {
            let crashed = departure().filter(|_| self.had_ended);
            return crashed.unwrap_or_else(|| Judgement::Fails(row.clone()));
        }
        if !tally.rows.contains_key(row) || tally.blames(row, self.shape) {
            return Judgement::BlockedBy(row.clone());
        }
        if let Some(blocked) = departure() {
            return blocked;
        }
        // The row holds where it is asked about. Where it fails now and then it may have done so here, and
        // where this was not seen often enough nothing was seen of the transcript's own subject.
        let is_seen_often = self.agreed && self.runs >= MOST_RUNS && !runs.iter().all(was_skipped);
        if tally.is_racy(row) || !is_seen_often {
            return Judgement::Unsure;
        }
        Judgement::Fails(covers[0].clone())
    }
}

fn row_of(run: &Evidence) -> Option<&String> {
    match &run.outcome {
        Outcome::FellShort(shortfall) => shortfall.speaks_of.as_ref(),
        Outcome::Skipped { because_of } => Some(because_of),
        Outcome::Completed | Outcome::NotApplicable { .. } | Outcome::Unable { .. } => None,
    }
}

/// The rows about the ways in which somebody left before the step at which the runs stopped, latest first.
fn departures_before<'t>(
    transcript: &'t Transcript,
    runs: &[Evidence],
) -> impl Iterator<Item = &'static str> + 't {
    let stopped_at = runs.iter().filter_map(|run| match &run.outcome {
        Outcome::FellShort(shortfall) => Some(shortfall.step),
        _ => None,
    });
    // The number comes from evidence, which may have been read from a file.
    let before = transcript.steps.get(..stopped_at.min().unwrap_or(0));
    before
        .unwrap_or_default()
        .iter()
        .rev()
        .filter_map(|step| match &step.action {
            Action::Says { line, .. } if is_disconnect(line) => Some("S-DISC-1"),
            Action::Closes { .. } => Some("S-DISC-5"),
            Action::Resets { .. } => Some("S-DISC-7"),
            _ => None,
        })
}

/// Whether the program ended in a step before the one at which the run stopped, and unasked.
fn had_ended(transcript: &Transcript, run: &Evidence) -> bool {
    let Outcome::FellShort(shortfall) = &run.outcome else {
        return false;
    };
    let ended = run.events.iter().find_map(|event| match event.kind {
        EventKind::Ended { .. } => event.step,
        _ => None,
    });
    let asks = |action: &Action| matches!(action, Action::IsInterrupted | Action::IsTerminated);
    ended.is_some_and(|at| {
        let mut until_then = transcript.steps.iter().take(at.saturating_add(1));
        at < shortfall.step && !until_then.any(|step| asks(&step.action))
    })
}

fn is_disconnect(line: &str) -> bool {
    matches!(Utterance::of(line), Utterance::Disconnect { .. })
}

/// The rows of which the failed runs of a transcript speak.
fn rows_of_failed(runs: &[Evidence]) -> impl Iterator<Item = &String> {
    runs.iter().filter_map(row_of)
}

fn shape_of(run: &Evidence) -> Shape {
    match &run.outcome {
        Outcome::FellShort(shortfall) if shortfall.line.is_some() => Shape::AnotherLine,
        _ => Shape::Nothing,
    }
}

fn ground_of(run: &Evidence) -> Option<&String> {
    match &run.outcome {
        Outcome::FellShort(shortfall) => shortfall.rests_on.as_ref(),
        _ => None,
    }
}

fn was_skipped(run: &Evidence) -> bool {
    matches!(run.outcome, Outcome::Skipped { .. })
}

/// The verdict on one transcript, with the row that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Judgement {
    Passes,
    Fails(String),
    BlockedBy(String),
    Unsure,
    NotApplicable,
    Untested,
}

/// What the transcripts about each row say of it.
#[derive(Debug, Default)]
struct Tally {
    rows: BTreeMap<String, Record>,
    /// In how many transcripts failed runs speak of a row while others hold.
    mixtures: BTreeMap<String, usize>,
}

/// How often a row passed and failed in transcripts of its own, and in which shapes.
#[derive(Debug, Default)]
struct Record {
    passed: usize,
    failed: usize,
    shapes: BTreeSet<Shape>,
}

impl Tally {
    fn count(&mut self, case: &Case, finding: &Finding, judgement: Option<&Judgement>) {
        for row in &case.transcript.covers {
            let record = self.rows.entry(row.clone()).or_default();
            match judgement {
                Some(Judgement::Passes) => record.passed += 1,
                Some(Judgement::Fails(failing)) if failing == row => {
                    record.failed += 1;
                    if let Finding::Stopped(stop) = finding {
                        record.shapes.insert(stop.shape);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a row that was asked about is the reason for a failure of this shape: where it never
    /// passed, mostly fails, or fails in the same shape.
    fn blames(&self, row: &str, shape: Shape) -> bool {
        /// What these are about is compared to the letter in their own transcripts only: where a letter
        /// is wrong, that is not why nothing comes elsewhere.
        const TO_THE_LETTER: [&str; 2] = ["S-MSG-1", "C-MSG-1"];
        self.rows.get(row).is_some_and(|record| {
            let fails_mostly = record.failed >= record.passed;
            let only_by_letters = TO_THE_LETTER.contains(&row) && record.failed > 0;
            record.shapes.contains(&shape) || fails_mostly && !only_by_letters
        })
    }

    /// Once may be a hiccup.
    fn is_racy(&self, row: &str) -> bool {
        self.mixtures.get(row).is_some_and(|mixtures| *mixtures > 1)
    }

    fn has_failed(&self, row: &str) -> bool {
        self.rows.get(row).is_some_and(|record| record.failed > 0)
    }
}

fn result(case: Case, runs: Vec<Evidence>, judgement: Judgement) -> TranscriptResult {
    let covers_more = case.transcript.covers.len() > 1;
    let (verdict, fails, blocked_by) = match judgement {
        Judgement::Passes => (Verdict::Pass, Vec::new(), None),
        Judgement::Fails(row) => (
            Verdict::Fail,
            vec![row.clone()],
            Some(row).filter(|_| covers_more),
        ),
        Judgement::BlockedBy(row) => (Verdict::Blocked, Vec::new(), Some(row)),
        Judgement::Unsure => (Verdict::Unsure, Vec::new(), None),
        Judgement::NotApplicable => (Verdict::NotApplicable, Vec::new(), None),
        Judgement::Untested => (Verdict::Untested, Vec::new(), None),
    };
    TranscriptResult {
        case,
        verdict,
        fails,
        blocked_by,
        runs,
    }
}

/// The verdict on each requirement, by the transcripts that cover it.
pub fn by_requirement(
    requirements: Vec<Requirement>,
    transcripts: &[TranscriptResult],
) -> Vec<RequirementResult> {
    requirements
        .into_iter()
        .map(|requirement| on_requirement(requirement, transcripts))
        .collect()
}

/// Whether a row that may hold in its own transcripts was seen to fail now and then in several others.
fn fails_now_and_then(id: &String, all: &[TranscriptResult]) -> bool {
    const SEVERAL: usize = 3;
    let is_mixture_at_it = |result: &&TranscriptResult| {
        result.runs_passed() > 0 && rows_of_failed(&result.runs).any(|row| row == id)
    };
    all.iter().filter(is_mixture_at_it).count() >= SEVERAL
}

fn on_requirement(requirement: Requirement, all: &[TranscriptResult]) -> RequirementResult {
    let id = &requirement.id;
    let judging: Vec<&TranscriptResult> = all
        .iter()
        .filter(|result| result.case.transcript.covers.contains(id))
        .collect();
    let any = |test: &dyn Fn(&TranscriptResult) -> bool| judging.iter().any(|result| test(result));
    let passes = |result: &TranscriptResult| result.verdict == Verdict::Pass;
    // Stopped by another row that the same transcript covers: says nothing where others pass.
    let stops = |result: &TranscriptResult| result.blocked_by.is_some();
    let mut blocked_by: Vec<String> = Vec::new();
    let is_racy = fails_now_and_then(id, all);
    let verdict = if any(&|result| result.fails.contains(id)) {
        Verdict::Fail
    } else if any(&|result| result.verdict == Verdict::Unsure) || any(&passes) && is_racy {
        Verdict::Unsure
    } else if any(&|result| result.verdict == Verdict::Blocked) || !any(&passes) && any(&stops) {
        blocked_by = judging
            .iter()
            .filter_map(|result| result.blocked_by.clone())
            .collect();
        blocked_by.sort();
        blocked_by.dedup();
        Verdict::Blocked
    } else if any(&passes) {
        Verdict::Pass
    } else if any(&|result| result.verdict == Verdict::NotApplicable) {
        Verdict::NotApplicable
    } else {
        Verdict::Untested
    };
    let transcripts = judging
        .iter()
        .map(|result| result.case.name.clone())
        .collect();
    RequirementResult {
        requirement,
        verdict,
        transcripts,
        blocked_by,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::Shortfall;
    use crate::conformance::suite::requirement::Level;
    use crate::transcript::parse;

    fn requirement(id: &str) -> Requirement {
        let words = || "words".to_owned();
        Requirement {
            id: id.to_owned(),
            level: Level::Must,
            group: words(),
            sentence: words(),
            assignment: Vec::new(),
            reason: None,
            failing: None,
            fix: words(),
        }
    }

    fn case(name: &str, covers: &str) -> Case {
        let source = format!("# A case.\ncovers {covers}\n\nalice joins\n");
        let transcript = parse(name, &source).expect("is a transcript");
        Case {
            name: name.to_owned(),
            source,
            transcript,
        }
    }

    fn run(outcome: Outcome) -> Evidence {
        Evidence {
            events: Vec::new(),
            outcome,
            seconds: 0.0,
        }
    }

    fn passing(covers: &str) -> Replayed {
        (case("passing", covers), vec![run(Outcome::Completed)])
    }

    fn stopped(covers: &str, speaks_of: Option<&str>) -> Replayed {
        let outcome = Outcome::FellShort(Shortfall {
            step: 0,
            expected: String::new(),
            received: String::new(),
            line: None,
            speaks_of: speaks_of.map(str::to_owned),
            rests_on: None,
        });
        (
            case("stopped", covers),
            vec![run(outcome.clone()), run(outcome.clone()), run(outcome)],
        )
    }

    fn by_another_line((case, mut runs): Replayed) -> Replayed {
        for run in &mut runs {
            if let Outcome::FellShort(shortfall) = &mut run.outcome {
                shortfall.line = Some("another".to_owned());
            }
        }
        (case, runs)
    }

    /// Each row with its verdict.
    fn verdicts(replayed: Vec<Replayed>) -> Vec<(String, Verdict)> {
        let rows = [
            "S-REG-1", "S-REG-3", "S-REG-7", "S-MSG-1", "S-MSG-2", "S-DISC-5",
        ]
        .map(requirement);
        let transcripts = judge(replayed, &rows);
        let on_rows = by_requirement(rows.to_vec(), &transcripts).into_iter();
        let tested = on_rows.filter(|row| row.verdict != Verdict::Untested);
        tested
            .map(|row| (row.requirement.id, row.verdict))
            .collect()
    }

    fn is(row: &str, verdict: Verdict) -> (String, Verdict) {
        (row.to_owned(), verdict)
    }

    #[test]
    fn a_broken_row_blocks_what_needs_it() {
        let found = verdicts(vec![
            stopped("S-REG-1", Some("S-REG-1")),
            stopped("S-MSG-1", Some("S-REG-1")),
            stopped("S-MSG-2", Some("S-REG-1")),
        ]);
        let blocked = Verdict::Blocked;
        assert_eq!(
            found,
            [
                is("S-REG-1", Verdict::Fail),
                is("S-MSG-1", blocked),
                is("S-MSG-2", blocked)
            ]
        );
    }

    #[test]
    fn a_row_is_not_to_blame_where_what_it_rests_on_is_broken() {
        let resting = || {
            let (case, mut runs) = stopped("S-MSG-2", Some("S-MSG-2"));
            for run in &mut runs {
                if let Outcome::FellShort(shortfall) = &mut run.outcome {
                    shortfall.rests_on = Some("S-MSG-1".to_owned());
                }
            }
            (case, runs)
        };
        let broken = verdicts(vec![resting(), stopped("S-MSG-1", Some("S-MSG-1"))]);
        assert_eq!(
            broken,
            [
                is("S-MSG-1", Verdict::Fail),
                is("S-MSG-2", Verdict::Blocked)
            ]
        );
        let whole = verdicts(vec![resting(), passing("S-MSG-1")]);
        assert_eq!(
            whole,
            [is("S-MSG-1", Verdict::Pass), is("S-MSG-2", Verdict::Fail)]
        );
        assert_eq!(verdicts(vec![resting()]), [is("S-MSG-2", Verdict::Fail)]);
    }

    #[test]
    fn a_row_that_holds_in_its_own_transcripts_is_not_to_blame_elsewhere() {
        let with = |own_failure: Replayed| {
            verdicts(vec![
                passing("S-MSG-1"),
                passing("S-MSG-1"),
                own_failure,
                stopped("S-DISC-5", Some("S-MSG-1")),
            ])
        };
        let failed = is("S-MSG-1", Verdict::Fail);
        // There another line came, and here nothing did: two faults.
        let mangled = by_another_line(stopped("S-MSG-1", Some("S-MSG-1")));
        let both = [failed.clone(), is("S-DISC-5", Verdict::Fail)];
        assert_eq!(with(mangled), both);
        let lost = stopped("S-MSG-1", Some("S-MSG-1"));
        let one = [failed, is("S-DISC-5", Verdict::Blocked)];
        assert_eq!(with(lost), one);
    }

    #[test]
    fn a_row_that_fails_now_and_then_is_charged_to_nobody_else() {
        let mixture = || {
            let (case, mut runs) = stopped("S-REG-3", Some("S-REG-1"));
            runs.push(run(Outcome::Completed));
            (case, runs)
        };
        let mut replayed = vec![
            passing("S-REG-1"),
            stopped("S-MSG-1", Some("S-REG-1")),
            mixture(),
            mixture(),
        ];
        let few = [
            is("S-REG-1", Verdict::Pass),
            is("S-REG-3", Verdict::Unsure),
            is("S-MSG-1", Verdict::Unsure),
        ];
        assert_eq!(verdicts(replayed.clone()), few);
        replayed.push(mixture());
        assert_eq!(verdicts(replayed)[0], is("S-REG-1", Verdict::Unsure));
    }

    #[test]
    fn a_departure_that_is_known_to_go_wrong_is_to_blame_for_what_comes_after() {
        let after_leaving = |speaks_of| {
            let (_, mut runs) = stopped("S-MSG-2", speaks_of);
            for run in &mut runs {
                if let Outcome::FellShort(shortfall) = &mut run.outcome {
                    shortfall.step = 2;
                }
            }
            let source = "# A case.\ncovers S-MSG-2\n\nalice joins\nalice closes\nbob joins\n";
            let mut case = case("leaving", "S-MSG-2");
            case.transcript = parse("leaving", source).expect("is a transcript");
            (case, runs)
        };
        for speaks_of in [None, Some("S-MSG-1")] {
            let fails = stopped("S-DISC-5", Some("S-DISC-5"));
            let found = verdicts(vec![passing("S-MSG-1"), after_leaving(speaks_of), fails]);
            assert_eq!(found[1], is("S-MSG-2", Verdict::Blocked), "{speaks_of:?}");
            let holds = passing("S-DISC-5");
            let found = verdicts(vec![passing("S-MSG-1"), after_leaving(speaks_of), holds]);
            assert_eq!(found[1], is("S-MSG-2", Verdict::Fail), "{speaks_of:?}");
        }
    }

    #[test]
    fn what_was_not_seen_three_times_is_no_fault_of_another_row() {
        let (case, mut runs) = stopped("S-MSG-1", Some("S-REG-1"));
        runs.truncate(1);
        let found = verdicts(vec![passing("S-REG-1"), (case, runs)]);
        assert_eq!(found[1], is("S-MSG-1", Verdict::Unsure));
    }

    #[test]
    fn a_row_that_fails_only_by_another_way_blocks_what_comes_later() {
        // Nothing of S-MSG-1 can be seen, since the one before it already fails.
        let found = verdicts(vec![
            stopped("S-DISC-5", Some("S-MSG-1")),
            stopped("S-MSG-1", Some("S-REG-1")),
            passing("S-REG-1"),
        ]);
        assert_eq!(
            found,
            [
                is("S-REG-1", Verdict::Pass),
                is("S-MSG-1", Verdict::Fail),
                is("S-DISC-5", Verdict::Blocked)
            ]
        );
    }

    #[test]
    fn of_two_rows_in_one_transcript_the_one_that_fails_blocks_the_other() {
        let stopped_at_first = || stopped("S-REG-3 S-REG-7", Some("S-REG-3"));
        let found = verdicts(vec![stopped_at_first()]);
        assert_eq!(
            found,
            [
                is("S-REG-3", Verdict::Fail),
                is("S-REG-7", Verdict::Blocked)
            ]
        );
        let found = verdicts(vec![stopped_at_first(), passing("S-REG-7")]);
        assert_eq!(
            found,
            [is("S-REG-3", Verdict::Fail), is("S-REG-7", Verdict::Pass)]
        );
    }

    #[test]
    fn steps_beyond_the_transcript_are_no_panic() {
        let ended = |step| crate::conformance::evidence::Event {
            at: 0.0,
            step: Some(step),
            kind: EventKind::Ended { how: String::new() },
        };
        for (step, ended_at) in [(7, 6), (usize::MAX, usize::MAX), (usize::MAX, 5)] {
            let (case, mut runs) = stopped("S-MSG-2", Some("S-MSG-2"));
            for run in &mut runs {
                run.events.push(ended(ended_at));
                if let Outcome::FellShort(shortfall) = &mut run.outcome {
                    shortfall.step = step;
                }
            }
            let found = verdicts(vec![(case, runs)]);
            assert_eq!(found, [is("S-MSG-2", Verdict::Fail)], "{step} {ended_at}");
        }
    }

    #[test]
    fn where_nothing_else_is_to_blame_the_first_row_is() {
        assert_eq!(
            verdicts(vec![stopped("S-MSG-2", None)]),
            [is("S-MSG-2", Verdict::Fail)]
        );
    }

    #[test]
    fn what_was_not_run_is_never_blamed() {
        let skipped = |covers: &str| {
            let because_of = "S-REG-1".to_owned();
            let outcome = Outcome::Skipped { because_of };
            (case("skipped", covers), vec![run(outcome)])
        };
        assert_eq!(
            verdicts(vec![passing("S-REG-1"), skipped("S-MSG-2")]),
            [is("S-REG-1", Verdict::Pass), is("S-MSG-2", Verdict::Unsure)]
        );
        assert_eq!(
            verdicts(vec![
                stopped("S-REG-1", Some("S-REG-1")),
                skipped("S-MSG-2")
            ]),
            [
                is("S-REG-1", Verdict::Fail),
                is("S-MSG-2", Verdict::Blocked)
            ]
        );
    }

    #[test]
    fn a_row_nobody_asked_about_blocks() {
        let found = verdicts(vec![stopped("S-MSG-2", Some("S-REG-1"))]);
        assert_eq!(found, [is("S-MSG-2", Verdict::Blocked)]);
    }

    #[test]
    fn runs_that_disagree_are_never_a_pass() {
        let (case, mut runs) = stopped("S-MSG-1", Some("S-MSG-1"));
        runs[1] = run(Outcome::Completed);
        assert_eq!(
            verdicts(vec![(case, runs)]),
            [is("S-MSG-1", Verdict::Unsure)]
        );
        let unable = run(Outcome::Unable {
            reason: String::new(),
        });
        let (case, _) = passing("S-MSG-1");
        assert_eq!(
            verdicts(vec![(case, vec![unable])]),
            [is("S-MSG-1", Verdict::Unsure)]
        );
    }
}
