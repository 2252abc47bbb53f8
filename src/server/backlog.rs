//! Relayed lines that some member has not received yet, as one sequence of rounds that all members
//! share.

use super::room::ConnectionId;
use std::collections::VecDeque;
use std::mem::size_of;
use std::ops::Range;

/// Maximum memory, in bytes, that closed rounds hold before [`Backlog::is_full`].
pub const LIMIT: usize = 8 << 20;
/// Memory that a round costs besides its bytes: its entry here and the allocator's overhead.
const ROUND_OVERHEAD: usize = size_of::<Round>() + 64;
/// Number of buffers of finished rounds to keep for reuse: recently written memory is fast.
const SPARE_BUFFERS: usize = 8;

/// Rounds in the order in which they were filled. The last one is open.
///
/// Each member has a [`Cursor`] and advances it as its socket accepts bytes. A message is stored
/// once, however many members still need it. A round is dropped when no cursor points to it or to
/// an earlier round. The limit therefore applies to everything from the slowest member's cursor to
/// the end.
#[derive(Debug)]
pub struct Backlog {
    /// Never empty: the last round is open.
    rounds: VecDeque<Round>,
    /// Number of the first round in `rounds`.
    first: u64,
    /// Memory of the closed rounds, in bytes.
    held: usize,
    limit: usize,
    spare: Vec<Vec<u8>>,
}

/// How far a member has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Number of a round.
    round: u64,
    /// Bytes of this round that the member has read, not counting bytes excluded for it.
    taken: usize,
}

/// The lines relayed between two waits for the poller, and which of them to withhold from whom.
///
/// The server reads everything that one connection sends in a round in one go. So the bytes that
/// the connection must not get back (S-MSG-2) and those from before it registered (S-MSG-3) form a
/// single range.
#[derive(Debug, Default)]
struct Round {
    bytes: Vec<u8>,
    /// Sorted by id.
    excluded: Vec<(ConnectionId, Range<usize>)>,
    /// Number of cursors that point to this round.
    cursors: usize,
    /// Its share of `held`; 0 while it is open.
    cost: usize,
}

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog::with_limit(LIMIT)
    }
}

impl Backlog {
    /// An empty backlog that is full once closed rounds hold `limit` bytes.
    pub fn with_limit(limit: usize) -> Backlog {
        Backlog {
            rounds: VecDeque::from([Round::default()]),
            first: 0,
            held: 0,
            limit,
            spare: Vec::new(),
        }
    }

    // The open round.

    /// Adds a line, given without its line end, to the open round.
    pub fn relay(&mut self, line: &str) {
        let bytes = &mut self.open_mut().bytes;
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }

    /// Number of bytes in the open round.
    pub fn gathered(&self) -> usize {
        self.open().bytes.len()
    }

    /// Excludes the bytes added to the open round since `start` from what a connection reads. A
    /// range that is already excluded is extended.
    pub fn exclude(&mut self, who: ConnectionId, start: usize) {
        let round = self.open_mut();
        let end = round.bytes.len();
        match round.find_excluded(who) {
            Ok(at) => {
                let range = &mut round.excluded[at].1;
                *range = start.min(range.start)..end;
            }
            Err(at) if start < end => round.excluded.insert(at, (who, start..end)),
            Err(_) => {}
        }
    }

    /// Closes the open round if it has any bytes, so that members can read it. Returns whether it
    /// closed one.
    pub fn close_round(&mut self) -> bool {
        if self.gathered() == 0 {
            self.open_mut().excluded.clear();
            return false;
        }
        let round = self.open_mut();
        round.cost = round.memory();
        self.held += self.rounds.back().map_or(0, |round| round.cost);
        self.rounds.push_back(Round {
            bytes: self.spare.pop().unwrap_or_default(),
            ..Round::default()
        });
        self.drop_finished();
        true
    }

    /// Frees the memory that the newest closed round does not use. Call it after writing to all
    /// members: a round that nobody still needs keeps its memory for the next one.
    pub fn shrink(&mut self) {
        let last_closed = self.rounds.len().wrapping_sub(2);
        if let Some(round) = self.rounds.get_mut(last_closed) {
            if round.bytes.capacity() > round.bytes.len() + round.bytes.len() / 8 {
                round.bytes.shrink_to_fit();
                let cost = round.memory();
                self.held = self.held - round.cost + cost;
                round.cost = cost;
            }
        }
    }

    // Memory.

    /// Memory of the closed rounds, in bytes.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether the backlog is so full that the server should stop reading from members.
    pub fn is_full(&self) -> bool {
        self.held + self.gathered() >= self.limit
    }

