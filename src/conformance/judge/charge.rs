//! Which requirement a failed run is charged to.

use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::leaving::{Leaving, leavings};
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::{Departure, Present, Standing};
use crate::conformance::evidence::shortfall::{Got, Shortfall};
use crate::conformance::evidence::topic::{Togetherness, Topic};
use crate::conformance::evidence::{EventKind, Evidence, Outcome};
use crate::conformance::suite::id;
use crate::conformance::suite::table::Table;
use crate::transcript::syntax::{Action, Role, Step, Transcript};

/// What a failed run is charged to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Id of the requirement.
    pub requirement: String,
    /// Id of a plainer requirement without which this one cannot hold: where it is broken, it is to blame.
    pub rests_on: Option<String>,
}

impl Charge {
    /// A charge that rests on no other requirement.
    pub(super) fn of(id: &str) -> Charge {
        Charge {
            requirement: id.to_owned(),
            rests_on: None,
        }
    }
}

/// The requirement that a topic belongs to.
pub fn requirement_of(topic: Topic) -> &'static str {
    match topic {
        Topic::LineEnd => id::W_LINE_1,
        Topic::ServerStart => id::S_PORT_1,
        Topic::PortPrinted => id::S_PORT_2,
        Topic::Registration => id::S_REG_1,
        Topic::RegistrationBesideOthers => id::S_CONC_1,
        Topic::SilentClient => id::S_CONC_2,
        Topic::AcceptanceWords => id::S_REG_2,
        Topic::Rejection => id::S_REG_3,
        Topic::RejectionWords => id::S_REG_4,
        Topic::NameTaken => id::S_REG_5,
        Topic::NameTakenWords => id::S_REG_6,
        Topic::Relaying => id::S_MSG_1,
        Topic::NameFreed(Departure::Disconnect) => id::S_DISC_2,
        Topic::NameFreed(Departure::Close) => id::S_DISC_5,
        Topic::NameFreed(Departure::Reset) => id::S_DISC_7,
        Topic::Closing => id::S_DISC_4,
        Topic::ServerGoodbye => id::S_SHUT_1,
        Topic::ServerEnd => id::S_SHUT_2,
        Topic::ServerTerminated => id::S_HARD_7,
        Topic::ClientStart => id::C_ARG_1,
        Topic::ClientRegistration => id::C_REG_1,
        Topic::ClientMessage => id::C_MSG_1,
        Topic::ClientSilence => id::C_REG_2,
        Topic::MessageShown => id::C_MSG_2,
        Topic::KeyAwaited => id::C_MSG_3,
        Topic::ClientGoodbye => id::C_QUIT_1,
        Topic::ClientEnd(cause) => match cause {
            Cause::Interrupted => id::C_QUIT_2,
            Cause::EndOfInput => id::C_HARD_2,
            Cause::ConnectionLost => id::C_SHUT_2,
            Cause::Rejected => id::C_REG_3,
            Cause::NameTaken => id::C_REG_4,
            Cause::ServerLeft => id::C_SHUT_1,
            Cause::NobodyListens => id::C_ARG_3,
            Cause::BadAddress => id::C_ARG_2,
        },
        Topic::Together(togetherness) => match togetherness {
            Togetherness::Chat => id::P_1,
            Togetherness::ChatOfThree => id::P_2,
            Togetherness::Leaving => id::P_3,
            Togetherness::NameInUse => id::P_4,
            Togetherness::ShutDown => id::P_5,
            Togetherness::ComingBack => id::P_7,
        },
        Topic::Mistake(meaning) => match meaning {
            Meaning::Echo => id::S_MSG_2,
            Meaning::Duplicate | Meaning::Untimely | Meaning::Notice | Meaning::Regular => {
                id::S_MSG_1
            }
            Meaning::ToUnregistered => id::S_MSG_3,
            Meaning::ToRefused | Meaning::FromUnregistered => id::S_REG_7,
            Meaning::ToDeparted | Meaning::FromDeparted => id::S_DISC_1,
            Meaning::Forged => id::S_HARD_1,
            Meaning::AnswerToDisconnect => id::S_DISC_3,
            Meaning::RelayedDisconnect => id::S_DISC_6,
            Meaning::SentTwice => id::C_MSG_1,
        },
    }
}

