//! The pages for people: every link leads somewhere, and every file that a page names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chat_conformance::conformance::suite::Suite;
use chat_conformance::report::terminal::situations;

/// Maximum number of lines in the README.
const LONGEST_README: usize = 120;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Markdown pages at the top and below `docs`.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut waiting = vec![root().join("docs"), root().join(".github")];
    for entry in fs::read_dir(root()).expect("the project can be listed") {
        pages.push(entry.expect("is an entry").path());
    }
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("is an entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                pages.push(path);
            }
        }
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

/// The lines of a page that are not in a fenced block.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    page.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What stands between `open` and `close`, each time.
fn between<'t>(text: &'t str, open: &'t str, close: char) -> impl Iterator<Item = &'t str> {
    let parts = text.split(open).skip(1);
    parts.filter_map(move |part| part.split_once(close).map(|(inner, _)| inner))
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let text: String = text.chars().filter(kept).collect();
        text.replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        for link in prose(&text).flat_map(|line| between(line, "](", ')')) {
            if link.contains("://") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                page.with_file_name(path)
            };
            let has_anchor = || anchor.is_empty() || anchors(&read(&target)).contains(anchor);
            if !target.exists() || !has_anchor() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_that_a_page_names_exists() {
    const FOLDERS: [&str; 8] = [
        ".cargo/",
        ".ci/",
        ".github/",
        "conformance/",
        "docs/",
        "scripts/",
        "src/",
        "tests/",
    ];
    let mut missing = Vec::new();
    for page in pages() {
        // What it says of the past may be gone.
        if page.ends_with("CHANGELOG.md") {
            continue;
        }
        let text = read(&page);
        for path in prose(&text).flat_map(|line| line.split('`').skip(1).step_by(2)) {
            let is_path = FOLDERS.iter().any(|folder| path.starts_with(folder));
            let is_plain = !path.contains([' ', '*']);
            if is_path && is_plain && !root().join(path).exists() {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_readme_is_short() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(
        lines <= LONGEST_README,
        "it has {lines} lines; move details to docs/"
    );
}

#[test]
fn the_page_of_situations_says_what_the_suite_has() {
    let suite = Suite::embedded().expect("the suite is right");
    let listed = situations::render(&suite.requirements, &suite.cases);
    let page = root().join("docs/situations.md");
    let text = read(&page);
    let shown = between(&text, "```text\n", '`').next();
    assert!(
        shown == Some(listed.as_str()),
        "put the output of `conform list --situations` into {}:\n{listed}",
        page.display()
    );
}
