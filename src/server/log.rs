//! A log for a person: who came, spoke and left.

use std::fmt;
use std::io::Write;

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

    /// Notes one line. Others have written parts of it, so what a terminal would act on is escaped.
    pub fn note(&mut self, level: Level, line: fmt::Arguments<'_>) {
        if level <= self.level {
            push_escaped(&mut self.pending, &line.to_string());
            self.pending.push('\n');
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

fn push_escaped(log: &mut String, line: &str) {
    for character in line.chars() {
        match is_harmful(character) {
            true => log.extend(character.escape_default()),
            false => log.push(character),
        }
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
        let mut log = Log::new(Level::Room);
        log.note(Level::Room, format_args!("a\u{1b}[2Jé\u{9b}\u{202e}\tz\n"));
        assert_eq!(log.pending, "a\\u{1b}[2Jé\\u{9b}\\u{202e}\\tz\\n\n");
    }
}
