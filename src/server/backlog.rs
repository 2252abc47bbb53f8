//! What was relayed and has not reached every member yet: one sequence of rounds that all members share.

use super::room::ConnectionId;
use std::collections::VecDeque;
use std::mem::size_of;
use std::ops::Range;

/// Maximum memory, in bytes, that closed rounds hold before [`Backlog::is_full`].
pub const LIMIT: usize = 8 << 20;
/// What a round costs besides its bytes: its entry here, and what the allocator adds.
const COST_OF_A_ROUND: usize = size_of::<Round>() + 64;
/// How many buffers of finished rounds are kept for new ones: memory that was written a moment ago is fast.
const SPARE_BUFFERS: usize = 8;

/// Rounds in the order in which they were gathered; the last one is still open.
///
/// Each member has a [`Place`] in it and moves on as its socket takes bytes, so a message is stored once,
/// whoever has yet to get it. A round goes when no place points to it or to an earlier one. What is bounded
/// is therefore what is held: from the slowest member's place to the end.
#[derive(Debug)]
pub struct Backlog {
    /// Never empty: the last one is open.
    rounds: VecDeque<Round>,
    /// Number of the first of them.
    first: u64,
    /// Memory of the closed rounds, in bytes.
    held: usize,
    limit: usize,
    spare: Vec<Vec<u8>>,
}

/// How far a member has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Number of a round.
    round: u64,
    /// How many bytes the member has taken of those that it gets of this round.
    taken: usize,
}

/// The lines that were relayed between two waits for the poller, and who does not get which of them.
///
/// All that one connection says in a round is read in one go. So what it must not get back (S-MSG-2),
/// together with what was said before it registered (S-MSG-3), is one range: its cut.
#[derive(Debug, Default)]
struct Round {
    bytes: Vec<u8>,
    /// In the order of the ids.
    cuts: Vec<(ConnectionId, Range<usize>)>,
    /// How many places point to it.
    places: usize,
    /// Its part of what the backlog holds; 0 while it is open.
    cost: usize,
}

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog::with_limit(LIMIT)
    }
}

impl Backlog {
    /// An empty backlog that is full when closed rounds hold `limit` bytes.
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

    /// Adds a line, given without its end, to the open round.
    pub fn relay(&mut self, line: &str) {
        let bytes = &mut self.open_mut().bytes;
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }

    /// How many bytes the open round has.
    pub fn gathered(&self) -> usize {
        self.open().bytes.len()
    }

    /// Keeps from a connection what came into the open round since `start`, and since its cut began if it has one.
    pub fn cut(&mut self, who: ConnectionId, start: usize) {
        let round = self.open_mut();
        let end = round.bytes.len();
        match round.find_cut(who) {
            Ok(at) => {
                let cut = &mut round.cuts[at].1;
                *cut = start.min(cut.start)..end;
            }
            Err(at) if start < end => round.cuts.insert(at, (who, start..end)),
            Err(_) => {}
        }
    }

    /// Closes the open round, if it has any bytes: from now on members can read it. Returns whether it had.
    pub fn close_round(&mut self) -> bool {
        if self.gathered() == 0 {
            self.open_mut().cuts.clear();
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

    /// Gives back the memory that the newest closed round does not use. Call it after everybody was written to: a
    /// round that nobody waits for keeps its memory for the next one.
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

    // What is held.

    /// Memory of the closed rounds, in bytes.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Whether so much is held that members should not be read.
    pub fn is_full(&self) -> bool {
        self.held + self.gathered() >= self.limit
    }

    /// Whether at least half of what may be held is held.
    pub fn is_half_full(&self) -> bool {
        self.held + self.gathered() >= self.limit / 2
    }

    /// Whether so much is held that nobody should be read.
    pub fn is_overfull(&self) -> bool {
        self.held + self.gathered() >= 2 * self.limit
    }

    // Places.

    /// A new place, in the open round: nothing before it is read.
    pub fn enter(&mut self) -> Place {
        self.open_mut().places += 1;
        Place {
            round: self.open_number(),
            taken: 0,
        }
    }

    /// Number of the open round, which is where a place has nothing more to read.
    pub fn open_number(&self) -> u64 {
        self.first + self.rounds.len() as u64 - 1
    }

    /// Gives up a place.
    pub fn leave(&mut self, place: Place) {
        if let Some(round) = self.round_mut(place.round) {
            round.places -= 1;
        }
        self.drop_finished();
    }

    /// Whether the member has nothing to read before the round `end`.
    pub fn is_at_end(&self, who: ConnectionId, place: Place, end: u64) -> bool {
        self.unread(who, place, end).next().is_none()
    }

    /// What the member has yet to read before the round `end`, in pieces.
    pub fn unread(&self, who: ConnectionId, place: Place, end: u64) -> impl Iterator<Item = &[u8]> {
        let end = end.min(self.open_number());
        let mut skip = place.taken;
        let rounds = (place.round..end).filter_map(|number| self.round(number));
        let pieces = rounds.flat_map(move |round| round.pieces_for(who));
        pieces.filter_map(move |piece| {
            let skipped = skip.min(piece.len());
            skip -= skipped;
            Some(&piece[skipped..]).filter(|piece| !piece.is_empty())
        })
    }

    /// Moves a place on by `taken` bytes of what [`Backlog::unread`] gives, and past rounds in which the member has
    /// nothing more to read.
    pub fn move_on(&mut self, who: ConnectionId, place: &mut Place, taken: usize) {
        let (from, open) = (place.round, self.open_number());
        place.taken += taken;
        while place.round < open {
            let length = self
                .round(place.round)
                .map_or(0, |round| round.length_for(who));
            if place.taken < length {
                break;
            }
            place.taken -= length;
            place.round += 1;
        }
        if place.round != from {
            if let Some(round) = self.round_mut(from) {
                round.places -= 1;
            }
            if let Some(round) = self.round_mut(place.round) {
                round.places += 1;
            }
            self.drop_finished();
        }
    }

    fn drop_finished(&mut self) {
        while self.rounds.len() > 1 && self.rounds[0].places == 0 {
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
    /// The pieces that this member gets: what is before its cut, and after it.
    fn pieces_for(&self, who: ConnectionId) -> [&[u8]; 2] {
        match self.find_cut(who) {
            Ok(at) => {
                let cut = &self.cuts[at].1;
                [&self.bytes[..cut.start], &self.bytes[cut.end..]]
            }
            Err(_) => [&self.bytes, &[]],
        }
    }

    /// How many bytes this member gets.
    fn length_for(&self, who: ConnectionId) -> usize {
        let cut = self.find_cut(who).map(|at| self.cuts[at].1.len());
        self.bytes.len() - cut.unwrap_or(0)
    }

    /// Where its cut is, or would be.
    fn find_cut(&self, who: ConnectionId) -> Result<usize, usize> {
        self.cuts.binary_search_by_key(&who, |(other, _)| *other)
    }

    /// Memory that it holds, in bytes.
    fn memory(&self) -> usize {
        let of_a_cut = size_of::<(ConnectionId, Range<usize>)>();
        COST_OF_A_ROUND + self.bytes.capacity() + of_a_cut * self.cuts.capacity()
    }
}
