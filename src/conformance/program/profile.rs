//! How to speak to a program, so that one fault does not hide everything else.

use serde::{Deserialize, Serialize};

use crate::conformance::program::dialect::Dialect;

/// The quirks of a program, found out by the probe before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Where its messages end.
    pub dialect: Dialect,
    /// It loses what does not arrive together with the connection. So an actor's first words are sent with the
    /// connection, except in transcripts about that (S-CONC-3).
    pub arrives_with_words: bool,
    /// It registers clients without an answer. So no answer counts as success, except in transcripts that expect the
    /// answer (S-REG-1).
    pub registers_silently: bool,
    /// It accepts a registration without a line end, although it reads lines afterwards. That is charged once
    /// (W-LINE-1), and no registration is sent in parts.
    pub registers_without_end: bool,
    /// It takes each read for a message, and relays it with its end. So it is sent one line at a time, and
    /// transcripts that send lines in segments do not apply.
    pub relays_reads: bool,
    /// It writes text of its own together with a user's words, in one write. So what arrives in front of a message
    /// belongs to it. Asked only of programs that mark no ends.
    #[serde(default)]
    pub adds_to_messages: bool,
    /// It leaves notices of its own without an end, so that they run into the next line. So a message that ends such
    /// a line is taken by itself.
    #[serde(default)]
    pub leaves_notices_unended: bool,
    /// It serves no other client until the newest one sends a message. So each actor sends a line after it registers.
    pub waits_for_first_message: bool,
    /// It takes the address before the name, except in transcripts about that (C-ARG-1).
    pub takes_address_first: bool,
    /// It listens on several ports: the place, in the order in which it opens them, of the one that answers a
    /// registration. The numbers differ from one start to the next.
    #[serde(default)]
    pub answering_port: Option<u8>,
    /// It cannot run twice at the same time, because its port is fixed. If replays cannot have networks of their own,
    /// they run one after the other.
    pub runs_alone: bool,
    /// Each replay has a network of its own, without other programs.
    pub has_own_network: bool,
}

impl Profile {
    /// A program without quirks.
    pub const PLAIN: Profile = Profile {
        dialect: Dialect::LINE,
        arrives_with_words: false,
        registers_silently: false,
        registers_without_end: false,
        relays_reads: false,
        adds_to_messages: false,
        leaves_notices_unended: false,
        waits_for_first_message: false,
        takes_address_first: false,
        answering_port: None,
        runs_alone: false,
        has_own_network: false,
    };

    /// Remarks for the reader of the report, a sentence each.
    pub fn remarks(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (
                self.runs_alone && self.has_own_network,
                "It cannot run twice at the same time (see S-PORT-1), so each transcript ran in a network \
                 of its own.",
            ),
            (
                self.runs_alone && !self.has_own_network,
                "It cannot run twice at the same time (see S-PORT-1), so the transcripts were replayed one \
                 after the other.",
            ),
            (
                self.arrives_with_words,
                "It loses a registration that arrives after it accepted the connection (see S-CONC-3); in \
                 other transcripts both arrived together.",
            ),
            (
                self.waits_for_first_message,
                "It serves no other client until the newest one sends a message (see S-CONC-1); in other \
                 transcripts each client sent a line after it registered.",
            ),
            (
                self.registers_without_end,
                "It takes the first part of a registration for all of it (see W-LINE-1), so no registration \
                 was sent in parts.",
            ),
            (
                self.relays_reads,
                "It takes each read for a message, and relays it with or without a line end (see W-LINE-1), \
                 so it was sent one line at a time.",
            ),
            (
                self.adds_to_messages,
                "It writes text of its own together with a user's words (see S-MSG-1), so that text was taken \
                 for a part of the message.",
            ),
            (
                self.leaves_notices_unended,
                "It does not end its notices (see W-LINE-1), so the message behind a notice was taken by itself.",
            ),
            (
                self.registers_silently,
                "It registers clients without an answer (see S-REG-1); in other transcripts no answer was \
                 expected.",
            ),
            (
                self.answering_port.is_some(),
                "It listens on several ports, so the transcripts spoke to the one that answers a registration.",
            ),
            (
                self.takes_address_first,
                "It takes the address before the name (see C-ARG-1); in other transcripts it got them in \
                 that order.",
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
    fn every_quirk_has_a_remark() {
        assert_eq!(Profile::PLAIN.remarks().count(), 0);
        let every = Profile {
            dialect: Dialect::LINE,
            arrives_with_words: true,
            registers_silently: true,
            registers_without_end: true,
            relays_reads: true,
            adds_to_messages: true,
            leaves_notices_unended: true,
            waits_for_first_message: true,
            takes_address_first: true,
            answering_port: Some(1),
            runs_alone: true,
            has_own_network: false,
        };
        assert_eq!(every.remarks().count(), 10);
        // A network of its own is worth a remark only if the program would otherwise conflict with itself.
        let apart = Profile {
            has_own_network: true,
            ..Profile::PLAIN
        };
        assert_eq!(apart.remarks().count(), 0);
    }
}
