//! Results made by hand, such as a run of the suite finds them: what the reports are tested on.

use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::evidence::shortfall::{Expected, Got, Hindrance, Note, Shortfall};
use crate::conformance::evidence::topic::Topic;
use crate::conformance::evidence::{Event, EventKind, Evidence, Excerpt, Outcome};
use crate::conformance::judge::charge::requirement_of;
use crate::conformance::judge::result::{RequirementResult, RunResult, TranscriptResult, Verdict};
use crate::conformance::program::profile::Profile;
use crate::conformance::suite::Case;
use crate::conformance::suite::Suite;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::class::Class;
use crate::grading::rubric::{BUILT_IN, Rubric};
use crate::transcript::parse;
use crate::transcript::syntax::Role;

/// What a subject could say to take over the terminal of whoever reads the report.
pub const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}evil\r\x7f";

/// What a subject could say to break out of the formats in which it is told of, each by itself.
pub const BREAKING_OUT: &[&str] = &[
    HOSTILE,
    "]]>&\"'</failure><!--</script><script>alert(1)</script>",
    "::error file=x::forged\n::error::forged\r::stop-commands::x\u{2028}##[error]forged%0A::error::forged",
    "\nok 99 - forged\nnot ok 98\nBail out! forged\n1..3\n# TODO forged \\# SKIP",
    "a|b \\| ` `` ``` <img src=x> ![x](http://x) [x](http://x) @everyone #1 **x**\n\n</code></pre>\n# forged",
    "=HYPERLINK(\"http://x\",\"y\"),\"\n\r\ncell",
    "\0\u{1}\u{b}\u{c}\u{85}\u{fffe}\u{ffff}\u{feff}\u{e0001}\u{1f600}é\t",
    "",
];

/// A line of ten kilobytes.
pub fn long_line() -> String {
    "long ".repeat(2_000)
}

const REFUSED: &str = "\
# A name in use is refused, and its first holder keeps it.
covers S-REG-5 S-REG-7

alice joins
bob joins

impostor connects
impostor > REGISTER alice CHAT/1.0
impostor < 401 ...

bob   > @bob: still there?
alice < @bob: still there?
impostor hears nothing
";

const UNCHANGED: &str = "\
# A message arrives as it was sent, to the byte.
covers S-MSG-1

alice joins
bob joins

alice > @alice: two  spaces, and a tail
bob   < @alice: two  spaces, and a tail
";

const CRASHES: &str = "\
# A client that vanishes is removed, and the others go on undisturbed.
covers S-DISC-5

alice joins
bob joins

alice closes
heir joins as alice
bob  > @bob: hello again
heir < @bob: hello again
";

const TYPING: &str = "\
# A message that arrives in the middle of a typed line is shown, and the line is then sent whole.
covers C-MSG-3

client starts as alice
server < REGISTER alice CHAT/1.0
server > 200 Registration successful

user types \"hel\"
server > @bob: hi
user < @bob: hi
user types \"lo\\n\"
server < @alice: hello
";

/// Group, id, level, verdict and sentence.
const SERVER_ROWS: &str = "\
Wire | W-LINE-1 | implied | pass | every protocol message is one line, ended by LF; a receiver takes CRLF too
Wire | W-LINE-2 | implied | pass | a message split over several TCP segments is one message
Starting | S-PORT-1 | must | pass | starts with no command-line options, on a port that the system chose: two servers run side by side
Starting | S-PORT-2 | must | unsure | prints the port number that it listens on
Registration | S-REG-1 | must | pass | `REGISTER name CHAT/1.0` from a new name is answered with status 200
Registration | S-REG-5 | must | fail | a name in use is answered with status 401, and its first holder keeps it
Registration | S-REG-7 | must | blocked | a refused client is not registered: it gets no message, and nothing it sends is relayed
Messages | S-MSG-1 | must | fail | a message is relayed to every other registered client, unchanged, once
Messages | S-MSG-2 | must | pass | it is not sent back to its sender
Messages | S-MSG-6 | implied | untested | text in UTF-8 arrives unchanged
Disconnecting | S-DISC-5 | implied | fail | a client that closes its connection without a DISCONNECT is removed: its name is free again and the others go on undisturbed
Robustness | S-HARD-1 | hardening | unsure | a message that bears another user's name is not relayed
Robustness | S-HARD-7 | hardening | pass | SIGTERM shuts down as SIGINT does
";

