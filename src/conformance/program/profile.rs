//! How a subject is to be spoken to, so that one fault of it does not hide all else.

use serde::{Deserialize, Serialize};

use crate::conformance::program::dialect::Dialect;

/// What was found out about a subject before it is judged, and is minded from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Where its messages end.
    pub dialect: Dialect,
    /// It loses what is not there yet when it accepts a connection: the first words are brought
    /// together with the connection, except where a transcript is about just that (S-CONC-3).
    pub arrives_with_words: bool,
    /// It registers clients, and does not say so: no answer is taken for success, except where a
    /// transcript asks for the answer (S-REG-1).
    pub registers_silently: bool,
    /// It takes a registration without an end for whole, though it reads lines from then on: that is
    /// charged once (W-LINE-1), and no registration is sent to it in parts.
    pub registers_without_end: bool,
    /// It takes each read for a message, and relays it with the end that it came with: it is spoken to
    /// in lines, one at a time, and not asked about lines in segments.
    pub relays_reads: bool,
    /// It sees to nobody else until who has registered says something: so each says a line at once.
    pub waits_for_first_message: bool,
    /// It takes the address first and then the name, except where a transcript is about that (C-ARG-1).
    pub takes_address_first: bool,
    /// It does not run twice at the same time, as it listens on a port of its own choice: where replays
    /// cannot have networks of their own, they come one after the other.
    pub runs_alone: bool,
    /// Each replay has a network of its own, in which nobody else can be in its way.
    pub has_own_network: bool,
}

impl Profile {
    /// Of a subject that needs no consideration.
    pub const PLAIN: Profile = Profile {
        dialect: Dialect::LINE,
        arrives_with_words: false,
        registers_silently: false,
        registers_without_end: false,
        relays_reads: false,
        waits_for_first_message: false,
        takes_address_first: false,
        runs_alone: false,
        has_own_network: false,
    };

    /// What a reader of the report should know of it, a sentence each.
    pub fn remarks(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (
                self.runs_alone && self.has_own_network,
                "It does not run twice at the same time (see S-PORT-1), so each transcript was given a \
                 network of its own.",
            ),
            (
                self.runs_alone && !self.has_own_network,
                "It does not run twice at the same time (see S-PORT-1), so one transcript was replayed \
                 after the other.",
            ),
            (
                self.arrives_with_words,
                "It loses a registration that is not there yet when it accepts the connection (see \
                 S-CONC-3); elsewhere the two were brought together.",
            ),
            (
                self.waits_for_first_message,
                "It sees to nobody else until who has registered says something (see S-CONC-1); elsewhere \
                 each said a line at once.",
            ),
            (
                self.registers_without_end,
                "It takes the first part of a registration for all of it (see W-LINE-1); so none was sent \
                 in parts.",
            ),
            (
                self.relays_reads,
                "It takes each read for a message, and relays it as it came, with a line end or without \
                 (see W-LINE-1); so it was sent one line at a time.",
            ),
            (
                self.registers_silently,
                "It registers clients without an answer (see S-REG-1); elsewhere none was waited for.",
            ),
            (
                self.takes_address_first,
                "It takes the address first, and then the name (see C-ARG-1); elsewhere it was given them so.",
            ),
        ];
        all.into_iter()
            .filter_map(|(is_so, remark)| is_so.then_some(remark))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_minded_is_told() {
        assert_eq!(Profile::PLAIN.remarks().count(), 0);
        let every = Profile {
            dialect: Dialect::LINE,
            arrives_with_words: true,
            registers_silently: true,
            registers_without_end: true,
            relays_reads: true,
            waits_for_first_message: true,
            takes_address_first: true,
            runs_alone: true,
            has_own_network: false,
        };
        assert_eq!(every.remarks().count(), 7);
        // A network of its own is worth a word only where the program would otherwise be in its own way.
        let apart = Profile {
            has_own_network: true,
            ..Profile::PLAIN
        };
        assert_eq!(apart.remarks().count(), 0);
    }
}
