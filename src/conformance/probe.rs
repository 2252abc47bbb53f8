//! Probes a program before it is judged: a few short conversations, each with a fresh process.

use std::panic::resume_unwind;
use std::time::Duration;

use crate::conformance::evidence::shortfall::Hindrance;
use crate::conformance::evidence::{Event, EventKind, Evidence, Outcome};
use crate::conformance::play::policy::Policy;
use crate::conformance::play::{Ledger, Setting, replay_in_network};
use crate::conformance::program::dialect::{Dialect, Framing};
use crate::conformance::program::environment::Environment;
use crate::conformance::program::output::{banner_in, parts_given};
use crate::conformance::program::profile::Profile;
use crate::conformance::program::screen::Screen;
use crate::conformance::program::target::Target;
use crate::transcript::parse;
use crate::transcript::syntax::{Role, Transcript};

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// How the program speaks.
    pub profile: Profile,
    /// What a reader of the report should know about the program, a sentence each.
    pub remarks: Vec<String>,
    /// What a client prints before it registers when all goes well.
    pub banner: Vec<String>,
    /// Whether the program could be reached at all.
    pub was_reached: bool,
    /// How many conversations a client did not connect in, if it connected in none.
    pub connected_in_vain: u32,
    /// Whether what one person of a pair typed did not reach the other.
    pub talked_in_vain: bool,
    /// Whether the program was heard in its dialect, so that it is not only assumed.
    pub is_understood: bool,
}

impl ProbeResult {
    /// The result if nothing is known.
    pub fn none() -> ProbeResult {
        ProbeResult {
            was_reached: false,
            ..result(Profile::PLAIN, Vec::new())
        }
    }
}

/// How long the probe waits for an answer; replays wait longer.
const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// Maximum number of ports of a server that are tried.
const MOST_PORTS: u8 = 4;

const TWO_SERVERS: &str = "another server starts";
const CONNECTS: &str = "alice connects";
const REGISTERS: &str = "alice connects
alice > REGISTER alice CHAT/1.0
alice < 200 ...";
const REGISTERS_LATER: &str = "alice connects
alice hears nothing
alice > REGISTER alice CHAT/1.0
alice < 200 ...";
const IS_NOT_ANSWERED: &str = "alice connects
alice hears nothing
alice > REGISTER alice CHAT/1.0
alice hears nothing";
const TWO_REGISTER: &str = "alice connects
alice > REGISTER alice CHAT/1.0
alice < 200 ...
bob connects
bob > REGISTER bob CHAT/1.0
bob < 200 ...";
const TALKS_TWICE: &str = "alice connects
alice > REGISTER alice CHAT/1.0
alice < 200 ...
bob connects
bob > REGISTER bob CHAT/1.0
bob < 200 ...
bob > @bob: the first words
alice < @bob: the first words
bob > @bob: the second words
alice < @bob: the second words";
/// Number of the steps of [`TALKS_TWICE`] until both are registered.
const BOTH_ARE_REGISTERED: usize = 6;
const FIRST_WORDS: &str = "@bob: the first words";
const SECOND_WORDS: &str = "@bob: the second words";
const TWO_REGISTER_AND_ONE_TALKS: &str = "alice connects
alice > REGISTER alice CHAT/1.0
alice < 200 ...
alice > @alice: I am here
bob connects
bob > REGISTER bob CHAT/1.0
bob < 200 ...";
const TWO_TALK: &str = "alice connects
alice > REGISTER alice CHAT/1.0
alice < 200 ...
bob connects
bob > REGISTER bob CHAT/1.0
bob < 200 ...
alice > @alice: can you hear me
bob < @alice: can you hear me";
const TALKS_WITHOUT_ANSWERS: &str = "alice connects
alice > REGISTER alice CHAT/1.0
bob connects
bob > REGISTER bob CHAT/1.0
alice > @alice: can anybody hear this
bob < @alice: can anybody hear this";

