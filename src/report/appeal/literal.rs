//! Texts as Python writes them, so that whatever a text holds it stays one in the script.

/// A string literal of Python.
pub(super) fn string(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            character if is_plain(character) => literal.push(character),
            character if (character as u32) < 0x100 => {
                literal.push_str(&format!("\\x{:02x}", character as u32));
            }
            character if (character as u32) < 0x1_0000 => {
                literal.push_str(&format!("\\u{:04x}", character as u32));
            }
            character => literal.push_str(&format!("\\U{:08x}", character as u32)),
        }
    }
    literal + "\""
}

/// A literal of the bytes: a string where they are UTF-8, which the script encodes so.
pub(super) fn bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return string(text);
    }
    let shown: String = bytes
        .iter()
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(*byte)),
            b'\n' => "\\n".to_owned(),
            b' '..=b'~' => char::from(*byte).to_string(),
            byte => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("b\"{shown}\"")
}

/// A list of string literals.
pub(super) fn strings<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let literals: Vec<String> = texts.into_iter().map(string).collect();
    format!("[{}]", literals.join(", "))
}

/// Characters that stand for themselves wherever they are looked at. Of what is not ASCII letters alone, and no
/// script that is written from right to left, which would turn around the line that it stands on.
fn is_plain(character: char) -> bool {
    let is_from_right = matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    match character {
        ' '..='~' => true,
        character => !character.is_ascii() && character.is_alphabetic() && !is_from_right,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What Python takes a literal for, as UTF-8 in hexadecimal digits.
    fn read_by_python(literals: &[String]) -> Vec<String> {
        let program = format!(
            "# -*- coding: utf-8 -*-\nfor each in [{}]:\n    print((each if isinstance(each, bytes) else each.encode('utf-8')).hex())\n",
            literals.join(", ")
        );
        let output = Command::new("python3")
            .args(["-c", &program])
            .output()
            .expect("Python is there");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).expect("digits");
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn python_reads_what_was_written() {
        let all_of_latin: String = ('\0'..='\u{ff}').collect();
        let texts = [
            "",
            "plain",
            "it's \"quoted\" \\n \\",
            "\"\"\"\nimport os\n\"\"\"",
            "{} %s %d {0} \u{1b}[2J\r\n",
            "\u{202e}\u{2028}\u{85}\u{feff}\u{1f98a}\u{e9}\u{65e5}\u{5d0}\u{301}\u{10ffff}\u{e0001}",
            &all_of_latin,
        ];
        let mut literals: Vec<String> = texts.iter().map(|text| string(text)).collect();
        let mut meant: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let all_bytes: Vec<u8> = (0..=255).collect();
        for raw in [&all_bytes[..], b"caf\xc3", b"\xff\"\\'\n"] {
            literals.push(bytes(raw));
            meant.push(raw.to_vec());
        }
        let hexadecimal = |bytes: &Vec<u8>| -> String {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let meant: Vec<String> = meant.iter().map(hexadecimal).collect();
        assert_eq!(read_by_python(&literals), meant);
    }

    #[test]
    fn a_literal_is_one_line_that_a_terminal_only_shows() {
        let hostile = "a\n\r\u{1b}\u{85}\u{2028}\u{202e}\u{200b}\u{9b}";
        let literal = string(hostile);
        assert_eq!(literal, r#""a\n\r\x1b\x85\u2028\u202e\u200b\x9b""#);
    }
}
