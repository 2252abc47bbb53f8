//! The situations of a conversation with a server.

use std::collections::BTreeSet;

use super::situation::Situation;
use super::text::{self, Feature};
use crate::conformance::conversation::utterance::Utterance;
use crate::transcript::syntax::{Action, Step};

/// The situations that these steps have.
pub fn situations(steps: &[Step]) -> BTreeSet<Situation> {
    let mut scene = Scene::default();
    for step in steps {
        scene.take(&step.action);
    }
    scene.found
}

/// What is known so far.
#[derive(Default)]
struct Scene {
    found: BTreeSet<Situation>,
    /// Registered clients in order of registration.
    members: Vec<Member>,
    /// Connections that have said nothing yet.
    silent: Vec<String>,
    /// Connections that were refused, each with the name that it asked for, if that was in use.
    refused: Vec<(String, Option<String>)>,
    /// The names of those who were refused with 400.
    refused_names: Vec<String>,
    /// Those who left.
    departed: Vec<String>,
    departed_names: Vec<String>,
    /// What follows from what happened before.
    before: BTreeSet<Situation>,
    /// What was sent without its end, by whom, and in how many parts.
    begun: Option<Begun>,
    /// Who asked for a name last.
    asking: Option<(String, String)>,
    /// The latest message.
    latest: Option<String>,
    /// Whether the step before was a departure.
    just_left: bool,
    /// The last who said DISCONNECT, if nothing happened since.
    just_disconnected: Option<String>,
    is_unread: bool,
    is_interrupted: bool,
}

struct Member {
    actor: String,
    name: String,
}

struct Begun {
    actor: String,
    bytes: Vec<u8>,
    parts: usize,
}

impl Scene {
    fn take(&mut self, action: &Action) {
        let just_disconnected = self.just_disconnected.take();
        let just_left = std::mem::take(&mut self.just_left);
        match action {
            Action::Joins { actor, name } => self.joins(actor, name),
            Action::Connects { actor, .. } => {
                if self.is_refused(actor) {
                    self.found.insert(Situation::RefusedComesAgain);
                    self.refused.retain(|(refused, _)| refused != actor);
                }
                self.silent.push(actor.clone());
            }
            Action::Says { actor, line } => self.hears(actor, line),
            Action::Sends {
                actor,
                bytes,
                times,
            } => self.segment(actor, bytes, *times),
            Action::Gets { actor, line, .. } => self.gets(actor, line),
            Action::Hears { .. } => self.is_talk_after(),
            Action::HearsNothing { actor } => self.hears_nothing(actor),
            Action::StopsReading { .. } => self.is_unread = true,
            Action::Closes { actor } => {
                if just_disconnected.as_ref() == Some(actor) {
                    self.found.insert(Situation::LeavesAndCloses);
                }
                self.goes(actor, Situation::LeavesByClose, just_left);
            }
            Action::Resets { actor } => self.goes(actor, Situation::LeavesByReset, just_left),
            Action::IsDisconnected { actor } if self.departed.contains(actor) => {
                self.found.insert(Situation::LeaverDisconnected);
            }
            Action::Pass { seconds: 2.. } => {
                self.found.insert(Situation::IdleFor);
            }
            Action::GoesOn => {
                self.found.insert(Situation::AtTheSameTime);
            }
            Action::IsInterrupted => self.is_shut_down(),
            Action::IsTerminated => {
                self.found.insert(Situation::ShutTerminated);
                self.is_shut_down();
            }
            _ => {}
        }
    }

    fn is_refused(&self, actor: &str) -> bool {
        self.refused.iter().any(|(refused, _)| refused == actor)
    }

    fn place(&self, actor: &str) -> Option<usize> {
        self.members.iter().position(|member| member.actor == actor)
    }

