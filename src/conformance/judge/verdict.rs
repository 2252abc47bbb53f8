//! From evidence to verdicts: a pure function, so that judging can be repeated and argued about.
//!
//! One fault is charged once, where it is. A transcript that stops over a requirement that it does not cover is
//! blocked by that one, if that one is broken: if at least as many of its own transcripts fail as pass, or if one
//! of them fails in a shape that explains this failure. If it holds there, the fault is this transcript's own, unless
//! the requirement was seen to fail now and then: then nobody can tell. What fails only after something that is known
//! to go wrong, a client that vanished, say, is blocked by that.
//!
//! Where the runs of a transcript disagree, nobody can tell either, unless all that failed came after something that is known
//! to go wrong.
//!
//! A requirement of which some transcripts pass and all others are blocked passes.

use std::collections::BTreeSet;

use super::blame::blame;
use super::ends::Ends;
use super::result::{RequirementResult, TranscriptResult, Verdict};
use super::runs::{Finding, Judgement, circumstances_after, steps_before};
use super::tally::Tally;
use super::twin::Twin;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::suite::requirement::Requirement;
use crate::conformance::suite::table::Table;
use crate::conformance::suite::{Case, id};
use crate::transcript::syntax::Transcript;

/// A transcript with what was seen in each of its runs.
pub type Replayed = (Case, Vec<Evidence>);

/// The verdicts on one program: on each of `requirements`, and on each transcript. `table` is that of the whole
/// suite.
pub fn verdicts(
    requirements: Vec<Requirement>,
    replayed: Vec<Replayed>,
    table: &Table,
) -> (Vec<RequirementResult>, Vec<TranscriptResult>) {
    let ends = Ends::of(transcripts_of(&replayed), table);
    let transcripts = judge(replayed, &requirements, &ends, table);
    let on_requirements = requirements
        .into_iter()
        .map(|requirement| on_requirement(requirement, &transcripts, &ends))
        .collect();
    (on_requirements, transcripts)
}

fn transcripts_of(replayed: &[Replayed]) -> impl Iterator<Item = (&Transcript, &[Evidence])> {
    let all = replayed.iter();
    all.map(|(case, runs)| (&case.transcript, &runs[..]))
}

