//! The command line of `conform`: what it shows, each way to get it wrong, and its exit statuses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use chat_conformance::conformance::suite::Suite;
use predicates::prelude::*;
use predicates::str::{contains, is_match, starts_with};
use serde_json::Value;
use tempfile::TempDir;

use crate::judging::example;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");
const SERVER: &str = env!("CARGO_BIN_EXE_chat-server");
const CLIENT: &str = env!("CARGO_BIN_EXE_chat-client");

#[track_caller]
fn conform(arguments: &[&str]) -> Assert {
    conform_within(Duration::from_secs(120), arguments)
}

/// Runs `conform`, which ends within this time.
#[track_caller]
pub fn conform_within(limit: Duration, arguments: &[&str]) -> Assert {
    Command::new(CONFORM)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .timeout(limit)
        .assert()
}

/// Wrong use: status 2, nothing on standard output, and all of `said` on standard error.
#[track_caller]
pub fn refuses(arguments: &[&str], said: &[&str]) {
    let refused = conform(arguments).code(2).stdout("");
    said.iter()
        .fold(refused, |refused, words| refused.stderr(contains(*words)));
}

#[test]
fn help_shows_commands_statuses_and_examples() {
    let mut help = conform(&["--help"]).success().stderr("");
    for words in [
        "server",
        "client",
        "list",
        "explain",
        "fmt",
        "record",
        "explore",
        "Exit status when judging:",
        "conform server -- python3",
    ] {
        help = help.stdout(contains(words));
    }
    // What the program says to itself is nobody's business.
    for words in ["supervise", "launch", "reference-server"] {
        help = help.stdout(contains(words).not());
    }
    for command in [
        "server", "client", "list", "explain", "fmt", "record", "explore",
    ] {
        conform(&[command, "--help"])
            .success()
            .stderr("")
            .stdout(contains(format!("Usage: conform {command}")));
    }
}

#[test]
fn version_is_the_packages() {
    let version = concat!("conform ", env!("CARGO_PKG_VERSION"), "\n");
    conform(&["--version"]).success().stdout(version).stderr("");
}

#[test]
fn a_command_must_be_there_and_can_be_started() {
    let usage = "Usage: conform server <COMMAND>...";
    refuses(
        &["server"],
        &[
            "required arguments were not provided",
            "<COMMAND>...",
            usage,
        ],
    );
    refuses(
        &["client"],
        &["required arguments were not provided", "<COMMAND>..."],
    );
    for role in ["server", "client"] {
        let nowhere = "no-such-program: no such program in this folder or on the PATH";
        refuses(&[role, "--", "no-such-program"], &[nowhere]);
        refuses(
            &[role, "--", "/no/such/program"],
            &["/no/such/program: no such program"],
        );
        refuses(&[role, "--", "src"], &["src: no such program"]);
        refuses(
            &[role, "--", "python3", "no-such.py"],
            &["no-such.py: no such file"],
        );
        let script = "tests/programs/good_server.py";
        refuses(
            &[role, "--", script],
            &[
                &format!("{script} cannot be started"),
                &format!("python3 {script}"),
            ],
        );
    }
}

#[test]
fn a_placeholder_in_a_clients_command_must_be_known() {
    refuses(
        &["client", "--", CLIENT, "{nam}", "{url}"],
        &[
            "{nam} is unknown; the placeholders of a client's command are {name}, {url}, {host} and {port}",
        ],
    );
}

#[test]
fn a_running_server_must_be_there() {
    // Bound, so that nobody else gets it, and nobody listens there.
    let deaf = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let deaf = deaf.expect("a socket");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    deaf.bind(&any.into()).expect("binds");
    let address = deaf.local_addr().expect("has an address");
    let port = address.as_socket().expect("of a port").port();
    let url = format!("chat://127.0.0.1:{port}");
    refuses(
        &["server", "--at", &url, "--patience", "0.5"],
        &[&format!("no server can be reached at {url}")],
    );
}

