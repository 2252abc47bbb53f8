//! What must follow from what people do: a small model of the room, written from the requirements.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Act, AfterDisconnect, Cut, Leaving, Person, Registration};
use crate::exploration::script::Script;
use crate::exploration::text::Text;

/// How somebody stands with the server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// Connected, and has said nothing.
    Silent,
    /// Connected, and has sent a part of a registration.
    Begun,
    /// Registered under this name.
    Member(String),
    /// Was answered 400 or 401.
    Refused,
    /// Is not registered, and may have been answered with 400 or with nothing.
    PerhapsRefused,
    /// Sent DISCONNECT; the connection may be open.
    Departed,
    /// Has no connection any more.
    Gone,
}

/// The end of the first and the beginning of the second part of a registration in parts.
const BEGUN: &str = "CHA";
const REST: &str = "T/1.0";

#[derive(Debug, Default)]
struct Model {
    people: BTreeMap<Person, Standing>,
    /// Names that were registered before, in lower case.
    used: BTreeSet<String>,
    /// Who is connected, is not registered yet, and was there while somebody else spoke.
    bystanders: BTreeSet<Person>,
    script: Script,
    has_ended: bool,
}

/// The transcript of these acts. Acts that are impossible where they stand are left out: somebody speaks who is not
/// there, say, because the act before was removed.
pub fn script(acts: &[Act]) -> Script {
    let mut model = Model::default();
    for (index, act) in acts.iter().enumerate() {
        if !model.has_ended {
            model.perform(index, act);
        }
    }
    model.script
}

/// The name of a person in transcripts.
pub fn actor(who: Person) -> String {
    const NAMES: [&str; 12] = [
        "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy",
        "mallory", "oscar",
    ];
    match NAMES.get(who) {
        Some(name) => (*name).to_owned(),
        None => {
            let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
            format!("guest{}{}", letter(who / 26), letter(who))
        }
    }
}

impl Model {
    fn members(&self) -> impl Iterator<Item = (Person, &str)> {
        self.people
            .iter()
            .filter_map(|(who, standing)| match standing {
                Standing::Member(name) => Some((*who, name.as_str())),
                _ => None,
            })
    }

    fn name_of(&self, who: Person) -> Option<String> {
        let mut members = self.members();
        members
            .find(|(member, _)| *member == who)
            .map(|(_, name)| name.to_owned())
    }

    /// Whether names differ by case is left to the server, so names that do are never used side by side.
    fn is_in_use(&self, name: &str) -> bool {
        self.members()
            .any(|(_, used)| used.eq_ignore_ascii_case(name))
    }

    fn is_new(&self, who: Person) -> bool {
        !self.people.contains_key(&who)
    }

    /// Whether somebody can say its first words: it is new, or is connected and has been silent.
    fn can_ask(&self, who: Person) -> bool {
        self.is_new(who) || self.people.get(&who) == Some(&Standing::Silent)
    }

