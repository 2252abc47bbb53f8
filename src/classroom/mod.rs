//! A class as it comes out of a learning system: which system, who is who, and the files that each student handed in.
//!
//! ```text
//! intake             opens a download, and unpacks it
//!   -> layout        which system it comes from; pure
//!   -> people        who is in the class: metadata and rosters; pure
//!   -> unpack        one submission, within limits
//!        -> archive  zip and tar
//! contents           the files in a submission's folder, within limits
//! moment, names, sheet        times, names of files and people, CSV files; pure
//! ```

pub(crate) mod archive;
pub(crate) mod contents;
pub mod intake;
pub mod layout;
pub mod moment;
pub(crate) mod names;
pub mod people;
pub mod sheet;
mod unpack;