const COMES_IN: &str = "client starts as alice
server < ...
server hears nothing";
const IS_NOT_SHOWN: &str = "client starts as alice
server < ...
server > 200 Registration successful
server > @bob: these very words
terminal never gets \"these very words\"";
const IS_SHOWN: &str = "client starts as alice
server < ...
server > 200 Registration successful
server > @bob: these very words
user < @bob: these very words";
const IS_REFUSED: &str = "client starts as alice
server < ...
server > 400 Invalid registration
client ends";
const IS_SENT: &str = "client starts as alice
server < ...
server > 200 Registration successful
user types \"hello\\n\"
server < ...";

const TWO_CHAT: &str = "alice starts
bob starts
alice types \"can you hear me\\n\"
bob < @alice: can you hear me";

/// Probes the program of a run; `setting` holds everything but its profile. A given `dialect` is used without probing
/// for it.
pub fn probe(role: Role, setting: Setting<'_>, dialect: Option<Dialect>) -> ProbeResult {
    let timeouts = setting.timeouts.for_probes(LONGEST_ANSWER);
    let probe = Probe {
        setting: Setting {
            timeouts: &timeouts,
            ..setting
        },
        dialect,
    };
    let probed = match role {
        Role::Server => probe.server(),
        Role::Client => probe.client(),
        Role::Pair => probe.pair(),
    };
    setting.timeouts.learn_from(&timeouts);
    probed
}

/// Checks that the bundled reference passes a plain conversation on this machine now. The caller holds a slot.
///
/// # Errors
/// How it failed, twice.
pub fn control(role: Role, setting: Setting<'_>) -> Result<(), Box<Outcome>> {
    let reference = |name: &str| vec![setting.harness.display().to_string(), name.to_owned()];
    let (server, client) = (reference("reference-server"), reference("reference-client"));
    let (target, steps) = match role {
        Role::Server => (Target::Command(server), TWO_TALK),
        Role::Client => (Target::Command(client), IS_SHOWN),
        Role::Pair => (Target::Pair { server, client }, TWO_CHAT),
    };
    // Environment variables and folders of the program under test are not for the reference.
    let environment = Environment::of_reference();
    let setting = Setting {
        target: &target,
        environment: &environment,
        // Measurements of the reference do not apply to the program under test.
        timeouts: &setting.timeouts.for_probes(LONGEST_ANSWER),
        ledger: &Ledger::default(),
        ..setting
    };
    let conversation = conversation(steps);
    let outcome = || {
        let stopped = || Outcome::Unable {
            reason: Hindrance::Stopped,
        };
        let policy = Policy::lenient(setting.profile.dialect);
        replay_in_network(&conversation, &policy, setting).map_or_else(stopped, |run| run.outcome)
    };
    match outcome() {
        Outcome::Completed => Ok(()),
        // A single failure may be an accident of the machine.
        _ => match outcome() {
            Outcome::Completed => Ok(()),
            outcome => Err(Box::new(outcome)),
        },
    }
}

struct Probe<'a> {
    setting: Setting<'a>,
    dialect: Option<Dialect>,
}

/// The result of one conversation.
#[derive(Default)]
struct Reaction {
    completed: bool,
    /// The step at which it stopped, if it did.
    stopped_at: Option<usize>,
    /// Whether the program could be reached.
    was_reached: bool,
    /// On how many ports the first process of a server listens.
    ports: u8,
    /// How many connections there were.
    connected: usize,
    received: Vec<u8>,
    /// Who received what, read by read.
    reads: Vec<(String, Vec<u8>)>,
    banner: Vec<String>,
}

/// When a program accepts a registration.
struct Registration {
    reads: Framing,
    /// At which of several ports.
    answering_port: Option<u8>,
    /// Only if it arrives together with the connection.
    arrives_with_words: bool,
    /// Even without a line end, although the program expects line ends otherwise.
    without_end: bool,
    relays_reads: bool,
    /// The result of the conversation.
    reaction: Reaction,
}

