//! The result as JUnit XML, which most continuous integration systems show: a suite a program, a case a transcript.
//!
//! A transcript that only speaks of rows on which no points hang never fails its suite: it is skipped, and says why.

use std::fmt::Write;

use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::{RunResult, TranscriptResult, Verdict};
use crate::conformance::suite::requirement::Requirement;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::score::PartScore;
use crate::report::plain::{line, lines};
use crate::report::text::sentence;
use crate::report::told::{any_counts, held_against, mark, place, scored, shortfall};

/// The whole document.
pub fn render(assessment: &Assessment) -> String {
    let suites: Vec<Suite> = assessment
        .parts
        .iter()
        .map(|part| Suite::of(part, scored(assessment, part.role)))
        .collect();
    let cases = || suites.iter().flat_map(|suite| &suite.cases);
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    xml.push_str(&attribute("name", &visible_name(&assessment.submission)));
    xml.push_str(&counts(cases()));
    xml.push_str(&time(suites.iter().map(|suite| suite.seconds).sum()));
    xml.push_str(">\n");
    for suite in &suites {
        suite.write(assessment, &mut xml);
    }
    xml + "</testsuites>\n"
}

struct Suite<'a> {
    part: &'a AssessedPart,
    scored: Option<&'a PartScore>,
    cases: Vec<Case>,
    seconds: f64,
}

struct Case {
    name: String,
    class: String,
    seconds: f64,
    /// The transcript's file and the line in it.
    place: Option<(String, usize)>,
    said: Option<Said>,
    output: String,
}

/// What is said of a case that does not pass.
struct Said {
    element: Element,
    /// The ids of the rows that it is held against, or the verdict.
    kind: String,
    message: String,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Failure,
    Error,
    Skipped,
}

impl Element {
    fn name(self) -> &'static str {
        match self {
            Element::Failure => "failure",
            Element::Error => "error",
            Element::Skipped => "skipped",
        }
    }
}

impl<'a> Suite<'a> {
    fn of(part: &'a AssessedPart, scored: Option<&'a PartScore>) -> Suite<'a> {
        let cases = match &part.result {
            Ok(result) => {
                let judged = result.transcripts.iter();
                judged.map(|judged| case(judged, result, scored)).collect()
            }
            Err(unjudged) => vec![not_judged(part, unjudged)],
        };
        Suite {
            part,
            scored,
            cases,
            seconds: part.result.as_ref().map_or(0.0, |result| result.seconds),
        }
    }

    fn write(&self, assessment: &Assessment, xml: &mut String) {
        xml.push_str("  <testsuite");
        xml.push_str(&attribute("name", &self.part.role.to_string()));
        xml.push_str(&counts(self.cases.iter()));
        xml.push_str(&time(self.seconds));
        xml.push_str(">\n    <properties>\n");
        property("submission", &visible_name(&assessment.submission), xml);
        property("command", &self.part.command.join(" "), xml);
        if let Some(part) = self.scored {
            property("points", &mark(part.earned, part.most), xml);
        }
        xml.push_str("    </properties>\n");
        for case in &self.cases {
            case.write(xml);
        }
        xml.push_str("  </testsuite>\n");
    }
}

impl Case {
    fn write(&self, xml: &mut String) {
        xml.push_str("    <testcase");
        xml.push_str(&attribute("name", &self.name));
        xml.push_str(&attribute("classname", &self.class));
        xml.push_str(&time(self.seconds));
        if let Some((file, line)) = &self.place {
            xml.push_str(&attribute("file", file));
            xml.push_str(&attribute("line", &line.to_string()));
        }
        xml.push_str(">\n");
        if let Some(said) = &self.said {
            said.write(xml);
        }
        if !self.output.is_empty() {
            let output = text(&self.output);
            let _ = writeln!(xml, "      <system-out>{output}</system-out>");
        }
        xml.push_str("    </testcase>\n");
    }
}

impl Said {
    fn write(&self, xml: &mut String) {
        let name = self.element.name();
        let message = attribute("message", &self.message);
        // The usual schemas give a skipped case a message and nothing else.
        if self.element == Element::Skipped {
            let _ = writeln!(xml, "      <skipped{message}/>");
            return;
        }
        let kind = attribute("type", &self.kind);
        let text = text(&self.text);
        let _ = writeln!(xml, "      <{name}{message}{kind}>{text}</{name}>");
    }
}

fn case(judged: &TranscriptResult, result: &RunResult, scored: Option<&PartScore>) -> Case {
    let name = &judged.case.name;
    let (class, name) = name.rsplit_once('/').unwrap_or(("", name));
    Case {
        name: name.to_owned(),
        class: class.replace('/', "."),
        seconds: judged.runs.iter().map(|run| run.seconds).sum(),
        place: Some(place(judged)),
        said: said(judged, result, scored),
        output: String::new(),
    }
}

