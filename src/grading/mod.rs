//! Grading: from what was seen of a submission to its points, and a class of submissions.
//!
//! ```text
//! pairing -> matrix         every server with every client: who can talk to whom (matrix: pure)
//! class_run                 many side by side, the reference among them
//!   -> examination          one: copied, built (workplace), started, judged
//!        submission, instructions      how its programs are started; pure but for looking
//!   -> record               what was seen, as it is kept (store -> files), in a class or a part of it (manifest)
//!
//! record -> assessment      judged and scored; pure
//!             together             where the programs do better or worse together than alone; pure
//!             score <- rubric          what holds is worth how much; pure
//!                   <- hand_marks      marks that a person gives
//!                   <- lateness        what it costs to hand in late
//!        -> class <- triage            which submissions fail alike; pure
//! ```

pub mod assessed_part;
pub mod assessment;
pub mod class;
pub mod class_run;
pub mod examination;
mod files;
pub mod hand_marks;
pub mod instructions;
mod java;
pub mod lateness;
pub mod manifest;
pub mod matrix;
pub mod pairing;
pub mod points;
pub mod record;
pub mod rubric;
pub mod score;
mod settings;
pub mod store;
pub mod submission;
mod together;
pub mod triage;
mod workplace;
