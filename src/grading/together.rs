//! Where a server with its own clients does better or worse than each of them alone, and why: a submission in a dialect
//! of its own works with itself.

use super::assessed_part::AssessedPart;
use crate::conformance::judge::result::{RunResult, Verdict};
use crate::conformance::program::dialect::Framing;
use crate::transcript::syntax::Role;

/// The differences between the programs alone and together, a sentence each. Empty if one of them was not judged.
pub fn differences(parts: &[AssessedPart]) -> Vec<String> {
    let result_of = |role: Role| {
        let part = parts.iter().find(|part| part.role == role);
        part.and_then(|part| part.result.as_ref().ok())
    };
    let (Some(server), Some(client), Some(pair)) = (
        result_of(Role::Server),
        result_of(Role::Client),
        result_of(Role::Pair),
    ) else {
        return Vec::new();
    };
    let alone = |id: &str| verdict_in(server, id).or_else(|| verdict_in(client, id));
    let (mut better, mut worse) = (Contrast::default(), Contrast::default());
    for entry in &pair.requirements {
        let same = &entry.requirement.alone;
        let with = |verdict| same.iter().filter(move |id| alone(id) == Some(verdict));
        let id = &entry.requirement.id;
        match entry.verdict {
            Verdict::Pass => better.add(id, with(Verdict::Fail)),
            Verdict::Fail if with(Verdict::Pass).count() == same.len() => {
                worse.add(id, same.iter());
            }
            _ => {}
        }
    }
    let disagreement = disagreement(server, client);
    let mut sentences = Vec::new();
    if !better.alone.is_empty() {
        sentences.push(format!(
            "{} {} together, although {} {} alone: the two programs agree with each other where they differ from the \
             protocol, so they work together, and not with programs of others.",
            listed(&better.together),
            verb(&better.together, "holds", "hold"),
            listed(&better.alone),
            verb(&better.alone, "fails", "fail"),
        ));
    }
    if !worse.alone.is_empty() {
        sentences.push(format!(
            "{} {} together, although {} {} alone: {}.",
            listed(&worse.together),
            verb(&worse.together, "fails", "fail"),
            listed(&worse.alone),
            verb(&worse.alone, "holds", "hold"),
            disagreement
                .as_deref()
                .unwrap_or("compare what each of them sends with what the other one expects"),
        ));
    } else if let Some(disagreement) = disagreement {
        sentences.push(format!("The two programs disagree: {disagreement}."));
    }
    sentences
}

/// Requirements on the two together that contrast with requirements on each alone.
#[derive(Default)]
struct Contrast {
    together: Vec<String>,
    alone: Vec<String>,
}

impl Contrast {
    fn add<'i>(&mut self, id: &str, others: impl Iterator<Item = &'i String>) {
        let mut others = others.peekable();
        if others.peek().is_none() {
            return;
        }
        self.together.push(id.to_owned());
        for other in others {
            if !self.alone.contains(other) {
                self.alone.push(other.clone());
            }
        }
    }
}

fn verdict_in(result: &RunResult, id: &str) -> Option<Verdict> {
    let mut requirements = result.requirements.iter();
    let found = requirements.find(|entry| entry.requirement.id == id);
    found.map(|entry| entry.verdict)
}

/// How the two mark the end of a message differently, if they do.
fn disagreement(server: &RunResult, client: &RunResult) -> Option<String> {
    let (server, client) = (server.profile.dialect, client.profile.dialect);
    let ends = |framing: Framing| match framing {
        Framing::Line | Framing::Crlf => "with a line end",
        Framing::Bare => "without a line end",
        Framing::Length => "with a length in front",
    };
    let differs = |one: Framing, other: Framing| ends(one) != ends(other);
    if differs(client.writes, server.reads) {
        Some(format!(
            "the client sends messages {}, and the server expects them {}",
            ends(client.writes),
            ends(server.reads)
        ))
    } else if differs(server.writes, client.reads) {
        Some(format!(
            "the server sends messages {}, and the client expects them {}",
            ends(server.writes),
            ends(client.reads)
        ))
    } else {
        None
    }
}

/// `S-REG-1, S-MSG-1 and C-MSG-2`.
fn listed(ids: &[String]) -> String {
    match ids {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn verb(ids: &[String], one: &'static str, several: &'static str) -> &'static str {
    if ids.len() == 1 { one } else { several }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::judge::result::RequirementResult;
    use crate::conformance::program::dialect::Dialect;
    use crate::conformance::program::profile::Profile;
    use crate::conformance::suite::Suite;
    use crate::conformance::suite::requirement::Level;

    /// A part in which these requirements fail and all others pass.
    fn part(role: Role, dialect: &str, fails: &[&str]) -> AssessedPart {
        let suite = Suite::embedded().expect("is right");
        let asked = suite.asked_of(role, Level::Hardening, None);
        let requirements = asked.requirements.into_iter().map(|requirement| {
            let fails = fails.contains(&requirement.id.as_str());
            RequirementResult {
                verdict: if fails { Verdict::Fail } else { Verdict::Pass },
                requirement,
                transcripts: Vec::new(),
                blocked_by: Vec::new(),
            }
        });
        AssessedPart {
            role,
            command: Vec::new(),
            ruled_out: Vec::new(),
            result: Ok(RunResult {
                role,
                command: Vec::new(),
                profile: Profile {
                    dialect: dialect.parse::<Dialect>().expect("is one"),
                    ..Profile::PLAIN
                },
                remarks: Vec::new(),
                requirements: requirements.collect(),
                transcripts: Vec::new(),
                seconds: 0.0,
                time_limit: None,
            }),
        }
    }

    fn sentences(server: AssessedPart, client: AssessedPart, fails: &[&str]) -> String {
        differences(&[server, client, part(Role::Pair, "line", fails)]).join(" ")
    }

    #[test]
    fn nothing_is_said_where_alone_and_together_agree() {
        let (server, client) = (
            part(Role::Server, "line", &[]),
            part(Role::Client, "line", &[]),
        );
        assert_eq!(sentences(server, client, &[]), "");
        let server = part(Role::Server, "bare", &["S-SHUT-1"]);
        assert_eq!(
            sentences(server, part(Role::Client, "bare", &[]), &["P-5"]),
            ""
        );
    }

    #[test]
    fn a_dialect_of_its_own_works_with_itself() {
        let server = part(Role::Server, "bare", &["S-REG-1", "S-REG-5"]);
        let client = part(Role::Client, "bare", &[]);
        assert_eq!(
            sentences(server, client, &[]),
            "P-1 and P-4 hold together, although S-REG-1 and S-REG-5 fail alone: the two programs agree with each \
             other where they differ from the protocol, so they work together, and not with programs of others."
        );
    }

    #[test]
    fn what_works_alone_only_is_explained_by_how_the_two_speak() {
        let client = || part(Role::Client, "bare", &[]);
        let server = part(Role::Server, "line", &[]);
        assert_eq!(
            sentences(server, client(), &["P-4"]),
            "P-4 fails together, although S-REG-5 and C-REG-4 hold alone: the client sends messages without a line end, \
             and the server expects them with a line end."
        );
        let server = part(Role::Server, "bare", &[]);
        assert_eq!(
            sentences(server, client(), &["P-6"]),
            "P-6 fails together, although C-MSG-3 holds alone: compare what each of them sends with what the other one \
             expects."
        );
    }

    #[test]
    fn a_program_that_was_not_judged_gives_no_sentence() {
        assert!(differences(&[part(Role::Server, "line", &["S-REG-1"])]).is_empty());
    }
}
