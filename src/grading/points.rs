//! Points, exact to a hundredth, so that a student who adds up a report gets the same sum.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of points, in hundredths; negative for a deduction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(i64);

impl Points {
    /// Zero points.
    pub const ZERO: Points = Points(0);

    /// A whole number of points.
    pub const fn whole(points: i64) -> Points {
        Points(points * 100)
    }

    /// Rounds to the nearest hundredth.
    pub fn nearest(points: f64) -> Points {
        // The numbers in a rubric are checked when it is read.
        #[allow(clippy::cast_possible_truncation)]
        Points((points * 100.0).round() as i64)
    }

    /// This share of the points, rounded to the nearest hundredth.
    pub fn share(self, share: f64) -> Points {
        Points::nearest(self.as_f64() * share)
    }

    /// As a number, for formats that need one.
    pub fn as_f64(self) -> f64 {
        // Points are far below 2^53 hundredths.
        #[allow(clippy::cast_precision_loss)]
        let hundredths = self.0 as f64;
        hundredths / 100.0
    }

    /// Divides the points by weight, in hundredths, so that the shares add up to the whole. The rounding remainder
    /// goes to the shares that lost most by rounding. All shares are zero if all weights are.
    pub fn apportioned(self, weights: &[Points]) -> Vec<Points> {
        let sum: i64 = weights.iter().map(|weight| weight.0).sum();
        if sum <= 0 {
            return vec![Points::ZERO; weights.len()];
        }
        let exact = |weight: &Points| i128::from(self.0) * i128::from(weight.0);
        let floor = |weight: &Points| exact(weight).div_euclid(i128::from(sum));
        let left_over = |weight: &Points| exact(weight).rem_euclid(i128::from(sum));
        let mut parts: Vec<i64> = weights
            .iter()
            .map(|weight| i64::try_from(floor(weight)).unwrap_or(i64::MAX))
            .collect();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(left_over(&weights[*at])));
        let missing = usize::try_from(self.0 - parts.iter().sum::<i64>()).unwrap_or(0);
        for at in order.into_iter().take(missing) {
            parts[at] += 1;
        }
        parts.into_iter().map(Points).collect()
    }
}

impl fmt::Display for Points {
    /// Without trailing zeros: `3`, `2.5`, `-0.25`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, hundredths) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        let shown = match hundredths {
            0 => format!("{sign}{whole}"),
            tens if tens % 10 == 0 => format!("{sign}{whole}.{}", tens / 10),
            _ => format!("{sign}{whole}.{hundredths:02}"),
        };
        f.pad(&shown)
    }
}

/// Points with their unit: `1 point`, `2.5 points`.
pub fn counted(points: Points) -> String {
    let unit = if points == Points::whole(1) {
        "point"
    } else {
        "points"
    };
    format!("{points} {unit}")
}

impl Add for Points {
    type Output = Points;
    fn add(self, other: Points) -> Points {
        Points(self.0 + other.0)
    }
}

impl AddAssign for Points {
    fn add_assign(&mut self, other: Points) {
        self.0 += other.0;
    }
}

impl Sub for Points {
    type Output = Points;
    fn sub(self, other: Points) -> Points {
        Points(self.0 - other.0)
    }
}

impl Neg for Points {
    type Output = Points;
    fn neg(self) -> Points {
        Points(-self.0)
    }
}

impl Sum for Points {
    fn sum<I: Iterator<Item = Points>>(all: I) -> Points {
        Points(all.map(|points| points.0).sum())
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Points, D::Error> {
        f64::deserialize(deserializer).map(Points::nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn points_are_written_as_people_write_them() {
        let shown =
            [3.0, 2.5, 0.25, -0.05, 100.0, 0.0].map(|points| Points::nearest(points).to_string());
        assert_eq!(shown, ["3", "2.5", "0.25", "-0.05", "100", "0"]);
    }

    #[test]
    fn what_rounding_leaves_over_goes_to_somebody() {
        let thirds = Points::whole(100).apportioned(&[Points::whole(1); 3]);
        assert_eq!(thirds.map_to_string(), ["33.34", "33.33", "33.33"]);
        let none = Points::whole(100).apportioned(&[Points::ZERO; 2]);
        assert_eq!(none, [Points::ZERO; 2]);
    }

    trait MapToString {
        fn map_to_string(&self) -> Vec<String>;
    }

    impl MapToString for Vec<Points> {
        fn map_to_string(&self) -> Vec<String> {
            self.iter().map(ToString::to_string).collect()
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole_and_heavier_is_never_less(
            whole in 0i64..100_000,
            weights in prop::collection::vec(0i64..1_000, 1..80),
        ) {
            prop_assume!(weights.iter().sum::<i64>() > 0);
            let weights: Vec<Points> = weights.into_iter().map(Points).collect();
            let parts = Points(whole).apportioned(&weights);
            prop_assert_eq!(parts.iter().copied().sum::<Points>(), Points(whole));
            for (one, part) in weights.iter().zip(&parts) {
                for (other, other_part) in weights.iter().zip(&parts) {
                    prop_assert!(one.0 < other.0 || part.0 + 1 >= other_part.0);
                    prop_assert!(one.0 != 0 || *part == Points::ZERO || other_part.0 >= 0);
                }
            }
        }
    }
}
