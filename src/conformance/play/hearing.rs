//! What actors are to get from the program, and what is passed over on the way.

use std::time::{Duration, Instant};

use super::fence::is_fence;
use super::heard::{Heard, got_line, milliseconds, next_message};
use super::replay::Replay;
use super::setting::Stop;
use super::settling::wait_for_quiet;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::Departure;
use crate::conformance::conversation::utterance::{Utterance, contains_words};
use crate::conformance::evidence::Excerpt;
use crate::conformance::evidence::shortfall::{Expected, Got, Note, PassedOver};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::program::dialect::Framing;
use crate::transcript::syntax::{Action, Role};

impl Replay<'_> {
    pub(super) fn next_message(&mut self, actor: &str, patience: Duration) -> Result<Heard, Stop> {
        next_message(&mut self.cast, actor, patience)
    }

    /// Waits for the next line of `actor` that is not to be passed over.
    pub(super) fn get(
        &mut self,
        actor: &str,
        expected: &str,
        open_ended: bool,
    ) -> Result<(), Stop> {
        let wanted = || Expected::Line {
            line: expected.to_owned(),
            open_ended,
        };
        if self.take_set_aside(actor, expected, open_ended) {
            return Ok(());
        }
        let is_acceptance = open_ended
            && matches!(
                Utterance::of(expected),
                Utterance::Status { code: "200", .. }
            );
        if is_acceptance && self.registers_silently() {
            let name = self.room.name_asked_for(actor).map(str::to_owned);
            return self.take_for_registered(actor, name.as_deref().unwrap_or(actor));
        }
        let patience = self.setting.timeouts.answer();
        let asked = Instant::now();
        let mut said_instead: Option<Vec<u8>> = None;
        loop {
            self.refuse_endless(asked, wanted)?;
            let heard = self.next_message(actor, patience)?;
            let Heard::Message(line) = &heard else {
                if let Some(line) = said_instead {
                    return Err(self.short(wanted(), got_line(&line, Meaning::Regular)));
                }
                return Err(self.short_of_line(wanted(), &heard));
            };
            let length = self.without_notice_behind(actor, expected, line);
            let (line, notice) = line.split_at(length);
            if !notice.is_empty() {
                self.pass_over(actor, notice, PassedOver::Notice);
            }
            let line = &line.to_vec();
            let text = String::from_utf8_lossy(line);
            if self.policy.comparison.accepts(expected, open_ended, line) {
                self.setting.timeouts.replied_within(asked.elapsed());
                self.room.heard(actor, &text);
                let is_registration = matches!(Utterance::of(expected), Utterance::Register { .. });
                if is_registration && text != expected {
                    self.pass_over_registration(actor)?;
                }
                return Ok(());
            }
            if is_acceptance && self.is_hidden_success(actor, line) {
                self.pass_over(actor, line, PassedOver::HiddenSuccess);
                let name = self.room.name_asked_for(actor).map(str::to_owned);
                self.room
                    .registered(actor, name.as_deref().unwrap_or(actor));
                return Ok(());
            }
            if is_fence(&text) {
                continue;
            }
            if self.is_empty_message(&text) {
                self.pass_over(actor, line, PassedOver::Notice);
                continue;
            }
            if self.may_come_before(actor, expected, line) {
                self.room.heard(actor, &text);
                self.set_aside.push((actor.to_owned(), line.clone()));
                continue;
            }
            let meaning = self.room.meaning(actor, &text);
            if meaning.is_mistake() && !self.policy.refuses(meaning) {
                self.pass_over(actor, line, PassedOver::Mistake(meaning));
            } else if meaning == Meaning::Notice
                && !self.must_come_first(expected)
                && !self.is_cut_short(expected, &text)
            {
                self.pass_over(actor, line, PassedOver::Notice);
            } else if self.is_unasked(expected, &text) {
                self.pass_over(actor, line, PassedOver::Notice);
                said_instead.get_or_insert_with(|| line.clone());
            } else {
                let got = Got::Line {
                    line: Excerpt::of(line),
                    meaning,
                    freed: self.still_in_use(actor, expected, &text),
                };
                return Err(self.short(wanted(), got));
            }
        }
    }

    /// Whether a client sent a message without text: whether an empty line is a message is left open.
    fn is_empty_message(&self, line: &str) -> bool {
        let prefix = line.trim_end().strip_suffix(':');
        let name = prefix.and_then(|prefix| prefix.strip_prefix('@'));
        let is_empty = line.trim_end().is_empty() || name.is_some_and(|name| !name.contains(' '));
        self.transcript.role == Role::Client && is_empty
    }

    /// How the name was given up that an actor is refused as one in use.
    fn still_in_use(&self, actor: &str, expected: &str, line: &str) -> Option<Departure> {
        let code = |line| Utterance::of(line).code();
        let is_refused = code(expected) == Some("200") && code(line) == Some("401");
        let name = self.room.name_asked_for(actor).filter(|_| is_refused);
        name.and_then(|name| self.room.freed(name))
    }

    /// Length of a line without a notice behind the message in it. Who marks no ends writes a notice at the same time as a
    /// message where both have their reason in one pause.
    fn without_notice_behind(&self, actor: &str, expected: &str, line: &[u8]) -> usize {
        if self.policy.dialect.writes != Framing::Bare || !self.follows_pause() {
            return line.len();
        }
        let later = self.transcript.steps[self.index() + 1..].iter();
        let later = later.take_while(|step| only_receives(&step.action));
        let later = later.flat_map(|step| lines_for(actor, &step.action));
        let messages = std::iter::once(expected).chain(later.map(|(line, _)| line));
        let begins_with = |message: &&str| {
            matches!(Utterance::of(message), Utterance::Message { .. })
                && line.starts_with(message.as_bytes())
        };
        let longest = messages.filter(begins_with).map(str::len).max();
        longest.unwrap_or(line.len())
    }

    /// Whether a line is the beginning of a message of which the rest is missing.
    fn is_cut_short(&self, expected: &str, line: &str) -> bool {
        const LONG_ENOUGH: usize = 16;
        let Utterance::Message { name, .. } = Utterance::of(expected) else {
            return false;
        };
        self.policy.dialect.writes.is_lines()
            && line.len() >= name.len() + LONG_ENOUGH
            && expected.starts_with(line)
    }

    /// Takes what came before its turn and is expected now.
    fn take_set_aside(&mut self, actor: &str, expected: &str, open_ended: bool) -> bool {
        let comparison = self.policy.comparison;
        let position = self.set_aside.iter().position(|(receiver, line)| {
            receiver == actor && comparison.accepts(expected, open_ended, line)
        });
        position
            .map(|position| self.set_aside.remove(position))
            .is_some()
    }

    /// Whether the steps before this one only receive what was sent while the program was paused.
    fn follows_pause(&self) -> bool {
        let mut earlier = self.transcript.steps[..self.index()].iter().rev();
        let begun = earlier.find(|step| !only_receives(&step.action));
        begun.is_some_and(|step| step.action == Action::GoesOn)
    }

    /// Whether a line may come before the `expected` one, though a later step expects it: what was sent while the program
    /// was paused arrives in any order, but for what one sender says.
    fn may_come_before(&self, actor: &str, expected: &str, line: &[u8]) -> bool {
        let steps = &self.transcript.steps;
        if !self.follows_pause() {
            return false;
        }
        let mut waiting: Vec<&str> = vec![sender(expected)];
        let mut set_aside: Vec<&[u8]> = self
            .set_aside
            .iter()
            .filter(|(receiver, _)| receiver == actor)
            .map(|(_, line)| line.as_slice())
            .collect();
        let later = steps[self.index() + 1..].iter();
        for step in later.take_while(|step| only_receives(&step.action)) {
            for (expected, open_ended) in lines_for(actor, &step.action) {
                let accepts =
                    |line: &&[u8]| self.policy.comparison.accepts(expected, open_ended, line);
                if let Some(known) = set_aside.iter().position(accepts) {
                    set_aside.remove(known);
                } else if accepts(&line) && !waiting.contains(&sender(expected)) {
                    return true;
                } else {
                    waiting.push(sender(expected));
                }
            }
        }
        false
    }

    /// Whether a client says something of its own in front of the message that its user typed, or of its goodbye, where
    /// the transcript is not about what it sends.
    fn is_unasked(&self, expected: &str, line: &str) -> bool {
        if self.room.role() != Role::Client || self.policy.judges(Topic::ClientMessage) {
            return false;
        }
        match (Utterance::of(expected), Utterance::of(line)) {
            (Utterance::Message { text, .. }, Utterance::Message { .. } | Utterance::Other) => {
                !shares_a_word(text, line)
            }
            // What is half typed may not be sent.
            (Utterance::Disconnect { .. }, Utterance::Message { .. }) => {
                !contains_words(line, &self.half_typed())
            }
            _ => false,
        }
    }

    /// What was typed after the last Enter.
    fn half_typed(&self) -> String {
        let steps = &self.transcript.steps[..self.index()];
        let typed = steps.iter().filter_map(|step| match &step.action {
            Action::Types { text, .. } => Some(text.as_str()),
            _ => None,
        });
        let typed: String = typed.collect();
        typed.rsplit('\n').next().unwrap_or_default().to_owned()
    }

    /// Whether the transcript is about an answer that nothing else may stand in front of.
    fn must_come_first(&self, expected: &str) -> bool {
        let topic = self.topic().map(Topic::of_code);
        let is_judged = topic.is_none_or(|topic| self.policy.judges(topic));
        // What happens at the same time may be told in any order.
        matches!(Utterance::of(expected), Utterance::Status { .. })
            && is_judged
            && !self.follows_pause()
    }

    /// Something else was taken for a client's registration, which may still follow it.
    fn pass_over_registration(&mut self, actor: &str) -> Result<(), Stop> {
        const VERB: &[u8] = b"REGISTER";
        self.let_digest()?;
        wait_for_quiet(&mut self.cast)?;
        let Some(peer) = self.cast.peer(actor) else {
            return Ok(());
        };
        let registers = |line: &[u8]| {
            let verb = line.get(..VERB.len());
            verb.is_some_and(|verb| verb.eq_ignore_ascii_case(VERB))
        };
        for line in peer.inbox_mut().take(registers) {
            self.pass_over(actor, &line, PassedOver::Registration);
        }
        Ok(())
    }

    /// Messages that are passed over do not make the wait for the expected one any longer than any wait may be. To
    /// be called before a wait, so that an answer that comes in time is never refused.
    pub(super) fn refuse_endless(
        &self,
        asked: Instant,
        expected: impl FnOnce() -> Expected,
    ) -> Result<(), Stop> {
        let longest = self.setting.timeouts.longest();
        if asked.elapsed() <= longest {
            return Ok(());
        }
        let during = milliseconds(longest);
        Err(self.short(expected(), Got::OtherLines { during }))
    }

    /// The wait for a line ended without one.
    pub(super) fn short_of_line(&self, expected: Expected, heard: &Heard) -> Stop {
        let got = heard.got(Meaning::Regular, self.policy.dialect.writes);
        self.short(expected, got)
    }

    pub(super) fn pass_over(&mut self, actor: &str, line: &[u8], because: PassedOver) {
        if self.cast.log.is_full() {
            return;
        }
        self.cast.log.note(Note::PassedOver {
            actor: actor.to_owned(),
            line: Excerpt::of(line),
            because,
        });
    }

    /// Waits for lines in a row: patience for each. A program may take its time over many, but may not send
    /// them so slowly that all would take longer than anybody waits.
    pub(super) fn hear(&mut self, actor: &str, bytes: &[u8], times: u32) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_secs(60);
        let text = String::from_utf8_lossy(bytes).into_owned();
        let patience = self.setting.timeouts.answer();
        let begun = Instant::now();
        for heard in 1..=times {
            for line in text.lines() {
                self.get(actor, line, false)?;
            }
            let elapsed = begun.elapsed();
            if elapsed > patience && elapsed * times > LONGEST * heard {
                let during = milliseconds(elapsed);
                let got = Got::FewerLines {
                    times: heard,
                    during,
                };
                return Err(self.short(Expected::Lines { times }, got));
            }
        }
        Ok(())
    }
}

