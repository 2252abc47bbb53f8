//! A server that ends when somebody leaves: with its last client only, or whoever else is there.

use std::collections::BTreeSet;

use super::charge::{Charge, charge, leaving_at_end};
use crate::conformance::conversation::room::Departure;
use crate::conformance::evidence::Evidence;
use crate::conformance::suite::id;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::Transcript;

/// What the runs of all transcripts show about such ends.
#[derive(Debug)]
pub(super) struct Ends<'t> {
    table: &'t Table,
    /// The ways to leave after which the program ended although others stayed.
    despite_others: BTreeSet<Departure>,
    /// Whether any transcript asks whether the program keeps serving.
    is_asked: bool,
}

impl<'t> Ends<'t> {
    /// What these runs show.
    pub(super) fn of<'e>(
        replayed: impl Iterator<Item = (&'e Transcript, &'e [Evidence])>,
        table: &'t Table,
    ) -> Ends<'t> {
        let mut ends = Ends {
            table,
            despite_others: BTreeSet::new(),
            is_asked: false,
        };
        for (transcript, runs) in replayed {
            ends.is_asked |= transcript.covers_any(&[id::S_RUN_1]);
            let leavings = runs
                .iter()
                .filter_map(|run| leaving_at_end(transcript, run));
            let despite_others = leavings.filter(|leaving| !leaving.is_last);
            ends.despite_others
                .extend(despite_others.map(|leaving| leaving.how));
        }
        ends
    }

    /// What a run is charged to. A program that ends with its last client does not keep serving, unless it also ends
    /// where others stay: then it does not get over a client that leaves in this way.
    pub(super) fn charge(&self, transcript: &Transcript, run: &Evidence) -> Option<Charge> {
        let ends_with_last = || {
            leaving_at_end(transcript, run).is_some_and(|leaving| {
                leaving.is_last && !self.despite_others.contains(&leaving.how)
            })
        };
        if self.is_asked && ends_with_last() {
            return Some(Charge::of(id::S_RUN_1));
        }
        charge(transcript, run, self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::shortfall::{Expected, Got, Shortfall};
    use crate::conformance::evidence::{Event, EventKind, Outcome};
    use crate::conformance::suite::Suite;
    use crate::transcript::parse;

    /// A conversation, and a run in which the server ended at its last step.
    fn ended(steps: &str) -> (Transcript, Vec<Evidence>) {
        let source = format!("# A case.\ncovers S-RUN-1\n\n{steps}\n");
        let transcript = parse("case", &source).expect("is a transcript");
        let step = transcript.steps.len() - 1;
        let actor = "carol".to_owned();
        let ended = Event {
            at: 1.0,
            step: Some(step),
            of: None,
            kind: EventKind::Ended {
                how: "exit status 0".to_owned(),
            },
        };
        let run = Evidence {
            events: vec![ended],
            outcome: Outcome::FellShort(Shortfall {
                step,
                expected: Expected::Connects { actor },
                got: Got::Reset,
                ended: Some("exit status 0".to_owned()),
                present: Vec::new(),
                who_ended: None,
                waited_for_enter: false,
            }),
            seconds: 1.0,
        };
        (transcript, vec![run])
    }

    /// What a run is charged to in which the server ended after `steps`, beside one in which it ended after `others`.
    fn charged(steps: &str, others: &str) -> Option<String> {
        let suite = Suite::embedded();
        let table = suite.map_or_else(|_| panic!("the suite is broken"), |suite| suite.table());
        let all = [ended(steps), ended(others)];
        let seen = all.iter().map(|(transcript, runs)| (transcript, &runs[..]));
        let ends = Ends::of(seen, &table);
        let (transcript, runs) = &all[0];
        let charge = ends.charge(transcript, &runs[0]);
        charge.map(|charge| charge.requirement)
    }

    #[test]
    fn a_server_that_ends_with_its_last_client_does_not_keep_serving() {
        let run_1 = Some("S-RUN-1".to_owned());
        for leaves in ["closes", "resets"] {
            let last = format!("alice joins\nalice {leaves}\ncarol joins");
            let one_of_two = format!("alice joins\nbob joins\nalice {leaves}\ncarol joins");
            assert_eq!(charged(&last, &last), run_1);
            assert_ne!(charged(&last, &one_of_two), run_1);
            assert_ne!(charged(&one_of_two, &last), run_1);
        }
        // How somebody else left is another matter.
        let last_closes = "alice joins\nalice closes\ncarol joins";
        let one_is_reset = "alice joins\nbob joins\nalice resets\ncarol joins";
        assert_eq!(charged(last_closes, one_is_reset), run_1);
    }

    #[test]
    fn a_server_that_ends_at_any_disconnect_does_not_keep_serving() {
        let run_1 = Some("S-RUN-1".to_owned());
        for goodbye in [
            "alice > DISCONNECT alice CHAT/1.0",
            "alice sends \"DISCONNECT al\"\nalice sends \"ice CHAT/1.0\\n\"",
        ] {
            let steps = format!("alice joins\nbob joins\n{goodbye}\ncarol joins");
            assert_eq!(charged(&steps, &steps), run_1);
        }
    }
}
