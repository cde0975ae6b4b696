//! The table, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::plots::Plot;
use crate::aims::{AIMS, short};
use crate::results::{FLOOR, Measured, PEER, Results};
use crate::{Peers, Scenario, Setup};

/// What is in place of a number that was not measured.
const NONE: &str = "–";

/// The whole text: what it was measured on, the aims, the plots, the scenarios, and the notes.
pub fn render(results: &Results, plots: &[Plot]) -> String {
    let mut text = String::new();
    let parts = [head(results), aims(results), pictures(plots)];
    parts.iter().for_each(|part| text.push_str(part));
    for scenario in Scenario::ALL {
        text.push_str(&of_scenario(results, scenario));
    }
    text.push_str(&notes(results));
    text
}

fn head(results: &Results) -> String {
    let machine = &results.machine;
    let small = results.measured.iter().any(|measured| measured.setup.small);
    let smoke = if small { "\n**A smoke run: its numbers mean nothing.**\n" } else { "" };
    format!(
        "<!-- Written by `cargo run --release -p rcmgr-benches`. -->\n\
         \n# Benchmarks: one run\n{smoke}\n\
         {}, {} cores; {}; commit {}; {}; {} s, load {} when it began. In each setup the contenders took turns, in {} rounds \
         at least: of one thread the fastest round counts, of several the median. A look at the \
         clock takes {} ns, which is in the percentiles and not in the times.\n",
        machine.processor,
        machine.cores,
        machine.rustc,
        machine.commit,
        machine.date,
        results.took.as_secs(),
        machine.load,
        results.fewest_rounds,
        short(results.clock),
    )
}

fn aims(results: &Results) -> String {
    let mut text = String::from(
        "\n## The aims\n\n\
         | what | aim | took | against | got | |\n|---|---|---:|---:|---:|---|\n",
    );
    for aim in AIMS {
        if !results.measured.iter().any(|measured| measured.setup.scenario == aim.scenario()) {
            continue;
        }
        let outcome = aim.hold_against(results);
        let or_none = |cell: Option<String>| cell.unwrap_or_else(|| NONE.into());
        let met = match outcome.met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        row(
            &mut text,
            &[
                outcome.what.into(),
                outcome.wanted,
                or_none(outcome.ours),
                or_none(outcome.against),
                or_none(outcome.got.map(precise)),
                met.into(),
            ],
        );
    }
    text
}

fn pictures(plots: &[Plot]) -> String {
    let mut text = String::from("\n## Pictures\n");
    for Plot { file, title } in plots {
        let _ = write!(text, "\n![{title}]({file})\n");
    }
    text
}

fn of_scenario(results: &Results, scenario: Scenario) -> String {
    let measured: Vec<_> =
        results.measured.iter().filter(|one| one.setup.scenario == scenario).collect();
    if measured.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## `{}`\n\n{}\n\n", scenario.name(), scenario.describe());
    if scenario.is_bytes() {
        bytes(&mut text, results, &measured);
    } else if scenario.is_beside() {
        beside(&mut text, results, &measured);
    } else {
        times(&mut text, results, &measured);
    }
    text
}

fn times(text: &mut String, results: &Results, measured: &[&Measured]) {
    text.push_str(
        "| contender | threads | ns | to the floor | to go-libp2p | p50 | p99 | p99.9 \
         | allocations |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in measured {
        let percentile = |of: fn(&crate::Percentiles) -> f64| {
            one.percentiles.as_ref().map_or_else(|| NONE.into(), |all| short(of(all)))
        };
        let allocations = one.allocations.map(|all| short(all.count));
        row(
            text,
            &[
                one.contender.into(),
                threads(one.setup),
                one.ns.map_or_else(|| NONE.into(), short),
                ratio(results, one, FLOOR),
                ratio(results, one, PEER),
                percentile(|all| all.p50),
                percentile(|all| all.p99),
                percentile(|all| all.p999),
                allocations.unwrap_or_else(|| NONE.into()),
            ],
        );
    }
}

fn beside(text: &mut String, results: &Results, measured: &[&Measured]) {
    text.push_str(
        "| contender | ms | to go-libp2p | charges a second alone | beside it | p99.9 alone, ns \
         | beside it |\n|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for one in measured {
        let millions = |rate: f64| format!("{} million", short(rate / 1e6));
        let [rates, p999] = match one.charging {
            Some(charging) => {
                [charging.map(|pace| millions(pace.rate)), charging.map(|pace| short(pace.p999))]
            }
            None => [[NONE; 2].map(String::from), [NONE; 2].map(String::from)],
        };
        let [alone, beside] = rates;
        let [p999_alone, p999_beside] = p999;
        let ms = one.ns.map_or_else(|| NONE.into(), |ns| short_ms(ns / 1e6));
        let cells = [one.contender.into(), ms, ratio(results, one, PEER)];
        row(text, &[&cells[..], &[alone, beside, p999_alone, p999_beside]].concat());
    }
}

fn bytes(text: &mut String, results: &Results, measured: &[&Measured]) {
    text.push_str("| contender | bytes | to go-libp2p |\n|---|---:|---:|\n");
    for one in measured {
        let theirs = results.of(PEER, one.setup).and_then(|peer| peer.bytes);
        let ratio = one.bytes.zip(theirs).map(|(ours, theirs)| short(ours / theirs));
        row(
            text,
            &[
                one.contender.into(),
                one.bytes.map_or_else(|| NONE.into(), short),
                ratio.unwrap_or_else(|| NONE.into()),
            ],
        );
    }
}

/// Milliseconds, of which swaps take a small part.
fn short_ms(ms: f64) -> String {
    if ms < 0.1 { format!("{ms:.4}") } else { short(ms) }
}

fn ratio(results: &Results, one: &Measured, to: &str) -> String {
    let theirs = results.ns(to, one.setup);
    let ratio = one.ns.zip(theirs).map(|(ours, theirs)| short(ours / theirs));
    ratio.unwrap_or_else(|| NONE.into())
}

fn threads(setup: Setup) -> String {
    match (setup.threads, setup.peers) {
        (1, _) => "1".into(),
        (threads, Peers::Shared) => format!("{threads}, one peer"),
        (threads, Peers::Distinct) => format!("{threads}, own peers"),
    }
}

fn notes(results: &Results) -> String {
    let mut text = String::from("\n## Notes\n\n");
    for (contender, note) in &results.contenders {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for left_out in &results.left_out {
            if left_out.contender == *contender {
                let scenarios = reasons.entry(&left_out.why).or_default();
                let name = left_out.setup.scenario.name();
                if !scenarios.contains(&name) {
                    scenarios.push(name);
                }
            }
        }
        let _ = write!(text, "- **{contender}.** {note}");
        for (why, scenarios) in reasons {
            let _ = write!(text, " Not {}: {why}.", scenarios.join(", "));
        }
        text.push('\n');
    }
    text
}

/// A number that is held against a bound: as many digits as tell on which side it is.
fn precise(number: f64) -> String {
    if number < 10.0 { format!("{number:.3}") } else { short(number) }
}

fn row(text: &mut String, cells: &[String]) {
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests;
