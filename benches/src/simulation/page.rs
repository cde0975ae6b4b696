//! The page of a run: tables, and what they say of the aims.

use std::{fmt::Write as _, fs, io, path::Path};

use super::{
    algorithms::Manages,
    kind::Kind,
    measures::Outcome,
    plots,
    suite::{Cell, Suite},
};

/// Version 2 is to keep at least so much where version 1 keeps less than [`LITTLE`].
const MUCH: f64 = 0.9;
const LITTLE: f64 = 0.6;
/// Version 2 is to be worse by no more than this.
const WORSE: f64 = 0.02;

/// Writes `simulation.md` and its plots into a folder, which is made if it is not there.
///
/// # Errors
/// Where the folder or a file cannot be written.
pub fn write(suite: &Suite, cells: &[Cell], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    plots::write(suite, cells, folder)?;
    fs::write(folder.join("simulation.md"), render(suite, cells))
}

/// The page.
pub fn render(suite: &Suite, cells: &[Cell]) -> String {
    let mut page = String::from(HEAD);
    let _ = write!(
        page,
        "{} seeds each; {} hours, of which the first {} do not count. A number is the mean over the \
         seeds, and in brackets the least and the greatest.\n\n",
        suite.seeds.len(),
        suite.span.to.as_secs() / 3600,
        suite.span.from.as_secs() / 3600,
    );
    page += "## Useful connections kept, in percent\n\n![kept](kept.svg)\n\n";
    table(&mut page, suite, cells, |outcome| 100.0 * outcome.all().share_kept(), 1);
    aims(&mut page, suite, cells);
    page += "## Churn: reconnects for each useful connection that lasts\n\n![churn](churn.svg)\n\n";
    table(&mut page, suite, cells, Outcome::churn, 2);
    page += "## Bytes carried, in percent of what was wanted\n\n";
    table(&mut page, suite, cells, |outcome| 100.0 * outcome.all().share_carried(), 1);
    page += "## Exchanges served, in percent\n\n";
    table(&mut page, suite, cells, |outcome| 100.0 * outcome.all().share_served(), 1);
    page +=
        "## Attackers among the open connections, in percent\n\n![attackers](attackers.svg)\n\n";
    table(&mut page, suite, cells, |one| 100.0 * one.standing.share_of_attackers(), 1);
    page += "## Outbound connections to honest peers that are left, in percent\n\n";
    table(&mut page, suite, cells, |one| 100.0 * one.standing.share_of_outbound(), 1);
    page += "## Networks, as if all had as many connections\n\n";
    table(&mut page, suite, cells, |one| one.standing.mean(one.standing.networks), 0);
    page += "## Open connections, on average\n\n";
    table(&mut page, suite, cells, |one| one.standing.mean(one.standing.live), 0);
    page += "## Kept by kind, in percent\n\n";
    kinds(&mut page, suite, cells);
    page
}

const HEAD: &str = "# One run of the simulator

<!-- Made by: cargo run --release -p rcmgr-benches --bin connections-simulation -->

What this is about says [the chapter](../simulation.md). The same sources give the same numbers.

";

/// The mean of a number over the seeds, and its bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub most: f64,
}

impl Spread {
    /// Of the outcomes of a cell.
    pub fn of(cell: &Cell, number: impl Fn(&Outcome) -> f64) -> Spread {
        let numbers: Vec<f64> = cell.outcomes.iter().map(number).collect();
        Spread {
            mean: numbers.iter().sum::<f64>() / numbers.len().max(1) as f64,
            least: numbers.iter().copied().fold(f64::INFINITY, f64::min),
            most: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn show(self, digits: usize) -> String {
        let Spread { mean, least, most } = self;
        let [mean, least, most] = [mean, least, most].map(|number| format!("{number:.digits$}"));
        if least == most { mean } else { format!("{mean} ({least}–{most})") }
    }
}

fn table(
    page: &mut String,
    suite: &Suite,
    cells: &[Cell],
    number: impl Fn(&Outcome) -> f64,
    digits: usize,
) {
    *page += "| |";
    for manager in &suite.managers {
        let _ = write!(page, " {} |", manager.name());
    }
    *page += "\n|---|";
    *page += &"---:|".repeat(suite.managers.len());
    *page += "\n";
    for (scenario, row) in suite.scenarios.iter().zip(rows(suite, cells)) {
        let _ = write!(page, "| {} |", scenario.name);
        for cell in row {
            let _ = write!(page, " {} |", Spread::of(cell, &number).show(digits));
        }
        *page += "\n";
    }
    *page += "\n";
}

/// The cells of each scenario.
pub fn rows<'a>(suite: &Suite, cells: &'a [Cell]) -> impl Iterator<Item = &'a [Cell]> {
    cells.chunks(suite.managers.len().max(1))
}

