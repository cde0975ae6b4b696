//! The summary of a run, for people and as JSON.

use std::time::Duration;

use rcmgr_core::{Limits, Resource};
use serde_json::{Map, Value, json};

use super::{
    abusers::Kind,
    honest::{Counts, Quantiles},
    observe::Watch,
    sample,
    settle::Settled,
    text::{Paint, Style, label, millis, share, thousands},
};

/// What there is to say at the end.
pub struct Report<'a> {
    pub elapsed: Duration,
    pub seed: u64,
    pub clients: u16,
    pub honest: Counts,
    pub latency: Option<Quantiles>,
    /// Abusers and how often each tried.
    pub abusers: Vec<(Kind, u64)>,
    pub limits: &'a Limits,
    pub watch: &'a Watch,
    pub settled: Settled,
}

impl Report<'_> {
    /// Whether both checks passed.
    pub fn is_sound(&self) -> bool {
        self.watch.over_limit() == 0 && self.settled.left == 0
    }

    /// The summary.
    pub fn lines(&self, paint: Paint) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            paint.paint(
                Style::Title,
                format_args!("summary of {:.1} s", self.elapsed.as_secs_f64()),
            ),
            String::new(),
        ];
        let peaks = sample::peaks(self.watch, self.limits);
        lines.extend(paint.table("peak", "busiest peer", &peaks, Paint::meter));
        lines.push(String::new());
        let refused = sample::refused(self.watch);
        let count = |paint: Paint, _, total| paint.count(total, 0);
        lines.extend(paint.table("refused", "all peers", &refused, count));
        lines.push(String::new());
        lines.extend(self.abuser_lines(paint));
        lines.extend(self.honest_lines(paint));
        lines.push(String::new());
        lines.extend(self.check_lines(paint));
        lines
    }

    fn abuser_lines(&self, paint: Paint) -> Vec<String> {
        if self.abusers.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![
            paint.paint(Style::Title, "abusers          tries       refused where it is meant"),
        ];
        for (kind, tries) in &self.abusers {
            let place = match kind.peer(self.seed) {
                Some(_) => "its own peer",
                // Those who never say who they are cannot be told from others at the door.
                None => "transient, anybody's",
            };
            lines.push(format!(
                "  {:<15}{:<12}{:<10}{} of {place}",
                kind.name(),
                thousands(*tries),
                thousands(self.watch.refused_as_meant(*kind)),
                label(kind.resource()),
            ));
        }
        lines.push(String::new());
        lines
    }

    fn honest_lines(&self, paint: Paint) -> Vec<String> {
        let Counts { requests, served, refused, lost } = self.honest;
        let failed = self.honest.failed();
        let mut lines = vec![format!(
            "{}  {} clients, {} requests: {} served, {} failed ({})",
            paint.paint(Style::Title, "honest"),
            self.clients,
            thousands(requests),
            thousands(served),
            thousands(failed),
            share(failed, requests),
        )];
        if failed > 0 {
            lines.push(format!("        {refused} refused, {lost} lost or late"));
        }
        if let Some(Quantiles { median, p99, max }) = self.latency {
            lines.push(format!(
                "        latency: median {}, 99 % {}, longest {}",
                millis(median),
                millis(p99),
                millis(max)
            ));
        }
        lines
    }

    fn check_lines(&self, paint: Paint) -> Vec<String> {
        let over = self.watch.over_limit();
        let charges = thousands(self.watch.charges());
        let mark =
            |passed| if passed { "ok    ".to_owned() } else { paint.paint(Style::Bad, "FAILED") };
        let mut lines = vec![format!(
            "{}  {} of {charges} charges passed the limit of their operation's snapshot",
            mark(over == 0),
            thousands(over),
        )];
        if let Some(first) = self.watch.first_over() {
            lines.push(format!(
                "        first: {} at {} of {} {}",
                first.scope, first.used, first.limit, first.resource
            ));
        }
        let Settled { after, left } = self.settled;
        lines.push(if left == 0 {
            format!(
                "{}  every counter was zero {} after the clients had left",
                mark(true),
                millis(after)
            )
        } else {
            format!(
                "{}  {} left in the counters {:.1} s after the clients had left",
                mark(false),
                thousands(left),
                after.as_secs_f64()
            )
        });
        lines
    }

    /// The summary as one object.
    pub fn json(&self) -> Value {
        let mut refused = Map::new();
        let mut peaks = Map::new();
        for seen in self.watch.seen() {
            let limit = (!seen.limit.is_unlimited()).then(|| seen.limit.get());
            if seen.refused > 0 {
                enter(&mut refused, seen.kind, seen.resource, json!(seen.refused));
            }
            enter(
                &mut peaks,
                seen.kind,
                seen.resource,
                json!({ "used": seen.peak, "limit": limit }),
            );
        }
        let abusers: Map<_, _> = self
            .abusers
            .iter()
            .map(|(kind, tries)| {
                let refused = self.watch.refused_as_meant(*kind);
                let entry = json!({
                    "tries": tries,
                    "scope": kind.scope(),
                    "resource": kind.resource().name(),
                    "refused": refused,
                });
                (kind.name().to_owned(), entry)
            })
            .collect();
        let latency = self.latency.map(|Quantiles { median, p99, max }| {
            let [median, p99, max] = [median, p99, max].map(|latency| latency.as_micros() as u64);
            json!({ "median": median, "p99": p99, "max": max })
        });
        json!({
            "seconds": self.elapsed.as_secs_f64(),
            "seed": self.seed,
            "honest": {
                "clients": self.clients,
                "requests": self.honest.requests,
                "served": self.honest.served,
                "failed": self.honest.failed(),
                "refused": self.honest.refused,
                "latency_us": latency,
            },
            "abusers": abusers,
            "refused": refused,
            "peaks": peaks,
            "charges": self.watch.charges(),
            "over_limit": self.watch.over_limit(),
            "leaked": self.settled.left,
        })
    }
}

/// Enters a value by kind of scope, then by resource.
fn enter(into: &mut Map<String, Value>, kind: &str, resource: Resource, value: Value) {
    let scope = into.entry(kind).or_insert_with(|| json!({}));
    scope[resource.name()] = value;
}
