//! All that a replay does differently for the requirements that its transcript is about.

use std::collections::BTreeSet;

use crate::conformance::conversation::expectation::{Comparison, Exactness};
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::evidence::topic::Topic;
use crate::conformance::program::dialect::Dialect;

/// What one replay asks and what it passes over. Made from the transcript and the program's profile before the
/// replay; the player itself knows no requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How the program is spoken to and understood here.
    pub dialect: Dialect,
    /// How exactly lines are compared.
    pub comparison: Comparison,
    /// The topics that the transcript judges: a mistake about another one is passed over.
    pub judges: BTreeSet<Topic>,
    /// Whether to wait for the answer to a registration from a program that is known to give none.
    pub awaits_registration_answer: bool,
    /// Whether the first words of a client come later than its connection, whatever the program prefers.
    pub comes_without_words: bool,
    /// Whether clients stay quiet after they registered, whatever the program prefers.
    pub leaves_clients_quiet: bool,
    /// Whether to look for second copies of messages at the end.
    pub looks_for_late_copies: bool,
    /// Whether a client is given its name first, whatever the program prefers.
    pub gives_name_first: bool,
    /// Whether a second copy of a message on the screen is wrong.
    pub counts_copies_on_screen: bool,
}

impl Policy {
    /// Judges nothing by itself and accepts what anybody would: for probes.
    pub fn lenient(dialect: Dialect) -> Policy {
        Policy {
            dialect,
            comparison: Comparison {
                message: Exactness::Words,
                goodbye: Exactness::Words,
                register: Exactness::Anything,
                disconnect: Exactness::Words,
            },
            judges: BTreeSet::new(),
            awaits_registration_answer: false,
            comes_without_words: false,
            leaves_clients_quiet: false,
            looks_for_late_copies: false,
            gives_name_first: false,
            counts_copies_on_screen: false,
        }
    }

    /// Whether the transcript judges this topic.
    pub fn judges(&self, topic: Topic) -> bool {
        self.judges.contains(&topic)
    }

    /// Whether a line of this meaning ends the replay.
    pub fn refuses(&self, meaning: Meaning) -> bool {
        meaning.is_mistake() && self.judges(Topic::Mistake(meaning))
    }
}
