//! What the explorer needs of a conversation, whichever role it tests.

use super::random::Random;
use super::script::Script;

/// A conversation that can be generated, told as a transcript, and made simpler.
pub trait Conversation: Clone + PartialEq + Send + Sync {
    /// A random one for a program that reads in this way.
    fn random(random: &mut Random, reading: Reading) -> Self;

    /// One in which nothing is special.
    fn plain() -> Self;

    /// Its transcript, with everything that must follow from what people do.
    fn script(&self) -> Script;

    /// The same up to this act, which is the last one.
    fn until(&self, act: usize) -> Self;

    /// Simpler ones, those that leave out most first. Each is simpler by a measure that cannot fall for ever.
    fn simpler(&self) -> Vec<Self>;

    /// The same beside somebody who is there first, does nothing and stays. `None` where there is nobody else.
    fn beside_somebody(&self) -> Option<Self>;

    /// Ids of the requirements that its peculiarities are about, the most special first: what is left after nothing
    /// can be left out any more is why it fails.
    fn peculiar_to(&self) -> Vec<&'static str>;

    /// What is special about it, to go at the end of a sentence: "after somebody left by a reset".
    fn circumstances(&self) -> String;
}

/// How a program reads, so far as it limits what can be asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Messages may be sent in parts, and several at once.
    pub takes_segments: bool,
    /// Lines may end with LF and with CR LF.
    pub takes_both_line_ends: bool,
    /// A registration may be sent in parts.
    pub takes_registrations_in_parts: bool,
}

impl Reading {
    /// A program that reads lines, however they come.
    pub const LINES: Reading = Reading {
        takes_segments: true,
        takes_both_line_ends: true,
        takes_registrations_in_parts: true,
    };
    /// A program that takes each read for a message.
    pub const BARE: Reading = Reading {
        takes_segments: false,
        takes_both_line_ends: false,
        takes_registrations_in_parts: false,
    };
}

/// The list with one kind of peculiarity removed everywhere, for each kind that it has.
pub fn plainer_everywhere<T: Clone + PartialEq>(items: &[T], kinds: &[fn(T) -> T]) -> Vec<Vec<T>> {
    let plain = |plainer: &fn(T) -> T| items.iter().cloned().map(plainer).collect();
    let lists = kinds.iter().map(plain);
    lists.filter(|list: &Vec<T>| list != items).collect()
}

/// The lists in which one item is changed.
pub fn changing_one<T: Clone>(items: &[T], changes: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    for (index, item) in items.iter().enumerate() {
        for change in changes(item) {
            let mut changed = items.to_vec();
            changed[index] = change;
            all.push(changed);
        }
    }
    all
}

/// The lists in which one item is replaced by several, for each item for which there are any.
pub fn replacing_one<T: Clone>(items: &[T], by: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let with = |(index, item): (usize, &T)| {
        let several = by(item);
        (!several.is_empty()).then(|| [&items[..index], &several, &items[index + 1..]].concat())
    };
    items.iter().enumerate().filter_map(with).collect()
}

/// As [`leaving_out`], and at least one item is left.
pub fn fewer<T: Clone>(items: &[T]) -> impl Iterator<Item = Vec<T>> {
    let lists = leaving_out(items).into_iter();
    lists.filter(|list| !list.is_empty())
}

/// The lists that arise by leaving out items: large parts first, then each by itself.
pub fn leaving_out<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let mut fewer = Vec::new();
    let mut size = items.len() / 2;
    while size > 0 {
        let mut start = 0;
        while start < items.len() {
            let end = items.len().min(start + size);
            fewer.push([&items[..start], &items[end..]].concat());
            start = end;
        }
        size /= 2;
    }
    fewer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_parts_are_left_out_first() {
        assert_eq!(
            leaving_out(&[1, 2, 3]),
            [vec![2, 3], vec![1, 3], vec![1, 2]]
        );
        assert_eq!(leaving_out(&[1, 2, 3, 4])[..2], [vec![3, 4], vec![1, 2]]);
        assert_eq!(leaving_out::<u8>(&[]), Vec::<Vec<u8>>::new());
    }
}
