//! The one fault that keeps most of a program from being judged.
//!
//! A program that ends at once fails one requirement and blocks all others. Its author needs to read one
//! sentence: that it ends, what it printed, and what to do.

use super::text::{harmless, printed_line, sentence};
use crate::conformance::evidence::{Event, EventKind, Evidence, visible};
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Requirement;
use crate::grading::assessment::Assessment;
use crate::grading::score::RequirementScore;
use crate::transcript::syntax::Role;

/// How many of the lines that the program printed are kept: most tracebacks are shorter.
const LINES: usize = 11;

/// A failure that blocks at least half of the transcripts.
#[derive(Debug)]
pub(super) struct RootCause<'r> {
    /// The requirement that fails.
    pub(super) requirement: &'r str,
    /// What the program does, in one sentence.
    pub(super) sentence: String,
    /// The last lines that it printed.
    pub(super) printed: Vec<String>,
    /// What to do about it, in one or two sentences.
    pub(super) advice: String,
    /// How many transcripts it blocks.
    pub(super) blocked: usize,
    /// How many transcripts there are.
    pub(super) transcripts: usize,
}

impl RootCause<'_> {
    /// What follows from it, in a sentence.
    pub(super) fn consequence(&self) -> String {
        format!(
            "{} of {} transcripts cannot be judged because of this (requirement {}).",
            self.blocked,
            self.transcripts,
            harmless(self.requirement)
        )
    }
}

/// The root cause, where there is one.
pub(super) fn of(result: &RunResult) -> Option<RootCause<'_>> {
    let (blocker, blocked) = most_frequent_blocker(result)?;
    let transcripts = result.transcripts.len();
    if 2 * blocked < transcripts {
        return None;
    }
    let mut requirements = result.requirements.iter().map(|known| &known.requirement);
    let requirement = requirements.find(|requirement| requirement.id == blocker);
    let seen = telling_run(result, blocker).map(Seen::in_run);
    let situation = seen
        .as_ref()
        .map_or(Situation::Other, |seen| seen.situation(result.role));
    let printed = seen.map_or(Vec::new(), |seen| seen.printed);
    Some(RootCause {
        requirement: blocker,
        sentence: situation.sentence(result.role, requirement)?,
        advice: situation.advice(result, blocker, requirement, !printed.is_empty()),
        printed,
        blocked,
        transcripts,
    })
}

/// What to do about a requirement that fails. A program that crashes at its start needs other advice than the
/// requirement gives.
pub(super) fn advice_on(result: &RunResult, requirement: &Requirement) -> String {
    let cause = of(result).filter(|cause| cause.requirement == requirement.id);
    cause.map_or_else(|| sentence(&requirement.fix), |cause| cause.advice)
}

/// What a report on a submission says of a requirement that falls short.
pub(super) struct Told {
    /// What was seen.
    pub(super) seen: String,
    /// What to do about it.
    pub(super) advice: String,
}

impl Told {
    /// Of a requirement of one part of a submission.
    pub(super) fn of(assessment: &Assessment, role: Role, entry: &RequirementScore) -> Told {
        let part = assessment.part(role);
        let result = part.and_then(|part| part.result.as_ref().ok());
        let cause = result.and_then(of);
        let cause = cause.filter(|cause| {
            entry.verdict == Verdict::Fail && cause.requirement == entry.requirement.id
        });
        let Some(cause) = cause else {
            return Told {
                seen: entry.reason.clone(),
                advice: sentence(&entry.requirement.fix),
            };
        };
        let printed = cause.printed.last();
        let printed = printed.map(|line| format!(" The last line that it printed: {line}"));
        Told {
            seen: cause.sentence + &printed.unwrap_or_default(),
            advice: cause.advice,
        }
    }
}

fn most_frequent_blocker(result: &RunResult) -> Option<(&str, usize)> {
    let blocked = || {
        let transcripts = result.transcripts.iter();
        let blocked = transcripts.filter(|judged| judged.verdict == Verdict::Blocked);
        blocked.filter_map(|judged| judged.blocked_by.as_deref())
    };
    let count = |blocker: &str| blocked().filter(|by| *by == blocker).count();
    let counted = blocked().map(|blocker| (blocker, count(blocker)));
    counted.max_by_key(|(_, count)| *count)
}

/// The run that shows the failure best.
fn telling_run<'r>(result: &'r RunResult, blocker: &str) -> Option<&'r Evidence> {
    let fails = |judged: &&TranscriptResult| judged.fails.iter().any(|id| id == blocker);
    let is_blocked = |judged: &&TranscriptResult| judged.blocked_by.as_deref() == Some(blocker);
    let transcripts = || result.transcripts.iter();
    let mut failing: Vec<&TranscriptResult> = transcripts().filter(fails).collect();
    failing.sort_by_key(|judged| judged.length());
    let mut runs = failing
        .into_iter()
        .chain(transcripts().filter(is_blocked))
        .filter_map(TranscriptResult::telling_run);
    runs.find(|run| !run.events.is_empty())
}