impl Reaction {
    fn of(evidence: &Evidence) -> Reaction {
        let (mut received, mut reads) = (Vec::new(), Vec::new());
        let mut screen = Screen::default();
        let mut given = Vec::new();
        let mut was_reached = false;
        let is_first = |event: &Event| event.of.as_deref().is_none_or(|who| who == "alice");
        let mut ports: u8 = 0;
        let mut connected = 0;
        for event in &evidence.events {
            match &event.kind {
                EventKind::Received { actor, bytes } => {
                    received.extend_from_slice(bytes);
                    reads.push((actor.clone(), bytes.clone()));
                }
                // Of several people's clients the first is as good as any.
                EventKind::Printed { bytes } if is_first(event) => drop(screen.show(bytes)),
                EventKind::Started { command } if is_first(event) => given = given_in(command),
                EventKind::Listening { .. } => {
                    was_reached = true;
                    ports = ports.saturating_add(u8::from(event.step.is_none()));
                }
                EventKind::Connected { .. } => {
                    was_reached = true;
                    connected += 1;
                }
                _ => {}
            }
        }
        Reaction {
            completed: evidence.outcome == Outcome::Completed,
            stopped_at: match &evidence.outcome {
                Outcome::FellShort(shortfall) => Some(shortfall.step),
                _ => None,
            },
            was_reached,
            ports,
            connected,
            received,
            reads,
            banner: banner_in(screen.text(), &given),
        }
    }

    /// Whether something stands before these words in the read that brought them.
    fn has_text_before(&self, words: &str) -> bool {
        let place = |read: &Vec<u8>| memchr::memmem::find(read, words.as_bytes());
        self.reads
            .iter()
            .map(|(_, read)| read)
            .find_map(place)
            .is_some_and(|place| place > 0)
    }

    /// Whether a notice about a registration has no end and stands before the first words that follow it. What
    /// stands before the second words as well belongs to the words.
    fn has_unended_notice(&self) -> bool {
        let of_listener = self.reads.iter().filter(|(actor, _)| actor == "alice");
        let heard: Vec<u8> = of_listener.flat_map(|(_, read)| read.clone()).collect();
        let is_within_line = |words: &str| {
            let place = memchr::memmem::find(&heard, words.as_bytes());
            place.map(|place| place > 0 && heard[place - 1] != b'\n')
        };
        is_within_line(FIRST_WORDS) == Some(true) && is_within_line(SECOND_WORDS) == Some(false)
    }

    /// Whether a registration was accepted, in any words, after any text.
    fn is_accepted(&self) -> bool {
        // A server of web pages has a 200 of its own.
        if self.received.starts_with(b"HTTP/") {
            return false;
        }
        let text = String::from_utf8_lossy(&self.received);
        let mut words = text.split(|character: char| !character.is_alphanumeric());
        words.any(|word| word == "200")
    }
}

/// The user name and address in the arguments of a client that a probe started.
fn given_in(command: &[String]) -> Vec<String> {
    let address = command.iter().find(|word| word.starts_with("chat://"));
    address.map_or_else(Vec::new, |address| parts_given("alice", address))
}

