//! What the client does when something happens: events in, actions out; no I/O and no clock.

use std::fmt;
use std::time::Duration;

use super::visible::visible;
use crate::protocol::{MAX_LINE, Message, Name, Status, Text};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection to the server is there.
    Connected,
    /// The user finished a line.
    Typed(String),
    /// The user finished a line that is too long by so many bytes; it stays in the prompt.
    TooLongTyped(usize),
    /// A line of the input was too long, and is gone.
    TooLongDropped,
    /// There will be no more input (C-HARD-2).
    InputEnded,
    /// The user wants to leave, now: Ctrl-C, or SIGTERM (C-QUIT-1).
    Interrupted,
    /// The server sent a line.
    Received(String),
    /// The server sent a line that has no end (C-HARD-3).
    EndlessLine,
    /// All that was to be sent has been.
    Sent,
    /// The connection has ended, in an orderly way or by this error.
    Closed(Option<String>),
    /// The patience of this phase is out.
    TimedOut,
}

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes to the server.
    Send(Vec<u8>),
    /// Show this to the user.
    Show(Entry),
    /// Say that nothing more will be sent, by closing the connection's sending half.
    CloseSending,
    /// End the client.
    End(Ending),
}

/// Something to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A message of another user (C-MSG-2).
    Message {
        /// Who said it.
        from: Name,
        /// What was said, as it was said.
        text: String,
    },
    /// Words of the client's own.
    Notice(String),
    /// A line from the server that is neither a message nor a word of the protocol.
    FromServer(String),
}

/// How far the conversation with the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is no connection yet.
    Connecting,
    /// The registration is sent, and not yet answered.
    Registering,
    /// The user is registered: what is typed is sent (C-REG-2).
    Chatting,
    /// The goodbye is said, and must still be sent, with all that was said before it.
    Leaving {
        /// Whether the user has asked for it with Ctrl-C, and is waiting.
        in_haste: bool,
    },
    /// All is sent; the server has yet to close the connection. Closing it first, with something
    /// unread on it, would be a reset, which may cost the server the last lines.
    Parting,
}

impl Phase {
    /// How long to wait for what ends this phase; in [`Phase::Leaving`] without haste, how long
    /// to wait for the server to take anything at all.
    pub fn patience(self) -> Option<Duration> {
        match self {
            // Connecting has its own deadline for each address.
            Phase::Connecting | Phase::Chatting => None,
            Phase::Registering => Some(Duration::from_secs(10)),
            Phase::Leaving { in_haste: false } => Some(Duration::from_secs(10)),
            Phase::Leaving { in_haste: true } => Some(Duration::from_secs(2)),
            Phase::Parting => Some(Duration::from_millis(500)),
        }
    }
}

/// Why the client ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The user has left.
    Left,
    /// The user has left, and something that was said did not reach the server.
    Unsent,
    /// The server is shutting down (C-SHUT-1).
    Shutdown,
    /// The server does not accept the registration (C-REG-3, C-REG-4).
    Refused {
        /// The number of its answer.
        code: u16,
        /// Its answer, as it was said.
        answer: String,
    },
    /// The server does not answer the registration.
    Unanswered,
    /// The connection ended without a goodbye, in an orderly way or by this error (C-SHUT-2).
    Vanished(Option<String>),
    /// The server sends a line without an end (C-HARD-3).
    EndlessLine,
}

impl Ending {
    /// Whether all went as it should.
    pub fn is_success(&self) -> bool {
        matches!(self, Ending::Left | Ending::Shutdown)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Left => write!(f, "You have left the chat."),
            Ending::Unsent => write!(
                f,
                "not all that you said was sent: the server did not take it"
            ),
            Ending::Shutdown => write!(f, "The server is shutting down, and says goodbye."),
            Ending::Refused { code, answer } => {
                let (said, advice) = (visible(answer), advice(*code));
                write!(f, "the server refused you: {said}\n{advice}")
            }
            Ending::Unanswered => write!(
                f,
                "the server does not answer the registration; is it a CHAT/1.0 server?"
            ),
            Ending::Vanished(None) => {
                write!(f, "the server closed the connection without a goodbye")
            }
            Ending::Vanished(Some(error)) => {
                write!(f, "the connection to the server broke: {error}")
            }
            Ending::EndlessLine => write!(
                f,
                "the server sent a line of more than {MAX_LINE} bytes; it does not speak CHAT/1.0"
            ),
        }
    }
}

