//! All that there is to tell of a regulator, to be written as JSON or exported as metrics.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::{Regulator, json, unpoisoned};
use crate::{
    Direction, Peer,
    observe::{Decision, Sample, Snapshot, Summary},
    sense::Quality,
};

/// What [`Regulator::snapshot`] tells. Times are seconds since the caller's start, pressure is a
/// number from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegulatorSnapshot {
    at: f64,
    level: &'static str,
    hard: Option<u32>,
    share: u32,
    low: u32,
    /// The share where nothing presses.
    whole: u32,
    live: u32,
    closing: u32,
    locked: u32,
    may_be_locked: u32,
    /// How often locks were denied since the start, by reason.
    locks_denied: BTreeMap<&'static str, u64>,
    /// How often they were taken away from their holders, by what took them.
    locks_taken: BTreeMap<&'static str, u64>,
    bursts: usize,
    sensors: Vec<SensorTold>,
    protocols: Vec<ProtocolTold>,
    events_dropped: u64,
    rounds: Snapshot,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct SensorTold {
    sensor: &'static str,
    pressure: Option<f64>,
    quality: &'static str,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct ProtocolTold {
    name: Box<str>,
    used: u32,
    min: u32,
    max: u32,
    weight: u16,
    adjust_by: Option<f64>,
    locks: u32,
    scores: u64,
    scorer_panics: u64,
    scorer_overruns: u64,
    scorer_hangs: u64,
}

/// A connection, as [`Regulator::connections`] tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConnectionTold {
    /// Which one.
    pub connection: u64,
    /// Whose it is; bytes that are no text are escaped as in a Rust byte string.
    pub peer: String,
    /// The same as it is; not written.
    #[serde(skip)]
    pub id: Peer,
    /// Who opened it: `inbound` or `outbound`.
    pub direction: &'static str,
    /// Where it leads.
    pub address: Box<str>,
    /// When it was opened.
    pub opened: f64,
    /// When it last was of use to a protocol.
    pub useful: Option<f64>,
    /// Its open streams.
    pub streams: u32,
    /// The protocols that use it.
    pub protocols: Vec<Box<str>>,
    /// The sum of its peer's tags.
    pub tags: i64,
    /// What its protocols and tags say, together.
    pub tally: i16,
    /// What keeps it: `free` (nothing), `grace`, `protected` or `locked`.
    pub hold: &'static str,
}

impl Regulator {
    /// All of it, with at most so many decisions.
    #[must_use]
    pub fn snapshot(&self, now: Duration, decisions: usize) -> RegulatorSnapshot {
        let now = self.pass(now);
        let (share, whole, level, sensed) = {
            let steering = unpoisoned(&self.steering);
            (steering.share(), steering.whole(), steering.level(), steering.senses.sensed(now))
        };
        let sensors = sensed.map(|sensed| SensorTold {
            sensor: sensed.sensor.name(),
            pressure: sensed.pressure.map(|pressure| f64::from(pressure.get()) / 10_000.0),
            quality: match sensed.quality {
                Quality::Fresh => "fresh",
                Quality::Stale => "stale",
                Quality::Unavailable => "unavailable",
            },
        });
        let protocols = self.enrolled(now).into_iter().map(|protocol| ProtocolTold {
            name: (*protocol.name).into(),
            used: protocol.used,
            min: protocol.quota.min,
            max: protocol.quota.max,
            weight: protocol.weight,
            adjust_by: protocol.adjust_by.map(|by| by.as_secs_f64()),
            locks: protocol.locks.used,
            scores: protocol.scorer.scores,
            scorer_panics: protocol.scorer.panics,
            scorer_overruns: protocol.scorer.overruns,
            scorer_hangs: protocol.scorer.hangs,
        });
        let locked = self.locked();
        RegulatorSnapshot {
            at: now.as_secs_f64(),
            level: level.name(),
            hard: share.hard(),
            share: share.soft(),
            low: share.low(),
            whole: whole.soft(),
            live: self.live(),
            closing: self.closing(),
            locked: locked.used,
            may_be_locked: locked.limit,
            locks_denied: self.counts.denials(),
            locks_taken: self.counts.takings(),
            bursts: unpoisoned(&self.bursts).how_many_open(),
            sensors: sensors.into(),
            protocols: protocols.collect(),
            events_dropped: self.events.dropped(),
            rounds: unpoisoned(&self.journal).snapshot(decisions),
        }
    }

