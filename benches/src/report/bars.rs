//! Horizontal bars in groups, on a logarithmic scale: each with its name before it and its number
//! behind it, so that no two labels meet, however many there are.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::plots::{Failure, colour, draw};
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
    let scale = Scale::of(groups);
    draw(path, (WIDTH as u32, (bottom + BOTTOM) as u32), |area| {
        let text = |size: i32, horizontal| {
            TextStyle::from(("sans-serif", size).into_font())
                .pos(Pos::new(horizontal, VPos::Center))
        };
        area.draw(&Text::new(title, (16, 20), text(18, HPos::Left)))?;
        area.draw(&Text::new(unit, (LEFT, 42), text(12, HPos::Left)))?;
        for power in scale.least..=scale.most {
            let x = scale.x(10f64.powi(power));
            let line = vec![(x, TOP), (x, bottom)];
            area.draw(&PathElement::new(line, RGBColor(220, 220, 220)))?;
            let label = power_of_ten(power);
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
                    let end = scale.x(bar.value);
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

/// Powers of ten, from below the least value to above the greatest.
struct Scale {
    least: i32,
    most: i32,
}

impl Scale {
    fn of(groups: &[Group]) -> Scale {
        let values = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value);
        let powers: Vec<f64> = values.filter(|value| *value > 0.0).map(f64::log10).collect();
        let least = powers.iter().copied().fold(f64::INFINITY, f64::min).floor();
        let most = powers.iter().copied().fold(f64::NEG_INFINITY, f64::max).ceil();
        if least > most {
            return Scale { least: 0, most: 1 };
        }
        Scale { least: least as i32, most: (most as i32).max(least as i32 + 1) }
    }

    fn x(&self, value: f64) -> i32 {
        let part = (value.log10() - f64::from(self.least)) / f64::from(self.most - self.least);
        LEFT + (part * f64::from(RIGHT - LEFT)) as i32
    }
}

fn power_of_ten(power: i32) -> String {
    match power {
        0.. => format!("{}", 10f64.powi(power)),
        _ => format!("{:.*}", power.unsigned_abs() as usize, 10f64.powi(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_holds_every_value() {
        let bar = |value| Bar { label: String::new(), value, colour: 0 };
        let group = Group { label: String::new(), bars: vec![bar(3.0), bar(0.0), bar(420.0)] };
        let scale = Scale::of(&[group]);
        assert_eq!((scale.least, scale.most), (0, 3));
        assert_eq!((scale.x(1.0), scale.x(1000.0)), (LEFT, RIGHT));
        assert_eq!(Scale::of(&[]).most, 1);
        assert_eq!(power_of_ten(-2), "0.01");
        assert_eq!(power_of_ten(3), "1000");
    }
}
