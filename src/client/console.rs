//! The interface between the session and the user, who is a person or a pipe; no I/O.

use anstyle::{AnsiColor, Style};

use super::session::{Entry, Event};
use super::visible::visible;
use crate::protocol::Name;

/// Turns the user's input into events and entries into output.
pub trait Console {
    /// Handles bytes of the user's input.
    fn typed(&mut self, bytes: &[u8]) -> Vec<Event>;

    /// Handles the end of the user's input.
    fn input_ended(&mut self) -> Vec<Event>;

    /// Whether to read input before the server has accepted the registration.
    fn reads_ahead(&self) -> bool;

    /// Shows an entry.
    fn show(&mut self, entry: &Entry);

    /// Leaves the screen tidy for other programs, without losing a half-typed line.
    fn leave_screen(&mut self);

    /// Redraws the prompt if it has changed, on a screen of `width` columns.
    fn draw(&mut self, width: usize);

    /// Removes and returns the output that is to be printed.
    fn take_output(&mut self) -> Output;
}

/// Output to print.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Output {
    /// For standard output.
    pub out: Vec<u8>,
    /// For standard error.
    pub err: Vec<u8>,
}

/// The colours that distinguish speakers.
const PALETTE: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// Whether to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Colour names and dim notices.
    Wanted,
    /// Plain text only.
    Unwanted,
}

impl Colours {
    /// `@name: `, always in the same colour for the same name.
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
