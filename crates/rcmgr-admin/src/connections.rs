//! What can be asked of the connections of a running node: which there are, which would go and
//! why, and that some go.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::{any, get, post};
use rcmgr_config::peer;
use rcmgr_connmgr::{
    Peer, Regulator,
    round::{Aim, Mode},
};
use tokio::sync::Semaphore;

use crate::refused::Refused;
use crate::routes::{Answer, answer, blocking, never};
use crate::wishes::Wishes;

mod metrics;
mod views;

/// How many requests are worked on at once: each looks at all connections.
const AT_ONCE: usize = 2;

/// A manager of connections with the clock that it goes by.
pub trait Regulated: Send + Sync + 'static {
    /// What decides. Whoever drives it carries out what is decided here.
    fn regulator(&self) -> &Regulator;

    /// The time, counted as all who use the regulator do.
    fn now(&self) -> Duration;
}

#[derive(Clone)]
struct Connections {
    of: Arc<dyn Regulated>,
    room: Arc<Semaphore>,
}

/// The interface to the connections of a node, to be merged with [`routes`](crate::routes).
///
/// | request | answer |
/// |---|---|
/// | `GET /connections` | the share, the level, the last round, the last 100 decisions, and the connections: by their numbers, 10,000 at most; `?from=NUMBER` begins with that one |
/// | `POST /trim` | a round that closes connections down to the low mark; `?to=NUMBER` down to that many; `?dry_run=1` only tells which |
/// | `GET /explain/PEER` | what a round would make of the connections of a peer, and why, and what was decided last |
/// | `GET /metrics` | counters and gauges of all that, in the text format of Prometheus |
///
/// A trim is a [batch](Mode::Batch): it heeds protections, locks, grace, shields and minima, and
/// closes a quarter at most. Its answer has the first 10,000 that go.
pub fn connection_routes(connections: Arc<dyn Regulated>) -> Router {
    let connections = Connections { of: connections, room: Arc::new(Semaphore::new(AT_ONCE)) };
    Router::new()
        .route("/connections", get(all))
        .route("/trim", post(trim))
        .route("/explain/{peer}", get(explain))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(never)
        .with_state(connections)
}

/// The same paths for a node that has no manager of connections: each is answered by 404 and the
/// reason that is given here.
pub fn no_connection_routes(why: impl Into<Arc<str>>) -> Router {
    Router::new()
        .route("/connections", any(none))
        .route("/trim", any(none))
        .route("/explain/{peer}", any(none))
        .route("/metrics", any(none))
        .with_state(why.into())
}

async fn none(State(why): State<Arc<str>>) -> Refused {
    Refused::because(StatusCode::NOT_FOUND, why)
}

async fn all(State(connections): State<Connections>, RawQuery(query): RawQuery) -> Answer {
    let wishes = Wishes::of(query.as_deref(), &["from"])?;
    let from = wishes.from.map_or(Ok(0), |from| from.parse::<u64>().map_err(|_| from));
    let from = from.map_err(|from| {
        let why = format!("?from={from} is no number of a connection");
        Refused::because(StatusCode::BAD_REQUEST, why)
    })?;
    connections.look(move |regulator, now| Ok(views::all(regulator, now, from))).await
}

async fn trim(State(connections): State<Connections>, RawQuery(query): RawQuery) -> Answer {
    let wishes = Wishes::of(query.as_deref(), &["dry_run", "to"])?;
    let look = move |regulator: &Regulator, now| {
        let low = u64::from(regulator.share().low());
        let to = u32::try_from(wishes.to.unwrap_or(low)).unwrap_or(u32::MAX);
        let report = match wishes.dry_run {
            true => regulator.dry_run(now, Aim::Leave(to), Mode::Batch),
            false => regulator.regulate(now, Aim::Leave(to), Mode::Batch),
        };
        if !wishes.dry_run && !report.evictions.is_empty() {
            tracing::info!(closed = report.evictions.len(), to, "connections were trimmed by hand");
        }
        Ok(views::trim(&report, to, wishes.dry_run))
    };
    connections.look(look).await
}

async fn explain(
    State(connections): State<Connections>,
    Path(text): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    Wishes::of(query.as_deref(), &[])?;
    let unknown = |why: &dyn std::fmt::Display| {
        Refused::because(
            StatusCode::BAD_REQUEST,
            format!("/explain/{}: {why}", text.escape_debug()),
        )
    };
    let key = peer::key(&text).map_err(|error| unknown(&error))?;
    let peer = Peer::new(&key).map_err(|error| unknown(&error))?;
    connections
        .look(move |regulator, now| Ok(views::explained(&regulator.explain(now, &peer))))
        .await
}

async fn metrics(State(connections): State<Connections>) -> Response<Body> {
    let regulator = connections.of.regulator();
    let text = metrics::text(&regulator.metrics(connections.of.now()));
    let mut answer = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

impl Connections {
    async fn look(
        self,
        look: impl FnOnce(&Regulator, Duration) -> Result<serde_json::Value, Refused> + Send + 'static,
    ) -> Answer {
        let work = |of: &Arc<dyn Regulated>| {
            let told = look(of.regulator(), of.now())?;
            Ok(answer(StatusCode::OK, &told))
        };
        blocking(self.room, self.of, work).await
    }
}
