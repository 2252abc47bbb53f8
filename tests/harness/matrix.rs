//! `conform pair --matrix`: small classes, what comes out, and that nothing stays behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::command_line::refuses;

const CONFORM: &str = env!("CARGO_BIN_EXE_conform");

/// Lines. A server closes the connection if the first one does not look like one, so that no test waits for an answer.
const LINES: &str = r#"
def send(c, text):
    c.sendall(text.encode() + b"\n")

def receive(c):
    line = b""
    while not line.endswith(b"\n"):
        byte = c.recv(1)
        if not byte or SERVES and not line and byte.isdigit():
            return None
        line += byte
    return line.decode().rstrip("\n")
"#;

/// The length in front, in ten bytes.
const LENGTHS: &str = r#"
def send(c, text):
    c.sendall(str(len(text)).ljust(10).encode() + text.encode())

def receive(c):
    head = c.recv(10, socket.MSG_WAITALL)
    if len(head) < 10 or not head.strip().isdigit():
        return None
    return c.recv(int(head), socket.MSG_WAITALL).decode()
"#;

const SERVER: &str = r#"
clients = {}

def serve(c):
    name = None
    while (text := receive(c)) is not None:
        words = text.split(" ")
        if name is None and words[0] == "REGISTER":
            name = words[1]
            clients[name] = c
            send(c, "200 Registration successful")
        elif name is None or words[0] == "DISCONNECT":
            break
        else:
            [send(other, text) for who, other in list(clients.items()) if who != name]
    clients.pop(name, None)
    c.close()

listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

const CLIENT: &str = r#"
name, url = sys.argv[1:]
host, port = url[7:].split(":")
c = socket.create_connection((host, int(port)))
send(c, f"REGISTER {name} CHAT/1.0")
if not (receive(c) or "").startswith("200"):
    sys.exit("the server does not answer")
while True:
    ready = select.select([c, sys.stdin], [], [])[0]
    if c in ready:
        text = receive(c)
        if text is None:
            break
        print(text, flush=True)
    if sys.stdin in ready:
        send(c, f"@{name}: " + sys.stdin.readline().rstrip("\n"))
"#;

/// Two submissions with lines, one of which has an ill-meant name, and one with lengths and no server.
fn class_of_three() -> (TempDir, String) {
    let place = tempfile::tempdir().expect("a folder");
    let ill_meant = "<b>ben\u{1b}[2J".to_owned();
    for (name, dialect, has_server) in [
        ("ann", LINES, true),
        (&ill_meant, LINES, true),
        ("cyd", LENGTHS, false),
    ] {
        let folder = place.path().join("class").join(name);
        fs::create_dir_all(&folder).expect("is made");
        let write = |file: &str, serves: &str, code: &str| {
            let imports = "import select, socket, sys, threading\n";
            let text = format!("{imports}SERVES = {serves}\n{dialect}{code}");
            fs::write(folder.join(file), text).expect("is written");
        };
        write("client.py", "False", CLIENT);
        if has_server {
            write("server.py", "True", SERVER);
        }
    }
    (place, ill_meant)
}

fn paired(place: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(CONFORM);
    command
        .current_dir(place)
        .args(["pair", "--matrix", "class"]);
    command
        .args(words)
        .args(["--patience", "2"])
        .stdin(Stdio::null());
    command
}

fn names_in(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("is there").flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn who_understands_whom_is_shown_and_nothing_is_left() {
    let (place, ill_meant) = class_of_three();
    let results = place.path().join("class-matrix");
    let in_use = results.join(".conform-matrix-in-use");
    for folder in [&in_use, &results.join(".conform-matrix-abandoned/copies")] {
        fs::create_dir_all(folder).expect("is made");
    }
    let lock = fs::File::open(&in_use).expect("is there");
    flock(&lock, FlockOperation::LockExclusive).expect("is free");
    let output = paired(place.path(), &["--json", "matrix.json"]).output();
    let output = output.expect("conform starts");
    let shown = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{shown}{told}");
    assert!(
        told.contains("3 submissions, 9 pairs: about a minute"),
        "{told}"
    );
    for words in [
        "3 submissions, 9 pairs: 4 talk, 2 not at all, 3 not tried.",
        "Group 1: 2 submissions, lines",
        "✓ ✓ │ ✗",
        "– – │ –",
        "cyd: No file that can be started has a name that begins with `server`",
        "Details: ",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown}");

    let json = fs::read_to_string(place.path().join("matrix.json")).expect("is written");
    let json: Value = serde_json::from_str(&json).expect("is JSON");
    let heard = |server: &str, client: &str| {
        let mut pairs = json["pairs"].as_array().expect("a list").iter();
        let pair = pairs.find(|pair| pair["server"] == server && pair["client"] == client);
        pair.map(|pair| pair["heard"].as_str().expect("was judged").to_owned())
    };
    for one in ["ann", &ill_meant] {
        for other in ["ann", &ill_meant] {
            assert_eq!(heard(one, other).as_deref(), Some("both"), "{json:#}");
        }
        assert_eq!(heard(one, "cyd").as_deref(), Some("nothing"), "{json:#}");
        assert_eq!(heard("cyd", one), None);
    }

    let mut names = names_in(results);
    names.sort_unstable();
    assert_eq!(names, [".conform-matrix-in-use", "matrix.html"]);
    let page = fs::read_to_string(place.path().join("class-matrix/matrix.html"));
    let page = page.expect("is written");
    assert!(page.contains("&lt;b&gt;ben") && !page.contains("<b>ben"));
}

#[test]
fn a_matrix_that_is_interrupted_leaves_nothing() {
    let (place, _) = class_of_three();
    let mut child = paired(place.path(), &["--out", "out", "--sample", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("conform starts");
    let told = BufReader::new(child.stderr.take().expect("is piped"));
    let mut told = told.lines().map_while(Result::ok);
    assert!(told.any(|line| line.contains("2 submissions, 4 pairs")));
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    kill_process(id.expect("a process"), Signal::INT).expect("is there");
    assert!(told.any(|line| line.contains("interrupted")));
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert_eq!(names_in(place.path().join("out")), [""; 0]);
}

#[test]
fn wrong_use_of_a_matrix_is_told() {
    let place = tempfile::tempdir().expect("a folder");
    let class = place.path().join("class");
    for number in 0..40 {
        let folder = class.join(format!("s{number}"));
        fs::create_dir_all(&folder).expect("is made");
        fs::write(folder.join("notes.txt"), "").expect("is written");
    }
    let class = class.to_str().expect("is text");
    refuses(
        &["pair", "--matrix", class],
        &[
            "40 submissions are 1600 pairs",
            "--sample 30 (900 pairs",
            "--sample 40",
        ],
    );
    assert_eq!(names_in(place.path().to_owned()), ["class"]);
    refuses(&["pair", "--matrix", "no-such-class"], &["no-such-class"]);
    refuses(
        &["pair", "--matrix", class, "--sample", "0"],
        &["--sample", "from 1"],
    );
    refuses(
        &["pair", "--matrix", class, "--server", "./s"],
        &["cannot be used with"],
    );
    refuses(
        &["pair", "--matrix", class, "--only", "P-1"],
        &["cannot be used with"],
    );
    refuses(&["pair", "--sample", "3"], &["--matrix"]);
    refuses(&["pair", "--server", "./s"], &["--client"]);
}
