//! Grading: from what was seen of a submission to its points, and a class of submissions.
//!
//! ```text
//! class_run                 many side by side, the reference among them
//!   -> examination          one: copied, built (workplace), started, judged
//!        submission, instructions      how its programs are started; pure but for looking
//!   -> record               what was seen, as it is kept (store)
//!
//! record -> assessment      judged and scored; pure
//!             score <- rubric          what holds is worth how much; pure
//!        -> class <- triage            which submissions fail alike; pure
//! ```

pub mod assessed_part;
pub mod assessment;
pub mod class;
pub mod class_run;
pub mod examination;
pub mod instructions;
pub mod points;
pub mod record;
pub mod rubric;
pub mod score;
mod settings;
pub mod store;
pub mod submission;
pub mod triage;
mod workplace;
