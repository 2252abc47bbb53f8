//! The result where GitHub Actions shows it: annotations, and a page for the step's summary.
//!
//! Both contain text from the submission. An annotation is one line that begins with its own command, and its text
//! cannot begin another one. On the page such text stands as code, with every special character as a reference.

use std::fmt::Write;

use crate::conformance::evidence::visible_name;
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::Level;
use crate::grading::assessed_part::{AssessedPart, Unjudged};
use crate::grading::assessment::Assessment;
use crate::grading::points::Points;
use crate::grading::score::{PartScore, RequirementScore};
use crate::report::plain::{beginning, end, line, lines};
use crate::report::root_cause::Told;
use crate::report::scores::{
    NOT_FINAL, counts, lost, mark, place, requirement_name, scored, telling_transcript,
    verdict_word,
};
use crate::report::text::sentence;
use crate::transcript::syntax::Role;

/// Maximum number of characters of one text in an annotation or a cell.
const MOST_OF_A_TEXT: usize = 1_000;

/// Maximum number of characters of a program's output on the page, whose size is limited.
const MOST_OF_AN_OUTPUT: usize = 10_000;

/// The annotations, one a line. The dearest come first, since GitHub shows only the first ten of a kind.
pub fn render(assessment: &Assessment) -> String {
    let mut shown = String::new();
    let score = &assessment.score;
    for part in &assessment.parts {
        if let Err(unjudged) = &part.result {
            shown.push_str(&not_judged(part.role, unjudged));
        }
    }
    for (role, entry) in failing_or_unsure(assessment) {
        shown.push_str(&annotation(assessment, role, entry));
    }
    for (role, entries) in blocked_requirements(assessment) {
        shown.push_str(&blocked(role, &entries));
    }
    for doubt in &score.doubts {
        shown.push_str(&command("warning", &[("title", "Check this mark")], doubt));
    }
    let title = format!(
        "{}: {}",
        visible_name(&assessment.submission),
        mark(score.earned, score.most)
    );
    let reasons: Vec<String> = adjustments(assessment).collect();
    let message = if reasons.is_empty() {
        mark(score.earned, score.most)
    } else {
        reasons.join("\n")
    };
    shown + &command("notice", &[("title", &title)], &message)
}

/// The page for `$GITHUB_STEP_SUMMARY`, in Markdown.
pub fn step_summary(assessment: &Assessment) -> String {
    let score = &assessment.score;
    let mut page = format!(
        "## {}: {}\n\n",
        code(&visible_name(&assessment.submission)),
        mark(score.earned, score.most)
    );
    for doubt in &score.doubts {
        let _ = writeln!(page, "> {NOT_FINAL}: {}\n", code(doubt));
    }
    for part in &assessment.parts {
        page.push_str(&part_section(assessment, part));
    }
    let adjustments: Vec<String> = adjustments(assessment).collect();
    if !adjustments.is_empty() {
        page.push_str("### Adjustments\n\n");
        for adjustment in adjustments {
            let _ = writeln!(page, "- {}", prose(&adjustment));
        }
        page.push('\n');
    }
    page + &repairs(assessment)
}

/// Requirements that fail or are unsure, the dearest first, those that do not count last.
fn failing_or_unsure(assessment: &Assessment) -> Vec<(Role, &RequirementScore)> {
    let mut found: Vec<(Role, &RequirementScore)> = entries(assessment)
        .filter(|(_, entry)| matches!(entry.verdict, Verdict::Fail | Verdict::Unsure))
        .collect();
    found.sort_by_key(|(_, entry)| std::cmp::Reverse(lost(entry)));
    found
}

fn entries(assessment: &Assessment) -> impl Iterator<Item = (Role, &RequirementScore)> {
    let parts = assessment.score.parts.iter();
    parts.flat_map(|part| part.requirements.iter().map(|entry| (part.role, entry)))
}

fn blocked_requirements(assessment: &Assessment) -> Vec<(Role, Vec<&RequirementScore>)> {
    let of_part = |part: &'_ PartScore| part.role;
    let parts = assessment.score.parts.iter();
    let blocked = parts.map(|part| {
        let entries = part.requirements.iter();
        let is_blocked =
            |entry: &&RequirementScore| entry.verdict == Verdict::Blocked && counts(entry);
        (of_part(part), entries.filter(is_blocked).collect())
    });
    blocked
        .filter(|(_, entries): &(_, Vec<_>)| !entries.is_empty())
        .collect()
}

