//! Compares what each client heard with what was sent.
//!
//! Every client that is registered at the time must hear each message exactly once, unchanged, and
//! in its sender's order; the sender must not hear it (S-MSG-1, S-MSG-2). A client that is not
//! registered must hear none (S-MSG-3).

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use super::message::{Message, microseconds, name};
use super::sent_log::SentLog;

/// Maximum number of breaches to report in full. The others are only counted.
const MAX_REPORTED: usize = 8;
/// Number of lines to show before and after.
const AROUND: usize = 3;
/// How many bytes of sent lines to keep for fast comparison, for all senders together. Older lines
/// are checked one by one, which is slower.
pub const KEPT: usize = 4 << 20;
/// The same for unpaced senders, who can be ahead of the readers by all buffers in between.
pub const KEPT_UNPACED: usize = 128 << 20;

/// The kinds of breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Messages did not arrive.
    Lost,
    /// A message arrived after a later one of the same sender.
    OutOfOrder,
    /// A message arrived more than once.
    Repeated,
    /// A line arrived that nobody sent.
    Changed,
    /// A message came back to its sender.
    Returned,
    /// A message reached a client that is not registered, or was sent before it registered.
    Unregistered,
    /// The server closed the connection of a client that did nothing wrong.
    Closed,
    /// A registration was refused or not answered.
    Refused,
    /// The server stopped reading.
    Stuck,
}

/// A line that a client heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// When, in microseconds since the load began.
    pub at: u64,
    /// Its text.
    pub line: String,
}

/// A breach: one way in which the server failed under load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Its kind.
    pub kind: Kind,
    /// Number of the client that heard it, or did not hear it.
    pub client: usize,
    /// What happened, as a phrase that follows the client's name.
    pub what: String,
    /// What the client heard shortly before, at, and shortly after the breach.
    pub around: Vec<Heard>,
    /// Index in `around` of the line that revealed the breach, if one did.
    pub revealed_by: Option<usize>,
}

/// All breaches, the first ones in full.
#[derive(Debug, Default)]
pub struct Witness {
    senders: usize,
    size: usize,
    /// How many bytes of sent lines to keep.
    kept: usize,
    hearers: Vec<Hearer>,
    /// The last lines of each sender.
    sent_log: Vec<SentLog>,
    /// For each client and sender, the messages that had not arrived when later ones did, in order.
    missing: HashMap<(usize, usize), Vec<Range<u64>>>,
    /// The first gaps in full.
    gaps: Vec<Gap>,
    counts: Vec<(Kind, u64)>,
    breaches: Vec<Breach>,
}

/// What one client has heard so far.
#[derive(Debug, Default, Clone)]
struct Hearer {
    /// For each sender, which message may come next.
    next: Vec<Next>,
    recent: VecDeque<(Duration, Result<Message, String>)>,
    /// Breachs that still collect the lines after them, and how many they need.
    follows: Vec<(StoredBreach, usize)>,
}

/// Where a breach is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoredBreach {
    Breach(usize),
    Gap(usize),
}

/// The numbers that the next message of a sender may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    /// Messages below this were sent before the client registered, or have arrived.
    least: u64,
    /// A message above this leaves a gap.
    most: u64,
}

/// A client heard a message before earlier ones of the same sender.
#[derive(Debug)]
struct Gap {
    client: usize,
    sender: usize,
    numbers: Range<u64>,
    /// Its state when the gap was found.
    breach: Breach,
}

/// Consecutive messages of one sender, as expected.
#[derive(Debug)]
pub struct Run<'w> {
    sent_log: &'w SentLog,
    messages: Range<u64>,
}

impl Run<'_> {
    /// Number of messages.
    pub fn count(&self) -> u64 {
        self.messages.end - self.messages.start
    }

    /// Length of the messages with their line ends.
    pub fn length(&self) -> usize {
        self.sent_log.length(&self.messages)
    }

    /// When they were due, in microseconds since the load began, with the number of messages due at
    /// each time.
    pub fn times(&self) -> impl Iterator<Item = (u64, u64)> {
        self.sent_log.times(&self.messages)
    }
}

