//! Simpler conversations with a client.

use super::act::{Act, Cut, End, Message, Opening};
use crate::exploration::conversation::{
    changing_one, fewer, leaving_out, plainer_everywhere, replacing_one,
};
use crate::exploration::text::Text;

/// Simpler openings.
pub fn simpler_openings(opening: &Opening) -> Vec<Opening> {
    match opening {
        Opening::BadAddress(_) => Vec::new(),
        Opening::Accepted(sizes) => simpler_sizes(sizes)
            .into_iter()
            .map(Opening::Accepted)
            .collect(),
        Opening::AcceptedLate => vec![Opening::Accepted(Vec::new())],
        Opening::AcceptedWithMessage(message) => {
            let mut all = vec![Opening::Accepted(Vec::new())];
            let simpler = simpler_messages(message).into_iter();
            all.extend(simpler.map(Opening::AcceptedWithMessage));
            all
        }
        Opening::Refused {
            line,
            sizes,
            closes,
        } => {
            let with = |sizes: Vec<usize>, closes| Opening::Refused {
                line: line.clone(),
                sizes,
                closes,
            };
            let fewer = simpler_sizes(sizes).into_iter();
            let mut all: Vec<Opening> = fewer.map(|sizes| with(sizes, *closes)).collect();
            if *closes {
                all.push(with(sizes.clone(), false));
            }
            all
        }
    }
}

/// Simpler lists of acts, those that leave out most first.
pub fn simpler(acts: &[Act]) -> Vec<Vec<Act>> {
    let kinds: [fn(Act) -> Act; 3] = [plain_cuts, plain_texts, plain_typing];
    let mut all = plainer_everywhere(acts, &kinds);
    all.extend(leaving_out(acts));
    all.extend(replacing_one(acts, one_after_the_other));
    all.extend(changing_one(acts, simpler_acts));
    all
}

/// What happens at once in an act, one after the other; empty where nothing does.
fn one_after_the_other(act: &Act) -> Vec<Act> {
    let arrive = |messages: &[Message]| Act::Receives {
        messages: messages.to_vec(),
        cut: Cut::Lines,
    };
    match act {
        Act::Pastes(texts) => texts.iter().cloned().map(Act::Types).collect(),
        Act::TypesAround { text, messages } => vec![Act::Types(text.clone()), arrive(messages)],
        Act::TypesAtOnce { text, message } => {
            vec![
                Act::Types(text.clone()),
                arrive(std::slice::from_ref(message)),
            ]
        }
        Act::Ends {
            how: End::GoodbyeBehind(messages),
            half_typed,
        } => {
            let goodbye = Act::Ends {
                how: End::Goodbye,
                half_typed: half_typed.clone(),
            };
            vec![arrive(messages), goodbye]
        }
        _ => Vec::new(),
    }
}

/// The act with each line in a segment of its own.
fn plain_cuts(mut act: Act) -> Act {
    match &mut act {
        Act::Receives { cut, .. } => *cut = Cut::Lines,
        Act::Ends { how, .. }
            if !matches!(how, End::Interrupt | End::Closed | End::ClosedWithinLine) =>
        {
            *how = End::Goodbye;
        }
        _ => {}
    }
    act
}

/// The act with nothing special in its texts.
fn plain_texts(mut act: Act) -> Act {
    let plain = |messages: &mut Vec<Message>| {
        let texts = messages.iter_mut().map(|message| &mut message.text);
        texts.for_each(Text::make_plain);
    };
    match &mut act {
        Act::Types(text) => text.make_plain(),
        Act::Pastes(texts) => texts.iter_mut().for_each(Text::make_plain),
        Act::TypesAround { text, messages } => {
            text.make_plain();
            plain(messages);
        }
        Act::TypesAtOnce { text, message } => {
            text.make_plain();
            message.text.make_plain();
        }
        Act::Receives { messages, .. } => plain(messages),
        Act::SendsNothing | Act::Ends { .. } => {}
    }
    act
}

/// The act with nothing half typed.
fn plain_typing(act: Act) -> Act {
    match act {
        Act::TypesAround { text, .. } | Act::TypesAtOnce { text, .. } => Act::Types(text),
        Act::Ends { how, .. } => Act::Ends {
            how,
            half_typed: None,
        },
        other => other,
    }
}

