//! Lines over the number of threads, with the names in a column of their own.

use std::path::Path;

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::plots::{Failure, colour, draw, is_dashed};
use super::scale::Scale;
use crate::aims::short;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name.
    pub label: String,
    /// Threads, and what they reach together; by threads.
    pub points: Vec<(usize, f64)>,
    /// Which colour it has, and whether it is dashed.
    pub colour: usize,
}

const WIDTH: i32 = 900;
const HEIGHT: i32 = 460;
const LEFT: i32 = 70;
const RIGHT: i32 = 560;
const TOP: i32 = 60;
const BOTTOM: i32 = HEIGHT - 50;
const ROW: i32 = 20;

/// Draws lines on a logarithmic scale, so that the slow ones can be told apart.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, title: &str, unit: &str, lines: &[Line]) -> Result<(), Failure> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let scale = Scale::of(points().map(|(_, value)| *value));
    let mut threads: Vec<_> = points().map(|(threads, _)| *threads).collect();
    threads.sort_unstable();
    threads.dedup();
    let last = threads.last().copied().unwrap_or(1).max(2);
    let x = |threads: usize| LEFT + (RIGHT - LEFT) * (threads as i32 - 1) / (last as i32 - 1);
    let y = |value: f64| BOTTOM - (f64::from(BOTTOM - TOP) * scale.part(value)) as i32;
    let height = HEIGHT.max(TOP + ROW * (lines.len() as i32 + 1));
    draw(path, (WIDTH as u32, height as u32), |area| {
        let text = |size: i32, horizontal| {
            TextStyle::from(("sans-serif", size).into_font())
                .pos(Pos::new(horizontal, VPos::Center))
        };
        area.draw(&Text::new(title, (16, 20), text(18, HPos::Left)))?;
        area.draw(&Text::new(unit, (16, 42), text(12, HPos::Left)))?;
        for (value, label) in scale.marks() {
            let across = vec![(LEFT, y(value)), (RIGHT, y(value))];
            area.draw(&PathElement::new(across, RGBColor(220, 220, 220)))?;
            area.draw(&Text::new(label, (LEFT - 8, y(value)), text(12, HPos::Right)))?;
        }
        for threads in &threads {
            let label =
                if *threads == 1 { "1 thread".into() } else { format!("{threads} threads") };
            area.draw(&Text::new(label, (x(*threads), BOTTOM + 18), text(12, HPos::Center)))?;
        }
        // The names from the highest line to the lowest, as the lines end.
        let mut sorted: Vec<_> = lines.iter().collect();
        let end = |line: &Line| line.points.last().map_or(0.0, |(_, value)| *value);
        sorted.sort_by(|one, other| end(other).total_cmp(&end(one)));
        for (row, line) in sorted.into_iter().enumerate() {
            let stroke = |path: Vec<(i32, i32)>| {
                let style = colour(line.colour).stroke_width(2);
                if is_dashed(line.colour) {
                    area.draw(&DashedPathElement::new(path, 6, 4, style))
                } else {
                    area.draw(&PathElement::new(path, style))
                }
            };
            let path: Vec<_> =
                line.points.iter().map(|(threads, value)| (x(*threads), y(*value))).collect();
            for point in &path {
                area.draw(&Circle::new(*point, 3, colour(line.colour).filled()))?;
            }
            stroke(path)?;
            let middle = TOP + row as i32 * ROW;
            stroke(vec![(RIGHT + 34, middle), (RIGHT + 60, middle)])?;
            let label = format!("{} ({})", line.label, short(end(line)));
            area.draw(&Text::new(label, (RIGHT + 68, middle), text(12, HPos::Left)))?;
        }
        Ok(())
    })
}
