//! A run as it was recorded, as a function of Python: one call for each thing that happened.
//!
//! What is sent and what is expected come from the transcript. The record adds what the transcript cannot know: lines
//! that were passed over, lines of the harness's own, registrations without an answer, and where the run failed.

use std::collections::BTreeSet;

use super::literal::{bytes, string};
use crate::conformance::conversation::expectation::{Comparison, Exactness};
use crate::conformance::conversation::utterance::Utterance;
use crate::conformance::evidence::shortfall::{Expected, Got, Note, PassedOver, Shortfall};
use crate::conformance::evidence::{Event, EventKind, Evidence, Excerpt, Outcome};
use crate::conformance::judge::transcript_policy::policy;
use crate::conformance::play::inbox::known_messages;
use crate::conformance::play::policy::Policy;
use crate::conformance::program::dialect::{Framing, single_message};
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::Case;
use crate::conformance::suite::table::Table;
use crate::report::text::{harmless, one_line};
use crate::transcript::syntax::{Action, Key, Role, Step, Transcript};

/// Maximum number of bytes that the steps of a script send, or wait for.
const MOST_BYTES: u64 = 1 << 20;

/// Maximum number of lines that a step passes over by name.
const MOST_PASSED_OVER: usize = 40;

/// Maximum number of bytes of what a client printed that a script repeats.
const MOST_PRINTED: usize = 8 * 1024;

/// Why a script cannot play a run; `None` where it can.
pub(super) fn why_not_playable(transcript: &Transcript, run: &Evidence) -> Option<&'static str> {
    let moves = |step: &Step| match &step.action {
        Action::Sends { bytes, times, .. } | Action::Hears { bytes, times, .. } => {
            bytes.len() as u64 * u64::from(*times)
        }
        _ => 0,
    };
    let has =
        |wanted: fn(&Action) -> bool| transcript.steps.iter().any(|step| wanted(&step.action));
    if transcript.role == Role::Pair {
        Some("it needs several terminals; start the server and the clients yourself, and type")
    } else if has(|action| matches!(action, Action::GrowsByAtMost { .. })) {
        Some("it measures the memory of the program, which a script does not do")
    } else if has(|action| matches!(action, Action::StopsReading { .. })) {
        Some("it needs small network buffers, which a script does not set up")
    } else if has(|action| matches!(action, Action::IsPaused)) {
        Some("it stops the program for a moment, which a script does not do")
    } else if transcript.steps.iter().map(moves).sum::<u64>() > MOST_BYTES {
        Some("it sends more bytes than a script should")
    } else {
        match &run.outcome {
            Outcome::FellShort(shortfall) => match shortfall.got {
                Got::OtherLines { .. } | Got::EndUnknown => {
                    Some("the program never stopped sending, or its end was not seen")
                }
                _ if is_incomplete(run) => {
                    Some("the program sent or printed more than the record of the run keeps")
                }
                _ => None,
            },
            Outcome::Completed => None,
            _ => Some("no run of it failed at a step"),
        }
    }
}

/// Whether bytes are missing from the record that a script would need to know which lines to pass over.
fn is_incomplete(run: &Evidence) -> bool {
    let has = |wanted: fn(&Note) -> bool| {
        let mut events = run.events.iter();
        events.any(|event| matches!(&event.kind, EventKind::Note(note) if wanted(note)))
    };
    has(|note| matches!(note, Note::LogFull | Note::LeftOut { .. }))
        && has(|note| matches!(note, Note::PassedOver { .. }))
}

/// The function that plays `run` of `case`, up to the step that failed. `number` makes its name unique.
pub(super) fn conversation(
    case: &Case,
    run: &Evidence,
    profile: &Profile,
    table: &Table,
    number: usize,
) -> String {
    let transcript = &case.transcript;
    let mut script = Script {
        transcript,
        run,
        profile,
        policy: policy(transcript, profile, table),
        calls: Vec::new(),
    };
    script.play();
    let program = transcript.role.to_string();
    let parts = [program].into_iter().chain(actors(transcript));
    let parts: Vec<String> = parts.collect();
    let about = format!("{}: {}", case.name, transcript.sentence);
    let about = string(&harmless(&one_line(&about)));
    let mut function = format!(
        "def conversation_{number}({}):\n    {about}\n",
        parts.join(", ")
    );
    for call in &script.calls {
        function.push_str(&(format!("    {call}").trim_end().to_owned() + "\n"));
    }
    function
}

