//! Who leaves a server in the steps of a transcript, and whether anybody stays.

use std::collections::{BTreeMap, BTreeSet};

use super::room::Departure;
use super::utterance::Utterance;
use crate::transcript::syntax::{Action, Step};

/// Somebody leaves in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leaving {
    /// How.
    pub how: Departure,
    /// Whether it was registered, and nobody else is.
    pub is_last: bool,
}

/// For each step, whether somebody leaves in it.
pub fn leavings(steps: &[Step]) -> Vec<Option<Leaving>> {
    let mut attendance = Attendance::default();
    let actions = steps.iter().map(|step| &step.action);
    actions.map(|action| attendance.after(action)).collect()
}

#[derive(Default)]
struct Attendance<'t> {
    registered: BTreeSet<&'t str>,
    /// Who has said DISCONNECT, and may not have closed its connection yet.
    gone: BTreeSet<&'t str>,
    /// What each actor sent of a line that has no end yet.
    begun: BTreeMap<&'t str, Vec<u8>>,
}

impl<'t> Attendance<'t> {
    fn after(&mut self, action: &'t Action) -> Option<Leaving> {
        match action {
            Action::Joins { actor, .. } => {
                self.gone.remove(&**actor);
                self.registered.insert(actor);
                None
            }
            Action::Connects { actor, .. } => {
                self.gone.remove(&**actor);
                None
            }
            Action::Gets { actor, line, .. } => {
                if matches!(Utterance::of(line), Utterance::Status { code: "200", .. }) {
                    self.registered.insert(actor);
                }
                None
            }
            Action::Says { actor, line } => {
                says_disconnect(line).then(|| self.leaves(actor, Departure::Disconnect))
            }
            Action::Sends { actor, bytes, .. } => {
                let lines = self.lines_ended_by(actor, bytes);
                let is_goodbye = lines.lines().any(says_disconnect);
                is_goodbye.then(|| self.leaves(actor, Departure::Disconnect))
            }
            // Whoever has said DISCONNECT has left before.
            Action::Closes { actor } | Action::Resets { actor } if self.gone.remove(&**actor) => {
                None
            }
            Action::Closes { actor } => Some(self.leaves(actor, Departure::Close)),
            Action::Resets { actor } => Some(self.leaves(actor, Departure::Reset)),
            _ => None,
        }
    }

    fn leaves(&mut self, actor: &'t str, how: Departure) -> Leaving {
        self.begun.remove(actor);
        if how == Departure::Disconnect {
            self.gone.insert(actor);
        }
        let was_registered = self.registered.remove(actor);
        Leaving {
            how,
            is_last: was_registered && self.registered.is_empty(),
        }
    }

    /// The lines that are whole once `actor` has sent these bytes: a line may come in many parts.
    fn lines_ended_by(&mut self, actor: &'t str, bytes: &[u8]) -> String {
        let begun = self.begun.entry(actor).or_default();
        begun.extend_from_slice(bytes);
        let end = begun.iter().rposition(|byte| *byte == b'\n');
        let whole: Vec<u8> = begun.drain(..end.map_or(0, |end| end + 1)).collect();
        String::from_utf8_lossy(&whole).into_owned()
    }
}

fn says_disconnect(line: &str) -> bool {
    matches!(Utterance::of(line), Utterance::Disconnect { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::parse;

    /// Who leaves in the last of these steps.
    #[track_caller]
    fn leaves(steps: &str, expected: Option<(Departure, bool)>) {
        let source = format!("# A case.\ncovers S-RUN-1\n\n{steps}\n");
        let transcript = parse("case", &source).expect("is a transcript");
        let last = leavings(&transcript.steps).pop().expect("has steps");
        let found = last.map(|leaving| (leaving.how, leaving.is_last));
        assert_eq!(found, expected, "{steps}");
    }

    #[test]
    fn somebody_is_the_last_who_leaves_nobody_registered() {
        let two = "alice joins\nbob joins\n";
        let one_left = format!("{two}alice closes\n");
        for (step, how) in [
            ("bob > DISCONNECT bob CHAT/1.0", Departure::Disconnect),
            ("bob closes", Departure::Close),
            ("bob resets", Departure::Reset),
        ] {
            leaves(&format!("{two}{step}"), Some((how, false)));
            leaves(&format!("{one_left}{step}"), Some((how, true)));
            let stranger = format!("{one_left}carol connects\n{step}");
            leaves(&stranger, Some((how, true)));
        }
        leaves(
            "alice joins\nbob connects\nbob closes",
            Some((Departure::Close, false)),
        );
        leaves(
            "alice connects\nalice > REGISTER alice CHAT/1.0\nalice < 200 ...\nalice closes",
            Some((Departure::Close, true)),
        );
    }

    #[test]
    fn a_disconnect_may_come_in_parts_and_behind_other_lines() {
        let joins = "alice joins\n";
        let left = Some((Departure::Disconnect, true));
        leaves(
            &format!("{joins}alice sends \"@alice: bye\\nDISCONNECT alice CHAT/1.0\\r\\n\""),
            left,
        );
        let half = format!("{joins}alice sends \"DISCONN\"\n");
        leaves(half.trim_end(), None);
        leaves(
            &format!("{half}alice sends \"ECT alice CHAT/1.0\\n\""),
            left,
        );
        let closes = "alice > DISCONNECT alice CHAT/1.0\nalice closes";
        leaves(&format!("{joins}{closes}"), None);
        // Half a line is gone with its connection.
        let again = "alice closes\nalice connects\nalice sends \"ECT alice CHAT/1.0\\n\"";
        leaves(&format!("{half}{again}"), None);
        leaves(
            &format!("{joins}alice > @alice: DISCONNECT alice CHAT/1.0"),
            None,
        );
    }
}
