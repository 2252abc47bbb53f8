//! Who can talk to whom in a class: every server with every client. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::conformance::encounter::{Encounter, Heard};
use crate::conformance::program::dialect::Dialect;
use crate::conformance::suite::digest::Digest;

/// What became of every server with every client.
#[derive(Debug, Clone)]
pub struct Matrix {
    /// The name of the class.
    pub class: String,
    /// Number of submissions in the class, of which `members` may be a sample.
    pub class_size: usize,
    /// The submissions, group by group, and by name in each group.
    pub members: Vec<Member>,
    /// Submissions whose programs understand the same partners, the largest group first.
    pub groups: Vec<Group>,
    /// By server, then by client, in the order of `members`.
    encounters: Vec<Vec<Option<Encounter>>>,
}

/// A submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its server.
    pub server: Presence,
    /// Its client.
    pub client: Presence,
}

/// Whether a program takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Present {
        /// How it speaks, if the probe found that out.
        dialect: Option<Dialect>,
    },
    /// It does not.
    Absent {
        /// Why, in a sentence.
        reason: String,
        /// Whether this machine, and not the submission, is the reason.
        is_of_machine: bool,
    },
}

impl Presence {
    /// Why it does not take part.
    pub fn absence(&self) -> Option<&str> {
        match self {
            Presence::Present { .. } => None,
            Presence::Absent { reason, .. } => Some(reason),
        }
    }

    /// How it speaks, if that is known.
    pub fn dialect(&self) -> Option<Dialect> {
        match self {
            Presence::Present { dialect } => *dialect,
            Presence::Absent { .. } => None,
        }
    }

    fn is_of_machine(&self) -> bool {
        matches!(
            self,
            Presence::Absent {
                is_of_machine: true,
                ..
            }
        )
    }
}

/// Submissions whose programs understand the same partners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Their positions among the members.
    pub members: Range<usize>,
    /// What they have in common.
    pub kind: GroupKind,
    /// How their programs speak, in words, if that is known.
    pub dialect: Option<String>,
}

/// What the submissions of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// They understand the same partners.
    SamePartners,
    /// They understand nobody, not even themselves.
    NoPartner,
    /// Neither of their programs could be tried.
    NotTried,
}

/// What became of one server with one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Two people can talk.
    Talk,
    /// Words arrive in one direction only.
    OneWay(Heard),
    /// Nothing arrives.
    Nothing,
    /// The harness could not do its part.
    Unknown,
    /// One of the programs is missing or does not start.
    Missing,
}

/// Number of pairs by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Two people can talk.
    pub talk: usize,
    /// Words arrive in one direction only.
    pub one_way: usize,
    /// Nothing arrives.
    pub nothing: usize,
    /// The harness could not do its part.
    pub unknown: usize,
    /// One of the programs is missing or does not start.
    pub missing: usize,
}

impl Counts {
    /// Number of pairs that were judged.
    pub fn judged(&self) -> usize {
        self.talk + self.one_way + self.nothing
    }
}

impl Matrix {
    /// Puts the submissions into groups. `encounters` is by server, then by client, in the order of `members`; `None`
    /// where a program does not take part.
    pub fn of(
        class: String,
        class_size: usize,
        members: Vec<Member>,
        encounters: Vec<Vec<Option<Encounter>>>,
    ) -> Matrix {
        let groups = groups(&members, &encounters);
        let order: Vec<usize> = groups.iter().flat_map(|(_, group)| group.clone()).collect();
        let row = |server: &usize| {
            let clients = order.iter();
            clients
                .map(|client| encounters[*server][*client].clone())
                .collect()
        };
        let encounters = order.iter().map(row).collect();
        let members: Vec<Member> = order.iter().map(|at| members[*at].clone()).collect();
        let mut begin = 0;
        let groups = groups.into_iter().map(|(kind, group)| {
            let range = begin..begin + group.len();
            begin = range.end;
            Group {
                dialect: dialect_of(&members[range.clone()]),
                members: range,
                kind,
            }
        });
        Matrix {
            class,
            class_size,
            groups: groups.collect(),
            members,
            encounters,
        }
    }

    /// What became of a server with a client, by their positions.
    pub fn cell(&self, server: usize, client: usize) -> Cell {
        cell(self.encounter(server, client))
    }

    /// The encounter of a server with a client, if both take part.
    pub fn encounter(&self, server: usize, client: usize) -> Option<&Encounter> {
        self.encounters[server][client].as_ref()
    }

