//! Evidence in words: every phrase about a run that a person reads is made here.

use std::fmt::{self, Display, Formatter};

use super::Outcome;
use super::excerpt;
use super::shortfall::{Expected, Got, Hindrance, Inapplicable, Note, PassedOver, Shortfall};
use super::topic::{Togetherness, Topic};
use crate::conformance::conversation::cause::Cause;
use crate::conformance::conversation::meaning::Meaning;
use crate::conformance::conversation::room::Departure;
use crate::transcript::syntax::MessageKind;

/// To follow "expected".
impl Display for Expected {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Listens => write!(f, "the server to listen on a port"),
            Expected::ClientConnects => write!(f, "the client to connect"),
            Expected::Joins { actor } => write!(f, "{actor}'s client to connect to the server"),
            Expected::StillRunning { actor } => write!(f, "{actor}'s client to be running"),
            Expected::ClientEnds { actor } => write!(f, "{actor}'s client to end"),
            Expected::Connects { actor } => write!(f, "{actor} to be able to connect"),
            Expected::Connection => write!(f, "a connection to send on"),
            Expected::StillConnected { actor } => write!(f, "{actor} to be still connected"),
            Expected::AllRead { actor } => {
                write!(f, "the program to read everything that {actor} sends")
            }
            Expected::Line { line, open_ended } => {
                let end = if *open_ended { " ..." } else { "" };
                write!(f, "the line `{}{end}`", excerpt(line.as_bytes()))
            }
            Expected::Lines { times } => write!(f, "these lines {times} times"),
            Expected::Silence { actor } => write!(f, "{actor} to receive nothing"),
            Expected::Closed { actor } => write!(f, "the connection of {actor} to be closed"),
            Expected::PortPrinted { port } => {
                write!(f, "the server to print its port, {port}, on its terminal")
            }
            Expected::OwnPort => write!(f, "a port of its own"),
            Expected::Ends => write!(f, "the program to end"),
            Expected::Growth { at_most } => write!(f, "at most {} KiB more memory", at_most / 1024),
            Expected::OnScreen { text, once } => {
                write!(f, "`{text}` on the screen")?;
                if *once { write!(f, ", once") } else { Ok(()) }
            }
            Expected::Message {
                about: MessageKind::Error,
            } => write!(f, "a message that tells the user what went wrong"),
            Expected::Message {
                about: MessageKind::Notice,
            } => write!(f, "a message that tells the user what happened"),
            Expected::NeverOnTerminal { bytes } => {
                write!(f, "`{bytes}` never to reach the terminal")
            }
        }
    }
}

