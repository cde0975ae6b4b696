//! The engine.

mod beside;
mod bytes;
mod lives;
mod refusals;

use std::hint::black_box;

use rcmgr_core::{
    Builder, Direction, Error, Granule, Limit, Limits, Priority, Reservation, Resource,
    ResourceManager, ScopeLimit, StreamScope,
};

use crate::stream::{AMPLE, Room, Stream, reserving_on};
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed, keys};

/// The contenders: the engine as it is used in different ways.
pub const CONTENDERS: [Contender; 6] = [
    Contender {
        name: "rcmgr",
        note: "The engine with exact counts. Peers, protocols and services by their names, \
               priority HIGH, of which a fifth of each limit is kept free.",
        prepare: |setup| PLAIN.prepare(setup),
    },
    Contender {
        name: "rcmgr, by handles",
        note: "The same, but peers, protocols and services that are known are given by handles \
               to their scopes.",
        prepare: |setup| HANDLES.prepare(setup),
    },
    Contender {
        name: "rcmgr, ALWAYS",
        note: "The same as rcmgr, but memory is reserved with priority ALWAYS.",
        prepare: |setup| ALWAYS.prepare(setup),
    },
    Contender {
        name: "rcmgr, granules of 64 KiB",
        note: "The same as rcmgr, but streams and connections charge what is around them in \
               multiples of 64 KiB.",
        prepare: |setup| GRANULES.prepare(setup),
    },
    Contender {
        name: "rcmgr, granules of 64 KiB, ALWAYS",
        note: "The same with granules, with priority ALWAYS, which is served from what is charged.",
        prepare: |setup| GRANULES_ALWAYS.prepare(setup),
    },
    Contender {
        name: "rcmgr, visited",
        note: "Stats by a visit of every scope, which makes no picture of them all.",
        prepare: |setup| VISITED.prepare(setup),
    },
];

const PROTOCOL: &str = "/protocol/1.0.0";
const SERVICE: &str = "service";

/// A way of using the engine.
#[derive(Clone, Copy, Debug)]
struct Variant {
    by_handles: bool,
    /// Whether stats are a visit of all scopes, and not a picture.
    visits: bool,
    priority: Priority,
    /// What is set beside the limits.
    settings: fn(Builder) -> Builder,
    /// Which scenarios it does in its own way; the others are the same as `rcmgr`'s.
    differs: fn(Scenario) -> bool,
}

const PLAIN: Variant = Variant {
    by_handles: false,
    visits: false,
    priority: Priority::HIGH,
    settings: |builder| builder,
    differs: |_| true,
};

const HANDLES: Variant = Variant { by_handles: true, differs: names_scopes, ..PLAIN };

const ALWAYS: Variant = Variant { priority: Priority::ALWAYS, differs: reserves, ..PLAIN };

/// 64 KiB: as much as a copy of a file takes at a time, and little beside a window of a muxer.
const GRANULE: Granule = match Granule::new(64 << 10) {
    Ok(granule) => granule,
    Err(_) => panic!("64 KiB is a power of two"),
};

const GRANULES: Variant = Variant {
    settings: |builder| builder.granule(GRANULE),
    differs: |scenario| !scenario.is_beside(),
    ..PLAIN
};

const GRANULES_ALWAYS: Variant =
    Variant { priority: Priority::ALWAYS, differs: reserves, ..GRANULES };

const VISITED: Variant = Variant {
    visits: true,
    differs: |scenario| matches!(scenario, Scenario::Stats10k | Scenario::Stats1m),
    ..PLAIN
};

/// Whether scopes are named in a scenario.
const fn names_scopes(scenario: Scenario) -> bool {
    scenario.is_stream_life()
        || matches!(
            scenario,
            Scenario::Connection | Scenario::Connection10kIps | Scenario::RefusedStream
        )
}

/// Whether memory is reserved in a scenario.
const fn reserves(scenario: Scenario) -> bool {
    matches!(
        scenario,
        Scenario::ReserveService
            | Scenario::ReserveProtocol
            | Scenario::Span
            | Scenario::RefusedSystem
            | Scenario::RefusedOwn
    )
}

impl Variant {
    fn prepare(self, setup: &Setup) -> Result<Timed, Cannot> {
        if !(self.differs)(setup.scenario) {
            return Err(Cannot::Same);
        }
        self.timed(setup).map_err(|error| error.to_string().into())
    }

