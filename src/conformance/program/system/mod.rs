//! What the operating system knows about a process tree: its processes, where they listen, whether they rest.
//!
//! On Linux everything comes from `/proc`. On other systems nothing is known, and the player relies on what the
//! program prints and on settle times.

mod kinds;
mod shortage;

pub use kinds::{
    Ancestor, ClientConnection, Holder, Process, Replacement, Scheduled, TEMPORARY, View, end_all,
    timespec, unspecified,
};
pub use shortage::{DESCRIPTORS, Shortage};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::*;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub use other::*;
