//! How much memory the program needs beyond what it had.

use std::collections::BTreeMap;

use super::cast::Cast;
use crate::conformance::program::system;

/// The memory of each process at the beginning; empty where it is not known.
#[derive(Debug, Default)]
pub(super) struct MemoryUse {
    before: BTreeMap<i32, u64>,
}

impl MemoryUse {
    /// Takes what the program needs now for the beginning, unless there is one.
    pub(super) fn begin(&mut self, cast: &mut Cast<'_>) {
        if self.before.is_empty() {
            self.before = peak(cast);
        }
    }

    /// How many bytes more than at the beginning the program needed since. A process that has ended has given its
    /// memory back.
    pub(super) fn growth(&self, cast: &mut Cast<'_>) -> u64 {
        growth(&self.before, &peak(cast))
    }
}

fn peak(cast: &mut Cast<'_>) -> BTreeMap<i32, u64> {
    let program = cast.programs.first_mut();
    program.map_or_else(BTreeMap::new, |program| {
        system::peak_memory(&program.processes())
    })
}

/// By how much memory grew from `before` to `now`. A process that was started meanwhile shares, or
/// needs to begin with, what the one that started it had: no growth of a server that forks for each client.
fn growth(before: &BTreeMap<i32, u64>, now: &BTreeMap<i32, u64>) -> u64 {
    let Some(at_start) = before.values().max() else {
        return 0;
    };
    let grown =
        |(id, bytes): (&i32, &u64)| bytes.saturating_sub(*before.get(id).unwrap_or(at_start));
    now.iter().map(grown).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_process_grows_only_beyond_what_it_began_with() {
        let before = BTreeMap::from([(1, 10), (2, 4)]);
        let now = |bytes: &[(i32, u64)]| bytes.iter().copied().collect();
        assert_eq!(growth(&before, &now(&[(1, 10), (2, 4)])), 0);
        assert_eq!(growth(&before, &now(&[(1, 10), (3, 11), (4, 9)])), 1);
        assert_eq!(growth(&before, &now(&[(1, 30), (2, 5)])), 21);
        assert_eq!(growth(&before, &now(&[])), 0);
        assert_eq!(growth(&BTreeMap::new(), &now(&[(1, 30)])), 0);
    }
}
