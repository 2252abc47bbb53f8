//! Reports, for people and for programs.
//!
//! A report reads results and returns text; it starts nothing and judges nothing:
//!
//! - [`terminal`]: for a person at a terminal.
//! - [`formats`]: for other programs, one file a format.
//! - [`page`]: a submission, or a class of them, as a page for a browser.
//! - [`upload`]: what goes back into the system that a class comes from.
//! - [`appeal`]: for each failed requirement a script that shows the failure to the author of the program.
//!
//! No byte that a program sent or printed reaches a report as it is: it could be an escape sequence that
//! the reader's terminal obeys.

pub mod appeal;
mod clusters;
pub mod containment;
mod diagram;
mod difference;
#[cfg(test)]
mod events;
mod excerpt;
mod finding;
pub mod formats;
pub mod page;
mod pairing;
mod plain;
mod root_cause;
mod scores;
mod statistics;
pub mod terminal;
mod text;
pub mod upload;

pub use scores::verdict_word;

/// For whom a report is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours may be used; nothing is ever said by colour alone.
    pub colour: bool,
    /// Columns there are to write in.
    pub width: usize,
}
