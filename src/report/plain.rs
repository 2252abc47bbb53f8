//! Text from a program under test, for formats that other programs show. It cannot control a terminal, end a line, or
//! contain characters that XML or YAML forbid.

use super::text::harmless;

/// The text on one line, with invisible characters as escapes of the transcript language.
pub(super) fn line(text: &str) -> String {
    let shown = harmless(text);
    // Harmless on a terminal, but XML 1.0 and YAML forbid them.
    if shown.contains(['\u{fffe}', '\u{ffff}']) {
        let shown = shown.replace('\u{fffe}', "\\u{fffe}");
        return shown.replace('\u{ffff}', "\\u{ffff}");
    }
    shown
}

/// The text with its line ends as LF, and other invisible characters as escapes.
pub(super) fn lines(text: &str) -> String {
    let shown: Vec<String> = text
        .split('\n')
        .map(|part| line(part.strip_suffix('\r').unwrap_or(part)))
        .collect();
    shown.join("\n")
}

/// At most the first `most` characters, with a note if the text is longer.
pub(super) fn beginning(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}… (cut)", &text[..at]),
        None => text.to_owned(),
    }
}

/// At most the last `most` characters, with a note if the text is longer.
pub(super) fn end(text: &str, most: usize) -> String {
    let more = text.chars().count().saturating_sub(most);
    match text.char_indices().nth(more) {
        Some((at, _)) if more > 0 => format!("(cut) …{}", &text[at..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_ended_and_nowhere_else() {
        assert_eq!(line("a\nb\rc\u{2028}d"), "a\\nb\\rc\\u{2028}d");
        assert_eq!(lines("a\r\nb\rc\n\u{0}\u{fffe}"), "a\nb\\rc\n\\0\\u{fffe}");
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(beginning("äöü", 2), "äö… (cut)");
        assert_eq!(end("äöü", 2), "(cut) …öü");
        assert_eq!(beginning("äöü", 3) + &end("äöü", 3), "äöüäöü");
    }
}
