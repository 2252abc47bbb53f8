//! Everybody and everything in one replay, and the one loop that watches them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::accounts::Accounts;
use super::log::Log;
use super::origin;
use super::setting::{Setting, Stop, hindered, unable};
use super::watch::{BackOff, Watch};
use crate::conformance::evidence::shortfall::{Hindrance, Note};
use crate::conformance::evidence::{Event, EventKind};
use crate::conformance::play::inbox::{Inbox, Known, Memory, Reading, known_messages};
use crate::conformance::play::peer::{self, End, Peer};
use crate::conformance::play::slots::Taken;
use crate::conformance::program::dialect::Framing;
use crate::conformance::program::environment::Environment;
use crate::conformance::program::process::{self, RunningProgram};
use crate::conformance::program::screen::Screen;
use crate::conformance::program::system::{self, Scheduled, SocketTable};
use crate::conformance::program::target::Target;
use crate::transcript::syntax::{Action, Role, Transcript};

/// The program under test, the actors' connections, and what connects them.
pub(super) struct Cast<'a> {
    pub(super) setting: Setting<'a>,
    pub(super) log: Log,
    /// The processes of the program; the first is the one that the transcript is about. Dropped before the
    /// connections are, so that the program cannot trip over their end.
    pub(super) programs: Vec<RunningProgram>,
    /// The terminals of the programs, in the same order; there is always a first one.
    screens: Vec<Screen>,
    /// Whose programs they are, where several people use them.
    users: Vec<String>,
    pub(super) peers: Vec<Peer>,
    pub(super) sockets: SocketTable,
    /// Where the server under test is spoken to.
    pub(super) address: Option<SocketAddr>,
    /// Where the client under test connects.
    pub(super) listeners: Vec<TcpListener>,
    /// The name that the client under test is given.
    client_name: Option<&'a str>,
    /// Whether a connection of another program was refused.
    has_refused: bool,
    inboxes: Inboxes,
    pub(super) accounts: Accounts,
    /// The further slot of a program that keeps a processor busy.
    burden: Option<Taken<'a>>,
    /// How often something was printed.
    prints: u32,
}

/// What every new inbox needs.
struct Inboxes {
    reading: Reading,
    known: Known,
    /// What all inboxes hold together.
    memory: Memory,
}

