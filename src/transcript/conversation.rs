use super::error::{Error, ErrorKind, MOST_ACTORS};
use super::nearest::nearest;
use super::parser::Part;
use super::place::Place;
use super::statement::{MOST_CONNECTIONS, MOST_SECONDS, Statement};
use super::syntax::{Action, Role};
use std::collections::BTreeMap;

/// What is wrong with the order of the steps: nobody speaks before there is a connection, or after.
///
/// A line that is wrong by itself may have meant anything, so nothing is held against its actor
/// afterwards.
pub(super) fn faults(role: Role, parts: &[Part<'_>]) -> Vec<Error> {
    let mut conversation = Conversation::default();
    if role == Role::Client {
        conversation
            .presences
            .insert("server".into(), Presence::Connected);
    }
    let faults = parts.iter().filter_map(|part| match part {
        Part::Step(statement) => conversation.fault(statement).err(),
        Part::Wrong(first_word) => {
            if conversation.presences.len() < MOST_ACTORS {
                let actor = first_word.to_lowercase();
                conversation.presences.insert(actor, Presence::Unknown);
            }
            None
        }
    });
    let mut faults: Vec<Error> = faults.collect();
    if role == Role::Client {
        faults.extend(late_start(parts));
    }
    faults
}

/// A client transcript whose first step is something else than `client starts`.
fn late_start(parts: &[Part<'_>]) -> Option<Error> {
    let starts =
        |statement: &&Statement| matches!(statement.step.action, Action::ClientStarts { .. });
    let Some(Part::Step(first)) = parts.first() else {
        return None;
    };
    if starts(&first) {
        return None;
    }
    let steps = parts.iter().filter_map(|part| match part {
        Part::Step(statement) => Some(statement),
        Part::Wrong(_) => None,
    });
    let late = steps.filter(starts).map(|start| start.verb).next();
    Some(ErrorKind::ClientStartsLate(late).at(first.subject))
}

#[derive(Default)]
struct Conversation {
    /// What is known of each actor's connection; an actor who is not in it never had one.
    presences: BTreeMap<String, Presence>,
    /// The step that started the client.
    started: Option<Place>,
    /// The step after which the program under test is over.
    ended: Option<Place>,
    /// What all steps up to here move, open and wait for.
    so_far: Effort,
    /// Set once there was an actor too many.
    has_too_many_actors: bool,
}

/// What steps ask of the machine.
#[derive(Clone, Copy, Default)]
struct Effort {
    bytes: u64,
    connections: u64,
    seconds: u64,
}

/// Maximum number of bytes that all steps of a transcript send and await.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

impl Effort {
    /// Adds a step, and says which limit is exceeded by it and was not before.
    fn add(&mut self, action: &Action) -> Option<&'static str> {
        let (sum, more, most, why) = match action {
            Action::Sends { bytes, times, .. } | Action::Hears { bytes, times, .. } => (
                &mut self.bytes,
                bytes.len() as u64 * u64::from(*times),
                MOST_BYTES,
                "all steps together send and hear at most 64 MiB",
            ),
            Action::Connects { times, .. } => (
                &mut self.connections,
                u64::from(*times),
                u64::from(MOST_CONNECTIONS),
                "all steps together open at most 10,000 connections",
            ),
            Action::Pass { seconds } => (
                &mut self.seconds,
                u64::from(*seconds),
                u64::from(MOST_SECONDS),
                "all steps together let at most 600 seconds pass",
            ),
            _ => return None,
        };
        let was_too_much = *sum > most;
        *sum += more;
        (*sum > most && !was_too_much).then_some(why)
    }
}

#[derive(Clone, Copy)]
enum Presence {
    /// Perhaps open.
    Unknown,
    Connected,
    /// Many connections, since this step.
    Crowd(Place),
    /// Open, and what comes is left where it is since this step.
    NotReading(Place),
    /// Ended by this step, from the harness's side: nothing is said or heard any more.
    Left(Place),
    /// Ended by the subject, as this step says: what came before can still be heard.
    Disconnected(Place),
}

/// What a step does with its actor's connection.
#[derive(Clone, Copy)]
enum Use {
    Joins,
    Connects { many: bool },
    Speaks,
    Hears,
    StopsReading,
    Leaves,
    IsDisconnected,
}

impl Conversation {
    /// Takes note of a step, or tells what is wrong with it at this point.
    fn fault(&mut self, statement: &Statement) -> Result<(), Error> {
        let action = &statement.step.action;
        if let Some(ended) = self.ended.filter(|_| !makes_sense_after_the_end(action)) {
            return Err(ErrorKind::SubjectOver(ended).at(statement.verb));
        }
        match action {
            Action::Ends => self.ended = Some(statement.verb),
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
        match connection_use(action) {
            Some((actor, step)) => self.use_connection(actor, step, statement),
            None => Ok(()),
        }
    }

    fn use_connection(&mut self, actor: &str, step: Use, at: &Statement) -> Result<(), Error> {
        let presence = self.presences.get(actor).copied();
        if presence.is_none() && self.presences.len() >= MOST_ACTORS {
            // Told once: of all the others nothing is known.
            let is_told = std::mem::replace(&mut self.has_too_many_actors, true);
            let error = ErrorKind::TooManyActors.at(at.subject);
            return if is_told { Ok(()) } else { Err(error) };
        }
        match after(presence, step, at.verb) {
            Ok(presence) => {
                self.presences.insert(actor.into(), presence);
                Ok(())
            }
            Err(Refusal::NotHere) => {
                let present = self.presences.keys().map(String::as_str);
                let meant = nearest(actor, present).map(str::to_owned);
                self.presences.insert(actor.into(), Presence::Unknown);
                Err(ErrorKind::NotHereYet(actor.into(), meant).at(at.subject))
            }
            Err(Refusal::Crowd(since)) => Err(ErrorKind::Crowd(actor.into(), since).at(at.verb)),
            Err(Refusal::NotReading(since)) => {
                Err(ErrorKind::NotReading(actor.into(), since).at(at.verb))
            }
            Err(Refusal::Over(since)) => {
                Err(ErrorKind::ConnectionOver(actor.into(), since).at(at.verb))
            }
        }
    }
}

/// Why a step makes no sense for an actor, and since when.
enum Refusal {
    NotHere,
    Crowd(Place),
    NotReading(Place),
    Over(Place),
}

/// The actor's presence after a step whose verb stands at `verb`.
fn after(presence: Option<Presence>, step: Use, verb: Place) -> Result<Presence, Refusal> {
    match (presence, step) {
        (Some(crowd @ Presence::Crowd(_)), Use::Connects { .. }) => Ok(crowd),
        (Some(Presence::Crowd(_)), Use::Leaves) => Ok(Presence::Left(verb)),
        (Some(Presence::Crowd(since)), _) => Err(Refusal::Crowd(since)),
        (_, Use::Joins | Use::Connects { many: false }) => Ok(Presence::Connected),
        (_, Use::Connects { many: true }) => Ok(Presence::Crowd(verb)),
        (None, _) => Err(Refusal::NotHere),
        (Some(Presence::Left(since)), _) => Err(Refusal::Over(since)),
        (Some(ended @ Presence::Disconnected(_)), Use::Hears | Use::IsDisconnected) => Ok(ended),
        (Some(Presence::Disconnected(since)), _) => Err(Refusal::Over(since)),
        (Some(Presence::NotReading(since)), Use::Hears) => Err(Refusal::NotReading(since)),
        (Some(presence), Use::Speaks | Use::Hears) => Ok(presence),
        (Some(_), Use::StopsReading) => Ok(Presence::NotReading(verb)),
        (Some(_), Use::Leaves) => Ok(Presence::Left(verb)),
        (Some(_), Use::IsDisconnected) => Ok(Presence::Disconnected(verb)),
    }
}

/// Whose connection a step uses, and how.
fn connection_use(action: &Action) -> Option<(&str, Use)> {
    Some(match action {
        Action::Joins { actor, .. } => (actor, Use::Joins),
        Action::Connects { actor, times } => (actor, Use::Connects { many: *times > 1 }),
        Action::Says { actor, .. } | Action::Sends { actor, .. } => (actor, Use::Speaks),
        // What the user gets is seen on the terminal.
        Action::Gets { actor, .. } if actor == "user" => return None,
        Action::Gets { actor, .. }
        | Action::Hears { actor, .. }
        | Action::HearsNothing { actor } => (actor, Use::Hears),
        Action::StopsReading { actor } => (actor, Use::StopsReading),
        Action::Closes { actor } | Action::Resets { actor } => (actor, Use::Leaves),
        Action::IsDisconnected { actor } => (actor, Use::IsDisconnected),
        _ => return None,
    })
}

/// What was sent or printed before the end can be looked at after it.
fn makes_sense_after_the_end(action: &Action) -> bool {
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
    )
}
