//! What the client does about each event: events in, actions out; no I/O and no clock.

use std::fmt;
use std::time::Duration;

use super::visible::visible;
use crate::protocol::{MAX_LINE, Message, Name, Status, Text};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The client is connected to the server.
    Connected,
    /// The user finished a line.
    Typed(String),
    /// The user finished a line that exceeds the limit by this many bytes. It stays in the prompt.
    TooLongTyped(usize),
    /// A line of the input was too long and was dropped.
    TooLongDropped,
    /// The input has ended (C-HARD-2).
    InputEnded,
    /// The user wants to leave now: Ctrl-C or SIGTERM (C-QUIT-1).
    Interrupted,
    /// The server sent a line.
    Received(String),
    /// The server sent a line that exceeds the maximum length (C-HARD-3).
    EndlessLine,
    /// Everything queued was sent.
    Sent,
    /// The connection has ended, in an orderly way or with this error.
    Closed(Option<String>),
    /// The timeout of this phase has passed.
    TimedOut,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes to the server.
    Send(Vec<u8>),
    /// Show this to the user.
    Show(Entry),
    /// Close the connection's sending half, so that the server knows that no more will come.
    CloseSending,
    /// End the client.
    End(Ending),
}

/// Something to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A message of another user (C-MSG-2).
    Message {
        /// The sender.
        from: Name,
        /// The text, as it was sent.
        text: String,
    },
    /// A message from the client itself.
    Notice(String),
    /// A line from the server that is neither a chat message nor part of the protocol.
    FromServer(String),
}

/// The state of the conversation with the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not connected yet.
    Connecting,
    /// The registration was sent, but not answered yet.
    Registering,
    /// The user is registered. Typed lines are sent (C-REG-2).
    Chatting,
    /// The goodbye is queued behind everything typed before it.
    Leaving {
        /// Whether the user pressed Ctrl-C and is waiting.
        hurried: bool,
    },
    /// Everything is sent. The server has yet to close the connection. If the client closed it
    /// first, unread input would cause a reset, which may cost the server the last lines.
    Closing,
}

impl Phase {
    /// The timeout of this phase. In [`Phase::Leaving`] without hurry, it restarts whenever the
    /// server reads something.
    pub fn timeout(self) -> Option<Duration> {
        match self {
            // Connecting has a timeout for each address.
            Phase::Connecting | Phase::Chatting => None,
            Phase::Registering => Some(Duration::from_secs(10)),
            Phase::Leaving { hurried: false } => Some(Duration::from_secs(10)),
            Phase::Leaving { hurried: true } => Some(Duration::from_secs(2)),
            Phase::Closing => Some(Duration::from_millis(500)),
        }
    }
}

/// Why the client ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The user has left.
    Left,
    /// The user has left, but something typed did not reach the server.
    Unsent,
    /// The server is shutting down (C-SHUT-1).
    Shutdown,
    /// The server refused the registration (C-REG-3, C-REG-4).
    Refused {
        /// The status code.
        code: u16,
        /// The whole answer.
        answer: String,
    },
    /// The server did not answer the registration.
    Unanswered,
    /// The connection ended without a goodbye, in an orderly way or with this error (C-SHUT-2).
    Vanished(Option<String>),
    /// The server sent a line that exceeds the maximum length (C-HARD-3).
    EndlessLine,
}

impl Ending {
    /// Whether everything went well.
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
                "some of your messages were not sent: the server did not read them"
            ),
            Ending::Shutdown => write!(f, "The server is shutting down."),
            Ending::Refused { code, answer } => {
                let (said, advice) = (visible(answer), advice(*code));
                write!(f, "the server refused the registration: {said}\n{advice}")
            }
            Ending::Unanswered => write!(
                f,
                "the server did not answer the registration; is it a CHAT/1.0 server?"
            ),
            Ending::Vanished(None) => {
                write!(f, "the server closed the connection without a goodbye")
            }
            Ending::Vanished(Some(error)) => {
                write!(f, "the connection to the server failed: {error}")
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
        400 => "It does not accept the name: try one with only letters and digits.",
        401 => "Someone else is using the name: choose another one, or wait until they have left.",
        _ => "Try again later, or ask the person who runs the server.",
    }
}

/// The conversation with the server.
#[derive(Debug)]
pub struct Session {
    name: Name,
    phase: Phase,
    /// Lines typed before the server accepted the registration.
    waiting: Vec<u8>,
    /// Whether the input ended before the server accepted the registration.
    input_ended: bool,
    /// Whether an input line was dropped because it was too long.
    dropped: bool,
}

