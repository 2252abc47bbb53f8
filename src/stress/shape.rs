//! Who talks, how much, and for how long.

use std::time::Duration;

use serde::Serialize;

/// The load that is put on a server. Clients are numbered: first those that send, then those that come and
/// go, then those that stop reading now and then; the rest only listens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shape {
    /// All clients that register.
    pub clients: usize,
    /// How many of them send.
    pub senders: usize,
    /// Messages a second, of all senders together; as many as the sockets take where it is not set.
    pub rate: Option<f64>,
    /// Bytes of text in a message.
    pub size: usize,
    /// When it is enough.
    pub length: Length,
    /// How many come, leave politely, vanish, and come back under the same name.
    pub churning: usize,
    /// How many stop reading for a while, again and again.
    pub slow: usize,
    /// Whether senders write all that their sockets take, however far behind the readers are.
    pub unpaced: bool,
    /// Maximum number of bytes a second that each client that only listens reads.
    pub read_rate: Option<u64>,
    /// How many threads keep the machine busy meanwhile.
    pub busy: usize,
}

/// When a load is over.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// After a time.
    Seconds(f64),
    /// When so many messages were sent.
    Messages(u64),
}

/// What a client does, besides listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It sends.
    Sender,
    /// It comes and goes.
    Churning,
    /// It stops reading now and then.
    Slow,
    /// Nothing.
    Listener,
}

impl Shape {
    /// What has to be remembered: the place of each client in what each sender says.
    const MOST_PLACES: usize = 20_000_000;

    /// Checks that the parts go together.
    ///
    /// # Errors
    /// What does not, and what to change.
    pub fn check(&self) -> Result<(), String> {
        let Shape {
            clients,
            senders,
            churning,
            slow,
            ..
        } = *self;
        if senders + churning + slow > clients {
            return Err(format!(
                "{senders} senders, {churning} that come and go and {slow} slow ones are more than {clients} clients: \
                 give more of --clients"
            ));
        }
        if clients.saturating_mul(senders) > Shape::MOST_PLACES {
            return Err(format!(
                "{clients} clients that each follow {senders} senders are too many to be checked: at most \
                 {} of both multiplied",
                Shape::MOST_PLACES
            ));
        }
        if let Some(rate) = self.read_rate {
            if senders + churning + slow == clients {
                return Err(
                    "nobody only listens, so --read-rate slows nobody: give more of --clients"
                        .to_owned(),
                );
            }
            let least = self.least_read_rate();
            if rate < least {
                return Err(format!(
                    "at --read-rate {rate} a message takes too long to read: at least {least} for texts of {} bytes",
                    self.size
                ));
            }
        }
        Ok(())
    }

    /// Ten messages a second.
    fn least_read_rate(&self) -> u64 {
        const OVERHEAD: usize = 64;
        10 * (self.size + OVERHEAD) as u64
    }

    /// What the client with this number does.
    pub fn part(&self, client: usize) -> Part {
        let parts = [
            (Part::Sender, self.senders),
            (Part::Churning, self.churning),
            (Part::Slow, self.slow),
        ];
        let mut first = 0;
        for (part, count) in parts {
            if client < first + count {
                return part;
            }
            first += count;
        }
        Part::Listener
    }

    /// How long it takes, where that is known before.
    pub fn time(&self) -> Option<Duration> {
        match (self.length, self.rate) {
            (Length::Seconds(seconds), _) => Duration::try_from_secs_f64(seconds).ok(),
            (Length::Messages(count), Some(rate)) => {
                #[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
                let seconds = count as f64 / rate;
                Duration::try_from_secs_f64(seconds).ok()
            }
            (Length::Messages(_), None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(clients: usize, senders: usize, churning: usize, slow: usize) -> Shape {
        Shape {
            clients,
            senders,
            rate: None,
            size: 64,
            length: Length::Messages(1),
            churning,
            slow,
            unpaced: false,
            read_rate: None,
            busy: 0,
        }
    }

    #[test]
    fn parts_are_given_by_number() {
        let shape = shape(7, 2, 1, 2);
        let parts: Vec<Part> = (0..7).map(|client| shape.part(client)).collect();
        use Part::{Churning, Listener, Sender, Slow};
        assert_eq!(
            parts,
            [Sender, Sender, Churning, Slow, Slow, Listener, Listener]
        );
        assert_eq!(shape.check(), Ok(()));
    }

    #[test]
    fn more_parts_than_clients_are_refused() {
        assert!(
            shape(4, 2, 1, 2)
                .check()
                .is_err_and(|why| why.contains("--clients"))
        );
        let slowed = |clients, rate| Shape {
            read_rate: Some(rate),
            ..shape(clients, 2, 1, 2)
        };
        let why = |clients, rate| slowed(clients, rate).check().err().unwrap_or_default();
        assert!(why(5, 9_999).contains("nobody only listens"));
        assert!(why(6, 1_000).contains("at least 1280"));
        assert_eq!(slowed(6, 9_999).check(), Ok(()));
        assert!(
            shape(20_000, 20_000, 0, 0)
                .check()
                .is_err_and(|why| why.contains("too many"))
        );
    }
}
