//! The messages of the protocol.

use super::name::NameRef;
use memchr::memchr;
use std::fmt;

const VERSION: &str = "CHAT/1.0";

/// A message, which is one line of the protocol. `Display` writes it without the line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'l> {
    /// `REGISTER name CHAT/1.0`: a client asks to be registered (C-REG-1).
    Register(NameRef<'l>),
    /// `DISCONNECT name CHAT/1.0`: a client says goodbye (C-QUIT-1).
    Disconnect(NameRef<'l>),
    /// `DISCONNECT CHAT/1.0`: the server shuts down (S-SHUT-1).
    Shutdown,
    /// `@name: text`: a chat message (C-MSG-1).
    Chat {
        /// The sender.
        from: NameRef<'l>,
        /// The text.
        text: Text<'l>,
    },
    /// `NNN phrase`: the server's answer to a registration.
    Status(Status<'l>),
}

/// The text of a chat message: anything except LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'l>(&'l str);

/// The server's answer to a registration: a three-digit code and a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status<'l> {
    code: u16,
    phrase: Text<'l>,
}

impl<'l> Message<'l> {
    /// Parses a line without its end. Returns `None` if it is not a message of CHAT/1.0.
    ///
    /// A single space separates words. There is no other spelling of a message.
    // Nearly every line is a chat message, and a call would cost as much as parsing one.
    #[inline(always)]
    pub fn parse(line: &'l str) -> Option<Message<'l>> {
        let Some(rest) = line.strip_prefix('@') else {
            return Message::parse_other(line);
        };
        let from = NameRef::before_colon(rest)?;
        let text = Text::new(&rest[from.as_str().len() + ": ".len()..])?;
        Some(Message::Chat { from, text })
    }

    /// Parses a line that is not a chat message.
    fn parse_other(line: &'l str) -> Option<Message<'l>> {
        if let Some(rest) = line.strip_prefix("REGISTER ") {
            return name_before_version(rest).map(Message::Register);
        }
        if let Some(rest) = line.strip_prefix("DISCONNECT ") {
            return match rest {
                VERSION => Some(Message::Shutdown),
                _ => name_before_version(rest).map(Message::Disconnect),
            };
        }
        Status::parse(line).map(Message::Status)
    }
}

fn name_before_version(rest: &str) -> Option<NameRef<'_>> {
    let name = rest.strip_suffix(VERSION)?.strip_suffix(' ')?;
    NameRef::new(name).ok()
}

impl<'l> Text<'l> {
    /// Returns `None` if the text contains LF.
    #[inline]
    pub fn new(text: &'l str) -> Option<Text<'l>> {
        memchr(b'\n', text.as_bytes())
            .is_none()
            .then_some(Text(text))
    }

    /// The text as a string.
    pub fn as_str(self) -> &'l str {
        self.0
    }
}

impl Status<'static> {
    /// `200 Registration successful` (S-REG-2).
    pub const SUCCESSFUL: Self = Status::fixed(200, "Registration successful");
    /// `400 Invalid registration` (S-REG-4).
    pub const INVALID: Self = Status::fixed(400, "Invalid registration");
    /// `401 Client already registered` (S-REG-6).
    pub const ALREADY_REGISTERED: Self = Status::fixed(401, "Client already registered");

    const fn fixed(code: u16, phrase: &'static str) -> Self {
        let phrase = Text(phrase);
        Status { code, phrase }
    }
}

impl<'l> Status<'l> {
    /// Any other status. Returns `None` if the code has more than three digits.
    pub fn new(code: u16, phrase: Text<'l>) -> Option<Status<'l>> {
        (code <= 999).then_some(Status { code, phrase })
    }

    fn parse(line: &'l str) -> Option<Status<'l>> {
        let (code, phrase) = line.split_once(' ').unwrap_or((line, ""));
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Status::new(code.parse().ok()?, Text::new(phrase)?)
    }

    /// The code. 200 means success; every other code is a refusal.
    pub fn code(self) -> u16 {
        self.code
    }

    /// The phrase; it may be empty.
    pub fn phrase(self) -> &'l str {
        self.phrase.as_str()
    }
}

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Register(name) => write!(f, "REGISTER {name} {VERSION}"),
            Message::Disconnect(name) => write!(f, "DISCONNECT {name} {VERSION}"),
            Message::Shutdown => write!(f, "DISCONNECT {VERSION}"),
            Message::Chat { from, text } => write!(f, "@{from}: {text}"),
            Message::Status(status) => write!(f, "{status}"),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.code)?;
        if !self.phrase().is_empty() {
            write!(f, " {}", self.phrase)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_has_its_spelling() {
        let alice = NameRef::new("alice").unwrap();
        let text = Text::new("DISCONNECT alice CHAT/1.0").unwrap();
        for (line, message) in [
            ("REGISTER alice CHAT/1.0", Message::Register(alice)),
            ("DISCONNECT alice CHAT/1.0", Message::Disconnect(alice)),
            ("DISCONNECT CHAT/1.0", Message::Shutdown),
            (
                "@alice: DISCONNECT alice CHAT/1.0",
                Message::Chat { from: alice, text },
            ),
            (
                "200 Registration successful",
                Message::Status(Status::SUCCESSFUL),
            ),
            ("400 Invalid registration", Message::Status(Status::INVALID)),
            (
                "401 Client already registered",
                Message::Status(Status::ALREADY_REGISTERED),
            ),
        ] {
            assert_eq!(Message::parse(line), Some(message), "{line}");
            assert_eq!(message.to_string(), line);
        }
    }

    #[test]
    fn near_misses_are_not_messages() {
        for line in [
            "",
            " ",
            "REGISTER",
            "REGISTER alice",
            "REGISTER CHAT/1.0",
            "REGISTER  CHAT/1.0",
            "REGISTER alice CHAT/1.1",
            "REGISTER alice chat/1.0",
            "register alice CHAT/1.0",
            "REGISTER alice  CHAT/1.0",
            " REGISTER alice CHAT/1.0",
            "REGISTER alice smith CHAT/1.0",
            "REGISTER alice CHAT/1.0 ",
            "REGISTER alice CHAT/1.0 now",
            "REGISTER alice\tCHAT/1.0",
            "DISCONNECT",
            "DISCONNECT alice",
            "@alice",
            "@alice:",
            "@alice hi",
            "@: hi",
            "@a\tb: hi",
            "alice: hi",
            "20",
            "2000",
            "+20 phrase",
        ] {
            assert_eq!(Message::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_message_contains_no_line_feed() {
        let long = "x".repeat(100);
        for line in [
            "REGISTER alice CHAT/1.0",
            "DISCONNECT alice CHAT/1.0",
            "DISCONNECT CHAT/1.0",
            &format!("@alice: {long}"),
            &format!("200 {long}"),
        ] {
            assert!(Message::parse(line).is_some(), "{line:?}");
            for place in 0..=line.len() {
                let (before, after) = line.split_at(place);
                let line = format!("{before}\n{after}");
                assert_eq!(Message::parse(&line), None, "{line:?}");
            }
        }
    }

    #[test]
    fn three_digits_alone_are_a_status() {
        let Some(Message::Status(status)) = Message::parse("503") else {
            panic!("three digits alone are a status");
        };
        assert_eq!((status.code(), status.phrase()), (503, ""));
    }
}
