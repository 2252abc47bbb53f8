//! Random conversations with a server.
//!
//! Each has some of the situations only, chosen at random: a program that fails in one of them at once would otherwise
//! never be asked about another.

use super::act::{Act, AfterDisconnect, Cut, Leaving, Person, Registration};
use super::model::actor;
use crate::exploration::conversation::Reading;
use crate::exploration::random::Random;
use crate::exploration::text::{Group, Text, name};

/// The situations that a conversation may have.
struct Situations {
    groups: Vec<Group>,
    has_segments: bool,
    has_carriage_returns: bool,
    has_registrations_in_parts: bool,
    has_silent_clients: bool,
    has_malformed: bool,
    has_taken_names: bool,
    has_refused_speakers: bool,
    has_names: bool,
    compares_wording: bool,
    has_simultaneous: bool,
    has_begun_registrations: bool,
    has_pauses: bool,
    has_comings_and_goings: bool,
    leavings: Vec<Leaving>,
    most_members: usize,
    most_acts: usize,
}

const LEAVINGS: [Leaving; 6] = [
    Leaving::Disconnect {
        then: AfterDisconnect::IsDisconnected,
    },
    Leaving::Disconnect {
        then: AfterDisconnect::Closes,
    },
    Leaving::Disconnect {
        then: AfterDisconnect::Stays,
    },
    Leaving::Close,
    Leaving::CloseInMidLine,
    Leaving::Reset,
];

impl Situations {
    fn random(random: &mut Random, reading: Reading) -> Situations {
        let is_crowded = random.chance(6);
        Situations {
            groups: random.some_of(&Group::SAID, 30),
            has_segments: reading.takes_segments && random.chance(40),
            has_carriage_returns: reading.takes_both_line_ends && random.chance(25),
            has_registrations_in_parts: reading.takes_registrations_in_parts && random.chance(30),
            has_silent_clients: random.chance(25),
            has_malformed: random.chance(35),
            has_taken_names: random.chance(35),
            has_refused_speakers: random.chance(50),
            has_names: random.chance(30),
            compares_wording: random.chance(20),
            has_simultaneous: random.chance(25),
            has_begun_registrations: reading.takes_registrations_in_parts && random.chance(15),
            has_pauses: random.chance(5),
            has_comings_and_goings: random.chance(4),
            leavings: random.some_of(&LEAVINGS, 30),
            most_members: if is_crowded {
                random.within(12..=24)
            } else {
                random.within(1..=5)
            },
            most_acts: if is_crowded {
                30
            } else {
                random.within(4..=18)
            },
        }
    }
}

/// What a conversation under construction knows of its people; only a guide, since the model has the last word.
struct Draft {
    acts: Vec<Act>,
    members: Vec<Person>,
    refused: Vec<Person>,
    silent: Vec<Person>,
    departed: Vec<Person>,
    /// Names of those who left or were refused.
    free_names: Vec<String>,
    next_person: Person,
    next_word: usize,
}

/// The acts of a random conversation.
pub fn acts(random: &mut Random, reading: Reading) -> Vec<Act> {
    let situations = Situations::random(random, reading);
    let mut draft = Draft {
        acts: Vec::new(),
        members: Vec::new(),
        refused: Vec::new(),
        silent: Vec::new(),
        departed: Vec::new(),
        free_names: Vec::new(),
        next_person: 0,
        // Different conversations use different words.
        next_word: random.within(0..=24),
    };
    if random.chance(5) {
        draft.acts.push(Act::PortIsPrinted);
    }
    while draft.acts.len() < situations.most_acts {
        draft.go_on(random, &situations, reading);
    }
    draft.wind_up(random);
    draft.acts
}

impl Draft {
    fn newcomer(&mut self) -> Person {
        self.next_person += 1;
        self.next_person - 1
    }

    fn text(&mut self, random: &mut Random, situations: &Situations) -> Text {
        self.next_word += 1;
        Text::random(random, self.next_word, &situations.groups)
    }

