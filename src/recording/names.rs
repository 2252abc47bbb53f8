//! Gives each connection of a conversation an actor: a name in lower-case letters, unique among those who are there.
//! Pure.

use std::collections::BTreeSet;

use super::conversation::{Deed, Part};
use crate::transcript::{MAX_NAME, is_actor_name};

/// The actor of a client that never says a name.
const NAMELESS: &str = "guest";
/// Letters left for what makes a name unique.
const RESERVED: usize = 4;

/// The actor of each connection, by its number. Somebody who comes back is the same actor.
pub fn actors(parts: &[Part]) -> Vec<String> {
    let mut actors: Vec<String> = Vec::new();
    let mut present: BTreeSet<String> = BTreeSet::new();
    for (at, part) in parts.iter().enumerate() {
        let Part::Client { connection, deed } = part else {
            continue;
        };
        if actors.len() <= *connection {
            actors.resize(connection + 1, String::new());
        }
        match deed {
            Deed::Joins(_) | Deed::Connects => {
                let actor = unique(&wanted(&parts[at..], *connection), &present);
                present.insert(actor.clone());
                actors[*connection] = actor;
            }
            Deed::Leaves { .. } | Deed::IsDisconnected => {
                present.remove(&actors[*connection]);
            }
            Deed::Says(_) | Deed::Hears(_) | Deed::HearsUnfinished(_) => {}
        }
    }
    actors
}

/// The letters of the first name that a client wants to register.
fn wanted(parts: &[Part], connection: usize) -> String {
    let mut names = parts.iter().filter_map(|part| match part {
        Part::Client {
            connection: other,
            deed,
        } if *other == connection => deed.asked_name(),
        _ => None,
    });
    let letters = names.next().unwrap_or_default().chars();
    let letters = letters.filter(char::is_ascii_alphabetic);
    let letters: String = letters
        .map(|letter| letter.to_ascii_lowercase())
        .take(MAX_NAME - RESERVED)
        .collect();
    if letters.is_empty() {
        NAMELESS.to_owned()
    } else {
        letters
    }
}

/// The name, with letters behind it where somebody has it already, or where it means something else.
fn unique(name: &str, present: &BTreeSet<String>) -> String {
    let is_free = |name: &String| is_actor_name(name) && !present.contains(name);
    let mut names = (0..).map(|number| format!("{name}{}", letters(number)));
    names.find(is_free).unwrap_or_default()
}

/// Nothing, `b`, `c`, and so on.
fn letters(number: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = number;
    while rest > 0 {
        letters.extend(char::from_digit(rest % 26 + 10, 36));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(connection: usize, deed: Deed) -> Part {
        Part::Client { connection, deed }
    }

    fn joins(connection: usize, name: &str) -> Part {
        part(connection, Deed::Joins(name.to_owned()))
    }

    fn leaves(connection: usize) -> Part {
        part(connection, Deed::Leaves { reset: false })
    }

    #[test]
    fn an_actor_has_the_letters_of_the_name() {
        for (name, actor) in [
            ("alice", "alice"),
            ("Alice_2", "alice"),
            ("X-Æ", "x"),
            ("42", "guest"),
            ("server", "serverb"),
            ("covers", "coversb"),
            ("another", "anotherb"),
        ] {
            assert_eq!(actors(&[joins(0, name)]), [actor], "{name}");
        }
        let long = "x".repeat(70);
        assert_eq!(actors(&[joins(0, &long)]), ["x".repeat(60)]);
        assert_eq!(actors(&[part(0, Deed::Connects)]), ["guest"]);
    }

    #[test]
    fn each_has_a_name_of_its_own_while_it_is_there() {
        let both = [joins(0, "al"), joins(1, "AL"), joins(2, "al")];
        assert_eq!(actors(&both), ["al", "alb", "alc"]);
        let again = [joins(0, "al"), leaves(0), joins(1, "al")];
        assert_eq!(actors(&again), ["al", "al"]);
        let crowd: Vec<Part> = (0..100).map(|number| joins(number, "al")).collect();
        let names: BTreeSet<String> = actors(&crowd).into_iter().collect();
        assert_eq!(names.len(), 100);
        assert!(names.iter().all(|name| is_actor_name(name)), "{names:?}");
    }

    #[test]
    fn a_refused_client_is_named_by_what_it_asked_for() {
        use super::super::messages::Speech;
        let asks = |text: &str| Deed::Says(Speech::Message(text.as_bytes().to_vec()));
        let parts = [
            joins(0, "al"),
            part(1, Deed::Connects),
            part(1, asks("hello")),
            part(1, asks("REGISTER Bo")),
        ];
        assert_eq!(actors(&parts), ["al", "bo"]);
    }
}
