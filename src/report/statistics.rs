//! Statistics of the marks of a class.

use serde::Serialize;

use crate::grading::points::Points;

/// Statistics of marks; only the count if there are no marks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(in crate::report) struct Statistics {
    pub(in crate::report) count: usize,
    pub(in crate::report) mean: Option<Points>,
    pub(in crate::report) lowest: Option<Points>,
    pub(in crate::report) lower_quartile: Option<Points>,
    pub(in crate::report) median: Option<Points>,
    pub(in crate::report) upper_quartile: Option<Points>,
    pub(in crate::report) highest: Option<Points>,
}

impl Statistics {
    /// The statistics of sorted marks, lowest first.
    pub(in crate::report) fn of(marks: &[Points]) -> Statistics {
        let sum: Points = marks.iter().copied().sum();
        Statistics {
            count: marks.len(),
            mean: (!marks.is_empty()).then(|| Points::nearest(sum.as_f64() / count(marks))),
            lowest: marks.first().copied(),
            lower_quartile: quantile(marks, 0.25),
            median: quantile(marks, 0.5),
            upper_quartile: quantile(marks, 0.75),
            highest: marks.last().copied(),
        }
    }
}

/// The quantile of sorted marks, interpolated between the two nearest.
fn quantile(marks: &[Points], part: f64) -> Option<Points> {
    let last = count(marks) - 1.0;
    let at = last.max(0.0) * part;
    // From zero up to the last mark's index.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let below = at.floor() as usize;
    let lower = marks.get(below)?.as_f64();
    let upper = marks.get(below + 1).map_or(lower, |mark| mark.as_f64());
    Some(Points::nearest(lower + (upper - lower) * at.fract()))
}

// Classes are far smaller than 2^53.
#[allow(clippy::cast_precision_loss)]
fn count(marks: &[Points]) -> f64 {
    marks.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_as_people_reckon_them() {
        let marks = [10, 20, 30, 45].map(Points::whole);
        let statistics = Statistics::of(&marks);
        assert_eq!(statistics.mean, Some(Points::nearest(26.25)));
        assert_eq!(statistics.median, Some(Points::whole(25)));
        assert_eq!(statistics.lower_quartile, Some(Points::nearest(17.5)));
        assert_eq!(statistics.upper_quartile, Some(Points::nearest(33.75)));
        let one = Statistics::of(&marks[..1]);
        assert_eq!((one.median, one.upper_quartile), (one.lowest, one.highest));
        let none = Statistics::of(&[]);
        assert_eq!((none.count, none.mean, none.median), (0, None, None));
    }
}
