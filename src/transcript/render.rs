use super::diagnostic::{Diagnostic, Note};
use super::lexer::BYTE_ORDER_MARK;
use super::place::Place;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use std::borrow::Cow;
use std::ops::Range;

/// Draws each diagnostic beside the text that it is about, as a compiler does.
///
/// Nothing in the text or in the diagnostics reaches the terminal as a control character.
pub fn render(file_name: &str, source: &str, diagnostics: &[Diagnostic], colour: bool) -> String {
    let source = Source::new(source);
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    diagnostics
        .iter()
        .map(|diagnostic| draw(file_name, &source, diagnostic, &renderer) + "\n")
        .collect::<Vec<_>>()
        .join("\n")
}

fn draw(
    file_name: &str,
    source: &Source<'_>,
    diagnostic: &Diagnostic,
    renderer: &Renderer,
) -> String {
    let related = diagnostic.related.iter().map(|(place, _)| *place);
    let excerpt = source.excerpt(diagnostic.place(), related);
    let primary = AnnotationKind::Primary
        .span(excerpt.range(diagnostic.place()))
        .label(harmless(&diagnostic.label));
    let related = diagnostic.related.iter().map(|(place, label)| {
        AnnotationKind::Context
            .span(excerpt.range(*place))
            .label(harmless(label))
    });
    let notes = diagnostic.notes.iter().map(|note| match note {
        Note::Help(text) => Level::HELP.message(harmless(text)),
        Note::Note(text) => Level::NOTE.message(harmless(text)),
    });
    let snippet = Snippet::source(excerpt.text())
        .line_start(excerpt.first + 1)
        .path(harmless(file_name))
        .annotation(primary)
        .annotations(related);
    let group = Level::ERROR
        .primary_title(harmless(&diagnostic.message))
        .element(snippet)
        .elements(notes);
    renderer.render(&[group])
}

/// A text with every control character replaced by a visible one.
fn harmless(text: &str) -> String {
    normalize_untrusted_str(&without_c1_controls(text))
}

/// The renderer shows control characters as pictures, except for these, which have none.
fn without_c1_controls(text: &str) -> Cow<'_, str> {
    let is_c1 = |c| matches!(c, '\u{80}'..='\u{9f}');
    if text.contains(is_c1) {
        text.replace(is_c1, "\u{fffd}").into()
    } else {
        text.into()
    }
}

/// A text and where its lines are, to turn places into ranges of bytes.
struct Source<'src> {
    text: Cow<'src, str>,
    /// Of each line, without its end.
    lines: Vec<Range<usize>>,
}

impl<'src> Source<'src> {
    fn new(text: &'src str) -> Self {
        let text = without_c1_controls(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
        let mut start = 0;
        let lines = text.split('\n').map(|line| {
            let range = start..start + line.trim_end_matches('\r').len();
            start += line.len() + 1;
            range
        });
        let lines = lines.collect();
        Self { text, lines }
    }

    /// The lines that these places are on, and those between them: drawing takes as long as the
    /// text that it looks through.
    fn excerpt(&self, place: Place, others: impl Iterator<Item = Place>) -> Excerpt<'_> {
        let index = self.index(place);
        let (first, last) = others
            .map(|other| self.index(other))
            .fold((index, index), |(first, last), other| {
                (first.min(other), last.max(other))
            });
        Excerpt {
            source: self,
            first,
            last,
        }
    }

    /// Which line a place is on; of a place that is not in the text, the nearest.
    fn index(&self, place: Place) -> usize {
        place.line.saturating_sub(1).min(self.lines.len() - 1)
    }
}

/// Some lines of a text: their indices, both included.
struct Excerpt<'src> {
    source: &'src Source<'src>,
    first: usize,
    last: usize,
}

impl<'src> Excerpt<'src> {
    fn text(&self) -> &'src str {
        let lines = &self.source.lines;
        &self.source.text[lines[self.first].start..lines[self.last].end]
    }

    /// The bytes of a place, from the excerpt's first; what is beyond the line's end is cut.
    fn range(&self, place: Place) -> Range<usize> {
        let bytes = self.source.lines[self.source.index(place)].clone();
        let line = &self.source.text[bytes.clone()];
        let offset = bytes.start - self.source.lines[self.first].start;
        let byte = |characters: usize| {
            let found = line.char_indices().nth(characters);
            offset + found.map_or(line.len(), |(byte, _)| byte)
        };
        let first = place.column.saturating_sub(1);
        byte(first)..byte(first.saturating_add(place.width))
    }
}
