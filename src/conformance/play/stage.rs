//! Everybody and everything in one replay, and the one loop that watches them.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use socket2::Socket;

use super::client::Shown;
use super::log::Log;
use super::{Setting, Stop};
use crate::conformance::conversation::{Conversation, Meaning};
use crate::conformance::evidence::{Event, EventKind, Outcome, Shortfall, excerpt};
use crate::conformance::play::inbox::{Inbox, Known, Memory, known_messages};
use crate::conformance::play::peer::{self, End, Peer};
use crate::conformance::program::dialect::{Dialect, Framing};
use crate::conformance::program::process::{self, RunningProgram};
use crate::conformance::program::screen::Screen;
use crate::conformance::program::system::{self, SocketTable};
use crate::conformance::program::target::Target;
use crate::transcript::syntax::{Step, Transcript};

/// A claim that an actor hears nothing, to be upheld until the end.
#[derive(Debug)]
struct Silence {
    actor: String,
    step: usize,
}

/// One replay while it runs.
pub(super) struct Stage<'a> {
    pub(super) setting: Setting<'a>,
    transcript: &'a Transcript,
    pub(super) conversation: Conversation<'a>,
    /// How the subject is spoken to and understood here.
    pub(super) dialect: Dialect,
    known: Known,
    /// What all inboxes hold together.
    memory: Memory,
    index: usize,
    pub(super) log: Log,
    /// The first is the one that the transcript is about. Dropped before the connections are, so
    /// that closing these is nothing the subject could trip over.
    pub(super) subjects: Vec<RunningProgram>,
    pub(super) screen: Screen,
    pub(super) peers: Vec<Peer>,
    pub(super) listener: Option<TcpListener>,
    /// Whether a connection of another program was refused.
    pub(super) has_refused: bool,
    /// Holds a port at which nobody listens.
    pub(super) deaf: Option<Socket>,
    /// What was sent to be shown, with what was shown before.
    pub(super) shown: Vec<Shown>,
    /// How much had been printed when something last happened to the subject.
    pub(super) printed_before: usize,
    /// What the client under test was given as its arguments, and parts of it.
    pub(super) given: Vec<String>,
    /// Where the server under test is spoken to.
    pub(super) address: Option<SocketAddr>,
    pub(super) sockets: SocketTable,
    /// The actor whose doing the subject may not have digested yet.
    unsettled: Option<String>,
    /// The actor who said goodbye, which the subject may not have carried out yet.
    leaving: Option<String>,
    /// The subject was seen never to rest, so that waiting for its rest is vain.
    is_restless: bool,
    /// The subject was seen to leave something unread, so that waiting for that is vain.
    is_deaf: bool,
    /// The subject was seen to let somebody wait to be accepted, so that waiting for that is vain.
    is_inattentive: bool,
    silences: Vec<Silence>,
    /// The processes of the subject that are stopped, until somebody's first words have arrived.
    pub(super) held_still: Vec<i32>,
    /// By process; empty where it is not known.
    pub(super) memory_before: BTreeMap<i32, u64>,
    pub(super) started: Instant,
    /// How often something was printed.
    prints: u32,
    /// The replay is to stop before its end.
    was_stopped: bool,
    /// How long a wait lasted that was cut at its bound while the machine was too busy.
    waited_for_machine: Option<Duration>,
    /// When the scheduler was last asked about the subject's processes, and what it said.
    scheduled: (Instant, Duration, Duration),
}

