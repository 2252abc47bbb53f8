//! `conform.toml`: how to build and start a submission's programs, where their names do not say it.

use super::settings::{self, Placed, Table};
use crate::conformance::evidence::shown;
use crate::conformance::program::limits::Limits;
use crate::conformance::program::target::unknown_place;
use crate::transcript::Diagnostic;
use crate::transcript::syntax::Role;

/// The name of instructions files.
pub const INSTRUCTIONS: &str = "conform.toml";
/// Maximum length of a command, in bytes: every report and every run shows it.
const LONGEST_COMMAND: usize = 4 * 1024;

/// The content of an instructions file. A submission's own instructions take precedence over the class's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Instructions {
    /// Program and arguments that start the server.
    pub server: Option<Vec<String>>,
    /// Program and arguments that start the client.
    pub client: Option<Vec<String>>,
    /// Program and arguments that build both.
    pub build: Option<Vec<String>>,
    /// Environment variables of the build and the programs.
    pub environment: Vec<(String, String)>,
    /// Changes to the limits of the command line.
    pub limits: LimitChanges,
}

/// Limits that an instructions file changes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LimitChanges {
    /// How long to wait for an answer, in seconds.
    pub patience: Option<f64>,
    /// Time limit for all replays of one program, in seconds.
    pub seconds: Option<f64>,
    /// Wall time of the build, in seconds.
    pub build_seconds: Option<f64>,
    /// Processor time of each process, in seconds.
    pub cpu_seconds: Option<u64>,
    /// Memory of each process, in MiB.
    pub memory: Option<u64>,
    /// Maximum number of processes at the same time.
    pub processes: Option<u64>,
}

impl Instructions {
    /// Reads an instructions file.
    ///
    /// # Errors
    /// Every mistake in it, with its position.
    pub fn parse(source: &str) -> Result<Instructions, Vec<Diagnostic>> {
        settings::read(source, INSTRUCTIONS, |file| Some(read(file)))
    }

    /// These instructions, completed by `other`.
    #[must_use]
    pub fn over(self, other: &Instructions) -> Instructions {
        let mut environment = other.environment.clone();
        environment.extend(self.environment);
        let (mine, theirs) = (self.limits, other.limits);
        Instructions {
            server: self.server.or_else(|| other.server.clone()),
            client: self.client.or_else(|| other.client.clone()),
            build: self.build.or_else(|| other.build.clone()),
            environment,
            limits: LimitChanges {
                patience: mine.patience.or(theirs.patience),
                seconds: mine.seconds.or(theirs.seconds),
                build_seconds: mine.build_seconds.or(theirs.build_seconds),
                cpu_seconds: mine.cpu_seconds.or(theirs.cpu_seconds),
                memory: mine.memory.or(theirs.memory),
                processes: mine.processes.or(theirs.processes),
            },
        }
    }

    /// Program and arguments for a role, if they are set.
    pub fn command_of(&self, role: Role) -> Option<&[String]> {
        match role {
            Role::Server => self.server.as_deref(),
            Role::Client => self.client.as_deref(),
            Role::Pair => None,
        }
    }
}

impl LimitChanges {
    /// These limits, with the changes applied.
    pub fn applied_to(self, limits: Limits) -> Limits {
        Limits {
            cpu_seconds: self.cpu_seconds.unwrap_or(limits.cpu_seconds),
            memory: self.memory.unwrap_or(limits.memory),
            processes: self.processes.unwrap_or(limits.processes),
            ..limits
        }
    }
}

