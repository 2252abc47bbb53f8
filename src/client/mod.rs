//! The client: `chat-client NAME chat://host:port`.
//!
//! [`session`] is the pure core: it decides what to do about each event. [`console`] is the
//! interface to the user: a [`terminal`] with a line [`editor`], or a [`plain`] pipe.
//! [`event_loop`] waits for the user, the server and signals.

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

/// Join a CHAT/1.0 chat
#[derive(Debug, Clone, Parser)]
#[command(
    name = "chat-client",
    bin_name = "chat-client",
    version,
    override_usage = "chat-client NAME chat://HOST:PORT",
    after_long_help = "On a terminal, messages appear above the line that you type. The arrow keys, \
        Home, End,\nCtrl-A, Ctrl-E, Ctrl-K, Ctrl-U and Ctrl-W edit it. Up and Down recall \
        earlier lines.\nPress Ctrl-C to leave, or Ctrl-D on an empty line.\n\n\
        If input or output is a pipe, it sends each input line, prints the messages of others, and\n\
        leaves at the end of the input. Set NO_COLOR in the environment to turn colours off.\n\n\
        Exit status: 0 if you left or the server shut down, 1 if it could not connect or the connection\n\
        failed, 2 for a wrong name or address."
)]
pub struct Arguments {
    /// Your name in the chat, a single word
    #[arg(value_name = "NAME")]
    pub name: Name,

    /// Address of the server, chat://HOST:PORT, with the port that the server printed
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
}

/// Runs the client until it ends.
pub fn run(arguments: Arguments) -> ExitCode {
    match chat(arguments) {
        Ok(ending) if ending.is_success() => {
            if ending != Ending::Left {
                print_last_message(&format_args!("* {ending}"));
            }
            ExitCode::SUCCESS
        }
        Ok(ending) => fail(&ending),
        Err(error) => fail(&*error),
    }
}

fn fail(error: &dyn Display) -> ExitCode {
    print_last_message(&format_args!("error: {error}"));
    ExitCode::FAILURE
}

/// Prints the last message. If the terminal is gone, nobody misses it.
fn print_last_message(words: &dyn Display) {
    let _ = writeln!(io::stderr(), "{words}");
}

fn chat(arguments: Arguments) -> Result<Ending, Box<dyn Error>> {
    let alarm = Alarm::new()?;
    // Before raw mode: from here on the terminal is restored however the program ends.
    alarm.notify_on_signals()?;
    let (console, raw_mode) = open_console(&arguments.name);
    alarm.connect_in_background(arguments.address);
    EventLoop::new(Session::new(arguments.name), console, alarm, raw_mode).run()
}

/// A prompt on a terminal that can show one, otherwise plain lines.
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

/// Whether this is a terminal that can move the cursor and show colours.
fn is_capable_terminal(stream: &impl IsTerminal) -> bool {
    let is_capable = env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb");
    stream.is_terminal() && is_capable
}
