//! Writes the manual pages and the shell completions of all programs: `cargo run --features manual --example manual -- DIR`.
//! `scripts/release` calls it. They come from the same definitions as `--help`.

use std::io;
use std::path::PathBuf;

use chat_conformance::{client, server};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};

#[allow(dead_code, missing_docs)]
#[path = "../src/bin/conform/arguments.rs"]
mod arguments;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("the folder to write to is missing"));
    };
    let (pages, completions) = (folder.join("man/man1"), folder.join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&completions)?;
    for program in [
        arguments::Arguments::command(),
        server::Arguments::command(),
        client::Arguments::command(),
    ] {
        let name = program.get_name().to_owned();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            generate_to(shell, &mut without_hidden(&program), &name, &completions)?;
        }
        clap_mangen::generate_to(without_hidden(&program), &pages)?;
    }
    Ok(())
}

/// A command without what `--help` does not show.
fn without_hidden(command: &Command) -> Command {
    command.clone()
}
