//! The last lines that a sender sent. If a client hears the same bytes, a single comparison shows
//! that it heard the right messages.

use std::ops::Range;

use super::message::Message;

/// The last messages of one sender. All its lines have the same length.
#[derive(Debug, Default)]
pub struct SentLog {
    /// Whole lines with their ends.
    bytes: Vec<u8>,
    /// Length of each line; 0 before the first one.
    line: usize,
    /// Number of the first message in `bytes`.
    first: u64,
    /// For each group of messages that were due at the same time: the number of its first message,
    /// and that time.
    times: Vec<(u64, u64)>,
}

impl SentLog {
    /// Composes a message, stores it, and returns its line with its end. Keeps at least the last
    /// `kept` bytes of earlier messages.
    pub fn append(&mut self, message: Message, size: usize, kept: usize) -> &[u8] {
        if self.bytes.len() > 2 * kept.max(self.line) {
            self.forget(kept);
        }
        if self.bytes.is_empty() {
            self.first = message.number;
        }
        if self
            .times
            .last()
            .is_none_or(|(_, time)| *time != message.intended)
        {
            self.times.push((message.number, message.intended));
        }
        let start = self.bytes.len();
        message.compose(size, &mut self.bytes);
        self.line = self.bytes.len() - start;
        &self.bytes[start..]
    }

    /// Drops all but the last `kept` bytes, or up to one line more.
    fn forget(&mut self, kept: usize) {
        let lines = self.bytes.len().saturating_sub(kept) / self.line;
        self.bytes.drain(..lines * self.line);
        self.first += lines as u64;
        let before = self
            .times
            .partition_point(|(number, _)| *number <= self.first);
        self.times.drain(..before.saturating_sub(1));
    }

    /// The messages, starting with this number, that are at the start of `heard`. The range is
    /// empty if `heard` starts differently, or if they are no longer stored.
    pub fn found_in(&self, heard: &[u8], number: u64) -> Range<u64> {
        let from = number
            .checked_sub(self.first)
            .and_then(|skipped| usize::try_from(skipped).ok());
        let sent_log = from.and_then(|skipped| self.bytes.get(skipped * self.line..));
        let lines = sent_log.map_or(0, |sent_log| self.equal_lines(sent_log, heard));
        number..number + lines as u64
    }

    /// Number of whole lines that are the same at the start of both.
    fn equal_lines(&self, sent_log: &[u8], heard: &[u8]) -> usize {
        /// Number of lines to compare at a time, while they are equal.
        const LINES: usize = 64;
        if self.line == 0 {
            return 0;
        }
        let mut equal = 0;
        let mut at_once = LINES;
        loop {
            let (from, to) = (equal * self.line, (equal + at_once) * self.line);
            match (sent_log.get(from..to), heard.get(from..to)) {
                (Some(sent_log), Some(heard)) if sent_log == heard => equal += at_once,
                _ if at_once == 1 => return equal,
                _ => at_once /= 2,
            }
        }
    }

    /// Length of these messages with their line ends.
    pub fn length(&self, messages: &Range<u64>) -> usize {
        usize::try_from(messages.end - messages.start).unwrap_or(usize::MAX) * self.line
    }

    /// When these stored messages were due: each time, and the number of messages due then.
    pub fn times(&self, messages: &Range<u64>) -> impl Iterator<Item = (u64, u64)> {
        let first = self
            .times
            .partition_point(|(number, _)| *number <= messages.start);
        let end = messages.end;
        let mut from = messages.start;
        (first.saturating_sub(1)..self.times.len()).map_while(move |at| {
            let until = self
                .times
                .get(at + 1)
                .map_or(end, |(number, _)| end.min(*number));
            let count = until.checked_sub(from).filter(|count| *count > 0)?;
            from = until;
            Some((self.times[at].1, count))
        })
    }

    /// When this stored message was due.
    pub fn time(&self, number: u64) -> u64 {
        self.times(&(number..number + 1))
            .next()
            .map_or(0, |(time, _)| time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: usize = 48;

    #[test]
    fn an_empty_log_finds_nothing() {
        assert!(SentLog::default().found_in(b"@c0: what", 0).is_empty());
        assert!(SentLog::default().found_in(b"", 0).is_empty());
    }

    proptest! {
        #[test]
        fn stored_messages_are_found_with_their_times(
            times in prop::collection::vec(0_u64..3, 1..60),
            kept in 0..1_000_usize,
            from in any::<prop::sample::Index>(),
            changed in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut sent_log = SentLog::default();
            let mut now = 0;
            let mut lines: Vec<(u64, Vec<u8>)> = Vec::new();
            for (number, passed) in times.iter().enumerate() {
                now += passed;
                let message = Message { sender: 7, number: number as u64, intended: now };
                lines.push((now, sent_log.append(message, SIZE, kept).to_vec()));
            }
            let from = from.index(lines.len());
            let mut heard: Vec<u8> = lines[from..].iter().flat_map(|(_, line)| line.clone()).collect();
            let line = lines[0].1.len();
            let mut equal = lines.len() - from;
            if let Some(changed) = changed {
                let at = changed.index(heard.len());
                heard[at] ^= 1;
                equal = at / line;
            }
            let is_kept = (lines.len() - from) * line <= kept;
            let found = sent_log.found_in(&heard, from as u64);
            if is_kept || !found.is_empty() {
                prop_assert_eq!(found.clone(), from as u64..(from + equal) as u64);
                prop_assert_eq!(sent_log.length(&found), equal * line);
            }
            let found_times: Vec<u64> =
                sent_log.times(&found).flat_map(|(time, count)| vec![time; usize::try_from(count).unwrap()]).collect();
            let expected: Vec<u64> = lines[from..].iter().take(found_times.len()).map(|(time, _)| *time).collect();
            prop_assert_eq!(found_times.len() as u64, found.end - found.start);
            prop_assert_eq!(found_times, expected);
        }
    }
}
