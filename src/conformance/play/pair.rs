//! The steps of a transcript about a pair: the harness plays the people at the terminals of the server's own clients.
//!
//! Nothing here knows how the two programs speak with each other: that is their own affair.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::heard::milliseconds;
use super::replay::Replay;
use super::setting::{Stop, hindered};
use super::terminal::{User, has_ended_or_spoken};
use super::watch::{BackOff, Rest, Watch};
use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, Shortfall};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{EventKind, Outcome};
use crate::conformance::program::output::parts_given;
use crate::conformance::program::system::{self, ClientConnection};
use crate::conformance::program::target::{Target, client_command};
use crate::transcript::syntax::{Action, Key, MessageKind};

/// One replay against a server and its own clients.
pub(super) struct PairReplay<'a> {
    pub(super) replay: Replay<'a>,
    /// The people, by name: each with the client that they started last.
    people: BTreeMap<String, Person>,
    /// Whether the server left somebody's client without an answer. It will hardly answer the next one.
    leaves_unanswered: bool,
}

/// Somebody at the terminal of a client.
struct Person {
    terminal: User,
    /// What was typed since the last Enter.
    half_typed: String,
}

impl<'a> PairReplay<'a> {
    pub(super) fn new(replay: Replay<'a>) -> PairReplay<'a> {
        PairReplay {
            replay,
            people: BTreeMap::new(),
            leaves_unanswered: false,
        }
    }

    /// Does, or waits for, what the step under way says.
    pub(super) fn perform(&mut self) -> Result<(), Stop> {
        let held = match &self.replay.step().action {
            Action::PersonStarts { actor, name } => self.start(actor, name),
            Action::Types { actor, text } => self.type_text(actor, text),
            Action::Presses { actor, key } => self.press(actor, *key),
            Action::Gets { actor, line, .. } => self.see(actor, line),
            Action::SeesMessage { actor, kind } => self.see_message(actor, *kind),
            Action::Ends { actor } if actor == "server" => self.replay.wait_for_end(0),
            Action::Ends { actor } => self.wait_for_end(actor),
            Action::IsInterrupted => self
                .something_happens()
                .and_then(|()| self.replay.interrupt()),
            Action::Pass { seconds } => self
                .replay
                .let_pass(Duration::from_secs(u64::from(*seconds))),
            _ => Err(self.replay.not_in_this_role()),
        };
        held.map_err(|stop| self.with_who_ended(stop))
    }

    fn at(&mut self, actor: &str) -> Result<(&mut Replay<'a>, &mut Person), Stop> {
        match self.people.get_mut(actor) {
            Some(person) => Ok((&mut self.replay, person)),
            None => Err(self.replay.not_in_this_role()),
        }
    }

    /// Somebody starts a client, and waits until the server has answered it: a person types only then.
    fn start(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        self.something_happens()?;
        let replay = &mut self.replay;
        let (Target::Pair { client, .. }, Some(server)) =
            (replay.setting.target, replay.cast.address)
        else {
            return Err(replay.not_in_this_role());
        };
        let server = as_people_write(server);
        let url = format!("chat://{server}");
        let is_swapped = replay.setting.profile.takes_address_first;
        let Some(command) = client_command(client, name, &url, is_swapped) else {
            return Err(hindered(Hindrance::AddressWithoutParts { address: url }));
        };
        replay.cast.start_for(actor, &command)?;
        let program = replay.cast.programs.len() - 1;
        let person = Person {
            terminal: User::at(program, parts_given(name, &url)),
            half_typed: String::new(),
        };
        self.people.insert(actor.to_owned(), person);
        self.wait_until_answered(actor, program, server.port())?;
        self.replay.let_digest()
    }

    fn wait_until_answered(&mut self, actor: &str, program: usize, port: u16) -> Result<(), Stop> {
        /// An answer that takes longer need not be noticed at once: each look asks for all sockets.
        const QUICK_ANSWER: Duration = Duration::from_millis(200);
        /// How long to wait for a server that has left somebody unanswered.
        const ONCE_MORE: Duration = Duration::from_secs(1);
        const BETWEEN_LATE_LOOKS: Duration = Duration::from_millis(50);
        let replay = &mut self.replay;
        let patience = replay.setting.timeouts.start();
        let longest_for_answer = if replay.setting.ledger.is_known_to_fail(Topic::Registration) {
            Duration::ZERO
        } else if self.leaves_unanswered {
            ONCE_MORE
        } else {
            replay.setting.timeouts.answer()
        };
        let begun = Instant::now();
        let mut rest = Rest::new(replay.setting.timeouts.rest_at_start());
        let mut back_off = BackOff::new();
        let mut open_since = None;
        let connected = replay.cast.watch(patience + longest_for_answer, |cast| {
            if cast.how_ended(program).is_some() {
                return Watch::Done(Some(ClientConnection::None));
            }
            let processes = cast.programs[program].processes();
            let connection = system::client_connection(&cast.sockets, port, &processes);
            if connection != ClientConnection::None && open_since.is_none() {
                // What is waited for from now on is the server.
                cast.setting.timeouts.started_within(begun.elapsed());
                open_since = Some(Instant::now());
            }
            let waited = match connection {
                ClientConnection::None => Duration::ZERO,
                ClientConnection::Open => {
                    open_since.map_or(Duration::ZERO, |since| since.elapsed())
                }
                ClientConnection::Answered | ClientConnection::Unknown => longest_for_answer,
            };
            if connection != ClientConnection::None && waited >= longest_for_answer {
                Watch::Done(Some(connection))
            } else if open_since.is_none() && rest.look(|| cast.rests()) {
                Watch::Done(None)
            } else if waited > QUICK_ANSWER {
                Watch::Again(BETWEEN_LATE_LOOKS)
            } else {
                Watch::Again(back_off.next())
            }
        })?;
        match connected.flatten() {
            None => {
                replay.setting.timeouts.started_in_vain();
                let after = milliseconds(begun.elapsed());
                let actor = actor.to_owned();
                Err(replay.short(Expected::Joins { actor }, Got::NoConnection { after }))
            }
            // What became of a client that has ended is for later steps to say.
            Some(ClientConnection::None | ClientConnection::Unknown) => Ok(()),
            Some(ClientConnection::Open) => {
                if !self.leaves_unanswered {
                    replay.setting.ledger.fell_short(Topic::Registration);
                }
                record_connection(replay, actor);
                self.leaves_unanswered = true;
                Ok(())
            }
            Some(ClientConnection::Answered) => {
                replay.setting.ledger.held(Topic::Registration);
                record_connection(replay, actor);
                self.leaves_unanswered = false;
                Ok(())
            }
        }
    }

    /// What anybody's client prints from now on is about what happens now.
    fn something_happens(&mut self) -> Result<(), Stop> {
        self.replay.let_digest()?;
        for person in self.people.values_mut() {
            person
                .terminal
                .notice_what_was_printed(&mut self.replay.cast);
        }
        Ok(())
    }

    /// Somebody whose client has ended by itself can neither type nor press keys.
    fn refuse_ended(&mut self, actor: &str) -> Result<(), Stop> {
        let (replay, person) = self.at(actor)?;
        if replay.cast.how_ended(person.terminal.program()).is_none() {
            return Ok(());
        }
        let actor = actor.to_owned();
        Err(replay.short(Expected::StillRunning { actor }, Got::EndedBefore))
    }

    fn type_text(&mut self, actor: &str, text: &str) -> Result<(), Stop> {
        // Two who type one right after the other type at the same time.
        if !self.is_within_typing() {
            self.something_happens()?;
        }
        self.refuse_ended(actor)?;
        let (replay, person) = self.at(actor)?;
        person.half_typed.push_str(text);
        let mut lines: Vec<String> = person.half_typed.split('\n').map(str::to_owned).collect();
        person.half_typed = lines.pop().unwrap_or_default();
        person
            .terminal
            .type_keys(replay, &text.replace('\n', "\r"))?;
        let others = self.people.iter_mut().filter(|(name, _)| *name != actor);
        for (_, other) in others {
            for line in &lines {
                other.terminal.expect(&mut self.replay.cast, line);
            }
        }
        Ok(())
    }

    /// Whether the step before this one is somebody else's typing.
    fn is_within_typing(&self) -> bool {
        let before = self.replay.index().checked_sub(1);
        let before = before.map(|index| &self.replay.transcript.steps[index].action);
        let types = |action: &Action| matches!(action, Action::Types { .. });
        before.is_some_and(types)
    }

    fn press(&mut self, actor: &str, key: Key) -> Result<(), Stop> {
        self.something_happens()?;
        self.refuse_ended(actor)?;
        let (replay, person) = self.at(actor)?;
        match key {
            Key::CtrlC => person.terminal.press_ctrl_c(replay),
            Key::CtrlD => person.terminal.type_keys(replay, "\x04"),
        }
    }

    fn see(&mut self, actor: &str, line: &str) -> Result<(), Stop> {
        let (replay, person) = self.at(actor)?;
        person.terminal.see(replay, line)
    }

    fn see_message(&mut self, actor: &str, kind: MessageKind) -> Result<(), Stop> {
        let (replay, person) = self.at(actor)?;
        let seen = person.terminal.see_message(replay, kind);
        self.say_whether_a_key_was_missing(actor, seen)
    }

    fn wait_for_end(&mut self, actor: &str) -> Result<(), Stop> {
        let (replay, person) = self.at(actor)?;
        let mut ended = replay.wait_for_end(person.terminal.program());
        if let Err(Outcome::FellShort(shortfall)) = ended.as_mut().map_err(|stop| &mut **stop) {
            let actor = actor.to_owned();
            shortfall.expected = Expected::ClientEnds { actor };
        }
        self.say_whether_a_key_was_missing(actor, ended)
    }

    /// A client that reads the keyboard only may notice the server's words, or its end, at the next Enter.
    fn say_whether_a_key_was_missing(
        &mut self,
        actor: &str,
        outcome: Result<(), Stop>,
    ) -> Result<(), Stop> {
        let Err(mut stop) = outcome else {
            return Ok(());
        };
        let (replay, person) = self.at(actor)?;
        let program = person.terminal.program();
        if let Outcome::FellShort(shortfall) = &mut *stop {
            shortfall.waited_for_enter = person
                .terminal
                .is_noticed_after_enter(replay, |cast| has_ended_or_spoken(cast, program))?;
        }
        Err(stop)
    }

    /// Whoever's program had ended when a step did not hold is likely the reason.
    fn with_who_ended(&self, mut stop: Stop) -> Stop {
        if let Outcome::FellShort(shortfall) = &mut *stop {
            self.say_who_ended(shortfall);
        }
        stop
    }

    fn say_who_ended(&self, shortfall: &mut Shortfall) {
        let cast = &self.replay.cast;
        let steps = &self.replay.transcript.steps[..=self.replay.index()];
        let is_asked = |who: &str| {
            steps.iter().any(|step| match &step.action {
                Action::Presses { actor, .. } | Action::Ends { actor } => actor == who,
                Action::IsInterrupted => true,
                _ => false,
            })
        };
        let of_step = steps.last().and_then(|step| step.action.actor());
        let is_own = |program: usize| cast.user_of(program) == of_step;
        let ended = |program: &usize| cast.how_ended(*program).is_some();
        let unasked = |program: &usize| cast.user_of(*program).is_some_and(|who| !is_asked(who));
        let programs = (0..cast.programs.len()).filter(ended);
        let is_server = |program: &usize| *program == 0;
        // Clients end because the server has, and not the other way round.
        let server = programs.clone().filter(is_server).find(unasked);
        let own = || programs.clone().rfind(|program| is_own(*program));
        let program = server
            .or_else(own)
            .or_else(|| programs.clone().find(unasked));
        shortfall.ended = program.and_then(|at| cast.how_ended(at)).map(str::to_owned);
        shortfall.who_ended = program.and_then(|at| cast.user_of(at)).map(str::to_owned);
    }
}

fn record_connection(replay: &mut Replay<'_>, actor: &str) {
    let actor = actor.to_owned();
    replay.cast.log.record(EventKind::Connected { actor });
}

/// The address that people give their clients. A server that listens on all addresses of IPv6 is usually reached at those
/// of IPv4, too, and a client may know only these.
fn as_people_write(server: SocketAddr) -> SocketAddr {
    let plain = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let is_taken = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&plain.into())
    };
    if server.ip() == Ipv6Addr::LOCALHOST && is_taken().is_err() {
        plain
    } else {
        server
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn people_write_plain_addresses_where_these_are_served() {
        let listening = |ip: Ipv6Addr| TcpListener::bind((ip, 0)).ok();
        let told = |listener: &TcpListener| {
            let port = listener.local_addr().expect("has one").port();
            as_people_write(SocketAddr::from((Ipv6Addr::LOCALHOST, port)))
        };
        let Some(everywhere) = listening(Ipv6Addr::UNSPECIFIED) else {
            eprintln!("not tested: this machine has no IPv6");
            return;
        };
        assert_eq!(told(&everywhere).ip(), Ipv4Addr::LOCALHOST);
        let only = listening(Ipv6Addr::LOCALHOST).expect("has one");
        assert_eq!(told(&only).ip(), Ipv6Addr::LOCALHOST);
    }
}
