//! Reads TOML files that people write. Mistakes are shown as those in a transcript are.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::classroom::moment::Moment;
use crate::conformance::evidence::shown;
use crate::transcript::{Diagnostic, Place, nearest};

/// Maximum number of mistakes that are collected.
const MOST_MISTAKES: usize = 10_000;

/// A file that is being read, with the mistakes found so far.
#[derive(Debug)]
pub(super) struct Reading<'s> {
    source: &'s str,
    /// Offsets of its lines.
    lines: Vec<usize>,
    mistakes: RefCell<Vec<Diagnostic>>,
}

/// A table, with the keys that were read.
#[derive(Debug)]
pub(super) struct Table<'r> {
    reading: &'r Reading<'r>,
    entries: &'r DeTable<'r>,
    span: Range<usize>,
    /// Its name in messages.
    name: String,
    known: RefCell<Vec<&'static str>>,
}

/// A value and its position.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// Reads `source` with `read`, which returns `None` only after it reported a mistake.
///
/// # Errors
/// Every mistake.
pub(super) fn read<T>(
    source: &str,
    name: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let ends = source.match_indices('\n').map(|(end, _)| end + 1);
    let reading = Reading {
        source,
        lines: [0].into_iter().chain(ends).collect(),
        mistakes: RefCell::new(Vec::new()),
    };
    let value = match DeTable::parse(source) {
        Ok(root) => {
            let table = Table {
                reading: &reading,
                span: 0..0,
                entries: root.get_ref(),
                name: name.to_owned(),
                known: RefCell::new(Vec::new()),
            };
            let value = read(&table);
            table.refuse_unknown_keys();
            value
        }
        Err(error) => {
            let message = match error.message() {
                // What the parser says of a word that begins like `false`.
                said if said.starts_with("invalid boolean") => {
                    "a value is a number, `true`, `false`, a list, or text in quotation marks"
                }
                said => said,
            };
            reading.report(error.span().unwrap_or(0..0), message, "");
            None
        }
    };
    let mistakes = reading.mistakes.into_inner();
    match value {
        Some(value) if mistakes.is_empty() => Ok(value),
        _ => Err(mistakes),
    }
}

impl Reading<'_> {
    fn report(&self, span: Range<usize>, message: &str, label: &str) {
        if self.is_full() {
            return;
        }
        let diagnostic = Diagnostic::new(self.place(span), message).label(label);
        self.mistakes.borrow_mut().push(diagnostic);
    }

    /// Whether there are so many mistakes that another one would not help anybody.
    fn is_full(&self) -> bool {
        self.mistakes.borrow().len() >= MOST_MISTAKES
    }

    fn place(&self, span: Range<usize>) -> Place {
        let line = self.lines.partition_point(|start| *start <= span.start);
        let start = self.lines[line - 1];
        let before = self.source.get(start..span.start).unwrap_or("");
        let column = before.chars().count() + 1;
        let text = self.source.get(span).unwrap_or("");
        let width = text.lines().next().unwrap_or("").chars().count();
        Place::new(line, column, width.max(1))
    }
}

impl<'r> Table<'r> {
    fn entry(&self, key: &'static str) -> Option<&'r Spanned<DeValue<'r>>> {
        self.known.borrow_mut().push(key);
        self.entries.get(key)
    }

    /// Whether it has a key.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Reports a mistake at a position.
    pub fn report(&self, span: Range<usize>, message: &str, label: &str) {
        self.reading.report(span, message, label);
    }

    /// Reports a mistake in the table as a whole.
    pub fn report_all(&self, message: &str) {
        self.report(self.span.clone(), &format!("{}: {message}", self.name), "");
    }

    /// Reports that a key of this table is missing.
    pub fn missing(&self, key: &str) {
        let message = format!("{} has no `{key}`", self.name);
        self.report(self.span.clone(), &message, "it belongs here");
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!("`{}` is {expected}", shown(key.as_bytes()));
        let label = format!("this is a {}", value.get_ref().type_str());
        self.report(value.span(), &message, &label);
    }

    /// A string.
    pub fn text(&self, key: &'static str) -> Option<Placed<String>> {
        let value = self.entry(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(placed(value, text.to_string())),
            _ => {
                self.wrong(key, value, "a string in quotes");
                None
            }
        }
    }