/// To follow "got".
impl Display for Got {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Got::Nothing { after } => write!(f, "nothing arrived within {}", Seconds(*after)),
            Got::Line { line, .. } => write!(f, "the line `{line}`"),
            Got::Bytes { bytes } => write!(f, "`{bytes}`"),
            Got::Unfinished { text, .. } => write!(f, "`{text}` without a line end"),
            Got::OtherLines { during } => {
                write!(f, "only other lines arrived for {}", Seconds(*during))
            }
            Got::Closed => write!(f, "the connection was closed"),
            Got::Reset => write!(f, "the connection was reset"),
            Got::NotConnected { reason } => write!(f, "no connection: {reason}"),
            Got::NoAnswer { after } => {
                write!(
                    f,
                    "the connection was not answered within {}",
                    Seconds(*after)
                )
            }
            Got::NoConnection { after } => {
                write!(f, "no connection was opened within {}", Seconds(*after))
            }
            Got::None => write!(f, "there is none"),
            Got::ClosedBefore { actor } => {
                write!(f, "the connection of {actor} had already been closed")
            }
            Got::StillOpen { after } => write!(f, "it was still open after {}", Seconds(*after)),
            Got::Unread { after } => write!(f, "it was not read within {}", Seconds(*after)),
            Got::FewerLines { times, during } => {
                write!(f, "they arrived {times} times within {}", Seconds(*during))
            }
            Got::EndedAtStart { how, printed } => {
                write!(
                    f,
                    "the program ended ({how}); {}",
                    Printed(printed.as_ref())
                )
            }
            Got::NotListening { after, printed } => write!(
                f,
                "it listened on no port within {}; {}",
                Seconds(*after),
                Printed(printed.as_ref())
            ),
            Got::EndedBefore => write!(f, "the program had already ended"),
            Got::StillRunning { after } => {
                write!(f, "it was still running after {}", Seconds(*after))
            }
            Got::EndUnknown => write!(f, "it did not end by itself"),
            Got::SamePort { port } => write!(f, "both listen on port {port}"),
            Got::Growth { bytes } => write!(f, "{} KiB more", bytes / 1024),
            Got::Printed { text } if text.bytes.is_empty() => write!(f, "nothing was printed"),
            Got::Printed { text } => write!(f, "only `{text}` was printed"),
            Got::Screen {
                last_line: Some(line),
            } => write!(f, "a screen whose last line is `{line}`"),
            Got::Screen { last_line: None } => write!(f, "an empty screen"),
            Got::Copies { times } => write!(f, "it is there {times} times"),
            Got::Traceback => write!(f, "a bare traceback was printed"),
            Got::OnTerminal => write!(f, "it reached the terminal"),
        }
    }
}

impl Shortfall {
    /// The actual event in words, with how the program ended; to follow "got".
    pub fn received(&self) -> String {
        self.with_circumstances(self.got.to_string())
    }

    /// The same without what the program printed, for a report that shows that beside it.
    pub fn received_beside_output(&self) -> String {
        let is_text = |text: &super::Excerpt| !text.bytes.is_empty();
        self.with_circumstances(match &self.got {
            Got::EndedAtStart {
                how,
                printed: Some(text),
            } if is_text(text) => format!("the program ended ({how})"),
            Got::NotListening {
                after,
                printed: Some(text),
            } if is_text(text) => format!("it listened on no port within {}", Seconds(*after)),
            got => got.to_string(),
        })
    }

    fn with_circumstances(&self, mut words: String) -> String {
        // These words say already how it ended.
        let is_about_start = matches!(self.got, Got::EndedAtStart { .. });
        if let Some(how) = self.ended.as_ref().filter(|_| !is_about_start) {
            let who = match self.who_ended.as_deref() {
                None => "the program".to_owned(),
                Some("server") => "the server".to_owned(),
                Some(person) => format!("{person}'s client"),
            };
            words.push_str(&format!("; {who} had ended ({how})"));
        }
        if self.waited_for_enter {
            words.push_str("; it continued only when Enter was pressed");
        }
        words
    }
}

impl Display for Shortfall {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got: {}", self.expected, self.received())
    }
}

/// To follow "The harness could not do its part:".
impl Display for Hindrance {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Hindrance::Stopped => write!(f, "it was stopped before the end"),
            Hindrance::MachineStoodStill { during, instead } => write!(
                f,
                "the machine stood still for {} during this run: {instead}",
                Seconds(*during)
            ),
            Hindrance::MachineTooBusy { longest, instead } => write!(
                f,
                "the machine was too busy to let the program run within the longest wait, {}: {instead}",
                Seconds(*longest)
            ),
            Hindrance::NoDescriptors => write!(
                f,
                "the harness has no file descriptor left: raise `ulimit -n`, or run fewer programs at the same time"
            ),
            Hindrance::NotForRole { step } => write!(f, "`{step}` is not for this role"),
            Hindrance::AddressWithoutParts { address } => write!(
                f,
                "the command takes host and port separately, so `{address}` cannot be passed to it"
            ),
            Hindrance::Refused { what, reason } => write!(f, "the system refused {what}: {reason}"),
            Hindrance::Panicked => write!(f, "the replay panicked"),
        }
    }
}

