//! What each client heard, held against what was sent.
//!
//! Each message must reach every client registered at the time exactly once, unchanged, in its sender's order,
//! and never its sender (S-MSG-1, S-MSG-2); who is not registered gets none (S-MSG-3).

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use super::message::{Message, microseconds, name};
use super::said::Said;

/// How many breaches are told of in full; of the rest it is told how many there are.
const TOLD: usize = 8;
/// How many lines before and after are shown.
const AROUND: usize = 3;
/// How much of what was said last is kept for comparing, in bytes, of all senders together. What is older is checked
/// line by line, which takes longer.
pub const KEPT: usize = 4 << 20;
/// The same for unpaced senders, who are farther ahead of the readers: by all buffers in between.
pub const KEPT_OF_UNPACED: usize = 128 << 20;

/// How a server can fall short under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Messages did not come.
    Lost,
    /// A message came after a later one of the same sender.
    OutOfOrder,
    /// A message came more than once.
    Repeated,
    /// What came is nothing that was sent.
    Changed,
    /// A message came back to its sender.
    Returned,
    /// A message came to somebody who is not registered, or from before it was.
    Unregistered,
    /// The connection of a client that did nothing wrong was closed.
    Closed,
    /// A registration was not answered as it must be.
    Refused,
    /// The server took nothing more.
    Stuck,
}

/// A line as it was heard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// When: microseconds since the load began.
    pub at: u64,
    /// Its text.
    pub line: String,
}

/// One time that a server fell short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// How.
    pub kind: Kind,
    /// The number of the client that heard, or did not hear, it.
    pub client: usize,
    /// What happened, as half a sentence about that client.
    pub what: String,
    /// What that client heard just before, then what told of it, then what it heard just after.
    pub around: Vec<Heard>,
    /// Which of `around` told of it, where one did.
    pub told_by: Option<usize>,
}

/// Everything that was found, the first of it in full.
#[derive(Debug, Default)]
pub struct Witness {
    senders: usize,
    size: usize,
    /// How much is kept of what was said last, in bytes.
    kept: usize,
    hearers: Vec<Hearer>,
    /// Of each sender, what it said last.
    said: Vec<Said>,
    /// Of each client and sender, what had not come when later messages did, in order.
    missing: HashMap<(usize, usize), Vec<Range<u64>>>,
    /// The first of it in full.
    gaps: Vec<Gap>,
    counts: Vec<(Kind, u64)>,
    breaches: Vec<Breach>,
}

/// What one client heard so far.
#[derive(Debug, Default, Clone)]
struct Hearer {
    /// Of each sender: which message may come next.
    next: Vec<Next>,
    recent: VecDeque<(Duration, Result<Message, String>)>,
    /// Breaches that want to know what came after: how many lines yet.
    follows: Vec<(Told, usize)>,
}

/// Where a breach is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Breach(usize),
    Gap(usize),
}

/// The numbers that the next message of a sender may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Next {
    /// What is below was before the client registered, or has come.
    least: u64,
    /// What is above leaves a gap.
    most: u64,
}

/// A client heard a message before earlier ones of the same sender.
#[derive(Debug)]
struct Gap {
    client: usize,
    sender: usize,
    numbers: Range<u64>,
    /// As it stood then.
    breach: Breach,
}

/// Messages of one sender that came one after the other, as they must.
#[derive(Debug)]
pub struct Run<'w> {
    said: &'w Said,
    messages: Range<u64>,
}

