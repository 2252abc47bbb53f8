//! The numbered requirements: what a conforming server and client do, with the sources.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::transcript::syntax::Role;

/// How binding a requirement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The assignment says it.
    Must,
    /// The assignment does not say it, but what it says depends on it.
    Implied,
    /// Beyond the assignment: reported, never counted against a program.
    Hardening,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Must => "must",
            Level::Implied => "implied",
            Level::Hardening => "hardening",
        })
    }
}

/// One requirement of `conformance/requirements.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The stable id, such as `S-REG-5`.
    pub id: String,
    /// How binding it is.
    pub level: Level,
    /// The heading under which reports list it.
    pub group: String,
    /// What the program must do, in a sentence.
    pub sentence: String,
    /// The assignment's own words, each quotation by itself.
    #[serde(default)]
    pub assignment: Vec<String>,
    /// Why the requirement exists, if the assignment does not say so.
    pub reason: Option<String>,
    /// What a failing program does, to follow "the server" or "the client".
    pub failing: Option<String>,
    /// What a student should look at if the program fails.
    pub fix: String,
    /// Ids of plainer requirements that this one needs. If one of them fails, it is to blame.
    #[serde(default)]
    pub rests_on: Vec<String>,
    /// Id of the requirement about the code of an answer, if this one is about the words after the code.
    pub wording_of: Option<String>,
    /// Ids of the requirements that ask the same of each program alone, if this one is about a server with its own
    /// clients.
    #[serde(default)]
    pub alone: Vec<String>,
    /// Whether lines are compared exactly only in the requirement's own transcripts. If a letter is wrong there, that
    /// is not the reason why nothing arrives elsewhere.
    #[serde(default)]
    pub to_the_letter: bool,
}

impl Requirement {
    /// Whether it applies to programs of this role. Requirements about the wire apply to servers and clients.
    pub fn is_asked_of(&self, role: Role) -> bool {
        let prefixes: &[&str] = match role {
            Role::Server => &["S-", "W-"],
            Role::Client => &["C-", "W-"],
            Role::Pair => &["P-"],
        };
        prefixes.iter().any(|prefix| self.id.starts_with(prefix))
    }

    /// Everything in it that reports print.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let always = [&self.id, &self.group, &self.sentence, &self.fix];
        let optional = [&self.reason, &self.failing, &self.wording_of];
        let lists = self
            .assignment
            .iter()
            .chain(&self.rests_on)
            .chain(&self.alone);
        let all = always.into_iter().chain(optional.into_iter().flatten());
        all.chain(lists).map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    requirement: Vec<Requirement>,
}

/// Reads `requirements.toml`.
///
/// # Errors
/// The TOML reader's message, with line and column; or that a text has a control character, which a terminal would
/// obey; or that an id occurs twice.
pub fn parse_requirements(source: &str) -> Result<Vec<Requirement>, String> {
    let document: Document = toml::from_str(source).map_err(|error| shortened(&error))?;
    let requirements = document.requirement;
    for (index, requirement) in requirements.iter().enumerate() {
        if let Some(control) = requirement.texts().flat_map(str::chars).find(is_obeyed) {
            let id = requirement.id.escape_debug();
            return Err(format!(
                "{id}: a text contains the control character {}; remove it",
                control.escape_unicode()
            ));
        }
        if requirements[..index]
            .iter()
            .any(|earlier| earlier.id == requirement.id)
        {
            return Err(format!("{} occurs twice", requirement.id));
        }
    }
    Ok(requirements)
}

/// Whether a terminal obeys a character.
fn is_obeyed(character: &char) -> bool {
    character.is_control() && *character != '\n'
}

/// The reader's message, harmless, and without the source line if that is very long.
fn shortened(error: &toml::de::Error) -> String {
    let shown = |character: char| match character {
        '\t' => " ".to_owned(),
        character if is_obeyed(&character) => character.escape_unicode().to_string(),
        character => character.to_string(),
    };
    short(error).chars().map(shown).collect()
}

fn short(error: &toml::de::Error) -> String {
    const LONGEST: usize = 2000;
    let whole = error.to_string();
    if whole.len() <= LONGEST {
        return whole;
    }
    let place = whole.lines().next().unwrap_or_default();
    let message: String = error.message().chars().take(LONGEST / 4).collect();
    format!("{place}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"
        [[requirement]]
        id = "S-REG-1"
        level = "must"
        group = "Registration"
        sentence = "A sentence."
        fix = "Advice."
    "#;

    #[test]
    fn a_requirement_needs_no_quotation_and_no_reason() {
        let requirements = parse_requirements(ENTRY).expect("is complete");
        assert_eq!(
            (requirements.len(), requirements[0].level),
            (1, Level::Must)
        );
        assert_eq!(
            (
                requirements[0].assignment.len(),
                requirements[0].reason.as_ref()
            ),
            (0, None)
        );
    }

    #[test]
    fn mistakes_are_reported() {
        let twice = ENTRY.repeat(2);
        let misspelt = ENTRY.replace("fix", "fixes");
        let incomplete = ENTRY.replace("fix = \"Advice.\"", "");
        let unknown = ENTRY.replace("\"must\"", "\"should\"");
        let obeyed = ENTRY.replace("A sentence.", "\\u001b[2J");
        let raw = ENTRY.replace("A sentence.", "\u{1b}[2J");
        let field = ENTRY.replace("fix", "\"fix\\u009b\"");
        for (source, message) in [
            (
                obeyed.as_str(),
                "S-REG-1: a text contains the control character \\u{1b}",
            ),
            (&raw, "\\u{1b}[2J"),
            (&field, "unknown field `fix\\u{9b}`"),
            (&twice, "S-REG-1 occurs twice"),
            (&misspelt, "unknown field `fixes`"),
            (&incomplete, "missing field `fix`"),
            (&unknown, "unknown variant `should`"),
            ("[[requirement", "TOML parse error at line 1"),
            ("", "missing field `requirement`"),
        ] {
            let error = parse_requirements(source).expect_err(message);
            assert!(error.contains(message), "{error}");
            assert!(
                !error.contains(|character| is_obeyed(&character)),
                "{error:?}"
            );
        }
    }

    #[test]
    fn levels_are_in_order_of_how_binding_they_are() {
        assert!(Level::Must < Level::Implied && Level::Implied < Level::Hardening);
        assert_eq!(format!("{:>7}|", Level::Must), "   must|");
    }
}
