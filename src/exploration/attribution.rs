//! Which requirement a conversation that fails belongs to, and what its transcript says at the top.

use super::conversation::Conversation;
use crate::conformance::evidence::shape::Shape;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::judge::charge::charge;
use crate::conformance::suite::id;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::{Action, Role, Transcript};

/// What two failures have in common that are taken for the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature {
    /// Id of the requirement that the step which failed belongs to, or of a plainer one that this one rests on; `None`
    /// where only its transcript can say.
    pub charged: Option<String>,
    /// What was seen instead.
    pub shape: Shape,
}

impl Signature {
    /// That of a run, if it failed.
    pub fn of(transcript: &Transcript, run: &Evidence, table: &Table) -> Option<Signature> {
        let Outcome::FellShort(shortfall) = &run.outcome else {
            return None;
        };
        let charge = charge(transcript, run, table);
        Some(Signature {
            charged: charge.map(|charge| charge.rests_on.unwrap_or(charge.requirement)),
            shape: Shape::of(&shortfall.got),
        })
    }
}

/// Ids of the requirements that random conversations of this role test, but those `left_out`. What goes beyond the
/// assignment is not explored.
pub fn explored<'r>(
    requirements: &'r [Requirement],
    role: Role,
    left_out: &[&str],
) -> Vec<&'r str> {
    // The quirks of a program are taken into account where no transcript is about them.
    const ABOUT_QUIRKS: [&str; 4] = [id::W_LINE_1, id::S_CONC_1, id::S_CONC_2, id::S_CONC_3];
    let is_explored = |requirement: &&Requirement| {
        requirement.level <= Level::Implied
            && requirement.is_asked_of(role)
            && !ABOUT_QUIRKS.contains(&requirement.id.as_str())
            && !left_out.contains(&requirement.id.as_str())
    };
    let explored = requirements.iter().filter(is_explored);
    explored
        .map(|requirement| requirement.id.as_str())
        .collect()
}

/// Ids of the requirements without which little else can be tried. A mistake about one of them cannot be passed over,
/// and where it happens only in certain circumstances, it is the circumstances that matter.
const SERVICES: [&str; 12] = [
    id::S_PORT_1,
    id::S_REG_1,
    id::S_MSG_1,
    id::S_CONC_1,
    id::S_CONC_2,
    id::S_DISC_2,
    id::S_DISC_4,
    id::C_REG_1,
    id::C_REG_2,
    id::C_MSG_1,
    id::C_MSG_2,
    id::C_SHUT_1,
];

/// Whether the rest of a conversation can be judged where this requirement is broken.
pub fn can_be_passed_over(id: &str) -> bool {
    !SERVICES.contains(&id)
}

/// Ids of the requirements that the circumstances of a failure are about, the latest first, but for the one that the step
/// which failed belongs to: `charged`. `shape` is what was seen there.
pub fn circumstances<C: Conversation>(
    conversation: &C,
    charged: Option<&str>,
    shape: &Shape,
) -> Vec<&'static str> {
    let is_order = |id: &&str| *id != id::S_MSG_5 || *shape == Shape::Message;
    let all = conversation.peculiar_to().into_iter().filter(is_order);
    all.filter(|id| Some(*id) != charged).collect()
}

/// Ids of the requirements that a failure may belong to, the most likely first. Circumstances count where a plain service
/// fails and none of them can be left out, `is_smallest`, or if there is nothing else.
pub fn candidates(circumstances: &[&str], is_smallest: bool, charged: Option<&str>) -> Vec<String> {
    let count = charged.is_none_or(|charged| is_smallest && SERVICES.contains(&charged));
    let counted = circumstances.iter().filter(|_| count);
    let mut distinct: Vec<String> = Vec::new();
    for id in counted.copied().chain(charged) {
        if !distinct.iter().any(|other| other == id) {
            distinct.push(id.to_owned());
        }
    }
    distinct
}

/// What must hold, in one sentence for the top of a transcript that fails `requirement` at this step.
pub fn sentence(
    transcript: &Transcript,
    failed_step: usize,
    requirement: &Requirement,
    circumstances: &str,
) -> String {
    let action = transcript.steps.get(failed_step).map(|step| &step.action);
    let what = action.and_then(|action| what_must_hold(action, transcript.role));
    // A line that should not have come says nothing about the step at which it was seen.
    let Some(what) = what else {
        return requirement.sentence.clone();
    };
    if circumstances.is_empty() {
        format!("{what}.")
    } else {
        format!("{what}, {circumstances}.")
    }
}

fn what_must_hold(action: &Action, role: Role) -> Option<&'static str> {
    Some(match action {
        Action::Joins { .. } => "A newcomer is registered",
        Action::Gets { actor, .. } if actor == "user" => "A message is shown",
        Action::Gets { line, .. } => of_line(line, role),
        Action::Hears { bytes, .. } => of_line(&String::from_utf8_lossy(bytes), role),
        Action::HearsNothing { .. } if role == Role::Client => {
            "The client sends nothing of its own"
        }
        Action::Connects { .. } => "A newcomer can connect",
        Action::IsDisconnected { .. } => "The connection is closed",
        Action::PrintsItsPort => "The server prints its port",
        Action::Ends { .. } if role == Role::Server => "The server ends when it is interrupted",
        Action::Ends { .. } => "The client ends by itself",
        Action::SeesMessage { .. } => "The client says what happened",
        Action::ClientStarts { .. } => "The client starts and connects",
        _ => return None,
    })
}

fn of_line(line: &str, role: Role) -> &'static str {
    let first = line.split(' ').next().unwrap_or("");
    match (first, role) {
        ("200", _) => "A newcomer is registered",
        ("400", _) => "A malformed registration is refused",
        ("401", _) => "A name in use is refused",
        ("REGISTER", _) => "The client registers",
        ("DISCONNECT", Role::Server) => "Every user is told that the server shuts down",
        ("DISCONNECT", _) => "The client says that it leaves",
        (_, Role::Server) => "A message reaches every other user",
        (_, _) => "A typed line is sent",
    }
}
