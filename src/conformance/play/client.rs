//! The steps of a transcript about a client: the harness plays the server and the person typing.

use std::io;
use std::time::{Duration, Instant};

use memchr::memmem::find;
use socket2::Socket;

use super::heard::milliseconds;
use super::ports::Ports;
use super::replay::Replay;
use super::setting::{Stop, hindered, unable};
use super::settling::wait_for_quiet;
use super::terminal::{User, has_ended_or_spoken};
use super::watch::{Rest, Watch};
use crate::conformance::conversation::cause::Cause;
use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, PassedOver};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Excerpt, Outcome};
use crate::conformance::program::output::parts_given;
use crate::conformance::program::target::{Target, client_command};
use crate::transcript::syntax::{Action, Key};

/// One replay against a client.
pub(super) struct ClientReplay<'a> {
    pub(super) replay: Replay<'a>,
    user: User,
    /// Holds a port at which nobody listens.
    deaf: Option<Socket>,
}

impl<'a> ClientReplay<'a> {
    pub(super) fn new(replay: Replay<'a>) -> ClientReplay<'a> {
        ClientReplay {
            replay,
            user: User::default(),
            deaf: None,
        }
    }

    /// The replay, and the port at which nobody listens: to be held until the program has ended.
    pub(super) fn into_parts(self) -> (Replay<'a>, Option<Socket>) {
        (self.replay, self.deaf)
    }

    /// Does, or waits for, what the step under way says.
    pub(super) fn perform(&mut self) -> Result<(), Stop> {
        match &self.replay.step().action {
            Action::ClientStarts { name, address } => self.start_client(name, address),
            Action::Says { actor, line } => {
                self.something_happens()?;
                self.user.expect(&mut self.replay.cast, line);
                self.replay.say(actor, line)
            }
            Action::Sends {
                actor,
                bytes,
                times,
            } => {
                self.something_happens()?;
                self.user.expect_all(&mut self.replay.cast, bytes);
                self.replay.send_times(actor, bytes, *times)
            }
            Action::Gets { actor, line, .. } if actor == "user" => {
                self.user.see(&mut self.replay, line)
            }
            Action::Gets {
                actor,
                line,
                open_ended,
            } => {
                self.wait_for_client()?;
                let got = self.replay.get(actor, line, *open_ended);
                self.say_whether_a_key_was_missing(got)
            }
            Action::Hears {
                actor,
                bytes,
                times,
            } => {
                self.wait_for_client()?;
                self.replay.hear(actor, bytes, *times)
            }
            Action::HearsNothing { actor } => self.receive_nothing(actor),
            Action::Closes { actor } => {
                self.something_happens()?;
                self.replay.close(actor)
            }
            Action::Resets { actor } => {
                self.something_happens()?;
                self.replay.reset(actor)
            }
            Action::IsDisconnected { actor } => self.replay.be_disconnected(actor),
            Action::Pass { seconds } => {
                // An end before is about what came before.
                self.replay.let_digest()?;
                self.refuse_ended()?;
                self.replay
                    .let_pass(Duration::from_secs(u64::from(*seconds)))
            }
            Action::Types { text, .. } => {
                self.something_happens()?;
                self.user
                    .type_keys(&mut self.replay, &text.replace('\n', "\r"))
            }
            Action::Presses { key, .. } => {
                self.something_happens()?;
                match key {
                    Key::CtrlC => self.user.press_ctrl_c(&mut self.replay),
                    Key::CtrlD => self.user.type_keys(&mut self.replay, "\x04"),
                }
            }
            Action::SeesMessage { kind, .. } => {
                let seen = self.user.see_message(&mut self.replay, *kind);
                self.say_whether_a_key_was_missing(seen)
            }
            Action::TerminalNeverGets { bytes } => self.look_for_forbidden(bytes),
            Action::IsTerminated => {
                self.something_happens()?;
                self.replay.terminate()
            }
            Action::IsPaused => {
                self.something_happens()?;
                self.replay.pause()
            }
            Action::GoesOn => self.replay.go_on(),
            Action::Ends { .. } => {
                let ended = self.replay.wait_for_end(0);
                self.say_whether_a_key_was_missing(ended)
            }
            Action::GrowsByAtMost { bytes } => self.replay.compare_memory(*bytes),
            Action::Joins { .. }
            | Action::Connects { .. }
            | Action::StopsReading { .. }
            | Action::PrintsItsPort
            | Action::AnotherStarts
            | Action::IsInterrupted
            | Action::PersonStarts { .. } => Err(self.replay.not_in_this_role()),
        }
    }

    fn start_client(&mut self, name: &str, address: &str) -> Result<(), Stop> {
        let refused = |error: io::Error| unable("a port for the client to connect to", &error);
        let Target::Command(command) = self.replay.setting.target else {
            return Err(self.replay.not_in_this_role());
        };
        let ports = Ports::for_address(address).map_err(refused)?;
        let url = ports.written(address);
        let is_swapped =
            self.replay.setting.profile.takes_address_first && !self.replay.policy.gives_name_first;
        let Some(command) = client_command(command, name, &url, is_swapped) else {
            return Err(hindered(Hindrance::AddressWithoutParts { address: url }));
        };
        self.user = User::at(0, parts_given(name, &url));
        self.deaf = Some(ports.unused);
        self.replay.cast.listeners = ports.listeners;
        self.replay.cast.start(&command)
    }

    /// The first words of a client may take as long as its start does.
    fn wait_for_client(&mut self) -> Result<(), Stop> {
        if !self.replay.cast.peers.is_empty() {
            return Ok(());
        }
        const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
        let timeouts = self.replay.setting.timeouts;
        let begun = Instant::now();
        let mut rest = Rest::new(timeouts.rest_at_start());
        let connected = self.replay.cast.watch(timeouts.start(), |cast| {
            if cast.how_ended(0).is_some() || !cast.peers.is_empty() {
                return Watch::Done(true);
            }
            if rest.look(|| cast.rests()) {
                return Watch::Done(false);
            }
            Watch::Again(BETWEEN_LOOKS)
        })?;
        self.replay.cast.look(Duration::ZERO);
        if !self.replay.cast.peers.is_empty() {
            timeouts.started_within(self.replay.cast.accounts.started.elapsed());
            self.replay.setting.ledger.held(Topic::ClientStart);
            return Ok(());
        }
        let got = match connected {
            Some(true) => Got::EndedBefore,
            Some(false) | None => {
                timeouts.started_in_vain();
                let after = milliseconds(begun.elapsed());
                Got::NoConnection { after }
            }
        };
        Err(self.replay.short(Expected::ClientConnects, got))
    }

    /// What the client prints from now on is about what happens now: what it still had to print before
    /// is waited for.
    fn something_happens(&mut self) -> Result<(), Stop> {
        self.replay.let_digest()?;
        self.user.notice_what_was_printed(&mut self.replay.cast);
        self.refuse_ended()?;
        self.set_unasked_aside();
        Ok(())
    }

    /// A client that has ended by itself cannot be asked what it does next.
    fn refuse_ended(&mut self) -> Result<(), Stop> {
        const TIME_TO_END: Duration = Duration::from_millis(500);
        let earlier = &self.replay.transcript.steps[..self.replay.index()];
        if Topic::of_early_end(earlier).is_none() {
            return Ok(());
        }
        let cast = &mut self.replay.cast;
        if cast.peers.iter().any(|peer| !peer.is_open()) {
            cast.wait_for(TIME_TO_END, |cast| cast.how_ended(0).map(drop))?;
        }
        if cast.how_ended(0).is_none() {
            return Ok(());
        }
        let actor = "the client".to_owned();
        Err(self
            .replay
            .short(Expected::StillConnected { actor }, Got::EndedBefore))
    }

    /// What a client says unasked is judged where the transcript is about what it sends. Elsewhere it is no answer to
    /// what happens next.
    fn set_unasked_aside(&mut self) {
        if self.replay.policy.judges(Topic::ClientMessage) {
            return;
        }
        let later = &self.replay.transcript.steps[self.replay.index()..];
        let comparison = self.replay.policy.comparison;
        let is_asked = |line: &[u8]| {
            later.iter().any(|step| match &step.action {
                Action::Gets { line: expected, .. } => comparison.accepts(expected, false, line),
                Action::Hears { bytes, .. } => bytes
                    .split(|byte| *byte == b'\n')
                    .any(|expected| expected == line),
                _ => false,
            })
        };
        let peers = self.replay.cast.peers.iter_mut();
        let unasked: Vec<_> = peers
            .flat_map(|peer| {
                let inbox = peer.inbox_mut();
                inbox.pause();
                inbox.take(|line| !is_command(line) && !is_asked(line))
            })
            .collect();
        for line in unasked {
            self.replay.pass_over("server", &line, PassedOver::Notice);
        }
    }

    /// The harness's server gets nothing: no byte that was not accounted for.
    fn receive_nothing(&mut self, actor: &str) -> Result<(), Stop> {
        self.replay.let_digest()?;
        wait_for_quiet(&mut self.replay.cast)?;
        let mut received: Vec<u8> = Vec::new();
        let peers = self.replay.cast.peers.iter();
        for peer in peers.filter(|peer| peer.actor == actor) {
            let inbox = peer.inbox();
            inbox
                .messages()
                .for_each(|line| received.extend([line.as_slice(), b"\n"].concat()));
            received.extend_from_slice(inbox.unfinished());
        }
        if received.is_empty() {
            return Ok(());
        }
        let actor = actor.to_owned();
        let bytes = Excerpt::of(&received);
        Err(self
            .replay
            .short(Expected::Silence { actor }, Got::Bytes { bytes }))
    }

    /// A client that waited in vain for Ctrl-C or the server to be noticed may only notice at the next
    /// key: that changes nothing, but the student should know.
    fn say_whether_a_key_was_missing(&mut self, outcome: Result<(), Stop>) -> Result<(), Stop> {
        let Err(mut stop) = outcome else {
            return Ok(());
        };
        let Outcome::FellShort(shortfall) = &mut *stop else {
            return Err(stop);
        };
        let earlier = &self.replay.transcript.steps[..self.replay.index()];
        // Whoever closed the connection has noticed, and is about to end.
        let is_awaited = Cause::in_steps(earlier).is_some()
            && shortfall.got.line().is_none()
            && !matches!(shortfall.got, Got::Closed | Got::Reset)
            && has_ended_or_spoken(&mut self.replay.cast, 0).is_none();
        if is_awaited {
            shortfall.waited_for_enter = self
                .user
                .is_noticed_after_enter(&mut self.replay, |cast| has_ended_or_spoken(cast, 0))?;
        }
        Err(stop)
    }

    fn look_for_forbidden(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.replay.let_digest()?;
        wait_for_quiet(&mut self.replay.cast)?;
        let printed = self.replay.cast.screen(0).printed();
        if bytes.is_empty() || find(printed, bytes).is_none() {
            return Ok(());
        }
        let expected = Expected::NeverOnTerminal {
            bytes: Excerpt::of(bytes),
        };
        Err(self.replay.short(expected, Got::OnTerminal))
    }
}

/// Whether a line is one of the protocol's own, or meant to be one.
fn is_command(line: &[u8]) -> bool {
    let word = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    [&b"REGISTER"[..], b"DISCONNECT"]
        .iter()
        .any(|verb| verb.eq_ignore_ascii_case(word))
}
