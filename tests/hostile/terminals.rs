//! What programs do with their own terminal.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::process::News;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};

use crate::{
    COLUMNS, CONFORM, class_folder, environment_in, in_each_cage, in_network_of, start, victim,
    watch,
};

/// Leaves its terminal itself, or starts a process that leaves it, takes the foreground, or both, and heeds no signal.
const DETACHED: &str = r#"
import fcntl, os, signal, sys
way = sys.argv[1]
signal.alarm(120)
if way == "leaves":
    with open("/dev/tty", "rb", buffering=0) as terminal:
        fcntl.ioctl(terminal, 0x5422)
elif os.fork():
    os.wait()
    sys.exit()
else:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    if way == "takes-the-foreground":
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpgrp())
    else:
        os.setsid()
print("ready", flush=True)
signal.pause()
"#;

#[test]
fn ctrl_c_or_its_signal_ends_a_program_that_has_left_its_terminal() {
    in_each_cage(|column, layers| {
        let ways = ["leaves", "starts-a-session", "takes-the-foreground"];
        let wrong = ways.map(|way| {
            let wrong = what_is_wrong_when_it(way, layers);
            wrong.map(|wrong| format!("{}: a program that {way} {wrong}", COLUMNS[column]))
        });
        wrong.into_iter().flatten().collect()
    });
}

fn what_is_wrong_when_it(way: &str, layers: &[Layer]) -> Option<&'static str> {
    let class = class_folder();
    let own = class.path().join("own");
    fs::write(own.join("detached.py"), DETACHED).expect("is written");
    let mut environment = environment_in(&own, layers);
    let mark = class.path().display().to_string();
    environment.environment = vec![("MARK".to_owned(), mark.clone())];
    in_network_of(layers, || {
        let mut program = start(&environment, &["python3", "detached.py", way]);
        let mut printed = Vec::new();
        let is_ready = watch(&mut program, |news| match news {
            News::Printed(bytes) => {
                printed.extend(bytes);
                String::from_utf8_lossy(&printed).contains("ready")
            }
            News::Ended(_) => true,
        });
        if !is_ready || program.how_ended().is_some() {
            return Some("did not begin");
        }
        program.press(b"\x03");
        // The key is for whoever has the foreground; the signal is for the program itself.
        if way == "takes-the-foreground" {
            program.interrupt();
        }
        let has_ended = watch(&mut program, |news| matches!(news, News::Ended(_)));
        drop(program);
        if !has_ended {
            Some("did not end")
        } else if victim::is_running_with(&mark) {
            Some("left a process behind")
        } else {
            None
        }
    })
}

/// Sets sizes of its terminal that make no sense, again and again, while it becomes the program of its arguments.
const RESIZING: &str = r#"
import fcntl, os, signal, struct, sys, time
SIZES = [(65535, 65535), (0, 0), (1, 65535), (65535, 1)]
def resize(number):
    fcntl.ioctl(0, 0x5414, struct.pack("HHHH", *SIZES[number % len(SIZES)], 65535, 65535))
resize(0)
program = os.getpid()
if os.fork() == 0:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Bounded, should nobody end it.
    for number in range(6000):
        if os.getppid() != program:
            break
        resize(number)
        time.sleep(0.01)
    os._exit(0)
os.execvp(sys.argv[1], sys.argv[1:])
"#;

#[test]
fn the_sizes_that_a_program_sets_are_its_own_affair() {
    let folder = tempfile::tempdir().expect("a directory");
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    for name in ["good_server.py", "good_client.py"] {
        fs::copy(programs.join(name), folder.path().join(name)).expect("is copied");
    }
    fs::write(folder.path().join("resizing.py"), RESIZING).expect("is written");
    let runs = [
        ("server", "good_server.py", "server/broadcast/among-*"),
        (
            "client",
            "good_client.py",
            "client/messages/received-is-shown",
        ),
        ("client", "good_client.py", "client/quitting/ctrl-c-ends"),
    ];
    std::thread::scope(|scope| {
        for (role, program, transcripts) in runs {
            let command = [role, "--only", transcripts];
            let folder = folder.path();
            scope.spawn(move || is_judged_as_if_it_set_no_size(folder, &command, program));
        }
    });
}

fn is_judged_as_if_it_set_no_size(folder: &Path, command: &[&str], program: &str) {
    // With more memory than this, there is a screen as large as the program says.
    const IN_LITTLE_MEMORY: &str = "ulimit -d 1000000 && exec \"$@\"";
    let (terminal, device) = terminal_of_24_rows();
    let mut conform = Command::new("sh");
    conform
        .args(["-c", IN_LITTLE_MEMORY, "sh", CONFORM])
        .args(command)
        .args(["--dialect", "line", "--memory", "500"])
        .args(["--", "python3", "resizing.py", "python3", program])
        .current_dir(folder)
        .stdin(Stdio::from(device));
    let output = conform.output().expect("conform runs");
    let report = String::from_utf8_lossy(&output.stdout);
    // On a busy machine there may be too little for a verdict.
    let is_unsure = report.contains("machine was busy") && report.contains("? unsure");
    let is_too_busy = report.contains("the machine was too busy") || is_unsure;
    let expected = if is_too_busy { 3 } else { 0 };
    assert_eq!(output.status.code(), Some(expected), "{output:?}");
    let size = tcgetwinsize(&terminal).expect("has a size");
    assert_eq!((size.ws_row, size.ws_col), (24, 80));
}

/// A terminal as that of a person who grades: both of its ends.
fn terminal_of_24_rows() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).expect("opens");
    grantpt(&terminal).expect("is granted");
    unlockpt(&terminal).expect("is unlocked");
    let device = ptsname(&terminal, Vec::new()).expect("has a name");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let device = rustix::fs::open(device, flags, Mode::empty()).expect("opens");
    let size = Winsize {
        ws_row: 24,
        ws_col: 80,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&terminal, size).expect("is set");
    (terminal, device)
}
