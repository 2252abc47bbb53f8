//! A class of assessed submissions. Reports on classes read this and nothing else.

use super::assessment::Assessment;
use super::points::Points;
use super::triage::{Cluster, clusters};
use crate::conformance::suite::requirement::Requirement;
use crate::transcript::syntax::Role;

/// A class of assessed submissions.
#[derive(Debug, Clone)]
pub struct Class {
    /// Its name: that of its folder.
    pub name: String,
    /// Every submission, by name.
    pub submissions: Vec<Assessment>,
    /// Submissions that fail in the same way, the largest cluster first.
    pub clusters: Vec<Cluster>,
    /// Every requirement of the suite, in the table's order.
    pub requirements: Vec<Requirement>,
}

impl Class {
    /// Makes a class and finds its clusters.
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

    /// The requirements that apply to each role, in the table's order, the server's first. They are the columns of
    /// the class's tables.
    pub fn columns(&self) -> Vec<(Role, &Requirement)> {
        let of_role = |role: Role| {
            let requirements = self.requirements.iter();
            requirements
                .filter(move |requirement| requirement.is_asked_of(role))
                .map(move |requirement| (role, requirement))
        };
        Role::ALL.into_iter().flat_map(of_role).collect()
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
