use super::error::{Error, ErrorKind, LONGEST_NAME};
use super::nearest::nearest;
use super::syntax::Role;
use super::token::{Token, TokenKind};

/// Who a step is about: the word or words that it begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Played by the harness against a server.
    ChatUser,
    /// The server under test.
    Server,
    /// A second process of the server under test.
    AnotherServer,
    /// The client under test.
    Client,
    /// Played by the harness against a client.
    PlayedServer,
    /// The person at the client's keyboard, played by the harness.
    User,
    /// What the client prints on.
    Terminal,
    /// `4 seconds`.
    Clock,
}

impl Subject {
    /// Whom a line's first word means.
    pub(super) fn of(role: Role, first: Token<'_>) -> Result<Self, Error> {
        if first.kind == TokenKind::Word && first.text.chars().all(|c| c.is_ascii_digit()) {
            return Ok(Self::Clock);
        }
        let subject = match (role, first.text) {
            (Role::Server, "server") => Self::Server,
            (Role::Server, "another") => Self::AnotherServer,
            (Role::Client, "client") => Self::Client,
            (Role::Client, "server") => Self::PlayedServer,
            (Role::Client, "user") => Self::User,
            (Role::Client, "terminal") => Self::Terminal,
            (Role::Server, word @ ("client" | "user" | "terminal")) => {
                return Err(ErrorKind::OnlyAgainstClients(word.into()).at(first.place));
            }
            (Role::Client, "another") => {
                return Err(ErrorKind::OnlyAgainstServers.at(first.place));
            }
            (Role::Server, word) if is_actor_name(word) => Self::ChatUser,
            (Role::Server, word) => {
                return Err(ErrorKind::NoActorName(word.into()).at(first.place));
            }
            (Role::Client, word) => {
                let meant = nearest(word, ["client", "server", "user", "terminal"]);
                return Err(ErrorKind::Stranger(meant).at(first.place));
            }
        };
        Ok(subject)
    }

    /// The words that may follow.
    pub(super) fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::ChatUser => &[
                "joins", "connects", ">", "<", "sends", "hears", "stops", "closes", "resets", "is",
            ],
            Self::PlayedServer => &[">", "<", "sends", "hears", "closes", "resets", "is"],
            Self::Server => &["prints", "is", "ends", "grows"],
            Self::AnotherServer => &["starts"],
            Self::Client => &["starts", "is", "ends", "grows"],
            Self::User => &["types", "presses", "<", "sees"],
            Self::Terminal => &["never"],
            Self::Clock => &["pass", "passes"],
        }
    }

    /// What may follow, for a person to read.
    pub(super) fn abilities(self) -> &'static str {
        match self {
            Self::ChatUser => {
                "a chat user `joins`, `connects`, says `>`, gets `<`, `sends`, `hears`, \
                 `stops reading`, `closes`, `resets` or `is disconnected`"
            }
            Self::PlayedServer => {
                "in a client transcript `server` is the harness's: it says `>`, gets `<`, \
                 `sends`, `hears`, `closes`, `resets` or `is disconnected`"
            }
            Self::Server => {
                "in a server transcript `server` is the program under test: it \
                 `prints its port`, `is interrupted`, `is terminated`, `ends` or \
                 `grows by at most N MiB`; what it says is written as what others get: `alice < ...`"
            }
            Self::AnotherServer => "the step reads `another server starts`",
            Self::Client => {
                "`client` is the program under test: it `starts as NAME`, `is terminated`, `ends` \
                 or `grows by at most N MiB`; what it says is written as what the server gets: \
                 `server < ...`"
            }
            Self::User => {
                "the user `types \"...\"`, `presses Ctrl-C`, `presses Ctrl-D`, is shown `<`, \
                 `sees an error` or `sees a notice`"
            }
            Self::Terminal => "the step reads `terminal never gets \"...\"`",
            Self::Clock => "the step reads `4 seconds pass`",
        }
    }
}

/// What to say of a verb that belongs to somebody else, or that is spelt in another way.
pub(super) fn better_word(subject: Subject, verb: &str) -> Option<&'static str> {
    let advice = match (subject, verb) {
        (Subject::ChatUser | Subject::PlayedServer, "types" | "says" | "said") => {
            "a line is said with `>`"
        }
        (Subject::ChatUser | Subject::PlayedServer, "gets" | "receives" | "sees" | "got") => {
            "a line that must come is written with `<`"
        }
        (Subject::ChatUser, "disconnects" | "leaves" | "quits") => {
            "say `> DISCONNECT NAME CHAT/1.0`, or `closes`"
        }
        (Subject::ChatUser, "ends" | "grows" | "prints") => {
            "only `server` does that, the program under test"
        }
        (Subject::User, ">" | "says" | "sends") => r#"the user `types "...\n"`"#,
        (Subject::User, "hears" | "gets") => "what must be shown is written with `<`",
        (Subject::Client, "types") => "only `user` types",
        (Subject::Client | Subject::Server, "starts") => {
            "the server under test runs from the beginning; a second one is `another server starts`"
        }
        (Subject::PlayedServer, "ends" | "grows" | "prints") => {
            "only `client` does that, the program under test"
        }
        (Subject::PlayedServer, "joins" | "connects" | "stops") => {
            "only chat users do that, in server transcripts"
        }
        _ => return None,
    };
    Some(advice)
}

/// Lower-case letters, at least one and not too many.
fn is_actor_name(word: &str) -> bool {
    (1..=LONGEST_NAME).contains(&word.len()) && word.chars().all(|c| c.is_ascii_lowercase())
}
