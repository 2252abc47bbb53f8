use super::diagnostic::Diagnostic;
use super::lexer::{Content, lines};
use super::parser::parse;
use super::token::Token;

/// Formats a transcript without changing its meaning, or returns all errors in it.
///
/// The format: one space between words, arrows of neighbouring lines aligned, at most one blank
/// line in a row, and `covers` right after the sentence, followed by a blank line.
pub fn format(source: &str) -> Result<String, Vec<Diagnostic>> {
    parse("", source)?;
    let mut layout = Layout::default();
    for line in lines(source) {
        match line.content {
            Content::Blank => layout.pause(),
            Content::Comment(text) => layout.comment(text),
            Content::Words(tokens) => layout.words(&tokens),
            Content::Unreadable(..) => unreachable!("a line without tokens does not parse"),
        }
    }
    Ok(layout.finish())
}

#[derive(Default)]
struct Layout {
    text: String,
    /// Whether to put a blank line before the next line.
    pause: bool,
    /// Neighbouring lines with arrows: the actor, and the arrow with the text after it.
    speeches: Vec<(String, String)>,
}

impl Layout {
    fn pause(&mut self) {
        self.flush_speeches();
        self.pause = !self.text.is_empty();
    }

    fn comment(&mut self, text: &str) {
        let space = if text.is_empty() || text.starts_with([' ', '\t']) {
            ""
        } else {
            " "
        };
        self.line(&format!("#{space}{text}"));
    }

    fn words(&mut self, tokens: &[Token<'_>]) {
        let texts: Vec<&str> = tokens.iter().map(|token| token.text).collect();
        match texts[..] {
            ["covers", ..] => {
                self.pause = false;
                self.line(&texts.join(" "));
                self.pause();
            }
            [actor, ">" | "<", ..] => {
                self.speeches.push((actor.to_owned(), texts[1..].join(" ")));
            }
            _ => self.line(&texts.join(" ")),
        }
    }

    fn line(&mut self, line: &str) {
        self.flush_speeches();
        self.push(line);
    }

    fn push(&mut self, line: &str) {
        if std::mem::take(&mut self.pause) {
            self.text.push('\n');
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Writes the neighbouring lines with aligned arrows.
    fn flush_speeches(&mut self) {
        let speeches = std::mem::take(&mut self.speeches);
        let width = speeches.iter().map(|(actor, _)| actor.len()).max();
        for (actor, spoken) in &speeches {
            self.push(&format!("{actor:0$} {spoken}", width.unwrap_or(0)));
        }
    }

    fn finish(mut self) -> String {
        self.flush_speeches();
        self.text
    }
}