impl Probe<'_> {
    fn ask(&self, steps: &str, profile: Profile) -> Reaction {
        let setting = Setting {
            profile,
            // Each is probed separately.
            ledger: &Ledger::default(),
            ..self.setting
        };
        let Some(_at_work) = setting.begin_work() else {
            return Reaction::default();
        };
        let policy = Policy::lenient(profile.dialect);
        let run = replay_in_network(&conversation(steps), &policy, setting);
        run.as_ref().map_or_else(Reaction::default, Reaction::of)
    }

    /// Probes with this way of reading; how the program writes is not known yet.
    fn ask_in(&self, steps: &str, reads: Framing, profile: Profile) -> Reaction {
        let dialect = self.dialect_that(reads);
        self.ask(steps, Profile { dialect, ..profile })
    }

    /// Asks in a network of its own, where there is one, and then in the machine's if the program cannot be reached. Gives
    /// the profile with which it was reached, and adds a remark about the network.
    fn ask_where_reached(&self, steps: &str, remarks: &mut Vec<String>) -> (Profile, Reaction) {
        let profile = self.setting.profile;
        let reaction = self.ask(steps, profile);
        if !reaction.was_reached && profile.has_own_network {
            let shared = in_shared_network(profile);
            let again = self.ask(steps, shared);
            if again.was_reached {
                remarks.push(NEEDS_SHARED_NETWORK.to_owned());
                return (shared, again);
            }
        }
        (profile, reaction)
    }

    /// In which order the clients take their arguments, and whether the two work in a network of their own.
    fn pair(&self) -> ProbeResult {
        let mut remarks = Vec::new();
        let (mut profile, mut chat) = self.ask_where_reached(TWO_CHAT, &mut remarks);
        if chat.was_reached && !chat.completed {
            let swapped = Profile {
                takes_address_first: true,
                ..profile
            };
            let again = self.ask(TWO_CHAT, swapped);
            if again.completed || again.connected > chat.connected {
                (profile, chat) = (swapped, again);
            }
        }
        ProbeResult {
            banner: chat.banner,
            talked_in_vain: !chat.completed,
            ..result(profile, remarks)
        }
    }

    fn dialect_that(&self, reads: Framing) -> Dialect {
        let writes = self.dialect.map_or(Framing::Bare, |dialect| dialect.writes);
        Dialect { reads, writes }
    }

    /// The first of these ways that `ask` finds right. Most programs are asked about one way only. One that does not
    /// react to the first may react to none, so the others are tried at the same time, unless two processes of the
    /// program may need the same port.
    fn first_of<W: Sync, T: Send>(
        &self,
        profile: Profile,
        ways: &[W],
        ask: impl Fn(&W) -> Option<T> + Sync,
    ) -> Option<T> {
        let (first, others) = ways.split_first()?;
        let found = ask(first);
        if found.is_some() || others.is_empty() {
            return found;
        }
        self.first_among(profile, others, ask)
    }

    /// The same, all at the same time.
    fn first_among<W: Sync, T: Send>(
        &self,
        profile: Profile,
        ways: &[W],
        ask: impl Fn(&W) -> Option<T> + Sync,
    ) -> Option<T> {
        let is_started = matches!(self.setting.target, Target::Command(_));
        if !is_started || !profile.has_own_network {
            return ways.iter().find_map(ask);
        }
        std::thread::scope(|scope| {
            let ask = &ask;
            let asked: Vec<_> = ways
                .iter()
                .map(|way| scope.spawn(move || ask(way)))
                .collect();
            let found: Vec<Option<T>> = asked
                .into_iter()
                .map(|way| way.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect();
            found.into_iter().flatten().next()
        })
    }

    fn server(&self) -> ProbeResult {
        let mut remarks = Vec::new();
        let mut profile = self.setting.profile;
        let mut ports = vec![None];
        if let Target::Command(_) = self.setting.target {
            let two;
            (profile, two) = self.ask_where_reached(TWO_SERVERS, &mut remarks);
            if !two.was_reached {
                return result(profile, remarks);
            }
            profile.runs_alone = !two.completed;
            if two.ports > 1 {
                ports = (0..two.ports.min(MOST_PORTS)).map(Some).collect();
            }
        }
        let found = self.how_it_registers(profile, &ports);
        let is_registering = found.is_some();
        if let Some(Registration {
            reads,
            answering_port,
            arrives_with_words,
            without_end,
            relays_reads,
            reaction,
        }) = found
        {
            profile.answering_port = answering_port;
            profile.arrives_with_words = arrives_with_words;
            profile.registers_without_end = without_end;
            profile.relays_reads = relays_reads;
            profile.dialect = self.dialect.unwrap_or(Dialect {
                reads,
                writes: Framing::shown_by(&reaction.received).unwrap_or(Framing::Line),
            });
            let talk = self.ask(TALKS_TWICE, profile);
            let both_register = talk.completed
                || talk
                    .stopped_at
                    .is_some_and(|step| step >= BOTH_ARE_REGISTERED)
                || talk.stopped_at.is_none() && self.ask(TWO_REGISTER, profile).completed;
            profile.waits_for_first_message =
                !both_register && self.ask(TWO_REGISTER_AND_ONE_TALKS, profile).completed;
            (profile.adds_to_messages, profile.leaves_notices_unended) =
                match profile.dialect.writes {
                    Framing::Bare => (talk.has_text_before(SECOND_WORDS), false),
                    Framing::Line | Framing::Crlf => (false, talk.has_unended_notice()),
                    Framing::Length => (false, false),
                };
            remarks.extend(about_carriage_returns(&reaction));
        } else {
            profile = self.without_acceptance(profile);
            if let Target::Running(_) = self.setting.target {
                if !self.ask(CONNECTS, profile).was_reached {
                    return ProbeResult {
                        was_reached: false,
                        ..result(profile, remarks)
                    };
                }
            }
            if !profile.registers_silently && self.dialect.is_none() {
                remarks.push(
                    "No registration was accepted, with or without a line end, at once or later, so it is unknown how the program reads."
                        .to_owned(),
                );
            }
        }
        remarks.extend(about_dialect(profile.dialect, self.dialect.is_some()));
        ProbeResult {
            is_understood: is_registering || profile.registers_silently,
            ..result(profile, remarks)
        }
    }

    /// How a registration is accepted, and at which of these ports.
    fn how_it_registers(&self, profile: Profile, ports: &[Option<u8>]) -> Option<Registration> {
        let candidates: Vec<Framing> = match self.dialect {
            Some(dialect) => vec![dialect.reads],
            None => vec![Framing::Line, Framing::Bare, Framing::Length, Framing::Crlf],
        };
        let ways: Vec<Profile> = [false, true]
            .into_iter()
            .flat_map(|arrives_with_words| {
                let profile = &profile;
                candidates.iter().flat_map(move |reads| {
                    ports.iter().map(move |answering_port| Profile {
                        arrives_with_words,
                        answering_port: *answering_port,
                        dialect: self.dialect_that(*reads),
                        ..*profile
                    })
                })
            })
            .collect();
        let (profile, reaction) = self.first_of(profile, &ways, |profile| {
            let steps = if profile.arrives_with_words {
                REGISTERS
            } else {
                REGISTERS_LATER
            };
            let reaction = self.ask(steps, *profile);
            reaction.is_accepted().then_some((*profile, reaction))
        })?;
        let mut accepted = Registration {
            reads: profile.dialect.reads,
            answering_port: profile.answering_port,
            arrives_with_words: profile.arrives_with_words,
            without_end: false,
            relays_reads: false,
            reaction,
        };
        // A program that accepts a message without an end reads bare, whatever else it accepts.
        if accepted.reads == Framing::Line && self.dialect.is_none() {
            let unended = if accepted.arrives_with_words {
                REGISTERS
            } else {
                IS_NOT_ANSWERED
            };
            let bare = self.ask_in(unended, Framing::Bare, profile);
            if bare.is_accepted() {
                accepted.without_end = self.needs_ends_of_messages(profile);
                accepted.relays_reads = !accepted.without_end && self.relays_reads(&bare, profile);
                if !accepted.without_end && !accepted.relays_reads {
                    (accepted.reads, accepted.reaction) = (Framing::Bare, bare);
                }
            }
        }
        Some(accepted)
    }

    /// Of a program that accepts a registration without a line end: whether it relays only messages with one.
    fn needs_ends_of_messages(&self, profile: Profile) -> bool {
        let relays = |reads| self.ask_in(TWO_TALK, reads, profile).completed;
        !relays(Framing::Bare) && relays(Framing::Line)
    }

    /// Of a program that takes each read for a message and ends its answers with LF: whether it relays each read
    /// unchanged, so that lines that were sent arrive as lines.
    fn relays_reads(&self, reaction: &Reaction, profile: Profile) -> bool {
        let relays_in = |reads| {
            let dialect = Dialect {
                reads,
                writes: Framing::Line,
            };
            self.ask(TWO_TALK, Profile { dialect, ..profile }).completed
        };
        let writes_lines = Framing::shown_by(&reaction.received) == Some(Framing::Line);
        writes_lines && !relays_in(Framing::Bare) && relays_in(Framing::Line)
    }

    /// Nothing is accepted. The program may still register clients without an answer, or show how it writes.
    fn without_acceptance(&self, profile: Profile) -> Profile {
        let candidates: Vec<Framing> = match self.dialect {
            Some(dialect) => vec![dialect.reads],
            None => vec![Framing::Bare, Framing::Line],
        };
        let found = self.first_among(profile, &candidates, |reads| {
            let reaction = self.ask_in(TALKS_WITHOUT_ANSWERS, *reads, profile);
            let writes = Framing::shown_by(&reaction.received);
            let says_something = reaction.completed || writes.is_some();
            says_something.then(|| Profile {
                dialect: self.dialect.unwrap_or(Dialect {
                    reads: *reads,
                    writes: writes.unwrap_or(Framing::Line),
                }),
                registers_silently: reaction.completed,
                ..profile
            })
        });
        found.unwrap_or(Profile {
            dialect: self.dialect.unwrap_or(Dialect::LINE),
            ..profile
        })
    }

    fn client(&self) -> ProbeResult {
        let plain = self.setting.profile;
        let mut remarks = Vec::new();
        let swapped = Profile {
            takes_address_first: true,
            ..plain
        };
        let is_heard = |profile: &Profile| {
            let reaction = self.ask_in(COMES_IN, Framing::Bare, *profile);
            (!reaction.received.is_empty()).then_some((*profile, reaction))
        };
        let shared = plain.has_own_network.then(|| in_shared_network(plain));
        let tried = 2 + usize::from(shared.is_some());
        let heard = self.first_of(plain, &[plain, swapped], is_heard);
        let heard = heard.or_else(|| is_heard(&shared?));
        let Some((mut profile, first)) = heard else {
            let dialect = self.dialect.unwrap_or(Dialect::LINE);
            return ProbeResult {
                connected_in_vain: u32::try_from(tried).unwrap_or(u32::MAX),
                ..result(Profile { dialect, ..plain }, remarks)
            };
        };
        if profile.has_own_network != plain.has_own_network {
            remarks.push(NEEDS_SHARED_NETWORK.to_owned());
        }
        let writes = Framing::shown_by(&first.received).unwrap_or(Framing::Line);
        let reads = match self.dialect {
            Some(dialect) => Some(dialect.reads),
            None => self.how_client_reads(writes, profile),
        };
        profile.dialect = self.dialect.unwrap_or(Dialect {
            reads: reads.unwrap_or(writes),
            writes,
        });
        remarks.extend(about_carriage_returns(&first));
        remarks.extend(about_dialect(profile.dialect, self.dialect.is_some()));
        ProbeResult {
            banner: first.banner,
            is_understood: reads.is_some(),
            ..result(profile, remarks)
        }
    }

    fn how_client_reads(&self, writes: Framing, profile: Profile) -> Option<Framing> {
        let without_end = self.ask_in(IS_NOT_SHOWN, Framing::Bare, profile);
        let last = conversation(IS_NOT_SHOWN).steps.len() - 1;
        if without_end.stopped_at == Some(last) {
            return Some(Framing::Bare);
        }
        let completes = |steps: &'static str| {
            move |reads: &Framing| {
                self.ask_in(steps, *reads, profile)
                    .completed
                    .then_some(*reads)
            }
        };
        let others = [Framing::Line, Framing::Length, Framing::Crlf];
        let shown = self.first_of(profile, &others, completes(IS_SHOWN));
        if shown.is_some() {
            return shown;
        }
        // A client that shows nothing may still send what is typed, if it accepts the answer.
        let by_likelihood = || {
            let mut all = vec![writes];
            let others = [Framing::Line, Framing::Bare, Framing::Length, Framing::Crlf];
            all.extend(others.into_iter().filter(|reads| *reads != writes));
            self.first_of(profile, &all, completes(IS_SENT))
        };
        // One that does nothing after a 200 may still read a refusal. Without an end, only one that reads bare does.
        let by_refusal = || {
            let all = [Framing::Bare, Framing::Line, Framing::Length];
            self.first_of(profile, &all, completes(IS_REFUSED))
        };
        by_likelihood().or_else(by_refusal)
    }
}

