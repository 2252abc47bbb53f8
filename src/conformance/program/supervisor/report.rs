//! What a supervisor tells the harness.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Reports from a supervisor to the harness, one for each line of its standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// The program's temporary directory, which the supervisor removes at the end.
    Scratch(PathBuf),
    /// The supervisor is the process with this id, below the one that the harness started.
    Supervisor(i32),
    /// The program's process was started.
    Started,
    /// The program could not be started, for this reason, which is not its own fault.
    Failed(String),
    /// The program's process ended, in this way.
    Ended(String),
}

impl Report {
    /// Parses a line from a supervisor.
    pub fn parse(line: &str) -> Option<Report> {
        let (word, rest) = line.split_once(' ')?;
        match word {
            "scratch" => Some(Report::Scratch(unescaped(rest)?)),
            "supervisor" => rest.parse().ok().map(Report::Supervisor),
            "started" => Some(Report::Started),
            "failed" => Some(Report::Failed(rest.to_owned())),
            "ended" => Some(Report::Ended(rest.to_owned())),
            _ => None,
        }
    }
}

/// The report of a temporary directory. A path may contain line feeds and bytes that are not UTF-8, so all but plain
/// characters are written as `%` and two digits.
pub(super) fn scratch_report(path: &Path) -> String {
    let escaped = path.as_os_str().as_bytes().iter().map(|byte| match byte {
        b'!'..=b'~' if *byte != b'%' => char::from(*byte).to_string(),
        _ => format!("%{byte:02x}"),
    });
    format!("scratch {}", escaped.collect::<String>())
}

/// The path in a report, unless the report is damaged.
fn unescaped(text: &str) -> Option<PathBuf> {
    let mut parts = text.split('%');
    let mut path = parts.next()?.as_bytes().to_vec();
    for part in parts {
        path.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        path.extend(part[2..].bytes());
    }
    Some(PathBuf::from(OsString::from_vec(path)))
}

/// Writes one line for the harness.
pub(super) fn report(line: &str) {
    let mut output = io::stdout().lock();
    // If the harness is gone, nobody needs the report.
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_report_carries_any_path() {
        for path in [
            &b"/tmp/conform-abc"[..],
            b"/tmp/a\nb %2f\xff\\/\xc3\xa9",
            b"",
        ] {
            let path = Path::new(OsStr::from_bytes(path));
            let line = scratch_report(path);
            assert!(!line.contains('\n'));
            assert_eq!(Report::parse(&line), Some(Report::Scratch(path.to_owned())));
        }
        assert_eq!(Report::parse("scratch /tmp/%f"), None);
    }
}
