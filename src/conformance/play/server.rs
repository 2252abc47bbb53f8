//! The steps of a transcript about a server: the harness plays the chat users.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::heard::milliseconds;
use super::listening::{address, addresses, has_number, printed_address};
use super::peer::{End, Peer};
use super::replay::Replay;
use super::setting::{Stop, unable};
use super::watch::{BackOff, Glances, Rest, Watch};
use crate::conformance::evidence::shortfall::{Expected, Got};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{EventKind, Excerpt, Outcome};
use crate::conformance::program::target::{Target, to_speak_to};
use crate::transcript::syntax::Action;

impl Replay<'_> {
    /// Starts the server under test and waits until it can be spoken to.
    pub(super) fn start_server(&mut self) -> Result<(), Stop> {
        let begun = Instant::now();
        self.cast.address = Some(match self.setting.target {
            Target::Running(address) => *address,
            Target::Command(command)
            | Target::Pair {
                server: command, ..
            } => {
                let topic = Topic::ServerStart;
                if !self.policy.judges(topic) && self.setting.ledger.is_known_to_fail(topic) {
                    return Err(Box::new(Outcome::Skipped { because_of: topic }));
                }
                let first = self.start_listening(command)?;
                self.setting.ledger.held(topic);
                self.let_digest()?;
                self.setting.timeouts.started_within(begun.elapsed());
                self.record_other_ports(first);
                printed_address(&mut self.cast, 0)?.map_or(first, to_speak_to)
            }
        });
        self.memory.begin(&mut self.cast);
        Ok(())
    }

    /// Records on which further ports the program listens.
    fn record_other_ports(&mut self, first: SocketAddr) {
        for address in addresses(&mut self.cast, 0) {
            if address.port() != first.port() {
                self.cast.log.record(EventKind::Listening {
                    address: address.to_string(),
                });
            }
        }
    }

    /// Starts a further process of the program and waits until it listens.
    fn start_listening(&mut self, command: &[String]) -> Result<SocketAddr, Stop> {
        self.cast.start(command)?;
        let position = self.cast.programs.len() - 1;
        let timeouts = self.setting.timeouts;
        let begun = Instant::now();
        let (mut back_off, mut rest) = (BackOff::new(), Rest::new(timeouts.rest_at_start()));
        let found = self.cast.watch(timeouts.start(), |cast| {
            if let Some(address) = address(cast, position) {
                return Watch::Done(Some(address));
            }
            let program = &mut cast.programs[position];
            if program.how_ended().is_some() && program.processes().is_empty() {
                return Watch::Done(None);
            }
            if rest.look(|| cast.rests()) {
                return Watch::Done(None);
            }
            Watch::Again(back_off.next())
        })?;
        if let Some(Some(address)) = found {
            self.cast.log.record(EventKind::Listening {
                address: address.to_string(),
            });
            return Ok(to_speak_to(address));
        }
        // It may have ended, and left somebody behind who may listen yet.
        if found.is_none() || rest.is_over() {
            timeouts.started_in_vain();
        }
        // The screen is that of the first process.
        let printed = (position == 0).then(|| self.last_lines_on_screen());
        let got = match self.cast.programs[position].how_ended() {
            Some(how) => Got::EndedAtStart {
                how: how.to_owned(),
                printed,
            },
            None => Got::NotListening {
                after: milliseconds(begun.elapsed()),
                printed,
            },
        };
        Err(self.short(Expected::Listens, got))
    }

    /// The last lines that were printed.
    fn last_lines_on_screen(&mut self) -> Excerpt {
        const LINES: usize = 5;
        let lines: Vec<&str> = self.cast.screen(0).text().trim().lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES)..];
        Excerpt::of(last.join("\n").as_bytes())
    }

    /// Does, or waits for, what the step under way says.
    pub(super) fn perform_with_server(&mut self) -> Result<(), Stop> {
        match &self.step().action {
            Action::Joins { actor, name } => self.join(actor, name),
            Action::Connects { actor, times } => (0..*times).try_for_each(|_| self.connect(actor)),
            Action::Says { actor, line } => self.say(actor, line),
            Action::Gets {
                actor,
                line,
                open_ended,
            } => self.get(actor, line, *open_ended),
            Action::Sends {
                actor,
                bytes,
                times,
            } => self.send_times(actor, bytes, *times),
            Action::Hears {
                actor,
                bytes,
                times,
            } => self.hear(actor, bytes, *times),
            Action::HearsNothing { actor } => self.hear_nothing(actor),
            Action::StopsReading { actor } => {
                if let Some(peer) = self.cast.peer(actor) {
                    peer.stop_reading();
                }
                Ok(())
            }
            Action::Closes { actor } => self.close(actor),
            Action::Resets { actor } => self.reset(actor),
            Action::IsDisconnected { actor } => self.be_disconnected(actor),
            Action::Pass { seconds } => self.let_pass(Duration::from_secs(u64::from(*seconds))),
            Action::PrintsItsPort => self.find_printed_port(),
            Action::AnotherStarts => self.start_another(),
            Action::IsPaused => self.pause(),
            Action::GoesOn => self.go_on(),
            Action::IsInterrupted => self.interrupt(),
            Action::IsTerminated => self.terminate(),
            Action::Ends { .. } => self.wait_for_end(0),
            Action::GrowsByAtMost { bytes } => self.compare_memory(*bytes),
            Action::ClientStarts { .. }
            | Action::Types { .. }
            | Action::Presses { .. }
            | Action::SeesMessage { .. }
            | Action::PersonStarts { .. }
            | Action::TerminalNeverGets { .. } => Err(self.not_in_this_role()),
        }
    }

    pub(super) fn connect(&mut self, actor: &str) -> Result<(), Stop> {
        let Some(address) = self.cast.address else {
            return Err(self.not_in_this_role());
        };
        self.settling.acts(&mut self.cast, actor)?;
        if self.comes_with_words(actor) {
            self.settling.hold_still(&mut self.cast)?;
        }
        let small_buffer = self.leaves_unread(actor);
        let peer = Peer::connect(actor, address, small_buffer, self.cast.inbox())
            .map_err(|error| unable(&format!("a socket for {actor}"), &error))?;
        self.cast.peers.push(peer);
        let patience = self.setting.timeouts.answer();
        let position = self.cast.peers.len() - 1;
        self.cast.wait_for(patience, |cast| {
            (!cast.peers[position].is_connecting()).then_some(())
        })?;
        let got = match self.cast.peers[position].end() {
            Some(End::NotConnected(reason)) => Got::NotConnected {
                reason: reason.clone(),
            },
            _ if self.cast.peers[position].is_connecting() => Got::NoAnswer {
                after: milliseconds(patience),
            },
            _ => {
                self.room.connected(actor);
                return Ok(());
            }
        };
        self.settling.let_go();
        let actor = actor.to_owned();
        Err(self.short(Expected::Connects { actor }, got))
    }

    /// Whether a connection and the first words on it are to arrive together, for a program that needs it.
    fn comes_with_words(&self, actor: &str) -> bool {
        let says_more = |action: &Action| match action {
            Action::Says { actor: speaker, .. } => speaker == actor,
            Action::Sends { actor: speaker, .. } => speaker == actor,
            _ => false,
        };
        let next = self.transcript.steps.get(self.index() + 1);
        let is_joining = matches!(self.step().action, Action::Joins { .. });
        let speaks_at_once = next.is_some_and(|step| says_more(&step.action));
        // Where the transcript is about a client that comes late, the others still come in time.
        self.setting.profile.arrives_with_words
            && (is_joining || speaks_at_once && !self.policy.comes_without_words)
    }

    /// Whether the transcript makes this actor stop reading at some time.
    fn leaves_unread(&self, actor: &str) -> bool {
        let stops = Action::StopsReading {
            actor: actor.to_owned(),
        };
        self.transcript
            .steps
            .iter()
            .any(|step| step.action == stops)
    }

    fn find_printed_port(&mut self) -> Result<(), Stop> {
        let Some(address) = self.cast.address else {
            return Err(self.not_in_this_role());
        };
        let port = address.port();
        let patience = self.setting.timeouts.answer();
        let is_there = |cast: &mut super::cast::Cast<'_>| {
            // What scrolled away long ago was printed all the same.
            let is_there = has_number(cast.screen(0).text(), port)
                || has_number(&String::from_utf8_lossy(cast.screen(0).printed()), port);
            is_there.then_some(())
        };
        let mut glances = Glances::new();
        let printed = self.cast.watch(patience, |cast| {
            glances.look(cast.screen(0).printed().len(), || is_there(cast))
        })?;
        if printed.or_else(|| is_there(&mut self.cast)).is_some() {
            return Ok(());
        }
        let text = self.last_lines_on_screen();
        Err(self.short(Expected::PortPrinted { port }, Got::Printed { text }))
    }

    fn start_another(&mut self) -> Result<(), Stop> {
        let Target::Command(command) = self.setting.target else {
            return Err(self.not_in_this_role());
        };
        let first = self.cast.address;
        let second = self.start_listening(command)?;
        if first.is_some_and(|first| first.port() == second.port()) {
            let port = second.port();
            return Err(self.short(Expected::OwnPort, Got::SamePort { port }));
        }
        Ok(())
    }

    pub(super) fn interrupt(&mut self) -> Result<(), Stop> {
        const CTRL_C: &[u8] = b"\x03";
        self.let_digest()?;
        if self.cast.how_ended(0).is_some() {
            return Err(self.short(Expected::Ends, Got::EndedBefore));
        }
        let Some(program) = self.cast.programs.first_mut() else {
            return Err(self.not_in_this_role());
        };
        if program.turns_ctrl_c_into_a_signal() {
            program.press(CTRL_C);
            let bytes = CTRL_C.to_vec();
            self.cast.record_of(0, EventKind::Typed { bytes });
        } else {
            program.interrupt();
            let signal = "SIGINT".to_owned();
            self.cast.record_of(0, EventKind::Signalled { signal });
        }
        self.room.asked_to_end();
        Ok(())
    }
}
