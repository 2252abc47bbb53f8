//! The clusters of a class in the order in which they matter: by the points that they cost.

use crate::grading::class::Class;
use crate::grading::points::Points;
use crate::grading::score::RequirementScore;
use crate::grading::triage::Cluster;

use super::scores::lost;

/// A cluster, and the points that it costs all its submissions together.
pub(super) struct Costly<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) cost: Points,
}

/// The clusters that cost points, the dearest first, and those that cost none, such as hardening.
pub(super) fn by_cost(class: &Class) -> (Vec<Costly<'_>>, Vec<&Cluster>) {
    let costs = class.clusters.iter().map(|cluster| Costly {
        cluster,
        cost: cost(class, cluster),
    });
    let (mut costly, free): (Vec<Costly<'_>>, Vec<Costly<'_>>) =
        costs.partition(|known| known.cost > Points::ZERO);
    costly.sort_by_key(|known| std::cmp::Reverse(known.cost));
    (costly, free.iter().map(|known| known.cluster).collect())
}

/// The points lost for the requirement itself, and for those that it blocks.
fn cost(class: &Class, cluster: &Cluster) -> Points {
    let (role, id) = (cluster.fingerprint.role, &cluster.fingerprint.requirement);
    let submissions = class.submissions.iter();
    let submissions = submissions.filter(|one| cluster.submissions.contains(&one.submission));
    let parts = submissions.flat_map(|one| &one.score.parts);
    let scores = parts
        .filter(|part| part.role == role)
        .flat_map(|part| &part.requirements);
    let is_due = |score: &&RequirementScore| {
        score.requirement.id == *id || score.blocked_by.first() == Some(id)
    };
    scores.filter(is_due).map(lost).sum()
}

/// Where a cluster was seen, and what was there instead: ``Line 8 of `terminated`: …``
pub(super) fn place(cluster: &Cluster) -> String {
    let fingerprint = &cluster.fingerprint;
    format!(
        "Line {} of `{}`: {} instead.",
        fingerprint.line, fingerprint.transcript, fingerprint.shape
    )
}
