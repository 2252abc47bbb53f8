/// Who or what a step is about, given by its first words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepSubject {
    /// A chat user in a server transcript, played by the harness.
    ChatUser,
    /// The server under test.
    Server,
    /// A second process of the server under test.
    AnotherServer,
    /// The client under test.
    Client,
    /// The server in a client transcript, played by the harness.
    PlayedServer,
    /// The person at the client's keyboard, played by the harness.
    User,
    /// One of several people, each with a client of their own.
    Person,
    /// The server under test, in a transcript about a pair.
    ServerOfPair,
    /// The client's terminal.
    Terminal,
    /// Time, as in `4 seconds pass`.
    Clock,
}

impl StepSubject {
    /// The verbs that may follow.
    pub(super) fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::ChatUser => &[
                "joins", "connects", ">", "<", "sends", "hears", "stops", "closes", "resets", "is",
            ],
            Self::PlayedServer => &[">", "<", "sends", "hears", "closes", "resets", "is"],
            Self::Server => &["prints", "is", "goes", "ends", "grows"],
            Self::AnotherServer => &["starts"],
            Self::Client => &["starts", "is", "goes", "ends", "grows"],
            Self::User => &["types", "presses", "<", "sees"],
            Self::Person => &["starts", "types", "presses", "<", "sees", "ends"],
            Self::ServerOfPair => &["is", "ends"],
            Self::Terminal => &["never"],
            Self::Clock => &["pass", "passes"],
        }
    }

    /// The verbs that may follow, as a help text.
    pub(super) fn verbs_help(self) -> &'static str {
        match self {
            Self::ChatUser => {
                "a chat user `joins`, `connects`, says `>`, gets `<`, `sends`, `hears`, \
                 `stops reading`, `closes`, `resets` or `is disconnected`"
            }
            Self::PlayedServer => {
                "in a client transcript, the harness plays `server`: it says `>`, gets `<`, \
                 `sends`, `hears`, `closes`, `resets` or `is disconnected`"
            }
            Self::Server => {
                "in a server transcript `server` is the program under test: it \
                 `prints its port`, `is interrupted`, `is terminated`, `is paused`, `goes on`, `ends` or \
                 `grows by at most N MiB`; to check what it sends, write what others get: `alice < ...`"
            }
            Self::AnotherServer => "write `another server starts`",
            Self::Client => {
                "`client` is the program under test: it `starts as NAME`, `is terminated`, `is paused`, \
                 `goes on`, `ends` or `grows by at most N MiB`; to check what it sends, write what the server gets: \
                 `server < ...`"
            }
            Self::User => {
                "the user `types \"...\"`, `presses Ctrl-C`, `presses Ctrl-D`, is shown `<`, \
                 `sees an error` or `sees a notice`"
            }
            Self::Person => {
                "a person `starts` a client, `types \"...\"`, `presses Ctrl-C`, `presses Ctrl-D`, is shown `<`, \
                 `sees an error` or `sees a notice`; the person's client `ends`"
            }
            Self::ServerOfPair => "the server `is interrupted` or `ends`",
            Self::Terminal => "write `terminal never gets \"...\"`",
            Self::Clock => "write `4 seconds pass`",
        }
    }
}

/// Advice about a verb that another subject has, or that is spelt differently.
pub(super) fn advice_about(subject: StepSubject, verb: &str) -> Option<&'static str> {
    let advice = match (subject, verb) {
        (StepSubject::ChatUser | StepSubject::PlayedServer, "types" | "says" | "said") => {
            "use `>` for a line that is sent"
        }
        (
            StepSubject::ChatUser | StepSubject::PlayedServer,
            "gets" | "receives" | "sees" | "got",
        ) => "use `<` for a line that must arrive",
        (StepSubject::ChatUser, "disconnects" | "leaves" | "quits") => {
            "write `> DISCONNECT NAME CHAT/1.0` or `closes`"
        }
        (StepSubject::ChatUser, "ends" | "grows" | "prints") => {
            "only `server`, the program under test, can do that"
        }
        (StepSubject::User, ">" | "says" | "sends") => r#"the user `types "...\n"`"#,
        (StepSubject::Person, ">" | "says" | "sends") => r#"a person `types "...\n"`"#,
        (StepSubject::Person, "joins" | "connects") => {
            "a person `starts` a client, which connects by itself"
        }
        (StepSubject::User | StepSubject::Person, "hears" | "gets") => {
            "use `<` for text that must be shown"
        }
        (StepSubject::Client, "types") => "only `user` can type",
        (StepSubject::Client | StepSubject::Server, "starts") => {
            "the server under test is already running; write `another server starts` for a second one"
        }
        (StepSubject::PlayedServer, "ends" | "grows" | "prints") => {
            "only `client`, the program under test, can do that"
        }
        (StepSubject::PlayedServer, "joins" | "connects" | "stops") => {
            "only chat users in server transcripts can do that"
        }
        _ => return None,
    };
    Some(advice)
}