/// Judges transcripts, each in the light of all. `requirements` gives the order in which requirements build on
/// each other: what fails first is not blamed on what comes later.
fn judge(
    replayed: Vec<Replayed>,
    requirements: &[Requirement],
    ends: &Ends<'_>,
    table: &Table,
) -> Vec<TranscriptResult> {
    let mut tally = Tally::new(table);
    let twin = Twin::of(transcripts_of(&replayed));
    let mut findings: Vec<Finding> = Vec::new();
    let mut judged: Vec<Option<Judgement>> = Vec::new();
    for (case, runs) in &replayed {
        let finding = Finding::of(case, runs, ends);
        let judgement = twin
            .judgement(&case.transcript, runs, &finding)
            .or_else(|| finding.by_itself(case));
        tally.count(case, &finding, judgement.as_ref());
        if let Finding::Stopped(stop) = &finding {
            tally.count_stop(case, stop);
        }
        if finding == Finding::Unsure {
            tally.count_mixture(charged(case, runs, ends).collect());
        }
        findings.push(finding);
        judged.push(judgement);
    }
    let waiting: Vec<usize> = (0..judged.len())
        .filter(|at| judged[*at].is_none())
        .collect();
    for position in in_turn(&waiting, &replayed, &findings, requirements) {
        let case = &replayed[position].0;
        let finding = &findings[position];
        if let Finding::Stopped(stop) = finding {
            let judgement = blame(stop, &tally, case);
            tally.count(case, finding, Some(&judgement));
            judged[position] = Some(judgement);
        }
    }
    for (position, (case, runs)) in replayed.iter().enumerate() {
        if findings[position] == Finding::Unsure {
            let blocked = blocks_mixture(case, runs, &tally, ends);
            judged[position] = blocked
                .map(Judgement::BlockedBy)
                .or(judged[position].take());
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

/// The transcripts at these positions in the order in which they are judged. One is judged after the requirement that it
/// rests on. And it is judged after the transcripts about what it is charged to, and after those about its circumstances
/// that failed after these; all of them may rest on something themselves.
fn in_turn(
    waiting: &[usize],
    replayed: &[Replayed],
    findings: &[Finding],
    requirements: &[Requirement],
) -> Vec<usize> {
    let rank = |id: &str| requirements.iter().position(|other| other.id == id);
    let covers = |position: usize| &replayed[position].0.transcript.covers;
    let stop = |position: usize| match &findings[position] {
        Finding::Stopped(stop) => Some(stop),
        _ => None,
    };
    let charged = |position: usize| Some(&stop(position)?.charge.as_ref()?.requirement);
    let own = |position: usize| covers(position).first().and_then(|id| rank(id));
    // The later one of its own requirement and the one that it rests on.
    let by_itself = |position: usize| {
        let rests_on = stop(position).and_then(|stop| stop.charge.as_ref()?.rests_on.as_ref());
        own(position).max(rests_on.and_then(|id| rank(id)))
    };
    let waits_for = |position: usize, other: usize| {
        let is_foreign = |id: &str| !covers(position).iter().any(|covered| covered == id);
        let is_about = |id: &str| is_foreign(id) && covers(other).iter().any(|own| own == id);
        let circumstances = |position| stop(position).map_or(&[][..], |stop| &stop.circumstances);
        // Only what fails after it tells that something goes wrong after it.
        let tells_of = |id: &str| is_about(id) && circumstances(other).contains(&id);
        circumstances(position).iter().any(|id| tells_of(id))
            || charged(position).is_some_and(|id| is_about(id) && charged(other) == Some(id))
    };
    let turn = |position: usize| {
        let others = waiting.iter().filter(|other| waits_for(position, **other));
        let others = others.map(|other| by_itself(*other)).max().flatten();
        let latest = by_itself(position).max(others);
        let own = own(position);
        (latest, latest > own || others == latest, own)
    };
    let mut by_turn = waiting.to_vec();
    by_turn.sort_by_cached_key(|position| turn(*position));
    let comes_first =
        |other: usize, position: usize| waits_for(position, other) && !waits_for(other, position);
    let mut order = Vec::new();
    let mut left = by_turn;
    while !left.is_empty() {
        let earlier = |position: usize| {
            left.iter()
                .copied()
                .find(|other| comes_first(*other, position))
        };
        let is_free = |position: &usize| earlier(*position).is_none();
        let next = left.iter().copied().find(is_free);
        let next = next.unwrap_or_else(|| first_of_circle(&left, earlier));
        left.retain(|other| *other != next);
        order.push(next);
    }
    order
}

/// The first one, in the order of `all`, of some that wait for each other: each waits for the one that `earlier` gives.
fn first_of_circle(all: &[usize], earlier: impl Fn(usize) -> Option<usize>) -> usize {
    let mut walked = vec![all[0]];
    loop {
        let last = walked[walked.len() - 1];
        let Some(next) = earlier(last) else {
            return last;
        };
        if let Some(begin) = walked.iter().position(|known| *known == next) {
            let circle = &walked[begin..];
            let mut in_order = all.iter().copied();
            return in_order
                .find(|position| circle.contains(position))
                .unwrap_or(next);
        }
        walked.push(next);
    }
}

/// Of a transcript whose runs disagree: the requirement that all failed runs are charged to, if it is another one that
/// is known to fail, or one that all of them came after and that is known to go wrong. How soon a fault shows decides how
/// far each run gets.
fn blocks_mixture(
    case: &Case,
    runs: &[Evidence],
    tally: &Tally<'_>,
    ends: &Ends<'_>,
) -> Option<String> {
    let transcript = &case.transcript;
    let failed: Vec<&Evidence> = runs
        .iter()
        .filter(|run| matches!(run.outcome, Outcome::FellShort(_)))
        .collect();
    let is_conclusive = runs.iter().all(Evidence::is_conclusive);
    if !is_conclusive {
        return None;
    }
    let charged: Vec<String> = charged(case, runs, ends).collect();
    let agreed = charged.first().filter(|first| {
        charged.len() == failed.len() && charged.iter().all(|other| other == *first)
    });
    let is_another = |id: &&String| !transcript.covers.contains(*id) && tally.has_failed(id);
    if let Some(id) = agreed.filter(is_another) {
        return Some(id.clone());
    }
    let before = steps_before(transcript, runs);
    let mut circumstances = circumstances_after(before, transcript.role);
    // Whoever does not look at once takes a reset for a close.
    if circumstances.contains(&id::S_DISC_7) {
        circumstances.push(id::S_DISC_5);
    }
    let own = agreed.filter(|charged| transcript.covers.contains(charged));
    // A circumstance does not explain what also fails without it.
    let explains = |id: &&str| own.is_none_or(|own| tally.fails_only_after(own, id));
    let mut known = tally.known_to_go_wrong(&circumstances, transcript);
    known.find(explains).map(str::to_owned)
}

/// Ids of the requirements that the failed runs of a transcript are charged to.
fn charged<'e>(
    case: &'e Case,
    runs: &'e [Evidence],
    ends: &'e Ends<'_>,
) -> impl Iterator<Item = String> + 'e {
    let charges = runs
        .iter()
        .filter_map(|run| ends.charge(&case.transcript, run));
    charges.map(|charge| charge.requirement)
}

fn result(case: Case, runs: Vec<Evidence>, judgement: Judgement) -> TranscriptResult {
    let covers_more = case.transcript.covers.len() > 1;
    let (verdict, fails, blocked_by) = match judgement {
        Judgement::Passes => (Verdict::Pass, Vec::new(), None),
        Judgement::Fails(id) => (
            Verdict::Fail,
            vec![id.clone()],
            Some(id).filter(|_| covers_more),
        ),
        Judgement::BlockedBy(id) => (Verdict::Blocked, Vec::new(), Some(id)),
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

/// Whether a requirement that may hold in its own transcripts was seen to fail now and then in several others.
fn fails_now_and_then(id: &String, all: &[TranscriptResult], ends: &Ends<'_>) -> bool {
    const SEVERAL: usize = 3;
    let is_mixture_at_it = |result: &&TranscriptResult| {
        result.runs_passed() > 0
            && charged(&result.case, &result.runs, ends).any(|other| other == *id)
    };
    all.iter().filter(is_mixture_at_it).count() >= SEVERAL
}

/// The verdict on a requirement, by the transcripts that cover it.
fn on_requirement(
    requirement: Requirement,
    all: &[TranscriptResult],
    ends: &Ends<'_>,
) -> RequirementResult {
    let id = &requirement.id;
    let judging: Vec<&TranscriptResult> = all
        .iter()
        .filter(|result| result.case.transcript.covers.contains(id))
        .collect();
    let any = |test: &dyn Fn(&TranscriptResult) -> bool| judging.iter().any(|result| test(result));
    let passes = |result: &TranscriptResult| result.verdict == Verdict::Pass;
    // Stopped by another requirement that the same transcript covers: says nothing where others pass.
    let stops = |result: &TranscriptResult| result.blocked_by.is_some();
    let is_racy = fails_now_and_then(id, all, ends);
    let verdict = if any(&|result| result.fails.contains(id)) {
        Verdict::Fail
    } else if any(&|result| result.verdict == Verdict::Unsure) || any(&passes) && is_racy {
        Verdict::Unsure
    } else if any(&passes) {
        // What could be asked holds. A transcript shows by itself that what must not happen could have happened, so
        // one that passes needs no other.
        Verdict::Pass
    } else if any(&|result| result.verdict == Verdict::Blocked) || any(&stops) {
        Verdict::Blocked
    } else if any(&|result| result.verdict == Verdict::NotApplicable) {
        Verdict::NotApplicable
    } else {
        Verdict::Untested
    };
    let is_blocked = |result: &&&TranscriptResult| match verdict {
        Verdict::Pass => result.verdict == Verdict::Blocked,
        Verdict::Blocked => true,
        _ => false,
    };
    let blockers = judging.iter().filter(is_blocked);
    let blocked_by: BTreeSet<String> = blockers
        .filter_map(|result| result.blocked_by.clone())
        .collect();
    let transcripts = judging
        .iter()
        .map(|result| result.case.name.clone())
        .collect();
    RequirementResult {
        requirement,
        verdict,
        transcripts,
        blocked_by: blocked_by.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::conversation::meaning::Meaning;
    use crate::conformance::conversation::room::{Departure, Present, Standing};
    use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, Shortfall};
    use crate::conformance::evidence::topic::Topic;
    use crate::conformance::evidence::{EventKind, Excerpt, Outcome};
    use crate::conformance::suite::Suite;
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
            rests_on: Vec::new(),
            wording_of: None,
            alone: Vec::new(),
            to_the_letter: false,
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
        Evidence::without_steps(outcome)
    }

    fn passing(covers: &str) -> Replayed {
        (case("passing", covers), vec![run(Outcome::Completed)])
    }

    /// How a run falls short that is charged to the requirement with this id.
    fn shortfall(id: Option<&str>) -> Shortfall {
        let line = |meaning, freed| Got::Line {
            line: Excerpt::of(b"another"),
            meaning,
            freed,
        };
        let acceptance = || Expected::Line {
            line: "200".to_owned(),
            open_ended: true,
        };
        let actor = || "alice".to_owned();
        let (expected, got) = match id {
            None => {
                let expected = Expected::Silence { actor: actor() };
                (expected, line(Meaning::Regular, None))
            }
            Some("S-REG-1") => (acceptance(), Got::Nothing { after: 1000 }),
            Some("S-MSG-1") => {
                let expected = Expected::StillConnected { actor: actor() };
                (expected, Got::ClosedBefore { actor: actor() })
            }
            Some("S-MSG-2") => (acceptance(), line(Meaning::Echo, None)),
            Some("S-DISC-5") => (acceptance(), line(Meaning::Regular, Some(Departure::Close))),
            Some(other) => panic!("{other}"),
        };
        Shortfall {
            step: 0,
            expected,
            got,
            ended: (id == Some("S-MSG-1")).then(String::new),
            present: Vec::new(),
            who_ended: None,
            waited_for_enter: false,
        }
    }

    fn stopped(covers: &str, id: Option<&str>) -> Replayed {
        let outcome = Outcome::FellShort(shortfall(id));
        (
            case("stopped", covers),
            vec![run(outcome.clone()), run(outcome.clone()), run(outcome)],
        )
    }

    /// The shortfalls of runs, to be changed.
    fn shortfalls(runs: &mut [Evidence]) -> impl Iterator<Item = &mut Shortfall> {
        runs.iter_mut().filter_map(|run| match &mut run.outcome {
            Outcome::FellShort(shortfall) => Some(shortfall),
            _ => None,
        })
    }

    /// The same, with another line in place of nothing.
    fn by_another_line((mut case, mut runs): Replayed) -> Replayed {
        let source = "# A case.\ncovers S-MSG-1\n\nalice joins\nalice < @bob: hi\n";
        case.transcript = parse("another line", source).expect("is a transcript");
        for shortfall in shortfalls(&mut runs) {
            shortfall.step = 1;
            shortfall.expected = Expected::Line {
                line: "@bob: hi".to_owned(),
                open_ended: false,
            };
            shortfall.got = Got::Line {
                line: Excerpt::of(b"another"),
                meaning: Meaning::Regular,
                freed: None,
            };
        }
        (case, runs)
    }

    /// Three runs in which nothing is relayed any more after these steps.
    fn silent_after(covers: &str, steps: &str) -> Replayed {
        let (mut case, mut runs) = stopped(covers, Some("S-REG-1"));
        let talk = "bob joins\ncarol joins\nbob > @bob: hi\ncarol < @bob: hi\n";
        let source = format!("# A case.\ncovers {covers}\n\n{steps}\n{talk}");
        case.transcript = parse("silent", &source).expect("is a transcript");
        for shortfall in shortfalls(&mut runs) {
            shortfall.step = case.transcript.steps.len() - 1;
            shortfall.expected = Expected::Line {
                line: "@bob: hi".to_owned(),
                open_ended: false,
            };
        }
        (case, runs)
    }

    /// The same, stopped at a newcomer after these steps.
    fn after(steps: &str, (mut case, mut runs): Replayed) -> Replayed {
        let covers = case.transcript.covers.join(" ");
        let source = format!("# A case.\ncovers {covers}\n\n{steps}\nheidi joins\n");
        case.transcript = parse("after", &source).expect("is a transcript");
        let last = case.transcript.steps.len() - 1;
        shortfalls(&mut runs).for_each(|shortfall| shortfall.step = last);
        (case, runs)
    }

    fn table() -> Table {
        let suite = Suite::embedded();
        suite.map_or_else(|_| panic!("the suite is broken"), |suite| suite.table())
    }

    /// Each requirement with its verdict.
    fn verdicts(replayed: Vec<Replayed>) -> Vec<(String, Verdict)> {
        let ids = [
            "S-REG-1", "S-REG-3", "S-REG-7", "S-MSG-1", "S-MSG-2", "S-CONC-2", "S-DISC-5",
            "S-RUN-1",
        ];
        let (found, _) = super::verdicts(ids.map(requirement).to_vec(), replayed, &table());
        let tested = found
            .into_iter()
            .filter(|found| found.verdict != Verdict::Untested);
        tested
            .map(|found| (found.requirement.id, found.verdict))
            .collect()
    }

    fn is(id: &str, verdict: Verdict) -> (String, Verdict) {
        (id.to_owned(), verdict)
    }

    #[test]
    fn what_goes_wrong_once_everybody_has_left_waits_for_what_decides_it() {
        let closes = "alice joins\nalice closes";
        let leaves = "alice joins\nalice > DISCONNECT alice CHAT/1.0";
        let one_stays = "alice joins\nerin joins\nalice closes";
        // It is silent however the last one left.
        let found = verdicts(vec![
            passing("S-MSG-1"),
            silent_after("S-DISC-5", closes),
            silent_after("S-RUN-1", leaves),
        ]);
        let expected = [
            is("S-MSG-1", Verdict::Pass),
            is("S-DISC-5", Verdict::Blocked),
            is("S-RUN-1", Verdict::Fail),
        ];
        assert_eq!(found, expected);
        // It is silent after everybody who closes a connection.
        let found = verdicts(vec![
            passing("S-MSG-1"),
            silent_after("S-DISC-5", one_stays),
            silent_after("S-RUN-1", closes),
        ]);
        let expected = [
            is("S-MSG-1", Verdict::Pass),
            is("S-DISC-5", Verdict::Fail),
            is("S-RUN-1", Verdict::Blocked),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_goes_wrong_after_somebody_vanished_waits_for_what_that_breaks() {
        let vanishes = "alice joins\ndave connects\ndave closes";
        let found = verdicts(vec![
            passing("S-MSG-1"),
            silent_after("S-REG-3", vanishes),
            silent_after("S-DISC-5", vanishes),
        ]);
        let expected = [
            is("S-REG-3", Verdict::Blocked),
            is("S-MSG-1", Verdict::Pass),
            is("S-DISC-5", Verdict::Fail),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_stops_before_anybody_left_tells_nothing_of_leaving() {
        let found = verdicts(vec![
            passing("S-MSG-1"),
            silent_after("S-MSG-1", "alice joins\ndave connects\ndave closes"),
            silent_after("S-DISC-5", "alice joins"),
        ]);
        let expected = [
            is("S-MSG-1", Verdict::Fail),
            is("S-DISC-5", Verdict::Blocked),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_fails_only_where_something_broken_came_before_is_not_charged_again() {
        let vanishes = "alice joins\nerin joins\nalice closes";
        let own = |steps| silent_after("S-MSG-1", steps);
        let broken = || after(vanishes, stopped("S-DISC-5", Some("S-DISC-5")));
        let of_msg_1 = |replayed| verdicts(replayed)[0].clone();
        let passes = is("S-MSG-1", Verdict::Pass);
        let fails = is("S-MSG-1", Verdict::Fail);
        assert_eq!(
            of_msg_1(vec![passing("S-MSG-1"), own(vanishes), broken()]),
            passes
        );
        // Elsewhere it fails as well.
        let elsewhere = own("alice joins");
        let both = vec![passing("S-MSG-1"), own(vanishes), elsewhere, broken()];
        assert_eq!(of_msg_1(both), fails);
        // What came before fails otherwise.
        let otherwise = stopped("S-DISC-5", Some("S-DISC-5"));
        assert_eq!(
            of_msg_1(vec![passing("S-MSG-1"), own(vanishes), otherwise]),
            fails
        );
        // What came before holds.
        let holds = passing("S-DISC-5");
        assert_eq!(
            of_msg_1(vec![passing("S-MSG-1"), own(vanishes), holds]),
            fails
        );
    }

    #[test]
    fn two_reasons_that_each_explain_half_of_it_explain_nothing() {
        let vanishes = "alice joins\nerin joins\nalice closes";
        let silent = "alice joins\nerin joins\nlurker connects";
        let broken = |id: &str, steps| silent_after(id, steps);
        let found = verdicts(vec![
            passing("S-MSG-1"),
            silent_after("S-MSG-1", vanishes),
            silent_after("S-MSG-1", silent),
            broken("S-DISC-5", vanishes),
            broken("S-CONC-2", silent),
        ]);
        assert_eq!(found[0], is("S-MSG-1", Verdict::Fail));
    }

    #[test]
    fn of_those_that_wait_for_each_other_each_is_judged_once() {
        let all = "alice joins\ndave connects\ndave > HELLO\ndave < 400 ...\ndave closes\nlurker connects";
        let ids = ["S-REG-3", "S-DISC-5", "S-CONC-2"];
        let replayed = ids.map(|id| silent_after(id, all)).to_vec();
        let found = verdicts([vec![passing("S-MSG-1")], replayed].concat());
        let failed = found
            .iter()
            .filter(|(_, verdict)| *verdict == Verdict::Fail);
        assert_eq!(failed.count(), 1, "{found:?}");
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn what_is_lost_of_one_kind_of_text_is_not_why_another_is() {
        let lost = |covers: &str, text: &str| {
            let (case, mut runs) = silent_after(covers, "alice joins");
            for shortfall in shortfalls(&mut runs) {
                shortfall.expected = Expected::Line {
                    line: format!("@bob: {text}"),
                    open_ended: false,
                };
            }
            (case, runs)
        };
        let beside = |text: &str| {
            let passing = [passing("S-MSG-1"), passing("S-MSG-1")];
            let all = passing
                .into_iter()
                .chain([lost("S-MSG-1", text), lost("S-MSG-2", "où")]);
            verdicts(all.collect())[1].clone()
        };
        assert_eq!(beside("  "), is("S-MSG-2", Verdict::Fail));
        assert_eq!(beside("là"), is("S-MSG-2", Verdict::Blocked));
        assert_eq!(beside("there"), is("S-MSG-2", Verdict::Blocked));
    }

    #[test]
    fn what_was_never_judged_is_to_blame_for_nothing() {
        let (case, mut runs) = stopped("S-REG-1", Some("S-REG-1"));
        runs.push(run(Outcome::Completed));
        let found = verdicts(vec![(case, runs), stopped("S-MSG-1", Some("S-REG-1"))]);
        let unsure = |id| is(id, Verdict::Unsure);
        assert_eq!(found, [unsure("S-REG-1"), unsure("S-MSG-1")]);
    }

    #[test]
    fn a_broken_requirement_blocks_what_needs_it() {
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
    fn a_requirement_is_not_to_blame_where_what_it_rests_on_is_broken() {
        let resting = || {
            let source = "# A case.\ncovers S-CONC-2\n\nalice joins\nalice < @bob: hi\n";
            let (mut case, mut runs) = stopped("S-CONC-2", Some("S-REG-1"));
            case.transcript = parse("resting", source).expect("is a transcript");
            for shortfall in shortfalls(&mut runs) {
                shortfall.step = 1;
                shortfall.present = vec![Present {
                    actor: "lurker".to_owned(),
                    standing: Standing::Unregistered,
                    has_spoken: false,
                }];
            }
            (case, runs)
        };
        let conc_2 = |verdict| is("S-CONC-2", verdict);
        let broken = verdicts(vec![resting(), stopped("S-MSG-1", Some("S-MSG-1"))]);
        let blocked = [is("S-MSG-1", Verdict::Fail), conc_2(Verdict::Blocked)];
        assert_eq!(broken, blocked);
        let whole = verdicts(vec![resting(), passing("S-MSG-1")]);
        let fails = [is("S-MSG-1", Verdict::Pass), conc_2(Verdict::Fail)];
        assert_eq!(whole, fails);
        assert_eq!(verdicts(vec![resting()]), [conc_2(Verdict::Fail)]);
    }

    #[test]
    fn a_requirement_that_holds_in_its_own_transcripts_is_not_to_blame_elsewhere() {
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
    fn a_requirement_that_fails_now_and_then_is_charged_to_nobody_else() {
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
            shortfalls(&mut runs).for_each(|shortfall| shortfall.step = 3);
            let steps = "alice joins\ncarol joins\nalice closes\nbob joins";
            let source = format!("# A case.\ncovers S-MSG-2\n\n{steps}\n");
            let mut case = case("leaving", "S-MSG-2");
            case.transcript = parse("leaving", &source).expect("is a transcript");
            (case, runs)
        };
        for speaks_of in [None, Some("S-MSG-1")] {
            let closes = "alice joins\ncarol joins\nalice closes";
            let fails = after(closes, stopped("S-DISC-5", Some("S-DISC-5")));
            let found = verdicts(vec![passing("S-MSG-1"), after_leaving(speaks_of), fails]);
            assert_eq!(found[1], is("S-MSG-2", Verdict::Blocked), "{speaks_of:?}");
            let holds = passing("S-DISC-5");
            let found = verdicts(vec![passing("S-MSG-1"), after_leaving(speaks_of), holds]);
            assert_eq!(found[1], is("S-MSG-2", Verdict::Fail), "{speaks_of:?}");
        }
    }

    #[test]
    fn a_requirement_passes_where_the_rest_of_its_transcripts_is_blocked() {
        let replayed = vec![
            passing("S-DISC-5"),
            passing("S-REG-1"),
            stopped("S-DISC-5", Some("S-MSG-1")),
            stopped("S-MSG-1", Some("S-MSG-1")),
        ];
        let ids = ["S-REG-1", "S-MSG-1", "S-DISC-5"];
        let (found, _) = super::verdicts(ids.map(requirement).to_vec(), replayed, &table());
        let found: Vec<(Verdict, &[String])> = found
            .iter()
            .map(|found| (found.verdict, &found.blocked_by[..]))
            .collect();
        let by = ["S-MSG-1".to_owned()];
        let none: &[String] = &[];
        assert_eq!(
            found,
            [
                (Verdict::Pass, none),
                (Verdict::Fail, none),
                (Verdict::Pass, &by[..])
            ]
        );
    }

    #[test]
    fn a_mixture_is_blocked_by_what_all_its_failed_runs_are_charged_to() {
        let mixture = || {
            let (case, mut runs) = stopped("S-DISC-5", Some("S-MSG-1"));
            runs[2] = run(Outcome::Completed);
            (case, runs)
        };
        let of_disc_5 = |beside: Replayed| {
            let found = verdicts(vec![beside, mixture()]);
            found.into_iter().find(|(id, _)| id == "S-DISC-5")
        };
        let blocked = of_disc_5(stopped("S-MSG-1", Some("S-MSG-1")));
        assert_eq!(blocked, Some(is("S-DISC-5", Verdict::Blocked)));
        let unsure = of_disc_5(passing("S-MSG-1"));
        assert_eq!(unsure, Some(is("S-DISC-5", Verdict::Unsure)));
    }

    #[test]
    fn a_mixture_is_blocked_by_what_all_its_failed_runs_came_after() {
        let in_parts = |covers: &str, passes: usize| {
            let steps = "alice connects\nalice sends \"REG\"\nalice sends \"ISTER alice CHAT/1.0\\n\"\nalice < 200 ...";
            let source = format!("# A case.\ncovers {covers}\n\n{steps}\n");
            let transcript = parse("in parts", &source).expect("is a transcript");
            let case = Case {
                name: "in parts".to_owned(),
                source,
                transcript,
            };
            let falls_short = Outcome::FellShort(Shortfall {
                step: 3,
                ..shortfall(Some("S-REG-1"))
            });
            let runs = (0..3).map(|at| match at < passes {
                true => run(Outcome::Completed),
                false => run(falls_short.clone()),
            });
            (case, runs.collect())
        };
        let of_mixture = |beside: Replayed| {
            let found = verdicts(vec![passing("S-REG-1"), beside, in_parts("S-DISC-5", 1)]);
            found.into_iter().find(|(id, _)| id == "S-DISC-5")
        };
        let blocked = of_mixture(in_parts("W-LINE-2", 0));
        assert_eq!(blocked, Some(is("S-DISC-5", Verdict::Blocked)));
        let unsure = of_mixture(passing("W-LINE-2"));
        assert_eq!(unsure, Some(is("S-DISC-5", Verdict::Unsure)));
    }

    #[test]
    fn a_message_in_parts_needs_that_parts_are_understood() {
        let in_parts = || {
            let source = "# A case.\ncovers S-MSG-2\n\nalice joins\nbob joins\nalice sends \"@alice: h\"\n\
                          alice sends \"i\\n\"\nbob < @alice: hi\n";
            let (mut case, mut runs) = stopped("S-MSG-2", None);
            case.transcript = parse("in parts", source).expect("is a transcript");
            for shortfall in shortfalls(&mut runs) {
                shortfall.step = 4;
                shortfall.expected = Expected::Line {
                    line: "@alice: hi".to_owned(),
                    open_ended: false,
                };
                shortfall.got = Got::Nothing { after: 1000 };
            }
            (case, runs)
        };
        let of_msg_2 = |parts: Replayed| {
            let replayed = vec![passing("S-MSG-1"), parts, in_parts()];
            let ids = ["W-LINE-2", "S-MSG-1", "S-MSG-2"];
            let (found, _) = super::verdicts(ids.map(requirement).to_vec(), replayed, &table());
            found[2].verdict
        };
        assert_eq!(of_msg_2(passing("W-LINE-2")), Verdict::Fail);
        let parts = "alice joins\nalice sends \"@alice: h\"\nalice sends \"i\\n\"";
        let broken = after(parts, stopped("W-LINE-2", None));
        assert_eq!(of_msg_2(broken), Verdict::Blocked);
    }

    #[test]
    fn what_was_not_seen_three_times_is_no_fault_of_another_requirement() {
        let (case, mut runs) = stopped("S-MSG-1", Some("S-REG-1"));
        runs.truncate(1);
        let found = verdicts(vec![passing("S-REG-1"), (case, runs)]);
        assert_eq!(found[1], is("S-MSG-1", Verdict::Unsure));
    }

    #[test]
    fn a_requirement_that_fails_only_by_another_way_blocks_what_comes_later() {
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
    fn of_two_requirements_in_one_transcript_the_one_that_fails_blocks_the_other() {
        let stopped_at_first = || stopped("S-REG-1 S-REG-7", Some("S-REG-1"));
        let found = verdicts(vec![stopped_at_first()]);
        assert_eq!(
            found,
            [
                is("S-REG-1", Verdict::Fail),
                is("S-REG-7", Verdict::Blocked)
            ]
        );
        let found = verdicts(vec![stopped_at_first(), passing("S-REG-7")]);
        assert_eq!(
            found,
            [is("S-REG-1", Verdict::Fail), is("S-REG-7", Verdict::Pass)]
        );
    }

    #[test]
    fn steps_beyond_the_transcript_are_no_panic() {
        let ended = |step| crate::conformance::evidence::Event {
            at: 0.0,
            step: Some(step),
            of: None,
            kind: EventKind::Ended { how: String::new() },
        };
        for (step, ended_at) in [(7, 6), (usize::MAX, usize::MAX), (usize::MAX, 5)] {
            let (case, mut runs) = stopped("S-MSG-2", Some("S-MSG-2"));
            runs.iter_mut()
                .for_each(|run| run.events.push(ended(ended_at)));
            shortfalls(&mut runs).for_each(|shortfall| shortfall.step = step);
            let found = verdicts(vec![(case, runs)]);
            assert_eq!(found, [is("S-MSG-2", Verdict::Fail)], "{step} {ended_at}");
        }
    }

    #[test]
    fn where_nothing_else_is_to_blame_the_first_requirement_is() {
        assert_eq!(
            verdicts(vec![stopped("S-MSG-2", None)]),
            [is("S-MSG-2", Verdict::Fail)]
        );
    }

    #[test]
    fn what_was_not_run_is_never_blamed() {
        let skipped = |covers: &str| {
            let outcome = Outcome::Skipped {
                because_of: Topic::Registration,
            };
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
    fn a_requirement_nobody_asked_about_blocks() {
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
            reason: Hindrance::Panicked,
        });
        let (case, _) = passing("S-MSG-1");
        assert_eq!(
            verdicts(vec![(case, vec![unable])]),
            [is("S-MSG-1", Verdict::Unsure)]
        );
    }
}
