//! The transcript language: one conversation, written to be read aloud.

pub mod syntax;
