//! What one wake-up gathers to be relayed, shared by all who get it.

use super::room::ConnectionId;
use std::ops::Range;
use std::rc::Rc;

/// Bytes that any number of recipients share.
pub type Chunk = Rc<Vec<u8>>;

/// The lines relayed in one wake-up, in order, and who does not get which of them.
///
/// All that one connection says in a round is taken in one go. So what it must not get back
/// (S-MSG-2), together with what was said before it was registered (S-MSG-3), is one range: its cut.
#[derive(Debug, Default)]
pub struct Round {
    chunk: Chunk,
    cuts: Vec<(ConnectionId, Range<usize>)>,
    /// Chunks of earlier rounds, parts of which may wait in outboxes.
    earlier: Vec<Chunk>,
}

/// How many earlier chunks are kept to be used again: memory that was written to a moment ago is at hand.
const KEPT_CHUNKS: usize = 8;

impl Round {
    /// Begins anew, in memory that waits in nobody's outbox any more, where there is some.
    pub fn clear(&mut self) {
        self.cuts.clear();
        if Rc::strong_count(&self.chunk) > 1 {
            let is_free = |chunk: &Chunk| Rc::strong_count(chunk) == 1;
            let free = self.earlier.iter().rposition(is_free);
            let next = free.map(|at| self.earlier.swap_remove(at));
            let waiting = std::mem::replace(&mut self.chunk, next.unwrap_or_default());
            if self.earlier.len() < KEPT_CHUNKS {
                self.earlier.push(waiting);
            }
        }
        if let Some(bytes) = Rc::get_mut(&mut self.chunk) {
            bytes.clear();
        }
    }

    /// Adds a line, given without its end.
    pub fn relay(&mut self, line: &str) {
        // Nobody shares the chunk before the round is delivered, so nothing is copied here.
        let bytes = Rc::make_mut(&mut self.chunk);
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
    }

    /// How many bytes there are to be relayed.
    pub fn len(&self) -> usize {
        self.chunk.len()
    }

    /// Whether nothing is to be relayed.
    pub fn is_empty(&self) -> bool {
        self.chunk.is_empty()
    }

    /// Keeps from one connection all that came since `start`, and since its cut began if it has one.
    pub fn cut(&mut self, who: ConnectionId, start: usize) {
        let end = self.len();
        match self.find_cut(who) {
            Ok(at) => {
                let cut = &mut self.cuts[at].1;
                *cut = start.min(cut.start)..end;
            }
            Err(at) if start < end => self.cuts.insert(at, (who, start..end)),
            Err(_) => {}
        }
    }

    /// The bytes that all share.
    pub fn chunk(&self) -> &Chunk {
        &self.chunk
    }

    /// The parts of the chunk that this member gets: what is before its cut, and after it.
    pub fn parts_for(&self, member: ConnectionId) -> [Range<usize>; 2] {
        match self.find_cut(member) {
            Ok(at) => {
                let cut = &self.cuts[at].1;
                [0..cut.start, cut.end..self.len()]
            }
            Err(_) => [0..self.len(), self.len()..self.len()],
        }
    }
    /// Where its cut is, or would be: they are in the order of ids.
    fn find_cut(&self, who: ConnectionId) -> Result<usize, usize> {
        self.cuts.binary_search_by_key(&who, |(other, _)| *other)
    }
}