impl Hearer {
    fn remember(&mut self, at: Duration, heard: Result<Message, String>) {
        if self.recent.len() > AROUND {
            self.recent.pop_front();
        }
        self.recent.push_back((at, heard));
    }
}

impl Witness {
    /// A witness for `clients` clients, the first `senders` of which send texts of `size` bytes. It
    /// keeps `kept` bytes of sent lines for comparison.
    pub fn new(clients: usize, senders: usize, size: usize, kept: usize) -> Witness {
        Witness {
            senders,
            size,
            kept,
            hearers: vec![Hearer::default(); clients],
            sent_log: (0..senders).map(|_| SentLog::default()).collect(),
            ..Witness::default()
        }
    }

    /// This client is registered from now on. For each sender, everybody had heard the messages
    /// below `relayed` when it sent its registration, so they must not arrive any more. The
    /// messages from `sent` on were sent after it was registered, so all of them must arrive.
    pub fn registered(&mut self, client: usize, relayed: &[u64], sent: &[u64]) {
        let next = relayed.iter().zip(sent);
        self.hearers[client].next = next.map(|(&least, &most)| Next { least, most }).collect();
    }

    /// For each sender, the number of messages that this client has heard or does not need to hear.
    pub fn heard(&self, client: usize) -> impl Iterator<Item = u64> {
        self.hearers[client].next.iter().map(|next| next.least)
    }

    /// Whether this client has heard everything that was sent, apart from its own messages.
    pub fn has_heard_all(&self, client: usize, sent: &[u64]) -> bool {
        let mut of_each = self.hearers[client].next.iter().zip(sent).enumerate();
        of_each.all(|(sender, (next, sent))| sender == client || next.most >= *sent)
    }

    /// Whether a line claims to be a message of this load. Other lines are notices from the server
    /// or messages of other clients, and are ignored.
    pub fn claims_to_be_message(line: &[u8]) -> bool {
        let after_name = line.strip_prefix(b"@c");
        after_name.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    }

    /// Composes the next message of a sender and returns its line with its end.
    pub fn say(&mut self, message: Message) -> &[u8] {
        self.sent_log[message.sender].append(message, self.size, self.kept / self.senders)
    }

