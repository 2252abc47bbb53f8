use super::place::Place;

/// A word of a line, and where it stands, so that any token can be pointed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'src> {
    pub(super) kind: TokenKind,
    /// As written, quotes and escapes included.
    pub(super) text: &'src str,
    pub(super) place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A run of characters that are neither blank nor quote.
    Word,
    /// A string in double quotes.
    Quoted,
    /// What follows `>` or `<`: a line of the protocol, byte for byte, trailing blanks included.
    Speech,
}
