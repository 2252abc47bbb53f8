//! The reports, on recorded results. Where somebody else has written a reader of a format, that reader reads it; and
//! nothing that a program says changes what a reader understands.

mod appeal;
mod class_csv;
mod class_table;
mod classroom50;
mod github;
mod gradescope;
#[path = "../schemas/gradescope.rs"]
mod gradescope_schema;
mod json;
mod junit;
mod pages;
mod program;
mod recorded;
mod suite_listing;
mod tap;
mod tools;

use chat_conformance::conformance::evidence::visible;
use chat_conformance::report::Style;
use unicode_width::UnicodeWidthStr;

const PLAIN: Style = Style {
    colour: false,
    width: 80,
};

const COLOURED: Style = Style {
    colour: true,
    width: 80,
};

/// Fails unless the parts occur in this order.
#[track_caller]
fn assert_has(shown: &str, parts: &[&str]) {
    let mut rest = shown;
    for part in parts {
        let at = rest.find(part);
        let at = at.unwrap_or_else(|| panic!("{part:?} is missing, or too early:\n{shown}"));
        rest = &rest[at + part.len()..];
    }
}

#[track_caller]
fn assert_fits(shown: &str, columns: usize) {
    for line in shown.lines() {
        assert!(line.width() <= columns, "{columns} columns: {line}");
    }
}

/// The text without colours.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (codes, rest) = part.split_once('m').expect("a colour ends");
        let is_colour = |c: char| c.is_ascii_digit() || c == ';';
        assert!(codes.chars().all(is_colour), "only colours");
        plain.push_str(rest);
    }
    plain
}

/// The first character that a terminal would obey and not show.
fn unseen(text: &str) -> Option<char> {
    let is_obeyed =
        |&c: &char| c != '\n' && c != '\\' && visible(c.to_string().as_bytes()) != c.to_string();
    text.chars().find(is_obeyed)
}
