//! What must fail counts only where its counterpart works: a client that connects nowhere also refuses every wrong
//! address.

use super::runs::{Finding, Judgement};
use crate::conformance::conversation::cause::Cause;
use crate::conformance::evidence::{EventKind, Evidence};
use crate::conformance::suite::id;
use crate::transcript::syntax::{Action, Transcript};

/// What was seen of clients that were given a right address.
#[derive(Debug, Default)]
pub(super) struct Twin {
    was_asked: bool,
    has_connected: bool,
}

impl Twin {
    /// What these runs show. Only those count in which the harness could do its part.
    pub(super) fn of<'e>(replayed: impl Iterator<Item = (&'e Transcript, &'e [Evidence])>) -> Twin {
        let mut twin = Twin::default();
        for (transcript, runs) in replayed {
            if !starts_a_client(transcript) || is_about_address(transcript) {
                continue;
            }
            twin.was_asked |= runs.iter().any(Evidence::is_conclusive);
            twin.has_connected |= has_connected(runs);
        }
        twin
    }

    /// The judgement on a transcript with a wrong address, where the client connects at no right one.
    pub(super) fn judgement(
        &self,
        transcript: &Transcript,
        runs: &[Evidence],
        finding: &Finding,
    ) -> Option<Judgement> {
        let is_told_anything = matches!(finding, Finding::Passed | Finding::Stopped(_));
        let connects_nowhere = self.was_asked && !self.has_connected && !has_connected(runs);
        (connects_nowhere && is_told_anything && is_about_address(transcript))
            .then(|| Judgement::BlockedBy(id::C_ARG_1.to_owned()))
    }
}

fn starts_a_client(transcript: &Transcript) -> bool {
    let first = transcript.steps.first();
    first.is_some_and(|step| matches!(step.action, Action::ClientStarts { .. }))
}

/// Whether the client is given an address at which it cannot connect.
fn is_about_address(transcript: &Transcript) -> bool {
    let start = transcript.steps.get(..1).unwrap_or_default();
    Cause::in_steps(start).is_some()
}

fn has_connected(runs: &[Evidence]) -> bool {
    let mut events = runs.iter().flat_map(|run| &run.events);
    events.any(|event| matches!(event.kind, EventKind::Connected { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::{Event, Outcome};
    use crate::transcript::parse;

    fn transcript(address: &str) -> Transcript {
        let source = format!("# A case.\ncovers C-ARG-2\n\nclient starts as alice{address}\n");
        parse("case", &source).expect("is a transcript")
    }

    fn run(connects: bool) -> Vec<Evidence> {
        let connected = Event {
            at: 0.0,
            step: Some(0),
            of: None,
            kind: EventKind::Connected {
                actor: "server".to_owned(),
            },
        };
        vec![Evidence {
            events: connects.then_some(connected).into_iter().collect(),
            outcome: Outcome::Completed,
            seconds: 0.0,
        }]
    }

    #[test]
    fn a_wrong_address_is_refused_only_by_a_client_that_takes_a_right_one() {
        let right = transcript("");
        let wrong = transcript(" at \"http://{host}:{port}\"");
        let deaf = transcript(" at \"chat://{host}:{unused}\"");
        let blocked = Some(Judgement::BlockedBy("C-ARG-1".to_owned()));
        for connects in [false, true] {
            let runs = run(connects);
            let twin = Twin::of([(&right, &runs[..])].into_iter());
            let judgement = |transcript| twin.judgement(transcript, &run(false), &Finding::Passed);
            let expected = blocked.clone().filter(|_| !connects);
            assert_eq!(judgement(&wrong), expected);
            assert_eq!(judgement(&deaf), expected);
            assert_eq!(judgement(&right), None);
            // One that connects at the wrong address answers for that.
            assert_eq!(twin.judgement(&wrong, &run(true), &Finding::Passed), None);
        }
    }

    #[test]
    fn where_no_right_address_was_given_nothing_is_withheld() {
        let wrong = transcript(" at \"somewhere\"");
        let runs = run(false);
        let twin = Twin::of([(&wrong, &runs[..])].into_iter());
        assert_eq!(twin.judgement(&wrong, &runs, &Finding::Passed), None);
    }
}
