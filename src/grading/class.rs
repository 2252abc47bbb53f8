//! A class of submissions, each assessed. Reports on classes read this and nothing else.

use super::assessment::Assessment;
use super::points::Points;
use super::triage::{Cluster, clusters};
use crate::conformance::suite::requirement::Requirement;
use crate::transcript::syntax::Role;

/// A class of submissions, assessed.
#[derive(Debug, Clone)]
pub struct Class {
    /// What it is called: the name of its folder.
    pub name: String,
    /// Every submission, by name.
    pub submissions: Vec<Assessment>,
    /// Who falls short in the same way, the most frequent first.
    pub clusters: Vec<Cluster>,
    /// Every requirement of the suite, in the table's order.
    pub requirements: Vec<Requirement>,
}

impl Class {
    /// A class with its clusters.
    pub fn of(
        name: String,
        mut submissions: Vec<Assessment>,
        requirements: Vec<Requirement>,
    ) -> Class {
        submissions.sort_by(|one, other| one.submission.cmp(&other.submission));
        Class {
            name,
            clusters: clusters(&submissions),
            submissions,
            requirements,
        }
    }

    /// The rows that are asked of each role, in the order of the table, the server's first: the columns of
    /// the class's tables.
    pub fn columns(&self) -> Vec<(Role, &Requirement)> {
        let of_role = |role: Role| {
            let rows = self.requirements.iter();
            rows.filter(move |row| row.is_asked_of(role))
                .map(move |row| (role, row))
        };
        of_role(Role::Server).chain(of_role(Role::Client)).collect()
    }

    /// The marks, lowest first.
    pub fn marks(&self) -> Vec<Points> {
        let mut marks: Vec<Points> = self
            .submissions
            .iter()
            .map(|one| one.score.earned)
            .collect();
        marks.sort();
        marks
    }
}
