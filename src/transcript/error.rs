use super::diagnostic::Diagnostic;
use super::place::Place;
use super::subject::StepSubject;
use super::syntax::Role;
use super::token::is_curly_quote;
use std::borrow::Cow;

/// Maximum size of a transcript, in bytes.
pub const LONGEST: usize = 256 << 10;
/// Maximum number of steps in a transcript.
pub const MAX_STEPS: usize = 2000;
/// Maximum number of requirements that a transcript covers.
pub(super) const MAX_IDS: usize = 100;
/// Maximum number of actors in a transcript.
pub const MAX_ACTORS: usize = 100;
/// Maximum length of an actor's name and of a user name.
pub const MAX_NAME: usize = 64;

/// An error in a transcript and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error {
    pub(super) kind: ErrorKind,
    pub(super) place: Place,
}

/// The kinds of error in a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorKind {
    // The file as a whole.
    TooLong,
    TooManySteps,

    // Characters and tokens.
    StrayCharacter(char),
    UnterminatedString,
    MissingBlank,
    MissingSpeaker,
    MissingSpaceAroundArrow,
    /// With the expected escape.
    BadEscape(&'static str),

    // The head of the file.
    MissingSentence,
    MissingCovers,
    EmptyCovers,
    CoversTwice(Place),
    CoversLate,
    InvalidId(String),
    IdTwice(Place),
    /// With the role that the requirement is for.
    IdOfOtherRole(Role),
    IdOfOneProgram,
    TooManyIds,
    MissingSteps,

    // One step.
    InvalidActorName(String),
    OnlyAgainstClients(String),
    OnlyAgainstServers,
    NotInPairs(String),
    /// With a suggestion.
    UnknownSubject(Option<&'static str>),
    MissingVerb(StepSubject),
    UnknownVerb {
        subject: StepSubject,
        verb: String,
        /// A suggestion.
        meant: Option<&'static str>,
        advice: Option<&'static str>,
    },
    Missing(String),
    Expected {
        wanted: String,
        found: String,
    },
    TrailingWords(String),
    EmptyString,
    NotWholeLines,
    NotText,
    InvalidUserName,
    UnknownPlaceholder,
    Zero,
    /// With the limit.
    TooMuch(&'static str),

    // The order of the steps.
    TooManyActors,
    /// With the `client starts` that comes too late, if there is one.
    ClientStartsLate(Option<Place>),
    ClientStartsTwice(Place),
    /// With a suggestion.
    NotConnected(String, Option<String>),
    /// With a suggestion.
    NotStarted(String, Option<String>),
    /// With the step that started the client.
    StartsTwice(String, Place),
    /// With the step that made the client end.
    ClientLeft(String, Place),
    /// With the step that ended the connection.
    ConnectionEnded(String, Place),
    /// With the step that opened the connections.
    Crowd(String, Place),
    /// With the step that stopped reading.
    NotReading(String, Place),
    /// With the step that ended the program.
    ProgramEnded(Place),
    /// With the step that paused the program.
    Paused(Place),
    /// With the step that paused the program first.
    PausedTwice(Place),
    NotPaused,
    NeverGoesOn,
    /// With what the actor sent first.
    SendsTwiceInPause(String, Place),
}

impl ErrorKind {
    pub(super) fn at(self, place: Place) -> Error {
        Error { kind: self, place }
    }

    /// The headline: what is wrong.
    fn message(&self) -> String {
        match self {
            Self::TooLong => "the transcript is too long".into(),
            Self::TooManySteps => "the transcript has too many steps".into(),
            Self::TooManyIds => "the transcript covers too many requirements".into(),
            Self::TooManyActors => "the transcript has too many actors".into(),
            Self::StrayCharacter(c) => format!(
                "the character U+{:04X} is not part of the language",
                u32::from(*c)
            ),
            Self::UnterminatedString => "the string is not closed".into(),
            Self::MissingBlank => "a space is missing between a word and a string".into(),
            Self::MissingSpeaker => "the speaker is missing".into(),
            Self::MissingSpaceAroundArrow => "an arrow needs a space on both sides".into(),
            Self::BadEscape(_) => "unknown escape sequence".into(),
            Self::MissingSentence => "the sentence that says what must hold is missing".into(),
            Self::MissingCovers => "the transcript covers no requirement".into(),
            Self::EmptyCovers => "`covers` names no requirement".into(),
            Self::CoversTwice(_) => "`covers` appears twice".into(),
            Self::CoversLate => "`covers` comes too late".into(),
            Self::InvalidId(word) => format!("`{}` is not a requirement id", clipped(word)),
            Self::IdTwice(_) => "the requirement is named twice".into(),
            Self::IdOfOtherRole(Role::Client) => "the requirement is for clients".into(),
            Self::IdOfOtherRole(Role::Server) => "the requirement is for servers".into(),
            Self::IdOfOtherRole(Role::Pair) => {
                "the requirement is for a server with its own clients".into()
            }
            Self::IdOfOneProgram => "the requirement is for one program alone".into(),
            Self::MissingSteps => "the transcript has no steps".into(),
            Self::InvalidActorName(word) => {
                format!("`{}` is not a valid actor name", clipped(word))
            }
            Self::OnlyAgainstClients(word) => {
                format!("there is no `{word}` in a server transcript")
            }
            Self::OnlyAgainstServers => "there is no other server in a client transcript".into(),
            Self::NotInPairs(word) => {
                format!("there is no `{word}` in a transcript about a server and its clients")
            }
            Self::UnknownSubject(_) => "there are no chat users in a client transcript".into(),
            Self::MissingVerb(_) => "the step has no verb".into(),
            Self::UnknownVerb { verb, .. } => format!("unexpected `{}`", clipped(verb)),
            Self::Missing(_) => "the step ends too early".into(),
            Self::Expected { found, .. } => format!("unexpected `{}`", clipped(found)),
            Self::TrailingWords(_) => "unexpected words after the step".into(),
            Self::EmptyString => "the string is empty".into(),
            Self::NotWholeLines => "`hears` needs whole lines".into(),
            Self::NotText => "the string is not UTF-8 text".into(),
            Self::InvalidUserName => "invalid user name".into(),
            Self::UnknownPlaceholder => "the address has an unknown placeholder".into(),
            Self::Zero => "the number is zero".into(),
            Self::TooMuch(_) => "the number is too big".into(),
            Self::ClientStartsLate(_) => "the client has not been started".into(),
            Self::ClientStartsTwice(_) => "the client is started twice".into(),
            Self::NotStarted(actor, _) => format!("`{actor}` has not started a client"),
            Self::StartsTwice(actor, _) => format!("`{actor}` already has a client"),
            Self::NotConnected(actor, _) => format!("`{actor}` is not connected"),
            Self::ClientLeft(actor, _) => format!("`{actor}` has no client any more"),
            Self::ConnectionEnded(actor, _) => format!("`{actor}` is no longer connected"),
            Self::Crowd(actor, _) => format!("`{actor}` has many connections"),
            Self::NotReading(actor, _) => format!("`{actor}` has stopped reading"),
            Self::ProgramEnded(_) => "the program under test has ended".into(),
            Self::Paused(_) => "the program under test is paused, and cannot answer".into(),
            Self::PausedTwice(_) => "the program under test is paused already".into(),
            Self::NotPaused => "the program under test is not paused".into(),
            Self::NeverGoesOn => "the program under test stays paused".into(),
            Self::SendsTwiceInPause(actor, _) => {
                format!("`{actor}` sends twice while the program under test is paused")
            }
        }
    }

    /// The text beside the caret: what was expected.
    fn label(&self) -> String {
        match self {
            Self::TooLong => format!("expected at most {} KiB", LONGEST >> 10),
            Self::TooManySteps => format!("expected at most {MAX_STEPS} steps"),
            Self::TooManyIds => format!("expected at most {MAX_IDS} ids"),
            Self::TooManyActors => format!("expected at most {MAX_ACTORS} actors"),
            Self::StrayCharacter(c) if is_curly_quote(*c) => {
                "expected a straight quotation mark, `\"`".into()
            }
            Self::StrayCharacter(c) if c.is_whitespace() => "expected a plain space".into(),
            Self::StrayCharacter(_) => "expected nothing here".into(),
            Self::UnterminatedString => "expected `\"` before the end of the line".into(),
            Self::MissingBlank => "expected a space here".into(),
            Self::MissingSpeaker => "expected an actor's name before this".into(),
            Self::MissingSpaceAroundArrow => "expected `NAME > LINE` or `NAME < LINE`".into(),
            Self::BadEscape(wanted) => (*wanted).into(),
            Self::MissingSentence => "expected `# ` and a sentence before this".into(),
            Self::MissingCovers => "expected `covers` and requirement ids before this".into(),
            Self::EmptyCovers => "expected ids, as in `covers S-REG-1 S-REG-2`".into(),
            Self::CoversTwice(_) => "expected only one `covers`".into(),
            Self::CoversLate => "expected before the first step".into(),
            Self::InvalidId(word) => id_label(word),
            Self::IdTwice(_) | Self::ClientStartsTwice(_) => "expected only once".into(),
            Self::IdOfOtherRole(Role::Client) => {
                "expected an id that begins with `S-` or `W-`".into()
            }
            Self::IdOfOtherRole(Role::Server) => {
                "expected an id that begins with `C-` or `W-`".into()
            }
            Self::IdOfOtherRole(Role::Pair) => "expected an id of another kind".into(),
            Self::IdOfOneProgram => "expected an id that begins with `P-`".into(),
            Self::MissingSteps => "expected a step, as in `alice joins`".into(),
            Self::InvalidActorName(word) => actor_label(word),
            Self::OnlyAgainstClients(_) => "expected a chat user or `server`".into(),
            Self::OnlyAgainstServers => "expected `client`, `server`, `user` or `terminal`".into(),
            Self::NotInPairs(_) => "expected a person or `server`".into(),
            Self::UnknownSubject(Some(meant)) => format!("did you mean `{meant}`?"),
            Self::UnknownSubject(None) => {
                "expected `client`, `server`, `user` or `terminal`".into()
            }
            Self::MissingVerb(subject) => expected_verb(*subject),
            Self::UnknownVerb {
                subject,
                meant,
                advice,
                ..
            } => match (advice, meant) {
                (Some(advice), _) => (*advice).into(),
                (None, Some(meant)) => format!("did you mean `{meant}`?"),
                (None, None) => expected_verb(*subject),
            },
            Self::Missing(wanted) | Self::Expected { wanted, .. } => format!("expected {wanted}"),
            Self::TrailingWords(_) => "expected the end of the line".into(),
            Self::EmptyString => "expected something between the quotation marks".into(),
            Self::NotWholeLines => r"expected `\n` at the end".into(),
            Self::NotText => r"expected text: write characters as they are, or as `\u{e9}`".into(),
            Self::InvalidUserName => "expected up to 64 letters, digits, `_` and `-`".into(),
            Self::UnknownPlaceholder => {
                "expected `{host}`, `{port}`, `{short_port}`, `{unused}` or `{overflowing}`".into()
            }
            Self::Zero => "expected a number from 1".into(),
            Self::TooMuch(why) => (*why).into(),
            Self::ClientStartsLate(_) => "expected `client starts as NAME` before this".into(),
            Self::NotConnected(_, Some(meant)) | Self::NotStarted(_, Some(meant)) => {
                format!("did you mean `{meant}`?")
            }
            Self::NotStarted(actor, None) => format!("expected `{actor} starts` before this"),
            Self::StartsTwice(..) => {
                "expected another person, or the client's end before this".into()
            }
            Self::NotConnected(actor, None) => {
                format!("expected `{actor} joins` or `{actor} connects` before this")
            }
            Self::ClientLeft(actor, _) => format!("expected `{actor} starts` before this"),
            Self::ConnectionEnded(..) => "expected no further steps on this connection".into(),
            Self::Crowd(..) => "expected `connects`, `closes` or `resets`".into(),
            Self::NotReading(..) => "expected no `<` or `hears` after this".into(),
            Self::ProgramEnded(_) => "expected a step that only checks what arrived before".into(),
            Self::Paused(_) => "expected that it `goes on` before this".into(),
            Self::PausedTwice(_) => "expected that it `goes on` first".into(),
            Self::NotPaused => "expected `is paused` in a step before".into(),
            Self::NeverGoesOn => "expected `goes on` in a later step".into(),
            Self::SendsTwiceInPause(..) => "expected one `sends` with everything".into(),
        }
    }

    /// A related place.
    fn related(&self) -> Option<(Place, &'static str)> {
        match *self {
            Self::CoversTwice(first) | Self::IdTwice(first) | Self::ClientStartsTwice(first) => {
                Some((first, "first here"))
            }
            Self::ClientStartsLate(found) => Some((found?, "this comes too late")),
            Self::StartsTwice(_, since) => Some((since, "since here")),
            Self::ClientLeft(_, since) => Some((since, "the client ends here")),
            Self::ConnectionEnded(_, since) => Some((since, "the connection ends here")),
            Self::Crowd(_, since) => Some((since, "since here")),
            Self::NotReading(_, since) => Some((since, "since here")),
            Self::Paused(since) | Self::PausedTwice(since) => Some((since, "since here")),
            Self::SendsTwiceInPause(_, first) => Some((first, "first here")),
            Self::ProgramEnded(since) => Some((since, "since here")),
            _ => None,
        }
    }

    /// How to fix it, if the label does not say so.
    fn help(&self) -> Option<String> {
        let help = match self {
            Self::StrayCharacter(_) => {
                "outside strings and the text after an arrow, separate \
                words with spaces or tabs and use only visible characters"
            }
            Self::UnterminatedString => r#"a quotation mark inside a string is written `\"`"#,
            Self::MissingSpeaker => {
                "write `alice > LINE` for what she says, `alice < LINE` for \
                what she must get"
            }
            Self::MissingSentence => {
                "start the file with a comment, one sentence for people, such as \
                `# A name in use is refused.`"
            }
            Self::MissingCovers => {
                "the line after the sentence names the requirements that the \
                transcript tests, such as `covers S-REG-1`"
            }
            Self::CoversTwice(_) => "list all ids on one line",
            Self::InvalidId(word) if word.contains(',') => "ids are separated by spaces",
            Self::InvalidId(word) if word.starts_with('#') => COMMENT_ON_OWN_LINE,
            Self::InvalidId(_) => "ids look like S-REG-1, W-LINE-1, C-ARG-2 and P-1",
            Self::IdOfOtherRole(Role::Client) => {
                "a client transcript begins with the step \
                `client starts as NAME`"
            }
            Self::IdOfOtherRole(Role::Server) => {
                "this is a client transcript because its first step is \
                `client starts`"
            }
            Self::IdOfOtherRole(Role::Pair) => {
                "a transcript about a server and its clients begins with the step `alice starts`"
            }
            Self::IdOfOneProgram => {
                "this is a transcript about a server and its clients because somebody `starts` first"
            }
            Self::NotInPairs(_) => {
                "each person has a client and a terminal: `alice types \"hi\\n\"`, `bob < @alice: hi`, `alice ends`"
            }
            Self::InvalidActorName(_) => "actor names consist of lower-case letters only",
            Self::OnlyAgainstClients(_) => {
                "the program under test is `server`, and the harness \
                plays the chat users: `alice joins`; a client transcript begins with \
                `client starts as NAME`"
            }
            Self::OnlyAgainstServers => "`another server starts` is for server transcripts",
            Self::UnknownSubject(_) => {
                "the harness plays the server: what alice says to all reaches \
                the client as `server > @alice: hi`"
            }
            Self::MissingVerb(subject)
            | Self::UnknownVerb {
                subject,
                meant: None,
                advice: None,
                ..
            } => subject.verbs_help(),
            Self::TrailingWords(word) if word.starts_with('#') => COMMENT_ON_OWN_LINE,
            Self::NotWholeLines => {
                "the harness cannot distinguish part of a line from a line that is still arriving"
            }
            Self::InvalidUserName => {
                "to register another name, write `alice connects`, then \
                `alice > REGISTER ...`"
            }
            Self::NotConnected(actor, Some(_)) => {
                return Some(format!(
                    "otherwise write `{actor} joins` or `{actor} connects` first"
                ));
            }
            Self::NotStarted(actor, Some(_)) => {
                return Some(format!("otherwise write `{actor} starts` first"));
            }
            Self::ClientStartsLate(_) => "a client transcript begins with `client starts as NAME`",
            Self::ConnectionEnded(..) => {
                "in server transcripts, `joins` or `connects` opens a new \
                connection"
            }
            Self::Crowd(..) => "it is unclear which of the connections is meant",
            Self::ProgramEnded(_) => {
                "after the end, a transcript can only check what was \
                received (`<`, `hears`, `is disconnected`) or shown"
            }
            _ => return None,
        };
        Some(help.into())
    }
}

const COMMENT_ON_OWN_LINE: &str = "write a comment on its own line";

/// Shortens a word so that it fits into a sentence.
fn clipped(word: &str) -> Cow<'_, str> {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &word[..end]).into(),
        None => word.into(),
    }
}

