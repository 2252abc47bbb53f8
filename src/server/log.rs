//! A log for a person: who came, spoke and left.

use std::fmt::{self, Write as _};
use std::io::Write as _;

/// How much is logged; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What the person who runs the server may want to do something about.
    Problems,
    /// Who comes, speaks and leaves.
    Room,
    /// Connections that never became more than that.
    Connections,
}

/// Gathers what happens in one wake-up, and writes it to standard error at once.
#[derive(Debug)]
pub struct Log {
    level: Level,
    pending: String,
}

impl Log {
    /// Logs this level and those before it.
    pub fn new(level: Level) -> Log {
        let pending = String::new();
        Log { level, pending }
    }

    /// Notes one line.
    pub fn note(&mut self, level: Level, line: fmt::Arguments<'_>) {
        if level <= self.level {
            let _ = writeln!(self.pending, "{line}");
        }
    }

    /// Writes what was noted. A log that nobody reads any more is no reason to stop.
    pub fn flush(&mut self) {
        if !self.pending.is_empty() {
            let _ = std::io::stderr().write_all(self.pending.as_bytes());
            self.pending.clear();
        }
    }
}

/// What others wrote, with everything escaped that a terminal would act on.
pub struct Harmless<T>(pub T);

impl<T: AsRef<str>> fmt::Display for Harmless<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_ref();
        while let Some(at) = rest.find(is_harmful) {
            let (before, from) = rest.split_at(at);
            let character = from.chars().next().expect("find found one");
            write!(f, "{before}{}", character.escape_default())?;
            rest = &from[character.len_utf8()..];
        }
        f.write_str(rest)
    }
}

/// Controls, and what turns the direction of a line or breaks it.
fn is_harmful(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_no_controls() {
        let shown = Harmless("a\u{1b}[2Jé\u{9b}\u{202e}\tz").to_string();
        assert_eq!(shown, r"a\u{1b}[2Jé\u{9b}\u{202e}\tz");
    }
}
