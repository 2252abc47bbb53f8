//! Recognises how a download is laid out, from the paths in it alone.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::names::{archive_stem, composed, is_leftover};

/// The system that a download comes from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Sakai, which is called OWL in London, Ontario
    Sakai,
    /// Moodle
    Moodle,
    /// Canvas
    Canvas,
    /// Brightspace, also called D2L
    Brightspace,
    /// Gradescope
    Gradescope,
    /// GitHub Classroom: a repository for each student
    GithubClassroom,
    /// A folder or an archive for each student
    Folders,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Sakai => "Sakai",
            Layout::Moodle => "Moodle",
            Layout::Canvas => "Canvas",
            Layout::Brightspace => "Brightspace",
            Layout::Gradescope => "Gradescope",
            Layout::GithubClassroom => "GitHub Classroom",
            Layout::Folders => "folders",
        })
    }
}

/// The layouts that can be recognised; everything else is folders.
const SYSTEMS: [Layout; 6] = [
    Layout::Sakai,
    Layout::Moodle,
    Layout::Gradescope,
    Layout::Brightspace,
    Layout::Canvas,
    Layout::GithubClassroom,
];

/// Maximum number of folders around the download's own content.
const MOST_AROUND: usize = 3;

/// A file or folder of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its path from the download's top, components joined by `/`.
    pub path: String,
    pub is_folder: bool,
}

/// A download, recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recognised {
    pub layout: Layout,
    /// The folder in the download that holds everything: empty, or ends with `/`.
    pub root: String,
    /// What was handed in, by the name that the download gives it.
    pub found: Vec<Found>,
    /// The system's list of grades.
    pub gradebook: Option<String>,
    /// Gradescope's metadata, or the roster of GitHub Classroom.
    pub people: Option<String>,
    /// Entries beside the submissions that belong to nobody.
    pub others: Vec<String>,
}

/// What one student handed in at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The name that the download gives it.
    pub key: String,
    /// The system's id of the student; empty if the download does not say.
    pub id: String,
    /// The student's name; empty if the download does not say.
    pub name: String,
    /// The same for each try of one student.
    pub student: String,
    pub handed_in: Option<Moment>,
    /// Whether the system marks it as late.
    pub is_late: bool,
    /// The folder whose content is the submission, without a `/` at its end.
    pub folder: Option<String>,
    /// Further files: their positions in the list, and their paths in the submission.
    pub files: Vec<(usize, String)>,
    /// A file with the time of handing in.
    pub stamp: Option<String>,
    /// A file with the teacher's comments.
    pub comments: Option<String>,
    /// Entries that are not part of the submission, with the reason.
    pub left_out: Vec<(String, &'static str)>,
}

/// What a path below the root is.
enum Place {
    /// In the folder of a submission.
    Inside {
        key: String,
        folder: String,
    },
    /// A file of a submission, at this path in it.
    File {
        key: String,
        target: String,
    },
    /// A file about a submission.
    Stamp {
        key: String,
    },
    Comments {
        key: String,
    },
    LeftOut {
        key: String,
        why: &'static str,
    },
    /// The folder of a submission itself.
    Alone {
        key: String,
    },
    Gradebook,
    People,
    /// It belongs to nobody.
    Other,
}

/// Recognises a download. `wanted` overrides what it looks like.
///
/// # Errors
/// It does not look like `wanted`, or there is nothing in it.
pub(crate) fn recognise(
    listed: &[Listed],
    wanted: Option<Layout>,
    is_archive: bool,
) -> Result<Recognised, String> {
    let mut root = String::new();
    for _ in 0..=MOST_AROUND {
        let below = entries_below(listed, &root);
        let candidates: &[Layout] = match &wanted {
            Some(Layout::Folders) => &[],
            Some(wanted) => std::slice::from_ref(wanted),
            None => &SYSTEMS,
        };
        if let Some(layout) = candidates.iter().find(|layout| layout.fits(&below)) {
            return Ok(assigned(*layout, root, listed));
        }
        match the_only_folder(&below) {
            Some(inner) => root = format!("{root}{inner}/"),
            None => break,
        }
    }
    match wanted {
        None | Some(Layout::Folders) => {}
        Some(wanted) => {
            return Err(format!(
                "does not look like a download from {wanted}: {}",
                wanted.looks()
            ));
        }
    }
    let root = if is_archive {
        root_of_folders(listed)
    } else {
        String::new()
    };
    Ok(assigned(Layout::Folders, root, listed))
}

