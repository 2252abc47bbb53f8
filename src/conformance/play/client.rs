//! The steps of a transcript about a client: the harness plays the server and the person typing.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use memchr::memmem::find;
use socket2::{Domain, Socket, Type};

use super::Stop;
use super::stage::{Glances, Stage, Watch, shown};
use crate::conformance::conversation::Utterance;
use crate::conformance::evidence::{EventKind, Outcome, excerpt};
use crate::conformance::program::output::{beyond_greeting, own_words, parts_given};
use crate::conformance::program::screen::Screen;
use crate::conformance::program::target::{Target, client_command};
use crate::transcript::syntax::{Action, Key, MessageKind};

/// What was on the screen when something was sent that is to be seen there.
#[derive(Debug)]
pub(super) struct Shown {
    substance: String,
    times_before: usize,
}

impl Stage<'_> {
    /// Does, or waits for, what the step under way says.
    pub(super) fn perform_with_client(&mut self) -> Result<(), Stop> {
        match &self.step().action {
            Action::ClientStarts { name, address } => self.start_client(name, address),
            Action::Says { actor, line } => {
                self.something_happens()?;
                self.expect_on_screen(line);
                self.say(actor, line)
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
                self.send_times(actor, bytes, *times)
            }
            Action::Gets { actor, line, .. } if actor == "user" => self.see(line),
            Action::Gets {
                actor,
                line,
                open_ended,
            } => {
                self.wait_for_client()?;
                let got = self.get(actor, line, *open_ended);
                self.say_whether_a_key_was_missing(got)
            }
            Action::Hears {
                actor,
                bytes,
                times,
            } => self.hear(actor, bytes, *times),
            Action::HearsNothing { actor } => self.receive_nothing(actor),
            Action::Closes { actor } => {
                self.something_happens()?;
                self.close(actor)
            }
            Action::Resets { actor } => {
                self.something_happens()?;
                self.reset(actor)
            }
            Action::IsDisconnected { actor } => self.be_disconnected(actor),
            Action::Pass { seconds } => self.let_pass(Duration::from_secs(u64::from(*seconds))),
            Action::Types { text } => self.type_keys(&text.replace('\n', "\r")),
            Action::Presses { key: Key::CtrlC } => self.press_ctrl_c(),
            Action::Presses { key: Key::CtrlD } => self.type_keys("\x04"),
            Action::SeesMessage { kind } => self.see_message(*kind),
            Action::TerminalNeverGets { bytes } => self.look_for_forbidden(bytes),
            Action::IsTerminated => {
                self.something_happens()?;
                self.terminate()
            }
            Action::Ends => {
                let ended = self.wait_for_end();
                self.say_whether_a_key_was_missing(ended)
            }
            Action::GrowsByAtMost { bytes } => self.compare_memory(*bytes),
            Action::Joins { .. }
            | Action::Connects { .. }
            | Action::StopsReading { .. }
            | Action::PrintsItsPort
            | Action::AnotherStarts
            | Action::IsInterrupted => Err(self.not_in_this_role()),
        }
    }

    fn start_client(&mut self, name: &str, address: &str) -> Result<(), Stop> {
        let unable = |error: std::io::Error| {
            Box::new(Outcome::Unable {
                reason: format!("cannot listen for the client: {error}"),
            })
        };
        let Target::Command(command) = self.setting.target else {
            return Err(self.not_in_this_role());
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(unable)?;
        listener.set_nonblocking(true).map_err(unable)?;
        let here = listener.local_addr().map_err(unable)?;
        let unused = bound_but_deaf().map_err(unable)?;
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
            self.setting.profile.takes_address_first && !self.conversation.covers("C-ARG-1");
        let Some(command) = client_command(command, name, &url, is_swapped) else {
            let reason = format!(
                "the command takes host and port apart, so that `{url}` cannot be given to it"
            );
            return Err(Box::new(Outcome::Unable { reason }));
        };
        self.given = parts_given(name, &url);
        self.listener = Some(listener);
        self.deaf = Some(unused);
        self.start_subject(&command)
    }

    /// The first words of a client may take as long as its start does.
    fn wait_for_client(&mut self) -> Result<(), Stop> {
        if !self.peers.is_empty() {
            return Ok(());
        }
        let patience = self.setting.pace.start();
        let connected = self.wait_for(patience, |stage| {
            let has_ended = stage
                .subjects
                .first()
                .is_some_and(|subject| subject.how_ended().is_some());
            (has_ended || !stage.peers.is_empty()).then_some(())
        })?;
        self.look(Duration::ZERO);
        if !self.peers.is_empty() {
            self.setting.pace.started_within(self.started.elapsed());
            return Ok(());
        }
        let received = match connected {
            Some(()) => "it ended before".to_owned(),
            None => {
                self.setting.pace.started_in_vain();
                format!("no connection within {}", shown(patience))
            }
        };
        Err(self.short_of(Some("C-ARG-1"), "that the client connects", received, None))
    }

    /// What the client prints from now on is about what happens now: what it still had to print before
    /// is waited for.
    fn something_happens(&mut self) -> Result<(), Stop> {
        self.let_digest()?;
        self.take_what_was_printed();
        self.printed_before = self.screen.printed().len();
        Ok(())
    }

    /// What a program wrote to its terminal takes a moment to come out at the other side.
    fn take_what_was_printed(&mut self) {
        const MOMENT: Duration = Duration::from_millis(2);
        const MOST: usize = 50;
        for _ in 0..MOST {
            let before = self.screen.printed().len();
            self.look(MOMENT);
            if self.screen.printed().len() == before {
                return;
            }
        }
    }

    fn expect_on_screen(&mut self, line: &str) {
        let substance = substance(line).to_owned();
        let times_before = times_seen(self.screen.text(), &substance);
        self.shown.push(Shown {
            substance,
            times_before,
        });
    }

    /// The text of a message is to be seen, once; how the sender is shown is the client's choice.
    fn see(&mut self, line: &str) -> Result<(), Stop> {
        let substance = substance(line);
        let earlier = self
            .shown
            .iter()
            .rev()
            .find(|shown| shown.substance == substance);
        let times_before = earlier.map_or(0, |shown| shown.times_before);
        let patience = self.setting.pace.answer();
        let expected = format!("`{}` on the screen", excerpt(substance.as_bytes()));
        let is_there = |stage: &mut Stage<'_>| {
            let seen = times_seen(stage.screen.text(), substance) > times_before;
            // A terminal may not show every character that a program rightly prints.
            let is_printed = || find(stage.screen.printed(), substance.as_bytes()).is_some();
            (seen || (times_before == 0 && is_printed())).then_some(())
        };
        let mut glances = Glances::new();
        let is_seen = self.watch(patience, |stage| {
            glances.look(stage.screen.printed().len(), || is_there(stage))
        })?;
        if is_seen.or_else(|| is_there(self)).is_none() {
            let received = self.last_line_on_screen();
            return Err(self.short(expected, received, None));
        }
        self.let_digest()?;
        self.take_what_was_printed();
        let copies = times_seen(self.screen.text(), substance).saturating_sub(times_before);
        if copies > 1 && self.conversation.covers("C-MSG-2") {
            return Err(self.short(
                format!("{expected}, once"),
                format!("it is there {copies} times"),
                None,
            ));
        }
        Ok(())
    }

    fn last_line_on_screen(&mut self) -> String {
        let text = self.screen.text();
        match text.trim_end().lines().last() {
            Some(line) => format!("a screen whose last line is `{}`", excerpt(line.as_bytes())),
            None => "an empty screen".to_owned(),
        }
    }

    /// The harness's server gets nothing: no byte that was not accounted for.
    fn receive_nothing(&mut self, actor: &str) -> Result<(), Stop> {
        self.let_digest()?;
        self.wait_for_quiet()?;
        let mut received: Vec<u8> = Vec::new();
        for peer in self.peers.iter().filter(|peer| peer.actor == actor) {
            let inbox = peer.inbox();
            inbox
                .messages()
                .for_each(|line| received.extend([line.as_slice(), b"\n"].concat()));
            received.extend_from_slice(inbox.unfinished());
        }
        if received.is_empty() {
            return Ok(());
        }
        let phrase = format!("`{}`", excerpt(&received));
        Err(self.short(
            format!("that {actor} hears nothing"),
            phrase,
            Some(&received),
        ))
    }

    fn type_keys(&mut self, keys: &str) -> Result<(), Stop> {
        self.something_happens()?;
        let Some(subject) = self.subjects.first_mut() else {
            return Err(self.not_in_this_role());
        };
        subject.press(keys.as_bytes());
        self.log.record(EventKind::Typed {
            bytes: keys.as_bytes().to_vec(),
        });
        Ok(())
    }

    /// As a key first. A program that took the terminal out of its line mode gets only the byte: one
    /// that does nothing about it is sent the signal.
    fn press_ctrl_c(&mut self) -> Result<(), Stop> {
        const TIME_TO_ACT: Duration = Duration::from_secs(1);
        let patience = TIME_TO_ACT.max(self.setting.pace.settle());
        self.let_digest()?;
        let is_signal = self
            .subjects
            .first()
            .is_some_and(|subject| subject.turns_ctrl_c_into_a_signal());
        self.type_keys("\x03")?;
        if is_signal {
            return Ok(());
        }
        let acted = self.wait_for(patience, |stage| stage.has_ended_or_spoken())?;
        if acted.is_none() {
            if let Some(subject) = self.subjects.first_mut() {
                subject.interrupt();
            }
            self.log.record(EventKind::Signalled {
                signal: "SIGINT".to_owned(),
            });
            self.log
                .note("the key did nothing, so that Ctrl-C was sent as a signal");
        }
        Ok(())
    }

    /// A client that waited in vain for Ctrl-C or the server to be noticed may only notice at the next
    /// key: nothing is changed by that, but the student is told.
    fn say_whether_a_key_was_missing(&mut self, outcome: Result<(), Stop>) -> Result<(), Stop> {
        const TIME_TO_NOTICE: Duration = Duration::from_secs(1);
        let Err(mut stop) = outcome else {
            return Ok(());
        };
        let Outcome::FellShort(shortfall) = &mut *stop else {
            return Err(stop);
        };
        let is_awaited = self.conversation.has_cause_to_end(self.index())
            && shortfall.line.is_none()
            && self.has_ended_or_spoken().is_none();
        if is_awaited && self.type_keys("\r").is_ok() {
            let noticed = self.wait_for(TIME_TO_NOTICE, |stage| stage.has_ended_or_spoken())?;
            if noticed.is_some() {
                shortfall
                    .received
                    .push_str("; only when Enter was pressed it went on");
            }
        }
        Err(stop)
    }

    fn has_ended_or_spoken(&mut self) -> Option<()> {
        let has_ended = self.subjects.first()?.how_ended().is_some();
        let has_spoken = self
            .peer("server")
            .is_some_and(|peer| peer.inbox().messages().next().is_some());
        (has_ended || has_spoken).then_some(())
    }

    /// Words of the program's own since the last thing that happened to it; a bare traceback is none.
    fn see_message(&mut self, kind: MessageKind) -> Result<(), Stop> {
        /// Who prints more than this says nothing that a person could read.
        const MOST_TO_READ: usize = 64 * 1024;
        let patience = self.setting.pace.answer();
        let from = self.printed_before;
        // What is printed is shown once, and as far as a person could read it.
        let mut since = Screen::default();
        let mut shown = from;
        let mut words = |stage: &mut Stage<'_>| {
            let printed = stage.screen.printed();
            let to = printed.len().min(from + MOST_TO_READ);
            since.show(&printed[shown..to]);
            shown = to;
            if from > 0 {
                return own_words(since.text());
            }
            let given = &stage.given;
            own_words(&beyond_greeting(
                since.text(),
                stage.setting.greeting,
                given,
            ))
        };
        let mut glances = Glances::new();
        self.watch(patience, |stage| {
            let has_ended = stage
                .subjects
                .first()
                .is_some_and(|subject| subject.how_ended().is_some());
            if has_ended {
                return Watch::Done(());
            }
            let amount = stage.screen.printed().len().min(from + MOST_TO_READ);
            glances.look(amount, || words(stage).map(drop))
        })?;
        if words(self).is_some() {
            return Ok(());
        }
        let mut since = Screen::default();
        since.show(&self.screen.printed()[from..]);
        let received = match since.text().trim() {
            "" => "nothing on the screen".to_owned(),
            text if text.contains("Traceback") => "a bare traceback".to_owned(),
            text => format!("only `{}`", excerpt(text.as_bytes())),
        };
        let expected = match kind {
            MessageKind::Error => "that the user is told what went wrong",
            MessageKind::Notice => "that the user is told what happened",
        };
        Err(self.short(expected, received, None))
    }

    fn look_for_forbidden(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.let_digest()?;
        self.wait_for_quiet()?;
        let printed = self.screen.printed();
        if bytes.is_empty() || find(printed, bytes).is_none() {
            return Ok(());
        }
        let expected = format!("that `{}` never reaches the terminal", excerpt(bytes));
        Err(self.short(expected, "it did", None))
    }
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
