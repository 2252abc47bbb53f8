//! Opens a class: a download from a learning system, or a folder with a folder or an archive for each student.
//!
//! Nothing is written into the class. What has to be unpacked or copied goes to another folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::archive::{self, Format};
use super::layout::{Found, Layout, Listed, recognise};
use super::moment::Moment;
use super::names::archive_stem;
use super::people::{People, Student, gradescope_people, gradescope_submitters};
use super::unpack::{
    USUAL, Unpacked, Unpacking, left_out_note, make_private, needs_copy, the_one_folder,
};
use crate::conformance::evidence::shown;
use crate::conformance::files::input::{Links, open_file, read_file};

/// Maximum depth at which a class's folder is listed. Layouts are recognised above it.
const LISTED_DEPTH: usize = 6;
/// Maximum number of entries of a class that are listed.
const MOST_LISTED: usize = 1_000_000;
/// Maximum size of the unpacked archive of a class, in bytes.
const MOST_UNPACKED: u64 = 256 << 30;
/// Maximum size of a file about a submission, such as a time or a comment.
const LONGEST_NOTE: u64 = 256 << 10;
/// Maximum size of a gradebook or of metadata.
const LONGEST_TABLE: u64 = 32 << 20;
/// Maximum length of the name of a submission, in bytes.
const LONGEST_NAME: usize = 120;

/// A class that was opened, and recognised.
#[derive(Debug)]
pub struct Intake {
    source: Source,
    /// Who handed in, in the order of `arrivals`.
    people: People,
    arrivals: Vec<Arrival>,
    others: Vec<String>,
    gradebook: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Source {
    Folder {
        path: PathBuf,
        /// The paths of the listed entries.
        listed: Vec<String>,
    },
    Archive {
        path: PathBuf,
        format: Format,
        /// The position in the archive of each listed entry.
        positions: Vec<usize>,
    },
}

/// What counts of one student's tries.
#[derive(Debug)]
struct Arrival {
    found: Found,
    notes: Vec<String>,
}

/// A submission, ready to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    /// Its name.
    pub name: String,
    /// The folder with its files.
    pub folder: PathBuf,
    /// What was unpacked, renamed and left out, in sentences.
    pub notes: Vec<String>,
    /// Why it cannot be judged, in a sentence.
    pub problem: Option<String>,
}

/// Why a class was not unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotUnpacked {
    /// It was cancelled.
    Cancelled,
    /// The disk is full or broken, or the class cannot be read.
    Failed(String),
}