#[test]
fn nothing_judged_is_no_pass() {
    let server = Running::start();
    conform(&["server", "--at", &server.url, "--only", "S-SHUT-2"])
        .code(3)
        .stderr(contains("nothing was judged"));
}

#[test]
fn unknown_words_are_refused() {
    refuses(
        &["sever", "--", SERVER],
        &["unrecognized subcommand 'sever'", "'server'"],
    );
    refuses(
        &["server", "--fast", "--", SERVER],
        &["unexpected argument '--fast'"],
    );
    refuses(
        &["--jobs", "3", "server", "--", SERVER],
        &["cannot be used with '--jobs <N>'"],
    );
    refuses(
        &["server", "--level", "all", "--", SERVER],
        &["'all'", "[possible values: must, implied, hardening]"],
    );
}

#[test]
fn only_must_match_something() {
    let advice = "(for one below any folder, write '*/NAME'); `conform list` shows all";
    refuses(&["--only", "nothing"], &[advice]);
    refuses(&["server", "--only", "nothing", "--", SERVER], &[advice]);
    // The transcripts of the other role.
    refuses(&["server", "--only", "client/*", "--", SERVER], &[advice]);
    refuses(
        &[
            "server", "--level", "must", "--only", "S-HARD-*", "--", SERVER,
        ],
        &[advice],
    );
    refuses(
        &["server", "--only", "S-[", "--", SERVER],
        &["--only S-[: ", "unclosed character class"],
    );
}

#[test]
fn numbers_have_bounds() {
    for patience in ["0", "0.05", "601", "-1", "inf", "NaN", "1e9"] {
        let option = format!("--patience={patience}");
        refuses(
            &["server", &option, "--", SERVER],
            &[
                &format!("'{patience}' for '--patience <SECONDS>'"),
                "from 0.1 to 600 seconds",
            ],
        );
    }
    for patience in ["soon", "", "5s"] {
        refuses(
            &["server", "--patience", patience, "--", SERVER],
            &[
                "'--patience <SECONDS>'",
                "a number of seconds, such as 5 or 0.5",
            ],
        );
    }
    for jobs in ["0", "257"] {
        refuses(
            &["server", "-j", jobs, "--", SERVER],
            &[&format!("'{jobs}' for '--jobs <N>'"), "1..=256"],
        );
    }
    refuses(
        &["server", "-j", "many", "--", SERVER],
        &["'many' for '--jobs <N>'"],
    );
}

#[test]
fn a_running_server_needs_an_address() {
    let expected = "an address of a server looks like chat://localhost:12345";
    for address in [
        "nonsense",
        "http://localhost:5000",
        "chat://localhost",
        "chat://:5000",
        "localhost:5000",
    ] {
        refuses(
            &["server", "--at", address],
            &[&format!("{address}: "), expected],
        );
    }
    refuses(
        &["server", "--at", "chat://localhost:65536"],
        &["invalid port number", expected],
    );
    // No part of a name is so long, which shows without asking the network.
    let host = "x".repeat(64);
    let unknown = format!("chat://{host}:5000");
    refuses(
        &["server", "--at", &unknown],
        &[&format!("the name {host} cannot be looked up")],
    );
    refuses(
        &["server", "--at", "chat://localhost:5000", "--", SERVER],
        &["'--at <ADDRESS>' cannot be used with '[COMMAND]...'"],
    );
    refuses(
        &["client", "--at", "chat://localhost:5000", "--", CLIENT],
        &["unexpected argument '--at'"],
    );
}