    /// Every pair: the positions of the server and of the client.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = self.members.len();
        (0..count).flat_map(move |server| (0..count).map(move |client| (server, client)))
    }

    /// Number of pairs by what became of them.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (server, client) in self.pairs() {
            *match self.cell(server, client) {
                Cell::Talk => &mut counts.talk,
                Cell::OneWay(_) => &mut counts.one_way,
                Cell::Nothing => &mut counts.nothing,
                Cell::Unknown => &mut counts.unknown,
                Cell::Missing => &mut counts.missing,
            } += 1;
        }
        counts
    }

    /// The group of a submission, by its position.
    pub fn group_of(&self, member: usize) -> usize {
        let of_member = |group: &Group| group.members.contains(&member);
        self.groups.iter().position(of_member).unwrap_or_default()
    }

    /// The pairs of one group that were judged and do not talk, although the group does.
    pub fn exceptions(&self) -> Vec<(usize, usize)> {
        let is_exception = |(server, client): &(usize, usize)| {
            let group = self.group_of(*server);
            group == self.group_of(*client)
                && self.groups[group].kind == GroupKind::SamePartners
                && matches!(self.cell(*server, *client), Cell::OneWay(_) | Cell::Nothing)
        };
        self.pairs().filter(is_exception).collect()
    }

    /// The submissions whose own two programs were judged and do not talk, by their positions.
    pub fn own_failures(&self) -> Vec<usize> {
        let members = 0..self.members.len();
        let fails =
            |member: &usize| matches!(self.cell(*member, *member), Cell::OneWay(_) | Cell::Nothing);
        members.filter(fails).collect()
    }

    /// Whether something could not be judged, because this machine or the harness failed.
    pub fn is_incomplete(&self) -> bool {
        let of_machine =
            |member: &Member| member.server.is_of_machine() || member.client.is_of_machine();
        let counts = self.counts();
        counts.unknown > 0 || counts.judged() == 0 || self.members.iter().any(of_machine)
    }
}

fn cell(encounter: Option<&Encounter>) -> Cell {
    match encounter.map(|encounter| encounter.heard) {
        None => Cell::Missing,
        Some(None) => Cell::Unknown,
        Some(Some(Heard::Both)) => Cell::Talk,
        Some(Some(Heard::Nothing)) => Cell::Nothing,
        Some(Some(heard)) => Cell::OneWay(heard),
    }
}

/// As many of these names, spread evenly. The choice depends on the names alone.
pub fn sample(names: &[String], count: usize) -> BTreeSet<String> {
    let digest = |name: &&String| {
        let mut digest = Digest::default();
        digest.add(name);
        digest.finish()
    };
    let mut spread: Vec<&String> = names.iter().collect();
    spread.sort_by_cached_key(digest);
    spread.into_iter().take(count).cloned().collect()
}

/// Whether a submission's server understands each client, and its client each server; `None` if that is unknown.
fn partners(member: usize, encounters: &[Vec<Option<Encounter>>]) -> Vec<Option<bool>> {
    let understands = |encounter: &Option<Encounter>| match cell(encounter.as_ref()) {
        Cell::Talk => Some(true),
        Cell::OneWay(_) | Cell::Nothing => Some(false),
        Cell::Unknown | Cell::Missing => None,
    };
    let of_server = encounters[member].iter();
    let of_client = encounters.iter().map(|row| &row[member]);
    of_server.chain(of_client).map(understands).collect()
}

/// Two groups become one while their submissions share at least two thirds of their partners, on average.
const MOST_DISTANT: f64 = 1.0 / 3.0;

/// The groups: positions of members, by name in each group, the largest group first.
fn groups(
    members: &[Member],
    encounters: &[Vec<Option<Encounter>>],
) -> Vec<(GroupKind, Vec<usize>)> {
    let all: Vec<Vec<Option<bool>>> = (0..members.len())
        .map(|member| partners(member, encounters))
        .collect();
    let mut by_kind: BTreeMap<GroupKind, Vec<usize>> = BTreeMap::new();
    for (member, partners) in all.iter().enumerate() {
        let kind = if partners.contains(&Some(true)) {
            GroupKind::SamePartners
        } else if partners.contains(&Some(false)) {
            GroupKind::NoPartner
        } else {
            GroupKind::NotTried
        };
        by_kind.entry(kind).or_default().push(member);
    }
    let mut found: Vec<(GroupKind, Vec<usize>)> = Vec::new();
    for (kind, positions) in by_kind {
        let mut groups = match kind {
            GroupKind::SamePartners => {
                joined(&positions, |one, other| distance(&all[one], &all[other]))
            }
            GroupKind::NoPartner | GroupKind::NotTried => vec![positions],
        };
        for group in &mut groups {
            group.sort_by_key(|member| &members[*member].name);
        }
        groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), &members[group[0]].name));
        found.extend(groups.into_iter().map(|group| (kind, group)));
    }
    found
}

