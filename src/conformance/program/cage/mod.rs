//! The cage: what keeps a program under test away from everything that it does not need.
//!
//! It consists of layers, each of which helps without the others. Which layers a machine offers is found out by trying
//! them (see [`layers_here`](crate::conformance::program::supervisor::layers_here)).

pub mod layer;
pub mod replaced;
pub mod view;
