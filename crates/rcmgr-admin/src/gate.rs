//! Who may ask: those with the token, and no web page.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, request};

use crate::answer::Refused;
use crate::listen::Listen;
use crate::token::Token;

/// The one path that answers without a token.
const HEALTH: &str = "/healthz";

/// Decides for each request whether it is let in.
pub(crate) struct Gate {
    token: Option<Token>,
    /// Whether a browser can reach it: none can reach a Unix socket.
    browsers: bool,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// One who may see and change everything.
    Operator,
    /// One who is only told whether the node is well.
    Stranger,
}

impl Gate {
    pub(crate) fn new(listen: &Listen, token: Option<Token>) -> Gate {
        Gate { token, browsers: matches!(listen, Listen::Tcp(_)) }
    }

    /// Lets a request in, or not.
    pub(crate) fn admit(&self, head: &request::Parts) -> Result<Caller, Refused> {
        if self.browsers && self.token.is_none() && !is_for_loopback(head) {
            return Err(forbidden(
                "the Host header names another host than this one; \
                 ask by a loopback address or localhost, or set a token",
            ));
        }
        if self.browsers && !is_of_same_origin(&head.headers) {
            return Err(forbidden(
                "web pages of another origin may not ask; leave out the Origin header",
            ));
        }
        let Some(token) = &self.token else { return Ok(Caller::Operator) };
        let mut shown = head.headers.get_all(AUTHORIZATION).iter();
        match (shown.next(), shown.next()) {
            (Some(shown), None) if token.is_shown_by(shown) => Ok(Caller::Operator),
            (None, _) if asks_health(head) => Ok(Caller::Stranger),
            (None, _) => Err(unauthorized("a token is needed: Authorization: Bearer TOKEN")),
            _ => Err(unauthorized("it is not the token of this node")),
        }
    }
}

impl Caller {
    /// What of an answer this one may see: a stranger whether all is well.
    pub(crate) fn may_see(self, answer: Response<Body>) -> Response<Body> {
        if self == Caller::Operator {
            return answer;
        }
        let (status, text) = match answer.status().is_success() {
            true => (StatusCode::OK, "ok\n"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not ok\n"),
        };
        let mut seen = Response::new(Body::from(text));
        *seen.status_mut() = status;
        seen
    }
}

fn asks_health(head: &request::Parts) -> bool {
    head.uri.path() == HEALTH && matches!(head.method, Method::GET | Method::HEAD)
}

fn forbidden(why: &'static str) -> Refused {
    Refused { status: StatusCode::FORBIDDEN, why: why.into() }
}

fn unauthorized(why: &'static str) -> Refused {
    Refused { status: StatusCode::UNAUTHORIZED, why: why.into() }
}

/// Whether every host that a request names is this machine. A page whose name was made to mean
/// 127.0.0.1 (DNS rebinding) names its own host.
fn is_for_loopback(head: &request::Parts) -> bool {
    let Some(host) = the_host(&head.headers) else { return false };
    let of_target = head.uri.authority();
    is_loopback(&host) && of_target.is_none_or(is_loopback)
}

fn is_loopback(host: &Authority) -> bool {
    let name = host.host();
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let address = bare.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The one `Host` header; none names a user.
fn the_host(headers: &HeaderMap) -> Option<Authority> {
    let host = Authority::try_from(one(headers, HOST)?.as_bytes()).ok()?;
    Some(host).filter(|host| !host.as_str().contains('@'))
}

fn one(headers: &HeaderMap, name: axum::http::HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether a request comes from a page of this server, or from no page at all: browsers say in
/// `Origin` which page sends a request that changes something.
fn is_of_same_origin(headers: &HeaderMap) -> bool {
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let same = || {
        let host = the_host(headers)?;
        let origin = Uri::try_from(one(headers, ORIGIN)?.as_bytes()).ok()?;
        let default = match origin.scheme_str()? {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let page = origin.authority()?;
        let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
        Some(page.host().eq_ignore_ascii_case(host.host()) && port(page) == port(&host))
    };
    same().unwrap_or(false)
}

#[cfg(test)]
mod tests;
