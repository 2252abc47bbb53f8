//! Simpler conversations with a server.

use std::collections::BTreeMap;

use super::act::{Act, AfterDisconnect, Cut, Leaving, Person, Registration};
use crate::exploration::conversation::{
    changing_one, fewer, leaving_out, plainer_everywhere, replacing_one,
};
use crate::exploration::text::Text;

/// Simpler ones, those that leave out most first.
pub fn simpler(acts: &[Act]) -> Vec<Vec<Act>> {
    let kinds: [fn(Act) -> Act; 3] = [plain_cuts, plain_texts, plain_registrations];
    let mut all = plainer_everywhere(acts, &kinds);
    // Without one person, with all that it does.
    let everybody: Vec<Person> = people(acts);
    for who in &everybody {
        let others = acts.iter().filter(|act| person(act) != Some(*who));
        all.push(others.cloned().collect());
    }
    all.extend(leaving_out(acts));
    all.extend(replacing_one(acts, one_after_the_other));
    all.extend(changing_one(acts, simpler_acts));
    let renumbered = renumbered(acts);
    if renumbered != acts {
        all.push(renumbered);
    }
    all
}

/// The act with each line in a segment of its own.
fn plain_cuts(mut act: Act) -> Act {
    match &mut act {
        Act::Speaks { cut, leaves, .. } => (*cut, *leaves) = (Cut::Lines, false),
        Act::Registers { how, .. } => *how = Registration::Plain,
        _ => {}
    }
    act
}

/// The act with nothing special in its texts.
fn plain_texts(mut act: Act) -> Act {
    if let Act::Speaks { texts, .. } = &mut act {
        texts.iter_mut().for_each(Text::make_plain);
    }
    act
}

/// The act with a plain registration under the person's own name.
fn plain_registrations(mut act: Act) -> Act {
    if let Act::Registers { name, how, .. } = &mut act {
        (*name, *how) = (None, Registration::Plain);
    }
    act
}

/// Who does it, where it is one person.
pub fn person(act: &Act) -> Option<Person> {
    match act {
        Act::Connects { who }
        | Act::Registers { who, .. }
        | Act::AsksWrongly { who, .. }
        | Act::AsksForTakenName { who, .. }
        | Act::Speaks { who, .. }
        | Act::SpeaksInVain { who, .. }
        | Act::Leaves { who, .. }
        | Act::ComesAndGoes { who, .. }
        | Act::BeginsToRegister { who }
        | Act::ListensInVain { who } => Some(*who),
        Act::SpeakAtOnce { .. } | Act::Waits | Act::PortIsPrinted | Act::ServerIsInterrupted => {
            None
        }
    }
}

/// The act with only the status of a refusal compared.
fn by_status_only(mut act: Act) -> Act {
    if let Act::AsksWrongly { to_the_letter, .. } | Act::AsksForTakenName { to_the_letter, .. } =
        &mut act
    {
        *to_the_letter = false;
    }
    act
}

/// Everybody, in the order of appearance.
pub fn people(acts: &[Act]) -> Vec<Person> {
    let mut all = Vec::new();
    for who in acts.iter().filter_map(person) {
        if !all.contains(&who) {
            all.push(who);
        }
    }
    all
}

/// The same with the first people and the first words.
fn renumbered(acts: &[Act]) -> Vec<Act> {
    let numbers: BTreeMap<Person, Person> = people(acts)
        .into_iter()
        .enumerate()
        .map(|(new, old)| (old, new))
        .collect();
    let new = |who: &Person| numbers.get(who).copied().unwrap_or(*who);
    let mut acts = acts.to_vec();
    for act in &mut acts {
        match act {
            Act::Connects { who }
            | Act::Registers { who, .. }
            | Act::AsksWrongly { who, .. }
            | Act::Speaks { who, .. }
            | Act::Leaves { who, .. }
            | Act::ComesAndGoes { who, .. }
            | Act::BeginsToRegister { who }
            | Act::ListensInVain { who } => *who = new(who),
            Act::SpeakAtOnce { speakers, leaver } => {
                speakers.iter_mut().for_each(|(who, _)| *who = new(who));
                if let Some((who, _)) = leaver {
                    *who = new(who);
                }
            }
            Act::AsksForTakenName { who, holder, .. } => {
                (*who, *holder) = (new(who), new(holder));
            }
            Act::SpeaksInVain {
                who,
                in_the_name_of,
                ..
            } => {
                *who = new(who);
                *in_the_name_of = in_the_name_of.map(|other| new(&other));
            }
            Act::Waits | Act::PortIsPrinted | Act::ServerIsInterrupted => {}
        }
    }
    acts
}

/// What happens at once in an act, one after the other; empty where nothing does.
fn one_after_the_other(act: &Act) -> Vec<Act> {
    let says = |who: Person, texts: Vec<Text>| Act::Speaks {
        who,
        texts,
        cut: Cut::Lines,
        leaves: false,
    };
    match act {
        Act::Registers {
            who,
            name,
            how: Registration::WithMessage(text),
        } => {
            let registers = Act::Registers {
                who: *who,
                name: name.clone(),
                how: Registration::Plain,
            };
            vec![registers, says(*who, vec![text.clone()])]
        }
        Act::Speaks {
            who,
            texts,
            leaves: true,
            ..
        } => {
            let then = AfterDisconnect::Closes;
            let leaves = Act::Leaves {
                who: *who,
                how: Leaving::Disconnect { then },
            };
            vec![says(*who, texts.clone()), leaves]
        }
        Act::SpeakAtOnce { speakers, leaver } => {
            let spoken = speakers.iter();
            let mut all: Vec<Act> = spoken
                .map(|(who, text)| says(*who, vec![text.clone()]))
                .collect();
            all.extend(leaver.clone().map(|(who, how)| Act::Leaves { who, how }));
            all
        }
        _ => Vec::new(),
    }
}

