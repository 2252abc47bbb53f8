//! The program under test: how it is started, contained, observed and ended, and how it speaks.

pub mod cage;
pub mod crash;
pub mod dialect;
pub mod environment;
pub mod limits;
pub mod lineage;
pub mod output;
pub mod process;
pub mod profile;
pub mod screen;
pub mod supervisor;
pub mod system;
pub mod target;
pub mod variables;
