//! What happens outside while a class is graded: signals, full and vanishing disks, closed outputs, missing parts of the
//! system, small limits. Each of these ends in a message that says what to do, or in the right marks. None of them makes
//! `conform` panic or hang, costs a submission points, or loses what was done before.

use std::fs;
use std::io::{Read, Write, stderr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{CONFORM, Classroom, FULL, PATIENCE, error, good, mark, right, wait_for};

/// Something that only happens when a test is not run, as `exit` status of a script.
const NOT_HERE: i32 = 99;

/// A class whose grading can be held up at a known moment.
struct Scene {
    classroom: Classroom,
}

impl Scene {
    /// A class with one submission, which is correct.
    fn of_one() -> Scene {
        let transcripts = [
            "server/registration/new-name",
            "client/registration/first-words",
        ];
        let classroom = Classroom::asking(&transcripts);
        classroom.hands_in("ann", &good());
        fs::create_dir(classroom.path("temporary")).expect("is made");
        Scene { classroom }
    }

    /// Also with `bob`, whose build waits until [`Scene::go_on`].
    fn of_two() -> Scene {
        let scene = Scene::of_one();
        // A program sees this folder.
        let goes = scene.path("tools/goes");
        let script = format!("until test -e {}; do sleep 0.02; done", goes.display());
        let build = format!("build = [\"sh\", \"-c\", {script:?}]\n");
        scene.classroom.hands_in("bob", &(build + &good()));
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.classroom.path(name)
    }

    /// `conform grade WORDS`, with outputs that are read.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.classroom.command(words);
        command.env("TMPDIR", self.path("temporary"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn grade(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("conform starts")
    }

    /// Starts grading, and waits until `ann` is graded and `bob` is being built.
    fn in_mid_class(&self, mut command: Command) -> Child {
        let grading = command.args(["-j", "1"]).spawn().expect("conform starts");
        wait_for(&self.path("class-results/.work/bob"));
        grading
    }

    fn go_on(&self) {
        fs::write(self.path("tools/goes"), "").expect("is written");
    }

    /// All marks are full, and nobody doubts them.
    #[track_caller]
    fn has_full_marks(&self, output: &Output) {
        is_done(output, 0);
        let csv = self.classroom.class_csv("class-results");
        for folder in fs::read_dir(self.path("class"))
            .expect("is there")
            .flatten()
        {
            let name = folder.file_name();
            assert_eq!(mark(&csv, &name.to_string_lossy()), FULL, "{csv}");
        }
        assert!(!self.path("class-results/.work").exists());
    }

    /// No process of the run is left, and no temporary file.
    #[track_caller]
    fn is_clean(&self) {
        let begun = Instant::now();
        loop {
            let files = fs::read_dir(self.path("temporary")).expect("is there");
            let files: Vec<_> = files.flatten().map(|file| file.path()).collect();
            let processes = self.processes();
            if files.is_empty() && processes.is_empty() {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "still there: {files:#?} {processes:#?}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The command lines that name this class's folder.
    fn processes(&self) -> Vec<String> {
        let place = self.classroom.folder.path().display().to_string();
        let entries = fs::read_dir("/proc")
            .expect("this system has /proc")
            .flatten();
        let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        lines.filter(|line| line.contains(&place)).collect()
    }
}

/// It ended with this status, and not by a panic.
#[track_caller]
fn is_done(output: &Output, status: i32) {
    let told = error(output);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(output.status.code(), Some(status), "{told}\n{shown}");
}

#[track_caller]
fn tells(output: &Output, words: &str) {
    let told = error(output);
    assert!(told.contains(words), "{words}: {told}");
}

fn send(grading: &Child, signal: Signal) {
    let id = i32::try_from(grading.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("an id"), signal).expect("conform is running");
}

/// The test runner captures what a passing test prints with `eprintln!`.
fn not_run(why: &str) {
    let _ = writeln!(stderr(), "NOT RUN: {why}");
}

/// Runs a shell script in a mount namespace of its own. `$0` is the class's folder; `$@` grades it. Returns nothing
/// where there is no such namespace.
fn in_own_mounts(scene: &Scene, script: &str, words: &[&str]) -> Option<Output> {
    let grading = scene.command(words);
    let mut shell = Command::new("unshare");
    shell.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        shell.args(["--user", "--map-root-user"]);
    }
    shell
        .args(["sh", "-c", script])
        .arg(scene.classroom.folder.path());
    let output = like(&grading, shell).output().ok()?;
    let is_here = output.status.code() != Some(NOT_HERE) && !error(&output).starts_with("unshare:");
    if !is_here {
        not_run(&format!("no mount namespace here: {}", error(&output)));
    }
    is_here.then_some(output)
}

/// The command line of `inner` after that of `outer`, with its folder and variables.
fn like(inner: &Command, mut outer: Command) -> Command {
    outer.arg(inner.get_program()).args(inner.get_args());
    outer.current_dir(inner.get_current_dir().expect("is set"));
    outer.envs(
        inner
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    outer
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    outer
}

/// Runs `conform` by a shell, after these commands.
fn after(scene: &Scene, commands: &str, words: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{commands}; exec \"$0\" \"$@\"")]);
    like(&scene.command(words), shell)
        .output()
        .expect("a shell starts")
}

#[test]
fn killed_it_leaves_nothing_behind_and_goes_on_later() {
    let scene = Scene::of_two();
    let mut grading = scene.in_mid_class(scene.command(&["class"]));
    send(&grading, Signal::KILL);
    grading.wait().expect("ends");
    scene.is_clean();
    scene.go_on();
    let evidence = scene.path("class-results/ann/evidence.json");
    let written = || {
        fs::metadata(&evidence)
            .expect("was kept")
            .modified()
            .expect("is known")
    };
    let before = written();
    scene.has_full_marks(&scene.grade(&["class", "--resume"]));
    assert_eq!(written(), before, "what was done is not done again");
    scene.is_clean();
}

#[test]
#[ignore = "slow; CI runs it"]
fn killed_at_any_moment_it_begins_again() {
    let scene = Scene::of_one();
    for moment in [0, 3, 10, 30, 100, 300] {
        let mut grading = scene
            .command(&["class", "--resume"])
            .spawn()
            .expect("conform starts");
        std::thread::sleep(Duration::from_millis(moment));
        let _ = grading.kill();
        grading.wait().expect("ends");
    }
    scene.has_full_marks(&scene.grade(&["class", "--resume"]));
}

#[test]
fn a_pause_costs_nobody_points() {
    const PAUSE: Duration = Duration::from_millis(1500);
    let scene = Scene::of_one();
    let mut command = scene.command(&["class", "--patience", "1"]);
    // A process whose group has no parent in the session would ignore the signal.
    let mut grading = command.process_group(0).spawn().expect("conform starts");
    wait_for(&scene.path("class-results/.work/ann"));
    for _ in 0..2 {
        if grading.try_wait().expect("is a child").is_some() {
            break;
        }
        send(&grading, Signal::TSTP);
        std::thread::sleep(PAUSE);
        send(&grading, Signal::CONT);
        std::thread::sleep(Duration::from_millis(100));
    }
    scene.has_full_marks(&grading.wait_with_output().expect("ends"));
}

#[test]
fn two_runs_do_not_write_into_one_folder() {
    let scene = Scene::of_two();
    let grading = scene.in_mid_class(scene.command(&["class"]));
    for words in [
        &["class"][..],
        &["class", "--resume"],
        &["--again", "class-results"],
    ] {
        let second = scene.grade(words);
        is_done(&second, 2);
        tells(&second, "another conform is writing there");
    }
    scene.go_on();
    scene.has_full_marks(&grading.wait_with_output().expect("ends"));
}

#[test]
fn a_results_folder_that_vanishes_costs_nobody_points() {
    let scene = Scene::of_two();
    let grading = scene.in_mid_class(scene.command(&["class"]));
    let (results, begun) = (scene.path("class-results"), Instant::now());
    while results.exists() {
        // conform goes on writing there.
        let removed = fs::remove_dir_all(&results);
        assert!(begun.elapsed() < PATIENCE, "{removed:?}");
    }
    scene.go_on();
    let output = grading.wait_with_output().expect("ends");
    is_done(&output, 3);
    tells(&output, "cannot be written: ");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |name: &str| {
        table
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or("")
    };
    assert!(
        line("ann").contains("85 ?") && line("bob").contains('?'),
        "{table}"
    );
    scene.is_clean();
    scene.has_full_marks(&scene.grade(&["class"]));
}

#[test]
fn a_full_disk_is_told() {
    let scene = Scene::of_one();
    // From no room at all to room for some of the reports.
    for (size, statuses) in [
        ("4k", &[2][..]),
        ("20k", &[2, 3]),
        ("64k", &[2, 3]),
        ("160k", &[3]),
    ] {
        let script = format!(
            "mkdir -p \"$0/disk\" && mount -t tmpfs -o size={size} disk \"$0/disk\" || exit {NOT_HERE}; \"$@\""
        );
        let words = ["class", "--out", "disk/results"];
        let Some(output) = in_own_mounts(&scene, &script, &words) else {
            return;
        };
        let ended = output.status.code().unwrap_or_default();
        assert!(
            statuses.contains(&ended),
            "{size}: {ended}: {}",
            error(&output)
        );
        is_done(&output, ended);
        tells(&output, "No space left on device");
        scene.is_clean();
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let scene = Scene::of_one();
    scene.has_full_marks(&scene.grade(&["class"]));
    let read_only = format!(
        "mount --bind class-results class-results && mount -o remount,bind,ro class-results || exit {NOT_HERE}; \"$@\""
    );
    for words in [&["class", "--resume"][..], &["--again", "class-results"]] {
        let Some(output) = in_own_mounts(&scene, &read_only, words) else {
            return;
        };
        is_done(&output, 2);
        tells(&output, "class-results/.lock: Read-only file system");
        tells(&output, "make it writable, or copy it");
    }
}

#[test]
fn a_system_without_processes_is_told() {
    let scene = Scene::of_one();
    let script = format!("mount -t tmpfs none /proc || exit {NOT_HERE}; \"$@\"");
    let Some(output) = in_own_mounts(&scene, &script, &["class"]) else {
        return;
    };
    is_done(&output, 2);
    tells(&output, "/proc");
    assert!(!scene.path("class-results").exists());
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_terminal_that_closes_ends_the_run() {
    let scene = Scene::of_two();
    let terminal = Terminal::open();
    let at_terminal = |words: &[&str]| {
        let mut command = scene.command(words);
        command
            .stdin(terminal.side())
            .stdout(terminal.side())
            .stderr(terminal.side());
        command
    };
    let mut hung_up = scene.in_mid_class(at_terminal(&["class"]));
    let mut goes_on = at_terminal(&["class", "--out", "other-results"]);
    let mut goes_on = goes_on.spawn().expect("conform starts");
    wait_for(&scene.path("other-results/.work/bob"));
    terminal.close();
    // The shell sends this, and `nohup` keeps it away.
    send(&hung_up, Signal::HUP);
    assert_eq!(hung_up.wait().expect("ends").code(), Some(130));
    scene.go_on();
    assert_eq!(goes_on.wait().expect("ends").code(), Some(0));
    let csv = scene.classroom.class_csv("other-results");
    assert_eq!(mark(&csv, "bob"), FULL);
    scene.is_clean();
    scene.has_full_marks(&scene.grade(&["class", "--resume"]));
}

/// A terminal, and a thread that reads what is written there.
struct Terminal {
    device: String,
    is_closing: Arc<AtomicBool>,
    reader: JoinHandle<()>,
}

impl Terminal {
    fn open() -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let terminal = openpt(flags).expect("a terminal");
        grantpt(&terminal).expect("is granted");
        unlockpt(&terminal).expect("is unlocked");
        let device = ptsname(&terminal, Vec::new()).expect("has a name");
        let is_closing = Arc::new(AtomicBool::new(false));
        let closes = Arc::clone(&is_closing);
        let reader = std::thread::spawn(move || {
            let moment = rustix::event::Timespec {
                tv_sec: 0,
                tv_nsec: 20_000_000,
            };
            let mut terminal = fs::File::from(terminal);
            while !closes.load(Ordering::SeqCst) {
                let mut source = [PollFd::new(&terminal, PollFlags::IN)];
                if poll(&mut source, Some(&moment)) == Ok(1) {
                    // Nobody is at the other side for a moment.
                    let _ = terminal.read(&mut [0; 4096]);
                }
            }
        });
        Terminal {
            device: device.into_string().expect("is plain text"),
            is_closing,
            reader,
        }
    }

    /// The side of the programs.
    fn side(&self) -> OwnedFd {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).open(&self.device);
        file.expect("opens").into()
    }

    fn close(self) {
        self.is_closing.store(true, Ordering::SeqCst);
        self.reader.join().expect("ends");
    }
}

#[test]
#[ignore = "slow; CI runs it"]
fn closed_outputs_change_nothing() {
    let scene = Scene::of_one();
    let again = |output: Output| {
        scene.has_full_marks(&output);
        fs::remove_dir_all(scene.path("class-results")).expect("is there");
    };
    again(after(&scene, "exec <&- >&-", &["class"]));
    again(after(&scene, "exec <&- >&- 2>&-", &["class"]));
    let to_nobody = || {
        let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
        drop(reader);
        OwnedFd::from(writer)
    };
    let mut command = scene.command(&["class"]);
    again(
        command
            .stdout(to_nobody())
            .stderr(to_nobody())
            .output()
            .expect("conform starts"),
    );
    scene.is_clean();
}

#[test]
#[ignore = "slow; CI runs it"]
fn other_languages_and_a_bare_environment_change_nothing() {
    let scene = Scene::of_one();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut tables = Vec::new();
    for language in ["C", "tr_TR.UTF-8", "de_DE", "none"] {
        let mut command = scene.command(&["class"]);
        command
            .env_clear()
            .env("PATH", &path)
            .env("TMPDIR", scene.path("temporary"));
        if language != "none" {
            command
                .env("LC_ALL", language)
                .env("LANG", language)
                .env("TERM", "no-such-terminal");
        }
        let output = command.output().expect("conform starts");
        scene.has_full_marks(&output);
        tables.push((output.stdout, scene.classroom.class_csv("class-results")));
        fs::remove_dir_all(scene.path("class-results")).expect("is there");
    }
    assert!(tables.iter().all(|table| *table == tables[0]), "{tables:?}");
}

#[test]
fn an_unprivileged_user_can_grade() {
    if !rustix::process::geteuid().is_root() {
        // Then all tests are run by one.
        return;
    }
    let scene = Scene::of_one();
    let everybody = |path: &Path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).expect("is changed");
    };
    everybody(scene.classroom.folder.path());
    everybody(&scene.path("temporary"));
    // The user may not be able to reach the originals.
    let copied = |from: &str, name: &str| {
        fs::copy(from, scene.path(name)).expect("is copied");
        scene.path(name).display().to_string()
    };
    let conform = copied(CONFORM, "conform");
    let [server, client] =
        ["server", "client"].map(|role| copied(&right(role), &format!("tools/{role}")));
    scene.classroom.hands_in(
        "ann",
        &format!("server = [{server:?}]\nclient = [{client:?}]\n"),
    );
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        &conform,
    ]);
    let grading = scene.command(&["class"]);
    command
        .args(grading.get_args())
        .current_dir(scene.classroom.folder.path());
    command
        .env("TMPDIR", scene.path("temporary"))
        .env("HOME", "/nonexistent");
    let Ok(output) = command.stdin(Stdio::null()).output() else {
        return not_run("setpriv is not installed");
    };
    scene.has_full_marks(&output);
    scene.is_clean();
}

