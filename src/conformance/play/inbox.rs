//! Splits what arrives on a connection into messages, at the ends that the sender marks. Pure.
//!
//! If the sender marks no ends, two things help: the lines that the transcript expects word for word, and where one
//! read ended and the next began, because such a program usually makes one write for each message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::fence::FENCE;
use crate::conformance::program::dialect::{Framing, HEADER, length_in};
use crate::conformance::program::profile::Profile;
use crate::transcript::syntax::{Action, Transcript};

/// Words of the protocol that are the same in every conversation.
const PHRASES: [&str; 4] = [
    "200 Registration successful",
    "400 Invalid registration",
    "401 Client already registered",
    "DISCONNECT CHAT/1.0",
];

/// Every message that a transcript knows word for word, the longest first.
pub type Known = Arc<[Vec<u8>]>;

/// The messages that may arrive in a replay of `transcript`.
pub fn known_messages(transcript: &Transcript) -> Known {
    let mut own_name = "";
    known(transcript.steps.iter().flat_map(move |step| {
        match &step.action {
            Action::ClientStarts { name, .. } => {
                own_name = name;
                Vec::new()
            }
            // Some clients send a message for an empty line, too. What is behind a half line is no empty one; it does no harm.
            Action::Types { text, .. } if text.split('\n').rev().skip(1).any(str::is_empty) => {
                vec![
                    format!("@{own_name}: ").into(),
                    format!("@{own_name}:").into(),
                ]
            }
            Action::Says { line, .. }
            | Action::Gets {
                line,
                open_ended: false,
                ..
            } => vec![line.as_bytes().to_vec()],
            Action::Sends { bytes, .. } | Action::Hears { bytes, .. } => bytes
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect(),
            _ => Vec::new(),
        }
    }))
}

/// These messages, and those that are the same in every conversation.
pub fn known(messages: impl Iterator<Item = Vec<u8>>) -> Known {
    let phrases = PHRASES.iter().map(|phrase| phrase.as_bytes().to_vec());
    let mut known: Vec<Vec<u8>> = phrases.chain(messages).collect();
    known.retain(|message| !message.is_empty());
    known.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    known.dedup();
    known.into()
}

/// How to find the messages in what a program writes.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    framing: Framing,
    adds_to_messages: bool,
    leaves_notices_unended: bool,
}

impl Reading {
    /// How a program with this profile is read, where it writes in this framing.
    pub fn of(framing: Framing, profile: &Profile) -> Reading {
        Reading {
            framing,
            adds_to_messages: profile.adds_to_messages,
            leaves_notices_unended: profile.leaves_notices_unended,
        }
    }
}

/// Messages that have arrived and are not taken yet, and what arrived after the last of them.
#[derive(Debug)]
pub struct Inbox {
    reading: Reading,
    known: Known,
    messages: VecDeque<Vec<u8>>,
    /// Memory of the messages that are not taken yet.
    held: usize,
    /// Number of messages before those that are not taken yet.
    taken: usize,
    /// What arrived after the last message begins at `begins_at`; the bytes before it are used up.
    buffer: Vec<u8>,
    begins_at: usize,
    /// Where each read ended in `buffer`, in order; only in [`Framing::Bare`].
    reads: VecDeque<usize>,
    /// Shared with the other inboxes of a replay; and how much of it belongs to this one.
    memory: Memory,
    counted: usize,
}

/// Memory of all inboxes of one replay, in bytes.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<AtomicUsize>);

/// Maximum memory of all inboxes of a replay, apart from [`ALWAYS_HELD`] for each.
const MOST_HELD_BY_ALL: usize = 32 << 20;
/// Memory that an inbox may always use, so that one flood does not silence the other inboxes.
const ALWAYS_HELD: usize = 256 << 10;
/// Maximum memory of messages that are not taken yet, with an unfinished one. Beyond it nothing more is received.
const MOST_HELD: usize = 16 << 20;
/// Memory of a message beyond its bytes.
const HELD_BY_EACH: usize = 48;