#[test]
fn a_suite_that_cannot_be_used_is_refused() {
    let suite = Folder::new();
    let folder = suite.path();
    for arguments in [
        &["server", "--suite", "/no/such/folder", "--", SERVER][..],
        &["list", "--suite", "/no/such/folder"],
        &["explain", "S-REG-1", "--suite", "/no/such/folder"],
    ] {
        refuses(arguments, &["/no/such/folder: No such file or directory"]);
    }
    refuses(
        &["server", "--suite", folder, "--", SERVER],
        &[folder, "no .chat file in it"],
    );

    suite.write(
        "first.chat",
        "# A sentence.\ncovers S-REG-1\n\nalice jions\nalice >hello\n",
    );
    suite.write(
        "further/second.chat",
        "# A sentence.\ncovers S-REG-1\n\nalice joins\nbob < 200 ...\n",
    );
    // Every mistake in every file, each with its place.
    refuses(
        &["server", "--suite", folder, "--", SERVER],
        &[
            "first.chat:4:7",
            "did you mean `joins`?",
            "first.chat:5:",
            "second.chat:5:1",
        ],
    );

    let suite = Folder::new();
    suite.write(
        "good.chat",
        "# A sentence.\ncovers S-REG-1 S-REG-99\n\nalice joins\n",
    );
    let folder = suite.path();
    refuses(
        &["server", "--suite", folder, "--", SERVER],
        &["good.chat: covers S-REG-99, which is not a requirement; `conform list` shows them all"],
    );

    suite.write(
        "good.chat",
        "# A sentence.\ncovers S-REG-1\n\nalice joins\n",
    );
    suite.write("requirements.toml", "[[requirement]]\nid = \"S-REG-1\"\n");
    refuses(
        &["server", "--suite", folder, "--", SERVER],
        &["requirements.toml: ", "missing field `level`"],
    );
}

#[test]
fn a_suite_of_ones_own_takes_the_place_of_the_bundled_one() {
    let suite = Folder::new();
    suite.write(
        "mine/hello.chat",
        "# She comes in.\ncovers S-REG-1\n\nalice joins\n",
    );
    suite.write("invalid/wrong.chat", "for the tests of the language\n");
    let run = conform(&[
        "server",
        "--suite",
        suite.path(),
        "--json",
        "-",
        "--",
        SERVER,
    ]);
    // Most requirements have no transcript here, and what is untested counts for nothing.
    let run = run.success().stderr("");
    let result: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    let transcripts = result["transcripts"].as_array().expect("a list");
    assert_eq!(transcripts.len(), 1);
    assert_eq!(transcripts[0]["name"], "mine/hello");
}

/// The bundled suite charges an echo to S-MSG-2. This one has no such requirement, so its own transcript answers
/// for it.
#[test]
fn a_suite_with_requirements_of_its_own_can_fail_them() {
    let suite = Folder::new();
    suite.write(
        "requirements.toml",
        "[[requirement]]\nid = \"S-OWN-1\"\nlevel = \"must\"\ngroup = \"Own\"\n\
         sentence = \"A message reaches the others, and nobody else.\"\nfix = \"Look there.\"\n",
    );
    suite.write(
        "others.chat",
        "# A message reaches the others.\ncovers S-OWN-1\n\nalice joins\nbob   joins\n\
         alice > @alice: hi\nbob   < @alice: hi\nalice hears nothing\nbob   hears nothing\n",
    );
    let judged = |command: &[&str], status: i32| {
        let options = ["server", "--suite", suite.path(), "--json", "-", "--"];
        let run = conform(&[&options, command].concat()).code(status);
        let result: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
        result["requirements"][0]["verdict"].clone()
    };
    assert_eq!(judged(&[SERVER], 0), "pass");
    let faulty = example("faulty-server");
    for fault in ["echo", "twice", "registers-silently", "text-in-capitals"] {
        assert_eq!(judged(&[&faulty, "--fault", fault], 1), "fail", "{fault}");
    }
}

#[test]
fn list_names_every_row_and_every_transcript() {
    let suite = Suite::embedded().unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut list = conform(&["list"]).success().stderr("");
    for requirement in &suite.requirements {
        list = list.stdout(contains(format!(
            "{:<10}{:<11}",
            requirement.id,
            requirement.level.to_string()
        )));
    }
    for case in &suite.cases {
        list = list.stdout(contains(format!("          {}\n", case.name)));
    }
}

