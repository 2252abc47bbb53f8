//! The steps of a transcript about a client: the harness plays the server and the person typing.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use memchr::memmem::find;
use socket2::{Domain, Socket, Type};

use super::cast::Cast;
use super::heard::milliseconds;
use super::replay::Replay;
use super::setting::{Stop, hindered, unable};
use super::settling::wait_for_quiet;
use super::watch::{Glances, Watch};
use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, Note, PassedOver};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{EventKind, Excerpt, Outcome};
use crate::conformance::program::crash::is_only_a_crash;
use crate::conformance::program::output::{banner_in, beyond_banner, own_words, parts_given};
use crate::conformance::program::process::RunningProgram;
use crate::conformance::program::screen::Screen;
use crate::conformance::program::target::{Target, client_command};
use crate::transcript::syntax::{Action, Key, MessageKind};

/// What the person at the client's terminal has seen and given so far.
#[derive(Debug, Default)]
pub(super) struct User {
    /// What was sent to be shown, with how often it was shown before.
    expected: Vec<Shown>,
    /// How much had been printed when something last happened to the program.
    printed_before: usize,
    /// What the program was given as its arguments, and parts of it.
    given: Vec<String>,
    /// Holds a port at which nobody listens.
    deaf: Option<Socket>,
}

/// What was on the screen when something was sent that is to be seen there.
#[derive(Debug)]
struct Shown {
    substance: String,
    times_before: usize,
}

/// One replay against a client.
pub(super) struct ClientReplay<'a> {
    pub(super) replay: Replay<'a>,
    pub(super) user: User,
}