    fn go_on(&mut self, random: &mut Random, situations: &Situations, reading: Reading) {
        let room_left = situations.most_members.saturating_sub(self.members.len());
        match random.within(0..=99) {
            0..=27 if room_left > 0 => self.registers(random, situations),
            28..=32 if situations.has_silent_clients => {
                let who = self.newcomer();
                self.silent.push(who);
                self.acts.push(Act::Connects { who });
            }
            33..=42 if situations.has_malformed => self.asks_wrongly(random, situations, reading),
            43..=50 if situations.has_taken_names => self.asks_for_taken_name(random, situations),
            51..=56 if situations.has_refused_speakers => self.speaks_in_vain(random, situations),
            57..=67 if !situations.leavings.is_empty() => self.leaves(random, situations),
            68..=72 => self.listens(random),
            73..=77 if situations.has_pauses && !self.acts.contains(&Act::Waits) => {
                self.acts.push(Act::Waits);
            }
            78..=80 if situations.has_begun_registrations => {
                let who = self.newcomer();
                self.silent.push(who);
                self.acts.push(Act::BeginsToRegister { who });
            }
            81..=86 if situations.has_simultaneous && self.members.len() > 1 => {
                self.speak_at_once(random, situations);
            }
            87..=89 if situations.has_comings_and_goings => {
                let who = self.newcomer();
                let times = random.within(20..=110);
                self.acts.push(Act::ComesAndGoes { who, times });
            }
            _ if self.members.is_empty() => self.registers(random, situations),
            _ => self.speaks(random, situations, reading),
        }
    }

    fn registers(&mut self, random: &mut Random, situations: &Situations) {
        // Whoever has been silent may register late.
        let late = self.silent.last().copied().filter(|_| random.chance(40));
        let who = match late {
            Some(who) => {
                self.silent.retain(|other| *other != who);
                who
            }
            None => self.newcomer(),
        };
        let again = random.one_of(&self.free_names).cloned();
        let again = again.filter(|_| random.chance(50));
        let odd = situations.has_names && random.chance(60);
        let how = match random.within(0..=9) {
            0..=2 if situations.has_registrations_in_parts => {
                Registration::InParts(sizes(random, 30))
            }
            3 if situations.has_carriage_returns => {
                if random.chance(50) {
                    Registration::WithCarriageReturn
                } else {
                    Registration::WithCarriageReturnApart
                }
            }
            4..=5 if situations.has_segments => {
                Registration::WithMessage(self.text(random, situations))
            }
            6..=8 if situations.compares_wording => Registration::ToTheLetter,
            _ => Registration::Plain,
        };
        self.members.push(who);
        self.acts.push(Act::Registers {
            who,
            name: again.or_else(|| odd.then(|| name(random))),
            how,
        });
    }

    fn asks_wrongly(&mut self, random: &mut Random, situations: &Situations, reading: Reading) {
        let who = self.newcomer();
        let me = actor(who);
        let line = malformed(random, &me, reading);
        self.refused.push(who);
        self.free_names.push(me);
        self.acts.push(Act::AsksWrongly {
            who,
            line,
            to_the_letter: situations.compares_wording && random.chance(50),
        });
        if situations.has_refused_speakers && random.chance(40) {
            self.speaks_in_vain(random, situations);
        }
    }

    fn asks_for_taken_name(&mut self, random: &mut Random, situations: &Situations) {
        let Some(holder) = random.one_of(&self.members).copied() else {
            return self.registers(random, situations);
        };
        let who = self.newcomer();
        self.refused.push(who);
        self.acts.push(Act::AsksForTakenName {
            who,
            holder,
            to_the_letter: situations.compares_wording && random.chance(50),
        });
    }

