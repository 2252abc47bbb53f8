//! Conversations of a client with its user and a server.
//!
//! - `act`: what happens;
//! - `model`: what must follow from it, by the requirements;
//! - `generator`: random conversations;
//! - `simplify`: simpler conversations.

mod act;
mod generator;
mod model;
mod simplify;

use super::conversation::{Conversation, Reading};
use super::random::Random;
use super::script::Script;
use super::text::{Text, requirement_of};
use crate::conformance::suite::id;
use act::{Act, Cut, End, Message, Opening};

const PLAIN_NAME: &str = "alice";

/// What happens to a client, one thing after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientConversation {
    name: String,
    opening: Opening,
    acts: Vec<Act>,
}

impl Conversation for ClientConversation {
    fn random(random: &mut Random, reading: Reading) -> ClientConversation {
        let (name, opening, acts) = generator::conversation(random, reading);
        ClientConversation {
            name,
            opening,
            acts,
        }
    }

    fn plain() -> ClientConversation {
        let message = Message {
            from: "bob".to_owned(),
            text: Text::plain(1),
        };
        ClientConversation {
            name: PLAIN_NAME.to_owned(),
            opening: Opening::Accepted(Vec::new()),
            acts: vec![
                Act::Types(Text::plain(0)),
                Act::Receives {
                    messages: vec![message],
                    cut: Cut::Lines,
                },
            ],
        }
    }

    fn script(&self) -> Script {
        model::script(&self.name, &self.opening, &self.acts)
    }

    fn until(&self, act: usize) -> ClientConversation {
        ClientConversation {
            acts: self.acts[..self.acts.len().min(act)].to_vec(),
            ..self.clone()
        }
    }

    fn simpler(&self) -> Vec<ClientConversation> {
        let fewer = simplify::simpler(&self.acts).into_iter();
        let mut all: Vec<ClientConversation> = fewer
            .map(|acts| ClientConversation {
                acts,
                ..self.clone()
            })
            .collect();
        if let Opening::AcceptedWithMessage(message) = &self.opening {
            let arrives = Act::Receives {
                messages: vec![message.clone()],
                cut: Cut::Lines,
            };
            all.push(ClientConversation {
                name: self.name.clone(),
                opening: Opening::Accepted(Vec::new()),
                acts: [&[arrives], &self.acts[..]].concat(),
            });
        }
        let openings = simplify::simpler_openings(&self.opening).into_iter();
        all.extend(openings.map(|opening| ClientConversation {
            opening,
            ..self.clone()
        }));
        if self.name != PLAIN_NAME {
            all.push(ClientConversation {
                name: PLAIN_NAME.to_owned(),
                ..self.clone()
            });
        }
        all
    }

    fn beside_somebody(&self) -> Option<ClientConversation> {
        None
    }

    fn peculiar_to(&self) -> Vec<&'static str> {
        let acts = self.acts.iter().rev();
        let mut ids: Vec<&'static str> = acts.flat_map(peculiar_to).collect();
        match &self.opening {
            Opening::Accepted(sizes) | Opening::Refused { sizes, .. } if !sizes.is_empty() => {
                ids.push(id::W_LINE_2);
            }
            // Only what starts with a right address can be seen to refuse a wrong one.
            Opening::BadAddress(_) => ids.push(id::C_ARG_1),
            Opening::AcceptedLate => ids.push(id::C_REG_2),
            Opening::AcceptedWithMessage(message) => {
                ids.extend(requirement_of(&message.text, false));
                ids.push(id::W_LINE_3);
            }
            _ => {}
        }
        if self.name != PLAIN_NAME {
            ids.push(id::C_ARG_1);
        }
        ids
    }

    fn circumstances(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        if self.name != PLAIN_NAME {
            told.push(format!("for a user named {}", self.name));
        }
        match &self.opening {
            Opening::BadAddress(address) => told.push(format!("for the address {address}")),
            Opening::Accepted(sizes) | Opening::Refused { sizes, .. } if !sizes.is_empty() => {
                told.push("where the answer comes in several segments".to_owned());
            }
            Opening::AcceptedLate => told.push("where the answer takes some seconds".to_owned()),
            Opening::AcceptedWithMessage(_) => {
                told.push("where a message comes in one segment with the status".to_owned());
            }
            _ => {}
        }
        for act in &self.acts {
            for what in circumstances(act) {
                if !told.contains(&what) {
                    told.push(what);
                }
            }
        }
        told.join(", ")
    }
}

