//! What the runs of one transcript say, by themselves and in the light of the others.

use super::charge::Charge;
use super::ends::Ends;
use crate::conformance::conversation::leaving::{Leaving, leavings};
use crate::conformance::conversation::room::Departure;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::{EventKind, Evidence, Outcome};
use crate::conformance::suite::{Case, id};
use crate::transcript::syntax::{Action, Role, Step, Transcript};

/// A transcript that does not pass is replayed on a fresh process up to so many times in all; runs in which the
/// harness could not do its part do not count. Runs that disagree are reported as such, never as a pass.
pub const MOST_RUNS: usize = 3;

/// What the runs of one transcript say by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    Passed,
    Unsure,
    NotRun,
    NotApplicable,
    Stopped(Stop),
}

/// Where every run of a transcript stopped, or the most telling of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stop {
    /// What the run is charged to; `None` where only its transcript can say.
    pub(super) charge: Option<Charge>,
    pub(super) shape: Shape,
    /// How many runs there are, and whether all are charged to the same requirement.
    pub(super) runs: usize,
    pub(super) agreed: bool,
    /// Whether no run was replayed to where it stopped.
    pub(super) was_skipped: bool,
    /// Ids of the requirements that the steps before depend on without asking about them, latest step first: somebody
    /// left, was refused or spoke late, lines came in segments that do not match them, or a client was sent
    /// words of the protocol in a text.
    pub(super) circumstances: Vec<&'static str>,
    /// Those of the circumstances that decide what can be asked afterwards: S-RUN-1 once the last registered client has
    /// left, S-CONC-3 where somebody spoke late, and W-LINE-2 where a line came in parts.
    pub(super) decisive: Vec<&'static str>,
    /// In every run the program had ended before anybody asked it to.
    pub(super) had_ended: bool,
}

/// What came where something else was expected. Two failures of different shapes are two faults: a server that
/// squeezes the spaces of what it relays is not the reason why something was not relayed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    Nothing,
    AnotherLine,
}

/// The verdict on one transcript, with the id of the requirement that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    Passes,
    Fails(String),
    BlockedBy(String),
    Unsure,
    NotApplicable,
    Untested,
}

impl Finding {
    pub(super) fn of(case: &Case, runs: &[Evidence], ends: &Ends<'_>) -> Finding {
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
        let charges: Vec<Option<Charge>> = conclusive
            .iter()
            .map(|run| ends.charge(&case.transcript, run))
            .collect();
        let id = |charge: &Option<Charge>| charge.as_ref().map(|charge| charge.requirement.clone());
        let is_own = |id: &String| case.transcript.covers.contains(id);
        let is_foreign = |at: &usize| id(&charges[*at]).is_some_and(|id| !is_own(&id));
        // Where runs stopped over different requirements, one that is not the transcript's own came in its way.
        let positions = 0..charges.len();
        let telling = positions.clone().find(is_foreign);
        let telling = telling.or(positions.clone().find(|at| charges[*at].is_some()));
        let agree = |charge| telling.is_none_or(|at| id(charge) == id(&charges[at]));
        let before = steps_before(&case.transcript, runs);
        let leavings = leavings(before);
        let circumstances = circumstances_of_all(&case.transcript, &leavings);
        Finding::Stopped(Stop {
            decisive: decisive(&circumstances, &leavings),
            circumstances,
            had_ended: conclusive
                .iter()
                .all(|run| had_ended(&case.transcript, run)),
            agreed: charges.iter().all(agree),
            shape: telling.map_or(Shape::Nothing, |at| shape_of(conclusive[at])),
            was_skipped: runs.iter().all(was_skipped),
            runs: conclusive.len(),
            charge: telling.and_then(|at| charges[at].clone()),
        })
    }

    /// The judgement, where no other transcript has to be heard for it.
    pub(super) fn by_itself(&self, case: &Case) -> Option<Judgement> {
        let covers = &case.transcript.covers;
        match self {
            Finding::Passed => Some(Judgement::Passes),
            Finding::Unsure => Some(Judgement::Unsure),
            Finding::NotRun => Some(Judgement::Untested),
            Finding::NotApplicable => Some(Judgement::NotApplicable),
            Finding::Stopped(stop) => match &stop.charge {
                None => {
                    (stop.circumstances.is_empty()).then(|| Judgement::Fails(covers[0].clone()))
                }
                Some(charge) if covers.contains(&charge.requirement) => {
                    let ground = charge.rests_on.as_ref();
                    let rests_on_another = ground.is_some_and(|id| !covers.contains(id));
                    // The end at a DISCONNECT is seen as such.
                    let may_have_crashed = stop.had_ended
                        && !stop.circumstances.is_empty()
                        && charge.requirement != id::S_RUN_1;
                    let may_be_another_s = rests_on_another || may_have_crashed;
                    (!may_be_another_s).then(|| Judgement::Fails(charge.requirement.clone()))
                }
                Some(_) => None,
            },
        }
    }
}

