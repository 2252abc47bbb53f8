//! `conform package gradescope`: what is in the package, and what its scripts do where Gradescope runs them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use assert_cmd::assert::OutputAssertExt;
use predicates::str::contains;
use serde_json::Value;
use tempfile::TempDir;

use crate::gradescope_schema::{Gradescope, GradescopeTest};
use crate::python::python;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");

fn project(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The smallest program that starts everywhere: an x86-64 ELF header and no program headers.
fn static_program() -> Vec<u8> {
    let mut program = vec![0; 64];
    program[..6].copy_from_slice(b"\x7fELF\x02\x01");
    program[18] = 62;
    program
}

fn write_program(file: &Path, content: impl AsRef<[u8]>) {
    fs::write(file, content).expect("is written");
    fs::set_permissions(file, Permissions::from_mode(0o755)).expect("is set");
}

fn package(options: &[&str]) -> Command {
    let mut command = Command::new(CONFORM);
    command.args(["package", "gradescope"]).args(options);
    command
}

/// An `/autograder` in a folder of its own, with the scripts of a package and a `conform` of the test.
struct Autograder {
    root: TempDir,
}

impl Autograder {
    /// The package is opened by Python. `conform` takes the place of the packaged one.
    fn with(conform: &str) -> Autograder {
        let root = tempfile::tempdir().expect("a folder");
        let [program, zip] = ["program", "autograder.zip"].map(|name| root.path().join(name));
        write_program(&program, static_program());
        package(
            &[
                "--out".as_ref(),
                zip.as_os_str(),
                "--binary".as_ref(),
                program.as_os_str(),
            ]
            .map(|word| word.to_str().expect("is text")),
        )
        .assert()
        .success();
        let autograder = Autograder { root };
        for folder in ["source", "submission"] {
            fs::create_dir(autograder.path(folder)).expect("is made");
        }
        let unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
        let unpacked = Command::new(python().expect("this test needs python3"))
            .args(["-c", unpack])
            .args([&zip, &autograder.path("source")])
            .status();
        assert!(unpacked.expect("is started").success());
        write_program(&autograder.path("source/conform"), conform);
        autograder
    }

    /// The `conform` is the real one, with a suite of two transcripts.
    fn judging(options: &str) -> Autograder {
        let autograder = Autograder::with("");
        for transcript in [
            "server/registration/new-name",
            "client/registration/first-words",
        ] {
            let to = autograder.path(&format!("suite/{transcript}.chat"));
            fs::create_dir_all(to.parent().expect("has one")).expect("is made");
            fs::copy(project(&format!("conformance/{transcript}.chat")), to).expect("is copied");
        }
        let suite = autograder.path("suite");
        let wrapper = format!(
            "#!/bin/sh\ncase $1 in grade) set -- \"$@\" --suite {} {options} ;; esac\nexec {CONFORM} \"$@\"\n",
            suite.display()
        );
        write_program(&autograder.path("source/conform"), wrapper);
        autograder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn hands_in(&self, name: &str, content: &str) {
        fs::write(self.path("submission").join(name), content).expect("is written");
    }

    fn hands_in_program(&self, role: &str) {
        let program = project(&format!("tests/programs/good_{role}.py"));
        let to = self.path("submission").join(format!("{role}.py"));
        fs::copy(program, to).expect("is copied");
    }

    /// Runs the script as Gradescope does.
    fn run(&self) -> Output {
        let script = self.path("source/run_autograder");
        let output = Command::new("sh")
            .arg(script)
            .env("AUTOGRADER_ROOT", self.root.path())
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .output();
        let output = output.expect("is started");
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success());
        output
    }

    /// What Gradescope reads after a run.
    fn report(&self) -> Gradescope {
        self.run();
        let text = fs::read_to_string(self.path("results/results.json")).expect("is there");
        serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}\n{text}"))
    }
}