#[test]
fn list_falls_short_where_a_row_has_no_transcript() {
    let suite = Folder::new();
    suite.write(
        "only.chat",
        "# She comes in.\ncovers S-REG-1\n\nalice joins\n",
    );
    conform(&["list", "--suite", suite.path()])
        .code(1)
        .stdout(contains("no transcript tests it"))
        .stderr(starts_with("conform: no transcript covers W-LINE-1, "))
        .stderr(contains("S-REG-2").and(contains("S-REG-1,").not()));
}

#[test]
fn explain_tells_of_a_row() {
    for id in ["S-MSG-2", "s-msg-2"] {
        conform(&["explain", id])
            .success()
            .stderr("")
            .stdout(starts_with("S-MSG-2 (must"))
            .stdout(contains("Assignment says:"))
            .stdout(contains("server/broadcast/not-back-to-the-sender"));
    }
}

#[test]
fn explain_tells_of_a_transcript_by_each_of_its_names() {
    let name = "server/broadcast/not-back-to-the-sender";
    for subject in [
        name.to_owned(),
        format!("{name}.chat"),
        format!("conformance/{name}.chat"),
        "broadcast/not-back-to-the-sender".to_owned(),
        "not-back-to-the-sender".to_owned(),
        "not-back-to-the-sender.chat".to_owned(),
    ] {
        conform(&["explain", &subject])
            .success()
            .stderr("")
            .stdout(starts_with(format!("{name}\n")))
            .stdout(contains("alice hears nothing"))
            .stdout(contains("S-MSG-2 (must"));
    }
}

#[test]
fn explain_knows_only_what_is_there() {
    let unknown =
        "is neither a requirement nor a transcript of this suite; `conform list` shows them all";
    refuses(&["explain", "S-REG-99"], &[&format!("S-REG-99 {unknown}")]);
    refuses(&["explain", "sender"], &[&format!("sender {unknown}")]);
    // There is one for servers and one for clients.
    refuses(
        &["explain", "endless-line"],
        &[
            "endless-line may be any of ",
            "client/hardening/endless-line",
            "server/hardening/endless-line",
        ],
    );
    refuses(&["explain"], &["<ID-OR-TRANSCRIPT>"]);
}

const LAID_OUT: &str = "# A sentence.\ncovers S-REG-1\n\nalice joins\n";
const NOT_LAID_OUT: &str = "#A sentence.\ncovers  S-REG-1\nalice   joins\n";
const BROKEN: &str = "# A sentence.\ncovers S-REG-1\n\nalice jions\nbob < 200\n";

#[test]
fn fmt_check_tells_what_is_not_in_its_layout_and_changes_nothing() {
    let folder = Folder::new();
    let good = folder.write("good.chat", LAID_OUT);
    conform(&["fmt", "--check", &good])
        .success()
        .stdout("")
        .stderr("");

    let untidy = folder.write("below/untidy.chat", NOT_LAID_OUT);
    let message = format!("{untidy}: needs formatting; run `conform fmt`\n");
    conform(&["fmt", "--check", &untidy])
        .code(1)
        .stdout(message.clone())
        .stderr("");
    conform(&["fmt", "--check", folder.path()])
        .code(1)
        .stdout(message.clone())
        .stderr("");
    assert_eq!(folder.read("below/untidy.chat"), NOT_LAID_OUT);

    folder.write("broken.chat", BROKEN);
    conform(&["fmt", "--check", folder.path()])
        .code(2)
        .stdout(message)
        .stderr(contains("broken.chat:4:7"))
        .stderr(contains("broken.chat:5:1"));
    assert_eq!(folder.read("broken.chat"), BROKEN);
}

