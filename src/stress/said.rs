//! What a sender said last, byte for byte: whoever hears the very same bytes heard the right messages, and one
//! comparison shows it for all of them.

use std::ops::Range;

use super::message::Message;

/// The last messages of one sender, as it wrote them. All its lines are equally long.
#[derive(Debug, Default)]
pub struct Said {
    /// Of whole lines, their ends included.
    bytes: Vec<u8>,
    /// How long each line is; 0 before the first.
    line: usize,
    /// The number of the first message that is kept.
    first: u64,
    /// Of messages that were meant to be sent at the same time: the number of the first, and that time.
    times: Vec<(u64, u64)>,
}

impl Said {
    /// Composes a message, keeps it, and returns its line with its end. Of what was said before, so many bytes are
    /// kept at least.
    pub fn say(&mut self, message: Message, size: usize, kept: usize) -> &[u8] {
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

    /// All but the last so many bytes, or a line more.
    fn forget(&mut self, kept: usize) {
        let lines = self.bytes.len().saturating_sub(kept) / self.line;
        self.bytes.drain(..lines * self.line);
        self.first += lines as u64;
        let before = self
            .times
            .partition_point(|(number, _)| *number <= self.first);
        self.times.drain(..before.saturating_sub(1));
    }

    /// Which messages, from this number on, `heard` begins with. None, where it begins otherwise, or where
    /// they are no longer kept.
    pub fn found_in(&self, heard: &[u8], number: u64) -> Range<u64> {
        let from = number
            .checked_sub(self.first)
            .and_then(|skipped| usize::try_from(skipped).ok());
        let said = from.and_then(|skipped| self.bytes.get(skipped * self.line..));
        let lines = said.map_or(0, |said| self.equal_lines(said, heard));
        number..number + lines as u64
    }

    /// How many whole lines both begin with.
    fn equal_lines(&self, said: &[u8], heard: &[u8]) -> usize {
        /// Compared at a time, as long as all is equal.
        const LINES: usize = 64;
        if self.line == 0 {
            return 0;
        }
        let mut equal = 0;
        let mut at_once = LINES;
        loop {
            let (from, to) = (equal * self.line, (equal + at_once) * self.line);
            match (said.get(from..to), heard.get(from..to)) {
                (Some(said), Some(heard)) if said == heard => equal += at_once,
                _ if at_once == 1 => return equal,
                _ => at_once /= 2,
            }
        }
    }

    /// How long so many messages are, their line ends included.
    pub fn length(&self, messages: &Range<u64>) -> usize {
        usize::try_from(messages.end - messages.start).unwrap_or(usize::MAX) * self.line
    }

    /// When each of these messages, which are kept, was meant to be sent: times, and how many messages of each.
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

    /// When this message, which is kept, was meant to be sent.
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
    fn nothing_is_found_before_anything_was_said() {
        assert!(Said::default().found_in(b"@c0: what", 0).is_empty());
        assert!(Said::default().found_in(b"", 0).is_empty());
    }

    proptest! {
        #[test]
        fn the_last_messages_are_found_with_their_times(
            times in prop::collection::vec(0_u64..3, 1..60),
            kept in 0..1_000_usize,
            from in any::<prop::sample::Index>(),
            changed in prop::option::of(any::<prop::sample::Index>()),
        ) {
            let mut said = Said::default();
            let mut now = 0;
            let mut lines: Vec<(u64, Vec<u8>)> = Vec::new();
            for (number, passed) in times.iter().enumerate() {
                now += passed;
                let message = Message { sender: 7, number: number as u64, intended: now };
                lines.push((now, said.say(message, SIZE, kept).to_vec()));
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
            let found = said.found_in(&heard, from as u64);
            if is_kept || !found.is_empty() {
                prop_assert_eq!(found.clone(), from as u64..(from + equal) as u64);
                prop_assert_eq!(said.length(&found), equal * line);
            }
            let found_times: Vec<u64> =
                said.times(&found).flat_map(|(time, count)| vec![time; usize::try_from(count).unwrap()]).collect();
            let expected: Vec<u64> = lines[from..].iter().take(found_times.len()).map(|(time, _)| *time).collect();
            prop_assert_eq!(found_times.len() as u64, found.end - found.start);
            prop_assert_eq!(found_times, expected);
        }
    }
}
