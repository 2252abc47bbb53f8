//! CHAT/1.0 on the wire: bytes to lines, lines to messages, and back. No I/O.
//!
//! A [`LineSplitter`] takes bytes as they come and hands out [`Line`]s of bounded length
//! (W-LINE-1 to W-LINE-3). A [`Message`] is what a line says; printed, it is that line again,
//! without its end, and borrows from the line that it was read from. A [`Name`], a [`NameRef`], a
//! [`Text`] and a [`Status`] that exist are right.

mod line;
mod message;
mod name;

pub use line::{Line, LineSplitter, MAX_LINE};
pub use message::{Message, Status, Text};
pub use name::{InvalidName, Name, NameRef};
