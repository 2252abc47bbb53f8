//! What commands on a class have in common: where its results go, what its programs must not see, and how many of them
//! run side by side.

use std::fs;
use std::path::{Path, PathBuf};

use chat_conformance::classroom::intake::{Arrived, Intake};
use chat_conformance::conformance::evidence::visible_name;
use chat_conformance::conformance::program::cage::layer::Layer;
use chat_conformance::conformance::program::system::has_networks_to_give;
use chat_conformance::grading::examination::instructions_in;
use chat_conformance::grading::instructions::{INSTRUCTIONS, Instructions};

use crate::class_results::some;
use crate::complain;
use crate::subjects::processors;

/// The class's own instructions.
///
/// # Errors
/// The mistakes in them.
pub fn instructions_of(class: &Path) -> Result<Instructions, String> {
    // An archive has none.
    if !class.is_dir() {
        return Ok(Instructions::default());
    }
    let read = instructions_in(class).map_err(|why| format!("{}:\n{why}", class.display()))?;
    Ok(read.unwrap_or_default())
}

/// `class` to `class-results`, or another ending, beside it.
///
/// # Errors
/// There is no class.
pub fn beside(class: &Path, ending: &str) -> Result<PathBuf, String> {
    let whole = fs::canonicalize(class).map_err(|why| format!("{}: {why}", class.display()))?;
    let name = name_of(&whole);
    Ok(whole.with_file_name(format!("{name}-{ending}")))
}

/// The name of a class: that of its folder or archive.
pub fn name_of(class: &Path) -> String {
    let name = class.file_name().unwrap_or_default().to_string_lossy();
    let archives = [".zip", ".tar.gz", ".tgz", ".tar"].into_iter();
    let mut stems = archives.filter_map(|ending| name.strip_suffix(ending));
    match stems.next() {
        Some(stem) if !stem.is_empty() && class.is_file() => stem.to_owned(),
        _ => name.into_owned(),
    }
}

/// A path with every link resolved; its end need not exist yet.
///
/// # Errors
/// It leads nowhere.
pub fn resolved(path: &Path) -> Result<PathBuf, String> {
    let shown = path.display();
    let mut existing = std::path::absolute(path).map_err(|why| format!("{shown}: {why}"))?;
    let mut missing = Vec::new();
    loop {
        match fs::canonicalize(&existing) {
            Ok(whole) => return Ok(whole.join(missing.iter().rev().collect::<PathBuf>())),
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("{shown}: {why}"));
            }
            Err(_) if existing.is_symlink() => {
                return Err(format!("{}: broken link", existing.display()));
            }
            Err(why) => match existing.file_name().map(ToOwned::to_owned) {
                Some(name) => {
                    missing.push(name);
                    existing.pop();
                }
                // The path ends in `..`.
                None => return Err(format!("{shown}: {why}")),
            },
        }
    }
}

/// Refuses folders inside each other: results would be taken for submissions.
///
/// # Errors
/// One is inside the other.
pub fn refuse_one_in_the_other(class: &Path, out: &Path) -> Result<(), String> {
    if out.starts_with(class) || class.starts_with(out) {
        return Err(format!(
            "{}: the results folder cannot be inside the class or contain it; choose another folder with --out",
            out.display()
        ));
    }
    Ok(())
}

/// The entries of a class that are nobody's submission, and not conform's either.
pub fn skipped(intake: &Intake) -> Vec<String> {
    let others = intake.others().iter();
    let others = others.filter(|name| *name != INSTRUCTIONS);
    others.cloned().collect()
}

/// Names the submissions that cannot be judged.
pub fn tell_problems(arrived: &[Arrived]) {
    let problems = arrived.iter().filter_map(|arrived| {
        let why = arrived.problem.as_ref()?;
        Some(format!("{}: {why}", visible_name(&arrived.name)))
    });
    for problem in problems {
        complain(&problem);
    }
}

/// The folders that a program of the class must not see. Its own copy, which is in one of them, it sees all the same.
pub fn hidden_places(
    class: &Path,
    results: &Path,
    submissions: &[Arrived],
    unpacked: &Path,
    harness: &Path,
) -> Vec<PathBuf> {
    let folders = submissions.iter().map(|arrived| arrived.folder.as_path());
    let others = outside(
        class,
        folders.filter(|folder| !folder.starts_with(unpacked)),
    );
    // Programs cannot start without these folders.
    let needed = [class, harness];
    let (around, others): (Vec<PathBuf>, Vec<PathBuf>) = others
        .into_iter()
        .partition(|folder| needed.iter().any(|needed| needed.starts_with(folder)));
    if !around.is_empty() {
        let around: Vec<String> = around
            .iter()
            .map(|folder| folder.display().to_string())
            .collect();
        complain(&format!(
            "links in the class point to folders that contain the class or conform itself; these cannot be hidden from \
             programs: {}",
            some(around.iter().map(String::as_str))
        ));
    }
    let mut hidden = vec![class.to_owned(), results.to_owned()];
    hidden.extend(others);
    hidden
}

/// The submissions that are links to folders outside the class, with all links resolved.
fn outside<'f>(class: &Path, folders: impl Iterator<Item = &'f Path>) -> Vec<PathBuf> {
    let resolved = folders.filter_map(|folder| fs::canonicalize(folder).ok());
    resolved
        .filter(|folder| !folder.starts_with(class))
        .collect()
}

/// How much is judged at the same time.
#[derive(Debug, Clone, Copy)]
pub struct SideBySide {
    /// Number of submissions.
    pub submissions: usize,
    /// Number of further submissions, which begin while those leave processors unused.
    pub in_the_gaps: usize,
    /// Whether the programs of a submission are judged at the same time.
    pub roles: bool,
}

/// As many submissions as wanted, or else twice the processors, and more in the gaps. One by one, if this machine does
/// not keep them apart.
pub fn side_by_side(wanted: Option<u16>, layers: &[Layer]) -> SideBySide {
    const ONE_BY_ONE: SideBySide = SideBySide {
        submissions: 1,
        in_the_gaps: 0,
        roles: false,
    };
    let has_networks = has_networks_to_give();
    let mut side_by_side = SideBySide {
        submissions: wanted.map_or(2 * processors(), usize::from),
        in_the_gaps: wanted.map_or(6 * processors(), |_| 0),
        // They share a folder, and only namespaces undo their changes in it.
        roles: layers.contains(&Layer::Namespaces),
    };
    if !has_networks {
        if side_by_side.submissions > 1 {
            complain(
                "submissions are judged one after the other: this user cannot create network namespaces, and two \
                 programs with the same fixed port would conflict",
            );
        }
        side_by_side = ONE_BY_ONE;
    }
    let hides = [Layer::Namespaces, Layer::OwnUser, Layer::Landlock].iter();
    if !{ hides }.any(|layer| layers.contains(layer)) {
        complain(
            "submissions are judged one after the other, and a program can read and change other submissions and the \
             results on disk. If this run is interrupted, do not resume it: grade again into another folder",
        );
        side_by_side = ONE_BY_ONE;
    }
    side_by_side
}
