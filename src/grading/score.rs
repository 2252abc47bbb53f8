//! From verdicts to points: a pure function of the verdicts and the rubric.
//!
//! Each role's points are divided among its requirements by weight; requirements that do not apply are left out. A
//! requirement that passes earns its share. Then points that one fault costs twice are given back, and limits are
//! applied. Every step is recorded, so that a student can add up the mark.

use std::collections::BTreeSet;

use super::assessed_part::AssessedPart;
use super::hand_marks::HandMark;
use super::instructions::INSTRUCTIONS;
use super::lateness::{HandedIn, Lateness};
use super::points::{Points, counted};
use super::rubric::{Bounds, HandGroup, Rubric};
use crate::conformance::evidence::time_limit::UsedUpBy;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::result::{RequirementResult, RunResult, TranscriptResult, Verdict};
use crate::conformance::program::target::takes_every_address;
use crate::conformance::suite::requirement::Requirement;
use crate::transcript::syntax::Role;

/// The points of one submission, with reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// The mark.
    pub earned: Points,
    /// Full marks.
    pub most: Points,
    /// The points of each role.
    pub parts: Vec<PartScore>,
    /// The points that a person gave, by the groups of the rubric.
    pub by_hand: Vec<HandScore>,
    /// Points given back or deducted from the whole, with reasons.
    pub adjustments: Vec<Adjustment>,
    /// What single repairs would be worth, the most valuable first.
    pub repairs: Vec<Repair>,
    /// Why somebody should check this mark; empty if it is reliable.
    pub doubts: Vec<String>,
}

/// The points that a person gave for one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandScore {
    /// The group.
    pub what: String,
    /// The points; zero if nobody has marked it yet.
    pub earned: Points,
    /// Full marks.
    pub most: Points,
    /// What the person wrote; may be empty.
    pub remark: String,
}

/// What counts besides the verdicts on the programs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Besides {
    /// The marks that a person gave.
    pub by_hand: Vec<HandMark>,
    /// When the submission was handed in.
    pub handed_in: HandedIn,
}

/// The points of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartScore {
    /// Server or client.
    pub role: Role,
    /// The points earned, adjustments of this part included.
    pub earned: Points,
    /// Full marks for it.
    pub most: Points,
    /// Every requirement of the role, in the table's order, including those that do not count.
    pub requirements: Vec<RequirementScore>,
    /// Points given back or deducted in this part, with reasons.
    pub adjustments: Vec<Adjustment>,
}

/// The points of one requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequirementScore {
    /// The requirement.
    pub requirement: Requirement,
    /// The verdict.
    pub verdict: Verdict,
    /// The points it earned.
    pub earned: Points,
    /// The points it could earn; zero if it does not count.
    pub most: Points,
    /// Ids of the requirements whose failure blocks it.
    pub blocked_by: Vec<String>,
    /// The reason for the verdict, in a sentence; empty if it passes.
    pub reason: String,
}

/// Points given back (positive) or deducted (negative).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// How many.
    pub points: Points,
    /// Why, in a sentence.
    pub reason: String,
}

/// The mark after one repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Server or client.
    pub role: Role,
    /// Id of the requirement to repair.
    pub requirement: String,
    /// Ids of the requirements that only this one blocks: they may pass after the repair.
    pub unlocks: Vec<String>,
    /// The mark if the requirement passes and nothing else changes.
    pub at_least: Points,
    /// The mark if the requirements that it unlocks pass as well.
    pub at_most: Points,
}

/// Scores judged parts. `requirements` are all requirements, in the table's order.
pub fn score(
    parts: &[AssessedPart],
    requirements: &[Requirement],
    rubric: &Rubric,
    besides: &Besides,
) -> Score {
    let found: Vec<Findings> = parts
        .iter()
        .map(|part| Findings::of(part, requirements))
        .collect();
    let (parts_scored, adjustments, earned) = add_up(&found, rubric, besides);
    let by_hand = by_hand(rubric, besides);
    let most: Points = parts_scored.iter().map(|part| part.most).sum();
    let most = most + by_hand.iter().map(|group| group.most).sum();
    let doubts = parts.iter().zip(&found).zip(&parts_scored);
    let doubts = doubts
        .flat_map(|((part, found), scored)| doubts_about(part, found, scored))
        .chain(doubts_besides(rubric, besides))
        .collect();
    Score {
        earned,
        most: rubric.whole.cap.map_or(most, |cap| cap.min(most)),
        parts: parts_scored,
        by_hand,
        adjustments,
        repairs: repairs(&found, rubric, besides, earned),
        doubts,
    }
}

/// What is known about each requirement of one program.
#[derive(Debug, Clone)]
struct Findings {
    role: Role,
    requirements: Vec<Finding>,
}

