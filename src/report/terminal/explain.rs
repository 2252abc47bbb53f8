//! A page about a requirement or a transcript: what it asks, by which words of the assignment, and what to look at.

use std::fmt::Write;

use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::report::text::{harmless, paragraph, quoted, sentence};

/// Columns of the pages: they are read in terminals, files and mails.
const COLUMNS: usize = 80;

/// A page about a requirement and the transcripts that test it.
pub fn requirement(requirement: &Requirement, cases: &[&Case]) -> String {
    let mut page = format!("{} ({})\n", requirement.id, level(requirement.level));
    page.push_str(&paragraph(&sentence(&requirement.sentence), "", COLUMNS));
    page.push('\n');
    if !requirement.assignment.is_empty() {
        page.push_str(&paragraph(
            &quoted(requirement),
            "Assignment says:  ",
            COLUMNS,
        ));
    }
    if let Some(reason) = &requirement.reason {
        page.push_str(&paragraph(&sentence(reason), "Why it is asked:  ", COLUMNS));
    }
    page.push_str(&paragraph(
        &sentence(&requirement.fix),
        "What to look at:  ",
        COLUMNS,
    ));
    page.push('\n');
    if cases.is_empty() {
        page.push_str("✗ No transcript tests it.\n");
    } else {
        page.push_str("Tested by:\n");
    }
    for case in cases {
        let _ = writeln!(page, "  {}", harmless(&case.name));
        let top = harmless(&case.transcript.sentence);
        page.push_str(&paragraph(&top, "    ", COLUMNS));
    }
    page
}

/// A page about a transcript: its text, and the requirements that it tests.
pub fn transcript(case: &Case, requirements: &[Requirement]) -> String {
    let mut page = format!("{}\n\n", harmless(&case.name));
    for line in case.source.lines() {
        let _ = writeln!(page, "{}", format!("    {}", harmless(line)).trim_end());
    }
    page.push_str("\nIt tests:\n");
    for id in &case.transcript.covers {
        match requirements
            .iter()
            .find(|requirement| requirement.id == *id)
        {
            Some(requirement) => {
                let _ = writeln!(page, "  {id} ({})", level(requirement.level));
                page.push_str(&paragraph(
                    &sentence(&requirement.sentence),
                    "    ",
                    COLUMNS,
                ));
            }
            None => {
                let _ = writeln!(page, "  {}: ✗ there is no such requirement", harmless(id));
            }
        }
    }
    page
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "must: the assignment says so",
        Level::Implied => "implied: the assignment cannot work without it",
        Level::Hardening => "hardening: beyond the assignment, not counted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, text::unseen, text::width};

    fn requirements() -> Vec<Requirement> {
        let entries = fixture::server().requirements;
        entries.into_iter().map(|entry| entry.requirement).collect()
    }

    fn refused() -> Case {
        let mut transcripts = fixture::server().transcripts.into_iter();
        let refused = transcripts.find(|judged| judged.case.name.ends_with("/refused"));
        refused.expect("is in the fixture").case
    }

    #[test]
    fn a_requirement_has_its_words_its_advice_and_its_transcripts() {
        let requirements = requirements();
        let taken_name = requirements
            .iter()
            .find(|requirement| requirement.id == "S-REG-5")
            .expect("is there");
        let page = requirement(taken_name, &[&refused()]);
        for part in [
            "S-REG-5 (must",
            "A name in use is answered with status 401, and its first holder keeps it.\n",
            "Assignment says:  “If the user name",
            "What to look at:  Look the name up",
            "  server/registration/refused\n    A name in use is refused",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        assert!(page.lines().all(|line| width(line) <= COLUMNS), "{page}");
        assert!(requirement(taken_name, &[]).contains("✗ No transcript tests it."));
    }

    #[test]
    fn a_transcript_has_its_text_and_what_it_judges() {
        let page = transcript(&refused(), &requirements());
        assert!(
            page.contains("    impostor > REGISTER alice CHAT/1.0\n"),
            "{page}"
        );
        assert!(page.contains("  S-REG-5 (must"), "{page}");
        assert!(page.contains("  S-REG-7 (must"), "{page}");
        let page = transcript(&refused(), &[]);
        assert!(
            page.contains("  S-REG-5: ✗ there is no such requirement\n"),
            "{page}"
        );
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let mut case = refused();
        case.source = fixture::HOSTILE.to_string();
        case.name = fixture::HOSTILE.to_string();
        case.transcript.covers = vec![fixture::HOSTILE.to_string()];
        assert_eq!(unseen(&transcript(&case, &requirements())), None);
        assert_eq!(unseen(&requirement(&requirements()[0], &[&case])), None);
    }
}