/// What a run is charged to; `None` where it did not fail, or where only its transcript can say: in a suite that
/// does not have the requirement, each transcript answers for itself.
pub fn charge(transcript: &Transcript, run: &Evidence, table: &Table) -> Option<Charge> {
    let charge = match &run.outcome {
        // A pair whose clients do not connect does not chat.
        Outcome::Skipped {
            because_of: Topic::ClientStart,
        } if transcript.role == Role::Pair => Charge::of(id::P_1),
        Outcome::Skipped { because_of } => Charge::of(requirement_of(*because_of)),
        Outcome::FellShort(_) if table.has(id::S_RUN_1) && ends_at_disconnect(transcript, run) => {
            Charge::of(id::S_RUN_1)
        }
        Outcome::FellShort(shortfall) => {
            let about = Topic::of_shortfall(transcript, shortfall)?;
            let mut requirement = requirement_of(about.topic);
            if about.is_about_code {
                requirement = table.wording_of(requirement).unwrap_or(requirement);
            }
            let of_step = Topic::of_step(transcript, shortfall.step, &shortfall.present);
            let ground = Topic::alone(transcript, shortfall.step)
                .filter(|_| of_step == Some(about.topic))
                .map(requirement_of)
                .filter(|ground| table.rests_on(requirement, ground));
            // A server that ends by itself before it has registered anybody may not serve at all.
            let serves_nobody = requirement == id::S_REG_1
                && shortfall.ended.is_some()
                && !has_registered(&shortfall.present);
            let ground = ground.or(serves_nobody.then_some(id::S_PORT_1));
            // A client that is blocked reading the keyboard notices nothing else either.
            let awaits_key = || {
                Some(match transcript.role {
                    Role::Pair => id::P_1,
                    Role::Server | Role::Client => requirement_of(Topic::KeyAwaited),
                })
            };
            let ground = ground.or_else(|| awaits_key().filter(|_| shortfall.waited_for_enter));
            // A server that serves no newcomer beside others does not refuse one either.
            let is_refusal = matches!(about.topic(), Topic::Rejection | Topic::NameTaken);
            let is_unanswered = matches!(
                shortfall.got,
                Got::Nothing { .. } | Got::Closed | Got::Reset | Got::NotConnected { .. }
            );
            let is_unserved = is_refusal
                && is_unanswered
                && shortfall.ended.is_none()
                && is_beside_others(transcript, shortfall);
            let ground = ground.or(is_unserved.then_some(id::S_CONC_1));
            let ground = ground.filter(|ground| *ground != requirement);
            Charge {
                requirement: requirement.to_owned(),
                rests_on: ground.map(str::to_owned),
            }
        }
        Outcome::Completed | Outcome::NotApplicable { .. } | Outcome::Unable { .. } => return None,
    };
    Some(charge).filter(|charge| table.has(&charge.requirement))
}

/// Whether anybody was ever registered.
fn has_registered(present: &[Present]) -> bool {
    let is_so =
        |actor: &Present| matches!(actor.standing, Standing::Registered(_) | Standing::Departed);
    present.iter().any(is_so)
}

/// Whether somebody else is registered at the step that fell short.
fn is_beside_others(transcript: &Transcript, shortfall: &Shortfall) -> bool {
    let step = transcript.steps.get(shortfall.step);
    let actor = step.and_then(|step| step.action.actor());
    let is_other = |other: &Present| {
        Some(other.actor.as_str()) != actor && matches!(other.standing, Standing::Registered(_))
    };
    shortfall.present.iter().any(is_other)
}

fn ends_at_disconnect(transcript: &Transcript, run: &Evidence) -> bool {
    leaving_at_end(transcript, run).is_some_and(|leaving| leaving.how == Departure::Disconnect)
}

