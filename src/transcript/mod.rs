//! The transcript language: one conversation, written to be read aloud.
//!
//! Text goes through three steps, each of which reads only what the one before it made:
//!
//! - `lexer`: the file's text to lines, a line to tokens that carry their place;
//! - `statement`: one line's tokens to one [`syntax::Step`]; `head`: the sentence and what is
//!   covered; `parser`: the file; `conversation`: whether the steps make sense in their order;
//! - [`render`]: [`Diagnostic`]s drawn beside the text, those of a failed replay like those of a
//!   misspelt verb.
//!
//! `conformance/LANGUAGE.md` is the language's own page, with the grammar.

mod conversation;
mod diagnostic;
mod error;
mod formatter;
mod head;
mod lexer;
mod literal;
mod nearest;
mod parser;
mod place;
mod render;
mod statement;
mod subject;
pub mod syntax;
mod token;
mod words;

pub use diagnostic::{Diagnostic, Note};
pub use error::LONGEST;
pub use formatter::format;
pub use nearest::nearest;
pub use parser::parse;
pub use place::Place;
pub use render::render;
