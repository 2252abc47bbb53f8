//! What hostile submissions try, with and without the layers of the cage. docs/containment.md has the table.

mod victim;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{Write, stderr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::time::{Duration, Instant};

use chat_conformance::conformance::program::cage::layer::{Layer, OwnFolder, user_of};
use chat_conformance::conformance::program::environment::{Environment, Purpose};
use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::program::process::{News, RunningProgram};
use chat_conformance::conformance::program::supervisor::layers_here;
use chat_conformance::conformance::program::system;
use rustix::event::{PollFd, PollFlags, poll};
use victim::Victim;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
const ATTEMPTS: &str = include_str!("attempts.py");

/// An attempt, what it tries, and whether it reaches that with the layers of each column. `None` where that depends on the machine or would do harm.
struct Attempt {
    name: &'static str,
    tries: &'static str,
    reaches: [Option<bool>; 4],
}

const fn attempt(name: &'static str, tries: &'static str, reaches: [Option<bool>; 4]) -> Attempt {
    Attempt {
        name,
        tries,
        reaches,
    }
}

const YES: Option<bool> = Some(true);
const NO: Option<bool> = Some(false);
const OPEN: Option<bool> = None;

#[rustfmt::skip]
const TABLE: &[Attempt] = &[
    attempt("read-mate", "read another submission", [YES, OPEN, NO, NO]),
    attempt("copy-mate-by-link", "read another submission through a link in its own folder", [YES, OPEN, NO, NO]),
    attempt("change-mate", "change another submission", [YES, NO, NO, NO]),
    attempt("change-results", "change the results", [YES, NO, NO, NO]),
    attempt("read-secret", "read a file of the person who grades", [YES, OPEN, NO, NO]),
    attempt("change-system", "change the system's files (as root)", [OPEN, NO, NO, NO]),
    attempt("start-harness", "start a program outside its own folder", [YES, OPEN, NO, NO]),
    attempt("find-processes", "see other processes", [YES, YES, YES, NO]),
    attempt("signal-process", "signal another process", [YES, NO, NO, NO]),
    attempt("inspect-by-ptrace", "inspect another process by ptrace", [OPEN, NO, NO, NO]),
    attempt("inspect-memory", "open the memory of another process", [OPEN, NO, NO, NO]),
    attempt("read-environment", "read the environment of another process", [OPEN, NO, NO, NO]),
    attempt("use-socket-file", "use a socket in the file system, as those of tmux, D-Bus and Docker", [YES, NO, OPEN, NO]),
    attempt("use-abstract-socket", "use an abstract socket, as those of D-Bus", [YES, YES, NO, NO]),
    attempt("use-port", "use a port of this machine", [YES, YES, YES, NO]),
    attempt("type-for-somebody", "type into its terminal for whoever reads there next (TIOCSTI)", [OPEN, NO, NO, NO]),
    attempt("write-to-terminal", "write to another terminal", [YES, NO, NO, NO]),
    attempt("take-console", "take over the messages of the console (TIOCCONS)", [OPEN, NO, NO, NO]),
    attempt("raise-limits", "raise its own limits (as root)", [OPEN, NO, NO, NO]),
    attempt("new-terminal", "use up pseudo-terminals", [YES, YES, NO, NO]),
    attempt("change-settings", "change settings of the kernel (as root)", [OPEN, NO, NO, NO]),
    attempt("new-user-namespace", "make a user namespace", [OPEN, NO, NO, NO]),
    attempt("raw-socket", "open a raw socket", [NO, NO, NO, NO]),
    attempt("use-keyrings", "use the keyrings of the person who grades", [OPEN, NO, NO, NO]),
    attempt("use-bpf", "use bpf", [OPEN, NO, NO, NO]),
    attempt("use-io-uring", "use io_uring", [OPEN, NO, NO, NO]),
    attempt("use-userfaultfd", "use userfaultfd", [OPEN, NO, NO, NO]),
    attempt("use-perf-events", "use perf events", [OPEN, NO, NO, NO]),
    attempt("mount", "mount something", [OPEN, NO, NO, NO]),
    attempt("open-by-handle", "open files by their handles", [OPEN, NO, NO, NO]),
    attempt("fill-disk-with-bytes", "fill the disk with some large files in its folder", [YES, YES, YES, NO]),
    attempt("fill-temporary-with-bytes", "fill the disk with some large temporary files", [YES, YES, YES, NO]),
    attempt("fill-with-files", "use up the files of the disk", [YES, YES, YES, NO]),
    attempt("leave-shared-memory", "leave a file in /dev/shm behind", [YES, YES, YES, NO]),
    attempt("leave-temporary-file", "leave a file in /tmp behind", [YES, YES, NO, NO]),
    attempt("leave-semaphore", "leave a System V semaphore behind", [YES, YES, YES, NO]),
    attempt("leave-process", "leave a process behind", [NO, NO, NO, NO]),
];

const COLUMNS: [&str; 4] = [
    "no cage",
    "own user id and seccomp",
    "Landlock and seccomp",
    "namespaces, Landlock and seccomp",
];

/// Those whose success is seen from outside, afterwards.
const LEAVE: [&str; 4] = [
    "leave-shared-memory",
    "leave-temporary-file",
    "leave-semaphore",
    "leave-process",
];

#[test]
fn a_hostile_program_reaches_what_the_table_says() {
    let here = layers_here(CONFORM.as_ref());
    let columns = [
        vec![],
        vec![Layer::OwnUser, Layer::SystemCalls],
        vec![Layer::Landlock, Layer::SystemCalls],
        vec![Layer::Namespaces, Layer::Landlock, Layer::SystemCalls],
    ];
    let is_root = rustix::process::geteuid().is_root();
    let is_offered = |layer: &Layer| match layer {
        Layer::OwnUser => is_root,
        _ => here.contains(layer),
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let mut tried = Vec::new();
        for (column, layers) in columns.iter().enumerate() {
            match layers.iter().find(|layer| !is_offered(layer)) {
                None => tried.push(scope.spawn(move || differences(column, layers))),
                Some(missing) => {
                    let column = COLUMNS[column];
                    let _ = writeln!(
                        stderr(),
                        "NOT RUN: {column}: this system does not offer {missing:?}"
                    );
                }
            }
        }
        let found = tried.into_iter().map(|tried| tried.join());
        found
            .flat_map(|found| found.expect("does not panic"))
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the outcomes in a cage of these layers differ from a column of the table.
fn differences(column: usize, layers: &[Layer]) -> Vec<String> {
    let outcomes = outcomes(layers);
    let column_name = COLUMNS[column];
    let mut wrong = Vec::new();
    for attempt in TABLE {
        let name = attempt.name;
        match (outcomes.get(name), attempt.reaches[column]) {
            (None, _) => wrong.push(format!("{column_name}: {name} was not tried")),
            (Some((reached, detail)), Some(expected)) if *reached != expected => {
                let word = if *reached { "reached" } else { "held" };
                wrong.push(format!("{column_name}: {name} {word} ({detail})"));
            }
            _ => {}
        }
    }
    wrong
}

#[test]
fn every_attempt_stands_in_the_table_once() {
    let mut names = BTreeSet::new();
    for attempt in TABLE {
        assert!(names.insert(attempt.name), "{} twice", attempt.name);
        assert!(
            ATTEMPTS.contains(&format!("(\"{}\", ", attempt.name)),
            "{}",
            attempt.name
        );
        assert_eq!(
            attempt.reaches[3], NO,
            "{}: the whole cage holds",
            attempt.name
        );
    }
}

#[test]
fn the_page_about_containment_has_the_table() {
    let mut table = format!("| a program tries to | {} |\n", COLUMNS.join(" | "));
    table.push_str("| --- | --- | --- | --- | --- |\n");
    for attempt in TABLE {
        let cells = attempt.reaches.map(|reaches| match reaches {
            Some(true) => "succeeds",
            Some(false) => "fails",
            None => "depends",
        });
        table.push_str(&format!("| {} | {} |\n", attempt.tries, cells.join(" | ")));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/containment.md");
    let page = fs::read_to_string(page).expect("is there");
    assert!(
        page.contains(&table),
        "docs/containment.md should contain:\n{table}"
    );
}

/// What each attempt came to, in a cage of these layers, with what it said.
fn outcomes(layers: &[Layer]) -> BTreeMap<String, (bool, String)> {
    let class = tempfile::tempdir().expect("a directory");
    let folder = class.path();
    for name in ["mate", "own"] {
        fs::create_dir(folder.join(name)).expect("is made");
    }
    for name in ["mate/server.py", "results.csv", "secret"] {
        fs::write(folder.join(name), "not for submissions").expect("is written");
    }
    fs::copy("/bin/true", folder.join("program")).expect("is copied");
    fs::write(folder.join("own/attempts.py"), ATTEMPTS).expect("is written");
    let closed = [
        ("", 0o711),
        ("mate", 0o700),
        ("secret", 0o600),
        ("results.csv", 0o600),
    ];
    for (name, mode) in closed {
        fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).expect("is set");
    }
    let own = folder.join("own");
    let user = layers.contains(&Layer::OwnUser).then(|| user_of(&own));
    for path in [own.clone(), own.join("attempts.py")] {
        chown(path, user, user).expect("is given to that user");
    }
    let victim = Victim::start(folder);
    let mark = folder.file_name().expect("has one").to_string_lossy();
    let mark = mark.trim_start_matches('.').to_owned();
    let variables = [
        ("FOLDER", folder.display().to_string()),
        ("VICTIM", victim.id().to_string()),
        ("PORT", victim.port().to_string()),
        ("DEVICE", victim.device().to_owned()),
        ("MARK", mark.clone()),
    ];
    let environment = Environment {
        limits: Limits {
            file_size: 2,
            ..Limits::default()
        },
        folder: Some(own),
        user,
        environment: variables
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        purpose: Purpose::Submission,
        cage: layers.to_vec(),
        own_folder: OwnFolder::Restored,
        hidden: vec![folder.to_owned()],
        ..Environment::default()
    };
    let has_namespaces = layers.contains(&Layer::Namespaces);
    let printed = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            // A network belongs to a thread, and to what it starts.
            if has_namespaces {
                system::enter_own_network().expect("namespaces come with networks");
            }
            output_of(&environment)
        });
        run.join().expect("does not panic")
    });
    assert!(printed.contains("done"), "{printed}");
    let mut outcomes = BTreeMap::new();
    for line in printed.lines() {
        let mut words = line.trim().splitn(3, ' ');
        let (word, name) = (words.next().unwrap_or_default(), words.next());
        if let (Some(name), true) = (name, ["reached", "held"].contains(&word)) {
            let detail = words.next().unwrap_or_default().to_owned();
            outcomes.insert(name.to_owned(), (word == "reached", detail));
        }
    }
    for name in LEAVE {
        let is_left = is_left_behind(name, &mark);
        if let Some((reached, _)) = outcomes.get_mut(name) {
            *reached = *reached && is_left;
        }
    }
    outcomes
}

