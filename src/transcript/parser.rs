use super::conversation;
use super::diagnostic::Diagnostic;
use super::error::{Error, ErrorKind, is_id};
use super::lexer::{Content, Line, lines};
use super::place::Place;
use super::statement::{Statement, statement};
use super::syntax::{Role, Transcript};
use super::token::{Token, TokenKind};

/// Reads a transcript; or tells everything that is wrong with it, in the order of its lines.
///
/// A transcript is the same under any name; [`super::render`] is where the name is shown.
pub fn parse(_file_name: &str, source: &str) -> Result<Transcript, Vec<Diagnostic>> {
    file(&lines(source)).map_err(|mut errors| {
        errors.sort_by_key(|error| error.place);
        errors.into_iter().map(Diagnostic::from).collect()
    })
}

/// What a line is for, beside blank lines and comments.
pub(super) enum Part<'src> {
    Step(Statement),
    /// A line that is wrong, and the word that it begins with.
    Wrong(Option<&'src str>),
}

fn file(lines: &[Line<'_>]) -> Result<Transcript, Vec<Error>> {
    let mut errors = Vec::new();
    let role = role(lines);
    let sentence = sentence(lines, &mut errors);
    let covers = covers(lines, role, &mut errors);
    let parts = parts(lines, role, &mut errors);
    if parts.is_empty() {
        errors.push(ErrorKind::NoSteps.at(end(lines)));
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

/// Each line that has tokens, or that should have, `covers` left out.
fn statements<'l, 'src>(lines: &'l [Line<'src>]) -> impl Iterator<Item = &'l Content<'src>> {
    lines.iter().map(|line| &line.content).filter(|content| {
        let words = matches!(content, Content::Words(_) | Content::Unreadable(..));
        words && covers_tokens(content).is_none()
    })
}

/// The tokens of a `covers` line.
fn covers_tokens<'c, 'src>(content: &'c Content<'src>) -> Option<&'c [Token<'src>]> {
    match content {
        Content::Words(tokens) if tokens[0].text == "covers" => Some(tokens),
        _ => None,
    }
}

/// Which role is meant: told by the first step, or where that is missing or misspelt, by its look.
fn role(lines: &[Line<'_>]) -> Role {
    let begins = |content: &Content<'_>, words: &[&str]| {
        let Content::Words(tokens) = content else {
            return false;
        };
        tokens
            .iter()
            .map(|token| token.text)
            .take(words.len())
            .eq(words.iter().copied())
    };
    let looks_like_client = statements(lines).next().is_some_and(|first| match first {
        Content::Words(tokens) => {
            let texts: Vec<&str> = tokens.iter().take(3).map(|token| token.text).collect();
            matches!(
                texts[..],
                ["client" | "user" | "terminal", ..]
                    | [_, "starts", "as"]
                    | [
                        "server",
                        "<" | ">" | "sends" | "hears" | "closes" | "resets",
                        ..
                    ]
            )
        }
        Content::Unreadable(_, word) => matches!(word, Some("client" | "user" | "terminal")),
        _ => false,
    });
    if looks_like_client || statements(lines).any(|line| begins(line, &["client", "starts"])) {
        Role::Client
    } else {
        Role::Server
    }
}

/// The comment that the file begins with, its lines joined.
fn sentence(lines: &[Line<'_>], errors: &mut Vec<Error>) -> String {
    let head = lines
        .iter()
        .skip_while(|line| matches!(line.content, Content::Blank))
        .map_while(|line| match line.content {
            Content::Comment(text) => Some(text.trim()),
            _ => None,
        })
        .filter(|text| !text.is_empty());
    let sentence = head.collect::<Vec<_>>().join(" ");
    if sentence.is_empty() {
        errors.push(ErrorKind::NoSentence.at(start(lines)));
    }
    sentence
}

fn covers(lines: &[Line<'_>], role: Role, errors: &mut Vec<Error>) -> Vec<String> {
    let mut ids: Vec<Token<'_>> = Vec::new();
    let mut first: Option<Place> = None;
    let mut steps_began = false;
    for line in lines {
        let Some(tokens) = covers_tokens(&line.content) else {
            steps_began |= matches!(line.content, Content::Words(_) | Content::Unreadable(..));
            continue;
        };
        let place = tokens[0].place;
        if let Some(first) = first {
            errors.push(ErrorKind::CoversTwice(first).at(place));
            continue;
        }
        first = Some(place);
        if steps_began {
            errors.push(ErrorKind::CoversLate.at(place));
        }
        if tokens.len() == 1 {
            errors.push(ErrorKind::CoversNothing.at(place.behind()));
        }
        for &token in &tokens[1..] {
            match id_fault(token, role, &ids) {
                Some(kind) => errors.push(kind.at(token.place)),
                None => ids.push(token),
            }
        }
    }
    if first.is_none() {
        errors.push(ErrorKind::NoCovers.at(first_statement(lines)));
    }
    ids.iter().map(|id| id.text.to_owned()).collect()
}

fn id_fault(token: Token<'_>, role: Role, before: &[Token<'_>]) -> Option<ErrorKind> {
    if token.kind != TokenKind::Word || !is_id(token.text) {
        return Some(ErrorKind::NoId(token.text.into()));
    }
    if let Some(first) = before.iter().find(|id| id.text == token.text) {
        return Some(ErrorKind::IdTwice(first.place));
    }
    match role {
        Role::Server if token.text.starts_with('C') => Some(ErrorKind::IdOfOtherRole("client")),
        Role::Client if token.text.starts_with('S') => Some(ErrorKind::IdOfOtherRole("server")),
        _ => None,
    }
}

fn parts<'src>(lines: &[Line<'src>], role: Role, errors: &mut Vec<Error>) -> Vec<Part<'src>> {
    let mut part = |content: &Content<'src>| {
        let (error, first) = match content {
            Content::Words(tokens) => match statement(role, tokens[0], &tokens[1..]) {
                Ok(statement) => return Part::Step(statement),
                Err(error) => (error, Some(tokens[0].text)),
            },
            Content::Unreadable(error, first) => (error.clone(), *first),
            Content::Blank | Content::Comment(_) => return Part::Wrong(None),
        };
        errors.push(error);
        Part::Wrong(first)
    };
    statements(lines).map(&mut part).collect()
}

/// The file's first line that is not blank, as far as it can be pointed at.
fn start(lines: &[Line<'_>]) -> Place {
    let first = lines
        .iter()
        .find(|line| !matches!(line.content, Content::Blank));
    first.map_or(Place::new(1, 1, 1), first_word)
}

/// The first step, or the end of a file that has none.
fn first_statement(lines: &[Line<'_>]) -> Place {
    let first = lines
        .iter()
        .find(|line| matches!(line.content, Content::Words(_) | Content::Unreadable(..)));
    first.map_or(end(lines), first_word)
}

fn first_word(line: &Line<'_>) -> Place {
    match &line.content {
        Content::Words(tokens) => tokens[0].place,
        _ => Place::new(line.number, 1, 1),
    }
}

/// The last line that is not blank.
fn end(lines: &[Line<'_>]) -> Place {
    let last = lines
        .iter()
        .rfind(|line| !matches!(line.content, Content::Blank));
    last.map_or(Place::new(1, 1, 1), |line| {
        Place::new(line.number, 1, usize::MAX).behind()
    })
}