fn read(file: &Table<'_>) -> Instructions {
    let command = |key| {
        let words = file.texts(key)?;
        let cannot_be_passed = |word: &Placed<String>| word.value.contains('\0');
        let is_unknown = |word: &&Placed<String>| {
            key == "client" && unknown_place(std::slice::from_ref(&word.value)).is_some()
        };
        if let Some(word) = words.iter().find(is_unknown) {
            let message = format!("{} is not a placeholder", shown(word.value.as_bytes()));
            let label = "the placeholders are {name}, {url}, {host} and {port}";
            file.report(word.span.clone(), &message, label);
        }
        if let Some(word) = words.iter().find(|word| cannot_be_passed(word)) {
            let message = format!("a word of `{key}` cannot be passed to a program");
            file.report(word.span.clone(), &message, "it contains NUL");
        }
        let length: usize = words.iter().map(|word| word.value.len() + 1).sum();
        if let Some(word) = words.first().filter(|_| length > LONGEST_COMMAND) {
            let message = format!("`{key}` is longer than {} KiB", LONGEST_COMMAND >> 10);
            let label = "put the rest into a script in the folder";
            file.report(word.span.clone(), &message, label);
        }
        if words.is_empty() {
            file.report(
                0..0,
                &format!("`{key}` is empty"),
                "write a program and its arguments",
            );
        }
        Some(words.into_iter().map(|word| word.value).collect())
    };
    let environment = file.table("environment");
    Instructions {
        server: command("server"),
        client: command("client"),
        build: command("build"),
        environment: environment
            .map(|table| variables(&table))
            .unwrap_or_default(),
        limits: file
            .table("limits")
            .map(|table| limits(&table))
            .unwrap_or_default(),
    }
}

fn variables(table: &Table<'_>) -> Vec<(String, String)> {
    let named = table.named_texts();
    for (name, value) in &named {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let name = shown(name.as_bytes());
            let message = format!("the variable `{name}` cannot be set");
            table.report(
                0..0,
                &message,
                "NUL is not allowed in the name or the value, nor `=` in the name",
            );
        }
    }
    named
}

fn limits(table: &Table<'_>) -> LimitChanges {
    // The bounds are checked when the file is read.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = |key, least: u32, most: u32| {
        table
            .number(key, f64::from(least)..=f64::from(most))
            .map(|number| number as u64)
    };
    let changes = LimitChanges {
        patience: table.number("patience", 0.1..=600.0),
        seconds: table.number("seconds", 1.0..=86_400.0),
        build_seconds: table.number("build_seconds", 1.0..=86_400.0),
        cpu_seconds: whole("cpu_seconds", 1, 86_400),
        memory: whole("memory", 16, 1 << 20),
        processes: whole("processes", 1, 1 << 20),
    };
    table.refuse_unknown_keys();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submission_s_own_stand_above_the_class_s() {
        let class = "client = [\"python3\", \"c.py\"]\nbuild = [\"make\"]\n[limits]\nmemory = 512\npatience = 2\n";
        let class = Instructions::parse(class).expect("is right");
        let own = "client = [\"./c\"]\n[environment]\nMODE = \"x\"\n[limits]\npatience = 3.5\n";
        let both = Instructions::parse(own).expect("is right").over(&class);
        assert_eq!(both.command_of(Role::Client), Some(&["./c".to_owned()][..]));
        assert_eq!(both.command_of(Role::Server), None);
        assert_eq!(both.build, Some(vec!["make".to_owned()]));
        assert_eq!(both.environment, [("MODE".to_owned(), "x".to_owned())]);
        assert_eq!(both.limits.patience, Some(3.5));
        assert_eq!(both.limits.applied_to(Limits::default()).memory, 512);
    }

    #[test]
    fn mistakes_are_reported_with_their_place() {
        let long = format!("build = [\"sh\", \"-c\", \"{}\"]", "x".repeat(4096));
        for (source, line, message) in [
            ("sever = [\"x\"]", 1, "has no key `sever`"),
            (
                "\nserver = \"python3 server.py\"",
                2,
                "`server` is a list of strings",
            ),
            ("[limits]\nmemory = 0", 2, "`memory` is a number from 16 to"),
            ("[limits]\nmemroy = 5", 2, "[limits] has no key `memroy`"),
            ("[environment]\n\"a=b\" = \"c\"", 1, "cannot be set"),
            ("server = []", 1, "`server` is empty"),
            (
                "client = [\"c\", \"{address}\"]",
                1,
                "{address} is not a placeholder",
            ),
            (
                "server = [\"a\\u0000b\"]",
                1,
                "cannot be passed to a program",
            ),
            ("server = [", 1, ""),
            (&long, 1, "`build` is longer than 4 KiB"),
        ] {
            let mistakes = Instructions::parse(source).expect_err(source);
            assert_eq!(mistakes[0].line, line, "{mistakes:?}");
            assert!(mistakes[0].message.contains(message), "{mistakes:?}");
        }
    }
}