/// To follow "not applicable:".
impl Display for Inapplicable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Inapplicable::NoLines => {
                "it is about lines in segments, and the program does not read lines"
            }
            Inapplicable::NotWholeMessages => {
                "it sends something other than one whole message, and the program does not read lines"
            }
            Inapplicable::RegistersWithoutEnd => {
                "it sends a registration in parts, and the program takes the first part for all of it"
            }
            Inapplicable::RelaysReads => {
                "it is about lines in segments, and the program takes each read for a message"
            }
            Inapplicable::LeavesEndsOpen => {
                "several messages arrive at the same time, and the program adds text to messages and marks no ends"
            }
            Inapplicable::AsksNameService => {
                "it makes the client look up the name of a host, and here nobody knows how long that takes"
            }
        })
    }
}

/// A sentence without its full stop.
impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Note::PassedOver {
                actor,
                line,
                because,
            } => write!(f, "{actor} received `{line}`: ignored, {because}"),
            Note::TriesAgain { actor, name } => {
                write!(f, "the name {name} is not free yet: {actor} tries again")
            }
            Note::TakenForRegistered { actor } => {
                write!(f, "{actor} counts as registered, although no answer came")
            }
            Note::NotSaid { actor, line } => write!(
                f,
                "{actor} has no connection left to send `{}` on",
                excerpt(line.as_bytes())
            ),
            Note::Fence { speaker, listener } => write!(
                f,
                "{speaker} sends a marker: everything still on its way to {listener} arrives before it"
            ),
            Note::FenceUnheard { speaker, listener } => write!(
                f,
                "{listener} does not receive what {speaker} sends, so silence is judged by time"
            ),
            Note::KeyDidNothing => {
                write!(f, "Ctrl-C did nothing as a key, so it was sent as a signal")
            }
            Note::NotDrawn => write!(
                f,
                "the rest of the program's output is not drawn, because drawing it takes too long"
            ),
            Note::StrangerRefused => write!(
                f,
                "a connection from a program that is not under test was refused"
            ),
            Note::NotConnected { actor, reason } => {
                write!(f, "{actor} could not connect: {reason}")
            }
            Note::Cut { bytes } => write!(f, "and {bytes} more bytes"),
            Note::LogFull => write!(f, "the log is full: later bytes are not kept"),
            Note::LeftOut { bytes } => write!(
                f,
                "{bytes} bytes that were sent, printed or noted later are left out here"
            ),
        }
    }
}

/// To follow a comma.
impl Display for PassedOver {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            PassedOver::Greeting => write!(f, "because it is a greeting"),
            PassedOver::Notice => write!(f, "because it is a notice"),
            PassedOver::HiddenSuccess => {
                write!(f, "because other transcripts judge a 200 behind other text")
            }
            PassedOver::Registration => write!(f, "because other transcripts judge registrations"),
            PassedOver::Mistake(meaning) => {
                write!(f, "because other transcripts judge {}", Mistake(*meaning))
            }
        }
    }
}

struct Mistake(Meaning);

impl Display for Mistake {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Meaning::Echo => "echoes to the sender",
            Meaning::Duplicate => "messages that arrive twice",
            Meaning::Untimely => "messages that are not meant for this client",
            Meaning::ToUnregistered => "messages to clients that are not registered",
            Meaning::ToRefused | Meaning::FromUnregistered => {
                "messages from and to clients whose registration was refused"
            }
            Meaning::ToDeparted | Meaning::FromDeparted => {
                "messages from and to clients that have left"
            }
            Meaning::Forged => "messages that bear another user's name",
            Meaning::AnswerToDisconnect => "answers to a DISCONNECT",
            Meaning::RelayedDisconnect => "relayed DISCONNECTs",
            Meaning::SentTwice => "lines that are sent twice",
            Meaning::Notice | Meaning::Regular => "such lines",
        })
    }
}

