//! Chains of tokio's `Semaphore`: what a limited count is in most asynchronous programs.

use std::hint::black_box;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::lives::{self, lives};
use crate::repeat::{keep, repeat};
use crate::stream::{AMPLE, PROTOCOL_SCOPES, Room, SCOPES, Stream, reserving};
use crate::{BYTES, Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "tokio Semaphores",
    note: "A `tokio::sync::Semaphore` for each limit of each scope, taken along the path with \
           `try_acquire_many`: a permit for each KiB that is begun, at most 2^32 - 1 at once, and \
           one for each stream, connection and descriptor. Limits are finite and checked; scopes \
           are handles, not names. It has no priorities and no rates, keeps no list of scopes, \
           gives no numbers with a refusal, and does not move a stream that already holds memory. \
           Limits change one at a time, and fall by no more than is free. It can also wait for \
           room, which no scenario asks.",
    prepare,
};

/// How many bytes a permit of memory stands for.
const PERMIT: u64 = 1024;

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::RefusedSystem | Scenario::RefusedOwn => {
            reserving::<Semaphores<SCOPES>>(setup)
        }
        Scenario::ReserveProtocol => reserving::<Semaphores<PROTOCOL_SCOPES>>(setup),
        Scenario::Span | Scenario::BytesSpan => spans(setup),
        Scenario::Connection10kIps | Scenario::RefusedIp => Err("it knows no addresses".into()),
        Scenario::Stats10k | Scenario::Stats1m | Scenario::Collect1m => {
            Err("it keeps no list of scopes".into())
        }
        Scenario::Swap => Err("its limits change one at a time".into()),
        _ => Ok(lives(setup, &Arc::new(Node::new()))),
    }
}

/// A stream with the memory of each of its scopes, from its own to the system's.
#[derive(Debug)]
pub struct Semaphores<const N: usize> {
    scopes: [Arc<CachePadded<Semaphore>>; N],
}

impl<const N: usize> Semaphores<N> {
    /// Takes permits from each scope; none, if one of them has too few. They go back when they are
    /// dropped.
    fn reserve(&self, bytes: u64) -> Option<[Option<SemaphorePermit<'_>>; N]> {
        let permits = permits(bytes)?;
        let mut taken = [const { None }; N];
        for (taken, scope) in taken.iter_mut().zip(&self.scopes) {
            *taken = Some(scope.try_acquire_many(permits).ok()?);
        }
        Some(taken)
    }
}

impl<const N: usize> Stream for Semaphores<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let scopes = room.scopes(streams, peers, |limit| CachePadded::new(memory(limit)));
        Ok(scopes.into_iter().map(|scopes| Semaphores { scopes }).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        let taken = self.reserve(bytes);
        black_box(&taken);
        taken.is_some()
    }
}

/// How many permits stand for so many bytes, if one can ask for so many at once.
fn permits(bytes: u64) -> Option<u32> {
    u32::try_from(bytes.div_ceil(PERMIT)).ok()
}

/// The permits of a limit of memory. What is left of a KiB is none.
fn memory(limit: u64) -> Semaphore {
    semaphore(limit / PERMIT)
}

fn semaphore(permits: u64) -> Semaphore {
    let permits = usize::try_from(permits).unwrap_or(usize::MAX);
    Semaphore::new(permits.min(Semaphore::MAX_PERMITS))
}

/// A span of a stream: a limit of its own, and what it takes is taken from the stream's scopes too.
#[derive(Debug)]
struct Span {
    memory: Semaphore,
    stream: Arc<Semaphores<SCOPES>>,
}

impl Span {
    fn begin(stream: &Arc<Semaphores<SCOPES>>) -> Self {
        Span { memory: memory(AMPLE), stream: stream.clone() }
    }

    /// Reserves memory and releases it; whether it was admitted.
    fn reserve_release(&self, bytes: u64) -> bool {
        let own = permits(bytes).and_then(|permits| self.memory.try_acquire_many(permits).ok());
        black_box(&own);
        own.is_some() && self.stream.reserve_release(bytes)
    }
}

fn spans(setup: &Setup) -> Result<Timed, Cannot> {
    let streams = Semaphores::streams(Room::Ample, setup.threads, setup.peers)?;
    let work = |stream| {
        let stream = Arc::new(stream);
        assert!(Span::begin(&stream).reserve_release(BYTES), "there is room");
        if setup.scenario == Scenario::BytesSpan {
            return keep(move || Span::begin(&stream));
        }
        repeat(move || assert!(black_box(Span::begin(&stream)).reserve_release(black_box(BYTES))))
    };
    Ok(Timed::Here(streams.into_iter().map(work).collect()))
}

/// How many of a kind come in, and how many there are.
#[derive(Debug)]
struct Slots {
    inbound: Semaphore,
    total: Semaphore,
}

impl Slots {
    fn new(limit: u64) -> Self {
        Slots { inbound: semaphore(limit), total: semaphore(limit) }
    }
}

/// A scope that many streams and connections are in.
#[derive(Debug)]
struct Scope {
    /// What reservations would take from.
    _memory: Semaphore,
    streams: Slots,
    connections: Slots,
    descriptors: Semaphore,
}

impl Scope {
    fn new(streams: u64) -> Self {
        Scope {
            _memory: memory(AMPLE),
            streams: Slots::new(streams),
            connections: Slots::new(AMPLE),
            descriptors: semaphore(AMPLE),
        }
    }

    fn stream(&self) -> [&Semaphore; 2] {
        [&self.streams.inbound, &self.streams.total]
    }

