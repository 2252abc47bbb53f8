//! The rubric: how many points each requirement is worth. It is read from a file that people write.

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::lateness::LateRules;
use super::points::Points;
use super::settings::{self, Placed, Table};
use crate::conformance::evidence::shown;
use crate::conformance::judge::result::Verdict;
use crate::conformance::suite::requirement::{Level, Requirement};
use crate::transcript::syntax::Role;
use crate::transcript::{Diagnostic, nearest};

/// The rubric that is used unless another is given.
pub const BUILT_IN: &str = include_str!("../../conformance/rubric.toml");

/// How verdicts become points. `conformance/rubric.toml` is an example with comments.
#[derive(Debug, Clone)]
pub struct Rubric {
    /// The levels that count.
    pub levels: Vec<Level>,
    /// Weights of requirements within their role. The most specific one that matches counts.
    pub weights: Weights,
    /// Points and bounds of the server's part.
    pub server: Bounds,
    /// Points and bounds of the client's part.
    pub client: Bounds,
    /// Points and bounds of the two programs together.
    pub together: Bounds,
    /// Bounds of the whole.
    pub whole: Bounds,
    /// The share of its points that a requirement gets if it neither passes nor fails.
    pub shares: Shares,
    /// Faults that several requirements show and that are charged once.
    pub once: Vec<OneFault>,
    /// Upper limits on the mark if certain requirements do not pass.
    pub limits: Vec<Limit>,
    /// The groups that a person marks.
    pub by_hand: Vec<HandGroup>,
    /// The rules about late submissions.
    pub late: Option<LateRules>,
}

/// A group that a person marks, such as style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandGroup {
    /// Its name.
    pub what: String,
    /// Full marks.
    pub points: Points,
}

/// Weights of requirements.
#[derive(Debug, Clone, Default)]
pub struct Weights(Vec<(Scope, Points)>);

/// What a weight applies to, the most specific last.
#[derive(Debug, Clone)]
enum Scope {
    Level(Level),
    Group(String),
    Glob(GlobSet),
    Id(String),
}

/// Full marks of a role, and the bounds of its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Full marks; only for a role.
    pub points: Points,
    /// Lower bound.
    pub floor: Option<Points>,
    /// Upper bound.
    pub cap: Option<Points>,
}

/// Shares of a requirement's points, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    /// For a requirement that is blocked by another one.
    pub blocked: f64,
    /// For a requirement that passes in some runs and fails in others.
    pub racy: f64,
    /// For a requirement that the harness could not judge.
    pub unsure: f64,
}

/// A fault that is charged once, however many requirements show it.
#[derive(Debug, Clone)]
pub struct OneFault {
    /// Its name, which begins a sentence.
    pub title: String,
    /// The requirements that show it.
    pub requirements: GlobSet,
    /// What it costs; by default, as much as the most expensive of the requirements.
    pub costs: Option<Points>,
}

impl OneFault {
    /// Whether a requirement with this verdict shows the fault.
    pub fn shows_in(&self, id: &str, verdict: Verdict) -> bool {
        verdict == Verdict::Fail && self.requirements.is_match(id)
    }
}

/// A limit on the whole.
#[derive(Debug, Clone)]
pub struct Limit {
    /// The requirements that must pass.
    pub unless: GlobSet,
    /// The highest mark if one of them does not pass.
    pub at_most: Points,
}

/// Maximum number of points in a rubric.
const MOST: f64 = 10_000.0;

impl Rubric {
    /// Reads a rubric. `requirements` are all requirements; a rubric may name only these.
    ///
    /// # Errors
    /// Every mistake in it, with its position.
    pub fn parse(source: &str, requirements: &[Requirement]) -> Result<Rubric, Vec<Diagnostic>> {
        settings::read(source, "a rubric", |file| read(file, requirements))
    }

    /// The built-in rubric.
    ///
    /// # Errors
    /// `requirements` lack a requirement that it names. A custom suite may lack some.
    pub fn built_in(requirements: &[Requirement]) -> Result<Rubric, Vec<Diagnostic>> {
        Rubric::parse(BUILT_IN, requirements)
    }

    /// The weight of a requirement; zero if its level does not count.
    pub fn weight(&self, requirement: &Requirement) -> Points {
        if !self.levels.contains(&requirement.level) {
            return Points::ZERO;
        }
        let matching =
            |(scope, points): &(Scope, Points)| scope.applies_to(requirement).then_some(*points);
        self.weights
            .0
            .iter()
            .rev()
            .find_map(matching)
            .unwrap_or_default()
    }

