//! Words for what contains a program under test, and for what does not.

use std::fmt::Write;

use crate::conformance::program::cage::layer::Layer;

/// What contains a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Containment<'c> {
    /// The layers of its cage.
    pub layers: &'c [Layer],
    /// Whether each run has a network of its own.
    pub has_own_network: bool,
    /// The version of Landlock's interface, if there is one.
    pub landlock: Option<i32>,
}

/// The name of a layer.
pub fn name(layer: Layer) -> &'static str {
    match layer {
        Layer::Namespaces => "namespaces",
        Layer::OwnUser => "a user id of their own",
        Layer::Landlock => "Landlock",
        Layer::SystemCalls => "a seccomp filter",
    }
}

/// The name of the protection that is not a layer of the cage.
pub const OWN_NETWORK: &str = "a network of their own";

/// What is missing, in words; `None` if nothing is.
pub fn missing(containment: &Containment<'_>) -> Option<String> {
    let names = containment.names(false);
    (!names.is_empty()).then(|| listed(&names, "or"))
}

impl Containment<'_> {
    /// Those that contain the program, or those that do not.
    fn names(&self, are_active: bool) -> Vec<&'static str> {
        let layers = Layer::ALL.into_iter();
        let layers = layers.filter(|layer| self.layers.contains(layer) == are_active);
        // It takes the place of namespaces where root cannot have them.
        let layers = layers.filter(|layer| are_active || *layer != Layer::OwnUser);
        let network = (self.has_own_network == are_active).then_some(OWN_NETWORK);
        layers.map(name).chain(network).collect()
    }

    /// What a program could do on this machine although it should not.
    fn dangers(&self) -> Vec<&'static str> {
        let has = |layer| self.layers.contains(&layer);
        let apart = has(Layer::Namespaces);
        let ruled = has(Layer::Landlock).then_some(self.landlock).flatten();
        let mut dangers = Vec::new();
        if apart {
            // It sees neither other files nor other processes.
        } else if let Some(version) = ruled {
            /// The first version with rules about emptying files.
            const TRUNCATE: i32 = 3;
            /// The first version with rules about signals.
            const SIGNALS: i32 = 6;
            dangers.extend(["see other processes", "fill the disk"]);
            if version < TRUNCATE {
                dangers.push("empty other files");
            }
            if version < SIGNALS && !has(Layer::OwnUser) {
                dangers.push("end other processes of this user");
            }
        } else if has(Layer::OwnUser) {
            dangers.extend(["read what every user can read", "fill the disk"]);
        } else {
            dangers.extend([
                "read and change the files of this user",
                "end other processes of this user",
            ]);
        }
        if !has(Layer::SystemCalls) && !apart {
            dangers.push("inspect other processes");
        }
        if !self.has_own_network {
            dangers.push("reach other machines");
        }
        dangers
    }

    /// What contains the program, and what a program could do because of what does not.
    pub fn sentence(&self) -> String {
        let (active, missing) = (self.names(true), self.names(false));
        let mut text = if active.is_empty() {
            "programs are not contained, except by limits".to_owned()
        } else {
            format!("programs are contained by {}", listed(&active, "and"))
        };
        if !active.is_empty() && !missing.is_empty() {
            let _ = write!(text, ", but not by {}", listed(&missing, "or"));
        }
        let dangers = self.dangers();
        if !dangers.is_empty() {
            let _ = write!(text, ": they could {}", listed(&dangers, "and"));
        }
        text
    }
}

fn listed(words: &[&str], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_contains_programs_and_what_does_not() {
        let sentence = |layers: &[Layer], has_own_network| {
            let containment = Containment {
                layers,
                has_own_network,
                landlock: Some(6),
            };
            containment.sentence()
        };
        assert_eq!(
            sentence(
                &[Layer::Namespaces, Layer::Landlock, Layer::SystemCalls],
                true
            ),
            "programs are contained by namespaces, Landlock, a seccomp filter and a network of their own"
        );
        assert_eq!(
            sentence(&[Layer::Landlock, Layer::SystemCalls], false),
            "programs are contained by Landlock and a seccomp filter, but not by namespaces or a network of their own: \
             they could see other processes, fill the disk and reach other machines"
        );
        let old = Containment {
            layers: &[Layer::Landlock, Layer::SystemCalls],
            has_own_network: true,
            landlock: Some(2),
        };
        assert_eq!(
            old.sentence(),
            "programs are contained by Landlock, a seccomp filter and a network of their own, but not by namespaces: \
             they could see other processes, fill the disk, empty other files and end other processes of this user"
        );
        assert_eq!(
            sentence(&[], false),
            "programs are not contained, except by limits: they could read and change the files of this user, end other \
             processes of this user, inspect other processes and reach other machines"
        );
    }

    #[test]
    fn nothing_is_missing_where_everything_is_there() {
        let mut containment = Containment {
            layers: &Layer::ALL,
            has_own_network: true,
            landlock: Some(6),
        };
        assert_eq!(missing(&containment), None);
        containment.has_own_network = false;
        assert_eq!(missing(&containment).as_deref(), Some(OWN_NETWORK));
    }
}
