//! What a line says.

use super::NameRef;
use memchr::memchr;
use std::fmt;

const VERSION: &str = "CHAT/1.0";

/// What one line of the protocol says; `Display` is that line, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'l> {
    /// `REGISTER name CHAT/1.0`: a client asks to be registered (C-REG-1).
    Register(NameRef<'l>),
    /// `DISCONNECT name CHAT/1.0`: a client leaves (C-QUIT-1).
    Disconnect(NameRef<'l>),
    /// `DISCONNECT CHAT/1.0`: the server ends (S-SHUT-1).
    Shutdown,
    /// `@name: text`: a user speaks (C-MSG-1).
    Chat {
        /// Who speaks.
        from: NameRef<'l>,
        /// What is said.
        text: Text<'l>,
    },
    /// `NNN phrase`: the server's answer to a registration.
    Status(Status<'l>),
}

/// Text of a single line: anything but LF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<'l>(&'l str);

/// The server's answer to a registration: a number of three digits, and what it means in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status<'l> {
    code: u16,
    phrase: Text<'l>,
}

impl<'l> Message<'l> {
    /// Reads a line that was parted from its end; `None` where it is nothing that CHAT/1.0 knows.
    ///
    /// Words are parted by one space each; there is no second way to write a message.
    // A call would cost as much as what is done for somebody's words, which nearly every line is.
    #[inline(always)]
    pub fn parse(line: &'l str) -> Option<Message<'l>> {
        let Some(rest) = line.strip_prefix('@') else {
            return Message::parse_other(line);
        };
        let from = NameRef::before_colon(rest)?;
        let text = Text::new(&rest[from.as_str().len() + ": ".len()..])?;
        Some(Message::Chat { from, text })
    }

    /// Reads a line that is nobody's words.
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
    /// `None` where there is an LF in it.
    #[inline]
    pub fn new(text: &'l str) -> Option<Text<'l>> {
        memchr(b'\n', text.as_bytes())
            .is_none()
            .then_some(Text(text))
    }

    /// The text as it is written.
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
    /// A status that nobody has foreseen; `None` where the code has more than three digits.
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

    /// The number: 200 is success, all others are refusals.
    pub fn code(self) -> u16 {
        self.code
    }

    /// What it means, in words; may be empty.
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
    fn each_message_is_written_as_the_protocol_has_it() {
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
    fn what_is_nearly_a_message_is_none() {
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
    fn a_line_feed_makes_it_none_wherever_it_stands() {
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
    fn an_answer_is_known_by_its_number() {
        let Some(Message::Status(status)) = Message::parse("503") else {
            panic!("three digits alone are a status");
        };
        assert_eq!((status.code(), status.phrase()), (503, ""));
    }
}
