//! The page of the book.

use std::{fmt::Write as _, time::Duration};

use super::{
    honest::{FRESH_EVERY, TIMEOUT},
    judge::{LOAD, Outcome, SERVED, harms, per_refusal, refusals, refused},
    limits::{BUDGET, DESCRIPTORS, MARGIN},
    report::Report,
    run::Seen,
    words::{Words, words},
};
use crate::demo::text::{millis, share, thousands};

/// The longest line of a paragraph.
const WIDTH: usize = 100;

const HEAD: &str = "\
| | | attempts/s | served | p50 | p99 | MiB, peak (mean) | core | refused | µs each |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
";

/// The page, in Markdown.
pub fn page(report: &Report) -> String {
    let mut page = introduction(report);
    page += "\n## Numbers\n\n";
    page += HEAD;
    page += &row("no attack", true, &report.alone.quiet, None, report);
    for outcome in &report.outcomes {
        let mut name = outcome.attack.name();
        if let Some(seen) = &outcome.limited {
            page += &row(name, true, seen, Some(outcome), report);
            name = "";
        }
        page += &row(name, false, &outcome.unlimited, Some(outcome), report);
    }
    page += LEGEND;
    for outcome in &report.outcomes {
        page += &section(outcome, report);
    }
    wrapped(&page)
}