/// The actors that are played, in the order in which they come, as variables.
fn actors(transcript: &Transcript) -> Vec<String> {
    if transcript.role == Role::Client {
        return vec!["server".to_owned()];
    }
    let mut actors: Vec<String> = Vec::new();
    for step in &transcript.steps {
        let actor = step.action.actor().map(variable);
        actors.extend(actor.filter(|actor| !actors.contains(actor)));
    }
    actors
}

/// An actor's name as a variable: a word that means something else to the script gets a mark at its end.
fn variable(actor: &str) -> String {
    const TAKEN: [&str; 35] = [
        "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
        "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with",
        "yield", "step", "wait", "dialect",
    ];
    let mark = if TAKEN.contains(&actor) { "_" } else { "" };
    format!("{actor}{mark}")
}

/// Everything that the calls of one conversation are made of.
struct Script<'a> {
    transcript: &'a Transcript,
    run: &'a Evidence,
    profile: &'a Profile,
    policy: Policy,
    calls: Vec<String>,
}

impl<'a> Script<'a> {
    fn play(&mut self) {
        self.set_dialect();
        if self.transcript.role == Role::Server {
            let failed = self.shortfall().filter(|shortfall| {
                let action = &self.transcript.steps[shortfall.step].action;
                shortfall.expected == Expected::Listens && *action != Action::AnotherStarts
            });
            self.announce("the server starts", failed.map(|_| &Expected::Listens));
            let answering = self.profile.answering_port;
            let answering = answering.map_or(String::new(), |port| port.to_string());
            self.calls.push(format!("server.starts({answering})"));
            if failed.is_some() {
                return;
            }
        }
        let last = match self.shortfall() {
            Some(shortfall) if !self.is_late() => shortfall.step,
            _ => self.transcript.steps.len() - 1,
        };
        for index in 0..=last {
            self.play_step(index);
        }
        self.look_for_late_line();
    }

