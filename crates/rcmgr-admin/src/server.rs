//! Serves a router to those who may ask it, within bounds.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::bounds::Bounds;
use crate::connection::{self, Desk};
use crate::gate::Gate;
use crate::listen::Listen;
use crate::listener::{BindError, Listener};
use crate::token::Token;

/// How long to wait when the system has no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(250);

/// A server of HTTP/1.1 that listens and does not yet answer.
///
/// # Who may ask
/// - With a token, who shows it in `Authorization: Bearer TOKEN`; all others get 401. Only
///   `GET /healthz` answers without: 200 `ok` or 503 `not ok`, whatever the router says more.
/// - Without a token, any program on this machine that can connect: to a loopback address every
///   user, to a Unix socket only its own user (its file has mode 0600).
/// - No web page of another origin. Over TCP, a request with an `Origin` header that is not that
///   of the `Host` header gets 403. Without a token, so does a request whose `Host` is neither
///   `localhost` nor a loopback address: a page can make its own name mean 127.0.0.1 (DNS
///   rebinding), but cannot name another host than its own. The port is not looked at, so that
///   tunnels work.
///
/// # What handlers can rely on
/// The body of a request comes whole and in memory, of at most [`Bounds::body`] bytes. A handler
/// that takes longer than [`Bounds::request`] is dropped at an `await`: a change has to happen
/// between two of them, or in a task of its own. Answers are bounded by whoever makes them; one
/// that is a stream is timed for each part, not as a whole.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::{Router, routing::get};
/// use rcmgr_admin::Server;
///
/// let router = Router::new().route("/healthz", get(|| async { "ok" }));
/// let server = Server::bind(&"127.0.0.1:5001".parse()?, None).await?;
/// server.serve(router, async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    listener: Listener,
    local: Listen,
    gate: Gate,
    bounds: Bounds,
}

impl Server {
    /// Listens, with the bounds of [`Bounds::default`].
    ///
    /// The file of a Unix socket is made with mode 0600. If a socket is there already where
    /// nobody answers, it is replaced. The file is removed when the server is dropped or stops.
    ///
    /// # Errors
    /// Other machines can reach the address and there is no token; somebody listens there already;
    /// the path is that of something else than a socket; or the system does not let it.
    pub async fn bind(listen: &Listen, token: Option<Token>) -> Result<Server, BindError> {
        if token.is_none() && !listen.is_local() {
            return Err(BindError::TokenNeeded(listen.clone()));
        }
        let listener = Listener::bind(listen).await?;
        let local =
            listener.local().map_err(|error| BindError::Io { listen: listen.clone(), error })?;
        let gate = Gate::new(listen, token);
        Ok(Server { listener, local, gate, bounds: Bounds::default() })
    }

    /// Sets how much is taken from those who ask.
    #[must_use]
    pub fn with_bounds(mut self, bounds: Bounds) -> Server {
        self.bounds = bounds;
        self
    }

    /// Where it listens; if port 0 was asked for, with the port that the system chose.
    pub fn local(&self) -> &Listen {
        &self.local
    }

    /// Answers by `router` until `stop` is there. Then no more connections are taken, requests
    /// under way are answered, and after [`Bounds::stop`] whatever is left is cut off.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let Server { listener, gate, bounds, .. } = self;
        let room = Arc::new(Semaphore::new(bounds.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let stop_bound = bounds.stop;
        let desk = Arc::new(Desk::new(gate, router, bounds));
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let take_connections = async {
            loop {
                let place = Arc::clone(&room).acquire_owned().await;
                let place = place.expect("the semaphore is never closed");
                let stream = match listener.accept().await {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be taken");
                        sleep(PAUSE).await;
                        continue;
                    }
                };
                while let Some(ended) = connections.try_join_next() {
                    report(ended);
                }
                let (desk, mut stopped) = (Arc::clone(&desk), stopped.clone());
                connections.spawn(async move {
                    let stop = async {
                        // An error means that the server is gone, which is a stop as well.
                        let _ = stopped.wait_for(|stopped| *stopped).await;
                    };
                    connection::serve(stream, desk, stop).await;
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = take_connections => {}
            () = stop => {}
        }
        drop(listener);
        stopping.send_replace(true);
        let ended = async {
            while let Some(ended) = connections.join_next().await {
                report(ended);
            }
        };
        if timeout(stop_bound, ended).await.is_err() {
            tracing::warn!(connections = connections.len(), "cut off connections that did not end");
            connections.shutdown().await;
        }
    }
}

/// Handlers do not panic unless they are wrong, and then only their connection ends.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a request made the server panic");
    }
}
