use super::error::{Error, ErrorKind, MAX_IDS, is_id};
use super::lexer::{Content, Line};
use super::nearest::nearest;
use super::place::Place;
use super::syntax::Role;
use super::token::{Token, TokenKind};

/// The comment at the top of the file, its lines joined.
pub(super) fn sentence(lines: &[Line<'_>], errors: &mut Vec<Error>) -> String {
    let mut written = lines.iter().skip_while(|line| line.is_blank()).peekable();
    let first = written
        .peek()
        .map_or(Place::new(1, 1, 1), |line| line.place());
    let head = written
        .map_while(|line| match line.content {
            Content::Comment(text) => Some(text.trim()),
            _ => None,
        })
        .filter(|text| !text.is_empty());
    let sentence = head.collect::<Vec<_>>().join(" ");
    if sentence.is_empty() {
        errors.push(ErrorKind::MissingSentence.at(first));
    }
    sentence
}

/// The ids after `covers`, which must appear once, before the first step.
pub(super) fn covers(lines: &[Line<'_>], role: Role, errors: &mut Vec<Error>) -> Vec<String> {
    let mut ids = Vec::new();
    let mut first: Option<Place> = None;
    let mut steps_began = false;
    for line in lines {
        steps_began |= is_step(line);
        if !is_covers(line) {
            continue;
        }
        if let Some(first) = first {
            errors.push(ErrorKind::CoversTwice(first).at(line.place()));
            continue;
        }
        first = Some(line.place());
        if steps_began {
            errors.push(ErrorKind::CoversLate.at(line.place()));
        }
        match &line.content {
            Content::Words(tokens) => ids = requirements(tokens, role, errors),
            Content::Unreadable(error, _) => errors.push(error.clone()),
            Content::Blank | Content::Comment(_) => {}
        }
    }
    if first.is_none() {
        let step = lines.iter().find(|line| is_step(line));
        let place = step.map_or_else(|| end(lines), Line::place);
        errors.push(ErrorKind::MissingCovers.at(place));
    }
    ids
}

/// Whether a line is the `covers` line, or was meant to be.
pub(super) fn is_covers(line: &Line<'_>) -> bool {
    match &line.content {
        Content::Words(tokens) => match tokens[..] {
            [first, ..] if first.text == "covers" => true,
            [first, second, ..] => is_id(second.text) && nearest(first.text, ["covers"]).is_some(),
            _ => false,
        },
        Content::Unreadable(_, first) => *first == "covers",
        Content::Blank | Content::Comment(_) => false,
    }
}

/// Whether a line is a step, or was meant to be.
pub(super) fn is_step(line: &Line<'_>) -> bool {
    matches!(line.content, Content::Words(_) | Content::Unreadable(..)) && !is_covers(line)
}

/// The end of the last line that is not blank.
pub(super) fn end(lines: &[Line<'_>]) -> Place {
    let last = lines.iter().rfind(|line| !line.is_blank());
    last.map_or(Place::new(1, 1, 1), |line| {
        Place::new(line.number, line.width + 1, 1)
    })
}

/// The ids of a `covers` line.
fn requirements(tokens: &[Token<'_>], role: Role, errors: &mut Vec<Error>) -> Vec<String> {
    let (covers, words) = (tokens[0], &tokens[1..]);
    if covers.text != "covers" {
        let kind = ErrorKind::Expected {
            wanted: "`covers`".into(),
            found: covers.text.into(),
        };
        errors.push(kind.at(covers.place));
    }
    if words.is_empty() {
        errors.push(ErrorKind::EmptyCovers.at(covers.place.behind()));
    }
    let mut ids: Vec<Token<'_>> = Vec::new();
    for &word in words {
        if ids.len() == MAX_IDS {
            errors.push(ErrorKind::TooManyIds.at(word.place));
            break;
        }
        match id_fault(word, role, &ids) {
            Some(kind) => errors.push(kind.at(word.place)),
            None => ids.push(word),
        }
    }
    ids.iter().map(|id| id.text.to_owned()).collect()
}

fn id_fault(word: Token<'_>, role: Role, before: &[Token<'_>]) -> Option<ErrorKind> {
    if word.kind != TokenKind::Word || !is_id(word.text) {
        return Some(ErrorKind::InvalidId(word.text.into()));
    }
    if let Some(first) = before.iter().find(|id| id.text == word.text) {
        return Some(ErrorKind::IdTwice(first.place));
    }
    let of = match word.text.as_bytes()[0] {
        b'S' => Role::Server,
        b'C' => Role::Client,
        b'P' => Role::Pair,
        // Both roles speak lines; people see none.
        _ => return (role == Role::Pair).then_some(ErrorKind::IdOfOneProgram),
    };
    match role {
        _ if of == role => None,
        Role::Pair => Some(ErrorKind::IdOfOneProgram),
        Role::Server | Role::Client => Some(ErrorKind::IdOfOtherRole(of)),
    }
}