/// Joins the two nearest groups again and again, while they are near enough. `distance` is `None` if it is unknown.
fn joined(positions: &[usize], distance: impl Fn(usize, usize) -> Option<f64>) -> Vec<Vec<usize>> {
    /// Sum and number of the known distances between the submissions of two groups.
    type Sum = (f64, u32);
    let mut groups: Vec<Vec<usize>> = positions.iter().map(|at| vec![*at]).collect();
    let mut sums: Vec<Vec<Sum>> = positions
        .iter()
        .map(|one| {
            let others = positions.iter();
            let sum = |other: &usize| distance(*one, *other).map_or((0.0, 0), |known| (known, 1));
            others.map(sum).collect()
        })
        .collect();
    let average = |(sum, count): Sum| {
        if count == 0 {
            f64::INFINITY
        } else {
            sum / f64::from(count)
        }
    };
    loop {
        let count = groups.len();
        let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| (one, other)));
        let near = |(one, other): &(usize, usize)| average(sums[*one][*other]);
        let nearest = pairs.min_by(|one, other| near(one).total_cmp(&near(other)));
        let Some((one, other)) = nearest.filter(|pair| near(pair) <= MOST_DISTANT) else {
            return groups;
        };
        let moved = groups.remove(other);
        groups[one].extend(moved);
        let row = sums.remove(other);
        for ((sum, count), (more, further)) in sums[one].iter_mut().zip(row) {
            *sum += more;
            *count += further;
        }
        for row in &mut sums {
            let (sum, count) = row.remove(other);
            row[one].0 += sum;
            row[one].1 += count;
        }
    }
}

/// The share of the partners of either one that the other one does not have; `None` if both have none that is known.
fn distance(one: &[Option<bool>], other: &[Option<bool>]) -> Option<f64> {
    let known = one.iter().zip(other);
    let known = known.filter_map(|(one, other)| Some(((*one)?, (*other)?)));
    let (mut shared, mut all) = (0_u32, 0_u32);
    for (one, other) in known {
        shared += u32::from(one && other);
        all += u32::from(one || other);
    }
    (all > 0).then(|| 1.0 - f64::from(shared) / f64::from(all))
}

/// How the programs of these submissions speak.
fn dialect_of(members: &[Member]) -> Option<String> {
    let servers = most_common(members.iter().filter_map(|member| member.server.dialect()));
    let clients = most_common(members.iter().filter_map(|member| member.client.dialect()));
    match (servers, clients) {
        (None, None) => None,
        (Some(servers), Some(clients)) if servers != clients => {
            Some(format!("servers: {servers}; clients: {clients}"))
        }
        (Some(both), _) | (None, Some(both)) => Some(both),
    }
}