fn expected_verb(subject: StepSubject) -> String {
    match subject.verbs() {
        [only] => format!("expected `{only}`"),
        _ => "expected a verb".into(),
    }
}

fn id_label(word: &str) -> String {
    let upper = word.trim_end_matches([',', ';', '.']).to_ascii_uppercase();
    if upper != word && is_id(&upper) {
        format!("did you mean `{upper}`?")
    } else {
        "expected an id such as `S-REG-1`".into()
    }
}

/// Whether a word has the form of a requirement id.
pub(super) fn is_id(word: &str) -> bool {
    if let Some(number) = word.strip_prefix("P-") {
        return is_number(number);
    }
    let mut parts = word.split('-');
    let (who, subject, number) = (parts.next(), parts.next(), parts.next());
    let upper = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase());
    matches!(who, Some("S" | "C" | "W"))
        && subject.is_some_and(upper)
        && number.is_some_and(is_number)
        && parts.next().is_none()
}

fn is_number(text: &str) -> bool {
    let is_digits = text.chars().all(|c| c.is_ascii_digit());
    is_digits && !text.is_empty() && !text.starts_with('0')
}

fn actor_label(word: &str) -> String {
    if word.len() > MAX_NAME {
        return format!("expected at most {MAX_NAME} letters");
    }
    let plain: String = clipped(word)
        .chars()
        .filter(char::is_ascii_alphabetic)
        .collect::<String>()
        .to_ascii_lowercase();
    if plain.is_empty() {
        "expected an actor, such as `alice`".into()
    } else {
        format!("did you mean `{plain}`?")
    }
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let Error { kind, place } = error;
        let mut diagnostic = Self::new(place, kind.message()).label(kind.label());
        if let Some((place, label)) = kind.related() {
            diagnostic = diagnostic.related(place, label);
        }
        match kind.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}
