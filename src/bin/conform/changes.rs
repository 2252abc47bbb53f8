//! Which verdicts on a class changed since its marks were written, for `conform grade --again`.

use std::collections::BTreeMap;
use std::fmt::Write;

use chat_conformance::conformance::evidence::visible_name;
use chat_conformance::conformance::judge::result::Verdict;
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::report::verdict_word;
use chat_conformance::transcript::syntax::Role;
use serde::Deserialize;

/// Maximum number of changes that are printed.
const MOST_SHOWN: usize = 20;

/// Each verdict on a class.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdicts(BTreeMap<Key, Verdict>);

/// A submission, its program, and the id of a requirement.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    submission: String,
    role: Role,
    requirement: String,
}

/// The part of `class.json` that is read here.
#[derive(Deserialize)]
struct Document {
    submissions: Vec<Submission>,
}

#[derive(Deserialize)]
struct Submission {
    submission: String,
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    role: Role,
    requirements: Vec<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    id: String,
    verdict: Verdict,
}

impl Verdicts {
    /// The verdicts in the text of a `class.json`; `None` if it is not one.
    pub fn stored(class_json: &str) -> Option<Verdicts> {
        let document: Document = serde_json::from_str(class_json).ok()?;
        let verdicts = document.submissions.into_iter().flat_map(|submission| {
            let name = submission.submission;
            submission.parts.into_iter().flat_map(move |part| {
                let name = name.clone();
                let judged = part.requirements.into_iter();
                judged.map(move |judged| (key(&name, part.role, judged.id), judged.verdict))
            })
        });
        Some(Verdicts(verdicts.collect()))
    }

    /// The verdicts of these assessments.
    pub fn of<'a>(assessments: impl Iterator<Item = &'a Assessment>) -> Verdicts {
        let verdicts = assessments.flat_map(|assessment| {
            let parts = assessment.score.parts.iter();
            parts.flat_map(|part| {
                let entries = part.requirements.iter();
                entries.map(|entry| {
                    let id = entry.requirement.id.clone();
                    (key(&assessment.submission, part.role, id), entry.verdict)
                })
            })
        });
        Verdicts(verdicts.collect())
    }

    /// Says how these verdicts differ from those that were stored `before`.
    pub fn changes_since(&self, before: &Verdicts) -> String {
        let changed: Vec<(&Key, Verdict, Verdict)> = self
            .0
            .iter()
            .filter_map(|(key, now)| Some((key, *before.0.get(key)?, *now)))
            .filter(|(_, before, now)| before != now)
            .collect();
        let mut text = match changed.len() {
            0 => return "No verdict changed.\n".to_owned(),
            1 => "1 verdict changed:\n".to_owned(),
            count => format!("{count} verdicts changed:\n"),
        };
        for (key, before, now) in changed.iter().take(MOST_SHOWN) {
            let role = key.role;
            let _ = writeln!(
                text,
                "  {} {role} {} {} -> {}",
                visible_name(&key.submission),
                visible_name(&key.requirement),
                verdict_word(*before),
                verdict_word(*now)
            );
        }
        if let Some(more) = changed
            .len()
            .checked_sub(MOST_SHOWN)
            .filter(|more| *more > 0)
        {
            let _ = writeln!(text, "  and {more} more");
        }
        text
    }
}

fn key(submission: &str, role: Role, requirement: String) -> Key {
    Key {
        submission: submission.to_owned(),
        role,
        requirement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(verdicts: &[(&str, &str)]) -> Verdicts {
        let pairs: Vec<String> = verdicts
            .iter()
            .map(|(id, verdict)| {
                format!("{{\"id\": {id:?}, \"verdict\": {verdict:?}, \"points\": 1}}")
            })
            .collect();
        let class = format!(
            "{{\"submissions\": [{{\"submission\": \"ann\", \"parts\": [{{\"role\": \"server\", \"requirements\": [{}]}}]}}]}}",
            pairs.join(",")
        );
        Verdicts::stored(&class).expect("is a class")
    }

    #[test]
    fn changed_verdicts_are_named() {
        let before = stored(&[("S-REG-1", "pass"), ("S-REG-2", "fail")]);
        assert_eq!(before.changes_since(&before), "No verdict changed.\n");
        let now = stored(&[
            ("S-REG-1", "pass"),
            ("S-REG-2", "pass"),
            ("S-REG-3", "fail"),
        ]);
        assert_eq!(
            now.changes_since(&before),
            "1 verdict changed:\n  ann server S-REG-2 fails -> passes\n"
        );
    }

    #[test]
    fn a_long_list_is_cut() {
        let ids: Vec<String> = (0..30).map(|id| format!("S-{id}")).collect();
        let all = |verdict: &'static str| {
            let verdicts: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), verdict)).collect();
            stored(&verdicts)
        };
        let text = all("not_applicable").changes_since(&all("untested"));
        assert!(text.starts_with("30 verdicts changed:"), "{text}");
        assert!(text.ends_with("\n  and 10 more\n"), "{text}");
        assert_eq!(text.lines().count(), 22);
    }

    #[test]
    fn other_files_hold_no_verdicts() {
        for text in ["", "{}", "{\"submissions\": 1}"] {
            assert_eq!(Verdicts::stored(text), None, "{text}");
        }
    }
}
