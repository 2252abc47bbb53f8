//! What the runs of one transcript say, by themselves and in the light of the others.

use super::charge::Charge;
use super::ends::Ends;
use crate::conformance::conversation::leaving::{Leaving, comings_back, leavings};
use crate::conformance::conversation::room::Departure;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::shortfall::Expected;
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
    /// Ids of the requirements that what comes after the steps before depends on, latest step first: somebody left, came
    /// back, was refused, is silent or spoke late, lines came in segments that do not match them, or a client has an unusual
    /// name, was left waiting, or was sent words of the protocol in a text.
    pub(super) circumstances: Vec<&'static str>,
    /// In every run the program had ended before anybody asked it to.
    pub(super) had_ended: bool,
}

/// What came where something else was expected, and what is special about the text that was. Two failures of different
/// shapes are two faults: a server that squeezes the spaces of what it relays is not the reason why something was not
/// relayed at all, and one that does not relay blank texts is not the reason why a long one is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Shape {
    pub(super) is_another_line: bool,
    is_blank: bool,
    is_long: bool,
    is_beyond_ascii: bool,
    /// It has words of the protocol in it.
    is_like_control: bool,
}

impl Shape {
    fn of(run: &Evidence) -> Shape {
        let Outcome::FellShort(shortfall) = &run.outcome else {
            return Shape::default();
        };
        let shape = match &shortfall.expected {
            Expected::Line { line, .. } => match Utterance::of(line) {
                Utterance::Message { text, .. } => Shape::of_text(text),
                _ => Shape::default(),
            },
            Expected::OnScreen { text, .. } => {
                Shape::of_text(&String::from_utf8_lossy(&text.bytes))
            }
            _ => Shape::default(),
        };
        Shape {
            is_another_line: shortfall.got.line().is_some(),
            ..shape
        }
    }

    fn of_text(text: &str) -> Shape {
        /// Number of bytes that any program takes.
        const USUAL: usize = 200;
        const CONTROL: [&str; 5] = ["REGISTER", "DISCONNECT", "200", "400", "401"];
        Shape {
            is_another_line: false,
            is_blank: text.trim().is_empty(),
            is_long: text.len() > USUAL,
            is_beyond_ascii: !text.is_ascii(),
            is_like_control: CONTROL.iter().any(|word| text.contains(word)),
        }
    }

    /// Whether a failure of this shape may be why another one was seen: what happens to plain texts happens to all.
    pub(super) fn explains(self, other: Shape) -> bool {
        self.is_another_line == other.is_another_line
            && (!self.is_blank || other.is_blank)
            && (!self.is_long || other.is_long)
            && (!self.is_beyond_ascii || other.is_beyond_ascii)
            && (!self.is_like_control || other.is_like_control)
    }
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
        let had_ended = conclusive
            .iter()
            .all(|run| had_ended(&case.transcript, run));
        let mut circumstances = circumstances_after(before, case.transcript.role);
        // What others say reaches a connection that is closed, and resets it: some programs do not survive that.
        if had_ended && closes_in_pause(before) {
            circumstances.push(id::S_DISC_7);
        }
        Finding::Stopped(Stop {
            circumstances,
            had_ended,
            agreed: charges.iter().all(agree),
            shape: telling.map_or(Shape::default(), |at| Shape::of(conclusive[at])),
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
                    // S-RUN-1 is charged only where the end itself was seen: no circumstance explains it.
                    let is_foreign = |id: &&str| !covers.iter().any(|covered| covered == id);
                    let has_circumstances = stop.circumstances.iter().any(is_foreign)
                        && charge.requirement != id::S_RUN_1;
                    let may_be_another_s = rests_on_another || has_circumstances;
                    (!may_be_another_s).then(|| Judgement::Fails(charge.requirement.clone()))
                }
                Some(_) => None,
            },
        }
    }
}

/// The steps before the one at which the first of the runs stopped.
pub(super) fn steps_before<'t>(transcript: &'t Transcript, runs: &[Evidence]) -> &'t [Step] {
    let stopped_at = runs.iter().filter_map(|run| match &run.outcome {
        Outcome::FellShort(shortfall) => Some(shortfall.step),
        _ => None,
    });
    // The number comes from evidence, which may have been read from a file.
    let before = transcript.steps.get(..stopped_at.min().unwrap_or(0));
    before.unwrap_or_default()
}