/// What one run shows of how the program starts and answers.
struct Seen {
    /// Whether the harness started the program; it may have been running before.
    is_started: bool,
    is_listening: bool,
    is_connected: bool,
    /// Whether the peer said anything to the program.
    is_spoken_to: bool,
    /// Whether the program closed a connection.
    closes: bool,
    /// How the program ended, where nobody made it end.
    ended: Option<String>,
    /// The first bytes that an actor got from the program.
    answer: Option<Vec<u8>>,
    /// Whether an actor got a status 200.
    registers: bool,
    printed: Vec<String>,
}

impl Seen {
    fn in_run(run: &Evidence) -> Seen {
        let kinds = || run.events.iter().map(|event| &event.kind);
        let any = |is_so: fn(&EventKind) -> bool| kinds().any(is_so);
        let received: Vec<&[u8]> = kinds()
            .filter_map(|kind| match kind {
                EventKind::Received { bytes, .. } => Some(bytes.as_slice()),
                _ => None,
            })
            .collect();
        Seen {
            is_started: any(|kind| matches!(kind, EventKind::Started { .. })),
            is_listening: any(|kind| matches!(kind, EventKind::Listening { .. })),
            is_connected: any(|kind| matches!(kind, EventKind::Connected { .. })),
            is_spoken_to: any(|kind| matches!(kind, EventKind::Sent { .. })),
            closes: any(|kind| matches!(kind, EventKind::Closed { by_program, .. } if *by_program)),
            ended: ended_by_itself(&run.events),
            registers: received.concat().windows(3).any(|bytes| bytes == b"200"),
            answer: received.first().map(|bytes| bytes.to_vec()),
            printed: last_lines(&run.events),
        }
    }

    /// Whether what the program printed is the message of a crash, as the common languages print it.
    fn printed_a_crash(&self) -> bool {
        const SIGNS: &[&str] = &[
            "Traceback (most recent call last)",
            "Exception in thread",
            "Unhandled exception",
            "Uncaught ",
            "panicked at",
            "panic: ",
            "Segmentation fault",
        ];
        let mut lines = self.printed.iter();
        lines.any(|line| SIGNS.iter().any(|sign| line.contains(sign)))
    }

    fn situation(&self, role: Role) -> Situation {
        let has_crashed = self.ended.is_some() || (self.closes && self.printed_a_crash());
        match role {
            Role::Server if self.is_started && !self.is_listening && !self.is_connected => {
                match &self.ended {
                    Some(how) => Situation::EndsAtStart(how.clone()),
                    None => Situation::DoesNotListen,
                }
            }
            Role::Pair if self.ended.is_some() && !self.is_listening => {
                Situation::EndsAtStart(self.ended.clone().unwrap_or_default())
            }
            Role::Pair => Situation::Other,
            Role::Client if !self.is_connected => match &self.ended {
                Some(how) => Situation::EndsAtStart(how.clone()),
                None => Situation::DoesNotConnect,
            },
            _ if self.registers => match has_crashed {
                true => Situation::Crashes(self.ended.clone(), "during a conversation"),
                false => Situation::Other,
            },
            Role::Server if has_crashed => Situation::Crashes(
                self.ended.clone(),
                if self.is_spoken_to {
                    "when the first client registers"
                } else if self.is_connected {
                    "when the first client connects"
                } else {
                    "right after it begins to listen, before a client connects"
                },
            ),
            Role::Client if has_crashed && self.answer.is_none() => {
                Situation::Crashes(self.ended.clone(), "before it registers")
            }
            Role::Server => match &self.answer {
                Some(answer) => Situation::AnswersOtherwise(first_line(answer)),
                None if self.closes => Situation::ClosesWithoutAnswer,
                None => Situation::DoesNotAnswer,
            },
            Role::Client if self.answer.is_none() => Situation::DoesNotRegister,
            Role::Client => Situation::Other,
        }
    }
}

fn ended_by_itself(events: &[Event]) -> Option<String> {
    const CTRL_C: u8 = 3;
    for event in events {
        match &event.kind {
            EventKind::Signalled { .. } => return None,
            EventKind::Typed { bytes } if bytes.contains(&CTRL_C) => return None,
            EventKind::Ended { how } => return Some(how.clone()),
            _ => {}
        }
    }
    None
}

