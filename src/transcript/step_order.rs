use super::error::{Error, ErrorKind, MAX_ACTORS};
use super::nearest::nearest;
use super::place::Place;
use super::statement::{MAX_CONNECTIONS, MAX_SECONDS, ParsedLine, Statement};
use super::syntax::{Action, Role};
use std::collections::BTreeMap;

/// Finds steps in the wrong order, for example somebody who speaks before connecting or after the
/// connection ended.
///
/// A line with an error of its own could have been any step, so it causes no further errors about
/// its actor.
pub(super) fn faults(role: Role, parts: &[ParsedLine<'_>]) -> Vec<Error> {
    let mut step_order = OrderCheck {
        role,
        states: BTreeMap::new(),
        started: None,
        ended: None,
        pause: None,
        so_far: Effort::default(),
        has_too_many_actors: false,
    };
    if role == Role::Client {
        step_order
            .states
            .insert("server".into(), ConnectionState::Connected);
    }
    let faults = parts.iter().filter_map(|part| match part {
        ParsedLine::Step(statement) => step_order.fault(statement).err(),
        ParsedLine::Wrong(first_word) => {
            if step_order.states.len() < MAX_ACTORS {
                let actor = first_word.to_lowercase();
                step_order.states.insert(actor, ConnectionState::Unknown);
            }
            None
        }
    });
    let mut faults: Vec<Error> = faults.collect();
    if let Some(pause) = step_order.pause {
        faults.push(ErrorKind::NeverGoesOn.at(pause.since));
    }
    if role == Role::Client {
        faults.extend(late_start(parts));
    }
    faults
}

/// Reports a client transcript whose first step is not `client starts`.
fn late_start(parts: &[ParsedLine<'_>]) -> Option<Error> {
    let starts =
        |statement: &&Statement| matches!(statement.step.action, Action::ClientStarts { .. });
    let Some(ParsedLine::Step(first)) = parts.first() else {
        return None;
    };
    if starts(&first) {
        return None;
    }
    let steps = parts.iter().filter_map(|part| match part {
        ParsedLine::Step(statement) => Some(statement),
        ParsedLine::Wrong(_) => None,
    });
    let late = steps.filter(starts).map(|start| start.verb).next();
    Some(ErrorKind::ClientStartsLate(late).at(first.subject))
}

struct OrderCheck {
    role: Role,
    /// The state of each actor's connection. Actors that never had one are missing.
    states: BTreeMap<String, ConnectionState>,
    /// The step that started the client.
    started: Option<Place>,
    /// The step that ended the program under test.
    ended: Option<Place>,
    /// The pause of the program under test, if it is paused.
    pause: Option<Pause>,
    /// The total work of all steps so far.
    so_far: Effort,
    /// Set once there are too many actors.
    has_too_many_actors: bool,
}

/// A pause of the program under test.
struct Pause {
    /// The step with which it began.
    since: Place,
    /// Who has sent something since, each with the step.
    senders: BTreeMap<String, Place>,
}

/// Work that steps cause.
#[derive(Clone, Copy, Default)]
struct Effort {
    bytes: u64,
    connections: u64,
    seconds: u64,
}

/// Maximum number of bytes that all steps of a transcript send and expect.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

impl Effort {
    /// Adds a step. Returns the reason if it exceeds a limit that was not exceeded before.
    fn add(&mut self, action: &Action) -> Option<&'static str> {
        let (sum, more, most, why) = match action {
            Action::Sends { bytes, times, .. } | Action::Hears { bytes, times, .. } => (
                &mut self.bytes,
                bytes.len() as u64 * u64::from(*times),
                MAX_BYTES,
                "all steps together send and receive at most 64 MiB",
            ),
            Action::Connects { times, .. } => (
                &mut self.connections,
                u64::from(*times),
                u64::from(MAX_CONNECTIONS),
                "all steps together open at most 10,000 connections",
            ),
            Action::Pass { seconds } => (
                &mut self.seconds,
                u64::from(*seconds),
                u64::from(MAX_SECONDS),
                "all steps together wait at most 600 seconds",
            ),
            _ => return None,
        };
        let was_too_much = *sum > most;
        *sum += more;
        (*sum > most && !was_too_much).then_some(why)
    }
}

#[derive(Clone, Copy)]
enum ConnectionState {
    /// Perhaps open: an earlier line was wrong.
    Unknown,
    Connected,
    /// A person's client, started in this step.
    Running(Place),
    /// Many connections, opened by this step.
    Crowd(Place),
    /// Open, but not reading since this step.
    NotReading(Place),
    /// Closed by the actor in this step: it neither sends nor receives any more.
    Left(Place),
    /// Closed by the program under test, according to this step: earlier lines can still be
    /// received.
    Disconnected(Place),
}

/// What a step does with its actor's connection.
#[derive(Clone, Copy)]
enum ConnectionUse {
    Joins,
    /// A person starts a client, which connects by itself.
    Starts,
    Connects {
        many: bool,
    },
    Speaks,
    Hears,
    StopsReading,
    Leaves,
    IsDisconnected,
    /// A person types.
    Types,
    /// A person reads.
    IsAtTerminal,
    /// A person's client is to end, or has ended.
    Ends,
}

impl OrderCheck {
    /// Records a step, or returns what is wrong with it here.
    fn fault(&mut self, statement: &Statement) -> Result<(), Error> {
        let action = &statement.step.action;
        if let Some(ended) = self.ended.filter(|_| !is_allowed_after_end(action)) {
            return Err(ErrorKind::ProgramEnded(ended).at(statement.verb));
        }
        self.pause_fault(statement)?;
        match action {
            Action::Ends { actor } if is_program_under_test(actor) => {
                self.ended = Some(statement.verb);
            }
            Action::ClientStarts { .. } => {
                if let Some(first) = self.started.replace(statement.verb) {
                    return Err(ErrorKind::ClientStartsTwice(first).at(statement.verb));
                }
            }
            _ => {}
        }
        if let Some(why) = self.so_far.add(action) {
            return Err(ErrorKind::TooMuch(why).at(statement.verb));
        }
        match connection_use(self.role, action) {
            Some((actor, step)) => self.use_connection(actor, step, statement),
            None => Ok(()),
        }
    }

    /// While the program is paused, it can answer nothing, and in what order it finds what is there is its own choice.
    fn pause_fault(&mut self, statement: &Statement) -> Result<(), Error> {
        let action = &statement.step.action;
        let at = statement.verb;
        match (action, &mut self.pause) {
            (Action::IsPaused, Some(pause)) => Err(ErrorKind::PausedTwice(pause.since).at(at)),
            (Action::IsPaused, none) => {
                *none = Some(Pause {
                    since: at,
                    senders: BTreeMap::new(),
                });
                Ok(())
            }
            (Action::GoesOn, paused) => match paused.take() {
                Some(_) => Ok(()),
                None => Err(ErrorKind::NotPaused.at(at)),
            },
            (_, None) => Ok(()),
            (
                Action::Says { actor, .. }
                | Action::Sends {
                    actor, times: 1, ..
                },
                Some(pause),
            ) => match pause.senders.insert(actor.clone(), at) {
                Some(first) => Err(ErrorKind::SendsTwiceInPause(actor.clone(), first).at(at)),
                None => Ok(()),
            },
            (action, Some(_)) if is_possible_in_pause(action) => Ok(()),
            (_, Some(pause)) => Err(ErrorKind::Paused(pause.since).at(at)),
        }
    }

    fn use_connection(
        &mut self,
        actor: &str,
        step: ConnectionUse,
        at: &Statement,
    ) -> Result<(), Error> {
        let state = self.states.get(actor).copied();
        if state.is_none() && self.states.len() >= MAX_ACTORS {
            // Report it once: the state of any further actor is unknown.
            let was_reported = std::mem::replace(&mut self.has_too_many_actors, true);
            let error = ErrorKind::TooManyActors.at(at.subject);
            return if was_reported { Ok(()) } else { Err(error) };
        }
        match after(state, step, at.verb) {
            Ok(state) => {
                self.states.insert(actor.into(), state);
                Ok(())
            }
            Err(Misuse::NotConnected) => {
                let present = self.states.keys().map(String::as_str);
                let meant = nearest(actor, present).map(str::to_owned);
                self.states.insert(actor.into(), ConnectionState::Unknown);
                Err(ErrorKind::NotConnected(actor.into(), meant).at(at.subject))
            }
            Err(Misuse::NotStarted) => {
                let present = self.states.keys().map(String::as_str);
                let meant = nearest(actor, present).map(str::to_owned);
                self.states.insert(actor.into(), ConnectionState::Unknown);
                Err(ErrorKind::NotStarted(actor.into(), meant).at(at.subject))
            }
            Err(Misuse::Running(since)) => {
                Err(ErrorKind::StartsTwice(actor.into(), since).at(at.verb))
            }
            Err(Misuse::ClientLeft(since)) => {
                Err(ErrorKind::ClientLeft(actor.into(), since).at(at.verb))
            }
            Err(Misuse::Crowd(since)) => Err(ErrorKind::Crowd(actor.into(), since).at(at.verb)),
            Err(Misuse::NotReading(since)) => {
                Err(ErrorKind::NotReading(actor.into(), since).at(at.verb))
            }
            Err(Misuse::Over(since)) => {
                Err(ErrorKind::ConnectionEnded(actor.into(), since).at(at.verb))
            }
        }
    }
}

/// Why an actor cannot do a step, and the earlier step that is the reason.
enum Misuse {
    NotConnected,
    NotStarted,
    Running(Place),
    ClientLeft(Place),
    Crowd(Place),
    NotReading(Place),
    Over(Place),
}

/// The state of the actor's connection after a step whose verb stands at `verb`.
fn after(
    state: Option<ConnectionState>,
    step: ConnectionUse,
    verb: Place,
) -> Result<ConnectionState, Misuse> {
    match (state, step) {
        (Some(crowd @ ConnectionState::Crowd(_)), ConnectionUse::Connects { .. }) => Ok(crowd),
        (Some(ConnectionState::Crowd(_)), ConnectionUse::Leaves) => Ok(ConnectionState::Left(verb)),
        (Some(ConnectionState::Crowd(since)), _) => Err(Misuse::Crowd(since)),
        (Some(ConnectionState::Running(since)), ConnectionUse::Starts) => {
            Err(Misuse::Running(since))
        }
        (_, ConnectionUse::Starts) => Ok(ConnectionState::Running(verb)),
        (_, ConnectionUse::Joins | ConnectionUse::Connects { many: false }) => {
            Ok(ConnectionState::Connected)
        }
        (_, ConnectionUse::Connects { many: true }) => Ok(ConnectionState::Crowd(verb)),
        (None, ConnectionUse::Types | ConnectionUse::IsAtTerminal | ConnectionUse::Ends) => {
            Err(Misuse::NotStarted)
        }
        (None, _) => Err(Misuse::NotConnected),
        (Some(state), ConnectionUse::IsAtTerminal) => Ok(state),
        (Some(ConnectionState::Disconnected(since)), ConnectionUse::Types) => {
            Err(Misuse::ClientLeft(since))
        }
        (Some(state), ConnectionUse::Types) => Ok(state),
        (Some(_), ConnectionUse::Ends) => Ok(ConnectionState::Disconnected(verb)),
        (Some(ConnectionState::Left(since)), _) => Err(Misuse::Over(since)),
        (
            Some(ended @ ConnectionState::Disconnected(_)),
            ConnectionUse::Hears | ConnectionUse::IsDisconnected,
        ) => Ok(ended),
        (Some(ConnectionState::Disconnected(since)), _) => Err(Misuse::Over(since)),
        (Some(ConnectionState::NotReading(since)), ConnectionUse::Hears) => {
            Err(Misuse::NotReading(since))
        }
        (Some(state), ConnectionUse::Speaks | ConnectionUse::Hears) => Ok(state),
        (Some(_), ConnectionUse::StopsReading) => Ok(ConnectionState::NotReading(verb)),
        (Some(_), ConnectionUse::Leaves) => Ok(ConnectionState::Left(verb)),
        (Some(_), ConnectionUse::IsDisconnected) => Ok(ConnectionState::Disconnected(verb)),
    }
}

/// Whose connection a step uses, and how.
fn connection_use(role: Role, action: &Action) -> Option<(&str, ConnectionUse)> {
    Some(match action {
        Action::Joins { actor, .. } => (actor, ConnectionUse::Joins),
        Action::Connects { actor, times } => (actor, ConnectionUse::Connects { many: *times > 1 }),
        Action::Says { actor, .. } | Action::Sends { actor, .. } => (actor, ConnectionUse::Speaks),
        // The terminal shows what the user gets.
        Action::Gets { actor, .. }
        | Action::Types { actor, .. }
        | Action::Presses { actor, .. }
        | Action::SeesMessage { actor, .. }
            if actor == "user" =>
        {
            return None;
        }
        Action::Ends { actor } if is_program_under_test(actor) => return None,
        Action::PersonStarts { actor, .. } => (actor, ConnectionUse::Starts),
        Action::Gets { actor, .. } if role == Role::Pair => (actor, ConnectionUse::IsAtTerminal),
        Action::SeesMessage { actor, .. } => (actor, ConnectionUse::IsAtTerminal),
        Action::Types { actor, .. } => (actor, ConnectionUse::Types),
        Action::Presses { actor, .. } | Action::Ends { actor } => (actor, ConnectionUse::Ends),
        Action::Gets { actor, .. }
        | Action::Hears { actor, .. }
        | Action::HearsNothing { actor } => (actor, ConnectionUse::Hears),
        Action::StopsReading { actor } => (actor, ConnectionUse::StopsReading),
        Action::Closes { actor } | Action::Resets { actor } => (actor, ConnectionUse::Leaves),
        Action::IsDisconnected { actor } => (actor, ConnectionUse::IsDisconnected),
        _ => return None,
    })
}

/// Whether a step only checks what was sent or printed before the end.
fn is_allowed_after_end(action: &Action) -> bool {
    matches!(
        action,
        Action::Gets { .. }
            | Action::Hears { .. }
            | Action::HearsNothing { .. }
            | Action::IsDisconnected { .. }
            | Action::SeesMessage { .. }
            | Action::TerminalNeverGets { .. }
            | Action::PrintsItsPort
            | Action::Pass { .. }
    ) || matches!(action, Action::Ends { actor } if !is_program_under_test(actor))
}

/// Whether a step does something to the program that waits for no answer.
fn is_possible_in_pause(action: &Action) -> bool {
    matches!(
        action,
        Action::Closes { .. }
            | Action::Resets { .. }
            | Action::Types { .. }
            | Action::Presses { .. }
            | Action::IsInterrupted
            | Action::IsTerminated
    )
}

/// Whether a word stands for the program under test, rather than for a person.
fn is_program_under_test(word: &str) -> bool {
    matches!(word, "server" | "client")
}