/// The steps before the one at which the first of the runs stopped.
fn steps_before<'t>(transcript: &'t Transcript, runs: &[Evidence]) -> &'t [Step] {
    let stopped_at = runs.iter().filter_map(|run| match &run.outcome {
        Outcome::FellShort(shortfall) => Some(shortfall.step),
        _ => None,
    });
    // The number comes from evidence, which may have been read from a file.
    let before = transcript.steps.get(..stopped_at.min().unwrap_or(0));
    before.unwrap_or_default()
}

/// Ids of the requirements that what comes after the first steps of a transcript depends on, those of the latest step first.
/// `leavings` has an element for each of these steps.
fn circumstances_of_all(
    transcript: &Transcript,
    leavings: &[Option<Leaving>],
) -> Vec<&'static str> {
    let (steps, role) = (&transcript.steps, transcript.role);
    let first_steps = steps.iter().enumerate().zip(leavings);
    let latest_first = first_steps.collect::<Vec<_>>().into_iter().rev();
    latest_first
        .flat_map(|((at, step), leaving)| {
            let mut ids = circumstances_of(&step.action, role == Role::Client);
            if let Some(leaving) = leaving {
                if leaving.how == Departure::Disconnect {
                    ids.extend([id::S_RUN_1, id::S_DISC_1]);
                } else if leaving.is_last {
                    ids.push(id::S_RUN_1);
                }
            }
            if role == Role::Server && speaks_late(&steps[at..]) {
                ids.push(id::S_CONC_3);
            }
            ids
        })
        .collect()
}

/// Whether somebody connects in the first of these steps and says its first words only after others did something.
fn speaks_late(steps: &[Step]) -> bool {
    let Some((Action::Connects { actor, .. }, rest)) = steps
        .split_first()
        .map(|(first, rest)| (&first.action, rest))
    else {
        return false;
    };
    let speaks = |step: &Step| {
        matches!(step.action, Action::Says { .. } | Action::Sends { .. })
            && step.action.actor() == Some(actor)
    };
    rest.iter().position(speaks).is_some_and(|at| at > 0)
}

fn decisive(circumstances: &[&'static str], leavings: &[Option<Leaving>]) -> Vec<&'static str> {
    let was_emptied = leavings.iter().flatten().any(|leaving| leaving.is_last);
    let is_so = |id: &&str| match *id {
        id::S_RUN_1 => was_emptied,
        id => [id::S_CONC_3, id::W_LINE_2].contains(&id),
    };
    circumstances.iter().copied().filter(is_so).collect()
}

/// Whether a client may fail to take this for a name, or the whole of it.
fn is_unusual(name: &str) -> bool {
    const USUAL: usize = 16;
    name.len() > USUAL || !name.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Ids of the requirements that the steps after this one depend on, whoever else is there.
fn circumstances_of(action: &Action, to_client: bool) -> Vec<&'static str> {
    let mut ids = Vec::new();
    match action {
        Action::ClientStarts { name, .. } if is_unusual(name) => ids.push(id::C_ARG_1),
        Action::Closes { .. } => ids.push(id::S_DISC_5),
        Action::Resets { .. } => ids.push(id::S_DISC_7),
        Action::Gets { line, .. } if !to_client => match Utterance::of(line) {
            Utterance::Status { code: "400", .. } => ids.push(id::S_REG_3),
            Utterance::Status { code: "401", .. } => ids.push(id::S_REG_5),
            _ => {}
        },
        Action::Says { line, .. } if to_client && holds_goodbye(line) => ids.push(id::C_MSG_4),
        Action::Sends { bytes, times, .. } => {
            if !bytes.ends_with(b"\n") {
                ids.push(id::W_LINE_2);
            }
            if *times > 1 || bytes.iter().filter(|byte| **byte == b'\n').count() > 1 {
                ids.push(id::W_LINE_3);
            }
            if to_client && String::from_utf8_lossy(bytes).lines().any(holds_goodbye) {
                ids.push(id::C_MSG_4);
            }
        }
        _ => {}
    }
    ids
}

/// Whether the program ended unasked, in a step before the one at which the run stopped.
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

/// Whether a message has a goodbye in its text.
fn holds_goodbye(line: &str) -> bool {
    matches!(Utterance::of(line), Utterance::Message { text, .. } if text.contains("DISCONNECT"))
}

fn shape_of(run: &Evidence) -> Shape {
    match &run.outcome {
        Outcome::FellShort(shortfall) if shortfall.got.line().is_some() => Shape::AnotherLine,
        _ => Shape::Nothing,
    }
}

fn was_skipped(run: &Evidence) -> bool {
    matches!(run.outcome, Outcome::Skipped { .. })
}
