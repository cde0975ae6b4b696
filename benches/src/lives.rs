//! Streams and connections that come and go, of peers that a contender has as handles.

use std::hint::black_box;

use crate::handles::Handles;
use crate::repeat::{keep, repeat};
use crate::stream::AMPLE;
use crate::{Scenario, Setup, Timed, Work};

/// What all peers share, with a protocol and a service.
pub trait Node: Clone + Send + 'static {
    /// What is counted of a peer.
    type Peer: Send + Sync + 'static;
    /// A stream, which is counted until it is dropped.
    type Stream: Send + 'static;
    /// A connection, which is counted until it is dropped.
    type Connection: Send + 'static;

    /// A peer with so much room for streams.
    fn peer(&self, streams: u64) -> Self::Peer;

    /// An inbound stream that has neither protocol nor service yet, if there is room.
    fn open(&self, peer: &Self::Peer) -> Option<Self::Stream>;

    /// An inbound stream that was given its protocol and its service, if there is room.
    fn complete(&self, peer: &Self::Peer) -> Option<Self::Stream>;

    /// An inbound connection that was given its peer, if there is room.
    fn connect(&self, peer: &Self::Peer) -> Option<Self::Connection>;
}

/// The work of the scenarios in which streams and connections come and go.
pub fn lives<N: Node>(setup: &Setup, node: &N) -> Timed {
    let room = if setup.scenario == Scenario::RefusedStream { 0 } else { AMPLE };
    let threads = Handles::of_threads(setup, || node.peer(room));
    let work = |peers| of_thread(setup.scenario, node.clone(), peers);
    Timed::Here(threads.into_iter().map(work).collect())
}

fn of_thread<N: Node>(scenario: Scenario, node: N, mut peers: Handles<N::Peer>) -> Box<dyn Work> {
    match scenario {
        Scenario::BytesStream => keep(move || admitted(node.complete(peers.next()))),
        Scenario::BytesPeerStream => keep(move || admitted(node.complete(&node.peer(AMPLE)))),
        Scenario::BytesConnection => keep(move || admitted(node.connect(peers.next()))),
        Scenario::Connection => repeat(move || drop(admitted(node.connect(peers.next())))),
        Scenario::RefusedStream => repeat(move || {
            let stream = black_box(node.open(peers.next()));
            assert!(stream.is_none(), "there is no room for a stream");
        }),
        Scenario::StreamNewPeer => repeat(move || drop(admitted(node.complete(&node.peer(AMPLE))))),
        _ => repeat(move || drop(admitted(node.complete(peers.next())))),
    }
}

fn admitted<T>(opened: Option<T>) -> T {
    black_box(opened).expect("there is room")
}