fn last_lines(events: &[Event]) -> Vec<String> {
    let printed = events.iter().filter_map(|event| match &event.kind {
        EventKind::Printed { bytes } => Some(bytes.as_slice()),
        _ => None,
    });
    let printed: Vec<u8> = printed.flatten().copied().collect();
    let lines = printed.split(|byte| *byte == b'\n');
    let lines = lines.map(printed_line);
    let mut lines: Vec<String> = lines.filter(|line| !line.trim().is_empty()).collect();
    lines.split_off(lines.len().saturating_sub(LINES))
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|byte| *byte == b'\n').next();
    let line = visible(line.unwrap_or_default().trim_ascii_end());
    line.chars().take(60).collect()
}

/// The ways to fail that are worth a sentence of their own.
enum Situation {
    /// It ends before it listens or connects, in this way.
    EndsAtStart(String),
    DoesNotListen,
    DoesNotConnect,
    /// It ends, or loses the connection with the message of a crash; then, when.
    Crashes(Option<String>, &'static str),
    ClosesWithoutAnswer,
    DoesNotAnswer,
    AnswersOtherwise(String),
    DoesNotRegister,
    Other,
}

impl Situation {
    fn sentence(&self, role: Role, requirement: Option<&Requirement>) -> Option<String> {
        let role = program_of(role);
        let phrase = match self {
            Situation::EndsAtStart(how) => {
                let before = match role {
                    Role::Server | Role::Pair => "listens on a port",
                    Role::Client => "connects to the server",
                };
                format!("the {role} ends right after its start, before it {before} ({how})")
            }
            Situation::DoesNotListen => {
                format!("the {role} runs, but it does not listen on any port")
            }
            Situation::DoesNotConnect => {
                format!("the {role} runs, but it does not connect to the server")
            }
            Situation::Crashes(Some(how), when) => format!("the {role} crashes {when} ({how})"),
            Situation::Crashes(None, when) => format!("the {role} crashes {when}"),
            Situation::ClosesWithoutAnswer => {
                format!(
                    "the {role} closes the connection of a client that registers, and sends no answer"
                )
            }
            Situation::DoesNotAnswer => {
                format!("the {role} accepts connections, but it does not answer a registration")
            }
            Situation::AnswersOtherwise(line) => {
                format!("the {role} answers a registration with `{line}`, not with status 200")
            }
            Situation::DoesNotRegister => {
                format!("the {role} connects, but it sends no registration")
            }
            Situation::Other => {
                let requirement = requirement?;
                match &requirement.failing {
                    Some(failing) => format!("the {role} {failing}"),
                    None => format!("{} fails: {}", requirement.id, requirement.sentence),
                }
            }
        };
        Some(sentence(&harmless(&phrase)))
    }

