//! Everything before the first transcript: the reference shows that this machine can judge, and the probe finds out how
//! the program speaks.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use thiserror::Error;

use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::play::clock::{DEFAULT_LIMIT, TimeBudget};
use crate::conformance::play::policy::Policy;
use crate::conformance::play::slots::Slots;
use crate::conformance::play::timeouts::{LagMeter, Timeouts};
use crate::conformance::play::{Ledger, Setting, Turn, replay_in_network};
use crate::conformance::probe::{ProbeResult, control, probe};
use crate::conformance::program::dialect::Dialect;
use crate::conformance::program::environment::{Environment, Network, Purpose};
use crate::conformance::program::profile::Profile;
use crate::conformance::program::system;
use crate::conformance::program::target::Target;
use crate::conformance::suite::id;
use crate::transcript::syntax::{Role, Transcript};

/// The program under test, and how it is treated.
#[derive(Debug, Clone)]
pub struct Subject {
    /// How to reach it.
    pub target: Target,
    /// Whether it is a server or a client.
    pub role: Role,
    /// Slots for replays; several runs may share them.
    pub slots: Arc<Slots>,
    /// Time limit for all replays. Time in which the machine kept the program from working does not count, up to a
    /// bound: see [`ProgramClock`].
    ///
    /// [`ProgramClock`]: crate::conformance::play::clock::ProgramClock
    pub time_limit: Duration,
    /// The environment of the program.
    pub environment: Environment,
    /// The program's dialect; `None` lets the probe find it out.
    pub dialect: Option<Dialect>,
    /// How long to wait for an answer.
    pub patience: Duration,
    /// Path of the `conform` program, which supervises programs under test.
    pub harness: PathBuf,
}

/// Why a run has no result.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum NoResult {
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
    /// No server listens at this address.
    #[error("no server can be reached at {0}: start it first, and give the port that it prints")]
    NobodyThere(String),
    /// The bundled reference failed in a plain conversation on this machine, in this way. So no other program can be
    /// judged here.
    #[error("nothing was judged, because the bundled reference fails on this machine: {0}")]
    Unfit(Box<Outcome>),
}

/// A program that was probed and can be spoken to.
pub struct Session<'a> {
    /// What all replays against the program have in common.
    pub setting: Setting<'a>,
    probe_remarks: Vec<String>,
    /// How often a client that never connects was waited for.
    connected_in_vain: u32,
    /// Whether what one person of a pair typed did not reach the other.
    talked_in_vain: bool,
    is_understood: bool,
}

impl Session<'_> {
    /// What the probe found out about the program and the replays take into account, and whether the machine was
    /// busy: a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.probe_remarks.clone();
        if let Some(factor) = self.setting.timeouts.widened_by() {
            remarks.push(format!(
                "The machine was busy, so the harness waited up to {factor:.1} times as long as usual."
            ));
        }
        remarks
    }

    /// Id of the requirement on which all others rest and which the program did not fulfil so far, if there is one.
    /// Its transcripts show whether to ask for more.
    pub fn asked_first(&self) -> Option<&'static str> {
        if self.has_connected_in_vain() {
            Some(id::C_ARG_1)
        } else {
            self.talked_in_vain.then_some(id::P_1)
        }
    }

    /// What the probe has seen to fail: there is no need to wait for it again.
    pub fn known_failures(&self) -> Ledger {
        let ledger = Ledger::default();
        for _ in 0..self.connected_in_vain {
            ledger.fell_short(Topic::ClientStart);
        }
        ledger
    }

    /// Whether the program is a client that connected nowhere so far.
    pub fn has_connected_in_vain(&self) -> bool {
        self.connected_in_vain > 0
    }

    /// The program's dialect, if the probe heard it.
    pub fn dialect(&self) -> Option<Dialect> {
        self.is_understood.then_some(self.setting.profile.dialect)
    }

    /// Replays a conversation against a fresh process of the program, whatever is known about it. `None` where
    /// everything is to stop.
    pub fn replay(&self, transcript: &Transcript, policy: &Policy) -> Option<Evidence> {
        let ledger = Ledger::default();
        let setting = Setting {
            ledger: &ledger,
            ..self.setting
        };
        let _at_work = setting.begin_work()?;
        replay_in_network(transcript, policy, setting)
    }
}