/// The entries below a folder of the download, by their paths from there.
fn entries_below<'l>(listed: &'l [Listed], root: &str) -> Vec<(&'l str, bool)> {
    let below = listed.iter().filter_map(|entry| {
        let rest = entry.path.strip_prefix(root)?;
        (!rest.is_empty() && !rest.split('/').any(is_leftover)).then_some((rest, entry.is_folder))
    });
    below.collect()
}

fn first_component(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The folder that everything is in.
fn the_only_folder<'l>(below: &[(&'l str, bool)]) -> Option<&'l str> {
    let first = first_component(below.first()?.0);
    let is_only = below.iter().all(|(path, _)| first_component(path) == first);
    let is_folder = below
        .iter()
        .any(|(path, is_folder)| path.len() > first.len() || *is_folder);
    (is_only && is_folder).then_some(first)
}

/// An archive of a class often contains the class's folder. It holds folders and archives only; a student's own folder
/// holds other files, too.
fn root_of_folders(listed: &[Listed]) -> String {
    let mut root = String::new();
    for _ in 0..MOST_AROUND {
        let below = entries_below(listed, &root);
        let Some(inner) = the_only_folder(&below) else {
            break;
        };
        let next = format!("{root}{inner}/");
        let is_class = entries_below(listed, &next)
            .iter()
            .all(|(path, is_folder)| {
                *is_folder || path.contains('/') || archive_stem(path).is_some()
            });
        if !is_class {
            break;
        }
        root = next;
    }
    root
}

impl Layout {
    /// What a download from this system looks like, for an error message.
    fn looks(self) -> &'static str {
        match self {
            Layout::Sakai => "it has folders such as `Last, First(id)/Submission attachment(s)`",
            Layout::Moodle => "it has names such as `First Last_123_assignsubmission_file_`",
            Layout::Canvas => "it has files such as `lastfirst_123_456_server.py`",
            Layout::Brightspace => {
                "it has folders such as `12-34 - First Last - Oct 19, 2021 1154 PM`"
            }
            Layout::Gradescope => {
                "it has folders such as `submission_123` and a submission_metadata.yml"
            }
            Layout::GithubClassroom => "it has repositories such as `assignment-login`",
            Layout::Folders => "it has a folder or an archive for each student",
        }
    }

    fn fits(self, below: &[(&str, bool)]) -> bool {
        let any = |test: &dyn Fn(&str) -> bool| below.iter().any(|(path, _)| test(path));
        match self {
            Layout::Sakai => any(&|path| {
                let second = path.split('/').nth(1);
                second == Some(SAKAI_FILES)
                    || flat_sakai(path).is_some()
                    || (sakai_id(first_component(path)).is_some()
                        && matches!(second, Some("timestamp.txt")))
            }),
            Layout::Moodle => any(&|path| moodle(first_component(path)).is_some()),
            Layout::Canvas => {
                let files = below
                    .iter()
                    .filter(|(path, is_folder)| !path.contains('/') && !is_folder);
                let (canvas, others): (Vec<&str>, Vec<&str>) = files
                    .map(|(path, _)| *path)
                    .partition(|path| canvas(path).is_some());
                canvas.len() > others.len()
            }
            Layout::Brightspace => any(&|path| brightspace(first_component(path)).is_some()),
            Layout::Gradescope => any(&|path| GRADESCOPE_PEOPLE.contains(&path)),
            Layout::GithubClassroom => {
                any(&|path| path == GITHUB_PEOPLE) || common_prefix(below).is_some()
            }
            Layout::Folders => true,
        }
    }
}