#[derive(Debug, Clone)]
struct Finding {
    requirement: Requirement,
    verdict: Verdict,
    /// If the verdict is unsure: whether the program caused that, and not the harness.
    is_racy: bool,
    blocked_by: Vec<String>,
    reason: String,
    /// Whether the suite has a transcript for it.
    is_asked: bool,
    /// Why it is untested, if it is.
    untested: Untested,
}

/// Why a requirement is untested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Untested {
    /// The program was not judged at all.
    NotJudged,
    /// The submission caused it. Such a requirement earns nothing; otherwise a program that does nothing would earn
    /// full marks.
    ByItself,
    /// The harness, the machine or the settings of the class caused it.
    ByOthers,
}

impl Findings {
    fn of(part: &AssessedPart, asked: &[Requirement]) -> Findings {
        let requirements = match &part.result {
            Ok(result) => result
                .requirements
                .iter()
                .map(|entry| {
                    let (untested, reason) = match entry.verdict {
                        Verdict::Untested => why_untested(part, result, entry),
                        Verdict::Pass => {
                            let part = result.partial_pass(entry);
                            let words = part.map_or_else(String::new, |part| format!("It {part}."));
                            (Untested::ByOthers, words)
                        }
                        verdict => (
                            Untested::ByOthers,
                            reason(result, verdict, &entry.requirement.id, &entry.blocked_by),
                        ),
                    };
                    Finding {
                        requirement: entry.requirement.clone(),
                        verdict: entry.verdict,
                        is_racy: is_racy(result, &entry.requirement.id),
                        blocked_by: entry.blocked_by.clone(),
                        reason,
                        is_asked: !entry.transcripts.is_empty(),
                        untested,
                    }
                })
                .collect(),
            Err(unjudged) => asked
                .iter()
                .filter(|requirement| requirement.is_asked_of(part.role))
                .map(|requirement| Finding {
                    requirement: requirement.clone(),
                    verdict: Verdict::Untested,
                    is_racy: false,
                    blocked_by: Vec::new(),
                    reason: unjudged.reason.clone(),
                    is_asked: true,
                    untested: Untested::NotJudged,
                })
                .collect(),
        };
        Findings {
            role: part.role,
            requirements,
        }
    }
}

/// Why a requirement is untested, if it is, with a sentence.
fn why_untested(
    part: &AssessedPart,
    result: &RunResult,
    entry: &RequirementResult,
) -> (Untested, String) {
    let cannot_be_given = |name: &String| {
        let mut transcripts = result.transcripts.iter();
        let judged = transcripts.find(|judged| judged.case.name == *name);
        judged.is_some_and(|judged| !takes_every_address(&part.command, &judged.case.transcript))
    };
    let any = |test: &dyn Fn(&String) -> bool| entry.transcripts.iter().any(test);
    let command =
        "takes host and port separately, so it cannot be given the addresses of these transcripts";
    if any(&|name| part.ruled_out.contains(name)) {
        let reason = format!(
            "Not tested, so it earns nothing: the submission's own command, from its {INSTRUCTIONS} or by the name \
             of its file, {command}. Use {{url}} instead."
        );
        (Untested::ByItself, reason)
    } else if let Some(limit) = result
        .time_limit
        .as_ref()
        .filter(|_| result.is_cut_short(entry))
    {
        match limit.used_up_by {
            UsedUpBy::Program => (
                Untested::ByItself,
                format!("Not tested, so it earns nothing. {limit}"),
            ),
            UsedUpBy::Machine => (Untested::ByOthers, format!("Not tested. {limit}")),
        }
    } else if any(&cannot_be_given) {
        let reason = format!("Not tested: the command {command}.");
        (Untested::ByOthers, reason)
    } else {
        let reason = "Not tested: none of its transcripts was replayed.".to_owned();
        (Untested::ByOthers, reason)
    }
}

/// The transcripts that test a requirement.
fn judging<'r>(result: &'r RunResult, id: &'r str) -> impl Iterator<Item = &'r TranscriptResult> {
    let covers = move |judged: &&TranscriptResult| {
        judged
            .case
            .transcript
            .covers
            .iter()
            .any(|covered| covered == id)
    };
    result.transcripts.iter().filter(covers)
}

/// Whether the program makes a verdict unsure: some runs of the same transcript pass and others fail. Otherwise the
/// harness does: it could not do its part in a run, or there is no run.
fn is_racy(result: &RunResult, id: &str) -> bool {
    let unsure = judging(result, id).filter(|judged| judged.verdict == Verdict::Unsure);
    let unsure: Vec<&TranscriptResult> = unsure.collect();
    let fell_short = |run: &Evidence| matches!(run.outcome, Outcome::FellShort(_));
    let is_mixture =
        |judged: &&TranscriptResult| judged.runs_passed() > 0 && judged.runs.iter().any(fell_short);
    let could_not_tell = |judged: &&TranscriptResult| {
        judged.runs.is_empty() || !judged.runs.iter().all(Evidence::is_conclusive)
    };
    if unsure.iter().any(is_mixture) {
        return true;
    }
    let is_seen = judging(result, id).any(|judged| !judged.runs.is_empty());
    is_seen && !unsure.iter().any(could_not_tell)
}