    fn speaks_in_vain(&mut self, random: &mut Random, situations: &Situations) {
        let Some(who) = random.one_of(&self.refused).copied() else {
            return self.registers(random, situations);
        };
        self.next_word += 1;
        let text = Text::plain(self.next_word);
        let other = random.one_of(&self.members).copied();
        self.acts.push(Act::SpeaksInVain {
            who,
            in_the_name_of: other.filter(|_| random.chance(40)),
            text,
        });
    }

    fn leaves(&mut self, random: &mut Random, situations: &Situations) {
        if random.chance(25) && !(self.refused.is_empty() && self.silent.is_empty()) {
            return self.stranger_leaves(random);
        }
        let (Some(who), Some(how)) = (
            random.one_of(&self.members).copied(),
            random.one_of(&situations.leavings).cloned(),
        ) else {
            return self.registers(random, situations);
        };
        let how = match how {
            Leaving::CloseInMidLine if !situations.has_segments => Leaving::Close,
            Leaving::Disconnect { .. } if situations.has_carriage_returns && random.chance(50) => {
                Leaving::DisconnectWithCarriageReturn
            }
            how => how,
        };
        self.goes(who);
        if how
            == (Leaving::Disconnect {
                then: AfterDisconnect::Stays,
            })
        {
            self.departed.push(who);
        }
        self.acts.push(Act::Leaves { who, how });
    }

    fn speak_at_once(&mut self, random: &mut Random, situations: &Situations) {
        let mut present = self.members.clone();
        let mut take = |random: &mut Random| {
            let who = random.one_of(&present).copied();
            present.retain(|other| Some(*other) != who);
            who
        };
        let how = random.one_of(&situations.leavings).cloned();
        let leaver = how.filter(|_| random.chance(50)).zip(take(random));
        let speakers: Vec<Person> = (0..3).filter_map(|_| take(random)).collect();
        let speakers = speakers.into_iter().map(|who| {
            self.next_word += 1;
            (who, Text::plain(self.next_word))
        });
        let speakers = speakers.collect();
        if let Some((_, who)) = &leaver {
            self.goes(*who);
        }
        self.acts.push(Act::SpeakAtOnce {
            speakers,
            leaver: leaver.map(|(how, who)| (who, how)),
        });
    }

    /// Somebody who is not registered goes.
    fn stranger_leaves(&mut self, random: &mut Random) {
        let strangers = [&self.refused[..], &self.silent[..]].concat();
        let Some(who) = random.one_of(&strangers).copied() else {
            return;
        };
        let how = if random.chance(50) {
            Leaving::Close
        } else {
            Leaving::Reset
        };
        self.refused.retain(|other| *other != who);
        self.silent.retain(|other| *other != who);
        self.acts.push(Act::Leaves { who, how });
    }

    fn goes(&mut self, who: Person) {
        self.members.retain(|member| *member != who);
        let name = self.acts.iter().rev().find_map(|act| match act {
            Act::Registers {
                who: other, name, ..
            } if *other == who => Some(name.clone().unwrap_or_else(|| actor(who))),
            _ => None,
        });
        self.free_names.extend(name);
    }

    fn listens(&mut self, random: &mut Random) {
        let everybody = [
            &self.members[..],
            &self.refused[..],
            &self.silent[..],
            &self.departed[..],
        ]
        .concat();
        let who = random.one_of(&everybody).copied();
        self.acts.extend(who.map(|who| Act::ListensInVain { who }));
    }

    fn speaks(&mut self, random: &mut Random, situations: &Situations, reading: Reading) {
        let Some(who) = random.one_of(&self.members).copied() else {
            return self.registers(random, situations);
        };
        let count = match random.within(0..=9) {
            0..=6 => 1,
            7..=8 => random.within(2..=4),
            _ if random.chance(10) => 40,
            _ => random.within(5..=8),
        };
        let mut texts: Vec<Text> = (0..count).map(|_| self.text(random, situations)).collect();
        if random.chance(15) {
            // The same line twice in a row.
            texts.push(texts[count - 1].clone());
        }
        let cut = match random.within(0..=5) {
            0..=1 if situations.has_segments => Cut::OneSegment,
            2..=3 if situations.has_segments => Cut::InParts(sizes(random, 40)),
            4 if situations.has_segments && situations.has_pauses => {
                Cut::WithPause(random.within(1..=30))
            }
            4 if situations.has_carriage_returns && random.chance(50) => Cut::CarriageReturns,
            4 if situations.has_carriage_returns => Cut::CarriageReturnsApart,
            _ => Cut::Lines,
        };
        let leaves = reading.takes_segments && situations.has_segments && random.chance(8);
        if leaves {
            self.goes(who);
        }
        self.acts.push(Act::Speaks {
            who,
            texts,
            cut,
            leaves,
        });
    }