    fn shortfall(&self) -> Option<&'a Shortfall> {
        match &self.run.outcome {
            Outcome::FellShort(shortfall) => Some(shortfall),
            _ => None,
        }
    }

    fn step(&self, index: usize) -> &'a Step {
        &self.transcript.steps[index]
    }

    /// The events of one step.
    fn events(&self, index: usize) -> impl Iterator<Item = &'a EventKind> + use<'a> {
        let of_step = move |event: &&'a Event| event.step == Some(index);
        self.run
            .events
            .iter()
            .filter(of_step)
            .map(|event| &event.kind)
    }

    fn notes(&self, index: usize) -> impl Iterator<Item = &'a Note> + use<'a> {
        self.events(index).filter_map(|event| match event {
            EventKind::Note(note) => Some(note),
            _ => None,
        })
    }

    /// Whether an actor was to get nothing, and a line came only later.
    fn is_late(&self) -> bool {
        let Some(Shortfall {
            step,
            expected: Expected::Silence { actor: silent },
            ..
        }) = self.shortfall()
        else {
            return false;
        };
        let is_silence =
            matches!(&self.step(*step).action, Action::HearsNothing { actor } if actor == silent);
        let goes_on = self.run.events.iter().any(|event| event.step > Some(*step));
        goes_on || !is_silence
    }

    /// How the program marks the end of a message, where that is not a line end.
    fn set_dialect(&mut self) {
        let dialect = self.policy.dialect;
        let one_at_a_time = dialect.reads == Framing::Bare || self.profile.relays_reads;
        let mut arguments = Vec::new();
        match dialect.writes {
            Framing::Line | Framing::Crlf => {}
            Framing::Bare => arguments.push(format!("message={}", bare_message(self.transcript))),
            Framing::Length => arguments.push("length_in_front=True".to_owned()),
        }
        if one_at_a_time {
            arguments.push("one_at_a_time=True".to_owned());
        }
        if !arguments.is_empty() {
            self.calls
                .push(format!("dialect({})", arguments.join(", ")));
        }
    }

    fn announce(&mut self, line: &str, failed: Option<&Expected>) {
        let line = string(&harmless(line));
        let call = match failed {
            None => format!("step({line})"),
            Some(expected) => {
                let expected = match expected {
                    // The port is another one each time.
                    Expected::PortPrinted { .. } => {
                        "the server to print its port on its terminal".to_owned()
                    }
                    expected => expected.to_string(),
                };
                format!("step({line}, expected={})", string(&harmless(&expected)))
            }
        };
        if !self.calls.is_empty() {
            self.calls.push(String::new());
        }
        self.calls.push(call);
    }

    /// The calls for one step, with the line of the transcript above them.
    fn play_step(&mut self, index: usize) {
        let step = self.step(index);
        let failed = self
            .shortfall()
            .filter(|shortfall| shortfall.step == index && !self.is_late());
        self.announce(
            &format!("{}: {}", step.line, step.source),
            failed.map(|shortfall| &shortfall.expected),
        );
        match &step.action {
            Action::Joins { actor, name } => self.join(index, actor, name),
            Action::Connects { actor, times: 1 } if self.comes_with_words(index, actor) => {
                // The connection is opened by the step that speaks.
                self.calls.push(format!(
                    "# {} connects together with its first words",
                    variable(actor)
                ));
            }
            Action::Connects { actor, times } => {
                let times = if *times == 1 {
                    String::new()
                } else {
                    times.to_string()
                };
                self.call(actor, &format!("connects({times})"));
            }
            Action::Says { actor, line } => {
                let is_lost = matches!(
                    failed.map(|shortfall| &shortfall.expected),
                    Some(Expected::StillConnected { .. } | Expected::Connection)
                );
                if is_lost {
                    self.call(actor, "is_still_connected()");
                }
                let framed = self.policy.dialect.reads.frame(line.as_bytes());
                self.send(index, actor, &framed, 1);
            }
            Action::Sends {
                actor,
                bytes,
                times,
            } => match (self.policy.dialect.reads, single_message(bytes)) {
                (reads @ (Framing::Bare | Framing::Length), Some(message)) => {
                    self.send(index, actor, &reads.frame(message), 1);
                }
                (reads, _) => self.send(index, actor, &reads.end_lines(bytes), *times),
            },
            Action::Gets { actor, line, .. } if self.is_user(actor) => {
                let once = matches!(
                    failed.map(|shortfall| &shortfall.got),
                    Some(Got::Copies { .. })
                );
                let once = if once { ", once=True" } else { "" };
                self.calls
                    .push(format!("client.shows({}{once})", string(substance(line))));
            }
            Action::Gets {
                actor,
                line,
                open_ended,
            } => {
                self.await_connection(index, actor);
                let is_acceptance = *open_ended && line.starts_with("200");
                if is_acceptance && self.is_taken_for_registered(index) {
                    return self
                        .calls
                        .push("wait(0.3)    # it registers clients without an answer".to_owned());
                }
                let wanted = self.patterns(index, line, *open_ended);
                let only_after = self.only_after(index, actor);
                self.call(actor, &format!("gets({wanted}{only_after})"));
            }
            Action::Hears {
                actor,
                bytes,
                times,
            } => {
                self.await_connection(index, actor);
                let text = String::from_utf8_lossy(bytes).into_owned();
                let only_after = self.only_after(index, actor);
                let lines: Vec<String> = text
                    .lines()
                    .map(|line| self.patterns(index, line, false))
                    .collect();
                if let ([wanted], true) = (&lines[..], *times > 1) {
                    return self.call(actor, &format!("gets({wanted}{only_after}, times={times})"));
                }
                let is_repeated = *times > 1;
                if is_repeated {
                    self.calls.push(format!("for _ in range({times}):"));
                }
                let indent = if is_repeated { "    " } else { "" };
                for wanted in lines {
                    let actor = variable(actor);
                    self.calls
                        .push(format!("{indent}{actor}.gets({wanted}{only_after})"));
                }
            }
            Action::HearsNothing { actor } if failed.is_some() => self.hear_nothing(index, actor),
            Action::HearsNothing { .. } => self.calls.push("wait(0)".to_owned()),
            Action::Closes { actor } => self.call(actor, "closes()"),
            Action::Resets { actor } => self.call(actor, "closes(reset=True)"),
            Action::IsDisconnected { actor } => self.call(actor, "is_disconnected()"),
            Action::Pass { seconds } => self.calls.push(format!("wait({seconds})")),
            Action::ClientStarts { name, address } => {
                let is_swapped = self.profile.takes_address_first && !self.policy.gives_name_first;
                let is_swapped = if is_swapped { ", url_first=True" } else { "" };
                let (name, address) = (string(name), string(address));
                self.calls
                    .push(format!("client.starts_with({name}, {address}{is_swapped})"));
            }
            Action::Types { text, .. } => {
                self.calls.push(format!(
                    "client.types({})",
                    string(&text.replace('\n', "\r"))
                ));
            }
            Action::Presses {
                key: Key::CtrlC, ..
            }
            | Action::IsInterrupted => self.call_program("is_interrupted()"),
            Action::Presses {
                key: Key::CtrlD, ..
            } => self.calls.push("client.types(\"\\x04\")".to_owned()),
            Action::IsTerminated => self.call_program("is_terminated()"),
            Action::Ends { .. } => self.call_program("ends()"),
            Action::PrintsItsPort => self.call_program("prints_its_port()"),
            Action::AnotherStarts => self.call_program("another_starts()"),
            Action::SeesMessage { .. } => {
                let unless = failed.map(|_| format!("unless={}, ", bytes(&self.printed())));
                self.call_program(&format!(
                    "tells_the_user({}never=CRASH)",
                    unless.unwrap_or_default()
                ));
            }
            Action::TerminalNeverGets { bytes: never } => {
                self.call_program(&format!("never_prints({})", bytes(never)));
            }
            // Transcripts about a pair are not played by scripts.
            Action::PersonStarts { .. }
            | Action::IsPaused
            | Action::GoesOn
            | Action::StopsReading { .. }
            | Action::GrowsByAtMost { .. } => {}
        }
    }

    fn call(&mut self, actor: &str, call: &str) {
        self.calls.push(format!("{}.{call}", variable(actor)));
    }

    fn call_program(&mut self, call: &str) {
        self.calls.push(format!("{}.{call}", self.transcript.role));
    }

    fn is_user(&self, actor: &str) -> bool {
        self.transcript.role == Role::Client && actor == "user"
    }

    /// The client connects before its first line is expected.
    fn await_connection(&mut self, index: usize, actor: &str) {
        let earlier = &self.transcript.steps[..index];
        let is_first = |step: &Step| !matches!(&step.action, Action::Gets { actor: other, .. } if other == actor);
        if self.transcript.role == Role::Client && earlier.iter().all(is_first) {
            self.call_program(&format!("connects_to({})", variable(actor)));
        }
    }

    /// Whether a connection and the first words on it arrive together.
    fn comes_with_words(&self, index: usize, actor: &str) -> bool {
        let next = self
            .transcript
            .steps
            .get(index + 1)
            .map(|step| &step.action);
        let speaks = matches!(
            next,
            Some(Action::Says { actor: speaker, .. } | Action::Sends { actor: speaker, .. }) if speaker == actor
        );
        let shortfall = self.shortfall().map(|shortfall| shortfall.step);
        self.profile.arrives_with_words
            && !self.policy.comes_without_words
            && speaks
            && shortfall != Some(index)
    }

    fn send(&mut self, index: usize, actor: &str, sent: &[u8], times: u32) {
        let sent = bytes(sent);
        let is_first = index > 0
            && matches!(&self.step(index - 1).action, Action::Connects { actor: other, times: 1 } if other == actor)
            && self.comes_with_words(index - 1, actor);
        if is_first {
            return self.call(actor, &format!("connects(and_sends={sent})"));
        }
        let times = if times == 1 {
            String::new()
        } else {
            format!(", times={times}")
        };
        let is_apart = matches!(self.step(index).action, Action::Sends { .. });
        let apart = if is_apart { ", apart=True" } else { "" };
        self.call(actor, &format!("sends({sent}{times}{apart})"));
    }

    fn join(&mut self, index: usize, actor: &str, name: &str) {
        let register = format!("REGISTER {name} CHAT/1.0");
        let framed = self.policy.dialect.reads.frame(register.as_bytes());
        let words = bytes(&framed);
        let together = self.profile.arrives_with_words;
        let only_after = self.only_after(index, actor);
        let wanted = self.patterns(index, "200", true);
        if self.is_taken_for_registered(index) {
            let connects = if together {
                format!("connects(and_sends={words})")
            } else {
                "connects()".to_owned()
            };
            self.call(actor, &connects);
            if !together {
                self.call(actor, &format!("sends({words})"));
            }
            self.calls
                .push("wait(0.3)    # it registers clients without an answer".to_owned());
        } else if self.was_taken_before(index, &register, name) {
            let together = if together { ", at_once=True" } else { "" };
            self.call(
                actor,
                &format!("registers({words}, [{wanted}], again_after=Begins(\"401\"){together}{only_after})"),
            );
        } else {
            if together {
                self.call(actor, &format!("connects(and_sends={words})"));
            } else {
                self.call(actor, "connects()");
                self.call(actor, &format!("sends({words})"));
            }
            self.call(actor, &format!("gets({wanted}{only_after})"));
        }
        for (speaker, line) in self.own_lines(index) {
            self.call(
                &speaker,
                &format!(
                    "sends({})    # it serves no other client before",
                    bytes(&line)
                ),
            );
        }
    }

    /// Whether somebody registered this name in an earlier step, so that it may not be free yet.
    fn was_taken_before(&self, index: usize, register: &str, name: &str) -> bool {
        self.transcript.steps[..index]
            .iter()
            .any(|step| match &step.action {
                Action::Joins { name: other, .. } => other == name,
                Action::Says { line, .. } => line == register,
                Action::Sends { bytes, .. } => String::from_utf8_lossy(bytes).contains(register),
                _ => false,
            })
    }

    fn is_taken_for_registered(&self, index: usize) -> bool {
        let mut notes = self.notes(index);
        notes.any(|note| matches!(note, Note::TakenForRegistered { .. }))
    }

    /// Lines that the harness itself said in a step, with who said them: they are not in the transcript.
    fn own_lines(&self, index: usize) -> Vec<(String, Vec<u8>)> {
        let register = match &self.step(index).action {
            Action::Joins { name, .. } => Some(
                self.policy
                    .dialect
                    .reads
                    .frame(format!("REGISTER {name} CHAT/1.0").as_bytes()),
            ),
            Action::HearsNothing { .. } => None,
            _ => return Vec::new(),
        };
        let sent = self.events(index).filter_map(|event| match event {
            EventKind::Sent { actor, bytes } => Some((actor.clone(), bytes.clone())),
            _ => None,
        });
        sent.filter(|(_, bytes)| Some(bytes) != register.as_ref())
            .collect()
    }

    /// How the line that a step waits for looks.
    fn patterns(&self, index: usize, line: &str, open_ended: bool) -> String {
        let hidden = self.notes(index).filter_map(|note| match note {
            Note::PassedOver {
                line,
                because: PassedOver::HiddenSuccess,
                ..
            } => Some(like(line)),
            _ => None,
        });
        let mut patterns = vec![pattern(&self.policy.comparison, line, open_ended)];
        patterns.extend(hidden);
        patterns.join(", ")
    }

    /// Where the step failed by a wrong line, the lines that may come before the right one, as an argument.
    fn only_after(&self, index: usize, actor: &str) -> String {
        let failed = self
            .shortfall()
            .filter(|shortfall| shortfall.step == index && !self.is_late());
        match failed.map(|shortfall| &shortfall.got) {
            Some(Got::Line { .. }) => format!(", only_after=[{}]", self.passed_over(actor)),
            _ => String::new(),
        }
    }

    /// Lines that an actor may get at any time.
    fn passed_over(&self, actor: &str) -> String {
        let wrong = self.shortfall().and_then(|shortfall| shortfall.got.line());
        let mut patterns = BTreeSet::new();
        for index in 0..self.transcript.steps.len() {
            for note in self.notes(index) {
                match note {
                    Note::PassedOver {
                        actor: other, line, ..
                    } if other == actor && Some(line) != wrong => {
                        patterns.insert(like(line));
                    }
                    Note::TakenForRegistered { actor: other } if other == actor => {
                        patterns.insert("Begins(\"200\")".to_owned());
                    }
                    _ => {}
                }
            }
            for (_, line) in self.own_lines(index) {
                patterns.insert(format!("Contains({})", string(own_text(&line))));
            }
        }
        let patterns: Vec<String> = patterns.into_iter().take(MOST_PASSED_OVER).collect();
        patterns.join(", ")
    }

    /// The silence that failed. Where another actor said a line, everything that was to come is there before it.
    fn hear_nothing(&mut self, index: usize, actor: &str) {
        let only = self.passed_over(actor);
        let only = if only.is_empty() {
            String::new()
        } else {
            format!("only=[{only}]")
        };
        let is_unheard = self
            .notes(index)
            .any(|note| matches!(note, Note::FenceUnheard { .. }));
        let fence = self
            .own_lines(index)
            .into_iter()
            .next()
            .filter(|_| !is_unheard);
        match fence {
            Some((speaker, line)) => {
                self.call(
                    &speaker,
                    &format!(
                        "sends({})    # whatever {actor} gets comes before this",
                        bytes(&line)
                    ),
                );
                let before = string(own_text(&line));
                let only = if only.is_empty() {
                    only
                } else {
                    format!(", {only}")
                };
                self.call(actor, &format!("gets_nothing(before={before}{only})"));
            }
            None => self.call(actor, &format!("gets_nothing({only})")),
        }
        if self.policy.looks_for_late_copies {
            self.forbid(actor);
        }
    }

    fn look_for_late_line(&mut self) {
        let Some(shortfall) = self.shortfall().filter(|_| self.is_late()) else {
            return;
        };
        if let Expected::Silence { actor } = &shortfall.expected {
            let step = self.step(shortfall.step);
            self.announce(
                &format!("after {}: {}", step.line, step.source),
                Some(&shortfall.expected),
            );
            self.forbid(actor);
        }
    }

    /// The line that came unasked does not come.
    fn forbid(&mut self, actor: &str) {
        if let Some(line) = self.shortfall().and_then(|shortfall| shortfall.got.line()) {
            self.call(actor, &format!("never_gets({})", like(line)));
        }
    }

    /// What the program printed in the recorded run.
    fn printed(&self) -> Vec<u8> {
        let printed = self
            .run
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Printed { bytes } => Some(bytes.as_slice()),
                _ => None,
            });
        let mut printed = printed.collect::<Vec<_>>().concat();
        printed.truncate(MOST_PRINTED);
        printed
    }
}