fn annotation(assessment: &Assessment, role: Role, entry: &RequirementScore) -> String {
    let kind = if entry.verdict == Verdict::Fail && counts(entry) {
        "error"
    } else {
        "warning"
    };
    let counted = if counts(entry) {
        format!("{} lost", lost(entry))
    } else {
        "not counted".to_owned()
    };
    let title = format!(
        "{} {} ({counted})",
        requirement_name(role, &entry.requirement),
        verdict_word(entry.verdict)
    );
    let place = telling_transcript(assessment, role, entry).map(place);
    let line_number = place.as_ref().map(|(_, line)| line.to_string());
    let mut properties = Vec::new();
    if let (Some((file, _)), Some(line)) = (&place, &line_number) {
        properties.push(("file", file.as_str()));
        properties.push(("line", line.as_str()));
    }
    properties.push(("title", &title));
    let told = Told::of(assessment, role, entry);
    let message = format!(
        "{}\n{}\nWhat to look at: {}",
        sentence(&entry.requirement.sentence),
        short(&told.seen),
        told.advice
    );
    command(kind, &properties, &message)
}

fn not_judged(role: Role, unjudged: &Unjudged) -> String {
    let kind = if unjudged.is_its_own_fault {
        "error"
    } else {
        "warning"
    };
    let title = format!("The {role} was not judged");
    command(kind, &[("title", &title)], &short(&unjudged.reason))
}

fn blocked(role: Role, entries: &[&RequirementScore]) -> String {
    let lines: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{} by {}",
                entry.requirement.id,
                entry.blocked_by.join(", ")
            )
        })
        .collect();
    let title = format!("Blocked requirements of the {role}");
    command("warning", &[("title", &title)], &lines.join("\n"))
}

fn short(text: &str) -> String {
    beginning(&line(text), MOST_OF_A_TEXT)
}

/// `2.5: why`, for the whole and for the parts.
fn adjustments(assessment: &Assessment) -> impl Iterator<Item = String> {
    let score = &assessment.score;
    let of_parts = score.parts.iter().flat_map(|part| &part.adjustments);
    let all = of_parts.chain(&score.adjustments);
    let by_hand = score.by_hand.iter().map(|group| {
        let remark = match group.remark.is_empty() {
            true => String::new(),
            false => format!(" ({})", group.remark),
        };
        format!("{} of {}: {}{remark}", group.earned, group.most, group.what)
    });
    by_hand.chain(all.map(|adjustment| format!("{}: {}", adjustment.points, adjustment.reason)))
}

/// A workflow command on a line of its own. Line ends in the message become `%0A`.
fn command(name: &str, properties: &[(&str, &str)], message: &str) -> String {
    let properties: Vec<String> = properties
        .iter()
        .map(|(key, value)| format!("{key}={}", property(value)))
        .collect();
    format!("::{name} {}::{}\n", properties.join(","), data(message))
}

fn data(text: &str) -> String {
    let text = lines(text);
    // GitHub looks for the older form of commands anywhere in a line.
    let text = text.replace("##[", "# #[");
    text.replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(&line(text)).replace(':', "%3A").replace(',', "%2C")
}

fn part_section(assessment: &Assessment, part: &AssessedPart) -> String {
    let scored = scored(assessment, part.role);
    let points = scored.map_or(String::new(), |part| {
        format!(": {}", mark(part.earned, part.most))
    });
    let mut page = format!("### The {}{points}\n\n", part.role);
    if !part.command.is_empty() {
        let _ = writeln!(page, "Started as {}.\n", code(&part.command.join(" ")));
    }
    match (&part.result, scored) {
        (Err(unjudged), _) => page.push_str(&not_judged_section(unjudged)),
        (Ok(_), Some(scored)) => page.push_str(&table(assessment, scored)),
        (Ok(_), None) => {}
    }
    page
}

fn not_judged_section(unjudged: &Unjudged) -> String {
    let mut page = format!("It was not judged: {}\n\n", code(&short(&unjudged.reason)));
    if !unjudged.output.is_empty() {
        let output = end(&lines(&unjudged.output), MOST_OF_AN_OUTPUT);
        let _ = writeln!(page, "<pre><code>{}</code></pre>\n", references(&output));
    }
    page
}

