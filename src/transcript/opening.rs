use super::error::{Error, ErrorKind, MAX_NAME};
use super::nearest::nearest;
use super::subject::StepSubject;
use super::syntax::Role;
use super::token::{Token, TokenKind};

/// The subject that the first word of a line means.
pub(super) fn subject_of(role: Role, first: Token<'_>) -> Result<StepSubject, Error> {
    if first.kind == TokenKind::Word && first.text.chars().all(|c| c.is_ascii_digit()) {
        return Ok(StepSubject::Clock);
    }
    let subject = match (role, first.text) {
        (Role::Server, "server") => StepSubject::Server,
        (Role::Pair, "server") => StepSubject::ServerOfPair,
        (Role::Server, "another") => StepSubject::AnotherServer,
        (Role::Client, "client") => StepSubject::Client,
        (Role::Client, "server") => StepSubject::PlayedServer,
        (Role::Client, "user") => StepSubject::User,
        (Role::Client, "terminal") => StepSubject::Terminal,
        (Role::Server, word @ ("client" | "user" | "terminal")) => {
            return Err(ErrorKind::OnlyAgainstClients(word.into()).at(first.place));
        }
        (Role::Client, "another") => {
            return Err(ErrorKind::OnlyAgainstServers.at(first.place));
        }
        (Role::Pair, word @ ("client" | "user" | "terminal" | "another")) => {
            return Err(ErrorKind::NotInPairs(word.into()).at(first.place));
        }
        (Role::Server, word) if is_actor_name(word) => StepSubject::ChatUser,
        (Role::Pair, word) if is_actor_name(word) => StepSubject::Person,
        (Role::Server | Role::Pair, word) => {
            return Err(ErrorKind::InvalidActorName(word.into()).at(first.place));
        }
        (Role::Client, word) => {
            let meant = nearest(word, ["client", "server", "user", "terminal"]);
            return Err(ErrorKind::UnknownSubject(meant).at(first.place));
        }
    };
    Ok(subject)
}

/// Words that are not actors in any transcript.
const RESERVED: [&str; 6] = ["server", "another", "client", "user", "terminal", "covers"];

/// Whether a word can be the name of an actor: lower-case letters, at most [`MAX_NAME`], and no
/// word with another meaning.
pub fn is_actor_name(word: &str) -> bool {
    (1..=MAX_NAME).contains(&word.len())
        && word.chars().all(|c| c.is_ascii_lowercase())
        && !RESERVED.contains(&word)
}