/// The dialects in words, the most common first.
fn most_common(dialects: impl Iterator<Item = Dialect>) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for dialect in dialects {
        let (reads, writes) = (dialect.reads.in_words(), dialect.writes.in_words());
        let words = if reads == writes {
            reads.to_owned()
        } else {
            format!("read {reads}, write {writes}")
        };
        *counts.entry(words).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let words: Vec<String> = counts.into_iter().map(|(words, _)| words).collect();
    (!words.is_empty()).then(|| words.join(", or "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A matrix of submissions that are called as these rows, each by its server with every client: `x` talks, `>`,
    /// `<` and `!` are one-way, `.` is nothing, `?` is unknown, and `-` is missing.
    pub(crate) fn matrix(rows: &[(&str, &str, Option<&str>)]) -> Matrix {
        let encounter = |mark: char| {
            let heard = match mark {
                'x' => Some(Heard::Both),
                '>' => Some(Heard::FirstComer),
                '<' => Some(Heard::SecondComer),
                '!' => Some(Heard::FirstWords),
                '.' => Some(Heard::Nothing),
                '?' => None,
                _ => return None,
            };
            let fails = heard != Some(Heard::Both);
            Some(Encounter {
                heard,
                why: fails.then(|| "`bob < @alice: hi` failed: <b>\u{1b}[2J".to_owned()),
                runs: 1 + usize::from(fails),
                seconds: 0.5,
            })
        };
        let count = rows.len();
        let mark = |server: usize, client: usize| {
            let mark = rows[server].1.chars().nth(client);
            mark.expect("one for each client")
        };
        let presence = |is_missing: bool, what: &str, dialect: Option<&str>| {
            if is_missing {
                Presence::Absent {
                    reason: format!("There is no {what}<i>\u{1b}[31m."),
                    is_of_machine: false,
                }
            } else {
                Presence::Present {
                    dialect: dialect.map(|text| text.parse().expect("a dialect")),
                }
            }
        };
        let members = rows
            .iter()
            .enumerate()
            .map(|(at, (name, _, dialect))| Member {
                name: (*name).to_owned(),
                server: presence(
                    (0..count).all(|client| mark(at, client) == '-'),
                    "server",
                    *dialect,
                ),
                client: presence(
                    (0..count).all(|server| mark(server, at) == '-'),
                    "client",
                    *dialect,
                ),
            });
        let encounters = (0..count).map(|server| {
            (0..count)
                .map(|client| encounter(mark(server, client)))
                .collect()
        });
        Matrix::of(
            "class".to_owned(),
            count,
            members.collect(),
            encounters.collect(),
        )
    }

    fn names(matrix: &Matrix) -> Vec<(GroupKind, Vec<&str>)> {
        let names = |group: &Group| {
            let members = matrix.members[group.members.clone()].iter();
            (
                group.kind,
                members.map(|member| member.name.as_str()).collect(),
            )
        };
        matrix.groups.iter().map(names).collect()
    }

    #[test]
    fn submissions_that_understand_the_same_partners_are_one_group() {
        let matrix = matrix(&[
            ("ann", "x.x.x.-", Some("bare")),
            ("bob", ".x.x..-", Some("line")),
            ("cyd", "x.x.x.-", Some("bare")),
            ("dan", ".x.x..-", Some("line/crlf")),
            ("eve", "x.>.x.-", Some("bare")),
            ("fay", "......-", None),
            ("gil", "-------", None),
        ]);
        let bare = "bare messages (one for each write, without an end)";
        let lines = "lines, or read lines, write lines that end with CR LF and nothing less";
        assert_eq!(
            names(&matrix),
            [
                (GroupKind::SamePartners, vec!["ann", "cyd", "eve"]),
                (GroupKind::SamePartners, vec!["bob", "dan"]),
                (GroupKind::NoPartner, vec!["fay"]),
                (GroupKind::NotTried, vec!["gil"]),
            ]
        );
        let dialects: Vec<_> = matrix
            .groups
            .iter()
            .map(|group| group.dialect.as_deref())
            .collect();
        assert_eq!(dialects, [Some(bare), Some(lines), None, None]);
        let of = |name: &str| matrix.members.iter().position(|member| member.name == name);
        let eve_and_cyd = (of("eve").expect("is there"), of("cyd").expect("is there"));
        assert_eq!(matrix.exceptions(), [eve_and_cyd]);
        assert_eq!(matrix.own_failures(), [of("fay").expect("is there")]);
        assert_eq!(
            matrix.counts(),
            Counts {
                talk: 12,
                one_way: 1,
                nothing: 23,
                unknown: 0,
                missing: 13
            }
        );
        assert!(!matrix.is_incomplete());
    }

    #[test]
    fn those_who_understand_only_themselves_have_nothing_in_common() {
        let matrix = matrix(&[
            ("ann", "x..", None),
            ("bob", ".x.", None),
            ("cyd", "..x", None),
        ]);
        assert_eq!(matrix.groups.len(), 3);
        assert!(matrix.exceptions().is_empty() && matrix.own_failures().is_empty());
    }

    #[test]
    fn a_missing_program_separates_nobody_from_a_group() {
        let matrix = matrix(&[
            ("ann", "x-x", None),
            ("bob", "x-x", None),
            ("cyd", "---", None),
        ]);
        // Bob has no client, and Cyd no server: Ann is like both.
        let all = vec!["ann", "bob", "cyd"];
        assert_eq!(names(&matrix), [(GroupKind::SamePartners, all)]);
        assert_eq!(matrix.counts().missing, 5);
    }

    #[test]
    fn what_the_harness_could_not_judge_is_not_complete() {
        assert!(matrix(&[("ann", "x?", None), ("bob", "xx", None)]).is_incomplete());
        assert!(matrix(&[("ann", "-", None)]).is_incomplete());
        let mut lacking = matrix(&[("ann", "x-", None), ("bob", "--", None)]);
        assert!(!lacking.is_incomplete());
        lacking.members[1].server = Presence::Absent {
            reason: "There is no go on this machine.".to_owned(),
            is_of_machine: true,
        };
        assert!(lacking.is_incomplete());
    }

    #[test]
    fn a_sample_depends_on_the_names_alone() {
        let names: Vec<String> = (0..50).map(|number| format!("s{number}")).collect();
        let chosen = sample(&names, 10);
        assert_eq!(chosen.len(), 10);
        let backwards: Vec<String> = names.iter().rev().cloned().collect();
        assert_eq!(sample(&backwards, 10), chosen);
        assert!(sample(&names, 20).is_superset(&chosen));
        assert_eq!(sample(&names, 99).len(), 50);
    }
}