    /// Checks the start of what a registered client heard, if it equals the next lines of a sender.
    /// Equivalent to calling [`Witness::hear`] for each of these lines, but in one comparison.
    /// Returns `None` if the start differs.
    pub fn hear_run(&mut self, client: usize, at: Duration, heard: &[u8]) -> Option<Run<'_>> {
        let sender = Message::sender_of(heard)?;
        let hearer = &mut self.hearers[client];
        let next = hearer.next.get_mut(sender)?;
        // Line by line instead: the client's own messages, a client that has just registered, and
        // lines to show after a breach.
        if sender == client || next.least < next.most || !hearer.follows.is_empty() {
            return None;
        }
        let sent_log = &self.sent_log[sender];
        let messages = sent_log.found_in(heard, next.most);
        if messages.is_empty() {
            return None;
        }
        *next = Next {
            least: messages.end,
            most: messages.end,
        };
        let shown = messages
            .end
            .saturating_sub(AROUND as u64 + 1)
            .max(messages.start)..messages.end;
        for number in shown {
            let message = Message {
                sender,
                number,
                intended: sent_log.time(number),
            };
            hearer.remember(at, Ok(message));
        }
        Some(Run { sent_log, messages })
    }

    /// Checks a line that a registered client heard. Returns the message if it is the expected one.
    pub fn hear(&mut self, client: usize, at: Duration, line: &[u8]) -> Option<Message> {
        let message =
            Message::read(line, self.size).filter(|message| message.sender < self.senders);
        let Some(message) = message else {
            let text = String::from_utf8_lossy(line).into_owned();
            let what = "heard a line that nobody sent".to_owned();
            self.remember(client, at, Err(text));
            self.breach(Kind::Changed, client, what);
            return None;
        };
        let is_right = self.place(client, at, message);
        is_right.then_some(message)
    }

    fn place(&mut self, client: usize, at: Duration, message: Message) -> bool {
        let Message { sender, number, .. } = message;
        if sender == client {
            self.remember(client, at, Ok(message));
            let what = format!("heard its own message {}", number + 1);
            self.breach(Kind::Returned, client, what);
            return false;
        }
        let Next { least, most } = self.hearers[client].next[sender];
        if number < least {
            self.remember(client, at, Ok(message));
            self.heard_again(client, sender, number);
            return false;
        }
        self.hearers[client].next[sender] = Next {
            least: number + 1,
            most: number + 1,
        };
        self.remember(client, at, Ok(message));
        if number > most {
            self.begin_gap(client, sender, most..number);
        }
        number <= most
    }

    fn heard_again(&mut self, client: usize, sender: usize, number: u64) {
        let shown = format!("message {} of {}", number + 1, name(sender));
        let missing = self.missing.get_mut(&(client, sender));
        if missing.is_some_and(|missing| remove_number(missing, number)) {
            self.breach(
                Kind::OutOfOrder,
                client,
                format!("heard {shown} after a later one"),
            );
        } else {
            self.breach(
                Kind::Repeated,
                client,
                format!("heard {shown} again, or from before it was registered"),
            );
        }
    }

    fn begin_gap(&mut self, client: usize, sender: usize, numbers: Range<u64>) {
        self.missing
            .entry((client, sender))
            .or_default()
            .push(numbers.clone());
        if self.gaps.len() < MAX_REPORTED {
            let breach = self.described(Kind::Lost, client, String::new());
            self.hearers[client]
                .follows
                .push((StoredBreach::Gap(self.gaps.len()), AROUND));
            self.gaps.push(Gap {
                client,
                sender,
                numbers,
                breach,
            });
        }
    }

    /// The load is over: messages that this client has not heard are lost.
    pub fn ends(&mut self, client: usize, sent: &[u64]) {
        for (sender, &sent) in sent.iter().enumerate() {
            let next = self.hearers[client].next[sender].most;
            if sender != client && next < sent {
                let described = self.gaps.len();
                self.begin_gap(client, sender, next..sent);
                for gap in &mut self.gaps[described..] {
                    gap.breach.revealed_by = None;
                }
            }
        }
    }

    /// Records a breach that no heard line revealed.
    pub fn note(&mut self, kind: Kind, client: usize, what: String) {
        let mut breach = self.described(kind, client, what);
        breach.revealed_by = None;
        self.keep(breach);
    }

    /// Records a message that reached a client that is not registered.
    pub fn heard_unregistered(&mut self, client: usize, at: Duration, line: &[u8]) {
        let text = String::from_utf8_lossy(line).into_owned();
        let heard = Heard {
            at: microseconds(at),
            line: text,
        };
        self.keep(Breach {
            kind: Kind::Unregistered,
            client,
            what: "heard this without being registered".to_owned(),
            around: vec![heard],
            revealed_by: Some(0),
        });
    }

    /// The server has ended. Breachs about closed connections had the same cause, so drop them.
    pub fn server_ended(&mut self, how: &str) {
        self.counts.retain(|(kind, _)| *kind != Kind::Closed);
        self.breaches.retain(|breach| breach.kind != Kind::Closed);
        self.hearers
            .iter_mut()
            .for_each(|hearer| hearer.follows.clear());
        self.note(
            Kind::Closed,
            0,
            format!("lost its connection because the server ended: {how}"),
        );
    }

    /// Number of breaches so far, including messages that may still arrive.
    pub fn count_so_far(&self) -> u64 {
        self.counts.iter().map(|(_, count)| count).sum::<u64>() + self.missing_so_far()
    }

    fn missing_so_far(&self) -> u64 {
        self.missing
            .values()
            .flatten()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// The first breach, apart from lost messages.
    pub fn first(&self) -> Option<&Breach> {
        self.breaches.first()
    }

    /// The number of breaches of each kind, and the first ones in full.
    pub fn verdict(mut self) -> (Vec<(Kind, u64)>, Vec<Breach>) {
        self.count(Kind::Lost, self.missing_so_far());
        for gap in std::mem::take(&mut self.gaps) {
            let missing = self.missing.get(&(gap.client, gap.sender));
            let left = missing
                .into_iter()
                .flatten()
                .filter(|range| gap.numbers.contains(&range.start));
            let left: Vec<_> = left.cloned().collect();
            let (Some(first), Some(last)) = (left.first(), left.last()) else {
                continue;
            };
            let count: u64 = left.iter().map(|range| range.end - range.start).sum();
            let (sender, first, last) = (name(gap.sender), first.start + 1, last.end);
            let what = match count {
                1 => format!("did not get message {first} of {sender}"),
                _ => format!("did not get {count} messages of {sender}, from {first} to {last}"),
            };
            if self.breaches.len() < MAX_REPORTED {
                self.breaches.push(Breach { what, ..gap.breach });
            }
        }
        self.counts.retain(|(_, count)| *count > 0);
        self.counts.sort_unstable();
        (self.counts, self.breaches)
    }

    fn count(&mut self, kind: Kind, more: u64) {
        match self.counts.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, count)) => *count += more,
            None => self.counts.push((kind, more)),
        }
    }

    fn breach(&mut self, kind: Kind, client: usize, what: String) {
        let breach = self.described(kind, client, what);
        let follow = (StoredBreach::Breach(self.breaches.len()), AROUND);
        if self.keep(breach) {
            self.hearers[client].follows.push(follow);
        }
    }

    fn keep(&mut self, breach: Breach) -> bool {
        self.count(breach.kind, 1);
        let is_reported = self.breaches.len() < MAX_REPORTED;
        if is_reported {
            self.breaches.push(breach);
        }
        is_reported
    }

    /// A breach that the last line of this client revealed.
    fn described(&self, kind: Kind, client: usize, what: String) -> Breach {
        let recent = &self.hearers[client].recent;
        let around: Vec<Heard> = recent
            .iter()
            .map(|(at, heard)| self.shown(*at, heard))
            .collect();
        let revealed_by = around.len().checked_sub(1);
        Breach {
            kind,
            client,
            what,
            around,
            revealed_by,
        }
    }

    fn shown(&self, at: Duration, heard: &Result<Message, String>) -> Heard {
        let line = match heard {
            Ok(message) => {
                let mut line = Vec::new();
                message.compose(self.size, &mut line);
                String::from_utf8_lossy(&line).trim_end().to_owned()
            }
            Err(text) => text.clone(),
        };
        Heard {
            at: microseconds(at),
            line,
        }
    }

    fn remember(&mut self, client: usize, at: Duration, heard: Result<Message, String>) {
        if !self.hearers[client].follows.is_empty() {
            self.follow(client, at, &heard);
        }
        self.hearers[client].remember(at, heard);
    }

    fn follow(&mut self, client: usize, at: Duration, heard: &Result<Message, String>) {
        let shown = self.shown(at, heard);
        let mut follows = std::mem::take(&mut self.hearers[client].follows);
        for (described, left) in &mut follows {
            let breach = match described {
                StoredBreach::Breach(index) => &mut self.breaches[*index],
                StoredBreach::Gap(index) => &mut self.gaps[*index].breach,
            };
            breach.around.push(shown.clone());
            *left -= 1;
        }
        follows.retain(|(_, left)| *left > 0);
        self.hearers[client].follows = follows;
    }
}