const CLIENT_ROWS: &str = "\
Messages | C-MSG-2 | must | pass | a message received is shown
Messages | C-MSG-3 | must | fail | typing and receiving go on at the same time: a message that arrives in the middle of a typed line is shown, and the line is then sent whole
";

/// A server with some faults, one of each kind that a report has to tell.
pub fn server() -> RunResult {
    let transcripts = vec![
        passing("server/wire/line-end", "W-LINE-1"),
        passing("server/wire/split", "W-LINE-2"),
        passing("server/starting/side-by-side", "S-PORT-1"),
        unsure("server/starting/port-printed", "S-PORT-2"),
        passing("server/registration/accepted", "S-REG-1"),
        refused(),
        blocked(
            "server/registration/refused-is-silent",
            "S-REG-7",
            "S-REG-5",
        ),
        blocked(
            "server/registration/refused-is-not-heard",
            "S-REG-7",
            "S-REG-5",
        ),
        unchanged(),
        passing("server/broadcast/to-others", "S-MSG-1"),
        passing("server/broadcast/not-to-sender", "S-MSG-2"),
        crashes(),
        unable("server/hardening/other-name", "S-HARD-1"),
        passing("server/hardening/sigterm", "S-HARD-7"),
    ];
    run_result(
        Role::Server,
        &["python3", "server.py"],
        SERVER_ROWS,
        transcripts,
    )
}

/// A server to which nothing can be objected.
pub fn good() -> RunResult {
    let mut result = server();
    for entry in &mut result.requirements {
        entry.verdict = Verdict::Pass;
        entry.blocked_by.clear();
    }
    for judged in &mut result.transcripts {
        *judged = passing(&judged.case.name, &judged.case.transcript.covers[0]);
    }
    result
}

/// A client that loses what is half typed when a message arrives.
pub fn client() -> RunResult {
    let transcripts = vec![passing("client/messages/shown", "C-MSG-2"), typing()];
    run_result(
        Role::Client,
        &["python3", "client.py"],
        CLIENT_ROWS,
        transcripts,
    )
}

/// A client to which nothing can be objected.
pub fn good_client() -> RunResult {
    let mut result = client();
    for entry in &mut result.requirements {
        entry.verdict = Verdict::Pass;
    }
    for judged in &mut result.transcripts {
        *judged = passing(&judged.case.name, &judged.case.transcript.covers[0]);
    }
    result
}

/// A server that says and is called [`HOSTILE`] wherever it can.
pub fn hostile() -> RunResult {
    saying(HOSTILE)
}

/// A server that says and is called this wherever it can.
pub fn saying(text: &str) -> RunResult {
    let mut result = server();
    result.command = vec![text.to_string()];
    result.remarks = vec![text.to_string()];
    for name in result
        .requirements
        .iter_mut()
        .flat_map(|entry| &mut entry.transcripts)
    {
        name.insert_str(0, text);
    }
    for judged in &mut result.transcripts {
        judged.case.name.insert_str(0, text);
        for run in &mut judged.runs {
            make_say(run, text);
        }
    }
    result
}

fn make_say(run: &mut Evidence, said: &str) {
    for event in &mut run.events {
        match &mut event.kind {
            EventKind::Sent { bytes, .. }
            | EventKind::Received { bytes, .. }
            | EventKind::Typed { bytes }
            | EventKind::Printed { bytes } => *bytes = said.as_bytes().to_vec(),
            EventKind::Started { command } => *command = vec![said.to_string()],
            EventKind::Listening { address: text }
            | EventKind::Signalled { signal: text }
            | EventKind::Ended { how: text } => *text = said.to_string(),
            EventKind::Note(note) => {
                *note = Note::NotConnected {
                    actor: "alice".to_string(),
                    reason: said.to_string(),
                }
            }
            EventKind::Connected { .. } | EventKind::Closed { .. } => {}
        }
    }
    match &mut run.outcome {
        Outcome::FellShort(shortfall) => {
            shortfall.expected = expected_line(said, false);
            shortfall.got = another_line(&format!("{said}!"));
        }
        Outcome::Unable { reason } => {
            *reason = Hindrance::Refused {
                what: said.to_string(),
                reason: said.to_string(),
            };
        }
        Outcome::Completed | Outcome::Skipped { .. } | Outcome::NotApplicable { .. } => {}
    }
}

