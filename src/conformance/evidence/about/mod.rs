//! Which topic a step has, and which a failed run.

mod client_step;
pub mod failure;
mod pair_step;
mod server_step;
mod step;
