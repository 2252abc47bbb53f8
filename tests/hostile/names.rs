//! Names of hosts and of users, which a cage cannot look up outside.

use std::fs::{self, Permissions};
use std::io::{Write, stderr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use chat_conformance::conformance::program::cage::layer::Layer;

use crate::{
    COLUMNS, CONFORM, cages_here, class_folder, environment_in, has_own_network, in_network_of,
    output_of,
};

/// Looks up a host that does not exist, and says how long musl would wait for an answer. Of several times the shortest
/// counts: a busy machine makes some of them longer.
const LOOK_UP: &str = r#"
import re, socket, time
def look_up():
    begun = time.monotonic()
    try:
        socket.getaddrinfo("no-such-host.invalid", 80)
        return 1000
    except socket.gaierror:
        return time.monotonic() - begun
print("at once" if min(look_up() for _ in range(3)) < 2 else "later")
settings = open("/etc/resolv.conf").read()
timeout = re.search(r"^options.*timeout:([0-9]+)", settings, re.MULTILINE)
print("timeout", timeout.group(1) if timeout else 5)
"#;

/// Looks it up with musl itself.
const LOOK_UP_IN_C: &str = r#"
#include <netdb.h>
#include <stdio.h>
#include <time.h>
int main(void) {
    int shortest = 1000;
    for (int times = 0; times < 3; times++) {
        struct addrinfo *found;
        time_t begun = time(NULL);
        int is_unknown = getaddrinfo("no-such-host.invalid", "80", NULL, &found) != 0;
        int took = time(NULL) - begun;
        if (is_unknown && took < shortest) shortest = took;
    }
    puts(shortest <= 2 ? "at once" : "later");
}
"#;

/// The layers of the cage in which a network is always a program's own, if this system offers it.
fn namespaces_here() -> Option<Vec<Layer>> {
    let mut cages = cages_here().into_iter();
    let found = cages.find(|(_, layers)| layers.contains(&Layer::Namespaces));
    found.map(|(_, layers)| layers)
}

#[test]
fn an_unknown_host_is_unknown_at_once() {
    let Some(layers) = namespaces_here() else {
        return;
    };
    if !Path::new("/etc/resolv.conf").exists() || !has_own_network(&layers) {
        let _ = writeln!(
            stderr(),
            "NOT RUN: there is no /etc/resolv.conf here, or this user cannot make networks"
        );
        return;
    }
    let class = class_folder();
    let own = class.path().join("own");
    fs::write(own.join("look_up.py"), LOOK_UP).expect("is written");
    fs::write(own.join("look_up.c"), LOOK_UP_IN_C).expect("is written");
    let mut compiler = Command::new("musl-gcc");
    compiler.args(["-static", "-o", "look_up", "look_up.c"]);
    let is_compiled = compiler.current_dir(&own).status();
    let environment = environment_in(&own, &layers);
    let print = |command: &[&str]| in_network_of(&layers, || output_of(&environment, command));
    let printed = print(&["python3", "look_up.py"]);
    assert_eq!(printed, "at once\r\ntimeout 0\r\n");
    if !is_compiled.is_ok_and(|status| status.success()) {
        let _ = writeln!(stderr(), "NOT RUN: there is no musl-gcc here");
        return;
    }
    assert_eq!(print(&["./look_up"]), "at once\r\n");
}

/// Says who it runs as: by the variables, and by the system's list.
const WHO: &str = r#"
import getpass, os, pwd
print("name", getpass.getuser(), "home", os.path.expanduser("~") == os.environ["HOME"])
try:
    print("entry", pwd.getpwuid(os.getuid()).pw_uid == os.getuid())
except KeyError:
    print("entry", None)
"#;

#[test]
fn a_user_has_a_name_where_it_is_not_the_person_s_own() {
    for (column, layers) in cages_here() {
        let (name, entry) = if layers.contains(&Layer::OwnUser) {
            // The system's list cannot be changed for one program without namespaces.
            ("name submission", "entry None")
        } else if layers.contains(&Layer::Namespaces) {
            ("name", "entry True")
        } else {
            continue;
        };
        let class = class_folder();
        let own = class.path().join("own");
        fs::write(own.join("who.py"), WHO).expect("is written");
        let environment = environment_in(&own, &layers);
        let printed = output_of(&environment, &["python3", "who.py"]);
        for part in [name, "home True", entry] {
            assert!(printed.contains(part), "{}: {printed}", COLUMNS[column]);
        }
    }
}

/// As that of somebody whose name comes from another machine.
#[test]
fn a_person_without_an_entry_has_one_in_namespaces() {
    const PERSON: u32 = 0x7123_4567;
    let is_root = rustix::process::geteuid().is_root();
    if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
        let _ = writeln!(stderr(), "NOT RUN: this test needs root and setpriv");
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let folder = place.path();
    let conform = folder.join("conform");
    fs::copy(CONFORM, &conform).expect("is copied");
    let work = folder.join("work");
    fs::create_dir(&work).expect("is made");
    fs::write(work.join("who.py"), WHO).expect("is written");
    for path in [folder, &conform] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("is set");
    }
    for path in [folder, &work] {
        chown(path, Some(PERSON), Some(PERSON)).expect("is given to that user");
    }
    let id = PERSON.to_string();
    // A run may end in the middle of it.
    let script = "part=$(mktemp ./XXXXXX) && python3 who.py >$part && mv $part seen";
    let mut run = Command::new("setpriv");
    run.args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .arg(&conform)
        .args(["server", "--only", "server/registration/new-name"])
        .args([
            "--patience",
            "0.5",
            "--dialect",
            "line",
            "--cage",
            "require",
        ])
        .args(["--", "sh", "-c", script])
        .current_dir(&work)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", folder)
        .stdin(Stdio::null());
    let output = run.output().expect("conform runs");
    let Ok(seen) = fs::read_to_string(work.join("seen")) else {
        let why = String::from_utf8_lossy(&output.stderr);
        let _ = writeln!(stderr(), "NOT RUN: not every layer for other users: {why}");
        return;
    };
    assert_eq!(seen, "name submission home True\nentry True\n");
}
