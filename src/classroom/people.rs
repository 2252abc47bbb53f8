//! Who is in a class: from the download itself, and from a roster.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::moment::Moment;
use super::names::{composed, squeezed, words_of};
use super::sheet::Sheet;

/// A student of the class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Student {
    /// The name of the student's folder in the results; empty if nothing was handed in.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub submission: String,
    /// The id; empty if it is unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The name; empty if it is unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The e-mail address; empty if it is unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// The system's own name for the submission: the folder or the prefix in the download.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// The id that the system uses in the download, if a roster gave another one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub system_id: String,
    /// When it was handed in, if the download says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handed_in: Option<Moment>,
    /// Whether the system marks it as late.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// The teacher's comment in the download.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// What was unpacked, renamed and left out, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The people of a class, as a results folder keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// The system that the class comes from.
    pub layout: Layout,
    /// The folder in the download that holds everything: empty, or ends with `/`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub root: String,
    /// Those who handed something in, by the name of the submission.
    pub students: Vec<Student>,
    /// Those of the roster who did not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<Student>,
}

impl People {
    /// The student of a submission.
    pub fn of_submission(&self, submission: &str) -> Option<&Student> {
        let mut students = self.students.iter();
        students.find(|student| student.submission == submission)
    }

    /// The one student whom a person calls `who`: by id, e-mail address, name or submission.
    ///
    /// # Errors
    /// Nobody is called so, or several are.
    pub fn called(&self, who: &str) -> Result<&Student, String> {
        let known = || self.students.iter().chain(&self.absent);
        let by = |test: &dyn Fn(&Student) -> bool| -> Vec<&Student> {
            known().filter(|student| test(student)).collect()
        };
        let words = words_of(who);
        let mut found = by(&|student| student.has_id(who));
        if found.is_empty() {
            found = by(&|student| !words.is_empty() && words_of(&student.name) == words);
        }
        match found[..] {
            [student] => Ok(student),
            [] => Err(format!("nobody in the class is called {who:?}")),
            _ => Err(format!("several students are called {who:?}; write an id")),
        }
    }
}

impl Student {
    /// Whether one of the student's ids or addresses is this one.
    pub fn has_id(&self, id: &str) -> bool {
        let wanted = plain_id(id);
        let ids = [
            &self.id,
            &self.system_id,
            &self.email,
            &self.submission,
            &self.key,
        ];
        let mut ids = ids.into_iter().filter(|id| !id.is_empty());
        !wanted.is_empty() && ids.any(|own| plain_id(own) == wanted)
    }

    /// The name for a person to read: the name, else the id, else the submission.
    pub fn shown(&self) -> &str {
        let names = [&self.name, &self.id, &self.submission];
        let name = names.into_iter().find(|name| !name.is_empty());
        name.map_or("", String::as_str)
    }
}

/// An id without case, and without the `#` that Brightspace writes in front.
fn plain_id(id: &str) -> String {
    let id = composed(id.trim()).to_lowercase();
    id.trim_start_matches('#').to_owned()
}

/// Headings of columns with an id, the best first.
const IDS: [&str; 16] = [
    "id",
    "student id",
    "student number",
    "sid",
    "eid",
    "user id",
    "orgdefinedid",
    "display id",
    "identifier",
    "id number",
    "matriculation number",
    "sis user id",
    "sis login id",
    "username",
    "login",
    "github_username",
];
const NAMES: [&str; 5] = [
    "name",
    "full name",
    "student",
    "student name",
    "display name",
];
const FIRST_NAMES: [&str; 4] = ["first name", "firstname", "given name", "first"];
const LAST_NAMES: [&str; 5] = ["last name", "lastname", "surname", "family name", "last"];
const EMAILS: [&str; 3] = ["email", "email address", "e-mail"];
/// Rows above the headings, as Sakai writes them.
const MOST_ABOVE: usize = 10;

/// A roster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    entries: Vec<RosterEntry>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RosterEntry {
    ids: Vec<String>,
    name: String,
    email: String,
}

