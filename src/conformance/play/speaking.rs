//! What actors say to the program.

use std::time::Duration;

use super::heard::milliseconds;
use super::replay::Replay;
use super::setting::Stop;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::EventKind;
use crate::conformance::evidence::shortfall::{Expected, Got, Note, PassedOver};
use crate::conformance::program::dialect::{Framing, single_message};
use crate::transcript::syntax::Action;

impl Replay<'_> {
    /// Sends `bytes` in the name of `actor` and waits until the system has taken them all. A program that is about to be
    /// interrupted need not read them.
    pub(super) fn send(&mut self, actor: &str, bytes: &[u8]) -> Result<(), Stop> {
        self.settling.acts(&mut self.cast, actor)?;
        let Some(peer) = self.cast.peer(actor) else {
            return Err(self.short(Expected::Connection, Got::None));
        };
        peer.send(bytes);
        self.cast.log.record(EventKind::Sent {
            actor: actor.to_owned(),
            bytes: bytes.to_vec(),
        });
        /// Longer than a program takes to read what it wants to read.
        const LONGEST_BEFORE_END: Duration = Duration::from_secs(1);
        let is_about_to_end = self.is_about_to_end();
        let timeouts = self.setting.timeouts;
        let patience = match is_about_to_end {
            true => LONGEST_BEFORE_END.max(timeouts.settle()),
            false => timeouts.answer(),
        };
        let taken = self.cast.wait_for(patience, |cast| {
            let peer = cast.peer(actor)?;
            (peer.has_sent_all() || !peer.is_open()).then_some(())
        })?;
        self.settling.let_go();
        if taken.is_some() || is_about_to_end {
            return Ok(());
        }
        let expected = Expected::AllRead {
            actor: actor.to_owned(),
        };
        let after = milliseconds(patience);
        Err(self.short(expected, Got::Unread { after }))
    }

    fn is_about_to_end(&self) -> bool {
        let next = self.transcript.steps.get(self.index + 1);
        next.is_some_and(|step| matches!(step.action, Action::IsInterrupted))
    }

    pub(super) fn say(&mut self, actor: &str, line: &str) -> Result<(), Stop> {
        if !self.cast.peer(actor).is_some_and(|peer| peer.is_open()) {
            if !self.room.is_registered(actor) {
                // Whether the connection of a refused client is closed is left to the server.
                self.cast.log.note(Note::NotSaid {
                    actor: actor.to_owned(),
                    line: line.to_owned(),
                });
                return Ok(());
            }
            let actor = actor.to_owned();
            let expected = Expected::StillConnected {
                actor: actor.clone(),
            };
            return Err(self.short(expected, Got::ClosedBefore { actor }));
        }
        let is_goodbye = matches!(Utterance::of(line), Utterance::Disconnect { .. });
        if is_goodbye {
            self.set_notices_aside(actor)?;
        }
        self.send(actor, &self.policy.dialect.reads.frame(line.as_bytes()))?;
        if is_goodbye {
            self.settling.says_goodbye(actor);
        }
        self.room.said(self.index, actor, line);
        Ok(())
    }

    /// A notice that came before a DISCONNECT is not to be taken for the answer to it.
    fn set_notices_aside(&mut self, actor: &str) -> Result<(), Stop> {
        self.let_digest()?;
        self.cast.look(Duration::ZERO);
        let Some(position) = self.cast.position(actor) else {
            return Ok(());
        };
        let room = &self.room;
        let notices = self.cast.peers[position]
            .inbox_mut()
            .take(|line| room.meaning(actor, &String::from_utf8_lossy(line)) == Meaning::Notice);
        for notice in notices {
            self.pass_over(actor, &notice, PassedOver::Notice);
        }
        Ok(())
    }

    pub(super) fn send_times(&mut self, actor: &str, bytes: &[u8], times: u32) -> Result<(), Stop> {
        // In a segment of its own: the program has taken what was sent before.
        if !self.settling.is_holding_still() {
            self.let_digest()?;
        }
        self.memory.begin(&mut self.cast);
        let was_registered = self.room.is_registered(actor);
        self.room.sent(self.index, actor, bytes);
        let is_goodbye = was_registered && !self.room.is_registered(actor);
        let reads = self.policy.dialect.reads;
        let all = match (reads, single_message(bytes)) {
            (Framing::Bare | Framing::Length, Some(message)) => reads.frame(message),
            _ => reads
                .end_lines(bytes)
                .repeat(usize::try_from(times).unwrap_or(1)),
        };
        self.send(actor, &all)?;
        if is_goodbye {
            self.settling.says_goodbye(actor);
        }
        Ok(())
    }
}