    fn perform(&mut self, index: usize, act: &Act) {
        match act {
            Act::Connects { who } if self.is_new(*who) => {
                self.script.pause();
                self.script.step(index, format!("{} connects", actor(*who)));
                self.people.insert(*who, Standing::Silent);
            }
            Act::Registers { who, name, how } if self.can_ask(*who) => {
                let name = name.clone().unwrap_or_else(|| actor(*who));
                if !self.is_in_use(&name) {
                    self.register(index, *who, name, how);
                }
            }
            Act::Registers { who, .. } if self.people.get(who) == Some(&Standing::Begun) => {
                self.finish_registering(index, *who);
            }
            Act::BeginsToRegister { who } if self.is_new(*who) => {
                let me = actor(*who);
                if !self.used.contains(&me) {
                    self.script.pause();
                    self.script.step(index, format!("{me} connects"));
                    let begun = format!("REGISTER {me} {BEGUN}");
                    self.script.sends(index, &me, begun.as_bytes());
                    self.people.insert(*who, Standing::Begun);
                }
            }
            Act::SpeakAtOnce { speakers, leaver } => {
                self.speak_at_once(index, speakers, leaver.as_ref());
            }
            Act::AsksWrongly {
                who,
                line,
                to_the_letter,
            } if self.can_ask(*who) => {
                let answer = if *to_the_letter {
                    "400 Invalid registration"
                } else {
                    "400 ..."
                };
                // A DISCONNECT may be answered by silence as well.
                let is_goodbye = line.starts_with("DISCONNECT");
                self.ask(index, *who, line, Some(answer).filter(|_| !is_goodbye));
                let standing = if is_goodbye {
                    Standing::PerhapsRefused
                } else {
                    Standing::Refused
                };
                self.people.insert(*who, standing);
            }
            Act::AsksForTakenName {
                who,
                holder,
                to_the_letter,
            } if self.can_ask(*who) => {
                let answer = if *to_the_letter {
                    "401 Client already registered"
                } else {
                    "401 ..."
                };
                if let Some(name) = self.name_of(*holder) {
                    let line = format!("REGISTER {name} CHAT/1.0");
                    self.ask(index, *who, &line, Some(answer));
                    self.people.insert(*who, Standing::Refused);
                }
            }
            Act::Speaks {
                who,
                texts,
                cut,
                leaves,
            } => {
                if let Some(name) = self.name_of(*who) {
                    self.speak(index, *who, &name, texts, cut, *leaves);
                }
            }
            Act::SpeaksInVain {
                who,
                in_the_name_of,
                text,
            } if self.is_unregistered(*who) => {
                let other = in_the_name_of.and_then(|other| self.name_of(other));
                let name = other.unwrap_or_else(|| actor(*who));
                let line = format!("@{name}: {}", text.shown());
                self.script.says(index, &actor(*who), &line);
                // It may be refused once more.
                self.people.insert(*who, Standing::PerhapsRefused);
            }
            Act::ComesAndGoes { who, times } if self.is_new(*who) => {
                let me = actor(*who);
                if !self.is_in_use(&me) {
                    self.script.pause();
                    for _ in 0..*times {
                        self.script.step(index, format!("{me} joins"));
                        self.script.step(index, format!("{me} closes"));
                    }
                    self.script.pause();
                    self.used.insert(me);
                    self.people.insert(*who, Standing::Gone);
                }
            }
            Act::Leaves { who, how } => {
                if let Some(name) = self.name_of(*who) {
                    self.leave(index, *who, &name, how);
                } else if self.is_connected(*who) && matches!(how, Leaving::Close | Leaving::Reset)
                {
                    self.leave(index, *who, &actor(*who), how);
                }
            }
            Act::ListensInVain { who } if self.is_listening(*who) => {
                self.script
                    .step(index, format!("{} hears nothing", actor(*who)));
            }
            Act::Waits if self.members().count() > 0 => {
                self.script.step(index, "4 seconds pass");
            }
            Act::PortIsPrinted => self.script.step(index, "server prints its port"),
            Act::ServerIsInterrupted => self.shut_down(index),
            _ => {}
        }
    }

    fn is_unregistered(&self, who: Person) -> bool {
        let standing = self.people.get(&who);
        matches!(standing, Some(Standing::Refused | Standing::PerhapsRefused))
    }

    /// Whether somebody has a connection, so far as that is not up to the server.
    fn is_connected(&self, who: Person) -> bool {
        !matches!(
            self.people.get(&who),
            None | Some(Standing::Gone | Standing::Departed)
        )
    }

    /// The rest of what [`Act::BeginsToRegister`] began.
    fn finish_registering(&mut self, index: usize, who: Person) {
        let me = actor(who);
        if !self.used.insert(me.clone()) {
            return;
        }
        self.has_heard_nothing(index, who);
        self.people.insert(who, Standing::Member(me.clone()));
        self.script.pause();
        self.script
            .sends(index, &me, format!("{REST}\n").as_bytes());
        self.script.step(index, format!("{me} < 200 ..."));
        self.script.pause();
    }

