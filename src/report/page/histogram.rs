//! The distribution of a class's marks.

use maud::{Markup, html};

use crate::grading::points::{Points, counted};

/// Number of ranges, all of the same width.
const RANGES: usize = 10;

const WIDTH: usize = 360;
const HEIGHT: usize = 150;
const LEFT: usize = 8;
const BOTTOM: usize = 24;
const TOP: usize = 20;

/// A bar for each tenth of full marks, with the number of marks above it.
pub(super) fn histogram(marks: &[Points], most: Points) -> Markup {
    let numbers = spread(marks, most);
    let highest = numbers.iter().copied().max().unwrap_or(0).max(1);
    let bar = (WIDTH - 2 * LEFT) / RANGES;
    let ground = HEIGHT - BOTTOM;
    let edges = edges(most);
    html! {
        svg class="histogram" role="img" xmlns="http://www.w3.org/2000/svg"
            viewBox={ "0 0 " (WIDTH) " " (HEIGHT) }
            aria-labelledby="histogram-title histogram-description" {
            title id="histogram-title" { "Distribution of the marks" }
            desc id="histogram-description" { (in_words(&numbers, &edges)) }
            @for (at, number) in numbers.iter().enumerate() {
                @let high = number * (ground - TOP) / highest;
                @let x = LEFT + at * bar;
                @if *number > 0 {
                    rect class="bar" x=(x + 2) y=(ground - high) width=(bar - 4) height=(high) {}
                    text class="number" x=(x + bar / 2) y=(ground - high - 5) text-anchor="middle" { (number) }
                }
            }
            line class="axis" x1=(LEFT) x2=(LEFT + RANGES * bar) y1=(ground) y2=(ground) {}
            @for (at, edge) in edges.iter().enumerate().step_by(2) {
                line class="axis" x1=(LEFT + at * bar) x2=(LEFT + at * bar) y1=(ground) y2=(ground + 4) {}
                text x=(LEFT + at * bar) y=(HEIGHT - 6) text-anchor=(anchor_of(at)) { (edge) }
            }
        }
    }
}

/// The numbers at both ends stay within the picture.
fn anchor_of(edge: usize) -> &'static str {
    match edge {
        0 => "start",
        RANGES => "end",
        _ => "middle",
    }
}

fn edges(most: Points) -> Vec<Points> {
    // A tenth of full marks at most ten times.
    #[allow(clippy::cast_precision_loss)]
    let edge = |at: usize| most.share(at as f64 / RANGES as f64);
    (0..=RANGES).map(edge).collect()
}

/// The number of marks in each range. A range includes its lower end; the last one includes full marks.
fn spread(marks: &[Points], most: Points) -> Vec<usize> {
    let edges = edges(most);
    let mut numbers = vec![0; RANGES];
    for mark in marks {
        let above = edges[1..RANGES].iter().filter(|edge| *mark >= **edge);
        numbers[above.count()] += 1;
    }
    numbers
}

fn in_words(numbers: &[usize], edges: &[Points]) -> String {
    let ranges = numbers.iter().zip(edges.windows(2));
    let bars = ranges
        .filter(|(number, _)| **number > 0)
        .map(|(number, edges)| format!("{} to {}: {number}", edges[0], counted(edges[1])));
    bars.collect::<Vec<_>>().join("; ") + "."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_in_one_range() {
        let marks = [0, 9, 10, 99, 100].map(Points::whole);
        let numbers = spread(&marks, Points::whole(100));
        assert_eq!(numbers, [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        let edges = edges(Points::whole(100));
        assert_eq!(
            in_words(&numbers, &edges),
            "0 to 10 points: 2; 10 to 20 points: 1; 90 to 100 points: 2."
        );
        assert_eq!(
            spread(&[Points::ZERO], Points::ZERO).iter().sum::<usize>(),
            1
        );
    }
}
