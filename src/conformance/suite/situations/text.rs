//! What is special about a text.

/// What can be special about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Nothing is.
    Plain,
    /// Spaces at its ends, or two in a row.
    Spaces,
    /// A tab.
    Tab,
    /// Spaces only.
    Blank,
    /// No letters, or just one.
    Odd,
    /// `DISCONNECT`, `REGISTER` or `CHAT/1.0`, in any case.
    Control,
    /// A status of the protocol.
    Status,
    /// An `@`.
    At,
    /// A colon.
    Colon,
    /// What other programs take for a command.
    Command,
    /// Marks that other tools take for their own.
    Marks,
    /// Beyond ASCII.
    Unicode,
    /// Separators of Unicode, and characters that are hard to see.
    Invisible,
    /// Wider than the screen.
    Wide,
    /// 100 to 800 bytes.
    Hundreds,
    /// About 1,000 bytes.
    Thousand,
}

/// Everything that is special about a text; [`Feature::Plain`] if nothing is.
pub fn features(text: &str) -> Vec<Feature> {
    const COMMANDS: &[&str] = &["quit", "exit", "q"];
    const MARKS: &[char] = &['%', '{', '}', '[', ']', '<', '>', '\\', '"', '$', '`', '#'];
    const STATUSES: &[&str] = &["200", "400", "401"];
    /// Columns of the terminal of a client.
    const COLUMNS: usize = 120;
    let upper = text.to_uppercase();
    let has_any = |words: &[&str]| words.iter().any(|word| upper.contains(word));
    let is_invisible = |c: char| matches!(c, '\u{85}' | '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{3000}' | '\u{feff}');
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let is_blank = text.trim_matches(' ').is_empty();
    let checks = [
        (Feature::Blank, is_blank),
        (
            Feature::Spaces,
            !is_blank && (text != text.trim_matches(' ') || text.contains("  ")),
        ),
        (Feature::Tab, text.contains('\t')),
        (
            Feature::Odd,
            !is_blank && letters <= 1 && text.chars().count() < 10,
        ),
        (
            Feature::Control,
            has_any(&["DISCONNECT", "REGISTER", "CHAT/1.0"]),
        ),
        (
            Feature::Status,
            STATUSES.iter().any(|status| text.contains(status)),
        ),
        (Feature::At, text.contains('@')),
        (Feature::Colon, text.contains(':')),
        (
            Feature::Command,
            text.starts_with('/') || COMMANDS.contains(&text),
        ),
        (Feature::Marks, text.contains(MARKS)),
        (Feature::Unicode, !text.is_ascii()),
        (Feature::Invisible, text.contains(is_invisible)),
        (Feature::Wide, text.chars().count() > COLUMNS),
        (Feature::Hundreds, (90..=800).contains(&text.len())),
        (Feature::Thousand, text.len() > 900),
    ];
    let found = checks.into_iter().filter(|(_, holds)| *holds);
    let features: Vec<Feature> = found.map(|(feature, _)| feature).collect();
    if features.is_empty() {
        vec![Feature::Plain]
    } else {
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_special_in_every_way_that_it_has() {
        for (text, expected) in [
            ("good morning", vec![Feature::Plain]),
            ("   ", vec![Feature::Blank]),
            (" hi", vec![Feature::Spaces]),
            ("please disconnect", vec![Feature::Control]),
            ("@bob: hi", vec![Feature::At, Feature::Colon]),
            ("50% off", vec![Feature::Marks]),
            ("200", vec![Feature::Odd, Feature::Status]),
            ("quit", vec![Feature::Command]),
            ("é", vec![Feature::Odd, Feature::Unicode]),
        ] {
            assert_eq!(features(text), expected, "{text}");
        }
    }
}
