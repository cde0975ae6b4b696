//! What is shown on the terminal, on 80 columns.

use std::time::Duration;

use super::{
    judge::{Alone, LOAD, Outcome, harms, per_refusal, refusals, refused},
    limits::{BUDGET, MARGIN},
    report::Report,
    run::{Seen, Setting},
};
use crate::demo::text::{millis, share, thousands};

pub fn title(setting: &Setting, duration: Duration) -> Vec<String> {
    let cores = if setting.cores.are_apart() {
        "the node has a core of its own"
    } else {
        "no core is left for the node alone, so attackers take its time as well"
    };
    vec![
        format!("rcmgr demo: attacks of {} s, seed {}; {cores}", duration.as_secs(), setting.seed),
        format!("memory in MiB: a budget of {} and a margin of {}", BUDGET >> 20, MARGIN >> 20),
    ]
}

pub fn alone(alone: &Alone, clients: u16) -> Vec<String> {
    vec![
        format!(
            "alone the node serves {:.0} requests a second, with {:.0} % of a core",
            alone.capacity,
            alone.busy * 100.0
        ),
        format!(
            "{clients} honest clients and those that come and go offer {:.0} a second, {} us each",
            alone.capacity * LOAD,
            alone.per_request().as_micros(),
        ),
        String::new(),
        columns(["", "served", "p50", "p99", "peak", "mean", "core", "refused", "us each"]),
        row("no attack", &alone.quiet, alone, false),
    ]
}

pub fn outcome(outcome: &Outcome, alone: &Alone) -> Vec<String> {
    let mut lines = vec![String::new()];
    let rates = outcome.limited.iter().chain([&outcome.unlimited]).map(Seen::attacks_per_second);
    lines.push(format!(
        "{}: {} {} a second; came to {}",
        outcome.attack,
        thousands(outcome.attack.per_second().into()),
        outcome.attack.unit(),
        rates.map(|rate| thousands(rate as u64)).collect::<Vec<_>>().join(" and "),
    ));
    if let Some(seen) = &outcome.limited {
        lines.push(row("with limits", seen, alone, true));
    }
    lines.push(row("without", &outcome.unlimited, alone, false));
    if let Some(seen) = &outcome.limited {
        let refused = refused(seen, alone);
        let refused = refused.iter().flat_map(|(kind, counts)| {
            counts.iter().map(move |(what, count)| format!("{kind} {what} {}", thousands(*count)))
        });
        lines.push(format!("  refused by: {}", listed(refused.collect())));
    }
    if let Some(aims) = outcome.aims(alone) {
        let missed = aims.missed().into_iter().map(str::to_owned).collect();
        lines.push(format!("  missed with limits: {}", listed(missed)));
    }
    let named = |seen| listed(harms(seen, alone).into_iter().map(str::to_owned).collect());
    lines.push(format!("  visible harm without limits: {}", named(&outcome.unlimited)));
    if let Some(seen) = &outcome.limited {
        lines.push(format!("  visible harm with limits: {}", named(seen)));
    }
    lines
}

pub fn verdict(report: &Report) -> Vec<String> {
    let outcomes = &report.outcomes;
    let tried = outcomes.iter().filter_map(|outcome| outcome.aims(&report.alone));
    let (met, missed): (Vec<_>, Vec<_>) = tried.partition(|aims| aims.are_met());
    let harmless = outcomes
        .iter()
        .filter(|outcome| harms(&outcome.unlimited, &report.alone).is_empty())
        .count();
    vec![
        String::new(),
        format!(
            "{} of {} met every aim with limits; without, {harmless} did no visible harm",
            met.len(),
            met.len() + missed.len(),
        ),
    ]
}

/// Memory in MiB; how much of its core the node took.
fn row(name: &str, seen: &Seen, alone: &Alone, attacked: bool) -> String {
    let micros = |us| millis(Duration::from_micros(us));
    let per_refusal = per_refusal(seen, alone).filter(|_| attacked);
    let each = per_refusal.map(|cost| format!("{:.1}", cost.as_secs_f64() * 1e6));
    columns([
        name,
        &share(seen.served.served, seen.served.offered),
        &micros(seen.served.p50_us),
        &micros(seen.served.p99_us),
        &(seen.peak >> 20).to_string(),
        &(seen.mean >> 20).to_string(),
        &format!("{:.0} %", seen.busy() * 100.0),
        &thousands(refusals(seen, alone)),
        each.as_deref().unwrap_or("-"),
    ])
}

fn columns(fields: [&str; 9]) -> String {
    let [name, served, p50, p99, peak, mean, core, refused, each] = fields;
    format!(
        "  {name:<12}{served:>9}{p50:>9}{p99:>9}{peak:>7}{mean:>6}{core:>7}{refused:>10}{each:>9}"
    )
}

fn listed(names: Vec<String>) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_row_fits_and_keeps_its_columns_apart() {
        let fields = [
            "with limits",
            "100.00 %",
            "2000 ms",
            "2000 ms",
            "99999",
            "9999",
            "100 %",
            "9,999,999",
            "99999.9",
        ];
        let row = columns(fields);
        assert!(row.chars().count() <= 80, "{row}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&row), words(&fields.join(" ")));
    }
}