#[test]
fn the_package_holds_what_gradescope_asks_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let [zip, program, rubric] =
        ["autograder.zip", "program", "rubric"].map(|name| folder.path().join(name));
    fs::write(&zip, "an older one").expect("is written");
    fs::write(&program, static_program()).expect("is written");
    fs::copy(project("conformance/rubric.toml"), &rubric).expect("is copied");
    package(&["--time-limit", "1200", "--out"])
        .arg(&zip)
        .arg("--binary")
        .arg(&program)
        .arg("--rubric")
        .arg(&rubric)
        .assert()
        .success()
        .stdout(contains("autograder.zip is ready"));
    let list = "import json, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
print(json.dumps({i.filename: [oct(i.external_attr >> 16 & 0o777), archive.read(i).decode('latin-1')]
                  for i in archive.infolist()}))";
    let listed = Command::new(python().expect("this test needs python3"))
        .args(["-c", list])
        .arg(&zip)
        .output()
        .expect("is started");
    let files: Value = serde_json::from_slice(&listed.stdout).expect("is listed");
    for (name, mode) in [
        ("setup.sh", "0o755"),
        ("run_autograder", "0o755"),
        ("conform", "0o755"),
        ("rubric.toml", "0o644"),
    ] {
        assert_eq!(files[name][0], mode, "{name}");
    }
    assert_eq!(files.as_object().map(serde_json::Map::len), Some(4));
    let text = |name: &str| files[name][1].as_str().expect("a text").to_owned();
    assert!(text("run_autograder").contains("\ntime_limit=1200\n"));
    assert_eq!(text("conform").len(), static_program().len());
    for name in ["setup.sh", "run_autograder"] {
        let script = folder.path().join(name);
        fs::write(&script, text(name)).expect("is written");
        Command::new("sh").arg("-n").arg(&script).assert().success();
    }
}

#[test]
fn what_would_not_work_there_is_not_packaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [zip, text, cut, rubric, program] =
        ["autograder.zip", "text", "cut", "rubric", "program"].map(path);
    fs::write(&text, "#!/bin/sh\n").expect("is written");
    fs::write(&cut, &static_program()[..20]).expect("is written");
    fs::write(&program, static_program()).expect("is written");
    fs::write(&rubric, "[server]\npoints = \"many\"\n").expect("is written");
    for (options, said) in [
        (&["--binary", &text][..], "not a 64-bit Linux program"),
        (&["--binary", &cut], "not a program for x86-64"),
        (&["--binary", &path("missing")], "No such file"),
        (&["--binary", &program, "--rubric", &rubric], "points"),
        (&["--binary", &program, "--time-limit", "60"], "180"),
        // The one of the tests needs the system's libraries.
        (
            &[],
            "not statically linked, so it may not start on Gradescope. Package",
        ),
    ] {
        let refused = package(&["--out", &zip]).args(options).assert();
        refused.code(2).stdout("").stderr(contains(said));
        assert!(!Path::new(&zip).exists(), "{options:?}");
    }
    package(&["--out", &zip, "--binary", &text, "--unchecked"])
        .assert()
        .success();
}

/// The points for the requirements of a role.
fn most(report: &Gradescope, role: &str) -> f64 {
    let of_role = |test: &&GradescopeTest| test.tags.iter().any(|tag| tag == role);
    let tests = report.tests.iter().filter(of_role);
    tests.filter_map(|test| test.max_score).sum()
}

#[track_caller]
fn assert_score(report: &Gradescope, expected: f64) {
    let difference = (report.score - expected).abs();
    assert!(
        expected > 0.0 && difference < 0.01,
        "not {expected}: {}",
        report.output
    );
}

