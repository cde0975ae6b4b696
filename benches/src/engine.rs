//! The engine.

use std::hint::black_box;

use rcmgr_core::{
    Direction, Error, Limit, Limits, Priority, Resource, ResourceManager, ScopeLimit, StreamScope,
};

use crate::{AMPLE, Contender, Room};

/// A stream of `rcmgr-core`.
#[derive(Debug)]
pub struct Engine {
    stream: StreamScope,
}

impl Engine {
    /// A manager in which every scope has a limit on everything, that of memory as asked for.
    pub fn manager(room: Room) -> ResourceManager {
        let [stream, peer, peer_protocol, peer_service, protocol, service, system] = room
            .limits()
            .map(|memory| ScopeLimit::all(ample()).with(Resource::Memory, Limit::new(memory)));
        let every = ScopeLimit::all(ample());
        ResourceManager::new(Limits {
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
        })
    }

    /// A stream with its protocol and its service.
    ///
    /// # Errors
    /// The refusal of some scope.
    pub fn stream(manager: &ResourceManager) -> Result<StreamScope, Error> {
        let stream = manager.open_stream(b"peer", Direction::Inbound)?;
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

impl Contender for Engine {
    const NAME: &'static str = "rcmgr-core";

    fn streams(room: Room) -> Option<[Self; 2]> {
        let manager = Engine::manager(room);
        let stream = || Engine::stream(&manager).ok().map(|stream| Engine { stream });
        Some([stream()?, stream()?])
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