    /// Points and bounds of a role.
    pub fn bounds_of(&self, role: Role) -> Bounds {
        match role {
            Role::Server => self.server,
            Role::Client => self.client,
            Role::Pair => self.together,
        }
    }
}

impl Scope {
    fn applies_to(&self, requirement: &Requirement) -> bool {
        match self {
            Scope::Level(level) => requirement.level == *level,
            Scope::Group(group) => requirement.group == *group,
            Scope::Glob(glob) => glob.is_match(&requirement.id),
            Scope::Id(id) => requirement.id == *id,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Scope::Level(_) => 0,
            Scope::Group(_) => 1,
            Scope::Glob(_) => 2,
            Scope::Id(_) => 3,
        }
    }
}

fn read(file: &Table<'_>, requirements: &[Requirement]) -> Option<Rubric> {
    let levels = file.texts("levels");
    if levels.is_none() {
        file.missing("levels");
    }
    let levels = levels.unwrap_or_default();
    let levels = levels.iter().filter_map(|word| level(file, word)).collect();
    let mut weights = Vec::new();
    match file.table("weights") {
        Some(table) => weights = read_weights(&table, requirements),
        None => file.missing("weights"),
    }
    weights.sort_by_key(|(scope, _)| scope.rank());
    let shares = file.table("shares");
    let share = |key, usual| {
        let table = shares.as_ref();
        let share = table.and_then(|table| table.number(key, 0.0..=1.0));
        share.unwrap_or(usual)
    };
    let shares_read = Shares {
        blocked: share("blocked", 0.0),
        racy: share("racy", 0.5),
        unsure: share("unsure", 1.0),
    };
    if let Some(table) = shares {
        table.refuse_unknown_keys();
    }
    let rubric = Rubric {
        levels,
        weights: Weights(weights),
        server: required_part(file, "server"),
        client: required_part(file, "client"),
        together: file
            .table("together")
            .map(|table| part(&table))
            .unwrap_or_default(),
        whole: file
            .table("whole")
            .map(|table| bounds(&table))
            .unwrap_or_default(),
        shares: shares_read,
        once: file
            .tables("once")
            .iter()
            .filter_map(|table| one_fault(table, requirements))
            .collect(),
        limits: file
            .tables("limit")
            .iter()
            .filter_map(|table| limit(table, requirements))
            .collect(),
        by_hand: file
            .tables("by_hand")
            .iter()
            .filter_map(hand_group)
            .collect(),
        late: file.table("late").and_then(|table| late_rules(&table)),
    };
    for (at, group) in rubric.by_hand.iter().enumerate() {
        let mut before = rubric.by_hand[..at].iter();
        if before.any(|other| other.what.eq_ignore_ascii_case(&group.what)) {
            let what = shown(group.what.as_bytes());
            file.report(0..0, &format!("two of [[by_hand]] are called {what}"), "");
        }
    }
    if !requirements
        .iter()
        .any(|requirement| rubric.weight(requirement) > Points::ZERO)
    {
        file.report(
            0..0,
            "no requirement has a weight in this rubric",
            "see `levels` and [weights]",
        );
    }
    let in_two = |requirement: &&Requirement| {
        let faults = rubric.once.iter();
        faults
            .filter(|fault| fault.requirements.is_match(&requirement.id))
            .count()
            > 1
    };
    if let Some(requirement) = requirements.iter().find(in_two) {
        file.report(
            0..0,
            &format!("{} is in two of [[once]]", requirement.id),
            "a requirement can be in one of them only",
        );
    }
    Some(rubric)
}

fn level(file: &Table<'_>, word: &Placed<String>) -> Option<Level> {
    let level = level_named(&word.value);
    if level.is_none() {
        file.report(
            word.span.clone(),
            "there is no such level",
            "one of must, implied, hardening",
        );
    }
    level
}

fn level_named(word: &str) -> Option<Level> {
    [Level::Must, Level::Implied, Level::Hardening]
        .into_iter()
        .find(|level| level.to_string() == word)
}

fn read_weights(table: &Table<'_>, requirements: &[Requirement]) -> Vec<(Scope, Points)> {
    let entries = table
        .numbers(0.0..=MOST)
        .into_iter()
        .filter_map(|(key, weight)| {
            let scope = scope_of(table, &key, requirements)?;
            Some((scope, Points::nearest(weight)))
        });
    entries.collect()
}

