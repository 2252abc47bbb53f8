//! Shows what this machine offers to contain and to run programs under test.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::supervisor::{gain_right_to_networks, layers_here};
use chat_conformance::conformance::program::system::{has_networks_to_give, landlock_version};
use rustix::process::{Resource, getrlimit};

use crate::cage::containment;
use crate::{FALLS_SHORT, HOLDS, print, refuse};
use chat_conformance::server::raise_descriptor_limit;

/// One thing that a machine may offer.
struct Finding {
    what: &'static str,
    /// What it is for, or its version.
    detail: String,
    /// How to get it, if it is missing.
    remedy: Option<String>,
    /// Whether `conform` judges less well or less safely without it.
    counts: bool,
}

/// Prints what this machine offers. The exit status is 1 if something that counts is missing.
pub fn doctor() -> ExitCode {
    let Ok(harness) = std::env::current_exe() else {
        return refuse("cannot find the path of this program");
    };
    // Must be done while there is one thread.
    gain_right_to_networks(&harness);
    let layers = layers_here(&harness);
    let findings = [
        namespaces(&layers),
        own_user(&layers),
        landlock(&layers),
        system_calls(&layers),
        networks(),
        descriptors(),
        python(),
        browser(),
    ];
    let mut text = String::new();
    for finding in &findings {
        let mark = match (&finding.remedy, finding.counts) {
            (None, _) => '✓',
            (Some(_), true) => '✗',
            (Some(_), false) => '–',
        };
        let _ = writeln!(text, "{mark} {:16} {}", finding.what, finding.detail);
        if let Some(remedy) = &finding.remedy {
            let _ = writeln!(text, "  {:16} To fix: {remedy}", "");
        }
    }
    let sentence = containment(&layers).sentence();
    let _ = writeln!(text, "\nOn this machine {sentence}.");
    print(&text);
    let falls_short = |finding: &Finding| finding.counts && finding.remedy.is_some();
    ExitCode::from(if findings.iter().any(falls_short) {
        FALLS_SHORT
    } else {
        HOLDS
    })
}

const IN_A_CONTAINER: &str = "in a container, allow namespaces (Docker: --security-opt seccomp=unconfined \
    --cap-add SYS_ADMIN), or run conform outside";

fn namespaces(layers: &[Layer]) -> Finding {
    let setting = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let is = |path: &str, value: &str| setting(path).trim() == value;
    let remedy = if is(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
    ) {
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "sudo sysctl kernel.unprivileged_userns_clone=1"
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "sudo sysctl user.max_user_namespaces=10000"
    } else {
        IN_A_CONTAINER
    };
    Finding {
        what: "namespaces",
        detail:
            "a program sees the system, its tools and its own folder, and no process but its own"
                .to_owned(),
        remedy: (!layers.contains(&Layer::Namespaces)).then(|| remedy.to_owned()),
        counts: true,
    }
}

fn own_user(layers: &[Layer]) -> Finding {
    let is_used = layers.contains(&Layer::OwnUser);
    let detail = if is_used {
        "each submission of a class is another user of this machine"
    } else if layers.contains(&Layer::Namespaces) {
        "not used, because namespaces contain more"
    } else {
        "not used: only root with the capability SYS_PTRACE can, if other users can read the tools on the PATH"
    };
    Finding {
        what: "own user ids",
        detail: detail.to_owned(),
        remedy: None,
        counts: false,
    }
}

fn landlock(layers: &[Layer]) -> Finding {
    /// The first version with rules about signals.
    const SIGNALS: i32 = 6;
    let detail = match landlock_version() {
        None => "a program opens no other files".to_owned(),
        Some(version) if version < SIGNALS => {
            format!("a program opens no other files (version {version})")
        }
        Some(version) => format!(
            "a program opens no other files, and signals no other process (version {version})"
        ),
    };
    Finding {
        what: "Landlock",
        detail,
        remedy: (!layers.contains(&Layer::Landlock)).then(|| {
            "Linux 5.13 or newer, with `landlock` in the kernel parameter `lsm=`".to_owned()
        }),
        counts: true,
    }
}

fn system_calls(layers: &[Layer]) -> Finding {
    Finding {
        what: "seccomp filter",
        detail: "system calls that no chat program needs fail".to_owned(),
        remedy: (!layers.contains(&Layer::SystemCalls))
            .then(|| "a kernel with CONFIG_SECCOMP_FILTER, on x86-64, ARM64 or RISC-V".to_owned()),
        counts: true,
    }
}

fn networks() -> Finding {
    Finding {
        what: "own networks",
        detail: "a program reaches no other machine, and fixed ports do not conflict".to_owned(),
        remedy: (!has_networks_to_give()).then(|| IN_A_CONTAINER.to_owned()),
        counts: true,
    }
}

fn descriptors() -> Finding {
    const ENOUGH: u64 = 4096;
    raise_descriptor_limit();
    let limit = getrlimit(Resource::Nofile).current;
    let has_enough = limit.is_none_or(|limit| limit >= ENOUGH);
    Finding {
        what: "descriptors",
        detail: limit.map_or("no limit".to_owned(), |limit| {
            format!("{limit} at the same time")
        }),
        remedy: (!has_enough).then(|| format!("ulimit -n {ENOUGH}")),
        counts: true,
    }
}

fn python() -> Finding {
    let version = version_of("python3");
    Finding {
        what: "Python",
        remedy: version
            .is_none()
            .then(|| "install python3; the scripts of the reports need it".to_owned()),
        detail: version.unwrap_or("python3 is not on the PATH".to_owned()),
        counts: false,
    }
}

fn browser() -> Finding {
    let mut known = ["firefox", "chromium", "chromium-browser", "google-chrome"].into_iter();
    let found = known.find(|name| is_on_path(name));
    Finding {
        what: "browser",
        remedy: found
            .is_none()
            .then(|| "install one to read the pages; the terminal shows the same".to_owned()),
        detail: found.unwrap_or("none is on the PATH").to_owned(),
        counts: false,
    }
}

fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(name).is_file())
}

fn version_of(program: &str) -> Option<String> {
    let asked = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let version = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
    asked.status.success().then_some(version)
}
