//! What hostile submissions try, with and without the layers of the cage. docs/containment.md has the table.

mod names;
mod terminals;
mod victim;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{Write, stderr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chat_conformance::conformance::program::cage::layer::{Layer, OwnFolder, user_of};
use chat_conformance::conformance::program::environment::{Environment, Purpose};
use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::program::process::{News, RunningProgram};
use chat_conformance::conformance::program::supervisor::layers_here;
use chat_conformance::conformance::program::system;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{FdFlags, fcntl_setfd};
use victim::{Tmux, Victim};

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
    attempt("find-descriptors", "use a file that the harness has open", [NO, NO, NO, NO]),
    attempt("hoard-descriptors", "open more files than its limit", [NO, NO, NO, NO]),
    attempt("read-mate", "read another submission", [YES, OPEN, NO, NO]),
    attempt("copy-mate-by-link", "read another submission through a link in its own folder", [YES, OPEN, NO, NO]),
    attempt("change-mate", "change another submission", [YES, NO, NO, NO]),
    attempt("change-results", "change the results", [YES, NO, NO, NO]),
    attempt("read-secret", "read a file of the person who grades", [YES, OPEN, NO, NO]),
    attempt("change-system", "change the system's files (as root)", [OPEN, NO, NO, NO]),
    attempt("start-harness", "start a program outside its own folder", [YES, OPEN, NO, NO]),
    attempt("find-processes", "see other processes", [YES, YES, YES, NO]),
    attempt("signal-process", "signal another process", [YES, NO, NO, NO]),
    attempt("signal-everybody", "signal every process at once", [YES, NO, NO, NO]),
    attempt("inspect-by-ptrace", "inspect another process by ptrace", [OPEN, NO, NO, NO]),
    attempt("inspect-memory", "open the memory of another process", [OPEN, NO, NO, NO]),
    attempt("read-environment", "read the environment of another process", [OPEN, NO, NO, NO]),
    attempt("use-socket-file", "use a socket in the file system, as those of tmux, D-Bus and Docker", [YES, NO, NO, NO]),
    attempt("type-into-tmux", "type into a tmux server of the person who grades", [YES, NO, NO, NO]),
    attempt("use-abstract-socket", "use an abstract socket, as those of D-Bus", [YES, NO, NO, NO]),
    attempt("use-port", "use a port of this machine", [YES, YES, YES, NO]),
    attempt("type-for-somebody", "type into its terminal for whoever reads there next (TIOCSTI)", [OPEN, NO, NO, NO]),
    attempt("write-to-terminal", "write to another terminal", [YES, NO, NO, NO]),
    attempt("resize-terminal", "change the size of another terminal (TIOCSWINSZ)", [YES, NO, NO, NO]),
    attempt("take-terminal", "take over another terminal (TIOCSCTTY)", [YES, NO, NO, NO]),
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
    attempt("leave-process-at-terminal", "leave a process behind at a terminal of its own", [NO, NO, NO, NO]),
];

const COLUMNS: [&str; 4] = [
    "no cage",
    "own user id and seccomp",
    "Landlock and seccomp",
    "namespaces, Landlock and seccomp",
];

/// Those whose success is seen from outside, afterwards.
const LEAVE: [&str; 6] = [
    "type-into-tmux",
    "leave-shared-memory",
    "leave-temporary-file",
    "leave-semaphore",
    "leave-process",
    "leave-process-at-terminal",
];

#[test]
fn a_hostile_program_reaches_what_the_table_says() {
    in_each_cage(differences);
}

/// The layers of the cages that this system offers, each with the number of its column.
fn cages_here() -> Vec<(usize, Vec<Layer>)> {
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
    let mut cages = Vec::new();
    for (column, layers) in columns.into_iter().enumerate() {
        match layers.iter().find(|layer| !is_offered(layer)) {
            None => cages.push((column, layers)),
            Some(missing) => {
                let column = COLUMNS[column];
                let _ = writeln!(
                    stderr(),
                    "NOT RUN: {column}: this system does not offer {missing:?}"
                );
            }
        }
    }
    cages
}

