//! What a run found out, for people and for programs: one file a format.
//!
//! Each reads [`crate::conformance::result`], or what [`crate::grading`] made of it, and nothing else, and gives text back:
//!
//! - [`summary`]: a table of the requirements with what holds and what does not.
//! - [`failure`]: each failure with its line, its conversation and what to look at.
//! - [`json`]: the same for programs, with a schema that stays.
//! - [`appeal`]: a script for each requirement that fails, with which its author can see it fail.
//! - [`explain`] and [`list`]: what the suite asks, before anything is run.
//!
//! Nothing that a subject said reaches the text raw: it may hold escape sequences that would act
//! on the terminal of whoever reads the report.

pub mod appeal;
mod diagram;
mod difference;
mod excerpt;
pub mod explain;
pub mod failure;
#[cfg(test)]
mod fixture;
pub mod json;
pub mod list;
pub mod summary;
mod text;

/// For whom a report is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours may be used; nothing is ever said by colour alone.
    pub colour: bool,
    /// Columns there are to write in.
    pub width: usize,
}