/// The reason for a verdict, in a sentence.
fn reason(result: &RunResult, verdict: Verdict, id: &str, blocked_by: &[String]) -> String {
    let telling = |judged: &TranscriptResult| {
        let run = judged.telling_run()?;
        let line = match &run.outcome {
            Outcome::FellShort(shortfall) => judged.case.transcript.steps.get(shortfall.step),
            _ => None,
        };
        let at = line.map_or(String::new(), |step| format!(", line {}", step.line));
        Some(format!("{}{at}: {}.", judged.case.name, run.outcome))
    };
    let of_verdict = |verdict: Verdict| {
        let decided = move |judged: &&TranscriptResult| match verdict {
            Verdict::Fail => judged.fails.iter().any(|failing| failing == id),
            verdict => judged.verdict == verdict,
        };
        let deciding = judging(result, id).filter(decided);
        deciding.min_by_key(|judged| judged.length())
    };
    match verdict {
        Verdict::Pass => String::new(),
        Verdict::Blocked => format!(
            "It could not be tested, because {} does not pass.",
            blocked_by.join(", ")
        ),
        Verdict::Unsure => {
            let unsure = of_verdict(Verdict::Unsure);
            let how_often = unsure.map(|judged| {
                format!(
                    "{} of {} runs passed. ",
                    judged.runs_passed(),
                    judged.runs.len()
                )
            });
            how_often.unwrap_or_default() + &unsure.and_then(telling).unwrap_or_default()
        }
        verdict => of_verdict(verdict).and_then(telling).unwrap_or_default(),
    }
}

/// Scores each part and the whole. The mark comes last.
fn add_up(
    found: &[Findings],
    rubric: &Rubric,
    besides: &Besides,
) -> (Vec<PartScore>, Vec<Adjustment>, Points) {
    let mut parts: Vec<PartScore> = found.iter().map(|part| shared_out(part, rubric)).collect();
    charge_once(&mut parts, rubric);
    for part in &mut parts {
        let of_requirements: Points = part.requirements.iter().map(|entry| entry.earned).sum();
        let adjusted: Points = part.adjustments.iter().map(|one| one.points).sum();
        let bounds = rubric.bounds_of(part.role);
        part.earned = bounded(
            of_requirements + adjusted,
            bounds,
            "this part",
            &mut part.adjustments,
        );
        part.most = bounds.cap.map_or(part.most, |cap| cap.min(part.most));
    }
    let mut adjustments = Vec::new();
    let hand_scores = by_hand(rubric, besides);
    let mut earned: Points = parts.iter().map(|part| part.earned).sum();
    earned += hand_scores.iter().map(|group| group.earned).sum();
    for limit in &rubric.limits {
        let broken = parts
            .iter()
            .flat_map(|part| &part.requirements)
            .find(|entry| limit.unless.is_match(&entry.requirement.id) && is_broken(entry));
        if let Some(entry) = broken.filter(|_| earned > limit.at_most) {
            adjustments.push(Adjustment {
                points: limit.at_most - earned,
                reason: format!(
                    "At most {} points, because {} does not pass.",
                    limit.at_most, entry.requirement.id
                ),
            });
            earned = limit.at_most;
        }
    }
    if let Some(rules) = &rubric.late {
        let most: Points = parts.iter().map(|part| part.most).sum();
        let most = most + hand_scores.iter().map(|group| group.most).sum();
        if let Lateness::Late { cost, reason } = rules.applied_to(besides.handed_in, earned, most) {
            let points = -cost;
            earned += points;
            adjustments.push(Adjustment { points, reason });
        }
    }
    let earned = bounded(earned, rubric.whole, "the whole", &mut adjustments);
    (parts, adjustments, earned)
}

/// The groups that a person marks, with the marks given so far.
fn by_hand(rubric: &Rubric, besides: &Besides) -> Vec<HandScore> {
    let score = |group: &HandGroup| {
        let mut marks = besides.by_hand.iter();
        let mark = marks.find(|mark| mark.what == group.what);
        HandScore {
            what: group.what.clone(),
            earned: mark.map_or(Points::ZERO, |mark| mark.points.min(group.points)),
            most: group.points,
            remark: mark.map_or(String::new(), |mark| mark.remark.clone()),
        }
    };
    rubric.by_hand.iter().map(score).collect()
}

