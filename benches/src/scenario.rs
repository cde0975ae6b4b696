//! What is measured: the scenarios, and on how many threads and peers.

/// What an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scenario {
    /// Reserve [`BYTES`](crate::BYTES) and release them, on a stream with protocol and service:
    /// 7 scopes.
    ReserveService,
    /// The same on a stream with a protocol only: 5 scopes.
    ReserveProtocol,
    /// Open a stream, set its protocol and its service, close it; all of one peer, that is known.
    StreamOnePeer,
    /// The same, over 10,000 known peers in turn.
    Stream10kPeers,
    /// The same, each time of a peer that was never seen. The same thread collects the peers when
    /// many are idle, as a node would.
    StreamNewPeer,
    /// The same, over 1,000 known peers in an order without a pattern.
    Stream1kPeers,
    /// The same, over 1,000,000.
    Stream1mPeers,
    /// Open a connection, set its peer, close it; without an address.
    Connection,
    /// The same over 10,000 addresses, with the default limits and rates by address.
    Connection10kIps,
    /// Begin a span of a stream with protocol and service, reserve [`BYTES`](crate::BYTES), end it.
    Span,
    /// A reservation on a stream with protocol and service that the system refuses: the last asked.
    RefusedSystem,
    /// The same, refused by the stream's own limit: the first asked.
    RefusedOwn,
    /// Opening a stream, refused by its peer's limit of streams.
    RefusedStream,
    /// Opening a connection, refused by the limit of its address.
    RefusedIp,
    /// One picture of what 10,000 peers hold, beside a thread that charges.
    Stats10k,
    /// The same of 1,000,000 peers.
    Stats1m,
    /// One collection that finds 100,000 idle peers among 1,000,000, beside a thread that charges.
    Collect1m,
    /// One swap of all limits, beside a thread that charges.
    Swap,
    /// Bytes that a stream takes, with protocol and service, among 1,000,000 of one peer.
    BytesStream,
    /// Bytes that a connection takes, among 1,000,000 of one peer.
    BytesConnection,
    /// Bytes that a span takes, among 1,000,000 of one stream.
    BytesSpan,
    /// Bytes that a stream takes whose peer has no other, among 1,000,000.
    BytesPeerStream,
}

impl Scenario {
    /// All of them, in the order of tables.
    pub const ALL: [Scenario; 22] = [
        Scenario::ReserveService,
        Scenario::ReserveProtocol,
        Scenario::StreamOnePeer,
        Scenario::Stream10kPeers,
        Scenario::StreamNewPeer,
        Scenario::Stream1kPeers,
        Scenario::Stream1mPeers,
        Scenario::Connection,
        Scenario::Connection10kIps,
        Scenario::Span,
        Scenario::RefusedSystem,
        Scenario::RefusedOwn,
        Scenario::RefusedStream,
        Scenario::RefusedIp,
        Scenario::Stats10k,
        Scenario::Stats1m,
        Scenario::Collect1m,
        Scenario::Swap,
        Scenario::BytesStream,
        Scenario::BytesConnection,
        Scenario::BytesSpan,
        Scenario::BytesPeerStream,
    ];

