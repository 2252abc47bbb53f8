//! `conform` itself: its command line, its suite, and how it contains the programs that it starts.

#[path = "../schemas/gradescope.rs"]
mod gradescope_schema;
#[path = "../judging/mod.rs"]
mod judging;
#[path = "../python/mod.rs"]
mod python;

mod command_line;
mod containment;
mod explore;
mod matrix;
mod networks;
mod packaging;
mod record;
mod suite;
mod time_limit;
