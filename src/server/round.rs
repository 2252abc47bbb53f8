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
}

impl Round {
    /// Begins anew. The memory is used again, unless it waits in somebody's outbox.
    pub fn clear(&mut self) {
        self.cuts.clear();
        match Rc::get_mut(&mut self.chunk) {
            Some(bytes) => bytes.clear(),
            None => self.chunk = Chunk::default(),
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
