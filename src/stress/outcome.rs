//! What came of a load, for reports.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::shape::Shape;
use super::witness::{Breach, Kind};

/// Everything that was measured and found.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Program and arguments of the server, or its address.
    pub server: Vec<String>,
    /// The load.
    pub shape: Shape,
    /// From the first message to the last that was heard, in seconds.
    pub seconds: f64,
    /// Messages that were sent, and their bytes.
    pub sent: Traffic,
    /// Messages that were heard, and their bytes.
    pub delivered: Traffic,
    /// From when a message was meant to be sent to when it was heard.
    pub latency: Latency,
    /// Who came and went.
    pub visits: Visits,
    /// The longest time in which nobody could say anything and nobody heard anything, in seconds: how long a server holds
    /// everybody up for somebody who does not read.
    pub standstill: f64,
    /// How all came, before anything was said.
    pub registration: Registration,
    /// What the server took of the machine, where that can be seen.
    pub usage: Option<Usage>,
    /// What the load itself took.
    pub generator: Generator,
    /// How often the server fell short, in each way.
    pub counts: Vec<(Kind, u64)>,
    /// The first times in full.
    pub breaches: Vec<Breach>,
}

/// So many messages, of so many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Messages.
    pub messages: u64,
    /// Bytes of their lines.
    pub bytes: u64,
}

/// How long messages took, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: u64,
    /// All but one in a hundred took no longer.
    pub p99: u64,
    /// All but one in a thousand took no longer.
    pub p99_9: u64,
    /// The longest.
    pub most: u64,
    /// How many took less than so long, and no less than the bound before.
    pub distribution: Vec<(u64, u64)>,
}

/// Who came and went while others talked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Visits {
    /// Registrations under a name that was there before.
    pub came_back: u64,
    /// Goodbyes.
    pub left: u64,
    /// Connections closed without a word.
    pub vanished: u64,
    /// Clients that had stopped reading and were dropped by the server, as it may.
    pub dropped: u64,
    /// Clients that were slowed to a rate, went on reading, and were dropped by the server.
    pub dropped_while_reading: u64,
    /// Lines that were no messages of the load: notices of the server's own.
    pub notices: u64,
}

/// What it took until all clients of the load were connected and registered.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Registration {
    /// From the first connection to the last answer, in seconds.
    pub seconds: f64,
    /// Processor time of the server, in seconds, where that can be seen.
    pub cpu_seconds: Option<f64>,
}

/// What the server took of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time under load, in seconds.
    pub cpu_seconds: f64,
    /// Own memory before anybody came, in bytes.
    pub memory_at_first: u64,
    /// Own memory when all were registered and nothing had been said.
    pub memory_registered: u64,
    /// The most that it ever had resident.
    pub memory_at_most: u64,
    /// Own memory when the load was over and all was heard.
    pub memory_at_last: u64,
}

/// What the load generator took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Generator {
    /// Its processor time, in seconds; it has one thread.
    pub cpu_seconds: f64,
    /// By how much its messages were later than meant where the server had taken all before: of all but one
    /// in a hundred at most, in microseconds.
    pub late_p99: u64,
    /// Messages that were later than meant because the server, or those who listen, had not taken what was said
    /// before.
    pub held_back: u64,
}

/// What held the load back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// Nothing: messages went at the rate that was asked for.
    Rate,
    /// The load generator, which was busy all the time: the server may hold more.
    Generator,
    /// The machine: messages went late though neither the load generator nor the server was busy.
    Machine,
    /// The server, which was busy all the time.
    Server,
    /// Both were busy all the time.
    Both,
    /// Neither was: they waited for each other, or for the system.
    Neither,
}

impl Outcome {
    /// Whether the server held.
    pub fn holds(&self) -> bool {
        self.counts.is_empty()
    }

