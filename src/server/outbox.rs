//! What waits to be written to one connection.

use super::round::Chunk;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::ops::Range;

/// The most pieces that go into one system call.
const PIECES_A_WRITE: usize = 64;

/// A queue of pieces of shared chunks. Holds no memory while it is empty.
#[derive(Debug, Default)]
pub struct Outbox {
    pieces: VecDeque<Piece>,
    len: usize,
}

#[derive(Debug)]
struct Piece {
    chunk: Chunk,
    range: Range<usize>,
}

/// How far a write came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// Nothing waits.
    All,
    /// The system takes no more for now.
    Part,
}

impl Outbox {
    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a part of a chunk.
    pub fn push(&mut self, chunk: &Chunk, range: Range<usize>) {
        if !range.is_empty() {
            self.len += range.len();
            let chunk = Chunk::clone(chunk);
            self.pieces.push_back(Piece { chunk, range });
        }
    }

    /// Writes what waits, as much as is taken.
    pub fn write_to(&mut self, sink: &mut impl Write) -> io::Result<Written> {
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES_A_WRITE];
            let mut offered = 0;
            for (slice, piece) in slices.iter_mut().zip(&self.pieces) {
                *slice = IoSlice::new(&piece.chunk[piece.range.clone()]);
                offered += slice.len();
            }
            let count = self.pieces.len().min(PIECES_A_WRITE);
            // A single piece is most common, and the simpler call is cheaper.
            let result = match &slices[..count] {
                [slice] => sink.write(slice),
                slices => sink.write_vectored(slices),
            };
            match result {
                Ok(taken) => {
                    self.advance(taken);
                    if taken < offered {
                        return Ok(Written::Part);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Written::Part),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.pieces = VecDeque::new();
        Ok(Written::All)
    }

    fn advance(&mut self, mut taken: usize) {
        self.len -= taken;
        while let Some(piece) = self.pieces.front_mut() {
            if taken < piece.range.len() {
                piece.range.start += taken;
                return;
            }
            taken -= piece.range.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Takes so many bytes at each call, and then no more for now.
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
        #[test]
        fn all_is_written_once_and_in_order(
            ranges in proptest::collection::vec((0usize..100, 0usize..100), 0..100),
            allowances in proptest::collection::vec(0usize..2000, 0..20),
        ) {
            let chunk = Chunk::new((0..100).collect());
            let mut outbox = Outbox::default();
            let mut expected = Vec::new();
            for (start, end) in ranges {
                let range = start.min(end)..end;
                expected.extend_from_slice(&chunk[range.clone()]);
                outbox.push(&chunk, range);
                prop_assert_eq!(outbox.len(), expected.len());
            }
            let mut sink = Trickle { allowances, taken: vec![] };
            while !sink.allowances.is_empty() && !outbox.is_empty() {
                outbox.write_to(&mut sink).unwrap();
            }
            prop_assert_eq!(outbox.len(), expected.len() - sink.taken.len());
            sink.allowances = vec![usize::MAX; 1000];
            prop_assert_eq!(outbox.write_to(&mut sink).unwrap(), Written::All);
            prop_assert_eq!(&sink.taken, &expected);
            prop_assert_eq!(outbox.pieces.capacity(), 0);
        }
    }
}
