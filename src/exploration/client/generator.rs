//! Random conversations with a client.

use super::act::{Act, Cut, End, Message, Opening};
use crate::exploration::conversation::Reading;
use crate::exploration::random::Random;
use crate::exploration::text::{Group, Text, name};

/// The situations that a conversation may have.
struct Situations {
    typed: Vec<Group>,
    received: Vec<Group>,
    has_segments: bool,
    has_carriage_returns: bool,
    has_names: bool,
    has_half_lines: bool,
    has_pastes: bool,
}

/// A random conversation: the client's name, how it begins, and what happens.
pub fn conversation(random: &mut Random, reading: Reading) -> (String, Opening, Vec<Act>) {
    let situations = Situations {
        typed: random.some_of(&Group::typed(), 35),
        received: random.some_of(&Group::SAID, 35),
        has_segments: reading.takes_segments && random.chance(45),
        has_carriage_returns: reading.takes_both_line_ends && random.chance(25),
        has_names: random.chance(25),
        has_half_lines: random.chance(45),
        has_pastes: random.chance(25),
    };
    let own_name = if situations.has_names {
        name(random)
    } else {
        "alice".to_owned()
    };
    let mut draft = Draft {
        next_word: random.within(0..=24),
        own_name,
        situations,
        said_without_word: false,
    };
    let opening = draft.opening(random);
    let mut acts = Vec::new();
    let goes_on = matches!(
        opening,
        Opening::Accepted(_) | Opening::AcceptedLate | Opening::AcceptedWithMessage(_)
    );
    if goes_on {
        for _ in 0..random.within(1..=8) {
            acts.push(draft.act(random));
        }
        // So that no damage goes unseen.
        acts.push(Act::Types(draft.plain()));
        acts.push(Act::Receives {
            messages: vec![Message {
                from: "bob".to_owned(),
                text: draft.plain(),
            }],
            cut: Cut::Lines,
        });
        if random.chance(80) {
            let end = draft.end(random);
            acts.push(end);
        }
    }
    (draft.own_name, opening, acts)
}

struct Draft {
    situations: Situations,
    own_name: String,
    next_word: usize,
    said_without_word: bool,
}

impl Draft {
    fn plain(&mut self) -> Text {
        self.next_word += 1;
        Text::plain(self.next_word)
    }

    fn typed(&mut self, random: &mut Random) -> Text {
        self.next_word += 1;
        let text = Text::random(random, self.next_word, &self.situations.typed);
        if text.has_tab() { self.plain() } else { text }
    }

    fn message(&mut self, random: &mut Random) -> Message {
        self.next_word += 1;
        let text = Text::random(random, self.next_word, &self.situations.received);
        // A text without a word of its own is used once, so that its copies can be counted.
        let is_usable = text.is_visible() && (text.has_word() || !self.said_without_word);
        let text = if is_usable { text } else { self.plain() };
        self.said_without_word |= !text.has_word();
        let own = self.own_name.clone();
        let like_own = [own.clone(), format!("{own}2"), "al".to_owned()];
        let from = match random.within(0..=9) {
            0..=2 if self.situations.has_names => random.one_of(&like_own).cloned(),
            3..=4 if self.situations.has_names => Some(name(random)),
            5 => Some("carol".to_owned()),
            _ => None,
        };
        Message {
            from: from.unwrap_or_else(|| "bob".to_owned()),
            text,
        }
    }

    fn messages(&mut self, random: &mut Random) -> Vec<Message> {
        let count = if random.chance(70) {
            1
        } else {
            random.within(2..=4)
        };
        (0..count).map(|_| self.message(random)).collect()
    }

    fn opening(&mut self, random: &mut Random) -> Opening {
        const REFUSALS: &[&str] = &["400 Invalid registration", "401 Client already registered"];
        let sizes = if self.situations.has_segments && random.chance(40) {
            sizes(random)
        } else {
            Vec::new()
        };
        match random.within(0..=19) {
            0..=1 => Opening::BadAddress(address(random)),
            2..=4 => Opening::Refused {
                line: random
                    .one_of(REFUSALS)
                    .copied()
                    .unwrap_or("400 Invalid registration")
                    .to_owned(),
                sizes,
                closes: random.chance(30),
            },
            5..=7 if self.situations.has_segments => {
                Opening::AcceptedWithMessage(self.message(random))
            }
            8 if random.chance(40) => Opening::AcceptedLate,
            _ => Opening::Accepted(sizes),
        }
    }