    fn speak_at_once(
        &mut self,
        index: usize,
        speakers: &[(Person, Text)],
        leaver: Option<&(Person, Leaving)>,
    ) {
        let mut spoken: Vec<(Person, String, Text)> = Vec::new();
        let leaving = leaver.filter(|(who, _)| self.name_of(*who).is_some());
        for (who, text) in speakers {
            let is_once = spoken.iter().all(|(other, ..)| other != who);
            let stays = leaving.is_none_or(|(leaver, _)| leaver != who);
            if let Some(name) = self.name_of(*who).filter(|_| is_once && stays) {
                spoken.push((*who, name, text.clone()));
            }
        }
        if spoken.is_empty() || spoken.len() + usize::from(leaving.is_some()) < 2 {
            return;
        }
        self.script.pause();
        self.script.step(index, "server is paused");
        for (place, (who, name, text)) in spoken.iter().enumerate() {
            // Somebody leaves in the middle of what others say.
            if let Some((leaver, how)) = leaving.filter(|_| place == spoken.len() / 2) {
                self.go_at_once(index, *leaver, how);
            }
            let line = format!("@{name}: {}", text.shown());
            self.script.says(index, &actor(*who), &line);
        }
        self.script.step(index, "server goes on");
        for (who, name, text) in &spoken {
            self.is_relayed(index, *who, name, std::slice::from_ref(text));
        }
        self.script.pause();
    }

    /// Somebody leaves while the server is paused.
    fn go_at_once(&mut self, index: usize, who: Person, how: &Leaving) {
        let me = actor(who);
        match how {
            Leaving::Disconnect { .. } | Leaving::DisconnectWithCarriageReturn => {
                let name = self.name_of(who).unwrap_or_default();
                let line = format!("DISCONNECT {name} CHAT/1.0");
                self.script.says(index, &me, &line);
                self.script.step(index, format!("{me} closes"));
            }
            Leaving::Close | Leaving::CloseInMidLine => {
                self.script.step(index, format!("{me} closes"));
            }
            Leaving::Reset => self.script.step(index, format!("{me} resets")),
        }
        self.people.insert(who, Standing::Gone);
    }

    fn is_listening(&self, who: Person) -> bool {
        !matches!(
            self.people.get(&who),
            None | Some(Standing::Gone | Standing::PerhapsRefused)
        )
    }

    fn register(&mut self, index: usize, who: Person, name: String, how: &Registration) {
        let me = actor(who);
        let is_new = self.is_new(who);
        // A server may need a moment to free a name, for which only `joins` allows.
        let is_used = !self.used.insert(name.to_ascii_lowercase());
        let how = if is_used { &Registration::Plain } else { how };
        if is_used && !is_new {
            return;
        }
        let line = format!("REGISTER {name} CHAT/1.0");
        self.has_heard_nothing(index, who);
        self.people.insert(who, Standing::Member(name.clone()));
        if is_new && *how == Registration::Plain {
            let step = if name == me {
                format!("{me} joins")
            } else {
                format!("{me} joins as {name}")
            };
            self.script.step(index, step);
            return;
        }
        self.script.pause();
        if is_new {
            self.script.step(index, format!("{me} connects"));
        }
        match how {
            Registration::Plain | Registration::ToTheLetter => {
                self.script.says(index, &me, &line);
            }
            Registration::InParts(sizes) => {
                self.script
                    .sends_in_parts(index, &me, format!("{line}\n").as_bytes(), sizes);
            }
            Registration::WithCarriageReturn => {
                let line = format!("{line}\r\n");
                self.script.sends(index, &me, line.as_bytes());
            }
            Registration::WithCarriageReturnApart => {
                let line = format!("{line}\r");
                self.script.sends(index, &me, line.as_bytes());
                self.script.sends(index, &me, b"\n");
            }
            Registration::WithMessage(text) => {
                let both = format!("{line}\n@{name}: {}\n", text.shown());
                self.script.sends(index, &me, both.as_bytes());
            }
        }
        let answer = if *how == Registration::ToTheLetter {
            "200 Registration successful"
        } else {
            "200 ..."
        };
        self.script.step(index, format!("{me} < {answer}"));
        if let Registration::WithMessage(text) = how {
            self.is_relayed(index, who, &name, std::slice::from_ref(text));
        }
        self.script.pause();
    }

    fn ask(&mut self, index: usize, who: Person, line: &str, answer: Option<&str>) {
        let me = actor(who);
        self.script.pause();
        self.has_heard_nothing(index, who);
        if self.is_new(who) {
            self.script.step(index, format!("{me} connects"));
        }
        if line.is_empty() {
            self.script.step(index, format!("{me} >"));
        } else {
            self.script.says(index, &me, line);
        }
        if let Some(answer) = answer {
            self.script.step(index, format!("{me} < {answer}"));
        }
        self.script.pause();
    }

