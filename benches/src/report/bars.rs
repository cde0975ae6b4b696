//! Horizontal bars in groups, on a logarithmic scale: each with its name before it and its number
//! behind it, so that no two labels meet, however many there are.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::plots::{Failure, colour, draw};
use super::scale::Scale;
use crate::aims::short;

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// Its name.
    pub label: String,
    /// How long it is.
    pub value: f64,
    /// Which colour it has.
    pub colour: usize,
}

/// Bars that are compared with one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What they are of.
    pub label: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

const WIDTH: i32 = 900;
/// Where bars begin, and where the longest ends.
const LEFT: i32 = 260;
const RIGHT: i32 = WIDTH - 70;
const TOP: i32 = 56;
const ROW: i32 = 16;
/// Above each group, its label in it.
const HEADING: i32 = 26;
const BOTTOM: i32 = 30;

/// Draws all groups, on one scale; values that are not above 0 have no bar.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, title: &str, unit: &str, groups: &[Group]) -> Result<(), Failure> {
    let rows: usize = groups.iter().map(|group| group.bars.len()).sum();
    let headings = groups.len() as i32 * HEADING;
    let bottom = TOP + headings + rows as i32 * ROW;
    let bars = groups.iter().flat_map(|group| &group.bars);
    let scale = Scale::of(bars.map(|bar| bar.value));
    let x = |value: f64| LEFT + (scale.part(value) * f64::from(RIGHT - LEFT)) as i32;
    draw(path, (WIDTH as u32, (bottom + BOTTOM) as u32), |area| {
        let text = |size: i32, horizontal| {
            TextStyle::from(("sans-serif", size).into_font())
                .pos(Pos::new(horizontal, VPos::Center))
        };
        area.draw(&Text::new(title, (16, 20), text(18, HPos::Left)))?;
        area.draw(&Text::new(unit, (LEFT, 42), text(12, HPos::Left)))?;
        for (value, label) in scale.marks() {
            let x = x(value);
            let line = vec![(x, TOP), (x, bottom)];
            area.draw(&PathElement::new(line, RGBColor(220, 220, 220)))?;
            area.draw(&Text::new(label, (x, bottom + 14), text(12, HPos::Center)))?;
        }
        let mut y = TOP;
        for group in groups {
            let label = Text::new(&*group.label, (16, y + HEADING * 3 / 5), text(13, HPos::Left));
            area.draw(&label)?;
            y += HEADING;
            for bar in &group.bars {
                let middle = y + ROW / 2;
                area.draw(&Text::new(&*bar.label, (LEFT - 8, middle), text(12, HPos::Right)))?;
                if bar.value > 0.0 {
                    let end = x(bar.value);
                    let corners = [(LEFT, y + 2), (end, y + ROW - 2)];
                    area.draw(&Rectangle::new(corners, colour(bar.colour).filled()))?;
                    let number =
                        Text::new(short(bar.value), (end + 5, middle), text(11, HPos::Left));
                    area.draw(&number)?;
                }
                y += ROW;
            }
        }
        Ok(())
    })
}