impl Session {
    /// A session for this user, before it is connected.
    pub fn new(name: Name) -> Self {
        Self {
            name,
            phase: Phase::Connecting,
            waiting: Vec::new(),
            input_ended: false,
            dropped: false,
        }
    }

    /// The state of the conversation.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Number of bytes that wait for the registration to succeed.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Handles an event and returns what to do.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Connected => {
                self.phase = Phase::Registering;
                vec![send(Message::Register(self.name.borrowed()))]
            }
            Event::Typed(line) => self.typed(&line),
            Event::TooLongTyped(excess) => vec![notice(format!(
                "This line is {excess} bytes too long. Shorten it and press Enter again."
            ))],
            Event::TooLongDropped => {
                self.dropped = true;
                vec![notice(
                    "A line of the input was too long and was not sent.".to_owned(),
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
            Phase::Leaving { .. } | Phase::Closing => {}
        }
        Vec::new()
    }

    fn input_ended(&mut self) -> Vec<Action> {
        match self.phase {
            Phase::Connecting | Phase::Registering => self.input_ended = true,
            Phase::Chatting => return vec![self.leave(false)],
            Phase::Leaving { .. } | Phase::Closing => {}
        }
        Vec::new()
    }

    fn interrupted(&mut self) -> Vec<Action> {
        match self.phase {
            Phase::Connecting | Phase::Closing => vec![Action::End(self.left())],
            Phase::Registering | Phase::Chatting => vec![self.leave(true)],
            Phase::Leaving { .. } => vec![Action::End(Ending::Unsent)],
        }
    }

    fn leave(&mut self, hurried: bool) -> Action {
        self.phase = Phase::Leaving { hurried };
        send(Message::Disconnect(self.name.borrowed()))
    }

    /// The start of a line alone makes it a chat message: its text may contain anything (C-MSG-4).
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
            "You are in the chat as {}. Type a message and press Enter to send it. Press Ctrl-C to leave.",
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
                self.phase = Phase::Closing;
                vec![Action::CloseSending]
            }
            _ => Vec::new(),
        }
    }

    fn ending_when_shut_down(&self) -> Ending {
        match self.phase {
            Phase::Closing => self.left(),
            _ => Ending::Shutdown,
        }
    }

    fn ending_when_closed(&self, error: Option<String>) -> Ending {
        match self.phase {
            Phase::Closing => self.left(),
            Phase::Leaving { .. } => Ending::Unsent,
            _ => Ending::Vanished(error),
        }
    }

    fn ending_when_timed_out(&self) -> Ending {
        match self.phase {
            Phase::Closing => self.left(),
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

/// Maximum length of a message text by this user, in bytes.
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
    fn typed_lines_are_sent() {
        assert_eq!(chatting().on(typed("hi")), [said("@alice: hi")]);
        assert_eq!(chatting().on(typed("")), []);
    }

    #[test]
    fn lines_typed_early_are_sent_after_the_200() {
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
    fn a_refusal_ends_the_client_with_advice() {
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
    fn any_text_makes_a_message() {
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
    fn other_lines_are_shown_as_from_the_server() {
        for line in ["bob joined", "400 Invalid registration", "", "@nobody"] {
            assert_eq!(
                chatting().on(received(line)),
                [Action::Show(Entry::FromServer(line.to_owned()))]
            );
        }
    }

    #[test]
    fn the_servers_goodbye_ends_the_client() {
        assert_eq!(
            chatting().on(received("DISCONNECT CHAT/1.0")),
            [Action::End(Ending::Shutdown)]
        );
    }

    #[test]
    fn a_closed_connection_ends_the_client() {
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
    fn a_server_that_reads_nothing_cannot_keep_the_user() {
        for event in [Event::TimedOut, Event::Interrupted, Event::Closed(None)] {
            let mut session = chatting();
            session.on(Event::Interrupted);
            assert_eq!(session.on(event), [Action::End(Ending::Unsent)]);
        }
    }

    #[test]
    fn an_interrupt_before_connecting_ends_the_client() {
        assert_eq!(
            session().on(Event::Interrupted),
            [Action::End(Ending::Left)]
        );
    }

    #[test]
    fn early_lines_that_were_never_sent_are_reported() {
        let mut session = session();
        session.on(typed("one"));
        assert_eq!(
            session.on(Event::Interrupted),
            [Action::End(Ending::Unsent)]
        );
    }

    #[test]
    fn a_missing_answer_ends_the_client() {
        assert_eq!(
            registering().on(Event::TimedOut),
            [Action::End(Ending::Unanswered)]
        );
    }

    #[test]
    fn dropped_input_is_not_a_success() {
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
