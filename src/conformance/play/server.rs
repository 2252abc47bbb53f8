//! The steps of a transcript about a server: the harness plays the chat users.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::Stop;
use super::stage::{BackOff, Glances, Heard, Stage, Watch, shown};
use crate::conformance::conversation::{Meaning, Utterance};
use crate::conformance::evidence::{EventKind, Outcome, excerpt};
use crate::conformance::play::peer::{End, Peer};
use crate::conformance::program::dialect::{Framing, single_message};
use crate::conformance::program::process::RunningProgram;
use crate::conformance::program::system;
use crate::conformance::program::target::{Target, to_speak_to};
use crate::transcript::syntax::Action;

/// The row that is broken by a server that does not listen.
const STARTS: &str = "S-PORT-1";

/// Begins every line that the engine itself makes somebody say, to show that what came before it is all.
const FENCE: &str = "that was all, number";

/// What is said of an answer that is charged where it is asked for.
const HIDDEN_SUCCESS: &str = "a 200 behind other text, which is about S-REG-1";

/// Whether a line is one of the engine's own.
pub(super) fn is_fence(line: &str) -> bool {
    line.contains(FENCE)
}

impl Stage<'_> {
    /// Starts the server under test and waits until it can be spoken to.
    pub(super) fn start_server(&mut self) -> Result<(), Stop> {
        let begun = Instant::now();
        self.address = Some(match self.setting.target {
            Target::Running(address) => *address,
            Target::Command(command) => {
                let asks = self.transcript().covers_any(&[STARTS]);
                if !asks && self.setting.ledger.is_known_to_fail(STARTS) {
                    return Err(Box::new(Outcome::Skipped {
                        because_of: STARTS.to_owned(),
                    }));
                }
                let first = self.start_listening(command)?;
                self.setting.ledger.held(STARTS);
                self.let_digest()?;
                self.setting.pace.started_within(begun.elapsed());
                self.address_told(0)?.map_or(first, to_speak_to)
            }
        });
        self.memory_before = self.peak_memory();
        Ok(())
    }

    /// Starts a further process of the subject and waits until it listens.
    fn start_listening(&mut self, command: &[String]) -> Result<SocketAddr, Stop> {
        self.start_subject(command)?;
        let position = self.subjects.len() - 1;
        let patience = self.setting.pace.start();
        let mut back_off = BackOff::new();
        let found = self.watch(patience, |stage| {
            if let Some(address) = stage.listening_address(position) {
                return Watch::Done(Some(address));
            }
            let subject = &mut stage.subjects[position];
            if subject.how_ended().is_some() && subject.processes().is_empty() {
                return Watch::Done(None);
            }
            Watch::Again(back_off.next())
        })?;
        if let Some(Some(address)) = found {
            self.log.record(EventKind::Listening {
                address: address.to_string(),
            });
            return Ok(to_speak_to(address));
        }
        // It may have ended, and left somebody behind who may listen yet.
        if found.is_none() {
            self.setting.pace.started_in_vain();
        }
        let printed = self.screen.text();
        let printed = match printed.trim() {
            // The screen is that of the first.
            _ if position > 0 => "see what it printed below".to_owned(),
            "" => "it printed nothing".to_owned(),
            text => format!("it printed `{}`", excerpt(last_of(text).as_bytes())),
        };
        let received = match self.subjects[position].how_ended() {
            Some(how) => format!("it ended ({how}); {printed}"),
            None => {
                format!("no listening port within {}; {printed}", shown(patience))
            }
        };
        Err(self.short_of(
            Some(STARTS),
            "that the server listens on a port",
            received,
            None,
        ))
    }

    /// Where a program that listens at several addresses tells its users to come to, once it does.
    fn address_told(&mut self, position: usize) -> Result<Option<SocketAddr>, Stop> {
        const TIME_TO_TELL: Duration = Duration::from_secs(2);
        let found = self.listening_addresses(position);
        let ports: BTreeSet<u16> = found.iter().map(SocketAddr::port).collect();
        if ports.len() < 2 {
            return Ok(None);
        }
        let mut glances = Glances::new();
        self.watch(TIME_TO_TELL, |stage| {
            glances.look(stage.screen.printed().len(), || {
                let found = stage.listening_addresses(position);
                let text = stage.screen.text();
                let mut told = found.into_iter().filter(|at| has_number(text, at.port()));
                told.next()
            })
        })
    }

    pub(super) fn start_subject(&mut self, command: &[String]) -> Result<(), Stop> {
        let subject =
            RunningProgram::start(self.setting.harness, self.setting.environment, command)
                .map_err(|error| {
                    Box::new(Outcome::Unable {
                        reason: format!("cannot start a process: {error}"),
                    })
                })?;
        self.subjects.push(subject);
        self.log.record(EventKind::Started {
            command: command.to_vec(),
        });
        Ok(())
    }

    /// Where a subject listens: by what the system says, or, where it says nothing, by what was printed.
    fn listening_address(&mut self, position: usize) -> Option<SocketAddr> {
        if cfg!(target_os = "linux") {
            let found = self.listening_addresses(position);
            if found.len() < 2 {
                return found.first().copied();
            }
            // Of several the one that it tells its users of, if it has told them by now.
            let text = self.screen.text();
            let is_printed = |address: &&SocketAddr| has_number(text, address.port());
            return found.iter().find(is_printed).or(found.first()).copied();
        }
        let text = self.screen.text();
        let numbers = text.split(|character: char| !character.is_ascii_digit());
        let mut ports = numbers.filter_map(|digits| digits.parse::<u16>().ok());
        let port = ports.rfind(|port| *port >= 1024)?;
        Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn listening_addresses(&mut self, position: usize) -> Vec<SocketAddr> {
        let processes = self.subjects[position].processes();
        system::listening(&self.sockets, &processes)
    }

    pub(super) fn peak_memory(&mut self) -> BTreeMap<i32, u64> {
        let subject = self.subjects.first_mut();
        subject.map_or_else(BTreeMap::new, |subject| {
            system::peak_memory(&subject.processes())
        })
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
                if let Some(peer) = self.peer(actor) {
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
            Action::IsInterrupted => self.interrupt(),
            Action::IsTerminated => self.terminate(),
            Action::Ends => self.wait_for_end(),
            Action::GrowsByAtMost { bytes } => self.compare_memory(*bytes),
            Action::ClientStarts { .. }
            | Action::Types { .. }
            | Action::Presses { .. }
            | Action::SeesMessage { .. }
            | Action::TerminalNeverGets { .. } => Err(self.not_in_this_role()),
        }
    }

    pub(super) fn not_in_this_role(&self) -> Stop {
        let reason = format!("`{}` is not for this role", self.step().source);
        Box::new(Outcome::Unable { reason })
    }

    fn connect(&mut self, actor: &str) -> Result<(), Stop> {
        let Some(address) = self.address else {
            return Err(self.not_in_this_role());
        };
        self.acts(actor)?;
        let comes_with_words = self.comes_with_words(actor);
        if comes_with_words {
            self.hold_still()?;
        }
        let small_buffer = self.leaves_unread(actor);
        let peer = Peer::connect(actor, address, small_buffer, self.inbox()).map_err(|error| {
            Box::new(Outcome::Unable {
                reason: format!("no socket for {actor}: {error}"),
            })
        })?;
        self.peers.push(peer);
        let patience = self.setting.pace.answer();
        let position = self.peers.len() - 1;
        self.wait_for(patience, |stage| {
            (!stage.peers[position].is_connecting()).then_some(())
        })?;
        let received = match self.peers[position].end() {
            Some(End::NotConnected(why)) => why.clone(),
            _ if self.peers[position].is_connecting() => {
                format!("no answer to it within {}", shown(patience))
            }
            _ => {
                self.conversation.connected(actor);
                return Ok(());
            }
        };
        self.let_go();
        Err(self.short(format!("that {actor} can connect"), received, None))
    }

    /// Whether a connection and the first words on it are to arrive together, for a subject that needs it.
    fn comes_with_words(&self, actor: &str) -> bool {
        let says_more = |action: &Action| match action {
            Action::Says { actor: speaker, .. } => speaker == actor,
            Action::Sends { actor: speaker, .. } => speaker == actor,
            _ => false,
        };
        let next = self.transcript().steps.get(self.index() + 1);
        let is_joining = matches!(self.step().action, Action::Joins { .. });
        let speaks_at_once = next.is_some_and(|step| says_more(&step.action));
        // Where the transcript is about one who comes late, the others still come in time.
        self.setting.profile.arrives_with_words
            && (is_joining || speaks_at_once && !self.conversation.covers("S-CONC-3"))
    }

    /// Whether the transcript makes this actor stop reading at some time.
    fn leaves_unread(&self, actor: &str) -> bool {
        let stops = Action::StopsReading {
            actor: actor.to_owned(),
        };
        self.transcript()
            .steps
            .iter()
            .any(|step| step.action == stops)
    }

    /// Connects and registers. Where the name was held before, the server may need a moment to free
    /// it: then a 401 is asked again, within patience.
    fn join(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        const PAUSE: Duration = Duration::from_millis(20);
        let freed = self.conversation.row_of_freed(name);
        let deadline = Instant::now() + self.setting.pace.answer();
        loop {
            self.connect(actor)?;
            self.say(actor, &format!("REGISTER {name} CHAT/1.0"))?;
            let asked = Instant::now();
            if self.registers_silently() {
                return self.take_for_registered(actor, name);
            }
            let answer = self.status_of_registration(actor)?;
            let text = String::from_utf8_lossy(&answer);
            match Utterance::of(&text) {
                Utterance::Status { code: "200", .. } => {
                    self.setting.pace.replied_within(asked.elapsed());
                    self.conversation.registered(actor, name);
                    return self.say_first_message(actor, name);
                }
                Utterance::Status { code: "401", .. }
                    if freed.is_some() && Instant::now() < deadline =>
                {
                    self.log
                        .note(format!("{name} is not free yet: {actor} tries again"));
                    self.look(PAUSE);
                }
                status => {
                    let is_taken = matches!(status, Utterance::Status { code: "401", .. });
                    let row = self.conversation.row_of_step(self.index());
                    let row = freed.filter(|_| is_taken).or(row);
                    let received = Heard::Message(answer.clone()).phrase();
                    return Err(self.short_of(row, "the line `200 ...`", received, Some(&answer)));
                }
            }
        }
    }

    /// A line of the engine's own, for a subject that waits for one, except where a transcript is about
    /// clients that stay quiet.
    fn say_first_message(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        let is_about_quiet = ["S-CONC-1", "S-CONC-2"]
            .iter()
            .any(|row| self.conversation.covers(row));
        if !self.setting.profile.waits_for_first_message || is_about_quiet {
            return Ok(());
        }
        self.say_as_fence(actor, name)
    }

    /// Whether the subject is known to register clients without an answer, and not judged for it here.
    fn registers_silently(&self) -> bool {
        self.setting.profile.registers_silently && !self.conversation.covers("S-REG-1")
    }

    /// No answer is to be expected: it is registered when the subject has dealt with it.
    fn take_for_registered(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        self.let_digest()?;
        self.wait_for_quiet()?;
        self.log
            .note(format!("{actor} is taken for registered without an answer"));
        self.conversation.registered(actor, name);
        Ok(())
    }

    /// The first line with a status; what comes before it is passed over here, since only rows
    /// about the answer itself are about its place.
    fn status_of_registration(&mut self, actor: &str) -> Result<Vec<u8>, Stop> {
        let patience = self.setting.pace.answer();
        let asked = Instant::now();
        loop {
            self.refuse_endless(asked, "the line `200 ...`")?;
            let heard = self.next_message(actor, patience)?;
            match &heard {
                Heard::Message(line) if is_status(line) => return Ok(line.clone()),
                Heard::Message(line) if self.is_hidden_success(actor, line) => {
                    self.pass_over(actor, line, HIDDEN_SUCCESS);
                    return Ok(b"200".to_vec());
                }
                Heard::Message(line) => self.refuse_unless_greeting(actor, line)?,
                _ => return Err(self.short_of_line("the line `200 ...`", &heard)),
            }
        }
    }

    /// Messages that are passed over do not make the wait for the one that is expected any longer than any wait
    /// may be. To be called before a wait, so that an answer that comes in time is never refused.
    fn refuse_endless(&self, asked: Instant, expected: &str) -> Result<(), Stop> {
        let longest = self.setting.pace.longest();
        if asked.elapsed() <= longest {
            return Ok(());
        }
        let received = format!("nothing but other lines for {}", shown(longest));
        let row = self.conversation.row_of_step(self.index());
        Err(self.short_of(row.map(row_about_code), expected, received, None))
    }

    /// What is said in front of a 200 is a greeting, unless somebody else said it.
    fn refuse_unless_greeting(&mut self, actor: &str, line: &[u8]) -> Result<(), Stop> {
        let text = String::from_utf8_lossy(line);
        match self.conversation.meaning(actor, &text) {
            Meaning::Breach(row) if self.conversation.covers(row) && !is_fence(&text) => {
                let received = Heard::Message(line.to_vec()).phrase();
                Err(self.short_of(Some(row), "the line `200 ...`", received, Some(line)))
            }
            _ => {
                self.pass_over(actor, line, "a greeting");
                Ok(())
            }
        }
    }

    /// Whether a line is a 200 behind other text, where nobody is judged for that.
    fn is_hidden_success(&self, actor: &str, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split(|character: char| !character.is_alphanumeric());
        !self.conversation.covers("S-REG-1")
            && self.conversation.meaning(actor, &text) == Meaning::Notice
            && words.any(|word| word == "200")
    }

    pub(super) fn say(&mut self, actor: &str, line: &str) -> Result<(), Stop> {
        if !self.peer(actor).is_some_and(|peer| peer.is_open()) {
            if !self.conversation.is_registered(actor) {
                // Whether the connection of somebody refused is closed is left to the server.
                self.log.note(format!(
                    "{actor} has no connection any more to say `{line}` on"
                ));
                return Ok(());
            }
            let expected = format!("that {actor} is still connected");
            let received = format!("the connection of {actor} was closed before");
            let has_ended = self
                .subjects
                .first()
                .is_some_and(|subject| subject.how_ended().is_some());
            let row = has_ended.then(|| self.conversation.row_of_relaying());
            return Err(self.short_of(row, expected, received, None));
        }
        let is_goodbye = matches!(Utterance::of(line), Utterance::Disconnect { .. });
        if is_goodbye {
            self.set_notices_aside(actor)?;
        }
        self.send(actor, &self.dialect.reads.frame(line.as_bytes()))?;
        if is_goodbye {
            self.says_goodbye(actor);
        }
        let index = self.index();
        self.conversation.said(index, actor, line);
        Ok(())
    }

    /// What the server told of its own before a DISCONNECT is not to be taken for the answer to it.
    fn set_notices_aside(&mut self, actor: &str) -> Result<(), Stop> {
        self.let_digest()?;
        self.look(Duration::ZERO);
        let Some(position) = self.position(actor) else {
            return Ok(());
        };
        let conversation = &self.conversation;
        let notices = self.peers[position].inbox_mut().take(|line| {
            conversation.meaning(actor, &String::from_utf8_lossy(line)) == Meaning::Notice
        });
        for notice in notices {
            self.pass_over(actor, &notice, "a notice");
        }
        Ok(())
    }

    pub(super) fn send_times(&mut self, actor: &str, bytes: &[u8], times: u32) -> Result<(), Stop> {
        // In a segment of its own: the subject has taken what was sent before.
        if self.held_still.is_empty() {
            self.let_digest()?;
        }
        if self.memory_before.is_empty() {
            self.memory_before = self.peak_memory();
        }
        let index = self.index();
        self.conversation.sent(index, actor, bytes);
        let all = match (self.dialect.reads, single_message(bytes)) {
            (Framing::Line, _) | (_, None) => bytes.repeat(usize::try_from(times).unwrap_or(1)),
            (reads, Some(message)) => reads.frame(message),
        };
        self.send(actor, &all)
    }

    /// Waits for the next line of `actor` that is not to be passed over.
    pub(super) fn get(
        &mut self,
        actor: &str,
        expected: &str,
        open_ended: bool,
    ) -> Result<(), Stop> {
        let mark = if open_ended { " ..." } else { "" };
        let phrase = || format!("the line `{}{mark}`", excerpt(expected.as_bytes()));
        let is_success = matches!(
            Utterance::of(expected),
            Utterance::Status { code: "200", .. }
        );
        if is_success && open_ended && self.registers_silently() {
            let name = self.conversation.name_asked_for(actor).map(str::to_owned);
            return self.take_for_registered(actor, name.as_deref().unwrap_or(actor));
        }
        let patience = self.setting.pace.answer();
        let asked = Instant::now();
        loop {
            self.refuse_endless(asked, &phrase())?;
            let heard = self.next_message(actor, patience)?;
            let Heard::Message(line) = &heard else {
                return Err(self.short_of_line(&phrase(), &heard));
            };
            let text = String::from_utf8_lossy(line);
            if self.conversation.is_expected(expected, open_ended, line) {
                self.setting.pace.replied_within(asked.elapsed());
                self.conversation.heard(actor, &text);
                let is_registration = matches!(Utterance::of(expected), Utterance::Register { .. });
                if is_registration && text != expected {
                    self.pass_over_registration(actor)?;
                }
                return Ok(());
            }
            if is_success && open_ended && self.is_hidden_success(actor, line) {
                self.pass_over(actor, line, HIDDEN_SUCCESS);
                let name = self.conversation.name_asked_for(actor).map(str::to_owned);
                self.conversation
                    .registered(actor, name.as_deref().unwrap_or(actor));
                return Ok(());
            }
            let breach = match self.conversation.meaning(actor, &text) {
                _ if is_fence(&text) => continue,
                Meaning::Breach(row) if self.conversation.covers(row) => Some(row),
                Meaning::Breach(row) => {
                    self.pass_over(actor, line, &format!("that is about {row}"));
                    continue;
                }
                Meaning::Notice if !self.must_come_first(expected) => {
                    self.pass_over(actor, line, "a notice");
                    continue;
                }
                Meaning::Notice | Meaning::Regular => self.row_of_answer(expected, &text),
            };
            return Err(self.short_of(breach, phrase(), heard.phrase(), Some(line)));
        }
    }

    /// Whether the transcript is about an answer that nothing else may stand in front of.
    fn must_come_first(&self, expected: &str) -> bool {
        let row = self.conversation.row_of_step(self.index());
        let is_covered = row.is_none_or(|row| self.conversation.covers(row_about_code(row)));
        matches!(Utterance::of(expected), Utterance::Status { .. }) && is_covered
    }

    /// Something else was taken for a client's registration, which may still follow it.
    fn pass_over_registration(&mut self, actor: &str) -> Result<(), Stop> {
        const VERB: &[u8] = b"REGISTER";
        self.let_digest()?;
        self.wait_for_quiet()?;
        let Some(peer) = self.peer(actor) else {
            return Ok(());
        };
        let registers = |line: &[u8]| {
            let verb = line.get(..VERB.len());
            verb.is_some_and(|verb| verb.eq_ignore_ascii_case(VERB))
        };
        for line in peer.inbox_mut().take(registers) {
            self.pass_over(actor, &line, "that is about C-REG-1");
        }
        Ok(())
    }

    /// A wrong code is another matter than wrong words after the right one.
    fn row_of_answer(&self, expected: &str, line: &str) -> Option<&'static str> {
        let row = self.conversation.row_of_step(self.index());
        let code = |line: &str| match Utterance::of(line) {
            Utterance::Status { code, .. } => Some(code.to_owned()),
            _ => None,
        };
        if code(expected) == code(line) {
            row
        } else {
            row.map(row_about_code)
        }
    }

    /// The wait for a line ended without one.
    fn short_of_line(&self, expected: &str, heard: &Heard) -> Stop {
        let row = match heard {
            Heard::Unfinished(_) if self.dialect.writes == Framing::Line => Some("W-LINE-1"),
            Heard::Nothing(_) if self.asks_for_what_was_typed() => Some("C-REG-2"),
            _ => self
                .conversation
                .row_of_step(self.index())
                .map(row_about_code),
        };
        // What has no end is no line to be compared.
        self.short_of(row, expected, heard.phrase(), None)
    }

    /// Whether the step waits for a client's message: one that sends nothing at all does not talk.
    fn asks_for_what_was_typed(&self) -> bool {
        self.conversation.row_of_step(self.index()) == Some("C-MSG-1")
    }

    fn pass_over(&mut self, actor: &str, line: &[u8], why: &str) {
        if self.log.is_full() {
            return;
        }
        self.log.note(format!(
            "{actor} got `{}`: {why}, passed over",
            excerpt(line)
        ));
    }

    /// Waits for lines in a row: patience for each. A subject may take its time over many, but not let
    /// them come in drops, at a pace at which all would take longer than anybody waits.
    pub(super) fn hear(&mut self, actor: &str, bytes: &[u8], times: u32) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_secs(60);
        let text = String::from_utf8_lossy(bytes).into_owned();
        let patience = self.setting.pace.answer();
        let begun = Instant::now();
        for heard in 1..=times {
            for line in text.lines() {
                self.get(actor, line, false)?;
            }
            let elapsed = begun.elapsed();
            if elapsed > patience && elapsed * times > LONGEST * heard {
                let expected = format!("these lines {times} times");
                let received = format!("them {heard} times within {}", shown(elapsed));
                return Err(self.short(expected, received, None));
            }
        }
        Ok(())
    }

    /// Silence needs no clock: the server has taken everything and rests, and where another
    /// registered user is there to say a line, the next thing heard is that line.
    fn hear_nothing(&mut self, actor: &str) -> Result<(), Stop> {
        self.let_digest()?;
        if !self.raise_fence(actor)? {
            self.wait_for_quiet()?;
        }
        if let Some(peer) = self.peer(actor) {
            peer.inbox_mut().pause();
        }
        while let Some(line) = self
            .peer(actor)
            .and_then(|peer| peer.inbox_mut().take_next())
        {
            self.go_on()?;
            self.refuse_unless_passed_over(actor, &line)?;
        }
        let unfinished = self
            .peer(actor)
            .map(|peer| peer.inbox().unfinished().to_vec())
            .unwrap_or_default();
        if !unfinished.is_empty() {
            self.refuse_unless_passed_over(actor, &unfinished)?;
        }
        self.claim_silence(actor);
        Ok(())
    }

    /// A text that nobody but the engine says.
    fn fence(&self) -> String {
        format!("{FENCE} {}", self.index())
    }

    fn say_as_fence(&mut self, actor: &str, name: &str) -> Result<(), Stop> {
        let line = format!("@{name}: {}", self.fence());
        self.send(actor, &self.dialect.reads.frame(line.as_bytes()))
    }

    /// Makes another registered user say a line and waits for it. False where that cannot be done.
    fn raise_fence(&mut self, actor: &str) -> Result<bool, Stop> {
        if !self.conversation.is_registered(actor) {
            return Ok(false);
        }
        let speaker = self.peers.iter().rev().find(|peer| {
            peer.actor != actor && peer.is_open() && self.conversation.is_registered(&peer.actor)
        });
        let Some(speaker) = speaker.map(|peer| peer.actor.clone()) else {
            return Ok(false);
        };
        let name = self
            .conversation
            .registered_name(&speaker)
            .unwrap_or(&speaker)
            .to_owned();
        self.log.note(format!(
            "{speaker} says a line of the harness's: what {actor} was still to hear comes before it"
        ));
        self.say_as_fence(&speaker, &name)?;
        let fence = self.fence();
        let patience = self.setting.pace.answer();
        let finder = memchr::memmem::Finder::new(&fence);
        // What was looked at is not looked at again.
        let mut seen = 0;
        let is_up = self.wait_for(patience, |stage| {
            let peer = stage.peer(actor)?;
            let inbox = peer.inbox();
            let is_there = inbox
                .messages_from(seen)
                .any(|line| finder.find(line).is_some());
            seen = inbox.count();
            (is_there || !peer.is_open()).then_some(())
        })?;
        if is_up.is_none() {
            self.log.note(format!(
                "{actor} does not hear {speaker}: silence is judged by time"
            ));
        }
        Ok(is_up.is_some())
    }

    /// A line came where none was meant to.
    pub(super) fn refuse_unless_passed_over(
        &mut self,
        actor: &str,
        line: &[u8],
    ) -> Result<(), Stop> {
        let text = String::from_utf8_lossy(line);
        let row = match self.conversation.meaning(actor, &text) {
            _ if is_fence(&text) => return Ok(()),
            Meaning::Breach(row) if self.conversation.covers(row) => Some(row),
            Meaning::Breach(row) => {
                self.pass_over(actor, line, &format!("that is about {row}"));
                return Ok(());
            }
            Meaning::Notice => {
                self.pass_over(actor, line, "a notice");
                return Ok(());
            }
            Meaning::Regular => None,
        };
        let received = format!("the line `{}`", excerpt(line));
        Err(self.short_of(
            row,
            format!("that {actor} hears nothing"),
            received,
            Some(line),
        ))
    }

    /// Closes in an orderly way: says that nothing follows, takes what still comes, and is gone.
    pub(super) fn close(&mut self, actor: &str) -> Result<(), Stop> {
        self.acts(actor)?;
        self.let_digest()?;
        let held: Vec<usize> = self.connections_of(actor);
        for position in &held {
            self.peers[*position].finish_sending();
        }
        let settle = self.setting.pace.settle();
        self.wait_for(settle, |stage| {
            held.iter()
                .all(|position| !stage.peers[*position].is_open())
                .then_some(())
        })?;
        for position in held {
            self.peers[position].close();
        }
        self.gone(actor, false);
        Ok(())
    }

    pub(super) fn reset(&mut self, actor: &str) -> Result<(), Stop> {
        self.acts(actor)?;
        self.let_digest()?;
        for position in self.connections_of(actor) {
            self.peers[position].reset();
        }
        self.gone(actor, true);
        Ok(())
    }

    fn connections_of(&self, actor: &str) -> Vec<usize> {
        let is_held = |position: &usize| {
            self.peers[*position].actor == actor && !self.peers[*position].is_closed()
        };
        (0..self.peers.len()).filter(is_held).collect()
    }

    fn gone(&mut self, actor: &str, reset: bool) {
        self.acts_next(actor);
        self.conversation.left(actor, reset);
        self.log.record(EventKind::Closed {
            actor: actor.to_owned(),
            by_subject: false,
            reset,
        });
    }

    pub(super) fn be_disconnected(&mut self, actor: &str) -> Result<(), Stop> {
        let patience = self.setting.pace.answer();
        let end = self.wait_for(patience, |stage| {
            let peer = stage.peer(actor)?;
            if peer.inbox().is_full() {
                // The end comes behind what nobody looks at any more.
                peer.inbox_mut().take(|_| true);
            }
            peer.end().cloned()
        })?;
        if end.is_some() {
            return Ok(());
        }
        let expected = format!("that the connection of {actor} is closed");
        Err(self.short(
            expected,
            format!("it was still open {} later", shown(patience)),
            None,
        ))
    }

    pub(super) fn let_pass(&mut self, time: Duration) -> Result<(), Stop> {
        self.let_digest()?;
        self.look_on_for(time)
    }

    fn find_printed_port(&mut self) -> Result<(), Stop> {
        let Some(address) = self.address else {
            return Err(self.not_in_this_role());
        };
        let port = address.port();
        let patience = self.setting.pace.answer();
        let is_there = |stage: &mut Stage<'_>| {
            // What scrolled away long ago was printed all the same.
            let is_there = has_number(stage.screen.text(), port)
                || has_number(&String::from_utf8_lossy(stage.screen.printed()), port);
            is_there.then_some(())
        };
        let mut glances = Glances::new();
        let printed = self.watch(patience, |stage| {
            glances.look(stage.screen.printed().len(), || is_there(stage))
        })?;
        if printed.or_else(|| is_there(self)).is_some() {
            return Ok(());
        }
        let text = self.screen.text();
        let received = match text.trim() {
            "" => "nothing was printed".to_owned(),
            text => format!("`{}`", excerpt(last_of(text).as_bytes())),
        };
        let expected = format!("that it prints {port}, where it listens, on its terminal");
        Err(self.short(expected, received, None))
    }

    fn start_another(&mut self) -> Result<(), Stop> {
        let Target::Command(command) = self.setting.target else {
            return Err(self.not_in_this_role());
        };
        let first = self.address;
        let second = self.start_listening(command)?;
        if first.is_some_and(|first| first.port() == second.port()) {
            let received = format!("both listen on port {}", second.port());
            return Err(self.short("a port of its own", received, None));
        }
        Ok(())
    }

    fn interrupt(&mut self) -> Result<(), Stop> {
        const CTRL_C: &[u8] = b"\x03";
        self.let_digest()?;
        let Some(subject) = self.subjects.first_mut() else {
            return Err(self.not_in_this_role());
        };
        if subject.turns_ctrl_c_into_a_signal() {
            subject.press(CTRL_C);
            self.log.record(EventKind::Typed {
                bytes: CTRL_C.to_vec(),
            });
        } else {
            subject.interrupt();
            self.log.record(EventKind::Signalled {
                signal: "SIGINT".to_owned(),
            });
        }
        Ok(())
    }

    pub(super) fn terminate(&mut self) -> Result<(), Stop> {
        self.let_digest()?;
        let Some(subject) = self.subjects.first_mut() else {
            return Err(self.not_in_this_role());
        };
        subject.terminate();
        self.log.record(EventKind::Signalled {
            signal: "SIGTERM".to_owned(),
        });
        Ok(())
    }

    /// The end of the process that was started; connections stay open meanwhile.
    pub(super) fn wait_for_end(&mut self) -> Result<(), Stop> {
        let patience = self.setting.pace.end();
        let lost = self.wait_for(patience, |stage| {
            let subject = stage.subjects.first()?;
            subject.how_ended().map(|_| subject.is_lost())
        })?;
        let received = match lost {
            Some(false) => return Ok(()),
            Some(true) => "it did not end by itself".to_owned(),
            None => format!("it was still running {} later", shown(patience)),
        };
        Err(self.short("that the program ends", received, None))
    }

    pub(super) fn compare_memory(&mut self, bound: u64) -> Result<(), Stop> {
        self.let_digest()?;
        // A process that gave up has given its memory back.
        let now = self.peak_memory();
        let growth = growth(&self.memory_before, &now);
        if growth <= bound {
            return Ok(());
        }
        let expected = format!("at most {} KiB more memory", bound / 1024);
        Err(self.short(expected, format!("{} KiB more", growth / 1024), None))
    }
}

