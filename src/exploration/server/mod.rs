//! Conversations of chat users with a server.
//!
//! - `act`: what people do;
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
use act::{Act, Cut, Leaving, Registration};

/// What chat users do with a server, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConversation {
    acts: Vec<Act>,
}

impl Conversation for ServerConversation {
    fn random(random: &mut Random, reading: Reading) -> ServerConversation {
        ServerConversation {
            acts: generator::acts(random, reading),
        }
    }

    fn plain() -> ServerConversation {
        let joins = |who| Act::Registers {
            who,
            name: None,
            how: Registration::Plain,
        };
        let speaks = |who| Act::Speaks {
            who,
            texts: vec![Text::plain(who)],
            cut: Cut::Lines,
            leaves: false,
        };
        ServerConversation {
            acts: vec![joins(0), joins(1), speaks(0), speaks(1)],
        }
    }

    fn script(&self) -> Script {
        model::script(&self.acts)
    }

    fn until(&self, act: usize) -> ServerConversation {
        let end = self.acts.len().min(act + 1);
        ServerConversation {
            acts: self.acts[..end].to_vec(),
        }
    }

    fn simpler(&self) -> Vec<ServerConversation> {
        let all = simplify::simpler(&self.acts).into_iter();
        all.map(|acts| ServerConversation { acts }).collect()
    }

    fn beside_somebody(&self) -> Option<ServerConversation> {
        let somebody = Act::Registers {
            who: simplify::people(&self.acts).into_iter().max()? + 1,
            name: None,
            how: Registration::Plain,
        };
        let acts = self.acts.iter().cloned();
        Some(ServerConversation {
            acts: std::iter::once(somebody).chain(acts).collect(),
        })
    }

    fn peculiar_to(&self) -> Vec<&'static str> {
        // Only who stays silent while others do something may hold them up.
        let goes_on = |who| {
            let acts = self.acts.iter();
            acts.filter(|act| simplify::person(act) == Some(who))
                .count()
                > 1
        };
        let latest_first = self.acts.iter().enumerate().rev();
        let is_circumstance = |at: usize, act: &Act| match act {
            Act::Connects { who } => at + 1 < self.acts.len() && !goes_on(*who),
            _ => true,
        };
        let circumstances = latest_first.filter(|(at, act)| is_circumstance(*at, act));
        circumstances
            .flat_map(|(at, act)| {
                let mut ids = peculiar_to(act);
                ids.extend(self.registers_late(at).then_some(id::S_CONC_3));
                ids
            })
            .collect()
    }

    fn circumstances(&self) -> String {
        let mut told: Vec<String> = Vec::new();
        for act in &self.acts {
            let what = circumstance(act);
            told.extend(what.filter(|what| !told.contains(what)));
        }
        told.join(", ")
    }
}

impl ServerConversation {
    /// Whether somebody registers in the act at this place who connected in an earlier one.
    fn registers_late(&self, at: usize) -> bool {
        let (before, act) = (&self.acts[..at], &self.acts[at]);
        let connects =
            |earlier: &Act, who| matches!(earlier, Act::Connects { who: other } if *other == who);
        matches!(act, Act::Registers { who, .. } if before.iter().any(|act| connects(act, *who)))
    }
}