/// A line that was seen: numbers, such as ports and times, may differ from run to run.
fn like(line: &Excerpt) -> String {
    let kind = if line.left_out > 0 {
        "Contains"
    } else {
        "Like"
    };
    format!("{kind}({})", bytes(&line.bytes))
}

/// A line that is expected, compared as exactly as the transcript asks.
fn pattern(comparison: &Comparison, line: &str, open_ended: bool) -> String {
    if open_ended {
        return format!("Begins({})", string(line));
    }
    let utterance = Utterance::of(line);
    let is_message = matches!(utterance, Utterance::Message { .. });
    let exactness = match utterance {
        Utterance::Message { text, .. } if text.trim().is_empty() => Exactness::Line,
        Utterance::Message { .. } => comparison.message,
        Utterance::Goodbye => comparison.goodbye,
        Utterance::Register { .. } => comparison.register,
        Utterance::Disconnect { .. } => comparison.disconnect,
        Utterance::Status { .. } | Utterance::Other => Exactness::Line,
    };
    let kind = match exactness {
        Exactness::Line => return format!("Line({})", string(line)),
        Exactness::Anything => return "Anything()".to_owned(),
        Exactness::Text => "Contains",
        Exactness::Words if is_message => "Words",
        Exactness::Words => "SameWords",
    };
    format!("{kind}({})", string(substance(line)))
}

