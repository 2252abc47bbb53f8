//! The language of the suite.

mod diagnostics;
mod format;
mod language_page;
mod parser;
mod properties;
