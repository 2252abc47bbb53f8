//! Rust sources as tokens, and the paths that stand in them.
//!
//! Words in comments and strings are not dependencies, so a search for text would not do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One file of the library.
pub struct Module {
    /// Where the file is.
    pub path: PathBuf,
    /// Its module path, such as `["conformance", "play", "stage"]`.
    pub module: Vec<String>,
    tokens: Vec<String>,
}

impl Module {
    /// Every path in it that begins at the crate's root, or leads there by `super` or `self`.
    pub fn uses(&self) -> Vec<Vec<String>> {
        uses(&self.tokens, &self.module)
    }

    /// The same without test code, and with paths that begin at a module below this one.
    pub fn uses_outside_tests(&self) -> Vec<Vec<String>> {
        let tokens = without_tests(&self.tokens);
        let mut found = uses(&tokens, &self.module);
        let children: BTreeSet<&String> = declared_modules(&tokens).collect();
        for (position, token) in tokens.iter().enumerate() {
            let is_first = position == 0 || tokens[position - 1] != "::";
            let leads_on = tokens.get(position + 1).is_some_and(|next| next == "::");
            if is_first && leads_on && children.contains(token) {
                let path = joined(&self.module, token);
                paths(&tokens[position + 1..], &path, &mut found);
            }
        }
        found
    }

    /// The string literals in it, outside test code.
    pub fn strings_outside_tests(&self) -> Vec<String> {
        let tokens = without_tests(&self.tokens).into_iter();
        tokens.filter(|token| token.starts_with('"')).collect()
    }

    /// The modules below it that only tests have.
    pub fn test_modules(&self) -> BTreeSet<Vec<String>> {
        let outside: BTreeSet<String> = declared_modules(&without_tests(&self.tokens))
            .cloned()
            .collect();
        let declared = declared_modules(&self.tokens);
        declared
            .filter(|name| !outside.contains(*name))
            .map(|name| joined(&self.module, name))
            .collect()
    }

    /// The path of its file below `src`.
    pub fn name(&self) -> String {
        let below = self.path.strip_prefix(source_folder());
        below.expect("is below src").display().to_string()
    }
}

/// The folder of the library's sources.
pub fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The text of a file.
pub fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("is readable").path()) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The Rust sources below a folder.
pub fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_below(folder);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files
}

/// The modules whose files stand below a folder of `src`.
pub fn modules_below(folder: &str) -> Vec<Module> {
    let files = sources_below(&source_folder().join(folder)).into_iter();
    files
        .map(|path| {
            let below = path.strip_prefix(source_folder()).expect("is below src");
            let below = below.with_extension("");
            let words = below.iter().map(|part| part.to_string_lossy().into_owned());
            Module {
                module: words.filter(|part| part != "mod").collect(),
                tokens: tokens(&read(&path)),
                path,
            }
        })
        .collect()
}

/// The modules below a folder of `src` that are part of the library, not only of its tests.
pub fn library_modules_below(folder: &str) -> Vec<Module> {
    let mut modules = modules_below(folder);
    let test_modules: BTreeSet<Vec<String>> =
        modules.iter().flat_map(Module::test_modules).collect();
    let is_of_tests = |path: &[String]| {
        let mut above = (1..=path.len()).map(|length| &path[..length]);
        above.any(|path| test_modules.contains(path))
    };
    modules.retain(|module| !is_of_tests(&module.module));
    modules
}

/// The names of modules that have a file of their own: `mod name;`.
pub fn declared_modules(tokens: &[String]) -> impl Iterator<Item = &String> {
    tokens
        .windows(3)
        .filter(|three| three[0] == "mod" && three[2] == ";")
        .map(|three| &three[1])
}