fn simpler_acts(act: &Act) -> Vec<Act> {
    match act {
        Act::Registers { who, name, how } => {
            let with = |name: &Option<String>, how: Registration| Act::Registers {
                who: *who,
                name: name.clone(),
                how,
            };
            let mut all: Vec<Act> = simpler_registrations(how)
                .into_iter()
                .map(|how| with(name, how))
                .collect();
            if name.is_some() {
                all.push(with(&None, how.clone()));
            }
            all
        }
        Act::AsksWrongly { who, .. } | Act::AsksForTakenName { who, .. } => {
            let registers = Act::Registers {
                who: *who,
                name: None,
                how: Registration::Plain,
            };
            let only_status = by_status_only(act.clone());
            let is_simpler = only_status != *act;
            let only_status = is_simpler.then_some(only_status);
            [registers].into_iter().chain(only_status).collect()
        }
        Act::Speaks {
            who,
            texts,
            cut,
            leaves,
        } => {
            let with = |texts: Vec<Text>, cut: Cut, leaves: bool| Act::Speaks {
                who: *who,
                texts,
                cut,
                leaves,
            };
            let plainer = changing_one(texts, |text| text.simpler().into_iter().collect());
            let mut all: Vec<Act> = fewer(texts)
                .chain(plainer)
                .map(|texts| with(texts, cut.clone(), *leaves))
                .collect();
            let cuts = simpler_cuts(cut).into_iter();
            all.extend(cuts.map(|cut| with(texts.clone(), cut, *leaves)));
            if *leaves {
                all.push(with(texts.clone(), cut.clone(), false));
            }
            all
        }
        Act::SpeakAtOnce { speakers, leaver } => {
            let with = |speakers, leaver| Act::SpeakAtOnce { speakers, leaver };
            let mut all = Vec::new();
            if leaver.is_some() {
                all.push(with(speakers.clone(), None));
            }
            all.extend(fewer(speakers).map(|fewer| with(fewer, leaver.clone())));
            all
        }
        Act::BeginsToRegister { who } => vec![Act::Connects { who: *who }],
        Act::SpeaksInVain {
            who,
            in_the_name_of: Some(_),
            text,
        } => vec![Act::SpeaksInVain {
            who: *who,
            in_the_name_of: None,
            text: text.clone(),
        }],
        Act::ComesAndGoes { who, times } if *times > 1 => {
            let with = |times| Act::ComesAndGoes { who: *who, times };
            vec![with(times / 2), with(times * 7 / 8), with(times - 1)]
        }
        Act::Leaves { who, how } => {
            let simpler = match how {
                Leaving::CloseInMidLine => Leaving::Close,
                Leaving::DisconnectWithCarriageReturn => Leaving::Disconnect {
                    then: AfterDisconnect::IsDisconnected,
                },
                Leaving::Disconnect {
                    then: AfterDisconnect::Stays | AfterDisconnect::IsDisconnected,
                } => Leaving::Disconnect {
                    then: AfterDisconnect::Closes,
                },
                _ => return Vec::new(),
            };
            vec![Act::Leaves {
                who: *who,
                how: simpler,
            }]
        }
        _ => Vec::new(),
    }
}

fn simpler_registrations(how: &Registration) -> Vec<Registration> {
    match how {
        Registration::Plain => Vec::new(),
        Registration::InParts(sizes) => {
            let mut all = vec![Registration::Plain];
            all.extend(fewer(sizes).map(Registration::InParts));
            all
        }
        Registration::WithMessage(text) => {
            let mut all = vec![Registration::Plain];
            all.extend(text.simpler().map(Registration::WithMessage));
            all
        }
        Registration::ToTheLetter | Registration::WithCarriageReturn => vec![Registration::Plain],
        Registration::WithCarriageReturnApart => {
            vec![Registration::Plain, Registration::WithCarriageReturn]
        }
    }
}

fn simpler_cuts(cut: &Cut) -> Vec<Cut> {
    match cut {
        Cut::Lines => Vec::new(),
        Cut::OneSegment | Cut::CarriageReturns => vec![Cut::Lines],
        Cut::CarriageReturnsApart => vec![Cut::Lines, Cut::CarriageReturns],
        Cut::WithPause(size) => vec![Cut::Lines, Cut::OneSegment, Cut::InParts(vec![*size])],
        Cut::InParts(sizes) => {
            let mut all = vec![Cut::Lines, Cut::OneSegment];
            all.extend(fewer(sizes).map(Cut::InParts));
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exploration::conversation::Reading;
    use crate::exploration::random::Random;
    use crate::exploration::server::generator::acts;

    /// However it goes on, simplifying comes to an end.
    #[test]
    fn simplifying_ends() {
        let reading = Reading::LINES;
        for number in 0..50 {
            let mut random = Random::of_conversation(2, number);
            let mut acts = acts(&mut random, reading);
            let mut rounds = 0;
            loop {
                let all = simpler(&acts);
                let Some(next) = random.one_of(&all) else {
                    break;
                };
                acts = next.clone();
                rounds += 1;
                assert!(rounds < 5000, "conversation {number} goes on for ever");
            }
        }
    }
}