    fn act(&mut self, random: &mut Random) -> Act {
        match random.within(0..=9) {
            0..=2 => Act::Types(self.typed(random)),
            3 if self.situations.has_pastes => {
                let count = random.within(2..=10);
                Act::Pastes((0..count).map(|_| self.typed(random)).collect())
            }
            4..=5 if self.situations.has_half_lines => Act::TypesAround {
                text: self.typed(random),
                messages: self.messages(random),
            },
            6 if random.chance(30) => Act::SendsNothing,
            6 if random.chance(40) => Act::TypesAtOnce {
                text: self.plain(),
                message: Message {
                    from: "bob".to_owned(),
                    text: self.plain(),
                },
            },
            _ => {
                let mut messages = self.messages(random);
                let cut = match random.within(0..=3) {
                    0 if self.situations.has_segments => Cut::OneSegment,
                    3 if self.situations.has_carriage_returns => Cut::CarriageReturns,
                    1..=2 if self.situations.has_segments => Cut::InParts(sizes(random)),
                    _ => Cut::Lines,
                };
                if cut == Cut::Lines && random.chance(15) {
                    // The same line twice.
                    messages.push(messages[0].clone());
                }
                Act::Receives { messages, cut }
            }
        }
    }

    fn end(&mut self, random: &mut Random) -> Act {
        let has_segments = self.situations.has_segments;
        let how = match random.within(0..=9) {
            0..=3 => End::Interrupt,
            4 if has_segments => End::GoodbyeBehind(self.messages(random)),
            5 if has_segments => End::GoodbyeInParts(sizes(random)),
            6 if has_segments && random.chance(50) => End::ClosedWithinLine,
            4..=7 => End::Goodbye,
            _ => End::Closed,
        };
        let is_in_mid_line = self.situations.has_half_lines && random.chance(50);
        Act::Ends {
            how,
            half_typed: is_in_mid_line.then(|| self.plain()),
        }
    }
}

/// Sizes of the parts of a line or two.
fn sizes(random: &mut Random) -> Vec<usize> {
    const ABOUT: usize = 40;
    if random.chance(15) {
        // Byte by byte.
        return vec![1; ABOUT];
    }
    let parts = random.within(1..=3);
    (0..parts).map(|_| random.within(1..=ABOUT / 2)).collect()
}

/// An address that is none.
fn address(random: &mut Random) -> String {
    const ADDRESSES: &[&str] = &[
        "http://{host}:{port}",
        "https://{host}:{port}",
        "ftp://{host}:{port}",
        "chats://{host}:{port}",
        "chatx://{host}:{port}",
        "xchat://{host}:{port}",
        "cha://{host}:{port}",
        "://{host}:{port}",
        "//{host}:{port}",
        "{host}:{port}",
        "{host}",
        "{port}",
        "chat://{host}",
        "chat://{host}:",
        "chat://:{port}",
        "chat://",
        "chat:",
        "chat",
        "chat://{host}:harbour",
        "chat://{host}:12x4",
        "chat://{host}:70000",
        "chat://{host}:{overflowing}",
        "chat://{host}:65536",
        "chat://{host}:-1",
        "chat://{host}:99999999999999999999",
        "chat://[{host}:{port}",
        "chat://nobody.invalid:{port}",
        "somewhere",
        "chat://{host}:{unused}",
    ];
    random
        .one_of(ADDRESSES)
        .copied()
        .unwrap_or("somewhere")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exploration::client::model::script;

    #[test]
    fn every_random_conversation_is_a_transcript() {
        for number in 0..2000 {
            let mut random = Random::of_conversation(1, number);
            let reading = if number % 2 == 0 {
                Reading::LINES
            } else {
                Reading::BARE
            };
            let (name, opening, acts) = conversation(&mut random, reading);
            let script = script(&name, &opening, &acts);
            if let Err(source) = script.transcript("random", "A case.", &["C-MSG-1"]) {
                panic!("conversation {number} is no transcript:\n{source}");
            }
        }
    }
}
