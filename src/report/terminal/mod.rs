//! Reports for a person at a terminal.
//!
//! - [`program`]: everything about one program: the root cause, each failure, and the table.
//! - [`summary`]: a table of the requirements and their verdicts.
//! - [`failure`]: each failure with its line, its conversation and advice.
//! - [`exploration`]: what came of random conversations.
//! - [`class_table`]: a class, one line a submission, and the failures that submissions share.
//! - [`matrix`]: who can talk to whom in a class.
//! - [`people`]: who is who in a class.
//! - [`stress`]: the outcome of a load test.
//! - [`explain`], [`list`] and [`situations`]: what the suite asks; no program is started for these.

pub mod class_table;
pub mod explain;
pub mod exploration;
pub mod failure;
pub mod list;
pub mod matrix;
pub mod people;
pub mod program;
pub mod situations;
pub mod stress;
pub mod summary;
