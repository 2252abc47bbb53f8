//! What a run found out, for people and for programs: one file a format.
//!
//! Each reads one model and nothing else, and gives text back; what is said of one run reads
//! [`crate::conformance::judge::result`]:
//!
//! - [`summary`]: a table of the requirements with what holds and what does not.
//! - [`failure`]: each failure with its line, its conversation and what to look at.
//! - [`json`]: the same for programs, with a schema that stays.
//! - [`mod@format`]: what is said of one submission, for other programs: [`submission_json`], [`junit`], [`tap`],
//!   [`github`], [`gradescope`] and [`classroom50`], which read [`crate::grading::assessment`].
//! - [`class_csv`], [`class_json`] and [`class_table`]: what is said of a class, which read
//!   [`crate::grading::class`].
//! - [`page`]: a submission, or a class of them, as a page for a browser.
//! - [`appeal`]: a script for each requirement that fails, with which its author can see it fail.
//! - [`stress`]: what came of a load on a server.
//! - [`explain`] and [`list`]: what the suite asks, before anything is run.
//!
//! Nothing that a subject said reaches the text raw: it may hold escape sequences that would act
//! on the terminal of whoever reads the report.

pub mod appeal;
pub mod class_csv;
pub mod class_json;
pub mod class_table;
pub mod classroom50;
mod diagram;
mod difference;
mod excerpt;
pub mod explain;
pub mod failure;
#[cfg(test)]
mod fixture;
pub mod format;
pub mod github;
pub mod gradescope;
pub mod json;
pub mod junit;
pub mod list;
pub mod page;
mod plain;
#[cfg(test)]
mod readers;
pub mod stress;
pub mod submission_json;
pub mod summary;
pub mod tap;
mod text;
mod told;

/// For whom a report is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether ANSI colours may be used; nothing is ever said by colour alone.
    pub colour: bool,
    /// Columns there are to write in.
    pub width: usize,
}
