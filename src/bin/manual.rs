//! Writes the manual pages and the shell completions of all programs into a folder, from the definitions of `--help`.
//! `scripts/release` builds it and starts it.

use std::io;
use std::path::PathBuf;

use chat_conformance::{client, server};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate_to};

#[allow(dead_code, missing_docs)]
#[path = "conform/arguments.rs"]
mod arguments;

fn main() -> io::Result<()> {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("the folder to write to is missing"));
    };
    let (pages, completions) = (folder.join("man/man1"), folder.join("completions"));
    std::fs::create_dir_all(&pages)?;
    std::fs::create_dir_all(&completions)?;
    let programs = [
        arguments::Arguments::command(),
        server::Arguments::command(),
        client::Arguments::command(),
    ];
    for program in programs {
        let name = program.get_name().to_owned();
        let mut completed = shown(&program).version(env!("CARGO_PKG_VERSION"));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            generate_to(shell, &mut completed, &name, &completions)?;
        }
        clap_mangen::generate_to(program, &pages)?;
    }
    Ok(())
}

/// A command for a completion, without the subcommands that `--help` does not show.
fn shown(command: &Command) -> Command {
    let name: &'static str = command.get_name().to_owned().leak();
    let subcommands = command.get_subcommands().filter(|one| !one.is_hide_set());
    let mut shown = Command::new(name)
        .args(command.get_arguments().cloned())
        .subcommands(subcommands.map(shown));
    if let Some(about) = command.get_about() {
        shown = shown.about(about.clone());
    }
    shown
}
