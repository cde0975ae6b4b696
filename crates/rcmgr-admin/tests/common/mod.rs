//! What the tests share: a server with a small router, and a connection that speaks bytes.
#![allow(dead_code)]

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use axum::routing::{get, post};
use axum::{Router, response::IntoResponse};
use rcmgr_admin::{Bounds, Listen, Server, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for a slow machine; only a test that fails takes it.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const TOKEN: &str = "0123456789abcdef";

/// More than the system keeps for a reader who does not read.
pub const BIG: usize = 32 << 20;

pub fn token() -> Token {
    TOKEN.parse().expect("it is a token")
}

/// Bounds that a test can wait for.
pub fn short() -> Bounds {
    let short = Duration::from_millis(100);
    Bounds { connections: 2, head: short, request: short, write: short, stop: short, body: 1000 }
}

/// Bounds that a test does not reach.
pub fn long() -> Bounds {
    let long = Duration::from_secs(600);
    Bounds { head: long, request: long, write: long, stop: long, ..Bounds::default() }
}

fn router() -> Router {
    let secret = || async { "all is well with version 7" };
    Router::new()
        .route("/healthz", get(secret).post(secret))
        .route("/length", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/big", get(|| async { Bytes::from(vec![b'x'; BIG]) }))
        .route("/never", get(std::future::pending::<()>))
        .route("/panic", get(panics))
}

async fn panics() -> Response<Body> {
    match std::hint::black_box(true) {
        true => panic!("a handler is wrong"),
        false => ().into_response(),
    }
}

/// A server that runs until it is told to stop.
pub struct Running {
    pub local: Listen,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    pub async fn start(listen: &str, token: Option<Token>, bounds: Bounds) -> Running {
        let listen = listen.parse().expect("it is a place to listen at");
        let server = Server::bind(&listen, token).await.expect("it can be listened at");
        let server = server.with_bounds(bounds);
        let local = server.local().clone();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap_or(()) };
        let ended = tokio::spawn(server.serve(router(), stopped));
        Running { local, stop, ended }
    }

    pub async fn on_loopback(token: Option<Token>, bounds: Bounds) -> Running {
        Running::start("127.0.0.1:0", token, bounds).await
    }

    pub async fn connect(&self) -> Raw {
        let Listen::Tcp(address) = self.local else { panic!("it listens on a socket") };
        Raw(TcpStream::connect(address).await.expect("the server listens"))
    }

    /// Tells it to stop, and waits until it has.
    pub async fn stop(self) {
        // It may have ended by itself, which then shows below.
        let _ = self.stop.send(());
        let ended = timeout(PATIENCE, self.ended).await.expect("the server stops in time");
        ended.expect("the server does not panic");
    }
}

/// A connection that speaks bytes.
pub struct Raw(pub TcpStream);

impl Raw {
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.expect("the server reads");
    }

    /// All that comes until the other side ends the connection.
    pub async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        let end = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        let end = end.expect("the server ends the connection");
        assert!(end.is_ok() || bytes.is_empty(), "an answer was cut off: {end:?}");
        String::from_utf8(bytes).expect("the answer is UTF-8")
    }

    /// The head of an answer and the body, whose length it tells.
    pub async fn answer(&mut self) -> String {
        let read = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.expect("the server answers"));
            }
            let mut answer = String::from_utf8(head).expect("the head is UTF-8");
            let length = answer.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await.expect("the body is whole");
            answer.push_str(std::str::from_utf8(&body).expect("the body is UTF-8"));
            answer
        };
        timeout(PATIENCE, read).await.expect("the server answers in time")
    }
}
