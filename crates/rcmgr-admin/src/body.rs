//! Reads the body of a request, as much of it as is allowed.

use axum::body::Body;
use axum::http::header::EXPECT;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

use crate::answer::Refused;

/// A request with its whole body, of at most `max` bytes, in memory.
///
/// Of a body that is too long as much again is read and dropped: a client that first sends all and
/// then looks for an answer gets to see it. One that waits to be told to go on is told at once.
pub(crate) async fn whole(
    request: Request<Incoming>,
    max: usize,
) -> Result<Request<Body>, Refused> {
    let (head, mut body) = request.into_parts();
    let declared = body.size_hint().lower();
    if declared > max as u64 && head.headers.contains_key(EXPECT) {
        return Err(too_large(max));
    }
    let mut bytes = Vec::new();
    let mut read = 0usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            let why = "the body of the request is broken off or malformed";
            return Err(Refused { status: StatusCode::BAD_REQUEST, why: why.into() });
        };
        let Some(data) = frame.data_ref() else { continue };
        read = read.saturating_add(data.len());
        if read > max.saturating_mul(2) {
            break;
        }
        if read > max {
            bytes = Vec::new();
            continue;
        }
        bytes.extend_from_slice(data);
    }
    match read > max {
        true => Err(too_large(max)),
        false => Ok(Request::from_parts(head, Body::from(bytes))),
    }
}

fn too_large(max: usize) -> Refused {
    let why = format!("the body of the request is larger than {max} bytes");
    Refused { status: StatusCode::PAYLOAD_TOO_LARGE, why: why.into() }
}
