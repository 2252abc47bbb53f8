//! Makes text from others safe to print on a terminal (C-HARD-1).
//!
//! A terminal obeys control characters: they move the cursor, erase earlier messages, or make the
//! terminal type for the user. Unicode's directional controls can make a line look like a different
//! one. Both are replaced by visible characters.

use unicode_width::UnicodeWidthChar;

/// Replaces every character that a terminal would obey by a visible one.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    shown
}

/// Appends the visible form of one character.
pub fn push_visible(shown: &mut String, character: char) {
    match character {
        '\t' => shown.push(' '),
        '\0'..='\x1f' => shown.push(control_picture(character)),
        '\x7f' => shown.push('␡'),
        _ if is_terminal_control(character) => shown.extend(character.escape_unicode()),
        _ => shown.push(character),
    }
}

/// Number of columns that the visible form of a character takes.
pub fn columns(character: char) -> usize {
    if is_terminal_control(character) {
        return character.escape_unicode().len();
    }
    // Characters without a width are C0 controls and DEL here, which are shown as a picture of one
    // column.
    character.width().unwrap_or(1)
}

/// Unicode has a picture for each of the C0 control characters, in the same order.
fn control_picture(control: char) -> char {
    char::from_u32(0x2400 + u32::from(control)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// C1 controls, and the characters that embed, override or isolate a writing direction.
fn is_terminal_control(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn controls_become_pictures() {
        assert_eq!(visible("a\x1b[2Jb\x07\x7f\0"), "a␛[2Jb␇␡␀");
        assert_eq!(visible("one\ttwo"), "one two");
    }

    #[test]
    fn c1_controls_and_overrides_become_escapes() {
        assert_eq!(visible("\u{9b}2J"), "\\u{9b}2J");
        assert_eq!(visible("\u{202e}abc"), "\\u{202e}abc");
    }

    #[test]
    fn other_text_is_unchanged() {
        let text = "żółw 日本 👩‍🚀 e\u{301} \u{2028}";
        assert_eq!(visible(text), text);
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(text in any::<String>()) {
            prop_assert!(!visible(&text).chars().any(char::is_control));
        }

        #[test]
        fn columns_match_the_visible_form(character in any::<char>()) {
            let shown = visible(&character.to_string());
            let sum: usize = shown.chars().map(|c| c.width().unwrap_or(0)).sum();
            prop_assert_eq!(columns(character), sum, "{:?} is {:?}, {}", character, shown, shown.width());
        }
    }
}
