//! Embeds the suite: every transcript below `conformance/`, and the id of every requirement, become constants.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=conformance");
    println!("cargo::rerun-if-changed=src/build.rs");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut files = Vec::new();
    for role in ["server", "client", "pair"] {
        collect(&root.join("conformance").join(role), &mut files)?;
    }
    files.sort();
    let mut code = String::from("const FILES: &[(&str, &str)] = &[\n");
    for file in files {
        let below = file
            .strip_prefix(root.join("conformance"))
            .map_err(io::Error::other)?;
        let name = below.with_extension("");
        writeln!(
            code,
            "    ({:?}, include_str!({:?})),",
            name.display().to_string(),
            file.display().to_string()
        )
        .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("suite.rs"), code)?;
    let requirements = fs::read_to_string(root.join("conformance/requirements.toml"))?;
    fs::write(out.join("id.rs"), ids(&requirements)?)
}

/// A constant for each id: a misspelt one does not compile.
fn ids(requirements: &str) -> io::Result<String> {
    let mut code = String::new();
    let values = |key: &'static str| {
        requirements
            .lines()
            .filter_map(move |line| line.strip_prefix(key)?.trim_start().strip_prefix("= "))
    };
    for (id, sentence) in values("id").zip(values("sentence")) {
        let id = id.trim_matches('"');
        let name = id.replace('-', "_");
        let sentence = sentence.trim_matches(['"', '\'']);
        writeln!(
            code,
            "#[doc = {sentence:?}]\npub const {name}: &str = {id:?};"
        )
        .map_err(io::Error::other)?;
    }
    Ok(code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "chat")
        {
            files.push(path);
        }
    }
    Ok(())
}
