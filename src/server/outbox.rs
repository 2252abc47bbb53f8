//! The bytes waiting to be sent to one client.

use super::backlog::{Backlog, Cursor};
use super::room::ConnectionId;
use std::io::{self, ErrorKind, IoSlice, Write};

/// Maximum number of pieces in one system call.
const MAX_PIECES_PER_WRITE: usize = 64;

/// Messages for one client alone, and its cursor in the backlog of relayed lines. It uses no memory
/// of its own while nothing waits.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Sent before anything from the backlog.
    first: Vec<u8>,
    /// How far it has read in the backlog; `None` for a client that is not a member.
    cursor: Option<Cursor>,
    /// For a client that is about to leave: the round before which it stops reading.
    end: Option<u64>,
    /// Sent after everything from the backlog.
    last: Vec<u8>,
}

/// The result of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Number of bytes that the socket accepted.
    pub taken: usize,
    /// Whether nothing is left to send. If not, the socket accepts no more for now.
    pub is_all: bool,
}

impl Outbox {
    /// Adds a message for this client alone.
    pub fn push(&mut self, message: &[u8]) {
        let end = if self.cursor.is_none() {
            &mut self.first
        } else {
            &mut self.last
        };
        end.extend_from_slice(message);
    }

    /// Subscribes to the backlog: every line relayed from now on is for this client.
    pub fn enter(&mut self, backlog: &mut Backlog) {
        self.cursor = Some(backlog.enter());
    }

    /// Ends the subscription: lines relayed from now on are not for this client. Earlier ones still
    /// are.
    pub fn close(&mut self, backlog: &Backlog) {
        self.end = Some(backlog.open_number());
    }

    /// Drops everything that waits.
    pub fn discard(&mut self, backlog: &mut Backlog) {
        if let Some(cursor) = self.cursor.take() {
            backlog.leave(cursor);
        }
        self.first = Vec::new();
        self.last = Vec::new();
    }

    /// Writes the waiting bytes, as many as `sink` accepts.
    ///
    /// # Errors
    /// When the sink fails permanently.
    pub fn write_to(
        &mut self,
        sink: &mut impl Write,
        who: ConnectionId,
        backlog: &mut Backlog,
    ) -> io::Result<Written> {
        let mut written = Written {
            taken: 0,
            is_all: false,
        };
        loop {
            let mut slices = [IoSlice::new(&[]); MAX_PIECES_PER_WRITE];
            let (mut count, mut offered, mut relayed) = (0, 0, 0);
            let mut offer = |piece| {
                let is_offered = count < MAX_PIECES_PER_WRITE;
                if is_offered {
                    slices[count] = IoSlice::new(piece);
                    count += 1;
                    offered += piece.len();
                }
                is_offered
            };
            if !self.first.is_empty() {
                offer(&self.first);
            }
            let end = self.end.unwrap_or(u64::MAX);
            for piece in self
                .cursor
                .into_iter()
                .flat_map(|cursor| backlog.unread(who, cursor, end))
            {
                if !offer(piece) {
                    break;
                }
                relayed += piece.len();
            }
            if !self.last.is_empty() {
                offer(&self.last);
            }
            // A single piece is the common case, and the simpler call is cheaper.
            let result = match &slices[..count] {
                [] => Ok(0),
                [slice] => sink.write(slice),
                slices => sink.write_vectored(slices),
            };
            match result {
                Ok(taken) => {
                    self.take(taken, relayed, who, backlog);
                    written.taken += taken;
                    if taken < offered {
                        return Ok(written);
                    }
                    if count < MAX_PIECES_PER_WRITE {
                        written.is_all = true;
                        return Ok(written);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Advances by `taken` bytes, at most `relayed` of them from the backlog.
    fn take(&mut self, taken: usize, relayed: usize, who: ConnectionId, backlog: &mut Backlog) {
        let of_first = taken.min(self.first.len());
        let of_backlog = (taken - of_first).min(relayed);
        remove_front(&mut self.first, of_first);
        remove_front(&mut self.last, taken - of_first - of_backlog);
        let Some(cursor) = &mut self.cursor else {
            return;
        };
        backlog.advance(who, cursor, of_backlog);
        let has_read_all = self
            .end
            .is_some_and(|end| backlog.is_at_end(who, *cursor, end));
        if has_read_all {
            backlog.leave(*cursor);
            self.cursor = None;
        }
    }
}

fn remove_front(bytes: &mut Vec<u8>, count: usize) {
    bytes.drain(..count);
    if bytes.is_empty() {
        *bytes = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Accepts the given number of bytes at each call, then none.
    struct Trickle {
        allowances: Vec<usize>,
        taken: Vec<u8>,
    }

    impl Write for Trickle {
        fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
            let Some(allowance @ 1..) = self.allowances.pop() else {
                return Err(ErrorKind::WouldBlock.into());
            };
            let offered = slices.iter().flat_map(|slice| slice.iter().copied());
            let before = self.taken.len();
            self.taken.extend(offered.take(allowance));
            Ok(self.taken.len() - before)
        }

        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.write_vectored(&[IoSlice::new(bytes)])
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        /// Three members, one of whom speaks: each receives what the others said, in whatever
        /// portions.
        #[test]
        fn every_byte_is_written_once_and_in_order(
            rounds in proptest::collection::vec((0usize..3, 0usize..150), 0..100),
            allowances in proptest::collection::vec(0usize..3000, 0..20),
        ) {
            let mut backlog = Backlog::with_limit(usize::MAX);
            let mut outboxes = [(); 3].map(|()| Outbox::default());
            let mut expected = [(); 3].map(|()| Vec::new());
            for (outbox, expected) in outboxes.iter_mut().zip(&mut expected) {
                outbox.push(b"hello\n");
                expected.extend_from_slice(b"hello\n");
                outbox.enter(&mut backlog);
            }
            for (number, (speaker, length)) in rounds.into_iter().enumerate() {
                let line = format!("{number}{}", "x".repeat(length));
                backlog.relay(&line);
                backlog.exclude(ConnectionId(speaker), 0);
                backlog.close_round();
                backlog.shrink();
                for (_, expected) in expected.iter_mut().enumerate().filter(|(who, _)| *who != speaker) {
                    expected.extend_from_slice(line.as_bytes());
                    expected.push(b'\n');
                }
            }
            for outbox in &mut outboxes {
                outbox.close(&backlog);
                outbox.push(b"bye\n");
            }
            backlog.relay("nobody gets this");
            backlog.close_round();
            for (who, (outbox, mut expected)) in outboxes.iter_mut().zip(expected).enumerate() {
                expected.extend_from_slice(b"bye\n");
                let mut sink = Trickle { allowances: allowances.clone(), taken: vec![] };
                while !sink.allowances.is_empty() {
                    let before = sink.taken.len();
                    let written = outbox.write_to(&mut sink, ConnectionId(who), &mut backlog).unwrap();
                    prop_assert_eq!(written.taken, sink.taken.len() - before);
                    if written.is_all {
                        break;
                    }
                }
                sink.allowances = vec![usize::MAX; 1000];
                let rest = outbox.write_to(&mut sink, ConnectionId(who), &mut backlog).unwrap();
                prop_assert!(rest.is_all);
                prop_assert_eq!(String::from_utf8_lossy(&sink.taken), String::from_utf8_lossy(&expected));
                prop_assert_eq!(outbox.cursor, None);
            }
            prop_assert_eq!(backlog.held(), 0);
        }
    }
}
