//! How much a server takes from those who ask it.

use std::time::Duration;

/// The greatest body of a request, in bytes: 4 MiB.
pub const MAX_BODY: usize = 4 << 20;

/// How much a server takes from those who ask it, and for how long.
///
/// The head of a request has at most 64 headers and 16 KiB, else the answer is 431.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections served at once; further ones wait in the backlog of the socket. At least one is
    /// served. By default 32.
    pub connections: usize,
    /// How long a connection may take to send the whole head of a request. It counts from the
    /// accept or the last answer, so it is also how long a connection may be idle. Who takes
    /// longer is cut off. By default 10 s.
    pub head: Duration,
    /// How long a request may take from the end of its head to its answer: 408 when its body did
    /// not come in time, 503 when the answer did not. By default 30 s.
    pub request: Duration,
    /// How long an answer may wait for its reader from when the socket first had no room for the
    /// rest of it. Then the connection is cut off. By default 30 s.
    pub write: Duration,
    /// The greatest body of a request, in bytes; 413 beyond. By default [`MAX_BODY`].
    pub body: usize,
    /// How long requests under way may still take once the server is told to stop. By default
    /// 5 s.
    pub stop: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            connections: 32,
            head: Duration::from_secs(10),
            request: Duration::from_secs(30),
            write: Duration::from_secs(30),
            body: MAX_BODY,
            stop: Duration::from_secs(5),
        }
    }
}
