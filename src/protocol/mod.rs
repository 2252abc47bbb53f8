//! CHAT/1.0 on the wire: bytes to lines, lines to messages, and back. No I/O.
//!
//! A [`LineSplitter`] splits bytes into [`Line`]s of bounded length (W-LINE-1 to W-LINE-3). A
//! [`Message`] is a parsed line and borrows from it; formatting it gives the same line back. Values
//! of [`Name`], [`NameRef`], [`Text`] and [`Status`] are always valid.

mod line;
mod message;
mod name;

pub use line::{Line, LineSplitter, MAX_LINE};
pub use message::{Message, Status, Text};
pub use name::{InvalidName, Name, NameRef};
