//! Reading the files that people write in TOML, so that a mistake in one is shown as a mistake in a transcript is.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::transcript::{Diagnostic, Place, nearest};

/// A file that is being read; mistakes are collected.
#[derive(Debug)]
pub(super) struct Reading<'s> {
    source: &'s str,
    mistakes: RefCell<Vec<Diagnostic>>,
}

/// A table of it, and which of its keys were asked for.
#[derive(Debug)]
pub(super) struct Table<'r> {
    reading: &'r Reading<'r>,
    entries: &'r DeTable<'r>,
    span: Range<usize>,
    /// As people call it.
    name: String,
    known: RefCell<Vec<&'static str>>,
}

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// Reads `source` with `read`, which gives `None` only where it told a mistake.
///
/// # Errors
/// Every mistake.
pub(super) fn read<T>(
    source: &str,
    name: &str,
    read: impl FnOnce(&Table<'_>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let reading = Reading {
        source,
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
            reading.tell(error.span().unwrap_or(0..0), error.message(), "");
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
    fn tell(&self, span: Range<usize>, message: &str, label: &str) {
        let diagnostic = Diagnostic::new(self.place(span), message).label(label);
        self.mistakes.borrow_mut().push(diagnostic);
    }

    fn place(&self, span: Range<usize>) -> Place {
        let before = self.source.get(..span.start).unwrap_or(self.source);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
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

    /// Tells a mistake at a place.
    pub fn tell(&self, span: Range<usize>, message: &str, label: &str) {
        self.reading.tell(span, message, label);
    }

    /// Tells a mistake in the table as a whole.
    pub fn tell_of_all(&self, message: &str) {
        self.tell(self.span.clone(), &format!("{}: {message}", self.name), "");
    }

    /// Tells that a key of this table is missing.
    pub fn missing(&self, key: &str) {
        let message = format!("{} has no `{key}`", self.name);
        self.tell(self.span.clone(), &message, "it belongs here");
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!("`{key}` is {expected}");
        let label = format!("this is a {}", value.get_ref().type_str());
        self.tell(value.span(), &message, &label);
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Option<Placed<String>> {
        let value = self.entry(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(placed(value, text.to_string())),
            _ => {
                self.wrong(key, value, "a text in quotes");
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
            self.tell(
                value.span(),
                &format!("`{key}` is {expected}"),
                "out of bounds",
            );
        }
        within
    }

    /// A list of texts.
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
            self.wrong(key, value, "a list of texts, such as [\"a\", \"b\"]");
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

    /// A list of tables in it; empty where there is none.
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

    /// Every key with its number: for tables whose keys are not fixed.
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

    /// Every key with its text: for tables whose keys are not fixed.
    pub fn named_texts(&self) -> Vec<(String, String)> {
        let entries = self.entries.iter().filter_map(|(key, value)| {
            let text = value.get_ref().as_str();
            if text.is_none() {
                self.wrong(key.get_ref(), value, "a text in quotes");
            }
            Some((key.get_ref().to_string(), text?.to_owned()))
        });
        entries.collect()
    }

    /// Tells every key that nobody asked for: it is misspelt, or stands in the wrong place.
    pub fn refuse_unknown_keys(&self) {
        let known = self.known.borrow();
        for key in self.entries.keys() {
            let word: &str = key.get_ref();
            if known.contains(&word) {
                continue;
            }
            let label = match nearest(word, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("there are: {}", known.join(", ")),
            };
            let message = format!("{} has no key `{word}`", self.name);
            self.tell(key.span(), &message, &label);
        }
    }
}

fn placed<T>(value: &Spanned<DeValue<'_>>, inner: T) -> Placed<T> {
    Placed {
        value: inner,
        span: value.span(),
    }
}