/// What the user can do about a refusal.
fn advice(code: u16) -> &'static str {
    match code {
        400 => "It does not like the name: try one of letters and digits only.",
        401 => "Someone is using the name: take another one, or wait until they have left.",
        _ => "Try again later, or ask whoever runs the server.",
    }
}

/// The conversation with the server.
#[derive(Debug)]
pub struct Session {
    name: Name,
    phase: Phase,
    /// What was typed before the server accepted the registration.
    waiting: Vec<u8>,
    /// Whether the input ended before the server accepted the registration.
    input_ended: bool,
    /// Whether something of the input was too long to be sent.
    dropped: bool,
}

impl Session {
    /// A session of this user, before there is a connection.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            phase: Phase::Connecting,
            waiting: Vec::new(),
            input_ended: false,
            dropped: false,
        }
    }

    /// How far the conversation is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How many bytes wait for the registration to succeed.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What to do now that this has happened.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Connected => {
                self.phase = Phase::Registering;
                vec![send(Message::Register(self.name.borrowed()))]
            }
            Event::Typed(line) => self.typed(&line),
            Event::TooLongTyped(excess) => vec![notice(format!(
                "This line is {excess} bytes too long to be sent; shorten it, and press Enter again."
            ))],
            Event::TooLongDropped => {
                self.dropped = true;
                vec![notice(
                    "A line of the input was too long, and was not sent.".to_owned(),
                )]
            }
            Event::InputEnded => self.input_ended(),
            Event::Interrupted => self.interrupted(),
            Event::Received(line) => self.received(line),
            Event::EndlessLine => vec![Action::End(Ending::EndlessLine)],
            Event::Sent => self.sent(),
            Event::Closed(error) => vec![Action::End(self.ending_when_closed(error))],
            Event::TimedOut => vec![Action::End(self.ending_when_timed_out())],
        }
    }

    fn typed(&mut self, line: &str) -> Vec<Action> {
        let Some(text) = Text::new(line).filter(|_| !line.is_empty()) else {
            return Vec::new();
        };
        let said = wire(Message::Chat {
            from: self.name.borrowed(),
            text,
        });
        match self.phase {
            Phase::Connecting | Phase::Registering => self.waiting.extend(said),
            Phase::Chatting => return vec![Action::Send(said)],
            Phase::Leaving { .. } | Phase::Parting => {}
        }
        Vec::new()
    }

    fn input_ended(&mut self) -> Vec<Action> {
        match self.phase {
            Phase::Connecting | Phase::Registering => self.input_ended = true,
            Phase::Chatting => return vec![self.leave(false)],
            Phase::Leaving { .. } | Phase::Parting => {}
        }
        Vec::new()
    }

    fn interrupted(&mut self) -> Vec<Action> {
        match self.phase {
            Phase::Connecting | Phase::Parting => vec![Action::End(self.left())],
            Phase::Registering | Phase::Chatting => vec![self.leave(true)],
            Phase::Leaving { .. } => vec![Action::End(Ending::Unsent)],
        }
    }

    fn leave(&mut self, in_haste: bool) -> Action {
        self.phase = Phase::Leaving { in_haste };
        send(Message::Disconnect(self.name.borrowed()))
    }

    /// Text is only text (C-MSG-4): a line is a message by its beginning, whatever follows.
    fn received(&mut self, line: String) -> Vec<Action> {
        match Message::parse(&line) {
            Some(Message::Chat { from, text }) => {
                let (from, text) = (from.to_name(), text.as_str().to_owned());
                vec![Action::Show(Entry::Message { from, text })]
            }
            Some(Message::Shutdown) => vec![Action::End(self.ending_when_shut_down())],
            Some(Message::Status(status)) if self.phase == Phase::Registering => {
                self.answered(status)
            }
            _ => vec![Action::Show(Entry::FromServer(line))],
        }
    }

    fn answered(&mut self, status: Status<'_>) -> Vec<Action> {
        if status.code() != 200 {
            return vec![Action::End(Ending::Refused {
                code: status.code(),
                answer: status.to_string(),
            })];
        }
        self.phase = Phase::Chatting;
        let mut actions = vec![notice(format!(
            "You are in the chat as {}. Type a line and press Enter to say it; Ctrl-C leaves.",
            self.name
        ))];
        if !self.waiting.is_empty() {
            actions.push(Action::Send(std::mem::take(&mut self.waiting)));
        }
        if self.input_ended {
            actions.push(self.leave(false));
        }
        actions
    }

    fn sent(&mut self) -> Vec<Action> {
        match self.phase {
            Phase::Leaving { .. } => {
                self.phase = Phase::Parting;
                vec![Action::CloseSending]
            }
            _ => Vec::new(),
        }
    }

    fn ending_when_shut_down(&self) -> Ending {
        match self.phase {
            Phase::Parting => self.left(),
            _ => Ending::Shutdown,
        }
    }

    fn ending_when_closed(&self, error: Option<String>) -> Ending {
        match self.phase {
            Phase::Parting => self.left(),
            Phase::Leaving { .. } => Ending::Unsent,
            _ => Ending::Vanished(error),
        }
    }

    fn ending_when_timed_out(&self) -> Ending {
        match self.phase {
            Phase::Parting => self.left(),
            Phase::Leaving { .. } => Ending::Unsent,
            _ => Ending::Unanswered,
        }
    }

    fn left(&self) -> Ending {
        match self.dropped || !self.waiting.is_empty() {
            true => Ending::Unsent,
            false => Ending::Left,
        }
    }
}