impl Run<'_> {
    /// How many messages.
    pub fn count(&self) -> u64 {
        self.messages.end - self.messages.start
    }

    /// How many bytes they have, with their line ends.
    pub fn length(&self) -> usize {
        self.said.length(&self.messages)
    }

    /// When they were meant to be sent, in microseconds since the load began, and how many at that time.
    pub fn times(&self) -> impl Iterator<Item = (u64, u64)> {
        self.said.times(&self.messages)
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
    /// For `clients` clients, the first of which send texts of `size` bytes; `kept` bytes of what they say are kept for
    /// comparing.
    pub fn new(clients: usize, senders: usize, size: usize, kept: usize) -> Witness {
        Witness {
            senders,
            size,
            kept,
            hearers: vec![Hearer::default(); clients],
            said: (0..senders).map(|_| Said::default()).collect(),
            ..Witness::default()
        }
    }

    /// From now on this client hears. Of the messages of each sender those below `relayed` had been heard by
    /// all before it asked to be registered, and must not come any more; those from `sent` on were sent
    /// after it was, and must all come.
    pub fn registered(&mut self, client: usize, relayed: &[u64], sent: &[u64]) {
        let next = relayed.iter().zip(sent);
        self.hearers[client].next = next.map(|(&least, &most)| Next { least, most }).collect();
    }

    /// Of each sender, how many messages have surely reached this client, or need not.
    pub fn heard(&self, client: usize) -> impl Iterator<Item = u64> {
        self.hearers[client].next.iter().map(|next| next.least)
    }

    /// Whether nothing that was sent has yet to reach this client, its own messages aside.
    pub fn has_heard_all(&self, client: usize, sent: &[u64]) -> bool {
        let mut of_each = self.hearers[client].next.iter().zip(sent).enumerate();
        of_each.all(|(sender, (next, sent))| sender == client || next.most >= *sent)
    }

    /// Whether a line claims to be a message of this load. All else is a notice of the server's own, or talk of
    /// others, and is passed over.
    pub fn is_claimed(line: &[u8]) -> bool {
        let after_name = line.strip_prefix(b"@c");
        after_name.is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
    }

    /// Composes the next message of a sender, and returns its line with its end.
    pub fn say(&mut self, message: Message) -> &[u8] {
        self.said[message.sender].say(message, self.size, self.kept / self.senders)
    }

    /// Takes what a registered client heard, as far as it begins with just what one sender said next: the
    /// same as to [`Witness::hear`] it line by line, in one go. `None` where it begins otherwise.
    pub fn hear_run(&mut self, client: usize, at: Duration, heard: &[u8]) -> Option<Run<'_>> {
        let sender = Message::sender_of(heard)?;
        let hearer = &mut self.hearers[client];
        let next = hearer.next.get_mut(sender)?;
        // Who sent it itself, or has just come, or what is to be shown around a breach: that is for the closer look.
        if sender == client || next.least < next.most || !hearer.follows.is_empty() {
            return None;
        }
        let said = &self.said[sender];
        let messages = said.found_in(heard, next.most);
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
                intended: said.time(number),
            };
            hearer.remember(at, Ok(message));
        }
        Some(Run { said, messages })
    }

    /// Takes a line that a registered client heard as a message. What it says, where that had to come next.
    pub fn hear(&mut self, client: usize, at: Duration, line: &[u8]) -> Option<Message> {
        let message =
            Message::read(line, self.size).filter(|message| message.sender < self.senders);
        let Some(message) = message else {
            let text = String::from_utf8_lossy(line).into_owned();
            let what = "heard what nobody said".to_owned();
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
            self.came_again(client, sender, number);
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

    fn came_again(&mut self, client: usize, sender: usize, number: u64) {
        let shown = format!("message {} of {}", number + 1, name(sender));
        let missing = self.missing.get_mut(&(client, sender));
        if missing.is_some_and(|missing| take_out(missing, number)) {
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
        if self.gaps.len() < TOLD {
            let breach = self.told(Kind::Lost, client, String::new());
            self.hearers[client]
                .follows
                .push((Told::Gap(self.gaps.len()), AROUND));
            self.gaps.push(Gap {
                client,
                sender,
                numbers,
                breach,
            });
        }
    }

    /// The load is over, and this client has had its time: what has not come is lost.
    pub fn ends(&mut self, client: usize, sent: &[u64]) {
        for (sender, &sent) in sent.iter().enumerate() {
            let next = self.hearers[client].next[sender].most;
            if sender != client && next < sent {
                let told = self.gaps.len();
                self.begin_gap(client, sender, next..sent);
                for gap in &mut self.gaps[told..] {
                    gap.breach.told_by = None;
                }
            }
        }
    }

    /// Something about a client that no message told of.
    pub fn note(&mut self, kind: Kind, client: usize, what: String) {
        let mut breach = self.told(kind, client, what);
        breach.told_by = None;
        self.keep(breach);
    }

    /// Something that came to a client that is not registered.
    pub fn came_unregistered(&mut self, client: usize, at: Duration, line: &[u8]) {
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
            told_by: Some(0),
        });
    }

    /// The server has ended: that its connections were closed is the same thing.
    pub fn server_ended(&mut self, how: &str) {
        self.counts.retain(|(kind, _)| *kind != Kind::Closed);
        self.breaches.retain(|breach| breach.kind != Kind::Closed);
        self.hearers
            .iter_mut()
            .for_each(|hearer| hearer.follows.clear());
        self.note(
            Kind::Closed,
            0,
            format!("lost its server, which ended: {how}"),
        );
    }

    /// How often the server fell short so far, lost messages that may yet come among it.
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

    /// The first breach, lost messages aside.
    pub fn first(&self) -> Option<&Breach> {
        self.breaches.first()
    }

    /// How often the server fell short in each way, and the first times in full.
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
            if self.breaches.len() < TOLD {
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
        let breach = self.told(kind, client, what);
        let follow = (Told::Breach(self.breaches.len()), AROUND);
        if self.keep(breach) {
            self.hearers[client].follows.push(follow);
        }
    }

    fn keep(&mut self, breach: Breach) -> bool {
        self.count(breach.kind, 1);
        let is_told = self.breaches.len() < TOLD;
        if is_told {
            self.breaches.push(breach);
        }
        is_told
    }

    /// A breach as it stands, told of by what the client heard last.
    fn told(&self, kind: Kind, client: usize, what: String) -> Breach {
        let recent = &self.hearers[client].recent;
        let around: Vec<Heard> = recent
            .iter()
            .map(|(at, heard)| self.shown(*at, heard))
            .collect();
        let told_by = around.len().checked_sub(1);
        Breach {
            kind,
            client,
            what,
            around,
            told_by,
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
        for (told, left) in &mut follows {
            let breach = match told {
                Told::Breach(index) => &mut self.breaches[*index],
                Told::Gap(index) => &mut self.gaps[*index].breach,
            };
            breach.around.push(shown.clone());
            *left -= 1;
        }
        follows.retain(|(_, left)| *left > 0);
        self.hearers[client].follows = follows;
    }
}

/// Whether this number was among those that are missing; it no longer is.
fn take_out(missing: &mut Vec<Range<u64>>, number: u64) -> bool {
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

    /// Client 2 of three, of which two send: it was there from the beginning.
    fn witness() -> Witness {
        let mut witness = Witness::new(3, 2, SIZE, KEPT);
        (0..3).for_each(|client| witness.registered(client, &[0, 0], &[0, 0]));
        witness
    }

    /// What comes of it where client 2 hears these numbers of client 0, of which ten were sent.
    fn of_numbers(numbers: &[u64]) -> (Vec<(Kind, u64)>, Vec<Breach>) {
        let mut witness = witness();
        for number in numbers {
            witness.hear(2, NOW, &line(0, *number));
        }
        witness.ends(2, &[10, 0]);
        witness.verdict()
    }

    #[test]
    fn what_is_missing_is_lost_and_told_once() {
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
        assert_eq!(breaches[0].told_by, Some(3));
    }

    #[test]
    fn what_never_comes_is_lost_at_the_end() {
        let (counts, breaches) = of_numbers(&[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(counts, [(Kind::Lost, 1)]);
        assert_eq!(
            (breaches[0].what.as_str(), breaches[0].told_by),
            ("did not get message 10 of c0", None)
        );
    }

    #[test]
    fn what_comes_late_is_out_of_order_and_not_lost() {
        assert_eq!(
            of_numbers(&[0, 1, 3, 2, 4, 5, 6, 7, 8, 9]).0,
            [(Kind::OutOfOrder, 1)]
        );
    }

    #[test]
    fn what_comes_again_is_repeated() {
        assert_eq!(
            of_numbers(&[0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]).0,
            [(Kind::Repeated, 1)]
        );
    }

    #[test]
    fn what_was_changed_is_told_as_it_came() {
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
    fn a_sender_does_not_hear_itself() {
        let mut witness = witness();
        assert_eq!(witness.hear(0, NOW, &line(0, 0)), None);
        assert!(witness.hear(0, NOW, &line(1, 0)).is_some());
        assert_eq!(witness.verdict().0, [(Kind::Returned, 1)]);
    }

    #[test]
    fn who_comes_later_hears_all_from_then_on_and_nothing_from_before() {
        let late = |first: u64| {
            let mut witness = witness();
            // Up to 3 all had heard when it asked, 7 were sent when it was registered.
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
        // Of what was sent before it was registered it may have been told nothing.
        let mut witness = witness();
        witness.registered(2, &[3, 0], &[7, 0]);
        witness.ends(2, &[7, 0]);
        assert_eq!(witness.verdict().0, []);
    }

    #[test]
    fn who_has_said_nothing_is_not_heard_in_one_go() {
        let mut witness = witness();
        let heard = [line(1, 0), b"\n".to_vec()].concat();
        assert!(witness.hear_run(2, NOW, &heard).is_none());
        assert_eq!(witness.hear(2, NOW, b"@c1: has joined"), None);
        assert_eq!(witness.verdict().0, [(Kind::Changed, 1)]);
    }

    #[test]
    fn who_came_later_or_speaks_itself_is_not_heard_in_one_go() {
        let mut witness = witness();
        let message = Message {
            sender: 0,
            number: 0,
            intended: 1,
        };
        let said = witness.say(message).to_vec();
        assert!(witness.hear_run(0, NOW, &said).is_none());
        witness.registered(2, &[0, 0], &[1, 0]);
        assert!(witness.hear_run(2, NOW, &said).is_none());
        witness.registered(2, &[0, 0], &[0, 0]);
        assert!(witness.hear_run(2, NOW, &said).is_some());
        assert!(witness.hear_run(2, NOW, &said).is_none());
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

    /// What client 2 hears of both senders, who say their lines in this order.
    fn heard_of(said: &[(usize, Fate)], witness: &mut Witness) -> Vec<Vec<u8>> {
        let mut numbers = [0; 2];
        let mut heard: Vec<Vec<u8>> = Vec::new();
        let mut late = None;
        for &(sender, fate) in said {
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
        fn many_lines_in_one_go_are_what_they_are_one_by_one(
            said in prop::collection::vec(
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
            let heard = heard_of(&said, &mut one_by_one);
            heard_of(&said, &mut in_one_go);
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
            prop_assert!(has_run || !matches!(said.first(), Some((_, Fate::Kept))));
            prop_assert_eq!(&times[0], &times[1]);
            let sent = [0, 1].map(|sender| said.iter().filter(|(by, _)| *by == sender).count() as u64);
            for witness in [&mut one_by_one, &mut in_one_go] {
                witness.ends(2, &sent);
            }
            prop_assert_eq!(one_by_one.verdict(), in_one_go.verdict());
        }

        #[test]
        fn whatever_is_taken_out_is_what_is_lost(taken in prop::collection::btree_set(0_u64..200, 0..50)) {
            let mut witness = witness();
            for number in (0..200).filter(|number| !taken.contains(number)) {
                witness.hear(2, NOW, &line(1, number));
            }
            witness.ends(2, &[0, 200]);
            let (counts, breaches) = witness.verdict();
            let lost = taken.len() as u64;
            prop_assert_eq!(counts, Vec::from_iter((lost > 0).then_some((Kind::Lost, lost))));
            prop_assert!(breaches.len() <= TOLD);
        }
    }
}