impl<'a> Stage<'a> {
    pub(super) fn new(transcript: &'a Transcript, setting: Setting<'a>) -> Stage<'a> {
        // Before anything is opened, so that no shortage is missed.
        let started = Instant::now();
        Stage {
            setting,
            transcript,
            conversation: Conversation::new(transcript),
            dialect: setting.profile.dialect.for_transcript(transcript),
            known: known_messages(transcript),
            memory: Memory::default(),
            index: 0,
            log: Log::new(),
            subjects: Vec::new(),
            screen: Screen::default(),
            peers: Vec::new(),
            listener: None,
            has_refused: false,
            deaf: None,
            shown: Vec::new(),
            printed_before: 0,
            given: Vec::new(),
            address: None,
            sockets: SocketTable::open(),
            unsettled: None,
            leaving: None,
            is_restless: false,
            is_deaf: false,
            is_inattentive: false,
            silences: Vec::new(),
            held_still: Vec::new(),
            memory_before: BTreeMap::new(),
            started,
            prints: 0,
            was_stopped: false,
            waited_for_machine: None,
            scheduled: (Instant::now(), Duration::ZERO, Duration::ZERO),
        }
    }

    /// Whether the replay was stopped before its end: nothing that came of it counts.
    pub(super) fn was_stopped(&self) -> bool {
        self.was_stopped
    }

    /// How long a wait lasted that was cut at its bound because the machine was too busy.
    pub(super) fn waited_for_machine(&self) -> Option<Duration> {
        self.waited_for_machine
    }

    /// Stops the replay where everything is to stop. Loops that do not wait call this now and then.
    pub(super) fn go_on(&mut self) -> Result<(), Stop> {
        if !self.setting.is_stopping() {
            return self.has_descriptors();
        }
        self.was_stopped = true;
        Err(Box::new(Outcome::Unable {
            reason: "stopped before its end".to_owned(),
        }))
    }

    /// Where the harness has no descriptor left it sees too little to judge anybody.
    fn has_descriptors(&self) -> Result<(), Stop> {
        if !system::DESCRIPTORS.was_there_since(self.started) {
            return Ok(());
        }
        Err(Box::new(Outcome::Unable {
            reason: "the harness has no file descriptor left: raise `ulimit -n`, or run fewer \
                     programs at the same time"
                .to_owned(),
        }))
    }

    /// Tells the program's clock what the scheduler did with its processes, now and then.
    fn account_now_and_then(&mut self) {
        const BETWEEN: Duration = Duration::from_millis(500);
        if self.scheduled.0.elapsed() >= BETWEEN {
            self.account();
        }
    }

    fn account(&mut self) {
        let (at, ran_before, kept_before) = self.scheduled;
        let passed = at.elapsed();
        // What it used does not become less: processes that nobody waited for are forgotten.
        let ran: Duration = self.subjects.iter_mut().map(RunningProgram::cpu_time).sum();
        let ran = ran.max(ran_before);
        let kept = self.kept_waiting();
        self.scheduled = (Instant::now(), ran, kept);
        let kept = kept.saturating_sub(kept_before);
        self.setting.time.scheduled(passed, ran - ran_before, kept);
    }

    pub(super) fn transcript(&self) -> &'a Transcript {
        self.transcript
    }

    pub(super) fn step(&self) -> &'a Step {
        &self.transcript.steps[self.index]
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Goes on to a step, unless it is known to be in vain.
    pub(super) fn enter(&mut self, index: usize) -> Result<(), Stop> {
        self.index = index;
        self.log.enter(index);
        let row = self.conversation.row_of_step(index);
        match row.filter(|row| !self.conversation.covers(row)) {
            Some(row) if self.setting.ledger.is_known_to_fail(row) => {
                Err(Box::new(Outcome::Skipped {
                    because_of: row.to_owned(),
                }))
            }
            _ => Ok(()),
        }
    }

    /// The step under way held.
    pub(super) fn held(&mut self) {
        self.waited_for_machine = None;
        if let Some(row) = self.conversation.row_of_step(self.index) {
            self.setting.ledger.held(row);
        }
    }

    /// Ends everything and gives the log.
    pub(super) fn strike(mut self) -> (Vec<Event>, f64) {
        let log = std::mem::replace(&mut self.log, Log::new());
        if matches!(self.setting.target, Target::Running(_)) {
            self.take_leave();
        }
        self.account();
        let Stage {
            subjects,
            mut peers,
            ..
        } = self;
        // Nothing is judged any more. A connection that ends so leaves no TIME_WAIT behind, which
        // would keep a server with a port of its own choice from starting again.
        if matches!(self.setting.target, Target::Command(_)) {
            peers.iter_mut().for_each(Peer::reset);
        }
        drop(subjects);
        drop(peers);
        log.finish()
    }

    /// A server that goes on running is left as it was found: the next transcript uses the same names.
    fn take_leave(&mut self) {
        for peer in &mut self.peers {
            if let Some(name) = self.conversation.registered_name(&peer.actor) {
                let goodbye = format!("DISCONNECT {name} CHAT/1.0");
                peer.send(&self.dialect.reads.frame(goodbye.as_bytes()));
            }
            peer.finish_sending();
        }
        let settle = self.setting.pace.settle();
        // Where the run is cancelled nobody comes after.
        let _ = self.wait_for(settle, |stage| {
            let is_over = |peer: &Peer| !peer.is_open();
            stage.peers.iter().all(is_over).then_some(())
        });
    }

    // Watching.

    /// Looks on until `ready` has an answer or `patience` is out.
    pub(super) fn wait_for<T>(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut(&mut Stage<'a>) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        self.watch(patience, |stage| {
            ready(stage).map_or(Watch::On, Watch::Done)
        })
    }

    /// Looks on for so long, whatever happens.
    pub(super) fn look_on_for(&mut self, time: Duration) -> Result<(), Stop> {
        self.watch_lending(time, Duration::ZERO, |_| Watch::On::<()>)?;
        Ok(())
    }

    /// Looks on until what sends no event is so, or `longest` is over; whether it is.
    fn look_until(
        &mut self,
        longest: Duration,
        is_so: impl Fn(&Stage<'a>) -> bool,
    ) -> Result<bool, Stop> {
        let mut back_off = BackOff::new();
        let seen = self.watch(longest, |stage| {
            if is_so(stage) {
                Watch::Done(())
            } else {
                Watch::Again(back_off.next())
            }
        })?;
        Ok(seen.is_some())
    }

    /// Looks on until `ready` is done or `patience` is out; looks once more at the very end, so that
    /// a harness that was held up itself does not blame the subject. Time in which the subject wanted
    /// to run and the machine did not let it does not count.
    pub(super) fn watch<T>(
        &mut self,
        patience: Duration,
        ready: impl FnMut(&mut Stage<'a>) -> Watch<T>,
    ) -> Result<Option<T>, Stop> {
        self.watch_lending(patience, Stage::ONLY_WAITS_AFTER, ready)
    }

    /// The same, with the slot lent to another replay when so much time has passed.
    fn watch_lending<T>(
        &mut self,
        patience: Duration,
        lends_after: Duration,
        mut ready: impl FnMut(&mut Stage<'a>) -> Watch<T>,
    ) -> Result<Option<T>, Stop> {
        let begun = Instant::now();
        // What is to pass in full, whatever the machine does, is no wait.
        let longest_wait = self.setting.pace.longest().max(patience);
        let mut deadline = begun + patience;
        let mut kept_waiting_before = None;
        let slots = self.setting.slots;
        let mut lent = None;
        let mut is_last = false;
        loop {
            self.go_on()?;
            let longest = match ready(self) {
                Watch::Done(answer) => return Ok(Some(answer)),
                Watch::On => patience,
                Watch::Again(pause) => pause,
            };
            self.account_now_and_then();
            if begun.elapsed() > Stage::WORTH_MEASURING && kept_waiting_before.is_none() {
                kept_waiting_before = Some(self.kept_waiting());
            }
            if begun.elapsed() > lends_after && lent.is_none() {
                lent = Some(self.setting.time.lend(slots));
            }
            if is_last {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                let owed = self.owed(begun, patience, kept_waiting_before);
                deadline = begun + (patience + owed).min(longest_wait);
                if patience + owed > longest_wait && self.setting.time.machine_is_busy() {
                    self.waited_for_machine = Some(longest_wait);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            is_last = left.is_zero();
            self.look(left.min(longest));
        }
    }

    /// A wait that is over sooner is not measured: looking costs more than it could be off.
    const WORTH_MEASURING: Duration = Duration::from_millis(20);

    /// Who has waited for so long leaves the machine to others meanwhile.
    const ONLY_WAITS_AFTER: Duration = Duration::from_millis(200);

    /// How much longer to wait than `patience`, for what the machine kept from the subject since `begun`.
    fn owed(&mut self, begun: Instant, patience: Duration, before: Option<Duration>) -> Duration {
        const MOST_PATIENCES: u32 = 3;
        let Some(before) = before else {
            return Duration::ZERO;
        };
        let kept = self.kept_waiting().saturating_sub(before);
        // Several threads may have waited at the same time.
        kept.min(begun.elapsed()).min(MOST_PATIENCES * patience)
    }

    fn kept_waiting(&mut self) -> Duration {
        let subjects = self.subjects.iter_mut();
        let processes: Vec<i32> = subjects.flat_map(RunningProgram::processes).collect();
        system::kept_waiting(&processes)
    }

    /// Waits at most `patience` for anything at all to happen, and takes note of all that did.
    pub(super) fn look(&mut self, patience: Duration) {
        /// So that an interruption of the run is seen soon.
        const LONGEST: Duration = Duration::from_millis(100);
        /// What floods its terminal is read now and then, or reading it would be all that is done.
        const BETWEEN_FLOODS: Duration = Duration::from_millis(5);
        const MANY_PRINTS: u32 = 2_000;
        let floods = self.screen.dropped() > 0 || self.prints > MANY_PRINTS;
        let longest = if floods { BETWEEN_FLOODS } else { LONGEST };
        let something_happened = self.poll(patience.min(longest), !floods);
        if something_happened || floods {
            self.take_news_of_subjects();
            self.accept();
            self.take_news_of_peers();
        }
    }

    fn poll(&self, patience: Duration, watches_subjects: bool) -> bool {
        let mut watched: Vec<PollFd<'_>> = Vec::new();
        let mut watch = |source, flags| watched.push(PollFd::from_borrowed_fd(source, flags));
        for subject in self.subjects.iter().filter(|_| watches_subjects) {
            subject
                .sources()
                .for_each(|source| watch(source, PollFlags::IN));
            subject
                .sink()
                .into_iter()
                .for_each(|sink| watch(sink, PollFlags::OUT));
        }
        if let Some(listener) = self.listener.as_ref().filter(|_| self.accepts()) {
            watch(listener.as_fd(), PollFlags::IN);
        }
        for (socket, reads, writes) in self.peers.iter().filter_map(Peer::interest) {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, reads);
            flags.set(PollFlags::OUT, writes);
            watch(socket, flags);
        }
        let timeout = system::timespec(patience);
        // An interrupted wait is a short one.
        poll(&mut watched, Some(&timeout)).is_ok_and(|ready| ready > 0)
    }

    fn take_news_of_subjects(&mut self) {
        for position in 0..self.subjects.len() {
            for news in self.subjects[position].news() {
                match news {
                    process::News::Printed(bytes) => self.printed(position, bytes),
                    process::News::Ended(how) => self.log.record(EventKind::Ended { how }),
                }
            }
        }
    }

    fn printed(&mut self, position: usize, bytes: Vec<u8>) {
        self.prints = self.prints.saturating_add(1);
        if position == 0 {
            let could_be_drawn = !self.screen.is_exhausted();
            let answers = self.screen.show(&bytes);
            if could_be_drawn && self.screen.is_exhausted() {
                self.log
                    .note("what it prints from here on is not drawn: drawing it costs too much");
            }
            if !answers.is_empty() {
                self.subjects[position].press(&answers);
            }
        }
        self.log.record(EventKind::Printed { bytes });
    }

    /// A client that connects more often than any program would is not answered any more.
    fn accepts(&self) -> bool {
        const MOST_CONNECTIONS: usize = 16;
        self.peers.len() < MOST_CONNECTIONS
    }

    /// In client transcripts: takes the connections that the subject opens.
    fn accept(&mut self) {
        /// One look takes no more, so that nobody can keep the harness busy.
        const MOST_AT_ONCE: usize = 64;
        for _ in 0..MOST_AT_ONCE {
            if !self.accepts() {
                return;
            }
            let accepted = self.listener.as_ref().map(TcpListener::accept);
            let accepted = accepted.map(|accepted| system::DESCRIPTORS.noted(accepted));
            let Some(Ok((stream, _))) = accepted else {
                return;
            };
            if !self.is_of_subject(&stream) {
                self.refuse(stream);
                continue;
            }
            let inbox = self.inbox();
            if let Ok(peer) = Peer::accepted("server", stream, inbox) {
                self.peers.push(peer);
                self.log.record(EventKind::Connected {
                    actor: "server".to_owned(),
                });
            }
        }
    }

    fn take_news_of_peers(&mut self) {
        for position in 0..self.peers.len() {
            let actor = self.peers[position].actor.clone();
            for news in self.peers[position].news() {
                let actor = actor.clone();
                self.log.record(match news {
                    peer::News::Connected => EventKind::Connected { actor },
                    peer::News::Received(bytes) => EventKind::Received { actor, bytes },
                    peer::News::Ended(End::NotConnected(why)) => EventKind::Note {
                        text: format!("{actor} could not connect: {why}"),
                    },
                    peer::News::Ended(end) => EventKind::Closed {
                        actor,
                        by_subject: true,
                        reset: end == End::Reset,
                    },
                });
            }
        }
    }

    // Letting the subject come to rest.

    /// Notes that `actor` does something, and first lets the subject digest what another did before,
    /// so that things are done to it in the order in which the transcript says them.
    pub(super) fn acts(&mut self, actor: &str) -> Result<(), Stop> {
        if !self.held_still.is_empty() {
            return Ok(());
        }
        if self.leaving.as_deref().is_some_and(|other| other != actor) {
            self.let_leave()?;
        }
        match &self.unsettled {
            Some(other) if other != actor => self.let_digest()?,
            // What ends nowhere must have been read before more follows, or it would go on.
            Some(_) if self.dialect.reads == Framing::Bare || self.setting.profile.relays_reads => {
                let has_spoken = self.peer(actor).is_some_and(|peer| peer.has_spoken());
                if self.address.is_some() && !has_spoken {
                    self.let_accept()?;
                } else {
                    self.let_digest()?;
                }
            }
            // What one actor says keeps its order by itself, and comes in segments of its own.
            Some(_) => self.let_read(actor)?,
            None => {}
        }
        self.unsettled = Some(actor.to_owned());
        Ok(())
    }

    /// Stops the subject, so that what follows is all there when it goes on.
    pub(super) fn hold_still(&mut self) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_secs(1);
        self.let_digest()?;
        let subjects = self.subjects.iter_mut();
        let processes: Vec<i32> = subjects.flat_map(RunningProgram::processes).collect();
        system::stop(&processes);
        self.held_still = processes;
        self.look_until(LONGEST, |stage| system::are_stopped(&stage.held_still))?;
        Ok(())
    }

    /// Lets the subject go on where it was stopped.
    pub(super) fn let_go(&mut self) {
        system::resume(&std::mem::take(&mut self.held_still));
    }

    /// Notes that `actor` did something, nothing of others being left to digest.
    pub(super) fn acts_next(&mut self, actor: &str) {
        self.unsettled = Some(actor.to_owned());
    }

    /// Notes that `actor` said goodbye.
    pub(super) fn says_goodbye(&mut self, actor: &str) {
        self.leaving = Some(actor.to_owned());
    }

    /// Waits until the subject has closed the connection of who said goodbye, for as long as it took over
    /// its answers: it may rest a moment between reading a goodbye and carrying it out.
    fn let_leave(&mut self) -> Result<(), Stop> {
        let Some(actor) = self.leaving.take() else {
            return Ok(());
        };
        let settle = self.setting.pace.settle();
        self.wait_for(settle, |stage| {
            let is_gone = stage.peer(&actor).is_none_or(|peer| !peer.is_open());
            is_gone.then_some(())
        })?;
        Ok(())
    }

    /// Waits until the subject has taken all that was sent to it and all its threads wait in the
    /// kernel; for a bounded time, since some never do.
    pub(super) fn let_digest(&mut self) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_millis(300);
        const LONGEST_FOR_RESTLESS: Duration = Duration::from_millis(30);
        self.unsettled = None;
        if !self.can_see_processes() {
            return self.wait_for_quiet();
        }
        if !self.let_take_all()? {
            return Ok(());
        }
        let longest = if self.is_restless {
            LONGEST_FOR_RESTLESS
        } else {
            LONGEST
        };
        let mut back_off = BackOff::new();
        let mut mark = None;
        let rested = self.watch(longest, |stage| {
            let now = stage.mark_of_rest();
            if now.is_some() && now == mark {
                return Watch::Done(());
            }
            mark = now;
            Watch::Again(back_off.next())
        })?;
        if rested.is_none() {
            self.is_restless = true;
        }
        Ok(())
    }

    /// Waits until the subject has accepted who connected; not for long, since some serve one at a time.
    fn let_accept(&mut self) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_millis(300);
        if self.is_inattentive {
            return Ok(());
        }
        self.is_inattentive = !self.look_until(LONGEST, |stage| stage.all_is_accepted())?;
        Ok(())
    }

    /// Waits until the subject has taken all that was sent to it: much longer than for its rest, since one
    /// that looks at its connections in turn, with a pause, takes the words of two in any order.
    fn let_take_all(&mut self) -> Result<bool, Stop> {
        const LONGEST_FOR_DEAF: Duration = Duration::from_millis(30);
        let longest = if self.is_deaf {
            LONGEST_FOR_DEAF
        } else {
            self.setting.pace.reading()
        };
        let is_taken = self.look_until(longest, |stage| stage.all_is_taken())?;
        if !is_taken && !self.is_deaf {
            self.is_deaf = true;
            self.setting.pace.read_in_vain();
        }
        Ok(is_taken)
    }

    fn can_see_processes(&self) -> bool {
        cfg!(target_os = "linux") && !self.subjects.is_empty()
    }

    /// `None` while something waits to be read or runs; otherwise equal to the last one if nothing
    /// ran since.
    fn mark_of_rest(&mut self) -> Option<(usize, u64)> {
        if !self.all_is_taken() {
            return None;
        }
        let processes: Vec<i32> = self
            .subjects
            .iter_mut()
            .flat_map(RunningProgram::processes)
            .collect();
        system::rest_mark(&processes).map(|mark| (processes.len(), mark))
    }

    /// Whether the subject has read all that was sent to it and accepted all that connected.
    fn all_is_taken(&self) -> bool {
        self.all_is_accepted() && self.peers.iter().all(|peer| self.has_taken(peer))
    }

    fn all_is_accepted(&self) -> bool {
        let listens = self
            .address
            .map(|address| (address, system::unspecified(address)));
        !listens.is_some_and(|ends| self.is_waiting(ends))
    }

    fn has_taken(&self, peer: &Peer) -> bool {
        let is_waiting = |ends| self.is_waiting(ends);
        !peer.is_open() || (peer.has_sent_all() && !peer.ends().is_some_and(is_waiting))
    }

    fn is_waiting(&self, (subjects, own): (SocketAddr, SocketAddr)) -> bool {
        self.sockets.unread(subjects, own).unwrap_or(0) > 0
    }

    /// Waits until what `actor` sent to the subject has been read; for a bounded time.
    fn let_read(&mut self, actor: &str) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_millis(300);
        let Some(position) = self.position(actor).filter(|_| self.can_see_processes()) else {
            return Ok(());
        };
        self.look_until(LONGEST, |stage| stage.has_taken(&stage.peers[position]))?;
        Ok(())
    }

    /// Waits until nothing has come for the settle time; for a bounded time.
    pub(super) fn wait_for_quiet(&mut self) -> Result<(), Stop> {
        const LONGEST: Duration = Duration::from_secs(2);
        let settle = self.setting.pace.settle();
        let mut quiet_since = (Instant::now(), self.log.length());
        self.watch(LONGEST, |stage| {
            if stage.log.length() != quiet_since.1 {
                quiet_since = (Instant::now(), stage.log.length());
            }
            match settle.saturating_sub(quiet_since.0.elapsed()) {
                Duration::ZERO => Watch::Done(()),
                left => Watch::Again(left),
            }
        })?;
        Ok(())
    }

    // Actors.

    /// Position of the actor's current connection.
    pub(super) fn position(&self, actor: &str) -> Option<usize> {
        self.peers.iter().rposition(|peer| peer.actor == actor)
    }

    pub(super) fn peer(&mut self, actor: &str) -> Option<&mut Peer> {
        self.peers.iter_mut().rfind(|peer| peer.actor == actor)
    }

    /// Sends `bytes` in the name of `actor` and waits until the system has taken them all.
    pub(super) fn send(&mut self, actor: &str, bytes: &[u8]) -> Result<(), Stop> {
        self.acts(actor)?;
        let Some(peer) = self.peer(actor) else {
            return Err(self.short("a connection to speak on", "none", None));
        };
        peer.send(bytes);
        self.log.record(EventKind::Sent {
            actor: actor.to_owned(),
            bytes: bytes.to_vec(),
        });
        let patience = self.setting.pace.answer();
        let taken = self.wait_for(patience, |stage| {
            let peer = stage.peer(actor)?;
            (peer.has_sent_all() || !peer.is_open()).then_some(())
        })?;
        self.let_go();
        match taken {
            Some(()) => Ok(()),
            None => {
                let expected = format!("that all of what {actor} sends is read");
                Err(self.short(
                    expected,
                    format!("{} later it is not", shown(patience)),
                    None,
                ))
            }
        }
    }

    /// A program that began a message, is silent for so long and rests does not go on with it.
    const LONGEST_WITHIN_A_MESSAGE: Duration = Duration::from_secs(1);
    const BETWEEN_MARKS: Duration = Duration::from_millis(5);

    /// An inbox for what the subject writes on a connection.
    pub(super) fn inbox(&self) -> Inbox {
        Inbox::new(
            self.dialect.writes,
            Known::clone(&self.known),
            self.memory.clone(),
        )
    }

    /// Waits for the next message that `actor` gets.
    pub(super) fn next_message(&mut self, actor: &str, patience: Duration) -> Result<Heard, Stop> {
        let settle = self.setting.pace.settle();
        let unended = patience.min(Stage::LONGEST_WITHIN_A_MESSAGE.max(settle));
        let mut mark = None;
        let heard = self.watch(patience, |stage| {
            let Some(peer) = stage.peer(actor) else {
                return Watch::On;
            };
            let ends_by_pause = peer.inbox().waits_for_pause();
            let longest = if ends_by_pause { settle } else { unended };
            let has_begun = !peer.inbox().unfinished().is_empty();
            let rests = has_begun && peer.quiet_for() >= longest && {
                // The pause may be the harness's own, with the rest there already.
                stage.look(Duration::ZERO);
                let before = std::mem::replace(&mut mark, stage.mark_of_rest());
                mark.is_some() && mark == before
            };
            let Some(peer) = stage.peer(actor) else {
                return Watch::On;
            };
            let end = peer.end().cloned();
            let quiet = peer.quiet_for();
            // One that never rests is not waited for long.
            let is_over = rests || ends_by_pause && quiet >= unended;
            let is_over = end.is_some() || is_over && quiet >= longest;
            let inbox = peer.inbox_mut();
            if is_over {
                inbox.pause();
            }
            match (inbox.take_next(), inbox.unfinished(), end) {
                (Some(message), ..) => Watch::Done(Heard::Message(message)),
                (None, [], Some(end)) => Watch::Done(Heard::End(end)),
                (None, [], None) => Watch::On,
                (None, unfinished, _) if is_over => {
                    Watch::Done(Heard::Unfinished(unfinished.to_vec()))
                }
                (None, ..) => Watch::Again(longest.saturating_sub(quiet).max(Stage::BETWEEN_MARKS)),
            }
        })?;
        if let Some(heard) = heard {
            return Ok(heard);
        }
        self.setting.pace.waited_in_vain();
        let Some(peer) = self.peer(actor) else {
            return Ok(Heard::NoConnection(patience));
        };
        Ok(match peer.inbox().unfinished() {
            [] => Heard::Nothing(patience),
            unfinished => Heard::Unfinished(unfinished.to_vec()),
        })
    }

    // Judging.

    /// The step under way fell short, and speaks of the row that its expectation is about.
    pub(super) fn short(
        &self,
        expected: impl Into<String>,
        received: impl Into<String>,
        line: Option<&[u8]>,
    ) -> Stop {
        let row = self.conversation.row_of_step(self.index);
        self.short_of(row, expected, received, line)
    }

    /// The step under way fell short, and speaks of `row`.
    pub(super) fn short_of(
        &self,
        row: Option<&str>,
        expected: impl Into<String>,
        received: impl Into<String>,
        line: Option<&[u8]>,
    ) -> Stop {
        let mut received = received.into();
        if let Some(how) = self.subjects.first().and_then(RunningProgram::how_ended) {
            received.push_str(&format!("; the program had ended ({how})"));
        }
        let is_row_of_step = row.is_some() && row == self.conversation.row_of_step(self.index);
        let ground = self.conversation.ground_of_step(self.index);
        Box::new(Outcome::FellShort(Shortfall {
            step: self.index,
            expected: expected.into(),
            received,
            line: line.map(excerpt),
            speaks_of: row.map(str::to_owned),
            rests_on: ground.filter(|_| is_row_of_step).map(str::to_owned),
        }))
    }

    /// `actor` was silent in the step under way, and has nothing to hear of what was said before it.
    pub(super) fn claim_silence(&mut self, actor: &str) {
        self.silences.push(Silence {
            actor: actor.to_owned(),
            step: self.index,
        });
    }

    /// Looks whether anything came after all where silence was claimed, and, where the transcript is
    /// about what is relayed how often and to whom, whether a second helping comes later.
    pub(super) fn check_late_arrivals(&mut self) -> Result<(), Stop> {
        const LATE: Duration = Duration::from_millis(500);
        if ["S-MSG-1", "S-MSG-2"]
            .iter()
            .any(|row| self.conversation.covers(row))
        {
            self.look_on_for(LATE)?;
            for actor in self.actors() {
                self.refuse_late(&actor, |_, _| true)?;
            }
        }
        self.look(Duration::ZERO);
        for silence in std::mem::take(&mut self.silences) {
            self.index = silence.step;
            self.refuse_late(&silence.actor, |stage, line| {
                stage.conversation.is_of_before(silence.step, line)
            })?;
        }
        Ok(())
    }

    fn actors(&self) -> Vec<String> {
        let mut actors: Vec<String> = self.peers.iter().map(|peer| peer.actor.clone()).collect();
        actors.dedup();
        actors
    }

    /// Refuses what an actor got, was not asked about, and breaks a row that the transcript covers.
    fn refuse_late(
        &mut self,
        actor: &str,
        is_meant: impl Fn(&Stage<'_>, &str) -> bool,
    ) -> Result<(), Stop> {
        let Some(position) = self.position(actor) else {
            return Ok(());
        };
        let inbox = self.peers[position].inbox_mut();
        inbox.pause();
        let messages: Vec<Vec<u8>> = inbox.messages().cloned().collect();
        for line in messages {
            self.go_on()?;
            let text = String::from_utf8_lossy(&line);
            let is_regular = self.conversation.meaning(actor, &text) == Meaning::Regular;
            if !super::server::is_fence(&text) && !is_regular && is_meant(self, &text) {
                self.refuse_unless_passed_over(actor, &line)?;
            }
        }
        Ok(())
    }
}