/// A submission whose programs are right.
pub fn good_submission() -> Assessment {
    submission("alice", Ok(good()), Ok(good_client()))
}

/// A submission with some faults, one of each kind that a report has to tell.
pub fn faulty_submission() -> Assessment {
    submission("bob", Ok(server()), Ok(client()))
}

/// A submission whose server is right and whose client loses what is half typed.
pub fn faulty_client_submission() -> Assessment {
    submission("carol", Ok(good()), Ok(client()))
}

/// A submission whose server could not be built.
pub fn not_built_submission() -> Assessment {
    let unjudged = Unjudged {
        reason: "`make` failed: exit status 2.".to_string(),
        output: "server.c:3: error: expected \";\"\nmake: *** [server] Error 1\n".to_string(),
        is_its_own_fault: true,
    };
    submission("dave", Err(unjudged), Ok(good_client()))
}

/// A submission in which there is no client.
pub fn not_found_submission() -> Assessment {
    let unjudged = Unjudged {
        reason: "There is no client: no file is called so.".to_string(),
        output: String::new(),
        is_its_own_fault: true,
    };
    submission("erin", Ok(good()), Err(unjudged))
}

/// A submission whose server could not be judged on this machine.
pub fn unjudged_submission() -> Assessment {
    let unjudged = Unjudged {
        reason: "java is not installed on this machine.".to_string(),
        output: String::new(),
        is_its_own_fault: false,
    };
    submission("frank", Err(unjudged), Ok(good_client()))
}

/// The faulty submission by a rubric that takes points off over the whole.
pub fn limited_submission() -> Assessment {
    let rubric = format!("{BUILT_IN}\n[[limit]]\nunless = [\"S-REG-5\"]\nat_most = 10\n");
    scored("grace", Ok(server()), Ok(client()), &rubric)
}

/// The faulty submission by a rubric that gives points back over the whole.
pub fn lifted_submission() -> Assessment {
    let rubric = format!("{BUILT_IN}\n[whole]\nfloor = 95\n");
    scored("heidi", Ok(server()), Ok(client()), &rubric)
}

/// A submission that is called this and says it wherever it can.
pub fn submission_saying(text: &str) -> Assessment {
    submission(text, Ok(saying(text)), Ok(client()))
}

/// A submission that is called this and of which it is all that can be told.
pub fn unjudged_submission_saying(text: &str) -> Assessment {
    let unjudged = |is_its_own_fault| Unjudged {
        reason: text.to_string(),
        output: text.to_string(),
        is_its_own_fault,
    };
    submission(text, Err(unjudged(true)), Err(unjudged(false)))
}

fn some_of_each() -> Vec<Assessment> {
    vec![
        good_submission(),
        faulty_submission(),
        faulty_client_submission(),
        not_built_submission(),
        not_found_submission(),
        unjudged_submission(),
    ]
}

/// All of these.
pub fn submissions() -> Vec<Assessment> {
    let mut submissions = some_of_each();
    submissions.extend([limited_submission(), lifted_submission()]);
    submissions.extend(hostile_submissions());
    submissions
}

/// Submissions that say [`BREAKING_OUT`] and a long line.
pub fn hostile_submissions() -> Vec<Assessment> {
    let long = long_line();
    let texts = BREAKING_OUT.iter().copied().chain([long.as_str()]);
    let both = |text| [submission_saying(text), unjudged_submission_saying(text)];
    texts.flat_map(both).collect()
}

/// A class with some of each.
pub fn class() -> Class {
    Class::of("networks".to_string(), some_of_each(), requirements())
}

/// A class in which everybody says [`BREAKING_OUT`].
pub fn hostile_class() -> Class {
    Class::of(HOSTILE.to_string(), hostile_submissions(), requirements())
}

fn requirements() -> Vec<Requirement> {
    Suite::embedded().expect("is right").requirements
}