const SAKAI_FILES: &str = "Submission attachment(s)";
const SAKAI_FEEDBACK: &str = "Feedback Attachment(s)";
/// In a download, and beside the one submission that an autograder judges.
const GRADESCOPE_PEOPLE: [&str; 2] = ["submission_metadata.yml", "submission_metadata.json"];
const GITHUB_PEOPLE: &str = "classroom_roster.csv";
const TYPED_IN: &str = "text typed into the system, no file";

/// `Last, First(id)`: name and id.
fn sakai_id(key: &str) -> Option<(&str, &str)> {
    let (name, id) = key.strip_suffix(')')?.rsplit_once('(')?;
    (!id.is_empty()).then_some((name.trim(), id))
}

/// `Last, First(id)_Submission attachment(s)_FILE`: key and file, in a download without folders.
fn flat_sakai(name: &str) -> Option<(&str, &str)> {
    let (key, file) = name.split_once("_Submission attachment(s)_")?;
    (!key.contains('/') && !file.is_empty()).then_some((key, file))
}

/// Parts of `Full Name_NUMBER_assignsubmission_KIND_REST`.
struct MoodleName<'n> {
    name: &'n str,
    number: &'n str,
    /// The part that names the folder.
    key: &'n str,
    is_file: bool,
    rest: &'n str,
}

fn moodle(component: &str) -> Option<MoodleName<'_>> {
    const MARK: &str = "_assignsubmission_";
    let at = component.find(MARK)?;
    let (name, number) = component[..at].rsplit_once('_')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let kind_at = at + MARK.len();
    let kind = component[kind_at..].split('_').next().unwrap_or_default();
    let mut key_end = kind_at + kind.len();
    if component[key_end..].starts_with('_') {
        key_end += 1;
    }
    Some(MoodleName {
        name,
        number,
        key: &component[..key_end],
        is_file: kind == "file",
        rest: &component[key_end..],
    })
}

/// Parts of `lastfirst_LATE_USER_NUMBER_FILE`. The last number may differ from file to file of one student, so it is no part
/// of the key.
struct CanvasName<'n> {
    name: &'n str,
    is_late: bool,
    user: &'n str,
    key: &'n str,
    file: &'n str,
}

fn canvas(file: &str) -> Option<CanvasName<'_>> {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = file.split('_');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let mut next = parts.next()?;
    let is_late = next == "LATE";
    if is_late {
        next = parts.next()?;
    }
    let user = next;
    let number = parts.next()?;
    if !is_number(user) || !is_number(number) || parts.next().is_none() {
        return None;
    }
    let late = if is_late { "LATE_".len() } else { 0 };
    let key_end = name.len() + 1 + late + user.len();
    let file_name = file
        .get(key_end + 1 + number.len() + 1..)
        .filter(|rest| !rest.is_empty())?;
    Some(CanvasName {
        name,
        is_late,
        user,
        key: &file[..key_end],
        file: file_name,
    })
}

/// Parts of `NUMBER-NUMBER - First Last - Oct 19, 2021 1154 PM`.
struct BrightspaceName<'n> {
    user: &'n str,
    name: &'n str,
    handed_in: Moment,
}

fn brightspace(folder: &str) -> Option<BrightspaceName<'_>> {
    let (numbers, rest) = folder.split_once(" - ")?;
    let (user, other) = numbers.split_once('-')?;
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(user) || !is_number(other) {
        return None;
    }
    let (name, time) = rest.rsplit_once(" - ")?;
    Some(BrightspaceName {
        user,
        name: name.trim(),
        handed_in: Moment::read(time)?,
    })
}