/// The most bytes of text that a line of this user may have.
pub fn text_limit(name: &Name) -> usize {
    MAX_LINE - "@: \n".len() - name.as_str().len()
}

fn send(message: Message<'_>) -> Action {
    Action::Send(wire(message))
}

fn wire(message: Message<'_>) -> Vec<u8> {
    format!("{message}\n").into_bytes()
}

fn notice(words: String) -> Action {
    Action::Show(Entry::Notice(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session::new("alice".parse().expect("a name"))
    }

    fn registering() -> Session {
        let mut session = session();
        session.on(Event::Connected);
        session
    }

    fn chatting() -> Session {
        let mut session = registering();
        session.on(Event::Received("200 Registration successful".to_owned()));
        session
    }

    fn said(line: &str) -> Action {
        Action::Send(format!("{line}\n").into_bytes())
    }

    fn received(line: &str) -> Event {
        Event::Received(line.to_owned())
    }

    fn typed(line: &str) -> Event {
        Event::Typed(line.to_owned())
    }

    #[test]
    fn registers_first() {
        assert_eq!(
            session().on(Event::Connected),
            [said("REGISTER alice CHAT/1.0")]
        );
    }

    #[test]
    fn what_is_typed_is_sent() {
        assert_eq!(chatting().on(typed("hi")), [said("@alice: hi")]);
        assert_eq!(chatting().on(typed("")), []);
    }

    #[test]
    fn what_is_typed_early_is_sent_after_the_200() {
        let mut session = session();
        assert_eq!(session.on(typed("one")), []);
        session.on(Event::Connected);
        assert_eq!(session.on(typed("two")), []);
        assert_eq!(session.on(Event::InputEnded), []);
        assert_eq!(
            session.on(received("200 OK"))[1..],
            [
                said("@alice: one\n@alice: two"),
                said("DISCONNECT alice CHAT/1.0")
            ]
        );
    }

    #[test]
    fn refusals_end_it_with_advice() {
        for (line, advice) in [
            ("400 Invalid registration", "letters and digits"),
            ("401 Client already registered", "another one"),
            ("503 Full", "later"),
        ] {
            let actions = registering().on(received(line));
            let [Action::End(ending)] = &actions[..] else {
                panic!("{actions:?}")
            };
            assert!(!ending.is_success());
            assert!(ending.to_string().contains(line), "{ending}");
            assert!(ending.to_string().contains(advice), "{ending}");
        }
    }

    #[test]
    fn a_message_is_one_whatever_its_text() {
        for text in [
            "DISCONNECT CHAT/1.0",
            "400 Invalid registration",
            "@bob: hi",
            "",
            " x ",
        ] {
            for mut session in [registering(), chatting()] {
                let phase = session.phase();
                assert_eq!(
                    session.on(received(&format!("@bob: {text}"))),
                    [Action::Show(Entry::Message {
                        from: "bob".parse().expect("a name"),
                        text: text.to_owned()
                    })]
                );
                assert_eq!(session.phase(), phase);
            }
        }
    }

    #[test]
    fn other_lines_are_shown_as_the_servers() {
        for line in ["bob joined", "400 Invalid registration", "", "@nobody"] {
            assert_eq!(
                chatting().on(received(line)),
                [Action::Show(Entry::FromServer(line.to_owned()))]
            );
        }
    }

    #[test]
    fn the_servers_goodbye_ends_it() {
        assert_eq!(
            chatting().on(received("DISCONNECT CHAT/1.0")),
            [Action::End(Ending::Shutdown)]
        );
    }

    #[test]
    fn a_closed_connection_ends_it() {
        for mut session in [registering(), chatting()] {
            assert_eq!(
                session.on(Event::Closed(None)),
                [Action::End(Ending::Vanished(None))]
            );
        }
    }

    #[test]
    fn leaving_says_goodbye_then_waits_for_the_server() {
        for event in [Event::Interrupted, Event::InputEnded] {
            let mut session = chatting();
            assert_eq!(session.on(event), [said("DISCONNECT alice CHAT/1.0")]);
            assert_eq!(session.on(typed("too late")), []);
            assert_eq!(session.on(Event::Sent), [Action::CloseSending]);
            assert_eq!(session.on(Event::Closed(None)), [Action::End(Ending::Left)]);
        }
    }

    #[test]
    fn a_server_that_takes_nothing_does_not_keep_the_user() {
        for event in [Event::TimedOut, Event::Interrupted, Event::Closed(None)] {
            let mut session = chatting();
            session.on(Event::Interrupted);
            assert_eq!(session.on(event), [Action::End(Ending::Unsent)]);
        }
    }

    #[test]
    fn an_interrupt_before_the_connection_just_ends_it() {
        assert_eq!(
            session().on(Event::Interrupted),
            [Action::End(Ending::Left)]
        );
    }

    #[test]
    fn what_was_typed_early_and_never_sent_is_told() {
        let mut session = session();
        session.on(typed("one"));
        assert_eq!(
            session.on(Event::Interrupted),
            [Action::End(Ending::Unsent)]
        );
    }

    #[test]
    fn silence_instead_of_an_answer_ends_it() {
        assert_eq!(
            registering().on(Event::TimedOut),
            [Action::End(Ending::Unanswered)]
        );
    }

    #[test]
    fn input_that_was_dropped_is_no_success() {
        let mut session = chatting();
        session.on(Event::TooLongDropped);
        session.on(Event::InputEnded);
        session.on(Event::Sent);
        assert_eq!(
            session.on(Event::Closed(None)),
            [Action::End(Ending::Unsent)]
        );
    }

    #[test]
    fn the_longest_text_makes_the_longest_line() {
        let name: Name = "alice".parse().expect("a name");
        let longest = "x".repeat(text_limit(&name));
        let (from, text) = (name.borrowed(), Text::new(&longest).expect("no LF"));
        assert_eq!(wire(Message::Chat { from, text }).len(), MAX_LINE);
    }
}