/// What a key of `[weights]` names: a level, a group, a requirement, or several by a pattern.
fn scope_of(
    table: &Table<'_>,
    key: &Placed<String>,
    requirements: &[Requirement],
) -> Option<Scope> {
    let word = &key.value;
    if let Some(level) = level_named(word) {
        return Some(Scope::Level(level));
    }
    if requirements
        .iter()
        .any(|requirement| requirement.group == *word)
    {
        return Some(Scope::Group(word.clone()));
    }
    if requirements
        .iter()
        .any(|requirement| requirement.id == *word)
    {
        return Some(Scope::Id(word.clone()));
    }
    ids_like(table, key, requirements).map(Scope::Glob)
}

/// The requirements that match an id or a pattern. No match is a mistake.
fn ids_like(
    table: &Table<'_>,
    key: &Placed<String>,
    requirements: &[Requirement],
) -> Option<GlobSet> {
    let word = &key.value;
    let glob = Glob::new(word).and_then(|glob| GlobSetBuilder::new().add(glob).build());
    let glob = glob.ok().filter(|glob| {
        requirements
            .iter()
            .any(|requirement| glob.is_match(&requirement.id))
    });
    if glob.is_none() {
        let words = requirements
            .iter()
            .flat_map(|requirement| [requirement.id.as_str(), requirement.group.as_str()]);
        let label = match nearest(word, words.chain(["must", "implied", "hardening"])) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                "the id of a requirement, or a pattern of ids with `*`; `conform list` shows all ids"
                    .to_owned()
            }
        };
        table.report(
            key.span.clone(),
            &format!("no requirement is called `{}`", shown(word.as_bytes())),
            &label,
        );
    }
    glob
}

/// The requirements that match a list of patterns.
fn ids_in(table: &Table<'_>, key: &'static str, requirements: &[Requirement]) -> Option<GlobSet> {
    let Some(words) = table.texts(key) else {
        table.missing(key);
        return None;
    };
    let mut set = GlobSetBuilder::new();
    for word in &words {
        ids_like(table, word, requirements)?;
        set.add(Glob::new(&word.value).ok()?);
    }
    set.build().ok()
}

fn required_part(file: &Table<'_>, role: &'static str) -> Bounds {
    match file.table(role) {
        Some(table) => part(&table),
        None => {
            file.missing(role);
            Bounds::default()
        }
    }
}

fn part(table: &Table<'_>) -> Bounds {
    let points = table.number("points", 0.0..=MOST);
    if points.is_none() {
        table.missing("points");
    }
    Bounds {
        points: points.map(Points::nearest).unwrap_or_default(),
        ..bounds(table)
    }
}

fn bounds(table: &Table<'_>) -> Bounds {
    let bound = |key| table.number(key, 0.0..=MOST).map(Points::nearest);
    let bounds = Bounds {
        points: Points::ZERO,
        floor: bound("floor"),
        cap: bound("cap"),
    };
    table.refuse_unknown_keys();
    if bounds
        .floor
        .zip(bounds.cap)
        .is_some_and(|(floor, cap)| floor > cap)
    {
        table.report_all("`floor` is above `cap`");
    }
    bounds
}

fn one_fault(table: &Table<'_>, requirements: &[Requirement]) -> Option<OneFault> {
    let title = table.text("fault");
    if title.is_none() {
        table.missing("fault");
    }
    let showing = ids_in(table, "rows", requirements);
    let costs = table.number("costs", 0.0..=MOST).map(Points::nearest);
    table.refuse_unknown_keys();
    Some(OneFault {
        title: title?.value,
        requirements: showing?,
        costs,
    })
}

fn limit(table: &Table<'_>, requirements: &[Requirement]) -> Option<Limit> {
    let unless = ids_in(table, "unless", requirements);
    let at_most = table.number("at_most", 0.0..=MOST);
    if at_most.is_none() {
        table.missing("at_most");
    }
    table.refuse_unknown_keys();
    Some(Limit {
        unless: unless?,
        at_most: Points::nearest(at_most?),
    })
}

fn hand_group(table: &Table<'_>) -> Option<HandGroup> {
    let what = table.text("what");
    if what.is_none() {
        table.missing("what");
    }
    let points = table.number("points", 0.0..=MOST);
    if points.is_none() {
        table.missing("points");
    }
    table.refuse_unknown_keys();
    Some(HandGroup {
        what: what?.value,
        points: Points::nearest(points?),
    })
}

