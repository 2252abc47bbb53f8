//! Replays one transcript against one fresh process of the program, and brings back what was seen.
//!
//! One thread, one poll over everything that can speak: the program's terminal, its supervisor, the actors'
//! connections. Waiting always means looking there until something is so, or patience is out.
//!
//! ```text
//! server, client, pair -> terminal, registering, speaking, hearing, silence, leaving    the steps of a transcript
//!     -> replay                                                           where a replay stands
//!     -> settling, heard, listening, memory_use                           waiting for one thing
//!     -> cast -> origin, watch, accounts, log                             who is there; the one loop
//! ```

mod accounts;
mod cast;
mod client;
pub mod clock;
mod fence;
mod heard;
mod hearing;
pub mod inbox;
mod leaving;
mod ledger;
mod listening;
mod log;
mod memory_use;
mod origin;
mod pair;
pub mod peer;
pub mod policy;
mod ports;
mod registering;
mod replay;
mod server;
mod setting;
mod settling;
mod silence;
pub mod slots;
mod speaking;
mod terminal;
pub mod timeouts;
mod watch;

use std::time::Instant;

use crate::conformance::evidence::shortfall::{Hindrance, Shortfall};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::program::system;
use crate::transcript::syntax::{Role, Transcript};

pub use ledger::Ledger;
pub use setting::{Setting, Turn};

use client::ClientReplay;
use heard::milliseconds;
use pair::PairReplay;
use policy::Policy;
use replay::{Replay, in_vain_from_the_start, remembered};
use setting::{Stop, hindered};

/// Replays `transcript`. When this returns, every process of the program is gone. `None` where the replay was
/// stopped before its end, by an interruption or because the program's time is up: that says nothing about the
/// program.
fn replay(transcript: &Transcript, policy: &Policy, setting: Setting<'_>) -> Option<Evidence> {
    let begun = Instant::now();
    let mut replay = Replay::new(transcript, policy, setting);
    // Holds a port at which nobody listens, until the program has ended.
    let mut _deaf = None;
    let result = match transcript.role {
        Role::Server => perform_with_server(&mut replay),
        Role::Client => {
            let mut of_client = ClientReplay::new(replay);
            let result = perform_with_client(&mut of_client);
            (replay, _deaf) = of_client.into_parts();
            result
        }
        Role::Pair => {
            let mut of_pair = PairReplay::new(replay);
            let result = perform_with_pair(&mut of_pair);
            replay = of_pair.replay;
            result
        }
    };
    let mut outcome = result.map_or_else(|stop| *stop, |()| Outcome::Completed);
    if let (Outcome::FellShort(shortfall), Role::Server) = (&mut outcome, transcript.role) {
        replay.notice_end(shortfall);
    }
    let accounts = &replay.cast.accounts;
    let (was_stopped, waited_for_machine) = (accounts.was_stopped, accounts.waited_for_machine);
    let (events, seconds) = replay.end();
    if was_stopped {
        return None;
    }
    if let Outcome::FellShort(shortfall) = &outcome {
        outcome = match setting.timeouts.stall_since(begun) {
            Some(stall) => *hindered(Hindrance::MachineStoodStill {
                during: milliseconds(stall),
                instead: Box::new(shortfall.clone()),
            }),
            None => outcome,
        };
    }
    if let (Outcome::FellShort(shortfall), Some(waited)) = (&outcome, waited_for_machine) {
        outcome = *hindered(Hindrance::MachineTooBusy {
            longest: milliseconds(waited),
            instead: Box::new(shortfall.clone()),
        });
    }
    if let Outcome::FellShort(shortfall) = &outcome {
        // A transcript may judge its own topic more strictly than others do: no reason to skip them. What people see is
        // compared in the same way everywhere.
        let is_judged_alike =
            |topic: &Topic| !policy.judges(*topic) || matches!(topic, Topic::Together(_));
        let topic = remembered_of(transcript, shortfall).filter(is_judged_alike);
        if let Some(topic) = topic {
            setting.ledger.fell_short(topic);
        }
    }
    Some(Evidence {
        events,
        outcome,
        seconds,
    })
}

/// What is remembered of a shortfall: the topic that did not work.
pub fn remembered_of(transcript: &Transcript, shortfall: &Shortfall) -> Option<Topic> {
    let topic = Topic::of_shortfall(transcript, shortfall)?.topic();
    let action = &transcript.steps.get(shortfall.step)?.action;
    remembered(action, topic)
}

/// Replays in a network of its own, where the profile says so.
pub fn replay_in_network(
    transcript: &Transcript,
    policy: &Policy,
    setting: Setting<'_>,
) -> Option<Evidence> {
    if let Some(because_of) = in_vain_from_the_start(transcript, policy, setting.ledger) {
        return Some(Evidence::without_steps(Outcome::Skipped { because_of }));
    }
    if !setting.profile.has_own_network {
        return replay(transcript, policy, setting);
    }
    let replayed = std::thread::scope(|scope| {
        let apart = || system::enter_own_network().map(|()| replay(transcript, policy, setting));
        scope.spawn(apart).join()
    });
    let reason = match replayed {
        Ok(Ok(evidence)) => return evidence,
        Ok(Err(error)) => Hindrance::Refused {
            what: "a network for this run".to_owned(),
            reason: error.to_string(),
        },
        Err(_) => Hindrance::Panicked,
    };
    Some(Evidence::without_steps(Outcome::Unable { reason }))
}

fn perform_with_server(replay: &mut Replay<'_>) -> Result<(), Stop> {
    replay.start_server()?;
    for index in 0..replay.transcript.steps.len() {
        replay.enter(index)?;
        replay.perform_with_server()?;
        replay.held();
    }
    replay.check_late_arrivals()
}

fn perform_with_pair(pair: &mut PairReplay<'_>) -> Result<(), Stop> {
    pair.replay.start_server()?;
    for index in 0..pair.replay.transcript.steps.len() {
        pair.replay.enter(index)?;
        pair.perform()?;
        pair.replay.held();
    }
    Ok(())
}

fn perform_with_client(client: &mut ClientReplay<'_>) -> Result<(), Stop> {
    for index in 0..client.replay.transcript.steps.len() {
        client.replay.enter(index)?;
        client.perform()?;
        client.replay.held();
    }
    client.replay.check_late_arrivals()
}