/// The remark on a program that needs something which only the machine's network has, such as a name server.
const NEEDS_SHARED_NETWORK: &str = "It does not work in a network of its own, so it ran in the \
                                    machine's network, where other programs can reach it.";

fn in_shared_network(profile: Profile) -> Profile {
    Profile {
        has_own_network: false,
        ..profile
    }
}

fn result(profile: Profile, further: Vec<String>) -> ProbeResult {
    let mut remarks: Vec<String> = profile.remarks().map(str::to_owned).collect();
    remarks.extend(further);
    ProbeResult {
        profile,
        remarks,
        banner: Vec::new(),
        was_reached: true,
        connected_in_vain: 0,
        talked_in_vain: false,
        is_understood: false,
    }
}

fn about_carriage_returns(reaction: &Reaction) -> Option<String> {
    let is_so = reaction.received.ends_with(b"\r\n");
    is_so.then(|| "It ends its lines with CR LF, which is accepted.".to_owned())
}

/// The remark on a dialect other than lines.
fn about_dialect(dialect: Dialect, is_given: bool) -> Option<String> {
    if dialect == Dialect::LINE {
        return None;
    }
    let both = dialect.in_words();
    let origin = if is_given {
        "With the dialect that was given, it"
    } else {
        "It"
    };
    Some(format!("{origin} {both}; see W-LINE-1."))
}

