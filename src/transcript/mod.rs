//! The transcript language: one conversation, in a form that reads aloud.
//!
//! A file passes through these stages, each of which uses only the output of the one before:
//!
//! - `lexer`: splits a file into lines and lines into tokens with their places;
//! - `statement`: parses a line's tokens into a [`syntax::Step`]; `head`: the sentence and
//!   `covers`; `parser`: the whole file; `step_order`: whether the steps are possible in their
//!   order;
//! - [`render`]: draws [`Diagnostic`]s beside the text, for parse errors and for failed replays.
//!
//! `docs/language.md` documents the language and its grammar.

mod diagnostic;
mod error;
mod formatter;
mod head;
mod lexer;
mod literal;
mod nearest;
mod opening;
mod parser;
mod place;
mod render;
mod statement;
mod step_order;
mod subject;
pub mod syntax;
mod token;
mod words;

pub use diagnostic::{Diagnostic, Note};
pub use error::{LONGEST, MAX_ACTORS, MAX_NAME, MAX_STEPS};
pub use formatter::format;
pub use literal::{is_plain, quoted};
pub use nearest::nearest;
pub use opening::is_actor_name;
pub use parser::parse;
pub use place::Place;
pub use render::render;
pub use statement::is_user_name;
