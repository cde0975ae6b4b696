//! Serves the requests of one connection, one after the other.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, timeout, timeout_at};

use crate::answer::{Refused, refusal};
use crate::body;
use crate::bounds::Bounds;
use crate::gate::{Caller, Gate};
use crate::stream::Stream;

/// The most headers of a request, and of the trailers of its body.
const MAX_HEADERS: usize = 64;

/// The greatest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// How long, and for how many bytes, a connection is listened to after its last answer. Closed at
/// once, what the other side still sends would make its system drop the answer unread.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 8 << 20;

/// What answers requests.
pub(crate) struct Desk {
    gate: Gate,
    router: TowerToHyperService<Router>,
    pub(crate) bounds: Bounds,
}

impl Desk {
    pub(crate) fn new(gate: Gate, router: Router, bounds: Bounds) -> Desk {
        // Bodies come whole and bounded; axum's own limit would be a second one.
        let router = TowerToHyperService::new(router.layer(DefaultBodyLimit::disable()));
        Desk { gate, router, bounds }
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let deadline = Instant::now() + self.bounds.request;
        let (caller, request) = match self.take(request, deadline).await {
            Ok(taken) => taken,
            Err(refused) => return refused.answer(),
        };
        let answer = match timeout_at(deadline, self.router.call(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(never)) => match never {},
            Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "the answer was not ready in time"),
        };
        caller.may_see(answer)
    }

    /// Who asks, and the whole request.
    async fn take(
        &self,
        request: Request<Incoming>,
        deadline: Instant,
    ) -> Result<(Caller, Request<Body>), Refused> {
        let (head, body) = request.into_parts();
        let caller = self.gate.admit(&head)?;
        let request = body::whole(Request::from_parts(head, body), self.bounds.body);
        let in_time = timeout_at(deadline, request).await;
        let late = |_| Refused {
            status: StatusCode::REQUEST_TIMEOUT,
            why: "the body of the request did not come in time".into(),
        };
        Ok((caller, in_time.map_err(late)??))
    }
}

/// Serves a connection until it ends, or until the request under way is answered once `stop` is
/// there.
pub(crate) async fn serve(
    stream: Box<dyn Stream>,
    desk: Arc<Desk>,
    stop: impl Future<Output = ()>,
) {
    let bounds = &desk.bounds;
    let io = TokioIo::new(TimedWrites { stream, bound: bounds.write, stuck: None });
    let service = service_fn(|request| {
        let desk = Arc::clone(&desk);
        Box::pin(async move { Ok::<_, std::convert::Infallible>(desk.answer(request).await) })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(MAX_HEAD)
        .serve_connection(io, service);
    let mut stop = std::pin::pin!(stop);
    let mut stopping = false;
    let served = loop {
        tokio::select! {
            served = std::future::poll_fn(|cx| connection.poll_without_shutdown(cx)) => break served,
            () = &mut stop, if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let stream = connection.into_parts().io.into_inner().stream;
    match served {
        Err(error) if error.is_timeout() => tracing::debug!("a connection was too slow or idle"),
        Err(error) => {
            tracing::debug!(%error, "a connection broke off");
            linger(stream).await;
        }
        Ok(()) => linger(stream).await,
    }
}

/// Ends the answers, and lets the other side read them before the connection is closed.
async fn linger(mut stream: Box<dyn Stream>) {
    let drained = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // The connection is over; how it ends is its own matter.
    let _ = timeout(LINGER, drained).await;
}

/// A stream that fails when the other side does not read: the time runs from when the system takes
/// less than was offered to it until it takes all.
struct TimedWrites {
    stream: Box<dyn Stream>,
    bound: Duration,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl TimedWrites {
    fn watch(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if matches!(&written, Poll::Ready(Ok(n)) if *n == offered) {
            self.stuck = None;
            return written;
        }
        let bound = self.bound;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(tokio::time::sleep(bound)));
        match stuck.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => written,
        }
    }
}

impl AsyncRead for TimedWrites {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for TimedWrites {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, bytes.len(), written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.watch(cx, parts.iter().map(|part| part.len()).sum(), written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