/// The part that does not work, to follow "because".
impl Display for Topic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Topic::LineEnd => "messages have no line end",
            Topic::ServerStart => "the server does not start",
            Topic::PortPrinted => "the server does not print its port",
            Topic::Registration => "registering does not work",
            Topic::RegistrationBesideOthers => "registering beside other clients does not work",
            Topic::SilentClient => "the server does not work beside a silent client",
            Topic::AcceptanceWords => "the words after status 200 are wrong",
            Topic::Rejection => "the server does not send status 400",
            Topic::RejectionWords => "the words after status 400 are wrong",
            Topic::NameTaken => "the server does not send status 401",
            Topic::NameTakenWords => "the words after status 401 are wrong",
            Topic::Relaying => "messages are not relayed",
            Topic::NameFreed(Departure::Disconnect) => "a name is not free after a DISCONNECT",
            Topic::NameFreed(Departure::Close) => {
                "a name is not free after the connection is closed"
            }
            Topic::NameFreed(Departure::Reset) => {
                "a name is not free after the connection is reset"
            }
            Topic::Closing => "the server does not close connections",
            Topic::ServerGoodbye => "the server does not say goodbye",
            Topic::ServerEnd => "the server does not end",
            Topic::ServerTerminated => "the server does not shut down properly on SIGTERM",
            Topic::ClientStart => "the client does not start and connect",
            Topic::ClientRegistration => "the client does not register",
            Topic::ClientMessage => "the client does not send messages",
            Topic::ClientSilence => "the client sends nothing",
            Topic::MessageShown => "the client does not show messages",
            Topic::KeyAwaited => "the client waits for a key before it shows messages",
            Topic::ClientGoodbye => "the client does not say goodbye",
            Topic::ClientEnd(cause) => match cause {
                Cause::Interrupted => "the client does not end when it is interrupted",
                Cause::EndOfInput => "the client does not end at the end of its input",
                Cause::ConnectionLost => "the client does not end when its connection is lost",
                Cause::Rejected => "the client does not end after status 400",
                Cause::NameTaken => "the client does not end after status 401",
                Cause::ServerLeft => "the client does not end when the server does",
                Cause::NobodyListens => {
                    "the client does not end if it cannot connect to the address"
                }
                Cause::BadAddress => "the client does not end after a bad address",
            },
            Topic::Together(togetherness) => match togetherness {
                Togetherness::Chat => "two people cannot chat",
                Togetherness::ChatOfThree => "three people cannot chat",
                Togetherness::Leaving => "the chat does not go on when somebody leaves",
                Togetherness::ComingBack => "nobody can come back under the same name",
                Togetherness::NameInUse => "a name in use is not refused",
                Togetherness::ShutDown => "the server does not shut down with its clients",
            },
            Topic::Mistake(_) => "the program makes a mistake",
        })
    }
}

impl Display for Outcome {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Completed => write!(f, "every step held"),
            Outcome::FellShort(shortfall) => write!(f, "{shortfall}"),
            Outcome::Skipped { because_of } => write!(f, "not run, because {because_of}"),
            Outcome::NotApplicable { reason } => write!(f, "not applicable: {reason}"),
            Outcome::Unable { reason } => write!(f, "{reason}"),
        }
    }
}

/// Milliseconds as seconds: `5 s`, `2.5 s`.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 + 50) / 100;
        match tenths % 10 {
            0 => write!(f, "{} s", tenths / 10),
            rest => write!(f, "{}.{rest} s", tenths / 10),
        }
    }
}

/// The output of a program that was given up, as a clause.
struct Printed<'a>(Option<&'a super::Excerpt>);

impl Display for Printed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => write!(f, "its output is below"),
            Some(text) if text.bytes.is_empty() => write!(f, "it printed nothing"),
            Some(text) => write!(f, "it printed `{text}`"),
        }
    }
}
