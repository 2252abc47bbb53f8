//! The layers of the cage, and what happens to the program's own files in it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// One protection. They are independent of each other; a program under test gets every layer that the machine offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Layer {
    /// Namespaces for its users, mounts, processes, host name and System V objects. The program sees the system, its
    /// tools and its own folder, all read-only except for that folder, and places for temporary files that have
    /// limits on bytes and files. It sees no process and no terminal but its own.
    Namespaces,
    /// A user id of its own for each submission, where root grades without the right to namespaces. The program reads
    /// and changes files as any other user of the machine.
    OwnUser,
    /// Landlock rules. The program reads the system, its tools and its own folder, and writes only to its own folder
    /// and its temporary files. It sends no signals to other programs and reaches no abstract sockets of theirs.
    Landlock,
    /// A seccomp filter. System calls that no chat program needs fail.
    SystemCalls,
}

impl Layer {
    /// All layers, the strongest first.
    pub const ALL: [Layer; 4] = [
        Layer::Namespaces,
        Layer::OwnUser,
        Layer::Landlock,
        Layer::SystemCalls,
    ];

    /// Its name in commands.
    pub fn word(self) -> &'static str {
        match self {
            Layer::Namespaces => "namespaces",
            Layer::OwnUser => "own-user",
            Layer::Landlock => "landlock",
            Layer::SystemCalls => "system-calls",
        }
    }
}

/// The user id of the submission in this folder: far above those of people and of containers. Two submissions of a
/// class of 200 have the same one in 1 of 7,000 classes.
pub fn user_of(folder: &Path) -> u32 {
    const FIRST: u32 = 0x7000_0000;
    const COUNT: u64 = 0x0800_0000;
    let mut hasher = DefaultHasher::new();
    folder.hash(&mut hasher);
    let place = u32::try_from(hasher.finish() % COUNT).unwrap_or_default();
    FIRST + place
}

/// What happens to the program's changes to its working directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum OwnFolder {
    /// They stay.
    #[default]
    Kept,
    /// They are gone after each run, so that every run starts from the same files, and they count as temporary files.
    Restored,
    /// It makes none: the folder is read-only. It is one that contains more than a program, such as a home directory.
    ReadOnly,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn a_word_stands_for_its_layer() {
        for layer in Layer::ALL {
            assert_eq!(Layer::from_str(layer.word(), false), Ok(layer));
        }
        assert_eq!(Layer::ALL, Layer::value_variants());
    }
}