/// `assignment-` where every folder is a repository called `assignment-LOGIN`.
fn common_prefix(below: &[(&str, bool)]) -> Option<String> {
    let mut repositories: Vec<&str> = below
        .iter()
        .filter_map(|(path, _)| {
            let (first, rest) = path.split_once('/')?;
            (rest == ".git" || rest.starts_with(".git/")).then_some(first)
        })
        .collect();
    repositories.sort_unstable();
    repositories.dedup();
    let (first, last) = (repositories.first()?, repositories.last()?);
    if repositories.len() < 2 {
        return None;
    }
    // The names are sorted, so what the first and the last have in common is common to all.
    let same = first
        .bytes()
        .zip(last.bytes())
        .take_while(|(one, other)| one == other)
        .count();
    let end = first.as_bytes()[..same]
        .iter()
        .rposition(|byte| *byte == b'-')?;
    Some(first[..=end].to_owned())
}

/// What each path is, in this layout.
struct Reader<'l> {
    layout: Layout,
    /// The names of folders at the root.
    folders: Vec<&'l str>,
}

impl Reader<'_> {
    fn place(&self, path: &str, is_folder: bool) -> Place {
        let (first, rest) = path.split_once('/').unwrap_or((path, ""));
        let is_at_top = rest.is_empty() && !is_folder;
        let key = first.to_owned();
        match self.layout {
            Layout::Sakai => sakai_place(path, first, rest, is_folder),
            Layout::Moodle => match moodle(first) {
                None => Place::Other,
                Some(name) if !name.is_file => Place::LeftOut {
                    key: name.key.replace("_onlinetext_", "_file_"),
                    why: TYPED_IN,
                },
                Some(name) if is_at_top => Place::File {
                    key: name.key.to_owned(),
                    target: name.rest.to_owned(),
                },
                Some(name) if rest.is_empty() && name.rest.is_empty() => Place::Alone { key },
                Some(name) if !name.rest.is_empty() => Place::File {
                    key: name.key.to_owned(),
                    target: format!("{}/{rest}", name.rest),
                },
                Some(_) => Place::Inside {
                    folder: key.clone(),
                    key,
                },
            },
            Layout::Canvas => match canvas(first).filter(|_| is_at_top) {
                None => Place::Other,
                Some(name) => Place::File {
                    key: name.key.to_owned(),
                    target: name.file.to_owned(),
                },
            },
            Layout::Brightspace => match brightspace(first) {
                Some(_) if !rest.is_empty() => Place::Inside {
                    folder: key.clone(),
                    key,
                },
                Some(_) if is_folder => Place::Alone { key },
                _ => Place::Other,
            },
            Layout::Gradescope if is_at_top && GRADESCOPE_PEOPLE.contains(&first) => Place::People,
            Layout::GithubClassroom if is_at_top && first == GITHUB_PEOPLE => Place::People,
            Layout::Gradescope | Layout::GithubClassroom | Layout::Folders => {
                if first.starts_with('.') {
                    Place::Other
                } else if !rest.is_empty() {
                    Place::Inside {
                        folder: key.clone(),
                        key,
                    }
                } else if is_folder {
                    Place::Alone { key }
                } else if self.layout == Layout::Folders && archive_stem(first).is_some() {
                    Place::File {
                        target: key.clone(),
                        key,
                    }
                } else {
                    Place::Other
                }
            }
        }
    }

    /// Who handed something in: id, name, what all tries of the student have in common, time, and whether it is late.
    fn student(&self, key: &str) -> (String, String, String, Option<Moment>, bool) {
        let text = |text: &str| composed(text).into_owned();
        let plain = |id: &str, name: &str| (text(id), text(name), key.to_owned(), None, false);
        match self.layout {
            Layout::Sakai => match sakai_id(key) {
                Some((name, id)) => plain(id, name),
                // An anonymous assignment: the folder is the anonymous id.
                None => plain(key, ""),
            },
            Layout::Moodle => {
                moodle(key).map_or_else(|| plain(key, ""), |name| plain(name.number, name.name))
            }
            Layout::Canvas => match canvas(&format!("{key}_0_x")) {
                Some(name) => (
                    text(name.user),
                    text(name.name),
                    key.to_owned(),
                    None,
                    name.is_late,
                ),
                None => plain(key, ""),
            },
            Layout::Brightspace => match brightspace(key) {
                Some(name) => (
                    String::new(),
                    text(name.name),
                    format!("{} {}", name.user, name.name),
                    Some(name.handed_in),
                    false,
                ),
                None => plain("", key),
            },
            Layout::Gradescope => plain("", ""),
            Layout::GithubClassroom => {
                let login = self
                    .prefix()
                    .and_then(|prefix| key.strip_prefix(prefix.as_str()).map(str::to_owned));
                plain(&login.unwrap_or_else(|| key.to_owned()), "")
            }
            Layout::Folders => plain("", ""),
        }
    }

    fn prefix(&self) -> Option<String> {
        let below: Vec<(String, bool)> = self
            .folders
            .iter()
            .map(|folder| (format!("{folder}/.git"), true))
            .collect();
        let below: Vec<(&str, bool)> = below
            .iter()
            .map(|(path, _)| (path.as_str(), true))
            .collect();
        common_prefix(&below)
    }
}

