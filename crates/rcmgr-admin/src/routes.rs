//! What can be asked of a running node: its limits, a change of them, and what it uses.

use core::fmt::Display;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use rcmgr_config::{
    Diagnostics, Format, Intent, LiveLimits, Loaded, PressureLevel, Proposal, Source, ThisMachine,
    load,
};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::file::LimitsFile;
use crate::refused::Refused;
use crate::stat::Stat;
use crate::wishes::Wishes;
use crate::{refusal, views};

/// How many requests are worked on at once that change something: one waits for the other, but is
/// read meanwhile. Work goes on when the one who asked is gone, so it is not bounded by the number
/// of connections.
const CHANGES: usize = 2;
/// How many that only look.
const LOOKS: usize = 4;

/// What the handlers share.
#[derive(Clone)]
struct Node {
    live: Arc<LiveLimits>,
    file: Option<Arc<LimitsFile>>,
    changes: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    /// What tells this run of the node from others, whose versions have the same numbers.
    run: Arc<str>,
}

/// The interface to the limits of a node; `file` is where they are kept, if they are.
///
/// | request | answer |
/// |---|---|
/// | `GET /limits` | what is in effect, in the native format, with its version; `?explain=1` adds where each value comes from |
/// | `PUT /limits` | puts limits in effect, in any format that is read; what `GET` gave can be put back, which changes nothing. `If-Match` makes it depend on the version, with 412 where another is in effect; `?dry_run=1` only tells what would change; `?persist=1` also writes the file; `?from=FORMAT` says which format it is |
/// | `POST /limits/rollback` | puts the version before in effect; `?to=NUMBER` another one that is kept; `If-Match` and `?dry_run=1` as above |
/// | `GET /limits/versions` | the versions that are kept |
/// | `GET /stat` | what every scope holds |
/// | `GET /healthz` | whether the file as it is now is in effect, and if not, why; and how short of memory the node is |
///
/// Answers are JSON. An error has `error`, a sentence, and where something is wrong with what was
/// put, `diagnostics`; nothing has changed then. A query that is not known is an error, but for
/// `/healthz`, where monitors add what they like. That answers 200 with a bad file, too: the node
/// works with the limits from before, and should not be restarted into the bad ones.
///
/// Long answers are cut: to 10,000 changed values, 1,000 scopes that are over and 100,000 scopes
/// that hold something, each with the number of those left out.
pub fn routes(live: Arc<LiveLimits>, file: Option<Arc<LimitsFile>>) -> Router {
    let run = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos());
    let [changes, looks] = [CHANGES, LOOKS].map(|at_once| Arc::new(Semaphore::new(at_once)));
    let node = Node { live, file, changes, looks, run: format!("{run:x}").into() };
    Router::new()
        .route("/limits", get(limits).put(put))
        .route("/limits/rollback", post(rollback))
        .route("/limits/versions", get(versions))
        .route("/stat", get(stat))
        .route("/healthz", get(healthz))
        .fallback(nowhere)
        .method_not_allowed_fallback(never)
        .with_state(node)
}

pub(crate) type Answer = Result<Response<Body>, Refused>;

async fn limits(State(node): State<Node>, RawQuery(query): RawQuery) -> Answer {
    let wishes = Wishes::of(query.as_deref(), &["explain"])?;
    let look = move |node: &Node| {
        let version = node.live.current();
        Ok(node.tagged(version.number, views::limits(&version, wishes.explain)))
    };
    blocking(node.looks.clone(), node, look).await
}

async fn put(
    State(node): State<Node>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let wishes = Wishes::of(query.as_deref(), &["dry_run", "persist", "from"])?;
    let expected = node.expected(&headers)?;
    let change = move |node: &Node| node.put(&wishes, expected, &body);
    blocking(node.changes.clone(), node, change).await
}

async fn rollback(
    State(node): State<Node>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let Wishes { to, dry_run, .. } = Wishes::of(query.as_deref(), &["dry_run", "to"])?;
    let expected = node.expected(&headers)?;
    let change = move |node: &Node| {
        let done = node.live.rollback(to, expected, dry_run)?;
        Ok(node.told(&done, dry_run, &Diagnostics::default()))
    };
    blocking(node.changes.clone(), node, change).await
}

async fn versions(State(node): State<Node>, RawQuery(query): RawQuery) -> Answer {
    Wishes::of(query.as_deref(), &[])?;
    Ok(answer(StatusCode::OK, &views::versions(&node.live.versions())))
}

async fn stat(State(node): State<Node>, RawQuery(query): RawQuery) -> Answer {
    Wishes::of(query.as_deref(), &[])?;
    let look = |node: &Node| {
        let version = node.live.current().number;
        Ok(answer(StatusCode::OK, &Stat::of(version, node.live.manager())))
    };
    blocking(node.looks.clone(), node, look).await
}

async fn healthz(State(node): State<Node>) -> Response<Body> {
    let pressure = PressureLevel::requiring(node.live.manager().required_priority());
    answer(StatusCode::OK, &views::health(&node.live.health(), pressure))
}

