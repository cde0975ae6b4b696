//! The floor: what an exact count in every scope costs at least.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::stream::{PROTOCOL_SCOPES, Room, SCOPES, Stream, reserving};
use crate::{BYTES, Cannot, Contender, Peers, Scenario, Setup, Timed, Work};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "floor",
    note: "A bare atomic addition for each scope, and a subtraction, each on a cache line of its \
           own; for streams, connections and spans as many as their lives take in shared scopes. \
           It asks no limit, refuses nothing, knows no names and makes nothing.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService => reserving::<Floor<SCOPES>>(setup),
        Scenario::ReserveProtocol => reserving::<Floor<PROTOCOL_SCOPES>>(setup),
        Scenario::StreamOnePeer => Ok(lives(setup, Scopes::stream)),
        Scenario::Connection => Ok(lives(setup, Scopes::connection)),
        Scenario::Span => Ok(lives(setup, Scopes::span)),
        Scenario::RefusedSystem
        | Scenario::RefusedOwn
        | Scenario::RefusedStream
        | Scenario::RefusedIp
        | Scenario::Swap => Err("it has no limits".into()),
        Scenario::BytesStream
        | Scenario::BytesConnection
        | Scenario::BytesSpan
        | Scenario::BytesPeerStream => Err("it makes nothing".into()),
        _ => Err("it has one peer, or one for each thread".into()),
    }
}

/// A bare atomic addition and subtraction for each scope.
#[derive(Debug)]
pub struct Floor<const N: usize> {
    scopes: [Arc<CachePadded<AtomicU64>>; N],
}

impl<const N: usize> Stream for Floor<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        if room != Room::Ample {
            return Err("it has no limits".into());
        }
        let scopes = room.scopes(streams, peers, |_| CachePadded::new(AtomicU64::new(0)));
        Ok(scopes.into_iter().map(|scopes| Floor { scopes }).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        // Relaxed: nothing but the counts matters here.
        for scope in &self.scopes {
            scope.fetch_add(bytes, Ordering::Relaxed);
        }
        for scope in &self.scopes {
            scope.fetch_sub(bytes, Ordering::Relaxed);
        }
        true
    }
}

type Word = Arc<CachePadded<AtomicU64>>;

/// The scopes of one thread's streams, connections and spans.
struct Scopes {
    /// The thread's own, for the stream that its spans are of.
    own: Word,
    peer: Word,
    peer_protocol: Word,
    peer_service: Word,
    protocol: Word,
    service: Word,
    system: Word,
    transient: Word,
}

impl Scopes {
    fn change<const N: usize>(words: [&Word; N], change: impl Fn(&AtomicU64)) {
        words.into_iter().for_each(|word| change(word));
    }

    fn add<const N: usize>(words: [&Word; N], by: u64) {
        Self::change(words, |word| {
            word.fetch_add(by, Ordering::Relaxed);
        });
    }

    fn subtract<const N: usize>(words: [&Word; N], by: u64) {
        Self::change(words, |word| {
            word.fetch_sub(by, Ordering::Relaxed);
        });
    }

    /// Opened, attached to a protocol, to a service, and closed.
    fn stream(&self) {
        let Scopes { peer, peer_protocol, peer_service, protocol, service, system, .. } = self;
        Self::add([peer, &self.transient, system], 1);
        Self::add([peer_protocol, protocol], 1);
        Self::subtract([&self.transient], 1);
        Self::add([peer_service, service], 1);
        Self::subtract([peer, peer_protocol, peer_service, protocol, service, system], 1);
    }

    /// Opened, attached to its peer, and closed.
    fn connection(&self) {
        Self::add([&self.transient, &self.system], 1);
        Self::add([&self.peer], 1);
        Self::subtract([&self.transient], 1);
        Self::subtract([&self.peer, &self.system], 1);
    }

    /// The span's own word is new, and nobody else's.
    fn span(&self) {
        let Scopes { own, peer, peer_protocol, peer_service, protocol, service, system, .. } = self;
        let all = [own, peer, peer_protocol, peer_service, protocol, service, system];
        Self::add(all, BYTES);
        Self::subtract(all, BYTES);
    }
}

/// Lives one after the other.
struct Lives<F> {
    scopes: Scopes,
    live: F,
}

impl<F: Fn(&Scopes) + Send> Work for Lives<F> {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            (self.live)(black_box(&self.scopes));
        }
    }
}

fn lives(setup: &Setup, live: impl Fn(&Scopes) + Copy + Send + 'static) -> Timed {
    let all = Room::Ample.scopes(setup.threads, setup.peers, |_| CachePadded::default());
    let transient = Word::default();
    let work = |[own, peer, peer_protocol, peer_service, protocol, service, system]: [Word;
                    SCOPES]| {
        let transient = transient.clone();
        let scopes =
            Scopes { own, peer, peer_protocol, peer_service, protocol, service, system, transient };
        Box::new(Lives { scopes, live }) as Box<dyn Work>
    };
    Timed::Here(all.into_iter().map(work).collect())
}
