//! The situations of a conversation with a client.

use std::collections::BTreeSet;

use super::situation::Situation;
use super::text::{self, Feature};
use crate::conformance::conversation::cause::names_unknown_host;
use crate::conformance::conversation::utterance::Utterance;
use crate::transcript::syntax::{Action, Key, Step};

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
    own_name: String,
    is_answered: bool,
    has_waited: bool,
    has_talked: bool,
    is_over: bool,
    /// What was typed without Enter.
    half_typed: String,
    /// What the server sent without a line end, and in how many parts.
    begun: Vec<u8>,
    parts: usize,
    latest: Option<String>,
}

impl Scene {
    fn take(&mut self, action: &Action) {
        match action {
            Action::ClientStarts { name, address } => self.starts(name, address),
            Action::Says { line, .. } => self.receives(line),
            Action::Sends { bytes, times, .. } => self.segment(bytes, *times),
            Action::Types { text, .. } => self.types(text),
            Action::Presses {
                key: Key::CtrlC, ..
            } => self.ends(Situation::EndCtrlC),
            Action::Presses {
                key: Key::CtrlD, ..
            } => self.ends(Situation::EndCtrlD),
            Action::Closes { .. } => self.ends(Situation::EndClose),
            Action::GoesOn => {
                self.found.insert(Situation::AtTheSameTime);
            }
            Action::Pass { .. } => self.has_waited = true,
            _ => {}
        }
    }

    fn starts(&mut self, name: &str, address: &str) {
        name.clone_into(&mut self.own_name);
        let is_plain = name.bytes().all(|byte| byte.is_ascii_lowercase());
        self.found.insert(match name.len() {
            1 => Situation::OwnNameLetter,
            64.. => Situation::OwnNameLong,
            _ if is_plain => Situation::OwnNamePlain,
            _ => Situation::OwnNameMarks,
        });
        let is_unknown = names_unknown_host(address);
        self.found
            .extend(is_unknown.then_some(Situation::UnknownHost));
        let special = match address.split_once("://") {
            Some(("chat", "")) => Some(Situation::WrongAltogether),
            Some(("chat", place)) => match place.rsplit_once(':') {
                Some((host, _))
                    if host.is_empty() || host.starts_with('[') && !host.ends_with(']') =>
                {
                    Some(Situation::WrongHost)
                }
                Some(("localhost", "{port}")) => Some(Situation::HostByName),
                Some((_, "{port}")) => None,
                Some((_, "{short_port}")) => Some(Situation::PortShort),
                Some((_, "{unused}")) => Some(Situation::NobodyListens),
                _ => Some(Situation::WrongPort),
            },
            None if !address.contains('{') => Some(Situation::WrongAltogether),
            _ => Some(Situation::WrongScheme),
        };
        self.found.extend(special);
    }

    fn types(&mut self, typed: &str) {
        if !self.is_answered {
            self.found.insert(Situation::TypedEarly);
        }
        if typed.trim_end_matches('\n').contains('\n') {
            self.found.insert(Situation::TypedPasted);
        }
        for part in typed.split_inclusive('\n') {
            self.half_typed.push_str(part.trim_end_matches('\n'));
            if part.ends_with('\n') {
                let line = std::mem::take(&mut self.half_typed);
                self.found
                    .extend(text::features(&line).into_iter().filter_map(typed_with));
                self.has_talked = true;
            }
        }
    }

