//! A log for a person: who came, spoke and left.

use std::fmt;
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::time::Duration;

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

/// Gathers what happens in one wake-up, and has it written to standard error at once, by a thread of its
/// own: nobody in the room waits for whoever reads the log, or does not.
#[derive(Debug)]
pub struct Log {
    level: Level,
    pending: String,
    /// Lines that nobody took in time.
    lost: usize,
    writer: Option<Writer>,
}

/// The thread that writes, which there is once there is something to be written.
#[derive(Debug)]
struct Writer {
    texts: SyncSender<String>,
    is_done: Receiver<()>,
}

/// How many wake-ups' worth of log may wait to be written: then what comes is lost, and that is said.
const MOST_WAITING: usize = 64;
/// How long the last words of the log may take.
const LAST_WORDS: Duration = Duration::from_millis(500);

impl Log {
    /// Logs this level and those before it.
    pub fn new(level: Level) -> Log {
        Log {
            level,
            pending: String::new(),
            lost: 0,
            writer: None,
        }
    }

    /// Notes one line. Others have written parts of it, so what a terminal would act on is escaped.
    pub fn note(&mut self, level: Level, line: fmt::Arguments<'_>) {
        if level <= self.level {
            push_escaped(&mut self.pending, &line.to_string());
            self.pending.push('\n');
        }
    }

    /// Has written what was noted.
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
    /// Waits a little until what was noted is written.
    fn drop(&mut self) {
        self.flush();
        if let Some(Writer { texts, is_done }) = self.writer.take() {
            drop(texts);
            let _ = is_done.recv_timeout(LAST_WORDS);
        }
    }
}

impl Writer {
    fn start() -> Writer {
        let (texts, to_write) = sync_channel::<String>(MOST_WAITING);
        let (done, is_done) = channel();
        std::thread::spawn(move || {
            for text in to_write {
                // A log that nobody reads any more is no reason to stop.
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
            let _ = done.send(());
        });
        Writer { texts, is_done }
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
