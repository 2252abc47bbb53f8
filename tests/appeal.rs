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

use chat_conformance::conformance::evidence::{Evidence, Outcome};
use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::conformance::program::profile::Profile;
use chat_conformance::conformance::suite::{Case, Suite};
use chat_conformance::grading::assessed_part::AssessedPart;
use chat_conformance::report::appeal;
use chat_conformance::transcript::syntax::{Action, Role};
use judging::{
    FOUNDATIONS, covers_any, example, is_thorough, not_passing, run_command, takes_its_time,
};

/// Faults of the server, and a requirement that each breaks.
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

/// Faults of the client, and a requirement that each breaks.
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

/// Checks every sixth of the chosen faults; with `CONFORM_THOROUGH=1` in the environment every second one, and with
/// `CONFORM_EVERY_APPEAL=1` all faults, which takes some minutes.
fn each_is_shown(role: Role, chosen: &[(&str, &str)], all: &[table::Fault]) {
    let program = format!("faulty-{role}");
    let every = all.iter().map(|fault| (fault.name, fault.breaks[0]));
    let (first, step) = if is_thorough() { (0, 2) } else { (5, 6) };
    let faults: Vec<(&str, &str)> = if std::env::var_os("CONFORM_EVERY_APPEAL").is_some() {
        every.filter(|(_, id)| !id.contains("-HARD-")).collect()
    } else {
        chosen.iter().skip(first).step_by(step).copied().collect()
    };
    let wrong = side_by_side(&faults, |(fault, requirement)| {
        let command = vec![example(&program), "--fault".to_owned(), (*fault).to_owned()];
        is_shown(role, command, &reference(role), requirement)
            .map_err(|why| format!("{fault}, {requirement}: {why}"))
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

/// Judges a program by the transcripts about one requirement, which it fails; the script about it then shows that
/// failure, and none with the program that is right.
fn is_shown(
    role: Role,
    command: Vec<String>,
    right: &[String],
    requirement: &str,
) -> Result<(), String> {
    let judged = run_command(
        command.clone(),
        role,
        2,
        Duration::from_secs(2),
        |_, case| {
            let is_about_row = covers_any(case, &[requirement]) && !takes_its_time(case);
            is_about_row || FOUNDATIONS.contains(&case.name.as_str())
        },
    );
    let result = judged.map_err(|why| format!("{why:?}"))?;
    let expected = expectations(&result, requirement);
    let part = AssessedPart {
        ruled_out: Vec::new(),
        role,
        command,
        result: Ok(result),
    };
    let Some(script) = appeal::script(&part, requirement) else {
        let judged = part.result.map(|result| not_passing(&result, |_, _| true));
        return Err(format!("the program is not failed: {judged:?}"));
    };
    let name = part
        .command
        .last()
        .map_or("", String::as_str)
        .replace('/', "_");
    let file = write(&format!("{role}-{requirement}-{name}"), &script)?;
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

/// What is to be read in the output of a script about `requirement`: the expectation that was not met, of each failure.
fn expectations(result: &RunResult, requirement: &str) -> Vec<String> {
    let failed = result
        .transcripts
        .iter()
        .filter(|judged| judged.fails.iter().any(|id| id == requirement));
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
fn a_run_of_the_reference_can_be_repeated() {
    // All of them take minutes.
    let share = if is_thorough() { 1 } else { 16 };
    let wrong = [Role::Server, Role::Client].map(|role| {
        let result = run_command(
            reference(role),
            role,
            2,
            Duration::from_secs(5),
            |position, case| {
                position % share == 0
                    && (is_thorough() || !takes_its_time(case))
                    && is_playable(case)
            },
        )
        .unwrap_or_else(|why| panic!("{why:?}"));
        assert!(result.transcripts.len() > 100 / share / 3);
        side_by_side(&result.transcripts, |judged| {
            let case = &judged.case;
            let run = judged.telling_run().ok_or("was not replayed")?;
            let script = appeal::script_for(case, run, &reference(role), &result.profile)
                .map_err(|why| format!("{}: {why}", case.name))?;
            let file = write(&case.name, &script)?;
            let played = run_script(&file, &[]);
            match played.status.code() {
                Some(0) => Ok(()),
                _ => Err(format!("{}: {}", case.name, text_of(&played))),
            }
        })
    });
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Whether a script can play the transcript.
fn is_playable(case: &Case) -> bool {
    !UNPLAYABLE.contains(&case.name.as_str()) && !is_paused_in(case)
}

/// Whether the program is paused in the transcript, which a script does not do.
fn is_paused_in(case: &Case) -> bool {
    let mut steps = case.transcript.steps.iter();
    steps.any(|step| step.action == Action::IsPaused)
}

/// What needs more memory, more bytes or other buffers than a script has.
const UNPLAYABLE: &[&str] = &[
    "client/hardening/endless-line",
    "server/hardening/endless-line",
    "server/hardening/endless-registration",
    "server/hardening/goodbye-beside-one-who-does-not-read",
    "server/hardening/one-stops-reading",
    "server/shutdown/ends-beside-one-who-does-not-read",
];

#[test]
fn a_script_says_what_it_cannot_play() {
    let suite = Suite::embedded().unwrap_or_else(|_| panic!("the embedded suite cannot be read"));
    let run = Evidence {
        events: Vec::new(),
        outcome: Outcome::Completed,
        seconds: 1.0,
    };
    let script_for =
        |case| appeal::script_for(case, &run, &reference(Role::Server), &Profile::PLAIN);
    let of_a_program = |case: &&Case| case.transcript.role != Role::Pair;
    let (alone, together): (Vec<_>, Vec<_>) = suite.cases.iter().partition(of_a_program);
    assert!(together.into_iter().all(|case| script_for(case).is_err()));
    let unplayable = alone.into_iter().filter(|case| script_for(case).is_err());
    let (paused, unplayable): (Vec<_>, Vec<_>) = unplayable.partition(|case| is_paused_in(case));
    let all_paused = suite.cases.iter().filter(|case| is_paused_in(case));
    assert_eq!(paused.len(), all_paused.count());
    let unplayable = unplayable.into_iter();
    let mut unplayable: Vec<&str> = unplayable.map(|case| case.name.as_str()).collect();
    unplayable.sort_unstable();
    assert_eq!(unplayable, UNPLAYABLE);
}

#[test]
fn a_script_speaks_to_the_program_as_its_profile_says() {
    let with = |set: fn(&mut Profile)| {
        let mut profile = Profile::PLAIN;
        set(&mut profile);
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
            with(|it| it.arrives_with_words = true),
        ),
        (
            "server",
            "registers-silently",
            server,
            with(|it| it.registers_silently = true),
        ),
        (
            "server",
            "first-message-awaited",
            server,
            with(|it| it.waits_for_first_message = true),
        ),
        ("server", "bare", server, speaks("bare")),
        ("server", "length-in-front", server, speaks("length")),
        ("server", "reads-bare", server, speaks("bare/line")),
        (
            "client",
            "arguments-swapped",
            client,
            with(|it| it.takes_address_first = true),
        ),
        ("client", "bare", client, speaks("bare")),
        ("client", "length-in-front", client, speaks("length")),
        ("client", "writes-bare", client, speaks("line/bare")),
    ];
    // Each needs two runs of a script, one of which waits for what never arrives.
    let step = if is_thorough() { 1 } else { 3 };
    let chosen: Vec<_> = needed.iter().step_by(step).collect();
    let wrong = side_by_side(&chosen, |(kind, fault, name, profile)| {
        let role = if *kind == "server" {
            Role::Server
        } else {
            Role::Client
        };
        let program = example(&format!("faulty-{kind}"));
        let command = vec![program, "--fault".to_owned(), (*fault).to_owned()];
        let result = run_command(
            command.clone(),
            role,
            1,
            Duration::from_secs(2),
            |_, case| case.name == *name,
        )
        .map_err(|why| format!("{why:?}"))?;
        let judged = result.transcripts.first().ok_or("was not replayed")?;
        let run = judged
            .runs
            .iter()
            .find(|run| run.outcome == Outcome::Completed);
        let run =
            run.ok_or_else(|| format!("{kind} {fault}: {:?}", not_passing(&result, |_, _| true)))?;
        let status_with = |profile: &Profile, run: &Evidence| {
            let script = appeal::script_for(&judged.case, run, &command, profile)?;
            let file = write(
                &format!("{kind}-{fault}-{}", *profile == Profile::PLAIN),
                &script,
            )?;
            let played = run_script(&file, &["--patience", "4"]);
            Ok::<_, String>((played.status.code(), text_of(&played)))
        };
        let (status, text) = status_with(profile, run)?;
        if status != Some(0) {
            return Err(format!("{kind} {fault}: {text}"));
        }
        let nothing_noted = Evidence {
            events: Vec::new(),
            ..run.clone()
        };
        match status_with(&Profile::PLAIN, &nothing_noted)? {
            (Some(1), _) => Ok(()),
            (_, text) => Err(format!("{kind} {fault} needs no profile: {text}")),
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A script for a run of the reference that passed, which starts this command.
fn script_that_starts(command: &[String]) -> String {
    let is_wanted = |_, case: &Case| case.name == "server/broadcast/between-two";
    let result = run_command(
        reference(Role::Server),
        Role::Server,
        1,
        Duration::from_secs(5),
        is_wanted,
    );
    let result = result.unwrap_or_else(|why| panic!("{why:?}"));
    let judged = &result.transcripts[0];
    appeal::script_for(&judged.case, &judged.runs[0], command, &Profile::PLAIN)
        .expect("can be played")
}

#[test]
fn a_program_that_cannot_be_started_is_no_failure() {
    let hostile = "no such\n\u{1b}[2Jprogram\"\"\"\u{202e}";
    let commands = [
        (vec![hostile.to_owned()], "cannot be started"),
        (
            vec!["python3".to_owned(), "server.py".to_owned()],
            "server.py is not in this folder",
        ),
        (
            vec!["./server".to_owned()],
            "./server is not in this folder",
        ),
    ];
    for (position, (command, why)) in commands.iter().enumerate() {
        let file = write(
            &format!("not-there-{position}"),
            &script_that_starts(command),
        )
        .expect("can be written");
        let played = run_script(&file, &[]);
        let text = text_of(&played);
        assert_eq!(played.status.code(), Some(2), "{text}");
        assert!(text.contains(why) && !text.contains('\u{1b}'), "{text}");
    }
}

/// Writes a script, and gives its path.
fn write(name: &str, script: &str) -> Result<PathBuf, String> {
    let file = folder().join(format!("{}.py", name.replace('/', "-")));
    fs::write(&file, script).map_err(|why| why.to_string())?;
    Ok(file)
}

fn reference(role: Role) -> Vec<String> {
    let program = match role {
        Role::Server => env!("CARGO_BIN_EXE_chat-server"),
        Role::Client | Role::Pair => env!("CARGO_BIN_EXE_chat-client"),
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
    command.arg(file).args(arguments).current_dir(folder());
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
    const AT_ONCE: usize = 6;
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
