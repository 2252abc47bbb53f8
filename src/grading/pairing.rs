//! Plays a short conversation with every server and every client of a class.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::class_run::Abandoned;
use super::examination::{Candidate, Prepared, Terms, prepared};
use super::matrix::{Matrix, Member, Presence};
use super::record::PartOutcome;
use crate::conformance::encounter::{Host, NoParticipant, Participant, encounter};
use crate::conformance::session::NoResult;
use crate::transcript::syntax::Role;

/// Progress, for a person who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PairingProgress {
    /// A submission was built, and its programs were tried.
    Tried,
    /// This many pairs are to talk.
    Began(usize),
    /// A pair has talked.
    Talked,
}

/// Builds every submission, and lets every server talk with every client. Of the submissions, `side_by_side` are built
/// and tried at the same time. They may be a sample of the class, which has a name and a number of submissions.
///
/// # Errors
/// Why there is no result.
pub fn pair_all(
    class: (String, usize),
    candidates: &[Candidate],
    terms: &Terms<'_>,
    side_by_side: usize,
    progress: &(dyn Fn(PairingProgress) + Sync),
) -> Result<Matrix, Abandoned> {
    let attendees = each(candidates.len(), side_by_side, &|at| {
        let attendee = Attendee::new(&candidates[at], terms)?;
        progress(PairingProgress::Tried);
        Ok(attendee)
    })?;
    let count = attendees.len();
    // Own programs first, and no submission much more often than another.
    let shifted = |shift: usize| (0..count).map(move |server| (server, (server + shift) % count));
    let pairs: Vec<(&Participant, &Participant, usize)> = (0..count)
        .flat_map(shifted)
        .filter_map(|(server, client)| {
            let participants = (&attendees[server].server, &attendees[client].client);
            let (Ok(of_server), Ok(of_client)) = participants else {
                return None;
            };
            Some((of_server, of_client, server * count + client))
        })
        .collect();
    progress(PairingProgress::Began(pairs.len()));
    let host = Host {
        harness: terms.harness,
        slots: terms.slots,
        cancelled: terms.cancelled,
    };
    let talked = each(pairs.len(), terms.at_once, &|at| {
        let (server, client, place) = pairs[at];
        let talked = encounter(server, client, host).ok_or(Abandoned::Cancelled)?;
        progress(PairingProgress::Talked);
        Ok((place, talked))
    })?;
    let mut encounters = vec![vec![None; count]; count];
    for (place, talked) in talked {
        encounters[place / count][place % count] = Some(talked);
    }
    let members = candidates.iter().zip(&attendees);
    let members = members.map(|(candidate, attendee)| Member {
        name: candidate.name.clone(),
        server: presence(&attendee.server),
        client: presence(&attendee.client),
    });
    Ok(Matrix::of(class.0, class.1, members.collect(), encounters))
}

/// A submission that is built, and whose programs were tried.
struct Attendee {
    server: Result<Participant, Absence>,
    client: Result<Participant, Absence>,
    /// Its copy, which stays as long as its programs are needed.
    _prepared: Option<Prepared>,
}

/// Why a program does not take part.
#[derive(Debug, Clone)]
struct Absence {
    reason: String,
    is_of_machine: bool,
}

impl From<PartOutcome> for Absence {
    fn from(outcome: PartOutcome) -> Absence {
        match outcome {
            PartOutcome::NotFound { reason } | PartOutcome::NotBuilt { reason, .. } => Absence {
                reason,
                is_of_machine: false,
            },
            PartOutcome::NotJudged { reason } => Absence {
                reason,
                is_of_machine: true,
            },
            PartOutcome::Judged { .. } => Absence {
                reason: "It was not tried.".to_owned(),
                is_of_machine: true,
            },
        }
    }
}

impl Attendee {
    /// # Errors
    /// It was cancelled, or this machine cannot judge anybody.
    fn new(candidate: &Candidate, terms: &Terms<'_>) -> Result<Attendee, Abandoned> {
        // Remarks are for reports about one submission.
        let prepared = prepared(candidate, terms, &mut Vec::new());
        if terms.cancelled.load(Ordering::Relaxed) {
            return Err(Abandoned::Cancelled);
        }
        match prepared {
            Ok(prepared) => Ok(Attendee {
                server: participant(Role::Server, &prepared, terms)?,
                client: participant(Role::Client, &prepared, terms)?,
                _prepared: Some(prepared),
            }),
            Err(outcome) => {
                let absence = Absence::from(outcome);
                Ok(Attendee {
                    server: Err(absence.clone()),
                    client: Err(absence),
                    _prepared: None,
                })
            }
        }
    }
}

fn participant(
    role: Role,
    prepared: &Prepared,
    terms: &Terms<'_>,
) -> Result<Result<Participant, Absence>, Abandoned> {
    let subject = match prepared.program(role, terms) {
        Ok(chosen) => chosen.subject,
        Err(part) => return Ok(Err(part.outcome.into())),
    };
    match Participant::new(&subject, terms.cancelled) {
        Ok(participant) => Ok(Ok(participant)),
        Err(NoParticipant::DoesNotStart(why)) => Ok(Err(Absence {
            reason: format!("The {role} does not start: {why}."),
            is_of_machine: false,
        })),
        Err(NoParticipant::NoResult(NoResult::Cancelled)) => Err(Abandoned::Cancelled),
        Err(NoParticipant::NoResult(why)) => Err(Abandoned::Unfit(why.to_string())),
    }
}

fn presence(program: &Result<Participant, Absence>) -> Presence {
    match program {
        Ok(participant) => Presence::Present {
            dialect: participant.dialect(),
        },
        Err(absence) => Presence::Absent {
            reason: absence.reason.clone(),
            is_of_machine: absence.is_of_machine,
        },
    }
}

/// Does the work for each number below `count`, `at_once` at the same time. Returns the results in order.
///
/// # Errors
/// The first one of the work; nothing more begins after it.
fn each<T: Send>(
    count: usize,
    at_once: usize,
    work: &(dyn Fn(usize) -> Result<T, Abandoned> + Sync),
) -> Result<Vec<T>, Abandoned> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, T)>> = Mutex::default();
    let failed: Mutex<Option<Abandoned>> = Mutex::default();
    let is_failed = || {
        failed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    };
    std::thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, count.max(1)) {
            scope.spawn(|| {
                while !is_failed() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    let outcome = catch_unwind(AssertUnwindSafe(|| work(at)));
                    match outcome.unwrap_or(Err(Abandoned::Failed)) {
                        Ok(result) => {
                            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                            done.push((at, result));
                        }
                        Err(why) => {
                            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                            failed.get_or_insert(why);
                        }
                    }
                }
            });
        }
    });
    if let Some(why) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(why);
    }
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_and_the_first_failure_ends_the_work() {
        let squares = each(20, 4, &|at| Ok(at * at)).expect("all succeed");
        assert_eq!(squares, (0..20).map(|at| at * at).collect::<Vec<_>>());
        assert_eq!(each(0, 4, &|_| Ok(())), Ok(Vec::new()));
        let began = AtomicUsize::new(0);
        let work = |at: usize| {
            began.fetch_add(1, Ordering::Relaxed);
            if at == 2 {
                Err(Abandoned::Cancelled)
            } else {
                Ok(())
            }
        };
        assert_eq!(each(100, 1, &work), Err(Abandoned::Cancelled));
        assert_eq!(began.into_inner(), 3);
        let panics = |_: usize| -> Result<(), Abandoned> { panic!("on purpose") };
        assert_eq!(each(3, 2, &panics), Err(Abandoned::Failed));
    }
}
