use super::place::Place;

/// A word of a line and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'src> {
    pub(super) kind: TokenKind,
    /// As written, quotes and escapes included.
    pub(super) text: &'src str,
    pub(super) place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Characters that are neither blanks nor quotes.
    Word,
    /// A string in double quotes.
    Quoted,
    /// The text after `>` or `<`: a line of the protocol, byte for byte, with trailing blanks.
    Speech,
}

/// Quotation marks that word processors insert.
pub(super) fn is_curly_quote(character: char) -> bool {
    matches!(character, '\u{2018}'..='\u{201f}' | '«' | '»')
}
