//! One replay while it runs, and where it stands in its transcript.

use std::time::Duration;

use super::cast::Cast;
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
use crate::transcript::syntax::{Action, Step, Transcript};

/// An actor heard nothing in a step: that has to stay so until the end.
#[derive(Debug)]
pub(super) struct Silence {
    pub(super) actor: String,
    pub(super) step: usize,
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
        let Some(topic) = topic else {
            return Ok(());
        };
        let ledger = self.setting.ledger;
        // A client that sends nothing at all sends no message either.
        let silence = Some(Topic::ClientSilence)
            .filter(|_| topic == Topic::ClientMessage && !ledger.has_held(topic));
        let mut reasons = [Some(topic), silence].into_iter().flatten();
        match reasons
            .find(|reason| !self.policy.judges(*reason) && ledger.is_known_to_fail(*reason))
        {
            Some(because_of) => Err(Box::new(Outcome::Skipped { because_of })),
            None => Ok(()),
        }
    }

    /// Records that the step under way held.
    pub(super) fn held(&mut self) {
        self.cast.accounts.waited_for_machine = None;
        // A client that was started has not connected yet.
        let is_start = matches!(self.step().action, Action::ClientStarts { .. });
        if let Some(topic) = self.topic().filter(|_| !is_start) {
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
