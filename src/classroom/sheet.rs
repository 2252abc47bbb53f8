//! Tables in CSV files. Changing a cell changes no other byte of the file: systems compare what they get back with what
//! they gave out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::names::composed;

/// Maximum number of cells of a table.
const MOST_CELLS: usize = 4_000_000;

/// A table, with the bytes that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    source: String,
    separator: char,
    rows: Vec<Row>,
    changes: BTreeMap<(usize, usize), String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    /// Number of its first line, from 1.
    line: usize,
    cells: Vec<Range<usize>>,
}

impl Sheet {
    /// Reads a table.
    ///
    /// # Errors
    /// It is not UTF-8, or has a quote that is never closed.
    pub fn parse(bytes: Vec<u8>) -> Result<Sheet, String> {
        if bytes.starts_with(b"PK") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
            return Err("is a workbook; save it as CSV (UTF-8)".to_owned());
        }
        let source = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to() + 1;
            format!("is not UTF-8: see byte {at}; save it as CSV (UTF-8)")
        })?;
        let separator = separator_of(&source);
        let rows = rows_of(&source, separator)?;
        Ok(Sheet {
            source,
            separator,
            rows,
            changes: BTreeMap::new(),
        })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The line of the file on which a row begins, from 1.
    pub fn line(&self, row: usize) -> usize {
        self.rows.get(row).map_or(0, |row| row.line)
    }

    /// Number of cells in a row.
    pub fn width(&self, row: usize) -> usize {
        self.rows.get(row).map_or(0, |row| row.cells.len())
    }

    /// The text of a cell as the file has it, without quotes; empty if there is no such cell.
    pub fn text(&self, row: usize, column: usize) -> Cow<'_, str> {
        let cell = self.rows.get(row).and_then(|row| row.cells.get(column));
        let Some(written) = cell.and_then(|cell| self.source.get(cell.clone())) else {
            return Cow::Borrowed("");
        };
        let trimmed = written.trim();
        match trimmed
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
        {
            Some(inner) if inner.contains("\"\"") => Cow::Owned(inner.replace("\"\"", "\"")),
            Some(inner) => Cow::Borrowed(inner),
            None => Cow::Borrowed(trimmed),
        }
    }

    /// The column of this row whose text is one of `names`, compared without case; the first name wins.
    pub fn column(&self, row: usize, names: &[&str]) -> Option<usize> {
        let heading = |column: usize| composed(&self.text(row, column)).to_lowercase();
        let headings: Vec<String> = (0..self.width(row)).map(heading).collect();
        names
            .iter()
            .find_map(|name| headings.iter().position(|heading| heading == name))
    }

    /// Sets the text of a cell. The row must exist; missing cells before it are added empty.
    pub fn set(&mut self, row: usize, column: usize, text: String) {
        if self.text(row, column) != text.as_str() {
            self.changes.insert((row, column), text);
        }
    }

    /// The file, with the changed cells and otherwise as it was.
    pub fn written(&self) -> Vec<u8> {
        let mut written = String::with_capacity(self.source.len() + 16 * self.changes.len());
        let mut copied = 0;
        // Cells that were added to the end of a row: the row, and its width by then.
        let mut added = (0, 0);
        for ((row, column), text) in &self.changes {
            let Some(cells) = self.rows.get(*row).map(|row| &row.cells) else {
                continue;
            };
            let last = cells.last().map_or(copied, |cell| cell.end);
            let place = cells.get(*column).cloned().unwrap_or(last..last);
            written.push_str(&self.source[copied..place.start]);
            if *column >= cells.len() {
                let width = if added.0 == *row { added.1 } else { 0 };
                let missing = column + 1 - width.max(cells.len());
                written.extend(std::iter::repeat_n(self.separator, missing));
                added = (*row, column + 1);
            }
            let was_quoted = self.source[place.clone()].trim_start().starts_with('"');
            written.push_str(&self.quoted(text, was_quoted));
            copied = place.end;
        }
        written.push_str(&self.source[copied..]);
        written.into_bytes()
    }

    fn quoted(&self, text: &str, was_quoted: bool) -> String {
        let needs_it = text.contains(['"', '\n', '\r', self.separator])
            || text.starts_with(' ')
            || text.ends_with(' ');
        if was_quoted || needs_it {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    }
}

/// What tables are separated by; the first is the usual one.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The most frequent separator in the first lines, outside of quoted cells.
fn separator_of(source: &str) -> char {
    let beginning: String = source.split_inclusive('\n').take(5).collect();
    // What stands between two quotation marks is a cell, and a doubled one changes nothing.
    let outside: String = beginning.split('"').step_by(2).collect();
    let count = |separator: char| outside.matches(separator).count();
    let most = SEPARATORS.into_iter().rev().max_by_key(|one| count(*one));
    most.unwrap_or(SEPARATORS[0])
}

