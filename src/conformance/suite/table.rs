//! The relations between requirements, on which charging depends.

use std::collections::BTreeMap;

use crate::conformance::suite::requirement::Requirement;

/// The relations between the requirements of a suite.
#[derive(Debug, Clone, Default)]
pub struct Table {
    relations: BTreeMap<String, Relations>,
}

#[derive(Debug, Clone, Default)]
struct Relations {
    rests_on: Vec<String>,
    wording_of: Option<String>,
    to_the_letter: bool,
}

impl Table {
    /// The relations of these requirements. Pass all of a suite, whichever of them are tested.
    pub fn of(requirements: &[Requirement]) -> Table {
        let relations = requirements.iter().map(|requirement| {
            let relations = Relations {
                rests_on: requirement.rests_on.clone(),
                wording_of: requirement.wording_of.clone(),
                to_the_letter: requirement.to_the_letter,
            };
            (requirement.id.clone(), relations)
        });
        Table {
            relations: relations.collect(),
        }
    }

    /// Whether the suite has this requirement.
    pub fn has(&self, id: &str) -> bool {
        self.relations.contains_key(id)
    }

    /// Whether a requirement cannot pass if the plainer one `ground` fails.
    pub fn rests_on(&self, id: &str, ground: &str) -> bool {
        let relations = self.relations.get(id);
        relations.is_some_and(|relations| relations.rests_on.iter().any(|id| id == ground))
    }

    /// The requirement about an answer's code, for the one about the words after it.
    pub fn wording_of(&self, id: &str) -> Option<&str> {
        self.relations.get(id)?.wording_of.as_deref()
    }

    /// Whether lines are compared exactly only in the requirement's own transcripts. If a letter is wrong there, that
    /// is not the reason why nothing arrives elsewhere.
    pub fn is_to_the_letter(&self, id: &str) -> bool {
        let relations = self.relations.get(id);
        relations.is_some_and(|relations| relations.to_the_letter)
    }
}