/// By how much memory grew from `before` to `now`. A process that was started meanwhile shares, or
/// needs to begin with, what the one that started it had: no growth of a server that forks for each client.
fn growth(before: &BTreeMap<i32, u64>, now: &BTreeMap<i32, u64>) -> u64 {
    let Some(at_start) = before.values().max() else {
        return 0;
    };
    let grown =
        |(id, bytes): (&i32, &u64)| bytes.saturating_sub(*before.get(id).unwrap_or(at_start));
    now.iter().map(grown).sum()
}

/// The row about the code of an answer, for the row about its words.
fn row_about_code(row: &'static str) -> &'static str {
    match row {
        "S-REG-2" => "S-REG-1",
        "S-REG-4" => "S-REG-3",
        "S-REG-6" => "S-REG-5",
        other => other,
    }
}

fn is_status(line: &[u8]) -> bool {
    matches!(
        Utterance::of(&String::from_utf8_lossy(line)),
        Utterance::Status { .. }
    )
}

/// Whether a number stands in a text by itself, not as a part of a longer one.
fn has_number(text: &str, number: u16) -> bool {
    let number = number.to_string();
    let mut numbers = text.split(|character: char| !character.is_ascii_digit());
    numbers.any(|digits| digits == number)
}

/// The last lines of a longer text.
fn last_of(text: &str) -> String {
    const LINES: usize = 5;
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_grows_only_beyond_what_it_began_with() {
        let before = BTreeMap::from([(1, 10), (2, 4)]);
        let now = |bytes: &[(i32, u64)]| bytes.iter().copied().collect();
        assert_eq!(growth(&before, &now(&[(1, 10), (2, 4)])), 0);
        assert_eq!(growth(&before, &now(&[(1, 10), (3, 11), (4, 9)])), 1);
        assert_eq!(growth(&before, &now(&[(1, 30), (2, 5)])), 21);
        assert_eq!(growth(&before, &now(&[])), 0);
        assert_eq!(growth(&BTreeMap::new(), &now(&[(1, 30)])), 0);
    }
}