fn submission(
    name: &str,
    server: Result<RunResult, Unjudged>,
    client: Result<RunResult, Unjudged>,
) -> Assessment {
    scored(name, server, client, BUILT_IN)
}

fn scored(
    name: &str,
    server: Result<RunResult, Unjudged>,
    client: Result<RunResult, Unjudged>,
    rubric: &str,
) -> Assessment {
    let part = |role, result: Result<RunResult, Unjudged>| AssessedPart {
        role,
        ruled_out: Vec::new(),
        command: result
            .as_ref()
            .map_or(Vec::new(), |result| result.command.clone()),
        result,
    };
    let parts = vec![part(Role::Server, server), part(Role::Client, client)];
    let requirements = requirements();
    let rubric = Rubric::parse(rubric, &requirements).expect("is a rubric");
    Assessment::of(name.to_string(), parts, &requirements, &rubric)
}

fn refused() -> TranscriptResult {
    let fall = shortfall(
        4,
        expected_line("401", true),
        another_line("200 Registration successful"),
    );
    let mut events = both_join();
    events.extend([
        event(0.103, 2, connected("impostor")),
        event(0.104, 3, sent("impostor", "REGISTER alice CHAT/1.0\n")),
        event(0.107, 3, printed("alice is back\r\n")),
        event(
            0.108,
            4,
            received("impostor", "200 Registration successful\n"),
        ),
    ]);
    let mut judged = judged(
        "server/registration/refused",
        REFUSED,
        Verdict::Fail,
        vec![run(events, fall)],
    );
    judged.fails = vec!["S-REG-5".to_string()];
    judged.blocked_by = Some("S-REG-5".to_string());
    judged
}

fn unchanged() -> TranscriptResult {
    let fall = shortfall(
        3,
        expected_line("@alice: two  spaces, and a tail", false),
        another_line("@alice: two spaces, and a tail"),
    );
    let mut events = both_join();
    events.extend([
        event(0.120, 2, sent("alice", "@alice: two  spaces, and a tail\n")),
        event(0.121, 3, received("bob", "@alice: two sp")),
        event(0.122, 3, received("bob", "aces, and a tail\n")),
    ]);
    let passed = Evidence {
        events: Vec::new(),
        outcome: Outcome::Completed,
        seconds: 0.2,
    };
    let runs = vec![run(events.clone(), fall.clone()), passed, run(events, fall)];
    let mut judged = judged("server/broadcast/unchanged", UNCHANGED, Verdict::Fail, runs);
    judged.fails = vec!["S-MSG-1".to_string()];
    judged
}

fn crashes() -> TranscriptResult {
    let fall = shortfall(3, expected_line("200", true), Got::Closed);
    let mut events = both_join();
    events.extend([
        event(0.130, 2, closed("alice", false, false)),
        event(0.131, 3, printed("Traceback (most recent call last):\r\n  File \"server.py\", line 41, in <module>\r\n    serve(selector)\r\nConnectionResetError: [Errno 104] Connection reset by peer\r\n")),
        event(0.140, 3, ended("exit status 1")),
        event(0.140, 3, closed("bob", true, true)),
        event(
            0.141,
            3,
            EventKind::Note(Note::NotConnected {
                actor: "alice".to_string(),
                reason: "connection refused".to_string(),
            }),
        ),
    ]);
    let mut judged = judged(
        "server/disconnect/vanishes",
        CRASHES,
        Verdict::Fail,
        vec![run(events, fall)],
    );
    judged.fails = vec!["S-DISC-5".to_string()];
    judged
}

fn typing() -> TranscriptResult {
    let fall = shortfall(
        7,
        expected_line("@alice: hello", false),
        another_line("@alice: lo"),
    );
    let events = vec![
        event(
            0.0,
            None,
            started(&["python3", "client.py", "alice", "chat://127.0.0.1:40123"]),
        ),
        event(0.09, 0, connected("server")),
        event(0.091, 1, received("server", "REGISTER alice CHAT/1.0\n")),
        event(0.092, 2, sent("server", "200 Registration successful\n")),
        event(0.095, 2, printed("Connected.\r\n> ")),
        event(
            0.101,
            3,
            EventKind::Typed {
                bytes: b"hel".to_vec(),
            },
        ),
        event(0.102, 3, printed("hel")),
        event(0.110, 4, sent("server", "@bob: hi\n")),
        event(0.113, 5, printed("\r\x1b[K@bob: hi\r\n> ")),
        event(
            0.120,
            6,
            EventKind::Typed {
                bytes: b"lo\r".to_vec(),
            },
        ),
        event(0.121, 6, printed("lo\r\n> ")),
        event(0.122, 7, received("server", "@alice: lo\n")),
    ];
    let mut judged = judged(
        "client/messages/mid-line",
        TYPING,
        Verdict::Fail,
        vec![run(events, fall)],
    );
    judged.fails = vec!["C-MSG-3".to_string()];
    judged
}

