//! A server and a client that need not belong together: whether two people can talk with them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Evidence, Outcome};
use crate::conformance::play::clock::TimeBudget;
use crate::conformance::play::policy::Policy;
use crate::conformance::play::slots::Slots;
use crate::conformance::play::timeouts::Timeouts;
use crate::conformance::play::{Ledger, Setting, Turn, replay_in_network};
use crate::conformance::probe::conversation;
use crate::conformance::program::dialect::Dialect;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::profile::Profile;
use crate::conformance::program::target::Target;
use crate::conformance::session::{NoResult, Session, Subject, measure, with_program};
use crate::transcript::syntax::{Role, Transcript};

/// Alice comes first and begins.
const ALICE_BEGINS: &str = "alice starts
bob starts
alice types \"are you there?\\n\"
bob < @alice: are you there?
bob types \"here I am\\n\"
alice < @bob: here I am";
const BOB_BEGINS: &str = "alice starts
bob starts
bob types \"are you there?\\n\"
alice < @bob: are you there?
alice types \"here I am\\n\"
bob < @alice: here I am";
/// Index of the step after which the first words have arrived.
const FIRST_WORDS: usize = 3;

const SERVER_STARTS: &str = "alice connects";
const CLIENT_STARTS: &str = "client starts as alice\nserver < ...";

/// Time limit of one encounter.
const LONGEST: Duration = Duration::from_secs(120);
/// The share of the patience for one answer. An encounter is one of many, and a failure is repeated.
const SHARE_OF_PATIENCE: f64 = 0.4;
/// Maximum number of conversations in which the harness may fail to do its part.
const MOST_HINDERED: usize = 2;

/// A server or a client that can take part in encounters.
#[derive(Debug)]
pub struct Participant {
    command: Vec<String>,
    environment: Environment,
    profile: Profile,
    dialect: Option<Dialect>,
    patience: Duration,
    /// What is known of its speed.
    timeouts: Timeouts,
}

/// Why a program cannot take part in encounters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoParticipant {
    /// The program does not start, or connects nowhere; in a phrase.
    DoesNotStart(String),
    /// It is not the program's fault.
    NoResult(NoResult),
}

impl Participant {
    /// Probes a program. If `cancelled` is set meanwhile, ends all processes and returns soon.
    ///
    /// # Errors
    /// Why it cannot take part.
    pub fn new(subject: &Subject, cancelled: &AtomicBool) -> Result<Participant, NoParticipant> {
        let Target::Command(command) = &subject.target else {
            let shown = subject.target.shown().join(" ");
            return Err(NoParticipant::NoResult(NoResult::NobodyThere(shown)));
        };
        let probed = with_program(subject, cancelled, |session| {
            let timeouts = Timeouts::new(subject.patience);
            timeouts.learn_from(session.setting.timeouts);
            match why_not_startable(session, subject.role) {
                Some(why) => Err(NoParticipant::DoesNotStart(why)),
                None => Ok(Participant {
                    command: command.clone(),
                    environment: subject.environment.clone(),
                    profile: session.setting.profile,
                    dialect: session.dialect(),
                    patience: subject.patience,
                    timeouts,
                }),
            }
        });
        if cancelled.load(Ordering::Relaxed) {
            return Err(NoParticipant::NoResult(NoResult::Cancelled));
        }
        probed.map_err(NoParticipant::NoResult)?
    }

    /// Its dialect, if the probe heard it.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }
}

/// Asks again where the probe heard nothing, because the probe does not say why.
fn why_not_startable(session: &Session<'_>, role: Role) -> Option<String> {
    let is_client = role == Role::Client;
    let is_suspect = match role {
        Role::Client => session.has_connected_in_vain(),
        Role::Server | Role::Pair => session.dialect().is_none(),
    };
    if !is_suspect {
        return None;
    }
    let steps = if is_client {
        CLIENT_STARTS
    } else {
        SERVER_STARTS
    };
    let transcript = conversation(steps);
    let policy = Policy::lenient(session.setting.profile.dialect);
    let Some(run) = session.replay(&transcript, &policy) else {
        return Some("its time was used up before it could be tried".to_owned());
    };
    let Outcome::FellShort(shortfall) = run.outcome else {
        return None;
    };
    let about = Topic::of_shortfall(&transcript, &shortfall)?.topic();
    (is_client || about == Topic::ServerStart).then(|| shortfall.received())
}

/// What all encounters have in common.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// Path of the `conform` program, which supervises the programs.
    pub harness: &'a Path,
    /// Slots for conversations.
    pub slots: &'a Slots,
    /// Set to end everything early.
    pub cancelled: &'a AtomicBool,
}

/// Who can hear whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Heard {
    /// Each hears the other.
    Both,
    /// Only the person who came first is heard.
    FirstComer,
    /// Only the person who came second is heard.
    SecondComer,
    /// The person who begins is heard, and the answer is not.
    FirstWords,
    /// Nothing arrives.
    Nothing,
}

/// What came of an encounter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Encounter {
    /// Who was heard; `None` if the harness could not do its part.
    pub heard: Option<Heard>,
    /// What failed first, in a phrase. Alice comes first, and Bob comes second.
    pub why: Option<String>,
    /// Number of conversations.
    pub runs: usize,
    /// How long they took, in seconds.
    pub seconds: f64,
}

