//! What a line says.

use super::Name;
use std::borrow::Cow;
use std::fmt;

const VERSION: &str = "CHAT/1.0";

/// What one line of the protocol says; `Display` is that line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// `REGISTER name CHAT/1.0`: a client asks to be registered (C-REG-1).
    Register(Name),
    /// `DISCONNECT name CHAT/1.0`: a client leaves (C-QUIT-1).
    Disconnect(Name),
    /// `DISCONNECT CHAT/1.0`: the server ends (S-SHUT-1).
    Shutdown,
    /// `@name: text`: a user speaks (C-MSG-1).
    Chat {
        /// Who speaks.
        from: Name,
        /// What is said.
        text: Text,
    },
    /// `NNN phrase`: the server's answer to a registration.
    Status(Status),
}

/// Text of a single line: anything but LF.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text(Cow<'static, str>);

/// The server's answer to a registration: a number of three digits, and what it means in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    code: u16,
    phrase: Text,
}

impl Message {
    /// Reads a line that was parted from its end; `None` where it is nothing that CHAT/1.0 knows.
    ///
    /// Words are parted by one space each; there is no second way to write a message.
    pub fn parse(line: &str) -> Option<Message> {
        if let Some(rest) = line.strip_prefix('@') {
            let (word, text) = rest.split_once(' ')?;
            return Some(Message::Chat {
                from: word.strip_suffix(':')?.parse().ok()?,
                text: Text::new(text)?,
            });
        }
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["REGISTER", name, VERSION] => Some(Message::Register(name.parse().ok()?)),
            ["DISCONNECT", name, VERSION] => Some(Message::Disconnect(name.parse().ok()?)),
            ["DISCONNECT", VERSION] => Some(Message::Shutdown),
            _ => Status::parse(line).map(Message::Status),
        }
    }
}

impl Text {
    /// `None` where there is an LF in it.
    pub fn new(text: &str) -> Option<Text> {
        (!text.contains('\n')).then(|| Text(Cow::Owned(text.to_owned())))
    }

    /// The text as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Status {
    /// `200 Registration successful` (S-REG-2).
    pub const SUCCESSFUL: Status = Status::fixed(200, "Registration successful");
    /// `400 Invalid registration` (S-REG-4).
    pub const INVALID: Status = Status::fixed(400, "Invalid registration");
    /// `401 Client already registered` (S-REG-6).
    pub const ALREADY_REGISTERED: Status = Status::fixed(401, "Client already registered");

    const fn fixed(code: u16, phrase: &'static str) -> Status {
        let phrase = Text(Cow::Borrowed(phrase));
        Status { code, phrase }
    }

    /// A status that nobody has foreseen; `None` where the code has more than three digits.
    pub fn new(code: u16, phrase: Text) -> Option<Status> {
        (code <= 999).then_some(Status { code, phrase })
    }

    fn parse(line: &str) -> Option<Status> {
        let (code, phrase) = line.split_once(' ').unwrap_or((line, ""));
        if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Status::new(code.parse().ok()?, Text::new(phrase)?)
    }

    /// The number: 200 is success, all others are refusals.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// What it means, in words; may be empty.
    pub fn phrase(&self) -> &str {
        self.phrase.as_str()
    }
}

impl fmt::Display for Message {
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

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Status {
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
        let alice: Name = "alice".parse().unwrap();
        let text = Text::new("DISCONNECT alice CHAT/1.0").unwrap();
        for (line, message) in [
            ("REGISTER alice CHAT/1.0", Message::Register(alice.clone())),
            (
                "DISCONNECT alice CHAT/1.0",
                Message::Disconnect(alice.clone()),
            ),
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
            assert_eq!(Message::parse(line), Some(message.clone()), "{line}");
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
    fn an_answer_is_known_by_its_number() {
        let Some(Message::Status(status)) = Message::parse("503") else {
            panic!("three digits alone are a status");
        };
        assert_eq!((status.code(), status.phrase()), (503, ""));
    }
}
