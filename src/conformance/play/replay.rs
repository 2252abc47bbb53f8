//! One replay while it runs, and where it stands in its transcript.

use std::time::Duration;

use super::cast::Cast;
use super::ledger::Ledger;
use super::memory_use::MemoryUse;
use super::peer::Peer;
use super::policy::Policy;
use super::setting::{Setting, Stop, hindered};
use super::settling::Settling;
use crate::conformance::conversation::room::Room;
use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, Shortfall};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Event, Outcome};
use crate::conformance::program::dialect::Framing;
use crate::conformance::program::target::Target;
use crate::transcript::syntax::{Action, Role, Step, Transcript};

/// An actor heard nothing in a step: that has to stay so until the end.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) actor: String,
    pub(super) step: usize,
}

/// What is remembered of a step about this topic: whether it worked or not. What a person does by the way to a chat
/// says nothing about whether it arrives.
pub(super) fn remembered(action: &Action, topic: Topic) -> Option<Topic> {
    match (topic, action) {
        (Topic::Together(_), Action::PersonStarts { .. }) => Some(Topic::ClientStart),
        (
            Topic::Together(_),
            Action::Types { .. } | Action::Presses { .. } | Action::IsInterrupted,
        ) => None,
        _ => Some(topic),
    }
}

/// Why the step at `index`, which is about this topic, is in vain, if that is known and not what the transcript judges.
fn known_failure(
    transcript: &Transcript,
    index: usize,
    topic: Topic,
    policy: &Policy,
    ledger: &Ledger,
) -> Option<Topic> {
    if policy.judges(topic) {
        return None;
    }
    let action = &transcript.steps[index].action;
    let remembered = remembered(action, topic)?;
    let without = match topic {
        // A client that sends nothing at all sends no message either.
        Topic::ClientMessage => Some(Topic::ClientSilence).filter(|_| !ledger.has_held(topic)),
        // Where two do not chat, three do not either.
        Topic::Together(_) if remembered == topic => Topic::alone(transcript, index),
        _ => None,
    };
    let mut reasons = [Some(remembered), without].into_iter().flatten();
    reasons.find(|reason| !policy.judges(*reason) && ledger.is_known_to_fail(*reason))
}

/// Why a transcript is in vain, if that is known before the program is started. Its first steps only connect and ask;
/// what follows is known to fail.
pub(super) fn in_vain_from_the_start(
    transcript: &Transcript,
    policy: &Policy,
    ledger: &Ledger,
) -> Option<Topic> {
    let mut room = Room::new(transcript.role);
    for (index, step) in transcript.steps.iter().enumerate() {
        let topic = Topic::of_step(transcript, index, &room.present());
        let known = topic.and_then(|topic| known_failure(transcript, index, topic, policy, ledger));
        match &step.action {
            _ if known.is_some() => return known,
            Action::Connects { actor, .. } => room.connected(actor),
            Action::Says { actor, line } => room.said(index, actor, line),
            _ => return None,
        }
    }
    None
}

