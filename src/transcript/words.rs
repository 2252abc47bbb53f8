use super::error::{Error, ErrorKind};
use super::literal;
use super::place::Place;
use super::token::{Token, TokenKind};

/// The words of a step that are not parsed yet, from left to right.
pub(super) struct Words<'t, 'src> {
    rest: &'t [Token<'src>],
    /// The last token taken.
    last: Token<'src>,
}

impl<'t, 'src> Words<'t, 'src> {
    /// The words after `first`.
    pub(super) fn behind(first: Token<'src>, rest: &'t [Token<'src>]) -> Self {
        Self { rest, last: first }
    }

    pub(super) fn next(&mut self) -> Option<Token<'src>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.last = *first;
        Some(*first)
    }

    pub(super) fn peek(&self) -> Option<Token<'src>> {
        self.rest.first().copied()
    }

    /// The last token taken. Errors about it point there.
    pub(super) fn last(&self) -> Token<'src> {
        self.last
    }

    /// Takes the next token if it is `word`. Returns whether it was.
    pub(super) fn takes(&mut self, word: &str) -> bool {
        let taken = self.peek().is_some_and(|token| is_word(token, word));
        if taken {
            self.next();
        }
        taken
    }

    /// Takes all words of `phrase`.
    pub(super) fn expect(&mut self, phrase: &'static str) -> Result<(), Error> {
        for word in phrase.split(' ') {
            if !self.takes(word) {
                return Err(self.expected(format!("`{word}`")));
            }
        }
        Ok(())
    }

    /// Takes a word that `meaning` accepts.
    pub(super) fn choice<T>(
        &mut self,
        wanted: &str,
        meaning: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let token = self.peek().filter(|token| token.kind == TokenKind::Word);
        let Some(chosen) = token.and_then(|token| meaning(token.text)) else {
            return Err(self.expected(wanted.into()));
        };
        self.next();
        Ok(chosen)
    }

    /// Takes a quoted string and returns its bytes.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        match self.peek() {
            Some(token) if token.kind == TokenKind::Quoted => {
                self.next();
                literal::bytes(token)
            }
            _ => Err(self.expected("a string in double quotes".into())),
        }
    }

    /// Takes a quoted string of at least one byte.
    pub(super) fn some_bytes(&mut self) -> Result<Vec<u8>, Error> {
        let bytes = self.bytes()?;
        if bytes.is_empty() {
            return Err(ErrorKind::EmptyString.at(self.last.place));
        }
        Ok(bytes)
    }

    /// Takes a whole number from 1 to `limit`. For a greater one, the error says `why_not`.
    pub(super) fn number(&mut self, limit: u32, why_not: &'static str) -> Result<u32, Error> {
        match self.peek() {
            Some(token) if is_number(token) => {
                self.next();
                number(token, limit, why_not)
            }
            _ => Err(self.expected("a whole number, digits only".into())),
        }
    }

    /// Checks that no words are left.
    pub(super) fn end(&self) -> Result<(), Error> {
        let Some(extra) = self.rest.first() else {
            return Ok(());
        };
        let last = self.rest.last().unwrap_or(extra).place;
        let width = last.column + last.width - extra.place.column;
        let place = Place::new(extra.place.line, extra.place.column, width);
        Err(ErrorKind::TrailingWords(extra.text.into()).at(place))
    }

    /// An error that says that `wanted` is expected here.
    pub(super) fn expected(&self, wanted: String) -> Error {
        match self.peek() {
            Some(token) => ErrorKind::Expected {
                wanted,
                found: token.text.into(),
            }
            .at(token.place),
            None => ErrorKind::Missing(wanted).at(self.last.place.behind()),
        }
    }
}

fn is_word(token: Token<'_>, word: &str) -> bool {
    token.kind == TokenKind::Word && token.text == word
}

fn is_number(token: Token<'_>) -> bool {
    token.kind == TokenKind::Word && token.text.chars().all(|c| c.is_ascii_digit())
}

/// Converts a token of digits to a number from 1 to `limit`.
pub(super) fn number(token: Token<'_>, limit: u32, why_not: &'static str) -> Result<u32, Error> {
    match token.text.parse() {
        Ok(0) => Err(ErrorKind::Zero.at(token.place)),
        Ok(number) if number <= limit => Ok(number),
        _ => Err(ErrorKind::TooMuch(why_not).at(token.place)),
    }
}
