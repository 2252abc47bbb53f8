//! `conform grade` on small classes, with a suite of a few transcripts: what comes out, and that it comes out the
//! same whether it was interrupted, done in parts, or scored again.
#![cfg(target_os = "linux")]

mod adversity;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
/// Only a harness that hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Full marks where nothing is asked of the two programs together.
const FULL: f64 = 85.0;

/// A folder with a class, a suite of a few transcripts, and room for results.
struct Classroom {
    folder: TempDir,
}

impl Classroom {
    fn new() -> Classroom {
        Classroom::asking(&[
            "server/registration/new-name",
            "server/broadcast/not-back-to-the-sender",
            "server/registration/name-in-use",
            "server/port/two-servers-side-by-side",
            "client/registration/first-words",
        ])
    }

    /// With a suite of these transcripts.
    fn asking(transcripts: &[&str]) -> Classroom {
        let folder = tempfile::tempdir().expect("a folder");
        let classroom = Classroom { folder };
        for transcript in transcripts {
            classroom.asks(&format!("{transcript}.chat"));
        }
        for folder in ["class", "tools"] {
            fs::create_dir(classroom.path(folder)).expect("is made");
        }
        classroom
    }

    /// Copies a file of the suite into the suite of this class.
    fn asks(&self, file: &str) -> PathBuf {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
        let to = self.path("suite").join(file);
        fs::create_dir_all(to.parent().expect("has one")).expect("is made");
        fs::copy(from.join(file), &to).expect(file);
        to
    }