fn sakai_place(path: &str, first: &str, rest: &str, is_folder: bool) -> Place {
    let key = first.to_owned();
    if rest.is_empty() && !is_folder {
        if first.eq_ignore_ascii_case("grades.csv") {
            return Place::Gradebook;
        }
        if let Some((key, file)) = flat_sakai(path) {
            return Place::File {
                key: key.to_owned(),
                target: file.to_owned(),
            };
        }
        // The other files of a download without folders.
        let Some((key, file)) = first.split_once(")_") else {
            return Place::Other;
        };
        return sakai_file(format!("{key})"), file);
    }
    if rest.is_empty() {
        return Place::Alone { key };
    }
    match rest.split_once('/') {
        _ if rest == SAKAI_FILES => Place::Inside {
            folder: format!("{first}/{SAKAI_FILES}"),
            key,
        },
        Some((SAKAI_FILES, _)) => Place::Inside {
            folder: format!("{first}/{SAKAI_FILES}"),
            key,
        },
        Some((SAKAI_FEEDBACK, _)) => Place::LeftOut {
            key,
            why: "feedback of an earlier upload",
        },
        _ if is_folder => Place::Alone { key },
        Some(_) => Place::File {
            key,
            target: rest.to_owned(),
        },
        None => sakai_file(key, rest),
    }
}

fn sakai_file(key: String, file: &str) -> Place {
    match file {
        "timestamp.txt" => Place::Stamp { key },
        "comments.txt" => Place::Comments { key },
        "feedbackText.html" => Place::LeftOut {
            key,
            why: "feedback of an earlier upload",
        },
        file if file.ends_with("_submissionText.html") || file == "submissionText.html" => {
            Place::LeftOut { key, why: TYPED_IN }
        }
        file => Place::File {
            key,
            target: file.to_owned(),
        },
    }
}

