//! How a subject is to be spoken to, so that one fault of it does not hide all else.

use super::dialect::Dialect;

/// What was found out about a subject before it is judged, and is minded from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Manner {
    /// Where its messages end.
    pub dialect: Dialect,
    /// It loses what is not there yet when it accepts a connection: the first words are brought
    /// together with the connection, except where a transcript is about just that (S-CONC-3).
    pub arrives_with_words: bool,
    /// It registers clients, and does not say so: no answer is taken for success, except where a
    /// transcript asks for the answer (S-REG-1).
    pub registers_silently: bool,
    /// It sees to nobody else until who has registered says something: so each says a line at once.
    pub waits_for_first_message: bool,
    /// It takes the address first and then the name, except where a transcript is about that (C-ARG-1).
    pub takes_address_first: bool,
    /// It does not run twice at the same time, as it listens on a port of its own choice: where replays
    /// cannot have networks of their own, they come one after the other.
    pub runs_alone: bool,
    /// Each replay has a network of its own.
    pub has_own_network: bool,
}

impl Manner {
    /// Of a subject that needs no consideration.
    pub const PLAIN: Manner = Manner {
        dialect: Dialect::LINE,
        arrives_with_words: false,
        registers_silently: false,
        waits_for_first_message: false,
        takes_address_first: false,
        runs_alone: false,
        has_own_network: false,
    };
}
