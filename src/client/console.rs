//! What stands between the session and the user, be that a person or a pipe; no I/O.

use anstyle::{AnsiColor, Style};

use super::session::{Entry, Event};
use super::visible::visible;
use crate::protocol::Name;

/// Turns what the user types into events, and what is to be shown into bytes.
pub trait Console {
    /// Takes bytes of the user's input.
    fn typed(&mut self, bytes: &[u8]) -> Vec<Event>;

    /// Takes the end of the user's input.
    fn input_ended(&mut self) -> Vec<Event>;

    /// Whether input is wanted before the server has accepted the registration.
    fn reads_ahead(&self) -> bool;

    /// Shows an entry.
    fn show(&mut self, entry: &Entry);

    /// Leaves the screen to other programs: tidy, and with nothing lost that is half typed.
    fn let_go(&mut self);

    /// Brings the prompt up to date, on a screen of so many columns.
    fn draw(&mut self, width: usize);

    /// What is to be printed, once.
    fn take_output(&mut self) -> Output;
}

/// Bytes to print.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Output {
    /// For standard output.
    pub out: Vec<u8>,
    /// For standard error.
    pub err: Vec<u8>,
}

/// The colours that tell speakers apart.
const PALETTE: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// Whether and how to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Names and notices stand out.
    Wanted,
    /// Plain text only.
    Unwanted,
}

impl Colours {
    /// `@name: `, in the colour that this name always has.
    pub fn speaker(self, name: &Name) -> String {
        let sum: usize = name.as_str().bytes().map(usize::from).sum();
        let style = self.style(PALETTE[sum % PALETTE.len()].on_default().bold());
        format!("{style}@{}{style:#}: ", visible(name.as_str()))
    }

    /// The line or lines that show an entry.
    pub fn entry(self, entry: &Entry) -> String {
        let dimmed = self.style(Style::new().dimmed());
        match entry {
            Entry::Message { from, text } => self.speaker(from) + &visible(text),
            Entry::Notice(words) => format!("{dimmed}* {words}{dimmed:#}"),
            Entry::FromServer(line) => format!("{dimmed}* The server: {}{dimmed:#}", visible(line)),
        }
    }

    fn style(self, style: Style) -> Style {
        match self {
            Colours::Wanted => style,
            Colours::Unwanted => Style::new(),
        }
    }
}
