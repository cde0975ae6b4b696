//! What is answered to a request that is refused.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};

/// An answer that says why a request was refused: `{"error":"why"}`.
///
/// [`Answer::message`](crate::Answer::message) reads it.
pub fn refusal(status: StatusCode, why: &str) -> Response<Body> {
    let body = serde_json::json!({ "error": why }).to_string();
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// A request that is refused before it is read whole.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) why: Cow<'static, str>,
}

impl Refused {
    /// What is answered. The connection ends with it, so that the next who waits gets its place.
    pub(crate) fn answer(self) -> Response<Body> {
        let mut answer = refusal(self.status, &self.why);
        let headers = answer.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}
