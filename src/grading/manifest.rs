//! What the results of a class, or of a part of it, say of themselves; and how parts are merged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::classroom::people::People;
use crate::conformance::evidence::visible_name;

/// What the results in a folder have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: String,
    /// The class's name.
    pub class: String,
    /// Digest of the suite.
    pub suite: String,
    /// Digest of the rubric's text.
    pub rubric: String,
    /// The parts of the class that it contains, each as K/N; one part after a merge of all.
    pub shards: Vec<Shard>,
    /// Names of its submissions, in order.
    pub submissions: Vec<String>,
    /// Who is in the class. Results of an earlier version do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<People>,
}

/// Name and version of the manifest's schema.
pub const MANIFEST_SCHEMA: &str = "chat-conformance/run/1";

/// Each part knows the whole class, but only of its own submissions what was unpacked.
fn merged_people(parts: &[(String, &Manifest)]) -> Option<People> {
    let mut all = parts.iter().filter_map(|(_, part)| part.people.as_ref());
    let mut merged = all.next()?.clone();
    for people in all {
        for student in &mut merged.students {
            let other = people.of_submission(&student.submission);
            if let Some(other) = other.filter(|other| !other.notes.is_empty()) {
                student.notes.clone_from(&other.notes);
            }
        }
    }
    Some(merged)
}

impl Manifest {
    /// The manifest of merged parts. Each part comes with the name that messages use for it.
    ///
    /// # Errors
    /// Why the parts do not fit together, in a sentence.
    pub fn merged(parts: &[(String, &Manifest)]) -> Result<Manifest, String> {
        let Some(((first_name, first), others)) = parts.split_first() else {
            return Err("there are no parts to merge".to_owned());
        };
        for (name, other) in others {
            let difference = if other.suite != first.suite {
                "was recorded with another suite than"
            } else if other.rubric != first.rubric {
                "was scored with another rubric than"
            } else if other.class != first.class {
                "is of another class than"
            } else if other.of() != first.of() {
                "divides the class into another number of parts than"
            } else {
                continue;
            };
            return Err(format!("{name} {difference} {first_name}"));
        }
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, part) in parts {
            for submission in &part.submissions {
                if let Some(earlier) = seen.insert(submission, name) {
                    let submission = visible_name(submission);
                    return Err(format!("{submission} is in {earlier} and in {name}"));
                }
            }
        }
        let mut shards: Vec<Shard> = parts
            .iter()
            .flat_map(|(_, part)| part.shards.clone())
            .collect();
        shards.sort();
        let doubled = shards.windows(2).find(|pair| pair[0] == pair[1]);
        if let Some(pair) = doubled {
            return Err(format!("part {} is there twice", pair[0]));
        }
        let mut merged = Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            class: first.class.clone(),
            suite: first.suite.clone(),
            rubric: first.rubric.clone(),
            shards,
            submissions: seen.into_keys().map(str::to_owned).collect(),
            people: merged_people(parts),
        };
        if merged.missing_shards().is_empty() {
            merged.shards = vec![Shard::WHOLE];
        }
        Ok(merged)
    }

    /// The parts of the class that it lacks, in order.
    pub fn missing_shards(&self) -> Vec<Shard> {
        let of = self.of();
        let all = (1..=of).map(|number| Shard { number, of });
        all.filter(|shard| !self.shards.contains(shard)).collect()
    }

    /// The number of parts into which the class is divided.
    fn of(&self) -> u32 {
        self.shards.first().map_or(1, |shard| shard.of)
    }
}

/// A part of a class: the K-th of N, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// K.
    pub number: u32,
    /// N.
    pub of: u32,
}

impl Shard {
    /// The whole class.
    pub const WHOLE: Shard = Shard { number: 1, of: 1 };

