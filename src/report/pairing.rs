//! What the reports on a matrix of servers and clients say in the same words.

use crate::conformance::encounter::Heard;
use crate::conformance::evidence::visible_name;
use crate::grading::matrix::{Cell, Group, GroupKind, Matrix};

use super::plain::line;
use super::text::{count, sentence};

/// The sign of a cell.
pub(super) fn sign(cell: Cell) -> &'static str {
    match cell {
        Cell::Talk => "✓",
        Cell::OneWay(_) => "→",
        Cell::Nothing => "✗",
        Cell::Unknown => "?",
        Cell::Missing => "–",
    }
}

/// A cell in words.
pub(super) fn meaning(cell: Cell) -> &'static str {
    match cell {
        Cell::Talk => "each hears the other",
        Cell::OneWay(Heard::FirstComer) => "only the person who came first is heard",
        Cell::OneWay(Heard::SecondComer) => "only the person who came second is heard",
        Cell::OneWay(_) => "the first words arrive, and the answer does not",
        Cell::Nothing => "nothing arrives",
        Cell::Unknown => "not judged, because the harness could not do its part",
        Cell::Missing => "not tried, because a program is missing or does not start",
    }
}

/// What each sign means, for a legend.
pub(super) const LEGEND: [(Cell, &str); 5] = [
    (Cell::Talk, "each hears the other"),
    (
        Cell::OneWay(Heard::FirstWords),
        "words arrive in one direction only",
    ),
    (Cell::Nothing, "nothing arrives"),
    (Cell::Missing, "not tried"),
    (Cell::Unknown, "not judged"),
];

/// How many pairs there are, and what became of them.
pub(super) fn summary(matrix: &Matrix) -> String {
    let counts = matrix.counts();
    let mut parts = vec![format!("{} talk", counts.talk)];
    for (number, what) in [
        (counts.one_way, "in one direction only"),
        (counts.nothing, "not at all"),
        (counts.missing, "not tried"),
        (counts.unknown, "not judged"),
    ] {
        if number > 0 {
            parts.push(format!("{number} {what}"));
        }
    }
    let members = matrix.members.len();
    let submissions = if members < matrix.class_size {
        format!("{members} of {}", count(matrix.class_size, "submission"))
    } else {
        count(members, "submission")
    };
    let pairs = count(matrix.pairs().count(), "pair");
    format!("{submissions}, {pairs}: {}.", parts.join(", "))
}

/// What the submissions of a group have in common, to follow its number.
pub(super) fn about(group: &Group) -> String {
    let members = count(group.members.len(), "submission");
    let dialect = group.dialect.as_deref().unwrap_or("dialect unknown");
    match group.kind {
        GroupKind::SamePartners => format!("{members}, {dialect}"),
        GroupKind::NoPartner => format!("{members} without any partner, {dialect}"),
        GroupKind::NotTried => format!("{members} without a program that starts"),
    }
}

/// The name of a submission.
pub(super) fn name(matrix: &Matrix, member: usize) -> String {
    visible_name(&matrix.members[member].name)
}

/// Why programs do not take part: the submission, and a sentence for both programs or for each.
pub(super) fn absences(matrix: &Matrix) -> Vec<(String, Vec<String>)> {
    let members = matrix.members.iter();
    let told = members.filter_map(|member| {
        let reasons = match (member.server.absence(), member.client.absence()) {
            (None, None) => return None,
            (Some(one), Some(other)) if one == other => vec![line(one)],
            (one, other) => [one, other].into_iter().flatten().map(line).collect(),
        };
        Some((visible_name(&member.name), reasons))
    });
    told.collect()
}

/// Why a pair does not talk, in a phrase.
fn reason(matrix: &Matrix, server: usize, client: usize) -> String {
    let meaning = meaning(matrix.cell(server, client));
    let encounter = matrix.encounter(server, client);
    match encounter.and_then(|encounter| encounter.why.as_deref()) {
        Some(why) => format!("{meaning}; {}", line(why)),
        None => meaning.to_owned(),
    }
}

/// Pairs that do not talk for one reason.
pub(super) struct Silence {
    /// What the table shows for each of them.
    pub cell: Cell,
    /// Whose programs they are, in a phrase.
    pub who: String,
    /// Why, in a sentence.
    pub why: String,
}

/// The pairs that one expects to talk, and that do not: the programs of one submission, and others within a group.
pub(super) fn unexpected(matrix: &Matrix) -> [Vec<(usize, usize)>; 2] {
    let own = matrix.own_failures().into_iter().map(|at| (at, at));
    let mut within_groups = matrix.exceptions();
    within_groups.retain(|(server, client)| server != client);
    [own.collect(), within_groups]
}

/// Why these pairs do not talk. Clients that fail with one server for one reason are told together: where a server
/// talks with nobody, one line says so.
pub(super) fn silences(matrix: &Matrix, pairs: &[(usize, usize)]) -> Vec<Silence> {
    let why = |pair: &(usize, usize)| sentence(&reason(matrix, pair.0, pair.1));
    let alike = pairs.chunk_by(|one, other| one.0 == other.0 && why(one) == why(other));
    let told = alike.filter_map(|alike| {
        let first = alike.first()?;
        let clients: Vec<String> = alike.iter().map(|pair| name(matrix, pair.1)).collect();
        let server = name(matrix, first.0);
        let who = match &clients[..] {
            [_] if first.0 == first.1 => server,
            [client] => format!("server of {server}, client of {client}"),
            clients => format!("server of {server}, clients of {}", clients.join(", ")),
        };
        Some(Silence {
            cell: matrix.cell(first.0, first.1),
            who,
            why: why(first),
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::matrix::tests::matrix;

    #[test]
    fn clients_that_fail_with_a_server_for_one_reason_are_told_together() {
        let class = matrix(&[
            ("ann", "..>", None),
            ("bob", ".x.", None),
            ("cyd", "...", None),
        ]);
        let told = silences(&class, &[(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 2)]);
        let told: Vec<&str> = told.iter().map(|silence| silence.who.as_str()).collect();
        // The table has bob first, whose programs understand each other.
        let expected = [
            "bob",
            "server of bob, clients of ann, cyd",
            "server of ann, client of bob",
            "server of ann, client of cyd",
            "cyd",
        ];
        assert_eq!(told, expected);
    }
}