#[test]
fn a_submission_gets_its_mark() {
    let autograder = Autograder::judging("");
    autograder.hands_in_program("server");
    autograder.hands_in_program("client");
    // A group; it was handed in on the second day after the deadline.
    let metadata = r#"{"id": 1, "created_at": "2021-10-21T08:00:00.365935-04:00", "previous_submissions": [],
        "users": [{"id": 1, "name": "Ann Lee"}, {"id": 2, "name": "Bo"}]}"#;
    fs::write(autograder.path("submission_metadata.json"), metadata).expect("is written");
    let rubric = fs::read_to_string(project("conformance/rubric.toml")).expect("is there");
    let late = "\n[late]\ndue = 2021-10-19T23:55:00-04:00\nper_day = 0.2\n";
    fs::write(autograder.path("source/rubric.toml"), rubric + late).expect("is written");
    let report = autograder.report();
    let most = most(&report, "server") + most(&report, "client");
    assert_score(&report, most * 0.6);
    assert!(
        report
            .tests
            .iter()
            .any(|test| test.number == "S-REG-1" && test.score == test.max_score)
    );
    assert!(
        report
            .tests
            .iter()
            .any(|test| test.name.contains("2 days late"))
    );
}

#[test]
fn what_is_missing_is_said_to_the_student() {
    let autograder = Autograder::judging("");
    autograder.hands_in_program("client");
    // Neither is a class, nor somebody's metadata.
    autograder.hands_in("grades.csv", "Display ID,ID\n");
    autograder.hands_in("submission_metadata.yml", "submission_1:\n");
    let report = autograder.report();
    assert_score(&report, most(&report, "client"));
    assert!(
        report.output.contains("The server was not judged: No file"),
        "{}",
        report.output
    );
}

/// A server that is right. As far as its cage allows, it writes full marks over the report and the scripts, and starts a
/// process that does so again and again.
fn forger(autograder: &Autograder) -> String {
    format!(
        r#"
import os, runpy, time
FORGED = '{{"score": 100, "output": "forged", "tests": []}}'
def forge():
    for file in ("results/results.json", "results/results.json.new", "source/conform", "source/run_autograder"):
        try:
            open("{root}/" + file, "w").write(FORGED)
        except OSError as why:
            print(why)
forge()
if os.fork() == 0:
    os.setsid()
    while True:
        forge()
        time.sleep(0.01)
runpy.run_path("chat.py", run_name="__main__")
"#,
        root = autograder.root.path().display()
    )
}

#[test]
#[ignore = "slow; CI runs it"]
fn nobody_writes_a_report_of_his_own() {
    for cage in ["auto", "off"] {
        let autograder = Autograder::judging(&format!("--cage {cage}"));
        let forger = forger(&autograder);
        autograder.hands_in("server.py", &forger);
        let server = project("tests/programs/good_server.py");
        fs::copy(server, autograder.path("submission/chat.py")).expect("is copied");
        let report = autograder.report();
        assert_score(&report, most(&report, "server"));
        assert!(!report.output.contains("forged"));
    }
}

#[test]
fn whatever_happens_the_report_is_valid_and_blames_nobody() {
    // What happens, and what the report says.
    for (conform, said) in [
        ("kill -SEGV $$", "failed with status"),
        ("kill -KILL $$", "ran out of time or memory"),
        ("exec sleep 60", "ran out of time or memory"),
        ("exit 0", "could not do its work"),
        ("exit 3", "could not do its work"),
        ("exit 2", "failed with status 2"),
        (
            "rm -rf \"$AUTOGRADER_ROOT/results\"; exit 1",
            "failed with status 1",
        ),
        (
            "cd \"$AUTOGRADER_ROOT/results\"; rm results.json; mkdir results.json",
            "could not do its work",
        ),
    ] {
        let conform = format!(
            "#!/bin/sh\n[ \"$1\" = grade ] || {{ echo \"✓ namespaces\"; exit; }}\n{conform}\n"
        );
        let autograder = Autograder::with(&conform);
        // One second for `conform`.
        let script = autograder.path("source/run_autograder");
        let text = fs::read_to_string(&script).expect("is there");
        fs::write(&script, text.replace("time_limit=600", "time_limit=41")).expect("is written");
        let report = autograder.report();
        assert_eq!(report.score, 0.0, "{conform}");
        assert!(report.output.contains(said), "{conform}: {}", report.output);
        assert!(report.output.contains("says nothing about your programs"));
    }
}
