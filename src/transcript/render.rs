use super::diagnostic::{Diagnostic, Note};
use super::lexer::BYTE_ORDER_MARK;
use super::place::Place;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use std::borrow::Cow;
use std::ops::Range;

/// Maximum number of diagnostics to draw.
const MAX_DRAWN: usize = 50;
/// After this many bytes, no further diagnostic is drawn. One takes at most a few KB, so the total
/// stays below 64 KiB.
const MAX_TEXT: usize = 40 * 1024;
/// Maximum length of a message, a label or a note, in characters.
const MAX_MESSAGE: usize = 500;
/// Maximum length of a line to draw in full. Longer lines are cut around the place.
const MAX_LINE: usize = 400;
/// Maximum distance in lines at which a related place is drawn. Others are only named.
const MAX_DISTANCE: usize = 500;
/// The part of a long line to draw: characters before the place, and after its start.
const DRAWN_BEFORE: usize = 40;
const DRAWN_AFTER: usize = 100;

/// Draws each diagnostic beside the text, as compilers do. If there are many, it draws the first
/// ones and says how many more there are.
///
/// No control character from the text or the diagnostics reaches the terminal.
pub fn render(file_name: &str, source: &str, diagnostics: &[Diagnostic], colour: bool) -> String {
    let source = Source::new(source);
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut drawn = String::new();
    for (index, diagnostic) in diagnostics.iter().enumerate() {
        if index == MAX_DRAWN || drawn.len() > MAX_TEXT {
            let more = diagnostics.len() - index;
            let noun = if more == 1 { "mistake" } else { "mistakes" };
            drawn.push_str(&format!(
                "\n{}: and {more} more {noun}\n",
                harmless(file_name)
            ));
            break;
        }
        if index > 0 {
            drawn.push('\n');
        }
        drawn.push_str(&draw(file_name, &source, diagnostic, &renderer));
        drawn.push('\n');
    }
    drawn
}

fn draw(
    file_name: &str,
    source: &Source<'_>,
    diagnostic: &Diagnostic,
    renderer: &Renderer,
) -> String {
    let is_near = |place: Place| diagnostic.line.abs_diff(place.line) <= MAX_DISTANCE;
    let (near, far): (Vec<_>, Vec<_>) = diagnostic
        .related
        .iter()
        .partition(|(place, _)| is_near(*place));
    let excerpt = source.excerpt(diagnostic.place(), near.iter().map(|(place, _)| *place));
    let primary = AnnotationKind::Primary
        .span(excerpt.range(diagnostic.place()))
        .label(harmless(&diagnostic.label));
    let related = near.iter().map(|(place, label)| {
        AnnotationKind::Context
            .span(excerpt.range(*place))
            .label(harmless(label))
    });
    let notes = diagnostic.notes.iter().map(|note| match note {
        Note::Help(text) => Level::HELP.message(harmless(text)),
        Note::Note(text) => Level::NOTE.message(harmless(text)),
    });
    let far = far.iter().map(|(place, label)| {
        let text = format!("line {}: {label}", place.line);
        Level::NOTE.message(harmless(&text))
    });
    let snippet = Snippet::source(excerpt.text())
        .line_start(excerpt.first + 1)
        .path(harmless(file_name))
        .annotation(primary)
        .annotations(related);
    let group = Level::ERROR
        .primary_title(harmless(&diagnostic.message))
        .element(snippet)
        .elements(far.chain(notes));
    renderer.render(&[group])
}

/// Replaces every control character by a visible one and shortens long texts.
fn harmless(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => normalize_untrusted_str(&without_c1_controls(&text[..end])) + "...",
        None => normalize_untrusted_str(&without_c1_controls(text)),
    }
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

/// A text and the byte ranges of its lines.
struct Source<'src> {
    text: Cow<'src, str>,
    /// The range of each line, without its end.
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

    /// The lines of these places and the lines between them. Long lines are cut, since drawing
    /// takes time for every byte.
    fn excerpt(&self, place: Place, others: impl Iterator<Item = Place>) -> Excerpt {
        let mut places = vec![(self.index(place), place)];
        places.extend(others.map(|other| (self.index(other), other)));
        let first = places.iter().map(|(line, _)| *line).min().unwrap_or(0);
        let last = places.iter().map(|(line, _)| *line).max().unwrap_or(0);
        let mut excerpt = Excerpt {
            first,
            text: String::new(),
            lines: Vec::new(),
        };
        for index in first..=last {
            let place = places.iter().find(|(line, _)| *line == index);
            let column = place.map_or(0, |(_, place)| place.column);
            excerpt.push(&self.text[self.lines[index].clone()], column);
        }
        excerpt
    }

    /// Index of the line of a place. For a place outside the text, the nearest line.
    fn index(&self, place: Place) -> usize {
        place.line.saturating_sub(1).min(self.lines.len() - 1)
    }
}

/// Lines of a text as they are drawn.
struct Excerpt {
    /// Index of the first line in the whole text.
    first: usize,
    text: String,
    lines: Vec<Shown>,
}

/// A line of an excerpt.
struct Shown {
    /// Its byte range in the excerpt.
    bytes: Range<usize>,
    /// Number of characters omitted at its start. A mark stands for them.
    left_out: usize,
}

impl Excerpt {
    fn text(&self) -> &str {
        &self.text
    }

    /// Adds a line. A long line is cut around a column.
    fn push(&mut self, line: &str, column: usize) {
        if !self.lines.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len();
        let mut left_out = 0;
        if line.char_indices().nth(MAX_LINE).is_none() {
            self.text.push_str(line);
        } else {
            let byte = |character: usize| {
                let found = line.char_indices().nth(character);
                found.map_or(line.len(), |(byte, _)| byte)
            };
            let from = column.saturating_sub(DRAWN_BEFORE);
            let (begin, end) = (byte(from), byte(column.saturating_add(DRAWN_AFTER)));
            if from > 0 {
                self.text.push(LEFT_OUT);
                // The mark replaces one character.
                left_out = from - 1;
            }
            self.text.push_str(&line[begin..end]);
            if end < line.len() {
                self.text.push(LEFT_OUT);
            }
        }
        self.lines.push(Shown {
            bytes: start..self.text.len(),
            left_out,
        });
    }

    /// Byte range of a place in the excerpt, without the parts that are not drawn.
    fn range(&self, place: Place) -> Range<usize> {
        let index = place.line.saturating_sub(1).saturating_sub(self.first);
        let shown = &self.lines[index.min(self.lines.len() - 1)];
        let line = &self.text[shown.bytes.clone()];
        let byte = |characters: usize| {
            let drawn = characters.saturating_sub(shown.left_out);
            let found = line.char_indices().nth(drawn);
            shown.bytes.start + found.map_or(line.len(), |(byte, _)| byte)
        };
        let first = place.column.saturating_sub(1);
        byte(first)..byte(first.saturating_add(place.width))
    }
}

/// Marks an omitted part of a line.
const LEFT_OUT: char = '…';
