use super::conversation;
use super::diagnostic::Diagnostic;
use super::error::{Error, ErrorKind, LONGEST, MOST_STEPS};
use super::head;
use super::lexer::{Content, Line, lines};
use super::place::Place;
use super::statement::{Statement, statement};
use super::syntax::{Role, Transcript};

/// Reads a transcript; or tells everything that is wrong with it, in the order of its lines.
///
/// A transcript is the same under any name; [`super::render`] is where the name is shown.
pub fn parse(_file_name: &str, source: &str) -> Result<Transcript, Vec<Diagnostic>> {
    if source.len() > LONGEST {
        let error = ErrorKind::TooLong.at(Place::new(1, 1, 1));
        return Err(vec![error.into()]);
    }
    file(&lines(source)).map_err(|mut errors| {
        errors.sort_by_key(|error| error.place);
        errors.into_iter().map(Diagnostic::from).collect()
    })
}

fn file(lines: &[Line<'_>]) -> Result<Transcript, Vec<Error>> {
    let mut errors = Vec::new();
    let role = role(lines);
    let sentence = head::sentence(lines, &mut errors);
    let covers = head::covers(lines, role, &mut errors);
    let parts = parts(lines, role, &mut errors);
    if parts.is_empty() {
        errors.push(ErrorKind::NoSteps.at(head::end(lines)));
    }
    errors.extend(conversation::faults(role, &parts));
    if !errors.is_empty() {
        return Err(errors);
    }
    let steps = parts.into_iter().filter_map(|part| match part {
        Part::Step(statement) => Some(statement.step),
        Part::Wrong(_) => None,
    });
    Ok(Transcript {
        sentence,
        covers,
        role,
        steps: steps.collect(),
    })
}

/// A line of the conversation.
pub(super) enum Part<'src> {
    Step(Statement),
    /// A line that is wrong, and the word that it begins with.
    Wrong(&'src str),
}

fn parts<'src>(lines: &[Line<'src>], role: Role, errors: &mut Vec<Error>) -> Vec<Part<'src>> {
    let mut parts = Vec::new();
    for line in lines.iter().filter(|line| head::is_step(line)) {
        if parts.len() == MOST_STEPS {
            errors.push(ErrorKind::TooManySteps.at(line.place()));
            break;
        }
        let (result, first) = match &line.content {
            Content::Words(tokens) => (statement(role, tokens[0], &tokens[1..]), tokens[0].text),
            Content::Unreadable(error, first) => (Err(error.clone()), *first),
            Content::Blank | Content::Comment(_) => continue,
        };
        match result {
            Ok(statement) => parts.push(Part::Step(statement)),
            Err(error) => {
                errors.push(error);
                parts.push(Part::Wrong(first));
            }
        }
    }
    parts
}

/// Which role is meant: `client starts` tells; where that is missing or misspelt, the first step
/// looks like one that only a client transcript has.
fn role(lines: &[Line<'_>]) -> Role {
    let steps = || lines.iter().filter(|line| head::is_step(line));
    let client_starts = steps().any(|line| opening(line).starts_with(&["client", "starts"]));
    let looks_like_client = steps().next().is_some_and(|first| {
        matches!(
            opening(first)[..],
            ["client" | "user" | "terminal", ..]
                | [_, "starts", "as"]
                | [
                    "server",
                    ">" | "<" | "sends" | "hears" | "closes" | "resets",
                    ..
                ]
        )
    });
    if client_starts || looks_like_client {
        Role::Client
    } else {
        Role::Server
    }
}

/// The first words of a line, three at most, as far as they can be read.
fn opening<'src>(line: &Line<'src>) -> Vec<&'src str> {
    match &line.content {
        Content::Words(tokens) => tokens.iter().take(3).map(|token| token.text).collect(),
        Content::Unreadable(_, first) => vec![first],
        Content::Blank | Content::Comment(_) => Vec::new(),
    }
}
