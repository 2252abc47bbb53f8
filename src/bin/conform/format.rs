//! `conform fmt`: formats transcripts.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use chat_conformance::conformance::files::input::{Links, read_text};
use chat_conformance::conformance::suite::transcripts_below;
use chat_conformance::transcript::{LONGEST, format};

use crate::arguments::FormatCommand;
use crate::look_up::show_mistakes;
use crate::{FALLS_SHORT, HOLDS, WRONG_USE, print, refuse};

/// The result for one file.
enum Layout {
    Canonical,
    Changed,
    Broken,
}

/// Formats the files, or with `--check` only names those that need it.
pub fn run(command: &FormatCommand) -> ExitCode {
    let mut files = Vec::new();
    for path in &command.paths {
        match transcripts_below(path) {
            Ok(found) => files.extend(found),
            Err(why) => return refuse(&why),
        }
    }
    if files.is_empty() {
        return refuse("no .chat file found");
    }
    let mut status = HOLDS;
    for file in &files {
        let layout = match bring_into_layout(file, command.check) {
            Ok(layout) => layout,
            Err(why) => return refuse(&why),
        };
        match layout {
            Layout::Canonical => {}
            Layout::Changed if command.check => {
                print(&format!(
                    "{}: needs formatting; run `conform fmt`\n",
                    file.display()
                ));
                status = status.max(FALLS_SHORT);
            }
            Layout::Changed => print(&format!("{}\n", file.display())),
            Layout::Broken => status = WRONG_USE,
        }
    }
    ExitCode::from(status)
}

/// Replaces the text of a file. If that fails, for example on a full disk, the old text stays.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A link stays, and the file behind it is replaced.
    let file = fs::canonicalize(file)?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    written.write_all(text.as_bytes())?;
    written
        .as_file()
        .set_permissions(fs::metadata(&file)?.permissions())?;
    written.as_file().sync_all()?;
    written.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

fn bring_into_layout(file: &Path, only_check: bool) -> Result<Layout, String> {
    let source = read_text(file, LONGEST as u64, Links::Follow).map_err(|why| why.to_string())?;
    match format(&source) {
        Ok(formatted) if formatted == source => Ok(Layout::Canonical),
        Ok(formatted) => {
            if !only_check {
                replace(file, &formatted).map_err(|why| format!("{}: {why}", file.display()))?;
            }
            Ok(Layout::Changed)
        }
        Err(diagnostics) => {
            show_mistakes(&file.display().to_string(), &source, &diagnostics);
            Ok(Layout::Broken)
        }
    }
}
