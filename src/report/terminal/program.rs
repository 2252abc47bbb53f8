//! The whole report on one program: the totals, the root cause where there is one, each failure, and the table.

use super::{failure, summary};
use crate::conformance::judge::result::RunResult;
use crate::report::Style;
use crate::report::root_cause::{self, RootCause};
use crate::report::text::{Ink, cut, harmless, paragraph, ruled};

/// The report. A program that passes has the table and the totals only.
pub fn render(result: &RunResult, style: Style) -> String {
    let heading = summary::heading(result, style);
    let table = summary::table(result, style);
    let totals = summary::totals(result, style);
    let cause = root_cause::of(result);
    let shown_above = cause.as_ref().map(|cause| cause.requirement);
    let failures = failure::below(shown_above, result, style);
    if failures.is_empty() && cause.is_none() {
        return format!("{heading}\n{table}\n{totals}");
    }
    let cause = cause.map_or(String::new(), |cause| first_of_all(&cause, style));
    let requirements = style.ink(Ink::Heading, &ruled("requirements", style.prose()));
    format!("{heading}\n{totals}\n{cause}{failures}{requirements}\n\n{table}\n{totals}")
}

/// The root cause: one sentence, what the program printed, and what to do.
fn first_of_all(cause: &RootCause<'_>, style: Style) -> String {
    let title = ruled("start here", style.prose());
    let sentence = paragraph(&cause.sentence, "✗ ", style.prose());
    let mut shown = format!(
        "{}\n{}\n",
        style.ink(Ink::Bad, &title),
        style.ink(Ink::Bad, sentence.trim_end())
    );
    if !cause.printed.is_empty() {
        shown.push_str("\nThe last lines that it printed:\n");
    }
    for line in &cause.printed {
        let line = cut(&harmless(line), style.width.saturating_sub(4));
        shown.push_str(&format!("    {line}\n"));
    }
    shown.push('\n');
    shown.push_str(&paragraph(&cause.advice, "What to do:  ", style.prose()));
    shown.push_str(&paragraph(&cause.consequence(), "", style.prose()));
    shown + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::judge::result::Verdict;
    use crate::report::fixture::{self, ended, event, printed, started};
    use crate::report::text::unseen;

    const PLAIN: Style = Style {
        colour: false,
        width: 80,
    };

    /// A server that ends at once.
    fn ends_at_once() -> RunResult {
        let mut result = fixture::good();
        let traceback = "Traceback (most recent call last):\r\n  File \"server.py\", line 1, in <module>\r\n    \
                         import sokcet\r\nModuleNotFoundError: No module named 'sokcet'\r\n";
        for judged in &mut result.transcripts {
            judged.verdict = Verdict::Blocked;
            judged.blocked_by = Some("S-PORT-1".to_string());
            for run in &mut judged.runs {
                run.events = vec![
                    event(0.01, None, started(&["python3", "server.py"])),
                    event(0.08, None, printed(traceback)),
                    event(0.09, None, ended("exit status 1")),
                ];
            }
        }
        for known in &mut result.requirements {
            known.verdict = Verdict::Blocked;
            known.blocked_by = vec!["S-PORT-1".to_string()];
        }
        result
    }

    #[test]
    fn a_server_that_ends_at_once() {
        insta::assert_snapshot!(render(&ends_at_once(), PLAIN));
    }

    #[test]
    fn a_server_with_some_faults() {
        insta::assert_snapshot!(render(&fixture::server(), PLAIN));
    }

    #[test]
    fn a_server_that_passes() {
        insta::assert_snapshot!(render(&fixture::good(), PLAIN));
    }

    #[test]
    fn nothing_hostile_reaches_the_terminal() {
        let mut result = ends_at_once();
        result.command = vec![fixture::HOSTILE.to_string()];
        for run in result
            .transcripts
            .iter_mut()
            .flat_map(|judged| &mut judged.runs)
        {
            run.events.push(event(0.1, None, printed(fixture::HOSTILE)));
        }
        let shown = render(&result, PLAIN);
        assert!(
            shown.contains("start here") && shown.contains("evil"),
            "{shown}"
        );
        assert_eq!(unseen(&shown), None, "{shown:?}");
    }
}