/// Removes a number from the missing ones. Returns whether it was among them.
fn remove_number(missing: &mut Vec<Range<u64>>, number: u64) -> bool {
    let Some(at) = missing.iter().position(|range| range.contains(&number)) else {
        return false;
    };
    let range = missing[at].clone();
    let left = [range.start..number, number + 1..range.end];
    missing.splice(at..=at, left.into_iter().filter(|range| !range.is_empty()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: usize = 48;
    const NOW: Duration = Duration::from_millis(5);

    fn line(sender: usize, number: u64) -> Vec<u8> {
        let mut line = Vec::new();
        Message {
            sender,
            number,
            intended: 1,
        }
        .compose(SIZE, &mut line);
        line.pop();
        line
    }

    /// Three clients, two of which send. Client 2 is registered from the beginning.
    fn witness() -> Witness {
        let mut witness = Witness::new(3, 2, SIZE, KEPT);
        (0..3).for_each(|client| witness.registered(client, &[0, 0], &[0, 0]));
        witness
    }

    /// The breaches if client 2 hears these numbers of client 0, which sent ten messages.
    fn of_numbers(numbers: &[u64]) -> (Vec<(Kind, u64)>, Vec<Breach>) {
        let mut witness = witness();
        for number in numbers {
            witness.hear(2, NOW, &line(0, *number));
        }
        witness.ends(2, &[10, 0]);
        witness.verdict()
    }

    #[test]
    fn missing_messages_are_lost_and_reported_once() {
        let (counts, breaches) = of_numbers(&[0, 1, 2, 5, 6, 7, 8, 9]);
        assert_eq!(counts, [(Kind::Lost, 2)]);
        assert_eq!(
            breaches[0].what,
            "did not get 2 messages of c0, from 4 to 5"
        );
        let heard: Vec<String> = breaches[0]
            .around
            .iter()
            .map(|heard| heard.line.clone())
            .collect();
        let expected = [0, 1, 2, 5, 6, 7, 8]
            .map(|number| String::from_utf8_lossy(&line(0, number)).into_owned());
        assert_eq!(heard, expected);
        assert_eq!(breaches[0].revealed_by, Some(3));
    }

    #[test]
    fn missing_messages_at_the_end_are_lost() {
        let (counts, breaches) = of_numbers(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(counts, [(Kind::Lost, 1)]);
        assert_eq!(
            (breaches[0].what.as_str(), breaches[0].revealed_by),
            ("did not get message 10 of c0", None)
        );
    }

    #[test]
    fn a_late_message_is_out_of_order_and_not_lost() {
        assert_eq!(
            of_numbers(&[0, 1, 3, 2, 4, 5, 6, 7, 8, 9]).0,
            [(Kind::OutOfOrder, 1)]
        );
    }

    #[test]
    fn a_message_heard_again_is_repeated() {
        assert_eq!(
            of_numbers(&[0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]).0,
            [(Kind::Repeated, 1)]
        );
    }

    #[test]
    fn a_changed_message_is_reported_as_it_arrived() {
        let mut witness = witness();
        let mut changed = line(0, 0);
        changed[20] ^= 1;
        assert_eq!(witness.hear(2, NOW, &changed), None);
        let (counts, breaches) = witness.verdict();
        assert_eq!(counts, [(Kind::Changed, 1)]);
        assert_eq!(
            breaches[0].around[0].line,
            String::from_utf8_lossy(&changed)
        );
    }

    #[test]
    fn a_sender_must_not_hear_itself() {
        let mut witness = witness();
        assert_eq!(witness.hear(0, NOW, &line(0, 0)), None);
        assert!(witness.hear(0, NOW, &line(1, 0)).is_some());
        assert_eq!(witness.verdict().0, [(Kind::Returned, 1)]);
    }

    #[test]
    fn a_late_client_hears_only_messages_sent_since_it_registered() {
        let late = |first: u64| {
            let mut witness = witness();
            // Everybody had heard the first 3 when it sent its registration, and 7 were sent before
            // it was registered.
            witness.registered(2, &[3, 0], &[7, 0]);
            for number in first..10 {
                witness.hear(2, NOW, &line(0, number));
            }
            witness.ends(2, &[10, 0]);
            witness.verdict().0
        };
        assert_eq!(late(2), [(Kind::Repeated, 1)]);
        assert_eq!(late(3), []);
        assert_eq!(late(7), []);
        assert_eq!(late(8), [(Kind::Lost, 1)]);
        // Messages sent before it was registered need not arrive.
        let mut witness = witness();
        witness.registered(2, &[3, 0], &[7, 0]);
        witness.ends(2, &[7, 0]);
        assert_eq!(witness.verdict().0, []);
    }

    #[test]
    fn hear_run_skips_senders_without_messages() {
        let mut witness = witness();
        let heard = [line(1, 0), b"\n".to_vec()].concat();
        assert!(witness.hear_run(2, NOW, &heard).is_none());
        assert_eq!(witness.hear(2, NOW, b"@c1: has joined"), None);
        assert_eq!(witness.verdict().0, [(Kind::Changed, 1)]);
    }

    #[test]
    fn hear_run_skips_new_clients_and_own_messages() {
        let mut witness = witness();
        let message = Message {
            sender: 0,
            number: 0,
            intended: 1,
        };
        let sent_log = witness.say(message).to_vec();
        assert!(witness.hear_run(0, NOW, &sent_log).is_none());
        witness.registered(2, &[0, 0], &[1, 0]);
        assert!(witness.hear_run(2, NOW, &sent_log).is_none());
        witness.registered(2, &[0, 0], &[0, 0]);
        assert!(witness.hear_run(2, NOW, &sent_log).is_some());
        assert!(witness.hear_run(2, NOW, &sent_log).is_none());
    }

    /// What a server may do to a line.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Kept,
        Lost,
        Twice,
        Late,
        Changed,
        Cut,
    }

    /// What client 2 hears of both senders, who send their lines in this order.
    fn heard_of(sent_log: &[(usize, Fate)], witness: &mut Witness) -> Vec<Vec<u8>> {
        let mut numbers = [0; 2];
        let mut heard: Vec<Vec<u8>> = Vec::new();
        let mut late = None;
        for &(sender, fate) in sent_log {
            let number = numbers[sender];
            numbers[sender] += 1;
            let mut line = witness
                .say(Message {
                    sender,
                    number,
                    intended: number / 3,
                })
                .to_vec();
            match fate {
                Fate::Kept => heard.push(line),
                Fate::Lost => {}
                Fate::Twice => heard.extend([line.clone(), line]),
                Fate::Late => heard.extend(late.replace(line)),
                Fate::Changed => {
                    line[20] ^= 1;
                    heard.push(line);
                }
                Fate::Cut => {
                    line.remove(20);
                    heard.push(line);
                }
            }
        }
        heard.extend(late);
        heard
    }

    proptest! {
        #[test]
        fn hear_run_agrees_with_hear(
            sent_log in prop::collection::vec(
                (
                    0_usize..2,
                    prop_oneof![
                        60 => Just(Fate::Kept), 1 => Just(Fate::Lost), 1 => Just(Fate::Twice),
                        1 => Just(Fate::Late), 1 => Just(Fate::Changed), 1 => Just(Fate::Cut)
                    ]
                ),
                0..300
            ),
        ) {
            let (mut one_by_one, mut in_one_go) = (witness(), witness());
            let heard = heard_of(&sent_log, &mut one_by_one);
            heard_of(&sent_log, &mut in_one_go);
            let mut times = [Vec::new(), Vec::new()];
            for line in &heard {
                let message = one_by_one.hear(2, NOW, &line[..line.len() - 1]);
                times[0].extend(message.map(|message| message.intended));
            }
            let stream = heard.concat();
            let mut rest = stream.as_slice();
            let mut has_run = false;
            while !rest.is_empty() {
                if let Some(run) = in_one_go.hear_run(2, NOW, rest) {
                    has_run = true;
                    let of_run = run.times().flat_map(|(time, count)| (0..count).map(move |_| time));
                    times[1].extend(of_run);
                    rest = &rest[run.length()..];
                } else if let Some(end) = memchr::memchr(b'\n', rest) {
                    times[1].extend(in_one_go.hear(2, NOW, &rest[..end]).map(|message| message.intended));
                    rest = &rest[end + 1..];
                }
            }
            prop_assert!(has_run || !matches!(sent_log.first(), Some((_, Fate::Kept))));
            prop_assert_eq!(&times[0], &times[1]);
            let sent = [0, 1].map(|sender| sent_log.iter().filter(|(by, _)| *by == sender).count() as u64);
            for witness in [&mut one_by_one, &mut in_one_go] {
                witness.ends(2, &sent);
            }
            prop_assert_eq!(one_by_one.verdict(), in_one_go.verdict());
        }

        #[test]
        fn exactly_the_removed_messages_are_lost(taken in prop::collection::btree_set(0_u64..200, 0..50)) {
            let mut witness = witness();
            for number in (0..200).filter(|number| !taken.contains(number)) {
                witness.hear(2, NOW, &line(1, number));
            }
            witness.ends(2, &[0, 200]);
            let (counts, breaches) = witness.verdict();
            let lost = taken.len() as u64;
            prop_assert_eq!(counts, Vec::from_iter((lost > 0).then_some((Kind::Lost, lost))));
            prop_assert!(breaches.len() <= MAX_REPORTED);
        }
    }
}