/// Why somebody should check what counts besides the verdicts.
fn doubts_besides(rubric: &Rubric, besides: &Besides) -> Vec<String> {
    let is_marked = |what: &str| besides.by_hand.iter().any(|mark| mark.what == what);
    let unmarked = rubric
        .by_hand
        .iter()
        .filter(|group| !is_marked(&group.what));
    let mut doubts: Vec<String> = unmarked
        .map(|group| format!("{}: nobody has marked it yet.", group.what))
        .collect();
    let late = rubric.late.as_ref();
    let lateness =
        late.map(|rules| rules.applied_to(besides.handed_in, Points::ZERO, Points::ZERO));
    if let Some(Lateness::Doubtful(why)) = lateness {
        doubts.push(why);
    }
    doubts
}

/// Unknown results never cost points.
fn is_broken(entry: &RequirementScore) -> bool {
    match entry.verdict {
        Verdict::Pass | Verdict::NotApplicable => false,
        Verdict::Untested | Verdict::Unsure => entry.earned < entry.most,
        Verdict::Fail | Verdict::Blocked => true,
    }
}

/// The points of each requirement: its role's points divided by weight.
fn shared_out(part: &Findings, rubric: &Rubric) -> PartScore {
    let weight = |finding: &Finding| {
        if finding.verdict == Verdict::NotApplicable || !finding.is_asked {
            Points::ZERO
        } else {
            rubric.weight(&finding.requirement)
        }
    };
    let weights: Vec<Points> = part.requirements.iter().map(weight).collect();
    let points = rubric.bounds_of(part.role).points;
    let weighted = part.requirements.iter().zip(points.apportioned(&weights));
    let requirements: Vec<RequirementScore> = weighted
        .map(|(finding, most)| RequirementScore {
            requirement: finding.requirement.clone(),
            verdict: finding.verdict,
            earned: most.share(share(finding, rubric)),
            most,
            blocked_by: finding.blocked_by.clone(),
            reason: finding.reason.clone(),
        })
        .collect();
    PartScore {
        role: part.role,
        earned: Points::ZERO,
        most: requirements.iter().map(|entry| entry.most).sum(),
        requirements,
        adjustments: Vec::new(),
    }
}

fn share(finding: &Finding, rubric: &Rubric) -> f64 {
    match finding.verdict {
        Verdict::Pass | Verdict::NotApplicable => 1.0,
        Verdict::Fail => 0.0,
        Verdict::Untested if finding.untested == Untested::ByOthers => rubric.shares.unsure,
        Verdict::Untested => 0.0,
        Verdict::Blocked => rubric.shares.blocked,
        Verdict::Unsure if finding.is_racy => rubric.shares.racy,
        Verdict::Unsure => rubric.shares.unsure,
    }
}

/// A fault that several requirements show is charged once, for the most expensive of them. The points that the others
/// lost are given back to their parts.
fn charge_once(parts: &mut [PartScore], rubric: &Rubric) {
    for fault in &rubric.once {
        let charged = |entry: &&RequirementScore| {
            entry.most > Points::ZERO && fault.shows_in(&entry.requirement.id, entry.verdict)
        };
        let loss = |entry: &RequirementScore| entry.most - entry.earned;
        let entries = parts.iter().flat_map(|part| &part.requirements);
        let charged_entries: Vec<&RequirementScore> = entries.filter(charged).collect();
        let Some(dearest) = charged_entries.iter().map(|entry| loss(entry)).max() else {
            continue;
        };
        let ids: BTreeSet<&str> = charged_entries
            .iter()
            .map(|entry| entry.requirement.id.as_str())
            .collect();
        let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
        let due = fault.costs.unwrap_or(dearest);
        let reason = format!("{}: {} in all ({ids}).", fault.title, counted(due));
        let mut still_due = due;
        for part in parts.iter_mut() {
            let lost: Points = part.requirements.iter().filter(charged).map(loss).sum();
            let charged_here = still_due.min(lost);
            still_due = still_due - charged_here;
            if charged_here != lost {
                part.adjustments.push(Adjustment {
                    points: lost - charged_here,
                    reason: reason.clone(),
                });
            }
        }
        // A rubric may charge more for a fault than its requirements are worth.
        let first = parts
            .iter_mut()
            .find(|part| part.requirements.iter().any(|entry| charged(&entry)));
        if let Some(part) = first.filter(|_| still_due > Points::ZERO) {
            part.adjustments.push(Adjustment {
                points: -still_due,
                reason,
            });
        }
    }
}

