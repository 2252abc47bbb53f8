//! The names of files and people, and what archives, browsers and systems do to them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Endings of the archives that are unpacked, or that a message names because they are not.
const ARCHIVES: [&str; 11] = [
    ".zip", ".tar", ".tar.gz", ".tgz", ".rar", ".7z", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".gz",
];

/// Files and folders that systems leave in archives and folders. Nobody wrote them.
const LEFTOVERS: [&str; 7] = [
    "__MACOSX",
    "__pycache__",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    ".Spotlight-V100",
    ".Trashes",
];

/// The text with composed letters: an archive made on a Mac writes `ü` as `u` and a mark.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// The name of a file in an archive. Archives do not say reliably how names are encoded; `otherwise` is the name if it
/// is not UTF-8.
pub(crate) fn decoded(raw: &[u8], otherwise: &str) -> String {
    std::str::from_utf8(raw).unwrap_or(otherwise).to_owned()
}

/// Whether a system left this file or folder behind.
pub(crate) fn is_leftover(name: &str) -> bool {
    // A Mac writes the attributes of `x` to `._x`.
    LEFTOVERS.contains(&name) || name.starts_with("._")
}

/// The name of an archive without its ending; `None` if it is not the name of an archive.
pub(crate) fn archive_stem(name: &str) -> Option<&str> {
    let matching = ARCHIVES.iter().filter_map(|ending| {
        let split = name.len().checked_sub(ending.len())?;
        let (stem, found) = name.split_at_checked(split)?;
        (found.eq_ignore_ascii_case(ending) && !stem.is_empty()).then_some(stem)
    });
    matching.min_by_key(|stem| stem.len())
}

/// The name that a file had before a browser, a system or an editor renamed it, and the number that it got.
///
/// `server (1).py` and `server.py.txt` can happen anywhere. `server-1.py` happens only where the system numbers files
/// (`has_dashes`): elsewhere the student chose that name.
pub(crate) fn original(name: &str, has_dashes: bool) -> Option<(String, u32)> {
    let lower = name.to_ascii_lowercase();
    if let Some(stem) = lower.strip_suffix(".txt") {
        if [".py", ".java", ".sh", ".js"]
            .iter()
            .any(|ending| stem.ends_with(ending))
        {
            let name = &name[..stem.len()];
            return Some(original(name, has_dashes).unwrap_or((name.to_owned(), 0)));
        }
    }
    let (stem, ending) = name
        .rsplit_once('.')
        .map_or((name, ""), |(stem, _)| (stem, &name[stem.len()..]));
    let in_brackets = || {
        let (stem, number) = stem.strip_suffix(')')?.rsplit_once('(')?;
        Some((stem.trim_end(), number))
    };
    let numbered = in_brackets().or_else(|| stem.rsplit_once('-').filter(|_| has_dashes));
    let (stem, number) = numbered?;
    let is_number =
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || stem.is_empty() {
        return None;
    }
    Some((format!("{stem}{ending}"), number.parse().ok()?))
}

/// The words of a person's name, for comparing names that are written in another order, case or encoding.
pub(crate) fn words_of(name: &str) -> BTreeSet<String> {
    let lower = composed(name).to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The letters and digits of a name in lower case, as Canvas writes it into the names of files.
pub(crate) fn squeezed(name: &str) -> String {
    let lower = composed(name).to_lowercase();
    lower
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_file_gets_its_name_back() {
        for (name, has_dashes, expected) in [
            ("server (1).py", false, Some(("server.py", 1))),
            ("server(12).py", false, Some(("server.py", 12))),
            ("server-1.py", true, Some(("server.py", 1))),
            ("server-1.py", false, None),
            ("server.py.txt", false, Some(("server.py", 0))),
            ("Server (2).PY.TXT", false, Some(("Server.PY", 2))),
            ("README.txt", false, None),
            ("chat (final).py", false, None),
            ("(1).py", false, None),
            ("asn-2021.zip", true, None),
            ("server.py", true, None),
            ("Makefile (1)", false, Some(("Makefile", 1))),
        ] {
            let expected = expected.map(|(name, number)| (name.to_owned(), number));
            assert_eq!(original(name, has_dashes), expected, "{name}");
        }
    }

    #[test]
    fn names_are_compared_as_people_read_them() {
        assert_eq!(
            words_of("Mu\u{308}ller, Jo\u{308}rg"),
            words_of("jörg MÜLLER")
        );
        assert_ne!(words_of("Ann Lee"), words_of("Anna Lee"));
        assert_eq!(squeezed("O'Brien, Siân"), "obriensiân");
        assert_eq!(decoded("Jörg".as_bytes(), "?"), "Jörg");
        assert_eq!(decoded(b"J\x94rg", "J\u{f6}rg"), "Jörg");
    }

    #[test]
    fn archives_are_known_by_their_endings() {
        for (name, stem) in [
            ("asn2.zip", Some("asn2")),
            ("asn2.TAR.GZ", Some("asn2")),
            ("asn2.tgz", Some("asn2")),
            (".zip", None),
            ("server.py", None),
            ("chat.jar", None),
        ] {
            assert_eq!(archive_stem(name), stem, "{name}");
        }
    }
}