impl Inbox {
    /// An empty inbox, for a program that is read so.
    pub fn new(reading: Reading, known: Known, memory: Memory) -> Inbox {
        Inbox {
            reading,
            known,
            messages: VecDeque::new(),
            held: 0,
            taken: 0,
            buffer: Vec::new(),
            begins_at: 0,
            reads: VecDeque::new(),
            memory,
            counted: 0,
        }
    }

    /// Whether so much is waiting that nothing more should be received yet.
    pub fn is_full(&self) -> bool {
        let own = self.counted;
        let all = self.memory.0.load(Ordering::Relaxed);
        own >= MOST_HELD || own >= ALWAYS_HELD && all >= MOST_HELD_BY_ALL
    }

    /// Updates the total of all inboxes.
    fn count_memory(&mut self) {
        let now = self.held + self.unfinished().len();
        let before = std::mem::replace(&mut self.counted, now);
        self.memory.0.fetch_add(now, Ordering::Relaxed);
        self.memory.0.fetch_sub(before, Ordering::Relaxed);
    }

    /// These bytes arrived, in one read.
    pub fn receive(&mut self, received: &[u8]) {
        match self.reading.framing {
            Framing::Line | Framing::Crlf => self.receive_lines(received),
            Framing::Bare => {
                self.buffer.extend_from_slice(received);
                self.reads.push_back(self.buffer.len());
                while self.cut_bare() {}
                self.forget_cut_off();
            }
            Framing::Length => {
                self.buffer.extend_from_slice(received);
                self.cut_lengths();
                self.forget_cut_off();
            }
        }
        self.count_memory();
    }

    /// LF ends a line; a CR before it belongs to the end.
    fn receive_lines(&mut self, received: &[u8]) {
        for piece in received.split_inclusive(|byte| *byte == b'\n') {
            self.buffer.extend_from_slice(piece);
            if self.buffer.ends_with(b"\n") {
                let mut line = without_end(&self.buffer).to_vec();
                self.buffer.clear();
                if let Some(begins_at) = self.message_after_notice(&line) {
                    let message = line.split_off(begins_at);
                    self.keep(line);
                    line = message;
                }
                self.keep(line);
            }
        }
    }

    /// Where a whole message begins that ends a line, for a program that leaves the notice before it without an end.
    fn message_after_notice(&self, line: &[u8]) -> Option<usize> {
        if !self.reading.leaves_notices_unended {
            return None;
        }
        let is_protocol = |known: &Vec<u8>| {
            known.starts_with(b"@") || PHRASES.iter().any(|phrase| phrase.as_bytes() == known)
        };
        let mut known = self.known.iter().filter(|known| is_protocol(known));
        let message = known.find(|known| line.ends_with(known));
        let begins_at = match message {
            Some(message) => line.len() - message.len(),
            None => {
                let fence = memchr::memmem::find(line, FENCE.as_bytes())?;
                memchr::memrchr(b'@', &line[..fence])?
            }
        };
        (begins_at > 0).then_some(begins_at)
    }

    fn keep(&mut self, message: Vec<u8>) {
        self.held += message.len() + HELD_BY_EACH;
        self.messages.push_back(message);
    }

    fn cut_lengths(&mut self) {
        while let Some(length) = length_in(self.unfinished()) {
            let Some(message) = self.unfinished()[HEADER..].get(..length) else {
                break;
            };
            let message = message.to_vec();
            self.keep(message);
            self.begins_at += HEADER + length;
        }
    }

    /// Moves the rest to the front of the buffer, once it is shorter than the used bytes before it.
    fn forget_cut_off(&mut self) {
        if self.begins_at < self.unfinished().len() {
            return;
        }
        self.buffer.drain(..self.begins_at);
        let cut = std::mem::take(&mut self.begins_at);
        self.reads.iter_mut().for_each(|read| *read -= cut);
    }