fn rows_of(source: &str, separator: char) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut count = 0;
    // A byte order mark is not part of the first heading.
    let first = if source.starts_with('\u{feff}') { 3 } else { 0 };
    let mut start = first;
    let mut line = 1;
    let mut row = Row {
        line,
        cells: Vec::new(),
    };
    let mut is_quoted = false;
    let mut opened_at = 1;
    for (at, letter) in source.char_indices().skip_while(|(at, _)| *at < first) {
        match letter {
            '"' if is_quoted => is_quoted = false,
            '"' => {
                // A quote inside a word is only a letter; a doubled one opens the quotes again.
                let before = source[start..at].trim_start();
                if before.is_empty() || before.starts_with('"') {
                    is_quoted = true;
                    opened_at = line;
                }
            }
            '\n' if is_quoted => line += 1,
            '\n' => {
                line += 1;
                let end = if source[start..at].ends_with('\r') {
                    at - 1
                } else {
                    at
                };
                row.cells.push(start..end);
                start = at + 1;
                let next = Row {
                    line,
                    cells: Vec::new(),
                };
                rows.push(std::mem::replace(&mut row, next));
            }
            letter if letter == separator && !is_quoted => {
                count += 1;
                if count > MOST_CELLS {
                    return Err(format!("has more than {MOST_CELLS} cells"));
                }
                row.cells.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    if is_quoted {
        return Err(format!("line {opened_at}: the quote is never closed"));
    }
    if start < source.len() || !row.cells.is_empty() {
        row.cells.push(start..source.len());
        rows.push(row);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sheet(text: &str) -> Sheet {
        Sheet::parse(text.as_bytes().to_vec()).expect("is a table")
    }

    fn written(sheet: &Sheet) -> String {
        String::from_utf8(sheet.written()).expect("is text")
    }

    #[test]
    fn one_cell_changes_and_nothing_else() {
        let source =
            "\u{feff}\"ID\" , Name,grade\r\n1,\"O\"\"Brien, S\",\"\"\r\n\r\n2,\"a\nb\"\r\n3,x,7";
        let mut table = sheet(source);
        assert_eq!(written(&table), source);
        assert_eq!(table.len(), 5);
        assert_eq!(table.column(0, &["id"]), Some(0));
        assert_eq!(table.text(1, 1), "O\"Brien, S");
        assert_eq!((table.text(3, 1), table.line(4)), ("a\nb".into(), 6));
        table.set(1, 2, "97.73".to_owned());
        table.set(3, 2, "5".to_owned());
        table.set(4, 2, "say \"hi\"".to_owned());
        assert_eq!(
            written(&table),
            "\u{feff}\"ID\" , Name,grade\r\n1,\"O\"\"Brien, S\",\"97.73\"\r\n\r\n2,\"a\nb\",5\r\n3,x,\"say \"\"hi\"\"\""
        );
        let mut semicolons = sheet("id;grade;x\n1;;a,b\n");
        semicolons.set(1, 1, "2,5".to_owned());
        assert_eq!(written(&semicolons), "id;grade;x\n1;2,5;a,b\n");
        let mut short = sheet("a,b,c,d\n1\n");
        short.set(1, 2, "x".to_owned());
        short.set(1, 3, "y".to_owned());
        assert_eq!(written(&short), "a,b,c,d\n1,,x,y\n");
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        let why = |bytes: &[u8]| Sheet::parse(bytes.to_vec()).expect_err("is wrong");
        assert_eq!(why(b"a\n\"b\nc"), "line 2: the quote is never closed");
        assert!(why(b"PK\x03\x04").contains("save it as CSV"));
        assert!(why(b"M\xfcller").contains("see byte 2"));
    }

    #[test]
    fn what_stands_in_quoted_cells_is_no_separator() {
        let sheet = |source: &str| Sheet::parse(source.into()).expect("is a table");
        assert_eq!(sheet("\";;;\",\"\",\"\"\n").separator, ',');
        assert_eq!(sheet("a;\"b,c,d\"\n").separator, ';');
        assert_eq!(sheet("only one\n").separator, ',');
    }

    proptest! {
        #[test]
        fn a_changed_cell_is_read_back_and_the_others_stay(
            cells in prop::collection::vec(prop::collection::vec("[a-z,\" \n]{0,6}", 3), 1..5),
            row in 0usize..5,
            column in 0usize..3,
            text in "[a-z,\"\n;]{0,8}",
        ) {
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let lines: Vec<String> = cells
                .iter()
                .map(|cells| cells.iter().map(quoted).collect::<Vec<_>>().join(","))
                .collect();
            let source = lines.join("\n") + "\n";
            let before = Sheet::parse(source.clone().into_bytes()).expect("is a table");
            prop_assert_eq!(before.written(), source.into_bytes());
            prop_assume!(row < before.len() && before.separator == ',');
            let mut after = before.clone();
            after.set(row, column, text.clone());
            let after = Sheet::parse(after.written()).expect("is a table");
            prop_assert_eq!(after.len(), before.len());
            for at in 0..before.len() {
                for cell in 0..3 {
                    if (at, cell) == (row, column) {
                        prop_assert_eq!(after.text(at, cell), text.as_str());
                    } else {
                        prop_assert_eq!(after.text(at, cell), before.text(at, cell));
                    }
                }
            }
        }
    }
}
