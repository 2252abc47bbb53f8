//! Dependencies between the modules of the library point one way, as `src/lib.rs` draws them.
//!
//! The sources are read as tokens, so that words in comments and strings are no dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use of the others. The suite judges the reference as it judges anybody: so
/// nothing here leads from it to `protocol`, `server` or `client`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("server", &["protocol"]),
    ("client", &["protocol"]),
    ("transcript", &[]),
    ("conformance", &["transcript"]),
    ("grading", &["conformance", "transcript"]),
    ("stress", &["conformance"]),
    (
        "report",
        &["conformance", "grading", "stress", "transcript"],
    ),
];

/// What each program may use of the library: its own part, and never `protocol`.
const PROGRAMS_MAY_USE: &[(&str, &[&str])] = &[
    ("chat-server", &["server", "conformance"]),
    ("chat-client", &["client", "conformance"]),
    (
        "conform",
        &[
            "server",
            "client",
            "conformance",
            "grading",
            "report",
            "stress",
            "transcript",
        ],
    ),
];

#[test]
fn every_module_is_in_the_table() {
    let declared: BTreeSet<String> = tokens(&read(&source_folder().join("lib.rs")))
        .windows(2)
        .filter(|pair| pair[0] == "mod")
        .map(|pair| pair[1].clone())
        .collect();
    let listed: BTreeSet<String> = MAY_USE
        .iter()
        .map(|(module, _)| (*module).to_owned())
        .collect();
    assert_eq!(declared, listed);
}

#[test]
fn modules_use_only_what_they_may() {
    for (module, allowed) in MAY_USE {
        let files = modules_below(&source_folder().join(module), &[module]);
        assert!(!files.is_empty(), "{module} has no source");
        for file in files {
            let uses = file
                .uses()
                .into_iter()
                .filter_map(|path| path.into_iter().next());
            let others: BTreeSet<String> = uses.filter(|used| used != module).collect();
            for used in others {
                assert!(
                    allowed.contains(&used.as_str()),
                    "{} uses {used}, which {module} may not; see src/lib.rs",
                    file.path.display()
                );
            }
        }
    }
}

#[test]
fn programs_use_only_what_they_may() {
    for (program, allowed) in PROGRAMS_MAY_USE {
        let folder = source_folder().join("bin");
        let files = match folder.join(program) {
            folder if folder.is_dir() => sources_below(&folder),
            _ => vec![folder.join(format!("{program}.rs"))],
        };
        let tokens: Vec<String> = files.iter().flat_map(|file| tokens(&read(file))).collect();
        let used = paths_after(&tokens, "chat_conformance");
        assert!(!used.is_empty(), "{program} uses nothing of the library");
        for path in used {
            assert!(
                allowed.contains(&path[0].as_str()),
                "{program} uses {}, which it may not",
                path.join("::")
            );
        }
    }
}

#[test]
fn there_is_no_circle_between_modules() {
    let table = MAY_USE.iter().map(|(module, allowed)| {
        let allowed = allowed.iter().map(|used| (*used).to_owned()).collect();
        ((*module).to_owned(), allowed)
    });
    assert_eq!(circle(&table.collect()), None);
}

/// `transcript` aside: an error of the language names parts of it, which make errors.
#[test]
fn there_is_no_circle_within_a_module() {
    for (module, _) in MAY_USE.iter().filter(|(module, _)| *module != "transcript") {
        let parts = parts(module);
        assert!(!parts.is_empty(), "{module} has no parts");
        assert_eq!(circle(&parts), None, "between the parts of {module}");
    }
}

/// Which parts of a module, files or folders right below it, use which others.
fn parts(module: &str) -> Graph {
    let files = modules_below(&source_folder().join(module), &[module]);
    let part = |path: &[String]| path.get(1).cloned();
    let names: BTreeSet<String> = files.iter().filter_map(|file| part(&file.module)).collect();
    let mut graph = Graph::new();
    for file in &files {
        // What stands in `mod.rs` itself has the parts below it.
        let Some(user) = part(&file.module) else {
            continue;
        };
        let used = file.uses().into_iter().filter(|path| path[0] == module);
        let used = used.filter_map(|path| part(&path));
        let others = used.filter(|used| *used != user && names.contains(used));
        graph.entry(user.clone()).or_default().extend(others);
    }
    graph
}

/// Who uses whom.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Those that go round in a circle, in order, if any do.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    graph
        .keys()
        .find_map(|start| way_back(graph, start, &mut vec![start.clone()]))
}

fn way_back(graph: &Graph, start: &str, way: &mut Vec<String>) -> Option<Vec<String>> {
    for next in graph.get(way.last()?).into_iter().flatten() {
        if next == start {
            return Some(way.clone());
        }
        if !way.contains(next) {
            way.push(next.clone());
            if let Some(found) = way_back(graph, start, way) {
                return Some(found);
            }
            way.pop();
        }
    }
    None
}

/// One file of the library.
struct Module {
    path: PathBuf,
    /// `["conformance", "replay", "stage"]`.
    module: Vec<String>,
}

impl Module {
    /// Every path in it that begins at the crate's root, or leads there by `super`.
    fn uses(&self) -> Vec<Vec<String>> {
        uses(&tokens(&read(&self.path)), &self.module)
    }
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

fn sources_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.expect("is readable").path()) {
        if path.is_dir() {
            files.extend(sources_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn modules_below(folder: &Path, module: &[&str]) -> Vec<Module> {
    let name_of = |path: &Path| -> Vec<String> {
        let below = path
            .strip_prefix(folder)
            .expect("is below")
            .with_extension("");
        let inner = below.iter().map(|part| part.to_string_lossy().into_owned());
        let outer = module.iter().map(|part| (*part).to_owned());
        outer.chain(inner.filter(|part| part != "mod")).collect()
    };
    let files = sources_below(folder).into_iter();
    files
        .map(|path| Module {
            module: name_of(&path),
            path,
        })
        .collect()
}

/// Paths from the crate's root that stand in the tokens of `module`, `super` and `self` resolved.
fn uses(tokens: &[String], module: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    // The modules written out in the file that are open here, with the depth of their braces.
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
fn paths_after(tokens: &[String], root: &str) -> Vec<Vec<String>> {
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

/// Goes along a path, through its braces too; gives back the tokens behind it.
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

/// Words and marks of Rust source, `::` in one; without comments, strings and characters.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(length) = left_out(rest) {
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

/// The length of the comment, string, character or lifetime that `rest` begins with.
fn left_out(rest: &str) -> Option<usize> {
    let to = |end: Option<usize>, length: usize| end.map_or(rest.len(), |end| end + length);
    if rest.starts_with("//") {
        return Some(to(rest.find('\n'), 1));
    }
    if rest.starts_with("/*") {
        return Some(length_of_block(rest));
    }
    if let Some(raw) = ["r", "br", "cr"]
        .iter()
        .find_map(|prefix| rest.strip_prefix(prefix))
    {
        let marks = length_while(raw, |character| character == '#');
        if raw[marks..].starts_with('"') {
            let end = format!("\"{}", &raw[..marks]);
            let start = rest.len() - raw.len() + marks + 1;
            return Some(to(rest[start..].find(&end).map(|at| start + at), end.len()));
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => Some(length_of_quoted(rest, '"')),
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
fn a_circle_is_found() {
    let edges = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    };
    assert_eq!(circle(&edges(&[("a", "b"), ("b", "c"), ("a", "c")])), None);
    let found = circle(&edges(&[("z", "a"), ("a", "b"), ("b", "c"), ("c", "a")]));
    assert_eq!(found, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
}