#[test]
fn fmt_gives_the_one_layout_and_leaves_what_is_broken() {
    let folder = Folder::new();
    folder.write("good.chat", LAID_OUT);
    let untidy = folder.write("untidy.chat", NOT_LAID_OUT);
    conform(&["fmt", folder.path()])
        .success()
        .stdout(format!("{untidy}\n"))
        .stderr("");
    assert_eq!(folder.read("untidy.chat"), LAID_OUT);
    conform(&["fmt", folder.path()])
        .success()
        .stdout("")
        .stderr("");

    folder.write("broken.chat", BROKEN);
    conform(&["fmt", folder.path()])
        .code(2)
        .stdout("")
        .stderr(contains("did you mean `joins`?"));
    assert_eq!(folder.read("broken.chat"), BROKEN);
}

#[test]
fn fmt_needs_transcripts() {
    refuses(&["fmt"], &["<PATH>..."]);
    refuses(
        &["fmt", "/no/such/folder"],
        &["/no/such/folder: No such file or directory"],
    );
    let empty = Folder::new();
    refuses(&["fmt", "--check", empty.path()], &["no .chat file found"]);
}

#[test]
fn json_on_standard_output_is_alone_there() {
    let run = conform(&["server", "--json", "-", "--only", "S-PORT-*", "--", SERVER])
        .success()
        .stderr("");
    let result: Value =
        serde_json::from_slice(&run.get_output().stdout).expect("one JSON document");
    has_documented_fields(&result);
    assert_eq!(result["schema"], "chat-conformance/result/2");
    assert_eq!(result["program"]["role"], "server");
    assert_eq!(result["program"]["command"], serde_json::json!([SERVER]));
    assert_eq!(result["dialect"], "line");
    assert_eq!(result["passes"], true);
    let of = |list: &str, field: &str| -> Vec<String> {
        let entries = result[list].as_array().expect("a list").iter();
        entries
            .map(|entry| entry[field].as_str().expect("a string").to_owned())
            .collect()
    };
    assert_eq!(of("requirements", "id"), ["S-PORT-1", "S-PORT-2"]);
    assert_eq!(of("requirements", "verdict"), ["pass", "pass"]);
    let names = [
        "server/port/prints-its-port",
        "server/port/two-servers-side-by-side",
    ];
    assert_eq!(of("transcripts", "name"), names);
    assert_eq!(of("transcripts", "verdict"), ["pass", "pass"]);
}

/// The fields that `docs/results.md` lists, in its tables' first columns, are all there and the
/// only ones.
fn has_documented_fields(result: &Value) {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/results.md"))
        .expect("the page is there");
    let documented = |heading: &str| -> Vec<String> {
        let section = page.split_once(heading).expect(heading).1;
        let rows = section.lines().skip_while(|line| !line.starts_with("| `"));
        let rows = rows.take_while(|line| line.starts_with("| `"));
        let mut fields: Vec<String> = rows
            .filter_map(|row| Some(row.split('`').nth(1)?.to_owned()))
            .collect();
        fields.sort();
        fields
    };
    let there = |object: &Value| -> Vec<String> {
        let mut fields: Vec<String> = object
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        fields.sort();
        fields
    };
    assert_eq!(there(result), documented("## The document"));
    assert_eq!(there(&result["program"]), documented("`program`:"));
    assert_eq!(
        there(&result["requirements"][0]),
        documented("## `requirements`")
    );
    assert_eq!(
        there(&result["transcripts"][0]),
        documented("## `transcripts`")
    );
}

#[test]
fn json_in_a_file_stands_beside_the_report() {
    let folder = Folder::new();
    let file = folder.file("result.json");
    conform(&[
        "server", "--json", &file, "--only", "S-PORT-2", "--", SERVER,
    ])
    .success()
    .stderr("")
    .stdout(contains("✓ 1 of 1 requirement passes"));
    let result: Value = serde_json::from_str(&folder.read("result.json")).expect("JSON");
    assert_eq!(result["requirements"][0]["id"], "S-PORT-2");
}

#[test]
fn json_that_cannot_be_written_is_told_before_anything_runs() {
    conform(&[
        "server",
        "--json",
        "/no/such/folder/result.json",
        "--only",
        "S-PORT-2",
        "--",
        SERVER,
    ])
    .code(2)
    .stdout("")
    .stderr(contains(
        "cannot write /no/such/folder/result.json: No such file or directory",
    ));
}