/// Assigns every path to a submission.
fn assigned(layout: Layout, root: String, listed: &[Listed]) -> Recognised {
    let mut folders: Vec<&str> = listed
        .iter()
        .filter_map(|entry| {
            let rest = entry.path.strip_prefix(&root)?;
            let is_folder = rest.contains('/') || entry.is_folder;
            (is_folder && !rest.is_empty()).then(|| first_component(rest))
        })
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let reader = Reader { layout, folders };
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    let mut recognised = Recognised {
        layout,
        gradebook: None,
        people: None,
        found: Vec::new(),
        others: Vec::new(),
        root: root.clone(),
    };
    for (position, entry) in listed.iter().enumerate() {
        let Some(rest) = entry
            .path
            .strip_prefix(&root)
            .filter(|rest| !rest.is_empty())
        else {
            continue;
        };
        if is_leftover(first_component(rest)) {
            continue;
        }
        let place = reader.place(rest, entry.is_folder);
        let key = match &place {
            Place::Inside { key, .. }
            | Place::File { key, .. }
            | Place::Stamp { key }
            | Place::Comments { key }
            | Place::LeftOut { key, .. }
            | Place::Alone { key } => key.clone(),
            Place::Gradebook => {
                recognised.gradebook = Some(entry.path.clone());
                continue;
            }
            Place::People => {
                recognised.people = Some(entry.path.clone());
                continue;
            }
            Place::Other => {
                let first = first_component(rest);
                let is_known = recognised.others.iter().any(|other| other == first);
                if !is_known && !first.starts_with('.') {
                    recognised.others.push(first.to_owned());
                }
                continue;
            }
        };
        let found = found.entry(key).or_insert_with_key(|key| {
            let (id, name, student, handed_in, is_late) = reader.student(key);
            Found {
                key: key.clone(),
                id,
                name,
                student,
                handed_in,
                is_late,
                folder: None,
                files: Vec::new(),
                stamp: None,
                comments: None,
                left_out: Vec::new(),
            }
        });
        match place {
            Place::Inside { folder, .. } => found.folder = Some(format!("{root}{folder}")),
            Place::File { target, .. } if !entry.is_folder => {
                found.files.push((position, target));
            }
            Place::Stamp { .. } => found.stamp = Some(entry.path.clone()),
            Place::Comments { .. } => found.comments = Some(entry.path.clone()),
            Place::LeftOut { why, .. } if !entry.is_folder => {
                found.left_out.push((rest.to_owned(), why));
            }
            _ => {}
        }
    }
    let (found, strangers): (Vec<Found>, Vec<Found>) = found.into_values().partition(|found| {
        // Anything else at the top of Sakai's download was put there by somebody.
        layout != Layout::Sakai || sakai_id(&found.key).is_some() || found.folder.is_some()
    });
    recognised.found = found;
    recognised
        .others
        .extend(strangers.into_iter().map(|found| found.key));
    recognised.others.sort();
    recognised
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(paths: &[&str]) -> Vec<Listed> {
        let entry = |path: &&str| Listed {
            path: path.trim_end_matches('/').to_owned(),
            is_folder: path.ends_with('/'),
        };
        paths.iter().map(entry).collect()
    }

    /// Layout, root, and each submission as `key: id/name: files`.
    fn read(paths: &[&str], is_archive: bool) -> (Layout, String, Vec<String>) {
        let recognised = recognise(&listed(paths), None, is_archive).expect("is recognised");
        let found = recognised.found.iter().map(|found| {
            let files: Vec<&str> = found.files.iter().map(|(_, path)| path.as_str()).collect();
            let folder = found.folder.as_deref().unwrap_or("-");
            format!("{}/{}: {folder} {}", found.id, found.name, files.join(" "))
        });
        let found = found.collect();
        (recognised.layout, recognised.root, found)
    }

    #[test]
    fn sakai_with_and_without_folders() {
        let paths = [
            "Asn 2/grades.csv",
            "Asn 2/O'Brien, Sia\u{302}n(sobrien)/timestamp.txt",
            "Asn 2/O'Brien, Sia\u{302}n(sobrien)/Submission attachment(s)/server.py",
            "Asn 2/O'Brien, Sia\u{302}n(sobrien)/Feedback Attachment(s)/old.html",
            "Asn 2/Empty, Ed (2nd)(ed)/",
            "Asn 2/Empty, Ed (2nd)(ed)/Submission attachment(s)/",
            "__MACOSX/Asn 2/._grades.csv",
        ];
        let (layout, root, found) = read(&paths, true);
        assert_eq!((layout, root.as_str()), (Layout::Sakai, "Asn 2/"));
        let sian =
            "sobrien/O'Brien, Siân: Asn 2/O'Brien, Sia\u{302}n(sobrien)/Submission attachment(s) ";
        let ed = "ed/Empty, Ed (2nd): Asn 2/Empty, Ed (2nd)(ed)/Submission attachment(s) ";
        assert_eq!(found, [ed, sian]);
        let flat = [
            "grades.csv",
            "Lee, Ann(alee)_Submission attachment(s)_server.py",
            "Lee, Ann(alee)_timestamp.txt",
        ];
        let (layout, root, found) = read(&flat, true);
        assert_eq!((layout, root.as_str()), (Layout::Sakai, ""));
        assert_eq!(found, ["alee/Lee, Ann: - server.py"]);
        let anonymous = ["a1b2c3/Submission attachment(s)/server.py"];
        let (layout, _, found) = read(&anonymous, true);
        assert_eq!(layout, Layout::Sakai);
        assert_eq!(found, ["a1b2c3/: a1b2c3/Submission attachment(s) "]);
    }

    #[test]
    fn moodle_with_and_without_folders() {
        let (layout, _, found) = read(
            &[
                "Ann Lee_12_assignsubmission_file_/server.py",
                "Bo_van_Dam_13_assignsubmission_file_server.py",
                "Bo_van_Dam_13_assignsubmission_file_client.py",
                "Cy_14_assignsubmission_onlinetext_onlinetext.html",
            ],
            true,
        );
        assert_eq!(layout, Layout::Moodle);
        assert_eq!(
            found,
            [
                "12/Ann Lee: Ann Lee_12_assignsubmission_file_ ",
                "13/Bo_van_Dam: - server.py client.py",
                "14/Cy: - ",
            ]
        );
    }

    #[test]
    fn canvas_and_brightspace() {
        let (layout, _, found) = read(
            &[
                "leeann_101_2001_server.py",
                "leeann_101_2003_client-1.py",
                "vandambo_LATE_102_2002_my_chat_app.zip",
            ],
            true,
        );
        assert_eq!(layout, Layout::Canvas);
        assert_eq!(
            found,
            [
                "101/leeann: - server.py client-1.py",
                "102/vandambo: - my_chat_app.zip",
            ]
        );
        let (layout, _, found) = read(
            &[
                "index.html",
                "9-77 - Ann Lee - Smith - Oct 19, 2021 1154 PM/server.py",
                "9-77 - Ann Lee - Smith - Oct 20, 2021 905 AM/server.py",
            ],
            true,
        );
        assert_eq!(layout, Layout::Brightspace);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("/Ann Lee - Smith: 9-77"), "{found:?}");
    }

    #[test]
    fn gradescope_and_github_classroom() {
        let (layout, _, found) = read(
            &[
                "assignment_1_export/submission_metadata.yml",
                "assignment_1_export/submission_5/server.py",
            ],
            true,
        );
        assert_eq!((layout, found.len()), (Layout::Gradescope, 1));
        let (layout, root, found) = read(
            &[
                "chat-submissions/chat-ann-lee/.git/HEAD",
                "chat-submissions/chat-ann-lee/server.py",
                "chat-submissions/chat-anton/.git/HEAD",
            ],
            false,
        );
        assert_eq!(
            (layout, root.as_str()),
            (Layout::GithubClassroom, "chat-submissions/")
        );
        assert!(found[0].starts_with("ann-lee/"), "{found:?}");
    }

    #[test]
    fn everything_else_is_folders() {
        let (layout, root, found) = read(
            &["class/ann/server.py", "class/bob.tar.gz", "class/cyd/"],
            true,
        );
        assert_eq!((layout, root.as_str()), (Layout::Folders, "class/"));
        assert_eq!(found.len(), 3);
        let (_, root, found) = read(&["ann/server.py", "ann/client.py"], true);
        assert_eq!((root.as_str(), found.len()), ("", 1));
        // A class on disk is what it was given as.
        let (_, root, _) = read(&["class/ann/server.py"], false);
        assert_eq!(root, "");
        let message = recognise(&listed(&["ann/server.py"]), Some(Layout::Canvas), true);
        assert!(message.is_err_and(|why| why.contains("lastfirst_123_456_server.py")));
    }
}
