//! The scripts that go with lost points, run for real: each shows the failure of the faulty program that it was
//! written for, and says of a right program that all holds.

#[path = "judging/mod.rs"]
mod judging;
#[path = "python/mod.rs"]
mod python;
#[path = "faults/table.rs"]
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chat_conformance::conformance::evidence::Outcome;
use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::conformance::program::profile::Profile;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::conformance::suite::requirement::Level;
use chat_conformance::grading::assessed_part::AssessedPart;
use chat_conformance::report::appeal;
use chat_conformance::transcript::syntax::Role;
use judging::{covers_any, example, is_thorough, not_passing, run_command, takes_its_time};

/// Faults of the server, and a row that each breaks.
const SERVER_FAULTS: &[(&str, &str)] = &[
    ("bare", "W-LINE-1"),
    ("first-of-segment-only", "W-LINE-3"),
    ("partial-line-lost", "W-LINE-2"),
    ("fixed-port", "S-PORT-1"),
    ("wrong-port-printed", "S-PORT-2"),
    ("misspelt-200", "S-REG-2"),
    ("any-version", "S-REG-3"),
    ("names-shared", "S-REG-5"),
    ("refused-hears", "S-REG-7"),
    ("text-in-capitals", "S-MSG-1"),
    ("twice", "S-MSG-1"),
    ("echo", "S-MSG-2"),
    ("stranger-hears", "S-MSG-3"),
    ("latin-1", "S-MSG-6"),
    ("silent-holds-up", "S-CONC-2"),
    ("late-words-lost", "S-CONC-3"),
    ("left-open", "S-DISC-4"),
    ("close-kills", "S-DISC-5"),
    ("disconnect-relayed", "S-DISC-6"),
    ("farewell-named", "S-SHUT-1"),
    ("never-ends", "S-SHUT-2"),
    ("ends-when-empty", "S-RUN-1"),
];

/// Faults of the client, and a row that each breaks.
const CLIENT_FAULTS: &[(&str, &str)] = &[
    ("bare", "W-LINE-1"),
    ("first-of-segment-only", "W-LINE-3"),
    ("arguments-swapped", "C-ARG-1"),
    ("any-scheme", "C-ARG-2"),
    ("bad-connection-traceback", "C-ARG-3"),
    ("registers-small", "C-REG-1"),
    ("401-silent", "C-REG-4"),
    ("prefix-tight", "C-MSG-1"),
    ("shown-twice", "C-MSG-2"),
    ("half-typed-lost", "C-MSG-3"),
    ("ascii-shown", "C-MSG-5"),
    ("leaves-nameless", "C-QUIT-1"),
    ("interrupt-unheeded", "C-QUIT-2"),
    ("vanishing-silent", "C-SHUT-2"),
];

/// Short transcripts on which the others rest: what holds there is not what makes another fall short.
const FOUNDATIONS: &[&str] = &[
    "server/registration/new-name",
    "server/broadcast/between-two",
    "server/concurrency/newcomers-among-the-idle",
    "client/registration/first-words",
    "client/messages/typed-lines-are-sent",
    "client/messages/received-is-shown",
];

/// A server that speaks bare, with one more fault unless it is told to be right.
const BARE_SERVER: &str = r#"
import selectors, signal, socket, sys
echoes = sys.argv[1:] != ["right"]
listener = socket.socket()
listener.bind(("", 0))
listener.listen()
print("port", listener.getsockname()[1])
poll = selectors.DefaultSelector()
poll.register(listener, selectors.EVENT_READ)
names = {}

def leave(signal, frame):
    for sock in names:
        sock.send(b"DISCONNECT CHAT/1.0")
    sys.exit(0)
signal.signal(signal.SIGINT, leave)

