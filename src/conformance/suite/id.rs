//! The ids of the embedded suite's requirements, one constant each.

include!(concat!(env!("OUT_DIR"), "/id.rs"));