    /// A date and time, as TOML has them or in quotes.
    pub fn moment(&self, key: &'static str) -> Option<Placed<Moment>> {
        let value = self.entry(key)?;
        let moment = match value.get_ref() {
            DeValue::Datetime(datetime) => Moment::read(&datetime.to_string()),
            DeValue::String(text) => Moment::read(text),
            _ => None,
        };
        if moment.is_none() {
            let expected = "a date and time, such as 2021-10-19T23:55:00-04:00";
            self.wrong(key, value, expected);
        }
        moment.map(|moment| placed(value, moment))
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.entry(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.wrong(key, value, "true or false");
                None
            }
        }
    }

    /// A number within bounds.
    pub fn number(&self, key: &'static str, bounds: RangeInclusive<f64>) -> Option<f64> {
        let value = self.entry(key)?;
        self.checked_number(key, value, bounds)
    }

    fn checked_number(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        bounds: RangeInclusive<f64>,
    ) -> Option<f64> {
        let expected = format!("a number from {} to {}", bounds.start(), bounds.end());
        let number: Option<f64> = match value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            DeValue::Float(float) => float.as_str().parse().ok(),
            _ => {
                self.wrong(key, value, &expected);
                return None;
            }
        };
        let within = number.filter(|number| bounds.contains(number));
        if within.is_none() {
            self.report(
                value.span(),
                &format!("`{}` is {expected}", shown(key.as_bytes())),
                "out of bounds",
            );
        }
        within
    }

    /// A list of strings.
    pub fn texts(&self, key: &'static str) -> Option<Vec<Placed<String>>> {
        let value = self.entry(key)?;
        let text = |item: &'r Spanned<DeValue<'r>>| {
            item.get_ref()
                .as_str()
                .map(|text| placed(item, text.to_owned()))
        };
        let texts = value.get_ref().as_array();
        let texts = texts.and_then(|items| items.iter().map(text).collect());
        if texts.is_none() {
            self.wrong(key, value, "a list of strings, such as [\"a\", \"b\"]");
        }
        texts
    }

    /// A table in it.
    pub fn table(&self, key: &'static str) -> Option<Table<'r>> {
        let value = self.entry(key)?;
        let Some(entries) = value.get_ref().as_table() else {
            self.wrong(key, value, &format!("a table: [{key}]"));
            return None;
        };
        Some(self.inner(value, entries, format!("[{key}]")))
    }

    /// A list of tables in it; empty if the key is missing.
    pub fn tables(&self, key: &'static str) -> Vec<Table<'r>> {
        let Some(value) = self.entry(key) else {
            return Vec::new();
        };
        let inner = |item: &'r Spanned<DeValue<'r>>| {
            let entries = item.get_ref().as_table()?;
            Some(self.inner(item, entries, format!("[[{key}]]")))
        };
        let tables = value.get_ref().as_array();
        let tables = tables.and_then(|items| items.iter().map(inner).collect());
        tables.unwrap_or_else(|| {
            self.wrong(key, value, &format!("a list of tables: [[{key}]]"));
            Vec::new()
        })
    }

    fn inner(
        &self,
        value: &'r Spanned<DeValue<'r>>,
        entries: &'r DeTable<'r>,
        name: String,
    ) -> Table<'r> {
        Table {
            reading: self.reading,
            entries,
            span: value.span(),
            name,
            known: RefCell::new(Vec::new()),
        }
    }

    /// Every key with its number, for tables whose keys are not fixed.
    pub fn numbers(&self, bounds: RangeInclusive<f64>) -> Vec<(Placed<String>, f64)> {
        let entries = self.entries.iter().filter_map(|(key, value)| {
            let number = self.checked_number(key.get_ref(), value, bounds.clone())?;
            let key = Placed {
                value: key.get_ref().to_string(),
                span: key.span(),
            };
            Some((key, number))
        });
        entries.collect()
    }

    /// Every key with its string, for tables whose keys are not fixed.
    pub fn named_texts(&self) -> Vec<(String, String)> {
        let entries = self.entries.iter().filter_map(|(key, value)| {
            let text = value.get_ref().as_str();
            if text.is_none() {
                self.wrong(key.get_ref(), value, "a string in quotes");
            }
            Some((key.get_ref().to_string(), text?.to_owned()))
        });
        entries.collect()
    }

    /// Reports every key that was not read: it is misspelt or in the wrong place.
    pub fn refuse_unknown_keys(&self) {
        let known = self.known.borrow();
        for key in self.entries.keys() {
            let word: &str = key.get_ref();
            if known.contains(&word) {
                continue;
            }
            if self.reading.is_full() {
                return;
            }
            let label = match nearest(word, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            let message = format!("{} has no key `{}`", self.name, shown(word.as_bytes()));
            self.report(key.span(), &message, &label);
        }
    }
}

fn placed<T>(value: &Spanned<DeValue<'_>>, inner: T) -> Placed<T> {
    Placed {
        value: inner,
        span: value.span(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::render;

    fn mistakes(source: &str) -> Vec<Diagnostic> {
        let none = read(source, "a file", |_| Some(()));
        none.expect_err("knows no key")
    }

    #[test]
    fn what_is_nested_too_deeply_is_a_mistake() {
        let deep = 100_000;
        for source in [
            format!("a = {}", "[".repeat(deep)),
            format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
            format!("a = {}", "{a=".repeat(deep)),
            format!("{}a = 1", "a.".repeat(deep)),
            format!("[{}a]", "a.".repeat(deep)),
            format!("[[{}a]]", "a.".repeat(deep)),
        ] {
            let mistakes = mistakes(&source);
            let drawn = render("a file", &source, &mistakes, false);
            assert!(drawn.contains("recur"), "{drawn}");
            assert!(drawn.len() < 64 * 1024, "{}", drawn.len());
            let requirements = crate::conformance::suite::requirement::parse_requirements(&source);
            assert!(requirements.is_err_and(|why| why.len() < 64 * 1024));
        }
    }

    #[test]
    fn no_file_makes_us_say_much() {
        let many = |between: &str| {
            let keys = (0..8_000).map(|key| format!("k{key}=1{between}"));
            keys.collect::<String>()
        };
        let long = "x".repeat(60_000);
        for source in [
            many("\n"),
            format!("a = {{{}b=1}}", many(",")),
            format!("{long} = 1"),
            format!("\"{}\" = \"{long}\"", "\u{2028}é".repeat(10_000)),
            format!("a = \"{long}\" {long}"),
        ] {
            let mistakes = mistakes(&source);
            let drawn = render("a file", &source, &mistakes, true);
            assert!(drawn.len() < 64 * 1024, "{}", drawn.len());
        }
        let source = many("\n");
        let drawn = render("a file", &source, &mistakes(&source), false);
        assert!(drawn.contains("a file: and 7950 more mistakes"), "{drawn}");
    }

    #[test]
    fn a_mistake_is_reported_where_it_is() {
        let mistakes = mistakes("\"é\" = 1\n\n  \"ü\" = 2");
        let places: Vec<_> = mistakes.iter().map(|one| (one.line, one.column)).collect();
        assert_eq!(places, [(1, 1), (3, 3)], "{mistakes:?}");
    }
}
