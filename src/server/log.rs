//! The log, for people: who joined, what they said, who left.

use std::fmt;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

/// How much to log. Each level includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Problems that the operator may want to fix.
    Problems,
    /// Who joins, speaks and leaves.
    Room,
    /// Connections that never registered, too.
    Connections,
}

/// Collects the events of one wake-up and writes them to standard error in one go, on a thread of
/// its own: a slow reader of the log must not slow down the room.
#[derive(Debug)]
pub struct Log {
    level: Level,
    pending: String,
    /// Number of lines dropped because the log's reader was too slow.
    lost: usize,
    writer: Option<Writer>,
}

/// The writer thread. It starts with the first line.
#[derive(Debug)]
struct Writer {
    texts: SyncSender<String>,
    is_done: Receiver<()>,
}

/// Maximum number of wake-ups whose lines wait to be written. Beyond that, lines are dropped and
/// the log says how many.
const MAX_WAITING: usize = 64;
/// How long to wait for the last lines to be written at shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

impl Log {
    /// Logs events of this level and the ones before it.
    pub fn new(level: Level) -> Log {
        Log {
            level,
            pending: String::new(),
            lost: 0,
            writer: None,
        }
    }

    /// Adds a line. It may contain text from clients, so characters that control a terminal are
    /// escaped.
    pub fn note(&mut self, level: Level, line: fmt::Arguments<'_>) {
        if level <= self.level {
            push_escaped(&mut self.pending, &line.to_string());
            self.pending.push('\n');
        }
    }

    /// Hands the collected lines to the writer thread.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let writer = self.writer.get_or_insert_with(Writer::start);
        let mut text = std::mem::take(&mut self.pending);
        let lines = text.lines().count();
        if self.lost > 0 {
            let lost = self.lost;
            text.insert_str(
                0,
                &format!("({lost} lines of this log were read too late)\n"),
            );
        }
        match writer.texts.try_send(text) {
            Ok(()) => self.lost = 0,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => self.lost += lines,
        }
    }
}

impl Drop for Log {
    /// Waits a short time for the remaining lines to be written.
    fn drop(&mut self) {
        self.flush();
        if let Some(Writer { texts, is_done }) = self.writer.take() {
            drop(texts);
            let _ = is_done.recv_timeout(DRAIN_TIMEOUT);
        }
    }
}

impl Writer {
    fn start() -> Writer {
        let (texts, to_write) = sync_channel::<String>(MAX_WAITING);
        let (done, is_done) = channel();
        std::thread::spawn(move || {
            for text in to_write {
                // A log that nobody reads is no reason to stop serving.
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
            let _ = done.send(());
        });
        Writer { texts, is_done }
    }
}

fn push_escaped(log: &mut String, line: &str) {
    for character in line.chars() {
        match needs_escape(character) {
            true => log.extend(character.escape_default()),
            false => log.push(character),
        }
    }
}

/// Control characters, and characters that break a line or change its direction.
fn needs_escape(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let mut log = Log::new(Level::Room);
        log.note(Level::Room, format_args!("a\u{1b}[2Jé\u{9b}\u{202e}\tz\n"));
        assert_eq!(log.pending, "a\\u{1b}[2Jé\\u{9b}\\u{202e}\\tz\\n\n");
    }
}