impl Intake {
    /// Opens a class. `wanted` overrides the layout that it looks like. Of several tries by one student, the last one
    /// before `due` counts, or the last one.
    ///
    /// # Errors
    /// What is wrong with the class, in a sentence.
    pub fn open(
        path: &Path,
        wanted: Option<Layout>,
        due: Option<Moment>,
    ) -> Result<Intake, String> {
        let named = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let metadata = fs::metadata(path).map_err(|error| named(&error))?;
        let (source, listed) = if metadata.is_dir() {
            let listed = list_folder(path).map_err(|error| named(&error))?;
            let source = Source::Folder {
                path: path.to_owned(),
                listed: listed.iter().map(|entry| entry.path.clone()).collect(),
            };
            (source, listed)
        } else {
            list_archive(path).map_err(|why| named(&why))?
        };
        let is_archive = matches!(source, Source::Archive { .. });
        let recognised = recognise(&listed, wanted, is_archive).map_err(|why| named(&why))?;
        if recognised.found.is_empty() {
            const PROGRAMS: [&str; 6] = [".py", ".java", ".c", ".rs", ".js", ".go"];
            let is_program = |entry: &Listed| PROGRAMS.iter().any(|end| entry.path.ends_with(end));
            if listed.iter().any(is_program) {
                return Err(named(
                    &"looks like one submission; name the folder that holds those of all students",
                ));
            }
            return Err(named(
                &"no submission in it; it must be a download of a learning system, or contain a folder or an archive \
                  for each student",
            ));
        }
        let mut files: BTreeSet<&str> = BTreeSet::new();
        files.extend(recognised.gradebook.as_deref());
        files.extend(recognised.people.as_deref());
        for found in &recognised.found {
            files.extend(found.stamp.as_deref());
            files.extend(found.comments.as_deref());
        }
        let texts = source.read(&files).map_err(|error| named(&error))?;
        let text_of = |file: &Option<String>| {
            let bytes = texts.get(file.as_deref()?)?;
            let text = String::from_utf8_lossy(bytes);
            Some(text.trim_start_matches('\u{feff}').to_owned())
        };
        let metadata = match recognised.layout {
            Layout::Gradescope => text_of(&recognised.people),
            _ => None,
        };
        let is_of_one = recognised.people.iter().any(|file| file.ends_with(".json"));
        let metadata = match (metadata, &recognised.found[..]) {
            (Some(text), [only]) if is_of_one => {
                Vec::from_iter(gradescope_submitters(&text, &only.key))
            }
            (Some(text), _) => gradescope_people(&text),
            (None, _) => Vec::new(),
        };
        let mut tries: BTreeMap<String, Vec<(Found, Student)>> = BTreeMap::new();
        for found in recognised.found {
            let known = metadata.iter().find(|student| student.key == found.key);
            let stamp = text_of(&found.stamp).and_then(|text| Moment::read(&text));
            let student = match known {
                Some(known) => known.clone(),
                None => Student {
                    id: found.id.clone(),
                    name: found.name.clone(),
                    key: found.key.clone(),
                    handed_in: found.handed_in.or(stamp),
                    is_late: found.is_late,
                    comment: text_of(&found.comments).unwrap_or_default(),
                    ..Student::default()
                },
            };
            let tries = tries.entry(found.student.clone()).or_default();
            tries.push((found, student));
        }
        let mut students = Vec::new();
        let mut arrivals = Vec::new();
        for (_, tries) in tries {
            let (arrival, student) = the_one_that_counts(tries, due);
            arrivals.push(arrival);
            students.push(student);
        }
        name_submissions(recognised.layout, &mut students);
        let mut both: Vec<(Student, Arrival)> = students.into_iter().zip(arrivals).collect();
        both.sort_by(|one, other| one.0.submission.cmp(&other.0.submission));
        let (students, arrivals) = both.into_iter().unzip();
        let gradebook = recognised
            .gradebook
            .and_then(|file| texts.get(&file).cloned());
        Ok(Intake {
            source,
            people: People {
                layout: recognised.layout,
                root: recognised.root,
                students,
                absent: Vec::new(),
            },
            arrivals,
            others: recognised.others,
            gradebook,
        })
    }

    /// Who is in the class.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Who is in the class, to be completed by a roster.
    pub fn people_mut(&mut self) -> &mut People {
        &mut self.people
    }

    /// Entries of the class that are nobody's submission.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// The system's list of grades, if the download contains one.
    pub fn gradebook(&self) -> Option<&[u8]> {
        self.gradebook.as_deref()
    }