#[test]
fn the_bundled_programs_are_judged_without_a_command() {
    let run = conform(&["--json", "-", "--only", "S-PORT-2", "--only", "C-REG-1"])
        .success()
        .stderr("");
    let results: Value = serde_json::from_slice(&run.get_output().stdout).expect("JSON");
    let roles: Vec<&Value> = results
        .as_array()
        .expect("one each")
        .iter()
        .map(|one| &one["program"]["role"])
        .collect();
    assert_eq!(roles, ["server", "client"]);
}

#[test]
fn what_follows_the_program_is_the_programs() {
    // No `--` stands before it, and its option is none of ours.
    let only = ["--only", "S-PORT-1"];
    conform(&[&["server"][..], &only, &[SERVER, "--jobs", "none"]].concat())
        .code(1)
        .stdout(contains("unexpected argument '--jobs'"));
}

#[test]
fn a_server_that_falls_short_is_status_1() {
    conform(&[
        "server",
        "--patience",
        "0.2",
        "--only",
        "S-PORT-1",
        "--",
        "false",
    ])
    .code(1)
    .stderr("")
    .stdout(contains("S-PORT-1 fails"))
    .stdout(contains("exit status 1"));
}

#[test]
fn a_running_server_is_judged_as_far_as_that_goes() {
    let server = Running::start();
    let mut arguments = vec!["server", "--at", &server.url];
    for pattern in ["S-PORT-*", "S-SHUT-*", "S-REG-*", "S-MSG-1"] {
        arguments.extend(["--only", pattern]);
    }
    conform(&arguments)
        .success()
        .stderr("")
        .stdout(contains(format!("server: {}", server.url)))
        .stdout(is_match("Registration +✓ 7 of 7 pass").expect("a pattern"))
        // It was not started and is not to be stopped.
        .stdout(is_match("The server's port +· untested").expect("a pattern"))
        .stdout(is_match("Shutting down +· untested").expect("a pattern"));
    // It was left as it was found: with nobody in it, and running.
    let arguments = [
        "server",
        "--at",
        &server.url,
        "--only",
        "server/registration/new-name",
    ];
    conform(&arguments).success();
}

#[test]
fn a_clients_command_says_where_name_and_address_go() {
    for command in [
        &[CLIENT][..],
        &[CLIENT, "{name}", "{url}"],
        &[CLIENT, "{name}", "chat://{host}:{port}"],
        &[
            "sh",
            "-c",
            "exec \"$0\" \"$2\" \"$1\"",
            CLIENT,
            "{url}",
            "{name}",
        ],
    ] {
        let options = ["client", "--only", "client/registration/first-words", "--"];
        conform(&[&options, command].concat())
            .success()
            .stderr("")
            .stdout(contains("✓ 1 of 1 requirement passes"));
    }
    // Given the other way round they are wrong, and that is seen.
    conform(&[
        "client",
        "--patience",
        "0.5",
        "--only",
        "client/registration/first-words",
        "--",
        CLIENT,
        "{url}",
        "{name}",
    ])
    .code(1);
}

/// A folder that is gone in the end.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self) -> &str {
        self.0.path().to_str().expect("UTF-8")
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.path())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = PathBuf::from(self.file(name));
        fs::create_dir_all(file.parent().expect("has a folder")).expect("is made");
        fs::write(&file, text).expect("is written");
        self.file(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("is there")
    }
}

/// The bundled server as a process that conform did not start.
struct Running {
    process: Child,
    url: String,
}

impl Running {
    fn start() -> Running {
        let mut process = std::process::Command::new(SERVER)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut printed = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        let line = printed.next().expect("a first line").expect("is text");
        let port: String = line.chars().filter(char::is_ascii_digit).collect();
        // What else it prints is read, so that it never waits for a reader.
        std::thread::spawn(move || printed.for_each(drop));
        Running {
            process,
            url: format!("chat://127.0.0.1:{port}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
