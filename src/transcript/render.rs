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
    let primary = AnnotationKind::Primary
        .span(source.range(diagnostic.place()))
        .label(harmless(&diagnostic.label));
    let related = diagnostic.related.iter().map(|(place, label)| {
        AnnotationKind::Context
            .span(source.range(*place))
            .label(harmless(label))
    });
    let notes = diagnostic.notes.iter().map(|note| match note {
        Note::Help(text) => Level::HELP.message(harmless(text)),
        Note::Note(text) => Level::NOTE.message(harmless(text)),
    });
    let snippet = Snippet::source(source.text.as_ref())
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

/// A text and where its lines begin, to turn places into ranges of bytes.
struct Source<'src> {
    text: Cow<'src, str>,
    line_starts: Vec<usize>,
}

impl<'src> Source<'src> {
    fn new(text: &'src str) -> Self {
        let text = without_c1_controls(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text));
        let after_ends = text.match_indices('\n').map(|(end, _)| end + 1);
        let line_starts = std::iter::once(0).chain(after_ends).collect();
        Self { text, line_starts }
    }

    /// The bytes of a place; of a place that is not in the text, the nearest that are.
    fn range(&self, place: Place) -> Range<usize> {
        let index = place.line.saturating_sub(1).min(self.line_starts.len() - 1);
        let start = self.line_starts[index];
        let end = self.line_starts.get(index + 1).map(|next| next - 1);
        let line = self.text[start..end.unwrap_or(self.text.len())].trim_end_matches('\r');
        let byte = |characters: usize| {
            let found = line.char_indices().nth(characters);
            start + found.map_or(line.len(), |(byte, _)| byte)
        };
        let first = place.column.saturating_sub(1);
        byte(first)..byte(first.saturating_add(place.width))
    }
}
