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

/// For each step, whether somebody registers in it under a name that its holder gave up by a DISCONNECT.
pub fn comings_back(steps: &[Step]) -> Vec<bool> {
    let mut attendance = Attendance::default();
    let actions = steps.iter().map(|step| &step.action);
    let comes_back = actions.map(|action| {
        let name = match action {
            Action::Joins { name, .. } => Some(&**name),
            Action::Says { line, .. } => registers_as(line),
            _ => None,
        };
        let is_given_up = name.is_some_and(|name| attendance.given_up.contains(name));
        attendance.after(action);
        is_given_up
    });
    comes_back.collect()
}

#[derive(Default)]
struct Attendance<'t> {
    /// Who is registered, and under which name.
    registered: BTreeMap<&'t str, &'t str>,
    /// The name that each actor asked for last.
    asked: BTreeMap<&'t str, &'t str>,
    /// The names of those who have said DISCONNECT.
    given_up: BTreeSet<&'t str>,
    /// Who has said DISCONNECT, and may not have closed its connection yet.
    gone: BTreeSet<&'t str>,
    /// What each actor sent of a line that has no end yet.
    begun: BTreeMap<&'t str, Vec<u8>>,
}

impl<'t> Attendance<'t> {
    fn after(&mut self, action: &'t Action) -> Option<Leaving> {
        match action {
            Action::Joins { actor, name } => {
                self.gone.remove(&**actor);
                self.registered.insert(actor, name);
                None
            }
            Action::Connects { actor, .. } => {
                self.gone.remove(&**actor);
                None
            }
            Action::Gets { actor, line, .. } => {
                if matches!(Utterance::of(line), Utterance::Status { code: "200", .. }) {
                    let name = self.asked.get(&**actor).copied();
                    self.registered.insert(actor, name.unwrap_or(actor));
                }
                None
            }
            Action::Says { actor, line } => {
                if let Some(name) = registers_as(line) {
                    self.asked.insert(actor, name);
                }
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
        let name = self.registered.remove(actor);
        self.given_up
            .extend(name.filter(|_| how == Departure::Disconnect));
        Leaving {
            how,
            is_last: name.is_some() && self.registered.is_empty(),
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

/// The name under which a line asks to be registered.
fn registers_as(line: &str) -> Option<&str> {
    match Utterance::of(line) {
        Utterance::Register { name } => Some(name),
        _ => None,
    }
}

fn says_disconnect(line: &str) -> bool {
    matches!(Utterance::of(line), Utterance::Disconnect { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::parse;

    #[test]
    fn a_name_is_given_up_by_its_holder_only() {
        let comes_back = |steps: &str| {
            let source = format!("# A case.\ncovers S-DISC-2\n\n{steps}\nheir joins as alice\n");
            let transcript = parse("case", &source).expect("is a transcript");
            comings_back(&transcript.steps).pop()
        };
        assert_eq!(
            comes_back("alice joins\nalice > DISCONNECT alice CHAT/1.0"),
            Some(true)
        );
        let in_parts = "alice sends \"DISCONNECT al\"\nalice sends \"ice CHAT/1.0\\n\"";
        assert_eq!(comes_back(&format!("alice joins\n{in_parts}")), Some(true));
        assert_eq!(comes_back("alice joins\nalice closes"), Some(false));
        let of_another = "bob joins as alice\ncarol connects\ncarol > DISCONNECT alice CHAT/1.0";
        assert_eq!(comes_back(of_another), Some(false));
    }

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
