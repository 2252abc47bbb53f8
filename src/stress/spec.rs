//! The load: who talks, how much, and for how long.

use std::time::Duration;

use serde::Serialize;

/// The load to put on a server. Clients are numbered: first the senders, then those that come and
/// go, then those that stop reading now and then. The rest only listen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadSpec {
    /// Number of clients that register.
    pub clients: usize,
    /// Number of senders among them.
    pub senders: usize,
    /// Messages a second, of all senders together. If unset, as many as the sockets accept.
    pub rate: Option<f64>,
    /// Length of a message's text, in bytes.
    pub size: usize,
    /// When the load ends.
    pub length: Length,
    /// Number of clients that come, say goodbye or vanish, and come back under the same name.
    pub churning: usize,
    /// Number of clients that stop reading for a while, again and again.
    pub slow: usize,
    /// Whether senders write as much as their sockets accept, however far behind the readers are.
    pub unpaced: bool,
    /// Maximum reading rate of each client that only listens, in bytes a second.
    pub read_rate: Option<u64>,
    /// Number of threads that keep the machine busy meanwhile.
    pub busy: usize,
}

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// After a time.
    Seconds(f64),
    /// After this many messages were sent.
    Messages(u64),
}

/// What a client does, besides listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRole {
    /// It sends.
    Sender,
    /// It comes and goes.
    Churning,
    /// It stops reading now and then.
    Slow,
    /// Nothing.
    Listener,
}

impl LoadSpec {
    /// Maximum number of positions to store: one for each client and sender.
    const MAX_POSITIONS: usize = 20_000_000;

    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// What does not fit, and what to change.
    pub fn check(&self) -> Result<(), String> {
        let LoadSpec {
            clients,
            senders,
            churning,
            slow,
            ..
        } = *self;
        if senders + churning + slow > clients {
            return Err(format!(
                "{senders} senders, {churning} clients that come and go and {slow} slow ones exceed {clients} clients in \
                 total: increase --clients"
            ));
        }
        if clients.saturating_mul(senders) > LoadSpec::MAX_POSITIONS {
            return Err(format!(
                "cannot check {clients} clients with {senders} senders: clients times senders must be at most {}",
                LoadSpec::MAX_POSITIONS
            ));
        }
        if let Some(rate) = self.read_rate {
            if senders + churning + slow == clients {
                return Err(
                    "--read-rate applies to clients that only listen, but there are none: increase --clients"
                        .to_owned(),
                );
            }
            let least = self.min_read_rate();
            if rate < least {
                return Err(format!(
                    "--read-rate {rate} is too slow for texts of {} bytes: use at least {least}",
                    self.size
                ));
            }
        }
        Ok(())
    }

    /// Enough for ten messages a second.
    fn min_read_rate(&self) -> u64 {
        const OVERHEAD: usize = 64;
        10 * (self.size + OVERHEAD) as u64
    }

    /// The role of the client with this number.
    pub fn role(&self, client: usize) -> ClientRole {
        let parts = [
            (ClientRole::Sender, self.senders),
            (ClientRole::Churning, self.churning),
            (ClientRole::Slow, self.slow),
        ];
        let mut first = 0;
        for (role, count) in parts {
            if client < first + count {
                return role;
            }
            first += count;
        }
        ClientRole::Listener
    }

    /// Duration of the load, if it is known in advance.
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

    fn spec(clients: usize, senders: usize, churning: usize, slow: usize) -> LoadSpec {
        LoadSpec {
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
    fn roles_depend_on_the_number() {
        let spec = spec(7, 2, 1, 2);
        let parts: Vec<ClientRole> = (0..7).map(|client| spec.role(client)).collect();
        use ClientRole::{Churning, Listener, Sender, Slow};
        assert_eq!(
            parts,
            [Sender, Sender, Churning, Slow, Slow, Listener, Listener]
        );
        assert_eq!(spec.check(), Ok(()));
    }

    #[test]
    fn more_roles_than_clients_are_rejected() {
        assert!(
            spec(4, 2, 1, 2)
                .check()
                .is_err_and(|why| why.contains("--clients"))
        );
        let slowed = |clients, rate| LoadSpec {
            read_rate: Some(rate),
            ..spec(clients, 2, 1, 2)
        };
        let why = |clients, rate| slowed(clients, rate).check().err().unwrap_or_default();
        assert!(why(5, 9_999).contains("only listen, but there are none"));
        assert!(why(6, 1_000).contains("use at least 1280"));
        assert_eq!(slowed(6, 9_999).check(), Ok(()));
        assert!(
            spec(20_000, 20_000, 0, 0)
                .check()
                .is_err_and(|why| why.contains("clients times senders"))
        );
    }
}