while True:
    for key, _ in poll.select():
        if key.fileobj is listener:
            poll.register(listener.accept()[0], selectors.EVENT_READ)
            continue
        sock = key.fileobj
        data = sock.recv(4096)
        words = data.decode("utf-8", "replace").split(" ")
        if not data or words[0] == "DISCONNECT":
            names.pop(sock, None)
            poll.unregister(sock)
            sock.close()
        elif sock in names:
            for other in names:
                if echoes or other is not sock:
                    other.send(data)
        elif len(words) != 3 or words[0] != "REGISTER" or words[2] != "CHAT/1.0":
            sock.send(b"400 Invalid registration")
        elif words[1] in names.values():
            sock.send(b"401 Client already registered")
        else:
            names[sock] = words[1]
            sock.send(b"200 Registration successful")
"#;

#[test]
fn a_script_shows_what_a_faulty_server_does_and_holds_for_a_right_one() {
    each_is_shown(Role::Server, SERVER_FAULTS, table::SERVER);
}

#[test]
fn a_script_shows_what_a_faulty_client_does_and_holds_for_a_right_one() {
    each_is_shown(Role::Client, CLIENT_FAULTS, table::CLIENT);
}

/// Checks every fourth of the chosen faults; with `CONFORM_THOROUGH=1` in the environment, all faults.
fn each_is_shown(role: Role, chosen: &[(&str, &str)], all: &[table::Fault]) {
    let program = format!("faulty-{role}");
    let every = all.iter().map(|fault| (fault.name, fault.breaks[0]));
    let faults: Vec<(&str, &str)> = if is_thorough() {
        every.filter(|(_, row)| !row.contains("-HARD-")).collect()
    } else {
        chosen.iter().step_by(4).copied().collect()
    };
    let wrong = side_by_side(&faults, |(fault, row)| {
        let command = vec![example(&program), "--fault".to_owned(), (*fault).to_owned()];
        is_shown(role, command, &reference(role), row)
            .map_err(|why| format!("{fault}, {row}: {why}"))
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_script_speaks_as_a_bare_server_does() {
    let server = folder().join("bare_server.py");
    fs::write(&server, BARE_SERVER).expect("can be written");
    let command = vec![interpreter().to_owned(), server.display().to_string()];
    let repaired: Vec<String> = command
        .iter()
        .cloned()
        .chain(["right".to_owned()])
        .collect();
    is_shown(Role::Server, command, &repaired, "S-MSG-2").expect("is shown");
}

/// Judges a program by the transcripts about one row, which it fails; the script about it then shows that
/// failure, and none with the program that is right.
fn is_shown(role: Role, command: Vec<String>, right: &[String], row: &str) -> Result<(), String> {
    let judged = run_command(
        command.clone(),
        role,
        2,
        Duration::from_secs(2),
        |_, case| {
            let is_about_row = covers_any(case, &[row]) && (!takes_its_time(case) || is_thorough());
            is_about_row || FOUNDATIONS.contains(&case.name.as_str())
        },
    );
    let result = judged.map_err(|why| format!("{why:?}"))?;
    let expected = expectations(&result, row);
    let part = AssessedPart {
        ruled_out: Vec::new(),
        role,
        command,
        result: Ok(result),
    };
    let Some(script) = appeal::script(&part, row) else {
        let judged = part.result.map(|result| not_passing(&result, |_, _| true));
        return Err(format!("the program is not failed: {judged:?}"));
    };
    let name = part
        .command
        .last()
        .map_or("", String::as_str)
        .replace('/', "_");
    let file = folder().join(format!("{role}-{row}-{name}.py"));
    fs::write(&file, script).map_err(|why| why.to_string())?;
    let shown = run_script(&file, &["--patience", "3"]);
    let text = text_of(&shown);
    if shown.status.code() != Some(1) {
        return Err(format!("does not fail: {} {text}", shown.status));
    }
    for phrase in expected {
        if !text.contains(&phrase) {
            return Err(format!("`{phrase}` is not in it: {text}"));
        }
    }
    let mut arguments = vec!["--"];
    arguments.extend(right.iter().map(String::as_str));
    let holds = run_script(&file, &arguments);
    if holds.status.code() != Some(0) {
        return Err(format!(
            "is said of a right program too: {}",
            text_of(&holds)
        ));
    }
    Ok(())
}

/// What is to be read in the output of a script about `row`: the expectation that was not met, of each failure.
fn expectations(result: &RunResult, row: &str) -> Vec<String> {
    let failed = result
        .transcripts
        .iter()
        .filter(|judged| judged.fails.iter().any(|id| id == row));
    let runs = failed.filter_map(|judged| judged.telling_run());
    let shortfalls = runs.filter_map(|run| match &run.outcome {
        // One that crashes is found out a step sooner or later, as it happens.
        Outcome::FellShort(shortfall) if shortfall.ended.is_none() => Some(shortfall),
        _ => None,
    });
    shortfalls
        .flat_map(|shortfall| {
            // A port is another one each time, and a time is not a matter of the program.
            let is_the_same = |text: &String| !text.contains(" s") && !text.contains("prints ");
            let line = shortfall
                .got
                .line()
                .map(|line| format!("received  the line `{line}`"));
            let line = line.into_iter();
            let expected = Some(shortfall.expected.to_string()).filter(is_the_same);
            line.chain(expected.map(|text| format!("expected  {text}")))
                .collect::<Vec<_>>()
        })
        .filter(|phrase| !phrase.contains("port"))
        .collect()
}

#[test]
fn every_transcript_that_counts_can_be_played_with_the_reference() {
    let suite = Suite::embedded().unwrap_or_else(|_| panic!("the embedded suite cannot be read"));
    let counts = |id: &String| {
        let mut rows = suite.requirements.iter();
        rows.any(|row| row.id == *id && row.level != Level::Hardening)
    };
    let cases: Vec<_> = suite
        .cases
        .iter()
        .filter(|case| case.transcript.covers.iter().any(counts))
        .collect();
    assert!(cases.len() > 100, "{}", cases.len());
    // All of them take a minute.
    let step = if is_thorough() { 1 } else { 9 };
    let cases: Vec<_> = cases.into_iter().step_by(step).collect();
    let wrong = side_by_side(&cases, |case| {
        let command = reference(case.transcript.role);
        let script = appeal::script_for(case, &command, &Profile::PLAIN)
            .map_err(|why| format!("{}: {why}", case.name))?;
        let file = folder().join(format!("{}.py", case.name.replace('/', "-")));
        fs::write(&file, script).map_err(|why| why.to_string())?;
        let played = run_script(&file, &[]);
        match played.status.code() {
            Some(0) => Ok(()),
            _ => Err(format!(
                "{}: {} {}",
                case.name,
                played.status,
                text_of(&played)
            )),
        }
    });
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}

#[test]
fn a_script_minds_the_manner_of_the_program() {
    let minded = |mind: fn(&mut Profile)| {
        let mut profile = Profile::PLAIN;
        mind(&mut profile);
        profile
    };
    let speaks = |dialect: &str| Profile {
        dialect: dialect.parse().expect("is one"),
        ..Profile::PLAIN
    };
    let server = "server/broadcast/newcomer-hears-what-follows";
    let client = "client/messages/received-in-mid-line";
    let needed = [
        (
            "server",
            "late-words-lost",
            server,
            minded(|it| it.arrives_with_words = true),
        ),
        (
            "server",
            "registers-silently",
            server,
            minded(|it| it.registers_silently = true),
        ),
        (
            "server",
            "first-message-awaited",
            server,
            minded(|it| it.waits_for_first_message = true),
        ),
        ("server", "bare", server, speaks("bare")),
        ("server", "length-in-front", server, speaks("length")),
        ("server", "reads-bare", server, speaks("bare/line")),
        (
            "client",
            "arguments-swapped",
            client,
            minded(|it| it.takes_address_first = true),
        ),
        ("client", "bare", client, speaks("bare")),
        ("client", "length-in-front", client, speaks("length")),
        ("client", "writes-bare", client, speaks("line/bare")),
    ];
    let suite = Suite::embedded().unwrap_or_else(|_| panic!("the embedded suite cannot be read"));
    let wrong = side_by_side(&needed, |(kind, fault, name, profile)| {
        let case = suite
            .cases
            .iter()
            .find(|case| case.name == *name)
            .ok_or("is not there")?;
        let program = example(&format!("faulty-{kind}"));
        let command = [program, "--fault".to_owned(), (*fault).to_owned()];
        let status_with = |profile: &Profile| {
            let script = appeal::script_for(case, &command, profile)?;
            let file = folder().join(format!("{kind}-{fault}-{}.py", *profile == Profile::PLAIN));
            fs::write(&file, script).map_err(|why| why.to_string())?;
            let played = run_script(&file, &["--patience", "4"]);
            Ok::<_, String>((played.status.code(), text_of(&played)))
        };
        let (with_manner, text) = status_with(profile)?;
        if with_manner != Some(0) {
            return Err(format!("{kind} {fault}: {text}"));
        }
        match status_with(&Profile::PLAIN)? {
            (Some(1), _) => Ok(()),
            (_, text) => Err(format!("{kind} {fault} needs no profile: {text}")),
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_no_script_can_play_is_said_so() {
    let suite = Suite::embedded().unwrap_or_else(|_| panic!("the embedded suite cannot be read"));
    let script_for = |case| appeal::script_for(case, &reference(Role::Server), &Profile::PLAIN);
    let unscripted = suite.cases.iter().filter(|case| script_for(case).is_err());
    let unscripted: Vec<&str> = unscripted.map(|case| case.name.as_str()).collect();
    assert_eq!(
        unscripted,
        [
            "client/hardening/endless-line",
            "server/hardening/endless-line",
            "server/hardening/endless-registration",
            "server/hardening/one-stops-reading",
        ]
    );
}

#[test]
fn a_program_that_is_not_there_is_no_failure() {
    let suite = Suite::embedded().unwrap_or_else(|_| panic!("the embedded suite cannot be read"));
    let case = suite
        .cases
        .iter()
        .find(|case| case.name == "server/broadcast/between-two")
        .expect("is there");
    let hostile = "no such\n\u{1b}[2Jprogram\"\"\"\u{202e}";
    let script =
        appeal::script_for(case, &[hostile.to_owned()], &Profile::PLAIN).expect("can be played");
    let file = folder().join("not-there.py");
    fs::write(&file, script).expect("can be written");
    let played = run_script(&file, &[]);
    let text = text_of(&played);
    assert_eq!(played.status.code(), Some(2), "{text}");
    assert!(
        text.contains("cannot be started") && !text.contains('\u{1b}'),
        "{text}"
    );
}

fn reference(role: Role) -> Vec<String> {
    let program = match role {
        Role::Server => env!("CARGO_BIN_EXE_chat-server"),
        Role::Client => env!("CARGO_BIN_EXE_chat-client"),
    };
    vec![program.to_owned()]
}

fn folder() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("appeal");
    fs::create_dir_all(&folder).expect("can be made");
    folder
}

fn interpreter() -> &'static str {
    python::python().expect("these tests need python3")
}

fn run_script(file: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(interpreter());
    command.arg(file).args(arguments);
    command.output().expect("Python is there")
}

fn text_of(output: &Output) -> String {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    shown(&output.stdout) + &shown(&output.stderr)
}

/// What went wrong with these, some of them at the same time.
fn side_by_side<T: Sync>(
    items: &[T],
    check: impl Fn(&T) -> Result<(), String> + Sync,
) -> Vec<String> {
    const AT_ONCE: usize = 12;
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = check(item) {
                        wrong.lock().expect("no check panics").push(why);
                    }
                }
            });
        }
    });
    wrong.into_inner().expect("no check panics")
}