    fn connection(&self) -> [&Semaphore; 3] {
        [&self.connections.inbound, &self.connections.total, &self.descriptors]
    }
}

/// Takes one permit of each; none, if one of them has none left. Who took them gives them back.
fn take<const N: usize, const M: usize>(scopes: [[&Semaphore; N]; M]) -> bool {
    let all = scopes.as_flattened();
    let one =
        |semaphore: &&&Semaphore| semaphore.try_acquire().map(SemaphorePermit::forget).is_ok();
    let taken = all.iter().take_while(one).count();
    if taken < all.len() {
        give_all(&all[..taken]);
    }
    taken == all.len()
}

fn give<const N: usize, const M: usize>(scopes: [[&Semaphore; N]; M]) {
    give_all(scopes.as_flattened());
}

fn give_all(semaphores: &[&Semaphore]) {
    for semaphore in semaphores {
        semaphore.add_permits(1);
    }
}

/// What all peers share, with a protocol and a service.
#[derive(Debug)]
struct Node {
    protocol: CachePadded<Scope>,
    service: CachePadded<Scope>,
    transient: CachePadded<Scope>,
    system: CachePadded<Scope>,
}

impl Node {
    fn new() -> Self {
        let scope = || CachePadded::new(Scope::new(AMPLE));
        Node { protocol: scope(), service: scope(), transient: scope(), system: scope() }
    }
}

/// A peer, and what it uses of the protocol and of the service.
#[derive(Debug)]
struct Peer {
    scope: Scope,
    protocol: Scope,
    service: Scope,
}

impl Peer {
    fn new(streams: u64) -> Arc<Self> {
        let scope = || Scope::new(streams);
        Arc::new(Peer { scope: scope(), protocol: scope(), service: scope() })
    }
}

/// How far the life of a stream has come.
#[derive(Debug)]
enum Attached {
    Peer,
    Protocol,
    Service,
}

/// A stream, which is counted where it is attached until it is dropped.
#[derive(Debug)]
struct OpenStream {
    /// What a reservation would take from first.
    _memory: Semaphore,
    node: Arc<Node>,
    peer: Arc<Peer>,
    attached: Attached,
}

impl OpenStream {
    fn open(node: &Arc<Node>, peer: &Arc<Peer>) -> Option<Self> {
        take([peer.scope.stream(), node.transient.stream(), node.system.stream()]).then(|| {
            let (node, peer) = (node.clone(), peer.clone());
            OpenStream { _memory: memory(AMPLE), node, peer, attached: Attached::Peer }
        })
    }

    fn set_protocol(&mut self) -> bool {
        let room = take([self.node.protocol.stream(), self.peer.protocol.stream()]);
        if room {
            give([self.node.transient.stream()]);
            self.attached = Attached::Protocol;
        }
        room
    }

    fn set_service(&mut self) -> bool {
        let room = take([self.node.service.stream(), self.peer.service.stream()]);
        if room {
            self.attached = Attached::Service;
        }
        room
    }

    /// One with its protocol and its service.
    fn complete(node: &Arc<Node>, peer: &Arc<Peer>) -> Option<Self> {
        let mut stream = OpenStream::open(node, peer)?;
        (stream.set_protocol() && stream.set_service()).then_some(stream)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let (node, peer) = (&self.node, &self.peer);
        match self.attached {
            Attached::Peer => give([node.transient.stream()]),
            Attached::Protocol => give([node.protocol.stream(), peer.protocol.stream()]),
            Attached::Service => give([
                node.protocol.stream(),
                peer.protocol.stream(),
                node.service.stream(),
                peer.service.stream(),
            ]),
        }
        give([peer.scope.stream(), node.system.stream()]);
    }
}

/// A connection, which is counted where it is attached until it is dropped.
#[derive(Debug)]
struct Connection {
    /// What a reservation would take from first.
    _memory: Semaphore,
    node: Arc<Node>,
    peer: Option<Arc<Peer>>,
}

impl Connection {
    fn open(node: &Arc<Node>) -> Option<Self> {
        take([node.transient.connection(), node.system.connection()]).then(|| Connection {
            _memory: memory(AMPLE),
            node: node.clone(),
            peer: None,
        })
    }

    fn set_peer(&mut self, peer: &Arc<Peer>) -> bool {
        let room = take([peer.scope.connection()]);
        if room {
            give([self.node.transient.connection()]);
            self.peer = Some(peer.clone());
        }
        room
    }

    /// One with its peer.
    fn complete(node: &Arc<Node>, peer: &Arc<Peer>) -> Option<Self> {
        let mut connection = Connection::open(node)?;
        connection.set_peer(peer).then_some(connection)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let left = self.peer.as_ref().map_or(&*self.node.transient, |peer| &peer.scope);
        give([left.connection(), self.node.system.connection()]);
    }
}

impl lives::Node for Arc<Node> {
    type Peer = Arc<Peer>;
    type Stream = OpenStream;
    type Connection = Connection;

    fn peer(&self, streams: u64) -> Arc<Peer> {
        Peer::new(streams)
    }

    fn open(&self, peer: &Arc<Peer>) -> Option<OpenStream> {
        OpenStream::open(self, peer)
    }

    fn complete(&self, peer: &Arc<Peer>) -> Option<OpenStream> {
        OpenStream::complete(self, peer)
    }

    fn connect(&self, peer: &Arc<Peer>) -> Option<Connection> {
        Connection::complete(self, peer)
    }
}

#[cfg(test)]
mod tests;