/// Fails with all that is wrong in the cages of this system, which are tried at the same time.
fn in_each_cage(wrong_in: impl Fn(usize, &[Layer]) -> Vec<String> + Sync) {
    let cages = cages_here();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let tried = cages.iter().map(|(column, layers)| {
            let wrong_in = &wrong_in;
            scope.spawn(move || wrong_in(*column, layers))
        });
        let tried: Vec<_> = tried.collect();
        let found = tried.into_iter().map(|tried| tried.join());
        found
            .flat_map(|found| found.expect("does not panic"))
            .collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The environment of a submission in this folder, which exists, in a cage of these layers.
fn environment_in(own: &Path, layers: &[Layer]) -> Environment {
    let user = layers.contains(&Layer::OwnUser).then(|| user_of(own));
    let files = fs::read_dir(own).expect("is there").flatten();
    for path in files.map(|file| file.path()).chain([own.to_owned()]) {
        chown(path, user, user).expect("is given to that user");
    }
    Environment {
        folder: Some(own.to_owned()),
        user,
        purpose: Purpose::Submission,
        cage: layers.to_vec(),
        own_folder: OwnFolder::Restored,
        ..Environment::default()
    }
}

/// A folder for submissions, which another user may pass through.
fn class_folder() -> tempfile::TempDir {
    let class = tempfile::tempdir().expect("a directory");
    let passable = Permissions::from_mode(0o711);
    fs::set_permissions(class.path(), passable).expect("is set");
    fs::create_dir(class.path().join("own")).expect("is made");
    class
}

/// Whether a cage of these layers comes with a network of its own here. An ordinary user would need the right to make
/// one before there are threads; `conform` itself gains it.
fn has_own_network(layers: &[Layer]) -> bool {
    layers.contains(&Layer::Namespaces) && system::has_networks_to_give()
}

/// Runs `act` as a replay is run in a cage of these layers. A network belongs to a thread, and to what it starts.
fn in_network_of<T: Send>(layers: &[Layer], act: impl FnOnce() -> T + Send) -> T {
    let has_own_network = has_own_network(layers);
    std::thread::scope(|scope| {
        let run = scope.spawn(move || {
            if has_own_network {
                system::enter_own_network().expect("it was possible before");
            }
            act()
        });
        run.join().expect("does not panic")
    })
}

/// Where the outcomes in a cage of these layers differ from a column of the table.
fn differences(column: usize, layers: &[Layer]) -> Vec<String> {
    let outcomes = outcomes(layers);
    let column_name = COLUMNS[column];
    let mut wrong = Vec::new();
    for attempt in TABLE {
        let name = attempt.name;
        let missing = match name {
            "type-into-tmux" if !has_tmux() => Some("there is no tmux here"),
            "use-port" if layers.contains(&Layer::Namespaces) && !has_own_network(layers) => {
                Some("this user cannot make networks")
            }
            _ => None,
        };
        if let Some(missing) = missing {
            let _ = writeln!(stderr(), "NOT RUN: {column_name}: {name}: {missing}");
            continue;
        }
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
    let class = class_folder();
    let folder = class.path();
    fs::create_dir(folder.join("mate")).expect("is made");
    for name in ["mate/server.py", "results.csv", "secret"] {
        fs::write(folder.join(name), "not for submissions").expect("is written");
    }
    fs::copy("/bin/true", folder.join("program")).expect("is copied");
    fs::write(folder.join("own/attempts.py"), ATTEMPTS).expect("is written");
    let closed = [("mate", 0o700), ("secret", 0o600), ("results.csv", 0o600)];
    for (name, mode) in closed {
        fs::set_permissions(folder.join(name), Permissions::from_mode(mode)).expect("is set");
    }
    let victim = Victim::start(folder);
    let tmux = has_tmux().then(|| Tmux::start().expect("tmux starts"));
    let socket = tmux.as_ref().map(Tmux::socket).unwrap_or(Path::new(""));
    // As whatever starts the harness may leave one open for it.
    let open = File::open(folder.join("secret")).expect("opens");
    fcntl_setfd(&open, FdFlags::empty()).expect("is passed on");
    let limits = Limits {
        file_size: 2,
        ..Limits::default()
    };
    let mark = folder.file_name().expect("has one").to_string_lossy();
    let mark = mark.trim_start_matches('.').to_owned();
    let variables = [
        ("FOLDER", folder.display().to_string()),
        ("VICTIM", victim.id().to_string()),
        ("PORT", victim.port().to_string()),
        ("DEVICE", victim.device().to_owned()),
        ("TMUX", socket.display().to_string()),
        ("MOST", limits.descriptors.to_string()),
        ("MARK", mark.clone()),
    ];
    let environment = Environment {
        limits,
        environment: variables
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        hidden: vec![folder.to_owned()],
        ..environment_in(&folder.join("own"), layers)
    };
    let command = ["python3", "attempts.py"];
    let printed = in_network_of(layers, || output_of(&environment, &command));
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
        let is_left = match (name, &tmux) {
            ("type-into-tmux", Some(tmux)) => {
                let is_accepted = outcomes.get(name).is_some_and(|(reached, _)| *reached);
                is_accepted && tmux.shows(&mark)
            }
            _ => is_left_behind(name, &mark),
        };
        if let Some((reached, _)) = outcomes.get_mut(name) {
            *reached = *reached && is_left;
        }
    }
    outcomes
}

fn has_tmux() -> bool {
    let version = Command::new("tmux").arg("-V").output();
    version.is_ok_and(|output| output.status.success())
}

/// What a program prints until it ends.
fn output_of(environment: &Environment, command: &[&str]) -> String {
    let mut printed = Vec::new();
    let mut program = start(environment, command);
    watch(&mut program, |news| match news {
        News::Printed(bytes) => {
            printed.extend(bytes);
            false
        }
        News::Ended(_) => true,
    });
    String::from_utf8_lossy(&printed).into_owned()
}

fn start(environment: &Environment, command: &[&str]) -> RunningProgram {
    let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    RunningProgram::start(CONFORM.as_ref(), environment, &command).expect("is started")
}

/// Waits for news after which nothing more is waited for; returns whether they came.
fn watch(program: &mut RunningProgram, mut is_last: impl FnMut(News) -> bool) -> bool {
    const LONGEST: Duration = Duration::from_secs(120);
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        let step = system::timespec(Duration::from_millis(200));
        let mut sources: Vec<PollFd<'_>> = { program.sources() }
            .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
            .collect();
        let _ = poll(&mut sources, Some(&step));
        drop(sources);
        // All of them, although the first may be the last that matters.
        let found: Vec<bool> = program.news().into_iter().map(&mut is_last).collect();
        if found.contains(&true) {
            return true;
        }
    }
    false
}

/// Whether something is still there after the program's end; removes it.
fn is_left_behind(name: &str, mark: &str) -> bool {
    match name {
        "leave-shared-memory" => fs::remove_file(Path::new("/dev/shm").join(mark)).is_ok(),
        "leave-temporary-file" => fs::remove_file(Path::new("/tmp").join(mark)).is_ok(),
        "leave-semaphore" => victim::remove_semaphore(mark),
        "leave-process-at-terminal" => victim::is_running_with(&format!("{mark}-terminal")),
        _ => victim::is_running_with(mark),
    }
}
