//! What the senders say when.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use super::super::client::{Client, Standing};
use super::super::message::{Message, microseconds};
use super::super::shape::{Length, Part};
use super::Load;

/// How far paced senders may be ahead of the slowest client that reads, in bytes: so little that no server could be
/// excused for dropping it.
const AHEAD: u64 = 1 << 20;
/// What a sender puts together at a time.
const BATCH: usize = 32 << 10;
/// Batches that an unpaced sender writes before the readers get a turn: more than these read in it.
const UNPACED_BATCHES: usize = 32;
/// What may wait to be written at a rate that the server does not keep up with.
const WAITING: usize = 1 << 20;

impl Load<'_> {
    pub(super) fn say(&mut self, client: usize, bytes: &[u8]) {
        if let Some(connection) = &mut self.clients[client].connection {
            connection.outgoing().extend_from_slice(bytes);
            if connection.flush().is_err() {
                self.ended(client);
            }
        }
    }

    /// Each sender says what it has to say now; whether one of them could go on at once.
    pub(super) fn send_round(&mut self) -> bool {
        match self.setting.shape.rate {
            Some(rate) => {
                self.send_what_is_due(rate);
                false
            }
            None => {
                if self.setting.shape.unpaced {
                    return self.send_all_that_is_taken();
                }
                if self.is_far_ahead() {
                    return false;
                }
                let senders = 0..self.setting.shape.senders;
                senders.filter(|sender| self.send_batch(*sender)).count() > 0
            }
        }
    }

    /// Whether one of the senders could go on at once.
    fn send_all_that_is_taken(&mut self) -> bool {
        let mut goes_on = false;
        for sender in 0..self.setting.shape.senders {
            let mut batches = 0..UNPACED_BATCHES;
            goes_on |= batches.all(|_| self.send_batch(sender));
        }
        goes_on
    }

    fn send_batch(&mut self, sender: usize) -> bool {
        if !self.is_here_and_idle(sender, 0) {
            return false;
        }
        let mut composed = 0;
        let intended = microseconds(self.begun.elapsed());
        while composed < BATCH && !self.has_said_enough() {
            composed += self.compose(sender, intended);
        }
        self.say(sender, &[]);
        composed > 0 && self.is_here_and_idle(sender, 0)
    }

    fn has_said_enough(&self) -> bool {
        matches!(self.setting.shape.length, Length::Messages(count) if self.sent.messages >= count)
    }

    fn is_here_and_idle(&self, sender: usize, waits: usize) -> bool {
        let client = &self.clients[sender];
        let is_idle = client
            .connection
            .as_ref()
            .is_some_and(|connection| connection.waits() <= waits);
        client.standing == Standing::Present && is_idle
    }

    /// Whether somebody who listens is too far behind what was said.
    fn is_far_ahead(&mut self) -> bool {
        let is_ahead = |of: u64| self.sent.bytes.saturating_sub(of) > AHEAD;
        if is_ahead(self.slowest) {
            let listens = |client: &&Client| {
                client.standing == Standing::Present && client.part != Part::Slow
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

    /// Message `k` of all is due `k / rate` seconds after the beginning, whoever may be held up.
    fn send_what_is_due(&mut self, rate: f64) {
        let now = self.begun.elapsed();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of messages"
        )]
        let due = (now.as_secs_f64() * rate) as u64 + 1;
        let was_held_back = std::mem::take(&mut self.is_held_back);
        let mut has_composed = vec![false; self.setting.shape.senders];
        while self.sent.messages < due && !self.has_said_enough() {
            let sender = self.next_sender();
            if !self.is_here_and_idle(sender, WAITING) || self.is_far_ahead() {
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
        let senders = self.setting.shape.senders as u64;
        usize::try_from(self.sent.messages % senders).unwrap_or(0)
    }

    /// Whether it is not for the server that nothing is said now.
    pub(super) fn nothing_is_due(&self) -> bool {
        let due = self
            .setting
            .shape
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

    /// How long nothing needs to be done by itself.
    pub(super) fn time_to_next(&self) -> Duration {
        const LONGEST: Duration = Duration::from_millis(100);
        let now = Instant::now();
        let turn = self.calendar.peek().map(|Reverse((at, ..))| *at);
        // What is held back is not waited for: it goes on when something was read or written.
        let rate = self.setting.shape.rate.filter(|_| !self.is_held_back);
        let due = rate.map(|rate| self.begun + due_at(self.sent.messages, rate));
        let end = match self.setting.shape.length {
            Length::Seconds(seconds) => Some(self.begun + Duration::from_secs_f64(seconds)),
            Length::Messages(_) => None,
        };
        let next = [turn, due, end].into_iter().flatten().min();
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