async fn nowhere() -> Response<Body> {
    let why = "there is nothing here; there are /limits, /limits/rollback, /limits/versions, \
               /stat and /healthz, and /connections, /trim, /explain/PEER and /metrics where \
               connections are regulated";
    refusal(StatusCode::NOT_FOUND, why)
}

pub(crate) async fn never() -> Response<Body> {
    let why = "this cannot be done with it: GET and PUT /limits, POST /limits/rollback and /trim, \
               and GET what else there is";
    refusal(StatusCode::METHOD_NOT_ALLOWED, why)
}

/// Runs what takes a while, reads files or writes them, once there is room for it. Whoever leaves
/// before that has asked nothing; what has begun is finished even if nobody waits for the answer.
pub(crate) async fn blocking<N: Send + 'static>(
    room: Arc<Semaphore>,
    node: N,
    work: impl FnOnce(&N) -> Answer + Send + 'static,
) -> Answer {
    let place = room.acquire_owned().await.expect("the semaphore is never closed");
    let work = move || {
        let answer = work(&node);
        drop(place);
        answer
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request could not be answered");
        let why = "the node could not answer; see its log";
        Err(Refused::because(StatusCode::INTERNAL_SERVER_ERROR, why))
    })
}

impl Node {
    fn put(&self, wishes: &Wishes, expected: Option<u64>, body: &Bytes) -> Answer {
        let from = wishes.from.as_deref().map(str::parse::<Format>).transpose();
        let from = from.map_err(|error| {
            let why = format!("?from={}: {error}", wishes.from.as_deref().unwrap_or_default());
            Refused::because(StatusCode::BAD_REQUEST, why)
        })?;
        let Loaded { settings, warnings, .. } = read(body, from)?;
        let write = || match &self.file {
            Some(file) => Ok(file.write(&settings)?),
            None => Err(io::Error::other("the node was started without a file of limits")),
        };
        let intent = match (wishes.dry_run, wishes.persist) {
            (true, _) => Intent::Try,
            (false, true) => Intent::Persist(&write),
            (false, false) => Intent::Apply,
        };
        let done = self.live.put(settings.clone(), expected, intent)?;
        Ok(self.told(&done, wishes.dry_run, &warnings))
    }

    fn told(&self, done: &Proposal, only_tried: bool, warnings: &Diagnostics) -> Response<Body> {
        if !only_tried && !done.changes.is_empty() {
            let (version, cause) = (done.version.number, done.version.cause);
            tracing::info!(version, %cause, changes = done.changes.len(), "limits changed");
        }
        self.tagged(done.version.number, views::proposal(done, !only_tried, warnings))
    }

    /// The version that a request depends on: the tag of an answer, or the plain number.
    fn expected(&self, headers: &HeaderMap) -> Result<Option<u64>, Refused> {
        let invalid = || {
            let why =
                "If-Match is not one version: send back the ETag of an answer, or its version";
            Refused::because(StatusCode::BAD_REQUEST, why)
        };
        let mut tags = headers.get_all(IF_MATCH).iter();
        let tag = match (tags.next(), tags.next()) {
            (None, _) => return Ok(None),
            (Some(tag), None) => tag.to_str().map_err(|_| invalid())?.trim(),
            _ => return Err(invalid()),
        };
        if tag == "*" {
            return Ok(None);
        }
        let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        let number = match quoted.unwrap_or(tag).split_once('-') {
            Some((run, number)) if number.parse::<u64>().is_ok() && run != &*self.run => {
                let why = "the version in If-Match is of another run of the node: read the limits \
                           again, and change those";
                return Err(Refused::because(StatusCode::PRECONDITION_FAILED, why));
            }
            Some((_, number)) => number,
            None => quoted.unwrap_or(tag),
        };
        number.parse().map(Some).map_err(|_| invalid())
    }

    fn tagged(&self, version: u64, body: impl Serialize) -> Response<Body> {
        let mut answer = answer(StatusCode::OK, &body);
        if let Ok(tag) = HeaderValue::from_str(&format!("\"{}-{version}\"", self.run)) {
            answer.headers_mut().insert(ETAG, tag);
        }
        answer
    }
}

fn read(body: &Bytes, from: Option<Format>) -> Result<Loaded, Refused> {
    let unreadable = |why: &dyn Display| Refused::because(StatusCode::BAD_REQUEST, why);
    let text = str::from_utf8(body).map_err(|_| unreadable(&"the body is not UTF-8"))?;
    let load_as = |name| match Source::new(name, text) {
        Ok(source) => Ok(load(&Arc::new(source), from, &ThisMachine)),
        Err(error) => Err(unreadable(&error)),
    };
    let found = match load_as("request")? {
        Ok(loaded) => return Ok(loaded),
        Err(found) => found,
    };
    // No name tells the syntax. What begins like JSON is YAML, too, if it is no JSON.
    if text.trim_start().starts_with('{')
        && let Ok(loaded) = load_as("request.yaml")?
    {
        return Ok(loaded);
    }
    Err(Refused::Wrong(Box::new(found)))
}

pub(crate) fn answer(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_vec(body).expect("what is answered has no keys but texts");
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
