//! What two failures have in common: what was seen, without names, numbers and texts.

use std::fmt::{self, Display, Formatter};

use super::shortfall::Got;

/// What was seen instead of what was expected, without what differs from one program to the next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// A line that is a status with this code.
    Status(String),
    /// A line that is a message.
    Message,
    /// A line that begins with this command.
    Command(&'static str),
    /// An empty line.
    EmptyLine,
    /// Another line.
    OtherLine,
    /// Something else, in words.
    Other(&'static str),
}

impl Shape {
    /// The shape of what was seen.
    pub fn of(got: &Got) -> Shape {
        Shape::Other(match got {
            Got::Line { line, .. } => return Shape::of_line(&line.to_string()),
            Got::Bytes { bytes } => return Shape::of_line(&bytes.to_string()),
            Got::Nothing { .. } => "nothing arrived",
            Got::Unfinished { .. } => "text without a line end arrived",
            Got::OtherLines { .. } => "only other lines arrived",
            Got::Closed => "the connection was closed",
            Got::Reset => "the connection was reset",
            Got::NotConnected { .. } => "no connection was possible",
            Got::NoAnswer { .. } => "the connection was not answered",
            Got::NoConnection { .. } => "no connection was opened",
            Got::None => "there was no connection",
            Got::ClosedBefore { .. } => "the connection was closed before",
            Got::StillOpen { .. } => "the connection stayed open",
            Got::Unread { .. } => "what was sent was not read",
            Got::FewerLines { .. } => "too few lines arrived",
            Got::EndedAtStart { .. } => "the program ended without listening",
            Got::NotListening { .. } => "the program listened on no port",
            Got::EndedBefore => "the program ended before",
            Got::StillRunning { .. } => "the program went on running",
            Got::EndUnknown => "the program did not end by itself",
            Got::SamePort { .. } => "both listened on the same port",
            Got::Growth { .. } => "the program needed more memory",
            Got::Printed { text } if text.bytes.is_empty() => "nothing was printed",
            Got::Printed { .. } => "something else was printed",
            Got::Screen { .. } => "it was not on the screen",
            Got::Copies { .. } => "it was on the screen several times",
            Got::Traceback => "a bare traceback was printed",
            Got::OnTerminal => "it reached the terminal",
        })
    }

    fn of_line(line: &str) -> Shape {
        let word = line.split(' ').next().unwrap_or("");
        if line.is_empty() {
            Shape::EmptyLine
        } else if line.starts_with('@') {
            Shape::Message
        } else if word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit()) {
            Shape::Status(word.to_owned())
        } else if let Some(command) = ["REGISTER", "DISCONNECT"]
            .iter()
            .find(|verb| **verb == word)
        {
            Shape::Command(command)
        } else {
            Shape::OtherLine
        }
    }
}

/// A clause: "the connection was closed".
impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Status(code) => write!(f, "status {code} arrived"),
            Shape::Message => write!(f, "a message `@…: …` arrived"),
            Shape::Command(verb) => write!(f, "`{verb} …` arrived"),
            Shape::EmptyLine => write!(f, "an empty line arrived"),
            Shape::OtherLine => write!(f, "another text arrived"),
            Shape::Other(words) => write!(f, "{words}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_between_submissions_is_left_out() {
        let of = |got: Got| Shape::of(&got).to_string();
        assert_eq!(of(Got::Nothing { after: 5000 }), "nothing arrived");
        assert_eq!(of(Got::Nothing { after: 1 }), "nothing arrived");
        for (line, shape) in [
            ("@alice: hi", Shape::Message),
            ("401 taken", Shape::Status("401".to_owned())),
            ("DISCONNECT bob CHAT/1.0", Shape::Command("DISCONNECT")),
            ("", Shape::EmptyLine),
            (" ", Shape::OtherLine),
            ("2000 years", Shape::OtherLine),
        ] {
            assert_eq!(Shape::of_line(line), shape);
        }
    }
}
