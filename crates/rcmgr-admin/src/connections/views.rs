//! Connections and decisions about them as JSON. Peers are told as their owners write them.

use std::time::Duration;

use rcmgr_config::peer;
use rcmgr_connmgr::observe::Decision;
use rcmgr_connmgr::{
    Eviction, Regulator, RoundReport,
    observe::{Explained, ExplainedConnection},
    round::{Hold, Verdict, Worth},
    trigger::{Cause, Causes},
};
use serde_json::{Map, Value, json};

/// How many connections are told in one answer.
const MOST: usize = 10_000;

/// How many decisions are told with them.
const DECISIONS: usize = 100;

/// The state of a regulator, and its connections from a number on.
pub(super) fn all(regulator: &Regulator, now: Duration, from: u64) -> Value {
    let connections = regulator.connections(now, from, MOST);
    let next = connections.last().filter(|_| connections.len() == MOST);
    let next = next.and_then(|last| last.connection.checked_add(1));
    let mut told = object(&regulator.snapshot(now, 0));
    let decisions: Vec<_> = regulator.decisions(DECISIONS).iter().map(decision).collect();
    if let Some(Value::Object(rounds)) = told.get_mut("rounds") {
        rounds.insert("decisions".into(), decisions.into());
    }
    let connections: Vec<_> = connections
        .iter()
        .map(|connection| {
            let mut told = object(connection);
            told.insert("peer".into(), peer::text(connection.id.as_bytes()).into());
            Value::Object(told)
        })
        .collect();
    told.insert("connections".into(), connections.into());
    told.insert("next".into(), next.into());
    Value::Object(told)
}

fn object(of: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    }
}

/// What a round did, or would do.
pub(super) fn trim(report: &RoundReport, to: u32, only_tried: bool) -> Value {
    let evictions: Vec<_> = report.evictions.iter().take(MOST).map(eviction).collect();
    let unmet: Map<_, _> = report
        .report
        .unmet
        .named()
        .into_iter()
        .map(|(why, count)| (why.to_owned(), count.into()))
        .collect();
    json!({
        "applied": !only_tried,
        "to": to,
        "live": report.report.live,
        "wanted": report.report.wanted,
        "closing": report.evictions.len(),
        "unmet": unmet,
        "connections": evictions,
        "more_connections": report.evictions.len().saturating_sub(MOST),
    })
}

fn eviction(eviction: &Eviction) -> Value {
    json!({
        "connection": eviction.connection.0,
        "peer": peer::text(eviction.peer.as_bytes()),
        "phase": eviction.phase.name(),
        "worth": worth(&eviction.worth),
    })
}

/// What is to be said of a peer.
pub(super) fn explained(explained: &Explained) -> Value {
    let connections: Vec<_> = explained.connections.iter().map(connection).collect();
    json!({
        "peer": peer::text(explained.peer.as_bytes()),
        "at": explained.at.as_secs_f64(),
        "tags": explained.tags,
        "protected": explained.protected,
        "connections": connections,
        "last": explained.last.as_ref().map(decision),
    })
}

fn connection(explained: &ExplainedConnection) -> Value {
    let explanation = &explained.explanation;
    let mut told = json!({
        "connection": explained.connection.0,
        "hold": hold(explained.hold),
        "worth": worth(&explanation.worth),
        "of_network": explanation.network,
        "text": explanation.to_string(),
    });
    match explanation.verdict {
        Verdict::Goes { place, phase, now } => {
            told["verdict"] = "goes".into();
            told["place"] = place.into();
            told["phase"] = phase.name().into();
            told["now"] = now.into();
        }
        Verdict::Stays { why, .. } => {
            told["verdict"] = "stays".into();
            told["why"] = why.name().into();
        }
        Verdict::NotConcerned => told["verdict"] = "not concerned".into(),
    }
    told
}

fn decision(decision: &Decision) -> Value {
    json!({
        "at": decision.at.as_secs_f64(),
        "round": decision.round,
        "connection": decision.connection.0,
        "peer": peer::text(decision.peer.as_bytes()),
        "phase": decision.phase.name(),
        "worth": worth(&decision.worth),
        "causes": causes(decision.causes),
    })
}

fn worth(worth: &Worth) -> Value {
    json!({
        "total": worth.total(),
        "tally": worth.tally.get(),
        "staleness": worth.staleness,
        "crowding": worth.crowding,
    })
}

fn causes(causes: Causes) -> Vec<&'static str> {
    causes.iter().map(Cause::name).collect()
}

const fn hold(hold: Hold) -> &'static str {
    match hold {
        Hold::Free => "free",
        Hold::Grace => "grace",
        Hold::Protected => "protected",
        Hold::Locked => "locked",
    }
}
