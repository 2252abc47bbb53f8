//! Marks that a person gives, for style or the README: a CSV file with a line for each student and group.

use std::collections::BTreeMap;

use super::points::Points;
use super::rubric::HandGroup;
use crate::classroom::people::People;
use crate::classroom::sheet::Sheet;

/// A mark given by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandMark {
    /// The group of the rubric.
    pub what: String,
    /// The points.
    pub points: Points,
    /// What the person wrote; may be empty.
    pub remark: String,
}

/// The marks of a class, by submission.
pub type HandMarks = BTreeMap<String, Vec<HandMark>>;

/// Reads marks. `groups` are those of the rubric.
///
/// # Errors
/// The first mistake, with its line.
pub fn read(sheet: &Sheet, groups: &[HandGroup], people: &People) -> Result<HandMarks, String> {
    let column = |names: &[&str]| {
        let found = sheet.column(0, names);
        found.ok_or_else(|| {
            format!(
                "line 1: no column `{}`; the columns are who, what, points, remark",
                names[0]
            )
        })
    };
    let who = column(&["who", "student", "id", "name"])?;
    let what = column(&["what", "group"])?;
    let points = column(&["points", "mark"])?;
    let remark = column(&["remark", "comment"]).ok();
    let mut marks = HandMarks::new();
    for row in 1..sheet.len() {
        let line = sheet.line(row);
        let who = sheet.text(row, who);
        if who.is_empty() && sheet.text(row, what).is_empty() {
            continue;
        }
        let wrong = |why: String| format!("line {line}: {why}");
        let student = people.called(&who).map_err(wrong)?;
        let what = sheet.text(row, what);
        let group = groups
            .iter()
            .find(|group| group.what.eq_ignore_ascii_case(&what));
        let group = group.ok_or_else(|| {
            let known: Vec<&str> = groups.iter().map(|group| group.what.as_str()).collect();
            let known = match known.is_empty() {
                true => "no group by hand; add [[by_hand]]".to_owned(),
                false => known.join(", "),
            };
            wrong(format!("the rubric has no group {what:?}; it has {known}"))
        })?;
        let text = sheet.text(row, points);
        let number: Option<f64> = text.replace(',', ".").parse().ok();
        let most = group.points.as_f64();
        let number = number.filter(|number| (0.0..=most).contains(number));
        let number = number.ok_or_else(|| {
            wrong(format!(
                "{text:?} is not a number of points from 0 to {}",
                group.points
            ))
        })?;
        if student.submission.is_empty() {
            let name = student.shown();
            return Err(wrong(format!("{name} handed in nothing")));
        }
        let of_student = marks.entry(student.submission.clone()).or_default();
        if of_student.iter().any(|mark| mark.what == group.what) {
            return Err(wrong(format!(
                "{who} has a mark for {:?} already",
                group.what
            )));
        }
        of_student.push(HandMark {
            what: group.what.clone(),
            points: Points::nearest(number),
            remark: remark.map_or(String::new(), |column| sheet.text(row, column).into_owned()),
        });
    }
    Ok(marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classroom::layout::Layout;
    use crate::classroom::people::Student;

    fn read_text(text: &str) -> Result<HandMarks, String> {
        let student = |id: &str, name: &str| Student {
            submission: id.to_owned(),
            id: id.to_owned(),
            name: name.to_owned(),
            ..Student::default()
        };
        let people = People {
            layout: Layout::Sakai,
            root: String::new(),
            students: vec![student("jm5", "Jörg Müller"), student("al", "Lee, Ann")],
            absent: vec![Student {
                id: "gg".to_owned(),
                ..Student::default()
            }],
        };
        let groups = [HandGroup {
            what: "Style".to_owned(),
            points: Points::whole(20),
        }];
        let sheet = Sheet::parse(text.as_bytes().to_vec()).expect("is a table");
        read(&sheet, &groups, &people)
    }

    #[test]
    fn marks_are_found_by_id_or_name() {
        let marks = read_text(
            "who;what;points;remark\nM\u{fc}ller, J\u{f6}rg;style;12,5;\"long; functions\"\nAL;Style;20;\n\n",
        );
        let marks = marks.expect("is right");
        assert_eq!(marks["jm5"][0].points, Points::nearest(12.5));
        assert_eq!(marks["jm5"][0].remark, "long; functions");
        assert_eq!(marks["al"][0].points, Points::whole(20));
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        for (text, expected) in [
            ("who,what\n", "line 1: no column `points`"),
            (
                "who,what,points\nzed,Style,1\n",
                "line 2: nobody in the class is called \"zed\"",
            ),
            (
                "who,what,points\nal,Readme,1\n",
                "line 2: the rubric has no group \"Readme\"; it has Style",
            ),
            (
                "who,what,points\nal,Style,21\n",
                "line 2: \"21\" is not a number of points from 0 to 20",
            ),
            (
                "who,what,points\nal,Style,1\nal,Style,2\n",
                "line 3: al has a mark",
            ),
            (
                "who,what,points\ngg,Style,1\n",
                "line 2: gg handed in nothing",
            ),
        ] {
            let why = read_text(text).expect_err(text);
            assert!(why.starts_with(expected), "{why}");
        }
    }
}