    /// Takes the first message off the buffer. Returns false if there is none, or if more of it may arrive.
    fn cut_bare(&mut self) -> bool {
        let Some(first_read) = self.reads.front().map(|read| read - self.begins_at) else {
            return false;
        };
        if self.may_go_on() {
            return false;
        }
        let length = self
            .known_at_start()
            .or_else(|| self.saying_within(first_read))
            .unwrap_or(first_read);
        self.cut(length);
        true
    }

    /// Length of the longest known message at the beginning of the buffer, if another message begins after it in the
    /// same read.
    fn known_at_start(&self) -> Option<usize> {
        let unfinished = self.unfinished();
        let is_whole = |message: &&Vec<u8>| {
            let Some(rest) = unfinished.strip_prefix(message.as_slice()) else {
                return false;
            };
            let end = self.begins_at + message.len();
            let read = self.reads.iter().find(|read| **read >= end);
            let behind = read.map_or(rest, |read| &rest[..read - end]);
            begins_message(behind)
        };
        self.known.iter().find(is_whole).map(Vec::len)
    }

    /// Whether the whole buffer is the beginning of a longer known message.
    fn may_go_on(&self) -> bool {
        let unfinished = self.unfinished();
        let is_longer = |message: &&Vec<u8>| message.len() > unfinished.len();
        let mut longer = self.known.iter().filter(is_longer);
        longer.any(|message| message.starts_with(unfinished))
    }

    /// Position in the first read at which a user's message begins: it is not part of what is before it.
    fn saying_within(&self, first_read: usize) -> Option<usize> {
        if self.reading.adds_to_messages {
            return None;
        }
        let read = &self.unfinished()[..first_read];
        let mut places = memchr::memchr_iter(b'@', read).filter(|place| *place > 0);
        places.find(|place| {
            let mut sayings = self.known.iter().filter(|known| known.starts_with(b"@"));
            sayings.any(|saying| read[*place..].starts_with(saying))
        })
    }

    fn cut(&mut self, length: usize) {
        let (message, rest) = self.unfinished().split_at(length);
        // Some programs write a line end now and then, or relay one that another client sent.
        let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let skipped = length + ends.count();
        let message = without_end(message).to_vec();
        self.begins_at += skipped;
        while self
            .reads
            .front()
            .is_some_and(|read| *read <= self.begins_at)
        {
            self.reads.pop_front();
        }
        if !message.is_empty() {
            self.keep(message);
        }
    }

    /// Nothing followed for long enough: if no ends are marked, the buffer is a message.
    pub fn pause(&mut self) {
        if self.waits_for_pause() {
            self.cut(self.unfinished().len());
            self.forget_cut_off();
            self.count_memory();
        }
    }

    /// Whether [`Inbox::pause`] would complete a message.
    pub fn waits_for_pause(&self) -> bool {
        self.reading.framing == Framing::Bare && !self.unfinished().is_empty()
    }

    /// Takes the next message, without its end.
    pub fn take_next(&mut self) -> Option<Vec<u8>> {
        let message = self.messages.pop_front()?;
        self.let_go_of(&message);
        self.count_memory();
        Some(message)
    }

    fn let_go_of(&mut self, message: &[u8]) {
        self.held -= message.len() + HELD_BY_EACH;
        self.taken += 1;
    }

    /// Takes the messages that are `wanted`; the others stay.
    pub fn take(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
        let (taken, left): (Vec<_>, Vec<_>) =
            self.messages.drain(..).partition(|message| wanted(message));
        self.messages = VecDeque::from(left);
        taken.iter().for_each(|message| self.let_go_of(message));
        self.count_memory();
        taken
    }

    /// The messages that are not taken yet, oldest first.
    pub fn messages(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.messages.iter()
    }

    /// Number of the next message to arrive, counted from the first of all.
    pub fn count(&self) -> usize {
        self.taken + self.messages.len()
    }

    /// The messages that are not taken yet, from number `from` on.
    pub fn messages_from(&self, from: usize) -> impl Iterator<Item = &Vec<u8>> {
        let skipped = from.saturating_sub(self.taken).min(self.messages.len());
        self.messages.range(skipped..)
    }