    /// At the end everybody says something once more, so that no damage goes unseen; then the server is shut down.
    fn wind_up(&mut self, random: &mut Random) {
        for who in self.members.clone().into_iter().take(4) {
            self.next_word += 1;
            self.acts.push(Act::Speaks {
                who,
                texts: vec![Text::plain(self.next_word)],
                cut: Cut::Lines,
                leaves: false,
            });
        }
        let listeners = [&self.refused[..], &self.silent[..], &self.departed[..]].concat();
        for who in listeners.into_iter().chain(self.members.clone()).take(6) {
            self.acts.push(Act::ListensInVain { who });
        }
        if random.chance(60) {
            self.acts.push(Act::ServerIsInterrupted);
        }
    }
}

/// Sizes of the parts of something of about `length` bytes.
fn sizes(random: &mut Random, length: usize) -> Vec<usize> {
    if random.chance(20) {
        // Byte by byte.
        return vec![1; length];
    }
    let parts = random.within(1..=3);
    (0..parts).map(|_| random.within(1..=length / 2)).collect()
}

/// A line that is no registration.
fn malformed(random: &mut Random, me: &str, reading: Reading) -> String {
    const PATTERNS: &[&str] = &[
        "REGISTER {me}",
        "REGISTER {me} ",
        "REGISTER {me} CHAT/1.1",
        "REGISTER {me} CHAT/1x0",
        "REGISTER {me} CHAT/2.0",
        "REGISTER {me} CHAT/1",
        "REGISTER {me} CHAT/1.01",
        "REGISTER {me} chat/1.0",
        "REGISTER {me} HTTP/1.1",
        "REGISTER {me} CHAT",
        "REGISTER {me} 1.0",
        "REGISTER CHAT/1.0",
        "REGISTER  CHAT/1.0",
        "REGISTER",
        "REGISTER {me} smith CHAT/1.0",
        "REGISTER {me} CHAT/1.0 CHAT/1.0",
        "REGISTER {me} CHAT/1.0 now",
        "REGISTER REGISTER {me} CHAT/1.0",
        "register {me} CHAT/1.0",
        "Register {me} CHAT/1.0",
        "HELLO {me} CHAT/1.0",
        "REGISTERED {me} CHAT/1.0",
        "{me} CHAT/1.0",
        "CHAT/1.0 {me} REGISTER",
        "@{me}: hello",
        "hello everybody",
        "DISCONNECT {me} CHAT/1.0",
        "DISCONNECT alice CHAT/1.0",
        "DISCONNECT CHAT/1.0",
    ];
    if reading.takes_segments && random.chance(4) {
        return String::new();
    }
    let pattern = random.one_of(PATTERNS).copied().unwrap_or("REGISTER");
    pattern.replace("{me}", me)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exploration::server::model::script;

    #[test]
    fn every_random_conversation_is_a_transcript() {
        for number in 0..2000 {
            let mut random = Random::of_conversation(1, number);
            let reading = if number % 2 == 0 {
                Reading::LINES
            } else {
                Reading::BARE
            };
            let acts = acts(&mut random, reading);
            let transcript = script(&acts).transcript("random", "A case.", &["S-MSG-1"]);
            if let Err(source) = transcript {
                panic!("conversation {number} is no transcript:\n{source}");
            }
        }
    }
}
