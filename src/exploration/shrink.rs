//! The smallest conversation that still fails.

use super::conversation::Conversation;

/// What comes of making a conversation simpler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk<C> {
    /// The last one that still failed.
    pub conversation: C,
    /// Whether every simpler one was tried, and none of them failed.
    pub is_smallest: bool,
}

/// Makes `failing` simpler as long as what results `still_fails`, with at most so many attempts.
pub fn smallest<C: Conversation>(
    failing: C,
    most_attempts: usize,
    mut still_fails: impl FnMut(&C) -> bool,
) -> Shrunk<C> {
    let mut smallest = failing;
    let mut attempts = 0;
    // What was tried once need not be tried again.
    let mut tried: Vec<C> = Vec::new();
    loop {
        let mut simpler = smallest.simpler().into_iter();
        let next = simpler.find(|candidate| {
            if attempts >= most_attempts || tried.contains(candidate) {
                return false;
            }
            // A change that leaves the transcript as it is needs no replay.
            if candidate.script() == smallest.script() {
                return true;
            }
            attempts += 1;
            tried.push(candidate.clone());
            still_fails(candidate)
        });
        match next {
            Some(next) => smallest = next,
            None => {
                return Shrunk {
                    conversation: smallest,
                    is_smallest: attempts < most_attempts,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exploration::conversation::Reading;
    use crate::exploration::random::Random;
    use crate::exploration::server::ServerConversation;

    fn source(conversation: &ServerConversation) -> String {
        let script = conversation.script();
        let transcript = script.transcript("test", "A case.", &["S-MSG-1"]);
        transcript.map_or_else(|source| source, |(text, _)| text)
    }

    fn random(number: u64) -> ServerConversation {
        let reading = Reading::LINES;
        ServerConversation::random(&mut Random::of_conversation(3, number), reading)
    }

    /// Shrinks the first random conversation that holds these words.
    fn smallest_with(words: &[&str]) -> String {
        let holds = |conversation: &ServerConversation| {
            let source = source(conversation);
            words.iter().all(|word| source.contains(word))
        };
        let failing = (0..2000).map(random).find(&holds);
        let failing = failing.expect("one of many conversations has these words");
        let smallest = smallest(failing, 2000, holds);
        assert!(smallest.is_smallest);
        let text = source(&smallest.conversation);
        text.split_once("\n\n").expect("has a head").1.to_owned()
    }

    #[test]
    fn only_what_is_needed_is_left() {
        assert_eq!(smallest_with(&["resets"]), "alice joins\n\nalice resets\n");
        assert_eq!(
            smallest_with(&["is disconnected", "server ends"]),
            "alice joins\n\nalice > DISCONNECT alice CHAT/1.0\nalice is disconnected\n\nserver is \
             interrupted\nserver ends\n"
        );
    }

    #[test]
    fn a_text_keeps_its_form_only_where_it_matters() {
        let smallest = smallest_with(&["%s", "bob"]);
        assert!(smallest.contains("%s"), "{smallest}");
        assert!(smallest.lines().count() <= 8, "{smallest}");
    }

    #[test]
    fn attempts_are_bounded() {
        let failing = random(1);
        let mut attempts = 0;
        let shrunk = smallest(failing, 7, |_| {
            attempts += 1;
            true
        });
        assert_eq!(attempts, 7);
        assert!(!shrunk.is_smallest);
    }
}
