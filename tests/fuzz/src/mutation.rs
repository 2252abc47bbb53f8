//! Random changes of inputs.

use fastrand::Rng;
use serde_json::Value;

/// Bytes that mean something to one of the readers.
const BYTES: &[u8] = b"\0\n\r\t \"'\\/:@#=[]{}<>,.-+0129aZ\x1b\x7f\x80\xc3\xe2\xff";
/// Texts that break readers and reports.
const TEXTS: [&str; 8] = [
    "",
    "../..",
    "\u{1b}]0;x\u{7}\u{9b}31m\r",
    "\u{202e}\u{2028}\u{feff}é👍\u{301}",
    "]]>&\"'</script>",
    "a\nnot ok 1\n\n",
    "C:\\%s{0}$(x)`x`",
    "\0",
];
/// Maximum length of a changed input, in bytes.
const LONGEST: usize = 64 << 10;

/// A seed after a few random changes.
pub fn bytes(seeds: &[Vec<u8>], words: &[&str], random: &mut Rng) -> Vec<u8> {
    let seed = |random: &mut Rng| {
        seeds
            .get(random.usize(..seeds.len()))
            .map_or(&[][..], Vec::as_slice)
    };
    let mut data = seed(random).to_vec();
    for _ in 0..random.usize(1..8) {
        let at = random.usize(..=data.len());
        let end = (at + random.usize(..64)).min(data.len());
        match random.u8(..8) {
            0 => data.insert(at, BYTES[random.usize(..BYTES.len())]),
            1 if at < data.len() => data[at] = random.u8(..),
            2 => drop(data.drain(at..end)),
            3 => data.truncate(at),
            4 => {
                let again = data[at..end].repeat(random.usize(1..4));
                data.splice(at..at, again);
            }
            5 => {
                let other = seed(random);
                let from = random.usize(..=other.len());
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            _ if !words.is_empty() => {
                let word = words[random.usize(..words.len())];
                data.splice(at..at, word.bytes());
            }
            _ => {}
        }
    }
    data.truncate(LONGEST);
    data
}

/// A JSON document with a few values changed; `None` if it is none.
pub fn json(data: &[u8], random: &mut Rng) -> Option<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(data).ok()?;
    for _ in 0..random.usize(1..4) {
        let count = count(&document);
        let other = nth(&mut document, &mut random.usize(..count)).cloned();
        if let Some(value) = nth(&mut document, &mut random.usize(..count)) {
            change(value, other.unwrap_or_default(), random);
        }
    }
    serde_json::to_vec(&document).ok()
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// The value after `skipped` others, in the order of the document.
fn nth<'v>(value: &'v mut Value, skipped: &mut usize) -> Option<&'v mut Value> {
    if *skipped == 0 {
        return Some(value);
    }
    *skipped -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, skipped)),
        Value::Object(entries) => entries.values_mut().find_map(|item| nth(item, skipped)),
        _ => None,
    }
}

fn change(value: &mut Value, other: Value, random: &mut Rng) {
    if random.u8(..6) == 0 {
        *value = other;
        return;
    }
    match value {
        Value::Null => *value = other,
        Value::Bool(is) => *is = !*is,
        Value::Number(_) => {
            let numbers: [Value; 9] = [
                0.into(),
                1.into(),
                (-1).into(),
                255.into(),
                u64::MAX.into(),
                i64::MIN.into(),
                0.5.into(),
                (-1e-300).into(),
                1e308.into(),
            ];
            *value = numbers[random.usize(..numbers.len())].clone();
        }
        Value::String(text) => match (random.u8(..3), other) {
            (0, Value::String(other)) => *text = other,
            (1, _) => *text = text.repeat(2),
            _ => *text = TEXTS[random.usize(..TEXTS.len())].to_owned(),
        },
        Value::Array(items) if items.is_empty() => items.push(other),
        Value::Array(items) => {
            let at = random.usize(..items.len());
            match random.u8(..4) {
                0 => drop(items.remove(at)),
                1 => items.clear(),
                2 => items.push(items[at].clone()),
                _ => items.insert(at, other),
            }
        }
        Value::Object(entries) => {
            let key = entries.keys().nth(random.usize(..=entries.len())).cloned();
            match (key, random.u8(..3)) {
                (Some(key), 0) => drop(entries.remove(&key)),
                (Some(key), _) => drop(entries.insert(key, other)),
                (None, _) => {
                    let key = TEXTS[random.usize(..TEXTS.len())].to_owned();
                    entries.insert(key, other);
                }
            }
        }
    }
}
