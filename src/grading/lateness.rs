//! What it costs to hand in late.

use super::points::{Points, counted};
use crate::classroom::moment::Moment;

const DAY: i64 = 24 * 60 * 60;

/// The rules of a course about late submissions.
#[derive(Debug, Clone, PartialEq)]
pub struct LateRules {
    /// The deadline, with its offset from universal time.
    pub due: Moment,
    /// Seconds after the deadline that do not count.
    pub grace: i64,
    /// The share of full marks that each day costs, a day that has begun included.
    pub per_day: f64,
    /// Whether a Saturday and the Sunday after it count as one day.
    pub weekend_as_one: bool,
    /// Number of days after which nothing is accepted.
    pub until: Option<u32>,
}

/// When a submission was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HandedIn {
    /// The time, if the download says it.
    pub at: Option<Moment>,
    /// Whether the system marks it as late.
    pub is_late: bool,
}

/// What the rules say about a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lateness {
    /// It is in time, or nothing is known.
    None,
    Late {
        /// How many points it costs.
        cost: Points,
        /// Why, in a sentence.
        reason: String,
    },
    /// It may be late: why, in a sentence.
    Doubtful(String),
}

impl LateRules {
    /// The number of days that count; zero if it is in time.
    pub fn days(&self, handed_in: Moment) -> u32 {
        let seconds = handed_in.seconds_since(self.due);
        if seconds <= self.grace.max(0) {
            return 0;
        }
        let begun = (seconds + DAY - 1) / DAY;
        let mut days = 0;
        let mut was_weekend = false;
        // Nobody hands in years late, but a clock may be wrong.
        for number in 0..begun.min(10_000) {
            // A day lasts from deadline to deadline. Most of it is on one day of the calendar: that of its middle.
            let middle = self.due.later(number * DAY + DAY / 2);
            let is_weekend = self.weekend_as_one && middle.is_on_weekend();
            if !(is_weekend && was_weekend) {
                days += 1;
            }
            was_weekend = is_weekend;
        }
        days
    }

    /// What lateness costs a submission that earned `earned` of `most` points.
    pub(super) fn applied_to(&self, handed_in: HandedIn, earned: Points, most: Points) -> Lateness {
        let Some(at) = handed_in.at else {
            return match handed_in.is_late {
                true => Lateness::Doubtful(
                    "The system marks it as late, but does not say when it was handed in."
                        .to_owned(),
                ),
                false => Lateness::None,
            };
        };
        let days = self.days(at);
        if days == 0 {
            return Lateness::None;
        }
        let when = at.on_clock_of(self.due);
        let late = match days {
            1 => "one day".to_owned(),
            days => format!("{days} days"),
        };
        let (cost, rule) = match self.until.filter(|until| days > *until) {
            Some(until) => (earned, format!("nothing is accepted after {until} days")),
            None => {
                let cost = most.share((self.per_day * f64::from(days)).min(1.0));
                (cost.min(earned), format!("{} off", counted(cost)))
            }
        };
        Lateness::Late {
            cost,
            reason: format!("Handed in {when}, {late} late (due {}): {rule}.", self.due),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> Moment {
        Moment::read(text).expect(text)
    }

    /// The assignment's own rules: due on a Tuesday.
    fn rules() -> LateRules {
        LateRules {
            due: moment("2021-10-19T23:55:00-04:00"),
            grace: 5 * 60,
            per_day: 0.2,
            weekend_as_one: true,
            until: Some(2),
        }
    }

    fn cost(rules: &LateRules, handed_in: &str) -> (String, String) {
        let handed_in = HandedIn {
            at: Some(moment(handed_in)),
            is_late: false,
        };
        match rules.applied_to(handed_in, Points::whole(90), Points::whole(100)) {
            Lateness::None => ("0".to_owned(), String::new()),
            Lateness::Late { cost, reason } => (cost.to_string(), reason),
            Lateness::Doubtful(why) => ("?".to_owned(), why),
        }
    }

    #[test]
    fn each_day_costs_a_share_of_full_marks() {
        let rules = rules();
        for (handed_in, points) in [
            ("2021-10-19 23:54:59 -04:00", "0"),
            ("2021-10-20 00:00:00 -04:00", "0"),
            ("2021-10-20 00:00:01 -04:00", "20"),
            ("20211020035500000", "0"),
            ("2021-10-20T23:55:00-04:00", "20"),
            ("2021-10-20 23:56", "40"),
            ("2021-10-21 23:56", "90"),
        ] {
            assert_eq!(cost(&rules, handed_in).0, points, "{handed_in}");
        }
        assert_eq!(
            cost(&rules, "2021-10-21T02:00:00Z").1,
            "Handed in 2021-10-20 22:00:00 -04:00, one day late (due 2021-10-19 23:55:00 -04:00): 20 points off."
        );
        assert!(
            cost(&rules, "2021-10-23 10:00")
                .1
                .contains("nothing is accepted after 2 days")
        );
    }

    #[test]
    fn a_weekend_is_one_day() {
        let friday = LateRules {
            due: moment("2021-10-22T23:55:00-04:00"),
            until: None,
            ..rules()
        };
        let days = |handed_in: &str| friday.days(moment(handed_in));
        let seen = ["2021-10-23 10:00", "2021-10-24 20:00", "2021-10-25 10:00"].map(days);
        assert_eq!(seen, [1, 1, 2]);
        let strict = LateRules {
            weekend_as_one: false,
            ..friday.clone()
        };
        assert_eq!(strict.days(moment("2021-10-24 20:00")), 2);
    }

    #[test]
    fn a_system_that_says_only_late_leaves_a_doubt() {
        let late = HandedIn {
            at: None,
            is_late: true,
        };
        let seen = rules().applied_to(late, Points::whole(1), Points::whole(1));
        assert!(matches!(seen, Lateness::Doubtful(_)));
    }
}
