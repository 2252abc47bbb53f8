use super::error::{Error, ErrorKind};
use super::place::Place;
use super::token::{Token, TokenKind, is_curly_quote};

/// A line of a file.
#[derive(Debug)]
pub(super) struct Line<'src> {
    /// From 1.
    pub(super) number: usize,
    /// In characters, without the line end.
    pub(super) width: usize,
    pub(super) content: Content<'src>,
}

#[derive(Debug)]
pub(super) enum Content<'src> {
    Blank,
    /// The text after `#`, without trailing blanks.
    Comment(&'src str),
    /// At least one token.
    Words(Vec<Token<'src>>),
    /// A line that cannot be split into tokens, and the letters at its start.
    Unreadable(Error, &'src str),
}

impl Line<'_> {
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.content, Content::Blank)
    }

    /// Place of its first word, as far as it is known.
    pub(super) fn place(&self) -> Place {
        match &self.content {
            Content::Words(tokens) => tokens[0].place,
            _ => Place::new(self.number, 1, 1),
        }
    }
}

/// The byte order mark, which some editors put at the start of a file.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// Splits a file into lines and lines into tokens. LF ends a line; CRs before it belong to the line
/// end.
pub(super) fn lines(source: &str) -> Vec<Line<'_>> {
    let source = source.strip_prefix(BYTE_ORDER_MARK).unwrap_or(source);
    let texts = source.split('\n').map(|text| text.trim_end_matches('\r'));
    texts
        .zip(1..)
        .map(|(text, number)| Line {
            number,
            width: text.chars().count(),
            content: content(text, number),
        })
        .collect()
}

fn content(text: &str, number: usize) -> Content<'_> {
    let trimmed = text.trim_matches([' ', '\t', '\r']);
    if trimmed.is_empty() {
        return Content::Blank;
    }
    if let Some(comment) = trimmed.strip_prefix('#') {
        return Content::Comment(comment);
    }
    match Reader::new(text, number).tokens() {
        Ok(tokens) => Content::Words(tokens),
        Err(error) => Content::Unreadable(error, first_letters(trimmed)),
    }
}

fn first_letters(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphabetic());
    &text[..end.unwrap_or(text.len())]
}

/// Whether a character separates words. Other white space is not allowed, since nobody can see the
/// difference.
fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// Reads a line from left to right.
struct Reader<'src> {
    rest: &'src str,
    line: usize,
    /// Column of the first character of `rest`.
    column: usize,
}

impl<'src> Reader<'src> {
    fn new(text: &'src str, line: usize) -> Self {
        Self {
            rest: text,
            line,
            column: 1,
        }
    }

    fn tokens(mut self) -> Result<Vec<Token<'src>>, Error> {
        let mut tokens = Vec::new();
        loop {
            let blanks = self.rest.find(|c| !is_blank(c)).unwrap_or(self.rest.len());
            self.take(TokenKind::Word, blanks);
            let Some(first) = self.rest.chars().next() else {
                return Ok(tokens);
            };
            let token = if first == '"' {
                self.quoted()?
            } else {
                self.word()?
            };
            let position = tokens.len();
            tokens.push(token);
            if position <= 1 && token.kind == TokenKind::Word && self.is_arrow(token, position)? {
                tokens.extend(self.speech());
                return Ok(tokens);
            }
        }
    }

    /// Takes this many bytes from the front.
    fn take(&mut self, kind: TokenKind, bytes: usize) -> Token<'src> {
        let (text, rest) = self.rest.split_at(bytes);
        let place = Place::new(self.line, self.column, text.chars().count());
        self.rest = rest;
        self.column += place.width;
        Token { kind, text, place }
    }

    fn word(&mut self) -> Result<Token<'src>, Error> {
        let end = self.rest.find(|c| is_blank(c) || c == '"');
        let token = self.take(TokenKind::Word, end.unwrap_or(self.rest.len()));
        if let Some((index, stray)) = token.text.chars().enumerate().find(|&(_, c)| is_stray(c)) {
            let place = Place::new(self.line, token.place.column + index, 1);
            return Err(ErrorKind::StrayCharacter(stray).at(place));
        }
        if self.rest.starts_with('"') {
            return Err(ErrorKind::MissingBlank.at(self.point()));
        }
        Ok(token)
    }

    fn quoted(&mut self) -> Result<Token<'src>, Error> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|&(_, c)| {
            let closes = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            closes
        });
        let Some((end, _)) = end else {
            let all = self.take(TokenKind::Quoted, self.rest.len());
            return Err(ErrorKind::UnterminatedString.at(all.place));
        };
        let token = self.take(TokenKind::Quoted, end + 1);
        if self.rest.starts_with(|c| !is_blank(c)) {
            return Err(ErrorKind::MissingBlank.at(self.point()));
        }
        Ok(token)
    }

    /// Whether the rest of the line is speech: after `>` or `<` as the second word.
    fn is_arrow(&self, token: Token<'src>, position: usize) -> Result<bool, Error> {
        let Some(arrow) = token.text.find(['>', '<']) else {
            return Ok(false);
        };
        let alone = token.text.len() == 1;
        match position {
            0 if alone => Err(ErrorKind::MissingSpeaker.at(token.place)),
            1 if alone => Ok(true),
            1 if arrow > 0 => Ok(false),
            _ => {
                let before = token.text[..arrow].chars().count();
                let place = Place::new(self.line, token.place.column + before, 1);
                Err(ErrorKind::MissingSpaceAroundArrow.at(place))
            }
        }
    }

    /// The speech: everything after one blank.
    fn speech(&mut self) -> Option<Token<'src>> {
        let blank = self.rest.chars().next()?;
        self.take(TokenKind::Word, blank.len_utf8());
        (!self.rest.is_empty()).then(|| self.take(TokenKind::Speech, self.rest.len()))
    }

    fn point(&self) -> Place {
        Place::new(self.line, self.column, 1)
    }
}

/// Characters that are not allowed in words because they are invisible or easily confused with
/// others.
fn is_stray(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2060}' | BYTE_ORDER_MARK
        )
        || is_curly_quote(character)
}
