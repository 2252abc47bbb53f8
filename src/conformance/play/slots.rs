//! Slots: how many replays may use the machine at a time, not counting those that only wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Slots for replays at work. A replay that has waited for a while lends its slot. It takes a slot back without
/// waiting when it goes on, so that it sees nothing late.
#[derive(Debug)]
pub struct Slots {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Number of free slots; negative if lenders took theirs back.
    free: i64,
    /// Who waits for a slot, the first in line first.
    line: BTreeMap<Place, Arc<Condvar>>,
    /// Number of those who have stood in line so far.
    arrived: u64,
    /// Number of ranks given so far.
    ranks: u64,
}

/// A place in line: the rank, and the order of arrival.
type Place = (Rank, u64);

/// Who gets a free slot first. A program keeps its rank, so that one that came earlier is finished earlier, and one that
/// came later uses what the others leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(u64);

impl Rank {
    /// Gets a slot only when nobody else wants one.
    pub const LAST: Rank = Rank(u64::MAX);
}

impl Slots {
    /// `count` free slots.
    pub fn new(count: usize) -> Slots {
        Slots {
            state: Mutex::new(State {
                free: i64::try_from(count).unwrap_or(i64::MAX),
                line: BTreeMap::new(),
                arrived: 0,
                ranks: 0,
            }),
        }
    }

    /// A rank after all that were given so far.
    pub fn next_rank(&self) -> Rank {
        let mut state = self.lock();
        state.ranks += 1;
        Rank(state.ranks)
    }

    /// Waits for a slot as long as `goes_on` returns true; asks it now and then. Holds the slot until the guard is
    /// dropped.
    pub fn take_while(&self, rank: Rank, goes_on: impl Fn() -> bool) -> Option<Taken<'_>> {
        const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
        let mut state = self.lock();
        state.arrived += 1;
        let place = (rank, state.arrived);
        let turn = Arc::new(Condvar::new());
        state.line.insert(place, Arc::clone(&turn));
        let mut is_wanted = goes_on();
        while is_wanted && !state.is_turn_of(place) {
            let woken = turn.wait_timeout(state, BETWEEN_LOOKS);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            is_wanted = goes_on();
        }
        state.line.remove(&place);
        state.free -= i64::from(is_wanted);
        state.call_next();
        drop(state);
        is_wanted.then(|| Taken { slots: self })
    }

    /// Lends a slot that is held, until the guard is dropped.
    pub fn lend(&self) -> Lent<'_> {
        self.give();
        Lent { slots: self }
    }

    /// Takes a further slot at once, for a replay whose program keeps a processor busy, until the guard is dropped.
    /// Others begin later for it.
    pub fn burden(&self) -> Taken<'_> {
        self.lock().free -= 1;
        Taken { slots: self }
    }

    fn give(&self) {
        let mut state = self.lock();
        state.free += 1;
        state.call_next();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_turn_of(&self, place: Place) -> bool {
        let first = self.line.first_key_value();
        self.free > 0 && first.is_some_and(|(first, _)| *first == place)
    }

    /// Wakes the first in line, if there is a slot.
    fn call_next(&self) {
        if let Some((_, turn)) = self.line.first_key_value().filter(|_| self.free > 0) {
            turn.notify_one();
        }
    }
}

/// A slot that is held.
#[derive(Debug)]
#[must_use]
pub struct Taken<'a> {
    slots: &'a Slots,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.slots.give();
    }
}

/// A slot that is lent.
#[derive(Debug)]
#[must_use]
pub struct Lent<'a> {
    slots: &'a Slots,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.slots.lock().free -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn take(slots: &Slots) -> Taken<'_> {
        let rank = slots.next_rank();
        slots.take_while(rank, || true).expect("waits for it")
    }

    #[test]
    fn a_lent_slot_is_another_s_and_comes_back_without_waiting() {
        let slots = Slots::new(1);
        let first = take(&slots);
        let lent = slots.lend();
        let second = take(&slots);
        // Both are at work now.
        drop(lent);
        assert_eq!(slots.lock().free, -1);
        drop(first);
        assert_eq!(slots.lock().free, 0);
        drop(second);
        assert_eq!(slots.lock().free, 1);
    }

    #[test]
    fn who_need_not_wait_any_more_takes_no_slot() {
        let slots = Slots::new(1);
        let first = take(&slots);
        let looks = std::cell::Cell::new(0);
        let is_patient = || looks.replace(looks.get() + 1) < 2;
        assert!(slots.take_while(Rank::LAST, is_patient).is_none());
        drop(first);
        assert!(slots.take_while(Rank::LAST, || true).is_some());
        assert_eq!(slots.lock().free, 1);
        assert!(slots.lock().line.is_empty());
    }

    #[test]
    fn who_came_earlier_gets_the_next_slot() {
        let slots = Slots::new(1);
        let held = take(&slots);
        let ranks = [(); 3].map(|()| slots.next_rank());
        let in_line = || slots.lock().line.len();
        let (got, order) = channel();
        std::thread::scope(|scope| {
            for (number, at) in [2, 0, 1].into_iter().enumerate() {
                let (slots, got) = (&slots, got.clone());
                scope.spawn(move || {
                    let slot = slots.take_while(ranks[at], || true);
                    got.send(at).expect("is waited for");
                    drop(slot);
                });
                while in_line() <= number {
                    std::thread::yield_now();
                }
            }
            drop(held);
        });
        drop(got);
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(slots.lock().free, 1);
    }
}