/// What is kept, on average over the seeds.
fn kept(row: &[Cell], manager: Manages) -> Option<f64> {
    let cell = row.iter().find(|cell| cell.manager == manager)?;
    Some(Spread::of(cell, |outcome| outcome.all().share_kept()).mean)
}

fn aims(page: &mut String, suite: &Suite, cells: &[Cell]) {
    let _ = write!(
        page,
        "The aim: v2 keeps at least {:.0} % where version 1 keeps less than {:.0} %, and is never \
         worse by more than {:.0} points. Version 1 is the better of its two here.\n\n",
        100.0 * MUCH,
        100.0 * LITTLE,
        100.0 * WORSE,
    );
    *page += "| | version 1 | v2 | difference | aim |\n|---|---:|---:|---:|---|\n";
    for (scenario, row) in suite.scenarios.iter().zip(rows(suite, cells)) {
        let ones = [Manages::Go, Manages::Version1].map(|manager| kept(row, manager));
        let one = ones.into_iter().flatten().fold(f64::NAN, f64::max);
        let Some(two) = kept(row, Manages::Version2) else { continue };
        let aim = if one < LITTLE && two < MUCH {
            "missed"
        } else if two < one - WORSE {
            "missed: worse"
        } else {
            "met"
        };
        let name = scenario.name;
        let points = 100.0 * (two - one);
        let _ = writeln!(
            page,
            "| {name} | {:.1} | {:.1} | {points:+.1} | {aim} |",
            100.0 * one,
            100.0 * two,
        );
    }
    *page += "\n";
}

fn kinds(page: &mut String, suite: &Suite, cells: &[Cell]) {
    *page += "| | |";
    for kind in Kind::ALL {
        let _ = write!(page, " {} |", kind.name());
    }
    *page += "\n|---|---|";
    *page += &"---:|".repeat(Kind::ALL.len());
    *page += "\n";
    for (scenario, row) in suite.scenarios.iter().zip(rows(suite, cells)) {
        let mut name = scenario.name;
        for cell in row {
            let _ = write!(page, "| {name} | {} |", cell.manager.name());
            for kind in Kind::ALL {
                let kept = |outcome: &Outcome| 100.0 * outcome.kinds[kind as usize].share_kept();
                let _ = write!(page, " {:.0} |", Spread::of(cell, kept).mean);
            }
            *page += "\n";
            name = "";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::scenario::{self, Span};

    #[test]
    fn a_page_has_a_row_for_each_scenario_in_each_table() {
        let suite = Suite {
            scenarios: scenario::all(Span::QUICK).into_iter().take(2).collect(),
            managers: vec![Manages::Go, Manages::Version1, Manages::Version2],
            seeds: vec![1, 2],
            span: Span::QUICK,
        };
        let folder = tempfile::tempdir().expect("a folder");
        write(&suite, &suite.run(2), folder.path()).expect("it can be written");
        let page = fs::read_to_string(folder.path().join("simulation.md")).expect("a page");
        assert_eq!(page.matches("| calm |").count(), 10);
        for plot in ["kept.svg", "churn.svg", "attackers.svg"] {
            assert!(page.contains(plot) && folder.path().join(plot).exists());
        }
    }

    #[test]
    fn a_spread_says_its_bounds_where_they_differ() {
        let one = Spread { mean: 1.24, least: 1.0, most: 2.0 };
        assert_eq!(one.show(1), "1.2 (1.0–2.0)");
        assert_eq!(Spread { mean: 1.24, least: 1.24, most: 1.24 }.show(1), "1.2");
    }
}
