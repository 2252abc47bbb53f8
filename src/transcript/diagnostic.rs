use super::place::Place;

/// Something to say about a place of a transcript: an error in it, or a step of it that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Line of the place that it is about, from 1.
    pub line: usize,
    /// Column of that place in characters, from 1.
    pub column: usize,
    /// How many characters are underlined; cut at the line's end.
    pub width: usize,
    /// What is wrong, in one line.
    pub message: String,
    /// What is written beside the caret: what would have been right there.
    pub label: String,
    /// Other places that have to do with it, each with its own words.
    pub related: Vec<(Place, String)>,
    /// What is written below: how to put it right, and what else to know.
    pub notes: Vec<Note>,
}

/// A line below the drawn place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What to do.
    Help(String),
    /// What else is known.
    Note(String),
}

impl Diagnostic {
    /// Says `message` about a place.
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

    /// Writes `label` beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Shows another place with its own label.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Help(text.into()));
        self
    }

    /// Adds a line that says what else is known.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(Note::Note(text.into()));
        self
    }

    /// The place that it is about.
    pub fn place(&self) -> Place {
        Place::new(self.line, self.column, self.width)
    }
}