impl<'a> Cast<'a> {
    pub(super) fn new(
        transcript: &'a Transcript,
        writes: Framing,
        setting: Setting<'a>,
    ) -> Cast<'a> {
        // Before anything is opened, so that no shortage is missed.
        let accounts = Accounts::new();
        Cast {
            setting,
            log: Log::new(),
            programs: Vec::new(),
            screens: vec![Screen::default()],
            users: match transcript.role {
                Role::Pair => vec!["server".to_owned()],
                Role::Server | Role::Client => Vec::new(),
            },
            peers: Vec::new(),
            sockets: SocketTable::open(),
            address: None,
            listeners: Vec::new(),
            client_name: client_name(transcript),
            has_refused: false,
            inboxes: Inboxes {
                reading: Reading::of(writes, &setting.profile),
                known: known_messages(transcript),
                memory: Memory::default(),
            },
            accounts,
            burden: None,
            prints: 0,
        }
    }

    /// How this one of the programs ended, once it has.
    pub(super) fn how_ended(&self, program: usize) -> Option<&str> {
        self.programs.get(program)?.how_ended()
    }

    /// Whether this one of the programs has ended, and has left nobody behind.
    pub(super) fn is_gone(&mut self, program: usize) -> bool {
        let program = self.programs.get_mut(program);
        program.is_some_and(|program| {
            program.how_ended().is_some() && !program.is_lost() && program.processes().is_empty()
        })
    }

    /// The terminal of this one of the programs; that of the first exists before it starts.
    pub(super) fn screen(&mut self, program: usize) -> &mut Screen {
        let last = self.screens.len() - 1;
        &mut self.screens[program.min(last)]
    }

    /// Whose program this is, where several people use them.
    pub(super) fn user_of(&self, program: usize) -> Option<&str> {
        self.users.get(program).map(String::as_str)
    }

    /// Records what happened to this one of the programs.
    pub(super) fn record_of(&mut self, program: usize, kind: EventKind) {
        let user = self.users.get(program).cloned();
        self.log.record_of(user, kind);
    }

    /// Ids of all processes of the program.
    pub(super) fn processes(&mut self) -> Vec<i32> {
        let programs = self.programs.iter_mut();
        programs.flat_map(RunningProgram::processes).collect()
    }

    /// Starts a client, for one of several people.
    pub(super) fn start_for(&mut self, user: &str, command: &[String]) -> Result<(), Stop> {
        self.users.push(user.to_owned());
        let Setting {
            environment,
            environment_of_clients,
            ..
        } = self.setting;
        self.start_in(environment_of_clients.unwrap_or(environment), command)
    }

    /// Starts a further process of the program.
    pub(super) fn start(&mut self, command: &[String]) -> Result<(), Stop> {
        self.start_in(self.setting.environment, command)
    }

    fn start_in(&mut self, environment: &Environment, command: &[String]) -> Result<(), Stop> {
        let program = RunningProgram::start(self.setting.harness, environment, command)
            .map_err(|error| unable("a process", &error))?;
        self.programs.push(program);
        if self.screens.len() < self.programs.len() {
            self.screens.push(Screen::default());
        }
        let command = command.to_vec();
        self.record_of(self.programs.len() - 1, EventKind::Started { command });
        Ok(())
    }

    /// Ends everything and gives the log.
    pub(super) fn dismiss(mut self) -> (Vec<Event>, f64) {
        let log = std::mem::replace(&mut self.log, Log::new());
        self.account();
        let Cast {
            programs,
            mut peers,
            setting,
            ..
        } = self;
        // Nothing is judged any more. A connection that ends so leaves no TIME_WAIT behind, which
        // would keep a server with a port of its own choice from starting again.
        if setting.target.is_started_here() {
            peers.iter_mut().for_each(Peer::reset);
        }
        drop(programs);
        drop(peers);
        log.finish()
    }

    // Stopping early.

    /// Stops the replay where everything is to stop. Loops that do not wait call this now and then.
    pub(super) fn go_on(&mut self) -> Result<(), Stop> {
        if self.setting.is_stopping() {
            self.accounts.was_stopped = true;
            return Err(hindered(Hindrance::Stopped));
        }
        // Where the harness has no descriptor left it sees too little to judge anybody.
        if system::DESCRIPTORS.was_there_since(self.accounts.started) {
            return Err(hindered(Hindrance::NoDescriptors));
        }
        Ok(())
    }

    fn account_now_and_then(&mut self) {
        if self.accounts.is_due() {
            self.account();
        }
    }

    /// Tells the program's clock what the scheduler did with its processes.
    fn account(&mut self) {
        let passed = self.accounts.passed();
        let ran = self.programs.iter_mut().map(RunningProgram::cpu_time).sum();
        let kept = self.scheduled().kept_waiting;
        self.accounts.account(self.setting.time, passed, ran, kept);
    }

    // Watching.

    /// Waits until `ready` has an answer; `None` once `patience` has passed.
    pub(super) fn wait_for<T>(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut(&mut Cast<'a>) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        self.watch(patience, |cast| ready(cast).map_or(Watch::On, Watch::Done))
    }

    /// Watches for this time, whatever happens.
    pub(super) fn look_on_for(&mut self, time: Duration) -> Result<(), Stop> {
        self.watch_lending(time, Duration::ZERO, |_| Watch::On::<()>)?;
        Ok(())
    }

    /// Polls until `is_so` holds or `longest` has passed; returns whether it holds.
    pub(super) fn look_until(
        &mut self,
        longest: Duration,
        is_so: impl Fn(&Cast<'a>) -> bool,
    ) -> Result<bool, Stop> {
        let mut back_off = BackOff::new();
        let seen = self.watch(longest, |cast| {
            if is_so(cast) {
                Watch::Done(())
            } else {
                Watch::Again(back_off.next())
            }
        })?;
        Ok(seen.is_some())
    }

    /// Waits until `ready` is done or `patience` has passed. Looks once more at the very end, so that a harness
    /// that was held up itself does not blame the program. Time in which the program wanted to run and the
    /// machine did not let it does not count.
    pub(super) fn watch<T>(
        &mut self,
        patience: Duration,
        ready: impl FnMut(&mut Cast<'a>) -> Watch<T>,
    ) -> Result<Option<T>, Stop> {
        self.watch_lending(patience, Cast::ONLY_WAITS_AFTER, ready)
    }

    /// The same, with the slot lent to another replay after `lends_after`.
    fn watch_lending<T>(
        &mut self,
        patience: Duration,
        mut lends_after: Duration,
        mut ready: impl FnMut(&mut Cast<'a>) -> Watch<T>,
    ) -> Result<Option<T>, Stop> {
        let begun = Instant::now();
        // A time that is to pass in full is never cut short.
        let longest_wait = self.setting.timeouts.longest().max(patience);
        let mut deadline = begun + patience;
        let mut before = None;
        let slots = self.setting.slots;
        let mut lent = None;
        let mut is_last = false;
        loop {
            self.go_on()?;
            let looked = Instant::now();
            let longest = match ready(self) {
                Watch::Done(answer) => return Ok(Some(answer)),
                Watch::On => patience,
                // A look at hundreds of processes takes long, and keeps a processor from them.
                Watch::Again(pause) => pause.max(Cast::PAUSE_FOR_EACH * looked.elapsed()),
            };
            self.account_now_and_then();
            if begun.elapsed() > Cast::WORTH_MEASURING && before.is_none() {
                before = Some((Instant::now(), self.scheduled()));
            }
            if begun.elapsed() > lends_after && lent.is_none() {
                lends_after = begun.elapsed() + Cast::ONLY_WAITS_AFTER;
                match self.only_waits(before) {
                    Some(true) => {
                        self.burden = None;
                        lent = Some(self.setting.time.lend(slots));
                    }
                    Some(false) if self.burden.is_none() => self.burden = Some(slots.burden()),
                    _ => {}
                }
            }
            if is_last {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                let owed = self.owed(begun, patience, before);
                deadline = begun + (patience + owed).min(longest_wait);
                if patience + owed > longest_wait && self.setting.time.machine_is_busy() {
                    self.accounts.waited_for_machine = Some(longest_wait);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            is_last = left.is_zero();
            self.look(left.min(longest));
        }
    }

    /// A shorter wait is not measured: measuring costs more than it could be off.
    const WORTH_MEASURING: Duration = Duration::from_millis(20);

    /// How many times as long as a look a pause takes at least.
    const PAUSE_FOR_EACH: u32 = 3;

    /// A replay that has waited this long lends its slot.
    const ONLY_WAITS_AFTER: Duration = Duration::from_millis(200);

    /// How much longer than `patience` to wait, because the machine kept the program from running since `begun`.
    fn owed(
        &mut self,
        begun: Instant,
        patience: Duration,
        before: Option<(Instant, Scheduled)>,
    ) -> Duration {
        const MOST_PATIENCES: u32 = 3;
        let Some((_, before)) = before else {
            return Duration::ZERO;
        };
        let kept = self.scheduled().kept_waiting;
        let kept = kept.saturating_sub(before.kept_waiting);
        // Several threads may have waited at the same time.
        kept.min(begun.elapsed()).min(MOST_PATIENCES * patience)
    }

    /// Whether the program rests, and neither used the processors since `before`, nor wanted to, for a good part of the
    /// time. `None` if that is too short to tell.
    fn only_waits(&mut self, before: Option<(Instant, Scheduled)>) -> Option<bool> {
        const LONG_ENOUGH: Duration = Duration::from_millis(100);
        const GOOD_PART: u32 = 4;
        // A time that is to pass is spent waiting. What cannot be seen keeps no processor from others.
        let Some((at, before)) = before.filter(|_| self.can_see_processes()) else {
            return Some(true);
        };
        let passed = at.elapsed();
        let now = self.scheduled();
        let wanted = (now.ran + now.kept_waiting).saturating_sub(before.ran + before.kept_waiting);
        // Processes that have ended since are not counted.
        let only_waits = wanted < passed / GOOD_PART && self.rests();
        (passed >= LONG_ENOUGH).then_some(only_waits)
    }

    fn scheduled(&mut self) -> Scheduled {
        system::scheduled(&self.processes())
    }

    /// Waits at most `patience` until anything happens, and records all that did.
    pub(super) fn look(&mut self, patience: Duration) {
        /// An interruption of the run is seen within this time.
        const LONGEST: Duration = Duration::from_millis(100);
        /// A program that floods its terminal is read only this often, or the replay would do nothing else.
        const BETWEEN_FLOODS: Duration = Duration::from_millis(5);
        let floods = self.floods();
        let longest = if floods { BETWEEN_FLOODS } else { LONGEST };
        let something_happened = self.poll(patience.min(longest), !floods);
        if something_happened || floods {
            self.take_news_of_programs();
            self.accept();
            self.take_news_of_peers();
        }
    }

    /// Whether more was printed than the screens keep.
    fn floods(&self) -> bool {
        const MANY_PRINTS: u32 = 2_000;
        let has_dropped = |screen: &Screen| screen.dropped() > 0;
        self.screens.iter().any(has_dropped) || self.prints > MANY_PRINTS
    }

    /// Number of bytes that a program printed beyond what its screen keeps.
    pub(super) fn dropped_by(&self, program: usize) -> usize {
        self.screens.get(program).map_or(0, Screen::dropped)
    }

    fn poll(&self, patience: Duration, watches_programs: bool) -> bool {
        let mut watched: Vec<PollFd<'_>> = Vec::new();
        let mut watch = |source, flags| watched.push(PollFd::from_borrowed_fd(source, flags));
        for program in self.programs.iter().filter(|_| watches_programs) {
            program
                .sources()
                .for_each(|source| watch(source, PollFlags::IN));
            program
                .sink()
                .into_iter()
                .for_each(|sink| watch(sink, PollFlags::OUT));
        }
        for listener in self.listeners.iter().filter(|_| self.accepts()) {
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

    fn take_news_of_programs(&mut self) {
        for position in 0..self.programs.len() {
            for news in self.programs[position].news() {
                match news {
                    process::News::Printed(bytes) => self.printed(position, bytes),
                    process::News::Ended(how) => self.record_of(position, EventKind::Ended { how }),
                }
            }
        }
    }

    fn printed(&mut self, position: usize, bytes: Vec<u8>) {
        self.prints = self.prints.saturating_add(1);
        if let Some(screen) = self.screens.get_mut(position) {
            let could_be_drawn = !screen.is_exhausted();
            let answers = screen.show(&bytes);
            if could_be_drawn && screen.is_exhausted() {
                self.log.note(Note::NotDrawn);
            }
            if !answers.is_empty() {
                self.programs[position].press(&answers);
            }
        }
        self.record_of(position, EventKind::Printed { bytes });
    }

    /// Whether to accept further connections: a client that opens very many is not answered any more.
    fn accepts(&self) -> bool {
        const MOST_CONNECTIONS: usize = 16;
        self.peers.len() < MOST_CONNECTIONS
    }

    /// In client transcripts: accepts the connections that the program opens.
    fn accept(&mut self) {
        /// Maximum for one look, so that no program can keep the harness busy.
        const MOST_AT_ONCE: usize = 64;
        for _ in 0..MOST_AT_ONCE {
            if !self.accepts() {
                return;
            }
            let mut accepted = self.listeners.iter().map(TcpListener::accept);
            let accepted = accepted.find_map(|one| system::DESCRIPTORS.noted(one).ok());
            let Some((stream, _)) = accepted else {
                return;
            };
            if !self.is_of_program(&stream) {
                drop(stream);
                // Once is enough: a program that connects again and again is not to fill the log.
                if !std::mem::replace(&mut self.has_refused, true) {
                    self.log.note(Note::StrangerRefused);
                }
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

    /// Whether the program under test opened this connection.
    fn is_of_program(&mut self, stream: &TcpStream) -> bool {
        if self.setting.profile.has_own_network {
            return true;
        }
        let programs = &mut self.programs;
        let processes = || {
            let programs = programs.iter_mut();
            programs.flat_map(RunningProgram::processes).collect()
        };
        origin::is_of(stream, &self.sockets, processes, self.client_name)
    }

    fn take_news_of_peers(&mut self) {
        for position in 0..self.peers.len() {
            let actor = self.peers[position].actor.clone();
            for news in self.peers[position].news() {
                let actor = actor.clone();
                self.log.record(match news {
                    peer::News::Connected => EventKind::Connected { actor },
                    peer::News::Received(bytes) => EventKind::Received { actor, bytes },
                    peer::News::Ended(End::NotConnected(reason)) => {
                        EventKind::Note(Note::NotConnected { actor, reason })
                    }
                    peer::News::Ended(end) => EventKind::Closed {
                        actor,
                        by_program: true,
                        reset: end == End::Reset,
                    },
                });
            }
        }
    }

    // Observing the program.

    /// `None` while something waits to be read or runs; otherwise equal to the last one if nothing
    /// ran since.
    pub(super) fn mark_of_rest(&mut self) -> Option<(usize, u64)> {
        if !self.all_is_taken() {
            return None;
        }
        let processes = self.processes();
        system::rest_mark(&processes).map(|mark| (processes.len(), mark))
    }

    /// Whether no thread of the program runs or waits for a disk.
    pub(super) fn rests(&mut self) -> bool {
        let processes = self.processes();
        !processes.is_empty() && system::rest_mark(&processes).is_some()
    }

    /// Whether the program has read all that was sent to it and accepted every connection.
    pub(super) fn all_is_taken(&self) -> bool {
        self.all_is_accepted()
            && self.peers.iter().all(|peer| self.has_taken(peer))
            && !self.is_anything_unread_in_pair()
    }

    /// Whether the server or a client of the pair under test has not read all that the other one sent.
    fn is_anything_unread_in_pair(&self) -> bool {
        let is_pair = matches!(self.setting.target, Target::Pair { .. });
        let port = self
            .address
            .filter(|_| is_pair)
            .map(|address| address.port());
        port.is_some_and(|port| system::is_anything_unread(&self.sockets, port))
    }

    pub(super) fn all_is_accepted(&self) -> bool {
        let listens = self
            .address
            .map(|address| (address, system::unspecified(address)));
        !listens.is_some_and(|ends| self.is_waiting(ends))
    }

    pub(super) fn has_taken(&self, peer: &Peer) -> bool {
        let is_waiting = |ends| self.is_waiting(ends);
        !peer.is_open() || (peer.has_sent_all() && !peer.ends().is_some_and(is_waiting))
    }

    fn is_waiting(&self, (theirs, own): (SocketAddr, SocketAddr)) -> bool {
        self.sockets.unread(theirs, own).unwrap_or(0) > 0
    }

    pub(super) fn can_see_processes(&self) -> bool {
        cfg!(target_os = "linux") && !self.programs.is_empty()
    }

    // Actors.

    /// Position of the actor's current connection.
    pub(super) fn position(&self, actor: &str) -> Option<usize> {
        self.peers.iter().rposition(|peer| peer.actor == actor)
    }

    pub(super) fn peer(&mut self, actor: &str) -> Option<&mut Peer> {
        self.peers.iter_mut().rfind(|peer| peer.actor == actor)
    }

    pub(super) fn actors(&self) -> Vec<String> {
        let mut actors: Vec<String> = self.peers.iter().map(|peer| peer.actor.clone()).collect();
        actors.dedup();
        actors
    }

    /// An inbox for what the program writes on a connection.
    pub(super) fn inbox(&self) -> Inbox {
        Inbox::new(
            self.inboxes.reading,
            Known::clone(&self.inboxes.known),
            self.inboxes.memory.clone(),
        )
    }
}

/// The name that the transcript gives to the client under test.
fn client_name(transcript: &Transcript) -> Option<&str> {
    transcript.steps.iter().find_map(|step| match &step.action {
        Action::ClientStarts { name, .. } => Some(name.as_str()),
        _ => None,
    })
}