/// The tokens without the items that stand under `#[cfg(test)]` or `#[test]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    const MARKS: [&[&str]; 2] = [
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "test", "]"],
    ];
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some((first, behind)) = rest.split_first() {
        let is_mark = |mark: &&[&str]| rest.len() >= mark.len() && rest[..mark.len()] == **mark;
        rest = match MARKS.iter().find(|mark| is_mark(mark)) {
            Some(mark) => &rest[mark.len() + length_of_item(&rest[mark.len()..])..],
            None => {
                kept.push(first.clone());
                behind
            }
        };
    }
    kept
}

/// The number of tokens up to the end of the item that these begin with: its `;` or its closing brace.
fn length_of_item(tokens: &[String]) -> usize {
    let mut depth = 0_usize;
    for (position, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token == "}" {
                    return position + 1;
                }
            }
            ";" if depth == 0 => return position + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Paths from the crate's root that stand in the tokens of `module`, with `super` and `self` resolved.
fn uses(tokens: &[String], module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    // The inline modules that are open here, each with the depth of the braces around it.
    let mut inner: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    for (position, token) in tokens.iter().enumerate() {
        let before = position
            .checked_sub(1)
            .map(|before| tokens[before].as_str());
        let after = tokens.get(position + 1).map(String::as_str);
        match token.as_str() {
            "{" => {
                if let [.., word, name, _] = &tokens[..=position] {
                    if word == "mod" {
                        inner.push((name.clone(), depth));
                    }
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                inner.retain(|(_, outside)| *outside < depth);
            }
            "crate" => {
                paths(&tokens[position + 1..], &[], &mut found);
            }
            "super" | "self" if before != Some("::") && after == Some("::") => {
                let inner = inner.iter().map(|(name, _)| name.clone());
                let mut here: Vec<String> = module.iter().cloned().chain(inner).collect();
                let mut rest = &tokens[position..];
                while let [word, after @ ..] = rest {
                    match word.as_str() {
                        "super" => drop(here.pop()),
                        "self" => {}
                        _ => break,
                    }
                    rest = after;
                    match after {
                        [colons, next, ..] if colons == "::" && next == "super" => {
                            rest = &after[1..]
                        }
                        _ => break,
                    }
                }
                paths(rest, &here, &mut found);
            }
            _ => {}
        }
    }
    found.retain(|path| !path.is_empty());
    found
}

/// Paths that begin with `root`.
pub fn paths_after(tokens: &[String], root: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (position, _) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| *token == root)
    {
        paths(&tokens[position + 1..], &[], &mut found);
    }
    found.retain(|path| !path.is_empty());
    found
}

/// Follows a path, through its braces too; returns the tokens behind it.
fn paths<'a>(tokens: &'a [String], root: &[String], found: &mut Vec<Vec<String>>) -> &'a [String] {
    match tokens {
        [colons, brace, rest @ ..] if colons == "::" && brace == "{" => {
            let mut rest = rest;
            while let [first, behind @ ..] = rest {
                rest = match first.as_str() {
                    "}" => return behind,
                    "," => behind,
                    "self" => {
                        found.push(root.to_vec());
                        behind
                    }
                    name => paths(behind, &joined(root, name), found),
                };
            }
            rest
        }
        [colons, name, rest @ ..] if colons == "::" && is_word(name) => {
            paths(rest, &joined(root, name), found)
        }
        [word, _, rest @ ..] if word == "as" => {
            found.push(root.to_vec());
            rest
        }
        rest => {
            found.push(root.to_vec());
            rest
        }
    }
}

fn joined(root: &[String], name: &str) -> Vec<String> {
    root.iter().cloned().chain([name.to_owned()]).collect()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|character: char| character.is_alphanumeric() || character == '_')
}

