//! The engine.

use std::hint::black_box;

use rcmgr_core::{
    Direction, Error, Limit, Limits, Priority, Resource, ResourceManager, ScopeLimit, StreamScope,
};

use crate::stream::{AMPLE, Room, Stream, reserving};
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "rcmgr",
    note: "The engine: exact counts, names for peers, protocols and services, priority HIGH.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::RefusedSystem | Scenario::RefusedOwn => {
            reserving::<Engine>(setup)
        }
        _ => Err("not yet".into()),
    }
}

/// A stream of `rcmgr-core`.
#[derive(Debug)]
pub struct Engine {
    stream: StreamScope,
}

impl Engine {
    /// A manager in which every scope has a limit on everything, that of memory as asked for.
    pub fn manager(room: Room) -> ResourceManager {
        ResourceManager::new(Engine::limits(room))
    }

    /// The limits of such a manager.
    pub fn limits(room: Room) -> Limits {
        let [stream, peer, peer_protocol, peer_service, protocol, service, system] = room
            .limits()
            .map(|memory| ScopeLimit::all(ample()).with(Resource::Memory, Limit::new(memory)));
        let every = ScopeLimit::all(ample());
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
        Engine::stream_of(manager, b"peer")
    }

    fn stream_of(manager: &ResourceManager, peer: &[u8]) -> Result<StreamScope, Error> {
        let stream = manager.open_stream(peer, Direction::Inbound)?;
        stream.set_protocol("/protocol/1.0.0")?;
        stream.set_service("service")?;
        Ok(stream)
    }

    /// Reserves memory, and holds it until what is given is dropped.
    ///
    /// # Errors
    /// The refusal of the scope that has no room.
    #[inline]
    pub fn reserve(&self, bytes: u64) -> Result<rcmgr_core::Reservation<'_>, Error> {
        self.stream.reserve_memory(bytes, Priority::HIGH)
    }
}

const fn ample() -> Limit {
    Limit::new(AMPLE)
}

impl Stream for Engine {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let manager = Engine::manager(room);
        let stream = |number: usize| {
            let key = format!("peer {}", if peers == Peers::Shared { 0 } else { number });
            let stream = Engine::stream_of(&manager, key.as_bytes());
            stream.map(|stream| Engine { stream }).map_err(|error| error.to_string().into())
        };
        (0..streams).map(stream).collect()
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
