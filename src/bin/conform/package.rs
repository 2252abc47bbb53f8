//! `conform package`: puts `conform` together with what a grading service needs to run it.

use std::path::Path;
use std::process::ExitCode;

use chat_conformance::conformance::files::input::{Links, MOST_SETTINGS, read_file, read_text};
use chat_conformance::grading::rubric::Rubric;

use crate::archive::{self, Entry};
use crate::arguments::{GradescopePackage, PackageCommand};
use crate::look_up::{load_suite, show_mistakes};
use crate::{HOLDS, WRONG_USE, own_program, print, refuse};

/// Maximum size of the packaged program.
const MOST_OF_A_PROGRAM: u64 = 256 << 20;

const SETUP: &str = include_str!("gradescope/setup.sh");
const RUN: &str = include_str!("gradescope/run_autograder");
/// The line of `RUN` that the option replaces.
const TIME_LIMIT: &str = "\ntime_limit=600\n";

/// Writes the package.
pub fn package(command: &PackageCommand) -> ExitCode {
    let PackageCommand::Gradescope(options) = command;
    gradescope(options).unwrap_or_else(|why| refuse(&why))
}

fn gradescope(options: &GradescopePackage) -> Result<ExitCode, String> {
    let program = program_of(options)?;
    let rubric = match &options.rubric {
        None => None,
        Some(file) => match checked_rubric(file)? {
            Some(text) => Some(text),
            None => return Ok(ExitCode::from(WRONG_USE)),
        },
    };
    let run = RUN.replace(
        TIME_LIMIT,
        &format!("\ntime_limit={}\n", options.time_limit),
    );
    let mut entries = vec![
        entry("setup.sh", SETUP.as_bytes(), true),
        entry("run_autograder", run.as_bytes(), true),
        entry("conform", &program, true),
    ];
    if let Some(rubric) = &rubric {
        entries.push(entry("rubric.toml", rubric.as_bytes(), false));
    }
    let out = options.out.display();
    archive::write(&options.out, entries).map_err(|why| format!("{out}: {why}"))?;
    print(&format!(
        "{out} is ready. On Gradescope, open the assignment's \"Configure Autograder\", upload this file, and test it \
         with a submission.\n"
    ));
    Ok(ExitCode::from(HOLDS))
}

fn entry<'e>(path: &'e str, bytes: &'e [u8], is_program: bool) -> Entry<'e> {
    Entry {
        path,
        bytes,
        is_program,
    }
}

/// The program to package.
fn program_of(options: &GradescopePackage) -> Result<Vec<u8>, String> {
    let file = match &options.binary {
        Some(file) => file.clone(),
        None => own_program()?,
    };
    let program = read_file(&file, MOST_OF_A_PROGRAM, Links::Follow);
    let program = program.map_err(|why| why.to_string())?;
    match obstacle(&program) {
        Some(obstacle) if !options.unchecked => Err(format!(
            "{}: {obstacle}, so it may not start on Gradescope. Package the `conform` of a release with --binary PATH; \
             scripts/release makes one. --unchecked packages this one all the same",
            file.display()
        )),
        _ => Ok(program),
    }
}

/// A rubric's text. Mistakes in it are printed.
fn checked_rubric(file: &Path) -> Result<Option<String>, String> {
    let Ok(suite) = load_suite(None) else {
        return Ok(None);
    };
    let text = read_text(file, MOST_SETTINGS, Links::Follow).map_err(|why| why.to_string())?;
    if let Err(mistakes) = Rubric::parse(&text, &suite.requirements) {
        show_mistakes(&file.display().to_string(), &text, &mistakes);
        return Ok(None);
    }
    Ok(Some(text))
}

/// Why a program may not start on another x86-64 Linux, as a phrase.
fn obstacle(program: &[u8]) -> Option<String> {
    /// The beginning of a 64-bit little-endian ELF file.
    const ELF_64: &[u8] = b"\x7fELF\x02\x01";
    const X86_64: usize = 62;
    /// The type of a program header that names the dynamic linker.
    const INTERPRETER: usize = 3;
    if !program.starts_with(ELF_64) {
        return Some("is not a 64-bit Linux program".to_owned());
    }
    let headers = || {
        let (start, size) = (number(program, 32, 8)?, number(program, 54, 2)?);
        let count = number(program, 56, 2)?;
        let headers = (0..count).map(move |at| program.get(start.checked_add(at * size)?..));
        headers.collect::<Option<Vec<&[u8]>>>()
    };
    let (Some(X86_64), Some(headers)) = (number(program, 18, 2), headers()) else {
        return Some("is not a program for x86-64".to_owned());
    };
    let mut headers = headers.into_iter();
    let linker = headers.find(|header| number(header, 0, 4) == Some(INTERPRETER))?;
    let path = || {
        let start = number(linker, 8, 8)?;
        let end = start.checked_add(number(linker, 32, 8)?)?;
        Some(String::from_utf8_lossy(program.get(start..end)?).into_owned())
    };
    let path = path().unwrap_or_default();
    Some(format!(
        "needs libraries of the system ({}), as it is not statically linked",
        path.trim_end_matches('\0')
    ))
}

/// The little-endian number of `size` bytes at `at`.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(size)?)?.iter().rev();
    let number = bytes.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).ok()
}