fn late_rules(table: &Table<'_>) -> Option<LateRules> {
    let due = table.moment("due");
    if !table.has("due") {
        table.missing("due");
    }
    let due = due.filter(|due| {
        if !due.value.has_offset() {
            let label = "add the offset from universal time, as in 2021-10-19T23:55:00-04:00";
            table.report(
                due.span.clone(),
                "`due` does not say in which zone it is",
                label,
            );
        }
        due.value.has_offset()
    });
    // The bounds are checked when the file is read.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = |key, most: f64| table.number(key, 0.0..=most).map(|number| number as u32);
    let rules = LateRules {
        grace: i64::from(whole("grace", 10_000.0).unwrap_or(0)) * 60,
        per_day: table.number("per_day", 0.0..=1.0).unwrap_or(0.0),
        weekend_as_one: table.flag("weekend_as_one").unwrap_or(false),
        until: whole("until", 10_000.0),
        due: due?.value,
    };
    table.refuse_unknown_keys();
    Some(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::suite::Suite;

    fn requirements() -> Vec<Requirement> {
        Suite::embedded().expect("is right").requirements
    }

    fn named<'r>(requirements: &'r [Requirement], id: &str) -> &'r Requirement {
        requirements
            .iter()
            .find(|requirement| requirement.id == id)
            .expect("is there")
    }

    const SMALL: &str =
        "levels = [\"must\"]\n[server]\npoints = 10\n[client]\npoints = 5\n[weights]\nmust = 1\n";

    #[test]
    fn the_built_in_rubric_is_right_and_gives_a_hundred_points() {
        let requirements = requirements();
        let rubric = Rubric::built_in(&requirements).expect("is right");
        assert_eq!(
            rubric.server.points + rubric.client.points + rubric.together.points,
            Points::whole(100)
        );
        assert_eq!(
            rubric.weight(named(&requirements, "S-HARD-1")),
            Points::ZERO
        );
        assert!(
            rubric.weight(named(&requirements, "S-REG-1"))
                > rubric.weight(named(&requirements, "S-REG-2"))
                || rubric.weight(named(&requirements, "S-REG-1"))
                    > rubric.weight(named(&requirements, "W-LINE-1"))
        );
    }

    #[test]
    fn the_most_specific_weight_counts() {
        let requirements = requirements();
        let weights = "\"S-MSG-2\" = 7\n\"S-MSG-*\" = 5\nRegistration = 3\n";
        let rubric = Rubric::parse(&format!("{SMALL}{weights}"), &requirements).expect("is right");
        let weight = |id: &str| rubric.weight(named(&requirements, id)).to_string();
        let weights = ["S-MSG-2", "S-MSG-1", "S-REG-1", "S-RUN-1"].map(weight);
        assert_eq!(weights, ["7", "5", "3", "1"]);
        assert_eq!(
            weight("S-MSG-5"),
            "0",
            "implied requirements do not count there"
        );
    }

    #[test]
    fn mistakes_are_reported_with_their_position() {
        let requirements = requirements();
        for (change, line, message) in [
            ("level = [\"must\"]\n", 8, "a rubric has no key `level`"),
            (
                "[[once]]\nfault = \"x\"\nrows = [\"S-MGS-1\"]\n",
                10,
                "no requirement is called `S-MGS-1`",
            ),
            ("\"S-MSG-9\" = 1\n", 8, "no requirement is called `S-MSG-9`"),
            ("implied = -1\n", 8, "`implied` is a number from 0 to"),
            ("implied = \"2\"\n", 8, "`implied` is a number"),
            (
                "[[limit]]\nunless = [\"S-REG-1\"]\n",
                8,
                "[[limit]] has no `at_most`",
            ),
            (
                "[shares]\nblocked = 1.5\n",
                9,
                "`blocked` is a number from 0 to 1",
            ),
            (
                "[whole]\ncap = 50\nceiling = 3\n",
                10,
                "[whole] has no key `ceiling`",
            ),
            (
                "[late]\ndue = 2021-10-19T23:55:00\n",
                9,
                "does not say in which zone",
            ),
            ("[late]\ndue = \"soon\"\n", 9, "`due` is a date and time"),
            ("[[by_hand]]\nwhat = \"Style\"\n", 8, "has no `points`"),
            ("must = 2\n", 8, "duplicate key"),
        ] {
            // Keys of the rubric itself come before its tables.
            let source = if change.starts_with("level ") {
                format!("{}{change}", "\n".repeat(7)) + SMALL
            } else {
                format!("{SMALL}{change}")
            };
            let mistakes = Rubric::parse(&source, &requirements).expect_err(change);
            assert_eq!(
                (mistakes.len(), mistakes[0].line),
                (1, line),
                "{change}: {mistakes:?}"
            );
            assert!(mistakes[0].message.contains(message), "{mistakes:?}");
        }
        let missing = Rubric::parse("", &requirements).expect_err("is empty");
        assert_eq!(missing.len(), 5, "{missing:?}");
    }
}