/// Ids of the requirements that what comes after these steps depends on, those of the latest step first.
pub(super) fn circumstances_after(steps: &[Step], role: Role) -> Vec<&'static str> {
    let comings_and_goings = leavings(steps).into_iter().zip(comings_back(steps));
    let in_order = steps.iter().enumerate().zip(comings_and_goings);
    let latest_first = in_order.collect::<Vec<_>>().into_iter().rev();
    latest_first
        .flat_map(|((at, step), (leaving, comes_back))| {
            let mut ids = circumstances_of(&step.action, role == Role::Client);
            let is_end =
                |leaving: &Leaving| leaving.is_last || leaving.how == Departure::Disconnect;
            ids.extend(leaving.filter(is_end).map(|_| id::S_RUN_1));
            ids.extend(comes_back.then_some(id::S_DISC_2));
            if role == Role::Server {
                ids.extend(of_silence(&steps[at..]));
            }
            ids
        })
        .collect()
}

/// Whether somebody closes its connection while the program is paused.
fn closes_in_pause(steps: &[Step]) -> bool {
    let mut is_paused = false;
    steps.iter().any(|step| {
        match step.action {
            Action::IsPaused => is_paused = true,
            Action::GoesOn => is_paused = false,
            _ => {}
        }
        is_paused && matches!(step.action, Action::Closes { .. })
    })
}

/// What others depend on while somebody who connects in the first of these steps is silent.
fn of_silence(steps: &[Step]) -> Vec<&'static str> {
    let Some((Action::Connects { actor, .. }, rest)) = steps
        .split_first()
        .map(|(first, rest)| (&first.action, rest))
    else {
        return Vec::new();
    };
    // That nothing is heard meanwhile is no word of one's own.
    let speaks = |action: &Action| {
        action.actor() == Some(actor) && !matches!(action, Action::HearsNothing { .. })
    };
    let own = rest.iter().position(|step| speaks(&step.action));
    let meanwhile = &rest[..own.unwrap_or(rest.len())];
    let others_act = meanwhile.iter().any(|step| step.action.actor().is_some());
    let speaks_late = own.is_some_and(|at| {
        at > 0 && matches!(rest[at].action, Action::Says { .. } | Action::Sends { .. })
    });
    let late = speaks_late.then_some(id::S_CONC_3);
    let silent = (others_act || own.is_none()).then_some(id::S_CONC_2);
    late.into_iter().chain(silent).collect()
}

/// Whether a client may fail to take this for a name, or the whole of it.
fn is_unusual(name: &str) -> bool {
    const USUAL: usize = 16;
    name.len() > USUAL || !name.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Ids of the requirements that the steps after this one depend on, whoever else is there.
fn circumstances_of(action: &Action, to_client: bool) -> Vec<&'static str> {
    /// Number of bytes before the line end.
    const LONGEST_IN_A_READ: usize = 1023;
    let mut ids = Vec::new();
    match action {
        Action::ClientStarts { name, .. } if is_unusual(name) => ids.push(id::C_ARG_1),
        Action::Pass { .. } if to_client => ids.push(id::C_REG_2),
        Action::Closes { .. } => ids.push(id::S_DISC_5),
        Action::Resets { .. } => ids.push(id::S_DISC_7),
        Action::Gets { line, .. } if !to_client => match Utterance::of(line) {
            Utterance::Status { code: "400", .. } => ids.push(id::S_REG_3),
            Utterance::Status { code: "401", .. } => ids.push(id::S_REG_5),
            _ => {}
        },
        // What is longer than a usual read comes in parts.
        Action::Says { line, .. } if line.len() > LONGEST_IN_A_READ => ids.push(id::W_LINE_2),
        Action::Says { line, .. } if to_client && holds_goodbye(line) => ids.push(id::C_MSG_4),
        Action::Sends { bytes, times, .. } => {
            // Very many lines are cut where a read ends, wherever that is.
            if !bytes.ends_with(b"\n") || *times > 1 {
                ids.push(id::W_LINE_2);
            }
            // A server that registers on a part waits for no line end.
            if bytes.starts_with(b"REGISTER") && !bytes.contains(&b'\n') {
                ids.push(id::W_LINE_1);
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

fn was_skipped(run: &Evidence) -> bool {
    matches!(run.outcome, Outcome::Skipped { .. })
}