/// Does `work` with a program that was probed. If `cancelled` is set meanwhile, ends all processes and returns soon.
///
/// # Errors
/// Why nothing can be done with the program.
pub fn with_program<T>(
    subject: &Subject,
    cancelled: &AtomicBool,
    work: impl FnOnce(&Session<'_>) -> T,
) -> Result<T, NoResult> {
    let timeouts = Arc::new(Timeouts::new(subject.patience));
    let ledger = Ledger::default();
    let has_own_network = gives_networks(subject);
    let turn = Turn::default();
    // Without networks of their own, all replays share the machine's network anyway.
    let takes_turns = has_own_network && subject.environment.purpose == Purpose::Submission;
    let setting = |time| Setting {
        target: &subject.target,
        harness: &subject.harness,
        environment: &subject.environment,
        environment_of_clients: None,
        profile: Profile {
            has_own_network,
            ..Profile::PLAIN
        },
        banner: &[],
        timeouts: &timeouts,
        ledger: &ledger,
        slots: &subject.slots,
        cancelled,
        time,
        turn: takes_turns.then_some(&turn),
    };
    let is_wanted = || !cancelled.load(Ordering::Relaxed);
    let rank = subject.slots.next_rank();
    let slot = subject.slots.take_while(rank, is_wanted);
    let slot = slot.ok_or(NoResult::Cancelled)?;
    let time_of_reference = Arc::new(TimeBudget::new(DEFAULT_LIMIT));
    let meter = measure(&timeouts, &time_of_reference);
    control(subject.role, setting(&time_of_reference)).map_err(|why| {
        if cancelled.load(Ordering::Relaxed) {
            NoResult::Cancelled
        } else {
            NoResult::Unfit(why)
        }
    })?;
    drop((meter, slot));
    let time = Arc::new(TimeBudget::new(subject.time_limit));
    let _meter = measure(&timeouts, &time);
    let first_setting = setting(&time);
    let probed = probe(subject.role, first_setting, subject.dialect);
    if cancelled.load(Ordering::Relaxed) {
        return Err(NoResult::Cancelled);
    }
    // If the time ran out during the probe, its result may be incomplete.
    let is_known = !time.is_up();
    let ProbeResult {
        profile,
        remarks,
        banner,
        was_reached,
        connected_in_vain,
        talked_in_vain,
        is_understood,
    } = if is_known {
        probed
    } else {
        ProbeResult::none()
    };
    if profile.has_own_network {
        turn.leave();
    }
    if is_known && !was_reached {
        return Err(NoResult::NobodyThere(subject.target.shown().join(" ")));
    }
    Ok(work(&Session {
        setting: Setting {
            profile,
            banner: &banner,
            ..first_setting
        },
        probe_remarks: remarks,
        connected_in_vain,
        talked_in_vain,
        is_understood,
    }))
}

/// Measures how late this machine wakes a thread, for the waits and for the program's clock.
pub(super) fn measure(timeouts: &Arc<Timeouts>, time: &Arc<TimeBudget>) -> LagMeter {
    let (timeouts, time) = (Arc::clone(timeouts), Arc::clone(time));
    LagMeter::start(move |late| {
        timeouts.woke_late_by(late);
        time.tick(late);
    })
}

/// Whether each replay gets a network of its own.
fn gives_networks(subject: &Subject) -> bool {
    let is_started_here = subject.target.is_started_here();
    let is_wanted = subject.environment.network == Network::Own;
    is_started_here && is_wanted && system::has_networks_to_give()
}