    /// Whether a submission belongs to this part. It depends on the submission's name alone, so a late submission
    /// moves no other one.
    pub fn holds(self, submission: &str) -> bool {
        // FNV-1a. Any function that spreads names would do, but it must never change.
        let hash = submission
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        // The lowest bits of FNV-1a are poorly distributed.
        (hash >> 20) % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> String {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;
    fn try_from(text: String) -> Result<Shard, String> {
        text.parse()
    }
}

impl std::str::FromStr for Shard {
    type Err = String;
    fn from_str(text: &str) -> Result<Shard, String> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parsed {
            Some((number, of)) if (1..=of).contains(&number) && of <= 100_000 => {
                Ok(Shard { number, of })
            }
            _ => Err("K/N, such as 2/8: the second of eight parts".to_owned()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().expect(text)
    }

    #[test]
    fn each_submission_is_in_one_part_and_stays_there() {
        let parts: Vec<Shard> = (1..=5).map(|number| Shard { number, of: 5 }).collect();
        let mut sizes = [0; 5];
        for student in 0..500 {
            let name = format!("student-{student:03}");
            let holding: Vec<usize> = (0..5).filter(|at| parts[*at].holds(&name)).collect();
            assert_eq!(holding.len(), 1, "{name}");
            sizes[holding[0]] += 1;
        }
        assert!(
            sizes.iter().all(|size| (60..140).contains(size)),
            "{sizes:?}"
        );
        // If this assignment changes, classes that are being graded in parts break.
        assert!(shard("2/2").holds("student-000") != shard("1/2").holds("student-000"));
        assert!(Shard::WHOLE.holds("anybody"));
    }

    /// The manifest of a part of a class.
    pub(in crate::grading) fn manifest(shard: &str, submissions: &[&str]) -> Manifest {
        Manifest {
            schema: MANIFEST_SCHEMA.to_owned(),
            class: "class".to_owned(),
            suite: "suite".to_owned(),
            rubric: "rubric".to_owned(),
            shards: vec![self::shard(shard)],
            submissions: submissions.iter().map(|&name| name.to_owned()).collect(),
            people: None,
        }
    }

    #[test]
    fn parts_that_fit_make_a_whole_and_others_are_refused() {
        let first = manifest("1/2", &["bo", "cy"]);
        let merged = |other: &Manifest| {
            Manifest::merged(&[("one".to_owned(), &first), ("two".to_owned(), other)])
        };
        let whole = merged(&manifest("2/2", &["al"])).expect("fits");
        assert_eq!(
            (whole.shards, whole.submissions.join(" ")),
            (vec![Shard::WHOLE], "al bo cy".to_owned())
        );
        let two_of_three = Manifest::merged(&[
            ("one".to_owned(), &manifest("3/3", &["bo"])),
            ("two".to_owned(), &manifest("1/3", &["al"])),
        ]);
        let two_of_three = two_of_three.expect("they fit");
        assert_eq!(
            two_of_three.shards,
            [self::shard("1/3"), self::shard("3/3")]
        );
        assert_eq!(two_of_three.missing_shards(), [self::shard("2/3")]);
        assert!(
            merged(&manifest("2/3", &["al"]))
                .is_err_and(|why| why.contains("another number of parts"))
        );
        let other = |change: fn(&mut Manifest)| {
            let mut other = manifest("2/2", &["al"]);
            change(&mut other);
            merged(&other).expect_err("does not fit")
        };
        assert!(
            other(|other| other.suite.clear())
                .contains("two was recorded with another suite than one")
        );
        assert!(other(|other| other.rubric.clear()).contains("another rubric"));
        assert!(other(|other| other.class.clear()).contains("another class"));
        assert!(
            other(|other| other.submissions = vec!["bo".to_owned()])
                .contains("bo is in one and in two")
        );
        assert!(
            other(|other| other.shards = vec![self::shard("1/2")])
                .contains("part 1/2 is there twice")
        );
    }

    #[test]
    fn a_part_is_written_as_two_numbers() {
        assert_eq!(shard("2/8").to_string(), "2/8");
        for wrong in ["0/2", "3/2", "1", "1/", "-1/2", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
