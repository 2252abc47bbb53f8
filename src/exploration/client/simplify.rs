//! Simpler conversations with a client.

use super::act::{Act, Cut, End, Message, Opening};
use crate::exploration::conversation::leaving_out;
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
    let mut all = Vec::new();
    // One peculiarity less, everywhere at once.
    for plainer in [plain_cuts, plain_texts, plain_typing] {
        let plain: Vec<Act> = acts.iter().cloned().map(plainer).collect();
        if plain != acts {
            all.push(plain);
        }
    }
    all.extend(leaving_out(acts));
    for (index, act) in acts.iter().enumerate() {
        for simpler in simpler_acts(act) {
            let mut changed = acts.to_vec();
            changed[index] = simpler;
            all.push(changed);
        }
    }
    all
}

/// The act with each line in a segment of its own.
fn plain_cuts(mut act: Act) -> Act {
    match &mut act {
        Act::Receives { cut, .. } => *cut = Cut::Lines,
        Act::Ends { how, .. } if !matches!(how, End::Interrupt | End::Closed) => {
            *how = End::Goodbye;
        }
        _ => {}
    }
    act
}

/// The act with nothing special in its texts.
fn plain_texts(mut act: Act) -> Act {
    let plain = |text: &mut Text| {
        if let Some(simpler) = text.simpler() {
            *text = simpler;
        }
    };
    match &mut act {
        Act::Types(text) => plain(text),
        Act::Pastes(texts) => texts.iter_mut().for_each(plain),
        Act::TypesAround { text, messages } => {
            plain(text);
            messages
                .iter_mut()
                .for_each(|message| plain(&mut message.text));
        }
        Act::Receives { messages, .. } => messages
            .iter_mut()
            .for_each(|message| plain(&mut message.text)),
        Act::SendsNothing | Act::Ends { .. } => {}
    }
    act
}

/// The act with nothing half typed.
fn plain_typing(act: Act) -> Act {
    match act {
        Act::TypesAround { text, .. } => Act::Types(text),
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
            all.extend(each(texts, |text| text.simpler().into_iter().collect()).map(Act::Pastes));
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
            all.extend(each(messages, simpler_messages).map(|changed| with(text, changed)));
            all.extend(text.simpler().map(|text| with(&text, messages.clone())));
            all
        }
        Act::Receives { messages, cut } => {
            let with = |messages: Vec<Message>, cut: Cut| Act::Receives { messages, cut };
            let mut all: Vec<Act> = fewer(messages)
                .map(|fewer| with(fewer, cut.clone()))
                .collect();
            all.extend(each(messages, simpler_messages).map(|changed| with(changed, cut.clone())));
            match cut {
                Cut::Lines => {}
                Cut::OneSegment => all.push(with(messages.clone(), Cut::Lines)),
                Cut::InParts(sizes) => {
                    all.push(with(messages.clone(), Cut::Lines));
                    all.push(with(messages.clone(), Cut::OneSegment));
                    let sizes = leaving_out(sizes).into_iter();
                    let sizes = sizes.filter(|sizes| !sizes.is_empty());
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
        End::GoodbyeBehind(messages) => {
            let mut all = vec![End::Goodbye];
            all.extend(fewer(messages).map(End::GoodbyeBehind));
            all.extend(each(messages, simpler_messages).map(End::GoodbyeBehind));
            all
        }
        End::GoodbyeInParts(sizes) => {
            let mut all = vec![End::Goodbye];
            let sizes = leaving_out(sizes).into_iter();
            let sizes = sizes.filter(|sizes| !sizes.is_empty());
            all.extend(sizes.map(End::GoodbyeInParts));
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
    let fewer = leaving_out(sizes).into_iter();
    all.extend(fewer.filter(|fewer| !fewer.is_empty()));
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

/// Fewer messages, at least one.
fn fewer(messages: &[Message]) -> impl Iterator<Item = Vec<Message>> {
    leaving_out(messages)
        .into_iter()
        .filter(|fewer| !fewer.is_empty())
}

/// The lists in which one item is changed.
fn each<T: Clone>(items: &[T], changes: impl Fn(&T) -> Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut all = Vec::new();
    for (index, item) in items.iter().enumerate() {
        for change in changes(item) {
            let mut changed = items.to_vec();
            changed[index] = change;
            all.push(changed);
        }
    }
    all.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exploration::client::generator::conversation;
    use crate::exploration::conversation::Reading;
    use crate::exploration::random::Random;

    #[test]
    fn simplifying_ends() {
        let reading = Reading {
            takes_segments: true,
            takes_both_line_ends: true,
            takes_registrations_in_parts: true,
        };
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