    /// What arrived after the last message.
    pub fn unfinished(&self) -> &[u8] {
        &self.buffer[self.begins_at..]
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// Whether the bytes after a whole message begin the next one, or are empty.
fn begins_message(rest: &[u8]) -> bool {
    let ends = rest
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    let rest = &rest[ends..];
    let is_status = || {
        let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        digits == 3 && rest.get(3).is_none_or(|byte| *byte == b' ')
    };
    rest.is_empty() || rest.starts_with(b"@") || rest.starts_with(b"DISCONNECT ") || is_status()
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::parse;
    use proptest::prelude::*;
    use std::time::Duration;

    const SAID: [&str; 5] = [
        "@alice: hi",
        "@alice: hi there",
        "@bob: 200 and more",
        "@bob: DISCONNECT CHAT/1.0",
        "DISCONNECT CHAT/1.0",
    ];

    fn inbox(framing: Framing) -> Inbox {
        let said: String = SAID
            .iter()
            .map(|line| format!("alice < {line}\n"))
            .collect();
        let source = format!("# A case.\ncovers S-MSG-1\n\nalice joins\n{said}");
        let transcript = parse("case", &source).expect("is a transcript");
        let reading = Reading::of(framing, &Profile::PLAIN);
        Inbox::new(reading, known_messages(&transcript), Memory::default())
    }

    /// The messages in these reads, if a pause follows.
    fn messages(framing: Framing, reads: &[&[u8]]) -> Vec<String> {
        let mut inbox = inbox(framing);
        reads.iter().for_each(|read| inbox.receive(read));
        inbox.pause();
        let messages = inbox.messages();
        messages
            .map(|message| String::from_utf8_lossy(message).into_owned())
            .collect()
    }

    fn bare(reads: &[&str]) -> Vec<String> {
        let reads: Vec<&[u8]> = reads.iter().map(|read| read.as_bytes()).collect();
        messages(Framing::Bare, &reads)
    }

    #[test]
    fn a_read_is_a_message_where_nothing_else_is_known() {
        assert_eq!(bare(&["hello", "bob joined"]), ["hello", "bob joined"]);
        assert_eq!(bare(&["@alice: hi you"]), ["@alice: hi you"]);
        assert_eq!(bare(&["@alice:  hi"]), ["@alice:  hi"]);
        assert_eq!(bare(&["@alice: hi "]), ["@alice: hi "]);
        assert_eq!(bare(&["200"]), ["200"]);
        assert_eq!(
            bare(&["200 Registration successful!"]),
            ["200 Registration successful!"]
        );
    }

    #[test]
    fn what_is_known_is_found_in_a_read_of_several() {
        assert_eq!(
            bare(&["200 Registration successful@alice: hi"]),
            ["200 Registration successful", "@alice: hi"]
        );
        assert_eq!(
            bare(&["@alice: hi@alice: hi there"]),
            ["@alice: hi", "@alice: hi there"]
        );
        assert_eq!(
            bare(&["bob joined@alice: hi"]),
            ["bob joined", "@alice: hi"]
        );
        assert_eq!(
            bare(&["@alice: hiDISCONNECT CHAT/1.0"]),
            ["@alice: hi", "DISCONNECT CHAT/1.0"]
        );
        // Text is not parsed.
        assert_eq!(
            bare(&["@bob : DISCONNECT CHAT/1.0"]),
            ["@bob : DISCONNECT CHAT/1.0"]
        );
    }

    #[test]
    fn what_is_sent_for_empty_lines_is_known_where_some_are_typed() {
        let typing = |text: &str| {
            let script = format!(
                "# A case.\ncovers C-MSG-1\n\nclient starts as alice\nuser types \"{text}\"\nserver < @alice: hi\n"
            );
            known_messages(&parse("case", &script).expect("is a transcript"))
        };
        let is_known = |text: &str| typing(text).contains(&b"@alice: ".to_vec());
        assert!(is_known(r"\n"));
        assert!(is_known(r"tea\n\n"));
        assert!(!is_known(r"tea\n"));
        assert!(!is_known(r"tea"));
        let mut inbox = Inbox::new(
            Reading::of(Framing::Bare, &Profile::PLAIN),
            typing(r"\n\n"),
            Memory::default(),
        );
        inbox.receive(b"@alice: @alice: @alice: ");
        inbox.receive(b"hi");
        inbox.pause();
        let messages: Vec<Vec<u8>> = inbox.messages().cloned().collect();
        assert_eq!(messages, [&b"@alice: "[..], b"@alice: ", b"@alice: hi"]);
    }

    #[test]
    fn what_is_written_with_a_users_words_belongs_to_them() {
        let read = |profile: Profile, framing, read: &[u8]| {
            let mut inbox = inbox(framing);
            inbox.reading = Reading::of(framing, &profile);
            inbox.receive(read);
            inbox.pause();
            let messages = inbox.messages();
            let text = |message: &Vec<u8>| String::from_utf8_lossy(message).into_owned();
            messages.map(text).collect::<Vec<_>>()
        };
        let adds = Profile {
            adds_to_messages: true,
            ..Profile::PLAIN
        };
        let twice = b"@alice: @alice: hi";
        assert_eq!(read(adds, Framing::Bare, twice), ["@alice: @alice: hi"]);
        let unended = Profile {
            leaves_notices_unended: true,
            ..Profile::PLAIN
        };
        assert_eq!(
            read(unended, Framing::Line, b"Welcome bob!@alice: hi\n"),
            ["Welcome bob!", "@alice: hi"]
        );
        assert_eq!(
            read(
                unended,
                Framing::Line,
                b"Welcome bob!@bob: that was all, number 3\n"
            ),
            ["Welcome bob!", "@bob: that was all, number 3"]
        );
        assert_eq!(
            read(unended, Framing::Line, b"@alice: hi\n"),
            ["@alice: hi"]
        );
    }

    #[test]
    fn line_ends_now_and_then_are_no_part_of_a_message() {
        assert_eq!(
            bare(&["@alice: hi\n", "\r\n", "hello\n"]),
            ["@alice: hi", "hello"]
        );
        assert_eq!(
            bare(&["@alice: hi\n@alice: hi"]),
            ["@alice: hi", "@alice: hi"]
        );
    }

    #[test]
    fn what_may_go_on_waits_for_a_pause() {
        let mut inbox = inbox(Framing::Bare);
        inbox.receive(b"@alice: h");
        assert!(inbox.take_next().is_none() && inbox.waits_for_pause());
        inbox.receive(b"i there");
        assert_eq!(inbox.take_next(), Some(b"@alice: hi there".to_vec()));
        inbox.receive(b"200 Reg");
        inbox.pause();
        assert_eq!(inbox.take_next(), Some(b"200 Reg".to_vec()));
        assert!(!inbox.waits_for_pause());
    }

    #[test]
    fn a_broken_length_stays_unfinished() {
        let mut inbox = inbox(Framing::Length);
        inbox.receive(b"5         hello7         no");
        assert_eq!(inbox.take_next(), Some(b"hello".to_vec()));
        assert!(inbox.take_next().is_none());
        assert_eq!(inbox.unfinished(), b"7         no");
        inbox.receive(b" bytesand then no length at all");
        assert_eq!(inbox.take_next(), Some(b"no byte".to_vec()));
        assert!(inbox.take_next().is_none());
    }

    #[test]
    fn many_inboxes_hold_little_more_than_one_and_none_is_shut_out() {
        const MANY: usize = 16;
        const READ: usize = 64 << 10;
        let memory = Memory::default();
        let held = || memory.0.load(Ordering::Relaxed);
        let reading = Reading::of(Framing::Line, &Profile::PLAIN);
        let new = || Inbox::new(reading, Known::from([]), memory.clone());
        let mut all: Vec<Inbox> = std::iter::repeat_with(new).take(MANY).collect();
        for inbox in &mut all {
            while !inbox.is_full() {
                inbox.receive(&[b'x'; READ]);
            }
        }
        assert!(held() >= MOST_HELD_BY_ALL);
        assert!(held() <= MOST_HELD_BY_ALL + MANY * (ALWAYS_HELD + READ));
        assert!(all.iter().all(|inbox| inbox.counted >= ALWAYS_HELD));
        all.truncate(1);
        assert_eq!(held(), all[0].counted);
        all[0].receive(b"\n");
        assert_eq!(all[0].take_next().map(|line| line.len()), Some(MOST_HELD));
        assert_eq!(held(), 0);
        assert!(!all[0].is_full());
    }

    /// Processor time of this thread, which a busy machine does not change much.
    fn processor_time() -> Duration {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(time).expect("is a duration")
    }

    /// Megabytes of hostile input, in reads as they arrive from a socket.
    #[test]
    fn nothing_that_comes_is_dear_to_take_apart() {
        const SIZE: usize = 2 << 20;
        const MOST: Duration = Duration::from_secs(4);
        for framing in [Framing::Line, Framing::Bare, Framing::Length] {
            for piece in [
                "\n",
                "a\n",
                "x",
                "@",
                "@alice: hi",
                "x@alice: hi",
                "@alice: hi\n",
                "200 ",
                "7",
                "1         x",
                "@alice: hi2",
                "\r",
            ] {
                let all = piece.repeat(SIZE / piece.len());
                let mut inbox = inbox(framing);
                let begun = processor_time();
                let mut most = 0;
                for read in all.as_bytes().chunks(64 * 1024) {
                    if inbox.is_full() {
                        while inbox.take_next().is_some() {}
                    }
                    inbox.receive(read);
                    most = most.max(inbox.held);
                }
                inbox.pause();
                let took = processor_time() - begun;
                assert!(took < MOST, "{framing:?} {piece:?} took {took:?}");
                assert!(most < MOST_HELD + 64 * 1024 * (HELD_BY_EACH + 1));
            }
        }
    }

    #[test]
    fn messages_are_counted_from_the_first_of_all() {
        let mut inbox = inbox(Framing::Line);
        inbox.receive(b"a\nb\nc\n");
        assert_eq!(inbox.take_next(), Some(b"a".to_vec()));
        let from = inbox.count();
        inbox.receive(b"d\n");
        assert_eq!(inbox.messages_from(from).collect::<Vec<_>>(), [b"d"]);
        assert_eq!(inbox.take(|message| message == b"c"), [b"c"]);
        assert!(!inbox.is_full() && inbox.held == 2 * (1 + HELD_BY_EACH));
    }

    proptest! {
        #[test]
        fn bare_messages_survive_however_writes_run_together(
            said in proptest::collection::vec(0..SAID.len(), 1..12),
            joined in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let mut reads: Vec<String> = Vec::new();
            for (index, which) in said.iter().enumerate() {
                match reads.last_mut().filter(|_| joined[index]) {
                    Some(read) => read.push_str(SAID[*which]),
                    None => reads.push(SAID[*which].to_owned()),
                }
            }
            let reads: Vec<&str> = reads.iter().map(String::as_str).collect();
            let expected: Vec<&str> = said.iter().map(|which| SAID[*which]).collect();
            prop_assert_eq!(bare(&reads), expected);
        }

        #[test]
        fn marked_messages_survive_any_cut(
            said in proptest::collection::vec("[ -~]{0,40}", 0..12),
            size in 1usize..64,
        ) {
            for framing in [Framing::Line, Framing::Length] {
                let all: Vec<u8> = said.iter().flat_map(|text| framing.frame(text.as_bytes())).collect();
                let reads: Vec<&[u8]> = all.chunks(size).collect();
                prop_assert_eq!(messages(framing, &reads), said.clone());
            }
        }

        #[test]
        fn nothing_is_lost_of_what_came(
            reads in proptest::collection::vec(proptest::collection::vec(32u8..127, 1..30), 0..10),
        ) {
            let reads: Vec<&[u8]> = reads.iter().map(Vec::as_slice).collect();
            let messages = messages(Framing::Bare, &reads);
            prop_assert_eq!(messages.concat().into_bytes(), reads.concat());
        }
    }
}
