//! Clients register with the server under test.

use std::time::{Duration, Instant};

use super::fence::is_fence;
use super::heard::{Heard, got_line};
use super::replay::Replay;
use super::setting::Stop;
use super::settling::wait_for_quiet;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::Departure;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::Excerpt;
use crate::conformance::evidence::shortfall::{Expected, Got, Note, PassedOver};
use crate::conformance::evidence::topic::Topic;

impl Replay<'_> {
    /// Connects and registers. Where the name was held before, the server may need a moment to free it: then the
    /// actor asks again after a 401, for as long as any answer may take.
    pub(super) fn join(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        const LONGEST_PAUSE: Duration = Duration::from_millis(640);
        // Later tries come less often: a name may stay taken, and hundreds of connections would slow the server down.
        let mut pause = Duration::from_millis(20);
        let freed = self.room.freed(name);
        let deadline = Instant::now() + self.setting.timeouts.answer();
        loop {
            self.connect(actor)?;
            self.say(actor, &format!("REGISTER {name} CHAT/1.0"))?;
            let asked = Instant::now();
            if self.registers_silently() {
                return self.take_for_registered(actor, name);
            }
            let answer = self.status_of_registration(actor)?;
            let text = String::from_utf8_lossy(&answer);
            match Utterance::of(&text) {
                Utterance::Status { code: "200", .. } => {
                    self.setting.timeouts.replied_within(asked.elapsed());
                    self.room.registered(actor, name);
                    if let Some(how) = freed {
                        self.setting.ledger.held(Topic::NameFreed(how));
                    }
                    return self.say_first_message(actor, name);
                }
                Utterance::Status { code: "401", .. }
                    if freed.is_some() && Instant::now() < deadline =>
                {
                    self.cast.log.note(Note::TriesAgain {
                        actor: actor.to_owned(),
                        name: name.to_owned(),
                    });
                    self.cast.look_on_for(pause)?;
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
                status => {
                    let is_taken = matches!(status, Utterance::Status { code: "401", .. });
                    return Err(self.short_of_name(&answer, freed.filter(|_| is_taken)));
                }
            }
        }
    }

    /// A line of the harness's own, for a program that waits for one, except where a transcript is about clients
    /// that stay quiet.
    fn say_first_message(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        if !self.setting.profile.waits_for_first_message || self.policy.leaves_clients_quiet {
            return Ok(());
        }
        self.say_as_fence(actor, name)
    }

    /// The first line with a status. Lines before it are passed over here, since only requirements about the
    /// answer itself are about its place.
    fn status_of_registration(&mut self, actor: &str) -> Result<Vec<u8>, Stop> {
        let patience = self.setting.timeouts.answer();
        let asked = Instant::now();
        loop {
            self.refuse_endless(asked, acceptance)?;
            let heard = self.next_message(actor, patience)?;
            match &heard {
                Heard::Message(line) if is_status(line) => return Ok(line.clone()),
                Heard::Message(line) if self.is_hidden_success(actor, line) => {
                    self.pass_over(actor, line, PassedOver::HiddenSuccess);
                    return Ok(b"200".to_vec());
                }
                Heard::Message(line) => self.refuse_unless_greeting(actor, line)?,
                _ => return Err(self.short_of_line(acceptance(), &heard)),
            }
        }
    }

    /// Whether the program is known to register clients without an answer, and not judged for it here.
    pub(super) fn registers_silently(&self) -> bool {
        self.setting.profile.registers_silently && !self.policy.awaits_registration_answer
    }

    /// No answer is to be expected: the actor is registered when the program has dealt with the request.
    pub(super) fn take_for_registered(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        self.let_digest()?;
        wait_for_quiet(&mut self.cast)?;
        self.cast.log.note(Note::TakenForRegistered {
            actor: actor.to_owned(),
        });
        self.room.registered(actor, name);
        Ok(())
    }

    /// Whether a line is a 200 behind other text, where nobody is judged for that.
    pub(super) fn is_hidden_success(&self, actor: &str, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split(|character: char| !character.is_alphanumeric());
        !self.policy.awaits_registration_answer
            && self.room.meaning(actor, &text) == Meaning::Notice
            && words.any(|word| word == "200")
    }

    /// A name that was given up is in use still.
    fn short_of_name(&self, line: &[u8], freed: Option<Departure>) -> Stop {
        let got = Got::Line {
            line: Excerpt::of(line),
            meaning: Meaning::Regular,
            freed,
        };
        self.short(acceptance(), got)
    }

    /// What comes before the 200 is a greeting, unless somebody else said it.
    fn refuse_unless_greeting(&mut self, actor: &str, line: &[u8]) -> Result<(), Stop> {
        let text = String::from_utf8_lossy(line);
        let meaning = self.room.meaning(actor, &text);
        if self.policy.refuses(meaning) && !is_fence(&text) {
            return Err(self.short(acceptance(), got_line(line, meaning)));
        }
        self.pass_over(actor, line, PassedOver::Greeting);
        Ok(())
    }
}

/// What every registration that is to succeed waits for.
fn acceptance() -> Expected {
    Expected::Line {
        line: "200".to_owned(),
        open_ended: true,
    }
}

fn is_status(line: &[u8]) -> bool {
    matches!(
        Utterance::of(&String::from_utf8_lossy(line)),
        Utterance::Status { .. }
    )
}