    /// The system's own list of the class, if the download contains one: a CSV file.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn roster(&self) -> Result<Option<Vec<u8>>, String> {
        match self.people.layout {
            Layout::Sakai => Ok(self.gradebook.clone()),
            Layout::GithubClassroom => {
                let file = format!("{}classroom_roster.csv", self.people.root);
                let read = self.source.read(&BTreeSet::from([file.as_str()]));
                let read = read.map_err(|error| error.to_string())?;
                Ok(read.into_values().next())
            }
            _ => Ok(None),
        }
    }

    /// Makes every submission that `is_wanted` ready to be judged. What has to be unpacked or copied goes into folders
    /// in `place`, which must exist and be empty; the others stay where they are.
    ///
    /// # Errors
    /// It was cancelled, or the disk is full or broken. What is wrong with one submission is told with that one.
    pub fn unpack(
        &mut self,
        place: &Path,
        is_wanted: &dyn Fn(&str) -> bool,
        cancelled: &AtomicBool,
    ) -> Result<Vec<Arrived>, NotUnpacked> {
        let failed = |error: io::Error| match cancelled.load(Ordering::SeqCst) {
            true => NotUnpacked::Cancelled,
            false => NotUnpacked::Failed(format!("the class cannot be unpacked: {error}")),
        };
        make_private(place).map_err(failed)?;
        let wanted: Vec<usize> = (0..self.arrivals.len())
            .filter(|at| is_wanted(&self.people.students[*at].submission))
            .collect();
        let unpacked = match &self.source {
            Source::Folder { path, listed } => {
                self.unpack_folder(path, listed, &wanted, place, cancelled)
            }
            Source::Archive {
                path,
                format,
                positions,
            } => self.unpack_archive(path, *format, positions, &wanted, place, cancelled),
        };
        let unpacked = unpacked.map_err(failed)?;
        let mut arrived = Vec::new();
        for (at, unpacked) in wanted.into_iter().zip(unpacked) {
            let arrival = &self.arrivals[at];
            let student = &mut self.people.students[at];
            let left_out = left_out_note(&arrival.found.left_out);
            let notes = arrival.notes.iter().cloned().chain(unpacked.notes);
            student.notes = notes.chain(left_out).collect();
            arrived.push(Arrived {
                name: student.submission.clone(),
                folder: unpacked.folder,
                notes: student.notes.clone(),
                problem: unpacked.problem,
            });
        }
        Ok(arrived)
    }

    fn has_dashes(&self) -> bool {
        self.people.layout == Layout::Canvas
    }

    fn unpack_folder(
        &self,
        class: &Path,
        listed: &[String],
        wanted: &[usize],
        place: &Path,
        cancelled: &AtomicBool,
    ) -> io::Result<Vec<Unpacked>> {
        let mut unpacked = Vec::new();
        for at in wanted {
            if cancelled.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let found = &self.arrivals[*at].found;
            let key = format!("{}{}", self.people.root, found.key);
            let folder = class.join(found.folder.as_ref().unwrap_or(&key));
            let has_folder = folder.is_dir() && (found.folder.is_some() || found.files.is_empty());
            if has_folder && found.files.is_empty() && !needs_copy(&folder) {
                unpacked.push(in_place(folder));
                continue;
            }
            let name = &self.people.students[*at].submission;
            let mut unpacking = Unpacking::begin(place.join(name), USUAL.bytes, USUAL)?;
            if has_folder {
                unpacking.put_folder(&folder)?;
            }
            for (position, target) in &found.files {
                match open_file(&class.join(&listed[*position]), Links::Refuse) {
                    Ok(file) => unpacking.put_file(target, &file)?,
                    Err(_) => unpacking.leave_out(target, "it cannot be read"),
                }
            }
            unpacked.push(unpacking.finish(self.has_dashes())?);
        }
        Ok(unpacked)
    }

    fn unpack_archive(
        &self,
        path: &Path,
        format: Format,
        positions: &[usize],
        wanted: &[usize],
        place: &Path,
        cancelled: &AtomicBool,
    ) -> io::Result<Vec<Unpacked>> {
        let file = File::open(path)?;
        let packed = file.metadata()?.len();
        let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
        let mut files: BTreeMap<usize, (usize, &str)> = BTreeMap::new();
        let mut unpackings = Vec::new();
        for (number, at) in wanted.iter().enumerate() {
            let found = &self.arrivals[*at].found;
            folders.extend(found.folder.as_deref().map(|folder| (folder, number)));
            for (listed, target) in &found.files {
                files.insert(positions[*listed], (number, target));
            }
            let place = place.join(&self.people.students[*at].submission);
            unpackings.push(Unpacking::begin(place, packed, USUAL)?);
        }
        archive::walk(&file, format, MOST_UNPACKED, &mut |position, entry| {
            if cancelled.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if let Some((number, target)) = files.get(&position) {
                return unpackings[*number].put(target, entry);
            }
            let path = entry.path.text.clone();
            let ends = path.match_indices('/').map(|(end, _)| end);
            let inside = ends.chain([path.len()]).find_map(|end| {
                let number = folders.get(&path[..end])?;
                Some((*number, path[end..].trim_start_matches('/')))
            });
            match inside {
                // A refused entry may be called like the folder itself.
                Some((number, rest)) if !rest.is_empty() || entry.path.refusal.is_some() => {
                    let rest = if rest.is_empty() { ".." } else { rest };
                    unpackings[number].put(rest, entry)
                }
                _ => Ok(()),
            }
        })?;
        let finished = unpackings.into_iter().map(|unpacking| {
            if cancelled.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            unpacking.finish(self.has_dashes())
        });
        finished.collect()
    }
}

