/// A range of characters on one line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column of the first character, from 1, in characters.
    pub column: usize,
    /// Number of characters. 0 means a point. A range that extends beyond the end of its line is
    /// cut there.
    pub width: usize,
}

impl Place {
    /// A range of `width` characters starting at `line` and `column`, both from 1.
    pub fn new(line: usize, column: usize, width: usize) -> Self {
        Self {
            line,
            column,
            width,
        }
    }

    /// The point just after this range, where something is missing.
    pub(super) fn behind(self) -> Self {
        Self::new(self.line, self.column.saturating_add(self.width), 1)
    }
}