/// The requirements that do not pass, and how many pass.
fn table(assessment: &Assessment, part: &PartScore) -> String {
    let falls_short = |entry: &&RequirementScore| {
        !matches!(
            entry.verdict,
            Verdict::Pass | Verdict::NotApplicable | Verdict::Untested
        )
    };
    let listed: Vec<&RequirementScore> = part.requirements.iter().filter(falls_short).collect();
    let counted = |entry: &RequirementScore| entry.requirement.level != Level::Hardening;
    let asked = part
        .requirements
        .iter()
        .filter(|entry| entry.verdict.is_judgement() && counted(entry));
    let held = asked.clone().filter(|entry| entry.verdict == Verdict::Pass);
    let (held, asked) = (held.count(), asked.count());
    let verb = if held == 1 { "passes" } else { "pass" };
    let mut page = format!("{held} of {asked} must and implied requirements {verb}.\n\n");
    if listed.is_empty() {
        return page;
    }
    page.push_str(
        "| requirement | verdict | points | what is asked | what was seen | what to look at |\n",
    );
    page.push_str("| --- | --- | ---: | --- | --- | --- |\n");
    for entry in listed {
        let told = Told::of(assessment, part.role, entry);
        // Advice belongs to what fails, not to what is blocked.
        let advice = match entry.verdict {
            Verdict::Blocked => String::new(),
            _ => prose(&told.advice),
        };
        let points = if counts(entry) {
            format!("{} of {}", entry.earned, entry.most)
        } else {
            "not counted".to_owned()
        };
        let _ = writeln!(
            page,
            "| {} | {} | {points} | {} | {} | {} |",
            prose(&entry.requirement.id),
            verdict_word(entry.verdict),
            prose(&sentence(&entry.requirement.sentence)),
            code(&short(&told.seen)),
            advice,
        );
    }
    page + "\n"
}

fn repairs(assessment: &Assessment) -> String {
    let repairs = &assessment.score.repairs;
    if repairs.is_empty() {
        return String::new();
    }
    let mut page = "### What a fix would be worth\n\n".to_owned();
    for repair in repairs {
        let gained = |mark: Points| mark - assessment.score.earned;
        let (least, most) = (gained(repair.at_least), gained(repair.at_most));
        let worth = if least == most {
            format!("{most} more")
        } else {
            format!("{least} to {most} more")
        };
        let _ = writeln!(
            page,
            "- {} ({}): {worth}",
            prose(&repair.requirement),
            repair.role
        );
    }
    page + "\n"
}

/// Text in a code element, where GitHub looks for no mention, link or reference.
fn code(text: &str) -> String {
    format!("<code>{}</code>", references(&line(text)))
}

/// Text of the suite without markup.
fn prose(text: &str) -> String {
    references(&line(text))
}

/// Every character that could be markup in Markdown, HTML or a table as a character reference. What cannot be where it
/// stands, a hyphen within a word or the stop behind a sentence, is left, so that people can read the source.
fn references(text: &str) -> String {
    let mut page = String::with_capacity(text.len());
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek();
        let is_harmless = match character {
            ',' | ';' | '/' => true,
            '-' => before.is_ascii_alphanumeric() && after.is_some_and(char::is_ascii_alphanumeric),
            '.' => before.is_ascii_alphabetic() && after.is_none_or(|after| *after == ' '),
            _ => !character.is_ascii_punctuation(),
        };
        if is_harmless {
            page.push(character);
        } else {
            let _ = write!(page, "&#{};", u32::from(character));
        }
        before = character;
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_command_or_begins_another() {
        let line = command(
            "error",
            &[("title", "a,b::c\n::d")],
            "100%\n::stop##[error]\r\nx",
        );
        assert_eq!(
            line,
            "::error title=a%2Cb%3A%3Ac\\n%3A%3Ad::100%25%0A::stop# #[error]%0Ax\n"
        );
    }

    #[test]
    fn nothing_on_the_page_is_markup_that_is_not_its_own() {
        assert_eq!(
            code("`<b>|@x\n"),
            "<code>&#96;&#60;b&#62;&#124;&#64;x&#92;n</code>"
        );
    }

    #[test]
    fn words_and_sentences_can_be_read_in_the_source() {
        let sentence = "S-REG-3 fails, and W-LINE-1, too. So it is.";
        assert_eq!(prose(sentence), sentence);
        assert_eq!(prose("-- 1. www.x.y"), "&#45;&#45; 1&#46; www&#46;x&#46;y");
    }
}
