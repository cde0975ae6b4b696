//! Asks a node over HTTP.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, ETAG, HOST, HeaderValue, IF_MATCH};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::bounds::MAX_BODY;
use crate::node_url::{NodeUrl, Place};
use crate::stream::Stream;
use crate::token::{TOKEN_VARIABLE, Token};

/// The greatest answer, in bytes: 64 MiB.
const MAX_ANSWER: usize = 64 << 20;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a request may take from the connection to the end of its answer.
const REQUEST: Duration = Duration::from_secs(60);

/// Asks one node: each request over a connection of its own, answered within 65 s.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use rcmgr_admin::Client;
///
/// let client = Client::new("http://127.0.0.1:5001".parse()?);
/// let limits = client.get("/limits").await?;
/// println!("{}", String::from_utf8_lossy(&limits.body));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    node: NodeUrl,
    token: Option<Token>,
    max_answer: usize,
    time: Duration,
}

/// What a node answered, be it a refusal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The `ETag`, which names the version of what was answered. It can be given back as
    /// `If-Match`.
    pub version: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// Why a node gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error("{node}: nobody answers there; is the node running, with --admin?")]
    NotRunning {
        /// Where it was asked.
        node: NodeUrl,
    },
    /// The socket belongs to another user.
    #[error("{node}: this user may not use the socket; run as the user of the node")]
    Denied {
        /// Where it was asked.
        node: NodeUrl,
    },
    /// It cannot be reached.
    #[error("{node}: {error}; is the address right?")]
    Unreachable {
        /// Where it was asked.
        node: NodeUrl,
        /// Why not.
        error: io::Error,
    },
    /// This system has no Unix sockets.
    #[error("{node}: there are no Unix sockets on this system; use http://")]
    Unsupported {
        /// Where it was asked.
        node: NodeUrl,
    },
    /// It took too long.
    #[error(
        "{node}: no answer within {after:?}; is the node overloaded, or a firewall in between?"
    )]
    TimedOut {
        /// Where it was asked.
        node: NodeUrl,
        /// How long it was waited for.
        after: Duration,
    },
    /// A token is needed and none was given.
    #[error("{node}: the node wants a token; give its file or set {TOKEN_VARIABLE}")]
    TokenNeeded {
        /// Where it was asked.
        node: NodeUrl,
    },
    /// The token that was given is not that of the node.
    #[error(
        "{node}: the node has another token than the one given; look which it was started with"
    )]
    WrongToken {
        /// Where it was asked.
        node: NodeUrl,
    },
    /// What was to be sent is more than a node takes.
    #[error("{node}: {length} bytes are more than the {MAX_BODY} that a node takes")]
    BodyTooLarge {
        /// Where it was to be asked.
        node: NodeUrl,
        /// The length of what was to be sent, in bytes.
        length: usize,
    },
    /// The answer was larger than is taken.
    #[error("{node}: its answer is larger than {max} bytes; is it a node of rcmgr?")]
    AnswerTooLarge {
        /// Where it was asked.
        node: NodeUrl,
        /// The greatest answer that is taken, in bytes.
        max: usize,
    },
    /// What was asked for is no path.
    #[error("{path:?} is no path of a request; it begins with / and has no spaces")]
    InvalidPath {
        /// What was asked for.
        path: String,
    },
    /// What was given as a version is none.
    #[error("{version:?} is no version; give the one that the node answered with")]
    InvalidVersion {
        /// What was given.
        version: String,
    },
    /// The answer is no HTTP, or broke off.
    #[error("{node}: {error}; is it a node of rcmgr?")]
    Broken {
        /// Where it was asked.
        node: NodeUrl,
        /// What is wrong with it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Answer {
    /// What a refusal says: its `error`, if it has one, or else the beginning of its text.
    pub fn message(&self) -> String {
        const SHOWN: usize = 1000;
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let error = json.as_ref().and_then(|json| json.get("error")?.as_str());
        let text = String::from_utf8_lossy(&self.body);
        match error.unwrap_or(&text).trim() {
            "" => self.status.to_string(),
            message => message.chars().take(SHOWN).collect(),
        }
    }
}

impl Client {
    /// Asks the node there.
    pub fn new(node: NodeUrl) -> Client {
        Client { node, token: None, max_answer: MAX_ANSWER, time: REQUEST }
    }