    /// Whether the backlog has reached half of its limit.
    pub fn is_half_full(&self) -> bool {
        self.held + self.gathered() >= self.limit / 2
    }

    /// Whether the backlog is so full that the server should stop reading from everybody.
    pub fn is_overfull(&self) -> bool {
        self.held + self.gathered() >= 2 * self.limit
    }

    // Cursors.

    /// A new cursor at the start of the open round: it skips everything before.
    pub fn enter(&mut self) -> Cursor {
        self.open_mut().cursors += 1;
        Cursor {
            round: self.open_number(),
            taken: 0,
        }
    }

    /// Number of the open round. A cursor in it has nothing more to read.
    pub fn open_number(&self) -> u64 {
        self.first + self.rounds.len() as u64 - 1
    }

    /// Removes a cursor.
    pub fn leave(&mut self, cursor: Cursor) {
        if let Some(round) = self.round_mut(cursor.round) {
            round.cursors -= 1;
        }
        self.drop_finished();
    }

    /// Whether the member has nothing to read before round `end`.
    pub fn is_at_end(&self, who: ConnectionId, cursor: Cursor, end: u64) -> bool {
        self.unread(who, cursor, end).next().is_none()
    }

    /// The bytes that the member has yet to read before round `end`, in pieces.
    pub fn unread(
        &self,
        who: ConnectionId,
        cursor: Cursor,
        end: u64,
    ) -> impl Iterator<Item = &[u8]> {
        let end = end.min(self.open_number());
        let mut skip = cursor.taken;
        let rounds = (cursor.round..end).filter_map(|number| self.round(number));
        let pieces = rounds.flat_map(move |round| round.pieces_for(who));
        pieces.filter_map(move |piece| {
            let skipped = skip.min(piece.len());
            skip -= skipped;
            Some(&piece[skipped..]).filter(|piece| !piece.is_empty())
        })
    }

    /// Advances a cursor by `taken` bytes of [`Backlog::unread`], and past rounds in which the
    /// member has nothing more to read.
    pub fn advance(&mut self, who: ConnectionId, cursor: &mut Cursor, taken: usize) {
        let (from, open) = (cursor.round, self.open_number());
        cursor.taken += taken;
        while cursor.round < open {
            let length = self
                .round(cursor.round)
                .map_or(0, |round| round.length_for(who));
            if cursor.taken < length {
                break;
            }
            cursor.taken -= length;
            cursor.round += 1;
        }
        if cursor.round != from {
            if let Some(round) = self.round_mut(from) {
                round.cursors -= 1;
            }
            if let Some(round) = self.round_mut(cursor.round) {
                round.cursors += 1;
            }
            self.drop_finished();
        }
    }

    fn drop_finished(&mut self) {
        while self.rounds.len() > 1 && self.rounds[0].cursors == 0 {
            let Some(round) = self.rounds.pop_front() else {
                return;
            };
            self.first += 1;
            self.held -= round.cost;
            if self.spare.len() < SPARE_BUFFERS {
                let mut bytes = round.bytes;
                bytes.clear();
                self.spare.push(bytes);
            }
        }
    }

    fn open(&self) -> &Round {
        &self.rounds[self.rounds.len() - 1]
    }

    fn open_mut(&mut self) -> &mut Round {
        let last = self.rounds.len() - 1;
        &mut self.rounds[last]
    }

    fn round(&self, number: u64) -> Option<&Round> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.rounds.get(index)
    }

    fn round_mut(&mut self, number: u64) -> Option<&mut Round> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.rounds.get_mut(index)
    }
}

impl Round {
    /// The pieces that this member reads: before and after its excluded range.
    fn pieces_for(&self, who: ConnectionId) -> [&[u8]; 2] {
        match self.find_excluded(who) {
            Ok(at) => {
                let cut = &self.excluded[at].1;
                [&self.bytes[..cut.start], &self.bytes[cut.end..]]
            }
            Err(_) => [&self.bytes, &[]],
        }
    }

    /// Number of bytes that this member reads.
    fn length_for(&self, who: ConnectionId) -> usize {
        let cut = self.find_excluded(who).map(|at| self.excluded[at].1.len());
        self.bytes.len() - cut.unwrap_or(0)
    }

    /// Index of its excluded range, or the index at which to insert one.
    fn find_excluded(&self, who: ConnectionId) -> Result<usize, usize> {
        self.excluded
            .binary_search_by_key(&who, |(other, _)| *other)
    }

    /// Memory that the round holds, in bytes.
    fn memory(&self) -> usize {
        let per_range = size_of::<(ConnectionId, Range<usize>)>();
        ROUND_OVERHEAD + self.bytes.capacity() + per_range * self.excluded.capacity()
    }
}
