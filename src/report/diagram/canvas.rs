//! The columns of lifelines, arrows and words.

use super::lanes::Lanes;
use super::rows::{Row, Shape};
use crate::report::Style;
use crate::report::text::{Ink, cut, pad, width, wrap};

/// Maximum number of lines of a remark.
pub(super) const REMARK_LINES: usize = 3;

/// Columns of the time, and minimum columns of the words at the right.
pub(super) const TIME: usize = 9;
const WORDS: usize = 30;

/// The columns of lifelines and words.
pub(super) struct Canvas<'a> {
    lanes: &'a Lanes,
    style: Style,
    /// Columns of each lane.
    lane: Vec<usize>,
    /// Columns of the words at the right.
    pub(super) words: usize,
}

impl<'a> Canvas<'a> {
    /// Lanes are as wide as their names, or narrower if the words need the room.
    pub(super) fn new(lanes: &'a Lanes, style: Style) -> Self {
        let lane_widths = |most: usize| -> Vec<usize> {
            lanes
                .names
                .iter()
                .map(|name| width(name).clamp(3, most) + 2)
                .collect()
        };
        let room = style.width.saturating_sub(TIME + 2 + WORDS);
        let fits = |most: &usize| lane_widths(*most).iter().sum::<usize>() <= room;
        let lane = lane_widths((3..=12).rev().find(fits).unwrap_or(3));
        let used = TIME + 2 + lane.iter().sum::<usize>();
        let words = style.width.saturating_sub(used).max(20);
        Canvas {
            lanes,
            style,
            lane,
            words,
        }
    }

    pub(super) fn heading(&self) -> String {
        let names = self.lanes.names.iter().zip(&self.lane);
        let names: String = names
            .map(|(name, lane)| self.centred(name, *lane))
            .collect();
        let heading = format!("{:>TIME$}  {}", "time", names.trim_end());
        self.style.ink(Ink::Heading, &heading) + "\n"
    }

    fn centred(&self, name: &str, lane: usize) -> String {
        let name = cut(name, lane - 2);
        let before = (lane - 1 - width(&name)) / 2;
        pad(&format!("{}{name}", " ".repeat(before)), lane)
    }

    pub(super) fn blank(&self) -> String {
        " ".repeat(self.lane.iter().sum())
    }

    /// The column of a lifeline.
    fn column(&self, lane: usize) -> usize {
        self.lane[..lane].iter().sum::<usize>() + (self.lane[lane] - 2) / 2
    }

    pub(super) fn drawing(&self, live: &[bool], shape: Shape) -> String {
        let mut cells: Vec<char> = self.blank().chars().collect();
        for (lane, live) in live.iter().enumerate() {
            if *live {
                cells[self.column(lane)] = '│';
            }
        }
        match shape {
            // An actor without a lifeline, such as a person who types to a server.
            Shape::Arrow { from, to } if from == to => cells[self.column(to)] = '●',
            Shape::Arrow { from, to } => self.draw_arrow(&mut cells, from, to),
            Shape::Mark(lane) => cells[self.column(lane)] = '●',
            Shape::Failure(lane) => cells[self.column(lane)] = '✗',
            Shape::Nothing => {}
        }
        cells.into_iter().collect()
    }

    fn draw_arrow(&self, cells: &mut [char], from: usize, to: usize) {
        let (start, end) = (self.column(from), self.column(to));
        let rightwards = start < end;
        for cell in &mut cells[start.min(end) + 1..start.max(end)] {
            *cell = if *cell == '│' { '┼' } else { '─' };
        }
        cells[start] = if rightwards { '├' } else { '┤' };
        cells[end] = '│';
        match rightwards {
            true => cells[end - 1] = '>',
            false => cells[end + 1] = '<',
        }
    }

    /// Messages are cut to one line; remarks may take several.
    pub(super) fn event(&self, row: &Row) -> String {
        let lines = match row.ink {
            Some(_) => self.few_lines(&row.words),
            None => vec![row.words.clone()],
        };
        let mut shown = String::new();
        for (index, line) in lines.iter().enumerate() {
            let first = index == 0;
            let shape = if first { row.shape } else { Shape::Nothing };
            let drawing = self.drawing(&row.live, shape);
            shown.push_str(&self.row(first.then_some(row.at), &drawing, line, row.ink));
        }
        shown
    }

    fn few_lines(&self, words: &str) -> Vec<String> {
        let mut lines = wrap(words, self.words);
        if lines.len() > REMARK_LINES {
            let rest = lines.split_off(REMARK_LINES - 1).join(" ");
            lines.push(cut(&rest, self.words));
        }
        lines
    }

    pub(super) fn row(
        &self,
        at: Option<f64>,
        drawing: &str,
        words: &str,
        ink: Option<Ink>,
    ) -> String {
        let time = at.map_or(String::new(), |at| format!("{at:.3} s"));
        let time = self.style.ink(Ink::Quiet, &format!("{time:>TIME$}"));
        let words = cut(words, self.words);
        let words = ink.map_or(words.clone(), |ink| self.style.ink(ink, &words));
        format!("{time}  {drawing}{words}").trim_end().to_string() + "\n"
    }
}
