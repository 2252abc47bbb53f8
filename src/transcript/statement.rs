use super::error::{Error, ErrorKind, MAX_NAME};
use super::nearest::nearest;
use super::opening::subject_of;
use super::place::Place;
use super::subject::{StepSubject, advice_about};
use super::syntax::{Action, Key, MessageKind, Role, Step};
use super::token::{Token, TokenKind};
use super::words::{Words, number};

/// Maximum number of bytes that one step sends or expects.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const TOO_MANY_BYTES: &str = "a step sends or receives at most 16 MiB in total";
pub(super) const MAX_CONNECTIONS: u32 = 10_000;
pub(super) const MAX_SECONDS: u32 = 600;
const MAX_MEMORY: u32 = 1024 * 1024;

/// A line after the head.
pub(super) enum ParsedLine<'src> {
    Step(Statement),
    /// A line with an error, and its first word.
    Wrong(&'src str),
}

/// A step, and the places of the words that later errors may point at.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) step: Step,
    /// The first word: who does it.
    pub(super) subject: Place,
    /// The verb: `<`, `>`, or a word.
    pub(super) verb: Place,
}

/// Parses a line. `first` is its first word, `rest` the others.
pub(super) fn statement<'src>(
    role: Role,
    first: Token<'src>,
    rest: &[Token<'src>],
) -> Result<Statement, Error> {
    let mut words = Words::behind(first, rest);
    let subject = subject_of(role, first)?;
    match subject {
        StepSubject::AnotherServer => words.expect("server")?,
        StepSubject::Clock => words.expect(if first.text == "1" {
            "second"
        } else {
            "seconds"
        })?,
        _ => {}
    }
    let verb = verb(subject, &mut words)?;
    let action = action(subject, first, verb, &mut words)?;
    words.end()?;
    let step = Step {
        line: first.place.line,
        column: verb.place.column,
        source: source(first, rest),
        action,
    };
    Ok(Statement {
        step,
        subject: first.place,
        verb: verb.place,
    })
}

/// The step in canonical format: its tokens, with one space between them.
fn source(first: Token<'_>, rest: &[Token<'_>]) -> String {
    rest.iter()
        .fold(first.text.to_owned(), |line, token| line + " " + token.text)
}

fn verb<'src>(subject: StepSubject, words: &mut Words<'_, 'src>) -> Result<Token<'src>, Error> {
    let verbs = subject.verbs();
    let Some(token) = words.next() else {
        return Err(ErrorKind::MissingVerb(subject).at(words.last().place.behind()));
    };
    if token.kind == TokenKind::Word && verbs.contains(&token.text) {
        return Ok(token);
    }
    let advice = advice_about(subject, token.text);
    let meant = nearest(token.text, verbs.iter().copied()).filter(|_| advice.is_none());
    Err(ErrorKind::UnknownVerb {
        subject,
        verb: token.text.into(),
        meant,
        advice,
    }
    .at(token.place))
}

/// Parses the words from the verb on. The verb is one that the subject allows.
fn action(
    subject: StepSubject,
    first: Token<'_>,
    verb: Token<'_>,
    words: &mut Words<'_, '_>,
) -> Result<Action, Error> {
    let actor = first.text.to_owned();
    Ok(match (verb.text, subject) {
        ("joins", _) => joins(actor, words)?,
        ("connects", _) => connects(actor, words)?,
        (">", _) => says(actor, words),
        ("<", _) => gets(actor, words),
        ("sends", _) => sends(actor, words)?,
        ("hears", _) => hears(actor, words)?,
        ("stops", _) => {
            words.expect("reading")?;
            Action::StopsReading { actor }
        }
        ("closes", _) => Action::Closes { actor },
        ("resets", _) => Action::Resets { actor },
        ("is", _) => is(subject, actor, words)?,
        ("prints", _) => {
            words.expect("its port")?;
            Action::PrintsItsPort
        }
        ("starts", StepSubject::AnotherServer) => Action::AnotherStarts,
        ("starts", StepSubject::Person) => person_starts(actor, words)?,
        ("starts", _) => client_starts(words)?,
        ("goes", _) => {
            words.expect("on")?;
            Action::GoesOn
        }
        ("ends", _) => Action::Ends { actor },
        ("grows", _) => grows(words)?,
        ("types", _) => Action::Types {
            actor,
            text: text(words.some_bytes()?, words)?,
        },
        ("presses", _) => presses(actor, words)?,
        ("sees", _) => sees(actor, words)?,
        ("never", _) => {
            words.expect("gets")?;
            Action::TerminalNeverGets {
                bytes: words.some_bytes()?,
            }
        }
        // The only verbs left are `pass` and `passes`.
        _ => pass(first, verb)?,
    })
}

