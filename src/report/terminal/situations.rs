//! Every requirement with the situations in which the suite tests it.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::conformance::suite::Case;
use crate::conformance::suite::requirement::Requirement;
use crate::conformance::suite::situations::asked;
use crate::conformance::suite::situations::situation::Situation;
use crate::report::text::{count, paragraph};
use crate::transcript::syntax::Role;

/// Columns of the list.
const COLUMNS: usize = 100;

/// Each requirement with the axes on which it is tested, and the situations on each; at the end the totals.
pub fn render(requirements: &[Requirement], cases: &[Case]) -> String {
    let mut shown = String::new();
    let mut seen: BTreeSet<Situation> = BTreeSet::new();
    // People at terminals are in no situation of the protocol.
    let has_some = |one: &&Requirement| !one.is_asked_of(Role::Pair);
    let requirements: Vec<&Requirement> = requirements.iter().filter(has_some).collect();
    for requirement in &requirements {
        let (id, level) = (&requirement.id, requirement.level);
        let _ = writeln!(shown, "{id}  {level}");
        for (axis, situations) in asked(id, cases) {
            let phrases: Vec<&str> = situations.iter().map(|one| one.phrase()).collect();
            let start = format!("  {}: ", axis.phrase());
            shown.push_str(&paragraph(&phrases.join("; "), &start, COLUMNS));
            seen.extend(situations);
        }
    }
    let requirements_count = count(requirements.len(), "requirement");
    let _ = writeln!(
        shown,
        "\n{requirements_count}; {} of {} situations occur.",
        seen.len(),
        Situation::ALL.len()
    );
    shown
}