#[test]
fn limits_that_programs_would_inherit_are_told() {
    let scene = Scene::of_one();
    for (limit, option) in [
        ("-f 30", "--file-size"),
        ("-t 20", "--cpu-seconds"),
        ("-d 100000", "--memory"),
    ] {
        let output = after(&scene, &format!("ulimit {limit}"), &["class"]);
        is_done(&output, 2);
        tells(&output, option);
        assert!(!scene.path("class-results").exists(), "{limit}");
    }
    let words = ["class", "--cpu-seconds", "20"];
    scene.has_full_marks(&after(&scene, "ulimit -t 20", &words));
}

#[test]
#[ignore = "slow; CI runs it"]
fn files_that_may_not_grow_cost_nobody_points() {
    let scene = Scene::of_one();
    // In blocks of 512 bytes: not even the manifest, not the evidence, not all reports.
    for (blocks, status) in [("0", 2), ("8", 3), ("60", 3)] {
        let output = after(&scene, &format!("ulimit -S -f {blocks}"), &["class"]);
        is_done(&output, status);
        tells(&output, "File too large");
        let table = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(status == 2 || table.contains("85 ?"), "{table}");
        let _ = fs::remove_dir_all(scene.path("class-results"));
        scene.is_clean();
    }
}

#[test]
fn a_file_that_must_not_grow_is_an_error_like_others() {
    let scene = Scene::of_one();
    let transcript = scene.path("long.chat");
    let text = format!(
        "# A sentence.\ncovers   S-REG-1\n{}alice joins\n",
        "# More.\n".repeat(500)
    );
    fs::write(&transcript, &text).expect("is written");
    let script = "ulimit -f 1; exec \"$0\" fmt long.chat";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, CONFORM])
        .current_dir(scene.classroom.folder.path());
    let output = command.output().expect("a shell starts");
    is_done(&output, 2);
    tells(&output, "File too large");
    assert_eq!(fs::read_to_string(&transcript).expect("is there"), text);
}

#[test]
fn too_few_descriptors_cost_nobody_points() {
    let scene = Scene::of_one();
    for most in [5, 8, 12, 16, 32, 1023] {
        let output = after(&scene, &format!("ulimit -n {most}"), &["class"]);
        is_done(&output, 2);
        tells(&output, "`ulimit -n 1024`");
        let _ = fs::remove_dir_all(scene.path("class-results"));
        scene.is_clean();
    }
    scene.has_full_marks(&after(&scene, "ulimit -n 1024", &["class"]));
}