/// Two people use the client to talk by way of the server. A conversation that fails is repeated, and the other person
/// begins. Returns `None` if it was cancelled.
pub fn encounter(server: &Participant, client: &Participant, host: Host<'_>) -> Option<Encounter> {
    let begun = Instant::now();
    let patience = server.patience.max(client.patience);
    let timeouts = Arc::new(Timeouts::new(patience.mul_f64(SHARE_OF_PATIENCE)));
    timeouts.learn_from(&server.timeouts);
    timeouts.learn_from(&client.timeouts);
    let time = Arc::new(TimeBudget::new(LONGEST));
    let _meter = measure(&timeouts, &time);
    let turn = Turn::default();
    let target = Target::Pair {
        server: server.command.clone(),
        client: client.command.clone(),
    };
    let has_own_network = server.profile.has_own_network && client.profile.has_own_network;
    let setting = Setting {
        target: &target,
        harness: host.harness,
        environment: &server.environment,
        environment_of_clients: Some(&client.environment),
        profile: Profile {
            takes_address_first: client.profile.takes_address_first,
            answering_port: server.profile.answering_port,
            has_own_network,
            ..Profile::PLAIN
        },
        banner: &[],
        slots: host.slots,
        timeouts: &timeouts,
        ledger: &Ledger::default(),
        cancelled: host.cancelled,
        time: &time,
        turn: Some(&turn),
    };
    let transcripts = [ALICE_BEGINS, BOB_BEGINS].map(conversation);
    let (mut reached, mut hindered) = (Vec::new(), 0);
    let mut why = None;
    let heard = loop {
        let transcript = &transcripts[reached.len() % transcripts.len()];
        let run = talk(transcript, setting);
        if host.cancelled.load(Ordering::Relaxed) {
            return None;
        }
        let (how_far, reason) = run.as_ref().map_or_else(
            || (None, Some("its time was up".to_owned())),
            |run| how_far(run, transcript),
        );
        why = why.or(reason);
        match how_far {
            Some(how_far) => reached.push(how_far),
            None => hindered += 1,
        }
        let heard = who_is_heard(&reached);
        if heard.is_some() || hindered > MOST_HINDERED || run.is_none() {
            break heard;
        }
    };
    Some(Encounter {
        heard,
        why: why.filter(|_| heard != Some(Heard::Both)),
        runs: reached.len() + hindered,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// `None` if everything is to stop, or the time is up.
fn talk(transcript: &Transcript, setting: Setting<'_>) -> Option<Evidence> {
    let _at_work = setting.begin_work()?;
    // What failed in an earlier conversation is tried again.
    let setting = Setting {
        ledger: &Ledger::default(),
        ..setting
    };
    let policy = Policy::lenient(setting.profile.dialect);
    replay_in_network(transcript, &policy, setting)
}

/// How far a conversation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// The first words did not arrive.
    Nothing,
    /// They arrived, and the answer did not.
    FirstWords,
    /// Everything arrived.
    End,
}

/// How far a conversation came, unless the harness could not do its part; and what failed.
fn how_far(run: &Evidence, transcript: &Transcript) -> (Option<Reached>, Option<String>) {
    match &run.outcome {
        Outcome::Completed => (Some(Reached::End), None),
        Outcome::FellShort(shortfall) => {
            let reached = if shortfall.step > FIRST_WORDS {
                Reached::FirstWords
            } else {
                Reached::Nothing
            };
            let step = &transcript.steps[shortfall.step].source;
            let why = format!("`{step}` failed: {}", shortfall.received());
            (Some(reached), Some(why))
        }
        outcome => (None, Some(outcome.to_string())),
    }
}

/// Who is heard, once that is sure. Alice begins in the first conversation, and Bob in the second.
fn who_is_heard(reached: &[Reached]) -> Option<Heard> {
    match reached {
        [.., Reached::End] => Some(Heard::Both),
        [Reached::FirstWords, Reached::FirstWords] => Some(Heard::FirstWords),
        [Reached::FirstWords, Reached::Nothing] => Some(Heard::FirstComer),
        [Reached::Nothing, Reached::FirstWords] => Some(Heard::SecondComer),
        [Reached::Nothing, Reached::Nothing] => Some(Heard::Nothing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::syntax::Action;

    #[test]
    fn the_first_words_arrive_where_the_transcripts_say() {
        for steps in [ALICE_BEGINS, BOB_BEGINS] {
            let transcript = conversation(steps);
            let arrives =
                |step: usize| matches!(transcript.steps[step].action, Action::Gets { .. });
            assert!(arrives(FIRST_WORDS) && arrives(transcript.steps.len() - 1));
        }
        for steps in [SERVER_STARTS, CLIENT_STARTS] {
            assert!(!conversation(steps).steps.is_empty());
        }
    }

    #[test]
    fn a_failure_counts_once_it_was_repeated() {
        use Reached::{End, FirstWords, Nothing};
        for (reached, heard) in [
            (&[][..], None),
            (&[Nothing], None),
            (&[FirstWords], None),
            (&[End], Some(Heard::Both)),
            (&[Nothing, End], Some(Heard::Both)),
            (&[FirstWords, Nothing], Some(Heard::FirstComer)),
            (&[Nothing, FirstWords], Some(Heard::SecondComer)),
            (&[FirstWords, FirstWords], Some(Heard::FirstWords)),
            (&[Nothing, Nothing], Some(Heard::Nothing)),
        ] {
            assert_eq!(who_is_heard(reached), heard, "{reached:?}");
        }
    }
}