    fn timed(self, setup: &Setup) -> Result<Timed, Error> {
        match setup.scenario {
            Scenario::ReserveService
            | Scenario::ReserveProtocol
            | Scenario::RefusedSystem
            | Scenario::RefusedOwn => {
                let has_service = setup.scenario != Scenario::ReserveProtocol;
                let room = Room::of(setup.scenario);
                let streams = self.streams(room, setup.threads, setup.peers, has_service)?;
                Ok(reserving_on(setup, streams))
            }
            Scenario::StreamOnePeer
            | Scenario::Stream10kPeers
            | Scenario::StreamNewPeer
            | Scenario::Stream1kPeers
            | Scenario::Stream1mPeers => lives::streams(self, setup),
            Scenario::Connection | Scenario::Connection10kIps => lives::connections(self, setup),
            Scenario::Span => lives::spans(self, setup),
            Scenario::RefusedStream => refusals::streams(self, setup),
            Scenario::RefusedIp => refusals::connections(self, setup),
            Scenario::Stats10k | Scenario::Stats1m => beside::stats(self, setup),
            Scenario::Collect1m => beside::collection(self, setup),
            Scenario::Swap => beside::swaps(self),
            Scenario::BytesStream
            | Scenario::BytesConnection
            | Scenario::BytesSpan
            | Scenario::BytesPeerStream => bytes::work(self, setup.scenario),
        }
    }

    /// A manager under limits that keeps the scopes of so many peers.
    fn manager(self, limits: Limits, peers: u64) -> ResourceManager {
        /// A peer, what it uses of a protocol and of a service, and the paths through them.
        const EACH: u64 = 8;
        let builder = ResourceManager::builder().limits(limits);
        let builder = if peers == 0 {
            builder
        } else {
            builder.collect_above((peers * EACH).max(8192) as usize)
        };
        (self.settings)(builder).build()
    }

    fn streams(
        self,
        room: Room,
        streams: usize,
        peers: Peers,
        has_service: bool,
    ) -> Result<Vec<Engine>, Error> {
        let manager = self.manager(Engine::limits(room), 0);
        let stream = |number| {
            let peer = keys::peer(if peers == Peers::Shared { 0 } else { number });
            let stream = manager.open_stream(&peer, Direction::Inbound)?;
            stream.set_protocol(PROTOCOL)?;
            if has_service {
                stream.set_service(SERVICE)?;
            }
            Ok(Engine::of(stream, self.priority))
        };
        (0..streams as u64).map(stream).collect()
    }
}

/// A stream of `rcmgr-core`.
#[derive(Debug)]
pub struct Engine {
    stream: StreamScope,
    priority: Priority,
    /// Streams that are opened at once may lie beside each other on one cache line; in a node there is
    /// more between two that are busy.
    _apart: Box<[u8; 128]>,
}

impl Engine {
    fn of(stream: StreamScope, priority: Priority) -> Self {
        Engine { stream, priority, _apart: Box::new([0; 128]) }
    }

    /// A manager in which every scope has a limit on everything, that of memory as asked for.
    pub fn manager(room: Room) -> ResourceManager {
        ResourceManager::new(Engine::limits(room))
    }

    /// The limits of such a manager.
    pub fn limits(room: Room) -> Limits {
        let [stream, peer, peer_protocol, peer_service, protocol, service, system] = room
            .limits()
            .map(|memory| ScopeLimit::all(AMPLY).with(Resource::Memory, Limit::new(memory)));
        let every = ScopeLimit::all(AMPLY);
        Limits {
            stream,
            peer,
            protocol_peer: peer_protocol,
            service_peer: peer_service,
            protocol,
            service,
            system,
            transient: every,
            connection: every,
            ..Limits::default()
        }
    }

    /// A stream with its protocol and its service.
    ///
    /// # Errors
    /// The refusal of some scope.
    pub fn stream(manager: &ResourceManager) -> Result<StreamScope, Error> {
        let stream = manager.open_stream(b"peer", Direction::Inbound)?;
        stream.set_protocol(PROTOCOL)?;
        stream.set_service(SERVICE)?;
        Ok(stream)
    }

    /// Reserves memory, and holds it until what is given is dropped.
    ///
    /// # Errors
    /// The refusal of the scope that has no room.
    #[inline]
    pub fn reserve(&self, bytes: u64) -> Result<Reservation<'_>, Error> {
        self.stream.reserve_memory(bytes, self.priority)
    }
}

const AMPLY: Limit = Limit::new(AMPLE);

impl Stream for Engine {
    const NAME: &'static str = "rcmgr";

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let streams = PLAIN.streams(room, streams, peers, true);
        streams.map_err(|error| error.to_string().into())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        match self.reserve(bytes) {
            Ok(reservation) => {
                // As if it were used: nothing of it can be known when it is dropped.
                black_box(&reservation);
                true
            }
            Err(error) => {
                black_box(&error);
                false
            }
        }
    }
}

/// A stream of `rcmgr-core` that charges in small granules.
#[derive(Debug)]
pub struct InGranules(Engine);

impl Stream for InGranules {
    const NAME: &'static str = "rcmgr, granules of 1 KiB";

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let small = Variant {
            settings: |builder| builder.granule(Granule::new(1 << 10).unwrap_or_default()),
            ..PLAIN
        };
        let streams = small.streams(room, streams, peers, true);
        let streams = streams.map_err(|error| error.to_string())?;
        Ok(streams.into_iter().map(InGranules).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        self.0.reserve_release(bytes)
    }
}
