//! DataFusion's memory pools: how a query engine in Rust keeps within its memory.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion_execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryPool, MemoryReservation, TrackConsumersPool,
};

use crate::repeat::{keep, repeat};
use crate::stream::{AMPLE, PROTOCOL_SCOPES, Room, SCOPES, Stream, reserving};
use crate::{BYTES, Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "DataFusion's pools",
    note: "A `GreedyMemoryPool` for each scope and in each a `MemoryReservation` of the stream, \
           grown along the path with `try_grow` and undone when a later one refuses: the crate has \
           one pool and no chains. Its `FairSpillPool` is a mutex where this one is an atomic, and \
           divides by consumers that can spill. Bytes only, no priorities; a pool's size is fixed \
           when it is made. A refusal names the consumer and the numbers in a formatted text. A \
           span is a reservation of the same consumers, without a limit of its own. Stats are those \
           of a `TrackConsumersPool` with a consumer for each peer.",
    prepare,
};

/// The contender with what it has of its own: one pool.
pub const ONE_POOL: Contender = Contender {
    name: "DataFusion, one pool",
    note: "A `MemoryReservation` in one `GreedyMemoryPool`, the system's, as it is meant to be used. \
           It has one limit where the others have seven.",
    prepare: prepare_one,
};

fn prepare_one(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::ReserveProtocol | Scenario::RefusedSystem => {
            reserving::<OnePool>(setup)
        }
        Scenario::Span | Scenario::BytesSpan => {
            let streams = OnePool::streams(Room::Ample, setup.threads, setup.peers)?;
            Ok(spans(setup, streams.into_iter().map(|stream| stream.0)))
        }
        Scenario::RefusedOwn => Err("it has one limit".into()),
        Scenario::Stats10k | Scenario::Stats1m => Err(Cannot::Same),
        _ => prepare(setup),
    }
}

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::RefusedSystem | Scenario::RefusedOwn => {
            reserving::<Pools<SCOPES>>(setup)
        }
        Scenario::ReserveProtocol => reserving::<Pools<PROTOCOL_SCOPES>>(setup),
        Scenario::Span | Scenario::BytesSpan => {
            let streams = Pools::<SCOPES>::streams(Room::Ample, setup.threads, setup.peers)?;
            Ok(spans(setup, streams))
        }
        Scenario::Stats10k => Ok(stats(setup.count(10_000))),
        Scenario::Stats1m => Ok(stats(setup.count(1_000_000))),
        Scenario::Swap => Err("a pool's size is fixed".into()),
        Scenario::Collect1m => Err("a consumer goes with its last reservation".into()),
        _ => Err("it counts bytes only".into()),
    }
}

/// A stream with a reservation in the pool of each of its scopes, from its own to the system's.
#[derive(Debug)]
pub struct Pools<const N: usize> {
    reservations: [MemoryReservation; N],
}

impl<const N: usize> Pools<N> {
    fn new(pools: &[Arc<Arc<dyn MemoryPool>>; N]) -> Self {
        let reservations =
            pools.each_ref().map(|pool| MemoryConsumer::new("stream").register(pool));
        Pools { reservations }
    }

    /// A reservation of its own in each pool, for the same consumer.
    fn span(&self) -> Self {
        Pools { reservations: self.reservations.each_ref().map(MemoryReservation::new_empty) }
    }

    /// Grows in each pool; in none, if one refuses.
    fn reserve(&self, bytes: usize) -> bool {
        for (grown, reservation) in self.reservations.iter().enumerate() {
            if let Err(error) = reservation.try_grow(bytes) {
                black_box(&error);
                self.release(grown, bytes);
                return false;
            }
        }
        true
    }

    /// Shrinks in so many of the pools.
    fn release(&self, pools: usize, bytes: usize) {
        for reservation in &self.reservations[..pools] {
            reservation.shrink(bytes);
        }
    }
}

impl<const N: usize> Stream for Pools<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let pool = |limit| Arc::new(GreedyMemoryPool::new(size(limit))) as Arc<dyn MemoryPool>;
        Ok(room.scopes(streams, peers, pool).iter().map(Pools::new).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        let bytes = size(bytes);
        let admitted = self.reserve(bytes);
        if admitted {
            self.release(N, bytes);
        }
        admitted
    }
}

/// A stream with a reservation in the pool of the system.
#[derive(Debug)]
pub struct OnePool(Pools<1>);

impl Stream for OnePool {
    const NAME: &'static str = ONE_POOL.name;