fn of_texts<'t>(texts: impl Iterator<Item = &'t Text>) -> impl Iterator<Item = &'static str> {
    texts.filter_map(|text| requirement_of(text, false))
}

/// The requirements that an act is about beside the plain one.
fn peculiar_to(act: &Act) -> Vec<&'static str> {
    let texts = |messages: &[Message]| {
        let texts = messages.iter().map(|message| &message.text);
        of_texts(texts).collect::<Vec<_>>()
    };
    match act {
        // That another text is sent shows that the client lets its user type.
        Act::Types(text) => {
            let is_special = text.phrase().is_some();
            let of_text = of_texts(std::iter::once(text));
            of_text.chain(is_special.then_some(id::C_MSG_1)).collect()
        }
        Act::Pastes(all) => {
            let mut ids = vec![id::C_MSG_3];
            ids.extend(of_texts(all.iter()));
            ids
        }
        Act::TypesAround { text, messages } => {
            let mut ids = vec![id::C_MSG_3];
            ids.extend(of_texts(std::iter::once(text)));
            ids.extend(texts(messages));
            ids
        }
        Act::TypesAtOnce { .. } => vec![id::C_MSG_3],
        Act::Receives { messages, cut } => {
            let mut ids = match cut {
                Cut::Lines => Vec::new(),
                Cut::CarriageReturns => vec![id::W_LINE_1],
                Cut::OneSegment => vec![id::W_LINE_3],
                // Characters that are cut apart belong to the text.
                Cut::InParts(_) => {
                    let of_texts = texts(messages);
                    return of_texts.into_iter().chain([id::W_LINE_2]).collect();
                }
            };
            ids.extend(texts(messages));
            ids
        }
        Act::SendsNothing => Vec::new(),
        Act::Ends { how, .. } => match how {
            End::GoodbyeBehind(_) => vec![id::W_LINE_3],
            End::GoodbyeInParts(_) => vec![id::W_LINE_2],
            End::Interrupt | End::Goodbye | End::Closed | End::ClosedWithinLine => Vec::new(),
        },
    }
}

/// What is special about an act, to go at the end of a sentence.
fn circumstances(act: &Act) -> Vec<String> {
    let with = |texts: &[&Text]| {
        let phrase = texts.iter().find_map(|text| text.phrase());
        phrase.map(|phrase| format!("with {phrase}"))
    };
    let of_messages = |messages: &[Message]| {
        let texts: Vec<&Text> = messages.iter().map(|message| &message.text).collect();
        with(&texts)
    };
    let mut told: Vec<String> = Vec::new();
    match act {
        Act::Types(text) => told.extend(with(&[text])),
        Act::Pastes(texts) => {
            told.push("for lines that are pasted at once".to_owned());
            told.extend(with(&texts.iter().collect::<Vec<_>>()));
        }
        Act::TypesAround { text, messages } => {
            told.push("while half a line is typed".to_owned());
            told.extend(with(&[text]));
            told.extend(of_messages(messages));
        }
        Act::TypesAtOnce { .. } => {
            told.push("when a message comes at the same time as Enter".to_owned());
        }
        Act::Receives { messages, cut } => {
            told.extend(of_messages(messages));
            told.extend(match cut {
                Cut::Lines => None,
                Cut::CarriageReturns => Some("with a line that ends with CR LF".to_owned()),
                Cut::OneSegment => Some("in one segment with another".to_owned()),
                Cut::InParts(_) => Some("in several segments".to_owned()),
            });
        }
        Act::SendsNothing => {}
        Act::Ends { how, half_typed } => {
            told.extend(match how {
                End::GoodbyeBehind(_) => Some("in one segment with a message".to_owned()),
                End::GoodbyeInParts(_) => Some("in several segments".to_owned()),
                End::ClosedWithinLine => Some("after a part of a line".to_owned()),
                End::Interrupt | End::Goodbye | End::Closed => None,
            });
            if half_typed.is_some() {
                told.push("while half a line is typed".to_owned());
            }
        }
    }
    told
}
