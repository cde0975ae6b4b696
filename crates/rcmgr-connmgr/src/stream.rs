//! A stream, as those who say what it is worth see it.

use std::time::Duration;

use crate::{ConnectionId, Direction, Peer};

/// A stream, by a number that the caller gives to no other one of the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What a [`Scorer`](crate::Scorer) is told of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamView {
    /// Who is at the other end.
    pub peer: Peer,
    /// The connection that the stream is on.
    pub connection: ConnectionId,
    /// Which one.
    pub stream: StreamId,
    /// Who opened the stream.
    pub direction: Direction,
    /// How long it is open.
    pub age: Duration,
    /// How long it did not carry anything.
    pub idle: Duration,
    /// Bytes that came in.
    pub bytes_in: u64,
    /// Bytes that went out.
    pub bytes_out: u64,
    /// How long the other side takes to answer, where that is known.
    pub round_trip: Option<Duration>,
    /// How many streams are open on the connection, this one included.
    pub open_streams: u32,
    /// Whether it is enlisted in a burst that is open.
    pub in_burst: bool,
    /// The sum of the peer's tags.
    pub tags: i64,
}

/// Streams 0 and on of one connection, for tests.
#[cfg(test)]
pub(crate) fn views(count: u64) -> Vec<StreamView> {
    let view = |stream| StreamView {
        peer: Peer::new(b"peer").unwrap(),
        connection: ConnectionId(7),
        stream: StreamId(stream),
        direction: Direction::Inbound,
        age: Duration::ZERO,
        idle: Duration::ZERO,
        bytes_in: 0,
        bytes_out: 0,
        round_trip: None,
        open_streams: 1,
        in_burst: false,
        tags: 0,
    };
    (0..count).map(view).collect()
}