impl Roster {
    /// Reads a roster. It finds the columns by their headings.
    ///
    /// # Errors
    /// No row has the heading of an id or a name.
    pub fn read(sheet: &Sheet) -> Result<Roster, String> {
        let has_headings = |row: &usize| {
            let any = |names: &[&str]| sheet.column(*row, names).is_some();
            any(&IDS) || any(&NAMES) || (any(&FIRST_NAMES) && any(&LAST_NAMES))
        };
        let heading = (0..sheet.len().min(MOST_ABOVE)).find(has_headings);
        let Some(heading) = heading else {
            return Err(format!(
                "no column for an id or a name; a heading is one of: {}, {}",
                NAMES.join(", "),
                IDS.join(", ")
            ));
        };
        let columns = |names: &[&'static str]| -> Vec<usize> {
            let found = names.iter().map(|name| sheet.column(heading, &[*name]));
            found.flatten().collect()
        };
        let (ids, emails) = (columns(&IDS), columns(&EMAILS));
        let (names, first, last) = (columns(&NAMES), columns(&FIRST_NAMES), columns(&LAST_NAMES));
        let mut entries = Vec::new();
        for row in heading + 1..sheet.len() {
            let one = |columns: &[usize]| {
                let texts = columns.iter().map(|column| sheet.text(row, *column));
                let text = texts.into_iter().find(|text| !text.is_empty());
                text.map_or(String::new(), |text| composed(&text).into_owned())
            };
            let id_of = |column: &usize| {
                let text = sheet.text(row, *column).into_owned();
                let text = text.trim_start_matches('#');
                text.strip_prefix("Participant ").unwrap_or(text).to_owned()
            };
            let mut name = one(&names);
            if name.is_empty() {
                name = format!("{} {}", one(&first), one(&last)).trim().to_owned();
            }
            let entry = RosterEntry {
                ids: ids.iter().map(id_of).filter(|id| !id.is_empty()).collect(),
                name,
                email: one(&emails),
            };
            // Canvas writes the points possible below the headings.
            let is_student = !entry.name.trim_start().starts_with("Points Possible")
                && (!entry.ids.is_empty() || !entry.name.is_empty());
            if is_student {
                entries.push(entry);
            }
        }
        Ok(Roster { entries })
    }

    /// Completes the students of a download, and returns those of the roster who handed in nothing, and the names of
    /// those who handed in something and are not in the roster.
    pub fn complete(&self, students: &mut [Student]) -> (Vec<Student>, Vec<String>) {
        let mut is_taken = vec![false; self.entries.len()];
        let mut unknown = Vec::new();
        // Ids first: two students may have one name.
        let by_id: Vec<Option<usize>> = students
            .iter()
            .map(|student| {
                self.entries
                    .iter()
                    .position(|entry| entry.has_id_of(student))
            })
            .collect();
        for position in by_id.iter().flatten() {
            is_taken[*position] = true;
        }
        for (student, by_id) in students.iter_mut().zip(by_id) {
            let position = by_id.or_else(|| {
                let mut named = (0..self.entries.len()).filter(|position| {
                    !is_taken[*position] && self.entries[*position].has_name_of(student)
                });
                named.next().filter(|_| named.next().is_none())
            });
            let Some(position) = position else {
                unknown.push(student.shown().to_owned());
                continue;
            };
            is_taken[position] = true;
            let entry = &self.entries[position];
            if !entry.name.is_empty() {
                student.name.clone_from(&entry.name);
            }
            if student.email.is_empty() {
                student.email.clone_from(&entry.email);
            }
            if let Some(id) = entry.ids.first().filter(|id| **id != student.id) {
                student.system_id = std::mem::replace(&mut student.id, id.clone());
            }
        }
        let absent = self.entries.iter().zip(&is_taken);
        let absent = absent.filter(|(_, is_taken)| !**is_taken);
        let absent = absent.map(|(entry, _)| Student {
            id: entry.ids.first().cloned().unwrap_or_default(),
            name: entry.name.clone(),
            email: entry.email.clone(),
            ..Student::default()
        });
        (absent.collect(), unknown)
    }
}

