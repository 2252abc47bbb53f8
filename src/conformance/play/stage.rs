//! One replay while it runs: where it stands in its transcript, and the steps that both roles have in common.

use std::time::{Duration, Instant};

use super::cast::Cast;
use super::heard::{Heard, got_line, milliseconds, next_message};
use super::memory_use::MemoryUse;
use super::peer::{End, Peer};
use super::policy::Policy;
use super::setting::{Setting, Stop, hindered, unable};
use super::settling::{Settling, wait_for_quiet};
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::{Departure, Room};
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::shortfall::{
    Expected, Got, Hindrance, Note, PassedOver, Shortfall,
};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Event, EventKind, Excerpt, Outcome};
use crate::conformance::program::dialect::{Framing, single_message};
use crate::conformance::program::target::Target;
use crate::transcript::syntax::{Step, Transcript};

/// Begins every line that the harness itself makes an actor say, to show that what came before it is all.
const FENCE: &str = "that was all, number";

/// Whether a line is one of the harness's own.
fn is_fence(line: &str) -> bool {
    line.contains(FENCE)
}

/// An actor heard nothing in a step: that has to stay so until the end.
#[derive(Debug)]
struct Silence {
    actor: String,
    step: usize,
}

/// One replay while it runs.
pub(super) struct Replay<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) policy: &'a Policy,
    pub(super) transcript: &'a Transcript,
    index: usize,
    pub(super) cast: Cast<'a>,
    pub(super) settling: Settling,
    pub(super) room: Room,
    pub(super) memory: MemoryUse,
    silences: Vec<Silence>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        transcript: &'a Transcript,
        policy: &'a Policy,
        setting: Setting<'a>,
    ) -> Replay<'a> {
        let cast = Cast::new(transcript, policy.dialect.writes, setting);
        let one_at_a_time = policy.dialect.reads == Framing::Bare || setting.profile.relays_reads;
        Replay {
            setting,
            policy,
            transcript,
            index: 0,
            cast,
            settling: Settling::new(one_at_a_time),
            room: Room::new(transcript.role),
            memory: MemoryUse::default(),
            silences: Vec::new(),
        }
    }

    pub(super) fn step(&self) -> &'a Step {
        &self.transcript.steps[self.index]
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// What the step under way is about.
    pub(super) fn topic(&self) -> Option<Topic> {
        Topic::of_step(self.transcript, self.index, &self.room.present())
    }

    /// Goes on to a step, unless it is known to be in vain.
    pub(super) fn enter(&mut self, index: usize) -> Result<(), Stop> {
        self.index = index;
        self.cast.log.enter(index);
        let topic = self.topic().filter(|topic| !self.policy.judges(*topic));
        match topic {
            Some(topic) if self.setting.ledger.is_known_to_fail(topic) => {
                Err(Box::new(Outcome::Skipped { because_of: topic }))
            }
            _ => Ok(()),
        }
    }

    /// Records that the step under way held.
    pub(super) fn held(&mut self) {
        self.cast.accounts.waited_for_machine = None;
        if let Some(topic) = self.topic() {
            self.setting.ledger.held(topic);
        }
    }

    /// Ends everything and gives the log.
    pub(super) fn end(mut self) -> (Vec<Event>, f64) {
        if matches!(self.setting.target, Target::Running(_)) {
            self.take_leave();
        }
        self.cast.dismiss()
    }

    /// Leaves a server that goes on running as it was found: the next transcript uses the same names.
    fn take_leave(&mut self) {
        for peer in &mut self.cast.peers {
            if let Some(name) = self.room.registered_name(&peer.actor) {
                let goodbye = format!("DISCONNECT {name} CHAT/1.0");
                peer.send(&self.policy.dialect.reads.frame(goodbye.as_bytes()));
            }
            peer.finish_sending();
        }
        let settle = self.setting.pace.settle();
        // Where the run is cancelled nobody comes after.
        let _ = self.cast.wait_for(settle, |cast| {
            let is_over = |peer: &Peer| !peer.is_open();
            cast.peers.iter().all(is_over).then_some(())
        });
    }

    /// The step under way does not hold.
    pub(super) fn short(&self, expected: Expected, got: Got) -> Stop {
        Box::new(Outcome::FellShort(Shortfall {
            step: self.index,
            expected,
            got,
            ended: self.cast.how_ended().map(str::to_owned),
            present: self.room.present(),
            waited_for_enter: false,
        }))
    }

    pub(super) fn not_in_this_role(&self) -> Stop {
        hindered(Hindrance::NotForRole {
            step: self.step().source.clone(),
        })
    }

    pub(super) fn let_digest(&mut self) -> Result<(), Stop> {
        self.settling.let_digest(&mut self.cast)
    }

    // Speaking.

    /// Sends `bytes` in the name of `actor` and waits until the system has taken them all.
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
        let patience = self.setting.pace.answer();
        let taken = self.cast.wait_for(patience, |cast| {
            let peer = cast.peer(actor)?;
            (peer.has_sent_all() || !peer.is_open()).then_some(())
        })?;
        self.settling.let_go();
        if taken.is_some() {
            return Ok(());
        }
        let expected = Expected::AllRead {
            actor: actor.to_owned(),
        };
        let after = milliseconds(patience);
        Err(self.short(expected, Got::Unread { after }))
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
        self.room.sent(self.index, actor, bytes);
        let reads = self.policy.dialect.reads;
        let all = match (reads, single_message(bytes)) {
            (Framing::Line, _) | (_, None) => bytes.repeat(usize::try_from(times).unwrap_or(1)),
            (reads, Some(message)) => reads.frame(message),
        };
        self.send(actor, &all)
    }

    // Hearing.

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
        let is_acceptance = open_ended
            && matches!(
                Utterance::of(expected),
                Utterance::Status { code: "200", .. }
            );
        if is_acceptance && self.registers_silently() {
            let name = self.room.name_asked_for(actor).map(str::to_owned);
            return self.take_for_registered(actor, name.as_deref().unwrap_or(actor));
        }
        let patience = self.setting.pace.answer();
        let asked = Instant::now();
        loop {
            self.refuse_endless(asked, wanted)?;
            let heard = self.next_message(actor, patience)?;
            let Heard::Message(line) = &heard else {
                return Err(self.short_of_line(wanted(), &heard));
            };
            let text = String::from_utf8_lossy(line);
            if self.policy.comparison.accepts(expected, open_ended, line) {
                self.setting.pace.replied_within(asked.elapsed());
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
            let meaning = self.room.meaning(actor, &text);
            if meaning.is_mistake() && !self.policy.refuses(meaning) {
                self.pass_over(actor, line, PassedOver::Mistake(meaning));
            } else if meaning == Meaning::Notice && !self.must_come_first(expected) {
                self.pass_over(actor, line, PassedOver::Notice);
            } else {
                return Err(self.short(wanted(), got_line(line, meaning)));
            }
        }
    }

    /// Whether the transcript is about an answer that nothing else may stand in front of.
    fn must_come_first(&self, expected: &str) -> bool {
        let topic = self.topic().map(Topic::of_code);
        let is_judged = topic.is_none_or(|topic| self.policy.judges(topic));
        matches!(Utterance::of(expected), Utterance::Status { .. }) && is_judged
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
        let longest = self.setting.pace.longest();
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
        let patience = self.setting.pace.answer();
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

    // Registering.

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
    pub(super) fn short_of_name(&self, line: &[u8], freed: Option<Departure>) -> Stop {
        let got = Got::Line {
            line: Excerpt::of(line),
            meaning: Meaning::Regular,
            freed,
        };
        self.short(acceptance(), got)
    }

    /// What comes before the 200 is a greeting, unless somebody else said it.
    pub(super) fn refuse_unless_greeting(&mut self, actor: &str, line: &[u8]) -> Result<(), Stop> {
        let text = String::from_utf8_lossy(line);
        let meaning = self.room.meaning(actor, &text);
        if self.policy.refuses(meaning) && !is_fence(&text) {
            return Err(self.short(acceptance(), got_line(line, meaning)));
        }
        self.pass_over(actor, line, PassedOver::Greeting);
        Ok(())
    }

    // Silence.

    /// Silence needs no clock: the server has taken everything and rests, and where another registered user is
    /// there to say a line, the next thing heard is that line.
    pub(super) fn hear_nothing(&mut self, actor: &str) -> Result<(), Stop> {
        self.let_digest()?;
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
        let patience = self.setting.pace.answer();
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

    // Leaving.

    /// Closes in an orderly way: says that nothing follows, takes what still arrives, and is gone.
    pub(super) fn close(&mut self, actor: &str) -> Result<(), Stop> {
        self.settling.acts(&mut self.cast, actor)?;
        self.let_digest()?;
        let held: Vec<usize> = self.connections_of(actor);
        for position in &held {
            self.cast.peers[*position].finish_sending();
        }
        let settle = self.setting.pace.settle();
        self.cast.wait_for(settle, |cast| {
            held.iter()
                .all(|position| !cast.peers[*position].is_open())
                .then_some(())
        })?;
        for position in held {
            self.cast.peers[position].close();
        }
        self.gone(actor, false);
        Ok(())
    }

    pub(super) fn reset(&mut self, actor: &str) -> Result<(), Stop> {
        self.settling.acts(&mut self.cast, actor)?;
        self.let_digest()?;
        for position in self.connections_of(actor) {
            self.cast.peers[position].reset();
        }
        self.gone(actor, true);
        Ok(())
    }

    fn connections_of(&self, actor: &str) -> Vec<usize> {
        let peers = &self.cast.peers;
        let is_held =
            |position: &usize| peers[*position].actor == actor && !peers[*position].is_closed();
        (0..peers.len()).filter(is_held).collect()
    }

    fn gone(&mut self, actor: &str, reset: bool) {
        self.settling.acts_next(actor);
        self.room.left(actor, reset);
        self.cast.log.record(EventKind::Closed {
            actor: actor.to_owned(),
            by_subject: false,
            reset,
        });
    }

    pub(super) fn be_disconnected(&mut self, actor: &str) -> Result<(), Stop> {
        let patience = self.setting.pace.answer();
        let end: Option<End> = self.cast.wait_for(patience, |cast| {
            let peer = cast.peer(actor)?;
            if peer.inbox().is_full() {
                // The end comes behind what nobody looks at any more.
                peer.inbox_mut().take(|_| true);
            }
            peer.end().cloned()
        })?;
        if end.is_some() {
            return Ok(());
        }
        let expected = Expected::Closed {
            actor: actor.to_owned(),
        };
        let after = milliseconds(patience);
        Err(self.short(expected, Got::StillOpen { after }))
    }

    // The program's process.

    pub(super) fn let_pass(&mut self, time: Duration) -> Result<(), Stop> {
        self.let_digest()?;
        self.cast.look_on_for(time)
    }

    pub(super) fn terminate(&mut self) -> Result<(), Stop> {
        self.let_digest()?;
        let Some(program) = self.cast.programs.first_mut() else {
            return Err(self.not_in_this_role());
        };
        program.terminate();
        self.cast.log.record(EventKind::Signalled {
            signal: "SIGTERM".to_owned(),
        });
        Ok(())
    }

    pub(super) fn compare_memory(&mut self, bound: u64) -> Result<(), Stop> {
        self.let_digest()?;
        let bytes = self.memory.growth(&mut self.cast);
        if bytes <= bound {
            return Ok(());
        }
        Err(self.short(Expected::Growth { at_most: bound }, Got::Growth { bytes }))
    }

    /// Waits for the end of the process that was started; connections stay open meanwhile.
    pub(super) fn wait_for_end(&mut self) -> Result<(), Stop> {
        let patience = self.setting.pace.end();
        let lost = self.cast.wait_for(patience, |cast| {
            let program = cast.programs.first()?;
            program.how_ended().map(|_| program.is_lost())
        })?;
        let got = match lost {
            Some(false) => return Ok(()),
            Some(true) => Got::EndUnknown,
            None => Got::StillRunning {
                after: milliseconds(patience),
            },
        };
        Err(self.short(Expected::Ends, got))
    }
}

/// What every registration that is to succeed waits for.
pub(super) fn acceptance() -> Expected {
    Expected::Line {
        line: "200".to_owned(),
        open_ended: true,
    }
}

/// The replay stops because there is no socket for an actor.
pub(super) fn no_socket(actor: &str, error: &std::io::Error) -> Stop {
    unable(&format!("a socket for {actor}"), error)
}