/// Who had just left when the program ended unasked: then it does not keep serving, whatever the step asked about at
/// which that was noticed.
pub(super) fn leaving_at_end(transcript: &Transcript, run: &Evidence) -> Option<Leaving> {
    let Outcome::FellShort(shortfall) = &run.outcome else {
        return None;
    };
    let ended = run.events.iter().find_map(|event| match event.kind {
        EventKind::Ended { .. } => event.step,
        _ => None,
    });
    let ended = ended.or(shortfall.ended.as_ref().map(|_| shortfall.step));
    // A line that came is wrong by itself. The number of the step comes from evidence, which may be a file.
    let until_then = ended
        .filter(|_| transcript.role == Role::Server && shortfall.got.line().is_none())
        .and_then(|at| transcript.steps.get(..=at))?;
    let asks = |step: &Step| matches!(step.action, Action::IsInterrupted | Action::IsTerminated);
    if until_then.iter().any(asks) {
        return None;
    }
    let acts = |step: &Step| {
        matches!(
            step.action,
            Action::Joins { .. }
                | Action::Connects { .. }
                | Action::Says { .. }
                | Action::Sends { .. }
                | Action::Closes { .. }
                | Action::Resets { .. }
        )
    };
    // It takes a moment to end, in which somebody else may do something. What happens in a pause happens at one moment.
    let mut moment = 0;
    let mut is_paused = false;
    let mut moments = Vec::new();
    for step in until_then {
        match step.action {
            Action::IsPaused => (is_paused, moment) = (true, moment + 1),
            Action::GoesOn => is_paused = false,
            _ if acts(step) && !is_paused => moment += 1,
            _ => {}
        }
        moments.push(moment);
    }
    let with_moments = leavings(until_then).into_iter().zip(moments);
    let latest_first = with_moments.collect::<Vec<_>>().into_iter().rev();
    let latest = latest_first.take_while(|(_, at)| at + 2 > moment);
    let latest: Vec<Leaving> = latest.filter_map(|(leaving, _)| leaving).collect();
    let by_disconnect = |leaving: &&Leaving| leaving.how == Departure::Disconnect;
    latest
        .iter()
        .find(by_disconnect)
        .or(latest.first())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::conversation::room::{Present, Room};
    use crate::conformance::evidence::Excerpt;
    use crate::conformance::evidence::shortfall::Expected;
    use crate::conformance::suite::Suite;
    use crate::transcript::parse;

    fn table() -> Table {
        let suite = Suite::embedded();
        suite.map_or_else(|_| panic!("the suite is broken"), |suite| suite.table())
    }

    fn transcript(steps: &str) -> Transcript {
        let covers = if steps.starts_with("client") {
            "C-MSG-4"
        } else if steps.starts_with("alice starts") {
            "P-6"
        } else {
            "S-MSG-4"
        };
        let source = format!("# A case.\ncovers {covers}\n\n{steps}\n");
        parse("case", &source).expect("is a transcript")
    }

    fn requirement_of_step(
        transcript: &Transcript,
        index: usize,
        present: &[Present],
    ) -> Option<&'static str> {
        Topic::of_step(transcript, index, present).map(requirement_of)
    }

    /// The requirement of each step, where nobody is connected.
    #[track_caller]
    fn charges(steps: &[(&str, Option<&'static str>)]) {
        let text: Vec<&str> = steps.iter().map(|(step, _)| *step).collect();
        let transcript = transcript(&text.join("\n"));
        for (index, (step, id)) in steps.iter().enumerate() {
            assert_eq!(requirement_of_step(&transcript, index, &[]), *id, "{step}");
        }
    }

    #[test]
    fn the_words_after_a_code_belong_to_the_requirement_that_the_table_says() {
        let table = table();
        for topic in Topic::all() {
            let id = requirement_of(topic);
            let of_code = requirement_of(topic.of_code());
            assert_eq!(table.wording_of(id).unwrap_or(id), of_code, "{topic:?}");
        }
    }

    #[test]
    fn each_step_with_a_server_is_about_its_requirement() {
        charges(&[
            ("alice joins", Some("S-REG-1")),
            ("bob connects", None),
            ("bob > REGISTER bob CHAT/1.0", None),
            ("bob < 200 ...", Some("S-REG-1")),
            ("bob < 400 ...", Some("S-REG-3")),
            ("bob < 401 ...", Some("S-REG-5")),
            ("bob < 200 Registration successful", Some("S-REG-2")),
            ("bob < 400 Invalid registration", Some("S-REG-4")),
            ("bob < 401 Client already registered", Some("S-REG-6")),
            ("bob < 500 ...", None),
            ("bob < @alice: hi", Some("S-MSG-1")),
            ("bob < something else", None),
            ("bob sends \"x\"", None),
            ("bob hears \"@alice: hi\\n\"", Some("S-MSG-1")),
            ("bob hears nothing", None),
            ("bob is disconnected", Some("S-DISC-4")),
            ("carol connects", None),
            ("carol stops reading", None),
            ("carol resets", None),
            ("server prints its port", Some("S-PORT-2")),
            ("another server starts", Some("S-PORT-1")),
            ("2 seconds pass", None),
            ("server grows by at most 2 KiB", None),
            ("alice closes", None),
            ("dave joins", Some("S-REG-1")),
            ("server is interrupted", None),
            ("dave < DISCONNECT CHAT/1.0", Some("S-SHUT-1")),
            ("server ends", Some("S-SHUT-2")),
        ]);
        charges(&[
            ("alice joins", Some("S-REG-1")),
            ("server is terminated", None),
            ("alice < DISCONNECT CHAT/1.0", Some("S-HARD-7")),
            ("server ends", Some("S-HARD-7")),
        ]);
    }

    #[test]
    fn who_else_is_connected_decides_what_a_registration_and_a_message_are_about() {
        let transcript = transcript("alice joins\nbob joins\nbob < @alice: hi");
        let mut room = Room::new(Role::Server);
        let table = table();
        let ids = |room: &Room| {
            [0, 1, 2].map(|step| {
                requirement_of_step(&transcript, step, &room.present()).expect("has one")
            })
        };
        let grounds = |room: &Room| {
            [0, 1, 2].map(|step| {
                let id = requirement_of_step(&transcript, step, &room.present())?;
                let alone = Topic::alone(&transcript, step).map(requirement_of);
                alone.filter(|ground| table.rests_on(id, ground))
            })
        };
        assert_eq!(ids(&room), ["S-REG-1", "S-REG-1", "S-MSG-1"]);
        assert_eq!(grounds(&room), [None, None, None]);
        room.connected("alice");
        room.said(0, "alice", "REGISTER alice CHAT/1.0");
        room.registered("alice", "alice");
        assert_eq!(ids(&room), ["S-REG-1", "S-CONC-1", "S-MSG-1"]);
        room.connected("lurker");
        assert_eq!(ids(&room), ["S-CONC-2", "S-CONC-2", "S-CONC-2"]);
        let plain = [Some("S-REG-1"), Some("S-REG-1"), Some("S-MSG-1")];
        assert_eq!(grounds(&room), plain);
        room.left("lurker", false);
        room.left("alice", false);
        assert_eq!(ids(&room), ["S-REG-1", "S-REG-1", "S-MSG-1"]);
    }

    /// What the last of these steps rests on, if it is not answered beside somebody who is registered.
    fn ground_of_silence(steps: &str) -> Option<String> {
        let transcript = transcript(steps);
        let outcome = Outcome::FellShort(Shortfall {
            step: transcript.steps.len() - 1,
            expected: Expected::Line {
                line: "400".to_owned(),
                open_ended: true,
            },
            got: Got::Nothing { after: 1000 },
            ended: None,
            present: vec![Present {
                actor: "alice".to_owned(),
                standing: Standing::Registered("alice".to_owned()),
                has_spoken: true,
            }],
            who_ended: None,
            waited_for_enter: false,
        });
        charge(&transcript, &run(outcome), &table()).and_then(|charge| charge.rests_on)
    }

    #[test]
    fn who_is_not_refused_beside_others_may_not_be_served_at_all() {
        let beside = |answer: &str| {
            ground_of_silence(&format!(
                "alice joins\nbob connects\nbob > x\nbob < {answer}"
            ))
        };
        assert_eq!(beside("400 ...").as_deref(), Some("S-CONC-1"));
        assert_eq!(beside("401 ...").as_deref(), Some("S-CONC-1"));
        assert_eq!(ground_of_silence("alice connects\nalice < 400 ..."), None);
    }

    /// The charge for a 401 at the last of these steps, beside somebody who is registered.
    fn charge_of_401(steps: &str) -> Option<String> {
        let transcript = transcript(steps);
        let outcome = Outcome::FellShort(Shortfall {
            step: transcript.steps.len() - 1,
            expected: Expected::Line {
                line: "200".to_owned(),
                open_ended: true,
            },
            got: Got::Line {
                line: Excerpt::of(b"401 Client already registered"),
                meaning: Meaning::Regular,
                freed: None,
            },
            ended: None,
            present: vec![Present {
                actor: "anna".to_owned(),
                standing: Standing::Registered("anna".to_owned()),
                has_spoken: true,
            }],
            who_ended: None,
            waited_for_enter: false,
        });
        charge(&transcript, &run(outcome), &table()).map(|charge| charge.requirement)
    }

    #[test]
    fn a_name_that_nobody_asked_for_is_new_whoever_else_is_there() {
        let asks = "ann connects\nann > REGISTER ann CHAT/1.0\nann < 200 ...";
        let reg_1 = Some("S-REG-1".to_owned());
        assert_eq!(charge_of_401("anna joins\nann joins"), reg_1);
        assert_eq!(charge_of_401(&format!("anna joins\n{asks}")), reg_1);
        let conc_1 = Some("S-CONC-1".to_owned());
        assert_eq!(
            charge_of_401("anna joins as ann\nanna closes\nann joins"),
            conc_1
        );
    }

    #[test]
    fn each_step_with_a_client_is_about_its_requirement() {
        charges(&[
            ("client starts as alice", Some("C-ARG-1")),
            ("server < REGISTER alice CHAT/1.0", Some("C-REG-1")),
            ("server > 200 Registration successful", None),
            ("user types \"hi\\n\"", None),
            ("server < @alice: hi", Some("C-MSG-1")),
            ("server hears \"@alice: hi\\n\"", Some("C-MSG-1")),
            (
                "server hears \"REGISTER alice CHAT/1.0\\n\"",
                Some("C-REG-1"),
            ),
            ("server < something else", None),
            ("server sends \"@bob: ho\\n\"", None),
            ("user < @bob: ho", Some("C-MSG-2")),
            ("server hears nothing", None),
            ("terminal never gets \"\\x1b\"", None),
            ("client grows by at most 2 KiB", None),
            ("1 second passes", None),
            // For no reason.
            ("client ends", None),
        ]);
    }

    /// The charge for a client that had ended before the last of these steps.
    fn charge_of_early_end(steps: &str) -> Option<String> {
        let transcript = transcript(&format!("client starts as alice\n{steps}"));
        let outcome = Outcome::FellShort(Shortfall {
            step: transcript.steps.len() - 1,
            expected: Expected::StillConnected {
                actor: "the client".to_owned(),
            },
            got: Got::EndedBefore,
            ended: Some("exit status 1".to_owned()),
            present: Vec::new(),
            who_ended: None,
            waited_for_enter: false,
        });
        charge(&transcript, &run(outcome), &table()).map(|charge| charge.requirement)
    }

    fn run(outcome: Outcome) -> Evidence {
        Evidence::without_steps(outcome)
    }

    #[test]
    fn each_step_with_a_pair_is_about_what_happened_before() {
        charges(&[
            ("alice starts", Some("P-1")),
            ("bob starts", Some("P-1")),
            ("bob types \"hi\\n\"", Some("P-1")),
            ("alice < @bob: hi", Some("P-1")),
            ("carol starts", Some("P-1")),
            ("carol < @bob: hi", Some("P-2")),
            ("impostor starts as bob", Some("P-2")),
            ("impostor sees an error", Some("P-4")),
            ("impostor ends", Some("P-4")),
            ("carol < @bob: still here", Some("P-4")),
            ("bob presses Ctrl-C", Some("P-4")),
            ("bob ends", Some("P-3")),
            ("carol < @alice: bye, Bob", Some("P-3")),
            ("bob starts", Some("P-3")),
            ("alice < @bob: back again", Some("P-7")),
            ("server is interrupted", Some("P-7")),
            ("alice sees a notice", Some("P-5")),
            ("server ends", Some("P-5")),
        ]);
    }

    #[test]
    fn what_is_plainer_is_to_blame_in_a_pair_too() {
        let steps = "alice starts\nbob starts\ncarol starts\nbob < @alice: hi\nalice presses Ctrl-C\nserver is interrupted\nbob ends";
        let transcript = transcript(steps);
        let rests_on = |step, waited_for_enter| {
            let outcome = Outcome::FellShort(Shortfall {
                step,
                expected: Expected::Ends,
                got: Got::StillRunning { after: 5000 },
                ended: None,
                present: Vec::new(),
                who_ended: None,
                waited_for_enter,
            });
            let charge = charge(&transcript, &run(outcome), &table()).expect("is charged");
            (charge.requirement, charge.rests_on)
        };
        let is = |id: &str, ground: &str| (id.to_owned(), Some(ground.to_owned()));
        assert_eq!(rests_on(3, false), is("P-2", "P-1"));
        assert_eq!(rests_on(6, false), is("P-5", "P-3"));
        assert_eq!(rests_on(6, true).1.as_deref(), Some("P-3"));
        let alone = "alice starts\nserver is interrupted\nalice ends";
        assert_eq!(Topic::alone(&super::tests::transcript(alone), 2), None);
    }

    #[test]
    fn an_early_end_is_about_what_the_client_was_given_last() {
        let accepted = "server < REGISTER alice CHAT/1.0\nserver > 200 Registration successful\n";
        let typed = "user types \"hi\\n\"\n";
        let shown = "server > @bob: hi\n";
        let cut = "server sends \"@bob: h\"\n";
        for (steps, id) in [
            (accepted.to_owned(), Some("C-REG-2")),
            (format!("{accepted}user types \"half\"\n"), Some("C-REG-2")),
            (format!("{accepted}{typed}"), Some("C-MSG-1")),
            (format!("{accepted}{typed}{shown}"), Some("C-MSG-2")),
            (
                "server < REGISTER alice CHAT/1.0\n".to_owned(),
                Some("C-REG-2"),
            ),
            (format!("{accepted}{typed}6 seconds pass\n"), None),
            // It may give up on a line without an end.
            (format!("{accepted}{cut}"), None),
            (format!("{accepted}server > DISCONNECT CHAT/1.0\n"), None),
        ] {
            let charged = charge_of_early_end(&format!("{steps}user presses Ctrl-C"));
            assert_eq!(charged.as_deref(), id, "{steps}");
        }
    }

    #[test]
    fn a_client_that_waits_for_a_key_is_charged_for_typing_and_receiving_at_once() {
        let steps = "client starts as alice\nserver > @bob: hi\nuser < @bob: hi\nserver > DISCONNECT CHAT/1.0\nclient ends";
        let transcript = transcript(steps);
        let charged = |step, expected, got, waited_for_enter| {
            let outcome = Outcome::FellShort(Shortfall {
                step,
                expected,
                got,
                ended: None,
                present: Vec::new(),
                who_ended: None,
                waited_for_enter,
            });
            let charge = charge(&transcript, &run(outcome), &table()).expect("is charged");
            (charge.requirement, charge.rests_on)
        };
        let shown = || Expected::OnScreen {
            text: Excerpt::of(b"hi"),
            once: false,
        };
        let nothing = || Got::Screen { last_line: None };
        let running = || Got::StillRunning { after: 5000 };
        let is = |id: &str, ground: Option<&str>| (id.to_owned(), ground.map(str::to_owned));
        assert_eq!(charged(2, shown(), nothing(), false), is("C-MSG-2", None));
        assert_eq!(charged(2, shown(), nothing(), true), is("C-MSG-3", None));
        let ends = || Expected::Ends;
        assert_eq!(charged(4, ends(), running(), false), is("C-SHUT-1", None));
        let at_key = charged(4, ends(), running(), true);
        assert_eq!(at_key, is("C-SHUT-1", Some("C-MSG-3")));
    }

    /// A run in which the program is found to have ended at the last step.
    fn ended_unasked(transcript: &Transcript) -> Evidence {
        let actor = "alice".to_owned();
        Evidence::without_steps(Outcome::FellShort(Shortfall {
            step: transcript.steps.len() - 1,
            expected: Expected::StillConnected { actor },
            got: Got::EndedBefore,
            ended: Some("exit status 1".to_owned()),
            present: Vec::new(),
            who_ended: None,
            waited_for_enter: false,
        }))
    }

    #[test]
    fn a_server_that_has_ended_is_charged_to_nothing_of_a_client() {
        let transcript = transcript("alice joins\nbob joins\nalice hears nothing");
        let charge = charge(&transcript, &ended_unasked(&transcript), &table());
        let id = charge.map(|charge| charge.requirement);
        assert!(id.as_ref().is_none_or(|id| id.starts_with("S-")), "{id:?}");
    }

    #[test]
    fn who_left_before_the_end_is_looked_for_in_the_latest_two_moments() {
        let leaving_before = |steps: &str| {
            let transcript = transcript(steps);
            leaving_at_end(&transcript, &ended_unasked(&transcript)).map(|leaving| leaving.how)
        };
        let three_join = "alice joins\nbob joins\ncarol joins\n";
        let left = |steps: &str| leaving_before(&format!("{three_join}{steps}"));
        let disconnect = "bob > DISCONNECT bob CHAT/1.0\n";
        let by_disconnect = Some(Departure::Disconnect);
        assert_eq!(
            left(&format!("{disconnect}carol > @carol: a")),
            by_disconnect
        );
        let later = "carol > @carol: a\nalice > @alice: b";
        assert_eq!(left(&format!("{disconnect}{later}")), None);
        // All of this happens at once.
        let pause = format!("server is paused\n{disconnect}{later}\nserver goes on\n");
        assert_eq!(left(&format!("{pause}dave joins")), by_disconnect);
        assert_eq!(left(&format!("{pause}dave joins\nerin joins")), None);
        let pause = format!("server is paused\n{later}\nserver goes on\n");
        assert_eq!(left(&format!("{disconnect}{pause}dave joins")), None);
    }

    #[test]
    fn the_end_of_a_client_is_about_what_made_it_end() {
        let first = ("client starts as alice", Some("C-ARG-1"));
        for (cause, goodbye, end) in [
            ("user presses Ctrl-C", "C-QUIT-1", "C-QUIT-2"),
            ("client is terminated", "C-QUIT-1", "C-QUIT-2"),
            ("user presses Ctrl-D", "C-HARD-2", "C-HARD-2"),
        ] {
            charges(&[
                first,
                (cause, None),
                ("server < DISCONNECT alice CHAT/1.0", Some(goodbye)),
                ("server is disconnected", Some(end)),
                ("user sees a notice", Some(end)),
                ("client ends", Some(end)),
            ]);
        }
        for (cause, end) in [
            ("server > 400 Invalid registration", "C-REG-3"),
            ("server > 401 Client already registered", "C-REG-4"),
            ("server > DISCONNECT CHAT/1.0", "C-SHUT-1"),
            ("server closes", "C-SHUT-2"),
            ("server resets", "C-SHUT-2"),
        ] {
            charges(&[
                first,
                (cause, None),
                ("user sees an error", Some(end)),
                ("client ends", Some(end)),
            ]);
        }
        for (address, end) in [
            ("chat://{host}:{unused}", "C-ARG-3"),
            ("chat://nobody.invalid:{port}", "C-ARG-3"),
            ("http://{host}:{port}", "C-ARG-2"),
        ] {
            let start = format!("client starts as alice at \"{address}\"");
            charges(&[
                (&start, Some("C-ARG-1")),
                ("user sees an error", Some(end)),
                ("client ends", Some(end)),
            ]);
        }
        charges(&[
            first,
            ("server sends \"DISCONN\"", None),
            ("server sends \"ECT CHAT/1.0\\n\"", None),
            ("client ends", Some("C-SHUT-1")),
        ]);
        // The latest cause counts.
        charges(&[
            first,
            ("server > DISCONNECT CHAT/1.0", None),
            ("user presses Ctrl-C", None),
            ("client ends", Some("C-QUIT-2")),
        ]);
    }
}