/// The text of a message, or else the whole line.
fn substance(line: &str) -> &str {
    match Utterance::of(line) {
        Utterance::Message { text, .. } => text,
        _ => line,
    }
}

/// The text of a line that the harness itself said.
fn own_text(line: &[u8]) -> &str {
    let line = std::str::from_utf8(line).unwrap_or_default().trim_end();
    line.split_once(": ").map_or(line, |(_, text)| text)
}

/// A regular expression for one message of a program that marks no ends: words that the transcript knows, or else one
/// read up to such words.
fn bare_message(transcript: &Transcript) -> String {
    let known = known_messages(transcript);
    let any_of = |messages: &mut dyn Iterator<Item = &Vec<u8>>| {
        let escaped: Vec<String> = messages.map(|message| escaped(message)).collect();
        escaped.join("|")
    };
    let known_words = any_of(&mut known.iter());
    let said = any_of(&mut known.iter().filter(|message| message.starts_with(b"@")));
    let said = if said.is_empty() {
        String::new()
    } else {
        format!("{said}|")
    };
    format!(
        r#"rb"(?s)[\r\n]*(?![\r\n])((?:{known_words})(?=[\r\n]*(?:@|DISCONNECT |[0-9]{{3}}(?: |\Z)|\Z))|.+?(?=[\r\n]*(?:{said}\Z)))[\r\n]*""#
    )
}

/// Bytes as part of a regular expression of Python.
fn escaped(message: &[u8]) -> String {
    let byte = |byte: &u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b' ' | b':' | b'@' | b'/' => {
            char::from(*byte).to_string()
        }
        byte => format!("\\x{byte:02x}"),
    };
    message.iter().map(byte).collect()
}
