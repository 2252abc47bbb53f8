//! The lifelines and their order.

use crate::conformance::evidence::{Event, EventKind};
use crate::report::text::harmless;
use crate::transcript::syntax::{Action, Role, Step};

/// The lifelines, from left to right.
pub(in crate::report) struct Lanes {
    pub(in crate::report) names: Vec<String>,
    pub(in crate::report) subject: usize,
    pub(super) role: Role,
}

impl Lanes {
    /// In transcripts about a pair the people, each with a client, and then the server. In server transcripts the users and then the server; in client transcripts the person,
    /// the client, and the server that the harness plays.
    pub(super) fn of(role: Role, events: &[Event], failing: Option<&Step>) -> Self {
        if role == Role::Client {
            let names = ["user", "client", "server"].map(str::to_string).to_vec();
            return Lanes {
                names,
                subject: 1,
                role,
            };
        }
        let mut names: Vec<String> = Vec::new();
        let actors = events.iter().filter_map(|event| {
            let person = event.of.as_deref().filter(|who| *who != "server");
            person.or(actor_of_event(&event.kind))
        });
        for actor in actors.chain(failing.and_then(|step| actor_of_action(&step.action))) {
            // Stored evidence may come from somebody else.
            let name = harmless(actor);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.push("server".to_string());
        Lanes {
            subject: names.len() - 1,
            names,
            role,
        }
    }

    pub(super) fn nobody(&self) -> Vec<bool> {
        vec![false; self.names.len()]
    }

    pub(super) fn of_actor(&self, actor: &str) -> usize {
        let actor = harmless(actor);
        let lane = self.names.iter().position(|name| *name == actor);
        lane.unwrap_or(self.subject)
    }

    pub(super) fn of_step(&self, step: Option<&Step>) -> usize {
        let actor = step.and_then(|step| actor_of_action(&step.action));
        actor.map_or(self.subject, |actor| self.of_actor(actor))
    }

    /// The lane of the program that an event is about: in a transcript about a pair, one of several.
    pub(super) fn of_program(&self, event: &Event) -> usize {
        let whose = event.of.as_deref();
        whose.map_or(self.subject, |whose| self.of_actor(whose))
    }

    /// The person at the client's terminal; a server's output goes to nobody in particular.
    pub(super) fn reader(&self) -> Option<usize> {
        (self.role == Role::Client).then_some(0)
    }
}

fn actor_of_event(kind: &EventKind) -> Option<&str> {
    match kind {
        EventKind::Connected { actor }
        | EventKind::Sent { actor, .. }
        | EventKind::Received { actor, .. }
        | EventKind::Closed { actor, .. } => Some(actor),
        EventKind::Started { .. }
        | EventKind::Listening { .. }
        | EventKind::Typed { .. }
        | EventKind::Printed { .. }
        | EventKind::Signalled { .. }
        | EventKind::Ended { .. }
        | EventKind::Note { .. } => None,
    }
}

fn actor_of_action(action: &Action) -> Option<&str> {
    match action {
        Action::Types { actor, .. }
        | Action::Presses { actor, .. }
        | Action::SeesMessage { actor, .. } => Some(actor),
        Action::TerminalNeverGets { .. } => Some("user"),
        action => action.actor(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::events::{connected, event};
    use super::*;

    #[test]
    fn a_name_in_stored_evidence_is_only_shown() {
        const NAME: &str = "\u{9b}31m\u{7}";
        let events = [
            event(0.0, 0, connected("alice")),
            event(0.1, 0, connected(NAME)),
        ];
        let lanes = Lanes::of(Role::Server, &events, None);
        assert_eq!(lanes.of_actor(NAME), 1);
        let all = lanes.names.concat();
        assert!(!all.contains(char::is_control), "{all}");
    }
}
