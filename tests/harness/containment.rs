//! Whatever a subject does, and however the harness itself ends: nothing runs on, no file is left.
//!
//! The subjects are the modes of `tests/programs/hostile.py`. Each test gives them a word that nothing
//! else on the machine has in its command line; what has it afterwards was left behind.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Write, stderr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::environment::{Environment, Purpose};
use chat_conformance::conformance::program::process::{News, RunningProgram};
use chat_conformance::conformance::program::supervisor::layers_here;
use chat_conformance::conformance::program::system::{self, SocketTable};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tempfile::TempDir;

use crate::python::python;

/// Only a harness that hangs, or a machine that stands still, takes so long.
const PATIENCE: Duration = Duration::from_secs(120);
const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");
const HOSTILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/hostile.py");

#[test]
fn a_server_that_leaves_a_daemon_behind() {
    is_contained("server", "fork");
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_server_that_heeds_no_signal() {
    is_contained("server", "ignore");
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_server_that_never_rests() {
    is_contained("server", "spin");
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_server_that_prints_without_end() {
    is_contained("server", "flood");
}

#[test]
fn a_server_that_never_listens() {
    is_contained("server", "silent");
}

#[test]
fn a_server_that_crashes() {
    is_contained("server", "crash");
}

#[test]
fn a_server_that_ends_its_supervisor() {
    is_contained("server", "orphan");
}

#[test]
fn a_server_that_stops_its_supervisor() {
    is_contained("server", "stop");
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_server_that_stops_its_supervisor_again_and_again() {
    is_contained("server", "hold");
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_server_that_multiplies() {
    let Some(report) = is_contained_within("server", "multiply", &["--processes", "50"]) else {
        return;
    };
    assert!(report.contains("it had too many processes"), "{report}");
}

#[test]
fn a_server_that_hoards_memory() {
    let Some(report) = is_contained_within("server", "hoard", &["--memory", "100"]) else {
        return;
    };
    assert!(report.contains("MemoryError"), "{report}");
}

#[test]
fn a_client_that_leaves_a_daemon_behind() {
    is_contained("client", "fork");
}

#[test]
fn a_client_that_heeds_no_signal() {
    is_contained("client", "ignore");
}

#[test]
fn a_client_that_prints_without_end() {
    is_contained("client", "flood");
}

#[test]
fn a_client_that_ends_its_supervisor() {
    is_contained("client", "orphan");
}

#[test]
fn a_client_that_stops_its_supervisor() {
    is_contained("client", "stop");
}

#[test]
fn interrupted_or_terminated_in_mid_run() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let Some(scene) = Scene::set() else { return };
        let mut conform = in_mid_run(&scene);
        send(&conform, signal);
        let status = ended(&mut conform);
        assert_eq!(status.code(), Some(130), "after {signal:?}: {status}");
        scene.is_clean();
    }
}

#[test]
fn interrupted_while_it_explores() {
    let Some(scene) = Scene::set() else { return };
    let options = ["explore", "--seconds", "600", "--patience", "500"];
    let mut conform = running(&scene, &options);
    send(&conform, Signal::INT);
    assert_eq!(ended(&mut conform).code(), Some(130));
    scene.is_clean();
}

#[test]
fn killed_in_mid_run() {
    let Some(scene) = Scene::set() else { return };
    let mut conform = in_mid_run(&scene);
    send(&conform, Signal::KILL);
    ended(&mut conform);
    wait_until("the supervisors have ended everything", || {
        scene.processes().is_empty()
    });
    scene.is_clean();
}

#[test]
fn interrupted_when_a_supervisor_has_been_killed() {
    let Some(scene) = Scene::set() else { return };
    let mut conform = in_mid_run(&scene);
    let all = scene.processes();
    let is_supervisor = |process: &&Process| {
        process
            .arguments
            .get(1)
            .is_some_and(|word| word == "supervise")
    };
    let supervisor = all.iter().find(is_supervisor).expect("a supervisor");
    kill_process(supervisor.id, Signal::KILL).expect("it is running");
    send(&conform, Signal::INT);
    assert_eq!(ended(&mut conform).code(), Some(130));
    scene.is_clean();
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let misplaced = tempfile::tempdir().expect("a directory");
    let transcript = misplaced.path().join("misplaced.chat");
    fs::write(&transcript, "# A sentence.\ncovers S-REG-1\nalice joins\n").expect("is written");
    let transcript = transcript.display().to_string();
    let run = ["server", "--only", "*/new-name", "--", SERVER];
    let json = [
        "server",
        "--json",
        "-",
        "--only",
        "*/new-name",
        "--",
        SERVER,
    ];
    for (arguments, status) in [
        (&["list"][..], 0),
        (&["explain", "S-REG-1"], 0),
        (&["--help"], 0),
        (&["--version"], 0),
        (&["fmt", "--check", &transcript], 1),
        (&["server", "--", "no-such-program"], 2),
        (&run, 0),
        (&json, 0),
    ] {
        let mut conform = Command::new(CONFORM)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(to_nobody())
            .stderr(to_nobody())
            .spawn()
            .expect("conform starts");
        // A panic would be status 3, the harness's own failure.
        assert_eq!(ended(&mut conform).code(), Some(status), "{arguments:?}");
    }
}

/// Runs a shell script as a program under test; gives what it printed and how it ended.
fn run_script(environment: &Environment, script: &str) -> (String, String) {
    let script = format!("{script}\n");
    run_program(environment, &["sh", "-c", &script])
}

fn run_program(environment: &Environment, command: &[&str]) -> (String, String) {
    let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let mut subject =
        RunningProgram::start(CONFORM.as_ref(), environment, &command).expect("is started");
    let mut printed = Vec::new();
    let end = within_patience(|| {
        let mut end = None;
        for news in subject.news() {
            match news {
                News::Printed(bytes) => printed.extend(bytes),
                News::Ended(how) => end = Some(how),
            }
        }
        end
    });
    let printed = String::from_utf8_lossy(&printed).into_owned();
    (printed, end.expect("it ends"))
}

fn for_submission() -> Environment {
    Environment {
        purpose: Purpose::Submission,
        ..Environment::default()
    }
}

#[test]
fn nothing_but_the_harness_starts_the_reference() {
    for (purpose, script, answer) in [
        (
            Purpose::Program,
            format!("exec {CONFORM} reference-server"),
            "for conform itself",
        ),
        (
            Purpose::Submission,
            format!("{CONFORM} reference-server"),
            "for conform itself",
        ),
        (
            Purpose::Submission,
            "/proc/$PPID/exe reference-server || { echo REFUSED; false; }".to_owned(),
            "REFUSED",
        ),
        (
            Purpose::Submission,
            format!("exec {SERVER}"),
            "cannot be handed in",
        ),
        (
            Purpose::Submission,
            format!("setsid -w {SERVER}"),
            "cannot be handed in",
        ),
    ] {
        let environment = Environment {
            purpose,
            ..Environment::default()
        };
        let (printed, end) = run_script(&environment, &script);
        assert!(printed.contains(answer), "{script}: {printed}");
        assert!(!printed.contains("Listening"), "{script}: {printed}");
        assert_ne!(end, "exit status 0", "{script}");
    }
}

/// It does all that the harness does, but for standing where the harness stands.
const STARTS_A_SUPERVISOR: &str = r#"
import os, pty, socket, subprocess, sys
conform = sys.argv[1]
upper, lower = pty.openpty()
own, its = socket.socketpair()
command = [conform, "supervise", "--purpose=reference", "--terminal", os.ttyname(lower)]
command += ["--", conform, "reference-server"]
supervisor = subprocess.Popen(command, stdin=its, stdout=subprocess.PIPE, text=True)
its.close()
for line in supervisor.stdout:
    print("report:", line, end="", flush=True)
    if line.startswith(("ended", "failed")):
        break
os.set_blocking(upper, False)
try:
    print(os.read(upper, 100000).decode(), flush=True)
except BlockingIOError:
    pass
own.close()
supervisor.wait()
"#;

#[test]
fn a_supervisor_that_a_submission_starts_is_no_help_to_it() {
    let Some(interpreter) = python() else {
        return;
    };
    let command = [interpreter, "-c", STARTS_A_SUPERVISOR, CONFORM];
    let (printed, _) = run_program(&for_submission(), &command);
    assert!(printed.contains("report: started"), "{printed}");
    assert!(printed.contains("for conform itself"), "{printed}");
    assert!(!printed.contains("Listening"), "{printed}");
}

/// Whether this system offers namespaces.
fn has_namespaces() -> bool {
    layers_here(CONFORM.as_ref()).contains(&Layer::Namespaces)
}

#[test]
fn what_a_program_does_to_its_working_directory_is_its_own_failure() {
    use std::os::unix::fs::PermissionsExt;
    let class = tempfile::tempdir().expect("a directory");
    let environment = Environment {
        folder: Some(class.path().join("ann")),
        ..for_submission()
    };
    let hiding = Environment {
        cage: layers_here(CONFORM.as_ref()),
        ..environment.clone()
    };
    let hides = has_namespaces();
    let all = std::iter::once(environment).chain(hides.then_some(hiding));
    for environment in all {
        let folder = environment.folder.as_deref().expect("has one");
        fs::create_dir(folder).expect("is made");
        let (printed, end) = run_script(&environment, "echo x >file; chmod 0 .");
        assert_eq!(end, "exit status 0", "{printed}");
        let (printed, end) = run_script(&environment, "cat file && pwd");
        assert_eq!(end, "exit status 0", "{printed}");
        let mode = fs::metadata(folder).expect("is there").permissions().mode();
        assert_eq!(mode & 0o700, 0o700);
        fs::remove_dir_all(folder).expect("is removed");
        let (printed, end) = run_script(&environment, "true");
        assert_eq!(end, "exit status 127", "{printed}");
        assert!(printed.contains("cannot be entered"), "{printed}");
    }
}

#[test]
fn a_submission_s_variables_reach_nothing_but_its_program() {
    let environment = Environment {
        environment: vec![("LD_PRELOAD".to_owned(), "/no/such/library.so".to_owned())],
        ..for_submission()
    };
    let (printed, _) = run_program(&environment, &["true"]);
    // The dynamic linker complains once in each process that has the variable.
    assert_eq!(
        printed.matches("/no/such/library.so").count(),
        1,
        "{printed}"
    );
}

#[test]
fn a_program_finds_no_secrets_of_the_person_who_judges() {
    const SECRET: &str = "known-to-the-person-alone";
    let script = "id=$PPID; while [ \"$id\" -gt 1 ]; do cat /proc/$id/environ; \
         id=$(sed 's/.*) . //; s/ .*//' /proc/$id/stat); done >>seen 2>&1; env >>seen; echo done >>seen";
    for cage in ["auto", "off"] {
        let folder = tempfile::tempdir().expect("a directory");
        let output = Command::new(CONFORM)
            .args(["server", "--only", "*/new-name", "--patience", "0.5"])
            .args([
                "--cage",
                cage,
                "--dialect",
                "line",
                "--",
                "sh",
                "-c",
                script,
            ])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("SECRET_TOKEN", SECRET)
            .stdin(Stdio::null())
            .output()
            .expect("conform runs");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let seen = fs::read(folder.path().join("seen")).expect("is written");
        let seen = String::from_utf8_lossy(&seen).into_owned();
        assert!(seen.contains("done") && seen.contains("PATH="), "{seen}");
        assert!(!seen.contains(SECRET), "{seen}");
    }
}

#[test]
fn a_program_has_no_rights_over_other_processes_and_limits() {
    let script = "sed -n 's/CapEff:\\t//p; s/NoNewPrivs:\\t/privileges /p' /proc/self/status; ulimit -n 999999";
    let (printed, _) = run_script(&for_submission(), script);
    let mut lines = printed.lines();
    let rights = lines
        .next()
        .and_then(|line| u64::from_str_radix(line.trim(), 16).ok());
    // SYS_PTRACE, SYS_ADMIN, KILL, SYS_RESOURCE, DAC_READ_SEARCH.
    let dangerous = 1 << 19 | 1 << 21 | 1 << 5 | 1 << 24 | 1 << 2;
    assert_eq!(
        rights.map(|rights| rights & dangerous),
        Some(0),
        "{printed}"
    );
    assert_eq!(
        lines.next().map(str::trim),
        Some("privileges 1"),
        "{printed}"
    );
    assert!(lines.next().is_some(), "a limit was raised: {printed}");
}

#[test]
fn a_program_does_not_see_what_is_hidden() {
    if !has_namespaces() {
        let _ = writeln!(stderr(), "NOT RUN: this system offers no namespaces");
        return;
    }
    let class = tempfile::tempdir().expect("a directory");
    let folder = |name: &str| class.path().join(name);
    for name in ["work/ann", "work/bob", "results"] {
        fs::create_dir_all(folder(name)).expect("is made");
    }
    fs::write(folder("work/bob/server.py"), "print('bob')").expect("is written");
    fs::write(folder("open"), "open").expect("is written");
    // As that of another program, which runs at the same time.
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("opens");
    grantpt(&terminal).expect("is granted");
    unlockpt(&terminal).expect("is unlocked");
    let device = ptsname(&terminal, Vec::new()).expect("has a name");
    let device = device.into_string().expect("is text");
    fs::write(folder("results/class.csv"), "bob,100").expect("is written");
    let environment = Environment {
        folder: Some(folder("work/ann")),
        hidden: vec![folder("work"), folder("results"), folder("missing")],
        cage: vec![Layer::Namespaces],
        scratch: Some(folder("work")),
        ..for_submission()
    };
    let script =
        "echo \"work: $(ls -d ../* | grep -v conform-)\"; echo \"results: $(ls ../../results)\"
        echo \"processes: $(ls /proc | grep -c '^[0-9]')\"
        echo 1 >../mine; echo 1 >../../results/class.csv && echo written
        kill -STOP 1; kill -KILL 1
        umount .; umount ..; unshare -Urm umount .. && echo unmounted
        cat $OPEN && echo readable; cat /proc/1/root$OPEN && echo entered
        test -e $DEVICE && echo found; echo x >$DEVICE && echo typed; ls /dev/pts | wc -l
        test -w /proc/sys/vm/swappiness && echo tuned; test -w /proc/sysrq-trigger && echo triggered
        echo \"terminal: $(stty -F $(tty) size) $(test -w /dev/tty && echo too)\"
        cat /proc/1/environ /proc/*/fd/none 2>/dev/null
        $CONFORM --version && echo started; cat $CONFORM
        echo mine >own && echo mine >$TMPDIR/own && cat own $TMPDIR/own";
    let environment = Environment {
        environment: vec![
            ("CONFORM".to_owned(), CONFORM.to_owned()),
            ("OPEN".to_owned(), folder("open").display().to_string()),
            ("DEVICE".to_owned(), device),
        ],
        ..environment
    };
    let (printed, end) = run_script(&environment, script);
    assert_eq!(end, "exit status 0", "{printed}");
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    assert!(lines.contains(&"work: ../ann"), "{printed}");
    assert!(lines.contains(&"results:"), "{printed}");
    assert_eq!(
        lines.iter().filter(|line| **line == "mine").count(),
        2,
        "{printed}"
    );
    assert!(lines.contains(&"1"), "terminals: {printed}");
    assert!(lines.contains(&"terminal: 40 120 too"), "{printed}");
    for word in [
        "written",
        "unmounted",
        "entered",
        "started",
        "found",
        "typed",
        "tuned",
        "triggered",
        "openreadable",
    ] {
        assert!(!lines.contains(&word), "{word}: {printed}");
    }
    let processes = lines
        .iter()
        .find_map(|line| line.strip_prefix("processes: "));
    let processes: Option<u32> = processes.and_then(|count| count.parse().ok());
    // The supervisor, the shell, and what it starts for this line.
    assert!(processes.is_some_and(|count| count < 10), "{printed}");
    assert_eq!(
        fs::read(folder("work/ann/own")).expect("is there"),
        b"mine\n"
    );
    assert_eq!(
        fs::read(folder("results/class.csv")).expect("is there"),
        b"bob,100"
    );
    let left = fs::read_dir(folder("work")).expect("is there").count();
    assert_eq!(
        left, 2,
        "its temporary directory is gone, and it made no file there"
    );
}

#[test]
fn a_server_is_found_where_folders_are_hidden_from_it() {
    if !has_namespaces() {
        let _ = writeln!(stderr(), "NOT RUN: this system offers no namespaces");
        return;
    }
    let hidden = tempfile::tempdir().expect("a directory");
    let environment = Environment {
        hidden: vec![hidden.path().to_owned()],
        cage: vec![Layer::Namespaces],
        ..Environment::default()
    };
    let command = [SERVER.to_owned()];
    let mut server =
        RunningProgram::start(CONFORM.as_ref(), &environment, &command).expect("is started");
    let sockets = SocketTable::open();
    wait_until("the server listens", || {
        let processes = server.processes();
        !system::listening(&sockets, &processes).is_empty()
    });
    server.interrupt();
    wait_until("the server ends", || {
        let mut news = server.news().into_iter();
        news.any(|news| matches!(news, News::Ended(_)))
    });
}

#[test]
fn what_the_harness_cannot_do_is_not_the_program_s_end() {
    let environment = Environment {
        scratch: Some("/no/such/folder".into()),
        ..Environment::default()
    };
    let started = RunningProgram::start(CONFORM.as_ref(), &environment, &["true".to_owned()]);
    let why = started
        .expect_err("there is no place for its files")
        .to_string();
    assert!(why.contains("/no/such/folder"), "{why}");
}

/// Where every write fails, since the reader has gone.
fn to_nobody() -> Stdio {
    let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
    drop(reader);
    OwnedFd::from(writer).into()
}

/// Judges `hostile.py mode` by two transcripts: it falls short, and nothing of it is left.
fn is_contained(role: &str, mode: &str) {
    is_contained_within(role, mode, &[]);
}

/// The same within other limits; gives the report.
fn is_contained_within(role: &str, mode: &str, limits: &[&str]) -> Option<String> {
    let scene = Scene::set()?;
    let transcripts = match role {
        "server" => [
            "server/registration/new-name",
            "server/shutdown/ends-without-clients",
        ],
        _ => [
            "client/registration/accepted",
            "client/quitting/ctrl-c-ends",
        ],
    };
    let [first, second] = transcripts;
    // How it speaks is not what these are about.
    let options = [
        role,
        "--only",
        first,
        "--only",
        second,
        "--patience",
        "0.5",
        "--dialect",
        "line",
    ];
    let options = [&options, limits].concat();
    let output = assert_cmd::Command::from_std(scene.conform(&options, mode))
        .timeout(PATIENCE)
        .output()
        .expect("conform runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    // On a busy machine a program that keeps a processor busy leaves too little for a verdict.
    let is_busy = |report: &str| report.contains("machine was busy") && report.contains("? unsure");
    let expected = if report.contains("the machine was too busy") || is_busy(&report) {
        3
    } else {
        1
    };
    assert_eq!(output.status.code(), Some(expected), "{said}\n{report}");
    assert_eq!(said, "", "the harness itself has nothing to complain of");
    scene.is_clean();
    Some(report)
}

/// Starts a run that would take many minutes, and waits until the subject is running.
fn in_mid_run(scene: &Scene) -> Child {
    let options = [
        "server",
        "--only",
        "server/registration/*",
        "--patience",
        "500",
        "-j",
        "1",
    ];
    running(scene, &options)
}

/// Starts `conform` with these options, and waits until the subject is running.
fn running(scene: &Scene, options: &[&str]) -> Child {
    let mut conform = scene.conform(options, "ignore");
    conform
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let conform = conform.spawn().expect("conform starts");
    wait_until("a subject runs, and heeds no signal", || {
        let is_subject =
            |process: &Process| process.arguments.get(1).is_some_and(|word| word == HOSTILE);
        scene
            .processes()
            .iter()
            .any(|process| is_subject(process) && ignores_hangup(process.id))
    });
    conform
}

fn ignores_hangup(id: Pid) -> bool {
    let status =
        fs::read_to_string(format!("/proc/{}/status", id.as_raw_pid())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 << (Signal::HUP.as_raw() - 1) != 0)
}

/// What one test has to itself.
struct Scene {
    interpreter: &'static str,
    word: String,
    temporary: TempDir,
}

struct Process {
    id: Pid,
    arguments: Vec<String>,
}

impl Scene {
    /// Nothing where there is no Python to run the hostile programs with.
    fn set() -> Option<Scene> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(interpreter) = python() else {
            // The test runner captures what a passing test prints with `eprintln!`.
            let _ = writeln!(
                stderr(),
                "NOT RUN: there is no python3 here, so containment was not tested"
            );
            return None;
        };
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = tempfile::tempdir().expect("a directory");
        let unique = temporary
            .path()
            .file_name()
            .expect("a name")
            .to_string_lossy();
        Some(Scene {
            interpreter,
            word: format!("contained-{}-{count}-{unique}", std::process::id()),
            temporary,
        })
    }

    /// `conform OPTIONS -- python3 hostile.py MODE WORD`.
    fn conform(&self, options: &[&str], mode: &str) -> Command {
        let mut conform = Command::new(CONFORM);
        conform
            .args(options)
            .args(["--", self.interpreter, HOSTILE, mode, &self.word]);
        conform.env("TMPDIR", self.temporary.path());
        conform
    }

    /// Every process that has the word among its arguments.
    fn processes(&self) -> Vec<Process> {
        let entries = fs::read_dir("/proc")
            .expect("this system has /proc")
            .flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter_map(|id| {
            let line = fs::read_to_string(format!("/proc/{id}/cmdline")).ok()?;
            let arguments: Vec<String> = line.split_terminator('\0').map(str::to_owned).collect();
            let id = Pid::from_raw(id)?;
            arguments
                .contains(&self.word)
                .then_some(Process { id, arguments })
        })
        .collect()
    }

    /// The run is over: nothing may be left of it.
    #[track_caller]
    fn is_clean(&self) {
        let left: Vec<String> = self
            .processes()
            .iter()
            .map(|process| process.arguments.join(" "))
            .collect();
        assert!(left.is_empty(), "still running: {left:#?}");
        let files: Vec<_> = fs::read_dir(self.temporary.path())
            .expect("is there")
            .flatten()
            .collect();
        assert!(files.is_empty(), "still there: {files:#?}");
    }
}

impl Drop for Scene {
    /// A test that fails leaves nothing behind either.
    fn drop(&mut self) {
        for process in self.processes() {
            let _ = kill_process(process.id, Signal::KILL);
        }
    }
}

fn send(conform: &Child, signal: Signal) {
    let id = i32::try_from(conform.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("an id");
    kill_process(id, signal).expect("conform is running");
}

#[track_caller]
fn ended(conform: &mut Child) -> ExitStatus {
    let status = within_patience(|| conform.try_wait().expect("is a child"));
    status.unwrap_or_else(|| {
        let _ = conform.kill();
        panic!("conform has not ended");
    })
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = within_patience(|| is_so().then_some(()));
    assert!(waited.is_some(), "waited in vain until {what}");
}

/// There is no event for what processes of others do: looks again and again.
fn within_patience<T>(mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ready();
        if answer.is_some() || Instant::now() > deadline {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