fn joins(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    let name = name_of(&actor, words)?;
    Ok(Action::Joins { actor, name })
}

fn person_starts(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    let name = name_of(&actor, words)?;
    Ok(Action::PersonStarts { actor, name })
}

/// The name after `as`, or the actor's own.
fn name_of(actor: &str, words: &mut Words<'_, '_>) -> Result<String, Error> {
    if words.takes("as") {
        name(words)
    } else {
        Ok(actor.to_owned())
    }
}

fn connects(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    let many = "at most 10,000 connections";
    let times = times(words, MAX_CONNECTIONS, many)?;
    Ok(Action::Connects { actor, times })
}

fn says(actor: String, words: &mut Words<'_, '_>) -> Action {
    Action::Says {
        actor,
        line: speech(words),
    }
}

fn gets(actor: String, words: &mut Words<'_, '_>) -> Action {
    let spoken = speech(words);
    let start = match spoken.strip_suffix("...") {
        Some("") => Some(""),
        Some(start) => start.strip_suffix(' '),
        None => None,
    };
    Action::Gets {
        actor,
        open_ended: start.is_some(),
        line: start.unwrap_or(&spoken).to_owned(),
    }
}

/// The text after an arrow. A missing text means the empty line.
fn speech(words: &mut Words<'_, '_>) -> String {
    words
        .next()
        .map_or_else(String::new, |token| token.text.to_owned())
}

fn sends(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    let bytes = words.some_bytes()?;
    let times = times(words, max_times(&bytes), TOO_MANY_BYTES)?;
    Ok(Action::Sends {
        actor,
        bytes,
        times,
    })
}

fn hears(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    if words.takes("nothing") {
        return Ok(Action::HearsNothing { actor });
    }
    if words
        .peek()
        .is_none_or(|token| token.kind != TokenKind::Quoted)
    {
        return Err(words.expected("`nothing`, or lines in double quotes".into()));
    }
    let bytes = words.some_bytes()?;
    if !bytes.ends_with(b"\n") {
        return Err(ErrorKind::NotWholeLines.at(words.last().place));
    }
    let times = times(words, max_times(&bytes), TOO_MANY_BYTES)?;
    Ok(Action::Hears {
        actor,
        bytes,
        times,
    })
}

fn max_times(bytes: &[u8]) -> u32 {
    u32::try_from(MAX_BYTES / bytes.len().max(1)).unwrap_or(u32::MAX)
}

/// `8000 times`, or nothing, which means once.
fn times(words: &mut Words<'_, '_>, limit: u32, why_not: &'static str) -> Result<u32, Error> {
    if words.peek().is_none() {
        return Ok(1);
    }
    let times = words.number(limit, why_not)?;
    words.expect(if times == 1 { "time" } else { "times" })?;
    Ok(times)
}