    fn streams(room: Room, streams: usize, _: Peers) -> Result<Vec<Self>, Cannot> {
        let [.., limit] = room.limits::<SCOPES>();
        let pool = [Arc::new(Arc::new(GreedyMemoryPool::new(size(limit))) as Arc<dyn MemoryPool>)];
        Ok((0..streams).map(|_| OnePool(Pools::new(&pool))).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        self.0.reserve_release(bytes)
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn spans<const N: usize>(setup: &Setup, streams: impl IntoIterator<Item = Pools<N>>) -> Timed {
    let work = |stream: Pools<N>| {
        if setup.scenario == Scenario::BytesSpan {
            return keep(move || stream.span());
        }
        // What the span holds goes with it.
        repeat(move || assert!(black_box(stream.span()).reserve(size(BYTES)), "there is room"))
    };
    Timed::Here(streams.into_iter().map(work).collect())
}

/// Looks at so many consumers of one pool that hold something, beside one of them that charges.
fn stats(peers: u64) -> Timed {
    let pool = TrackConsumersPool::new(GreedyMemoryPool::new(size(AMPLE)), TOP);
    let pool = Arc::new(pool);
    let consumers = pool.clone() as Arc<dyn MemoryPool>;
    let peer = |number| {
        let peer = MemoryConsumer::new(format!("peer {number}")).register(&consumers);
        assert!(peer.try_grow(1).is_ok(), "there is room");
        peer
    };
    let reservations: Vec<_> = (0..peers).map(peer).collect();
    let look = repeat(move || {
        let metrics = black_box(pool.metrics());
        assert_eq!(metrics.len() as u64, peers, "each peer is a consumer");
    });
    let charge = repeat(move || {
        let peer = black_box(&reservations[0]);
        assert!(peer.try_grow(size(BYTES)).is_ok(), "there is room");
        peer.shrink(size(BYTES));
    });
    Timed::Here(vec![look, charge])
}

/// Of how many a refusal would tell: the default.
const TOP: NonZeroUsize = NonZeroUsize::new(5).expect("it is not zero");

#[cfg(test)]
mod tests {
    use super::*;

    /// The pools of a stream, and the stream.
    fn stream(room: Room) -> (Vec<Arc<Arc<dyn MemoryPool>>>, Pools<SCOPES>) {
        let pool = |limit| Arc::new(GreedyMemoryPool::new(size(limit))) as Arc<dyn MemoryPool>;
        let [pools] = room.scopes(1, Peers::Shared, pool).try_into().expect("one stream");
        let stream = Pools::new(&pools);
        (pools.into(), stream)
    }

    fn reserved(pools: &[Arc<Arc<dyn MemoryPool>>]) -> Vec<usize> {
        pools.iter().map(|pool| pool.reserved()).collect()
    }

    #[test]
    fn what_fits_is_admitted_in_every_pool_and_all_of_it_comes_back() {
        let (pools, stream) = stream(Room::Ample);
        assert!(stream.reserve(4096));
        assert_eq!(reserved(&pools), [4096; SCOPES]);
        stream.release(SCOPES, 4096);
        assert_eq!(reserved(&pools), [0; SCOPES]);
    }

    #[test]
    fn what_one_pool_has_no_room_for_is_refused_and_takes_nothing() {
        for room in [Room::NoneInSystem, Room::NoneInStream] {
            let (pools, stream) = stream(room);
            assert!(!stream.reserve_release(BYTES), "{room:?}");
            assert_eq!(reserved(&pools), [0; SCOPES]);
            assert!(stream.reserve_release(BYTES - 1), "{room:?}");
        }
    }

    #[test]
    fn one_pool_has_the_limit_of_the_system_and_no_other() {
        for (room, admitted) in [(Room::NoneInSystem, false), (Room::NoneInStream, true)] {
            let streams = OnePool::streams(room, 2, Peers::Distinct).expect("it has one limit");
            for stream in streams {
                assert_eq!(stream.reserve_release(BYTES), admitted, "{room:?}");
                assert!(stream.reserve_release(BYTES - 1), "{room:?}");
            }
        }
    }

    #[test]
    fn a_span_that_ends_takes_what_it_holds_with_it_and_no_more() {
        let (pools, stream) = stream(Room::Ample);
        assert!(stream.reserve(1));
        let span = stream.span();
        assert!(span.reserve(4096));
        assert_eq!(reserved(&pools), [4097; SCOPES]);
        drop(span);
        assert_eq!(reserved(&pools), [1; SCOPES]);
    }
}