    /// Connections that nobody decided to close, at most so many, by their numbers; `from` is the first
    /// number that is told. It takes as long as the begin of a round.
    #[must_use]
    pub fn connections(&self, now: Duration, from: u64, most: usize) -> Vec<ConnectionTold> {
        let now = self.pass(now);
        let terms = self.terms(now);
        let look = self.look(now, &terms.voices);
        let names = self.names(now);
        let begin = look.ids.partition_point(|id| id.0 < from);
        let rows = look.ids.iter().zip(&look.rows).skip(begin).take(most);
        let told = rows.filter_map(|(id, row)| {
            let (peer, address) = self
                .table
                .look(*id, |held| (held.peer.clone(), Box::<str>::from(&*held.address)))?;
            Some(ConnectionTold {
                connection: id.0,
                peer: json::peer(&peer),
                id: peer.clone(),
                direction: match row.direction {
                    Direction::Inbound => "inbound",
                    Direction::Outbound => "outbound",
                },
                address,
                opened: row.opened.as_secs_f64(),
                useful: row.useful.map(|at| at.as_secs_f64()),
                streams: row.streams,
                protocols: {
                    let names = row.slots.iter().filter_map(|slot| names[slot.index()].as_deref());
                    names.map(Box::from).collect()
                },
                tags: self.manager.standing(&peer).tags,
                tally: row.tally.get(),
                hold: json::hold(row.hold),
            })
        });
        told.collect()
    }

    /// The last round that was made.
    pub fn last_round(&self) -> Option<Summary> {
        unpoisoned(&self.journal).last()
    }

    /// The last decisions, at most so many, the last first.
    #[must_use]
    pub fn decisions(&self, most: usize) -> Vec<Decision> {
        unpoisoned(&self.journal).decisions().take(most).cloned().collect()
    }

    /// Counters and gauges, with names and labels that no remote chooses.
    #[must_use]
    pub fn metrics(&self, now: Duration) -> Vec<Sample> {
        let now = self.pass(now);
        let (share, level, sensed) = {
            let steering = unpoisoned(&self.steering);
            (steering.share(), steering.level(), steering.senses.sensed(now))
        };
        let mut samples = unpoisoned(&self.journal).samples();
        for (state, count) in
            [("live", self.live()), ("closing", self.closing()), ("locked", self.locked().used)]
        {
            samples.push(Sample::new("connections", [("state", state)], count.into()));
        }
        samples.push(Sample::new("soft_limit", [], share.soft().into()));
        samples.push(Sample::new("low_mark", [], share.low().into()));
        samples.extend(share.hard().map(|hard| Sample::new("hard_limit", [], hard.into())));
        samples.push(Sample::new("level", [], level as u64));
        for sensed in sensed {
            let of = [("sensor", sensed.sensor.name())];
            let points = sensed.pressure.map(|pressure| pressure.get().into());
            let sample = |points| Sample::new("pressure_basis_points", of, points);
            samples.extend(points.map(sample));
        }
        let open = unpoisoned(&self.bursts).how_many_open() as u64;
        samples.push(Sample::new("bursts_open", [], open));
        for protocol in self.enrolled(now) {
            let mut add = |name, value: u64| {
                samples.push(Sample::new(name, [("protocol", &*protocol.name)], value));
            };
            add("quota_min", protocol.quota.min.into());
            add("quota_max", protocol.quota.max.into());
            add("quota_used", protocol.used.into());
            add("locks", protocol.locks.used.into());
            add("scores_total", protocol.scorer.scores);
            add("scorer_panics_total", protocol.scorer.panics);
            add("scorer_overruns_total", protocol.scorer.overruns);
            add("scorer_hangs_total", protocol.scorer.hangs);
        }
        samples.extend(self.counts.samples());
        samples.push(Sample::new("events_dropped_total", [], self.events.dropped()));
        samples
    }
}