    fn speak(
        &mut self,
        index: usize,
        who: Person,
        name: &str,
        texts: &[Text],
        cut: &Cut,
        leaves: bool,
    ) {
        let me = actor(who);
        self.script.pause();
        let has_carriage_returns = matches!(cut, Cut::CarriageReturns | Cut::CarriageReturnsApart);
        let end = if has_carriage_returns { "\r\n" } else { "\n" };
        let mut lines: Vec<String> = texts
            .iter()
            .map(|text| format!("@{name}: {}", text.shown()))
            .collect();
        if leaves {
            lines.push(format!("DISCONNECT {name} CHAT/1.0"));
        }
        let all: String = lines.iter().map(|line| format!("{line}{end}")).collect();
        match cut {
            Cut::Lines if !leaves => {
                for line in &lines {
                    self.script.says(index, &me, line);
                }
            }
            Cut::CarriageReturns if !leaves => {
                for line in &lines {
                    let line = format!("{line}{end}");
                    self.script.sends(index, &me, line.as_bytes());
                }
            }
            Cut::CarriageReturnsApart if !leaves => {
                for line in &lines {
                    let line = format!("{line}\r");
                    self.script.sends(index, &me, line.as_bytes());
                    self.script.sends(index, &me, b"\n");
                }
            }
            Cut::InParts(sizes) => self
                .script
                .sends_in_parts(index, &me, all.as_bytes(), sizes),
            Cut::WithPause(size) => {
                let (begun, rest) = all.as_bytes().split_at(all.len().min(*size));
                if !begun.is_empty() && !rest.is_empty() {
                    self.script.sends(index, &me, begun);
                    self.script.step(index, "1 second passes");
                    self.script.sends(index, &me, rest);
                } else {
                    self.script.sends(index, &me, all.as_bytes());
                }
            }
            Cut::Lines | Cut::OneSegment | Cut::CarriageReturns | Cut::CarriageReturnsApart => {
                self.script.sends(index, &me, all.as_bytes());
            }
        }
        if leaves {
            self.people.insert(who, Standing::Gone);
            self.script.step(index, format!("{me} closes"));
        }
        self.is_relayed(index, who, name, texts);
    }

    /// What was said is for members only. Once a bystander asks to be one, it might be taken for history.
    fn has_heard_nothing(&mut self, index: usize, who: Person) {
        if self.bystanders.remove(&who) {
            self.script
                .step(index, format!("{} hears nothing", actor(who)));
        }
    }

    fn is_relayed(&mut self, index: usize, from: Person, name: &str, texts: &[Text]) {
        let silent = self
            .people
            .iter()
            .filter(|(_, standing)| matches!(standing, Standing::Silent | Standing::Begun));
        self.bystanders.extend(silent.map(|(who, _)| *who));
        let others: Vec<Person> = self
            .members()
            .map(|(member, _)| member)
            .filter(|member| *member != from)
            .collect();
        for other in others {
            for text in texts {
                let line = format!("@{name}: {}", text.shown());
                self.script.gets(index, &actor(other), &line);
            }
        }
    }

    fn leave(&mut self, index: usize, who: Person, name: &str, how: &Leaving) {
        let me = actor(who);
        self.script.pause();
        let standing = match how {
            Leaving::Disconnect { then } => {
                let line = format!("DISCONNECT {name} CHAT/1.0");
                self.script.says(index, &me, &line);
                match then {
                    AfterDisconnect::IsDisconnected => {
                        self.script.step(index, format!("{me} is disconnected"));
                        Standing::Gone
                    }
                    AfterDisconnect::Closes => {
                        self.script.step(index, format!("{me} closes"));
                        Standing::Gone
                    }
                    AfterDisconnect::Stays => Standing::Departed,
                }
            }
            Leaving::DisconnectWithCarriageReturn => {
                let line = format!("DISCONNECT {name} CHAT/1.0\r\n");
                self.script.sends(index, &me, line.as_bytes());
                self.script.step(index, format!("{me} is disconnected"));
                Standing::Gone
            }
            Leaving::Close => {
                self.script.step(index, format!("{me} closes"));
                Standing::Gone
            }
            Leaving::CloseInMidLine => {
                let begun = format!("@{name}: I was about to");
                self.script.sends(index, &me, begun.as_bytes());
                self.script.step(index, format!("{me} closes"));
                Standing::Gone
            }
            Leaving::Reset => {
                self.script.step(index, format!("{me} resets"));
                Standing::Gone
            }
        };
        self.people.insert(who, standing);
    }

