//! The client: `chat-client NAME chat://host:port`.
//!
//! A pure core decides and a thin shell does. [`session`] says what to do when something happens;
//! a [`console`] is what the user has before them, a [`terminal`] with a line [`editor`] or a
//! [`plain`] pipe. [`event_loop`] waits for the user, the server and signals at once.

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::protocol::Name;
use address::Address;
use console::{Colours, Console};
use event_loop::EventLoop;
use plain::Plain;
use raw_mode::RawMode;
use session::{Ending, Session};
use terminal::Terminal;
use wake::Alarm;

pub mod address;
pub mod connect;
pub mod connection;
pub mod console;
pub mod editor;
pub mod event_loop;
pub mod keys;
pub mod plain;
pub mod raw_mode;
pub mod session;
pub mod terminal;
pub mod visible;
pub mod wake;

/// Takes part in a chat.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "chat-client",
    bin_name = "chat-client",
    version,
    override_usage = "chat-client NAME chat://HOST:PORT",
    after_long_help = "At a terminal, messages of others appear above the line that you type; the arrow keys, \
        Home, End,\nCtrl-A, Ctrl-E, Ctrl-K, Ctrl-U and Ctrl-W edit it, and Up and Down recall what \
        you said before.\nCtrl-C leaves, as does Ctrl-D on an empty line.\n\n\
        With its input or output in a pipe it reads lines to say and prints the messages of others;\n\
        at the end of the input it leaves. NO_COLOR in the environment turns colours off.\n\n\
        Exit status: 0 when you or the server said goodbye, 1 when it could not connect or was cut off,\n\
        2 when the name or the address is wrong."
)]
pub struct Arguments {
    /// The name that you go by, a single word.
    #[arg(value_name = "NAME")]
    pub name: Name,

    /// Where the server listens: chat://HOST:PORT, with the port that it printed.
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
}

/// Runs the client, from connecting to the end.
pub fn run(arguments: Arguments) -> ExitCode {
    match converse(arguments) {
        Ok(ending) if ending.is_success() => {
            if ending != Ending::Left {
                tell(&format_args!("* {ending}"));
            }
            ExitCode::SUCCESS
        }
        Ok(ending) => fail(&ending),
        Err(error) => fail(&*error),
    }
}

fn fail(error: &dyn Display) -> ExitCode {
    tell(&format_args!("error: {error}"));
    ExitCode::FAILURE
}

/// The last words. Where the terminal has gone away nobody misses them.
fn tell(words: &dyn Display) {
    let _ = writeln!(io::stderr(), "{words}");
}

fn converse(arguments: Arguments) -> Result<Ending, Box<dyn Error>> {
    let alarm = Alarm::new()?;
    // Before raw mode: whatever ends the program from here on, the terminal is restored.
    alarm.ring_on_signals()?;
    let (console, raw_mode) = open_console(&arguments.name);
    alarm.ring_on_connection(arguments.address);
    EventLoop::new(Session::new(arguments.name), console, alarm, raw_mode).run()
}

/// A prompt where there is a person at a terminal that can show one, else plain lines.
fn open_console(name: &Name) -> (Box<dyn Console>, Option<RawMode>) {
    let colours = colours();
    if is_capable_terminal(&io::stdin()) && is_capable_terminal(&io::stdout()) {
        if let Ok(raw_mode) = RawMode::enter() {
            return (Box::new(Terminal::new(name, colours)), Some(raw_mode));
        }
    }
    (Box::new(Plain::new(name, colours)), None)
}

fn colours() -> Colours {
    let is_declined = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match is_capable_terminal(&io::stdout()) && !is_declined {
        true => Colours::Wanted,
        false => Colours::Unwanted,
    }
}

/// Whether this is a terminal that can do more than print.
fn is_capable_terminal(stream: &impl IsTerminal) -> bool {
    let is_capable = env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb");
    stream.is_terminal() && is_capable
}