/// A conversation that is about no requirement of a server or client.
pub(super) fn conversation(steps: &str) -> Transcript {
    // These requirements have nothing to do with the probe, so every comparison is lenient.
    let covers = if steps.starts_with("client") {
        "C-HARD-3"
    } else if steps.starts_with("alice starts") {
        // A probe ends where it falls short, whatever it covers.
        "P-6"
    } else {
        "S-HARD-3"
    };
    let source = format!("# Getting to know it.\ncovers {covers}\n\n{steps}\n");
    match parse("probe", &source) {
        Ok(transcript) => transcript,
        Err(diagnostics) => unreachable!("a probe of the harness's own is broken: {diagnostics:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probe_is_a_conversation() {
        for steps in [
            TWO_SERVERS,
            REGISTERS,
            REGISTERS_LATER,
            IS_NOT_ANSWERED,
            TWO_REGISTER,
            TALKS_TWICE,
            TWO_REGISTER_AND_ONE_TALKS,
            TWO_TALK,
            TALKS_WITHOUT_ANSWERS,
            COMES_IN,
            IS_NOT_SHOWN,
            IS_SHOWN,
            IS_REFUSED,
            IS_SENT,
        ] {
            assert!(!conversation(steps).steps.is_empty());
        }
    }

    #[test]
    fn a_notice_without_an_end_is_told_from_words_that_are_added_to_every_message() {
        let heard = |reads: &[&str]| Reaction {
            reads: reads
                .iter()
                .map(|read| ("alice".to_owned(), read.as_bytes().to_vec()))
                .chain([("bob".to_owned(), b"200 Registration successful\n".to_vec())])
                .collect(),
            ..Reaction::default()
        };
        let first = format!("{FIRST_WORDS}\n");
        let second = format!("{SECOND_WORDS}\n");
        assert!(heard(&["200 OK\n", "bob joined", &first, &second]).has_unended_notice());
        assert!(!heard(&["200 OK\n", "bob joined\n", &first, &second]).has_unended_notice());
        assert!(!heard(&["200 OK\n", "> ", &first, "> ", &second]).has_unended_notice());
        assert!(!heard(&["200 OK\n", "bob joined"]).has_unended_notice());
        let twice = format!("@bob: {SECOND_WORDS}");
        assert!(heard(&[FIRST_WORDS, &twice]).has_text_before(SECOND_WORDS));
        assert!(!heard(&[FIRST_WORDS, SECOND_WORDS]).has_text_before(SECOND_WORDS));
    }

    #[test]
    fn an_acceptance_is_found_behind_other_text() {
        let accepted = |received: &str| {
            let reaction = Reaction {
                connected: 0,
                completed: false,
                stopped_at: None,
                was_reached: true,
                ports: 1,
                received: received.as_bytes().to_vec(),
                reads: Vec::new(),
                banner: Vec::new(),
            };
            reaction.is_accepted()
        };
        assert!(accepted("200 Registration successful"));
        assert!(accepted("Welcome, alice!\n200 OK\n"));
        assert!(accepted("27        200 Registration successful"));
        assert!(!accepted("400 Invalid registration"));
        assert!(!accepted("HTTP/1.1 200 OK"));
        assert!(!accepted("we are 2000 here"));
        assert!(!accepted(""));
    }
}
