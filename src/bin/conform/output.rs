//! Output files named on the command line.

use std::fs;
use std::path::Path;

use crate::print;

/// The file name for standard output.
pub const OUTPUT: &str = "-";

/// Writes a file, or to standard output.
pub fn write_to(file: &Path, text: &str) -> Result<(), String> {
    if file == Path::new(OUTPUT) {
        print(text);
        return Ok(());
    }
    fs::write(file, text).map_err(|why| format!("cannot write {}: {why}", file.display()))
}

/// Checks a path before the run, so that a typing error does not lose the result.
pub fn check_writable(file: &Path) -> Result<(), String> {
    if file == Path::new(OUTPUT) {
        return Ok(());
    }
    let opened = fs::OpenOptions::new().append(true).create(true).open(file);
    opened
        .map(drop)
        .map_err(|why| format!("cannot write {}: {why}", file.display()))
}
