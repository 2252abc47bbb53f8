//! Random choices that can be repeated.

use std::ops::RangeInclusive;

/// A source of choices. The same seed and number give the same choices, whichever conversations came before.
#[derive(Debug)]
pub struct Random(fastrand::Rng);

impl Random {
    /// The choices of conversation `number` of an exploration.
    pub fn of_conversation(seed: u64, number: u64) -> Random {
        let mut seeds = fastrand::Rng::with_seed(seed);
        let of_exploration = seeds.u64(..);
        Random(fastrand::Rng::with_seed(
            of_exploration ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        ))
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.0.u32(0..100) < percent
    }

    /// A number in this range.
    pub fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        self.0.usize(range)
    }

    /// One of these; `None` where there are none.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        self.0.choice(items)
    }

    /// Those of these that are chosen with this chance, each by itself.
    pub fn some_of<T: Clone>(&mut self, items: &[T], percent: u32) -> Vec<T> {
        let chosen = items.iter().filter(|_| self.chance(percent));
        chosen.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_depend_on_seed_and_number_alone() {
        let choices = |seed, number| {
            let mut random = Random::of_conversation(seed, number);
            (0..20).map(|_| random.within(0..=1000)).collect::<Vec<_>>()
        };
        assert_eq!(choices(7, 3), choices(7, 3));
        assert_ne!(choices(7, 3), choices(7, 4));
        assert_ne!(choices(7, 3), choices(8, 3));
    }
}