    /// One that has handed in a good pair, an echoing server, nothing, and instructions with a mistake.
    fn of_four() -> Classroom {
        let classroom = Classroom::new();
        // Limits of its own are ignored.
        classroom.hands_in("ann", &(good() + "[limits]\nseconds = 1\nmemory = 16\n"));
        classroom.hands_in(
            "bob",
            &format!(
                "server = {:?}\nclient = [{:?}]\n",
                faulty("echo"),
                right("client")
            ),
        );
        classroom.hands_in("cyd", "");
        classroom.hands_in("dan", "sever = [\"python3\"]\n");
        classroom
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn hands_in(&self, name: &str, instructions: &str) -> PathBuf {
        let folder = self.path("class").join(name);
        fs::create_dir_all(&folder).expect("is made");
        if !instructions.is_empty() {
            fs::write(folder.join("conform.toml"), instructions).expect("is written");
        }
        folder
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(CONFORM);
        command
            .current_dir(self.folder.path())
            .arg("grade")
            .args(words);
        command.args(["--suite", "suite"]).stdin(Stdio::null());
        // The programs of this package, and what a test puts there, are outside every submission.
        let examples = Path::new(CONFORM).with_file_name("examples");
        command.arg("--visible").arg(examples);
        command.arg("--visible").arg(self.path("tools"));
        command
    }

    fn grade(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("conform starts")
    }

    fn class_csv(&self, results: &str) -> String {
        fs::read_to_string(self.path(results).join("class.csv")).expect("is written")
    }
}

fn good() -> String {
    format!(
        "server = [{:?}]\nclient = [{:?}]\n",
        right("server"),
        right("client")
    )
}

/// A program that is right where no fault is asked for: the bundled ones refuse to be a submission.
fn right(role: &str) -> String {
    let examples = Path::new(CONFORM).with_file_name("examples");
    examples
        .join(format!("faulty-{role}"))
        .display()
        .to_string()
}

/// Program and arguments of a server with this fault.
fn faulty(fault: &str) -> Vec<String> {
    let examples = Path::new(CONFORM).with_file_name("examples");
    let program = examples.join("faulty-server").display().to_string();
    [&program, "--fault", fault].map(str::to_owned).into()
}

fn status(output: &Output) -> Option<i32> {
    if output.status.code() != Some(0) {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.code()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A submission's mark, as the table has it.
fn mark(csv: &str, submission: &str) -> f64 {
    let row = csv
        .lines()
        .find(|line| line.starts_with(&format!("{submission},")));
    let cell = row.and_then(|row| row.split(',').nth(1));
    cell.and_then(|cell| cell.parse().ok())
        .unwrap_or_else(|| panic!("{submission}: {csv}"))
}

#[test]
fn each_gets_the_mark_that_is_due_and_its_own_reports() {
    let classroom = Classroom::of_four();
    let output = classroom.grade(&["class"]);
    assert_eq!(status(&output), Some(0));
    let csv = classroom.class_csv("class-results");
    let marks = ["ann", "bob", "cyd", "dan"].map(|name| mark(&csv, name));
    assert_eq!((marks[0], marks[2], marks[3]), (FULL, 0.0, 0.0));
    assert!(35.0 < marks[1] && marks[1] < FULL, "{csv}");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        table.contains("ann") && table.contains("S-MSG-2"),
        "{table}"
    );
    for file in [
        "ann/result.json",
        "bob/evidence.json",
        "bob/report.html",
        "bob/junit.xml",
        "bob/results.tap",
        "bob/gradescope.json",
        "bob/classroom50.json",
        "bob/appeal/server-S-MSG-2.py",
        "class.json",
        "index.html",
        "rubric.toml",
    ] {
        assert!(
            classroom.path("class-results").join(file).is_file(),
            "{file}"
        );
    }
    let message =
        fs::read_to_string(classroom.path("class-results/dan/result.json")).expect("is there");
    assert!(message.contains("did you mean `server`?"), "{message}");
    let message =
        fs::read_to_string(classroom.path("class-results/ann/result.json")).expect("is there");
    assert!(
        message.contains("only those of the class count"),
        "{message}"
    );
    assert!(!classroom.path("class-results/.work").exists());
}

/// Waits until a file is there.
fn wait_for(file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < PATIENCE, "{} never came", file.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_class_keeps_its_marks_whatever_happens_to_its_files() {
    let classroom = Classroom::new();
    classroom.hands_in("ann", &good());
    let go = classroom.path("tools/go");
    let wait = format!("until test -e {}; do sleep 0.05; done", go.display());
    classroom.hands_in(
        "bob",
        &format!("build = [\"sh\", \"-c\", {wait:?}]\n{}", good()),
    );
    classroom.hands_in("cyd", "");
    let dan = classroom.hands_in("dan", "");
    let grading = classroom.command(&["class", "-j", "1"]);
    let grading = { grading }
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("conform starts");
    // By then ann is graded, and bob is being built.
    let results = classroom.path("class-results");
    wait_for(&results.join(".work/bob"));
    fs::write(results.join("ann/evidence.json"), "{\"forged\": true}").expect("is written");
    fs::write(results.join("ann/gradescope.json"), "{\"score\": 0}").expect("is written");
    fs::write(results.join("ann/report.html"), "forged").expect("is written");
    fs::write(results.join("rubric.toml"), "forged").expect("is written");
    fs::write(results.join("cyd"), "in the way").expect("is written");
    fs::create_dir_all(results.join("class.csv/in the way")).expect("is made");
    fs::write(dan.join("server.py"), "print('not what was handed in')").expect("is written");
    fs::write(&go, "").expect("is written");
    let output = grading.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(3));
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("{name}: {table}"))
    };
    assert!(
        line("ann").contains("85 ?") && line("bob").contains("85  "),
        "{table}"
    );
    assert!(
        line("cyd").contains("0 ?") && line("dan").contains("0 ?"),
        "{table}"
    );
    let message = error(&output);
    for part in [
        "ann: somebody changed its results while the class was graded (evidence.json, gradescope.json, report.html)",
        "rubric.toml: somebody changed this",
        "cyd: results not written: ",
        "cannot be written: ",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let class = fs::read_to_string(results.join("class.json")).expect("is written");
    for part in [
        "Its results could not be written",
        "Its folder changed after grading began",
    ] {
        assert!(class.contains(part), "{part}: {class}");
    }
    for forged in ["evidence.json", "gradescope.json", "report.html"] {
        assert!(!results.join("ann").join(forged).exists(), "{forged}");
    }

    fs::remove_dir_all(results.join("class.csv")).expect("is removed");
    fs::remove_file(results.join("cyd")).expect("is removed");
    fs::remove_file(dan.join("server.py")).expect("is removed");
    assert_eq!(status(&classroom.grade(&["class", "--resume"])), Some(0));
    assert_eq!(mark(&classroom.class_csv("class-results"), "ann"), FULL);
}

#[test]
fn a_program_sees_nothing_of_the_class_but_its_own_copy() {
    let classroom = Classroom::new();
    classroom.hands_in("ann", &good());
    // In the class there is a link to it.
    let elsewhere = classroom.path("elsewhere");
    fs::create_dir(&elsewhere).expect("is made");
    fs::write(elsewhere.join("conform.toml"), good()).expect("is written");
    std::os::unix::fs::symlink(&elsewhere, classroom.path("class/eve")).expect("a link");
    fs::write(elsewhere.join("handed-in"), "").expect("is written");
    let look = format!(
        "ls -aR .. ../../ann {} {} {} >found 2>&1; pwd >>found; cat found; exit 1",
        classroom.path("class").display(),
        classroom.path("class-results").display(),
        elsewhere.display()
    );
    let build = format!("build = [\"sh\", \"-c\", {look:?}]\n");
    classroom.hands_in("bob", &(build + &good()));
    let output = classroom.grade(&["class", "-j", "1"]);
    let message = error(&output);
    let seen = fs::read_to_string(classroom.path("class-results/bob/evidence.json"));
    let seen = seen.expect("is there");
    assert!(seen.contains("class-results/.work/bob"), "{seen}");
    let is_seen = ["evidence.json", "run.json", "handed-in"];
    let is_seen = is_seen.iter().any(|file| seen.contains(file));
    assert_eq!(
        is_seen,
        message.contains("may not hide the class"),
        "{message} {seen}"
    );
}

#[test]
fn two_that_want_the_same_port_are_not_in_each_other_s_way() {
    let classroom = Classroom::new();
    let (server, client) = (faulty("fixed-port"), right("client"));
    for name in ["ann", "bob", "cyd"] {
        classroom.hands_in(
            name,
            &format!("server = {server:?}\nclient = [{client:?}]\n"),
        );
    }
    assert_eq!(status(&classroom.grade(&["class", "-j", "3"])), Some(0));
    let csv = classroom.class_csv("class-results");
    let rows: Vec<&str> = csv
        .lines()
        .skip(1)
        .map(|row| row.split_once(',').expect("has cells").1)
        .collect();
    assert!(rows.iter().all(|row| *row == rows[0]), "{csv}");
    let class = fs::read_to_string(classroom.path("class-results/class.json")).expect("is there");
    let fails = class.matches("\"fail\"").count();
    assert_eq!(fails, 3, "S-PORT-1 alone, of each: {class}");
}

#[test]
fn a_folder_is_left_as_it_was_found_and_a_build_is_made_elsewhere() {
    let classroom = Classroom::new();
    let (server, client) = (right("server"), right("client"));
    let build = format!(
        "build = [\"sh\", \"-c\", \"ln -s {server} server && touch built\"]\nclient = [\"sh\", \"-c\", \"touch ran; exec {client} $1 $2\", \"sh\"]\n"
    );
    let folder = classroom.hands_in("ann", &(build + "server = [\"./server\"]\n"));
    assert_eq!(status(&classroom.grade(&["class"])), Some(0));
    assert_eq!(mark(&classroom.class_csv("class-results"), "ann"), FULL);
    let left: Vec<_> = fs::read_dir(&folder)
        .expect("is there")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["conform.toml"]);
}