fn bounded(points: Points, bounds: Bounds, of: &str, adjustments: &mut Vec<Adjustment>) -> Points {
    let mut apply = |limit: Points, word: &str| {
        adjustments.push(Adjustment {
            points: limit - points,
            reason: format!("At {word} {} for {of}.", counted(limit)),
        });
        limit
    };
    match (bounds.floor.unwrap_or_default(), bounds.cap) {
        (floor, _) if points < floor => apply(floor, "least"),
        (_, Some(cap)) if points > cap => apply(cap, "most"),
        _ => points,
    }
}

/// The value of each single repair: of a requirement that fails, or that only blocks others.
fn repairs(found: &[Findings], rubric: &Rubric, besides: &Besides, earned: Points) -> Vec<Repair> {
    let mut repairs = Vec::new();
    let mut listed = BTreeSet::new();
    for (at, part) in found.iter().enumerate() {
        let blocks = |id: &String| {
            part.requirements
                .iter()
                .any(|entry| entry.blocked_by.contains(id))
        };
        for entry in &part.requirements {
            let id = &entry.requirement.id;
            // The requirements of one fault are repaired together and listed once.
            let fault = rubric
                .once
                .iter()
                .find(|fault| fault.requirements.is_match(id));
            let is_alike = |other: &Finding| {
                fault.is_some_and(|fault| fault.shows_in(&other.requirement.id, other.verdict))
            };
            let is_failing = entry.verdict == Verdict::Fail;
            if is_failing && fault.is_some_and(|fault| !listed.insert(&fault.title)) {
                continue;
            }
            let falls_short = matches!(entry.verdict, Verdict::Fail | Verdict::Unsure);
            let only_blocks = entry.verdict == Verdict::Blocked && blocks(id);
            if !(falls_short || only_blocks) {
                continue;
            }
            let unlocks: Vec<String> = part
                .requirements
                .iter()
                .filter(|other| {
                    other.verdict == Verdict::Blocked && other.blocked_by == [id.clone()]
                })
                .map(|other| other.requirement.id.clone())
                .collect();
            let mark_with = |held: &dyn Fn(&String) -> bool| {
                let mut repaired = found.to_vec();
                for (position, part) in repaired.iter_mut().enumerate() {
                    for entry in &mut part.requirements {
                        let is_held = position == at && held(&entry.requirement.id);
                        if is_held || is_alike(entry) {
                            entry.verdict = Verdict::Pass;
                        }
                    }
                }
                add_up(&repaired, rubric, besides).2
            };
            let at_least = mark_with(&|other| other == id);
            let at_most = mark_with(&|other| other == id || unlocks.contains(other));
            if at_most > earned {
                repairs.push(Repair {
                    role: part.role,
                    requirement: id.clone(),
                    unlocks,
                    at_least,
                    at_most,
                });
            }
        }
    }
    repairs.sort_by_key(|repair| std::cmp::Reverse((repair.at_most, repair.at_least)));
    repairs
}

