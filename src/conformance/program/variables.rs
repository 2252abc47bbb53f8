//! The environment variables of a program: what tools need in order to be found, and nothing else of the user's
//! environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Folders, relative to the home directory, in which languages keep what is installed for one user, and the variables
/// that override them. They are not part of the program.
pub const FOUND_BY_HOME: [(&str, &str); 8] = [
    ("PYTHONUSERBASE", ".local"),
    ("PYENV_ROOT", ".pyenv"),
    ("RBENV_ROOT", ".rbenv"),
    ("NVM_DIR", ".nvm"),
    ("SDKMAN_DIR", ".sdkman"),
    ("RUSTUP_HOME", ".rustup"),
    ("CARGO_HOME", ".cargo"),
    ("GOPATH", "go"),
];

/// Variables about the user and the location of tools. Everything else stays with the harness: tokens, addresses of
/// agents, and variables that would hide a fault or depend on the person who runs it.
const KEPT: [&str; 32] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "USER",
    "LOGNAME",
    "SHELL",
    "LD_LIBRARY_PATH",
    "JAVA_HOME",
    "JDK_HOME",
    "CLASSPATH",
    "GOROOT",
    "GOTOOLCHAIN",
    "DOTNET_ROOT",
    "RUSTUP_TOOLCHAIN",
    "NODE_PATH",
    "NVM_BIN",
    "PERL5LIB",
    "PERL_LOCAL_LIB_ROOT",
    "PYTHONPATH",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "GEM_HOME",
    "GEM_PATH",
    "RUBYLIB",
    "RBENV_VERSION",
    "LUA_PATH",
    "LUA_CPATH",
    "PHPRC",
    "NIX_PROFILES",
    "LOCALE_ARCHIVE",
];

/// The name of a user whom the system does not know.
pub const NAME_OF_OWN_USER: &str = "submission";

/// The environment of a supervisor.
pub fn of_supervisor() -> Vec<(OsString, OsString)> {
    std::env::vars_os()
        .filter(|(name, _)| name.to_str().is_some_and(is_kept))
        .collect()
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || FOUND_BY_HOME.iter().any(|(found, _)| *found == name)
}

/// Variables that a program gets in addition to its supervisor's, or instead of them. The system has no name for a
/// user id of its own, so many tools take the one in the variables.
pub fn of_program(scratch: &Path, has_own_user: bool) -> Vec<(&'static str, PathBuf)> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let found = FOUND_BY_HOME.iter().filter_map(|(name, place)| {
        let place = home.as_ref()?.join(place);
        (std::env::var_os(name).is_none() && place.exists()).then_some((*name, place))
    });
    let no_leaks = Path::new("detect_leaks=0");
    let plain = [
        ("TMPDIR", scratch),
        ("HOME", scratch),
        // A submission's folder must not change.
        ("PYTHONDONTWRITEBYTECODE", Path::new("1")),
        ("TERM", Path::new("xterm-256color")),
        ("LANG", Path::new("C.UTF-8")),
        // The search for leaks at the end of a program inspects it by ptrace, which the cage refuses.
        ("LSAN_OPTIONS", no_leaks),
        ("ASAN_OPTIONS", no_leaks),
    ];
    let user = ["USER", "LOGNAME"].map(|name| (name, Path::new(NAME_OF_OWN_USER)));
    let user = user.into_iter().filter(|_| has_own_user);
    let plain = plain.into_iter().chain(user);
    found
        .chain(plain.map(|(name, value)| (name, value.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found_and_secrets_are_kept() {
        for name in ["PATH", "JAVA_HOME", "PYENV_ROOT", "TZ", "USER"] {
            assert!(is_kept(name), "{name}");
        }
        for name in [
            "SSH_AUTH_SOCK",
            "AWS_SECRET_ACCESS_KEY",
            "GITHUB_TOKEN",
            "DBUS_SESSION_BUS_ADDRESS",
            "XDG_RUNTIME_DIR",
            "TMUX",
            "LD_PRELOAD",
            "LD_AUDIT",
            "PYTHONUNBUFFERED",
            "COLUMNS",
            "LC_ALL",
            "NO_COLOR",
        ] {
            assert!(!is_kept(name), "{name}");
        }
    }
}