impl<'a> ClientReplay<'a> {
    pub(super) fn new(replay: Replay<'a>) -> ClientReplay<'a> {
        ClientReplay {
            replay,
            user: User::default(),
        }
    }

    /// Does, or waits for, what the step under way says.
    pub(super) fn perform(&mut self) -> Result<(), Stop> {
        match &self.replay.step().action {
            Action::ClientStarts { name, address } => self.start_client(name, address),
            Action::Says { actor, line } => {
                self.something_happens()?;
                self.expect_on_screen(line);
                self.replay.say(actor, line)
            }
            Action::Sends {
                actor,
                bytes,
                times,
            } => {
                self.something_happens()?;
                String::from_utf8_lossy(bytes)
                    .lines()
                    .for_each(|line| self.expect_on_screen(line));
                self.replay.send_times(actor, bytes, *times)
            }
            Action::Gets { actor, line, .. } if actor == "user" => self.see(line),
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
            Action::Pass { seconds } => self
                .replay
                .let_pass(Duration::from_secs(u64::from(*seconds))),
            Action::Types { text } => self.type_keys(&text.replace('\n', "\r")),
            Action::Presses { key: Key::CtrlC } => self.press_ctrl_c(),
            Action::Presses { key: Key::CtrlD } => self.type_keys("\x04"),
            Action::SeesMessage { kind } => {
                let seen = self.see_message(*kind);
                self.say_whether_a_key_was_missing(seen)
            }
            Action::TerminalNeverGets { bytes } => self.look_for_forbidden(bytes),
            Action::IsTerminated => {
                self.something_happens()?;
                self.replay.terminate()
            }
            Action::Ends => {
                let ended = self.replay.wait_for_end();
                self.say_whether_a_key_was_missing(ended)
            }
            Action::GrowsByAtMost { bytes } => self.replay.compare_memory(*bytes),
            Action::Joins { .. }
            | Action::Connects { .. }
            | Action::StopsReading { .. }
            | Action::PrintsItsPort
            | Action::AnotherStarts
            | Action::IsInterrupted => Err(self.replay.not_in_this_role()),
        }
    }

    fn start_client(&mut self, name: &str, address: &str) -> Result<(), Stop> {
        let refused = |error: io::Error| unable("a port for the client to connect to", &error);
        let Target::Command(command) = self.replay.setting.target else {
            return Err(self.replay.not_in_this_role());
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let here = listener.local_addr().map_err(refused)?;
        let unused = bound_but_deaf().map_err(refused)?;
        let unused_port = unused
            .local_addr()
            .ok()
            .and_then(|address| address.as_socket());
        let url = address
            .replace("{host}", &here.ip().to_string())
            .replace("{port}", &here.port().to_string())
            .replace(
                "{unused}",
                &unused_port.map_or(0, |address| address.port()).to_string(),
            );
        let is_swapped =
            self.replay.setting.profile.takes_address_first && !self.replay.policy.gives_name_first;
        let Some(command) = client_command(command, name, &url, is_swapped) else {
            return Err(hindered(Hindrance::AddressWithoutParts { address: url }));
        };
        self.user.given = parts_given(name, &url);
        self.user.deaf = Some(unused);
        self.replay.cast.listener = Some(listener);
        self.replay.cast.start(&command)
    }

    /// The first words of a client may take as long as its start does.
    fn wait_for_client(&mut self) -> Result<(), Stop> {
        if !self.replay.cast.peers.is_empty() {
            return Ok(());
        }
        let patience = self.replay.setting.timeouts.start();
        let connected = self.replay.cast.wait_for(patience, |cast| {
            (cast.how_ended().is_some() || !cast.peers.is_empty()).then_some(())
        })?;
        self.replay.cast.look(Duration::ZERO);
        let timeouts = self.replay.setting.timeouts;
        if !self.replay.cast.peers.is_empty() {
            timeouts.started_within(self.replay.cast.accounts.started.elapsed());
            self.replay.setting.ledger.held(Topic::ClientStart);
            return Ok(());
        }
        let got = match connected {
            Some(()) => Got::EndedBefore,
            None => {
                timeouts.started_in_vain();
                let after = milliseconds(patience);
                Got::NoConnection { after }
            }
        };
        Err(self.replay.short(Expected::ClientConnects, got))
    }

    /// What the client prints from now on is about what happens now: what it still had to print before
    /// is waited for.
    fn something_happens(&mut self) -> Result<(), Stop> {
        self.replay.let_digest()?;
        self.take_what_was_printed();
        self.user.printed_before = self.replay.cast.screen.printed().len();
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
            cast.wait_for(TIME_TO_END, |cast| cast.how_ended().map(drop))?;
        }
        if cast.how_ended().is_none() {
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

    /// What a program wrote to its terminal takes a moment to come out at the other side.
    fn take_what_was_printed(&mut self) {
        const MOMENT: Duration = Duration::from_millis(2);
        const MOST: usize = 50;
        let cast = &mut self.replay.cast;
        for _ in 0..MOST {
            let before = cast.screen.printed().len();
            cast.look(MOMENT);
            if cast.screen.printed().len() == before {
                return;
            }
        }
    }

    fn expect_on_screen(&mut self, line: &str) {
        let substance = substance(line).to_owned();
        let times_before = times_seen(self.replay.cast.screen.text(), &substance);
        self.user.expected.push(Shown {
            substance,
            times_before,
        });
    }

    /// The text of a message is to be seen, once; how the sender is shown is the client's choice.
    fn see(&mut self, line: &str) -> Result<(), Stop> {
        let substance = substance(line);
        let mut latest_first = self.user.expected.iter().rev();
        let earlier = latest_first.find(|shown| shown.substance == substance);
        let times_before = earlier.map_or(0, |shown| shown.times_before);
        let patience = self.replay.setting.timeouts.answer();
        let expected = |once| Expected::OnScreen {
            text: Excerpt::of(substance.as_bytes()),
            once,
        };
        let is_there = |cast: &mut Cast<'_>| {
            let seen = times_seen(cast.screen.text(), substance) > times_before;
            // A terminal may not show every character that a program rightly prints.
            let is_printed = || find(cast.screen.printed(), substance.as_bytes()).is_some();
            (seen || (times_before == 0 && is_printed())).then_some(())
        };
        let mut glances = Glances::new();
        let asked = Instant::now();
        let cast = &mut self.replay.cast;
        let is_seen = cast.watch(patience, |cast| {
            glances.look(cast.screen.printed().len(), || is_there(cast))
        })?;
        if is_seen.or_else(|| is_there(cast)).is_none() {
            self.replay.setting.timeouts.waited_in_vain();
            let text = cast.screen.text();
            let last_line = text.trim_end().lines().last();
            let last_line = last_line.map(|line| Excerpt::of(line.as_bytes()));
            let mut stop = self
                .replay
                .short(expected(false), Got::Screen { last_line });
            if let Outcome::FellShort(shortfall) = &mut *stop {
                shortfall.waited_for_enter = self.is_noticed_after_enter(is_there)?;
            }
            return Err(stop);
        }
        let timeouts = self.replay.setting.timeouts;
        timeouts.replied_within(asked.elapsed());
        self.replay.let_digest()?;
        self.take_what_was_printed();
        let text = self.replay.cast.screen.text();
        let times = times_seen(text, substance).saturating_sub(times_before);
        if times > 1 && self.replay.policy.counts_copies_on_screen {
            return Err(self.replay.short(expected(true), Got::Copies { times }));
        }
        Ok(())
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

    fn type_keys(&mut self, keys: &str) -> Result<(), Stop> {
        self.something_happens()?;
        let cast = &mut self.replay.cast;
        let Some(program) = cast.programs.first_mut() else {
            return Err(self.replay.not_in_this_role());
        };
        program.press(keys.as_bytes());
        cast.log.record(EventKind::Typed {
            bytes: keys.as_bytes().to_vec(),
        });
        Ok(())
    }

    /// As a key first. A program that took the terminal out of its line mode gets only the byte: where it does
    /// nothing about it, it is sent the signal.
    fn press_ctrl_c(&mut self) -> Result<(), Stop> {
        const TIME_TO_ACT: Duration = Duration::from_secs(1);
        let patience = TIME_TO_ACT.max(self.replay.setting.timeouts.settle());
        self.replay.let_digest()?;
        let program = self.replay.cast.programs.first();
        let is_signal = program.is_some_and(RunningProgram::turns_ctrl_c_into_a_signal);
        self.type_keys("\x03")?;
        if is_signal {
            return Ok(());
        }
        let cast = &mut self.replay.cast;
        let acted = cast.wait_for(patience, has_ended_or_spoken)?;
        if acted.is_none() {
            if let Some(program) = cast.programs.first_mut() {
                program.interrupt();
            }
            cast.log.record(EventKind::Signalled {
                signal: "SIGINT".to_owned(),
            });
            cast.log.note(Note::KeyDidNothing);
        }
        Ok(())
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
        let is_awaited = Cause::in_steps(earlier).is_some()
            && shortfall.got.line().is_none()
            && has_ended_or_spoken(&mut self.replay.cast).is_none();
        if is_awaited {
            shortfall.waited_for_enter = self.is_noticed_after_enter(has_ended_or_spoken)?;
        }
        Err(stop)
    }

    /// Whether something is so only once Enter is pressed.
    fn is_noticed_after_enter(
        &mut self,
        is_so: impl Fn(&mut Cast<'a>) -> Option<()>,
    ) -> Result<bool, Stop> {
        const TIME_TO_NOTICE: Duration = Duration::from_millis(500);
        let patience = TIME_TO_NOTICE.max(self.replay.setting.timeouts.answer() / 4);
        let cast = &mut self.replay.cast;
        let Some(program) = cast.programs.first_mut() else {
            return Ok(false);
        };
        if program.how_ended().is_some() {
            return Ok(false);
        }
        let keys = b"\r";
        program.press(keys);
        cast.log.record(EventKind::Typed {
            bytes: keys.to_vec(),
        });
        Ok(cast.wait_for(patience, is_so)?.is_some())
    }

    /// Words of the program's own since the last thing that happened to it; a bare traceback does not count.
    fn see_message(&mut self, kind: MessageKind) -> Result<(), Stop> {
        /// Maximum number of bytes that a person could be expected to read.
        const MOST_TO_READ: usize = 64 * 1024;
        let patience = self.replay.setting.timeouts.answer();
        let from = self.user.printed_before;
        let before = self.lines_printed_before();
        // What is printed is shown once, and as far as a person could read it.
        let mut since = Screen::default();
        let mut shown = from;
        let given = &self.user.given;
        let mut words = |cast: &mut Cast<'_>| {
            let printed = cast.screen.printed();
            let to = printed.len().min(from + MOST_TO_READ);
            since.show(&printed[shown..to]);
            shown = to;
            let usual = if from > 0 {
                &before[..]
            } else {
                cast.setting.banner
            };
            own_words(&beyond_banner(since.text(), usual, given))
        };
        let mut glances = Glances::new();
        let asked = Instant::now();
        let cast = &mut self.replay.cast;
        cast.watch(patience, |cast| {
            if cast.how_ended().is_some() {
                return Watch::Done(());
            }
            let amount = cast.screen.printed().len().min(from + MOST_TO_READ);
            glances.look(amount, || words(cast).map(drop))
        })?;
        if words(cast).is_some() {
            cast.setting.timeouts.replied_within(asked.elapsed());
            return Ok(());
        }
        if cast.how_ended().is_none() {
            cast.setting.timeouts.waited_in_vain();
        }
        let mut since = Screen::default();
        since.show(&cast.screen.printed()[from..]);
        let got = match since.text().trim() {
            text if is_only_a_crash(text) => Got::Traceback,
            text => Got::Printed {
                text: Excerpt::of(text.as_bytes()),
            },
        };
        Err(self.replay.short(Expected::Message { about: kind }, got))
    }

    /// The lines that the program printed before something last happened to it, as far as they matter: the latest.
    fn lines_printed_before(&self) -> Vec<String> {
        const MOST: usize = 16 * 1024;
        let printed = &self.replay.cast.screen.printed()[..self.user.printed_before];
        let mut screen = Screen::default();
        screen.show(&printed[printed.len().saturating_sub(MOST)..]);
        banner_in(screen.text(), &self.user.given)
    }

    fn look_for_forbidden(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.replay.let_digest()?;
        wait_for_quiet(&mut self.replay.cast)?;
        let printed = self.replay.cast.screen.printed();
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

fn has_ended_or_spoken(cast: &mut Cast<'_>) -> Option<()> {
    let has_ended = cast.programs.first()?.how_ended().is_some();
    let has_spoken = cast
        .peer("server")
        .is_some_and(|peer| peer.inbox().messages().next().is_some());
    (has_ended || has_spoken).then_some(())
}

/// What of a line is to be seen: the text of a message, or else all of it.
fn substance(line: &str) -> &str {
    match Utterance::of(line) {
        Utterance::Message { text, .. } => text,
        _ => line,
    }
}

/// How often `words` are to be seen in `text`; where not to the letter, with white space left aside,
/// since a program may break lines where it likes.
fn times_seen(text: &str, words: &str) -> usize {
    if words.trim().is_empty() {
        return 0;
    }
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    match text.matches(words).count() {
        0 => squeezed(text).matches(&squeezed(words)).count(),
        times => times,
    }
}

/// A port that is taken, so that nobody else gets it, and at which nobody listens.
fn bound_but_deaf() -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket)
}
