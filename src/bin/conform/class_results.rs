//! The marks of a class while it is graded. They stay in memory: a program under test may be able to change files on
//! disk, and the disk may be full.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chat_conformance::classroom::people::People;
use chat_conformance::conformance::evidence::visible_name;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::grading::assessment::{About, Assessment, assess_about};
use chat_conformance::grading::hand_marks::HandMarks;
use chat_conformance::grading::record::Record;
use chat_conformance::grading::rubric::Rubric;
use chat_conformance::grading::store::{CHANGED_EVIDENCE, Changed, EVIDENCE, Store};

use crate::complain;
use crate::reports::{remove_for_submission, write_for_submission};

/// Maximum number of submissions named in one message.
const TOLD: usize = 10;

/// The marks of a class, and where its results are written.
pub struct ClassResults<'a> {
    store: &'a Store,
    suite: &'a Suite,
    rubric: &'a Rubric,
    people: Option<People>,
    marks: HandMarks,
    pages: Mutex<BTreeMap<String, Page>>,
}

struct Page {
    assessment: Assessment,
    /// Why its results could not be written.
    trouble: Option<String>,
}

impl<'a> ClassResults<'a> {
    /// The results of a class of which nobody is graded yet.
    pub fn new(store: &'a Store, suite: &'a Suite, rubric: &'a Rubric) -> ClassResults<'a> {
        ClassResults {
            store,
            suite,
            rubric,
            people: None,
            marks: HandMarks::new(),
            pages: Mutex::default(),
        }
    }

    /// Adds who is in the class, and the marks that a person gave.
    pub fn about(self, people: Option<People>, marks: HandMarks) -> ClassResults<'a> {
        ClassResults {
            people,
            marks,
            ..self
        }
    }

    fn assessed(&self, record: Record) -> Assessment {
        let name = record.submission.as_str();
        let people = self.people.as_ref();
        let about = About {
            student: people
                .and_then(|people| people.of_submission(name))
                .cloned(),
            by_hand: self.marks.get(name).cloned().unwrap_or_default(),
        };
        assess_about(record, self.suite, self.rubric, about)
    }

    /// Writes a submission's evidence and reports, and remembers its mark. What cannot be written becomes a doubt.
    pub fn record(&self, record: &Record) {
        self.enter(record.clone(), self.store.keep(record));
    }

    /// Writes a submission's reports again, and remembers its mark. Its evidence was read from disk.
    pub fn settled(&self, record: Record) {
        self.enter(record, Ok(()));
    }

    fn enter(&self, record: Record, kept: Result<(), String>) {
        let mut assessment = self.assessed(record);
        let written = kept.and_then(|()| write_for_submission(self.store, &assessment));
        let trouble = written
            .err()
            .map(|why| self.without_reports(&assessment.submission, why));
        if let Some(why) = &trouble {
            assessment.doubt(format!("Its results could not be written: {why}."));
        }
        assessment.forget_conversations();
        let page = Page {
            assessment,
            trouble,
        };
        self.pages()
            .insert(page.assessment.submission.clone(), page);
    }

    /// Removes the reports of an earlier run if new results cannot be written: they may show another mark. Returns the
    /// reason.
    fn without_reports(&self, submission: &str, why: String) -> String {
        match remove_for_submission(self.store, submission) {
            Err(other) if other != why => {
                format!("{why}; reports of an earlier run cannot be removed: {other}")
            }
            _ => why,
        }
    }

    /// Checks that the results on disk are unchanged; no program under test is running any more. Changed reports are
    /// written again if the evidence is unchanged. Changed evidence is set aside, and other changed files are removed.
    /// The mark in memory stays valid.
    pub fn verify(&self) {
        for Changed { submission, files } in self.store.changed() {
            let Some(name) = submission else {
                let files = files.join(", ");
                complain(&format!(
                    "{files}: somebody changed this while the class was graded; it is written again"
                ));
                continue;
            };
            let (evidence, others): (Vec<&str>, Vec<&str>) = files
                .iter()
                .map(String::as_str)
                .partition(|file| *file == EVIDENCE);
            let removed = self.store.discard(&name, others.iter().copied());
            if let Some(page) = self.pages().get_mut(&name) {
                let files = some(files.iter().map(String::as_str));
                page.assessment.doubt(format!(
                    "Somebody changed its results while the class was graded: {files}. The mark is not made from \
                     them."
                ));
            }
            let mut what_now = if evidence.is_empty() {
                self.write_reports_again(&name)
            } else {
                match self.store.put_aside(&name) {
                    Ok(()) => format!(
                        "the evidence is kept as {CHANGED_EVIDENCE}, the other changed files are removed, and \
                         --resume judges the submission again"
                    ),
                    Err(why) => format!("and the evidence cannot be put aside: {why}"),
                }
            };
            if let Err(why) = removed {
                what_now.push_str(&format!("; a changed file cannot be removed: {why}"));
            }
            let files = some(files.iter().map(String::as_str));
            complain(&format!(
                "{}: somebody changed its results while the class was graded ({files}); the mark is the one in \
                 memory; {what_now}",
                visible_name(&name)
            ));
        }
    }