fn output_of(environment: &Environment) -> String {
    const LONGEST: Duration = Duration::from_secs(120);
    let command = ["python3", "attempts.py"].map(str::to_owned);
    let mut program =
        RunningProgram::start(CONFORM.as_ref(), environment, &command).expect("is started");
    let begun = Instant::now();
    let mut printed = Vec::new();
    let mut has_ended = false;
    while !has_ended && begun.elapsed() < LONGEST {
        let step = system::timespec(Duration::from_millis(200));
        let mut sources: Vec<PollFd<'_>> = { program.sources() }
            .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
            .collect();
        let _ = poll(&mut sources, Some(&step));
        drop(sources);
        for news in program.news() {
            match news {
                News::Printed(bytes) => printed.extend(bytes),
                News::Ended(_) => has_ended = true,
            }
        }
    }
    String::from_utf8_lossy(&printed).into_owned()
}

/// Whether something is still there after the program's end; removes it.
fn is_left_behind(name: &str, mark: &str) -> bool {
    match name {
        "leave-shared-memory" => fs::remove_file(Path::new("/dev/shm").join(mark)).is_ok(),
        "leave-temporary-file" => fs::remove_file(Path::new("/tmp").join(mark)).is_ok(),
        "leave-semaphore" => victim::remove_semaphore(mark),
        _ => victim::is_running_with(mark),
    }
}