fn simpler_acts(act: &Act) -> Vec<Act> {
    match act {
        Act::Types(text) => text.simpler().map(Act::Types).into_iter().collect(),
        Act::Pastes(texts) => {
            let mut all: Vec<Act> = leaving_out(texts)
                .into_iter()
                .filter_map(|fewer| match &fewer[..] {
                    [] => None,
                    [one] => Some(Act::Types(one.clone())),
                    _ => Some(Act::Pastes(fewer)),
                })
                .collect();
            all.extend(
                changing_one(texts, |text| text.simpler().into_iter().collect())
                    .into_iter()
                    .map(Act::Pastes),
            );
            all
        }
        Act::TypesAround { text, messages } => {
            let with = |text: &Text, messages: Vec<Message>| Act::TypesAround {
                text: text.clone(),
                messages,
            };
            let mut all = vec![
                Act::Types(text.clone()),
                Act::Receives {
                    messages: messages.clone(),
                    cut: Cut::Lines,
                },
            ];
            all.extend(fewer(messages).map(|fewer| with(text, fewer)));
            all.extend(
                changing_one(messages, simpler_messages)
                    .into_iter()
                    .map(|changed| with(text, changed)),
            );
            all.extend(text.simpler().map(|text| with(&text, messages.clone())));
            all
        }
        Act::TypesAtOnce { text, message } => vec![
            Act::Types(text.clone()),
            Act::Receives {
                messages: vec![message.clone()],
                cut: Cut::Lines,
            },
        ],
        Act::Receives { messages, cut } => {
            let with = |messages: Vec<Message>, cut: Cut| Act::Receives { messages, cut };
            let mut all: Vec<Act> = fewer(messages)
                .map(|fewer| with(fewer, cut.clone()))
                .collect();
            all.extend(
                changing_one(messages, simpler_messages)
                    .into_iter()
                    .map(|changed| with(changed, cut.clone())),
            );
            match cut {
                Cut::Lines => {}
                Cut::OneSegment | Cut::CarriageReturns => {
                    all.push(with(messages.clone(), Cut::Lines));
                }
                Cut::InParts(sizes) => {
                    all.push(with(messages.clone(), Cut::Lines));
                    all.push(with(messages.clone(), Cut::OneSegment));
                    let sizes = fewer(sizes);
                    all.extend(sizes.map(|sizes| with(messages.clone(), Cut::InParts(sizes))));
                }
            }
            all
        }
        Act::SendsNothing => Vec::new(),
        Act::Ends { how, half_typed } => {
            let with = |how: End, half_typed: &Option<Text>| Act::Ends {
                how,
                half_typed: half_typed.clone(),
            };
            let mut all: Vec<Act> = simpler_ends(how)
                .into_iter()
                .map(|how| with(how, half_typed))
                .collect();
            if half_typed.is_some() {
                all.push(with(how.clone(), &None));
            }
            all
        }
    }
}

fn simpler_ends(how: &End) -> Vec<End> {
    match how {
        End::Interrupt | End::Goodbye | End::Closed => Vec::new(),
        End::ClosedWithinLine => vec![End::Closed],
        End::GoodbyeBehind(messages) => {
            let mut all = vec![End::Goodbye];
            all.extend(fewer(messages).map(End::GoodbyeBehind));
            all.extend(
                changing_one(messages, simpler_messages)
                    .into_iter()
                    .map(End::GoodbyeBehind),
            );
            all
        }
        End::GoodbyeInParts(sizes) => {
            let mut all = vec![End::Goodbye];
            all.extend(fewer(sizes).map(End::GoodbyeInParts));
            all
        }
    }
}

/// Fewer parts, or none.
fn simpler_sizes(sizes: &[usize]) -> Vec<Vec<usize>> {
    if sizes.is_empty() {
        return Vec::new();
    }
    let mut all = vec![Vec::new()];
    all.extend(fewer(sizes));
    all
}

fn simpler_messages(message: &Message) -> Vec<Message> {
    let text = message.text.simpler().map(|text| Message {
        from: message.from.clone(),
        text,
    });
    let is_named = message.from != "bob";
    let from = is_named.then(|| Message {
        from: "bob".to_owned(),
        text: message.text.clone(),
    });
    text.into_iter().chain(from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exploration::client::generator::conversation;
    use crate::exploration::conversation::Reading;
    use crate::exploration::random::Random;

    #[test]
    fn simplifying_ends() {
        let reading = Reading::LINES;
        for number in 0..100 {
            let mut random = Random::of_conversation(2, number);
            let (_, mut opening, mut acts) = conversation(&mut random, reading);
            let mut rounds = 0;
            loop {
                let openings = simpler_openings(&opening);
                if let Some(next) = random.one_of(&openings) {
                    opening = next.clone();
                } else {
                    let all = simpler(&acts);
                    let Some(next) = random.one_of(&all) else {
                        break;
                    };
                    acts = next.clone();
                }
                rounds += 1;
                assert!(rounds < 5000, "conversation {number} goes on for ever");
            }
        }
    }
}
