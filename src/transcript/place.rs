/// A stretch of characters on one line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The first character's column, from 1, in characters.
    pub column: usize,
    /// How many characters; 0 is a point, and what reaches beyond the line's end is cut there.
    pub width: usize,
}

impl Place {
    /// The stretch of `width` characters that begins at `line` and `column`, both from 1.
    pub fn new(line: usize, column: usize, width: usize) -> Self {
        Self {
            line,
            column,
            width,
        }
    }

    /// The point just behind this stretch, where something is missing.
    pub(super) fn behind(self) -> Self {
        Self::new(self.line, self.column.saturating_add(self.width), 1)
    }
}