    /// Shows a token, in clear: over a network that others can read, use a tunnel.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Client {
        self.token = Some(token);
        self
    }

    /// Asks for what is at a path, such as `/limits?explain=1`.
    ///
    /// # Errors
    /// No answer, 401, or what is no path.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, None, None).await
    }

    /// Puts JSON at a path; if a version is given, only when that is still the node's.
    ///
    /// # Errors
    /// No answer, 401, what is no path or version, or more than [`MAX_BODY`](crate::MAX_BODY)
    /// bytes.
    pub async fn put(
        &self,
        path: &str,
        json: impl Into<Bytes>,
        if_match: Option<&str>,
    ) -> Result<Answer, ClientError> {
        self.send(Method::PUT, path, Some(json.into()), if_match).await
    }

    /// Posts JSON, or nothing, to a path; if a version is given, only when that is still the
    /// node's.
    ///
    /// # Errors
    /// As [`Client::put`].
    pub async fn post(
        &self,
        path: &str,
        json: impl Into<Bytes>,
        if_match: Option<&str>,
    ) -> Result<Answer, ClientError> {
        self.send(Method::POST, path, Some(json.into()), if_match).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        json: Option<Bytes>,
        if_match: Option<&str>,
    ) -> Result<Answer, ClientError> {
        let request = self.request(method, path, json, if_match)?;
        let timed_out = |after| ClientError::TimedOut { node: self.node.clone(), after };
        let connecting = timeout(CONNECT, connect(&self.node.0)).await;
        let stream = connecting.map_err(|_| timed_out(CONNECT))?;
        let stream = stream.map_err(|error| self.unreachable(error))?;
        let answer = timeout(self.time, self.ask(stream, request)).await;
        let answer = answer.map_err(|_| timed_out(self.time))??;
        match (answer.status, &self.token) {
            (StatusCode::UNAUTHORIZED, None) => {
                Err(ClientError::TokenNeeded { node: self.node.clone() })
            }
            (StatusCode::UNAUTHORIZED, Some(_)) => {
                Err(ClientError::WrongToken { node: self.node.clone() })
            }
            _ => Ok(answer),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        json: Option<Bytes>,
        if_match: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let invalid = || ClientError::InvalidPath { path: path.to_owned() };
        let target = PathAndQuery::try_from(path).map_err(|_| invalid())?;
        if !path.starts_with('/') {
            return Err(invalid());
        }
        if let Some(json) = &json
            && json.len() > MAX_BODY
        {
            return Err(ClientError::BodyTooLarge { node: self.node.clone(), length: json.len() });
        }
        let mut request = Request::new(Full::new(json.clone().unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = target.into();
        let headers = request.headers_mut();
        let host = HeaderValue::try_from(self.node.host()).expect("an authority is visible ASCII");
        headers.insert(HOST, host);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if json.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.header());
        }
        if let Some(version) = if_match {
            let invalid = |_| ClientError::InvalidVersion { version: version.to_owned() };
            headers.insert(IF_MATCH, HeaderValue::try_from(version).map_err(invalid)?);
        }
        Ok(request)
    }

    async fn ask(
        &self,
        stream: Box<dyn Stream>,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError> {
        let broken = |error: hyper::Error| self.broken(error.into());
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(async {
            let answer = sender.send_request(request).await.map_err(broken)?;
            self.read(answer).await
        });
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // What it ended with, the answer tells: it may have been read whole.
            _ = &mut connection => answer.await,
        }
    }

    async fn read(&self, answer: Response<Incoming>) -> Result<Answer, ClientError> {
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, self.max_answer).collect().await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => ClientError::AnswerTooLarge { node: self.node.clone(), max: self.max_answer },
            false => self.broken(error),
        })?;
        let version = head.headers.get(ETAG).and_then(|version| version.to_str().ok());
        let version = version.map(str::to_owned);
        Ok(Answer { status: head.status, version, body: body.to_bytes() })
    }

    fn broken(&self, error: Box<dyn std::error::Error + Send + Sync>) -> ClientError {
        ClientError::Broken { node: self.node.clone(), error }
    }

    fn unreachable(&self, error: io::Error) -> ClientError {
        use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied, Unsupported};
        let node = self.node.clone();
        match (error.kind(), &self.node.0) {
            (ConnectionRefused, _) | (NotFound, Place::Unix(_)) => ClientError::NotRunning { node },
            (PermissionDenied, Place::Unix(_)) => ClientError::Denied { node },
            (Unsupported, Place::Unix(_)) => ClientError::Unsupported { node },
            _ => ClientError::Unreachable { node, error },
        }
    }
}

async fn connect(place: &Place) -> io::Result<Box<dyn Stream>> {
    match place {
        Place::Tcp(authority) => {
            let host = authority.host();
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
            let port = authority.port_u16().unwrap_or(80);
            Ok(Box::new(TcpStream::connect((bare.unwrap_or(host), port)).await?))
        }
        #[cfg(unix)]
        Place::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Place::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

#[cfg(test)]
mod tests;