/// Why somebody should check a part's points.
fn doubts_about(part: &AssessedPart, found: &Findings, scored: &PartScore) -> Vec<String> {
    if let Err(unjudged) = &part.result {
        let doubt = format!("{} was not judged: {}", part.role, unjudged.reason);
        return if unjudged.is_its_own_fault {
            Vec::new()
        } else {
            vec![doubt]
        };
    }
    let entries = found.requirements.iter().zip(&scored.requirements);
    let counted = entries.filter(|(_, entry)| entry.most > Points::ZERO);
    let doubt = |(finding, entry): (&Finding, &RequirementScore)| match entry.verdict {
        Verdict::Unsure => Some(format!(
            "{}: {} is unsure.",
            part.role, entry.requirement.id
        )),
        Verdict::Untested if finding.untested == Untested::ByOthers => Some(format!(
            "{}: {} is untested. {}",
            part.role, entry.requirement.id, entry.reason
        )),
        _ => None,
    };
    counted.filter_map(doubt).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, Shortfall};
    use crate::conformance::evidence::time_limit::TimeLimit;
    use crate::conformance::evidence::topic::Topic;
    use crate::conformance::judge::verdict::verdicts;
    use crate::conformance::program::profile::Profile;
    use crate::conformance::suite::Case;
    use crate::conformance::suite::Suite;
    use crate::conformance::suite::requirement::Level;
    use crate::conformance::suite::table::Table;
    use crate::grading::assessed_part::Unjudged;
    use proptest::prelude::*;

    const RUBRIC: &str = r#"
        levels = ["must", "implied"]
        [server]
        points = 62
        [client]
        points = 38
        [weights]
        must = 2
        implied = 1
        [shares]
        racy = 0.5
        unsure = 1
    "#;

    fn requirements() -> Vec<Requirement> {
        Suite::embedded().expect("is right").requirements
    }

    /// A program that does not pass these requirements.
    fn part(role: Role, not_passing: &[(&str, Verdict)]) -> AssessedPart {
        let asked = requirements()
            .into_iter()
            .filter(|requirement| requirement.is_asked_of(role))
            .collect();
        let (mut requirements, transcripts) = verdicts(asked, Vec::new(), &Table::default());
        for entry in &mut requirements {
            let found = not_passing
                .iter()
                .find(|(id, _)| entry.requirement.id == *id);
            entry.verdict = found.map_or(Verdict::Pass, |(_, verdict)| *verdict);
            entry.transcripts = vec!["one".to_owned()];
            if entry.verdict == Verdict::Blocked {
                entry.blocked_by = vec!["S-REG-1".to_owned()];
            }
        }
        AssessedPart {
            role,
            command: Vec::new(),
            ruled_out: Vec::new(),
            result: Ok(RunResult {
                role,
                command: Vec::new(),
                profile: Profile::PLAIN,
                remarks: Vec::new(),
                requirements,
                transcripts,
                seconds: 0.0,
                time_limit: None,
            }),
        }
    }

    fn scored(server: &[(&str, Verdict)], client: &[(&str, Verdict)], more: &str) -> Score {
        let requirements = requirements();
        let rubric = Rubric::parse(&format!("{RUBRIC}{more}"), &requirements).expect("is right");
        let parts = [part(Role::Server, server), part(Role::Client, client)];
        score(&parts, &requirements, &rubric, &Besides::default())
    }

    fn lost(score: &Score, id: &str) -> Points {
        let entries = score.parts.iter().flat_map(|part| &part.requirements);
        entries
            .filter(|entry| entry.requirement.id == id)
            .map(|entry| entry.most - entry.earned)
            .sum()
    }

    #[test]
    fn marks_by_hand_and_lateness_count_and_are_told() {
        let more = "[[by_hand]]\nwhat = \"Style\"\npoints = 20\n[[by_hand]]\nwhat = \"README\"\npoints = 5\n\
            [late]\ndue = 2021-10-19T23:55:00-04:00\nper_day = 0.2\n";
        let requirements = requirements();
        let rubric = Rubric::parse(&format!("{RUBRIC}{more}"), &requirements).expect("is right");
        let parts = [part(Role::Server, &[]), part(Role::Client, &[])];
        let besides = Besides {
            by_hand: vec![HandMark {
                what: "Style".to_owned(),
                points: Points::whole(15),
                remark: String::new(),
            }],
            handed_in: HandedIn {
                at: crate::classroom::moment::Moment::read("2021-10-20T10:00:00Z"),
                is_late: true,
            },
        };
        let score = score(&parts, &requirements, &rubric, &besides);
        assert_eq!(score.most, Points::whole(125));
        // One day of lateness costs a fifth of 125.
        assert_eq!(score.earned, Points::whole(100 + 15 - 25));
        assert_eq!(score.adjustments[0].points, Points::whole(-25));
        assert_eq!(score.doubts, ["README: nobody has marked it yet."]);
    }

    #[test]
    fn a_passing_requirement_earns_its_share_and_hardening_does_not_count() {
        let full = scored(&[], &[], "");
        assert_eq!(
            (full.earned, full.most),
            (Points::whole(100), Points::whole(100))
        );
        let hard = scored(&[("S-HARD-1", Verdict::Fail)], &[], "");
        assert_eq!((hard.earned, hard.repairs.len()), (Points::whole(100), 0));
        let short = scored(&[("S-MSG-2", Verdict::Fail)], &[], "");
        assert_eq!(short.earned, Points::whole(100) - lost(&short, "S-MSG-2"));
        assert!(lost(&short, "S-MSG-2") > Points::whole(2));
    }

    #[test]
    fn a_requirement_that_does_not_apply_makes_the_others_worth_more() {
        let score = scored(
            &[
                ("W-LINE-2", Verdict::NotApplicable),
                ("W-LINE-1", Verdict::Fail),
            ],
            &[],
            "",
        );
        assert_eq!(score.most, Points::whole(100));
        assert_eq!(score.earned, Points::whole(100) - lost(&score, "W-LINE-1"));
        let alone = scored(&[("W-LINE-1", Verdict::Fail)], &[], "");
        assert!(lost(&score, "W-LINE-1") > lost(&alone, "W-LINE-1"));
    }

    #[test]
    fn blocked_racy_and_unsure_requirements_get_their_shares() {
        let blocked = scored(&[("S-MSG-1", Verdict::Blocked)], &[], "");
        assert!(lost(&blocked, "S-MSG-1") > Points::ZERO);
        // There are no runs here: the harness could not tell, which costs no points.
        let unsure = scored(&[("S-MSG-1", Verdict::Unsure)], &[], "");
        assert_eq!(
            (lost(&unsure, "S-MSG-1"), unsure.doubts.len()),
            (Points::ZERO, 1)
        );
    }

    #[test]
    fn a_verdict_that_the_program_makes_unsure_gets_the_share_of_races() {
        let skipped = || Outcome::Skipped {
            because_of: Topic::Registration,
        };
        let unable = || Outcome::Unable {
            reason: Hindrance::NoDescriptors,
        };
        let fell_short = || {
            Outcome::FellShort(Shortfall {
                step: 0,
                expected: Expected::Ends,
                got: Got::EndUnknown,
                ended: None,
                present: Vec::new(),
                who_ended: None,
                waited_for_enter: false,
            })
        };
        let suite = Suite::embedded().expect("is right");
        let rubric = Rubric::parse(RUBRIC, &suite.requirements).expect("is right");
        let score_of = |outcomes: Vec<Outcome>| {
            let mut server = part(Role::Server, &[("S-MSG-1", Verdict::Unsure)]);
            let cases = suite.asked_of(Role::Server, Level::Hardening, None).cases;
            let mut cases = cases.into_iter();
            let covers = |case: &Case| case.transcript.covers_any(&["S-MSG-1"]);
            let run = |outcome| Evidence::without_steps(outcome);
            let result = server.result.as_mut().expect("was judged");
            result.transcripts.push(TranscriptResult {
                case: cases.find(covers).expect("is covered"),
                verdict: Verdict::Unsure,
                fails: Vec::new(),
                blocked_by: None,
                runs: outcomes.into_iter().map(run).collect(),
            });
            score(&[server], &suite.requirements, &rubric, &Besides::default())
        };
        let by_itself = [
            vec![skipped()],
            vec![fell_short()],
            vec![fell_short(), skipped(), fell_short()],
            vec![Outcome::Completed, fell_short(), unable()],
        ];
        for outcomes in by_itself {
            let score = score_of(outcomes.clone());
            assert!(lost(&score, "S-MSG-1") > Points::ZERO, "{outcomes:?}");
            assert_eq!(score.doubts.len(), 1);
        }
        for outcomes in [vec![unable()], vec![fell_short(), unable()], Vec::new()] {
            let score = score_of(outcomes.clone());
            assert_eq!(lost(&score, "S-MSG-1"), Points::ZERO, "{outcomes:?}");
            assert_eq!(score.doubts.len(), 1);
        }
    }

    #[test]
    fn one_fault_in_two_requirements_costs_once() {
        let words = [
            ("S-REG-2", Verdict::Fail),
            ("S-REG-4", Verdict::Fail),
            ("S-REG-6", Verdict::Fail),
        ];
        let once = "[[once]]\nfault = \"The words\"\nrows = [\"S-REG-[246]\"]\n";
        let thrice = scored(&words, &[], "");
        let single = scored(&words, &[], once);
        let dearest = lost(&single, "S-REG-2").max(lost(&single, "S-REG-4"));
        assert_eq!(
            single.earned,
            Points::whole(100) - dearest.max(lost(&single, "S-REG-6"))
        );
        assert!(thrice.earned < single.earned);
        let reason = &single.parts[0].adjustments[0].reason;
        assert!(reason.starts_with("The words: "), "{reason}");
        let priced = scored(&words, &[], &format!("{once}costs = 10\n"));
        assert_eq!(priced.earned, Points::whole(90));
        let dialect = "[[once]]\nfault = \"Ends\"\nrows = [\"W-LINE-1\"]\n";
        let both = scored(
            &[("W-LINE-1", Verdict::Fail)],
            &[("W-LINE-1", Verdict::Fail)],
            dialect,
        );
        assert!(
            both.parts[1].adjustments[0].points > Points::ZERO,
            "two programs, one fault"
        );
    }

    #[test]
    fn floors_caps_and_limits_are_explained() {
        let all: Vec<(String, Verdict)> = requirements()
            .into_iter()
            .map(|requirement| (requirement.id, Verdict::Fail))
            .collect();
        let all: Vec<(&str, Verdict)> = all
            .iter()
            .map(|(id, verdict)| (id.as_str(), *verdict))
            .collect();
        let floored = scored(&all, &all, "[whole]\nfloor = 5\n");
        assert_eq!(
            (floored.earned, floored.adjustments[0].points),
            (Points::whole(5), Points::whole(5))
        );
        let limit = "[[limit]]\nunless = [\"S-SHUT-2\"]\nat_most = 50\n";
        let limited = scored(&[("S-SHUT-2", Verdict::Fail)], &[], limit);
        assert_eq!(limited.earned, Points::whole(50));
        assert!(limited.adjustments[0].reason.contains("S-SHUT-2"));
        let held = scored(&[("S-SHUT-1", Verdict::Fail)], &[], limit);
        assert!(held.earned > Points::whole(90) && held.adjustments.is_empty());
    }

    #[test]
    fn the_repair_that_unlocks_most_comes_first() {
        let verdicts = [
            ("S-REG-1", Verdict::Fail),
            ("S-MSG-1", Verdict::Blocked),
            ("S-MSG-2", Verdict::Blocked),
            ("S-SHUT-2", Verdict::Fail),
        ];
        let score = scored(&verdicts, &[], "");
        let first = &score.repairs[0];
        assert_eq!(
            (first.requirement.as_str(), first.unlocks.len()),
            ("S-REG-1", 2)
        );
        assert_eq!(first.at_least, score.earned + lost(&score, "S-REG-1"));
        assert_eq!(first.at_most, Points::whole(100) - lost(&score, "S-SHUT-2"));
        assert_eq!(score.repairs.len(), 2);
    }

    #[test]
    fn an_unjudged_program_earns_nothing_and_is_doubtful_if_the_machine_is_the_reason() {
        let requirements = requirements();
        let rubric = Rubric::parse(RUBRIC, &requirements).expect("is right");
        for is_its_own_fault in [true, false] {
            let mut unjudged = part(Role::Server, &[]);
            unjudged.result = Err(Unjudged {
                reason: "No file.".to_owned(),
                output: String::new(),
                is_its_own_fault,
            });
            let score = score(
                &[unjudged, part(Role::Client, &[])],
                &requirements,
                &rubric,
                &Besides::default(),
            );
            assert_eq!(
                (score.earned, score.most),
                (Points::whole(38), Points::whole(100))
            );
            assert_eq!(score.doubts.is_empty(), is_its_own_fault);
        }
    }

    #[test]
    fn a_requirement_that_the_submission_keeps_from_being_tested_earns_nothing() {
        let untested = [("C-ARG-2", Verdict::Untested)];
        let score_of = |ruled_out: &[&str], used_up_by: Option<UsedUpBy>| {
            let mut client = part(Role::Client, &untested);
            client.ruled_out = ruled_out.iter().map(|&name| name.to_owned()).collect();
            let result = client.result.as_mut().expect("was judged");
            result.time_limit = used_up_by.map(|used_up_by| TimeLimit {
                seconds: 180.0,
                used_up_by,
                not_replayed: vec!["one".to_owned()],
            });
            let requirements = requirements();
            let rubric = Rubric::parse(RUBRIC, &requirements).expect("is right");
            score(
                &[part(Role::Server, &[]), client],
                &requirements,
                &rubric,
                &Besides::default(),
            )
        };
        for by_itself in [
            score_of(&["one"], None),
            score_of(&[], Some(UsedUpBy::Program)),
        ] {
            assert!(lost(&by_itself, "C-ARG-2") > Points::ZERO);
            assert!(by_itself.doubts.is_empty(), "{:?}", by_itself.doubts);
        }
        for by_others in [score_of(&[], None), score_of(&[], Some(UsedUpBy::Machine))] {
            assert_eq!(lost(&by_others, "C-ARG-2"), Points::ZERO);
            let doubt = &by_others.doubts[0];
            assert!(doubt.contains("C-ARG-2 is untested. Not tested"), "{doubt}");
        }
    }

    fn verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![
            6 => Just(Verdict::Pass),
            2 => Just(Verdict::Fail),
            2 => Just(Verdict::Blocked),
            1 => Just(Verdict::Unsure),
            1 => Just(Verdict::NotApplicable),
        ]
    }

    proptest! {
        #[test]
        fn reports_add_up_and_repairs_never_cost(verdicts in prop::collection::vec(verdict(), 60)) {
            let requirements = requirements();
            let named: Vec<(&str, Verdict)> =
                requirements.iter().map(|requirement| requirement.id.as_str()).zip(verdicts).collect();
            let rubric = Rubric::built_in(&requirements).expect("is right");
            let parts = [part(Role::Server, &named), part(Role::Client, &named)];
            let score = score(&parts, &requirements, &rubric, &Besides::default());
            let of_requirements: Points = score.parts.iter().flat_map(|part| &part.requirements).map(|entry| entry.earned).sum();
            let adjusted: Points = score.adjustments.iter().map(|one| one.points).sum();
            let in_parts = score.parts.iter().flat_map(|part| &part.adjustments);
            let in_parts: Points = in_parts.map(|one| one.points).sum();
            prop_assert_eq!(of_requirements + in_parts + adjusted, score.earned);
            prop_assert!(score.earned <= score.most && score.earned >= Points::ZERO);
            for repair in &score.repairs {
                prop_assert!(repair.at_most >= repair.at_least && repair.at_most <= score.most);
                prop_assert!(repair.at_most > score.earned);
            }
        }
    }
}
