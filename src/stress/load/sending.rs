//! What the senders send, and when.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::super::client::{Client, ClientState};
use super::super::message::{Message, microseconds};
use super::super::spec::{ClientRole, Length};
use super::Load;

/// Maximum number of bytes that paced senders may be ahead of the slowest listener: so few that no
/// server has an excuse for dropping it.
const MAX_AHEAD: u64 = 1 << 20;
/// How many bytes a sender composes at a time.
const BATCH: usize = 32 << 10;
/// Number of batches that an unpaced sender writes before the listeners have their turn. They read
/// less than that in one turn.
const UNPACED_BATCHES: usize = 32;
/// Maximum number of bytes that wait to be sent if the server does not keep up with the rate.
const MAX_WAITING: usize = 1 << 20;

impl Load<'_> {
    pub(super) fn say(&mut self, client: usize, bytes: &[u8]) {
        if let Some(connection) = &mut self.clients[client].connection {
            connection.outgoing().extend_from_slice(bytes);
            if connection.flush().is_err() {
                self.handle_end(client);
            }
        }
    }

    /// Lets each sender send what is due. Returns whether one of them could continue at once.
    pub(super) fn send_round(&mut self) -> bool {
        match self.setting.spec.rate {
            Some(rate) => {
                self.send_due(rate);
                false
            }
            None => {
                if self.setting.spec.unpaced {
                    return self.send_unpaced();
                }
                if self.is_far_ahead() {
                    return false;
                }
                let senders = 0..self.setting.spec.senders;
                senders.filter(|sender| self.send_batch(*sender)).count() > 0
            }
        }
    }

    /// Returns whether one of the senders could continue at once.
    fn send_unpaced(&mut self) -> bool {
        let mut goes_on = false;
        for sender in 0..self.setting.spec.senders {
            let mut batches = 0..UNPACED_BATCHES;
            goes_on |= batches.all(|_| self.send_batch(sender));
        }
        goes_on
    }

    fn send_batch(&mut self, sender: usize) -> bool {
        if !self.can_send(sender, 0) {
            return false;
        }
        let mut composed = 0;
        let intended = microseconds(self.begun.elapsed());
        while composed < BATCH && !self.has_sent_enough() {
            composed += self.compose(sender, intended);
        }
        self.say(sender, &[]);
        composed > 0 && self.can_send(sender, 0)
    }

    fn has_sent_enough(&self) -> bool {
        matches!(self.setting.spec.length, Length::Messages(count) if self.sent.messages >= count)
    }

    fn can_send(&self, sender: usize, unsent: usize) -> bool {
        let client = &self.clients[sender];
        let is_idle = client
            .connection
            .as_ref()
            .is_some_and(|connection| connection.unsent() <= unsent);
        client.state == ClientState::Present && is_idle
    }

    /// Whether a listener is too far behind the senders.
    fn is_far_ahead(&mut self) -> bool {
        let is_ahead = |of: u64| self.sent.bytes.saturating_sub(of) > MAX_AHEAD;
        if is_ahead(self.slowest) {
            let listens = |client: &&Client| {
                client.state == ClientState::Present && client.role != ClientRole::Slow
            };
            let progress = self
                .clients
                .iter()
                .filter(listens)
                .map(|client| client.progress);
            self.slowest = progress.min().unwrap_or(self.sent.bytes);
        }
        is_ahead(self.slowest)
    }

    /// Message number `k` is due `k / rate` seconds after the beginning, whatever delays the load.
    fn send_due(&mut self, rate: f64) {
        let now = self.begun.elapsed();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of messages"
        )]
        let due = (now.as_secs_f64() * rate) as u64 + 1;
        let was_held_back = std::mem::take(&mut self.is_held_back);
        let mut has_composed = vec![false; self.setting.spec.senders];
        while self.sent.messages < due && !self.has_sent_enough() {
            let sender = self.next_sender();
            if !self.can_send(sender, MAX_WAITING) || self.is_far_ahead() {
                self.is_held_back = true;
                break;
            }
            let intended = due_at(self.sent.messages, rate);
            if was_held_back {
                self.held_back += 1;
            } else {
                let late = now.saturating_sub(intended);
                self.late.saturating_record(microseconds(late));
            }
            self.compose(sender, microseconds(intended));
            has_composed[sender] = true;
        }
        for sender in (0..has_composed.len()).filter(|sender| has_composed[*sender]) {
            self.say(sender, &[]);
        }
    }

    fn next_sender(&self) -> usize {
        let senders = self.setting.spec.senders as u64;
        usize::try_from(self.sent.messages % senders).unwrap_or(0)
    }

    /// Whether nothing is due now, so that silence is not the server's fault.
    pub(super) fn nothing_is_due(&self) -> bool {
        let due = self
            .setting
            .spec
            .rate
            .map(|rate| due_at(self.sent.messages, rate));
        due.is_some_and(|due| due > self.begun.elapsed())
    }

    fn compose(&mut self, sender: usize, intended: u64) -> usize {
        let Some(connection) = &mut self.clients[sender].connection else {
            return 0;
        };
        let message = Message {
            sender,
            number: self.numbers[sender],
            intended,
        };
        let line = self.witness.say(message);
        let length = line.len();
        connection.outgoing().extend_from_slice(line);
        self.numbers[sender] += 1;
        self.sent.add(1, length);
        self.clients[sender].progress += length as u64;
        length
    }

    /// Time until something is due.
    pub(super) fn time_to_next(&self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(100);
        let now = Instant::now();
        let action = self.calendar.peek().map(|Reverse((at, ..))| *at);
        // Messages that have to wait for the server continue after a read or write, not at a
        // planned time.
        let rate = self.setting.spec.rate.filter(|_| !self.is_held_back);
        let due = rate.map(|rate| self.begun + due_at(self.sent.messages, rate));
        let end = match self.setting.spec.length {
            Length::Seconds(seconds) => Some(self.begun + Duration::from_secs_f64(seconds)),
            Length::Messages(_) => None,
        };
        let next = [action, due, end].into_iter().flatten().min();
        next.map_or(LONGEST, |at| at.saturating_duration_since(now))
            .min(LONGEST)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "some microseconds off after some billion messages"
)]
pub(super) fn due_at(number: u64, rate: f64) -> Duration {
    Duration::from_secs_f64(number as f64 / rate)
}