    fn advice(
        &self,
        result: &RunResult,
        blocker: &str,
        requirement: Option<&Requirement>,
        has_printed: bool,
    ) -> String {
        let role = program_of(result.role);
        let command = harmless(&shown_command(result));
        match self {
            Situation::EndsAtStart(_) if has_printed => format!(
                "Run `{command}` in a terminal and fix the first error that it prints. The {role} must keep running."
            ),
            Situation::EndsAtStart(_) => format!(
                "Run `{command}` in a terminal. The {role} must keep running until somebody ends it."
            ),
            Situation::DoesNotListen => format!(
                "Run `{command}` in a terminal. Without options and without input, the server must bind a socket to \
                 port 0, listen, and accept clients."
            ),
            Situation::DoesNotConnect => format!(
                "Run `{command}` in a terminal. The client must take both from the command line, ask for nothing, \
                 and connect."
            ),
            Situation::Crashes(..) if has_printed => {
                format!("Fix the error that the {role} printed.")
            }
            _ => match requirement {
                Some(requirement) => sentence(&requirement.fix),
                None => format!(
                    "Read what the requirement asks: `conform explain {}`.",
                    harmless(blocker)
                ),
            },
        }
    }
}

/// The program that a sentence is about: of a pair, the server, from which everything depends.
fn program_of(role: Role) -> Role {
    match role {
        Role::Pair => Role::Server,
        role => role,
    }
}

fn shown_command(result: &RunResult) -> String {
    let with = result.command.iter().position(|word| word == "with");
    let of_server = with.filter(|_| result.role == Role::Pair);
    let command = match of_server {
        Some(end) => &result.command[..end],
        None => &result.command,
    };
    let command = command.join(" ");
    match result.role {
        Role::Client if !command.contains('{') => format!("{command} alice chat://localhost:PORT"),
        _ => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::evidence::Outcome;
    use crate::conformance::judge::result::RequirementResult;
    use crate::conformance::program::profile::Profile;
    use crate::conformance::suite::Suite;
    use crate::conformance::suite::requirement::Level;
    use crate::report::events::{
        closed, connected, ended, event, printed, received, sent, started,
    };

    const BLOCKER: &str = "S-REG-1";

    /// The sentence about a program that shows this in every run, and of which one requirement blocks everything.
    fn sentence_about(role: Role, kinds: Vec<EventKind>) -> String {
        let suite = Suite::embedded().expect("is right");
        let asked = suite.asked_of(role, Level::Hardening, None);
        let events = kinds.into_iter().map(|kind| event(0.1, None, kind));
        let run = Evidence {
            events: events.collect(),
            outcome: Outcome::Completed,
            seconds: 0.2,
        };
        let blocked_by = || vec![BLOCKER.to_owned()];
        let requirements = asked.requirements.into_iter();
        let requirements = requirements.map(|requirement| RequirementResult {
            requirement,
            verdict: Verdict::Blocked,
            transcripts: Vec::new(),
            blocked_by: blocked_by(),
        });
        let transcripts = asked.cases.into_iter().map(|case| TranscriptResult {
            case,
            verdict: Verdict::Blocked,
            fails: Vec::new(),
            blocked_by: Some(BLOCKER.to_owned()),
            runs: vec![run.clone()],
        });
        let result = RunResult {
            role,
            command: Vec::new(),
            profile: Profile::PLAIN,
            remarks: Vec::new(),
            requirements: requirements.collect(),
            transcripts: transcripts.collect(),
            seconds: 0.0,
            time_limit: None,
        };
        let cause = of(&result).expect("everything is blocked");
        assert_eq!(cause.blocked, cause.transcripts);
        assert!(!cause.advice.is_empty() && !cause.advice.contains(".."));
        cause.sentence
    }

    fn listening() -> EventKind {
        EventKind::Listening {
            address: "127.0.0.1:5000".to_string(),
        }
    }

    #[test]
    fn each_way_to_fail_at_the_start_has_a_sentence_of_its_own() {
        let start = || started(&["python3", "server.py"]);
        let registers = || {
            vec![
                start(),
                listening(),
                connected("ann"),
                sent("ann", "REGISTER ann CHAT/1.0\n"),
            ]
        };
        let and = |more: Vec<EventKind>| [registers(), more].concat();
        let traceback = || printed("Traceback (most recent call last):\r\n");
        for (kinds, sentence) in [
            (
                vec![start(), ended("exit status 1")],
                "The server ends right after its start, before it listens on a port (exit status 1).",
            ),
            (
                vec![start()],
                "The server runs, but it does not listen on any port.",
            ),
            (
                registers(),
                "The server accepts connections, but it does not answer a registration.",
            ),
            (
                and(vec![received("ann", "hello\n")]),
                "The server answers a registration with `hello`, not with status 200.",
            ),
            (
                and(vec![closed("ann", true, false)]),
                "The server closes the connection of a client that registers, and sends no answer.",
            ),
            (
                and(vec![traceback(), closed("ann", true, false)]),
                "The server crashes when the first client registers.",
            ),
            (
                vec![start(), listening(), connected("ann"), ended("signal 11")],
                "The server crashes when the first client connects (signal 11).",
            ),
            (
                vec![start(), listening(), ended("exit status 1")],
                "The server crashes right after it begins to listen, before a client connects (exit status 1).",
            ),
        ] {
            assert_eq!(sentence_about(Role::Server, kinds), sentence);
        }
        for (kinds, sentence) in [
            (
                vec![start(), ended("exit status 1")],
                "The client ends right after its start, before it connects to the server (exit status 1).",
            ),
            (
                vec![start()],
                "The client runs, but it does not connect to the server.",
            ),
            (
                vec![start(), connected("server")],
                "The client connects, but it sends no registration.",
            ),
            (
                vec![start(), connected("server"), ended("exit status 1")],
                "The client crashes before it registers (exit status 1).",
            ),
        ] {
            assert_eq!(sentence_about(Role::Client, kinds), sentence);
        }
    }

    #[test]
    fn a_program_that_is_ended_by_the_harness_does_not_crash() {
        let events = [
            EventKind::Signalled {
                signal: "SIGKILL".to_string(),
            },
            ended("signal 9"),
        ];
        let events = events.map(|kind| event(0.1, None, kind));
        assert_eq!(ended_by_itself(&events), None);
    }

    #[test]
    fn only_the_last_lines_are_kept_and_none_of_them_acts_on_a_terminal() {
        let output: String = (0..40)
            .map(|line| format!("line {line}\x1b[2J\r\n\r\n"))
            .collect();
        let lines = last_lines(&[event(0.1, None, printed(&output))]);
        assert_eq!(lines.len(), LINES);
        assert_eq!(lines[LINES - 1], "line 39\\x1b[2J");
    }
}
