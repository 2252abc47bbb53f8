//! The result of a load, for reports.

use hdrhistogram::Histogram;
use serde::Serialize;

use super::spec::LoadSpec;
use super::witness::{Breach, Kind};

/// All measurements and breaches.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Program and arguments of the server, or its address.
    pub server: Vec<String>,
    /// The load.
    #[serde(rename = "load")]
    pub spec: LoadSpec,
    /// From the first message sent to the last one heard, in seconds.
    pub seconds: f64,
    /// Messages sent.
    pub sent: Traffic,
    /// Messages heard.
    pub delivered: Traffic,
    /// From when a message was due to when it was heard.
    pub latency: Latency,
    /// Clients that came and went.
    pub visits: Visits,
    /// The longest time in which nobody could send and nobody heard anything, in seconds. That is
    /// how long a server makes everybody wait for a client that does not read.
    pub standstill: f64,
    /// What it took to register all clients, before the first message.
    pub registration: Registration,
    /// What the server used of the machine, if that is known.
    pub usage: Option<Usage>,
    /// What the load generator used of the machine.
    pub generator: Generator,
    /// Number of breaches of each kind.
    pub counts: Vec<(Kind, u64)>,
    /// The first breaches in full.
    pub breaches: Vec<Breach>,
}

/// A number of messages and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Messages.
    pub messages: u64,
    /// Bytes of their lines.
    pub bytes: u64,
}

/// Delivery times of messages, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// The median.
    pub p50: u64,
    /// The 99th percentile.
    pub p99: u64,
    /// The 99.9th percentile.
    pub p99_9: u64,
    /// The maximum.
    pub max: u64,
    /// Upper bounds of buckets, and the number of messages in each: below its bound, but not below
    /// the one before.
    pub distribution: Vec<(u64, u64)>,
}

/// Clients that came and went while others talked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Visits {
    /// Registrations under a name that had been registered before.
    pub came_back: u64,
    /// Goodbyes.
    pub left: u64,
    /// Connections closed without a goodbye.
    pub vanished: u64,
    /// Clients that had stopped reading and that the server then dropped, which is allowed.
    pub dropped: u64,
    /// Clients with a limited reading rate that the server dropped although they kept reading.
    pub dropped_while_reading: u64,
    /// Lines that were not messages of the load: notices from the server.
    pub notices: u64,
}

/// What it took to connect and register all clients of the load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Registration {
    /// From the first connection to the last answer, in seconds.
    pub seconds: f64,
    /// Processor time of the server, in seconds, if that is known.
    pub cpu_seconds: Option<f64>,
}

/// What the server used of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Usage {
    /// Processor time under load, in seconds.
    pub cpu_seconds: f64,
    /// Its own memory before anybody connected, in bytes.
    pub memory_before: u64,
    /// Its own memory when all clients were registered, before the first message, in bytes.
    pub memory_registered: u64,
    /// Its peak resident memory, in bytes.
    pub memory_peak: u64,
    /// Its own memory after the load, when everything was heard, in bytes.
    pub memory_after: u64,
}

/// What the load generator used of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Generator {
    /// Its processor time, in seconds. It has one thread.
    pub cpu_seconds: f64,
    /// The 99th percentile of how late it sent messages, in microseconds. Messages that had to wait
    /// for the server do not count.
    pub late_p99: u64,
    /// Messages that were late because the server, or the listeners, had not yet read the ones
    /// before.
    pub held_back: u64,
}

/// What limited the throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// Nothing: messages were sent at the requested rate.
    Rate,
    /// The load generator was busy all the time. The server may be able to do more.
    Generator,
    /// The machine: messages were late although neither the load generator nor the server was busy.
    Machine,
    /// The server was busy all the time.
    Server,
    /// Both were busy all the time.
    Both,
    /// Neither was busy: they waited for each other or for the system.
    Neither,
}

impl Outcome {
    /// Whether there was no breach.
    pub fn holds(&self) -> bool {
        self.counts.is_empty()
    }

    /// What limited the throughput, as far as that is known.
    pub fn bottleneck(&self) -> Bottleneck {
        const BUSY: f64 = 0.9;
        // Some pollers count in milliseconds, so being one late means nothing.
        const LATE: u64 = 2_000;
        let is_busy = |cpu: f64| cpu > BUSY * self.seconds;
        let generator = is_busy(self.generator.cpu_seconds);
        let server = self.usage.is_some_and(|usage| is_busy(usage.cpu_seconds));
        match self.spec.rate {
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
    /// Evaluates a histogram in microseconds.
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
            max: histogram.max(),
            distribution,
        }
    }
}

impl Traffic {
    /// Adds messages with this many bytes in total.
    pub fn add(&mut self, messages: u64, bytes: usize) {
        self.messages += messages;
        self.bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stress::spec::Length;

    /// The bottleneck of ten seconds with 1,000 messages, given the processor time of the generator
    /// and of the server.
    fn held_back_by(
        rate: Option<f64>,
        [generator, server]: [f64; 2],
        late_p99: u64,
        held_back: u64,
    ) -> Bottleneck {
        let outcome = Outcome {
            server: vec![],
            spec: LoadSpec {
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
                max: 0,
                distribution: vec![],
            },
            visits: Visits::default(),
            usage: Some(Usage {
                cpu_seconds: server,
                memory_before: 0,
                memory_registered: 0,
                memory_peak: 0,
                memory_after: 0,
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
    fn the_bottleneck_is_found() {
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