#[test]
fn a_build_that_fails_or_never_ends_is_a_result() {
    let classroom = Classroom::new();
    classroom.hands_in(
        "ann",
        "build = [\"sh\", \"-c\", \"echo no such luck; exit 3\"]\n",
    );
    classroom.hands_in("bob", "build = [\"sleep\", \"1000\"]\n");
    let limits = "[limits]\nbuild_seconds = 5\n";
    fs::write(classroom.path("class/conform.toml"), limits).expect("is written");
    classroom.hands_in("cyd", "build = [\"no-such-compiler\"]\n");
    // What this machine lacks is nobody's fault, and the mark is not to be relied on.
    assert_eq!(status(&classroom.grade(&["class"])), Some(3));
    let message = |name: &str| {
        let file = classroom
            .path("class-results")
            .join(name)
            .join("result.json");
        fs::read_to_string(file).expect("is there")
    };
    assert!(
        message("ann").contains("The build ends with exit status 3.")
            && message("ann").contains("no such luck")
    );
    assert!(
        message("bob").contains("The build has not ended after 5 s."),
        "{}",
        message("bob")
    );
    assert!(
        message("cyd").contains("There is no no-such-compiler on this machine"),
        "{}",
        message("cyd")
    );
}

#[test]
fn what_is_there_is_kept_and_what_is_missing_or_changed_is_examined() {
    let classroom = Classroom::of_four();
    assert_eq!(status(&classroom.grade(&["class"])), Some(0));
    let first = classroom.class_csv("class-results");
    let refused = classroom.grade(&["class"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        error(&refused).contains("continue with --resume"),
        "{}",
        error(&refused)
    );

    let evidence = |name: &str| {
        classroom
            .path("class-results")
            .join(name)
            .join("evidence.json")
    };
    let kept = fs::read(evidence("bob")).expect("is there");
    fs::remove_file(evidence("ann")).expect("was there");
    // Evidence of another version counts as missing.
    let current = fs::read_to_string(evidence("dan")).expect("is there");
    let old = current.replace("evidence/2", "evidence/1");
    assert_ne!(old, current);
    fs::write(evidence("dan"), old).expect("is written");
    assert_eq!(status(&classroom.grade(&["class", "--resume"])), Some(0));
    assert_eq!(classroom.class_csv("class-results"), first);
    assert_eq!(fs::read(evidence("bob")).expect("is there"), kept);
    let judged_again = fs::read_to_string(evidence("dan")).expect("is there");
    assert_eq!(judged_again, current);

    classroom.hands_in("dan", &good());
    assert_eq!(status(&classroom.grade(&["class", "--resume"])), Some(0));
    assert_eq!(mark(&classroom.class_csv("class-results"), "dan"), FULL);
    assert_eq!(fs::read(evidence("bob")).expect("is there"), kept);
}

/// Starts grading, waits until something was recorded, and sends a signal.
fn interrupted(classroom: &Classroom, signal: Signal) -> std::process::ExitStatus {
    let mut grading = classroom
        .command(&["class", "-j", "1"])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("conform starts");
    let begun = Instant::now();
    let results = classroom.path("class-results");
    while !results.join("ann/evidence.json").exists() {
        assert!(begun.elapsed() < PATIENCE, "nothing was recorded");
        assert_eq!(
            grading.try_wait().expect("can be asked"),
            None,
            "it ended by itself"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    // A program may have done that.
    if signal == Signal::INT {
        fs::write(results.join("rubric.toml"), "forged").expect("is written");
    }
    let id = i32::try_from(grading.id())
        .ok()
        .and_then(Pid::from_raw)
        .expect("an id");
    kill_process(id, signal).expect("is there");
    grading.wait().expect("ends")
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_run_that_is_killed_or_interrupted_goes_on_where_it_stopped() {
    let classroom = Classroom::of_four();
    // So that there is enough left to be interrupted in.
    for name in ["eve", "fay"] {
        classroom.hands_in(name, &good());
    }
    assert_eq!(
        status(&classroom.grade(&["class", "--out", "whole"])),
        Some(0)
    );
    interrupted(&classroom, Signal::KILL);
    assert!(!classroom.path("class-results/class.csv").exists());
    let kept = fs::read(classroom.path("class-results/ann/evidence.json")).expect("is there");
    assert_eq!(status(&classroom.grade(&["class", "--resume"])), Some(0));
    assert_eq!(
        classroom.class_csv("class-results"),
        classroom.class_csv("whole")
    );
    assert_eq!(
        fs::read(classroom.path("class-results/ann/evidence.json")).expect("is there"),
        kept
    );

    fs::remove_dir_all(classroom.path("class-results")).expect("is there");
    let status_of_interrupted = interrupted(&classroom, Signal::INT);
    assert_eq!(status_of_interrupted.code(), Some(130));
    let rubric = |results: &str| fs::read(classroom.path(results).join("rubric.toml"));
    assert_eq!(
        rubric("class-results").expect("is there"),
        rubric("whole").expect("is there")
    );
    assert!(!classroom.path("class-results/.work").exists());
    assert_eq!(status(&classroom.grade(&["class", "--resume"])), Some(0));
    assert_eq!(
        classroom.class_csv("class-results"),
        classroom.class_csv("whole")
    );
}

/// A submission in a dialect of its own works with itself, and earns the points for that.
#[test]
fn a_server_is_judged_with_its_own_clients_too() {
    let classroom = Classroom::asking(&[
        "server/registration/new-name",
        "client/registration/first-words",
        "pair/talking/two-by-turns",
        "pair/registration/name-in-use",
    ]);
    classroom.hands_in("ann", &good());
    let program = "[\"python3\", \"pair.py\"";
    let own = classroom.hands_in(
        "own",
        &format!("server = {program}, \"server\"]\nclient = {program}, \"client\"]\n"),
    );
    let pair = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/pair.py");
    fs::copy(pair, own.join("pair.py")).expect("is copied");
    let output = classroom.grade(&["class"]);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let csv = classroom.class_csv("class-results");
    assert_eq!(mark(&csv, "ann"), 100.0, "{table}");
    assert_eq!(mark(&csv, "own"), 15.0, "{table}");
    let result = fs::read_to_string(classroom.path("class-results/own/result.json"));
    let result = result.expect("is written");
    assert!(result.contains("P-1 holds together, although"), "{result}");
    assert!(classroom.path("class-results/own/report.html").exists());
}

#[test]
fn another_rubric_makes_other_marks_without_any_program() {
    let classroom = Classroom::of_four();
    assert_eq!(status(&classroom.grade(&["class"])), Some(0));
    let first = classroom.class_csv("class-results");
    let of_results = classroom.grade(&["class-results", "--out", "elsewhere"]);
    assert_eq!(status(&of_results), Some(2));
    assert!(error(&of_results).contains("class-results: holds results of `conform grade`"));
    fs::remove_dir_all(classroom.path("class")).expect("is there");
    assert_eq!(
        status(&classroom.grade(&["--again", "class-results"])),
        Some(0)
    );
    assert_eq!(classroom.class_csv("class-results"), first);
    let rubric = "levels = [\"must\"]\n[server]\npoints = 10\n[client]\npoints = 0\n[weights]\nmust = 0\n\"S-MSG-2\" = 1\n";
    fs::write(classroom.path("strict.toml"), rubric).expect("is written");
    assert_eq!(
        status(&classroom.grade(&["--again", "class-results", "--rubric", "strict.toml"])),
        Some(0)
    );
    let second = classroom.class_csv("class-results");
    assert_eq!((mark(&second, "ann"), mark(&second, "bob")), (10.0, 0.0));
    // It is kept beside the results.
    assert_eq!(
        status(&classroom.grade(&["--again", "class-results"])),
        Some(0)
    );
    assert_eq!(classroom.class_csv("class-results"), second);

    // One that somebody changed there is not used.
    let kept = fs::read_to_string(classroom.path("class-results/rubric.toml"));
    let forged = kept.expect("is there") + "\n# Forged.\n";
    fs::write(classroom.path("class-results/rubric.toml"), forged).expect("is written");
    fs::create_dir_all(classroom.path("class/ann")).expect("is made");
    for words in [
        &["--again", "class-results"][..],
        &["class", "--resume"],
        &["--merge", "class-results", "--out", "merged"],
    ] {
        let refused = classroom.grade(words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        assert!(
            error(&refused).contains("--rubric FILE"),
            "{words:?}: {}",
            error(&refused)
        );
    }
    assert_eq!(
        status(&classroom.grade(&["--again", "class-results", "--rubric", "strict.toml"])),
        Some(0)
    );

    fs::write(
        classroom.path("wrong.toml"),
        rubric.replace("S-MSG-2", "S-MGS-2"),
    )
    .expect("is written");
    let wrong = classroom.grade(&["--again", "class-results", "--rubric", "wrong.toml"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        error(&wrong).contains("did you mean `S-MSG-2`?"),
        "{}",
        error(&wrong)
    );
    assert_eq!(classroom.class_csv("class-results"), second);
}

#[test]
fn another_rule_makes_other_verdicts_without_any_program() {
    let classroom = Classroom::new();
    // Answers 400 to a name in use: a wrong code, so the requirement about the words after 401 is not what fails.
    classroom.asks("server/registration/wording-of-in-use.chat");
    let mut command = faulty("in-use-and-malformed-swapped");
    let program = classroom.path("tools/server");
    fs::hard_link(&command[0], &program)
        .or_else(|_| fs::copy(&command[0], &program).map(drop))
        .expect("is copied");
    command[0] = program.display().to_string();
    let instructions = format!("server = {command:?}\nclient = [{:?}]\n", right("client"));
    classroom.hands_in("ann", &instructions);
    assert_eq!(status(&classroom.grade(&["class"])), Some(0));
    fs::remove_file(program).expect("was there");
    fs::remove_dir_all(classroom.path("class")).expect("was there");
    let evidence = classroom.path("class-results/ann/evidence.json");
    let seen = fs::read_to_string(&evidence).expect("is there");
    let again = |rule: &str| {
        let output = classroom.grade(&["--again", "class-results"]);
        assert_eq!(status(&output), Some(0), "{rule}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let message = again("the same rules");
    assert!(message.ends_with("\nNo verdict changed.\n"), "{message}");

    // The requirement about the words no longer says which one the code belongs to.
    let requirements = classroom.asks("requirements.toml");
    let rules = fs::read_to_string(&requirements).expect("is there");
    let changed = rules.replace("wording_of = \"S-REG-5\"\n", "");
    assert_ne!(changed, rules);
    fs::write(&requirements, changed).expect("is written");
    let message = again("another rule");
    let expected = "\n1 verdict changed:\n  ann server S-REG-6 blocked -> fails\n";
    assert!(message.ends_with(expected), "{message}");
    assert_eq!(fs::read_to_string(&evidence).expect("is there"), seen);

    // Evidence of another version is refused as a whole, and the marks stay.
    let marks = classroom.class_csv("class-results");
    fs::write(&evidence, seen.replace("evidence/2", "evidence/1")).expect("is written");
    let refused = classroom.grade(&["--again", "class-results"]);
    assert_eq!(refused.status.code(), Some(2));
    let message = error(&refused);
    for part in [
        "ann/evidence.json: another version of conform recorded this evidence",
        "conform grade DIRECTORY --resume",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(classroom.class_csv("class-results"), marks);
}

#[test]
fn parts_put_together_are_the_whole() {
    let classroom = Classroom::of_four();
    for name in ["eve", "fay"] {
        classroom.hands_in(name, "");
    }
    assert_eq!(
        status(&classroom.grade(&["class", "--out", "whole"])),
        Some(0)
    );
    for (shard, out) in [("1/2", "one"), ("2/2", "two")] {
        assert_eq!(
            status(&classroom.grade(&["class", "--shard", shard, "--out", out])),
            Some(0)
        );
        assert!(
            classroom.class_csv(out).lines().count() > 1,
            "a part has somebody"
        );
    }
    assert_eq!(
        status(&classroom.grade(&["--merge", "one", "two", "--out", "merged"])),
        Some(0)
    );
    for file in ["class.csv", "class.json", "run.json", "index.html"] {
        let read = |results: &str| fs::read(classroom.path(results).join(file)).expect(file);
        assert!(read("merged") == read("whole"), "{file} differs");
    }
    let twice = classroom.grade(&["--merge", "one", "one", "--out", "other"]);
    assert_eq!(twice.status.code(), Some(2));
    let half = classroom.grade(&["--merge", "one", "--out", "half"]);
    assert_eq!(half.status.code(), Some(3));
    assert!(error(&half).contains("not merged: 2/2"), "{}", error(&half));
    // Evidence of one submission in the folder of another costs that one, and nobody else.
    let evidence = |name: &str| classroom.path("half").join(name).join("evidence.json");
    let present: Vec<&str> = ["ann", "bob", "cyd", "dan", "eve", "fay"]
        .into_iter()
        .filter(|name| evidence(name).exists())
        .collect();
    fs::copy(evidence(present[0]), evidence(present[1])).expect("is copied");
    let swapped = classroom.grade(&["--again", "half"]);
    assert_eq!(swapped.status.code(), Some(3));
    let message = format!("is the evidence of {}", present[0]);
    assert!(error(&swapped).contains(&message), "{}", error(&swapped));
    assert!(classroom.class_csv("half").contains(present[0]));
    let rubric = fs::read_to_string(classroom.path("one/rubric.toml")).expect("is there");
    fs::write(
        classroom.path("other.toml"),
        format!("{rubric}\n# Another.\n"),
    )
    .expect("is written");
    assert_eq!(
        status(&classroom.grade(&["--again", "one", "--rubric", "other.toml"])),
        Some(0)
    );
    let unlike = classroom.grade(&["--merge", "one", "two", "--out", "other"]);
    assert_eq!(unlike.status.code(), Some(2));
    assert!(
        error(&unlike).contains("another rubric"),
        "{}",
        error(&unlike)
    );
}

/// Makes a folder with so many folders in each other that no path can name the last.
fn nested(folder: &Path) {
    use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
    let mut inner = openat(CWD, folder, OFlags::DIRECTORY, Mode::empty()).expect("opens");
    for _ in 0..2_500 {
        mkdirat(&inner, "d", Mode::RWXU).expect("is made");
        inner = openat(&inner, "d", OFlags::DIRECTORY, Mode::empty()).expect("opens");
    }
}

#[test]
#[ignore = "slow; CI runs it"]
fn whatever_is_handed_in_is_read_within_limits() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    use std::os::unix::fs::symlink;
    let classroom = Classroom::new();
    let file = |name: &str| classroom.path("class").join(name);
    for name in ["ann", "bob", "cyd", "dan", "eve", "fay"] {
        classroom.hands_in(name, "");
    }
    fs::write(classroom.path("secret"), "password = \"swordfish\"").expect("is written");
    symlink("../../secret", file("ann/conform.toml")).expect("a link");
    nested(&file("bob"));
    mkfifoat(CWD, file("cyd/conform.toml"), Mode::RWXU).expect("a pipe");
    let keys: String = (0..6_000).map(|key| format!("k{key}=1,")).collect();
    fs::write(file("dan/conform.toml"), format!("limits = {{{keys}}}")).expect("is written");
    symlink("/etc/passwd", file("eve/server.py")).expect("a link");
    mkfifoat(CWD, file("eve/client.py"), Mode::RWXU).expect("a pipe");
    // A program that leaves folders in each other in its own folder, and ends.
    let leaves = "import os\nfor _ in range(2500):\n os.mkdir('d')\n os.chdir('d')\n";
    fs::write(file("fay/client.py"), leaves).expect("is written");
    let output = classroom.grade(&["class"]);
    // What cannot be copied is not judged.
    assert_eq!(status(&output), Some(3));
    let message = |name: &str, expected: &str| {
        let folder = classroom.path("class-results").join(name);
        let result = fs::read_to_string(folder.join("result.json")).expect("is there");
        assert!(result.contains(expected), "{name}: {result}");
        let files = fs::read_dir(&folder).expect("is there").flatten();
        for file in files.filter(|file| file.file_type().is_ok_and(|kind| kind.is_file())) {
            let text = fs::read_to_string(file.path()).expect("is text");
            assert!(!text.contains("swordfish"), "{:?}", file.path());
            assert!(text.len() < 1 << 19, "{:?}: {}", file.path(), text.len());
        }
    };
    message("ann", "conform.toml: is a link, and is not followed");
    message("bob", "folders are nested more than 64 deep");
    message("cyd", "conform.toml: is a named pipe, not a file");
    message("dan", "[limits] has no key `k0`");
    message("eve", "server.py (a link that leads out of the submission)");
    message("eve", "client.py (a named pipe)");
    message(
        "fay",
        "No file that can be started has a name that begins with `server`",
    );
    assert!(!classroom.path("class-results/.work").exists());
    // The standard library cannot remove it with few descriptors.
    let remove = Command::new("rm").arg("-rf").arg(file("bob")).status();
    assert!(remove.expect("rm starts").success());
}

#[test]
fn wrong_use_is_told() {
    let classroom = Classroom::new();
    for (words, message) in [
        (&["missing"][..], "missing: No such file"),
        (&["class"], "no submission in it"),
        (&["--again", "class"], "holds no results"),
        (&["--merge", "class"], "--out DIR is missing"),
        (&["class", "--shard", "3/2"], "K/N, such as 2/8"),
        (&[], "required"),
    ] {
        let output = classroom.grade(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(
            error(&output).contains(message),
            "{words:?}: {}",
            error(&output)
        );
    }
    fs::create_dir(classroom.path("one")).expect("is made");
    fs::write(classroom.path("one/server.py"), "").expect("is written");
    let output = classroom.grade(&["one"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("one: looks like one submission"));
    let precious = classroom.hands_in(".work", "").join("precious");
    fs::write(&precious, "").expect("is written");
    std::os::unix::fs::symlink(classroom.path("class"), classroom.path("link")).expect("is made");
    classroom.hands_in("ann", "");
    for (words, message) in [
        (&["--again", "class"][..], "holds no results"),
        (&["--merge", "class", "--out", "x"], "holds no results"),
        (
            &["class", "--out", "link/results"],
            "cannot be inside the class",
        ),
        (&["class", "--out", "suite"], "but other files"),
    ] {
        let output = classroom.grade(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let error = error(&output);
        assert!(error.contains(message), "{words:?}: {error}");
        assert!(precious.exists(), "{words:?}");
    }
    assert!(!classroom.path("class/results").exists());
    classroom.hands_in("class.csv", "");
    let taken = classroom.grade(&["class"]);
    assert_eq!(taken.status.code(), Some(2));
    assert!(
        error(&taken).contains("rename its folder"),
        "{}",
        error(&taken)
    );
}