fn said(judged: &TranscriptResult, result: &RunResult, scored: Option<&PartScore>) -> Option<Said> {
    let outcome = judged.telling_run().map(|run| run.outcome.to_string());
    let outcome = outcome.unwrap_or_default();
    let (element, kind, message) = match judged.verdict {
        Verdict::Pass => return None,
        Verdict::Fail => (
            Element::Failure,
            held_against(judged).join(" "),
            outcome.clone(),
        ),
        Verdict::Unsure => (Element::Error, "unsure".to_owned(), unsure(judged)),
        Verdict::Blocked => {
            let by = judged.blocked_by.as_deref().unwrap_or("another row");
            let message = format!("blocked: {by} does not hold");
            (Element::Skipped, "blocked".to_owned(), message)
        }
        Verdict::NotApplicable => (Element::Skipped, "not applicable".to_owned(), outcome),
        Verdict::Untested => (
            Element::Skipped,
            "untested".to_owned(),
            "untested".to_owned(),
        ),
    };
    let told = Said {
        element,
        kind,
        message,
        text: details(judged, result),
    };
    if element != Element::Skipped && !any_counts(scored, held_against(judged)) {
        return Some(Said {
            element: Element::Skipped,
            message: format!("not counted ({}): {}", told.kind, told.message),
            ..told
        });
    }
    Some(told)
}

fn unsure(judged: &TranscriptResult) -> String {
    let outcome = judged.telling_run().map(|run| run.outcome.to_string());
    let (passed, runs) = (judged.runs_passed(), judged.runs.len());
    format!(
        "{passed} of {runs} runs held: {}",
        outcome.unwrap_or_default()
    )
}

/// Where it fell short, and for each row what is asked and what to look at.
fn details(judged: &TranscriptResult, result: &RunResult) -> String {
    let mut details = String::from("\n");
    let (file, line) = place(judged);
    if let Some(shortfall) = shortfall(judged) {
        let _ = writeln!(details, "{file}, line {line}");
        let _ = writeln!(details, "expected  {}", shortfall.expected);
        let _ = writeln!(details, "received  {}", shortfall.received());
    }
    let rows = result.requirements.iter().map(|row| &row.requirement);
    let held_against = held_against(judged);
    for row in rows.filter(|row| held_against.contains(&row.id)) {
        details.push_str(&asked(row));
    }
    details
}

fn asked(row: &Requirement) -> String {
    let (asked, fix) = (sentence(&row.sentence), sentence(&row.fix));
    format!("\n{}: {asked}\nWhat to look at: {fix}\n", row.id)
}

fn not_judged(part: &AssessedPart, unjudged: &Unjudged) -> Case {
    let (element, kind) = if unjudged.is_its_own_fault {
        (Element::Failure, "not judged")
    } else {
        (Element::Error, "not judged on this machine")
    };
    Case {
        name: "is judged".to_owned(),
        class: part.role.to_string(),
        seconds: 0.0,
        place: None,
        said: Some(Said {
            element,
            kind: kind.to_owned(),
            message: unjudged.reason.clone(),
            text: unjudged.reason.clone(),
        }),
        output: unjudged.output.clone(),
    }
}

fn counts<'a>(cases: impl Iterator<Item = &'a Case>) -> String {
    let said: Vec<Option<Element>> = cases
        .map(|case| case.said.as_ref().map(|said| said.element))
        .collect();
    let number = |element| said.iter().filter(|said| **said == Some(element)).count();
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        said.len(),
        number(Element::Failure),
        number(Element::Error),
        number(Element::Skipped)
    )
}

fn time(seconds: f64) -> String {
    format!(" time=\"{seconds:.3}\"")
}

fn property(name: &str, value: &str, xml: &mut String) {
    let (name, value) = (attribute("name", name), attribute("value", value));
    let _ = writeln!(xml, "      <property{name}{value}/>");
}

fn attribute(name: &str, value: &str) -> String {
    format!(" {name}=\"{}\"", escaped(&line(value)))
}

fn text(value: &str) -> String {
    escaped(&lines(value))
}

fn escaped(value: &str) -> String {
    let value = value.replace('&', "&amp;").replace('<', "&lt;");
    value.replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_transcript_is_a_case_with_its_place() {
        let xml = render(&fixture::faulty_submission());
        assert!(
            xml.contains(
                "<testcase name=\"refused\" classname=\"server.registration\" time=\"5.200\" \
                 file=\"conformance/server/registration/refused.chat\" line=\"9\">\n      \
                 <failure message=\"expected the line `401 ...`, got: the line `200 Registration successful`\" \
                 type=\"S-REG-5\">"
            ),
            "{xml}"
        );
        assert!(xml.contains("S-REG-5: A name in use is answered"), "{xml}");
        assert!(xml.contains("What to look at: Look the name up"), "{xml}");
    }

    #[test]
    fn each_suite_counts_what_is_in_it() {
        let xml = render(&fixture::faulty_submission());
        for counts in [
            "<testsuites name=\"bob\" tests=\"16\" failures=\"4\" errors=\"1\" skipped=\"3\"",
            "<testsuite name=\"server\" tests=\"14\" failures=\"3\" errors=\"1\" skipped=\"3\"",
            "<testsuite name=\"client\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\"",
        ] {
            assert!(xml.contains(counts), "{counts}\n{xml}");
        }
        assert!(xml.contains("<skipped message=\"blocked: S-REG-5 does not hold\"/>"));
        assert!(xml.contains("<skipped message=\"not counted (unsure): "));
    }

    #[test]
    fn a_program_that_was_not_judged_is_one_case() {
        let xml = render(&fixture::not_built_submission());
        assert!(
            xml.contains("<failure message=\"`make` failed: exit status 2.\" type=\"not judged\">")
        );
        assert!(
            xml.contains("<system-out>server.c:3: error: expected &quot;;&quot;\n"),
            "{xml}"
        );
        let xml = render(&fixture::unjudged_submission());
        assert!(
            xml.contains("<error message=\"java is not installed on this machine.\""),
            "{xml}"
        );
        assert!(!xml.contains("<failure"), "{xml}");
    }
}
