//! Names of hosts, which a cage cannot look up outside.

use std::fs;
use std::io::{Write, stderr};
use std::path::Path;
use std::process::Command;

use chat_conformance::conformance::program::cage::layer::Layer;

use crate::{cages_here, class_folder, environment_in, in_network_of, output_of};

/// Looks up a host that does not exist. Asks the name servers of `/etc/resolv.conf` in the C library's way, and then as
/// musl does, which does not notice that nobody can be reached.
const LOOK_UP: &str = r#"
import re, socket, time
begun = time.monotonic()
try:
    socket.getaddrinfo("no-such-host.invalid", 80)
    print("found")
except socket.gaierror:
    print("unknown")
took = time.monotonic() - begun
settings = open("/etc/resolv.conf").read()
timeout = re.search(r"^options.*timeout:([0-9]+)", settings, re.MULTILINE)
print("seconds", int(took), "and", timeout.group(1) if timeout else 5)
"#;

/// The same for a program that is linked with musl.
const LOOK_UP_IN_C: &str = r#"
#include <netdb.h>
#include <stdio.h>
#include <time.h>
int main(void) {
    struct addrinfo *found;
    time_t begun = time(NULL);
    puts(getaddrinfo("no-such-host.invalid", "80", NULL, &found) ? "unknown" : "found");
    printf("seconds %d\n", (int) (time(NULL) - begun));
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
    if !Path::new("/etc/resolv.conf").exists() {
        let _ = writeln!(stderr(), "NOT RUN: there is no /etc/resolv.conf here");
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
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    assert_eq!(printed.first(), Some(&"unknown"), "{printed:?}");
    let quick = ["seconds 0 and 0", "seconds 1 and 0", "seconds 2 and 0"];
    assert!(
        printed.get(1).is_some_and(|line| quick.contains(line)),
        "{printed:?}"
    );
    if !is_compiled.is_ok_and(|status| status.success()) {
        let _ = writeln!(stderr(), "NOT RUN: there is no musl-gcc here");
        return;
    }
    let printed = print(&["./look_up"]);
    let quick = ["0", "1", "2"].map(|seconds| format!("unknown\r\nseconds {seconds}\r\n"));
    assert!(quick.contains(&printed), "{printed}");
}