/// One replay while it runs.
pub(super) struct Replay<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) policy: &'a Policy,
    pub(super) transcript: &'a Transcript,
    pub(super) index: usize,
    pub(super) cast: Cast<'a>,
    pub(super) settling: Settling,
    pub(super) room: Room,
    pub(super) memory: MemoryUse,
    pub(super) silences: Vec<Silence>,
    /// Lines that came before their turn, each with who received it.
    pub(super) set_aside: Vec<(String, Vec<u8>)>,
    /// Positions of the peers who are to close their connections and send nothing more.
    pub(super) closing: Vec<usize>,
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
            set_aside: Vec::new(),
            closing: Vec::new(),
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
        let known = self.topic().and_then(|topic| {
            known_failure(
                self.transcript,
                index,
                topic,
                self.policy,
                self.setting.ledger,
            )
        });
        match known {
            Some(because_of) => Err(Box::new(Outcome::Skipped { because_of })),
            None => Ok(()),
        }
    }

    /// Records that the step under way held.
    pub(super) fn held(&mut self) {
        self.cast.accounts.waited_for_machine = None;
        // A client that was started has not connected yet.
        let action = &self.step().action;
        let is_start = matches!(action, Action::ClientStarts { .. });
        let topic = self.topic().filter(|_| !is_start);
        let topic = topic.and_then(|topic| remembered(action, topic));
        let shown_by = topic.into_iter().flat_map(|topic| self.shown_by(topic));
        for topic in topic.into_iter().chain(shown_by) {
            self.setting.ledger.held(topic);
        }
    }

    /// What else works if a step about this topic does: no step is about it by itself, so that it would count as never
    /// having worked.
    fn shown_by(&self, topic: Topic) -> Vec<Topic> {
        let mut shown = Vec::new();
        if topic == Topic::ClientMessage {
            shown.push(Topic::ClientSilence);
        }
        if let Action::Gets { actor, .. } | Action::Hears { actor, .. } = &self.step().action {
            if self.room.role() == Role::Client && actor == "user" {
                shown.push(Topic::KeyAwaited);
            } else if self.policy.dialect.writes.is_lines() {
                shown.push(Topic::LineEnd);
            }
        }
        shown
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
        let settle = self.setting.timeouts.settle();
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
            ended: self.cast.how_ended(0).map(str::to_owned),
            present: self.room.present(),
            who_ended: None,
            waited_for_enter: false,
        }))
    }

    /// Connections are closed a moment before the process that held them has ended.
    pub(super) fn notice_end(&mut self, shortfall: &mut Shortfall) {
        const MOMENT: Duration = Duration::from_millis(300);
        let is_closed = matches!(
            shortfall.got,
            Got::Closed | Got::Reset | Got::ClosedBefore { .. } | Got::NotConnected { .. }
        );
        if !is_closed || shortfall.ended.is_some() {
            return;
        }
        let ended = |cast: &mut Cast<'_>| cast.how_ended(0).map(str::to_owned);
        shortfall.ended = self.cast.wait_for(MOMENT, ended).ok().flatten();
    }

    pub(super) fn not_in_this_role(&self) -> Stop {
        hindered(Hindrance::NotForRole {
            step: self.step().source.clone(),
        })
    }

    pub(super) fn let_digest(&mut self) -> Result<(), Stop> {
        self.settling.let_digest(&mut self.cast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::program::dialect::Dialect;
    use crate::transcript::parse;

    fn skipped(steps: &str, judges: &[Topic], ledger: &Ledger) -> Option<Topic> {
        let source = format!("# A case.\ncovers S-HARD-2\n\n{steps}\n");
        let transcript = parse("case", &source).expect("is a transcript");
        let mut policy = Policy::lenient(Dialect::LINE);
        policy.judges.extend(judges);
        in_vain_from_the_start(&transcript, &policy, ledger)
    }

    #[test]
    fn what_is_known_to_fail_at_once_is_not_started() {
        const REGISTERS: &str = "alice connects\nalice > REGISTER alice CHAT/1.0\nalice < 200 ...";
        let ledger = Ledger::default();
        let fails = |times: usize| (0..times).for_each(|_| ledger.fell_short(Topic::Registration));
        fails(2);
        assert_eq!(skipped(REGISTERS, &[], &ledger), None);
        fails(1);
        let known = Some(Topic::Registration);
        assert_eq!(skipped(REGISTERS, &[], &ledger), known);
        assert_eq!(skipped("alice joins", &[], &ledger), known);
        // It is what the transcript is about, or something else comes first.
        assert_eq!(skipped(REGISTERS, &[Topic::Registration], &ledger), None);
        let later = "alice connects\nalice > hello\nalice < 400 ...\nbob joins";
        assert_eq!(skipped(later, &[], &ledger), None);
        assert_eq!(
            skipped("server prints its port\nalice joins", &[], &ledger),
            None
        );
        ledger.held(Topic::Registration);
        assert_eq!(skipped(REGISTERS, &[], &ledger), None);
    }

    #[test]
    fn a_pair_that_never_chats_is_still_asked_what_needs_no_chat() {
        use crate::conformance::evidence::topic::Togetherness;
        let chat = Topic::Together(Togetherness::Chat);
        let known = |steps: &str, at: usize, ledger: &Ledger| {
            let source = format!("# A case.\ncovers P-4\n\n{steps}\n");
            let transcript = parse("case", &source).expect("is a transcript");
            let topic = Topic::of_step(&transcript, at, &[]).expect("is about something");
            known_failure(
                &transcript,
                at,
                topic,
                &Policy::lenient(Dialect::LINE),
                ledger,
            )
        };
        const CHATS: &str = "alice starts\nbob starts\nalice types \"hi\\n\"\nbob < @alice: hi";
        let ledger = Ledger::default();
        (0..3).for_each(|_| ledger.fell_short(chat));
        assert_eq!([0, 1, 2].map(|at| known(CHATS, at, &ledger)), [None; 3]);
        assert_eq!(known(CHATS, 3, &ledger), Some(chat));
        let three = CHATS.replacen("bob starts", "bob starts\ncarol starts", 1);
        assert_eq!(known(&three, 4, &ledger), Some(chat));
        // Whose clients never connect is asked nothing more.
        let ledger = Ledger::default();
        (0..3).for_each(|_| ledger.fell_short(Topic::ClientStart));
        assert_eq!(known(CHATS, 0, &ledger), Some(Topic::ClientStart));
    }
}