    fn joins(&mut self, actor: &str, name: &str) {
        self.found.extend(&self.before);
        if self.members.iter().any(|other| is_part(&other.name, name)) {
            self.found.insert(Situation::NamePart);
        }
        if !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
            self.found.insert(Situation::NameMarks);
        }
        self.found.extend(match name.len() {
            1 => Some(Situation::NameLetter),
            64.. => Some(Situation::NameLong),
            _ => None,
        });
        if ["REGISTER", "CHAT", "DISCONNECT"].contains(&name) {
            self.found.insert(Situation::NameWord);
        }
        if self.departed_names.iter().any(|departed| departed == name) {
            self.found.insert(Situation::NameAgain);
        }
        if self.refused_names.iter().any(|refused| refused == name) {
            self.found
                .extend([Situation::NameRefused, Situation::RefusedComesAgain]);
        }
        if self.is_refused(actor) {
            self.found.insert(Situation::RefusedComesAgain);
        }
        self.refused.retain(|(refused, _)| refused != actor);
        self.silent.retain(|silent| silent != actor);
        self.departed.retain(|departed| departed != actor);
        self.members.push(Member {
            actor: actor.to_owned(),
            name: name.to_owned(),
        });
        self.counts_heads();
    }

    fn counts_heads(&mut self) {
        self.found.extend(match self.members.len() {
            0 => None,
            1 => Some(Situation::Alone),
            2 => Some(Situation::Two),
            3..=9 => Some(Situation::Three),
            _ => Some(Situation::Dozen),
        });
        if !self.silent.is_empty() && !self.members.is_empty() {
            self.found.insert(Situation::SilentBeside);
        }
    }

    /// A whole line, said by somebody.
    fn hears(&mut self, actor: &str, line: &str) {
        let utterance = Utterance::of(line);
        if let Some(place) = self.place(actor) {
            match utterance {
                Utterance::Message { text, .. } => self.speaks(place, line, text),
                Utterance::Disconnect { .. } => {
                    self.goes(actor, Situation::LeavesByDisconnect, false);
                    self.just_disconnected = Some(actor.to_owned());
                }
                _ => {}
            }
            return;
        }
        if self.is_refused(actor) {
            self.found.insert(Situation::RefusedSpeaks);
            if let Utterance::Message { name, .. } = utterance {
                if self.members.iter().any(|member| member.name == name) {
                    self.found.insert(Situation::RefusedSpeaksAsMember);
                }
            }
            return;
        }
        self.silent.retain(|silent| silent != actor);
        if self
            .asking
            .as_ref()
            .is_some_and(|(asking, _)| asking == actor)
        {
            // Said before the answer has come.
            return;
        }
        if let Utterance::Register { name } = utterance {
            self.asking = Some((actor.to_owned(), name.to_owned()));
            return;
        }
        self.found.insert(malformation(line));
        let mut words = line.split(' ').filter(|word| *word != "REGISTER");
        self.refused_names.extend(words.next().map(str::to_owned));
        self.refused.push((actor.to_owned(), None));
    }

    fn speaks(&mut self, place: usize, line: &str, said: &str) {
        self.counts_heads();
        self.found.extend(&self.before);
        self.is_talk_after();
        let last = self.members.len() - 1;
        if last > 0 {
            self.found.insert(match place {
                0 => Situation::FirstSpeaks,
                _ if place == last => Situation::NewestSpeaks,
                _ => Situation::MiddleSpeaks,
            });
        }
        let name = &self.members[place].name;
        if self
            .refused
            .iter()
            .any(|(_, asked)| asked.as_ref() == Some(name))
        {
            self.found.insert(Situation::HolderGoesOn);
        }
        self.found
            .extend(text::features(said).into_iter().filter_map(said_with));
        if self.latest.as_deref() == Some(line) {
            self.found.insert(Situation::SaidTwice);
        }
        self.latest = Some(line.to_owned());
        self.before.insert(Situation::AfterTalk);
    }

    fn is_talk_after(&mut self) {
        if !self.departed_names.is_empty() {
            self.found.insert(Situation::OthersTalk);
        }
    }

    fn gets(&mut self, actor: &str, line: &str) {
        let asked = self.asking.take_if(|(asking, _)| asking == actor);
        match (Utterance::of(line), asked) {
            (Utterance::Status { code: "200", .. }, Some((actor, name))) => {
                self.joins(&actor, &name);
            }
            (Utterance::Status { code: "401", .. }, Some((actor, name))) => {
                self.refused.push((actor, Some(name)));
                self.before.insert(Situation::AfterTaken);
            }
            (Utterance::Status { code: "400", .. }, _) => {
                self.before.insert(Situation::AfterMalformed);
            }
            _ => {}
        }
    }

    fn hears_nothing(&mut self, actor: &str) {
        if self.departed.iter().any(|departed| departed == actor) {
            self.found.insert(Situation::LeaverHearsNothing);
        } else if self.is_refused(actor) {
            self.found.insert(Situation::RefusedHears);
        } else if self.place(actor).is_some() && !self.departed_names.is_empty() {
            self.found.insert(Situation::OthersHearNothing);
        }
    }

    /// A segment that may be less or more than a line.
    fn segment(&mut self, actor: &str, bytes: &[u8], times: u32) {
        let begun = self.begun.take_if(|begun| begun.actor == actor);
        let mut begun = begun.unwrap_or(Begun {
            actor: actor.to_owned(),
            bytes: Vec::new(),
            parts: 0,
        });
        let is_cut = !begun.bytes.is_empty();
        if is_cut && std::str::from_utf8(&begun.bytes).is_err() {
            self.found.insert(Situation::CutInCharacter);
        }
        if is_cut && begun.bytes.ends_with(b"\r") && bytes.starts_with(b"\n") {
            self.found.insert(Situation::CutAtCrLf);
        }
        begun.parts += 1;
        begun.bytes.extend_from_slice(bytes);
        let parts = begun.parts;
        let mut lines: Vec<Vec<u8>> = begun
            .bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        let rest = lines.pop().unwrap_or_default();
        for (place, line) in lines.iter().enumerate() {
            let line = String::from_utf8_lossy(line);
            if line.ends_with('\r') {
                self.found.insert(Situation::CrLf);
            }
            let line = line.trim_end_matches('\r');
            let utterance = Utterance::of(line);
            if place == 0 && parts > 1 {
                self.found.insert(match utterance {
                    Utterance::Register { .. } => Situation::CutRegistration,
                    Utterance::Disconnect { .. } => Situation::CutDisconnect,
                    _ => Situation::CutInTwo,
                });
                if parts > 5 {
                    self.found.insert(Situation::CutByteByByte);
                }
            }
            if lines.len() > 1 || times > 1 {
                self.found.insert(match utterance {
                    Utterance::Register { .. } => Situation::RegistrationAndMessage,
                    Utterance::Disconnect { .. } => Situation::MessageAndDisconnect,
                    _ => Situation::Several,
                });
            }
            self.hears(actor, line);
        }
        if rest.is_empty() {
            return;
        }
        self.found.insert(Situation::NoEnd);
        self.begun = Some(Begun {
            actor: actor.to_owned(),
            parts: if lines.is_empty() { parts } else { 1 },
            bytes: rest,
        });
    }

    /// Somebody goes, in this way.
    fn goes(&mut self, actor: &str, how: Situation, just_left: bool) {
        self.silent.retain(|silent| silent != actor);
        if self.is_refused(actor) {
            self.found.insert(Situation::RefusedGoes);
        }
        let Some(place) = self.place(actor) else {
            if how == Situation::LeavesByReset || !self.departed.iter().any(|gone| gone == actor) {
                self.found.insert(how);
            }
            return;
        };
        self.found.insert(how);
        if just_left {
            self.found.insert(Situation::TwoLeave);
        }
        self.just_left = true;
        if self.begun.take_if(|begun| begun.actor == actor).is_some() {
            self.found.insert(Situation::LeavesInMidLine);
        }
        self.found.extend(match place {
            _ if self.members.len() == 1 => Some(Situation::OnlyOneLeaves),
            0 => Some(Situation::FirstLeaves),
            _ if place + 1 == self.members.len() => Some(Situation::NewestLeaves),
            _ => None,
        });
        let member = self.members.remove(place);
        self.departed_names.push(member.name);
        self.departed.push(member.actor);
        self.before.insert(match how {
            Situation::LeavesByClose => Situation::AfterClose,
            Situation::LeavesByReset => Situation::AfterReset,
            _ => Situation::AfterDisconnect,
        });
        if self.members.is_empty() {
            self.before.insert(Situation::AfterEmpty);
        }
    }

    fn is_shut_down(&mut self) {
        if std::mem::replace(&mut self.is_interrupted, true) {
            return;
        }
        self.found.extend(&self.before);
        self.found.insert(match self.members.len() {
            0 => Situation::ShutEmpty,
            1 => Situation::ShutOne,
            2..=9 => Situation::ShutSome,
            _ => Situation::ShutDozen,
        });
        let conditions = [
            (Situation::ShutBesideSilent, !self.silent.is_empty()),
            (Situation::ShutAfterLeaving, !self.departed_names.is_empty()),
            (Situation::ShutUnread, self.is_unread),
        ];
        let holding = conditions.iter().filter(|(_, holds)| *holds);
        self.found.extend(holding.map(|(situation, _)| *situation));
    }
}