    /// The name in tables, on the command line, and to peers in other processes.
    pub const fn name(self) -> &'static str {
        match self {
            Scenario::ReserveService => "reserve-service",
            Scenario::ReserveProtocol => "reserve-protocol",
            Scenario::StreamOnePeer => "stream-one-peer",
            Scenario::Stream10kPeers => "stream-10k-peers",
            Scenario::StreamNewPeer => "stream-new-peer",
            Scenario::Stream1kPeers => "stream-1k-peers",
            Scenario::Stream1mPeers => "stream-1m-peers",
            Scenario::Connection => "connection",
            Scenario::Connection10kIps => "connection-10k-ips",
            Scenario::Span => "span",
            Scenario::RefusedSystem => "refused-system",
            Scenario::RefusedOwn => "refused-own",
            Scenario::RefusedStream => "refused-stream",
            Scenario::RefusedIp => "refused-ip",
            Scenario::Stats10k => "stats-10k",
            Scenario::Stats1m => "stats-1m",
            Scenario::Collect1m => "collect-1m",
            Scenario::Swap => "swap",
            Scenario::BytesStream => "bytes-stream",
            Scenario::BytesConnection => "bytes-connection",
            Scenario::BytesSpan => "bytes-span",
            Scenario::BytesPeerStream => "bytes-peer-stream",
        }
    }

    /// What an operation is, in a sentence.
    pub const fn describe(self) -> &'static str {
        match self {
            Scenario::ReserveService => {
                "Reserve 4096 bytes and release them, on a stream with protocol and service: 7 scopes."
            }
            Scenario::ReserveProtocol => "The same on a stream with a protocol only: 5 scopes.",
            Scenario::StreamOnePeer => {
                "Open a stream, set its protocol and its service, close it; all of one known peer."
            }
            Scenario::Stream10kPeers => "The same over 10,000 known peers in turn.",
            Scenario::StreamNewPeer => {
                "The same, each time of a peer that was never seen; idle peers are collected meanwhile."
            }
            Scenario::Stream1kPeers => "The same over 1,000 known peers in no order.",
            Scenario::Stream1mPeers => "The same over 1,000,000 known peers in no order.",
            Scenario::Connection => {
                "Open a connection, set its peer, close it; without an address."
            }
            Scenario::Connection10kIps => {
                "The same from 10,000 addresses in turn, with default limits and rates by address."
            }
            Scenario::Span => {
                "Begin a span of a stream with protocol and service, reserve 4096 bytes, end it."
            }
            Scenario::RefusedSystem => {
                "Reserve on a stream with protocol and service; the system, asked last, refuses it."
            }
            Scenario::RefusedOwn => "The same; the stream itself, asked first, refuses it.",
            Scenario::RefusedStream => "Open a stream; its peer's limit of streams refuses it.",
            Scenario::RefusedIp => "Open a connection; the limit of its address refuses it.",
            Scenario::Stats10k => {
                "One picture of what 10,000 peers hold, each with a connection, beside a thread that \
                 reserves and releases."
            }
            Scenario::Stats1m => "The same of 1,000,000 peers.",
            Scenario::Collect1m => {
                "One collection that finds 100,000 idle peers among 1,000,000, beside the same."
            }
            Scenario::Swap => "One swap of all limits, 10,000 names among them, beside the same.",
            Scenario::BytesStream => {
                "Bytes of a stream with protocol and service, among 1,000,000 of one peer, handle \
                 included."
            }
            Scenario::BytesConnection => "Bytes of a connection, among 1,000,000 of one peer.",
            Scenario::BytesSpan => "Bytes of a span, among 1,000,000 of one stream.",
            Scenario::BytesPeerStream => {
                "Bytes of a stream and its peer, which has no other, among 1,000,000."
            }
        }
    }

    /// The scenario of a name.
    pub fn named(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Whether streams are opened, given their protocol and service, and closed.
    pub const fn is_stream_life(self) -> bool {
        matches!(
            self,
            Scenario::StreamOnePeer
                | Scenario::Stream10kPeers
                | Scenario::StreamNewPeer
                | Scenario::Stream1kPeers
                | Scenario::Stream1mPeers
        )
    }

    /// Whether bytes are counted, and no time taken.
    pub const fn is_bytes(self) -> bool {
        matches!(
            self,
            Scenario::BytesStream
                | Scenario::BytesConnection
                | Scenario::BytesSpan
                | Scenario::BytesPeerStream
        )
    }

    /// Whether the operation is done beside another thread that charges, and that is watched.
    pub const fn is_beside(self) -> bool {
        matches!(
            self,
            Scenario::Stats10k | Scenario::Stats1m | Scenario::Collect1m | Scenario::Swap
        )
    }
}

/// Whose streams and connections the threads have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peers {
    /// All threads are on one peer.
    Shared,
    /// Each thread is on a peer, or peers, of its own.
    Distinct,
}

/// What a contender is to be made ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Setup {
    /// What an operation is.
    pub scenario: Scenario,
    /// How many threads do it at once. At least 1; where [`Scenario::is_beside`], always 1, not
    /// counting the one that charges.
    pub threads: usize,
    /// Whose streams and connections they have.
    pub peers: Peers,
    /// Whether it is a smoke run, in which there are at most 1,000 of anything. A contender that
    /// is not in this process leaves it out.
    pub small: bool,
}

impl Setup {
    /// One thread.
    pub const fn alone(scenario: Scenario) -> Setup {
        Setup { scenario, threads: 1, peers: Peers::Shared, small: false }
    }

    /// How many of something there are where a scenario says `full`.
    pub const fn count(&self, full: u64) -> u64 {
        if self.small && full > SMALL { SMALL } else { full }
    }
}

/// At most so many there are in a smoke run.
const SMALL: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_found_by_its_name() {
        for scenario in Scenario::ALL {
            assert_eq!(Scenario::named(scenario.name()), Some(scenario));
        }
        assert_eq!(Scenario::named("nothing"), None);
    }
}
