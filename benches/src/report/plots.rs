//! Which pictures there are.

use std::io;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::bars::{self, Bar, Group};
use super::lines::{self, Line};
use crate::results::{Measured, Results};
use crate::{Peers, Percentiles, Scenario, Setup};

/// A picture that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plot {
    /// The name of its file.
    pub file: &'static str,
    /// What is in it.
    pub title: &'static str,
}

/// What can go wrong while drawing.
pub type Failure = DrawingAreaErrorKind<io::Error>;

const TIMES: [(Plot, &[Scenario]); 3] = [
    (
        Plot { file: "reservations.svg", title: "Reservations and spans, one thread" },
        &[Scenario::ReserveService, Scenario::ReserveProtocol, Scenario::Span],
    ),
    (
        Plot { file: "lives.svg", title: "Lives of streams and connections, one thread" },
        &[
            Scenario::StreamOnePeer,
            Scenario::Stream10kPeers,
            Scenario::StreamNewPeer,
            Scenario::Stream1kPeers,
            Scenario::Stream1mPeers,
            Scenario::Connection,
            Scenario::Connection10kIps,
        ],
    ),
    (
        Plot { file: "refusals.svg", title: "Refusals, one thread" },
        &[
            Scenario::RefusedSystem,
            Scenario::RefusedOwn,
            Scenario::RefusedStream,
            Scenario::RefusedIp,
        ],
    ),
];

const THROUGHPUT: [(Plot, Scenario, Peers); 3] = [
    (
        Plot { file: "threads-shared.svg", title: "reserve-service, all threads on one peer" },
        Scenario::ReserveService,
        Peers::Shared,
    ),
    (
        Plot {
            file: "threads-distinct.svg",
            title: "reserve-service, each thread on its own peer",
        },
        Scenario::ReserveService,
        Peers::Distinct,
    ),
    (
        Plot { file: "threads-streams.svg", title: "stream-one-peer, all threads on one peer" },
        Scenario::StreamOnePeer,
        Peers::Shared,
    ),
];

const LATENCY: [(Plot, Scenario); 2] = [
    (
        Plot {
            file: "latency-reserve.svg",
            title: "reserve-service, single operations, one thread",
        },
        Scenario::ReserveService,
    ),
    (
        Plot {
            file: "latency-stream.svg",
            title: "stream-one-peer, single operations, one thread",
        },
        Scenario::StreamOnePeer,
    ),
];

/// Writes all pictures for which something was measured; gives those.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(results: &Results, folder: &Path) -> io::Result<Vec<Plot>> {
    let mut written = Vec::new();
    for (plot, scenarios) in TIMES {
        let groups: Vec<_> = scenarios.iter().map(|one| times(results, *one)).collect();
        let groups: Vec<_> = groups.into_iter().filter(|group| !group.bars.is_empty()).collect();
        if !groups.is_empty() {
            let unit = "nanoseconds of an operation, logarithmic; less is better";
            bars::write(&folder.join(plot.file), plot.title, unit, &groups).map_err(lost)?;
            written.push(plot);
        }
    }
    for (plot, scenario, peers) in THROUGHPUT {
        let lines = throughput(results, scenario, peers);
        if !lines.is_empty() {
            let unit =
                "million operations a second, all threads together, logarithmic; more is better";
            lines::write(&folder.join(plot.file), plot.title, unit, &lines).map_err(lost)?;
            written.push(plot);
        }
    }
    for (plot, scenario) in LATENCY {
        let groups = latency(results, scenario);
        if groups.iter().any(|group| !group.bars.is_empty()) {
            let unit = "nanoseconds with a look at the clock, logarithmic; less is better";
            bars::write(&folder.join(plot.file), plot.title, unit, &groups).map_err(lost)?;
            written.push(plot);
        }
    }
    Ok(written)
}

/// Draws on a white picture of a size, and writes it.
pub fn draw(
    path: &Path,
    size: (u32, u32),
    picture: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let area = SVGBackend::new(path, size).into_drawing_area();
    area.fill(&WHITE)?;
    picture(&area)?;
    area.present()
}

/// Colours that are told apart also by those who see few: Okabe and Ito's, without the yellow, which
/// is lost on white.
const COLOURS: [RGBColor; 7] = [
    RGBColor(90, 90, 90),
    RGBColor(213, 94, 0),
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
];

/// Further ones, each like some of those before: their lines are dashed.
const MORE_COLOURS: [RGBColor; 7] = [
    RGBColor(140, 120, 0),
    RGBColor(120, 60, 20),
    RGBColor(100, 60, 140),
    RGBColor(0, 100, 80),
    RGBColor(160, 30, 60),
    RGBColor(150, 150, 150),
    RGBColor(70, 70, 200),
];

/// The colour of a contender, by its place.
pub fn colour(at: usize) -> RGBColor {
    let at = at % (COLOURS.len() + MORE_COLOURS.len());
    at.checked_sub(COLOURS.len()).map_or_else(|| COLOURS[at], |at| MORE_COLOURS[at])
}

/// Whether the lines of a contender are dashed, by its place.
pub fn is_dashed(at: usize) -> bool {
    at % (COLOURS.len() + MORE_COLOURS.len()) >= COLOURS.len()
}

fn lost(failure: Failure) -> io::Error {
    io::Error::other(failure.to_string())
}

fn place(results: &Results, contender: &str) -> usize {
    results.contenders.iter().position(|(name, _)| *name == contender).unwrap_or(0)
}

fn alone(results: &Results, scenario: Scenario) -> impl Iterator<Item = &Measured> {
    results
        .measured
        .iter()
        .filter(move |one| one.setup.scenario == scenario && one.setup.threads == 1)
}

fn bars_of(
    results: &Results,
    scenario: Scenario,
    value: impl Fn(&Measured) -> Option<f64>,
) -> Vec<Bar> {
    let bar = |one: &Measured| {
        let colour = place(results, one.contender);
        Some(Bar { label: one.contender.into(), value: value(one)?, colour })
    };
    alone(results, scenario).filter_map(bar).collect()
}

fn times(results: &Results, scenario: Scenario) -> Group {
    Group { label: scenario.name().into(), bars: bars_of(results, scenario, |one| one.ns) }
}

fn latency(results: &Results, scenario: Scenario) -> Vec<Group> {
    let group = |label: &str, of: fn(&Percentiles) -> f64| Group {
        label: label.into(),
        bars: bars_of(results, scenario, |one| one.percentiles.as_ref().map(of)),
    };
    vec![group("p50", |all| all.p50), group("p99", |all| all.p99), group("p99.9", |all| all.p999)]
}

fn throughput(results: &Results, scenario: Scenario, peers: Peers) -> Vec<Line> {
    let mut lines = Vec::new();
    for (colour, (contender, _)) in results.contenders.iter().enumerate() {
        let of = |one: &&Measured| {
            let Setup { scenario: of, threads, peers: on, .. } = one.setup;
            one.contender == *contender && of == scenario && (threads == 1 || on == peers)
        };
        let point = |one: &Measured| {
            let threads = one.setup.threads;
            Some((threads, threads as f64 * 1e3 / one.ns?))
        };
        let points: Vec<_> = results.measured.iter().filter(of).filter_map(point).collect();
        if points.len() > 1 {
            lines.push(Line { label: (*contender).into(), points, colour });
        }
    }
    lines
}
