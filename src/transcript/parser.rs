use super::diagnostic::Diagnostic;
use super::error::{Error, ErrorKind, LONGEST, MAX_STEPS};
use super::head;
use super::lexer::{Content, Line, lines};
use super::nearest::nearest;
use super::opening::is_actor_name;
use super::place::Place;
use super::statement::{ParsedLine, statement};
use super::step_order;
use super::syntax::{Role, Transcript};

/// Parses a transcript, or returns all errors in it, in the order of its lines.
///
/// The file name does not matter here; [`super::render`] shows it.
///
/// ```
/// use chat_conformance::transcript::parse;
///
/// let source = "# A client can register.\ncovers S-REG-1\n\nalice joins\n";
/// let transcript = parse("register.chat", source).expect("has no error");
/// assert_eq!(transcript.covers, ["S-REG-1"]);
/// assert!(parse("register.chat", &source.replace("joins", "jions")).is_err());
/// ```
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
        errors.push(ErrorKind::MissingSteps.at(head::end(lines)));
    }
    errors.extend(step_order::faults(role, &parts));
    if !errors.is_empty() {
        return Err(errors);
    }
    let steps = parts.into_iter().filter_map(|part| match part {
        ParsedLine::Step(statement) => Some(statement.step),
        ParsedLine::Wrong(_) => None,
    });
    Ok(Transcript {
        sentence,
        covers,
        role,
        steps: steps.collect(),
    })
}

fn parts<'src>(lines: &[Line<'src>], role: Role, errors: &mut Vec<Error>) -> Vec<ParsedLine<'src>> {
    let mut parts = Vec::new();
    for line in lines.iter().filter(|line| head::is_step(line)) {
        if parts.len() == MAX_STEPS {
            errors.push(ErrorKind::TooManySteps.at(line.place()));
            break;
        }
        let (result, first) = match &line.content {
            Content::Words(tokens) => (statement(role, tokens[0], &tokens[1..]), tokens[0].text),
            Content::Unreadable(error, first) => (Err(error.clone()), *first),
            Content::Blank | Content::Comment(_) => continue,
        };
        match result {
            Ok(statement) => parts.push(ParsedLine::Step(statement)),
            Err(error) => {
                errors.push(error);
                parts.push(ParsedLine::Wrong(first));
            }
        }
    }
    parts
}

/// The role of a transcript. Somebody who starts first decides it, or `client starts`. If that is missing or misspelt, a
/// first step that only client transcripts have decides it.
fn role(lines: &[Line<'_>]) -> Role {
    let steps = || lines.iter().filter(|line| head::is_step(line));
    let client_starts = steps().any(|line| opening(line).starts_with(&["client", "starts"]));
    let looks_like_client = steps().next().is_some_and(|first| {
        matches!(
            opening(first)[..],
            ["client" | "user" | "terminal", ..]
                | [
                    "server",
                    ">" | "<" | "sends" | "hears" | "closes" | "resets",
                    ..
                ]
        )
    });
    let is_start = |line: &Line<'_>| match opening(line)[..] {
        [who, "starts", ..] => is_actor_name(who),
        _ => false,
    };
    // A misspelt `client` is the only one who starts, and says as whom.
    let first = steps().next();
    let misspells_client = first.is_some_and(|line| {
        matches!(opening(line)[..], [who, "starts", "as"] if nearest(who, ["client"]).is_some())
    });
    if misspells_client {
        Role::Client
    } else if first.is_some_and(is_start) {
        Role::Pair
    } else if client_starts || looks_like_client {
        Role::Client
    } else {
        Role::Server
    }
}

/// The first words of a line, at most three, as far as they are readable.
fn opening<'src>(line: &Line<'src>) -> Vec<&'src str> {
    match &line.content {
        Content::Words(tokens) => tokens.iter().take(3).map(|token| token.text).collect(),
        Content::Unreadable(_, first) => vec![first],
        Content::Blank | Content::Comment(_) => Vec::new(),
    }
}
