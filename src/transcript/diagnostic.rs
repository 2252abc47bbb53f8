use super::place::Place;

/// A message about a place in a transcript: an error in it, or a failed step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in characters, from 1.
    pub column: usize,
    /// Number of characters to underline. Cut at the end of the line.
    pub width: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// The text beside the caret: what was expected there.
    pub label: String,
    /// Related places, each with a text of its own.
    pub related: Vec<(Place, String)>,
    /// Lines below the excerpt: how to fix it, and further information.
    pub notes: Vec<Note>,
}

/// A line below the excerpt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What to do.
    Help(String),
    /// Further information.
    Note(String),
}

impl Diagnostic {
    /// A diagnostic with a message about a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            line: place.line,
            column: place.column,
            width: place.width,
            message: message.into(),
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Sets the text beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds a related place with its own text.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    /// Adds a line that says how to fix it.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Help(text.into()));
        self
    }

    /// Adds a line with further information.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Note(text.into()));
        self
    }

    /// The place of the diagnostic.
    pub fn place(&self) -> Place {
        Place::new(self.line, self.column, self.width)
    }
}
