//! Every requirement with the transcripts that test it.

use std::fmt::Write;

use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::Requirement;
use crate::report::text::{count, cut_between_words, harmless, pad, paragraph};

/// Columns of the list: it is read in terminals, files and mails.
const COLUMNS: usize = 80;

/// Columns before the sentences, and before the transcripts' names.
const ID: usize = 8;
const LEVEL: usize = 9;
const MARGIN: usize = ID + 2;

/// Each requirement with its transcripts below it; at the end the totals and the mistakes.
pub fn render(requirements: &[Requirement], cases: &[Case]) -> String {
    let mut shown = String::new();
    for requirement in requirements {
        shown.push_str(&requirement_line(requirement));
        for line in transcript_lines(&requirement.id, cases) {
            let _ = writeln!(shown, "{}{line}", " ".repeat(MARGIN));
        }
    }
    let requirements_count = count(requirements.len(), "requirement");
    let cases_count = count(cases.len(), "transcript");
    let _ = writeln!(shown, "\n{requirements_count}, {cases_count}.");
    shown + &amiss(requirements, cases)
}

fn requirement_line(requirement: &Requirement) -> String {
    let columns = COLUMNS - MARGIN - LEVEL - 2;
    let sentence = cut_between_words(&requirement.sentence, columns);
    let id = pad(&requirement.id, ID);
    format!("{id}  {:LEVEL$}  {sentence}\n", requirement.level)
}

fn transcript_lines(id: &str, cases: &[Case]) -> Vec<String> {
    let judges = |case: &&Case| case.transcript.covers.iter().any(|covered| covered == id);
    let names = cases.iter().filter(judges).map(|case| harmless(&case.name));
    let lines: Vec<String> = names.collect();
    if lines.is_empty() {
        vec!["✗ NO TRANSCRIPT TESTS IT".to_string()]
    } else {
        lines
    }
}

/// Requirements without a transcript, and unknown ids in transcripts.
fn amiss(requirements: &[Requirement], cases: &[Case]) -> String {
    let covered = |id: &String| cases.iter().any(|case| case.transcript.covers.contains(id));
    let ids = requirements.iter().map(|requirement| &requirement.id);
    let bare: Vec<&str> = ids.filter(|id| !covered(id)).map(String::as_str).collect();
    let mut shown = String::new();
    if !bare.is_empty() {
        let text = format!("{} without a transcript: {}", bare.len(), bare.join(", "));
        shown.push_str(&paragraph(&text, "✗ ", COLUMNS));
    }
    for case in cases {
        let known = |id: &&String| {
            requirements
                .iter()
                .any(|requirement| requirement.id == **id)
        };
        for id in case.transcript.covers.iter().filter(|id| !known(id)) {
            let (name, id) = (harmless(&case.name), harmless(id));
            let text = format!("{name} covers {id}, and there is no such requirement");
            shown.push_str(&paragraph(&text, "✗ ", COLUMNS));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, text::unseen};

    fn suite() -> (Vec<Requirement>, Vec<Case>) {
        let result = fixture::server();
        let entries = result
            .requirements
            .into_iter()
            .map(|entry| entry.requirement);
        let cases = result.transcripts.into_iter().map(|judged| judged.case);
        (entries.collect(), cases.collect())
    }

    #[test]
    fn each_requirement_has_its_transcripts_below_it() {
        let (requirements, cases) = suite();
        let shown = render(&requirements, &cases);
        let both = "\n          server/broadcast/unchanged\n          server/broadcast/to-others\n";
        assert!(
            shown.contains("S-MSG-1   must       a message is relayed"),
            "{shown}"
        );
        assert!(shown.contains(both), "{shown}");
        assert!(
            shown.contains("\n13 requirements, 14 transcripts.\n"),
            "{shown}"
        );
    }

    #[test]
    fn a_requirement_without_a_transcript_cannot_be_overlooked() {
        let (requirements, cases) = suite();
        let shown = render(&requirements, &cases);
        assert!(
            shown.contains("          ✗ NO TRANSCRIPT TESTS IT\n"),
            "{shown}"
        );
        assert!(
            shown.ends_with("✗ 1 without a transcript: S-MSG-6\n"),
            "{shown}"
        );
        let (requirements, cases): (Vec<_>, Vec<_>) =
            (requirements[..1].to_vec(), cases[..1].to_vec());
        assert!(!render(&requirements, &cases).contains('✗'));
    }

    #[test]
    fn an_unknown_id_is_reported() {
        let (requirements, mut cases) = suite();
        cases[0].transcript.covers.push("S-REG-99".to_string());
        let shown = render(&requirements, &cases);
        assert!(
            shown.contains("server/wire/line-end covers S-REG-99"),
            "{shown}"
        );
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let (requirements, mut cases) = suite();
        cases[0].name = fixture::HOSTILE.to_string();
        cases[0]
            .transcript
            .covers
            .push(fixture::HOSTILE.to_string());
        assert_eq!(unseen(&render(&requirements, &cases)), None);
    }
}