    fn shut_down(&mut self, index: usize) {
        self.script.pause();
        self.script.step(index, "server is interrupted");
        let members: Vec<Person> = self.members().map(|(member, _)| member).collect();
        for member in members {
            self.script
                .gets(index, &actor(member), "DISCONNECT CHAT/1.0");
        }
        self.script.step(index, "server ends");
        self.has_ended = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(acts: &[Act]) -> String {
        let script = script(acts);
        let (text, _) = script
            .transcript("test", "A case.", &["S-MSG-1"])
            .expect("is a transcript");
        text.split_once("\n\n").expect("has a head").1.to_owned()
    }

    fn joins(who: Person) -> Act {
        Act::Registers {
            who,
            name: None,
            how: Registration::Plain,
        }
    }

    fn speaks(who: Person, cut: Cut, leaves: bool) -> Act {
        Act::Speaks {
            who,
            texts: vec![Text::plain(0)],
            cut,
            leaves,
        }
    }

    #[test]
    fn every_other_member_hears_what_somebody_says() {
        let acts = [
            joins(0),
            joins(1),
            Act::Connects { who: 2 },
            speaks(0, Cut::Lines, false),
            Act::Leaves {
                who: 0,
                how: Leaving::Disconnect {
                    then: AfterDisconnect::IsDisconnected,
                },
            },
            // She has left.
            speaks(0, Cut::Lines, false),
            Act::ServerIsInterrupted,
            joins(3),
        ];
        let expected = "alice joins\nbob joins\n\ncarol connects\n\nalice > @alice: apricot\nbob   < @alice: \
                        apricot\n\nalice > DISCONNECT alice CHAT/1.0\nalice is disconnected\n\nserver is \
                        interrupted\nbob < DISCONNECT CHAT/1.0\nserver ends\n";
        assert_eq!(shown(&acts), expected);
    }

    #[test]
    fn segments_are_cut_as_the_act_says() {
        let acts = [
            joins(0),
            joins(1),
            speaks(0, Cut::InParts(vec![3, 100]), false),
            speaks(1, Cut::OneSegment, true),
        ];
        let expected = "alice joins\nbob joins\n\nalice sends \"@al\"\nalice sends \"ice: apricot\\n\"\nbob < \
                        @alice: apricot\n\nbob sends \"@bob: apricot\\nDISCONNECT bob CHAT/1.0\\n\"\nbob \
                        closes\nalice < @bob: apricot\n";
        assert_eq!(shown(&acts), expected);
    }

    #[test]
    fn a_bystander_has_heard_nothing_when_it_registers() {
        let acts = [
            joins(0),
            Act::Connects { who: 1 },
            speaks(0, Cut::Lines, false),
            joins(1),
        ];
        let expected = "alice joins\n\nbob connects\n\nalice > @alice: apricot\nbob hears nothing\n\nbob > \
                        REGISTER bob CHAT/1.0\nbob < 200 ...\n";
        assert_eq!(shown(&acts), expected);
    }

    #[test]
    fn the_refused_are_not_heard() {
        let acts = [
            joins(0),
            Act::AsksForTakenName {
                who: 1,
                holder: 0,
                to_the_letter: true,
            },
            Act::SpeaksInVain {
                who: 1,
                in_the_name_of: Some(0),
                text: Text::plain(1),
            },
            Act::ListensInVain { who: 0 },
        ];
        let expected = "alice joins\n\nbob connects\nbob > REGISTER alice CHAT/1.0\nbob < 401 Client already \
                        registered\n\nbob > @alice: balcony\nalice hears nothing\n";
        assert_eq!(shown(&acts), expected);
    }

    #[test]
    fn a_name_is_held_by_one() {
        let as_ann = |who| Act::Registers {
            who,
            name: Some("ann".to_owned()),
            how: Registration::Plain,
        };
        let left = Act::Leaves {
            who: 0,
            how: Leaving::Close,
        };
        let acts = [as_ann(0), as_ann(1), left, as_ann(2)];
        assert_eq!(
            shown(&acts),
            "alice joins as ann\n\nalice closes\ncarol joins as ann\n"
        );
    }
}