fn is(subject: StepSubject, actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    match subject {
        StepSubject::Server => {
            let wanted = "`interrupted`, `terminated` or `paused`";
            words.choice(wanted, |word| match word {
                "interrupted" => Some(Action::IsInterrupted),
                "terminated" => Some(Action::IsTerminated),
                "paused" => Some(Action::IsPaused),
                _ => None,
            })
        }
        StepSubject::ServerOfPair => words.choice("`interrupted`", |word| {
            (word == "interrupted").then_some(Action::IsInterrupted)
        }),
        StepSubject::Client => {
            let wanted = "`terminated` or `paused` (an interrupt is `user presses Ctrl-C`)";
            words.choice(wanted, |word| match word {
                "terminated" => Some(Action::IsTerminated),
                "paused" => Some(Action::IsPaused),
                _ => None,
            })
        }
        _ => {
            let action = Action::IsDisconnected { actor };
            let ends_otherwise = words
                .peek()
                .is_some_and(|word| matches!(word.text, "interrupted" | "terminated" | "paused"));
            let wanted = if ends_otherwise {
                "`disconnected` (only the program under test is interrupted, terminated or paused)"
            } else {
                "`disconnected`"
            };
            words.choice(wanted, |word| {
                (word == "disconnected").then(|| action.clone())
            })
        }
    }
}

fn client_starts(words: &mut Words<'_, '_>) -> Result<Action, Error> {
    words.expect("as")?;
    let name = name(words)?;
    let address = if words.peek().is_some() {
        words.expect("at")?;
        address(words)?
    } else {
        "chat://{host}:{port}".to_owned()
    };
    Ok(Action::ClientStarts { name, address })
}

fn address(words: &mut Words<'_, '_>) -> Result<String, Error> {
    let bytes = words.bytes()?;
    let address = text(bytes, words)?;
    for part in address.split('{').skip(1) {
        let placeholder = part.split_once('}').map(|(name, _)| name);
        if !matches!(
            placeholder,
            Some("host" | "port" | "short_port" | "unused" | "overflowing")
        ) {
            return Err(ErrorKind::UnknownPlaceholder.at(words.last().place));
        }
    }
    Ok(address)
}

/// A user name as it appears in a registration: one plain word.
fn name(words: &mut Words<'_, '_>) -> Result<String, Error> {
    let Some(token) = words.peek().filter(|token| token.kind == TokenKind::Word) else {
        return Err(words.expected("a user name".into()));
    };
    if !is_user_name(token.text) {
        return Err(ErrorKind::InvalidUserName.at(token.place));
    }
    words.next();
    Ok(token.text.to_owned())
}

/// Whether `joins as` can register this name: letters, digits, `_` and `-`, at most [`MAX_NAME`].
pub fn is_user_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=MAX_NAME).contains(&name.len()) && name.chars().all(is_plain)
}

/// Converts the last string to text.
fn text(bytes: Vec<u8>, words: &Words<'_, '_>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|_| ErrorKind::NotText.at(words.last().place))
}

fn grows(words: &mut Words<'_, '_>) -> Result<Action, Error> {
    words.expect("by at most")?;
    let number = words.number(MAX_MEMORY, "at most 1,048,576")?;
    let unit = words.choice("`KiB` or `MiB`", |word| match word {
        "KiB" => Some(1024),
        "MiB" => Some(1024 * 1024),
        _ => None,
    })?;
    Ok(Action::GrowsByAtMost {
        bytes: u64::from(number) * unit,
    })
}

fn presses(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    let key = words.choice("`Ctrl-C` or `Ctrl-D`", |word| match word {
        "Ctrl-C" => Some(Key::CtrlC),
        "Ctrl-D" => Some(Key::CtrlD),
        _ => None,
    })?;
    Ok(Action::Presses { actor, key })
}

fn sees(actor: String, words: &mut Words<'_, '_>) -> Result<Action, Error> {
    let wanted = "`an error` or `a notice`";
    let (kind, noun) = words.choice(wanted, |word| match word {
        "an" => Some((MessageKind::Error, "error")),
        "a" => Some((MessageKind::Notice, "notice")),
        _ => None,
    })?;
    words.expect(noun)?;
    Ok(Action::SeesMessage { actor, kind })
}

fn pass(first: Token<'_>, verb: Token<'_>) -> Result<Action, Error> {
    let seconds = number(first, MAX_SECONDS, "at most 600 seconds")?;
    let wanted = if first.text == "1" { "passes" } else { "pass" };
    if verb.text != wanted {
        return Err(ErrorKind::Expected {
            wanted: format!("`{wanted}`"),
            found: verb.text.into(),
        }
        .at(verb.place));
    }
    Ok(Action::Pass { seconds })
}