impl RosterEntry {
    fn has_id_of(&self, student: &Student) -> bool {
        let local = self.email.split('@').next().unwrap_or_default();
        let ids = self.ids.iter().map(String::as_str);
        let mut ids = ids.chain([self.email.as_str(), local]);
        ids.any(|id| student.has_id(id))
    }

    fn has_name_of(&self, student: &Student) -> bool {
        let (own, others) = (words_of(&self.name), words_of(&student.name));
        if own.is_empty() {
            return false;
        }
        own == others || is_squeezed_from(&squeezed(&student.name), &own)
    }
}

/// Whether a name without spaces, as Canvas writes it, consists of these words in some order.
fn is_squeezed_from(name: &str, words: &BTreeSet<String>) -> bool {
    if words.is_empty() {
        return name.is_empty();
    }
    // More words would take too long, and nobody has them.
    words.len() <= 6
        && words.iter().any(|word| {
            let rest = name.strip_prefix(word.as_str());
            let others = || {
                words
                    .iter()
                    .filter(|other| *other != word)
                    .cloned()
                    .collect()
            };
            rest.is_some_and(|rest| is_squeezed_from(rest, &others()))
        })
}

/// Reads Gradescope's `submission_metadata.yml`: for each folder, who handed it in and when. It is written by a
/// program, always in the same form, so a few of its lines suffice.
pub(crate) fn gradescope_people(text: &str) -> Vec<Student> {
    let mut people: Vec<Student> = Vec::new();
    let mut is_in_submitters = false;
    let mut count = 0;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if indent == 0 && !line.starts_with('-') {
            if let Some(key) = line.strip_suffix(':') {
                people.push(Student {
                    key: unquoted(key),
                    ..Student::default()
                });
                (is_in_submitters, count) = (false, 0);
            }
            continue;
        }
        let Some(student) = people.last_mut() else {
            continue;
        };
        let (line, is_item) = match line.strip_prefix("- ") {
            Some(rest) => (rest.trim_start(), true),
            None => (line, false),
        };
        let Some((key, value)) = line.strip_prefix(':').and_then(|line| line.split_once(':'))
        else {
            continue;
        };
        let value = unquoted(value);
        if indent == 2 && !is_item {
            is_in_submitters = key == "submitters";
            if key == "created_at" {
                student.handed_in = Moment::read(&value);
            }
            continue;
        }
        if !is_in_submitters {
            continue;
        }
        if is_item {
            count += 1;
        }
        // Others of a group are named, and the first one's id counts.
        match key {
            "name" if count > 1 => student.name = format!("{}, {value}", student.name),
            "name" => student.name = value,
            "sid" if count == 1 => student.id = value,
            "email" if count == 1 => student.email = value,
            _ => {}
        }
    }
    people
}

