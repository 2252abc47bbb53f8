//! Slots: how many replays may use the machine at a time, not counting those that only wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Slots for replays at work. A replay that has waited for a while lends its slot. It takes a slot back without
/// waiting when it goes on, so that it sees nothing late.
#[derive(Debug)]
pub struct Slots {
    /// Number of free slots; negative if lenders took theirs back.
    free: Mutex<i64>,
    freed: Condvar,
}

impl Slots {
    /// `count` free slots.
    pub fn new(count: usize) -> Slots {
        Slots {
            free: Mutex::new(i64::try_from(count).unwrap_or(i64::MAX)),
            freed: Condvar::new(),
        }
    }

    /// Waits for a slot, and holds it until the guard is dropped.
    pub fn take(&self) -> Taken<'_> {
        let mut free = self.lock();
        while *free <= 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Taken { slots: self }
    }

    /// Waits for a slot as long as `goes_on` returns true; asks it now and then.
    pub fn take_while(&self, goes_on: impl Fn() -> bool) -> Option<Taken<'_>> {
        const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
        let mut free = self.lock();
        while goes_on() {
            if *free > 0 {
                *free -= 1;
                return Some(Taken { slots: self });
            }
            let woken = self.freed.wait_timeout(free, BETWEEN_LOOKS);
            free = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        // Pass a wake-up that arrived meanwhile to another thread.
        self.freed.notify_one();
        None
    }

    /// Lends a slot that is held, until the guard is dropped.
    pub fn lend(&self) -> Lent<'_> {
        self.give();
        Lent { slots: self }
    }

    fn give(&self) {
        *self.lock() += 1;
        self.freed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, i64> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
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
        *self.slots.lock() -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_slot_is_another_s_and_comes_back_without_waiting() {
        let slots = Slots::new(1);
        let first = slots.take();
        let lent = slots.lend();
        let second = slots.take();
        // Both are at work now.
        drop(lent);
        assert_eq!(*slots.lock(), -1);
        drop(first);
        assert_eq!(*slots.lock(), 0);
        drop(second);
        assert_eq!(*slots.lock(), 1);
    }

    #[test]
    fn who_need_not_wait_any_more_takes_no_slot() {
        let slots = Slots::new(1);
        let first = slots.take();
        let looks = std::cell::Cell::new(0);
        let is_patient = || looks.replace(looks.get() + 1) < 2;
        assert!(slots.take_while(is_patient).is_none());
        drop(first);
        assert!(slots.take_while(|| true).is_some());
        assert_eq!(*slots.lock(), 1);
    }

    #[test]
    fn who_waits_for_a_slot_gets_the_next() {
        let slots = Slots::new(1);
        std::thread::scope(|scope| {
            let first = slots.take();
            let waiting = scope.spawn(|| drop(slots.take()));
            drop(first);
            waiting.join().expect("gets it");
        });
        assert_eq!(*slots.lock(), 1);
    }
}
