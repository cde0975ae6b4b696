//! The pictures of a run.

use std::{io, path::Path};

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    algorithms::Manages,
    measures::Outcome,
    page::{Spread, rows},
    suite::{Cell, Suite},
};
use crate::report::{
    bars::{self, Bar, Group},
    plots::{Failure, colour, draw},
};

/// Writes all of them.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(suite: &Suite, cells: &[Cell], folder: &Path) -> io::Result<()> {
    let lost = |failure: Failure| io::Error::other(failure.to_string());
    let (title, of) = ("Useful connections kept", kept as fn(&Outcome) -> f64);
    shares(&folder.join("kept.svg"), title, suite, cells, of).map_err(lost)?;
    let (title, of) = ("Attackers among the open connections", attackers as fn(&Outcome) -> f64);
    shares(&folder.join("attackers.svg"), title, suite, cells, of).map_err(lost)?;
    let bar = |cell: &Cell| {
        let colour = cell.manager as usize;
        let value = Spread::of(cell, Outcome::churn).mean;
        Bar { label: cell.manager.name().into(), value, colour }
    };
    let groups = suite.scenarios.iter().zip(rows(suite, cells)).map(|(scenario, row)| Group {
        label: scenario.name.into(),
        bars: row.iter().map(bar).collect(),
    });
    let groups: Vec<_> = groups.collect();
    let (title, unit) =
        ("Churn", "reconnects for each useful connection, logarithmic; less is better");
    bars::write(&folder.join("churn.svg"), title, unit, &groups).map_err(lost)
}

fn kept(outcome: &Outcome) -> f64 {
    outcome.all().share_kept()
}

fn attackers(outcome: &Outcome) -> f64 {
    outcome.standing.share_of_attackers()
}

const WIDTH: i32 = 900;
const LEFT: i32 = 200;
const RIGHT: i32 = WIDTH - 60;
const TOP: i32 = 70;
const ROW: i32 = 11;
const GAP: i32 = 14;
const BOTTOM: i32 = 30;

/// Bars of shares, from 0 to the whole, in a group for each scenario; a line over the end of each from
/// the least to the greatest of the seeds.
fn shares(
    path: &Path,
    title: &str,
    suite: &Suite,
    cells: &[Cell],
    of: fn(&Outcome) -> f64,
) -> Result<(), Failure> {
    let height = ROW * suite.managers.len() as i32 + GAP;
    let bottom = TOP + height * suite.scenarios.len() as i32;
    let x = |share: f64| LEFT + (share * f64::from(RIGHT - LEFT)) as i32;
    draw(path, (WIDTH as u32, (bottom + BOTTOM) as u32), |area| {
        let text = |size: i32, horizontal| {
            TextStyle::from(("sans-serif", size).into_font())
                .pos(Pos::new(horizontal, VPos::Center))
        };
        area.draw(&Text::new(title, (16, 20), text(18, HPos::Left)))?;
        for (place, manager) in suite.managers.iter().enumerate() {
            let left = 16 + place as i32 * (WIDTH - 32) / suite.managers.len() as i32;
            let corners = [(left, 40), (left + 12, 52)];
            area.draw(&Rectangle::new(corners, tint(*manager).filled()))?;
            area.draw(&Text::new(manager.name(), (left + 18, 46), text(12, HPos::Left)))?;
        }
        for tenth in 0..=5 {
            let share = f64::from(tenth) / 5.0;
            let line = vec![(x(share), TOP), (x(share), bottom)];
            area.draw(&PathElement::new(line, RGBColor(220, 220, 220)))?;
            let label = format!("{} %", tenth * 20);
            area.draw(&Text::new(label, (x(share), bottom + 14), text(12, HPos::Center)))?;
        }
        for (place, (scenario, row)) in suite.scenarios.iter().zip(rows(suite, cells)).enumerate() {
            let top = TOP + place as i32 * height + GAP / 2;
            let middle = top + (height - GAP) / 2;
            area.draw(&Text::new(scenario.name, (LEFT - 8, middle), text(12, HPos::Right)))?;
            for (cell, top) in row.iter().zip((top..).step_by(ROW as usize)) {
                let Spread { mean, least, most } = Spread::of(cell, of);
                let corners = [(LEFT, top + 1), (x(mean), top + ROW - 1)];
                area.draw(&Rectangle::new(corners, tint(cell.manager).filled()))?;
                let middle = top + ROW / 2;
                let line = vec![(x(least), middle), (x(most), middle)];
                area.draw(&PathElement::new(line, BLACK))?;
                let label = format!("{:.0}", 100.0 * mean);
                area.draw(&Text::new(
                    label,
                    (x(most.max(mean)) + 4, middle),
                    text(10, HPos::Left),
                ))?;
            }
        }
        Ok(())
    })
}

fn tint(manager: Manages) -> RGBColor {
    colour(manager as usize)
}