fn passing(name: &str, covers: &str) -> TranscriptResult {
    let run = Evidence {
        events: both_join(),
        outcome: Outcome::Completed,
        seconds: 0.2,
    };
    judged(name, &plain(covers), Verdict::Pass, vec![run])
}

fn blocked(name: &str, covers: &str, by: &str) -> TranscriptResult {
    let outcome = Outcome::Skipped {
        because_of: topic_of(by),
    };
    let run = Evidence {
        events: both_join(),
        outcome,
        seconds: 0.0,
    };
    let mut judged = judged(name, &plain(covers), Verdict::Blocked, vec![run]);
    judged.blocked_by = Some(by.to_string());
    judged
}

fn unsure(name: &str, covers: &str) -> TranscriptResult {
    let fall = shortfall(
        2,
        Expected::PortPrinted { port: 54307 },
        Got::Printed {
            text: Excerpt::of(b""),
        },
    );
    let passed = Evidence {
        events: Vec::new(),
        outcome: Outcome::Completed,
        seconds: 0.2,
    };
    let runs = vec![run(both_join(), fall), passed.clone(), passed];
    judged(name, &plain(covers), Verdict::Unsure, runs)
}

fn unable(name: &str, covers: &str) -> TranscriptResult {
    let reason = Hindrance::Refused {
        what: "a second pseudo-terminal".to_string(),
        reason: "too many open files".to_string(),
    };
    let run = Evidence {
        events: Vec::new(),
        outcome: Outcome::Unable { reason },
        seconds: 0.0,
    };
    judged(name, &plain(covers), Verdict::Unsure, vec![run])
}

/// The topic that belongs to a requirement.
fn topic_of(id: &str) -> Topic {
    Topic::all()
        .find(|topic| requirement_of(*topic) == id)
        .expect("there is one")
}

fn plain(covers: &str) -> String {
    let steps = if covers.starts_with("C-") {
        "client starts as alice\nserver hears nothing\nclient ends"
    } else {
        "alice joins\nbob joins\nalice hears nothing"
    };
    format!("# What {covers} asks for is so.\ncovers {covers}\n\n{steps}\n")
}

fn run_result(
    role: Role,
    command: &[&str],
    requirements: &str,
    transcripts: Vec<TranscriptResult>,
) -> RunResult {
    RunResult {
        role,
        command: command.iter().map(|part| part.to_string()).collect(),
        profile: Profile::PLAIN,
        remarks: Vec::new(),
        requirements: requirements
            .lines()
            .map(|requirement| requirement_result(requirement, &transcripts))
            .collect(),
        seconds: 4.218,
        transcripts,
        time_limit: None,
    }
}

fn requirement_result(line: &str, transcripts: &[TranscriptResult]) -> RequirementResult {
    let cells: Vec<&str> = line.split(" | ").collect();
    let [group, id, level, verdict, sentence] = cells[..] else {
        panic!("five cells: {line}");
    };
    let (level, verdict) = (level_of(level), verdict_of(verdict));
    let covers = |judged: &&TranscriptResult| {
        judged
            .case
            .transcript
            .covers
            .iter()
            .any(|covered| covered == id)
    };
    let names = transcripts
        .iter()
        .filter(covers)
        .map(|judged| judged.case.name.clone());
    let is_blocked = verdict == Verdict::Blocked;
    RequirementResult {
        requirement: requirement(group, id, level, sentence),
        verdict,
        transcripts: names.collect(),
        blocked_by: is_blocked
            .then(|| "S-REG-5".to_string())
            .into_iter()
            .collect(),
    }
}

