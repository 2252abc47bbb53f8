//! What actors are not to get, at once or later.

use std::time::Duration;

use super::fence::{FENCE, is_fence};
use super::heard::got_line;
use super::replay::{Replay, Silence};
use super::setting::Stop;
use super::settling::wait_for_quiet;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::Room;
use crate::conformance::evidence::Excerpt;
use crate::conformance::evidence::shortfall::{Expected, Got, Note, PassedOver};
use crate::conformance::evidence::topic::Topic;

impl Replay<'_> {
    /// Silence needs no clock: the server has taken everything and rests, and where another registered user is
    /// there to say a line, the next thing heard is that line.
    pub(super) fn hear_nothing(&mut self, actor: &str) -> Result<(), Stop> {
        self.let_digest()?;
        self.refuse_ended(actor)?;
        self.refuse_unended(actor)?;
        if !self.raise_fence(actor)? {
            wait_for_quiet(&mut self.cast)?;
        }
        if let Some(peer) = self.cast.peer(actor) {
            peer.inbox_mut().pause();
        }
        while let Some(line) = self
            .cast
            .peer(actor)
            .and_then(|peer| peer.inbox_mut().take_next())
        {
            self.cast.go_on()?;
            self.refuse_unless_passed_over(actor, &line)?;
        }
        let unfinished = self
            .cast
            .peer(actor)
            .map(|peer| peer.inbox().unfinished().to_vec())
            .unwrap_or_default();
        if !unfinished.is_empty() {
            self.refuse_unless_passed_over(actor, &unfinished)?;
        }
        self.silences.push(Silence {
            actor: actor.to_owned(),
            step: self.index,
        });
        Ok(())
    }

    /// A server that has ended unasked is silent, but does not keep silent.
    fn refuse_ended(&mut self, actor: &str) -> Result<(), Stop> {
        if self.room.is_asked_to_end() || !self.cast.is_gone(0) {
            return Ok(());
        }
        let actor = actor.to_owned();
        Err(self.short(Expected::StillConnected { actor }, Got::EndedBefore))
    }

    /// Where the transcript is about the ends of messages, what has none is wrong even if it may be passed over.
    fn refuse_unended(&mut self, actor: &str) -> Result<(), Stop> {
        if !self.policy.judges(Topic::LineEnd) {
            return Ok(());
        }
        wait_for_quiet(&mut self.cast)?;
        let Some(peer) = self.cast.peer(actor) else {
            return Ok(());
        };
        let text = match peer.inbox().unfinished() {
            [] => return Ok(()),
            unfinished => Excerpt::of(unfinished),
        };
        let framing = self.policy.dialect.writes;
        let actor = actor.to_owned();
        Err(self.short(
            Expected::Silence { actor },
            Got::Unfinished { text, framing },
        ))
    }

    /// A text that nobody but the harness says.
    fn fence(&self) -> String {
        format!("{FENCE} {}", self.index)
    }

    pub(super) fn say_as_fence(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        let line = format!("@{name}: {}", self.fence());
        self.send(actor, &self.policy.dialect.reads.frame(line.as_bytes()))
    }

    /// Makes another registered user say a line and waits for it. False where that cannot be done.
    fn raise_fence(&mut self, actor: &str) -> Result<bool, Stop> {
        if !self.room.is_registered(actor) {
            return Ok(false);
        }
        let speaker = self.cast.peers.iter().rev().find(|peer| {
            peer.actor != actor && peer.is_open() && self.room.is_registered(&peer.actor)
        });
        let Some(speaker) = speaker.map(|peer| peer.actor.clone()) else {
            return Ok(false);
        };
        let name = self
            .room
            .registered_name(&speaker)
            .unwrap_or(&speaker)
            .to_owned();
        let listener = actor.to_owned();
        self.cast.log.note(Note::Fence {
            speaker: speaker.clone(),
            listener: listener.clone(),
        });
        self.say_as_fence(&speaker, &name)?;
        let fence = self.fence();
        let patience = self.setting.timeouts.answer();
        let finder = memchr::memmem::Finder::new(&fence);
        // A message is looked at once.
        let mut seen = 0;
        let is_up = self.cast.wait_for(patience, |cast| {
            let peer = cast.peer(actor)?;
            let inbox = peer.inbox();
            let is_there = inbox
                .messages_from(seen)
                .any(|line| finder.find(line).is_some());
            seen = inbox.count();
            (is_there || !peer.is_open()).then_some(())
        })?;
        if is_up.is_none() {
            self.cast.log.note(Note::FenceUnheard { speaker, listener });
        }
        Ok(is_up.is_some())
    }

    /// A line came where none was expected.
    fn refuse_unless_passed_over(&mut self, actor: &str, line: &[u8]) -> Result<(), Stop> {
        let text = String::from_utf8_lossy(line);
        if is_fence(&text) {
            return Ok(());
        }
        let meaning = self.room.meaning(actor, &text);
        let because = match meaning {
            Meaning::Notice => PassedOver::Notice,
            mistake if mistake.is_mistake() && !self.policy.refuses(mistake) => {
                PassedOver::Mistake(mistake)
            }
            _ => {
                let actor = actor.to_owned();
                return Err(self.short(Expected::Silence { actor }, got_line(line, meaning)));
            }
        };
        self.pass_over(actor, line, because);
        Ok(())
    }

    /// Looks whether anything came after all where there was silence, and, where the transcript is about how often
    /// and to whom messages are relayed, whether second copies come later.
    pub(super) fn check_late_arrivals(&mut self) -> Result<(), Stop> {
        const LATE: Duration = Duration::from_millis(500);
        if self.policy.looks_for_late_copies {
            self.cast.look_on_for(LATE)?;
            for actor in self.cast.actors() {
                self.refuse_late(&actor, |_, _| true)?;
            }
        }
        self.cast.look(Duration::ZERO);
        for silence in std::mem::take(&mut self.silences) {
            self.index = silence.step;
            self.refuse_late(&silence.actor, |room, line| {
                room.is_of_before(silence.step, line)
            })?;
        }
        Ok(())
    }

    /// Refuses what an actor got unasked and is a mistake that the transcript judges.
    fn refuse_late(
        &mut self,
        actor: &str,
        is_meant: impl Fn(&Room, &str) -> bool,
    ) -> Result<(), Stop> {
        let Some(position) = self.cast.position(actor) else {
            return Ok(());
        };
        let inbox = self.cast.peers[position].inbox_mut();
        inbox.pause();
        let messages: Vec<Vec<u8>> = inbox.messages().cloned().collect();
        for line in messages {
            self.cast.go_on()?;
            let text = String::from_utf8_lossy(&line);
            let is_regular = self.room.meaning(actor, &text) == Meaning::Regular;
            if !is_fence(&text) && !is_regular && is_meant(&self.room, &text) {
                self.refuse_unless_passed_over(actor, &line)?;
            }
        }
        Ok(())
    }
}