/// The words, marks and string literals of Rust source, `::` as one token; comments, characters and lifetimes are
/// left out. A string literal begins with `"` whatever its prefix.
pub fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = length_of_raw_string(rest) {
            tokens.push(rest[rest.find('"').unwrap_or(0)..length].to_owned());
            length
        } else if first == '"' {
            let length = length_of_quoted(rest, '"');
            tokens.push(rest[..length].to_owned());
            length
        } else if let Some(length) = left_out(rest) {
            length
        } else if is_word(rest) {
            let length = length_while(rest, |character| {
                character.is_alphanumeric() || character == '_'
            });
            tokens.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            tokens.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                tokens.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of the raw string that `rest` begins with.
fn length_of_raw_string(rest: &str) -> Option<usize> {
    let raw = ["r", "br", "cr"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))?;
    let marks = length_while(raw, |character| character == '#');
    if !raw[marks..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", &raw[..marks]);
    let start = rest.len() - raw.len() + marks + 1;
    let length = rest[start..].find(&end).map(|at| start + at + end.len());
    Some(length.unwrap_or(rest.len()))
}

/// The length of the comment, character or lifetime that `rest` begins with.
fn left_out(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').map_or(rest.len(), |end| end + 1));
    }
    if rest.starts_with("/*") {
        return Some(length_of_block(rest));
    }
    match rest.as_bytes() {
        [b'\'', b'\\', ..] => Some(length_of_quoted(rest, '\'')),
        [b'\'', ..] => {
            let inside = rest[1..].chars().next().map_or(0, char::len_utf8);
            let is_character = rest[1 + inside..].starts_with('\'');
            Some(if is_character { inside + 2 } else { 1 })
        }
        _ => None,
    }
}

fn length_while(text: &str, is_in: impl Fn(char) -> bool) -> usize {
    text.find(|character| !is_in(character))
        .unwrap_or(text.len())
}

fn length_of_quoted(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (position, character) in rest.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return position + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Block comments nest.
fn length_of_block(rest: &str) -> usize {
    let mut depth = 0;
    let mut position = 0;
    while position < rest.len() {
        let here = &rest[position..];
        if here.starts_with("/*") {
            depth += 1;
            position += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            position += 2;
        } else {
            position += here.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    position
}

#[test]
fn paths_are_found_wherever_they_stand() {
    let source = r##"
        use crate::protocol::{Line, message::{self, Message}};
        use crate::{client as other, server::room};
        fn f<'a>(x: &'a str) -> char { crate::report::text(x, "crate::in_string", 'c'); '"' }
        mod tests { use super::super::super::transcript; use super::near; }
        use super::{beside::X, *};
        // crate::in_comment
        /* crate::in /* crate::nested */ crate::comment */
        const RAW: &str = r#"crate::in "raw" string"#;
        use std::fs;
    "##;
    let module = ["conformance", "run"].map(str::to_owned);
    let found = uses(&tokens(source), &module);
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    let expected = [
        "protocol::Line",
        "protocol::message",
        "protocol::message::Message",
        "client",
        "server::room",
        "report::text",
        "transcript",
        "conformance::run::near",
        "conformance::beside::X",
        "conformance::*",
    ];
    assert_eq!(found, expected);
}

#[test]
fn test_code_is_left_out() {
    let source = r##"
        mod child;
        #[cfg(test)]
        mod fixture;
        pub use child::Child;
        fn f() { child::g("S-ONE", r#"a "raw" one"#) }
        #[cfg(test)]
        #[allow(dead_code)]
        mod tests {
            fn g(_: [u8; 2]) { crate::other::h("S-TWO"); }
        }
        fn last() { "S-THREE" }
    "##;
    let module = Module {
        path: PathBuf::new(),
        module: vec!["report".to_owned()],
        tokens: tokens(source),
    };
    let strings = module.strings_outside_tests();
    assert_eq!(
        strings,
        [r#""S-ONE""#, r##""a "raw" one"#"##, r#""S-THREE""#]
    );
    let found = module.uses_outside_tests();
    let found: Vec<String> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["report::child::Child", "report::child::g"]);
    let test_modules: Vec<Vec<String>> = module.test_modules().into_iter().collect();
    assert_eq!(test_modules, [["report", "fixture"]]);
}