fn is_part(one: &str, other: &str) -> bool {
    one != other && (one.contains(other) || other.contains(one))
}

/// How a line that ought to be a registration is malformed.
fn malformation(line: &str) -> Situation {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [""] => Situation::EmptyLine,
        ["REGISTER"] => Situation::VerbAlone,
        ["REGISTER", "CHAT/1.0"] | ["REGISTER", "", "CHAT/1.0"] => Situation::NoName,
        ["REGISTER", _] => Situation::NoVersion,
        ["REGISTER", _, _] => Situation::OtherVersion,
        ["REGISTER", ..] => Situation::TwoWords,
        ["DISCONNECT", ..] => Situation::DisconnectFirst,
        [verb, ..] if verb.eq_ignore_ascii_case("REGISTER") => Situation::CaseOfVerb,
        [word, ..] if word.starts_with('@') => Situation::MessageFirst,
        _ => Situation::OtherVerb,
    }
}

fn said_with(feature: Feature) -> Option<Situation> {
    Some(match feature {
        Feature::Plain => Situation::SaidPlain,
        Feature::Spaces => Situation::SaidSpaces,
        Feature::Tab => Situation::SaidTab,
        Feature::Blank => Situation::SaidBlank,
        Feature::Odd => Situation::SaidOdd,
        Feature::Control => Situation::SaidControl,
        Feature::Status => Situation::SaidStatus,
        Feature::At => Situation::SaidAt,
        Feature::Colon => Situation::SaidColon,
        Feature::Command => Situation::SaidCommand,
        Feature::Marks => Situation::SaidMarks,
        Feature::Unicode => Situation::SaidUnicode,
        Feature::Invisible => Situation::SaidInvisible,
        Feature::Wide => return None,
        Feature::Hundreds => Situation::SaidHundreds,
        Feature::Thousand => Situation::SaidThousand,
    })
}
