use super::diagnostic::Diagnostic;
use super::lexer::is_curly_quote;
use super::place::Place;
use super::subject::Subject;
use super::syntax::Role;
use std::borrow::Cow;

/// Maximum size of a transcript, in bytes.
pub const LONGEST: usize = 256 << 10;
/// Maximum number of steps in a transcript.
pub(super) const MOST_STEPS: usize = 2000;
/// Maximum number of requirements that a transcript covers.
pub(super) const MOST_IDS: usize = 100;
/// Maximum number of actors in a transcript.
pub(super) const MOST_ACTORS: usize = 100;
/// Maximum length of an actor's name, and of a user's.
pub(super) const LONGEST_NAME: usize = 64;

/// What is wrong with a transcript, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Error {
    pub(super) kind: ErrorKind,
    pub(super) place: Place,
}

/// What can be wrong with a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ErrorKind {
    // The file as a whole.
    TooLong,
    TooManySteps,

    // Characters and tokens.
    StrayCharacter(char),
    UnterminatedString,
    MissingBlank,
    NobodySpeaks,
    CrampedArrow,
    /// With what would have been an escape.
    BadEscape(&'static str),

    // The head of the file.
    NoSentence,
    NoCovers,
    CoversNothing,
    CoversTwice(Place),
    CoversLate,
    NoId(String),
    IdTwice(Place),
    /// With the role that it is for.
    IdOfOtherRole(Role),
    TooManyIds,
    NoSteps,

    // One step.
    NoActorName(String),
    OnlyAgainstClients(String),
    OnlyAgainstServers,
    /// With the word that was perhaps meant.
    Stranger(Option<&'static str>),
    NoVerb(Subject),
    UnknownVerb {
        subject: Subject,
        verb: String,
        /// The verb that was perhaps meant.
        meant: Option<&'static str>,
        advice: Option<&'static str>,
    },
    Missing(String),
    Expected {
        wanted: String,
        found: String,
    },
    Surplus(String),
    EmptyString,
    NotWholeLines,
    NotText,
    NoUserName,
    NoPlaceholder,
    Zero,
    /// With the reason why there is a limit.
    TooMuch(&'static str),

    // The steps in their order.
    TooManyActors,
    /// With the `client starts` that comes too late, if there is one.
    ClientStartsLate(Option<Place>),
    ClientStartsTwice(Place),
    /// With the actor who was perhaps meant.
    NotHereYet(String, Option<String>),
    /// Since the step that ended the connection.
    ConnectionOver(String, Place),
    /// Since the step that opened the many connections.
    Crowd(String, Place),
    /// Since the step that says so.
    NotReading(String, Place),
    /// Since the step that says so.
    SubjectOver(Place),
}

impl ErrorKind {
    pub(super) fn at(self, place: Place) -> Error {
        Error { kind: self, place }
    }

    /// What is wrong, for the headline.
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
            Self::NobodySpeaks => "nobody says this".into(),
            Self::CrampedArrow => "an arrow has a space on either side".into(),
            Self::BadEscape(_) => "there is no such escape".into(),
            Self::NoSentence => "no sentence says what must be so".into(),
            Self::NoCovers => "the transcript covers no requirement".into(),
            Self::CoversNothing => "`covers` names no requirement".into(),
            Self::CoversTwice(_) => "`covers` stands twice".into(),
            Self::CoversLate => "`covers` comes too late".into(),
            Self::NoId(word) => format!("`{}` is not the id of a requirement", clipped(word)),
            Self::IdTwice(_) => "the requirement is named twice".into(),
            Self::IdOfOtherRole(Role::Client) => "the requirement is one for clients".into(),
            Self::IdOfOtherRole(Role::Server) => "the requirement is one for servers".into(),
            Self::NoSteps => "the transcript has no steps".into(),
            Self::NoActorName(word) => format!("`{}` is not the name of an actor", clipped(word)),
            Self::OnlyAgainstClients(word) => {
                format!("there is no `{word}` in a server transcript")
            }
            Self::OnlyAgainstServers => "there is no other server in a client transcript".into(),
            Self::Stranger(_) => "there are no chat users in a client transcript".into(),
            Self::NoVerb(_) => "the step says nothing".into(),
            Self::UnknownVerb { verb, .. } => format!("`{}` does not fit here", clipped(verb)),
            Self::Missing(_) => "the step ends too early".into(),
            Self::Expected { found, .. } => format!("`{}` does not fit here", clipped(found)),
            Self::Surplus(_) => "the step goes on after its end".into(),
            Self::EmptyString => "the string is empty".into(),
            Self::NotWholeLines => "only whole lines can be heard".into(),
            Self::NotText => "the string is not UTF-8 text".into(),
            Self::NoUserName => "this is not a plain user name".into(),
            Self::NoPlaceholder => "the address has an unknown placeholder".into(),
            Self::Zero => "the number is zero".into(),
            Self::TooMuch(_) => "the number is too big".into(),
            Self::ClientStartsLate(_) => "the client has not been started".into(),
            Self::ClientStartsTwice(_) => "the client is started twice".into(),
            Self::NotHereYet(actor, _) => format!("`{actor}` is not connected"),
            Self::ConnectionOver(actor, _) => format!("`{actor}` is not connected any more"),
            Self::Crowd(actor, _) => format!("`{actor}` has many connections"),
            Self::NotReading(actor, _) => format!("`{actor}` does not read any more"),
            Self::SubjectOver(_) => "the program under test has ended".into(),
        }
    }

    /// What would have been accepted, for beside the caret.
    fn label(&self) -> String {
        match self {
            Self::TooLong => format!("expected at most {} KiB", LONGEST >> 10),
            Self::TooManySteps => format!("expected at most {MOST_STEPS} steps"),
            Self::TooManyIds => format!("expected at most {MOST_IDS} ids"),
            Self::TooManyActors => format!("expected at most {MOST_ACTORS} actors"),
            Self::StrayCharacter(c) if is_curly_quote(*c) => {
                "expected a straight quotation mark, `\"`".into()
            }
            Self::StrayCharacter(c) if c.is_whitespace() => "expected a plain space".into(),
            Self::StrayCharacter(_) => "expected nothing here".into(),
            Self::UnterminatedString => "expected `\"` before the end of the line".into(),
            Self::MissingBlank => "expected a space here".into(),
            Self::NobodySpeaks => "expected an actor's name before this".into(),
            Self::CrampedArrow => "expected `NAME > LINE` or `NAME < LINE`".into(),
            Self::BadEscape(wanted) => (*wanted).into(),
            Self::NoSentence => "expected `# ` and a sentence before this".into(),
            Self::NoCovers => "expected `covers` and requirement ids before this".into(),
            Self::CoversNothing => "expected ids, as in `covers S-REG-1 S-REG-2`".into(),
            Self::CoversTwice(_) => "expected only one `covers`".into(),
            Self::CoversLate => "expected before the first step".into(),
            Self::NoId(word) => id_label(word),
            Self::IdTwice(_) | Self::ClientStartsTwice(_) => "expected only once".into(),
            Self::IdOfOtherRole(Role::Client) => {
                "expected an id that begins with `S-` or `W-`".into()
            }
            Self::IdOfOtherRole(Role::Server) => {
                "expected an id that begins with `C-` or `W-`".into()
            }
            Self::NoSteps => "expected a step, as in `alice joins`".into(),
            Self::NoActorName(word) => actor_label(word),
            Self::OnlyAgainstClients(_) => "expected a chat user or `server`".into(),
            Self::OnlyAgainstServers => "expected `client`, `server`, `user` or `terminal`".into(),
            Self::Stranger(Some(meant)) => format!("did you mean `{meant}`?"),
            Self::Stranger(None) => "expected `client`, `server`, `user` or `terminal`".into(),
            Self::NoVerb(subject) => expected_verb(*subject),
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
            Self::Surplus(_) => "expected the end of the line".into(),
            Self::EmptyString => "expected something between the quotation marks".into(),
            Self::NotWholeLines => r"expected `\n` at the end".into(),
            Self::NotText => r"expected text: write characters as they are, or as `\u{e9}`".into(),
            Self::NoUserName => "expected up to 64 letters, digits, `_` and `-`".into(),
            Self::NoPlaceholder => "expected `{host}`, `{port}` or `{unused}`".into(),
            Self::Zero => "expected a number from 1".into(),
            Self::TooMuch(why) => (*why).into(),
            Self::ClientStartsLate(_) => "expected `client starts as NAME` before this".into(),
            Self::NotHereYet(_, Some(meant)) => format!("did you mean `{meant}`?"),
            Self::NotHereYet(actor, None) => {
                format!("expected `{actor} joins` or `{actor} connects` before this")
            }
            Self::ConnectionOver(..) => "expected nothing more of this".into(),
            Self::Crowd(..) => "expected `connects`, `closes` or `resets`".into(),
            Self::NotReading(..) => "expected nothing to be heard".into(),
            Self::SubjectOver(_) => "expected only what is still heard and seen".into(),
        }
    }

    /// The other place that has to do with it.
    fn related(&self) -> Option<(Place, &'static str)> {
        match *self {
            Self::CoversTwice(first) | Self::IdTwice(first) | Self::ClientStartsTwice(first) => {
                Some((first, "first here"))
            }
            Self::ClientStartsLate(found) => Some((found?, "this comes too late")),
            Self::ConnectionOver(_, since) => Some((since, "the connection ends here")),
            Self::Crowd(_, since) => Some((since, "since here")),
            Self::NotReading(_, since) => Some((since, "since here")),
            Self::SubjectOver(since) => Some((since, "since here")),
            _ => None,
        }
    }

    /// How to put it right, where the label does not say it all.
    fn help(&self) -> Option<String> {
        let help = match self {
            Self::StrayCharacter(_) => {
                "outside of strings and lines said, words are separated \
                by spaces or tabs, and every character can be seen"
            }
            Self::UnterminatedString => r#"a quotation mark inside a string is written `\"`"#,
            Self::NobodySpeaks => {
                "write `alice > LINE` for what she says, `alice < LINE` for \
                what she must get"
            }
            Self::NoSentence => {
                "the first line is a comment: one sentence, for a person, such as \
                `# A name in use is refused.`"
            }
            Self::NoCovers => {
                "the line after the sentence names the requirements that the \
                transcript judges, such as `covers S-REG-1`"
            }
            Self::CoversTwice(_) => "name all ids on one line",
            Self::NoId(word) if word.contains(',') => "ids are separated by spaces",
            Self::NoId(word) if word.starts_with('#') => COMMENT_ALONE,
            Self::NoId(_) => "ids look like S-REG-1, W-LINE-1 and C-ARG-2",
            Self::IdOfOtherRole(Role::Client) => {
                "a transcript is one for clients when its first \
                step is `client starts as NAME`"
            }
            Self::IdOfOtherRole(Role::Server) => {
                "this is a client transcript because its first step is \
                `client starts`"
            }
            Self::NoActorName(_) => "actors are named in lower-case letters only",
            Self::OnlyAgainstClients(_) => {
                "the program under test is `server`, and the harness \
                plays the chat users: `alice joins`; a client transcript begins with \
                `client starts as NAME`"
            }
            Self::OnlyAgainstServers => "`another server starts` is for server transcripts",
            Self::Stranger(_) => {
                "the harness plays the server: what alice says to all reaches \
                the client as `server > @alice: hi`"
            }
            Self::NoVerb(subject)
            | Self::UnknownVerb {
                subject,
                meant: None,
                advice: None,
                ..
            } => subject.abilities(),
            Self::Surplus(word) if word.starts_with('#') => COMMENT_ALONE,
            Self::NotWholeLines => {
                "a part of a line cannot be told from a line that is still on its way"
            }
            Self::NoUserName => {
                "another name is registered by hand: `alice connects`, then \
                `alice > REGISTER ...`"
            }
            Self::NotHereYet(actor, Some(_)) => {
                return Some(format!(
                    "if not: `{actor} joins` or `{actor} connects` comes first"
                ));
            }
            Self::ClientStartsLate(_) => "a client transcript begins with `client starts as NAME`",
            Self::ConnectionOver(..) => {
                "a new connection is opened by `joins` or `connects`, in \
                server transcripts"
            }
            Self::Crowd(..) => "which of the connections would speak?",
            Self::SubjectOver(_) => {
                "after the end something can be heard (`<`, `hears`, \
                `is disconnected`) and seen, but nothing said"
            }
            _ => return None,
        };
        Some(help.into())
    }
}

const COMMENT_ALONE: &str = "a comment has a line of its own";

/// A word that is short enough for a sentence.
fn clipped(word: &str) -> Cow<'_, str> {
    match word.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &word[..end]).into(),
        None => word.into(),
    }
}

fn expected_verb(subject: Subject) -> String {
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

/// Whether this has the shape of a requirement's id: who, what about, which.
pub(super) fn is_id(word: &str) -> bool {
    let mut parts = word.split('-');
    let (who, subject, number) = (parts.next(), parts.next(), parts.next());
    let upper = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase());
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    matches!(who, Some("S" | "C" | "W"))
        && subject.is_some_and(upper)
        && number.is_some_and(|number| !number.is_empty() && digits(number))
        && parts.next().is_none()
}

fn actor_label(word: &str) -> String {
    if word.len() > LONGEST_NAME {
        return format!("expected at most {LONGEST_NAME} letters");
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