/// Reads the `submission_metadata.json` that Gradescope gives an autograder: who handed in the one submission, and when.
/// The submission keeps its name.
pub(crate) fn gradescope_submitters(text: &str, key: &str) -> Option<Student> {
    #[derive(Deserialize)]
    struct Metadata {
        created_at: String,
        #[serde(default)]
        users: Vec<User>,
    }
    #[derive(Deserialize)]
    struct User {
        name: String,
    }
    let metadata: Metadata = serde_json::from_str(text).ok()?;
    let names: Vec<String> = metadata.users.into_iter().map(|user| user.name).collect();
    Some(Student {
        key: key.to_owned(),
        name: names.join(", "),
        handed_in: Moment::read(&metadata.created_at),
        ..Student::default()
    })
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = |quote| {
        text.strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    match (inner('"'), inner('\'')) {
        (Some(inner), _) => inner.replace("\\\"", "\""),
        (None, Some(inner)) => inner.replace("''", "'"),
        (None, None) if text == "null" || text == "~" => String::new(),
        (None, None) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(text: &str) -> Roster {
        let sheet = Sheet::parse(text.as_bytes().to_vec()).expect("is a table");
        Roster::read(&sheet).expect("has headings")
    }

    fn student(id: &str, name: &str) -> Student {
        Student {
            submission: if id.is_empty() { name } else { id }.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            ..Student::default()
        }
    }

    #[test]
    fn a_roster_adds_ids_and_those_who_handed_in_nothing() {
        let roster = roster(
            "\u{feff}Email;Last name;First name;Student ID\r\n\
             jm@x.org;M\u{fc}ller;J\u{f6}rg;#100\r\nal@x.org;Lee;Ann;101\r\nbo@x.org;Dam;Bo;102\r\n",
        );
        let mut students = [
            student("", "Mu\u{308}ller, Jo\u{308}rg"),
            student("al", "A. Lee"),
            student("9", "Nobody"),
        ];
        let (absent, unknown) = roster.complete(&mut students);
        assert_eq!(
            (students[0].id.as_str(), students[1].id.as_str()),
            ("100", "101")
        );
        assert_eq!(students[1].system_id, "al");
        assert_eq!((absent.len(), absent[0].name.as_str()), (1, "Bo Dam"));
        assert_eq!(unknown, ["Nobody"]);
        let mut canvas = [student("7", "vandambo")];
        let named = super::tests::roster(
            "Student,ID,SIS User ID\n    Points Possible,,\n\"van Dam, Bo\",70,s1\n",
        );
        assert_eq!(named.complete(&mut canvas).1, Vec::<String>::new());
        assert_eq!(canvas[0].name, "van Dam, Bo");
        let nameless = Sheet::parse(b"a,b\n1,2\n".to_vec()).expect("is a table");
        assert!(Roster::read(&nameless).is_err_and(|why| why.contains("no column")));
    }

    #[test]
    fn two_of_one_name_are_not_mixed_up() {
        let roster = roster("id,name\n1,Ann Lee\n2,Ann Lee\n");
        let mut students = [student("2", "Ann Lee"), student("", "Ann Lee")];
        let (absent, unknown) = roster.complete(&mut students);
        assert_eq!(students.map(|student| student.id), ["2", "1"]);
        assert!(absent.is_empty() && unknown.is_empty());
    }

    #[test]
    fn an_autograder_s_metadata_is_read() {
        let metadata = r#"{"id": 1, "created_at": "2018-07-01T14:22:32.365935-07:00", "submission_method": "upload",
            "assignment": {"due_date": null, "group_size": 2}, "previous_submissions": [{"score": 0.0, "results": {}}],
            "users": [{"id": 1, "name": "Ann Lee", "email": "a@x.org"}, {"id": 2, "name": "Bo"}]}"#;
        let group = gradescope_submitters(metadata, "submission").expect("is read");
        assert_eq!(
            (group.key.as_str(), group.name.as_str()),
            ("submission", "Ann Lee, Bo")
        );
        assert_eq!(
            group.handed_in.map(|moment| moment.to_string()),
            Some("2018-07-01 14:22:32 -07:00".to_owned())
        );
        assert_eq!(gradescope_submitters("{\"users\": 3}", "submission"), None);
    }

    #[test]
    fn gradescope_s_metadata_is_read() {
        let people = gradescope_people(
            "---\nsubmission_5:\n  :submitters:\n  - :name: \"Ann \\\"A\\\" Lee\"\n    :sid: '0101'\n    :email: al@x.org\n  \
             - :name: Bo\n    :sid: '0102'\n  :created_at: 2021-10-19 23:54:59.123 Z\n  :score: 5.0\n  :history:\n  \
             - :id: 1\n    :created_at: 2021-10-01 10:00:00 Z\nsubmission_6:\n  :submitters:\n  - :name: Cy\n    \
             :sid:\n    :email: cy@x.org\n  :created_at: 2021-10-20 00:00:00 -0400\n",
        );
        let seen: Vec<_> = people
            .iter()
            .map(|one| {
                (
                    one.key.as_str(),
                    one.id.as_str(),
                    one.name.as_str(),
                    one.handed_in.is_some(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("submission_5", "0101", "Ann \"A\" Lee, Bo", true),
                ("submission_6", "", "Cy", true)
            ]
        );
        assert_eq!(
            people[0].handed_in.map(|moment| moment.to_string()),
            Some("2021-10-19 23:54:59 +00:00".to_owned())
        );
    }
}
