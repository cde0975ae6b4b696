//! Streams that exist, as some way of accounting has them, and that reserve memory.

use std::array;
use std::hint::black_box;
use std::sync::Arc;

use crate::{BYTES, Cannot, Peers, Scenario, Setup, Timed, Work};

/// How many scopes a reservation touches on a stream with protocol and service: the stream, the
/// peer, the peer's use of the protocol and of the service, the protocol, the service, the system.
pub const SCOPES: usize = 7;

/// How many it touches on a stream with a protocol only.
pub const PROTOCOL_SCOPES: usize = 5;

/// What a reservation asks for that one scope has no room for, in bytes. So many times [`BYTES`]
/// that the peer refuses the second of the two, and the first fits, also where the priority leaves a
/// fifth of each limit.
pub const LARGE: u64 = 3 * BYTES;

/// Which of the scopes the peer is.
const PEER: usize = 1;

/// A limit that no scenario reaches. It is a limit all the same, so it has to be checked.
pub const AMPLE: u64 = 1 << 40;

/// Where, if anywhere, a reservation meets a limit that is too low for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Nowhere: each reservation is admitted.
    Ample,
    /// In the system, the last scope that is asked.
    NoneInSystem,
    /// In the stream itself, the first scope that is asked.
    NoneInStream,
    /// In the system, for [`LARGE`]. The peer has room for one that large or for one of
    /// [`BYTES`], and not for both; every other scope has room for both. There is room for two of
    /// [`BYTES`] everywhere.
    NotForLargeInSystem,
}

impl Room {
    /// What a scenario needs.
    pub const fn of(scenario: Scenario) -> Room {
        match scenario {
            Scenario::RefusedSystem => Room::NoneInSystem,
            Scenario::RefusedOwn => Room::NoneInStream,
            _ => Room::Ample,
        }
    }

    /// The limits of the scopes, from the stream to the system: [`SCOPES`] or
    /// [`PROTOCOL_SCOPES`] of them.
    pub fn limits<const N: usize>(self) -> [u64; N] {
        let mut limits = [AMPLE; N];
        match self {
            Room::Ample => {}
            Room::NoneInStream => limits[0] = BYTES - 1,
            Room::NoneInSystem => limits[N - 1] = BYTES - 1,
            Room::NotForLargeInSystem => {
                limits[PEER] = LARGE + BYTES - 1;
                limits[N - 1] = LARGE - 1;
            }
        }
        limits
    }

    /// The scopes of so many streams, each made of its limit: those that all share, those of the
    /// peer, and the stream's own.
    pub fn scopes<const N: usize, T>(
        self,
        streams: usize,
        peers: Peers,
        make: impl Fn(u64) -> T,
    ) -> Vec<[Arc<T>; N]> {
        let limits = self.limits::<N>();
        let scope = |at: usize| Arc::new(make(limits[at]));
        let first: [Arc<T>; N] = array::from_fn(scope);
        // The first half is the stream's, the peer's, and what the peer uses of others.
        let own = if peers == Peers::Shared { 1 } else { N / 2 + 1 };
        let another = |_| array::from_fn(|at| if at < own { scope(at) } else { first[at].clone() });
        let others: Vec<_> = (1..streams).map(another).collect();
        [first].into_iter().chain(others).collect()
    }
}

/// A stream with its protocol, and perhaps its service.
pub trait Stream: Send + Sized + Sync + 'static {
    /// The name in tables.
    const NAME: &'static str;

    /// So many streams, which share all scopes but their own and, if these are distinct, those of
    /// their peers; or why this way of accounting does not know of the limits that are asked for.
    ///
    /// # Errors
    /// Where it cannot have them.
    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot>;

    /// Reserves memory and releases it; whether it was admitted.
    fn reserve_release(&self, bytes: u64) -> bool;
}

/// Reserves and releases on one stream.
struct Reserving<S>(S);

impl<S: Stream> Work for Reserving<S> {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            black_box(black_box(&self.0).reserve_release(black_box(BYTES)));
        }
    }
}

/// The work of a scenario in which existing streams reserve.
///
/// # Errors
/// As [`Stream::streams`].
pub fn reserving<S: Stream>(setup: &Setup) -> Result<Timed, Cannot> {
    Ok(reserving_on(setup, S::streams(Room::of(setup.scenario), setup.threads, setup.peers)?))
}

/// The same on given streams, one for each thread.
pub fn reserving_on<S: Stream>(setup: &Setup, streams: Vec<S>) -> Timed {
    let admits = Room::of(setup.scenario) == Room::Ample;
    for stream in &streams {
        assert_eq!(stream.reserve_release(BYTES), admits, "{} in {setup:?}", S::NAME);
    }
    let work = |stream| Box::new(Reserving(stream)) as Box<dyn Work>;
    Timed::Here(streams.into_iter().map(work).collect())
}