    /// Writes a submission's reports again if the mark in memory was made from the evidence on disk. Returns what it
    /// did, as a phrase.
    fn write_reports_again(&self, name: &str) -> String {
        let record = match self.store.unchanged_record_of(name) {
            Ok(Some(record)) => record,
            Ok(None) => return "its reports were removed, and its evidence is gone".to_owned(),
            Err(why) => return why,
        };
        let mut assessment = self.assessed(record);
        if let Some(page) = self.pages().get(name) {
            assessment.score = page.assessment.score.clone();
        }
        match write_for_submission(self.store, &assessment) {
            Ok(()) => "the reports were written again from the evidence".to_owned(),
            Err(why) => {
                let why = self.without_reports(name, why);
                let what_now = format!("its reports cannot be written again: {why}");
                if let Some(page) = self.pages().get_mut(name) {
                    page.assessment
                        .doubt(format!("Its results could not be written: {why}."));
                    page.trouble.get_or_insert(why);
                }
                what_now
            }
        }
    }

    /// Reports on standard error whose results could not be written.
    pub fn tell_troubles(&self) {
        let pages = self.pages();
        let mut troubles = pages.iter().filter_map(|(name, page)| {
            let why = page.trouble.as_ref()?;
            Some(format!(
                "{}: results not written: {why}",
                visible_name(name)
            ))
        });
        for trouble in troubles.by_ref().take(TOLD) {
            complain(&trouble);
        }
        let more = troubles.count();
        if more > 0 {
            complain(&format!(
                "the results of {more} more submissions could not be written"
            ));
        }
    }

    /// The assessments, by name.
    pub fn into_assessments(self) -> BTreeMap<String, Assessment> {
        let pages = self.pages.into_inner();
        let pages = pages.unwrap_or_else(PoisonError::into_inner);
        let assessment = |(name, page): (String, Page)| (name, page.assessment);
        pages.into_iter().map(assessment).collect()
    }

    fn pages(&self) -> MutexGuard<'_, BTreeMap<String, Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first names, and the number of the others.
pub fn some<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    let more = names.len().saturating_sub(TOLD);
    let mut shown: Vec<String> = names.take(TOLD).map(visible_name).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chat_conformance::grading::record::{Part, PartOutcome, SCHEMA};
    use chat_conformance::transcript::syntax::Role;
    use std::fs;
    use std::path::Path;

    fn record(suite: &Suite, reason: &str) -> Record {
        let parts = [Role::Server, Role::Client].map(|role| Part {
            role,
            command: Vec::new(),
            outcome: PartOutcome::NotFound {
                reason: reason.to_owned(),
            },
        });
        Record {
            schema: SCHEMA.to_owned(),
            submission: "ann".to_owned(),
            digest: String::new(),
            suite: suite.digest(),
            parts: parts.into(),
            is_doubtful: false,
        }
    }

    /// With the results of `ann`, which were written.
    fn with_results(act: impl FnOnce(&ClassResults<'_>, &Path)) {
        let place = tempfile::tempdir().expect("a folder");
        let suite = Suite::embedded().expect("is right");
        let rubric = Rubric::built_in(&suite.requirements).expect("is right");
        let store = Store::begin(place.path()).expect("is new");
        let class_results = ClassResults::new(&store, &suite, &rubric);
        class_results.record(&record(&suite, "First."));
        assert!(class_results.pages()["ann"].trouble.is_none());
        act(&class_results, &place.path().join("ann"));
    }

    fn replace_by_folder(file: &Path) {
        fs::remove_file(file).expect("was there");
        fs::create_dir(file).expect("is made");
    }

    fn reports_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("is there").flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        let mut names: Vec<String> = files
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with("evidence.json"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn no_report_of_an_earlier_run_stays_where_results_cannot_be_written() {
        for unwritable in [EVIDENCE, "report.html", "summary.md"] {
            with_results(|class_results, folder| {
                assert!(reports_in(folder).len() > 5);
                replace_by_folder(&folder.join(unwritable));
                class_results.record(&record(class_results.suite, "Second."));
                assert_eq!(reports_in(folder), Vec::<String>::new(), "{unwritable}");
                let page = &class_results.pages()["ann"];
                assert!(page.trouble.is_some() && !page.assessment.score.doubts.is_empty());
            });
        }
    }

    #[test]
    fn changed_reports_are_written_again_from_unchanged_evidence_only() {
        with_results(|class_results, folder| {
            let report = folder.join("result.json");
            let forge = || fs::write(&report, "forged").expect("is written");
            forge();
            class_results.verify();
            let text = fs::read_to_string(&report).expect("is there");
            assert!(
                text.contains("First.") && text.contains("Somebody changed"),
                "{text}"
            );
            forge();
            let other = serde_json::to_vec(&record(class_results.suite, "Forged."));
            fs::write(folder.join(EVIDENCE), other.expect("serialises")).expect("is written");
            let again = class_results.write_reports_again("ann");
            assert!(again.contains("evidence is gone"), "{again}");
            class_results.verify();
            assert!(!report.exists() && !folder.join(EVIDENCE).exists());
            assert!(folder.join(CHANGED_EVIDENCE).exists());
            let pages = class_results.pages();
            let score = &pages["ann"].assessment.score;
            assert!(
                score
                    .parts
                    .iter()
                    .flat_map(|part| &part.requirements)
                    .all(|entry| entry.reason != "Forged.")
            );
        });
    }
}