/// The requirements that an act is about beside the plain one.
fn peculiar_to(act: &Act) -> Vec<&'static str> {
    let mut ids = Vec::new();
    match act {
        Act::Registers { how, .. } => match how {
            Registration::InParts(_) | Registration::WithCarriageReturnApart => {
                ids.push(id::W_LINE_2);
            }
            Registration::WithMessage(_) => ids.push(id::W_LINE_3),
            Registration::WithCarriageReturn => ids.push(id::W_LINE_1),
            Registration::Plain | Registration::ToTheLetter => {}
        },
        Act::Speaks {
            texts, cut, leaves, ..
        } => {
            let of_texts = texts.iter().filter_map(|text| requirement_of(text, true));
            match cut {
                // Characters that are cut apart belong to the text.
                Cut::InParts(_) | Cut::WithPause(_) | Cut::CarriageReturnsApart => {
                    ids.extend(of_texts.chain([id::W_LINE_2]));
                }
                Cut::OneSegment => ids.extend([id::W_LINE_3].into_iter().chain(of_texts)),
                Cut::CarriageReturns => ids.extend([id::W_LINE_1].into_iter().chain(of_texts)),
                Cut::Lines => {
                    let behind = leaves.then_some(id::W_LINE_3);
                    ids.extend(behind.into_iter().chain(of_texts));
                }
            }
            if texts.len() > 1 {
                ids.push(id::S_MSG_5);
            }
        }
        Act::SpeakAtOnce { leaver, .. } => ids.extend(match leaver {
            Some((_, Leaving::Close | Leaving::CloseInMidLine)) => Some(id::S_DISC_5),
            Some((_, Leaving::Reset)) => Some(id::S_DISC_7),
            _ => None,
        }),
        Act::BeginsToRegister { .. } => ids.push(id::W_LINE_2),
        Act::AsksWrongly { .. } => ids.push(id::S_REG_3),
        Act::AsksForTakenName { .. } => ids.push(id::S_REG_5),
        Act::SpeaksInVain { .. } => ids.push(id::S_REG_7),
        Act::Leaves { how, .. } => ids.extend(match how {
            Leaving::Disconnect { .. } => &[][..],
            Leaving::DisconnectWithCarriageReturn => &[id::W_LINE_1],
            Leaving::Close => &[id::S_DISC_5],
            Leaving::CloseInMidLine => &[id::S_DISC_5, id::W_LINE_2],
            Leaving::Reset => &[id::S_DISC_7],
        }),
        Act::Waits => ids.push(id::S_CONC_1),
        Act::Connects { .. } => ids.push(id::S_CONC_2),
        Act::ComesAndGoes { .. } => ids.push(id::S_DISC_5),
        Act::ListensInVain { .. } | Act::PortIsPrinted | Act::ServerIsInterrupted => {}
    }
    ids
}

/// What is special about an act, to go at the end of a sentence.
fn circumstance(act: &Act) -> Option<String> {
    let words = match act {
        Act::Registers { how, .. } => match how {
            Registration::InParts(_) => "with a registration in several segments".to_owned(),
            Registration::WithMessage(_) => {
                "with a registration and a message in one segment".to_owned()
            }
            Registration::WithCarriageReturn => "with a line that ends with CR LF".to_owned(),
            Registration::WithCarriageReturnApart => {
                "with a line that ends with CR and, in another segment, LF".to_owned()
            }
            Registration::Plain | Registration::ToTheLetter => return None,
        },
        Act::Speaks {
            texts, cut, leaves, ..
        } => {
            let special = texts.iter().find_map(|text| text.phrase());
            let text = special.map(|phrase| format!("with {phrase}"));
            let cut = match cut {
                Cut::InParts(_) => Some("in several segments".to_owned()),
                Cut::WithPause(_) => Some("in two segments with a second in between".to_owned()),
                Cut::OneSegment if texts.len() > 1 => {
                    Some(format!("with {} lines in one segment", texts.len()))
                }
                Cut::CarriageReturns => Some("with lines that end with CR LF".to_owned()),
                Cut::CarriageReturnsApart => {
                    Some("with lines that end with CR and, in another segment, LF".to_owned())
                }
                Cut::OneSegment | Cut::Lines => None,
            };
            let leaves = leaves.then(|| "with a DISCONNECT right behind the message".to_owned());
            let all: Vec<String> = text.into_iter().chain(cut).chain(leaves).collect();
            if all.is_empty() {
                return None;
            }
            all.join(", ")
        }
        Act::SpeakAtOnce { leaver: None, .. } => {
            "when several say something at the same time".to_owned()
        }
        Act::SpeakAtOnce { .. } => "when it is said while somebody leaves".to_owned(),
        Act::BeginsToRegister { .. } => {
            "beside a client that has sent a part of its registration".to_owned()
        }
        Act::AsksWrongly { .. } => "after a malformed registration".to_owned(),
        Act::AsksForTakenName { .. } => "after somebody asked for a name in use".to_owned(),
        Act::SpeaksInVain { .. } => "after a refused client said something".to_owned(),
        Act::Leaves { how, .. } => match how {
            Leaving::Disconnect { .. } => "after somebody disconnected".to_owned(),
            Leaving::DisconnectWithCarriageReturn => {
                "after somebody disconnected by a line that ends with CR LF".to_owned()
            }
            Leaving::Close => "after somebody closed the connection".to_owned(),
            Leaving::CloseInMidLine => {
                "after somebody closed the connection in the middle of a line".to_owned()
            }
            Leaving::Reset => "after somebody reset the connection".to_owned(),
        },
        Act::ComesAndGoes { times, .. } => format!("after {times} clients came and went"),
        Act::Waits => "after four quiet seconds".to_owned(),
        Act::Connects { .. } => "beside a client that has said nothing".to_owned(),
        Act::ListensInVain { .. } | Act::PortIsPrinted | Act::ServerIsInterrupted => return None,
    };
    Some(words)
}