/// A submission that is judged where it is.
fn in_place(folder: PathBuf) -> Unpacked {
    let inner = the_one_folder(&folder);
    let mut notes = Vec::new();
    if inner != folder {
        let inside = inner.strip_prefix(&folder).unwrap_or(&inner);
        let inside = shown(inside.as_os_str().as_encoded_bytes());
        notes.push(format!("Everything is in the folder {inside}."));
    }
    Unpacked {
        folder: inner,
        notes,
        problem: None,
    }
}

impl Source {
    /// The files of the class with these paths. A file that is too long or unreadable is missing.
    fn read(&self, files: &BTreeSet<&str>) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let limit = |path: &str| match path.rsplit('.').next() {
            Some("csv" | "yml" | "json") => LONGEST_TABLE,
            _ => LONGEST_NOTE,
        };
        let mut found = BTreeMap::new();
        if files.is_empty() {
            return Ok(found);
        }
        match self {
            Source::Folder { path: class, .. } => {
                for path in files {
                    if let Ok(bytes) = read_file(&class.join(path), limit(path), Links::Refuse) {
                        found.insert((*path).to_owned(), bytes);
                    }
                }
            }
            Source::Archive { path, format, .. } => {
                let file = File::open(path)?;
                archive::walk(&file, *format, MOST_UNPACKED, &mut |_, entry| {
                    let path = &entry.path.text;
                    if files.contains(path.as_str()) {
                        let mut bytes = Vec::new();
                        let read = entry.content.take(limit(path)).read_to_end(&mut bytes);
                        if read.is_ok() {
                            found.insert(path.clone(), bytes);
                        }
                    }
                    Ok(())
                })?;
            }
        }
        Ok(found)
    }
}

fn list_archive(path: &Path) -> Result<(Source, Vec<Listed>), String> {
    let mut file = open_file(path, Links::Follow).map_err(|error| error.kind.to_string())?;
    let format = archive::format_of(&mut file)?;
    let (mut listed, mut positions) = (Vec::new(), Vec::new());
    let walked = archive::walk(&file, format, MOST_UNPACKED, &mut |position, entry| {
        if listed.len() >= MOST_LISTED {
            let most = format!("it has more than {MOST_LISTED} entries");
            return Err(io::Error::other(most));
        }
        listed.push(Listed {
            is_folder: entry.kind == archive::EntryKind::Folder,
            path: entry.path.text,
        });
        positions.push(position);
        Ok(())
    });
    walked.map_err(|error| error.to_string())?;
    let source = Source::Archive {
        path: path.to_owned(),
        format,
        positions,
    };
    Ok((source, listed))
}