/// Whether a step only waits for what the program sends.
fn only_receives(action: &Action) -> bool {
    matches!(
        action,
        Action::Gets { .. }
            | Action::Hears { .. }
            | Action::HearsNothing { .. }
            | Action::IsDisconnected { .. }
    )
}

/// So many of the lines that a step expects may come before their turn.
const MOST_LINES: usize = 1000;

/// The lines that a step expects `actor` to receive, each with whether it may continue.
fn lines_for<'s>(actor: &str, action: &'s Action) -> Vec<(&'s str, bool)> {
    match action {
        Action::Gets {
            actor: receiver,
            line,
            open_ended,
        } if receiver == actor => vec![(line, *open_ended)],
        Action::Hears {
            actor: receiver,
            bytes,
            times,
        } if receiver == actor => {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            let lines = (0..*times).flat_map(|_| text.lines());
            lines.take(MOST_LINES).map(|line| (line, false)).collect()
        }
        _ => Vec::new(),
    }
}

/// What stands in front of a message, or the line if it is none.
fn sender(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(sender, _)| sender)
}

fn shares_a_word(text: &str, other: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|character: char| !character.is_alphanumeric());
        let words = words.filter(|word| word.chars().count() > 1);
        words.map(str::to_lowercase).collect()
    };
    let known = words(text);
    words(other).iter().any(|word| known.contains(word))
}