/// What is to be done after one look.
pub(super) enum Watch<T> {
    Done(T),
    /// Look again when something happens.
    On,
    /// Look again after so long at the latest: there is no event for it.
    Again(Duration),
}

/// Looks at something that costs more the more there is of it: only when there is more than before, and for a
/// small part of the time. Who waits in vain looks once more at the end.
#[derive(Debug)]
pub(super) struct Glances {
    seen: Option<usize>,
    due: Instant,
}

impl Glances {
    pub(super) fn new() -> Glances {
        Glances {
            seen: None,
            due: Instant::now(),
        }
    }

    /// Looks if it is time to; `amount` is how much there is to look at.
    pub(super) fn look<T>(&mut self, amount: usize, look: impl FnOnce() -> Option<T>) -> Watch<T> {
        const PAUSE_FOR_EACH: u32 = 9;
        let begun = Instant::now();
        let left = self.due.saturating_duration_since(begun);
        if self.seen == Some(amount) {
            return Watch::On;
        }
        if !left.is_zero() {
            return Watch::Again(left);
        }
        let found = look();
        self.seen = Some(amount);
        self.due = begun + (PAUSE_FOR_EACH + 1) * begun.elapsed();
        found.map_or(Watch::On, Watch::Done)
    }
}

/// Pauses between looks for something that sends no event: short at first, then longer.
#[derive(Debug)]
pub(super) struct BackOff(Duration);

impl BackOff {
    pub(super) fn new() -> BackOff {
        BackOff(Duration::from_micros(100))
    }

    pub(super) fn next(&mut self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(10);
        let pause = self.0;
        self.0 = (2 * pause).min(LONGEST);
        pause
    }
}

/// What became of waiting for a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    Message(Vec<u8>),
    /// Text without the end of a message, and nothing after it.
    Unfinished(Vec<u8>),
    End(End),
    Nothing(Duration),
    NoConnection(Duration),
}

impl Heard {
    /// As a phrase for "received".
    pub(super) fn phrase(&self) -> String {
        match self {
            Heard::Message(line) => format!("the line `{}`", excerpt(line)),
            Heard::Unfinished(text) => format!("`{}` without a line end", excerpt(text)),
            Heard::End(End::Orderly) => "the connection was closed".to_owned(),
            Heard::End(End::Reset) => "the connection was reset".to_owned(),
            Heard::End(End::NotConnected(why)) => format!("no connection: {why}"),
            Heard::Nothing(patience) => format!("nothing within {}", shown(*patience)),
            Heard::NoConnection(patience) => format!("no connection within {}", shown(*patience)),
        }
    }
}

/// A duration as a person says it.
pub(super) fn shown(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