    fn segment(&mut self, bytes: &[u8], times: u32) {
        if !self.begun.is_empty() && std::str::from_utf8(&self.begun).is_err() {
            self.found.insert(Situation::CutInCharacter);
        }
        self.parts += 1;
        self.begun.extend_from_slice(bytes);
        let mut lines: Vec<Vec<u8>> = self
            .begun
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        self.begun = lines.pop().unwrap_or_default();
        for (place, line) in lines.iter().enumerate() {
            let line = String::from_utf8_lossy(line);
            if line.ends_with('\r') {
                self.found.insert(Situation::CrLf);
            }
            let line = line.trim_end_matches('\r');
            let utterance = Utterance::of(line);
            if place == 0 && self.parts > 1 {
                self.found.insert(match utterance {
                    Utterance::Status { .. } => Situation::CutRegistration,
                    Utterance::Goodbye => Situation::CutDisconnect,
                    _ => Situation::CutInTwo,
                });
                if self.parts > 5 {
                    self.found.insert(Situation::CutByteByByte);
                }
            }
            if lines.len() > 1 || times > 1 {
                self.found.insert(match utterance {
                    Utterance::Status { .. } => Situation::RegistrationAndMessage,
                    Utterance::Goodbye => Situation::MessageAndDisconnect,
                    _ => Situation::Several,
                });
            }
            self.receives(line);
        }
        if !lines.is_empty() {
            self.parts = usize::from(!self.begun.is_empty());
        }
        if !self.begun.is_empty() {
            self.found.insert(Situation::NoEnd);
        }
    }

    fn receives(&mut self, line: &str) {
        match Utterance::of(line) {
            Utterance::Goodbye => self.ends(Situation::EndGoodbye),
            Utterance::Status { code, .. } if !self.is_answered => {
                self.is_answered = true;
                self.found.extend(match code {
                    "200" if self.has_waited => Some(Situation::AcceptedLate),
                    "200" => Some(Situation::Accepted),
                    "400" => Some(Situation::RefusedInvalid),
                    "401" => Some(Situation::RefusedInUse),
                    _ => None,
                });
            }
            Utterance::Message { name, text: said } => {
                self.has_talked = true;
                self.found
                    .extend(text::features(said).into_iter().filter_map(received_with));
                let own = self.own_name.to_lowercase();
                let sender = name.to_lowercase();
                if sender.contains(&own) || own.contains(&sender) {
                    self.found.insert(Situation::ReceivedFromNamesake);
                }
                if !self.half_typed.is_empty() {
                    self.found.insert(Situation::ReceivedInMidLine);
                }
                if self.latest.as_deref() == Some(line) {
                    self.found.insert(Situation::ReceivedTwice);
                }
                self.latest = Some(line.to_owned());
            }
            _ => {}
        }
    }

    fn ends(&mut self, how: Situation) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        self.found.insert(how);
        let conditions = [
            (Situation::EndInMidLine, !self.half_typed.is_empty()),
            (Situation::EndBeforeAnswer, !self.is_answered),
            (Situation::EndAfterTalk, self.has_talked),
        ];
        let holding = conditions.iter().filter(|(_, holds)| *holds);
        self.found.extend(holding.map(|(situation, _)| *situation));
    }
}

fn typed_with(feature: Feature) -> Option<Situation> {
    Some(match feature {
        Feature::Plain => Situation::TypedPlain,
        Feature::Spaces => Situation::TypedSpaces,
        Feature::Blank => Situation::TypedBlank,
        Feature::Odd => Situation::TypedOdd,
        Feature::Control | Feature::Status => Situation::TypedControl,
        Feature::At => Situation::TypedAt,
        Feature::Command => Situation::TypedCommand,
        Feature::Marks => Situation::TypedMarks,
        Feature::Unicode | Feature::Invisible => Situation::TypedUnicode,
        Feature::Wide => Situation::TypedWide,
        Feature::Thousand => Situation::TypedThousand,
        Feature::Tab | Feature::Colon | Feature::Hundreds => return None,
    })
}

fn received_with(feature: Feature) -> Option<Situation> {
    Some(match feature {
        Feature::Plain => Situation::ReceivedPlain,
        Feature::Control => Situation::ReceivedControl,
        Feature::Status => Situation::ReceivedStatus,
        Feature::At => Situation::ReceivedAt,
        Feature::Colon => Situation::ReceivedColon,
        Feature::Marks => Situation::ReceivedMarks,
        Feature::Unicode => Situation::ReceivedUnicode,
        Feature::Invisible => Situation::ReceivedInvisible,
        Feature::Wide => Situation::ReceivedWide,
        Feature::Spaces
        | Feature::Tab
        | Feature::Blank
        | Feature::Odd
        | Feature::Command
        | Feature::Hundreds
        | Feature::Thousand => return None,
    })
}
