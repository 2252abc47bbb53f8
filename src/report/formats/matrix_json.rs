//! Who can talk to whom in a class, as JSON.

use serde::Serialize;

use super::json;
use crate::conformance::encounter::Encounter;
use crate::conformance::program::dialect::Dialect;
use crate::grading::matrix::{GroupKind, Matrix, Presence};

/// The document's name and version.
pub const SCHEMA: &str = "chat-conformance/matrix/1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    class: &'a str,
    class_size: usize,
    counts: Counts,
    groups: Vec<Group<'a>>,
    submissions: Vec<Submission<'a>>,
    pairs: Vec<Pair<'a>>,
}

#[derive(Serialize)]
struct Counts {
    talk: usize,
    one_way: usize,
    nothing: usize,
    not_judged: usize,
    not_tried: usize,
}

#[derive(Serialize)]
struct Group<'a> {
    /// `same_partners`, `no_partner` or `not_tried`.
    kind: &'static str,
    dialect: Option<&'a str>,
    submissions: Vec<&'a str>,
}

#[derive(Serialize)]
struct Submission<'a> {
    name: &'a str,
    server: Program<'a>,
    client: Program<'a>,
}

#[derive(Serialize)]
struct Program<'a> {
    dialect: Option<Dialect>,
    not_tried: Option<&'a str>,
}

#[derive(Serialize)]
struct Pair<'a> {
    server: &'a str,
    client: &'a str,
    #[serde(flatten)]
    encounter: &'a Encounter,
}

/// The matrix as one JSON document, with a newline at its end. Pairs of which a program was not tried are left out.
pub fn render(matrix: &Matrix) -> String {
    let counts = matrix.counts();
    let groups = matrix.groups.iter().map(|group| {
        let members = matrix.members[group.members.clone()].iter();
        Group {
            kind: match group.kind {
                GroupKind::SamePartners => "same_partners",
                GroupKind::NoPartner => "no_partner",
                GroupKind::NotTried => "not_tried",
            },
            dialect: group.dialect.as_deref(),
            submissions: members.map(|member| member.name.as_str()).collect(),
        }
    });
    let submissions = matrix.members.iter().map(|member| Submission {
        name: &member.name,
        server: program(&member.server),
        client: program(&member.client),
    });
    let pairs = matrix.pairs().filter_map(|(server, client)| {
        Some(Pair {
            server: &matrix.members[server].name,
            client: &matrix.members[client].name,
            encounter: matrix.encounter(server, client)?,
        })
    });
    json::text(&Document {
        schema: SCHEMA,
        class: &matrix.class,
        class_size: matrix.class_size,
        counts: Counts {
            talk: counts.talk,
            one_way: counts.one_way,
            nothing: counts.nothing,
            not_judged: counts.unknown,
            not_tried: counts.missing,
        },
        groups: groups.collect(),
        submissions: submissions.collect(),
        pairs: pairs.collect(),
    })
}

fn program(presence: &Presence) -> Program<'_> {
    Program {
        dialect: presence.dialect(),
        not_tried: presence.absence(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grading::matrix::tests::matrix;

    #[test]
    fn every_pair_that_was_tried_is_there() {
        insta::assert_snapshot!(render(&matrix(&[
            ("ann", "x-.", Some("line/bare")),
            ("b\u{1b}ob", "---", None),
            ("cyd", ">-?", None),
        ])));
    }
}
