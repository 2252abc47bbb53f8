//! A page for a submission, and two for a class: each is one HTML file that needs no network and no other file.
//!
//! - [`submission`]: what passes, what fails, why, what to change, and how the mark adds up.
//! - [`class`]: the marks, the failures that cost most, and a table that can be searched.
//! - [`matrix`]: who can talk to whom in a class.
//!
//! Text from a submission is made harmless and escaped before it enters the markup; anchors contain only requirement
//! ids and numbers. In addition the page's content security policy lets a browser load nothing, and run no script but
//! the page's own.

mod class;
mod frame;
mod histogram;
mod matrix;
mod pieces;
mod points;
mod requirement;
mod sequence;
mod submission;

pub use class::class;
pub use matrix::matrix;
pub use submission::submission;
