//! The comment on a submission.

use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;
use crate::grading::points::{Points, counted};
use crate::grading::score::RequirementScore;
use crate::report::plain::line;
use crate::report::scores::{counts, lost};
use crate::report::text::{count, sentence};
use crate::transcript::syntax::Role;

/// The name of each student's report in the upload.
pub const REPORT: &str = "report.html";

/// What works, what costs most, and where to read about it: three sentences.
pub fn comment(assessment: &Assessment) -> String {
    let score = &assessment.score;
    let parts = score.parts.iter().map(|part| {
        format!(
            "the {} earns {} of {}",
            part.role,
            part.earned,
            counted(part.most)
        )
    });
    let parts: Vec<String> = parts.collect();
    let works = sentence(&parts.join(", "));
    let requirements = || {
        score
            .parts
            .iter()
            .flat_map(|part| part.requirements.iter().map(|entry| (part.role, entry)))
    };
    let costs =
        |(_, entry): &(Role, &RequirementScore)| counts(entry) && lost(entry) > Points::ZERO;
    let fails = requirements().filter(|one| costs(one) && one.1.verdict == Verdict::Fail);
    let dearest = fails.max_by_key(|(_, entry)| lost(entry));
    let unjudged = assessment.parts.iter().find_map(|part| {
        let unjudged = part.result.as_ref().err()?;
        Some(format!(
            "The {} was not judged: {}",
            part.role,
            line(&unjudged.reason)
        ))
    });
    let most = match (unjudged, dearest) {
        (Some(unjudged), _) => sentence(&unjudged),
        (None, Some((_, entry))) => {
            let others = requirements().filter(costs).count() - 1;
            let others = match others {
                0 => String::new(),
                others => format!("; {} cost points, too", count(others, "other requirement")),
            };
            sentence(&format!(
                "Most points are lost on {}, {} ({}){others}",
                entry.requirement.id,
                line(entry.requirement.sentence.trim_end_matches('.')),
                counted(lost(entry))
            ))
        }
        (None, None) if requirements().any(|one| costs(&one)) => {
            "Some requirements could not be tested.".to_owned()
        }
        (None, None) => "Nothing costs points.".to_owned(),
    };
    let mut comment = format!("{works} {most}");
    for adjustment in &score.adjustments {
        comment.push_str(&format!(" {}", line(&adjustment.reason)));
    }
    format!("{comment} Read {REPORT}: it shows each conversation that fails, and what to change.")
}