/// The entries of a class's folder. A link to a folder counts as one at the top, where the teacher made it; no other
/// link is followed.
fn list_folder(class: &Path) -> io::Result<Vec<Listed>> {
    let mut listed = Vec::new();
    let mut waiting = vec![(String::new(), 0)];
    while let Some((folder, depth)) = waiting.pop() {
        let entries = match fs::read_dir(class.join(&folder)) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            // Copying it tells why it cannot be read.
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                listed.push(Listed {
                    path: format!("{folder}{}", name.to_string_lossy()),
                    is_folder: false,
                });
                continue;
            };
            let is_folder = match depth {
                0 => fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_dir()),
                _ => entry.file_type().is_ok_and(|kind| kind.is_dir()),
            };
            let path = format!("{folder}{name}");
            if is_folder && depth + 1 < LISTED_DEPTH && listed.len() < MOST_LISTED && name != ".git"
            {
                waiting.push((format!("{path}/"), depth + 1));
            }
            listed.push(Listed { path, is_folder });
        }
    }
    listed.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listed)
}

/// Of several tries, the last one that is not late; if all are late, the last one.
fn the_one_that_counts(
    mut tries: Vec<(Found, Student)>,
    due: Option<Moment>,
) -> (Arrival, Student) {
    let seconds = |moment: Option<Moment>| {
        let epoch = due.or(moment);
        moment
            .zip(epoch)
            .map(|(moment, epoch)| moment.seconds_since(epoch))
    };
    // Without a deadline, the times of one student are compared with each other.
    let first = tries.first().and_then(|(_, student)| student.handed_in);
    let order = |student: &Student| {
        let reference = due.or(first);
        let moment = student.handed_in.zip(reference);
        moment.map(|(moment, reference)| moment.seconds_since(reference))
    };
    tries.sort_by_key(|(_, student)| order(student));
    let is_in_time = |student: &Student| {
        due.is_some() && seconds(student.handed_in).is_some_and(|late| late <= 0)
    };
    let at = tries
        .iter()
        .rposition(|(_, student)| is_in_time(student))
        .unwrap_or(tries.len() - 1);
    let (found, student) = tries.remove(at);
    let time = |student: &Student| match student.handed_in {
        Some(moment) => moment.to_string(),
        None => shown(student.key.as_bytes()),
    };
    let others: Vec<String> = tries.iter().map(|(_, student)| time(student)).collect();
    let notes = match others.len() {
        0 => Vec::new(),
        _ => vec![format!(
            "The try of {} counts; not counted: {}.",
            time(&student),
            others.join(", ")
        )],
    };
    (Arrival { found, notes }, student)
}

/// Gives every submission a name that is a folder's, and that no other one has.
fn name_submissions(layout: Layout, students: &mut [Student]) {
    let wanted = |student: &Student| match layout {
        Layout::Sakai | Layout::GithubClassroom => student.id.clone(),
        Layout::Moodle | Layout::Canvas => format!("{} {}", student.name, student.id),
        Layout::Brightspace => student.name.clone(),
        Layout::Gradescope => {
            let local = student.email.split('@').next().unwrap_or_default();
            let names = [student.id.as_str(), local, student.key.as_str()];
            let name = names.into_iter().find(|name| !name.is_empty());
            name.unwrap_or_default().to_owned()
        }
        Layout::Folders => archive_stem(&student.key)
            .unwrap_or(&student.key)
            .to_owned(),
    };
    let mut taken = BTreeSet::new();
    // Folders first: an archive beside a folder of the same name is called differently.
    let mut order: Vec<usize> = (0..students.len()).collect();
    order.sort_by_key(|at| archive_stem(&students[*at].key).is_some());
    for at in order {
        let name = folder_name(wanted(&students[at]).trim(), layout);
        let mut unique = name.clone();
        let mut number = 2;
        while !taken.insert(unique.clone()) {
            unique = format!("{name} ({number})");
            number += 1;
        }
        students[at].submission = unique;
    }
}

/// A name as that of a folder. The names of folders on disk stay as they are.
fn folder_name(name: &str, layout: Layout) -> String {
    if layout == Layout::Folders {
        return name.to_owned();
    }
    let plain = name.replace(['/', '\0'], "_");
    let mut end = plain.len().min(LONGEST_NAME);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    match &plain[..end] {
        "" => "unnamed".to_owned(),
        name if name.starts_with('.') => format!("_{name}"),
        name => name.to_owned(),
    }
}