fn level_of(word: &str) -> Level {
    serde_json::from_value(word.into()).expect("is a level")
}

fn verdict_of(word: &str) -> Verdict {
    serde_json::from_value(word.into()).expect("is a verdict")
}

pub fn requirement(group: &str, id: &str, level: Level, sentence: &str) -> Requirement {
    let words = "If the user name given during registration is already in use, the server responds with a \"401 Client already registered\" message.";
    Requirement {
        id: id.to_string(),
        level,
        group: group.to_string(),
        sentence: sentence.to_string(),
        assignment: (level == Level::Must).then(|| words.to_string()).into_iter().collect(),
        reason: (level != Level::Must).then(|| "TCP is a stream: it keeps the order of bytes, not where one write ended.".to_string()),
        failing: None,
        rests_on: Vec::new(),
        wording_of: None,
        to_the_letter: false,
        fix: "Look the name up among the registered clients before you add it, and answer with 401 where it is there.".to_string(),
    }
}

fn judged(name: &str, source: &str, verdict: Verdict, runs: Vec<Evidence>) -> TranscriptResult {
    TranscriptResult {
        case: case(name, source),
        verdict,
        fails: Vec::new(),
        blocked_by: None,
        runs,
    }
}

fn run(events: Vec<Event>, fall: Shortfall) -> Evidence {
    Evidence {
        events,
        outcome: Outcome::FellShort(fall),
        seconds: 5.2,
    }
}

fn shortfall(step: usize, expected: Expected, got: Got) -> Shortfall {
    Shortfall {
        step,
        expected,
        got,
        ended: None,
        present: Vec::new(),
        waited_for_enter: false,
    }
}

fn expected_line(line: &str, open_ended: bool) -> Expected {
    Expected::Line {
        line: line.to_string(),
        open_ended,
    }
}

fn another_line(line: &str) -> Got {
    Got::Line {
        line: Excerpt::of(line.as_bytes()),
        meaning: Meaning::Regular,
        freed: None,
    }
}

fn both_join() -> Vec<Event> {
    vec![
        event(0.0, None, started(&["python3", "server.py"])),
        event(
            0.048,
            None,
            EventKind::Listening {
                address: "127.0.0.1:54307".to_string(),
            },
        ),
        event(0.049, None, printed("Listening on port 54307\r\n")),
        event(0.051, 0, connected("alice")),
        event(0.052, 0, sent("alice", "REGISTER alice CHAT/1.0\n")),
        event(0.054, 0, received("alice", "200 Registration successful\n")),
        event(0.060, 1, connected("bob")),
        event(0.061, 1, sent("bob", "REGISTER bob CHAT/1.0\n")),
        event(0.063, 1, received("bob", "200 Registration successful\n")),
    ]
}

pub fn event(at: f64, step: impl Into<Option<usize>>, kind: EventKind) -> Event {
    Event {
        at,
        step: step.into(),
        kind,
    }
}

pub fn connected(actor: &str) -> EventKind {
    EventKind::Connected {
        actor: actor.to_string(),
    }
}

pub fn sent(actor: &str, text: &str) -> EventKind {
    EventKind::Sent {
        actor: actor.to_string(),
        bytes: text.as_bytes().to_vec(),
    }
}

pub fn received(actor: &str, text: &str) -> EventKind {
    EventKind::Received {
        actor: actor.to_string(),
        bytes: text.as_bytes().to_vec(),
    }
}

pub fn printed(text: &str) -> EventKind {
    EventKind::Printed {
        bytes: text.as_bytes().to_vec(),
    }
}

pub fn started(command: &[&str]) -> EventKind {
    EventKind::Started {
        command: command.iter().map(|part| part.to_string()).collect(),
    }
}

pub fn closed(actor: &str, by_program: bool, reset: bool) -> EventKind {
    EventKind::Closed {
        actor: actor.to_string(),
        by_program,
        reset,
    }
}

pub fn ended(how: &str) -> EventKind {
    EventKind::Ended {
        how: how.to_string(),
    }
}

/// A transcript of the suite.
pub fn case(name: &str, source: &str) -> Case {
    Case {
        name: name.to_string(),
        source: source.to_string(),
        transcript: parse(name, source).expect("is in the language"),
    }
}