/// Paragraphs in lines of [`WIDTH`]; tables, headings, comments and code as they are.
fn wrapped(page: &str) -> String {
    let as_it_is = |paragraph: &str| paragraph.starts_with(['#', '|', '`', '<']);
    let fill = |paragraph: &str| {
        let mut lines = vec![String::new()];
        for word in paragraph.split_whitespace() {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.join("\n")
    };
    let paragraphs = page.trim_end().split("\n\n").map(|paragraph| {
        if as_it_is(paragraph) { paragraph.to_owned() } else { fill(paragraph.trim()) }
    });
    paragraphs.collect::<Vec<_>>().join("\n\n") + "\n"
}

fn introduction(report: &Report) -> String {
    let machine = &report.machine;
    let known = |text: &str| if text.is_empty() { "unknown".to_owned() } else { text.to_owned() };
    let build = if machine.release { "release" } else { "debug, which says little" };
    let apart = if report.apart {
        "The node has a core of its own; all others share the rest, where attackers have a lower \
         priority than honest clients. So an attack takes from the node what it makes the node do."
    } else {
        "There was no core for the node alone, so attackers also took its time by what they do \
         themselves."
    };
    let alone = &report.alone;
    format!(
        "# Under attack

<!-- Made by: cargo run --release -- demo --attack all --report docs/src/attacks.md -->

```sh
cargo run --release -- demo --attack all --report docs/src/attacks.md
```

The command makes this page, in some minutes. One attack: `rcmgr demo --attack rapid-reset`; without limits only:
`--no-limits`; for machines: `--json`. The exit code is 1 when an attack missed an aim with limits.

## Conditions

| | |
|---|---|
| processor | {processor}, {cores} cores |
| kernel | Linux {kernel} |
| build | {build}, {rustc}, commit {commit} |
| load average before | {load} |
| duration of a run | {duration} s, seed {seed} |

The node is the one of `rcmgr demo`: ping, identify and a protocol of requests over TCP, noise and
yamux of rust-libp2p 0.57, all at their defaults but for a handshake timeout of 2 s. It is a process of
its own, as are the honest clients and the attackers, over the loopback interface. {apart} It may have
{descriptors} descriptors, as Linux gives by default.

*With limits* is the node with its transport wrapped, and the limits of
`crates/rcmgr-cli/src/attack/limits.rs`, the same for all attacks. *Without* is the plain stack, no
wrapper. Honest clients come from addresses all over 127.0.0.0/9, attackers from four networks of /16
in the other half; neither is exempt or allowed by a list, and for each address the same rules hold.

Alone the node served {capacity} requests a second in a closed loop, with {busy:.0} % of its core.
Honest clients offer {load_share:.0} % of that, {offered} a second, by a schedule that waits for
nobody: {clients} clients keep their connection, and one request of {fresh} comes over a new one. Latency
counts from when a request was due; one that is not answered {timeout} s later has failed.

The aims with limits: at least {served:.0} % of what honest clients offer is served; the resident memory
of the node stays below its budget of {budget} MiB and a margin of {margin} MiB for the program, buffers
and the allocator; a refusal takes the node less than an accepted request, which is {per_request} µs; and no charge passes
a limit, no counter is left. Without limits an attack is to do visible harm: less than {served:.0} % served, a p99 of three
times the one without an attack, or memory above budget and margin.
",
        processor = known(&machine.processor),
        cores = machine.cores,
        kernel = known(&machine.kernel),
        rustc = known(&machine.rustc),
        commit = known(&machine.commit),
        load = known(&machine.load),
        duration = report.duration.as_secs_f64(),
        seed = report.seed,
        descriptors = DESCRIPTORS,
        capacity = thousands(alone.capacity as u64),
        busy = alone.busy * 100.0,
        load_share = LOAD * 100.0,
        offered = thousands((alone.capacity * LOAD) as u64),
        clients = report.clients,
        fresh = FRESH_EVERY,
        timeout = TIMEOUT.as_secs(),
        served = SERVED * 100.0,
        budget = BUDGET >> 20,
        margin = MARGIN >> 20,
        per_request = alone.per_request().as_micros(),
    )
}

const LEGEND: &str = "
*Attempts/s* is what the attackers came to. *Core* is how much of its core the node took. *µs each* is
an estimate: what the node took beyond what the served requests take without an attack, by the number
of refusals. So all that the attack costs is in it, also what was let in. A stream is refused once,
when it was not let in, however often it waited and asked.
";

fn row(
    name: &str,
    limited: bool,
    seen: &Seen,
    outcome: Option<&Outcome>,
    report: &Report,
) -> String {
    let attempts = outcome.map_or("".to_owned(), |_| thousands(seen.attacks_per_second() as u64));
    let how = if limited { "with limits" } else { "without" };
    let each = per_refusal(seen, &report.alone).filter(|_| limited && outcome.is_some());
    let refused = if limited { thousands(refusals(seen, &report.alone)) } else { String::new() };
    format!(
        "| {name} | {how} | {attempts} | {} | {} | {} | {} ({}) | {:.0} % | {refused} | {} |\n",
        share(seen.served.served, seen.served.offered),
        latency(seen.served.p50_us),
        latency(seen.served.p99_us),
        seen.peak >> 20,
        seen.mean >> 20,
        seen.busy() * 100.0,
        each.map_or(String::new(), |cost| format!("{:.0}", micros(cost))),
    )
}

fn section(outcome: &Outcome, report: &Report) -> String {
    let Words { does, answer, loses } = words(outcome.attack);
    let mut text = format!("\n## {}\n\n{does}\n\n{answer}", outcome.attack);
    let alone = &report.alone;
    if let (Some(seen), Some(aims)) = (&outcome.limited, outcome.aims(alone)) {
        let refused: Vec<String> = refused(seen, alone)
            .iter()
            .flat_map(|(kind, counts)| {
                counts
                    .iter()
                    .map(move |(what, count)| format!("{} by `{kind}`: {what}", thousands(*count)))
            })
            .collect();
        let cost = per_refusal(seen, alone).map_or("nothing was refused".to_owned(), |cost| {
            format!("{:.0} µs each", micros(cost))
        });
        // Nothing can fail that writes to a string.
        let _ = write!(
            text,
            " Refused were {} ({cost}). Honest clients were served {} of what they offered, with a p99 of \
             {}, which is {} without an attack; memory rose to {} MiB.",
            if refused.is_empty() { "none".to_owned() } else { refused.join(", ") },
            share(seen.served.served, seen.served.offered),
            latency(seen.served.p99_us),
            latency(alone.quiet.served.p99_us),
            seen.peak >> 20,
        );
        let missed = aims.missed();
        if !missed.is_empty() {
            let _ = write!(text, " **Missed with limits: {}.**", missed.join(", "));
        }
    }
    let seen = &outcome.unlimited;
    let _ = write!(
        text,
        "\n\nWithout limits {} were served, with a p99 of {}; memory rose to {} MiB, and the node took \
         {:.0} % of its core.",
        share(seen.served.served, seen.served.offered),
        latency(seen.served.p99_us),
        seen.peak >> 20,
        seen.busy() * 100.0,
    );
    let _ = match harms(seen, alone).as_slice() {
        [] => write!(text, " **That is no visible harm.**"),
        harms => write!(text, " Visibly harmed: {}.", harms.join(", ")),
    };
    if let Some(seen) = &outcome.limited {
        let _ = match harms(seen, alone).as_slice() {
            [] => write!(text, " With limits nothing is."),
            harms => write!(text, " With limits still: {}.", harms.join(", ")),
        };
    }
    let _ = write!(text, "\n\nWhere we lose: {loses}\n");
    text
}

fn latency(micros: u64) -> String {
    if micros == 0 { "none".to_owned() } else { millis(Duration::from_micros(micros)) }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_wrapped_and_tables_are_not() {
        let long = "word ".repeat(50);
        let page = wrapped(&format!("# {long}\n\n{long}\n\n| {long} |\n"));
        let lines: Vec<&str> = page.lines().collect();
        assert!(lines[0].len() > WIDTH && lines.last().unwrap().len() > WIDTH);
        assert!(lines[1..lines.len() - 1].iter().all(|line| line.len() <= WIDTH));
        assert_eq!(page.split_whitespace().filter(|word| *word == "word").count(), 150);
    }
}