    /// What held the load back, as far as it can be told.
    pub fn bottleneck(&self) -> Bottleneck {
        const BUSY: f64 = 0.9;
        // Where the poller counts in milliseconds, one is no sign of anything.
        const LATE: u64 = 2_000;
        let is_busy = |cpu: f64| cpu > BUSY * self.seconds;
        let generator = is_busy(self.generator.cpu_seconds);
        let server = self.usage.is_some_and(|usage| is_busy(usage.cpu_seconds));
        match self.shape.rate {
            Some(_) if self.generator.late_p99 > LATE && !generator && !server => {
                Bottleneck::Machine
            }
            Some(_)
                if self.generator.late_p99 <= LATE
                    && 100 * self.generator.held_back <= self.sent.messages =>
            {
                Bottleneck::Rate
            }
            _ => match (generator, server) {
                (true, true) => Bottleneck::Both,
                (true, false) => Bottleneck::Generator,
                (false, true) => Bottleneck::Server,
                (false, false) => Bottleneck::Neither,
            },
        }
    }
}

impl Latency {
    /// Of a histogram in microseconds.
    pub fn of(histogram: &Histogram<u64>) -> Latency {
        let buckets = histogram.iter_log(1, 2.0);
        let distribution = buckets
            .map(|bucket| {
                (
                    bucket.value_iterated_to() + 1,
                    bucket.count_since_last_iteration(),
                )
            })
            .filter(|(_, count)| *count > 0)
            .collect();
        Latency {
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p99_9: histogram.value_at_quantile(0.999),
            most: histogram.max(),
            distribution,
        }
    }
}

impl Traffic {
    /// Counts so many more, with so many bytes in all.
    pub fn add(&mut self, messages: u64, bytes: usize) {
        self.messages += messages;
        self.bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stress::shape::Length;

    /// Ten seconds of 1,000 messages, with this much processor time of the generator and of the server.
    fn held_back_by(
        rate: Option<f64>,
        [generator, server]: [f64; 2],
        late_p99: u64,
        held_back: u64,
    ) -> Bottleneck {
        let outcome = Outcome {
            server: vec![],
            shape: Shape {
                clients: 2,
                senders: 1,
                rate,
                size: 64,
                length: Length::Seconds(10.0),
                churning: 0,
                slow: 0,
                unpaced: false,
                read_rate: None,
                busy: 0,
            },
            standstill: 0.0,
            seconds: 10.0,
            registration: Registration {
                seconds: 0.0,
                cpu_seconds: None,
            },
            sent: Traffic {
                messages: 1_000,
                bytes: 70_000,
            },
            delivered: Traffic::default(),
            latency: Latency {
                p50: 0,
                p99: 0,
                p99_9: 0,
                most: 0,
                distribution: vec![],
            },
            visits: Visits::default(),
            usage: Some(Usage {
                cpu_seconds: server,
                memory_at_first: 0,
                memory_registered: 0,
                memory_at_most: 0,
                memory_at_last: 0,
            }),
            generator: Generator {
                cpu_seconds: generator,
                late_p99,
                held_back,
            },
            counts: vec![],
            breaches: vec![],
        };
        outcome.bottleneck()
    }

    #[test]
    fn what_held_a_load_back_is_told_apart() {
        let rate = Some(100.0);
        for (rate, cpu, late, held_back, expected) in [
            (None, [9.5, 3.0], 0, 0, Bottleneck::Generator),
            (None, [3.0, 9.5], 0, 0, Bottleneck::Server),
            (None, [9.5, 9.5], 0, 0, Bottleneck::Both),
            (None, [3.0, 3.0], 0, 0, Bottleneck::Neither),
            (rate, [1.0, 1.0], 100, 0, Bottleneck::Rate),
            (rate, [1.0, 1.0], 100, 11, Bottleneck::Neither),
            (rate, [1.0, 1.0], 9_000, 0, Bottleneck::Machine),
            (rate, [9.5, 1.0], 9_000, 0, Bottleneck::Generator),
            (rate, [1.0, 9.5], 9_000, 0, Bottleneck::Server),
        ] {
            assert_eq!(held_back_by(rate, cpu, late, held_back), expected);
        }
    }
}
